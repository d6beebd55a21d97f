import type { Change } from '../assessment';
import { routeTo } from './route';
import type { Place, Statement, Way } from './ways';
import { placesBefore, through } from './ways';

// beyond these the cut that was found first stands: it closes everything, only there may be a smaller one.
const MOST_ROUTES = 40;
const MOST_TRIES = 5_000;

/**
 * The fewest changes that close every way to a place, and of equally many those nearest to the internet.
 *
 * First a minimum cut, which is the answer where every statement is for all clients and stands in one gate. Where some are for some clients
 * only, or stand in several gates, the cut takes for a route what nobody can take: then it is looked whether fewer changes do.
 */
export function smallestCut(place: Place): readonly Change[] {
  const cut = minimumCut(place);
  return cut.length === 1 ? cut : fewerThan(cut, place);
}

/**
 * The fewest changes of which every route has one: routes are found one after the other, each past the changes that close those before.
 * What closes some of the routes is never more than what closes all of them.
 */
function fewerThan(cut: readonly Change[], place: Place): readonly Change[] {
  const most = cut.length === 0 ? MOST_ROUTES : cut.length;
  if (routeTo(place, { sure: false, counts: ({ change }) => change === undefined }) !== undefined) return [];
  const routes: Array<ReadonlyMap<string, Change>> = [];
  const tries = { left: MOST_TRIES };
  for (let size = 0; size < most && routes.length < MOST_ROUTES; ) {
    const changes = hitting(routes, size, tries);
    if (tries.left <= 0) return cut;
    if (changes === undefined) {
      size++;
      continue;
    }
    const route = routeTo(place, { sure: false, counts: ({ change }) => change === undefined || !changes.has(keyOf(change)) });
    if (route === undefined) return [...changes.values()];
    routes.push(new Map(route.flatMap(({ change }) => (change === undefined ? [] : [[keyOf(change), change]]))));
  }
  return cut;
}

/** At most so many changes of which every route has one. */
function hitting(routes: ReadonlyArray<ReadonlyMap<string, Change>>, size: number, tries: { left: number }, made: ReadonlyMap<string, Change> = new Map()): ReadonlyMap<string, Change> | undefined {
  const open = routes.find((route) => ![...route.keys()].some((key) => made.has(key)));
  if (open === undefined) return made;
  if (size === 0) return undefined;
  for (const [key, change] of open) {
    if (tries.left-- <= 0) return undefined;
    const found = hitting(routes, size - 1, tries, new Map([...made, [key, change]]));
    if (found !== undefined) return found;
  }
  return undefined;
}

function keyOf({ template, logicalId, location }: Change): string {
  return JSON.stringify([template, logicalId, location]);
}

/**
 * A minimum cut (Ford and Fulkerson, by breadth-first augmenting paths): every statement is an edge that carries one unit, or any number
 * where nothing is to be changed about it. A statement that several ways share is one edge. What can still be reached from the internet
 * when nothing more flows is the internet's side of the cut nearest to it.
 */
function minimumCut(place: Place): readonly Change[] {
  const leading = (way: Way): boolean => way.level === undefined && !through(way).may.isEmpty;
  const network = new FlowNetwork();
  const internet = network.node();
  const ends = new Map([...placesBefore(place, leading)].map((each) => [each, network.node()]));
  for (const [at, end] of ends) {
    for (const way of at.ways.filter(leading)) {
      const clients = through(way).may;
      let from = way.from === undefined ? internet : (ends.get(way.from) ?? internet);
      for (const { statements } of way.gates) {
        const to = network.node();
        for (const each of statements) if (!each.lets.misses(clients)) network.statement(from, to, each);
        from = to;
      }
      network.edge(from, end, Infinity);
    }
  }
  return network.cut(internet, ends.get(place) ?? internet);
}

interface Edge {
  readonly to: number;
  /** the edge back, by its place among those of `to`. */
  readonly back: number;
  room: number;
  readonly change?: Change;
}

class FlowNetwork {
  private readonly edges: Edge[][] = [];
  private readonly shared = new Map<string, readonly [number, number]>();

  node(): number {
    return this.edges.push([]) - 1;
  }

  edge(from: number, to: number, room: number, change?: Change): void {
    const [forth, back] = [this.edges[from], this.edges[to]];
    if (forth === undefined || back === undefined) return;
    forth.push({ to, back: back.length, room, change });
    back.push({ to: from, back: forth.length - 1, room: 0 });
  }

  statement(from: number, to: number, { change }: Statement): void {
    if (change === undefined) return this.edge(from, to, Infinity);
    const key = keyOf(change);
    let ends = this.shared.get(key);
    if (ends === undefined) {
      ends = [this.node(), this.node()];
      this.shared.set(key, ends);
      this.edge(ends[0], ends[1], 1, change);
    }
    this.edge(from, ends[0], Infinity);
    this.edge(ends[1], to, Infinity);
  }

  /** The changes on the cut; none when there is a way that nothing written here closes. */
  cut(source: number, sink: number): readonly Change[] {
    for (;;) {
      const reached = this.reach(source);
      if (reached.has(sink)) {
        if (!this.augment(source, sink, reached)) return [];
        continue;
      }
      return [...reached.keys()].flatMap((node) => (this.edges[node] ?? []).flatMap(({ to, change }) => (change !== undefined && !reached.has(to) ? [change] : [])));
    }
  }

  /** What can be reached from a node where there is room, each with the edge that leads to it, in the order of distance. */
  private reach(source: number): ReadonlyMap<number, readonly [number, Edge] | undefined> {
    const found = new Map<number, readonly [number, Edge] | undefined>([[source, undefined]]);
    for (const node of found.keys()) {
      for (const edge of this.edges[node] ?? []) if (edge.room > 0 && !found.has(edge.to)) found.set(edge.to, [node, edge]);
    }
    return found;
  }

  /** Sends one unit along the path that was found; false where any number would fit, so that no cut exists. */
  private augment(source: number, sink: number, reached: ReadonlyMap<number, readonly [number, Edge] | undefined>): boolean {
    const path: Edge[] = [];
    for (let at = sink; at !== source; ) {
      const step = reached.get(at);
      if (step === undefined) return false;
      path.push(step[1]);
      at = step[0];
    }
    if (path.every(({ room }) => room === Infinity)) return false;
    for (const edge of path) {
      edge.room -= 1;
      const back = this.edges[edge.to]?.[edge.back];
      if (back !== undefined) back.room += 1;
    }
    return true;
  }
}
