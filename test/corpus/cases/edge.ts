// Services at the edge that carry the internet into a network without an address of its own: CloudFront and Global Accelerator.
import { att, FILE, fromGroup, group, instance, network, ref, resource, single, tcp } from '../build';
import type { Case, Json, Layer } from '../case';
import { internalAlb, internalNlb, secluded } from './edge-parts';

const RESOURCES = [FILE, 'Resources'];
const BLOCK = resource('AWS::EC2::VPCBlockPublicAccessOptions', { InternetGatewayBlockMode: 'block-bidirectional' });

const origin = (arn: unknown, more: Json = {}): Json =>
  resource('AWS::CloudFront::VpcOrigin', {
    VpcOriginEndpointConfig: { Name: 'clickhouse', Arn: arn, HTTPPort: 80, HTTPSPort: 443, OriginProtocolPolicy: 'http-only', ...more },
  });
const behavior = (TargetOriginId: string, more: Json = {}): Json => ({
  TargetOriginId,
  ViewerProtocolPolicy: 'redirect-to-https',
  CachePolicyId: '4135ea2d-6df8-44a3-9df3-4b5a84be39ad',
  ...more,
});
const distribution = (config: Json): Json =>
  resource('AWS::CloudFront::Distribution', { DistributionConfig: { Enabled: true, DefaultCacheBehavior: behavior('clickhouse'), ...config } });
const PRIVATE_ORIGIN = { Id: 'clickhouse', DomainName: att('Front', 'DNSName'), VpcOriginConfig: { VpcOriginId: ref('Origin') } };
const BUCKET_ORIGIN = { Id: 'pages', DomainName: 'pages-example.s3.eu-west-1.amazonaws.com', S3OriginConfig: {} };
const CONFIG = [...RESOURCES, 'Distribution', 'Properties', 'DistributionConfig'];
const INSTANCE_ARN = { 'Fn::Sub': 'arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:instance/${Db}' };

/** A distribution whose origin is an internal load balancer. */
const cached = (resources: Json, config: Json = {}): Case['templates'] =>
  single({ ...secluded(), ...resources, Origin: origin(ref('Front')), Distribution: distribution({ Origins: [PRIVATE_ORIGIN], ...config }) });
/** One whose origin is the instance itself. */
const cachedInstance = (Origin: Json): Case['templates'] =>
  single({
    ...secluded(),
    Group: group(tcp(8123)),
    Db: instance(),
    Origin,
    Distribution: distribution({ Origins: [{ ...PRIVATE_ORIGIN, DomainName: att('Db', 'PrivateDnsName') }] }),
  });
/** One in front of a public load balancer that admits a prefix list only. */
const cachedPublic = (list: unknown, more: Json = {}): Case['templates'] =>
  single({
    ...network(),
    ...internalAlb({ Scheme: 'internet-facing', Subnets: [ref('Public')] }),
    FrontGroup: group({ IpProtocol: 'tcp', FromPort: 80, ToPort: 80, SourcePrefixListId: list }),
    Distribution: distribution({
      Origins: [{ Id: 'clickhouse', DomainName: att('Front', 'DNSName'), CustomOriginConfig: { OriginProtocolPolicy: 'http-only' } }],
    }),
    ...more,
  });
const ORIGIN_GROUP = {
  Id: 'either',
  FailoverCriteria: { StatusCodes: { Quantity: 1, Items: [403] } },
  Members: { Quantity: 2, Items: [{ OriginId: 'pages' }, { OriginId: 'clickhouse' }] },
};

// the network needs an internet gateway and no route to it; the load balancer or the instance has to admit CloudFront's prefix list or its
// service-managed group: https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-vpc-origins.html
const CLOUDFRONT: readonly Case[] = [
  {
    name: 'CloudFront to an internal application load balancer',
    why: 'the distribution carries anybody to a load balancer whose group admits everybody',
    templates: cached(internalAlb()),
    verdict: 'exposed',
    twin: { at: [...CONFIG, 'Enabled'], to: false, verdict: 'private', why: 'the distribution is not enabled' },
  },
  {
    name: 'CloudFront to an internal network load balancer',
    why: 'the same over a network load balancer',
    templates: cached(internalNlb()),
    verdict: 'exposed',
    twin: { at: [...RESOURCES, 'Attachment'], verdict: 'private', why: 'no internet gateway is attached to the network' },
  },
  {
    name: 'CloudFront to an instance',
    why: 'the origin is the instance, on the port of ClickHouse',
    templates: cachedInstance(origin(INSTANCE_ARN, { HTTPPort: 8123 })),
    verdict: 'exposed',
    twin: {
      at: [...RESOURCES, 'Origin', 'Properties', 'VpcOriginEndpointConfig', 'HTTPPort'],
      to: 80,
      verdict: 'private',
      why: 'the origin is asked on a port that the group does not admit',
    },
  },
  {
    name: 'CloudFront to an instance by HTTPS only',
    why: 'the port of the origin for HTTP is not used',
    templates: cachedInstance(origin(INSTANCE_ARN, { HTTPPort: 8123, OriginProtocolPolicy: 'https-only' })),
    verdict: 'private',
  },
  {
    name: 'CloudFront with one path to ClickHouse',
    why: 'a behavior beside the default one leads to the load balancer',
    templates: cached(internalAlb(), {
      Origins: [BUCKET_ORIGIN, PRIVATE_ORIGIN],
      DefaultCacheBehavior: behavior('pages'),
      CacheBehaviors: [behavior('clickhouse', { PathPattern: '/query/*' })],
    }),
    verdict: 'exposed',
    twin: { at: [...CONFIG, 'CacheBehaviors', 0, 'TargetOriginId'], to: 'pages', verdict: 'private', why: 'no behavior leads to the origin' },
  },
  {
    name: 'CloudFront with ClickHouse as the origin to fall back to',
    why: 'the second of a group of origins is the load balancer',
    templates: cached(internalAlb(), {
      Origins: [BUCKET_ORIGIN, PRIVATE_ORIGIN],
      OriginGroups: { Quantity: 1, Items: [ORIGIN_GROUP] },
      DefaultCacheBehavior: behavior('either'),
    }),
    verdict: 'exposed',
    twin: { at: [...CONFIG, 'DefaultCacheBehavior', 'TargetOriginId'], to: 'pages', verdict: 'private', why: 'the group of origins is not used' },
  },
  {
    name: 'CloudFront to a load balancer that admits nobody else than a neighbour',
    why: 'the group of the load balancer admits one other group, which is not of CloudFront',
    templates: cached({ ...internalAlb(), AppGroup: group(), FrontGroup: group(fromGroup(80, att('AppGroup', 'GroupId'))) }),
    verdict: 'private',
  },
  {
    name: 'CloudFront to a load balancer that admits a prefix list by its id',
    why: 'the id is that of the list of CloudFront in one region, which the template does not say',
    templates: cached({ ...internalAlb(), FrontGroup: group({ IpProtocol: 'tcp', FromPort: 80, ToPort: 80, SourcePrefixListId: 'pl-3b927c52' }) }),
    verdict: 'unknown',
  },
  {
    name: 'CloudFront to a load balancer that admits a group by its id',
    why: 'the id may be that of the group that CloudFront makes for its origins',
    templates: cached({ ...internalAlb(), FrontGroup: group(fromGroup(80, 'sg-0fedcba9876543210')) }),
    verdict: 'unknown',
  },
  {
    name: 'CloudFront to a load balancer that admits its network',
    // the documentation names the prefix list and the managed group as the ways to admit CloudFront. Its interface has an address of the
    // network, so a rule for the network looks as if it would do; there are reports that it does not. Neither is a proof.
    why: 'whether the addresses of the network include CloudFront is not documented',
    templates: cached({ ...internalAlb(), FrontGroup: group(tcp(80, '10.0.0.0/16')) }),
    verdict: 'unknown',
  },
  {
    name: 'CloudFront into an account that blocks public access',
    // https://docs.aws.amazon.com/vpc/latest/userguide/security-vpc-bpa-basics.html
    why: 'the block of public access includes the origins of CloudFront',
    templates: cached({ ...internalAlb(), Block: BLOCK }),
    verdict: 'private',
  },
  {
    name: 'CloudFront to a public load balancer that admits listed addresses',
    why: 'the addresses of the list are public, and they are those that CloudFront asks from',
    templates: cachedPublic(att('Edge', 'PrefixListId'), {
      Edge: resource('AWS::EC2::PrefixList', {
        PrefixListName: 'edge',
        AddressFamily: 'IPv4',
        MaxEntries: 2,
        Entries: [{ Cidr: '64.252.64.0/18' }, { Cidr: '205.251.249.0/24' }],
      }),
    }),
    verdict: 'exposed',
    twin: {
      at: [...RESOURCES, 'Front', 'Properties', 'Scheme'],
      to: 'internal',
      verdict: 'private',
      why: 'an internal load balancer is no origin by its name',
    },
  },
  {
    name: 'CloudFront to a public load balancer that admits a prefix list by its id',
    why: 'which addresses are in the list is not in the template',
    templates: cachedPublic('pl-3b927c52'),
    verdict: 'unknown',
  },
];

const accelerator = (endpoint: Json, endpoints: Json = {}, port = 80): Json => ({
  Accelerator: resource('AWS::GlobalAccelerator::Accelerator', { Name: 'query', Enabled: true }),
  Accepting: resource('AWS::GlobalAccelerator::Listener', {
    AcceleratorArn: ref('Accelerator'),
    Protocol: 'TCP',
    PortRanges: [{ FromPort: port, ToPort: port }],
  }),
  Endpoints: resource('AWS::GlobalAccelerator::EndpointGroup', {
    ListenerArn: ref('Accepting'),
    EndpointGroupRegion: ref('AWS::Region'),
    EndpointConfigurations: [endpoint],
    ...endpoints,
  }),
});
const acceleratedInstance = (endpoints: Json, port: number): Case['templates'] =>
  single({ ...secluded(), Group: group(tcp(8123)), Db: instance(), ...accelerator({ EndpointId: ref('Db') }, endpoints, port) });

// endpoints need neither a public address nor a route, only an internet gateway attached to the network:
// https://docs.aws.amazon.com/global-accelerator/latest/dg/secure-vpc-connections.html
// the address of the client is kept, so groups see it: https://docs.aws.amazon.com/global-accelerator/latest/dg/preserve-client-ip-address.html
const GLOBAL_ACCELERATOR: readonly Case[] = [
  {
    name: 'Global Accelerator to an internal application load balancer',
    why: 'the accelerator carries anybody to a load balancer whose group admits everybody',
    templates: single({ ...secluded(), ...internalAlb(), ...accelerator({ EndpointId: ref('Front') }) }),
    verdict: 'exposed',
    twin: { at: [...RESOURCES, 'Accelerator', 'Properties', 'Enabled'], to: false, verdict: 'private', why: 'the accelerator is not enabled' },
  },
  {
    name: 'Global Accelerator to an internal network load balancer',
    why: 'the group of the load balancer sees the address of the client and admits it',
    templates: single({ ...secluded(), ...internalNlb(), ...accelerator({ EndpointId: ref('Front'), ClientIPPreservationEnabled: true }) }),
    verdict: 'exposed',
    twin: {
      at: [...RESOURCES, 'FrontGroup', 'Properties', 'SecurityGroupIngress', 0, 'CidrIp'],
      to: '10.0.0.0/8',
      verdict: 'private',
      why: 'the group admits private addresses only',
    },
  },
  {
    name: 'Global Accelerator to an instance',
    why: 'the instance is in a private subnet, and its group admits everybody',
    templates: acceleratedInstance({}, 8123),
    verdict: 'exposed',
    twin: { at: [...RESOURCES, 'Attachment'], verdict: 'private', why: 'no internet gateway is attached to the network' },
  },
  {
    name: 'Global Accelerator to another port of an instance',
    why: 'what arrives at 443 goes to the port of ClickHouse',
    templates: acceleratedInstance({ PortOverrides: [{ ListenerPort: 443, EndpointPort: 8123 }] }, 443),
    verdict: 'exposed',
    twin: { at: [...RESOURCES, 'Endpoints', 'Properties', 'PortOverrides'], verdict: 'private', why: 'it goes to 443, which the group does not admit' },
  },
  {
    name: 'Global Accelerator that is turned down',
    why: 'no part of the traffic goes to these endpoints',
    templates: acceleratedInstance({ TrafficDialPercentage: 0 }, 8123),
    verdict: 'private',
  },
  {
    name: 'Global Accelerator into an account that blocks public access',
    // https://docs.aws.amazon.com/vpc/latest/userguide/security-vpc-bpa-basics.html
    why: 'the block of public access includes what an accelerator carries',
    templates: single({ ...secluded(), Block: BLOCK, ...internalAlb(), ...accelerator({ EndpointId: ref('Front') }) }),
    verdict: 'private',
  },
];

export const EDGE: Layer = { layer: 'services at the edge', cases: [...CLOUDFRONT, ...GLOBAL_ACCELERATOR] };
