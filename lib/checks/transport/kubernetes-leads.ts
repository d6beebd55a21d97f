import type { PlainPorts } from './ports';
import { plainPortsIn, SECURE, USUAL } from './ports';
import type { Setting } from './settings';
import { settingsOf } from './settings';
import { toldIn } from '../credentials/told';
import type { Deployment } from '../rule';
import type { Chart } from '../../exposure/kubernetes/charts';
import { listAt, textAt } from '../../exposure/kubernetes/documents';
import { environmentOf, publicNodesOf } from '../../exposure/kubernetes/environment';
import type { Found } from '../../exposure/kubernetes/found';
import type { Inventory } from '../../exposure/kubernetes/inventory';
import { readInventories } from '../../exposure/kubernetes/inventory';
import { workloadsIn } from '../../exposure/kubernetes/kubernetes';
import { leadBetween } from '../../exposure/kubernetes/leads';
import type { KubernetesObject } from '../../exposure/kubernetes/objects';
import type { Resource, TemplateSet } from '../../exposure/templates/templates';
import { append } from '../../exposure/templates/templates';

/** A Service that leads to a ClickHouse. */
export interface Led {
  readonly service: KubernetesObject;
  readonly found: Found;
  /** those of its ports that lead there. */
  readonly ports: readonly unknown[];
  readonly plain: PlainPorts;
  readonly unsure?: string;
}

/** What leads to the ClickHouse of one cluster. */
export interface ClusterLeads {
  readonly inventory: Inventory;
  readonly leads: readonly Led[];
  /** the charts that bring ClickHouse along. */
  readonly charts: readonly Chart[];
  /** the plain ports of what a resource has. */
  readonly plainOf: (resource: Resource) => PlainPorts;
  /** a ClickHouse of more than can be compared with all Services. */
  readonly tooMany?: Found;
}

// each is one comparison of a Service with a ClickHouse; real clusters have a few Services and fewer ClickHouses a namespace.
const MOST_COMPARISONS = 100_000;
const known = new WeakMap<TemplateSet, readonly ClusterLeads[]>();

export function clusterLeads(deployment: Deployment): readonly ClusterLeads[] {
  const found = known.get(deployment.templates) ?? find(deployment);
  known.set(deployment.templates, found);
  return found;
}

function find(deployment: Deployment): readonly ClusterLeads[] {
  const inventories = readInventories(deployment.templates);
  if (inventories.length === 0) return [];
  const settings = new Map<Resource, Setting[]>();
  for (const told of toldIn(deployment)) if (told.isServer) for (const each of settingsOf(told)) append(settings, told.resource, each);
  const ports = new Map<Resource, PlainPorts>();
  // a manifest may have several objects: what one of them removes another may have.
  const plainOf = (resource: Resource): PlainPorts => {
    const own = (settings.get(resource) ?? []).filter(({ isRemoved, name }) => !isRemoved && name !== 'listen_host');
    const plain = ports.get(resource) ?? new Map([...USUAL, ...plainPortsIn(own)].filter(([port]) => !USUAL.has(port) || !isSecured(port, own)));
    ports.set(resource, plain);
    return plain;
  };
  const nodes = publicNodesOf(deployment.templates);
  return inventories.map((inventory): ClusterLeads => {
    const found = workloadsIn(inventory, environmentOf(inventory, nodes));
    const charts = new Set(found.map(({ resource, location }) => `${resource.template.path}#${resource.logicalId} ${location}`));
    return { inventory, plainOf, charts: inventory.charts.filter(({ resource, location }) => charts.has(`${resource.template.path}#${resource.logicalId} ${location}`)), ...leadsIn(inventory, found, plainOf) };
  });
}

/** Whether settings give a usual port to a listener that speaks TLS. */
function isSecured(port: number, settings: readonly Setting[]): boolean {
  return settings.some(({ path, value }) => value === String(port) && SECURE.test(path));
}

function leadsIn({ objects }: Inventory, found: readonly Found[], plainOf: (resource: Resource) => PlainPorts): Pick<ClusterLeads, 'leads' | 'tooMany'> {
  const byNamespace = new Map<string, Found[]>();
  for (const each of found) append(byNamespace, each.namespace, each);
  const unknown = found.filter(({ namespace }) => namespace.includes('\uE000'));
  const leads: Led[] = [];
  let comparisons = 0;
  for (const service of objects.filter(({ kind, group }) => kind === 'Service' && group === '')) {
    const candidates = service.namespace.includes('\uE000') ? found : [...(byNamespace.get(service.namespace) ?? []), ...unknown];
    const ports = listAt(service.body, 'spec', 'ports');
    for (const each of candidates) {
      comparisons += 1 + ports.length;
      if (comparisons > MOST_COMPARISONS) return { leads, tooMany: each };
      const lead = leadBetween(service, each);
      if (lead === undefined) continue;
      const leading = new Set(lead.ports);
      leads.push({ service, found: each, ports: ports.filter((port) => leading.has(textAt(port, 'port'))), plain: plainOf(each.resource), unsure: lead.unsure });
    }
  }
  return { leads };
}
