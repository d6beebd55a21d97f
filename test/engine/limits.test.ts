import type { ClusterModel } from '../../lib/config/manifests';
import { PINNED_SETTINGS } from '../../lib/config/profiles';
import type { ProfileSettings } from '../../lib/config/settings';
import { LIFTING } from './attacks';
import type { Engine } from './engine';
import { describeEngine, startEngine } from './engine';
import { EVENTS, EVENTS_TABLES, login, nodeValues, serverDocuments, hashesOf } from './rendered';

/** A setting must not be changed, or not so far. */
const CONSTRAINED = { status: 500, code: 452 };

/** One user for each limit, with nothing else limited below the default. */
const LIMITED: Readonly<Record<string, ProfileSettings>> = {
  time: { maxExecutionSeconds: 1 },
  memory: { maxMemoryBytes: 30_000_000 },
  memory_all: { maxMemoryForUserBytes: 30_000_000 },
  rows: { maxResultRows: 10 },
  bytes: { maxResultBytes: 100 },
  reading: { maxReadRows: 50 },
  reading_bytes: { maxReadBytes: 100 },
  single: { maxConcurrentQueriesForUser: 1 },
  form: { maxHttpFormBytes: 1024 },
  looking: { readOnly: true },
};

const MODEL: ClusterModel = {
  ...EVENTS,
  profiles: [...(EVENTS.profiles ?? []), ...Object.entries(LIMITED).map(([name, settings]) => ({ name, settings }))],
  quotas: [
    { name: 'three', intervals: [{ durationSeconds: 3600, queries: 3 }] },
    { name: 'few-rows', intervals: [{ durationSeconds: 3600, resultRows: 150 }] },
    { name: 'few-errors', intervals: [{ durationSeconds: 3600, errors: 2 }] },
  ],
  users: [
    ...(EVENTS.users ?? []),
    ...Object.keys(LIMITED).map((name) => ({ name, profile: name, grants: [{ privileges: ['SELECT', 'INSERT'], database: 'events' }] })),
    ...['three', 'few-rows', 'few-errors'].map((quota) => ({ name: `metered-${quota}`, quota, grants: [{ privileges: ['SELECT'], database: 'events' }] })),
  ],
};

describeEngine('limits', () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await startEngine({ documents: serverDocuments(MODEL), holes: nodeValues(hashesOf(MODEL)) });
    for (const sql of EVENTS_TABLES) await engine.admin(sql);
  });

  afterAll(() => engine?.stop());

  test.each([
    ['time', 'SELECT sleepEachRow(0.2) FROM numbers(20) SETTINGS max_block_size = 1', 159],
    ['memory', 'SELECT count() FROM (SELECT groupArray(number) FROM numbers(20000000))', 241],
    ['memory_all', 'SELECT count() FROM (SELECT groupArray(number) FROM numbers(20000000))', 241],
    ['rows', 'SELECT n FROM events.facts', 396],
    ['bytes', 'SELECT n FROM events.facts', 396],
    ['reading', 'SELECT sum(n) FROM events.facts', 158],
    ['reading_bytes', 'SELECT sum(n) FROM events.facts', 307],
    ['looking', "INSERT INTO events.facts VALUES (1, 'a')", 164],
  ] as const)('%s: %s ends with %i', async (user, sql, code) => {
    expect(await engine.query(sql, login(user))).toMatchObject({ code });
    // the same query, by the user whose limits are the default ones.
    expect(await engine.query(sql, login('owner'))).toMatchObject({ status: 200 });
  });

  test('one query at a time is one query at a time', async () => {
    const slow = 'SELECT sleepEachRow(0.5) FROM numbers(3) SETTINGS max_block_size = 1';
    const both = (user: string) => Promise.all([engine.query(slow, login(user)), new Promise((wake) => setTimeout(wake, 300)).then(() => engine.query(slow, login(user)))]);
    const [alone, ordinary] = await Promise.all([both('single'), both('owner')]);
    expect(alone.map(({ code }) => code)).toEqual([0, 202]);
    expect(ordinary.map(({ code }) => code)).toEqual([0, 0]);
  });

  test('form data beyond the limit is not taken in: ClickHouse cuts it off, and says nothing', async () => {
    const upload = (user: string) => {
      const { password } = login(user);
      const body = `--cut\r\nContent-Disposition: form-data; name="more"; filename="more"\r\n\r\n${'1\n'.repeat(2000)}\r\n--cut--\r\n`;
      return engine.send({
        method: 'POST',
        path: '/?query=SELECT+count()+FROM+more&more_structure=n+UInt8',
        headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password, 'Content-Type': 'multipart/form-data; boundary=cut' },
        body,
      });
    };
    // 1024 bytes of two each.
    expect(await upload('form')).toMatchObject({ status: 200, body: '512\n' });
    expect(await upload('owner')).toMatchObject({ status: 200, body: '2000\n' });
  });

  describe.each(['owner', 'ingest', 'nothing', 'reports', 'rows', 'looking'])('%s', (user) => {
    test.each(Object.entries(LIFTING))('cannot set %s = %s', async (name, value) => {
      const literal = typeof value === 'number' ? value : `'${value}'`;
      const ways = {
        url: await engine.query('SELECT 1', login(user), { settings: { [name]: value } }),
        query: await engine.query(`SELECT 1 SETTINGS ${name} = ${literal}`, login(user)),
        set: await engine.query(`SET ${name} = ${literal}`, login(user)),
        format: await engine.query(`SELECT 1 FORMAT TSV SETTINGS ${name} = ${literal}`, login(user)),
        explain: await engine.query(`EXPLAIN SELECT 1 SETTINGS ${name} = ${literal}`, login(user)),
        'other profile': await engine.query('SELECT 1', login(user), { settings: { profile: 'system', [name]: value } }),
      };
      for (const [way, reply] of Object.entries(ways)) expect([way, reply]).toMatchObject([way, CONSTRAINED]);
    });

    test('cannot change what is pinned, whatever to', async () => {
      for (const { name, value } of PINNED_SETTINGS) {
        const other = name === 'log_queries_min_type' ? 'EXCEPTION_WHILE_PROCESSING' : name === 'http_response_headers' ? "{'X': 'y'}" : value === '' ? '22.3' : Number(value) === 0 ? 1 : 0;
        expect([name, await engine.query('SELECT 1', login(user), { settings: { [name]: other } })]).toMatchObject([name, CONSTRAINED]);
      }
    });

    test('cannot take on the settings of another profile', async () => {
      for (const profile of ['system', 'node_maintenance', 'engine_bootstrap']) {
        const reply = await engine.query("SELECT value FROM system.settings WHERE name = 'max_execution_time'", login(user), { settings: { profile } });
        // either refused, or it changes nothing about the limits.
        if (reply.code === 0) expect([profile, reply.body]).toEqual([profile, user === 'reports' ? '60\n' : '600\n']);
        else expect([profile, reply]).toMatchObject([profile, CONSTRAINED]);
      }
    });

    // 0 is "no limit", and settings in seconds take fractions, of which the smallest come to 0.
    test('cannot lift a limit by what is next to nothing', async () => {
      const lifted: string[] = [];
      for (const [name, value] of Object.entries(LIFTING)) {
        if (value !== 0) continue;
        for (const nothing of ['0', '-0', '0.0', '0.4', '0.0000001', '1e-30', 'false', "'0'", "'0.0'", "'0.0000001'"]) {
          const written = await engine.query(`SELECT value FROM system.settings WHERE name = '${name}' SETTINGS ${name} = ${nothing}`, login(user));
          const sent = await engine.query(`SELECT value FROM system.settings WHERE name = '${name}'`, login(user), { settings: { [name]: nothing.replaceAll("'", '') } });
          for (const { status, body } of [written, sent]) if (status === 200 && !(Number(body) > 0)) lifted.push(`${name} = ${nothing}: ${body.trim()}`);
        }
      }
      expect(lifted).toEqual([]);
    });

    test('may ask for less', async () => {
      expect(await engine.query('SELECT 1', login(user), { settings: { max_execution_time: 1, max_result_rows: 5 } })).toMatchObject({ status: 200, body: '1\n' });
    });
  });

  /**
   * This engine does not hold settings that are written inside a subquery against the constraints; the default version does
   * (https://github.com/ClickHouse/ClickHouse/pull/115397, in 26.8.2.2, 26.7.6.49 and 26.3.27.4). What is behind the constraints holds on
   * both: limits that count for the query as a whole, and privileges.
   */
  test('settings inside a subquery lift no limit of the query and open nothing', async () => {
    const all = Object.entries(LIFTING).map(([name, value]) => `${name} = ${typeof value === 'number' ? value : `'${value}'`}`).join(', ');
    const inside = (sql: string) => [`SELECT * FROM (${sql} SETTINGS ${all})`, `SELECT (${sql} SETTINGS ${all})`, `WITH x AS (${sql} SETTINGS ${all}) SELECT * FROM x`];
    const outcomes: [string, string, number][] = [
      ...inside('SELECT sum(sleepEachRow(0.1)) FROM numbers(25)').map((sql): [string, string, number] => ['time', sql, 159]),
      ...inside('SELECT count() FROM (SELECT groupArray(number) FROM numbers(20000000))').map((sql): [string, string, number] => ['memory', sql, 241]),
      ...inside("SELECT addressToSymbol(toUInt64(1))").map((sql): [string, string, number] => ['owner', sql, 497]),
      ...inside("SELECT * FROM s3('http://127.0.0.1:1/bucket/key', LineAsString)").map((sql): [string, string, number] => ['owner', sql, 497]),
      ['rows', `SELECT * FROM (SELECT n FROM events.facts SETTINGS ${all})`, 396],
      ['bytes', `SELECT * FROM (SELECT n FROM events.facts SETTINGS ${all})`, 396],
      ['looking', `INSERT INTO events.facts SELECT * FROM (SELECT 1, 'a' SETTINGS readonly = 0)`, 164],
    ];
    for (const [user, sql, code] of outcomes) {
      // or refused for the setting, where the engine looks.
      const reply = await engine.query(sql, login(user));
      expect([user, sql, reply.code === CONSTRAINED.code ? code : reply.code]).toEqual([user, sql, code]);
    }
  });

  test('a lifted limit does not hide in a session', async () => {
    const session = { session_id: 'of-this-test' };
    expect(await engine.query('SET max_result_rows = 0', login('rows'), { settings: session })).toMatchObject(CONSTRAINED);
    expect(await engine.query('SET max_result_rows = 3', login('rows'), { settings: session })).toMatchObject({ status: 200 });
    expect(await engine.query('SELECT n FROM events.facts LIMIT 5', login('rows'), { settings: session })).toMatchObject({ code: 396 });
    // nor can anybody else come into it.
    expect(await engine.query('SELECT n FROM events.facts LIMIT 5', login('owner'), { settings: session })).toMatchObject({ status: 200 });
  });

  test('a user who may only look cannot stop that', async () => {
    for (const value of [0, 1]) expect(await engine.query('SELECT 1', login('looking'), { settings: { readonly: value } })).toMatchObject({ status: 500 });
    expect(await engine.query("INSERT INTO events.facts SETTINGS readonly = 0 VALUES (1, 'a')", login('looking'))).toMatchObject({ status: 500 });
    // reading is over GET as well, and GET never writes, whoever asks.
    const { user, password } = login('owner');
    const insert = `/?query=${encodeURIComponent('INSERT INTO events.facts SELECT 1, \'a\'')}`;
    expect(await engine.send({ path: insert, headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password } })).toMatchObject({ code: 164 });
  });

  describe('quotas', () => {
    const count = 'SELECT count() FROM events.facts';

    test('the fourth of three queries', async () => {
      const user = login('metered-three');
      for (let query = 1; query <= 3; query += 1) expect([query, await engine.query(count, user)]).toMatchObject([query, { status: 200 }]);
      expect(await engine.query(count, user)).toMatchObject({ status: 500, code: 201 });
    });

    test('rows beyond the allowance', async () => {
      const user = login('metered-few-rows');
      expect(await engine.query('SELECT n FROM events.facts LIMIT 100', user)).toMatchObject({ status: 200 });
      expect(await engine.query('SELECT n FROM events.facts LIMIT 100', user)).toMatchObject({ code: 201 });
    });

    test('too many mistakes', async () => {
      const user = login('metered-few-errors');
      for (let mistake = 1; mistake <= 3; mistake += 1) await engine.query('SELECT nothing_of_that_name FROM events.facts', user);
      expect(await engine.query(count, user)).toMatchObject({ code: 201 });
    });

    test('failed logins lock nobody out', async () => {
      for (let guess = 0; guess < 50; guess += 1) await engine.query('SELECT 1', { user: 'owner', password: `guess-${guess}` });
      expect(await engine.query(count, login('owner'))).toMatchObject({ status: 200 });
    });
  });
});
