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
]);
