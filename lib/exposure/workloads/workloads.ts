import { METADATA_CLICKHOUSE } from '../../metadata';
import { decodeUserData, isServerImage, serverEvidence } from './evidence';
import { findLoadBalancers, LOAD_BALANCER_TYPES } from './load-balancers';
import { CLICKHOUSE_PORTS, portsToldBy } from './ports';
import type { Located, Resource, TemplateSet } from '../templates/templates';
import { append, isDictionary } from '../templates/templates';
import { elements, identity, inside, items, literalText, property, referenceOf, referencesIn, resourceIdentity, scalar, scalars } from '../templates/values';

/** Why a security group matters: what is behind it, and on which ports. */
export interface SecurityGroupUse {
  readonly owner: Resource;
  readonly ports: ReadonlySet<number>;
}

/** The container of a task definition that runs ClickHouse. */
export interface Container {
  readonly task: Resource;
  readonly definition: Located;
  /** undefined when only known at deployment. */
  readonly image?: string;
}

/** Which resources of a deployment are ClickHouse or carry it, and why we think so. */
export interface Workloads {
  /** in words that end a sentence, such as `its user data says 'clickhouse-server'`. */
  readonly evidence: ReadonlyMap<Resource, string>;
  /** instances, launch templates and launch configurations of ClickHouse. */
  readonly hosts: readonly Resource[];
  /** groups and fleets that start such hosts. */
  readonly groups: readonly Resource[];
  readonly containers: readonly Container[];
  /** ECS services and task sets that run such containers. */
  readonly services: readonly Resource[];
  readonly interfaces: readonly Resource[];
  readonly volumes: readonly Resource[];
  readonly fileSystems: readonly Resource[];
  readonly loadBalancers: readonly Resource[];
  /** listeners and rules that lead to ClickHouse, of load balancers that are not among the templates. */
  readonly strangeListeners: readonly Resource[];
  /** by {@link identity}: the group may be a literal id or in another template. */
  readonly securityGroups: ReadonlyMap<string, readonly SecurityGroupUse[]>;
  /** the ports that a host, a group or a service answers on beside the usual ones, where something says so. */
  readonly portsOf: (owner: Resource) => readonly number[];
  /** what may have the start-up script of a host, a group or an interface: itself, what it is attached to, and the launch templates. */
  readonly machinesBehind: (owner: Resource) => readonly Resource[];
  /** the machines that run the containers of a service on their own interfaces. */
  readonly machinesOf: (service: Resource) => readonly Resource[];
  /** whether a host is ClickHouse for nothing but the containers that a service puts on it. */
  readonly carries: (host: Resource) => boolean;
  /** the launch templates that a host or group starts from; undefined where one is not among the templates. */
  readonly launchTemplatesOf: (user: Resource) => readonly (Resource | undefined)[];
  /** the ClickHouse instances and groups that start from a launch template. */
  readonly startedFrom: (template: Resource) => readonly Resource[];
  /** the ClickHouse that an id or a private address belongs to. */
  readonly ownerOf: (value: Located) => Resource | undefined;
}

const HOST_TYPES = ['AWS::EC2::Instance', 'AWS::EC2::LaunchTemplate', 'AWS::AutoScaling::LaunchConfiguration'];
const USERS_OF_TASKS = ['AWS::ECS::Service', 'AWS::ECS::TaskSet'];
const GROUP_TYPES = ['AWS::AutoScaling::AutoScalingGroup', 'AWS::EC2::EC2Fleet', 'AWS::EC2::SpotFleet'];

/** Where a type keeps its start-up script and its groups. */
export const LAUNCH_DATA: Readonly<Record<string, readonly string[]>> = { 'AWS::EC2::LaunchTemplate': ['LaunchTemplateData'] };

/** The property of a host, whether the type keeps it at the top or in the launch template's data. */
export function hostProperty(host: Resource, ...names: readonly string[]): readonly Located[] {
  return property(host, ...(LAUNCH_DATA[host.type] ?? []), ...names);
}

/** A host's start-up script with its literal parts, and what cfn-init does there. */
export function startUpScript(host: Resource): string {
  const userData = hostProperty(host, 'UserData').map((each) => decodeUserData(literalText(each)));
  const init = host.metadata['AWS::CloudFormation::Init'];
  return [...userData, ...(init === undefined ? [] : [JSON.stringify(init).replace(/\\n/g, '\n')])].join('\n');
}

/** Finds the ClickHouse of a deployment. Never by a port alone. */
export function findWorkloads(templates: TemplateSet): Workloads {
  const evidence = new Map<Resource, string>();
  const add = (resource: Resource, why: string): void => void (evidence.has(resource) || evidence.set(resource, why));
  const known = (...types: readonly string[]): readonly Resource[] => templates.ofType(...types).filter((each) => evidence.has(each));

  // (a) what our constructs marked.
  for (const template of templates.templates) {
    for (const resource of template.resources.values()) {
      const mark = resource.metadata[METADATA_CLICKHOUSE];
      if (isDictionary(mark)) add(resource, `it is the ${String(mark.role)} of a ClickHouseCluster`);
    }
  }

  // (b) machines by their start-up script, or by the launch template that has it.
  for (const host of templates.ofType(...HOST_TYPES)) {
    const found = serverEvidence(startUpScript(host));
    if (found !== undefined) add(host, `its start-up script says '${found}'`);
  }
  const launchTemplates = launchTemplateFinder(templates);
  for (const group of known(...GROUP_TYPES)) for (const each of launchTemplates(group)) if (each) add(each, `${group.logicalId} starts from it`);

  // (c) containers, the services that run them, and the machines that the services run on.
  const containers = findContainers(templates, evidence);
  for (const { task, image } of containers) add(task, image === undefined ? 'its container is set up as ClickHouse' : `its image is ${image}`);
  const users = templates.ofType(...USERS_OF_TASKS);
  for (const service of users) {
    const task = property(service, 'TaskDefinition').map((each) => referenceOf(each)?.resource).find((each) => each && evidence.has(each));
    if (task) add(service, `it runs ${task.logicalId}`);
  }
  const services = users.filter((each) => evidence.has(each));
  const hosted = containerHosts(templates, services);
  const carriersOnly = new Set([...hosted.keys()].filter((each) => !evidence.has(each)));
  const machines = new Map<Resource, Resource[]>();
  for (const [host, each] of hosted) for (const service of new Set(each)) append(machines, service, host);
  for (const [host, [service]] of hosted) add(host, `it hosts containers of ${service?.logicalId ?? 'ClickHouse'}`);

  for (const user of templates.ofType('AWS::EC2::Instance', ...GROUP_TYPES)) {
    const template = launchTemplates(user).find((each) => each && evidence.has(each));
    if (template) add(user, `it starts from ${template.logicalId}`);
  }
  // a launch template that only adds settings to a ClickHouse instance decides about that instance as well.
  for (const instance of known('AWS::EC2::Instance')) for (const each of launchTemplates(instance)) if (each) add(each, `${instance.logicalId} starts from it`);

  const hosts = known(...HOST_TYPES);
  const started = new Map<Resource, Resource[]>();
  for (const user of known('AWS::EC2::Instance', ...GROUP_TYPES)) for (const each of launchTemplates(user)) if (each) append(started, each, user);
  const carriers = attachStorageAndInterfaces(templates, hosts, containers, add);
  const interfaces = known('AWS::EC2::NetworkInterface');
  const ownerOf = ownerFinder(evidence, [...interfaces, ...hosts]);
  const fronts = findLoadBalancers({ templates, isClickHouse: (each) => evidence.has(each), ownerOf, add });

  const published = publishedPorts(containers);
  const portsOfTask = (service: Resource): readonly number[] => property(service, 'TaskDefinition').flatMap((each) => published.get(referenceOf(each)?.resource) ?? []);
  const told = new Map(hosts.map((host) => [host, [...portsToldBy(startUpScript(host)), ...(hosted.get(host) ?? []).flatMap(portsOfTask)]]));
  // the script may be in the launch template, and the group at the instance or at the interface that it brings.
  const machinesBehind = (owner: Resource): readonly Resource[] => {
    const machines = [owner, ...(carriers.get(owner) ?? [])].flatMap((each) => [each, ...launchTemplates(each), ...(started.get(each) ?? [])]);
    return [...new Set(machines)].filter((each) => each !== undefined);
  };
  const portsOf = (owner: Resource): readonly number[] => (USERS_OF_TASKS.includes(owner.type) ? portsOfTask(owner) : machinesBehind(owner).flatMap((each) => told.get(each) ?? []));
  return {
    evidence,
    hosts,
    groups: known(...GROUP_TYPES),
    containers,
    services,
    interfaces,
    volumes: known('AWS::EC2::Volume'),
    fileSystems: known('AWS::EFS::FileSystem'),
    loadBalancers: known(...LOAD_BALANCER_TYPES),
    strangeListeners: fronts.strangers,
    securityGroups: findSecurityGroups(evidence, portsOf, fronts.ports),
    portsOf,
    machinesBehind,
    machinesOf: (service) => machines.get(service) ?? [],
    carries: (host) => carriersOnly.has(host),
    launchTemplatesOf: launchTemplates,
    startedFrom: (template) => started.get(template) ?? [],
    ownerOf,
  };
}

/** By reference, or by the literal that an owner in the same template has as well: private addresses repeat from network to network. */
function ownerFinder(evidence: ReadonlyMap<Resource, string>, owners: readonly Resource[]): (value: Located) => Resource | undefined {
  const key = (value: Located): string => `${value.template.path} ${identity(value)}`;
  const found = new Map<string, Resource>();
  for (const owner of owners) {
    const cards = hostProperty(owner, 'NetworkInterfaces').flatMap((list) => items(list));
    const lists = [...hostProperty(owner, 'PrivateIpAddresses'), ...cards.flatMap((each) => inside(each, 'PrivateIpAddresses'))];
    const addresses = [...cards, ...lists.flatMap((list) => items(list))].flatMap((each) => inside(each, 'PrivateIpAddress'));
    const ids = cards.flatMap((each) => inside(each, 'NetworkInterfaceId'));
    for (const value of [...hostProperty(owner, 'PrivateIpAddress'), ...addresses, ...ids]) found.set(key(value), owner);
  }
  return (value) => {
    const resource = referenceOf(value)?.resource;
    return resource && evidence.has(resource) ? resource : found.get(key(value));
  };
}

/** Launch templates are referred to by id or by name, in three places. */
function launchTemplateFinder(templates: TemplateSet): (user: Resource) => readonly (Resource | undefined)[] {
  const byIdentity = new Map<string, Resource>();
  for (const each of templates.ofType('AWS::EC2::LaunchTemplate', 'AWS::AutoScaling::LaunchConfiguration')) {
    byIdentity.set(resourceIdentity(each), each);
    for (const name of property(each, 'LaunchTemplateName')) byIdentity.set(`name${identity(name)}`, each);
  }
  const specification = (each: Located): readonly (Resource | undefined)[] => [
    ...inside(each, 'LaunchTemplateId').map((id) => byIdentity.get(identity(id))),
    ...inside(each, 'LaunchTemplateName').map((name) => byIdentity.get(`name${identity(name)}`)),
  ];
  return (user) => [
    ...property(user, 'LaunchTemplate').flatMap(specification),
    ...property(user, 'MixedInstancesPolicy', 'LaunchTemplate', 'LaunchTemplateSpecification').flatMap(specification),
    ...elements(user, 'MixedInstancesPolicy', 'LaunchTemplate', 'Overrides').flatMap((each) => inside(each, 'LaunchTemplateSpecification').flatMap(specification)),
    ...elements(user, 'LaunchTemplateConfigs').flatMap((each) => inside(each, 'LaunchTemplateSpecification').flatMap(specification)),
    ...elements(user, 'SpotFleetRequestConfigData', 'LaunchTemplateConfigs').flatMap((each) => inside(each, 'LaunchTemplateSpecification').flatMap(specification)),
    ...property(user, 'LaunchConfigurationName').map((each) => byIdentity.get(identity(each))),
  ];
}

// settings that only the server's image reads; https://hub.docker.com/r/clickhouse/clickhouse-server
const SERVER_VARIABLES = new Set(['CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT', 'CLICKHOUSE_SKIP_USER_SETUP', 'CLICKHOUSE_ALWAYS_RUN_INITDB_SCRIPTS', 'CLICKHOUSE_CONFIG']);

function findContainers(templates: TemplateSet, evidence: ReadonlyMap<Resource, string>): readonly Container[] {
  return templates.ofType('AWS::ECS::TaskDefinition').flatMap((task) =>
    elements(task, 'ContainerDefinitions').flatMap((definition) => {
      const image = inside(definition, 'Image').map(literalText).find(isServerImage);
      if (image !== undefined) return [{ task, definition, image: image.trim() }];
      return evidence.has(task) || isSetUpAsServer(definition) ? [{ task, definition }] : [];
    }),
  );
}

/** An image of one's own does not say what it is; its settings, its data directory, or its name together with its ports do. */
function isSetUpAsServer(definition: Located): boolean {
  const texts = (list: string, key: string): string[] =>
    inside(definition, list)
      .flatMap((each) => items(each))
      .flatMap((each) => inside(each, key).map(literalText));
  if (texts('Environment', 'Name').some((name) => SERVER_VARIABLES.has(name))) return true;
  if (texts('MountPoints', 'ContainerPath').some((path) => path.startsWith('/var/lib/clickhouse'))) return true;
  const named = inside(definition, 'Name').some((each) => /clickhouse/i.test(literalText(each)));
  return named && containerPorts(definition).some((port) => CLICKHOUSE_PORTS.has(port));
}

function containerPorts(definition: Located): readonly number[] {
  return inside(definition, 'PortMappings')
    .flatMap((each) => items(each))
    .flatMap((each) => [...inside(each, 'ContainerPort'), ...inside(each, 'HostPort')])
    .flatMap((each) => {
      const port = scalar(each);
      return port.known && Number(port.value) > 0 ? [Number(port.value)] : [];
    });
}

/** What the containers of each task answer on beside the usual, by their mappings and what their commands say. */
function publishedPorts(containers: readonly Container[]): ReadonlyMap<Resource | undefined, readonly number[]> {
  const published = new Map<Resource, number[]>();
  for (const { task, definition } of containers) {
    const command = [...inside(definition, 'EntryPoint'), ...inside(definition, 'Command')].flatMap((each) => items(each)).map(literalText);
    for (const port of [...containerPorts(definition), ...portsToldBy(command.join(' '))]) append(published, task, port);
  }
  return published;
}

/**
 * Without network interfaces of their own (`awsvpc`), containers answer on the machines that joined the cluster, behind those machines'
 * groups. The services by machine.
 */
function containerHosts(templates: TemplateSet, services: readonly Resource[]): ReadonlyMap<Resource, readonly Resource[]> {
  const clusters = new Map<Resource, Resource[]>();
  for (const service of services) {
    const tasks = property(service, 'TaskDefinition').flatMap((each) => referenceOf(each)?.resource ?? []);
    if (tasks.every((task) => scalars(property(task, 'NetworkMode')[0] ?? { node: undefined, template: task.template }).some((mode) => mode.known && mode.value === 'awsvpc'))) continue;
    for (const each of property(service, 'Cluster')) {
      const cluster = referenceOf(each)?.resource;
      if (cluster) append(clusters, cluster, service);
    }
  }
  const found = new Map<Resource, readonly Resource[]>();
  if (clusters.size === 0) return found;
  for (const host of templates.ofType(...HOST_TYPES)) {
    const joined = hostProperty(host, 'UserData').flatMap(referencesIn).flatMap((each) => clusters.get(each) ?? []);
    if (joined.length > 0) found.set(host, joined);
  }
  return found;
}

/** Takes in what ClickHouse keeps its data on and talks through. The hosts by what is attached to them. */
function attachStorageAndInterfaces(
  templates: TemplateSet,
  hosts: readonly Resource[],
  containers: readonly Container[],
  add: (resource: Resource, why: string) => void,
): ReadonlyMap<Resource, readonly Resource[]> {
  const isHost = new Set(hosts);
  const carriers = new Map<Resource, Resource[]>();
  const attach = (value: Located, owner: Resource, type: string): void => {
    const resource = referenceOf(value)?.resource;
    if (resource?.type !== type) return;
    add(resource, `it is attached to ${owner.logicalId}`);
    append(carriers, resource, owner);
  };
  for (const host of hosts) {
    for (const each of hostProperty(host, 'NetworkInterfaces').flatMap((list) => items(list))) for (const id of inside(each, 'NetworkInterfaceId')) attach(id, host, 'AWS::EC2::NetworkInterface');
    for (const each of elements(host, 'Volumes')) for (const id of inside(each, 'VolumeId')) attach(id, host, 'AWS::EC2::Volume');
    // what a start-up script is told about, it attaches or mounts.
    for (const each of hostProperty(host, 'UserData').flatMap(referencesIn)) {
      if (!['AWS::EC2::Volume', 'AWS::EC2::NetworkInterface', 'AWS::EFS::FileSystem'].includes(each.type)) continue;
      add(each, `${host.logicalId} attaches it`);
      append(carriers, each, host);
    }
  }
  const attachments: ReadonlyArray<readonly [string, string, string]> = [
    ['AWS::EC2::VolumeAttachment', 'VolumeId', 'AWS::EC2::Volume'],
    ['AWS::EC2::NetworkInterfaceAttachment', 'NetworkInterfaceId', 'AWS::EC2::NetworkInterface'],
  ];
  for (const [type, what, attached] of attachments) {
    for (const attachment of templates.ofType(type)) {
      const host = property(attachment, 'InstanceId').flatMap((each) => referenceOf(each)?.resource ?? []).find((each) => isHost.has(each));
      if (host) for (const each of property(attachment, what)) attach(each, host, attached);
    }
  }
  for (const task of new Set(containers.map((each) => each.task))) {
    for (const volume of elements(task, 'Volumes')) {
      for (const id of inside(volume, 'EFSVolumeConfiguration', 'FilesystemId')) attach(id, task, 'AWS::EFS::FileSystem');
    }
  }
  return carriers;
}

function findSecurityGroups(
  evidence: ReadonlyMap<Resource, string>,
  portsOf: (owner: Resource) => readonly number[],
  loadBalancers: ReadonlyMap<Resource, ReadonlySet<number>>,
): ReadonlyMap<string, readonly SecurityGroupUse[]> {
  const found = new Map<string, SecurityGroupUse[]>();
  const usual: ReadonlySet<number> = new Set(CLICKHOUSE_PORTS.keys());
  const use = (groups: readonly Located[], owner: Resource, only?: ReadonlySet<number>): void => {
    const more = only === undefined ? portsOf(owner) : [];
    const ports = only ?? (more.length === 0 ? usual : new Set([...usual, ...more]));
    for (const each of groups.flatMap((list) => items(list))) append(found, identity(each), { owner, ports });
  };
  for (const owner of evidence.keys()) {
    switch (owner.type) {
      case 'AWS::EC2::Instance':
      case 'AWS::EC2::LaunchTemplate':
      case 'AWS::AutoScaling::LaunchConfiguration':
        for (const name of ['SecurityGroupIds', 'SecurityGroups']) use(hostProperty(owner, name), owner);
        for (const each of hostProperty(owner, 'NetworkInterfaces').flatMap((list) => items(list))) use([...inside(each, 'GroupSet'), ...inside(each, 'Groups')], owner);
        break;
      case 'AWS::EC2::NetworkInterface':
        use(property(owner, 'GroupSet'), owner);
        break;
      case 'AWS::ECS::Service':
      case 'AWS::ECS::TaskSet':
        // a task set spells it differently from a service.
        for (const name of ['AwsvpcConfiguration', 'AwsVpcConfiguration']) use(property(owner, 'NetworkConfiguration', name, 'SecurityGroups'), owner);
        break;
      case 'AWS::ElasticLoadBalancing::LoadBalancer':
      case 'AWS::ElasticLoadBalancingV2::LoadBalancer': {
        const ports = loadBalancers.get(owner);
        use(property(owner, 'SecurityGroups'), owner, ports === undefined || ports.size === 0 ? usual : ports);
        break;
      }
      case 'AWS::EC2::SecurityGroup':
        append(found, resourceIdentity(owner), { owner, ports: usual });
        break;
      default:
    }
  }
  return found;
}
