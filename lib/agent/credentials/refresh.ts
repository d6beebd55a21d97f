import type { LiveManifest, UserDocument } from '../../config/manifest';
import type { Disk } from '../disk';
import { kindOf, tidy } from '../disk';
import type { Admission, CredentialMemory, Stages } from './admission';
import { admit, revoke } from './admission';
import { finishedDocument, hashesIn, isDocumentOf, missingReferences, strangeName } from './document';
import type { UsersDirectory } from './files';
import { removeDocument, writeDocument, writtenDocument, writtenUsers } from './files';
import { prepareMemory, recall, remember } from './memory';
import type { PasswordReading, SecretStore } from './secrets';
import { readPassword, readStages } from './secrets';

/** All that a pass needs of the node. */
export interface CredentialNode {
  readonly manifest: LiveManifest;
  readonly clientNetworks: readonly string[];
  readonly store: SecretStore;
  readonly disk: Disk;
  readonly users: UsersDirectory;
  /** the directory on the data volume where each user's clock is kept. */
  readonly memory: string;
  /** fetches what the documents that users refer to need; then they can be written without waiting. */
  readonly documents: () => Promise<ReadyDocuments>;
  /** milliseconds since the epoch. */
  readonly now: () => number;
}

/** What users refer to, profiles above all. Neither part waits for anything: users are written in the same breath. */
export interface ReadyDocuments {
  /** before users: one may refer to what is new. */
  write(): void;
  /** after users: removes what none of them refers to any more. */
  clean(): void;
}

/** What a pass did. Names and words; no secret, and nothing that was read from one. */
export interface RefreshReport {
  /** whose file was written, also when the user is `kept`. */
  readonly written: readonly string[];
  readonly removed: readonly string[];
  /** declared, and not admitted at all. */
  readonly leftOut: readonly Reason[];
  /** not certain: what was admitted before still is. */
  readonly kept: readonly Reason[];
  /** whose file is not what the manifest says. Of a user who is `kept` only because a secret cannot be read it is: everything but passwords is new. */
  readonly stale: readonly string[];
  /** worth knowing, and changes nothing for who may log in now. */
  readonly notes: readonly Reason[];
  readonly ages: readonly { readonly user: string; readonly seconds: number }[];
  /** whether asking again soon may give another answer. */
  readonly retry: boolean;
  /** whether a file was written or removed, or may have been: an error can come after the deed. */
  readonly changed: boolean;
}

export interface Reason {
  readonly user: string;
  readonly reason: string;
}

/** How many users are read at once. https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html allows thousands a second, for all nodes. */
const AT_ONCE = 8;

/** More than a user can have: what is carried over cannot grow without end. */
const MOST_HASHES = 64;

type Decide = (stages: Stages, memory: CredentialMemory | undefined, now: number, grace: number) => Admission;

/**
 * One pass: every declared user admits what he should now, and nobody else is there.
 *
 * Every pass starts from nothing but the secrets, the memory and the files, so one that ended anywhere is completed by the next.
 *
 * It has two parts. The server refuses all users for one who refers to a profile that is not there, so between the first document and the last user
 * nothing is waited for: the first part reads secrets, decides and remembers, the second does nothing but write.
 */
export function refresh(node: CredentialNode): Promise<RefreshReport> {
  return converge(node, () => false);
}

/** Emergency: the same, and of the named users (everybody when none is named) nothing that is leaving is admitted from now on. */
export function revokeLeaving(node: CredentialNode, only: readonly string[] = []): Promise<RefreshReport> {
  return converge(node, (user) => only.length === 0 || only.includes(user));
}

async function converge(node: CredentialNode, revoked: (user: string) => boolean): Promise<RefreshReport> {
  const { disk, manifest, users } = node;
  tidy(disk, users.path);
  try {
    prepareMemory(disk, node.memory);
    tidy(disk, node.memory);
  } catch {
    // each user will say that nothing can be remembered; that keeps nobody from logging in.
  }
  // at once: whoever was taken out of the manifest has no more to do with profiles, and must not stay because something cannot be read.
  const outcomes = removeUndeclared(node);
  const documents = await node.documents();
  const writings: Writing[] = [];
  const queue = manifest.users.values();
  const worker = async (): Promise<void> => {
    for (const document of queue) {
      const writing = await prepared(node, document, revoked(document.user));
      writings.push(() => settled(node, document.user, writing));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  // from here on nothing waits. Should the documents not be written, the users stay as they are: they go with the old ones.
  documents.write();
  for (const each of writings) outcomes.push(each());
  documents.clean();
  return report(outcomes);
}

/** What happened to one user. */
interface Outcome {
  readonly user: string;
  readonly state: 'admitted' | 'undeclared' | 'leftOut' | 'kept';
  readonly reason?: string;
  readonly written?: boolean;
  readonly removed?: boolean;
  /** whether the file may have been changed though an error came. */
  readonly touched?: boolean;
  readonly stale?: boolean;
  readonly notes?: readonly string[];
  readonly age?: number;
  readonly retry?: boolean;
}

/** What is left to do for a user once all is read: to write or to remove his file, without waiting. */
type Writing = () => Outcome;

function removeUndeclared(node: CredentialNode): Outcome[] {
  const declared = new Set(node.manifest.users.map(({ user }) => user));
  return writtenUsers(node.disk, node.users).filter((user) => !declared.has(user)).map((user): Outcome => {
    try {
      return { user, state: 'undeclared', removed: removeDocument(node.disk, node.users, user) };
    } catch (error) {
      return { user, state: 'kept', reason: `is not declared any more, but its file cannot be removed: ${kindOf(error)}`, stale: true, touched: true, retry: true };
    }
  });
}

/** All about one user that waits. His trouble is nobody else's. */
async function prepared(node: CredentialNode, document: UserDocument, revoking: boolean): Promise<Writing> {
  const { user } = document;
  // first: a name that is no user's could be the name of a file that is not ours.
  const strange = strangeName(document);
  if (strange !== undefined) {
    const outcome: Outcome = { user, state: 'leftOut', reason: strange, stale: writtenUsers(node.disk, node.users).includes(user) };
    return () => outcome;
  }
  try {
    return document.secret === undefined ? withPasswords(node, document, NO_PASSWORDS) : await withSecret(node, document, document.secret, revoking);
  } catch (error) {
    return () => troubled(node, user, error);
  }
}

function settled(node: CredentialNode, user: string, writing: Writing): Outcome {
  try {
    return writing();
  } catch (error) {
    return troubled(node, user, error);
  }
}

/** A user whose new document is not there, for whatever reason. */
function troubled(node: CredentialNode, user: string, error: unknown): Outcome {
  const reason = `its file cannot be written or removed: ${kindOf(error)}`;
  const told = { stale: true, touched: true, retry: true };
  try {
    return { ...keptOrLeftOut(node, user, reason)(), ...told };
  } catch {
    return { user, state: 'kept', reason, ...told };
  }
}

/** What is known of a user's passwords. */
interface Passwords {
  /** in the order of admission. */
  readonly hashes: readonly string[];
  /** why there may be more; then what was admitted before stays admitted too. */
  readonly uncertain?: string;
  readonly notes: readonly string[];
  readonly age?: number;
  readonly retry?: boolean;
}

const NO_PASSWORDS: Passwords = { hashes: [], notes: [] };

async function withSecret(node: CredentialNode, document: UserDocument, secret: string, revoking: boolean): Promise<Writing> {
  const { user, graceSeconds } = document;
  if (graceSeconds === undefined || !(graceSeconds >= 0)) return keptOrLeftOut(node, user, 'the manifest has no grace for it');
  const reading = await readStages(node.store, secret);
  if (reading.kind !== 'stages') {
    return reading.kind === 'gone' ? leftOut(node, user, reading.reason) : withPasswords(node, document, { hashes: [], uncertain: reading.reason, notes: [] });
  }
  const decide: Decide = revoking ? revoke : admit;
  const { memory, trouble } = recall(node.disk, node.memory, user, secret);
  const admission = decide(reading.stages, memory, node.now(), graceSeconds * 1000);
  const notes = trouble === undefined ? [] : [trouble];
  // before the file: should the process end in between, the next pass finishes from here. The other way round a version could lose its first
  // sight, and what was just revoked would be let in again.
  const forgotten = rememberOr(() => remember(node.disk, node.memory, node.users.owner, user, secret, admission.memory));
  if (forgotten !== undefined) notes.push(forgotten);
  const passwords = await readAdmitted(node, document.user, secret, admission.admitted, revoking);
  if ('unfit' in passwords) return leftOut(node, user, passwords.unfit, notes);
  return withPasswords(node, document, { ...passwords, notes: [...notes, ...passwords.notes], retry: passwords.retry ?? forgotten !== undefined });
}

function rememberOr(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    return `what was decided cannot be remembered (${kindOf(error)}); what is leaving leaves later, and what is revoked comes back with the next refresh`;
  }
}

/** Reads the admitted versions, current first. */
async function readAdmitted(node: CredentialNode, user: string, secret: string, admitted: readonly string[], revoking: boolean): Promise<Passwords | { readonly unfit: string }> {
  const readings: PasswordReading[] = [];
  for (const version of admitted) readings.push(await readPassword(node.store, secret, version, user));
  const [current, ...others] = readings;
  if (current === undefined) return { unfit: 'the secret has no current version' };
  const hashes = readings.flatMap((each) => (each.kind === 'hash' ? [each.hash] : []));
  if (current.kind !== 'hash') {
    if (current.kind === 'malformed') return { unfit: `the current version cannot be used: ${current.reason}` };
    // a version in use that is not found has just been replaced, or this answer is older than the labels: both pass.
    return { hashes, uncertain: current.reason, notes: [] };
  }
  const age = current.created === undefined ? undefined : Math.max(0, Math.round((node.now() - current.created) / 1000));
  const notes = others.flatMap((each) => (each.kind === 'malformed' ? [`a version beside the current one cannot be used: ${each.reason}`] : []));
  const [unread] = others.flatMap((each) => (each.kind === 'unknown' ? [each.reason] : []));
  if (unread === undefined) return { hashes, notes, age };
  // an emergency does not wait: carrying over would carry what is to go.
  return revoking ? { hashes, notes: [...notes, unread], age, retry: true } : { hashes, uncertain: unread, notes, age };
}

/** Finishes the document of a user. The template is always that of the live manifest, so that grants change even while a secret cannot be read. */
function withPasswords(node: CredentialNode, document: UserDocument, passwords: Passwords): Writing {
  const { disk, users, manifest, clientNetworks } = node;
  const { user } = document;
  const { uncertain, notes, age, retry } = passwords;
  const carried = uncertain === undefined ? [] : hashesIn(writtenDocument(disk, users, user), user);
  const hashes = [...new Set([...passwords.hashes, ...carried])].slice(0, MOST_HASHES);
  if (uncertain !== undefined && hashes.length === 0) return keptOrLeftOut(node, user, uncertain, true);
  const finished = finishedDocument(document, hashes, { clientNetworks, rotationNetworks: manifest.rotationNetworks });
  if ('unfit' in finished) return keptOrLeftOut(node, user, finished.unfit);
  const told: Outcome = uncertain === undefined ? { user, state: 'admitted', notes, age, retry } : { user, state: 'kept', reason: uncertain, notes, age, retry: true };
  return () => ({ ...told, written: writeDocument(disk, users, user, finished.content) });
}

/** Without a document that can be written: what is there stays if it is whole, and if the server does not refuse everybody for it. */
function keptOrLeftOut(node: CredentialNode, user: string, reason: string, retry?: boolean): Writing {
  const old = writtenDocument(node.disk, node.users, user);
  if (old === undefined || !isDocumentOf(old, user)) return leftOut(node, user, reason, [], retry);
  const missing = missingReferences(old, user, node.manifest.documents);
  if (missing.length > 0) return leftOut(node, user, `${reason}; and its older document refers to what is not declared any more: ${missing.join(', ')}`, [], retry);
  return () => ({ user, state: 'kept', reason, stale: true, retry });
}

function leftOut(node: CredentialNode, user: string, reason: string, notes: readonly string[] = [], retry?: boolean): Writing {
  return () => ({ user, state: 'leftOut', reason, notes, retry, removed: removeDocument(node.disk, node.users, user) });
}

function report(all: readonly Outcome[]): RefreshReport {
  const outcomes = [...all].sort((a, b) => (a.user < b.user ? -1 : 1));
  const users = (is: (outcome: Outcome) => boolean | undefined): string[] => outcomes.filter((each) => is(each) === true).map(({ user }) => user);
  const reasons = (state: Outcome['state']): Reason[] => outcomes.filter((each) => each.state === state).map(({ user, reason = '' }) => ({ user, reason }));
  return {
    written: users(({ written }) => written),
    removed: users(({ removed }) => removed),
    leftOut: reasons('leftOut'),
    kept: reasons('kept'),
    stale: users(({ stale }) => stale),
    notes: outcomes.flatMap(({ user, notes = [] }) => notes.map((reason) => ({ user, reason }))),
    ages: outcomes.flatMap(({ user, age }) => (age === undefined ? [] : [{ user, seconds: age }])),
    retry: outcomes.some(({ retry }) => retry === true),
    changed: outcomes.some(({ written, removed, touched }) => written === true || removed === true || touched === true),
  };
}
