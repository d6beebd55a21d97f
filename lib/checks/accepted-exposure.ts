import { ConfigurationError } from '../config/error';
import { publicExposure } from './rules/public-exposure';
import type { Verdict } from './run';

/**
 * A ClickHouse of somebody else's that must be public, reviewed and accepted for a time.
 *
 * It is for what this library does not define: a `ClickHouseCluster` that is exposed fails the synthesis whatever is accepted.
 */
export interface AcceptedExposure {
  /** The construct path of the workload, or of a construct that it is part of, such as `Legacy/Server`. */
  readonly workload: string;

  /** Why it has to be public, for the reader of the report. */
  readonly reason: string;

  /** Who answers for it. */
  readonly owner: string;

  /** The last day on which it is accepted, as `YYYY-MM-DD` in UTC. After that day it is an error again, which can be acknowledged like any other. */
  readonly until: string;
}

/** Refuses an acceptance that says too little. */
export function checkAcceptance({ workload, reason, owner, until }: AcceptedExposure): void {
  const refuse = (message: string): never => {
    throw new ConfigurationError('AcceptedExposure', `acceptedExposures: ${message}`);
  };
  for (const [name, value] of Object.entries({ workload, reason, owner })) if (typeof value !== 'string' || value.trim() === '') refuse(`'${name}' must say something, got ${JSON.stringify(value)}`);
  if (!/^\d{4}-\d{2}-\d{2}$/.test(until) || !isDay(until)) refuse(`'until' must be a day such as 2027-03-31, got ${JSON.stringify(until)} for ${workload}`);
}

function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}

/**
 * What acceptances make of verdicts: a warning until the day has passed, and then an error that can be acknowledged.
 *
 * @param isOurs whether a verdict is on a `ClickHouseCluster`
 * @param pathOf the construct path of what it is on
 */
export function accept(verdicts: readonly Verdict[], acceptances: readonly AcceptedExposure[], now: Date, isOurs: (verdict: Verdict) => boolean, pathOf: (verdict: Verdict) => string | undefined): readonly Verdict[] {
  if (acceptances.length === 0) return verdicts;
  return verdicts.map((verdict) => {
    if (verdict.ruleId !== publicExposure.id || isOurs(verdict)) return verdict;
    const path = pathOf(verdict);
    const found = acceptances.find(({ workload }) => path !== undefined && (path === workload || path.startsWith(`${workload}/`)));
    if (found === undefined) return verdict;
    const { until, owner, reason } = found;
    const today = now.toISOString().slice(0, 10);
    return today <= until
      ? { ...verdict, severity: 'warning', message: `accepted until ${until} by ${owner} (${reason}): ${verdict.message}` }
      : { ...verdict, severity: 'error', message: `accepted only until ${until} by ${owner} (${reason}), which has passed: ${verdict.message}` };
  });
}
