import { checkedDatabase, quoted } from './grants';
import type { Topology } from './topology';

/**
 * The statement by which every server makes sure that a database is there. It changes nothing where the database exists.
 *
 * - With Keepers: `Replicated`. Tables that are made on one server are made on all, and a new server gets them all. The macros are in every
 *   server's document (see `internode.ts`), so that one statement serves every server. The path follows from names that never change, so a
 *   server that is replaced finds its place again.
 * - Without: `Atomic`, on the one server there is.
 *
 * @see https://clickhouse.com/docs/engines/database-engines/replicated
 * @see https://clickhouse.com/docs/engines/database-engines/atomic
 */
export function createDatabaseStatement(topology: Topology, name: string): string {
  const database = checkedDatabase(name);
  const engine = topology.keepers.length === 0 ? 'Atomic' : `Replicated('/clickhouse/databases/${topology.clusterName}/${database}', '{shard}', '{replica}')`;
  return `CREATE DATABASE IF NOT EXISTS ${quoted(database)} ENGINE = ${engine}`;
}
