import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, CfnOutput, CfnResource, NestedStack, Stack, Stage } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { ClickHouseCluster } from '../../lib';
import type { Assembly } from './assembly';
import { readAssembly } from './assembly';
import { rehearse } from './executor';
import { acyclic, completes, keepsData, leavesNothing, nodeNames } from './invariants';

const folders: string[] = [];
afterAll(() => folders.forEach((each) => rmSync(each, { recursive: true })));

/** Synthesises an app and reads what comes out. */
function synthesised(define: (app: App) => void, context?: Record<string, unknown>): Assembly {
  const outdir = mkdtempSync(join(tmpdir(), 'rehearsal-'));
  folders.push(outdir);
  const app = new App({ outdir, context });
  define(app);
  app.synth();
  return readAssembly(outdir);
}

test.each([{}, { 'aws:cdk:enable-asset-metadata': true }])('reads nested stacks in nested stacks, context %j', (context) => {
  const { stacks } = synthesised((app) => {
    const stack = new Stack(app, 'Top');
    const source = new CfnResource(stack, 'Source', { type: 'AWS::SQS::Queue' });
    const nested = new NestedStack(new NestedStack(stack, 'Outer'), 'Inner');
    const inner = new CfnResource(nested, 'Reader', { type: 'AWS::SQS::Queue', properties: { QueueName: source.ref } });
    new CfnOutput(stack, 'Out', { value: inner.ref });
  }, context);
  const outer = Object.values(stacks[0].nested);
  const inner = outer.flatMap((each) => Object.values(each.nested));
  expect(inner.map(({ template }) => Object.keys(template.Resources))).toEqual([['Reader']]);
  const { events, phases } = rehearse({ stacks }, { seed: 1 });
  expect(phases[0].status).toBe('complete');
  expect(events.filter(({ status }) => status === 'complete').map(({ path }) => path.split('/').pop())).toEqual(['Source', 'Reader']);
});

test('orders stacks by dependency, those of stages included', () => {
  const { stacks } = synthesised((app) => {
    const define = (scope: App | Stage): void => {
      const [late, early] = ['Late', 'Early'].map((id) => new Stack(scope, id));
      for (const each of [late, early]) new CfnResource(each, 'Thing', { type: 'AWS::SQS::Queue' });
      late.addStackDependency(early);
    };
    define(app);
    define(new Stage(app, 'Production'));
  });
  const names = stacks.map(({ name }) => name);
  expect(names).toHaveLength(4);
  expect(names.indexOf('Early')).toBeLessThan(names.indexOf('Late'));
  expect(names.findIndex((each) => /Production.*Early/.test(each))).toBeLessThan(names.findIndex((each) => /Production.*Late/.test(each)));
});

test('CDK does not notice a cycle between a parent and its nested stack, the rehearsal does', () => {
  const assembly = synthesised((app) => {
    const stack = new Stack(app, 'Top');
    const nested = new NestedStack(stack, 'Nested');
    const source = new CfnResource(stack, 'Source', { type: 'AWS::SQS::Queue' });
    const inner = new CfnResource(nested, 'Inner', { type: 'AWS::SQS::Queue', properties: { QueueName: source.ref } });
    source.addPropertyOverride('QueueName', inner.ref);
  });
  expect(acyclic(assembly)).toHaveLength(1);
});

describe('the two-line cluster', () => {
  const cluster = (instanceClass: ec2.InstanceClass): Assembly =>
    synthesised((app) => {
      const stack = new Stack(app, 'Analytics');
      const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 0, subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] });
      new ClickHouseCluster(stack, 'Cluster', { vpc, instanceType: ec2.InstanceType.of(instanceClass, ec2.InstanceSize.LARGE) });
    });
  const [before, after] = [ec2.InstanceClass.M7G, ec2.InstanceClass.R7G].map(cluster);

  test('is created, rolled by another machine type and deleted, its data kept', () => {
    expect(acyclic(before)).toEqual([]);
    expect(nodeNames(before)).toContain('server-1-1');
    for (let seed = 0; seed < 5; seed += 1) {
      const timeline = rehearse([before, after], { seed, delete: true });
      expect([0, 1, 2].flatMap((phase) => completes(timeline, phase))).toEqual([]);
      expect(keepsData(timeline)).toEqual([]);
      expect(timeline.events.filter(({ phase, node }) => phase === 1 && node === 'server-1-1').map(({ action, status }) => `${action} ${status}`)).toEqual(['update started', 'update complete']);
    }
  });

  test('leaves nothing when the first deployment fails', () => {
    for (let seed = 0; seed < 5; seed += 1) {
      const timeline = rehearse(before, { seed, fault: () => 'failure' });
      expect(timeline.phases[0].status).toBe('rolled back');
      expect(leavesNothing(timeline)).toEqual([]);
    }
  });
});
