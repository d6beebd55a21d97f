import { METRICS } from '../../config/metrics';
import type { RefreshReport } from './refresh';

/**
 * What a pass found out, as lines of CloudWatch's embedded metric format: whoever writes them to the log group has published them.
 *
 * The age of a password that could not be read is not published: missing is what the alarm takes for trouble, an invented number is not.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function metricLines(report: Pick<RefreshReport, 'ages' | 'leftOut'>, cluster: string, now: number): string[] {
  return [
    line(METRICS.usersLeftOut, 'Count', report.leftOut.length, { Cluster: cluster }, now),
    ...report.ages.map(({ user, seconds }) => line(METRICS.credentialAge, 'Seconds', seconds, { Cluster: cluster, User: user }, now)),
  ];
}

function line(name: string, unit: 'Count' | 'Seconds', value: number, dimensions: Readonly<Record<string, string>>, now: number): string {
  return JSON.stringify({
    _aws: { Timestamp: now, CloudWatchMetrics: [{ Namespace: METRICS.namespace, Dimensions: [Object.keys(dimensions)], Metrics: [{ Name: name, Unit: unit }] }] },
    ...dimensions,
    [name]: value,
  });
}
