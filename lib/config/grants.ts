import { ConfigurationError } from './error';

/**
 * What a user may do on tables of one database. A closed vocabulary, not SQL: what cannot be said cannot be granted.
 */
export interface GrantModel {
  /** Names from {@link GRANTABLE_PRIVILEGES}, such as `SELECT`. */
  readonly privileges: string[];
  /** The database, by its exact name. The system databases are refused. */
  readonly database: string;
  /**
   * The table, by its exact name.
   *
   * @default - every table of the database
   */
  readonly table?: string;
  /**
   * The beginning of the names of tables: those there are, and those there will be. In place of `table`.
   *
   * @default - every table of the database
   */
  readonly tablePrefix?: string;
  /**
   * The columns of one table, for `SELECT`, `INSERT` and `SHOW COLUMNS`.
   *
   * @default - every column
   */
  readonly columns?: string[];
  /**
   * Accepts that whoever may change or delete rows reads every table of the server, those of other databases and of the server among them.
   * Needed for `ALTER UPDATE` and `ALTER DELETE`: see {@link MUTATIONS}.
   *
   * @default false
   */
  readonly mutationsReadEverything?: boolean;
}

/** Privileges on columns. */
const ON_COLUMNS = ['SELECT', 'INSERT', 'SHOW COLUMNS'] as const;

/** Privileges that make no sense on one table. */
const ON_DATABASES = ['SHOW DATABASES'] as const;

/**
 * Privileges that reach further than they say. A change or deletion of rows is a mutation; ClickHouse runs it in the background with the
 * rights of the server itself, subqueries included, and what it checks beforehand misses what only the background sees: on 26.7
 * `UPDATE note = (SELECT any(note) FROM merge(REGEXP('.*'), '^facts$'))` copies rows of databases that the user may not even list. Writing
 * elsewhere it cannot.
 *
 * @see https://github.com/ClickHouse/ClickHouse/issues/107588
 * @see https://github.com/ClickHouse/ClickHouse/pull/107486 (open in September 2026)
 */
export const MUTATIONS = ['ALTER UPDATE', 'ALTER DELETE'] as const;

/**
 * The privileges that can be granted: those that end at the data of a database.
 *
 * Not on the list, on purpose: `ALL`, everything that manages access (`CREATE USER`, `ROLE ADMIN`, `SHOW ACCESS`, ...), `SYSTEM`, `SOURCES`
 * (see `sources.ts`), `CREATE TEMPORARY TABLE` (which opens `executable()`; `CREATE TABLE` implies it, so for whoever holds that the empty,
 * root-owned scripts folder is what is left between them and running a program), `CREATE DICTIONARY` (a dictionary is loaded by the server,
 * not by who made it), `ALTER SETTINGS`, `ALTER FETCH PARTITION` and `ALTER FREEZE PARTITION`, `CREATE FUNCTION`, `BACKUP`, `KILL QUERY`,
 * `INTROSPECTION`, `NAMED COLLECTION`, `displaySecretsInShowAndSelect`, `CLUSTER`, `CREATE DATABASE` and `DROP DATABASE`.
 *
 * `CREATE TABLE` lets its holder learn more than it says, where a table engine is granted with it: see `schema-owner.ts`.
 *
 * @see https://clickhouse.com/docs/sql-reference/statements/grant
 */
export const GRANTABLE_PRIVILEGES = [
  ...ON_COLUMNS,
  ...ON_DATABASES,
  ...MUTATIONS,
  'SHOW TABLES',
  'ALTER COLUMN',
  'ALTER INDEX',
  'ALTER TTL',
  'ALTER CONSTRAINT',
  'ALTER PROJECTION',
  'ALTER MODIFY COMMENT',
  'CREATE TABLE',
  'CREATE VIEW',
  'DROP TABLE',
  'DROP VIEW',
  'TRUNCATE',
  'OPTIMIZE',
] as const;

// plain names only: a wildcard, a quote or a dot would be read as something else.
const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]{0,126}$/;

/** The databases of the server itself, in whatever case. */
const SYSTEM_DATABASES = ['system', 'information_schema', '_temporary_and_external_tables'];

/** Checks the name of a database that belongs to users. */
export function checkedDatabase(name: unknown): string {
  const checked = checkedIdentifier('database', name);
  if (SYSTEM_DATABASES.includes(checked.toLowerCase())) {
    throw new ConfigurationError('SystemDatabase', `the database '${checked}' is the server's own and holds everybody's query texts; name a database of yours`);
  }
  return checked;
}

/** Renders a grant as the statement that stands in a user's document. */
export function grantStatement(grant: GrantModel): string {
  const database = checkedDatabase(grant.database);
  const tables = target(grant, database);
  if (!Array.isArray(grant.privileges) || grant.privileges.length === 0) {
    throw new ConfigurationError('Privilege', `a grant on '${database}' must name at least one privilege, got none; use ${GRANTABLE_PRIVILEGES.join(', ')}`);
  }
  const columns = (grant.columns ?? []).map((column) => quoted(checkedIdentifier('column', column)));
  if (grant.columns !== undefined && (columns.length === 0 || grant.table === undefined)) {
    throw new ConfigurationError(
      'GrantColumns',
      `the columns of a grant on '${database}' must be at least one and of one table; leave 'columns' out to mean every column`,
    );
  }
  const privileges = [...new Set(grant.privileges)].map((privilege) => {
    checkPrivilege(grant, privilege);
    return columns.length === 0 ? privilege : `${privilege}(${columns.join(', ')})`;
  });
  return `GRANT ${privileges.join(', ')} ON ${tables}`;
}

/**
 * The tables of a grant. A prefix is written outside the quotes, where alone it is one.
 *
 * There is no prefix of databases: which databases there are is declared, so they can be named, and ClickHouse reads `a*.b` as `a.b*`
 * (https://github.com/ClickHouse/ClickHouse/issues/104864).
 *
 * @see https://clickhouse.com/docs/sql-reference/statements/grant#wildcard-grants (since 24.10)
 */
function target({ table, tablePrefix }: GrantModel, database: string): string {
  if (table !== undefined && tablePrefix !== undefined) {
    throw new ConfigurationError('GrantTables', `a grant on '${database}' must have a 'table' or a 'tablePrefix', got both; make it two grants`);
  }
  if (tablePrefix !== undefined) return `${quoted(database)}.${quoted(checkedIdentifier('table prefix', tablePrefix))}*`;
  return `${quoted(database)}.${table === undefined ? '*' : quoted(checkedIdentifier('table', table))}`;
}

function checkPrivilege(grant: GrantModel, privilege: string): void {
  const { database } = grant;
  if (!includes(GRANTABLE_PRIVILEGES, privilege)) {
    throw new ConfigurationError('Privilege', `${JSON.stringify(privilege)} cannot be granted on '${database}'; grantable are ${GRANTABLE_PRIVILEGES.join(', ')}`);
  }
  if (includes(ON_DATABASES, privilege) && (grant.table !== undefined || grant.tablePrefix !== undefined)) {
    throw new ConfigurationError('Privilege', `'${privilege}' is granted on a database, not on tables of '${database}'; leave 'table' and 'tablePrefix' out`);
  }
  if (grant.columns !== undefined && !includes(ON_COLUMNS, privilege)) {
    throw new ConfigurationError(
      'GrantColumns',
      `'${privilege}' cannot be limited to columns; only ${ON_COLUMNS.join(', ')} can, so make it a grant of its own`,
    );
  }
  if (includes(MUTATIONS, privilege) && grant.mutationsReadEverything !== true) {
    throw new ConfigurationError(
      'MutationReadsEverything',
      `'${privilege}' on '${database}' lets its holder read every table of the server, whatever its database, because ClickHouse runs mutations with its own rights (https://github.com/ClickHouse/ClickHouse/issues/107588); set 'mutationsReadEverything' to accept that, or let a TTL delete rows`,
    );
  }
}

/** What a user without grants gets. Leaving grants out would give almost every right there is. */
export const GRANT_NOTHING = 'GRANT NONE ON *.*';

/** Checks the name of something in a database: what is left needs no escaping anywhere. */
export function checkedIdentifier(what: string, name: unknown): string {
  if (typeof name !== 'string' || !IDENTIFIER.test(name)) {
    throw new ConfigurationError(
      'Identifier',
      `the name of a ${what} must be a letter or '_', then letters, digits or '_', at most 127, got ${JSON.stringify(name)}`,
    );
  }
  return name;
}

/** A checked name as SQL reads it. */
export function quoted(identifier: string): string {
  return '`' + identifier + '`';
}

function includes(list: readonly string[], value: unknown): boolean {
  return typeof value === 'string' && list.includes(value);
}
