import { isPrivateCidr } from '../../config/addresses';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import type { Located, Resource, TemplateSet } from '../templates';
import { elements, identity, inside, items, property, referenceOf, resourceIdentity, scalar, truths } from '../values';
import type { Workloads } from '../workloads';
import { hostProperty } from '../workloads';

export const publicSubnet: Rule = {
  id: 'ClickHouse-PublicSubnet',
  severity: 'error',
  info: 'ClickHouse has a public address or stands in a subnet with a route to the internet',
  explanation: 'In a public subnet one security group rule is all that separates a database from the internet; in a private one that mistake exposes nothing.',
  fix: 'use private or isolated subnets, with no public address; reach it from outside through a VPN, or AWS Systems Manager for administration',
  link: 'https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html',
  *check({ templates, workloads }: Deployment): Iterable<Finding> {
    const publicSubnets = findPublicSubnets(templates);
    const elastic = findElasticAddresses(templates);
    for (const { resource, subnets, addresses } of placements(workloads)) {
      for (const { value, location } of subnets) {
        const why = publicSubnets(value);
        if (why !== undefined) yield finding(resource, `ClickHouse (${resource.logicalId}) is in a public subnet: ${why}`, { location });
      }
      for (const { value, location } of addresses) {
        for (const given of truths(value)) {
          if (given === true) yield finding(resource, `ClickHouse (${resource.logicalId}) is given a public address`, { location });
          else if (given !== false) yield finding(resource, `whether ClickHouse (${resource.logicalId}) is given a public address cannot be told at synthesis: ${given}`, { location });
        }
      }
      const address = elastic.get(resource);
      if (address) yield finding(resource, `ClickHouse (${resource.logicalId}) has the elastic address ${address.logicalId}`, { fix: `remove ${address.logicalId}` });
    }
  },
};

interface Written {
  readonly value: Located;
  readonly location: string;
}

interface Placement {
  readonly resource: Resource;
  readonly subnets: readonly Written[];
  /** switches for a public address. */
  readonly addresses: readonly Written[];
}

/** Where each resource of ClickHouse says in which subnet it is and whether it has a public address. */
function placements({ hosts, groups, interfaces, services }: Workloads): Placement[] {
  const at = (values: readonly Located[], location: string): Written[] => values.map((value) => ({ value, location }));
  return [
    ...hosts.map((resource) => {
      const cards = hostProperty(resource, 'NetworkInterfaces').flatMap((list) => items(list));
      const data = resource.type === 'AWS::EC2::LaunchTemplate' ? 'Properties.LaunchTemplateData' : 'Properties';
      return {
        resource,
        subnets: [...at(hostProperty(resource, 'SubnetId'), `${data}.SubnetId`), ...at(cards.flatMap((each) => inside(each, 'SubnetId')), `${data}.NetworkInterfaces`)],
        addresses: [
          ...at(hostProperty(resource, 'AssociatePublicIpAddress'), `${data}.AssociatePublicIpAddress`),
          ...at(cards.flatMap((each) => inside(each, 'AssociatePublicIpAddress')), `${data}.NetworkInterfaces`),
        ],
      };
    }),
    ...groups.map((resource) => ({ resource, subnets: at(elements(resource, 'VPCZoneIdentifier'), 'Properties.VPCZoneIdentifier'), addresses: [] })),
    ...interfaces.map((resource) => ({ resource, subnets: at(property(resource, 'SubnetId'), 'Properties.SubnetId'), addresses: [] })),
    ...services.map((resource) => {
      const network = ['NetworkConfiguration', 'AwsvpcConfiguration'];
      const location = `Properties.${network.join('.')}`;
      const enabled = property(resource, ...network, 'AssignPublicIp').map((value) => {
        const text = scalar(value);
        return text.known ? { ...value, node: String(text.value).toUpperCase() === 'ENABLED' } : value;
      });
      return { resource, subnets: at(elements(resource, ...network, 'Subnets'), `${location}.Subnets`), addresses: at(enabled, `${location}.AssignPublicIp`) };
    }),
  ];
}

/** Why a subnet is public, or undefined. What is not in the templates (a subnet by literal id, a main route table) is not judged here. */
function findPublicSubnets(templates: TemplateSet): (subnet: Located) => string | undefined {
  const routes = new Map<string, string>();
  for (const route of templates.ofType('AWS::EC2::Route')) {
    const gateway = property(route, 'GatewayId').find(isInternetGateway);
    const [destination] = [...property(route, 'DestinationCidrBlock'), ...property(route, 'DestinationIpv6CidrBlock')].filter((each) => !isPrivate(each));
    if (gateway === undefined || destination === undefined) continue;
    const where = scalar(destination);
    const words = `its route table sends ${where.known ? where.value : 'traffic'} to an internet gateway (${route.logicalId})`;
    for (const table of property(route, 'RouteTableId')) routes.set(identity(table), words);
  }
  const found = new Map<string, string>();
  for (const association of templates.ofType('AWS::EC2::SubnetRouteTableAssociation')) {
    const why = property(association, 'RouteTableId').map((table) => routes.get(identity(table))).find((each) => each !== undefined);
    if (why !== undefined) for (const subnet of property(association, 'SubnetId')) found.set(identity(subnet), why);
  }
  for (const subnet of templates.ofType('AWS::EC2::Subnet')) {
    const key = resourceIdentity(subnet);
    if (found.has(key)) continue;
    for (const given of property(subnet, 'MapPublicIpOnLaunch').flatMap(truths)) {
      if (given === true) found.set(key, 'it gives public addresses to what starts in it');
      else if (given !== false) found.set(key, `whether it gives public addresses to what starts in it cannot be told at synthesis, ${given}`);
    }
  }
  return (subnet) => {
    const name = referenceOf(subnet)?.resource.logicalId;
    const why = found.get(identity(subnet));
    return why === undefined ? undefined : `${name === undefined ? '' : `${name}, `}${why}`;
  };
}

function isInternetGateway(gateway: Located): boolean {
  const id = scalar(gateway);
  return referenceOf(gateway)?.resource.type === 'AWS::EC2::InternetGateway' || (id.known && String(id.value).startsWith('igw-'));
}

function isPrivate(destination: Located): boolean {
  const block = scalar(destination);
  try {
    return block.known && isPrivateCidr(String(block.value));
  } catch {
    return false;
  }
}

/** Elastic addresses by what has them. */
function findElasticAddresses(templates: TemplateSet): ReadonlyMap<Resource, Resource> {
  const owners = new Map<Resource, Resource>();
  for (const address of templates.ofType('AWS::EC2::EIP', 'AWS::EC2::EIPAssociation')) {
    for (const value of [...property(address, 'InstanceId'), ...property(address, 'NetworkInterfaceId')]) {
      const owner = referenceOf(value)?.resource;
      if (owner) owners.set(owner, address);
    }
  }
  return owners;
}
