import { isLater, isLoopback, isOff, isOn } from './settings';

/** Where a URL leads, without who logs in: that may hold a password, and reports are kept. */
export interface Address {
  /** in lower case, such as `http`, `clickhouse+native` or `jdbc:ch:https`. */
  readonly scheme: string;
  readonly hosts: ReadonlyArray<{ readonly host: string; readonly port: string }>;
  readonly parameters: ReadonlyMap<string, string>;
  /** the name that it has where it stands, such as `CLICKHOUSE_URL`. */
  readonly name: string;
  /** what the unknown parts of its hosts are about. */
  readonly keys: readonly string[];
}

const LONGEST = 2000;
const SCHEME = /(?:jdbc:(?:clickhouse|ch)(?::[a-z]{1,10})?|[a-z][a-z0-9+.-]{0,40})$/i;
const NAME = /([\w.-]{1,100})["']?\s{0,5}[=:]\s{0,5}["']?$/;
const END = /[\s"'`<>\\)]/;
const MARK = /\uE000([^\uE000-\uE002]{0,1000})\uE001[^\uE000-\uE002]{0,1000}\uE002/g;

/** The URLs in a text. */
export function* addressesIn(text: string, named = ''): Iterable<Address> {
  if (!text.includes('://')) return;
  const all: string[] = [];
  // what a mark says could look like a part of a URL: its number stands for it.
  const flat = text.replace(MARK, (_, key: string) => `\uE000${all.push(key) - 1}\uE002`);
  for (let at = flat.indexOf('://'); at >= 0; at = flat.indexOf('://', at + 3)) {
    const before = flat.slice(Math.max(0, at - 200), at);
    const [scheme = ''] = SCHEME.exec(before) ?? [];
    if (scheme === '') continue;
    const after = flat.slice(at + 3, at + 3 + LONGEST);
    const end = after.search(END);
    const rest = end < 0 ? after : after.slice(0, end);
    const [, login = '', query = ''] = /^([^/?#]*)[^?]*(?:\?([^#]*))?/.exec(rest) ?? [];
    const authority = login.slice(login.lastIndexOf('@') + 1);
    const [, name = named] = NAME.exec(before.slice(0, before.length - scheme.length)) ?? [];
    yield { scheme: scheme.toLowerCase(), hosts: authority.split(',').slice(0, 20).map(hostIn), parameters: parametersIn(query), name, keys: [...authority.matchAll(/\uE000(\d{1,6})\uE002/g)].map(([, index]) => all[Number(index)] ?? '') };
  }
}

function hostIn(text: string): { readonly host: string; readonly port: string } {
  const [, host = text, port = ''] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(text) ?? [];
  return { host, port };
}

function parametersIn(query: string): ReadonlyMap<string, string> {
  return new Map(query.split('&').slice(0, 200).filter((each) => each !== '').map((each) => {
    const equals = each.indexOf('=');
    return equals < 0 ? [each.toLowerCase(), ''] : [each.slice(0, equals).toLowerCase(), each.slice(equals + 1)];
  }));
}

/** Whether a scheme is ClickHouse's own, of whichever library. */
const OWN = /^(?:jdbc:(?:clickhouse|ch)(?::[a-z]+)?|clickhouses?(?:\+[a-z0-9]+)?|clickhousedb(?:\+[a-z0-9]+)?)$/;
// over which people reach it as well.
const OTHERS = /^(?:https?|tcp|grpc|tls)$/;
// what has the name of ClickHouse and is something else.
const NOT_IT = /repo(?:sitor|_|$)|download|package|docs|_ui(?:_|$)|console|grafana|exporter|backup|image|registry|webhook/i;
const CLICKHOUSE = /clickhouse/i;

/** What tells whether an address is that of a ClickHouse. */
export interface Known {
  readonly ports: ReadonlySet<number>;
  /** whether an unknown part is about a ClickHouse of the templates. */
  readonly isOurs: (key: string) => boolean;
}

/** Whether a URL leads to ClickHouse: by its scheme, else by its name or host together with a port, for a port alone is anything. */
export function isOfClickHouse({ scheme, hosts, name, keys }: Address, { ports, isOurs }: Known): boolean {
  if (OWN.test(scheme)) return true;
  if (!OTHERS.test(scheme) || NOT_IT.test(name)) return false;
  const isNamed = CLICKHOUSE.test(name);
  return hosts.some(({ host, port }) => {
    const isIts = ports.has(Number(port)) || ['8443', '9440'].includes(port) || (port !== '' && isLater(port));
    if (isNamed && /(?:URL|URI|DSN|HOSTS?|ENDPOINTS?|ADDR(?:ESS)?(?:ES)?|SERVERS?|NODES?|CONNECTION(?:_STRING)?|DATABASE)$/i.test(name)) return isIts || port === '' || port === '80' || port === '443';
    return isIts && (isNamed || CLICKHOUSE.test(host) || keys.some(isOurs));
  });
}

const TLS_PORTS = new Set(['443', '8443', '9440']);
const TLS_SWITCHES = ['secure', 'ssl', 'tls', 'use_ssl', 's'];

/** Whether what an address asks for is TLS, or whether that is not known. */
export function speaksTls({ scheme, hosts, parameters }: Address): true | false | 'unknown' {
  if (/(?:^|[:+])(?:https|tls)$|^clickhouses\b/.test(scheme)) return true;
  for (const name of TLS_SWITCHES) {
    const value = parameters.get(name);
    if (value === undefined) continue;
    if (value === '' || isOn(value)) return true;
    if (isLater(value)) return 'unknown';
    if (isOff(value)) return false;
  }
  if (['protocol', 'interface'].some((name) => parameters.get(name) === 'https')) return true;
  if (/(?:^|[:+])http$/.test(scheme)) return false;
  // most libraries take such a port for a demand; those that do not reach nothing.
  if (hosts.every(({ port }) => TLS_PORTS.has(port))) return true;
  return [...parameters].some(([name, value]) => isLater(name) || isLater(value)) ? 'unknown' : false;
}

/** Whether all hosts are the machine itself. */
export function leadsHome({ hosts }: Address): boolean {
  return hosts.every(({ host }) => isLoopback(host));
}

// of clickhouse-go, the JDBC driver, Python's drivers, Node's, and of what builds on them.
const OFF_SWITCHES = new Set(['verify', 'ssl_verify', 'verify_ssl', 'tls_verify', 'verify_cert', 'rejectunauthorized', 'ssl.verify']);
const ON_SWITCHES = new Set(['skip_verify', 'tls_skip_verify', 'insecure_skip_verify', 'insecureskipverify', 'insecure', 'accept-invalid-certificate', 'accept_invalid_certificate', 'allow_invalid_certs']);
const MODES = new Set(['sslmode', 'ssl_mode', 'ssl-mode']);

/** The parameter that lets anybody answer for the server, as it is written. */
export function unverified({ parameters }: Address): string | undefined {
  for (const [name, value] of parameters) if (isUnverified(name, value)) return `${name}${value === '' ? '' : `=${value.slice(0, 20)}`}`;
  return undefined;
}

/** Whether a setting of a client, by its name in small letters, switches the check of certificates off. */
export function isUnverified(name: string, value: string): boolean {
  return (OFF_SWITCHES.has(name) && (isOff(value) || value.toLowerCase() === 'none')) || (ON_SWITCHES.has(name) && (value === '' || isOn(value))) || (MODES.has(name) && value.toLowerCase() === 'none');
}
