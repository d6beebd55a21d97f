import type { Setting } from './settings';
import { isLater, isOn, listensToItself, settingsOf } from './settings';
import { toldIn } from '../credentials/told';
import type { Deployment } from '../rule';
import { mappedPorts } from '../../exposure/fronts/container-ports';
import type { Resource, TemplateSet } from '../../exposure/templates/templates';
import { append } from '../../exposure/templates/templates';
import { property, referenceOf } from '../../exposure/templates/values';
import { CLICKHOUSE_PORTS } from '../../exposure/workloads/ports';

/** A listener of ClickHouse that speaks in plain text. */
interface Listener {
  /** the end of the path of its setting; host templates of Altinity's operator spell it differently. */
  readonly setting: RegExp;
  /** what people call it. */
  readonly words: string;
  readonly port: number;
  readonly instead: string;
  /** the setting that makes the same port speak TLS. */
  readonly secured?: RegExp;
}

const NATIVE = '9440 (tcp_port_secure)';

/**
 * Everything that listens without TLS, and what to use in its place. Whether one is a ClickHouse is known from elsewhere.
 *
 * @see https://clickhouse.com/docs/guides/sre/network-ports
 * @see https://clickhouse.com/docs/guides/sre/configuring-ssl
 */
export const LISTENERS: readonly Listener[] = [
  { setting: /(?:^|\.)http_port$|hostTemplates\.spec\.httpPort$/, words: 'http_port', port: 8123, instead: '8443 (https_port)' },
  { setting: /(?:^|\.)(?<!keeper_server\.)tcp_port$|hostTemplates\.spec\.tcpPort$/, words: 'tcp_port', port: 9000, instead: NATIVE },
  { setting: /(?:^|\.)mysql_port$/, words: 'mysql_port', port: 9004, instead: 'mysql_require_secure_transport', secured: /(?:^|\.)mysql_require_secure_transport$/ },
  { setting: /(?:^|\.)postgresql_port$/, words: 'postgresql_port', port: 9005, instead: 'postgresql_require_secure_transport', secured: /(?:^|\.)postgresql_require_secure_transport$/ },
  { setting: /(?:^|\.)interserver_http_port$|hostTemplates\.spec\.interserverHTTPPort$/, words: 'interserver_http_port', port: 9009, instead: '9010 (interserver_https_port)' },
  { setting: /(?:^|\.)tcp_with_proxy_port$/, words: 'tcp_with_proxy_port', port: 9011, instead: NATIVE },
  { setting: /(?:^|\.)grpc_port$/, words: 'grpc_port', port: 9100, instead: 'grpc.enable_ssl', secured: /(?:^|\.)grpc\.enable_ssl$/ },
  { setting: /(?:^|\.)keeper_server\.tcp_port$/, words: "Keeper's tcp_port", port: 9181, instead: "9281 (Keeper's tcp_port_secure)" },
  { setting: /(?:^|\.)raft_configuration\.server\.port$/, words: "Raft's port", port: 9234, instead: '9444 with raft_configuration.secure', secured: /(?:^|\.)raft_configuration\.secure$/ },
  { setting: /(?:^|\.)prometheus\.port$/, words: "prometheus' port", port: 9363, instead: 'an agent on the machine itself, or protocols of type tls' },
];

// ZooKeeper's port, which Keeper often takes over.
const ZOOKEEPER: readonly [number, string] = [2181, '9281 or 2281 over TLS'];

/** The settings of ports that speak TLS, or SSH. */
export const SECURE = /(?:^|\.)(?:https_port|tcp_port_secure|interserver_https_port|tcp_ssh_port)$|hostTemplates\.spec\.(?:httpsPort|tlsPort)$/;

/** The ports on which a ClickHouse speaks in plain text, each with what to use instead. */
export type PlainPorts = ReadonlyMap<number, string>;

/** What ClickHouse is taken to listen on where nothing says otherwise. */
export const USUAL: PlainPorts = new Map([...LISTENERS.map(({ port, instead }) => [port, instead] as const), ZOOKEEPER]);

const NONE: PlainPorts = new Map();

/** The plain ports of a server with these settings: the usual, without those that were moved or removed. */
export function plainPortsIn(settings: readonly Setting[]): PlainPorts {
  if (settings.length === 0) return USUAL;
  if (listensToItself(settings)) return NONE;
  const plain = new Map(USUAL);
  for (const listener of LISTENERS) {
    const written = writtenFor(listener, settings);
    if (written === undefined) continue;
    plain.delete(listener.port);
    for (const value of written) {
      if (isLater(value)) plain.set(listener.port, listener.instead);
      else plain.set(Number(value), listener.instead);
    }
  }
  for (const { port, isSecure } of composedIn(settings)) {
    if (isSecure) plain.delete(port);
    else plain.set(port, 'a protocol of type tls in front of it');
  }
  for (const { path, value } of settings) if (SECURE.test(path) && /^\d{1,5}$/.test(value)) plain.delete(Number(value));
  return plain;
}

/** What settings say of the port of a listener; undefined if nothing, empty if there is none or it speaks TLS. */
export function writtenFor({ setting, secured }: Listener, settings: readonly Setting[]): readonly string[] | undefined {
  if (secured !== undefined && settings.some(({ path, value }) => secured.test(path) && isOn(value))) return [];
  const written = settings.filter(({ path }) => setting.test(path));
  if (written.some(({ isRemoved }) => isRemoved)) return [];
  const values = [...new Set(written.map(({ value }) => value).filter((value) => /^\d{1,5}$/.test(value) || isLater(value)))];
  // an element without a port in it says nothing.
  return values.length === 0 ? undefined : values;
}

/** Ports of composable protocols. https://clickhouse.com/docs/operations/settings/composable-protocols */
export function composedIn(settings: readonly Setting[]): ReadonlyArray<{ readonly port: number; readonly isSecure: boolean }> {
  const parts = new Map<string, Setting[]>();
  for (const each of settings) if (/(?:^|\.)protocols\.[^.]+\.(?:type|port|host)$/.test(each.path)) append(parts, each.parent, each);
  return [...parts.values()].flatMap((part) => {
    const of = (name: string): string => part.find((each) => each.name === name)?.value ?? '';
    if (!/^\d{1,5}$/.test(of('port')) || /^(?:127\.|::1$|localhost$)/.test(of('host'))) return [];
    return [{ port: Number(of('port')), isSecure: of('type') === 'tls' }];
  });
}

const known = new WeakMap<TemplateSet, (owner: Resource) => PlainPorts>();

/** The plain ports of a host, a group, an interface or a service of ClickHouse. */
export function plainPortsOf(deployment: Deployment): (owner: Resource) => PlainPorts {
  const { templates } = deployment;
  const found = known.get(templates) ?? finder(deployment);
  known.set(templates, found);
  return found;
}

function finder(deployment: Deployment): (owner: Resource) => PlainPorts {
  const { workloads } = deployment;
  const settings = new Map<Resource, Setting[]>();
  for (const told of toldIn(deployment)) if (told.isServer) for (const each of settingsOf(told)) append(settings, told.resource, each);
  const carried = new Map<Resource, Resource[]>();
  for (const service of workloads.services) for (const host of workloads.machinesOf(service)) append(carried, host, service);
  const tasksOf = (service: Resource): readonly Resource[] => property(service, 'TaskDefinition').flatMap((value) => referenceOf(value)?.resource ?? []);
  const clickhouse = new Set(workloads.containers.map(({ definition }) => definition.node));
  const found = new Map<Resource, PlainPorts>();
  const work = (owner: Resource): PlainPorts => {
    const tasks = owner.type === 'AWS::ECS::TaskDefinition' ? [owner] : tasksOf(owner);
    const places = tasks.length > 0 ? tasks : workloads.machinesBehind(owner);
    const plain = plainPortsIn(places.flatMap((place) => settings.get(place) ?? []));
    // containers answer on the ports of the machine that they are mapped to.
    const mapped = workloads.machinesBehind(owner).flatMap((host) => carried.get(host) ?? []).flatMap(tasksOf).flatMap((task) => mappedPorts(task, clickhouse).flatMap(({ container, host }) => {
      const instead = work(task).get(container);
      return instead === undefined || host.first !== host.last ? [] : [[host.first, instead] as const];
    }));
    return mapped.length === 0 ? plain : new Map([...plain, ...mapped]);
  };
  return (owner) => {
    const plain = found.get(owner) ?? work(owner);
    found.set(owner, plain);
    return plain;
  };
}

/** The plain ports of everything in a deployment, for telling what a client asks. */
export function everyPlainPort(deployment: Deployment): ReadonlySet<number> {
  const ports = new Set(USUAL.keys());
  for (const told of toldIn(deployment)) if (told.isServer) for (const port of plainPortsIn(settingsOf(told)).keys()) ports.add(port);
  return ports;
}

/** `port 8123 (HTTP)` and what to use instead. */
export function portInWords(port: number): string {
  const name = CLICKHOUSE_PORTS.get(port);
  return name === undefined ? `port ${port}` : `port ${port} (${name})`;
}

/** What to use instead of some ports, each way once. */
export function insteadOf(ports: readonly number[], plain: PlainPorts): string {
  const ways = [...new Set(ports.flatMap((port) => plain.get(port) ?? []))];
  return ways.length < 2 ? ways.join('') : `${ways.slice(0, -1).join(', ')} and ${ways[ways.length - 1] ?? ''}`;
}
