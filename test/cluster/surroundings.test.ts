import { App, Aspects, NestedStack, Stack, Tags, Token, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import { AwsSolutionsChecks } from 'cdk-nag';
import { ClickHouseChecks, ClickHouseCluster, ClickHouseVpcEndpoints, ClickHouseVpcService } from '../../lib';
import { madeBefore, one, privateStack, resources } from './stacks';

const ZONES = ['eu-west-1a', 'eu-west-1b', 'eu-west-1c'];
const isolated = (stack: Stack, id = 'Vpc'): ec2.Vpc =>
  new ec2.Vpc(stack, id, { availabilityZones: ZONES, natGateways: 0, subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] });
const inRegion = { env: { account: '111122223333', region: 'eu-west-1' } };

describe('VPC endpoints', () => {
  test('narrow what nodes reach to the endpoints and S3, and admit nodes', () => {
    const stack = new Stack(new App(), 'Test', inRegion);
    const vpc = isolated(stack);
    const vpcEndpoints = new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc });
    new ClickHouseCluster(stack, 'Analytics', { vpc, vpcEndpoints });
    const template = Template.fromStack(stack);
    const all = [
      ...Object.values(resources(template, 'AWS::EC2::SecurityGroupEgress')).map(({ Properties }) => Properties),
      ...Object.values(resources(template, 'AWS::EC2::SecurityGroup')).flatMap(({ Properties }) => (Properties.SecurityGroupEgress ?? []) as Record<string, unknown>[]),
    ];
    // the CDK writes "nowhere" as an impossible rule.
    expect(all.filter(({ CidrIp }) => CidrIp !== undefined && CidrIp !== '255.255.255.255/32')).toEqual([]);
    const admitted = Object.keys(resources(template, 'AWS::EC2::SecurityGroupIngress')).filter((id) => id.startsWith('Endpoints'));
    expect(admitted).toHaveLength(1);
  });

  test('that leave services out leave the way to the rest of the VPC open', () => {
    const stack = new Stack(new App(), 'Test', inRegion);
    const vpc = isolated(stack);
    new ClickHouseCluster(stack, 'Analytics', { vpc, vpcEndpoints: new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc, existingServices: [ClickHouseVpcService.SSM] }) });
    const nodes = Object.entries(resources(Template.fromStack(stack), 'AWS::EC2::SecurityGroup')).find(([id]) => id.includes('SecurityGroupsNodes'))?.[1];
    expect((nodes?.Properties.SecurityGroupEgress as { CidrIp?: unknown }[]).map(({ CidrIp }) => JSON.stringify(CidrIp))).toContainEqual(expect.stringContaining('CidrBlock'));
  });

  test('are there before the first node starts, in one stack and in nested ones', () => {
    for (const nestedStacks of [false, true]) {
      const stack = new Stack(new App(), 'Test', inRegion);
      const vpc = isolated(stack);
      new ClickHouseCluster(stack, 'Analytics', { vpc, nestedStacks, vpcEndpoints: new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc }) });
      const template = Template.fromStack(stack);
      const endpoints = Object.keys(resources(template, 'AWS::EC2::VPCEndpoint'));
      expect(endpoints.length).toBeGreaterThan(5);
      const waiting = Object.keys(resources(template, nestedStacks ? 'AWS::CloudFormation::Stack' : 'AWS::AutoScaling::AutoScalingGroup'));
      expect(waiting.length).toBeGreaterThan(2);
      for (const each of waiting) expect([...madeBefore(template, [each])]).toEqual(expect.arrayContaining(endpoints));
    }
  });

  test('serve two clusters, also one of another stack', () => {
    const app = new App();
    const network = new Stack(app, 'Network', inRegion);
    const vpc = isolated(network);
    const vpcEndpoints = new ClickHouseVpcEndpoints(network, 'Endpoints', { vpc });
    new ClickHouseCluster(network, 'Near', { vpc, vpcEndpoints });
    const data = new Stack(app, 'Data', inRegion);
    new ClickHouseCluster(data, 'Far', { vpc, vpcEndpoints });
    expect(() => app.synth()).not.toThrow();
    // the rule that admits the far cluster lies with it, or the stacks would need each other.
    expect(Object.values(resources(Template.fromStack(data), 'AWS::EC2::SecurityGroupIngress')).filter(({ Properties }) => JSON.stringify(Properties.GroupId).includes('ImportValue')).length).toBe(1);
  });
});

test('two clusters in one stack and VPC are clean in both packs', () => {
  const app = new App();
  const stack = new Stack(app, 'Test', inRegion);
  const vpc = isolated(stack);
  vpc.addFlowLog('All');
  const vpcEndpoints = new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc });
  new ClickHouseCluster(stack, 'One', { vpc, vpcEndpoints });
  new ClickHouseCluster(stack, 'Two', { vpc, vpcEndpoints, shards: 2, nestedStacks: true });
  Validations.of(app).addPlugins(new ClickHouseChecks(app), new AwsSolutionsChecks(app));
  expect(() => app.synth()).not.toThrow();
});

test('a client of another stack is admitted without a cycle, whichever stack needs the other', () => {
  for (const clientFirst of [false, true]) {
    const app = new App();
    const network = new Stack(app, 'Network', inRegion);
    const vpc = isolated(network);
    const clients = new Stack(app, 'Clients', inRegion);
    const data = new Stack(app, 'Data', inRegion);
    const client = new ec2.SecurityGroup(clients, 'Client', { vpc, allowAllOutbound: false });
    const cluster = new ClickHouseCluster(data, 'Analytics', { vpc });
    if (clientFirst) cluster.connections.allowDefaultPortFrom(client);
    else client.connections.allowTo(cluster, ec2.Port.tcp(8443));
    expect(() => app.synth()).not.toThrow();
  }
});

test('a client that needs the cluster first may still be admitted to its servers: nothing of the cluster waits for a client', () => {
  const { stack, vpc } = privateStack();
  const cluster = new ClickHouseCluster(stack, 'Analytics', { vpc, replicas: 1 });
  const client = new ec2.SecurityGroup(stack, 'Client', { vpc, allowAllOutbound: false });
  cluster.connections.allowDefaultPortFrom(client);
  cluster.nodeConnections.allowDefaultPortFrom(client);
  const template = Template.fromStack(stack);
  const before = madeBefore(template, Object.keys(resources(template, 'AWS::AutoScaling::AutoScalingGroup')));
  expect([...before].filter((id) => id.startsWith('Client'))).toEqual([]);
});

test('inside a nested stack of its own it synthesises', () => {
  const stack = new Stack(new App(), 'Test', inRegion);
  const nested = new NestedStack(stack, 'Data');
  new ClickHouseCluster(nested, 'Analytics', { vpc: isolated(stack) });
  Template.fromStack(nested).resourceCountIs('AWS::AutoScaling::AutoScalingGroup', 5);
});

test('a permissions boundary reaches every role', () => {
  const { stack, vpc } = privateStack();
  iam.PermissionsBoundary.of(stack).apply(iam.ManagedPolicy.fromManagedPolicyName(stack, 'Boundary', 'boundary'));
  new ClickHouseCluster(stack, 'Analytics', { vpc });
  const roles = Object.values(resources(Template.fromStack(stack), 'AWS::IAM::Role'));
  expect(roles.length).toBeGreaterThan(5);
  for (const { Properties } of roles) expect(Properties.PermissionsBoundary).toBeDefined();
});

test('tags reach what can be tagged, and leave the Name of nodes and volumes', () => {
  const { stack, vpc } = privateStack();
  new ClickHouseCluster(stack, 'Analytics', { vpc, replicas: 1 });
  Tags.of(stack).add('team', 'data');
  const template = Template.fromStack(stack);
  for (const type of ['AWS::EC2::Volume', 'AWS::EC2::NetworkInterface', 'AWS::KMS::Key', 'AWS::S3::Bucket', 'AWS::SecretsManager::Secret', 'AWS::IAM::Role']) {
    for (const { Properties } of Object.values(resources(template, type))) expect(Properties.Tags).toContainEqual({ Key: 'team', Value: 'data' });
  }
  expect(one(template, 'AWS::AutoScaling::AutoScalingGroup').Properties.Tags).toEqual(
    expect.arrayContaining([expect.objectContaining({ Key: 'Name', Value: expect.stringMatching(/^server-1-1\./) as unknown }), expect.objectContaining({ Key: 'team', PropagateAtLaunch: true })]),
  );
  expect(one(template, 'AWS::EC2::Volume').Properties.Tags).toContainEqual({ Key: 'Name', Value: expect.stringMatching(/^server-1-1\./) as unknown });
});

test('an aspect that opens a node afterwards is seen by the checks', () => {
  const app = new App();
  const stack = new Stack(app, 'Test', inRegion);
  const vpc = isolated(stack);
  new ClickHouseCluster(stack, 'Analytics', { vpc });
  Aspects.of(stack).add({
    visit(node) {
      if (node instanceof ec2.CfnLaunchTemplate) node.addPropertyOverride('LaunchTemplateData.MetadataOptions.HttpTokens', 'optional');
    },
  });
  Validations.of(app).addPlugins(new ClickHouseChecks(app));
  expect(() => app.synth()).toThrow(/ClickHouse-InstanceMetadataV1/);
});

test('client ranges and zones may be tokens', () => {
  const stack = new Stack(new App(), 'Test');
  const vpc = ec2.Vpc.fromVpcAttributes(stack, 'Vpc', {
    vpcId: Token.asString({ Ref: 'VpcId' }),
    availabilityZones: [0, 1, 2].map((zone) => Token.asString({ 'Fn::Select': [zone, { Ref: 'Zones' }] })),
    privateSubnetIds: [0, 1, 2].map((subnet) => Token.asString({ 'Fn::Select': [subnet, { Ref: 'Subnets' }] })),
    privateSubnetRouteTableIds: [0, 1, 2].map((table) => Token.asString({ 'Fn::Select': [table, { Ref: 'Tables' }] })),
  });
  new ClickHouseCluster(stack, 'Analytics', { vpc, clientCidrs: [Token.asString({ Ref: 'ClientRange' })] });
  const zones = Object.values(resources(Template.fromStack(stack), 'AWS::EC2::Volume')).map(({ Properties }) => JSON.stringify(Properties.AvailabilityZone));
  expect(new Set(zones).size).toBe(3);
});
