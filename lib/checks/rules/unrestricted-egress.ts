import { addressesOf } from '../addresses';
import type { Entry } from '../ingress';
import { findEntries } from '../ingress';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import { parseCidr } from '../../config/addresses';
import type { Located, Resource } from '../../exposure/templates/templates';
import { elements, everythingOf, inside, mayBeAbsent, referenceOf, resourceIdentity, scalar } from '../../exposure/templates/values';
import { LOAD_BALANCER_TYPES } from '../../exposure/workloads/load-balancers';

const PINGS = new Set(['icmp', 'icmpv6', '1', '58']);

// an entry wider than what IANA gives one regional registry is nobody's network: it is the internet, or a half of it.
// https://www.iana.org/assignments/ipv4-address-space/ipv4-address-space.xhtml
// https://www.iana.org/assignments/ipv6-unicast-address-assignments/ipv6-unicast-address-assignments.xhtml
const WIDEST = { 4: 8, 6: 12 };

/** A group that is only imported is not judged, except by the entries that are added to it here. */
export const unrestrictedEgress: Rule = {
  id: 'ClickHouse-UnrestrictedEgress',
  severity: 'warning',
  info: 'a security group of ClickHouse lets it connect to the whole internet',
  explanation: 'One statement sends a table anywhere: INSERT INTO FUNCTION url(), s3() or remote(). A server that cannot connect out keeps its data even from somebody who can run queries.',
  fix: 'write SecurityGroupEgress (allowAllOutbound: false in CDK) with what it really needs: the cluster itself, VPC endpoints, the prefix list of S3',
  link: 'https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-ec2-securitygroup.html',
  *check({ templates, workloads }: Deployment): Iterable<Finding> {
    const entriesOf = findEntries(templates, 'Egress');
    const groups = new Map(templates.ofType('AWS::EC2::SecurityGroup').map((group) => [resourceIdentity(group), group]));
    for (const [group, uses] of workloads.securityGroups) {
      // a load balancer only connects to its targets.
      const owner = uses.map((use) => use.owner).find((each) => !LOAD_BALANCER_TYPES.includes(each.type));
      if (owner === undefined) continue;
      const resource = groups.get(group);
      const entries = entriesOf(group);
      const name = `ClickHouse (${owner.logicalId})`;
      if (resource !== undefined && hasDefault(resource, entries)) {
        yield finding(resource, `${name} may connect to the whole internet: ${resource.logicalId} has no egress entries, and EC2 then allows everything`, { location: 'Properties.SecurityGroupEgress' });
      }
      for (const entry of entries) {
        for (const { certain, words } of destinationsOf(entry.value)) {
          yield finding(entry.resource, certain ? `${name} may connect to ${words}` : `whether ${name} may connect to the whole internet cannot be told at synthesis: ${words}`, { location: entry.location });
        }
      }
    }
  },
};

/**
 * Whether a group keeps the entry that EC2 gives a new one. The first egress entry takes it away, one that is a resource of its own as
 * well; an empty list does not.
 *
 * @see https://github.com/aws/aws-cdk/issues/987
 */
function hasDefault(group: Resource, entries: readonly Entry[]): boolean {
  if (entries.length === 0) return true;
  const standalone = entries.some((each) => each.resource !== group);
  return !standalone && mayBeAbsent(everythingOf(group), 'SecurityGroupEgress');
}

interface Destination {
  readonly certain: boolean;
  readonly words: string;
}

/** Where an entry leads to that is as wide as the internet, or is not known. */
function destinationsOf(entry: Located): readonly Destination[] {
  const protocols = inside(entry, 'IpProtocol').map(scalar);
  if (protocols.length > 0 && protocols.every((each) => each.known && PINGS.has(String(each.value).toLowerCase()))) return [];
  const blocks = [...inside(entry, 'CidrIp'), ...inside(entry, 'CidrIpv6')];
  // lists that are not ours are those of AWS services, and never the internet.
  const lists = inside(entry, 'DestinationPrefixListId').flatMap((each) => referenceOf(each)?.resource ?? []);
  const listed = lists.filter((each) => each.type === 'AWS::EC2::PrefixList').flatMap((list) => elements(list, 'Entries')).flatMap((each) => inside(each, 'Cidr'));
  return [...blocks, ...listed].flatMap((block) => addressesOf(block).filter((each) => !each.public || isWide(block)).map((each) => ({ certain: each.public, words: each.words })));
}

function isWide(block: Located): boolean {
  const text = scalar(block);
  const { family, prefix } = parseCidr(text.known ? String(text.value) : '');
  return prefix < WIDEST[family];
}
