import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { readIdentity } from '../../../lib/agent/identity';

const folder = mkdtempSync(join(tmpdir(), 'agent-'));
const program = join(folder, 'agent.js');
const IDENTITY = {
  schema: 1, role: 'keeper', name: 'keeper-1', host: 'keeper-1.analytics.clickhouse.internal', serverId: '1', ip: '10.20.0.10', region: 'eu-central-1', bucket: 'artefacts',
  bootManifestKey: 'k', bootManifestSha256: 's', liveManifestParameter: 'live', volumeId: 'vol-1', internalSecretArn: 'arn:s', clientNetworks: ['10.20.0.0/16'],
  stackId: 'arn:stack', groupLogicalId: 'Group', logGroup: 'logs', packages: [],
};

beforeAll(() => {
  // as scripts/bundle.mjs does.
  buildSync({ entryPoints: [join(__dirname, '../../../lib/agent/main.ts')], outfile: program, bundle: true, platform: 'node', target: 'node20', format: 'cjs', minify: true, legalComments: 'none', logLevel: 'error', mainFields: ['module', 'main'] });
});
afterAll(() => rmSync(folder, { recursive: true }));

function refresh(identity: object): { status: number | null; stdout: string; stderr: string } {
  const file = join(folder, 'identity.json');
  writeFileSync(file, JSON.stringify(identity));
  // nobody answers there, should the program get as far as to ask.
  const env = { NODE_NO_WARNINGS: '1', PATH: process.env.PATH, AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'x', AWS_EC2_METADATA_DISABLED: 'true' };
  return spawnSync(process.execPath, [program, 'refresh', '--identity', file], { encoding: 'utf8', env });
}

const SKIPPED = `{"event":"certificates","state":"skipped","reason":"the identity has no 'nodeSecretArn'"}\n`;

test('a Keeper without a secret has nothing to do, and says so in its line', () => {
  expect(refresh(IDENTITY)).toMatchObject({ status: 0, stdout: SKIPPED, stderr: '' });
});

test('users that cannot be looked after keep nobody from looking after certificates, and are told of', () => {
  const { status, stdout, stderr } = refresh({ ...IDENTITY, role: 'server', name: 'server-1-1', host: 'server-1-1.analytics.clickhouse.internal' });
  expect([status, stdout]).toEqual([70, SKIPPED]);
  expect(stderr).toMatch(/^agent: [^\n]*\n$/);
});

test.each([{ nodeSecretArn: 'arn:x' }, { caParameter: '/ca' }, { nodeSecretArn: '', caParameter: '/ca' }])('the secret and the parameter come together: %j', (part) => {
  expect(() => readIdentity(JSON.stringify({ ...IDENTITY, ...part }))).toThrow(/'nodeSecretArn' and 'caParameter' must both be there or both be absent/);
});

test('with both the identity is read', () => {
  const identity = { ...IDENTITY, nodeSecretArn: 'arn:x', caParameter: '/ca' };
  expect(readIdentity(JSON.stringify(identity))).toEqual(identity);
});
