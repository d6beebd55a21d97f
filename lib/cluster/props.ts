import type { RemovalPolicy, Size } from 'aws-cdk-lib';
import type * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type * as logs from 'aws-cdk-lib/aws-logs';
import type { ClickHouseVpcEndpoints } from '../network/vpc-endpoints';
import type { ClickHousePackages } from './packages';
import type { ClickHouseServerSettings } from './server-settings';
import type { ClickHouseVersion } from './version';

/** Properties of a `ClickHouseCluster`. Everything that protects is on without being asked for. */
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
   * The VPC's endpoints for the AWS services that nodes call. Nodes are admitted to them, reach AWS services through them alone, and start
   * only when they are there. Make them once a VPC, with `ClickHouseVpcEndpoints`.
   *
   * @default - nodes may connect to port 443 of the VPC's primary range, where you have endpoints with private DNS for each service. A NAT
   * gateway does not help: nodes may not connect to public addresses other than those of S3
   */
  readonly vpcEndpoints?: ClickHouseVpcEndpoints;

  /**
   * How many shards: each holds a part of the data. Shards can be added later; nothing that exists moves.
   *
   * @default 1
   */
  readonly shards?: number;

  /**
   * How many replicas of each shard: each holds the whole of its shard's data, in a zone of its own as long as there are enough.
   * Replicas can be added later.
   *
   * @default 2
   */
  readonly replicas?: number;

  /**
   * How many ClickHouse Keepers, through which servers agree: 0, or odd. Fixed when the cluster is created; a deployment that changes
   * it is refused.
   *
   * A single server without Keepers can never get replicas: say 3 if it may.
   *
   * @see https://clickhouse.com/docs/guides/sre/keeper/clickhouse-keeper
   * @default - 3, or none for a single server
   */
  readonly keepers?: number;

  /**
   * Whether nodes are defined in nested stacks, by wave and block of shards. Say so when the cluster is created if it may outgrow
   * one stack (28 nodes): moving nodes between stacks later would replace them.
   *
   * @default false
   */
  readonly nestedStacks?: boolean;

  /**
   * Whether the endpoint in one zone passes connections on to servers in the others. Without it a client stays in its zone, saves the
   * charge for traffic between zones, and has no server when that zone has none.
   *
   * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html#target-group-cross-zone
   * @default true
   */
  readonly crossZoneLoadBalancing?: boolean;

  /**
   * The ClickHouse release.
   *
   * @default ClickHouseVersion.V26_8_LTS
   */
  readonly version?: ClickHouseVersion;

  /**
   * Where the packages of that release come from. Nodes install them from a bucket, by their SHA-256, or have them in their machine image.
   *
   * @default ClickHousePackages.official()
   */
  readonly packages?: ClickHousePackages;

  /**
   * The machines. Graviton and x86 both work; ClickHouse wants at least 8 GiB of memory.
   *
   * @see https://clickhouse.com/docs/guides/sizing-and-hardware-recommendations
   * @default - m7g.large
   */
  readonly instanceType?: ec2.InstanceType;

  /**
   * The machine image. It must be Amazon Linux 2023, or made from it, of the instance type's architecture: the launch script relies on its
   * packages. An image that has ClickHouse in it goes with `packages: ClickHousePackages.preinstalled()`, and `keeperMachineImage`.
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
   * The machines of Keepers.
   *
   * @default - m7g.medium, or m7i.large if the servers are x86
   */
  readonly keeperInstanceType?: ec2.InstanceType;

  /**
   * The machine image of Keepers: Amazon Linux 2023, or made from it, of the architecture of their machines.
   *
   * @default - `machineImage`
   */
  readonly keeperMachineImage?: ec2.IMachineImage;

  /**
   * The size of a Keeper's volume, from 10 GiB: it holds snapshots and the log of coordination, not data.
   *
   * @default Size.gibibytes(20)
   */
  readonly keeperStorageSize?: Size;

  /**
   * Existing data volumes to use instead of new ones, by node name (`server-1-2`, `keeper-1`): how data that was kept after a stack was
   * deleted comes back. A volume must be in the zone its node lives in, encrypted with `encryptionKey`, and attached to nothing. Adopt the
   * Keepers' volumes with those of servers, and leave the property as it is afterwards: without it nodes get new, empty volumes.
   *
   * @default - new volumes
   */
  readonly adoptVolumes?: { [nodeName: string]: string };

  /**
   * Whether the stack that the cluster is in may only be deleted after its termination protection was switched off by hand. It protects
   * the whole stack, and does nothing about resources that are removed from its template.
   *
   * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-protect-stacks.html
   * @default false
   */
  readonly deletionProtection?: boolean;

  /**
   * The key that volumes, secrets, artefacts and logs are encrypted with. EC2, Auto Scaling and CloudWatch Logs must be allowed to use
   * it: a key of this app is given the statements, an imported one must have them.
   *
   * @default - a new key for this cluster, with yearly rotation
   */
  readonly encryptionKey?: IKey;

  /**
   * The cluster's name: what `remote_servers` and the `{cluster}` macro say, and metrics carry: give the clusters of an
   * account and region different ones. A DNS label.
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
   * Which key of the cluster's certificate authority signs. Another number is another key, and takes three deployments, in this order:
   * trust both and sign with the old one (`caGeneration: 1, trustedCaGeneration: 2`), trust both and sign with the new one (`caGeneration: 2,
   * trustedCaGeneration: 1`), trust the new one alone (`caGeneration: 2`). A key that nodes do not trust yet is refused at deployment. See
   * "Another key for the authority" in docs/operations.md.
   *
   * @default 1
   */
  readonly caGeneration?: number;

  /**
   * A further key of the authority that nodes and clients trust as well, while one takes the place of another. Changing whom nodes trust
   * restarts them in waves.
   *
   * @default - none
   */
  readonly trustedCaGeneration?: number;

  /**
   * Another text has the issuer look at every node's certificate again, which CloudFormation otherwise asks for only when a node or the
   * authority changes: what is missing, damaged or from elsewhere is issued anew, what is good stays.
   *
   * @default '1'
   */
  readonly certificateGeneration?: string;

  /**
   * How long logs of nodes are kept in CloudWatch.
   *
   * @default logs.RetentionDays.THREE_MONTHS
   */
  readonly logRetention?: logs.RetentionDays;

  /**
   * What happens to the data volumes and the key when they are removed from the stack. `RETAIN` keeps them even when the first
   * deployment fails; `SNAPSHOT` snapshots the volumes and keeps the key.
   *
   * @default - they are kept, except when the first deployment fails: then nothing is left behind
   */
  readonly removalPolicy?: RemovalPolicy;
}
