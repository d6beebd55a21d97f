import type { ReplicaState, VolumeHistory } from '../boot-steps';
import type { Query, Rows, Value } from './server';
import { NoServer } from './server';

/**
 * What is asked of the node's own server, with nothing but what `MAINTENANCE_GRANTS` allow.
 *
 * - Names of tables are left out and equal rows come once, so that a thousand tables that are fine are one row.
 * - `total_replicas`, `active_replicas`, `log_pointer` and `lost_part_count` are left out: they cost requests to Keeper for every table, and nothing
 *   follows from them. How far the log has been read is in `absolute_delay`; a part that all replicas have lost stays counted for ever, and a sibling that
 *   is away shows itself in a queue that does not get shorter.
 * - In `system.clusters` a `Replicated` database is a cluster of its name, with a row for each of its replicas. This node's is the one with its macros:
 *   they are what the database was created with. https://clickhouse.com/docs/operations/system-tables/clusters
 *
 * @see https://github.com/ClickHouse/ClickHouse/blob/master/src/Storages/System/StorageSystemReplicas.cpp (with_zk_fields)
 */
export const REPLICA_QUERIES = {
  session: "SELECT count() FROM system.zookeeper_connection WHERE name = 'default' AND is_expired = 0",
  tables: 'SELECT DISTINCT is_readonly OR is_session_expired, queue_size, inserts_in_queue, merges_in_queue, part_mutations_in_queue, absolute_delay FROM system.replicas',
  databases: "SELECT name FROM system.databases WHERE engine = 'Replicated'",
  members: "SELECT cluster, is_active, replication_lag FROM system.clusters WHERE database_shard_name = getMacro('shard') AND database_replica_name = getMacro('replica')",
} as const;

/** A replicated table, or several that say the same. */
export interface TableRow {
  /** it accepts no writes: no session with Keeper, or it is still finding its place there. */
  readonly readOnly: boolean;
  readonly queue: number;
  /** parts to be fetched. */
  readonly inserts: number;
  readonly merges: number;
  readonly mutations: number;
  readonly delaySeconds: number;
}

/** A `Replicated` database. */
export interface DatabaseRow {
  readonly name: string;
  /** whether this replica of it works; undefined when it cannot be told. */
  readonly active: boolean | undefined;
  /** how many statements others have run and it has not; undefined when it cannot be told. */
  readonly lag: number | undefined;
}

/** All that a replica says about what it replicates. */
export interface ReplicaRows {
  readonly tables: readonly TableRow[];
  readonly databases: readonly DatabaseRow[];
}

/**
 * From what delay on a replica is not caught up. Well below the 300 seconds from which ClickHouse passes over a replica in distributed queries.
 *
 * @see https://clickhouse.com/docs/operations/settings/settings#max_replica_delay_for_distributed_queries
 */
export const DELAY_SECONDS = 60;

/**
 * So many parts a table may be fetching at any moment while others insert. More is a replica that copies, whatever its delay: a part has the age of
 * the merge that made it, so terabytes that the sibling merged a moment ago look as if they had been inserted just now.
 */
export const FEW_INSERTS = 20;

/**
 * What follows from the rows of a server that has a session with Keeper. Without one it is `empty`.
 *
 * - A new replica first learns its tables: the database copies them from Keeper, and only then is it active and its lag 0. Before that there may be no
 *   table at all, which must not look like a replica that has everything. It needs nobody but Keeper for that, so it cannot wait for a later wave.
 * - Nothing to replicate, with every database in step, is everything there is.
 * - A delay without a queue is a log that has not been read yet, which ClickHouse reports as an endless delay, or that cannot be read: `writable`.
 * - Merges and mutations do not count: they need nobody else. Other entries (parts moved or dropped with their partition) do.
 * - Whether missing parts make it `fetching` or `behind` is in the past of the volume: a new replica has nothing of its own to be behind with, and the
 *   first of several that come up on old volumes under a new stack waits for parts that only the next wave brings.
 *
 * @see https://github.com/ClickHouse/ClickHouse/blob/master/src/Storages/StorageReplicatedMergeTree.cpp (getStatus, getAbsoluteDelay, cloneReplica)
 * @see https://github.com/ClickHouse/ClickHouse/blob/master/src/Databases/DatabaseReplicated.cpp (tryGetReplicasInfo)
 */
export function replicaState({ tables, databases }: ReplicaRows, volume: VolumeHistory): ReplicaState {
  if (tables.some(({ readOnly }) => readOnly) || !databases.every(({ active, lag }) => active === true && lag === 0)) return 'empty';
  const late = tables.filter((table) => !inTime(table));
  if (late.length === 0) return 'caughtUp';
  if (late.every((table) => table.inserts === 0 && others(table) === 0)) return 'writable';
  return volume === 'established' ? 'behind' : 'fetching';
}

function inTime(table: TableRow): boolean {
  return table.delaySeconds < DELAY_SECONDS && table.inserts <= FEW_INSERTS && others(table) === 0;
}

function others({ queue, inserts, merges, mutations }: TableRow): number {
  return Math.max(0, queue - inserts - merges - mutations);
}

/** Whether the server has a session with Keeper. Without one ClickHouse answers with an exception, which is thrown. */
export async function hasSession(query: Query): Promise<boolean> {
  const [[count] = []] = await query(REPLICA_QUERIES.session);
  return integer(count) > 0;
}

/**
 * Asks for the rows.
 *
 * The tables last: a database that is in step by then has all of its own. Asked before, a table that it learns in between would be in neither answer.
 * The databases come from the server's own list: one that Keeper tells nothing about must not be overlooked.
 */
export async function readReplica(query: Query): Promise<ReplicaRows> {
  const databases = await query(REPLICA_QUERIES.databases);
  const members = await query(REPLICA_QUERIES.members);
  const tables = await query(REPLICA_QUERIES.tables);
  return { tables: tables.map(tableIn), databases: databases.map(([name]) => databaseIn(text(name), members)) };
}

function tableIn([readOnly, queue, inserts, merges, mutations, delay]: readonly Value[]): TableRow {
  return {
    readOnly: integer(readOnly) !== 0,
    queue: integer(queue),
    inserts: integer(inserts),
    merges: integer(merges),
    mutations: integer(mutations),
    delaySeconds: integer(delay),
  };
}

function databaseIn(name: string, members: Rows): DatabaseRow {
  const [, active, lag] = members.find(([cluster]) => cluster === name) ?? [name, null, null];
  return { name, active: flag(active), lag: known(lag) };
}

function flag(value: Value | undefined): boolean | undefined {
  const number = known(value);
  return number === undefined ? undefined : number === 1;
}

function known(value: Value | undefined): number | undefined {
  return value === null ? undefined : integer(value);
}

// what is not a number must not become 0, which is the best there is.
function integer(value: Value | undefined): number {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0) return value;
  if (typeof value === 'string' && /^\d{1,20}$/.test(value)) return Number(value);
  throw new NoServer('strange', 'its answer has something else in the place of a number');
}

function text(value: Value | undefined): string {
  if (typeof value === 'string') return value;
  throw new NoServer('strange', 'its answer has something else in the place of a name');
}
