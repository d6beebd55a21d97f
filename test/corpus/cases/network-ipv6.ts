import { att, group, instance, publicInterface, ref, resource, single, tcp } from '../build';
import type { Json, Layer } from '../case';
import { at, closed, dual, open, route, sixBlock, subnet, tcpSix } from './parts';

/** A database in subnet `Public` that has an IPv6 address and no public IPv4 address. */
const six = (rule: unknown = tcpSix(8123), more: Json = {}): Json => dual({ Group: group(rule), Db: instance({ SubnetId: ref('Public') }), ...more });
const source = at('Group', 'SecurityGroupIngress', 0, 'CidrIpv6');
/** Subnet `Public` with a block of addresses that it does not hand out by itself. */
const UNASSIGNED = subnet('10.0.0.0/24', { Ipv6CidrBlock: sixBlock(0) }, { DependsOn: 'Six' });

/** IPv6 is a way of its own: every address is public, so the route and the group decide. */
export const IPV6: Layer = {
  layer: 'IPv6',
  cases: [
    {
      name: 'IPv6 address by the subnet',
      why: 'AssignIpv6AddressOnCreation, a route for ::/0, a rule for ::/0',
      templates: single(six()),
      verdict: 'exposed',
      twin: closed('the subnet assigns no address', at('Public', 'AssignIpv6AddressOnCreation'), false),
    },
    {
      name: 'IPv6 address by the instance',
      why: 'Ipv6AddressCount',
      templates: single(six(tcpSix(8123), { Public: UNASSIGNED, Db: instance({ SubnetId: ref('Public'), Ipv6AddressCount: 1 }) })),
      verdict: 'exposed',
      twin: closed('nobody asks for an address', at('Db', 'Ipv6AddressCount')),
    },
    {
      name: 'IPv6 address by the interface',
      why: 'Ipv6AddressCount in the list of interfaces',
      templates: single(six(tcpSix(8123), { Public: UNASSIGNED, Db: instance(publicInterface({ AssociatePublicIpAddress: false, Ipv6AddressCount: 1 })) })),
      verdict: 'exposed',
      twin: closed('nobody asks for an address', at('Db', 'NetworkInterfaces', 0, 'Ipv6AddressCount')),
    },
    {
      // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Subnet.html: "a network interface created in this subnet".
      name: 'IPv6 address of an interface made before',
      why: 'AssignIpv6AddressOnCreation is for every interface, unlike MapPublicIpOnLaunch',
      templates: single(
        six(tcpSix(8123), {
          Card: resource('AWS::EC2::NetworkInterface', { SubnetId: ref('Public'), GroupSet: [att('Group', 'GroupId')] }),
          Db: instance({ NetworkInterfaces: [{ NetworkInterfaceId: ref('Card'), DeviceIndex: '0' }], SubnetId: undefined, SecurityGroupIds: undefined }),
        }),
      ),
      verdict: 'exposed',
      twin: closed('the subnet assigns no address', at('Public', 'AssignIpv6AddressOnCreation'), false),
    },
    {
      name: 'egress-only gateway beside an internet gateway',
      why: 'the subnet uses the table with the internet gateway, not the one with the egress-only gateway',
      templates: single(
        six(tcpSix(8123), {
          Outwards: resource('AWS::EC2::EgressOnlyInternetGateway', { VpcId: ref('Vpc') }),
          OutwardsTable: resource('AWS::EC2::RouteTable', { VpcId: ref('Vpc') }),
          OutwardsRoute: route('OutwardsTable', { DestinationIpv6CidrBlock: '::/0', EgressOnlyInternetGatewayId: ref('Outwards') }),
        }),
      ),
      verdict: 'exposed',
      twin: closed('the subnet uses the table with the egress-only gateway, which lets nobody in', at('PublicAssociation', 'RouteTableId'), ref('OutwardsTable')),
    },
    {
      name: 'route for IPv4 only',
      why: 'IPv6 address and rule, but the table has only a default route for IPv4',
      templates: single(six(tcpSix(8123), { PublicRouteSix: route('PublicTable', { DestinationIpv6CidrBlock: 'fd00::/8', GatewayId: ref('Gateway') }) })),
      verdict: 'private',
      twin: open('the route is for ::/0', at('PublicRouteSix', 'DestinationIpv6CidrBlock'), '::/0'),
    },
    {
      name: 'all of the IPv6 internet without /0',
      why: '2000::/3 is all that is allocated',
      templates: single(six(tcpSix(8123, '2000::/3'))),
      verdict: 'exposed',
      twin: closed('fd00::/8 is private', source, 'fd00::/8'),
    },
    {
      name: 'IPv6 range of one provider',
      why: '2600:1f00::/24 is public',
      templates: single(six(tcpSix(8123, '2600:1f00::/24'))),
      verdict: 'exposed',
      twin: closed('2001:db8::/32 is for documentation', source, '2001:db8::/32'),
    },
    {
      name: 'IPv4 rule for an IPv6 address',
      why: 'the only public address is IPv6, and the rule for 0.0.0.0/0 admits none',
      templates: single(six(tcp(8123), { Db: instance(publicInterface({ AssociatePublicIpAddress: false })) })),
      verdict: 'private',
      twin: open('with a public IPv4 address, the rule is enough', at('Db', 'NetworkInterfaces', 0, 'AssociatePublicIpAddress'), true),
    },
    {
      name: 'IPv6 rule for an IPv4 address',
      why: 'the only public address is IPv4, and the rule for ::/0 admits none',
      templates: single(six(tcpSix(8123), { Public: UNASSIGNED, Db: instance(publicInterface()) })),
      verdict: 'private',
      twin: open('with an IPv6 address, the rule is enough', at('Public', 'AssignIpv6AddressOnCreation'), true),
    },
    {
      name: 'IPv6 addresses of the VPC itself',
      why: 'the rule admits the block of the VPC, which only the VPC has',
      templates: single(six(tcpSix(8123, { 'Fn::Select': [0, att('Vpc', 'Ipv6CidrBlocks')] }))),
      verdict: 'private',
      twin: open('the rule admits everybody', source, '::/0'),
    },
  ],
};
