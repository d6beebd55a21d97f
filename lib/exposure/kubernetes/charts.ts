import type { Dictionary, Located, Resource } from '../templates/templates';
import { isDictionary } from '../templates/templates';
import { items, property } from '../templates/values';
import { at, dictionaryAt, listAt, textAt } from './documents';
import { literalIn, mark } from './marks';
import { fromPaths, merged } from './merge';
import type { KubernetesObject, Origin } from './objects';
import { documentIn, documentOf, textOf } from './reading';
import { plainText } from './text';

/** A Helm chart that is installed into a cluster, and the values it is given. */
export interface Chart extends Origin {
  /** in lower case and without version: what it may be called, by its name and by the registry that it comes from. */
  readonly names: readonly string[];
  /** where it comes from, for people and for telling whose it is. */
  readonly source: string;
  readonly release: string;
  readonly namespace: string;
  readonly version: string;
  readonly values: Dictionary;
  /** why not all of its values are known. */
  readonly unread?: string;
}

/** The chart that a resource of CloudFormation installs; one for each of the values it may be given. */
export function chartOfResource(resource: Resource): readonly Chart[] {
  const chart = textOf(resource, 'Chart');
  const repository = textOf(resource, 'Repository');
  const alternatives = property(resource, 'Chart').map((each) => plainText(each) ?? '');
  const [doubt] = property(resource, 'Chart').flatMap((each) => each.doubt ?? []);
  const base = {
    resource,
    // the registry of an OCI chart ends with the chart's name, and `Chart` is not looked at then.
    names: [...alternatives, ...(repository.startsWith('oci:') ? [repository] : [])].map(nameOf).filter((name) => name !== ''),
    source: [repository, chart, textOf(resource, 'ChartAssetURL')].filter((each) => each !== '').join(' '),
    release: textOf(resource, 'Release') || textOf(resource, 'Name'),
    namespace: textOf(resource, 'Namespace') || 'default',
    version: textOf(resource, 'Version'),
  };
  return valuesOf(resource).map((each) => ({ ...base, ...each, doubt: doubt ?? each.doubt ?? resource.doubt }));
}

type GivenValues = Pick<Chart, 'location' | 'values' | 'unread' | 'doubt'>;

function valuesOf(resource: Resource): readonly GivenValues[] {
  const written = ['Values', 'Chart', 'Repository', 'ChartAssetURL'].find((name) => resource.properties[name] !== undefined) ?? 'Chart';
  const location = `Properties.${written}`;
  const yaml = property(resource, 'ValueYaml').map((each) => ({ location: 'Properties.ValueYaml', ...read(documentIn(each)), doubt: each.doubt }));
  const file: readonly GivenValues[] = textOf(resource, 'ValueOverrideURL') === '' ? [] : [{ location: 'Properties.ValueOverrideURL', values: {}, unread: 'the values are in a file elsewhere' }];
  const found = [...property(resource, 'Values').map((each): GivenValues => ({ location, doubt: each.doubt, ...valuesIn(each, resource.type.startsWith('AWSQS')) })), ...yaml, ...file];
  if (found.length < 2 || resource.type !== 'AWSQS::Kubernetes::Helm') return found.length > 0 ? found : [{ location, values: {} }];
  // this type takes values from three properties at once.
  return [found.reduce((base, over) => ({ ...over, values: asValues(merged(base.values, over.values)), unread: base.unread ?? over.unread, doubt: base.doubt ?? over.doubt }))];
}

function valuesIn(value: Located, hasPaths: boolean): Pick<Chart, 'values' | 'unread'> {
  if (!hasPaths) return read(documentIn(value));
  if (!Array.isArray(value.node) && !isDictionary(value.node)) return read(documentIn(value));
  if (isDictionary(value.node)) {
    const { values, unread } = read(documentIn(value));
    return { values: fromPaths(Object.entries(values)), unread };
  }
  const texts = items(value).map((each) => plainText(each) ?? '');
  return { values: fromPaths(texts.map((text) => [text.split('=', 1)[0] ?? '', text.slice(text.indexOf('=') + 1)] as const)) };
}

function read(document: ReturnType<typeof documentIn>): Pick<Chart, 'values' | 'unread'> {
  if ('reason' in document) return { values: {}, unread: document.reason };
  if (document.node === null || document.node === undefined || isDictionary(document.node)) return { values: asValues(document.node) };
  return { values: {}, unread: 'they are no object' };
}

function asValues(node: unknown): Dictionary {
  return isDictionary(node) ? node : {};
}

/** `clickhouse` of `oci://registry.example.com/charts/clickhouse:1.2.3` and of `https://charts.example.com/clickhouse-1.2.3.tgz`. */
function nameOf(text: string): string {
  const path = literalIn(text).slice(0, 2000).trim().toLowerCase().split(/[?#]/, 1)[0] ?? '';
  const last = path.split('/').pop() ?? '';
  return last
    .split(/[:@]/, 1)
    .join('')
    .replace(/\.tgz$/, '')
    .replace(/-v?\d+\.\d[\w.+-]{0,60}$/, '');
}

/** The charts that Flux or Argo CD install on behalf of an object. */
export function chartOfObject(object: KubernetesObject): readonly Chart[] {
  const { body, resource, location, doubt, name, namespace } = object;
  const origin = { resource, location, doubt };
  // https://fluxcd.io/flux/components/helm/helmreleases/
  if (object.kind === 'HelmRelease' && object.group === 'helm.toolkit.fluxcd.io') {
    const chart = textAt(body, 'spec', 'chart', 'spec', 'chart') || textAt(body, 'spec', 'chartRef', 'name');
    const release = textAt(body, 'spec', 'releaseName') || name;
    const unread = at(body, 'spec', 'valuesFrom') === undefined ? undefined : 'some of its values come from elsewhere';
    return [{ ...origin, names: [nameOf(chart)], source: chart, release, namespace: textAt(body, 'spec', 'targetNamespace') || namespace, version: textAt(body, 'spec', 'chart', 'spec', 'version'), values: dictionaryAt(body, 'spec', 'values'), unread }];
  }
  // https://argo-cd.readthedocs.io/en/stable/user-guide/helm/
  if (object.kind !== 'Application' || object.group !== 'argoproj.io') return [];
  return [...listAt(body, 'spec', 'sources'), at(body, 'spec', 'source')].filter(isDictionary).map((source) => {
    const chart = textAt(source, 'chart') || textAt(source, 'path');
    const { values, unread } = argoValues(dictionaryAt(source, 'helm'));
    return {
      ...origin,
      names: [nameOf(chart)],
      source: [textAt(source, 'repoURL'), chart].filter((each) => each !== '').join(' '),
      release: textAt(source, 'helm', 'releaseName') || name,
      namespace: textAt(body, 'spec', 'destination', 'namespace') || 'default',
      version: textAt(source, 'targetRevision'),
      values,
      unread,
    };
  });
}

function argoValues(helm: Dictionary): Pick<Chart, 'values' | 'unread'> {
  const parameters = fromPaths(listAt(helm, 'parameters').map((each) => [textAt(each, 'name'), at(each, 'value')] as const));
  const text = textAt(helm, 'values');
  const written = at(helm, 'valuesObject') !== undefined ? { values: dictionaryAt(helm, 'valuesObject') } : text === '' ? { values: {} } : read(documentOf(text));
  const unread = ('unread' in written ? written.unread : undefined) ?? (listAt(helm, 'valueFiles').length > 0 ? 'some of its values are in files elsewhere' : undefined);
  return { values: asValues(merged(written.values, parameters)), unread };
}

// `extraDeploy` of Bitnami, `extraObjects`, `extraManifests` and `resources` of others.
const OBJECTS = /^(?:extra|raw|additional)?(?:deploy|objects?|manifests?|resources?)$/i;

/** Lists of whole objects among the values, which charts apply as they are. */
export function objectsInValues({ values }: Chart): readonly unknown[] {
  const roots = [values, ...Object.values(values).filter(isDictionary)];
  const lists = roots.flatMap((root) => Object.keys(root).filter((key) => OBJECTS.test(key)).map((key) => listAt(root, key)));
  return lists.flat().filter((each) => textAt(each, 'kind') !== '' && textAt(each, 'apiVersion') !== '');
}

/** A mark for what the values of a chart decide and nobody can read. */
export function unreadMark(chart: Chart): string | undefined {
  return chart.unread === undefined ? undefined : mark(`${chart.resource.template.path}#${chart.resource.logicalId}`, chart.unread);
}
