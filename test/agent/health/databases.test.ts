import type { DatabaseOutcome } from '../../../lib/agent/health/databases';
import { allThere, createDatabases } from '../../../lib/agent/health/databases';
import type { Query, Rows } from '../../../lib/agent/health/server';
import { NoServer, Refused } from '../../../lib/agent/health/server';
import { createDatabaseStatement } from '../../../lib/config/databases';
import type { DatabaseStatement } from '../../../lib/config/manifest';
import { layOut } from '../../../lib/config/topology';

const topology = layOut({ clusterName: 'events', zoneName: 'events.clickhouse.internal', shards: 1, replicas: 2, keepers: 3 });
const declared = (...names: string[]): DatabaseStatement[] => names.map((name) => ({ name, create: createDatabaseStatement(topology, name) }));
const DATABASES = declared('events', 'audit', 'logs');

/** A server whose databases are these; statements in `failing` are refused. */
class Server {
  readonly asked: string[] = [];

  constructor(readonly databases: Map<string, string> = new Map(), private readonly failing: (name: string) => Error | undefined = () => undefined) {}

  readonly query: Query = (sql) => {
    this.asked.push(sql);
    if (sql === 'SELECT name, engine FROM system.databases') return Promise.resolve([...this.databases] as Rows);
    const [, name = '', engine = ''] = /^CREATE DATABASE IF NOT EXISTS `(\w+)` ENGINE = (\w+)/.exec(sql) ?? [];
    const error = this.failing(name);
    if (error !== undefined) return Promise.reject(error);
    this.databases.set(name, engine);
    return Promise.resolve([]);
  };
}

const names = (outcomes: readonly DatabaseOutcome[]): string[] => outcomes.map(({ name, kind }) => `${name} ${kind}`);

test('what is missing is created, in the order of the manifest', async () => {
  const server = new Server(new Map([['audit', 'Replicated'], ['default', 'Atomic'], ['system', 'Atomic']]));
  const outcomes = await createDatabases(server.query, DATABASES);
  expect(names(outcomes)).toEqual(['events created', 'audit there', 'logs created']);
  expect(server.asked.slice(1)).toEqual([DATABASES[0]?.create, DATABASES[2]?.create]);
  expect(allThere(outcomes)).toBe(true);
});

test('when everything is there one question is all', async () => {
  const server = new Server();
  await createDatabases(server.query, DATABASES);
  server.asked.length = 0;
  expect(names(await createDatabases(server.query, DATABASES))).toEqual(['events there', 'audit there', 'logs there']);
  expect(server.asked).toEqual(['SELECT name, engine FROM system.databases']);
});

test('when nothing is declared nothing is asked', async () => {
  const server = new Server();
  expect(await createDatabases(server.query, [])).toEqual([]);
  expect(server.asked).toEqual([]);
});

test('without Keeper all fail and say so, and the next pass creates them', async () => {
  let keeper = false;
  const server = new Server(new Map(), () => (keeper ? undefined : new Refused(225, '225 NO_ZOOKEEPER')));
  const outcomes = await createDatabases(server.query, DATABASES);
  expect(outcomes).toEqual(['events', 'audit', 'logs'].map((name) => ({ name, kind: 'failed', reason: 'the server refused: 225 NO_ZOOKEEPER' })));
  expect(allThere(outcomes)).toBe(false);
  keeper = true;
  expect(names(await createDatabases(server.query, DATABASES))).toEqual(['events created', 'audit created', 'logs created']);
});

test('one that fails does not keep the next from being created', async () => {
  const server = new Server(new Map(), (name) => (name === 'audit' ? new NoServer('strange', 'ETIMEDOUT') : undefined));
  expect(await createDatabases(server.query, DATABASES)).toEqual([
    { name: 'events', kind: 'created' },
    { name: 'audit', kind: 'failed', reason: 'the server is strange: ETIMEDOUT' },
    { name: 'logs', kind: 'created' },
  ]);
});

test('when it cannot be asked which are there, nothing is created', async () => {
  const asked: string[] = [];
  const outcomes = await createDatabases((sql) => {
    asked.push(sql);
    return Promise.reject(new NoServer('unreachable', 'ECONNREFUSED'));
  }, DATABASES);
  expect(outcomes.every((each) => each.kind === 'failed' && each.reason === 'the server is unreachable: ECONNREFUSED')).toBe(true);
  expect(outcomes.map(({ name }) => name)).toEqual(['events', 'audit', 'logs']);
  expect(asked).toHaveLength(1);
});

test('a database of the name that replicates nothing is not the declared one', async () => {
  const server = new Server(new Map([['events', 'Atomic'], ['audit', 'Replicated'], ['logs', 'Replicated']]));
  const outcomes = await createDatabases(server.query, DATABASES);
  expect(outcomes[0]).toEqual({ name: 'events', kind: 'failed', reason: 'it is there as Atomic, and declared as Replicated' });
  expect(names(outcomes.slice(1))).toEqual(['audit there', 'logs there']);
  expect(server.asked).toHaveLength(1);
});

test('a reason is one word when it is nobody’s we know', async () => {
  const server = new Server(new Map(), () => new Error('MARK of a secret'));
  expect(JSON.stringify(await createDatabases(server.query, DATABASES))).not.toContain('MARK');
});
