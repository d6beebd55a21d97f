import { AddressSet } from '../addresses/address-set';
import type { GroupUse } from './security-groups';
import type { Block } from './blocks';
import type { Subnet } from './subnets';

/** Whom something inside the network takes traffic from: a load balancer, a function, a machine. */
export interface Sender {
  /** its name in sentences. */
  readonly name: string;
  /** its security groups; none where it has none of its own, or nobody knows them. */
  readonly groups: readonly GroupUse[];
  /** its own addresses; undefined where they cannot be read. */
  readonly addresses?: AddressSet;
  /** the network it is in; undefined where it is not known. */
  readonly vpc?: string;
  /** the subnets it is in. */
  readonly subnets: readonly Subnet[];
  /** why hardly anything is known of it; none when it is among the templates. */
  readonly missing?: string;
  /** whether the addresses of its clients arrive instead of its own. */
  readonly preserves: boolean;
}

/** Which clients a block admits when this one sends, and why that is not known. */
export function admitted(block: Block, sender: Sender, sameNetwork: (block: Block, vpc: string) => boolean): { readonly lets: AddressSet; readonly missing?: string } {
  if (sender.preserves) return { lets: block.addresses, missing: block.missing };
  if (block.networkOf !== undefined) {
    const own = sender.vpc !== undefined && sameNetwork(block, sender.vpc);
    const missing = block.missing ?? sender.missing;
    return own || missing !== undefined ? { lets: AddressSet.ALL, missing } : { lets: AddressSet.NONE };
  }
  if (block.addresses.equals(AddressSet.ALL)) return { lets: AddressSet.ALL, missing: block.missing };
  const addresses = sender.addresses ?? AddressSet.ALL_V4;
  if (sender.missing !== undefined) return { lets: AddressSet.ALL, missing: block.missing ?? sender.missing };
  if (block.addresses.misses(addresses)) return { lets: AddressSet.NONE };
  if (block.addresses.includes(addresses)) return { lets: AddressSet.ALL, missing: block.missing };
  return { lets: AddressSet.ALL, missing: block.missing ?? `whether the addresses of ${sender.name} are in ${block.words}` };
}
