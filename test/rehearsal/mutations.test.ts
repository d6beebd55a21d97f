import type { Decision, Observation } from '../../lib/agent/boot-steps';
import { nextStep } from '../../lib/agent/boot-steps';
import type { Assembly, Resource, StackTemplate } from './assembly';
import { single } from './assembly';
import type { Options } from './executor';
import { rehearse } from './executor';
import { acyclic, available, completes, keepsData, untouched } from './invariants';
import type { Miniature } from './miniature';
import { nestedByShard, nestedByWave, nestedInCircle, nodesOf, oneStack } from './miniature';

// what the rehearsal is for: each of these looks reasonable in review and breaks a deployment.

const SIZE: Miniature = { shards: 2, replicas: 2, keepers: 3 };
const SEEDS = Array.from({ length: 25 }, (_, index) => index);

/** Everything wrong with a creation and an update, over many orders of events. */
function wrong(before: StackTemplate, after: StackTemplate, options: Omit<Options, 'seed'> = {}): string[] {
  return SEEDS.flatMap((seed) => {
    const timeline = rehearse([single(before), single(after)], { seed, ...options });
    return [...completes(timeline), ...completes(timeline, 1), ...available(timeline), ...keepsData(timeline)];
  });
}

/** The update that rolls all nodes. */
function rolled(layout: (miniature: Miniature) => StackTemplate, miniature: Miniature = SIZE, options: Omit<Options, 'seed'> = {}): string[] {
  return wrong(layout(miniature), layout({ ...miniature, version: '2' }), options);
}

/** The agent, but one thing wrong. */
function agent(differs: (observation: Observation, right: Decision) => Partial<Decision>): Pick<Options, 'decide'> {
  return {
    decide: (observation) => {
      const right = nextStep(observation);
      return { ...right, ...differs(observation, right) };
    },
  };
}

/** Changes every group of a template. */
function groups(stack: StackTemplate, change: (resource: Resource) => Resource): StackTemplate {
  const entries = Object.entries(stack.template.Resources);
  const Resources = Object.fromEntries(entries.map(([id, each]) => [id, each.Type === 'AWS::AutoScaling::AutoScalingGroup' ? change(each) : each]));
  return { ...stack, template: { ...stack.template, Resources } };
}

function rolling(resource: Resource, change: Record<string, unknown>): Resource {
  return { ...resource, UpdatePolicy: { AutoScalingRollingUpdate: { ...resource.UpdatePolicy?.AutoScalingRollingUpdate, ...change } } };
}

test('the right waves pass what the wrong ones below fail', () => {
  expect([...rolled(oneStack), ...rolled(nestedByWave)]).toEqual([]);
});

describe('the agent', () => {
  test('the first Keeper waits for a quorum: the first deployment never gets past it', () => {
    const { phases, events } = rehearse(single(oneStack(SIZE)), { seed: 1, ...agent((o) => (o.role === 'keeper' && !o.inQuorum ? { signal: false } : {})) });
    expect(phases[0].status).toBe('rolled back');
    expect(events.find(({ status }) => status === 'failed')).toMatchObject({ node: 'keeper-1', reason: 'received 0 of 1 signals within 3600 s' });
  });

  test('a Keeper that has started once is taken for an old one: the first deployment never gets past it', () => {
    const decided = agent((o, right) => (o.role === 'keeper' && o.volume === 'unfinished' ? { signal: right.signal && o.inQuorum } : {}));
    expect(rolled(oneStack, SIZE, decided).join()).toMatch(/Keeper1Group: received 0 of 1 signals/);
  });

  test('every Keeper signals when it listens: the next one goes before this one counts', () => {
    expect(rolled(oneStack, SIZE, agent((o) => (o.role === 'keeper' && o.listening ? { signal: true } : {}))).join()).toMatch(/no Keeper quorum/);
  });

  test('a replica with a past signals before it has caught up: its sibling goes too early', () => {
    const decided = agent((o, right) => (o.role === 'server' && right.step === 'catchUp' ? { signal: true } : {}));
    expect(rolled(oneStack, SIZE, decided).join()).toMatch(/no serving replica/);
  });

  test('a new replica signals only when it has fetched everything: an hour is not enough', () => {
    const decided = agent((o, right) => (o.role === 'server' && right.step === 'catchUp' ? { signal: false } : {}));
    expect(wrong(oneStack(SIZE), oneStack({ ...SIZE, replicas: 3 }), { ...decided, durations: { fetch: [7200, 10_800] } }).join()).toMatch(/Group: received 0 of 1 signals/);
    expect(wrong(oneStack(SIZE), oneStack({ ...SIZE, replicas: 3 }), { durations: { fetch: [7200, 10_800] } })).toEqual([]);
  });
});

describe('the templates', () => {
  test('nested stacks by shard: both replicas of a shard go at once', () => {
    expect(rolled(nestedByShard).join()).toMatch(/no serving replica of shard/);
  });

  test('replica 2 does not wait for replica 1', () => {
    const after: Miniature['after'] = (node, waves) => (node.replica === 2 ? ['keeper-3'] : waves(node));
    expect(rolled(oneStack, { ...SIZE, after }).join()).toMatch(/no serving replica of shard/);
  });

  test('replica 2 of one shard waits for replica 1 of another', () => {
    const after: Miniature['after'] = (node, waves) => (node.replica === 2 ? [`server-${3 - (node.shard ?? 1)}-1`] : waves(node));
    expect(rolled(oneStack, { ...SIZE, after }).join()).toMatch(/no serving replica of shard/);
  });

  test('Keepers at once', () => {
    const after: Miniature['after'] = (node, waves) => (node.role === 'keeper' ? [] : waves(node));
    expect(rolled(oneStack, { ...SIZE, after }).join()).toMatch(/no Keeper quorum/);
  });

  test('servers that do not wait for Keepers are touched although a Keeper failed', () => {
    const after: Miniature['after'] = (node, waves) => (node.replica === 1 ? [] : waves(node));
    const servers = nodesOf(SIZE).filter(({ role }) => role === 'server').map(({ name }) => name);
    const touched = (miniature: Miniature): string[] =>
      SEEDS.flatMap((seed) => {
        const assemblies: Assembly[] = ['1', '2'].map((version) => single(oneStack({ ...miniature, version })));
        return untouched(rehearse(assemblies, { seed, fault: (node, phase) => (phase === 1 && node === 'keeper-1' ? 'failure' : undefined) }), 1, servers);
      });
    expect(touched({ ...SIZE, after })).not.toEqual([]);
    expect(touched(SIZE)).toEqual([]);
  });

  test('a time limit that is too short', () => {
    expect(rolled(oneStack, { ...SIZE, pauseTime: 'PT1M' }).join()).toMatch(/received 0 of 1 signals within 60 s/);
  });

  test('no wait for signals in an update', () => {
    const hasty = (miniature: Miniature): StackTemplate => groups(oneStack(miniature), (each) => rolling(each, { WaitOnResourceSignals: false, PauseTime: 'PT0S' }));
    expect(rolled(hasty).join()).toMatch(/no Keeper quorum.*no serving replica/s);
  });

  test('more signals wanted than a group of one sends', () => {
    const greedy = groups(oneStack(SIZE), (each) => ({ ...each, CreationPolicy: { ResourceSignal: { Count: 2, Timeout: 'PT1H' } } }));
    expect(completes(rehearse(single(greedy), { seed: 1 })).join()).toMatch(/received 1 of 2 signals within 3600 s/);
  });

  test('the default time limit of a rolling update', () => {
    const hasty = (miniature: Miniature): StackTemplate => groups(oneStack(miniature), (each) => rolling(each, { PauseTime: undefined }));
    expect(rolled(hasty).join()).toMatch(/received 0 of 1 signals within 300 s/);
  });

  test('one instance to stay in service in a group of one', () => {
    const impossible = (miniature: Miniature): StackTemplate => groups(oneStack(miniature), (each) => rolling(each, { MinInstancesInService: 1 }));
    expect(rolled(impossible).join()).toMatch(/MinInstancesInService must be less/);
  });

  test('a group that is replaced: the new instance waits for the volume that the old one holds', () => {
    const replacing = (miniature: Miniature): StackTemplate => groups(oneStack(miniature), (each) => ({ ...each, UpdatePolicy: { AutoScalingReplacingUpdate: { WillReplace: true } } }));
    expect(rolled(replacing).join()).toMatch(/received 0 of 1 signals/);
  });

  test('no update policy: the machines stay what they were', () => {
    const stale = (miniature: Miniature): StackTemplate => groups(oneStack(miniature), (each) => ({ ...each, UpdatePolicy: undefined }));
    const { phases, health } = rehearse(['1', '2'].map((version) => single(stale({ ...SIZE, version }))), { seed: 1 });
    expect(phases[1].status).toBe('complete');
    expect(health.filter(({ phase }) => phase === 1)).toEqual([]);
  });

  test('another number of Keepers', () => {
    expect(wrong(oneStack(SIZE), oneStack({ ...SIZE, keepers: 5, version: '2' })).join()).toMatch(/rolled back|rollback failed/);
  });

  test('a property that replaces the volumes', () => {
    const encrypted = (miniature: Miniature, key: string): StackTemplate => {
      const stack = oneStack(miniature);
      const entries = Object.entries(stack.template.Resources).map(([id, each]) => [id, each.Type === 'AWS::EC2::Volume' ? { ...each, Properties: { Size: 100, KmsKeyId: key } } : each]);
      return { ...stack, template: { Resources: Object.fromEntries(entries) as Record<string, Resource> } };
    };
    expect(wrong(encrypted(SIZE, 'a'), encrypted(SIZE, 'b')).join()).toMatch(/came up without its data/);
  });

  test('a custom resource that waits for nodes which wait for it', () => {
    const stack = groups(oneStack(SIZE), (each) => ({ ...each, DependsOn: [each.DependsOn ?? [], 'Live'].flat() }));
    const Resources = { ...stack.template.Resources, Live: { Type: 'Custom::LiveManifest' } };
    const options: Options = { seed: 1, customResource: ({ action }) => (action === 'create' ? { ok: true, until: (nodes) => nodes['keeper-1'] === 'whole' } : undefined) };
    const { phases, events } = rehearse(single({ ...stack, template: { Resources } }), options);
    expect(phases[0].status).toBe('rolled back');
    expect(events.find(({ status }) => status === 'failed')).toMatchObject({ path: 'Analytics/Live', reason: 'the custom resource did not answer within 3600 s' });
  });

  test('nested stacks in a circle', () => {
    const assembly = single(nestedInCircle());
    expect(acyclic(assembly)).toEqual(['circular dependency: Analytics/Topic -> Analytics/Child -> Analytics/Topic']);
    expect(() => rehearse(assembly, { seed: 1 })).toThrow('circular dependency between resources: Analytics/Topic');
  });

  test('groups in a circle', () => {
    const after: Miniature['after'] = (node, waves) => (node.name === 'keeper-1' ? ['server-2-2'] : waves(node));
    expect(acyclic(single(oneStack({ ...SIZE, after })))).not.toEqual([]);
  });
});
