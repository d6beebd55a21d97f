import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeEngine } from '../engine/engine';
import { ACCEPTED, attempt, describeClient, documented, expectAll, LOGIN, nativeProtocol, onPort, OTHER_AUTHORITY, OTHER_NAME, run } from './harness';

const DOCUMENT = 'clickhouse-client.xml';
const inside = () => nativeProtocol;

// without compression, because what is compressed has checksums that the listener does not know.
describeClient('CLICKHOUSE_CLIENT', 'clickhouse-client as documented', (program) => {
  expectAll(
    (folder, port, env) => {
      writeFileSync(join(folder, DOCUMENT), documented('clickhouse-client', 'xml'));
      const command = onPort(documented('clickhouse-client', 'sh'), 9440, port);
      return run('bash', ['-c', `clickhouse-client() { "${program}" "$@" --compression 0; }\n${command}`], folder, env);
    },
    inside,
    { authority: /Code: 210.*certificate verify failed/s, name: /Code: 210.*Unacceptable certificate from/s, constraints: /Code: 210.*certificate verify failed/s },
  );
});

describeClient('CLICKHOUSE_GO_MODULE', 'clickhouse-go as documented', (module) => {
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'documented-go-'));
    for (const file of ['go.mod', 'go.sum']) cpSync(join(module, file), join(folder, file));
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  // the port is in the program: one build a port, and all but the first are quick.
  expectAll(
    (where, port, env) => {
      writeFileSync(join(folder, 'main.go'), onPort(documented('Go', 'go'), 9440, port));
      execFileSync('go', ['build', '-o', join(where, 'example'), '.'], { cwd: folder, env: { ...env, GOPROXY: 'off', GOFLAGS: '-mod=mod', GOTOOLCHAIN: 'local', CGO_ENABLED: '0' } });
      return run(join(where, 'example'), [], where, env);
    },
    inside,
    { authority: /x509: certificate signed by unknown authority/, name: /x509: certificate is valid for /, constraints: /x509: .*is not permitted by any constraint/ },
  );
});

// The client of 18.16 reads the document, but it is the newer ClickHouse that people have. Its engine connects with the same section, by the
// same code, when a query says so; it always ends by a signal, so it is what arrives at the server that tells.
describeEngine('the openSSL section of clickhouse-client as documented, in ClickHouse 26.7', () => {
  const query = (document: string) => (folder: string, port: number, env: NodeJS.ProcessEnv) => {
    writeFileSync(join(folder, DOCUMENT), document);
    const sql = `SELECT * FROM remoteSecure('${env.CLICKHOUSE_HOST ?? ''}:${port}', system, one, '${LOGIN.user}', '${LOGIN.password}') SETTINGS connections_with_failover_max_tries = 1`;
    return run(process.execPath, [join(__dirname, '../engine/launcher.js'), String(process.pid), `--config-file=${DOCUMENT}`, '--query', sql], folder, env);
  };
  const section = documented('clickhouse-client', 'xml').replace(/^.*from_env.*\n/gm, '');

  test.each(Object.entries(ACCEPTED))('it sends its login to %s', async (_name, how) => {
    expect((await attempt(how, query(section), nativeProtocol)).received).toBeGreaterThan(LOGIN.password.length);
  });

  test.each(Object.entries({ ...OTHER_AUTHORITY, ...OTHER_NAME }))('it sends nothing to %s', async (_name, how) => {
    const { received, errors } = await attempt(how, query(section), nativeProtocol);
    expect(received).toBe(0);
    expect(errors).toMatch(/certificate/i);
  });

  test.each(Object.entries(OTHER_NAME))('without extendedVerification it sends its login to %s', async (_name, how) => {
    const without = section.replace(/^.*extendedVerification.*\n/m, '');
    expect((await attempt(how, query(without), nativeProtocol)).received).toBeGreaterThan(LOGIN.password.length);
  });
});
