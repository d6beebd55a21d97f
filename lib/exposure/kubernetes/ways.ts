import type { Dictionary } from '../templates/templates';
import { append } from '../templates/templates';
import { at, listAt, textAt } from './documents';
import type { Environment } from './environment';
import { annotationsOf } from './environment';
import type { Found } from './found';
import { listens } from './found';
import { ingressDoors } from './ingress';
import type { Inventory } from './inventory';
import type { KubernetesDoor } from './kubernetes';
import type { Lead } from './leads';
import { exposed, leadBetween, leadsFrom } from './leads';
import { INTERNAL, SCHEME } from './load-balancer';
import { shown, told, unknownIn } from './marks';
import type { KubernetesObject } from './objects';
import { same } from './objects';
import type { Patch } from './patches';
import { patchAlone, patchesByObject, versionsOf } from './patches';
import type { Backend } from './routes';
import { backendsOf, routedBackends, streamBackends } from './routes';
import { serviceDoors, weakened } from './services';
import type { Fronts } from './target-groups';
import { isInternal } from './target-groups';

// each is one comparison of a Service with a ClickHouse; real clusters have a few Services and fewer ClickHouses a namespace.
const MOST_COMPARISONS = 100_000;
const MOST_BACKENDS = 500;

/** The ways into the cluster for each ClickHouse in it: its own doors, then Services, then what forwards to those. */
export function doorsInto(found: readonly Found[], inventory: Inventory, environment: Environment, fronts: Fronts): ReadonlyMap<Found, readonly KubernetesDoor[]> {
  if (found.length === 0) return new Map();
  return new Ways(found, inventory, environment, fronts).find();
}

class Ways {
  private readonly doors = new Map<Found, KubernetesDoor[]>();
  private readonly seen = new Map<Found, Set<string>>();
  private readonly byNamespace = new Map<string, Found[]>();
  private readonly leads = new Map<KubernetesObject, readonly Lead[]>();
  private readonly services = new Map<string, KubernetesObject[]>();
  private readonly all: KubernetesObject[] = [];
  /** Services whose names or namespaces are only known at deployment. */
  private readonly unnamed: KubernetesObject[] = [];
  private comparisons = 0;
  private readonly isManaged: boolean;
  /** those in a namespace that is only known at deployment. */
  private readonly somewhere: readonly Found[];

  constructor(
    private readonly found: readonly Found[],
    private readonly inventory: Inventory,
    private readonly environment: Environment,
    private readonly fronts: Fronts,
  ) {
    this.isManaged = found.some(({ listening }) => listening.isManaged);
    this.somewhere = found.filter(({ namespace }) => told(namespace)?.known === false);
  }

  find(): ReadonlyMap<Found, readonly KubernetesDoor[]> {
    for (const each of this.found) {
      this.doors.set(each, []);
      this.seen.set(each, new Set());
      append(this.byNamespace, each.namespace, each);
      for (const door of each.doors) this.add(each, door);
    }
    const { objects, patches } = this.inventory;
    for (const object of objects.filter(isService)) {
      append(this.services, `${object.namespace}/${object.name}`, object);
      this.all.push(object);
      if (unknownIn(`${object.namespace}${object.name}`) !== undefined) this.unnamed.push(object);
    }
    const changes = patchesByObject(patches);
    for (const object of this.all) this.service(object, changes);
    for (const object of objects.filter(({ kind }) => kind === 'Ingress')) this.ingress(object, changes);
    for (const object of objects) this.route(object);
    for (const chart of this.environment.nginx) {
      const name = textAt(chart.values, 'controller', 'ingressClassResource', 'name') || 'nginx';
      for (const backend of streamBackends(chart.values)) {
        const close = `remove ${shown(`${backend.namespace}/${backend.service}`)} from the tcp values of ${shown(chart.release)}`;
        this.forward(backend, (lead) => ingressDoors({ origin: chart, words: `the tcp values of ${shown(chart.release)}`, annotations: {}, serviceAnnotations: {}, className: name, close, unsure: lead.unsure }, this.environment));
      }
    }
    this.orphans(patches);
    if (this.comparisons > MOST_COMPARISONS) for (const each of this.found) this.add(each, tooMany(each));
    return this.doors;
  }

  private add(to: Found, door: KubernetesDoor): void {
    const made = weakened(door, to.doubt);
    const key = JSON.stringify([made.resource.template.path, made.resource.logicalId, made.detail, made.open, made.missing, made.sources]);
    if (this.seen.get(to)?.has(key) !== false) return;
    this.seen.get(to)?.add(key);
    this.doors.get(to)?.push(made);
  }

  /** The ClickHouse that may be in a namespace. */
  private within(namespace: string): readonly Found[] {
    return told(namespace)?.known === false ? this.found : [...(this.byNamespace.get(namespace) ?? []), ...this.somewhere];
  }

  private service(object: KubernetesObject, changes: ReadonlyMap<string, readonly Patch[]>): void {
    const versions = versionsOf(object, changes, 'service');
    for (const [index, version] of versions.entries()) {
      const leads = this.leadsOf(version);
      if (index === 0) this.leads.set(object, leads);
      const before = index === 0 && versions.length > 1 ? 'whether a patch closes it in time' : undefined;
      // the doors depend on the Service and on which of its ports lead there, which is the same for most.
      const known = new Map<string, readonly KubernetesDoor[]>();
      for (const lead of leads) {
        const key = `${lead.ports.join()} ${lead.unsure ?? ''}`;
        const doors = known.get(key) ?? serviceDoors(exposed(version, lead), this.environment).map((door) => weakened(door, before));
        known.set(key, doors);
        for (const door of doors) this.add(lead.found, door);
      }
    }
  }

  private leadsOf(service: KubernetesObject): readonly Lead[] {
    const ports = listAt(service.body, 'spec', 'ports').length;
    const leads: Lead[] = [];
    for (const found of this.within(service.namespace)) {
      this.comparisons += 1 + ports;
      if (this.comparisons > MOST_COMPARISONS) break;
      const lead = leadBetween(service, found);
      if (lead !== undefined) leads.push(lead);
    }
    return leads;
  }

  private ingress(object: KubernetesObject, changes: ReadonlyMap<string, readonly Patch[]>): void {
    const versions = versionsOf(object, changes, 'ingress');
    for (const [index, version] of versions.entries()) {
      const words = `Ingress ${shown(`${object.namespace}/${object.name}`)}`;
      const before = index === 0 && versions.length > 1;
      for (const backend of this.few(backendsOf(version))) {
        this.forward(backend, (lead, annotations) => {
          const ingress = { origin: version, words, annotations: annotationsOf(version.body), serviceAnnotations: annotations, className: at(version.body, 'spec', 'ingressClassName'), close: `remove the path to Service ${shown(backend.service)} from ${words}`, unsure: lead.unsure };
          return ingressDoors(ingress, this.environment).map((door) => (before ? weakened(door, 'whether a patch closes it in time') : door));
        });
      }
    }
  }

  /** Routes of gateways and meshes, and target groups that pods are registered in. */
  private route(object: KubernetesObject): void {
    const words = `${object.kind} ${shown(`${object.namespace}/${object.name}`)}`;
    const { resource, location, doubt } = object;
    const backends = this.few(routedBackends(object) ?? []);
    for (const backend of backends) {
      const door: KubernetesDoor = { resource, location, detail: `${words} leads to it`, open: 'maybe', missing: `whether the gateway of ${words} is reachable from the internet`, fix: `remove Service ${shown(backend.service)} from ${words}` };
      this.forward(backend, (lead) => [weakened(door, lead.unsure ?? doubt)]);
    }
    if (object.kind !== 'TargetGroupBinding') return;
    // https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/targetgroupbinding/targetgroupbinding/
    const group = textAt(object.body, 'spec', 'targetGroupARN') || textAt(object.body, 'spec', 'targetGroupName');
    const open = isInternal(group, this.fronts) ? 'no' : 'maybe';
    const missing = open === 'no' ? undefined : `whom the load balancers in front of target group ${shown(group)} let in`;
    const door: KubernetesDoor = { resource, location, detail: `${words} registers it in target group ${shown(group)}`, open, missing, fix: `remove ${words}, or make the load balancer in front of it internal` };
    const service = at(object.body, 'spec', 'serviceRef');
    this.forward({ service: textAt(service, 'name'), namespace: object.namespace, port: at(service, 'port') }, (lead) => [weakened(door, lead.unsure ?? doubt)]);
  }

  private few(backends: readonly Backend[]): readonly Backend[] {
    const mayMatter = ({ namespace, service }: Backend): boolean => {
      const named = this.services.get(`${namespace}/${service}`);
      if (named === undefined) return this.unnamed.length > 0 || this.isManaged || unknownIn(`${namespace}${service}`) !== undefined;
      return this.unnamed.length > 0 || named.some((each) => this.leads.get(each)?.length !== 0);
    };
    const relevant = backends.filter(mayMatter);
    const distinct = new Map(relevant.map((each) => [`${each.namespace}/${each.service}:${textAt(each.port)}`, each]));
    if (distinct.size > MOST_BACKENDS) this.comparisons = Infinity;
    return [...distinct.values()].slice(0, MOST_BACKENDS);
  }

  /** Adds doors to each ClickHouse that a backend is, through a Service that is here or one that a chart or an operator makes. */
  private forward({ service: name, namespace, port }: Backend, doorsOf: (lead: Lead, annotations: Dictionary) => readonly KubernetesDoor[]): void {
    const services = this.services.get(`${namespace}/${name}`) ?? [];
    const unknown = unknownIn(`${namespace}${name}`);
    for (const service of unknown === undefined ? [...services, ...this.unnamed] : this.all) {
      if (++this.comparisons > MOST_COMPARISONS) return;
      const matches = [same(service.namespace, namespace), same(service.name, name)];
      if (matches.includes(false)) continue;
      const doubt = matches.find((each) => typeof each === 'string');
      for (const lead of this.leads.get(service) ?? []) {
        if (++this.comparisons > MOST_COMPARISONS) return;
        const leads = leadsFrom(lead, port);
        if (leads === false) continue;
        const unsure = lead.unsure ?? (doubt === undefined ? undefined : `whether it is Service ${shown(service.name)}: ${doubt}`) ?? (leads === true ? undefined : leads);
        for (const door of doorsOf({ ...lead, unsure }, annotationsOf(service.body))) this.add(lead.found, door);
      }
    }
    if (services.length > 0) return;
    for (const found of this.within(namespace)) {
      if (++this.comparisons > MOST_COMPARISONS) return;
      const owned = unknown !== undefined && found.listening.isManaged ? `which Service it is: ${unknown}` : found.ownsService(name);
      const listening = owned === false ? false : listens(port, found.listening);
      if (owned === false || listening === false) continue;
      const unsure = [owned, listening].find((each) => typeof each === 'string');
      for (const door of doorsOf({ found, ports: [], names: new Set(), unsure }, {})) this.add(found, door);
    }
  }

  /** Patches of Services that are not here, which a chart or an operator may have made. */
  private orphans(patches: readonly Patch[]): void {
    for (const patch of patches) {
      if (patch.kind !== 'service' || this.services.has(`${patch.namespace}/${patch.name}`)) continue;
      for (const found of this.within(patch.namespace)) {
        if (++this.comparisons > MOST_COMPARISONS) return;
        const owned = found.ownsService(patch.name);
        if (owned === false) continue;
        const service = patchAlone(patch, 'Service');
        const unsure = typeof owned === 'string' ? owned : undefined;
        const made = exposed(service, { found, ports: [], names: new Set(), unsure });
        if (patch.unread !== undefined) this.add(found, unreadPatch(patch, patch.unread));
        else if (made.spec.type !== undefined) for (const door of serviceDoors(made, this.environment)) this.add(found, door);
        // what the patch does not say stays as the chart or the operator has it.
        else if (INTERNAL in made.annotations || SCHEME in made.annotations) for (const door of serviceDoors({ ...made, spec: { ...made.spec, type: 'LoadBalancer' }, unsure: unsure ?? 'whether the Service is a load balancer' }, this.environment)) this.add(found, door);
      }
    }
  }
}

function isService({ kind, group }: KubernetesObject): boolean {
  return kind === 'Service' && group === '';
}

function unreadPatch({ resource, location, name }: Patch, reason: string): KubernetesDoor {
  return { resource, location, detail: `a patch changes Service ${shown(name)}`, open: 'maybe', missing: `what the patch says: ${reason}`, fix: 'write the patch as JSON that can be read at synthesis' };
}

function tooMany({ resource, location }: Found): KubernetesDoor {
  return { resource, location, detail: 'there are more Services than can be compared with it', open: 'maybe', missing: 'which of them lead to it', fix: 'check the cluster in parts' };
}
