import { execFileSync } from 'node:child_process';
import { sign, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as asn1 from '@peculiar/asn1-x509';
import * as fc from 'fast-check';
import { assemble, authorityCommonName, authorityToBeSigned, newSerial, nodeToBeSigned } from '../../../lib/handlers/issue-certificate/certificates';
import { parseAuthority } from '../../../lib/pki/authority';
import { OID, parseCertificate } from '../../../lib/pki/certificate';
import { verifyNodeCertificate } from '../../../lib/pki/verify';
import { DAY, extension, hasOpenssl, IP, keyPair, NETWORKS, NODE, TestAuthority, ZONE } from '../../pki/authority';

const NOW = Date.UTC(2026, 5, 1);
const authority = new TestAuthority({ now: NOW });
const leaf = authority.issue({ now: NOW });

test('serial numbers are positive, all of the same length and never the same', () => {
  const serials = Array.from({ length: 5_000 }, () => Buffer.from(newSerial()).toString('hex'));
  expect(new Set(serials).size).toBe(serials.length);
  expect(serials.filter((serial) => !/^[4-7][0-9a-f]{31}$/.test(serial))).toEqual([]);
  // and every bit but the fixed two is sometimes set and sometimes not.
  const bits = serials.map((serial) => BigInt(`0x${serial}`).toString(2).padStart(128, '0'));
  const fixed = Array.from({ length: 128 }, (_, index) => index).filter((index) => new Set(bits.map((each) => each.charAt(index))).size === 1);
  expect(fixed).toEqual([0, 1]);
});

const label = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,20}[a-z0-9])?$/);
const host = fc.array(label, { minLength: 2, maxLength: 5 }).map((labels) => labels.join('.'));
const octet = fc.integer({ min: 0, max: 255 });
const address = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'));

test('what is written is what is read', () => {
  const keys = keyPair();
  fc.assert(
    fc.property(host, fc.uniqueArray(address, { minLength: 1, maxLength: 12 }), fc.array(label, { maxLength: 3 }), fc.string({ minLength: 1, unit: 'grapheme-ascii' }), fc.integer({ min: Date.UTC(2020, 0), max: Date.UTC(2060, 0) }), (zone, ips, labels, name, now) => {
      const networks = ips.map((each) => `${each}/32`);
      const commonName = authorityCommonName(name);
      const toBeSigned = authorityToBeSigned({ commonName, zone, networks, publicKey: keys.publicKey, serial: newSerial(), now });
      const read = parseAuthority(assemble(toBeSigned, sign('sha256', toBeSigned, keys.privateKey)));
      if ('problems' in read) throw new Error(JSON.stringify(read.problems));
      const [certificate] = read.certificates;
      expect(certificate).toMatchObject({ commonName, constraints: { dns: [zone], networks, others: false }, extensions: { keyUsage: [5, 6], basicConstraints: { authority: true, pathLength: 0 }, unknown: [] } });
      if (certificate === undefined) return;
      const node = [...labels, zone].join('.');
      const [ip = ''] = ips;
      const signed = nodeToBeSigned({ node, names: [...new Set([node, zone])], ip, publicKey: keys.publicKey, authority: certificate, serial: newSerial(), now });
      const pem = assemble(signed, sign('sha256', signed, keys.privateKey));
      expect(verifyNodeCertificate({ certificate: pem, privateKey: keys.pem }, { node, names: [...new Set([node, zone])], ip, authority: certificate.pem }, now)).toEqual([]);
      expect(new X509Certificate(pem).subjectAltName).toBe([...new Set([node, zone])].map((each) => `DNS:${each}`).join(', ') + `, IP Address:${ip}`);
    }),
    { numRuns: 60 },
  );
});

test('a node does not outlive its authority', () => {
  const late = new TestAuthority({ now: NOW - 3652 * DAY + 10 * DAY });
  expect(parseCertificate(late.issue({ now: NOW }).certificate).notAfter).toBe(late.certificate.notAfter);
  expect(parseCertificate(leaf.certificate).notAfter - NOW).toBe(90 * DAY);
});

test('a name that is longer than a common name may be is in the alternative names alone', () => {
  const node = `server-1-1.${'very-long-label-of-a-zone.'.repeat(3)}internal`;
  const long = new TestAuthority({ now: NOW, zone: node.slice(11) });
  const { certificate, privateKey } = long.issue({ now: NOW, node, names: [node] });
  expect(new X509Certificate(certificate).subject).toBe('CN=server-1-1');
  expect(verifyNodeCertificate({ certificate, privateKey }, { node, names: [node], ip: IP, authority: long.pem }, NOW)).toEqual([]);
  expect(authorityCommonName('a'.repeat(200))).toHaveLength(64);
});

// X.509 has signatures in DER: two numbers, each in its shortest form and with a zero before a high bit. The issuer hands on what the signer
// answers, so what is to be shown is that all forms survive and that what is not such a form is not taken for one.
describe('signatures', () => {
  const keys = keyPair();
  const toBeSigned = authorityToBeSigned({ commonName: 'ClickHouse analytics CA', zone: ZONE, networks: NETWORKS, publicKey: keys.publicKey, serial: newSerial(), now: NOW });
  const forms = new Map<string, Buffer>();
  for (let count = 0; count < 20_000 && forms.size < 7; count += 1) {
    const signature = sign('sha256', toBeSigned, keys.privateKey);
    const r = signature[3] ?? 0;
    const s = signature[5 + r] ?? 0;
    const kind = (length: number): string => (length === 33 ? 'high bit' : length === 32 ? 'plain' : 'leading zeros');
    forms.set(`${kind(r)}, ${kind(s)}`, signature);
  }
  const fine = (signature: Uint8Array): boolean => 'certificates' in parseAuthority(assemble(toBeSigned, signature));

  test('of all forms are accepted', () => {
    expect([...forms.keys()]).toEqual(expect.arrayContaining(['high bit, high bit', 'high bit, plain', 'plain, high bit', 'plain, plain']));
    expect([...forms.keys()].some((form) => form.includes('leading zeros'))).toBe(true);
    for (const signature of forms.values()) expect(fine(signature)).toBe(true);
  });

  test('in any other form are refused', () => {
    const der = forms.get('plain, plain') ?? Buffer.alloc(0);
    const r = der.subarray(4, 36);
    const s = der.subarray(38, 70);
    const others: Readonly<Record<string, Buffer>> = {
      nothing: Buffer.alloc(0),
      'the two numbers, as WebCrypto has them': Buffer.concat([r, s]),
      'a byte too much': Buffer.concat([der, Buffer.from([0])]),
      'a byte too little': der.subarray(0, -1),
      'a zero before a number that needs none': Buffer.concat([Buffer.from([0x30, 69, 0x02, 33, 0]), r, Buffer.from([0x02, 32]), s]),
      'a long length': Buffer.concat([Buffer.from([0x30, 0x81, 68]), der.subarray(2)]),
      'exchanged numbers': Buffer.concat([Buffer.from([0x30, 68, 0x02, 32]), s, Buffer.from([0x02, 32]), r]),
      zeros: Buffer.from([0x30, 6, 0x02, 1, 0, 0x02, 1, 0]),
    };
    for (const [form, signature] of Object.entries(others)) expect([form, fine(signature)]).toEqual([form, false]);
    expect(fine(der)).toBe(true);
  });
});

const openssl = hasOpenssl();
if (!openssl) console.warn('issue-certificate: openssl is not here; what OpenSSL says of our certificates is not proven');

(openssl ? describe : describe.skip)('OpenSSL', () => {
  const directory = mkdtempSync(join(tmpdir(), 'issued-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  const file = (name: string, pem: string): string => {
    writeFileSync(join(directory, name), pem);
    return join(directory, name);
  };
  const text = (pem: string): string => execFileSync('openssl', ['x509', '-in', file('shown.pem', pem), '-noout', '-text', '-nameopt', 'RFC2253'], { encoding: 'utf8' });
  /** 'OK', or why not. */
  const verify = (pem: string, { ca = authority.pem, purpose = 'sslserver', host = NODE, ip = IP, at = NOW, untrusted = '' } = {}): string => {
    const args = ['verify', '-x509_strict', '-purpose', purpose, '-verify_hostname', host, '-verify_ip', ip, '-attime', String(Math.floor(at / 1000)), '-no-CApath', '-no-CAstore', '-CAfile', file('ca.pem', ca)];
    if (untrusted !== '') args.push('-untrusted', file('untrusted.pem', untrusted));
    try {
      execFileSync('openssl', [...args, file('leaf.pem', pem)], { encoding: 'utf8', stdio: 'pipe' });
      return 'OK';
    } catch (error) {
      return /lookup: ?(.*)/.exec(String((error as { stderr?: unknown }).stderr))?.[1] ?? 'no answer';
    }
  };

  test.each(['sslserver', 'sslclient'])('accepts a node as %s, by all of its names', (purpose) => {
    expect(verify(leaf.certificate, { purpose })).toBe('OK');
    expect(verify(leaf.certificate, { purpose, host: ZONE })).toBe('OK');
  });

  test('accepts the authority', () => {
    expect(execFileSync('openssl', ['verify', '-x509_strict', '-check_ss_sig', '-attime', String(NOW / 1000), '-CAfile', file('ca.pem', authority.pem), file('ca.pem', authority.pem)], { encoding: 'utf8' })).toMatch(/: OK$/m);
  });

  test('reads the authority as it is meant', () => {
    const shown = text(authority.pem);
    for (const line of [
      /Version: 3 /,
      /Signature Algorithm: ecdsa-with-SHA256/,
      /Issuer: CN=ClickHouse analytics CA\n/,
      /Subject: CN=ClickHouse analytics CA\n/,
      /ASN1 OID: prime256v1/,
      /Not Before: May 31 23:55:00 2026 GMT\n\s+Not After : May 31 00:00:00 2036 GMT/,
      /Basic Constraints: critical\n\s+CA:TRUE, pathlen:0\n/,
      /Key Usage: critical\n\s+Certificate Sign, CRL Sign\n/,
      /Name Constraints: critical\n\s+Permitted:\n\s+DNS:analytics\.clickhouse\.internal\n\s+IP:10\.20\.0\.0\/255\.255\.254\.0\n\s+IP:10\.20\.4\.0\/255\.255\.255\.0\n\s+IP:127\.0\.0\.0\/255\.0\.0\.0\n\s+X509v3 Subject Key Identifier: \n/,
    ]) {
      expect(shown).toMatch(line);
    }
    expect(shown.match(/X509v3 /g)).toHaveLength(5); // four extensions and the heading
  });

  test('reads a node as it is meant', () => {
    const shown = text(leaf.certificate);
    for (const line of [
      /Version: 3 /,
      /Signature Algorithm: ecdsa-with-SHA256/,
      /Issuer: CN=ClickHouse analytics CA\n/,
      new RegExp(`Subject: CN=${NODE}\n`),
      /Not Before: May 31 23:55:00 2026 GMT\n\s+Not After : Aug 30 00:00:00 2026 GMT/,
      /Basic Constraints: critical\n\s+CA:FALSE\n/,
      /Key Usage: critical\n\s+Digital Signature\n/,
      /Extended Key Usage: \n\s+TLS Web Server Authentication, TLS Web Client Authentication\n/,
      new RegExp(`Subject Alternative Name: \n\\s+DNS:${NODE}, DNS:${ZONE}, IP Address:${IP}\n`),
      /Authority Key Identifier: \n/,
    ]) {
      expect(shown).toMatch(line);
    }
    expect(shown.match(/X509v3 /g)).toHaveLength(7);
    expect(shown).not.toMatch(/localhost/);
  });

  test.each(['authority', 'node'])('finds the same bytes when it encodes a certificate of the %s itself', (which) => {
    const pem = which === 'node' ? leaf.certificate : authority.pem;
    const der = execFileSync('openssl', ['x509', '-in', file('again.pem', pem), '-outform', 'DER']);
    expect(der.equals(new X509Certificate(pem).raw)).toBe(true);
    expect(execFileSync('openssl', ['x509', '-in', file('again.pem', pem)], { encoding: 'utf8' })).toBe(pem);
  });

  test('refuses what it must', () => {
    const other = new TestAuthority({ now: NOW });
    expect(verify(leaf.certificate, { ca: other.pem })).toMatch(/unable to get local issuer certificate|signature failure/);
    expect(verify(leaf.certificate, { host: `server-1-2.${ZONE}` })).toBe('hostname mismatch');
    expect(verify(leaf.certificate, { ip: '10.20.1.12' })).toBe('IP address mismatch');
    expect(verify(leaf.certificate, { at: NOW - 6 * 60_000 })).toBe('certificate is not yet valid');
    expect(verify(leaf.certificate, { at: NOW + 90 * DAY })).toBe('certificate has expired');
    const elsewhere = authority.issue({ now: NOW, node: 'server-1-1.example.com', names: ['server-1-1.example.com'] });
    expect(verify(elsewhere.certificate, { host: 'server-1-1.example.com' })).toBe('permitted subtree violation');
    expect(verify(authority.issue({ now: NOW, ip: '10.20.2.1' }).certificate, { ip: '10.20.2.1' })).toBe('permitted subtree violation');
    expect(verify(authority.issue({ now: NOW, names: [NODE, 'localhost'] }).certificate)).toBe('permitted subtree violation');
  });

  test('refuses a certificate without the usage, and what a node signs', () => {
    const server = authority.issue({ now: NOW, change: extension(OID.extendedKeyUsage, new asn1.ExtendedKeyUsage([OID.serverAuth])) });
    expect([verify(server.certificate), verify(server.certificate, { purpose: 'sslclient' })]).toEqual(['OK', expect.stringMatching(/purpose/)]);
    const keys = keyPair();
    const node = authority.issue({ now: NOW, keys });
    const below = new TestAuthority({ now: NOW, keys, commonName: NODE });
    expect(verify(below.issue({ now: NOW }).certificate, { untrusted: node.certificate })).toMatch(/invalid CA certificate|key usage does not include/);
  });

  test('refuses an authority below the authority, although it is one', () => {
    const keys = keyPair();
    const change = (contents: asn1.TBSCertificate): void => {
      extension(OID.basicConstraints, new asn1.BasicConstraints({ cA: true }))(contents);
      extension(OID.keyUsage, new asn1.KeyUsage(asn1.KeyUsageFlags.keyCertSign))(contents);
      extension(OID.extendedKeyUsage, undefined)(contents);
    };
    const intermediate = authority.issue({ now: NOW, keys, change });
    const below = new TestAuthority({ now: NOW, keys, commonName: NODE });
    expect(verify(below.issue({ now: NOW }).certificate, { untrusted: intermediate.certificate })).toBe('path length constraint exceeded');
  });

  test('accepts both authorities of an overlap, in either order, and those of one key', () => {
    const successor = new TestAuthority({ now: NOW });
    const next = successor.issue({ now: NOW });
    for (const ca of [authority.pem + successor.pem, successor.pem + authority.pem]) {
      expect([verify(leaf.certificate, { ca }), verify(next.certificate, { ca })]).toEqual(['OK', 'OK']);
    }
    const wider = new TestAuthority({ now: NOW, keys: authority.keys, networks: [...NETWORKS, '10.99.0.0/16'] });
    expect([verify(leaf.certificate, { ca: wider.pem }), verify(wider.issue({ now: NOW }).certificate)]).toEqual(['OK', 'OK']);
  });
});
