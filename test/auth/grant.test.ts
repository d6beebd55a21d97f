import { grantStatements } from '../../lib/config/any-grant';
import { GRANTABLE_PRIVILEGES } from '../../lib/config/grants';
import { Grant, Privilege, Source } from '../../lib';
import { singleNode } from '../cluster/stacks';

const { cluster } = singleNode({ settings: { remoteUrlAllowHosts: ['feeds.example.com'] } });
const events = cluster.addDatabase('events');
const sql = (grant: Grant): string[] => grantStatements(grant._models());

test('every privilege that can be granted has its name, and no other', () => {
  const named = Object.values(Privilege as unknown as Record<string, Privilege>).map((privilege) => privilege.sql);
  expect(named.sort()).toEqual([...GRANTABLE_PRIVILEGES].sort());
});

test.each<[string, Grant, string[]]>([
  ['every table', Grant.selectFrom(events.tables('*')), ['GRANT SELECT ON `events`.*']],
  ['one table', Grant.insertInto(events.tables('clicks')), ['GRANT INSERT ON `events`.`clicks`']],
  ['tables that start alike', Grant.selectFrom(events.tables('raw_*')), ['GRANT SELECT ON `events`.`raw_`*']],
  ['columns', Grant.selectFrom(events.tables('clicks'), { columns: ['at', 'page'] }), ['GRANT SELECT(`at`, `page`) ON `events`.`clicks`']],
  ['several privileges', Grant.of([Privilege.OPTIMIZE, Privilege.TRUNCATE], events.tables('clicks')), ['GRANT OPTIMIZE, TRUNCATE ON `events`.`clicks`']],
])('%s', (_, grant, statements) => {
  expect(sql(grant)).toEqual(statements);
});

test('a schema owner has its database and engines that keep data in the server, and no mutation unless it is accepted by name', () => {
  const text = sql(Grant.schemaOwner(events)).join('\n');
  expect(text).toContain('CREATE TABLE');
  expect(text).toContain('GRANT TABLE ENGINE ON ReplicatedMergeTree');
  expect(text).not.toMatch(/ALTER UPDATE|ALTER DELETE|Distributed|ENGINE ON (?:URL|S3|File|Merge$|Buffer)/m);
  expect(sql(Grant.schemaOwner(events, { mutationsReadEverything: true, distributedTablesShowColumns: true })).join('\n')).toMatch(/ALTER UPDATE[^]*Distributed/);
});

test('sources are exact addresses, read and written apart', () => {
  const source = Source.url('https://feeds.example.com/daily/');
  expect(sql(Grant.readSource(source))[0]).toMatch(/^GRANT READ ON URL\('https:\/\/feeds\[\.\]example\[\.\]com\/daily\//);
  expect(sql(Grant.writeSource(Source.s3('https://feeds.s3.eu-west-1.amazonaws.com/daily/')))[0]).toMatch(/^GRANT WRITE ON S3\(/);
});

test.each(['', '*.*', 'a*b', '*raw', 'a.b', 'a`b', "a'; DROP", 'a b', '**'])('fails for tables(%j)', (pattern) => {
  expect(() => events.tables(pattern)).toThrow(/\[Test\/Analytics\/Databases\/events\]/);
});

test.each([
  ['a mutation that is not accepted', () => cluster.addUser('one', { grants: [Grant.of([Privilege.ALTER_DELETE], events.tables('*'))] }), /mutationsReadEverything/],
  ['no privilege', () => cluster.addUser('two', { grants: [Grant.of([], events.tables('*'))] }), /at least one privilege/],
  ['an address that is none', () => cluster.addUser('three', { grants: [Grant.readSource(Source.url('http://feeds.example.com/'))] }), /must be https:\/\//],
  ['columns of every table', () => cluster.addUser('four', { grants: [Grant.selectFrom(events.tables('*'), { columns: ['a'] })] }), /of one table/],
  ['a role without grants', () => cluster.addRole('five', { grants: [] }), /at least one grant/],
  ['a system database', () => cluster.addDatabase('system'), /server's own/],
  ['a database twice', () => cluster.addDatabase('again', { databaseName: 'events' }), /declared twice/],
])('fails for %s', (_, declare, message) => {
  expect(declare).toThrow(message);
});

test('fails at synthesis for a source that the servers do not reach', () => {
  const { cluster: closed, template } = singleNode();
  closed.addUser('feeds', { grants: [Grant.readSource(Source.url('https://feeds.example.com/daily/'))] });
  expect(template).toThrow(/the servers reach no such host: 'remoteUrlAllowHosts' is \[\]; add 'feeds.example.com' \[Test\/Analytics\]/);
});
