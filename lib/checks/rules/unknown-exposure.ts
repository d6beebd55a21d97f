import type { Deployment, Finding, Rule } from '../rule';
import { exposureFinding } from '../exposure-finding';

/** What nobody can tell from the templates. It is never taken for safe. */
export const unknownExposure: Rule = {
  id: 'ClickHouse-UnknownExposure',
  severity: 'error',
  info: 'whether the internet reaches ClickHouse cannot be told at synthesis',
  explanation: 'No condition on some path from the internet is known to be closed: something that decides it is imported, a parameter without default, or only known at deployment.',
  fix: 'write the value that is not known, close the path at a place that is, or acknowledge this with the reason why it is closed',
  link: 'https://docs.aws.amazon.com/vpc/latest/network-access-analyzer/what-is-network-access-analyzer.html',
  *check({ assessment }: Deployment): Iterable<Finding> {
    for (const each of assessment.workloads) if (each.verdict === 'unknown') yield exposureFinding(each);
  },
};
