import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, CfnResource, Stack, Stage, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import type { Construct } from 'constructs';
import { ClickHouseChecks, ClickHouseCluster } from '../../lib';
import { publicExposure } from '../../lib/checks/rules/public-exposure';

process.env.CDK_VALIDATION = 'false';

const folders: string[] = [];
afterAll(() => folders.forEach((each) => rmSync(each, { recursive: true, force: true })));
afterEach(() => jest.restoreAllMocks());

interface Opened {
  readonly cluster: ClickHouseCluster;
  readonly vpc: ec2.Vpc;
  readonly stack: Stack;
  /** resources of the cluster. */
  readonly ours: (type: string) => CfnResource[];
}

/** A cluster in a network that has public subnets as well. */
function cluster(scope: Construct, id = 'Events', vpc?: ec2.Vpc): Opened {
  const stack = Stack.of(scope);
  const network = vpc ?? new ec2.Vpc(stack, 'Vpc', { maxAzs: 3, natGateways: 0, subnetConfiguration: [{ name: 'Public', subnetType: ec2.SubnetType.PUBLIC }, { name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] });
  const made = new ClickHouseCluster(scope, id, { vpc: network, replicas: 1 });
  return { cluster: made, vpc: network, stack, ours: (type) => made.node.findAll().filter((each) => CfnResource.isCfnResource(each)).filter((each) => each.cfnResourceType === type) };
}

/** Synthesises without anybody's pack unless the app registers one, and gives back what the report says. */
function findings(build: (app: App) => void): string[] {
  const outdir = mkdtempSync(join(tmpdir(), 'guard-'));
  folders.push(outdir);
  const app = new App({ outdir });
  build(app);
  jest.spyOn(console, 'error').mockReturnValue(undefined);
  let failed = false;
  try {
    app.synth();
  } catch {
    failed = true;
  } finally {
    process.exitCode = undefined;
  }
  const { pluginReports } = JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8')) as { pluginReports: Array<{ pluginName: string; violations: Array<{ ruleName: string; severity: string }> }> };
  const all = pluginReports.flatMap(({ pluginName, violations }) => violations.filter(({ severity }) => severity !== 'warning').map(({ ruleName, severity }) => `${pluginName} ${severity} ${ruleName}`));
  expect(failed).toBe(all.length > 0);
  return all;
}

const FATAL = 'ClickHouseGuard fatal ClickHouse-PublicExposure';

/** What nobody can do by a property of ours: give the nodes public addresses in public subnets. */
function intoPublicSubnets({ ours, vpc }: Opened): void {
  const subnets = vpc.publicSubnets.map(({ subnetId }) => subnetId);
  for (const [index, each] of ours('AWS::EC2::NetworkInterface').entries()) each.addPropertyOverride('SubnetId', subnets[index % subnets.length]);
}

function withAddress(opened: Opened): void {
  intoPublicSubnets(opened);
  for (const [index, each] of opened.ours('AWS::EC2::NetworkInterface').entries()) new ec2.CfnEIPAssociation(opened.stack, `Address${index}`, { allocationId: `eipalloc-${index}`, networkInterfaceId: each.ref });
}

function publicBalancer({ vpc, ours, stack }: Opened, scheme = 'internet-facing'): void {
  const [card] = ours('AWS::EC2::NetworkInterface') as ec2.CfnNetworkInterface[];
  const front = new elbv2.CfnLoadBalancer(stack, 'Front', { type: 'network', scheme, subnets: vpc.publicSubnets.map(({ subnetId }) => subnetId) });
  const targets = new elbv2.CfnTargetGroup(stack, 'Targets', { targetType: 'ip', port: 9440, protocol: 'TCP', vpcId: vpc.vpcId, targets: [{ id: card?.attrPrimaryPrivateIpAddress ?? '' }] });
  new elbv2.CfnListener(stack, 'Listener', { loadBalancerArn: front.ref, port: 9440, protocol: 'TCP', defaultActions: [{ type: 'forward', targetGroupArn: targets.ref }] });
}

test('a cluster that is in order passes', () => {
  expect(findings((app) => void cluster(new Stack(app, 'Stack')))).toEqual([]);
});

describe('an app that imports only the construct and opens it does not synthesise', () => {
  test.each<[string, (opened: Opened) => void]>([
    ['by the API of its security groups, with addresses', (opened) => {
      withAddress(opened);
      opened.cluster.nodeConnections.allowFromAnyIpv4(ec2.Port.tcp(9440));
    }],
    ['by a resource in its group', (opened) => {
      withAddress(opened);
      const [group] = opened.cluster.nodeConnections.securityGroups;
      new ec2.CfnSecurityGroupIngress(opened.stack, 'Open', { groupId: group?.securityGroupId, ipProtocol: '-1', cidrIp: '0.0.0.0/0' });
    }],
    ['by an override of its group', (opened) => {
      withAddress(opened);
      for (const each of opened.ours('AWS::EC2::SecurityGroup')) each.addPropertyOverride('SecurityGroupIngress', [{ IpProtocol: 'tcp', FromPort: 0, ToPort: 65535, CidrIp: '0.0.0.0/0' }]);
    }],
    ['by a peer stack', (opened) => {
      withAddress(opened);
      const [group] = opened.cluster.nodeConnections.securityGroups;
      const peer = new Stack(App.of(opened.stack), 'Peer');
      new ec2.CfnSecurityGroupIngress(peer, 'Open', { groupId: group?.securityGroupId, ipProtocol: 'tcp', fromPort: 8443, toPort: 8443, cidrIp: '128.0.0.0/1' });
    }],
    ['by a load balancer for addresses that its group admits', (opened) => {
      publicBalancer(opened);
      opened.cluster.nodeConnections.allowFrom(ec2.Peer.ipv4(opened.vpc.vpcCidrBlock), ec2.Port.tcp(9440));
    }],
    ['by the scheme of its own load balancer', (opened) => {
      const [balancer] = opened.ours('AWS::ElasticLoadBalancingV2::LoadBalancer');
      balancer?.addPropertyOverride('Scheme', 'internet-facing');
      balancer?.addPropertyOverride('Subnets', opened.vpc.publicSubnets.map(({ subnetId }) => subnetId));
      opened.cluster.connections.allowDefaultPortFromAnyIpv4();
    }],
    ['by a public route of its subnets', (opened) => {
      const cards = opened.ours('AWS::EC2::NetworkInterface');
      cards.forEach((each, index) => new ec2.CfnEIPAssociation(opened.stack, `Address${index}`, { allocationId: `eipalloc-${index}`, networkInterfaceId: each.ref }));
      opened.vpc.isolatedSubnets.forEach((each, index) => new ec2.CfnRoute(opened.stack, `Out${index}`, { routeTableId: each.routeTable.routeTableId, destinationCidrBlock: '0.0.0.0/0', gatewayId: opened.vpc.internetGatewayId }));
      opened.cluster.nodeConnections.allowFromAnyIpv4(ec2.Port.tcp(9440));
    }],
  ])('%s', (_, open) => {
    expect(findings((app) => open(cluster(new Stack(app, 'Stack'))))).toEqual([FATAL]);
  });

  test.each<[string, (opened: Opened) => void]>([
    ['addresses alone', withAddress],
    ['rules alone', ({ cluster: made }) => made.nodeConnections.allowFromAnyIpv4(ec2.Port.tcp(9440))],
    ['an internal load balancer', (opened) => {
      publicBalancer(opened, 'internal');
      opened.cluster.nodeConnections.allowFrom(ec2.Peer.ipv4(opened.vpc.vpcCidrBlock), ec2.Port.tcp(9440));
    }],
  ])('while %s are no exposure', (_, open) => {
    expect(findings((app) => open(cluster(new Stack(app, 'Stack'))))).toEqual([]);
  });
});

const opened = (scope: Construct): void => {
  const found = cluster(scope);
  withAddress(found);
  found.cluster.nodeConnections.allowFromAnyIpv4(ec2.Port.tcp(9440));
};

test('once for a stage, whatever the number of clusters', () => {
  expect(
    findings((app) => {
      const stack = new Stack(app, 'Stack');
      const first = cluster(stack);
      cluster(stack, 'Logs', first.vpc);
      withAddress(first);
      first.cluster.nodeConnections.allowFromAnyIpv4(ec2.Port.tcp(9440));
    }),
  ).toEqual([FATAL]);
});

test('in a stage of its own', () => {
  expect(findings((app) => opened(new Stack(new Stage(app, 'Production'), 'Stack')))).toEqual([FATAL]);
});

test("the user's own pack is not doubled", () => {
  const all = findings((app) => {
    opened(new Stack(app, 'Stack'));
    Validations.of(app).addPlugins(new ClickHouseChecks(app));
  });
  expect(all.filter((each) => each.endsWith('PublicExposure'))).toEqual(['ClickHouse fatal ClickHouse-PublicExposure']);
});

test('a pack that somebody weakened does not stand in for it', () => {
  class Blind extends ClickHouseChecks {
    public override validate(): ReturnType<ClickHouseChecks['validate']> {
      return { success: true, violations: [] };
    }
  }
  const all = findings((app) => {
    opened(new Stack(app, 'Stack'));
    Validations.of(app).addPlugins(new Blind(app));
  });
  expect(all).toEqual([FATAL]);
});

test('an acknowledgement does not silence it', () => {
  const all = findings((app) => {
    opened(new Stack(app, 'Stack'));
    for (const id of ['ClickHouseGuard::ClickHouse-PublicExposure', 'ClickHouse::ClickHouse-PublicExposure', 'ClickHouse-PublicExposure']) Validations.of(app).acknowledge({ id, reason: 'tried' });
  });
  expect(all).toEqual([FATAL]);
});

test('a guard that crashes fails the synthesis', () => {
  jest.spyOn(publicExposure, 'check').mockImplementation(() => {
    throw new Error('out of order');
  });
  expect(findings((app) => void cluster(new Stack(app, 'Stack')))).toEqual(['ClickHouseGuard fatal ClickHouse-CheckFailed']);
});
