import { hasOwnInterfaces, mappedPorts } from '../fronts/container-ports';
import type { Target } from '../graph';
import type { Interface } from '../network/interfaces';
import type { Network } from '../network/network';
import type { PortRange } from '../network/port-range';
import { port } from '../network/port-range';
import type { Resource } from '../templates/model';
import { property, referenceOf, resourceIdentity, scalars } from '../templates/values';
import { CLICKHOUSE_PORTS } from './ports';
import type { Workloads } from './workloads';

/** A ClickHouse that is deployed and judged as one: a machine, a group of alike machines, a service. */
export interface Unit {
  readonly target: Target;
  readonly evidence: string;
  readonly ports: readonly PortRange[];
  /** why it may not run at all from here; none when it does. */
  readonly missing?: string;
}

const MACHINES = new Set(['AWS::EC2::Instance', 'AWS::AutoScaling::AutoScalingGroup', 'AWS::EC2::EC2Fleet', 'AWS::EC2::SpotFleet']);
const TEMPLATES = new Set(['AWS::EC2::LaunchTemplate', 'AWS::AutoScaling::LaunchConfiguration']);
const SERVICES = new Set(['AWS::ECS::Service', 'AWS::ECS::TaskSet']);

/** The units of a deployment, from what is known to be ClickHouse. */
export function unitsOf(workloads: Workloads, network: Network): readonly Unit[] {
  const started = new Set(workloads.services.flatMap((service) => property(service, 'TaskDefinition').map((value) => referenceOf(value)?.resource)));
  return [...workloads.evidence].flatMap(([resource, evidence]): readonly Unit[] => {
    const elsewhere = `${resource.logicalId} is not started by anything in the templates`;
    if (MACHINES.has(resource.type)) return carriesOnly(resource, workloads) ? [] : [unit(resource, evidence, network.interfaces.of(resource), machinePorts(resource, workloads))];
    if (TEMPLATES.has(resource.type)) {
      if (workloads.startedFrom(resource).length > 0 || workloads.carries(resource)) return [];
      return [unit(resource, evidence, network.interfaces.of(resource), machinePorts(resource, workloads), elsewhere)];
    }
    if (SERVICES.has(resource.type)) return [service(resource, evidence, workloads, network)];
    if (resource.type === 'AWS::ECS::TaskDefinition' && !started.has(resource)) return [unit(resource, evidence, [], usual([]), elsewhere)];
    return [];
  });
}

function unit(resource: Resource, evidence: string, interfaces: readonly Interface[], ports: readonly PortRange[], missing = resource.doubt): Unit {
  return { evidence, ports, missing, target: targetOf(resource, interfaces) };
}

/** What others hand on traffic to: the resource, or an interface of it. */
export function targetOf(resource: Resource, interfaces: readonly Interface[]): Target {
  return {
    resource,
    interfaces,
    names: [resourceIdentity(resource), ...interfaces.flatMap(({ name }) => name ?? [])],
    addresses: interfaces.flatMap(({ fixed = [] }) => fixed),
  };
}

function carriesOnly(machine: Resource, { carries, launchTemplatesOf }: Workloads): boolean {
  const templates = launchTemplatesOf(machine).filter((each) => each !== undefined);
  return carries(machine) || (templates.length > 0 && templates.every(carries));
}

function usual(more: readonly number[]): readonly PortRange[] {
  return [...new Set([...CLICKHOUSE_PORTS.keys(), ...more])].sort((a, b) => a - b).map(port);
}

function machinePorts(machine: Resource, { portsOf }: Workloads): readonly PortRange[] {
  return usual(portsOf(machine));
}

/** Tasks with interfaces of their own answer on whatever they listen on; the others only where the machine hands a port on. */
function service(resource: Resource, evidence: string, workloads: Workloads, network: Network): Unit {
  const own = network.interfaces.of(resource);
  const tasks = property(resource, 'TaskDefinition').flatMap((value) => referenceOf(value)?.resource ?? []);
  if (own.length > 0 || tasks.length === 0 || tasks.some(hasOwnInterfaces)) return unit(resource, evidence, own, usual(workloads.portsOf(resource)));
  const machines = workloads.machinesOf(resource).flatMap((host) => (TEMPLATES.has(host.type) ? workloads.startedFrom(host) : [host]));
  const isHost = tasks.some((task) => property(task, 'NetworkMode').flatMap(scalars).some((mode) => !mode.known || mode.value === 'host'));
  const clickhouse = new Set(workloads.containers.filter(({ task }) => tasks.includes(task)).map(({ definition }) => definition.node));
  const ports = isHost ? usual(workloads.portsOf(resource)) : tasks.flatMap((task) => mappedPorts(task, clickhouse)).map(({ host }) => host);
  return { ...unit(resource, evidence, machines.flatMap((each) => network.interfaces.of(each)), ports), missing: resource.doubt };
}
