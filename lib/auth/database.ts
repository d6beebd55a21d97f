import { Construct } from 'constructs';
import type { IClickHouseCluster } from '../cluster/cluster-ref';
import { grantStatement } from '../config/grants';
import { at } from '../error';
import { ownCluster } from './own-cluster';
import { Tables } from './tables';

/** Options of a database. */
export interface ClickHouseDatabaseOptions {
  /**
   * The database's name: a letter or `_`, then letters, digits or `_`.
   *
   * @default - the construct's id
   */
  readonly databaseName?: string;
}

/** Properties of a `ClickHouseDatabase`. */
export interface ClickHouseDatabaseProps extends ClickHouseDatabaseOptions {
  /** The cluster it is in. */
  readonly cluster: IClickHouseCluster;
}

/**
 * A database that every server creates when it is not there. With Keepers its tables are replicated: a table that is made on one server
 * is there on all, and on those that are added later.
 *
 * Removing the construct drops nothing: data goes when somebody drops it.
 *
 * @see https://clickhouse.com/docs/engines/database-engines/replicated
 */
export class ClickHouseDatabase extends Construct {
  /** The database's name. */
  public readonly databaseName: string;

  constructor(scope: Construct, id: string, props: ClickHouseDatabaseProps) {
    super(scope, id);
    this.databaseName = props.databaseName ?? id;
    ownCluster(this, props.cluster)._declarations.addDatabase(this, this.databaseName);
  }

  /**
   * Tables of this database, for grants.
   *
   * @param pattern one table by name, `*` for every table, or a prefix and `*`, such as `raw_*`
   */
  public tables(pattern: string): Tables {
    const tables = new Tables(this.databaseName, pattern);
    at(this, () => grantStatement({ ...tables._target(), privileges: ['SELECT'] }));
    return tables;
  }
}
