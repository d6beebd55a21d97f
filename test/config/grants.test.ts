import * as fc from 'fast-check';
import type { GrantModel } from '../../lib/config/grants';
import { GRANTABLE_PRIVILEGES, checkedDatabase, grantStatement } from '../../lib/config/grants';
import { codeOf } from './oracle';

test.each<[GrantModel, string]>([
  [{ privileges: ['SELECT'], database: 'events' }, 'GRANT SELECT ON `events`.*'],
  [{ privileges: ['SELECT', 'INSERT', 'SELECT'], database: 'events', table: 'clicks' }, 'GRANT SELECT, INSERT ON `events`.`clicks`'],
  [{ privileges: ['SELECT'], database: '_e', table: 'Clicks_2', columns: ['a', 'b'] }, 'GRANT SELECT(`a`, `b`) ON `_e`.`Clicks_2`'],
])('%j', (grant, statement) => {
  expect(grantStatement(grant)).toBe(statement);
});

test.each([
  'ALL', 'ALL PRIVILEGES', 'NONE', 'USAGE', 'ACCESS MANAGEMENT', 'CREATE USER', 'ALTER USER', 'DROP USER', 'CREATE ROLE', 'ROLE ADMIN', 'CREATE ROW POLICY', 'CREATE QUOTA',
  'CREATE SETTINGS PROFILE', 'SHOW ACCESS', 'SHOW USERS', 'IMPERSONATE', 'SYSTEM', 'SYSTEM SHUTDOWN', 'SYSTEM RELOAD CONFIG', 'SOURCES', 'URL', 'S3', 'FILE', 'REMOTE', 'READ', 'WRITE',
  'MYSQL', 'CREATE TEMPORARY TABLE', 'CREATE ARBITRARY TEMPORARY TABLE', 'CREATE FUNCTION', 'CREATE DATABASE', 'DROP DATABASE', 'CREATE', 'DROP', 'ALTER', 'BACKUP', 'KILL QUERY',
  'INTROSPECTION', 'addressToLine', 'NAMED COLLECTION', 'displaySecretsInShowAndSelect', 'CLUSTER', 'TABLE ENGINE', 'SET DEFINER', 'ALLOW SQL SECURITY NONE', 'ALTER MOVE PARTITION', 'ALTER FETCH PARTITION', 'SHOW',
  'select', 'SELECT ', 'SELECT, ALL', 'SELECT ON *.* TO ingest WITH GRANT OPTION --', 'SELECT\n', '', 'toString', '__proto__',
])('%j cannot be granted', (privilege) => {
  expect(codeOf(() => grantStatement({ privileges: ['SELECT', privilege], database: 'events' }))).toBe('Privilege');
});

test('the list has no privilege that reaches beyond data', () => {
  for (const privilege of GRANTABLE_PRIVILEGES) {
    expect(privilege).not.toMatch(/\b(ALL|USER|ROLE|POLICY|QUOTA|PROFILE|SYSTEM|SOURCE|ADMIN|DATABASE|TEMPORARY|FUNCTION|BACKUP|KILL|CLUSTER|COLLECTION|ACCESS|PARTITION)\b/);
  }
});

test('identifiers cannot leave their quotes', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.constantFrom('database', 'table', 'column'), (text, where) => {
    const grant = { privileges: ['SELECT'], database: where === 'database' ? text : 'd', table: where === 'table' ? text : 't', columns: [where === 'column' ? text : 'c'] };
    let statement: string;
    try {
      statement = grantStatement(grant);
    } catch {
      return;
    }
    expect(statement).toMatch(/^GRANT SELECT\(`\w+`\) ON `\w+`\.`\w+`$/);
  }));
});

test.each(['*', 'a.b', 'a`b', "a'b", 'a b', 'a*', '1a', 'a;b', 'a--', 'a/*', 'é', '', 'a\n', 'a'.repeat(128), 5, null])('%j is not an identifier', (bad) => {
  expect(codeOf(() => grantStatement({ privileges: ['SELECT'], database: bad as string }))).toBe('Identifier');
  expect(codeOf(() => grantStatement({ privileges: ['SELECT'], database: 'd', table: bad as string }))).toBe('Identifier');
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
  ['databases on a table', { privileges: ['SHOW DATABASES'], database: 'd', table: 't' }, 'Privilege'],
])('%s is refused', (_, grant, code) => {
  expect(codeOf(() => grantStatement(grant))).toBe(code);
});
