import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import * as sdk from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { build } from 'esbuild';
import type { LiveManifest } from '../../lib/config/manifest';
import { packManifest } from '../../lib/config/manifest';
import type { World } from '../../lib/handlers/rotate-password/driver';
import { rotate } from '../../lib/handlers/rotate-password/driver';
import { secretStore } from '../../lib/handlers/rotate-password/secrets';
import type { Login, Step } from '../../lib/handlers/rotate-password/steps';
import { hasOpenssl, makeAuthority } from '../openssl';
import type { Client } from './differences';
import { A, B, C, create, DIFFERENCES, labels, move, put, rotate as begin } from './differences';
import { MotoServer } from './moto';
import { modelClient, SecretsManagerModel } from './secrets-manager';

const PROGRAM = process.env.MOTO_SERVER ?? '';

test('the table in README.md has a row for every difference, with its link', () => {
  const readme = readFileSync(join(__dirname, 'README.md'), 'utf8');
  const rows = readme.split('\n').filter((line) => line.startsWith('| `'));
  expect(rows).toHaveLength(DIFFERENCES.length);
  for (const { id, documentation } of DIFFERENCES) expect(rows.filter((row) => row.startsWith(`| \`${id}\` |`) && row.includes(`(${documentation})`))).toHaveLength(1);
});

describe.each(DIFFERENCES)('$id', ({ run, documented }) => {
  test('the model does what the documentation says', async () => {
    const client = modelClient(new SecretsManagerModel());
    await create(client, 'app');
    expect(await run(client, 'app')).toEqual(documented);
  });
});

if (PROGRAM === '') {
  console.warn("not proven: rotation against moto. Set MOTO_SERVER to the program, see test/emulator/README.md");
  // where it is promised, its absence is a failure.
  test('moto is there where it is promised', () => expect(process.env.CI === 'true' && process.env.PROOF_MOTO === '1').toBe(false));
}

(PROGRAM === '' ? describe.skip : describe)('against moto', () => {
  let server: MotoServer;
  beforeAll(async () => {
    server = await MotoServer.start(PROGRAM);
  });
  afterAll(() => server.stop());

  test.each(DIFFERENCES)('still differs: $id', async ({ id, run, moto }) => {
    await create(server.client, `difference-${id}`);
    // when this fails, moto has learned it: take the row away.
    expect(await run(server.client, `difference-${id}`)).toEqual(moto);
  });

  test('the model and moto agree on a rotation, label by label', async () => {
    const model = modelClient(new SecretsManagerModel());
    const trace = async (client: Client): Promise<unknown[]> => {
      const seen: unknown[] = [];
      const look = async (): Promise<unknown> => seen.push(await labels(client, 'agreed'));
      await create(client, 'agreed');
      await look();
      seen.push(await begin(client, 'agreed', B));
      await look();
      seen.push(await client.send(new sdk.GetSecretValueCommand({ SecretId: 'agreed', VersionId: B })).catch((error: Error) => error.name));
      await put(client, 'agreed', B, 'two', ['AWSPENDING']);
      await put(client, 'agreed', B, 'two', ['AWSPENDING']);
      await look();
      seen.push(await move(client, 'agreed', 'AWSCURRENT', B, C).then(() => 'done', () => 'refused'));
      seen.push(await move(client, 'agreed', 'AWSCURRENT', B).then(() => 'done', (error: Error) => error.name));
      await look();
      await move(client, 'agreed', 'AWSCURRENT', B, A);
      await look();
      seen.push((await client.send(new sdk.GetSecretValueCommand({ SecretId: 'agreed', VersionStage: 'AWSPREVIOUS' }))).SecretString);
      seen.push(await put(client, 'agreed', A, 'other').then(() => 'done', (error: Error) => error.name));
      await move(client, 'agreed', 'AWSPENDING', undefined, B);
      await look();
      return seen;
    };
    expect(await trace(server.client)).toEqual(await trace(model));
  });

  describe('the driver', () => {
    const VALUE = { username: 'reader', password: 'First'.repeat(8), host: 'analytics.internal' };
    let count = 0;

    const made = async (): Promise<string> => {
      const { ARN = '' } = await server.client.send(new sdk.CreateSecretCommand({ Name: `reader-${(count += 1)}`, SecretString: JSON.stringify(VALUE), ClientRequestToken: A }));
      return ARN;
    };
    const stored = async (secret: string, VersionStage: string): Promise<typeof VALUE> =>
      JSON.parse((await server.client.send(new sdk.GetSecretValueCommand({ SecretId: secret, VersionStage }))).SecretString ?? '') as typeof VALUE;
    const step = (secret: string, name: Step, token = B): Promise<string> => {
      const logIn = async ({ password }: { password: string }): Promise<Login> => {
        for (const label of ['AWSCURRENT', 'AWSPENDING']) {
          const held = await stored(secret, label).catch(() => undefined);
          if (held?.password === password) return 'accepted';
        }
        return 'refused';
      };
      const world: World = {
        secrets: secretStore(sdk, server.client),
        logIn,
        cluster: () => Promise.resolve({ servers: ['server-1-1', 'server-1-2'], users: [{ user: 'reader', secret }], authority: ['PEM'] }),
        refresh: () => Promise.resolve(),
        now: Date.now,
        sleep: () => Promise.resolve(),
        log: () => undefined,
      };
      return rotate(secret, { step: name, token, deadline: Date.now() + 2_500 }, world).catch((error: Error) => error.name);
    };

    test('rotates, and does nothing twice', async () => {
      const secret = await made();
      await begin(server.client, secret, B);
      for (const [name, first, again] of [['createSecret', 'Created', 'Kept'], ['setSecret', 'Accepted', 'Accepted'], ['testSecret', 'Tested', 'Tested'], ['finishSecret', 'Promoted', 'AlreadyCurrent']] as const) {
        expect(await step(secret, name)).toBe(first);
        expect(await step(secret, name)).toBe(again);
      }
      const { password, ...rest } = await stored(secret, 'AWSCURRENT');
      expect(rest).toEqual({ username: 'reader', host: 'analytics.internal' });
      expect(password).toMatch(/^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9]{48}$/);
      expect(await stored(secret, 'AWSPREVIOUS')).toEqual(VALUE);
    });

    test('a label that another rotation has, a version without a value, a cancelled rotation, a deleted secret', async () => {
      const secret = await made();
      for (const name of ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const) expect(await step(secret, name)).toBe('RotationNotEnabled');
      await begin(server.client, secret, C);
      for (const name of ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const) expect(await step(secret, name, B)).toBe('Superseded');
      expect(await step(secret, 'finishSecret', C)).toBe('EmptyVersion');
      expect(await step(secret, 'testSecret', C)).toBe('CurrentTested');
      await server.client.send(new sdk.CancelRotateSecretCommand({ SecretId: secret }));
      expect(await step(secret, 'createSecret', C)).toBe('RotationNotEnabled');
      await server.client.send(new sdk.DeleteSecretCommand({ SecretId: secret }));
      expect(await step(secret, 'createSecret', C)).toBe('SecretDeleted');
      expect(await step(secret.replace('reader-', 'nobody-'), 'createSecret', C)).toBe('SecretDeleted');
    });

    // the whole function, bundled as it is shipped and called as Lambda calls it; only the servers are not there.
    (hasOpenssl() ? test : test.skip)('the function finds its way by the names in its environment', async () => {
      const secret = await made();
      await begin(server.client, secret, B);
      const authority = makeAuthority('Test authority');
      const manifest: LiveManifest = { schema: 1, kind: 'live', clusterName: 'analytics', servers: ['localhost'], documents: [], users: [{ user: 'reader', path: '/x', template: '', secret }], databases: [], rotationNetworks: [] };
      const { key, content } = packManifest(manifest);
      const { endpoint, credentials, region } = server;
      const s3 = new S3Client({ endpoint, credentials, region });
      const ssm = new SSMClient({ endpoint, credentials, region });
      await s3.send(new CreateBucketCommand({ Bucket: 'artefacts', CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' } }));
      await s3.send(new PutObjectCommand({ Bucket: 'artefacts', Key: key, Body: content }));
      await ssm.send(new PutParameterCommand({ Name: '/analytics/live', Value: key, Type: 'String' }));
      await ssm.send(new PutParameterCommand({ Name: '/analytics/ca', Value: authority.certificate, Type: 'String' }));

      const folder = mkdtempSync(join(tmpdir(), 'rotate-password-'));
      const outfile = join(folder, 'index.js');
      await build({ entryPoints: [join(__dirname, '../../lib/handlers/rotate-password/index.ts')], outfile, bundle: true, platform: 'node', target: 'node20', format: 'cjs', minify: true, external: ['@aws-sdk/*'] });
      // Lambda finds its SDK beside the function (https://docs.aws.amazon.com/lambda/latest/dg/lambda-nodejs.html).
      symlinkSync(join(__dirname, '../../node_modules'), join(folder, 'node_modules'));
      expect(statSync(outfile).size).toBeLessThan(100_000);
      const call = async (Step: string): Promise<{ outcome: string; lines: string }> => {
        const event = JSON.stringify({ Step, SecretId: secret, ClientRequestToken: B });
        // two and a half seconds are left when what is kept for the answer is taken off; a busy machine may use them up before the first login.
        const program = `require(${JSON.stringify(outfile)}).handler(${event}, { getRemainingTimeInMillis: () => 62500 }).then(() => 'done', (error) => error.name).then((outcome) => console.error(outcome))`;
        const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--no-warnings', '-e', program], {
          env: {
            AWS_ENDPOINT_URL: endpoint,
            AWS_REGION: region,
            AWS_ACCESS_KEY_ID: credentials.accessKeyId,
            AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
            CLICKHOUSE_POINTER: '/analytics/live',
            CLICKHOUSE_BUCKET: 'artefacts',
            CLICKHOUSE_CA: '/analytics/ca',
            CLICKHOUSE_REFRESH_DOCUMENT: 'Analytics-Refresh',
            CLICKHOUSE_NODE_TAG: 'cluster=analytics',
          },
        });
        return { outcome: stderr.trim(), lines: stdout };
      };
      try {
        const created = await call('createSecret');
        const behind = await call('setSecret');
        expect([created.outcome, behind.outcome, (await call('drop')).outcome]).toEqual(['done', 'NodesBehind', 'BadEvent']);
        const [told] = behind.lines.split('\n').filter((line) => line.includes('rotation failed'));
        expect(JSON.parse(told ?? '')).toMatchObject({ step: 'setSecret', secret, version: B, outcome: 'NodesBehind', reason: expect.stringMatching(/^1 of 1 servers are not ready after \d+ s: localhost \(pending(: [A-Za-z]+| not tried in time), current/) as string });
        const { password } = await stored(secret, 'AWSPENDING');
        for (const each of [password, VALUE.password]) expect(created.lines + behind.lines).not.toContain(each);
      } finally {
        rmSync(folder, { recursive: true });
      }
    });
  });
});
