import { metricLines } from '../../../lib/agent/certificates/metrics';
import { METRICS } from '../../../lib/config/metrics';

interface Line {
  readonly _aws: { readonly Timestamp: number; readonly CloudWatchMetrics: readonly { readonly Namespace: string; readonly Dimensions: readonly (readonly string[])[]; readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[] }[] };
  readonly [member: string]: unknown;
}

function published(...args: Parameters<typeof metricLines>): unknown[] {
  return metricLines(...args).map((each) => JSON.parse(each) as Line).flatMap((line) =>
    line._aws.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) =>
      // every dimension is a text and every metric a number beside `_aws`.
      Metrics.map(({ Name, Unit }) => [line._aws.Timestamp, Namespace, Name, Unit, line[Name], ...Dimensions.map((set) => set.map((each) => `${each}=${String(line[each])}`).join())]),
    ),
  );
}

test('each line is what the embedded metric format asks for', () => {
  expect(published({ daysToExpiry: -2, behind: true }, 'analytics', 'server-1-1', 7)).toEqual([
    [7, 'SecureClickHouse', METRICS.certificateDaysToExpiry, 'None', -2, 'Cluster=analytics,Node=server-1-1', 'Cluster=analytics'],
    [7, 'SecureClickHouse', METRICS.servedSerialBehind, 'Count', 1, 'Cluster=analytics,Node=server-1-1', 'Cluster=analytics'],
  ]);
});

test('that all is well is published as well, what is not known is not', () => {
  expect(published({ daysToExpiry: 89, behind: false }, 'analytics', 'keeper-1', 0).map((each) => (each as unknown[])[4])).toEqual([89, 0]);
  expect(published({ daysToExpiry: 89 }, 'analytics', 'keeper-1', 0)).toHaveLength(1);
  expect(published({}, 'analytics', 'keeper-1', 0)).toEqual([]);
});
