import type { Dictionary } from '../templates/templates';
import { append, isDictionary } from '../templates/templates';
import { at, dictionaryAt, listAt, portsIn, textAt } from './documents';
import type { Environment } from './environment';
import type { Found, Labels, Listening } from './found';
import type { KubernetesDoor } from './kubernetes';
import { annotationsIn } from './load-balancer';
import { shown, told } from './marks';
import type { KubernetesObject } from './objects';
import { portsOf } from './pods';
import type { Exposed } from './services';
import { serviceDoors } from './services';

const ALTINITY: ReadonlyMap<string, readonly [group: string, label: string, service: string]> = new Map([
  ['ClickHouseInstallation', ['clickhouse.altinity.com', 'chi', 'clickhouse-']],
  ['ClickHouseKeeperInstallation', ['clickhouse-keeper.altinity.com', 'chk', 'keeper-']],
]);
const OFFICIAL: ReadonlyMap<string, string> = new Map([
  ['ClickHouseCluster', 'clickhouse'],
  ['KeeperCluster', 'keeper'],
]);

/** ClickHouseInstallationTemplates: by namespace and name, and those of a namespace that apply to all installations in it. */
export interface InstallationTemplates {
  readonly named: ReadonlyMap<string, KubernetesObject>;
  readonly automatic: ReadonlyMap<string, readonly KubernetesObject[]>;
}

export function installationTemplates(objects: readonly KubernetesObject[]): InstallationTemplates {
  const all = objects.filter(({ kind }) => kind === 'ClickHouseInstallationTemplate');
  const automatic = new Map<string, KubernetesObject[]>();
  for (const each of all) if (textAt(each.body, 'spec', 'templating', 'policy') === 'auto') append(automatic, each.namespace, each);
  return { named: new Map(all.map((each) => [`${each.namespace}/${each.name}`, each])), automatic };
}

/** The ClickHouse that an operator makes of an object. */
export function operatorWorkload(object: KubernetesObject, templates: InstallationTemplates, environment: Environment): Found | undefined {
  const altinity = ALTINITY.get(object.kind);
  const official = OFFICIAL.get(object.kind);
  const doors = altinity === undefined ? [] : templateDoors(object, templates, environment, altinity[2]);
  const labels = altinity !== undefined ? altinityLabels(object, object.group || altinity[0], altinity[1]) : official !== undefined && object.group.includes('clickhouse') ? officialLabels(object, official) : undefined;
  if (labels === undefined) return undefined;
  const service = altinity === undefined ? `${object.name}-${official ?? ''}` : `${altinity[2]}${object.name}`;
  return {
    resource: object.resource,
    location: object.location,
    doubt: object.doubt,
    name: `${object.kind} ${shown(`${object.namespace}/${object.name}`)}`,
    evidence: `it is a ${object.kind}`,
    namespace: object.namespace,
    labels,
    listening: listeningOf(object),
    // what the operators call them: clickhouse-NAME and chi-NAME-CLUSTER-SHARD-REPLICA, or NAME-clickhouse-headless.
    ownsService: (name) => name === service || name.startsWith(altinity === undefined ? service : `${altinity[1]}-${object.name}-`) || (/clickhouse|keeper/i.test(name) ? 'whether the operator makes it for this ClickHouse' : false),
    doors,
  };
}

// https://github.com/Altinity/clickhouse-operator/blob/master/pkg/model/chi/tags/labeler/list.go
function altinityLabels({ body, name, namespace }: KubernetesObject, group: string, label: string): readonly Labels[] {
  const own: ReadonlyArray<readonly [string, string | undefined]> = [
    [`${group}/app`, 'chop'],
    [`${group}/${label}`, name],
    [`${group}/namespace`, namespace],
    [`${group}/ready`, 'yes'],
    ...['cluster', 'shard', 'replica', 'chop'].map((each) => [`${group}/${each}`, undefined] as const),
    ['statefulset.kubernetes.io/pod-name', undefined],
  ];
  // labels of the installation are passed on to its pods, and those of its pod templates are added.
  const pods = listAt(body, 'spec', 'templates', 'podTemplates').map((each) => dictionaryAt(each, 'metadata', 'labels'));
  return (pods.length === 0 ? [{}] : pods).map((each) => labelSet(own, dictionaryAt(body, 'metadata', 'labels'), each));
}

// https://github.com/ClickHouse/clickhouse-operator/blob/main/internal/controllerutil/labels.go
function officialLabels({ body, name }: KubernetesObject, part: string): readonly Labels[] {
  const value = part === 'keeper' ? 'clickhouse-keeper' : 'clickhouse-server';
  const own: ReadonlyArray<readonly [string, string | undefined]> = [
    ['app', `${name}-${part}`],
    ['app.kubernetes.io/instance', `${name}-${part}`],
    ['app.kubernetes.io/name', value],
    ['clickhouse.com/role', value],
    ...['keeper-replica-id', 'shard-id', 'replica-id'].map((each) => [`clickhouse.com/${each}`, undefined] as const),
    ['statefulset.kubernetes.io/pod-name', undefined],
  ];
  return [labelSet(own, dictionaryAt(body, 'spec', 'labels'), dictionaryAt(body, 'spec', 'podTemplate', 'labels'))];
}

function labelSet(own: ReadonlyArray<readonly [string, string | undefined]>, ...written: readonly Dictionary[]): Labels {
  return { known: new Map([...written.flatMap((each) => Object.entries(each).map(([key, value]) => [key, textAt(value)] as const)), ...own]) };
}

function listeningOf({ body }: KubernetesObject): Listening {
  const configuration = at(body, 'spec', 'configuration');
  const hosts = listAt(body, 'spec', 'templates', 'hostTemplates').map((each) => dictionaryAt(each, 'spec'));
  const hostPorts = hosts.flatMap((host) => ['httpPort', 'httpsPort', 'tcpPort', 'tlsPort', 'interserverHTTPPort'].flatMap((name) => numberAt(host, name)));
  const containers = listAt(body, 'spec', 'templates', 'podTemplates').flatMap((each) => listAt(each, 'spec', 'containers'));
  const [own, others] = [containers.filter(isMain), containers.filter((each) => !isMain(each))];
  const settings = portsIn([configuration, at(body, 'spec', 'settings')]);
  return {
    told: [...new Set([...settings, ...hostPorts, ...own.flatMap(portsOf).map(([, port]) => port)])],
    names: new Map(own.flatMap(portsOf).filter(([name]) => name !== '')),
    foreign: new Set([...others.flatMap(portsOf).flat()].filter((each) => each !== '')),
    isManaged: true,
  };
}

// the operator takes the container of this name, or the first, for ClickHouse; sidecars have names of their own.
function isMain(container: unknown): boolean {
  return /^clickhouse(?:-keeper)?$/i.test(textAt(container, 'name'));
}

function numberAt(node: unknown, name: string): readonly number[] {
  const value = told(at(node, name));
  return value?.known === true && Number.isInteger(Number(value.value)) ? [Number(value.value)] : [];
}

/**
 * The Services that an installation asks for by templates.
 *
 * A template has to be named to have an effect. Without one the Service is a ClusterIP, since release 0.23.4.
 *
 * @see https://github.com/Altinity/clickhouse-operator/blob/master/docs/custom_resource_explained.md
 */
function templateDoors(object: KubernetesObject, templates: InstallationTemplates, environment: Environment, prefix: string): readonly KubernetesDoor[] {
  const { used, missing } = templatesFor(object, templates);
  const names = new Set([object, ...used].flatMap(({ body }) => namedIn(at(body, 'spec'))));
  const defined = new Map<string, readonly [KubernetesObject, Dictionary]>();
  for (const from of [...used, object]) for (const each of listAt(from.body, 'spec', 'templates', 'serviceTemplates').filter(isDictionary)) defined.set(textAt(each, 'name'), [from, each]);
  const doors = missing.map((name) => elsewhere(object, `ClickHouseInstallationTemplate ${shown(name)}`));
  const unknown = [...names].map((name) => told(name)).find((name) => name?.known === false);
  for (const name of names) {
    const [from, template] = defined.get(name) ?? [];
    if (from !== undefined && template !== undefined) doors.push(...serviceDoors(exposedBy(from, object, template), environment));
    else if (told(name)?.known === true) doors.push(elsewhere(object, `service template ${shown(name)}`));
  }
  if (unknown?.known === false) {
    // any of the templates may be the one that is meant.
    const unsure = `which service template is used: ${unknown.reason}`;
    if (defined.size === 0) doors.push(elsewhere(object, 'a service template'));
    for (const [from, template] of defined.values()) doors.push(...serviceDoors({ ...exposedBy(from, object, template), unsure }, environment));
  }
  if (names.size > 0 || missing.length > 0) return doors;
  const fallback: Exposed = {
    origin: object,
    words: `Service ${shown(`${object.namespace}/${prefix}${object.name}`)} of the operator`,
    annotations: {},
    spec: { type: environment.oldOperator ? 'LoadBalancer' : 'ClusterIP' },
    ports: ['8123', '9000'],
    close: `give ${object.kind} ${shown(object.name)} a service template of type ClusterIP`,
  };
  return serviceDoors(fallback, environment);
}

function exposedBy(from: KubernetesObject, object: KubernetesObject, template: Dictionary): Exposed {
  const spec = dictionaryAt(template, 'spec');
  return {
    origin: { ...from, doubt: from.doubt ?? object.doubt },
    words: `Service of template ${shown(textAt(template, 'name'))} of ${object.kind} ${shown(`${object.namespace}/${object.name}`)}`,
    annotations: annotationsIn(at(template, 'metadata', 'annotations')),
    spec,
    ports: listAt(spec, 'ports').map((each) => textAt(each, 'port')),
    close: `set spec.type of service template ${shown(textAt(template, 'name'))} to ClusterIP`,
  };
}

function elsewhere(object: KubernetesObject, what: string): KubernetesDoor {
  return {
    resource: object.resource,
    location: object.location,
    detail: `${object.kind} ${shown(`${object.namespace}/${object.name}`)} uses ${what}`,
    open: 'maybe',
    missing: `what ${what} says: it is not among the templates checked`,
    fix: `write the service template, of type ClusterIP, into ${object.kind} ${shown(object.name)}`,
  };
}

// far more than anybody has.
const MOST_AUTOMATIC = 20;

/** The templates that an installation takes over, those that apply to all among them, and names of others that are not here. */
function templatesFor({ body, kind, namespace }: KubernetesObject, { named, automatic }: InstallationTemplates): { readonly used: readonly KubernetesObject[]; readonly missing: readonly string[] } {
  if (kind !== 'ClickHouseInstallation') return { used: [], missing: [] };
  const all = automatic.get(namespace) ?? [];
  const names = listAt(body, 'spec', 'useTemplates').map((each) => textAt(each, 'name'));
  const chosen = names.map((name) => named.get(`${namespace}/${name}`));
  return {
    used: [...all.slice(0, MOST_AUTOMATIC), ...chosen.filter((each) => each !== undefined)],
    missing: [...names.filter((_, index) => chosen[index] === undefined), ...(all.length > MOST_AUTOMATIC ? ['auto'] : [])],
  };
}

const PLACES = ['serviceTemplate', 'clusterServiceTemplate', 'shardServiceTemplate', 'replicaServiceTemplate'];

/** The names of service templates in use, by the installation itself and by clusters, shards and replicas. */
function namedIn(spec: unknown): readonly string[] {
  const clusters = listAt(spec, 'configuration', 'clusters');
  const layouts = clusters.map((each) => at(each, 'layout'));
  const parts = layouts.flatMap((each) => [...listAt(each, 'shards'), ...listAt(each, 'replicas')]);
  const hosts = parts.flatMap((each) => [...listAt(each, 'replicas'), ...listAt(each, 'shards')]);
  const choices = [at(spec, 'defaults', 'templates'), ...[...clusters, ...parts, ...hosts].map((each) => at(each, 'templates'))];
  return choices.flatMap((each) => [...PLACES.map((place) => textAt(each, place)), ...listAt(each, 'serviceTemplates').map((name) => textAt(name))]).filter((name) => name !== '');
}
