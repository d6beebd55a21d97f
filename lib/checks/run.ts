import type { Deployment, Finding, Rule, Severity } from './rule';
import { assess } from '../exposure/assess';
import type { Assessment, Hop } from '../exposure/assessment';
import type { TemplateSetOptions, TemplateSource } from '../exposure/templates/templates';
import { TemplateSet } from '../exposure/templates/templates';
import { findWorkloads } from '../exposure/workloads/workloads';

/** A finding with the rule it is of. */
export interface Verdict {
  readonly ruleId: string;
  readonly severity: Severity;
  readonly message: string;
  readonly fix: string;
  readonly explanation?: string;
  readonly link?: string;
  /** none when it is about the whole deployment. */
  readonly template?: string;
  readonly logicalId?: string;
  readonly location?: string;
  /** from the internet to the resource, where it is about a path. */
  readonly path?: readonly Hop[];
}

/** The id under which a check that could not do its work is reported. */
export const CHECK_FAILED = 'ClickHouse-CheckFailed';

/** The id under which a part of a deployment that nobody could look into is reported. */
export const NOT_READ = 'ClickHouse-NotRead';

/** What the checks say of a deployment. */
export interface Result {
  readonly assessment: Assessment;
  readonly verdicts: readonly Verdict[];
}

/**
 * Runs rules over templates.
 *
 * Fails closed: a rule that throws, or templates that cannot be understood, are fatal verdicts. What one rule does never keeps another from running.
 */
export function check(rules: readonly Rule[], sources: readonly TemplateSource[], options: TemplateSetOptions = {}): Result {
  let deployment: Deployment;
  const verdicts: Verdict[] = [];
  try {
    const templates = new TemplateSet(sources, options);
    for (const { path, logicalId, message, broken } of templates.blind) {
      verdicts.push(
        broken
          ? { ruleId: CHECK_FAILED, severity: 'fatal', message, fix: 'correct the template', template: path, logicalId }
          : { ruleId: NOT_READ, severity: 'warning', message, fix: 'check what it deploys as well, then acknowledge this', template: path, logicalId },
      );
    }
    const workloads = findWorkloads(templates);
    deployment = { templates, workloads, assessment: assess(templates, { workloads }) };
  } catch (error) {
    return { assessment: { verdict: 'unknown', workloads: [] }, verdicts: [...verdicts, failure('the templates could not be understood', error)] };
  }
  for (const rule of rules) {
    try {
      // a rule may be lazy; what it found before it fails still counts.
      for (const each of rule.check(deployment)) verdicts.push(verdict(rule, each));
    } catch (error) {
      verdicts.push(failure(`rule ${rule.id} failed`, error));
    }
  }
  return { assessment: deployment.assessment, verdicts };
}

/** What the checks find. */
export function run(rules: readonly Rule[], sources: readonly TemplateSource[], options?: TemplateSetOptions): readonly Verdict[] {
  return check(rules, sources, options).verdicts;
}

/** A check that could not do its work, as a verdict that nobody can acknowledge. */
export function failure(what: string, error: unknown): Verdict {
  const reason = error instanceof Error ? error.message : String(error);
  return { ruleId: CHECK_FAILED, severity: 'fatal', message: `${what}, so nothing is known to be safe: ${reason}`, fix: 'report this as a bug of cdk-secure-clickhouse, with the template' };
}

function verdict(rule: Rule, { fix, ...found }: Finding): Verdict {
  return { ...found, ruleId: rule.id, severity: rule.severity, fix: fix ?? rule.fix, explanation: rule.explanation, link: rule.link };
}
