import type { Script } from '../scripts';
import type { Entry } from './model';
import { isEmptyHash, isReachable } from './users';

// https://clickhouse.com/docs/sql-reference/statements/create/user
const OPEN_STATEMENT = /\b(?:CREATE|ALTER)\s{1,20}USER\s{1,20}(?:IF\s{1,20}(?:NOT\s{1,20})?EXISTS\s{1,20}|OR\s{1,20}REPLACE\s{1,20})?([^\s;'"]{1,100}|'[^'\n]{1,100}')\s{1,20}([^;]{0,400})/gi;
const NO_PASSWORD = /\bNOT\s{1,20}IDENTIFIED\b|\bIDENTIFIED\s{1,20}WITH\s{1,20}no_password\b|\bIDENTIFIED(?:\s{1,20}WITH\s{1,20}\w{1,40})?\s{1,20}BY\s{1,20}''(?!')/i;
const HOST = /\bHOST\s{1,20}(LOCAL|NONE|IP\s{1,20}'([^']{1,100})')/i;

/** The users that statements make without a password, and who may log in from elsewhere. */
export function* statementsIn(text: string): Iterable<string> {
  if (!/\bUSER\b/i.test(text)) return;
  for (const [, name = '', rest = ''] of text.matchAll(OPEN_STATEMENT)) {
    if (!NO_PASSWORD.test(rest)) continue;
    const [, host = '', address] = HOST.exec(rest) ?? [];
    if (host === '' || (address !== undefined && isReachable([address]))) yield name;
  }
}

const MANAGER = /\b(?:yum|dnf|microdnf|tdnf|apt|apt-get|aptitude|zypper)\s.{0,300}\binstall\b.{0,500}\bclickhouse-server\b/;
// <listen_host>::</listen_host> and listen_host: 0.0.0.0, also as what a `sed` puts there.
const LISTENING = /listen_host["']?\s{0,9}[>:=]\s{0,9}["']?\s{0,9}(?:::|0\.0\.0\.0|\*)/;
const PROTECTED = /passw|identified|users\.d|users\.xml|<users|_sha256|debconf|ssl_certificates|kerberos|ldap/i;
// a configuration that comes from elsewhere may have the users.
const FETCHED = /\b(?:aws\s{1,9}s3|s3cmd|curl|wget|cp|mv|rsync|tar|unzip|install|git|ln|ansible\S{0,20})\s.{0,500}\/etc\/clickhouse/;

/**
 * Whether a script installs the package without a password and opens it to the network. The package asks for one where somebody answers;
 * without, `default` has none, and only that the server listens on loopback keeps others out.
 *
 * @see https://github.com/ClickHouse/ClickHouse/issues/43355
 */
export function installedOpen({ commands, assignments }: Script): boolean {
  if (!installsServer(commands) || !commands.some((each) => LISTENING.test(withoutComment(each)))) return false;
  if (assignments.some(([name, value]) => /passw/i.test(name) && value !== '')) return false;
  return !isFetched(commands) && !commands.some((each) => PROTECTED.test(each.replace(/passw\w{0,20}["']?\s{0,9}[:=]\s{0,9}(?:""|'')/gi, '')));
}

/** Whether commands install the package of the server. */
export function installsServer(commands: readonly string[]): boolean {
  return commands.some((each) => MANAGER.test(each));
}

/** Whether a configuration comes from elsewhere. */
export function isFetched(commands: readonly string[]): boolean {
  return commands.some((each) => FETCHED.test(each));
}

/** Without what stands in a comment of XML and is only taken out of it by a `sed`, whose second half says what it becomes. */
function withoutComment(command: string): string {
  return command.replace(/<!--[^<>]{0,200}(?:<[^<>]{0,200}>){0,4}[^<>]{0,200}-->/g, '');
}

interface Operated {
  password?: 'empty' | 'given';
  networks?: string[];
}

/**
 * Users of Altinity's operator without a password: `NAME/password` and `NAME/networks/ip` below `configuration.users`, or nested.
 *
 * It keeps a user without a password to its own pods, unless somebody says networks.
 *
 * @see https://github.com/Altinity/clickhouse-operator/blob/master/docs/security_hardening.md
 */
export function* operatorUsers(entries: readonly Entry[]): Iterable<{ readonly user: string; readonly why: string }> {
  const users = new Map<string, Operated>();
  for (const { path, text } of entries) {
    const [, rest = ''] = /^(?:\.spec)?\.configuration\.users\.(.{1,600})$/s.exec(path) ?? [];
    const [user = '', first = '', second = ''] = rest.split(/[./]/);
    // such as 10.0.0.0/8 in a key is nothing of ours.
    if (rest === '' || user === '') continue;
    const known = users.get(user) ?? {};
    users.set(user, known);
    // what is below a password says where it comes from.
    if (/^password/.test(first)) known.password = second === '' && (text.trim() === '' || isEmptyHash(first, text)) ? (known.password ?? 'empty') : 'given';
    else if (/^(?:k8s_secret_(?:env_)?password|ssl_certificates|ldap|kerberos|http_authentication)/.test(first)) known.password = 'given';
    else if (first === 'no_password') known.password = 'empty';
    else if (first === 'networks') {
      // patterns for host names are those of the operator's own pods.
      known.networks ??= [];
      if (second === 'ip') known.networks.push(...text.slice(0, 10_000).split(',').map((each) => each.trim()));
    }
  }
  for (const [user, { password, networks }] of users) {
    if (password === 'given' || (networks !== undefined && !isReachable(networks))) continue;
    const from = networks === undefined ? '' : `, from ${networks.slice(0, 5).join(', ').slice(0, 200)}`;
    if (password === 'empty') yield { user, why: `an empty password${from}` };
    else if (networks !== undefined) yield { user, why: `no password of its own${from}` };
  }
}
