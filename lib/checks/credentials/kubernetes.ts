import { oneWord } from './marks';
import type { Entry, Told } from './model';
import { entriesOf, isConfiguration, NOTHING } from './model';
import type { Variables } from './variables';
import { readScript } from '../scripts';
import type { Chart } from '../../exposure/kubernetes/charts';
import { at, listAt, textAt } from '../../exposure/kubernetes/documents';
import { isServerName } from '../../exposure/kubernetes/found';
import { readInventories } from '../../exposure/kubernetes/inventory';
import { literalIn, shown } from '../../exposure/kubernetes/marks';
import type { KubernetesObject } from '../../exposure/kubernetes/objects';
import { podTemplateOf, podWorkload } from '../../exposure/kubernetes/pods';
import type { TemplateSet } from '../../exposure/templates/templates';
import { append } from '../../exposure/templates/templates';

/** What manifests and charts tell ClickHouse, and those who log in to it. */
export function kubernetesTold(templates: TemplateSet): readonly Told[] {
  return readInventories(templates).flatMap(({ objects, charts }) => [...objects.flatMap(objectTold), ...charts.flatMap(chartTold)]);
}

const OPERATED = new Set(['ClickHouseInstallation', 'ClickHouseInstallationTemplate', 'ClickHouseKeeperInstallation', 'ClickHouseCluster', 'KeeperCluster', 'ClickHouseOperatorConfiguration']);
const NO_VARIABLES: Variables = new Map();

function objectTold(object: KubernetesObject): readonly Told[] {
  const { resource, location, kind, body, name, namespace } = object;
  const words = `${kind} ${shown(`${namespace}/${name}`)}`;
  const told = { resource, location, words, variables: NO_VARIABLES, secrets: new Map(), isShell: false, hasConfiguration: false };
  if (OPERATED.has(kind)) return [withTexts({ ...told, isServer: true }, entriesOf(at(body, 'spec')))];
  if (kind === 'Secret' || kind === 'ConfigMap') {
    const entries = [...entriesOf(at(body, 'stringData')), ...entriesOf(at(body, 'data')).map((each) => (kind === 'Secret' ? { ...each, text: decoded(each.text) } : each))];
    const isAbout = isNamed(name) || isNamed(namespace) || entries.some(({ name: key, text }) => isNamed(key) || /<(?:clickhouse|yandex)>/.test(text));
    return isAbout ? [withTexts({ ...told, isServer: true }, entries)] : [];
  }
  const pods = podTemplateOf(object);
  if (pods === undefined) return [];
  const isServing = podWorkload(object, () => []) !== undefined;
  const running = listAt(pods.spec, 'containers');
  return [...running, ...listAt(pods.spec, 'initContainers')].flatMap((container) => {
    const isServer = isServing && running.includes(container) && (running.length === 1 || isServerName(textAt(container, 'image')) || isNamed(textAt(container, 'name')));
    return containerTold({ ...told, isServer, words: `container ${shown(textAt(container, 'name'))} of ${words}` }, container);
  });
}

function isNamed(text: string): boolean {
  return text.length < 1000 && /clickhouse/i.test(literalIn(text));
}

function decoded(text: string): string {
  return text.includes('\uE000') || text.includes('{{') ? text : Buffer.from(text, 'base64').toString('utf8');
}

function containerTold(told: Omit<Told, 'script' | 'entries'>, container: unknown): readonly Told[] {
  const variables = new Map<string, string[]>();
  const secrets = new Map<string, []>();
  for (const each of listAt(container, 'env')) {
    if (at(each, 'valueFrom') === undefined) append(variables, textAt(each, 'name'), oneWord(textAt(each, 'value')));
    else secrets.set(textAt(each, 'name'), []);
  }
  if (!told.isServer && ![...variables.keys()].some(isNamed) && ![...variables.values()].flat().some((value) => value.length < 1000 && isNamed(value))) return [];
  const command = [...listAt(container, 'command'), ...listAt(container, 'args')].map((each) => oneWord(textAt(each))).join(' ');
  return [{
    ...told,
    variables,
    secrets,
    script: readScript(command),
    more: listAt(container, 'envFrom').length > 0 ? 'more variables come from elsewhere in the cluster' : undefined,
    hasConfiguration: listAt(container, 'volumeMounts').some((each) => isConfiguration(textAt(each, 'mountPath'))),
    entries: [],
  }];
}

/** Of charts that are not ClickHouse's own, only the part of the values that is about it. */
function chartTold({ resource, location, names, values, release, namespace, unread }: Chart): readonly Told[] {
  const isServer = names.some(isServerName);
  const entries = entriesOf(values).filter(({ path, name }) => isServer || /clickhouse/i.test(path) || /clickhouse/i.test(name));
  if (entries.length === 0) return [];
  const variables = new Map<string, string[]>();
  for (const { name, text } of entries) if (/^(?:CLICKHOUSE_[A-Z0-9_]+|ALLOW_EMPTY_PASSWORD)$/.test(name)) append(variables, name, text);
  const more = unread ?? 'the chart may set more variables';
  return [withTexts({ resource, location, words: `Helm release ${shown(`${namespace}/${release}`)}`, isServer, variables, secrets: new Map(), isShell: false, more, hasConfiguration: false }, entries)];
}

/** Texts of more than a word are configuration, statements and scripts. */
function withTexts(told: Omit<Told, 'script' | 'entries'>, entries: readonly Entry[]): Told {
  const texts = entries.map(({ text }) => text).filter((text) => /[\s<]/.test(text.trim()));
  return { ...told, script: texts.length === 0 ? NOTHING : readScript(texts.join('\n')), entries };
}
