import type { CredentialNode } from '../../../lib/agent/credentials/refresh';
import { refresh, revokeLeaving } from '../../../lib/agent/credentials/refresh';
import type { Disk } from '../../../lib/agent/disk';
import { userDocument, usersDocument } from '../../../lib/config/users';
import { renderXml } from '../../../lib/config/xml';
import { GRACE, MAIN, NAMES, USERS, World } from './world';

const full = (path: string): Error => Object.assign(new Error(path), { code: 'ENOSPC' });

/** From one profile to another, with a user and an extra document less: what the deployment before has left. */
async function deployed(): Promise<World> {
  const world = new World();
  world.declare(NAMES, 'SELECT', 'web', ['limits', 'more']);
  await world.pass();
  world.declare(['ingest', 'reader'], 'SELECT', 'batch', ['limits']);
  return world;
}

const users = (world: World): string[] => [...world.disk.files(USERS).keys()].filter((name) => !name.startsWith('extra-')).sort();
const profileOf = (world: World, user: string): string | undefined => /<profile>(.*)<\/profile>/.exec(world.disk.files(USERS).get(`${user}.xml`)?.content ?? '')?.[1];
const hasProfile = (world: World, profile: string): boolean => world.disk.files('/etc/clickhouse-server').get('users.xml')?.content.includes(`<${profile}>`) === true;

/** A node whose every effect and every moment of waiting is written down, in order. Its store is slow, and so is what documents are filled with. */
function recorded(world: World): { readonly node: CredentialNode; readonly events: string[] } {
  const events: string[] = [];
  const node = world.node();
  const slowly = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
    events.push(`${what} begins`);
    for (const milliseconds of [0, 2]) await new Promise((resolve) => setTimeout(resolve, milliseconds));
    const answer = await act();
    events.push(`${what} ends`);
    return answer;
  };
  const did = (what: string): void => {
    events.push(what);
    // runs as soon as anybody waits for anything, however shortly.
    if (what.includes('/etc/')) queueMicrotask(() => events.push('waited'));
  };
  const { disk } = world;
  const [rename, remove] = [disk.rename.bind(disk), disk.remove.bind(disk)];
  disk.rename = (from, to) => (did(`write ${to}`), rename(from, to));
  disk.remove = (path) => (did(`remove ${path}`), remove(path));
  const { store } = node;
  return {
    events,
    node: {
      ...node,
      documents: () => slowly('fetch', node.documents),
      store: { describe: (secret) => slowly('read', () => store.describe(secret)), value: (secret, version) => slowly('read', () => store.value(secret, version)) },
    },
  };
}

test.each([['refresh', refresh], ['revoke', revokeLeaving]] as const)('%s waits for nothing from the first document to the last user', async (_, run) => {
  const world = await deployed();
  for (const each of ['ingest', 'reader'] as const) world.put(each, 'good', 'AWSPENDING');
  const { node, events } = recorded(world);
  const report = await run(node);
  expect(report).toMatchObject({ written: ['certified', 'ingest', 'reader'], removed: ['loader'], stale: [], changed: true });
  const inEtc = events.filter((each) => each !== 'waited');
  // whoever is not declared goes first, before anybody is asked for anything.
  expect(inEtc.slice(0, 2)).toEqual([`remove ${USERS}/loader.xml`, 'fetch begins']);
  const first = events.indexOf(`write ${MAIN}`);
  expect(events.lastIndexOf('read ends')).toBeLessThan(first);
  expect(events.filter((each) => each === 'read begins').length).toBe(6);
  const together = events.slice(first, first + 5);
  expect(together.slice(1, 4).sort()).toEqual(['certified', 'ingest', 'reader'].map((user) => `write ${USERS}/${user}.xml`));
  expect(together[4]).toBe(`remove ${USERS}/extra-more.xml`);
  expect(events.slice(first + 5).every((each) => each === 'waited')).toBe(true);
  expect(world.dangling()).toEqual([]);
});

test.each(['kill', 'power'] as const)('a profile that goes, with a %s before, in and after every single effect: the next pass completes it', async (kind) => {
  let between = 0;
  for (const hit of ['before', 'half', 'after'] as const) {
    for (let after = 0, crashed = true; crashed; after++) {
      const world = await deployed();
      for (const each of ['ingest', 'reader'] as const) {
        world.put(each, 'good', 'AWSPENDING');
        world.promote(each);
      }
      crashed = (await world.pass('refresh', { after, hit, kind, luck: after % 2 === 0 ? 0 : 0.7 })) === undefined;
      if (world.dangling().length > 0) between += 1;
      await world.pass();
      world.checkSettled();
      expect(['ingest', 'reader', 'certified'].map((each) => profileOf(world, each))).toEqual(['batch', 'batch', 'batch']);
      expect(users(world)).toEqual(['certified.xml', 'ingest.xml', 'reader.xml']);
      world.now += GRACE;
      await world.pass();
      for (const each of ['ingest', 'reader']) expect(world.admitted().get(each)?.size).toBe(1);
      world.checkSilence();
    }
  }
  // it did end between documents and users.
  expect(between).toBeGreaterThan(2);
});

describe('documents that cannot be written', () => {
  test.each([
    ['for want of a value', (world: World) => {
      const { live } = world;
      world.live = live.map((each) => ({ ...each, template: each.template.replace('@{maintenanceHash}', '@{interserverPassword}') }));
      return () => void (world.live = live);
    }],
    ['since the disk is full', (world: World) => {
      const create = world.disk.create.bind(world.disk);
      world.disk.create = (path) => {
        if (path.includes('users.xml')) throw full(path);
        return create(path);
      };
      return () => void (world.disk.create = create);
    }],
  ])('%s leave every declared user as he is, and still take away who is not declared', async (_, broken) => {
    const world = await deployed();
    world.put('ingest', 'good', 'AWSPENDING');
    world.toggleDeletion('reader');
    const before = world.disk.files(USERS);
    const repair = broken(world);
    await expect(refresh(world.node())).rejects.toThrow();
    before.delete('loader.xml');
    expect(world.disk.files(USERS)).toEqual(before);
    expect(hasProfile(world, 'web')).toBe(true);
    expect(world.dangling()).toEqual([]);
    repair();
    expect(await world.pass()).toMatchObject({ written: ['certified', 'ingest'], removed: ['reader'], stale: [] });
    world.checkSettled();
  });

  test('since what fills them cannot be fetched: nobody is asked for a secret, and who is not declared goes', async () => {
    const world = await deployed();
    const { node, events } = recorded(world);
    await expect(refresh({ ...node, documents: () => Promise.reject(new Error('the internal secret cannot be read')) })).rejects.toThrow('internal secret');
    expect(events.filter((each) => each !== 'waited')).toEqual([`remove ${USERS}/loader.xml`]);
    expect(hasProfile(world, 'web')).toBe(true);
  });

  test('nothing is cleaned away before the users are written', async () => {
    const world = await deployed();
    const node = world.node();
    const order: string[] = [];
    const ready = await node.documents();
    const look = (what: string): void => void order.push(`${what}: ${profileOf(world, 'ingest')}`);
    await refresh({ ...node, documents: () => Promise.resolve({ write: () => (ready.write(), look('written')), clean: () => (look('cleaned'), ready.clean()) }) });
    expect(order).toEqual(['written: web', 'cleaned: batch']);
  });
});

describe('what a file is that is not new', () => {
  test('of a user whose secret cannot be read it is new but for passwords: not stale, and told as written', async () => {
    const world = await deployed();
    world.failures.push(...Array<string>(20).fill('AccessDeniedException'));
    const before = world.admitted();
    const report = await world.pass();
    expect(report).toMatchObject({ kept: [{ user: 'ingest' }, { user: 'reader' }], stale: [], written: ['certified', 'ingest', 'reader'], changed: true, retry: true });
    for (const each of ['ingest', 'reader']) {
      expect(profileOf(world, each)).toBe('batch');
      expect(world.admitted().get(each)).toEqual(before.get(each));
    }
    world.failures.splice(0, Infinity, ...Array<string>(20).fill('AccessDeniedException'));
    expect(await world.pass()).toMatchObject({ stale: [], written: [], changed: false, retry: true });
  });

  test('of a user who cannot be finished it is stale', async () => {
    const world = new World();
    await world.pass();
    world.declared = world.declared.map((each) => (each.user === 'ingest' ? { ...each, template: each.template.replace('@{clientNetworks}', '@{somethingNew}') } : each));
    expect(await world.pass()).toMatchObject({ kept: [{ user: 'ingest' }], stale: ['ingest'], changed: false, retry: false });
  });

  test('of a user who gets a password and whose secret cannot be read it is stale', async () => {
    const world = new World();
    const certified = { user: 'ingest', path: `${USERS}/ingest.xml`, template: renderXml(userDocument({ name: 'ingest', password: false, certificate: { commonName: 'ingest' } })) };
    world.declared = [certified];
    await world.pass();
    world.declare(['ingest'], 'SELECT');
    world.failures.push('ThrottlingException');
    expect(await world.pass()).toMatchObject({ kept: [{ user: 'ingest' }], stale: ['ingest'], retry: true });
  });

  test.each([
    ['a profile', { profile: 'web' }, 'profiles/web'],
    ['a quota', { quota: 'hourly' }, 'quotas/hourly'],
    ['a role', { roles: ['analyst'] }, 'roles/analyst'],
  ])('of a user who cannot be finished and had %s that goes, there is none: nobody else is refused for him', async (_, model, missing) => {
    const world = new World();
    world.live = [{ path: MAIN, template: renderXml(usersDocument([{ name: 'web' }], [{ name: 'hourly', intervals: [{ durationSeconds: 3600, queries: 9 }] }], [{ name: 'analyst', grants: [{ privileges: ['SELECT'], database: 'events' }] }])) }];
    world.declared = world.declared.map((each) => (each.user === 'ingest' ? { ...each, template: renderXml(userDocument({ name: 'ingest', ...model })) } : each));
    expect(await world.pass()).toMatchObject({ stale: [], kept: [], leftOut: [] });
    world.declare(NAMES, 'SELECT');
    world.declared = world.declared.map((each) => (each.user === 'ingest' ? { ...each, template: each.template.replace('@{clientNetworks}', '@{somethingNew}') } : each));
    // not by `pass`, which says of everybody that he is not refused in his time.
    const report = await refresh(world.node());
    expect(report).toMatchObject({ removed: ['ingest'], kept: [], stale: [], leftOut: [{ user: 'ingest', reason: expect.stringContaining(missing) as string }], changed: true });
    expect(world.dangling()).toEqual([]);
  });

  test('of a user whose new file does not fit on the disk: the old one stays unless everybody would be refused for it', async () => {
    const world = new World();
    world.declare(NAMES, 'SELECT', 'web');
    await world.pass();
    const create = world.disk.create.bind(world.disk);
    world.disk.create = (path) => {
      if (path.startsWith(`${USERS}/.ingest.xml`) || path.startsWith(`${USERS}/.certified.xml`)) throw full(path);
      return create(path);
    };
    world.declare(NAMES, 'INSERT', 'web');
    expect(await world.pass()).toMatchObject({ written: ['loader', 'reader'], kept: [{ user: 'ingest', reason: expect.stringMatching(/ENOSPC/) as string }], stale: ['ingest'], retry: true, changed: true });
    world.declare(NAMES, 'INSERT', 'batch');
    expect(await refresh(world.node())).toMatchObject({ written: ['loader', 'reader'], removed: ['certified', 'ingest'], kept: [], stale: ['certified', 'ingest'], retry: true });
    expect(world.dangling()).toEqual([]);
    expect(users(world)).toEqual(['loader.xml', 'reader.xml']);
    world.disk.create = create;
    await world.pass();
    world.checkSettled();
  });

  test('of somebody who is not declared and cannot be removed it is stale; of somebody who is left out there is none', async () => {
    const world = await deployed();
    world.toggleDeletion('reader');
    const remove = world.disk.remove.bind(world.disk);
    world.disk.remove = (path) => {
      if (path.endsWith('/loader.xml')) throw Object.assign(new Error(path), { code: 'EIO' });
      remove(path);
    };
    // his own file refers to the profile that goes; that is what an operator has to be told.
    const report = await refresh(world.node());
    expect(report).toMatchObject({ removed: ['reader'], leftOut: [{ user: 'reader' }], kept: [{ user: 'loader', reason: expect.stringMatching(/not declared any more.*EIO/) as string }], stale: ['loader'], retry: true });
    world.disk.remove = (path) => {
      if (path.endsWith('/ingest.xml')) throw Object.assign(new Error(path), { code: 'EIO' });
      remove(path);
    };
    world.toggleDeletion('ingest');
    expect(await refresh(world.node())).toMatchObject({ removed: ['loader'], kept: [{ user: 'ingest' }], stale: ['ingest'], retry: true, changed: true });
  });

  test('of a user whose path is not his it is stale when there is one', async () => {
    const world = new World();
    await world.pass();
    const twisted = (user: string): void => void (world.declared = world.declared.map((each) => (each.user === user ? { ...each, path: `${USERS}/other.xml` } : each)));
    twisted('ingest');
    expect(await refresh(world.node())).toMatchObject({ leftOut: [{ user: 'ingest' }], stale: ['ingest'], changed: false });
    const fresh = new World();
    fresh.declared = fresh.declared.map((each) => (each.user === 'ingest' ? { ...each, path: `${USERS}/other.xml` } : each));
    expect(await refresh(fresh.node())).toMatchObject({ leftOut: [{ user: 'ingest' }], stale: [] });
  });

  test('nothing of a name that is no user is touched, also when the directory cannot be looked at any more', async () => {
    const world = new World();
    world.declare([], 'SELECT', 'default', []);
    world.declared = [{ user: '../escape', path: `${USERS}/../escape.xml`, template: '<clickhouse><users/></clickhouse>' }];
    world.disk.put('/etc/clickhouse-server/escape.xml', '<clickhouse/>');
    const list = world.disk.list.bind(world.disk);
    let looks = 0;
    world.disk.list = (path) => {
      // tidying up and looking for whom nobody declares come first.
      if (path === USERS && ++looks > 2) throw Object.assign(new Error(path), { code: 'EIO' });
      return list(path);
    };
    await expect(refresh(world.node())).rejects.toThrow();
    expect(looks).toBeGreaterThan(2);
    expect([...world.disk.files('/etc/clickhouse-server').keys()]).toContain('escape.xml');
  });

  test('an error that comes after the deed counts as a change: the server has to look', async () => {
    const world = new World();
    await world.pass();
    world.declare(NAMES, 'INSERT');
    const node = world.node();
    let synced = 0;
    const disk: Disk = new Proxy(world.disk, {
      get: (target, key) => {
        const value: unknown = Reflect.get(target, key);
        if (key !== 'syncDirectory') return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        return (path: string) => {
          target.syncDirectory(path);
          // the first one is that of tidying up.
          if (path === USERS && ++synced > 1) throw Object.assign(new Error(path), { code: 'EIO' });
        };
      },
    });
    const report = await refresh({ ...node, disk });
    expect(report).toMatchObject({ written: [], stale: ['ingest', 'loader', 'reader'], changed: true, retry: true });
    expect(world.disk.files(USERS).get('ingest.xml')?.content).toContain('GRANT INSERT');
    // the next one finds it done.
    expect(await world.pass()).toMatchObject({ written: [], stale: [], retry: false });
  });
});
