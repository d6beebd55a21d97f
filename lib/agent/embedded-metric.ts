import { METRICS } from '../config/metrics';

/**
 * A value as a line of CloudWatch's embedded metric format: whoever writes it to the log group has published it, once for each set of dimensions.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function metricLine(name: string, unit: 'Count' | 'Seconds' | 'None', value: number, dimensions: Readonly<Record<string, string>>, now: number, sets: readonly (readonly string[])[] = [Object.keys(dimensions)]): string {
  return JSON.stringify({
    _aws: { Timestamp: now, CloudWatchMetrics: [{ Namespace: METRICS.namespace, Dimensions: sets, Metrics: [{ Name: name, Unit: unit }] }] },
    ...dimensions,
    [name]: value,
  });
}
