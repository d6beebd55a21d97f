// What closes the internet for a whole account, and ways in from another account.
import { att, balancer, FILE, fromGroup, group, instance, network, publicInterface, ref, resource, single, tcp } from '../build';
import type { Case, Json, Layer } from '../case';

const OTHER_ACCOUNT = '444455556666';

/** An instance that anybody reaches, unless something else closes the internet gateway. */
const direct = (more: Json = {}, template: Json = {}): Case['templates'] =>
  single({ ...network(), Group: group(tcp(8123)), Db: instance(publicInterface()), ...more }, template);

/** An application load balancer that anybody reaches, in front of a private instance. */
const balanced = (more: Json): Case['templates'] =>
  single({
    ...network(),
    FrontGroup: group(tcp(443)),
    Group: group(fromGroup(8123, att('FrontGroup', 'GroupId'))),
    Db: instance(),
    ...balancer({ Type: 'application', Scheme: 'internet-facing', SecurityGroups: [att('FrontGroup', 'GroupId')] }, { Protocol: 'HTTP' }, { Protocol: 'HTTP' }),
    ...more,
  });

// there is no 'off': "We do not allow you to create this resource type in an off mode since off is the default value".
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-vpcblockpublicaccessoptions.html
const block = (mode: string, more: Json = {}): Json => resource('AWS::EC2::VPCBlockPublicAccessOptions', { InternetGatewayBlockMode: mode }, more);
const exclusion = (mode: string, of: Json): Json => resource('AWS::EC2::VPCBlockPublicAccessExclusion', { InternetGatewayExclusionMode: mode, ...of });
const OF_NETWORK = { VpcId: ref('Vpc') };
const OF_SUBNET = { SubnetId: ref('Public') };
const EXCLUSION = [FILE, 'Resources', 'Exclusion', 'Properties'];

// https://docs.aws.amazon.com/vpc/latest/userguide/security-vpc-bpa.html
const BLOCK_PUBLIC_ACCESS: readonly Case[] = [
  {
    name: 'no block of public access',
    why: 'nothing blocks the internet gateway for the account, as is the default',
    templates: direct(),
    verdict: 'exposed',
    twin: {
      at: [FILE, 'Resources', 'Block'],
      to: block('block-bidirectional'),
      verdict: 'private',
      why: 'the account blocks internet gateways in both directions',
    },
  },
  {
    name: 'block of public access that a condition leaves out',
    why: 'the condition of the block is false by the default of its parameter',
    templates: direct(
      { Block: block('block-ingress', { Condition: 'IsLocked' }) },
      { Parameters: { Locked: { Type: 'String', Default: 'no' } }, Conditions: { IsLocked: { 'Fn::Equals': [ref('Locked'), 'yes'] } } },
    ),
    verdict: 'exposed',
    twin: { at: [FILE, 'Parameters', 'Locked', 'Default'], to: 'yes', verdict: 'private', why: 'the default makes the condition true' },
  },
  {
    name: 'block of public access that a parameter decides',
    why: 'the parameter of the condition has no default',
    templates: direct(
      { Block: block('block-ingress', { Condition: 'IsLocked' }) },
      { Parameters: { Locked: { Type: 'String' } }, Conditions: { IsLocked: { 'Fn::Equals': [ref('Locked'), 'yes'] } } },
    ),
    verdict: 'unknown',
  },
  {
    name: 'block of public access, ingress only',
    why: 'only what came from inside may come back',
    templates: direct({ Block: block('block-ingress') }),
    verdict: 'private',
  },
  {
    name: 'block of public access, network excluded',
    why: 'the network is excluded from the block in both directions',
    templates: direct({ Block: block('block-bidirectional'), Exclusion: exclusion('allow-bidirectional', OF_NETWORK) }),
    verdict: 'exposed',
    twin: { at: [...EXCLUSION, 'InternetGatewayExclusionMode'], to: 'allow-egress', verdict: 'private', why: 'the exclusion lets out and not in' },
  },
  {
    name: 'block of public access, subnet excluded',
    why: 'the subnet of the instance is excluded from the block',
    templates: direct({ Block: block('block-ingress'), Exclusion: exclusion('allow-bidirectional', OF_SUBNET) }),
    verdict: 'exposed',
    twin: { at: [...EXCLUSION, 'SubnetId'], to: ref('Private'), verdict: 'private', why: 'another subnet is excluded' },
  },
  {
    name: 'block of public access, other network excluded',
    why: 'the exclusion is for a network that ClickHouse is not in',
    templates: direct({
      Block: block('block-bidirectional'),
      Elsewhere: resource('AWS::EC2::VPC', { CidrBlock: '10.1.0.0/16' }),
      Exclusion: exclusion('allow-bidirectional', { VpcId: ref('Elsewhere') }),
    }),
    verdict: 'private',
  },
  {
    name: 'block of public access before a load balancer',
    why: 'an internet-facing load balancer needs the internet gateway; its network is excluded',
    templates: balanced({ Block: block('block-ingress'), Exclusion: exclusion('allow-bidirectional', OF_NETWORK) }),
    verdict: 'exposed',
    twin: { at: [FILE, 'Resources', 'Exclusion'], verdict: 'private', why: 'nothing is excluded' },
  },
];

/** An endpoint service over an internal network load balancer in front of ClickHouse. */
const endpointService = (principals?: readonly unknown[], more: Json = {}, front: Json = {}): Case['templates'] =>
  single({
    ...network(),
    Group: group(tcp(8123, '10.0.0.0/16')),
    Db: instance(),
    ...balancer({ Scheme: 'internal', Subnets: [ref('Private')], ...front }, {}, { Port: 8123 }),
    Service: resource('AWS::EC2::VPCEndpointService', { NetworkLoadBalancerArns: [ref('Front')], AcceptanceRequired: false }),
    ...(principals === undefined
      ? {}
      : { Permissions: resource('AWS::EC2::VPCEndpointServicePermissions', { ServiceId: ref('Service'), AllowedPrincipals: principals }) }),
    ...more,
  });

// who may connect, and that nobody may by default: https://docs.aws.amazon.com/vpc/latest/privatelink/configure-endpoint-service.html
// what the service sees is the load balancer's address: https://docs.aws.amazon.com/vpc/latest/privatelink/create-endpoint-service.html
const PRIVATE_LINK: readonly Case[] = [
  {
    name: 'endpoint service for everybody',
    why: 'every account may connect, and nobody has to accept it',
    templates: endpointService(['*']),
    verdict: 'private',
    levels: ['account'],
  },
  {
    name: 'endpoint service for another account',
    why: 'one other account may connect',
    templates: endpointService([`arn:aws:iam::${OTHER_ACCOUNT}:root`]),
    verdict: 'private',
    levels: ['account'],
  },
  { name: 'endpoint service for nobody', why: 'without permissions no other account finds the service', templates: endpointService(), verdict: 'private' },
  {
    name: 'endpoint service for the own account',
    why: 'the only principal is the account it is deployed in',
    templates: endpointService([{ 'Fn::Sub': 'arn:${AWS::Partition}:iam::${AWS::AccountId}:root' }]),
    verdict: 'private',
  },
  {
    name: 'endpoint service that ClickHouse does not admit',
    why: 'the group of ClickHouse admits none of the addresses of the load balancer',
    templates: endpointService(['*'], { Group: group(tcp(8123, '10.9.0.0/16')) }),
    verdict: 'private',
  },
  {
    name: 'endpoint service past the group of its load balancer',
    why: 'the group of the load balancer admits nobody and is not asked for what comes through PrivateLink',
    // https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html
    templates: endpointService(
      ['*'],
      { FrontGroup: group(), Group: group(fromGroup(8123, att('FrontGroup', 'GroupId'))) },
      { SecurityGroups: [att('FrontGroup', 'GroupId')], EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic: 'off' },
    ),
    verdict: 'private',
    levels: ['account'],
  },
];

const peered = (peering: Json = {}, more: Json = {}): Case['templates'] =>
  single({
    ...network(),
    Group: group(tcp(8123, '10.50.0.0/16')),
    Db: instance(),
    Peering: resource('AWS::EC2::VPCPeeringConnection', { VpcId: ref('Vpc'), PeerVpcId: 'vpc-0fedcba9876543210', PeerOwnerId: OTHER_ACCOUNT, ...peering }),
    PeerRoute: resource('AWS::EC2::Route', { RouteTableId: ref('PrivateTable'), DestinationCidrBlock: '10.50.0.0/16', VpcPeeringConnectionId: ref('Peering') }),
    ...more,
  });
const peerGroup = { IpProtocol: 'tcp', FromPort: 9000, ToPort: 9000, SourceSecurityGroupId: 'sg-0fedcba9876543210', SourceSecurityGroupOwnerId: OTHER_ACCOUNT };

const PEERING: readonly Case[] = [
  {
    name: 'peering with another account',
    why: 'a route leads back to the peer, and the group admits its addresses',
    templates: peered(),
    verdict: 'private',
    levels: ['account'],
  },
  {
    name: 'peering with a group of another account',
    why: 'the group admits a group of the peer',
    templates: peered({}, { Group: group(peerGroup) }),
    verdict: 'private',
    levels: ['account'],
  },
  {
    name: 'peering within the account',
    why: 'without an owner the peer is of the same account',
    templates: peered({ PeerOwnerId: undefined }),
    verdict: 'private',
  },
  {
    name: 'peering without a route',
    why: 'the subnet of ClickHouse has no route back to the peer',
    templates: peered(
      {},
      {
        PeerRoute: resource('AWS::EC2::Route', {
          RouteTableId: ref('PublicTable'),
          DestinationCidrBlock: '10.50.0.0/16',
          VpcPeeringConnectionId: ref('Peering'),
        }),
      },
    ),
    verdict: 'private',
  },
  {
    name: 'peering that ClickHouse does not admit',
    why: 'the group admits other addresses than the peer has',
    templates: peered({}, { Group: group(tcp(8123, '10.60.0.0/16')) }),
    verdict: 'private',
  },
];

export const BOUNDARIES: Layer = { layer: 'account boundaries', cases: [...BLOCK_PUBLIC_ACCESS, ...PRIVATE_LINK, ...PEERING] };
