import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32 } from 'node:zlib';
import { AutoScalingClient } from '@aws-sdk/client-auto-scaling';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { EC2Client } from '@aws-sdk/client-ec2';
import { S3Client } from '@aws-sdk/client-s3';
import { lifecycle } from '../../../lib/agent/cloud/lifecycle';
import { objects } from '../../../lib/agent/cloud/objects';
import type { SignalOutcome } from '../../../lib/agent/cloud/signals';
import { signals } from '../../../lib/agent/cloud/signals';
import { volumeApi } from '../../../lib/agent/cloud/volumes';
import { patience } from '../../../lib/sdk';

/** Something that answers like AWS does, so that what the SDK makes of an answer is the SDK's own doing. */
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
let asked: URLSearchParams[] = [];
const server = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8').on('data', (part: string) => (body += part));
  request.on('end', () => {
    asked.push(new URLSearchParams(body));
    answer(request, response, body);
  });
});
const AT = { region: 'eu-central-1', credentials: { accessKeyId: 'none', secretAccessKey: 'none' } };
/** What every client of this file is made with. */
const settings = (milliseconds = 5_000, attempts = 1): typeof AT & { endpoint: string } => ({
  ...patience(attempts, milliseconds),
  ...AT,
  endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
});
beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  asked = [];
  answer = (_, response) => response.writeHead(500).end();
});

/** An error of the services that speak the query protocol: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/CommonErrors.html */
const refusing = (code: string, message: string, status = 400): typeof answer => (_, response) =>
  response
    .writeHead(status, { 'content-type': 'text/xml' })
    .end(`<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>r</RequestId></ErrorResponse>`);
const answering = (xml: string): typeof answer => (_, response) => response.writeHead(200, { 'content-type': 'text/xml' }).end(xml);

describe('a signal', () => {
  const STACK = 'arn:aws:cloudformation:eu-central-1:123456789012:stack/analytics/0a1b2c3d-0000-11ee-8000-0123456789ab';
  const TARGET = { stackId: STACK, groupLogicalId: 'ServerGroup', instanceId: 'i-0123456789abcdef0' };
  const send = (kind: 'success' | 'failure' = 'success'): Promise<SignalOutcome> => signals('eu-central-1', new CloudFormationClient(settings()))[kind](TARGET);

  test.each([['success', 'SUCCESS'], ['failure', 'FAILURE']] as const)('of %s says which machine, of which group, of exactly which stack', async (kind, Status) => {
    answer = answering('<SignalResourceResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></SignalResourceResponse>');
    expect(await send(kind)).toEqual({ kind: 'sent' });
    expect(Object.fromEntries(asked[0] ?? [])).toMatchObject({ Action: 'SignalResource', StackName: STACK, LogicalResourceId: 'ServerGroup', UniqueId: 'i-0123456789abcdef0', Status });
  });

  test.each([
    `Stack ${STACK} is in CREATE_COMPLETE state and cannot be signaled`,
    `Stack ${STACK} is in UPDATE_COMPLETE state and cannot be signaled`,
    `Stack:${STACK} is in UPDATE_ROLLBACK_COMPLETE state and can not be signaled.`,
    'Resource ServerGroup is in CREATE_COMPLETE state and cannot be signaled',
    'Signal with ID i-0123456789abcdef0 for resource ServerGroup already exists.  Signals may only be updated with a FAILURE status.',
  ])('that nobody waits for is told apart: %s', async (message) => {
    answer = refusing('ValidationError', message);
    expect(await send()).toEqual({ kind: 'notAwaited', reason: message });
  });

  test.each([
    ['ValidationError', `Stack ${STACK} does not exist`],
    ['ValidationError', 'Resource ServerGroup does not exist for stack analytics'],
    ['ValidationError', 'Resource ServerGroup is of type AWS::EC2::Volume and cannot be signaled'],
    ['ValidationError', "1 validation error detected: Value 'x is in Y state and cannot be signaled' at 'uniqueId' failed to satisfy constraint"],
    ['AccessDenied', `Stack ${STACK} is in CREATE_COMPLETE state and cannot be signaled`],
    ['Throttling', 'Rate exceeded'],
    ['ExpiredToken', 'The security token included in the request is expired'],
  ])('that fails otherwise is an error: %s %s', async (code, message) => {
    answer = refusing(code, message);
    await expect(send()).rejects.toMatchObject({ name: code });
  });

  test('the group is asked for by the stack and its name there', async () => {
    const detail = (name: string): string => `<DescribeStackResourceResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><DescribeStackResourceResult><StackResourceDetail>${name}</StackResourceDetail></DescribeStackResourceResult></DescribeStackResourceResponse>`;
    const ask = (): Promise<string> => signals('eu-central-1', new CloudFormationClient(settings())).groupName(TARGET);
    answer = answering(detail('<PhysicalResourceId>analytics-ServerGroup-1A2B3C</PhysicalResourceId>'));
    expect(await ask()).toBe('analytics-ServerGroup-1A2B3C');
    expect(Object.fromEntries(asked[0] ?? [])).toMatchObject({ Action: 'DescribeStackResource', StackName: STACK, LogicalResourceId: 'ServerGroup' });
    answer = answering(detail(''));
    await expect(ask()).rejects.toThrow('does not say what ServerGroup');
  });

  test('that gets no answer is an error', async () => {
    answer = (_, response) => response.destroy();
    await expect(send()).rejects.toThrow();
    const broken = { send: () => Promise.reject(new Error('broken')) } as never;
    await expect(signals('eu-central-1', broken).failure(TARGET)).rejects.toThrow('broken');
  });
});

describe('a lifecycle hook', () => {
  const TARGET = { groupName: 'analytics-ServerGroup-1A2B3C', instanceId: 'i-0123456789abcdef0', hook: 'drain' };
  const hooks = (): ReturnType<typeof lifecycle> => lifecycle('eu-central-1', new AutoScalingClient(settings()));
  const Action = 'CompleteLifecycleAction';

  test('is told that the machine may go', async () => {
    answer = answering(`<${Action}Response xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><${Action}Result/><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></${Action}Response>`);
    expect(await hooks().complete(TARGET)).toEqual({ kind: 'done' });
    expect(Object.fromEntries(asked[0] ?? [])).toMatchObject({ Action, AutoScalingGroupName: TARGET.groupName, InstanceId: TARGET.instanceId, LifecycleHookName: 'drain', LifecycleActionResult: 'CONTINUE' });
  });

  test.each(['No active Lifecycle Action found with instance ID i-0123456789abcdef0', 'no active lifecycle action found with instance id i-0123456789abcdef0'])('that waits for nothing is told apart: %s', async (message) => {
    answer = refusing('ValidationError', message);
    expect(await hooks().complete(TARGET)).toEqual({ kind: 'notActive' });
  });

  test.each([
    ['ValidationError', 'AutoScalingGroup name not found - analytics-ServerGroup-1A2B3C'],
    ['ValidationError', "Hook named 'No active Lifecycle Action found' does not exist"],
    ['AccessDenied', 'No active Lifecycle Action found with instance ID i-0123456789abcdef0'],
    ['ResourceContention', 'You already have a pending update'],
    ['Throttling', 'Rate exceeded'],
  ])('that fails otherwise is an error: %s %s', async (code, message) => {
    answer = refusing(code, message);
    await expect(hooks().complete(TARGET)).rejects.toThrow(message);
  });
});

describe('a volume', () => {
  const ID = 'vol-0123456789abcdef0';
  const api = (): ReturnType<typeof volumeApi> => volumeApi('eu-central-1', new EC2Client(settings()));
  /** https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html#api-error-response */
  const ec2Refusing = (code: string): typeof answer => (_, response) =>
    response.writeHead(400, { 'content-type': 'text/xml' }).end(`<?xml version="1.0"?><Response><Errors><Error><Code>${code}</Code><Message>refused</Message></Error></Errors><RequestID>r</RequestID></Response>`);
  const described = (volumes: string): typeof answer =>
    answering(`<DescribeVolumesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId><volumeSet>${volumes}</volumeSet></DescribeVolumesResponse>`);

  test('that is attached is described with who has it', async () => {
    answer = described(
      `<item><volumeId>${ID}</volumeId><size>500</size><status>in-use</status><attachmentSet><item><volumeId>${ID}</volumeId><instanceId>i-0123456789abcdef0</instanceId><device>/dev/sdf</device><status>busy</status></item></attachmentSet></item>`,
    );
    expect(await api().describe(ID)).toEqual({ state: 'in-use', sizeGiB: 500, attachments: [{ instanceId: 'i-0123456789abcdef0', state: 'busy', device: '/dev/sdf' }] });
    expect(Object.fromEntries(asked[0] ?? [])).toMatchObject({ Action: 'DescribeVolumes', 'VolumeId.1': ID });
  });

  test('that is free has no attachment', async () => {
    answer = described(`<item><volumeId>${ID}</volumeId><size>20</size><status>available</status><attachmentSet/></item>`);
    expect(await api().describe(ID)).toEqual({ state: 'available', sizeGiB: 20, attachments: [] });
  });

  test('that does not exist is undefined, and another is not taken for it', async () => {
    answer = ec2Refusing('InvalidVolume.NotFound');
    expect(await api().describe(ID)).toBeUndefined();
    answer = described('');
    expect(await api().describe(ID)).toBeUndefined();
    answer = described('<item><volumeId>vol-0aaaaaaaaaaaaaaaa</volumeId><size>20</size><status>available</status></item>');
    expect(await api().describe(ID)).toBeUndefined();
  });

  test.each(['InvalidVolumeID.Malformed', 'UnauthorizedOperation', 'RequestLimitExceeded', 'InternalError'])('is not told to be missing by %s', async (code) => {
    answer = ec2Refusing(code);
    await expect(api().describe(ID)).rejects.toMatchObject({ name: code });
  });

  test('is attached where it should be', async () => {
    answer = answering('<AttachVolumeResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><status>attaching</status></AttachVolumeResponse>');
    await api().attach(ID, 'i-0123456789abcdef0', '/dev/sdf');
    expect(Object.fromEntries(asked[0] ?? [])).toMatchObject({ Action: 'AttachVolume', VolumeId: ID, InstanceId: 'i-0123456789abcdef0', Device: '/dev/sdf' });
  });

  test.each(['VolumeInUse', 'InvalidVolume.NotFound', 'IncorrectState'])('that cannot be attached is an error: %s', async (code) => {
    answer = ec2Refusing(code);
    await expect(api().attach(ID, 'i-0123456789abcdef0', '/dev/sdf')).rejects.toMatchObject({ name: code });
  });
});

describe('an object', () => {
  const CONTENT = Buffer.from('a package '.repeat(300_000));
  const store = (milliseconds?: number): ReturnType<typeof objects> => objects('eu-central-1', new S3Client({ ...settings(milliseconds), forcePathStyle: true }));
  const read = async (milliseconds?: number): Promise<{ bytes: number; pieces: number; sha256: string }> => {
    const hash = createHash('sha256');
    let [bytes, pieces] = [0, 0];
    for await (const piece of store(milliseconds).objectStream('packages', 'packages/server.rpm')) {
      hash.update(piece);
      bytes += piece.length;
      pieces += 1;
    }
    return { bytes, pieces, sha256: hash.digest('hex') };
  };
  const checksum = (content: Buffer): string => {
    const four = Buffer.alloc(4);
    four.writeUInt32BE(crc32(content));
    return four.toString('base64');
  };

  test('comes in pieces, whole', async () => {
    let path = '';
    answer = ({ url = '' }, response) => { path = url; response.writeHead(200, { 'content-length': CONTENT.length, 'x-amz-checksum-crc32': checksum(CONTENT) }).end(CONTENT); };
    const { bytes, pieces, sha256 } = await read();
    expect(bytes).toBe(CONTENT.length);
    expect(pieces).toBeGreaterThan(10);
    expect(sha256).toBe(createHash('sha256').update(CONTENT).digest('hex'));
    expect(path).toMatch(/^\/packages\/packages\/server\.rpm\?/);
  });

  test('that is not what S3 keeps the checksum of is an error', async () => {
    answer = (_, response) => response.writeHead(200, { 'content-length': CONTENT.length, 'x-amz-checksum-crc32': checksum(Buffer.from('another')) }).end(CONTENT);
    await expect(read()).rejects.toThrow(/[Cc]hecksum mismatch/);
  });

  test('that ends early is an error', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': CONTENT.length });
      response.write(CONTENT.subarray(0, 1000));
      setTimeout(() => response.destroy(), 50);
    };
    await expect(read()).rejects.toThrow();
  });

  test('that stops coming keeps nobody', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': CONTENT.length });
      response.write(CONTENT.subarray(0, 1000));
    };
    const begun = Date.now();
    await expect(read(1_000)).rejects.toThrow();
    expect(Date.now() - begun).toBeLessThan(8_000);
  });

  test('that comes slowly and does come takes its time', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': 8 });
      let sent = 0;
      const drip = setInterval(() => {
        response.write('x');
        if ((sent += 1) === 8) { clearInterval(drip); response.end(); }
      }, 250);
    };
    expect(await read(1_000)).toMatchObject({ bytes: 8 });
  });

  test.each([[404, 'NoSuchKey'], [403, 'AccessDenied']])('that cannot be had is an error: %d', async (status, code) => {
    answer = (_, response) => response.writeHead(status, { 'content-type': 'application/xml' }).end(`<Error><Code>${code}</Code><Message>no</Message></Error>`);
    await expect(read()).rejects.toMatchObject({ name: code });
  });

  test('without a body is an error, and not an empty package', async () => {
    const empty = { send: () => Promise.resolve({}) } as never;
    await expect(objects('eu-central-1', empty).objectStream('packages', 'x')[Symbol.asyncIterator]().next()).rejects.toThrow('without a body');
  });
});

describe('a report', () => {
  const REPORT = { live: 'a'.repeat(64), at: '2026-01-02T03:04:05.678Z' };
  const put = (report: typeof REPORT): Promise<void> => objects('eu-central-1', new S3Client({ ...settings(), forcePathStyle: true })).putReport('artefacts', 'server-1', report);

  test('goes where the deployment looks, and leaves its encryption to the bucket', async () => {
    let seen: Pick<IncomingMessage, 'method' | 'url' | 'headers'> | undefined;
    let text = '';
    answer = ({ method, url, headers }, response, body) => { seen = { method, url, headers }; text = body; response.writeHead(200).end(); };
    await put(REPORT);
    expect(seen).toMatchObject({ method: 'PUT', url: '/artefacts/reports/server-1.json?x-id=PutObject' });
    expect(JSON.parse(text)).toEqual(REPORT);
    expect(Object.keys(seen?.headers ?? {}).filter((name) => name.startsWith('x-amz-server-side') || name.startsWith('x-amz-acl'))).toEqual([]);
  });

  test.each([{ ...REPORT, live: 'manifests/live/x.json' }, { ...REPORT, at: 'now' }])('that the deployment could not read is not written: %j', async (report) => {
    await expect(put(report)).rejects.toThrow('a report must have');
    expect(asked).toEqual([]);
  });

  test('that cannot be written is an error', async () => {
    answer = (_, response) => response.writeHead(403, { 'content-type': 'application/xml' }).end('<Error><Code>AccessDenied</Code><Message>no</Message></Error>');
    await expect(put(REPORT)).rejects.toMatchObject({ name: 'AccessDenied' });
  });
});
