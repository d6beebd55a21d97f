import * as asn1 from '@peculiar/asn1-x509';
import * as fc from 'fast-check';
import { OID } from '../../lib/pki/certificate';
import { NOT_ISSUED_YET, parseNodeSecret, renderNodeSecret, verifyNodeSecret } from '../../lib/pki/node-secret';
import { readLeaf, verifyNodeCertificate } from '../../lib/pki/verify';
import type { AuthorityOptions, NodeOptions } from './authority';
import { DAY, extension, IP, keyPair, NETWORKS, NODE, TestAuthority, ZONE } from './authority';

const NOW = Date.UTC(2026, 5, 1);
const authority = new TestAuthority({ now: NOW - DAY });
const good = authority.issue({ now: NOW });
const codes = (material: { certificate: string; privateKey: string }, expected = authority.expectations(), now = NOW): string[] => verifyNodeCertificate(material, expected, now).map(({ code }) => code);

test('what the issuer makes is accepted, as long as it is valid', () => {
  expect(codes(good)).toEqual([]);
  expect(codes(good, undefined, NOW - 5 * 60_000)).toEqual([]);
  expect(codes(good, undefined, NOW + 90 * DAY - 1000)).toEqual([]);
});

test('so is what either of two authorities issued', () => {
  const successor = new TestAuthority({ now: NOW - DAY });
  for (const bundle of [authority.pem + successor.pem, successor.pem + authority.pem]) {
    expect(codes(good, authority.expectations({ authority: bundle }))).toEqual([]);
    expect(codes(successor.issue({ now: NOW }), authority.expectations({ authority: bundle }))).toEqual([]);
  }
});

test('a new certificate for the same key of an authority vouches for what was issued under the old one, within its own constraints', () => {
  const wider = new TestAuthority({ keys: authority.keys, now: NOW, networks: [...NETWORKS, '10.99.0.0/16'] });
  expect(codes(good, authority.expectations({ authority: wider.pem }))).toEqual([]);
  // and the other way round: who still trusts the old one alone accepts what is new, except for where it must not be.
  expect(codes(wider.issue({ now: NOW }))).toEqual([]);
  expect(codes(wider.issue({ now: NOW, ip: '10.99.0.1' }), authority.expectations({ ip: '10.99.0.1' }))).toEqual(['OutsideConstraints']);
});

const alternative = (...names: Partial<asn1.GeneralName>[]): NodeOptions => ({ change: extension(OID.subjectAlternativeName, new asn1.SubjectAlternativeName(names.map((name) => new asn1.GeneralName(name)))) });
const dns = { dNSName: NODE };
const zone = { dNSName: ZONE };
const ip = { iPAddress: IP };
const critical = (oid: string): NodeOptions => ({ change: extension(oid, new asn1.BasicConstraints({}), true) });

const REFUSED: Readonly<Record<string, readonly [NodeOptions, ...string[]]>> = {
  'another host': [{ node: `server-1-2.${ZONE}` }, 'OtherNames', 'OtherNames'],
  'another address': [{ ip: '10.20.1.12' }, 'OtherNames'],
  'one host more': [{ names: [NODE, ZONE, `server-1-2.${ZONE}`] }, 'OtherNames'],
  'one host less': [{ names: [NODE] }, 'OtherNames'],
  'a wildcard': [{ names: [NODE, `*.${ZONE}`] }, 'OtherNames'],
  'no address': [alternative(dns, zone), 'OtherNames'],
  'a second address': [alternative(dns, zone, ip, { iPAddress: '10.20.1.12' }), 'OtherNames'],
  'an IPv6 address besides': [alternative(dns, zone, ip, { iPAddress: 'fd00::1' }), 'OtherNames'],
  'a URI besides': [alternative(dns, zone, ip, { uniformResourceIdentifier: 'https://example.com' }), 'OtherNames'],
  'a mail address besides': [alternative(dns, zone, ip, { rfc822Name: 'somebody@example.com' }), 'OtherNames'],
  'no names': [{ change: extension(OID.subjectAlternativeName, undefined) }, 'OtherNames'],
  'a zero in the name': [alternative({ dNSName: `${NODE}\0.example.com` }, zone, ip), 'OtherNames', 'OutsideConstraints'],
  'a certificate of an authority': [{ change: extension(OID.basicConstraints, new asn1.BasicConstraints({ cA: true })) }, 'Usage'],
  'no basic constraints': [{ change: extension(OID.basicConstraints, undefined) }, 'Usage'],
  'the right to sign certificates': [{ change: extension(OID.keyUsage, new asn1.KeyUsage(asn1.KeyUsageFlags.digitalSignature | asn1.KeyUsageFlags.keyCertSign)) }, 'Usage'],
  'no key usage': [{ change: extension(OID.keyUsage, undefined) }, 'Usage'],
  'for servers alone': [{ change: extension(OID.extendedKeyUsage, new asn1.ExtendedKeyUsage([OID.serverAuth])) }, 'Usage'],
  'for clients alone': [{ change: extension(OID.extendedKeyUsage, new asn1.ExtendedKeyUsage([OID.clientAuth])) }, 'Usage'],
  'for signing code as well': [{ change: extension(OID.extendedKeyUsage, new asn1.ExtendedKeyUsage([OID.serverAuth, OID.clientAuth, asn1.id_kp_codeSigning])) }, 'Usage'],
  'no extended key usage': [{ change: extension(OID.extendedKeyUsage, undefined) }, 'Usage'],
  'something critical that nobody knows': [critical('1.3.6.1.4.1.99999.1'), 'Form'],
  'a key on another curve': [{ keys: keyPair('P-384') }, 'Form'],
  'a serial number that is negative': [{ change: (contents) => void (contents.serialNumber = new Uint8Array([0xff, ...Array<number>(15).fill(7)]).buffer) }, 'Form'],
  'a serial number that is short': [{ change: (contents) => void (contents.serialNumber = new Uint8Array([1]).buffer) }, 'Form'],
  'an extension twice': [{ change: ({ extensions }) => void extensions?.push(...extensions.filter(({ extnID }) => extnID === OID.keyUsage)) }, 'Unreadable'],
  'version 1': [{ change: (contents) => void (contents.version = asn1.Version.v1) }, 'Form'],
  'not yet valid': [{ now: NOW + 6 * 60_000 }, 'NotYetValid'],
  'expired': [{ now: NOW - 90 * DAY }, 'Expired'],
};

describe('refused', () => {
  test.each(Object.entries(REFUSED))('%s', (_, [options, ...wanted]) => {
    expect(codes(authority.issue({ now: NOW, ...options }))).toEqual(wanted);
  });

  test('names outside of the constraints, although they are what is expected', () => {
    const outside = { node: 'server-1-1.example.com', names: ['server-1-1.example.com'], ip: IP };
    expect(codes(authority.issue({ now: NOW, ...outside }), { ...outside, authority: authority.pem })).toEqual(['OutsideConstraints']);
    // ends like the zone, and is not in it.
    const like = { node: `evil${ZONE}`, names: [`evil${ZONE}`], ip: IP };
    expect(codes(authority.issue({ now: NOW, ...like }), { ...like, authority: authority.pem })).toEqual(['OutsideConstraints']);
  });

  test.each(['10.20.2.0', '10.20.3.255', '10.20.5.0', '192.0.2.1', '169.254.169.254'])('the address %s, which is outside of the constraints', (address) => {
    expect(codes(authority.issue({ now: NOW, ip: address }), authority.expectations({ ip: address }))).toEqual(['OutsideConstraints']);
  });

  test('another authority of the same name', () => {
    expect(codes(new TestAuthority({ now: NOW - DAY }).issue({ now: NOW }))).toEqual(['OtherAuthority']);
  });

  test('another authority of the same name and with the same key identifier', () => {
    const imitation = new TestAuthority({ now: NOW - DAY, change: extension(OID.subjectKeyIdentifier, new asn1.SubjectKeyIdentifier(Buffer.from(authority.certificate.keyIdentifier, 'hex'))) });
    expect(codes(imitation.issue({ now: NOW }))).toEqual(['BadSignature']);
  });

  test('a key of another node', () => {
    expect(codes({ ...good, privateKey: authority.issue({ now: NOW }).privateKey })).toEqual(['OtherKey']);
    expect(codes({ ...good, privateKey: 'none' })).toEqual(['OtherKey']);
  });

  test('an authority that is over', () => {
    const old = new TestAuthority({ now: NOW - 3652 * DAY });
    // issue() ends it with the authority; this one claims to live longer.
    const longer = old.issue({ now: NOW, change: (contents) => void (contents.validity = new asn1.Validity({ notBefore: new Date(NOW - DAY), notAfter: new Date(NOW + DAY) })) });
    expect(codes(longer, old.expectations(), NOW + 60_000)).toEqual(['AuthorityNotValid']);
  });

  const unfit: Readonly<Record<string, AuthorityOptions>> = {
    'no authority': { change: extension(OID.basicConstraints, new asn1.BasicConstraints({ cA: false })) },
    'one that may have others below it': { change: extension(OID.basicConstraints, new asn1.BasicConstraints({ cA: true })) },
    'one that may not sign': { change: extension(OID.keyUsage, new asn1.KeyUsage(asn1.KeyUsageFlags.cRLSign)) },
    'one without name constraints': { change: extension(OID.nameConstraints, undefined) },
    'one with name constraints that may be ignored': { change: (contents) => contents.extensions?.forEach((each) => void (each.critical &&= each.extnID !== OID.nameConstraints)) },
    'one with constraints for hosts alone': { networks: [] },
    'one with constraints of another kind': { change: extension(OID.nameConstraints, new asn1.NameConstraints({ permittedSubtrees: new asn1.GeneralSubtrees([zone, { iPAddress: '10.0.0.0/8' }, { uniformResourceIdentifier: 'example.com' }].map((base) => new asn1.GeneralSubtree({ base: new asn1.GeneralName(base) }))) })) },
  };
  test.each(Object.entries(unfit))('an unfit authority: %s', (_, options) => {
    const { pem, keys } = new TestAuthority({ now: NOW - DAY, ...options });
    const issuer = new TestAuthority({ now: NOW - DAY, keys });
    expect(codes(issuer.issue({ now: NOW }))).toEqual(['OtherAuthority']);
    expect([...new Set(codes(issuer.issue({ now: NOW }), issuer.expectations({ authority: pem })))]).toEqual(['UnfitAuthority']);
  });

  test('a node that plays authority', () => {
    const keys = keyPair();
    const node = authority.issue({ now: NOW, keys });
    const forged = new TestAuthority({ now: NOW - DAY, keys });
    expect(codes(forged.issue({ now: NOW }))).toEqual(['OtherAuthority']);
    expect(codes(forged.issue({ now: NOW }), forged.expectations({ authority: node.certificate }))).toEqual(expect.arrayContaining(['UnfitAuthority']));
  });

  test.each(['', 'none yet', 'text before\n' + authority.pem, authority.pem + authority.pem, good.certificate])('a bundle that is none', (bundle) => {
    expect(codes(good, authority.expectations({ authority: bundle }))).toEqual(expect.arrayContaining(['UnfitAuthority']));
  });

  test('two certificates where there must be one', () => {
    expect(codes({ ...good, certificate: good.certificate + authority.pem })).toEqual(['Unreadable']);
  });
});

test('no byte of a certificate can be changed', () => {
  const der = Buffer.from(good.certificate.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64');
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const changed = Buffer.from(der);
      changed[at] = (changed[at] ?? 0) ^ by;
      const certificate = `-----BEGIN CERTIFICATE-----\n${changed.toString('base64')}\n-----END CERTIFICATE-----\n`;
      expect(codes({ ...good, certificate }).length).toBeGreaterThan(0);
    }),
    { numRuns: 300 },
  );
});

test('nothing makes it throw', () => {
  const block = (bytes: Uint8Array): string => `-----BEGIN CERTIFICATE-----\n${Buffer.from(bytes).toString('base64')}\n-----END CERTIFICATE-----\n`;
  const anything = fc.oneof(fc.string(), fc.uint8Array({ maxLength: 80 }).map(block));
  fc.assert(
    fc.property(anything, anything, anything, (certificate, privateKey, bundle) => {
      expect(codes({ certificate, privateKey }, authority.expectations({ authority: bundle })).length).toBeGreaterThan(0);
    }),
  );
});

describe('the value of a secret', () => {
  const leaf = readLeaf(good.certificate);
  if ('code' in leaf) throw new Error(leaf.reason);
  const secret = { node: NODE, names: [NODE, ZONE], ip: IP, ...good, chain: authority.pem, serial: leaf.serial, notAfter: new Date(leaf.notAfter).toISOString() };

  test('is what was rendered', () => {
    expect(parseNodeSecret(renderNodeSecret(secret))).toEqual(secret);
    expect(verifyNodeSecret(secret, authority.expectations(), NOW)).toEqual([]);
    const texts = fc.string({ minLength: 1 });
    fc.assert(
      fc.property(fc.record({ node: texts, names: fc.array(texts), ip: texts, certificate: texts, privateKey: texts, chain: texts, serial: texts, notAfter: texts }), (any) => {
        expect(parseNodeSecret(renderNodeSecret(any))).toEqual(any);
      }),
    );
  });

  test('says of its certificate what the certificate says', () => {
    for (const change of [{ node: ZONE }, { names: [ZONE, NODE] }, { ip: '10.20.1.12' }, { serial: '01' }, { notAfter: '2030-01-01T00:00:00.000Z' }]) {
      expect(verifyNodeSecret({ ...secret, ...change }, authority.expectations(), NOW).map(({ code }) => code)).toEqual(['Record']);
    }
  });

  test('is recognised before there is a certificate', () => {
    expect(parseNodeSecret(NOT_ISSUED_YET)).toBe('not issued yet');
  });

  test('is never repeated when it is malformed', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.dictionary(fc.constantFrom('schema', 'node', 'names', 'ip', 'certificate', 'privateKey'), fc.oneof(fc.string(), fc.constant(1))).map((value) => JSON.stringify({ schema: 1, ...value }))), (text) => {
        const read = parseNodeSecret(text);
        if (read === 'not issued yet' || !('malformed' in read)) return;
        expect(read.malformed).toMatch(/^it (?:is not|has|has no text in) |^its '(?:schema|names)' /);
      }),
    );
  });
});
