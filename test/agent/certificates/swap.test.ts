import { dirname, join } from 'node:path';
import * as fc from 'fast-check';
import { GRACE_MILLISECONDS, install } from '../../../lib/agent/certificates/install';
import type { Crash } from '../credentials/fake-disk';
import { FakeTree } from './fake-tree';
import { pathsIn, TEMPLATE } from './reader';
import { RealTree } from './real-tree';
import { material, placeIn, Reader, World } from './world';

const PLACE = placeIn('/etc/clickhouse-server', { uid: 0, gid: 101, mode: 0o640 });
const TLS = PLACE.directory.path;
const DOCUMENT = PLACE.document.path;
const simulated = (): World<FakeTree> => new World(new FakeTree([dirname(DOCUMENT)]), PLACE);

const crash: fc.Arbitrary<Crash> = fc.record({ after: fc.nat(40), hit: fc.constantFrom('before', 'after', 'half'), kind: fc.constantFrom('kill', 'kill', 'power'), luck: fc.constantFrom(0, 0.3, 0.5, 0.99) });
type Act =
  | { readonly what: 'install'; readonly index: number; readonly crash?: Crash }
  | { readonly what: 'read'; readonly pauses: readonly number[] }
  | { readonly what: 'wait'; readonly milliseconds: number };

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constant('install' as const), index: fc.nat(5), crash: fc.option(crash, { nil: undefined, freq: 2 }) }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('read' as const), pauses: fc.array(fc.oneof(fc.constantFrom(0, 1, 2), fc.nat(60)), { minLength: 4, maxLength: 4 }) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('wait' as const), milliseconds: fc.constantFrom(-3_600_000, 0, 1, 999, 60_000, GRACE_MILLISECONDS / 2, GRACE_MILLISECONDS, 3 * GRACE_MILLISECONDS) }) },
);

/** Readers that came to an end, and how many of them after the document had changed under them. */
interface Tally {
  completed: number;
  across: number;
}

function perform(world: World, acts: readonly Act[], tally: Tally): void {
  const tls = world.place.directory.path;
  let last = 0;
  for (const each of acts) {
    if (each.what === 'read') world.readers.push(new Reader([...each.pauses], world));
    else if (each.what === 'wait') world.disk.now += each.milliseconds;
    else {
      last = each.index;
      if (world.install(last, each.crash) !== undefined) world.checkSettled(last);
    }
    world.readers = world.readers.filter(({ over }) => !over);
  }
  // converges from wherever this has led.
  world.install(last);
  world.checkSettled(last);
  expect(world.install(last)).toBe(false);
  for (let i = 0; i < 300 && world.readers.some(({ over }) => !over); i++) world.instant();
  // and nothing piles up.
  world.disk.now = Math.max(world.disk.now, world.modified) + GRACE_MILLISECONDS;
  world.install(last);
  expect(world.disk.list(tls).length).toBeLessThanOrEqual(2);
  tally.completed += world.completed;
  tally.across += world.across;
}

test('whenever a reader looks and wherever the installer ends: a matching pair with its bundle, and a key that nobody else can read', () => {
  const tally = { completed: 0, across: 0 };
  fc.assert(fc.property(fc.array(act, { maxLength: 25 }), (acts) => perform(simulated(), acts, tally)), { numRuns: Number(process.env.SWAP_RUNS ?? 300) });
  // the property is about something.
  expect(tally.completed).toBeGreaterThan(50);
  expect(tally.across).toBeGreaterThan(20);
});

test('the same on real directories', () => {
  const tally = { completed: 0, across: 0 };
  fc.assert(
    fc.property(fc.array(act, { minLength: 8, maxLength: 20 }), (acts) => {
      const disk = new RealTree();
      try {
        perform(new World(disk, placeIn(disk.root, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o640 })), acts, tally);
      } finally {
        disk.end();
      }
    }),
    { numRuns: Number(process.env.SWAP_RUNS ?? 300) / 20 },
  );
  expect(tally.completed).toBeGreaterThan(5);
});

test.each(['kill', 'power'] as const)('a rotation with a %s before, in and after every single effect of every pass', (kind) => {
  let crashes = 0;
  for (const hit of ['before', 'half', 'after'] as const) {
    for (const luck of [0, 0.5, 0.99]) {
      for (let after = 0, crashed = true; crashed; after++) {
        const world = simulated();
          crashed = false;
        for (const index of [0, 1, 2]) {
          for (let start = 0; start < 12; start += 3) world.readers.push(new Reader([start, 4, 9, 14], world));
          if (world.install(index, { after, hit, kind, luck }) === undefined) crashed = true;
          world.install(index);
          world.checkSettled(index);
          world.disk.now += GRACE_MILLISECONDS;
          // removes what nobody reads any more, with a crash in between as well.
          if (world.install(index, { after, hit, kind, luck }) === undefined) crashed = true;
          world.install(index);
          world.checkSettled(index);
          expect(world.disk.list(TLS).length).toBeLessThanOrEqual(2);
        }
        crashes += crashed ? 1 : 0;
      }
    }
  }
  expect(crashes).toBeGreaterThan(100);
});

test.each([['the first installation', []], ['a later one', [0]]])('%s, killed anywhere, then cut off by a power failure anywhere in the next pass', (_, before) => {
  const ends = (world: World, crash: Crash): boolean => world.install(1, crash) === undefined;
  for (let first = 0, killed = true; killed; first++) {
    for (let second = 0, cut = true; cut; second++) {
      const world = simulated();
      for (const index of before) world.install(index);
      killed = ends(world, { after: first, hit: 'after', kind: 'kill', luck: 0 });
      // what a document names after a failure is looked at in there.
      cut = ends(world, { after: second, hit: 'after', kind: 'power', luck: 0 });
      world.install(1);
      world.checkSettled(1);
    }
  }
});

test('a folder is removed neither before its grace is over nor while it is the last one', () => {
  const world = simulated();
  const folders = (): string[] => world.disk.list(TLS).map((name) => name.replace(/^a+/, ''));
  for (const index of [1, 2, 3]) {
    world.disk.now += 60_000;
    world.install(index);
  }
  expect(folders()).toEqual(['1', '2', '3']);
  world.disk.now += GRACE_MILLISECONDS - 1;
  world.install(3);
  expect(folders()).toEqual(['1', '2', '3']);
  world.disk.now += 1;
  expect(install(world.disk, PLACE, material(3), world.disk.now)).toEqual({ changed: false, bundleChanged: false, removed: [material(1).serial] });
  expect(folders()).toEqual(['2', '3']);
  world.disk.now += 100 * GRACE_MILLISECONDS;
  world.install(3);
  expect(folders()).toEqual(['2', '3']);
});

test('the same material again writes nothing, and changes no time', () => {
  const world = simulated();
  world.install(1);
  const before = world.disk.files().map(({ path }) => [path, world.disk.look(path)]);
  world.disk.now += 60_000;
  expect(world.install(1)).toBe(false);
  expect(world.disk.files().map(({ path }) => [path, world.disk.look(path)])).toEqual(before);
});

test('another bundle under the same serial number gets a folder of its own, and is said', () => {
  const world = simulated();
  world.install(1);
  const other = { ...material(1), bundle: material(2).bundle };
  expect(install(world.disk, PLACE, other, 0)).toMatchObject({ changed: true, bundleChanged: true });
  const { bundle } = pathsIn(world.document() ?? '');
  expect(bundle).toBe(join(TLS, `${material(1).serial}-2`, 'ca.crt'));
  expect(world.disk.read(bundle)).toBe(other.bundle);
  expect(world.disk.read(join(TLS, material(1).serial, 'ca.crt'))).toBe(material(1).bundle);
});

test.each<[string, (world: World<FakeTree>, folder: string) => void]>([
  ['a key that somebody changed', ({ disk }, folder) => disk.put(`${folder}/node.key`, 'other', PLACE.directory.owner)],
  ['a key that others may read', ({ disk }, folder) => disk.put(`${folder}/node.key`, material(1).privateKey, { ...PLACE.directory.owner, mode: 0o644 })],
  ['a certificate that is missing', ({ disk }, folder) => disk.remove(`${folder}/node.crt`)],
  ['a document that names something else', ({ disk }) => disk.put(DOCUMENT, '<clickhouse/>', PLACE.directory.owner)],
  ['a document that is missing', ({ disk }) => disk.remove(DOCUMENT)],
])('%s is repaired by another folder or document, never in place', (_, damage) => {
  const world = simulated();
  world.install(1);
  world.modified = -1;
  damage(world, dirname(pathsIn(world.document() ?? '').certificate));
  expect(install(world.disk, PLACE, material(1), world.disk.now).changed).toBe(true);
  world.checkSettled(1);
  expect(install(world.disk, PLACE, material(1), world.disk.now).changed).toBe(false);
});

test('a disk that is full keeps what is there, and fills up no further', () => {
  const world = simulated();
  world.install(1);
  const create = world.disk.create.bind(world.disk);
  world.disk.create = (path) => {
    if (path.startsWith(dirname(DOCUMENT))) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    return create(path);
  };
  for (let i = 0; i < 5; i++) expect(() => world.install(2)).toThrow('full');
  expect(pathsIn(world.document() ?? '').certificate).toBe(join(TLS, material(1).serial, 'node.crt'));
  expect(world.disk.list(TLS)).toHaveLength(2);
  const fresh = simulated();
  fresh.disk.create = world.disk.create.bind(fresh.disk);
  const own = FakeTree.prototype.create.bind(fresh.disk);
  fresh.disk.create = (path) => {
    if (path.startsWith(dirname(DOCUMENT))) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    return own(path);
  };
  for (let i = 0; i < 5; i++) expect(() => fresh.install(2)).toThrow('full');
  expect(fresh.disk.list(TLS)).toHaveLength(1);
});

test('a document that has no place for the material is not written', () => {
  const world = simulated();
  const place = { ...PLACE, document: { path: DOCUMENT, template: TEMPLATE.replace(/@\{privateKeyPath\}/g, '/etc/other.key') } };
  expect(() => install(world.disk, place, material(1), 0)).toThrow(/does not name .*node\.key/);
  expect(world.document()).toBeUndefined();
});

test('what is not ours is not touched', () => {
  const world = simulated();
  world.install(1);
  world.disk.put(`${TLS}/notes.txt`, 'kept');
  // a folder of the right name that others may write to, or somebody else's.
  for (const [name, owner] of [['f'.repeat(32), { uid: 0, gid: 0, mode: 0o777 }], ['e'.repeat(32), { uid: 101, gid: 101, mode: 0o755 }]] as const) {
    world.disk.makeDirectory(join(TLS, name), 0o755);
    world.disk.setDirectoryOwner(join(TLS, name), owner);
    world.disk.put(join(TLS, name, 'node.key'), 'kept');
  }
  world.disk.now += 10 * GRACE_MILLISECONDS;
  for (const index of [2, 3, 4]) world.install(index);
  world.disk.now += 10 * GRACE_MILLISECONDS;
  world.install(4);
  expect(world.disk.files().filter(({ content }) => content === 'kept')).toHaveLength(3);
  expect(world.disk.list(TLS)).toHaveLength(5);
});
