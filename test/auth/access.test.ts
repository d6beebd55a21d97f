import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import { Template } from 'aws-cdk-lib/assertions';
import { ClickHouseCluster, ClickHouseDatabase, ClickHouseUser } from '../../lib';
import { privateStack, resources, singleNode } from '../cluster/stacks';

const notify: cloudwatch.IAlarmAction = { bind: () => ({ alarmActionArn: 'arn:aws:sns:eu-west-1:111111111111:operators' }) };

test('what alarms do holds for those that were there and those that come', () => {
  const { cluster, template } = singleNode();
  cluster.addUser('before');
  cluster.addAlarmAction(notify);
  cluster.addUser('after');
  const alarms = Object.values(resources(template(), 'AWS::CloudWatch::Alarm'));
  // two of users, one of rotation, three of certificates, one of nodes.
  expect(alarms).toHaveLength(7);
  for (const { Properties } of alarms) expect(Properties.AlarmActions).toEqual(['arn:aws:sns:eu-west-1:111111111111:operators']);
});

test('failed rotations fire at the first error', () => {
  const { cluster, template } = singleNode();
  cluster.addUser('ingest');
  const failed = Object.values(resources(template(), 'AWS::CloudWatch::Alarm')).find(({ Properties }) => Properties.Namespace === 'AWS/Lambda');
  expect(failed?.Properties).toMatchObject({ MetricName: 'Errors', Statistic: 'Sum', Threshold: 1, ComparisonOperator: 'GreaterThanOrEqualToThreshold', TreatMissingData: 'notBreaching' });
});

test('the command for the day a password leaks goes to nodes of this cluster only, one at a time', () => {
  const { cluster, stack, template } = singleNode();
  expect(cluster.revocationCommand).toBeUndefined();
  cluster.addUser('ingest');
  const command = JSON.stringify(stack.resolve(cluster.revocationCommand));
  expect(command).toMatch(/aws ssm send-command --region /);
  expect(command).toContain('--max-concurrency 1 --max-errors 0');
  const [, key, value] = /--targets Key=tag:([^,]+),Values=([^ "]+)/.exec(command) ?? [];
  const tags = Object.values(resources(template(), 'AWS::AutoScaling::AutoScalingGroup')).map(({ Properties }) => Properties.Tags);
  expect(tags.length).toBeGreaterThan(0);
  for (const each of tags) expect(each).toContainEqual({ Key: key, Value: value, PropagateAtLaunch: true });
});

test('two clusters do not answer to each other\'s tag', () => {
  const { stack, vpc } = privateStack();
  const [one, two] = ['One', 'Two'].map((id) => new ClickHouseCluster(stack, id, { vpc, replicas: 1 }));
  one?.addUser('ingest');
  two?.addUser('ingest');
  const tags = Object.values(resources(Template.fromStack(stack), 'AWS::AutoScaling::AutoScalingGroup')).map(({ Properties }) => JSON.stringify(Properties.Tags));
  expect(new Set(tags.map((each) => /clickhouse:cluster","PropagateAtLaunch":true,"Value":"([^"]+)"|"Value":"([^"]+)"\}\]$/.exec(each)?.[0])).size).toBe(2);
});

test('fails for a cluster that is defined elsewhere', () => {
  const { stack } = privateStack();
  const cluster = ClickHouseCluster.fromClusterAttributes(stack, 'Imported', { clusterName: 'events' });
  expect(() => new ClickHouseUser(stack, 'ingest', { cluster })).toThrow(/declared where their cluster is defined, got the imported cluster 'events'.*\[Test\/ingest\]/);
  expect(() => new ClickHouseDatabase(stack, 'facts', { cluster })).toThrow(/imported cluster/);
});
