import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Server } from 'node:tls';
import { createServer } from 'node:tls';
import * as asn1 from '@peculiar/asn1-x509';
import { OID } from '../../../lib/pki/certificate';
import type { Issued } from '../../pki/authority';
import { DAY, extension, has, keyPair, NODE, TestAuthority, ZONE } from '../../pki/authority';

// Slow, because compilers are: what clients in Go and Java, with nothing but their standard libraries, say of our certificates.

const HERE = '127.0.0.1';
const authority = new TestAuthority();
const node = authority.issue({ ip: HERE });
const OTHER_NODE = `server-1-2.${ZONE}`;

interface Case {
  readonly server: Issued;
  readonly host?: string;
  readonly trust?: string;
  readonly client?: Issued;
  /** whom the server trusts, where clients must show a certificate. */
  readonly clientsOf?: string;
}

const successor = new TestAuthority();
const wider = new TestAuthority({ keys: authority.keys, networks: ['10.20.0.0/22', '127.0.0.0/8'] });
const ACCEPTED: Readonly<Record<string, Case>> = {
  'a node by its host': { server: node },
  'a node by the endpoint': { server: node, host: ZONE },
  'a node by its address': { server: node, host: HERE },
  'a node that wants to see a certificate': { server: node, client: authority.issue({ node: OTHER_NODE }), clientsOf: authority.pem },
  'the old authority beside the new one': { server: node, trust: authority.pem + successor.pem },
  'the old authority behind the new one': { server: node, trust: successor.pem + authority.pem },
  'the new authority beside the old one': { server: successor.issue({ ip: HERE }), trust: authority.pem + successor.pem },
  'an old certificate under a new one of the same key': { server: node, trust: wider.pem },
  'a new certificate under an old one of the same key': { server: wider.issue({ ip: HERE }) },
};

const long = new TestAuthority({ now: Date.now() - 200 * DAY });
const keys = keyPair();
const below = new TestAuthority({ keys, commonName: NODE }).issue({ ip: HERE });
const intermediate = authority.issue({
  keys,
  ip: HERE,
  change: (contents) => {
    extension(OID.basicConstraints, new asn1.BasicConstraints({ cA: true }))(contents);
    extension(OID.keyUsage, new asn1.KeyUsage(asn1.KeyUsageFlags.keyCertSign))(contents);
  },
});
const BELOW = 'what an authority below the authority has signed';
const REFUSED: Readonly<Record<string, Case>> = {
  'another authority': { server: new TestAuthority().issue({ ip: HERE }) },
  'a node, when another authority is trusted': { server: node, trust: successor.pem },
  'another name': { server: node, host: OTHER_NODE },
  localhost: { server: node, host: 'localhost' },
  'the certificate of another node': { server: authority.issue({ node: OTHER_NODE, ip: HERE }) },
  'another address': { server: authority.issue({ ip: '10.20.1.12' }), host: HERE },
  'what is over': { server: long.issue({ now: Date.now() - 91 * DAY, ip: HERE }), trust: long.pem },
  'what has not begun': { server: authority.issue({ now: Date.now() + DAY, ip: HERE }) },
  'what is for clients alone': { server: authority.issue({ ip: HERE, change: extension(OID.extendedKeyUsage, new asn1.ExtendedKeyUsage([OID.clientAuth])) }) },
  'what a node has signed': { server: { ...below, certificate: below.certificate + authority.issue({ keys, ip: HERE }).certificate } },
  [BELOW]: { server: { ...below, certificate: below.certificate + intermediate.certificate } },
};
const OUTSIDE: Readonly<Record<string, Case>> = {
  'a name outside of the constraints': { server: authority.issue({ ip: HERE, node: 'server.example.com', names: ['server.example.com'] }), host: 'server.example.com' },
  'a name outside of the constraints besides': { server: authority.issue({ ip: HERE, names: [NODE, 'localhost'] }) },
  'an address outside of the constraints': { server: authority.issue({ ip: '192.0.2.1' }) },
};

const directory = mkdtempSync(join(tmpdir(), 'clients-'));
const servers: Server[] = [];
const lines: string[] = [];
const sources = join(__dirname, 'clients');

beforeAll(async () => {
  let count = 0;
  const file = (pem: string): string => {
    const path = join(directory, `${(count += 1)}.pem`);
    writeFileSync(path, pem);
    return path;
  };
  for (const [id, { server, host = NODE, trust = authority.pem, client, clientsOf }] of Object.entries({ ...ACCEPTED, ...REFUSED, ...OUTSIDE })) {
    const listener = createServer({ cert: server.certificate, key: server.privateKey, ca: clientsOf, requestCert: clientsOf !== undefined, rejectUnauthorized: true }, (socket) => {
      socket.on('error', () => undefined);
      socket.end('hello\n');
    });
    servers.push(listener);
    await new Promise<void>((resolve) => listener.listen(0, HERE, resolve));
    const { port } = listener.address() as AddressInfo;
    lines.push([id, port, host, file(trust), client === undefined ? '-' : file(client.certificate), client === undefined ? '-' : file(client.privateKey)].join('|'));
  }
});

afterAll(async () => {
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  rmSync(directory, { recursive: true });
});

/** What a client says of every case. */
async function ask(command: string, args: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (data: Buffer) => (output += data.toString()));
  child.stdin.end(lines.join('\n') + '\n');
  await new Promise((resolve) => child.on('close', resolve));
  return new Map(output.trim().split('\n').map((line) => [line.slice(0, line.indexOf('|')), line.slice(line.indexOf('|') + 1)]));
}

const named = (cases: Readonly<Record<string, Case>>, said: ReadonlyMap<string, string>): Record<string, string> => Object.fromEntries(Object.keys(cases).map((id) => [id, said.get(id) ?? 'nothing']));
const all = (cases: Readonly<Record<string, Case>>, words: unknown): Record<string, unknown> => Object.fromEntries(Object.keys(cases).map((id) => [id, words]));

const go = has('go', ['version']);
if (!go) console.warn('issue-certificate: go is not here; what a client in Go says of our certificates is not proven');

(go ? test : test.skip)('Go', async () => {
  const program = join(directory, 'client');
  execFileSync('go', ['build', '-o', program, join(sources, 'client.go')], { env: { ...process.env, GOPROXY: 'off', GOFLAGS: '-mod=mod', GO111MODULE: 'off', GOTOOLCHAIN: 'local', CGO_ENABLED: '0' } });
  const said = await ask(program, []);
  expect(named(ACCEPTED, said)).toEqual(all(ACCEPTED, 'accepted'));
  expect(named({ ...REFUSED, ...OUTSIDE }, said)).toEqual(all({ ...REFUSED, ...OUTSIDE }, expect.stringMatching(/^(?:tls: failed to verify certificate: )?x509: /)));
  expect(named(OUTSIDE, said)).toEqual(all(OUTSIDE, expect.stringMatching(/is not permitted by any constraint/)));
}, 300_000);

const java = has('java', ['-version']) && has('javac', ['-version']);
if (!java) console.warn('issue-certificate: java and javac are not here; what a client in Java says of our certificates is not proven');

(java ? test : test.skip)('Java', async () => {
  execFileSync('javac', ['-d', directory, join(sources, 'Client.java')]);
  const said = await ask('java', ['-cp', directory, 'Client']);
  expect(named(ACCEPTED, said)).toEqual(all(ACCEPTED, 'accepted'));
  const { [BELOW]: second, ...refused } = REFUSED;
  expect(named(refused, said)).toEqual(all(refused, expect.stringMatching(/^javax\.net\.ssl\.SSLHandshakeException: /)));
  // of whom it trusts, Java takes the name and the key and no constraint that the certificate has: neither names nor path length. Programs may
  // give it constraints (https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/security/cert/TrustAnchor.html). So for
  // clients in Java it is the policy of the key alone that keeps anybody from signing for other names.
  const unprotected = { ...OUTSIDE, ...(second === undefined ? {} : { [BELOW]: second }) };
  expect(named(unprotected, said)).toEqual(all(unprotected, 'accepted'));
}, 300_000);
