import { createPrivateKey } from 'node:crypto';
import type { AuthorityCertificate } from './authority';
import { parseAuthority } from './authority';
import type { Certificate } from './certificate';
import { KEY_USAGE, OID, parseBundle } from './certificate';
import { outside } from './constraints';
import { DerError } from './der';
import { formComplaints } from './form';
import type { Problem, ProblemCode } from './problem';

/** What a node shows, and what proves that it is its own. */
export interface NodeMaterial {
  /** PEM, one certificate. */
  readonly certificate: string;
  /** PEM, PKCS #8. */
  readonly privateKey: string;
}

/** Who the node is, and whom its peers trust. */
export interface Expectations {
  readonly node: string;
  /** all host names of the certificate, and no others. */
  readonly names: readonly string[];
  readonly ip: string;
  /** PEM certificates of the cluster's authority. */
  readonly authority: string;
}

/**
 * Everything that keeps a peer from accepting a node's certificate, and everything that would make it accept more than this node; empty when
 * nothing does.
 *
 * Pure: what the handler verifies before it promotes and what the agent verifies before it installs is the same, at any time.
 */
export function verifyNodeCertificate({ certificate, privateKey }: NodeMaterial, expected: Expectations, now: number): readonly Problem[] {
  const leaf = readLeaf(certificate);
  if ('code' in leaf) return [leaf];
  const authority = parseAuthority(expected.authority);
  if ('problems' in authority) return authority.problems;
  return [
    ...formComplaints(leaf).map(problem('Form')),
    ...usage(leaf).map(problem('Usage')),
    ...validity(leaf, now),
    ...names(leaf, expected).map(problem('OtherNames')),
    ...signature(leaf, authority.certificates, now),
    ...keyComplaints(leaf, privateKey).map(problem('OtherKey')),
  ];
}

/** Which of an authority's certificates signed a node's, whatever else is wrong with it; undefined when none did. */
export function signerOf(certificate: Certificate, authority: readonly AuthorityCertificate[]): AuthorityCertificate | undefined {
  return authority.find((each) => named(certificate, each) && certificate.x509.verify(each.x509.publicKey));
}

/** Reads a text that must be one certificate and nothing else. */
export function readLeaf(pem: string): Certificate | Problem {
  try {
    const [leaf, ...more] = parseBundle(pem);
    if (leaf === undefined || more.length > 0) return { code: 'Unreadable', reason: 'there is more than one certificate' };
    return leaf;
  } catch (error) {
    return { code: 'Unreadable', reason: `the certificate cannot be read: ${error instanceof DerError ? error.message : 'malformed'}` };
  }
}

function problem(code: ProblemCode): (complaint: string) => Problem {
  return (complaint) => ({ code, reason: `the certificate ${complaint}` });
}

function usage({ extensions: { basicConstraints, keyUsage, extendedKeyUsage = [], critical } }: Certificate): string[] {
  const complaints: string[] = [];
  if (basicConstraints === undefined || basicConstraints.authority) complaints.push('could sign others');
  if (keyUsage?.join() !== String(KEY_USAGE.digitalSignature) || !critical.includes(OID.keyUsage)) complaints.push('is not for digital signatures alone');
  // shown to clients and, as a client, to peers; for nothing else.
  if ([...extendedKeyUsage].sort().join() !== [OID.serverAuth, OID.clientAuth].sort().join()) complaints.push('is not for being a TLS server and client, and nothing else');
  return complaints;
}

function validity({ notBefore, notAfter }: Certificate, now: number): Problem[] {
  if (now < notBefore) return [{ code: 'NotYetValid', reason: `the certificate is valid from ${iso(notBefore)}, now is ${iso(now)}` }];
  if (now >= notAfter) return [{ code: 'Expired', reason: `the certificate was valid until ${iso(notAfter)}, now is ${iso(now)}` }];
  return [];
}

function names({ commonName, extensions: { names: found } }: Certificate, { node, names: wanted, ip }: Expectations): string[] {
  if (found === undefined) return ['has no names'];
  const complaints: string[] = [];
  if (!same(found.dns, wanted)) complaints.push(`is for the hosts ${list(found.dns)}, not ${list(wanted)}`);
  if (!same(found.ips, [ip])) complaints.push(`is for the addresses ${list(found.ips)}, not ${ip}`);
  if (found.others) complaints.push('is for names that are neither hosts nor IPv4 addresses');
  if (commonName !== commonNameOf(node)) complaints.push(`has the common name ${shown(commonName ?? '')}, not ${commonNameOf(node)}`);
  return complaints;
}

/** The longest that a common name may be (RFC 5280, appendix A.1); clients look at the alternative names. */
const LONGEST_COMMON_NAME = 64;

/** The common name of a node's certificate: its host, or the first label of one that is too long. */
export function commonNameOf(node: string): string {
  return node.length <= LONGEST_COMMON_NAME ? node : (node.split('.')[0] ?? '').slice(0, LONGEST_COMMON_NAME);
}

function signature(leaf: Certificate, authority: readonly AuthorityCertificate[], now: number): Problem[] {
  const candidates = authority.filter((each) => named(leaf, each));
  if (candidates.length === 0) return [{ code: 'OtherAuthority', reason: 'the certificate is from another authority' }];
  const signer = signerOf(leaf, candidates);
  if (signer === undefined) return [{ code: 'BadSignature', reason: 'the signature of the certificate is not from the authority that it names' }];
  const problems: Problem[] = [];
  if (now < signer.notBefore || now >= signer.notAfter) problems.push({ code: 'AuthorityNotValid', reason: `the authority's certificate is valid from ${iso(signer.notBefore)} to ${iso(signer.notAfter)}, now is ${iso(now)}` });
  const beyond = leaf.extensions.names === undefined ? [] : outside(signer.constraints, leaf.extensions.names);
  if (beyond.length > 0) problems.push({ code: 'OutsideConstraints', reason: `the authority may sign for ${list([...signer.constraints.dns, ...signer.constraints.networks])}, not for ${list(beyond)}` });
  return problems;
}

function named(leaf: Certificate, authority: AuthorityCertificate): boolean {
  return leaf.issuer === authority.subject && leaf.extensions.authorityKeyIdentifier === authority.keyIdentifier;
}

function keyComplaints(leaf: Certificate, privateKey: string): string[] {
  try {
    if (leaf.x509.checkPrivateKey(createPrivateKey(privateKey))) return [];
  } catch {
    // the error of OpenSSL says nothing that helps, and might quote.
    return ['has a private key that cannot be read'];
  }
  return ['does not belong to the private key'];
}

function same(found: readonly string[], wanted: readonly string[]): boolean {
  return [...found].sort().join('\n') === [...wanted].sort().join('\n');
}

function iso(time: number): string {
  return new Date(time).toISOString();
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.slice(0, 10).map(shown).join(', ') + (names.length > 10 ? ` and ${names.length - 10} more` : '');
}

// a certificate may come from anywhere, and its names are printed.
function shown(name: string): string {
  return name.slice(0, 255).replace(/[^A-Za-z0-9.:*/_-]/g, '?');
}
