import { AddressSet } from '../addresses/address-set';
import type { Level } from '../assessment';
import type { Target } from '../graph';
import { perhaps } from '../graph';
import { blocksOf } from '../network/blocks';
import type { Interface } from '../network/interfaces';
import { isNamed, Links } from '../network/links';
import type { PortRange } from '../network/port-range';
import { port } from '../network/port-range';
import type { Sender } from '../network/sender';
import type { Gate, Place, Statement } from '../paths/ways';
import { gate } from '../paths/ways';
import type { Located, Resource } from '../templates/model';
import { elements, everythingOf, identity, inside, items, mayBeAbsent, nameOf, placed, property, referenceOf, resourceIdentity, scalar, single } from '../templates/values';
import type { Balancer, Scene } from './fronts';
import { at, doubtIn, passes, removalOf, senderFrom, strangerAt } from './fronts';
import { pastGroups } from './private-link';
import type { Registration } from './target-groups';
import { registrations } from './target-groups';

const V2 = 'AWS::ElasticLoadBalancingV2::LoadBalancer';
const CLASSIC = 'AWS::ElasticLoadBalancing::LoadBalancer';
const LISTENER = 'AWS::ElasticLoadBalancingV2::Listener';
const MOST_SUBNETS = 16;

/** Network, application and classic load balancers: what they listen on, and whom they hand it on to. */
export function loadBalancers(scene: Scene): void {
  const listenersOf = new Links(scene.templates.ofType(LISTENER), 'LoadBalancerArn');
  for (const each of scene.templates.ofType(V2, CLASSIC)) {
    const balancer = balancerOf(scene, each, listenersOf);
    scene.balancers.set(resourceIdentity(each), balancer);
  }
  const groups = registrations(scene);
  for (const each of scene.templates.ofType(LISTENER, 'AWS::ElasticLoadBalancingV2::ListenerRule')) forward(scene, each, groups);
  for (const classic of scene.templates.ofType(CLASSIC)) forwardClassic(scene, classic, groups);
}

function balancerOf({ graph: { network } }: Scene, resource: Resource, listenersOf: Links): Balancer {
  const types = property(resource, 'Type').map(scalar);
  const kind = resource.type === CLASSIC ? 'classic' : types.some((each) => !each.known || each.value !== 'application') ? 'network' : 'application';
  const listed = [...elements(resource, 'Subnets'), ...elements(resource, 'SubnetMappings').flatMap((each) => inside(each, 'SubnetId'))];
  const places = (listed.length > 0 ? listed : [undefined]).map((value) => ({ subnet: network.subnets.of(value, resource.template), missing: value?.doubt }));
  const lists = property(resource, 'SecurityGroups');
  // a network load balancer that was made without groups filters nothing; the others then have the default group of their VPC.
  const groups = kind === 'network' && lists.length === 0 ? undefined : network.interfaces.groupsOf(lists, places[0]?.subnet, undefined);
  const card: Interface = { owner: resource, subnets: places, groups, addresses: () => publicly(resource) };
  const target: Target = { resource, names: [resourceIdentity(resource)], interfaces: [card], addresses: [] };
  const listeners = new Map(
    listenersOf.of(resourceIdentity(resource)).map(({ resource: listener }) => {
      const number = single({ node: listener.properties.Port, template: listener.template });
      return [resourceIdentity(listener), number.known ? Number(number.value) : undefined];
    }),
  );
  const name = `load balancer ${resource.logicalId}`;
  // a load balancer has a subnet in each zone, and there is no region with that many.
  const nodes = (places.length > MOST_SUBNETS ? [places[0] ?? { subnet: network.subnets.of(undefined, resource.template) }].map((place) => ({ ...place, missing: `${resource.logicalId} names more subnets than there are zones` })) : places).map((place) => {
    const node: Interface = { ...card, subnets: [place] };
    return { target: { ...target, names: [`${resourceIdentity(resource)} in ${place.subnet.key}`, ...target.names], interfaces: [node] }, sender: senderFrom(name, [node], false) };
  });
  return { target, kind, listeners, nodes, sender: senderFrom(name, [card], false) };
}

/** A load balancer faces the internet unless it says that it is internal: that is the default of all kinds of them. */
function publicly(balancer: Resource): readonly Statement[] {
  const location = 'Properties.Scheme';
  const schemes = property(balancer, 'Scheme');
  const open = schemes.map(scalar).filter((each) => !each.known || each.value !== 'internal');
  const absent = mayBeAbsent(everythingOf(balancer), 'Scheme');
  if (open.length === 0 && !absent) return [];
  const known = schemes.length === 0 || open.every((each) => each.known);
  const missing = doubtIn(...schemes) ?? (known ? undefined : (open.flatMap((each) => (each.known ? [] : [each.reason]))[0] ?? 'the scheme'));
  const detail = schemes.length === 0 ? `load balancer ${balancer.logicalId} faces the internet: it names no Scheme, and that is the default` : `load balancer ${balancer.logicalId} faces the internet`;
  const hop = at(balancer, 'load balancer', detail, { location, missing });
  const types = property(balancer, 'IpAddressType').map(scalar);
  const dual = types.find((each) => !each.known || String(each.value).startsWith('dualstack'));
  const only6 = types.length > 0 && types.every((each) => each.known && each.value === 'dualstack-without-public-ipv4');
  const change = { template: balancer.template.path, logicalId: balancer.logicalId, location, to: 'internal', words: `set Scheme of ${balancer.logicalId} to internal` };
  return [
    ...(only6 ? [] : [{ hop, change, lets: AddressSet.ALL_V4 }]),
    ...(dual === undefined ? [] : [{ hop: { ...hop, missing: hop.missing ?? (dual.known ? undefined : dual.reason) }, change, lets: AddressSet.ALL_V6 }]),
  ];
}

/** An action that hands on, whom to, and what stands before it. */
interface Forward {
  readonly group: Located;
  readonly gates: readonly Gate[];
  readonly level?: Level;
}

function forward(scene: Scene, source: Resource, groups: (group: Located) => readonly Registration[]): void {
  // ClickHouse speaks TCP.
  if (property(source, 'Protocol').map(scalar).some((each) => each.known && /^(?:UDP|QUIC)$/.test(String(each.value)))) return;
  const isRule = source.type !== LISTENER;
  for (const { listener, missing } of isRule ? property(source, 'ListenerArn').map((value) => listenerOf(value)) : [{ listener: source, missing: undefined }]) {
    const login = listener === undefined ? undefined : certificateDemandedBy(listener);
    for (const { group, gates, level = login } of forwards(source, isRule)) {
      for (const { from, sender, own, kind, services } of originsOf(scene, source, listener, missing)) {
        for (const registration of groups(group)) hand(scene, registration, { from, sender, kind, services, gates: [...own, ...gates], level });
      }
    }
  }
}

function listenerOf(value: Located): { readonly listener?: Resource; readonly missing?: string } {
  const resource = referenceOf(value)?.resource;
  if (resource?.type === LISTENER) return { listener: resource, missing: value.doubt };
  return { missing: `the load balancer of listener ${nameOf(value)} is not in the templates` };
}

interface Linked {
  readonly from: Place;
  readonly gates: readonly Gate[];
}

interface Origin {
  readonly from?: Place;
  readonly sender: Sender;
  readonly kind: Balancer['kind'];
  /** what comes by PrivateLink. */
  readonly services: readonly Linked[];
  readonly own: readonly Gate[];
}

/** Where the traffic of a listener comes from: the port of its load balancer. */
function originsOf(scene: Scene, source: Resource, listener: Resource | undefined, missing: string | undefined): readonly Origin[] {
  const { graph, balancers, services } = scene;
  const arns = listener === undefined ? [undefined] : property(listener, 'LoadBalancerArn');
  return arns.flatMap((arn): readonly Origin[] => {
    const resource = arn && referenceOf(arn)?.resource;
    const balancer = resource && balancers.get(resourceIdentity(resource));
    if (listener === undefined || balancer === undefined) {
      const unknown = missing ?? `the load balancer of ${listener?.logicalId ?? source.logicalId} is not in the templates`;
      return [{ sender: strangerAt('a load balancer', unknown), kind: 'application', services: [], own: [perhaps(unknown, { kind: 'load balancer', template: source.template.path, logicalId: source.logicalId, detail: 'a load balancer may face the internet' })] }];
    }
    const number = single({ node: listener.properties.Port, template: listener.template });
    const own = number.known ? port(Number(number.value)) : { first: 1, last: 65535 };
    const asking = (services.get(resourceIdentity(balancer.target.resource)) ?? []).filter((each) => each.port === undefined || !number.known || each.port === Number(number.value));
    const doubt = missing ?? arn?.doubt ?? listener.doubt;
    const hop = at(listener, 'listener', `listens on ${number.known ? `port ${number.value}` : 'a port'}`, { missing: doubt });
    const linked = asking.map(({ from }) => ({ from, gates: pastGroups(scene, balancer, own) }));
    return balancer.nodes.map(({ target, sender }) => ({ from: graph.place(target, own), sender, kind: balancer.kind, services: linked, own: [passes(hop, removalOf(listener))] }));
  });
}

// https://docs.aws.amazon.com/elasticloadbalancing/latest/application/mutual-authentication.html
function certificateDemandedBy(listener: Resource): Level | undefined {
  return property(listener, 'MutualAuthentication', 'Mode').map(scalar).some((each) => each.known && each.value === 'verify') ? 'login' : undefined;
}

/** What the actions of a listener or a rule hand on, in their order: a login before it makes it another level. */
function forwards(source: Resource, isRule: boolean): readonly Forward[] {
  const name = isRule ? 'Actions' : 'DefaultActions';
  const sources = isRule ? sourceCondition(source) : [];
  const known = new Set<string>();
  const actions = [...placed(source, name)].sort((a, b) => orderOf(a.value) - orderOf(b.value));
  const found: Forward[] = [];
  let level: Level | undefined;
  let unsure: string | undefined;
  for (const { value: action, location } of actions) {
    const login = demandsLogin(action);
    if (login === true) level = action.doubt === undefined ? 'login' : level;
    else if (login !== false) unsure = login;
    const weighted = inside(action, 'ForwardConfig', 'TargetGroups').flatMap((list) => items(list));
    const targets = [
      ...inside(action, 'TargetGroupArn').map((group) => ({ group, missing: action.doubt ?? group.doubt })),
      ...weighted.filter((each) => !inside(each, 'Weight').map(scalar).some((weight) => weight.known && Number(weight.value) === 0)).flatMap((each) => inside(each, 'TargetGroupArn').map((group) => ({ group, missing: each.doubt ?? group.doubt }))),
    ];
    for (const { group, missing } of targets) {
      // the same group once more adds nothing.
      const key = `${identity(group)} ${level ?? ''} ${missing ?? unsure ?? ''}`;
      if (known.has(key)) continue;
      known.add(key);
      const detail = `${isRule ? 'forwards what the rule matches' : 'forwards'} to ${referenceOf(group)?.resource.logicalId ?? 'a target group'}${level === undefined ? '' : ' after a login'}`;
      found.push({ group, level, gates: [...sources, passes(at(source, isRule ? 'listener rule' : 'listener action', detail, { location, missing: missing ?? unsure }), removalOf(source))] });
    }
  }
  return found;
}

function orderOf(action: Located): number {
  const order = inside(action, 'Order').map(scalar)[0];
  return order?.known ? Number(order.value) : 0;
}

/** Whether an action lets only those through who logged in, or why nobody can tell. */
function demandsLogin(action: Located): boolean | string {
  const type = inside(action, 'Type').map(scalar)[0];
  if (type?.known !== true || !/^(?:authenticate-|jwt-validation)/.test(String(type.value))) return false;
  const otherwise = ['AuthenticateCognitoConfig', 'AuthenticateOidcConfig'].flatMap((name) => inside(action, name, 'OnUnauthenticatedRequest')).map(scalar);
  const unknown = otherwise.find((each) => !each.known);
  if (unknown !== undefined && !unknown.known) return unknown.reason;
  return !otherwise.some((each) => each.known && each.value === 'allow');
}

/** A rule may be for some addresses only; every other condition is the client's to meet. */
function sourceCondition(rule: Resource): readonly Gate[] {
  return placed(rule, 'Conditions').flatMap(({ value, location }): readonly Gate[] => {
    const blocks = inside(value, 'SourceIpConfig', 'Values').flatMap((list) => items(list)).flatMap(blocksOf);
    if (blocks.length === 0) return [];
    return [gate(`rule ${rule.logicalId} matches no public address`, blocks.map(({ addresses, words, missing }) => ({ lets: addresses, hop: at(rule, 'listener rule', `matches ${words}`, { location, missing }) })))];
  });
}

interface Handing {
  readonly from?: Place;
  readonly sender: Sender;
  readonly kind: Balancer['kind'];
  readonly services: readonly Linked[];
  readonly gates: readonly Gate[];
  readonly level?: Level;
}

/**
 * Hands on to what is registered. A network load balancer may keep the addresses of its clients, if they are of the family of the target.
 *
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html#client-ip-preservation
 */
function hand({ graph }: Scene, { preserves, ipv6, called, ...registration }: Registration, { kind, sender, services, gates, ...handing }: Handing): void {
  if (called) return graph.deliver({ ...handing, ...registration, gates: [...gates, ...registration.gates] });
  const { inV4, inV6, keeping } = sendersOf(sender);
  const own = ipv6 ? inV6 : inV4;
  for (const each of services) graph.deliver({ ...registration, from: each.from, sender: own, gates: [...each.gates, ...gates, ...registration.gates] });
  const keeps = kind === 'network' ? preserves : false;
  const doubt = doubtful(keeps, sender);
  const deliver = (who: Sender, family?: AddressSet): void => graph.deliver({ ...handing, ...registration, family, sender: who, gates: [...gates, ...registration.gates, ...doubt] });
  if (keeps === false) return deliver(own);
  const [same, other] = ipv6 ? [AddressSet.ALL_V6, AddressSet.ALL_V4] : [AddressSet.ALL_V4, AddressSet.ALL_V6];
  deliver(keeping, same);
  deliver(own, keeps === true ? other : undefined);
}

const SENDERS = new WeakMap<Sender, { readonly inV4: Sender; readonly inV6: Sender; readonly keeping: Sender }>();

/** What a load balancer is to its targets: what it sends itself is of the family of the target. Each is made once, so that what is known of it is found again. */
function sendersOf(sender: Sender): { readonly inV4: Sender; readonly inV6: Sender; readonly keeping: Sender } {
  const found = SENDERS.get(sender) ?? { inV4: { ...sender, addresses6: AddressSet.NONE }, inV6: { ...sender, addresses: AddressSet.NONE }, keeping: { ...sender, preserves: true } };
  SENDERS.set(sender, found);
  return found;
}

function doubtful(keeps: boolean | string, { name }: Sender): readonly Gate[] {
  return typeof keeps === 'string' ? [perhaps(keeps, { kind: 'target group', template: '', logicalId: name, detail: 'may keep the addresses of its clients' })] : [];
}

function forwardClassic(scene: Scene, resource: Resource, groups: (group: Located) => readonly Registration[]): void {
  const balancer = scene.balancers.get(resourceIdentity(resource));
  if (balancer === undefined) return;
  const names = [{ node: { Ref: resource.logicalId }, template: resource.template }, ...property(resource, 'LoadBalancerName')];
  const registered = [...elements(resource, 'Instances').map((id): Pick<Registration, 'target' | 'gates'> => ({ target: isNamed(id) ? identity(id) : undefined, gates: [passes(at(resource, 'registration', `sends to ${referenceOf(id)?.resource.logicalId ?? 'an instance'}`, { missing: id.doubt ?? (isNamed(id) ? undefined : 'which instance it sends to') }))] })), ...names.flatMap((name) => groups(name))];
  for (const { value: listener, location } of placed(resource, 'Listeners')) {
    const [front, back] = ['LoadBalancerPort', 'InstancePort'].map((name) => inside(listener, name).map(scalar)[0]);
    const listening = front?.known ? port(Number(front.value)) : { first: 1, last: 65535 };
    const to: PortRange | undefined = back?.known ? port(Number(back.value)) : undefined;
    const hop = at(resource, 'listener', `listens on ${front?.known ? `port ${front.value}` : 'a port'} and sends to ${back?.known ? `port ${back.value}` : 'a port'}`, { location, missing: listener.doubt ?? (to === undefined ? 'the port it sends to' : undefined) });
    for (const node of balancer.nodes) {
      const from = scene.graph.place(node.target, listening);
      for (const { target, gates } of registered) scene.graph.deliver({ target, from, port: to, sender: sendersOf(node.sender).inV4, gates: [passes(hop, removalOf(resource, location)), ...gates] });
    }
  }
}
