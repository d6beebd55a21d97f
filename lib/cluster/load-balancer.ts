import { Duration } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { LoadBalancerTarget } from 'aws-cdk-lib/aws-route53-targets';
import type { CfnResource } from 'aws-cdk-lib';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge';
import { PORTS } from '../config/ports';
import { METADATA_CLICKHOUSE } from '../metadata';

/** What {@link LoadBalancer} needs to know. */
export interface LoadBalancerProps {
  readonly vpc: ec2.IVpc;
  readonly subnets: ec2.SubnetSelection;
  readonly securityGroup: ec2.ISecurityGroup;
  readonly zone: route53.IPrivateHostedZone;
  readonly zoneName: string;
  readonly crossZone: boolean;
}

/**
 * The internal load balancer that clients connect to.
 *
 * TCP pass-through: TLS ends on the node, which also sees the client's own address and holds it against the user's networks.
 */
export class LoadBalancer extends Construct {
  public readonly targetGroupArns: readonly string[];

  constructor(scope: Construct, id: string, props: LoadBalancerProps) {
    super(scope, id);
    const balancer = new elbv2.NetworkLoadBalancer(this, 'Resource', {
      vpc: props.vpc,
      vpcSubnets: props.subnets,
      internetFacing: false,
      securityGroups: [props.securityGroup],
      // PrivateLink clients are held to the same group.
      enforceSecurityGroupInboundRulesOnPrivateLinkTraffic: true,
      crossZoneEnabled: props.crossZone,
    });
    (balancer.node.defaultChild as CfnResource).addMetadata(METADATA_CLICKHOUSE, { role: 'endpoint' });
    acknowledge(
      balancer,
      'AwsSolutions-ELB2',
      'a network load balancer writes access logs for TLS listeners only, and TLS ends on the nodes (https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-access-logs.html); connections are in the VPC flow logs and logins in ClickHouse session_log',
    );
    const ports = { Https: PORTS.https, Native: PORTS.native };
    this.targetGroupArns = Object.entries(ports).map(([name, port]) => {
      const group = new elbv2.NetworkTargetGroup(this, `${name}Targets`, {
        vpc: props.vpc,
        port,
        protocol: elbv2.Protocol.TCP,
        targetType: elbv2.TargetType.INSTANCE,
        preserveClientIp: true,
        deregistrationDelay: Duration.minutes(5),
        // a health check does not verify certificates, and it needs TLS 1.2, which the nodes offer beside 1.3
        // (https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html).
        healthCheck: { protocol: elbv2.Protocol.HTTPS, port: String(PORTS.https), path: '/ping', interval: Duration.seconds(10) },
      });
      balancer.addListener(name, { port, protocol: elbv2.Protocol.TCP, defaultTargetGroups: [group] });
      return group.targetGroupArn;
    });
    new route53.ARecord(this, 'Name', {
      zone: props.zone,
      recordName: `${props.zoneName}.`,
      target: route53.RecordTarget.fromAlias(new LoadBalancerTarget(balancer)),
    });
  }
}
