import { BlockList, isIP } from 'node:net';
import * as fc from 'fast-check';
import { containsCidr, formatCidr, isPrivateCidr, parseCidr } from '../../lib/config/addresses';
import { ConfigurationError } from '../../lib/config/error';

const octet = fc.integer({ min: 0, max: 255 });
const ipv4 = fc.tuple(octet, octet, octet, octet).map((octets) => octets.join('.'));
const cidr4 = fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })).map(([address, prefix]) => `${address}/${prefix}`);
const cidr6 = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })).map(([address, prefix]) => `${address}/${prefix}`);

// Node's own implementation is the oracle.
function blockList(...blocks: string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [address = '', prefix] = block.split('/');
    list.addSubnet(address, Number(prefix), isIP(address) === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

/** the lowest and the highest address of a block, and one in between. */
function probes(block: string): string[] {
  const { family, first, prefix } = parseCidr(block);
  const bits = family === 4 ? 32 : 128;
  const last = first + (1n << BigInt(bits - prefix)) - 1n;
  return [first, (first + last) / 2n, last].map((address) => formatCidr({ family, first: address, prefix: bits }).split('/')[0] ?? '');
}

describe('parseCidr', () => {
  test('agrees with Node about what every block contains', () => {
    fc.assert(
      fc.property(fc.oneof(cidr4, cidr6), fc.oneof(ipv4, fc.ipV6()), (block, address) => {
        const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
        const one = parseCidr(`${address}/${family === 'ipv6' ? 128 : 32}`);
        // Node lets families match each other through mapped addresses; EC2 keeps them apart, and so do we.
        const expected = block.includes(':') === address.includes(':') && blockList(block).check(address, family);
        expect(containsCidr(parseCidr(block), one)).toBe(expected);
        for (const probe of probes(block)) {
          expect(blockList(block).check(probe, probe.includes(':') ? 'ipv6' : 'ipv4')).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('takes every spelling of an IPv6 address that Node takes and gives the same number', () => {
    fc.assert(
      fc.property(fc.ipV6(), (address) => {
        const { first } = parseCidr(`${address}/128`);
        const hex = first.toString(16).padStart(32, '0').replace(/(.{4})(?!$)/g, '$1:');
        expect(parseCidr(`${hex}/128`).first).toBe(first);
        expect(new URL(`http://[${hex}]/`).host).toBe(new URL(`http://[${address}]/`).host);
      }),
    );
  });

  test('refuses every text that Node does not take for an address', () => {
    const text = fc.stringMatching(/^[0-9a-fA-F:.]{0,20}$/);
    fc.assert(
      fc.property(text, fc.constantFrom('/0', '/8', '/32'), (address, prefix) => {
        fc.pre(isIP(address) === 0);
        expect(() => parseCidr(address + prefix)).toThrow(ConfigurationError);
      }),
      { numRuns: 2000 },
    );
  });

  test('normalises host bits as EC2 does', () => {
    expect(formatCidr(parseCidr('100.68.0.18/18'))).toBe('100.68.0.0/18');
    expect(parseCidr('255.255.255.255/0')).toEqual({ family: 4, first: 0n, prefix: 0 });
    expect(parseCidr('ffff::1/0')).toEqual({ family: 6, first: 0n, prefix: 0 });
  });

  test('writes what it reads', () => {
    fc.assert(
      fc.property(fc.oneof(cidr4, cidr6), (block) => {
        expect(parseCidr(formatCidr(parseCidr(block)))).toEqual(parseCidr(block));
      }),
    );
  });

  test.each([
    '', '/', '0', '10.0.0.0', '10.0.0.0/', '/8', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/08', '10.0.0.0/8/8', '10.0.0.0/8 ', ' 10.0.0.0/8', '10.0.0.0/ 8', '10.0.0/8',
    '10.0.0.0.0/8', '010.0.0.0/8', '0x0a.0.0.0/8', '10.0.0.256/8', '10.0.0.0/1e1', '10.0.0.0/+8', '::/129', ':::/0', '::1::/0', '1:2:3:4:5:6:7/0', '1:2:3:4:5:6:7:8:9/0',
    '1:2:3:4:5:6:7:8::/0', 'fe80::1%eth0/64', '12345::/16', 'g::/16', '1.2.3.4::/0', '::1.2.3/0', '::1.2.3.4:1/0', ':1/0', '1:/0', '10.0.0.0\n/8', '٣.0.0.0/8', '${Token[TOKEN.1]}',
  ])('fails for %j', (text) => {
    expect(() => parseCidr(text)).toThrow(ConfigurationError);
    expect(() => parseCidr(text)).toThrow(JSON.stringify(text));
  });
});

describe('isPrivateCidr', () => {
  // the first and the last block of each range, and the blocks just outside it.
  const ranges: Array<[string, string[], string[]]> = [
    ['10/8', ['10.0.0.0/8', '10.255.255.255/32'], ['9.255.255.255/32', '11.0.0.0/32', '10.0.0.0/7', '8.0.0.0/5']],
    ['172.16/12', ['172.16.0.0/12', '172.31.255.255/32'], ['172.15.255.255/32', '172.32.0.0/32', '172.16.0.0/11', '172.0.0.0/8']],
    ['192.168/16', ['192.168.0.0/16', '192.168.255.255/32'], ['192.167.255.255/32', '192.169.0.0/32', '192.168.0.0/15']],
    ['100.64/10', ['100.64.0.0/10', '100.127.255.255/32'], ['100.63.255.255/32', '100.128.0.0/32', '100.64.0.0/9']],
    ['127/8', ['127.0.0.0/8'], ['126.0.0.0/7', '128.0.0.0/32']],
    ['169.254/16', ['169.254.169.254/32'], ['169.253.255.255/32', '169.255.0.0/32']],
    ['fc00::/7', ['fc00::/7', 'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128'], ['fbff::/16', 'fe00::/16', 'fc00::/6']],
    ['fe80::/10', ['fe80::/10', 'febf::/16'], ['fec0::/16', 'fe80::/9']],
    ['::1', ['::1/128'], ['::/128', '::2/128', '::/127', '::/0']],
    ['the internet', [], ['0.0.0.0/0', '0.0.0.0/1', '128.0.0.0/1', '::/0', '2000::/3', '52.0.0.0/6', '8.8.8.8/32', '2600::/12', '0.0.0.0/32', '255.255.255.255/32', '::ffff:10.0.0.0/104']],
  ];

  test.each(ranges)('%s', (_, inside, outside) => {
    expect(inside.filter((block) => !isPrivateCidr(block))).toEqual([]);
    expect(outside.filter(isPrivateCidr)).toEqual([]);
  });

  test('is private exactly when no address of the block is outside', () => {
    const list = blockList('10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16');
    // brute force: every block of at least 2^12 addresses in the neighbourhood of the ranges, judged by its addresses on a grid finer than any range's border.
    const border = fc.constantFrom('10.0.0.0', '11.0.0.0', '172.16.0.0', '172.32.0.0', '192.168.0.0', '192.169.0.0', '100.64.0.0', '100.128.0.0', '127.0.0.0', '169.254.0.0', '8.0.0.0', '52.0.0.0');
    fc.assert(
      fc.property(border, fc.integer({ min: -2, max: 2 }), fc.integer({ min: 8, max: 24 }), (address, blocks, prefix) => {
        const size = 1n << BigInt(32 - prefix);
        const start = parseCidr(`${address}/${prefix}`).first + BigInt(blocks) * size;
        const block = { family: 4 as const, first: start, prefix };
        const step = size > 256n ? size / 256n : 1n;
        let all = true;
        for (let at = start; at < start + size; at += step) all &&= list.check(formatCidr({ family: 4, first: at, prefix: 32 }).split('/')[0] ?? '');
        expect(isPrivateCidr(formatCidr(block))).toBe(all);
      }),
      { numRuns: 300 },
    );
  });

  test('a part of a private block is private, and a block around a public one is public', () => {
    fc.assert(
      fc.property(fc.oneof(cidr4, cidr6), fc.oneof(cidr4, cidr6), (a, b) => {
        if (containsCidr(parseCidr(a), parseCidr(b)) && isPrivateCidr(a)) expect(isPrivateCidr(b)).toBe(true);
        const { family, first, prefix } = parseCidr(a);
        if (prefix > 0 && !isPrivateCidr(a)) expect(isPrivateCidr(formatCidr({ family, first, prefix: prefix - 1 }).replace(/\/.*/, `/${prefix - 1}`))).toBe(false);
      }),
    );
  });

  test('fails for what is not a CIDR block', () => {
    expect(() => isPrivateCidr('10.0.0.0')).toThrow(ConfigurationError);
  });
});
