// random networks: nearly open, so that one condition often decides.
import * as fc from 'fast-check';
import { block } from './addresses';
import type { Acl, Action, Balancer, Entry, Group, GroupId, Listener, Machine, Network, Peer, Ports, Protocol, Route, Rule, Subnet, TargetGroup, Via, Vpc } from './network';
import { pick } from './network';

function often<T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> {
  return fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(usual, ...others) });
}

const maybe = <T>(arbitrary: fc.Arbitrary<T>, none = 1, some = 1): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: none, arbitrary: fc.constant(undefined) }, { weight: some, arbitrary });

const CIDRS4 = ['0.0.0.0/1', '128.0.0.0/1', '0.0.0.0/2', '8.0.0.0/8', '8.0.0.0/16', '8.8.8.8/32', '52.0.0.0/6', '10.0.0.0/8', '10.0.0.0/16', '10.0.0.0/24', '10.0.1.0/24', '172.16.0.0/12', '192.168.0.0/16', '203.0.113.0/24', '100.64.0.0/10', '224.0.0.0/4'];
const CIDRS6 = ['::/1', '2000::/3', '2000::/4', '3000::/4', '2a00::/12', '2400:cb00::/32', 'fd00::/8', '2001:db8::/32'];

const cidr4 = fc.oneof({ weight: 3, arbitrary: fc.constant('0.0.0.0/0') }, { weight: 4, arbitrary: fc.constantFrom(...CIDRS4) });
const cidr6 = fc.oneof({ weight: 2, arbitrary: fc.constant('::/0') }, { weight: 2, arbitrary: fc.constantFrom(...CIDRS6) });
const protocol: fc.Arbitrary<Protocol> = fc.oneof({ weight: 6, arbitrary: fc.constant<Protocol>('tcp') }, { weight: 2, arbitrary: fc.constant<Protocol>('any') }, { weight: 1, arbitrary: fc.constant<Protocol>('udp') });
const ALL: Ports = [0, 65535];
const ports: fc.Arbitrary<Ports> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom<Ports>(ALL, [8123, 8123], [9000, 9000], [8000, 9500]) },
  { weight: 1, arbitrary: fc.constantFrom<Ports>([443, 443], [80, 443], [22, 22], [8124, 8200], [9001, 9003], [1024, 65535], [1024, 32767], [32768, 60999], [65535, 65535]) },
);
const groupId: fc.Arbitrary<GroupId> = fc.oneof({ weight: 6, arbitrary: fc.nat({ max: 2 }) }, { weight: 1, arbitrary: fc.constant<GroupId>('default') });
const groupIds = fc.oneof({ weight: 8, arbitrary: fc.uniqueArray(groupId, { minLength: 1, maxLength: 2, size: 'max' }) }, { weight: 1, arbitrary: fc.constant([]) });
const via: fc.Arbitrary<Via> = often<Via>('internet', 'nat', 'egress', 'peer', 'transit');

const targetGroup: fc.Arbitrary<TargetGroup> = fc.record({
  kind: fc.constantFrom('instance', 'ip'),
  port: often(8123, 9000, 8080, 9440),
  targets: fc.uniqueArray(fc.record({ machine: fc.nat({ max: 1 }), port: maybe(fc.constantFrom(8123, 9000, 3000), 4, 1) }), { minLength: 1, maxLength: 2, selector: (each) => each.machine }),
  preserve: maybe(fc.boolean()),
});
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 4, arbitrary: fc.nat({ max: 1 }).map((number) => [{ group: number, weight: 1 }]) },
  { weight: 1, arbitrary: fc.tuple(fc.nat({ max: 1 }), fc.nat({ max: 1 })).map(([weight, first]) => [{ group: first, weight }, { group: first + 1, weight: 1 }]) },
  { weight: 1, arbitrary: fc.constant<Action>('answer') },
);
const listener: fc.Arbitrary<Listener> = fc.record({
  port: fc.constantFrom(443, 80, 8123, 9000),
  protocol: fc.oneof({ weight: 12, arbitrary: fc.constant('tcp' as const) }, { weight: 1, arbitrary: fc.constant('udp' as const) }),
  action,
  rules: fc.array(action, { maxLength: 1 }),
  machinePort: often(8123, 9000, 8080),
});
const balancer: fc.Arbitrary<Balancer> = fc.record({
  kind: fc.constantFrom('network', 'network', 'application', 'classic'),
  scheme: often<Balancer['scheme']>('internet-facing', undefined, 'internal'),
  dual: often(false, true),
  subnets: fc.uniqueArray(fc.nat({ max: 2 }), { minLength: 1, maxLength: 2 }),
  groups: groupIds,
  listeners: fc.oneof({ weight: 9, arbitrary: fc.uniqueArray(listener, { minLength: 1, maxLength: 2, size: 'max', selector: (each) => each.port }) }, { weight: 1, arbitrary: fc.constant([]) }),
  targetGroups: fc.array(targetGroup, { minLength: 1, maxLength: 2 }),
  machines: fc.uniqueArray(fc.nat({ max: 1 }), { minLength: 1, maxLength: 2 }),
});

/** The way in that is likely to decide. */
interface Emphasis {
  readonly four: number;
  readonly six: number;
  readonly balanced: boolean;
}

/** The parts that depend on the way in. */
function emphasised({ four, six, balanced }: Emphasis): { vpc: (cidrs: readonly [string, ...string[]], most: number) => fc.Arbitrary<Vpc> } {
  const cidr = fc.oneof({ weight: four, arbitrary: cidr4 }, { weight: six, arbitrary: cidr6 });
  const peer: fc.Arbitrary<Peer> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ cidr }) },
    { weight: 1, arbitrary: fc.record({ list: fc.nat({ max: 1 }) }) },
    { weight: balanced ? 3 : 1, arbitrary: fc.record({ group: groupId }) },
  );
  const rule: fc.Arbitrary<Rule> = fc.record({ protocol, ports, peer });
  const inbound = fc.oneof({ weight: 9, arbitrary: fc.array(rule, { minLength: 1, maxLength: 3, size: 'max' }) }, { weight: 1, arbitrary: fc.constant([]) });
  const group: fc.Arbitrary<Group> = fc.record({ inbound, outbound: maybe(fc.array(rule, { minLength: 1, maxLength: 2 }), 5, 1) });

  const entry = (usual: Ports): fc.Arbitrary<Entry> => fc.record({ allow: often(true, false), protocol, ports: fc.oneof({ weight: 3, arbitrary: fc.constant(usual) }, { weight: 2, arbitrary: ports }), cidr });
  const entries = (usual: Ports): fc.Arbitrary<readonly Entry[]> => {
    const [rest4, rest6] = ['0.0.0.0/0', '::/0'].map((each): Entry => ({ allow: true, protocol: 'any', ports: ALL, cidr: each })) as [Entry, Entry];
    // most lists end with entries that allow the rest.
    return fc.tuple(fc.array(entry(usual), { maxLength: 3 }), often([rest4, rest6], [], [rest6])).map(([some, end]) => [...some, ...end]);
  };
  const acl: fc.Arbitrary<Acl> = fc.record({ inbound: entries([8123, 8123]), outbound: entries([1024, 65535]) });

  const route: fc.Arbitrary<Route> = fc.record({ to: fc.oneof({ weight: 8, arbitrary: fc.record({ cidr }) }, { weight: 1, arbitrary: fc.record({ list: fc.nat({ max: 1 }) }) }), via });
  const [out4, out6] = ['0.0.0.0/0', '::/0'].map((each): Route => ({ to: { cidr: each }, via: 'internet' })) as [Route, Route];
  const table = fc.tuple(fc.array(route, { maxLength: 3 }), often<readonly Route[]>([out4, out6], [out4], [])).map(([more, usual]) => [...more, ...usual]);

  const subnet: fc.Arbitrary<Subnet> = fc.record({
    ipv6: fc.boolean(),
    publicOnLaunch: often(four > six && !balanced, true, false),
    ipv6OnCreation: often(six > four, true, false),
    table: maybe(fc.nat({ max: 1 }), 1, 7),
    acl: maybe(fc.nat({ max: 1 }), 2, 1),
  });
  const ipv6 = maybe(fc.nat({ max: 1 }), 3, six);
  const machine: fc.Arbitrary<Machine> = fc.record({
    clickhouse: often(true, false),
    subnet: fc.nat({ max: 2 }),
    groups: groupIds,
    origin: fc.constantFrom('settings', 'described', 'made'),
    publicSwitch: maybe(often(four > six && !balanced, true, false)),
    elastic: often(four > six && !balanced, ...(balanced ? [] : [true, false])),
    ipv6,
    extra: maybe(fc.record({ subnet: fc.nat({ max: 2 }), groups: groupIds, elastic: often(!balanced, true, false), ipv6 }), balanced ? 20 : 4, 1),
  });
  return {
    vpc: (cidrs, most) =>
      fc
        .record({
          cidr: often(...cidrs),
          ipv6: six > four ? often(true, false) : fc.boolean(),
          gateway: fc.oneof({ weight: 10, arbitrary: fc.constant<Vpc['gateway']>('attached') }, { weight: 1, arbitrary: fc.constantFrom<Vpc['gateway']>('loose', 'none') }),
          tables: fc.array(table, { minLength: 1, maxLength: 2 }),
          acls: fc.array(acl, { maxLength: 2, size: 'max' }),
          subnets: fc.array(subnet, { minLength: 1, maxLength: 3, size: 'max' }),
          groups: fc.array(group, { minLength: 1, maxLength: 3, size: 'max' }),
          defaultGroup: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.array(rule, { maxLength: 2 }) }),
          machines: fc.array(machine, { minLength: 1, maxLength: most }),
          balancers: balanced ? fc.array(balancer, { minLength: 1, maxLength: 2 }) : fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.tuple(balancer) }),
        })
        .map(deployable),
  };
}

const vpc = (cidrs: readonly [string, ...string[]], most: number): fc.Arbitrary<Vpc> =>
  fc.oneof(
    { weight: 3, arbitrary: emphasised({ four: 4, six: 1, balanced: false }).vpc(cidrs, most) },
    { weight: 2, arbitrary: emphasised({ four: 1, six: 3, balanced: false }).vpc(cidrs, most) },
    { weight: 3, arbitrary: emphasised({ four: 6, six: 1, balanced: true }).vpc(cidrs, most) },
  );

/** Random networks that AWS would not refuse. */
export const networks: fc.Arbitrary<Network> = fc
  .record({
    vpcs: fc.oneof(
      { weight: 5, arbitrary: fc.tuple(vpc(['10.0.0.0/16', '192.168.0.0/16', '8.0.0.0/16'], 2)) },
      { weight: 1, arbitrary: fc.tuple(vpc(['10.0.0.0/16', '192.168.0.0/16', '8.0.0.0/16'], 2), vpc(['10.1.0.0/16', '172.16.0.0/16'], 1)) },
    ),
    lists: fc.tuple(
      fc.uniqueArray(cidr4, { minLength: 1, maxLength: 2 }),
      fc.oneof({ weight: 1, arbitrary: fc.uniqueArray(cidr6, { minLength: 1, maxLength: 2 }) }, { weight: 2, arbitrary: fc.uniqueArray(cidr4, { minLength: 1, maxLength: 3 }) }),
    ),
    spelling: fc.nat({ max: 1_000_000 }),
  })
  .map((network) => ({ ...network, vpcs: network.vpcs.map((each) => ({ ...each, tables: each.tables.map((routes) => routable(each, routes, network.lists)) })) }));

/** References that have something to refer to, and settings that go together. */
function deployable(each: Vpc): Vpc {
  const subnets = each.subnets.map((subnet) => ({ ...subnet, ipv6: subnet.ipv6 && each.ipv6, acl: each.acls.length === 0 ? undefined : subnet.acl }));
  // a subnet without IPv6 has no address to give, and only for an interface made by itself is it documented that 0 overrides the subnet:
  // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateNetworkInterface.html
  const asked = (subnet: number, wanted: number | undefined, made: boolean): number | undefined => (pick(subnets, subnet).ipv6 && (made || wanted !== 0) ? wanted : undefined);
  return {
    ...each,
    subnets,
    machines: each.machines.map((machine) => ({
      ...machine,
      groups: distinct(machine.groups, each),
      ipv6: asked(machine.subnet, machine.ipv6, machine.origin === 'made'),
      extra: machine.extra && { ...machine.extra, groups: distinct(machine.extra.groups, each), ipv6: asked(machine.extra.subnet, machine.extra.ipv6, true) },
    })),
    balancers: each.balancers.map((balancer) => ({
      ...balancer,
      subnets: wrapped(balancer.subnets, subnets.length),
      dual: balancer.dual === true && balancer.kind !== 'classic' && balancer.subnets.every((subnet) => pick(subnets, subnet).ipv6),
      groups: distinct(balancer.groups, each),
      machines: wrapped(balancer.machines, each.machines.length),
      // one protocol for all listeners, because target groups are shared.
      listeners: balancer.listeners.map((listener) => ({
        ...listener,
        protocol: balancer.kind === 'network' ? (balancer.listeners[0]?.protocol ?? 'tcp') : 'tcp',
        action: fitting(balancer, listener.action),
        rules: listener.rules.map((action) => fitting(balancer, action)),
      })),
      targetGroups: balancer.targetGroups.map((group) => ({ ...group, targets: group.targets.filter(({ machine }, index) => index === group.targets.findIndex((other) => other.machine % each.machines.length === machine % each.machines.length)) })),
    })),
  };
}

/** A network load balancer can only forward, and no target group can be named twice. */
function fitting({ kind, targetGroups }: Balancer, action: Action): Action {
  if (action === 'answer') return kind === 'application' ? action : [{ group: 0, weight: 1 }];
  return kind === 'application' && targetGroups.length > 1 ? action : action.slice(-1);
}

function wrapped(numbers: readonly number[], length: number): number[] {
  return [...new Set(numbers.map((each) => each % length))];
}

function distinct(groups: readonly GroupId[], { groups: all }: Vpc): readonly GroupId[] {
  return [...new Set(groups.map((each) => (each === 'default' ? each : each % all.length)))];
}

/** Routes that one table can hold: a destination once, one prefix list, none into the VPC itself, and targets that fit the family. */
function routable(each: Vpc, routes: readonly Route[], lists: Network['lists']): readonly Route[] {
  const kept: Route[] = [];
  const own = block(each.cidr);
  const reaches = (text: string): boolean => block(text).family === own.family && block(text).first >= own.first && block(text).last <= own.last;
  for (const { to, via: wanted } of routes) {
    const cidrs = 'cidr' in to ? [to.cidr] : (lists[to.list % lists.length] ?? []);
    const six = cidrs.some((text) => block(text).family === 6);
    const target = six && wanted === 'nat' ? 'egress' : !six && wanted === 'egress' ? 'nat' : wanted;
    const taken = kept.some((other) => ('cidr' in other.to ? 'cidr' in to && other.to.cidr === to.cidr : 'list' in to));
    if (taken || cidrs.some(reaches) || (target === 'internet' && each.gateway === 'none')) continue;
    kept.push({ to, via: target });
  }
  return kept;
}
