import type { RemovalPolicy, Size } from 'aws-cdk-lib';
import { Duration, Fn, Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as iam from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { ILogGroup } from 'aws-cdk-lib/aws-logs';
import * as route53 from 'aws-cdk-lib/aws-route53';
import type { ISecret } from 'aws-cdk-lib/aws-secretsmanager';
import type { IStringParameter } from 'aws-cdk-lib/aws-ssm';
import type { IDependable } from 'constructs';
import { Construct } from 'constructs';
import { acknowledge, acknowledgeWildcards } from '../acknowledge';
import type { NodeTag } from '../auth/node-command';
import type { NodeRole } from '../config/manifest';
import { DRAIN_HOOK } from '../config/lifecycle';
import { sha256Hex } from '../config/manifest';
import { reportKey } from '../config/report';
import { METADATA_CLICKHOUSE } from '../metadata';
import type { CertificateAuthority, NodeCertificate } from '../tls/certificate-authority';
import type { Artefacts } from './artefacts';
import type { NodePackages } from './packages';
import { userData } from './user-data';

// until CloudFormation gives up on a node, and the longest that it takes.
const PATIENCE = Duration.hours(1);
// what is left of it to the new machine, which has to catch up, when the old one took as long as it may.
const KEPT_FOR_THE_NEW = Duration.minutes(30);
// after the last query: telling, flushing and stopping.
const DRAIN_MARGIN = Duration.minutes(5);

/** How long a node may let what runs on it end, such that the time for its replacement still covers it. */
export const LONGEST_DRAIN = Duration.seconds(PATIENCE.toSeconds() - KEPT_FOR_THE_NEW.toSeconds() - DRAIN_MARGIN.toSeconds());

/** A node by what never changes about it. */
export interface NodeModel {
  readonly role: NodeRole;
  readonly name: string;
  readonly host: string;
  /** servers only. */
  readonly shard?: number;
  /** servers only. */
  readonly replica?: number;
  /** Keepers only. */
  readonly serverId?: number;
}

/** The data volume. */
export interface VolumeModel {
  readonly size: Size;
  readonly iops?: number;
  /** MiB/s. */
  readonly throughput?: number;
  readonly removalPolicy: RemovalPolicy;
  /** existing volumes by node name, used instead of new ones. */
  readonly adopted: Readonly<Record<string, string>>;
}

/** What {@link Node} needs to know. */
export interface NodeProps {
  readonly node: NodeModel;
  readonly clickhouseVersion: string;
  readonly subnet: ec2.ISubnet;
  readonly securityGroup: ec2.ISecurityGroup;
  readonly zone: route53.IPrivateHostedZone;
  readonly instanceType: ec2.InstanceType;
  readonly imageId: string;
  /** changes when the image does, which is otherwise known at deployment only. */
  readonly imageGeneration: string;
  readonly volume: VolumeModel;
  readonly packages: NodePackages;
  /** how long the node lets what runs there end; see {@link LONGEST_DRAIN}. */
  readonly drainSeconds: number;
  readonly key: IKey;
  readonly artefacts: Artefacts;
  readonly liveManifest: IStringParameter;
  readonly internalSecret: ISecret;
  readonly certificates: CertificateAuthority;
  readonly clientNetworks: readonly string[];
  readonly logGroup: ILogGroup;
  readonly targetGroupArns: readonly string[];
  /** what tells nodes of this cluster from all other instances. */
  readonly tag: NodeTag;
  /** what must be there before the first instance starts, besides what the node itself refers to. */
  readonly after: readonly IDependable[];
}

/**
 * One node: a persistent interface, volume and name, and an Auto Scaling group of one that launches replaceable machines onto them.
 *
 * The interface, its address, the name and the data survive any instance. L1s, because aws-cdk-lib's Auto Scaling group insists on
 * subnets and a launch template with security groups, and a template that brings its own primary interface may have neither
 * (https://docs.aws.amazon.com/autoscaling/ec2/userguide/examples-launch-templates-aws-cli.html#example-existing-eni-launch-template).
 */
export class Node extends Construct {
  /** the private address, known at deployment. */
  public readonly privateIp: string;
  public readonly group: autoscaling.CfnAutoScalingGroup;
  public readonly role: iam.IRole;

  constructor(scope: Construct, id: string, props: NodeProps) {
    super(scope, id);
    const { node } = props;
    const zone = props.subnet.availabilityZone;
    const { role, name, shard, replica, serverId } = node;
    const marker = { role, name, shard, replica, serverId, version: props.clickhouseVersion };

    const networkInterface = new ec2.CfnNetworkInterface(this, 'Interface', {
      description: `ClickHouse ${node.host}`,
      subnetId: props.subnet.subnetId,
      groupSet: [props.securityGroup.securityGroupId],
    });
    // after the check that neither subnets nor Keepers changed.
    networkInterface.node.addDependency(props.artefacts.published);
    networkInterface.addMetadata(METADATA_CLICKHOUSE, marker);
    this.privateIp = networkInterface.attrPrimaryPrivateIpAddress;
    new route53.CfnRecordSet(this, 'Name', {
      hostedZoneId: props.zone.hostedZoneId,
      name: `${node.host}.`,
      type: 'A',
      ttl: '60',
      resourceRecords: [this.privateIp],
    });

    const certificate = props.certificates.certify(this, { host: node.host, ip: this.privateIp });
    const volumeId = props.volume.adopted[name] ?? this.newVolume(props, zone, marker);
    const nodeRole = this.nodeRole(props, volumeId, certificate);
    this.role = nodeRole;
    const profile = new iam.CfnInstanceProfile(this, 'Profile', { roles: [nodeRole.roleName] });

    this.group = this.autoScalingGroup(props, zone);
    this.group.addMetadata(METADATA_CLICKHOUSE, marker);
    const template = this.launchTemplate(props, { networkInterface, volumeId, profile, certificate });
    template.addMetadata(METADATA_CLICKHOUSE, marker);
    this.group.launchTemplate = { launchTemplateId: template.ref, version: template.attrLatestVersionNumber };
    this.group.node.addDependency(nodeRole, props.subnet, certificate.issued, ...props.after);
  }

  private newVolume(props: NodeProps, zone: string, marker: object): string {
    const volume = new ec2.CfnVolume(this, 'Volume', {
      availabilityZone: zone,
      size: props.volume.size.toGibibytes(),
      volumeType: 'gp3',
      iops: props.volume.iops,
      throughput: props.volume.throughput,
      encrypted: true,
      kmsKeyId: props.key.keyArn,
      // how a volume that was kept is found again.
      tags: [{ key: 'Name', value: props.node.host }],
    });
    volume.node.addDependency(props.artefacts.published);
    volume.applyRemovalPolicy(props.volume.removalPolicy);
    volume.addMetadata(METADATA_CLICKHOUSE, marker);
    return volume.ref;
  }

  private nodeRole(props: NodeProps, volumeId: string, certificate: NodeCertificate): iam.Role {
    const stack = Stack.of(this);
    const { artefacts, node } = props;
    const { partition, region, account } = stack;
    const object = (key: string): string => artefacts.bucket.arnForObjects(key);
    // every one that was ever published: an instance that is replaced while a change is under way still boots the one before.
    const published = [object('agent/*'), object('manifests/*')];
    const { packages } = props;
    const volumeArn = `arn:${partition}:ec2:${region}:${account}:volume/${volumeId}`;
    const instances = `arn:${partition}:ec2:${region}:${account}:instance/*`;
    const through = (service: string): Record<string, Record<string, string>> => ({
      StringEquals: { 'kms:ViaService': `${service}.${region}.amazonaws.com` },
    });
    const own = (actions: string[], ...resources: string[]): iam.PolicyStatement => new iam.PolicyStatement({ actions, resources });
    const withKey = (service: string, ...actions: string[]): iam.PolicyStatement =>
      new iam.PolicyStatement({ actions, resources: [props.key.keyArn], conditions: through(service) });
    // the name of the node's group is not known before the role is. The groups of a cluster carry its tag
    // (https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2autoscaling.html).
    const groups = `arn:${partition}:autoscaling:${region}:${account}:autoScalingGroup:*:autoScalingGroupName/*`;
    // what only a server does: it runs live manifests and proves itself to its peers.
    const ofServers = {
      LiveManifest: own(['ssm:GetParameter'], props.liveManifest.parameterArn),
      InternalSecret: own(['secretsmanager:GetSecretValue'], props.internalSecret.secretArn),
      // what the node says it runs; see LiveRollout.
      Report: own(['s3:PutObject'], object(reportKey(node.name))),
      EncryptReport: withKey('s3', 'kms:GenerateDataKey'),
    };
    const statements = {
      Artefacts: own(['s3:GetObject'], ...published),
      DecryptArtefacts: withKey('s3', 'kms:Decrypt'),
      ...(packages.readable.length > 0 ? { Packages: own(['s3:GetObject'], ...packages.readable) } : {}),
      ...(packages.key ? { DecryptPackages: new iam.PolicyStatement({ actions: ['kms:Decrypt'], resources: [packages.key.keyArn], conditions: through('s3') }) } : {}),
      Certificate: own(['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'], certificate.secretArn),
      CaCertificate: own(['ssm:GetParameter'], props.certificates.caCertificate.parameterArn),
      DecryptSecrets: withKey('secretsmanager', 'kms:Decrypt'),
      ...(node.role === 'server' ? ofServers : {}),
      AttachVolume: own(['ec2:AttachVolume'], volumeArn, instances),
      // attaching an encrypted volume makes EC2 hold a grant for the instance
      // (https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html).
      AttachEncrypted: new iam.PolicyStatement({
        actions: ['kms:CreateGrant'],
        resources: [props.key.keyArn],
        conditions: { ...through('ec2'), Bool: { 'kms:GrantIsForAWSResource': 'true' } },
      }),
      // neither call takes a resource; Session Manager is the only way in, there is no key pair
      // (https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html).
      WithoutResource: own(
        [
          'ec2:DescribeVolumes',
          'ssm:UpdateInstanceInformation',
          'ssmmessages:CreateControlChannel',
          'ssmmessages:CreateDataChannel',
          'ssmmessages:OpenControlChannel',
          'ssmmessages:OpenDataChannel',
        ],
        '*',
      ),
      // the second: which name the node's group has, for the drain.
      Signal: own(['cloudformation:SignalResource', 'cloudformation:DescribeStackResource'], stack.stackId),
      Drain: new iam.PolicyStatement({
        actions: ['autoscaling:CompleteLifecycleAction'],
        resources: [groups],
        conditions: { StringEquals: { [`autoscaling:ResourceTag/${props.tag.key}`]: props.tag.value } },
      }),
      Log: own(
        ['logs:CreateLogStream', 'logs:PutLogEvents'],
        `arn:${partition}:logs:${region}:${account}:log-group:${props.logGroup.logGroupName}:log-stream:${node.name}`,
      ),
    };
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
      description: `ClickHouse ${node.host}`,
      inlinePolicies: { Node: new iam.PolicyDocument({ statements: Object.entries(statements).map(([sid, statement]) => named(sid, statement)) }) },
    });
    acknowledgeWildcards(role, {
      '*': 'ec2:DescribeVolumes and the calls of Session Manager take no resource',
      [instances]: 'which instance attaches the volume is known at launch; the statement is bound to this one volume',
      [groups]: 'the name of a group is known after its role; the statement is bound to groups that carry the tag of this cluster',
      ...packages.wildcards,
      ...Object.fromEntries(published.map((resource) => [resource, 'programs and manifests are named by hashes that change; they hold no secret, and nodes accept them by hash'])),
    });
    return role;
  }

  private autoScalingGroup(props: NodeProps, zone: string): autoscaling.CfnAutoScalingGroup {
    const group = new autoscaling.CfnAutoScalingGroup(this, 'Group', {
      // the zone and no subnet: the subnet comes with the interface.
      availabilityZones: [zone],
      minSize: '1',
      maxSize: '1',
      // terminate first: one interface and one volume serve one instance at a time.
      instanceMaintenancePolicy: { minHealthyPercentage: 0, maxHealthyPercentage: 100 },
      // never the load balancer's view: it would replace a replica that is busy catching up.
      healthCheckType: 'EC2',
      healthCheckGracePeriod: Duration.minutes(10).toSeconds(),
      targetGroupArns: [...props.targetGroupArns],
      // inside of the group, so that it is there before the first instance and is no resource of its own. A change of it takes no interruption
      // (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-properties-autoscaling-autoscalinggroup-lifecyclehookspecification.html).
      // The agent ends it as soon as the node has drained; a node that says nothing is terminated when the time is over.
      lifecycleHookSpecificationList: [
        {
          lifecycleHookName: DRAIN_HOOK,
          lifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING',
          heartbeatTimeout: props.drainSeconds + DRAIN_MARGIN.toSeconds(),
          defaultResult: 'CONTINUE',
        },
      ],
      tags: [{ key: 'Name', value: props.node.host, propagateAtLaunch: true }, { ...props.tag, propagateAtLaunch: true }],
    });
    // CloudFormation waits at most an hour for a signal.
    group.cfnOptions.creationPolicy = { resourceSignal: { count: 1, timeout: PATIENCE.toIsoString() } };
    group.cfnOptions.updatePolicy = {
      autoScalingRollingUpdate: {
        minInstancesInService: 0,
        maxBatchSize: 1,
        waitOnResourceSignals: true,
        pauseTime: PATIENCE.toIsoString(),
        // a replacement by Auto Scaling in the middle of a rolling update would be a second instance for the same volume.
        suspendProcesses: ['HealthCheck', 'ReplaceUnhealthy', 'AZRebalance', 'AlarmNotification', 'ScheduledActions'],
      },
    };
    acknowledge(this, 'AwsSolutions-AS3', 'a group of one scales never; a node that is replaced or fails reports through its own logs and alarms');
    return group;
  }

  private launchTemplate(
    props: NodeProps,
    parts: { networkInterface: ec2.CfnNetworkInterface; volumeId: string; profile: iam.CfnInstanceProfile; certificate: NodeCertificate },
  ): ec2.CfnLaunchTemplate {
    const stack = Stack.of(this);
    const { artefacts, node } = props;
    const boot = artefacts.boot(node.role);
    const identity = stack.toJsonString(
      {
        schema: 1,
        role: node.role,
        name: node.name,
        host: node.host,
        shard: node.shard?.toString(),
        replica: node.replica?.toString(),
        serverId: node.serverId?.toString(),
        ip: this.privateIp,
        region: stack.region,
        bucket: artefacts.bucket.bucketName,
        bootManifestKey: boot.key,
        bootManifestSha256: boot.sha256,
        liveManifestParameter: props.liveManifest.parameterName,
        volumeId: parts.volumeId,
        internalSecretArn: props.internalSecret.secretArn,
        nodeSecretArn: parts.certificate.secretArn,
        caParameter: props.certificates.caCertificate.parameterName,
        clientNetworks: props.clientNetworks,
        stackId: stack.stackId,
        groupLogicalId: stack.getLogicalId(this.group),
        logGroup: props.logGroup.logGroupName,
        packageBucket: props.packages.bucketName,
        packages: props.packages.objects,
      },
      1,
    );
    const script = userData({
      identity,
      region: stack.region,
      bucket: artefacts.bucket.bucketName,
      agent: artefacts.agent,
      boot,
      stackId: stack.stackId,
      groupLogicalId: stack.getLogicalId(this.group),
    });
    const launchTemplateData: ec2.CfnLaunchTemplate.LaunchTemplateDataProperty = {
      imageId: props.imageId,
      instanceType: props.instanceType.toString(),
      iamInstanceProfile: { arn: parts.profile.attrArn },
      // the interface brings the subnet and the groups.
      networkInterfaces: [{ deviceIndex: 0, networkInterfaceId: parts.networkInterface.ref }],
      // a token with one hop: a container or a forwarded request cannot fetch the node's credentials.
      // No tags: with them no instance starts that is given one with a blank or a slash in its key.
      metadataOptions: { httpEndpoint: 'enabled', httpTokens: 'required', httpPutResponseHopLimit: 1, instanceMetadataTags: 'disabled' },
      blockDeviceMappings: [
        {
          deviceName: '/dev/xvda',
          ebs: { volumeType: 'gp3', volumeSize: 30, encrypted: true, kmsKeyId: props.key.keyArn, deleteOnTermination: true },
        },
      ],
      monitoring: { enabled: true },
      ebsOptimized: true,
      userData: Fn.base64(script),
    };
    // another content is another launch template: rolling one back in place can leave the failed version behind
    // (https://github.com/aws-cloudformation/cloudformation-coverage-roadmap/issues/1912).
    const content = sha256Hex(JSON.stringify([stack.resolve(launchTemplateData), props.imageGeneration, props.certificates.trust])).slice(0, 8);
    return new ec2.CfnLaunchTemplate(this, `LaunchTemplate${content}`, { launchTemplateData });
  }
}

function named(sid: string, statement: iam.PolicyStatement): iam.PolicyStatement {
  statement.sid = sid;
  return statement;
}
