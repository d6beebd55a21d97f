import { AddressSet } from '../addresses/address-set';
import { Links } from '../network/links';
import type { Statement } from '../paths/ways';
import { gate, Place } from '../paths/ways';
import type { Resource } from '../templates/model';
import { append } from '../templates/model';
import { elements, identity, placed, resourceIdentity, scalar } from '../templates/values';
import type { Scene } from './fronts';
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
    for (const balancer of elements(service, 'NetworkLoadBalancerArns')) append(services, identity(balancer), place);
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
