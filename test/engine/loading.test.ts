import { XMLParser } from 'fast-xml-parser';
import type { ClusterModel } from '../../lib/config/manifests';
import type { Engine } from './engine';
import { SERVER_DOCUMENT, describeEngine, startEngine } from './engine';
import { EVENTS, SECRETS, cluster, login, nodeValues, serverDocuments, hashesOf } from './rendered';

/**
 * Sections of a server document that are not in `system.server_settings`, which lists single values only. A name that is in neither is one
 * that ClickHouse does not know, and would ignore in silence.
 */
const SECTIONS = [
  'logger', 'listen_host', 'https_port', 'tcp_port_secure', 'interserver_listen_host', 'interserver_https_port', 'interserver_https_host', 'openSSL', 'http_handlers',
  'user_directories', 'access_control_improvements', 'remote_url_allow_hosts', 'http_forbid_headers', 'macros', 'zookeeper', 'distributed_ddl', 'query_masking_rules', 'send_crash_reports',
  'session_log', 'query_log', 'part_log', 'metric_log', 'asynchronous_metric_log', 'error_log', 'query_views_log', 'backup_log', 'crash_log',
];

/** Single values that ClickHouse reads from the document without listing them. The tests of logging in and of the HTTP interface show their effect. */
const NOT_LISTED = [
  'allow_no_password', 'allow_implicit_no_password', 'allow_plaintext_password', 'default_profile', 'system_profile', 'enable_http_stacktrace',
  'enable_verbose_replicas_status', 'default_session_user',
];

const EXTRA: Partial<ClusterModel> = {
  extraServerDocuments: [{ name: 'tuning', xml: '<clickhouse><background_pool_size>8</background_pool_size><mark_cache_size>1000000</mark_cache_size></clickhouse>' }],
  extraUsersDocuments: [
    { name: 'batch', xml: '<clickhouse><profiles><batch><max_threads>1</max_threads></batch></profiles><quotas><batch><interval><duration>60</duration><queries>1000</queries></interval></batch></quotas></clickhouse>' },
  ],
};

describeEngine('every rendered document loads', () => {
  test.each([
    ['a single node', EVENTS],
    ['1 shard of 2 replicas, 3 Keepers', { ...EVENTS, ...cluster(1, 2, 3) }],
    ['2 shards of 2 replicas, 3 Keepers', { ...EVENTS, ...cluster(2, 2, 3) }],
    ['a single node with extra documents', { ...EVENTS, ...EXTRA, users: [...(EVENTS.users ?? []), { name: 'batch', profile: 'batch', quota: 'batch' }] }],
    ['nothing declared', cluster()],
  ] as [string, ClusterModel][])('%s', async (_what, model) => {
    const engine = await startEngine({ documents: serverDocuments(model), holes: nodeValues(hashesOf(model)) });
    try {
      const members = await engine.admin("SELECT shard_num, replica_num, host_name, port, is_local FROM system.clusters WHERE cluster = 'events' ORDER BY ALL");
      expect(members.trim().split('\n')).toEqual(model.topology.servers.map(({ shard, replica, host }) => `${shard}\t${replica}\t${host}\t9440\t0`));
      expect(await engine.admin('SELECT DISTINCT cluster FROM system.clusters')).toBe('events\n');
      expect(await engine.admin('SELECT macro, substitution FROM system.macros ORDER BY macro')).toBe('cluster\tevents\nreplica\t1\nshard\t1\n');
      expect((await engine.admin("SELECT name FROM system.users WHERE name != 'default' ORDER BY name")).trim().split('\n')).toEqual(['node_maintenance', ...(model.users ?? []).map(({ name }) => name)].sort());
      for (const { name } of model.users ?? []) {
        const reply = await engine.query('SELECT currentUser()', login(name), { from: name === 'abroad' ? '10.50.0.1' : undefined });
        expect([name, reply]).toMatchObject([name, { status: 200, body: `${name}\n` }]);
      }
      await everySettingIsKnown(engine, serverDocuments(model)[SERVER_DOCUMENT] ?? '');
      if (model.extraServerDocuments) await extrasTakeEffect(engine);
    } finally {
      await engine.stop();
    }
  });

  async function everySettingIsKnown(engine: Engine, document: string): Promise<void> {
    const listed = (await engine.admin('SELECT name FROM system.server_settings')).trim().split('\n');
    const used = Object.keys((new XMLParser().parse(document) as { clickhouse: object }).clickhouse);
    expect(used.length).toBeGreaterThan(40);
    expect(used.filter((name) => !listed.includes(name) && !SECTIONS.includes(name) && !NOT_LISTED.includes(name))).toEqual([]);
  }

  async function extrasTakeEffect(engine: Engine): Promise<void> {
    expect(await engine.admin("SELECT value FROM system.server_settings WHERE name IN ('background_pool_size', 'mark_cache_size') ORDER BY name")).toBe('8\n1000000\n');
    expect(await engine.query("SELECT getSetting('max_threads'), getSetting('max_execution_time')", login('batch'))).toMatchObject({ body: '1\t600\n' });
    // what an extra profile does not say stays closed.
    expect(await engine.query('SELECT 1', login('batch'), { settings: { max_execution_time: 0 } })).toMatchObject({ code: 452 });
  }
});

describeEngine('what the loaded configuration says of itself', () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await startEngine({ documents: serverDocuments(EVENTS), holes: nodeValues(hashesOf(EVENTS)) });
  });

  afterAll(() => engine?.stop());

  test('the switches of the server are set', async () => {
    const wanted: Record<string, string> = {
      display_secrets_in_show_and_select: '0',
      enable_webterminal: '0',
      interserver_tables_status_require_auth: '1',
      shutdown_wait_unfinished_queries: '1',
      handshake_timeout_milliseconds: '10000',
      tcp_close_connection_after_queries_seconds: '3600',
      max_connections: '4096',
    };
    const rows = await engine.admin(`SELECT name, value FROM system.server_settings WHERE name IN (${Object.keys(wanted).map((name) => `'${name}'`).join(', ')})`);
    expect(Object.fromEntries(rows.trim().split('\n').map((row) => row.split('\t')))).toEqual(wanted);
  });

  test('every user has networks, a way to log in for every hash, and only the grants that were declared', async () => {
    const users = await engine.admin("SELECT name, toString(auth_type), toString(arraySort(host_ip)), default_roles_all FROM system.users WHERE storage = 'users_xml' AND name NOT IN ('default', 'node_maintenance') ORDER BY name");
    const four = "['sha256_password','sha256_password','sha256_password','sha256_password']";
    const rotation = "'10.30.0.0/24'";
    expect(users.replaceAll('\\', '').trim().split('\n')).toEqual([
      `abroad\t${four}\t[${rotation},'10.50.0.0/16','192.168.7.9']\t1`,
      ...['ingest', 'nothing', 'owner', 'reports'].map((name) => `${name}\t${four}\t['10.20.0.0/16',${rotation}]\t1`),
    ]);
    const grants = await engine.admin("SELECT user_name, toString(access_type), database, table FROM system.grants WHERE user_name IN ('ingest', 'nothing', 'reports', 'abroad') ORDER BY ALL");
    expect(grants).toBe('abroad\tSELECT\tevents\t\\N\ningest\tINSERT\tevents\tfacts\nreports\tSELECT\tevents\t\\N\n');
  });

  test('the audit trail is kept for as long as it says', async () => {
    await engine.query('SELECT 1', login('ingest'));
    await engine.admin('SYSTEM FLUSH LOGS');
    for (const table of ['session_log', 'query_log']) expect(await engine.admin(`SHOW CREATE TABLE system.${table}`)).toContain('TTL event_date + toIntervalDay(90)');
  });

  test('no table, no statement and no setting shows a secret, not even to the harness', async () => {
    for (const sql of ['SELECT * FROM system.server_settings', 'SELECT * FROM system.clusters', 'SELECT * FROM system.users', 'SELECT * FROM system.macros']) {
      const shown = await engine.admin(sql);
      for (const secret of [SECRETS.cluster, SECRETS.interserver, login('ingest').password]) expect([sql, shown.includes(secret)]).toEqual([sql, false]);
    }
  });
});
