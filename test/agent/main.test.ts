import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';

const folder = mkdtempSync(join(tmpdir(), 'agent-'));
const program = join(folder, 'agent.js');
const identity = join(folder, 'identity.json');
const IDENTITY = {
  schema: 1, role: 'server', name: 'server-1-1', host: 'server-1-1.analytics.clickhouse.internal', ip: '10.20.0.10', region: 'eu-central-1', bucket: 'artefacts',
  bootManifestKey: 'k', bootManifestSha256: 's', liveManifestParameter: 'live', volumeId: 'vol-1', internalSecretArn: 'arn:s', clientNetworks: ['10.20.0.0/16'], stackId: 'arn:stack', groupLogicalId: 'Group', logGroup: 'logs', packages: [],
};

beforeAll(() => {
  // as scripts/bundle.mjs does.
  buildSync({ entryPoints: [join(__dirname, '../../lib/agent/main.ts')], outfile: program, bundle: true, platform: 'node', target: 'node20', format: 'cjs', minify: true, legalComments: 'none', logLevel: 'error', mainFields: ['module', 'main'] });
  writeFileSync(identity, JSON.stringify(IDENTITY));
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]): ReturnType<typeof spawnSync> => spawnSync(process.execPath, [program, ...args], { encoding: 'utf8', env: { NODE_NO_WARNINGS: '1' } });

test('the program with everything it needs stays under two megabytes', () => {
  expect(statSync(program).size).toBeLessThan(2_000_000);
});

test.each([
  [['refresh'], /usage/],
  [['refresh', '--identity'], /identity/],
  [['refresh', '--identity', '/nonexistent'], /ENOENT/],
  [['refresh', '--identity', identity, '--user', 'ingest'], /usage/],
  [['refresh', 'now', '--identity', identity], /usage/],
  [['revoke', '--identity', identity, '--manifest', 'x'], /usage/],
  [['boot', '--identity', identity, '--manifest', 'x', '--user', 'ingest'], /usage/],
  [['run', '--identity', identity], /usage/],
  [['boot', '--identity', identity, '--manifest', '/nonexistent'], /ENOENT/],
  // neither this machine nor one that builds the package is a node.
  [['revoke', '--identity', identity], /the agent has not prepared this machine yet/],
])('%j ends with one line and no stack trace', (args, message) => {
  const { status, stdout, stderr } = run(...args);
  expect([status, stdout]).toEqual([70, '']);
  expect(stderr).toMatch(/^agent: [^\n]*\n$/);
  expect(stderr).toMatch(message);
});
