import type { Versions } from '../secret-versions';
import type { Credential } from './credential';
import { unfitToFollow } from './credential';
import type { FailureCode } from './failure';

/**
 * The rotation of a password, as a pure function: what is known -> what to do next.
 *
 * Secrets Manager calls the function once for each of four steps, retries the whole when one fails, and a call can be made twice, at the
 * same time or after its attempt is long over. So no step remembers anything: each asks Secrets Manager and the nodes again, and what was
 * done already is seen as done.
 *
 * @see https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
 */
export const STEPS = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const;
export type Step = (typeof STEPS)[number];

/** One call of the function. */
export interface Attempt {
  readonly step: Step;
  /** the id of the version that is to become the current one. */
  readonly token: string;
  /** milliseconds since the epoch; nothing is waited for beyond it. */
  readonly deadline: number;
}

/** What is looked at of a secret. */
export interface Described extends Omit<Versions, 'previous'> {
  /** when it was asked. */
  readonly at: number;
}

/** The value of a version; values never change. */
export interface Read {
  readonly version: string;
  /** undefined: the version has a label but no value, see DescribeSecret. */
  readonly value?: Credential | { readonly malformed: string };
}

/** The nodes a user logs in to. */
export interface LiveCluster {
  readonly servers: readonly string[];
  /** whose password is in which secret. */
  readonly users: readonly { readonly user: string; readonly secret?: string }[];
  /** the certificates of the cluster's authority, PEM. */
  readonly authority: readonly string[];
}

/** Which password a login is tried with. `wrong` is a random one. */
export type Which = 'pending' | 'current' | 'wrong';
export type Login = 'accepted' | 'refused' | { readonly trouble: string };

/** One look at every server. */
export interface Round {
  /** when it began. */
  readonly at: number;
  readonly logins: ReadonlyMap<string, Partial<Record<Which, Login>>>;
}

/** The passwords logins are tried with; a wrong one is made up for every login. */
export type Asked = Readonly<{ pending?: string; current?: string; wrong?: true }>;

/** Everything a call has found out so far. */
export interface Known {
  readonly started: number;
  /** how often was waited. */
  readonly pauses: number;
  /** the last call did not succeed, but may later. */
  readonly trouble?: string;
  readonly secret?: Described;
  readonly current?: Read;
  readonly pending?: Read;
  /** a new password that is not stored yet. */
  readonly generated?: string;
  /** storing was refused because the version has a value. */
  readonly taken?: boolean;
  readonly stored?: boolean;
  readonly cluster?: LiveCluster;
  /** when the nodes were last told to look. */
  readonly refreshed?: number;
  readonly round?: Round;
  readonly promoted?: boolean;
}

/** What outlives a pause: values never change, labels, servers and answers do. */
export function afterPause({ started, pauses, current, pending, generated, taken, refreshed }: Known): Known {
  return { started, pauses: pauses + 1, current, pending: pending?.value === undefined ? undefined : pending, generated, taken, refreshed };
}

export type Action =
  | { readonly do: 'describe' }
  | { readonly do: 'read'; readonly which: 'current' | 'pending'; readonly version: string }
  | { readonly do: 'generate' }
  | { readonly do: 'put'; readonly current: Credential; readonly password: string }
  | { readonly do: 'cluster' }
  | { readonly do: 'refresh' }
  | { readonly do: 'look'; readonly servers: readonly string[]; readonly user: string; readonly asked: Asked }
  | { readonly do: 'pause'; readonly milliseconds: number; readonly behind: readonly string[] }
  | { readonly do: 'promote'; readonly from: string }
  | { readonly do: 'done'; readonly outcome: Outcome }
  | { readonly do: 'fail'; readonly code: FailureCode; readonly reason: string };

export type Outcome = 'Created' | 'Kept' | 'Accepted' | 'Tested' | 'CurrentTested' | 'Promoted' | 'AlreadyCurrent';

/**
 * A promotion goes out at most this long after the label was seen on this attempt's version. Nodes admit a version for 20 minutes after it
 * lost the label, so it is still admitted when they look for what became of it.
 */
export const LABEL_CHECK_LIVES = 60_000;

/** Nodes are told again: a command can miss a node that was just being replaced. */
export const REFRESH_EVERY = 120_000;

const FIRST_PAUSE = 2_000;
const LONGEST_PAUSE = 15_000;

// after a write another reader may see the older state for a moment (https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html).
const PATIENCE_FOR_A_VALUE = 30_000;

/** The next thing to do. Ends with `done` or `fail`. */
export function next(attempt: Attempt, known: Known, now: number): Action {
  const { step, token } = attempt;
  const { secret } = known;
  if (known.promoted) return finished(known);
  if (known.trouble !== undefined) return pause(attempt, known, now, []) ?? fail('CallFailed', `${known.trouble}, until the time was over; Secrets Manager tries again`);
  if (secret === undefined) return { do: 'describe' };
  if (secret.deleted) return fail('SecretDeleted', 'the secret does not exist, or is scheduled for deletion; restore it with RestoreSecret, or remove the user from the cluster');
  // a retry of what is over.
  if (secret.current === token && step !== 'testSecret') return step === 'finishSecret' ? finished(known) : { do: 'done', outcome: 'AlreadyCurrent' };
  if (!secret.rotationEnabled) return fail('RotationNotEnabled', 'rotation of the secret is not enabled, or was cancelled; enable it with RotateSecret');
  if (secret.current === undefined) return fail('NoCurrentVersion', 'no version of the secret has the label AWSCURRENT; put a value');
  const current = secret.current;
  switch (step) {
    case 'createSecret':
      return label(attempt, secret) ?? create(attempt, known, current, now);
    case 'setSecret':
      return label(attempt, secret) ?? set(attempt, known, secret, current, now);
    case 'testSecret':
      return test(attempt, known, secret, current, now);
    case 'finishSecret':
      return label(attempt, secret) ?? finish(attempt, known, secret, current, now);
  }
}

/** Secrets Manager puts the label on the version before the first step, so an attempt without it was never started or is over. */
function label({ token }: Attempt, { current, pending }: Described): Action | undefined {
  if (pending === token) return undefined;
  if (pending === undefined || pending === current) {
    return fail('UnknownVersion', 'no version has the label AWSPENDING: the rotation was cancelled, or never started; start one with RotateSecret');
  }
  return fail('Superseded', `the label AWSPENDING is on the version ${pending}, another rotation; let that one finish, or take the label from it with UpdateSecretVersionStage and start a new one`);
}

function create(attempt: Attempt, known: Known, current: string, now: number): Action {
  if (known.stored) return { do: 'done', outcome: 'Created' };
  const credentials = readBoth(attempt, known, current);
  if ('do' in credentials) return credentials;
  if (credentials.pending !== undefined) return { do: 'done', outcome: 'Kept' };
  // somebody stored a value since, which is as good as ours, but it is not to be seen yet.
  if (known.taken) return awaitValue(attempt, known, now);
  if (known.generated === undefined) return { do: 'generate' };
  if (known.generated === credentials.current.password) return fail('WeakRandom', 'Secrets Manager generated the current password again; nothing was stored');
  return { do: 'put', current: credentials.current, password: known.generated };
}

function set(attempt: Attempt, known: Known, secret: Described, current: string, now: number): Action {
  const credentials = readBoth(attempt, known, current);
  if ('do' in credentials) return credentials;
  if (credentials.pending === undefined) return awaitValue(attempt, known, now);
  return lookAtServers(attempt, known, secret, credentials.pending, { pending: credentials.pending.password, current: credentials.current.password }, now) ?? { do: 'done', outcome: 'Accepted' };
}

/**
 * A schedule that is made without an immediate rotation calls this step alone, with a version that is made for it and taken away again
 * (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html). What that version holds is not documented: where
 * it holds nothing, the current password is what there is to test.
 */
function test(attempt: Attempt, known: Known, secret: Described, current: string, now: number): Action {
  const pendingElsewhere = secret.pending !== undefined && secret.pending !== current;
  const lost = pendingElsewhere ? label(attempt, secret) : undefined;
  if (lost !== undefined) return lost;
  if (pendingElsewhere && known.pending?.version !== attempt.token) return { do: 'read', which: 'pending', version: attempt.token };
  const pending = pendingElsewhere ? known.pending?.value : undefined;
  if (pending !== undefined) {
    if ('malformed' in pending) return malformed(attempt.token, pending.malformed);
    return lookAtServers(attempt, known, secret, pending, { pending: pending.password, wrong: true }, now) ?? { do: 'done', outcome: 'Tested' };
  }
  if (known.current?.version !== current) return { do: 'read', which: 'current', version: current };
  const value = known.current.value;
  if (value === undefined) return fail('EmptyVersion', `the current version ${current} has no value; put one`);
  if ('malformed' in value) return malformed(current, value.malformed);
  return lookAtServers(attempt, known, secret, value, { current: value.password, wrong: true }, now) ?? { do: 'done', outcome: 'CurrentTested' };
}

function finish(attempt: Attempt, known: Known, secret: Described, current: string, now: number): Action {
  const credentials = readBoth(attempt, known, current);
  if ('do' in credentials) return credentials;
  if (credentials.pending === undefined) return awaitValue(attempt, known, now);
  const behind = lookAtServers(attempt, known, secret, credentials.pending, { pending: credentials.pending.password }, now);
  if (behind !== undefined) return behind;
  // the label is looked at last, and again when that was long ago: what lost it is dropped by the nodes one day.
  if (secret.at < (known.round?.at ?? Infinity) || now - secret.at >= LABEL_CHECK_LIVES) {
    return now < attempt.deadline ? { do: 'describe' } : fail('NotPromoted', 'the time was over before the version could be promoted; Secrets Manager tries again');
  }
  return { do: 'promote', from: current };
}

/** After a promotion, nodes count the grace of the old password from when they see it, so they are told; a retry tells them once more. */
function finished({ refreshed, promoted }: Known): Action {
  return refreshed === undefined ? { do: 'refresh' } : { do: 'done', outcome: promoted ? 'Promoted' : 'AlreadyCurrent' };
}

function readBoth({ token }: Attempt, known: Known, current: string): Action | { readonly current: Credential; readonly pending?: Credential } {
  if (known.current?.version !== current) return { do: 'read', which: 'current', version: current };
  if (known.pending?.version !== token) return { do: 'read', which: 'pending', version: token };
  const now = known.current.value;
  if (now === undefined) return fail('EmptyVersion', `the current version ${current} has no value; put one`);
  if ('malformed' in now) return malformed(current, now.malformed);
  const then = known.pending.value;
  if (then === undefined) return { current: now };
  if ('malformed' in then) return malformed(token, then.malformed);
  const unfit = unfitToFollow(now, then);
  return unfit === undefined ? { current: now, pending: then } : malformed(token, unfit);
}

function malformed(version: string, reason: string): Action {
  return fail('MalformedSecret', `the value of the version ${version} cannot be used: ${reason}. A version cannot be changed; put a good value, take AWSPENDING from a bad one with UpdateSecretVersionStage, then rotate again`);
}

function awaitValue(attempt: Attempt, known: Known, now: number): Action {
  const more = now - known.started < PATIENCE_FOR_A_VALUE ? pause(attempt, known, now, []) : undefined;
  return more ?? fail('EmptyVersion', `the version ${attempt.token} has no value, so createSecret has not succeeded; Secrets Manager tries again`);
}

/**
 * Looks at every server until all agree in one look; undefined when they do.
 *
 * The list of servers is read again before every look: a cluster that grows meanwhile is waited for as a whole.
 */
function lookAtServers(attempt: Attempt, known: Known, secret: Described, credential: Credential, asked: Asked, now: number): Action | undefined {
  const { cluster, round } = known;
  if (cluster === undefined) return { do: 'cluster' };
  if (cluster.servers.length === 0) return fail('NotInManifest', 'the live manifest names no server; deploy the cluster');
  // a secret that is not the user's must not be tried on the nodes, whoever asks.
  const user = cluster.users.find((each) => each.secret === secret.arn)?.user;
  if (user === undefined) return fail('NotInManifest', `the live manifest names no user whose password is in ${secret.arn}; deploy the cluster, or end the rotation of this secret with CancelRotateSecret`);
  if (user !== credential.username) return fail('NotInManifest', `the live manifest gives ${secret.arn} to the user '${user}', the secret has another 'username'; set it back`);
  if (attempt.step === 'setSecret' && (known.refreshed === undefined || (round === undefined && now - known.refreshed >= REFRESH_EVERY))) return { do: 'refresh' };
  if (round === undefined) return { do: 'look', servers: cluster.servers, user, asked };
  const open = cluster.servers.filter((server) => round.logins.get(server)?.wrong === 'accepted');
  if (open.length > 0) return fail('WrongPasswordAccepted', `${list(open)} let '${user}' in with a random password; take the node out of service and look at its users`);
  const behind = cluster.servers.flatMap((server) => complaint(server, asked, round.logins.get(server)));
  if (behind.length === 0) return undefined;
  const seconds = Math.round((now - known.started) / 1000);
  return (
    pause(attempt, known, now, behind) ??
    fail('NodesBehind', `${behind.length} of ${cluster.servers.length} servers are not ready after ${seconds} s: ${list(behind)}; look at the log of each, repair or replace it. The current password works on as before, and Secrets Manager tries again`)
  );
}

function complaint(server: string, asked: Asked, logins: Partial<Record<Which, Login>> = {}): string[] {
  const said = (Object.keys(asked) as Which[]).flatMap((which) => {
    const login = logins[which];
    if (login === undefined) return [`${which} not tried in time`];
    if (typeof login === 'object') return [`${which}: ${login.trouble}`];
    return login === (which === 'wrong' ? 'refused' : 'accepted') ? [] : [`${which} ${login}`];
  });
  return said.length === 0 ? [] : [`${server} (${said.join(', ')})`];
}

function list(names: readonly string[]): string {
  return names.slice(0, 10).join(', ') + (names.length > 10 ? ` and ${names.length - 10} more` : '');
}

/** A pause, if there is time for one. */
function pause({ deadline }: Attempt, { pauses }: Known, now: number, behind: readonly string[]): Action | undefined {
  const milliseconds = Math.min(FIRST_PAUSE * 1.5 ** pauses, LONGEST_PAUSE);
  return now + milliseconds < deadline ? { do: 'pause', milliseconds, behind } : undefined;
}

function fail(code: FailureCode, reason: string): Action {
  return { do: 'fail', code, reason };
}
