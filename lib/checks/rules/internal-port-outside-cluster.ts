import type { Entry } from '../ingress';
import { findEntries, openingInWords, openingOf, sourcesOf } from '../ingress';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import type { Located } from '../../exposure/templates/templates';
import { identity, inside, referenceOf, scalar } from '../../exposure/templates/values';
import type { SecurityGroupUse } from '../../exposure/workloads/workloads';

/** What servers and Keepers, or the ZooKeeper in their place, say to each other. No client has business there. */
const INTERNAL: ReadonlySet<number> = new Set([9009, 9010, 9181, 9281, 2181, 2281, 9234, 9444, 2888, 3888]);

/**
 * Addresses are never the cluster itself, a whole VPC least of all. Those that are public, or not known, are the matter of
 * ClickHouse-OpenIngress, which says all ports of an entry.
 */
export const internalPortOutsideCluster: Rule = {
  id: 'ClickHouse-InternalPortOutsideCluster',
  severity: 'error',
  info: 'a port that only the cluster itself needs is open to others',
  explanation: 'By default these ports ask for no password. The interserver port hands out parts of tables; whoever writes to Keeper or joins its Raft decides what every replica does.',
  fix: "admit these ports from the cluster's own security group only, and clients on 8443 or 9440 only",
  link: 'https://clickhouse.com/docs/guides/sre/network-ports',
  *check({ templates, workloads }: Deployment): Iterable<Finding> {
    const entriesOf = findEntries(templates, 'Ingress');
    for (const [group, uses] of workloads.securityGroups) {
      for (const entry of entriesOf(group)) yield* judge(entry, uses, workloads.securityGroups);
    }
  },
};

function* judge({ resource, value, location }: Entry, uses: readonly SecurityGroupUse[], own: ReadonlyMap<string, unknown>): Iterable<Finding> {
  if (sourcesOf(value).length > 0) return;
  for (const { owner, ports } of uses) {
    const opening = openingOf(value, [...INTERNAL].filter((port) => ports.has(port)));
    if (opening === undefined) continue;
    for (const source of strangersOf(value, own)) {
      const what = `${openingInWords(opening, [9009, 9181])} of ClickHouse (${owner.logicalId})`;
      const message = opening.known ? `${what} open to ${source}, not to the cluster alone` : `whether ports that only the cluster needs (${owner.logicalId}) are open to ${source} cannot be told at synthesis: the ports of the entry are not known`;
      yield finding(resource, message, { location });
    }
    return;
  }
}

/** The sources of an entry that are not the cluster: in words. Its load balancer counts as part of it, for that has no traffic of its own. */
function* strangersOf(entry: Located, own: ReadonlyMap<string, unknown>): Iterable<string> {
  for (const name of ['CidrIp', 'CidrIpv6']) for (const block of inside(entry, name)) yield `addresses (${nameOf(block)})`;
  for (const list of inside(entry, 'SourcePrefixListId')) yield `prefix list ${nameOf(list)}`;
  for (const name of ['SourceSecurityGroupId', 'SourceSecurityGroupName']) {
    for (const group of inside(entry, name)) if (!own.has(identity(group))) yield `security group ${nameOf(group)}, which no ClickHouse of these templates has`;
  }
}

function nameOf(value: Located): string {
  const reference = referenceOf(value);
  const literal = scalar(value);
  if (reference !== undefined) return reference.resource.logicalId;
  return literal.known ? String(literal.value) : `that is not known, ${literal.reason}`;
}
