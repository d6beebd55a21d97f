import { applyFirewall, closeToClients, drainRules, firewallHolds, firewallRules, isFirewall, METADATA_ADDRESSES, openToClients } from '../../../lib/agent/machine/firewall';
import { FakePrograms } from './fake-programs';
import type { Listing } from './nft-listing';
import { firewallListing } from './nft-listing';

const UID = 8123;

test('the rules, as nft reads them', () => {
  expect(firewallRules(UID)).toBe(`table inet clickhouse_agent
delete table inet clickhouse_agent
table inet clickhouse_agent {
  chain output {
    type filter hook output priority filter; policy accept;
    meta skuid 8123 ip daddr 169.254.169.254 reject with icmpx admin-prohibited
    meta skuid 8123 ip daddr 169.254.170.2 reject with icmpx admin-prohibited
    meta skuid 8123 ip daddr 169.254.170.23 reject with icmpx admin-prohibited
    meta skuid 8123 ip6 daddr fd00:ec2::254 reject with icmpx admin-prohibited
    meta skuid 8123 ip6 daddr fd00:ec2::23 reject with icmpx admin-prohibited
  }
}
`);
  expect(drainRules([8443, 9440])).toBe(`table inet clickhouse_drain
delete table inet clickhouse_drain
table inet clickhouse_drain {
  chain input {
    type filter hook input priority filter; policy accept;
    iifname != "lo" tcp dport { 8443, 9440 } tcp flags & (fin | syn | rst | ack) == syn reject with tcp reset
  }
}
`);
});

test.each([0, -1, 1.5, NaN, Infinity])('no rules for the user %s', (uid) => {
  expect(() => firewallRules(uid)).toThrow('the id of a user who is not root');
});

test.each([[[]], [[0]], [[65_536]], [[8443, 1.5]], [[NaN]]])('no draining of the ports %j', (ports) => {
  expect(() => drainRules(ports)).toThrow(/port/);
});

const listing = (uid = UID): Listing => firewallListing(uid);

test('what nft prints for the rules is the firewall, in whatever order it prints the parts of a comparison', () => {
  expect(isFirewall(JSON.stringify(listing()), UID)).toBe(true);
  const turned = listing();
  for (const { rule } of turned.nftables) {
    if (rule) rule.expr = (rule.expr as { match?: Record<string, unknown> }[]).map(({ match, ...rest }) => (match ? { match: Object.fromEntries(Object.entries(match).reverse()) } : rest));
  }
  expect(isFirewall(JSON.stringify(turned), UID)).toBe(true);
});

/** The parts of a listing that an attack changes. */
const at = (all: Listing, i: number, kind: string): Record<string, unknown> => {
  const found = all.nftables[i]?.[kind];
  if (!found) throw new Error(`no ${kind} at ${i}`);
  return found;
};
const expression = (all: Listing, i: number): Record<string, Record<string, unknown>>[] => at(all, i + 3, 'rule').expr as Record<string, Record<string, unknown>>[];

test.each<[string, (all: Listing) => unknown]>([
  ...METADATA_ADDRESSES.map((address, i): [string, (all: Listing) => unknown] => [`without the rule for ${address}`, (all) => all.nftables.splice(i + 3, 1)]),
  ['with one rule twice in the place of another', (all) => all.nftables.splice(4, 1, JSON.parse(JSON.stringify(all.nftables[3])) as Listing['nftables'][0])],
  ['with a rule before that accepts everything', (all) => all.nftables.splice(3, 0, { rule: { chain: 'output', expr: [{ accept: {} }] } })],
  ['with a rule after', (all) => all.nftables.push({ rule: { chain: 'output', expr: [{ accept: {} }] } })],
  ['with a map besides', (all) => all.nftables.push({ map: { name: 'x' } })],
  ['asleep', (all) => (at(all, 1, 'table').flags = 'dormant')],
  ['of another family', (all) => (at(all, 1, 'table').family = 'ip')],
  ['of another name', (all) => (at(all, 1, 'table').name = 'other')],
  ['without a table', (all) => all.nftables.splice(1, 1)],
  ['without a chain', (all) => all.nftables.splice(2, 1)],
  ['with a chain that is on no hook', (all) => delete at(all, 2, 'chain').hook],
  ['with a chain on the other hook', (all) => (at(all, 2, 'chain').hook = 'input')],
  ['with a chain of another type', (all) => (at(all, 2, 'chain').type = 'nat')],
  ['with a chain at another place', (all) => (at(all, 2, 'chain').prio = 400)],
  ['with a rule in another chain', (all) => (at(all, 3, 'rule').chain = 'other')],
  ['for another user', (all) => Object.assign(expression(all, 0)[0]?.match ?? {}, { right: 8124 })],
  ['for everybody but the user', (all) => Object.assign(expression(all, 0)[0]?.match ?? {}, { op: '!=' })],
  ['by group', (all) => Object.assign(expression(all, 0)[0]?.match ?? {}, { left: { meta: { key: 'skgid' } } })],
  ['for another address', (all) => Object.assign(expression(all, 0)[1]?.match ?? {}, { right: '169.254.169.253' })],
  ['for every other address', (all) => Object.assign(expression(all, 0)[1]?.match ?? {}, { op: '!=' })],
  ['by where it comes from', (all) => Object.assign(expression(all, 0)[1]?.match ?? {}, { left: { payload: { protocol: 'ip', field: 'saddr' } } })],
  ['with a comparison of one more part', (all) => Object.assign(expression(all, 0)[1]?.match ?? {}, { mask: 1 })],
  ['with a verdict that accepts', (all) => expression(all, 0).splice(2, 1, { accept: {} })],
  ['with one more condition', (all) => expression(all, 0).splice(1, 0, { match: { op: '==', left: {}, right: 80 } })],
  ['with more after the verdict', (all) => expression(all, 0).push({ accept: {} })],
  ['with no expression', (all) => delete at(all, 3, 'rule').expr],
  ['with expressions that are nothing', (all) => (at(all, 3, 'rule').expr = [null, null, null])],
])('a table %s does not hold', (_, attack) => {
  const all = listing();
  attack(all);
  expect(isFirewall(JSON.stringify(all), UID)).toBe(false);
});

test.each(['', 'null', '[]', '{}', '{"nftables":null}', '{"nftables":[]}', '{"nftables":[null,1,"x",[]]}', 'table inet clickhouse_agent', '{"nftables":[{"table":{}}'])('%j is no firewall', (text) => {
  expect(isFirewall(text, UID)).toBe(false);
});

test('the table is given to nft by its standard input, and looked at afterwards', async () => {
  const programs = new FakePrograms(({ args }) => (args.includes('list') ? { stdout: JSON.stringify(listing()) } : undefined));
  await applyFirewall(programs, UID);
  expect(programs.lines).toEqual(['/usr/sbin/nft --file -', '/usr/sbin/nft --json list table inet clickhouse_agent']);
  expect(programs.calls[0]?.options.input).toBe(firewallRules(UID));
});

test('nft that fails, or takes the rules and has others, is a failure', async () => {
  await expect(applyFirewall(new FakePrograms(() => ({ code: 1, stderr: 'Error: no' })), UID)).rejects.toThrow('nft --file - ended with 1: Error: no');
  const other = new FakePrograms(({ args }) => (args.includes('list') ? { stdout: JSON.stringify(listing(8124)) } : undefined));
  await expect(applyFirewall(other, UID)).rejects.toThrow('ClickHouse must not run');
});

/** Word for word what nft says, see `namespace.test.ts`. */
const ABSENT = 'Error: No such file or directory\nlist table inet clickhouse_agent\n                ^^^^^^^^^^^^^^^^\n';

test('a table that is there holds, and one that nft does not know does not', async () => {
  expect(await firewallHolds(new FakePrograms(() => ({ stdout: JSON.stringify(listing()) })), UID)).toBe(true);
  expect(await firewallHolds(new FakePrograms(() => ({ code: 1, stderr: ABSENT })), UID)).toBe(false);
  const similar = ABSENT.replace('directory', 'directory; did you mean table ‘clickhouse_agents’ in family inet?');
  expect(await firewallHolds(new FakePrograms(() => ({ code: 1, stderr: similar })), UID)).toBe(false);
});

test.each<[string, number, string, string]>([
  ['may not', 1, 'Operation not permitted (you must be root)\nnetlink: Error: cache initialization failed: Operation not permitted\n', 'ended with 1: Operation not permitted (you must be root) netlink: Error: cache'],
  ['misses a file of its own', 1, 'internal:0:0-0: Error: Could not open file "/x": No such file or directory\n', 'ended with 1: internal:0:0-0: Error: Could not open file'],
  ['gets that error from the kernel', 1, 'netlink: Error: cache initialization failed: No such file or directory\n', 'ended with 1: netlink: Error'],
  ['says it of another table', 1, ABSENT.replace('agent', 'drain'), 'ended with 1: Error: No such file or directory list table inet clickhouse_drain'],
  ['says it after something else', 1, `netlink: Error: cache initialization failed: Protocol not supported\n${ABSENT}`, 'ended with 1: netlink: Error'],
  ['does not run', 127, 'nft: error while loading shared libraries: libnftables.so.1: No such file or directory\n', 'ended with 127: nft: error while loading'],
  ['says nothing', 1, '', 'ended with 1: it said nothing'],
  ['goes on and on', 1, 'x'.repeat(100_000), `ended with 1: ${'x'.repeat(300)}`],
])('nft that %s has not said that the rules are gone', async (_, code, stderr, said) => {
  // also when it prints them.
  for (const stdout of ['', JSON.stringify(listing())]) {
    const error: unknown = await firewallHolds(new FakePrograms(() => ({ code, stdout, stderr })), UID).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringContaining(`nft cannot say whether ClickHouse is kept from the metadata service: it ${said}`) as string });
    expect((error as Error).message.length).toBeLessThan(420);
  }
});

test('closing and opening are one transaction each', async () => {
  const programs = new FakePrograms();
  await closeToClients(programs, [8443]);
  await openToClients(programs);
  expect(programs.calls.map(({ options }) => options.input)).toEqual([drainRules([8443]), 'table inet clickhouse_drain\ndelete table inet clickhouse_drain\n']);
});
