import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inflateRawSync } from 'node:zlib';
import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand, GetTemplateCommand, paginateListStackResources } from '@aws-sdk/client-cloudformation';
import type { ObjectVersion } from '@aws-sdk/client-s3';
import { GetBucketVersioningCommand, GetObjectCommand, GetPublicAccessBlockCommand, HeadObjectCommand, ListObjectVersionsCommand, PutBucketVersioningCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { FileSystem } from 'aws-cdk-lib';
import { parse } from 'yaml';
import type { CdkRun } from '../../scripts/cdk';
import { cdkSynth } from '../../scripts/cdk';
import { MotoServer } from './moto';

const PROGRAM = process.env.MOTO_SERVER ?? '';
const ROOT = join(__dirname, '..', '..');
const BUNDLES = join(ROOT, 'dist', 'bundles');
const ACCOUNT = '123456789012'; // moto's own: https://docs.getmoto.org/en/latest/docs/multi_account.html
const STACK = 'Analytics';

/**
 * What the example has that `cdk deploy` against moto leaves unproven, type by type. When a test finds another list, moto has learned
 * something or the example has something new: change it here and in README.md.
 */
const NOT_EXERCISED = {
  // moto goes on without them, and the stack is "complete".
  unknown: [
    'AWS::CDK::Metadata',
    'AWS::CloudFormation::WaitConditionHandle',
    'AWS::CloudWatch::Alarm',
    'AWS::EC2::SecurityGroupEgress',
    'AWS::S3::BucketPolicy',
    'AWS::SecretsManager::ResourcePolicy',
    'AWS::SecretsManager::RotationSchedule',
    'AWS::SecretsManager::Secret',
  ],
  // moto makes others, but not ours.
  refused: {
    // an HTTP listener is what it makes.
    'AWS::ElasticLoadBalancingV2::Listener': "Listener protocol 'TCP' must be one of",
    // it is left with no resource, because the secret that it names is not there.
    'AWS::IAM::Policy': 'Policy statement must contain resources',
    // it has no name, where CloudFormation makes one up: moto crashes, and answers with a page.
    'AWS::SSM::Parameter': 'XML parse error',
  },
  // moto writes them down. What they are for is done by our functions, which it would run in containers of images that it downloads.
  functions: ['Custom::ClickHouseArtefacts', 'Custom::ClickHouseAuthority', 'Custom::ClickHouseCertificate', 'Custom::ClickHouseLiveRollout', 'Custom::ClickHousePackages', 'Custom::ClickHouseRegionalFact'],
  // of the bootstrap stack.
  bootstrap: ['AWS::S3::BucketPolicy'],
};
const REFUSED = Object.keys(NOT_EXERCISED.refused);
const NOT_EXERCISED_LINES = [
  `not exercised, unknown to moto: ${NOT_EXERCISED.unknown.join(', ')}`,
  `not exercised, refused by moto: ${REFUSED.join(', ')}`,
  `not exercised, recorded by moto without running its function: ${NOT_EXERCISED.functions.join(', ')}`,
  `not exercised, unknown to moto in the bootstrap stack: ${NOT_EXERCISED.bootstrap.join(', ')}`,
  'not exercised, because moto reads a part of the properties: whether a resource that it made is what the template says, such as the public access block of a bucket',
  'not exercised, because moto checks no permissions: what the roles may do, ours and those of the bootstrap stack',
];

test('README.md says what is not exercised', () => {
  const readme = readFileSync(join(__dirname, 'README.md'), 'utf8').split('\n').map((line) => line.trim());
  expect(readme.filter((line) => line.startsWith('not exercised'))).toEqual(NOT_EXERCISED_LINES);
});

if (PROGRAM === '') {
  console.warn('not proven: publishing the assets of the example with the CDK command line, against moto. Set MOTO_SERVER to the program, see test/emulator/README.md');
  // where it is promised, its absence is a failure.
  test('moto is there where it is promised', () => expect(process.env.CI === 'true' && process.env.PROOF_MOTO === '1').toBe(false));
}

// Loaded before anything else of the command line and of what it starts: who connects elsewhere is refused, and written down.
const GUARD = `
const { appendFileSync } = require('node:fs');
const { Socket } = require('node:net');
const { connect } = Socket.prototype;
Socket.prototype.connect = function (...given) {
  const [first, second] = Array.isArray(given[0]) ? given[0] : given;
  const { host = 'localhost', port, path } = typeof first === 'object' ? first : { port: first, host: second };
  // a path is a socket in the file system: https://nodejs.org/api/net.html#socketconnectoptions-connectlistener. HTTP clients say null for none.
  appendFileSync(process.env.CONNECTIONS, (path || host + ':' + port) + '\\n');
  if (!path && host !== '127.0.0.1') throw new Error('refused to leave this machine for ' + host);
  return connect.apply(this, given);
};
`;

interface Asset {
  readonly source: { readonly path: string; readonly packaging: 'zip' | 'file' };
  readonly destinations: Record<string, { readonly bucketName: string; readonly objectKey: string }>;
}

interface Template {
  readonly Resources: Record<string, { Type: string; readonly Condition?: string; readonly Properties?: object }>;
}

(PROGRAM === '' ? describe.skip : describe)('against moto, with the CDK command line', () => {
  const folder = join(tmpdir(), `publishing-${randomUUID()}`);
  const assembly = join(folder, 'assembly');
  const home = join(folder, 'home');
  const connections = join(folder, 'connections');
  const guard = join(folder, 'guard.cjs');
  const before = process.env.DOCKER_HOST;
  let server: MotoServer;
  let bucket: string;
  let s3: S3Client;
  let cloudFormation: CloudFormationClient;

  beforeAll(async () => {
    mkdirSync(home, { recursive: true });
    writeFileSync(connections, '');
    writeFileSync(guard, GUARD);
    // moto would run the functions of custom resources with Docker: on a machine that has it, images would be downloaded.
    process.env.DOCKER_HOST = `unix://${join(folder, 'no-docker')}`;
    server = await MotoServer.start(PROGRAM);
    const { endpoint, region, credentials } = server;
    bucket = `cdk-hnb659fds-assets-${ACCOUNT}-${region}`;
    s3 = new S3Client({ endpoint, region, credentials, forcePathStyle: true });
    cloudFormation = new CloudFormationClient({ endpoint, region, credentials, maxAttempts: 1 });
    const { status, output } = cdkSynth('bin/app.ts', assembly);
    if (status !== 0) throw new Error(output);
  }, 120_000);

  afterAll(async () => {
    if (before === undefined) delete process.env.DOCKER_HOST;
    else process.env.DOCKER_HOST = before;
    s3?.destroy();
    cloudFormation?.destroy();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The environment has nothing of this machine: no configuration, no credentials, no proxy, no metadata service. */
  const environment = (): NodeJS.ProcessEnv => ({
    PATH: process.env.PATH,
    HOME: home,
    NODE_OPTIONS: `--require ${guard}`,
    CONNECTIONS: connections,
    AWS_ENDPOINT_URL: server.endpoint,
    // in a URL for CloudFormation moto finds the bucket only where the host is this: nobody connects to it.
    AWS_ENDPOINT_URL_S3_FOR_CLOUDFORMATION: server.endpoint.replace('127.0.0.1', 'localhost'),
    AWS_ACCESS_KEY_ID: server.credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.credentials.secretAccessKey,
    AWS_REGION: server.region,
    AWS_CONFIG_FILE: join(folder, 'no-config'),
    AWS_SHARED_CREDENTIALS_FILE: join(folder, 'no-credentials'),
    AWS_EC2_METADATA_DISABLED: 'true',
    CDK_DISABLE_CLI_TELEMETRY: 'true',
    NO_COLOR: '1',
  });
  const node = (...args: string[]): CdkRun => {
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, env: environment(), encoding: 'utf8', timeout: 55_000 });
    return { status, output: stdout + stderr };
  };
  const cdk = (...args: string[]): CdkRun => node(join(ROOT, 'node_modules', 'aws-cdk', 'bin', 'cdk'), ...args, '--no-notices', '--app', assembly);
  const publish = (): CdkRun => cdk('publish-assets', STACK, '--unstable=publish-assets');

  const assets = (): [string, Asset][] => {
    const manifests = readdirSync(assembly).filter((file) => file.endsWith('.assets.json'));
    return manifests.flatMap((file) => Object.entries((JSON.parse(readFileSync(join(assembly, file), 'utf8')) as { files: Record<string, Asset> }).files));
  };
  const keyOf = ({ destinations }: Asset): string => {
    const [destination, ...more] = Object.values(destinations);
    if (destination === undefined || more.length > 0) throw new Error('an asset has one destination');
    expect(destination.bucketName.replace('${AWS::AccountId}', ACCOUNT).replace('${AWS::Region}', server.region)).toBe(bucket);
    return destination.objectKey;
  };
  const stored = async (Key: string): Promise<Buffer> => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key }));
    return Buffer.from((await Body?.transformToByteArray()) ?? []);
  };
  const versions = async (): Promise<Pick<ObjectVersion, 'Key' | 'VersionId' | 'ETag' | 'LastModified'>[]> => {
    const { Versions = [], IsTruncated } = await s3.send(new ListObjectVersionsCommand({ Bucket: bucket }));
    expect(IsTruncated).not.toBe(true);
    return Versions.map(({ Key, VersionId, ETag, LastModified }) => ({ Key, VersionId, ETag, LastModified }));
  };
  /** The types of what moto says a stack has, each once; those that it left out are without type. */
  const typesOf = async (StackName: string): Promise<Set<string>> => {
    const types = new Set<string>();
    for await (const { StackResourceSummaries = [] } of paginateListStackResources({ client: cloudFormation }, { StackName })) {
      for (const { ResourceType = '' } of StackResourceSummaries) types.add(ResourceType);
    }
    types.delete('');
    return types;
  };
  const missingIn = async (stack: string, template: Template): Promise<string[]> => {
    const made = await typesOf(stack);
    return [...new Set(Object.values(template.Resources).map(({ Type }) => Type))].filter((type) => !made.has(type)).sort();
  };

  test('who leaves this machine is refused', () => {
    const { status, output } = node('--eval', "require('node:https').get('https://192.0.2.1/')");
    expect(status).not.toBe(0);
    expect(output).toContain('refused to leave this machine for 192.0.2.1');
    expect(readFileSync(connections, 'utf8')).toBe('192.0.2.1:443\n');
    writeFileSync(connections, '');
  });

  test('an account that is not bootstrapped gets nothing', async () => {
    const { status, output } = publish();
    expect(status).toBe(1);
    expect(output).toContain('/cdk-bootstrap/hnb659fds/version');
    await expect(s3.send(new ListObjectVersionsCommand({ Bucket: bucket }))).rejects.toThrow('does not exist');
  });

  test('the account is bootstrapped, by the template of the command line itself', async () => {
    const { status, output } = cdk('bootstrap', `aws://${ACCOUNT}/${server.region}`);
    expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining(`Environment aws://${ACCOUNT}/${server.region} bootstrapped`) as string });
    const { region, endpoint, credentials } = server;
    const ssm = new SSMClient({ endpoint, region, credentials });
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: '/cdk-bootstrap/hnb659fds/version' })).finally(() => ssm.destroy());
    const { artifacts } = JSON.parse(readFileSync(join(assembly, 'manifest.json'), 'utf8')) as { artifacts: Record<string, { properties?: { requiresBootstrapStackVersion?: number } }> };
    expect(Number(Parameter?.Value)).toBeGreaterThanOrEqual(artifacts[STACK]?.properties?.requiresBootstrapStackVersion ?? Infinity);
    const { TemplateBody = '' } = await cloudFormation.send(new GetTemplateCommand({ StackName: 'CDKToolkit' }));
    const template = parse(TemplateBody) as Template;
    // a condition of the template is an option of `cdk bootstrap`, and none was given.
    const wanted = Object.entries(template.Resources).filter(([, { Condition }]) => Condition === undefined);
    expect(await missingIn('CDKToolkit', { Resources: Object.fromEntries(wanted) })).toEqual(NOT_EXERCISED.bootstrap);
    expect(await versions()).toEqual([]);
    // of the properties of a bucket moto's CloudFormation reads its encryption and its tags.
    expect(Object.keys(template.Resources.StagingBucket?.Properties ?? {})).toEqual(expect.arrayContaining(['PublicAccessBlockConfiguration', 'VersioningConfiguration']));
    await expect(s3.send(new GetPublicAccessBlockCommand({ Bucket: bucket }))).rejects.toThrow('not found');
    expect((await s3.send(new GetBucketVersioningCommand({ Bucket: bucket }))).Status).toBeUndefined();
    // the one thing that is stood in for: with it each upload that follows is a version of its own, and none goes unseen.
    await s3.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration: { Status: 'Enabled' } }));
  });

  test('every asset is published: encrypted, under the hash of its content, with the bytes that were bundled', async () => {
    const { status, output } = publish();
    expect({ status, output }).toEqual({ status: 0, output: expect.stringContaining('Assets published successfully') as string });
    const published = assets();
    expect((await versions()).map(({ Key }) => Key).sort()).toEqual(published.map(([, asset]) => keyOf(asset)).sort());

    const bundled: string[] = [];
    for (const [id, asset] of published) {
      const key = keyOf(asset);
      const { ServerSideEncryption, ContentType } = await s3.send(new HeadObjectCommand({ Bucket: bucket, Key: key }));
      const object = await stored(key);
      if (asset.source.packaging === 'file') {
        expect({ ServerSideEncryption, ContentType }).toEqual({ ServerSideEncryption: 'aws:kms', ContentType: 'application/json' });
        expect(key).toBe(`${id}.json`);
        expect(createHash('sha256').update(object).digest('hex')).toBe(id);
        expect(object.equals(readFileSync(join(assembly, asset.source.path)))).toBe(true);
        continue;
      }
      expect({ ServerSideEncryption, ContentType }).toEqual({ ServerSideEncryption: 'aws:kms', ContentType: 'application/zip' });
      expect(key).toBe(`${id}.zip`);
      const files = unzip(object);
      expect(hashOf(files, join(folder, 'unpacked', id))).toBe(id);
      bundled.push(...readdirSync(BUNDLES).filter((name) => isFolder(files, join(BUNDLES, name))));
    }
    // the agent is carried by `publish-artefacts`, and the command line stays on machines of developers.
    expect(bundled.sort()).toEqual(readdirSync(BUNDLES).filter((name) => name !== 'agent' && name !== 'secure-clickhouse').sort());
  });

  test('nothing is published twice', async () => {
    const first = await versions();
    // the time that objects have is one of seconds.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    const { status, output } = publish();
    expect(await versions()).toEqual(first);
    expect({ status, output }).toEqual({ status: 0, output: expect.not.stringContaining('start: Publishing') as string });
  });

  test('`cdk deploy` hands CloudFormation the template that was published, and publishes nothing either', async () => {
    const first = await versions();
    const { output } = cdk('deploy', STACK, '--require-approval', 'never');
    // what it says of the end is no proof. moto fails at the first resource that it refuses, does nothing when the command line asks
    // again, and calls that complete: https://github.com/getmoto/moto/blob/5.2.5/moto/cloudformation/models.py, execute_change_set.
    expect(output).toContain(`${STACK}: creating CloudFormation changeset...`);
    const { TemplateBody } = await cloudFormation.send(new GetTemplateCommand({ StackName: STACK }));
    expect(TemplateBody).toBe(readFileSync(join(assembly, `${STACK}.template.json`), 'utf8'));
    expect(await versions()).toEqual(first);
  });

  describe('what is not exercised', () => {
    const template = (): Template => JSON.parse(readFileSync(join(assembly, `${STACK}.template.json`), 'utf8')) as Template;
    /** Creates the stack without the resources of some types; in their place is one that moto ignores, so that references still lead somewhere. */
    const create = async (StackName: string, without: readonly string[]): Promise<unknown> => {
      const changed = template();
      for (const resource of Object.values(changed.Resources)) if (without.includes(resource.Type)) resource.Type = 'AWS::CloudFormation::WaitConditionHandle';
      await s3.send(new PutObjectCommand({ Bucket: bucket, Key: StackName, Body: JSON.stringify(changed) }));
      return cloudFormation.send(new CreateStackCommand({ StackName, TemplateURL: `${server.endpoint.replace('127.0.0.1', 'localhost')}/${bucket}/${StackName}` }));
    };

    test.each(Object.entries(NOT_EXERCISED.refused))('moto refuses %s', async (type, reason) => {
      await expect(create(`with-${type.replaceAll('::', '-')}`, REFUSED.filter((other) => other !== type))).rejects.toThrow(reason);
    });

    test('moto makes everything else, and runs no function', async () => {
      await create('rest', REFUSED);
      expect(await missingIn('rest', template())).toEqual([...NOT_EXERCISED.unknown, ...REFUSED].sort());
      const custom = [...(await typesOf('rest'))].filter((type) => type.startsWith('Custom::'));
      expect(custom.sort()).toEqual(NOT_EXERCISED.functions);
      // it waits for the answers of functions that never run.
      const { Stacks: [stack] = [] } = await cloudFormation.send(new DescribeStacksCommand({ StackName: 'rest' }));
      expect(stack?.StackStatus).toBe('CREATE_IN_PROGRESS');
      console.log(NOT_EXERCISED_LINES.join('\n'));
    });
  });

  test('the command line asked moto and nobody else', () => {
    const asked = new Set(readFileSync(connections, 'utf8').trimEnd().split('\n'));
    expect([...asked]).toEqual([server.endpoint.replace('http://', '')]);
  });
});

type Files = ReadonlyMap<string, Buffer>;

/** The files of a ZIP archive, by its central directory: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.12 and 4.3.16. */
function unzip(archive: Buffer): Files {
  const end = archive.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  const files = new Map<string, Buffer>();
  for (let at = archive.readUInt32LE(end + 16), left = archive.readUInt16LE(end + 10); left > 0; left -= 1) {
    const name = archive.toString('utf8', at + 46, at + 46 + archive.readUInt16LE(at + 28));
    const local = archive.readUInt32LE(at + 42);
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const packed = archive.subarray(start, start + archive.readUInt32LE(at + 20));
    if (!name.endsWith('/')) files.set(name, archive.readUInt16LE(at + 10) === 0 ? packed : inflateRawSync(packed));
    at += 46 + archive.readUInt16LE(at + 28) + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
  }
  return files;
}

/** The hash that the CDK calls an asset of these files by. */
function hashOf(files: Files, folder: string): string {
  for (const [name, content] of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return FileSystem.fingerprint(folder);
}

function isFolder(files: Files, folder: string): boolean {
  const names = readdirSync(folder);
  return names.length === files.size && names.every((name) => files.get(name)?.equals(readFileSync(join(folder, name))));
}
