// What the cases of services at the edge share: a network that the internet has no route into, and load balancers in it.
import { att, balancer, fromGroup, group, instance, network, ref, tcp } from '../build';
import type { Json } from '../case';

/** The network without its public subnet: an internet gateway is attached and no route leads to it. That is enough for CloudFront and Global Accelerator. */
export const secluded = (): Json => Object.fromEntries(Object.entries(network()).filter(([logicalId]) => !logicalId.startsWith('Public')));

/** An internal application load balancer behind `FrontGroup`, which everybody may talk to. */
export const internalAlb = (front: Json = {}): Json => ({
  FrontGroup: group(tcp(80)),
  Group: group(fromGroup(8123, att('FrontGroup', 'GroupId'))),
  Db: instance(),
  ...balancer(
    { Type: 'application', Scheme: 'internal', Subnets: [ref('Private')], SecurityGroups: [att('FrontGroup', 'GroupId')], ...front },
    { Protocol: 'HTTP' },
    { Port: 80, Protocol: 'HTTP' },
  ),
});

/** The same with a network load balancer. */
export const internalNlb = (): Json => ({
  ...internalAlb(),
  ...balancer({ Scheme: 'internal', Subnets: [ref('Private')], SecurityGroups: [att('FrontGroup', 'GroupId')] }, {}, { Port: 80 }),
});
