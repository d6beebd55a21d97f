import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Engine } from '../engine/engine';
import { describeEngine, startEngine } from '../engine/engine';
import { EVENTS, hashesOf, login, nodeValues, serverDocuments } from '../engine/rendered';
import { has } from '../pki/authority';
import { describeClient, documented, expectAll, LOGIN, onPort, run, through } from './harness';

// A real ClickHouse behind the TLS listener, with users as the library renders them: a client also has to get along with what they may do.
describeEngine('clients over HTTPS, as documented', () => {
  let engine: Engine;

  beforeAll(async () => {
    expect(login('reports')).toEqual(LOGIN);
    const holes = { ...nodeValues(hashesOf(EVENTS)), clientNetworks: ['127.0.0.0/8'] };
    engine = await startEngine({ documents: serverDocuments(EVENTS), holes, clientsNameTheirAddress: false });
  });

  afterAll(() => engine?.stop());

  const inside = () => through(engine.port);

  const curl = has('curl', ['--version']);
  if (!curl) process.stderr.write('NOT PROVEN: curl as documented. It is not here\n');
  (curl ? describe : describe.skip)('curl', () => {
    expectAll((folder, port, env) => run('bash', ['-c', onPort(documented('curl', 'sh'), 8443, port)], folder, env), inside, /curl: \(60\).*issuer certificate/s, /curl: \(60\).*(?:host name|IPv4 address|subjectAltName)/s);
  });

  describeClient('CLICKHOUSE_CLIENT_MODULES', '@clickhouse/client as documented', (modules) => {
    expectAll(
      (folder, port, env) => {
        symlinkSync(modules, join(folder, 'node_modules'));
        writeFileSync(join(folder, 'example.mjs'), onPort(documented('Node.js', 'js'), 8443, port));
        return run(process.execPath, ['example.mjs'], folder, env);
      },
      inside,
      /UNABLE_TO_VERIFY_LEAF_SIGNATURE/,
      /ERR_TLS_CERT_ALTNAME_INVALID/,
    );
  });

  describeClient('CLICKHOUSE_CONNECT_PYTHON', 'clickhouse-connect as documented', (python) => {
    expectAll(
      (folder, port, env) => run(python, ['-c', onPort(documented('Python', 'python'), 8443, port)], folder, env),
      inside,
      /CERTIFICATE_VERIFY_FAILED.*unable to get local issuer certificate/s,
      /CERTIFICATE_VERIFY_FAILED.*(?:Hostname|IP address) mismatch/s,
    );
  });

  describeClient('CLICKHOUSE_JDBC_JAR', 'clickhouse-jdbc as documented', (jar) => {
    expectAll(
      (folder, port, env) => {
        writeFileSync(join(folder, 'Example.java'), onPort(documented('JDBC', 'java'), 8443, port));
        return run('java', ['-cp', jar, 'Example.java'], folder, env);
      },
      inside,
      /SSLHandshakeException.*PKIX path building failed/s,
      /SSLPeerUnverifiedException.*Certificate for <[^>]+> doesn't match/s,
    );
  });
});
