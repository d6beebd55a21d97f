import { RULES } from '../checks/rules';
import { CHECK_FAILED, NOT_READ } from '../checks/run';
import type { RuleDescription } from '../report/report';

export const HOMEPAGE = 'https://github.com/cdk-secure-clickhouse/cdk-secure-clickhouse';

/** Everything that may be found: by the rules, and by what runs them. */
export const DESCRIBED: readonly RuleDescription[] = [
  ...RULES,
  {
    id: CHECK_FAILED,
    severity: 'fatal',
    info: 'a check could not do its work, or CloudFormation would not take a template',
    explanation: 'Nothing is known of what could not be checked, so it does not count as safe.',
    fix: 'correct the template, or report the check with the template',
    link: `${HOMEPAGE}/blob/main/docs/rules.md`,
  },
  {
    id: NOT_READ,
    severity: 'warning',
    info: 'a part of the deployment is not in the templates',
    explanation: 'Macros, and nested stacks whose templates are somewhere else, deploy what nobody can look into from here.',
    fix: 'check what it deploys as well',
    link: `${HOMEPAGE}/blob/main/docs/rules.md`,
  },
];
