import type { Certificate } from './certificate';
import { OID } from './certificate';

const P256_KEY = /^3059301306072a8648ce3d020106082a8648ce3d03010703420004[0-9a-f]{128}$/;

/** What is wrong with the form of a certificate, of an authority's or a node's alike. */
export function formComplaints({ version, serial, signatureAlgorithms, publicKey, extensions, notBefore, notAfter }: Certificate): string[] {
  const complaints: string[] = [];
  if (version !== 3) complaints.push(`is of version ${version}, not 3`);
  // RFC 5280, section 4.1.2.2: positive, 20 bytes at most; and random enough that nobody foresees it.
  if (!/^[0-9a-f]{16,40}$/.test(serial)) complaints.push('has no serial number of 8 to 20 bytes that is positive');
  if (signatureAlgorithms.some((algorithm) => algorithm !== OID.ecdsaWithSha256)) complaints.push('is not signed with ECDSA and SHA-256');
  // RFC 5480: the named curve P-256, the point not compressed.
  if (!P256_KEY.test(publicKey)) complaints.push('has no key on the curve P-256');
  if (notBefore >= notAfter) complaints.push('is never valid');
  // RFC 5280, section 4.2: what is critical and not understood must be refused.
  if (extensions.unknown.some((oid) => extensions.critical.includes(oid))) complaints.push('has a critical extension that is not understood');
  return complaints;
}
