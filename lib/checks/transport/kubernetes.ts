import { clusterLeads } from './kubernetes-leads';
import type { Led } from './kubernetes-leads';
import type { PlainPorts } from './ports';
import { insteadOf, portInWords, USUAL } from './ports';
import { DEFAULT_POLICY, problemOfPolicy } from './security-policies';
import { isOff, isOn } from './settings';
import { entriesOf } from '../credentials/model';
import type { Deployment, Finding } from '../rule';
import { finding } from '../rule';
import { at, dictionaryAt, listAt, textAt } from '../../exposure/kubernetes/documents';
import { annotationsOf } from '../../exposure/kubernetes/environment';
import { isServerName } from '../../exposure/kubernetes/found';
import { shown, told, unknownIn } from '../../exposure/kubernetes/marks';
import type { KubernetesObject } from '../../exposure/kubernetes/objects';
import { portsOf, serverContainersOf } from '../../exposure/kubernetes/pods';
import { backendsOf } from '../../exposure/kubernetes/routes';

/** What manifests and charts open of ClickHouse in plain text: within the cluster as well, for what is between two nodes is a network. */
export function* plainInKubernetes(deployment: Deployment): Iterable<Finding> {
  for (const cluster of clusterLeads(deployment)) {
    const { inventory, leads, charts, tooMany } = cluster;
    for (const object of inventory.objects) {
      for (const container of serverContainersOf(object)) yield* opened(object, `container ${shown(textAt(container, 'name'))} of ${nameOf(object)} opens`, portsOf(container).map(([, port]) => port), cluster.plainOf(object.resource));
      yield* operated(object, cluster.plainOf(object.resource));
    }
    for (const led of leads) yield* service(led);
    for (const chart of charts) {
      const roots = chart.names.some(isServerName) ? chart.values : dictionaryAt(chart.values, 'clickhouse');
      const ports = entriesOf(roots).filter(({ path }) => /port/i.test(path)).flatMap(({ text }) => (/^\d{1,5}$/.test(text) ? [Number(text)] : []));
      yield* opened({ resource: chart.resource, location: chart.location }, `Helm release ${shown(`${chart.namespace}/${chart.release}`)} opens`, ports, USUAL);
    }
    if (tooMany !== undefined) yield finding(tooMany.resource, 'whether Services hand ClickHouse on in plain text cannot be told: there are more of them than can be compared', { location: tooMany.location });
  }
}

function nameOf({ kind, namespace, name }: KubernetesObject): string {
  return `${kind} ${shown(`${namespace}/${name}`)}`;
}

function* opened({ resource, location }: Pick<KubernetesObject, 'resource' | 'location'>, words: string, all: readonly number[], plain: PlainPorts): Iterable<Finding> {
  const ports = [...new Set(all)].filter((port) => plain.has(port)).sort((a, b) => a - b);
  if (ports.length > 0) yield finding(resource, `${words} ${ports.map(portInWords).join(', ')} of ClickHouse in plain text; use ${insteadOf(ports, plain)}`, { location });
}

// what charts and operators call the ports, where the numbers are theirs.
const NAMED: ReadonlyArray<readonly [RegExp, number]> = [
  [/^(?:http|http-port|client-http|clickhouse-http)$/i, 8123],
  [/^(?:tcp|native|client|tcp-native|clickhouse|clickhouse-tcp|tcp-port)$/i, 9000],
  [/^(?:interserver|http-intersrv)$/i, 9009],
  [/^(?:mysql|tcp-mysql)$/i, 9004],
  [/^(?:postgresql|tcp-postgresql)$/i, 9005],
];

function* service({ service: object, found, ports, plain, unsure }: Led): Iterable<Finding> {
  const plainly = ports.flatMap((port) => {
    const target = told(at(port, 'targetPort') ?? at(port, 'port'));
    if (target?.known !== true) return [];
    const text = String(target.value);
    const number = /^\d{1,5}$/.test(text) ? Number(text) : (found.listening.names.get(text) ?? (found.listening.isManaged ? NAMED.find(([name]) => name.test(text))?.[1] : undefined));
    return number !== undefined && plain.has(number) ? [number] : [];
  });
  const numbers = [...new Set(plainly)].sort((a, b) => a - b);
  if (numbers.length === 0) return;
  const what = `${nameOf(object)} hands ${numbers.map(portInWords).join(', ')} of ClickHouse (${found.name}) on in plain text`;
  yield finding(object.resource, unsure === undefined ? `${what}; use ${insteadOf(numbers, plain)}` : `whether ${what} cannot be told at synthesis: ${unsure}`, { location: object.location });
}

const ALTINITY: ReadonlyMap<string, readonly number[]> = new Map([['ClickHouseInstallation', [8123, 9000]], ['ClickHouseKeeperInstallation', [2181]]]);
const OFFICIAL: ReadonlyMap<string, readonly number[]> = new Map([['ClickHouseCluster', [8123, 9000]], ['KeeperCluster', [2181]]]);

/**
 * What the operators open by themselves, and the ports that somebody gives to their templates.
 *
 * @see https://github.com/Altinity/clickhouse-operator/blob/master/docs/security_hardening.md, on `insecure: "no"`
 * @see https://clickhouse.com/docs/products/kubernetes-operator/guides/tls, on `required`
 */
function* operated(object: KubernetesObject, plain: PlainPorts): Iterable<Finding> {
  const { kind, group, body } = object;
  const altinity = ALTINITY.get(kind);
  const official = group.includes('clickhouse') ? OFFICIAL.get(kind) : undefined;
  const isTemplate = kind === 'ClickHouseInstallationTemplate';
  if (altinity === undefined && official === undefined && !isTemplate) return;
  const templates = at(body, 'spec', 'templates');
  const written = [
    ...listAt(templates, 'serviceTemplates').flatMap((each) => listAt(each, 'spec', 'ports')).map((port) => textAt(port, 'targetPort') || textAt(port, 'port')),
    ...listAt(templates, 'podTemplates').flatMap((each) => listAt(each, 'spec', 'containers')).flatMap((each) => portsOf(each).map(([, port]) => String(port))),
  ];
  yield* opened(object, `${nameOf(object)} opens`, written.flatMap((text) => (/^\d{1,5}$/.test(text) ? [Number(text)] : [])), plain);
  if (altinity !== undefined && !isDecided(body)) yield* unasked(object, altinity, plain, `set secure: "yes" and insecure: "no" for its clusters`);
  const tls = ['enabled', 'required'].map((name) => textAt(body, 'spec', 'settings', 'tls', name));
  if (official !== undefined && !tls.every((each) => isOn(each) || unknownIn(each) !== undefined)) yield* unasked(object, official, plain, 'set enabled and required of spec.settings.tls');
}

/** Whether an installation itself says what its plain ports are: closed in all clusters, removed, or written, which is judged as a setting. */
function isDecided(body: unknown): boolean {
  const clusters = listAt(body, 'spec', 'configuration', 'clusters').map((each) => textAt(each, 'insecure'));
  if (clusters.length > 0 && clusters.every((each) => isOff(each) || unknownIn(each) !== undefined)) return true;
  const settings = new Set(entriesOf(at(body, 'spec', 'configuration', 'settings')).map(({ path }) => path.replaceAll('/', '.')));
  return (settings.has('.http_port') && settings.has('.tcp_port')) || settings.has('.keeper_server.tcp_port');
}

function* unasked(object: KubernetesObject, ports: readonly number[], plain: PlainPorts, fix: string): Iterable<Finding> {
  yield finding(object.resource, `${nameOf(object)} leaves ${ports.map(portInWords).join(' and ')} of its operator open in plain text; use ${insteadOf(ports, new Map([...USUAL, ...plain]))}`, { location: object.location, fix });
}

const SERVICE = 'service.beta.kubernetes.io/aws-load-balancer-';
const ALB = 'alb.ingress.kubernetes.io/';

/**
 * Load balancers that Services and Ingresses in front of ClickHouse ask for, and end TLS.
 *
 * @see https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/
 * @see https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/
 */
export function* weakInKubernetes(deployment: Deployment): Iterable<Finding> {
  for (const { inventory, leads } of clusterLeads(deployment)) {
    const services = new Set<string>();
    for (const { service: object } of leads) {
      services.add(`${object.namespace}/${object.name}`);
      const annotations = annotationsOf(object.body);
      if (annotations[`${SERVICE}ssl-cert`] !== undefined) yield* policyOf(object, annotations[`${SERVICE}ssl-negotiation-policy`], 'aws-load-balancer-ssl-negotiation-policy');
    }
    for (const object of inventory.objects) {
      if (object.kind !== 'Ingress' || !backendsOf(object).some(({ namespace, service: name }) => services.has(`${namespace}/${name}`))) continue;
      yield* ingress(object);
    }
  }
}

function* ingress(object: KubernetesObject): Iterable<Finding> {
  const annotations = annotationsOf(object.body);
  const isAlb = Object.keys(annotations).some((key) => key.startsWith(ALB)) || textAt(object.body, 'spec', 'ingressClassName') === 'alb';
  if (!isAlb) return;
  const ports = textAt(annotations, `${ALB}listen-ports`);
  const isTls = ports === '' ? annotations[`${ALB}certificate-arn`] !== undefined : /"HTTPS"/.test(ports) || unknownIn(ports) !== undefined;
  const isPlain = ports === '' ? !isTls : /"HTTP"/.test(ports);
  if (isPlain && annotations[`${ALB}ssl-redirect`] === undefined) yield finding(object.resource, `${nameOf(object)} in front of ClickHouse takes HTTP without TLS`, { location: object.location, fix: `set ${ALB}certificate-arn, listen-ports with HTTPS, and ssl-redirect` });
  if (isTls) yield* policyOf(object, annotations[`${ALB}ssl-policy`], 'ssl-policy');
}

function* policyOf(object: KubernetesObject, written: unknown, annotation: string): Iterable<Finding> {
  const value = told(written);
  const problem = value === undefined ? { known: true, words: `it has no annotation ${annotation}, which means ${DEFAULT_POLICY}` } : value.known ? problemOfPolicy(String(value.value)) : { known: false, words: value.reason };
  if (problem === undefined) return;
  const what = `the load balancer of ${nameOf(object)} in front of ClickHouse allows TLS before 1.2`;
  yield finding(object.resource, problem.known ? `${what}: ${problem.words}` : `whether ${what} cannot be told: ${problem.words}`, { location: object.location });
}
