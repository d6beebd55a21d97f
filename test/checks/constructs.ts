import type { CfnResource } from 'aws-cdk-lib';
import { App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { ClickHouseChecks } from '../../lib/checks';

// CDK's own validator costs seconds a process and is not what is tested here.
process.env.CDK_VALIDATION = 'false';

/** Somebody's ClickHouse, made of constructs of the CDK. */
export interface Database {
  readonly vpc: ec2.Vpc;
  readonly securityGroup: ec2.SecurityGroup;
  readonly server: ec2.Instance;
}

/** A ClickHouse with nothing wrong about it, whose port for HTTPS is open to a peer. */
export function database(scope: Construct, peer: ec2.IPeer = ec2.Peer.ipv4('10.0.0.0/16')): Database {
  const vpc = new ec2.Vpc(scope, 'Vpc', { maxAzs: 1, natGateways: 0, flowLogs: { All: {} }, subnetConfiguration: [{ name: 'Private', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] });
  const securityGroup = new ec2.SecurityGroup(scope, 'Access', { vpc, allowAllOutbound: false });
  securityGroup.addIngressRule(peer, ec2.Port.tcp(8443));
  const server = new ec2.Instance(scope, 'Server', {
    vpc,
    vpcSubnets: { subnetType: ec2.SubnetType.PRIVATE_ISOLATED },
    instanceType: new ec2.InstanceType('t4g.large'),
    machineImage: ec2.MachineImage.latestAmazonLinux2023({ cpuType: ec2.AmazonLinuxCpuType.ARM_64 }),
    securityGroup,
    userData: ec2.UserData.custom('yum install -y clickhouse-server-26.8.36.3'),
    httpTokens: ec2.HttpTokens.REQUIRED,
    blockDevices: [{ deviceName: '/dev/xvda', volume: ec2.BlockDeviceVolume.ebs(10, { encrypted: true }) }],
  });
  return { vpc, securityGroup, server };
}

/** The CloudFormation resource of a construct, for overriding what it says. */
export function cfn(construct: Construct): CfnResource {
  return construct.node.defaultChild as CfnResource;
}

/** What the pack, or one rule of it, says of a stack, as `<severity>: <rule> on <construct>`. */
export function judged(build: (stack: Stack) => void, ruleId?: string): string[] {
  const stack = new Stack(new App(), 'Stack');
  build(stack);
  const { violations } = new ClickHouseChecks().validateScope(stack);
  return violations.filter((each) => ruleId === undefined || each.ruleName === ruleId).flatMap((each) => each.violatingResources.map((resource) => `${each.severity}: ${each.ruleName} on ${resource.constructPath}`));
}
