import { Stack, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { REPORTS } from '../config/report';
import { ConstructError } from '../error';
import { clientNetworks } from './client-networks';
import { onePerZone, privateSubnets } from './subnets';

/**
 * The AWS services that nodes and the functions beside them call.
 *
 * AWS KMS is not among them: it is used through the services that encrypt, which reach it by themselves
 * (https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html#conditions-kms-via-service). Neither is `ec2messages`,
 * which the agent of Systems Manager no longer needs (https://docs.aws.amazon.com/systems-manager/latest/userguide/setup-create-vpc.html).
 */
export enum ClickHouseVpcService {
  /** Amazon S3, through a gateway: artefacts of the cluster and packages of the operating system. */
  S3 = 'S3',

  /** Amazon EC2 Auto Scaling: a node that is about to be terminated says that it has drained. */
  AUTO_SCALING = 'AUTO_SCALING',

  /** AWS CloudFormation: a node signals that it serves, and asks which group it is in. */
  CLOUDFORMATION = 'CLOUDFORMATION',

  /** Amazon EC2: a node attaches its data volume. */
  EC2 = 'EC2',

  /** Amazon CloudWatch Logs. */
  LOGS = 'LOGS',

  /** AWS Secrets Manager: passwords and certificates, and the rotation of passwords. */
  SECRETS_MANAGER = 'SECRETS_MANAGER',

  /** AWS Systems Manager: which live manifest to run, and being told to look. */
  SSM = 'SSM',

  /** Session Manager: the only way onto a node. */
  SSM_MESSAGES = 'SSM_MESSAGES',
}

/** Properties of {@link ClickHouseVpcEndpoints}. */
export interface ClickHouseVpcEndpointsProps {
  /** The VPC. It has one set, whatever the number of clusters in it. */
  readonly vpc: ec2.IVpc;

  /**
   * The subnets for the interface endpoints; at most one in each zone is used. Public subnets are refused.
   *
   * @default - the isolated subnets of the VPC, or its private ones if it has none
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * The subnets whose route tables lead to the gateway endpoint of S3. Everything in them reaches S3 through it, and no further than
   * its policy allows.
   *
   * @default - `vpcSubnets`
   */
  readonly s3Subnets?: ec2.SubnetSelection[];

  /**
   * The buckets that may be reached besides the package repositories of Amazon Linux: those of the clusters, and those that packages of
   * ClickHouse lie in. A bucket of another stack that uses this VPC would make the two stacks depend on each other.
   *
   * @default - every bucket of this account
   */
  readonly buckets?: IBucket[];

  /**
   * Services that are left out because the VPC has an endpoint for them, or a way to them, already.
   *
   * @default - none
   */
  readonly existingServices?: ClickHouseVpcService[];

  /**
   * Private address ranges that are admitted, besides what `allowFrom` admits. Security groups are the better choice.
   *
   * @default - none
   */
  readonly clientCidrs?: string[];
}

/**
 * What nodes need to work without any route to the internet: endpoints of exactly the AWS services they call.
 *
 * The interface endpoints admit nobody but the security groups given to `allowFrom`, and each endpoint's policy allows what nodes do
 * and nothing else, with identities of this account only. A stolen node can so neither reach another service nor carry data to another
 * account.
 *
 * Names of AWS services resolve to these endpoints in the whole VPC. Where other workloads call the same services, admit them and widen
 * the policy with `addToPolicy`, or leave the service out.
 *
 * @see https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-access.html
 */
export class ClickHouseVpcEndpoints extends Construct implements ec2.IConnectable {
  /** The security group of the interface endpoints; its default port is 443. */
  public readonly connections: ec2.Connections;

  private readonly endpoints = new Map<ClickHouseVpcService, ec2.VpcEndpoint>();
  private readonly vpcIdentity: string;

  /** Whether every service has its endpoint here, so that nodes need to reach nothing else. */
  public readonly complete: boolean;

  constructor(scope: Construct, id: string, props: ClickHouseVpcEndpointsProps) {
    super(scope, id);
    // everything that can be refused is refused before anything is defined.
    const { vpc } = props;
    const subnets = privateSubnets(this, vpc, props.vpcSubnets);
    // a VPC that is being looked up has the id of every other such VPC.
    this.vpcIdentity = Token.isUnresolved(vpc.vpcId) || subnets.isPendingLookup ? vpc.node.path : vpc.vpcId;
    this.refuseSecondSet();
    const left = new Set(props.existingServices);
    this.complete = left.size === 0;
    const services = Object.values(ClickHouseVpcService).filter((service) => !left.has(service));
    if (services.length === 0) throw new ConstructError('NoEndpoints', "'existingServices' leaves nothing to define, wanted at least one service that the VPC lacks; remove this construct", this);
    this.refuseWithoutDns(vpc, services);
    for (const service of services) this.refuseExisting(vpc, service);
    const clients = props.clientCidrs === undefined || props.clientCidrs.length === 0 ? [] : clientNetworks(this, vpc, props.clientCidrs);
    if (props.buckets?.length === 0) throw new ConstructError('NoBuckets', "'buckets' must name at least one bucket, got none; leave it out for every bucket of this account", this);

    const securityGroup = new ec2.SecurityGroup(this, 'SecurityGroup', {
      vpc,
      description: 'AWS services that ClickHouse nodes call: reached by who is admitted, and calling nobody',
      allowAllOutbound: false,
    });
    this.connections = new ec2.Connections({ securityGroups: [securityGroup], defaultPort: ec2.Port.tcp(443) });
    for (const cidr of clients) {
      const peer = cidr.includes(':') && !Token.isUnresolved(cidr) ? ec2.Peer.ipv6(cidr) : ec2.Peer.ipv4(cidr);
      this.connections.allowDefaultPortFrom(peer, 'a private range that was given');
    }
    // aws-cdk-lib takes subnets that are listed as they are, and EC2 refuses two in one zone.
    const zones = onePerZone(this, subnets.subnets);
    for (const service of services) {
      const endpoint =
        service === ClickHouseVpcService.S3
          ? this.gateway(vpc, props.s3Subnets ?? [{ subnets: subnets.subnets }])
          : new ec2.InterfaceVpcEndpoint(this, pascalCase(service), {
              vpc,
              service: interfaceService(service),
              subnets: { subnets: zones },
              securityGroups: [securityGroup],
              privateDnsEnabled: true,
              open: false,
            });
      for (const statement of statementsFor(service, Stack.of(this), props.buckets)) endpoint.addToPolicy(statement);
      this.endpoints.set(service, endpoint);
    }
  }

  /**
   * Admits a client, and lets it out to the endpoints.
   *
   * The rules are defined where the client is, so a client in a stack that uses this VPC works.
   */
  public allowFrom(client: ec2.IConnectable): void {
    client.connections.allowToDefaultPort(this, 'AWS services through interface endpoints');
  }

  /** Allows more through the endpoint of a service, for other workloads in this VPC. The statement needs a principal. */
  public addToPolicy(service: ClickHouseVpcService, statement: iam.PolicyStatement): void {
    const endpoint = this.endpoints.get(service);
    if (endpoint === undefined) throw new ConstructError('NoEndpoint', `${service} is among 'existingServices', so its endpoint is defined elsewhere; change its policy there`, this);
    endpoint.addToPolicy(statement);
  }

  private gateway(vpc: ec2.IVpc, selections: readonly ec2.SubnetSelection[]): ec2.GatewayVpcEndpoint {
    const subnets = selections.flatMap((selection) => vpc.selectSubnets(selection).subnets);
    // an imported subnet that was not told its route table has none, or one without an id.
    if (!subnets.some(hasRouteTable)) {
      throw new ConstructError(
        'NoRouteTables',
        "the gateway endpoint of S3 needs the route tables of the subnets, got subnets that do not say theirs; give 'isolatedSubnetRouteTableIds' or 'privateSubnetRouteTableIds' to " +
          "Vpc.fromVpcAttributes, or put ClickHouseVpcService.S3 into 'existingServices'",
        this,
      );
    }
    return new ec2.GatewayVpcEndpoint(this, 'S3', { vpc, service: ec2.GatewayVpcEndpointAwsService.S3, subnets: [{ subnets }] });
  }

  /** Two endpoints of one service would claim the same private names, which EC2 refuses late, in the middle of a deployment. */
  private refuseSecondSet(): void {
    const other = this.node.root.node.findAll().find((each) => each instanceof ClickHouseVpcEndpoints && each !== this && each.vpcIdentity === this.vpcIdentity);
    if (other === undefined) return;
    throw new ConstructError('SecondSet', `a VPC has one ClickHouseVpcEndpoints, got a second beside ${other.node.path}; use that one for every cluster in this VPC`, this);
  }

  /** The same for an endpoint that was added to the VPC itself. */
  private refuseExisting(vpc: ec2.IVpc, service: ClickHouseVpcService): void {
    const wanted = service === ClickHouseVpcService.S3 ? ec2.GatewayVpcEndpointAwsService.S3.name : interfaceService(service).name;
    const rendered = (name: string): string => JSON.stringify(Stack.of(this).resolve(name));
    const existing = vpc.node.findAll().find((each) => each instanceof ec2.CfnVPCEndpoint && each.serviceName !== undefined && rendered(each.serviceName) === rendered(wanted));
    if (existing === undefined) return;
    throw new ConstructError('ExistingEndpoint', `the VPC has an endpoint for ${service} already, ${existing.node.path}; remove it, or put ClickHouseVpcService.${service} into 'existingServices'`, this);
  }

  // https://docs.aws.amazon.com/vpc/latest/privatelink/privatelink-access-aws-services.html#interface-endpoint-private-dns
  private refuseWithoutDns(vpc: ec2.IVpc, services: readonly ClickHouseVpcService[]): void {
    if (!(vpc instanceof ec2.Vpc) || (vpc.dnsHostnamesEnabled && vpc.dnsSupportEnabled) || services.every((service) => service === ClickHouseVpcService.S3)) return;
    throw new ConstructError('NoPrivateDns', "private names of AWS services need 'enableDnsHostnames' and 'enableDnsSupport' of the VPC, got one of them off; turn both on", this);
  }
}

function interfaceService(service: Exclude<ClickHouseVpcService, ClickHouseVpcService.S3>): ec2.InterfaceVpcEndpointAwsService {
  switch (service) {
    case ClickHouseVpcService.AUTO_SCALING:
      return ec2.InterfaceVpcEndpointAwsService.AUTOSCALING;
    case ClickHouseVpcService.CLOUDFORMATION:
      return ec2.InterfaceVpcEndpointAwsService.CLOUDFORMATION;
    case ClickHouseVpcService.EC2:
      return ec2.InterfaceVpcEndpointAwsService.EC2;
    case ClickHouseVpcService.LOGS:
      return ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS;
    case ClickHouseVpcService.SECRETS_MANAGER:
      return ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER;
    case ClickHouseVpcService.SSM:
      return ec2.InterfaceVpcEndpointAwsService.SSM;
    case ClickHouseVpcService.SSM_MESSAGES:
      return ec2.InterfaceVpcEndpointAwsService.SSM_MESSAGES;
  }
}

/**
 * What may pass an endpoint: what nodes do, as identities of this account, to what belongs to this account.
 *
 * Where the resource's ARN has an account, the ARN says so; calls without a resource act in the caller's account. Only buckets have no
 * account in their ARN.
 */
function statementsFor(service: ClickHouseVpcService, stack: Stack, buckets?: readonly IBucket[]): iam.PolicyStatement[] {
  const { account, region, partition } = stack;
  const here = (name: string, resource: string): string => `arn:${partition}:${name}:${region}:${account}:${resource}`;
  // always in the request (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalaccount).
  const own = { 'aws:PrincipalAccount': account };
  const allow = (actions: string[], resources: string[], equals: Record<string, string> = own): iam.PolicyStatement =>
    new iam.PolicyStatement({ principals: [new iam.AnyPrincipal()], actions, resources, conditions: Object.keys(equals).length > 0 ? { StringEquals: equals } : undefined });
  switch (service) {
    case ClickHouseVpcService.S3: {
      const objects = (pattern: string): string[] => buckets?.map((bucket) => bucket.arnForObjects(pattern)) ?? [`arn:${partition}:s3:::*/${pattern}`];
      const ours = { ...own, 'aws:ResourceAccount': account };
      return [
        // dnf does not sign its requests, so there is no principal to ask about
        // (https://github.com/aws-samples/data-perimeter-policy-examples/blob/main/service_owned_resources.md).
        allow(['s3:GetObject'], [`arn:${partition}:s3:::al2023-repos-${region}-de612dc2/*`], {}),
        allow(['s3:GetObject'], objects('*'), ours),
        allow(['s3:PutObject'], objects(`${REPORTS}*`), ours),
      ];
    }
    case ClickHouseVpcService.AUTO_SCALING:
      // https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-vpc-endpoints.html
      return [allow(['autoscaling:CompleteLifecycleAction'], [here('autoscaling', 'autoScalingGroup:*')])];
    case ClickHouseVpcService.CLOUDFORMATION:
      return [allow(['cloudformation:SignalResource', 'cloudformation:DescribeStackResource'], [here('cloudformation', 'stack/*')])];
    case ClickHouseVpcService.EC2:
      // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/interface-vpc-endpoints.html; describing takes no resource.
      return [allow(['ec2:AttachVolume'], [here('ec2', 'volume/*'), here('ec2', 'instance/*')]), allow(['ec2:DescribeVolumes'], ['*'])];
    case ClickHouseVpcService.LOGS:
      // https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch-logs-and-interface-VPC.html
      return [allow(['logs:CreateLogStream', 'logs:PutLogEvents'], [here('logs', 'log-group:*')])];
    case ClickHouseVpcService.SECRETS_MANAGER:
      // https://docs.aws.amazon.com/secretsmanager/latest/userguide/vpc-endpoint-overview.html
      return [
        allow(['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret', 'secretsmanager:PutSecretValue', 'secretsmanager:UpdateSecretVersionStage'], [here('secretsmanager', 'secret:*')]),
        allow(['secretsmanager:GetRandomPassword'], ['*']),
      ];
    case ClickHouseVpcService.SSM:
      // https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html
      return [
        allow(['ssm:GetParameter'], [here('ssm', 'parameter/*')]),
        allow(['ssm:UpdateInstanceInformation'], ['*']),
        // rotation tells nodes to look at their secrets.
        allow(['ssm:SendCommand'], [here('ssm', 'document/*'), here('ec2', 'instance/*')]),
      ];
    case ClickHouseVpcService.SSM_MESSAGES:
      return [
        allow(['ssmmessages:CreateControlChannel', 'ssmmessages:CreateDataChannel', 'ssmmessages:OpenControlChannel', 'ssmmessages:OpenDataChannel'], ['*']),
      ];
  }
}

function hasRouteTable(subnet: ec2.ISubnet): boolean {
  // the declared type does not know an imported subnet without one.
  const table = subnet.routeTable as { readonly routeTableId?: string } | undefined;
  return Boolean(table?.routeTableId);
}

function pascalCase(service: string): string {
  return service.toLowerCase().replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
