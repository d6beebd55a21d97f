import { parseXml, textOf } from '../../lib/config/parse';
import type { XmlElement, XmlNode } from '../../lib/config/xml';
import { childElements, element, elementWith, isElement, renderXml } from '../../lib/config/xml';

/** Where a server of the tests lives, instead of `/` and the ports of a node. */
export interface Place {
  readonly root: string;
  readonly ports: Readonly<Record<'https' | 'native' | 'interserver', number>>;
}

/**
 * What ClickHouse 18.16 knows of the settings in our profiles. It ignores server settings it does not know, but refuses such a query
 * setting when the user of the profile logs in.
 */
const QUERY_SETTINGS = [
  'max_execution_time', 'max_memory_usage', 'max_memory_usage_for_user', 'max_concurrent_queries_for_user', 'max_result_rows', 'max_result_bytes',
  'max_rows_to_read', 'max_bytes_to_read', 'add_http_cors_header', 'log_queries', 'log_queries_cut_to_length', 'log_query_settings', 'readonly',
  // not a setting: the profile that this one inherits.
  'profile',
];

/** Without these 18.16 does not start; later releases have defaults. */
const MANDATORY = [element('mark_cache_size', 64 << 20)];

/**
 * A document as this library renders it, holes filled, turned into one that ClickHouse 18.16 can read. All that is changed is here:
 *
 * - the directories of a node lie below a temporary one, and the ports are free ones: nothing of the machine is touched.
 * - `user_directories` (20.9) is `users_config`, which names the same file.
 * - `auth_methods` (26.4) is the first of its methods: there was one password a user.
 * - profiles lose `constraints` (19.x) and the query settings of later years.
 * - an IPv4 range is written with its mask. 18.16 counts the bits of `10.0.0.0/8` from the left of an IPv6 address, so that everybody would be in it.
 *
 * What 18.16 does not know beyond that it ignores, so nothing here is proven of it: `grants`, `http_handlers`, `interserver_listen_host`,
 * `interserver_http_credentials`, `access_control_improvements`, `query_masking_rules`, `allow_no_password` and its like. What it does read
 * as rendered: `openSSL`, `listen_host`, the three TLS ports and the absence of any other, `users.d`, `password_sha256_hex`, `networks`,
 * `profile`, `quota`.
 */
export function adapt(document: string, place: Place): string {
  const root = adapted(parseXml(document), [], place);
  const isServerDocument = childElements(root).some(({ name }) => name === 'path');
  return renderXml(isServerDocument ? element(root.name, [...root.children, ...MANDATORY]) : root);
}

function adapted(node: XmlElement, above: readonly string[], place: Place): XmlElement {
  const port = portOf(node.name, place);
  if (port !== undefined) return element(node.name, port);
  const here = [...above, node.name];
  const children = node.children.flatMap((child): XmlNode[] => {
    if (!isElement(child)) return [typeof child === 'string' ? moved(child, place) : child];
    // clickhouse, profiles, <name>.
    if (here.length === 3 && here[1] === 'profiles' && !QUERY_SETTINGS.includes(child.name)) return [];
    if (child.name === 'user_directories') return [element('users_config', moved(deepText(child), place))];
    if (child.name === 'auth_methods') return [firstMethod(child)];
    if (child.name === 'ip') return [element('ip', network(textOf(child) ?? ''))];
    return [adapted(child, here, place)];
  });
  return elementWith(node.name, node.attributes, children);
}

function portOf(name: string, { ports }: Place): number | undefined {
  if (name === 'https_port') return ports.https;
  if (name === 'tcp_port_secure') return ports.native;
  if (name === 'interserver_https_port') return ports.interserver;
  return undefined;
}

/** Only whole values that are paths of a node. */
function moved(text: string, { root }: Place): string {
  return /^\/(?:etc|var|run|opt)\//.test(text) ? root + text : text;
}

/** Loopback, which it takes for `::1` altogether, is written as one address. */
function network(range: string): string {
  const [, address, bits] = /^([0-9.]+)\/([0-9]+)$/.exec(range) ?? [];
  if (address === undefined || bits === undefined) return range;
  if (address.startsWith('127.')) return '127.0.0.1';
  const mask = [0, 8, 16, 24].map((before) => 256 - 2 ** (8 - Math.min(8, Math.max(0, Number(bits) - before))));
  return `${address}/${mask.join('.')}`;
}

function firstMethod(methods: XmlElement): XmlElement {
  const [wrapper] = childElements(methods);
  const [method] = wrapper === undefined ? [] : childElements(wrapper);
  if (method?.name !== 'password_sha256_hex') throw new Error(`18.16 knows passwords only, got ${method?.name ?? 'no method'} first in <auth_methods>`);
  return method;
}

function deepText(node: XmlElement): string {
  const [only] = childElements(node);
  return only === undefined ? (textOf(node) ?? '') : deepText(only);
}

