import { ConfigurationError } from './error';

/** A block of addresses, exactly. */
export interface Cidr {
  readonly family: 4 | 6;
  /** the lowest address of the block as a number; its host bits are zero. */
  readonly first: bigint;
  /** how many leading bits all addresses of the block share. */
  readonly prefix: number;
}

/**
 * The ranges that no router on the internet forwards to us.
 *
 * Private use (RFC 1918), carrier-grade NAT (RFC 6598, which VPCs may use as secondary ranges), loopback, link-local, and their IPv6 counterparts.
 *
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml
 * @see https://www.iana.org/assignments/iana-ipv6-special-registry/iana-ipv6-special-registry.xhtml
 */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', 'fc00::/7', 'fe80::/10', '::1/128'].map(parseCidr);

/**
 * Reads a CIDR block, IPv4 or IPv6.
 *
 * The spelling is strict (no blanks, no leading zeros, which some parsers read as octal, no zone, no missing prefix), but host bits may be set:
 * EC2 takes `100.68.0.18/18` and stores `100.68.0.0/18`, so a check that refused the first would be blind to a rule that works.
 *
 * @see https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html
 */
export function parseCidr(text: string): Cidr {
  const [address = '', length = '', ...rest] = text.split('/');
  const family = address.includes(':') ? 6 : 4;
  const value = family === 6 ? parseIpv6(address) : parseIpv4(address);
  const prefix = /^(?:0|[1-9][0-9]{0,2})$/.test(length) ? Number(length) : Infinity;
  if (value === undefined || rest.length > 0 || prefix > bitsOf(family)) {
    throw new ConfigurationError('Cidr', `an address range must be a CIDR block such as 10.0.0.0/16 or fd00::/8, got ${JSON.stringify(text)}`);
  }
  const host = BigInt(bitsOf(family) - prefix);
  return { family, first: (value >> host) << host, prefix };
}

/** Whether every address of the block is private, loopback or link-local. Throws for what is not a CIDR block. */
export function isPrivateCidr(text: string): boolean {
  const block = parseCidr(text);
  // one range has to hold it all: no two of the private ranges are neighbours, so a block cannot be covered by several together.
  return PRIVATE.some((range) => containsCidr(range, block));
}

/** Whether every address of `inner` is in `outer`. */
export function containsCidr(outer: Cidr, inner: Cidr): boolean {
  if (outer.family !== inner.family || outer.prefix > inner.prefix) return false;
  const host = BigInt(bitsOf(outer.family) - outer.prefix);
  return outer.first >> host === inner.first >> host;
}

/** The usual spelling of a block, such as `10.0.0.0/8`; IPv6 without abbreviation, such as `fd00:0:0:0:0:0:0:0/8`. */
export function formatCidr(block: Cidr): string {
  const width = block.family === 4 ? 8 : 16;
  const groups = Array.from({ length: bitsOf(block.family) / width }, (_, index) => {
    const shift = BigInt(bitsOf(block.family) - width * (index + 1));
    const group = (block.first >> shift) & ((1n << BigInt(width)) - 1n);
    return group.toString(block.family === 4 ? 10 : 16);
  });
  return `${groups.join(block.family === 4 ? '.' : ':')}/${block.prefix}`;
}

/**
 * The blocks that `Fn::Cidr` makes of one: `count` of them, each with `hostBits` bits for hosts; undefined where it would fail.
 *
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-cidr.html
 */
export function subnetsOf(text: string, count: number, hostBits: number): string[] | undefined {
  const block = tryParse(text);
  if (block === undefined || !Number.isInteger(count) || count < 1 || count > 256 || !Number.isInteger(hostBits) || hostBits < 0) return undefined;
  const prefix = bitsOf(block.family) - hostBits;
  if (prefix < block.prefix || BigInt(count) > 1n << BigInt(prefix - block.prefix)) return undefined;
  return Array.from({ length: count }, (_, index) => formatCidr({ family: block.family, prefix, first: block.first + (BigInt(index) << BigInt(hostBits)) }));
}

function tryParse(text: string): Cidr | undefined {
  try {
    return parseCidr(text);
  } catch {
    return undefined;
  }
}

function bitsOf(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

function parseIpv4(text: string): bigint | undefined {
  const octets = text.split('.');
  if (octets.length !== 4 || !octets.every((octet) => /^(?:0|[1-9][0-9]{0,2})$/.test(octet) && Number(octet) <= 255)) return undefined;
  return octets.reduce((value, octet) => (value << 8n) | BigInt(octet), 0n);
}

/** RFC 4291, section 2.2: eight groups, one run of zero groups as `::`, and the last two groups perhaps written as IPv4. */
function parseIpv6(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0] ?? '', halves.length === 1);
  const tail = groupsOf(halves[1] ?? '', halves.length === 2);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  return [...head, ...Array<bigint>(missing).fill(0n), ...tail].reduce((value, group) => (value << 16n) | group, 0n);
}

function groupsOf(text: string, last: boolean): bigint[] | undefined {
  if (text === '') return [];
  const groups: bigint[] = [];
  const written = text.split(':');
  for (const [index, group] of written.entries()) {
    if (/^[0-9a-f]{1,4}$/i.test(group)) {
      groups.push(BigInt(`0x${group}`));
    } else {
      const embedded = last && index === written.length - 1 ? parseIpv4(group) : undefined;
      if (embedded === undefined) return undefined;
      groups.push(embedded >> 16n, embedded & 0xffffn);
    }
  }
  return groups;
}
