import type { Entry } from '../ingress';
import { findEntries, openingInWords, openingOf, sourcesOf } from '../ingress';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import type { SecurityGroupUse } from '../../exposure/workloads/workloads';

/**
 * Every entry is judged on its own: two halves of the internet are two findings, and one entry that cannot be read hides no other.
 */
export const openIngress: Rule = {
  id: 'ClickHouse-OpenIngress',
  severity: 'error',
  info: 'a security group of ClickHouse admits addresses that are not private',
  explanation: 'Scanners find an open ClickHouse port within hours, and remote code execution before the login (CVE-2026-116366) needs nothing but a way to the port. The January 2025 DeepSeek breach was ports 8123 and 9000 open to everybody.',
  fix: 'admit the security group of the clients instead of addresses',
  link: 'https://clickhouse.com/docs/guides/sre/network-ports',
  *check({ templates, workloads }: Deployment): Iterable<Finding> {
    const entriesOf = findEntries(templates, 'Ingress');
    for (const [group, uses] of workloads.securityGroups) {
      for (const entry of entriesOf(group)) yield* judge(entry, uses);
    }
  },
};

function* judge(entry: Entry, uses: readonly SecurityGroupUse[]): Iterable<Finding> {
  // the same group may serve several: one finding an entry, about the first whose ports it opens.
  for (const { owner, ports } of uses) {
    const opening = openingOf(entry.value, ports);
    if (opening === undefined) continue;
    const what = `${openingInWords(opening, [8123, 9000])} of ClickHouse (${owner.logicalId}) open to`;
    for (const source of sourcesOf(entry.value)) {
      const message = source.public ? `${what} ${source.words}` : `${what} an address that cannot be told at synthesis: ${source.words}`;
      const fix = source.public ? undefined : 'admit the security group of the clients, or write a private CIDR block that can be read at synthesis';
      yield finding(entry.resource, message, { location: entry.location, fix });
    }
    return;
  }
}
