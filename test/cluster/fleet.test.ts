import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, CfnResource, Duration, NestedStack, Stack } from 'aws-cdk-lib';
import { Annotations, Match } from 'aws-cdk-lib/assertions';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { Construct } from 'constructs';
import * as fc from 'fast-check';
import type { ClickHouseClusterProps } from '../../lib';
import { ClickHouseCluster, ClickHouseVpcEndpoints } from '../../lib';
import { MOST_NODES_IN_NESTED_STACKS, MOST_NODES_IN_ONE_STACK } from '../../lib/cluster/placement';
import type { Resource } from './stacks';

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true })));

const ZONES = ['eu-west-1a', 'eu-west-1b', 'eu-west-1c'];

interface Mark {
  readonly role: string;
  readonly name: string;
}
interface Template {
  readonly file: string;
  readonly bytes: number;
  readonly resources: Record<string, Resource>;
  readonly parameters: number;
  readonly outputs: number;
}

function build(props: Partial<ClickHouseClusterProps>, zones = ZONES, path: string[] = []): { stack: Stack; app: App; scope: Construct } {
  const folder = mkdtempSync(join(tmpdir(), 'fleet-'));
  folders.push(folder);
  const app = new App({ outdir: folder });
  const stack = new Stack(app, 'Test', { env: { account: '111122223333', region: 'eu-west-1' } });
  const vpc = new ec2.Vpc(stack, 'Vpc', { availabilityZones: zones, natGateways: 0, subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] });
  const scope = path.reduce<Construct>((above, id) => new Construct(above, id), stack);
  new ClickHouseCluster(scope, 'Analytics', { vpc, vpcEndpoints: new ClickHouseVpcEndpoints(stack, 'Endpoints', { vpc }), ...props });
  return { stack, app, scope };
}

function templates(props: Partial<ClickHouseClusterProps>, path: string[] = []): Template[] {
  const { directory } = build(props, ZONES, path).app.synth();
  return readdirSync(directory)
    .filter((file) => file.endsWith('.template.json'))
    .map((file) => {
      const { Resources, Parameters = {}, Outputs = {} } = JSON.parse(readFileSync(join(directory, file), 'utf8')) as Record<string, Record<string, Resource>>;
      return { file, bytes: statSync(join(directory, file)).size, resources: Resources ?? {}, parameters: Object.keys(Parameters).length, outputs: Object.keys(Outputs).length };
    });
}

/** Every marked resource by what identifies it: which template, logical id, node and where it is. */
function marked(all: readonly Template[]): Map<string, { resource: Resource; mark: Mark; file: string; id: string }> {
  return new Map(
    all.flatMap(({ file, resources }) =>
      Object.entries(resources).flatMap(([id, resource]) => {
        const mark = resource.Metadata?.['cdk-secure-clickhouse'] as Mark | undefined;
        return mark?.name ? [[`${mark.name} ${resource.Type}`, { resource, mark, file, id }] as const] : [];
      }),
    ),
  );
}

const groups = (all: readonly Template[]) => [...marked(all).values()].filter(({ resource }) => resource.Type === 'AWS::AutoScaling::AutoScalingGroup');

describe('waves in one stack', () => {
  const all = templates({ shards: 2, replicas: 2 });
  const byName = new Map(groups(all).map(({ mark, id, resource }) => [mark.name, { id, depends: resource.DependsOn ?? [] }]));
  const waitsFor = (name: string): string[] => [...byName].filter(([, { id }]) => byName.get(name)?.depends.includes(id)).map(([other]) => other);

  test('Keepers one by one, then first replicas, then second replicas', () => {
    expect([...byName.keys()].sort()).toEqual(['keeper-1', 'keeper-2', 'keeper-3', 'server-1-1', 'server-1-2', 'server-2-1', 'server-2-2']);
    expect(waitsFor('keeper-1')).toEqual([]);
    expect(waitsFor('keeper-2')).toEqual(['keeper-1']);
    expect(waitsFor('keeper-3')).toEqual(['keeper-2']);
    for (const shard of [1, 2]) {
      expect(waitsFor(`server-${shard}-1`)).toEqual(['keeper-3']);
      expect(waitsFor(`server-${shard}-2`).sort()).toEqual(['server-1-1', 'server-2-1']);
    }
  });

  test('the deployment ends only when every server runs the live manifest', () => {
    const [rollout] = all.flatMap(({ resources }) => Object.values(resources).filter(({ Type }) => Type === 'Custom::ClickHouseLiveRollout'));
    expect(rollout?.Properties.Nodes).toEqual(['server-1-1', 'server-1-2', 'server-2-1', 'server-2-2']);
    expect(rollout?.DependsOn).toEqual(expect.arrayContaining([byName.get('server-1-2')?.id, byName.get('server-2-2')?.id]));
  });

  test('replicas of a shard and Keepers are in different zones, and shards are spread', () => {
    const zone = new Map(groups(all).map(({ mark, resource }) => [mark.name, (resource.Properties.AvailabilityZones as string[])[0]]));
    expect(new Set(['keeper-1', 'keeper-2', 'keeper-3'].map((name) => zone.get(name))).size).toBe(3);
    for (const shard of [1, 2]) expect(zone.get(`server-${shard}-1`)).not.toBe(zone.get(`server-${shard}-2`));
    expect(zone.get('server-1-1')).not.toBe(zone.get('server-2-1'));
  });

  test('only servers are behind the load balancer; Keepers have their own machine and volume', () => {
    for (const { mark, resource } of groups(all)) expect((resource.Properties.TargetGroupARNs as unknown[]).length).toBe(mark.role === 'server' ? 2 : 0);
    expect(marked(all).get('keeper-1 AWS::EC2::Volume')?.resource.Properties.Size).toBe(20);
    expect(marked(all).get('server-1-1 AWS::EC2::Volume')?.resource.Properties.Size).toBe(100);
    const machine = (name: string) => (marked(all).get(`${name} AWS::EC2::LaunchTemplate`)?.resource.Properties.LaunchTemplateData as { InstanceType: string }).InstanceType;
    expect([machine('keeper-1'), machine('server-1-1')]).toEqual(['m7g.medium', 'm7g.large']);
  });
});

describe('waves in nested stacks', () => {
  const all = templates({ shards: 41, replicas: 2, nestedStacks: true });
  const parent = all.find(({ file }) => file === 'Test.template.json') as Template;
  const nested = Object.entries(parent.resources).filter(([, { Type }]) => Type === 'AWS::CloudFormation::Stack');
  const short = (id: string): string => /(Keepers|Replica\dBlock\d)/.exec(id)?.[1] ?? id;

  test('a nested stack is a part of one wave, and waits for every part of the wave before', () => {
    const waits = Object.fromEntries(
      nested.map(([id, { DependsOn = [] }]) => [short(id), DependsOn.filter((other) => nested.some(([known]) => known === other)).map(short).sort()]),
    );
    expect(waits).toEqual({
      Keepers: [],
      Replica1Block1: ['Keepers'],
      Replica1Block2: ['Keepers'],
      Replica2Block1: ['Replica1Block1', 'Replica1Block2'],
      Replica2Block2: ['Replica1Block1', 'Replica1Block2'],
    });
  });

  test('no nested stack holds two replicas of a shard', () => {
    for (const { resources } of all) {
      const shards = Object.values(resources).flatMap(({ Type, Metadata }) => (Type === 'AWS::AutoScaling::AutoScalingGroup' ? [(Metadata?.['cdk-secure-clickhouse'] as { shard?: number }).shard] : [])).filter(Boolean);
      expect(new Set(shards).size).toBe(shards.length);
    }
  });

  test('a node signals the stack that its group is in', () => {
    const child = all.find(({ file }) => file !== 'Test.template.json' && file.includes('Keepers')) as Template;
    const launch = JSON.stringify(Object.values(child.resources).find(({ Type }) => Type === 'AWS::EC2::LaunchTemplate'));
    expect(launch).toContain('{"Ref":"AWS::StackId"}');
  });
});

describe('growth moves nothing', () => {
  const size = fc.record({ shards: fc.integer({ min: 1, max: 4 }), replicas: fc.integer({ min: 1, max: 4 }) });
  test.each([false, true])('nested stacks %s: logical ids, stacks, names, ids, zones and host names of what exists stay', (nestedStacks) => {
    fc.assert(
      fc.property(size, size, (a, b) => {
        const small = { shards: Math.min(a.shards, b.shards), replicas: Math.min(a.replicas, b.replicas) };
        const large = { shards: Math.max(a.shards, b.shards), replicas: Math.max(a.replicas, b.replicas) };
        const [before, after] = [small, large].map((sizes) => marked(templates({ ...sizes, keepers: 3, nestedStacks }))) as [ReturnType<typeof marked>, ReturnType<typeof marked>];
        for (const [key, { resource, mark, file, id }] of before) {
          const grown = after.get(key);
          expect({ file: grown?.file, id: grown?.id, mark: grown?.mark }).toEqual({ file, id, mark });
          // the launch template too: growth rolls no node.
          expect(grown?.resource.Properties).toEqual(resource.Properties);
        }
      }),
      { numRuns: 6 },
    );
  });
});

describe('limits', () => {
  // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
  const check = (all: readonly Template[]): void => {
    for (const { bytes, resources, parameters, outputs } of all) {
      expect(Object.keys(resources).length).toBeLessThanOrEqual(500);
      expect(bytes).toBeLessThanOrEqual(1_000_000);
      expect(parameters).toBeLessThanOrEqual(200);
      expect(outputs).toBeLessThanOrEqual(200);
    }
    expect(all.reduce((sum, { resources }) => sum + Object.keys(resources).length, 0)).toBeLessThanOrEqual(2500);
  };

  test.each([[[]], [['ObservabilityPlatform', 'AnalyticsStorageLayer', 'EventWarehouse']]])('the largest cluster in one stack fits, below %j too', (path) => {
    const nodes = MOST_NODES_IN_ONE_STACK - 4;
    const all = templates({ shards: nodes / 2, replicas: 2, keepers: 3 }, path);
    check(all);
    // room for what others define in the same stack.
    for (const { bytes } of all) expect(bytes).toBeLessThan(850_000);
  });

  test('more resources than a stack takes is an error that says what to do', () => {
    const { app, stack } = build({});
    for (let count = 0; count < 450; count++) new CfnResource(stack, `Other${count}`, { type: 'AWS::SNS::Topic' });
    expect(() => app.synth()).toThrow(/the stack Test has 5\d\d resources, CloudFormation takes 500; give the cluster 'nestedStacks: true'/);
  });

  test('more than one operation touches, over all nested stacks, is one too', () => {
    const { app, stack } = build({ shards: 100, replicas: 2, nestedStacks: true });
    const inner = new NestedStack(stack, 'Inner');
    for (let count = 0; count < 450; count++) new CfnResource(inner, `Other${count}`, { type: 'AWS::SNS::Topic' });
    for (let more = 0; more < 2; more++) for (let count = 0; count < 400; count++) new CfnResource(new NestedStack(stack, `More${more}-${count}`), 'Other', { type: 'AWS::SNS::Topic' });
    expect(() => app.synth()).toThrow(/the stack Test and those nested in it have \d{4} resources, CloudFormation touches at most 2500/);
  });

  test('a template larger than CloudFormation takes is one too', () => {
    const { app, stack } = build({});
    for (let count = 0; count < 300; count++) new CfnResource(stack, `Other${count}`, { type: 'AWS::SNS::Topic', properties: { DisplayName: 'x'.repeat(3500) } });
    expect(() => app.synth()).toThrow(/the template of the stack Test has about 1\d{6} bytes, CloudFormation takes 1000000; give the cluster 'nestedStacks: true'/);
  });

  test('the largest cluster in nested stacks fits', () => {
    const all = templates({ shards: Math.floor((MOST_NODES_IN_NESTED_STACKS - 5) / 2), replicas: 2, keepers: 5, nestedStacks: true });
    expect(groups(all).length).toBeGreaterThan(MOST_NODES_IN_NESTED_STACKS - 2);
    check(all);
  });

  test('one more is an error that says what to do', () => {
    expect(() => build({ shards: 19, replicas: 2, keepers: 3 })).toThrow(/at most 28 nodes, got 41 \(19 shards of 2 replicas and 3 Keepers\); give 'nestedStacks: true' when the cluster is created.*\[Test\/Analytics\]/);
    expect(() => build({ shards: 124, replicas: 2, keepers: 3, nestedStacks: true })).toThrow(/at most 250 nodes, got 251.*make two clusters/);
  });
});

describe('bad sizes', () => {
  test.each<[Partial<ClickHouseClusterProps>, RegExp]>([
    [{ keepers: 2 }, /must be odd .* got 2; use 3/],
    [{ keepers: 0 }, /2 replicas need Keepers/],
    [{ settings: { shutdownWait: Duration.minutes(26) } }, /'settings.shutdownWait' must be at most 25 minutes, got 1560 seconds/],
    [{ shards: 0 }, /'shards' must be a whole number from 1/],
    [{ replicas: 1.5 }, /'replicas' must be a whole number from 1 .* got 1.5/],
    [{ adoptVolumes: { 'server-9-9': 'vol-0123456789abcdef0' } }, /'adoptVolumes' must name nodes of this cluster .* got "server-9-9"/],
    [{ adoptVolumes: { 'server-1-1': 'vol-0123456789abcdef0' } }, /must name the Keepers' volumes with those of servers, got none for keeper-1, keeper-2, keeper-3/],
    [{ clientCidrs: Array.from({ length: 51 }, (_, index) => `10.${index}.0.0/16`) }, /at most 50 CIDR blocks, got 51/],
    [{ instanceType: new ec2.InstanceType('m7i.large'), keeperInstanceType: new ec2.InstanceType('m7g.medium'), machineImage: ec2.MachineImage.genericLinux({ 'eu-west-1': 'ami-0123456789abcdef0' }) }, /of one architecture, got m7i.large and m7g.medium/],
    [{ extraUsersDocuments: { many: `<clickhouse><profiles>${Array.from({ length: 3000 }, (_, index) => `<p${index}><max_threads>4</max_threads></p${index}>`).join('')}</profiles></clickhouse>` } }, /manifests of the cluster have \d{6} bytes, at most 120000 can be published/],
    [{ adoptVolumes: { 'server-1-1': 'my-volume' } }, /volume ids such as vol-0123456789abcdef0, got "my-volume" for server-1-1/],
  ])('%j', (props, message) => {
    expect(() => build(props)).toThrow(message);
  });
});

test('fewer zones than Keepers or replicas is a warning', () => {
  const two = build({}, ZONES.slice(0, 2)).stack;
  Annotations.fromStack(two).hasWarning('/Test/Analytics', Match.stringLikeRegexp('3 Keepers are in 2 zones'));
  const many = build({ replicas: 4 }).stack;
  Annotations.fromStack(many).hasWarning('/Test/Analytics', Match.stringLikeRegexp('4 replicas of a shard are in 3 zones'));
  Annotations.fromStack(build({}).stack).hasNoWarning('*', Match.anyValue());
});

test('Keepers of x86 servers are x86 by default', () => {
  const all = templates({ instanceType: new ec2.InstanceType('m7i.xlarge') });
  const machine = (name: string) => (marked(all).get(`${name} AWS::EC2::LaunchTemplate`)?.resource.Properties.LaunchTemplateData as { InstanceType: string }).InstanceType;
  expect(machine('keeper-1')).toBe('m7i.large');
});

test('without VPC endpoints a VPC of this app is a warning: no other way leads out', () => {
  const { stack } = build({ vpcEndpoints: undefined });
  Annotations.fromStack(stack).hasWarning('/Test/Analytics', Match.stringLikeRegexp('a NAT gateway does not help them'));
});

test('adopted volumes are attached and not defined, and the node may attach only its own', () => {
  const all = templates({ replicas: 1, adoptVolumes: { 'server-1-1': 'vol-0123456789abcdef0' } });
  expect(marked(all).has('server-1-1 AWS::EC2::Volume')).toBe(false);
  const text = JSON.stringify(all);
  expect(text).toContain(':volume/vol-0123456789abcdef0');
  expect(text).toContain('vol-0123456789abcdef0\\');
});

test('deletion protection is the termination protection of the stack', () => {
  expect(build({ deletionProtection: true }).stack.terminationProtection).toBe(true);
  expect(build({}).stack.terminationProtection).toBeFalsy();
  // in a nested stack it is the stack around it that can be protected.
  const { stack } = build({});
  const vpc = stack.node.findChild('Vpc') as ec2.Vpc;
  new ClickHouseCluster(new NestedStack(stack, 'Inner'), 'Protected', { vpc, zoneName: 'other.internal', deletionProtection: true });
  expect(stack.terminationProtection).toBe(true);
});
