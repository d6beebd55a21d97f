import type { PortRange } from '../network/port-range';
import { port } from '../network/port-range';
import type { Resource } from '../templates/model';
import { elements, inside, items, property, referenceOf, scalar, scalars } from '../templates/values';

// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html: what ECS chooses from when the host port is 0.
const CHOSEN_AT_RUN_TIME: PortRange = { first: 32768, last: 65535 };

/** Whether all tasks of a service have network interfaces of their own. */
export function hasOwnInterfaces(task: Resource): boolean {
  const modes = property(task, 'NetworkMode').flatMap(scalars);
  return modes.length > 0 && modes.every((mode) => mode.known && mode.value === 'awsvpc');
}

/** Where a port of a container of a service answers: itself, or the port of the machine that it is mapped to. */
export function hostPortsOf(service: Resource, containerPort: number): readonly PortRange[] {
  const found = property(service, 'TaskDefinition').flatMap((value) => {
    const task = referenceOf(value)?.resource;
    return task === undefined ? [] : mappedPorts(task).filter(({ container }) => container === containerPort).map(({ host }) => host);
  });
  return found.length > 0 ? found : [port(containerPort)];
}

/** The mappings of a task's containers, or of some of them, that say where they answer. */
export function mappedPorts(task: Resource, only?: ReadonlySet<unknown>): ReadonlyArray<{ readonly container: number; readonly host: PortRange }> {
  const own = hasOwnInterfaces(task);
  const isHost = property(task, 'NetworkMode').flatMap(scalars).some((mode) => mode.known && mode.value === 'host');
  return elements(task, 'ContainerDefinitions')
    .filter(({ node }) => only?.has(node) ?? true)
    .flatMap((each) => inside(each, 'PortMappings'))
    .flatMap((list) => items(list))
    .flatMap((mapping) => {
      const [container, host] = ['ContainerPort', 'HostPort'].map((name) => inside(mapping, name).map(scalar)[0]);
      if (container?.known !== true) return [];
      const number = Number(container.value);
      if (own || isHost) return [{ container: number, host: port(number) }];
      const chosen = host === undefined || (host.known && Number(host.value) === 0) || !host.known;
      return [{ container: number, host: chosen ? CHOSEN_AT_RUN_TIME : port(Number(host.value)) }];
    });
}
