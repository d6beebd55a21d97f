import fc from 'fast-check';
import type { Resource, Template } from './assembly';
import { single } from './assembly';
import type { Options } from './executor';
import { rehearse } from './executor';
import { leavesNothing } from './invariants';
import { oneStack } from './miniature';
import { duration } from './resources';
import { Simulation } from './simulation';
import type { Timeline } from './timeline';

/** Rehearses plain templates. */
function run(templates: readonly Template['Resources'][], options: Partial<Options> = {}): Timeline {
  return rehearse(templates.map((Resources) => single({ template: { Resources }, nested: {} }, 'S')), { seed: 7, ...options });
}

/** `action id` in the order things were completed in a phase. */
function done({ events }: Timeline, phase: number): string[] {
  return events.filter((each) => each.phase === phase && each.status === 'complete').map(({ action, path }) => `${action} ${path.slice(path.indexOf('/') + 1)}`);
}

const thing = (properties: Record<string, unknown> = {}, more: Partial<Resource> = {}): Resource => ({ Type: 'AWS::SQS::Queue', Properties: properties, ...more });
const failing: Pick<Options, 'customResource'> = { customResource: ({ action, path }) => ({ ok: action !== (path.endsWith('FailsOnUpdate') ? 'update' : 'create') }) };

test('the same seed repeats everything, another one does not', () => {
  const assembly = single(oneStack({ shards: 2, replicas: 2, keepers: 3 }));
  expect(rehearse(assembly, { seed: 1 })).toEqual(rehearse(assembly, { seed: 1 }));
  expect(rehearse(assembly, { seed: 1 }).events).not.toEqual(rehearse(assembly, { seed: 2 }).events);
});

test('events come in the order of time, whatever the order they were asked for', () => {
  fc.assert(
    fc.property(fc.integer(), fc.array(fc.nat(50)), (seed, delays) => {
      const simulation = new Simulation(seed);
      const times: number[] = [];
      for (const delay of delays) simulation.after(delay, () => times.push(simulation.now));
      simulation.run();
      expect(times).toEqual([...delays].sort((a, b) => a - b));
    }),
  );
});

test('every resource is created after everything it mentions, in whatever way, and deleted before it', () => {
  const template = {
    A: thing(),
    ByRef: thing({ x: { Ref: 'A' } }),
    ByAttribute: thing({ x: [{ 'Fn::GetAtt': ['ByRef', 'Arn'] }] }),
    ByShortAttribute: thing({ x: { 'Fn::GetAtt': 'ByAttribute.Arn' } }),
    BySub: thing({ x: { 'Fn::Sub': '${AWS::Region}-${!Literal}-${ByShortAttribute.Arn}' } }),
    BySubValue: thing({ x: { 'Fn::Sub': ['${v}', { v: { 'Fn::Join': ['', [{ Ref: 'BySub' }]] } }] } }),
    ByName: thing({}, { DependsOn: 'BySubValue' }),
    ByNames: thing({}, { DependsOn: ['ByName', 'A'] }),
  };
  const order = Object.keys(template);
  for (const seed of [1, 2, 3, 4, 5]) {
    const timeline = run([template], { seed, delete: true });
    expect(done(timeline, 0)).toEqual(order.map((id) => `create ${id}`));
    expect(done(timeline, 1)).toEqual(order.map((id) => `delete ${id}`).reverse());
  }
});

test('what does not wait for each other runs at the same time, in any order', () => {
  const orders = new Set(Array.from({ length: 40 }, (_, seed) => done(run([{ A: thing(), B: thing(), C: thing() }], { seed }), 0).join()));
  expect(orders.size).toBe(6);
});

test('an update does only what changed, and order runs through what did not', () => {
  const version = (text: string): Template['Resources'] => ({ A: thing({ text }), B: thing({}, { DependsOn: 'A' }), C: thing({ text }, { DependsOn: 'B' }) });
  for (const seed of [1, 2, 3, 4, 5]) expect(done(run([version('1'), version('2')], { seed }), 1)).toEqual(['update A', 'update C']);
  expect(done(run([version('1'), version('1')]), 1)).toEqual([]);
});

test('a replacement is made first, its readers follow, the old one goes last', () => {
  const version = (zone: string): Template['Resources'] => ({
    V: { Type: 'AWS::EC2::Volume', Properties: { AvailabilityZone: zone } },
    Reader: thing({ v: { Ref: 'V' } }),
    Bystander: thing({ v: 'V' }),
  });
  expect(done(run([version('a'), version('b')]), 1)).toEqual(['replace V', 'update Reader', 'delete V']);
});

test('a change in place changes no reference, except a launch template\'s version and what a custom resource answers', () => {
  const version = (text: string): Template['Resources'] => ({
    A: thing({ text }),
    T: { Type: 'AWS::EC2::LaunchTemplate', Properties: { text } },
    C: { Type: 'Custom::Fact', Properties: { text } },
    ReadsA: thing({ a: { 'Fn::GetAtt': ['A', 'Arn'] } }),
    ReadsT: thing({ t: { Ref: 'T' } }),
    ReadsVersion: thing({ t: { 'Fn::GetAtt': ['T', 'LatestVersionNumber'] } }),
    ReadsC: thing({ c: { 'Fn::GetAtt': ['C', 'Value'] } }),
  });
  expect(done(run([version('1'), version('2')]), 1).sort()).toEqual(['update A', 'update C', 'update ReadsC', 'update ReadsVersion', 'update T']);
});

test('what a template no longer has is deleted after everything else, dependents first', () => {
  const before = { Old: thing(), Older: thing({ x: { Ref: 'Old' } }), Kept: thing({ x: '1' }), Retained: thing({}, { DeletionPolicy: 'Retain' }) };
  const timeline = run([before, { Kept: thing({ x: '2' }), New: thing() }]);
  expect(done(timeline, 1).slice(0, 2).sort()).toEqual(['create New', 'update Kept']);
  expect(done(timeline, 1).slice(2).filter((each) => !each.startsWith('retain'))).toEqual(['delete Older', 'delete Old']);
  expect(leavesNothing(timeline)).toEqual(['S/Retained is left behind']);
});

test('a creation that fails deletes what it made, except what is retained; RetainExceptOnCreate is not', () => {
  const policies = { Plain: thing(), Kept: thing({}, { DeletionPolicy: 'Retain' }), New: thing({}, { DeletionPolicy: 'RetainExceptOnCreate' }) };
  const timeline = run([{ ...policies, Fails: { Type: 'Custom::Fails', DependsOn: Object.keys(policies) } }], failing);
  expect(timeline.phases[0].status).toBe('rolled back');
  expect(leavesNothing(timeline)).toEqual(['S/Kept is left behind']);
  // deleted later, it is kept.
  expect(leavesNothing(run([policies], { delete: true })).sort()).toEqual(['S/Kept is left behind', 'S/New is left behind']);
});

test('an update that fails: changed becomes what it was, new goes, replaced comes back, removed stays, untouched stays untouched', () => {
  const before = {
    Changed: thing({ x: '1' }),
    Replaced: { Type: 'AWS::EC2::Volume', Properties: { AvailabilityZone: 'a' } },
    Removed: thing(),
    FailsOnUpdate: { Type: 'Custom::FailsOnUpdate', Properties: { x: '1' }, DependsOn: ['Changed', 'Replaced'] },
    Later: thing({ x: '1' }, { DependsOn: 'FailsOnUpdate' }),
  };
  const after = {
    Changed: thing({ x: '2' }),
    Replaced: { Type: 'AWS::EC2::Volume', Properties: { AvailabilityZone: 'b' } },
    New: thing({}, { DeletionPolicy: 'RetainExceptOnCreate' }),
    FailsOnUpdate: { Type: 'Custom::FailsOnUpdate', Properties: { x: '2' }, DependsOn: ['Changed', 'Replaced', 'New'] },
    Later: thing({ x: '2' }, { DependsOn: 'FailsOnUpdate' }),
  };
  for (const rollbackOrder of ['dependencies first', 'dependents first'] as const) {
    const timeline = run([before, after, before], { customResource: ({ path, action }) => ({ ok: !(action === 'update' && path.endsWith('FailsOnUpdate')) }), rollbackOrder });
    expect(timeline.phases.map(({ status }) => status)).toEqual(['complete', 'rolled back', 'complete']);
    const second = done(timeline, 1);
    expect(second.filter((each) => /Later|Removed/.test(each))).toEqual([]);
    expect(second.slice(-2).sort()).toEqual(['delete New', 'delete Replaced']);
    const reverted = ['rollback Changed', 'rollback FailsOnUpdate'];
    expect(second.filter((each) => each.startsWith('rollback'))).toEqual(rollbackOrder === 'dependencies first' ? reverted : [...reverted].reverse());
    // it is back where it was: the same template again changes nothing.
    expect(done(timeline, 2)).toEqual([]);
    expect(leavesNothing(timeline)).toEqual([]);
  }
});

test('a nested stack waits for its parameters, hands on its outputs, and is taken back with its parent', () => {
  const assembly = (text: string) =>
    single(
      {
        template: {
          Resources: {
            Source: thing({ text }),
            Child: { Type: 'AWS::CloudFormation::Stack', Properties: { Parameters: { In: { 'Fn::GetAtt': ['Source', 'Arn'] }, Text: text } } },
            Reader: thing({ out: { 'Fn::GetAtt': ['Child', 'Outputs.Out'] } }),
            FailsOnUpdate: { Type: 'Custom::FailsOnUpdate', Properties: { text }, DependsOn: 'Reader' },
          },
        },
        nested: {
          Child: {
            template: {
              Parameters: { In: { Type: 'String' }, Text: { Type: 'String' } },
              Resources: { Inner: thing({ in: { Ref: 'In' }, text: { Ref: 'Text' } }), Still: thing({ in: { Ref: 'In' } }) },
              Outputs: { Out: { Value: { 'Fn::Sub': '${Inner}/${Text}' } } },
            },
            nested: {},
          },
        },
      },
      'S',
    );
  const options: Options = { seed: 3, customResource: ({ path, action }) => ({ ok: !(action === 'update' && path.endsWith('FailsOnUpdate')) }), rollbackOrder: 'dependents first' };
  const timeline = rehearse([assembly('1'), assembly('2'), assembly('1')], { ...options, delete: true });
  expect(done(timeline, 0).filter((each) => each !== 'create Child/Still')).toEqual(['create Source', 'create Child/Inner', 'create Reader', 'create FailsOnUpdate']);
  expect(done(timeline, 1)).toEqual(['update Source', 'update Child/Inner', 'update Reader', 'rollback FailsOnUpdate', 'rollback Reader', 'rollback Child/Inner', 'rollback Source']);
  expect(done(timeline, 2)).toEqual([]);
  expect(done(timeline, 3).filter((each) => each !== 'delete Child/Still')).toEqual(['delete FailsOnUpdate', 'delete Reader', 'delete Child/Inner', 'delete Source']);
});

test('a condition decides what exists and which branch counts', () => {
  const template = (stage: string): Template => ({
    Parameters: { Stage: { Type: 'String', Default: stage } },
    Conditions: {
      Production: { 'Fn::Equals': [{ Ref: 'Stage' }, 'production'] },
      Other: { 'Fn::And': [{ 'Fn::Not': [{ Condition: 'Production' }] }, { 'Fn::Or': [{ 'Fn::Equals': ['a', 'b'] }, { 'Fn::Equals': ['a', 'a'] }] }] },
    },
    Resources: {
      Always: thing({ x: { 'Fn::If': ['Production', 'big', { Ref: 'AWS::NoValue' }] } }),
      Only: thing({}, { Condition: 'Production' }),
      Else: thing({}, { Condition: 'Other', DependsOn: ['Only', 'Always'] }),
    },
  });
  const timeline = rehearse(['production', 'test'].map((stage) => single({ template: template(stage), nested: {} }, 'S')), { seed: 1 });
  expect(done(timeline, 0).sort()).toEqual(['create Always', 'create Only']);
  expect(done(timeline, 1)).toEqual(['update Always', 'create Else', 'delete Only']);
});

test.each([
  ['PT1H', 3600],
  ['PT5M', 300],
  ['PT1H2M3S', 3723],
])('reads the duration %s', (text, seconds) => {
  expect(duration(text)).toBe(seconds);
});

test('refuses a duration that CloudFormation would', () => {
  expect(() => duration('P1D')).toThrow('a duration must look like PT1H30M, got "P1D"');
});
