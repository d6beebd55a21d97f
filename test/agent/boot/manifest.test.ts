import { readBootManifest } from '../../../lib/agent/boot/manifest';
import type { NodeIdentity } from '../../../lib/agent/identity';
import { readIdentity } from '../../../lib/agent/identity';
import type { BootManifest } from '../../../lib/config/manifest';
import { packManifest } from '../../../lib/config/manifest';

const MANIFEST: BootManifest = {
  schema: 1,
  kind: 'boot',
  role: 'server',
  clusterName: 'analytics',
  clickhouseVersion: '26.8.36.3',
  dataPath: '/var/lib/clickhouse',
  keepers: [],
  drainSeconds: 300,
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
  clientNetworks: ['10.20.0.0/16'], stackId: 'arn:stack', groupLogicalId: 'Group', logGroup: 'logs', packages: [],
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
