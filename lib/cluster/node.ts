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
import { Construct } from 'constructs';
import { acknowledge, acknowledgeWildcards } from '../acknowledge';
import type { ServerNode } from '../config/topology';
import { METADATA_CLICKHOUSE } from '../metadata';
import type { Artefacts } from './artefacts';
import { userData } from './user-data';

/** The data volume. */
export interface VolumeModel {
  readonly size: Size;
  readonly iops?: number;
  /** MiB/s. */
  readonly throughput?: number;
  readonly removalPolicy: RemovalPolicy;
}

/** What {@link Node} needs to know. */
export interface NodeProps {
  readonly node: ServerNode;
  readonly clickhouseVersion: string;
  readonly subnet: ec2.ISubnet;
  readonly securityGroup: ec2.ISecurityGroup;
  readonly zone: route53.IPrivateHostedZone;
  readonly instanceType: ec2.InstanceType;
  readonly imageId: string;
  readonly volume: VolumeModel;
  readonly key: IKey;
  readonly artefacts: Artefacts;
  readonly liveManifest: IStringParameter;
  readonly internalSecret: ISecret;
  readonly clientNetworks: readonly string[];
  readonly logGroup: ILogGroup;
  readonly targetGroupArns: readonly string[];
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

  constructor(scope: Construct, id: string, props: NodeProps) {
    super(scope, id);
    const { node } = props;
    const zone = props.subnet.availabilityZone;
    const marker = { role: 'server', name: node.name, version: props.clickhouseVersion };

    const networkInterface = new ec2.CfnNetworkInterface(this, 'Interface', {
      description: `ClickHouse ${node.host}`,
      subnetId: props.subnet.subnetId,
      groupSet: [props.securityGroup.securityGroupId],
    });
    networkInterface.addMetadata(METADATA_CLICKHOUSE, marker);
    this.privateIp = networkInterface.attrPrimaryPrivateIpAddress;
    new route53.CfnRecordSet(this, 'Name', {
      hostedZoneId: props.zone.hostedZoneId,
      name: `${node.host}.`,
      type: 'A',
      ttl: '60',
      resourceRecords: [this.privateIp],
    });

    const volume = new ec2.CfnVolume(this, 'Volume', {
      availabilityZone: zone,
      size: props.volume.size.toGibibytes(),
      volumeType: 'gp3',
      iops: props.volume.iops,
      throughput: props.volume.throughput,
      encrypted: true,
      kmsKeyId: props.key.keyArn,
    });
    volume.applyRemovalPolicy(props.volume.removalPolicy);
    volume.addMetadata(METADATA_CLICKHOUSE, marker);

    const role = this.nodeRole(props, volume);
    const profile = new iam.CfnInstanceProfile(this, 'Profile', { roles: [role.roleName] });

    this.group = this.autoScalingGroup(props, zone);
    const template = this.launchTemplate(props, { networkInterface, volume, profile });
    template.addMetadata(METADATA_CLICKHOUSE, marker);
    this.group.launchTemplate = { launchTemplateId: template.ref, version: template.attrLatestVersionNumber };
    // what the first boot needs is there before the instance is.
    this.group.node.addDependency(props.artefacts.published, props.liveManifest, role);
  }

  private nodeRole(props: NodeProps, volume: ec2.CfnVolume): iam.Role {
    const stack = Stack.of(this);
    const { artefacts, node } = props;
    const { partition, region, account } = stack;
    const object = (key: string): string => artefacts.bucket.arnForObjects(key);
    const liveManifests = object('manifests/live/*');
    const volumeArn = `arn:${partition}:ec2:${region}:${account}:volume/${volume.ref}`;
    const instances = `arn:${partition}:ec2:${region}:${account}:instance/*`;
    const through = (service: string): Record<string, Record<string, string>> => ({
      StringEquals: { 'kms:ViaService': `${service}.${region}.amazonaws.com` },
    });
    const statements = {
      Artefacts: new iam.PolicyStatement({ actions: ['s3:GetObject'], resources: [object(artefacts.agent.key), object(artefacts.boot.key), liveManifests] }),
      LiveManifest: new iam.PolicyStatement({ actions: ['ssm:GetParameter'], resources: [props.liveManifest.parameterArn] }),
      InternalSecret: new iam.PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [props.internalSecret.secretArn] }),
      DecryptArtefacts: new iam.PolicyStatement({ actions: ['kms:Decrypt'], resources: [props.key.keyArn], conditions: through('s3') }),
      DecryptSecrets: new iam.PolicyStatement({ actions: ['kms:Decrypt'], resources: [props.key.keyArn], conditions: through('secretsmanager') }),
      AttachVolume: new iam.PolicyStatement({ actions: ['ec2:AttachVolume', 'ec2:DetachVolume'], resources: [volumeArn, instances] }),
      // attaching an encrypted volume makes EC2 hold a grant for the instance
      // (https://docs.aws.amazon.com/ebs/latest/userguide/ebs-encryption-requirements.html).
      AttachEncrypted: new iam.PolicyStatement({
        actions: ['kms:CreateGrant'],
        resources: [props.key.keyArn],
        conditions: { ...through('ec2'), Bool: { 'kms:GrantIsForAWSResource': 'true' } },
      }),
      // neither call takes a resource; Session Manager is the only way in, there is no key pair
      // (https://docs.aws.amazon.com/systems-manager/latest/userguide/getting-started-create-iam-instance-profile.html).
      WithoutResource: new iam.PolicyStatement({
        actions: [
          'ec2:DescribeVolumes',
          'ssm:UpdateInstanceInformation',
          'ssmmessages:CreateControlChannel',
          'ssmmessages:CreateDataChannel',
          'ssmmessages:OpenControlChannel',
          'ssmmessages:OpenDataChannel',
        ],
        resources: ['*'],
      }),
      Signal: new iam.PolicyStatement({ actions: ['cloudformation:SignalResource'], resources: [stack.stackId] }),
      Log: new iam.PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [`arn:${partition}:logs:${region}:${account}:log-group:${props.logGroup.logGroupName}:log-stream:${node.name}`],
      }),
    };
    const role = new iam.Role(this, 'Role', {
      assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
      description: `ClickHouse ${node.host}`,
      inlinePolicies: { Node: new iam.PolicyDocument({ statements: Object.entries(statements).map(([sid, statement]) => named(sid, statement)) }) },
    });
    acknowledgeWildcards(role, {
      '*': 'ec2:DescribeVolumes and the calls of Session Manager take no resource',
      [instances]: 'which instance attaches the volume is known at launch; the statement is bound to this one volume',
      [liveManifests]: 'live manifests are named by their hash and change without a new role; they hold no secret',
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
      tags: [{ key: 'Name', value: props.node.host, propagateAtLaunch: true }],
    });
    group.addMetadata(METADATA_CLICKHOUSE, { role: 'server', name: props.node.name, version: props.clickhouseVersion });
    // CloudFormation waits at most an hour for a signal.
    group.cfnOptions.creationPolicy = { resourceSignal: { count: 1, timeout: 'PT1H' } };
    group.cfnOptions.updatePolicy = {
      autoScalingRollingUpdate: {
        minInstancesInService: 0,
        maxBatchSize: 1,
        waitOnResourceSignals: true,
        pauseTime: 'PT1H',
        // a replacement by Auto Scaling in the middle of a rolling update would be a second instance for the same volume.
        suspendProcesses: ['HealthCheck', 'ReplaceUnhealthy', 'AZRebalance', 'AlarmNotification', 'ScheduledActions'],
      },
    };
    acknowledge(this, 'AwsSolutions-AS3', 'a group of one scales never; a node that is replaced or fails reports through its own logs and alarms');
    return group;
  }

  private launchTemplate(
    props: NodeProps,
    parts: { networkInterface: ec2.CfnNetworkInterface; volume: ec2.CfnVolume; profile: iam.CfnInstanceProfile },
  ): ec2.CfnLaunchTemplate {
    const stack = Stack.of(this);
    const { artefacts, node } = props;
    const identity = stack.toJsonString(
      {
        schema: 1,
        role: 'server',
        name: node.name,
        host: node.host,
        shard: String(node.shard),
        replica: String(node.replica),
        ip: this.privateIp,
        region: stack.region,
        bucket: artefacts.bucket.bucketName,
        bootManifestKey: artefacts.boot.key,
        bootManifestSha256: artefacts.boot.sha256,
        liveManifestParameter: props.liveManifest.parameterName,
        volumeId: parts.volume.ref,
        internalSecretArn: props.internalSecret.secretArn,
        clientNetworks: props.clientNetworks,
      },
      1,
    );
    const script = userData({
      identity,
      region: stack.region,
      bucket: artefacts.bucket.bucketName,
      agent: artefacts.agent,
      boot: artefacts.boot,
      stackId: stack.stackId,
      groupLogicalId: stack.getLogicalId(this.group),
    });
    return new ec2.CfnLaunchTemplate(this, 'LaunchTemplate', {
      launchTemplateData: {
        imageId: props.imageId,
        instanceType: props.instanceType.toString(),
        iamInstanceProfile: { arn: parts.profile.attrArn },
        // the interface brings the subnet and the groups.
        networkInterfaces: [{ deviceIndex: 0, networkInterfaceId: parts.networkInterface.ref }],
        // a token with one hop: a container or a forwarded request cannot fetch the node's credentials.
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
      },
    });
  }
}

function named(sid: string, statement: iam.PolicyStatement): iam.PolicyStatement {
  statement.sid = sid;
  return statement;
}
