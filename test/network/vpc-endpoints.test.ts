import { App, Stack, Stage, Token, Validations } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as s3 from 'aws-cdk-lib/aws-s3';
import { AwsSolutionsChecks } from 'cdk-nag';
import { ClickHouseChecks } from '../../lib/checks';
import { ClickHouseCluster } from '../../lib/cluster';
import type { ClickHouseVpcEndpointsProps } from '../../lib/network/vpc-endpoints';
import { ClickHouseVpcEndpoints, ClickHouseVpcService } from '../../lib/network/vpc-endpoints';
import type { Resource } from '../cluster/stacks';
import { inWords, one, privateStack, resources } from '../cluster/stacks';

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource: unknown;
  readonly Principal: unknown;
  readonly Condition?: Record<string, Record<string, unknown>>;
}

const ALL = Object.values(ClickHouseVpcService);

function endpointStack(props: Partial<ClickHouseVpcEndpointsProps> = {}): { stack: Stack; vpc: ec2.Vpc; endpoints: ClickHouseVpcEndpoints; template: () => Template } {
  const { stack, vpc } = privateStack();
  const endpoints = new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc, ...props });
  return { stack, vpc, endpoints, template: () => Template.fromStack(stack) };
}

/** Endpoints by the last part of their service's name. */
function byService(template: Template): Record<string, Resource> {
  const all = Object.values(resources(template, 'AWS::EC2::VPCEndpoint'));
  const named = Object.fromEntries(all.map((each) => [inWords(each.Properties.ServiceName).replace(/^com\.amazonaws\.<Region>\./, ''), each]));
  expect(Object.keys(named)).toHaveLength(all.length);
  return named;
}

const statementsOf = (endpoint: Resource | undefined): Statement[] => (endpoint?.Properties.PolicyDocument as { Statement: Statement[] }).Statement;
const lines = (endpoint: Resource | undefined): string[] =>
  statementsOf(endpoint).map(({ Effect, Action, Resource: on, Condition }) => {
    const conditions = Object.entries(Condition ?? {}).flatMap(([operator, keys]) => Object.entries(keys).map(([key, value]) => `${operator} ${key} ${inWords(value)}`));
    return `${Effect} ${[Action].flat().join(',')} on ${inWords(on)}${conditions.length > 0 ? ` if ${conditions.join(' and ')}` : ''}`;
  });

describe('one set', () => {
  const { stack, vpc, template } = endpointStack();
  const synthesised = template();
  const endpoints = byService(synthesised);

  test('has exactly what nodes call', () => {
    expect(Object.keys(endpoints).sort()).toEqual(['autoscaling', 'cloudformation', 'ec2', 'logs', 's3', 'secretsmanager', 'ssm', 'ssmmessages']);
    for (const [name, { Properties }] of Object.entries(endpoints)) expect(Properties.VpcEndpointType).toBe(name === 's3' ? 'Gateway' : 'Interface');
  });

  test('interface endpoints answer to the private names, in each zone, through one group', () => {
    const [group] = Object.keys(resources(synthesised, 'AWS::EC2::SecurityGroup'));
    for (const [name, { Properties }] of Object.entries(endpoints)) {
      if (name === 's3') continue;
      expect(Properties).toMatchObject({ PrivateDnsEnabled: true, SecurityGroupIds: [{ 'Fn::GetAtt': [group, 'GroupId'] }] });
      expect(Properties.SubnetIds).toEqual(vpc.isolatedSubnets.map((subnet) => stack.resolve(subnet.subnetId) as unknown));
    }
  });

  test('the gateway is in the route table of each subnet', () => {
    expect(endpoints.s3?.Properties.RouteTableIds).toEqual(vpc.isolatedSubnets.map((subnet) => stack.resolve(subnet.routeTable.routeTableId) as unknown));
  });

  test('the group admits nobody and calls nobody', () => {
    const { SecurityGroupIngress, SecurityGroupEgress } = one(synthesised, 'AWS::EC2::SecurityGroup').Properties;
    expect(SecurityGroupIngress).toBeUndefined();
    expect(SecurityGroupEgress).toEqual([expect.objectContaining({ CidrIp: '255.255.255.255/32' })]);
    synthesised.resourceCountIs('AWS::EC2::SecurityGroupIngress', 0);
    synthesised.resourceCountIs('AWS::EC2::SecurityGroupEgress', 0);
  });

  // a change here is a change of what a stolen node can reach.
  test('everything that may pass', () => {
    const own = ' if StringEquals aws:PrincipalAccount <AccountId>';
    const here = (service: string): string => `arn:<Partition>:${service}:<Region>:<AccountId>`;
    expect(Object.fromEntries(Object.entries(endpoints).map(([name, endpoint]) => [name, lines(endpoint)]))).toEqual({
      s3: [
        'Allow s3:GetObject on arn:<Partition>:s3:::al2023-repos-<Region>-de612dc2/*',
        `Allow s3:GetObject on arn:<Partition>:s3:::*/*${own} and StringEquals aws:ResourceAccount <AccountId>`,
        `Allow s3:PutObject on arn:<Partition>:s3:::*/reports/*${own} and StringEquals aws:ResourceAccount <AccountId>`,
      ],
      autoscaling: [`Allow autoscaling:CompleteLifecycleAction on ${here('autoscaling')}:autoScalingGroup:*${own}`],
      cloudformation: [`Allow cloudformation:SignalResource,cloudformation:DescribeStackResource on ${here('cloudformation')}:stack/*${own}`],
      ec2: [`Allow ec2:AttachVolume on ${here('ec2')}:volume/* + ${here('ec2')}:instance/*${own}`, `Allow ec2:DescribeVolumes on *${own}`],
      logs: [`Allow logs:CreateLogStream,logs:PutLogEvents on ${here('logs')}:log-group:*${own}`],
      secretsmanager: [
        `Allow secretsmanager:GetSecretValue,secretsmanager:DescribeSecret,secretsmanager:PutSecretValue,secretsmanager:UpdateSecretVersionStage on ${here('secretsmanager')}:secret:*${own}`,
        `Allow secretsmanager:GetRandomPassword on *${own}`,
      ],
      ssm: [`Allow ssm:GetParameter on ${here('ssm')}:parameter/*${own}`, `Allow ssm:UpdateInstanceInformation on *${own}`, `Allow ssm:SendCommand on ${here('ssm')}:document/* + ${here('ec2')}:instance/*${own}`],
      ssmmessages: [`Allow ssmmessages:CreateControlChannel,ssmmessages:CreateDataChannel,ssmmessages:OpenControlChannel,ssmmessages:OpenDataChannel on *${own}`],
    });
  });

  test('every policy has a principal and fits: EC2 takes 20,480 characters', () => {
    for (const endpoint of Object.values(endpoints)) {
      for (const { Principal } of statementsOf(endpoint)) expect(Principal).toEqual({ AWS: '*' });
      expect(JSON.stringify(endpoint.Properties.PolicyDocument).length).toBeLessThan(20_480);
    }
  });

  test('only the package repositories may be read without an identity of this account', () => {
    const open = Object.values(endpoints).flatMap(statementsOf).filter(({ Condition }) => Condition?.StringEquals?.['aws:PrincipalAccount'] === undefined);
    expect(open).toHaveLength(1);
    expect(inWords(open[0]?.Resource)).toContain('al2023-repos-');
  });
});

describe('whatever a node or the rotation may do passes', () => {
  // matches as IAM does, with * for any text.
  const matches = (pattern: string, value: string): boolean => new RegExp(`^${pattern.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`, 's').test(value);
  const { stack, vpc } = privateStack();
  new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc });
  new ClickHouseCluster(stack, 'Analytics', { vpc }).addUser('ingest');
  const synthesised = Template.fromStack(stack);
  const passing = Object.values(byService(synthesised)).flatMap(statementsOf).flatMap(({ Action, Resource: on }) => [Action].flat().flatMap((action) => [on].flat().map((each) => [action, inWords(each)] as const)));
  const roles = Object.values(resources(synthesised, 'AWS::IAM::Role')).filter(({ Properties }) => JSON.stringify(Properties.AssumeRolePolicyDocument).includes('ec2.amazonaws.com') || JSON.stringify(Properties.Description).includes('Rotates'));
  const managed = Object.values(resources(synthesised, 'AWS::IAM::ManagedPolicy')).flatMap(({ Properties }) => (Properties.PolicyDocument as { Statement: Statement[] }).Statement);
  const node = roles.flatMap(({ Properties }) => Properties.Policies as { PolicyDocument: { Statement: Statement[] } }[]).flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
  // what Lambda does to give a function its interfaces, it does from outside the VPC.
  const called = [...node, ...managed].filter(({ Action }) => !JSON.stringify(Action).includes('NetworkInterface')).flatMap(({ Action, Resource: on }) => [Action].flat().map((action) => [action, [on].flat().map(inWords)] as const)).filter(([action]) => !action.startsWith('kms:'));
  // references whose ARN the template does not show.
  const arn = (resource: string): string =>
    resource
      .replace(/^<StackId>$/, 'arn:<Partition>:cloudformation:<Region>:<AccountId>:stack/Test/1')
      .replace(/^<[A-Za-z0-9]*Secret>$/, 'arn:<Partition>:secretsmanager:<Region>:<AccountId>:secret:Internal-1')
      .replace(/^<([A-Za-z0-9]*Logs)>$/, 'arn:<Partition>:logs:<Region>:<AccountId>:log-group:$1')
      .replace(/^<([A-Za-z0-9]*Bucket)>/, 'arn:<Partition>:s3:::$1');

  test('there are roles to compare with', () => {
    expect(roles.length).toBeGreaterThan(0);
    expect(called.length).toBeGreaterThan(10);
  });

  // nodes differ by their numbers only.
  test.each([...new Map(called.map((each) => [JSON.stringify(each).replace(/\d/g, ''), each])).values()])('%s on %j', (action, on) => {
    for (const resource of on) {
      // a call without a resource needs a statement without one, any other a statement that covers it.
      const covers = passing.filter(([each, pattern]) => each === action && (resource === '*' ? pattern === '*' : matches(pattern, arn(resource))));
      expect({ resource, covers: covers.length }).toEqual({ resource, covers: 1 });
    }
  });
});

describe('admitting', () => {
  test('a security group: both ends have their rule on 443 and nothing else', () => {
    const { stack, vpc, endpoints, template } = endpointStack();
    const nodes = new ec2.SecurityGroup(stack, 'Nodes', { vpc, allowAllOutbound: false });
    endpoints.allowFrom(nodes);
    const rules = ['AWS::EC2::SecurityGroupIngress', 'AWS::EC2::SecurityGroupEgress'].map((type) => one(template(), type).Properties);
    for (const rule of rules) expect(rule).toMatchObject({ IpProtocol: 'tcp', FromPort: 443, ToPort: 443 });
    expect(inWords(rules[0]?.SourceSecurityGroupId)).toBe('<Nodes>');
    expect(inWords(rules[1]?.DestinationSecurityGroupId)).toBe('<EndpointsSecurityGroup>');
  });

  test('works from a stack that uses the VPC, without a cycle of stacks', () => {
    const app = new App();
    const network = new Stack(app, 'Network');
    const vpc = new ec2.Vpc(network, 'Vpc', { natGateways: 0, subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] });
    const endpoints = new ClickHouseVpcEndpoints(network, 'Endpoints', { vpc });
    const data = new Stack(app, 'Data');
    endpoints.allowFrom(new ec2.SecurityGroup(data, 'Nodes', { vpc, allowAllOutbound: false }));
    expect(() => app.synth()).not.toThrow();
    expect(data.dependencies).toContain(network);
    Template.fromStack(data).resourceCountIs('AWS::EC2::SecurityGroupIngress', 1);
    Template.fromStack(network).resourceCountIs('AWS::EC2::SecurityGroupIngress', 0);
  });

  test('what depends on the endpoints may be what they admit', () => {
    const { stack, vpc, endpoints } = endpointStack();
    const nodes = new ec2.SecurityGroup(stack, 'Nodes', { vpc, allowAllOutbound: false });
    endpoints.allowFrom(nodes);
    const instance = new ec2.CfnNetworkInterface(stack, 'Interface', { subnetId: vpc.isolatedSubnets[0]?.subnetId ?? '', groupSet: [nodes.securityGroupId] });
    instance.node.addDependency(endpoints);
    // Template.fromStack refuses a template with a cycle.
    const found = Object.values(resources(Template.fromStack(stack), 'AWS::EC2::NetworkInterface'))[0];
    expect(found?.DependsOn?.some((each) => each.startsWith('EndpointsS3'))).toBe(true);
  });

  test('private ranges, literal or not', () => {
    const { SecurityGroupIngress } = one(endpointStack({ clientCidrs: ['10.0.0.0/16', 'fd00::/8', Token.asString({ Ref: 'Range' })] }).template(), 'AWS::EC2::SecurityGroup').Properties;
    const admitted = (SecurityGroupIngress as { CidrIp?: unknown; CidrIpv6?: unknown; FromPort: number; ToPort: number }[]).map((rule) => [rule.CidrIp ?? rule.CidrIpv6, rule.FromPort, rule.ToPort]);
    expect(admitted).toEqual([['10.0.0.0/16', 443, 443], ['fd00::/8', 443, 443], [{ Ref: 'Range' }, 443, 443]]);
  });
});

describe('choices', () => {
  test('named buckets and no others', () => {
    const { stack, vpc } = privateStack();
    const bucket = new s3.Bucket(stack, 'Artefacts');
    new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc, buckets: [bucket, s3.Bucket.fromBucketName(stack, 'Packages', 'packages')] });
    const policy = lines(byService(Template.fromStack(stack)).s3);
    expect(policy[1]).toContain('s3:GetObject on <Artefacts>/* + arn:<Partition>:s3:::packages/* if');
    expect(policy[2]).toContain('s3:PutObject on <Artefacts>/reports/* + arn:<Partition>:s3:::packages/reports/* if');
    expect(policy.join()).not.toContain(':::*/');
  });

  test.each(ALL)('%s can be left out', (service) => {
    const { template, endpoints } = endpointStack({ existingServices: [service] });
    expect(Object.keys(byService(template()))).toHaveLength(ALL.length - 1);
    const statement = new iam.PolicyStatement({ principals: [new iam.AnyPrincipal()], actions: ['a:B'], resources: ['*'] });
    expect(() => endpoints.addToPolicy(service, statement)).toThrow(new RegExp(`^${service} is among 'existingServices'.*\\[Test/Endpoints\\]$`));
  });

  test.each(ALL)('the policy of %s can be widened', (service) => {
    const { template, endpoints } = endpointStack();
    endpoints.addToPolicy(service, new iam.PolicyStatement({ principals: [new iam.AnyPrincipal()], actions: ['other:Call'], resources: ['*'] }));
    expect(Object.values(byService(template())).flatMap(lines).filter((line) => line === 'Allow other:Call on *')).toHaveLength(1);
  });

  test('one subnet a zone, whatever is selected; the gateway serves all of them', () => {
    const stack = new Stack(new App(), 'Test');
    const vpc = new ec2.Vpc(stack, 'Vpc', {
      natGateways: 0,
      maxAzs: 2,
      subnetConfiguration: [{ name: 'One', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }, { name: 'Two', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
    });
    new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc, vpcSubnets: { subnets: vpc.isolatedSubnets } });
    const endpoints = byService(Template.fromStack(stack));
    expect(endpoints.ssm?.Properties.SubnetIds).toHaveLength(2);
    expect(endpoints.s3?.Properties.RouteTableIds).toHaveLength(4);
  });

  test('the gateway serves the subnets it is told', () => {
    const stack = new Stack(new App(), 'Test');
    const vpc = new ec2.Vpc(stack, 'Vpc', { maxAzs: 2 });
    new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc, s3Subnets: [{ subnetType: ec2.SubnetType.PRIVATE_WITH_EGRESS }, { subnetType: ec2.SubnetType.PUBLIC }] });
    expect(byService(Template.fromStack(stack)).s3?.Properties.RouteTableIds).toHaveLength(4);
  });
});

describe('VPCs', () => {
  const imported = (stack: Stack, id: string, attributes: Partial<ec2.VpcAttributes> = {}): ec2.IVpc =>
    ec2.Vpc.fromVpcAttributes(stack, id, {
      vpcId: 'vpc-1',
      availabilityZones: ['eu-west-1a', 'eu-west-1b'],
      isolatedSubnetIds: ['subnet-1', 'subnet-2'],
      isolatedSubnetRouteTableIds: ['rtb-1', 'rtb-2'],
      ...attributes,
    });

  test('an imported one works, also without its range', () => {
    const stack = new Stack(new App(), 'Test');
    new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc: imported(stack, 'Vpc') });
    const endpoints = byService(Template.fromStack(stack));
    expect(endpoints.s3?.Properties.RouteTableIds).toEqual(['rtb-1', 'rtb-2']);
    expect(endpoints.ssm?.Properties.SubnetIds).toEqual(['subnet-1', 'subnet-2']);
  });

  test('one made of tokens works', () => {
    const lazy = (name: string): string => Token.asString({ 'Fn::ImportValue': name });
    const stack = new Stack(new App(), 'Test');
    const vpc = imported(stack, 'Vpc', { vpcId: lazy('vpc'), availabilityZones: [lazy('zone')], isolatedSubnetIds: [lazy('subnet')], isolatedSubnetRouteTableIds: [lazy('table')] });
    new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc });
    const endpoints = byService(Template.fromStack(stack));
    expect(endpoints.s3?.Properties.RouteTableIds).toEqual([{ 'Fn::ImportValue': 'table' }]);
    expect(endpoints.logs?.Properties).toMatchObject({ VpcId: { 'Fn::ImportValue': 'vpc' }, SubnetIds: [{ 'Fn::ImportValue': 'subnet' }] });
  });

  test('an imported one without route tables says what to give, or what to leave out', () => {
    const stack = new Stack(new App(), 'Test');
    const vpc = imported(stack, 'Vpc', { isolatedSubnetRouteTableIds: undefined });
    expect(() => new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc })).toThrow(/needs the route tables.*isolatedSubnetRouteTableIds.*ClickHouseVpcService\.S3.*\[Test\/Endpoints\]$/);
    const other = imported(stack, 'Other', { vpcId: 'vpc-2', isolatedSubnetRouteTableIds: undefined });
    expect(() => new ClickHouseVpcEndpoints(stack, 'Without', { vpc: other, existingServices: [ClickHouseVpcService.S3] })).not.toThrow();
  });

  test('those that are being looked up all have one placeholder for an id, and still are different', () => {
    const stack = new Stack(new App(), 'Test', { env: { account: '111122223333', region: 'eu-west-1' } });
    for (const id of ['One', 'Two']) new ClickHouseVpcEndpoints(stack, `Endpoints${id}`, { vpc: ec2.Vpc.fromLookup(stack, id, { vpcId: `vpc-${id}` }) });
    Template.fromStack(stack).resourceCountIs('AWS::EC2::VPCEndpoint', 2 * ALL.length);
  });

  describe('a second set is refused', () => {
    const REFUSED = /^a VPC has one ClickHouseVpcEndpoints, got a second beside .*First; use that one .*\[.*Second\]$/;

    test('in the same VPC', () => {
      const { stack, vpc } = privateStack();
      new ClickHouseVpcEndpoints(stack, 'First', { vpc });
      expect(() => new ClickHouseVpcEndpoints(stack, 'Second', { vpc })).toThrow(REFUSED);
    });

    test('in the same VPC from another stack', () => {
      const { stack, vpc } = privateStack();
      new ClickHouseVpcEndpoints(stack, 'First', { vpc });
      expect(() => new ClickHouseVpcEndpoints(new Stack(stack.node.root as App, 'Other'), 'Second', { vpc })).toThrow(REFUSED);
    });

    test('in a VPC that is imported twice, also in another stage', () => {
      const app = new App();
      const stacks = ['Blue', 'Green'].map((id) => new Stack(new Stage(app, id), 'Test'));
      const [first, second] = stacks as [Stack, Stack];
      new ClickHouseVpcEndpoints(first, 'First', { vpc: imported(first, 'Vpc') });
      expect(() => new ClickHouseVpcEndpoints(second, 'Second', { vpc: imported(second, 'Vpc') })).toThrow(REFUSED);
    });

    test('but not in another VPC', () => {
      const { stack, vpc } = privateStack();
      new ClickHouseVpcEndpoints(stack, 'First', { vpc });
      expect(() => new ClickHouseVpcEndpoints(stack, 'Second', { vpc: imported(stack, 'Other') })).not.toThrow();
    });
  });
});

describe('fails with one clear error that ends with the construct path', () => {
  const bare = (props?: ec2.VpcProps): { stack: Stack; vpc: ec2.Vpc } => {
    const stack = new Stack(new App(), 'Test');
    return { stack, vpc: new ec2.Vpc(stack, 'Vpc', props) };
  };

  test.each<[string, () => { stack: Stack; vpc: ec2.Vpc }, Partial<ClickHouseVpcEndpointsProps>, RegExp]>([
    ['public subnets', bare, { vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC } }, /'vpcSubnets' must select private or isolated subnets/],
    ['a VPC of public subnets', () => bare({ natGateways: 0, subnetConfiguration: [{ name: 'Public', subnetType: ec2.SubnetType.PUBLIC }] }), {}, /selects no subnet/],
    ['everything left out', bare, { existingServices: ALL }, /'existingServices' leaves nothing to define/],
    ['no bucket', bare, { buckets: [] }, /'buckets' must name at least one bucket, got none/],
    ['a public range', bare, { clientCidrs: ['10.0.0.0/8', '0.0.0.0/0'] }, /private CIDR blocks .* got 0\.0\.0\.0\/0/],
    ['a range that is none', bare, { clientCidrs: ['ten'] }, /got "ten"/],
    ['a token for all ranges', bare, { clientCidrs: Token.asList({ Ref: 'Ranges' }) }, /got a token for the whole list/],
    ['a VPC without names', () => bare({ enableDnsHostnames: false }), {}, /'enableDnsHostnames' and 'enableDnsSupport'.*got one of them off/],
    ['a gateway endpoint of the VPC itself', () => bare({ gatewayEndpoints: { Objects: { service: ec2.GatewayVpcEndpointAwsService.S3 } } }), {}, /the VPC has an endpoint for S3 already, Test\/Vpc\/Objects\/Resource; .*ClickHouseVpcService\.S3/],
    ['an interface endpoint of the VPC itself', () => {
      const { stack, vpc } = bare();
      vpc.addInterfaceEndpoint('Secrets', { service: ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER });
      return { stack, vpc };
    }, {}, /the VPC has an endpoint for SECRETS_MANAGER already, Test\/Vpc\/Secrets\/Resource/],
  ])('%s', (_, make, props, message) => {
    const { stack, vpc } = make();
    const create = (): ClickHouseVpcEndpoints => new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc, ...props });
    expect(create).toThrow(message);
    expect(create).toThrow(/\[Test\/Endpoints\]$|already a Construct/);
    expect(resources(Template.fromStack(stack), 'AWS::EC2::VPCEndpoint')).toEqual(resources(Template.fromStack(make().stack), 'AWS::EC2::VPCEndpoint'));
  });

  test('an endpoint of another service in the VPC is none of our business, and one that is declared is accepted', () => {
    const { stack, vpc } = bare({ gatewayEndpoints: { Tables: { service: ec2.GatewayVpcEndpointAwsService.DYNAMODB }, Objects: { service: ec2.GatewayVpcEndpointAwsService.S3 } } });
    expect(() => new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc, existingServices: [ClickHouseVpcService.S3] })).not.toThrow();
  });
});

test('both packs have nothing to say about a cluster and its endpoints', () => {
  const app = new App();
  const stack = new Stack(app, 'Test');
  const vpc = new ec2.Vpc(stack, 'Vpc', {
    natGateways: 0,
    subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
    flowLogs: { All: { destination: ec2.FlowLogDestination.toCloudWatchLogs(new logs.LogGroup(stack, 'FlowLogs')) } },
  });
  const endpoints = new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc, clientCidrs: ['10.0.0.0/16'] });
  const cluster = new ClickHouseCluster(stack, 'Analytics', { vpc });
  const nodes = cluster.node.findAll().find((each) => each instanceof ec2.SecurityGroup && each.node.id === 'Nodes');
  expect(nodes).toBeDefined();
  endpoints.allowFrom(nodes as ec2.SecurityGroup);
  Validations.of(app).addPlugins(new ClickHouseChecks(app), new AwsSolutionsChecks(app));
  expect(() => app.synth()).not.toThrow();
});
