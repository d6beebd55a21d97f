// who arrives where, by which path, and what is to be changed so that nobody does: random small graphs, against trying everything.
import * as fc from 'fast-check';
import { AddressSet } from '../../lib/exposure/addresses/address-set';
import { smallestCut } from '../../lib/exposure/paths/cut';
import { closures, pathTo, unknowns } from '../../lib/exposure/paths/explain';
import type { Gate, Statement } from '../../lib/exposure/paths/ways';
import { gate, Place } from '../../lib/exposure/paths/ways';

/** A statement: whom of the clients it lets through, whether that is sure, and which change ends it, if any. */
interface Written {
  readonly lets: readonly number[];
  readonly change?: number;
  readonly sure: boolean;
}

/** A way: the place it comes from, or the internet, and its gates. */
interface Road {
  readonly from?: number;
  readonly gates: ReadonlyArray<readonly Written[]>;
}

/** The ways to each place. */
type Map_ = ReadonlyArray<readonly Road[]>;

// each stands for all that no statement tells apart.
const CLIENTS = ['8.0.0.0/8', '9.0.0.0/8', '2600::/16'].map((block) => AddressSet.of(block));
const EVERYBODY = CLIENTS.map((_, index) => index);
const setOf = (clients: readonly number[]): AddressSet => (clients.length === CLIENTS.length ? AddressSet.ALL : AddressSet.union(clients.map((each) => CLIENTS[each] ?? AddressSet.NONE)));

function statement({ lets, change, sure }: Written, name: string): Statement {
  return {
    lets: setOf(lets),
    hop: { kind: 'statement', template: 'main.json', logicalId: name, detail: name, missing: sure ? undefined : `why of ${name}` },
    change: change === undefined ? undefined : { template: 'main.json', logicalId: `change${change}`, words: `change ${change}` },
  };
}

/** The graph as the analysis has it. Statements are named by where they stand. */
function build(map: Map_): readonly Place[] {
  const places: readonly Place[] = map.map(
    (roads, at) =>
      new Place(() =>
        roads.map(({ from, gates }, road) => ({
          from: from === undefined ? undefined : places[from],
          gates: gates.map((statements, index): Gate => gate(`closed ${at}.${road}.${index}`, statements.map((each, place) => statement(each, `${at}.${road}.${index}.${place}`)))),
        })),
      ),
  );
  return places;
}

function last(places: readonly Place[]): Place {
  const found = places[places.length - 1];
  if (found === undefined) throw new Error('there is no place');
  return found;
}

/** Whether a client gets to each place, when some statements do not count. */
function reached(map: Map_, client: number, counts: (written: Written) => boolean): readonly boolean[] {
  const found = map.map(() => false);
  for (let changed = true; changed; ) {
    changed = false;
    for (const [at, roads] of map.entries()) {
      if (found[at] === true) continue;
      if (!roads.some(({ from, gates }) => (from === undefined || found[from] === true) && gates.every((all) => all.some((each) => counts(each) && each.lets.includes(client))))) continue;
      found[at] = true;
      changed = true;
    }
  }
  return found;
}

/** Whether nobody gets to the last place once changes are made. */
function isClosed(map: Map_, changes: ReadonlySet<number>): boolean {
  return EVERYBODY.every((client) => reached(map, client, ({ change }) => change === undefined || !changes.has(change))[map.length - 1] === false);
}

const MOST = 10;

/** All sets of the fewest changes that close the last place; none where nothing does. */
function fewest(map: Map_): ReadonlyArray<ReadonlySet<number>> {
  const used = [...new Set(map.flat().flatMap(({ gates }) => gates.flat()).flatMap(({ change }) => change ?? []))];
  for (let size = 0; size <= used.length; size++) {
    const found = subsets(used, size).filter((each) => isClosed(map, each));
    if (found.length > 0) return found;
  }
  return [];
}

function subsets(from: readonly number[], size: number): Array<ReadonlySet<number>> {
  if (size === 0) return [new Set()];
  return from.flatMap((each, index) => subsets(from.slice(index + 1), size - 1).map((others) => new Set([each, ...others])));
}

const numbersOf = (place: Place): number[] => smallestCut(place).map(({ logicalId }) => Number(logicalId.replace('change', '')));

interface Shape {
  /** whether statements may be for some clients only. */
  readonly partial: boolean;
  /** whether ways may lead in circles. */
  readonly circles: boolean;
}

function maps({ partial, circles }: Shape): fc.Arbitrary<Map_> {
  const lets = partial ? fc.oneof({ weight: 2, arbitrary: fc.constant(EVERYBODY) }, { weight: 3, arbitrary: fc.subarray([...EVERYBODY], { minLength: 1 }) }) : fc.constant(EVERYBODY);
  const written: fc.Arbitrary<Written> = fc.record({ lets, change: fc.option(fc.nat({ max: MOST - 1 }), { freq: 5, nil: undefined }), sure: fc.boolean() });
  const gates = fc.array(fc.array(written, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 });
  return fc.integer({ min: 1, max: 4 }).chain((count) =>
    fc.tuple(
      ...Array.from({ length: count }, (_, at) => {
        const sources = circles ? count : at;
        const from = sources === 0 ? fc.constant(undefined) : fc.option(fc.nat({ max: sources - 1 }), { freq: 2, nil: undefined });
        return fc.array(fc.record({ from, gates }), { minLength: 1, maxLength: 3 });
      }),
    ),
  );
}

/** The same with every statement a change of its own, or none. */
function apart(map: Map_): Map_ {
  let next = 0;
  return map.map((roads) => roads.map((road) => ({ ...road, gates: road.gates.map((all) => all.map((each) => ({ ...each, change: each.change === undefined || next >= MOST ? undefined : next++ }))) })));
}

const ANY = fc.oneof(maps({ partial: false, circles: false }), maps({ partial: true, circles: false }), maps({ partial: true, circles: true }));

describe('who arrives', () => {
  test('is who gets through, for sure and perhaps, whichever place is asked first', () => {
    fc.assert(
      fc.property(ANY, fc.nat(), (map, first) => {
        const places = build(map);
        places[first % places.length]?.arrival();
        for (const client of EVERYBODY) {
          const [must, may] = [reached(map, client, ({ sure }) => sure), reached(map, client, () => true)];
          const one = CLIENTS[client] ?? AddressSet.NONE;
          expect(places.map((each) => each.arrival().must.includes(one))).toEqual(must);
          expect(places.map((each) => !each.arrival().may.misses(one))).toEqual(may);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('is nobody where no way leads, and where ways lead in a circle only', () => {
    const alone = new Place(() => []);
    const circle: Place = new Place(() => [{ from: circle, gates: [] }]);
    for (const place of [alone, circle]) {
      expect(place.arrival().may.isEmpty).toBe(true);
      expect([pathTo(place), unknowns(place), closures(place), smallestCut(place)]).toEqual([[], [], [], []]);
    }
  });

  test('is everybody of the internet where nothing is in the way, and changing nothing helps', () => {
    const open = new Place(() => [{ gates: [] }]);
    expect(open.arrival().must.isEmpty).toBe(false);
    expect(open.arrival().must.misses(AddressSet.of('10.0.0.0/8'))).toBe(true);
    expect(smallestCut(open)).toEqual([]);
  });
});

describe('the smallest cut', () => {
  test('has the fewest changes, and closes the place', () => {
    fc.assert(
      fc.property(ANY, (map) => {
        const best = fewest(map);
        const found = numbersOf(last(build(map)));
        const [one] = best;
        if (one === undefined) return expect(found).toEqual([]);
        expect(found).toHaveLength(one.size);
        expect(isClosed(map, new Set(found))).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test('is the one nearest to the internet of equally small ones', () => {
    fc.assert(
      fc.property(maps({ partial: false, circles: false }).map(apart), (map) => {
        const found = new Set(numbersOf(last(build(map))));
        if (found.size === 0) return;
        const own = inFront(map, found);
        for (const other of fewest(map)) expect([...own].filter((point) => !inFront(map, other).has(point))).toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  /** How far everybody gets when changes are made: to which gates of which ways. */
  function inFront(map: Map_, changes: ReadonlySet<number>): ReadonlySet<string> {
    const counts = ({ change }: Written): boolean => change === undefined || !changes.has(change);
    const there = reached(map, 0, counts);
    const found = new Set<string>();
    for (const [at, roads] of map.entries()) {
      for (const [road, { from, gates }] of roads.entries()) {
        if (from !== undefined && there[from] !== true) continue;
        for (const [index, statements] of gates.entries()) {
          found.add(`${at}.${road}.${index}`);
          if (!statements.some(counts)) break;
        }
      }
    }
    return found;
  }

  const all = (change?: number): Written => ({ lets: EVERYBODY, change, sure: true });
  const some = (lets: readonly number[], change?: number): Written => ({ lets, change, sure: true });

  test.each<[string, Map_, number[]]>([
    ['takes the first of two gates', [[{ gates: [[all(1)], [all(2)]] }]], [1]],
    ['takes the gate with fewer statements', [[{ gates: [[all(1), all(2)], [all(3)]] }]], [3]],
    ['takes what two ways share, once', [[{ gates: [[all(1)], [all(3)]] }, { gates: [[all(2)], [all(3)]] }]], [3]],
    ['takes what stands in several gates of one way, once', [[{ gates: [[all(1), all(2)], [all(1), all(3)], [all(2), all(3)]] }]], [1, 2]],
    ['takes one of each of two ways', [[{ gates: [[all(1)]] }, { gates: [[all(2)]] }]], [1, 2]],
    ['takes nothing where a gate has something that nobody changes, but what is before it', [[{ gates: [[all(1)], [all()]] }]], [1]],
    ['takes nothing where a way has nothing to change', [[{ gates: [[all(1)]] }, { gates: [[all()]] }]], []],
    ['takes what is in front of the place that all come through', [[{ gates: [[all(1)]] }], [{ from: 0, gates: [[all(2), all(3)]] }]], [1]],
    ['leaves alone what lets only those through whom nothing else lets through', [[{ gates: [[some([0], 1), some([1], 2)], [some([1], 3), some([2], 4)]] }]], [2]],
    ['leaves alone what lets only those through whom a later place refuses', [[{ gates: [[some([0], 1), some([1], 2)]] }], [{ from: 0, gates: [[some([1], 3), some([1], 4)]] }]], [2]],
    ['closes a gate for some and another for others', [[{ gates: [[some([0], 1), some([1])], [some([0]), some([1], 2)]] }]], [1, 2]],
    ['closes what is shared at different distances from the internet', [[{ gates: [[all(1), all()], [all(2)]] }, { gates: [[all(3)], [all(1), all(4), all(5), all(6)]] }]], [2, 3]],
  ])('%s', (_, map, expected) => {
    expect(numbersOf(last(build(map))).sort()).toEqual(expected);
    expect(expected.length === 0 ? fewest(map) : isClosed(map, new Set(expected))).toEqual(expected.length === 0 ? [] : true);
  });

  test('is worked out for big graphs as well', () => {
    // layers of places, each with ways from each of those before it, and many statements.
    const [layers, width] = [60, 6];
    const map: Road[][] = [];
    for (let layer = 0; layer < layers; layer++) {
      for (let at = 0; at < width; at++) {
        const sources = layer === 0 ? [undefined] : Array.from({ length: width }, (_, index) => (layer - 1) * width + index);
        map.push(sources.map((from, index) => ({ from, gates: [[all(layer * 1_000 + at * 10 + index), some([at % 3])]] })));
      }
    }
    map.push(Array.from({ length: width }, (_, index) => ({ from: (layers - 1) * width + index, gates: [[all(100_000 + index)], Array.from({ length: 200 }, (_each, rule) => all(200_000 + rule))] })));
    const started = Date.now();
    const place = last(build(map));
    expect(numbersOf(place)).toEqual(Array.from({ length: width }, (_, index) => 100_000 + index));
    expect(pathTo(place)).toHaveLength(layers + 2);
    expect(Date.now() - started).toBeLessThan(5_000);
  });
});

/** All routes to the last place that come through no place twice: the gates in order. */
function routes(map: Map_, at = map.length - 1, seen: readonly number[] = []): ReadonlyArray<ReadonlyArray<{ readonly name: string; readonly statements: readonly Written[] }>> {
  if (seen.includes(at)) return [];
  return (map[at] ?? []).flatMap(({ from, gates }, road) => {
    const own = gates.map((statements, index) => ({ name: `${at}.${road}.${index}`, statements }));
    return (from === undefined ? [[]] : routes(map, from, [...seen, at])).map((before) => [...before, ...own]);
  });
}

const takes = (route: ReadonlyArray<{ readonly statements: readonly Written[] }>, client: number, sureOnly: boolean): boolean => route.every(({ statements }) => statements.some(({ lets, sure }) => lets.includes(client) && (sure || !sureOnly)));

describe('the path', () => {
  test('is the shortest route, through statements that let one and the same client through, sure where the verdict is', () => {
    fc.assert(
      fc.property(ANY, (map) => {
        const place = last(build(map));
        const { must, may } = place.arrival();
        const hops = pathTo(place);
        const possible = routes(map).filter((route) => EVERYBODY.some((client) => takes(route, client, !must.isEmpty)));
        if (may.isEmpty) return expect([hops, possible]).toEqual([[], []]);
        expect(hops).toHaveLength(Math.min(...possible.map(({ length }) => length)));
        // the gates that it passes are those of a route, in order.
        expect(possible.map((route) => route.map(({ name }) => name).join(' '))).toContain(hops.map(({ logicalId }) => logicalId.replace(/\.\d+$/, '')).join(' '));
        const passed = hops.map(({ logicalId }) => {
          const [at = 0, road = 0, index = 0, statement = 0] = logicalId.split('.').map(Number);
          return map[at]?.[road]?.gates[index]?.[statement];
        });
        expect(EVERYBODY.some((client) => passed.every((each) => each?.lets.includes(client)))).toBe(true);
        if (!must.isEmpty) expect(hops.filter(({ missing }) => missing !== undefined)).toEqual([]);
        else expect(hops.some(({ missing }) => missing !== undefined)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test('of a secondary level may use its ways, and others may not', () => {
    const open = gate('', [statement({ lets: EVERYBODY, sure: true }, 'open')]);
    const program = new Place(() => [{ gates: [open] }]);
    const place = new Place(() => [{ from: program, level: 'program', gates: [open, open] }]);
    expect([place.arrival().may.isEmpty, place.arrival('account').may.isEmpty, place.arrival('program').must.isEmpty]).toEqual([true, true, false]);
    expect([pathTo(place).length, pathTo(place, 'account').length, pathTo(place, 'program').length]).toEqual([0, 0, 3]);
    expect(smallestCut(place)).toEqual([]);
  });
});

describe('reasons', () => {
  test('of what is not known are those on ways that somebody may come', () => {
    fc.assert(
      fc.property(ANY, (map) => {
        const place = last(build(map));
        const { must, may } = place.arrival();
        const reasons = unknowns(place);
        if (may.isEmpty) return expect(reasons).toEqual([]);
        // of ways that somebody comes by, of statements that let somebody of those through.
        const written = EVERYBODY.flatMap((client) => {
          const there = reached(map, client, () => true);
          const coming = map.flatMap((roads, at) => roads.flatMap(({ from, gates }, road) => ((from === undefined || there[from] === true) && gates.every((all) => all.some(({ lets }) => lets.includes(client))) ? gates.map((statements, index) => ({ name: `${at}.${road}.${index}`, statements })) : [])));
          return coming.flatMap(({ name, statements }) => statements.flatMap(({ sure, lets }, index) => (sure || !lets.includes(client) ? [] : [`why of ${name}.${index}`])));
        });
        expect(reasons.filter((each) => !written.includes(each))).toEqual([]);
        expect(reasons).toEqual([...new Set(reasons)].sort());
        // what the path shows as not known is among them, so an unknown verdict always has a reason.
        const shown = pathTo(place).flatMap(({ missing }) => missing ?? []);
        expect(shown.filter((each) => !reasons.includes(each))).toEqual([]);
        if (must.isEmpty) expect(reasons).not.toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  test('why nobody comes are gates that let nobody through of those who come so far', () => {
    fc.assert(
      fc.property(ANY, (map) => {
        const place = last(build(map));
        const reasons = closures(place);
        if (!place.arrival().may.isEmpty) return;
        const own = (map[map.length - 1] ?? []).every(({ from }) => from === undefined);
        const gates = routes(map).flatMap((route) => route.map(({ name }) => `closed ${name}`));
        expect(reasons.filter((each) => !gates.includes(each))).toEqual([]);
        if (own) expect(reasons).toHaveLength((map[map.length - 1] ?? []).length);
        if (routes(map).length > 0) expect(reasons).not.toEqual([]);
      }),
      { numRuns: 1_000 },
    );
  });

  test('why nobody comes are not only that a gate lets nobody through, but nobody of the internet', () => {
    const inside = gate('only from inside', [{ lets: AddressSet.of('10.0.0.0/8'), hop: { kind: 'statement', template: 'main.json', logicalId: 'a', detail: 'a' } }]);
    expect(closures(new Place(() => [{ gates: [inside] }]))).toEqual(['only from inside']);
    expect(closures(new Place(() => [{ clients: AddressSet.of('192.168.0.0/16'), gates: [inside] }]))).toEqual(['only from inside']);
  });
});
