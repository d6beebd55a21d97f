import { Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import { PORTS } from '../config/ports';

/** What {@link ClusterSecurityGroups} needs to know. */
export interface ClusterSecurityGroupsProps {
  readonly vpc: ec2.IVpc;
  /** the AWS-managed prefix list of S3 in this region. */
  readonly s3PrefixListId: string;
  /** where the interface endpoints of AWS services are. */
  readonly serviceNetworks: readonly string[];
  /** whether there are Keepers to talk to. */
  readonly keepers: boolean;
}

/**
 * Who may talk to whom.
 *
 * Clients reach the endpoint's group, the endpoint reaches the nodes' group, nodes reach each other, and nothing else comes in.
 * What comes in is always named by its group, never by addresses, so a review of the template shows the whole perimeter.
 */
export class ClusterSecurityGroups extends Construct {
  /** the group of the load balancer; clients are admitted here. */
  public readonly endpoint: ec2.ISecurityGroup;
  /** the group of every node. */
  public readonly nodes: ec2.ISecurityGroup;

  constructor(scope: Construct, id: string, props: ClusterSecurityGroupsProps) {
    super(scope, id);
    this.endpoint = new ec2.SecurityGroup(this, 'Endpoint', {
      vpc: props.vpc,
      description: 'ClickHouse endpoint: clients connect here, over TLS only',
      allowAllOutbound: false,
    });
    this.nodes = new ec2.SecurityGroup(this, 'Nodes', {
      vpc: props.vpc,
      description: 'ClickHouse nodes: reached from the endpoint and from each other only',
      allowAllOutbound: false,
    });
    for (const port of [PORTS.https, PORTS.native]) {
      // with a group on the load balancer, a rule that names the group admits both its health checks and the connections it passes
      // on with the client's address (https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html).
      this.nodes.connections.allowFrom(this.endpoint, ec2.Port.tcp(port), 'the endpoint passes clients on');
    }
    const internal: Record<string, number> = { 'distributed queries': PORTS.native, replication: PORTS.interserver };
    if (props.keepers) Object.assign(internal, { 'servers to Keepers': PORTS.keeper, 'Keepers among themselves': PORTS.raft });
    for (const [why, port] of Object.entries(internal)) this.nodes.connections.allowInternally(ec2.Port.tcp(port), why);
    // artefacts and operating system packages come from S3 through the gateway endpoint.
    this.nodes.addEgressRule(ec2.Peer.prefixList(props.s3PrefixListId), ec2.Port.tcp(443), 'S3 through the gateway endpoint');
    for (const network of props.serviceNetworks) {
      const peer = network.includes(':') && !Token.isUnresolved(network) ? ec2.Peer.ipv6(network) : ec2.Peer.ipv4(network);
      this.nodes.addEgressRule(peer, ec2.Port.tcp(443), 'AWS services through interface endpoints');
    }
  }
}
