// the networks that the simulator and the analysis are compared on, described without CloudFormation.

/** A range of ports, both ends included. */
export type Ports = readonly [from: number, to: number];

export type Protocol = 'tcp' | 'udp' | 'any';

/** A group of the VPC: one of its own by number, or the one that every VPC has. */
export type GroupId = number | 'default';

/** Whom a rule of a group admits. */
export type Peer = { readonly cidr: string } | { readonly list: number } | { readonly group: GroupId };

export interface Rule {
  readonly protocol: Protocol;
  readonly ports: Ports;
  readonly peer: Peer;
}

export interface Group {
  readonly inbound: readonly Rule[];
  /** none leaves the rule that AWS adds, which allows everything. */
  readonly outbound?: readonly Rule[];
}

/** An entry of a network ACL; the order of the list is that of the rule numbers. */
export interface Entry {
  readonly allow: boolean;
  readonly protocol: Protocol;
  readonly ports: Ports;
  readonly cidr: string;
}

export interface Acl {
  readonly inbound: readonly Entry[];
  readonly outbound: readonly Entry[];
}

export type Via = 'internet' | 'nat' | 'egress' | 'peer' | 'transit';

export interface Route {
  readonly to: { readonly cidr: string } | { readonly list: number };
  readonly via: Via;
}

export interface Subnet {
  readonly ipv6: boolean;
  readonly publicOnLaunch: boolean;
  readonly ipv6OnCreation: boolean;
  /** none is the main table, which has the local route only. */
  readonly table?: number;
  /** none is the default one, which allows everything. */
  readonly acl?: number;
}

/** How a machine comes by its first interface: from the settings of the instance, described in the instance, or made before it. */
export type Origin = 'settings' | 'described' | 'made';

export interface Machine {
  readonly clickhouse: boolean;
  readonly subnet: number;
  /** none is the default group of the VPC. */
  readonly groups: readonly GroupId[];
  readonly origin: Origin;
  /** the public address switch of a described interface. */
  readonly publicSwitch?: boolean;
  readonly elastic: boolean;
  /** how many IPv6 addresses it asks for. */
  readonly ipv6?: number;
  /** another interface, attached once it runs. */
  readonly extra?: { readonly subnet: number; readonly groups: readonly GroupId[]; readonly elastic: boolean; readonly ipv6?: number };
}

export interface Target {
  readonly machine: number;
  /** instead of the port of the target group. */
  readonly port?: number;
}

export interface TargetGroup {
  readonly kind: 'instance' | 'ip';
  readonly port: number;
  readonly targets: readonly Target[];
  /** whether the address of the client is kept, as the attribute says; none is the default. */
  readonly preserve?: boolean;
}

/** Where a listener or one of its rules sends a request: target groups with their weights, or nowhere. */
export type Action = readonly { readonly group: number; readonly weight: number }[] | 'answer';

export interface Listener {
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
  readonly action: Action;
  /** further actions for some paths, of an application load balancer. */
  readonly rules: readonly Action[];
  /** where a classic load balancer sends it instead. */
  readonly machinePort: number;
}

export interface Balancer {
  readonly kind: 'network' | 'application' | 'classic';
  /** none is the default, the internet. */
  readonly scheme?: 'internet-facing' | 'internal';
  /** whether it has IPv6 addresses as well. */
  readonly dual?: boolean;
  readonly subnets: readonly number[];
  /** none is nothing at a network load balancer and the default group at the others. */
  readonly groups: readonly GroupId[];
  readonly listeners: readonly Listener[];
  readonly targetGroups: readonly TargetGroup[];
  /** what a classic load balancer balances. */
  readonly machines: readonly number[];
}

export interface Vpc {
  /** a /16; its subnets are the first /24s of it. */
  readonly cidr: string;
  readonly ipv6: boolean;
  readonly gateway: 'attached' | 'loose' | 'none';
  readonly tables: readonly (readonly Route[])[];
  readonly acls: readonly Acl[];
  readonly subnets: readonly Subnet[];
  readonly groups: readonly Group[];
  /** what is added to the default group, which admits its own members. */
  readonly defaultGroup: readonly Rule[];
  readonly machines: readonly Machine[];
  readonly balancers: readonly Balancer[];
}

export interface Network {
  readonly vpcs: readonly Vpc[];
  readonly lists: readonly (readonly string[])[];
  /** chooses among the ways of writing the same. */
  readonly spelling: number;
}

export function machineName(vpc: number, machine: number): string {
  return `Machine${vpc}x${machine}`;
}

/** The nth /24 of the /16 of a VPC. */
export function subnetCidr(vpc: Vpc, subnet: number): string {
  const [a, b] = vpc.cidr.split('.');
  return `${a}.${b}.${subnet}.0/24`;
}

/** What a number means among so many: networks are generated with any numbers, and read with them wrapped around. */
export function pick<T>(list: readonly T[], index: number): T {
  const found = list[index % list.length];
  if (found === undefined) throw new Error('there is nothing to pick from');
  return found;
}
