import type { Dictionary } from '../templates/templates';
import { isDictionary } from '../templates/templates';
import type { Chart } from './charts';
import { at, dictionaryAt, listAt, switchAt, textAt } from './documents';
import type { ExposedIngress } from './ingress';
import { annotationsIn, INTERNAL } from './load-balancer';
import { told, unknownIn } from './marks';
import type { Exposed } from './services';

/** What the values of a chart ask for. */
export interface ExposedByValues {
  readonly services: readonly Exposed[];
  readonly ingresses: readonly ExposedIngress[];
  /** whether they say that the Service is a ClusterIP. */
  readonly saysClusterIp: boolean;
}

/** A part of the values on the way through them. */
interface Part {
  readonly node: unknown;
  /** the names on the way, and the last of them. */
  readonly path: string;
  readonly name: string;
  readonly above: Dictionary;
  /** why it may be switched off. */
  readonly doubt?: string;
}

// parts of the values that are about other programs of the chart.
const OTHERS = /operator|zookeeper|metric|exporter|backup|monitor|prometheus|grafana|affinity|resources|probe|securitycontext|rbac|serviceaccount/i;

/**
 * Finds what charts publish, wherever their values have it: `service.type`, `lbService` and `serviceAnnotations` of Altinity, `externalAccess` of Bitnami,
 * `service_type` of charts by hand, and `ingress`.
 */
export function exposedByValues(chart: Chart, roots: readonly Dictionary[], release: string): ExposedByValues {
  const services: Exposed[] = [];
  const ingresses: ExposedIngress[] = [];
  let saysClusterIp = false;
  const pending: Part[] = roots.map((node) => ({ node, path: '', name: '', above: {} }));
  for (let part = pending.pop(); part !== undefined; part = pending.pop()) {
    if (Array.isArray(part.node)) {
      for (const node of part.node as readonly unknown[]) pending.push({ ...part, node });
      continue;
    }
    if (!isDictionary(part.node)) {
      if (PUBLISHING.has(part.name) && unknownIn(textAt(part.node)) !== undefined) services.push(serviceIn(chart, part, {}, part.node, part.doubt, release));
      continue;
    }
    const enabled = switchAt(part.node, 'enabled');
    // these are off unless they are switched on.
    if (enabled === false || (enabled === undefined && OPTIONAL.has(part.name))) continue;
    const doubt = part.doubt ?? (typeof enabled === 'string' ? `whether ${part.path}.enabled is true: ${enabled}` : undefined);
    if (part.name === 'ingress') {
      ingresses.push(ingressIn(chart, part, part.node, doubt, release));
      continue;
    }
    const type = typeIn(part, part.node);
    if (type === 'ClusterIP') saysClusterIp ||= /^(?:clickhouse\.)?(?:service)?$/.test(part.path);
    else if (type !== undefined) services.push(serviceIn(chart, part, part.node, type, doubt, release));
    if (part.name === 'externalAccess') continue;
    for (const [name, node] of Object.entries(part.node)) {
      if (!OTHERS.test(name)) pending.push({ node, path: part.path === '' ? name : `${part.path}.${name}`, name, above: part.node, doubt });
    }
  }
  return { services: services.reverse(), ingresses: ingresses.reverse(), saysClusterIp };
}

// what decides all when it is only known at deployment as a whole.
const PUBLISHING = new Set(['service', 'lbService', 'externalAccess', 'ingress', 'clickhouse']);
const OPTIONAL = new Set(['ingress', 'lbService', 'externalAccess']);
const TYPES = ['LoadBalancer', 'NodePort', 'ClusterIP'];

/** The type of the Service that a part of the values describes; undefined when it describes none. */
function typeIn({ name }: Part, node: Dictionary): unknown {
  if (name === 'lbService') return 'LoadBalancer';
  // the type of Bitnami's Services for external access, where the values do not say.
  if (name === 'externalAccess') return at(node, 'service', 'type') ?? 'LoadBalancer';
  const type = at(node, 'type') ?? at(node, 'serviceType') ?? at(node, 'service_type');
  const value = told(type);
  if (value === undefined) return undefined;
  if (!value.known) return /service|access|balancer|spec/i.test(name) || at(node, 'type') === undefined ? type : undefined;
  const text = String(value.value);
  // Altinity's chart for EKS has names of its own: cluster-ip, loadbalancer-internal and loadbalancer-external.
  if (at(node, 'type') === undefined && /load-?balancer/i.test(text)) return 'LoadBalancer';
  return TYPES.find((each) => each === text);
}

function serviceIn(chart: Chart, part: Part, node: Dictionary, type: unknown, doubt: string | undefined, release: string): Exposed {
  const settings = part.name === 'externalAccess' ? dictionaryAt(node, 'service') : node;
  const isInternal = /internal/i.test(textAt(node, 'service_type') || textAt(node, 'serviceType'));
  const { shared, unsure } = perReplica(listAt(settings, 'loadBalancerAnnotations').filter(isDictionary), part.above);
  const annotations = {
    ...annotationsIn(at(chart.values, 'commonAnnotations')),
    ...annotationsIn(at(part.above, 'metadata', 'annotations')),
    ...shared,
    ...annotationsIn(at(settings, 'annotations')),
    ...annotationsIn(at(settings, 'serviceAnnotations')),
    ...(isInternal ? { [INTERNAL]: 'true' } : {}),
  };
  const place = part.path === '' ? 'service' : part.path;
  return {
    origin: { resource: chart.resource, location: chart.location, doubt: chart.doubt ?? doubt },
    words: `Service of ${release} (${place})`,
    annotations,
    spec: { type, loadBalancerClass: at(settings, 'loadBalancerClass'), loadBalancerSourceRanges: at(settings, 'loadBalancerSourceRanges') },
    ports: [],
    close: at(node, 'type') === undefined && switchAt(node, 'enabled') !== undefined ? `set ${place}.enabled to false` : `set ${place}.type to ClusterIP`,
    unsure,
  };
}

/** Bitnami's list of annotations, one for each replica. It counts only when it is as long as there are replicas; what all have is what counts here. */
function perReplica(all: readonly Dictionary[], { shards, replicaCount }: Dictionary): { readonly shared: Dictionary; readonly unsure?: string } {
  const [first, ...others] = all;
  if (first === undefined) return { shared: {} };
  if (all.length !== Number(shards) * Number(replicaCount)) return { shared: {}, unsure: 'whether there are as many loadBalancerAnnotations as replicas' };
  return { shared: Object.fromEntries(Object.entries(first).filter(([key, value]) => others.every((each) => Object.hasOwn(each, key) && each[key] === value))) };
}

function ingressIn(chart: Chart, part: Part, node: Dictionary, doubt: string | undefined, release: string): ExposedIngress {
  return {
    origin: { resource: chart.resource, location: chart.location, doubt: chart.doubt ?? doubt },
    words: `Ingress of ${release} (${part.path})`,
    annotations: annotationsIn(at(node, 'annotations')),
    serviceAnnotations: {},
    className: at(node, 'ingressClassName') ?? at(node, 'className'),
    close: `set ${part.path}.enabled to false`,
  };
}
