import { placements, subnetsOfGroup } from '../placements';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import { findPublicSubnets } from '../subnets';
import type { Located, Resource, TemplateSet } from '../../exposure/templates/templates';
import { everythingOf, inside, items, mayBeAbsent, property, scalar, truths } from '../../exposure/templates/values';
import type { Workloads } from '../../exposure/workloads/workloads';
import { hostProperty } from '../../exposure/workloads/workloads';

export const publicSubnet: Rule = {
  id: 'ClickHouse-PublicSubnet',
  severity: 'error',
  info: 'ClickHouse has a public address, a public load balancer or a subnet with a route to the internet',
  explanation: 'In a public subnet one security group rule is all that separates a database from the internet; in a private one that mistake exposes nothing.',
  fix: 'use private or isolated subnets, with no public address; reach it from outside through a VPN, or AWS Systems Manager for administration',
  link: 'https://docs.aws.amazon.com/vpc/latest/userguide/configure-subnets.html',
  *check({ templates, workloads }: Deployment): Iterable<Finding> {
    const publicSubnets = findPublicSubnets(templates);
    const elastic = findElasticAddresses(templates, workloads);
    for (const { resource, subnets, addresses } of placements(workloads)) {
      for (const { value, location } of subnets) {
        const found = publicSubnets(value);
        const name = `ClickHouse (${resource.logicalId}) is in a public subnet`;
        if (found) yield finding(resource, `${found.certain ? name : cannotBeTold(name)}: ${found.words}`, { location });
      }
      for (const { value, location } of addresses) {
        for (const given of truths(value)) {
          if (given === true) yield finding(resource, `ClickHouse (${resource.logicalId}) is given a public address`, { location });
          else if (given !== false) yield finding(resource, `${cannotBeTold(`ClickHouse (${resource.logicalId}) is given a public address`)}: ${given}`, { location });
        }
      }
      const address = elastic.get(resource);
      if (address) yield finding(resource, `ClickHouse (${resource.logicalId}) has the elastic address ${address.logicalId}`, { fix: `remove ${address.logicalId}` });
    }
    yield* withoutNetwork(workloads);
    yield* publicFronts(workloads);
  },
};

function cannotBeTold(what: string): string {
  return `whether ${what} cannot be told at synthesis`;
}

// https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc.html
const DEFAULT_VPC = 'so it starts in the default VPC of the account, whose subnets are public unless somebody changed that';

/** Hosts and groups that nobody tells which network to start in. A launch template is judged by what starts from it. */
function* withoutNetwork({ hosts, groups, launchTemplatesOf }: Workloads): Iterable<Finding> {
  for (const each of [...hosts.filter((host) => host.type === 'AWS::EC2::Instance'), ...groups]) {
    const templates = launchTemplatesOf(each);
    if ([each, ...templates].some((part) => part && networksOf(part).length > 0)) continue;
    const why = templates.includes(undefined)
      ? 'it names no subnet, and its launch template is not in the templates'
      : `neither it nor a launch template names a subnet or an interface, ${DEFAULT_VPC}`;
    yield finding(each, `${cannotBeTold(`ClickHouse (${each.logicalId}) is in a public subnet`)}: ${why}`, { fix: 'name a private subnet' });
  }
}

/** The subnets and interfaces that a host, a launch template or a group names. */
function networksOf(resource: Resource): readonly Located[] {
  const cards = hostProperty(resource, 'NetworkInterfaces').flatMap((list) => items(list));
  return [
    ...hostProperty(resource, 'SubnetId'),
    ...cards.flatMap((each) => [...inside(each, 'SubnetId'), ...inside(each, 'NetworkInterfaceId')]),
    ...subnetsOfGroup(resource).map(({ value }) => value),
  ];
}

/** A load balancer is reachable from the internet unless it says that it is internal: that is the default of all kinds of them. */
function* publicFronts({ loadBalancers, strangeListeners }: Workloads): Iterable<Finding> {
  for (const balancer of loadBalancers) {
    const name = `load balancer ${balancer.logicalId} in front of ClickHouse`;
    const schemes = property(balancer, 'Scheme').map(scalar);
    const reasons = schemes.flatMap((each) => (each.known ? [] : each.reason));
    const more = { location: 'Properties.Scheme', fix: 'set Scheme to internal' };
    if (mayBeAbsent(everythingOf(balancer), 'Scheme')) yield finding(balancer, `${name} is internet-facing: it names no Scheme, and that is the default`, more);
    else if (schemes.some((each) => each.known && each.value !== 'internal')) yield finding(balancer, `${name} is internet-facing: its Scheme says so`, more);
    else if (reasons.length > 0) yield finding(balancer, `${cannotBeTold(`${name} is internal`)}: ${reasons.join(', ')}`, more);
  }
  for (const listener of strangeListeners) {
    const what = `the load balancer in front of ClickHouse that ${listener.logicalId} belongs to is internal`;
    yield finding(listener, `${cannotBeTold(what)}: it is not in the templates`, {
      fix: 'define the load balancer in this app, with Scheme internal',
    });
  }
}

/** Elastic addresses by what has them. */
function findElasticAddresses(templates: TemplateSet, { ownerOf }: Workloads): ReadonlyMap<Resource, Resource> {
  const owners = new Map<Resource, Resource>();
  for (const address of templates.ofType('AWS::EC2::EIP', 'AWS::EC2::EIPAssociation')) {
    for (const name of ['InstanceId', 'NetworkInterfaceId', 'PrivateIpAddress']) {
      for (const owner of property(address, name).map(ownerOf)) if (owner) owners.set(owner, address);
    }
  }
  return owners;
}
