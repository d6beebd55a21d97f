import type { Dictionary } from '../templates/templates';
import type { Environment } from './environment';
import type { KubernetesDoor } from './kubernetes';
import type { Balanced, Limits, Openness } from './load-balancer';
import { INTERNAL, isOfController, limitsOf, opennessOf, SCHEME } from './load-balancer';
import { shown, told } from './marks';
import type { Origin } from './objects';

/** A Service that leads to ClickHouse: written as such, or made of a template or of a chart's values. */
export interface Exposed extends Balanced {
  readonly origin: Origin;
  /** such as `Service analytics/clickhouse`. */
  readonly words: string;
  readonly annotations: Dictionary;
  readonly spec: Dictionary;
  /** the ports of it that lead to ClickHouse; none where they cannot be told. */
  readonly ports: readonly string[];
  /** the change that makes it a ClusterIP, in words. */
  readonly close: string;
  /** why it may not lead to this ClickHouse. */
  readonly unsure?: string;
}

/** The ways into the cluster that a Service is. https://kubernetes.io/docs/concepts/services-networking/service/#publishing-services-service-types */
export function serviceDoors(service: Exposed, environment: Environment): readonly KubernetesDoor[] {
  const type = told(service.spec.type) ?? { known: true, value: 'ClusterIP' };
  if (!type.known) {
    // closed whatever it turns out to be, or a load balancer at worst.
    const doors = balancerDoors(service, environment);
    return doors.map((each) => weakened(each, `the type of the Service: ${type.reason}`));
  }
  switch (String(type.value)) {
    case 'LoadBalancer':
      return balancerDoors(service, environment);
    case 'NodePort':
      return [nodeDoor(service.origin, service.words, service.ports, service.close, environment, service.unsure)];
    case 'ExternalName':
      return [];
    default:
      return [door(service, { open: 'no' }, `${service.words} is reachable from within the cluster only`, service.close)];
  }
}

function balancerDoors(service: Exposed, environment: Environment): readonly KubernetesDoor[] {
  const openness = opennessOf(service, environment);
  const scheme = { yes: 'is an internet-facing load balancer', no: 'is an internal load balancer', maybe: 'is a load balancer' }[openness.open];
  const annotation = isOfController(service, environment) ? `${SCHEME} to internal` : `${INTERNAL} to "true"`;
  return limited(door(service, openness, `${service.words} ${scheme}${onPorts(service.ports)}`, `set the annotation ${annotation} for ${service.words}, or ${service.close}`), limitsOf(service));
}

function door(service: Exposed, { open, missing }: Openness, detail: string, fix: string): KubernetesDoor {
  const made: KubernetesDoor = { resource: service.origin.resource, location: service.origin.location, detail, open, missing, fix };
  return weakened(made, service.unsure ?? service.origin.doubt);
}

/** A port of the machines that pods run on. Whether it is reachable is a matter of the machines' addresses and security groups. */
export function nodeDoor(origin: Origin, words: string, ports: readonly string[], close: string, { publicNodes }: Environment, unsure?: string): KubernetesDoor {
  const made: KubernetesDoor = {
    resource: origin.resource,
    location: origin.location,
    detail: `${words} is a port of the nodes${onPorts(ports)}${publicNodes === undefined ? ', and none is known to have a public address' : `, which have public addresses from subnet ${publicNodes}`}`,
    open: publicNodes === undefined ? 'no' : 'maybe',
    missing: publicNodes === undefined ? undefined : 'whether a security group of the nodes admits addresses of the internet on that port',
    fix: close,
  };
  return weakened(made, unsure ?? origin.doubt);
}

/** The same door for those who are let in for certain, and another for those who may be. */
export function limited(made: KubernetesDoor, { sources, unsure }: Limits): readonly KubernetesDoor[] {
  if (made.open === 'no') return [made];
  const certain = sources === undefined || sources.length === 0 ? [] : [{ ...made, sources }];
  if (unsure !== undefined) return [...certain, weakened(made, unsure)];
  return sources === undefined ? [made] : certain;
}

/** A door that may not be one after all. What is closed stays closed. */
export function weakened(made: KubernetesDoor, reason: string | undefined): KubernetesDoor {
  if (reason === undefined || made.open === 'no') return made;
  return { ...made, open: 'maybe', missing: made.missing === undefined || made.missing === reason ? reason : `${made.missing}; ${reason}` };
}

function onPorts(ports: readonly string[]): string {
  if (ports.length === 0) return '';
  const words = ports.slice(0, 8).map(shown);
  return ` on port ${words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words[words.length - 1] ?? ''}`}`;
}
