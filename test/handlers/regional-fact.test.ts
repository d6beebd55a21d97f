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

test('the answer is the physical id, so another answer replaces and a rollback returns', async () => {
  expect(await lookUp(event(IMAGE), region({ parameter: 'ami-1' }))).toEqual({ physicalResourceId: 'ami-1', data: { Value: 'ami-1' } });
  expect(await lookUp(event(LIST), region({ lists: ['pl-1'] }))).toEqual({ physicalResourceId: 'pl-1', data: { Value: 'pl-1' } });
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
