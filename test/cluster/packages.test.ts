import { App, Stack, Token } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as kms from 'aws-cdk-lib/aws-kms';
import * as s3 from 'aws-cdk-lib/aws-s3';
import type { BucketPackagesOptions, ClickHouseClusterProps, OfficialPackagesOptions } from '../../lib';
import { ClickHouseCluster, ClickHousePackages, ClickHouseVersion } from '../../lib';
import { readIdentity } from '../../lib/agent/identity';
import { attributeOf, fileNameOf, packagesProperties } from '../../lib/handlers/mirror-packages/event';
import type { Resource } from './stacks';
import { clusterStack, inWords, madeBefore, one, privateStack, resources, singleNode } from './stacks';

const VERSION = '26.8.36.3';
const KEY = '3a9ea1193a97b548be1457d48919f6bd2b48d754';
const digestOf = (file: string): string => Buffer.from(file).toString('hex').padEnd(64, '0').slice(-64);
const named = (names: readonly string[], architecture = 'aarch64', version = VERSION): string[] => names.map((name) => `${name}-${version}.${architecture}.rpm`);
const SERVER = ['clickhouse-common-static', 'clickhouse-server', 'clickhouse-client'];
const digests = (files: readonly string[]): Record<string, string> => Object.fromEntries(files.map((file) => [file, digestOf(file)]));
const ALL = digests(named([...SERVER, 'clickhouse-keeper']));
const x86 = { instanceType: new ec2.InstanceType('m7i.large') };
const image = ec2.MachineImage.genericLinux({ 'eu-west-1': 'ami-0123456789abcdef0' });

const mirrors = (template: Template): Resource[] => Object.values(resources(template, 'Custom::ClickHousePackages'));
/** What the handler makes of a resource, once CloudFormation has put in the bucket's name. */
const told = ({ Properties }: Resource) => packagesProperties({ ...Properties, Bucket: 'artefacts' });

/** The identity of each node, references by what they refer to. */
function identities(template: Template): Record<string, ReturnType<typeof readIdentity>> {
  const text = (value: unknown): string => {
    if (typeof value === 'string') return value;
    if (JSON.stringify(value).includes('Sha256')) return 'ab'.repeat(32);
    return inWords(value) + ((value as { 'Fn::GetAtt'?: string[] })['Fn::GetAtt']?.[1] ?? '');
  };
  const scripts = Object.values(resources(template, 'AWS::EC2::LaunchTemplate')).map(({ Properties }) => (Properties.LaunchTemplateData as { UserData: { 'Fn::Base64': { 'Fn::Join': [string, unknown[]] } } }).UserData['Fn::Base64']['Fn::Join'][1].map(text).join(''));
  return Object.fromEntries(scripts.map((script) => /<<'END_OF_IDENTITY'\n([^]*?)\nEND_OF_IDENTITY/.exec(script)?.[1] ?? '').map((each) => [readIdentity(each).name, readIdentity(each)]));
}

/** Every statement of a node about packages. */
function statements(template: Template, role: RegExp): { Action: unknown; Resource: unknown; Condition?: unknown }[] {
  return Object.entries(resources(template, 'AWS::IAM::Role'))
    .filter(([id]) => role.test(id))
    .flatMap(([, { Properties }]) => Properties.Policies as { PolicyDocument: { Statement: { Sid?: string; Action: unknown; Resource: unknown; Condition?: unknown }[] } }[])
    .flatMap(({ PolicyDocument }) => PolicyDocument.Statement.filter(({ Sid = '' }) => Sid.endsWith('Packages')));
}

describe('official packages', () => {
  test('without a word, are those of ClickHouse and of the version, verified with its key', () => {
    const [mirror, ...others] = mirrors(clusterStack().template());
    expect(others).toEqual([]);
    expect(told(mirror)).toEqual({
      version: VERSION,
      bucket: 'artefacts',
      prefix: 'packages',
      repository: new URL('https://packages.clickhouse.com/rpm/stable/'),
      wanted: [...SERVER, 'clickhouse-keeper'].map((name) => ({ name, architecture: 'aarch64' })),
      fingerprints: [KEY],
      digests: new Map(),
    });
    expect(inWords(mirror?.Properties.Bucket)).toBe('<AnalyticsArtefactsBucket>');
  });

  test('follow the version, and are the ones that the roles there are need', () => {
    const [mirror] = mirrors(singleNode({ version: ClickHouseVersion.of('26.8.40.1') }).template());
    expect(told(mirror)).toMatchObject({ version: '26.8.40.1', wanted: SERVER.map((name) => ({ name, architecture: 'aarch64' })) });
  });

  test('are brought for the architectures in use, one after the other', () => {
    const template = clusterStack({ ...x86, keeperInstanceType: new ec2.InstanceType('m7g.medium') }).template();
    expect(mirrors(template).map((mirror) => told(mirror).wanted).sort((a, b) => a.length - b.length)).toEqual([
      [{ name: 'clickhouse-keeper', architecture: 'aarch64' }],
      SERVER.map((name) => ({ name, architecture: 'x86_64' })),
    ]);
    const [arm, x64] = ['Arm64', 'X86'].map((id) => Object.keys(resources(template, 'Custom::ClickHousePackages')).find((each) => each.includes(id))) as [string, string];
    expect(resources(template)[x64]?.DependsOn).toContain(arm);
    expect(identities(template)['server-1-1']?.packages.map(({ key }) => key)).toEqual(['ClickhouseCommonStaticX8664Key', 'ClickhouseServerX8664Key', 'ClickhouseClientX8664Key'].map((attribute) => `<AnalyticsPackagesX86>${attribute}`));
    expect(identities(template)['keeper-1']?.packages.map(({ key }) => key)).toEqual(['<AnalyticsPackagesArm64>ClickhouseKeeperAarch64Key']);
  });

  test('are asked for by the attributes that the handler answers with, and nodes know all of them', () => {
    const template = clusterStack().template();
    const [mirror] = mirrors(template);
    const answered = told(mirror).wanted.flatMap((each) => [attributeOf(each, 'Key'), attributeOf(each, 'Sha256')]);
    const asked = [...JSON.stringify(resources(template, 'AWS::EC2::LaunchTemplate')).matchAll(/\["AnalyticsPackagesArm64[0-9A-F]{8}","(\w+)"\]/g)].map(([, attribute]) => attribute);
    expect([...new Set(asked)].sort()).toEqual(answered.sort());
    expect(identities(template)['server-1-2']).toMatchObject({ packageBucket: '<AnalyticsArtefactsBucket>', packages: [1, 2, 3].map(() => ({ sha256: 'ab'.repeat(32) })) });
  });

  test('with a digest of every file need no signature; with fewer they do, and a key that is given is asked for whatever is pinned', () => {
    const fingerprints = (options: OfficialPackagesOptions) => told(mirrors(clusterStack({ packages: ClickHousePackages.official(options) }).template())[0]).fingerprints;
    expect(fingerprints({ digests: ALL })).toEqual([]);
    expect(fingerprints({ digests: digests(named(SERVER)) })).toEqual([KEY]);
    expect(fingerprints({ digests: ALL, signingKeyFingerprint: 'AB'.repeat(32) })).toEqual(['ab'.repeat(32)]);
  });

  test('digests go to the architecture that they are for, in lower case', () => {
    const pinned: Record<string, string> = { ...digests(named(['clickhouse-server'], 'x86_64')), 'clickhouse-keeper-26.8.36.3-1.aarch64.rpm': 'AB'.repeat(32) };
    const template = clusterStack({ ...x86, keeperInstanceType: new ec2.InstanceType('m7g.medium'), packages: ClickHousePackages.official({ digests: pinned }) }).template();
    const found = mirrors(template).map((mirror) => [...told(mirror).digests]);
    expect(found.sort()).toEqual([[['clickhouse-keeper-26.8.36.3-1.aarch64.rpm', 'ab'.repeat(32)]], [['clickhouse-server-26.8.36.3.x86_64.rpm', pinned['clickhouse-server-26.8.36.3.x86_64.rpm']]]]);
  });

  test('another repository is asked for what the same key signed', () => {
    const [mirror] = mirrors(singleNode({ packages: ClickHousePackages.official({ repository: 'https://mirror.example.com/clickhouse/' }) }).template());
    expect(told(mirror)).toMatchObject({ repository: new URL('https://mirror.example.com/clickhouse/'), fingerprints: [KEY] });
  });

  describe('the resource', () => {
    const template = clusterStack().template();
    const id = Object.keys(resources(template, 'Custom::ClickHousePackages'))[0] ?? '';

    test('comes before every node, also in nested stacks', () => {
      for (const [type, all] of [['AWS::AutoScaling::AutoScalingGroup', template], ['AWS::CloudFormation::Stack', clusterStack({ nestedStacks: true }).template()]] as const) {
        const waiting = Object.keys(resources(all, type));
        expect(waiting.length).toBeGreaterThan(2);
        for (const each of waiting) expect([...madeBefore(all, [each])].map((before) => resources(all)[before]?.Type)).toContain('Custom::ClickHousePackages');
      }
    });

    test('and whoever writes for it comes after the publisher, and so goes before it empties the bucket', () => {
      const [published = ''] = Object.keys(resources(template, 'Custom::ClickHouseArtefacts'));
      const writers = Object.keys(resources(template)).filter((each) => each.startsWith('AnalyticsPackages'));
      expect(writers.map((each) => resources(template)[each]?.Type).sort()).toEqual(['AWS::IAM::Role', 'AWS::Lambda::Function', 'AWS::Logs::LogGroup', 'Custom::ClickHousePackages']);
      for (const each of writers) expect([...madeBefore(template, [each])]).toContain(published);
      expect([...madeBefore(template, [published])].filter((each) => each.startsWith('AnalyticsPackages'))).toEqual([]);
    });

    test('is waited for as long as Lambda calls its function, thrice a quarter of an hour', () => {
      expect(resources(template)[id]?.Properties.ServiceTimeout).toBe('3600');
      const [handler] = Object.entries(resources(template, 'AWS::Lambda::Function')).filter(([each]) => each.startsWith('AnalyticsPackages'));
      expect(handler?.[1].Properties).toMatchObject({ Timeout: 900, MemorySize: 256 });
      expect(handler?.[1].Properties.VpcConfig).toBeUndefined();
      // without one Lambda calls twice more.
      expect(Object.keys(resources(template, 'AWS::Lambda::EventInvokeConfig'))).toEqual([]);
    });
  });

  test.each<[string, OfficialPackagesOptions, RegExp]>([
    ['a digest that is none', { digests: { [named(['clickhouse-server'])[0]]: 'abc' } }, /'digests' of the packages must be SHA-256 in 64 hexadecimal digits, got "abc" for clickhouse-server-26/],
    ['one with a letter too far', { digests: { [named(['clickhouse-server'])[0]]: 'g'.repeat(64) } }, /64 hexadecimal digits, got "ggg/],
    ['a SHA-512', { digests: { [named(['clickhouse-server'])[0]]: 'a'.repeat(128) } }, /64 hexadecimal digits/],
    ['a digest that is a token', { digests: { [named(['clickhouse-server'])[0]]: Token.asString({ Ref: 'Digest' }) } }, /64 hexadecimal digits/],
    ['a digest that is no text', { digests: { [named(['clickhouse-server'])[0]]: 5 as unknown as string } }, /64 hexadecimal digits, got 5/],
    ['a file of another version', { digests: digests(named(['clickhouse-server'], 'aarch64', '26.8.35.1')) }, /names clickhouse-server-26\.8\.35\.1\.aarch64\.rpm, which is none of the files of this cluster: clickhouse-common-static-26\.8\.36\.3\.aarch64\.rpm, /],
    ['a file of another architecture', { digests: digests(named(['clickhouse-server'], 'x86_64')) }, /which is none of the files/],
    ['a file of another package', { digests: digests(named(['clickhouse-odbc-bridge'])) }, /which is none of the files/],
    ['no file of ClickHouse', { digests: digests(['openssh.rpm']) }, /must be by file name, such as .* got "openssh\.rpm"/],
    ['a path', { digests: digests(['../clickhouse-server-26.8.36.3.aarch64.rpm']) }, /must be by file name/],
    ['the id of a key', { signingKeyFingerprint: '8919F6BD2B48D754' }, /whole fingerprint of a key, 40 or 64 hexadecimal digits, got "8919F6BD2B48D754"/],
    ['no fingerprint', { signingKeyFingerprint: '' }, /whole fingerprint/],
    ['a fingerprint of other letters', { signingKeyFingerprint: 'z'.repeat(40) }, /whole fingerprint/],
    ['a fingerprint that is a token', { signingKeyFingerprint: Token.asString({ Ref: 'Key' }) }, /whole fingerprint/],
    ...['http://packages.clickhouse.com/rpm/stable/', 'https://packages.clickhouse.com/rpm/stable', 'https://a:b@example.com/', 'https://example.com/?x=/', 'https://example.com/#/', 'https://example.com/../x/', 'https://EXAMPLE.com/', 'file:///rpm/', 'example.com', ''].map(
      (repository): [string, OfficialPackagesOptions, RegExp] => [`the repository ${JSON.stringify(repository)}`, { repository }, /'repository' of the packages must be an address such as 'https:/],
    ),
  ])('%s is refused before anything is defined', (_, options, message) => {
    refused({ packages: ClickHousePackages.official(options) }, message);
  });
});

describe('packages from a bucket', () => {
  const fromBucket = (options: BucketPackagesOptions, props: Partial<ClickHouseClusterProps> = {}, bucket = (stack: Stack): s3.IBucket => s3.Bucket.fromBucketName(stack, 'Packages', 'our-packages')) => {
    const { stack, vpc } = privateStack();
    new ClickHouseCluster(stack, 'Analytics', { vpc, packages: ClickHousePackages.fromBucket(bucket(stack), options), ...props });
    return Template.fromStack(stack);
  };

  test('are named in the launch template with the digests that were given, and nobody is asked', () => {
    const template = fromBucket({ prefix: 'mirrors/clickhouse', digests: ALL });
    const text = JSON.stringify(resources(template, 'AWS::EC2::LaunchTemplate'));
    for (const [file, digest] of Object.entries(ALL)) {
      expect(text).toContain(`mirrors/clickhouse/${file}`);
      expect(text).toContain(digest);
    }
    expect(mirrors(template)).toEqual([]);
    expect(JSON.stringify(template.toJSON())).not.toContain('packages.clickhouse.com');
  });

  test('nodes may read exactly the files of their role, and of the version before while it is listed', () => {
    const template = fromBucket({ digests: { ...ALL, ...digests(named(['clickhouse-server', 'clickhouse-keeper'], 'aarch64', '26.8.36.1')) } });
    const read = (role: RegExp): string[] => statements(template, role).flatMap(({ Resource: on }) => [on].flat().map(inWords));
    const object = (file: string): string => `arn:<Partition>:s3:::our-packages/${file}`;
    expect(read(/Shard1Replica1Role/)).toEqual([...named(SERVER), 'clickhouse-server-26.8.36.1.aarch64.rpm'].map(object));
    expect(read(/Keeper2Role/)).toEqual(['clickhouse-keeper-26.8.36.3.aarch64.rpm', 'clickhouse-keeper-26.8.36.1.aarch64.rpm'].map(object));
    // and no other version is installed.
    expect(JSON.stringify(resources(template, 'AWS::EC2::LaunchTemplate'))).not.toContain('26.8.36.1');
  });

  test('a key of the bucket may be used through S3 and for nothing else', () => {
    const bucket = (stack: Stack): s3.IBucket => new s3.Bucket(stack, 'Packages', { encryption: s3.BucketEncryption.KMS, encryptionKey: new kms.Key(stack, 'PackagesKey') });
    const template = fromBucket({ digests: ALL }, {}, bucket);
    expect(statements(template, /Keeper1Role/).map(({ Action, Resource: on, Condition }) => [Action, inWords(on), JSON.stringify(Condition)])).toEqual([
      ['s3:GetObject', '<Packages>/clickhouse-keeper-26.8.36.3.aarch64.rpm', undefined],
      ['kms:Decrypt', '<PackagesKey>', JSON.stringify({ StringEquals: { 'kms:ViaService': { 'Fn::Join': ['', ['s3.', { Ref: 'AWS::Region' }, '.amazonaws.com']] } } })],
    ]);
  });

  test('may lie in the bucket of another stack', () => {
    const app = new App();
    const [network, data] = ['Network', 'Data'].map((id) => new Stack(app, id, { env: { account: '111122223333', region: 'eu-west-1' } })) as [Stack, Stack];
    const vpc = new ec2.Vpc(network, 'Vpc', { availabilityZones: ['eu-west-1a', 'eu-west-1b', 'eu-west-1c'] });
    const bucket = new s3.Bucket(network, 'Packages', { encryption: s3.BucketEncryption.KMS });
    new ClickHouseCluster(data, 'Analytics', { vpc, nestedStacks: true, packages: ClickHousePackages.fromBucket(bucket, { digests: ALL }) });
    expect(() => app.synth()).not.toThrow();
  });

  test.each<[string, BucketPackagesOptions, RegExp]>([
    ['nothing', { digests: {} }, /must name every file that nodes install, missing are clickhouse-common-static-26\.8\.36\.3\.aarch64\.rpm, clickhouse-server-26\.8\.36\.3\.aarch64\.rpm, clickhouse-client-26\.8\.36\.3\.aarch64\.rpm, clickhouse-keeper-26\.8\.36\.3\.aarch64\.rpm \[/],
    ['no Keeper', { digests: digests(named(SERVER)) }, /missing are clickhouse-keeper-26\.8\.36\.3\.aarch64\.rpm \[/],
    ['another version', { digests: digests(named([...SERVER, 'clickhouse-keeper'], 'aarch64', '26.8.35.1')) }, /missing are clickhouse-common-static-26\.8\.36\.3/],
    ['another architecture', { digests: digests(named([...SERVER, 'clickhouse-keeper'], 'x86_64')) }, /missing are clickhouse-common-static-26\.8\.36\.3\.aarch64/],
    ['a digest that is none', { digests: { ...ALL, [named(['clickhouse-server'])[0]]: 'x' } }, /64 hexadecimal digits, got "x" for clickhouse-server/],
    ['what is no file of ClickHouse', { digests: { ...ALL, ...digests(['*']) } }, /must be by file name, .* got "\*"/],
    ...['/packages', 'packages/', 'a//b', '*', 'a b', '${x}', ''].map((prefix): [string, BucketPackagesOptions, RegExp] => [`the prefix ${JSON.stringify(prefix)}`, { prefix, digests: ALL }, /'prefix' of the packages must be made of letters/]),
  ])('%s is refused before anything is defined', (_, options, message) => {
    const bucket = s3.Bucket.fromBucketName(new Stack(), 'Packages', 'our-packages');
    refused({ packages: ClickHousePackages.fromBucket(bucket, options) }, message);
  });
});

describe('preinstalled packages', () => {
  test('need an image of each role, which Amazon Linux is not', () => {
    const packages = ClickHousePackages.preinstalled();
    refused({ packages }, /'ClickHousePackages\.preinstalled\(\)' needs a 'machineImage' that has clickhouse-common-static, clickhouse-server, clickhouse-client in it, got none/);
    refused({ packages, keeperMachineImage: image }, /needs a 'machineImage'/);
    refused({ packages, machineImage: image }, /needs a 'keeperMachineImage' that has clickhouse-keeper in it, got none; the packages of servers and of Keepers exclude each other/);
    expect(() => singleNode({ packages, machineImage: image }, { env: { region: 'eu-west-1' } })).not.toThrow();
  });

  test('each role runs its own image, of its own architecture', () => {
    const keeperMachineImage = ec2.MachineImage.genericLinux({ 'eu-west-1': 'ami-00000000000000001' });
    const template = clusterStack({ machineImage: image, keeperMachineImage, ...x86, keeperInstanceType: new ec2.InstanceType('m7g.medium') }, { env: { region: 'eu-west-1' } }).template();
    const images = Object.entries(resources(template, 'AWS::EC2::LaunchTemplate')).map(([id, { Properties }]) => [id.includes('Keeper'), (Properties.LaunchTemplateData as { ImageId: string }).ImageId]);
    expect(new Set(images.map((each) => each.join(' ')))).toEqual(new Set(['true ami-00000000000000001', 'false ami-0123456789abcdef0']));
  });

  test('are looked for nowhere', () => {
    const template = clusterStack({ packages: ClickHousePackages.preinstalled(), machineImage: image, keeperMachineImage: image }, { env: { region: 'eu-west-1' } }).template();
    expect(Object.values(identities(template)).map(({ packages, packageBucket }) => [packages, packageBucket])).toEqual([1, 2, 3, 4, 5].map(() => [[], undefined]));
    expect(mirrors(template)).toEqual([]);
    expect(statements(template, /Role/)).toEqual([]);
  });
});

test('file names and attributes are those of the handler', () => {
  const template = clusterStack().template();
  const { wanted, version } = told(mirrors(template)[0]);
  const bucket = s3.Bucket.fromBucketName(new Stack(), 'Packages', 'our-packages');
  // a digest for exactly the files that the handler would fetch is enough.
  const packages = ClickHousePackages.fromBucket(bucket, { digests: digests(wanted.map((each) => fileNameOf(each, version))) });
  expect(() => clusterStack({ packages })).not.toThrow();
});

test('one object serves several clusters', () => {
  const { stack, vpc } = privateStack();
  const packages = ClickHousePackages.official();
  for (const id of ['One', 'Two']) new ClickHouseCluster(stack, id, { vpc, packages });
  expect(mirrors(Template.fromStack(stack))).toHaveLength(2);
});

test('where packages come from rolls no node as long as they are the same', () => {
  const launch = (packages?: ClickHousePackages): unknown => resources(singleNode({ packages }).template(), 'AWS::EC2::LaunchTemplate');
  // pinned after the first deployment.
  expect(launch(ClickHousePackages.official({ digests: digests(named(SERVER)) }))).toEqual(launch());
  expect(Object.keys(launch(ClickHousePackages.fromBucket(s3.Bucket.fromBucketName(new Stack(), 'Packages', 'our-packages'), { digests: ALL })) as object)).not.toEqual(Object.keys(launch() as object));
});

function refused(props: Partial<ClickHouseClusterProps>, message: RegExp): void {
  const { stack, vpc } = privateStack();
  const create = (): ClickHouseCluster => new ClickHouseCluster(stack, 'Analytics', { vpc, ...props });
  expect(create).toThrow(message);
  expect(Object.keys(resources(Template.fromStack(stack))).filter((id) => id.startsWith('Analytics'))).toEqual([]);
  expect(() => new ClickHouseCluster(privateStack().stack, 'Analytics', { vpc, ...props })).toThrow(/\[Test\/Analytics\]$/);
  expect(one(Template.fromStack(stack), 'AWS::EC2::VPC')).toBeDefined();
}
