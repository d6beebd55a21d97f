// writes a described network as a CloudFormation template, each thing in one of the ways it can be written.
import { block } from './addresses';
import type { GroupId, Network, Vpc } from './network';
import { machineName, pick, subnetCidr } from './network';
import { balancers } from './render-balancers';
import { machines } from './render-machines';
import type { Json } from './spelling';
import { att, ref, Spelling } from './spelling';

/** The template of a network. */
export function render(network: Network): Json {
  const spelling = new Spelling(network.spelling);
  const resources: Record<string, unknown> = {};
  network.lists.forEach((cidrs, l) => {
    resources[`List${l}`] = {
      Type: 'AWS::EC2::PrefixList',
      Properties: { PrefixListName: `list${l}`, AddressFamily: cidrs.some(isV6) ? 'IPv6' : 'IPv4', MaxEntries: spelling.number(10), Entries: cidrs.map((cidr) => ({ Cidr: spelling.text(cidr) })) },
    };
  });
  network.vpcs.forEach((vpc, v) => Object.assign(resources, new VpcWriter(network, vpc, v, spelling).write()));
  return { ...spelling.sections(), Resources: Object.fromEntries(spelling.shuffled(Object.entries(resources))) };
}

/** The logical ids of the ClickHouse machines. */
export function clickhouses(network: Network): string[] {
  return network.vpcs.flatMap(({ machines: all }, v) => all.flatMap(({ clickhouse }, m) => (clickhouse ? [machineName(v, m)] : [])));
}

const isV6 = (cidr: string): boolean => block(cidr).family === 6;

class VpcWriter {
  private readonly made: Record<string, unknown> = {};

  constructor(
    private readonly network: Network,
    private readonly vpc: Vpc,
    private readonly v: number,
    private readonly spelling: Spelling,
  ) {}

  write(): Record<string, unknown> {
    const { v, vpc, spelling } = this;
    this.add('Vpc', 'AWS::EC2::VPC', { CidrBlock: spelling.text(vpc.cidr) });
    if (vpc.ipv6) this.add('Six', 'AWS::EC2::VPCCidrBlock', { VpcId: this.vpcId(), AmazonProvidedIpv6CidrBlock: spelling.flag(true) });
    if (vpc.gateway !== 'none') this.add('Gateway', 'AWS::EC2::InternetGateway', {});
    if (vpc.gateway === 'attached') this.add('Attachment', 'AWS::EC2::VPCGatewayAttachment', { VpcId: this.vpcId(), InternetGatewayId: this.id('Gateway', 'InternetGatewayId') });
    this.subnets();
    vpc.tables.forEach((routes, t) => this.table(routes, t));
    vpc.acls.forEach((acl, a) => this.acl(acl, a));
    this.groups();
    const named = { vpcId: () => this.vpcId(), subnetId: (subnet: number) => this.subnetId(subnet), groupId: (id: GroupId) => this.groupId(id), name: (part: string) => this.name(part) };
    Object.assign(this.made, machines(vpc, v, spelling, named), balancers(vpc, v, spelling, named));
    return this.made;
  }

  private name(part: string): string {
    return part.startsWith('Vpc') ? `Vpc${this.v}` : `${part.replace(/\d+$/, '')}${this.v}x${/\d+$/.exec(part)?.[0] ?? 0}`;
  }

  private add(part: string, Type: string, Properties: Json): void {
    this.made[this.name(part)] = { Type, Properties };
  }

  private id(part: string, attribute: string): Json {
    return this.spelling.choose(ref(this.name(part)), att(this.name(part), attribute));
  }

  private vpcId(): Json {
    return this.id('Vpc', 'VpcId');
  }

  private subnetId(subnet: number): Json {
    return this.id(`Subnet${subnet % this.vpc.subnets.length}`, 'SubnetId');
  }

  private groupId(id: GroupId): Json {
    return id === 'default' ? att(this.name('Vpc'), 'DefaultSecurityGroup') : this.id(`Group${id % this.vpc.groups.length}`, 'GroupId');
  }

  private subnets(): void {
    const { vpc, v, spelling } = this;
    vpc.subnets.forEach((subnet, s) => {
      const range = { 'Fn::Select': [spelling.number(s), { 'Fn::Cidr': [{ 'Fn::Select': [spelling.number(0), att(this.name('Vpc'), 'Ipv6CidrBlocks')] }, 8, '64'] }] };
      this.add(`Subnet${s}`, 'AWS::EC2::Subnet', {
        VpcId: this.vpcId(),
        CidrBlock: spelling.text(subnetCidr(vpc, s)),
        ...(subnet.ipv6 ? { Ipv6CidrBlock: range } : {}),
        // where there is no such block the switch cannot be on.
        ...(subnet.ipv6 ? spelling.optional({ AssignIpv6AddressOnCreation: subnet.ipv6OnCreation }, false) : {}),
        ...spelling.optional({ MapPublicIpOnLaunch: subnet.publicOnLaunch }, false),
      });
      if (subnet.table !== undefined) {
        this.add(`TableOf${s}`, 'AWS::EC2::SubnetRouteTableAssociation', { SubnetId: this.subnetId(s), RouteTableId: this.id(`Table${subnet.table % vpc.tables.length}`, 'RouteTableId') });
      }
      if (subnet.acl !== undefined) {
        this.add(`AclOf${s}`, 'AWS::EC2::SubnetNetworkAclAssociation', { SubnetId: this.subnetId(s), NetworkAclId: this.id(`Acl${subnet.acl % vpc.acls.length}`, 'Id') });
      }
    });
    if (vpc.tables.flat().some(({ via }) => via === 'nat')) {
      this.add('NatAddress', 'AWS::EC2::EIP', { Domain: 'vpc' });
      this.add('Nat', 'AWS::EC2::NatGateway', { SubnetId: this.subnetId(0), AllocationId: att(this.name('NatAddress'), 'AllocationId') });
    }
    if (vpc.tables.flat().some(({ via }) => via === 'egress')) this.add('Egress', 'AWS::EC2::EgressOnlyInternetGateway', { VpcId: this.vpcId() });
    if (vpc.tables.flat().some(({ via }) => via === 'peer')) {
      const other = this.network.vpcs.length > 1 ? ref(`Vpc${1 - v}`) : 'vpc-0a1b2c3d4e5f60718';
      this.add('Peering', 'AWS::EC2::VPCPeeringConnection', { VpcId: this.vpcId(), PeerVpcId: other });
    }
  }

  private table(routes: Vpc['tables'][number], t: number): void {
    const { spelling } = this;
    this.add(`Table${t}`, 'AWS::EC2::RouteTable', { VpcId: this.vpcId() });
    routes.forEach(({ to, via }, r) => {
      const destination = 'list' in to ? { DestinationPrefixListId: this.listId(to.list) } : { [isV6(to.cidr) ? 'DestinationIpv6CidrBlock' : 'DestinationCidrBlock']: spelling.text(to.cidr) };
      const target: Json = {
        internet: { GatewayId: this.id('Gateway', 'InternetGatewayId') },
        nat: { NatGatewayId: this.id('Nat', 'NatGatewayId') },
        egress: { EgressOnlyInternetGatewayId: this.id('Egress', 'Id') },
        peer: { VpcPeeringConnectionId: this.id('Peering', 'Id') },
        transit: { TransitGatewayId: 'tgw-0a1b2c3d4e5f60718' },
      }[via];
      this.add(`Route${t}${r}`, 'AWS::EC2::Route', { RouteTableId: this.id(`Table${t}`, 'RouteTableId'), ...destination, ...target });
    });
  }

  private acl(acl: Vpc['acls'][number], a: number): void {
    const { spelling } = this;
    this.add(`Acl${a}`, 'AWS::EC2::NetworkAcl', { VpcId: this.vpcId() });
    for (const direction of ['inbound', 'outbound'] as const) {
      acl[direction].forEach(({ allow, protocol, ports, cidr }, e) => {
        this.add(`${direction === 'inbound' ? 'In' : 'Out'}${a}${e}`, 'AWS::EC2::NetworkAclEntry', {
          NetworkAclId: this.id(`Acl${a}`, 'Id'),
          // as texts these sort otherwise.
          RuleNumber: spelling.number([9, 80, 100, 1000, 32000][e] ?? 32766),
          Protocol: spelling.number({ tcp: 6, udp: 17, any: -1 }[protocol]),
          RuleAction: allow ? 'allow' : 'deny',
          ...spelling.optional({ Egress: direction === 'outbound' }, false),
          [isV6(cidr) ? 'Ipv6CidrBlock' : 'CidrBlock']: spelling.text(cidr),
          // with all protocols ports mean nothing.
          ...(protocol !== 'any' || spelling.chance() ? { PortRange: { From: spelling.number(ports[0]), To: spelling.number(ports[1]) } } : {}),
        });
      });
    }
  }

  private groups(): void {
    const { vpc, spelling } = this;
    let standalone = 0;
    const alone = (direction: 'Ingress' | 'Egress', id: GroupId, rule: Json): void => this.add(`Rule${standalone++}`, `AWS::EC2::SecurityGroup${direction}`, { GroupId: this.groupId(id), ...rule });
    vpc.groups.forEach(({ inbound, outbound }, g) => {
      const inline: Json[] = [];
      for (const rule of inbound) {
        // a group cannot refer to itself or to a later one in its own properties.
        const refers = 'group' in rule.peer && rule.peer.group !== 'default' && rule.peer.group % vpc.groups.length >= g;
        if (refers || spelling.chance()) alone('Ingress', g, this.rule(rule, 'Source'));
        else inline.push(this.rule(rule, 'Source'));
      }
      const outward = (outbound ?? []).map((rule) => {
        if (!('group' in rule.peer) || rule.peer.group === 'default' || rule.peer.group % vpc.groups.length < g) return this.rule(rule, 'Destination');
        alone('Egress', g, this.rule(rule, 'Destination'));
        // what keeps AWS from adding the rule that allows everything.
        return { IpProtocol: 'icmp', FromPort: 252, ToPort: 86, CidrIp: '255.255.255.255/32' };
      });
      this.add(`Group${g}`, 'AWS::EC2::SecurityGroup', {
        GroupDescription: 'access',
        VpcId: this.vpcId(),
        ...(inline.length > 0 || spelling.chance() ? { SecurityGroupIngress: inline } : {}),
        ...(outbound === undefined ? {} : { SecurityGroupEgress: outward }),
      });
    });
    for (const rule of vpc.defaultGroup) alone('Ingress', 'default', this.rule(rule, 'Source'));
  }

  private rule({ protocol, ports, peer }: Vpc['defaultGroup'][number], end: 'Source' | 'Destination'): Json {
    const { spelling } = this;
    const who: Json =
      'cidr' in peer
        ? { [isV6(peer.cidr) ? 'CidrIpv6' : 'CidrIp']: spelling.text(peer.cidr) }
        : 'list' in peer
          ? { [`${end}PrefixListId`]: this.listId(peer.list) }
          : { [`${end}SecurityGroupId`]: this.groupId(peer.group) };
    return {
      IpProtocol: { tcp: spelling.choose<string | number>('tcp', '6'), udp: spelling.choose<string | number>('udp', '17'), any: spelling.choose<string | number>('-1', -1) }[protocol],
      ...(protocol !== 'any' || spelling.chance() ? { FromPort: spelling.number(ports[0]), ToPort: spelling.number(ports[1]) } : {}),
      ...who,
    };
  }

  private listId(list: number): Json {
    const name = `List${pick([0, 1], list)}`;
    return this.spelling.choose(ref(name), att(name, 'PrefixListId'));
  }
}
