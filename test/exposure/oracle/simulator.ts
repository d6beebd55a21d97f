// a packet simulator: takes one packet in and its answer back, step by step as AWS does, for every kind of client and every port. It knows networks
// as network.ts describes them and nothing else; it has nothing in common with the analysis that it is the second opinion on.
import type { Address } from './addresses';
import { block, clients, nth, within } from './addresses';
import type { Acl, Action, Balancer, GroupId, Listener, Machine, Network, Ports, Protocol, Rule, Subnet, Target, TargetGroup, Via, Vpc } from './network';
import { machineName, pick, subnetCidr } from './network';

/** Who sends or receives: an address, and the groups of the interface when it is one of the VPC's. */
interface Endpoint {
  readonly address: Address;
  readonly groups: readonly GroupId[];
}

interface Interface {
  readonly subnet: number;
  readonly groups: readonly GroupId[];
  /** the families in which the internet can name it. */
  readonly public4: boolean;
  readonly public6: boolean;
}

/** The ports that somebody may send from: a client any it likes, a load balancer those that are meant for it. */
const ANY: Ports = [1, 65535];
const EPHEMERAL: Ports = [1024, 65535];

const TCP: readonly Protocol[] = ['tcp', 'any'];

/** The machines that somebody on the internet can have an answer from on one of the ports, and for each how. */
export function reachable(network: Network, ports: readonly number[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const everyone = clients(cidrsOf(network));
  network.vpcs.forEach((vpc, v) => {
    const world = new World(network, vpc);
    vpc.machines.forEach((machine, m) => {
      const how = everyone.map((client) => world.direct(client, machine, ports) ?? world.balanced(client, m, ports)).find((each) => each !== undefined);
      if (how !== undefined) found.set(machineName(v, m), how);
    });
  });
  return found;
}

function cidrsOf(network: Network): string[] {
  const ofRules = (rules: readonly Rule[]): string[] => rules.flatMap(({ peer }) => ('cidr' in peer ? [peer.cidr] : []));
  return [
    ...network.lists.flat(),
    ...network.vpcs.flatMap((vpc) => [
      vpc.cidr,
      ...vpc.tables.flat().flatMap(({ to }) => ('cidr' in to ? [to.cidr] : [])),
      ...vpc.acls.flatMap(({ inbound, outbound }) => [...inbound, ...outbound].map(({ cidr }) => cidr)),
      ...vpc.groups.flatMap(({ inbound, outbound }) => [...ofRules(inbound), ...ofRules(outbound ?? [])]),
      ...ofRules(vpc.defaultGroup),
    ]),
  ];
}

class World {
  private readonly clientPorts: readonly number[];
  private readonly ownPorts: readonly number[];

  constructor(
    private readonly network: Network,
    private readonly vpc: Vpc,
  ) {
    const edges = vpc.acls.flatMap(({ inbound, outbound }) => [...inbound, ...outbound]).flatMap(({ ports }) => [ports[0], ports[1] + 1]);
    const among = ([first, last]: Ports): number[] => [...new Set([first, ...edges.filter((port) => port >= first && port <= last)])];
    this.clientPorts = among(ANY);
    this.ownPorts = among(EPHEMERAL);
  }

  /** From the client to an address of the machine and back. */
  direct(client: Address, machine: Machine, ports: readonly number[]): string | undefined {
    // without an internet gateway nothing on the internet has a way into the VPC.
    if (this.vpc.gateway !== 'attached') return undefined;
    for (const nic of this.interfaces(machine)) {
      if (!(client.family === 4 ? nic.public4 : nic.public6)) continue;
      const here = this.addressIn(nic.subnet, client.family);
      for (const port of ports) {
        for (const from of this.clientPorts) {
          const inward = this.aclAdmits(nic.subnet, 'inbound', client, port) && this.groupsAdmit(nic.groups, { address: client, groups: [] }, port);
          // groups remember the connection, network ACLs do not.
          const back = inward && this.aclAdmits(nic.subnet, 'outbound', client, from) && this.routeTo(nic.subnet, client) === 'internet';
          if (back) return `${print(client)}:${from} to ${print(here)}:${port}`;
        }
      }
    }
    return undefined;
  }

  /** From the client to a load balancer, on to the machine, and all the way back. */
  balanced(client: Address, machine: number, ports: readonly number[]): string | undefined {
    for (const balancer of this.vpc.balancers) {
      for (const subnet of balancer.subnets.map((each) => each % this.vpc.subnets.length)) {
        for (const listener of balancer.listeners) {
          for (const from of this.clientPorts) {
            if (!this.accepts(balancer, subnet, listener, client, from)) continue;
            const port = this.targetsOf(balancer, listener)
              .filter(({ target }) => target.machine % this.vpc.machines.length === machine)
              .filter(({ group, port: to }) => ports.includes(to) && this.forwards(balancer, subnet, group, client, from, machine, to))
              .map((each) => each.port)[0];
            if (port !== undefined) return `${print(client)}:${from} through a ${balancer.kind} load balancer in subnet ${subnet} to port ${port}`;
          }
        }
      }
    }
    return undefined;
  }

  /** Whether the client can hold a connection with the load balancer. */
  private accepts(balancer: Balancer, subnet: number, listener: Listener, client: Address, from: number): boolean {
    // an internal one has no address that the internet can name.
    if (this.vpc.gateway !== 'attached' || balancer.scheme === 'internal' || listener.protocol !== 'tcp') return false;
    if (client.family === 6 && balancer.dual !== true) return false;
    return (
      this.aclAdmits(subnet, 'inbound', client, listener.port) &&
      (this.unguarded(balancer) || this.groupsAdmit(this.groupsOf(balancer), { address: client, groups: [] }, listener.port)) &&
      this.aclAdmits(subnet, 'outbound', client, from) &&
      this.routeTo(subnet, client) === 'internet'
    );
  }

  /** Whether the load balancer can hold a connection with the machine. */
  private forwards(balancer: Balancer, subnet: number, group: TargetGroup | undefined, client: Address, from: number, index: number, port: number): boolean {
    const machine = pick(this.vpc.machines, index);
    const [nic] = this.interfaces(machine);
    if (nic === undefined) return false;
    const there = this.addressIn(nic.subnet, 4);
    const node = this.addressIn(subnet, 4);
    // targets are spoken to over IPv4, to which no address of IPv6 can be carried over:
    // https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html#client-ip-preservation
    const preserved = balancer.kind === 'network' && client.family === 4 && (group?.preserve ?? group?.kind === 'instance');
    // members of a group of the load balancer are its members even when they wear the client's address:
    // https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html
    const source: Endpoint = { address: preserved ? client : node, groups: this.unguarded(balancer) ? [] : this.groupsOf(balancer) };
    if (!this.unguarded(balancer) && !this.groupsRelease(this.groupsOf(balancer), { address: there, groups: this.membership(nic.groups) }, port)) return false;
    if (!this.groupsAdmit(nic.groups, source, port)) return false;
    // inside a subnet no network ACL is asked.
    if (nic.subnet === subnet) return true;
    return (preserved ? [from] : this.ownPorts).some(
      (own) =>
        this.aclAdmits(subnet, 'outbound', there, port) &&
        this.aclAdmits(nic.subnet, 'inbound', source.address, port) &&
        this.aclAdmits(nic.subnet, 'outbound', source.address, own) &&
        this.aclAdmits(subnet, 'inbound', there, own),
    );
  }

  private targetsOf(balancer: Balancer, listener: Listener): { group?: TargetGroup; target: Target; port: number }[] {
    if (balancer.kind === 'classic') return balancer.machines.map((machine) => ({ target: { machine }, port: listener.machinePort }));
    const actions: readonly Action[] = balancer.kind === 'application' ? [listener.action, ...listener.rules] : [listener.action];
    return actions
      .flatMap((action) => (action === 'answer' ? [] : action))
      .filter(({ weight }) => weight > 0)
      .map((each) => pick(balancer.targetGroups, each.group))
      .flatMap((group) => group.targets.map((target) => ({ group, target, port: target.port ?? group.port })));
  }

  private interfaces(machine: Machine): Interface[] {
    const { extra } = machine;
    const subnet = pick(this.vpc.subnets, machine.subnet);
    // an address is given at launch to a new interface only, by its own switch or else by the subnet's:
    // https://docs.aws.amazon.com/vpc/latest/userguide/vpc-ip-addressing.html
    const launched = machine.origin === 'made' ? false : machine.origin === 'described' ? (machine.publicSwitch ?? subnet.publicOnLaunch) : subnet.publicOnLaunch;
    const first = { subnet: machine.subnet % this.vpc.subnets.length, groups: this.membership(machine.groups), public4: launched || machine.elastic, public6: this.has6(subnet, machine.ipv6) };
    if (extra === undefined) return [first];
    return [first, { subnet: extra.subnet % this.vpc.subnets.length, groups: this.membership(extra.groups), public4: extra.elastic, public6: this.has6(pick(this.vpc.subnets, extra.subnet), extra.ipv6) }];
  }

  private has6(subnet: Subnet, asked: number | undefined): boolean {
    return this.vpc.ipv6 && subnet.ipv6 && (asked === undefined ? subnet.ipv6OnCreation : asked > 0);
  }

  private membership(groups: readonly GroupId[]): readonly GroupId[] {
    return groups.length === 0 ? ['default'] : groups.map((each) => (each === 'default' ? each : each % this.vpc.groups.length));
  }

  /** A network load balancer made without groups lets everything through. */
  private unguarded({ kind, groups }: Balancer): boolean {
    return kind === 'network' && groups.length === 0;
  }

  private groupsOf({ groups }: Balancer): readonly GroupId[] {
    return this.membership(groups);
  }

  /** Some address of a subnet; nothing in a network tells its addresses apart. */
  private addressIn(subnet: number, family: 4 | 6): Address {
    return nth(family === 4 ? subnetCidr(this.vpc, subnet) : '2600:1f18::/64', 10);
  }

  /** Network ACLs go by the first entry that matches, and deny when none does. */
  private aclAdmits(subnet: number, direction: keyof Acl, other: Address, port: number): boolean {
    const { acl } = pick(this.vpc.subnets, subnet);
    if (acl === undefined) return true;
    const entry = pick(this.vpc.acls, acl)[direction].find(
      ({ protocol, ports, cidr }) => (protocol === 'any' || (protocol === 'tcp' && ports[0] <= port && port <= ports[1])) && within(other, cidr),
    );
    return entry?.allow ?? false;
  }

  private groupsAdmit(groups: readonly GroupId[], source: Endpoint, port: number): boolean {
    return groups.some((id) => {
      if (id === 'default') return source.groups.includes('default') || this.vpc.defaultGroup.some((rule) => this.matches(rule, source, port));
      return pick(this.vpc.groups, id).inbound.some((rule) => this.matches(rule, source, port));
    });
  }

  private groupsRelease(groups: readonly GroupId[], destination: Endpoint, port: number): boolean {
    return groups.some((id) => {
      const outbound = id === 'default' ? undefined : pick(this.vpc.groups, id).outbound;
      return outbound?.some((rule) => this.matches(rule, destination, port)) ?? true;
    });
  }

  private matches({ protocol, ports, peer }: Rule, other: Endpoint, port: number): boolean {
    if (!TCP.includes(protocol) || (protocol === 'tcp' && (port < ports[0] || port > ports[1]))) return false;
    if ('cidr' in peer) return within(other.address, peer.cidr);
    if ('list' in peer) return pick(this.network.lists, peer.list).some((cidr) => within(other.address, cidr));
    const wanted = peer.group === 'default' ? peer.group : peer.group % this.vpc.groups.length;
    return other.groups.includes(wanted);
  }

  /** The longest prefix wins; of equal ones a route by itself wins over one of a prefix list. */
  private routeTo(subnet: number, address: Address): Via | 'local' | undefined {
    if (within(address, this.vpc.cidr)) return 'local';
    const { table } = pick(this.vpc.subnets, subnet);
    const routes = table === undefined ? [] : pick(this.vpc.tables, table);
    const entries = routes.flatMap(({ to, via }) =>
      'cidr' in to ? [{ cidr: to.cidr, via, rank: 1 }] : pick(this.network.lists, to.list).map((cidr) => ({ cidr, via, rank: 0 })),
    );
    const matching = entries.filter(({ cidr }) => within(address, cidr));
    matching.sort((a, b) => block(b.cidr).bits - block(a.cidr).bits || b.rank - a.rank);
    return matching[0]?.via;
  }
}

function print({ family, value }: Address): string {
  const parts = family === 4 ? [24n, 16n, 8n, 0n] : [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n];
  return parts.map((shift) => ((value >> shift) & (family === 4 ? 255n : 65535n)).toString(family === 4 ? 10 : 16)).join(family === 4 ? '.' : ':');
}
