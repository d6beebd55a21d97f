import type { Deployment, Finding, Rule, Severity } from './rule';
import type { TemplateSource } from '../exposure/templates/templates';
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
}

/** The id under which a check that could not do its work is reported. */
export const CHECK_FAILED = 'ClickHouse-CheckFailed';

/** The id under which a part of a deployment that nobody could look into is reported. */
export const NOT_READ = 'ClickHouse-NotRead';

/**
 * Runs rules over templates.
 *
 * Fails closed: a rule that throws, or templates that cannot be understood, are fatal verdicts. What one rule does never keeps another from running.
 */
export function run(rules: readonly Rule[], sources: readonly TemplateSource[]): Verdict[] {
  let deployment: Deployment;
  const verdicts: Verdict[] = [];
  try {
    const templates = new TemplateSet(sources);
    for (const { path, logicalId, message, broken } of templates.blind) {
      verdicts.push(
        broken
          ? { ruleId: CHECK_FAILED, severity: 'fatal', message, fix: 'correct the template', template: path, logicalId }
          : { ruleId: NOT_READ, severity: 'warning', message, fix: 'check what it deploys as well, then acknowledge this', template: path, logicalId },
      );
    }
    deployment = { templates, workloads: findWorkloads(templates) };
  } catch (error) {
    return [...verdicts, failure('the templates could not be understood', error)];
  }
  for (const rule of rules) {
    try {
      // a rule may be lazy; what it found before it fails still counts.
      for (const each of rule.check(deployment)) verdicts.push(verdict(rule, each));
    } catch (error) {
      verdicts.push(failure(`rule ${rule.id} failed`, error));
    }
  }
  return verdicts;
}

/** A check that could not do its work, as a verdict that nobody can acknowledge. */
export function failure(what: string, error: unknown): Verdict {
  const reason = error instanceof Error ? error.message : String(error);
  return { ruleId: CHECK_FAILED, severity: 'fatal', message: `${what}, so nothing is known to be safe: ${reason}`, fix: 'report this as a bug of cdk-secure-clickhouse, with the template' };
}

function verdict(rule: Rule, { template, logicalId, location, message, fix }: Finding): Verdict {
  return { ruleId: rule.id, severity: rule.severity, message, fix: fix ?? rule.fix, explanation: rule.explanation, link: rule.link, template, logicalId, location };
}
