import { customResource } from '../cloudformation';
import type { FactProperties, RegionalApi } from './fact';
import { lookUp } from './fact';

// each client is loaded with the first question it answers: together they would take most of the function's start.
const api: RegionalApi = {
  async parameter(name) {
    const { GetParameterCommand, SSMClient } = await import('@aws-sdk/client-ssm');
    const { Parameter } = await new SSMClient({}).send(new GetParameterCommand({ Name: name }));
    return Parameter?.Value;
  },
  async prefixLists(name) {
    const { DescribeManagedPrefixListsCommand, EC2Client } = await import('@aws-sdk/client-ec2');
    // only lists that AWS owns: a list of the same name in this account must not widen anything.
    const filters = [
      { Name: 'prefix-list-name', Values: [name] },
      { Name: 'owner-id', Values: ['AWS'] },
    ];
    const { PrefixLists } = await new EC2Client({}).send(new DescribeManagedPrefixListsCommand({ Filters: filters }));
    return (PrefixLists ?? []).flatMap((list) => list.PrefixListId ?? []);
  },
};

/** Custom resource: a fact about the region, asked once. */
export const handler = customResource<FactProperties>((event) => lookUp(event, api));
