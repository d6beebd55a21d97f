import { formatCidr, isPrivateCidr, parseCidr } from '../config/addresses';
import type { Located } from '../exposure/templates/templates';
import { elements, inside, referenceOf, scalar } from '../exposure/templates/values';

/** Addresses that are not known to be private: the words for them, and whether they are known to be public. */
export interface Addresses {
  readonly public: boolean;
  readonly words: string;
}

const NETWORKS = new Set(['AWS::EC2::VPC', 'AWS::EC2::Subnet', 'AWS::EC2::VPCCidrBlock']);

/** What a CIDR block holds, or nothing if it is private. Give it what `possible` returns. */
export function addressesOf(block: Located): readonly Addresses[] {
  const reference = referenceOf(block);
  // the range of a network is where its own interfaces are, whatever the numbers.
  if (reference && NETWORKS.has(reference.resource.type) && /Cidr/i.test(reference.attribute ?? '')) return [];
  const address = scalar(block);
  if (!address.known) return [{ public: false, words: address.reason }];
  try {
    const cidr = parseCidr(String(address.value));
    if (isPrivateCidr(String(address.value))) return [];
    if (cidr.prefix === 0) return [{ public: true, words: `the internet (${address.value})` }];
    return [{ public: true, words: `public addresses (${cidr.family === 4 ? formatCidr(cidr) : address.value})` }];
  } catch {
    return [{ public: false, words: `${JSON.stringify(address.value)} is not a CIDR block` }];
  }
}

/** What a prefix list holds, without what is private. */
export function addressesOfList(value: Located): readonly Addresses[] {
  const list = referenceOf(value)?.resource;
  if (list?.type !== 'AWS::EC2::PrefixList') {
    const id = scalar(value);
    return [{ public: false, words: id.known ? `prefix list ${id.value} is not in the templates` : id.reason }];
  }
  const entries = elements(list, 'Entries');
  if (entries.length === 0) return [{ public: false, words: `the entries of prefix list ${list.logicalId} are not in the template` }];
  return entries
    .flatMap((each) => {
      const cidrs = inside(each, 'Cidr');
      return cidrs.length === 0 ? [{ public: false, words: 'an entry has no Cidr' }] : cidrs.flatMap(addressesOf);
    })
    .map((found) => ({ ...found, words: `${found.words} in prefix list ${list.logicalId}` }));
}
