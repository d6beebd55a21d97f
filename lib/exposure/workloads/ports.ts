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

/**
 * The ports that a machine's start-up script, or a container's command, gives to ClickHouse: listeners in a configuration that it writes
 * and ports of the machine that it hands to the container. What is computed, downloaded or redirected is not seen.
 */
export function portsToldBy(script: string): readonly number[] {
  // without comments, and with lines that go on joined.
  const text = withoutXmlComments(script)
    .replace(/^[ \t]*#(?!!).*$/gm, '')
    .replace(/\\\r?\n/g, ' ');
  const configured = CONFIGURED.flatMap((pattern) => [...text.matchAll(pattern)].map(([, port]) => Number(port)));
  const listening = new Set([...CLICKHOUSE_PORTS.keys(), ...configured]);
  const ports = new Set(configured);
  for (const command of text.split(/\n|;|&&/)) {
    const composed = [...command.matchAll(COMPOSED)];
    const says = /clickhouse/i.test(command);
    // an image that a variable or another line names may be ClickHouse; one that is written here and says something else is not.
    const may = composed.length > 0 || command.replace(OTHER_OPTIONS, ' ').includes('$');
    for (const [, address = '', first, last = first, inner] of [...composed, ...command.matchAll(PUBLISHED)]) {
      if (LOOPBACK.test(address) || !(says || (may && listening.has(Number(inner))))) continue;
      for (let port = Number(first); port <= Math.min(Number(last), 65535); port++) ports.add(port);
    }
  }
  return [...ports];
}

function withoutXmlComments(text: string): string {
  const [before = '', ...commented] = text.split('<!--');
  return [before, ...commented.map((each) => (each.includes('-->') ? each.slice(each.indexOf('-->') + 3) : each))].join('');
}
