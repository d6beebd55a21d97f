import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

// the real CDK command line, as users and pipelines run it: what counts is its exit code.
const ROOT = resolve(__dirname, '..');
const out = mkdtempSync(join(tmpdir(), 'synth-'));
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** Synthesises an app with nothing of this machine in its environment: no credentials, no region, no sign of a test. */
function synth(app: string): { status: number | null; output: string } {
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(?:AWS_|CDK_|JEST_|NODE_ENV$)/.test(name)));
  const { status, stdout, stderr } = spawnSync(join(ROOT, 'node_modules/.bin/cdk'), ['synth', '--quiet', '--app', `npx tsx ${app}`, '--output', join(out, app)], {
    cwd: ROOT,
    encoding: 'utf8',
    env: { ...environment, AWS_EC2_METADATA_DISABLED: 'true', NO_COLOR: '1' },
  });
  return { status, output: stdout + stderr };
}

test('bin/app.ts exits 0', () => {
  const { status, output } = synth('bin/app.ts');
  expect({ status, output }).toEqual({ status: 0, output: expect.not.stringContaining('ERROR') as string });
});

test('examples/exposed exits 1, names both ports and says what to do', () => {
  const { status, output } = synth('examples/exposed/app.ts');
  expect(status).toBe(1);
  expect(output).toMatch(/ERROR port 8123 .*open to the internet/);
  expect(output).toMatch(/ERROR port 9000 .*open to the internet/);
  expect(output).toContain('ClickHouse-PublicSubnet');
  expect(output).toMatch(/Suggested fix: admit the security group/);
});

test('a check that crashes exits 1 and is named', () => {
  const { status, output } = synth('test/fixtures/crashing-check.ts');
  expect(status).toBe(1);
  expect(output).toMatch(/FATAL .*ClickHouse-Crash failed.*broken on purpose/);
});
