import { AddressSet } from '../addresses/address-set';
import { INTERNET } from '../addresses/internet';
import type { Level } from '../assessment';
import type { Place, Statement, Way } from './ways';

/** Which routes are looked for. */
export interface Routes {
  /** whether all of it has to be known to be open. */
  readonly sure: boolean;
  readonly level?: Level;
  /** the statements that count; all by default. */
  readonly counts?: (statement: Statement) => boolean;
}

/** The end of a route, followed back from the place that it leads to. */
interface Tail {
  /** where it begins so far; none: at the internet. */
  readonly at?: Place;
  /** who gets from there to the end. */
  readonly clients: AddressSet;
  readonly way?: Way;
  readonly rest?: Tail;
}

/**
 * A shortest route from the internet to a place: one statement of each gate on it, all of which let one and the same client through.
 *
 * It is looked for backwards, in the order of length. Who gets from a place to the end by a short route needs no longer one, so every place
 * is left once for each client at most.
 */
export function routeTo(place: Place, routes: Routes): readonly Statement[] | undefined {
  const byLength: Tail[][] = [[{ at: place, clients: AddressSet.ALL }]];
  const settled = new Map<Place, AddressSet>();
  for (let length = 0; length < byLength.length; length++) {
    // what has no gates makes nothing longer, so the list grows while it is walked.
    for (const tail of byLength[length] ?? []) {
      const { at } = tail;
      if (at === undefined) return statementsOf(tail, routes);
      const before = settled.get(at) ?? AddressSet.NONE;
      const clients = tail.clients.minus(before);
      if (clients.isEmpty) continue;
      settled.set(at, before.union(clients));
      for (const way of at.ways) {
        if (way.level !== undefined && way.level !== routes.level) continue;
        const left = throughGates(way, clients, routes);
        if (left.isEmpty) continue;
        (byLength[length + way.gates.length] ??= []).push({ at: way.from, clients: left, way, rest: tail });
      }
    }
  }
  return undefined;
}

/** Who of some clients starts on a way and gets to its end. */
function throughGates({ from, clients: own, gates }: Way, clients: AddressSet, { sure, level, counts }: Routes): AddressSet {
  const side = sure ? 'must' : 'may';
  let left = clients.intersect(from?.arrival(level)[side] ?? own ?? INTERNET);
  for (const each of gates) {
    if (left.isEmpty) break;
    left = left.intersect(each[side]);
    if (counts !== undefined) left = left.intersect(AddressSet.union(each.statements.filter(counts).map(({ lets }) => lets)));
  }
  return left;
}

/** One statement of each gate, rather one that is sure, so that all of them together let somebody through. */
function statementsOf(tail: Tail, { counts = () => true }: Routes): readonly Statement[] {
  let { clients } = tail;
  const found: Statement[] = [];
  for (let at: Tail | undefined = tail; at !== undefined; at = at.rest) {
    for (const { statements } of at.way?.gates ?? []) {
      const fitting = statements.filter((each) => counts(each) && !each.lets.misses(clients));
      const chosen = fitting.find(({ hop }) => hop.missing === undefined) ?? fitting[0];
      if (chosen === undefined) continue;
      clients = clients.intersect(chosen.lets);
      found.push(chosen);
    }
  }
  return found;
}
