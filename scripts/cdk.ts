import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const ROOT = join(__dirname, '..');

/** What the CDK command line said. */
export interface CdkRun {
  readonly status: number | null;
  readonly output: string;
}

/** Synthesises an app of this repository with the real CDK command line: no account, no credentials, nothing but loopback. */
export function cdkSynth(app: string, output: string): CdkRun {
  const cdk = join(ROOT, 'node_modules', 'aws-cdk', 'bin', 'cdk');
  const args = [cdk, 'synth', '--quiet', '--no-notices', '--app', `node --import tsx ${app}`, '--output', output];
  const env = { ...withoutCredentials(process.env), CDK_DISABLE_CLI_TELEMETRY: 'true', NO_COLOR: '1', AWS_EC2_METADATA_DISABLED: 'true' };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, env, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return { status, output: stdout + stderr };
}

function withoutCredentials(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('AWS_') && !name.startsWith('CDK_DEFAULT_')));
}
