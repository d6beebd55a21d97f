/**
 * The value of a user's secret. Other keys are kept as they are: rotation changes the password and nothing else.
 *
 * No message here repeats any part of a value.
 */
export interface Credential {
  readonly username: string;
  readonly password: string;
  /** the whole object as it is stored. */
  readonly all: Readonly<Record<string, unknown>>;
}

/** What is wrong with a value, in words that hold none of it. */
export interface Malformed {
  readonly malformed: string;
}

/** Shorter ones are never put into service: ClickHouse keeps passwords in files as SHA-256, unsalted and fast. */
export const LEAST_PASSWORD_LENGTH = 32;

const USERNAME = /^[a-z][a-z0-9_-]{0,62}$/;
// what an HTTP header carries unchanged, and no more: a space at an end is cut off, and beyond ASCII nobody agrees on bytes.
const PASSWORD = /^[\x21-\x7e]{1,512}$/;
const GENERATED = /^[A-Za-z0-9]+$/;

/** Reads a value. */
export function parseCredential(text: string): Credential | Malformed {
  let all: unknown;
  try {
    all = JSON.parse(text);
  } catch {
    // the error of JSON.parse quotes the text.
    return { malformed: 'it is not JSON' };
  }
  if (typeof all !== 'object' || all === null || Array.isArray(all)) return { malformed: 'it is not a JSON object' };
  const { username, password } = all as Record<string, unknown>;
  if (typeof username !== 'string' || !USERNAME.test(username)) return { malformed: "its 'username' is not the name of a user: a lower-case letter, then lower-case letters, digits, '_' or '-'" };
  if (typeof password !== 'string' || password === '') return { malformed: "it has no 'password'" };
  if (!PASSWORD.test(password)) return { malformed: "its 'password' has characters that are not printable ASCII, or more than 512" };
  return { username, password, all: all as Record<string, unknown> };
}

/** What keeps a value from following another; undefined when nothing does. */
export function unfitToFollow(current: Credential, pending: Credential): string | undefined {
  const { length } = pending.password;
  if (length < LEAST_PASSWORD_LENGTH) return `its password has ${length} characters, at least ${LEAST_PASSWORD_LENGTH} are needed`;
  if (!GENERATED.test(pending.password)) return 'its password has other characters than letters and digits';
  if (pending.username !== current.username) return 'it is for another user than the current value';
  if (pending.password === current.password) return 'its password is the current one';
  return undefined;
}

/** The value that follows: the same with another password. */
export function follow(current: Credential, password: string): Credential {
  return { username: current.username, password, all: { ...current.all, password } };
}

export function renderCredential({ all }: Credential): string {
  return JSON.stringify(all);
}
