import type { Change } from '../assessment';
import { open } from './explain';
import type { Place, Statement } from './ways';
import { through } from './ways';

/**
 * The fewest changes that close every way to a place, and of equally many those nearest to the internet.
 *
 * A minimum cut (Ford and Fulkerson, by breadth-first augmenting paths): every statement is an edge that carries one unit, or any number
 * where nothing is to be changed about it. A statement that several ways share is one edge. What can still be reached from the internet
 * when nothing more flows is the internet's side of the cut nearest to it.
 */
export function smallestCut(place: Place): readonly Change[] {
  const network = new FlowNetwork();
  const ends = new Map<Place, number>();
  const internet = network.node();
  const nodeOf = (at: Place): number => {
    const known = ends.get(at);
    if (known !== undefined) return known;
    const end = network.node();
    ends.set(at, end);
    for (const way of open(at, false)) {
      const clients = through(way).may;
      let from = way.from === undefined ? internet : nodeOf(way.from);
      for (const { statements } of way.gates) {
        const to = network.node();
        for (const each of statements) if (!each.lets.misses(clients)) network.statement(from, to, each);
        from = to;
      }
      network.edge(from, end, Infinity);
    }
    return end;
  };
  return network.cut(internet, nodeOf(place));
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
    const key = JSON.stringify([change.template, change.logicalId, change.location]);
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
