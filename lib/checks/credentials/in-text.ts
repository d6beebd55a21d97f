import type { Script } from '../scripts';
import { unquoted } from './variables';

/** A password, or a hash, that a text has where one belongs. */
export interface Spot {
  /** where in the text, in words. */
  readonly words: string;
  readonly value: string;
  /** which hash, where it is one. */
  readonly hash?: string;
  /** whether a URL has it, where it can be nothing else. */
  readonly isUrl?: true;
}

// clickhouse://user:password@host, also of SQLAlchemy, and of HTTP where the host says what it is.
// a reference to a secret, or a mark, is one piece whatever is in it; there is one way only to read a text in pieces.
const PIECE = String.raw`(?:\{\{[^{}\s]{1,300}\}\}|\uE000[^\uE000-\uE002]{0,1000}\uE001[^\uE000-\uE002]{0,1000}\uE002|[^\s@/"'\uE000{]|\{(?!\{)){1,300}`;
const USER = String.raw`[^\s:@/"']{0,100}`;
const URLS = [
  new RegExp(String.raw`\b(?:clickhouse|clickhouses|clickhousedb|chdb)(?:\+\w{1,20})?:\/\/${USER}:(${PIECE})@`, 'gi'),
  new RegExp(String.raw`\bhttps?:\/\/${USER}:(${PIECE})@[^\s/"':]{0,100}clickhouse`, 'gi'),
  /\bjdbc:(?:clickhouse|ch):[^\s"']{1,300}?[?&]password=([^\s&"']{1,300})/gi,
];

/** The passwords in URLs of ClickHouse, whoever uses them. */
export function* urlsIn(text: string): Iterable<Spot> {
  if (!text.includes('://') || !/clickhouse|\bch:/i.test(text)) return;
  for (const pattern of URLS) for (const [, value = ''] of text.matchAll(pattern)) yield { words: 'a URL', value, isUrl: true };
}

// what stands in an attribute comes from elsewhere: https://clickhouse.com/docs/operations/configuration-files
const ELEMENT = /<(password|password_(sha256|double_sha1)_hex)((?:\s[^<>]{0,200})?)>([^<]{0,500})/g;
const ELSEWHERE = /\b(?:from_env|from_zk|incl|remove|encrypted_by)\s*=/;
// IDENTIFIED BY 'x', IDENTIFIED WITH sha256_password BY 'x', IDENTIFIED WITH sha256_hash BY 'x'; https://clickhouse.com/docs/sql-reference/statements/create/user
const IDENTIFIED = /\bIDENTIFIED(?:\s{1,20}WITH\s{1,20}(\w{1,40}))?\s{1,20}BY\s{1,20}\\?'([^'\\]{0,500})/gi;
const YAML = /^[ \t]{0,40}(?:-[ \t]{1,9})?["']?(password|password_(sha256|double_sha1)_hex)["']?[ \t]{0,9}:[ \t]{1,9}("[^"\n]{0,500}"|'[^'\n]{0,500}'|[^\s#]{1,500})[ \t]{0,40}(?:#.{0,200})?$/gm;
const OPTION = /\bclickhouse(?:-client|-server|-benchmark|\s+client|\s+install)?\b.{0,500}?\s--password[=\s]{1,9}("[^"\n]{0,500}"|'[^'\n]{0,500}'|[^\s"',;|&-][^\s"',;|&]{0,500})/g;
// how Debian's package is told; https://clickhouse.com/docs/install/debian_ubuntu
const DEBCONF = /clickhouse-server\/default-password[ \t]{1,9}password[ \t]{1,9}("[^"\n]{0,500}"|'[^'\n]{0,500}'|[^\s"';|&]{1,500})/g;

/** The passwords and hashes in what sets up a server: its configuration, statements, options. */
export function* passwordsIn({ commands }: Script): Iterable<Spot> {
  // comments of XML hold examples only, and a CDATA section is text.
  const text = withoutComments(commands.join('\n')).replaceAll('<![CDATA[', '').replaceAll(']]>', '');
  if (!/passw|identified/i.test(text)) return;
  for (const [, name = '', hash, attributes = '', value = ''] of text.matchAll(ELEMENT)) {
    if (!ELSEWHERE.test(attributes) && !attributes.endsWith('/')) yield { words: `<${name}>`, value, hash };
  }
  for (const [, method = '', value = ''] of text.matchAll(IDENTIFIED)) {
    const [, hash] = /^(sha256|double_sha1)_hash$/i.exec(method) ?? [];
    // other methods take no password here.
    if (hash !== undefined || method === '' || /password$/i.test(method)) yield { words: 'IDENTIFIED BY', value, hash: hash?.toLowerCase() };
  }
  for (const [, name = '', hash, value = ''] of text.matchAll(YAML)) yield { words: `'${name}:'`, value: unquoted(value), hash };
  for (const [, value = ''] of text.matchAll(OPTION)) yield { words: "the option '--password'", value: unquoted(value) };
  for (const [, value = ''] of text.matchAll(DEBCONF)) yield { words: 'the answer for the package', value: unquoted(value) };
}

/** A text without the comments of XML. One that does not end hides nothing. */
export function withoutComments(text: string): string {
  const [before = '', ...commented] = text.split('<!--');
  return [before, ...commented.map((each) => (each.includes('-->') ? each.slice(each.indexOf('-->') + 3) : each))].join('');
}
