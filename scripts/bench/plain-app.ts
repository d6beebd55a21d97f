// The infrastructure of bin/app.ts written by hand with aws-cdk-lib alone: what the library's synthesis is measured against. The bench
// compares the two templates first, so this file has to follow when the example changes.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { StackProps } from 'aws-cdk-lib';
import { CfnOutput, CfnWaitConditionHandle, CustomResource, Duration, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib';
import * as autoscaling from 'aws-cdk-lib/aws-autoscaling';
import * as cloudwatch from 'aws-cdk-lib/aws-cloudwatch';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as elbv2 from 'aws-cdk-lib/aws-elasticloadbalancingv2';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as logs from 'aws-cdk-lib/aws-logs';
import * as route53 from 'aws-cdk-lib/aws-route53';
import { LoadBalancerTarget } from 'aws-cdk-lib/aws-route53-targets';
import * as s3 from 'aws-cdk-lib/aws-s3';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import * as ssm from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import { PlainAuthority } from './plain-authority';
import { plainFunction } from './plain-function';
import { PlainPackages } from './plain-packages';
import { PlainRotation, plainUserSecret } from './plain-rotation';

const CIDR = '10.20.0.0/16';
const ZONE = 'analytics.clickhouse.internal';
const NODE_TAG = { key: 'clickhouse:cluster', value: 'analytics' };
const USE_KEY = ['kms:Encrypt', 'kms:Decrypt', 'kms:ReEncrypt*', 'kms:GenerateDataKey*', 'kms:DescribeKey'];
const IMAGE = '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-';

/** Where the files are that somebody who writes this by hand has beside the app. */
export interface PlainStackProps extends StackProps {
  /** the folder of the bundled handlers and agent. */
  readonly bundles: string;
  /** the configuration of the servers, as one file. */
  readonly serverManifest: string;
  /** the configuration of the Keepers, as one file. */
  readonly keeperManifest: string;
  /** the users, as one file. */
  readonly liveManifest: string;
}

/** One shard of two ClickHouse replicas and three Keepers in an isolated VPC. */
export class PlainStack extends Stack {
  constructor(scope: Construct, id: string, props: PlainStackProps) {
    super(scope, id, props);
    const { partition, region, account } = this;

    // --- network
    const flowLogs = new logs.LogGroup(this, 'FlowLogs', { retention: logs.RetentionDays.THREE_MONTHS });
    const vpc = new ec2.Vpc(this, 'Vpc', {
      availabilityZones: [0, 1, 2].map((zone) => Fn.select(zone, Fn.getAzs())),
      ipAddresses: ec2.IpAddresses.cidr(CIDR),
      natGateways: 0,
      subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED, cidrMask: 20 }],
      flowLogs: { All: { destination: ec2.FlowLogDestination.toCloudWatchLogs(flowLogs) } },
    });

    // --- endpoints of AWS services
    const pass = (actions: string[], resources: string[], equals?: Record<string, string>): iam.PolicyStatement =>
      new iam.PolicyStatement({ principals: [new iam.AnyPrincipal()], actions, resources, conditions: equals && { StringEquals: equals } });
    const own = { 'aws:PrincipalAccount': account };
    const ours = { ...own, 'aws:ResourceAccount': account };
    const here = (service: string, resource: string): string => `arn:${partition}:${service}:${region}:${account}:${resource}`;
    const toS3 = new ec2.GatewayVpcEndpoint(this, 'S3', { vpc, subnets: [{ subnetType: ec2.SubnetType.PRIVATE_ISOLATED }], service: ec2.GatewayVpcEndpointAwsService.S3 });
    toS3.addToPolicy(pass(['s3:GetObject'], [`arn:${partition}:s3:::al2023-repos-${region}-de612dc2/*`]));
    toS3.addToPolicy(pass(['s3:GetObject'], [`arn:${partition}:s3:::*/*`], ours));
    toS3.addToPolicy(pass(['s3:PutObject'], [`arn:${partition}:s3:::*/reports/*`], ours));
    const servicesGroup = new ec2.SecurityGroup(this, 'ServicesGroup', { vpc, description: 'AWS services that ClickHouse nodes call', allowAllOutbound: false });
    const through443 = (name: string, service: ec2.IInterfaceVpcEndpointService, ...statements: iam.PolicyStatement[]): ec2.IVpcEndpoint => {
      const endpoint = new ec2.InterfaceVpcEndpoint(this, name, { vpc, service, open: false, privateDnsEnabled: true, securityGroups: [servicesGroup] });
      for (const statement of statements) endpoint.addToPolicy(statement);
      return endpoint;
    };
    const services = ec2.InterfaceVpcEndpointAwsService;
    const session = ['CreateControlChannel', 'CreateDataChannel', 'OpenControlChannel', 'OpenDataChannel'].map((action) => `ssmmessages:${action}`);
    const endpoints = [
      toS3,
      through443(
        'AutoScaling',
        services.AUTOSCALING,
        pass(['autoscaling:CompleteLifecycleAction'], [here('autoscaling', 'autoScalingGroup:*')], own),
      ),
      through443('CloudFormation', services.CLOUDFORMATION, pass(['cloudformation:SignalResource', 'cloudformation:DescribeStackResource'], [here('cloudformation', 'stack/*')], own)),
      through443(
        'Ec2',
        services.EC2,
        pass(['ec2:AttachVolume'], [here('ec2', 'volume/*'), here('ec2', 'instance/*')], own),
        pass(['ec2:DescribeVolumes'], ['*'], own),
      ),
      through443('CloudWatchLogs', services.CLOUDWATCH_LOGS, pass(['logs:CreateLogStream', 'logs:PutLogEvents'], [here('logs', 'log-group:*')], own)),
      through443(
        'SecretsManager',
        services.SECRETS_MANAGER,
        pass(
          ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret', 'secretsmanager:PutSecretValue', 'secretsmanager:UpdateSecretVersionStage'],
          [here('secretsmanager', 'secret:*')],
          own,
        ),
        pass(['secretsmanager:GetRandomPassword'], ['*'], own),
      ),
      through443(
        'Ssm',
        services.SSM,
        pass(['ssm:GetParameter'], [here('ssm', 'parameter/*')], own),
        pass(['ssm:UpdateInstanceInformation'], ['*'], own),
        pass(['ssm:SendCommand'], [here('ssm', 'document/*'), here('ec2', 'instance/*')], own),
      ),
      through443('SsmMessages', services.SSM_MESSAGES, pass(session, ['*'], own)),
    ];

    // --- key
    const key = new kms.Key(this, 'Key', { description: 'ClickHouse', enableKeyRotation: true, removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE });
    const throughEc2 = { 'kms:ViaService': `ec2.${region}.amazonaws.com`, 'kms:CallerAccount': account };
    const anyone = [new iam.AnyPrincipal()];
    const grantable = { Bool: { 'kms:GrantIsForAWSResource': 'true' } };
    key.addToResourcePolicy(
      new iam.PolicyStatement({ sid: 'UseThroughEc2', principals: anyone, actions: USE_KEY, resources: ['*'], conditions: { StringEquals: throughEc2 } }),
    );
    key.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'GrantThroughEc2',
        principals: anyone,
        actions: ['kms:CreateGrant'],
        resources: ['*'],
        conditions: { StringEquals: throughEc2, ...grantable },
      }),
    );
    key.addToResourcePolicy(
      new iam.PolicyStatement({
        sid: 'EncryptLogs',
        principals: [new iam.ServicePrincipal(`logs.${region}.amazonaws.com`)],
        actions: USE_KEY,
        resources: ['*'],
        conditions: { ArnLike: { 'kms:EncryptionContext:aws:logs:arn': `arn:${partition}:logs:${region}:${account}:log-group:*` } },
      }),
    );

    // --- facts about the region
    const [lookup] = plainFunction(this, 'Lookup', 'Looks up facts about the region', join(props.bundles, 'regional-fact'), key, [
      new iam.PolicyStatement({
        actions: ['ssm:GetParameter'],
        resources: ['arm64', 'x86_64'].map((cpu) => `arn:${partition}:ssm:${region}::parameter${IMAGE}${cpu}`),
      }),
      new iam.PolicyStatement({ actions: ['ec2:DescribeManagedPrefixLists'], resources: ['*'] }),
    ]);
    const fact = (name: string, properties: Record<string, string>): string =>
      new CustomResource(this, name, { resourceType: 'Custom::ClickHouseRegionalFact', serviceToken: lookup.functionArn, properties }).getAttString('Value');
    const prefixList = fact('S3PrefixList', { Kind: 'ManagedPrefixList', Name: `com.amazonaws.${region}.s3` });
    const imageId = fact('MachineImage', { Kind: 'PublicParameter', Name: `${IMAGE}arm64`, Generation: '1' });

    // --- security groups
    const endpointGroup = new ec2.SecurityGroup(this, 'EndpointGroup', { vpc, description: 'ClickHouse endpoint, TLS only', allowAllOutbound: false });
    const nodeGroup = new ec2.SecurityGroup(this, 'NodeGroup', { vpc, description: 'ClickHouse nodes', allowAllOutbound: false });
    for (const port of [8443, 9440]) nodeGroup.connections.allowFrom(endpointGroup, ec2.Port.tcp(port), 'the endpoint passes clients on');
    for (const port of [9440, 9010]) nodeGroup.connections.allowInternally(ec2.Port.tcp(port), 'distributed queries and replication');
    for (const port of [9281, 9444]) nodeGroup.connections.allowInternally(ec2.Port.tcp(port), 'to and among Keepers');
    nodeGroup.addEgressRule(ec2.Peer.prefixList(prefixList), ec2.Port.tcp(443), 'S3 through the gateway endpoint');
    nodeGroup.connections.allowTo(servicesGroup, ec2.Port.tcp(443), 'AWS services through interface endpoints');

    // --- zone, bucket and what is in it
    const zone = new route53.PrivateHostedZone(this, 'Zone', { zoneName: ZONE, vpc, comment: 'ClickHouse' });
    const bucket = new s3.Bucket(this, 'Bucket', {
      encryption: s3.BucketEncryption.KMS,
      encryptionKey: key,
      bucketKeyEnabled: true,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      blockPublicAccess: s3.BlockPublicAccess.BLOCK_ALL,
      objectOwnership: s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
      versioned: true,
      lifecycleRules: [{ noncurrentVersionExpiration: Duration.days(30), abortIncompleteMultipartUploadAfter: Duration.days(1) }],
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const boot = { server: file('manifests/boot', props.serverManifest, 'json'), keeper: file('manifests/boot', props.keeperManifest, 'json') };
    const agent = file('agent', join(props.bundles, 'agent', 'index.js'), 'js');
    const liveParameter = new ssm.StringParameter(this, 'LiveManifest', { description: 'The live manifest that ClickHouse runs', stringValue: 'none yet' });
    const authority = new PlainAuthority(this, 'Authority', {
      zone: ZONE,
      networks: vpc.isolatedSubnets.map(({ ipv4CidrBlock }) => ipv4CidrBlock),
      key,
      bundle: join(props.bundles, 'issue-certificate'),
    });
    const { caCertificate } = authority;
    const secrets = Object.fromEntries(['migrations', 'ingest', 'reports'].map((user) => [user, plainUserSecret(this, user, ZONE, key, caCertificate)]));
    // the users, with the secrets that their passwords are in.
    const live = readFileSync(props.liveManifest, 'utf8').replace(/%([a-z]+)%/g, (_, user: string) => secrets[user]?.secretArn ?? '');
    const [publisher] = plainFunction(this, 'Publisher', 'Publishes the artefacts of ClickHouse', join(props.bundles, 'publish-artefacts'), key, [
      new iam.PolicyStatement({ actions: ['s3:PutObject', 's3:DeleteObject', 's3:DeleteObjectVersion'], resources: [bucket.arnForObjects('*')] }),
      new iam.PolicyStatement({ actions: ['s3:ListBucketVersions'], resources: [bucket.bucketArn] }),
      new iam.PolicyStatement({ actions: ['kms:GenerateDataKey', 'kms:Decrypt'], resources: [key.keyArn] }),
      new iam.PolicyStatement({ actions: ['ssm:PutParameter'], resources: [liveParameter.parameterArn] }),
    ]);
    const published = new CustomResource(this, 'Published', {
      resourceType: 'Custom::ClickHouseArtefacts',
      serviceToken: publisher.functionArn,
      properties: {
        Bucket: bucket.bucketName,
        Manifests: [boot.server, boot.keeper].map((each) => ({ Key: each.key, Sha256: each.sha256, Content: each.content })),
        Live: live,
        Agent: { Key: agent.key, Sha256: agent.sha256 },
        Pointer: liveParameter.parameterName,
        Keepers: '3',
        Subnets: vpc.isolatedSubnets.map(({ subnetId }) => subnetId),
      },
    });
    published.node.addDependency(bucket);
    const { clickhouseVersion: version } = JSON.parse(boot.server.content) as { clickhouseVersion: string };
    const packages = new PlainPackages(this, 'Packages', { version, bucket, key, bundle: join(props.bundles, 'mirror-packages'), after: published });
    const secret = new secretsmanager.Secret(this, 'InternalSecret', {
      description: 'What the nodes prove themselves to each other with',
      encryptionKey: key,
      generateSecretString: { passwordLength: 64, excludePunctuation: true },
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const logGroup = new logs.LogGroup(this, 'Logs', { encryptionKey: key, retention: logs.RetentionDays.THREE_MONTHS, removalPolicy: RemovalPolicy.DESTROY });

    // --- load balancer
    const vpcSubnets = { subnetType: ec2.SubnetType.PRIVATE_ISOLATED, onePerAz: true };
    const balancer = new elbv2.NetworkLoadBalancer(this, 'LoadBalancer', {
      vpc,
      vpcSubnets,
      internetFacing: false,
      securityGroups: [endpointGroup],
      enforceSecurityGroupInboundRulesOnPrivateLinkTraffic: true,
      crossZoneEnabled: true,
    });
    const targets = Object.entries({ Https: 8443, Native: 9440 }).map(([name, port]) => {
      const group = new elbv2.NetworkTargetGroup(this, `${name}Targets`, {
        vpc,
        port,
        protocol: elbv2.Protocol.TCP,
        targetType: elbv2.TargetType.INSTANCE,
        preserveClientIp: true,
        deregistrationDelay: Duration.minutes(5),
        healthCheck: { protocol: elbv2.Protocol.HTTPS, port: '8443', path: '/ping', interval: Duration.seconds(10) },
      });
      balancer.addListener(name, { port, protocol: elbv2.Protocol.TCP, defaultTargetGroups: [group] });
      return group;
    });
    new route53.ARecord(this, 'EndpointName', { zone, recordName: `${ZONE}.`, target: route53.RecordTarget.fromAlias(new LoadBalancerTarget(balancer)) });

    // --- the nodes: Keepers one after the other, then one replica after the other
    const { subnets } = vpc.selectSubnets(vpcSubnets);
    const readers = new iam.ManagedPolicy(this, 'Readers', { description: 'Read the passwords of the users of ClickHouse' });
    readers.addStatements(new iam.PolicyStatement({ actions: ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'], resources: Object.values(secrets).map(({ secretArn }) => secretArn) }));
    const instances = `arn:${partition}:ec2:${region}:${account}:instance/*`;
    const through = (service: string): Record<string, Record<string, string>> => ({ StringEquals: { 'kms:ViaService': `${service}.${region}.amazonaws.com` } });
    const keeper = { role: 'keeper', boot: boot.keeper, instanceType: 'm7g.medium', size: 20, drain: 330, targetGroupArns: [] } as const;
    const server = { role: 'server', boot: boot.server, instanceType: 'm7g.large', size: 100, drain: 600, targetGroupArns: targets.map((each) => each.targetGroupArn) } as const;
    const keepers = [1, 2, 3].map((serverId) => ({ ...keeper, name: `keeper-${serverId}`, subnet: subnets[serverId - 1], ids: { serverId: `${serverId}` } }));
    const replicas = [1, 2].map((replica) => ({
      ...server,
      name: `server-1-${replica}`,
      subnet: subnets[replica - 1],
      ids: { shard: '1', replica: `${replica}` },
    }));
    let before: autoscaling.CfnAutoScalingGroup | undefined;
    const firstBoot = new CfnWaitConditionHandle(this, 'FirstBoot');
    firstBoot.node.addDependency(published, packages, nodeGroup, servicesGroup, ...endpoints);
    for (const node of [...keepers, ...replicas]) {
      const { name, subnet } = node;
      if (subnet === undefined) throw new Error('the VPC has too few isolated subnets');
      const host = `${name}.${ZONE}`;
      const scope = new Construct(this, name);
      const networkInterface = new ec2.CfnNetworkInterface(scope, 'Interface', {
        description: `ClickHouse ${host}`,
        subnetId: subnet.subnetId,
        groupSet: [nodeGroup.securityGroupId],
      });
      networkInterface.node.addDependency(published);
      new route53.CfnRecordSet(scope, 'Name', {
        hostedZoneId: zone.hostedZoneId,
        name: `${host}.`,
        type: 'A',
        ttl: '60',
        resourceRecords: [networkInterface.attrPrimaryPrivateIpAddress],
      });
      const certificate = authority.certify(scope, host, networkInterface.attrPrimaryPrivateIpAddress);
      const volume = new ec2.CfnVolume(scope, 'Volume', {
        availabilityZone: subnet.availabilityZone,
        size: node.size,
        volumeType: 'gp3',
        encrypted: true,
        kmsKeyId: key.keyArn,
        tags: [{ key: 'Name', value: host }],
      });
      volume.node.addDependency(published);
      volume.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
      const ofServers = [
        new iam.PolicyStatement({ sid: 'LiveManifest', actions: ['ssm:GetParameter'], resources: [liveParameter.parameterArn] }),
        new iam.PolicyStatement({ sid: 'InternalSecret', actions: ['secretsmanager:GetSecretValue'], resources: [secret.secretArn] }),
        new iam.PolicyStatement({ sid: 'Report', actions: ['s3:PutObject'], resources: [bucket.arnForObjects(`reports/${name}.json`)] }),
        new iam.PolicyStatement({ sid: 'EncryptReport', actions: ['kms:GenerateDataKey'], resources: [key.keyArn], conditions: through('s3') }),
      ];
      const role = new iam.Role(scope, 'Role', {
        assumedBy: new iam.ServicePrincipal('ec2.amazonaws.com'),
        description: `ClickHouse ${host}`,
        managedPolicies: node.role === 'server' ? [readers] : [],
        inlinePolicies: {
          Node: new iam.PolicyDocument({
            statements: [
              new iam.PolicyStatement({
                sid: 'Artefacts',
                actions: ['s3:GetObject'],
                resources: [bucket.arnForObjects('agent/*'), bucket.arnForObjects('manifests/*')],
              }),
              new iam.PolicyStatement({ sid: 'DecryptArtefacts', actions: ['kms:Decrypt'], resources: [key.keyArn], conditions: through('s3') }),
              new iam.PolicyStatement({ sid: 'Packages', actions: ['s3:GetObject'], resources: [bucket.arnForObjects('packages/*')] }),
              new iam.PolicyStatement({
                sid: 'Certificate',
                actions: ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'],
                resources: [certificate.secretArn],
              }),
              new iam.PolicyStatement({ sid: 'CaCertificate', actions: ['ssm:GetParameter'], resources: [caCertificate.parameterArn] }),
              new iam.PolicyStatement({ sid: 'DecryptSecrets', actions: ['kms:Decrypt'], resources: [key.keyArn], conditions: through('secretsmanager') }),
              ...(node.role === 'server' ? ofServers : []),
              new iam.PolicyStatement({
                sid: 'AttachVolume',
                actions: ['ec2:AttachVolume'],
                resources: [`arn:${partition}:ec2:${region}:${account}:volume/${volume.ref}`, instances],
              }),
              new iam.PolicyStatement({
                sid: 'AttachEncrypted',
                actions: ['kms:CreateGrant'],
                resources: [key.keyArn],
                conditions: { ...through('ec2'), ...grantable },
              }),
              new iam.PolicyStatement({
                sid: 'WithoutResource',
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
              new iam.PolicyStatement({ sid: 'Signal', actions: ['cloudformation:SignalResource', 'cloudformation:DescribeStackResource'], resources: [this.stackId] }),
              new iam.PolicyStatement({
                sid: 'Drain',
                actions: ['autoscaling:CompleteLifecycleAction'],
                resources: [`arn:${partition}:autoscaling:${region}:${account}:autoScalingGroup:*:autoScalingGroupName/*`],
                conditions: { StringEquals: { [`autoscaling:ResourceTag/${NODE_TAG.key}`]: NODE_TAG.value } },
              }),
              new iam.PolicyStatement({
                sid: 'Log',
                actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
                resources: [`arn:${partition}:logs:${region}:${account}:log-group:${logGroup.logGroupName}:log-stream:${name}`],
              }),
            ],
          }),
        },
      });
      const profile = new iam.CfnInstanceProfile(scope, 'Profile', { roles: [role.roleName] });
      const group = new autoscaling.CfnAutoScalingGroup(scope, 'Group', {
        availabilityZones: [subnet.availabilityZone],
        minSize: '1',
        maxSize: '1',
        instanceMaintenancePolicy: { minHealthyPercentage: 0, maxHealthyPercentage: 100 },
        healthCheckType: 'EC2',
        healthCheckGracePeriod: 600,
        targetGroupArns: [...node.targetGroupArns],
        lifecycleHookSpecificationList: [
          { lifecycleHookName: 'drain', lifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING', heartbeatTimeout: node.drain, defaultResult: 'CONTINUE' },
        ],
        tags: [{ key: 'Name', value: host, propagateAtLaunch: true }, { ...NODE_TAG, propagateAtLaunch: true }],
      });
      group.cfnOptions.creationPolicy = { resourceSignal: { count: 1, timeout: 'PT1H' } };
      group.cfnOptions.updatePolicy = {
        autoScalingRollingUpdate: {
          minInstancesInService: 0,
          maxBatchSize: 1,
          waitOnResourceSignals: true,
          pauseTime: 'PT1H',
          suspendProcesses: ['HealthCheck', 'ReplaceUnhealthy', 'AZRebalance', 'AlarmNotification', 'ScheduledActions'],
        },
      };
      const identity = this.toJsonString(
        {
          schema: 1,
          role: node.role,
          name,
          host,
          ...node.ids,
          ip: networkInterface.attrPrimaryPrivateIpAddress,
          region,
          bucket: bucket.bucketName,
          bootManifestKey: node.boot.key,
          bootManifestSha256: node.boot.sha256,
          liveManifestParameter: liveParameter.parameterName,
          volumeId: volume.ref,
          internalSecretArn: secret.secretArn,
          nodeSecretArn: certificate.secretArn,
          caParameter: caCertificate.parameterName,
          clientNetworks: [vpc.vpcCidrBlock],
          stackId: this.stackId,
          groupLogicalId: this.getLogicalId(group),
          logGroup: logGroup.logGroupName,
          packageBucket: bucket.bucketName,
          packages: packages.of(node.role),
        },
        1,
      );
      const launchTemplate = new ec2.CfnLaunchTemplate(scope, 'LaunchTemplate', {
        launchTemplateData: {
          imageId,
          instanceType: node.instanceType,
          iamInstanceProfile: { arn: profile.attrArn },
          networkInterfaces: [{ deviceIndex: 0, networkInterfaceId: networkInterface.ref }],
          metadataOptions: { httpEndpoint: 'enabled', httpTokens: 'required', httpPutResponseHopLimit: 1, instanceMetadataTags: 'disabled' },
          blockDeviceMappings: [
            { deviceName: '/dev/xvda', ebs: { volumeType: 'gp3', volumeSize: 30, encrypted: true, kmsKeyId: key.keyArn, deleteOnTermination: true } },
          ],
          monitoring: { enabled: true },
          ebsOptimized: true,
          userData: Fn.base64(`#!/bin/bash
set -euo pipefail
umask 077

token() { curl -sf --max-time 5 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' http://169.254.169.254/latest/api/token; }
instance_id() { curl -sf --max-time 5 -H "X-aws-ec2-metadata-token: $(token)" http://169.254.169.254/latest/meta-data/instance-id; }
again() {
  local pause
  for pause in 5 10 20 40; do
    timeout -k 10 "$@" && return
    sleep "$pause"
  done
  timeout -k 10 "$@"
}
ended() {
  [ "$1" -ne 0 ] || return 0
  echo "launch failed with status $1" >&2
  again 60 aws cloudformation signal-resource --region '${region}' --stack-name '${this.stackId}' \\
    --logical-resource-id '${this.getLogicalId(group)}' --unique-id "$(instance_id)" --status FAILURE
}
trap 'ended "$?"' EXIT

fetch() {
  again 60 aws s3api get-object --region '${region}' --bucket '${bucket.bucketName}' --key "$1" "$3" >/dev/null
  echo "$2  $3" | sha256sum --check --quiet
}

mkdir -p /etc/clickhouse-agent /opt/clickhouse-agent
cat > /etc/clickhouse-agent/identity.json <<'END'
${identity}
END

release=$(rpm -q --queryformat '%{VERSION}' system-release)
again 300 dnf install -y --quiet --releasever="$release" --setopt=gpgcheck=1 --setopt='*.gpgcheck=1' nodejs24 nftables e2fsprogs libcap util-linux
fetch '${agent.key}' '${agent.sha256}' /opt/clickhouse-agent/agent.js
fetch '${node.boot.key}' '${node.boot.sha256}' /etc/clickhouse-agent/boot.json
node-24 /opt/clickhouse-agent/agent.js boot --identity /etc/clickhouse-agent/identity.json --manifest /etc/clickhouse-agent/boot.json
trap - EXIT
`),
        },
      });
      group.launchTemplate = { launchTemplateId: launchTemplate.ref, version: launchTemplate.attrLatestVersionNumber };
      group.node.addDependency(role, subnet, certificate.issued, firstBoot);
      if (before) group.addResourceDependency(before);
      before = group;
    }

    // --- the deployment waits until all servers run the users
    const [waiter] = plainFunction(
      this,
      'Waiter',
      'Waits until every node of ClickHouse runs the live manifest',
      join(props.bundles, 'await-live-manifest'),
      key,
      [
        new iam.PolicyStatement({ actions: ['ssm:PutParameter'], resources: [liveParameter.parameterArn] }),
        new iam.PolicyStatement({ actions: ['s3:GetObject'], resources: [bucket.arnForObjects('reports/*')] }),
        new iam.PolicyStatement({ actions: ['s3:ListBucket'], resources: [bucket.bucketArn], conditions: { StringEquals: { 's3:prefix': 'reports/' } } }),
        new iam.PolicyStatement({ actions: ['kms:Decrypt'], resources: [key.keyArn], conditions: through('s3') }),
      ],
      Duration.minutes(15),
    );
    const rollout = new CustomResource(this, 'LiveRollout', {
      resourceType: 'Custom::ClickHouseLiveRollout',
      serviceToken: waiter.functionArn,
      serviceTimeout: Duration.minutes(16),
      properties: { Bucket: bucket.bucketName, Pointer: liveParameter.parameterName, Sha256: published.getAttString('LiveSha256'), Nodes: replicas.map(({ name }) => name) },
    });
    if (before) rollout.node.addDependency(before);
    const notReady = new cloudwatch.Alarm(this, 'NotReady', {
      alarmDescription: `A node of ClickHouse does not serve for 30 minutes, or no node says whether it does. The log group ${logGroup.logGroupName} says why.`,
      metric: new cloudwatch.Metric({
        namespace: 'ClickHouse',
        metricName: 'NodeReady',
        dimensionsMap: { Cluster: 'analytics' },
        statistic: cloudwatch.Stats.MINIMUM,
        period: Duration.minutes(5),
      }),
      threshold: 1,
      evaluationPeriods: 6,
      comparisonOperator: cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD,
      treatMissingData: cloudwatch.TreatMissingData.BREACHING,
    });
    for (const each of [...authority.late, notReady]) each.node.addDependency(rollout);

    // --- passwords are rotated when all that is there
    const rotation = new PlainRotation(this, 'Rotation', {
      vpc, subnets, key, bucket, liveParameter, caCertificate, prefixList, nodeGroup, servicesGroup, nodeTag: NODE_TAG,
      bundle: join(props.bundles, 'rotate-password'),
      secrets: Object.values(secrets),
    });
    for (const [user, days] of Object.entries({ migrations: 30, ingest: 7, reports: 30 })) {
      const secret = secrets[user];
      if (secret) rotation.schedule(user, secret, days, [rollout, waiter]);
    }

    // --- a client
    const role = new iam.Role(this, 'ApplicationRole', { assumedBy: new iam.ServicePrincipal('ecs-tasks.amazonaws.com') });
    const application = new ec2.SecurityGroup(this, 'Application', { vpc, description: 'Stands for whatever queries ClickHouse', allowAllOutbound: false });
    for (const port of [8443, 9440]) application.connections.allowTo(endpointGroup, ec2.Port.tcp(port), 'the application queries ClickHouse');
    role.addToPolicy(new iam.PolicyStatement({ actions: ['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'], resources: [secrets.reports?.secretArn ?? ''] }));
    role.addToPolicy(new iam.PolicyStatement({ actions: ['kms:Decrypt'], resources: [key.keyArn], conditions: through('secretsmanager') }));
    role.addToPolicy(new iam.PolicyStatement({ actions: ['ssm:GetParameter'], resources: [caCertificate.parameterArn] }));
    new CfnOutput(this, 'Endpoint', { value: `${ZONE}:8443` });
    new CfnOutput(this, 'CaCertificate', { value: caCertificate.parameterName });
  }
}

function file(prefix: string, path: string, extension: string): { readonly key: string; readonly sha256: string; readonly content: string } {
  const content = readFileSync(path, 'utf8');
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { key: `${prefix}/${sha256}.${extension}`, sha256, content };
}
