import { AddressSet } from '../addresses/address-set';
import { perhaps } from '../graph';
import { Links } from '../network/links';
import type { PortRange } from '../network/port-range';
import type { Sender } from '../network/sender';
import type { Gate, Statement } from '../paths/ways';
import { gate, Place } from '../paths/ways';
import type { Resource } from '../templates/model';
import { append } from '../templates/model';
import { elements, identity, placed, property, resourceIdentity, scalar } from '../templates/values';
import type { Balancer, Scene } from './fronts';
import { at, passes, removalOf } from './fronts';

/**
 * Endpoint services: other accounts come in by PrivateLink where a permission names them.
 *
 * @see https://docs.aws.amazon.com/vpc/latest/privatelink/configure-endpoint-service.html#add-remove-permissions
 */
export function privateLink({ templates, services }: Scene): void {
  const permissions = new Links(templates.ofType('AWS::EC2::VPCEndpointServicePermissions'), 'ServiceId');
  for (const service of templates.ofType('AWS::EC2::VPCEndpointService')) {
    const admitted = permissions.of(resourceIdentity(service)).flatMap(({ resource, missing }) => principals(resource, service, missing));
    const place = new Place(() => [
      {
        level: 'account',
        gates: [passes(at(service, 'endpoint service', `${service.logicalId} offers it to other accounts`), removalOf(service)), gate(`endpoint service ${service.logicalId} admits no other account`, admitted)],
      },
    ]);
    for (const balancer of elements(service, 'NetworkLoadBalancerArns')) append(services, identity(balancer), { from: place });
  }
}

function principals(permission: Resource, service: Resource, missing: string | undefined): readonly Statement[] {
  const account = service.template.environment.account;
  return placed(permission, 'AllowedPrincipals').flatMap(({ value, location }) => {
    const principal = scalar(value);
    if (principal.known && account !== undefined && String(principal.value).includes(`:${account}:`)) return [];
    const name = principal.known ? String(principal.value) : 'a principal that is only known at deployment';
    const own = JSON.stringify(value.node).includes('AWS::AccountId');
    if (own) return [];
    return [{ hop: at(permission, 'endpoint service permission', `admits ${name}`, { location, missing: missing ?? value.doubt ?? (principal.known ? undefined : principal.reason) }), lets: AddressSet.ALL, change: removalOf(permission, location) }];
  });
}

// it arrives with a private address of whoever uses the endpoint, which nobody knows.
const ARRIVING: Sender = { name: 'what comes through PrivateLink', preserves: false, groups: [], subnets: [] };

/**
 * The groups of a load balancer are asked for what comes through PrivateLink, unless it says otherwise.
 *
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html
 */
export function pastGroups({ graph: { network } }: Scene, { target: { resource, interfaces } }: Balancer, port: PortRange): readonly Gate[] {
  const groups = interfaces.flatMap((card) => card.groups ?? []);
  if (groups.length === 0) return [];
  const enforced = property(resource, 'EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic').map((value) => ({ ...value, text: scalar(value) }));
  if (enforced.some(({ text, doubt }) => text.known && text.value === 'off' && doubt === undefined)) return [];
  const asked = network.groups.fromSender(groups, port, ARRIVING);
  const unsure = enforced.find(({ text, doubt }) => !text.known || doubt !== undefined);
  if (unsure === undefined) return [asked];
  const missing = unsure.doubt ?? (unsure.text.known ? 'whether its groups are asked' : unsure.text.reason);
  const past = perhaps(missing, { kind: 'load balancer', template: resource.template.path, logicalId: resource.logicalId, detail: 'may not ask its security groups' });
  return [{ ...asked, may: asked.may.union(past.may), statements: [...asked.statements, ...past.statements] }];
}
