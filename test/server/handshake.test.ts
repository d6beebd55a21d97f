import type { Authority, Material } from '../openssl';
import { makeAuthority } from '../openssl';
import type { Route } from './client';
import { handshake, httpsLogin, nativeLogin, plainHttp, plainNativeLogin } from './client';
import { DOCUMENTS, HOLES, HOST, passwordOf } from './model';
import type { ClickHouseServer } from './server';
import { describeServer, NODE_ADDRESS, startServer } from './server';

// the client as permissive as it can be: what is refused, the server refuses.
const version = (wanted: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3') => ({ minVersion: wanted, maxVersion: wanted, ciphers: 'ALL:@SECLEVEL=0' });
const PORTS = ['https', 'native', 'interserver'] as const;

const REFUSED_BY_SERVER = 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION';
// which one depends on whether the server shows its authority as well.
const UNKNOWN_AUTHORITY = /^(?:SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|CERT_SIGNATURE_FAILURE)$/;

describeServer('the TLS listeners of a rendered server', () => {
  let server: ClickHouseServer;
  let authority: Authority;
  let route: Route;

  beforeAll(async () => {
    authority = makeAuthority('events authority');
    server = await startServer({ documents: DOCUMENTS, holes: HOLES, material: authority.issue([`DNS:${HOST}`, `IP:${NODE_ADDRESS}`]) });
    route = { server, name: HOST, authority: authority.certificate };
  });

  afterAll(() => server?.stop());

  test('are all there is', () => {
    const expected = [NODE_ADDRESS, '127.0.0.1'].flatMap((address) => Object.values(server.ports).map((port) => `${address}:${port}`));
    expect(server.listeners()).toEqual(expected.sort());
  });

  describe.each(PORTS)('%s', (port) => {
    test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s is accepted', async (wanted) => {
      expect(await handshake(server.ports[port], route, version(wanted))).toBe(wanted);
    });

    test.each(['TLSv1', 'TLSv1.1'] as const)('%s is refused', async (wanted) => {
      expect(await handshake(server.ports[port], route, version(wanted))).toBe(REFUSED_BY_SERVER);
    });

    // no authentication, and no authenticated encryption.
    test.each(['AECDH-AES256-SHA', 'ECDHE-ECDSA-AES256-SHA', 'ECDHE-ECDSA-AES128-SHA256'])('the cipher %s is refused', async (cipher) => {
      const code = await handshake(server.ports[port], route, { ...version('TLSv1.2'), ciphers: `${cipher}:@SECLEVEL=0` });
      expect(code).toMatch(/^ERR_SSL_(?:SSLV3|TLSV1)_ALERT_HANDSHAKE_FAILURE$/);
    });

    test('a client refuses another name, another authority and the authorities that Node.js trusts by itself', async () => {
      const to = server.ports[port];
      expect(await handshake(to, { ...route, name: 'server-1-2.events.clickhouse.internal' })).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
      expect(await handshake(to, { ...route, name: 'localhost' })).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
      expect(await handshake(to, { ...route, authority: makeAuthority('events authority').certificate })).toMatch(UNKNOWN_AUTHORITY);
      expect(await handshake(to, route, { ca: undefined })).toMatch(UNKNOWN_AUTHORITY);
    });

    // with TLS 1.3 a client is done before the server has looked at its certificate. That the server also compares the certificate with the
    // address a client comes from cannot be seen here: Poco makes an exception of loopback.
    // https://github.com/pocoproject/poco/blob/poco-1.11.0-release/NetSSL_OpenSSL/src/SecureSocketImpl.cpp
    const showing = ({ certificate, privateKey }: Material) => handshake(server.ports[port], route, { ...version('TLSv1.2'), cert: certificate, key: privateKey });

    test('a client that shows a certificate must show one of the authority', async () => {
      expect(await showing(authority.issue(['DNS:server-1-2.events.clickhouse.internal', 'IP:127.0.0.1']))).toBe('TLSv1.2');
      expect(await showing(makeAuthority('another authority').issue(['IP:127.0.0.1']))).toMatch(/ALERT/);
    });
  });

  test('without TLS nothing is answered', async () => {
    const login = { user: 'reports', password: passwordOf('reports') };
    expect(await plainHttp(route, login)).toEqual({ error: 'no HTTP' });
    expect(await plainNativeLogin(route, login)).not.toHaveProperty('is');
    // the control: in TLS the same login is.
    expect(await httpsLogin(route, login)).toEqual({ is: 'reports' });
    expect(await nativeLogin(route, login)).toEqual({ is: 'reports' });
  });

  test('who comes from elsewhere than the networks of the user is refused', async () => {
    const login = { user: 'abroad', password: passwordOf('abroad') };
    expect(await httpsLogin(route, login)).toEqual({ exception: 195 });
    expect(await nativeLogin(route, login)).toEqual({ exception: 195 });
  });
});

describeServer('the control: without the rendered limits the same server', () => {
  test('takes what it refuses with them', async () => {
    const authority = makeAuthority('events authority');
    const lax = Object.fromEntries(Object.entries(DOCUMENTS).map(([path, document]) => [path, document.replace(/ *<(disableProtocols|cipherList)>.*\n/g, '')]));
    const server = await startServer({ documents: lax, holes: HOLES, material: authority.issue([`DNS:${HOST}`]) });
    try {
      const route = { server, name: HOST, authority: authority.certificate };
      expect(await handshake(server.ports.https, route, version('TLSv1'))).toBe('TLSv1');
      expect(await handshake(server.ports.https, route, version('TLSv1.1'))).toBe('TLSv1.1');
      expect(await handshake(server.ports.https, route, { ...version('TLSv1.2'), ciphers: 'ECDHE-ECDSA-AES256-SHA:@SECLEVEL=0' })).toBe('TLSv1.2');
    } finally {
      await server.stop();
    }
  });
});
