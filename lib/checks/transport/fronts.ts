import { plainPortsOf } from './ports';
import type { PlainPorts } from './ports';
import type { Deployment } from '../rule';
import type { Located, Resource, TemplateSet } from '../../exposure/templates/templates';
import { append } from '../../exposure/templates/templates';
import { elements, identity, inside, literalText, property, referenceOf, resourceIdentity, scalar } from '../../exposure/templates/values';
import { balancersOf, forwardedTo } from '../../exposure/workloads/load-balancers';
import { CLICKHOUSE_PORTS } from '../../exposure/workloads/ports';

/** A ClickHouse behind a target group or a classic load balancer, and the port of it that is asked. */
export interface Behind {
  readonly owner: Resource;
  readonly plain: PlainPorts;
  /** undefined where it is only known at deployment. */
  readonly port?: number;
}

/** A listener, or a rule of one, that leads to ClickHouse. */
export interface Leading {
  readonly source: Resource;
  /** undefined where it is not among the templates. */
  readonly listener?: Resource;
  readonly behind: readonly Behind[];
}

/** What stands in front of ClickHouse and forwards to ports of its own. A proxy on the same machine, on a port of its own, is not ClickHouse. */
export interface TransportFronts {
  readonly groups: ReadonlyArray<{ readonly group: Resource; readonly behind: readonly Behind[] }>;
  readonly leading: readonly Leading[];
  /** listeners of classic load balancers. */
  readonly classic: ReadonlyArray<{ readonly balancer: Resource; readonly listener: Located; readonly behind: readonly Behind[] }>;
}

const GROUP = 'AWS::ElasticLoadBalancingV2::TargetGroup';
const BALANCERS = new Set(['AWS::ElasticLoadBalancingV2::LoadBalancer', 'AWS::ElasticLoadBalancing::LoadBalancer']);
const known = new WeakMap<TemplateSet, TransportFronts>();

export function transportFronts(deployment: Deployment): TransportFronts {
  const found = known.get(deployment.templates) ?? find(deployment);
  known.set(deployment.templates, found);
  return found;
}

/** Something that is registered; its port is that of the group where it has none of its own. */
interface Registered {
  readonly owner: Resource;
  readonly port?: Located;
}

function find(deployment: Deployment): TransportFronts {
  const { templates, workloads } = deployment;
  const plainOf = plainPortsOf(deployment);
  const registered = registrations(deployment);
  const behind = (each: Registered, otherwise: readonly Located[]): readonly Behind[] => {
    const ports = (each.port === undefined ? otherwise : [each.port]).map(scalar);
    const plain = plainOf(each.owner);
    if (ports.length === 0) return [];
    return ports.flatMap((port) => {
      if (!port.known) return [{ owner: each.owner, plain }];
      const number = Number(port.value);
      return CLICKHOUSE_PORTS.has(number) || plain.has(number) || workloads.portsOf(each.owner).includes(number) ? [{ owner: each.owner, plain, port: number }] : [];
    });
  };
  const byGroup = new Map<string, readonly Behind[]>();
  const groups = templates.ofType(GROUP).map((group) => {
    const targets = elements(group, 'Targets').flatMap((target): readonly Registered[] => {
      const [port] = inside(target, 'Port');
      return inside(target, 'Id').flatMap((id) => workloads.ownerOf(id) ?? []).filter(({ type }) => !BALANCERS.has(type)).map((owner) => ({ owner, port }));
    });
    const found = [...targets, ...(registered.get(resourceIdentity(group)) ?? [])].flatMap((each) => behind(each, property(group, 'Port')));
    byGroup.set(resourceIdentity(group), found);
    return { group, behind: found };
  });
  // of a group that is not among the templates only what an ECS service says about its port is known.
  for (const [name, all] of registered) if (!byGroup.has(name)) byGroup.set(name, all.flatMap((each) => behind(each, [])));
  const leading = templates.ofType('AWS::ElasticLoadBalancingV2::Listener', 'AWS::ElasticLoadBalancingV2::ListenerRule').flatMap((source): readonly Leading[] => {
    const all = forwardedTo(source).flatMap((group) => byGroup.get(identity(group)) ?? []);
    if (all.length === 0) return [];
    const listeners = source.type.endsWith('Rule') ? balancersOf(source).map(({ listener }) => listener) : [source];
    return [...new Set(listeners)].map((listener) => ({ source, listener, behind: all }));
  });
  const classic = templates.ofType('AWS::ElasticLoadBalancing::LoadBalancer').flatMap((balancer) => {
    const names = [resourceIdentity(balancer), ...property(balancer, 'LoadBalancerName').map(identity)];
    const instances = elements(balancer, 'Instances').flatMap((id) => workloads.ownerOf(id) ?? []).map((owner): Registered => ({ owner }));
    const all = [...instances, ...names.flatMap((name) => registered.get(name) ?? [])];
    return all.length === 0 ? [] : elements(balancer, 'Listeners').flatMap((listener) => {
      const found = all.flatMap(({ owner }) => behind({ owner }, inside(listener, 'InstancePort')));
      return found.length === 0 ? [] : [{ balancer, listener, behind: found }];
    });
  });
  return { groups: groups.filter((each) => each.behind.length > 0), leading, classic };
}

/** What Auto Scaling groups and services register, by the identity of target groups and classic load balancers. */
function registrations({ templates, workloads }: Deployment): ReadonlyMap<string, readonly Registered[]> {
  const found = new Map<string, Registered[]>();
  const isCluster = new Set(workloads.groups);
  for (const owner of templates.ofType('AWS::AutoScaling::AutoScalingGroup')) {
    if (!isCluster.has(owner)) continue;
    for (const each of [...elements(owner, 'TargetGroupARNs'), ...elements(owner, 'LoadBalancerNames')]) append(found, identity(each), { owner });
  }
  const containers = new Map<Resource, string[]>();
  for (const { task, definition } of workloads.containers) for (const name of inside(definition, 'Name').map(literalText)) append(containers, task, name);
  for (const owner of workloads.services) {
    const names = new Set(property(owner, 'TaskDefinition').flatMap((value) => referenceOf(value)?.resource ?? []).flatMap((task) => containers.get(task) ?? []));
    for (const entry of elements(owner, 'LoadBalancers')) {
      const container = inside(entry, 'ContainerName').map(literalText)[0];
      // another container of the same task is not ClickHouse.
      if (container !== undefined && !names.has(container)) continue;
      const [port] = inside(entry, 'ContainerPort');
      for (const each of [...inside(entry, 'TargetGroupArn'), ...inside(entry, 'LoadBalancerName')]) append(found, identity(each), { owner, port });
    }
  }
  return found;
}
