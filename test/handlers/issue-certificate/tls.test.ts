import * as asn1 from '@peculiar/asn1-x509';
import { OID } from '../../../lib/pki/certificate';
import { DAY, extension, keyPair, NODE, TestAuthority, ZONE } from '../../pki/authority';
import { handshake } from '../../pki/handshake';

const HERE = '127.0.0.1';
const authority = new TestAuthority();
const node = authority.issue({ ip: HERE });

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('Node.js, %s', (version) => {
  const refused = async (server: typeof node, trust = authority.pem, host = NODE): Promise<string> => (await handshake({ server, trust, host, version })).client;

  test.each([NODE, ZONE, HERE])('accepts a node as %s', async (host) => {
    expect(await handshake({ server: node, trust: authority.pem, host, version })).toEqual({ client: 'accepted', server: 'accepted' });
  });

  test('accepts a node as a client of another', async () => {
    expect(await handshake({ server: node, client: authority.issue({ node: `server-1-2.${ZONE}` }), clientsOf: authority.pem, trust: authority.pem, host: NODE, version })).toEqual({ client: 'accepted', server: 'accepted' });
  });

  test('refuses another authority, by whatever name', async () => {
    const other = new TestAuthority();
    expect(await refused(node, other.pem)).toMatch(/^(?:UNABLE_TO_GET_ISSUER_CERT_LOCALLY|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_SIGNATURE_FAILURE)$/);
    expect(await refused(other.issue({ ip: HERE }))).toMatch(/^(?:UNABLE_TO_GET_ISSUER_CERT_LOCALLY|UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_SIGNATURE_FAILURE)$/);
  });

  test('refuses another name, and the certificate of another node', async () => {
    expect(await refused(node, authority.pem, `server-1-2.${ZONE}`)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(await refused(node, authority.pem, 'localhost')).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(await refused(authority.issue({ node: `server-1-2.${ZONE}`, ip: HERE }))).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(await refused(authority.issue({ ip: '10.20.1.12' }), authority.pem, HERE)).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
  });

  test('refuses names and addresses outside of the constraints', async () => {
    expect(await refused(authority.issue({ ip: HERE, node: 'server.example.com', names: ['server.example.com'] }), authority.pem, 'server.example.com')).toBe('permitted subtree violation');
    expect(await refused(authority.issue({ ip: '192.0.2.1' }))).toBe('permitted subtree violation');
    expect(await refused(authority.issue({ ip: HERE, names: [NODE, 'localhost'] }))).toBe('permitted subtree violation');
  });

  test('refuses what is over and what has not begun', async () => {
    const long = new TestAuthority({ now: Date.now() - 200 * DAY });
    expect(await refused(long.issue({ now: Date.now() - 91 * DAY, ip: HERE }), long.pem)).toBe('CERT_HAS_EXPIRED');
    expect(await refused(authority.issue({ now: Date.now() + DAY, ip: HERE }))).toBe('CERT_NOT_YET_VALID');
    const over = new TestAuthority({ now: Date.now() - 3653 * DAY });
    const claims = over.issue({ ip: HERE, change: (contents) => void (contents.validity = new asn1.Validity({ notBefore: new Date(Date.now() - DAY), notAfter: new Date(Date.now() + DAY) })) });
    expect(await refused(claims, over.pem)).toBe('CERT_HAS_EXPIRED');
  });

  test('refuses a node without the usage that it needs', async () => {
    const usage = (oid: string) => ({ ip: HERE, change: extension(OID.extendedKeyUsage, new asn1.ExtendedKeyUsage([oid])) });
    expect(await refused(authority.issue(usage(OID.clientAuth)))).toBe('INVALID_PURPOSE');
    const asClient = await handshake({ server: node, client: authority.issue(usage(OID.serverAuth)), clientsOf: authority.pem, trust: authority.pem, host: NODE, version });
    expect(asClient.client).not.toBe('accepted');
    expect(asClient.server).not.toBe('accepted');
  });

  test('refuses a client without a certificate, and one of another authority, where one is needed', async () => {
    for (const client of [undefined, new TestAuthority().issue({ ip: HERE })]) {
      const seen = await handshake({ server: node, client, clientsOf: authority.pem, trust: authority.pem, host: NODE, version });
      expect([seen.client, seen.server]).not.toContain('accepted');
    }
  });

  test('refuses what a node or an authority below the authority has signed', async () => {
    const keys = keyPair();
    const leafAsAuthority = authority.issue({ keys, ip: HERE });
    const below = new TestAuthority({ keys, commonName: NODE });
    const forged = below.issue({ ip: HERE });
    expect(await refused({ ...forged, certificate: forged.certificate + leafAsAuthority.certificate })).toMatch(/^(?:INVALID_CA|invalid CA certificate|key usage does not include certificate signing)$/);
    const intermediate = authority.issue({
      keys,
      ip: HERE,
      change: (contents) => {
        extension(OID.basicConstraints, new asn1.BasicConstraints({ cA: true }))(contents);
        extension(OID.keyUsage, new asn1.KeyUsage(asn1.KeyUsageFlags.keyCertSign))(contents);
      },
    });
    expect(await refused({ ...forged, certificate: forged.certificate + intermediate.certificate })).toMatch(/^(?:PATH_LENGTH_EXCEEDED|path length constraint exceeded)$/);
  });
});

test('a key that does not belong to the certificate is not even loaded', async () => {
  await expect(handshake({ server: { ...node, privateKey: keyPair().pem }, trust: authority.pem, host: NODE })).rejects.toThrow(/key values mismatch/);
});
