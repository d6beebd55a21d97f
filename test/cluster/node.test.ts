import { spawnSync } from 'node:child_process';
import { Duration, Stack, Tags } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { readIdentity } from '../../lib/agent/identity';
import { DRAIN_HOOK } from '../../lib/config/lifecycle';
import type { Resource } from './stacks';
import { madeBefore, one, resources, singleNode } from './stacks';

interface LaunchTemplateData {
  readonly ImageId: unknown;
  readonly InstanceType: string;
  readonly KeyName?: string;
  readonly SecurityGroupIds?: unknown;
  readonly SecurityGroups?: unknown;
  readonly NetworkInterfaces: Record<string, unknown>[];
  readonly MetadataOptions: Record<string, unknown>;
  readonly UserData: { 'Fn::Base64': unknown };
}

const launchData = (resource: Resource): LaunchTemplateData => resource.Properties.LaunchTemplateData as LaunchTemplateData;

/** The script with every reference replaced by its own name, as CloudFormation would replace it by a value. */
function script(userData: unknown): string {
  if (typeof userData === 'string') return userData;
  const [[intrinsic, argument] = ['', undefined]] = Object.entries(userData as Record<string, unknown>);
  if (intrinsic === 'Fn::Join') return (argument as [string, unknown[]])[1].map(script).join((argument as [string, unknown[]])[0]);
  if (intrinsic === 'Fn::GetAtt') {
    const [, attribute = ''] = argument as string[];
    if (attribute.endsWith('Sha256')) return 'ab'.repeat(32);
    return attribute === 'PrimaryPrivateIpAddress' ? '10.20.0.10' : attribute === 'CidrBlock' ? '10.20.0.0/16' : `value-of-${(argument as string[]).join('-')}`;
  }
  return `value-of-${String(argument).replace(/\W/g, '-')}`;
}

describe('a node', () => {
  const { cluster, template } = singleNode();
  const synthesised = template();
  const group = one(synthesised, 'AWS::AutoScaling::AutoScalingGroup');
  const launch = launchData(one(synthesised, 'AWS::EC2::LaunchTemplate'));
  const [interfaceId] = Object.keys(resources(synthesised, 'AWS::EC2::NetworkInterface'));

  test('is a group of one that names a zone and no subnet, over the persistent interface', () => {
    expect(group.Properties).toMatchObject({ MinSize: '1', MaxSize: '1', HealthCheckType: 'EC2', AvailabilityZones: [expect.anything()] });
    expect(group.Properties.VPCZoneIdentifier).toBeUndefined();
    expect(launch.NetworkInterfaces).toEqual([{ DeviceIndex: 0, NetworkInterfaceId: { Ref: interfaceId } }]);
    expect(launch.SecurityGroupIds).toBeUndefined();
    expect(launch.SecurityGroups).toBeUndefined();
  });

  test('interface, volume and group are in one zone', () => {
    const [zone] = group.Properties.AvailabilityZones as unknown[];
    expect(one(synthesised, 'AWS::EC2::Volume').Properties.AvailabilityZone).toEqual(zone);
    const { SubnetId } = one(synthesised, 'AWS::EC2::NetworkInterface').Properties as { SubnetId: { Ref: string } };
    expect(resources(synthesised)[SubnetId.Ref]?.Properties.AvailabilityZone).toEqual(zone);
  });

  test('terminates before it launches and waits for the signal, at most an hour', () => {
    expect(group.Properties.InstanceMaintenancePolicy).toEqual({ MinHealthyPercentage: 0, MaxHealthyPercentage: 100 });
    expect(group.CreationPolicy).toEqual({ ResourceSignal: { Count: 1, Timeout: 'PT1H' } });
    expect(group.UpdatePolicy).toEqual({
      AutoScalingRollingUpdate: {
        MinInstancesInService: 0,
        MaxBatchSize: 1,
        WaitOnResourceSignals: true,
        PauseTime: 'PT1H',
        SuspendProcesses: ['HealthCheck', 'ReplaceUnhealthy', 'AZRebalance', 'AlarmNotification', 'ScheduledActions'],
      },
    });
  });

  test('waits before it is terminated, for five minutes more than a server lets queries run, and never for ever', () => {
    expect(group.Properties.LifecycleHookSpecificationList).toEqual([
      { LifecycleHookName: DRAIN_HOOK, LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING', HeartbeatTimeout: 600, DefaultResult: 'CONTINUE' },
    ]);
    // nothing else is defined for it.
    expect(Object.keys(resources(synthesised, 'AWS::AutoScaling::LifecycleHook'))).toEqual([]);
  });

  test('at its longest, a drain leaves a new machine half of the hour that CloudFormation waits', () => {
    const timeout = (shutdownWait: Duration): unknown =>
      (one(singleNode({ settings: { shutdownWait } }).template(), 'AWS::AutoScaling::AutoScalingGroup').Properties.LifecycleHookSpecificationList as { HeartbeatTimeout: number }[])[0]?.HeartbeatTimeout;
    expect(timeout(Duration.minutes(25))).toBe(30 * 60);
    expect(() => timeout(Duration.seconds(1501))).toThrow(/'settings.shutdownWait' must be at most 25 minutes, got 1501 seconds/);
  });

  test('has no key pair, requires metadata tokens and stops them after one hop', () => {
    expect(launch.KeyName).toBeUndefined();
    expect(launch.MetadataOptions).toMatchObject({ HttpTokens: 'required', HttpPutResponseHopLimit: 1, InstanceMetadataTags: 'disabled' });
  });

  test('runs a pinned image: the fact is asked again only when its properties change', () => {
    const { 'Fn::GetAtt': [fact = '', attribute] } = launch.ImageId as { 'Fn::GetAtt': string[] };
    expect(attribute).toBe('Value');
    expect(resources(synthesised)[fact]).toMatchObject({
      Type: 'Custom::ClickHouseRegionalFact',
      Properties: { Kind: 'PublicParameter', Name: '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64', Generation: '1' },
    });
    expect(Object.values((synthesised.toJSON() as { Parameters?: Record<string, { Type: string }> }).Parameters ?? {}).filter(({ Type }) => /Image|AMI/i.test(Type))).toEqual([]);
  });

  test('takes at most 9 resources', () => {
    const count = (scope: { node: { children: unknown[] } }): number =>
      scope.node.children.reduce<number>((sum, child) => sum + ('cfnResourceType' in (child as object) ? 1 : 0) + count(child as { node: { children: unknown[] } }), 0);
    const node = cluster.node.findChild('Shard1Replica1') as unknown as { node: { children: unknown[] } };
    expect(count(node)).toBeGreaterThan(4);
    expect(count(node)).toBeLessThanOrEqual(9);
  });

  test('launches only after what its first boot fetches, and after its way out is open', () => {
    const before = madeBefore(synthesised, Object.keys(resources(synthesised, 'AWS::AutoScaling::AutoScalingGroup')));
    const types = (type: string, like: RegExp): string[] => Object.keys(resources(synthesised, type)).filter((id) => like.test(id));
    const needed = [
      ...types('Custom::ClickHouseArtefacts', /./),
      ...types('Custom::ClickHousePackages', /./),
      ...types('AWS::SSM::Parameter', /LiveManifest/),
      ...types('AWS::IAM::Role', /Shard1Replica1/),
      ...types('AWS::EC2::SecurityGroupEgress', /^AnalyticsSecurityGroupsNodes/),
      ...types('AWS::EC2::SecurityGroupIngress', /^AnalyticsSecurityGroupsNodes/),
      ...types('AWS::EC2::SubnetRouteTableAssociation', /Subnet1/),
    ];
    expect(needed.length).toBeGreaterThan(9);
    expect(needed.filter((id) => !before.has(id))).toEqual([]);
  });
});

describe('user data', () => {
  const { template } = singleNode();
  const synthesised = template();
  const [groupId] = Object.keys(resources(synthesised, 'AWS::AutoScaling::AutoScalingGroup'));
  const text = script(launchData(one(synthesised, 'AWS::EC2::LaunchTemplate')).UserData['Fn::Base64']);

  test('is a script that bash accepts, far under the limit of 16 KB', () => {
    expect(spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
    expect(Buffer.byteLength(text)).toBeLessThan(8 * 1024);
  });

  test('hands the agent an identity that it accepts', () => {
    const identity = /<<'END_OF_IDENTITY'\n([^]*?)\nEND_OF_IDENTITY/.exec(text)?.[1] ?? '';
    const { packages, ...rest } = readIdentity(identity);
    expect(rest).toMatchObject({ role: 'server', name: 'server-1-1', shard: '1', replica: '1', clientNetworks: ['10.20.0.0/16'] });
    // whom to tell, where to log and where packages are, as the rest of the template has it.
    const [[logs = '']] = Object.entries(resources(synthesised, 'AWS::Logs::LogGroup')).filter(([id]) => /^AnalyticsLogs/.test(id)) as [[string, unknown]];
    expect(rest).toMatchObject({ groupLogicalId: groupId, stackId: 'value-of-AWS--StackId', logGroup: `value-of-${logs}`, packageBucket: rest.bucket });
    expect(packages.map(({ key }) => key.replace(/.*-/, ''))).toEqual(['ClickhouseCommonStaticAarch64Key', 'ClickhouseServerAarch64Key', 'ClickhouseClientAarch64Key']);
  });

  test('checks both downloads against hashes that are in the template', () => {
    const fetches = [...text.matchAll(/^fetch '([^']+)' '([0-9a-f]{64})' /gm)];
    expect(fetches).toHaveLength(2);
    for (const [, key, sha256] of fetches) expect(key).toContain(sha256);
    expect(text).toContain('sha256sum --check');
    expect(text).toMatch(/set -euo pipefail/);
  });

  test('signals failure of its own group, and success never', () => {
    expect(text).toContain(`--logical-resource-id '${groupId}'`);
    expect(text).toContain('--status FAILURE');
    expect(text).not.toMatch(/SUCCESS/);
  });
});

describe('tags', () => {
  // with tags in its metadata an instance does not start that is given such a key: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html
  test.each(['cost/center', 'cost center', 'Kosten-für'])('of any kind reach nodes, and keep none from starting: %j', (key) => {
    const { stack, template } = singleNode();
    Tags.of(stack).add(key, 'data');
    const synthesised = template();
    const tags = one(synthesised, 'AWS::AutoScaling::AutoScalingGroup').Properties.Tags as { Key: string }[];
    expect(tags.map(({ Key }) => Key)).toEqual(expect.arrayContaining(['Name', 'cdk-secure-clickhouse:cluster', key]));
    const { MetadataOptions } = one(synthesised, 'AWS::EC2::LaunchTemplate').Properties.LaunchTemplateData as { MetadataOptions: object };
    expect(MetadataOptions).toMatchObject({ InstanceMetadataTags: 'disabled' });
  });
});

describe('what rolls a node and what does not', () => {
  const parts = (props: Parameters<typeof singleNode>[0]) => {
    const synthesised = singleNode(props).template();
    return { launch: one(synthesised, 'AWS::EC2::LaunchTemplate'), live: one(synthesised, 'Custom::ClickHouseArtefacts').Properties.Live };
  };
  const base = parts({});

  test('a profile is live: the pointer moves and the launch template stays', () => {
    const changed = parts({ extraUsersDocuments: { reports: '<clickhouse><profiles><reports><max_threads>4</max_threads></reports></profiles></clickhouse>' } });
    expect(changed.live).not.toEqual(base.live);
    expect(changed.launch).toEqual(base.launch);
  });

  test('a server setting is not: the launch template changes and the pointer stays', () => {
    const changed = parts({ settings: { maxConcurrentQueries: 50 } });
    expect(changed.live).toEqual(base.live);
    expect(changed.launch).not.toEqual(base.launch);
  });

  test('another content is another launch template, so going back finds the old one untouched', () => {
    const id = (props: Parameters<typeof singleNode>[0]): string | undefined => Object.keys(resources(singleNode(props).template(), 'AWS::EC2::LaunchTemplate'))[0];
    expect(id({})).toBe(id({}));
    expect(id({ settings: { maxConcurrentQueries: 50 } })).not.toBe(id({}));
    expect(id({ machineImageGeneration: '2' })).not.toBe(id({}));
    expect(id({ instanceType: ec2.InstanceType.of(ec2.InstanceClass.M7G, ec2.InstanceSize.XLARGE) })).not.toBe(id({}));
  });

  test('synthesising again changes nothing', () => {
    expect(parts({})).toEqual(base);
  });

  test('x86 gets its own image and the machine that was asked for', () => {
    const synthesised = singleNode({ instanceType: ec2.InstanceType.of(ec2.InstanceClass.M7I, ec2.InstanceSize.XLARGE) }).template();
    expect(launchData(one(synthesised, 'AWS::EC2::LaunchTemplate')).InstanceType).toBe('m7i.xlarge');
    const facts = Object.values(resources(synthesised, 'Custom::ClickHouseRegionalFact')).map(({ Properties }) => Properties.Name);
    expect(facts).toContain('/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64');
  });

  test('an image and a prefix list that are given are not looked up', () => {
    const { stack, template } = singleNode({ machineImage: ec2.MachineImage.genericLinux({ 'eu-west-1': 'ami-0123456789abcdef0' }), s3PrefixListId: 'pl-1' }, { env: { region: 'eu-west-1' } });
    expect(Stack.of(stack).region).toBe('eu-west-1');
    const synthesised = template();
    expect(launchData(one(synthesised, 'AWS::EC2::LaunchTemplate')).ImageId).toBe('ami-0123456789abcdef0');
    synthesised.resourceCountIs('Custom::ClickHouseRegionalFact', 0);
  });
});
