import type { TlsOptions } from 'node:tls';
import * as asn1 from '@peculiar/asn1-x509';
import type { ClusterModel } from '../../lib/config/manifests';
import { parseXml } from '../../lib/config/parse';
import { PATHS } from '../../lib/config/paths';
import { childElements, element, renderXml } from '../../lib/config/xml';
import { OID } from '../../lib/pki/certificate';
import type { Issued, NodeOptions } from '../pki/authority';
import { DAY, extension, keyPair, TestAuthority } from '../pki/authority';
import { IMPATIENT } from './attacks';
import type { Documents, Engine, Reply } from './engine';
import { describeEngine, NODE, startEngine } from './engine';
import { cluster, hashesOf, login, nodeValues, serverDocuments } from './rendered';
import type { Seen, Tunnel } from './tls-peer';
import { freePort, startPeer, startTunnel } from './tls-peer';

/**
 * A modern ClickHouse as a TLS client, with the `<openSSL><client>` section as it is rendered and the certificate of a node: what servers of a
 * cluster do when they ask each other. The servers are ours, so that they can show what no server of a cluster would.
 *
 * Node names are in a private zone that nobody here can look up, so the engine reaches them as it would reach hosts behind a proxy: it asks a
 * tunnel for the name and speaks TLS with whoever is at its end, of whom it checks the name. The native protocol knows no proxy, so there it is
 * the address that is asked for and compared. The checking code is the same: `SecureSocketImpl::verifyPeerCertificate` of Poco.
 *
 * `clickhouse local` does not heed `remote_url_allow_hosts`, so nothing here is about that setting, and nothing was loosened for it.
 */
const ZONE = 'events.clickhouse.internal';
const HOST = `server-1-1.${ZONE}`;
const OTHER_HOST = `server-1-2.${ZONE}`;
const OTHER_ADDRESS = '127.0.0.2';

const MODEL: ClusterModel = { ...cluster(), databases: ['events'], users: [{ name: 'reports', grants: [{ privileges: ['SELECT'], database: 'events' }] }] };

// old enough to have issued what is over by now.
const authority = new TestAuthority({ zone: ZONE, now: Date.now() - 200 * DAY });
const issue = (options: NodeOptions = {}, by = authority): Issued => by.issue({ node: HOST, names: [HOST, ZONE], ip: NODE, ...options });

/** The engine's way to names, and its own native port, which is plaintext and which {@link startPeer} stands in front of. */
interface Surroundings {
  readonly tunnel: Tunnel;
  readonly nativePort: number;
}

/** The rendered documents and the material of a node. The harness takes the `openSSL` section out, so it is put back, as it was rendered. */
function documents({ tunnel, nativePort }: Surroundings, change: (openSsl: string) => string = (same) => same): Documents {
  const rendered = serverDocuments(MODEL);
  const [openSsl] = childElements(parseXml(rendered[PATHS.serverConfig] ?? '')).filter(({ name }) => name === 'openSSL');
  const own = issue();
  const last = (name: string) => `${PATHS.serverConfigDirectory}/zzzzz-${name}.xml`;
  return {
    ...rendered,
    [last('policy')]: change(renderXml(element('clickhouse', openSsl))),
    [last('certificates')]: rendered[`${PATHS.serverConfigDirectory}/certificates.xml`] ?? '',
    [last('harness')]: renderXml(element('clickhouse', element('tcp_port', nativePort), element('proxy', element('https', element('uri', `http://${NODE}:${tunnel.port}`)), element('no_proxy', NODE)))),
    '/etc/clickhouse-server/tls/1/node.crt': own.certificate,
    '/etc/clickhouse-server/tls/1/node.key': own.privateKey,
    '/etc/clickhouse-server/tls/1/ca.crt': authority.pem,
  };
}

const WAYS = {
  'url() by name': (port: number) => `SELECT * FROM url('https://${HOST}:${port}/', 'CSV', 'n UInt8')`,
  'url() by the name of the endpoint': (port: number) => `SELECT * FROM url('https://${ZONE}:${port}/', 'CSV', 'n UInt8')`,
  'url() by address': (port: number) => `SELECT * FROM url('https://${NODE}:${port}/', 'CSV', 'n UInt8')`,
  'remoteSecure() by address': (port: number) => `SELECT * FROM remoteSecure('${NODE}:${port}', events.facts, 'reports', '${login('reports').password}')`,
} as const;
type Way = keyof typeof WAYS;
const EVERY_WAY = Object.keys(WAYS) as Way[];
const BY_NAME: Way[] = ['url() by name', 'url() by the name of the endpoint'];
const BY_ADDRESS: Way[] = ['url() by address', 'remoteSecure() by address'];

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;
const OLD_VERSIONS = ['TLSv1', 'TLSv1.1'] as const;
// the server as permissive as it can be.
const only = (version: (typeof VERSIONS | typeof OLD_VERSIONS)[number]): TlsOptions => ({ minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' });

const pem = ({ certificate, privateKey }: Issued): TlsOptions => ({ cert: certificate, key: privateKey });

/** Signed with the key that it is about, by an authority of the name that it has. */
function selfSigned(): Issued {
  const keys = keyPair();
  return issue({ keys }, new TestAuthority({ zone: ZONE, commonName: HOST, keys }));
}

/** Signed with the key of a node, whose certificate is shown as that of an authority. */
function signedByNode(): Issued {
  const keys = keyPair();
  const forged = issue({}, new TestAuthority({ zone: ZONE, commonName: HOST, keys }));
  return { ...forged, certificate: forged.certificate + issue({ keys }).certificate };
}

const usage = (...oids: string[]): NodeOptions => ({ change: extension(OID.extendedKeyUsage, new asn1.ExtendedKeyUsage(oids)) });

/** What no client of the cluster may accept, whatever way it comes and whatever it is checked for; and the alert it gets. */
const WORTHLESS: readonly [string, string, () => Issued][] = [
  ['another authority of the same name', 'TLSV1_ALERT_UNKNOWN_CA', () => issue({}, new TestAuthority({ zone: ZONE }))],
  ['itself', 'TLSV1_ALERT_UNKNOWN_CA', selfSigned],
  ['another node', 'TLSV1_ALERT_UNKNOWN_CA', signedByNode],
  ['the authority, and is over', 'SSLV3_ALERT_CERTIFICATE_EXPIRED', () => issue({ now: Date.now() - 91 * DAY })],
  ['the authority, and has not begun', 'SSLV3_ALERT_BAD_CERTIFICATE', () => issue({ now: Date.now() + DAY })],
  ['the authority, outside of what it may sign for', 'SSLV3_ALERT_CERTIFICATE_UNKNOWN', () => issue({ names: [HOST, ZONE, 'www.example.com'] })],
  ['the authority, for clients alone', 'SSLV3_ALERT_UNSUPPORTED_CERTIFICATE', () => issue(usage(OID.clientAuth))],
];

/** What is the authority's, and somebody else's. */
const ELSEWHERE: readonly [string, Way[], NodeOptions][] = [
  ['another node at another address', EVERY_WAY, { node: OTHER_HOST, names: [OTHER_HOST], ip: OTHER_ADDRESS }],
  ['another node at this address', BY_NAME, { node: OTHER_HOST, names: [OTHER_HOST] }],
  ['this node at another address', BY_ADDRESS, { ip: OTHER_ADDRESS }],
  ['this node by its common name alone', BY_NAME, { names: [OTHER_HOST] }],
  ['a name that ends in this one', BY_NAME, { names: [`x${HOST}`, `x.${ZONE}`] }],
];

async function start(surroundings: Surroundings, change?: (openSsl: string) => string): Promise<Engine> {
  const engine = await startEngine({ documents: documents(surroundings, change), holes: { ...nodeValues(hashesOf(MODEL)), clientNetworks: [`${NODE}/32`] } });
  for (const sql of ['CREATE DATABASE events', 'CREATE TABLE events.facts (n UInt8) ENGINE = MergeTree ORDER BY n', 'INSERT INTO events.facts VALUES (1)', 'SYSTEM START LISTEN TCP']) await engine.admin(sql);
  return engine;
}

/** Has the engine ask a server that shows this, and tells what both of them saw. */
async function ask(engine: Engine, way: Way, nativePort: number, options: TlsOptions): Promise<{ readonly reply: Reply; readonly seen: readonly Seen[] }> {
  const peer = await startPeer({ ca: authority.pem, ...options }, nativePort);
  try {
    const reply = await engine.query(WAYS[way](peer.port), { user: 'default' }, { from: NODE, settings: IMPATIENT });
    return { reply, seen: await peer.seen() };
  } finally {
    peer.close();
  }
}

/** What all connections came to, each once: the engine tries several times. */
const handshakes = (seen: readonly Seen[]): string[] => [...new Set(seen.map(({ handshake }) => handshake))];
const heard = (seen: readonly Seen[]): number => seen.reduce((sum, each) => sum + each.heard, 0);

/**
 * The answer of the far server. Over the native protocol the engine first asks for the columns of the table, with `max_result_rows` 0 for "no
 * limit": a limit that made 1 of it would refuse every table of two columns (lib/config/profiles.ts).
 */
const ANSWER = /^1\n$/;

describeEngine('a modern server as the TLS client of others', () => {
  let surroundings: Surroundings;
  let engine: Engine;

  beforeAll(async () => {
    surroundings = { tunnel: await startTunnel(), nativePort: await freePort() };
    engine = await start(surroundings);
  });

  afterAll(async () => {
    await engine?.stop();
    surroundings?.tunnel.close();
  });

  describe.each(EVERY_WAY)('%s', (way) => {
    const asked = (options: TlsOptions) => ask(engine, way, surroundings.nativePort, options);

    test.each(VERSIONS)('accepts the right server, %s, and shows its own certificate', async (version) => {
      const { reply, seen } = await asked({ ...pem(issue()), ...only(version) });
      expect(reply.body).toMatch(ANSWER);
      expect(handshakes(seen)).toEqual([version]);
      expect([...new Set(seen.map(({ client }) => client))]).toEqual([HOST]);
      expect(heard(seen)).toBeGreaterThan(0);
    });

    test('asks for a name when it is given one', async () => {
      const { asked: names } = surroundings.tunnel;
      const before = names.length;
      await asked(pem(issue()));
      expect([...new Set(names.slice(before).map((name) => name.replace(/:\d+$/, '')))]).toEqual(BY_NAME.includes(way) ? [way === 'url() by name' ? HOST : ZONE] : []);
    });

    // it does not even offer it.
    test.each(OLD_VERSIONS)('refuses a server that knows %s alone', async (version) => {
      const { reply, seen } = await asked({ ...pem(issue()), ...only(version) });
      expect(reply.body).toMatch(/SSL Exception: .*alert protocol version/);
      expect([handshakes(seen), heard(seen)]).toEqual([['ERR_SSL_UNSUPPORTED_PROTOCOL'], 0]);
    });

    // the alerts of RFC 8446, section 6.2, by the names that OpenSSL gives them.
    test.each(WORTHLESS)('refuses what is signed by %s', async (_what, alert, make) => {
      const { reply, seen } = await asked(pem(make()));
      expect(reply.body).toContain('certificate verify failed');
      expect([handshakes(seen), heard(seen)]).toEqual([[`ERR_SSL_${alert}`], 0]);
    });

    // after the handshake, and before anything is said.
    test.each(ELSEWHERE.filter(([, ways]) => ways.includes(way)))('refuses the certificate of %s', async (_what, _ways, options) => {
      const { reply, seen } = await asked(pem(issue(options)));
      expect(reply.body).toMatch(/Unacceptable certificate from \S+: application verification failure/);
      expect(seen.length).toBeGreaterThan(0);
      expect(heard(seen)).toBe(0);
    });
  });
});

describeEngine('the control: a server without the rendered limits of a client', () => {
  let surroundings: Surroundings;
  let engine: Engine;

  beforeAll(async () => {
    surroundings = { tunnel: await startTunnel(), nativePort: await freePort() };
    engine = await start(surroundings, (openSsl) => openSsl.replace(/ *<(extendedVerification|disableProtocols)>.*\n/g, ''));
  });

  afterAll(async () => {
    await engine?.stop();
    surroundings?.tunnel.close();
  });

  describe.each(EVERY_WAY)('%s', (way) => {
    const asked = (options: TlsOptions) => ask(engine, way, surroundings.nativePort, options);

    test.each(ELSEWHERE.filter(([, ways]) => ways.includes(way)))('trusts the certificate of %s with everything', async (_what, _ways, options) => {
      const { reply, seen } = await asked(pem(issue(options)));
      expect(reply.body).toMatch(ANSWER);
      expect(heard(seen)).toBeGreaterThan(0);
    });

    test.each(WORTHLESS)('still refuses what is signed by %s', async (_what, alert, make) => {
      const { reply, seen } = await asked(pem(make()));
      expect(reply.body).toContain('certificate verify failed');
      expect([handshakes(seen), heard(seen)]).toEqual([[`ERR_SSL_${alert}`], 0]);
    });

    // OpenSSL refuses them by itself at its level of security, so what `disableProtocols` adds cannot be seen here.
    test.each(OLD_VERSIONS)('does not offer %s either', async (version) => {
      const { seen } = await asked({ ...pem(issue()), ...only(version) });
      expect([handshakes(seen), heard(seen)]).toEqual([['ERR_SSL_UNSUPPORTED_PROTOCOL'], 0]);
    });
  });
});
