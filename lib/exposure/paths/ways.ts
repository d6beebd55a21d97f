import { AddressSet } from '../addresses/address-set';
import { INTERNET } from '../addresses/internet';
import type { Change, Hop, Level } from '../assessment';
import type { Sender } from '../network/sender';

/** Something written in a template, or left out of it, that lets traffic through. */
export interface Statement {
  readonly hop: Hop;
  /** the addresses of the client that it lets through. */
  readonly lets: AddressSet;
  /** what would end that; none where it is not for this deployment to change, or for others too, such as a route of a public subnet. */
  readonly change?: Change;
}

/** A necessary condition of a way: traffic goes on only if this lets it. Three-valued: what it lets through for sure, and what it may. */
export interface Gate {
  readonly must: AddressSet;
  readonly may: AddressSet;
  readonly statements: readonly Statement[];
  /** why nothing gets through, for when nothing does. */
  readonly closed: string;
}

/** One way to a place: from the internet, or from another place, through gates. */
export interface Way {
  /** none: from the internet itself. */
  readonly from?: Place;
  readonly gates: readonly Gate[];
  /** who can start on it, where that is not everybody on the internet. */
  readonly clients?: AddressSet;
  /** the secondary level that the way is of; none for the internet's own. */
  readonly level?: Level;
  /** whose address arrives; none where it is that of the client. */
  readonly seen?: Sender;
}

/** Somewhere that traffic arrives: a port of something. Its ways are found when they are asked for, once. */
export class Place {
  private found?: readonly Way[];
  private readonly arrivals = new Map<Level | undefined, Arrival>();
  private upstream?: ReadonlySet<Level>;

  constructor(private readonly find: () => readonly Way[]) {}

  get ways(): readonly Way[] {
    if (this.found === undefined) {
      // whoever asks for them while they are looked for has gone in a circle.
      this.found = [];
      this.found = this.find();
    }
    return this.found;
  }

  /** Which clients get here over the internet, or with the help of one secondary level. */
  arrival(level?: Level): Arrival {
    const known = this.arrivals.get(level);
    if (known !== undefined) return known;
    // most ways are the internet's own: then a secondary level leads no further.
    if (level !== undefined && !this.levels.has(level)) return this.arrival();
    this.work(level);
    return this.arrivals.get(level) ?? NOBODY;
  }

  /** The secondary levels of the ways that lead here. */
  private get levels(): ReadonlySet<Level> {
    if (this.upstream === undefined) {
      const found = new Set<Level>();
      for (const { ways } of placesBefore(this)) for (const { level } of ways) if (level !== undefined) found.add(level);
      this.upstream = found;
    }
    return this.upstream;
  }

  /** Works out who arrives here and at all places before: each after those that lead to it, and again for as long as circles bring more. */
  private work(level: Level | undefined): void {
    const { order, circular } = this.inOrder(level);
    for (const at of order) at.arrivals.set(level, NOBODY);
    for (let changed = true; changed; ) {
      changed = false;
      for (const at of order) {
        const each = at.ways.filter((way) => way.level === undefined || way.level === level).map((way) => through(way, level));
        const [before, found] = [at.arrivals.get(level), { must: AddressSet.union(each.map(({ must }) => must)), may: AddressSet.union(each.map(({ may }) => may)) }];
        at.arrivals.set(level, found);
        changed ||= circular && (before?.must.equals(found.must) !== true || !before.may.equals(found.may));
      }
    }
  }

  /** The places before this one that nothing is known of yet, and this one: each behind those that lead to it. */
  private inOrder(level: Level | undefined): { readonly order: readonly Place[]; readonly circular: boolean } {
    const order: Place[] = [];
    const done = new Map<Place, boolean>([[this, false]]);
    const stack = [{ at: this as Place, next: 0 }];
    let circular = false;
    for (let top = stack[0]; top !== undefined; top = stack[stack.length - 1]) {
      const way = top.at.ways[top.next++];
      if (way === undefined) {
        order.push(top.at);
        done.set(top.at, true);
        stack.pop();
        continue;
      }
      const { from } = way;
      if (from === undefined || (way.level !== undefined && way.level !== level) || from.arrivals.has(level)) continue;
      if (level !== undefined && !from.levels.has(level)) continue;
      if (done.get(from) === false) circular = true;
      if (done.has(from)) continue;
      done.set(from, false);
      stack.push({ at: from, next: 0 });
    }
    return { order, circular };
  }
}

/** A place and all places that lead to it by ways that count. */
export function placesBefore(place: Place, counts: (way: Way) => boolean = () => true): ReadonlySet<Place> {
  const found = new Set([place]);
  // a set grows while it is walked.
  for (const at of found) for (const way of at.ways) if (way.from !== undefined && counts(way)) found.add(way.from);
  return found;
}

/** The clients that arrive for sure, and those that may. */
export interface Arrival {
  readonly must: AddressSet;
  readonly may: AddressSet;
}

const NOBODY: Arrival = { must: AddressSet.NONE, may: AddressSet.NONE };
const EVERYBODY: Arrival = { must: INTERNET, may: INTERNET };

/** Which clients a way brings. */
export function through(way: Way, level?: Level): Arrival {
  let { must, may } = way.from?.arrival(level) ?? (way.clients === undefined ? EVERYBODY : { must: way.clients, may: way.clients });
  for (const gate of way.gates) {
    if (may.isEmpty) break;
    [must, may] = [must.intersect(gate.must), may.intersect(gate.may)];
  }
  return { must, may };
}

/** A gate that lets through what any of its statements does. */
export function gate(closed: string, statements: readonly Statement[]): Gate {
  const open = statements.filter(({ lets }) => !lets.isEmpty);
  const sure = open.filter(({ hop }) => hop.missing === undefined);
  const may = AddressSet.union(open.map(({ lets }) => lets));
  return { closed, may, statements: open, must: sure.length === open.length ? may : AddressSet.union(sure.map(({ lets }) => lets)) };
}
