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
 * Answers with the fact, under a physical id that holds question and answer.
 *
 * CloudFormation calls again only when a property changes, so the answer is pinned: a new machine image, or a deployment that is about
 * something else, changes nothing. It also calls to undo an update that failed, with the old properties and the old id
 * (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requesttypes-update.html); then the id has the old answer and
 * nothing is asked, or a rollback would bring today's image.
 */
export async function lookUp(event: CloudFormationEvent<FactProperties>, api: RegionalApi): Promise<Outcome> {
  const { Kind, Name, Generation = '' } = event.ResourceProperties;
  const question = `${Kind}|${Name}|${Generation}|`;
  const known = event.PhysicalResourceId ?? '';
  if (event.RequestType === 'Delete') return { physicalResourceId: known };
  if (known.startsWith(question)) return { physicalResourceId: known, data: { Value: known.slice(question.length) } };
  const value = Kind === 'PublicParameter' ? await api.parameter(Name) : only(Name, await api.prefixLists(Name));
  if (!value) throw new Error(`the region has no ${Kind === 'PublicParameter' ? 'public parameter' : 'managed prefix list'} named '${Name}'`);
  return { physicalResourceId: question + value, data: { Value: value } };
}

function only(name: string, found: readonly string[]): string | undefined {
  if (found.length > 1) throw new Error(`expected one managed prefix list named '${name}', got ${found.length}: ${found.join(', ')}`);
  return found[0];
}
