import { chmodSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { certificatePlaces } from '../../../lib/agent/certificates/command';
import { exclusively } from '../../../lib/agent/lock';
import type { NodeSecret } from '../../../lib/pki/node-secret';
import { NOT_ISSUED_YET } from '../../../lib/pki/node-secret';
import { Authority, several, ZONE } from './authority';
import { CA_PARAMETER, Node } from './node';
import { documentOf } from './reader';

const authority = new Authority();
const stranger = new Authority();
const [first, second, third] = several(authority, 3, { ip: '127.0.0.1' }) as [NodeSecret, NodeSecret, NodeSecret];
const DAY = 86_400_000;
let node: Node;

function start(role: 'server' | 'keeper' = 'server'): void {
  node = new Node(role);
  node.parameters.set(CA_PARAMETER, authority.bundle);
}
beforeEach(() => start());
afterEach(() => {
  node.checkSilence([first, second, third]);
  node.end();
});
afterAll(() => [authority, stranger].forEach((each) => each.end()));

const written = (): string[] => readdirSync(node.root, { recursive: true, encoding: 'utf8' }).map((name) => `${name} ${lstatSync(join(node.root, name)).mtimeMs}`).filter((each) => !each.startsWith('lock')).sort();

test('installs what the secret holds into a folder of its serial number, and the document names it', async () => {
  node.put(first);
  const { line, result } = await node.run();
  expect(line).toEqual({
    event: 'certificates', state: 'installed', notes: [], removed: [], retry: false,
    installed: first.serial, notAfter: first.notAfter, daysToExpiry: 89, current: first.serial, trouble: 'unreachable: ECONNREFUSED',
  });
  expect(result.complete).toBe(true);
  expect(node.asked).toEqual([{ address: '127.0.0.1', port: 8443, host: `server-1-1.${ZONE}` }]);
  const folder = join(node.tls, first.serial);
  expect(readFileSync(node.document, 'utf8')).toBe(documentOf(folder));
  expect(['node.crt', 'node.key', 'ca.crt'].map((name) => readFileSync(join(folder, name), 'utf8'))).toEqual([first.certificate, first.privateKey, first.chain]);
  expect([node.tls, folder, join(folder, 'node.key'), join(folder, 'node.crt'), node.document].map((path) => (statSync(path).mode & 0o7777).toString(8))).toEqual(['750', '750', '640', '640', '640']);
});

test('the same again writes nothing; the next one leaves the last beside it, then takes what is older away', async () => {
  node.put(first);
  await node.run();
  const before = written();
  expect((await node.run()).line.state).toBe('same');
  expect(written()).toEqual(before);
  for (const secret of [second, third]) {
    node.put(secret);
    expect((await node.run()).line.state).toBe('installed');
  }
  expect(node.folders()).toEqual([first.serial, second.serial, third.serial].sort());
  node.now = () => Date.now() + DAY + 10_000;
  expect((await node.run()).line).toMatchObject({ state: 'same', removed: [first.serial] });
  expect(node.folders()).toEqual([second.serial, third.serial].sort());
});

test('"not issued yet" on a new node writes nothing, and on an old one leaves what is there', async () => {
  expect((await node.run()).line).toMatchObject({ state: 'kept', reason: 'the secret holds no certificate yet', retry: true });
  expect(existsSync(node.tls)).toBe(false);
  node.put(first);
  await node.run();
  const before = written();
  node.put(NOT_ISSUED_YET);
  const { line, result } = await node.run();
  expect(line).toMatchObject({ state: 'kept', installed: first.serial, daysToExpiry: 89 });
  expect(line).not.toHaveProperty('current');
  expect(result.complete).toBe(false);
  expect(written()).toEqual(before);
});

test.each<[string, () => void, RegExp]>([
  ['another authority', () => node.put(stranger.issue({ ip: '127.0.0.1' })), /refused/],
  ["another node's", () => node.put(authority.issue({ host: `server-1-2.${ZONE}`, ip: '10.20.0.11' })), /for the hosts/],
  ['the wrong key', () => node.put({ ...second, privateKey: third.privateKey }), /does not belong/],
  ['no extended key usage', () => node.put(authority.issue({ ip: '127.0.0.1', extendedKeyUsage: '' })), /TLS server and client/],
  ['expired', () => (node.put(second), (node.now = () => Date.now() + 100 * DAY)), /was valid until/],
  ['not yet valid', () => (node.put(second), (node.now = () => Date.now() - DAY)), /valid from/],
  ['a bundle without the issuer', () => node.put({ ...second, chain: stranger.bundle }), /refused/],
  ['an authority that rides along', () => node.put({ ...second, chain: second.chain + stranger.bundle }), /whose key the authority's parameter does not have/],
  ['nonsense', () => node.put(`{"schema":1,"privateKey":${JSON.stringify(second.privateKey)}}`), /cannot be used/],
  ['a secret that is deleted', () => node.model.deleteSecret({ SecretId: node.arn }), /scheduled for deletion/],
])('keeps what is there when the secret holds %s, and says so', async (_, spoil, reason) => {
  node.put(first);
  await node.run();
  const before = written();
  spoil();
  const { line, result } = await node.run();
  expect(line).toMatchObject({ state: 'kept', reason: expect.stringMatching(reason) as string, installed: first.serial });
  expect(result.complete).toBe(false);
  expect(written()).toEqual(before);
});

test('a Keeper has its own directory, document, port and name', async () => {
  node.end();
  start('keeper');
  node.ask = () => Promise.resolve({ kind: 'certificate', serial: 'ee' });
  const secret = authority.issue({ host: `keeper-1.${ZONE}`, ip: '127.0.0.1' });
  node.put(secret);
  const { line, result } = await node.run();
  expect(line).toMatchObject({ state: 'installed', installed: secret.serial, served: 'ee', behind: true, retry: true });
  expect(node.asked.length).toBeGreaterThan(1);
  expect(node.asked[0]).toEqual({ address: '127.0.0.1', port: 9281, host: `keeper-1.${ZONE}` });
  expect(result.complete).toBe(false);
  expect(result.metrics.map((each) => (JSON.parse(each) as { Node: string; ServedSerialBehind?: number }).ServedSerialBehind)).toEqual([undefined, 1]);
  // a server's certificate is not a Keeper's.
  node.put(first);
  expect((await node.run()).line).toMatchObject({ state: 'kept', reason: expect.stringMatching(/for the hosts/) as string });
  expect(certificatePlaces('keeper')).toEqual({ tls: '/etc/clickhouse-keeper/tls', document: '/etc/clickhouse-keeper/keeper_config.d/certificates.xml' });
  expect(certificatePlaces('server')).toEqual({ tls: '/etc/clickhouse-server/tls', document: '/etc/clickhouse-server/config.d/certificates.xml' });
});

test('a listener that shows the old one is asked again for a while after an installation, and once otherwise', async () => {
  node.put(first);
  await node.run();
  let asked = 0;
  node.ask = () => Promise.resolve({ kind: 'certificate', serial: ++asked < 4 ? first.serial : second.serial });
  node.put(second);
  expect((await node.run()).line).toMatchObject({ state: 'installed', served: second.serial, behind: false });
  expect(asked).toBe(4);
  asked = 0;
  expect((await node.run()).line).toMatchObject({ state: 'same', served: first.serial, behind: true, retry: true });
  expect(asked).toBe(1);
});

test('a new bundle is said to need a restart', async () => {
  node.put(first);
  await node.run();
  node.parameters.set(CA_PARAMETER, authority.bundle + stranger.bundle);
  node.put({ ...second, chain: authority.bundle + stranger.bundle });
  expect((await node.run()).line).toMatchObject({ state: 'installed', notes: ["the authority's certificates have changed; ClickHouse before 26.9 trusts the new ones after its next start"] });
});

test('a disk that cannot be written keeps what is there, in one word', async () => {
  node.put(first);
  await node.run();
  rmSync(node.document);
  mkdirSync(node.document);
  node.put(second);
  expect((await node.run()).line).toMatchObject({ state: 'kept', reason: expect.stringMatching(/^the certificate cannot be installed: E[A-Z]+$/) as string, retry: true });
});

test('an attacker who may write beside the directory cannot have the agent write, take over or remove anything elsewhere', async () => {
  const elsewhere = join(node.root, 'elsewhere');
  mkdirSync(elsewhere, { mode: 0o700 });
  writeFileSync(join(elsewhere, 'node.key'), 'untouched', { mode: 0o600 });
  chmodSync(elsewhere, 0o700);
  symlinkSync(elsewhere, node.tls);
  node.put(first);
  expect((await node.run()).line).toMatchObject({ state: 'kept', reason: expect.stringMatching(/ELOOP|ENOTDIR/) as string });
  rmSync(node.tls);
  mkdirSync(node.tls, { mode: 0o750 });
  for (const name of [`.${first.serial}.0123456789ab.tmp`, 'f'.repeat(32)]) symlinkSync(elsewhere, join(node.tls, name));
  for (const secret of [first, second, third]) {
    node.put(secret);
    await node.run();
  }
  node.now = () => Date.now() + 10 * DAY;
  await node.run();
  expect(readFileSync(join(elsewhere, 'node.key'), 'utf8')).toBe('untouched');
  expect(readdirSync(elsewhere)).toEqual(['node.key']);
  expect(statSync(elsewhere).mode & 0o7777).toBe(0o700);
  node.folders().filter((name) => lstatSync(join(node.tls, name)).isSymbolicLink()).forEach((name) => rmSync(join(node.tls, name)));
});

describe('what the identity and the manifest must say', () => {
  test('without a secret there is nothing to do, and that is said', async () => {
    const { line, result } = await node.run({ ...node.identity, nodeSecretArn: undefined, caParameter: undefined });
    expect(line).toEqual({ event: 'certificates', state: 'skipped', reason: "the identity has no 'nodeSecretArn'" });
    expect(result).toMatchObject({ complete: true, metrics: [] });
    expect(existsSync(node.tls)).toBe(false);
  });

  test('a boot manifest that was changed is not used', async () => {
    node.put(first);
    node.manifest = { ...node.manifest, documents: node.manifest.documents.map((each) => ({ ...each, template: each.template.replace('certificateFile', 'x') })) };
    await expect(node.run()).rejects.toThrow(/SHA-256/);
    expect(existsSync(node.tls)).toBe(false);
  });

  test('a host that is not in a zone', async () => {
    await expect(node.run({ ...node.identity, host: 'elsewhere.example' })).rejects.toThrow("the identity's 'host' must be its 'name' in the cluster's zone, such as server-1-1.analytics.clickhouse.internal");
  });
});

test('two at once take turns', async () => {
  node.put(first);
  const both = await Promise.all([node.run(), node.run()]);
  expect(both.map(({ line }) => line.state).sort()).toEqual(['installed', 'same']);
  expect(node.folders()).toEqual([first.serial]);
});

test('while another process works, nothing is read, written or removed', async () => {
  node.put(first);
  await node.run();
  node.put(second);
  const before = written();
  let running: ReturnType<Node['run']> | undefined;
  await exclusively(join(node.root, 'lock'), 5, async () => {
    running = node.run();
    await sleep(200);
    expect(written()).toEqual(before);
  });
  expect((await running)?.line.state).toBe('installed');
});
