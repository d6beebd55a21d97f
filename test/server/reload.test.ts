import { renameSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { finishedDocument } from '../../lib/agent/credentials/document';
import { removeDocument, writeDocument } from '../../lib/agent/credentials/files';
import type { Disk } from '../../lib/agent/disk';
import { DISK } from '../../lib/agent/disk';
import { sha256Hex } from '../../lib/config/manifest';
import { PATHS } from '../../lib/config/paths';
import { adapt } from './adapt';
import { makeAuthority } from '../openssl';
import type { Login, Outcome, Route } from './client';
import { httpsLogin, nativeLogin, plainHttp, plainNativeLogin } from './client';
import { DOCUMENTS, HOLES, HOST, LIVE, NETWORKS, passwordOf } from './model';
import type { Observer } from './observe';
import { contradictions, inTurn, observe, outcomesOf } from './observe';
import type { ClickHouseServer } from './server';
import { describeServer, NODE_ADDRESS, startServer } from './server';

const UNKNOWN_USER = { exception: 192 };
const WRONG_PASSWORD = { exception: 193 };
const PASSWORD_REQUIRED = { exception: 194 };
const ADDRESS_NOT_ALLOWED = { exception: 195 };
const NO_ANSWER = [{ error: 'no HTTP' }, { error: 'closed' }, { error: 'not the native protocol' }];

/** ClickHouse looks every 2 seconds; three looks and what they cost. https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/Config/ConfigReloader.h */
const SOON_MS = 7_000;
/** Two looks have certainly passed. */
const LONG_ENOUGH_MS = 4_500;

const isAccepted = (outcome: Outcome): boolean => 'is' in outcome;
const sleep = (milliseconds: number) => new Promise((wake) => setTimeout(wake, milliseconds));

/** A disk on which whatever is written is written at this time. */
function stoppedAt(seconds: number): Disk {
  return {
    ...DISK,
    create: (path) => {
      const file = DISK.create(path);
      const write = (content: string) => {
        file.write(content);
        file.setModified(seconds);
      };
      return { ...file, write };
    },
  };
}

describeServer('users are read again while clients query over TLS', () => {
  let server: ClickHouseServer;
  let route: Route;
  /** users that nobody changes: always accepted. */
  const bystanders: Record<string, Observer> = {};
  /** who must never get in, whatever happens to the documents. */
  const attackers: Record<string, Observer> = {};
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });

  beforeAll(async () => {
    const authority = makeAuthority('events authority');
    server = await startServer({ documents: DOCUMENTS, holes: HOLES, material: authority.issue([`DNS:${HOST}`, `IP:${NODE_ADDRESS}`]) });
    route = { server, name: HOST, authority: authority.certificate };
    const reports = { user: 'reports', password: passwordOf('reports') };
    const ingest = { user: 'ingest', password: passwordOf('ingest') };
    bystanders['HTTPS, one connection'] = observe(() => httpsLogin(route, reports, kept));
    bystanders['HTTPS, a connection each'] = observe(() => httpsLogin(route, reports));
    bystanders['native'] = observe(() => nativeLogin(route, reports));
    const strangers: Login[] = [
      // anonymous.
      {},
      { user: 'default', password: '' },
      { user: 'default', password: reports.password },
      { user: 'reports', password: 'wrong-password' },
      { user: 'reports', password: '' },
      { user: 'reports', password: ingest.password },
      { user: 'reports', password: sha256Hex(reports.password) },
      { user: 'nobody', password: reports.password },
    ];
    attackers['HTTPS'] = observe(inTurn(strangers.map((who) => () => httpsLogin(route, who))));
    attackers['native'] = observe(inTurn(strangers.map((who) => () => nativeLogin(route, who))));
    attackers['without TLS'] = observe(inTurn([() => plainHttp(route, reports), () => plainNativeLogin(route, reports)]));
  });

  afterAll(async () => {
    await Promise.all([...Object.values(bystanders), ...Object.values(attackers)].map((each) => each.stop()));
    kept.destroy();
    await server?.stop();
  });

  // at every instant: since the last test as well as before it.
  afterEach(() => {
    const seen = (observers: Record<string, Observer>) => Object.fromEntries(Object.entries(observers).map(([name, { observations }]) => [name, outcomesOf(observations)]));
    expect(seen(bystanders)).toEqual(Object.fromEntries(Object.keys(bystanders).map((name) => [name, [{ is: 'reports' }]])));
    for (const [name, outcomes] of Object.entries(seen(attackers))) {
      const refused = name === 'without TLS' ? NO_ANSWER : [UNKNOWN_USER, WRONG_PASSWORD, PASSWORD_REQUIRED];
      expect(outcomes).not.toEqual([]);
      for (const outcome of outcomes) expect([name, refused]).toEqual([name, expect.arrayContaining([outcome])]);
    }
  });

  const usersDirectory = () => ({ path: server.root + PATHS.usersConfigDirectory, owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o640 } });
  const fileOf = (user: string) => `${server.root}${PATHS.usersConfigDirectory}/${user}.xml`;

  /** The user's document as the agent makes it, for one password. */
  const documentOf = (user: string, password: string): string => {
    const document = LIVE.users.find((each) => each.user === user);
    const finished = document && finishedDocument(document, [sha256Hex(password)], NETWORKS);
    if (finished === undefined || 'unfit' in finished) throw new Error(`no document for ${user}`);
    return adapt(finished.content, server);
  };

  const write = (user: string, content: string, disk: Disk = DISK) => writeDocument(disk, usersDirectory(), user, content);
  const logIn = (user: string, password: string) => () => httpsLogin(route, { user, password });

  /** Waits until a login comes to this; says how long that took. */
  const until = async (attempt: () => Promise<Outcome>, wanted: Outcome): Promise<number> => {
    const began = performance.now();
    for (;;) {
      const outcome = await attempt();
      const took = performance.now() - began;
      if (JSON.stringify(outcome) === JSON.stringify(wanted)) return took;
      if (took > SOON_MS) throw new Error(`after ${SOON_MS} ms the login still came to ${JSON.stringify(outcome)}, wanted ${JSON.stringify(wanted)}`);
      await sleep(20);
    }
  };

  const always = async (attempt: () => Promise<Outcome>, wanted: Outcome): Promise<void> => {
    const observer = observe(attempt);
    await sleep(LONG_ENOUGH_MS);
    expect(outcomesOf(await observer.stop())).toEqual([wanted]);
  };

  test('from one password to the next in one instant, within seconds, on both protocols', async () => {
    const [first, second] = [passwordOf('ingest'), passwordOf('ingest', 'second')];
    const agents = [new Agent({ keepAlive: true, maxSockets: 1 }), new Agent({ keepAlive: true, maxSockets: 1 })] as const;
    const old = [observe(logIn('ingest', first)), observe(() => httpsLogin(route, { user: 'ingest', password: first }, agents[0])), observe(() => nativeLogin(route, { user: 'ingest', password: first }))];
    const fresh = [observe(logIn('ingest', second)), observe(() => httpsLogin(route, { user: 'ingest', password: second }, agents[1])), observe(() => nativeLogin(route, { user: 'ingest', password: second }))];
    try {
      await sleep(500);
      expect(write('ingest', documentOf('ingest', second))).toBe(true);
      expect(await until(logIn('ingest', second), { is: 'ingest' })).toBeLessThan(5_000);
      await sleep(1_000);
    } finally {
      await Promise.all([...old, ...fresh].map((each) => each.stop()));
      for (const agent of agents) agent.destroy();
    }
    // each saw both, and nothing else.
    for (const { observations } of [...old, ...fresh]) {
      expect(outcomesOf(observations)).toEqual(expect.arrayContaining([{ is: 'ingest' }, WRONG_PASSWORD]));
      expect(outcomesOf(observations)).toHaveLength(2);
    }
    const all = (observers: readonly Observer[]) => observers.flatMap(({ observations }) => observations);
    expect(contradictions(all(old), all(fresh), isAccepted)).toEqual([]);
  });

  // this server compares whole seconds; later ones compare what the file system has. A clock may stand still for both.
  test('twice while the clock stands still: what was written last is what counts', async () => {
    const [third, fourth] = [passwordOf('ingest', 'third'), passwordOf('ingest', 'fourth')];
    write('ingest', documentOf('ingest', third));
    await until(logIn('ingest', third), { is: 'ingest' });
    write('ingest', documentOf('ingest', fourth), stoppedAt(statSync(fileOf('ingest')).mtimeMs / 1000));
    await until(logIn('ingest', fourth), { is: 'ingest' });
    expect(await logIn('ingest', third)()).toEqual(WRONG_PASSWORD);
  });

  test('a document that cannot be read changes nothing, and the next one that can is taken', async () => {
    const [before, after] = [passwordOf('ingest', 'before'), passwordOf('ingest', 'after')];
    write('ingest', documentOf('ingest', before));
    await until(logIn('ingest', before), { is: 'ingest' });
    const document = documentOf('ingest', after);
    write('ingest', document.slice(0, document.length / 2));
    await always(logIn('ingest', before), { is: 'ingest' });
    expect(await logIn('ingest', after)()).toEqual(WRONG_PASSWORD);
    expect(server.log()).toMatch(/users\.d\/ingest\.xml/);
    write('ingest', document);
    await until(logIn('ingest', after), { is: 'ingest' });
  });

  test('a document that makes no sense changes nothing either', async () => {
    const [before, after] = [passwordOf('ingest', 'sane'), passwordOf('ingest', 'mended')];
    write('ingest', documentOf('ingest', before));
    await until(logIn('ingest', before), { is: 'ingest' });
    write('ingest', documentOf('ingest', after).replace(/(<password_sha256_hex>)[0-9a-f]+/, '$1abc'));
    await always(logIn('ingest', before), { is: 'ingest' });
    write('ingest', documentOf('ingest', after));
    await until(logIn('ingest', after), { is: 'ingest' });
  });

  test('a half-written temporary file is not looked at', async () => {
    const errors = () => server.log().split('\n').filter((line) => line.includes('.tmp')).length;
    writeFileSync(`${server.root}${PATHS.usersConfigDirectory}/.ingest.xml.0123456789ab.tmp`, '<clickhouse><users><ing');
    const password = passwordOf('ingest', 'beside a temporary file');
    write('ingest', documentOf('ingest', password));
    await until(logIn('ingest', password), { is: 'ingest' });
    expect(errors()).toBe(0);
  });

  // why the agent's writer gives every file a younger time.
  test('a replacement with the time of what it replaces goes unseen', async () => {
    const [seen, unseen] = [passwordOf('ingest', 'seen'), passwordOf('ingest', 'unseen')];
    write('ingest', documentOf('ingest', seen));
    await until(logIn('ingest', seen), { is: 'ingest' });
    const file = fileOf('ingest');
    const { atime, mtime } = statSync(file);
    writeFileSync(`${file}.tmp`, documentOf('ingest', unseen));
    utimesSync(`${file}.tmp`, atime, mtime);
    renameSync(`${file}.tmp`, file);
    await always(logIn('ingest', seen), { is: 'ingest' });
    utimesSync(file, atime, new Date(mtime.getTime() + 1_000));
    await until(logIn('ingest', unseen), { is: 'ingest' });
  });

  test('from where a user may come changes as well', async () => {
    const [password, document] = [passwordOf('ingest', 'networks'), documentOf('ingest', passwordOf('ingest', 'networks'))];
    write('ingest', document);
    await until(logIn('ingest', password), { is: 'ingest' });
    write('ingest', document.replace('<ip>127.0.0.1</ip>', '<ip>10.50.0.1</ip>'));
    await until(logIn('ingest', password), ADDRESS_NOT_ALLOWED);
    write('ingest', document);
    await until(logIn('ingest', password), { is: 'ingest' });
  });

  test('a user whose document is removed is gone, and back when it is', async () => {
    const password = passwordOf('ingest', 'last');
    write('ingest', documentOf('ingest', password));
    await until(logIn('ingest', password), { is: 'ingest' });
    expect(removeDocument(DISK, usersDirectory(), 'ingest')).toBe(true);
    await until(logIn('ingest', password), UNKNOWN_USER);
    await always(logIn('ingest', password), UNKNOWN_USER);
    write('ingest', documentOf('ingest', password));
    await until(logIn('ingest', password), { is: 'ingest' });
  });
});
