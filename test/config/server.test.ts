import * as fc from 'fast-check';
import { PINNED_SETTINGS } from '../../lib/config/profiles';
import { openHoles } from '../../lib/config/holes';
import { certificatesDocument, clusterDocument, internodeDocument, serverDocument } from '../../lib/config/server';
import { layOut } from '../../lib/config/topology';
import type { Topology } from '../../lib/config/topology';
import type { XmlElement } from '../../lib/config/xml';
import { childElements, renderXml } from '../../lib/config/xml';
import { all, at, codeOf, holeAt, names, textAt } from './oracle';

const SINGLE = layOut({ clusterName: 'analytics', zoneName: 'analytics.clickhouse.internal', shards: 1, replicas: 1, keepers: 0 });
const LARGE = layOut({ clusterName: 'analytics', zoneName: 'analytics.clickhouse.internal', shards: 3, replicas: 2, keepers: 3 });

const topology: fc.Arbitrary<Topology> = fc
  .record({
    clusterName: fc.constantFrom('analytics', 'a', 'events-2'),
    zoneName: fc.constantFrom('analytics.clickhouse.internal', 'a.b'),
    shards: fc.integer({ min: 1, max: 20 }),
    replicas: fc.integer({ min: 1, max: 3 }),
    keepers: fc.constantFrom(1, 3, 5),
  })
  .map(layOut);

/** Every element whose name speaks of a port, with its value. */
function ports(tree: XmlElement): string[] {
  return childElements(tree).flatMap((child) => (/(^|_)port(_|$)/i.test(child.name) ? [`${child.name}=${textAt(child) ?? '?'}`] : ports(child)));
}

describe.each<[string, Topology]>([['one node', SINGLE], ['shards, replicas and Keepers', LARGE]])('the server document of %s', (_, nodes) => {
  const document = serverDocument(nodes);

  test('opens three TLS ports and nothing else', () => {
    expect(ports({ ...document, children: childElements(document).filter((child) => child.name !== 'zookeeper') })).toEqual(['https_port=8443', 'tcp_port_secure=9440', 'interserver_https_port=9010']);
  });

  test.each([
    'http_port', 'tcp_port', 'interserver_http_port', 'mysql_port', 'postgresql_port', 'grpc_port', 'tcp_with_proxy_port', 'tcp_ssh_port', 'arrowflight_port',
    'prometheus', 'protocols', 'http_control', 'keeper_server', 'http_options_response', 'defaults', 'local_directory', 'replicated', 'ldap', 'ldap_servers',
    'kerberos', 'http_authentication_servers', 'dictionaries_config', 'user_defined_executable_functions_config', 'named_collections', 'startup_scripts',
    'include_from', 'include', 'backups', 'users', 'profiles', 'remote_servers', 'graphite', 'host_regexp', 'password', 'skip_check_for_incorrect_settings',
  ])('does not contain %s at any depth', (name) => {
    expect(names(document)).not.toContain(name);
  });

  test('listens on the address of the node and on loopback, never on all', () => {
    expect(all(document, 'listen_host').map((each) => textAt(each) ?? `@${holeAt(each)}`)).toEqual(['@nodeIp', '127.0.0.1']);
    expect(all(document, 'interserver_listen_host').map((each) => holeAt(each))).toEqual(['nodeIp']);
    expect(renderXml(document)).not.toMatch(/0\.0\.0\.0|>::|localhost/);
    expect(holeAt(document, 'interserver_https_host')).toBe('nodeHost');
  });

  test.each([
    [['allow_no_password'], '0'],
    [['allow_implicit_no_password'], '0'],
    [['allow_plaintext_password'], '0'],
    [['default_session_user'], ''],
    [['allow_impersonate_user'], '0'],
    [['display_secrets_in_show_and_select'], '0'],
    [['enable_webterminal'], '0'],
    [['allow_experimental_webterminal'], '0'],
    [['enable_http_stacktrace'], '0'],
    [['default_profile'], 'default'],
    [['system_profile'], 'system'],
    [['access_control_improvements', 'users_without_row_policies_can_read_rows'], 'false'],
    [['access_control_improvements', 'table_engines_require_grant'], 'true'],
    [['access_control_improvements', 'select_from_system_db_requires_grant'], 'true'],
    [['access_control_improvements', 'select_from_information_schema_requires_grant'], 'true'],
    [['access_control_improvements', 'on_cluster_queries_require_cluster_grant'], 'true'],
    [['access_control_improvements', 'settings_constraints_replace_previous'], 'true'],
    [['openSSL', 'server', 'verificationMode'], 'relaxed'],
    [['openSSL', 'client', 'verificationMode'], 'strict'],
    [['openSSL', 'server', 'extendedVerification'], 'true'],
    [['openSSL', 'client', 'extendedVerification'], 'true'],
    [['openSSL', 'server', 'loadDefaultCAFile'], 'false'],
    [['openSSL', 'client', 'loadDefaultCAFile'], 'false'],
    [['openSSL', 'server', 'disableProtocols'], 'sslv2,sslv3,tlsv1,tlsv1_1'],
    [['openSSL', 'client', 'disableProtocols'], 'sslv2,sslv3,tlsv1,tlsv1_1'],
    [['openSSL', 'server', 'invalidCertificateHandler', 'name'], 'RejectCertificateHandler'],
    [['openSSL', 'client', 'invalidCertificateHandler', 'name'], 'RejectCertificateHandler'],
    [['user_files_path'], '/var/lib/clickhouse-empty/user_files/'],
    [['user_scripts_path'], '/var/lib/clickhouse-empty/user_scripts/'],
    [['send_crash_reports', 'enabled'], 'false'],
    [['interserver_tables_status_require_auth'], '1'],
    [['tcp_close_connection_after_queries_seconds'], '3600'],
    [['shutdown_wait_unfinished_queries'], '1'],
    [['shutdown_wait_unfinished'], '300'],
    [['logger', 'level'], 'information'],
    [['session_log', 'ttl'], 'event_date + INTERVAL 90 DAY DELETE'],
    [['query_log', 'ttl'], 'event_date + INTERVAL 90 DAY DELETE'],
    [['metric_log', 'ttl'], 'event_date + INTERVAL 14 DAY DELETE'],
    [['macros', 'cluster'], 'analytics'],
  ])('%j is %j', (path, value) => {
    expect(textAt(document, ...path)).toBe(value);
    expect(all(document, ...path)).toHaveLength(1);
  });

  test('reads users from the file and from nowhere else', () => {
    expect(childElements(at(document, 'user_directories') ?? document).map((each) => each.name)).toEqual(['users_xml']);
    expect(textAt(document, 'user_directories', 'users_xml', 'path')).toBe('/etc/clickhouse-server/users.xml');
  });

  test('answers ping, replica status and queries over HTTP, and nothing else', () => {
    expect(all(document, 'http_handlers', 'rule').map((rule) => [textAt(rule, 'url'), textAt(rule, 'methods'), textAt(rule, 'handler', 'type')])).toEqual([
      ['/ping', 'GET,HEAD', 'ping'],
      ['/replicas_status', 'GET', 'replicas_status'],
      ['/', 'POST,GET', 'dynamic_query_handler'],
    ]);
    expect(childElements(at(document, 'http_handlers') ?? document).every((each) => each.name === 'rule')).toBe(true);
  });

  test('lets queries reach no host, by a section that is there and empty', () => {
    expect(at(document, 'remote_url_allow_hosts')?.children).toEqual([]);
  });

  test('lets no query choose the site behind an address, or lend somebody else\'s rights there', () => {
    expect(all(document, 'http_forbid_headers', 'header_regexp').map((each) => textAt(each))).toEqual(['(?i)host', '(?i)authorization']);
  });

  test('names no setting of queries, which would stop the server from starting', () => {
    const top = childElements(document).map((each) => each.name);
    for (const { name } of PINNED_SETTINGS) expect(top).not.toContain(name);
    expect(top.filter((name) => /^http_max|^max_memory_usage$|^max_execution_time$|^log_queries/.test(name))).toEqual([]);
  });

  test('names every top setting once, listeners aside', () => {
    const top = childElements(document).map((each) => each.name).filter((name) => name !== 'listen_host');
    expect(top).toEqual([...new Set(top)]);
  });

  test('holds no secret, so that the template can show it', () => {
    expect(openHoles(renderXml(document)).sort()).toEqual(['nodeHost', 'nodeIp', 'replica', 'shard']);
  });
});

test('the server document does not depend on the number of servers', () => {
  fc.assert(fc.property(topology, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 3 }), (nodes, shards, replicas) => {
    const grown = layOut({ clusterName: nodes.clusterName, zoneName: nodes.zoneName, keepers: nodes.keepers.length, shards, replicas });
    expect(renderXml(serverDocument(grown))).toBe(renderXml(serverDocument(nodes)));
  }));
});

test('with Keepers the servers find every one of them, in TLS', () => {
  const document = serverDocument(LARGE);
  expect(all(document, 'zookeeper', 'node').map((node) => [textAt(node, 'host'), textAt(node, 'port'), textAt(node, 'secure')])).toEqual([
    ['keeper-1.analytics.clickhouse.internal', '9281', '1'],
    ['keeper-2.analytics.clickhouse.internal', '9281', '1'],
    ['keeper-3.analytics.clickhouse.internal', '9281', '1'],
  ]);
  expect(textAt(document, 'distributed_ddl_use_initial_user_and_roles')).toBe('1');
  for (const name of ['zookeeper', 'distributed_ddl']) expect(names(serverDocument(SINGLE))).not.toContain(name);
});

test('settings arrive where they belong', () => {
  const document = serverDocument(SINGLE, { remoteUrlAllowHosts: ['feeds.example.com:443', 'a.b', 'a.b'], auditLogRetentionDays: 400, metricLogRetentionDays: 3, shutdownWaitSeconds: 60, maxServerMemoryRatio: 0.5 });
  expect(all(document, 'remote_url_allow_hosts', 'host').map((each) => textAt(each))).toEqual(['feeds.example.com:443', 'a.b']);
  expect(textAt(document, 'session_log', 'ttl')).toBe('event_date + INTERVAL 400 DAY DELETE');
  expect(textAt(document, 'part_log', 'ttl')).toBe('event_date + INTERVAL 3 DAY DELETE');
  expect(textAt(document, 'shutdown_wait_unfinished')).toBe('60');
  expect(textAt(document, 'max_server_memory_usage_to_ram_ratio')).toBe('0.5');
});

test('the certificates are holes, in both directions', () => {
  for (const side of ['server', 'client']) {
    expect(['certificateFile', 'privateKeyFile', 'caConfig'].map((name) => holeAt(certificatesDocument(), 'openSSL', side, name))).toEqual(['certificatePath', 'privateKeyPath', 'caBundlePath']);
  }
});

test('replicas show each other a password that is a hole', () => {
  expect(holeAt(internodeDocument(), 'interserver_http_credentials', 'password')).toBe('interserverPassword');
  expect(textAt(internodeDocument(), 'interserver_http_credentials', 'user')).toBe('interserver');
  expect(textAt(internodeDocument(), 'interserver_http_credentials', 'allow_empty')).toBe('false');
});

describe('the cluster document', () => {
  test('lists every server once, in TLS, and takes the place of any other definition', () => {
    fc.assert(fc.property(topology, (nodes) => {
      const document = clusterDocument(nodes);
      const replicas = all(document, 'remote_servers', nodes.clusterName, 'shard', 'replica');
      expect(replicas.map((replica) => textAt(replica, 'host'))).toEqual(nodes.servers.map((server) => server.host));
      expect(replicas.every((replica) => textAt(replica, 'secure') === '1' && textAt(replica, 'port') === '9440')).toBe(true);
      expect(all(document, 'remote_servers', nodes.clusterName, 'shard')).toHaveLength(new Set(nodes.servers.map((server) => server.shard)).size);
      expect(at(document, 'remote_servers')?.attributes).toEqual({ replace: 'replace' });
      expect(holeAt(document, 'remote_servers', nodes.clusterName, 'secret')).toBe('clusterSecret');
      for (const name of ['user', 'password']) expect(names(document)).not.toContain(name);
    }));
  });

  test('is the same in whatever order the servers are listed', () => {
    const shuffled = { ...LARGE, servers: [...LARGE.servers].reverse() };
    expect(renderXml(clusterDocument(shuffled))).toBe(renderXml(clusterDocument(LARGE)));
  });
});

test('an unknown setting does not pass in silence', () => {
  const settings = { maxConections: 5 };
  expect(codeOf(() => serverDocument(SINGLE, settings as object))).toBe('UnknownSetting');
});
