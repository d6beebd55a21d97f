import type { Cidr } from '../../config/addresses';
import { parseCidr } from '../../config/addresses';

/** Addresses from `first` to `last`, both among them, on one line: IPv6 as it is, IPv4 behind it. */
interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

// behind a gap, so that the two families never touch.
const V4 = 1n << 129n;

/**
 * An exact set of IPv4 and IPv6 addresses.
 *
 * Kept as disjoint ranges in order that do not touch, so that equal sets are equal lists and every operation is one pass.
 */
export class AddressSet {
  static readonly NONE = new AddressSet([]);
  static readonly ALL_V4 = AddressSet.of('0.0.0.0/0');
  static readonly ALL_V6 = AddressSet.of('::/0');
  static readonly ALL = AddressSet.ALL_V4.union(AddressSet.ALL_V6);

  /** The addresses of CIDR blocks. Throws for what is none. */
  static of(...blocks: readonly string[]): AddressSet {
    return AddressSet.ofCidrs(blocks.map(parseCidr));
  }

  static ofCidrs(blocks: readonly Cidr[]): AddressSet {
    return new AddressSet(joined(blocks.map(rangeOf)));
  }

  /** what it has in common with others, worked out before: a deployment asks the same again and again. */
  private readonly common = new WeakMap<AddressSet, AddressSet>();

  /** All addresses of several sets, in one pass over them. */
  static union(sets: readonly AddressSet[]): AddressSet {
    if (sets.length === 1 && sets[0] !== undefined) return sets[0];
    const [first, ...others] = new Set(sets.filter((each) => !each.isEmpty));
    if (first === undefined) return AddressSet.NONE;
    return others.length === 0 ? first : new AddressSet(joined([first, ...others].flatMap(({ ranges }) => ranges)));
  }

  private constructor(private readonly ranges: readonly Range[]) {}

  get isEmpty(): boolean {
    return this.ranges.length === 0;
  }

  /** How many addresses there are. */
  get size(): bigint {
    return this.ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
  }

  union(other: AddressSet): AddressSet {
    if (this.isEmpty || this === other) return other;
    if (other.isEmpty) return this;
    return new AddressSet(joined([...this.ranges, ...other.ranges]));
  }

  intersect(other: AddressSet): AddressSet {
    if (this === other || this.isEmpty) return this;
    if (other.isEmpty) return other;
    let found = this.common.get(other);
    if (found === undefined) {
      found = this.both(other);
      this.common.set(other, found);
    }
    return found;
  }

  private both(other: AddressSet): AddressSet {
    const found: Range[] = [];
    for (let [left, right] = [0, 0]; ; ) {
      const [a, b] = [this.ranges[left], other.ranges[right]];
      if (a === undefined || b === undefined) break;
      const first = a.first > b.first ? a.first : b.first;
      const last = a.last < b.last ? a.last : b.last;
      if (first <= last) found.push({ first, last });
      if (a.last < b.last) left++;
      else right++;
    }
    // the same set stays the same object, so that what is known of it is found again.
    const both = found.length === 0 ? AddressSet.NONE : new AddressSet(found);
    return both.equals(this) ? this : both.equals(other) ? other : both;
  }

  minus(other: AddressSet): AddressSet {
    if (this.isEmpty || other.isEmpty) return this;
    const found: Range[] = [];
    let at = 0;
    for (const { first, last } of this.ranges) {
      let from = first;
      while ((other.ranges[at]?.last ?? from) < from) at++;
      for (let next = at; ; next++) {
        const hole = other.ranges[next];
        if (hole === undefined || hole.first > last) break;
        if (hole.first > from) found.push({ first: from, last: hole.first - 1n });
        from = hole.last + 1n;
      }
      if (from <= last) found.push({ first: from, last });
    }
    return new AddressSet(found);
  }

  /** Whether no address is in both. */
  misses(other: AddressSet): boolean {
    return this.intersect(other).isEmpty;
  }

  /** Whether every address of the other one is in this one. */
  includes(other: AddressSet): boolean {
    return other.minus(this).isEmpty;
  }

  equals(other: AddressSet): boolean {
    return this.ranges.length === other.ranges.length && this.ranges.every(({ first, last }, index) => first === other.ranges[index]?.first && last === other.ranges[index].last);
  }
}

function rangeOf({ family, first, prefix }: Cidr): Range {
  const start = family === 4 ? V4 + first : first;
  return { first: start, last: start + (1n << BigInt((family === 4 ? 32 : 128) - prefix)) - 1n };
}

/** In order, with what overlaps or touches made one.. */
function joined(ranges: readonly Range[]): readonly Range[] {
  const sorted = [...ranges].sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const found: Range[] = [];
  for (const range of sorted) {
    const before = found[found.length - 1];
    if (before === undefined || range.first > before.last + 1n) found.push(range);
    else if (range.last > before.last) found[found.length - 1] = { first: before.first, last: range.last };
  }
  return found;
}
