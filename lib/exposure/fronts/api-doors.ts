import { AddressSet } from '../addresses/address-set';
import type { Links } from '../network/links';
import type { Switch } from '../network/subnets';
import { statementOf, switchIn } from '../network/subnets';
import type { Gate, Statement, Way } from '../paths/ways';
import { gate, Place } from '../paths/ways';
import type { Resource } from '../templates/model';
import { placed, property, referenceOf, resourceIdentity, scalar } from '../templates/values';
import { policyOf } from './api-policies';
import { at, passes } from './fronts';

/** What belongs to APIs, each by the API it is of. */
export interface Belongings {
  readonly stages: Links;
  /** what gives an API a name of its owner. */
  readonly mappings: Links;
}

/**
 * Where everybody on the internet arrives at an API: under the name that every API gets, and under those of its owner. What closes it
 * closes it for all its routes, so no change is proposed here but one of the policy.
 */
export function doorOf(api: Resource, { stages, mappings }: Belongings): Place {
  return new Place(() => {
    const common = [...facing(api), ...policyOf(api), stage(api, stages)];
    const named = mappings.of(resourceIdentity(api)).flatMap(({ resource, missing }) => underName(resource, missing, common));
    return [{ gates: [ownName(api), ...common] }, ...named];
  });
}

/** @see https://docs.aws.amazon.com/apigateway/latest/developerguide/rest-api-disable-default-endpoint.html */
function ownName(api: Resource): Gate {
  const hop = at(api, 'API', `${api.logicalId} answers anybody under its own name`, { location: 'Properties.DisableExecuteApiEndpoint' });
  return gate(`the own name of ${api.logicalId} is switched off`, statementOf(not(switchIn(property(api, 'DisableExecuteApiEndpoint'))), { hop, lets: AddressSet.ALL }));
}

/**
 * A REST API may be for networks only. No gate for one of another kind.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-endpoint-types.html
 */
function facing(api: Resource): readonly Gate[] {
  if (api.type !== 'AWS::ApiGateway::RestApi') return [];
  const types = [...placed(api, 'EndpointConfiguration', 'Types'), ...placed(api, 'Parameters', 'endpointConfigurationTypes')];
  if (types.length === 0) return [];
  const statements = types.flatMap(({ value, location }): readonly Statement[] => {
    const type = scalar(value);
    if (type.known && type.value === 'PRIVATE') return [];
    const hop = at(api, 'API', `${api.logicalId} faces the internet`, { location, missing: value.doubt ?? (type.known ? undefined : type.reason) });
    return [{ hop, lets: AddressSet.ALL }];
  });
  return [gate(`${api.logicalId} is for networks only`, statements)];
}

function stage(api: Resource, stages: Links): Gate {
  const own = stages.of(resourceIdentity(api)).map(({ resource, missing }): Statement => ({ hop: at(resource, 'stage', `${api.logicalId} is deployed`, { missing }), lets: AddressSet.ALL }));
  // an API that is made of a target has its stage with it; https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop.html#http-api-examples
  const quick = property(api, 'Target').map((value): Statement => ({ hop: at(api, 'stage', `${api.logicalId} makes its own stage`, { location: 'Properties.Target', missing: value.doubt }), lets: AddressSet.ALL }));
  return gate(`${api.logicalId} has no stage`, [...own, ...quick]);
}

/** A name of the owner, which may demand a certificate of clients. */
function underName(mapping: Resource, missing: string | undefined, common: readonly Gate[]): readonly Way[] {
  const names = [...property(mapping, 'DomainName'), ...property(mapping, 'DomainNameArn')];
  return (names.length === 0 ? [undefined] : names).map((name) => {
    const domain = name && referenceOf(name)?.resource;
    const certificates = domain === undefined ? [] : property(domain, 'MutualTlsAuthentication');
    const unsure = missing ?? name?.doubt ?? certificates[0]?.doubt;
    const login = certificates.some(({ doubt }) => doubt === undefined);
    return { level: login ? 'login' : undefined, gates: [passes(at(mapping, 'domain name', `${mapping.logicalId} gives it a name`, { missing: unsure })), ...common] };
  });
}

function not(state: Switch): Switch {
  return typeof state === 'string' ? state : !state;
}
