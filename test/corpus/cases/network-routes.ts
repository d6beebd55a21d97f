import { att, group, instance, network, publicInterface, ref, resource, single, tcp } from '../build';
import type { Layer } from '../case';
import { association, at, closed, FROM_INSIDE, nat, NO_ADDRESS, open, reachable, route, subnet } from './parts';

const PUBLIC_TABLE = at('PublicAssociation', 'RouteTableId');
const OUTSIDE = 'subnet-0123456789abcdef0';

/** Whether answers find back to the internet gateway: attachment, association, longest prefix. https://docs.aws.amazon.com/vpc/latest/userguide/RouteTables.html */
export const ROUTES: Layer = {
  layer: 'routes',
  cases: [
    {
      name: 'default route to the internet gateway',
      why: 'the table of the subnet sends 0.0.0.0/0 to the attached gateway',
      templates: single(reachable()),
      verdict: 'exposed',
      twin: closed('the route is for private addresses only', at('PublicRoute', 'DestinationCidrBlock'), '10.0.0.0/8'),
    },
    {
      name: 'gateway of this VPC',
      why: 'the gateway is attached to the VPC of the database',
      templates: single(reachable(tcp(8123), { Elsewhere: resource('AWS::EC2::VPC', { CidrBlock: '10.9.0.0/16' }) })),
      verdict: 'exposed',
      twin: closed('the gateway is attached to another VPC', at('Attachment', 'VpcId'), ref('Elsewhere')),
    },
    {
      name: 'public address without a way out',
      why: 'public address and open group in a subnet whose table has only the local route',
      templates: single(reachable(tcp(8123), { Db: instance(publicInterface({ SubnetId: ref('Private') })) })),
      verdict: 'private',
      twin: open('the same in the public subnet', at('Db', 'NetworkInterfaces', 0, 'SubnetId'), ref('Public')),
    },
    {
      name: 'NAT beside the internet gateway',
      why: 'the subnet uses the table with the internet gateway',
      templates: single(reachable(tcp(8123), nat())),
      verdict: 'exposed',
      twin: closed('the subnet uses the table with the NAT gateway, which lets nobody in', PUBLIC_TABLE, ref('NatTable')),
    },
    {
      name: 'association with the public table',
      why: 'the subnet is associated with the table that has the route',
      templates: single(reachable(tcp(8123), { Spare: subnet('10.0.4.0/24') })),
      verdict: 'exposed',
      twin: closed('another subnet is; this one falls back to the main table, which has only the local route', at('PublicAssociation', 'SubnetId'), ref('Spare')),
    },
    {
      name: 'default route in two halves',
      why: '0.0.0.0/1 and 128.0.0.0/1 go to the internet gateway; the group admits the second half',
      templates: single(
        reachable(tcp(8123, '200.10.0.0/16'), {
          PublicRoute: route('PublicTable', { DestinationCidrBlock: '0.0.0.0/1', GatewayId: ref('Gateway') }),
          SecondRoute: route('PublicTable', { DestinationCidrBlock: '128.0.0.0/1', GatewayId: ref('Gateway') }),
        }),
      ),
      verdict: 'exposed',
      twin: closed('without the second half, there is no way back to the admitted addresses', at('SecondRoute', 'DestinationCidrBlock'), '192.168.0.0/16'),
    },
    {
      name: 'half of the internet through a NAT gateway',
      why: 'answers to the other half still go to the internet gateway',
      templates: single(reachable(tcp(8123), { ...nat(), HalfRoute: route('PublicTable', { DestinationCidrBlock: '0.0.0.0/1', NatGatewayId: ref('Nat') }) })),
      verdict: 'exposed',
      twin: closed('the group admits only an address of the half behind the NAT gateway', at('Group', 'SecurityGroupIngress', 0, 'CidrIp'), '52.95.110.1/32'),
    },
    {
      name: 'admitted addresses routed to a VPN',
      why: 'answers to the only admitted range go to the VPN gateway, by the longer prefix',
      templates: single(
        reachable(tcp(8123, '52.94.10.0/24'), {
          Vpn: resource('AWS::EC2::VPNGateway', { Type: 'ipsec.1' }),
          VpnAttachment: resource('AWS::EC2::VPCGatewayAttachment', { VpcId: ref('Vpc'), VpnGatewayId: ref('Vpn') }),
          VpnRoute: route('PublicTable', { DestinationCidrBlock: '52.94.10.0/24', GatewayId: ref('Vpn') }, { DependsOn: 'VpnAttachment' }),
        }),
      ),
      verdict: 'private',
      twin: open('the route is for the range beside it', at('VpnRoute', 'DestinationCidrBlock'), '52.94.11.0/24'),
    },
    {
      name: 'public range that the VPC itself has',
      why: 'answers to 52.10.0.0/16 stay in the VPC, by the local route',
      templates: single(reachable(tcp(8123, '52.10.0.0/16'), { Second: resource('AWS::EC2::VPCCidrBlock', { VpcId: ref('Vpc'), CidrBlock: '52.10.0.0/16' }) })),
      verdict: 'private',
      twin: open('the VPC does not have the range', at('Second', 'CidrBlock'), '52.11.0.0/16'),
    },
    {
      name: 'route for a prefix list',
      why: 'the entries of the list are the destinations',
      templates: single(
        reachable(tcp(8123), {
          Everybody: resource('AWS::EC2::PrefixList', { PrefixListName: 'everybody', AddressFamily: 'IPv4', MaxEntries: 1, Entries: [{ Cidr: '0.0.0.0/0' }] }),
          PublicRoute: route('PublicTable', { DestinationPrefixListId: att('Everybody', 'PrefixListId'), GatewayId: ref('Gateway') }, { DependsOn: 'Attachment' }),
        }),
      ),
      verdict: 'exposed',
      twin: closed('the list holds private addresses only', at('Everybody', 'Entries', 0, 'Cidr'), '192.168.0.0/16'),
    },
    {
      name: 'gateway by a parameter without a value',
      why: 'the gateway may be an internet gateway or another',
      templates: single(reachable(tcp(8123), { PublicRoute: route('PublicTable', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: ref('GatewayId') }) }), { Parameters: { GatewayId: { Type: 'String' } } }),
      verdict: 'unknown',
      twin: NO_ADDRESS,
    },
    {
      name: 'destination by a parameter without a value',
      why: 'the route may or may not be for the internet',
      templates: single(reachable(tcp(8123), { PublicRoute: route('PublicTable', { DestinationCidrBlock: ref('Destination'), GatewayId: ref('Gateway') }) }), { Parameters: { Destination: { Type: 'String' } } }),
      verdict: 'unknown',
      twin: FROM_INSIDE,
    },
    {
      name: 'subnet by a literal id',
      why: 'all that is written is open; nobody here knows the routes of the subnet',
      templates: single(reachable(tcp(8123), { Db: instance(publicInterface({ SubnetId: OUTSIDE })) })),
      verdict: 'unknown',
      twin: FROM_INSIDE,
    },
    {
      name: 'subnet by a literal id, address refused',
      why: 'whatever the subnet is like, the interface has no public address',
      templates: single(reachable(tcp(8123), { Db: instance(publicInterface({ SubnetId: OUTSIDE, AssociatePublicIpAddress: false })) })),
      verdict: 'private',
    },
    {
      name: 'default VPC',
      why: 'without a subnet, the instance starts in the default VPC of the account, whatever that is by now',
      templates: single({
        Group: resource('AWS::EC2::SecurityGroup', { GroupDescription: 'access', SecurityGroupIngress: [tcp(8123)] }),
        Db: instance({ SubnetId: undefined }),
      }),
      verdict: 'unknown',
      twin: FROM_INSIDE,
    },
    {
      name: 'isolated VPC',
      why: 'there is no gateway at all',
      templates: single({
        Vpc: resource('AWS::EC2::VPC', { CidrBlock: '10.0.0.0/16' }),
        Public: subnet('10.0.0.0/24', { MapPublicIpOnLaunch: true }),
        PublicTable: resource('AWS::EC2::RouteTable', { VpcId: ref('Vpc') }),
        PublicAssociation: association('Public', 'PublicTable'),
        Group: group({ IpProtocol: '-1', CidrIp: '0.0.0.0/0' }),
        Db: instance({ SubnetId: ref('Public') }),
      }),
      verdict: 'private',
    },
    {
      name: 'isolated database beside a public one',
      why: 'two databases; the worse decides',
      templates: single(network({ Group: group(tcp(8123)), Db: instance(), Other: instance(publicInterface()) })),
      verdict: 'exposed',
      twin: closed('the other has no public address, either', at('Other', 'NetworkInterfaces', 0, 'AssociatePublicIpAddress'), false),
    },
  ],
};
