import { askServed } from '../../lib/agent/certificates/status';
import { httpsLogIn } from '../../lib/handlers/rotate-password/nodes';
import type { NodeSecret } from '../../lib/pki/node-secret';
import type { Outcome, Route } from './client';
import { handshake, httpsLogin, lookupOf, nativeLogin, plainHttp, plainNativeLogin } from './client';
import type { Wanted } from './issued';
import { agentPass, DAY, ENDPOINT, Issuer, materialOf, OTHER_ADDRESS, OTHER_HOST, showAnyway } from './issued';
import { DOCUMENTS, HOLES, HOST, passwordOf } from './model';
import { observe, outcomesOf } from './observe';
import { rawHello } from './raw-hello';
import type { ClickHouseServer } from './server';
import { describeServer, NODE_ADDRESS, startServer } from './server';

/**
 * From the issuer's authority to what clients accept: certificates that the issuer made, in the secret that the agent reads, on the disk that a
 * listening server reads, as clients see them that check everything and as some that would take anything.
 */
const PORTS = ['https', 'native', 'interserver'] as const;
type Port = (typeof PORTS)[number];

// the client as permissive as it can be: what is refused, the server refuses.
const version = (wanted: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') => ({ minVersion: wanted, maxVersion: wanted, ciphers: 'ALL:@SECLEVEL=0' });
// https://www.rfc-editor.org/rfc/rfc5246#section-7.2: protocol_version. To who speaks SSL 3.0, which has no such alert, it is handshake_failure:
// https://www.rfc-editor.org/rfc/rfc6101#section-5.4
const REFUSED = { 'TLSv1.1': 'alert 70', 'TLSv1': 'alert 70', 'SSLv3': 'alert 40' } as const;
const UNKNOWN_AUTHORITY = /^(?:SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|CERT_SIGNATURE_FAILURE)$/;
const OTHER_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID';
const ACCEPTED = 'TLSv1.3';
const PASSWORD = passwordOf('reports');

/** A server that shows a certificate of the issuer's, and clients that trust the issuer's authority and nothing else. */
async function start(issuer: Issuer, secret: string): Promise<{ readonly server: ClickHouseServer; readonly route: Route }> {
  const server = await startServer({ documents: DOCUMENTS, holes: HOLES, material: materialOf(issuer.value(secret)) });
  return { server, route: { server, name: HOST, authority: issuer.authority } };
}

/** What a handshake comes to for a client that wants this name; an address is wanted as one. */
const reach = (port: Port, route: Route, name: string): Promise<string> =>
  handshake(route.server.ports[port], { ...route, name }, /^[0-9.]+$/.test(name) ? { servername: undefined } : {});

/** What the rotation handler makes of the server under some names. The server hears of the user only where it says so. */
async function logIns({ server, authority }: Route & { readonly server: Pick<ClickHouseServer, 'log' | 'address' | 'ports'> }, names: readonly string[]): Promise<Record<string, { readonly said: unknown; readonly heard: boolean }>> {
  const logIn = httpsLogIn({ port: server.ports.https, limit: 5_000, lookup: lookupOf(server.address) });
  const results: Record<string, { said: unknown; heard: boolean }> = {};
  for (const name of names) {
    const user = `stranger-${Math.random().toString(36).slice(2)}`;
    results[name] = { said: await logIn({ server: name, authority: [authority], user, password: PASSWORD }), heard: server.log().includes(user) };
  }
  return results;
}

describeServer('a listening server with a certificate of the issuer', () => {
  let issuer: Issuer;
  let secret: string;
  let server: ClickHouseServer;
  let route: Route;

  beforeAll(async () => {
    issuer = await Issuer.establish();
    secret = await issuer.issue();
    ({ server, route } = await start(issuer, secret));
  });

  afterAll(() => server?.stop());

  describe.each(PORTS)('%s', (port) => {
    // 1.3 as this build does it: Debian's 18.16 runs on the machine's OpenSSL, and `disableProtocols` names nothing above 1.1.
    test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s is accepted', async (wanted) => {
      expect(await handshake(server.ports[port], route, version(wanted))).toBe(wanted);
    });

    test('TLS 1.1, TLS 1.0 and SSL 3.0 are refused', async () => {
      for (const old of ['TLSv1.1', 'TLSv1', 'SSLv3'] as const) expect([old, await rawHello(server.address, server.ports[port], old)]).toEqual([old, REFUSED[old]]);
      for (const old of ['TLSv1.1', 'TLSv1'] as const) expect(await handshake(server.ports[port], route, version(old))).toBe('ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION');
      // the control: the same bytes with the version after.
      expect(await rawHello(server.address, server.ports[port], 'TLSv1.2')).toBe('TLSv1.2');
    });

    test('without TLS nothing is answered', async () => {
      // the port of the test, whatever its protocol.
      const here: Route = { ...route, server: { address: server.address, ports: { https: server.ports[port], native: server.ports[port], interserver: server.ports[port] } } };
      const login = { user: 'reports', password: PASSWORD };
      expect(await plainHttp(here, login)).toEqual({ error: 'no HTTP' });
      expect(await plainNativeLogin(here, login)).toEqual({ error: expect.stringMatching(/^(?:closed|not the native protocol)$/) as string });
    });

    test('clients accept it as the node, as the endpoint and at its address', async () => {
      for (const name of [HOST, ENDPOINT, NODE_ADDRESS]) expect([name, await reach(port, route, name)]).toEqual([name, ACCEPTED]);
    });

    test('clients refuse it as anything else', async () => {
      for (const name of [OTHER_HOST, 'localhost', `x.${HOST}`, `x${HOST}`, `x.${ENDPOINT}`, ENDPOINT.slice(ENDPOINT.indexOf('.') + 1)]) expect([name, await reach(port, route, name)]).toEqual([name, OTHER_NAME]);
      // it also listens on loopback's first address, which its certificate does not have.
      expect(await reach(port, { ...route, server: { address: '127.0.0.1', ports: server.ports } }, '127.0.0.1')).toBe(OTHER_NAME);
    });

    test('clients of another authority refuse it, and so do those of none', async () => {
      expect(await reach(port, { ...route, authority: (await Issuer.establish()).authority }, HOST)).toMatch(UNKNOWN_AUTHORITY);
      expect(await handshake(server.ports[port], route, { ca: undefined })).toMatch(UNKNOWN_AUTHORITY);
    });

    test('the agent sees the certificate that was issued', async () => {
      const { certificate: cert, privateKey: key, chain: bundle, serial } = issuer.value(secret);
      expect(await askServed({ address: server.address, port: server.ports[port], host: HOST }, { bundle, own: { cert, key } })).toEqual({ kind: 'certificate', serial });
    });

    // with TLS 1.3 a client is done before the server has looked at its certificate.
    test('a peer may show the certificate of its own node, and none of another cluster', async () => {
      const elsewhere = await Issuer.establish();
      const showing = ({ certificate, privateKey }: NodeSecret) => handshake(server.ports[port], route, { ...version('TLSv1.2'), cert: certificate, key: privateKey });
      const peer: Wanted = { node: OTHER_HOST, ip: OTHER_ADDRESS };
      expect(await showing(issuer.value(await issuer.issue(peer)))).toBe('TLSv1.2');
      expect(await showing(elsewhere.value(await elsewhere.issue(peer)))).toMatch(/ALERT/);
      expect(await showing(issuer.value(await issuer.issue({ ...peer, now: Date.now() - 91 * DAY })))).toMatch(/ALERT/);
    });
  });

  test('the rotation handler logs in to the node, and sends nothing to another name', async () => {
    const reached = { said: { trouble: 'HTTP 401' }, heard: true };
    const refused = { said: { trouble: OTHER_NAME }, heard: false };
    expect(await logIns({ ...route, server }, [HOST, ENDPOINT, OTHER_HOST, 'localhost'])).toEqual({ [HOST]: reached, [ENDPOINT]: reached, [OTHER_HOST]: refused, localhost: refused });
  });
});

/** What a peer or a client must not accept, and why the agent says it does not install it. */
const UNFIT: readonly [what: string, reason: RegExp, seen: RegExp, seenAsEndpoint: RegExp, make: (issuer: Issuer) => Promise<NodeSecret>][] = [
  // any node may answer for the endpoint.
  ['is of another node', /is for the hosts/, /^ERR_TLS_CERT_ALTNAME_INVALID$/, /^TLSv1\.3$/, async (issuer) => issuer.value(await issuer.issue({ node: OTHER_HOST, ip: OTHER_ADDRESS }))],
  ['is over', /was valid until/, /^CERT_HAS_EXPIRED$/, /^CERT_HAS_EXPIRED$/, async (issuer) => issuer.value(await issuer.issue({ now: Date.now() - 91 * DAY }))],
  ['has not begun', /is valid from/, /^CERT_NOT_YET_VALID$/, /^CERT_NOT_YET_VALID$/, async (issuer) => issuer.value(await issuer.issue({ now: Date.now() + DAY }))],
  ['is of another authority of the same name', /another authority|whose key the authority's parameter does not have/, UNKNOWN_AUTHORITY, UNKNOWN_AUTHORITY, async () => {
    const elsewhere = await Issuer.establish();
    return elsewhere.value(await elsewhere.issue());
  }],
];

describeServer('a listening server with a certificate that is unfit', () => {
  let issuer: Issuer;
  let secret: string;
  let server: ClickHouseServer;
  let route: Route;

  beforeAll(async () => {
    issuer = await Issuer.establish();
    secret = await issuer.issue();
    ({ server, route } = await start(issuer, secret));
    expect(await agentPass(server, issuer, secret)).toMatchObject({ state: 'installed', status: { behind: false } });
  });

  afterAll(() => server?.stop());

  test.each(UNFIT)('one that %s: the agent leaves it, and clients refuse who shows it', async (_what, reason, seen, seenAsEndpoint, make) => {
    const value = await make(issuer);
    expect(await agentPass(server, issuer, issuer.holding(value))).toMatchObject({ state: 'kept', reason: expect.stringMatching(reason) as string });
    await showAnyway(server, value);
    for (const port of PORTS) {
      for (const [name, wanted] of [[HOST, seen], [ENDPOINT, seenAsEndpoint], [NODE_ADDRESS, seen]] as const) expect([port, name, await reach(port, route, name)]).toEqual([port, name, expect.stringMatching(wanted)]);
    }
    const { [HOST]: login } = await logIns({ ...route, server }, [HOST]);
    expect(login).toEqual({ said: { trouble: expect.stringMatching(seen) as string }, heard: false });
    // the control: the one in the node's own secret, on the same server.
    expect(await agentPass(server, issuer, secret)).toMatchObject({ state: 'installed' });
    await server.restart();
    for (const port of PORTS) expect(await reach(port, route, HOST)).toBe(ACCEPTED);
  });
});

describeServer('from one certificate to the next', () => {
  test('a restart shows the next one, and clients that trust the authority notice nothing but the restart', async () => {
    const issuer = await Issuer.establish();
    const secret = await issuer.issue({ now: Date.now() - 61 * DAY });
    const first = issuer.value(secret).serial;
    const { server, route } = await start(issuer, secret);
    const login = { user: 'reports', password: PASSWORD };
    const observers = [observe(() => httpsLogin(route, login)), observe(() => httpsLogin({ ...route, name: ENDPOINT }, login)), observe(() => nativeLogin(route, login))];
    try {
      expect(await agentPass(server, issuer, secret)).toMatchObject({ state: 'installed', status: { current: first, served: first, behind: false } });
      await issuer.renew();
      const next = issuer.value(secret).serial;
      expect(next).not.toBe(first);
      // 18.16 does not read certificates again while it runs. The agent says so.
      expect(await agentPass(server, issuer, secret)).toMatchObject({ state: 'installed', status: { installed: next, current: next, served: first, behind: true }, retry: true });
      for (const port of PORTS) expect(await reach(port, route, HOST)).toBe(ACCEPTED);
      await server.restart();
      expect(await agentPass(server, issuer, secret)).toMatchObject({ state: 'same', status: { installed: next, current: next, served: next, behind: false }, retry: false });
      for (const port of PORTS) for (const name of [HOST, ENDPOINT, NODE_ADDRESS]) expect([port, name, await reach(port, route, name)]).toEqual([port, name, ACCEPTED]);
    } finally {
      const seen = outcomesOf((await Promise.all(observers.map((each) => each.stop()))).flat());
      await server.stop();
      const whileAway: Outcome[] = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'closed'].map((error) => ({ error }));
      expect(seen).toContainEqual({ is: 'reports' });
      for (const outcome of seen) expect([{ is: 'reports' }, ...whileAway]).toContainEqual(outcome);
    }
  });
});

describeServer('the control: the same server without the rendered limits, asked byte by byte', () => {
  test('speaks what it refuses with them, except for what its OpenSSL does not know', async () => {
    const issuer = await Issuer.establish();
    const lax = Object.fromEntries(Object.entries(DOCUMENTS).map(([path, document]) => [path, document.replace(/ *<(disableProtocols|cipherList)>.*\n/g, '')]));
    const server = await startServer({ documents: lax, holes: HOLES, material: materialOf(issuer.value(await issuer.issue())) });
    try {
      for (const old of ['TLSv1', 'TLSv1.1'] as const) expect(await rawHello(server.address, server.ports.https, old)).toBe(old);
      // Debian builds OpenSSL without it, so a server that would speak it cannot be had.
      expect(await rawHello(server.address, server.ports.https, 'SSLv3')).toBe(REFUSED.SSLv3);
    } finally {
      await server.stop();
    }
  });
});
