import { AddressSet } from '../addresses/address-set';
import { perhaps } from '../graph';
import { blocksOf } from '../network/blocks';
import type { Gate, Statement } from '../paths/ways';
import { gate } from '../paths/ways';
import type { Located, Resource } from '../templates/model';
import { intrinsic, isDictionary } from '../templates/model';
import { inside, items, literalText, property, scalar } from '../templates/values';
import { at, removalOf } from './fronts';

/** What part of a policy is about: which clients for sure, and which perhaps. */
interface About {
  readonly must: AddressSet;
  readonly may: AddressSet;
  readonly missing?: string;
}

const NOBODY: About = { must: AddressSet.NONE, may: AddressSet.NONE };
const EVERYBODY: About = { must: AddressSet.ALL, may: AddressSet.ALL };

/**
 * What the policy of a REST API lets through of those who do not say who they are. No gate where there is no policy.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-authorization-flow.html
 */
export function policyOf(api: Resource): readonly Gate[] {
  const policies = [...property(api, 'Policy'), ...property(api, 'Body', 'x-amazon-apigateway-policy')];
  return policies.map((policy) => {
    const entries = statementsIn(policy);
    const { logicalId, template } = api;
    if (entries === undefined) return perhaps(`what the policy of ${logicalId} lets through`, { kind: 'API policy', template: template.path, logicalId, location: 'Properties.Policy', detail: 'may let anybody through' });
    const read = entries.map((entry, index) => ({ index, effect: effectOf(entry), ...aboutOf(entry) }));
    const denied = read.filter(({ effect }) => effect !== 'Allow');
    const surely = union(denied.filter(({ effect }) => effect === 'Deny').map(({ must }) => must));
    const perhapsDenied = union(denied.map(({ may }) => may));
    const why = denied.find(({ missing }) => missing !== undefined)?.missing;
    const statements = read.filter(({ effect }) => effect !== 'Deny').flatMap(({ index, effect, must, may, missing }): readonly Statement[] => {
      const location = `Properties.Policy.Statement.${index}`;
      const sure = effect === 'Allow' && policy.doubt === undefined ? must.minus(perhapsDenied) : AddressSet.NONE;
      const rest = may.minus(surely).minus(sure);
      const detail = `the policy of ${logicalId} allows it`;
      const change = removalOf(api, location);
      const unsure = policy.doubt ?? missing ?? why ?? `what the policy of ${logicalId} lets through`;
      return [
        { change, lets: sure, hop: at(api, 'API policy', detail, { location }) },
        { change, lets: rest, hop: at(api, 'API policy', detail, { location, missing: unsure }) },
      ];
    });
    return gate(`the policy of ${logicalId} lets no public address through`, statements);
  });
}

/** The statements of a policy, which may be one; undefined where they cannot be read. */
function statementsIn(policy: Located): readonly Located[] | undefined {
  const found = inside(policy, 'Statement').flatMap((list) => items(list));
  return found.length === 0 || found.some(({ node }) => !isDictionary(node) || intrinsic(node)[0] !== undefined) ? undefined : found;
}

function effectOf(entry: Located): 'Allow' | 'Deny' | undefined {
  const [effect] = inside(entry, 'Effect').map(scalar);
  return effect?.known === true && (effect.value === 'Allow' || effect.value === 'Deny') ? effect.value : undefined;
}

/** Which clients a statement is about, for those who call without saying who they are. */
function aboutOf(entry: Located): About {
  const parts = [principal(entry), action(entry), resources(entry), conditions(entry)];
  const missing = entry.doubt ?? parts.find((each) => each.missing !== undefined)?.missing;
  const must = parts.reduce((all, each) => all.intersect(each.must), AddressSet.ALL);
  return { must: missing === undefined ? must : AddressSet.NONE, may: parts.reduce((all, each) => all.intersect(each.may), AddressSet.ALL), missing };
}

function unless(missing: string | undefined): About {
  return missing === undefined ? NOBODY : { must: AddressSet.NONE, may: AddressSet.ALL, missing };
}

function principal(entry: Located): About {
  const named = [...inside(entry, 'Principal'), ...inside(entry, 'Principal', 'AWS')].flatMap((each) => items(each)).filter(({ node }) => !isDictionary(node) || intrinsic(node)[0] !== undefined);
  if (named.map(scalar).some((each) => each.known && each.value === '*')) return EVERYBODY;
  const unread = named.map(scalar).find((each) => !each.known);
  return inside(entry, 'NotPrincipal').length > 0 ? unless('whom a policy is not about') : unless(unread?.known === false ? unread.reason : undefined);
}

function action(entry: Located): About {
  const named = inside(entry, 'Action').flatMap((each) => items(each)).map(scalar);
  if (named.some((each) => each.known && /^(?:\*|execute-api:(?:\*|Invoke))$/i.test(String(each.value)))) return EVERYBODY;
  const unread = named.find((each) => !each.known || /[*?]/.test(String(each.value)));
  return inside(entry, 'NotAction').length > 0 || unread !== undefined ? unless('which actions a policy is about') : NOBODY;
}

/** A policy may be about some routes only. What is filled in before the first slash is account, region and API. */
function resources(entry: Located): About {
  const named = inside(entry, 'Resource').flatMap((each) => items(each));
  return named.some((each) => /^(?:\*|(?:execute-api:|arn:[^/]*)\/\*(?:\/\*)*)$/.test(literalText(each))) ? EVERYBODY : unless('which routes a policy is about');
}

/** Conditions on the address of the client; others may hold or not. */
function conditions(entry: Located): About {
  const written = inside(entry, 'Condition').flatMap(({ node, template }) => (isDictionary(node) ? Object.entries(node).map(([operator, value]) => ({ operator, value: { node: value, template } })) : [{ operator: '', value: { node, template } }]));
  return written.reduce<About>((all, { operator, value }) => {
    const next = condition(operator, value);
    return { must: all.must.intersect(next.must), may: all.may.intersect(next.may), missing: all.missing ?? next.missing };
  }, EVERYBODY);
}

function condition(operator: string, value: Located): About {
  const keys = isDictionary(value.node) ? Object.keys(value.node) : [];
  const isAddress = keys.length === 1 && keys[0]?.toLowerCase() === 'aws:sourceip';
  if (!isAddress || !/^(?:Not)?IpAddress$/.test(operator)) return unless(`whether a condition of a policy holds (${[operator, ...keys].join(' ')})`);
  const blocks = inside(value, keys[0] ?? '').flatMap((list) => items(list)).flatMap(blocksOf);
  const missing = blocks.find((each) => each.missing !== undefined)?.missing;
  const listed = union(blocks.map(({ addresses }) => addresses));
  if (missing !== undefined) return { must: AddressSet.NONE, may: AddressSet.ALL, missing };
  const lets = operator === 'IpAddress' ? listed : AddressSet.ALL.minus(listed);
  return { must: lets, may: lets };
}

function union(sets: readonly AddressSet[]): AddressSet {
  return sets.reduce((all, each) => all.union(each), AddressSet.NONE);
}
