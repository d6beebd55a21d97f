import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import type { BootManifest, DocumentTemplate, LiveManifest } from '../../lib/config/manifest';
import { openHoles } from '../../lib/config/holes';
import { singleNode, one, resources } from './stacks';

interface Published {
  readonly Manifests: { readonly Key: string; readonly Sha256: string; readonly Content: string }[];
  readonly Agent: { readonly Key: string; readonly Sha256: string };
}

const { template } = singleNode({ extraServerDocuments: { merges: '<clickhouse><background_pool_size>8</background_pool_size></clickhouse>' } });
const synthesised = template();
const published = one(synthesised, 'Custom::ClickHouseArtefacts');
const { Manifests, Agent } = published.Properties as unknown as Published;
const sha256 = (content: string | Buffer): string => createHash('sha256').update(content).digest('hex');

test('manifests are literals of the template, named by their hash', () => {
  expect(Manifests).toHaveLength(2);
  for (const { Key, Sha256, Content } of Manifests) {
    expect(typeof Content).toBe('string');
    expect(sha256(Content)).toBe(Sha256);
    expect(Key).toContain(Sha256);
  }
});

test('what the metadata shows is what is published, line by line', () => {
  const [boot, live] = Manifests.map(({ Content }) => JSON.parse(Content) as unknown) as [BootManifest, LiveManifest];
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

test('the template makes the pointer and never moves it; the handlers do, the last one after every node', () => {
  expect(one(synthesised, 'AWS::SSM::Parameter').Properties.Value).toBe('none yet');
  const [pointer] = Object.keys(resources(synthesised, 'AWS::SSM::Parameter'));
  expect((published.Properties as unknown as { Pointer: unknown }).Pointer).toEqual({ Parameter: { Ref: pointer }, Key: Manifests[1]?.Key });
  const rollout = one(synthesised, 'Custom::ClickHouseLiveRollout');
  expect(rollout.Properties).toMatchObject({ Pointer: { Ref: pointer }, Sha256: Manifests[1]?.Sha256 });
  expect(rollout.DependsOn?.map((id) => resources(synthesised)[id]?.Type)).toContain('AWS::AutoScaling::AutoScalingGroup');
});

test('no secret is in the template: where one belongs there is a hole', () => {
  const holes = new Set(Manifests.flatMap(({ Content }) => openHoles(Content)));
  expect(holes).toEqual(
    new Set(['nodeIp', 'nodeHost', 'shard', 'replica', 'certificatePath', 'privateKeyPath', 'caBundlePath', 'interserverPassword', 'clusterSecret', 'maintenanceHash']),
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
