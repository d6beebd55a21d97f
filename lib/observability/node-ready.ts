import { Duration } from 'aws-cdk-lib';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { METRICS } from '../config/metrics';

const PERIOD = Duration.minutes(5);
// one that is replaced drains for ten minutes unless told otherwise, and the next machine starts and catches up; CloudFormation gives it an hour.
const LONGEST_AWAY = Duration.minutes(30);

/** Whether nodes serve: 1, and 0 as soon as one of those that say anything does not. */
export function nodeReady(clusterName: string, options?: cloudwatch.MetricOptions): cloudwatch.Metric {
  return new cloudwatch.Metric({
    namespace: METRICS.namespace,
    metricName: METRICS.nodeReady,
    dimensionsMap: { Cluster: clusterName },
    statistic: cloudwatch.Stats.MINIMUM,
    period: PERIOD,
    ...options,
  });
}

/**
 * Fires when there was a node that does not serve for longer than it takes to replace one, or when no node says anything.
 *
 * It is one alarm for all, so a node that falls silent among others is not seen by it: what the others say is the minimum then.
 */
export function notReadyAlarm(cluster: Construct, clusterName: string, logGroup: ILogGroup): cloudwatch.Alarm {
  return new cloudwatch.Alarm(cluster, 'NotReady', {
    alarmDescription: `A node of the ClickHouse cluster ${clusterName} does not serve for ${LONGEST_AWAY.toHumanString()}, or no node says whether it does. Why: journalctl -u clickhouse-agent there, or the log group ${logGroup.logGroupName}, stream: the node's name`,
    metric: nodeReady(clusterName),
    threshold: 1,
    evaluationPeriods: LONGEST_AWAY.toMinutes() / PERIOD.toMinutes(),
    comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
    treatMissingData: cloudwatch.TreatMissingData.BREACHING,
  });
}
