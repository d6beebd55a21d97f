import { ConfigurationError } from './error';
import { hole } from './holes';
import { BUILT_IN } from './names';
import { PORTS } from './ports';
import type { Topology } from './topology';
import type { XmlElement } from './xml';
import { element, elementWith } from './xml';

/**
 * What replicas show each other on the interserver port. Without it anybody who reaches the port can fetch parts of any table, with no login.
 *
 * A document of its own because the password is a hole that is filled again when it rotates, without touching the rest.
 * `allow_empty` false refuses peers without credentials also while one is being rotated.
 *
 * @see https://clickhouse.com/docs/reference/settings/server-settings/settings/interserver-http
 */
export function internodeDocument(): XmlElement {
  return element(
    'clickhouse',
    element(
      'interserver_http_credentials',
      element('user', BUILT_IN.interserverUser),
      element('password', hole('interserverPassword')),
      element('allow_empty', 'false'),
    ),
  );
}

/**
 * The servers of the cluster. Growth changes this document and no other, and ClickHouse reloads it.
 *
 * - `replace` prevents any other definition from being merged in (the packaged file points at plaintext 9000).
 * - `secure` and 9440: queries between shards travel in TLS.
 * - `secret`: a shard takes a query from a peer that knows it, under the user who asked first, so no password lies in this file.
 *   https://clickhouse.com/docs/engines/table-engines/special/distributed#distributed-clusters
 * - `internal_replication`: an insert is sent to one replica and replicated from there, instead of being sent to all and diverging.
 *   Without Keeper there is one replica a shard.
 */
export function clusterDocument(topology: Topology): XmlElement {
  const shards = [...new Set(topology.servers.map((server) => server.shard))].sort((a, b) => a - b);
  return element(
    'clickhouse',
    elementWith(
      'remote_servers',
      { replace: 'replace' },
      element(
        topology.clusterName,
        element('secret', hole('clusterSecret')),
        shards.map((shard) =>
          element(
            'shard',
            element('internal_replication', 'true'),
            topology.servers
              .filter((server) => server.shard === shard)
              .sort((a, b) => a.replica - b.replica)
              .map((server) => element('replica', element('host', server.host), element('port', PORTS.native), element('secure', 1))),
          ),
        ),
      ),
    ),
  );
}

/**
 * Where the servers find Keeper: TLS only, each node by the name in its certificate.
 *
 * `distributed_ddl_use_initial_user_and_roles` prevents an `ON CLUSTER` statement from running on the other nodes as nobody in particular:
 * it is checked there against the user who issued it. https://clickhouse.com/docs/operations/server-configuration-parameters/settings
 */
export function coordination(topology: Topology): XmlElement[] {
  if (topology.keepers.length === 0) return [];
  return [
    element(
      'zookeeper',
      topology.keepers.map((keeper) => element('node', element('host', keeper.host), element('port', PORTS.keeper), element('secure', 1))),
    ),
    element('distributed_ddl', element('path', '/clickhouse/task_queue/ddl'), element('replicas_path', '/clickhouse/task_queue/replicas')),
    element('distributed_ddl_use_initial_user_and_roles', true),
  ];
}

/** The substitutions by which one document serves every node. */
export function macros(topology: Topology): XmlElement {
  return element(
    'macros',
    element('cluster', topology.clusterName),
    element('shard', hole('shard')),
    element('replica', hole('replica')),
  );
}

/** The Keepers of a topology, or an error when there are none. */
export function requireKeepers(topology: Topology): void {
  if (topology.keepers.length === 0) {
    throw new ConfigurationError('NoKeepers', `the cluster '${topology.clusterName}' has no Keepers, so there is no Keeper document; lay it out with 1, 3 or 5`);
  }
}
