import { Links } from '../network/links';
import type { PortRange } from '../network/port-range';
import { port } from '../network/port-range';
import type { Gate } from '../paths/ways';
import type { Resource } from '../templates/model';
import type { TemplateSet } from '../templates/templates';
import { inside, placed, property, referencesIn, resourceIdentity, scalar } from '../templates/values';
import { hostPortsOf } from './container-ports';
import { at, passes, removalOf } from './fronts';
import { numberIn } from './given';

/** What is found under a name of Cloud Map. */
export interface Registered {
  readonly target?: string;
  readonly address?: { readonly text: string };
  readonly port?: PortRange;
  readonly gates: readonly Gate[];
}

/** The services of Cloud Map: what registers with them, tasks by themselves and machines by instances of a service. */
export class Names {
  private readonly instances: Links;
  private readonly users: readonly Resource[];
  private readonly known = new Map<Resource, readonly Registered[]>();

  constructor(templates: TemplateSet) {
    this.instances = new Links(templates.ofType('AWS::ServiceDiscovery::Instance'), 'ServiceId');
    this.users = templates.ofType('AWS::ECS::Service', 'AWS::ECS::TaskSet');
  }

  of(name: Resource): readonly Registered[] {
    let found = this.known.get(name);
    if (found === undefined) {
      found = this.registeredWith(name);
      this.known.set(name, found);
    }
    return found;
  }

  private registeredWith(name: Resource): readonly Registered[] {
    const tasks = this.users.flatMap((user) => placed(user, 'ServiceRegistries').flatMap(({ value, location }) => inside(value, 'RegistryArn').flatMap((arn): readonly Registered[] => {
      const named = referencesIn(arn).filter(({ type }) => type === name.type);
      const unsure = named.length === 0 && !scalar(arn).known ? `which name ${user.logicalId} registers with` : undefined;
      if (unsure === undefined && !named.includes(name)) return [];
      const written = inside(value, 'ContainerPort');
      const number = numberIn([...written, ...inside(value, 'Port')], NaN);
      const ports = typeof number === 'string' || Number.isNaN(number) ? [undefined] : written.length > 0 ? hostPortsOf(user, number) : [port(number)];
      return ports.map((to) => ({ target: resourceIdentity(user), port: to, gates: [passes(at(user, 'registration', `registers its tasks with ${name.logicalId}`, { location, missing: unsure ?? arn.doubt ?? value.doubt ?? (to === undefined ? `the port of ${user.logicalId}` : undefined) }), removalOf(user, location))] }));
    })));
    return [...tasks, ...this.instances.of(resourceIdentity(name)).flatMap(({ resource, missing }) => machine(resource, missing))];
  }
}

/** @see https://docs.aws.amazon.com/cloud-map/latest/api/API_RegisterInstance.html */
function machine(instance: Resource, missing: string | undefined): readonly Registered[] {
  const attributes = property(instance, 'InstanceAttributes');
  const number = numberIn(attributes.flatMap((each) => inside(each, 'AWS_INSTANCE_PORT')), NaN);
  const to = typeof number === 'string' || Number.isNaN(number) ? undefined : port(number);
  const gates = [passes(at(instance, 'registration', `${instance.logicalId} is registered`, { missing: missing ?? (to === undefined ? `the port of ${instance.logicalId}` : undefined) }), removalOf(instance))];
  const values = attributes.flatMap((each) => ['AWS_EC2_INSTANCE_ID', 'AWS_INSTANCE_IPV4', 'AWS_INSTANCE_IPV6'].flatMap((name) => inside(each, name)));
  return values.flatMap((value): readonly Registered[] => {
    const named = referencesIn(value);
    if (named.length > 0) return named.map((each) => ({ target: resourceIdentity(each), port: to, gates }));
    const text = scalar(value);
    return text.known ? [{ address: { text: String(text.value) }, port: to, gates }] : [{ port: to, gates: [passes(at(instance, 'registration', `${instance.logicalId} is registered`, { missing: text.reason }))] }];
  });
}
