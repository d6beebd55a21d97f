import { createHash, randomBytes } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import * as asn1 from '@peculiar/asn1-x509';
import { formatCidr, parseCidr } from '../../config/addresses';
import type { AuthorityCertificate } from '../../pki/authority';
import { OID } from '../../pki/certificate';
import { pemOf } from '../../pki/pem';
import { commonNameOf } from '../../pki/verify';

/**
 * What our certificates say, as the bytes that are signed. Nothing here signs or knows how that is done.
 *
 * The encoder is `@peculiar/asn1-x509`, the schema layer below `@peculiar/x509`: that one wants a WebCrypto key that signs, in a format that
 * KMS does not answer with, and knows no name constraints.
 */
export interface AuthorityRequest {
  readonly commonName: string;
  /** the host names below it, and it itself, are what the authority may sign for. */
  readonly zone: string;
  /** IPv4 networks in which nodes have their addresses. */
  readonly networks: readonly string[];
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly serial: Uint8Array;
  /** milliseconds since the epoch. */
  readonly now: number;
}

export interface NodeRequest {
  readonly node: string;
  readonly names: readonly string[];
  readonly ip: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly authority: AuthorityCertificate;
  readonly serial: Uint8Array;
  readonly now: number;
}

const DAY = 86_400_000;

/** Ten years: a cluster outlives what is written down about it. */
export const AUTHORITY_LIFETIME = 3652 * DAY;

/** Renewed at two thirds, so that a month is left to see that it fails. */
export const NODE_LIFETIME = 90 * DAY;

/** Clocks differ. */
const BACKDATED = 5 * 60_000;

const ECDSA_WITH_SHA256 = new asn1.AlgorithmIdentifier({ algorithm: OID.ecdsaWithSha256 });

/** A serial number: 16 random bytes of which the first two bits are fixed, so that all are positive and equally long. */
export function newSerial(): Uint8Array {
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return serial;
}

/** The authority's certificate, signed by itself. */
export function authorityToBeSigned({ commonName, zone, networks, publicKey, serial, now }: AuthorityRequest): Uint8Array {
  const name = nameOf(commonName);
  const permitted = [new asn1.GeneralName({ dNSName: zone }), ...networks.map((network) => new asn1.GeneralName({ iPAddress: canonicalNetwork(network) }))];
  return toBeSigned({
    serial,
    issuer: name,
    subject: name,
    publicKey,
    notBefore: now - BACKDATED,
    notAfter: now + AUTHORITY_LIFETIME,
    extensions: [
      // no authority below this one.
      extension(OID.basicConstraints, true, new asn1.BasicConstraints({ cA: true, pathLenConstraint: 0 })),
      extension(OID.keyUsage, true, new asn1.KeyUsage(asn1.KeyUsageFlags.keyCertSign | asn1.KeyUsageFlags.cRLSign)),
      extension(OID.nameConstraints, true, new asn1.NameConstraints({ permittedSubtrees: new asn1.GeneralSubtrees(permitted.map((base) => new asn1.GeneralSubtree({ base }))) })),
      extension(OID.subjectKeyIdentifier, false, new asn1.SubjectKeyIdentifier(keyIdentifier(publicKey))),
    ],
  });
}

/** A node's certificate. It does not outlive the authority's, which would end it anyway. */
export function nodeToBeSigned({ node, names, ip, publicKey, authority, serial, now }: NodeRequest): Uint8Array {
  const alternatives = [...names.map((dNSName) => new asn1.GeneralName({ dNSName })), new asn1.GeneralName({ iPAddress: ip })];
  return toBeSigned({
    serial,
    issuer: AsnConvert.parse(Buffer.from(authority.subject, 'hex'), asn1.Name),
    subject: nameOf(commonNameOf(node)),
    publicKey,
    notBefore: now - BACKDATED,
    notAfter: Math.min(now + NODE_LIFETIME, authority.notAfter),
    extensions: [
      extension(OID.basicConstraints, true, new asn1.BasicConstraints({ cA: false })),
      extension(OID.keyUsage, true, new asn1.KeyUsage(asn1.KeyUsageFlags.digitalSignature)),
      // shown to clients, and as a client to Keeper and to the other replicas.
      extension(OID.extendedKeyUsage, false, new asn1.ExtendedKeyUsage([OID.serverAuth, OID.clientAuth])),
      extension(OID.subjectAlternativeName, false, new asn1.SubjectAlternativeName(alternatives)),
      extension(OID.subjectKeyIdentifier, false, new asn1.SubjectKeyIdentifier(keyIdentifier(publicKey))),
      extension(OID.authorityKeyIdentifier, false, new asn1.AuthorityKeyIdentifier({ keyIdentifier: new asn1.KeyIdentifier(Buffer.from(authority.keyIdentifier, 'hex')) })),
    ],
  });
}

/** A certificate, PEM, from what was signed and the signature, which X.509 has in DER as KMS answers with (RFC 3279, section 2.2.3). */
export function assemble(signed: Uint8Array, signature: Uint8Array): string {
  const certificate = new asn1.Certificate({
    tbsCertificate: AsnConvert.parse(signed, asn1.TBSCertificate),
    // the bytes that were signed, not what another encoding would make of them.
    tbsCertificateRaw: exactly(signed),
    signatureAlgorithm: ECDSA_WITH_SHA256,
    signatureValue: exactly(signature),
  });
  return pemOf(new Uint8Array(AsnConvert.serialize(certificate)));
}

/** What an authority is called. Names of clusters can be longer than a common name may be. */
export function authorityCommonName(clusterName: string): string {
  return `ClickHouse ${clusterName.slice(0, 50)} CA`;
}

/** A network the way it is compared: without host bits. */
export function canonicalNetwork(network: string): string {
  return formatCidr(parseCidr(network));
}

interface Contents {
  readonly serial: Uint8Array;
  readonly issuer: asn1.Name;
  readonly subject: asn1.Name;
  readonly publicKey: Uint8Array;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly extensions: readonly asn1.Extension[];
}

function toBeSigned({ serial, issuer, subject, publicKey, notBefore, notAfter, extensions }: Contents): Uint8Array {
  const contents = new asn1.TBSCertificate({
    version: asn1.Version.v3,
    serialNumber: exactly(serial),
    signature: ECDSA_WITH_SHA256,
    issuer,
    validity: new asn1.Validity({ notBefore: new Date(notBefore), notAfter: new Date(notAfter) }),
    subject,
    subjectPublicKeyInfo: AsnConvert.parse(publicKey, asn1.SubjectPublicKeyInfo),
    extensions: new asn1.Extensions([...extensions]),
  });
  return new Uint8Array(AsnConvert.serialize(contents));
}

function nameOf(commonName: string): asn1.Name {
  const attribute = new asn1.AttributeTypeAndValue({ type: OID.commonName, value: new asn1.AttributeValue({ utf8String: commonName }) });
  return new asn1.Name([new asn1.RelativeDistinguishedName([attribute])]);
}

function extension(extnID: string, critical: boolean, value: object): asn1.Extension {
  return new asn1.Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

/** RFC 7093, section 2, method 1: names a key, protects nothing. */
function keyIdentifier(publicKey: Uint8Array): Buffer {
  const { subjectPublicKey } = AsnConvert.parse(publicKey, asn1.SubjectPublicKeyInfo);
  return createHash('sha256').update(Buffer.from(subjectPublicKey)).digest().subarray(0, 20);
}

/** A buffer of its own: one that is a window into a larger one would be encoded whole. */
function exactly(bytes: Uint8Array): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}
