import type { PolicyViolatingResource, PolicyViolation } from 'aws-cdk-lib';
import { pathWords } from './exposure-finding';
import type { Verdict } from './run';

/** How a pack says things. */
export interface Saying {
  /** whether to add why it matters. */
  readonly explains?: boolean;
  /** where a resource is in the construct tree; left to core where nothing is said. */
  readonly constructPath?: (verdict: Verdict) => string | undefined;
}

/** One violation for each thing that is wrong, with all resources it is true of. */
export function violationsOf(verdicts: readonly Verdict[], { explains = false, constructPath = () => undefined }: Saying = {}): PolicyViolation[] {
  const found = new Map<string, PolicyViolation>();
  for (const verdict of verdicts) {
    const { ruleId, severity, fix, explanation, link, path } = verdict;
    const message = path === undefined || path.length === 0 ? verdict.message : `${verdict.message}; ${pathWords(path)}`;
    const identity = JSON.stringify([ruleId, severity, message, fix]);
    const violation = found.get(identity) ?? {
      ruleName: ruleId,
      severity,
      description: explains && explanation !== undefined ? `${message}. ${explanation}` : message,
      fix,
      ruleMetadata: explanation === undefined || link === undefined ? undefined : { explanation, link },
      violatingResources: [],
    };
    violation.violatingResources.push(violatingResource(verdict, constructPath(verdict)));
    found.set(identity, violation);
  }
  return [...found.values()];
}

function violatingResource({ template, logicalId, location }: Verdict, constructPath: string | undefined): PolicyViolatingResource {
  // without a path core would show the violation on nothing at all; the empty path is the app.
  const path = template === undefined || logicalId === undefined ? '' : constructPath;
  return { resourceLogicalId: logicalId, templatePath: template, constructPath: path, locations: location === undefined ? [] : [location] };
}
