/**
 * What somebody with a login would try. The same statements are run against the insecure control, where `control` says how far they come, and
 * against rendered configurations, where every one must end with "not enough privileges".
 *
 * In the control they need not succeed in full (there is nothing to connect to): any other code than 497 shows that they passed the check.
 */
export interface Attack {
  readonly sql: string;
  /** the exception in the control, 0 for none; nothing where it cannot be run there. */
  readonly control?: number;
}

/** Not enough privileges. */
export const DENIED = 497;

/** So that a connection that is refused is given up at once. */
export const IMPATIENT = { http_max_tries: 1, s3_retry_attempts: 0, azure_sdk_max_retries: 0, connect_timeout: 1 };

// port 1 of the machine itself: nobody answers.
const AWAY = '127.0.0.1:1';
const DRIVERS = `host '127.0.0.1' port 1 user 'u' password 'p' db 'd'`;

/** Reading from somewhere else than a table. */
export const READING: readonly Attack[] = [
  { sql: "SELECT * FROM file('/etc/passwd', LineAsString)", control: 0 },
  { sql: "SELECT * FROM filesystem('/etc')", control: 0 },
  { sql: `SELECT * FROM url('http://${AWAY}/', LineAsString)`, control: 1000 },
  { sql: `SELECT * FROM url('http://${AWAY}/', LineAsString, headers('X-aws-ec2-metadata-token' = 'x'))`, control: 1000 },
  { sql: `SELECT * FROM s3('http://${AWAY}/bucket/key', LineAsString)`, control: 499 },
  { sql: `SELECT * FROM gcs('http://${AWAY}/bucket/key', LineAsString)`, control: 499 },
  { sql: `SELECT * FROM deltaLake('http://${AWAY}/bucket/key')` },
  { sql: `SELECT * FROM iceberg('http://${AWAY}/bucket/key')`, control: 499 },
  { sql: `SELECT * FROM hudi('http://${AWAY}/bucket/key')`, control: 499 },
  { sql: "SELECT * FROM icebergLocal('/tmp')", control: 481 },
  { sql: `SELECT * FROM azureBlobStorage('http://${AWAY}/', 'c', 'b', 'devstoreaccount1', 'eA==', 'CSV', 'auto', 'a Int8')`, control: 1001 },
  { sql: `SELECT * FROM hdfs('hdfs://${AWAY}/x', LineAsString, 'line String')` },
  { sql: `SELECT * FROM remote('${AWAY}', system.one)`, control: 519 },
  { sql: `SELECT * FROM remoteSecure('${AWAY}', system.one)`, control: 519 },
  { sql: `SELECT * FROM mysql('${AWAY}', 'd', 't', 'u', 'p')`, control: 279 },
  { sql: `SELECT * FROM postgresql('${AWAY}', 'd', 't', 'u', 'p')`, control: 614 },
  { sql: `SELECT * FROM mongodb('${AWAY}', 'd', 't', 'u', 'p', 'a Int8')`, control: 1001 },
  { sql: `SELECT * FROM redis('${AWAY}', 'k', 'k String, v String')`, control: 1000 },
  { sql: "SELECT * FROM sqlite('/tmp/nothing.db', 't')", control: 591 },
  { sql: "SELECT * FROM jdbc('jdbc:x', 's', 't')" },
  { sql: "SELECT * FROM odbc('DSN=x', 's', 't')" },
  { sql: `SELECT * FROM ytsaurus('http://${AWAY}', '//t', 'token', 'a Int8')`, control: 46 },
  { sql: "DESCRIBE file('/etc/passwd')", control: 0 },
  { sql: `DESCRIBE url('http://${AWAY}/', 'CSV', 'a Int8')`, control: 0 },
  { sql: `DESCRIBE TABLE remote('${AWAY}', 'system', 'one')`, control: 519 },
  { sql: `EXPLAIN TABLE OVERRIDE mysql('${AWAY}', 'd', 't', 'u', 'p') PARTITION BY x`, control: 279 },
];

/** Writing to somewhere else than a table. */
export const WRITING: readonly Attack[] = [
  { sql: "INSERT INTO FUNCTION file('stolen.csv', 'CSV', 'n UInt64') SELECT 1", control: 0 },
  { sql: `INSERT INTO FUNCTION url('http://${AWAY}/', 'CSV', 'n UInt64') SELECT 1`, control: 1000 },
  { sql: `INSERT INTO FUNCTION s3('http://${AWAY}/bucket/key', 'CSV', 'n UInt64') SELECT 1`, control: 499 },
  { sql: `INSERT INTO FUNCTION remote('${AWAY}', events.facts) SELECT 1`, control: 519 },
  { sql: "BACKUP DATABASE events TO File('stolen')", control: 318 },
  { sql: `BACKUP TABLE events.facts TO S3('http://${AWAY}/bucket/key', 'a', 'b')` },
  { sql: "BACKUP TABLE events.facts TO Disk('default', 'stolen')", control: 318 },
];

/** Tables whose engine reaches out of the server or runs programs. */
export const ENGINES: readonly Attack[] = [
  ...[
    [`URL('http://${AWAY}/', CSV)`, 0],
    ['File(CSV)', 0],
    [`S3('http://${AWAY}/bucket/key', 'CSV')`, 0],
    [`MySQL('${AWAY}', 'd', 't', 'u', 'p')`, 0],
    [`PostgreSQL('${AWAY}', 'd', 't', 'u', 'p')`, 0],
    ["Executable('id', 'TSV')", 0],
    ["ExecutablePool('id', 'TSV')", 0],
    [`MongoDB('${AWAY}', 'd', 't', 'u', 'p')`, 0],
    [`Redis('${AWAY}') PRIMARY KEY n`, 0],
    ["SQLite('/tmp/nothing.db', 't')", 0],
    [`Kafka('${AWAY}', 't', 'g', 'CSV')`, 0],
    [`HDFS('hdfs://${AWAY}/x', 'CSV')`, 0],
    ["ODBC('DSN=x', 'd', 't')", 0],
    ["JDBC('jdbc:x', 'd', 't')", 0],
    ["Merge('system', 'one')", 0],
    ["Distributed('events', 'system', 'one')", 701],
    [`S3Queue('http://${AWAY}/bucket/key', 'CSV') SETTINGS mode = 'unordered'`, 457],
    ["FileLog('/etc/', 'CSV')", 36],
    [`AzureBlobStorage('http://${AWAY}/', 'c', 'b', 'devstoreaccount1', 'eA==', 'CSV')`, 0],
    [`DeltaLake('http://${AWAY}/bucket/key')`, 0],
    [`IcebergS3('http://${AWAY}/bucket/key')`, 36],
  ].map(([engine, control], index) => ({ sql: `CREATE TABLE events.stolen_${index} (n UInt64) ENGINE = ${engine}`, control: Number(control) })),
  // a table that is a function.
  { sql: `CREATE TABLE events.stolen_url AS url('http://${AWAY}/', 'CSV', 'a String')`, control: 0 },
  { sql: "CREATE TABLE events.stolen_file AS file('/etc/passwd', 'LineAsString', 'a String')", control: 0 },
  { sql: `CREATE TABLE events.stolen_s3 AS s3('http://${AWAY}/bucket/key', 'CSV', 'a String')`, control: 0 },
  { sql: `CREATE TABLE events.stolen_remote AS remote('${AWAY}', system.one)`, control: 519 },
  { sql: `CREATE TABLE events.stolen_mysql AS mysql('${AWAY}', 'd', 't', 'u', 'p')`, control: 279 },
  { sql: 'CREATE TABLE events.stolen_loop AS loop(secrets.facts)', control: 0 },
  { sql: "ATTACH TABLE events.stolen FROM '/etc' (n UInt64) ENGINE = File(CSV)", control: 481 },
];

/** Dictionaries whose source does the same. */
export const DICTIONARIES: readonly Attack[] = [
  "file(path '/etc/passwd' format 'CSV')",
  `http(url 'http://${AWAY}/' format 'CSV')`,
  "executable(command 'id' format 'CSV')",
  `mysql(${DRIVERS} table 't')`,
  `postgresql(${DRIVERS} table 't')`,
  `mongodb(${DRIVERS} collection 't')`,
  "redis(host '127.0.0.1' port 1)",
  "odbc(table 't' connection_string 'DSN=x')",
  "clickhouse(host '127.0.0.1' port 1 user 'u' db 'd' table 't')",
  "clickhouse(query 'SELECT 1, 1')",
].map((source, index) => ({
  sql: `CREATE DICTIONARY events.words_${index} (n UInt64, v String) PRIMARY KEY n SOURCE(${source}) LAYOUT(FLAT()) LIFETIME(0)`,
  control: 0,
}));

/** Databases, and what lives beside tables. */
export const OBJECTS: readonly Attack[] = [
  { sql: 'CREATE DATABASE stolen', control: 0 },
  { sql: `CREATE DATABASE stolen_1 ENGINE = PostgreSQL('${AWAY}', 'd', 'u', 'p')`, control: 0 },
  { sql: "CREATE DATABASE stolen_2 ENGINE = Filesystem('/etc')", control: 0 },
  { sql: `CREATE DATABASE stolen_3 ENGINE = S3('http://${AWAY}/')`, control: 0 },
  { sql: "CREATE DATABASE stolen_4 ENGINE = SQLite('/tmp/nothing.db')", control: 0 },
  { sql: "CREATE DATABASE stolen_5 ENGINE = Replicated('/x', 's', 'r')", control: 225 },
  { sql: 'CREATE FUNCTION stolen AS (x) -> x', control: 0 },
  { sql: "CREATE NAMED COLLECTION stolen AS a = 'b'", control: 0 },
  { sql: 'CREATE WORKLOAD stolen', control: 0 },
  { sql: 'CREATE RESOURCE stolen_r (WRITE DISK x)', control: 0 },
  // a view that reads with the rights of somebody else.
  { sql: 'CREATE VIEW events.stolen_view DEFINER = default SQL SECURITY DEFINER AS SELECT * FROM system.users', control: 0 },
  { sql: 'CREATE VIEW events.stolen_view_1 SQL SECURITY NONE AS SELECT * FROM system.users', control: 0 },
  { sql: "ALTER TABLE events.facts FETCH PARTITION tuple() FROM '/x'", control: 48 },
  { sql: 'ALTER TABLE events.facts FREEZE', control: 0 },
  { sql: 'DROP DATABASE secrets', control: 0 },
];

/** Making oneself somebody else. */
export const ACCESS: readonly Attack[] = [
  // 514: passed the check, and this engine has nowhere to write them.
  { sql: "CREATE USER stolen IDENTIFIED BY 'x'", control: 514 },
  { sql: 'CREATE ROLE stolen', control: 514 },
  { sql: 'CREATE QUOTA stolen', control: 514 },
  { sql: 'CREATE ROW POLICY stolen ON events.facts USING 1', control: 514 },
  { sql: 'CREATE SETTINGS PROFILE stolen', control: 514 },
  // 495: passed the check, and what a file declares cannot be changed.
  { sql: "ALTER USER default IDENTIFIED BY 'x'", control: 495 },
  { sql: 'ALTER USER default SETTINGS max_execution_time = 0', control: 495 },
  { sql: 'ALTER SETTINGS PROFILE default SETTINGS max_execution_time = 0', control: 495 },
  { sql: 'ALTER QUOTA default FOR INTERVAL 1 hour NO LIMITS', control: 495 },
  { sql: 'DROP SETTINGS PROFILE default', control: 495 },
  { sql: 'DROP QUOTA default', control: 495 },
  { sql: 'GRANT SELECT ON *.* TO default', control: 495 },
  { sql: 'REVOKE ALL ON *.* FROM default', control: 495 },
  { sql: 'SET DEFAULT ROLE NONE TO default', control: 495 },
  { sql: 'SHOW ACCESS', control: 0 },
  { sql: 'SHOW USERS', control: 0 },
  { sql: 'SHOW GRANTS FOR default', control: 0 },
  { sql: 'SHOW CREATE USER default', control: 0 },
];

/** Running the server. `SYSTEM SHUTDOWN` would end the control. */
export const OPERATING: readonly Attack[] = [
  { sql: 'KILL QUERY WHERE query_id = \'none\' SYNC', control: 0 },
  { sql: 'KILL MUTATION WHERE 0', control: 0 },
  { sql: 'SYSTEM SHUTDOWN' },
  { sql: 'SYSTEM KILL' },
  { sql: 'SYSTEM START LISTEN TCP' },
  { sql: 'SYSTEM STOP LISTEN HTTP' },
  { sql: 'SYSTEM RELOAD USERS', control: 0 },
  { sql: 'SYSTEM FLUSH LOGS', control: 0 },
  { sql: 'SYSTEM DROP DNS CACHE', control: 0 },
  { sql: 'SYSTEM DROP MARK CACHE', control: 0 },
  { sql: 'SYSTEM STOP MERGES events.facts', control: 0 },
  { sql: 'SYSTEM START MERGES events.facts', control: 0 },
  { sql: 'SYSTEM RELOAD DICTIONARIES', control: 0 },
  { sql: 'SYSTEM ENABLE FAILPOINT none', control: 36 },
  { sql: "SYSTEM UNFREEZE WITH NAME 'none'", control: 344 },
];

/** Looking behind the curtain. */
export const PEEKING: readonly Attack[] = [
  ...[
    'users', 'roles', 'grants', 'quotas', 'quotas_usage', 'row_policies', 'settings_profiles', 'settings_profile_elements', 'user_directories',
    'processes', 'user_processes', 'query_cache', 'query_log', 'clusters', 'server_settings', 'macros', 'disks',
    'named_collections', 'build_options', 'parts', 'metrics', 'errors', 'certificates', 'warnings', 'remote_data_paths', 'backups', 'merges',
    'mutations', 'replicas',
  ].map((table) => ({ sql: `SELECT * FROM system.${table}`, control: 0 })),
  // not in the packaged configuration.
  { sql: 'SELECT * FROM system.session_log' },
  { sql: 'SELECT * FROM information_schema.tables', control: 0 },
  { sql: 'SELECT * FROM INFORMATION_SCHEMA.columns', control: 0 },
  { sql: 'SHOW PROCESSLIST', control: 0 },
  { sql: 'SHOW CLUSTERS', control: 0 },
  { sql: 'SELECT * FROM secrets.facts', control: 0 },
  { sql: 'SHOW CREATE TABLE secrets.facts', control: 0 },
  { sql: 'DESCRIBE secrets.facts', control: 0 },
  { sql: 'EXISTS TABLE secrets.facts', control: 0 },
  { sql: 'EXISTS DATABASE secrets', control: 0 },
  { sql: 'CHECK TABLE secrets.facts', control: 0 },
  { sql: 'EXPLAIN SELECT * FROM secrets.facts', control: 0 },
  { sql: 'EXPLAIN PIPELINE SELECT * FROM secrets.facts', control: 0 },
  { sql: 'EXPLAIN ESTIMATE SELECT * FROM secrets.facts', control: 0 },
  // the subquery is run while the query is explained.
  { sql: 'EXPLAIN QUERY TREE SELECT (SELECT max(n) FROM secrets.facts)', control: 0 },
  { sql: "SELECT hasColumnInTable('secrets', 'facts', 'n')", control: 0 },
  { sql: "SELECT * FROM mergeTreeIndex('secrets', 'facts')", control: 0 },
  { sql: 'INSERT INTO secrets.facts VALUES (1)', control: 0 },
  { sql: "SELECT demangle('x')", control: 0 },
  { sql: 'SELECT addressToLine(toUInt64(1))', control: 0 },
  { sql: 'SELECT addressToSymbol(toUInt64(1))', control: 0 },
  { sql: 'SELECT * FROM system.stack_trace', control: 0 },
];

export const EVERY_ATTACK: readonly Attack[] = [
  ...READING,
  ...WRITING,
  ...ACCESS,
  ...OPERATING,
  ...PEEKING,
  // last: they leave things behind that others would look at, or take away what they look for.
  ...ENGINES,
  ...DICTIONARIES,
  ...OBJECTS,
];

/** What a query would change to lift its limits or to open what is closed: the setting and what it would rather have. */
export const LIFTING: Readonly<Record<string, string | number>> = {
  max_execution_time: 0,
  max_memory_usage: 0,
  max_memory_usage_for_user: 0,
  max_result_rows: 0,
  max_result_bytes: 0,
  max_concurrent_queries_for_user: 0,
  max_temporary_data_on_disk_size_for_user: 0,
  http_max_multipart_form_data_size: 0,
  s3_allow_server_credentials_in_user_queries: 1,
  compatibility: '22.1',
  allow_introspection_functions: 1,
  format_display_secrets_in_show_and_select: 1,
  add_http_cors_header: 1,
  allow_get_client_http_header: 1,
  dynamic_disk_allow_from_env: 1,
  query_cache_share_between_users: 1,
  max_http_get_redirects: 10,
  log_queries: 0,
  log_queries_probability: 0,
  log_queries_min_query_duration_ms: 1_000_000,
  log_queries_cut_to_length: 1,
};
