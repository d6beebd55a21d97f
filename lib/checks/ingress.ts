import type { Addresses } from './addresses';
import { addressesOf, addressesOfList } from './addresses';
import type { Located, Resource, TemplateSet } from '../exposure/templates/templates';
import { append } from '../exposure/templates/templates';
import { elements, everythingOf, identity, inside, property, resourceIdentity, scalar } from '../exposure/templates/values';
import { CLICKHOUSE_PORTS } from '../exposure/workloads/ports';

/** An entry of a security group, the resource that has it and where. */
export interface Entry {
  readonly resource: Resource;
  readonly value: Located;
  readonly location: string;
}

/** The entries of security groups by the group's identity: those written in the group itself, and those that are resources of their own. */
export function findEntries(templates: TemplateSet, direction: 'Ingress' | 'Egress'): (group: string) => readonly Entry[] {
  const standalone = new Map<string, Entry[]>();
  for (const rule of templates.ofType(`AWS::EC2::SecurityGroup${direction}`)) {
    const entry = { resource: rule, value: everythingOf(rule), location: 'Properties' };
    for (const group of [...property(rule, 'GroupId'), ...property(rule, 'GroupName')]) append(standalone, identity(group), entry);
  }
  const groups = new Map(templates.ofType('AWS::EC2::SecurityGroup').map((group) => [resourceIdentity(group), group]));
  const name = `SecurityGroup${direction}`;
  return (group) => {
    const resource = groups.get(group);
    const inline = resource === undefined ? [] : elements(resource, name).map((value, index) => ({ resource, value, location: `Properties.${name}.${index}` }));
    return [...inline, ...(standalone.get(group) ?? [])];
  };
}

/** Which of some ports an entry opens. */
export interface Opening {
  /** in ascending order, never empty; those that it may open where the ends of its range are not known. */
  readonly ports: readonly number[];
  readonly known: boolean;
  /** whether it opens every port there is. */
  readonly all: boolean;
}

/** Which of the TCP ports an entry opens; undefined if none. */
export function openingOf(entry: Located, ports: Iterable<number>): Opening | undefined {
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
  return opened.length === 0 ? undefined : { ports: opened, known: from.known && to.known, all: from.value <= 1 && to.value >= 65535 };
}

const NAMES: ReadonlyMap<number, string> = new Map([...CLICKHOUSE_PORTS, [22, 'SSH'], [3389, 'Remote Desktop']]);

/** An opening in words. Of one that opens every port, those that matter most are named. */
export function openingInWords({ ports, known, all }: Opening, foremost: readonly number[]): string {
  if (!known) return 'ports that cannot be told at synthesis';
  if (all) return `all ports, ${listOf(ports.filter((port) => foremost.includes(port))) || listOf(ports.slice(0, 2))} among them,`;
  return `port${ports.length > 1 ? 's' : ''} ${listOf(ports)}`;
}

function listOf(ports: readonly number[]): string {
  const words = ports.map((port) => (NAMES.has(port) ? `${port} (${NAMES.get(port)})` : `${port}`));
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words[words.length - 1]}`;
}

/** The sources of an ingress entry that are not known to be private. Another security group always is. */
export function sourcesOf(entry: Located): readonly Addresses[] {
  const written = (name: string): readonly Located[] => inside(entry, name);
  const addresses = [...written('CidrIp'), ...written('CidrIpv6')].flatMap(addressesOf);
  const lists = written('SourcePrefixListId').flatMap(addressesOfList);
  const any = ['CidrIp', 'CidrIpv6', 'SourcePrefixListId', 'SourceSecurityGroupId', 'SourceSecurityGroupName'].some((name) => written(name).length > 0);
  return any ? [...addresses, ...lists] : [{ public: false, words: 'the entry names no source' }];
}
