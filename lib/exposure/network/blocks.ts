import type { Cidr } from '../../config/addresses';
import { parseCidr } from '../../config/addresses';
import { AddressSet } from '../addresses/address-set';
import type { Located } from '../templates/model';
import { elements, inside, items, referenceOf, scalar } from '../templates/values';

/** A block of addresses that a template writes, and why it is not known for sure. */
export interface Block {
  readonly addresses: AddressSet;
  readonly words: string;
  /** its prefix length; none when it is not known. */
  readonly prefix?: number;
  readonly missing?: string;
  /** whether it comes from a prefix list. */
  readonly listed?: true;
  /** the network whose own range it is, when only deployment tells the numbers. */
  readonly networkOf?: Located;
}

const NETWORKS = new Set(['AWS::EC2::VPC', 'AWS::EC2::Subnet', 'AWS::EC2::VPCCidrBlock', 'AWS::EC2::SubnetCidrBlock']);

/** The addresses of a CIDR property. What cannot be read may be every address. */
export function blocksOf(value: Located): readonly Block[] {
  const reference = referenceOf(value);
  if (reference && NETWORKS.has(reference.resource.type) && /Cidr/i.test(reference.attribute ?? '')) {
    // the range of a network, whatever it is, is its own interfaces': nobody on the internet sends from there.
    return [{ addresses: AddressSet.NONE, words: `the range of ${reference.resource.logicalId}`, missing: value.doubt, networkOf: { node: { Ref: reference.resource.logicalId }, template: reference.resource.template } }];
  }
  const text = scalar(value);
  if (!text.known) return [{ addresses: AddressSet.ALL, words: 'addresses that are only known at deployment', missing: text.reason }];
  const cidr = readCidr(String(text.value));
  if (cidr === undefined) return [{ addresses: AddressSet.ALL, words: JSON.stringify(text.value), missing: `${JSON.stringify(text.value)} is not a CIDR block` }];
  return [{ ...cidr, words: String(text.value), missing: value.doubt }];
}

// the same few blocks are written all over a deployment.
const READ = new Map<string, { readonly addresses: AddressSet; readonly prefix: number } | undefined>();
const MOST_READ = 10_000;

function readCidr(text: string): { readonly addresses: AddressSet; readonly prefix: number } | undefined {
  if (READ.has(text)) return READ.get(text);
  const cidr = tryCidr(text);
  const found = cidr && { addresses: AddressSet.ofCidrs([cidr]), prefix: cidr.prefix };
  if (READ.size >= MOST_READ) READ.clear();
  READ.set(text, found);
  return found;
}

function tryCidr(text: string): Cidr | undefined {
  try {
    return parseCidr(text);
  } catch {
    return undefined;
  }
}

/** The addresses of a prefix list. */
export function blocksOfList(value: Located): readonly Block[] {
  const list = referenceOf(value)?.resource;
  if (list?.type !== 'AWS::EC2::PrefixList') {
    const id = scalar(value);
    const missing = id.known ? `what prefix list ${id.value} holds is not in the templates` : id.reason;
    return [{ addresses: AddressSet.ALL, words: id.known ? `prefix list ${id.value}` : 'a prefix list', missing }];
  }
  const doubt = value.doubt ?? list.doubt;
  const entries = elements(list, 'Entries');
  if (entries.length === 0) return [{ addresses: AddressSet.ALL, words: `prefix list ${list.logicalId}`, missing: `the entries of prefix list ${list.logicalId} are not in the template` }];
  return entries
    .flatMap((each) => inside(each, 'Cidr').flatMap((cidr) => blocksOf(cidr)))
    .map((block) => ({ ...block, listed: true, words: `${block.words} in prefix list ${list.logicalId}`, missing: block.missing ?? doubt }));
}

/** The range that a subnet or a VPC has; undefined where it cannot be read. */
export function rangeOf(cidrs: readonly Located[]): AddressSet | undefined {
  const blocks = cidrs.flatMap((each) => items(each)).flatMap(blocksOf);
  if (blocks.length === 0 || blocks.some(({ missing, networkOf }) => missing !== undefined || networkOf !== undefined)) return undefined;
  return blocks.reduce((all, { addresses }) => all.union(addresses), AddressSet.NONE);
}
