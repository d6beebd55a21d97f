import type { Delivery } from '../graph';
import { perhaps } from '../graph';
import { isNamed, mayBeSame } from '../network/links';
import type { PortRange } from '../network/port-range';
import { EVERY_PORT, port } from '../network/port-range';
import type { Switch } from '../network/subnets';
import { switchIn } from '../network/subnets';
import type { Located, Resource } from '../templates/model';
import { append } from '../templates/model';
import type { Placed } from '../templates/values';
import { elements, identity, inside, placed, property, referenceOf, resourceIdentity, scalar, single } from '../templates/values';
import { hostPortsOf } from './container-ports';
import type { Scene } from './fronts';
import { at, passes, removalOf, strangerAt } from './fronts';

/** Something that is registered with a target group, or with a classic load balancer. */
export interface Registration extends Pick<Delivery, 'target' | 'address' | 'port' | 'gates'> {
  /** whether it sees the addresses of the clients of a network load balancer. */
  readonly preserves: Switch;
  /** whether it is reached by IPv6. */
  readonly ipv6: boolean;
  /** a function, which the service calls without a network between. */
  readonly called?: true;
}

const GROUP = 'AWS::ElasticLoadBalancingV2::TargetGroup';

/** What is registered where: by the group itself, by Auto Scaling groups and by ECS services. Ask with what names the group. */
export function registrations(scene: Scene): (group: Located) => readonly Registration[] {
  const found = new Map<string, Registration[]>();
  const unnamed: Registration[] = [];
  const owners = new Owners(scene);
  const add = (group: Located, registration: Registration): void => {
    if (isNamed(group)) append(found, identity(group), registration);
    else unnamed.push(registration);
    if (referenceOf(group) === undefined) scene.graph.deliver(fromStranger(group, registration));
  };
  for (const group of scene.templates.ofType(GROUP)) {
    for (const each of placed(group, 'Targets')) append(found, resourceIdentity(group), atOwner(target(group, each), owners));
  }
  for (const user of scene.templates.ofType('AWS::AutoScaling::AutoScalingGroup')) {
    for (const list of ['TargetGroupARNs', 'LoadBalancerNames']) for (const { value, location } of placed(user, list)) add(value, member(user, value, location));
  }
  for (const user of scene.templates.ofType('AWS::ECS::Service', 'AWS::ECS::TaskSet')) {
    for (const entry of placed(user, 'LoadBalancers')) {
      for (const group of [...inside(entry.value, 'TargetGroupArn'), ...inside(entry.value, 'LoadBalancerName')]) for (const each of tasks(user, group, entry)) add(group, each);
    }
  }
  return (group) => [...(found.get(identity(group)) ?? []), ...unnamed, ...elsewhere(group)];
}

/** Machines and interfaces by the private addresses that the templates give them. */
class Owners {
  private found?: ReadonlyMap<string, ReadonlyArray<{ readonly name: string; readonly vpc?: string }>>;

  constructor(private readonly scene: Scene) {}

  of({ text, vpc }: { readonly text: string; readonly vpc?: string }): readonly string[] {
    const all = (this.found ??= this.read()).get(text) ?? [];
    return all.filter((each) => mayBeSame(each.vpc, vpc)).map(({ name }) => name);
  }

  private read(): ReadonlyMap<string, ReadonlyArray<{ readonly name: string; readonly vpc?: string }>> {
    const { templates, graph } = this.scene;
    const found = new Map<string, Array<{ readonly name: string; readonly vpc?: string }>>();
    for (const resource of templates.ofType('AWS::EC2::Instance', 'AWS::EC2::NetworkInterface')) {
      for (const { fixed = [], subnets, name } of graph.network.interfaces.of(resource)) {
        // an interface that is a resource of its own says it there.
        if (name !== undefined && resource.type === 'AWS::EC2::Instance') continue;
        for (const text of fixed) append(found, text, { name: resourceIdentity(resource), vpc: subnets[0]?.subnet.vpc });
      }
    }
    return found;
  }
}

/** An address that the templates give to somebody is theirs: a VPC has it once. */
function atOwner(registration: Registration, owners: Owners): Registration {
  const [owner, ...others] = registration.address === undefined ? [] : owners.of(registration.address);
  return owner === undefined || others.length > 0 ? registration : { ...registration, target: owner };
}

/** Who forwards to a target group that is not in the templates may be anybody. */
function fromStranger(group: Located, { target: to, gates }: Registration): Delivery {
  const name = scalar(group);
  const missing = `what forwards to target group ${name.known ? name.value : 'that is only known at deployment'} is not in the templates`;
  const hop = { kind: 'load balancer', template: group.template.path, logicalId: name.known ? String(name.value) : '', detail: 'a load balancer may face the internet' };
  return { target: to, gates: [perhaps(missing, hop), ...gates], sender: strangerAt('a load balancer', missing) };
}

/** What is registered with a target group that is not in the templates may be anything. */
function elsewhere(group: Located): readonly Registration[] {
  if (referenceOf(group) !== undefined) return [];
  const name = scalar(group);
  const missing = `what is registered with target group ${name.known ? name.value : 'that is only known at deployment'} is not in the templates`;
  return [{ gates: [perhaps(missing, { kind: 'target group', template: group.template.path, logicalId: name.known ? String(name.value) : '', detail: 'may send to it' })], preserves: `whether ${name.known ? name.value : 'the target group'} keeps the addresses of clients`, ipv6: false }];
}

function target(group: Resource, { value, location }: Placed): Registration {
  const [id, ...others] = inside(value, 'Id');
  const own = inside(value, 'Port').map(scalar)[0];
  const to = own === undefined ? portOf(group) : own.known ? port(Number(own.value)) : undefined;
  const named = id !== undefined && isNamed(id);
  const resource = id && referenceOf(id)?.resource;
  const literal = id && resource === undefined ? scalar(id) : undefined;
  const address = literal?.known && /^[\d.]+$|:/.test(String(literal.value)) && !String(literal.value).startsWith('arn:') ? { text: String(literal.value), vpc: vpcOf(group) } : undefined;
  const missing = value.doubt ?? id?.doubt ?? group.doubt ?? (others.length > 0 || !named ? `what ${group.logicalId} sends to is only known at deployment` : undefined) ?? (to === undefined && resource?.type !== 'AWS::Lambda::Function' ? `the port that ${group.logicalId} sends to is only known at deployment` : undefined);
  const name = resource?.logicalId ?? (literal?.known ? String(literal.value) : 'a target');
  return {
    target: address === undefined && named ? (resource === undefined ? identity(id) : resourceIdentity(resource)) : undefined,
    address,
    port: to,
    gates: [passes(at(group, 'target', `sends to ${name}${to === undefined ? '' : ` on port ${to.first}`}`, { location, missing }), removalOf(group, location))],
    ...seen(group),
    ...(property(group, 'TargetType').map(scalar).some((type) => type.known && type.value === 'lambda') ? { called: true, port: EVERY_PORT } : {}),
  };
}

function vpcOf(group: Resource): string | undefined {
  const [value] = property(group, 'VpcId');
  return value && isNamed(value) ? identity(value) : undefined;
}

function portOf(group: Resource): PortRange | undefined {
  const number = single({ node: group.properties.Port, template: group.template });
  return number.known ? port(Number(number.value)) : undefined;
}

function member(user: Resource, group: Located, location: string): Registration {
  const resource = referenceOf(group)?.resource;
  const isGroup = resource?.type === GROUP;
  const to = isGroup ? portOf(resource) : undefined;
  const missing = group.doubt ?? user.doubt ?? (isNamed(group) ? undefined : `which target group ${user.logicalId} joins`) ?? (isGroup && to === undefined ? `the port that ${resource.logicalId} sends to is only known at deployment` : undefined);
  return {
    target: resourceIdentity(user),
    port: to,
    gates: [passes(at(user, 'target', `joins ${resource?.logicalId ?? 'a target group'}`, { location, missing }), removalOf(user, location))],
    ...(isGroup ? seen(resource) : UNSEEN),
  };
}

/** The tasks of a service: the port of the container, or what it is mapped to on its machine. */
function tasks(service: Resource, group: Located, { value, location }: Placed): readonly Registration[] {
  const resource = referenceOf(group)?.resource;
  const container = inside(value, 'ContainerPort').map(scalar)[0];
  const ports = container?.known ? hostPortsOf(service, Number(container.value)) : [undefined];
  return ports.map((to) => ({
    target: resourceIdentity(service),
    port: to,
    gates: [passes(at(service, 'target', `registers its tasks with ${resource?.logicalId ?? 'a target group'}`, { location, missing: value.doubt ?? group.doubt ?? service.doubt ?? (isNamed(group) ? undefined : `which target group ${service.logicalId} joins`) ?? (to === undefined ? `the port of ${service.logicalId}` : undefined) }), removalOf(service, location))],
    ...(resource?.type === GROUP ? seen(resource) : UNSEEN),
  }));
}

const UNSEEN = { preserves: false, ipv6: false };

/** What targets see of clients. */
function seen(group: Resource): Pick<Registration, 'preserves' | 'ipv6'> {
  return { preserves: preservation(group), ipv6: property(group, 'IpAddressType').map(scalar).some((each) => each.known && each.value === 'ipv6') };
}

/**
 * Whether targets see the addresses of the clients of a network load balancer.
 *
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html#client-ip-preservation
 */
function preservation(group: Resource): Switch {
  const attributes = elements(group, 'TargetGroupAttributes').filter((each) => inside(each, 'Key').map(scalar).some((key) => key.known && key.value === 'preserve_client_ip.enabled'));
  const written = attributes.flatMap((each) => inside(each, 'Value'));
  if (written.length > 0) return attributes[0]?.doubt ?? switchIn(written);
  const type = group.properties.TargetType === undefined ? { known: true as const, value: 'instance' } : single({ node: group.properties.TargetType, template: group.template });
  if (!type.known) return type.reason;
  if (type.value !== 'ip') return true;
  const protocol = single({ node: group.properties.Protocol, template: group.template });
  return protocol.known && /UDP/i.test(String(protocol.value));
}
