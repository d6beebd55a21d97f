// What the cases of the network, of load balancers and of containers share beyond ../build.
import { att, balancer, FILE, group, instance, network, publicInterface, ref, resource, tcp } from '../build';
import type { Case, Json } from '../case';

type Twin = NonNullable<Case['twin']>;
type Path = readonly (string | number)[];

/** Where a property of a resource is, in a case of one template. */
export const at = (logicalId: string, ...names: readonly (string | number)[]): Path => [FILE, 'Resources', logicalId, 'Properties', ...names];
/** Where the default of a parameter is, in a case of one template. */
export const defaultOf = (parameter: string): Path => [FILE, 'Parameters', parameter, 'Default'];

const twin = (verdict: Twin['verdict']) => (why: string, path: Path, to?: unknown): Twin => ({ at: path, to, verdict, why });
/** The twin that is private; without a value, the property is left out. */
export const closed = twin('private');
/** The twin that is exposed. */
export const open = twin('exposed');

/** The twins that several cases have. */
export const NO_ADDRESS = closed('the interface gets no public address', at('Db', 'NetworkInterfaces', 0, 'AssociatePublicIpAddress'), false);
export const FROM_INSIDE = closed('only private addresses are admitted', at('Group', 'SecurityGroupIngress', 0, 'CidrIp'), '10.0.0.0/8');
export const INTERNAL = closed('the load balancer is internal', at('Front', 'Scheme'), 'internal');
export const NO_RULE = closed('the group of the database admits nobody', at('Group', 'SecurityGroupIngress'), []);

/** A database with a public address in subnet `Public`, behind group `Group` with one rule. */
export function reachable(rule: unknown = tcp(8123), more: Json = {}): Json {
  return network({ Group: group(rule), Db: instance(publicInterface()), ...more });
}

export const importValue = (name: string): Json => ({ 'Fn::ImportValue': name });
export const output = (value: unknown, name: string): Json => ({ Value: value, Export: { Name: name } });

/** A machine that is not ClickHouse. */
export function machine(properties: Json = {}): Json {
  return instance({ UserData: { 'Fn::Base64': '#!/bin/bash\nyum install -y nginx\nsystemctl start nginx\n' }, ...properties });
}

/** A rule of a group, as a resource of its own. */
export function ingress(properties: Json, more: Json = {}): Json {
  return resource('AWS::EC2::SecurityGroupIngress', { GroupId: att('Group', 'GroupId'), IpProtocol: 'tcp', FromPort: 8123, ToPort: 8123, ...properties }, more);
}

export function subnet(CidrBlock: string, properties: Json = {}, more: Json = {}): Json {
  return resource('AWS::EC2::Subnet', { VpcId: ref('Vpc'), CidrBlock, ...properties }, more);
}

export function route(table: string, properties: Json, more: Json = {}): Json {
  return resource('AWS::EC2::Route', { RouteTableId: ref(table), ...properties }, more);
}

export function association(subnetId: string, table: string): Json {
  return resource('AWS::EC2::SubnetRouteTableAssociation', { SubnetId: ref(subnetId), RouteTableId: ref(table) });
}

/** A route table `NatTable` whose default route is a NAT gateway in subnet `Public`. */
export function nat(): Json {
  return {
    NatAddress: resource('AWS::EC2::EIP', { Domain: 'vpc' }),
    Nat: resource('AWS::EC2::NatGateway', { SubnetId: ref('Public'), AllocationId: att('NatAddress', 'AllocationId') }),
    NatTable: resource('AWS::EC2::RouteTable', { VpcId: ref('Vpc') }),
    NatRoute: route('NatTable', { DestinationCidrBlock: '0.0.0.0/0', NatGatewayId: ref('Nat') }),
  };
}

/** A launch template `Launch` of a database behind group `Group`. */
export function launch(data: Json = {}): Json {
  const { ImageId, InstanceType, UserData, MetadataOptions } = instance().Properties as Json;
  return { Launch: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { ImageId, InstanceType, UserData, MetadataOptions, ...data } }) };
}

export const LAUNCH: Json = { LaunchTemplateId: ref('Launch'), Version: att('Launch', 'LatestVersionNumber') };

/** A group of machines of launch template `Launch` in subnet `Public`. */
export function scaling(properties: Json = {}): Json {
  return resource('AWS::AutoScaling::AutoScalingGroup', { MinSize: '1', MaxSize: '1', VPCZoneIdentifier: [ref('Public')], LaunchTemplate: LAUNCH, ...properties });
}

/** The network with IPv6: subnet `Public` gives every interface an address, and its table has a route to the internet gateway. */
export function dual(more: Json = {}): Json {
  return network({
    Six: resource('AWS::EC2::VPCCidrBlock', { VpcId: ref('Vpc'), AmazonProvidedIpv6CidrBlock: true }),
    Public: subnet('10.0.0.0/24', { Ipv6CidrBlock: sixBlock(0), AssignIpv6AddressOnCreation: true }, { DependsOn: 'Six' }),
    PublicRouteSix: route('PublicTable', { DestinationIpv6CidrBlock: '::/0', GatewayId: ref('Gateway') }),
    ...more,
  });
}

export function sixBlock(index: number): Json {
  return { 'Fn::Select': [index, { 'Fn::Cidr': [{ 'Fn::Select': [0, att('Vpc', 'Ipv6CidrBlocks')] }, 256, '64'] }] };
}

export function tcpSix(port: number, CidrIpv6: unknown = '::/0'): Json {
  return { IpProtocol: 'tcp', FromPort: port, ToPort: port, CidrIpv6 };
}

/** The network with a second zone, which application load balancers demand. */
export function zones(more: Json = {}): Json {
  return network({ PublicB: subnet('10.0.2.0/24'), PublicBAssociation: association('PublicB', 'PublicTable'), PrivateB: subnet('10.0.3.0/24'), ...more });
}

/** A public application load balancer behind group `FrontGroup`, with one listener that forwards to the database. */
export function application(front: Json = {}, targets: Json = {}, listener: Json = {}, port = 80): Json {
  return {
    FrontGroup: group(tcp(port)),
    ...balancer(
      { Type: 'application', Scheme: 'internet-facing', Subnets: [ref('Public'), ref('PublicB')], SecurityGroups: [att('FrontGroup', 'GroupId')], ...front },
      { Protocol: 'HTTP', ...targets },
      { Port: port, Protocol: 'HTTP', ...listener },
    ),
  };
}
