import * as fc from 'fast-check';
import type { AnyGrantModel } from '../../lib/config/any-grant';
import { grantStatements } from '../../lib/config/any-grant';
import { createDatabaseStatement } from '../../lib/config/databases';
import { GRANTABLE_PRIVILEGES, MUTATIONS } from '../../lib/config/grants';
import type { ClusterModel } from '../../lib/config/manifests';
import { PATHS } from '../../lib/config/paths';
import { schemaOwner } from '../../lib/config/schema-owner';
import { GRANTABLE_ENGINES } from '../../lib/config/table-engines';
import type { UserModel } from '../../lib/config/users';
import { ACCESS, DENIED } from './attacks';
import type { Engine } from './engine';
import { NODE, describeEngine, startEngine } from './engine';
import { MAINTENANCE, cluster, hashesOf, login, nodeValues, serverDocuments } from './rendered';

/** One statement that needs one privilege on `events`, and how to have it needed again. */
const NEEDS: Readonly<Record<string, { readonly sql: string; readonly before?: readonly string[] }>> = {
  SELECT: { sql: 'SELECT n FROM events.facts LIMIT 1' },
  INSERT: { sql: "INSERT INTO events.sink VALUES (1, 'a', 0)" },
  'SHOW COLUMNS': { sql: 'DESCRIBE events.facts' },
  'SHOW DATABASES': { sql: 'EXISTS DATABASE events' },
  'ALTER UPDATE': { sql: "ALTER TABLE events.facts UPDATE note = 'x' WHERE 0" },
  'ALTER DELETE': { sql: 'ALTER TABLE events.facts DELETE WHERE 0' },
  'SHOW TABLES': { sql: 'EXISTS TABLE events.facts' },
  'ALTER COLUMN': { sql: "ALTER TABLE events.facts COMMENT COLUMN note 'x'" },
  'ALTER INDEX': { sql: 'ALTER TABLE events.facts ADD INDEX IF NOT EXISTS i n TYPE minmax' },
  'ALTER TTL': { sql: 'ALTER TABLE events.facts MODIFY TTL at + INTERVAL 90 YEAR' },
  'ALTER CONSTRAINT': { sql: 'ALTER TABLE events.facts DROP CONSTRAINT IF EXISTS c' },
  'ALTER PROJECTION': { sql: 'ALTER TABLE events.facts DROP PROJECTION IF EXISTS p' },
  'ALTER MODIFY COMMENT': { sql: "ALTER TABLE events.facts MODIFY COMMENT 'x'" },
  'CREATE TABLE': { sql: 'CREATE TABLE events.made (n UInt8) ENGINE = Null', before: ['DROP TABLE IF EXISTS events.made'] },
  'CREATE VIEW': { sql: 'CREATE VIEW events.seen AS SELECT 1', before: ['DROP TABLE IF EXISTS events.seen'] },
  'DROP TABLE': { sql: 'DROP TABLE events.spare', before: ['CREATE TABLE IF NOT EXISTS events.spare (n UInt8) ENGINE = Null'] },
  'DROP VIEW': { sql: 'DROP VIEW events.view', before: ['CREATE VIEW IF NOT EXISTS events.view AS SELECT 1'] },
  TRUNCATE: { sql: 'TRUNCATE TABLE events.emptied' },
  OPTIMIZE: { sql: 'OPTIMIZE TABLE events.facts' },
};

/** What ClickHouse grants along with a privilege: to see that the database and the tables are there, and their columns for what is about columns. */
const SEEING = ['SHOW DATABASES', 'SHOW TABLES'];
const ALONG: Readonly<Record<string, readonly string[]>> = {
  ...Object.fromEntries(GRANTABLE_PRIVILEGES.map((privilege) => [privilege, SEEING])),
  ...Object.fromEntries(['SELECT', 'INSERT', 'ALTER UPDATE', 'ALTER DELETE', 'ALTER COLUMN'].map((privilege) => [privilege, [...SEEING, 'SHOW COLUMNS']])),
  'CREATE TABLE': [...SEEING, 'CREATE VIEW'],
  'DROP TABLE': [...SEEING, 'DROP VIEW'],
  'SHOW DATABASES': [],
  'SHOW TABLES': ['SHOW DATABASES'],
};

const nameOf = (privilege: string) => `only-${privilege.toLowerCase().replaceAll(' ', '-')}`;
const only = (name: string, ...grants: AnyGrantModel[]): UserModel => ({ name, grants });
const EVERYTHING: AnyGrantModel[] = [...schemaOwner('events', { mutationsReadEverything: true, distributedTablesShowColumns: true }), { source: 'URL', access: ['READ', 'WRITE'], urlPrefix: 'https://feeds.example.com/' }];

const MODEL: ClusterModel = {
  ...cluster(),
  databases: ['events', 'secrets'],
  settings: { remoteUrlAllowHosts: ['feeds.example.com'] },
  roles: [
    { name: 'readers', grants: [{ privileges: ['SELECT'], database: 'events' }] },
    { name: 'writers', grants: [{ privileges: ['INSERT'], database: 'events', table: 'facts' }] },
    { name: 'others', grants: [{ privileges: ['SELECT'], database: 'secrets' }] },
  ],
  users: [
    // the engine that a table is made with is granted apart.
    ...GRANTABLE_PRIVILEGES.map((privilege) => only(nameOf(privilege), { privileges: [privilege], database: 'events', mutationsReadEverything: true }, { tableEngines: ['Null'] })),
    only('on-table', { privileges: ['SELECT', 'INSERT', 'OPTIMIZE', 'TRUNCATE', 'DROP TABLE', 'ALTER COLUMN'], database: 'events', table: 'raw_a' }),
    only('on-prefix', { privileges: ['SELECT', 'INSERT', 'CREATE TABLE', 'DROP TABLE'], database: 'events', tablePrefix: 'raw_' }, { tableEngines: ['Null'] }),
    only('on-columns', { privileges: ['SELECT', 'INSERT', 'SHOW COLUMNS'], database: 'events', table: 'facts', columns: ['n', 'at'] }),
    { name: 'by-role', roles: ['readers', 'writers'] },
    { name: 'by-both', roles: ['writers'], grants: [{ privileges: ['OPTIMIZE'], database: 'events' }] },
    { name: 'by-unknown', roles: ['readers'] },
    { name: 'everything', grants: EVERYTHING, roles: ['readers', 'writers'] },
  ],
};

describeEngine('grants', () => {
  let engine: Engine;

  beforeAll(async () => {
    const documents = { ...serverDocuments(MODEL) };
    // a role that is not declared, which the model refuses.
    const path = `${PATHS.usersConfigDirectory}/by-unknown.xml`;
    documents[path] = (documents[path] ?? '').replace('GRANT `readers`', 'GRANT `nobody`');
    engine = await startEngine({ documents, holes: nodeValues(hashesOf(MODEL)) });
    for (const sql of [
      ...['events', 'secrets'].flatMap((database) => [
        `CREATE DATABASE ${database}`,
        `CREATE TABLE ${database}.facts (n UInt64, note String, at DateTime) ENGINE = MergeTree ORDER BY n`,
        `INSERT INTO ${database}.facts SELECT number, 'note', 0 FROM numbers(10)`,
        ...['emptied', 'raw_a', 'raw_b', 'raw_', 'raw', 'RAW_A', 'xraw_a'].map((table) => `CREATE TABLE ${database}.${table} AS ${database}.facts`),
        `CREATE TABLE ${database}.sink AS ${database}.facts ENGINE = Null`,
      ]),
    ]) await engine.admin(sql);
  });

  afterAll(() => engine?.stop());

  const code = async (user: string, sql: string) => (await engine.query(sql, login(user))).code;

  async function each(user: string, statements: readonly string[], wanted: number): Promise<void> {
    const outcomes: [string, number][] = [];
    for (const sql of statements) outcomes.push([sql, await code(user, sql)]);
    expect(outcomes).toEqual(statements.map((sql) => [sql, wanted]));
  }

  describe.each(GRANTABLE_PRIVILEGES)('%s', (privilege) => {
    test('is good for itself, and for what comes along', async () => {
      const good: string[] = [];
      for (const [needed, { sql, before = [] }] of Object.entries(NEEDS)) {
        for (const each of before) await engine.admin(each);
        const outcome = await code(nameOf(privilege), sql);
        if (outcome === 0) good.push(needed);
        else expect([sql, outcome]).toEqual([sql, DENIED]);
      }
      expect(good.sort()).toEqual([privilege, ...(ALONG[privilege] ?? [])].sort());
    });

    test('is good for nothing in another database', async () => {
      for (const sql of ['CREATE TABLE IF NOT EXISTS secrets.spare (n UInt8) ENGINE = Null', 'CREATE VIEW IF NOT EXISTS secrets.view AS SELECT 1']) await engine.admin(sql);
      await each(nameOf(privilege), Object.values(NEEDS).map(({ sql }) => sql.replaceAll('events', 'secrets')), DENIED);
    });
  });

  test('any statement is read as what was meant: names that are words of SQL too', async () => {
    const word = fc.constantFrom('select', 'SELECT', 'to', 'on', 'all', 'none', 'grant', 'table', 'view', 'null', 'default', 'with', 'from', 'url', 'current_user', '_', '__proto__', 'a'.repeat(127));
    const name = fc.oneof(word, fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,20}$/));
    const grant = fc.tuple(fc.constantFrom(...GRANTABLE_PRIVILEGES.filter((each) => each !== 'SHOW DATABASES')), name, fc.constantFrom('database', 'table', 'prefix', 'columns'), name, name);
    for (const [privilege, database, kind, table, column] of fc.sample(grant, 150)) {
      if (/^(system|information_schema)$/i.test(database) || (kind === 'columns' && !['SELECT', 'INSERT', 'SHOW COLUMNS'].includes(privilege))) continue;
      const model: AnyGrantModel = { privileges: [privilege], database, mutationsReadEverything: true, ...{ database: {}, table: { table }, prefix: { tablePrefix: table }, columns: { table, columns: [column] } }[kind] };
      const [statement = ''] = grantStatements([model]);
      const { body } = await engine.query('SELECT formatQuerySingleLine({q:String})', { user: 'default' }, { from: NODE, settings: { param_q: `${statement} TO \`ingest\`` } });
      const read = body.trim().replaceAll('`', '').replaceAll('\\', '');
      expect(read).toBe(`GRANT ${privilege}${kind === 'columns' ? `(${column})` : ''} ON ${database}.${{ database: '*', table, prefix: `${table}*`, columns: table }[kind]} TO ingest`);
    }
  });

  test('every privilege has a statement that needs it', () => {
    expect(Object.keys(NEEDS).sort()).toEqual([...GRANTABLE_PRIVILEGES].sort());
  });

  test('a table is that table', async () => {
    await each('on-table', ['SELECT * FROM events.raw_a', "INSERT INTO events.raw_a VALUES (1, 'a', 0)", 'OPTIMIZE TABLE events.raw_a', "ALTER TABLE events.raw_a COMMENT COLUMN note 'x'", 'TRUNCATE TABLE events.raw_a'], 0);
    const others = ['events.raw_b', 'events.raw_', 'events.raw', 'events.RAW_A', 'events.xraw_a', 'events.facts', 'secrets.raw_a'];
    await each('on-table', others.flatMap((table) => [`SELECT * FROM ${table}`, `INSERT INTO ${table} VALUES (1, 'a', 0)`, `TRUNCATE TABLE ${table}`, `DROP TABLE ${table}`, `RENAME TABLE events.raw_a TO events.moved`]), DENIED);
    expect((await engine.query('SHOW TABLES FROM events', login('on-table'))).body).toBe('raw_a\n');
  });

  test('a prefix is the tables that begin with it, and those to come', async () => {
    await each('on-prefix', [
      'SELECT * FROM events.raw_a', 'SELECT * FROM events.raw_b', 'SELECT * FROM events.raw_', "INSERT INTO events.raw_b VALUES (1, 'a', 0)",
      'CREATE TABLE events.raw_new (n UInt8) ENGINE = Null', 'SELECT * FROM events.raw_new', 'RENAME TABLE events.raw_new TO events.raw_newer', 'DROP TABLE events.raw_newer',
    ], 0);
    await each('on-prefix', [
      ...['events.raw', 'events.RAW_A', 'events.xraw_a', 'events.facts', 'secrets.raw_a'].flatMap((table) => [`SELECT * FROM ${table}`, `INSERT INTO ${table} VALUES (1, 'a', 0)`, `DROP TABLE ${table}`]),
      'CREATE TABLE events.rawnew (n UInt8) ENGINE = Null', 'CREATE TABLE secrets.raw_new (n UInt8) ENGINE = Null', 'RENAME TABLE events.raw_b TO events.mine', 'RENAME TABLE events.facts TO events.raw_facts',
      'CREATE TABLE `events`.`RAW_new` (n UInt8) ENGINE = Null', 'EXCHANGE TABLES events.raw_a AND events.facts',
    ], DENIED);
    expect((await engine.query('SHOW TABLES FROM events', login('on-prefix'))).body).toBe('raw_\nraw_a\nraw_b\n');
  });

  test('columns are those columns', async () => {
    await each('on-columns', ['SELECT n FROM events.facts', 'SELECT n, at FROM events.facts WHERE n > 1 ORDER BY at', 'SELECT count() FROM events.facts', 'INSERT INTO events.facts (n, at) VALUES (1, 0)'], 0);
    await each('on-columns', [
      'SELECT * FROM events.facts', 'SELECT note FROM events.facts', 'SELECT n FROM events.facts WHERE note = \'note\'', 'SELECT n FROM events.facts ORDER BY note', 'SELECT n FROM events.facts GROUP BY n HAVING any(note) = \'\'',
      'SELECT n FROM events.facts PREWHERE note != \'\'', 'SELECT COLUMNS(\'note\') FROM events.facts', 'SELECT f.note FROM events.facts AS f', 'SELECT a.n FROM events.facts AS a JOIN events.facts AS b ON a.note = b.note',
      'INSERT INTO events.facts (note) VALUES (\'a\')', "INSERT INTO events.facts VALUES (1, 'a', 0)", 'SELECT n FROM events.sink', 'SELECT n FROM secrets.facts',
    ], DENIED);
    expect((await engine.query("SELECT name FROM system.columns WHERE database = 'events'", login('on-columns'))).body).toBe('n\nat\n');
  });

  describe('roles', () => {
    test('are active without being asked for', async () => {
      expect((await engine.query('SELECT arraySort(currentRoles()), arraySort(enabledRoles())', login('by-role'))).body).toBe("['readers','writers']\t['readers','writers']\n");
      await each('by-role', ['SELECT * FROM events.facts', "INSERT INTO events.facts VALUES (1, 'a', 0)"], 0);
      await each('by-role', ['SELECT * FROM secrets.facts', "INSERT INTO events.sink VALUES (1, 'a', 0)", 'OPTIMIZE TABLE events.facts'], DENIED);
    });

    test('add to what the user has', async () => {
      await each('by-both', ['OPTIMIZE TABLE events.facts', "INSERT INTO events.facts VALUES (1, 'a', 0)"], 0);
      await each('by-both', ['SELECT * FROM events.facts', 'OPTIMIZE TABLE secrets.facts'], DENIED);
    });

    test('can be put aside, and no other taken up', async () => {
      const session = { session_id: 'of-roles' };
      expect(await engine.query('SET ROLE NONE', login('by-role'), { settings: session })).toMatchObject({ status: 200 });
      expect(await engine.query('SELECT * FROM events.facts', login('by-role'), { settings: session })).toMatchObject({ code: DENIED });
      for (const sql of ['SET ROLE others', 'SET ROLE readers, others', 'SET ROLE nobody']) expect([sql, (await engine.query(sql, login('by-role'), { settings: session })).status]).not.toEqual([sql, 200]);
      expect(await engine.query('SET ROLE ALL EXCEPT writers', login('by-role'), { settings: session })).toMatchObject({ status: 200 });
      expect(await engine.query('SELECT * FROM secrets.facts', login('by-role'), { settings: session })).toMatchObject({ code: DENIED });
      expect(await engine.query('SELECT 1 FROM events.facts LIMIT 1', login('by-role'), { settings: { role: 'others' } })).not.toMatchObject({ status: 200 });
    });

    test('one that is not there leaves the user without it', async () => {
      expect((await engine.query('SHOW GRANTS', login('by-unknown'))).body).toBe('GRANT NONE TO `by-unknown`\n');
      await each('by-unknown', ['SELECT * FROM events.facts', 'SELECT * FROM secrets.facts', 'SELECT * FROM system.users'], DENIED);
    });
  });

  describe('who has everything that can be granted', () => {
    test.each(ACCESS)('manages no access: $sql', async ({ sql }) => {
      expect(await code('everything', sql)).toBe(DENIED);
    });

    test('becomes nobody else and hands nothing on', async () => {
      const attempts: Record<string, number> = {
        'EXECUTE AS node_maintenance SELECT 1': 344,
        'EXECUTE AS by-role SELECT 1': 62,
        'EXECUTE AS `by-role` SELECT 1': 344,
        'GRANT SELECT ON events.* TO `by-unknown`': DENIED,
        'GRANT readers TO `by-unknown`': DENIED,
        'REVOKE readers FROM `by-role`': DENIED,
        'ALTER USER `by-unknown` DEFAULT ROLE others': DENIED,
        'SET DEFAULT ROLE others TO everything': DENIED,
        "ALTER USER everything IDENTIFIED BY 'x'": DENIED,
        'ALTER ROLE readers SETTINGS max_execution_time = 0': DENIED,
        'DROP ROLE readers': DENIED,
        // may be handed on what may be handed on, which is nothing; then there is nowhere to write it.
        'GRANT CURRENT GRANTS ON *.* TO `by-unknown`': 495,
      };
      const outcomes: Record<string, number> = {};
      for (const sql of Object.keys(attempts)) outcomes[sql] = await code('everything', sql);
      expect(outcomes).toEqual(attempts);
      expect((await engine.query('SHOW GRANTS', login('by-unknown'))).body).toBe('GRANT NONE TO `by-unknown`\n');
    });

    test('has what was declared', async () => {
      const granted = (await engine.query('SHOW GRANTS', login('everything'))).body.trim().split('\n');
      expect(granted.filter((grant) => /TABLE ENGINE/.test(grant))).toHaveLength(GRANTABLE_ENGINES.length);
      expect(granted.filter((grant) => !/TABLE ENGINE/.test(grant))).toEqual([
        'GRANT CREATE TEMPORARY TABLE ON *.* TO everything',
        'GRANT READ, WRITE ON URL(`https://feeds[.]example[.]com/(?:[.]?[A-Za-z0-9_~/=+-])*`) TO everything',
        expect.stringMatching(/^GRANT SHOW DATABASES, SHOW TABLES, SHOW COLUMNS, SELECT, INSERT, ALTER UPDATE, .* ON events\.\* TO everything$/),
        expect.stringMatching(/^GRANT readers, writers TO everything$/),
      ]);
    });
  });

  /** Kept here so that it is noticed when ClickHouse closes it: https://github.com/ClickHouse/ClickHouse/issues/107588 */
  test.each(MUTATIONS)('the price of %s: a mutation reads what its owner may not', async (privilege) => {
    const user = nameOf(privilege);
    await engine.admin('CREATE TABLE secrets.hidden (n UInt64) ENGINE = MergeTree ORDER BY n');
    await engine.admin('INSERT INTO secrets.hidden VALUES (4711)');
    await engine.admin('CREATE TABLE events.hidden (n UInt64, note String) ENGINE = MergeTree ORDER BY n');
    await engine.admin("INSERT INTO events.hidden VALUES (4710, ''), (4711, '')");
    try {
      await each(user, ['SELECT * FROM secrets.hidden', 'ALTER TABLE events.hidden DELETE WHERE n IN (SELECT n FROM secrets.hidden)', "ALTER TABLE events.hidden UPDATE note = 'x' WHERE n IN (SELECT n FROM secrets.hidden)"], DENIED);
      // the shortest way is closed: not asking.
      expect(await engine.query('ALTER TABLE events.hidden DELETE WHERE n IN (SELECT n FROM secrets.hidden)', login(user), { settings: { validate_mutation_query: 0 } })).toMatchObject({ code: 452 });
      const where = "n IN (SELECT n FROM merge(REGEXP('.*'), '^hidden$') WHERE _database = 'secrets')";
      const sql = privilege === 'ALTER DELETE' ? `ALTER TABLE events.hidden DELETE WHERE ${where}` : `ALTER TABLE events.hidden UPDATE note = 'found' WHERE ${where}`;
      expect(await engine.query(sql, login(user), { settings: { mutations_sync: 1 } })).toMatchObject({ status: 200 });
      expect(await engine.admin('SELECT n, note FROM events.hidden ORDER BY n')).toBe(privilege === 'ALTER DELETE' ? '4710\t\n' : '4710\t\n4711\tfound\n');
    } finally {
      for (const database of ['secrets', 'events']) await engine.admin(`DROP TABLE ${database}.hidden SYNC`);
    }
  });

  test('the node-local account makes databases, and again', async () => {
    const { topology } = cluster();
    const create = createDatabaseStatement(topology, 'Fresh_1');
    const local = (sql: string) => engine.query(sql, MAINTENANCE, { from: NODE });
    for (let time = 1; time <= 2; time += 1) expect(await local(create)).toMatchObject({ status: 200 });
    expect(await engine.admin("SELECT engine FROM system.databases WHERE name = 'Fresh_1'")).toBe('Atomic\n');
    await each('everything', [create.replace('Fresh_1', 'mine'), 'DROP DATABASE Fresh_1'], DENIED);
    // 225: there is no Keeper here, so that the privilege suffices is all that is shown.
    expect(await local(createDatabaseStatement(cluster(1, 2, 3).topology, 'replicated'))).toMatchObject({ code: 225 });
    for (const sql of ["CREATE DATABASE stolen ENGINE = MySQL('127.0.0.1:1', 'd', 'u', 'p')", 'DROP DATABASE Fresh_1', 'CREATE TABLE Fresh_1.t (n UInt8) ENGINE = Null']) expect([sql, (await local(sql)).code]).toEqual([sql, DENIED]);
  });
});
