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
    this.found ??= this.find();
    return this.found;
  }

  /** The secondary levels of the ways that lead here. */
  private get levels(): ReadonlySet<Level> {
    if (this.upstream === undefined) {
      const found = new Set<Level>();
      // what leads back to itself adds nothing.
      this.upstream = found;
      for (const { level, from } of this.ways) {
        if (level !== undefined) found.add(level);
        if (from !== undefined) for (const each of from.levels) found.add(each);
      }
    }
    return this.upstream;
  }

  /** Which clients get here over the internet, or with the help of one secondary level. */
  arrival(level?: Level): Arrival {
    const known = this.arrivals.get(level);
    if (known !== undefined) return known;
    // most ways are the internet's own: then a secondary level leads no further.
    if (level !== undefined && !this.levels.has(level)) return this.arrival();
    // what leads back to itself brings nobody.
    this.arrivals.set(level, NOBODY);
    const each = this.ways.filter((way) => way.level === undefined || way.level === level).map((way) => through(way, level));
    const found = { must: AddressSet.union(each.map(({ must }) => must)), may: AddressSet.union(each.map(({ may }) => may)) };
    this.arrivals.set(level, found);
    return found;
  }
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

/** A gate that one statement opens for everybody. */
export function step(hop: Hop, change?: Change): Gate {
  return gate('', [{ hop, lets: AddressSet.ALL, change }]);
}
