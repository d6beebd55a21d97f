// addresses of the simulator: plain ranges of big integers, slow and obvious.

export interface Address {
  readonly family: 4 | 6;
  readonly value: bigint;
}

export interface Block {
  readonly family: 4 | 6;
  readonly first: bigint;
  readonly last: bigint;
  readonly bits: number;
}

const BITS = { 4: 32, 6: 128 } as const;

function value4(text: string): bigint {
  return text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);
}

function value6(text: string): bigint {
  const [head = '', tail] = text.split('::');
  const words = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const front = words(head);
  const back = words(tail ?? '');
  const gap = Array<string>(8 - front.length - back.length).fill('0');
  return [...front, ...gap, ...back].reduce((sum, word) => sum * 65536n + BigInt(`0x${word}`), 0n);
}

const known = new Map<string, Block>();

/** A block such as `10.0.0.0/8` or `2000::/3`. */
export function block(cidr: string): Block {
  const cached = known.get(cidr);
  if (cached !== undefined) return cached;
  const [base = '', length = ''] = cidr.split('/');
  const family = base.includes(':') ? 6 : 4;
  const bits = Number(length);
  const size = 1n << BigInt(BITS[family] - bits);
  const value = family === 6 ? value6(base) : value4(base);
  const first = value - (value % size);
  const made = { family, first, last: first + size - 1n, bits } as const;
  known.set(cidr, made);
  return made;
}

export function within(address: Address, cidr: string): boolean {
  const { family, first, last } = block(cidr);
  return family === address.family && first <= address.value && address.value <= last;
}

/** An address of a block: its nth. */
export function nth(cidr: string, n: number): Address {
  const { family, first } = block(cidr);
  return { family, value: first + BigInt(n) };
}

// the internet is every address outside these: https://www.iana.org/assignments/iana-ipv4-special-registry/ and
// https://www.iana.org/assignments/iana-ipv6-special-registry/, as far as the blocks of the networks tell them apart; multicast and the reserved end of
// IPv4 are no clients' addresses either. IPv6 that is not given out yet counts as the internet, to be on the safe side.
const SPECIAL = [
  '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24',
  '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4',
  '::/127', '::ffff:0:0/96', '64:ff9b::/96', '64:ff9b:1::/48', '100::/63', '2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20', '5f00::/16', 'fc00::/7', 'fe80::/10', 'ff00::/8',
];

/** A public address for each set of blocks that some public address is in: what the blocks cannot tell apart, they treat alike. */
export function clients(cidrs: readonly string[]): readonly Address[] {
  const found = new Map<string, Address>();
  for (const family of [4, 6] as const) {
    const mine = [...new Set(cidrs)].filter((cidr) => block(cidr).family === family);
    const all = [...mine, ...SPECIAL.filter((cidr) => block(cidr).family === family)].map(block);
    const starts = new Set(all.flatMap(({ first, last }) => [first, last + 1n]));
    for (const value of starts) {
      const address = { family, value };
      if (value >> BigInt(BITS[family]) > 0n || SPECIAL.some((cidr) => within(address, cidr))) continue;
      const key = `${family} ${mine.map((cidr) => (within(address, cidr) ? 'x' : '-')).join('')}`;
      if (!found.has(key)) found.set(key, address);
    }
  }
  return [...found.values()];
}
