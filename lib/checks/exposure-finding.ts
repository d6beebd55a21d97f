import type { AssessedWorkload, Hop } from '../exposure/assessment';
import type { Finding } from './rule';

/** A finding about a workload, with its path and the fewest changes that close it. */
export function exposureFinding({ resource, verdict, reason, path, changes }: AssessedWorkload): Finding {
  const what = `ClickHouse (${resource.logicalId})`;
  const way = path.map(hopWords).join(' -> ');
  return {
    template: resource.template.path,
    logicalId: resource.logicalId,
    message: verdict === 'exposed' ? `the internet reaches ${what}: ${reason}; internet -> ${way}` : `whether the internet reaches ${what} cannot be told at synthesis: ${reason.replace(/^it cannot be told: /, '')}; internet -> ${way}`,
    fix: changes.length === 0 ? undefined : changes.map(({ words }) => words).join('; and '),
    path,
  };
}

/** A hop in words: what it is, where, and what it does. */
export function hopWords({ kind, logicalId, detail, missing }: Hop): string {
  return `${kind} ${logicalId} (${detail}${missing === undefined ? '' : `; not known: ${missing}`})`;
}
