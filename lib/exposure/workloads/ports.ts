/**
 * Every port that a ClickHouse server, a ClickHouse Keeper or the ZooKeeper beside them answers on by default or by the documentation.
 *
 * A port alone is never taken for ClickHouse (8123 is also a game map, 9000 also SonarQube, MinIO and PHP-FPM); these are looked for on
 * resources that are ClickHouse for another reason.
 *
 * @see https://clickhouse.com/docs/guides/sre/network-ports
 */
export const CLICKHOUSE_PORTS: ReadonlyMap<number, string> = new Map([
  [8123, 'HTTP'],
  [8443, 'HTTPS'],
  [9000, 'native protocol'],
  [9440, 'native protocol over TLS'],
  [9004, 'MySQL protocol'],
  [9005, 'PostgreSQL protocol'],
  [9009, 'interserver'],
  [9010, 'interserver over TLS'],
  [9011, 'native protocol behind a proxy'],
  [9022, 'SSH interface'],
  [9100, 'gRPC'],
  [9363, 'metrics'],
  [9181, 'Keeper'],
  [9182, 'Keeper control'],
  [9234, 'Raft'],
  [9281, 'Keeper over TLS'],
  [9444, 'Raft over TLS'],
  [2181, 'ZooKeeper'],
  [2281, 'ZooKeeper over TLS'],
  [2888, 'ZooKeeper quorum'],
  [3888, 'ZooKeeper election'],
]);

// the names of https://clickhouse.com/docs/operations/server-configuration-parameters/settings; other programs' YAML has ports as well.
const SETTING = String.raw`(?:https?|tcp|mysql|postgresql|grpc|arrowflight|interserver_https?|tcp_with_proxy|tcp_ssh)_port(?:_secure)?`;
const CONFIGURED = [
  // <http_port>80</http_port>; nobody else's XML is on such a machine.
  /<\w*_port(?:_secure)?(?:\s[^<>]*)?>\s*(\d{1,5})\b/g,
  // http_port: 80, and --http_port=80 or --http_port 80 behind the server's name.
  new RegExp(String.raw`(?:^|[\s{,"'])${SETTING}\\?["']?\s*:\s*["']?(\d{1,5})\b`, 'g'),
  new RegExp(String.raw`--${SETTING}[=\s]\s*["']?(\d{1,5})\b`, 'g'),
];

// [address:]port[-port]:port, as docker and compose write it; https://docs.docker.com/engine/network/port-publishing/
const MAPPING = String.raw`["']?(?:([\w.]+|\[[\da-f:]+\]):)?(\d{1,5})(?:-(\d{1,5}))?:(\d{1,5})\b`;
const PUBLISHED = new RegExp(String.raw`(?:\s-[a-zA-Z]*p|\s--publish)(?:=|\s*)${MAPPING}`, 'g');
const COMPOSED = new RegExp(String.raw`^\s*-\s+${MAPPING}`, 'g');
const OTHER_OPTIONS = /\s(?:-[ve]|--(?:volume|mount|env|env-file|name|network))[=\s]\s*\S+/g;
const LOOPBACK = /^(?:127\.|localhost$|\[::1\]$)/;

/** A port of a container that a start-up script hands on. */
export interface Published {
  /** ports of the machine. */
  readonly first: number;
  readonly last: number;
  /** the port of the container. */
  readonly inner: number;
  /** whether it is a line of a list, as in a compose file, whose place says what it is of. */
  readonly isListed: boolean;
}

/** The ports of containers that a script, or a compose file in it, hands on to others than the machine itself. */
export function publishedBy(script: string): readonly Published[] {
  return published(read(script));
}

function published({ text, listening }: Read): readonly Published[] {
  return text.split(/\n|;|&&/).flatMap((command) => publishedIn(command, listening));
}

function publishedIn(command: string, listening: ReadonlySet<number>): readonly Published[] {
  const composed = [...command.matchAll(COMPOSED)];
  const says = /clickhouse/i.test(command);
  // an image that a variable or another line names may be ClickHouse; one that is written here and says something else is not.
  const may = composed.length > 0 || command.replace(OTHER_OPTIONS, ' ').includes('$');
  return [...composed, ...command.matchAll(PUBLISHED)].flatMap(([, address = '', first, last = first, inner], index) => {
    if (LOOPBACK.test(address) || !(says || (may && listening.has(Number(inner))))) return [];
    return [{ first: Number(first), last: Math.min(Number(last), 65535), inner: Number(inner), isListed: index < composed.length }];
  });
}

/**
 * The ports that a machine's start-up script, or a container's command, gives to ClickHouse: listeners in a configuration that it writes
 * and ports of the machine that it hands to the container. What is computed, downloaded or redirected is not seen.
 */
export function portsToldBy(script: string): readonly number[] {
  const told = read(script);
  const ports = new Set(told.configured);
  for (const { first, last } of published(told)) for (let port = first; port <= last; port++) ports.add(port);
  return [...ports];
}

interface Read {
  /** without comments, and with lines that go on joined. */
  readonly text: string;
  readonly configured: readonly number[];
  readonly listening: ReadonlySet<number>;
}

function read(script: string): Read {
  const text = withoutXmlComments(script)
    .replace(/^[ \t]*#(?!!).*$/gm, '')
    .replace(/\\\r?\n/g, ' ');
  const configured = CONFIGURED.flatMap((pattern) => [...text.matchAll(pattern)].map(([, port]) => Number(port)));
  return { text, configured, listening: new Set([...CLICKHOUSE_PORTS.keys(), ...configured]) };
}

function withoutXmlComments(text: string): string {
  const [before = '', ...commented] = text.split('<!--');
  return [before, ...commented.map((each) => (each.includes('-->') ? each.slice(each.indexOf('-->') + 3) : each))].join('');
}
