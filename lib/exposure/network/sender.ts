import { AddressSet } from '../addresses/address-set';
import type { Located } from '../templates/model';
import { identity, scalar } from '../templates/values';
import type { GroupUse } from './security-groups';
import type { Block } from './blocks';
import type { Subnet } from './subnets';

/** Whom something inside the network takes traffic from: a load balancer, a function, a machine. */
export interface Sender {
  /** its name in sentences. */
  readonly name: string;
  /** its security groups; none where it has none of its own, or nobody knows them. */
  readonly groups: readonly GroupUse[];
  /** its own addresses of each family; undefined where they cannot be read. */
  readonly addresses?: AddressSet;
  readonly addresses6?: AddressSet;
  /** the network it is in; undefined where it is not known. */
  readonly vpc?: string;
  /** the subnets it is in. */
  readonly subnets: readonly Subnet[];
  /** why hardly anything is known of it; none when it is among the templates. */
  readonly missing?: string;
  /** whether the addresses of its clients arrive instead of its own. */
  readonly preserves: boolean;
  /** it is a service that comes from the internet into a VPC with an internet gateway, whatever the routes say. */
  readonly entering?: true;
  /** why it may have a group that is not in the templates; none when it has no other groups than those. */
  readonly outside?: string;
  /** the other account whose groups it has; none when it is of this one. */
  readonly account?: Located;
}

/** Whether a group of another account is one of those that a sender has, or why nobody can tell. */
export function isOfAccount({ account }: Sender, owner: Located | undefined): boolean | string {
  if (account === undefined || owner === undefined) return false;
  if (identity(account) === identity(owner)) return true;
  const [own, other] = [account, owner].map(scalar);
  if (own?.known === true && other?.known === true) return false;
  return 'whose account the admitted group is of';
}

/** Which clients a block admits when this one sends, and why that is not known. */
export function admitted(block: Block, sender: Sender, sameNetwork: (block: Block, vpc: string) => boolean): { readonly lets: AddressSet; readonly missing?: string } {
  if (sender.preserves) return { lets: block.addresses, missing: block.missing };
  if (block.networkOf !== undefined) {
    const own = sender.vpc !== undefined && sameNetwork(block, sender.vpc);
    const missing = block.missing ?? sender.missing ?? (sender.vpc === undefined ? `whether ${sender.name} is in ${block.words}` : undefined);
    return own || missing !== undefined ? { lets: AddressSet.ALL, missing } : { lets: AddressSet.NONE };
  }
  if (block.addresses.equals(AddressSet.ALL)) return { lets: AddressSet.ALL, missing: block.missing };
  if (sender.missing !== undefined) return { lets: AddressSet.ALL, missing: block.missing ?? sender.missing };
  // it sends from an address of either family, whichever it has and likes.
  const families = [sender.addresses ?? AddressSet.ALL_V4, sender.addresses6 ?? AddressSet.ALL_V6].filter((each) => !block.addresses.misses(each));
  if (families.length === 0) return { lets: AddressSet.NONE };
  if (families.some((each) => block.addresses.includes(each))) return { lets: AddressSet.ALL, missing: block.missing };
  return { lets: AddressSet.ALL, missing: block.missing ?? `whether the addresses of ${sender.name} are in ${block.words}` };
}
