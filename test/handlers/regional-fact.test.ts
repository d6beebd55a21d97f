import type { CloudFormationEvent } from '../../lib/handlers/cloudformation';
import type { FactProperties, RegionalApi } from '../../lib/handlers/regional-fact/fact';
import { lookUp } from '../../lib/handlers/regional-fact/fact';

const event = (ResourceProperties: FactProperties, fields: Partial<CloudFormationEvent<FactProperties>> = {}): CloudFormationEvent<FactProperties> => ({
  RequestType: 'Create',
  RequestId: 'r',
  ResponseURL: 'https://answers.invalid',
  StackId: 's',
  LogicalResourceId: 'Fact',
  ResourceProperties,
  ...fields,
});
const region = (facts: { parameter?: string; lists?: string[] }): RegionalApi => ({
  parameter: () => Promise.resolve(facts.parameter),
  prefixLists: () => Promise.resolve(facts.lists ?? []),
});
const IMAGE: FactProperties = { Kind: 'PublicParameter', Name: '/aws/service/an-image' };
const LIST: FactProperties = { Kind: 'ManagedPrefixList', Name: 'com.amazonaws.eu-west-1.s3' };

test('answers with the fact, and another answer is another physical id, so it replaces', async () => {
  const first = await lookUp(event(IMAGE), region({ parameter: 'ami-1' }));
  const second = await lookUp(event(IMAGE), region({ parameter: 'ami-2' }));
  expect([first.data, second.data]).toEqual([{ Value: 'ami-1' }, { Value: 'ami-2' }]);
  expect(first.physicalResourceId).not.toBe(second.physicalResourceId);
  expect((await lookUp(event(LIST), region({ lists: ['pl-1'] }))).data).toEqual({ Value: 'pl-1' });
});

test('undoing an update that failed returns to the old answer and asks nothing', async () => {
  const created = await lookUp(event({ ...IMAGE, Generation: '1' }), region({ parameter: 'ami-old' }));
  const before = { RequestType: 'Update', PhysicalResourceId: created.physicalResourceId } as const;
  await expect(lookUp(event({ ...IMAGE, Generation: '2' }, before), region({}))).rejects.toThrow(/no public parameter/);
  const undone = await lookUp(event({ ...IMAGE, Generation: '1' }, before), region({ parameter: 'ami-new' }));
  expect(undone).toEqual({ physicalResourceId: created.physicalResourceId, data: { Value: 'ami-old' } });
});

test('another generation asks again', async () => {
  const created = await lookUp(event({ ...IMAGE, Generation: '1' }), region({ parameter: 'ami-old' }));
  const updated = await lookUp(event({ ...IMAGE, Generation: '2' }, { RequestType: 'Update', PhysicalResourceId: created.physicalResourceId }), region({ parameter: 'ami-new' }));
  expect(updated.data).toEqual({ Value: 'ami-new' });
  expect(updated.physicalResourceId).not.toBe(created.physicalResourceId);
});

test('deleting asks nothing and keeps the id', async () => {
  const parameter = jest.fn();
  const api: RegionalApi = { parameter, prefixLists: jest.fn() };
  expect(await lookUp(event(IMAGE, { RequestType: 'Delete', PhysicalResourceId: 'ami-1' }), api)).toEqual({ physicalResourceId: 'ami-1' });
  expect(parameter).not.toHaveBeenCalled();
});

test.each([
  [IMAGE, {}, /no public parameter named '\/aws\/service\/an-image'/],
  [LIST, {}, /no managed prefix list named 'com.amazonaws.eu-west-1.s3'/],
  [LIST, { lists: ['pl-1', 'pl-2'] }, /expected one managed prefix list .* got 2: pl-1, pl-2/],
])('fails with a sentence when %j answers %j', async (properties, facts, message) => {
  await expect(lookUp(event(properties), region(facts))).rejects.toThrow(message);
});
