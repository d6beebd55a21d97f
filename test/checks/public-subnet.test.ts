import type { Json } from './support';
import { group, instance, lines, resource, service, task, template } from './support';

const ID = 'ClickHouse-PublicSubnet';
const subnet = (more: Json = {}): Json => resource('AWS::EC2::Subnet', { VpcId: { Ref: 'Vpc' }, CidrBlock: '10.0.0.0/24', ...more });
const gateway = resource('AWS::EC2::InternetGateway');

/** A subnet with one route. */
function network(route: Json, more: Json = {}): Json {
  return {
    Subnet: subnet(),
    Gateway: gateway,
    Table: resource('AWS::EC2::RouteTable', { VpcId: { Ref: 'Vpc' } }),
    Route: resource('AWS::EC2::Route', { RouteTableId: { Ref: 'Table' }, ...route }),
    Association: resource('AWS::EC2::SubnetRouteTableAssociation', { SubnetId: { Ref: 'Subnet' }, RouteTableId: { Ref: 'Table' } }),
    Group: group(),
    ...more,
  };
}

describe('a route to the internet', () => {
  test.each([
    ['by reference', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: { Ref: 'Gateway' } }],
    ['by attribute', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: { 'Fn::GetAtt': ['Gateway', 'InternetGatewayId'] } }],
    ['by literal id', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'igw-0123' }],
    ['IPv6', { DestinationIpv6CidrBlock: '::/0', GatewayId: { Ref: 'Gateway' } }],
    ['half of it', { DestinationCidrBlock: '128.0.0.0/1', GatewayId: { Ref: 'Gateway' } }],
    ['to somewhere that is decided later', { DestinationCidrBlock: { Ref: 'AWS::StackId' }, GatewayId: { Ref: 'Gateway' } }],
    ['under a condition', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: { 'Fn::If': ['Public', { Ref: 'Gateway' }, { Ref: 'AWS::NoValue' }] } }],
  ])('%s', (_, route) => {
    expect(lines(template({ Db: instance(), ...network(route) }), ID)).toEqual([expect.stringMatching(/^Db: ClickHouse \(Db\) is in a public subnet: Subnet, its route table sends .* to an internet gateway \(Route\)$/)]);
  });

  test.each([
    ['through a NAT gateway', { DestinationCidrBlock: '0.0.0.0/0', NatGatewayId: { Ref: 'Nat' } }],
    ['egress-only', { DestinationIpv6CidrBlock: '::/0', EgressOnlyInternetGatewayId: { Ref: 'Egress' } }],
    ['to a private network through a virtual private gateway', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'vgw-0123' }],
    ['private addresses only', { DestinationCidrBlock: '10.0.0.0/8', GatewayId: { Ref: 'Gateway' } }],
  ])('not: %s', (_, route) => {
    expect(lines(template({ Db: instance(), ...network(route) }), ID)).toEqual([]);
  });

  test('of another subnet says nothing about this one', () => {
    const resources = network({ DestinationCidrBlock: '0.0.0.0/0', GatewayId: { Ref: 'Gateway' } }, { Other: subnet() });
    expect(lines(template({ Db: instance({ SubnetId: { Ref: 'Other' } }), ...resources }), ID)).toEqual([]);
  });

  test('of a subnet and a table by literal ids', () => {
    const resources = {
      Route: resource('AWS::EC2::Route', { RouteTableId: 'rtb-1', DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'igw-1' }),
      Association: resource('AWS::EC2::SubnetRouteTableAssociation', { SubnetId: 'subnet-1', RouteTableId: 'rtb-1' }),
    };
    expect(lines(template({ Db: instance({ SubnetId: 'subnet-1' }), ...resources }), ID)).toHaveLength(1);
    expect(lines(template({ Db: instance({ SubnetId: 'subnet-2' }), ...resources }), ID)).toEqual([]);
  });

  test('in another stack', () => {
    const resources = network({ DestinationCidrBlock: '0.0.0.0/0', GatewayId: { Ref: 'Gateway' } });
    const above = template(resources, { Outputs: { Id: { Value: { Ref: 'Subnet' }, Export: { Name: 'subnet' } } } }, 'network.json');
    expect(lines([above, template({ Db: instance({ SubnetId: { 'Fn::ImportValue': 'subnet' } }) }, {}, 'db.json')], ID)).toEqual([expect.stringMatching(/^Db: .*public subnet/)]);
  });
});

describe('who stands there', () => {
  const Public = subnet({ MapPublicIpOnLaunch: true });
  const launch = (data: Json): Json => resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: (instance().Properties as Json).UserData, ...data } });

  test.each([
    ['Db', { Db: instance() }],
    ['Db', { Db: instance({ SubnetId: undefined, NetworkInterfaces: [{ SubnetId: { Ref: 'Subnet' } }] }) }],
    ['Card', { Db: instance({ SubnetId: undefined, NetworkInterfaces: [{ NetworkInterfaceId: { Ref: 'Card' } }] }), Card: resource('AWS::EC2::NetworkInterface', { SubnetId: { Ref: 'Subnet' } }) }],
    ['Card', { Card: resource('AWS::EC2::NetworkInterface', { SubnetId: { Ref: 'Subnet' } }, { Metadata: { 'cdk-secure-clickhouse': { role: 'server' } } }) }],
    ['Fleet', { Template: launch({}), Fleet: resource('AWS::AutoScaling::AutoScalingGroup', { VPCZoneIdentifier: [{ Ref: 'Subnet' }], LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } } }) }],
    ['Fleet', { Template: launch({}), Fleet: resource('AWS::AutoScaling::AutoScalingGroup', { VPCZoneIdentifier: [{ Ref: 'Subnet' }], MixedInstancesPolicy: { LaunchTemplate: { LaunchTemplateSpecification: { LaunchTemplateId: { Ref: 'Template' } } } } }) }],
    ['Template', { Template: launch({ NetworkInterfaces: [{ SubnetId: { Ref: 'Subnet' } }] }) }],
    ['Service', { Task: task(), Service: service() }],
  ])('%s', (id, resources) => {
    expect(lines(template({ Subnet: Public, Group: group(), ...resources }), ID)).toEqual([expect.stringMatching(new RegExp(`^${id}: .*gives public addresses to what starts in it`))]);
  });

  test('not what is no ClickHouse, and not with the switch off', () => {
    const web = instance({ UserData: { 'Fn::Base64': 'yum install -y nginx' } });
    expect(lines(template({ Web: web, Subnet: Public }))).toEqual([]);
    expect(lines(template({ Db: instance(), Subnet: subnet({ MapPublicIpOnLaunch: false }) }), ID)).toEqual([]);
    expect(lines(template({ Db: instance(), Subnet: subnet() }), ID)).toEqual([]);
  });

  test('a group of something else that shares the subnet is not found', () => {
    const Fleet = resource('AWS::AutoScaling::AutoScalingGroup', { VPCZoneIdentifier: [{ Ref: 'Subnet' }], LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } } });
    expect(lines(template({ Fleet, Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: {} }), Subnet: Public }))).toEqual([]);
  });
});

describe('a public address', () => {
  test.each([
    ['an interface of an instance', { Db: instance({ NetworkInterfaces: [{ AssociatePublicIpAddress: true }] }) }, /^Db: .*given a public address/],
    ['as text', { Db: instance({ NetworkInterfaces: [{ AssociatePublicIpAddress: 'true' }] }) }, /^Db: .*given a public address/],
    ['a launch configuration', { Config: resource('AWS::AutoScaling::LaunchConfiguration', { UserData: (instance().Properties as Json).UserData, AssociatePublicIpAddress: true }) }, /^Config: /],
    ['a service', { Task: task(), Service: service({ NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: 'ENABLED' } } }) }, /^Service: .*given a public address/],
    ['undecided', { Db: instance({ NetworkInterfaces: [{ AssociatePublicIpAddress: { Ref: 'AWS::StackId' } }] }) }, /cannot be told at synthesis: AWS::StackId/],
    ['undecided for a service', { Task: task(), Service: service({ NetworkConfiguration: { AwsvpcConfiguration: { AssignPublicIp: { 'Fn::GetAtt': ['X', 'Y'] } } } }) }, /cannot be told at synthesis: X\.Y/],
    ['elastic', { Db: instance(), Address: resource('AWS::EC2::EIP', { InstanceId: { Ref: 'Db' } }) }, /^Db: .*elastic address Address/],
    ['elastic, associated', { Db: instance(), Join: resource('AWS::EC2::EIPAssociation', { InstanceId: { Ref: 'Db' }, AllocationId: 'eipalloc-1' }) }, /^Db: .*elastic address Join/],
  ])('%s', (_, resources, message) => {
    expect(lines(template({ Group: group(), ...resources }), ID)).toEqual([expect.stringMatching(message)]);
  });

  test.each([
    ['off', { Db: instance({ NetworkInterfaces: [{ AssociatePublicIpAddress: false }] }) }],
    ['off for a service', { Task: task(), Service: service() }],
    ['elastic, for something else', { Db: instance(), Web: resource('AWS::EC2::Instance'), Address: resource('AWS::EC2::EIP', { InstanceId: { Ref: 'Web' } }) }],
  ])('not: %s', (_, resources) => {
    expect(lines(template({ Group: group(), ...resources }), ID)).toEqual([]);
  });
});
