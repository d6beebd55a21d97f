import type { AssessedWorkload, Hop } from '../exposure/assessment';
import type { Finding } from './rule';

/** A finding about a workload, with its path and the fewest changes that close it. */
export function exposureFinding({ resource, verdict, reason, path, changes }: AssessedWorkload): Finding {
  const what = `the internet reaches ClickHouse (${resource.logicalId})`;
  return {
    template: resource.template.path,
    logicalId: resource.logicalId,
    message: verdict === 'exposed' ? `${what}: ${reason}` : `whether ${what} cannot be told at synthesis: ${reason.replace(/^it cannot be told: /, '')}`,
    fix: changes.length === 0 ? undefined : changes.map(({ words }) => words).join('; and '),
    path,
  };
}

/** A path in one line, for where there is no place for more. */
export function pathWords(path: readonly Hop[]): string {
  return ['internet', ...path.map(hopWords)].join(' -> ');
}

/** A hop in words: what it is, where, and what it does. */
function hopWords({ kind, logicalId, detail, missing }: Hop): string {
  return `${kind} ${logicalId} (${detail}${missing === undefined ? '' : `; not known: ${missing}`})`;
}
