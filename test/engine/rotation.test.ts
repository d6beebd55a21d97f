import type { ClusterModel } from '../../lib/config/manifests';
import { bootManifest, liveManifest } from '../../lib/config/manifests';
import { describeEngine } from './engine';
import { LiveCluster } from './live/cluster';
import type { Tally } from './live/load';
import { Load, total } from './live/load';
import { EVENTS, cluster as sized } from './rendered';

const USERS = ['ingest', 'reports', 'owner'];
const DAY_SECONDS = 86_400;
const MODEL: ClusterModel = {
  ...EVENTS,
  ...sized(1, 2, 3),
  users: (EVENTS.users ?? []).filter(({ name }) => USERS.includes(name)),
  secrets: Object.fromEntries(USERS.map((name) => [name, { arn: 'a secret of the model', graceSeconds: DAY_SECONDS }])),
  // not where clients are: who may log in from there is decided by the user's document as well.
  rotationNetworks: ['10.30.0.0/24'],
};
const ROTATED = ['Created', 'Accepted', 'Tested', 'Promoted'];
/** How often at least each kind of login is made on each node while something goes on; far more in fact. */
const SEVERAL = 5;

/** What was sent between two moments. */
interface Phase {
  readonly before: Tally;
  readonly after: Tally;
}

describeEngine('rotations of several users on two nodes, under load', () => {
  let cluster: LiveCluster;
  let load: Load | undefined;
  const passwords: Record<string, Record<'first' | 'second' | 'third', string>> = {};
  const outcomes: Record<string, string[]> = {};
  const phases: Record<string, Phase> = {};
  const doors: Record<string, Record<string, number[]>> = {};
  let tally: Tally;

  async function phase(name: string, act: () => Promise<void>): Promise<void> {
    const before = load?.tally();
    await act();
    const after = load?.tally();
    if (before !== undefined && after !== undefined) phases[name] = { before, after };
  }

  /** What each password of a user is answered with on each node, once every node serves what it knows. */
  async function everyDoor(): Promise<Record<string, number[]>> {
    await cluster.settled();
    const rows = Object.entries(passwords).flatMap(([user, all]) => Object.entries(all).map(([which, password]) => ({ name: `${user}, ${which}`, who: { user, password } })));
    const found: Record<string, number[]> = {};
    for (const { name, who } of rows) found[name] = await Promise.all(cluster.nodes.map(async (node) => (await cluster.ask(node, who)).status));
    return found;
  }

  const remember = (which: 'first' | 'second' | 'third'): void => {
    for (const user of USERS) passwords[user] = { ...(passwords[user] ?? { first: '', second: '', third: '' }), [which]: cluster.current(user) };
  };

  // one story, told once: each test looks at a part of it.
  beforeAll(async () => {
    cluster = await LiveCluster.start({ boot: bootManifest(MODEL, 'server'), live: liveManifest(MODEL) });
    remember('first');
    load = new Load(cluster);
    await phase('everybody is rotated at once', async () => {
      await Promise.all(USERS.map(async (user) => (outcomes[user] = await cluster.rotate(user))));
    });
    remember('second');
    await phase('one is rotated again within the grace', async () => {
      outcomes['ingest again'] = await cluster.rotate('ingest');
    });
    remember('third');
    doors['within the grace'] = await everyDoor();
    await phase('the grace ends', () => cluster.graceEnds());
    doors['after the grace'] = await everyDoor();
    await phase('one is rotated when earlier passwords have expired', async () => {
      // the first node is ready when the second has not even heard of it.
      cluster.commandSpread = 2_500;
      outcomes['reports again'] = await cluster.rotate('reports');
      await cluster.settled();
    });
    tally = await load.stop();
  }, 180_000);

  afterAll(async () => {
    await load?.stop();
    await cluster?.stop();
  });

  test('every rotation goes through at the first attempt', () => {
    expect(outcomes).toEqual({ ingest: ROTATED, reports: ROTATED, owner: ROTATED, 'ingest again': ROTATED, 'reports again': ROTATED });
    expect(cluster.nodes.map(({ trouble }) => trouble)).toEqual([[], []]);
  });

  test('no login is refused that must not be, and none let in', () => {
    expect(tally.surprises).toEqual([]);
    expect(total(tally.accepted) + total(tally.refused)).toBe(tally.sent);
  });

  test.each([
    ['everybody is rotated at once', []],
    ['one is rotated again within the grace', ['in its grace']],
    ['the grace ends', []],
    ['one is rotated when earlier passwords have expired', []],
  ])('while %s, everybody logs in on every node all the time', (name, more) => {
    const { before, after } = phases[name] ?? {};
    const least = Object.fromEntries(['server-1-1', 'server-1-2'].flatMap((node) => USERS.flatMap((user) => ['current', ...more].map((which) => [`${user}, ${which}, on ${node}`, SEVERAL]))));
    const made = Object.fromEntries(Object.keys(least).map((key) => [key, Math.min((after?.accepted[key] ?? 0) - (before?.accepted[key] ?? 0), SEVERAL)]));
    expect(made).toEqual(least);
  });

  test.each([
    ['everybody is rotated at once', []],
    ['one is rotated again within the grace', []],
    ['the grace ends', []],
    ['one is rotated when earlier passwords have expired', ['an expired password']],
  ])('while %s, everything else is tried on every node all the time', (name, more) => {
    const { before, after } = phases[name] ?? {};
    const made = Object.entries(after?.refused ?? {}).filter(([key, count]) => count > (before?.refused[key] ?? 0)).map(([key]) => key).sort();
    const attacks = [
      'a wrong password', 'an empty password', 'no login', 'default, with an empty password', 'default, with the password of a user', 'a name that is nobody', 'a name in capitals', 'the hash of the password',
      'the password, from elsewhere', "another user's password", "another user's name", ...more,
    ];
    expect(made).toEqual(expect.arrayContaining(attacks.flatMap((attack) => ['server-1-1', 'server-1-2'].map((node) => `${attack}, on ${node}`))));
  });

  test('within the grace every node admits all that were current; after it, only what is', () => {
    const both = (status: number): number[] => [status, status];
    expect(doors['within the grace']).toEqual(Object.fromEntries(USERS.flatMap((user) => ['first', 'second', 'third'].map((which) => [`${user}, ${which}`, both(200)]))));
    expect(doors['after the grace']).toEqual({
      'ingest, first': both(403), 'ingest, second': both(403), 'ingest, third': both(200),
      // not rotated again, so the third is the second.
      'reports, first': both(403), 'reports, second': both(200), 'reports, third': both(200),
      'owner, first': both(403), 'owner, second': both(200), 'owner, third': both(200),
    });
  });

  test('all that happened while every node read its users anew', () => {
    // a pending password, a promotion, the same again for one, the end of the grace, a pending password and a promotion.
    for (const { reloads } of cluster.nodes) expect(reloads).toBeGreaterThanOrEqual(6);
  });

  /** What the same clients and attackers complain of, when they have met every node. */
  async function complaints(users: readonly string[]): Promise<string[]> {
    const again = new Load(cluster, users);
    const patience = Date.now() + 20_000;
    while (new Set(again.tally().surprises).size < cluster.nodes.length && Date.now() < patience) await new Promise((wake) => setTimeout(wake, 50));
    return [...new Set((await again.stop()).surprises)].sort();
  }

  test('the control: clients notice when they are refused', async () => {
    cluster.replaceBlindly('owner');
    expect(await complaints(['owner'])).toEqual(['owner, current, on server-1-1: refused', 'owner, current, on server-1-2: refused']);
  });

  test('the control: attackers notice when they are let in', async () => {
    cluster.expired.set('ingest', [cluster.current('ingest')]);
    expect(await complaints(['ingest'])).toEqual(['an expired password, on server-1-1: accepted', 'an expired password, on server-1-2: accepted']);
  });
});
