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
    expectAll((folder, port, env) => run('bash', ['-c', onPort(documented('curl', 'sh'), 8443, port)], folder, env), inside, {
      authority: /curl: \(60\).*issuer certificate/s,
      name: /curl: \(60\).*(?:host name|IPv4 address|subjectAltName)/s,
      constraints: /curl: \(60\).*permitted subtree violation/s,
    });
  });

  describeClient('CLICKHOUSE_CLIENT_MODULES', '@clickhouse/client as documented', (modules) => {
    expectAll(
      (folder, port, env) => {
        symlinkSync(modules, join(folder, 'node_modules'));
        writeFileSync(join(folder, 'example.mjs'), onPort(documented('Node.js', 'js'), 8443, port));
        return run(process.execPath, ['example.mjs'], folder, env);
      },
      inside,
      { authority: /UNABLE_TO_VERIFY_LEAF_SIGNATURE/, name: /ERR_TLS_CERT_ALTNAME_INVALID/, constraints: /permitted subtree violation/ },
    );
  });

  describeClient('CLICKHOUSE_CONNECT_PYTHON', 'clickhouse-connect as documented', (python) => {
    expectAll(
      (folder, port, env) => run(python, ['-c', onPort(documented('Python', 'python'), 8443, port)], folder, env),
      inside,
      {
        authority: /CERTIFICATE_VERIFY_FAILED.*unable to get local issuer certificate/s,
        name: /CERTIFICATE_VERIFY_FAILED.*(?:Hostname|IP address) mismatch/s,
        constraints: /CERTIFICATE_VERIFY_FAILED.*permitted subtree violation/s,
      },
    );
  });

  describeClient('CLICKHOUSE_JDBC_CLASSPATH', 'clickhouse-jdbc as documented', (classpath) => {
    expectAll(
      (folder, port, env) => {
        writeFileSync(join(folder, 'Example.java'), onPort(documented('JDBC', 'java'), 8443, port));
        return run('java', ['-cp', classpath, 'Example.java'], folder, env);
      },
      inside,
      // no constraints: https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/security/cert/TrustAnchor.html
      { authority: /SSLHandshakeException.*PKIX path (?:building|validation) failed/s, name: /SSLPeerUnverifiedException.*Certificate for <[^>]+> doesn't match/s },
    );
  });
});
