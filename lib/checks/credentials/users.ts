import { withoutComments } from './in-text';
import { judgeHash } from './password';

/** A user in a fragment of a configuration. */
export interface ConfiguredUser {
  readonly name: string;
  /** whether an empty password, or none at all, is enough; why. */
  readonly open?: 'an empty password' | 'no password';
  /** from where it may log in, as far as that is written; undefined when it is not, which means from everywhere. */
  readonly networks?: readonly string[];
}

// <name attributes>, </name> and <name/>, where a shell may fill in the name.
const TAG = /<(\/?)([A-Za-z_$\uE000][^\s<>/]{0,400})([^<>]{0,400})>/g;
const ELSEWHERE = /\b(?:from_env|from_zk|incl|encrypted_by)\s*=/;
const DEEPEST = 64;

interface Draft {
  name: string;
  depth: number;
  open?: ConfiguredUser['open'];
  networks?: string[];
  removed: boolean;
}

/**
 * The users in fragments of ClickHouse's XML configuration, wherever they stand in a text: what is below `<users>`.
 *
 * Tolerant, for what is between the fragments is a shell's. A password outside of such an element, as in the middle of a `sed`, says nothing
 * about who may log in.
 */
export function usersIn(text: string): readonly ConfiguredUser[] {
  if (!text.includes('<users')) return [];
  const source = withoutComments(text).replaceAll('<![CDATA[', '').replaceAll(']]>', '');
  const users: Draft[] = [];
  const open: string[] = [];
  let user: Draft | undefined;
  for (const match of source.matchAll(TAG)) {
    const [whole, closing, name = '', attributes = ''] = match;
    const isClosed = attributes.endsWith('/');
    const after = match.index + whole.length;
    if (closing === '/') {
      const at = open.lastIndexOf(name);
      if (at >= 0) open.length = at;
      if (user !== undefined && open.length <= user.depth) user = undefined;
      continue;
    }
    const parent = open[open.length - 1];
    const content = isClosed ? '' : textAfter(source, after);
    if (parent === 'users') {
      user = { name, depth: open.length, removed: /\bremove\s*=/.test(attributes) };
      users.push(user);
    } else if (user !== undefined) note(user, parent, name, attributes, content, open.length - user.depth);
    if (!isClosed) open.push(name);
    // nobody's configuration is so deep: it is a text that never closes.
    if (open.length > DEEPEST) open.length = 0;
  }
  return users.filter(({ removed }) => !removed).map(({ name, open: why, networks }) => ({ name, open: why, networks }));
}

function textAfter(source: string, start: number): string {
  const end = source.indexOf('<', start);
  // a value is short; what comes before the next element, however far, is not looked for again.
  return source.slice(start, end < 0 || end - start > 500 ? start + 500 : end).trim();
}

function note(user: Draft, parent: string | undefined, name: string, attributes: string, content: string, level: number): void {
  const isElsewhere = ELSEWHERE.test(attributes);
  if (name === 'networks' && level === 1) {
    // what is included may be anything; ClickHouse's own packages have no such section, and then nobody is let in.
    user.networks ??= isElsewhere ? ['what is included'] : [];
  } else if (parent === 'networks') user.networks?.push(content);
  else if (name === 'no_password') user.open = 'no password';
  else if (!isElsewhere && ((name === 'password' && content === '') || isEmptyHash(name, content))) user.open = 'an empty password';
}

/** Whether a hash is that of the empty password. */
export function isEmptyHash(name: string, text: string): boolean {
  const [, kind] = /^password_(sha256|double_sha1)_hex$/.exec(name) ?? [];
  return kind !== undefined && judgeHash(kind, text) === 'empty';
}

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}(?:\/(?:[89]|[12]\d|3[0-2]))?|::1(?:\/128)?|localhost)$/i;

/** Whether somebody who is not on the machine itself may log in. Not written means from everywhere; nothing written, from nowhere. */
export function isReachable(networks: readonly string[] | undefined): boolean {
  return networks === undefined || networks.some((each) => !LOOPBACK.test(each.trim()));
}
