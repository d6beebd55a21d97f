import { Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { IConstruct } from 'constructs';
import { ConstructError } from '../error';

/**
 * The private subnets that nodes and the endpoint live in.
 *
 * There is no way to ask for public ones: a subnet with a route to an internet gateway is one security group rule away from the
 * incident this library exists to prevent.
 */
export function privateSubnets(scope: IConstruct, vpc: ec2.IVpc, selection?: ec2.SubnetSelection): ec2.SelectedSubnets {
  if (selection?.subnetType === ec2.SubnetType.PUBLIC) {
    throw new ConstructError('PublicSubnets', "'vpcSubnets' must select private or isolated subnets, got subnetType PUBLIC; ClickHouse is never placed in a public subnet", scope);
  }
  const selected = vpc.selectSubnets(selection ?? defaultSelection(vpc));
  // a VPC that is still being looked up answers with placeholders.
  if (selected.isPendingLookup) return selected;
  const isPublic = new Set(vpc.publicSubnets.map(identity));
  const open = selected.subnets.filter((subnet) => subnet instanceof ec2.PublicSubnet || isPublic.has(identity(subnet)));
  if (open.length > 0) {
    throw new ConstructError(
      'PublicSubnets',
      `'vpcSubnets' must select private or isolated subnets, got the public ${open.map((subnet) => subnet.node.path).join(', ')}; ClickHouse is never placed in a public subnet`,
      scope,
    );
  }
  if (selected.subnets.length === 0) {
    throw new ConstructError('NoSubnets', "'vpcSubnets' selects no subnet, wanted at least one private or isolated one; add one to the VPC or name another selection", scope);
  }
  return selected;
}

function defaultSelection(vpc: ec2.IVpc): ec2.SubnetSelection {
  const subnetType = vpc.isolatedSubnets.length > 0 ? ec2.SubnetType.PRIVATE_ISOLATED : ec2.SubnetType.PRIVATE_WITH_EGRESS;
  if (vpc.isolatedSubnets.length === 0 && vpc.privateSubnets.length === 0) return { subnets: [] };
  return { subnetType, onePerAz: true };
}

// the same subnet may be imported twice under two constructs, so it is known by what its id resolves to.
function identity(subnet: ec2.ISubnet): string {
  return JSON.stringify(Stack.of(subnet).resolve(subnet.subnetId));
}

/** The first subnet of each zone: which zone a node lives in must not depend on how many subnets a zone has, and a load balancer takes one a zone. */
export function onePerZone(scope: IConstruct, subnets: readonly ec2.ISubnet[]): ec2.ISubnet[] {
  const zones = new Set<string>();
  return subnets.filter((subnet) => {
    const zone = JSON.stringify(Stack.of(scope).resolve(zoneOf(scope, subnet)));
    return !zones.has(zone) && zones.add(zone);
  });
}

function zoneOf(scope: IConstruct, subnet: ec2.ISubnet): string {
  try {
    return subnet.availabilityZone;
  } catch {
    // how a subnet imported by its id alone says that it does not know.
    throw new ConstructError('SubnetZone', `the subnet ${subnet.node.path} does not say its availability zone, which volumes and groups need; import it with Subnet.fromSubnetAttributes and its 'availabilityZone'`, scope);
  }
}
