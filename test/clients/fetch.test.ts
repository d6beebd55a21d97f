import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { connectionDetails } from '../../lib/auth/user-secret';
import { MotoServer } from '../emulator/moto';
import { TestAuthority } from '../pki/authority';
import { describeClient, documented, LOGIN, run } from './harness';

describeClient('CLICKHOUSE_AWS_BIN', 'certificate and login as documented, with the AWS CLI against moto', (programs) => {
  const folder = mkdtempSync(join(tmpdir(), 'documented-fetch-'));
  const host = 'analytics.clickhouse.internal';
  const parameter = 'CFN-Analytics-CaCertificate';
  let server: MotoServer;
  let ssm: SSMClient;

  beforeAll(async () => {
    server = await MotoServer.start(join(programs, 'moto_server'));
    const { endpoint, region, credentials } = server;
    ssm = new SSMClient({ endpoint, region, credentials, maxAttempts: 1 });
    // the keys that the library writes, and the one that is generated.
    const details = connectionDetails({ userName: LOGIN.user, host, database: 'default', caCertificateParameter: parameter });
    await server.client.send(new CreateSecretCommand({ Name: 'reports', SecretString: JSON.stringify({ ...details, password: LOGIN.password }) }));
  });

  afterAll(async () => {
    ssm?.destroy();
    await server?.stop();
    rmSync(folder, { recursive: true });
  });

  const fetch = () => {
    const { endpoint, region, credentials } = server;
    const script = `set -e\n${documented('Once: certificate and login', 'sh')}printf '%s\\n' "$CLICKHOUSE_HOST" "$CLICKHOUSE_USER" "$CLICKHOUSE_PASSWORD"`;
    return run('bash', ['-c', script], folder, {
      PATH: `${programs}:${process.env.PATH}`,
      HOME: folder,
      SECRET: 'reports',
      AWS_ENDPOINT_URL: endpoint,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    });
  };

  test.each([
    ['the certificate', new TestAuthority().pem],
    ['both certificates while the authority is replaced', new TestAuthority().pem + new TestAuthority().pem],
  ])('fetches %s', async (_name, bundle) => {
    await ssm.send(new PutParameterCommand({ Name: parameter, Type: 'String', Value: bundle, Overwrite: true }));
    expect(await fetch()).toMatchObject({ code: 0, output: `${host}\n${LOGIN.user}\n${LOGIN.password}\n` });
    // `--output text` ends what it writes with a line break of its own.
    expect(readFileSync(join(folder, 'ca.pem'), 'utf8').trimEnd()).toBe(bundle.trimEnd());
  });
});
