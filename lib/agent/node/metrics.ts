import { METRICS } from '../../config/metrics';
import { metricLine } from '../embedded-metric';

/** Whether a node serves, for CloudWatch: of the node, to find it; and of the whole cluster, which an alarm can watch by its minimum. */
export function readyLine(ready: boolean, cluster: string, node: string, now: number): string {
  return metricLine(METRICS.nodeReady, 'Count', ready ? 1 : 0, { Cluster: cluster, Node: node }, now, [['Cluster', 'Node'], ['Cluster']]);
}
