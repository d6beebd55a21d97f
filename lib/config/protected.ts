import { PINNED_SETTINGS, DECIDED_SETTINGS } from './profiles';

/**
 * What a raw extra document may not set, and why. One table, so that a reviewer can read the whole of it.
 *
 * A server document is held to a list of what is known to be harmless as well ({@link isTunable}): a setting that neither list knows is refused too,
 * because a new release may bring a new listener under any name.
 */
export interface Protection {
  /** the setting directly under the root. */
  readonly setting: string;
  readonly why: string;
}

const LISTENER = 'it opens or moves a listener, and every listener is TLS on a fixed port';
const TLS = 'it decides what TLS accepts';
const LOGIN = 'it decides who may log in';
const RIGHTS = 'it decides what a user may do without a grant';
const HTTP = 'it decides what the HTTP interface answers';
const PLACE = 'it decides where data, secrets and scripts lie';
const PEERS = 'it decides whom the cluster trusts';
const AUDIT = 'it is the audit trail';
const OUT = 'it decides what leaves the server';
const CODE = 'it runs programs as the server';
const EXTERNAL = 'it lets somebody else decide who may log in';
const SECRETS = 'it would put secrets into the template';
const FILES = 'it pulls in a file that was not checked';
const TYPED = 'the typed settings have it';

const protections = (why: string, ...settings: string[]): Protection[] => settings.map((setting) => ({ setting, why }));

/** The protected settings of a server document, wherever in it they stand. Ports and the like are also matched by pattern. */
export const PROTECTED_SERVER_SETTINGS: readonly Protection[] = [
  ...protections(
    LISTENER,
    'http_port', 'https_port', 'tcp_port', 'tcp_port_secure', 'tcp_with_proxy_port', 'tcp_ssh_port', 'mysql_port', 'postgresql_port', 'grpc_port',
    'arrowflight_port', 'interserver_http_port', 'interserver_https_port', 'listen_host', 'interserver_listen_host', 'listen_try', 'listen_reuse_port',
    'protocols', 'prometheus', 'ssh_server', 'grpc', 'arrowflight', 'http_control', 'proto_caps', 'jdbc_bridge', 'odbc_bridge', 'library_bridge',
    'distributed_query', 'mysql_require_secure_transport', 'postgresql_require_secure_transport',
  ),
  ...protections(TLS, 'openSSL', 'acme', 'certificates', 'tls'),
  ...protections(
    LOGIN,
    'allow_no_password', 'allow_implicit_no_password', 'allow_plaintext_password', 'default_password_type', 'password_complexity', 'bcrypt_workfactor',
    'user_directories', 'users_config', 'users', 'users_xml', 'user_config', 'access_control_path', 'default_session_user', 'allow_impersonate_user',
    'max_authentication_methods_per_user', 'handshake_timeout_milliseconds', 'tcp_close_connection_after_queries_seconds',
    'tcp_close_connection_after_queries_num', 'validate_tcp_client_information', 'forwarded_for', 'auth_use_forwarded_address',
  ),
  ...protections(EXTERNAL, 'ldap_servers', 'kerberos', 'http_authentication_servers', 'token_processors', 'gss', 'jwt', 'jwt_validators'),
  ...protections(
    RIGHTS,
    'access_control_improvements', 'default_profile', 'system_profile', 'buffer_profile', 'profiles', 'quotas', 'roles', 'row_policies',
    'custom_settings_prefixes',
    'display_secrets_in_show_and_select', 's3_allow_server_credentials_for_system_table_disks', 's3_load_table_anonymously_if_credentials_restricted',
    's3_allow_server_credentials_in_user_queries', 'skip_check_for_incorrect_settings', 'ignore_empty_sql_security_in_create_view_query',
    'allow_feature_tier',
    'license_file', 'license_public_key_for_testing', 'show_addresses_in_stack_traces', 'disable_insertion_and_mutation',
  ),
  ...protections(
    HTTP,
    'http_handlers', 'http_options_response', 'http_server_default_response', 'http_forbid_headers', 'http_response_headers', 'add_http_cors_header',
    'enable_webterminal', 'allow_experimental_webterminal', 'webterminal_allowed_origins', 'enable_http_stacktrace', 'enable_verbose_replicas_status',
    'hsts_max_age', 'dashboards', 'play', 'ui', 'websocket', 'http_max_multipart_form_data_size', 'max_keep_alive_requests',
  ),
  ...protections(
    PLACE,
    'path', 'tmp_path', 'tmp_policy', 'temporary_data_in_cache', 'temporary_data_in_distributed_cache', 'user_files_path', 'user_scripts_path',
    'format_schema_path',
    'google_protos_path', 'top_level_domains_path', 'top_level_domains_lists', 'dictionaries_lib_path', 'user_defined_path', 'filesystem_caches_path',
    'custom_cached_disks_base_directory', 'custom_local_disks_base_directory', 'core_path', 'storage_configuration', 'backups',
    'allowed_disks_for_table_engines',
    'database_catalog_drop_error_cooldown_sec', 'umask', 'zookeeper_path', 'default_replica_path', 'default_replica_name', 'series_keeper_path',
    'mysql_keeper_path', 'hdfs', 'config-file', 'config_file', 'pid_file', 'logger', 'disks', 'policies',
  ),
  ...protections(
    PEERS,
    'remote_servers', 'zookeeper', 'auxiliary_zookeepers', 'keeper', 'keeper_server', 'keeper_hosts', 'enforce_keeper_component_tracking',
    'interserver_http_credentials', 'interserver_http_host',
    'interserver_https_host', 'interserver_tables_status_require_auth', 'macros', 'distributed_ddl', 'distributed_ddl_use_initial_user_and_roles',
    'allow_distributed_ddl', 'cluster_discovery', 'allow_experimental_cluster_discovery', 'replica_group_name', 'placement', 'user_defined_zookeeper_path',
    'workload_zookeeper_path', 'named_collections_storage', 'config_reload_interval_ms', 'dns_allow_resolve_names_to_ipv4', 'dns_allow_resolve_names_to_ipv6',
  ),
  ...protections(AUDIT, 'session_log', 'query_log', 'query_masking_rules', 'text_log', 'crash_log', 'query_thread_log', 'query_views_log', 'backup_log'),
  ...protections(
    OUT,
    'remote_url_allow_hosts', 'send_crash_reports', 'graphite', 'proxy', 'url_scheme_mappers', 's3', 's3_max_redirects', 'azure', 'gcs', 'aws',
    'enable_azure_sdk_logging',
    'system_tables_export', 'opentelemetry_span_log', 'otel', 'ai', 'webhooks',
  ),
  ...protections(
    CODE,
    'user_defined_executable_functions_config', 'user_defined_executable_functions', 'user_scripts', 'dynamic_user_defined_executable_functions_path',
    'allow_experimental_executable_udf_drivers', 'allow_experimental_webassembly_udf', 'webassembly_udf_engine', 'executable_udf_drivers', 'startup_scripts',
    'dictionaries_config', 'dictionaries', 'dictionary', 'functions', 'models_config', 'catboost_lib_path', 'skip_binary_checksum_checks',
    'oom_score', 'remap_executable', 'allocator',
  ),
  ...protections(SECRETS, 'named_collections', 'encryption_codecs', 'encryption', 'kafka', 'rabbitmq', 'nats', 'ssl', 'password', 'secret'),
  ...protections(FILES, 'include_from', 'include'),
  ...protections(
    TYPED,
    'max_connections', 'max_concurrent_queries', 'max_server_memory_usage_to_ram_ratio', 'shutdown_wait_unfinished', 'shutdown_wait_unfinished_queries',
    'keep_alive_timeout', 'max_table_size_to_drop', 'max_partition_size_to_drop',
  ),
];

const PROTECTED_BY_NAME = new Map(PROTECTED_SERVER_SETTINGS.map(({ setting, why }) => [setting.toLowerCase(), why]));

/** Names that give away what they decide, for settings that the table does not know by name. */
const SPEAKING_NAMES: readonly (readonly [RegExp, string])[] = [
  [/(^|_)ports?(_|$)|listen/, LISTENER],
  [/ssl|tls|certificate|cipher/, TLS],
  [/password|credential|secret|token|auth/, LOGIN],
  [/_handler|cors|webterminal/, HTTP],
];

/** Settings directly under the root that hold one value, tune resources and can neither open, show nor reach anything. */
const TUNABLE_VALUES: readonly RegExp[] = [
  /^[a-z0-9_]+_cache_(policy|size|size_bytes|size_ratio|max_entries|prewarm_ratio|elements_size)$/,
  /^page_cache_(history_window_ms|min_size|max_size|free_memory_ratio|shards|block_size|lookahead_blocks)$/,
  /^[a-z0-9_]+_thread_?pool_(size|free_size|pool_size|queue_size|initial_size)$/,
  /^[a-z0-9_]+_threadpool_(pool_size|queue_size)$/,
  /^threadpool_(writer|local_fs_reader|remote_fs_reader)_(pool_size|queue_size)$/,
  /^(prefixes_deserialization_thread_pool_thread_pool_queue_size|thread_pool_queue_size|io_thread_pool_queue_size|max_thread_pool_(size|free_size))$/,
  /^background_[a-z_]+_(pool_size|initial_size|ratio|policy)$/,
  /^background_pool_size$/,
  /^tables_loader_(foreground|background)_pool_size$/,
  /^max_[a-z_]+_bandwidth_for_server$/,
  /^max_[a-z_]+_num_to_(warn|throw)$/,
  /^max_pending_mutations_(to_warn|execution_time_to_warn)$/,
  /^(disk|storage|http)_connections_(soft_limit|warn_limit|store_limit|hard_limit|rcvbuf|sndbuf)$/,
  /^concurrent_threads_(soft_limit_num|soft_limit_ratio_to_cores|lazy_allocation|scheduler)$/,
  /^cpu_slot_(preemption|quantum_ns|preemption_timeout_ms)$/,
  /^(merge|mutation)_workload$/,
  /^throw_on_unknown_workload$/,
  /^memory_worker_[a-z_]+$/,
  /^os_threads_nice_value_[a-z_]+$/,
  /^total_memory_(profiler_step|tracker_sample_probability|profiler_sample_(min|max)_allocation_size)$/,
  /^global_profiler_(real|cpu)_time_period_ns$/,
  /^merges_mutations_memory_usage_(soft_limit|to_ram_ratio)$/,
  /^max_server_memory_usage$/,
  /^cache_size_to_ram_max_ratio$/,
  /^(max_concurrent_(insert|select)_queries|max_waiting_queries|max_remote_read_connections|max_open_files|max_temporary_data_on_disk_size)$/,
  /^(max_entries_for_hash_table_stats|max_materialized_views_count_for_table|max_zookeeper_pooled_connections|keeper_multiread_batch_size)$/,
  /^(async_insert_threads|async_insert_queue_flush_on_shutdown|async_load_databases|async_load_system_database)$/,
  /^(backup_threads|restore_threads|shutdown_wait_backups_and_restores)$/,
  /^aggregate_function_group_array_(max_element_size|action_when_limit_is_reached)$/,
  /^asynchronous_metrics_(update_period_s|enable_heavy_metrics)$/,
  /^asynchronous_heavy_metrics_update_period_s$/,
  /^(disable_internal_dns_cache|dns_cache_max_entries|dns_cache_update_period|dns_max_consecutive_failures)$/,
  /^database_(atomic_delay_before_drop_table_sec|catalog_(unused_dir_(hide_timeout|rm_timeout|cleanup_period)_sec|drop_table_concurrency))$/,
  /^(mlock_executable|mlock_executable_min_total_memory_amount_bytes|cgroups_memory_usage_observer_wait_time|os_cpu_busy_time_threshold|os_collect_psi_metrics)$/,
  /^(min|max)_os_cpu_wait_time_ratio_to_drop_connection$/,
  /^parts_kill(_delay_period|_delay_period_random_add|er_pool_size|er_max_condemned_parts_per_batch)$/,
  /^(replicated_fetches_http_(connection|send|receive)_timeout|max_session_timeout|default_session_timeout|builtin_dictionaries_reload_interval)$/,
  /^(timezone|display_name|prepare_system_log_tables_on_startup|storage_metadata_write_full_object_key)$/,
  /^(max_per_cpu_untracked_memory|per_cpu_untracked_memory_thread_buffer|s3_retry_attempts|dictionaries_lazy_load|wait_dictionaries_load_at_startup)$/,
];

/** The system logs that are not the audit trail. */
const TUNABLE_LOGS = [
  'part_log', 'metric_log', 'asynchronous_metric_log', 'error_log', 'trace_log', 'processors_profile_log', 'latency_log', 'query_metric_log',
  'asynchronous_insert_log', 'zookeeper_log', 'filesystem_cache_log', 'blob_storage_log',
];

// without `engine` and `storage_policy`, which can send a log elsewhere.
// not where a log is kept: one that named the table of the audit trail would get in its way.
const LOG_PROPERTIES = [
  'partition_by', 'ttl', 'flush_interval_milliseconds', 'max_size_rows', 'reserved_size_rows', 'buffer_size_rows_flush_threshold', 'flush_on_crash',
  'collect_interval_milliseconds', 'symbolize',
];

/** Sections directly under the root and what they may hold. `true`: any plain settings. */
const TUNABLE_SECTIONS: Readonly<Record<string, true | readonly string[]>> = {
  merge_tree: true,
  replicated_merge_tree: true,
  distributed: true,
  query_cache: ['max_size_in_bytes', 'max_entries', 'max_entry_size_in_bytes', 'max_entry_size_in_rows'],
  compression: ['case', 'min_part_size', 'min_part_size_ratio', 'method', 'level'],
  workload_scheduler: true,
  ...Object.fromEntries(TUNABLE_LOGS.map((log) => [log, LOG_PROPERTIES])),
};

/** Settings of a section that take all settings, which move data elsewhere. */
const PLACING = /^(disk|storage_policy|table_disk|.*_path|.*_disk)$/;

/**
 * Why a server document may not set something, as far as its name tells; `undefined` when the name says nothing. Case does not matter: a name
 * that is spelt differently sets nothing, but its author meant something.
 *
 * @param path the names from below the root to the setting
 * @param holdsElements whether the setting is a section
 */
export function namedProtection(path: readonly string[], holdsElements: boolean): string | undefined {
  const name = (path.at(-1) ?? '').toLowerCase();
  const why = PROTECTED_BY_NAME.get(name);
  // a table setting may be called like a server setting that is typed (merge_tree has a max_concurrent_queries).
  if (why !== undefined && !(why === TYPED && path.length > 1)) return why;
  return isTunableValue(path, holdsElements) ? undefined : SPEAKING_NAMES.find(([pattern]) => pattern.test(name))?.[1];
}

/** Whether a setting of a server document is known to be harmless. */
export function isTunable(path: readonly string[], holdsElements: boolean): boolean {
  return isTunableValue(path, holdsElements) || isInTunableSection(path, holdsElements);
}

function isTunableValue(path: readonly string[], holdsElements: boolean): boolean {
  return path.length === 1 && !holdsElements && TUNABLE_VALUES.some((pattern) => pattern.test(path[0] ?? ''));
}

function isInTunableSection([top = '', ...below]: readonly string[], holdsElements: boolean): boolean {
  const section = Object.hasOwn(TUNABLE_SECTIONS, top) ? TUNABLE_SECTIONS[top] : undefined;
  if (section === undefined) return false;
  const inner = below.at(-1);
  if (inner === undefined) return true;
  if (section === true) return below.length === 1 && !holdsElements && /^[a-z][a-z0-9_]*$/.test(inner) && !PLACING.test(inner);
  return below.length <= 2 && section.includes(inner);
}

/** Names anywhere in a query setting that speak of secrets, identity, the way out or the audit trail. */
const SENSITIVE_QUERY_SETTING = new RegExp(
  [
    // requests and answers.
    '^http_max', '^http_headers_read', '^http_response_headers', 'redirect', 'cors', 'url_wildcard',
    // the audit trail.
    '^log_',
    // identity, rights and secrets.
    '^s3_allow_server', 'credential', 'secret', 'password', 'impersonat', 'sql_security', 'definer', 'introspection', 'named_collection', 'share_between',
    'unrestricted', 'ignore_on_cluster', 'from_env', 'from_zk', 'allow_include',
    // code, foreign catalogues and services, and what exists to break things.
    'rename_files', 'eval_table', 'python', 'executable', 'webassembly', '_catalog$', '(^|_)ai_', 'fault_injection', 'fuzz',
  ].join('|'),
);

/** Why a query setting may not be set by a raw profile; `undefined` when it may. */
export function querySettingProtection(name: string): string | undefined {
  const pin = PINNED_SETTINGS.find((each) => each.name === name);
  if (pin !== undefined) return pin.why;
  if (DECIDED_SETTINGS.includes(name)) return 'the typed profile settings have it';
  if (SENSITIVE_QUERY_SETTING.test(name)) return 'it may weaken what users are held to';
  return undefined;
}
