import type { Severity } from '../checks/rule';
import type { Result, Verdict as Finding } from '../checks/run';
import { CHECK_FAILED } from '../checks/run';
import type { Verdict } from '../exposure/assessment';

/** Everything there is to report. */
export type Report = Result;
export type { Finding };

/** A rule, as far as a reader wants to know. */
export interface RuleDescription {
  readonly id: string;
  readonly severity: Severity;
  readonly info: string;
  readonly explanation: string;
  readonly fix: string;
  readonly link: string;
}

/** Where something is written. */
export interface Place {
  readonly file: string;
  /** counted from 1. */
  readonly line?: number;
}

export type Locate = (template: string, logicalId?: string) => Place | undefined;

/** Worst first. */
export const SEVERITIES: readonly Severity[] = ['fatal', 'error', 'warning'];

/** The verdict on the whole: the worst of the workloads'. Where a check could not do its work, nothing is known to be private or not to be there. */
export function overallVerdict({ assessment, verdicts }: Report): Verdict | 'none' {
  if (assessment.verdict === 'exposed') return 'exposed';
  return verdicts.some((each) => each.ruleId === CHECK_FAILED) ? 'unknown' : assessment.verdict;
}
