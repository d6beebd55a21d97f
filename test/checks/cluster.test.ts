import { App, CfnResource, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { ClickHouseChecks, ClickHouseCluster } from '../../lib';

process.env.CDK_VALIDATION = 'false';

function roleOf(resource: CfnResource): string {
  return String((resource.getMetadata('cdk-secure-clickhouse') as { role?: unknown } | undefined)?.role);
}

/** Our own cluster after somebody reached into it. */
function findings(damage: (resource: (type: string) => CfnResource, stack: Stack) => void): string[] {
  const stack = new Stack(new App(), 'Stack');
  const vpc = new ec2.Vpc(stack, 'Vpc', {
    natGateways: 0,
    flowLogs: { All: {} },
    subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
  });
  const cluster = new ClickHouseCluster(stack, 'Events', { vpc });
  damage((type) => {
    const ours = cluster.node.findAll().filter((each) => CfnResource.isCfnResource(each));
    const found = ours.find((each) => each.cfnResourceType === type && ['server', 'endpoint'].includes(roleOf(each)));
    if (found === undefined) throw new Error(`no ${type}`);
    return found;
  }, stack);
  return [...new Set(new ClickHouseChecks().validateScope(stack).violations.map((each) => each.ruleName))];
}

test('is in order', () => {
  expect(findings(() => undefined)).toEqual([]);
});

/** Somebody's load balancer for addresses. */
function front(stack: Stack, address: string, scheme?: string): void {
  const vpcId = 'vpc-1';
  const balancer = new elbv2.CfnLoadBalancer(stack, 'Front', { type: 'network', scheme, subnets: ['subnet-1'] });
  const targets = new elbv2.CfnTargetGroup(stack, 'Targets', { targetType: 'ip', port: 9440, protocol: 'TCP', vpcId, targets: [{ id: address }] });
  new elbv2.CfnListener(stack, 'Listener', { loadBalancerArn: balancer.ref, port: 9440, protocol: 'TCP', defaultActions: [{ type: 'forward', targetGroupArn: targets.ref }] });
}
const groupOf = (resource: (type: string) => CfnResource): string => (resource('AWS::EC2::NetworkInterface') as ec2.CfnNetworkInterface).groupSet?.[0] ?? '';
const addressOf = (resource: (type: string) => CfnResource): string => (resource('AWS::EC2::NetworkInterface') as ec2.CfnNetworkInterface).attrPrimaryPrivateIpAddress;

test("somebody's internal load balancer in front of it is in order", () => {
  expect(findings((resource, stack) => front(stack, addressOf(resource), 'internal'))).toEqual([]);
});

test.each<[string, Parameters<typeof findings>[0]]>([
  ['ClickHouse-UnencryptedStorage', (resource) => resource('AWS::EC2::Volume').addPropertyDeletionOverride('Encrypted')],
  ['ClickHouse-InstanceMetadataV1', (resource) => resource('AWS::EC2::LaunchTemplate').addPropertyOverride('LaunchTemplateData.MetadataOptions.HttpTokens', 'optional')],
  ['ClickHouse-PublicSubnet', (_, stack) => {
    for (const each of stack.node.findAll()) if (each instanceof ec2.CfnSubnet) each.addPropertyOverride('MapPublicIpOnLaunch', true);
  }],
  ['ClickHouse-PublicSubnet', (resource) => resource('AWS::ElasticLoadBalancingV2::LoadBalancer').addPropertyOverride('Scheme', 'internet-facing')],
  ['ClickHouse-PublicSubnet', (resource) => resource('AWS::ElasticLoadBalancingV2::LoadBalancer').addPropertyDeletionOverride('Scheme')],
  ['ClickHouse-PublicSubnet', (resource, stack) => front(stack, addressOf(resource))],
  ['ClickHouse-PublicSubnet', (resource, stack) => {
    const networkInterfaceId = resource('AWS::EC2::NetworkInterface').ref;
    new ec2.CfnEIPAssociation(stack, 'Address', { allocationId: 'eipalloc-1', networkInterfaceId });
  }],
  ['ClickHouse-PublicSubnet', (resource, stack) => {
    new ec2.CfnEIPAssociation(stack, 'Address', { allocationId: 'eipalloc-1', instanceId: 'i-1', privateIpAddress: addressOf(resource) });
  }],
  // the interface goes, and what is left starts in the default VPC, behind groups that nobody knows.
  ['ClickHouse-UnknownExposure ClickHouse-PublicSubnet', (resource) => resource('AWS::EC2::LaunchTemplate').addPropertyDeletionOverride('LaunchTemplateData.NetworkInterfaces')],
  ['ClickHouse-InstanceMetadataV1', (resource) => resource('AWS::EC2::LaunchTemplate').addPropertyOverride('LaunchTemplateData.MetadataOptions.HttpPutResponseHopLimit', 2)],
  ['ClickHouse-InstanceMetadataV1', (resource) => resource('AWS::EC2::LaunchTemplate').addPropertyDeletionOverride('LaunchTemplateData.MetadataOptions.HttpPutResponseHopLimit')],
  ['ClickHouse-OpenIngress ClickHouse-PlaintextPort', (resource, stack) => {
    new ec2.CfnSecurityGroupIngress(stack, 'Debug', { groupId: groupOf(resource), ipProtocol: 'tcp', fromPort: 8000, toPort: 9100, cidrIp: '0.0.0.0/0' });
  }],
  ['ClickHouse-OpenSsh', (resource, stack) => {
    new ec2.CfnSecurityGroupIngress(stack, 'Debug', { groupId: groupOf(resource), ipProtocol: 'tcp', fromPort: 22, toPort: 22, cidrIp: '52.0.0.0/6' });
  }],
  ['ClickHouse-InternalPortOutsideCluster ClickHouse-PlaintextPort', (resource, stack) => {
    new ec2.CfnSecurityGroupIngress(stack, 'Debug', { groupId: groupOf(resource), ipProtocol: 'tcp', fromPort: 9000, toPort: 9500, cidrIp: '10.0.0.0/16' });
  }],
  ['ClickHouse-PlaintextPort', (resource, stack) => {
    new ec2.CfnSecurityGroupIngress(stack, 'Debug', { groupId: groupOf(resource), ipProtocol: 'tcp', fromPort: 8123, toPort: 8123, sourceSecurityGroupId: 'sg-1' });
  }],
  ['ClickHouse-PlaintextPort', (_, stack) => {
    for (const each of stack.node.findAll()) if (each instanceof elbv2.CfnTargetGroup) each.addPropertyOverride('Port', 8123);
  }],
  ['ClickHouse-PlaintextPort', (resource) => resource('AWS::EC2::LaunchTemplate').addPropertyOverride('LaunchTemplateData.UserData', { 'Fn::Base64': "echo '<clickhouse><http_port>8123</http_port></clickhouse>' > /etc/clickhouse-server/config.d/a.xml" })],
  ['ClickHouse-WeakTls', (_, stack) => {
    for (const each of stack.node.findAll()) if (each instanceof elbv2.CfnListener) each.addPropertyOverride('Protocol', 'TLS');
  }],
  ['ClickHouse-WeakTls', (resource) => resource('AWS::EC2::LaunchTemplate').addPropertyOverride('LaunchTemplateData.UserData', { 'Fn::Base64': "echo '<openSSL><client><verificationMode>none</verificationMode></client></openSSL>' > /etc/clickhouse-server/config.d/a.xml" })],
  ['ClickHouse-UnrestrictedEgress', (resource, stack) => {
    new ec2.CfnSecurityGroupEgress(stack, 'Packages', { groupId: groupOf(resource), ipProtocol: 'tcp', fromPort: 443, toPort: 443, cidrIp: '0.0.0.0/0' });
  }],
  ['ClickHouse-NoFlowLogs', (_, stack) => {
    for (const each of stack.node.findAll()) if (each instanceof ec2.CfnFlowLog) each.addPropertyOverride('TrafficType', 'REJECT');
  }],
  ['ClickHouse-UnpinnedImage', (resource) => resource('AWS::EC2::LaunchTemplate').addPropertyOverride('LaunchTemplateData.UserData', { 'Fn::Base64': 'yum install -y clickhouse-server' })],
  ['ClickHouse-UnencryptedFileSystemTransit', (resource) => resource('AWS::EC2::LaunchTemplate').addPropertyOverride('LaunchTemplateData.UserData', { 'Fn::Base64': 'mount -t efs fs-0123456789abcdef0:/ /var/lib/clickhouse' })],
  ['ClickHouse-VulnerableVersion', (resource) => {
    const group = resource('AWS::AutoScaling::AutoScalingGroup');
    group.addMetadata('cdk-secure-clickhouse', { role: 'server', version: '26.8.36.2' });
  }],
])('%s after an override', (rule, damage) => {
  expect(findings(damage)).toEqual(rule.split(' '));
});
