import type { CloudFormationEvent, Outcome } from '../cloudformation';

/** What can be asked about the region. */
export interface FactProperties {
  /** `PublicParameter`: the value of a public Systems Manager parameter. `ManagedPrefixList`: the id of an AWS-managed prefix list. */
  readonly Kind: 'PublicParameter' | 'ManagedPrefixList';
  /** the name of the parameter or of the list. */
  readonly Name: string;
  /** another text asks again. */
  readonly Generation?: string;
}

/** The two calls this handler makes. */
export interface RegionalApi {
  parameter(name: string): Promise<string | undefined>;
  prefixLists(name: string): Promise<readonly string[]>;
}

/**
 * Answers with the fact as the physical id.
 *
 * CloudFormation calls again only when a property changes, so the answer is pinned: a new machine image or a deployment that is
 * about something else changes nothing. And because a new answer is a new physical id, a rollback returns to the old answer without
 * asking.
 */
export async function lookUp(event: CloudFormationEvent<FactProperties>, api: RegionalApi): Promise<Outcome> {
  const { Kind, Name } = event.ResourceProperties;
  if (event.RequestType === 'Delete') return { physicalResourceId: event.PhysicalResourceId ?? Name };
  const value = Kind === 'PublicParameter' ? await api.parameter(Name) : only(Name, await api.prefixLists(Name));
  if (!value) throw new Error(`the region has no ${Kind === 'PublicParameter' ? 'public parameter' : 'managed prefix list'} named '${Name}'`);
  return { physicalResourceId: value, data: { Value: value } };
}

function only(name: string, found: readonly string[]): string | undefined {
  if (found.length > 1) throw new Error(`expected one managed prefix list named '${name}', got ${found.length}: ${found.join(', ')}`);
  return found[0];
}
