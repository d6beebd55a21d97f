import { att, FILE, fromGroup, group, instance, ref, resource, tcp } from '../../corpus/build';
import type { Case, Json } from '../../corpus/case';
import { EDGE } from '../../corpus/cases/edge';
import { internalAlb, internalNlb, secluded } from '../../corpus/cases/edge-parts';
import { judge } from '../../corpus/judge';
import { changed, over, withUnknowns } from './variants';

const CLOUDFRONT = EDGE.cases.filter(({ name }) => name.startsWith('CloudFront'));
const OPEN = CLOUDFRONT.filter(({ verdict }) => verdict === 'exposed');

const BEHAVIOR: Json = { TargetOriginId: 'clickhouse', ViewerProtocolPolicy: 'redirect-to-https' };
/** A distribution in front of an internal load balancer. */
const fronted = (front: Json = internalAlb()): Json => ({
  ...secluded(),
  ...front,
  Origin: resource('AWS::CloudFront::VpcOrigin', { VpcOriginEndpointConfig: { Name: 'clickhouse', Arn: ref('Front'), OriginProtocolPolicy: 'http-only' } }),
  Distribution: resource('AWS::CloudFront::Distribution', {
    DistributionConfig: { Enabled: true, DefaultCacheBehavior: BEHAVIOR, Origins: [{ Id: 'clickhouse', DomainName: att('Front', 'DNSName'), VpcOriginConfig: { VpcOriginId: ref('Origin') } }] },
  }),
});
const config = (DistributionConfig: Json): Record<string, Json> => ({ Distribution: { DistributionConfig } });
const endpoint = (VpcOriginEndpointConfig: Json): Record<string, Json> => ({ Origin: { VpcOriginEndpointConfig } });
const parameter = (Default?: string): Json => ({ Parameters: { Given: { Type: 'String', Default } } });
const GIVEN = ref('Given');
const admits = (...rules: Json[]): Record<string, Json> => ({ FrontGroup: { SecurityGroupIngress: rules } });
const foreign = (DomainName: unknown, VpcOriginId: unknown): Record<string, Json> => config({ Origins: [{ Id: 'clickhouse', DomainName, VpcOriginConfig: { VpcOriginId } }] });

test.each(OPEN)('no unknown makes it private: $name', ({ templates }) => {
  const found = withUnknowns(templates, /::CloudFront::/).filter((each) => judge(each.templates).verdict === 'private');
  expect(found.map(({ at }) => at)).toEqual([]);
});

test.each(OPEN)('what it proposes makes it private: $name', ({ templates }) => {
  const changes = judge(templates).workloads.flatMap((each) => each.changes);
  expect([changes.length, judge(changed(templates, changes)).verdict]).toEqual([1, 'private']);
});

describe('a distribution', () => {
  test.each<[what: string, verdict: Case['verdict'], properties: Record<string, Json>, more?: Json, front?: Json]>([
    ['that is as it is', 'exposed', {}],
    ['that a parameter may enable', 'unknown', config({ Enabled: GIVEN }), parameter()],
    ['that a parameter does not enable', 'private', config({ Enabled: GIVEN }), parameter('false')],
    ['with the origin of a parameter', 'unknown', config({ DefaultCacheBehavior: { TargetOriginId: GIVEN } }), parameter()],
    ['with another origin of a parameter', 'private', config({ DefaultCacheBehavior: { TargetOriginId: GIVEN } }), parameter('pages')],
    ['with one parameter for both names of the origin', 'exposed', config({ DefaultCacheBehavior: { TargetOriginId: GIVEN }, Origins: [{ Id: GIVEN, DomainName: 'x', VpcOriginConfig: { VpcOriginId: ref('Origin') } }] }), parameter()],
    ['with a VPC origin of elsewhere', 'unknown', foreign(att('Front', 'DNSName'), 'vo_AbCdEf123')],
    ['with a VPC origin of elsewhere for a load balancer of elsewhere', 'private', foreign('internal.example.com', 'vo_AbCdEf123')],
    ['with the VPC origin of a parameter', 'unknown', foreign('internal.example.com', GIVEN), parameter()],
    ['with an endpoint of a parameter', 'unknown', endpoint({ Arn: GIVEN }), parameter()],
    ['with an endpoint of elsewhere', 'private', endpoint({ Arn: 'arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/other/50dc6c495c0c9188' })],
    ['with a port of a parameter', 'unknown', endpoint({ HTTPPort: GIVEN }), parameter()],
    ['that follows viewers who may not use HTTP', 'private', endpoint({ OriginProtocolPolicy: 'match-viewer' })],
    ['that follows viewers by default', 'exposed', { ...endpoint({ OriginProtocolPolicy: undefined }), ...config({ DefaultCacheBehavior: { ViewerProtocolPolicy: 'allow-all' } }) }],
    ['that follows viewers, by HTTPS to where HTTP is', 'exposed', endpoint({ OriginProtocolPolicy: 'match-viewer', HTTPSPort: 80 })],
    ['with an origin that a condition may leave out', 'unknown', config({ Origins: [{ 'Fn::If': ['Perhaps', { Id: 'clickhouse', DomainName: 'x', VpcOriginConfig: { VpcOriginId: ref('Origin') } }, ref('AWS::NoValue')] }] }), { ...parameter(), Conditions: { Perhaps: { 'Fn::Equals': [GIVEN, 'yes'] } } }],
    ['in front of a group for one public address', 'unknown', admits(tcp(80, '8.8.8.8/32'))],
    ['in front of a group for IPv6', 'private', admits({ IpProtocol: 'tcp', FromPort: 80, ToPort: 80, CidrIpv6: '::/0' })],
    ['in front of a group for IPv6, by IPv6', 'exposed', { ...admits({ IpProtocol: 'tcp', FromPort: 80, ToPort: 80, CidrIpv6: '::/0' }), ...endpoint({ IpAddressType: 'dualstack' }) }],
    ['in front of a group for a network that has its range at deployment', 'unknown', { ...admits(tcp(80, att('Vpc', 'CidrBlock'))), Vpc: { CidrBlock: undefined, Ipv4IpamPoolId: 'ipam-pool-0123456789abcdef0', Ipv4NetmaskLength: 16 } }],
    ['in front of a group for the default group of the network', 'private', admits(fromGroup(80, att('Vpc', 'DefaultSecurityGroup')))],
    ['in front of a group for what a custom resource finds', 'unknown', admits(fromGroup(80, att('Finder', 'SecurityGroups.0.GroupId'))), {}, { ...internalAlb(), Finder: resource('Custom::AWS', {}) }],
    // the load balancer hands on the address that it sees, and that is one of CloudFront's interfaces.
    ['through a load balancer that keeps addresses, for the network', 'unknown', { Group: { SecurityGroupIngress: [tcp(8123, '10.0.0.0/16')] } }, {}, internalNlb()],
    ['through a load balancer that keeps addresses, for another network', 'unknown', { Group: { SecurityGroupIngress: [tcp(8123, '10.9.0.0/16')] } }, {}, internalNlb()],
    ['through a load balancer that keeps addresses, for everybody', 'exposed', { Group: { SecurityGroupIngress: [tcp(8123)] } }, {}, internalNlb()],
    ['that asks for a certificate perhaps', 'exposed', config({ ViewerMtlsConfig: { Mode: 'optional' } })],
  ])('%s is %s', (_, verdict, properties, more = {}, front = internalAlb()) => {
    expect(judge(over(fronted(front), properties, more)).verdict).toBe(verdict);
  });

  test.each<[what: string, properties: Record<string, Json>]>([
    ['key groups', config({ DefaultCacheBehavior: { TrustedKeyGroups: ['0123'] } })],
    ['signers', config({ DefaultCacheBehavior: { TrustedSigners: ['111122223333'] } })],
    ['a certificate of clients', config({ ViewerMtlsConfig: { Mode: 'required' } })],
  ])('with %s asks for a login', (_, properties) => {
    const [found] = judge(over(fronted(), properties)).workloads;
    expect([found?.verdict, found?.detours.map(({ level, certain }) => ({ level, certain }))]).toEqual(['private', [{ level: 'login', certain: true }]]);
  });

  test('follows parameters from the command line', () => {
    const templates = over(fronted(), config({ Enabled: GIVEN }), parameter('true'));
    expect([judge(templates).verdict, judge(templates, { Given: 'false' }).verdict]).toEqual(['exposed', 'private']);
  });

  test('names what is not known', () => {
    expect(judge(over(fronted(), config({ Enabled: GIVEN }), parameter())).workloads[0]?.missing).toEqual(['parameter Given has no default']);
  });
});

describe('a distribution in front of a function', () => {
  const signed = (origin: Json, control: Json = {}): Case['templates'] => ({
    [FILE]: {
      Resources: {
        ...secluded(),
        HopGroup: group(),
        Group: group(fromGroup(8123, att('HopGroup', 'GroupId'))),
        Db: instance(),
        Query: resource('AWS::Lambda::Function', { VpcConfig: { SubnetIds: [ref('Private')], SecurityGroupIds: [att('HopGroup', 'GroupId')] } }),
        Url: resource('AWS::Lambda::Url', { TargetFunctionArn: att('Query', 'Arn'), AuthType: 'AWS_IAM' }),
        Signing: resource('AWS::CloudFront::OriginAccessControl', { OriginAccessControlConfig: { Name: 'query', OriginAccessControlOriginType: 'lambda', SigningBehavior: 'always', SigningProtocol: 'sigv4', ...control } }),
        Distribution: resource('AWS::CloudFront::Distribution', {
          DistributionConfig: { Enabled: true, DefaultCacheBehavior: BEHAVIOR, Origins: [{ Id: 'clickhouse', DomainName: { 'Fn::Select': [2, { 'Fn::Split': ['/', att('Url', 'FunctionUrl')] }] }, CustomOriginConfig: { OriginProtocolPolicy: 'https-only' }, ...origin }] },
        }),
      },
    },
  });
  test.each<[what: string, levels: string[], templates: Case['templates']]>([
    ['whose signature it gives', ['program'], signed({ OriginAccessControlId: att('Signing', 'Id') })],
    ['for which it signs nothing', [], signed({ OriginAccessControlId: att('Signing', 'Id') }, { SigningBehavior: 'never' })],
    ['without access control', [], signed({})],
  ])('%s leads to %j', (_, levels, templates) => {
    expect(judge(templates).workloads[0]?.detours.map(({ level }) => level)).toEqual(levels);
  });
});
