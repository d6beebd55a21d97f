import { AddressSet } from '../addresses/address-set';
import { perhaps } from '../graph';
import { Links } from '../network/links';
import { statementOf, switchIn } from '../network/subnets';
import type { Gate } from '../paths/ways';
import { gate } from '../paths/ways';
import type { Located, Resource } from '../templates/model';
import type { Placed } from '../templates/values';
import { inside, nameOf, placed, property, referenceOf, resourceIdentity } from '../templates/values';
import { attachments } from './accelerator-attachments';
import { arrivals, endpointOf } from './accelerator-endpoints';
import { endpointPorts } from './accelerator-ports';
import type { Scene } from './fronts';
import { at, passes, removalOf } from './fronts';
import { given, isWritten } from './given';

const LISTENER = 'AWS::GlobalAccelerator::Listener';
const ACCELERATOR = 'AWS::GlobalAccelerator::Accelerator';

/**
 * Global Accelerator carries the internet to load balancers and machines that need neither a public address nor a route.
 *
 * @see https://docs.aws.amazon.com/global-accelerator/latest/dg/secure-vpc-connections.html
 */
export function accelerators(scene: Scene): void {
  const { templates, graph } = scene;
  attachments(scene);
  const groupsOf = new Links(templates.ofType('AWS::GlobalAccelerator::EndpointGroup'), 'ListenerArn');
  for (const group of templates.ofType('AWS::GlobalAccelerator::EndpointGroup')) {
    for (const { gates, dual, listener } of listenersOf(group)) {
      const own = [...gates, dial(group, listener !== undefined && groupsOf.of(resourceIdentity(listener)).length > 1)];
      for (const { port, missing } of endpointPorts(listener, group)) {
        for (const each of placed(group, 'EndpointConfigurations')) {
          for (const id of isWritten(each.value) ? inside(each.value, 'EndpointId') : [each.value]) {
            const endpoint = endpointOf(id);
            if (endpoint === undefined) continue;
            const step = sending(group, each, id, missing ?? endpoint.missing);
            for (const arrival of arrivals(endpoint.resource, each.value, dual)) graph.deliver({ target: endpoint.target, port, sender: arrival.sender, gates: [...own, step, ...arrival.gates] });
          }
        }
      }
    }
  }
}

interface Front {
  readonly gates: readonly Gate[];
  /** undefined when it is not among the templates. */
  readonly listener?: Resource;
  /** whether clients come by IPv6 as well. */
  readonly dual: boolean;
}

/** What is in front of an endpoint group. */
function listenersOf(group: Resource): readonly Front[] {
  return property(group, 'ListenerArn').flatMap((value): readonly Front[] => {
    const listener = referenceOf(value)?.resource;
    if (listener?.type !== LISTENER) return [{ dual: true, gates: [stranger(group, `the listener ${nameOf(value)} of ${group.logicalId}`)] }];
    const protocol = given(property(listener, 'Protocol'));
    // ClickHouse speaks TCP.
    if (protocol?.known === true && protocol.value === 'UDP') return [];
    const unsure = value.doubt ?? (protocol?.known === false ? protocol.reason : undefined);
    const accepts = passes(at(listener, 'listener', `${listener.logicalId} takes traffic from the internet`, { missing: unsure }));
    return property(listener, 'AcceleratorArn').map((arn): Front => {
      const accelerator = referenceOf(arn)?.resource;
      if (accelerator?.type !== ACCELERATOR) return { listener, dual: true, gates: [stranger(listener, `the accelerator ${nameOf(arn)} of ${listener.logicalId}`), accepts] };
      const type = given(property(accelerator, 'IpAddressType'));
      const dual = type === undefined || (type.known && type.value !== 'DUAL_STACK') ? false : type.known || type.reason;
      return { listener, dual: dual !== false, gates: [enabled(accelerator, dual, arn.doubt), accepts] };
    });
  });
}

function stranger(resource: Resource, what: string): Gate {
  return perhaps(`${what} is not in the templates`, { kind: 'accelerator', template: resource.template.path, logicalId: resource.logicalId, detail: 'an accelerator may send to it' });
}

function enabled(accelerator: Resource, dual: boolean | string, missing: string | undefined): Gate {
  const { logicalId } = accelerator;
  const location = 'Properties.Enabled';
  const values = property(accelerator, 'Enabled');
  const hop = at(accelerator, 'accelerator', `accelerator ${logicalId} answers on addresses of the internet`, { location, missing });
  const families = [{ state: true, lets: AddressSet.ALL_V4 }, { state: dual, lets: AddressSet.ALL_V6 }];
  const open = families.flatMap(({ state, lets }) => statementOf(state, { hop, lets }));
  // it is enabled unless somebody says otherwise.
  return gate(`accelerator ${logicalId} is not enabled`, values.length === 0 ? open : open.flatMap((each) => statementOf(switchIn(values), each)));
}

/**
 * Which part of the traffic a group takes. Of none at all it still takes over from other groups, whose endpoints fail.
 *
 * @see https://docs.aws.amazon.com/global-accelerator/latest/dg/about-endpoints-endpoint-weights.unhealthy-endpoints.html
 */
function dial(group: Resource, hasOthers: boolean): Gate {
  const part = given(property(group, 'TrafficDialPercentage'));
  const none = part?.known === true && Number(part.value) === 0;
  if (none && !hasOthers) return gate(`endpoint group ${group.logicalId} is turned down to 0`, []);
  const missing = none ? `whether ${group.logicalId}, which is turned down to 0, takes over from another endpoint group` : part?.known === false ? part.reason : undefined;
  return passes(at(group, 'endpoint group', `${group.logicalId} takes traffic of the accelerator`, { missing }));
}

/** An endpoint of weight 0 gets nothing as long as another one is well; after that it fails open. */
function sending(group: Resource, { value, location }: Placed, id: Located, missing: string | undefined): Gate {
  const weight = given(inside(value, 'Weight'));
  const unsure = weight === undefined ? undefined : !weight.known ? weight.reason : Number(weight.value) === 0 ? `whether ${group.logicalId} falls back to an endpoint of weight 0` : undefined;
  return passes(at(group, 'endpoint', `sends to ${nameOf(id)}`, { location, missing: missing ?? id.doubt ?? value.doubt ?? unsure }), removalOf(group, location));
}
