import { createServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import type { ServerObservation } from '../../../lib/agent/boot-steps';
import { nextStep } from '../../../lib/agent/boot-steps';
import type { AskKeeper, KeeperListener, KeeperTrust } from '../../../lib/agent/health/keeper';
import type { ServerFacts, ServerLook } from '../../../lib/agent/health/observe';
import { observeServer } from '../../../lib/agent/health/observe';
import { REPLICA_QUERIES } from '../../../lib/agent/health/replica';
import type { ServerListener } from '../../../lib/agent/health/server';
import { Authority, HOST, ZONE } from '../certificates/authority';

const ADDRESS = '127.0.0.1';
const MAINTENANCE = { user: 'node_maintenance', password: 'invented-password-of-this-test-only' };
const KEEPERS: KeeperListener[] = [1, 2, 3].map((id) => ({ host: `keeper-${id}.${ZONE}`, port: 9281 }));

const authority = new Authority();
const own = authority.issue({ ip: ADDRESS });
const trust: KeeperTrust = { certificate: own.certificate, privateKey: own.privateKey, bundle: authority.bundle };
const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});
afterAll(() => authority.end());

type Question = keyof typeof REPLICA_QUERIES | 'one';
type Said = unknown[][] | { readonly status: number; readonly code: number };
const FINE: Record<Question, Said> = { one: [[1]], session: [[1]], databases: [['events']], members: [['events', 1, 0]], tables: [[0, 0, 0, 0, 0, 0]] };

/** A server that refuses strangers and answers the maintenance account like this. */
async function saying(changes: Partial<Record<Question, Said>> = {}, { letsIn = false } = {}): Promise<{ listener: ServerListener; asked: string[]; refused: string[] }> {
  const asked: string[] = [];
  const refused: string[] = [];
  const server = createServer({ cert: own.certificate, key: own.privateKey }, (request, response) => {
    let sql = '';
    request.setEncoding('utf8').on('data', (text: string) => (sql += text));
    request.on('end', () => {
      if (!letsIn && request.headers['x-clickhouse-key'] !== MAINTENANCE.password) {
        refused.push(sql);
        response.writeHead(403, { 'X-ClickHouse-Exception-Code': '516' });
        response.end();
        return;
      }
      asked.push(sql);
      const [question = 'one'] = (Object.entries(REPLICA_QUERIES).find(([, each]) => each === sql) ?? []) as Question[];
      const said = { ...FINE, ...changes }[question];
      if (!Array.isArray(said)) response.writeHead(said.status, { 'X-ClickHouse-Exception-Code': String(said.code) });
      response.end(Array.isArray(said) ? JSON.stringify({ data: said }) : `Code: ${said.code}. DB::Exception: MARK 10.20.0.9 (NO_ZOOKEEPER)`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
  servers.push(server);
  return { listener: { address: ADDRESS, port: (server.address() as AddressInfo).port, host: HOST, bundle: authority.bundle }, asked, refused };
}

const NOBODY: ServerListener = { address: ADDRESS, port: 1, host: HOST, bundle: authority.bundle };
const facts = (changes: Partial<ServerFacts> = {}): ServerFacts => ({ volume: 'established', liveManifestApplied: true, keepers: KEEPERS, ...changes });
const notAsked: AskKeeper = () => Promise.reject(new Error('no Keeper is to be asked'));
const stating = (...states: string[]): AskKeeper => (_, { host }) => {
  const state = states[KEEPERS.findIndex((each) => each.host === host)];
  return state === undefined ? Promise.reject(new Error(`the Keeper ${host} did not answer 'mntr': ETIMEDOUT`)) : Promise.resolve(`zk_server_state\t${state}\n`);
};
const look = (listener: ServerListener, what: ServerFacts = facts(), ask = notAsked): Promise<ServerLook> => observeServer({ listener, maintenance: MAINTENANCE }, what, trust, ask);

describe('a server that listens', () => {
  test.each<[string, Partial<Record<Question, Said>>, Partial<ServerFacts>, Partial<ServerObservation>]>([
    ['has everything', {}, {}, { keepers: 'reachable', replica: 'caughtUp' }],
    ['is behind', { tables: [[0, 400, 400, 0, 0, '900']] }, {}, { keepers: 'reachable', replica: 'behind' }],
    ['is new and fetches', { tables: [[0, 400, 400, 0, 0, '900']] }, { volume: 'empty' }, { keepers: 'reachable', replica: 'fetching' }],
    ['has no tables yet and learns them', { tables: [], members: [['events', 0, 12]] }, { volume: 'empty' }, { keepers: 'reachable', replica: 'empty' }],
    ['has a session that is over', { session: [[0]] }, {}, { keepers: 'unreachable', replica: 'empty' }],
    ['has no live manifest', {}, { liveManifestApplied: false }, { keepers: 'reachable', replica: 'caughtUp', liveManifestApplied: false }],
  ])('and %s', async (_, changes, more, expected) => {
    const { listener } = await saying(changes);
    const seen = await look(listener, facts(more));
    expect(seen).toEqual({ observation: { role: 'server', volume: more.volume ?? 'established', listening: true, liveManifestApplied: true, ...expected }, trouble: [] });
  });

  test('and replicates nothing is asked for nothing more', async () => {
    const { listener, asked } = await saying();
    expect((await look(listener, facts({ keepers: [] }))).observation).toMatchObject({ listening: true, keepers: 'none', replica: 'writable' });
    expect(asked).toEqual(['SELECT 1']);
  });

  test.each([[undefined, 3], [true, 3], [false, 0]])('writes down failed logins of ours when the look is thorough (%s): %s', async (thorough, failures) => {
    const { listener, asked, refused } = await saying();
    const seen = await look(listener, facts({ thorough }));
    expect(seen).toEqual({ observation: { role: 'server', volume: 'established', listening: true, liveManifestApplied: true, keepers: 'reachable', replica: 'caughtUp' }, trouble: [] });
    expect(refused).toHaveLength(failures);
    expect([...asked].sort()).toEqual(['SELECT 1', ...Object.values(REPLICA_QUERIES)].sort());
  });

  test.each<[Question, string, Partial<ServerObservation>]>([
    ['session', 'no session with Keeper: the server refused: 225 NO_ZOOKEEPER', { keepers: 'unreachable', replica: 'empty' }],
    ['databases', 'what is replicated cannot be told: the server refused: 225 NO_ZOOKEEPER', { keepers: 'reachable', replica: 'empty' }],
    ['members', 'what is replicated cannot be told: the server refused: 225 NO_ZOOKEEPER', { keepers: 'reachable', replica: 'empty' }],
    ['tables', 'what is replicated cannot be told: the server refused: 225 NO_ZOOKEEPER', { keepers: 'reachable', replica: 'empty' }],
  ])('and refuses %s is taken for the worst, and it is said why', async (question, why, expected) => {
    const { listener } = await saying({ [question]: { status: 500, code: 225 } });
    const seen = await look(listener);
    expect(seen).toMatchObject({ observation: { listening: true, ...expected }, trouble: [why] });
    expect(nextStep(seen.observation)).toMatchObject({ signal: false });
    expect(JSON.stringify(seen)).not.toMatch(/MARK|10\.20|invented-password|PRIVATE/);
  });
});

describe('a server that does not listen', () => {
  // whom else: an empty server is not started before there is a quorum.
  test.each<[string, AskKeeper, ServerObservation['keepers'], string]>([
    ['there is a quorum', stating('follower', 'leader', 'follower'), 'reachable', 'start'],
    ['one Keeper knows a quorum', (word, listener, keys) => (listener.host === KEEPERS[2]?.host ? stating('', '', 'follower')(word, listener, keys) : Promise.reject(new Error('no answer'))), 'reachable', 'start'],
    ['there is none', stating('standalone', 'observer', 'nothing'), 'unreachable', 'awaitQuorum'],
    ['no Keeper answers', stating(), 'unreachable', 'awaitQuorum'],
  ])('asks the Keepers: %s', async (_, ask, keepers, step) => {
    const { observation } = await look(NOBODY, facts({ volume: 'empty' }), ask);
    expect(observation).toEqual({ role: 'server', volume: 'empty', listening: false, liveManifestApplied: true, keepers, replica: 'empty' });
    expect(nextStep(observation).step).toBe(step);
  });

  test('says why, of itself and of the Keepers', async () => {
    expect((await look(NOBODY, facts(), stating('leader'))).trouble).toEqual([
      'the server is unreachable: ECONNREFUSED',
      ...KEEPERS.slice(1).map(({ host }) => `the Keeper ${host} did not answer 'mntr': ETIMEDOUT`),
    ]);
  });

  test('asks nobody when there are no Keepers', async () => {
    expect((await look(NOBODY, facts({ keepers: [] }))).observation).toMatchObject({ listening: false, keepers: 'none' });
  });
});

test('a server that is open does not listen, is said to be open, and is not asked for anything more', async () => {
  const { listener, asked } = await saying({}, { letsIn: true });
  const seen = await look(listener, facts(), stating('leader', 'follower', 'follower'));
  expect(seen).toMatchObject({ open: 'nobody', observation: { listening: false }, trouble: ['the server is open: nobody'] });
  expect(asked).toEqual(['SELECT 1', 'SELECT 1', 'SELECT 1', 'SELECT 1']);
  expect(nextStep(seen.observation)).toMatchObject({ signal: false, established: false });
});

test('a server that is not open is not said to be', async () => {
  for (const listener of [(await saying()).listener, NOBODY]) expect(await look(listener, facts({ keepers: [] }))).not.toHaveProperty('open');
});
