import { ConfigurationError } from './error';

/**
 * What a user may do on one table or one database. A closed vocabulary, not SQL: what cannot be said cannot be granted.
 */
export interface GrantModel {
  /** Names from {@link GRANTABLE_PRIVILEGES}, such as `SELECT`. */
  readonly privileges: string[];
  /** The database. The system databases are refused. */
  readonly database: string;
  /**
   * The table.
   *
   * @default - every table of the database
   */
  readonly table?: string;
  /**
   * The columns, for `SELECT`, `INSERT` and `SHOW COLUMNS`.
   *
   * @default - every column
   */
  readonly columns?: string[];
}

/** Privileges on columns. */
const ON_COLUMNS = ['SELECT', 'INSERT', 'SHOW COLUMNS'] as const;

/** Privileges that make no sense on one table. */
const ON_DATABASES = ['SHOW DATABASES'] as const;

/**
 * The privileges that can be granted: those that end at the data of a database.
 *
 * Not on the list, on purpose: `ALL`, everything that manages access (`CREATE USER`, `ROLE ADMIN`, `SHOW ACCESS`, ...), `SYSTEM`, `SOURCES`
 * and `READ`/`WRITE ON` a source, `CREATE TEMPORARY TABLE` (which opens `executable()`; `CREATE TABLE` implies it, so for whoever holds that
 * the empty, root-owned scripts folder is what is left between them and running a program), `CREATE FUNCTION`, `BACKUP`, `KILL QUERY`,
 * `INTROSPECTION`, `NAMED COLLECTION`, `displaySecretsInShowAndSelect`, `CLUSTER`, `CREATE DATABASE` and `DROP DATABASE`.
 *
 * @see https://clickhouse.com/docs/sql-reference/statements/grant
 */
export const GRANTABLE_PRIVILEGES = [
  ...ON_COLUMNS,
  ...ON_DATABASES,
  'SHOW TABLES',
  'ALTER UPDATE',
  'ALTER DELETE',
  'ALTER COLUMN',
  'ALTER INDEX',
  'ALTER TTL',
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
  const table = grant.table === undefined ? '*' : quoted(checkedIdentifier('table', grant.table));
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
    if (!includes(GRANTABLE_PRIVILEGES, privilege)) {
      throw new ConfigurationError(
        'Privilege',
        `${JSON.stringify(privilege)} cannot be granted on '${database}'; grantable are ${GRANTABLE_PRIVILEGES.join(', ')}`,
      );
    }
    if (grant.table !== undefined && includes(ON_DATABASES, privilege)) {
      throw new ConfigurationError('Privilege', `'${privilege}' is granted on a database, not on the table '${database}.${grant.table}'; leave 'table' out`);
    }
    if (columns.length === 0) return privilege;
    if (!includes(ON_COLUMNS, privilege)) {
      throw new ConfigurationError(
        'GrantColumns',
        `'${privilege}' cannot be limited to columns; only ${ON_COLUMNS.join(', ')} can, so make it a grant of its own`,
      );
    }
    return `${privilege}(${columns.join(', ')})`;
  });
  return `GRANT ${privileges.join(', ')} ON ${quoted(database)}.${table}`;
}

/** What a user without grants gets. Leaving grants out would give almost every right there is. */
export const GRANT_NOTHING = 'GRANT NONE ON *.*';

function checkedIdentifier(what: string, name: unknown): string {
  if (typeof name !== 'string' || !IDENTIFIER.test(name)) {
    throw new ConfigurationError(
      'Identifier',
      `the name of a ${what} must be a letter or '_', then letters, digits or '_', at most 127, got ${JSON.stringify(name)}`,
    );
  }
  return name;
}

function quoted(identifier: string): string {
  return '`' + identifier + '`';
}

function includes(list: readonly string[], value: unknown): boolean {
  return typeof value === 'string' && list.includes(value);
}
