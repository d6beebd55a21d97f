import * as fc from 'fast-check';
import { ConfigurationError } from '../../lib/config/error';
import type { GrantModel } from '../../lib/config/grants';
import { GRANTABLE_PRIVILEGES, MUTATIONS, checkedDatabase, grantStatement } from '../../lib/config/grants';
import { codeOf } from './oracle';

test.each<[GrantModel, string]>([
  [{ privileges: ['SELECT'], database: 'events' }, 'GRANT SELECT ON `events`.*'],
  [{ privileges: ['SELECT', 'INSERT', 'SELECT'], database: 'events', table: 'clicks' }, 'GRANT SELECT, INSERT ON `events`.`clicks`'],
  [{ privileges: ['SELECT'], database: '_e', table: 'Clicks_2', columns: ['a', 'b'] }, 'GRANT SELECT(`a`, `b`) ON `_e`.`Clicks_2`'],
  [{ privileges: ['SELECT', 'CREATE TABLE'], database: 'events', tablePrefix: 'raw_' }, 'GRANT SELECT, CREATE TABLE ON `events`.`raw_`*'],
  [{ privileges: ['ALTER DELETE'], database: 'events', mutationsReadEverything: true }, 'GRANT ALTER DELETE ON `events`.*'],
])('%j', (grant, statement) => {
  expect(grantStatement(grant)).toBe(statement);
});

test.each([
  'ALL', 'ALL PRIVILEGES', 'NONE', 'USAGE', 'ACCESS MANAGEMENT', 'CREATE USER', 'ALTER USER', 'DROP USER', 'CREATE ROLE', 'ROLE ADMIN', 'CREATE ROW POLICY', 'CREATE QUOTA',
  'CREATE SETTINGS PROFILE', 'SHOW ACCESS', 'SHOW USERS', 'IMPERSONATE', 'SYSTEM', 'SYSTEM SHUTDOWN', 'SYSTEM RELOAD CONFIG', 'SOURCES', 'URL', 'S3', 'FILE', 'REMOTE', 'READ', 'WRITE',
  'MYSQL', 'CREATE TEMPORARY TABLE', 'CREATE ARBITRARY TEMPORARY TABLE', 'CREATE FUNCTION', 'CREATE DATABASE', 'DROP DATABASE', 'CREATE', 'DROP', 'ALTER', 'BACKUP', 'KILL QUERY',
  'INTROSPECTION', 'addressToLine', 'NAMED COLLECTION', 'displaySecretsInShowAndSelect', 'CLUSTER', 'TABLE ENGINE', 'SET DEFINER', 'ALLOW SQL SECURITY NONE', 'ALTER MOVE PARTITION', 'ALTER FETCH PARTITION', 'SHOW',
  'select', 'SELECT ', 'SELECT, ALL', 'SELECT ON *.* TO ingest WITH GRANT OPTION --', 'SELECT\n', '', 'toString', '__proto__', 'CREATE DICTIONARY', 'DROP DICTIONARY', 'dictGet', 'ALTER', 'ALTER TABLE', 'ALTER VIEW', 'ALTER VIEW MODIFY QUERY', 'ALTER VIEW MODIFY SQL SECURITY', 'ALTER SETTINGS',
  'ALTER FREEZE PARTITION', 'MOVE PARTITION BETWEEN SHARDS', 'UNDROP TABLE', 'CREATE WORKLOAD', 'CREATE TEMPORARY VIEW', 'CHECK', 'MASKING POLICY',
])('%j cannot be granted', (privilege) => {
  expect(codeOf(() => grantStatement({ privileges: ['SELECT', privilege], database: 'events' }))).toBe('Privilege');
});

test('the list has no privilege that reaches beyond data', () => {
  for (const privilege of GRANTABLE_PRIVILEGES) {
    expect(privilege).not.toMatch(/\b(ALL|USER|ROLE|POLICY|QUOTA|PROFILE|SYSTEM|SOURCE|ADMIN|DATABASE|TEMPORARY|FUNCTION|BACKUP|KILL|CLUSTER|COLLECTION|ACCESS|PARTITION)\b/);
  }
});

test('identifiers cannot leave their quotes', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('database', 'table', 'tablePrefix', 'column', 'privilege'), (text, where) => {
    const grant = {
      privileges: [where === 'privilege' ? text : 'SELECT'], database: where === 'database' ? text : 'd',
      ...(where === 'tablePrefix' ? { tablePrefix: text } : { table: where === 'table' ? text : 't', columns: [where === 'column' ? text : 'c'] }),
    };
    let statement: string;
    try {
      statement = grantStatement(grant);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigurationError);
      return;
    }
    const name = `\`${text}\``;
    expect(statement).toBe({
      database: `GRANT SELECT(\`c\`) ON ${name}.\`t\``, table: `GRANT SELECT(\`c\`) ON \`d\`.${name}`, column: `GRANT SELECT(${name}) ON \`d\`.\`t\``,
      tablePrefix: `GRANT SELECT ON \`d\`.${name}*`, privilege: `GRANT ${text}(\`c\`) ON \`d\`.\`t\``,
    }[where]);
    expect(text).toMatch(where === 'privilege' ? /^[A-Z ]+$/ : /^\w+$/);
  }));
});

test.each(['*', 'a.b', 'a`b', "a'b", 'a b', 'a*', '1a', 'a;b', 'a--', 'a/*', 'é', '', 'a\n', 'a'.repeat(128), 5, null])('%j is not an identifier', (bad) => {
  expect(codeOf(() => grantStatement({ privileges: ['SELECT'], database: bad as string }))).toBe('Identifier');
  expect(codeOf(() => grantStatement({ privileges: ['SELECT'], database: 'd', table: bad as string }))).toBe('Identifier');
  expect(codeOf(() => grantStatement({ privileges: ['SELECT'], database: 'd', tablePrefix: bad as string }))).toBe('Identifier');
  expect(codeOf(() => grantStatement({ privileges: ['SELECT'], database: 'd', table: 't', columns: [bad as string] }))).toBe('Identifier');
});

test.each(['system', 'SYSTEM', 'information_schema', 'INFORMATION_SCHEMA', 'Information_Schema'])('the database %s is the server own', (database) => {
  expect(codeOf(() => grantStatement({ privileges: ['SELECT'], database }))).toBe('SystemDatabase');
  expect(codeOf(() => checkedDatabase(database))).toBe('SystemDatabase');
});

test.each<[string, GrantModel, string]>([
  ['no privilege', { privileges: [], database: 'd' }, 'Privilege'],
  ['no columns', { privileges: ['SELECT'], database: 'd', table: 't', columns: [] }, 'GrantColumns'],
  ['columns of no table', { privileges: ['SELECT'], database: 'd', columns: ['c'] }, 'GrantColumns'],
  ['columns of a privilege without', { privileges: ['SELECT', 'OPTIMIZE'], database: 'd', table: 't', columns: ['c'] }, 'GrantColumns'],
  ['databases on tables', { privileges: ['SHOW DATABASES'], database: 'd', tablePrefix: 't' }, 'Privilege'],
  ['columns of tables that start alike', { privileges: ['SELECT'], database: 'd', tablePrefix: 't', columns: ['c'] }, 'GrantColumns'],
  ['a table and a prefix', { privileges: ['SELECT'], database: 'd', table: 't', tablePrefix: 't' }, 'GrantTables'],
  ['a prefix of nothing', { privileges: ['SELECT'], database: 'd', tablePrefix: '' }, 'Identifier'],
  ['a mutation that nobody accepts', { privileges: ['SELECT', 'ALTER UPDATE'], database: 'd' }, 'MutationReadsEverything'],
  ['the other one', { privileges: ['ALTER DELETE'], database: 'd', mutationsReadEverything: false }, 'MutationReadsEverything'],
  ['one on columns', { privileges: ['ALTER UPDATE'], database: 'd', table: 't', columns: ['c'], mutationsReadEverything: true }, 'GrantColumns'],
  ['databases on a table', { privileges: ['SHOW DATABASES'], database: 'd', table: 't' }, 'Privilege'],
])('%s is refused', (_, grant, code) => {
  expect(codeOf(() => grantStatement(grant))).toBe(code);
});

test('what a mutation may read is said where it is refused', () => {
  for (const privilege of MUTATIONS) expect(() => grantStatement({ privileges: [privilege], database: 'd' })).toThrow(/every table of the server.*issues\/107588.*mutationsReadEverything/);
});
