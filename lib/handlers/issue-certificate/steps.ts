import { createHash } from 'node:crypto';
import type { AuthorityCertificate } from '../../pki/authority';
import type { Malformed, NodeSecret } from '../../pki/node-secret';
import { verifyNodeSecret } from '../../pki/node-secret';
import type { ProblemCode } from '../../pki/problem';
import { sentence } from '../../pki/problem';
import { readLeaf, signerOf } from '../../pki/verify';
import type { Versions } from '../secret-versions';
import type { FailureCode } from './failure';

/**
 * How a node's secret gets a good certificate, as a pure function: what is known -> what to do next.
 *
 * Nothing is remembered: whoever is killed, called twice or called at the same time as another looks at the secret again, and what was done
 * already is seen as done. The id of the version that a goal makes follows from the goal, so that all who have the same goal work on the
 * same version; labels move only from where they were seen. AWSCURRENT is only ever moved to a version that was read back and verified.
 */
export type Goal =
  /** of a deployment: this node, these names. */
  | { readonly kind: 'issue'; readonly subject: Subject; readonly requestId: string }
  /** of the schedule: the same again, if it is time, or anyway. */
  | { readonly kind: 'renew'; readonly force?: boolean };

/** Whom a certificate is for. */
export interface Subject {
  readonly node: string;
  readonly names: readonly string[];
  readonly ip: string;
}

/** Who signs, and whom nodes trust. */
export interface Issuer {
  /** PEM, everything in the parameter. */
  readonly bundle: string;
  readonly certificates: readonly AuthorityCertificate[];
  readonly signing: AuthorityCertificate;
}

export type Value = NodeSecret | 'not issued yet' | Malformed;

/** What is looked at of a secret. */
export type Described = Pick<Versions, 'deleted' | 'current' | 'previous'>;

/** Everything that was found out so far. */
export interface Known {
  readonly secret?: Described;
  /** by version; values never change. `empty`: the version has none, or is not there. */
  readonly values: ReadonlyMap<string, Value | 'empty'>;
  /** a new certificate that is not stored yet, or not seen yet. */
  readonly made?: { readonly version: string; readonly text: string; readonly value: NodeSecret };
  /** the version that has a value, whoever gave it. */
  readonly stored?: string;
  readonly promoted?: boolean;
  /** actions taken; what never ends must end. */
  readonly actions: number;
}

export const NOTHING_KNOWN: Known = { values: new Map(), actions: 0 };

export type Action =
  | { readonly do: 'describe' }
  | { readonly do: 'read'; readonly version: string }
  | { readonly do: 'make'; readonly version: string; readonly subject: Subject }
  | { readonly do: 'put'; readonly version: string; readonly text: string }
  | { readonly do: 'pause'; readonly milliseconds: number; readonly version: string }
  | { readonly do: 'promote'; readonly to: string; readonly from: string }
  | { readonly do: 'done'; readonly outcome: Outcome; readonly value?: NodeSecret }
  | { readonly do: 'fail'; readonly code: FailureCode; readonly reason: string };

export type Outcome = 'Issued' | 'AlreadyCurrent' | 'NotIssuedYet' | 'Deleted';

/** A version cannot be changed, so a bad value needs another version. More bad ones than this are not an accident. */
const VERSIONS = 5;

/** More than any run needs that makes progress, whatever others do at the same time. */
const MOST_ACTIONS = 100;

const PAUSE = 1_000;

/** What to do next. */
export function next(goal: Goal, issuer: Issuer, known: Known, now: number): Action {
  const { secret, values } = known;
  if (known.actions >= MOST_ACTIONS) return fail('NoProgress', `${MOST_ACTIONS} steps led nowhere; others change the secret at the same time, or a new version cannot be seen`);
  if (secret === undefined) return { do: 'describe' };
  if (secret.deleted) return goal.kind === 'renew' ? { do: 'done', outcome: 'Deleted' } : fail('SecretDeleted', 'the secret does not exist, or is scheduled for deletion; restore it, or replace the node');
  const current = secret.current === undefined ? 'empty' : values.get(secret.current);
  if (current === undefined) return { do: 'read', version: secret.current ?? '' };
  const subject = goal.kind === 'issue' ? goal.subject : subjectOf(current, issuer, now);
  if ('do' in subject) return subject;
  // one that is forced ends with the certificate that it has promoted itself.
  const settled = goal.kind === 'issue' || goal.force !== true || known.promoted === true;
  if (settled && isFit(current, subject, issuer, now)) {
    // the first value of a secret is the current one at once, without being promoted.
    const issued = known.promoted === true || (known.stored !== undefined && known.stored === secret.current);
    return { do: 'done', outcome: issued ? 'Issued' : 'AlreadyCurrent', value: current };
  }
  return replace(goal, issuer, known, secret, subject, now);
}

/** Puts the first version of this goal into service that is good, and makes it if there is none. */
function replace(goal: Goal, issuer: Issuer, known: Known, secret: Described, subject: Subject, now: number): Action {
  const { values, made } = known;
  let complaint = '';
  for (let attempt = 1; attempt <= VERSIONS; attempt += 1) {
    const version = versionOf(goal.kind === 'issue' ? goal.requestId : `after ${secret.current ?? 'nothing'}`, subject.node, attempt);
    // a request that is late by so much that its certificate was replaced already.
    if (goal.kind === 'issue' && version === secret.previous) return fail('Superseded', 'a later request has replaced the certificate of this one; nothing was changed');
    const value = values.get(version);
    if (value === undefined) return { do: 'read', version };
    if (value === 'empty') {
      if (known.stored === version) return { do: 'pause', milliseconds: PAUSE, version };
      if (made?.version !== version) return { do: 'make', version, subject };
      const problems = unfitness(made.value, subject, issuer, now);
      return problems === undefined ? { do: 'put', version, text: made.text } : fail('CannotIssue', `a certificate for ${subject.node} would not be accepted: ${problems}`);
    }
    const unfit = unfitness(value, subject, issuer, now);
    if (unfit === undefined && secret.current !== undefined && secret.current !== version) return { do: 'promote', to: version, from: secret.current };
    complaint = unfit ?? '';
  }
  return fail('NoUsableVersion', `${VERSIONS} versions of the secret hold what cannot be used, the last one because ${complaint}`);
}

/**
 * Who a certificate is to be renewed for. The secret says it, but what counts is that the authority has signed it before: a value that came from
 * elsewhere must not make the authority sign anything new.
 */
function subjectOf(current: Value | 'empty', { bundle, certificates }: Issuer, now: number): Subject | Action {
  if (current === 'empty' || current === 'not issued yet') return { do: 'done', outcome: 'NotIssuedYet' };
  if ('malformed' in current) return fail('MalformedSecret', `the current value of the secret cannot be used: ${current.malformed}; deploy the cluster with another certificateGeneration`);
  const { node, names, ip } = current;
  const doubts = verifyNodeSecret(current, { node, names, ip, authority: bundle }, now).filter(({ code }) => !RENEWABLE.includes(code));
  if (doubts.length > 0) return fail('NotVouchedFor', `the current certificate does not vouch for the node: ${sentence(doubts)}; deploy the cluster with another certificateGeneration`);
  const leaf = readLeaf(current.certificate);
  if ('code' in leaf || signerOf(leaf, certificates) === undefined) return fail('NotVouchedFor', 'the current certificate is not from the authority; deploy the cluster with another certificateGeneration');
  return { node, names, ip };
}

/** What a renewal repairs. */
const RENEWABLE: readonly ProblemCode[] = ['Expired', 'NotYetValid', 'AuthorityNotValid', 'OutsideConstraints', 'OtherKey'];

function isFit(value: Value | 'empty', subject: Subject, issuer: Issuer, now: number): value is NodeSecret {
  return unfitness(value, subject, issuer, now) === undefined;
}

/** What keeps a value from being the current one; undefined when nothing does. */
function unfitness(value: Value | 'empty', subject: Subject, { bundle, signing }: Issuer, now: number): string | undefined {
  if (value === 'empty' || value === 'not issued yet') return 'it holds no certificate';
  if ('malformed' in value) return value.malformed;
  const problems = verifyNodeSecret(value, { ...subject, authority: bundle }, now);
  if (problems.length > 0) return sentence(problems);
  if (value.chain !== bundle) return 'the node would not trust the certificates that the authority has now';
  const leaf = readLeaf(value.certificate);
  if ('code' in leaf) return leaf.reason;
  if (signerOf(leaf, [signing]) === undefined) return 'it is not signed with the key that signs now';
  return now < renewalOf(leaf, signing) ? undefined : 'it is to be renewed';
}

/** When a certificate is to be renewed: at two thirds of its life. What ends with the authority cannot be renewed for longer. */
export function renewalOf({ notBefore, notAfter }: { readonly notBefore: number; readonly notAfter: number }, authority: { readonly notAfter: number }): number {
  return notAfter >= authority.notAfter ? notAfter : notBefore + ((notAfter - notBefore) * 2) / 3;
}

/** The id of a version (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html: 32 to 64 characters). */
export function versionOf(reason: string, node: string, attempt: number): string {
  return createHash('sha256').update(JSON.stringify([reason, node, attempt])).digest('hex');
}

function fail(code: FailureCode, reason: string): Action {
  return { do: 'fail', code, reason };
}
