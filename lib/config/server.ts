import { accessControl } from './access';
import { httpInterface } from './http';
import { coordination, macros } from './internode';
import { listeners } from './listeners';
import { queryMasking, systemLogs, textLog } from './logs';
import { PATHS } from './paths';
import type { CompleteServerSettings, ServerSettings } from './settings';
import { completeServerSettings } from './settings';
import { tlsPolicy } from './tls';
import type { Topology } from './topology';
import type { XmlElement } from './xml';
import { element } from './xml';

export { clusterDocument, internodeDocument } from './internode';
export { certificatesDocument } from './tls';

/**
 * The server document: `/etc/clickhouse-server/config.xml`, in place of the packaged one, so that nothing packaged survives.
 *
 * One document serves every server of any topology. It depends on the zone (through the Keepers' names), the cluster name, the Keepers and
 * the settings, never on how many servers there are: growth must not roll the instances.
 */
export function serverDocument(topology: Topology, settings: ServerSettings = {}): XmlElement {
  const complete = completeServerSettings(settings);
  return element(
    'clickhouse',
    textLog(PATHS.serverLog, 'clickhouse-server', complete.logLevel),
    listeners(),
    tlsPolicy('server'),
    httpInterface(),
    accessControl(),
    storage(complete),
    outgoing(complete),
    limits(complete),
    macros(topology),
    coordination(topology),
    systemLogs(complete),
    queryMasking(),
    privacy(),
    lifetime(complete),
  );
}

/**
 * Where data lies and what queries can touch on the file system.
 *
 * - `user_files_path` and `user_scripts_path`: see {@link PATHS}.
 * - `dictionaries_config`, `user_defined_executable_functions_config` are absent: no dictionary and no executable function comes from a file.
 * - `backups` without an `allowed_path` or `allowed_disk`: `BACKUP ... TO File()` writes nowhere.
 *   https://clickhouse.com/docs/operations/backup
 * - `max_table_size_to_drop`, `max_partition_size_to_drop`: the wrong `DROP TABLE` is refused. A guard against accidents, not against users: a
 *   query may set the setting of the same name, which is also why ClickHouse accepts these two query settings in this document and no other.
 *   https://clickhouse.com/docs/operations/server-configuration-parameters/settings#max_table_size_to_drop
 */
function storage(settings: CompleteServerSettings): XmlElement[] {
  return [
    element('path', `${PATHS.serverData}/`),
    element('tmp_path', `${PATHS.serverData}/tmp/`),
    element('format_schema_path', `${PATHS.serverData}/format_schemas/`),
    element('user_files_path', `${PATHS.emptyUserFiles}/`),
    element('user_scripts_path', `${PATHS.emptyUserScripts}/`),
    element('max_table_size_to_drop', settings.maxTableSizeToDropBytes),
    element('max_partition_size_to_drop', settings.maxTableSizeToDropBytes),
  ];
}

/**
 * What queries may reach.
 *
 * - `remote_url_allow_hosts`: absent means every host, the instance metadata service included; present and empty means none, because the
 *   filter is on as soon as the section exists and then compares with what it lists.
 *   https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/RemoteHostFilter.cpp
 *   Hosts are listed by exact name; the alternative, `host_regexp`, is where the forgotten `^`, `$` and `\.` are.
 * - `http_forbid_headers`: `headers('Host' = ...)` of a table function would go to another site or bucket behind the same address than the one
 *   that is granted, and `Authorization` would lend somebody else's rights there.
 *   https://clickhouse.com/docs/operations/server-configuration-parameters/settings#http_forbid_headers
 * - `s3_allow_server_credentials_for_system_table_disks` 0: no table disk may borrow the instance's role.
 */
function outgoing(settings: CompleteServerSettings): XmlElement[] {
  return [
    element('remote_url_allow_hosts', settings.remoteUrlAllowHosts.map((host) => element('host', host))),
    element('http_forbid_headers', element('header_regexp', '(?i)host'), element('header_regexp', '(?i)authorization')),
    element('s3_allow_server_credentials_for_system_table_disks', false),
  ];
}

/**
 * What one server gives to all its clients together. Limits of queries, HTTP requests included, are profile settings: see `profiles.ts`.
 *
 * - `handshake_timeout_milliseconds`: a connection that never logs in does not hold a thread. https://github.com/ClickHouse/ClickHouse/pull/103284
 * - `interserver_tables_status_require_auth` 1: table states are told to peers with the secret only. https://github.com/ClickHouse/ClickHouse/pull/99854
 */
function limits(settings: CompleteServerSettings): XmlElement[] {
  return [
    element('max_connections', settings.maxConnections),
    element('max_concurrent_queries', settings.maxConcurrentQueries),
    element('max_server_memory_usage_to_ram_ratio', settings.maxServerMemoryRatio),
    element('keep_alive_timeout', settings.keepAliveSeconds),
    element('handshake_timeout_milliseconds', 10_000),
    element('interserver_tables_status_require_auth', true),
  ];
}

/** `send_crash_reports` off: query texts and addresses in a stack trace do not leave for a third party. The packaged file has it on. */
function privacy(): XmlElement {
  return element('send_crash_reports', element('enabled', 'false'), element('send_logical_errors', 'false'));
}

/**
 * How connections and the process end.
 *
 * - `tcp_close_connection_after_queries_seconds`: login happens when a native connection opens, and one that is open outlives its password;
 *   this bounds for how long. https://github.com/ClickHouse/ClickHouse/issues/114047
 * - `shutdown_wait_unfinished_queries` and a longer `shutdown_wait_unfinished`: a rolling update lets running queries end, instead of the
 *   default of killing them. https://clickhouse.com/docs/operations/server-configuration-parameters/settings
 */
function lifetime(settings: CompleteServerSettings): XmlElement[] {
  return [
    element('tcp_close_connection_after_queries_seconds', settings.nativeConnectionSeconds),
    element('shutdown_wait_unfinished_queries', true),
    element('shutdown_wait_unfinished', settings.shutdownWaitSeconds),
  ];
}
