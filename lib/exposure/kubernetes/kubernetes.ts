import type { Resource, TemplateSet } from '../templates/templates';
import type { Environment } from './environment';
import { environmentOf, publicNodesOf } from './environment';
import { at, dictionaryAt, portsIn } from './documents';
import type { Found } from './found';
import { chartWorkload } from './helm';
import type { Inventory, Unread } from './inventory';
import { readInventories } from './inventory';
import { shown } from './marks';
import type { KubernetesObject } from './objects';
import { installationTemplates, operatorWorkload } from './operators';
import { hostPortsOf, podTemplateOf, podWorkload } from './pods';
import { nodeDoor } from './services';
import { strangersIn } from './strangers';
import { frontsOf } from './target-groups';
import { doorsInto } from './ways';

/** A ClickHouse that a resource of CloudFormation puts into a Kubernetes cluster. */
export interface KubernetesWorkload {
  /** the resource whose manifest or chart has it. */
  readonly resource: Resource;
  /** such as `StatefulSet analytics/clickhouse`; several objects of one resource are several workloads. */
  readonly name: string;
  /** why it is taken for ClickHouse, in words that end a sentence. */
  readonly evidence: string;
  /** ports of its containers that ClickHouse listens on, where that can be told; it may have the usual ones as well. */
  readonly ports: readonly number[];
  /** every Service and Ingress that may lead to it. */
  readonly doors: readonly KubernetesDoor[];
}

/** A way to a ClickHouse in a cluster. */
export interface KubernetesDoor {
  /** the resource with the Service or the Ingress. */
  readonly resource: Resource;
  readonly location?: string;
  /** in words, such as `Service analytics/clickhouse is an internet-facing load balancer on port 8123`. */
  readonly detail: string;
  /** whether it faces the internet. */
  readonly open: 'yes' | 'no' | 'maybe';
  /** for maybe: what is not known. */
  readonly missing?: string;
  /** the CIDR blocks that it lets in; everybody when there are none. */
  readonly sources?: readonly string[];
  /** what it demands first, in words. */
  readonly login?: string;
  /** the smallest change that closes it, in words: an imperative. */
  readonly fix: string;
}

/**
 * Finds the ClickHouse that templates put into EKS clusters by manifests and Helm charts, and what leads to it from outside of the cluster.
 *
 * What is put there by other means (kubectl, a pipeline, a chart's own defaults that we do not know) is not in the templates and is not seen.
 */
export function findKubernetes(templates: TemplateSet): readonly KubernetesWorkload[] {
  const inventories = readInventories(templates);
  if (inventories.length === 0) return [];
  const fronts = frontsOf(templates);
  const nodes = publicNodesOf(templates);
  return inventories.flatMap((inventory) => {
    const environment = environmentOf(inventory, nodes);
    const found = workloadsIn(inventory, environment);
    const doors = doorsInto(found, inventory, environment, fronts);
    return [
      ...together(found.map((each) => ({ resource: each.resource, name: each.name, evidence: each.evidence, ports: each.listening.told, doors: doors.get(each) ?? [] }))),
      ...strangersIn(inventory, found, environment),
      ...inventory.unread.map(unreadWorkload),
    ];
  });
}

/** One workload where a condition chooses between manifests that both have it. */
function together(workloads: readonly KubernetesWorkload[]): readonly KubernetesWorkload[] {
  const byName = new Map<Resource, Map<string, KubernetesWorkload>>();
  for (const each of workloads) {
    const names = byName.get(each.resource) ?? new Map<string, KubernetesWorkload>();
    byName.set(each.resource, names);
    const known = names.get(each.name);
    names.set(each.name, known === undefined ? each : { ...known, ports: [...new Set([...known.ports, ...each.ports])], doors: [...known.doors, ...each.doors] });
  }
  return [...byName.values()].flatMap((names) => [...names.values()]);
}

/** The ClickHouse of a cluster, before anybody looked for the ways to it. */
export function workloadsIn({ objects, charts }: Inventory, environment: Environment): readonly Found[] {
  const key = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string => `${namespace}/${name}`;
  const configs = new Map(objects.filter(({ kind }) => kind === 'ConfigMap').map((each) => [key(each), each]));
  const told = new Map<string, readonly number[]>();
  // a configuration that many mount is read once.
  const configured = (namespace: string, name: string): readonly number[] => {
    const id = key({ namespace, name });
    const known = told.get(id) ?? portsIn(at(configs.get(id)?.body, 'data'));
    told.set(id, known);
    return known;
  };
  const templates = installationTemplates(objects);
  const ofObjects = objects.flatMap((object) => {
    const pods = podWorkload(object, (name) => (name === '' ? [] : configured(object.namespace, name)));
    if (pods !== undefined) return [{ ...pods, doors: hostDoors(object, environment) }];
    return operatorWorkload(object, templates, environment) ?? [];
  });
  return [...ofObjects, ...charts.flatMap((chart) => chartWorkload(chart, environment) ?? [])];
}

function hostDoors(object: KubernetesObject, environment: Environment): readonly KubernetesDoor[] {
  const ports = hostPortsOf(object);
  if (ports.length === 0) return [];
  const name = `${object.kind} ${shown(`${object.namespace}/${object.name}`)}`;
  const isShared = dictionaryAt(podTemplateOf(object)?.spec).hostNetwork === true;
  return [nodeDoor(object, name, ports, isShared ? `remove hostNetwork from ${name}` : `remove hostPort from the containers of ${name}`, environment)];
}

/** A manifest that nobody can read and that speaks of ClickHouse: what it installs and opens is not known. */
function unreadWorkload({ resource, location, reason }: Unread): KubernetesWorkload {
  const missing = `what its manifest says: ${reason}`;
  const door: KubernetesDoor = { resource, location, detail: 'its manifest may open a way to ClickHouse', open: 'maybe', missing, fix: 'write the manifest as JSON that can be read at synthesis' };
  return { resource, name: 'manifest', evidence: 'its manifest mentions clickhouse', ports: [], doors: [door] };
}
