import type { ClusterModel } from '../../lib/config/manifests';
import { schemaOwner } from '../../lib/config/schema-owner';
import { DISTRIBUTED_ENGINE, GRANTABLE_ENGINES, OWN_DATA_ENGINES, REFUSED_ENGINES } from '../../lib/config/table-engines';
import { DENIED, IMPATIENT } from './attacks';
import type { Documents, Engine } from './engine';
import { describeEngine, startEngine } from './engine';
import { cluster, hashesOf, login, nodeValues, serverDocuments } from './rendered';

const MODEL: ClusterModel = {
  ...cluster(),
  databases: ['events', 'secrets'],
  users: [
    { name: 'owner', grants: schemaOwner('events') },
    { name: 'sharding', grants: schemaOwner('events', { distributedTablesShowColumns: true }) },
    { name: 'reader', grants: [{ privileges: ['SELECT'], database: 'events' }] },
  ],
};

/** A cluster whose one server is the engine itself, which no rendered document has: host names of nodes are not loopback. */
const HERE: Documents = {
  '/etc/clickhouse-server/config.d/zz-here.xml': '<clickhouse><remote_servers><here><shard><replica><host>127.0.0.1</host><port>9000</port></replica></shard></here></remote_servers></clickhouse>',
};

/** What an engine is made with, where `(n UInt64, s Int8, v UInt8)` is not enough. */
const ARGUMENTS: Readonly<Record<string, readonly string[]>> = { ReplacingMergeTree: ['v'], CollapsingMergeTree: ['s'], VersionedCollapsingMergeTree: ['s', 'v'], Join: ['ANY', 'LEFT', 'n'] };

describeEngine('a schema owner', () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await startEngine({ documents: { ...serverDocuments(MODEL), ...HERE }, holes: nodeValues(hashesOf(MODEL)) });
    for (const sql of ['events', 'secrets'].flatMap((database) => [
      `CREATE DATABASE ${database}`,
      `CREATE TABLE ${database}.facts (n UInt64, note String) ENGINE = MergeTree ORDER BY n`,
      `CREATE TABLE ${database}.joined (n UInt64, note String) ENGINE = Join(ANY, LEFT, n)`,
    ])) await engine.admin(sql);
    await engine.admin("INSERT INTO events.facts SELECT number + 100, 'event' FROM numbers(6)");
    await engine.admin("INSERT INTO secrets.facts SELECT number, 'secret' FROM numbers(3)");
  });

  afterAll(() => engine?.stop());

  const run = (sql: string, user = 'owner', settings: Record<string, string | number> = {}) => engine.query(sql, login(user), { settings: { ...IMPATIENT, ...settings } });

  async function each(statements: readonly string[], wanted: number, user = 'owner'): Promise<void> {
    const outcomes: [string, number][] = [];
    for (const sql of statements) outcomes.push([sql, (await run(sql, user)).code]);
    expect(outcomes).toEqual(statements.map((sql) => [sql, wanted]));
  }

  const secretsAreUntouched = async () => expect(await engine.admin('SELECT n, note FROM secrets.facts ORDER BY ALL')).toBe('0\tsecret\n1\tsecret\n2\tsecret\n');

  test('makes, changes, fills, reads, empties and drops tables and views of its database', async () => {
    await each([
      'CREATE TABLE events.mine (n UInt64, note String) ORDER BY n', "INSERT INTO events.mine VALUES (1, 'a')", 'SELECT * FROM events.mine', 'ALTER TABLE events.mine ADD COLUMN more UInt8 DEFAULT n', 'ALTER TABLE events.mine MATERIALIZE COLUMN more',
      'ALTER TABLE events.mine MODIFY COLUMN more UInt16', 'ALTER TABLE events.mine RENAME COLUMN more TO less', 'ALTER TABLE events.mine DROP COLUMN less', 'ALTER TABLE events.mine ADD INDEX i note TYPE bloom_filter', 'ALTER TABLE events.mine MATERIALIZE INDEX i',
      'ALTER TABLE events.mine ADD PROJECTION p (SELECT note, count() GROUP BY note)', 'ALTER TABLE events.mine ADD CONSTRAINT c CHECK n > 0', "ALTER TABLE events.mine MODIFY COMMENT 'ours'",
      'CREATE TABLE events.copy AS events.mine', 'CREATE TABLE events.filled ORDER BY n AS SELECT * FROM events.mine', 'CREATE OR REPLACE TABLE events.copy (n UInt64) ENGINE = Memory', 'RENAME TABLE events.copy TO events.moved', 'EXCHANGE TABLES events.moved AND events.filled',
      'CREATE VIEW events.seen AS SELECT * FROM events.mine', 'CREATE OR REPLACE VIEW events.seen AS SELECT n FROM events.mine', 'SELECT * FROM events.seen',
      'CREATE MATERIALIZED VIEW events.counted ENGINE = SummingMergeTree ORDER BY n AS SELECT n, count() AS c FROM events.mine GROUP BY n', "INSERT INTO events.mine VALUES (2, 'b')", 'SELECT * FROM events.counted',
      'CREATE MATERIALIZED VIEW events.passed TO events.filled AS SELECT n FROM events.mine', 'DETACH TABLE events.moved', 'ATTACH TABLE events.moved',
      'OPTIMIZE TABLE events.mine FINAL', 'TRUNCATE TABLE events.mine', 'DROP VIEW events.seen', 'DROP TABLE events.counted', 'DROP VIEW events.passed', 'DROP TABLE events.moved', 'DROP TABLE events.filled', 'DROP TABLE events.mine',
      'SHOW CREATE TABLE events.facts', 'DESCRIBE events.facts', 'SHOW TABLES FROM events',
    ], 0);
    expect(await run('CREATE TEMPORARY TABLE scratch (n UInt8)', 'owner', { session_id: 'scratch' })).toMatchObject({ status: 200 });
  });

  describe('table engines', () => {
    test.each(OWN_DATA_ENGINES)('%s: granted', async (name) => {
      const given = [...(name.startsWith('Replicated') ? ["'/x'", "'r'"] : []), ...(ARGUMENTS[name.replace(/^Replicated/, '')] ?? [])].join(', ');
      const { code } = await run(`CREATE TABLE events.of_${name} (n UInt64, s Int8, v UInt8) ENGINE = ${name}${given && `(${given})`}${name.endsWith('MergeTree') ? ' ORDER BY n' : ''}`);
      // 225: there is no Keeper here, so that the grant suffices is all that is shown.
      expect(code).toBe(name.startsWith('Replicated') ? 225 : 0);
    });

    test('every other one is refused', async () => {
      const all = (await engine.admin('SELECT name FROM system.table_engines ORDER BY name')).trim().split('\n');
      expect(all).toEqual(expect.arrayContaining(OWN_DATA_ENGINES as string[]));
      const others = all.filter((name) => !OWN_DATA_ENGINES.includes(name));
      expect(others.length).toBeGreaterThan(30);
      await each(others.flatMap((name) => [`CREATE TABLE events.refused (n UInt64) ENGINE = ${name}`, `CREATE TABLE events.refused (n UInt64) ENGINE = ${name}('secrets', 'facts')`]), DENIED);
      // and none of them is there by oversight.
      expect(others.filter((name) => !(name in REFUSED_ENGINES) && name !== DISTRIBUTED_ENGINE)).toEqual(expect.arrayContaining(['View', 'MaterializedView']));
      expect(GRANTABLE_ENGINES.filter((name) => name in REFUSED_ENGINES)).toEqual([]);
    });
  });

  test('touches no table of another database', async () => {
    await each([
      'SELECT * FROM secrets.facts', "INSERT INTO secrets.facts VALUES (9, 'x')", 'INSERT INTO secrets.facts SELECT * FROM events.facts', 'INSERT INTO events.facts SELECT * FROM secrets.facts', 'CREATE TABLE secrets.mine (n UInt64) ENGINE = Null',
      'CREATE OR REPLACE TABLE secrets.facts (n UInt64) ENGINE = Null', 'REPLACE TABLE secrets.facts (n UInt64) ENGINE = Null', 'DROP TABLE secrets.facts', 'DETACH TABLE secrets.facts', 'TRUNCATE TABLE secrets.facts', 'TRUNCATE DATABASE secrets', 'OPTIMIZE TABLE secrets.facts', 'UNDROP TABLE secrets.facts',
      'CREATE TABLE events.stolen AS secrets.facts', 'CREATE TABLE events.stolen CLONE AS secrets.facts', 'CREATE TABLE events.stolen ORDER BY n AS SELECT * FROM secrets.facts', 'CREATE TABLE events.stolen AS loop(secrets.facts)',
      'EXCHANGE TABLES events.facts AND secrets.facts', 'RENAME TABLE secrets.facts TO events.stolen', 'RENAME TABLE events.facts TO secrets.more', 'RENAME DATABASE secrets TO events_2',
      'ALTER TABLE events.facts ATTACH PARTITION tuple() FROM secrets.facts', 'ALTER TABLE events.facts REPLACE PARTITION tuple() FROM secrets.facts', 'ALTER TABLE events.facts MOVE PARTITION tuple() TO TABLE secrets.facts', 'ALTER TABLE secrets.facts MOVE PARTITION tuple() TO TABLE events.facts',
      "ALTER TABLE events.facts FETCH PARTITION tuple() FROM '/clickhouse/tables/x'", 'ALTER TABLE events.facts FREEZE', 'ALTER TABLE secrets.facts ADD COLUMN stolen UInt8', 'ALTER TABLE events.facts MODIFY SETTING storage_policy = \'default\'',
      "SELECT joinGet('secrets.joined', 'note', toUInt64(1))", "CREATE TABLE events.stolen (n UInt64, note String DEFAULT joinGet('secrets.joined', 'note', n)) ORDER BY n", "ALTER TABLE events.facts ADD COLUMN stolen String DEFAULT joinGet('secrets.joined', 'note', n)",
      "SELECT * FROM mergeTreeIndex('secrets', 'facts')", "SELECT * FROM view(SELECT * FROM secrets.facts)", "SELECT * FROM cluster('here', secrets.facts)", "SELECT * FROM remote('127.0.0.1', secrets.facts)", 'SELECT * FROM loop(secrets.facts) LIMIT 1',
      "CREATE DICTIONARY events.stolen (n UInt64, note String) PRIMARY KEY n SOURCE(CLICKHOUSE(TABLE 'facts' DB 'secrets')) LAYOUT(FLAT()) LIFETIME(0)", 'SELECT * FROM system.users', 'BACKUP TABLE events.facts TO Disk(\'default\', \'x\')',
    ], DENIED);
    // 481: only below the directory where nothing may lie.
    expect(await run("ATTACH TABLE events.stolen FROM '/var/lib/clickhouse/store/' (n UInt64) ENGINE = MergeTree ORDER BY n")).toMatchObject({ code: 481 });
    await secretsAreUntouched();
  });

  test('no view reads or writes with the rights of somebody else', async () => {
    await each([
      'CREATE VIEW events.stolen AS SELECT * FROM secrets.facts', 'CREATE VIEW events.stolen SQL SECURITY INVOKER AS SELECT * FROM secrets.facts', 'CREATE VIEW events.stolen DEFINER = node_maintenance SQL SECURITY DEFINER AS SELECT * FROM secrets.facts',
      'CREATE VIEW events.stolen DEFINER = reader SQL SECURITY DEFINER AS SELECT * FROM events.facts', 'CREATE VIEW events.stolen DEFINER = CURRENT_USER SQL SECURITY DEFINER AS SELECT * FROM secrets.facts', 'CREATE VIEW events.stolen SQL SECURITY NONE AS SELECT * FROM secrets.facts',
      ...['', 'DEFINER = node_maintenance SQL SECURITY DEFINER', 'SQL SECURITY NONE', 'SQL SECURITY INVOKER'].map((security) => `CREATE MATERIALIZED VIEW events.stolen TO secrets.facts ${security} AS SELECT n, note FROM events.facts`),
      'CREATE MATERIALIZED VIEW events.stolen ENGINE = Memory AS SELECT * FROM secrets.facts', 'CREATE MATERIALIZED VIEW events.stolen ENGINE = Memory POPULATE AS SELECT * FROM secrets.facts',
      'CREATE MATERIALIZED VIEW events.stolen REFRESH EVERY 1 SECOND ENGINE = Memory AS SELECT * FROM secrets.facts', 'CREATE MATERIALIZED VIEW events.stolen REFRESH EVERY 1 SECOND APPEND TO secrets.facts AS SELECT * FROM events.facts',
      'CREATE WINDOW VIEW events.stolen AS SELECT count() FROM secrets.facts GROUP BY tumble(now(), INTERVAL 1 SECOND)',
    ], DENIED);
    await engine.admin('CREATE MATERIALIZED VIEW events.of_others ENGINE = Memory DEFINER = default SQL SECURITY DEFINER AS SELECT n FROM events.facts');
    await each([
      'ALTER TABLE events.of_others MODIFY QUERY SELECT n FROM secrets.facts', 'ALTER TABLE events.of_others MODIFY SQL SECURITY NONE', 'ALTER TABLE events.of_others MODIFY DEFINER = node_maintenance SQL SECURITY DEFINER',
    ], DENIED);
    await engine.admin('DROP TABLE events.of_others');
    await secretsAreUntouched();
  });

  test('changes and deletes no rows: mutations read everything', async () => {
    await each(["ALTER TABLE events.facts UPDATE note = 'x' WHERE 1", 'ALTER TABLE events.facts DELETE WHERE 1', 'DELETE FROM events.facts WHERE 1', "UPDATE events.facts SET note = 'x' WHERE 1", 'ALTER TABLE events.facts DELETE IN PARTITION tuple() WHERE 1'], DENIED);
    // the same privilege.
    await each(['ALTER TABLE events.facts DROP PARTITION tuple()'], DENIED);
  });

  test('a table does not lie on a disk that the query defines', async () => {
    for (const disk of ["disk(type = web, endpoint = 'http://127.0.0.1:1/b/')", "disk(type = s3, endpoint = 'http://127.0.0.1:1/bucket/', access_key_id = 'a', secret_access_key = 'b')", "'default'"]) {
      for (const what of ['TABLE events.away (n UInt64) ENGINE = MergeTree ORDER BY n', 'TABLE events.away (n UInt64) ORDER BY n', 'OR REPLACE TABLE events.away (n UInt64) ORDER BY n', 'TEMPORARY TABLE away (n UInt64) ENGINE = MergeTree ORDER BY n']) {
        expect([what, disk, (await run(`CREATE ${what} SETTINGS disk = ${disk}`)).code]).toEqual([what, disk, 452]);
      }
      expect([disk, (await run(`CREATE MATERIALIZED VIEW events.away ENGINE = MergeTree ORDER BY n SETTINGS disk = ${disk} AS SELECT n FROM events.facts`)).code]).toEqual([disk, 452]);
      for (const name of ['Log', 'Set', 'Memory']) expect([name, disk, (await run(`CREATE TABLE events.away (n UInt64) ENGINE = ${name} SETTINGS disk = disk(type = web, endpoint = 'http://127.0.0.1:1/b/')`)).status]).not.toEqual([name, disk, 200]);
    }
    expect(await run('CREATE TABLE events.tuned (n UInt64) ORDER BY n SETTINGS index_granularity = 1024')).toMatchObject({ status: 200 });
  });

  test('replicas find each other where the server says, and files are nobody\'s to choose', async () => {
    for (const setting of ['database_replicated_allow_replicated_engine_arguments', 'database_replicated_allow_explicit_uuid']) {
      for (const value of [1, 2]) expect([setting, await run('CREATE TABLE events.x (n UInt64) ORDER BY n', 'owner', { [setting]: value })]).toMatchObject([setting, { code: 452 }]);
    }
    const uuid = (await engine.admin("SELECT uuid FROM system.tables WHERE database = 'secrets' AND name = 'facts'")).trim();
    for (const verb of ['CREATE', 'ATTACH']) expect((await run(`${verb} TABLE events.x UUID '${uuid}' (n UInt64, note String) ENGINE = MergeTree ORDER BY n`)).status).not.toBe(200);
    // whoever cannot list a table cannot know it either.
    expect((await run(`SELECT count() FROM system.tables WHERE database = 'secrets' OR uuid = '${uuid}'`)).body).toBe('0\n');
  });

  describe('with Distributed tables', () => {
    test('reaches its own tables through them, and no others', async () => {
      await each(["CREATE TABLE events.spread (n UInt64, note String) ENGINE = Distributed('here', 'events', 'facts')", 'SELECT * FROM events.spread', "INSERT INTO events.spread VALUES (200, 'event')"], 0, 'sharding');
      await each(["CREATE TABLE events.reach (n UInt64, note String) ENGINE = Distributed('here', 'secrets', 'facts')", "CREATE TABLE events.reach_system (name String) ENGINE = Distributed('here', 'system', 'users')"], 0, 'sharding');
      await each(['SELECT * FROM events.reach', "INSERT INTO events.reach VALUES (9, 'x')", "INSERT INTO events.reach SETTINGS distributed_foreground_insert = 1 VALUES (9, 'x')", 'SELECT * FROM events.reach_system', 'SYSTEM FLUSH DISTRIBUTED events.reach'], DENIED, 'sharding');
      await each(['SELECT * FROM events.reach'], DENIED, 'reader');
      await each(['CREATE TABLE events.source (n UInt64, note String) ENGINE = Null', 'CREATE MATERIALIZED VIEW events.through TO events.reach AS SELECT n, note FROM events.source'], 0, 'sharding');
      await each(["INSERT INTO events.source VALUES (9, 'x')", "INSERT INTO events.source SETTINGS distributed_foreground_insert = 1 VALUES (9, 'x')"], DENIED, 'sharding');
      await secretsAreUntouched();
    });

    test('the price: it learns columns', async () => {
      await each(["CREATE TABLE events.columns ENGINE = Distributed('here', 'secrets', 'facts')"], 0, 'sharding');
      expect((await run('DESCRIBE events.columns', 'sharding')).body).toMatch(/^n\tUInt64.*\nnote\tString/);
    });
  });

  /** Kept here so that it is noticed when ClickHouse closes it. See `schema-owner.ts`. */
  test('what does not hold: the condition of a TTL is evaluated as nobody, and tells what another database holds', async () => {
    // the columns of another database as its owner would guess them.
    await each([
      "CREATE TABLE events.everything AS merge(REGEXP('.*'), '^facts$')",
      'CREATE TABLE events.guesses (n UInt64, d DateTime) ENGINE = MergeTree ORDER BY n TTL d + INTERVAL 1 DAY DELETE WHERE n IN (SELECT n FROM events.everything) SETTINGS merge_with_ttl_timeout = 0',
    ], 0);
    // a query sees only what its user may see.
    expect((await run('SELECT DISTINCT note FROM events.everything')).body).toBe('event\n');
    // one that may be seen, so that there is something to delete, and five guesses.
    await each(["INSERT INTO events.guesses SELECT number, '2020-01-01' FROM numbers(5) UNION ALL SELECT 100, '2020-01-01'"], 0);
    const left = async () => (await run('SELECT groupArray(n) FROM (SELECT n FROM events.guesses ORDER BY n)')).body;
    for (let wait = 0; wait < 100 && (await left()) !== '[3,4]\n'; wait += 1) await new Promise((wake) => setTimeout(wake, 100));
    expect(await left()).toBe('[3,4]\n');
    // asked for by name it is refused, when rows come in.
    await each(['CREATE TABLE events.plain (n UInt64, d DateTime) ENGINE = MergeTree ORDER BY n TTL d + INTERVAL 1 DAY DELETE WHERE n IN (SELECT n FROM secrets.facts)'], 0);
    await each(["INSERT INTO events.plain VALUES (1, '2020-01-01')", 'ALTER TABLE events.plain ATTACH PARTITION tuple() FROM events.guesses'], DENIED);
    await secretsAreUntouched();
  });
});
