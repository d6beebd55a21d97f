import { App, CfnResource, Stack, Validations } from 'aws-cdk-lib';
import { ClickHouseChecks } from '../../lib/checks';
import type { AcceptedExposure } from '../../lib/checks';
import { balancer, group, instance, network, publicInterface, single, tcp } from '../corpus/build';
import type { Json } from '../corpus/case';
import { pathWords } from '../../lib/checks/exposure-finding';
import { verdicts } from './support';

process.env.CDK_VALIDATION = 'false';

const EXPOSED: Json = { ...network(), Db: instance(publicInterface()), Group: group(tcp(8123)) };

function found(resources: Json, more: Json = {}): string[] {
  const [path = '', body] = Object.entries(single(resources, more))[0] ?? [];
  const all = verdicts({ path, body: JSON.parse(JSON.stringify(body)) as unknown });
  return all.filter(({ ruleId }) => ruleId.endsWith('Exposure')).map(({ severity, ruleId, logicalId }) => `${severity} ${ruleId} ${logicalId}`);
}

describe('ClickHouse-PublicExposure and ClickHouse-UnknownExposure', () => {
  test.each<[string, Json, string[], Json]>([
    ['exposed', EXPOSED, ['fatal ClickHouse-PublicExposure Db'], {}],
    ['private: no rule', { ...EXPOSED, Group: group() }, [], {}],
    ['private: isolated', { ...EXPOSED, Db: instance() }, [], {}],
    ['through a load balancer', { ...network(), Db: instance(), Group: group(tcp(8123)), ...balancer() }, ['fatal ClickHouse-PublicExposure Db'], {}],
    ['a token for the source', { ...EXPOSED, Group: group(tcp(8123, { Ref: 'Source' })) }, ['error ClickHouse-UnknownExposure Db'], { Parameters: { Source: { Type: 'String' } } }],
    ['a token that a closed condition makes harmless', { ...EXPOSED, Db: instance(), Group: group(tcp(8123, { Ref: 'Source' })) }, [], { Parameters: { Source: { Type: 'String' } } }],
    ['a macro that may write rules', { ...EXPOSED, Group: { Type: 'AWS::EC2::SecurityGroup', Properties: { GroupDescription: 'access', VpcId: { Ref: 'Vpc' }, 'Fn::Transform': { Name: 'Rules' } } } }, ['error ClickHouse-UnknownExposure Db'], {}],
    ['a macro that may give an address', { ...EXPOSED, Db: instance({ 'Fn::Transform': { Name: 'Address' } }), Group: group() }, [], {}],
    ['not ClickHouse', { ...EXPOSED, Db: instance({ ...publicInterface(), UserData: undefined }) }, [], {}],
  ])('%s', (_, resources, expected, more) => expect(found(resources, more)).toEqual(expected));

  test('say the whole path, hop by hop, and the smallest change', () => {
    const [path = '', body] = Object.entries(single(EXPOSED))[0] ?? [];
    const [verdict] = verdicts({ path, body: JSON.parse(JSON.stringify(body)) as unknown });
    expect(verdict?.path?.map(({ kind, logicalId, location }) => [kind, logicalId, location])).toEqual([
      ['internet gateway', 'Attachment', undefined],
      ['route', 'PublicRoute', undefined],
      ['public address', 'Db', 'Properties.NetworkInterfaces.0.AssociatePublicIpAddress'],
      ['network ACL', 'the default network ACL', undefined],
      ['security group rule', 'Group', 'Properties.SecurityGroupIngress.0'],
    ]);
    expect(verdict?.message).toBe('the internet reaches ClickHouse (Db): anybody on the internet reaches port 8123');
    expect(pathWords(verdict?.path ?? [])).toMatch(/^internet -> internet gateway Attachment .* -> security group rule Group /);
    expect(verdict?.fix).toBe('set Properties.NetworkInterfaces.0.AssociatePublicIpAddress of Db to false');
  });
});

describe('accepted exposures', () => {
  const acceptance: AcceptedExposure = { workload: 'Stack/Db', reason: 'a public demo without data', owner: 'demo team', until: '2027-03-31' };
  const ours = { 'cdk-secure-clickhouse': { role: 'server' } };

  /** The exposure findings of a stack with an exposed instance, on a day. */
  function judged(acceptedExposures: AcceptedExposure[], day: string, metadata: Record<string, unknown> = {}, acknowledged = false): string[] {
    jest.useFakeTimers({ now: new Date(`${day}T12:00:00Z`), doNotFake: ['performance', 'nextTick', 'setImmediate'] });
    try {
      const app = new App();
      const stack = new Stack(app, 'Stack');
      for (const [id, { Type, Properties }] of Object.entries(JSON.parse(JSON.stringify(EXPOSED)) as Record<string, { Type: string; Properties: Record<string, unknown> }>)) {
        const resource = new CfnResource(stack, id, { type: Type, properties: Properties });
        if (id === 'Db') for (const [key, value] of Object.entries(metadata)) resource.addMetadata(key, value);
      }
      if (acknowledged) Validations.of(stack).acknowledge({ id: 'ClickHouse::ClickHouse-PublicExposure', reason: 'tried' });
      const { violations } = new ClickHouseChecks(app, { acceptedExposures }).validateScope(app);
      return violations.filter(({ ruleName }) => ruleName.endsWith('PublicExposure')).map(({ severity, description }) => `${severity}: ${description.slice(0, 60)}`);
    } finally {
      jest.useRealTimers();
    }
  }

  test.each([
    ['none', [], '2027-01-01', /^fatal: the internet reaches/],
    ['one that holds', [acceptance], '2027-01-01', /^warning: accepted until 2027-03-31 by demo team/],
    ['on its last day', [acceptance], '2027-03-31', /^warning: /],
    ['one that has passed', [acceptance], '2027-04-01', /^error: accepted only until 2027-03-31/],
    ['for the stack around it', [{ ...acceptance, workload: 'Stack' }], '2027-01-01', /^warning: /],
    ['for something else', [{ ...acceptance, workload: 'Stack/Other' }], '2027-01-01', /^fatal: /],
    ['for a name that only begins alike', [{ ...acceptance, workload: 'Stack/D' }], '2027-01-01', /^fatal: /],
  ])('%s', (_, acceptances, day, expected) => expect(judged(acceptances, day)).toEqual([expect.stringMatching(expected)]));

  test('there is none for our own', () => {
    expect(judged([acceptance], '2027-01-01', ours)).toEqual([expect.stringMatching(/^fatal: /)]);
  });

  test.each<[string, Partial<AcceptedExposure>, RegExp]>([
    ['no reason', { reason: ' ' }, /'reason' must say something, got " "/],
    ['no owner', { owner: '' }, /'owner' must say something, got ""/],
    ['no workload', { workload: '' }, /'workload' must say something/],
    ['no day', { until: 'next year' }, /'until' must be a day such as 2027-03-31, got "next year"/],
    ['a day that is none', { until: '2027-02-30' }, /'until' must be a day/],
  ])('fails: %s', (_, change, message) => expect(() => new ClickHouseChecks(undefined, { acceptedExposures: [{ ...acceptance, ...change }] })).toThrow(message));
});
