import { AddressSet } from '../addresses/address-set';
import { INTERNET_V6 } from '../addresses/internet';
import type { Gate, Statement } from '../paths/ways';
import { gate } from '../paths/ways';
import type { Located, Resource, Template } from '../templates/model';
import type { TemplateSet } from '../templates/templates';
import { identity, nameOf, property, referenceOf, resourceIdentity, single } from '../templates/values';
import { blocksOf, rangeOf } from './blocks';
import { Gateways } from './gateways';
import { isNamed, Links } from './links';
import type { AclUse } from './network-acls';
import { NetworkAcls } from './network-acls';
import type { PortRange } from './port-range';
import { Routes } from './routes';

/** What a switch says: on, off, or why nobody can tell. */
export type Switch = boolean | string;

/** A subnet, as far as the templates tell. */
export interface Subnet {
  readonly key: string;
  readonly name: string;
  /** undefined when it is not among the templates. */
  readonly resource?: Resource;
  readonly template: Template;
  readonly vpc?: string;
  /** its range of each family; undefined where it cannot be read, or there is none. */
  readonly range?: AddressSet;
  readonly range6?: AddressSet;
  /** whether what starts in it has a public IPv4 address. */
  readonly mapsPublic: Switch;
  /** whether what starts in it has an IPv6 address of the internet. */
  readonly assignsIpv6: Switch;
  /** whether it has addresses of the internet to give, when asked. */
  readonly hasIpv6: Switch;
  /** gateway and block: what lets the internet into its VPC at all, by whichever service. */
  readonly entry: readonly Gate[];
  /** the same and the routes: what every interface in it has in common. */
  readonly gates: readonly Gate[];
  readonly acls: readonly AclUse[];
}

/** The subnets of a deployment. */
export class Subnets {
  readonly acls: NetworkAcls;
  private readonly routes: Routes;
  private readonly gateways: Gateways;
  private readonly ipv6Blocks: Links;
  private readonly vpcBlocks: Links;
  private readonly ownRanges = new Map<string, AddressSet>();
  private readonly known = new Map<string, Subnet>();

  constructor(templates: TemplateSet) {
    this.acls = new NetworkAcls(templates);
    this.routes = new Routes(templates);
    this.gateways = new Gateways(templates);
    this.vpcBlocks = new Links(templates.ofType('AWS::EC2::VPCCidrBlock'), 'VpcId');
    this.ipv6Blocks = new Links(templates.ofType('AWS::EC2::SubnetCidrBlock'), 'SubnetId');
  }

  /** The subnet that a value names, or the default one where nothing does. */
  of(value: Located | undefined, template: Template): Subnet {
    const key = value === undefined ? `default subnet of ${template.path}` : identity(value);
    let found = this.known.get(key);
    if (found === undefined) {
      const resource = value && referenceOf(value)?.resource;
      found = resource?.type === 'AWS::EC2::Subnet' ? this.ours(key, resource) : this.foreign(key, value, template);
      this.known.set(key, found);
    }
    return found;
  }

  /** What an ACL lets in from the internet on a port. */
  aclGate(subnet: Subnet, port: PortRange): Gate {
    return this.acls.gate(subnet.acls, port);
  }

  private ours(key: string, resource: Resource): Subnet {
    const { template, logicalId: name } = resource;
    const [vpcValue] = property(resource, 'VpcId');
    const vpcResource = vpcValue && referenceOf(vpcValue)?.resource;
    const isOurs = vpcResource?.type === 'AWS::EC2::VPC';
    const vpc = vpcValue && identity(vpcValue);
    const ipv6 = this.ipv6(resource);
    const assigns = switchOf(resource, 'AssignIpv6AddressOnCreation');
    const entry = [this.gateways.attachedTo(vpc ?? '', vpcValue === undefined ? `of ${name}` : nameOf(vpcValue), isOurs), ...this.gateways.notBlocked(key, vpc, template, vpcValue === undefined || isNamed(vpcValue) ? undefined : `the VPC of subnet ${name}`)];
    return {
      key,
      name,
      resource,
      template,
      vpc,
      range: rangeOf(property(resource, 'CidrBlock')),
      range6: ipv6 === false ? AddressSet.NONE : rangeOf(property(resource, 'Ipv6CidrBlock')),
      mapsPublic: switchOf(resource, 'MapPublicIpOnLaunch'),
      hasIpv6: ipv6,
      assignsIpv6: ipv6 === false || assigns === false ? false : assigns === true ? ipv6 : assigns,
      entry,
      gates: [...entry, this.routeGate(key, name, isOurs, vpc === undefined ? undefined : this.own(vpc, vpcResource))],
      acls: this.acls.ofSubnet(key, vpcValue, isOurs, name),
    };
  }

  private foreign(key: string, value: Located | undefined, template: Template): Subnet {
    const name = value === undefined ? 'the default subnet' : nameOf(value);
    const missing = value === undefined ? 'it names no subnet, so it starts in the default VPC, whose subnets are public unless somebody changed that' : `subnet ${name} is not in the templates`;
    const entry = this.gateways.notBlocked(key, undefined, template, missing);
    return {
      key,
      name,
      template,
      mapsPublic: missing,
      assignsIpv6: missing,
      hasIpv6: missing,
      entry,
      gates: [...entry, this.routeGate(key, name, false)],
      acls: this.acls.ofSubnet(key, undefined, false, name),
    };
  }

  /** What goes back to the internet. Never what the VPC itself has: its local route comes before all others. */
  private routeGate(key: string, name: string, isOurs: boolean, own = AddressSet.NONE): Gate {
    const statements = this.routes.toInternet(key, name, isOurs).map((each) => ({ ...each, lets: each.lets.minus(own) }));
    return gate(`subnet ${name} has no route to an internet gateway`, statements);
  }

  /** The ranges that a VPC is known to have. */
  private own(vpc: string, resource: Resource | undefined): AddressSet {
    let found = this.ownRanges.get(vpc);
    if (found === undefined) {
      const blocks = this.vpcBlocks.of(vpc).filter(({ missing }) => missing === undefined).flatMap((each) => [...property(each.resource, 'CidrBlock'), ...property(each.resource, 'Ipv6CidrBlock')]);
      const all = [...(resource === undefined ? [] : property(resource, 'CidrBlock')), ...blocks].map((each) => rangeOf([each]));
      found = all.reduce<AddressSet>((sum, each) => sum.union(each ?? AddressSet.NONE), AddressSet.NONE);
      this.ownRanges.set(vpc, found);
    }
    return found;
  }

  private ipv6(subnet: Resource): Switch {
    const blocks = [...property(subnet, 'Ipv6CidrBlock'), ...this.ipv6Blocks.of(resourceIdentity(subnet)).flatMap(({ resource }) => property(resource, 'Ipv6CidrBlock'))];
    const pools = property(subnet, 'Ipv6IpamPoolId').length > 0;
    if (blocks.length === 0) return pools ? `what addresses the pool of ${subnet.logicalId} has` : false;
    // a block of the registry's private range is no address of the internet; one that is decided later is taken to be Amazon's own.
    const [block] = blocks.flatMap(blocksOf);
    if (block?.prefix !== undefined && block.addresses.misses(INTERNET_V6)) return false;
    return blocks[0]?.doubt ?? true;
  }
}

/** Reads a switch that is off when nobody writes it. */
function switchOf(resource: Resource, ...names: readonly string[]): Switch {
  return switchIn(property(resource, ...names));
}

export function switchIn(values: readonly Located[]): Switch {
  const [value, ...others] = values;
  if (value === undefined) return false;
  if (others.length > 0 || value.doubt !== undefined) return value.doubt ?? 'it may be one of several';
  const found = single(value);
  if (!found.known) return found.reason;
  const text = String(found.value).toLowerCase();
  return text === 'true' || text === 'enabled' ? true : text === 'false' || text === 'disabled' ? false : `${JSON.stringify(found.value)} is not a switch`;
}

/** A statement for a switch, if it may be on. */
export function statementOf(state: Switch, statement: Statement): readonly Statement[] {
  if (state === false) return [];
  return [state === true ? statement : { ...statement, hop: { ...statement.hop, missing: statement.hop.missing ?? state } }];
}
