import { AddressSet } from '../addresses/address-set';
import { perhaps } from '../graph';
import type { Sender } from '../network/sender';
import type { Switch } from '../network/subnets';
import { switchIn } from '../network/subnets';
import type { Gate } from '../paths/ways';
import type { Located, Resource } from '../templates/model';
import { inside, property, referenceOf, resourceIdentity, why } from '../templates/values';
import { given, isElsewhere } from './given';

const BALANCER = 'AWS::ElasticLoadBalancingV2::LoadBalancer';
// an elastic address is reached straight from the internet as well, and no other way.
const OTHERS = new Set(['AWS::EC2::EIP', 'AWS::EC2::EIPAssociation']);

/** What an accelerator sends to. */
export interface Endpoint {
  readonly resource?: Resource;
  /** its identity; undefined where it may be anything. */
  readonly target?: string;
  readonly missing?: string;
}

/** What the id of an endpoint names; undefined when it is not of this deployment. */
export function endpointOf(id: Located): Endpoint | undefined {
  const resource = referenceOf(id)?.resource;
  if (resource?.type === BALANCER || resource?.type === 'AWS::EC2::Instance') return { resource, target: resourceIdentity(resource) };
  if (resource !== undefined ? OTHERS.has(resource.type) : isElsewhere(id)) return undefined;
  return { missing: `what the accelerator sends to: ${why(id)}` };
}

/** Whom an endpoint sees. */
export interface Arriving {
  readonly sender: Sender;
  readonly gates: readonly Gate[];
}

/**
 * Clients by their own addresses, or what stands for them. Network ACLs are not asked.
 *
 * @see https://docs.aws.amazon.com/global-accelerator/latest/dg/preserve-client-ip-address.how-to-enable-preservation.html
 */
export function arrivals(endpoint: Resource | undefined, configuration: Located, dual: boolean): readonly Arriving[] {
  const keeps = endpoint === undefined ? 'whether the addresses of clients are kept' : preservation(endpoint, configuration);
  const sender: Sender = { name: 'Global Accelerator', preserves: true, groups: [], subnets: [], addresses6: dual ? undefined : AddressSet.NONE, entering: true, outside: 'whether the admitted group is the one that Global Accelerator makes' };
  const doubt = typeof keeps === 'string' ? [perhaps(keeps, { kind: 'endpoint', template: configuration.template.path, logicalId: endpoint?.logicalId ?? '', detail: 'may see the addresses of clients' })] : [];
  return [true, false].filter((each) => typeof keeps === 'string' || keeps === each).map((preserves) => ({ sender: { ...sender, preserves }, gates: doubt }));
}

function preservation(endpoint: Resource, configuration: Located): Switch {
  if (endpoint.type !== BALANCER) return true;
  const written = inside(configuration, 'ClientIPPreservationEnabled');
  const type = given(property(endpoint, 'Type'));
  if (type?.known === false) return type.reason;
  // what is not written is off for network load balancers, and what has no groups cannot have it on.
  if (type !== undefined && type.value !== 'application') return property(endpoint, 'SecurityGroups').length > 0 && switchIn(written);
  const scheme = given(property(endpoint, 'Scheme'));
  const state = written.length === 0 || switchIn(written);
  if (state === true || (scheme?.known === true && scheme.value === 'internal')) return true;
  return scheme?.known === false ? scheme.reason : state;
}
