// A process of the bench: an app of many machines behind groups and load balancers, of which every so many is a ClickHouse, and every
// second of these is open to the internet. Checked by our pack as CDK calls it, and by AwsSolutionsChecks beside it.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { IPolicyValidationContext, PolicyValidationPluginReport } from 'aws-cdk-lib';
import { App, CfnResource, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import { AwsSolutionsChecks } from 'cdk-nag';
import { ClickHouseChecks } from '../../lib/checks';

/** What to do, as JSON in the first argument. */
export interface ExposureTask {
  readonly resources: number;
  /** how many machines there are for each that is a ClickHouse. */
  readonly machines: number;
  readonly runs: number;
  /** whether AwsSolutionsChecks looks at it too. */
  readonly compare: boolean;
  /** where to write. */
  readonly folder: string;
}

/** What was measured. */
export interface ExposureTimes {
  readonly resources: number;
  /** milliseconds of each run, the first one cold. */
  readonly ours: readonly number[];
  readonly awsSolutions: readonly number[];
  /** the heap when our pack has run, in bytes, with the app itself in it. */
  readonly heap: number;
}

// of each ten resources: a machine, its group, a load balancer, its listener and target group, and five that are no network.
const BLOCK = 10;
const BLOCKS_IN_A_STACK = 40;

function build(app: App, resources: number, machines: number): Stack[] {
  const network = new Stack(app, 'Network');
  const vpc = new ec2.Vpc(network, 'Vpc', { maxAzs: 2, natGateways: 0, subnetConfiguration: [{ name: 'Public', subnetType: ec2.SubnetType.PUBLIC }, { name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] });
  const blocks = Math.floor(resources / BLOCK);
  const stacks = Array.from({ length: Math.ceil(blocks / BLOCKS_IN_A_STACK) }, (_, index) => new Stack(app, `Stack${index}`));
  for (let index = 0; index < blocks; index++) {
    const stack = stacks[Math.floor(index / BLOCKS_IN_A_STACK)];
    if (stack !== undefined) block(stack, vpc, index, index % machines === 0);
  }
  return [network, ...stacks];
}

function block(stack: Stack, vpc: ec2.Vpc, index: number, isClickHouse: boolean): void {
  const isPublic = Math.floor(index / 2) % 2 === 0;
  const [subnet] = isPublic ? vpc.publicSubnets : vpc.isolatedSubnets;
  const subnetId = subnet?.subnetId ?? '';
  const group = new ec2.CfnSecurityGroup(stack, `Group${index}`, {
    groupDescription: 'access',
    vpcId: vpc.vpcId,
    securityGroupIngress: [{ ipProtocol: 'tcp', fromPort: 8123, toPort: 8123, cidrIp: '0.0.0.0/0' }, { ipProtocol: 'tcp', fromPort: 9000, toPort: 9000, cidrIp: '10.0.0.0/16' }],
  });
  const machine = new ec2.CfnInstance(stack, `Machine${index}`, {
    imageId: 'ami-0123456789abcdef0',
    instanceType: 'm7g.large',
    userData: Buffer.from(`#!/bin/bash\nyum install -y ${isClickHouse ? 'clickhouse-server-26.8.36.3' : 'nginx'}\n`).toString('base64'),
    networkInterfaces: [{ deviceIndex: '0', subnetId, associatePublicIpAddress: isPublic, groupSet: [group.attrGroupId] }],
  });
  const front = new elbv2.CfnLoadBalancer(stack, `Front${index}`, { type: 'network', scheme: index % 8 === 2 ? 'internet-facing' : 'internal', subnets: [vpc.publicSubnets[0]?.subnetId ?? ''] });
  const targets = new elbv2.CfnTargetGroup(stack, `Targets${index}`, { targetType: 'instance', port: 8123, protocol: 'TCP', vpcId: vpc.vpcId, targets: [{ id: machine.ref }] });
  new elbv2.CfnListener(stack, `Listener${index}`, { loadBalancerArn: front.ref, port: 443, protocol: 'TCP', defaultActions: [{ type: 'forward', targetGroupArn: targets.ref }] });
  for (let topic = 0; topic < BLOCK / 2; topic++) new CfnResource(stack, `Topic${index}x${topic}`, { type: 'AWS::SNS::Topic', properties: { TopicName: `topic-${index}-${topic}` } });
}

function main({ resources, machines, runs, compare, folder }: ExposureTask): ExposureTimes {
  const outdir = join(folder, `exposure-${resources}-${machines}`);
  mkdirSync(outdir, { recursive: true });
  const app = new App({ outdir, builtinCloudFormationValidation: false, analyticsReporting: false, treeMetadata: false });
  const stacks = build(app, resources, machines);
  app.synth();
  const stackTemplates = stacks.map((stack) => ({ templatePath: join(outdir, stack.templateFile), stackConstructPath: stack.node.path, accountId: stack.account, region: stack.region }));
  const context: IPolicyValidationContext = { appConstruct: app, templatePaths: stackTemplates.map(({ templatePath }) => templatePath), stackTemplates };
  const measure = (pack: { validate(of: IPolicyValidationContext): PolicyValidationPluginReport }, least: number): number[] =>
    Array.from({ length: runs }, () => {
      global.gc?.();
      const start = performance.now();
      const { violations } = pack.validate(context);
      const ms = performance.now() - start;
      // a check that gives up is fast.
      if (violations.flatMap(({ violatingResources }) => violatingResources).length < least) throw new Error('the pack found less than there is to find');
      return ms;
    });
  const ours = measure(new ClickHouseChecks(app), Math.floor(resources / BLOCK / machines / 4));
  const heap = process.memoryUsage().heapUsed;
  return { resources, ours, heap, awsSolutions: compare ? measure(new AwsSolutionsChecks(app), resources / BLOCK) : [] };
}

console.log(JSON.stringify(main(JSON.parse(process.argv[2] ?? '{}') as ExposureTask)));
