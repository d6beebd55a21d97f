import type { Resource, StackTemplate } from './assembly';

/** A small cluster, as a template that has its waves and nothing else. */
export interface Miniature {
  readonly shards: number;
  readonly replicas: number;
  readonly keepers: number;
  /** another text rolls every node. */
  readonly version?: string;
  /** roll only these. */
  readonly versions?: Readonly<Record<string, string>>;
  /** what each node's volume is kept by; the default leaves nothing after a failed creation. */
  readonly deletionPolicy?: string;
  readonly pauseTime?: string;
  /** the groups a group waits for; the default is the waves. Names of nodes. */
  readonly after?: (node: MiniatureNode, waves: (node: MiniatureNode) => readonly string[]) => readonly string[];
  /** an unchanging resource between two waves instead of an edge from every group to every group. */
  readonly barriers?: boolean;
}

export interface MiniatureNode {
  readonly role: 'server' | 'keeper';
  readonly name: string;
  readonly shard?: number;
  readonly replica?: number;
}

/** The nodes, Keepers first. */
export function nodesOf({ shards, replicas, keepers }: Miniature): MiniatureNode[] {
  return [
    ...range(keepers).map((id) => ({ role: 'keeper' as const, name: `keeper-${id}` })),
    ...range(shards).flatMap((shard) => range(replicas).map((replica) => ({ role: 'server' as const, name: `server-${shard}-${replica}`, shard, replica }))),
  ];
}

/** Keepers one by one, then replica 1 of every shard, then replica 2 of every shard, and so on. */
export function waves(miniature: Miniature): (node: MiniatureNode) => string[] {
  const { shards, keepers } = miniature;
  return ({ role, name, replica = 1 }) => {
    if (role === 'keeper') return name === 'keeper-1' ? [] : [`keeper-${Number(name.slice('keeper-'.length)) - 1}`];
    if (replica > 1) return range(shards).map((shard) => `server-${shard}-${replica - 1}`);
    return keepers > 0 ? [`keeper-${keepers}`] : [];
  };
}

/** Everything in one stack. */
export function oneStack(miniature: Miniature): StackTemplate {
  const known = waves(miniature);
  const after = (node: MiniatureNode): readonly string[] => miniature.after?.(node, known) ?? known(node);
  const Resources: Record<string, Resource> = {};
  for (const node of nodesOf(miniature)) {
    const first = after(node);
    const barrier = `BeforeReplica${node.replica ?? 0}`;
    const viaBarrier = miniature.barriers === true && (node.replica ?? 0) > 1;
    if (viaBarrier) Resources[barrier] = { Type: 'AWS::CloudFormation::WaitConditionHandle', DependsOn: first.map(group) };
    Object.assign(Resources, nodeResources(miniature, node, viaBarrier ? [barrier] : first.map(group)));
  }
  return { template: { Resources }, nested: {} };
}

/** A nested stack for every Keeper wave and every wave of replicas, in order. */
export function nestedByWave(miniature: Miniature): StackTemplate {
  const nodes = nodesOf(miniature);
  const order = waves(miniature);
  const keepers = nodes.filter(({ role }) => role === 'keeper');
  const members: [string, MiniatureNode[]][] = [
    ...(keepers.length > 0 ? ([['Keepers', keepers]] as [string, MiniatureNode[]][]) : []),
    ...range(miniature.replicas).map((replica): [string, MiniatureNode[]] => [`Wave${replica}`, nodes.filter((node) => node.replica === replica)]),
  ];
  return nest(miniature, members, (node) => (node.role === 'keeper' ? order(node) : []), (_, index) => (index > 0 ? [members[index - 1][0]] : []));
}

/** WRONG: a nested stack for every shard, so that its replicas are changed at the same time. */
export function nestedByShard(miniature: Miniature): StackTemplate {
  const nodes = nodesOf(miniature);
  const order = waves(miniature);
  const members: [string, MiniatureNode[]][] = [
    ['Keepers', nodes.filter(({ role }) => role === 'keeper')],
    ...range(miniature.shards).map((shard): [string, MiniatureNode[]] => [`Shard${shard}`, nodes.filter((node) => node.shard === shard)]),
  ];
  return nest(miniature, members, (node) => (node.role === 'keeper' ? order(node) : []), (name) => (name === 'Keepers' ? [] : ['Keepers']));
}

/** WRONG: the parent reads what the nested stack puts out, and hands the nested stack what it makes of it. */
export function nestedInCircle(): StackTemplate {
  const child: StackTemplate = {
    template: { Parameters: { Name: { Type: 'String' } }, Resources: { Queue: { Type: 'AWS::SQS::Queue', Properties: { Tags: [{ Ref: 'Name' }] } } }, Outputs: { Queue: { Value: { Ref: 'Queue' } } } },
    nested: {},
  };
  const Resources: Record<string, Resource> = {
    Topic: { Type: 'AWS::SNS::Topic', Properties: { DisplayName: { 'Fn::GetAtt': ['Child', 'Outputs.Queue'] } } },
    Child: { Type: 'AWS::CloudFormation::Stack', Properties: { Parameters: { Name: { 'Fn::Sub': 'for-${Topic.TopicName}' } } } },
  };
  return { template: { Resources }, nested: { Child: child } };
}

function nest(
  miniature: Miniature,
  members: readonly (readonly [string, readonly MiniatureNode[]])[],
  after: (node: MiniatureNode) => readonly string[],
  DependsOn: (name: string, index: number) => readonly string[],
): StackTemplate {
  const Resources: Record<string, Resource> = { Key: { Type: 'AWS::KMS::Key', DeletionPolicy: 'RetainExceptOnCreate' } };
  const nested: Record<string, StackTemplate> = {};
  members.forEach(([name, nodes], index) => {
    Resources[name] = { Type: 'AWS::CloudFormation::Stack', Properties: { Parameters: { Key: { Ref: 'Key' } } }, DependsOn: DependsOn(name, index) };
    const own: Record<string, Resource> = {};
    for (const node of nodes) Object.assign(own, nodeResources(miniature, node, after(node).map(group), { Ref: 'Key' }));
    nested[name] = { template: { Parameters: { Key: { Type: 'String' } }, Resources: own }, nested: {} };
  });
  return { template: { Resources }, nested };
}

function nodeResources(miniature: Miniature, node: MiniatureNode, DependsOn: readonly string[], key?: unknown): Record<string, Resource> {
  const { version = '1', versions = {}, pauseTime = 'PT1H' } = miniature;
  const id = pascal(node.name);
  const Metadata = { 'cdk-secure-clickhouse': node };
  return {
    [`${id}Volume`]: { Type: 'AWS::EC2::Volume', Metadata, DeletionPolicy: miniature.deletionPolicy ?? 'RetainExceptOnCreate', Properties: { Size: 100, KmsKeyId: key } },
    [`${id}Interface`]: { Type: 'AWS::EC2::NetworkInterface', Properties: { SubnetId: 'subnet-1' } },
    [`${id}LaunchTemplate`]: {
      Type: 'AWS::EC2::LaunchTemplate',
      Properties: {
        LaunchTemplateData: {
          UserData: { 'Fn::Base64': { 'Fn::Sub': `run ${versions[node.name] ?? version} with \${${id}Volume}` } },
          NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId: { Ref: `${id}Interface` } }],
        },
      },
    },
    [group(node.name)]: {
      Type: 'AWS::AutoScaling::AutoScalingGroup',
      Metadata,
      DependsOn,
      Properties: {
        MinSize: '1',
        MaxSize: '1',
        LaunchTemplate: { LaunchTemplateId: { Ref: `${id}LaunchTemplate` }, Version: { 'Fn::GetAtt': [`${id}LaunchTemplate`, 'LatestVersionNumber'] } },
      },
      CreationPolicy: { ResourceSignal: { Count: 1, Timeout: pauseTime } },
      UpdatePolicy: {
        AutoScalingRollingUpdate: {
          MinInstancesInService: 0,
          WaitOnResourceSignals: true,
          PauseTime: pauseTime,
          SuspendProcesses: ['HealthCheck', 'ReplaceUnhealthy', 'AZRebalance', 'AlarmNotification', 'ScheduledActions'],
        },
      },
    },
  };
}

function group(name: string): string {
  return `${pascal(name)}Group`;
}

function pascal(name: string): string {
  return name.replace(/(^|-)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase());
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
