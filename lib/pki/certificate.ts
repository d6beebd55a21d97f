import { createHash, X509Certificate } from 'node:crypto';
import type { Der } from './der';
import { DerError, inside, integerBytes, oidOf, readDer, smallInteger, TAG, timeOf, valueOf } from './der';
import { certificatesIn, pemOf } from './pem';

/**
 * A certificate, read completely: what is not understood is kept by its number, so that whoever verifies can refuse it.
 *
 * Node.js reads and checks signatures and keys; it does not tell key usage, path length, name constraints and what is critical, so
 * those are read here.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5280#section-4
 */
export interface Certificate {
  readonly pem: string;
  readonly x509: X509Certificate;
  /** SHA-256 of the whole, in hexadecimal. */
  readonly sha256: string;
  readonly version: number;
  /** lower-case hexadecimal; starts with `-` where the number is negative. */
  readonly serial: string;
  /** the object identifiers with which the certificate says it is signed, inside and outside of what is signed. */
  readonly signatureAlgorithms: readonly [string, string];
  /** DER of the names and of the public key, in hexadecimal: what is compared is compared byte for byte. */
  readonly issuer: string;
  readonly subject: string;
  readonly publicKey: string;
  readonly commonName: string | undefined;
  /** milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly extensions: Extensions;
}

/** The extensions that our certificates have. */
export interface Extensions {
  readonly basicConstraints?: { readonly authority: boolean; readonly pathLength?: number };
  readonly keyUsage?: readonly number[];
  /** object identifiers. */
  readonly extendedKeyUsage?: readonly string[];
  readonly names?: AlternativeNames;
  readonly nameConstraints?: NameConstraints;
  /** hexadecimal. */
  readonly subjectKeyIdentifier?: string;
  readonly authorityKeyIdentifier?: string;
  /** object identifiers of all critical ones. */
  readonly critical: readonly string[];
  /** object identifiers of those that are none of the above. */
  readonly unknown: readonly string[];
}

export interface AlternativeNames {
  readonly dns: readonly string[];
  readonly ips: readonly string[];
  /** whether there are names of another kind. */
  readonly others: boolean;
}

/** What an authority may sign for. */
export interface NameConstraints {
  readonly dns: readonly string[];
  /** such as `10.0.0.0/24`. */
  readonly networks: readonly string[];
  /** whether there is anything in it besides permitted host names and IPv4 networks. */
  readonly others: boolean;
}

export const OID = {
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  commonName: '2.5.4.3',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAlternativeName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  nameConstraints: '2.5.29.30',
  authorityKeyIdentifier: '2.5.29.35',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

/** Bits of the key usage, RFC 5280, section 4.2.1.3. */
export const KEY_USAGE = { digitalSignature: 0, keyCertSign: 5, crlSign: 6 } as const;

/** The certificates in a text that holds nothing else; throws for anything that is not that. */
export function parseBundle(text: string): Certificate[] {
  const { blocks, rest } = certificatesIn(text);
  if (blocks.length === 0 || rest !== '') throw new DerError('it is not a text of PEM certificates alone');
  return blocks.map((block) => parseCertificate(block));
}

/** Reads one certificate, PEM. */
export function parseCertificate(pem: string): Certificate {
  let x509: X509Certificate;
  try {
    x509 = new X509Certificate(pem);
  } catch {
    throw new DerError('a certificate cannot be read');
  }
  const outer = only(readDer(x509.raw));
  const [toBeSigned, algorithm, signature, ...more] = inside(outer, TAG.sequence);
  if (signature?.tag !== TAG.bitString || more.length > 0) throw new DerError('a certificate has not its three parts');
  const parts = inside(toBeSigned, TAG.sequence);
  const version = parts[0]?.tag === TAG.explicit0 ? smallInteger(only(inside(parts.shift(), TAG.explicit0))) + 1 : 1;
  const [serial, innerAlgorithm, issuer, validity, subject, publicKey, ...optional] = parts;
  const [notBefore, notAfter] = inside(validity, TAG.sequence);
  return {
    pem: pemOf(x509.raw),
    x509,
    sha256: createHash('sha256').update(x509.raw).digest('hex'),
    version,
    serial: serialOf(serial),
    signatureAlgorithms: [oidOf(inside(innerAlgorithm, TAG.sequence)[0]), oidOf(inside(algorithm, TAG.sequence)[0])],
    issuer: wholeOf(issuer),
    subject: wholeOf(subject),
    publicKey: wholeOf(publicKey),
    commonName: commonNameOf(subject),
    notBefore: timeOf(notBefore),
    notAfter: timeOf(notAfter),
    extensions: extensionsOf(optional),
  };
}

function extensionsOf(optional: readonly Der[]): Extensions {
  if (optional.length === 0) return { critical: [], unknown: [] };
  const read: { -readonly [Name in keyof Extensions]?: Extensions[Name] } = {};
  const seen = new Set<string>();
  const critical: string[] = [];
  const unknown: string[] = [];
  // nothing but the extensions: unique identifiers, [1] and [2], must not be used (RFC 5280, section 4.1.2.8).
  for (const extension of inside(only(inside(only(optional), TAG.explicit3)), TAG.sequence)) {
    const [id, ...rest] = inside(extension, TAG.sequence);
    const oid = oidOf(id);
    if (seen.has(oid)) throw new DerError('a certificate has an extension twice');
    seen.add(oid);
    if (rest[0]?.tag === TAG.boolean && isTrue(rest.shift())) critical.push(oid);
    const value = only(readDer(valueOf(only(rest), TAG.octetString)));
    if (oid === OID.basicConstraints) read.basicConstraints = basicConstraintsOf(value);
    else if (oid === OID.keyUsage) read.keyUsage = bitsOf(value);
    else if (oid === OID.extendedKeyUsage) read.extendedKeyUsage = inside(value, TAG.sequence).map(oidOf);
    else if (oid === OID.subjectAlternativeName) read.names = namesOf(value);
    else if (oid === OID.nameConstraints) read.nameConstraints = nameConstraintsOf(value);
    else if (oid === OID.subjectKeyIdentifier) read.subjectKeyIdentifier = valueOf(value, TAG.octetString).toString('hex');
    else if (oid === OID.authorityKeyIdentifier) read.authorityKeyIdentifier = valueOf(inside(value, TAG.sequence)[0], TAG.context0).toString('hex');
    else unknown.push(oid);
  }
  return { ...read, critical, unknown };
}

function basicConstraintsOf(value: Der): Extensions['basicConstraints'] {
  const parts = inside(value, TAG.sequence);
  const authority = parts[0]?.tag === TAG.boolean && isTrue(parts.shift());
  return { authority, ...(parts.length === 0 ? {} : { pathLength: smallInteger(only(parts)) }) };
}

function namesOf(value: Der): AlternativeNames {
  const dns: string[] = [];
  const ips: string[] = [];
  let others = false;
  for (const { tag, value: bytes } of inside(value, TAG.sequence)) {
    if (tag === TAG.context2) dns.push(bytes.toString('latin1'));
    else if (tag === TAG.context7 && bytes.length === 4) ips.push(bytes.join('.'));
    else others = true;
  }
  return { dns, ips, others };
}

function nameConstraintsOf(value: Der): NameConstraints {
  const dns: string[] = [];
  const networks: string[] = [];
  let others = false;
  for (const part of inside(value, TAG.sequence)) {
    if (part.tag !== TAG.explicit0) {
      others = true;
      continue;
    }
    for (const subtree of readDer(part.value)) {
      const [base, ...distances] = inside(subtree, TAG.sequence);
      if (base?.tag === TAG.context2 && distances.length === 0) dns.push(base.value.toString('latin1'));
      else if (base?.tag === TAG.context7 && base.value.length === 8 && distances.length === 0) networks.push(networkOf(base.value));
      else others = true;
    }
  }
  return { dns, networks, others };
}

/** An address and its mask, 8 bytes (RFC 5280, section 4.2.1.10). */
function networkOf(bytes: Buffer): string {
  const mask = bytes.readUInt32BE(4).toString(2).padStart(32, '0');
  if (!/^1*0*$/.test(mask)) throw new DerError('the mask of a network has holes');
  return `${bytes.subarray(0, 4).join('.')}/${mask.lastIndexOf('1') + 1}`;
}

/** The numbers of the bits that are set. */
function bitsOf(value: Der): number[] {
  const [unused = 8, ...bytes] = valueOf(value, TAG.bitString);
  if (unused > 7 || (unused > 0 && bytes.length === 0)) throw new DerError('a bit string is malformed');
  return bytes.flatMap((byte, index) => [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => (byte & (0x80 >> bit)) !== 0).map((bit) => index * 8 + bit));
}

function serialOf(element: Der | undefined): string {
  const bytes = integerBytes(element);
  const hex = bytes.toString('hex').replace(/^00(?=.)/, '');
  return (bytes[0] ?? 0) >= 0x80 ? `-${hex}` : hex;
}

function commonNameOf(name: Der | undefined): string | undefined {
  const attributes = inside(name, TAG.sequence).flatMap((set) => inside(set, TAG.set)).map((attribute) => inside(attribute, TAG.sequence));
  return attributes.find(([type]) => oidOf(type) === OID.commonName)?.[1]?.value.toString('utf8');
}

// DER has 0xff and nothing else for true, and leaves out what is false by default.
function isTrue(element: Der | undefined): boolean {
  const bytes = valueOf(element, TAG.boolean);
  if (bytes.length !== 1 || bytes[0] !== 0xff) throw new DerError('a boolean is not in its shortest form');
  return true;
}

function only(elements: readonly Der[]): Der {
  const [first, ...more] = elements;
  if (first === undefined || more.length > 0) throw new DerError(`one element must be there, got ${elements.length}`);
  return first;
}

function wholeOf(element: Der | undefined): string {
  valueOf(element, TAG.sequence);
  return element?.whole.toString('hex') ?? '';
}
