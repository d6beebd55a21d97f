/**
 * The ports of a cluster. Every one is TLS; their plaintext twins (8123, 9000, 9009, 9181, 9234, ...) are never opened.
 *
 * @see https://clickhouse.com/docs/guides/sre/network-ports
 */
export const PORTS = {
  /** the HTTP interface over TLS. */
  https: 8443,
  /** the native protocol over TLS. */
  native: 9440,
  /** replicas fetching parts from each other. */
  interserver: 9010,
  /** servers talking to Keeper. */
  keeper: 9281,
  /** Keepers agreeing among themselves. */
  raft: 9444,
} as const;
