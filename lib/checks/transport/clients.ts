import type { Address, Known } from './addresses';
import { addressesIn, isOfClickHouse, isUnverified, leadsHome, speaksTls, unverified } from './addresses';
import { everyPlainPort } from './ports';
import { isLater, isLoopback, isOff, isOn } from './settings';
import type { Told } from '../credentials/model';
import { isOursIn } from '../credentials/told';
import type { Deployment } from '../rule';
import { literalIn } from '../../exposure/kubernetes/marks';
import type { TemplateSet } from '../../exposure/templates/templates';

/** An address of ClickHouse and where it stands, in words. */
export interface Place {
  readonly words: string;
  readonly address: Address;
}

const known = new WeakMap<TemplateSet, Known>();

function knownIn(deployment: Deployment): Known {
  const found = known.get(deployment.templates) ?? { ports: everyPlainPort(deployment), isOurs: isOursIn(deployment.workloads) };
  known.set(deployment.templates, found);
  return found;
}

/** The addresses of ClickHouse that something is told: by variables, commands and documents. */
export function* placesIn(told: Told, deployment: Deployment): Iterable<Place> {
  const { variables, script, entries, words, isServer, isShell } = told;
  const all = function* (text: string, named: string, where = ''): Iterable<Place> {
    for (const address of addressesIn(text, named)) {
      if (!isOfClickHouse(address, knownIn(deployment)) || leadsHome(address)) continue;
      // between the containers of a machine names have no dots, and nothing leaves the machine.
      if (isServer && isShell && address.hosts.every(({ host }) => /^[\w-]{1,63}$/.test(host))) continue;
      yield { words: where === '' ? `${/clickhouse/i.test(address.name) ? address.name.slice(-100) : 'a URL'} of ${words}` : where, address };
    }
  };
  // what a script gives to variables is read where it stands, with all that a shell would end the value at.
  if (!isShell) for (const [name, values] of variables) for (const value of values) yield* all(value, name, `${name} of ${words}`);
  for (const command of script.commands) yield* all(command, '');
  for (const [name, value] of script.assignments) yield* all(value, name);
  // texts of more than a word are among the commands.
  for (const { name, path, text } of entries) if (!variables.has(name) && !/\s/.test(text.trim())) yield* all(text, /clickhouse/i.test(name) ? name : path, `${shortened(path)} of ${words}`);
}

export function shortened(path: string): string {
  const words = path.replace(/^\./, '');
  return words.length > 100 ? `…${words.slice(-99)}` : words;
}

/** What something is told that makes it speak to ClickHouse in plain text. */
export function* plainClients(told: Told, deployment: Deployment): Iterable<string> {
  const { ports } = knownIn(deployment);
  for (const { words, address } of placesIn(told, deployment)) {
    const tls = speaksTls(address);
    const how = `${address.scheme}${address.hosts.flatMap(({ port }) => (/^\d{1,5}$/.test(port) ? ` on port ${port}` : []))[0] ?? ''}`;
    if (tls === false) yield `${words} reaches ClickHouse in plain text: ${how}; use ${insteadOf(address)}`;
    else if (tls === 'unknown') yield `whether ${words} reaches ClickHouse in plain text cannot be told at synthesis: ${how}, and what decides is filled in later`;
  }
  if (!told.isServer) yield* variablesInPlain(told, ports);
  for (const command of told.script.commands) if (isPlainCommand(command, told, ports)) yield `${told.words} runs a client of ClickHouse in plain text: it has a host, and no '--secure'`;
}

function insteadOf({ scheme }: Address): string {
  if (/http$/.test(scheme)) return 'https and port 8443';
  return /^(?:jdbc:|clickhousedb)/.test(scheme) ? 'ssl=true or https, and port 8443' : 'secure=true and port 9440';
}

const SAYS = /CLICKHOUSE/i;
const HOST = /(?:HOST|ADDR(?:ESS)?|SERVER|ENDPOINT|NODE|CLUSTER|URL|URI)(?:S|ES)?$/i;
const PORT = /PORT$/i;
const SWITCH = /(?:SECURE|SSL|TLS|HTTPS)(?:_(?:ENABLED?|ON|MODE|CONNECTION))?$/i;
const SCHEME = /(?:PROTOCOL|SCHEME|INTERFACE)$/i;

/** Hosts, ports and switches that are variables of their own. */
function* variablesInPlain({ variables, words }: Told, ports: ReadonlySet<number>): Iterable<string> {
  const named = [...variables].filter(([name]) => SAYS.test(name)).flatMap(([name, values]) => values.map((value) => [name, value.trim()] as const));
  const hosts = named.filter(([name]) => HOST.test(name));
  if (hosts.length > 0 && hosts.every(([, value]) => isLoopback(value.replace(/:\d{1,5}$/, '')) || /:\/\/(?:localhost|127\.)/.test(value))) return;
  const switches = named.filter(([name]) => SWITCH.test(name));
  for (const [name, value] of switches) if (isOff(value)) yield `${name} of ${words} switches TLS to ClickHouse off`;
  for (const [name, value] of named) if (SCHEME.test(name) && value.toLowerCase() === 'http') yield `${name} of ${words} has ClickHouse reached in plain text: http; use https and port 8443`;
  // what is only known at deployment may be on.
  const isSecured = switches.some(([, value]) => isOn(value) || isLater(value) || /^(?:require|verify)/i.test(value)) || named.some(([name, value]) => SCHEME.test(name) && /^(?:https|tls|ssl)$/i.test(value));
  if (isSecured) return;
  for (const [name, value] of named) {
    const [, port] = HOST.test(name) ? (/^[^\s:/]{1,300}:(\d{1,5})$/.exec(value) ?? []) : PORT.test(name) && !/SECURE|SSL|TLS|HTTPS/i.test(name) ? (/^(\d{1,5})$/.exec(value) ?? []) : [];
    if (port !== undefined && ports.has(Number(port))) yield `${name} of ${words} has ClickHouse reached in plain text, on port ${port}, and no variable switches TLS on; use port 8443 or 9440 with TLS`;
  }
}

const CLIENT = /\bclickhouse(?:-client|-benchmark|\s{1,5}client|\s{1,5}benchmark)\s([^]{0,2000})/;

/** Whether a command is the client of ClickHouse that asks another machine without TLS. */
function isPlainCommand(command: string, { isServer }: Told, ports: ReadonlySet<number>): boolean {
  const [, options = ''] = CLIENT.exec(` ${command}`) ?? [];
  const [, host = ''] = /(?:^|\s)(?:--host|-h)[=\s]{1,5}["']?([^\s"']{1,300})/.exec(options) ?? [];
  if (host === '' || isLoopback(host) || /(?:^|\s)(?:--secure|-s)(?=\s|$)|--config(?:-file)?\b|(?:^|\s)-C\s/.test(options)) return false;
  // a server asks itself by whichever of its names, and its neighbours on the machine by names without dots.
  if (isServer && (host.startsWith('$') || /^[\w-]{1,63}$/.test(host))) return false;
  const [, port] = /(?:^|\s)--port[=\s]{1,5}["']?(\d{1,5})/.exec(options) ?? [];
  return port === undefined || ports.has(Number(port));
}

/** What something is told that lets anybody answer in ClickHouse's place. */
export function* unverifiedClients(told: Told, deployment: Deployment): Iterable<string> {
  const { words, variables, script, entries } = told;
  for (const place of placesIn(told, deployment)) {
    const parameter = unverified(place.address);
    if (parameter !== undefined) yield `${place.words} does not check who answers in ClickHouse's place: ${parameter}`;
  }
  for (const [name, values] of variables) {
    const end = /CLICKHOUSE_(.{1,80})$/i.exec(name)?.[1]?.toLowerCase() ?? '';
    for (const value of values) if (isRuntimeSwitch(name, value) || isUnverifiedVariable(end, value.trim())) yield `${name} of ${words} switches the check of certificates off`;
  }
  const lines = [...script.commands, ...script.assignments.map(([name, value]) => `${name}=${value}`)];
  for (const line of lines) {
    const how = switchIn(line);
    if (how !== undefined) yield `${words} switches the check of certificates off: ${how}`;
  }
  for (const { name, path, text } of entries) if (!variables.has(name) && /clickhouse/i.test(path) && isUnverified(name.toLowerCase(), text.trim())) yield `${shortened(path)} of ${words} switches the check of certificates off`;
}

// of Node and Python, for everything that the program asks: https://nodejs.org/api/cli.html#node_tls_reject_unauthorizedvalue
const RUNTIME = /^(?:NODE_TLS_REJECT_UNAUTHORIZED|PYTHONHTTPSVERIFY)$/;

function isRuntimeSwitch(name: string, value: string): boolean {
  return RUNTIME.test(name) && value.trim() === '0';
}

function isUnverifiedVariable(end: string, value: string): boolean {
  if (value === '') return false;
  if (isUnverified(end, value)) return true;
  const [last] = /(?:skip_verify|reject_?unauthorized|verify(?:_ssl|_cert(?:ificates?)?|_tls)?|insecure|accept_invalid_certificates?|ssl_?mode)$/.exec(end) ?? [];
  if (last === undefined) return false;
  if (/^ssl_?mode$/.test(last)) return value.toLowerCase() === 'none';
  return /^(?:skip_verify|insecure|accept_invalid)/.test(last) ? isOn(value) : isOff(value);
}

const IN_LINE = /\b((?:NODE_TLS_REJECT_UNAUTHORIZED|PYTHONHTTPSVERIFY)["']?\s{0,5}[=:]\s{0,5}["']?0)(?!\d)/;
const CURL = /\b(?:curl|wget)\s/;
const UNCHECKED = /(?:^|\s)(?:-[a-zA-Z]{0,10}k[a-zA-Z]{0,10}|--insecure|--no-check-certificate)(?=\s|$)/;

/** What in a line of a script switches the check off, for ClickHouse or for all that runs there. */
function switchIn(line: string): string | undefined {
  const text = literalIn(line);
  const [, runtime] = IN_LINE.exec(text) ?? [];
  if (runtime !== undefined) return runtime.replace(/["'\s]/g, '');
  if (/--accept-invalid-certificate\b/.test(text) && !asksItself(text)) return '--accept-invalid-certificate';
  // as in Python's get_client(..., verify=False)
  if (/clickhouse/i.test(text) && /[(,\s]verify\s{0,3}=\s{0,3}False\b/.test(text)) return 'verify=False';
  if (CURL.test(text) && UNCHECKED.test(text) && /https:\/\/[^\s/"']{0,300}(?:clickhouse[^\s/"']{0,300}|:8443\b)/i.test(text) && !/https:\/\/(?:localhost|127\.|\[::1\])/.test(text)) return 'a request by curl or wget without the check';
  return undefined;
}

function asksItself(text: string): boolean {
  const [, host = ''] = /(?:^|\s)(?:--host|-h)[=\s]{1,5}["']?([^\s"']{1,300})/.exec(text) ?? [];
  return isLoopback(host);
}
