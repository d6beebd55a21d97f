import type { AnyGrantModel } from './any-grant';
import { GRANTABLE_PRIVILEGES, MUTATIONS } from './grants';
import { DISTRIBUTED_ENGINE, OWN_DATA_ENGINES } from './table-engines';

/** What a schema owner may do beyond its own database. */
export interface SchemaOwnerOptions {
  /**
   * Whether the owner may change and delete rows. Accepts that the owner then reads every table of the server: see `MUTATIONS`.
   *
   * @default false
   */
  readonly mutationsReadEverything?: boolean;

  /**
   * Whether the owner may make `Distributed` tables, which a cluster with several shards is queried through. Accepts that the owner learns
   * the columns of any table whose name the owner knows.
   *
   * @default false
   */
  readonly distributedTablesShowColumns?: boolean;
}

/**
 * Everything with the tables and views of one database: make, change, fill, read, empty and drop them.
 *
 * Table engines are granted without a database, so an owner may make tables wherever else the same user has `CREATE TABLE`.
 *
 * What holds: an owner writes nowhere else, and no query of an owner reads anywhere else. What does not, on 26.7: the condition of a
 * `TTL ... DELETE WHERE` is evaluated in the background with the rights of the server, so that an owner who sets out to can find out, guess
 * by guess, what other databases hold (through a table made `AS merge(...)`, which needs no engine grant). Data of parties that do not trust
 * each other belongs in clusters of their own.
 */
export function schemaOwner(database: string, options: SchemaOwnerOptions = {}): AnyGrantModel[] {
  const { mutationsReadEverything = false, distributedTablesShowColumns = false } = options;
  const mutations: readonly string[] = mutationsReadEverything ? [] : MUTATIONS;
  return [
    { database, privileges: GRANTABLE_PRIVILEGES.filter((privilege) => !mutations.includes(privilege)), mutationsReadEverything },
    { tableEngines: [...OWN_DATA_ENGINES, ...(distributedTablesShowColumns ? [DISTRIBUTED_ENGINE] : [])] },
  ];
}
