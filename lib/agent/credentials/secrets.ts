import { createHash } from 'node:crypto';
import { labelled } from '../../sdk';
import { kindOf } from '../disk';
import type { Stages } from './admission';

/** What the node asks of Secrets Manager. Either call may throw at any time. */
export interface SecretStore {
  describe(secret: string): Promise<SecretDescription>;
  value(secret: string, version: string): Promise<SecretValue>;
}

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html */
export interface SecretDescription {
  /** the secret is scheduled for deletion. */
  readonly deleted: boolean;
  /** staging labels by version id. */
  readonly versions: Readonly<Record<string, readonly string[]>>;
}

/** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html */
export interface SecretValue {
  /** absent when the value is binary. */
  readonly text?: string;
  /** when the version was made, in milliseconds since the epoch. */
  readonly created?: number;
}

/**
 * What a look at a secret tells.
 *
 * - `gone`: there is certainly no password: no such secret, scheduled for deletion, or no current version. Its user is left out.
 * - `unknown`: throttled, not permitted, no answer: nothing is concluded, nothing is taken away, and it is tried again.
 */
export type StagesReading = { readonly kind: 'stages'; readonly stages: Stages } | { readonly kind: 'gone' | 'unknown'; readonly reason: string; /** whether it is there, and has nothing in it. */ readonly empty?: true };

/**
 * What a look at one version tells.
 *
 * - `absent`: it has a label and no value yet, or no label any more and Secrets Manager has dropped it.
 * - `malformed`: it has a value nobody can log in with.
 */
export type PasswordReading =
  | { readonly kind: 'hash'; readonly hash: string; readonly created?: number }
  | { readonly kind: 'absent' | 'malformed' | 'unknown'; readonly reason: string };

/** Reads which version has which label. */
export async function readStages(store: SecretStore, secret: string): Promise<StagesReading> {
  let description: SecretDescription;
  try {
    description = await store.describe(secret);
  } catch (error) {
    return isNotFound(error) ? { kind: 'gone', reason: 'the secret does not exist' } : { kind: 'unknown', reason: `the secret cannot be described: ${kindOf(error)}` };
  }
  if (description.deleted) return { kind: 'gone', reason: 'the secret is scheduled for deletion' };
  const { versions } = description;
  const stages = { current: labelled(versions, 'AWSCURRENT'), pending: labelled(versions, 'AWSPENDING'), previous: labelled(versions, 'AWSPREVIOUS') };
  return stages.current === undefined ? { kind: 'gone', reason: 'the secret has no current version', empty: true } : { kind: 'stages', stages };
}

/** Reads what a version's password hashes to. The password itself does not leave this function. */
export async function readPassword(store: SecretStore, secret: string, version: string, user: string): Promise<PasswordReading> {
  let value: SecretValue;
  try {
    value = await store.value(secret, version);
  } catch (error) {
    if (isNotFound(error)) return { kind: 'absent', reason: 'the version has no value' };
    // InvalidRequestException too: it also says that the secret was deleted, and the next look at its labels will say that for certain.
    return { kind: 'unknown', reason: `a version cannot be read: ${kindOf(error)}` };
  }
  const hashed = passwordHash(value.text, user);
  return 'malformed' in hashed ? { kind: 'malformed', reason: hashed.malformed } : { kind: 'hash', hash: hashed.hash, created: value.created };
}

/** Hashes the password as ClickHouse does (https://clickhouse.com/docs/operations/settings/settings-users#user-namepassword), or says what is wrong in words that repeat nothing of the value. */
function passwordHash(text: string | undefined, user: string): { readonly hash: string } | { readonly malformed: string } {
  if (text === undefined) return { malformed: 'the value is binary, it must be JSON' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { malformed: 'the value is not JSON' };
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { malformed: 'the value is not a JSON object' };
  const { username, password } = value as Record<string, unknown>;
  // two users whose secrets were mixed up must not log in with each other's password.
  if (username !== user) return { malformed: "its 'username' is not this user" };
  // an empty password hashes like any other.
  if (typeof password !== 'string' || password === '') return { malformed: "it has no 'password'" };
  return { hash: createHash('sha256').update(password, 'utf8').digest('hex') };
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && error.name === 'ResourceNotFoundException';
}
