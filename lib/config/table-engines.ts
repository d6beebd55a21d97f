import { ConfigurationError } from './error';

/** That a user may create tables of an engine, wherever the user may create tables. */
export interface TableEngineGrantModel {
  /** Names from {@link GRANTABLE_ENGINES}, such as `MergeTree`. */
  readonly tableEngines: string[];
}

const MERGE_TREES = [
  'MergeTree', 'ReplacingMergeTree', 'SummingMergeTree', 'AggregatingMergeTree', 'CollapsingMergeTree', 'VersionedCollapsingMergeTree', 'CoalescingMergeTree',
] as const;

/**
 * Engines that keep a table's data where tables are kept, and nothing else.
 *
 * `View` and `MaterializedView` ask for no engine grant; the inner table of a materialized view does.
 */
export const OWN_DATA_ENGINES: readonly string[] = [
  ...MERGE_TREES,
  // where the replicas find each other is not up to who makes the table: see the pins of `profiles.ts`.
  ...MERGE_TREES.map((engine) => `Replicated${engine}`),
  'Memory', 'Log', 'TinyLog', 'StripeLog', 'Set', 'Join',
  // keeps nothing: what a materialized view reads from.
  'Null',
];

/** The table over the shards of a cluster. Not among the others: see {@link REFUSED_ENGINES} for what it gives away. */
export const DISTRIBUTED_ENGINE = 'Distributed';

/** The engines that can be granted. */
export const GRANTABLE_ENGINES: readonly string[] = [...OWN_DATA_ENGINES, DISTRIBUTED_ENGINE];

const ELSEWHERE = 'its table is somewhere else, and a table engine is not held to the address that a source grant names';
const OTHERS = 'it stands for tables of other databases';

/**
 * Engines that are refused, and why. What is not on either list is refused as well. Found on 26.7:
 *
 * - `Merge` is checked when a query reads it, and not when a mutation or the condition of a TTL does, which run with the server's own rights.
 * - `Buffer`, `Alias` and `Distributed` check rights on their target when they are read or written, not when they are made, and take over
 *   its columns: whoever may make one learns the columns of any table whose name they know. `Distributed` is what a sharded cluster is
 *   queried through, so it can be had, apart from the others.
 * - `KeeperMap` reads and writes any path below one that all databases share; `EmbeddedRocksDB` opens a directory that the query names.
 * - `Dictionary` shows what the server loaded; `GraphiteMergeTree` needs a section that no document has.
 */
export const REFUSED_ENGINES: Readonly<Record<string, string>> = {
  Merge: `${OTHERS}, and work in the background reads those without asking who may`,
  Buffer: `${OTHERS} and shows their columns`,
  Alias: `${OTHERS} and shows their columns`,
  Dictionary: 'dictionaries are loaded with the rights of the server',
  KeeperMap: 'its data lies beside that of other databases, in Keeper',
  EmbeddedRocksDB: 'it opens a directory that the query names',
  TimeSeries: 'it is experimental',
  WindowView: 'it is experimental',
  GraphiteMergeTree: 'it needs a section of the server configuration that is not there',
  GenerateRandom: 'it is for tests',
  Loop: OTHERS,
  Executable: 'it runs programs', ExecutablePool: 'it runs programs',
  File: 'it reads files of the machine', FileLog: 'it reads files of the machine', Filesystem: 'it reads files of the machine', SQLite: 'it reads files of the machine',
  ...Object.fromEntries(
    [
      'URL', 'S3', 'S3Queue', 'COSN', 'OSS', 'GCS', 'AzureBlobStorage', 'AzureQueue', 'HDFS', 'Hive', 'Hudi', 'DeltaLake', 'Iceberg', 'IcebergS3', 'IcebergAzure', 'IcebergHDFS',
      'IcebergLocal', 'MySQL', 'PostgreSQL', 'MaterializedPostgreSQL', 'MongoDB', 'Redis', 'Kafka', 'RabbitMQ', 'NATS', 'ODBC', 'JDBC', 'ExternalDistributed', 'ArrowFlight', 'YTsaurus',
    ].map((engine) => [engine, ELSEWHERE]),
  ),
};

/**
 * Renders a grant on table engines as the statements that stand in a user's document.
 *
 * @see https://clickhouse.com/docs/sql-reference/statements/grant#table-engine
 */
export function tableEngineStatements({ tableEngines }: TableEngineGrantModel): string[] {
  if (!Array.isArray(tableEngines) || tableEngines.length === 0) {
    throw new ConfigurationError('TableEngine', `a grant on table engines must name at least one, got none; use ${GRANTABLE_ENGINES.join(', ')}`);
  }
  return [...new Set(tableEngines)].map((engine) => {
    if (typeof engine !== 'string' || !GRANTABLE_ENGINES.includes(engine)) {
      const why = typeof engine === 'string' && Object.hasOwn(REFUSED_ENGINES, engine) ? `: ${REFUSED_ENGINES[engine]}` : '';
      throw new ConfigurationError('TableEngine', `the table engine ${JSON.stringify(engine)} cannot be granted${why}; grantable are ${GRANTABLE_ENGINES.join(', ')}`);
    }
    return `GRANT TABLE ENGINE ON ${engine}`;
  });
}
