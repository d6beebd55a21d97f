import { createHash } from 'node:crypto';
import type { AuthorityCertificate } from '../../pki/authority';
import { NO_AUTHORITY_YET, parseAuthority } from '../../pki/authority';
import { sentence } from '../../pki/problem';
import { assemble, authorityCommonName, authorityToBeSigned, newSerial } from './certificates';
import type { AuthorityProperties } from './event';
import { IssueFailure } from './failure';
import { authorityKey } from './signer';
import type { World } from './world';

/**
 * The most that the parameter holds: a standard parameter has 4 KB
 * (https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html), and so has the answer to
 * CloudFormation, which carries the certificates and what else belongs into it.
 */
export const LARGEST_BUNDLE = 2_800;

/** What CloudFormation hands on to other resources. */
export interface Established {
  /** all certificates, PEM: what clients and nodes trust. */
  readonly CaCertificate: string;
  /** SHA-256 of {@link CaCertificate}: changes when nodes have to trust other certificates. */
  readonly Fingerprint: string;
  /** of the certificate that signs, ISO 8601. */
  readonly NotAfter: string;
}

/**
 * Makes the parameter hold one certificate for each key: that of the key that signs first, then that of the key that nodes shall trust as well.
 *
 * What is there and fits stays as it is. Another zone or list of networks, or half of a life gone, gets a new certificate for the same key in
 * place of the old one: the two have the same name and the same key, so whoever trusts one accepts what is signed under the other, within
 * the constraints of the one that is trusted.
 *
 * Another key is another authority, and nodes do not read a bundle again before 26.9, so it takes three deployments, each with a rolling
 * restart: trust both and sign with the old one, trust both and sign with the new one, trust the new one alone. A key that was not trusted
 * before is refused as the one that signs, and so is leaving out the one that signed until now.
 */
export async function establish(properties: AuthorityProperties, world: World): Promise<Established> {
  const { parameters, signer } = world;
  const { KeyId, AlsoTrusted, CaParameter } = properties;
  const held = await read(CaParameter, world);
  const keys: { readonly id: string; readonly publicKey: string }[] = [];
  for (const id of [KeyId, ...AlsoTrusted]) keys.push({ id, publicKey: (await authorityKey(signer(id), id)).toString('hex') });
  if (new Set(keys.map(({ publicKey }) => publicKey)).size < keys.length) throw new IssueFailure('BadEvent', "'AlsoTrusted' must name another key than 'KeyId'");
  if (held.length > 0 && !held.some(({ publicKey }) => publicKey === keys[0]?.publicKey)) {
    throw new IssueFailure('UntrustedKey', `no node trusts the key ${KeyId} yet, so it must not sign: first deploy with the old key as the one that signs and this one as also trusted, and let all nodes restart; then exchange the two; then leave the old one out`);
  }
  const signedUntilNow = held[0]?.publicKey;
  if (signedUntilNow !== undefined && !keys.some(({ publicKey }) => publicKey === signedUntilNow)) {
    throw new IssueFailure('UntrustedKey', `all nodes still show what the key before has signed, so that must stay trusted in the deployment in which ${KeyId} begins to sign: first exchange the two, then leave the old one out`);
  }
  const certificates: AuthorityCertificate[] = [];
  for (const { id, publicKey } of keys) {
    const existing = held.find((each) => each.publicKey === publicKey);
    certificates.push(existing !== undefined && fits(existing, properties, world.now()) ? existing : await certify(id, existing, properties, world));
  }
  const bundle = certificates.map(({ pem }) => pem).join('');
  if (bundle.length > LARGEST_BUNDLE) throw new IssueFailure('TooLarge', `the certificates of the authority have ${bundle.length} characters, at most ${LARGEST_BUNDLE} can be published; let the nodes be in fewer networks, got ${properties.Networks.length}`);
  if (bundle !== held.map(({ pem }) => pem).join('')) await parameters.write(CaParameter, bundle);
  return { CaCertificate: bundle, Fingerprint: createHash('sha256').update(bundle).digest('hex'), NotAfter: new Date(certificates[0]?.notAfter ?? 0).toISOString() };
}

async function read(parameter: string, { parameters }: World): Promise<readonly AuthorityCertificate[]> {
  const text = await parameters.read(parameter);
  if (text === undefined) throw new IssueFailure('UnfitParameter', `there is no parameter ${parameter}`);
  if (text.trim() === NO_AUTHORITY_YET) return [];
  const authority = parseAuthority(text);
  // what is not understood is not replaced: nodes may trust it.
  if ('problems' in authority) throw new IssueFailure('UnfitParameter', `the parameter ${parameter} cannot be used: ${sentence(authority.problems)}; put '${NO_AUTHORITY_YET}' there to begin anew, which no node survives without a restart`);
  return authority.certificates;
}

/** Whether a certificate permits what a new one would permit, and is not old. */
function fits({ constraints, notBefore, notAfter }: AuthorityCertificate, { Zone, Networks }: AuthorityProperties, now: number): boolean {
  return constraints.dns.join() === Zone && [...constraints.networks].sort().join() === [...Networks].sort().join() && now < (notBefore + notAfter) / 2;
}

/** A certificate of the authority, signed with its own key. What it is called never changes: nodes' certificates name it. */
async function certify(keyId: string, existing: AuthorityCertificate | undefined, { ClusterName, Zone, Networks }: AuthorityProperties, { signer, now }: World): Promise<AuthorityCertificate> {
  const key = signer(keyId);
  const commonName = existing?.commonName ?? authorityCommonName(ClusterName);
  const signed = authorityToBeSigned({ commonName, zone: Zone, networks: Networks, publicKey: await key.publicKey(), serial: newSerial(), now: now() });
  const authority = parseAuthority(assemble(signed, await key.sign(signed)));
  const certificate = 'problems' in authority ? undefined : authority.certificates[0];
  if (certificate === undefined) throw new IssueFailure('CannotIssue', `the authority's certificate came out wrong: ${'problems' in authority ? sentence(authority.problems) : 'there is none'}`);
  return certificate;
}
