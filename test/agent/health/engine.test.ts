import type { AddressInfo, Server } from 'node:net';
import { createServer } from 'node:https';
import { allThere, createDatabases } from '../../../lib/agent/health/databases';
import { observeServer } from '../../../lib/agent/health/observe';
import { readReplica, REPLICA_QUERIES, replicaState } from '../../../lib/agent/health/replica';
import type { Login, ServerListener } from '../../../lib/agent/health/server';
import { ask, isListening, queryAs, Refused } from '../../../lib/agent/health/server';
import { createDatabaseStatement } from '../../../lib/config/databases';
import { sha256Hex } from '../../../lib/config/manifest';
import { liveManifest } from '../../../lib/config/manifests';
import { PATHS } from '../../../lib/config/paths';
import { element, elementWith, renderXml } from '../../../lib/config/xml';
import type { Engine } from '../../engine/engine';
import { CLIENT, describeEngine, exchange, NODE, startEngine } from '../../engine/engine';
import { cluster, EVENTS, hashesOf, login, MAINTENANCE, nodeValues, serverDocuments } from '../../engine/rendered';
import { Authority, HOST } from '../certificates/authority';

/**
 * The real engine behind a TLS listener of ours, since it has none. It reads each answer to its end.
 *
 * On loopback the harness has an account of its own without a password, which makes the engine what a node must never be: open. So the node comes
 * from an address of clients in most tests, and the maintenance account may, for them alone.
 */
async function front(engine: Engine, from: string, material: { readonly certificate: string; readonly privateKey: string }): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer({ cert: material.certificate, key: material.privateKey }, (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      const headers = Object.fromEntries(Object.entries(request.headers).filter((each): each is [string, string] => each[0].startsWith('x-clickhouse-') && typeof each[1] === 'string'));
      void exchange(engine.port, { path: request.url ?? '', method: request.method, headers, body, from }).then((reply) => {
        response.writeHead(reply.status, { 'X-ClickHouse-Exception-Code': reply.headers['x-clickhouse-exception-code'] ?? [] });
        response.end(reply.body);
      }, () => response.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, NODE, resolve));
  return { server, port: (server.address() as AddressInfo).port };
}

const fromClients = renderXml(
  element('clickhouse', element('users', element(MAINTENANCE.user, elementWith('networks', { replace: 'replace' }, element('ip', CLIENT))))),
);

describeEngine('the health of a real server', () => {
  const authority = new Authority();
  let engine: Engine;
  let servers: Server[];
  let listener: ServerListener;
  let loopback: ServerListener;

  beforeAll(async () => {
    engine = await startEngine({
      documents: { ...serverDocuments(EVENTS), [`${PATHS.usersConfigDirectory}/zzzzz-health.xml`]: fromClients },
      holes: nodeValues(hashesOf(EVENTS)),
    });
    const material = authority.issue({ ip: NODE });
    const fronts = [await front(engine, CLIENT, material), await front(engine, NODE, material)];
    servers = fronts.map(({ server }) => server);
    [listener, loopback] = fronts.map(({ port }) => ({ address: NODE, port, host: HOST, bundle: authority.bundle })) as [ServerListener, ServerListener];
  });

  afterAll(async () => {
    for (const server of servers ?? []) await new Promise((resolve) => server.close(resolve));
    await engine?.stop();
    authority.end();
  });

  test('it answers the maintenance account and refuses everybody else', async () => {
    expect(await isListening(listener, MAINTENANCE)).toEqual({ kind: 'answers' });
  });

  test.each<[string, Login | undefined, number, number]>([
    ['nobody', undefined, 401, 194],
    ['default', { user: 'default' }, 401, 194],
    ['the maintenance account with a wrong password', { user: MAINTENANCE.user, password: 'wrong' }, 403, 516],
    ['somebody who does not exist', { user: 'nobody-we-know', password: 'wrong' }, 403, 516],
  ])('%s is refused as is expected', async (_, who, status, code) => {
    expect(await ask(listener, who, 'SELECT 1')).toMatchObject({ status, code });
  });

  test('with a password that is not the account’s it refuses, and is not open', async () => {
    expect(await isListening(listener, { ...MAINTENANCE, password: 'another' })).toEqual({ kind: 'refuses', reason: 'status 403, 516 AUTHENTICATION_FAILED' });
  });

  test('a server that lets default in without a password is open', async () => {
    expect(await isListening(loopback, MAINTENANCE)).toEqual({ kind: 'open', who: 'nobody' });
  });

  test('no password and no hash of one is in its log', async () => {
    await isListening(listener, MAINTENANCE);
    expect(engine.log()).toContain('Authentication failed');
    expect(engine.log()).not.toContain(MAINTENANCE.password);
    expect(engine.log()).not.toContain(sha256Hex(MAINTENANCE.password));
  });

  test('may be asked all that is asked, by the maintenance account and by no user', async () => {
    const maintenance = queryAs(listener, MAINTENANCE);
    for (const [name, sql] of Object.entries(REPLICA_QUERIES)) {
      // without Keeper in the configuration there is no such table; that it is granted is looked at in replica.test.ts.
      const outcome = await maintenance(sql).catch((error: unknown) => error);
      if (name === 'session') expect(outcome).toEqual(new Refused(60, '60 UNKNOWN_TABLE'));
      else expect([name, Array.isArray(outcome)]).toEqual([name, true]);
    }
    const nobody = queryAs(listener, login('nothing'));
    for (const sql of [REPLICA_QUERIES.tables, REPLICA_QUERIES.members]) await expect(nobody(sql)).rejects.toThrow(/497 ACCESS_DENIED/);
  });

  test('replicates nothing, and says so', async () => {
    const rows = await readReplica(queryAs(listener, MAINTENANCE));
    expect(rows).toEqual({ tables: [], databases: [] });
    expect(replicaState(rows, 'empty')).toBe('caughtUp');
  });

  test('has its declared databases created, and only once', async () => {
    const query = queryAs(listener, MAINTENANCE);
    const { databases } = liveManifest(EVENTS);
    expect(await createDatabases(query, databases)).toEqual([{ name: 'events', kind: 'created' }, { name: 'secrets', kind: 'created' }]);
    expect(await engine.admin("SELECT name, engine FROM system.databases WHERE name IN ('events', 'secrets') ORDER BY name")).toBe('events\tAtomic\nsecrets\tAtomic\n');
    expect(await createDatabases(query, databases)).toEqual([{ name: 'events', kind: 'there' }, { name: 'secrets', kind: 'there' }]);
  });

  test('cannot have a replicated database without Keeper, and says why', async () => {
    const { topology } = cluster(1, 2, 3);
    const outcomes = await createDatabases(queryAs(listener, MAINTENANCE), [
      { name: 'orders', create: createDatabaseStatement(topology, 'orders') },
      { name: 'events', create: createDatabaseStatement(topology, 'events') },
    ]);
    expect(outcomes).toEqual([
      { name: 'orders', kind: 'failed', reason: 'the server refused: 225 NO_ZOOKEEPER' },
      { name: 'events', kind: 'failed', reason: 'it is there as Atomic, and declared as Replicated' },
    ]);
    expect(allThere(outcomes)).toBe(false);
  });

  test('with a replicated table that has no Keeper it is read-only and endlessly late, and counts as empty', async () => {
    await engine.admin('CREATE DATABASE IF NOT EXISTS lonely ENGINE = Atomic');
    await engine.admin("ATTACH TABLE lonely.facts UUID '6d3e1f64-5c1b-4d5a-9d3e-1f645c1bad5a' (n UInt64) ENGINE = ReplicatedMergeTree('/clickhouse/tables/lonely', 'one') ORDER BY n");
    const rows = await readReplica(queryAs(listener, MAINTENANCE));
    expect(rows.tables).toEqual([{ readOnly: true, queue: 0, inserts: 0, merges: 0, mutations: 0, delaySeconds: expect.any(Number) as number }]);
    expect(rows.tables[0]?.delaySeconds).toBeGreaterThan(1_700_000_000);
    expect(replicaState(rows, 'established')).toBe('empty');
  });

  test('is seen as what it is', async () => {
    const facts = { volume: 'unfinished', liveManifestApplied: true, keepers: [] } as const;
    const trust = { certificate: '', privateKey: '', bundle: authority.bundle };
    expect(await observeServer({ listener, maintenance: MAINTENANCE }, facts, trust)).toEqual({
      observation: { role: 'server', volume: 'unfinished', listening: true, liveManifestApplied: true, keepers: 'none', replica: 'writable' },
      trouble: [],
    });
    expect(await observeServer({ listener, maintenance: MAINTENANCE }, { ...facts, keepers: [{ host: 'keeper-1.analytics.clickhouse.internal', port: 1 }] }, trust)).toEqual({
      observation: { role: 'server', volume: 'unfinished', listening: true, liveManifestApplied: true, keepers: 'unreachable', replica: 'empty' },
      trouble: ['no session with Keeper: the server refused: 60 UNKNOWN_TABLE'],
    });
    expect(await observeServer({ listener: loopback, maintenance: MAINTENANCE }, facts, trust)).toEqual({
      observation: { role: 'server', volume: 'unfinished', listening: false, liveManifestApplied: true, keepers: 'none', replica: 'writable' },
      open: 'nobody',
      trouble: ['the server is open: nobody'],
    });
  });
});
