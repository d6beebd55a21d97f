// one small open network, and what to change in it.
import type { Balancer, Machine, Network, Subnet, Vpc } from './network';

export const SUBNET: Subnet = { ipv6: false, publicOnLaunch: false, ipv6OnCreation: false, table: 0 };
export const MACHINE: Machine = { clickhouse: true, subnet: 0, groups: [0], origin: 'described', publicSwitch: true, elastic: false };

/** A machine on the internet behind a group that lets everyone through to port 8123. */
export const OPEN: Vpc = {
  cidr: '10.0.0.0/16',
  ipv6: false,
  gateway: 'attached',
  tables: [[{ to: { cidr: '0.0.0.0/0' }, via: 'internet' }]],
  acls: [],
  subnets: [SUBNET],
  groups: [{ inbound: [{ protocol: 'tcp', ports: [8123, 8123], peer: { cidr: '0.0.0.0/0' } }] }],
  defaultGroup: [],
  machines: [MACHINE],
  balancers: [],
};

export const BALANCER: Balancer = {
  kind: 'network',
  subnets: [0],
  groups: [],
  listeners: [{ port: 443, protocol: 'tcp', action: [{ group: 0, weight: 1 }], rules: [], machinePort: 8123 }],
  targetGroups: [{ kind: 'instance', port: 8123, targets: [{ machine: 0 }] }],
  machines: [0],
};

/** A machine in a subnet of its own without a way to the internet, behind a load balancer in a public one. */
export const BALANCED: Vpc = {
  ...OPEN,
  subnets: [SUBNET, { ...SUBNET, table: undefined }],
  machines: [{ ...MACHINE, subnet: 1, origin: 'settings', publicSwitch: undefined }],
  balancers: [BALANCER],
};

export function network(vpc: Vpc, lists: Network['lists'] = [['0.0.0.0/0'], ['::/0']]): Network {
  return { vpcs: [vpc], lists, spelling: 0 };
}
