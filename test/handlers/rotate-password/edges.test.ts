import type * as s3 from '@aws-sdk/client-s3';
import * as s3Sdk from '@aws-sdk/client-s3';
import * as secretsSdk from '@aws-sdk/client-secrets-manager';
import type * as ssm from '@aws-sdk/client-ssm';
import * as ssmSdk from '@aws-sdk/client-ssm';
import type { LiveManifest } from '../../../lib/config/manifest';
import { packManifest } from '../../../lib/config/manifest';
import type { Names } from '../../../lib/handlers/rotate-password/cluster';
import { liveCluster, parseAuthority, parseManifest, refreshNodes } from '../../../lib/handlers/rotate-password/cluster';
import { parseEvent, readNames } from '../../../lib/handlers/rotate-password/event';
import { isTransient, kind } from '../../../lib/handlers/failure';
import { secretStore } from '../../../lib/handlers/rotate-password/secrets';
import { hasOpenssl, makeAuthority } from '../../openssl';

const ARN = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:analytics/reader-a1B2c3';
const TOKEN = '00000000-0000-4000-8000-000000000001';
const MINUTE = 60_000;
const NAMES: Names = { pointer: '/analytics/live', bucket: 'artefacts', authority: '/analytics/ca', refreshDocument: 'Analytics-Refresh', nodeTag: { key: 'cluster', value: 'analytics' } };
const MANIFEST: LiveManifest = {
  schema: 1,
  kind: 'live',
  clusterName: 'analytics',
  servers: ['server-1-1.analytics.internal', 'server-1-2.analytics.internal'],
  documents: [],
  users: [{ user: 'reader', path: '/etc/clickhouse-server/users.d/reader.xml', template: '<clickhouse/>', secret: ARN, graceSeconds: 3600 }, { user: 'certified', path: '/x', template: '' }],
  databases: [],
  rotationNetworks: ['10.0.1.0/24'],
};
const { key: KEY, content: CONTENT } = packManifest(MANIFEST);

describe('the event', () => {
  const lines: unknown[] = [];
  const parse = (event: unknown, remaining = 15 * MINUTE): unknown => {
    lines.length = 0;
    try {
      return parseEvent(event, 1_000, remaining, (...line) => lines.push(line));
    } catch (error) {
      return error;
    }
  };
  const event = { Step: 'setSecret', SecretId: ARN, ClientRequestToken: TOKEN };

  test('is what Secrets Manager sends, and the answer comes before Lambda ends the function', () => {
    expect(parse(event)).toEqual({ secret: ARN, step: 'setSecret', token: TOKEN, deadline: 1_000 + 14 * MINUTE });
    expect(parse({ ...event, RotationToken: 'more' })).toMatchObject({ step: 'setSecret' });
    expect(parse(event, 5 * MINUTE)).toMatchObject({ deadline: 1_000 + 4 * MINUTE });
  });

  test.each([
    undefined, null, 'text', 1, [], {}, { ...event, Step: 'dropSecret' }, { ...event, Step: 'toString' }, { ...event, Step: ['setSecret'] }, { ...event, Step: undefined },
    { ...event, SecretId: undefined }, { ...event, SecretId: 'analytics/reader' }, { ...event, SecretId: `${ARN}\n` }, { ...event, SecretId: { arn: ARN } }, { ...event, SecretId: 'arn:aws:iam::111122223333:role/x' },
    { ...event, ClientRequestToken: undefined }, { ...event, ClientRequestToken: 'short' }, { ...event, ClientRequestToken: 'x'.repeat(65) }, { ...event, ClientRequestToken: `${TOKEN} ` },
  ])('%j is refused in one line that repeats none of it', (bad) => {
    const error = parse(bad) as Error;
    expect(error.name).toBe('BadEvent');
    expect(lines).toEqual([['rotation failed', { outcome: 'BadEvent', reason: error.message }]]);
    expect(error.message).toMatch(/^'(?:Step|SecretId|ClientRequestToken)' must be /);
    expect(error.message).not.toMatch(/dropSecret|analytics|short|1111/);
  });
});

describe('the environment', () => {
  const environment = { CLICKHOUSE_POINTER: '/analytics/live', CLICKHOUSE_BUCKET: 'artefacts', CLICKHOUSE_CA: '/analytics/ca', CLICKHOUSE_REFRESH_DOCUMENT: 'Analytics-Refresh', CLICKHOUSE_NODE_TAG: 'cluster=analytics' };
  const read = (changes: object): unknown => {
    try {
      return readNames({ ...environment, ...changes }, () => undefined);
    } catch (error) {
      return error;
    }
  };

  test('holds names', () => {
    expect(read({})).toEqual(NAMES);
    // a value may have what a key may not.
    expect(read({ CLICKHOUSE_NODE_TAG: 'aws:cloudformation:stack-name=a=b' })).toMatchObject({ nodeTag: { key: 'aws:cloudformation:stack-name', value: 'a=b' } });
  });

  test.each(Object.keys(environment))('without %s nothing is done', (name) => {
    for (const value of [undefined, '']) expect(read({ [name]: value })).toMatchObject({ name: 'BadEnvironment', message: `the environment variable ${name} is not set; deploy the cluster again` });
  });

  test.each(['cluster', '=analytics', 'cluster='])('a tag %j would be every instance or none', (tag) => expect(read({ CLICKHOUSE_NODE_TAG: tag })).toMatchObject({ name: 'BadEnvironment' }));
});

describe('the live manifest', () => {
  test('gives servers and secrets', () => {
    expect(parseManifest(KEY, CONTENT)).toEqual({ servers: MANIFEST.servers, users: [{ user: 'reader', secret: ARN }, { user: 'certified' }] });
  });

  const packed = (changes: object): [string, string] => {
    const { key, content } = packManifest({ ...MANIFEST, ...changes });
    return [key.replace(/\/boot\//, '/live/'), content];
  };

  test.each<readonly [string, readonly [string, string], RegExp]>([
    ['another text under the key', [KEY, CONTENT.replace('server-1-1.analytics.internal', 'attacker.example')], /is not what its key says/],
    ['no text', [KEY, ''], /is not what its key says/],
    ['another schema', packed({ schema: 2 }), /is not a live manifest of schema 1/],
    ['a boot manifest', packed({ kind: 'boot' }), /is not a live manifest of schema 1/],
    ['no servers', packed({ servers: undefined }), /no list of host names in 'servers'/],
    ['a server that is no host name', packed({ servers: ['server-1-1.analytics.internal/x@attacker.example'] }), /no list of host names in 'servers'/],
    ['no users', packed({ users: {} }), /no list in 'users'/],
  ])('%s is refused', (_, [key, content], reason) => expect(() => parseManifest(key, content)).toThrow(reason));
});

describe('the certificates of the authority', () => {
  test.each(['', 'none', '-----BEGIN CERTIFICATE-----', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----'])('%j holds none', (pem) => {
    expect(() => parseAuthority(pem, '/analytics/ca')).toThrow('the parameter /analytics/ca holds no certificate');
  });

  test('one that cannot be read is refused', () => expect(() => parseAuthority('-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----', '/analytics/ca')).toThrow('holds a certificate that cannot be read'));
});

if (!hasOpenssl()) console.warn('reading the live cluster is not proven: there is no openssl here to make certificates with');
(hasOpenssl() ? describe : describe.skip)('reading the live cluster', () => {
  let pem: string;
  beforeAll(() => {
    const [one, two] = [makeAuthority('one'), makeAuthority('two')];
    pem = `# comment\n${one.certificate}\n${two.certificate}`;
  });

  const world = (parameters: Record<string, string>, objects: Record<string, string>): { read: ReturnType<typeof liveCluster>; asked: string[] } => {
    const asked: string[] = [];
    const ssmClient = {
      send: ({ input: { Name } }: { input: { Name: string } }) => {
        asked.push(Name);
        return Promise.resolve({ Parameter: { Value: parameters[Name] } });
      },
    } as unknown as Pick<ssm.SSMClient, 'send'>;
    const s3Client = {
      send: ({ input: { Bucket, Key } }: { input: { Bucket: string; Key: string } }) => {
        asked.push(`${Bucket}/${Key}`);
        return Promise.resolve({ Body: { transformToString: () => Promise.resolve(objects[Key] ?? '') } });
      },
    } as unknown as Pick<s3.S3Client, 'send'>;
    return { read: liveCluster(NAMES, ssmSdk, ssmClient, s3Sdk, s3Client), asked };
  };

  test('follows the pointer whenever it is asked, and reads a manifest once', async () => {
    const parameters = { '/analytics/live': KEY, '/analytics/ca': pem };
    const grown = packManifest({ ...MANIFEST, servers: [...MANIFEST.servers, 'server-2-1.analytics.internal'] });
    const { read, asked } = world(parameters, { [KEY]: CONTENT, [grown.key]: grown.content });
    expect(await read()).toMatchObject({ servers: MANIFEST.servers, authority: [expect.stringContaining('BEGIN CERTIFICATE'), expect.stringContaining('BEGIN CERTIFICATE')] });
    await read();
    expect(asked.filter((each) => each.startsWith('artefacts/'))).toEqual([`artefacts/${KEY}`]);
    parameters['/analytics/live'] = grown.key;
    expect((await read()).servers).toHaveLength(3);
  });

  test.each(['', 'manifests/boot/x.json', `../${KEY}`, `${KEY}\n`, KEY.replace('live', 'LIVE')])('a pointer %j names no manifest', async (key) => {
    const { read, asked } = world({ '/analytics/live': key, '/analytics/ca': pem }, { [KEY]: CONTENT });
    await expect(read()).rejects.toThrow('does not hold the key of a live manifest');
    expect(asked.some((each) => each.startsWith('artefacts'))).toBe(false);
  });

  test('without an authority there is no cluster to talk to', async () => {
    await expect(world({ '/analytics/live': KEY, '/analytics/ca': '' }, { [KEY]: CONTENT }).read()).rejects.toThrow('holds no certificate');
  });
});

test('the refresh is a document without parameters for the instances of the tag', async () => {
  const sent: unknown[] = [];
  const client = { send: ({ input }: { input: unknown }) => Promise.resolve(sent.push(input)) } as unknown as Pick<ssm.SSMClient, 'send'>;
  await refreshNodes(NAMES, ssmSdk, client)();
  expect(sent).toEqual([{ DocumentName: 'Analytics-Refresh', Targets: [{ Key: 'tag:cluster', Values: ['analytics'] }], MaxConcurrency: '100%', MaxErrors: '100%', TimeoutSeconds: 60 }]);
});

describe('Secrets Manager', () => {
  const store = (answer: unknown): { store: ReturnType<typeof secretStore>; sent: { name: string; input: unknown; options: unknown }[] } => {
    const sent: { name: string; input: unknown; options: unknown }[] = [];
    const client = {
      send: (command: { constructor: { name: string }; input: unknown }, options: unknown) => {
        sent.push({ name: command.constructor.name, input: command.input, options });
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
    } as unknown as Pick<secretsSdk.SecretsManagerClient, 'send'>;
    return { store: secretStore(secretsSdk, client), sent };
  };

  test('a password has 48 characters, letters of both cases and digits', async () => {
    const { store: secrets, sent } = store({ RandomPassword: 'x'.repeat(48) });
    await secrets.generate();
    expect(sent[0]?.input).toEqual({ PasswordLength: 48, ExcludePunctuation: true, IncludeSpace: false, RequireEachIncludedType: true });
  });

  test('a promotion names where the label comes from, and is given up after a while', async () => {
    const { store: secrets, sent } = store({});
    expect(await secrets.promote(ARN, TOKEN, 'old')).toBe('promoted');
    expect(sent[0]?.input).toEqual({ SecretId: ARN, VersionStage: 'AWSCURRENT', MoveToVersionId: TOKEN, RemoveFromVersionId: 'old' });
    expect((sent[0]?.options as { abortSignal: unknown }).abortSignal).toBeInstanceOf(AbortSignal);
  });

  test('a value is stored under the token and no other label than AWSPENDING', async () => {
    const { store: secrets, sent } = store({});
    expect(await secrets.put(ARN, TOKEN, '{}')).toBe('stored');
    expect(sent[0]?.input).toEqual({ SecretId: ARN, ClientRequestToken: TOKEN, SecretString: '{}', VersionStages: ['AWSPENDING'] });
  });

  test('a binary value is read as one that is no JSON, not as none', async () => {
    expect(await store({ SecretBinary: new Uint8Array([1]) }).store.read(ARN, TOKEN)).toBe('');
  });

  test('only the errors that mean something here are answers', async () => {
    const error = (name: string): Error => Object.assign(new Error(name), { name });
    expect(await store(error('ResourceNotFoundException')).store.read(ARN, TOKEN)).toBeUndefined();
    expect(await store(error('ResourceNotFoundException')).store.describe(ARN)).toBeUndefined();
    expect(await store(error('ResourceExistsException')).store.put(ARN, TOKEN, '{}')).toBe('taken');
    expect(await store(error('InvalidParameterException')).store.promote(ARN, TOKEN, 'old')).toBe('conflict');
    for (const name of ['AccessDeniedException', 'DecryptionFailure', 'InvalidRequestException']) {
      const { store: secrets } = store(error(name));
      for (const call of [secrets.describe(ARN), secrets.read(ARN, TOKEN), secrets.put(ARN, TOKEN, '{}'), secrets.promote(ARN, TOKEN, 'old'), secrets.generate()]) await expect(call).rejects.toThrow(name);
    }
  });
});

describe('errors', () => {
  test('what may pass is told from what stays', () => {
    for (const name of ['ThrottlingException', 'TooManyRequestsException', 'InternalServiceError', 'ServiceUnavailable', 'SlowDown', 'TimeoutError', 'AbortError']) expect(isTransient(Object.assign(new Error('x'), { name }))).toBe(true);
    for (const code of ['ECONNRESET', 'ETIMEDOUT', 'EAI_AGAIN', 'ENOTFOUND']) expect(isTransient(Object.assign(new Error('x'), { code }))).toBe(true);
    expect(isTransient({ name: 'Unknown', $metadata: { httpStatusCode: 503 } })).toBe(true);
    for (const error of [new Error('x'), undefined, null, 'ThrottlingException', { name: 'AccessDeniedException', $metadata: { httpStatusCode: 400 } }, { name: 'NoSuchKey' }]) expect(isTransient(error)).toBe(false);
  });

  test('only what looks like a name is repeated', () => {
    expect(kind(Object.assign(new Error('secret'), { code: 'ECONNRESET' }))).toBe('ECONNRESET');
    expect(kind(Object.assign(new Error('secret'), { name: 'AccessDeniedException' }))).toBe('AccessDeniedException');
    for (const error of [new Error('secret'), 'secret', undefined, { name: 'a secret' }, { name: 'x'.repeat(61) }, { name: 1 }]) expect(kind(error)).toBe('Error');
  });
});
