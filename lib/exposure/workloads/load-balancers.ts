import { METADATA_CLICKHOUSE } from '../../metadata';
import type { Located, Resource, TemplateSet } from '../templates/templates';
import { elements, identity, inside, items, property, referenceOf, resourceIdentity, scalars } from '../templates/values';

const LISTENER = 'AWS::ElasticLoadBalancingV2::Listener';
const LISTENER_RULE = 'AWS::ElasticLoadBalancingV2::ListenerRule';
const BALANCER = 'AWS::ElasticLoadBalancingV2::LoadBalancer';
const CLASSIC = 'AWS::ElasticLoadBalancing::LoadBalancer';

export const LOAD_BALANCER_TYPES: readonly string[] = [BALANCER, CLASSIC];

/** What stands in front of ClickHouse. */
export interface Fronts {
  /** the ports that each load balancer listens on for ClickHouse. */
  readonly ports: ReadonlyMap<Resource, ReadonlySet<number>>;
  /** listeners and rules that lead to ClickHouse, of load balancers that are not among the templates. */
  readonly strangers: readonly Resource[];
}

/** What the search needs to know about what was found before, and how it says what it finds. */
export interface Search {
  readonly templates: TemplateSet;
  readonly isClickHouse: (resource: Resource) => boolean;
  /** the ClickHouse that an id or an address belongs to. */
  readonly ownerOf: (value: Located) => Resource | undefined;
  readonly add: (resource: Resource, why: string) => void;
}

/**
 * Finds the load balancers that lead to ClickHouse.
 *
 * On whichever port: what a load balancer reaches on the same machine or task may be a proxy to the database.
 */
export function findLoadBalancers(search: Search): Fronts {
  const ports = new Map<Resource, Set<number>>();
  const strangers = new Set<Resource>();
  const front = (balancer: Resource, target: Resource | undefined, listening: readonly Located[]): void => {
    search.add(balancer, `it forwards to ${target?.logicalId ?? 'ClickHouse'}`);
    const known = ports.get(balancer) ?? new Set<number>();
    ports.set(balancer, known);
    for (const port of listening.flatMap(scalars)) if (port.known) known.add(Number(port.value));
  };
  // twice: a network load balancer may lead to an application load balancer, which only the first pass finds.
  for (let pass = 0; pass < 2; pass++) {
    const targets = findTargets(search);
    for (const each of search.templates.ofType(LISTENER, LISTENER_RULE)) {
      const target = forwardedTo(each).map((group) => targets.get(identity(group))).find((found) => found !== undefined);
      for (const { listener, balancer } of balancersOf(each)) {
        if (listener === undefined || balancer === undefined) {
          if (target !== undefined) strangers.add(each);
        } else if (target !== undefined || METADATA_CLICKHOUSE in balancer.metadata) front(balancer, target, property(listener, 'Port'));
      }
    }
    for (const balancer of search.templates.ofType(CLASSIC)) {
      const names = [resourceIdentity(balancer), ...property(balancer, 'LoadBalancerName').map(identity)];
      const target = [...elements(balancer, 'Instances').map(search.ownerOf), ...names.map((name) => targets.get(name))].find((found) => found !== undefined);
      if (target !== undefined) front(balancer, target, elements(balancer, 'Listeners').flatMap((listener) => inside(listener, 'LoadBalancerPort')));
    }
  }
  return { ports, strangers: [...strangers] };
}

/** What is registered behind target groups and classic load balancers, by their {@link identity}: a group may be a literal ARN. */
function findTargets({ templates, isClickHouse, ownerOf }: Search): ReadonlyMap<string, Resource> {
  const targets = new Map<string, Resource>();
  for (const group of templates.ofType('AWS::ElasticLoadBalancingV2::TargetGroup')) {
    const target = elements(group, 'Targets').flatMap((each) => inside(each, 'Id')).map(ownerOf).find((each) => each !== undefined);
    if (target) targets.set(resourceIdentity(group), target);
  }
  for (const user of templates.ofType('AWS::AutoScaling::AutoScalingGroup', 'AWS::ECS::Service', 'AWS::ECS::TaskSet').filter(isClickHouse)) {
    const entries = elements(user, 'LoadBalancers').flatMap((each) => [...inside(each, 'TargetGroupArn'), ...inside(each, 'LoadBalancerName')]);
    for (const each of [...elements(user, 'TargetGroupARNs'), ...elements(user, 'LoadBalancerNames'), ...entries]) targets.set(identity(each), user);
  }
  return targets;
}

/** The target groups that a listener or a rule forwards to. */
export function forwardedTo(listener: Resource): readonly Located[] {
  return elements(listener, listener.type === LISTENER ? 'DefaultActions' : 'Actions').flatMap((action) => [
    ...inside(action, 'TargetGroupArn'),
    ...inside(action, 'ForwardConfig', 'TargetGroups').flatMap((each) => items(each)).flatMap((each) => inside(each, 'TargetGroupArn')),
  ]);
}

/** The listener and the load balancer of a listener or a rule; undefined where it is not among the templates. */
export function balancersOf(each: Resource): ReadonlyArray<{ readonly listener?: Resource; readonly balancer?: Resource }> {
  const owners = (resource: Resource, name: string, type: string): ReadonlyArray<Resource | undefined> =>
    property(resource, name)
      .map((value) => referenceOf(value)?.resource)
      .map((found) => (found?.type === type ? found : undefined));
  const listeners = each.type === LISTENER ? [each] : owners(each, 'ListenerArn', LISTENER);
  return listeners.flatMap((listener) => (listener ? owners(listener, 'LoadBalancerArn', BALANCER).map((balancer) => ({ listener, balancer })) : [{}]));
}
