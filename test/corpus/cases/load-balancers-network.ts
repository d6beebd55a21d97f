import { att, balancer, FILE, fromGroup, group, instance, network, ref, resource, single, tcp } from '../build';
import type { Json, Layer } from '../case';
import { application, at, closed, dual, INTERNAL, launch, NO_RULE, open, scaling, subnet, zones } from './parts';

const PUBLIC: Json = { Scheme: 'internet-facing' };
const GROUPED: Json = { ...PUBLIC, SecurityGroups: [att('FrontGroup', 'GroupId')] };
const FRONT_INSIDE = closed('the group of the load balancer admits only private addresses', at('FrontGroup', 'SecurityGroupIngress', 0, 'CidrIp'), '10.0.0.0/8');
const preserving = (Value: string): Json => ({ TargetGroupAttributes: [{ Key: 'preserve_client_ip.enabled', Value }] });
const byAddress = (id: unknown, more: Json = {}): Json => ({ TargetType: 'ip', Targets: [{ Id: id }], ...more });

/** A database in the isolated subnet, whose group has one rule, behind the load balancer. */
const behind = (parts: Json, rule: unknown = tcp(8123), properties: Json = {}): Json => network({ Group: group(rule), Db: instance(properties), ...parts });

/**
 * Who gets through a network load balancer. To targets by instance, clients come with their own addresses; to targets by address over TCP,
 * with that of the load balancer: https://docs.aws.amazon.com/elasticloadbalancing/latest/network/edit-target-group-attributes.html
 */
export const NETWORK_LOAD_BALANCERS: Layer = {
  layer: 'network load balancers',
  cases: [
    {
      name: 'public NLB before an isolated instance',
      why: 'no route and no address of its own are needed behind a load balancer',
      templates: single(behind(balancer(PUBLIC))),
      verdict: 'exposed',
      twin: INTERNAL,
    },
    {
      // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticloadbalancingv2-loadbalancer.html
      name: 'NLB without a scheme',
      why: 'a load balancer is public unless it says internal',
      templates: single(behind(balancer())),
      verdict: 'exposed',
      twin: INTERNAL,
    },
    {
      name: 'NLB whose scheme a condition leaves out',
      why: 'by default, the branch without a scheme is taken, and a load balancer without one is public',
      templates: single(behind(balancer({ Scheme: { 'Fn::If': ['Inside', 'internal', { Ref: 'AWS::NoValue' }] } })), {
        Parameters: { Inside: { Type: 'String', Default: 'no' } },
        Conditions: { Inside: { 'Fn::Equals': [ref('Inside'), 'yes'] } },
      }),
      verdict: 'exposed',
      twin: closed('by default, the other is taken', [FILE, 'Parameters', 'Inside', 'Default'], 'yes'),
    },
    {
      name: 'NLB whose scheme is a parameter without a value',
      why: 'whoever deploys it decides',
      templates: single(behind(balancer({ Scheme: ref('Scheme') })), { Parameters: { Scheme: { Type: 'String', AllowedValues: ['internal', 'internet-facing'] } } }),
      verdict: 'unknown',
      twin: NO_RULE,
    },
    {
      name: 'public NLB with elastic addresses',
      why: 'the subnets are in SubnetMappings',
      templates: single(
        behind({ Address: resource('AWS::EC2::EIP', { Domain: 'vpc' }), ...balancer({ ...PUBLIC, Subnets: undefined, SubnetMappings: [{ SubnetId: ref('Public'), AllocationId: att('Address', 'AllocationId') }] }) }),
      ),
      verdict: 'exposed',
      twin: closed('the subnet has no route', at('Front', 'SubnetMappings', 0, 'SubnetId'), ref('Private')),
    },
    {
      name: 'public NLB over a public and an isolated subnet',
      why: 'the address in the public subnet is enough',
      templates: single(behind({ PrivateB: subnet('10.0.3.0/24'), ...balancer({ ...PUBLIC, Subnets: [ref('Private'), ref('Public')] }) })),
      verdict: 'exposed',
      twin: closed('both subnets are isolated', at('Front', 'Subnets', 1), ref('PrivateB')),
    },
    {
      name: 'network ACL before an NLB',
      why: 'a refusal in the default ACL, but of another port than the one of the listener',
      templates: single(
        behind({
          ...balancer(PUBLIC),
          Refusal: resource('AWS::EC2::NetworkAclEntry', { NetworkAclId: att('Vpc', 'DefaultNetworkAcl'), RuleNumber: 10, RuleAction: 'deny', Protocol: 6, PortRange: { From: 22, To: 22 }, CidrBlock: '0.0.0.0/0' }),
        }),
      ),
      verdict: 'exposed',
      twin: closed('it refuses the port of the listener', at('Refusal', 'PortRange'), { From: 443, To: 443 }),
    },
    {
      // https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-register-targets.html
      name: 'network ACL of the subnet of targets',
      why: 'clients keep their own addresses up to the target, and the ACL of its subnet admits them',
      templates: single(
        behind({
          ...balancer(PUBLIC),
          Acl: resource('AWS::EC2::NetworkAcl', { VpcId: ref('Vpc') }),
          AclAssociation: resource('AWS::EC2::SubnetNetworkAclAssociation', { SubnetId: ref('Private'), NetworkAclId: ref('Acl') }),
          In: resource('AWS::EC2::NetworkAclEntry', { NetworkAclId: ref('Acl'), RuleNumber: 100, RuleAction: 'allow', Protocol: -1, CidrBlock: '0.0.0.0/0' }),
          Out: resource('AWS::EC2::NetworkAclEntry', { NetworkAclId: ref('Acl'), RuleNumber: 100, RuleAction: 'allow', Protocol: -1, CidrBlock: '0.0.0.0/0', Egress: true }),
        }),
      ),
      verdict: 'exposed',
      twin: closed('the ACL admits the VPC only', at('In', 'CidrBlock'), '10.0.0.0/16'),
    },
    {
      name: 'public NLB before a closed database',
      why: 'the database admits an application only, and no application is public',
      templates: single(behind({ ...balancer(PUBLIC), AppGroup: group() }, fromGroup(8123, att('AppGroup', 'GroupId')))),
      verdict: 'private',
      twin: open('it admits everybody', at('Group', 'SecurityGroupIngress', 0), tcp(8123)),
    },
    {
      name: 'NLB that keeps the addresses of clients',
      why: 'the database admits the VPC only, and clients come with their own addresses',
      templates: single(behind(balancer(PUBLIC, preserving('true')), tcp(8123, '10.0.0.0/16'))),
      verdict: 'private',
      twin: open('clients come with the address of the load balancer', at('Targets', 'TargetGroupAttributes', 0, 'Value'), 'false'),
    },
    {
      name: 'NLB that keeps the addresses of clients by default',
      why: 'targets by instance see the addresses of clients unless told otherwise, and the database admits the VPC only',
      templates: single(behind(balancer(PUBLIC), tcp(8123, '10.0.0.0/16'))),
      verdict: 'private',
      twin: open('the database admits everybody', at('Group', 'SecurityGroupIngress', 0, 'CidrIp'), '0.0.0.0/0'),
    },
    {
      name: 'target by a literal address',
      why: 'the database has this private address, and admits the subnet that clients seem to come from',
      templates: single(behind(balancer(PUBLIC, byAddress('10.0.1.10')), tcp(8123, '10.0.0.0/24'), { PrivateIpAddress: '10.0.1.10' })),
      verdict: 'exposed',
      twin: closed('nobody has the address', at('Targets', 'Targets', 0, 'Id'), '10.0.1.99'),
    },
    {
      name: 'target by the address of the instance',
      why: 'the attribute PrivateIp',
      templates: single(behind(balancer(PUBLIC, byAddress(att('Db', 'PrivateIp'))), tcp(8123, '10.0.0.0/16'))),
      verdict: 'exposed',
      twin: INTERNAL,
    },
    {
      name: 'target by the address of an interface',
      why: 'the attribute PrimaryPrivateIpAddress of the interface that the database starts with',
      templates: single(
        behind(
          { Card: resource('AWS::EC2::NetworkInterface', { SubnetId: ref('Private'), GroupSet: [att('Group', 'GroupId')] }), ...balancer(PUBLIC, byAddress(att('Card', 'PrimaryPrivateIpAddress'))) },
          tcp(8123, '10.0.0.0/24'),
          { NetworkInterfaces: [{ NetworkInterfaceId: ref('Card'), DeviceIndex: '0' }], SubnetId: undefined, SecurityGroupIds: undefined },
        ),
      ),
      verdict: 'exposed',
      twin: closed('the database admits its own subnet only, and the load balancer is in another', at('Group', 'SecurityGroupIngress', 0, 'CidrIp'), '10.0.1.0/24'),
    },
    {
      name: 'target by address that sees the addresses of clients',
      why: 'the database admits one public range, and clients come with their own addresses',
      templates: single(behind(balancer(PUBLIC, byAddress(att('Db', 'PrivateIp'), preserving('true'))), tcp(8123, '52.0.0.0/8'))),
      verdict: 'exposed',
      twin: closed('clients come with the private address of the load balancer', at('Targets', 'TargetGroupAttributes', 0, 'Value'), 'false'),
    },
    {
      name: 'IPv6 clients of an IPv4 target',
      why: 'the database admits the VPC only, but to an IPv4 target clients with IPv6 come with the address of the load balancer',
      templates: single(dual({ Group: group(tcp(8123, '10.0.0.0/16')), Db: instance(), ...balancer({ ...PUBLIC, IpAddressType: 'dualstack' }) })),
      verdict: 'exposed',
      twin: closed('without IPv6, all clients come with their own addresses', at('Front', 'IpAddressType'), 'ipv4'),
    },
    {
      name: 'target by a scaling group',
      why: 'the scaling group registers its machines',
      templates: single(
        network({ Group: group(tcp(8123)), ...launch({ SecurityGroupIds: [att('Group', 'GroupId')] }), Db: scaling({ VPCZoneIdentifier: [ref('Private')], TargetGroupARNs: [ref('Targets')] }), ...balancer(PUBLIC, { Targets: undefined }) }),
      ),
      verdict: 'exposed',
      twin: closed('it registers them nowhere', at('Db', 'TargetGroupARNs')),
    },
    {
      name: 'target with a port of its own',
      why: 'the target group is for port 80, its target for 8123',
      templates: single(behind(balancer(PUBLIC, { Port: 80, Targets: [{ Id: ref('Db'), Port: 8123 }] }))),
      verdict: 'exposed',
      twin: closed('the group of the database does not open the port of the target group', at('Targets', 'Targets', 0, 'Port')),
    },
    {
      name: 'port of a target group',
      why: 'the listener forwards to 8123',
      templates: single(behind(balancer(PUBLIC))),
      verdict: 'exposed',
      twin: closed('the listener forwards to SSH, which the group does not open', at('Targets', 'Port'), 22),
    },
    {
      name: 'NLB with a group',
      why: 'the group admits everybody to the listener, and the database admits the group',
      templates: single(behind({ FrontGroup: group(tcp(443)), ...balancer(GROUPED) }, fromGroup(8123, att('FrontGroup', 'GroupId')))),
      verdict: 'exposed',
      twin: FRONT_INSIDE,
    },
    {
      name: 'port of an NLB with a group',
      why: 'the group admits everybody to the port of the listener',
      templates: single(behind({ FrontGroup: group(tcp(443)), ...balancer(GROUPED) }, fromGroup(8123, att('FrontGroup', 'GroupId')))),
      verdict: 'exposed',
      twin: closed('the listener is on another', at('Listener', 'Port'), 8443),
    },
    {
      name: 'NLB with a group before a database open to everybody',
      why: 'the group of the load balancer decides who asks, and admits everybody',
      templates: single(behind({ FrontGroup: group(tcp(443)), ...balancer(GROUPED) })),
      verdict: 'exposed',
      twin: FRONT_INSIDE,
    },
    {
      name: 'TLS listener',
      why: 'a certificate of the server keeps nobody out',
      templates: single(
        behind(balancer(PUBLIC, {}, { Protocol: 'TLS', Certificates: [{ CertificateArn: 'arn:aws:acm:eu-central-1:111122223333:certificate/11111111-2222-3333-4444-555555555555' }] })),
      ),
      verdict: 'exposed',
      twin: NO_RULE,
    },
    {
      name: 'UDP listener',
      why: 'ClickHouse speaks TCP only',
      templates: single(behind(balancer(PUBLIC, { Protocol: 'UDP' }, { Protocol: 'UDP', Port: 8123 }), { ...tcp(8123), IpProtocol: '-1' })),
      verdict: 'private',
    },
    {
      name: 'listener for both protocols',
      why: 'TCP_UDP is TCP as well',
      templates: single(behind(balancer(PUBLIC, { Protocol: 'TCP_UDP' }, { Protocol: 'TCP_UDP', Port: 8123 }))),
      verdict: 'exposed',
      twin: INTERNAL,
    },
    {
      name: 'target group that nothing forwards to',
      why: 'the listener of the public load balancer forwards to an empty target group',
      templates: single(
        behind({
          Empty: resource('AWS::ElasticLoadBalancingV2::TargetGroup', { Port: 8123, Protocol: 'TCP', VpcId: ref('Vpc'), TargetType: 'instance' }),
          ...balancer(PUBLIC, {}, { DefaultActions: [{ Type: 'forward', TargetGroupArn: ref('Empty') }] }),
        }),
      ),
      verdict: 'private',
      twin: open('it forwards to the one with the database', at('Listener', 'DefaultActions', 0, 'TargetGroupArn'), ref('Targets')),
    },
    {
      name: 'listener of a load balancer by a literal id',
      why: 'nobody here knows whether the load balancer is public',
      templates: single(behind(balancer(PUBLIC, {}, { LoadBalancerArn: 'arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/net/shared/0123456789abcdef' }))),
      verdict: 'unknown',
      twin: NO_RULE,
    },
    {
      name: 'public NLB in a subnet by a literal id',
      why: 'nobody here knows the routes of the subnet',
      templates: single(behind(balancer({ ...PUBLIC, Subnets: ['subnet-0123456789abcdef0'] }))),
      verdict: 'unknown',
      twin: INTERNAL,
    },
    {
      name: 'listener on a port only known at deployment',
      why: 'the group of the load balancer opens 443 only, and the listener may be on 443',
      templates: single(behind({ FrontGroup: group(tcp(443)), ...balancer(GROUPED, {}, { Port: ref('Port') }) }, fromGroup(8123, att('FrontGroup', 'GroupId'))), { Parameters: { Port: { Type: 'Number' } } }),
      verdict: 'unknown',
      twin: closed('it is on 8443', at('Listener', 'Port'), 8443),
    },
    {
      name: 'listener on a port only known at deployment, all ports open',
      why: 'whichever port the listener is on, the group of the load balancer opens it',
      templates: single(behind({ FrontGroup: group(tcp(0, '0.0.0.0/0', 65535)), ...balancer(GROUPED, {}, { Port: ref('Port') }) }, fromGroup(8123, att('FrontGroup', 'GroupId'))), { Parameters: { Port: { Type: 'Number' } } }),
      verdict: 'exposed',
      twin: FRONT_INSIDE,
    },
    {
      // https://docs.aws.amazon.com/elasticloadbalancing/latest/network/application-load-balancer-target.html
      name: 'NLB before an internal ALB',
      why: 'the internal load balancer is the target of a public one',
      templates: single(
        zones({
          Group: group(fromGroup(8123, att('FrontGroup', 'GroupId'))),
          Db: instance(),
          ...application({ Scheme: 'internal', Subnets: [ref('Private'), ref('PrivateB')] }),
          Outer: resource('AWS::ElasticLoadBalancingV2::LoadBalancer', { Type: 'network', Scheme: 'internet-facing', Subnets: [ref('Public')] }),
          OuterTargets: resource('AWS::ElasticLoadBalancingV2::TargetGroup', { Port: 80, Protocol: 'TCP', VpcId: ref('Vpc'), TargetType: 'alb', Targets: [{ Id: ref('Front'), Port: 80 }] }),
          OuterListener: resource('AWS::ElasticLoadBalancingV2::Listener', { LoadBalancerArn: ref('Outer'), Port: 80, Protocol: 'TCP', DefaultActions: [{ Type: 'forward', TargetGroupArn: ref('OuterTargets') }] }, { DependsOn: 'Listener' }),
        }),
      ),
      verdict: 'exposed',
      twin: closed('the outer one is internal as well', at('Outer', 'Scheme'), 'internal'),
    },
  ],
};
