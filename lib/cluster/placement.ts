import type { KeeperNode, ServerNode } from '../config/topology';

/** How many shards share a nested stack: 40 nodes of at most 9 resources stay under CloudFormation's 500. */
export const SHARDS_PER_BLOCK = 40;

/**
 * How many nodes one stack takes, beside what the cluster itself and others define in it.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
 */
export const MOST_NODES_IN_ONE_STACK = 28;

/**
 * How many nodes nested stacks take: one operation may touch at most 2,500 resources over the whole hierarchy, at most 9 are a node's,
 * and 250 are left for the cluster and whatever shares its stack.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
 */
export const MOST_NODES_IN_NESTED_STACKS = 250;

// Placement is a function of a node's own role, shard and replica and of the zones, which are fixed when a cluster is created. It never
// asks how many nodes there are: growth would otherwise move, rename or replace what exists.

/** Which zone a server lives in. Replicas of a shard are in different zones as long as there are enough, and the load of shards rotates. */
export function zoneOfServer({ shard, replica }: Pick<ServerNode, 'shard' | 'replica'>, zones: number): number {
  return (shard - 1 + replica - 1) % zones;
}

/** Which zone a Keeper lives in. */
export function zoneOfKeeper({ serverId }: Pick<KeeperNode, 'serverId'>, zones: number): number {
  return (serverId - 1) % zones;
}

/** Which block of shards a server belongs to. A block is a nested stack of one replica wave. */
export function blockOfServer({ shard }: Pick<ServerNode, 'shard'>): number {
  return Math.ceil(shard / SHARDS_PER_BLOCK);
}
