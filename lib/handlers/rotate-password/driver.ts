import { randomBytes } from 'node:crypto';
import { follow, parseCredential, renderCredential } from './credential';
import { isTransient, kind } from '../failure';
import type { VersionStore } from '../secret-versions';
import { RotationFailure } from './failure';
import type { Action, Asked, Attempt, Known, LiveCluster, Login, Outcome, Round, Which } from './steps';
import { afterPause, next } from './steps';

/** Secrets Manager, as far as a rotation needs it. Any call may throw at any time, and may have happened all the same. */
export interface SecretStore extends VersionStore {
  generate(): Promise<string>;
}

/** What a login is for. */
export interface LoginRequest {
  readonly server: string;
  /** PEM certificates; nothing else is trusted. */
  readonly authority: readonly string[];
  readonly user: string;
  readonly password: string;
}

/** A login on one server over verified TLS. Never throws. */
export type LogIn = (request: LoginRequest) => Promise<Login>;

/** What a rotation needs from the world; simulated in tests. */
export interface World {
  readonly secrets: SecretStore;
  readonly logIn: LogIn;
  /** what the live manifest says now. */
  readonly cluster: () => Promise<LiveCluster>;
  /** tells every node to look at the secrets now. */
  readonly refresh: () => Promise<void>;
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly log: (message: string, fields: Readonly<Record<string, string | number>>) => void;
}

/** TLS handshakes are what logging in costs; this many at once keep one small function busy. */
export const LOGINS_AT_ONCE = 32;

/** Carries out one call of the function; throws a {@link RotationFailure} when the step does not succeed. Logs one line for the outcome. */
export async function rotate(secret: string, attempt: Attempt, world: World, decide: typeof next = next): Promise<Outcome> {
  const { now, log } = world;
  const started = now();
  const fields = (): Record<string, string | number> => ({ step: attempt.step, secret, version: attempt.token, seconds: Math.round((now() - started) / 1000) });
  let known: Known = { started, pauses: 0 };
  try {
    for (;;) {
      const action = decide(attempt, known, now());
      if (action.do === 'done') {
        log('rotation', { ...fields(), outcome: action.outcome, servers: known.cluster?.servers.length ?? 0 });
        return action.outcome;
      }
      if (action.do === 'fail') throw new RotationFailure(action.code, action.reason);
      known = await perform(action, known, secret, attempt, world);
    }
  } catch (error) {
    const failure = error instanceof RotationFailure ? error : new RotationFailure('CallFailed', kind(error));
    log('rotation failed', { ...fields(), outcome: failure.name, reason: failure.message });
    throw failure;
  }
}

type Doing = Exclude<Action, { readonly do: 'done' | 'fail' }>;

/** Carries out one action. What may succeed later is trouble, anything else ends the step. */
async function perform(action: Doing, known: Known, secret: string, attempt: Attempt, world: World): Promise<Known> {
  try {
    return await act(action, known, secret, attempt, world);
  } catch (error) {
    if (error instanceof RotationFailure) throw error;
    const said = `${action.do}: ${kind(error)}`;
    if (isTransient(error)) return { ...known, trouble: said };
    const hint = kind(error) === 'InvalidRequestException' ? '; the secret was probably deleted meanwhile' : '';
    throw new RotationFailure('CallFailed', said + hint);
  }
}

async function act(action: Doing, known: Known, secret: string, attempt: Attempt, world: World): Promise<Known> {
  const { secrets, now, log } = world;
  switch (action.do) {
    case 'describe': {
      // the time of the question: the answer is at least as new.
      const at = now();
      const described = (await secrets.describe(secret)) ?? { arn: secret, deleted: true, rotationEnabled: false };
      return { ...known, secret: { ...described, at } };
    }
    case 'read': {
      const text = await secrets.read(secret, action.version);
      return { ...known, [action.which]: { version: action.version, value: text === undefined ? undefined : parseCredential(text) } };
    }
    case 'generate':
      return { ...known, generated: await secrets.generate() };
    case 'put': {
      const result = await secrets.put(secret, attempt.token, renderCredential(follow(action.current, action.password)));
      return result === 'stored' ? { ...known, stored: true } : { ...known, taken: true, pending: undefined };
    }
    case 'cluster':
      return { ...known, cluster: await world.cluster() };
    case 'refresh':
      // nodes also look by themselves, so this only makes it faster.
      await world.refresh().catch((error: unknown) => log('refresh failed', { step: attempt.step, secret, reason: kind(error) }));
      return { ...known, refreshed: now() };
    case 'look':
      return { ...known, round: await look(action, known.cluster?.authority ?? [], attempt.deadline, world) };
    case 'pause':
      log('waiting', { step: attempt.step, secret, behind: action.behind.length, servers: action.behind.slice(0, 10).join(', '), trouble: known.trouble ?? '' });
      await world.sleep(action.milliseconds);
      return afterPause(known);
    case 'promote':
      return (await secrets.promote(secret, attempt.token, action.from)) === 'promoted' ? { ...known, promoted: true } : { ...known, trouble: 'promote: AWSCURRENT was moved by somebody else' };
  }
}

/** Logs in to every server, a bounded number at a time. Starts nothing after the deadline; what was not tried is missing from the answer. */
async function look({ servers, user, asked }: { servers: readonly string[]; user: string; asked: Asked }, authority: readonly string[], deadline: number, { logIn, now }: World): Promise<Round> {
  const at = now();
  const logins = new Map<string, Partial<Record<Which, Login>>>(servers.map((server) => [server, {}]));
  const queue = servers.flatMap((server) => (Object.keys(asked) as Which[]).map((which) => ({ server, which }))).values();
  const worker = async (): Promise<void> => {
    for (const { server, which } of queue) {
      if (now() >= deadline) return;
      const password = which === 'wrong' ? randomBytes(24).toString('hex') : (asked[which] ?? '');
      const login = await logIn({ server, authority, user, password });
      logins.set(server, { ...logins.get(server), [which]: login });
    }
  };
  await Promise.all(Array.from({ length: LOGINS_AT_ONCE }, worker));
  return { at, logins };
}

