import { METRICS } from '../../config/metrics';
import { metricLine } from '../embedded-metric';
import type { CertificateStatus } from './status';

/**
 * What a pass found out, for CloudWatch. What is not known is not published: missing is what the alarm takes for trouble, an invented number is not.
 */
export function metricLines({ daysToExpiry, behind }: CertificateStatus, cluster: string, node: string, now: number): string[] {
  const dimensions = { Cluster: cluster, Node: node };
  // of the node, to find it; and of the whole cluster, which alarms watch: one for each node would be many.
  const sets = [['Cluster', 'Node'], ['Cluster']];
  return [
    // CloudWatch has no unit for days.
    ...(daysToExpiry === undefined ? [] : [metricLine(METRICS.certificateDaysToExpiry, 'None', daysToExpiry, dimensions, now, sets)]),
    ...(behind === undefined ? [] : [metricLine(METRICS.servedSerialBehind, 'Count', behind ? 1 : 0, dimensions, now, sets)]),
  ];
}
