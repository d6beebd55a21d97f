import type { Resource, TemplateSet } from '../templates/templates';
import { append } from '../templates/templates';
import { property, referenceOf, resourceIdentity, scalar } from '../templates/values';
import type { Chart } from './charts';
import { chartOfObject, chartOfResource, objectsInValues } from './charts';
import type { KubernetesObject, Origin } from './objects';
import { objectsIn } from './objects';
import type { Patch } from './patches';
import { patchOf } from './patches';
import { documentIn, textOf } from './reading';

/** A manifest that nobody can read here. */
export interface Unread extends Origin {
  readonly reason: string;
}

/** What the templates put into one cluster. */
export interface Inventory {
  readonly objects: readonly KubernetesObject[];
  readonly charts: readonly Chart[];
  readonly patches: readonly Patch[];
  readonly unread: readonly Unread[];
  /** the resource that is the cluster, when it is among the templates. */
  readonly cluster?: Resource;
}

interface Draft extends Inventory {
  readonly objects: KubernetesObject[];
  readonly charts: Chart[];
  readonly patches: Patch[];
  readonly unread: Unread[];
}

const MANIFESTS = ['Custom::AWSCDK-EKS-KubernetesResource', 'AWSQS::Kubernetes::Resource'];
const CHARTS = ['Custom::AWSCDK-EKS-HelmChart', 'AWSQS::Kubernetes::Helm'];
const PATCHES = ['Custom::AWSCDK-EKS-KubernetesPatch'];
const CLUSTERS = ['AWS::EKS::Cluster', 'Custom::AWSCDK-EKS-Cluster', 'AWSQS::EKS::Cluster'];

/** What the templates put into clusters, cluster by cluster: Services of one do not lead to pods of another. */
export function readInventories(templates: TemplateSet): readonly Inventory[] {
  const drafts = new Map<string, Draft>();
  const draftOf = (key: string, cluster?: Resource): Draft => {
    const draft = drafts.get(key) ?? { objects: [], charts: [], patches: [], unread: [], cluster };
    drafts.set(key, draft);
    return draft;
  };
  const unknown = new Map<string, Resource[]>();
  for (const resource of templates.ofType(...MANIFESTS, ...CHARTS, ...PATCHES)) {
    const { key, cluster, known } = clusterOf(resource);
    if (known) add(resource, draftOf(key, cluster));
    else append(unknown, key, resource);
  }
  // most have one cluster: then it is the one that a parameter without default names as well.
  const [only, ...others] = drafts.keys();
  for (const [key, resources] of unknown) {
    for (const resource of resources) add(resource, draftOf(only === undefined || others.length > 0 ? key : only));
  }
  for (const draft of drafts.values()) {
    for (const object of draft.objects) addAll(draft.charts, chartOfObject(object));
    for (const chart of draft.charts) addAll(draft.objects, objectsIn(objectsInValues(chart), chart, chart.namespace));
  }
  return [...drafts.values()];
}

function add(resource: Resource, draft: Draft): void {
  if (CHARTS.includes(resource.type)) return addAll(draft.charts, chartOfResource(resource));
  if (PATCHES.includes(resource.type)) return addAll(draft.patches, patchOf(resource));
  const location = 'Properties.Manifest';
  for (const value of property(resource, 'Manifest')) {
    const document = documentIn(value);
    const origin = { resource, location, doubt: value.doubt ?? resource.doubt };
    if (!('reason' in document)) addAll(draft.objects, objectsIn(document.node, origin, textOf(resource, 'Namespace') || 'default'));
    else if (document.mentions) draft.unread.push({ ...origin, reason: document.reason });
  }
}

// not by spreading: a manifest may hold more objects than a call takes arguments.
function addAll<Each>(list: Each[], more: readonly Each[]): void {
  for (const each of more) list.push(each);
}

/** The cluster that a resource is for: by its name where that is written, else by the resource that is the cluster. */
export function clusterOf(resource: Resource): { readonly key: string; readonly cluster?: Resource; readonly known: boolean } {
  const [value, ...others] = [...property(resource, 'ClusterName'), ...property(resource, 'ClusterID')];
  if (value === undefined) return { key: '', known: false };
  const reference = referenceOf(value)?.resource;
  const cluster = reference !== undefined && CLUSTERS.includes(reference.type) ? reference : undefined;
  const name = cluster === undefined ? value : [...property(cluster, 'Name'), ...property(cluster, 'Config', 'name')][0];
  const literal = name && scalar(name);
  if (others.length === 0 && literal?.known === true) return { key: `=${literal.value}`, cluster, known: true };
  if (others.length === 0 && cluster !== undefined) return { key: resourceIdentity(cluster), cluster, known: true };
  return { key: textOf(resource, 'ClusterName') || textOf(resource, 'ClusterID'), known: false };
}
