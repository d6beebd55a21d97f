import { DescribeManagedPrefixListsCommand, EC2Client } from '@aws-sdk/client-ec2';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { customResource } from '../cloudformation';
import type { FactProperties, RegionalApi } from './fact';
import { lookUp } from './fact';

const ssm = new SSMClient({});
const ec2 = new EC2Client({});

const api: RegionalApi = {
  async parameter(name) {
    const { Parameter } = await ssm.send(new GetParameterCommand({ Name: name }));
    return Parameter?.Value;
  },
  async prefixLists(name) {
    // only lists that AWS owns: a list of the same name in this account must not widen anything.
    const filters = [
      { Name: 'prefix-list-name', Values: [name] },
      { Name: 'owner-id', Values: ['AWS'] },
    ];
    const { PrefixLists } = await ec2.send(new DescribeManagedPrefixListsCommand({ Filters: filters }));
    return (PrefixLists ?? []).flatMap((list) => list.PrefixListId ?? []);
  },
};

/** Custom resource: a fact about the region, asked once. */
export const handler = customResource<FactProperties>((event) => lookUp(event, api));
