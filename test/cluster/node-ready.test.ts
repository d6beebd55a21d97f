import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Template } from 'aws-cdk-lib/assertions';
import { ClickHouseCluster } from '../../lib';
import { readyLine } from '../../lib/agent/node/metrics';
import type { Resource } from './stacks';
import { clusterStack, inWords, madeBefore, privateStack, resources, singleNode } from './stacks';

interface Dimension {
  readonly Name: string;
  readonly Value: unknown;
}

interface Watched {
  readonly Namespace: string;
  readonly MetricName: string;
  readonly Dimensions: readonly Dimension[];
}

/** A value that a node has published under one set of dimensions. */
interface Published extends Watched {
  readonly value: unknown;
  readonly at: number;
}

const pager: cloudwatch.IAlarmAction = { bind: () => ({ alarmActionArn: 'arn:aws:sns:eu-central-1:111122223333:pager' }) };
const NODES = ['server-1-1', 'server-1-2', 'keeper-1'];
const MINUTE = 60_000;

const alarmsOf = (template: Template): [string, Resource][] => Object.entries(resources(template, 'AWS::CloudWatch::Alarm')).filter(([id]) => id.includes('NotReady'));

/** The one there is. */
function theAlarm(template: Template): [string, Resource] {
  const [alarm, ...others] = alarmsOf(template);
  if (alarm === undefined || others.length > 0) throw new Error(`wanted one alarm, got ${others.length + (alarm ? 1 : 0)}`);
  return alarm;
}

/** What CloudWatch reads in a line that a node has written. */
function read(line: string): Published[] {
  type Directive = { readonly Namespace: string; readonly Dimensions: readonly (readonly string[])[]; readonly Metrics: readonly { readonly Name: string }[] };
  const { _aws, ...values } = JSON.parse(line) as { readonly _aws: { readonly Timestamp: number; readonly CloudWatchMetrics: readonly Directive[] }; readonly [member: string]: unknown };
  return _aws.CloudWatchMetrics.flatMap(({ Namespace, Dimensions, Metrics }) =>
    Metrics.flatMap(({ Name }) =>
      Dimensions.map((set) => ({ Namespace, MetricName: Name, Dimensions: set.map((each) => ({ Name: each, Value: values[each] })), value: values[Name], at: _aws.Timestamp })),
    ),
  );
}

describe('the alarm', () => {
  const { cluster, template } = clusterStack({ replicas: 2, keepers: 1 });
  cluster.addAlarmAction(pager);
  const synthesised = template();
  const [id, { Properties }] = theAlarm(synthesised);
  const watched = Properties as unknown as Watched;

  test('is one, and says when', () => {
    expect(Properties).toMatchObject({ Statistic: 'Minimum', ComparisonOperator: 'LessThanThreshold', Threshold: 1, Period: 300, EvaluationPeriods: 6, TreatMissingData: 'breaching' });
    // so all of them.
    expect(Properties.DatapointsToAlarm).toBeUndefined();
  });

  test('watches what every node publishes, and not what is published of one alone', () => {
    const { Namespace, MetricName, Dimensions } = watched;
    for (const node of NODES) {
      const published = read(readyLine(false, cluster.clusterName, node, 0));
      expect(published).toContainEqual({ Namespace, MetricName, Dimensions, value: 0, at: 0 });
      expect(published.filter((each) => each.Dimensions.some(({ Value }) => Value === node))).toHaveLength(1);
    }
    expect(Dimensions).toEqual([{ Name: 'Cluster', Value: cluster.clusterName }]);
  });

  test('says what to do, in the length that there is', () => {
    const said = inWords(Properties.AlarmDescription);
    expect(said).toContain('journalctl -u clickhouse-agent');
    const [logGroup] = Object.keys(resources(synthesised, 'AWS::Logs::LogGroup')).filter((each) => each.startsWith('AnalyticsLogs'));
    expect(JSON.stringify(Properties.AlarmDescription)).toContain(JSON.stringify({ Ref: logGroup }));
    // 1024: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html; the name of a log group has up to 512.
    expect(said.length).toBeLessThan(1024 - 512);
  });

  test('does what alarms of the cluster do', () => {
    expect(Properties.AlarmActions).toEqual(['arn:aws:sns:eu-central-1:111122223333:pager']);
  });

  test('is there when every server runs its live manifest and no sooner, and nothing waits for it', () => {
    const before = [...madeBefore(synthesised, [id])].map((each) => resources(synthesised)[each]?.Type);
    expect(before).toContain('Custom::ClickHouseLiveRollout');
    expect(before.filter((type) => type === 'AWS::AutoScaling::AutoScalingGroup')).toHaveLength(NODES.length);
    const rest = Object.keys(resources(synthesised)).filter((each) => each !== id);
    expect(madeBefore(synthesised, rest).has(id)).toBe(false);
  });

  // one line of each node every half a minute, in the periods that the alarm looks at; nothing where a node says nothing.
  const minutes = Number(Properties.Period) * Number(Properties.EvaluationPeriods) / 60;
  type Says = (node: string, minute: number) => boolean | undefined;
  const lines = (says: Says): string[] =>
    NODES.flatMap((node) =>
      Array.from({ length: minutes * 2 }, (_, half) => half / 2).flatMap((minute) => {
        const ready = says(node, minute);
        return ready === undefined ? [] : [readyLine(ready, cluster.clusterName, node, minute * MINUTE)];
      }),
    );

  // as https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html has it for as many data points as periods.
  const fires = (all: readonly string[]): boolean => {
    const key = ({ Namespace, MetricName, Dimensions }: Watched): string => JSON.stringify([Namespace, MetricName, Dimensions]);
    const values = all.flatMap(read).filter((each) => key(each) === key(watched));
    return Array.from({ length: Number(Properties.EvaluationPeriods) }, (_, period) => {
      const inPeriod = values.filter(({ at }) => Math.floor(at / 1000 / Number(Properties.Period)) === period).map(({ value }) => Number(value));
      return inPeriod.length === 0 ? Properties.TreatMissingData === 'breaching' : Math.min(...inPeriod) < Number(Properties.Threshold);
    }).every((breaching) => breaching);
  };

  test.each<[string, boolean, Says]>([
    ['all serve', false, () => true],
    ['one of them never serves', true, (node) => node !== 'keeper-1'],
    ['one serves but for one look in each period', true, (node, minute) => node !== 'server-1-2' || minute % 5 !== 2],
    ['nobody serves', true, () => false],
    ['nobody says anything', true, () => undefined],
    ['the last one stops saying that it serves not', true, (node, minute) => (node === 'server-1-1' && minute < 10 ? false : undefined)],
    ['one is replaced: it drains, is away and starts', false, (node, minute) => (node !== 'server-1-1' || minute >= 20 ? true : minute < 1 || minute >= 12 ? false : undefined)],
    ['all are away for 25 minutes', false, (_, minute) => (minute < 25 ? undefined : true)],
    // what docs/operations.md admits.
    ['one of them falls silent', false, (node) => (node === 'server-1-2' ? undefined : true)],
  ])('when %s: fires %s', (_, expected, says) => {
    expect(fires(lines(says))).toBe(expected);
  });
});

test('each of two clusters is watched by its own', () => {
  const { stack, vpc } = privateStack();
  const clusters = ['One', 'Two'].map((id) => new ClickHouseCluster(stack, id, { vpc, replicas: 1 }));
  const names = alarmsOf(Template.fromStack(stack)).map(([, { Properties }]) => (Properties.Dimensions as Dimension[]).map(({ Value }) => Value));
  expect(names).toEqual(clusters.map(({ clusterName }) => [clusterName]));
});

test('with nodes in nested stacks it is beside the cluster, once', () => {
  const { template } = clusterStack({ replicas: 2, nestedStacks: true });
  expect(theAlarm(template())[1].Properties.MetricName).toBe('NodeReady');
});

test('the metric of the cluster is the one that is watched, and can be looked at in another way', () => {
  const { cluster, template } = singleNode();
  const [, { Properties }] = theAlarm(template());
  const { namespace, metricName, dimensions, statistic, period } = cluster.metricNodeReady();
  expect({ Namespace: namespace, MetricName: metricName, Dimensions: Object.entries(dimensions ?? {}).map(([Name, Value]) => ({ Name, Value: Value as unknown })), Statistic: statistic, Period: period.toSeconds() }).toEqual({
    Namespace: Properties.Namespace,
    MetricName: Properties.MetricName,
    Dimensions: Properties.Dimensions,
    Statistic: Properties.Statistic,
    Period: Properties.Period,
  });
  expect(cluster.metricNodeReady({ statistic: 'Average' }).statistic).toBe('Average');
});
