import { NestedStack } from 'aws-cdk-lib';
import type { CfnResource } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type * as iam from 'aws-cdk-lib/aws-iam';
import type { Construct, IDependable } from 'constructs';
import type { KeeperNode, ServerNode, Topology } from '../config/topology';
import type { NodeModel, NodeProps, VolumeModel } from './node';
import { Node } from './node';
import type { NodePackages } from './packages';
import { blockOfServer, zoneOfKeeper, zoneOfServer } from './placement';

/** The machine of a role. */
export interface MachineModel {
  readonly instanceType: ec2.InstanceType;
  readonly imageId: string;
  readonly imageGeneration: string;
  readonly volume: VolumeModel;
  readonly packages: NodePackages;
  readonly drainSeconds: number;
}

/** What {@link defineFleet} needs to know. */
export interface FleetProps {
  readonly topology: Topology;
  /** one subnet a zone. */
  readonly subnets: readonly ec2.ISubnet[];
  readonly nestedStacks: boolean;
  readonly server: MachineModel;
  readonly keeper: MachineModel;
  readonly targetGroupArns: readonly string[];
  /** what every node has in common. */
  readonly shared: Omit<NodeProps, 'node' | 'subnet' | 'targetGroupArns' | keyof MachineModel>;
}

/** What was defined. */
export interface Fleet {
  /** depend on these to come after the last wave. */
  readonly last: readonly IDependable[];
  readonly serverRoles: readonly iam.IRole[];
}

/** Nodes that are made and replaced together: the next wave starts when every one of these has signalled. */
type Wave = readonly NodeModel[];

type Define = (stack: Construct, model: NodeModel) => Node;

/**
 * Defines the nodes, wave by wave: Keepers one by one, then the first replica of every shard, then the second, and so on.
 *
 * So while a change goes forward Keepers keep their majority and a shard keeps a replica; deletion goes the other way. CloudFormation does
 * not say in which order it undoes a change that failed, so a rollback may take a shard's second replica while its first is still coming
 * back (docs/operations.md; `test/rehearsal` tries both orders).
 */
export function defineFleet(cluster: Construct, props: FleetProps): Fleet {
  const keepers = props.topology.keepers.map(keeperModel);
  const replicas = [...new Set(props.topology.servers.map(({ replica }) => replica))].sort((a, b) => a - b);
  const serverWaves = replicas.map((replica) => props.topology.servers.filter((server) => server.replica === replica).map(serverModel));
  const serverRoles: iam.IRole[] = [];
  const define = (stack: Construct, model: NodeModel): Node => {
    const node = defineNode(stack, model, props);
    if (model.role === 'server') serverRoles.push(node.role);
    return node;
  };
  const last = props.nestedStacks ? inNestedStacks(cluster, keepers, serverWaves, define) : inOneStack(cluster, [...keepers.map((keeper) => [keeper]), ...serverWaves], define);
  return { last, serverRoles };
}

function inOneStack(scope: Construct, waves: readonly Wave[], define: Define): IDependable[] {
  let before: readonly CfnResource[] = [];
  for (const wave of waves) {
    const groups = wave.map((model) => define(scope, model).group);
    for (const group of groups) for (const earlier of before) group.addResourceDependency(earlier);
    before = groups;
  }
  return [...before];
}

// a nested stack is a wave's part, never a shard: updating a stack updates what is in it at will, and two replicas of a shard must not be.
function inNestedStacks(cluster: Construct, keepers: Wave, serverWaves: readonly Wave[], define: Define): IDependable[] {
  let before: readonly NestedStack[] = [];
  if (keepers.length > 0) {
    const stack = new NestedStack(cluster, 'Keepers', { description: 'ClickHouse Keepers' });
    inOneStack(stack, keepers.map((keeper) => [keeper]), define);
    before = [stack];
  }
  for (const wave of serverWaves) {
    const blocks = new Map<number, NestedStack>();
    for (const model of wave) {
      const block = blockOfServer({ shard: model.shard ?? 1 });
      let stack = blocks.get(block);
      if (!stack) {
        stack = new NestedStack(cluster, `Replica${model.replica}Block${block}`, { description: `ClickHouse replica ${model.replica}, block ${block} of shards` });
        stack.node.addDependency(...before);
        blocks.set(block, stack);
      }
      define(stack, model);
    }
    before = [...blocks.values()];
  }
  return [...before];
}

function defineNode(stack: Construct, model: NodeModel, { subnets, server, keeper, targetGroupArns, shared }: FleetProps): Node {
  const isServer = model.role === 'server';
  const zone = isServer
    ? zoneOfServer({ shard: model.shard ?? 1, replica: model.replica ?? 1 }, subnets.length)
    : zoneOfKeeper({ serverId: model.serverId ?? 1 }, subnets.length);
  const subnet = subnets[zone];
  // eslint-disable-next-line awscdk/no-variable-construct-id -- an id follows from the node's own shard and replica, so growth renames nothing.
  return new Node(stack, isServer ? `Shard${model.shard}Replica${model.replica}` : `Keeper${model.serverId}`, {
    ...shared,
    ...(isServer ? server : keeper),
    node: model,
    subnet,
    targetGroupArns: isServer ? targetGroupArns : [],
  });
}

function serverModel({ name, host, shard, replica }: ServerNode): NodeModel {
  return { role: 'server', name, host, shard, replica };
}

function keeperModel({ name, host, serverId }: KeeperNode): NodeModel {
  return { role: 'keeper', name, host, serverId };
}
