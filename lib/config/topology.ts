import { ConfigurationError } from './error';

/** A ClickHouse server of a cluster, by what never changes about it. */
export interface ServerNode {
  /** such as `server-1-2`: shard 1, replica 2. */
  readonly name: string;
  readonly shard: number;
  readonly replica: number;
  /** the fully qualified host name in the cluster's private zone. */
  readonly host: string;
}

/** A ClickHouse Keeper of a cluster. */
export interface KeeperNode {
  /** such as `keeper-1`. */
  readonly name: string;
  /** the Raft identity; never reused. */
  readonly serverId: number;
  readonly host: string;
}

/** Who belongs to a cluster. Literal: host names come from the private zone's name, not from deployment. */
export interface Topology {
  /** the name in `remote_servers` and of the `{cluster}` macro. */
  readonly clusterName: string;
  /** the private zone; a literal DNS name. */
  readonly zoneName: string;
  readonly servers: readonly ServerNode[];
  /** none for a single node. */
  readonly keepers: readonly KeeperNode[];
}

/** How many of each node a cluster has. */
export interface TopologySize {
  readonly clusterName: string;
  readonly zoneName: string;
  readonly shards: number;
  readonly replicas: number;
  readonly keepers: number;
}

// names that AWS answers inside a VPC (https://docs.aws.amazon.com/vpc/latest/userguide/AmazonDNS-concepts.html).
const AWS_SUFFIXES = ['amazonaws.com', 'amazonaws.com.cn', 'api.aws', 'aws.dev', 'on.aws', 'compute.internal', 'ec2.internal'];

const LABEL = /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Whether a text is a DNS label as used for nodes and zones (RFC 1035, lower case). */
export function isDnsLabel(text: string): boolean {
  return LABEL.test(text);
}

/** Lays out a cluster. A node's name and host depend on its own shard and replica only, never on the totals, so growth renames nothing. */
export function layOut(size: TopologySize): Topology {
  whole('shards', size.shards, 1);
  whole('replicas', size.replicas, 1);
  whole('keepers', size.keepers, 0);
  if (size.keepers > 0 && size.keepers % 2 === 0) {
    throw new ConfigurationError('KeeperCount', `the number of Keepers must be odd so that a majority exists, got ${size.keepers}; use ${size.keepers + 1}`);
  }
  if (size.keepers === 0 && size.replicas > 1) {
    throw new ConfigurationError('KeeperCount', `${size.replicas} replicas need Keepers to agree through, got 0; use 3`);
  }
  if (!isDnsLabel(size.clusterName)) {
    throw new ConfigurationError('ClusterName', `the cluster name must be a DNS label (a-z, 0-9, '-', starting with a letter, at most 63 characters), got ${JSON.stringify(size.clusterName)}`);
  }
  const labels = size.zoneName.split('.');
  if (labels.length < 2 || !labels.every(isDnsLabel) || size.zoneName.length > 200) {
    throw new ConfigurationError('ZoneName', `the zone name must be at least two lower-case DNS labels, such as analytics.clickhouse.internal, got ${JSON.stringify(size.zoneName)}`);
  }
  const taken = AWS_SUFFIXES.find((suffix) => size.zoneName === suffix || size.zoneName.endsWith(`.${suffix}`));
  if (taken !== undefined) {
    throw new ConfigurationError(
      'ZoneName',
      `the zone name must not be in '${taken}', got ${JSON.stringify(size.zoneName)}: a private zone of that name hides AWS's own names from the whole VPC; use one of your own, such as analytics.clickhouse.internal`,
    );
  }
  const servers = range(size.shards).flatMap((shard) =>
    range(size.replicas).map((replica) => {
      const name = `server-${shard}-${replica}`;
      return { name, shard, replica, host: `${name}.${size.zoneName}` };
    }),
  );
  const keepers = range(size.keepers).map((serverId) => {
    const name = `keeper-${serverId}`;
    return { name, serverId, host: `${name}.${size.zoneName}` };
  });
  return { clusterName: size.clusterName, zoneName: size.zoneName, servers, keepers };
}

function whole(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least || value > 10_000) {
    throw new ConfigurationError('TopologySize', `'${name}' must be a whole number from ${least} to 10000, got ${value}`);
  }
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
