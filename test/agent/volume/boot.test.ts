import * as fc from 'fast-check';
import { mountVolume, VolumeRefused } from '../../../lib/agent/volume';
import { claim } from '../../../lib/agent/volume/history';
import { intentRecord } from '../../../lib/agent/volume/intent';
import type { Crash } from '../credentials/fake-disk';
import type { Circumstances, Ending } from './fake-machine';
import { FakeMachine, MIB, PLAIN } from './fake-machine';

interface Accident extends Omit<Crash, 'kind'> {
  readonly ending: Ending;
}

const OWNER = { cluster: 'blue', node: 'a-1' };
const MARKER = '/mnt/data/.clickhouse-node.json';

/** Calls again as the agent does, through accidents, until there is an outcome. */
async function boot(machine: FakeMachine, accidents: readonly Accident[] = []): Promise<{ readonly outcome: string | VolumeRefused; readonly crashes: number; readonly attempts: number }> {
  const waiting = [...accidents];
  let crashes = 0;
  for (let attempts = 1; attempts < 60; attempts += 1) {
    const accident = waiting.shift();
    machine.begin(accident && { ...accident, kind: accident.ending === 'kill' ? 'kill' : 'power' });
    try {
      const outcome = await mountVolume(machine.request, machine.world);
      return { outcome, crashes, attempts };
    } catch (error) {
      if (machine.fate.dead) {
        crashes += 1;
        machine.restart(accident?.ending ?? 'kill', accident?.luck ?? 0);
      } else if (error instanceof VolumeRefused) return { outcome: error, crashes, attempts };
      machine.time += 10_000;
    }
  }
  throw new Error(`no outcome: ${JSON.stringify(machine.events.slice(-5))}`);
}

/** What has to be true of a node that has come up, now and after the power has failed. */
async function checkUp(machine: FakeMachine, history: string, outcome: unknown): Promise<void> {
  expect(outcome).toBe(history);
  expect(machine.sins).toEqual([]);
  expect(machine.mounted).toEqual(['rw', 'nosuid', 'nodev', 'noexec', 'noatime']);
  const marker = machine.files?.files().find(({ path }) => path === MARKER);
  expect(JSON.parse(marker?.content ?? 'null')).toEqual(OWNER);
  // nothing is left of the note, and nothing of files that were being written.
  expect(machine.device.read(machine.device.size() - MIB, MIB).equals(Buffer.alloc(MIB))).toBe(true);
  expect(machine.files?.files().filter(({ path }) => path.endsWith('.tmp'))).toEqual([]);
  // ClickHouse writes; then everything is lost that was not made to last.
  machine.files?.put('/mnt/data/written-later', 'precious too');
  const formats = machine.formats;
  machine.restart('power', 0);
  const again = await boot(machine);
  expect(again.outcome).toBe('unfinished');
  expect(machine.formats).toBe(formats);
  expect(machine.files?.files().find(({ path }) => path === '/mnt/data/written-later')?.content).toBe('precious too');
  expect(machine.sins).toEqual([]);
}

const freshMachine = (circumstances?: Circumstances): FakeMachine => new FakeMachine(circumstances);
const usedMachine = (circumstances?: Circumstances): FakeMachine => {
  const machine = new FakeMachine(circumstances);
  machine.use(OWNER);
  return machine;
};

test('a new volume is attached, formatted, mounted and claimed', async () => {
  const machine = freshMachine();
  const { outcome, attempts } = await boot(machine);
  expect([attempts, machine.formats]).toEqual([1, 1]);
  await checkUp(machine, 'empty', outcome);
  expect(machine.events.map(({ state }) => state)).toEqual(expect.arrayContaining(['attach', 'waiting', 'intend', 'format', 'check']));
});

test('again, nothing happens, and EC2 is not needed', async () => {
  const machine = freshMachine();
  await boot(machine);
  const before = [machine.device.fingerprint(), machine.files?.files(), machine.events.length];
  const failing = { describe: () => Promise.reject(new Error('no network')), attach: () => Promise.reject(new Error('no network')) };
  expect(await mountVolume(machine.request, { ...machine.world, volumes: failing })).toBe('empty');
  expect([machine.device.fingerprint(), machine.files?.files(), machine.events.length]).toEqual(before);
});

test.each<[string, (circumstances?: Circumstances) => FakeMachine]>([['a new volume', freshMachine], ['a volume with data', usedMachine]])(
  '%s, with an end before, in and after every single effect',
  async (_, make) => {
    let crashes = 0;
    for (const ending of ['kill', 'power', 'replaced'] as const) {
      for (const hit of ['before', 'half', 'after'] as const) {
        // which of several writes survive differs with it.
        for (const luck of ending === 'power' ? [0, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.99] : [0, 0.7]) {
          for (let after = 0, crashed = true; crashed; after += 1) {
            const machine = make();
            const held = machine.files ? machine.device.fingerprint() : undefined;
            const result = await boot(machine, [{ after, hit, luck, ending }]);
            crashed = result.crashes > 0;
            crashes += result.crashes;
            if (held !== undefined) {
              expect(machine.formats).toBe(0);
              expect(machine.device.fingerprint()).toBe(held);
              expect(machine.files?.files().find(({ path }) => path === '/mnt/data/uuid')?.content).toBe('precious');
            }
            await checkUp(machine, held === undefined ? 'empty' : 'unfinished', result.outcome);
          }
        }
      }
    }
    expect(crashes).toBeGreaterThan(make === freshMachine ? 400 : 100);
  },
  300_000,
);

const accident: fc.Arbitrary<Accident> = fc.record({
  after: fc.nat(12),
  hit: fc.constantFrom('before', 'half', 'after'),
  luck: fc.constantFrom(0, 0.2, 0.5, 0.8, 0.99),
  ending: fc.constantFrom<Ending>('kill', 'kill', 'power', 'replaced'),
});
const circumstances: fc.Arbitrary<Circumstances> = fc.record({
  attaching: fc.constantFrom(0, 1_000, 20_000, 200_000, 400_000),
  appearing: fc.constantFrom(0, 1_000, 20_000, 400_000),
  heldFor: fc.constantFrom(0, 0, 30_000, 700_000),
  throttled: fc.array(fc.boolean(), { maxLength: 12 }),
  stale: fc.nat(3),
});

test('through any accidents in any circumstances, a volume ends up mounted with what it held', async () => {
  let crashes = 0;
  let formats = 0;
  await fc.assert(
    fc.asyncProperty(circumstances, fc.array(accident, { minLength: 1, maxLength: 6 }), fc.boolean(), async (around, accidents, fresh) => {
      const machine = fresh ? freshMachine(around) : usedMachine(around);
      const held = machine.device.fingerprint();
      const result = await boot(machine, accidents);
      crashes += result.crashes;
      formats += machine.formats;
      if (!fresh) expect([machine.formats, machine.device.fingerprint()]).toEqual([0, held]);
      await checkUp(machine, fresh ? 'empty' : 'unfinished', result.outcome);
    }),
    { numRuns: Number(process.env.VOLUME_RUNS ?? 300) },
  );
  // the property is about something.
  expect(crashes).toBeGreaterThan(100);
  expect(formats).toBeGreaterThan(100);
}, 300_000);

const NOT_EMPTY: [string, (machine: FakeMachine) => void, RegExp][] = [
  ['xfs', ({ device }) => device.write(0, Buffer.from('XFSB')), /holds xfs/],
  ['LVM', ({ device }) => device.write(512, Buffer.from('LABELONE')), /holds LVM2_member/],
  ['two things at once', ({ device }) => [0, 512].forEach((at) => device.write(at, Buffer.from(at === 0 ? 'XFSB' : 'LABELONE'))), /contradict/],
  ['unknown data in the head', ({ device }) => device.write(3 * MIB + 17, Buffer.from('x')), /unknown kind/],
  ['unknown data in the tail', ({ device }) => device.write(device.size() - 1, Buffer.from('x')), /unknown kind/],
  ['the note of another volume', ({ device }) => device.write(device.size() - 4096, intentRecord('vol-0b')), /copied from another volume/],
  ['a filesystem that was in use, and our note', (machine) => {
    machine.use(OWNER);
    machine.device.write(1024 + 0x34, Buffer.from([1]));
    machine.device.write(machine.device.size() - 4096, intentRecord('vol-0a'));
  }, /was in use/],
];

test.each(NOT_EMPTY)('%s is refused through any accidents, and stays byte for byte', async (_, fill, reason) => {
  await fc.assert(
    fc.asyncProperty(circumstances, fc.array(accident, { maxLength: 4 }), async (around, accidents) => {
      const machine = freshMachine(around);
      fill(machine);
      machine.device.sync();
      const held = machine.device.read(0, machine.device.size());
      const { outcome } = await boot(machine, accidents);
      expect(outcome).toBeInstanceOf(VolumeRefused);
      expect(outcome).toMatchObject({ message: expect.stringMatching(reason) as string });
      expect(machine.device.read(0, machine.device.size()).equals(held)).toBe(true);
      expect([machine.formats, machine.mounted, machine.sins]).toEqual([0, undefined, []]);
    }),
    { numRuns: 15 },
  );
});

test.each<[string, { readonly cluster: string; readonly node: string } | undefined, RegExp]>([
  ['of another node', { cluster: 'blue', node: 'b-2' }, /belongs to node b-2 of cluster blue, not to node a-1 of cluster blue/],
  ['of another cluster', { cluster: 'red', node: 'a-1' }, /belongs to node a-1 of cluster red, not to node a-1 of cluster blue/],
  ['of nobody', undefined, /did not say whose/],
])('a volume with data %s is unmounted and refused', async (_, owner, reason) => {
  for (let after = 0; after < 8; after += 1) {
    const machine = freshMachine();
    machine.use(owner);
    const held = [machine.device.fingerprint(), machine.files?.files()];
    const { outcome } = await boot(machine, [{ after, hit: 'after', luck: 0, ending: 'kill' }]);
    expect(outcome).toMatchObject({ name: 'VolumeRefused', message: expect.stringMatching(reason) as string });
    expect(machine.mounted).toBeUndefined();
    expect([machine.device.fingerprint(), machine.files?.files()]).toEqual(held);
    expect([machine.formats, machine.sins]).toEqual([0, []]);
  }
});

test.each<[string, (machine: FakeMachine) => void, RegExp]>([
  ['a volume that does not exist', (machine) => void (machine.missing = true), /does not exist/],
  ['a volume that is being deleted', (machine) => void (machine.state = 'deleting'), /'deleting'/],
  ['content beneath the mount point', ({ root }) => {
    root.makeDirectory('/mnt/data', 0o755);
    root.put('/mnt/data/uuid', 'from a disk that ends with the machine');
  }, /"uuid" on the root disk/],
  ['a file in the place of the mount point', ({ root }) => root.put('/mnt/data', ''), /on the root disk/],
])('%s is refused', async (_, prepare, reason) => {
  const machine = freshMachine();
  prepare(machine);
  expect((await boot(machine)).outcome).toMatchObject({ name: 'VolumeRefused', message: expect.stringMatching(reason) as string });
  expect(machine.formats).toBe(0);
});

test('empty directories beneath the mount point, as packages bring them, are in nobody’s way', async () => {
  const machine = freshMachine();
  for (const path of ['/mnt/data', '/mnt/data/user_files']) machine.root.makeDirectory(path, 0o700);
  machine.root.syncDirectory('/mnt');
  await checkUp(machine, 'empty', (await boot(machine)).outcome);
  expect(machine.root.look('/mnt/data')).toMatchObject({ uid: 0, gid: 0, mode: 0o755 });
});

test('while another instance has the volume, it is waited for, named, and nothing is done', async () => {
  const machine = freshMachine({ ...PLAIN, heldFor: 3_600_000 });
  machine.begin();
  const start = machine.time;
  const error: unknown = await mountVolume(machine.request, machine.world).catch((thrown: unknown) => thrown);
  expect(error).not.toBeInstanceOf(VolumeRefused);
  expect(error).toMatchObject({ message: expect.stringMatching(/attached to instance i-0before.*after 60 seconds/) as string });
  expect(machine.time - start).toBeGreaterThanOrEqual(60_000);
  expect(machine.time - start).toBeLessThan(65_000);
  expect(machine.fate.done).toBe(0);
  // once, not with every look.
  expect(machine.events.filter(({ state }) => state === 'waiting')).toHaveLength(1);
});

test.each([
  ['VolumeInUse', true],
  ['IncorrectState', true],
  ['UnauthorizedOperation', false],
])('%s from attaching', async (name, again) => {
  const machine = freshMachine();
  machine.begin();
  let calls = 0;
  const volumes = {
    ...machine.world.volumes,
    attach: (...args: [string, string, string]) => (calls++ === 0 ? Promise.reject(Object.assign(new Error('no'), { name })) : machine.world.volumes.attach(...args)),
  };
  const outcome = await mountVolume(machine.request, { ...machine.world, volumes }).catch((error: unknown) => error);
  if (again) expect(outcome).toBe('empty');
  else expect(outcome).toMatchObject({ name });
  expect(outcome).not.toBeInstanceOf(VolumeRefused);
});

test.each([
  [0, 'empty'],
  [1, 'empty'],
  [2, /restarted/],
  [3, /restarted/],
  [4, 'refused'],
  [5, 'refused'],
  [8, 'refused'],
  [12, 'refused'],
  [32, /interrupted/],
])('e2fsck ends with %i', async (code, expected) => {
  const machine = freshMachine();
  machine.begin();
  const run = machine.world.programs.run.bind(machine.world.programs);
  const calls: string[] = [];
  const programs = {
    run: (program: string, args: readonly string[]) => {
      calls.push(program);
      return program === 'e2fsck' ? Promise.resolve({ code, stdout: '', stderr: '' }) : run(program, args);
    },
  };
  const outcome: unknown = await mountVolume(machine.request, { ...machine.world, programs }).catch((error: unknown) => error);
  if (expected === 'empty') expect(outcome).toBe('empty');
  else {
    expect(outcome instanceof VolumeRefused).toBe(expected === 'refused');
    expect(outcome).toMatchObject({ message: expect.stringMatching(expected instanceof RegExp ? expected : /damaged.*run e2fsck by hand/) as string });
    expect(calls).not.toContain('mount');
  }
});

test('a step without effect is no reason to do it for ever', async () => {
  const machine = freshMachine();
  machine.begin();
  const run = machine.world.programs.run.bind(machine.world.programs);
  const programs = { run: (program: string, args: readonly string[]) => (program === 'mount' ? Promise.resolve({ code: 0, stdout: '', stderr: '' }) : run(program, args)) };
  await expect(mountVolume(machine.request, { ...machine.world, programs })).rejects.toThrow(/'check' had no effect/);
});

test('a program that fails leaves the note, and the next call formats again', async () => {
  const machine = freshMachine();
  machine.begin();
  const run = machine.world.programs.run.bind(machine.world.programs);
  const programs = { run: (program: string, args: readonly string[]) => (program === 'mkfs.ext4' ? Promise.resolve({ code: 1, stdout: '', stderr: 'no memory' }) : run(program, args)) };
  await expect(mountVolume(machine.request, { ...machine.world, programs })).rejects.toThrow(/no memory/);
  await checkUp(machine, 'empty', (await boot(machine)).outcome);
  expect(machine.formats).toBe(1);
});

test('whose it is lasts, although the process that wrote it ended before it did', async () => {
  const machine = freshMachine();
  await boot(machine);
  machine.files?.remove(MARKER);
  // for good: it is not to come back in a power failure and pass for one that was made to last.
  machine.files?.syncDirectory('/mnt/data');
  // the name is there and would not survive.
  machine.begin({ after: 5, hit: 'before', kind: 'kill', luck: 0 });
  const { files } = machine;
  if (files === undefined) throw new Error('there must be files');
  expect(() => claim(files, '/mnt/data', OWNER)).toThrow('has ended');
  machine.restart('kill', 0);
  expect(files.look(MARKER)).toBeDefined();
  await boot(machine);
  machine.restart('power', 0);
  expect(files.look(MARKER)).toBeDefined();
  await checkUp(machine, 'empty', (await boot(machine)).outcome);
});
