import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import fc from 'fast-check';
import type { ClickHouseClusterProps } from '../../lib';
import { ClickHouseCluster, ClickHouseVersion } from '../../lib';
import type { Assembly, Resource, StackTemplate } from './assembly';
import { readAssembly } from './assembly';
import type { Options } from './executor';
import { rehearse } from './executor';
import { acyclic, available, completes, ends, keepsData, leavesNothing, nodeNames, untouched } from './invariants';

const folders: string[] = [];
afterAll(() => folders.forEach((each) => rmSync(each, { recursive: true })));

type Props = Omit<ClickHouseClusterProps, 'vpc'> & { readonly users?: number };
const large = (of: ec2.InstanceClass): ec2.InstanceType => ec2.InstanceType.of(of, ec2.InstanceSize.LARGE);

/** The real templates, synthesised once each. */
const synthesised = new Map<string, Assembly>();
function cluster(name: string, { users = 1, ...props }: Props): Assembly {
  const known = synthesised.get(name);
  if (known !== undefined) return known;
  const outdir = mkdtempSync(join(tmpdir(), 'rehearsal-'));
  folders.push(outdir);
  const app = new App({ outdir });
  const stack = new Stack(app, 'Analytics');
  const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 0, subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] });
  const declared = new ClickHouseCluster(stack, 'ClickHouse', { vpc, ...props });
  for (let user = 1; user <= users; user += 1) declared.addUser(`user-${user}`);
  app.synth();
  const assembly = readAssembly(outdir);
  synthesised.set(name, assembly);
  return assembly;
}

const TOPOLOGIES: Readonly<Record<string, Props>> = {
  'one node': { replicas: 1 },
  'the default': {},
  'two shards of three': { shards: 2, replicas: 3 },
  'two shards in nested stacks': { shards: 2, nestedStacks: true },
};

const CHANGES: Readonly<Record<string, { readonly props: Props; readonly rolls: 'all' | 'servers' | 'keepers' | 'none' }>> = {
  'another machine type': { props: { instanceType: large(ec2.InstanceClass.R7G) }, rolls: 'servers' },
  'another Keeper machine type': { props: { keeperInstanceType: large(ec2.InstanceClass.M7G) }, rolls: 'keepers' },
  'another version': { props: { version: ClickHouseVersion.of('26.8.40.1') }, rolls: 'all' },
  'another profile': { props: { extraUsersDocuments: { reports: '<clickhouse><profiles><reports><max_threads>4</max_threads></reports></profiles></clickhouse>' } }, rolls: 'none' },
  'another user': { props: { users: 2 }, rolls: 'none' },
  'another shard': { props: { shards: 3 }, rolls: 'none' },
  'another replica': { props: { replicas: 4 }, rolls: 'none' },
};

/** the deployment waits until all servers run the live manifest. */
const options = (seed: number): Options => ({
  seed,
  customResource: ({ path, action }) =>
    /Rollout/.test(path) && action !== 'delete' ? { ok: true, until: (nodes) => Object.entries(nodes).every(([name, state]) => name.startsWith('keeper-') || state === 'configured' || state === 'whole') } : undefined,
});

const seed = fc.integer();
const RUNS = { numRuns: 10 };

describe.each(Object.entries(TOPOLOGIES))('%s', (name, props) => {
  const before = (): Assembly => cluster(name, props);
  const nodes = (role: string): string[] => nodeNames(before()).filter((each) => role === 'all' || (role !== 'none' && each.startsWith(`${role.slice(0, -1)}-`)));

  test('has no cycle, is created, deleted, and keeps volumes and keys only', () => {
    expect(acyclic(before())).toEqual([]);
    fc.assert(
      fc.property(seed, (seed) => {
        const timeline = rehearse(before(), { ...options(seed), delete: true });
        expect([...completes(timeline), ...completes(timeline, 1), ...keepsData(timeline)]).toEqual([]);
        expect(timeline.leftovers.map((path) => typeOf(before(), path)).filter((type) => type !== 'AWS::EC2::Volume' && type !== 'AWS::KMS::Key')).toEqual([]);
      }),
      RUNS,
    );
  });

  test('leaves nothing when the first deployment fails at any node', () => {
    fc.assert(
      fc.property(seed, fc.nat(), fc.constantFrom('silent' as const, 'failure' as const), (seed, index, fault) => {
        const all = nodes('all');
        const failing = all[index % all.length];
        const timeline = rehearse(before(), { ...options(seed), fault: (node) => (node === failing ? fault : undefined) });
        expect(timeline.phases.map(({ status }) => status)).toEqual(['rolled back']);
        expect(leavesNothing(timeline)).toEqual([]);
      }),
      RUNS,
    );
  });

  if (props.replicas === 1) return;

  test.each(Object.entries(CHANGES))('%s: rolls what it must and nothing else, and serves at every instant', (change, { props: changed, rolls }) => {
    const after = cluster(`${name}, ${change}`, { ...props, ...changed });
    expect(acyclic(after)).toEqual([]);
    const rolled = nodes(rolls);
    fc.assert(
      fc.property(seed, (seed) => {
        const timeline = rehearse([before(), after], options(seed));
        expect([...completes(timeline, 1), ...available(timeline), ...keepsData(timeline), ...leavesNothing(timeline)]).toEqual([]);
        expect(untouched(timeline, 1, nodes('all').filter((each) => !rolled.includes(each)))).toEqual([]);
        for (const node of rolled) expect(timeline.events.filter((each) => each.phase === 1 && each.node === node && each.status === 'complete').map(({ action }) => action)).toEqual(['update']);
      }),
      RUNS,
    );
  });

  test('an update that fails at any node stops, rolls back and ends whole; later waves are untouched', () => {
    const after = cluster(`${name}, another version`, { ...props, ...CHANGES['another version'].props });
    fc.assert(
      fc.property(seed, fc.nat(), fc.constantFrom('silent' as const, 'failure' as const), (seed, index, fault) => {
        const all = nodes('all');
        const failing = all[index % all.length];
        const timeline = rehearse([before(), after], { ...options(seed), rollbackOrder: 'dependents first', fault: (node, phase) => (phase === 1 && node === failing ? fault : undefined) });
        expect(timeline.phases[1].status).toBe('rolled back');
        expect(Object.values(timeline.phases[1].nodes).every((state) => state === 'whole')).toBe(true);
        const later = all.filter((each) => wave(each) > wave(failing));
        expect([...ends(timeline), ...untouched(timeline, 1, later), ...available(timeline), ...keepsData(timeline), ...leavesNothing(timeline)]).toEqual([]);
      }),
      RUNS,
    );
  });

  test('an instance that dies outside of CloudFormation comes back with its data', () => {
    fc.assert(
      fc.property(seed, fc.nat(), (seed, index) => {
        const all = nodes('all');
        const timeline = rehearse(before(), { ...options(seed), disturbances: [{ phase: 0, node: all[index % all.length], how: 'kill' }] });
        expect([...completes(timeline), ...keepsData(timeline)]).toEqual([]);
      }),
      RUNS,
    );
  });
});

describe('any cluster of the library', () => {
  const props = fc.record({
    shards: fc.integer({ min: 1, max: 3 }),
    replicas: fc.integer({ min: 2, max: 3 }),
    keepers: fc.constantFrom(1, 3, 5),
    nestedStacks: fc.boolean(),
  });
  const grown = fc.record({ shards: fc.integer({ min: 0, max: 2 }), replicas: fc.integer({ min: 0, max: 1 }) });

  test('is created, grown, changed and deleted without a deadlock; while it changes, nobody goes without a quorum or a replica', () => {
    fc.assert(
      fc.property(props, grown, fc.constantFrom(...Object.keys(CHANGES)), seed, (size, more, change, seed) => {
        const larger = { ...size, shards: size.shards + more.shards, replicas: size.replicas + more.replicas };
        const first = cluster(JSON.stringify(size), size);
        const second = cluster(JSON.stringify(larger), larger);
        const third = cluster(`${JSON.stringify(larger)} ${change}`, { ...CHANGES[change].props, ...larger });
        for (const assembly of [first, second, third]) expect(acyclic(assembly)).toEqual([]);
        const growth = rehearse([first, second], options(seed));
        expect([...completes(growth, 1), ...keepsData(growth), ...leavesNothing(growth)]).toEqual([]);
        expect(untouched(growth, 1, nodeNames(first))).toEqual([]);
        const changed = rehearse([second, third], { ...options(seed), delete: true });
        // one Keeper is no quorum while it is replaced.
        expect([...completes(changed, 1), ...completes(changed, 2), ...(size.keepers > 1 ? available(changed) : []), ...keepsData(changed)]).toEqual([]);
      }),
      { numRuns: 12 },
    );
  });

  test('with three replicas and five Keepers a failed change interrupts nothing, in whatever order it is undone', () => {
    const sizes: Props = { replicas: 3, keepers: 5 };
    const [before, after] = [cluster('roomy', sizes), cluster('roomy, another version', { ...sizes, ...CHANGES['another version'].props })];
    fc.assert(
      fc.property(seed, fc.nat(), fc.constantFrom('silent' as const, 'failure' as const), (seed, index, fault) => {
        const all = nodeNames(before);
        const timeline = rehearse([before, after], { ...options(seed), fault: (node, phase) => (phase === 1 && node === all[index % all.length] ? fault : undefined) });
        expect(timeline.phases[1].status).toBe('rolled back');
        expect([...available(timeline), ...keepsData(timeline)]).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });

  test('another number of Keepers, which the publisher refuses, touches no node', () => {
    const [before, after] = [cluster('three Keepers', {}), cluster('five Keepers', { keepers: 5 })];
    fc.assert(
      fc.property(seed, (seed) => {
        const refusing: Options = { ...options(seed), customResource: (call) => (/Published/.test(call.path) && call.action === 'update' ? { ok: false } : options(seed).customResource?.(call)) };
        const timeline = rehearse([before, after], refusing);
        expect(timeline.phases[1].status).toBe('rolled back');
        expect([...untouched(timeline, 1, nodeNames(before)), ...available(timeline), ...leavesNothing(timeline)]).toEqual([]);
      }),
      RUNS,
    );
  });
});

describe('every edge between waves is needed', () => {
  const assemblies = (): [Assembly, Assembly] => [cluster('the default', {}), cluster('the default, another version', CHANGES['another version'].props)];
  const edges = (): [string, string][] =>
    groupsOf(assemblies()[0]).flatMap(([id, { DependsOn = [] }]) => [DependsOn].flat().flatMap((each) => (groupsOf(assemblies()[0]).some(([other]) => other === each) ? [[id, each] as [string, string]] : [])));
  /** what goes wrong in updates, good ones and ones in which the node of an id fails. */
  const wrong = (pair: readonly Assembly[], failing: string): string[] =>
    Array.from({ length: 10 }, (_, seed) => seed).flatMap((seed) => {
      const fault: Options['fault'] = (node, phase) => (phase === 1 && node === failing ? 'failure' : undefined);
      const later = nodeNames(pair[0]).filter((each) => wave(each) > wave(failing));
      const failed = rehearse(pair, { ...options(seed), fault });
      return [...available(rehearse(pair, options(seed))), ...untouched(failed, 1, later)];
    });

  test('there is one for every wave after the first', () => {
    expect(edges()).toHaveLength(4);
  });

  test('without one, something goes wrong', () => {
    for (const [id, first] of edges()) {
      const [, definition] = groupsOf(assemblies()[0]).find(([each]) => each === first) ?? [];
      const failing = (definition?.Metadata?.['cdk-secure-clickhouse'] as { name: string }).name;
      const cut = assemblies().map((assembly) => without(assembly, id, first));
      expect(wrong(assemblies(), failing)).toEqual([]);
      expect([id, wrong(cut, failing).length > 0]).toEqual([id, true]);
    }
  });
});

function groupsOf({ stacks }: Assembly): [string, Resource][] {
  return Object.entries(stacks[0].template.Resources).filter(([, { Type }]) => Type === 'AWS::AutoScaling::AutoScalingGroup');
}

/** The same assembly, one dependency less. */
function without({ stacks: [stack] }: Assembly, id: string, first: string): Assembly {
  const resource = stack.template.Resources[id];
  const DependsOn = [resource.DependsOn ?? []].flat().filter((each) => each !== first);
  return { stacks: [{ ...stack, template: { ...stack.template, Resources: { ...stack.template.Resources, [id]: { ...resource, DependsOn } } } }] };
}

function wave(node: string): number {
  const [role, first, replica] = node.split('-');
  return role === 'keeper' ? Number(first) : 1000 + Number(replica);
}

function typeOf({ stacks }: Assembly, path: string): string | undefined {
  const [top, ...ids] = path.split('/');
  let at: StackTemplate | undefined = stacks.find(({ name }) => name === top);
  for (const id of ids.slice(0, -1)) at = at?.nested[id];
  return at?.template.Resources[ids[ids.length - 1]]?.Type;
}
