import { Token } from 'aws-cdk-lib';
import type { ISubnet, IVpc } from 'aws-cdk-lib/aws-ec2';
import type { IConstruct } from 'constructs';
import { isPrivateCidr } from '../config/addresses';
import { isClientNetwork } from '../config/holes';
import { at, ConstructError } from '../error';

const MOST_RANGES = 50;

/**
 * The address ranges users may log in from: what ClickHouse itself checks, after the security groups.
 *
 * The server's own view matters because a security group can be widened by anyone who may call EC2, and this list cannot.
 */
export function clientNetworks(scope: IConstruct, vpc: IVpc, given?: readonly string[]): readonly string[] {
  if (given === undefined) {
    const own = vpcCidr(vpc);
    if (own !== undefined) {
      // an imported VPC says what it was told; one that is still being looked up says a placeholder.
      if (!Token.isUnresolved(own) && !isPending(vpc) && !at(scope, () => isClientNetwork(own))) {
        throw new ConstructError('VpcCidr', `the VPC's CIDR block must be one that a VPC can have (private, or at most a /16), got ${own}; correct 'vpcCidrBlock', or give 'clientCidrs'`, scope);
      }
      return [own];
    }
    throw new ConstructError('VpcCidr', "the imported VPC does not say its CIDR block, which is what users may log in from by default; give 'vpcCidrBlock' to Vpc.fromVpcAttributes, or 'clientCidrs'", scope);
  }
  if (Token.isUnresolved(given)) {
    throw new ConstructError('ClientCidrs', "'clientCidrs' must be a list whose length is known at synthesis, got a token for the whole list; give each CIDR block, which may be a token", scope);
  }
  if (given.length > MOST_RANGES) {
    throw new ConstructError('ClientCidrs', `'clientCidrs' must hold at most ${MOST_RANGES} CIDR blocks, got ${given.length}: they are part of the launch script, which takes 16 KB; join neighbours`, scope);
  }
  if (given.length === 0) {
    throw new ConstructError('ClientCidrs', "'clientCidrs' must hold at least one private CIDR block, got none; leave it out for the VPC's own", scope);
  }
  for (const cidr of given) {
    // a range known at deployment only is judged on the node, where it is filled in: private, or no wider than a VPC can be.
    if (!Token.isUnresolved(cidr) && !at(scope, () => isPrivateCidr(cidr))) {
      throw new ConstructError('PublicClientCidr', `'clientCidrs' must be private CIDR blocks (RFC 1918, RFC 6598 or RFC 4193), got ${cidr}, which holds public addresses; connect through the VPC instead`, scope);
    }
  }
  return given;
}

/** The VPC's own range; undefined for an imported VPC that was not told. */
export function vpcCidr(vpc: IVpc): string | undefined {
  try {
    return vpc.vpcCidrBlock;
  } catch {
    // how an imported VPC says that it does not know.
    return undefined;
  }
}

/** The ranges of the subnets that passwords are rotated from; those of all clients where an imported subnet does not say its own. */
export function rotationNetworks(subnets: readonly ISubnet[], clients: readonly string[]): readonly string[] {
  return subnetCidrs(subnets) ?? clients;
}

/** The IPv4 ranges in which nodes have their addresses: of their subnets, or of all that may be theirs where an imported subnet does not say its own. */
export function nodeNetworks(scope: IConstruct, vpc: IVpc, subnets: readonly ISubnet[], clients: readonly string[]): readonly string[] {
  const networks = subnetCidrs(subnets) ?? [vpcCidr(vpc) ?? clients].flat().filter((network) => Token.isUnresolved(network) || !network.includes(':'));
  if (networks.length === 0) {
    throw new ConstructError('NodeNetworks', "nothing says which IPv4 addresses the nodes have, which their certificates are bound to; give 'ipv4CidrBlock' to Subnet.fromSubnetAttributes, or 'vpcCidrBlock' to Vpc.fromVpcAttributes", scope);
  }
  for (const network of networks) {
    if (!Token.isUnresolved(network) && !isPending(vpc) && !at(scope, () => isClientNetwork(network))) {
      throw new ConstructError('NodeNetworks', `the addresses of nodes must be in networks that a VPC can have (private, or at most a /16), got ${network}; correct the CIDR blocks of the imported subnets or VPC`, scope);
    }
  }
  return networks;
}

function subnetCidrs(subnets: readonly ISubnet[]): readonly string[] | undefined {
  try {
    return subnets.map(({ ipv4CidrBlock }) => ipv4CidrBlock);
  } catch {
    // how an imported subnet says that it does not know.
    return undefined;
  }
}

function isPending(vpc: IVpc): boolean {
  try {
    return vpc.selectSubnets().isPendingLookup === true;
  } catch {
    // one that is imported without subnets; what is looked up has some.
    return false;
  }
}
