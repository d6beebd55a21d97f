import type { Programs } from '../programs';
import { succeed } from '../programs';

/**
 * Where credentials of the machine can be asked for. Whoever runs as ClickHouse, also through a hole in it or by a query that fetches a URL, could
 * become the node by asking here: the role reads the node's secrets.
 *
 * - 169.254.169.254, fd00:ec2::254: the instance metadata service. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html
 * - 169.254.170.2: credentials of a task. https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html
 * - 169.254.170.23, fd00:ec2::23: credentials of a pod. https://docs.aws.amazon.com/eks/latest/userguide/pod-id-agent-setup.html
 *
 * Nobody answers at the last three on a node of ours; an image of somebody else's may bring an agent that does.
 */
export const METADATA_ADDRESSES = ['169.254.169.254', '169.254.170.2', '169.254.170.23', 'fd00:ec2::254', 'fd00:ec2::23'] as const;

const NFT = '/usr/sbin/nft';
const FIREWALL = 'clickhouse_agent';
const DRAIN = 'clickhouse_drain';

/**
 * The rules that keep a user from the metadata service, always. Read by nft as one transaction: at no instant is there no table.
 * https://wiki.nftables.org/wiki-nftables/index.php/Atomic_rule_replacement
 */
export function firewallRules(uid: number): string {
  if (!Number.isSafeInteger(uid) || uid <= 0) throw new Error(`the firewall needs the id of a user who is not root, who must reach the metadata service, got ${uid}`);
  return replacing(FIREWALL, 'output', METADATA_ADDRESSES.map((address) => `meta skuid ${uid} ${family(address)} daddr ${address} reject with icmpx admin-prohibited`));
}

/** Puts the rules in force and looks whether they are. */
export async function applyFirewall(programs: Programs, uid: number): Promise<void> {
  await load(programs, firewallRules(uid));
  if (!(await firewallHolds(programs, uid))) throw new Error('nft took the rules that keep ClickHouse from the metadata service, and lists others; ClickHouse must not run');
}

/**
 * What nft says of a table that does not exist, and of nothing else: a file or a device that is missing is told with more before these words. It may
 * name a table that is called almost the same. https://git.netfilter.org/nftables/tree/src/evaluate.c (table_not_found)
 */
const NO_SUCH_TABLE = new RegExp(`^Error: No such file or directory(?:; did you mean table [^\\n]*)?\\nlist table inet ${FIREWALL}\\n`);

/** Whether the rules are in force; false when nft says that there is no such table. Fails when nft cannot say: that is no reason to take them for gone. */
export async function firewallHolds(programs: Programs, uid: number): Promise<boolean> {
  const { code, stdout, stderr } = await programs.run(NFT, ['--json', 'list', 'table', 'inet', FIREWALL]);
  if (code === 0) return isFirewall(stdout, uid);
  if (NO_SUCH_TABLE.test(stderr)) return false;
  throw new Error(`nft cannot say whether ClickHouse is kept from the metadata service: it ended with ${code}: ${stderr.trim().replace(/\s+/g, ' ').slice(0, 300) || 'it said nothing'}`);
}

/**
 * Whether what nft lists is the firewall, and nothing besides: a rule before ours could accept what ours refuses, a flag put the whole table to
 * sleep. https://manpages.debian.org/bookworm/libnftables1/libnftables-json.5.en.html
 */
export function isFirewall(listing: string, uid: number): boolean {
  const objects = objectsIn(listing);
  const tables = ofKind(objects, 'table');
  const chains = ofKind(objects, 'chain');
  const rules = ofKind(objects, 'rule');
  // a set or a map: not ours.
  if (objects.length !== 2 + METADATA_ADDRESSES.length || tables.length !== 1 || chains.length !== 1) return false;
  return tables.every(isTable) && chains.every(isChain) && METADATA_ADDRESSES.every((address, i) => isRule(rules[i], uid, address));
}

/**
 * The rules that let nobody new in by these ports. The load balancer's health check fails, so it sends nobody any more; connections that are open
 * go on. The node itself still gets in: it waits for the queries that run.
 *
 * By the packet that opens a connection and not by the kernel's table of connections: the kernel keeps that table only while a rule asks for it,
 * so a connection that was open before would be new to it and end. https://wiki.nftables.org/wiki-nftables/index.php/Matching_packet_headers
 */
export function drainRules(ports: readonly number[]): string {
  if (ports.length === 0) throw new Error('draining needs the ports that clients come by, got none');
  for (const port of ports) {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new Error(`a port is a whole number from 1 to 65535, got ${port}`);
  }
  return replacing(DRAIN, 'input', [`iifname != "lo" tcp dport { ${ports.join(', ')} } tcp flags & (fin | syn | rst | ack) == syn reject with tcp reset`]);
}

/** Closes ports to new clients. */
export async function closeToClients(programs: Programs, ports: readonly number[]): Promise<void> {
  await load(programs, drainRules(ports));
}

/** Opens them again; also when they were never closed. */
export async function openToClients(programs: Programs): Promise<void> {
  await load(programs, removing(DRAIN));
}

async function load(programs: Programs, rules: string): Promise<void> {
  await succeed(programs, NFT, ['--file', '-'], { input: rules });
}

function replacing(table: string, hook: 'input' | 'output', rules: readonly string[]): string {
  return [
    `${removing(table)}table inet ${table} {`,
    `  chain ${hook} {`,
    `    type filter hook ${hook} priority filter; policy accept;`,
    ...rules.map((rule) => `    ${rule}`),
    '  }',
    '}',
    '',
  ].join('\n');
}

/** What does not exist cannot be deleted, so it is made first. */
function removing(table: string): string {
  return `table inet ${table}\ndelete table inet ${table}\n`;
}

function family(address: string): 'ip' | 'ip6' {
  return address.includes(':') ? 'ip6' : 'ip';
}

type Fields = Readonly<Record<string, unknown>>;

function objectsIn(listing: string): Fields[] {
  try {
    const { nftables } = fields(JSON.parse(listing));
    return Array.isArray(nftables) ? nftables.map(fields).filter((each) => !('metainfo' in each)) : [];
  } catch {
    return [];
  }
}

function ofKind(objects: readonly Fields[], kind: string): Fields[] {
  return objects.filter((each) => kind in each).map((each) => fields(each[kind]));
}

function isTable(table: Fields): boolean {
  return table.family === 'inet' && table.name === FIREWALL && Object.keys(table).every((key) => ['family', 'name', 'handle'].includes(key));
}

function isChain(chain: Fields): boolean {
  return chain.family === 'inet' && chain.table === FIREWALL && chain.name === 'output' && chain.type === 'filter' && chain.hook === 'output' && chain.prio === 0;
}

function isRule(rule: Fields | undefined, uid: number, address: string): boolean {
  if (rule?.chain !== 'output' || !Array.isArray(rule.expr) || rule.expr.length !== 3) return false;
  const [who, where, what] = rule.expr.map(fields);
  const wanted = [
    { op: '==', left: { meta: { key: 'skuid' } }, right: uid },
    { op: '==', left: { payload: { protocol: family(address), field: 'daddr' } }, right: address },
  ];
  return JSON.stringify([ordered(who?.match), ordered(where?.match)]) === JSON.stringify(wanted) && what !== undefined && 'reject' in what;
}

/** The parts of a comparison in one order, and nothing else of it. */
function ordered(match: unknown): unknown {
  const { op, left, right, ...rest } = fields(match);
  const { meta, payload } = fields(left);
  const { protocol, field } = fields(payload);
  return Object.keys(rest).length > 0 ? rest : { op, left: meta === undefined ? { payload: { protocol, field } } : { meta: { key: fields(meta).key } }, right };
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
