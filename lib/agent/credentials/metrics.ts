import { METRICS } from '../../config/metrics';
import { metricLine } from '../embedded-metric';
import type { RefreshReport } from './refresh';

/**
 * What a pass found out, for CloudWatch.
 *
 * The age of a password that could not be read is not published: missing is what the alarm takes for trouble, an invented number is not.
 */
export function metricLines(report: Pick<RefreshReport, 'ages' | 'leftOut'>, cluster: string, now: number): string[] {
  return [
    metricLine(METRICS.usersLeftOut, 'Count', report.leftOut.length, { Cluster: cluster }, now),
    ...report.ages.map(({ user, seconds }) => metricLine(METRICS.credentialAge, 'Seconds', seconds, { Cluster: cluster, User: user }, now)),
  ];
}
