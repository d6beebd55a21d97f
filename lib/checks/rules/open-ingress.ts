import type { Addresses } from '../addresses';
import { addressesOf, addressesOfList } from '../addresses';
import { CLICKHOUSE_PORTS } from '../../exposure/workloads/ports';
import type { Deployment, Finding, Rule } from '../rule';
import { finding } from '../rule';
import type { Located, Resource } from '../../exposure/templates/templates';
import { append } from '../../exposure/templates/templates';
import { elements, identity, inside, property, resourceIdentity, scalar } from '../../exposure/templates/values';
import type { SecurityGroupUse } from '../../exposure/workloads/workloads';

/** An ingress entry, the resource that has it and where. */
interface Entry {
  readonly resource: Resource;
  readonly value: Located;
  readonly location: string;
}

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
    const standalone = new Map<string, Resource[]>();
    for (const rule of templates.ofType('AWS::EC2::SecurityGroupIngress')) {
      for (const group of [...property(rule, 'GroupId'), ...property(rule, 'GroupName')]) append(standalone, identity(group), rule);
    }
    const inline = new Map(templates.ofType('AWS::EC2::SecurityGroup').map((group) => [resourceIdentity(group), group]));
    for (const [group, uses] of workloads.securityGroups) {
      const resource = inline.get(group);
      const entries: Entry[] = [
        ...(resource ? elements(resource, 'SecurityGroupIngress') : []).map((value, index) => ({ resource: resource as Resource, value, location: `Properties.SecurityGroupIngress.${index}` })),
        ...(standalone.get(group) ?? []).map((rule) => ({ resource: rule, value: { node: rule.properties, template: rule.template }, location: 'Properties' })),
      ];
      for (const entry of entries) yield* judge(entry, uses);
    }
  },
};

function* judge(entry: Entry, uses: readonly SecurityGroupUse[]): Iterable<Finding> {
  // the same group may serve several: one finding an entry, about the first whose ports it opens.
  for (const { owner, ports } of uses) {
    const opened = portsOpened(entry.value, ports);
    if (opened === undefined) continue;
    for (const source of sourcesOf(entry.value)) {
      const message = source.public
        ? `${opened} of ClickHouse (${owner.logicalId}) open to ${source.words}`
        : `${opened} of ClickHouse (${owner.logicalId}) open to an address that cannot be told at synthesis: ${source.words}`;
      const fix = source.public ? undefined : 'admit the security group of the clients, or write a private CIDR block that can be read at synthesis';
      yield finding(entry.resource, message, { location: entry.location, fix });
    }
    return;
  }
}

/** Which of the ports an entry opens, in words; undefined if none. */
function portsOpened(entry: Located, ports: ReadonlySet<number>): string | undefined {
  const protocols = inside(entry, 'IpProtocol').map(scalar);
  const names = protocols.map((each) => (each.known ? String(each.value).toLowerCase() : 'unknown'));
  const everything = names.some((name) => name === '-1' || name === 'all');
  if (names.length > 0 && !everything && !names.some((name) => name === 'tcp' || name === '6' || name === 'unknown')) return undefined;
  const bound = (name: string, otherwise: number): { value: number; known: boolean } => {
    const [value, ...others] = inside(entry, name).map(scalar);
    // EC2 writes -1 for 'any'.
    if (value === undefined || (value.known && Number(value.value) === -1)) return { value: otherwise, known: true };
    const port = value.known ? Number(value.value) : NaN;
    return others.length > 0 || !Number.isInteger(port) ? { value: otherwise, known: false } : { value: port, known: true };
  };
  const from = everything ? { value: 0, known: true } : bound('FromPort', 0);
  const to = everything ? { value: 65535, known: true } : bound('ToPort', 65535);
  const opened = [...ports].filter((port) => from.value <= port && port <= to.value).sort((a, b) => a - b);
  if (opened.length === 0) return undefined;
  if (!from.known || !to.known) return 'ports that cannot be told at synthesis';
  if (from.value <= 1 && to.value >= 65535) return `all ports, ${listOf(opened.filter((port) => port === 8123 || port === 9000)) || listOf(opened.slice(0, 2))} among them,`;
  return `port${opened.length > 1 ? 's' : ''} ${listOf(opened)}`;
}

function listOf(ports: readonly number[]): string {
  const words = ports.map((port) => (CLICKHOUSE_PORTS.has(port) ? `${port} (${CLICKHOUSE_PORTS.get(port)})` : `${port}`));
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;
}

/** The sources of an entry that are not known to be private. Another security group always is. */
function sourcesOf(entry: Located): readonly Addresses[] {
  const written = (name: string): readonly Located[] => inside(entry, name);
  const addresses = [...written('CidrIp'), ...written('CidrIpv6')].flatMap(addressesOf);
  const lists = written('SourcePrefixListId').flatMap(addressesOfList);
  const any = ['CidrIp', 'CidrIpv6', 'SourcePrefixListId', 'SourceSecurityGroupId', 'SourceSecurityGroupName'].some((name) => written(name).length > 0);
  return any ? [...addresses, ...lists] : [{ public: false, words: 'the entry names no source' }];
}
