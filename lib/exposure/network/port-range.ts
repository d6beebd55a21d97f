import type { Located } from '../templates/model';
import { inside, scalar } from '../templates/values';

/** TCP ports from `first` to `last`. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
  /** any of them will do, as for a program that may listen anywhere; otherwise only one is meant and nobody knows which. */
  readonly any?: true;
}

export const EVERY_PORT: PortRange = { first: 0, last: 65535, any: true };

export function port(number: number): PortRange {
  return { first: number, last: number };
}

export function portWords({ first, last }: PortRange): string {
  return first === last ? `port ${first}` : first <= 1 && last >= 65535 ? 'all ports' : `ports ${first} to ${last}`;
}

/** Whether an entry is about TCP on these ports: false, true, or why nobody can tell. */
export type Match = boolean | string;

/** What an entry says of protocol and ports, read once. A bound that is a text is not known, and says why. */
export interface Ports {
  readonly tcp: Match;
  readonly first: number | string;
  readonly last: number | string;
}

/** Reads the protocol and the two bounds of an entry; a bound that is missing or -1 is no bound. */
export function portsOf(entry: Located, from: readonly string[], to: readonly string[], protocol: string): Ports {
  const { tcp, everything } = isTcp(inside(entry, protocol));
  if (everything) return { tcp, first: 0, last: 65535 };
  return { tcp, first: bound(inside(entry, ...from), 0), last: bound(inside(entry, ...to), 65535) };
}

/** The first ports of what ports hold and of what follows. */
export function bounds({ first, last }: Ports): readonly number[] {
  return [...(typeof first === 'number' ? [first] : []), ...(typeof last === 'number' ? [last + 1] : [])];
}

/** Whether ports hold those that are wanted. */
export function matches({ tcp, first, last }: Ports, wanted: PortRange): Match {
  if (tcp === false) return false;
  // a protocol that is not known may be all of them, for which ports mean nothing.
  if (typeof tcp === 'string') return tcp;
  if ((typeof last === 'number' && last < wanted.first) || (typeof first === 'number' && first > wanted.last)) return false;
  if (typeof first === 'string') return first;
  if (typeof last === 'string') return last;
  if (wanted.any === true || (first <= wanted.first && wanted.last <= last)) return true;
  return `${portWords({ first, last })} may not hold the port that is chosen at run time`;
}

function bound([value, ...others]: readonly Located[], otherwise: number): number | string {
  if (value === undefined) return otherwise;
  const number = scalar(value);
  if (!number.known) return number.reason;
  if (others.length > 0 || value.doubt !== undefined) return value.doubt ?? 'a port may be one of several';
  const found = Number(number.value);
  // EC2 writes -1 for 'any'.
  if (found === -1) return otherwise;
  return Number.isInteger(found) ? found : `${JSON.stringify(number.value)} is not a port`;
}

/** Whether a protocol is TCP, or all of them, by name or number. */
function isTcp([value, ...others]: readonly Located[]): { readonly tcp: Match; readonly everything: boolean } {
  if (value === undefined) return { tcp: true, everything: false };
  if (others.length > 0 || value.doubt !== undefined) return { tcp: value.doubt ?? 'the protocol may be one of several', everything: false };
  const name = scalar(value);
  if (!name.known) return { tcp: name.reason, everything: false };
  const protocol = String(name.value).toLowerCase();
  const everything = protocol === '-1' || protocol === 'all';
  return { tcp: everything || protocol === 'tcp' || protocol === '6', everything };
}
