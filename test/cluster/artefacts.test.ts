import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import type { BootManifest, DocumentTemplate } from '../../lib/config/manifest';
import { openHoles } from '../../lib/config/holes';
import { liveOf, one, resources, singleNode } from './stacks';

interface Published {
  readonly Manifests: { readonly Key: string; readonly Sha256: string; readonly Content: string }[];
  readonly Agent: { readonly Key: string; readonly Sha256: string };
}

const { cluster, template } = singleNode({ extraServerDocuments: { merges: '<clickhouse><background_pool_size>8</background_pool_size></clickhouse>' } });
cluster.addUser('ingest');
const synthesised = template();
const live = liveOf(synthesised);
const published = one(synthesised, 'Custom::ClickHouseArtefacts');
const { Manifests, Agent } = published.Properties as unknown as Published;
const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

test('boot manifests are literals of the template, named by their hash', () => {
  expect(Manifests).toHaveLength(1);
  for (const { Key, Sha256, Content } of Manifests) {
    expect(typeof Content).toBe('string');
    expect(sha256(Content)).toBe(Sha256);
    expect(Key).toContain(Sha256);
  }
});

test('what the metadata shows is what is published, line by line', () => {
  const [boot] = Manifests.map(({ Content }) => JSON.parse(Content) as BootManifest) as [BootManifest];
  const documents: readonly DocumentTemplate[] = [...boot.documents, ...live.documents, ...live.users];
  expect(documents.map(({ path }) => path)).toContain('/etc/clickhouse-server/config.d/extra-merges.xml');
  const shown = published.Metadata?.['cdk-secure-clickhouse:documents'] as Record<string, string[]>;
  expect(Object.keys(shown).sort()).toEqual(documents.map(({ path }) => path).sort());
  for (const { path, template: text } of documents) expect(`${shown[path]?.join('\n')}\n`).toBe(text);
});

test('the agent is the shipped bundle, and the publisher carries the same bytes', () => {
  const bundles = join(__dirname, '../../dist/bundles');
  const agent = readFileSync(join(bundles, 'agent/index.js'));
  expect(Agent).toEqual({ Key: `agent/${sha256(agent)}.js`, Sha256: sha256(agent) });
  expect(readFileSync(join(bundles, 'publish-artefacts/agent.js'))).toEqual(agent);
});

test('the live manifest is completed by CloudFormation with nothing but the ARNs of secrets', () => {
  const { Live } = published.Properties as unknown as { Live: { 'Fn::Join': [string, unknown[]] } };
  const [secret] = Object.keys(resources(synthesised, 'AWS::SecretsManager::Secret')).filter((id) => id.includes('ingest'));
  expect(Live['Fn::Join'][1].filter((part) => typeof part !== 'string')).toEqual([{ Ref: secret }]);
  expect(live.users.map((user) => user.secret)).toEqual([`<${secret}>`]);
});

test('the template makes the pointer and never moves it; the handlers do, the last one after every node', () => {
  const [pointer] = Object.entries(resources(synthesised, 'AWS::SSM::Parameter')).filter(([id]) => id.includes('LiveManifest'));
  expect(pointer?.[1].Properties.Value).toBe('none yet');
  expect((published.Properties as unknown as { Pointer: unknown }).Pointer).toEqual({ Ref: pointer?.[0] });
  const [publisher] = Object.keys(resources(synthesised, 'Custom::ClickHouseArtefacts'));
  const rollout = one(synthesised, 'Custom::ClickHouseLiveRollout');
  expect(rollout.Properties).toMatchObject({ Pointer: { Ref: pointer?.[0] }, Sha256: { 'Fn::GetAtt': [publisher, 'LiveSha256'] } });
  expect(rollout.DependsOn?.map((id) => resources(synthesised)[id]?.Type)).toContain('AWS::AutoScaling::AutoScalingGroup');
});

test('no secret is in the template: where one belongs there is a hole', () => {
  const holes = new Set([...Manifests.map(({ Content }) => Content), JSON.stringify(live)].flatMap(openHoles));
  expect(holes).toEqual(
    new Set(['nodeIp', 'nodeHost', 'shard', 'replica', 'certificatePath', 'privateKeyPath', 'caBundlePath', 'interserverPassword', 'clusterSecret', 'maintenanceHash', 'clientNetworks', 'rotationNetworks', 'passwordHashes:ingest']),
  );
  const text = JSON.stringify(synthesised.toJSON());
  expect(text).not.toMatch(/resolve:secretsmanager/);
  expect(text).not.toMatch(/BEGIN [A-Z ]*PRIVATE KEY/);
  expect(text).not.toMatch(/<password>(?!@\{interserverPassword\})/);
});

test('the bucket is closed, encrypted, held to TLS and emptied before it goes', () => {
  const bucket = one(synthesised, 'AWS::S3::Bucket');
  expect(bucket.Properties.PublicAccessBlockConfiguration).toEqual({ BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true });
  const policy = JSON.stringify(one(synthesised, 'AWS::S3::BucketPolicy').Properties);
  expect(policy).toContain('"aws:SecureTransport":"false"');
  expect(policy).toContain('"s3:TlsVersion"');
  const before = published.DependsOn ?? [];
  expect(before.map((id) => resources(synthesised)[id]?.Type)).toEqual(expect.arrayContaining(['AWS::S3::Bucket', 'AWS::S3::BucketPolicy']));
});
