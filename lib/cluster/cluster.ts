import type { IResource } from 'aws-cdk-lib';
import { Names, RemovalPolicy, Resource, Size, SizeRoundingBehavior, Token } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import type { Construct } from 'constructs';
import { acknowledge } from '../acknowledge';
import type { ClusterModel, ExtraDocument } from '../config/manifests';
import { bootManifest, liveManifest } from '../config/manifests';
import { PORTS } from '../config/ports';
import { layOut } from '../config/topology';
import { at, ConstructError } from '../error';
import { clientNetworks, vpcCidr } from '../network/client-networks';
import { ClusterSecurityGroups } from '../network/security-groups';
import { privateSubnets } from '../network/subnets';
import { clusterKey } from '../protection/key';
import { Artefacts } from './artefacts';
import { Endpoint } from './endpoint';
import { LoadBalancer } from './load-balancer';
import { Node } from './node';
import { RegionalFacts } from './regional-facts';
import type { ClickHouseServerSettings } from './server-settings';
import { inServerUnits } from './server-settings';
import { ClickHouseVersion } from './version';

/** A ClickHouse cluster, defined here or elsewhere. */
export interface IClickHouseCluster extends IResource, ec2.IConnectable {
  /**
   * The cluster's name: what `remote_servers` and the `{cluster}` macro say.
   *
   * @attribute
   */
  readonly clusterName: string;

  /**
   * Where clients connect over HTTPS.
   *
   * @attribute
   */
  readonly clusterEndpoint: Endpoint;

  /**
   * Where clients connect with the native protocol over TLS.
   *
   * @attribute
   */
  readonly nativeEndpoint: Endpoint;
}

/** Properties of a {@link ClickHouseCluster}. Everything that protects is on without being asked for. */
export interface ClickHouseClusterProps {
  /** The VPC to run in. */
  readonly vpc: ec2.IVpc;

  /**
   * The subnets for nodes and endpoint. Public subnets are refused.
   *
   * @default - the isolated subnets of the VPC, or its private ones if it has none
   */
  readonly vpcSubnets?: ec2.SubnetSelection;

  /**
   * The ClickHouse release.
   *
   * @default ClickHouseVersion.V26_8_LTS
   */
  readonly version?: ClickHouseVersion;

  /**
   * The machines. Graviton and x86 both work; ClickHouse wants at least 8 GiB of memory.
   *
   * @see https://clickhouse.com/docs/guides/sizing-and-hardware-recommendations
   * @default - m7g.large
   */
  readonly instanceType?: ec2.InstanceType;

  /**
   * The machine image. It must be Amazon Linux 2023 of the instance type's architecture: the launch script relies on its packages.
   *
   * @default - the newest Amazon Linux 2023 at the first deployment, pinned until `machineImageGeneration` changes
   */
  readonly machineImage?: ec2.IMachineImage;

  /**
   * Any text; another text moves the pinned machine image to the newest one, which replaces the instances.
   *
   * @default '1'
   */
  readonly machineImageGeneration?: string;

  /**
   * The size of a node's data volume, from 10 GiB.
   *
   * @default Size.gibibytes(100)
   */
  readonly storageSize?: Size;

  /**
   * The I/O operations per second of a data volume, 3,000 to 80,000.
   *
   * @see https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html
   * @default 3000
   */
  readonly storageIops?: number;

  /**
   * The throughput of a data volume in MiB/s, 125 to 2,000.
   *
   * @see https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html
   * @default 125
   */
  readonly storageThroughput?: number;

  /**
   * The key that volumes, secrets, artefacts and logs are encrypted with. Its policy must let EC2, Auto Scaling and CloudWatch Logs
   * use it; the key that is created by default does.
   *
   * @default - a new key for this cluster, with yearly rotation
   */
  readonly encryptionKey?: IKey;

  /**
   * The cluster's name: what `remote_servers` and the `{cluster}` macro say. A DNS label.
   *
   * @default - derived from the construct's path
   */
  readonly clusterName?: string;

  /**
   * The name of the cluster's private zone. It is part of every node's name and certificate, so it can not change later; two clusters
   * in one VPC need different ones.
   *
   * @default - `<clusterName>.clickhouse.internal`
   */
  readonly zoneName?: string;

  /**
   * The private address ranges that users may log in from. ClickHouse checks them itself, behind the security groups, so connections
   * need both. Public ranges are refused.
   *
   * @default - the VPC's primary CIDR block
   */
  readonly clientCidrs?: string[];

  /**
   * Settings of the server process.
   *
   * @default - see each setting
   */
  readonly settings?: ClickHouseServerSettings;

  /**
   * Further server configuration: XML documents by name, merged over the rendered one. A document that touches a protected setting
   * is refused.
   *
   * @see https://clickhouse.com/docs/operations/configuration-files
   * @default - none
   */
  readonly extraServerDocuments?: { [name: string]: string };

  /**
   * Further settings profiles and quotas: XML documents by name. Users can not be declared here, and a document that touches a
   * protected setting is refused.
   *
   * @default - none
   */
  readonly extraUsersDocuments?: { [name: string]: string };

  /**
   * The id of the AWS-managed prefix list of S3 in this region, such as `pl-6da54004`: the only addresses nodes may reach outside
   * the VPC.
   *
   * @default - looked up at the first deployment
   */
  readonly s3PrefixListId?: string;

  /**
   * How long logs of nodes are kept in CloudWatch.
   *
   * @default logs.RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: logs.RetentionDays;

  /**
   * What happens to the data volumes and the key when they are removed from the stack. `RETAIN` keeps them even when the first
   * deployment fails.
   *
   * @default - they are kept, except when the first deployment fails: then nothing is left behind
   */
  readonly removalPolicy?: RemovalPolicy;
}

abstract class ClickHouseClusterBase extends Resource implements IClickHouseCluster {
  public abstract readonly clusterName: string;
  public abstract readonly clusterEndpoint: Endpoint;
  public abstract readonly nativeEndpoint: Endpoint;
  public abstract readonly connections: ec2.Connections;
}

/**
 * A ClickHouse cluster that is private, encrypted and authenticated, whatever else is said.
 *
 * Nodes live in private subnets, listen with TLS only, and are reached through an internal load balancer from the security groups
 * that are allowed. There is no property for a public address, a plaintext port or a login without a password.
 *
 * @resource AWS::AutoScaling::AutoScalingGroup
 */
export class ClickHouseCluster extends ClickHouseClusterBase {
  /** Who may connect. `cluster.connections.allowDefaultPortFrom(client)` admits a client over HTTPS. */
  public readonly connections: ec2.Connections;

  /** The cluster's name. */
  public readonly clusterName: string;

  /** Where clients connect over HTTPS. */
  public readonly clusterEndpoint: Endpoint;

  /** Where clients connect with the native protocol over TLS. */
  public readonly nativeEndpoint: Endpoint;

  /** The key that everything of this cluster is encrypted with. */
  public readonly encryptionKey: IKey;

  /** The VPC the cluster runs in. */
  public readonly vpc: ec2.IVpc;

  constructor(scope: Construct, id: string, props: ClickHouseClusterProps) {
    super(scope, id);
    // everything that can be refused is refused before anything is defined.
    const version = (props.version ?? ClickHouseVersion.V26_8_LTS).fullVersion;
    this.clusterName = props.clusterName ?? this.derivedName();
    const zoneName = props.zoneName ?? `${this.clusterName}.clickhouse.internal`;
    for (const [prop, value] of Object.entries({ clusterName: this.clusterName, zoneName })) this.literal(prop, value);
    const topology = at(this, () => layOut({ clusterName: this.clusterName, zoneName, shards: 1, replicas: 1, keepers: 0 }));
    const model: ClusterModel = {
      topology,
      version,
      settings: inServerUnits(props.settings ?? {}),
      extraServerDocuments: documents(props.extraServerDocuments),
      extraUsersDocuments: documents(props.extraUsersDocuments),
    };
    const boot = at(this, () => bootManifest(model, 'server'));
    const live = at(this, () => liveManifest(model));
    const subnets = privateSubnets(this, props.vpc, props.vpcSubnets);
    const networks = clientNetworks(this, props.vpc, props.clientCidrs);
    const volume = this.volume(props);

    this.vpc = props.vpc;
    this.encryptionKey = props.encryptionKey ?? clusterKey(this, volume.removalPolicy);
    const facts = new RegionalFacts(this, 'Region', { key: this.encryptionKey });
    const groups = new ClusterSecurityGroups(this, 'SecurityGroups', {
      vpc: props.vpc,
      s3PrefixListId: props.s3PrefixListId ?? facts.s3PrefixList(),
      serviceNetworks: [vpcCidr(props.vpc) ?? networks].flat(),
    });
    const zone = new route53.PrivateHostedZone(this, 'Zone', { zoneName, vpc: props.vpc, comment: `ClickHouse cluster ${this.clusterName}` });
    const artefacts = new Artefacts(this, 'Artefacts', { key: this.encryptionKey, boot, live });
    const liveParameter = new ssm.StringParameter(this, 'LiveManifest', {
      description: `The live manifest of the ClickHouse cluster ${this.clusterName}`,
      stringValue: artefacts.live.key,
    });
    // the pointer moves only after what it points at is there.
    liveParameter.node.addDependency(artefacts.published);
    const internalSecret = this.internalSecret();
    const logGroup = new logs.LogGroup(this, 'Logs', {
      encryptionKey: this.encryptionKey,
      retention: props.logRetention ?? logs.RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const balancer = new LoadBalancer(this, 'LoadBalancer', {
      vpc: props.vpc,
      subnets: { subnets: subnets.subnets },
      securityGroup: groups.endpoint,
      zone,
      zoneName,
    });
    const instanceType = props.instanceType ?? ec2.InstanceType.of(ec2.InstanceClass.M7G, ec2.InstanceSize.LARGE);
    const imageId = props.machineImage
      ? props.machineImage.getImage(this).imageId
      : facts.machineImage(cpuType(instanceType), props.machineImageGeneration ?? '1');
    for (const [index, node] of topology.servers.entries()) {
      const subnet = subnets.subnets[index % subnets.subnets.length];
      if (subnet === undefined) throw new ConstructError('NoSubnets', 'the VPC has no private or isolated subnet', this);
      new Node(this, pascalCase(node.name), {
        node,
        clickhouseVersion: version,
        subnet,
        securityGroup: groups.nodes,
        zone,
        instanceType,
        imageId,
        volume,
        key: this.encryptionKey,
        artefacts,
        liveManifest: liveParameter,
        internalSecret,
        clientNetworks: networks,
        logGroup,
        targetGroupArns: balancer.targetGroupArns,
      });
    }

    this.clusterEndpoint = new Endpoint(zoneName, PORTS.https);
    this.nativeEndpoint = new Endpoint(zoneName, PORTS.native);
    this.connections = new ec2.Connections({ securityGroups: [groups.endpoint], defaultPort: ec2.Port.tcp(PORTS.https) });
  }

  /** The static secret behind interserver credentials and the distributed-query secret. Every node derives both from it. */
  private internalSecret(): secretsmanager.Secret {
    const secret = new secretsmanager.Secret(this, 'InternalSecret', {
      description: `What the nodes of the ClickHouse cluster ${this.clusterName} prove themselves to each other with`,
      encryptionKey: this.encryptionKey,
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    acknowledge(
      secret,
      'AwsSolutions-SMG4',
      'remote_servers takes one secret at a time, so rotating it would break distributed queries while nodes differ; it is useless without a place in the nodes\' own security group',
    );
    return secret;
  }

  private volume(props: ClickHouseClusterProps): { size: Size; iops?: number; throughput?: number; removalPolicy: RemovalPolicy } {
    const size = props.storageSize ?? Size.gibibytes(100);
    const gibibytes = size.isUnresolved() ? undefined : size.toGibibytes({ rounding: SizeRoundingBehavior.NONE });
    within(this, 'storageSize', gibibytes, 10, 65_536, 'GiB');
    // https://docs.aws.amazon.com/ebs/latest/userguide/general-purpose.html: 500 operations per GiB, 0.25 MiB/s per operation.
    const mostIops = Math.max(3000, Math.min(80_000, (gibibytes ?? 65_536) * 500));
    within(this, 'storageIops', props.storageIops, 3000, mostIops, 'operations per second at this size');
    const mostThroughput = Math.min(2000, (props.storageIops ?? 3000) / 4);
    within(this, 'storageThroughput', props.storageThroughput, 125, mostThroughput, 'MiB/s at these operations per second');
    return {
      size,
      iops: props.storageIops,
      throughput: props.storageThroughput,
      removalPolicy: props.removalPolicy ?? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    };
  }

  private literal(prop: string, value: string): void {
    if (Token.isUnresolved(value)) {
      throw new ConstructError('TokenName', `'${prop}' must be known at synthesis, got a token; host names, certificates and the configuration are rendered from it`, this);
    }
  }

  private derivedName(): string {
    const name = Names.uniqueResourceName(this, { maxLength: 40 }).toLowerCase();
    return /^[a-z]/.test(name) ? name : `c${name}`;
  }
}

function documents(byName: { [name: string]: string } = {}): ExtraDocument[] {
  return Object.entries(byName).map(([name, xml]) => ({ name, xml }));
}

function cpuType(instanceType: ec2.InstanceType): ec2.AmazonLinuxCpuType {
  return instanceType.architecture === ec2.InstanceArchitecture.ARM_64 ? ec2.AmazonLinuxCpuType.ARM_64 : ec2.AmazonLinuxCpuType.X86_64;
}

function pascalCase(name: string): string {
  return name.replace(/(^|-)([a-z0-9])/g, (_, __, letter: string) => letter.toUpperCase());
}

function within(scope: Construct, prop: string, value: number | undefined, least: number, most: number, unit: string): void {
  if (value === undefined || Token.isUnresolved(value)) return;
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new ConstructError('OutOfRange', `'${prop}' must be a whole number from ${least} to ${most} ${unit}, got ${value}`, scope);
  }
}
