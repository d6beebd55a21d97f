// whatever is in a template: nothing throws, nothing takes long.
import { createContext, Script } from 'node:vm';
import * as fc from 'fast-check';
import { RULES } from '../../lib/checks/rules';
import type { Verdict as Found } from '../../lib/checks/run';
import { run } from '../../lib/checks/run';
import { assess } from '../../lib/exposure/assess';
import type { Assessment } from '../../lib/exposure/assessment';
import type { TemplateSource } from '../../lib/exposure/templates/templates';
import { TemplateSet } from '../../lib/exposure/templates/templates';
import { networks } from './oracle/arbitrary';
import { BALANCED, network, OPEN } from './oracle/examples';
import type { Vpc } from './oracle/network';
import { render } from './oracle/render';
import type { Json } from './oracle/spelling';

const LIMIT = 1_000;
let limit = LIMIT;
const RUNS = Math.ceil(Number(process.env.EXPOSURE_RUNS ?? 500) / 10);

/** Runs both faces of the analysis; the templates may be too deep to be printed, so nothing of them is. */
function survive(...sources: readonly TemplateSource[]): Assessment {
  const timed = <T>(what: string, work: () => T): T => {
    const once = (): { readonly result: T; readonly ms: number } => {
      // the time of this process, not the clock's: other processes have their share of the machine.
      const started = process.cpuUsage();
      // what never ends is stopped, and fails its test only. That goes by the clock, so there is time enough for a busy machine.
      const result = stopping(what, work);
      const { user, system } = process.cpuUsage(started);
      return { result, ms: Math.round((user + system) / 1_000) };
    };
    const first = once();
    if (first.ms <= limit) return first.result;
    // a collection of garbage or a core that is shared can fall on any call; what is slow is slow again.
    const second = once();
    if (second.ms > limit) throw new Error(`${what} took ${first.ms} ms, and ${second.ms} ms again`);
    return second.result;
  };
  const assessment = timed('assess', () => assess(new TemplateSet(sources)));
  const found = timed('run', () => run(RULES, sources));
  const failed = (each: Found): boolean => each.severity === 'fatal' && each.message.includes('so nothing is known to be safe');
  if (found.some(failed)) throw new Error(found.find(failed)?.message);
  // what is said can be printed, and is not itself without end.
  const text = JSON.stringify(assessment.workloads.map(({ resource, ...rest }) => ({ ...rest, logicalId: resource.logicalId })));
  if (text.length > 4_000_000) throw new Error(`the assessment has ${text.length} characters`);
  return assessment;
}

// one context for all: making one takes a millisecond, twice in every run.
const stoppable: { work?: () => unknown } = {};
const context = createContext(stoppable);
const call = new Script('work()');

function stopping<T>(what: string, work: () => T): T {
  stoppable.work = work;
  try {
    return call.runInContext(context, { timeout: 10 * limit }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw new Error(`${what} does not end`);
    throw error;
  }
}

const source = (body: unknown, path = 'main.template.json', more: Partial<TemplateSource> = {}): TemplateSource => ({ path, body, ...more });

/** The example networks as templates, with further sections and properties. */
const written = (vpc: Vpc): Record<string, Record<string, { Type: string; Properties: Record<string, unknown> }>> => structuredClone(render(network(vpc))) as never;

function withRule(rule: Json, more: Json = {}): TemplateSource {
  const body = written(OPEN);
  const group = body.Resources?.Group0x0;
  if (group !== undefined) group.Properties.SecurityGroupIngress = [{ IpProtocol: 'tcp', FromPort: 8123, ToPort: 8123, ...rule }];
  return source({ ...body, ...more });
}

const ODD: readonly unknown[] = [
  null, [], {}, 0, -1, 1e308, NaN, '', 'x', ' ', '0.0.0.0/0', '0.0.0.0/99', '::/0', '::/129', '1.2.3', ':::', '-1', 'true', true, false, [[]], [null], [{}], 'a'.repeat(100_000), '$'.repeat(1_000), '${'.repeat(1_000),
  { Ref: 'Machine0x0' }, { Ref: 'Group0x0' }, { Ref: 'Vpc0' }, { Ref: 'Missing' }, { Ref: 1 }, { Ref: null }, { Ref: ['x'] }, { Ref: { Ref: 'P' } }, { Ref: 'P' }, { Ref: 'AWS::NoValue' }, { Ref: 'AWS::Region' }, { Ref: '__proto__' }, { Ref: 'constructor' },
  { 'Fn::GetAtt': [] }, { 'Fn::GetAtt': 'Group0x0' }, { 'Fn::GetAtt': 'Group0x0.GroupId' }, { 'Fn::GetAtt': {} }, { 'Fn::GetAtt': ['Machine0x0', { Ref: 'P' }] }, { 'Fn::GetAtt': ['toString', 'length'] },
  { 'Fn::If': [] }, { 'Fn::If': 'x' }, { 'Fn::If': ['No such', 1, 2] }, { 'Fn::If': ['__proto__', 1] }, { 'Fn::If': [{}, 1, 2] },
  { 'Fn::Sub': [] }, { 'Fn::Sub': '${' }, { 'Fn::Sub': '${}' }, { 'Fn::Sub': '${__proto__}' }, { 'Fn::Sub': ['${A}', { A: { Ref: 'Machine0x0' } }] }, { 'Fn::Sub': ['${A}', null] },
  { 'Fn::Join': [] }, { 'Fn::Join': ['', { Ref: 'P' }] }, { 'Fn::Join': [{}, []] }, { 'Fn::Select': [] }, { 'Fn::Select': [9, ['a']] }, { 'Fn::Select': [-1, ['a']] }, { 'Fn::Select': ['x', { Ref: 'P' }] },
  { 'Fn::Split': [] }, { 'Fn::Split': ['', 'abc'] }, { 'Fn::Cidr': [] }, { 'Fn::Cidr': ['10.0.0.0/8', 1e9, 1e9] }, { 'Fn::Cidr': ['10.0.0.0/8', 256, '0'] }, { 'Fn::Cidr': ['::/0', 256, '128'] }, { 'Fn::Cidr': ['x', {}, []] },
  { 'Fn::FindInMap': [] }, { 'Fn::FindInMap': ['__proto__', 'constructor', 'name'] }, { 'Fn::FindInMap': [{ Ref: 'P' }, 'a', 'b'] }, { 'Fn::Base64': null }, { 'Fn::ImportValue': {} }, { 'Fn::ImportValue': 'x' }, { 'Fn::GetStackOutput': {} }, { 'Fn::Nothing': 1 }, { 'Fn::GetAZs': [] }, { Ref: 'A', Other: 1 },
  { Condition: 'Yes' }, { 'Fn::Transform': { Name: 'M' } }, { 'Fn::ForEach::X': [] }, { 'Fn::ToJsonString': {} }, { 'Fn::Length': 1 }, '{{resolve:ssm:x}}',
];

// the same values serve all runs: one that was changed in a run, or put into itself, would be another one in the next.
for (const { holder, key } of places(ODD)) Object.freeze(holder[key]);

const odd = fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...ODD) }, { weight: 1, arbitrary: fc.jsonValue() });
const holding = fc.constantFrom(...ODD.filter((value) => places(value).length > 0));

describe('odd values', () => {
  // a whole network in which a few places hold something else.
  test('in any place of a network', () => {
    fc.assert(
      fc.property(networks, fc.array(fc.tuple(fc.nat(), odd), { minLength: 1, maxLength: 4 }), odd, (each, changes, value) => {
        const body = { ...structuredClone(render(each)), Outputs: { O: { Value: structuredClone(value), Export: { Name: 'x' } } } };
        Object.assign((body as Record<string, unknown>).Parameters as object, { P: { Type: 'String', Default: structuredClone(value) } });
        // a copy each, so that a later change inside it makes no circle, whose places have no end, and changes no other run.
        for (const [where, what] of changes) fill(places(body), where, structuredClone(what));
        survive(source(body));
      }),
      { numRuns: RUNS },
    );
  });

  test('that hold each other, in any place of a network', () => {
    fc.assert(
      fc.property(networks, fc.nat(), fc.array(fc.tuple(fc.nat(), holding), { minLength: 1, maxLength: 3 }), (each, where, circle) => {
        const body = structuredClone(render(each));
        const values = circle.map(([inner, value]) => ({ inner, value: structuredClone(value) }));
        // all places are found before the circle is closed: after it there is no end of them.
        const links = values.map(({ inner, value }, index) => ({ all: places(value), inner, next: values[(index + 1) % values.length]?.value }));
        fill(places(body), where, values[0]?.value);
        for (const { all, inner, next } of links) fill(all, inner, next);
        survive(source(body));
      }),
      { numRuns: RUNS },
    );
  });

  test.each(ODD.map((value, index) => ({ index, value, text: String(JSON.stringify(value)).slice(0, 50) })))('in every place, one at a time: $text', ({ value, index: offset }) => {
    // in a short run each value is put into its share of the places.
    const step = RUNS > 1_000 ? 1 : 11;
    for (const vpc of [OPEN, BALANCED]) {
      for (let index = offset % step; index < places(written(vpc)).length; index += step) {
        const body = written(vpc);
        const place = places(body)[index];
        if (place !== undefined) place.holder[place.key] = value;
        survive(source(body));
      }
    }
  });

  test.each(['AWS::EC2::Instance', 'AWS::EC2::SecurityGroup', 'AWS::ECS::Service', 'AWS::ECS::TaskDefinition', 'AWS::AutoScaling::AutoScalingGroup', 'AWS::EC2::LaunchTemplate', 'AWS::ElasticLoadBalancingV2::Listener', 'AWS::ElasticLoadBalancingV2::ListenerRule', 'AWS::ElasticLoadBalancing::LoadBalancer', 'AWS::CloudFront::Distribution', 'AWS::CloudFront::VpcOrigin', 'AWS::ApiGatewayV2::Integration', 'AWS::ApiGatewayV2::Route', 'AWS::ApiGatewayV2::VpcLink', 'AWS::ApiGateway::VpcLink', 'AWS::ApiGateway::Method', 'AWS::GlobalAccelerator::EndpointGroup', 'AWS::GlobalAccelerator::Listener', 'AWS::EC2::VPCEndpointService', 'AWS::EC2::VPCEndpointServicePermissions', 'AWS::EC2::VPCBlockPublicAccessOptions', 'AWS::EC2::VPCBlockPublicAccessExclusion', 'AWS::Lambda::Function', 'AWS::Lambda::Url', 'AWS::EKS::Cluster', 'Custom::AWSCDK-EKS-KubernetesResource', 'Custom::AWSCDK-EKS-HelmChart', 'AWS::CloudFormation::Stack', 'AWS::EC2::VPCPeeringConnection', 'AWS::EC2::EC2Fleet', 'AWS::EC2::SpotFleet'])('in the properties of %s', (Type) => {
    const names = ['UserData', 'SecurityGroupIds', 'SubnetId', 'NetworkInterfaces', 'LaunchTemplate', 'LaunchTemplateData', 'SecurityGroupIngress', 'SecurityGroupEgress', 'ContainerDefinitions', 'NetworkConfiguration', 'TaskDefinition', 'LoadBalancers', 'Targets', 'DefaultActions', 'Actions', 'Conditions', 'GroupId', 'VPCZoneIdentifier', 'MixedInstancesPolicy', 'Scheme', 'ListenerArn', 'LoadBalancerArn', 'Instances', 'Listeners', 'TargetGroupARNs', 'LoadBalancerNames', 'LaunchTemplateConfigs', 'Port', 'DistributionConfig', 'Origins', 'VpcOriginEndpointConfig', 'IntegrationUri', 'Integration', 'TargetArns', 'EndpointConfigurations', 'NetworkLoadBalancerArns', 'AllowedPrincipals', 'InternetGatewayBlockMode', 'VpcConfig', 'TargetFunctionArn', 'Manifest', 'Values', 'Chart', 'ClusterName', 'Parameters', 'TemplateURL', 'SpotFleetRequestConfigData', 'ServiceName', 'Cluster', 'LaunchType'];
    const nested = fc.oneof({ weight: 3, arbitrary: odd }, { weight: 2, arbitrary: fc.array(fc.dictionary(fc.constantFrom(...names, 'Image', 'Ebs', 'CidrIp', 'IpProtocol', 'TargetGroupArn', 'DomainName', 'AwsvpcConfiguration', 'LaunchTemplateSpecification', 'ForwardConfig', 'Weight'), odd), { maxLength: 2 }) }, { weight: 1, arbitrary: fc.dictionary(fc.constantFrom(...names), odd) });
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), nested), fc.dictionary(fc.constantFrom('Metadata', 'Condition', 'DependsOn', 'Fn::Transform'), odd), (Properties, more) => {
        const body = written(BALANCED);
        survive(source({ ...body, Resources: { ...body.Resources, Odd: { Type, Properties, ...more } }, Parameters: { P: { Type: 'String' } } }));
      }),
      { numRuns: Math.ceil(RUNS / 10) },
    );
  });
});

interface Place {
  readonly holder: Record<string | number, unknown>;
  readonly key: string | number;
}

/** Puts a value into one of the places. */
function fill(all: readonly Place[], where: number, value: unknown): void {
  const place = all[where % all.length];
  if (place !== undefined) place.holder[place.key] = value;
}

/** Every place in a template that holds a value, in its order. Only of what does not hold itself. */
function places(root: unknown): Place[] {
  const found: Place[] = [];
  const stack: unknown[] = [root];
  while (stack.length > 0) {
    const node = stack.pop();
    if (typeof node !== 'object' || node === null) continue;
    for (const [key, value] of Object.entries(node)) {
      found.push({ holder: node as Record<string | number, unknown>, key: Array.isArray(node) ? Number(key) : key });
      stack.push(value);
    }
  }
  return found;
}

/** A value inside so many others. */
function nest(depth: number, innermost: unknown, wrap: (inner: unknown) => unknown): unknown {
  let node = innermost;
  for (let level = 0; level < depth; level++) node = wrap(node);
  return node;
}

const WRAPS: Readonly<Record<string, (inner: unknown) => unknown>> = {
  list: (inner) => [inner],
  object: (inner) => ({ a: inner }),
  join: (inner) => ({ 'Fn::Join': ['', [inner]] }),
  if: (inner) => ({ 'Fn::If': ['Yes', inner, 'x'] }),
  'undecided if': (inner) => ({ 'Fn::If': ['Maybe', inner, 'x'] }),
  sub: (inner) => ({ 'Fn::Sub': ['${A}', { A: inner }] }),
  select: (inner) => ({ 'Fn::Select': [0, [inner]] }),
  split: (inner) => ({ 'Fn::Select': [0, { 'Fn::Split': ['|', inner] }] }),
  base64: (inner) => ({ 'Fn::Base64': inner }),
  map: (inner) => ({ 'Fn::FindInMap': [inner, 'a', 'b'] }),
  import: (inner) => ({ 'Fn::ImportValue': inner }),
  cidr: (inner) => ({ 'Fn::Select': [0, { 'Fn::Cidr': [inner, 1, 8] }] }),
  resource: (inner) => ({ Ref: inner }),
};

const DECIDED = { Parameters: { Unknown: { Type: 'String' } }, Conditions: { Yes: { 'Fn::Equals': ['a', 'a'] }, Maybe: { 'Fn::Equals': [{ Ref: 'Unknown' }, 'a'] } } };

describe('deep nesting', () => {
  test.each(Object.keys(WRAPS))('of %s', (name) => {
    const wrap = WRAPS[name] ?? ((inner: unknown) => inner);
    const deep = nest(10_000, '0.0.0.0/0', wrap);
    survive(withRule({ CidrIp: deep }, DECIDED));
    survive(withRule({ IpProtocol: deep, SourceSecurityGroupId: deep, FromPort: deep }, DECIDED));
    for (const place of ['UserData', 'SubnetId', 'SecurityGroupIds', 'NetworkInterfaces', 'LaunchTemplate']) {
      const body = written(BALANCED);
      Object.assign(body.Resources?.Machine0x0?.Properties ?? {}, { [place]: deep });
      survive(source({ ...body, ...DECIDED }));
    }
    for (const [id, property] of [['Front0x0', 'Scheme'], ['Listener0x00', 'DefaultActions'], ['Targets0x00', 'Targets'], ['Targets0x00', 'TargetGroupAttributes'], ['Route0x00', 'GatewayId'], ['Vpc0', 'CidrBlock']] as const) {
      const body = written(BALANCED);
      Object.assign(body.Resources?.[id]?.Properties ?? {}, { [property]: deep });
      survive(source({ ...body, ...DECIDED }));
    }
    survive(source(deep), source({ Resources: deep }, 'resources.json'), source({ Resources: { Db: deep, Other: { Type: 'AWS::EC2::Instance', Properties: deep, Metadata: deep } } }, 'resource.json'));
    survive(source({ ...written(OPEN), Parameters: { P: { Type: 'String', Default: deep } }, Mappings: { M: deep }, Conditions: { C: deep }, Outputs: { O: { Value: deep, Export: { Name: deep } } } }));
  });

  test('of conditions', () => {
    for (const wrap of [(inner: unknown) => ({ 'Fn::Not': [inner] }), (inner: unknown) => ({ 'Fn::And': [inner, inner] }), (inner: unknown) => ({ 'Fn::Or': [{ Condition: 'Maybe' }, inner] })]) {
      const body = withRule({ CidrIp: { 'Fn::If': ['Deep', '0.0.0.0/0', '10.0.0.0/8'] } }, { ...DECIDED, Conditions: { ...DECIDED.Conditions, Deep: nest(10_000, { Condition: 'Maybe' }, wrap) } });
      survive(body);
    }
    const chain: Record<string, unknown> = { ...DECIDED.Conditions };
    for (let index = 0; index < 10_000; index++) chain[`C${index}`] = { 'Fn::Not': [{ Condition: index === 9_999 ? 'Maybe' : `C${index + 1}` }] };
    survive(withRule({ CidrIp: { 'Fn::If': ['C0', '0.0.0.0/0', '10.0.0.0/8'] } }, { ...DECIDED, Conditions: chain }));
  });

  test('of outputs that import each other', () => {
    const Outputs: Record<string, unknown> = {};
    for (let index = 0; index < 10_000; index++) Outputs[`O${index}`] = { Value: index === 9_999 ? '0.0.0.0/0' : { 'Fn::ImportValue': `x${index + 1}` }, Export: { Name: `x${index}` } };
    survive(withRule({ CidrIp: { 'Fn::ImportValue': 'x0' } }), source({ Resources: {}, Outputs }, 'other.json'));
  });

  test('of stacks in stacks', () => {
    const sources: TemplateSource[] = [];
    for (let index = 0; index < 300; index++) {
      const inner = { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'x', Parameters: { Cidr: index === 0 ? '0.0.0.0/0' : { Ref: 'Cidr' } } } };
      sources.push(source({ ...withRuleBody(), Parameters: { Cidr: { Type: 'String' } }, Resources: { ...(withRuleBody().Resources as object), Inner: inner } }, `s${index}.json`, index === 0 ? {} : { parent: { path: `s${index - 1}.json`, logicalId: 'Inner' } }));
    }
    survive(...sources);
  });

  test('of stacks that are their own parents', () => {
    const inner = { Resources: { Inner: { Type: 'AWS::CloudFormation::Stack', Properties: { Parameters: { A: { Ref: 'A' } } } } }, Parameters: { A: { Type: 'String' } } };
    survive(source(inner, 'a.json', { parent: { path: 'a.json', logicalId: 'Inner' } }));
    const body = withRule({ CidrIp: { Ref: 'A' } }, inner).body as { Resources: object };
    const looped = { ...body, ...inner, Resources: { ...(withRuleBody().Resources as object), ...inner.Resources } };
    survive(source(looped, 'a.json', { parent: { path: 'b.json', logicalId: 'Inner' } }), source(looped, 'b.json', { parent: { path: 'a.json', logicalId: 'Inner' } }));
  });
});

function withRuleBody(): Json {
  return withRule({ CidrIp: { Ref: 'Cidr' } }).body as Json;
}

describe('circles', () => {
  test.each([
    ['outputs', withRule({ CidrIp: { 'Fn::ImportValue': 'a' } }, { Outputs: { A: { Value: { 'Fn::ImportValue': 'b' }, Export: { Name: 'a' } }, B: { Value: { 'Fn::ImportValue': 'a' }, Export: { Name: 'b' } } } })],
    ['an output whose name is its value', withRule({ CidrIp: { 'Fn::ImportValue': 'a' } }, { Outputs: { A: { Value: 'x', Export: { Name: { 'Fn::ImportValue': 'a' } } } } })],
    ['many outputs', withRule({ CidrIp: { 'Fn::ImportValue': 'a0' } }, { Outputs: Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`A${index}`, { Value: { 'Fn::If': ['Maybe', { 'Fn::ImportValue': `a${(index + 1) % 30}` }, { 'Fn::ImportValue': `a${(index + 2) % 30}` }] }, Export: { Name: `a${index}` } }])), ...DECIDED })],
    ['a parameter that is its own default', withRule({ CidrIp: { Ref: 'A' } }, { Parameters: { A: { Type: 'String', Default: { Ref: 'A' } } } })],
    ['conditions', withRule({ CidrIp: { 'Fn::If': ['A', '0.0.0.0/0', '10.0.0.0/8'] } }, { Conditions: { A: { 'Fn::Not': [{ Condition: 'B' }] }, B: { 'Fn::Not': [{ Condition: 'A' }] } } })],
    ['a condition in itself', withRule({ CidrIp: { 'Fn::If': ['A', '0.0.0.0/0', '10.0.0.0/8'] } }, { Conditions: { A: { Condition: 'A' } } })],
    ['mappings', withRule({ CidrIp: { 'Fn::FindInMap': ['A', 'a', 'a'] } }, { Mappings: { A: { a: { a: { 'Fn::FindInMap': ['A', 'a', 'a'] } } } } })],
  ])('%s', (_, body) => {
    survive(body);
  });

  test.each([
    ['groups that admit each other', ['Group0x0', { SecurityGroupIngress: [{ IpProtocol: '-1', SourceSecurityGroupId: { Ref: 'Group0x0' } }] }]],
    ['a target group that is its own target', ['Targets0x00', { TargetType: 'alb', Targets: [{ Id: { Ref: 'Front0x0' } }] }]],
    ['a route table associated with itself', ['TableOf0x0', { SubnetId: { Ref: 'TableOf0x0' } }]],
    ['a subnet in itself', ['Subnet0x0', { VpcId: { Ref: 'Subnet0x0' } }]],
    ['a launch template of itself', ['Machine0x0', { LaunchTemplate: { LaunchTemplateId: { Ref: 'Machine0x0' }, Version: '1' } }]],
    ['an interface of itself', ['Machine0x0', { NetworkInterfaces: [{ NetworkInterfaceId: { Ref: 'Machine0x0' } }] }]],
    ['a machine whose user data is its own', ['Machine0x0', { UserData: { 'Fn::GetAtt': ['Machine0x0', 'UserData'] } }]],
  ] as const)('%s', (_, [id, properties]) => {
    const body = written(BALANCED);
    Object.assign(body.Resources?.[id]?.Properties ?? {}, properties);
    survive(source(body));
  });

  test('objects that contain themselves', () => {
    const body = written(BALANCED);
    const rule: Record<string, unknown> = { IpProtocol: 'tcp' };
    rule.CidrIp = { 'Fn::Join': ['', [rule]] };
    Object.assign(body.Resources?.Group0x0?.Properties ?? {}, { SecurityGroupIngress: [rule] });
    // YAML can say this with an anchor inside what it names.
    expect(() => survive(source(body))).not.toThrow(RangeError);
  });
});

describe('values that double', () => {
  const doubling: Readonly<Record<string, (inner: unknown) => unknown>> = {
    'Fn::If': (inner) => ({ 'Fn::If': ['Maybe', inner, inner] }),
    'Fn::Join': (inner) => ({ 'Fn::Join': ['', [inner, inner]] }),
    'Fn::Sub': (inner) => ({ 'Fn::Sub': ['${A}${B}', { A: inner, B: inner }] }),
    lists: (inner) => [inner, inner],
    objects: (inner) => ({ a: inner, b: inner }),
    'Fn::Select': (inner) => ({ 'Fn::Select': [{ Ref: 'Unknown' }, [inner, inner]] }),
  };
  test.each(Object.keys(doubling))('%s with the same object twice', (name) => {
    // YAML's aliases give the same object in two places.
    const blown = nest(60, '0.0.0.0/0', doubling[name] ?? ((inner) => inner));
    survive(withRule({ CidrIp: blown }, DECIDED));
    survive(withRule({ FromPort: blown, SourceSecurityGroupId: blown }, DECIDED));
    for (const property of ['SecurityGroupIds', 'UserData', 'SubnetId', 'LaunchTemplate']) {
      const body = written(BALANCED);
      Object.assign(body.Resources?.Machine0x0?.Properties ?? {}, { [property]: blown });
      survive(source({ ...body, ...DECIDED }));
    }
    for (const [id, property] of [['Front0x0', 'Scheme'], ['Listener0x00', 'DefaultActions'], ['Targets0x00', 'Targets'], ['Route0x00', 'GatewayId'], ['Subnet0x0', 'VpcId']] as const) {
      const body = written(BALANCED);
      Object.assign(body.Resources?.[id]?.Properties ?? {}, { [property]: blown });
      survive(source({ ...body, ...DECIDED }));
    }
  });

  test.each(['Fn::If', 'Fn::Join', 'Fn::Sub'])('%s over outputs', (name) => {
    const Outputs: Record<string, unknown> = { O0: { Value: 'x'.repeat(100), Export: { Name: 'x0' } } };
    for (let index = 1; index <= 60; index++) Outputs[`O${index}`] = { Value: (doubling[name] ?? String)({ 'Fn::ImportValue': `x${index - 1}` }), Export: { Name: `x${index}` } };
    const main = withRule({ CidrIp: { 'Fn::ImportValue': 'x60' } }, { ...DECIDED });
    const machine = written(OPEN);
    Object.assign(machine.Resources?.Machine0x0?.Properties ?? {}, { UserData: { 'Fn::Base64': { 'Fn::ImportValue': 'x60' } }, SecurityGroupIds: [{ 'Fn::ImportValue': 'x60' }] });
    survive(main, source({ ...machine, ...DECIDED }, 'machine.json'), source({ Resources: {}, Outputs, ...DECIDED }, 'outputs.json'));
  });

  test.each(['Fn::If', 'Fn::Join', 'Fn::Sub'])('%s over the parameters of nested stacks', (name) => {
    const sources: TemplateSource[] = [];
    for (let index = 0; index < 60; index++) {
      const Parameters = { Cidr: index === 0 ? '0.0.0.0/0' : (doubling[name] ?? String)({ Ref: 'Cidr' }) };
      sources.push(source({ ...DECIDED, Parameters: { ...DECIDED.Parameters, Cidr: { Type: 'String' } }, Resources: { Inner: { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'x', Parameters } } } }, `s${index}.json`, index === 0 ? {} : { parent: { path: `s${index - 1}.json`, logicalId: 'Inner' } }));
    }
    sources.push(source(withRule({ CidrIp: { Ref: 'Cidr' } }, { Parameters: { Cidr: { Type: 'String' } } }).body, 'last.json', { parent: { path: 's59.json', logicalId: 'Inner' } }));
    survive(...sources);
  });

  test('conditions', () => {
    const Conditions: Record<string, unknown> = { ...DECIDED.Conditions, C0: { Condition: 'Maybe' } };
    for (let index = 1; index <= 60; index++) Conditions[`C${index}`] = { [index % 2 === 0 ? 'Fn::And' : 'Fn::Or']: [{ Condition: `C${index - 1}` }, { 'Fn::Not': [{ Condition: `C${index - 1}` }] }] };
    survive(withRule({ CidrIp: { 'Fn::If': ['C60', '0.0.0.0/0', '10.0.0.0/8'] } }, { ...DECIDED, Conditions }));
  });

  test('many undecided choices beside each other', () => {
    const rules = Array.from({ length: 40 }, (_, index) => ({ 'Fn::If': [`C${index}`, { IpProtocol: 'tcp', FromPort: index, ToPort: index, CidrIp: '0.0.0.0/0' }, { Ref: 'AWS::NoValue' }] }));
    const Conditions = Object.fromEntries(rules.map((_, index) => [`C${index}`, { 'Fn::Equals': [{ Ref: `P${index}` }, 'x'] }]));
    const Parameters = Object.fromEntries(rules.map((_, index) => [`P${index}`, { Type: 'String' }]));
    const body = written(OPEN);
    Object.assign(body.Resources?.Group0x0?.Properties ?? {}, { SecurityGroupIngress: rules });
    survive(source({ ...body, Conditions, Parameters }));
    const joined = { 'Fn::Join': ['', rules.map((_, index) => ({ 'Fn::If': [`C${index}`, 'a', 'b'] }))] };
    survive(withRule({ CidrIp: joined }, { Conditions, Parameters }));
    survive(withRule({ CidrIp: { 'Fn::Sub': [rules.map((_, index) => `\${V${index}}`).join(''), Object.fromEntries(rules.map((_, index) => [`V${index}`, { 'Fn::If': [`C${index}`, 'a', 'b'] }]))] } }, { Conditions, Parameters }));
    const machine = written(OPEN);
    Object.assign(machine.Resources?.Machine0x0?.Properties ?? {}, { UserData: { 'Fn::Base64': joined } });
    survive(source({ ...machine, Conditions, Parameters }));
  });
});

describe('huge lists', () => {
  // many times what AWS takes. What grows with the square of these takes minutes.
  beforeAll(() => void (limit = 6 * LIMIT));
  afterAll(() => void (limit = LIMIT));

  // many times what AWS takes: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
  const MANY = 5_000;
  const cidr = (index: number): string => `${20 + Math.floor(index / 65536)}.${Math.floor(index / 256) % 256}.${index % 256}.0/24`;
  const many = <T>(make: (index: number) => T, count = MANY): T[] => Array.from({ length: count }, (_, index) => make(index));
  const named = (prefix: string, make: (index: number) => object, count = MANY): Record<string, unknown> => Object.fromEntries(many((index): [string, unknown] => [`${prefix}${index}`, make(index)], count));

  test('of rules of a group', () => {
    const body = written(OPEN);
    Object.assign(body.Resources?.Group0x0?.Properties ?? {}, { SecurityGroupIngress: many((index) => ({ IpProtocol: 'tcp', FromPort: index % 9000, ToPort: 9000 + (index % 500), CidrIp: cidr(index * 2) })) });
    expect(survive(source(body)).workloads).toBeDefined();
  });

  test('of rules that stand alone', () => {
    const body = written(OPEN);
    survive(source({ ...body, Resources: { ...body.Resources, ...named('R', (index) => ({ Type: 'AWS::EC2::SecurityGroupIngress', Properties: { GroupId: { Ref: 'Group0x0' }, IpProtocol: 'tcp', FromPort: 8123, ToPort: 8123, CidrIp: cidr(index * 2) } })) } }));
  });

  test('of routes', () => {
    const body = written(OPEN);
    const alternate = (index: number): object => (index % 2 === 0 ? { GatewayId: { Ref: 'Gateway0x0' } } : { TransitGatewayId: 'tgw-1' });
    survive(source({ ...body, Resources: { ...body.Resources, ...named('R', (index) => ({ Type: 'AWS::EC2::Route', Properties: { RouteTableId: { Ref: 'Table0x0' }, DestinationCidrBlock: cidr(index), ...alternate(index) } })) } }));
  });

  test('of entries of a network ACL', () => {
    const body = written({ ...OPEN, acls: [{ inbound: [], outbound: [] }], subnets: OPEN.subnets.map((each) => ({ ...each, acl: 0 })) });
    const entries = named('E', (index) => ({ Type: 'AWS::EC2::NetworkAclEntry', Properties: { NetworkAclId: { Ref: 'Acl0x0' }, RuleNumber: index + 1, Protocol: 6, RuleAction: index % 3 === 0 ? 'deny' : 'allow', Egress: index % 2 === 0, CidrBlock: cidr(index), PortRange: { From: index % 8000, To: 8100 + (index % 1000) } } }), 4_000);
    survive(source({ ...body, Resources: { ...body.Resources, ...entries } }));
  });

  test('of everything else', () => {
    const body = written(BALANCED);
    const put = (id: string, properties: object): void => void Object.assign(body.Resources?.[id]?.Properties ?? {}, properties);
    put('Machine0x0', { SecurityGroupIds: many((index) => (index === 0 ? { Ref: 'Group0x0' } : `sg-${index}`)), BlockDeviceMappings: many(() => ({ Ebs: { Encrypted: true } })) });
    put('Front0x0', { Subnets: many((index) => (index === 0 ? { Ref: 'Subnet0x0' } : `subnet-${index}`)), SecurityGroups: many((index) => ({ 'Fn::ImportValue': `g${index}` })) });
    put('Targets0x00', { Targets: many((index) => ({ Id: index === 0 ? { Ref: 'Machine0x0' } : `i-${index}`, Port: index })) });
    put('Listener0x00', { DefaultActions: many(() => ({ Type: 'forward', TargetGroupArn: { Ref: 'Targets0x00' } })) });
    survive(source(body));
  });

  test('of machines, groups, tables, listeners that all concern each other', () => {
    const body = written(BALANCED);
    const { Machine0x0, Listener0x00 } = body.Resources ?? {};
    // as many groups of an interface and listeners of a load balancer as AWS takes; the time grows with the machines.
    const groups = many((index) => ({ Ref: `G${index}` }), 16);
    const resources = {
      ...named('M', () => ({ ...Machine0x0, Properties: { ...Machine0x0?.Properties, SecurityGroupIds: groups } }), 150),
      ...named('G', () => ({ Type: 'AWS::EC2::SecurityGroup', Properties: { VpcId: { Ref: 'Vpc0' }, SecurityGroupIngress: many((other) => ({ IpProtocol: '-1', SourceSecurityGroupId: { 'Fn::GetAtt': [`G${other % 16}`, 'GroupId'] } }), 100) } }), 16),
      ...named('L', (index) => ({ ...Listener0x00, Properties: { ...Listener0x00?.Properties, Port: index } }), 50),
    };
    const Targets = { Type: 'AWS::ElasticLoadBalancingV2::TargetGroup', Properties: { VpcId: { Ref: 'Vpc0' }, Port: 8123, Protocol: 'TCP', Targets: many((index) => ({ Id: { Ref: `M${index}` } }), 150) } };
    // each object in one place, unlike where sharing is the point.
    survive(source(JSON.parse(JSON.stringify({ ...body, Resources: { ...body.Resources, ...resources, Targets0x00: Targets } }))));
  });

  test('of templates', () => {
    survive(...many((index) => source({ ...written(OPEN), Outputs: { O: { Value: { Ref: 'Vpc0' }, Export: { Name: `x${index}` } } } }, `${index}.json`), 200));
  });
});

describe('names', () => {
  const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'length', '', ' ', 'a.b', 'Fn::If', 'Ref', 'AWS::Region', '\u0000', '💥'];

  test.each(NAMES)('%j for everything', (name) => {
    // only what was read as JSON has a member of its own named __proto__.
    const parsed = (value: unknown): Json => JSON.parse(JSON.stringify(value).replaceAll('"NAME"', JSON.stringify(name)).replaceAll('NAME', JSON.stringify(name).slice(1, -1))) as Json;
    const machine = written(OPEN).Resources?.Machine0x0;
    const body = withRule({ CidrIp: { Ref: 'NAME' } }).body as Json;
    survive(source(parsed({ ...body, Parameters: { NAME: { Type: 'String', Default: '0.0.0.0/0' } } })));
    survive(source(parsed({ ...body, Resources: { ...(body.Resources as object), NAME: machine } })));
    survive(source(parsed({ ...(withRule({ CidrIp: { 'Fn::FindInMap': ['NAME', 'NAME', 'NAME'] } }).body as Json), Mappings: { NAME: { NAME: { NAME: '0.0.0.0/0' } } } })));
    survive(source(parsed({ ...(withRule({ CidrIp: { 'Fn::If': ['NAME', '0.0.0.0/0', 'x'] } }).body as Json), Conditions: { NAME: { 'Fn::Equals': ['a', 'a'] } } })));
    survive(source(parsed({ ...(withRule({ CidrIp: { 'Fn::ImportValue': 'NAME' } }).body as Json), Outputs: { NAME: { Value: '0.0.0.0/0', Export: { Name: 'NAME' } } } })));
    survive(source(parsed({ ...(withRule({ CidrIp: { 'Fn::Sub': ['${NAME}', { NAME: '0.0.0.0/0' }] } }).body as Json) })));
    survive(source(parsed({ ...(withRule({ SourceSecurityGroupId: { 'Fn::GetAtt': ['NAME', 'NAME'] } }).body as Json) })));
    survive(source(parsed(body).Resources, name, { stackName: name }), source({ NAME: 1, [name]: body }, `${name}2`, { parent: { path: name, logicalId: name } }));
    survive(source(parsed({ ...body, NAME: { NAME: {} }, Metadata: { NAME: 'NAME' } })));
  });

  test('a logical id or an export twice in a deployment', () => {
    const exported = { Outputs: { O: { Value: '0.0.0.0/0', Export: { Name: 'x' } } } };
    const twice = withRule({ CidrIp: { 'Fn::ImportValue': 'x' } }, exported).body;
    survive(source(twice, 'a.json'), source(twice, 'b.json'));
    survive(source(twice, 'a.json'), source(twice, 'a.json'));
    survive(source(twice, 'a.json', { stackName: 's' }), source(twice, 'b.json', { stackName: 's' }));
  });

  test('a property that comes from a prototype does not count', () => {
    const inherited = Object.create({ CidrIp: '0.0.0.0/0' }) as object;
    survive(withRule(Object.assign(inherited, { IpProtocol: 'tcp' })));
  });
});
