import { createHash } from 'node:crypto';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CloudWatchLogsClient, CreateLogGroupCommand, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateVolumeCommand, DescribeImagesCommand, DescribeSubnetsCommand, DetachVolumeCommand, EC2Client, RunInstancesCommand, TerminateInstancesCommand } from '@aws-sdk/client-ec2';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { CreateSecretCommand } from '@aws-sdk/client-secrets-manager';
import { PutParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import type { NodeIdentity } from '../../../lib/agent/identity';
import { packManifest } from '../../../lib/config/manifest';
import type { ClusterModel } from '../../../lib/config/manifests';
import { bootManifest, liveManifest } from '../../../lib/config/manifests';
import { readReport, reportKey } from '../../../lib/config/report';
import { schemaOwner } from '../../../lib/config/schema-owner';
import { layOut } from '../../../lib/config/topology';
import { renderNodeSecret } from '../../../lib/pki/node-secret';
import { MotoServer } from '../../emulator/moto';
import { Authority, HOST, ZONE } from '../certificates/authority';
import { textOf } from './machine';

const BUCKET = 'artefacts';
const REGION = 'eu-central-1';
const STACK = `arn:aws:cloudformation:${REGION}:111122223333:stack/analytics/0a1b2c3d-0000-1111-2222-333344445555`;

/** Invented, and found wherever they are written. */
export const SECRETS = { internal: `internal${'Secret0'.repeat(8)}`, owner: `owner-password-${'0123456789abcdef'.repeat(2)}`, writer: `writer-password-${'fedcba9876543210'.repeat(2)}` };

/** The cluster: one server, and so no Keepers. */
export const MODEL: ClusterModel = {
  topology: layOut({ clusterName: 'analytics', zoneName: ZONE, shards: 1, replicas: 1, keepers: 0 }),
  version: '26.8.36.3',
  databases: ['events'],
  profiles: [{ name: 'readers', settings: { maxExecutionSeconds: 60 } }],
  users: [{ name: 'owner', grants: schemaOwner('events'), profile: 'readers' }],
};

/** What a node finds around it: moto for most of AWS; on loopback what moto does not have, and the metadata service. */
export class SimulatedSurroundings {
  readonly signals: string[] = [];
  readonly completed: string[] = [];
  /** what the metadata service says Auto Scaling wants. */
  lifecycleState: string | undefined = 'InService';
  instanceId = '';
  private imds!: Server;
  private queries!: Server;
  private image = '';
  private subnet = '';
  readonly authority = new Authority();
  private readonly secretArns = new Map<string, string>();

  private constructor(readonly moto: MotoServer) {}

  static async start(program: string): Promise<SimulatedSurroundings> {
    const around = new SimulatedSurroundings(await MotoServer.start(program));
    await around.prepare();
    return around;
  }

  get environment(): Record<string, string> {
    const { endpoint, region } = this.moto;
    return {
      AWS_ENDPOINT_URL: endpoint,
      AWS_ENDPOINT_URL_CLOUDFORMATION: urlOf(this.queries),
      AWS_ENDPOINT_URL_AUTO_SCALING: urlOf(this.queries),
      AWS_EC2_METADATA_SERVICE_ENDPOINT: urlOf(this.imds),
      AWS_REGION: region,
      // as on a node: the credentials come from the metadata service.
      AWS_SHARED_CREDENTIALS_FILE: '/nonexistent',
      AWS_CONFIG_FILE: '/nonexistent',
    };
  }

  get metadata(): string {
    return urlOf(this.imds);
  }

  /** A new machine of the node's group, in place of the one before. */
  async launch(volumeId: string): Promise<void> {
    const ec2 = new EC2Client(this.settings);
    if (this.instanceId !== '') {
      // moto keeps the volume attached to a machine that was terminated; EC2 does not.
      await ec2.send(new DetachVolumeCommand({ VolumeId: volumeId, InstanceId: this.instanceId })).catch(() => undefined);
      await ec2.send(new TerminateInstancesCommand({ InstanceIds: [this.instanceId] }));
    }
    const { Instances: [instance] = [] } = await ec2.send(new RunInstancesCommand({ ImageId: this.image, MinCount: 1, MaxCount: 1, SubnetId: this.subnet }));
    this.instanceId = instance?.InstanceId ?? '';
    this.lifecycleState = 'InService';
  }

  async createVolume(): Promise<string> {
    const { VolumeId = '' } = await new EC2Client(this.settings).send(new CreateVolumeCommand({ AvailabilityZone: `${REGION}a`, Size: 2, VolumeType: 'gp3', Encrypted: true }));
    return VolumeId;
  }

  /** Publishes what the node is told, and says who it is. */
  async publish(volumeId: string): Promise<{ readonly identity: NodeIdentity; readonly boot: string }> {
    const boot = packManifest(bootManifest(MODEL, 'server'));
    await this.put(boot.key, boot.content);
    await this.pointTo(MODEL);
    const packages = [];
    for (const name of ['clickhouse-common-static', 'clickhouse-server', 'clickhouse-client']) {
      const content = JSON.stringify({ name, version: MODEL.version });
      const sha256 = createHash('sha256').update(content).digest('hex');
      packages.push({ key: `packages/${sha256}/${name}.rpm`, sha256 });
      await this.put(`packages/${sha256}/${name}.rpm`, content);
    }
    await this.parameter('/analytics/ca', this.authority.bundle);
    const identity: NodeIdentity = {
      schema: 1, role: 'server', name: 'server-1-1', host: HOST, shard: '1', replica: '1', ip: '127.0.0.1', region: REGION, bucket: BUCKET,
      bootManifestKey: boot.key, bootManifestSha256: boot.sha256, liveManifestParameter: '/analytics/live', volumeId,
      internalSecretArn: await this.secret('internal', SECRETS.internal),
      clientNetworks: ['10.20.0.0/16'], stackId: STACK, groupLogicalId: 'Group', logGroup: 'nodes', packages, packageBucket: BUCKET,
      nodeSecretArn: await this.secret('node', renderNodeSecret(this.authority.issue({ ip: '127.0.0.1' }))), caParameter: '/analytics/ca',
    };
    return { identity, boot: boot.content };
  }

  /** Makes another live manifest the one to run; says its hash. */
  async pointTo(model: ClusterModel): Promise<string> {
    const secrets: Record<string, { arn: string; graceSeconds: number }> = {};
    for (const { name } of model.users ?? []) {
      const password = SECRETS[name as 'owner' | 'writer'];
      secrets[name] = { arn: await this.secret(name, JSON.stringify({ username: name, password })), graceSeconds: 3600 };
    }
    const live = packManifest(liveManifest({ ...model, secrets, rotationNetworks: ['10.30.0.0/24'] }));
    await this.put(live.key, live.content);
    await this.parameter('/analytics/live', live.key);
    return live.sha256;
  }

  /** The live manifest that the node says it runs. */
  async reported(): Promise<string | undefined> {
    try {
      const { Body } = await new S3Client(this.settings).send(new GetObjectCommand({ Bucket: BUCKET, Key: reportKey('server-1-1') }));
      return readReport((await Body?.transformToString()) ?? '')?.live;
    } catch (error) {
      if ((error as Error).name === 'NoSuchKey') return undefined;
      throw error;
    }
  }

  /** What arrived in CloudWatch Logs. */
  async shipped(): Promise<string[]> {
    const { events = [] } = await new CloudWatchLogsClient(this.settings).send(new FilterLogEventsCommand({ logGroupName: 'nodes', logStreamNames: ['server-1-1'] }));
    return events.map(({ message = '' }) => message);
  }

  async stop(): Promise<void> {
    this.authority.end();
    for (const server of [this.imds, this.queries]) {
      server.closeAllConnections();
      server.close();
    }
    await this.moto.stop();
  }

  private get settings(): { endpoint: string; region: string; credentials: { accessKeyId: string; secretAccessKey: string }; forcePathStyle: boolean } {
    const { endpoint, region, credentials } = this.moto;
    return { endpoint, region, credentials, forcePathStyle: true };
  }

  private async prepare(): Promise<void> {
    const ec2 = new EC2Client(this.settings);
    this.image = (await ec2.send(new DescribeImagesCommand({ Owners: ['amazon'] }))).Images?.[0]?.ImageId ?? '';
    this.subnet = (await ec2.send(new DescribeSubnetsCommand({ Filters: [{ Name: 'availability-zone', Values: [`${REGION}a`] }] }))).Subnets?.[0]?.SubnetId ?? '';
    await new S3Client(this.settings).send(new CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint: REGION } }));
    await new CloudWatchLogsClient(this.settings).send(new CreateLogGroupCommand({ logGroupName: 'nodes' }));
    this.imds = await listening((path, method, headers) => this.tell(path, method, headers));
    this.queries = await listening((_, __, ___, body) => this.hear(new URLSearchParams(body)));
  }

  /** The metadata service: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html */
  private tell(path: string, method: string, headers: Headers): Reply {
    if (method === 'PUT' && path === '/latest/api/token') return headers['x-aws-ec2-metadata-token-ttl-seconds'] === undefined ? { status: 400 } : { body: 'token', headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '21600' } };
    if (headers['x-aws-ec2-metadata-token'] !== 'token') return { status: 401 };
    const { accessKeyId, secretAccessKey } = this.moto.credentials;
    const credentials = { Code: 'Success', AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: 'session', Expiration: new Date(Date.now() + 3_600_000).toISOString() };
    const values: Record<string, string | undefined> = {
      '/latest/meta-data/instance-id': this.instanceId,
      '/latest/meta-data/autoscaling/target-lifecycle-state': this.lifecycleState,
      '/latest/meta-data/iam/security-credentials/': 'node',
      '/latest/meta-data/iam/security-credentials/node': JSON.stringify(credentials),
    };
    const body = values[path];
    return body === undefined ? { status: 404 } : { body };
  }

  /** The calls that moto lacks, in the protocol of both services. */
  private hear(query: URLSearchParams): Reply {
    const action = query.get('Action') ?? '';
    const answer = (body = ''): Reply => ({ body: `<${action}Response><${action}Result>${body}</${action}Result><ResponseMetadata><RequestId>0</RequestId></ResponseMetadata></${action}Response>`, headers: { 'content-type': 'text/xml' } });
    const refuse = (message: string): Reply => ({ status: 400, body: `<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>${message}</Message></Error><RequestId>0</RequestId></ErrorResponse>`, headers: { 'content-type': 'text/xml' } });
    if (action === 'SignalResource') {
      const said = ['Status', 'UniqueId', 'LogicalResourceId', 'StackName'].map((name) => query.get(name)).join(' ');
      if (this.signals.includes(said)) return refuse(`Signal with ID ${query.get('UniqueId')} for resource ${query.get('LogicalResourceId')} already exists. Signals may only be updated with a FAILURE status.`);
      this.signals.push(said);
      return answer();
    }
    // moto has this one, for stacks that it made.
    if (action === 'DescribeStackResource' && query.get('StackName') === STACK && query.get('LogicalResourceId') === 'Group') return answer('<StackResourceDetail><PhysicalResourceId>analytics-group</PhysicalResourceId></StackResourceDetail>');
    if (action === 'CompleteLifecycleAction') {
      this.completed.push(['LifecycleActionResult', 'InstanceId', 'LifecycleHookName', 'AutoScalingGroupName'].map((name) => query.get(name)).join(' '));
      return answer();
    }
    return refuse(`nobody knows ${action} here`);
  }

  private async put(key: string, content: string): Promise<void> {
    await new S3Client(this.settings).send(new PutObjectCommand({ Bucket: BUCKET, Key: key, Body: content }));
  }

  private async parameter(name: string, value: string): Promise<void> {
    await new SSMClient(this.settings).send(new PutParameterCommand({ Name: name, Value: value, Type: 'String', Overwrite: true }));
  }

  private async secret(name: string, value: string): Promise<string> {
    const known = this.secretArns.get(name);
    if (known !== undefined) return known;
    const { ARN = '' } = await this.moto.client.send(new CreateSecretCommand({ Name: name, SecretString: value }));
    this.secretArns.set(name, ARN);
    return ARN;
  }
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

interface Reply {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

async function listening(answer: (path: string, method: string, headers: Headers, body: string) => Reply): Promise<Server> {
  const server = createServer((request, response) => {
    void textOf(request).then((body) => {
      const reply = answer(request.url ?? '', request.method ?? '', request.headers, body);
      response.writeHead(reply.status ?? 200, { ...reply.headers }).end(reply.body ?? '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
