import { createPrivateKey } from 'node:crypto';
import { NO_AUTHORITY_YET, parseAuthority } from '../../pki/authority';
import type { AuthorityCertificate } from '../../pki/authority';
import type { NodeSecret } from '../../pki/node-secret';
import { parseNodeSecret, verifyNodeSecret } from '../../pki/node-secret';
import type { Problem } from '../../pki/problem';
import { readLeaf } from '../../pki/verify';
import { readStages } from '../credentials/secrets';
import type { SecretStore, SecretValue } from '../credentials/secrets';
import { kindOf } from '../disk';

/** What a node shows and whom it trusts, as it is written: PEM, each text made anew from what was verified. */
export interface Material {
  /** lower-case hexadecimal. */
  readonly serial: string;
  readonly certificate: string;
  readonly privateKey: string;
  /** the certificates of the cluster's authority. */
  readonly bundle: string;
}

/** Whom a certificate must be for: exactly these. */
export interface Subject {
  readonly node: string;
  readonly names: readonly string[];
  readonly ip: string;
}

/** Where material comes from. Either call may throw at any time. */
export interface MaterialSource {
  readonly store: SecretStore;
  readonly secret: string;
  /** the value of a Systems Manager parameter. */
  readonly parameter: (name: string) => Promise<string>;
  readonly caParameter: string;
}

/**
 * What a look at a node's secret tells. Nothing but `material` changes anything on the node.
 *
 * - `notIssuedYet`: the secret is there and waits for its first certificate.
 * - `gone`: no such secret, or scheduled for deletion.
 * - `unknown`: throttled, not permitted, no answer: nothing is concluded.
 * - `malformed`: it holds something that is not material.
 * - `refused`: it holds material that a peer would not accept, or that would make the node accept more than its cluster.
 */
export type MaterialReading =
  | { readonly kind: 'material'; readonly material: Material; readonly notes: readonly string[] }
  | { readonly kind: 'refused'; readonly reason: string; readonly serial?: string }
  | Nothing;

interface Nothing {
  readonly kind: 'notIssuedYet' | 'gone' | 'unknown' | 'malformed';
  readonly reason: string;
}

/** Reads what the node should show from now on, and verifies it as a peer would. The reasons hold nothing secret. */
export async function readMaterial(source: MaterialSource, subject: Subject, now: number): Promise<MaterialReading> {
  const secret = await readSecret(source);
  if ('kind' in secret) return secret;
  const published = await readPublished(source);
  const problems = [...verifyNodeSecret(secret, { ...subject, authority: secret.chain }, now)];
  if ('bundle' in published) problems.push(...doubtsOf(published.bundle, secret, subject, now));
  if (problems.length > 0) return refused(secret, problems);
  return materialOf(secret, 'bundle' in published ? [] : [`the authority's parameter cannot be read (${published.unread}); the certificate was verified with the secret's own bundle alone`]);
}

async function readSecret({ store, secret }: MaterialSource): Promise<NodeSecret | Nothing> {
  const reading = await readStages(store, secret);
  // the secret is made with nothing in it.
  if (reading.kind === 'gone' && reading.empty === true) return { kind: 'notIssuedYet', reason: reading.reason };
  if (reading.kind !== 'stages') return { kind: reading.kind, reason: reading.reason };
  let value: SecretValue;
  try {
    // the version that was current a moment ago: should it be replaced meanwhile, the next look finds the other.
    value = await store.value(secret, reading.stages.current ?? '');
  } catch (error) {
    return { kind: 'unknown', reason: `the secret cannot be read: ${kindOf(error)}` };
  }
  if (value.text === undefined) return { kind: 'malformed', reason: 'the secret cannot be used: its value is binary, it must be JSON' };
  const parsed = parseNodeSecret(value.text);
  if (parsed === 'not issued yet') return { kind: 'notIssuedYet', reason: 'the secret holds no certificate yet' };
  return 'malformed' in parsed ? { kind: 'malformed', reason: `the secret cannot be used: ${parsed.malformed}` } : parsed;
}

async function readPublished({ parameter, caParameter }: MaterialSource): Promise<{ readonly bundle: string } | { readonly unread: string }> {
  try {
    return { bundle: await parameter(caParameter) };
  } catch (error) {
    return { unread: kindOf(error) };
  }
}

/** The same again with what the authority has published, and whether the secret goes beyond it. */
function doubtsOf(published: string, secret: NodeSecret, subject: Subject, now: number): readonly Problem[] {
  if (published.trim() === NO_AUTHORITY_YET) return [{ code: 'UnfitAuthority', reason: "the authority's parameter says that there is no authority yet" }];
  return [...verifyNodeSecret(secret, { ...subject, authority: published }, now), ...foreignKeys(secret.chain, published)];
}

/**
 * What the secret would make the node trust beyond the cluster's authority: whoever can write to a secret and nothing else must not become an
 * authority. Keys are compared and not certificates: the authority may get a new certificate for its key, say for more networks.
 */
function foreignKeys(chain: string, published: string): Problem[] {
  const own = certificatesIn(chain);
  const known = new Set(certificatesIn(published).map(({ publicKey }) => publicKey));
  return own.filter(({ publicKey }) => !known.has(publicKey)).map(({ serial }) => ({ code: 'OtherAuthority', reason: `the bundle in the secret has the authority ${serial}, whose key the authority's parameter does not have` }));
}

/** None when it cannot be read, which {@link verifyNodeSecret} has complained about. */
function certificatesIn(bundle: string): readonly AuthorityCertificate[] {
  const authority = parseAuthority(bundle);
  return 'certificates' in authority ? authority.certificates : [];
}

function refused({ certificate }: NodeSecret, problems: readonly Problem[]): MaterialReading {
  const leaf = readLeaf(certificate);
  const reason = [...new Set(problems.map((problem) => problem.reason))].join('; ');
  return { kind: 'refused', reason: `the certificate in the secret is refused: ${reason}`, ...('code' in leaf ? {} : { serial: leaf.serial }) };
}

/** Only what was verified is written: a text that OpenSSL reads past something in front of it could be read in another way elsewhere. */
function materialOf(secret: NodeSecret, notes: readonly string[]): MaterialReading {
  const leaf = readLeaf(secret.certificate);
  if ('code' in leaf) return refused(secret, [leaf]);
  return {
    kind: 'material',
    material: {
      serial: leaf.serial,
      certificate: leaf.pem,
      privateKey: createPrivateKey(secret.privateKey).export({ type: 'pkcs8', format: 'pem' }).toString(),
      bundle: certificatesIn(secret.chain).map(({ pem }) => pem).join(''),
    },
    notes,
  };
}
