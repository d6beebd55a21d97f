import { withoutComments } from '../credentials/in-text';
import type { Told } from '../credentials/model';
import { unquoted } from '../credentials/variables';

/** A setting of ClickHouse, in whichever form somebody writes it. */
export interface Setting {
  readonly name: string;
  /** the names on the way to it with dots between them, such as `clickhouse.openSSL.client.verificationMode`. */
  readonly path: string;
  /** empty for one that holds others. */
  readonly value: string;
  /** whether it takes a setting of the package away: `remove="1"`, or `_removed_` for Altinity's operator. */
  readonly isRemoved: boolean;
  /** the same for those that stand beside each other. */
  readonly parent: string;
}

const read = new WeakMap<Told, readonly Setting[]>();

/** All settings that something is told: in XML, YAML, options of a command, and documents. What is no setting of ClickHouse is among them. */
export function settingsOf(told: Told): readonly Setting[] {
  const known = read.get(told) ?? find(told);
  read.set(told, known);
  return known;
}

function find({ script, entries }: Told): readonly Setting[] {
  const written = script.commands.map(replaced);
  const text = withoutComments(written.map(({ text }) => text).join('\n')).replaceAll('<![CDATA[', '').replaceAll(']]>', '');
  return [
    ...inXml(text),
    ...inYaml(text),
    ...inOptions(text),
    ...written.flatMap(({ removed }) => removed.map((name) => setting([name], '', true, 'sed'))),
    ...entries.map(({ path, name, text: value }) => setting(path.replaceAll('/', '.').split('.').filter((each) => each !== ''), value.trim(), value.trim() === '_removed_', `entries${path.slice(0, Math.max(0, path.length - name.length))}`)),
  ];
}

function setting(names: readonly string[], value: string, isRemoved: boolean, parent: string): Setting {
  const name = names[names.length - 1] ?? '';
  // how ClickHouse's YAML writes attributes: https://clickhouse.com/docs/operations/configuration-files#example-1
  if (/^@?remove$/.test(name) && names.length > 1) return { name: names[names.length - 2] ?? '', path: names.slice(0, -1).join('.'), value: '', isRemoved: true, parent };
  return { name, path: names.join('.'), value, isRemoved, parent };
}

// s|what is there|what it becomes|, with whichever character between.
const SUBSTITUTION = /\bs([|#@!,%~/])((?:\\.|(?!\1)[^\\]){0,2000})\1((?:\\.|(?!\1)[^\\]){0,2000})\1/g;
// a substitution by nothing: what a shell would take for 'or' ends the command here.
const NOTHING_INSTEAD = /\bs\|([^|]{1,2000})$/;
const DELETION = /\/((?:\\.|[^/\\]){1,500})\/d\b/g;
const TAG = /<(\w{1,80})[\s>]/g;

/** What a command leaves behind: of a `sed` not what it looks for, and the settings that it takes out by that. */
function replaced(command: string): { readonly text: string; readonly removed: readonly string[] } {
  if (!/\bsed\s/.test(command)) return { text: command, removed: [] };
  const removed: string[] = [];
  const gone = (before: string, after: string): void => {
    const left = withoutComments(after);
    for (const [, name = ''] of before.matchAll(TAG)) if (!left.includes(`<${name}`)) removed.push(name);
  };
  const text = command
    .replace(SUBSTITUTION, (_, _delimiter: string, before: string, after: string) => {
      gone(before, after);
      return ` ${after.replaceAll('\\/', '/')} `;
    })
    .replace(DELETION, (_, before: string) => {
      gone(before, '');
      return ' ';
    })
    .replace(NOTHING_INSTEAD, (_, before: string) => {
      gone(before, '');
      return ' ';
    });
  return { text, removed };
}

// nobody's configuration is so deep: it is a text that never closes.
const DEEPEST = 64;
const LONGEST = 500;

/** The elements in fragments of XML, wherever they stand in a text; tolerant, for what is between them is a shell's. */
function* inXml(text: string): Iterable<Setting> {
  const open: string[] = [];
  const parents: string[] = ['xml'];
  let count = 0;
  for (let start = text.indexOf('<'); start >= 0; start = text.indexOf('<', start + 1)) {
    const rest = text.slice(start + 1, start + 1 + 2 * LONGEST);
    const end = rest.indexOf('>');
    const next = rest.indexOf('<');
    if (end < 0 || (next >= 0 && next < end)) continue;
    const tag = rest.slice(0, end);
    const [, closing, name = ''] = /^(\/?)([A-Za-z_$\uE000][^\s/]{0,200})/.exec(tag) ?? [];
    if (name === '') continue;
    if (closing === '/') {
      const at = open.lastIndexOf(name);
      if (at >= 0) [open.length, parents.length] = [at, at + 1];
      continue;
    }
    const isClosed = tag.endsWith('/');
    const value = isClosed ? '' : contentAfter(text, start + end + 2);
    // what stands in an attribute comes from elsewhere: https://clickhouse.com/docs/operations/configuration-files
    const isElsewhere = /\s(?:from_env|from_zk|incl)\s{0,5}=/.test(tag);
    yield setting([...open, name], isElsewhere ? '$' : value, /\sremove\s{0,5}=/.test(tag), parents[parents.length - 1] ?? '');
    if (isClosed) continue;
    open.push(name);
    parents.push(`xml ${++count}`);
    if (open.length > DEEPEST) [open.length, parents.length] = [0, 1];
  }
}

function contentAfter(text: string, start: number): string {
  const part = text.slice(start, start + LONGEST);
  const end = part.indexOf('<');
  return (end < 0 ? part : part.slice(0, end)).trim();
}

const KEY = /^([ \t]{0,100})(- {1,8})?["']?([\w@$./-]{1,120})["']?[ \t]{0,20}:(?:[ \t]{1,20}(\S.{0,499})?)?$/;
const ITEM = /^([ \t]{0,100})- {1,8}(\S.{0,199})$/;

/** The settings in lines of YAML, by how far they are indented. */
function* inYaml(text: string): Iterable<Setting> {
  const open: Array<{ readonly indent: number; readonly name: string; readonly id: string }> = [];
  const top = (): string => open[open.length - 1]?.id ?? 'yaml';
  const names = (): string[] => open.map(({ name }) => name).filter((name) => name !== '');
  const close = (least: number): void => {
    while ((open[open.length - 1]?.indent ?? -1) >= least) open.pop();
  };
  let count = 0;
  for (const line of text.split('\n')) {
    if (line.length > 2 * LONGEST || !/^[ \t]{0,100}(?:- |[\w"'@$])/.test(line)) continue;
    const bare = line.replace(/[ \t]#.*$/, '').trimEnd();
    const [, indent = '', dash = '', name, value = ''] = KEY.exec(bare) ?? [];
    const [, before = '', item] = name === undefined ? (ITEM.exec(bare) ?? []) : [];
    if (name !== undefined) {
      const level = indent.length;
      if (dash !== '') {
        // a list may stand at the level of its own name: an item is half a level below.
        close(level + 0.5);
        open.push({ indent: level + 0.5, name: '', id: `yaml ${++count}` });
      } else close(level);
      const text = unquoted(value.trim());
      yield setting([...names(), name], text.startsWith('{') ? '' : text, /^\{\s{0,5}["']?@?remove/.test(text), top());
      open.push({ indent: level + dash.length, name, id: `yaml ${++count}` });
      if (open.length > DEEPEST) open.length = 0;
    } else if (item !== undefined) {
      close(before.length + 0.5);
      if (open.length > 0) yield setting(names(), unquoted(item.trim()), false, top());
    }
  }
}

// what is told behind the server's name; and the same in JSON, which has no lines of its own.
const OPTION = /(?:\s--|["'])((?:openSSL\.[\w.]{1,60})|listen_host|[a-z_]{1,40}_port(?:_secure)?)(?:["']\s{0,5}:|=|\s)\s{0,5}["']?([^\s"',}]{0,200})/g;

function* inOptions(text: string): Iterable<Setting> {
  for (const [, name = '', value = ''] of text.matchAll(OPTION)) yield setting(name.split('.'), value, false, 'options');
}

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|\[?::1\]?|localhost)$/i;

/** Whether a host is the machine itself. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host.trim());
}

/** Whether a server listens on the machine itself only, as far as anything says where it listens. */
export function listensToItself(settings: readonly Setting[]): boolean {
  const hosts = settings.filter(({ name, value }) => name === 'listen_host' && value !== '');
  return hosts.length > 0 && hosts.every(({ value }) => isLoopback(value));
}

/** Whether something says that a server listens to others. */
export function listensToOthers(settings: readonly Setting[]): boolean {
  return settings.some(({ name, value }) => name === 'listen_host' && value !== '' && !isLoopback(value));
}

/** Whether a text is a value that a shell, a program or the deployment fills in. */
export function isLater(value: string): boolean {
  return /[$`\uE000]|\{\{/.test(value);
}

/** Whether a switch is on. */
export function isOn(value: string): boolean {
  return /^(?:1|true|yes|on)$/i.test(value.trim());
}

export function isOff(value: string): boolean {
  return /^(?:0|false|no|off)$/i.test(value.trim());
}
