import type { AnyGrantModel } from '../config/any-grant';
import { schemaOwner } from '../config/schema-owner';
import type { ClickHouseDatabase } from './database';
import { Privilege } from './privilege';
import type { Source } from './source';
import type { Tables } from './tables';

/** Options of a grant on tables. */
export interface GrantOptions {
  /**
   * The columns it is limited to, of one table; for reading, writing and showing columns.
   *
   * @default - every column
   */
  readonly columns?: string[];

  /**
   * Accepts that whoever may change or delete rows reads every table of the server, whatever its database: ClickHouse runs mutations with
   * its own rights. Needed for `ALTER_UPDATE` and `ALTER_DELETE`.
   *
   * @see https://github.com/ClickHouse/ClickHouse/issues/107588
   * @default false
   */
  readonly mutationsReadEverything?: boolean;
}

/** Options of `Grant.schemaOwner`. */
export interface SchemaOwnerGrantOptions {
  /**
   * Whether the owner may change and delete rows. Accepts that the owner then reads every table of the server, whatever its database.
   *
   * @see https://github.com/ClickHouse/ClickHouse/issues/107588
   * @default false
   */
  readonly mutationsReadEverything?: boolean;

  /**
   * Whether the owner may make `Distributed` tables, which a cluster of several shards is queried through. Accepts that the owner learns
   * the columns of any table whose name the owner knows.
   *
   * @default false
   */
  readonly distributedTablesShowColumns?: boolean;
}

/** What a user or a role may do. There is no grant of everything, and none that manages users. */
export class Grant {
  /** Read rows. */
  public static selectFrom(tables: Tables, options: GrantOptions = {}): Grant {
    return Grant.of([Privilege.SELECT], tables, options);
  }

  /** Write rows. */
  public static insertInto(tables: Tables, options: GrantOptions = {}): Grant {
    return Grant.of([Privilege.INSERT], tables, options);
  }

  /** Privileges on tables. */
  public static of(privileges: Privilege[], tables: Tables, options: GrantOptions = {}): Grant {
    return new Grant([{ privileges: privileges.map(({ sql }) => sql), ...tables._target(), ...options }]);
  }

  /**
   * Everything with the tables and views of one database: make, change, fill, read, empty and drop them, with the engines that keep data in
   * the server. Table engines are granted without a database, so the same user can use them wherever else it has `CREATE_TABLE`.
   *
   * An owner writes nowhere else. One who sets out to can find out what other databases hold, guess by guess, through background work: data of
   * parties that do not trust each other belongs in clusters of their own (docs/threat-model.md).
   */
  public static schemaOwner(database: ClickHouseDatabase, options: SchemaOwnerGrantOptions = {}): Grant {
    return new Grant(schemaOwner(database.databaseName, options));
  }

  /** Read from a source in queries. */
  public static readSource(source: Source): Grant {
    return new Grant([{ ...source._target(), access: ['READ'] }]);
  }

  /** Write to a source in queries. Whoever may read a table and write to a source can carry the one to the other. */
  public static writeSource(source: Source): Grant {
    return new Grant([{ ...source._target(), access: ['WRITE'] }]);
  }

  private readonly models: AnyGrantModel[];

  private constructor(models: AnyGrantModel[]) {
    this.models = models;
  }

  /** @internal */
  public _models(): AnyGrantModel[] {
    return this.models;
  }
}

/** All that grants say, in their order. */
export function modelsOf(grants: readonly Grant[]): AnyGrantModel[] {
  return grants.flatMap((grant) => grant._models());
}
