// exact address sets against plain bit sets of a small address space, and what counts as the internet against the registries.
import { BlockList } from 'node:net';
import * as fc from 'fast-check';
import { formatCidr, parseCidr } from '../../lib/config/addresses';
import { AddressSet } from '../../lib/exposure/addresses/address-set';
import { INTERNET, INTERNET_V4, INTERNET_V6 } from '../../lib/exposure/addresses/internet';

interface Space {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly bits: number;
  /** the place of its first address in the bit sets. */
  readonly at: number;
}

// 64 addresses of each family; those at the ends of the whole space are where off-by-ones live.
const SPACES: readonly Space[] = [
  { family: 4, first: parseCidr('10.0.0.0/26').first, bits: 32, at: 0 },
  { family: 6, first: parseCidr('fd00::/122').first, bits: 128, at: 64 },
  { family: 4, first: 0n, bits: 32, at: 128 },
  { family: 4, first: (1n << 32n) - 64n, bits: 32, at: 192 },
  { family: 6, first: 0n, bits: 128, at: 256 },
  { family: 6, first: (1n << 128n) - 64n, bits: 128, at: 320 },
];
const SIZE = 384;

/** A set both ways: as the analysis has it, and as one bit for each address. */
interface Both {
  readonly set: AddressSet;
  readonly bits: bigint;
}

const block: fc.Arbitrary<Both> = fc.tuple(fc.constantFrom(...SPACES), fc.nat({ max: 6 }), fc.nat({ max: 63 })).map(([{ family, first, bits, at }, host, index]) => {
  const start = (index >> host) << host;
  return { set: AddressSet.of(formatCidr({ family, first: first + BigInt(start), prefix: bits - host })), bits: ((1n << BigInt(1 << host)) - 1n) << BigInt(at + start) };
});

// sets by blocks, and by any sequence of operations on such sets.
const plain: fc.Arbitrary<Both> = fc.array(block, { maxLength: 6 }).map((all) => ({ set: AddressSet.union(all.map(({ set }) => set)), bits: all.reduce((sum, { bits }) => sum | bits, 0n) }));
const OPERATIONS: ReadonlyArray<(a: Both, b: Both) => Both> = [
  (a, b) => ({ set: a.set.union(b.set), bits: a.bits | b.bits }),
  (a, b) => ({ set: a.set.intersect(b.set), bits: a.bits & b.bits }),
  (a, b) => ({ set: a.set.minus(b.set), bits: a.bits & ~b.bits }),
];
const any: fc.Arbitrary<Both> = fc.tuple(plain, fc.array(fc.tuple(fc.constantFrom(...OPERATIONS), plain), { maxLength: 4 })).map(([first, steps]) => steps.reduce((at, [operation, other]) => operation(at, other), first));

const SINGLE = SPACES.flatMap(({ family, first, bits }) => Array.from({ length: 64 }, (_, index) => AddressSet.of(formatCidr({ family, first: first + BigInt(index), prefix: bits }))));

/** The bits of a set, read address by address. */
function bitsOf(set: AddressSet): bigint {
  return SINGLE.reduce((sum, single, index) => (set.includes(single) ? sum | (1n << BigInt(index)) : sum), 0n);
}

function count(bits: bigint): bigint {
  return BigInt(bits.toString(2).replace(/0/g, '').length);
}

/** The first and the last addresses of the ranges that a set is kept as: IPv4 behind IPv6. */
const rangesOf = (set: AddressSet): ReadonlyArray<{ readonly first: bigint; readonly last: bigint }> => set['ranges'];

describe('an address set', () => {
  test('has the addresses that bit sets have, whatever it is made by', () => {
    fc.assert(
      fc.property(any, ({ set, bits }) => {
        expect(bitsOf(set)).toBe(bits);
        expect(set.size).toBe(count(bits));
        expect(set.isEmpty).toBe(bits === 0n);
      }),
      { numRuns: 300 },
    );
  });

  test('answers what bit sets answer', () => {
    fc.assert(
      fc.property(any, any, (a, b) => {
        expect(a.set.includes(b.set)).toBe((b.bits & ~a.bits) === 0n);
        expect(a.set.misses(b.set)).toBe((a.bits & b.bits) === 0n);
        expect(a.set.equals(b.set)).toBe(a.bits === b.bits);
        // asked again, from what is remembered.
        expect(a.set.misses(b.set)).toBe((a.bits & b.bits) === 0n);
        expect(b.set.misses(a.set)).toBe((a.bits & b.bits) === 0n);
      }),
      { numRuns: 1_000 },
    );
  });

  test('is the same list when it is the same set, in order and with gaps between', () => {
    fc.assert(
      fc.property(any, fc.array(fc.nat({ max: SIZE - 1 }), { maxLength: SIZE }), ({ set, bits }, order) => {
        const members = [...new Set([...order, ...SINGLE.keys()])].filter((index) => (bits >> BigInt(index)) & 1n);
        const again = members.map((index) => SINGLE[index] ?? AddressSet.NONE).reduce((all, each) => all.union(each), AddressSet.NONE);
        expect(rangesOf(again)).toEqual(rangesOf(set));
        expect(rangesOf(AddressSet.union(members.map((index) => SINGLE[index] ?? AddressSet.NONE)))).toEqual(rangesOf(set));
        const ranges = rangesOf(set);
        for (const [index, { first, last }] of ranges.entries()) {
          expect(first <= last).toBe(true);
          if (index > 0) expect(first > (ranges[index - 1]?.last ?? 0n) + 1n).toBe(true);
        }
      }),
      { numRuns: 200 },
    );
  });

  test('obeys the laws of sets', () => {
    fc.assert(
      fc.property(any, any, any, ({ set: a }, { set: b }, { set: c }) => {
        const same = (left: AddressSet, right: AddressSet): void => expect(rangesOf(left)).toEqual(rangesOf(right));
        same(a.union(b), b.union(a));
        same(a.intersect(b), b.intersect(a));
        same(a.union(b).union(c), a.union(b.union(c)));
        same(a.intersect(b).intersect(c), a.intersect(b.intersect(c)));
        same(a.intersect(b.union(c)), a.intersect(b).union(a.intersect(c)));
        same(a.union(b.intersect(c)), a.union(b).intersect(a.union(c)));
        same(a.minus(b.union(c)), a.minus(b).minus(c));
        same(a.minus(b.intersect(c)), a.minus(b).union(a.minus(c)));
        same(AddressSet.ALL.minus(a.union(b)), AddressSet.ALL.minus(a).intersect(AddressSet.ALL.minus(b)));
        same(AddressSet.ALL.minus(AddressSet.ALL.minus(a)), a);
        same(a.minus(b).union(a.intersect(b)), a);
        same(a.union(a), a);
        same(a.minus(a), AddressSet.NONE);
        same(AddressSet.union([a, b, c, a]), a.union(b).union(c));
        expect(a.union(b).size + a.intersect(b).size).toBe(a.size + b.size);
        expect(a.union(b).includes(a) && a.includes(a.intersect(b)) && a.minus(b).misses(b)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });

  test('stays the same object where nothing is taken from it, so that what is known of it is found again', () => {
    fc.assert(
      fc.property(any, any, ({ set: a }, { set: b }) => {
        if (b.includes(a) && !a.equals(b)) expect(a.intersect(b)).toBe(a);
        expect(a.intersect(b)).toBe(a.intersect(b));
      }),
    );
  });

  test('keeps the families apart, also where their numbers are neighbours', () => {
    const [last6, first4] = [AddressSet.of('ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128'), AddressSet.of('0.0.0.0/32')];
    expect(last6.misses(first4)).toBe(true);
    expect(rangesOf(last6.union(first4))).toHaveLength(2);
    expect(AddressSet.of('10.0.0.0/8').misses(AddressSet.of('::10.0.0.0/104'))).toBe(true);
    expect(AddressSet.of('10.0.0.0/8').misses(AddressSet.of('::ffff:10.0.0.0/104'))).toBe(true);
    expect(AddressSet.ALL_V4.includes(AddressSet.of('::/128'))).toBe(false);
    expect(AddressSet.ALL.size).toBe((1n << 128n) + (1n << 32n));
  });

  test('reads blocks as EC2 does: host bits do not count, and what is no block is refused', () => {
    expect(AddressSet.of('10.1.2.3/8').equals(AddressSet.of('10.0.0.0/8'))).toBe(true);
    expect(() => AddressSet.of('10.0.0.0')).toThrow('CIDR');
    expect(AddressSet.of()).toEqual(AddressSet.NONE);
    expect(AddressSet.union([])).toBe(AddressSet.NONE);
  });

  test('is as exact among all addresses', () => {
    const octet = fc.nat({ max: 255 });
    const cidr4 = fc.tuple(fc.tuple(octet, octet, octet, octet), fc.nat({ max: 32 })).map(([octets, prefix]) => `${octets.join('.')}/${prefix}`);
    const cidr6 = fc.tuple(fc.ipV6(), fc.nat({ max: 128 })).map(([address, prefix]) => `${address}/${prefix}`);
    const cidrs = fc.array(fc.oneof(cidr4, cidr6), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(cidrs, cidrs, (left, right) => {
        const [a, b] = [AddressSet.of(...left), AddressSet.of(...right)];
        const [inLeft, inRight] = [listOf(left), listOf(right)];
        for (const address of [...left, ...right].flatMap(edges)) {
          const one = AddressSet.of(address);
          expect(a.union(b).includes(one)).toBe(inLeft(address) || inRight(address));
          expect(a.intersect(b).includes(one)).toBe(inLeft(address) && inRight(address));
          expect(a.minus(b).includes(one)).toBe(inLeft(address) && !inRight(address));
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** Whether an address is in one of several blocks, by Node; it takes mapped addresses for IPv4, which EC2 does not. */
function listOf(blocks: readonly string[]): (address: string) => boolean {
  const lists = [new BlockList(), new BlockList()];
  for (const each of blocks) {
    const [address = '', prefix] = each.split('/');
    const is6 = address.includes(':');
    lists[is6 ? 1 : 0]?.addSubnet(address, Number(prefix), is6 ? 'ipv6' : 'ipv4');
  }
  return (cidr) => {
    const [address = ''] = cidr.split('/');
    const is6 = address.includes(':');
    return lists[is6 ? 1 : 0]?.check(address, is6 ? 'ipv6' : 'ipv4') ?? false;
  };
}

/** The addresses at both ends of a block and just outside of it, where there are any. */
function edges(cidr: string): string[] {
  const { family, first, prefix } = parseCidr(cidr);
  const bits = family === 4 ? 32 : 128;
  const last = first + (1n << BigInt(bits - prefix)) - 1n;
  return [first - 1n, first, last, last + 1n].filter((each) => each >= 0n && each < 1n << BigInt(bits)).map((each) => formatCidr({ family, first: each, prefix: bits }));
}

/**
 * The special-purpose registries, each entry with its column 'Globally Reachable'; those that say neither (N/A) are protocols whose addresses
 * stand for others', which nobody should be sending from any more.
 *
 * https://www.iana.org/assignments/iana-ipv4-special-registry/iana-ipv4-special-registry.xhtml
 * https://www.iana.org/assignments/iana-ipv6-special-registry/iana-ipv6-special-registry.xhtml
 */
const REGISTRIES: ReadonlyArray<readonly [block: string, globally: boolean, name: string]> = [
  ['0.0.0.0/8', false, 'this network'],
  ['0.0.0.0/32', false, 'this host'],
  ['10.0.0.0/8', false, 'private use'],
  ['100.64.0.0/10', false, 'shared address space'],
  ['127.0.0.0/8', false, 'loopback'],
  ['169.254.0.0/16', false, 'link local'],
  ['172.16.0.0/12', false, 'private use'],
  ['192.0.0.0/24', false, 'IETF protocol assignments'],
  ['192.0.0.0/29', false, 'IPv4 service continuity'],
  ['192.0.0.8/32', false, 'IPv4 dummy address'],
  ['192.0.0.9/32', true, 'port control protocol anycast'],
  ['192.0.0.10/32', true, 'traversal using relays around NAT anycast'],
  ['192.0.0.170/32', false, 'NAT64/DNS64 discovery'],
  ['192.0.0.171/32', false, 'NAT64/DNS64 discovery'],
  ['192.0.2.0/24', false, 'documentation (TEST-NET-1)'],
  ['192.31.196.0/24', true, 'AS112-v4'],
  ['192.52.193.0/24', true, 'automatic multicast tunneling'],
  ['192.88.99.0/24', false, '6to4 relay anycast, N/A: deprecated'],
  ['192.88.99.2/32', false, '6a44 relay anycast'],
  ['192.168.0.0/16', false, 'private use'],
  ['192.175.48.0/24', true, 'direct delegation AS112 service'],
  ['198.18.0.0/15', false, 'benchmarking'],
  ['198.51.100.0/24', false, 'documentation (TEST-NET-2)'],
  ['203.0.113.0/24', false, 'documentation (TEST-NET-3)'],
  ['240.0.0.0/4', false, 'reserved'],
  ['255.255.255.255/32', false, 'limited broadcast'],
  ['::1/128', false, 'loopback'],
  ['::/128', false, 'unspecified'],
  ['::ffff:0:0/96', false, 'IPv4-mapped'],
  ['64:ff9b::/96', true, 'IPv4-IPv6 translation'],
  ['64:ff9b:1::/48', false, 'IPv4-IPv6 translation, local use'],
  ['100::/64', false, 'discard-only'],
  ['100:0:0:1::/64', false, 'dummy prefix'],
  ['2001::/23', false, 'IETF protocol assignments'],
  ['2001::/32', false, 'Teredo, N/A'],
  ['2001:1::1/128', true, 'port control protocol anycast'],
  ['2001:1::2/128', true, 'traversal using relays around NAT anycast'],
  ['2001:1::3/128', true, 'service registration protocol anycast'],
  ['2001:2::/48', false, 'benchmarking'],
  ['2001:3::/32', true, 'automatic multicast tunneling'],
  ['2001:4:112::/48', true, 'AS112-v6'],
  ['2001:10::/28', false, 'ORCHID, N/A: deprecated'],
  ['2001:20::/28', true, 'ORCHIDv2'],
  ['2001:30::/28', true, 'drone remote ID'],
  ['2001:db8::/32', false, 'documentation'],
  ['2002::/16', false, '6to4, N/A'],
  ['2620:4f:8000::/48', true, 'direct delegation AS112 service'],
  ['3fff::/20', false, 'documentation'],
  ['5f00::/16', false, 'segment routing (SRv6) SIDs'],
  ['fc00::/7', false, 'unique local'],
  ['fe80::/10', false, 'link-local unicast'],
  // in registries of their own: nobody sends from a group (https://www.rfc-editor.org/rfc/rfc1112, https://www.rfc-editor.org/rfc/rfc4291).
  ['224.0.0.0/4', false, 'multicast'],
  ['ff00::/8', false, 'multicast'],
];

/** What the most special entry that holds an address says; what no entry holds is the internet's. */
function isGlobal(address: string): boolean {
  const holding = REGISTRIES.filter(([entry]) => listOf([entry])(address)).sort(([a], [b]) => parseCidr(b).prefix - parseCidr(a).prefix);
  return holding[0]?.[1] ?? true;
}

describe('the internet', () => {
  test.each(REGISTRIES)('%s is %s: %s', (entry, globally) => {
    // the entry itself without more special ones in it, and the four addresses at its ends.
    const inner = REGISTRIES.filter(([other]) => other !== entry && AddressSet.of(entry).includes(AddressSet.of(other)) && parseCidr(other).prefix > parseCidr(entry).prefix);
    const own = inner.reduce((rest, [other]) => rest.minus(AddressSet.of(other)), AddressSet.of(entry));
    expect(globally ? INTERNET.includes(own) : INTERNET.misses(own)).toBe(true);
    for (const address of edges(entry)) expect([address, INTERNET.includes(AddressSet.of(address))]).toEqual([address, isGlobal(address)]);
  });

  test('is nothing else than what the registries leave', () => {
    const [all, excepted] = [false, true].map((wanted) => AddressSet.of(...REGISTRIES.filter(([, globally]) => globally === wanted).map(([entry]) => entry)));
    expect(all && excepted && rangesOf(AddressSet.ALL.minus(all).union(excepted))).toEqual(rangesOf(INTERNET));
  });

  test('agrees with the registries about addresses at random', () => {
    const octet = fc.nat({ max: 255 });
    const near = fc.constantFrom(...REGISTRIES.flatMap(([entry]) => edges(entry))).map((cidr) => cidr.replace(/\/.*/, ''));
    fc.assert(
      fc.property(fc.oneof(fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.')), fc.ipV6(), near), (address) => {
        const cidr = `${address}/${address.includes(':') ? 128 : 32}`;
        expect(INTERNET.includes(AddressSet.of(cidr))).toBe(isGlobal(cidr));
      }),
      { numRuns: 1_000 },
    );
  });

  test('is the same in two halves, or in many parts', () => {
    expect(AddressSet.of('0.0.0.0/1', '128.0.0.0/1')).toEqual(AddressSet.ALL_V4);
    expect(AddressSet.of('::/1', '8000::/1')).toEqual(AddressSet.ALL_V6);
    expect(AddressSet.of(...Array.from({ length: 256 }, (_, first) => `${first}.0.0.0/8`)).includes(INTERNET_V4)).toBe(true);
    // what is left of 0.0.0.0/0 when one address is left out, as some write it to get past a check for it.
    const parts = Array.from({ length: 32 }, (_, index) => formatCidr({ family: 4, first: 1n << BigInt(index), prefix: 32 - index }));
    expect(AddressSet.of(...parts)).toEqual(AddressSet.ALL_V4.minus(AddressSet.of('0.0.0.0/32')));
    expect(AddressSet.of(...parts).includes(INTERNET_V4)).toBe(true);
  });

  test('is 2000::/3 as far as addresses are given to anybody', () => {
    const unicast = AddressSet.of('2000::/3');
    expect(unicast.misses(INTERNET)).toBe(false);
    // https://www.iana.org/assignments/ipv6-unicast-address-assignments/ipv6-unicast-address-assignments.xhtml
    for (const registry of ['2400::/12', '2600::/12', '2800::/12', '2a00::/12', '2c00::/12']) expect(INTERNET.intersect(unicast).includes(AddressSet.of(registry))).toBe(true);
    expect(INTERNET_V6.minus(unicast).isEmpty).toBe(false);
  });

  test('is two families', () => {
    expect(INTERNET_V4.union(INTERNET_V6)).toEqual(INTERNET);
    expect(INTERNET_V4.misses(AddressSet.ALL_V6) && INTERNET_V6.misses(AddressSet.ALL_V4)).toBe(true);
    expect(INTERNET_V4.includes(AddressSet.of('8.8.8.8/32')) && INTERNET_V6.includes(AddressSet.of('2600:1f00::/24'))).toBe(true);
    for (const inside of ['10.0.0.0/8', '172.31.0.0/16', '192.168.1.0/24', '100.64.0.0/10', '203.0.113.0/24', 'fd12:3456::/32']) expect(INTERNET.misses(AddressSet.of(inside))).toBe(true);
  });
});
