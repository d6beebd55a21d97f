import { CLICKHOUSE_PORTS } from '../workloads/ports';
import type { Dictionary } from '../templates/templates';
import { isDictionary } from '../templates/templates';
import { at, dictionaryAt, listAt, portsIn, switchAt, textAt } from './documents';
import type { Found, Labels, Listening } from './found';
import { isServerName } from './found';
import { literalIn, shown, told, unknownIn } from './marks';
import type { KubernetesObject } from './objects';

/** What pods an object starts. */
export interface PodTemplate {
  readonly labels: Dictionary;
  readonly spec: Dictionary;
}

/** The pods of an object: by where the kinds of Kubernetes, and others that follow them, keep them. */
export function podTemplateOf({ kind, body }: KubernetesObject): PodTemplate | undefined {
  const path = kind === 'Pod' ? [] : kind === 'CronJob' ? ['spec', 'jobTemplate', 'spec', 'template'] : ['spec', 'template'];
  const template = path.length === 0 ? body : at(body, ...path);
  return listAt(template, 'spec', 'containers').length === 0 ? undefined : { labels: dictionaryAt(template, 'metadata', 'labels'), spec: dictionaryAt(template, 'spec') };
}

/** The ClickHouse that an object runs. `configured` tells the ports in a ConfigMap of the object's namespace. */
export function podWorkload(object: KubernetesObject, configured: (name: string) => readonly number[]): Found | undefined {
  const template = podTemplateOf(object);
  if (template === undefined) return undefined;
  const containers = containersOf(template.spec);
  const servers = serversAmong(containers);
  const [first] = servers;
  if (first === undefined) return undefined;
  const image = literalIn(textAt(first, 'image')).trim();
  return {
    resource: object.resource,
    location: object.location,
    doubt: object.doubt,
    name: `${object.kind} ${shown(`${object.namespace}/${object.name}`)}`,
    evidence: isServerName(image) ? `its image is ${shown(image)}` : 'its container is set up as ClickHouse',
    namespace: object.namespace,
    labels: [labelsOf(template.labels)],
    listening: listeningOf(template.spec, containers, servers, configured),
    ownsService: () => false,
    doors: [],
  };
}

/** The containers that run all the time: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/ */
function containersOf(spec: Dictionary): readonly Dictionary[] {
  const sidecars = listAt(spec, 'initContainers').filter((each) => textAt(each, 'restartPolicy') === 'Always');
  return [...listAt(spec, 'containers'), ...sidecars].filter(isDictionary);
}

// settings that only the server's image reads; https://hub.docker.com/r/clickhouse/clickhouse-server
const SERVER_VARIABLES = new Set(['CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT', 'CLICKHOUSE_SKIP_USER_SETUP', 'CLICKHOUSE_ALWAYS_RUN_INITDB_SCRIPTS', 'CLICKHOUSE_CONFIG']);

/** The containers that run a server: by its image, else, with an image of one's own, by how they are set up. */
function serversAmong(containers: readonly Dictionary[]): readonly Dictionary[] {
  const byImage = containers.filter((each) => isServerName(imageOf(each)) && !runsClient(each));
  return byImage.length > 0 ? byImage : containers.filter(isSetUpAsServer);
}

function imageOf(container: Dictionary): string {
  return literalIn(textAt(container, 'image'));
}

// the server's image has the client as well, which migrations and probes run.
function runsClient(container: Dictionary): boolean {
  const command = [...listAt(container, 'command'), ...listAt(container, 'args')].map((each) => textAt(each)).join(' ');
  return /\bclickhouse[- ](?:client|local|benchmark|backup|copier|format)\b/.test(command) && !/\bclickhouse[- ](?:server|keeper)\b|entrypoint/.test(command);
}

function isSetUpAsServer(container: Dictionary): boolean {
  // a tool for ClickHouse may well mount its data.
  if (/clickhouse/i.test(imageOf(container).split('/').pop() ?? '')) return false;
  if (listAt(container, 'env').some((each) => SERVER_VARIABLES.has(textAt(each, 'name')))) return true;
  if (listAt(container, 'volumeMounts').some((each) => textAt(each, 'mountPath').startsWith('/var/lib/clickhouse'))) return true;
  return isServerName(textAt(container, 'name')) && portsOf(container).some(([, port]) => CLICKHOUSE_PORTS.has(port));
}

/** The ports of a container with their names. */
export function portsOf(container: unknown): ReadonlyArray<readonly [string, number]> {
  return listAt(container, 'ports').flatMap((each) => {
    const port = told(at(each, 'containerPort'));
    const number = port?.known === true ? Number(port.value) : NaN;
    return Number.isInteger(number) ? [[textAt(each, 'name'), number] as const] : [];
  });
}

function listeningOf(spec: Dictionary, containers: readonly Dictionary[], servers: readonly Dictionary[], configured: (name: string) => readonly number[]): Listening {
  const own = servers.flatMap(portsOf);
  const others = containers.filter((each) => !servers.includes(each)).flatMap(portsOf);
  const configs = listAt(spec, 'volumes').flatMap((each) => configured(textAt(each, 'configMap', 'name')));
  const commands = servers.map((each) => [...listAt(each, 'command'), ...listAt(each, 'args')].map((word) => textAt(word)).join(' '));
  return {
    told: [...new Set([...own.map(([, port]) => port), ...portsIn(commands), ...configs])],
    names: new Map(own.filter(([name]) => name !== '')),
    foreign: new Set([...others.flat()].filter((each) => each !== '')),
    isManaged: false,
    unsure: servers.flatMap((each) => listAt(each, 'ports')).flatMap((port) => unknownIn(`${textAt(port, 'containerPort')}${textAt(port, 'name')}`) ?? [])[0],
  };
}

/** Labels that are written, each with its value. */
export function labelsOf(...labels: readonly Dictionary[]): Labels {
  return { known: new Map(labels.flatMap((each) => Object.entries(each).map(([key, value]) => [key, textAt(value)] as const))) };
}

/** The containers of an object that run a server. */
export function serverContainersOf(object: KubernetesObject): readonly Dictionary[] {
  return serversAmong(containersOf(podTemplateOf(object)?.spec ?? {}));
}

/** Ports that a pod opens on the machine that it is on. https://kubernetes.io/docs/concepts/security/pod-security-standards/ */
export function hostPortsOf(object: KubernetesObject): readonly string[] {
  const spec = podTemplateOf(object)?.spec ?? {};
  const servers = serversAmong(containersOf(spec));
  const isOnHost = switchAt(spec, 'hostNetwork');
  const own = servers.flatMap((each) => listAt(each, 'ports').map((port) => textAt(port, 'hostPort'))).filter((port) => port !== '' && port !== '0');
  if (own.length > 0 || isOnHost === undefined || isOnHost === false) return own;
  const ports = servers.flatMap(portsOf).map(([, port]) => String(port));
  return ports.length > 0 ? ports : ['8123', '9000'];
}
