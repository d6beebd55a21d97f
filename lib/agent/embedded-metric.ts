import { METRICS } from '../config/metrics';

/**
 * A value as a line of CloudWatch's embedded metric format: whoever writes it to the log group has published it.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function metricLine(name: string, unit: 'Count' | 'Seconds' | 'None', value: number, dimensions: Readonly<Record<string, string>>, now: number): string {
  return JSON.stringify({
    _aws: { Timestamp: now, CloudWatchMetrics: [{ Namespace: METRICS.namespace, Dimensions: [Object.keys(dimensions)], Metrics: [{ Name: name, Unit: unit }] }] },
    ...dimensions,
    [name]: value,
  });
}
