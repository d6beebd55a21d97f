/**
 * A right on the data of a database. A closed list: what is not here cannot be granted, such as anything that manages users.
 *
 * @see https://clickhouse.com/docs/sql-reference/statements/grant
 */
export class Privilege {
  /** Read rows. Can be limited to columns. */
  public static readonly SELECT = new Privilege('SELECT');

  /** Write rows. Can be limited to columns. */
  public static readonly INSERT = new Privilege('INSERT');

  /** See that a database exists. */
  public static readonly SHOW_DATABASES = new Privilege('SHOW DATABASES');

  /** See that tables exist, and how they were made. */
  public static readonly SHOW_TABLES = new Privilege('SHOW TABLES');

  /** See which columns a table has. Can be limited to columns. */
  public static readonly SHOW_COLUMNS = new Privilege('SHOW COLUMNS');

  /** Change rows. Reaches further than it says: see `mutationsReadEverything` of `GrantOptions`. */
  public static readonly ALTER_UPDATE = new Privilege('ALTER UPDATE');

  /** Delete rows. Reaches further than it says: see `mutationsReadEverything` of `GrantOptions`. */
  public static readonly ALTER_DELETE = new Privilege('ALTER DELETE');

  /** Add, drop and change columns. */
  public static readonly ALTER_COLUMN = new Privilege('ALTER COLUMN');

  /** Add, drop and materialize indexes, and change the sorting key. */
  public static readonly ALTER_INDEX = new Privilege('ALTER INDEX');

  /** Change how long rows are kept. */
  public static readonly ALTER_TTL = new Privilege('ALTER TTL');

  /** Add and drop constraints. */
  public static readonly ALTER_CONSTRAINT = new Privilege('ALTER CONSTRAINT');

  /** Add, drop and materialize projections. */
  public static readonly ALTER_PROJECTION = new Privilege('ALTER PROJECTION');

  /** Change comments. */
  public static readonly ALTER_MODIFY_COMMENT = new Privilege('ALTER MODIFY COMMENT');

  /** Make tables. The table engine is granted apart: see `Grant.schemaOwner`. */
  public static readonly CREATE_TABLE = new Privilege('CREATE TABLE');

  /** Make views. */
  public static readonly CREATE_VIEW = new Privilege('CREATE VIEW');

  /** Drop tables. */
  public static readonly DROP_TABLE = new Privilege('DROP TABLE');

  /** Drop views. */
  public static readonly DROP_VIEW = new Privilege('DROP VIEW');

  /** Empty tables. */
  public static readonly TRUNCATE = new Privilege('TRUNCATE');

  /** Merge parts now. */
  public static readonly OPTIMIZE = new Privilege('OPTIMIZE');

  /** As SQL writes it. */
  public readonly sql: string;

  private constructor(sql: string) {
    this.sql = sql;
  }
}
