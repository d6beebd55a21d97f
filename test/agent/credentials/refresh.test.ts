import * as fc from 'fast-check';
import { refresh } from '../../../lib/agent/credentials/refresh';
import type { Crash } from './fake-disk';
import type { Name } from './world';
import { GRACE, MEMORY, NAMES, USERS, World } from './world';

const name = fc.constantFrom(...NAMES);
const crash: fc.Arbitrary<Crash> = fc.record({ after: fc.nat(60), hit: fc.constantFrom('before', 'after', 'half'), kind: fc.constantFrom('kill', 'power'), luck: fc.constantFrom(0, 0.3, 0.5, 0.99) });
const failures = fc.array(fc.constantFrom(undefined, undefined, 'ThrottlingException', 'AccessDeniedException', 'TimeoutError', 'InternalServiceError', 'DecryptionFailure'), { maxLength: 12 });

type Act =
  | { readonly what: 'put'; readonly name: Name; readonly value: 'good' | 'malformed' | 'other' }
  | { readonly what: 'set'; readonly name: Name; readonly value: 'good' | 'malformed' }
  | { readonly what: 'empty' | 'promote' | 'withdraw' | 'delete'; readonly name: Name }
  | { readonly what: 'declare'; readonly names: readonly Name[]; readonly privilege: string; readonly profile: string; readonly extras: readonly string[] }
  | { readonly what: 'wait'; readonly milliseconds: number }
  | { readonly what: 'pass' | 'revoke'; readonly crash?: Crash; readonly failures: readonly (string | undefined)[] }
  | { readonly what: 'forget'; readonly damage?: string }
  | { readonly what: 'replace' };

const pass = fc.record({ what: fc.constant('pass' as const), crash: fc.option(crash, { nil: undefined }), failures: fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, failures) });
const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ what: fc.constant('put' as const), name, value: fc.constantFrom('good' as const, 'good' as const, 'good' as const, 'malformed' as const, 'other' as const) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('set' as const), name, value: fc.constantFrom('good' as const, 'malformed' as const) }) },
  { weight: 6, arbitrary: fc.record({ what: fc.constantFrom('promote' as const, 'promote' as const, 'promote' as const, 'withdraw' as const, 'empty' as const), name }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('delete' as const), name }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('declare' as const), names: fc.subarray([...NAMES]), privilege: fc.constantFrom('SELECT', 'INSERT'), profile: fc.constantFrom('default', 'web', 'batch'), extras: fc.subarray(['limits', 'more']) }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('wait' as const), milliseconds: fc.constantFrom(0, 400, 60_000, GRACE / 2, GRACE, 2 * GRACE) }) },
  { weight: 10, arbitrary: pass },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('revoke' as const), crash: fc.option(crash, { nil: undefined }), failures: fc.constant([]) }) },
  { weight: 1, arbitrary: fc.record({ what: fc.constant('forget' as const), damage: fc.constantFrom(undefined, '', '{', '{"schema":1}', 'null', '{"schema":1,"secret":"x","leaving":[{"version":"a","until":1e999}]}') }) },
  { weight: 1, arbitrary: fc.constant({ what: 'replace' as const }) },
);

async function perform(world: World, each: Act): Promise<void> {
  switch (each.what) {
    case 'put':
      return world.put(each.name, each.value, 'AWSPENDING');
    case 'set':
      return world.put(each.name, each.value, 'AWSCURRENT');
    case 'empty':
      return world.emptyPending(each.name);
    case 'promote':
      return world.promote(each.name);
    case 'withdraw':
      return world.withdraw(each.name);
    case 'delete':
      return world.toggleDeletion(each.name);
    case 'declare':
      return world.declare(each.names, each.privilege, each.profile, each.extras);
    case 'wait':
      world.now += each.milliseconds;
      return;
    case 'forget':
      return world.forget(each.damage);
    case 'replace':
      return world.newInstance();
    case 'pass':
    case 'revoke': {
      world.failures.splice(0, Infinity, ...each.failures);
      world.revoking = each.what === 'revoke';
      const report = await world.pass(each.what === 'revoke' ? 'revoke' : 'refresh', each.crash);
      world.revoking = false;
      world.failures.length = 0;
      if (report !== undefined && each.failures.length === 0) world.checkSettled();
      return;
    }
  }
}

test('whatever happens and wherever the process ends: whole files, nobody refused in his time, nobody admitted after it, no password anywhere', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(act, { maxLength: 25 }), async (acts) => {
      const world = new World();
      for (const each of acts) await perform(world, each);
      // converges from wherever this has led, without anybody telling it what it missed.
      await world.pass();
      world.checkSettled();
      const again = await world.pass();
      expect(again).toMatchObject({ written: [], removed: [], kept: [], stale: [], retry: false, changed: false });
      world.checkSilence();
    }),
    { numRuns: Number(process.env.CREDENTIAL_RUNS ?? 80) },
  );
});

test.each(['kill', 'power'] as const)('a rotation with a %s before, in and after every single effect of every pass', async (kind) => {
  const two = ['ingest', 'reader'] as const;
  for (const hit of ['before', 'half', 'after'] as const) {
    for (let after = 0, crashed = true; crashed; after++) {
      const world = new World();
      world.declare(two, 'SELECT');
      const crashing = { after, hit, kind, luck: after % 2 === 0 ? 0 : 0.7 };
      crashed = false;
      const hitPass = async (): Promise<void> => {
        if ((await world.pass('refresh', crashing)) === undefined) crashed = true;
      };
      await hitPass();
      await world.pass();
      for (const each of two) world.put(each, 'good', 'AWSPENDING');
      await hitPass();
      await world.pass();
      world.checkSettled();
      for (const each of two) world.promote(each);
      await hitPass();
      world.now += GRACE / 2;
      await world.pass();
      world.checkSettled();
      world.now += GRACE;
      await hitPass();
      await world.pass();
      world.checkSettled();
      for (const each of two) expect(world.admitted().get(each)?.size).toBe(1);
      world.checkSilence();
    }
  }
});

test('a revocation that has ended is not undone by anything the node does later', async () => {
  const world = new World();
  await world.pass();
  for (const each of NAMES) {
    world.put(each, 'good', 'AWSPENDING');
    world.promote(each);
  }
  await world.pass();
  for (const each of NAMES) expect(world.admitted().get(each)?.size).toBe(2);
  world.revoking = true;
  await world.pass('revoke');
  world.revoking = false;
  for (const each of NAMES) expect(world.admitted().get(each)?.size).toBe(1);
  world.declare([], 'SELECT');
  await world.pass();
  world.declare(NAMES, 'SELECT');
  await world.pass();
  for (const each of NAMES) expect(world.admitted().get(each)?.size).toBe(1);
});

test('a revocation does not wait for a version that cannot be read', async () => {
  const world = new World();
  world.declare(['ingest'], 'SELECT');
  await world.pass();
  world.put('ingest', 'good', 'AWSPENDING');
  world.promote('ingest');
  await world.pass();
  world.put('ingest', 'good', 'AWSPENDING');
  // the labels and the current version can be read, the pending one cannot.
  world.failures.push(undefined, undefined, 'ThrottlingException');
  world.revoking = true;
  const report = await world.pass('revoke');
  world.revoking = false;
  expect(report).toMatchObject({ written: ['ingest'], retry: true, notes: [{ user: 'ingest', reason: 'a version cannot be read: ThrottlingException' }] });
  expect(world.admitted().get('ingest')?.size).toBe(1);
  await world.pass();
  expect(world.admitted().get('ingest')?.size).toBe(2);
  world.checkSettled();
});

test('a revocation that ended right after its memory was written is completed by the next refresh', async () => {
  // until the memory is complete nothing was decided; from then on it is.
  let completed = 0;
  for (let after = 0; after < 40; after++) {
    const world = new World();
    world.declare(['ingest'], 'SELECT');
    await world.pass();
    world.put('ingest', 'good', 'AWSPENDING');
    world.promote('ingest');
    await world.pass();
    world.revoking = true;
    await world.pass('revoke', { after, hit: 'before', kind: 'kill', luck: 0 });
    world.revoking = false;
    const decided = world.disk.files(MEMORY).get('ingest.json')?.content.includes('revoked') === true;
    const done = world.admitted().get('ingest')?.size === 1;
    expect(done && !decided).toBe(false);
    await world.pass();
    if (decided) {
      completed += 1;
      expect(world.admitted().get('ingest')?.size).toBe(1);
    }
  }
  expect(completed).toBeGreaterThan(1);
});

describe('what a user is told apart by', () => {
  test('a current value nobody can use leaves him out and the others in; a pending one changes nothing', async () => {
    const world = new World();
    await world.pass();
    world.put('ingest', 'other', 'AWSPENDING');
    world.put('reader', 'malformed', 'AWSCURRENT');
    const report = await world.pass();
    expect(report).toMatchObject({
      removed: ['reader'],
      leftOut: [{ user: 'reader', reason: 'the current version cannot be used: the value is not JSON' }],
      notes: [{ user: 'ingest', reason: "a version beside the current one cannot be used: its 'username' is not this user" }],
      kept: [],
      retry: false,
    });
    expect([...world.admitted().keys()].sort()).toEqual(['certified', 'ingest', 'loader']);
  });

  test('a secret that cannot be read keeps what was admitted, and takes the new grants all the same', async () => {
    const world = new World();
    await world.pass();
    world.put('ingest', 'good', 'AWSPENDING');
    world.declare(NAMES, 'INSERT');
    world.failures.push(...Array<string>(20).fill('ThrottlingException'));
    const before = world.admitted();
    const report = await world.pass();
    expect(report?.kept.map(({ reason }) => reason)).toEqual(Array(3).fill('the secret cannot be described: ThrottlingException'));
    expect(report?.retry).toBe(true);
    expect(world.admitted()).toEqual(before);
    expect(world.disk.files(USERS).get('ingest.xml')?.content).toContain('GRANT INSERT');
  });

  test('a secret that cannot be read on a node that never could leaves him out, and it is tried again', async () => {
    const world = new World();
    world.failures.push(...Array<string>(20).fill('AccessDeniedException'));
    const report = await world.pass();
    expect(report?.leftOut.map(({ user }) => user)).toEqual(['ingest', 'loader', 'reader']);
    expect(report?.retry).toBe(true);
    expect([...world.admitted().keys()]).toEqual(['certified']);
  });

  test('a hole that cannot be filled keeps the file that is there and hinders nobody', async () => {
    const world = new World();
    await world.pass();
    const old = world.disk.files(USERS).get('ingest.xml')?.content;
    world.declared = world.declared.map((each) => (each.user === 'ingest' ? { ...each, template: each.template.replace('@{clientNetworks}', '@{somethingNew}') } : each));
    world.put('loader', 'good', 'AWSPENDING');
    const report = await world.pass();
    expect(report).toMatchObject({ written: ['loader'], kept: [{ user: 'ingest', reason: expect.stringMatching(/somethingNew/) as string }] });
    expect(world.disk.files(USERS).get('ingest.xml')?.content).toBe(old);
  });

  test.each([
    ['another user', (template: string) => template.replace(/ingest>/g, 'reader>')],
    ['no XML', (template: string) => template.slice(0, -20)],
    ['two users', (template: string) => template.replace('</users>', '<admin/></users>')],
    ['the end of a document', () => ''],
  ])('a document that is %s is not written', async (_, broken) => {
    const world = new World();
    world.declared = world.declared.map((each) => (each.user === 'ingest' ? { ...each, template: broken(each.template) } : each));
    const report = await world.pass();
    expect(report?.leftOut.map(({ user }) => user)).toEqual(['ingest']);
    expect([...world.admitted().keys()].sort()).toEqual(['certified', 'loader', 'reader']);
  });

  test.each(['../escape', 'default', 'extra-limits', 'node_maintenance'])('the name %s is no user, whatever the manifest says', async (user) => {
    const world = new World();
    world.declared = [{ user, path: `${USERS}/${user}.xml`, template: '<clickhouse><users/></clickhouse>' }];
    world.disk.put('/etc/clickhouse-server/escape.xml', '<clickhouse/>');
    const report = await world.pass();
    expect(report?.leftOut.map((each) => each.user)).toEqual([user]);
    expect([...world.disk.files('/etc/clickhouse-server').keys()]).toEqual(['escape.xml', 'users.xml']);
    expect([...world.disk.files(USERS).keys()]).toEqual(['extra-limits.xml']);
    expect(world.disk.files(USERS).get('extra-limits.xml')?.content).toBe('<clickhouse/>');
  });

  test('a memory that cannot be written keeps nobody from logging in, and is told', async () => {
    const world = new World();
    await world.pass();
    world.put('ingest', 'good', 'AWSPENDING');
    const create = world.disk.create.bind(world.disk);
    world.disk.create = (path) => {
      if (path.startsWith(MEMORY)) throw Object.assign(new Error(path), { code: 'ENOSPC' });
      return create(path);
    };
    const report = await world.pass();
    expect(report).toMatchObject({ written: ['ingest'], retry: true });
    expect(report?.notes).toEqual([{ user: 'ingest', reason: expect.stringMatching(/ENOSPC/) as string }]);
  });

  test('a disk that is full keeps every old file', async () => {
    const world = new World();
    await world.pass();
    for (const each of NAMES) world.put(each, 'good', 'AWSPENDING');
    const before = world.disk.files(USERS);
    world.disk.create = () => {
      throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    };
    const report = await world.pass();
    expect(report?.kept).toHaveLength(3);
    expect(world.disk.files(USERS)).toEqual(before);
  });

  test('ages are those of the current version; of a secret that cannot be read there is none', async () => {
    const world = new World();
    const node = world.node();
    const report = await refresh({ ...node, store: { ...node.store, value: async (secret, version) => ({ ...(await node.store.value(secret, version)), created: world.now - 90_000 }), describe: (secret) => (secret.includes('loader') ? Promise.reject(new Error()) : node.store.describe(secret)) } });
    expect(report.ages).toEqual([{ user: 'ingest', seconds: 90 }, { user: 'reader', seconds: 90 }]);
  });
});
