import { metricLines } from '../../../lib/agent/credentials/metrics';
import { METRICS } from '../../../lib/config/metrics';

interface Line {
  readonly _aws: { readonly Timestamp: number; readonly CloudWatchMetrics: readonly { readonly Namespace: string; readonly Dimensions: readonly (readonly string[])[]; readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[] }[] };
  readonly [member: string]: unknown;
}

test('each line is what the embedded metric format asks for', () => {
  const now = 1_700_000_000_000;
  const lines = metricLines({ ages: [{ user: 'ingest', seconds: 90 }, { user: 'reader', seconds: 0 }], leftOut: [{ user: 'loader', reason: 'gone' }] }, 'analytics', now).map((each) => JSON.parse(each) as Line);
  const published = lines.flatMap((line) => {
    expect(line._aws.Timestamp).toBe(now);
    return line._aws.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) => {
      expect(Namespace).toBe('SecureClickHouse');
      // every dimension is a text and every metric a number beside `_aws`.
      return Metrics.map(({ Name, Unit }) => [Name, Unit, line[Name], ...Dimensions.map((set) => set.map((each) => `${each}=${String(line[each])}`).join())]);
    });
  });
  expect(published).toEqual([
    [METRICS.usersLeftOut, 'Count', 1, 'Cluster=analytics'],
    [METRICS.credentialAge, 'Seconds', 90, 'Cluster=analytics,User=ingest'],
    [METRICS.credentialAge, 'Seconds', 0, 'Cluster=analytics,User=reader'],
  ]);
});

test('that nobody is left out is said as well', () => {
  expect(metricLines({ ages: [], leftOut: [] }, 'analytics', 0).map((each) => JSON.parse(each) as Line)).toMatchObject([{ UsersLeftOut: 0 }]);
});
