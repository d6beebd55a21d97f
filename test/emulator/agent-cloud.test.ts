import { createHash, randomBytes } from 'node:crypto';
import { AutoScalingClient, CreateAutoScalingGroupCommand, CreateLaunchConfigurationCommand, DescribeAutoScalingGroupsCommand, PutLifecycleHookCommand } from '@aws-sdk/client-auto-scaling';
import { CloudFormationClient, CreateStackCommand } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, CreateLogGroupCommand, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateVolumeCommand, DescribeImagesCommand, DescribeSubnetsCommand, EC2Client, RunInstancesCommand } from '@aws-sdk/client-ec2';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { lifecycle } from '../../lib/agent/cloud/lifecycle';
import { LogShipper } from '../../lib/agent/cloud/log-shipper';
import { logEvent, logSink } from '../../lib/agent/cloud/logs';
import { objects } from '../../lib/agent/cloud/objects';
import { signals } from '../../lib/agent/cloud/signals';
import { volumeApi } from '../../lib/agent/cloud/volumes';
import { sleep } from '../../lib/agent/credentials/poll';
import { metricLine } from '../../lib/agent/embedded-metric';
import { readReport } from '../../lib/config/report';
import { MotoServer } from './moto';

const PROGRAM = process.env.MOTO_SERVER ?? '';

if (PROGRAM === '') {
  console.warn('not proven: what the agent asks of AWS, against moto. Set MOTO_SERVER to the program, see test/emulator/README.md');
  // where it is promised, its absence is a failure.
  test('moto is there where it is promised', () => expect(process.env.CI === 'true' && process.env.PROOF_MOTO === '1').toBe(false));
}

// The agent's own clients, as they are made on a node: they find moto by the variables of the SDK, like in a simulated boot
// (https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html).
(PROGRAM === '' ? describe.skip : describe)('against moto', () => {
  let server: MotoServer;
  let settings: { endpoint: string; region: string; credentials: MotoServer['credentials'] };
  const before = { ...process.env };
  beforeAll(async () => {
    server = await MotoServer.start(PROGRAM);
    const { endpoint, region, credentials } = server;
    settings = { endpoint, region, credentials };
    Object.assign(process.env, { AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey });
  });
  afterAll(async () => {
    process.env = before;
    await server.stop();
  });

  describe('EC2', () => {
    test('a volume is described, attached and described again', async () => {
      const ec2 = new EC2Client(settings);
      const { Images: [image] = [] } = await ec2.send(new DescribeImagesCommand({ Owners: ['amazon'] }));
      const { Subnets: [subnet] = [] } = await ec2.send(new DescribeSubnetsCommand({}));
      const { Instances: [instance] = [] } = await ec2.send(new RunInstancesCommand({ ImageId: image?.ImageId, MinCount: 1, MaxCount: 1, SubnetId: subnet?.SubnetId }));
      const { VolumeId = '' } = await ec2.send(new CreateVolumeCommand({ AvailabilityZone: subnet?.AvailabilityZone, Size: 20, VolumeType: 'gp3', Encrypted: true }));
      const instanceId = instance?.InstanceId ?? '';
      const volumes = volumeApi(server.region);
      expect(await volumes.describe(VolumeId)).toEqual({ state: 'available', sizeGiB: 20, attachments: [] });
      await volumes.attach(VolumeId, instanceId, '/dev/sdf');
      // moto is never `attaching`, and gives a volume that is in use to whoever asks; EC2 refuses that with VolumeInUse
      // (https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html).
      expect(await volumes.describe(VolumeId)).toEqual({ state: 'in-use', sizeGiB: 20, attachments: [{ instanceId, state: 'attached', device: '/dev/sdf' }] });
    });

    test('one that does not exist', async () => {
      const volumes = volumeApi(server.region);
      expect(await volumes.describe('vol-0123456789abcdef0')).toBeUndefined();
      await expect(volumes.attach('vol-0123456789abcdef0', 'i-0123456789abcdef0', '/dev/sdf')).rejects.toMatchObject({ name: 'InvalidVolume.NotFound' });
    });
  });

  describe('S3', () => {
    let s3: S3Client;
    beforeAll(async () => {
      s3 = new S3Client({ ...settings, forcePathStyle: true });
      await s3.send(new CreateBucketCommand({ Bucket: 'artefacts', CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' } }));
    });

    test('a package comes in pieces, with its checksum compared', async () => {
      const content = randomBytes(3_000_000);
      await s3.send(new PutObjectCommand({ Bucket: 'artefacts', Key: 'packages/server.rpm', Body: content, ChecksumAlgorithm: 'CRC32' }));
      const hash = createHash('sha256');
      let pieces = 0;
      for await (const piece of objects(server.region).objectStream('artefacts', 'packages/server.rpm')) {
        hash.update(piece);
        pieces += 1;
      }
      expect(hash.digest('hex')).toBe(createHash('sha256').update(content).digest('hex'));
      expect(pieces).toBeGreaterThan(10);
      const none = objects(server.region).objectStream('artefacts', 'packages/other.rpm')[Symbol.asyncIterator]();
      await expect(none.next()).rejects.toMatchObject({ name: 'NoSuchKey' });
    });

    test('a report is read by the deployment, the last one', async () => {
      const report = { live: 'b'.repeat(64), at: '2026-01-02T03:04:05.678Z' };
      await objects(server.region).putReport('artefacts', 'server-1', { ...report, live: 'a'.repeat(64) });
      await objects(server.region).putReport('artefacts', 'server-1', report);
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: 'artefacts', Key: 'reports/server-1.json' }));
      expect(readReport((await Body?.transformToString()) ?? '')).toEqual(report);
    });
  });

  describe('CloudWatch Logs', () => {
    let logs: CloudWatchLogsClient;
    const stored = async (stream: string): Promise<{ timestamp?: number; message?: string }[]> => {
      const { events = [] } = await logs.send(new GetLogEventsCommand({ logGroupName: 'analytics', logStreamName: stream, startFromHead: true, limit: 10_000 }));
      return events.map(({ timestamp, message }) => ({ timestamp, message }));
    };
    beforeAll(async () => {
      logs = new CloudWatchLogsClient(settings);
      await logs.send(new CreateLogGroupCommand({ logGroupName: 'analytics' }));
    });

    test('a stream is made, and made again', async () => {
      const sink = logSink(server.region);
      await sink.open('analytics', 'server-1');
      await sink.open('analytics', 'server-1');
      await expect(sink.open('not-there', 'server-1')).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
      await expect(sink.put('analytics', 'not-there', [logEvent(Date.now(), 'x')])).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    });

    test('lines arrive as they are, and a metric is one of them', async () => {
      const now = Date.now();
      const metric = metricLine('Serving', 'Count', 1, { Cluster: 'analytics', Node: 'server-1' }, now);
      const sink = logSink(server.region);
      await sink.open('analytics', 'server-2');
      expect(await sink.put('analytics', 'server-2', [logEvent(now, 'é 😀'), logEvent(now, metric)])).toEqual([]);
      expect(await stored('server-2')).toEqual([{ timestamp: now, message: 'é 😀' }, { timestamp: now, message: metric }]);
    });

    // of lines that are too old moto names the last one's index; the documentation, the one after it.
    test('a line from the future is not taken, and we hear of it', async () => {
      const [now, later] = [logEvent(Date.now(), 'now'), logEvent(Date.now() + 3 * 3_600_000, 'later')];
      const sink = logSink(server.region);
      await sink.open('analytics', 'server-3');
      expect(await sink.put('analytics', 'server-3', [now, later])).toEqual([later]);
      expect(await stored('server-3')).toEqual([{ timestamp: now.timestamp, message: 'now' }]);
    });

    test('the shipper sends everything there is', async () => {
      const failures: unknown[] = [];
      const shipper = new LogShipper({
        sink: logSink(server.region), group: 'analytics', stream: 'server-4', now: Date.now, sleep, random: Math.random, failed: (error) => failures.push(error),
      });
      shipper.start();
      const lines = Array.from({ length: 3_000 }, (_, index) => `${index} ${'x'.repeat(500)}`);
      for (const line of lines) shipper.write(line);
      expect(await shipper.close(30_000)).toBe(true);
      expect(failures).toEqual([]);
      expect((await stored('server-4')).map(({ message }) => message)).toEqual(lines);
    });
  });

  // What moto 5.2.5 lacks is proven against answers in the form of the documentation, in test/agent/cloud/aws.test.ts. When one of these fails, moto has learned
  // the call: it is to be tried here then.
  describe('what moto lacks', () => {
    // it ends with a page of its own, and not with an answer of AWS.
    const NOT_THERE = { $metadata: { httpStatusCode: 500 } };

    test('SignalResource', async () => {
      const TemplateBody = JSON.stringify({ Resources: { Queue: { Type: 'AWS::SQS::Queue' } } });
      const { StackId = '' } = await new CloudFormationClient(settings).send(new CreateStackCommand({ StackName: 'analytics', TemplateBody }));
      await expect(signals(server.region).success({ stackId: StackId, groupLogicalId: 'Queue', instanceId: 'i-0123456789abcdef0' })).rejects.toMatchObject(NOT_THERE);
    });

    test('CompleteLifecycleAction, though it knows hooks', async () => {
      const scaling = new AutoScalingClient(settings);
      await scaling.send(new CreateLaunchConfigurationCommand({ LaunchConfigurationName: 'node', ImageId: 'ami-12c6146b', InstanceType: 't3.small' }));
      await scaling.send(new CreateAutoScalingGroupCommand({ AutoScalingGroupName: 'node', LaunchConfigurationName: 'node', MinSize: 1, MaxSize: 1, AvailabilityZones: ['eu-central-1a'] }));
      await scaling.send(new PutLifecycleHookCommand({ AutoScalingGroupName: 'node', LifecycleHookName: 'drain', LifecycleTransition: 'autoscaling:EC2_INSTANCE_TERMINATING' }));
      const { AutoScalingGroups: [group] = [] } = await scaling.send(new DescribeAutoScalingGroupsCommand({ AutoScalingGroupNames: ['node'] }));
      const target = { groupName: 'node', instanceId: group?.Instances?.[0]?.InstanceId ?? '', hook: 'drain' };
      expect(target.instanceId).toMatch(/^i-/);
      await expect(lifecycle(server.region).complete(target)).rejects.toMatchObject(NOT_THERE);
    });
  });
});
