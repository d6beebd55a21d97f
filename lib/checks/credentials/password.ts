import { createHash } from 'node:crypto';
import { reasonIn } from './marks';

/**
 * What stands where a password belongs.
 *
 * - empty: nothing.
 * - written: the password.
 * - resolved: a dynamic reference, which CloudFormation replaces by the password, in clear.
 * - passed: a value of the deployment, such as a parameter, in clear as well.
 * - later: what the machine itself puts there.
 */
export type Password =
  | { readonly kind: 'empty' | 'written' | 'later' }
  | { readonly kind: 'resolved' | 'passed'; /** what it comes from, in words. */ readonly from: string };

// what a shell or a templating program fills in: $NAME, `command`, {{ name }}, <%= name %>, __NAME__, @NAME@, %NAME%.
const FILLED_IN_LATER = /[$`]|\{\{|<%|^__\w+__$|^@+\w+@+$|^%\w+%$/;
const RESOLVED = /\{\{resolve:(secretsmanager|ssm-secure|ssm):/;
const STORES: ReadonlyMap<string, string> = new Map([['secretsmanager', 'a secret'], ['ssm-secure', 'a secure parameter'], ['ssm', 'a parameter of the Systems Manager']]);

/** Reads a password's place in a script or a file that a script writes. */
export function passwordIn(text: string): Password {
  const found = passwordGiven(text);
  return found.kind === 'written' && FILLED_IN_LATER.test(text.trim()) ? { kind: 'later' } : found;
}

/** The same where no shell comes between, such as the environment of a container: a `$` is only a character there. */
export function passwordGiven(text: string): Password {
  const value = text.trim();
  if (value === '') return { kind: 'empty' };
  const [, store = ''] = RESOLVED.exec(value) ?? [];
  if (store !== '') return { kind: 'resolved', from: STORES.get(store) ?? store };
  const reason = reasonIn(value);
  if (reason !== undefined) return { kind: 'passed', from: reason };
  // https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
  return { kind: /^\$\([\w.-]{1,200}\)$/.test(value) ? 'later' : 'written' };
}

/** Whether a name, of a variable or a key, is that of a password of ClickHouse. */
export function isPasswordVariable(name: string): boolean {
  return name.length < 200 && /(?:^|_)CLICKHOUSE_(?:[A-Z0-9]+_)*PASS(?:WORD|WD)?$/i.test(name);
}

/** What stands where a hash belongs, if it gives the password away. */
export type Hash = 'empty' | 'guessed' | 'no hash';

const DIGESTS: Readonly<Record<string, { readonly digits: number; readonly of: (text: string) => string }>> = {
  sha256: { digits: 64, of: (text) => createHash('sha256').update(text).digest('hex') },
  double_sha1: { digits: 40, of: (text) => createHash('sha1').update(createHash('sha1').update(text).digest()).digest('hex') },
};

/** Judges a hash. One of a random password tells nothing; it is unsalted and fast, so one of a word tells the word. */
export function judgeHash(kind: string, text: string): Hash | undefined {
  const digest = DIGESTS[kind];
  const value = text.trim().toLowerCase();
  // an empty one is refused by ClickHouse, and what is filled in later is not known.
  if (digest === undefined || value === '' || passwordIn(value).kind !== 'written') return undefined;
  if (!/^[0-9a-f]+$/.test(value) || value.length !== digest.digits) return 'no hash';
  const word = guesses(kind, digest.of).get(value);
  return word === undefined ? undefined : word === '' ? 'empty' : 'guessed';
}

// what people take: the words of examples, of the software itself and of every list of bad passwords, and the usual ends.
const WORDS = ['password', 'passw0rd', 'pass', 'clickhouse', 'clickhouse_password', 'default', 'admin', 'administrator', 'root', 'user', 'test', 'demo', 'example', 'secret', 'changeme', 'change_me', 'changeit', 'letmein', 'welcome', 'qwerty', 'abc', 'langfuse', 'posthog', 'signoz', 'plausible', 'grafana', 'mypassword', 'supersecret', 'readonly', 'reader', 'writer', 'analytics', 'database', 'db', 'dev', 'prod', 'p@ssw0rd', '123456', '12345', '1234', '12345678', '123456789', '1234567890', '111111', '000000', '0', '1'];
const ENDS = ['', '1', '12', '123', '1234', '!', '123!', '@123', '2020', '2021', '2022', '2023', '2024', '2025', '2026'];
const known = new Map<string, ReadonlyMap<string, string>>();

/** The hashes of bad passwords. Some thousand, made when first asked for. */
function guesses(kind: string, of: (text: string) => string): ReadonlyMap<string, string> {
  const made = known.get(kind);
  if (made !== undefined) return made;
  const words = WORDS.flatMap((word) => [word, word.charAt(0).toUpperCase() + word.slice(1), word.toUpperCase()]);
  const all = new Map(['', ...words.flatMap((word) => ENDS.map((end) => `${word}${end}`))].map((word) => [of(word), word] as const));
  known.set(kind, all);
  return all;
}
