import type { Json } from './support';
import { front, group, INSTALLS, instance, lines, resource, service, task, template } from './support';

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
    ['to a prefix list of public addresses', { DestinationPrefixListId: { Ref: 'List' }, GatewayId: { Ref: 'Gateway' } }],
    ['to a prefix list of somebody else', { DestinationPrefixListId: 'pl-0123', GatewayId: { Ref: 'Gateway' } }],
    ['by the default of a parameter', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: { Ref: 'Usual' } }],
    ['under a condition', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: { 'Fn::If': ['Public', { Ref: 'Gateway' }, { Ref: 'AWS::NoValue' }] } }],
  ])('%s', (_, route) => {
    const List = resource('AWS::EC2::PrefixList', { Entries: [{ Cidr: '10.0.0.0/8' }, { Cidr: '52.0.0.0/6' }] });
    const Parameters = { Usual: { Type: 'String', Default: 'igw-0123' } };
    expect(lines(template({ Db: instance(), List, ...network(route) }, { Parameters }), ID)).toEqual([expect.stringMatching(/^Db: ClickHouse \(Db\) is in a public subnet: Subnet, its route table sends .* to an internet gateway \(Route\)$/)]);
  });

  test.each([
    ['through a NAT gateway', { DestinationCidrBlock: '0.0.0.0/0', NatGatewayId: { Ref: 'Nat' } }],
    ['egress-only', { DestinationIpv6CidrBlock: '::/0', EgressOnlyInternetGatewayId: { Ref: 'Egress' } }],
    ['to a private network through a virtual private gateway', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'vgw-0123' }],
    ['private addresses only', { DestinationCidrBlock: '10.0.0.0/8', GatewayId: { Ref: 'Gateway' } }],
    ['private addresses to a gateway that is not known', { DestinationCidrBlock: '10.0.0.0/8', GatewayId: { Ref: 'Given' } }],
    ['another VPC', { DestinationCidrBlock: { 'Fn::GetAtt': ['Vpc', 'CidrBlock'] }, GatewayId: { Ref: 'Given' } }],
    ['a prefix list of private addresses', { DestinationPrefixListId: { Ref: 'List' }, GatewayId: { Ref: 'Given' } }],
    ['a virtual private gateway of the template', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: { Ref: 'Vpn' } }],
    ['a NAT gateway written as a gateway', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'nat-0123' }],
    ['an endpoint', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'vpce-0123' }],
    ['the network itself', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'local' }],
    ['a NAT gateway that is not known', { DestinationCidrBlock: '0.0.0.0/0', NatGatewayId: { Ref: 'Given' } }],
  ])('not: %s', (_, route) => {
    const more = { Vpc: resource('AWS::EC2::VPC'), Vpn: resource('AWS::EC2::VPNGateway'), List: resource('AWS::EC2::PrefixList', { Entries: [{ Cidr: '10.0.0.0/8' }] }) };
    expect(lines(template({ Db: instance(), ...more, ...network(route) }, { Parameters: { Given: { Type: 'String' } } }), ID)).toEqual([]);
  });

  test.each([
    ['an export of somebody else', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: { 'Fn::ImportValue': 'shared-gateway' } }, /export shared-gateway is not among the templates/],
    ['a parameter', { DestinationIpv6CidrBlock: '::/0', GatewayId: { Ref: 'Given' } }, /parameter Given has no default/],
    ['an attribute', { DestinationCidrBlock: '0.0.0.0/1', GatewayId: { 'Fn::GetAtt': ['Lookup', 'GatewayId'] } }, /Lookup\.GatewayId is only known at deployment/],
    ['an id of no kind that we know', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'gateway-1' }, /'gateway-1'/],
    ['a prefix list', { DestinationPrefixListId: 'pl-0123', GatewayId: { Ref: 'Given' } }, /parameter Given/],
    ['one branch', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: { 'Fn::If': ['C', 'local', { Ref: 'Given' }] } }, /parameter Given/],
  ])('through a gateway that cannot be told: %s', (_, route, why) => {
    const found = lines(template({ Db: instance(), Lookup: resource('Custom::Lookup'), ...network(route) }, { Parameters: { Given: { Type: 'String' } } }), ID);
    expect(found).toEqual([expect.stringMatching(/^Db: whether ClickHouse \(Db\) is in a public subnet cannot be told at synthesis: Subnet, .*to a gateway that is not known/)]);
    expect(found[0]).toMatch(why);
  });

  test('one that is certain counts more than one that cannot be told, in either order', () => {
    const unknown = resource('AWS::EC2::Route', { RouteTableId: { Ref: 'Table' }, DestinationIpv6CidrBlock: '::/0', GatewayId: { 'Fn::ImportValue': 'x' } });
    const resources = network({ DestinationCidrBlock: '0.0.0.0/0', GatewayId: { Ref: 'Gateway' } });
    for (const all of [{ Another: unknown, ...resources }, { ...resources, Another: unknown }]) {
      expect(lines(template({ Db: instance(), ...all }), ID)).toEqual([expect.stringMatching(/^Db: ClickHouse \(Db\) is in a public subnet/)]);
    }
  });

  test('added to an imported table that a subnet of ours is associated with', () => {
    const resources = (table: unknown): Json => ({
      Subnet: subnet(),
      Route: resource('AWS::EC2::Route', { RouteTableId: table, DestinationCidrBlock: '0.0.0.0/0', GatewayId: 'igw-1' }),
      Association: resource('AWS::EC2::SubnetRouteTableAssociation', { SubnetId: { Ref: 'Subnet' }, RouteTableId: 'rtb-1' }),
    });
    expect(lines(template({ Db: instance(), ...resources('rtb-1') }), ID)).toEqual([expect.stringMatching(/public subnet/)]);
    expect(lines(template({ Db: instance(), ...resources('rtb-2') }), ID)).toEqual([]);
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
    ['elastic, by a literal interface', { Db: instance({ SubnetId: undefined, NetworkInterfaces: [{ NetworkInterfaceId: 'eni-1' }] }), Join: resource('AWS::EC2::EIPAssociation', { NetworkInterfaceId: 'eni-1', AllocationId: 'eipalloc-1' }) }, /^Db: .*elastic address Join/],
    ['elastic, by private address', { Db: instance(), Join: resource('AWS::EC2::EIPAssociation', { NetworkInterfaceId: 'eni-1', PrivateIpAddress: { 'Fn::GetAtt': ['Db', 'PrivateIp'] } }) }, /^Db: .*elastic address Join/],
    ['elastic, by literal private address', { Db: instance({ PrivateIpAddress: '10.0.0.5' }), Join: resource('AWS::EC2::EIPAssociation', { NetworkInterfaceId: 'eni-1', PrivateIpAddress: '10.0.0.5' }) }, /^Db: .*elastic address Join/],
    ['elastic, associated', { Db: instance(), Join: resource('AWS::EC2::EIPAssociation', { InstanceId: { Ref: 'Db' }, AllocationId: 'eipalloc-1' }) }, /^Db: .*elastic address Join/],
  ])('%s', (_, resources, message) => {
    expect(lines(template({ Group: group(), ...resources }), ID)).toEqual([expect.stringMatching(message)]);
  });

  test.each([
    ['off', { Db: instance({ NetworkInterfaces: [{ AssociatePublicIpAddress: false }] }) }],
    ['off for a service', { Task: task(), Service: service() }],
    ['elastic, for another address', { Db: instance({ PrivateIpAddress: '10.0.0.5' }), Join: resource('AWS::EC2::EIPAssociation', { NetworkInterfaceId: 'eni-1', PrivateIpAddress: '10.0.0.6' }) }],
    ['elastic, for something else', { Db: instance(), Web: resource('AWS::EC2::Instance'), Address: resource('AWS::EC2::EIP', { InstanceId: { Ref: 'Web' } }) }],
  ])('not: %s', (_, resources) => {
    expect(lines(template({ Group: group(), ...resources }), ID)).toEqual([]);
  });
});

describe('a load balancer in front', () => {
  const instances = { Targets: [{ Id: { Ref: 'Db' } }] };
  const addresses = (...ids: unknown[]): Json => ({ TargetType: 'ip', Targets: ids.map((Id) => ({ Id })) });
  const fleet = (more: Json = {}): Json => ({
    Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: INSTALLS } }),
    Fleet: resource('AWS::AutoScaling::AutoScalingGroup', { VPCZoneIdentifier: [{ Ref: 'Subnet' }], LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } }, ...more }),
  });
  const card = { Db: instance({ SubnetId: undefined, NetworkInterfaces: [{ NetworkInterfaceId: { Ref: 'Card' } }] }), Card: resource('AWS::EC2::NetworkInterface', { SubnetId: { Ref: 'Subnet' }, PrivateIpAddress: '10.0.0.5' }) };
  const classic = (more: Json): Json => ({ Front: resource('AWS::ElasticLoadBalancing::LoadBalancer', { Listeners: [{ LoadBalancerPort: '443', InstancePort: '8123', Protocol: 'TCP' }], ...more }) });
  // an application load balancer behind a network load balancer.
  const behind = (scheme: Json): Json => ({
    Db: instance(),
    ...front(scheme, { TargetType: 'alb', Targets: [{ Id: { Ref: 'Inner' } }] }),
    Inner: resource('AWS::ElasticLoadBalancingV2::LoadBalancer', { Type: 'application', Scheme: 'internal' }),
    InnerTargets: resource('AWS::ElasticLoadBalancingV2::TargetGroup', instances),
    InnerListener: resource('AWS::ElasticLoadBalancingV2::Listener', { LoadBalancerArn: { Ref: 'Inner' }, Port: 80, DefaultActions: [{ Type: 'forward', TargetGroupArn: { Ref: 'InnerTargets' } }] }),
  });

  test.each<[string, (scheme: Json) => Json]>([
    ['an instance', (scheme) => ({ Db: instance(), ...front(scheme, instances) })],
    ['the address of an instance', (scheme) => ({ Db: instance(), ...front(scheme, addresses({ 'Fn::GetAtt': ['Db', 'PrivateIp'] })) })],
    ['the address of an interface', (scheme) => ({ ...card, ...front(scheme, addresses('10.0.9.9', { 'Fn::GetAtt': ['Card', 'PrimaryPrivateIpAddress'] })) })],
    ['a literal address', (scheme) => ({ ...card, ...front(scheme, addresses('10.0.0.5')) })],
    ['a literal address of an instance', (scheme) => ({ Db: instance({ PrivateIpAddress: '10.0.0.7' }), ...front(scheme, addresses('10.0.0.7')) })],
    ['a group', (scheme) => ({ ...fleet({ TargetGroupARNs: [{ Ref: 'Targets' }] }), ...front(scheme, {}) })],
    ['a service', (scheme) => ({ Task: task(), Service: service({ LoadBalancers: [{ TargetGroupArn: { Ref: 'Targets' }, ContainerName: 'db', ContainerPort: 8123 }] }), ...front(scheme, {}) })],
    ['a rule of a listener', (scheme) => ({
      Db: instance(),
      ...front(scheme, instances, { DefaultActions: [{ Type: 'fixed-response' }] }),
      Rule: resource('AWS::ElasticLoadBalancingV2::ListenerRule', { ListenerArn: { Ref: 'Listener' }, Actions: [{ Type: 'forward', ForwardConfig: { TargetGroups: [{ TargetGroupArn: { Ref: 'Targets' } }] } }] }),
    })],
    ['an application load balancer', behind],
    ['classic, an instance', (scheme) => ({ Db: instance(), ...classic({ ...scheme, Instances: [{ Ref: 'Db' }] }) })],
    ['classic, a group', (scheme) => ({ ...fleet({ LoadBalancerNames: [{ Ref: 'Front' }] }), ...classic(scheme) })],
    ['classic, a service by name', (scheme) => ({ Task: task(), Service: service({ LoadBalancers: [{ LoadBalancerName: 'events' }] }), ...classic({ ...scheme, LoadBalancerName: 'events' }) })],
  ])('leads to %s', (_, build) => {
    const found = (scheme: Json): string[] => lines(template({ Group: group(), ...build(scheme) }, { Parameters: { Given: { Type: 'String' }, Usual: { Type: 'String', Default: 'internal' } } }), ID);
    expect(found({ Scheme: 'internet-facing' })).toEqual(['Front: load balancer Front in front of ClickHouse is internet-facing: its Scheme says so']);
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancingv2-loadbalancer.html: the default.
    expect(found({})).toEqual(['Front: load balancer Front in front of ClickHouse is internet-facing: it names no Scheme, and that is the default']);
    expect(found({ Scheme: { 'Fn::If': ['C', 'internal', { Ref: 'AWS::NoValue' }] } })).toHaveLength(1);
    expect(found({ Scheme: { 'Fn::If': ['C', 'internal', 'internet-facing'] } })).toHaveLength(1);
    expect(found({ Scheme: { Ref: 'Given' } })).toEqual(['Front: whether load balancer Front in front of ClickHouse is internal cannot be told at synthesis: parameter Given has no default']);
    expect(found({ Scheme: 'internal' })).toEqual([]);
    expect(found({ Scheme: { Ref: 'Usual' } })).toEqual([]);
  });

  test('that our constructs made, whatever it listens to', () => {
    const Balancer = (scheme: Json): Json => resource('AWS::ElasticLoadBalancingV2::LoadBalancer', scheme, { Metadata: { 'cdk-secure-clickhouse': { role: 'endpoint' } } });
    expect(lines(template({ Balancer: Balancer({ Scheme: 'internet-facing' }) }), ID)).toEqual([expect.stringMatching(/^Balancer: .*internet-facing/)]);
    expect(lines(template({ Balancer: Balancer({ Scheme: 'internal' }) }), ID)).toEqual([]);
  });

  test('that is not in the templates cannot be told', () => {
    const imported = front({}, instances, { LoadBalancerArn: 'arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/events/0123' });
    expect(lines(template({ Db: instance(), ...imported }), ID)).toEqual([expect.stringMatching(/^Listener: .*cannot be told at synthesis: it is not in the templates/)]);
    const Rule = resource('AWS::ElasticLoadBalancingV2::ListenerRule', { ListenerArn: 'arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/events/0123/4567', Actions: [{ Type: 'forward', TargetGroupArn: { Ref: 'Targets' } }] });
    const Targets = resource('AWS::ElasticLoadBalancingV2::TargetGroup', instances);
    expect(lines(template({ Db: instance(), Rule, Targets }), ID)).toEqual([expect.stringMatching(/^Rule: .*cannot be told/)]);
    expect(lines(template({ Web: resource('AWS::EC2::Instance'), Rule, Targets: resource('AWS::ElasticLoadBalancingV2::TargetGroup', { Targets: [{ Id: { Ref: 'Web' } }] }) }), ID)).toEqual([]);
  });

  test.each<[string, Json]>([
    ['of something else', { Db: instance(), Web: resource('AWS::EC2::Instance'), ...front({}, { Targets: [{ Id: { Ref: 'Web' } }] }) }],
    ['of another address', { Db: instance({ PrivateIpAddress: '10.0.0.5' }), ...front({}, addresses('10.0.0.6')) }],
    ['that only answers itself', { Db: instance(), ...front({}, instances, { DefaultActions: [{ Type: 'redirect' }] }) }],
    ['classic, of something else', { Db: instance(), Web: resource('AWS::EC2::Instance'), ...classic({ Instances: [{ Ref: 'Web' }] }) }],
    ['of a group without ClickHouse', { Db: instance(), Fleet: resource('AWS::AutoScaling::AutoScalingGroup', { TargetGroupARNs: [{ Ref: 'Targets' }] }), ...front({}, {}) }],
  ])('not: %s', (_, resources) => {
    expect(lines(template({ Group: group(), ...resources }), ID)).toEqual([]);
  });

  test('an address of another template is not ours, whatever its number', () => {
    const other = template(front({}, addresses('10.0.0.5')), {}, 'other.json');
    expect(lines([template({ ...card, Group: group() }), other], ID)).toEqual([]);
  });
});

describe('no network named', () => {
  const launch = (data: Json = {}): Json => resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: INSTALLS, ...data } });
  const bare = { SubnetId: undefined, LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } } };
  const fleet = (more: Json = {}): Json => resource('AWS::AutoScaling::AutoScalingGroup', { AvailabilityZones: ['eu-west-1a'], LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } }, ...more });

  test.each([
    ['an instance', { Db: instance({ SubnetId: undefined }) }, /^Db: whether ClickHouse \(Db\) .*cannot be told at synthesis: .*default VPC/],
    ['an interface without subnet', { Db: instance({ SubnetId: undefined, NetworkInterfaces: [{ DeviceIndex: '0', GroupSet: ['sg-1'] }] }) }, /^Db: .*default VPC/],
    ['a launch template without', { Db: instance(bare), Template: launch() }, /^Db: .*default VPC/],
    ['a launch template elsewhere', { Db: instance({ SubnetId: undefined, LaunchTemplate: { LaunchTemplateId: 'lt-1' } }) }, /^Db: .*its launch template is not in the templates/],
    ['a group', { Fleet: fleet(), Template: launch() }, /^Fleet: .*default VPC/],
    ['a fleet', { Fleet: resource('AWS::EC2::EC2Fleet', { LaunchTemplateConfigs: [{ LaunchTemplateSpecification: { LaunchTemplateId: { Ref: 'Template' } } }] }), Template: launch() }, /^Fleet: .*default VPC/],
  ])('%s', (_, resources, message) => {
    expect(lines(template({ Group: group(), ...resources }), ID)).toEqual([expect.stringMatching(message)]);
  });

  test.each([
    ['by its interface', { Db: instance({ SubnetId: undefined, NetworkInterfaces: [{ NetworkInterfaceId: 'eni-1' }] }) }],
    ['by a subnet elsewhere', { Db: instance({ SubnetId: { 'Fn::ImportValue': 'subnet' } }) }],
    ['by its launch template', { Db: instance(bare), Template: launch({ NetworkInterfaces: [{ SubnetId: 'subnet-1' }] }) }],
    ['a group by its launch template', { Fleet: fleet(), Template: launch({ NetworkInterfaces: [{ NetworkInterfaceId: 'eni-1' }] }) }],
    ['a group by itself', { Fleet: fleet({ VPCZoneIdentifier: ['subnet-1'] }), Template: launch() }],
    ['a fleet by its overrides', { Fleet: resource('AWS::EC2::EC2Fleet', { LaunchTemplateConfigs: [{ LaunchTemplateSpecification: { LaunchTemplateId: { Ref: 'Template' } }, Overrides: [{ SubnetId: 'subnet-1' }] }] }), Template: launch() }],
    ['a launch template that nothing starts from', { Template: launch() }],
    ['something else', { Web: instance({ UserData: undefined, SubnetId: undefined }) }],
  ])('not: %s', (_, resources) => {
    expect(lines(template({ Group: group(), ...resources }), ID)).toEqual([]);
  });

  test('the overrides of a fleet are judged', () => {
    const Fleet = resource('AWS::EC2::EC2Fleet', { LaunchTemplateConfigs: [{ LaunchTemplateSpecification: { LaunchTemplateId: { Ref: 'Template' } }, Overrides: [{ SubnetId: { Ref: 'Subnet' } }] }] });
    expect(lines(template({ Fleet, Template: launch(), Subnet: subnet({ MapPublicIpOnLaunch: true }) }), ID)).toEqual([expect.stringMatching(/^Fleet: .*public subnet/)]);
  });
});

test('whether a subnet gives public addresses and cannot be told', () => {
  const Subnet = subnet({ MapPublicIpOnLaunch: { 'Fn::GetAtt': ['X', 'Y'] } });
  expect(lines(template({ Db: instance(), Subnet, Group: group() }), ID)).toEqual([expect.stringMatching(/^Db: whether ClickHouse \(Db\) is in a public subnet cannot be told at synthesis: Subnet, whether it gives public addresses .*X\.Y/)]);
});
