import * as fc from 'fast-check';
import { grantStatements } from '../../lib/config/any-grant';
import { ConfigurationError } from '../../lib/config/error';
import { schemaOwner } from '../../lib/config/schema-owner';
import { GRANTABLE_ENGINES, REFUSED_ENGINES, tableEngineStatements } from '../../lib/config/table-engines';
import { codeOf } from './oracle';

test('everything on one database, and engines that keep their own data', () => {
  const [onTables, ...onEngines] = grantStatements(schemaOwner('events'));
  expect(onTables).toMatch(/^GRANT SELECT, INSERT, [A-Z, ]+ ON `events`\.\*$/);
  expect(onTables).not.toMatch(/ALTER UPDATE|ALTER DELETE|DICTIONARY|TEMPORARY|DATABASE(?!S)/);
  expect(onEngines).toContain('GRANT TABLE ENGINE ON ReplicatedReplacingMergeTree');
  expect(onEngines).toHaveLength(21);
  for (const statement of onEngines) expect(statement).toMatch(/^GRANT TABLE ENGINE ON ((Replicated)?[A-Za-z]*MergeTree|Memory|Null|Set|Join|(Tiny|Stripe|)Log)$/);
});

test('what reaches further is asked for by name', () => {
  expect(grantStatements(schemaOwner('events', { mutationsReadEverything: true }))[0]).toMatch(/ALTER UPDATE, ALTER DELETE/);
  expect(grantStatements(schemaOwner('events', { distributedTablesShowColumns: true }))).toContain('GRANT TABLE ENGINE ON Distributed');
});

test('a database of the server has no owner', () => {
  expect(codeOf(() => grantStatements(schemaOwner('system')))).toBe('SystemDatabase');
});

test.each(Object.keys(REFUSED_ENGINES))('the engine %s is refused with a reason', (engine) => {
  expect(GRANTABLE_ENGINES).not.toContain(engine);
  expect(codeOf(() => tableEngineStatements({ tableEngines: ['MergeTree', engine] }))).toBe('TableEngine');
  expect(() => tableEngineStatements({ tableEngines: [engine] })).toThrow(/cannot be granted: .{8}/);
});

test('anything that is not on the list is an error', () => {
  expect(codeOf(() => tableEngineStatements({ tableEngines: [] }))).toBe('TableEngine');
  for (const engine of ['', '*', 'mergetree', 'MergeTree ', 'MergeTree, URL', 'Replicated', 'Atomic', 'Lazy', 'toString', '__proto__']) expect(codeOf(() => tableEngineStatements({ tableEngines: [engine] }))).toBe('TableEngine');
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (engine) => {
    expect(() => tableEngineStatements({ tableEngines: [engine] })).toThrow(ConfigurationError);
  }));
});

test('statements are said once, in order', () => {
  expect(grantStatements([...schemaOwner('a'), ...schemaOwner('b')]).filter((statement) => statement.endsWith(' Memory'))).toHaveLength(1);
  expect(grantStatements([])).toEqual([]);
});
