import { addressesOf, addressesOfList } from './addresses';
import type { Located, Resource, TemplateSet } from '../exposure/templates/templates';
import { identity, property, referenceOf, resourceIdentity, scalar, truths } from '../exposure/templates/values';

/** Why a subnet is public, or why nobody can tell. */
export interface Exposure {
  readonly certain: boolean;
  readonly words: string;
}

/**
 * Which subnets are public, by their routes and their switch for public addresses.
 *
 * What is not in the templates (the routes of a subnet by literal id, a main route table) is not judged here; a route that is, but whose
 * target is only known at deployment, is.
 */
export function findPublicSubnets(templates: TemplateSet): (subnet: Located) => Exposure | undefined {
  const tables = new Map<string, Exposure>();
  for (const route of templates.ofType('AWS::EC2::Route')) {
    const destination = destinationOf(route);
    if (destination === undefined) continue;
    for (const gateway of property(route, 'GatewayId')) {
      const target = internetBehind(gateway);
      if (target === undefined) continue;
      const exposure = { certain: target.certain, words: `its route table sends ${destination} to ${target.words} (${route.logicalId})` };
      for (const table of property(route, 'RouteTableId')) note(tables, identity(table), exposure);
    }
  }
  const subnets = new Map<string, Exposure>();
  for (const association of templates.ofType('AWS::EC2::SubnetRouteTableAssociation')) {
    for (const table of property(association, 'RouteTableId')) {
      const exposure = tables.get(identity(table));
      if (exposure !== undefined) for (const subnet of property(association, 'SubnetId')) note(subnets, identity(subnet), exposure);
    }
  }
  for (const subnet of templates.ofType('AWS::EC2::Subnet')) {
    for (const given of property(subnet, 'MapPublicIpOnLaunch').flatMap(truths)) {
      const words = 'it gives public addresses to what starts in it';
      if (given === true) note(subnets, resourceIdentity(subnet), { certain: true, words });
      else if (given !== false) note(subnets, resourceIdentity(subnet), { certain: false, words: `whether ${words}, ${given}` });
    }
  }
  return (subnet) => {
    const exposure = subnets.get(identity(subnet));
    const name = referenceOf(subnet)?.resource.logicalId;
    return exposure && name !== undefined ? { ...exposure, words: `${name}, ${exposure.words}` } : exposure;
  };
}

/** Keeps the first reason, and a certain one rather than one that is not. */
function note(reasons: Map<string, Exposure>, key: string, exposure: Exposure): void {
  const known = reasons.get(key);
  if (known === undefined || (exposure.certain && !known.certain)) reasons.set(key, exposure);
}

/** Where a route leads, in words; undefined if to private addresses only. */
function destinationOf(route: Resource): string | undefined {
  const blocks = [...property(route, 'DestinationCidrBlock'), ...property(route, 'DestinationIpv6CidrBlock')].flatMap(addressesOf);
  const [first] = [...blocks, ...property(route, 'DestinationPrefixListId').flatMap(addressesOfList)];
  return first && (first.public ? `traffic for ${first.words}` : 'traffic');
}

// what a route may lead to and is not the internet gateway; https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html
const OTHER_IDS = /^(?:local$|(?:vgw|nat|tgw|vpce|pcx|eni|eigw|lgw|i)-)/;
const OTHER_TYPES = new Set(['VPNGateway', 'VPCEndpoint', 'NatGateway', 'EgressOnlyInternetGateway', 'TransitGateway'].map((each) => `AWS::EC2::${each}`));

/** Whether a gateway leads to the internet and back. */
function internetBehind(gateway: Located): Exposure | undefined {
  const type = referenceOf(gateway)?.resource.type;
  const id = scalar(gateway);
  if (type === 'AWS::EC2::InternetGateway' || (id.known && String(id.value).startsWith('igw-'))) return { certain: true, words: 'an internet gateway' };
  if ((type !== undefined && OTHER_TYPES.has(type)) || (id.known && OTHER_IDS.test(String(id.value)))) return undefined;
  return { certain: false, words: `a gateway that is not known: ${id.known ? `'${id.value}'` : id.reason}` };
}
