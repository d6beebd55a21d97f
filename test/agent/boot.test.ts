import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepare, readBootManifest } from '../../lib/agent/boot';
import type { NodeIdentity } from '../../lib/agent/identity';
import { readIdentity } from '../../lib/agent/identity';
import type { BootManifest } from '../../lib/config/manifest';
import { packManifest } from '../../lib/config/manifest';

const MANIFEST: BootManifest = {
  schema: 1,
  kind: 'boot',
  role: 'server',
  clusterName: 'analytics',
  clickhouseVersion: '26.8.36.3',
  dataPath: '/var/lib/clickhouse',
  documents: [
    { path: '/etc/a.xml', template: '<clickhouse><host>@{nodeHost}</host><shard>@{shard}</shard></clickhouse>\n' },
    { path: '/etc/b.xml', template: '<clickhouse><cert>@{certificatePath}</cert><name>@{nodeName}</name></clickhouse>\n' },
  ],
};
const { content, sha256, key } = packManifest(MANIFEST);
const IDENTITY: NodeIdentity = {
  schema: 1,
  role: 'server',
  name: 'server-1-1',
  host: 'server-1-1.analytics.clickhouse.internal',
  shard: '1',
  replica: '1',
  ip: '10.20.0.10',
  region: 'eu-west-1',
  bucket: 'artefacts',
  bootManifestKey: key,
  bootManifestSha256: sha256,
  liveManifestParameter: 'live',
  volumeId: 'vol-1',
  internalSecretArn: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:s',
  clientNetworks: ['10.20.0.0/16'],
};

test('reads back the identity it is given', () => {
  expect(readIdentity(JSON.stringify(IDENTITY))).toEqual(IDENTITY);
});

test.each([
  ['not json', /not JSON/],
  ['[]', /not a JSON object/],
  ['null', /not a JSON object/],
  [JSON.stringify({ ...IDENTITY, schema: 2 }), /schema 1, got 2/],
  [JSON.stringify({ ...IDENTITY, role: 'admin' }), /server or keeper, got "admin"/],
  [JSON.stringify({ ...IDENTITY, ip: '' }), /'ip' must be a text that is not empty/],
  [JSON.stringify({ ...IDENTITY, shard: 1 }), /'shard' must be a text, got 1/],
  [JSON.stringify({ ...IDENTITY, clientNetworks: [] }), /'clientNetworks' must be a list/],
])('refuses the identity %s', (text, message) => {
  expect(() => readIdentity(text)).toThrow(message);
});

test('a manifest that is not the one in the launch template is not used, whatever changed', () => {
  expect(readBootManifest(content, IDENTITY)).toEqual(MANIFEST);
  expect(() => readBootManifest(content.replace('26.8.36.3', '24.3.1.1'), IDENTITY)).toThrow(/launch template says/);
  expect(() => readBootManifest(`${content}\n`, IDENTITY)).toThrow(/launch template says/);
});

test('a manifest for another role is not used', () => {
  expect(() => readBootManifest(content, { ...IDENTITY, role: 'keeper' })).toThrow(/for a server, this node is a keeper/);
});

test('a range that is no VPC is refused where it would be written, wherever it came from', () => {
  const users: BootManifest = { ...MANIFEST, documents: [{ path: '/etc/u.xml', template: '<networks>@{clientNetworks}</networks>\n' }] };
  expect(prepare(users, IDENTITY)[0]?.content).toBe('<networks><ip>10.20.0.0/16</ip></networks>\n');
  for (const network of ['0.0.0.0/0', '128.0.0.0/1', '::/0', '2000::/3']) {
    expect(() => prepare(users, { ...IDENTITY, clientNetworks: ['10.20.0.0/16', network] })).toThrow(network);
  }
});

test('fills what the identity knows and leaves a document whole that waits for certificates', () => {
  expect(prepare(MANIFEST, IDENTITY)).toEqual([
    { path: '/etc/a.xml', content: '<clickhouse><host>server-1-1.analytics.clickhouse.internal</host><shard>1</shard></clickhouse>\n', open: [] },
    { path: '/etc/b.xml', open: ['certificatePath'] },
  ]);
});

describe('the shipped bundle', () => {
  const folder = mkdtempSync(join(tmpdir(), 'agent-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const run = (...args: string[]) => spawnSync(process.execPath, [join(__dirname, '../../dist/bundles/agent/index.js'), ...args], { encoding: 'utf8' });

  test('verifies, then fails loudly, because it cannot serve yet', () => {
    writeFileSync(join(folder, 'identity.json'), JSON.stringify(IDENTITY));
    writeFileSync(join(folder, 'boot.json'), content);
    const { status, stderr } = run('boot', '--identity', join(folder, 'identity.json'), '--manifest', join(folder, 'boot.json'));
    expect(status).toBe(70);
    expect(stderr).toMatch(/^agent: verified the boot manifest of server-1-1 .*so the node reports failure\n$/);
  });

  test('a tampered manifest ends it before anything else', () => {
    writeFileSync(join(folder, 'tampered.json'), content.replace('analytics', 'analytica'));
    const { status, stderr } = run('boot', '--identity', join(folder, 'identity.json'), '--manifest', join(folder, 'tampered.json'));
    expect(status).toBe(70);
    expect(stderr).toMatch(/launch template says/);
  });

  test.each([[[]], [['serve']], [['boot']], [['boot', '--identity', '/nonexistent', '--manifest', '/nonexistent']], [['boot', '--frobnicate']]])(
    'one line and no stack trace for %j',
    (args) => {
      const { status, stderr } = run(...args);
      expect(status).toBe(70);
      expect(stderr).toMatch(/^agent: [^\n]*\n$/);
    },
  );
});
