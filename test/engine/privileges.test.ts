import type { Attack } from './attacks';
import { ACCESS, DENIED, DICTIONARIES, ENGINES, OBJECTS, OPERATING, PEEKING, READING, WRITING } from './attacks';
import type { Documents, Engine } from './engine';
import { NODE, describeEngine, startEngine } from './engine';
import { EVENTS, EVENTS_TABLES, MAINTENANCE, login, nodeValues, serverDocuments, hashesOf } from './rendered';
import { PATHS } from '../../lib/config/paths';

const HARMLESS = ['ingest', 'reports', 'owner', 'nothing'];

/** A user as the library would never render one: may manage access. */
const WARDEN = 'ingest';
function withWarden(documents: Documents): Documents {
  const path = `${PATHS.usersConfigDirectory}/${WARDEN}.xml`;
  const rendered = documents[path] ?? '';
  const changed = rendered.replace('<grants>', '<grants><query>GRANT ACCESS MANAGEMENT ON *.* WITH GRANT OPTION</query>');
  if (changed === rendered) throw new Error('the document of the user has no <grants>');
  return { ...documents, [path]: changed };
}

async function started(documents: Documents): Promise<Engine> {
  const engine = await startEngine({ documents, holes: nodeValues(hashesOf(EVENTS)) });
  for (const sql of EVENTS_TABLES) await engine.admin(sql);
  // so that the logs are there to be looked at.
  await engine.admin('SYSTEM FLUSH LOGS');
  return engine;
}

describeEngine('what a login is good for', () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await started(serverDocuments(EVENTS));
  });

  afterAll(() => engine?.stop());

  async function codes(user: string, attacks: readonly Attack[]): Promise<Record<string, number>> {
    const outcomes: Record<string, number> = {};
    for (const { sql } of attacks) outcomes[sql] = (await engine.query(sql, login(user))).code;
    return outcomes;
  }

  describe.each(HARMLESS)('%s', (user) => {
    test.each([
      ['read from elsewhere', READING],
      ['write to elsewhere', WRITING],
      ['make a table that reaches elsewhere', ENGINES],
      ['make a dictionary that does', DICTIONARIES],
      ['manage access', ACCESS],
      ['operate the server', OPERATING],
      ['see others, the configuration or other databases', PEEKING],
      ['make or take away databases and other objects', OBJECTS],
    ] as const)('cannot %s', async (_what, attacks) => {
      expect(await codes(user, attacks)).toEqual(Object.fromEntries(attacks.map(({ sql }) => [sql, DENIED])));
    });

    test('sees only its own databases', async () => {
      const { body } = await engine.query('SHOW DATABASES', login(user));
      expect(body.split('\n').filter(Boolean)).toEqual(user === 'nothing' ? [] : ['events']);
      expect((await engine.query('SELECT DISTINCT database FROM system.tables WHERE database NOT IN (\'system\')', login(user))).body.trim()).toBe(user === 'nothing' ? '' : 'events');
    });

    test('cannot become somebody else', async () => {
      // switched off for everybody.
      expect(await engine.query('EXECUTE AS owner SELECT 1', login(user))).toMatchObject({ code: 344 });
      expect((await engine.query('SET ROLE ALL', login(user))).code).toBe(0);
      expect((await engine.query('SELECT * FROM system.users', login(user))).code).toBe(DENIED);
    });

    test('cannot hand its rights on', async () => {
      // gets past the check, since it hands on what may be handed on, which is nothing, and then there is nowhere to write it.
      expect(await engine.query('GRANT CURRENT GRANTS ON *.* TO nothing', login(user))).toMatchObject({ code: 495 });
      expect(await engine.query('SHOW GRANTS', login('nothing'))).toMatchObject({ status: 200, body: '' });
    });
  });

  test('the system tables that everybody may read are about ClickHouse, or about oneself', async () => {
    const tables = (await engine.admin("SELECT name FROM system.tables WHERE database = 'system' ORDER BY name")).trim().split('\n');
    expect(tables.length).toBeGreaterThan(80);
    const readable: string[] = [];
    for (const table of tables) {
      const { code } = await engine.query(`SELECT * FROM system.${table} LIMIT 1`, login('nothing'));
      if (code !== DENIED) readable.push(table);
    }
    expect(readable).toEqual([
      // what is built in.
      'aggregate_function_combinators', 'collations',
      // only what one has a right to see; see below.
      'columns', 'completions',
      'contributors', 'current_roles', 'data_type_families', 'database_engines', 'databases', 'dictionary_layouts', 'disk_types', 'enabled_roles', 'formats', 'functions', 'licenses',
      'one', 'privileges', 'quota_usage', 'settings', 'table_engines', 'table_functions', 'tables', 'time_zones',
    ]);
    for (const table of ['columns', 'databases', 'tables']) expect([table, await engine.query(`SELECT * FROM system.${table}`, login('nothing'))]).toMatchObject([table, { body: '' }]);
    expect(await engine.query("SELECT DISTINCT context FROM system.completions WHERE context IN ('database', 'table', 'column', 'user')", login('nothing'))).toMatchObject({ status: 200, body: '' });
  });

  test("a query cannot take the place of somebody else's", async () => {
    const slow = engine.query('SELECT sleepEachRow(0.3) FROM numbers(4) SETTINGS max_block_size = 1', login('owner'), { settings: { query_id: 'of-owner' } });
    await new Promise((wake) => setTimeout(wake, 300));
    // 216: somebody else's query has this id.
    expect(await engine.query('SELECT 1', login('nothing'), { settings: { query_id: 'of-owner', replace_running_query: 1 } })).toMatchObject({ code: 216 });
    expect(await slow).toMatchObject({ status: 200 });
  });

  test('ingest inserts into its table and does nothing else', async () => {
    const by = login('ingest');
    expect(await engine.query('INSERT INTO events.facts FORMAT CSV', by, { body: '1000,"a"\n1001,"b"\n' })).toMatchObject({ status: 200 });
    expect(await engine.admin('SELECT count() FROM events.facts WHERE n >= 1000')).toBe('2\n');
    for (const sql of [
      'SELECT count() FROM events.facts', 'SELECT n FROM events.facts', 'ALTER TABLE events.facts DELETE WHERE 1', 'TRUNCATE TABLE events.facts', 'DROP TABLE events.facts',
      'OPTIMIZE TABLE events.facts', 'INSERT INTO events.facts SELECT * FROM events.facts', 'INSERT INTO events.facts SELECT * FROM secrets.facts',
      'CREATE TABLE events.more (n UInt64) ENGINE = MergeTree ORDER BY n', 'CREATE TEMPORARY TABLE more (n UInt64)', 'RENAME TABLE events.facts TO events.gone',
    ]) {
      expect([sql, (await engine.query(sql, by)).code]).toEqual([sql, DENIED]);
    }
  });

  test('reports reads its database and writes nothing', async () => {
    const by = login('reports');
    expect(await engine.query('SELECT count() FROM events.facts WHERE n < 1000', by)).toMatchObject({ status: 200, body: '100\n' });
    for (const sql of ["INSERT INTO events.facts VALUES (1, 'a')", 'TRUNCATE TABLE events.facts', 'DROP TABLE events.facts', 'ALTER TABLE events.facts DELETE WHERE 1']) {
      expect([sql, (await engine.query(sql, by)).code]).toEqual([sql, DENIED]);
    }
    for (const sql of [
      'SELECT * FROM secrets.facts', 'SELECT * FROM events.facts AS a JOIN secrets.facts AS b USING n', 'SELECT n IN (SELECT n FROM secrets.facts) FROM events.facts',
      'SELECT * FROM view(SELECT * FROM secrets.facts)', 'SELECT * FROM loop(secrets.facts) LIMIT 1', "SELECT * FROM mergeTreeIndex('secrets', 'facts')",
      'EXPLAIN SELECT * FROM secrets.facts', "SELECT * FROM cluster('events', secrets.facts)", "SELECT * FROM clusterAllReplicas('events', secrets.facts)",
    ]) {
      expect([sql, (await engine.query(sql, by)).code]).toEqual([sql, DENIED]);
    }
    // takes every table it may see; the other database has as many rows again.
    expect(await engine.query("SELECT DISTINCT _database FROM merge(REGEXP('.*'), '^facts$')", by)).toMatchObject({ status: 200, body: 'events\n' });
  });

  test('owner does everything with the data of its database and nothing outside it', async () => {
    const by = login('owner');
    for (const sql of [
      "INSERT INTO events.facts VALUES (2000, 'mine')", 'ALTER TABLE events.facts ADD COLUMN extra UInt8', 'ALTER TABLE events.facts DROP COLUMN extra',
      'CREATE VIEW events.recent AS SELECT * FROM events.facts WHERE n > 10', 'SELECT count() FROM events.recent', 'DROP VIEW events.recent', 'OPTIMIZE TABLE events.facts',
    ]) {
      expect([sql, await engine.query(sql, by)]).toMatchObject([sql, { status: 200 }]);
    }
    for (const sql of [
      'SELECT * FROM secrets.facts', 'ALTER TABLE secrets.facts ADD COLUMN extra UInt8', 'DROP TABLE secrets.facts', 'DROP DATABASE events', 'DETACH DATABASE events',
      'RENAME TABLE events.facts TO secrets.stolen', 'CREATE TABLE default.mine (n UInt64) ENGINE = MergeTree ORDER BY n', 'CREATE TABLE system.mine (n UInt64) ENGINE = MergeTree ORDER BY n',
      'TRUNCATE TABLE system.query_log', 'TRUNCATE TABLE system.session_log', 'DROP TABLE system.session_log', 'ALTER TABLE system.query_log DELETE WHERE 1',
    ]) {
      expect([sql, (await engine.query(sql, by)).code]).toEqual([sql, DENIED]);
    }
    // a view reads with the rights of who made it, which end at the same place.
    expect(await engine.query('CREATE VIEW events.window AS SELECT * FROM secrets.facts', by)).toMatchObject({ code: DENIED });
  });

  test('programs cannot be run: who could call one finds none', async () => {
    for (const user of ['ingest', 'reports', 'nothing']) {
      expect([user, await engine.query("SELECT * FROM executable('id', LineAsString, 'line String')", login(user))]).toMatchObject([user, { code: DENIED }]);
    }
    // CREATE TABLE anywhere brings CREATE TEMPORARY TABLE, which is what executable() asks for; what is left is the empty directory.
    for (const program of ['id', '/bin/id', '../../../../../../bin/id', './id', 'sh -c id']) {
      const { code, body } = await engine.query(`SELECT * FROM executable('${program}', LineAsString, 'line String')`, login('owner'));
      expect([program, code]).toEqual([program, 1]);
      expect(body).toMatch(/user scripts folder/);
    }
  });

  test('the scalar function file() asks for no privilege: a server confines it to an empty directory, this engine does not', async () => {
    // the confinement is server-only: not proven here. What is: everybody may call it, so the directory must stay empty.
    expect(await engine.query("SELECT file('/dev/null')", login('nothing'))).toMatchObject({ status: 200, body: '\n' });
    expect(await engine.query("SELECT getServerSetting('user_files_path')", login('nothing'))).toMatchObject({ status: 200, body: `${engine.root}${PATHS.emptyUserFiles}/\n` });
  });

  test('the node-local account checks health and creates databases, and reads nothing of anybody', async () => {
    const local = (sql: string) => engine.query(sql, MAINTENANCE, { from: NODE });
    for (const sql of [
      'SELECT 1', 'CREATE DATABASE IF NOT EXISTS events', 'SHOW DATABASES', 'SYSTEM RELOAD USERS',
      // system.asynchronous_metrics is granted as well, and does not exist in this engine.
      ...['metrics', 'events', 'errors', 'replicas', 'clusters', 'disks', 'server_settings'].map((table) => `SELECT count() FROM system.${table}`),
    ]) {
      expect([sql, await local(sql)]).toMatchObject([sql, { status: 200 }]);
    }
    const reachesOut = [...READING, ...WRITING, ...ENGINES, ...DICTIONARIES, ...ACCESS].map(({ sql }) => sql);
    for (const sql of [
      ...reachesOut, 'SELECT * FROM events.facts', 'SELECT * FROM system.users', 'SELECT * FROM system.query_log', 'SELECT * FROM system.processes', 'DROP DATABASE events',
      "INSERT INTO events.facts VALUES (1, 'a')", 'SYSTEM SHUTDOWN', "CREATE USER stolen IDENTIFIED BY 'x'",
    ]) {
      expect([sql, (await local(sql)).code]).toEqual([sql, DENIED]);
    }
  });
});

describeEngine('users are declared in files and nowhere else', () => {
  test('not even somebody who may manage access can make one, change one or give rights', async () => {
    const engine = await started(withWarden(serverDocuments(EVENTS)));
    try {
      const by = login(WARDEN);
      expect(await engine.query('SHOW GRANTS', by)).toMatchObject({ body: expect.stringContaining('GRANT CREATE USER') as string });
      const outcomes: Record<string, number> = {};
      const attempts: Record<string, number> = {
        // 514: nowhere to write it; 495: where it is written cannot be written to.
        "CREATE USER stolen IDENTIFIED BY 'x'": 514,
        "CREATE USER default IDENTIFIED BY 'x'": 495,
        // 36: no user without a password.
        'CREATE USER stolen NOT IDENTIFIED': 36,
        "CREATE USER stolen IDENTIFIED WITH plaintext_password BY 'x'": 36,
        'CREATE ROLE stolen': 514,
        'CREATE QUOTA stolen': 514,
        'CREATE ROW POLICY stolen ON events.facts USING 1': 514,
        'CREATE SETTINGS PROFILE stolen': 514,
        "CREATE USER stolen IDENTIFIED BY 'x' IN local_directory": 492,
        "ALTER USER owner IDENTIFIED BY 'x'": 495,
        "ALTER USER owner ADD IDENTIFIED BY 'x'": 495,
        'ALTER USER owner HOST ANY': 495,
        // 452: one cannot give away what one may not have.
        'ALTER USER ingest SETTINGS max_execution_time = 0': 452,
        'ALTER SETTINGS PROFILE default SETTINGS max_execution_time = 0': 452,
        'ALTER USER ingest SETTINGS max_execution_time = 5': 495,
        'ALTER SETTINGS PROFILE default SETTINGS max_execution_time = 5': 495,
        'ALTER QUOTA default FOR INTERVAL 1 hour NO LIMITS': 495,
        'DROP USER owner': 495,
        'DROP QUOTA default': 495,
        'DROP SETTINGS PROFILE default': 495,
        'GRANT CREATE USER ON *.* TO owner': 495,
        'GRANT SELECT ON *.* TO ingest': 497,
        'REVOKE ALL ON *.* FROM owner': 497,
      };
      for (const sql of Object.keys(attempts)) outcomes[sql] = (await engine.query(sql, by)).code;
      expect(outcomes).toEqual(attempts);
      expect(await engine.query('SELECT 1', { user: 'stolen', password: 'x' })).toMatchObject({ code: 516 });
      expect(await engine.query('SELECT 1', { user: 'owner', password: 'x' })).toMatchObject({ code: 516 });
      expect(await engine.query('SELECT 1', login('owner'))).toMatchObject({ status: 200 });
    } finally {
      await engine.stop();
    }
  });
});
