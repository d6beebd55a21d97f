import { AddressSet } from '../addresses/address-set';
import type { Change } from '../assessment';
import type { Statement } from '../paths/ways';
import type { Located, Resource } from '../templates/model';
import type { TemplateSet } from '../templates/templates';
import { elements, identity, inside, items, nameOf, property, referenceOf, resourceIdentity, scalar } from '../templates/values';
import { Links } from './links';
import type { GroupUse, SecurityGroups } from './security-groups';
import type { Subnet, Subnets, Switch } from './subnets';
import { statementOf, switchIn } from './subnets';

/** A network interface, or one of each of several alike machines. */
export interface Interface {
  /** the resource that brings it. */
  readonly owner: Resource;
  /** the subnets it may be in. Several for a group, which puts machines in all of them. */
  readonly subnets: ReadonlyArray<{ readonly subnet: Subnet; readonly missing?: string }>;
  /** its security groups; none at all for a load balancer that filters nothing. */
  readonly groups?: readonly GroupUse[];
  /** the identity of the interface, where it is a resource of its own. */
  readonly name?: string;
  /** the private addresses that the template gives it. */
  readonly fixed?: readonly string[];
  /** whether the machine has another one that is meant when somebody names the machine. */
  readonly secondary?: true;
  /** what gives it an address of the internet, in one of its subnets. */
  readonly addresses: (subnet: Subnet) => readonly Statement[];
}

/** Where launch templates of hosts and groups are found; undefined for one that is not among the templates. */
export type LaunchTemplates = (user: Resource) => readonly (Resource | undefined)[];

/** What writes an interface: its properties under whichever names the type has, and where they stand. */
interface Card {
  readonly owner: Resource;
  readonly location: string;
  readonly subnets: readonly Located[];
  readonly groups: readonly Located[];
  readonly associates: readonly Located[];
  readonly ipv6: readonly Located[];
  readonly interfaceIds: readonly Located[];
  readonly fixed: readonly Located[];
  /** why there may be more than is written, for each of them. */
  readonly missing?: string;
  /** EC2 gives no address by itself to an instance that comes with several interfaces. */
  readonly several: boolean;
  /** whether it is the one that is meant when somebody names the machine. */
  readonly isPrimary: boolean;
}

// 16 at most; https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
const MOST_GROUPS = 32;
const GROUP_TYPES = new Set(['AWS::AutoScaling::AutoScalingGroup', 'AWS::EC2::EC2Fleet', 'AWS::EC2::SpotFleet']);

/** The network interfaces of what runs in a deployment. */
export class Interfaces {
  private readonly elastic: Links;
  private readonly attached: Links;
  private readonly known = new Map<Resource, readonly Interface[]>();

  constructor(
    templates: TemplateSet,
    private readonly subnets: Subnets,
    private readonly groups: SecurityGroups,
    private readonly launchTemplates: LaunchTemplates,
  ) {
    this.elastic = new Links(templates.ofType('AWS::EC2::EIP', 'AWS::EC2::EIPAssociation'), 'InstanceId', 'NetworkInterfaceId', 'PrivateIpAddress');
    this.attached = new Links(templates.ofType('AWS::EC2::NetworkInterfaceAttachment'), 'InstanceId');
  }

  /** The interfaces of an instance, a group or fleet, a launch template, an interface, or an ECS service with its own. */
  of(resource: Resource): readonly Interface[] {
    let found = this.known.get(resource);
    if (found === undefined) {
      found = resource.type === 'AWS::EC2::NetworkInterface' ? [this.ofInterface(resource)] : resource.type.startsWith('AWS::ECS::') ? this.ofService(resource) : this.ofMachines(resource);
      this.known.set(resource, found);
    }
    return found;
  }

  private ofMachines(resource: Resource): readonly Interface[] {
    const templates = this.launchTemplates(resource);
    const missing = templates.includes(undefined) ? `the launch template of ${resource.logicalId} is not in the templates` : undefined;
    const sources = [resource, ...templates.filter((each) => each !== undefined)];
    const own = placedSubnets(resource);
    const cards = sources.length > 1 && GROUP_TYPES.has(resource.type) ? sources.slice(1).flatMap((each) => this.cards([each], missing)) : this.cards(sources, missing);
    const found = cards.flatMap((card): readonly Interface[] => {
      if (card.interfaceIds.length > 0) return card.interfaceIds.map((id) => this.byId(id, resource, card.isPrimary));
      const subnets = own.length > 0 ? own : card.subnets;
      return [this.fromCard({ ...card, subnets }, resource)];
    });
    const later = this.attached.of(resourceIdentity(resource)).flatMap(({ resource: attachment, missing: doubt }) => property(attachment, 'NetworkInterfaceId').map((id) => perhapsIn(this.byId(id, resource, false), doubt)));
    return [...found, ...later];
  }

  /** The interfaces that a machine is launched with, by the first of its sources that says it. */
  private cards(sources: readonly Resource[], missing: string | undefined): readonly Card[] {
    const data = sources.map((owner) => ({ owner, prefix: owner.type === 'AWS::EC2::LaunchTemplate' ? ['LaunchTemplateData'] : [] }));
    const first = (...names: readonly string[]): readonly Located[] => {
      for (const { owner, prefix } of data) {
        const found = names.flatMap((name) => property(owner, ...prefix, name));
        if (found.length > 0) return found;
      }
      return [];
    };
    for (const { owner, prefix } of data) {
      const cards = property(owner, ...prefix, 'NetworkInterfaces').flatMap((list) => items(list));
      if (cards.length === 0) continue;
      return cards.map((card, index) => ({
        owner,
        location: ['Properties', ...prefix, 'NetworkInterfaces', index].join('.'),
        subnets: inside(card, 'SubnetId').length > 0 ? inside(card, 'SubnetId') : first('SubnetId'),
        groups: [...inside(card, 'GroupSet'), ...inside(card, 'Groups')],
        associates: inside(card, 'AssociatePublicIpAddress'),
        ipv6: [...inside(card, 'Ipv6AddressCount'), ...inside(card, 'Ipv6Addresses')],
        interfaceIds: inside(card, 'NetworkInterfaceId'),
        fixed: [...inside(card, 'PrivateIpAddress'), ...inside(card, 'PrivateIpAddresses').flatMap((list) => items(list)).flatMap((each) => inside(each, 'PrivateIpAddress'))],
        missing: card.doubt,
        several: cards.length > 1,
        isPrimary: isFirst(card, index, cards),
      }));
    }
    const [owner] = sources;
    if (owner === undefined) return [];
    const prefix = owner.type === 'AWS::EC2::LaunchTemplate' ? ['LaunchTemplateData'] : [];
    return [
      {
        owner,
        location: ['Properties', ...prefix].join('.'),
        subnets: first('SubnetId'),
        groups: [...first('SecurityGroupIds'), ...first('SecurityGroups')],
        associates: first('AssociatePublicIpAddress'),
        ipv6: [...first('Ipv6AddressCount'), ...first('Ipv6Addresses')],
        interfaceIds: [],
        fixed: first('PrivateIpAddress'),
        missing,
        several: false,
        isPrimary: true,
      },
    ];
  }

  private fromCard(card: Card, machine: Resource): Interface {
    const { owner, location, missing } = card;
    const listed = card.subnets.flatMap((each) => items(each));
    const places = listed.length === 0 ? [{ subnet: this.subnets.of(undefined, machine.template), missing }] : listed.map((value) => ({ subnet: this.subnets.of(value, value.template), missing: value.doubt ?? (listed.length > 1 ? undefined : card.subnets[0]?.doubt) }));
    const at = `${location}.AssociatePublicIpAddress`;
    return {
      owner: machine,
      secondary: card.isPrimary ? undefined : true,
      subnets: places,
      fixed: texts(card.fixed),
      groups: this.groupsOf(card.groups, places[0]?.subnet, missing),
      addresses: (subnet) => [...(card.associates.length > 0 ? this.associated(owner, at, switchIn(card.associates)) : this.mapped(subnet, owner, location, card.several)), ...this.ipv6(subnet, owner, location, card.ipv6), ...(card.isPrimary ? this.elasticOf(machine) : [])],
    };
  }

  private associated(owner: Resource, location: string, state: Switch): readonly Statement[] {
    const hop = { kind: 'public address', template: owner.template.path, logicalId: owner.logicalId, location, detail: `${owner.logicalId} is given a public IPv4 address` };
    const change: Change = { template: owner.template.path, logicalId: owner.logicalId, location, to: false, words: `set ${location} of ${owner.logicalId} to false` };
    return statementOf(state, { hop, change, lets: AddressSet.ALL_V4 });
  }

  private mapped(subnet: Subnet, owner: Resource, location: string, several: boolean): readonly Statement[] {
    const { resource } = subnet;
    const [template, logicalId] = resource === undefined ? [owner.template.path, owner.logicalId] : [resource.template.path, resource.logicalId];
    const at = resource === undefined ? location : 'Properties.MapPublicIpOnLaunch';
    const hop = { kind: 'public address', template, logicalId, location: at, detail: `subnet ${subnet.name} gives ${owner.logicalId} a public IPv4 address` };
    const change: Change | undefined = resource && { template, logicalId, location: at, to: false, words: `set MapPublicIpOnLaunch of ${logicalId} to false` };
    const state = subnet.mapsPublic === true && several ? `whether ${owner.logicalId}, which comes with several interfaces, is given a public address` : subnet.mapsPublic;
    return statementOf(state, { hop, change, lets: AddressSet.ALL_V4 });
  }

  private ipv6(subnet: Subnet, owner: Resource, location: string, asked: readonly Located[]): readonly Statement[] {
    const wants = asked.some(({ node }) => (Array.isArray(node) ? node.length > 0 : !isZero(node)));
    const state = wants ? subnet.hasIpv6 : subnet.assignsIpv6;
    if (state === false) return [];
    const [written] = asked;
    const doubt = wants && written?.doubt !== undefined ? written.doubt : undefined;
    const hop = { kind: 'public address', template: owner.template.path, logicalId: owner.logicalId, detail: `${owner.logicalId} has an IPv6 address in subnet ${subnet.name}`, missing: doubt };
    const { resource } = subnet;
    const change: Change | undefined = wants || resource === undefined ? undefined : { template: resource.template.path, logicalId: resource.logicalId, location: 'Properties.AssignIpv6AddressOnCreation', to: false, words: `set AssignIpv6AddressOnCreation of ${resource.logicalId} to false` };
    // where the subnet gives one to all that do not ask, asking for none is no way out but for an interface of its own.
    const asking: Change | undefined = wants && subnet.assignsIpv6 !== false ? (location === 'Properties' && owner.type === 'AWS::EC2::NetworkInterface' && !isList(asked) ? { template: owner.template.path, logicalId: owner.logicalId, location: 'Properties.Ipv6AddressCount', to: 0, words: `set Ipv6AddressCount of ${owner.logicalId} to 0` } : undefined) : wants ? { template: owner.template.path, logicalId: owner.logicalId, location: `${location}.${isList(asked) ? 'Ipv6Addresses' : 'Ipv6AddressCount'}`, words: `give ${owner.logicalId} no IPv6 address` } : undefined;
    return statementOf(state, { hop, change: asking ?? change, lets: AddressSet.ALL_V6 });
  }

  /** The elastic addresses of an instance or an interface, named by id or by private address. */
  private elasticOf(owner: Resource): readonly Statement[] {
    const key = resourceIdentity(owner);
    const own = ['', '.PrimaryPrivateIpAddress', '.PrivateIp'].flatMap((suffix) => this.elastic.of(`${key}${suffix}`));
    return [...new Map(own.map((each) => [each.resource, each])).values()].map(({ resource, missing }) => {
      const hop = { kind: 'public address', template: resource.template.path, logicalId: resource.logicalId, detail: `${owner.logicalId} has the elastic address ${resource.logicalId}`, missing };
      const location = resource.type === 'AWS::EC2::EIP' ? 'Properties.InstanceId' : undefined;
      return { hop, lets: AddressSet.ALL_V4, change: { template: resource.template.path, logicalId: resource.logicalId, location, words: `remove ${location === undefined ? '' : 'InstanceId of '}${resource.logicalId}` } };
    });
  }

  private ofInterface(resource: Resource): Interface {
    const [value] = property(resource, 'SubnetId');
    const subnet = this.subnets.of(value, resource.template);
    const asked = [...property(resource, 'Ipv6AddressCount'), ...property(resource, 'Ipv6Addresses')];
    return {
      owner: resource,
      name: resourceIdentity(resource),
      fixed: texts([...property(resource, 'PrivateIpAddress'), ...elements(resource, 'PrivateIpAddresses').flatMap((each) => inside(each, 'PrivateIpAddress'))]),
      subnets: property(resource, 'SubnetId').map((each) => ({ subnet: this.subnets.of(each, each.template), missing: each.doubt ?? resource.doubt })),
      groups: this.groupsOf(property(resource, 'GroupSet'), subnet, undefined),
      // asking for no address overrides the subnet; https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInterface.html
      addresses: (at) => [...(asked.length > 0 && asked.every(({ node }) => isZero(node)) ? [] : this.ipv6(at, resource, 'Properties', asked)), ...this.elasticOf(resource)],
    };
  }

  /** An interface by its id, with the addresses of the machine whose first one it is. */
  private byId(id: Located, machine: Resource, isPrimary: boolean): Interface {
    const secondary = isPrimary ? undefined : true;
    const resource = referenceOf(id)?.resource;
    if (resource?.type === 'AWS::EC2::NetworkInterface') {
      const own = this.of(resource)[0] ?? this.ofInterface(resource);
      return { ...own, secondary, owner: machine, addresses: (subnet) => [...own.addresses(subnet), ...(isPrimary ? this.elasticOf(machine) : [])] };
    }
    const missing = `interface ${nameOf(id)} of ${machine.logicalId} is not in the templates`;
    const subnet = this.subnets.of({ node: `the subnet of ${identity(id)}`, template: id.template }, id.template);
    return {
      owner: machine,
      secondary,
      name: identity(id),
      subnets: [{ subnet, missing }],
      groups: [{ key: `the groups of ${identity(id)}`, name: `of ${nameOf(id)}`, missing }],
      addresses: () => [{ hop: { kind: 'public address', template: id.template.path, logicalId: machine.logicalId, detail: 'may have a public address', missing }, lets: AddressSet.ALL }],
    };
  }

  /** A service whose tasks have their own interfaces; none for tasks on the interfaces of their machines. */
  private ofService(service: Resource): readonly Interface[] {
    // a task set spells it differently from a service.
    const written = ['AwsvpcConfiguration', 'AwsVpcConfiguration'].flatMap((name) => property(service, 'NetworkConfiguration', name).map((configuration) => ({ name, configuration })));
    return written.map(({ name, configuration }) => {
      const listed = inside(configuration, 'Subnets').flatMap((each) => items(each));
      const location = `Properties.NetworkConfiguration.${name}.AssignPublicIp`;
      const places = (listed.length > 0 ? listed : [undefined]).map((value) => ({ subnet: this.subnets.of(value, service.template), missing: value?.doubt ?? configuration.doubt }));
      return {
        owner: service,
        subnets: places,
        groups: this.groupsOf(inside(configuration, 'SecurityGroups'), places[0]?.subnet, undefined),
        addresses: (subnet) => [
          ...this.associated(service, location, switchIn(inside(configuration, 'AssignPublicIp'))),
          // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-networking-awsvpc.html: the account's setting decides.
          ...statementOf(subnet.hasIpv6, {
            hop: { kind: 'public address', template: service.template.path, logicalId: service.logicalId, detail: `tasks of ${service.logicalId} may have IPv6 addresses`, missing: 'whether the account gives IPv6 addresses to tasks (dualStackIPv6)' },
            lets: AddressSet.ALL_V6,
          }),
        ],
      };
    });
  }

  /** The groups of an interface; the default one of its VPC where nobody names any. */
  groupsOf(lists: readonly Located[], subnet: Subnet | undefined, missing: string | undefined): readonly GroupUse[] {
    const values = lists.flatMap((list) => items(list));
    if (values.length > MOST_GROUPS) return [{ key: 'too many security groups', name: 'more than an interface can have', unnamed: 'more security groups than an interface can have' }];
    const named = values.map((value) => this.groups.use(value));
    if (named.length > 0) return missing === undefined ? named : [...named];
    const vpc = subnet?.vpc;
    const isOurs = vpc !== undefined && subnet?.resource !== undefined && !vpc.startsWith('=') && !vpc.includes('!');
    const unknown = missing ?? (isOurs ? undefined : 'what the default security group of the VPC admits is not in the templates');
    return [{ key: `${vpc ?? ''}.DefaultSecurityGroup`, name: 'the default one', isDefault: true, missing: unknown }];
  }
}

/** The subnets that a group or fleet puts its machines in. */
function placedSubnets(group: Resource): readonly Located[] {
  const configurations = [...elements(group, 'LaunchTemplateConfigs'), ...elements(group, 'SpotFleetRequestConfigData', 'LaunchTemplateConfigs')];
  const overrides = configurations.flatMap((each) => inside(each, 'Overrides')).flatMap((list) => items(list));
  const specified = elements(group, 'SpotFleetRequestConfigData', 'LaunchSpecifications');
  // one text with commas, or a list.
  const split = (value: Located): readonly Located[] => {
    const text = scalar(value);
    return text.known ? String(text.value).split(',').map((each) => ({ ...value, node: each.trim() })) : [value];
  };
  return [...(GROUP_TYPES.has(group.type) ? elements(group, 'VPCZoneIdentifier') : []), ...[...overrides, ...specified].flatMap((each) => inside(each, 'SubnetId')).flatMap(split)];
}

/** An interface that may not be there. */
function perhapsIn(card: Interface, missing: string | undefined): Interface {
  return missing === undefined ? card : { ...card, subnets: card.subnets.map((place) => ({ ...place, missing: place.missing ?? missing })) };
}

/** The interface with device index 0, or the first where nobody says. */
function isFirst(card: Located, index: number, cards: readonly Located[]): boolean {
  const indexOf = (each: Located): string | undefined => {
    const [found] = inside(each, 'DeviceIndex').map(scalar);
    return found?.known ? String(found.value) : undefined;
  };
  return cards.some((each) => indexOf(each) === '0') ? indexOf(card) === '0' : index === 0;
}

function isZero(node: unknown): boolean {
  return node === 0 || node === '0';
}

function isList(values: readonly Located[]): boolean {
  return values.some(({ node }) => Array.isArray(node));
}

function texts(values: readonly Located[]): readonly string[] {
  return values.flatMap((value) => {
    const text = scalar(value);
    return text.known ? [String(text.value)] : [];
  });
}
