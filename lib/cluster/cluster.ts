import { Annotations, CfnResource, CfnWaitConditionHandle, Names, RemovalPolicy, Resource, Stack, Token } from 'aws-cdk-lib';
import type * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as route53 from 'aws-cdk-lib/aws-route53';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import type { IConstruct, IDependable } from 'constructs';
import { Construct } from 'constructs';
import { acknowledge } from '../acknowledge';
import { Access } from '../auth/access';
import type { ClickHouseDatabaseOptions } from '../auth/database';
import { ClickHouseDatabase } from '../auth/database';
import { Declarations } from '../auth/declarations';
import type { ClickHouseQuotaOptions } from '../auth/quota';
import { ClickHouseQuota } from '../auth/quota';
import type { ClickHouseRoleOptions } from '../auth/role';
import { ClickHouseRole } from '../auth/role';
import type { ClickHouseSettingsProfileOptions } from '../auth/settings-profile';
import { ClickHouseSettingsProfile } from '../auth/settings-profile';
import type { ClickHouseUserOptions } from '../auth/user';
import { ClickHouseUser } from '../auth/user';
import { guard } from '../checks/guard';
import type { ClusterModel, ExtraDocument } from '../config/manifests';
import { bootManifest, liveManifest } from '../config/manifests';
import type { NodeRole } from '../config/manifest';
import { packManifest } from '../config/manifest';
import { PORTS } from '../config/ports';
import type { Topology } from '../config/topology';
import { layOut } from '../config/topology';
import { at, ConstructError } from '../error';
import { METADATA_STATIC_SECRET } from '../metadata';
import { clientNetworks, nodeNetworks, rotationNetworks, vpcCidr } from '../network/client-networks';
import { ClusterSecurityGroups } from '../network/security-groups';
import { onePerZone, privateSubnets } from '../network/subnets';
import { certificateDaysToExpiry } from '../observability/certificates';
import { nodeReady, notReadyAlarm } from '../observability/node-ready';
import { admitServices, clusterKey, keyRemoval } from '../protection/key';
import { checkedGenerations, KmsAuthority } from '../tls/kms-authority';
import type { LiveText } from './artefacts';
import { Artefacts } from './artefacts';
import type { ClickHouseClusterAttributes, IClickHouseCluster } from './cluster-ref';
import { defaultZone, importedCluster } from './cluster-ref';
import { Endpoint } from './endpoint';
import type { MachineModel } from './fleet';
import { defineFleet } from './fleet';
import { topmost, watchLimits } from './limits';
import { LiveRollout } from './live-rollout';
import { LoadBalancer } from './load-balancer';
import type { VolumeModel } from './node';
import { LONGEST_DRAIN } from './node';
import { ClickHousePackages } from './packages';
import { MOST_NODES_IN_NESTED_STACKS, MOST_NODES_IN_ONE_STACK } from './placement';
import type { ClickHouseClusterProps } from './props';
import { RegionalFacts } from './regional-facts';
import { inServerUnits } from './server-settings';
import { ClickHouseVersion } from './version';
import { volumes } from './volumes';

// nodes of a cluster carry it and nothing else does; commands are sent to what carries it.
const NODE_TAG = 'cdk-secure-clickhouse:cluster';

// which private zones were defined for a VPC; Route 53 would refuse the second of a name, at deployment.
const CLAIMED_ZONES = new WeakMap<ec2.IVpc, Set<string>>();

/**
 * A ClickHouse cluster that is private, encrypted and authenticated, whatever else is said.
 *
 * Nodes live in private subnets, listen with TLS only, and are reached through an internal load balancer from the security groups
 * that are allowed. There is no property for a public address, a plaintext port or a login without a password.
 *
 * @resource AWS::AutoScaling::AutoScalingGroup
 */
export class ClickHouseCluster extends Resource implements IClickHouseCluster {
  /**
   * A cluster that is defined elsewhere: another app, or another account's VPC that is connected to this one.
   *
   * There is no lookup by name: a cluster is many resources, and what a client needs of it are its names, which are literals.
   */
  public static fromClusterAttributes(scope: Construct, id: string, attrs: ClickHouseClusterAttributes): IClickHouseCluster {
    return importedCluster(scope, id, attrs);
  }

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

  /**
   * Where each server is reached with the native protocol over TLS, for clients that choose a replica or write to shards themselves.
   * They have to be admitted to the nodes: `cluster.nodeConnections.allowDefaultPortFrom(client)`.
   */
  public readonly nodeEndpoints: Endpoint[];

  /** Who may connect to the servers themselves, past the load balancer. */
  public readonly nodeConnections: ec2.Connections;

  /** The parameter that holds the certificate of the cluster's own authority, in PEM: what clients verify the servers with. */
  public readonly caCertificate: ssm.IStringParameter;

  /**
   * What was declared for the cluster.
   *
   * @internal
   */
  public readonly _declarations = new Declarations();

  /**
   * What the cluster's users have in common.
   *
   * @internal
   */
  public readonly _access: Access;

  constructor(scope: Construct, id: string, props: ClickHouseClusterProps) {
    super(scope, id);
    // everything that can be refused is refused before anything is defined.
    const version = (props.version ?? ClickHouseVersion.V26_8_LTS).fullVersion;
    this.clusterName = props.clusterName ?? this.derivedName();
    const zoneName = props.zoneName ?? defaultZone(this.clusterName);
    for (const [prop, value] of Object.entries({ clusterName: this.clusterName, zoneName })) this.literal(prop, value);
    this.claimZone(props.vpc, zoneName);
    const topology = this.topology(props, zoneName);
    const model: ClusterModel = {
      topology,
      version,
      settings: inServerUnits(props.settings ?? {}),
      extraServerDocuments: documents(props.extraServerDocuments),
      extraUsersDocuments: documents(props.extraUsersDocuments),
    };
    const roles: NodeRole[] = topology.keepers.length > 0 ? ['server', 'keeper'] : ['server'];
    const boot = at(this, () => roles.map((role) => bootManifest(model, role)));
    const drainSeconds = (role: NodeRole): number => boot.find((each) => each.role === role)?.drainSeconds ?? 0;
    if (drainSeconds('server') > LONGEST_DRAIN.toSeconds()) {
      throw new ConstructError('ShutdownWait', `'settings.shutdownWait' must be at most ${LONGEST_DRAIN.toMinutes()} minutes, got ${drainSeconds('server')} seconds; CloudFormation waits an hour until a node is replaced, and the new one needs a part of it`, this);
    }
    const subnets = onePerZone(this, privateSubnets(this, props.vpc, props.vpcSubnets).subnets);
    this.checkZones(topology, subnets.length);
    const caGeneration = props.caGeneration ?? 1;
    checkedGenerations(this, caGeneration, props.trustedCaGeneration);
    const networks = clientNetworks(this, props.vpc, props.clientCidrs);
    const addresses = nodeNetworks(this, props.vpc, subnets, networks);
    const live = this.liveManifest({ ...model, rotationNetworks: rotationNetworks(subnets, networks) });
    live();
    const { serverVolume, keeperVolume } = volumes(this, topology, {
      storageSize: props.storageSize,
      storageIops: props.storageIops,
      storageThroughput: props.storageThroughput,
      keeperStorageSize: props.keeperStorageSize,
      adoptVolumes: props.adoptVolumes,
      removalPolicy: props.removalPolicy,
    });

    const serverType = props.instanceType ?? ec2.InstanceType.of(ec2.InstanceClass.M7G, ec2.InstanceSize.LARGE);
    const keeperType = props.keeperInstanceType ?? defaultKeeperType(serverType);
    if (props.machineImage && !props.keeperMachineImage && topology.keepers.length > 0 && serverType.architecture !== keeperType.architecture) {
      throw new ConstructError('Architectures', `with a 'machineImage' servers and Keepers must be of one architecture, got ${serverType.toString()} and ${keeperType.toString()}; change 'keeperInstanceType', or give a 'keeperMachineImage'`, this);
    }
    const typeOf = (role: NodeRole): ec2.InstanceType => (role === 'server' ? serverType : keeperType);
    const imageOf = (role: NodeRole): ec2.IMachineImage | undefined => (role === 'server' ? props.machineImage : (props.keeperMachineImage ?? props.machineImage));
    const providePackages = (props.packages ?? ClickHousePackages.official())._plan(this, {
      version,
      machines: roles.map((role) => ({ role, architecture: typeOf(role).architecture === ec2.InstanceArchitecture.ARM_64 ? 'aarch64' : 'x86_64', ownImage: (role === 'server' ? props.machineImage : props.keeperMachineImage) !== undefined })),
    });

    this.vpc = props.vpc;
    this.encryptionKey = props.encryptionKey ?? clusterKey(this, serverVolume.removalPolicy);
    admitServices(this.encryptionKey, this);
    const facts = new RegionalFacts(this, 'Region', { key: this.encryptionKey });
    const s3PrefixListId = props.s3PrefixListId ?? facts.s3PrefixList();
    const serviceNetworks = props.vpcEndpoints?.complete ? [] : [vpcCidr(props.vpc) ?? networks].flat();
    const groups = new ClusterSecurityGroups(this, 'SecurityGroups', {
      vpc: props.vpc,
      s3PrefixListId,
      serviceNetworks,
      keepers: topology.keepers.length > 0,
    });
    if (!props.vpcEndpoints && props.vpc instanceof ec2.Vpc) {
      Annotations.of(this).addWarningV2('cdk-secure-clickhouse:VpcEndpoints', "nodes reach AWS services through VPC endpoints only, a NAT gateway does not help them: give 'vpcEndpoints: new ClickHouseVpcEndpoints(this, 'Endpoints', { vpc })', unless the VPC has endpoints with private DNS for each service");
    }
    props.vpcEndpoints?.allowFrom(groups.nodes);
    const zone = new route53.PrivateHostedZone(this, 'Zone', { zoneName, vpc: props.vpc, comment: `ClickHouse cluster ${this.clusterName}` });
    // CloudFormation makes it and never changes it; the handlers move it.
    const liveParameter = new ssm.StringParameter(this, 'LiveManifest', {
      description: `The live manifest that the ClickHouse cluster ${this.clusterName} runs`,
      stringValue: 'none yet',
    });
    const artefacts = new Artefacts(this, 'Artefacts', {
      key: this.encryptionKey,
      boot,
      live,
      pointer: liveParameter,
      keepers: topology.keepers.length,
      subnetIds: subnets.map(({ subnetId }) => subnetId),
    });
    const packages = providePackages(this, { bucket: artefacts.bucket, key: this.encryptionKey, published: artefacts.published });
    const nodeTag = { key: NODE_TAG, value: `${this.clusterName}-${this.node.addr.slice(-12)}` };
    const certificates = new KmsAuthority(this, 'Certificates', {
      clusterName: this.clusterName,
      zoneName,
      networks: addresses,
      key: this.encryptionKey,
      generation: caGeneration,
      alsoTrusted: props.trustedCaGeneration,
      certificateGeneration: props.certificateGeneration ?? '1',
      removalPolicy: keyRemoval(serverVolume.removalPolicy),
      tagValue: nodeTag.value,
    });
    this.caCertificate = certificates.caCertificate;
    const internalSecret = this.internalSecret();
    const logGroup = new logs.LogGroup(this, 'Logs', {
      encryptionKey: this.encryptionKey,
      retention: props.logRetention ?? logs.RetentionDays.THREE_MONTHS,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const balancer = new LoadBalancer(this, 'LoadBalancer', {
      vpc: props.vpc,
      subnets: { subnets },
      securityGroup: groups.endpoint,
      zone,
      zoneName,
      crossZone: props.crossZoneLoadBalancing ?? true,
    });
    const imageGeneration = props.machineImageGeneration ?? '1';
    const machine = (role: NodeRole, own: VolumeModel): MachineModel => ({
      instanceType: typeOf(role),
      volume: own,
      packages: packages.of(role),
      drainSeconds: drainSeconds(role),
      imageGeneration,
      imageId: imageOf(role)?.getImage(this).imageId ?? facts.machineImage(cpuType(typeOf(role)), imageGeneration),
    });
    const fleet = defineFleet(this, {
      topology,
      subnets,
      nestedStacks: props.nestedStacks ?? false,
      server: machine('server', serverVolume),
      keeper: machine('keeper', keeperVolume),
      targetGroupArns: balancer.targetGroupArns,
      shared: {
        clickhouseVersion: version,
        securityGroup: groups.nodes,
        zone,
        key: this.encryptionKey,
        artefacts,
        liveManifest: liveParameter,
        internalSecret,
        certificates,
        clientNetworks: networks,
        logGroup,
        tag: nodeTag,
        after: [this.firstBoot(artefacts.published, ...packages.ready, groups.nodes, ...(props.vpcEndpoints ? [props.vpcEndpoints] : []))],
      },
    });
    const rollout = new LiveRollout(this, 'LiveRollout', {
      key: this.encryptionKey,
      bucket: artefacts.bucket,
      pointer: liveParameter,
      sha256: artefacts.liveSha256,
      nodes: topology.servers.map(({ name }) => name),
      after: fleet.last,
    });
    this._access = new Access(this, 'Access', {
      serverRoles: fleet.serverRoles,
      rotation: {
        clusterName: this.clusterName,
        key: this.encryptionKey,
        vpc: props.vpc,
        subnets,
        nodes: groups.nodes,
        s3PrefixListId,
        serviceNetworks,
        vpcEndpoints: props.vpcEndpoints,
        bucket: artefacts.bucket,
        pointer: liveParameter,
        caCertificate: this.caCertificate,
        nodeTag,
        after: rollout,
      },
    });
    certificates.begin(rollout.done, (alarm) => this._access.watch(alarm));
    const notReady = notReadyAlarm(this, this.clusterName, logGroup);
    notReady.node.addDependency(rollout.done);
    this._access.watch(notReady);
    watchLimits(this);
    guard(this);
    if (props.deletionProtection) topmost(Stack.of(this)).terminationProtection = true;

    this.clusterEndpoint = new Endpoint(zoneName, PORTS.https);
    this.nativeEndpoint = new Endpoint(zoneName, PORTS.native);
    this.connections = new ec2.Connections({ securityGroups: [groups.endpoint], defaultPort: ec2.Port.tcp(PORTS.https) });
    this.nodeEndpoints = topology.servers.map(({ host }) => new Endpoint(host, PORTS.native));
    this.nodeConnections = new ec2.Connections({ securityGroups: [groups.nodes], defaultPort: ec2.Port.tcp(PORTS.native) });
  }

  /**
   * Declares a database that every server creates when it is not there.
   *
   * @param id the construct's id, and the database's name unless the options say another
   */
  public addDatabase(id: string, options: ClickHouseDatabaseOptions = {}): ClickHouseDatabase {
    return new ClickHouseDatabase(this.family('Databases'), id, { ...options, cluster: this });
  }

  /**
   * Declares a user. The password is generated, kept in Secrets Manager and rotated.
   *
   * @param id the construct's id, and the user's name unless the options say another
   */
  public addUser(id: string, options: ClickHouseUserOptions = {}): ClickHouseUser {
    return new ClickHouseUser(this.family('Users'), id, { ...options, cluster: this });
  }

  /**
   * Declares grants under a name, for several users.
   *
   * @param id the construct's id, and the role's name unless the options say another
   */
  public addRole(id: string, options: ClickHouseRoleOptions): ClickHouseRole {
    return new ClickHouseRole(this.family('Roles'), id, { ...options, cluster: this });
  }

  /**
   * Declares limits that several users share.
   *
   * @param id the construct's id, and the profile's name unless the options say another
   */
  public addSettingsProfile(id: string, options: ClickHouseSettingsProfileOptions = {}): ClickHouseSettingsProfile {
    return new ClickHouseSettingsProfile(this.family('SettingsProfiles'), id, { ...options, cluster: this });
  }

  /**
   * Declares what users may use within a time.
   *
   * @param id the construct's id, and the quota's name unless the options say another
   */
  public addQuota(id: string, options: ClickHouseQuotaOptions): ClickHouseQuota {
    return new ClickHouseQuota(this.family('Quotas'), id, { ...options, cluster: this });
  }

  /**
   * How many days are left to the certificate that ends first, among those that nodes have installed.
   *
   * @default - minimum over an hour
   */
  public metricCertificateDaysToExpiry(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return certificateDaysToExpiry(this.clusterName, props);
  }

  /**
   * Whether every node that says anything serves: 1, or 0 when one of them does not.
   *
   * @default - minimum over 5 minutes
   */
  public metricNodeReady(props?: cloudwatch.MetricOptions): cloudwatch.Metric {
    return nodeReady(this.clusterName, props);
  }

  /** Adds what every alarm of the cluster does when it fires, alarms that are still to come included. */
  public addAlarmAction(...actions: cloudwatch.IAlarmAction[]): void {
    this._access.addAlarmAction(...actions);
  }

  /**
   * The command of the AWS CLI that ends what replaced passwords still open, node by node: for the day a password has leaked, after it was
   * rotated. Absent while no password is rotated.
   */
  public get revocationCommand(): string | undefined {
    return this._access.revocationCommand;
  }

  // what users name must not meet the names of the cluster's own parts.
  private family(id: string): Construct {
    return this.node.tryFindChild(id) ?? new Construct(this, id);
  }

  /** The live manifest of what is declared by the time it is asked for; rendered anew only when something was declared since. */
  private liveManifest(model: ClusterModel): () => LiveText {
    let known: { readonly revision: number; readonly live: LiveText } | undefined;
    return () => {
      const { revision } = this._declarations;
      if (known?.revision !== revision) {
        const manifest = at(this, () => liveManifest({ ...model, ...this._declarations.model() }));
        known = { revision, live: { manifest, content: packManifest(manifest).content } };
      }
      return known.live;
    };
  }

  /**
   * One thing that stands for all that the first boot of any node needs: what it fetches, and the way out, without which it could not
   * even report that it failed. CloudFormation keeps the order through it
   * (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-dependson.html), and each node names one dependency
   * and not thirty, which would be a fifth of a large template.
   *
   * It stands for what is there now: rules that admit clients come later, and a client may itself wait for the cluster.
   */
  private firstBoot(...needs: IConstruct[]): IDependable {
    const ready = new CfnWaitConditionHandle(this, 'FirstBoot');
    ready.node.addDependency(...needs.flatMap((need) => need.node.findAll()).filter((each) => CfnResource.isCfnResource(each)));
    return ready;
  }

  /** The static secret behind interserver credentials and the distributed-query secret. Every node derives both from it. */
  private internalSecret(): secretsmanager.Secret {
    const secret = new secretsmanager.Secret(this, 'InternalSecret', {
      description: `What the nodes of the ClickHouse cluster ${this.clusterName} prove themselves to each other with`,
      encryptionKey: this.encryptionKey,
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const reason = 'remote_servers takes one secret at a time, so rotating it would break distributed queries while nodes differ; it is useless without a place in the nodes\' own security group';
    acknowledge(secret, 'AwsSolutions-SMG4', reason);
    (secret.node.defaultChild as CfnResource).addMetadata(METADATA_STATIC_SECRET, reason);
    return secret;
  }

  private topology(props: ClickHouseClusterProps, zoneName: string): Topology {
    const { shards = 1, replicas = 2 } = props;
    const keepers = props.keepers ?? (shards * replicas > 1 ? 3 : 0);
    const topology = at(this, () => layOut({ clusterName: this.clusterName, zoneName, shards, replicas, keepers }));
    const nodes = topology.servers.length + topology.keepers.length;
    const [most, instead] = props.nestedStacks
      ? [MOST_NODES_IN_NESTED_STACKS, 'CloudFormation touches at most 2,500 resources in one operation over nested stacks; make two clusters']
      : [MOST_NODES_IN_ONE_STACK, "give 'nestedStacks: true' when the cluster is created; for one that exists, make a new cluster and move the data, because moving nodes between stacks replaces them"];
    if (nodes > most) {
      throw new ConstructError('TooManyNodes', `a cluster ${props.nestedStacks ? 'in nested stacks' : 'in one stack'} takes at most ${most} nodes, got ${nodes} (${shards} shards of ${replicas} replicas and ${keepers} Keepers); ${instead}`, this);
    }
    return topology;
  }

  private checkZones({ servers, keepers }: Topology, zones: number): void {
    const replicas = Math.max(...servers.map(({ replica }) => replica));
    if (keepers.length >= 3 && zones < 3) {
      Annotations.of(this).addWarningV2('cdk-secure-clickhouse:KeeperZones', `${keepers.length} Keepers are in ${zones} zone${zones === 1 ? '' : 's'}: losing the one with most of them stops writing; give subnets in 3 zones`);
    }
    if (replicas > zones) {
      Annotations.of(this).addWarningV2('cdk-secure-clickhouse:ReplicaZones', `${replicas} replicas of a shard are in ${zones} zone${zones === 1 ? '' : 's'}, so losing one can lose several; give subnets in more zones`);
    }
  }

  private claimZone(vpc: ec2.IVpc, zoneName: string): void {
    const claimed = CLAIMED_ZONES.get(vpc) ?? new Set();
    if (claimed.has(zoneName)) {
      throw new ConstructError('ZoneTaken', `the VPC ${vpc.node.path} has a cluster with the private zone '${zoneName}' already, and takes a name once; give another 'zoneName' or 'clusterName'`, this);
    }
    CLAIMED_ZONES.set(vpc, claimed.add(zoneName));
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

function defaultKeeperType(server: ec2.InstanceType): ec2.InstanceType {
  const arm = server.architecture === ec2.InstanceArchitecture.ARM_64;
  return arm ? ec2.InstanceType.of(ec2.InstanceClass.M7G, ec2.InstanceSize.MEDIUM) : ec2.InstanceType.of(ec2.InstanceClass.M7I, ec2.InstanceSize.LARGE);
}

function cpuType(instanceType: ec2.InstanceType): ec2.AmazonLinuxCpuType {
  return instanceType.architecture === ec2.InstanceArchitecture.ARM_64 ? ec2.AmazonLinuxCpuType.ARM_64 : ec2.AmazonLinuxCpuType.X86_64;
}
