import { AddressSet } from '../addresses/address-set';
import type { Change, Hop } from '../assessment';
import type { Gate, Statement } from '../paths/ways';
import { gate } from '../paths/ways';
import type { Located, Resource } from '../templates/model';
import { intrinsic, isDictionary } from '../templates/model';
import type { TemplateSet } from '../templates/templates';
import type { Placed } from '../templates/values';
import { everythingOf, identity, inside, nameOf, placed, property, referenceOf, resourceIdentity, why } from '../templates/values';
import type { Block } from './blocks';
import { blocksOf, blocksOfList } from './blocks';
import { isNamed, Links } from './links';
import type { PortRange, Ports } from './port-range';
import { bounds, matches, portsOf, portWords } from './port-range';
import type { Sender } from './sender';
import { admitted, isOfAccount } from './sender';

/** A security group that an interface has. */
export interface GroupUse {
  readonly key: string;
  readonly name: string;
  /** why it may not have it; none when it does. */
  readonly missing?: string;
  /** why it may be any other one: only deployment names it. */
  readonly unnamed?: string;
  /** the default group of a VPC, with nothing in it but itself and what the templates add, as far as nothing is missing. */
  readonly isDefault?: true;
}

/** Whom groups admit. */
export interface Callers {
  readonly groups: ReadonlySet<string>;
  readonly byAddress: boolean;
}

export type Direction = 'ingress' | 'egress';

/** A group that an entry names. */
interface Peer {
  readonly key: string;
  readonly name: string;
  readonly missing?: string;
  /** the account it is of, where that is another one. */
  readonly owner?: Located;
}

interface Entry {
  readonly resource: Resource;
  readonly location?: string;
  readonly ports: Ports;
  readonly blocks: readonly Block[];
  readonly peers: readonly Peer[];
  readonly missing?: string;
}

const SOURCES: Readonly<Record<Direction, { readonly list: string; readonly groups: readonly string[]; readonly prefixList: string }>> = {
  ingress: { list: 'SecurityGroupIngress', groups: ['SourceSecurityGroupId', 'SourceSecurityGroupName'], prefixList: 'SourcePrefixListId' },
  egress: { list: 'SecurityGroupEgress', groups: ['DestinationSecurityGroupId'], prefixList: 'DestinationPrefixListId' },
};

/** The security groups of a deployment, whose entries may be inline, resources of their own, and in another stack. */
export class SecurityGroups {
  private readonly resources = new Map<string, Resource>();
  private readonly standalone: Readonly<Record<Direction, Links>>;
  private readonly known = new Map<string, readonly Entry[]>();
  private readonly bounds = new Map<string, readonly number[]>();
  private readonly called = new Map<string, Callers>();
  private readonly admissions = new WeakMap<Sender, Map<string, Gate>>();

  constructor(templates: TemplateSet) {
    for (const each of templates.ofType('AWS::EC2::SecurityGroup')) {
      this.resources.set(resourceIdentity(each), each);
      for (const name of property(each, 'GroupName')) this.resources.set(identity(name), each);
    }
    this.standalone = {
      ingress: new Links(templates.ofType('AWS::EC2::SecurityGroupIngress'), 'GroupId', 'GroupName'),
      egress: new Links(templates.ofType('AWS::EC2::SecurityGroupEgress'), 'GroupId'),
    };
  }

  /** A group that a value names. */
  use(value: Located): GroupUse {
    return { key: this.keyOf(value), name: nameOf(value), missing: value.doubt, unnamed: isNamed(value) ? undefined : why(value), isDefault: isDefaultOfOurs(value) };
  }

  /** A group is named by its id or by its name. */
  private keyOf(value: Located): string {
    const key = identity(value);
    const resource = this.resources.get(key);
    return resource === undefined ? key : resourceIdentity(resource);
  }

  /** What the internet gets through the groups of an interface to a port. */
  fromInternet(groups: readonly GroupUse[], wanted: PortRange): Gate {
    return this.gate(groups, wanted, 'a public address', (entry) => entry.blocks.map((block) => ({ lets: block.addresses, missing: block.missing, words: block.words })));
  }

  /** What somebody inside gets through them. */
  fromSender(groups: readonly GroupUse[], wanted: PortRange, sender: Sender): Gate {
    const known = this.admissions.get(sender) ?? new Map<string, Gate>();
    this.admissions.set(sender, known);
    // alike machines have alike groups.
    const id = `${wanted.first}-${wanted.last}${wanted.any === true ? '*' : ''} ${groups.map(({ key, missing = '' }) => `${key} ${missing}`).join(' ')}`;
    let found = known.get(id);
    if (found === undefined) {
      found = this.admission(groups, wanted, sender);
      known.set(id, found);
    }
    return found;
  }

  private admission(groups: readonly GroupUse[], wanted: PortRange, sender: Sender): Gate {
    const sameNetwork = ({ networkOf }: Block, vpc: string): boolean => networkOf !== undefined && identity(networkOf) === vpc;
    const unnamedGroup = sender.groups.find((each) => each.unnamed !== undefined)?.unnamed;
    const unnamed = unnamedGroup === undefined ? undefined : `which security group ${sender.name} has: ${unnamedGroup}`;
    return this.gate(groups, wanted, sender.name, (entry) => [
      ...entry.blocks.map((block) => ({ ...admitted(block, sender, sameNetwork), words: block.words })),
      ...entry.peers.flatMap((peer) => {
        const same = sender.groups.find(({ key }) => key === peer.key);
        if (same !== undefined) return [{ lets: AddressSet.ALL, missing: same.missing ?? peer.missing, words: `group ${peer.name}` }];
        const theirs = isOfAccount(sender, peer.owner);
        if (theirs === true) return [{ lets: AddressSet.ALL, missing: peer.missing, words: `group ${peer.name}` }];
        const missing = peer.missing ?? sender.missing ?? (theirs === false ? (this.isOutside(peer) ? sender.outside : undefined) : theirs) ?? unnamed;
        return missing === undefined ? [] : [{ lets: AddressSet.ALL, missing, words: `group ${peer.name}` }];
      }),
    ], (group) => membersOf(group, sender, unnamed));
  }

  private isOutside({ key }: Peer): boolean {
    return !this.resources.has(key) && !key.endsWith('.DefaultSecurityGroup');
  }

  /** What a sender's own groups let out to a port of somebody. No gate where it has no groups. */
  outOf(sender: Sender, wanted: PortRange, target: readonly GroupUse[], range: AddressSet | undefined): readonly Gate[] {
    if (sender.groups.length === 0) return [];
    const statements = sender.groups.flatMap((group): readonly Statement[] => {
      const resource = this.resources.get(group.key);
      if (resource === undefined) return [];
      return this.entries(group, resource, 'egress').flatMap((entry): readonly Statement[] => {
        const match = matches(entry.ports, wanted);
        if (match === false) return [];
        const missing = group.missing ?? entry.missing ?? (match === true ? undefined : match);
        const peer = entry.peers.find(({ key }) => target.some((each) => each.key === key)) ?? entry.peers.find((each) => each.missing !== undefined) ?? perhapsOf(entry.peers[0], target);
        const block = entry.blocks.map((each) => towards(each, range)).find((each) => each !== undefined);
        if (peer === undefined && block === undefined) return [];
        const words = peer === undefined ? (block?.words ?? '') : `group ${peer.name}`;
        const hop = hopOf(entry.resource, entry.location, `lets ${sender.name} out to ${words} on ${portWords(wanted)}`, missing ?? (peer === undefined ? block : peer)?.missing);
        return [{ hop, lets: AddressSet.ALL, change: removal(entry, hop) }];
      });
    });
    // with a group among them whose rules are not here, or that has the default of letting everything out, there is nothing to pass.
    if (sender.groups.some((group) => this.letsAllOut(group))) return [];
    return [gate(`the security groups of ${sender.name} let nothing out to ${portWords(wanted)}`, statements)];
  }

  /** Whom the ingress entries of groups admit on any of some ports: the groups that they name, and whether they admit anybody by address. */
  callers(groups: readonly GroupUse[], wanted: readonly PortRange[]): Callers {
    const id = `${groups.map(({ key }) => key).join(' ')} ${wanted.map(({ first, last }) => `${first}-${last}`).join(' ')}`;
    let found = this.called.get(id);
    if (found === undefined) {
      const entries = groups.flatMap((group) => this.entriesOf(group, 'ingress')).filter(({ ports }) => wanted.some((each) => matches(ports, each) !== false));
      found = { groups: new Set(entries.flatMap(({ peers }) => peers.map(({ key }) => key))), byAddress: entries.some(({ blocks }) => blocks.length > 0) };
      this.called.set(id, found);
    }
    return found;
  }

  /** Where among the ports entries of groups begin and end: between two of these all ports are alike to them. */
  boundsOf(groups: readonly GroupUse[], direction: Direction): readonly number[] {
    const id = `${direction} ${groups.map(({ key }) => key).join(' ')}`;
    let found = this.bounds.get(id);
    if (found === undefined) {
      found = [...new Set(groups.flatMap((group) => this.entriesOf(group, direction).flatMap(({ ports }) => bounds(ports))))];
      this.bounds.set(id, found);
    }
    return found;
  }

  private letsAllOut({ key }: GroupUse): boolean {
    const resource = this.resources.get(key);
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-securitygroup.html
    return resource === undefined || resource.properties.SecurityGroupEgress === undefined;
  }

  private gate(groups: readonly GroupUse[], wanted: PortRange, whom: string, admits: (entry: Entry) => ReadonlyArray<{ readonly lets: AddressSet; readonly missing?: string; readonly words: string }>, own?: (group: GroupUse) => readonly Statement[]): Gate {
    const names = groups.map(({ name }) => name).join(', ');
    const statements = groups.flatMap((group): readonly Statement[] => {
      const members = own?.(group) ?? [];
      const known = this.entriesOf(group, 'ingress').flatMap((entry): readonly Statement[] => {
        const match = matches(entry.ports, wanted);
        if (match === false) return [];
        const missing = group.missing ?? entry.missing ?? (match === true ? undefined : match);
        return admits(entry).map(({ lets, words, ...each }) => {
          const hop = hopOf(entry.resource, entry.location, `admits ${words} on ${portWords(wanted)}`, missing ?? each.missing);
          return { hop, lets, change: removal(entry, hop) };
        });
      });
      return [...members, ...known, ...this.elsewhere(group)];
    });
    return gate(`no security group rule admits ${whom}${names === '' ? '' : ` (${names})`}`, statements);
  }

  /** What a group that is not in the templates may admit. */
  private elsewhere(group: GroupUse): readonly Statement[] {
    const resource = this.resources.get(group.key);
    if (resource !== undefined || (group.isDefault && group.missing === undefined)) return [];
    const missing = group.missing ?? `what security group ${group.name} admits is not in the templates`;
    return [{ hop: { kind: 'security group', template: '', logicalId: group.name, detail: 'may admit anybody', missing }, lets: AddressSet.ALL }];
  }

  private entriesOf(group: GroupUse, direction: Direction): readonly Entry[] {
    return this.entries(group, this.resources.get(group.key), direction);
  }

  private entries({ key }: GroupUse, resource: Resource | undefined, direction: Direction): readonly Entry[] {
    const id = `${direction} ${key}`;
    let found = this.known.get(id);
    if (found === undefined) {
      const inline = resource === undefined ? [] : placed(resource, SOURCES[direction].list).map(({ value, location }: Placed) => this.read(resource, location, value, direction, value.doubt ?? resource.doubt));
      const alone = this.standalone[direction].of(key).map(({ resource: rule, missing }) => this.read(rule, undefined, everythingOf(rule), direction, missing));
      found = inline.length + alone.length > MOST_ENTRIES ? [inline[0] ?? alone[0]].flatMap((entry) => (entry === undefined ? [] : tooMany(entry))) : [...inline, ...alone];
      this.known.set(id, found);
    }
    return found;
  }

  private read(resource: Resource, location: string | undefined, entry: Located, direction: Direction, missing: string | undefined): Entry {
    const base = { resource, location };
    if (!isDictionary(entry.node) || intrinsic(entry.node)[0] !== undefined) {
      const why = missing ?? `an entry of ${resource.logicalId} is only known at deployment`;
      return { ...base, ports: { tcp: true, first: 0, last: 65535 }, peers: [], missing: why, blocks: [{ addresses: AddressSet.ALL, words: 'somebody', missing: why }] };
    }
    const { groups, prefixList } = SOURCES[direction];
    const blocks = [...['CidrIp', 'CidrIpv6'].flatMap((name) => inside(entry, name)).flatMap(blocksOf), ...inside(entry, prefixList).flatMap(blocksOfList)];
    const [owner] = inside(entry, 'SourceSecurityGroupOwnerId');
    const peers = groups.flatMap((name) => inside(entry, name)).map((value) => ({
      owner,
      key: this.keyOf(value),
      name: nameOf(value),
      missing: value.doubt ?? (isNamed(value) ? undefined : `which security group ${resource.logicalId} names`),
    }));
    const none = blocks.length + peers.length === 0;
    const unread: Block = { addresses: AddressSet.ALL, words: 'somebody', missing: `${resource.logicalId} names no source that can be read` };
    return { ...base, ports: portsOf(entry, ['FromPort'], ['ToPort'], 'IpProtocol'), blocks: none ? [unread] : blocks, peers, missing };
  }
}

/** The default group of a VPC admits its own members; https://docs.aws.amazon.com/vpc/latest/userguide/default-security-group.html */
function membersOf(group: GroupUse, sender: Sender, unnamed: string | undefined): readonly Statement[] {
  if (group.isDefault !== true) return [];
  const member = sender.groups.find(({ key }) => key === group.key);
  // of whom hardly anything is known may be one of them.
  const unsure = member === undefined ? (sender.missing ?? unnamed) : member.missing;
  if (member === undefined && unsure === undefined) return [];
  return [{ lets: AddressSet.ALL, hop: { kind: 'security group', template: '', logicalId: group.name, detail: `admits ${sender.name}${member === undefined ? ' if it is in it' : ', which is in it'}`, missing: group.missing ?? unsure } }];
}

// https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html: 1,000 for all groups of an interface.
const MOST_ENTRIES = 1000;

/** What stands for more entries than AWS accepts. */
function tooMany(entry: Entry): Entry {
  const missing = 'a security group has more rules than AWS accepts';
  const somebody: Block = { addresses: AddressSet.ALL, words: 'somebody', missing };
  return { ...entry, location: undefined, ports: { tcp: true, first: 0, last: 65535 }, peers: [], blocks: [somebody], missing };
}

/** A group that an entry names, as far as a target whose groups are not known may have it. */
function perhapsOf(peer: Peer | undefined, target: readonly GroupUse[]): Peer | undefined {
  const unnamed = target.find((each) => each.unnamed !== undefined)?.unnamed;
  return peer && unnamed !== undefined ? { ...peer, missing: unnamed } : undefined;
}

/** A destination block as far as a target in a range may be in it; undefined when it is not. */
function towards(block: Block, range: AddressSet | undefined): Block | undefined {
  // the range of a network is taken to be that of the target; nobody writes another's by its attribute.
  if (block.networkOf !== undefined || block.addresses.equals(AddressSet.ALL)) return block;
  const inside = range ?? AddressSet.ALL_V4;
  if (block.addresses.misses(inside)) return undefined;
  return block.addresses.includes(inside) ? block : { ...block, missing: block.missing ?? `whether the target is in ${block.words}` };
}

/** Whether a value is the default group of a VPC of the templates, which admits its own members and what the templates add. */
function isDefaultOfOurs(value: Located): true | undefined {
  const reference = referenceOf(value);
  return reference?.attribute === 'DefaultSecurityGroup' && reference.resource.type === 'AWS::EC2::VPC' ? true : undefined;
}

function hopOf(resource: Resource, location: string | undefined, detail: string, missing: string | undefined): Hop {
  return { kind: 'security group rule', template: resource.template.path, logicalId: resource.logicalId, location, detail, missing };
}

function removal({ resource, location }: Entry, { detail }: Hop): Change {
  const what = location === undefined ? resource.logicalId : `${location} of ${resource.logicalId}`;
  return { template: resource.template.path, logicalId: resource.logicalId, location, words: `remove ${what}, which ${detail}` };
}
