import type { CfnResource } from 'aws-cdk-lib';
import { App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { ClickHouseChecks, ClickHouseCluster } from '../../lib';

process.env.CDK_VALIDATION = 'false';

/** Our own cluster after somebody reached into it. */
function findings(damage: (resource: (type: string) => CfnResource, stack: Stack) => void): string[] {
  const stack = new Stack(new App(), 'Stack');
  const vpc = new ec2.Vpc(stack, 'Vpc', {
    natGateways: 0,
    subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }],
  });
  const cluster = new ClickHouseCluster(stack, 'Events', { vpc });
  damage((type) => {
    const found = cluster.node.findAll().find((each) => (each as Partial<CfnResource>).cfnResourceType === type && each.node.path.includes('Server'));
    if (found === undefined) throw new Error(`no ${type}`);
    return found as CfnResource;
  }, stack);
  return [...new Set(new ClickHouseChecks().validateScope(stack).violations.map((each) => each.ruleName))];
}

test('is in order', () => {
  expect(findings(() => undefined)).toEqual([]);
});

test.each<[string, Parameters<typeof findings>[0]]>([
  ['ClickHouse-UnencryptedStorage', (resource) => resource('AWS::EC2::Volume').addPropertyDeletionOverride('Encrypted')],
  ['ClickHouse-InstanceMetadataV1', (resource) => resource('AWS::EC2::LaunchTemplate').addPropertyOverride('LaunchTemplateData.MetadataOptions.HttpTokens', 'optional')],
  ['ClickHouse-PublicSubnet', (_, stack) => {
    for (const each of stack.node.findAll()) if (each instanceof ec2.CfnSubnet) each.addPropertyOverride('MapPublicIpOnLaunch', true);
  }],
  ['ClickHouse-OpenIngress', (resource, stack) => {
    const [groupId] = (resource('AWS::EC2::NetworkInterface') as ec2.CfnNetworkInterface).groupSet ?? [];
    new ec2.CfnSecurityGroupIngress(stack, 'Debug', { groupId, ipProtocol: 'tcp', fromPort: 0, toPort: 65535, cidrIp: '0.0.0.0/0' });
  }],
  ['ClickHouse-VulnerableVersion', (resource) => {
    const group = resource('AWS::AutoScaling::AutoScalingGroup');
    group.addMetadata('cdk-secure-clickhouse', { role: 'server', version: '26.8.36.2' });
  }],
])('%s after an override', (rule, damage) => {
  expect(findings(damage)).toEqual([rule]);
});
