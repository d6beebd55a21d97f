import type { Dictionary } from '../templates/templates';
import type { Chart } from './charts';
import { dictionaryAt, portsIn, switchAt, textAt } from './documents';
import type { Environment } from './environment';
import type { Found, Labels } from './found';
import { isServerName } from './found';
import { exposedByValues } from './helm-values';
import { ingressDoors } from './ingress';
import type { KubernetesDoor } from './kubernetes';
import { shown, told } from './marks';
import { serviceDoors } from './services';

// charts that bring ClickHouse along unless their values say otherwise.
const BRINGS = new Set(['langfuse', 'signoz', 'posthog', 'plausible', 'plausible-analytics', 'clickstack', 'hdx-oss', 'hdx-oss-v2', 'sentry', 'opik', 'uptrace']);

// whose charts make a ClusterIP where the values say nothing: their values.yaml of 2023 to 2026.
// https://github.com/bitnami/charts/blob/main/bitnami/clickhouse/values.yaml, https://github.com/Altinity/helm-charts/blob/main/charts/clickhouse/values.yaml,
// https://github.com/SigNoz/charts/blob/main/charts/clickhouse/values.yaml, https://github.com/langfuse/langfuse-k8s/blob/main/charts/langfuse/values.yaml,
// https://github.com/ClickHouse/ClickStack-helm-charts
const CLUSTER_IP_BY_DEFAULT = /\b(?:bitnami|bitnamicharts|(?:helm|docs)\.altinity\.com|altinity\.github\.io|charts\.signoz\.io|langfuse\.github\.io|clickhouse\.github\.io|ghcr\.io\/(?:clickhouse|langfuse))\b/i;

/** The ClickHouse that a chart installs. */
export function chartWorkload(chart: Chart, environment: Environment): Found | undefined {
  const installed = installedBy(chart);
  if (installed === undefined) return undefined;
  const { roots, evidence } = installed;
  const doubt = chart.doubt ?? installed.doubt;
  const name = `Helm release ${shown(`${chart.namespace}/${chart.release}`)}`;
  const from: Chart = { ...chart, doubt };
  return {
    resource: chart.resource,
    location: chart.location,
    doubt,
    name,
    evidence,
    namespace: chart.namespace,
    labels: [labelsOf(chart, roots)],
    listening: {
      told: [...new Set([...portsIn(roots), ...roots.flatMap((root) => Object.values(dictionaryAt(root, 'containerPorts')).flatMap(numberOf))])],
      names: new Map(),
      foreign: new Set(),
      isManaged: true,
    },
    ownsService: (service) => ownsService(chart, service),
    doors: doorsOf(from, name, roots, environment),
  };
}

interface Installed {
  readonly evidence: string;
  /** the parts of the values that are about ClickHouse. */
  readonly roots: readonly Dictionary[];
  readonly doubt?: string;
}

function installedBy(chart: Chart): Installed | undefined {
  const { names, values, source, unread } = chart;
  const server = names.find(isServerName);
  if (server !== undefined) return { evidence: `its chart is ${shown(server)}`, roots: [values] };
  const inner = dictionaryAt(values, 'clickhouse');
  const umbrella = names.find((name) => BRINGS.has(name));
  const enabled = [switchAt(inner, 'enabled'), switchAt(inner, 'deploy')].filter((each) => each !== undefined);
  if (enabled.includes(false)) return undefined;
  const doubt = enabled.find((each) => typeof each === 'string') ?? (umbrella === undefined ? undefined : unread);
  if (umbrella !== undefined) return { evidence: `its chart ${umbrella} brings ClickHouse along`, roots: [inner], doubt };
  const isSetUp = enabled.length > 0 || looksInstalled(inner);
  if (isSetUp && names.every((name) => !/clickhouse/.test(name))) return { evidence: 'its values set up a ClickHouse', roots: [inner], doubt };
  // a chart that was uploaded with the templates has no name.
  const hasImage = [values, dictionaryAt(values, 'image')].some((each) => isServerName(textAt(each, 'repository') || textAt(each, 'image')));
  if (names.length === 0 && (hasImage || isServerName(chart.release))) return { evidence: hasImage ? 'its values name the image of a ClickHouse' : 'its release is named ClickHouse', roots: [values], doubt: hasImage ? undefined : `what is in the chart ${shown(source)}` };
  return undefined;
}

// what only somebody sets who runs it; who only uses it says where it is.
const OF_A_SERVER = ['persistence', 'replicaCount', 'replicas', 'shards', 'shardsCount', 'replicasCount', 'image', 'service', 'keeper', 'zookeeper', 'storage', 'statefulset', 'volumeClaimTemplate', 'lbService', 'externalAccess', 'layout'];
const OF_A_CLIENT = ['host', 'hosts', 'hostname', 'url', 'uri', 'dsn', 'endpoint', 'external', 'externalHost', 'address'];

function looksInstalled(values: Dictionary): boolean {
  const has = (names: readonly string[]): boolean => names.some((name) => textAt(values, name) !== '' || (Object.hasOwn(values, name) && typeof values[name] === 'object' && values[name] !== null));
  return has(OF_A_SERVER) && !has(OF_A_CLIENT);
}

function numberOf(node: unknown): readonly number[] {
  const value = told(node);
  return value?.known === true && Number.isInteger(Number(value.value)) ? [Number(value.value)] : [];
}

/** The labels that charts give by convention, and what the values add. https://helm.sh/docs/chart_best_practices/labels/ */
function labelsOf({ names, values, release }: Chart, roots: readonly Dictionary[]): Labels {
  const chart = textAt(values, 'nameOverride') || (names.find(isServerName) ?? 'clickhouse');
  const written = [values, ...roots].flatMap((root) => [dictionaryAt(root, 'commonLabels'), dictionaryAt(root, 'podLabels')]);
  return {
    known: new Map([
      ['app.kubernetes.io/name', chart],
      ['app.kubernetes.io/instance', release],
      ['app.kubernetes.io/component', 'clickhouse'],
      ['app.kubernetes.io/managed-by', 'Helm'],
      ['statefulset.kubernetes.io/pod-name', undefined],
      ...written.flatMap((each) => Object.entries(each).map(([key, value]) => [key, textAt(value)] as const)),
    ]),
    others: (value) => /clickhouse/i.test(value) || value === release || value === 'chop',
  };
}

function ownsService({ release, values }: Chart, service: string): true | false | string {
  const override = textAt(values, 'fullnameOverride');
  // a release whose name has the chart's name already is the full name: https://helm.sh/docs/chart_template_guide/named_templates/
  const full = override !== '' ? override : /clickhouse/i.test(release) ? release : `${release}-clickhouse`;
  if (service === full || service === `clickhouse-${full}`) return true;
  return /clickhouse|keeper/i.test(service) ? 'whether the chart makes it for this ClickHouse' : false;
}

function doorsOf(chart: Chart, name: string, roots: readonly Dictionary[], environment: Environment): readonly KubernetesDoor[] {
  const { services, ingresses, saysClusterIp } = exposedByValues(chart, roots, name);
  const doors = [...services.flatMap((each) => serviceDoors(each, environment)), ...ingresses.flatMap((each) => ingressDoors(each, environment))];
  if (chart.unread !== undefined) return [...doors, silent(chart, name, `what its values say: ${chart.unread}`)];
  const isKnown = saysClusterIp || services.length > 0 || CLUSTER_IP_BY_DEFAULT.test(chart.source);
  if (isKnown && doors.length > 0) return doors;
  return [...doors, silent(chart, name, isKnown ? undefined : `which Service the chart ${shown(chart.names[0] ?? chart.source)} makes when its values do not say`)];
}

function silent({ resource, location, doubt }: Chart, name: string, missing: string | undefined): KubernetesDoor {
  const open = missing === undefined ? 'no' : 'maybe';
  const detail = missing === undefined ? `the Service of ${name} is reachable from within the cluster only` : `${name} makes a Service that its values do not describe`;
  return { resource, location, detail, open, missing: missing === undefined ? undefined : [missing, doubt].filter((each) => each !== undefined).join('; '), fix: `set service.type to ClusterIP in the values of ${name}` };
}
