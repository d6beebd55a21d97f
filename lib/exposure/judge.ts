import type { AssessedWorkload, Detour, Level, Verdict } from './assessment';
import type { PortRange } from './network/port-range';
import { portWords } from './network/port-range';
import { smallestCut } from './paths/cut';
import { closures, pathTo, unknowns } from './paths/explain';
import type { Place } from './paths/ways';
import type { Resource } from './templates/model';

/** Better first. */
export const ORDER: readonly Verdict[] = ['private', 'unknown', 'exposed'];
const LEVELS: readonly Level[] = ['login', 'program', 'account'];

/** What is to be judged: a workload, and where traffic to it arrives. */
export interface Judged {
  readonly resource: Resource;
  readonly evidence: string;
  readonly ports: readonly PortRange[];
  readonly place: Place;
  /** its ports in classes that are reached alike, where there are several. */
  readonly classes?: ReadonlyArray<{ readonly place: Place; readonly ports: readonly PortRange[] }>;
}

/** What the internet can do with a workload, and why. */
export function judge({ resource, evidence, ports, place, classes = [{ place, ports }] }: Judged): AssessedWorkload {
  const verdict = verdictAt(place);
  const base = { resource, evidence, verdict, ports: ports.filter(({ first, last }) => first === last).map(({ first }) => first), detours: detours(place, verdict) };
  if (verdict === 'private') return { ...base, path: [], missing: [], changes: [], reason: closures(place).slice(0, 3).join('; ') || 'nothing leads to it' };
  const missing = verdict === 'unknown' ? unknowns(place) : [];
  const open = classes.filter((each) => verdictAt(each.place) === verdict).flatMap((each) => each.ports);
  const clients = place.arrival()[verdict === 'exposed' ? 'must' : 'may'];
  const reason = verdict === 'exposed' ? `anybody ${clients.size === 1n ? 'at one address ' : ''}on the internet reaches ${open.length === 0 ? 'it' : open.map(portWords).slice(0, 4).join(', ')}` : `it cannot be told: ${missing.slice(0, 3).join('; ')}`;
  return { ...base, reason, missing, path: pathTo(place), changes: smallestCut(place) };
}

function verdictAt(place: Place, level?: Level): Verdict {
  const { must, may } = place.arrival(level);
  return !must.isEmpty ? 'exposed' : may.isEmpty ? 'private' : 'unknown';
}

/** The secondary levels that lead further than the internet's own ways. */
function detours(place: Place, verdict: Verdict): readonly Detour[] {
  return LEVELS.flatMap((level): readonly Detour[] => {
    const reached = verdictAt(place, level);
    if (ORDER.indexOf(reached) <= ORDER.indexOf(verdict)) return [];
    return [{ level, certain: reached === 'exposed', path: pathTo(place, level) }];
  });
}
