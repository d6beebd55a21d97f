// the second opinion: the analysis reads templates, the simulator sends packets through what the templates describe, and both must say the same.
import * as fc from 'fast-check';
import { assess } from '../../lib/exposure/assess';
import type { Assessment } from '../../lib/exposure/assessment';
import { TemplateSet } from '../../lib/exposure/templates/templates';
import { clients } from './oracle/addresses';
import { networks } from './oracle/arbitrary';
import { BALANCED, BALANCER, MACHINE, network, OPEN, SUBNET } from './oracle/examples';
import type { Entry, Network, Rule, Vpc } from './oracle/network';
import { clickhouses, render } from './oracle/render';
import { reachable } from './oracle/simulator';

/** What ClickHouse listens on when nothing is configured, and with TLS: https://clickhouse.com/docs/guides/sre/network-ports */
const PORTS = [8123, 8443, 9000, 9440, 9009, 9004, 9005, 9363];

const RUNS = Number(process.env.EXPOSURE_RUNS ?? 2_000);

function assessed(each: Network): Assessment {
  return assess(new TemplateSet([{ path: 'main.template.json', body: render(each) }]));
}

const tcp = (ports: Rule['ports'], cidr: string): Rule => ({ protocol: 'tcp', ports, peer: { cidr } });
const entry = (allow: boolean, cidr: string, ports: Entry['ports'] = [0, 65535], protocol: Entry['protocol'] = 'tcp'): Entry => ({ allow, cidr, ports, protocol });
const EVERYTHING = entry(true, '0.0.0.0/0', [0, 65535], 'any');

/** The open network with this group, or with this network ACL. */
const behind = (...inbound: Rule[]): Vpc => ({ ...OPEN, groups: [{ inbound }] });
const acl = (inbound: Entry[], outbound: Entry[]): Vpc => ({ ...OPEN, acls: [{ inbound, outbound }], subnets: [{ ...SUBNET, acl: 0 }] });
const routes = (...table: Vpc['tables'][number]): Vpc => ({ ...OPEN, tables: [table] });
const machine = (more: Partial<Vpc['machines'][number]>): Vpc => ({ ...OPEN, machines: [{ ...MACHINE, ...more }] });
const v6: Vpc = {
  ...OPEN,
  ipv6: true,
  tables: [[{ to: { cidr: '::/0' }, via: 'internet' }]],
  subnets: [{ ...SUBNET, ipv6: true, ipv6OnCreation: true }],
  groups: [{ inbound: [tcp([8123, 8123], '::/0')] }],
  machines: [{ ...MACHINE, publicSwitch: false }],
};
const front = (more: Partial<Vpc['balancers'][number]>, vpc: Partial<Vpc> = {}): Vpc => ({ ...BALANCED, ...vpc, balancers: [{ ...BALANCER, ...more }] });
const MEMBERS: Rule = { protocol: 'tcp', ports: [8123, 8123], peer: { group: 1 } };
/** The load balancer's subnet with a network ACL that lets in what the listener is for, and nothing else. */
const LISTENING: Partial<Vpc> = { acls: [{ inbound: [entry(true, '0.0.0.0/0', [443, 443])], outbound: [EVERYTHING] }], subnets: [{ ...SUBNET, acl: 0 }, { ...SUBNET, table: undefined }] };
const SIX = { ...SUBNET, ipv6: true };
const DUAL: Partial<Vpc> = { ipv6: true, subnets: [SIX, { ...SIX, table: undefined }], tables: [[{ to: { cidr: '::/0' }, via: 'internet' }]], groups: [{ inbound: [tcp([8123, 8123], '10.0.0.0/16')] }, { inbound: [tcp([443, 443], '::/0')] }] };
const guarded: Partial<Vpc> = { groups: [{ inbound: [MEMBERS] }, { inbound: [tcp([443, 443], '0.0.0.0/0')] }] };

const EXAMPLES: readonly (readonly [what: string, vpc: Vpc, reachable: boolean, lists?: Network['lists']])[] = [
  ['a public machine behind an open group', OPEN, true],
  ['no internet gateway', { ...OPEN, gateway: 'none' }, false],
  ['a gateway that is not attached', { ...OPEN, gateway: 'loose' }, false],
  ['no table of its own', { ...OPEN, subnets: [{ ...SUBNET, table: undefined }] }, false],
  ['no public address', machine({ publicSwitch: false }), false],
  ['the switch left to a subnet that gives addresses', { ...machine({ publicSwitch: undefined }), subnets: [{ ...SUBNET, publicOnLaunch: true }] }, true],
  ['an interface made before, in such a subnet', { ...machine({ origin: 'made', publicSwitch: undefined }), subnets: [{ ...SUBNET, publicOnLaunch: true }] }, false],
  ['an elastic address', machine({ publicSwitch: false, elastic: true }), true],
  ['an elastic address on another interface', machine({ publicSwitch: false, extra: { subnet: 0, groups: [0], elastic: true } }), true],
  ['the other interface behind the default group', machine({ publicSwitch: false, extra: { subnet: 0, groups: [], elastic: true } }), false],
  ['no group', machine({ groups: [] }), false],
  ['the default group by name', machine({ groups: ['default'] }), false],
  ['no group, and a default group opened', { ...machine({ groups: [] }), defaultGroup: [tcp([0, 65535], '0.0.0.0/0')] }, true],
  ['a group for private addresses', behind(tcp([8123, 8123], '10.0.0.0/8'), tcp([8123, 8123], '203.0.113.0/24')), false],
  ['a group for one public address', behind(tcp([8123, 8123], '8.8.8.8/32')), true],
  ['a group for another port', behind(tcp([22, 22], '0.0.0.0/0')), false],
  ['a group for UDP', behind({ ...tcp([8123, 8123], '0.0.0.0/0'), protocol: 'udp' }), false],
  ['a group for everything, its ports being meaningless', behind({ ...tcp([22, 22], '0.0.0.0/0'), protocol: 'any' }), true],
  ['a group for a list of everything', behind({ protocol: 'tcp', ports: [8123, 8123], peer: { list: 0 } }), true],
  ['a group for a list of private addresses', behind({ protocol: 'tcp', ports: [8123, 8123], peer: { list: 0 } }), false, [['10.0.0.0/8'], ['::/0']]],
  ['a group for itself', behind({ protocol: 'any', ports: [0, 65535], peer: { group: 0 } }), false],
  ['a group for IPv6 on a machine that has none', behind(tcp([8123, 8123], '::/0')), false],
  ['a route to a NAT gateway', routes({ to: { cidr: '0.0.0.0/0' }, via: 'nat' }), false],
  ['a NAT gateway for one half', routes({ to: { cidr: '0.0.0.0/0' }, via: 'internet' }, { to: { cidr: '0.0.0.0/1' }, via: 'nat' }), true],
  ['a NAT gateway for both halves', routes({ to: { cidr: '0.0.0.0/0' }, via: 'internet' }, { to: { cidr: '0.0.0.0/1' }, via: 'nat' }, { to: { cidr: '128.0.0.0/1' }, via: 'nat' }), false],
  ['a group for addresses whose answers go elsewhere', { ...routes({ to: { cidr: '0.0.0.0/0' }, via: 'internet' }, { to: { cidr: '8.0.0.0/8' }, via: 'transit' }), groups: [{ inbound: [tcp([8123, 8123], '8.0.0.0/8')] }] }, false],
  ['a group for a public range that is the VPC itself', { ...behind(tcp([8123, 8123], '8.0.0.0/16')), cidr: '8.0.0.0/16' }, false],
  ['a list of routes that one route by itself overrides', routes({ to: { list: 0 }, via: 'internet' }, { to: { cidr: '0.0.0.0/0' }, via: 'nat' }), false],
  ['a network ACL without entries', acl([], []), false],
  ['an open network ACL', acl([EVERYTHING], [EVERYTHING]), true],
  ['a network ACL that lets no answer out', acl([EVERYTHING], []), false],
  // clients choose the port that they send from.
  ['a network ACL that lets answers out to port 22 only', acl([EVERYTHING], [entry(true, '0.0.0.0/0', [22, 22])]), true],
  ['a network ACL that lets answers out to port 0 only', acl([EVERYTHING], [entry(true, '0.0.0.0/0', [0, 0])]), false],
  ['a network ACL that lets UDP out only', acl([EVERYTHING], [entry(true, '0.0.0.0/0', [0, 65535], 'udp')]), false],
  ['a network ACL that lets some answers out', acl([EVERYTHING], [entry(true, '8.0.0.0/8', [60000, 61000])]), true],
  ['a network ACL that denies before it allows', acl([entry(false, '0.0.0.0/0'), EVERYTHING], [EVERYTHING]), false],
  ['a network ACL that allows before it denies', acl([EVERYTHING, entry(false, '0.0.0.0/0')], [EVERYTHING]), true],
  ['a network ACL that admits only whom it does not answer', acl([entry(true, '0.0.0.0/1')], [entry(true, '128.0.0.0/1')]), false],
  ['IPv6', v6, true],
  ['IPv6 by an egress-only gateway', { ...v6, tables: [[{ to: { cidr: '::/0' }, via: 'egress' }]] }, false],
  ['IPv6 with a route for IPv4 only', { ...v6, tables: OPEN.tables }, false],
  ['IPv6 for addresses that no one has', { ...v6, groups: [{ inbound: [tcp([8123, 8123], '2001:db8::/32'), tcp([8123, 8123], 'fd00::/8')] }] }, false],
  ['IPv6 that the machine asks for', { ...v6, subnets: [{ ...SUBNET, ipv6: true }], machines: [{ ...MACHINE, publicSwitch: false, ipv6: 1 }] }, true],
  ['IPv6 that the machine does not ask for', { ...v6, subnets: [{ ...SUBNET, ipv6: true }] }, false],
  ['a network load balancer that keeps addresses', front({}), true],
  ['the same, to a group for the VPC', front({}, { groups: [{ inbound: [tcp([8123, 8123], '10.0.0.0/16')] }] }), false],
  ['one that does not keep addresses, to a group for the VPC', front({ targetGroups: [{ kind: 'ip', port: 8123, targets: [{ machine: 0 }] }] }, { groups: [{ inbound: [tcp([8123, 8123], '10.0.0.0/16')] }] }), true],
  ['one that is told not to keep them', front({ targetGroups: [{ kind: 'instance', port: 8123, targets: [{ machine: 0 }], preserve: false }] }, { groups: [{ inbound: [tcp([8123, 8123], '10.0.0.0/24')] }] }), true],
  ['a network load balancer in the machine\'s own isolated subnet', front({ subnets: [1] }), false],
  ['an internal one', front({ scheme: 'internal' }), false],
  ['one with IPv6, for IPv6', front({ dual: true, groups: [1] }, DUAL), true],
  ['one with IPv6, for IPv6, to a group for clients', front({ dual: true, groups: [1] }, { ...DUAL, groups: [{ inbound: [tcp([8123, 8123], '8.0.0.0/8')] }, { inbound: [tcp([443, 443], '::/0')] }] }), false],
  ['one without IPv6, for IPv6', front({ groups: [1] }, DUAL), false],
  ['one without a listener', front({ listeners: [] }), false],
  ['one that listens to UDP', front({ listeners: BALANCER.listeners.map((each) => ({ ...each, protocol: 'udp' as const })) }), false],
  ['one that sends to another port', front({ targetGroups: [{ kind: 'instance', port: 3000, targets: [{ machine: 0 }] }] }), false],
  ['one whose target has its own port', front({ targetGroups: [{ kind: 'instance', port: 3000, targets: [{ machine: 0, port: 8123 }] }] }), true],
  ['one with a group, to a group that admits it', front({ groups: [1] }, guarded), true],
  ['one without that group', front({}, guarded), false],
  ['an application load balancer', front({ kind: 'application', groups: [1] }, guarded), true],
  ['one whose group lets nothing out to the machine', front({ kind: 'application', groups: [1] }, { groups: [{ inbound: [MEMBERS] }, { inbound: [tcp([443, 443], '0.0.0.0/0')], outbound: [tcp([443, 443], '0.0.0.0/0')] }] }), false],
  ['one that answers itself', front({ kind: 'application', groups: [1], listeners: [{ port: 443, protocol: 'tcp', action: 'answer', rules: [], machinePort: 1 }] }, guarded), false],
  ['one that answers itself but for some paths', front({ kind: 'application', groups: [1], listeners: [{ port: 443, protocol: 'tcp', action: 'answer', rules: [[{ group: 0, weight: 1 }]], machinePort: 1 }] }, guarded), true],
  ['one that gives the machine no weight', front({ kind: 'application', groups: [1], targetGroups: [...BALANCER.targetGroups, { kind: 'instance', port: 8123, targets: [] }], listeners: [{ port: 443, protocol: 'tcp', action: [{ group: 0, weight: 0 }, { group: 1, weight: 1 }], rules: [], machinePort: 1 }] }, guarded), false],
  ['one in the default group', front({ kind: 'application' }), false],
  ['a classic load balancer', front({ kind: 'classic', groups: [1] }, guarded), true],
  ['a classic load balancer to another port', front({ kind: 'classic', groups: [1], listeners: [{ port: 443, protocol: 'tcp', action: 'answer', rules: [], machinePort: 80 }] }, guarded), false],
  // a load balancer sends from a port above 1023, unless it keeps the client's, which can be the one that is let back in.
  ['a load balancer whose subnet lets no answers of machines in', front({ targetGroups: [{ kind: 'ip', port: 8123, targets: [{ machine: 0 }] }] }, LISTENING), false],
  ['the same, which keeps the ports of clients', front({}, LISTENING), true],
  ['the same, in the subnet of the machine', front({ targetGroups: [{ kind: 'ip', port: 8123, targets: [{ machine: 0 }] }] }, { ...LISTENING, machines: [{ ...MACHINE, publicSwitch: false }] }), true],
];

const named = EXAMPLES.map(([what, vpc, expected, lists]) => ({ what, vpc, expected, lists }));

describe('the simulator', () => {
  test.each(named)('$what', ({ vpc, expected, lists }) => {
    expect(reachable(network(vpc, lists), PORTS).size).toBe(expected ? 1 : 0);
  });

  test('random networks are of both kinds', () => {
    const all = fc.sample(networks, { numRuns: 500, seed: 1 }).flatMap((each) => clickhouses(each).map((id) => reachable(each, PORTS).has(id)));
    const share = all.filter(Boolean).length / all.length;
    expect(share).toBeGreaterThan(0.15);
    expect(share).toBeLessThan(0.85);
  });

  test('clients are public and differ in what admits them', () => {
    expect(clients(['10.0.0.0/8', '203.0.113.0/24', '2001:db8::/32'])).toHaveLength(2);
    expect(clients(['0.0.0.0/1', '8.0.0.0/8', '8.8.8.8/32', '2000::/4', '::/0'])).toHaveLength(4 + 2);
  });
});

test.each(named)('the analysis agrees: $what', ({ vpc, expected, lists }) => {
  expect(assessed(network(vpc, lists)).workloads.map(({ resource, verdict }) => `${resource.logicalId}: ${verdict}`)).toEqual([`Machine0x0: ${expected ? 'exposed' : 'private'}`]);
});

test(
  'the analysis and the simulator say the same of random networks',
  () => {
    const counts = { exposed: 0, private: 0 };
    fc.assert(
      fc.property(networks, (each) => {
        const { workloads } = assessed(each);
        const found = new Map(workloads.map((workload) => [workload.resource.logicalId, workload]));
        expect([...found.keys()].sort()).toEqual(clickhouses(each).sort());
        // the ports are what the analysis says, which other tests look at; without those of every installation something is wrong with it.
        const ports = workloads[0]?.ports ?? PORTS;
        expect(ports).toEqual(expect.arrayContaining([8123, 9000]));
        const ways = reachable(each, ports);
        for (const id of clickhouses(each)) {
          const expected = ways.has(id) ? 'exposed' : 'private';
          counts[expected]++;
          const said = found.get(id);
          if (said?.verdict !== expected) throw new Error(`${id} is ${expected} (${ways.get(id) ?? 'no way'}), not ${said?.verdict} (${said?.reason})`);
        }
      }),
      { numRuns: RUNS },
    );
    const all = counts.exposed + counts.private;
    expect(counts.exposed / all).toBeGreaterThan(0.15);
    expect(counts.private / all).toBeGreaterThan(0.15);
  },
  600_000,
);
