import { att, FILE, fromGroup, group, instance, ref, resource, tcp } from '../../corpus/build';
import type { Case, Json } from '../../corpus/case';
import { EDGE } from '../../corpus/cases/edge';
import { internalAlb, internalNlb, secluded } from '../../corpus/cases/edge-parts';
import { judge } from '../../corpus/judge';
import { changed, over, withUnknowns } from './variants';

const OPEN = EDGE.cases.filter(({ name, verdict }) => name.startsWith('Global Accelerator') && verdict === 'exposed');

const machine = (): Json => ({ Group: group(tcp(8123)), Db: instance() });
/** An accelerator in front of an instance, or of what is named. */
const accelerated = (behind: Json = machine(), EndpointId: unknown = ref('Db'), port = 8123): Json => ({
  ...secluded(),
  ...behind,
  Accelerator: resource('AWS::GlobalAccelerator::Accelerator', { Name: 'query' }),
  Accepting: resource('AWS::GlobalAccelerator::Listener', { AcceleratorArn: ref('Accelerator'), Protocol: 'TCP', PortRanges: [{ FromPort: port, ToPort: port }] }),
  Endpoints: resource('AWS::GlobalAccelerator::EndpointGroup', { ListenerArn: ref('Accepting'), EndpointGroupRegion: 'eu-west-1', EndpointConfigurations: [{ EndpointId }] }),
});
const alb = (front: Json = {}): Json => accelerated(internalAlb(front), ref('Front'), 80);
const nlb = (): Json => accelerated(internalNlb(), ref('Front'), 80);
const GIVEN = ref('Given');
const parameter = (Default?: string): Json => ({ Parameters: { Given: { Type: 'String', Default } } });
const endpoint = (more: Json): Record<string, Json> => ({ Endpoints: { EndpointConfigurations: [{ EndpointId: ref('Db'), ...more }] } });
const front = (more: Json): Record<string, Json> => ({ Endpoints: { EndpointConfigurations: [{ EndpointId: ref('Front'), ...more }] } });
const listener = (more: Json): Record<string, Json> => ({ Accepting: more });
const admits = (name: string, ...rules: Json[]): Record<string, Json> => ({ [name]: { SecurityGroupIngress: rules } });
const V6: Json = { IpProtocol: 'tcp', FromPort: 8123, ToPort: 8123, CidrIpv6: '::/0' };
const OVERRIDES = [{ ListenerPort: 8123, EndpointPort: 22 }];
const other = (): Json => ({ Others: resource('AWS::GlobalAccelerator::EndpointGroup', { ListenerArn: ref('Accepting'), EndpointGroupRegion: 'eu-west-3', EndpointConfigurations: [] }) });

test.each(OPEN)('no unknown makes it private: $name', ({ templates }) => {
  const found = withUnknowns(templates, /::GlobalAccelerator::/).filter((each) => judge(each.templates).verdict === 'private');
  expect(found.map(({ at }) => at)).toEqual([]);
});

test.each(OPEN)('what it proposes makes it private: $name', ({ templates }) => {
  const changes = judge(templates).workloads.flatMap((each) => each.changes);
  expect([changes.length, judge(changed(templates, changes)).verdict]).toEqual([1, 'private']);
});

describe('an accelerator', () => {
  test.each<[what: string, verdict: Case['verdict'], properties: Record<string, Json>, more?: Json, resources?: Json]>([
    ['that is as it is', 'exposed', {}],
    ['that a parameter may enable', 'unknown', { Accelerator: { Enabled: GIVEN } }, parameter()],
    ['that a parameter does not enable', 'private', { Accelerator: { Enabled: GIVEN } }, parameter('false')],
    ['of elsewhere', 'unknown', listener({ AcceleratorArn: 'arn:aws:globalaccelerator::111122223333:accelerator/0123' })],
    ['with a listener of elsewhere', 'unknown', { Endpoints: { ListenerArn: 'arn:aws:globalaccelerator::111122223333:accelerator/0123/listener/4567' } }],
    ['for UDP', 'private', listener({ Protocol: 'UDP' })],
    ['for the protocol of a parameter', 'unknown', listener({ Protocol: GIVEN }), parameter()],
    ['for another port', 'private', listener({ PortRanges: [{ FromPort: 443, ToPort: 443 }] })],
    ['for ports around it', 'exposed', listener({ PortRanges: [{ FromPort: 8000, ToPort: 9000 }] })],
    ['for ports around it, which goes elsewhere', 'private', { ...listener({ PortRanges: [{ FromPort: 8000, ToPort: 9000 }] }), Endpoints: { PortOverrides: OVERRIDES } }],
    ['for ports of a parameter', 'unknown', listener({ PortRanges: [{ FromPort: GIVEN, ToPort: 9000 }] }), parameter()],
    ['that goes to the port of a parameter', 'unknown', { Endpoints: { PortOverrides: [{ ListenerPort: 8123, EndpointPort: GIVEN }] } }, parameter()],
    ['that a parameter turns down', 'unknown', { Endpoints: { TrafficDialPercentage: GIVEN } }, parameter()],
    ['that is turned down, with another group of endpoints', 'unknown', { Endpoints: { TrafficDialPercentage: 0 } }, {}, { ...accelerated(), ...other() }],
    ['that a condition may turn down', 'unknown', { Endpoints: { TrafficDialPercentage: { 'Fn::If': ['Perhaps', 0, ref('AWS::NoValue')] } } }, { ...parameter(), Conditions: { Perhaps: { 'Fn::Equals': [GIVEN, 'yes'] } } }],
    ['with an endpoint of weight 0', 'unknown', endpoint({ Weight: 0 })],
    ['with an endpoint of little weight', 'exposed', endpoint({ Weight: 1 })],
    ['with the endpoint of a parameter', 'unknown', endpoint({ EndpointId: GIVEN }), parameter()],
    ['with an endpoint of elsewhere', 'private', endpoint({ EndpointId: 'i-0123456789abcdef0' })],
    ['in front of a group for one public address', 'exposed', admits('Group', tcp(8123, '8.8.4.4/32'))],
    ['in front of a group for private addresses', 'private', admits('Group', tcp(8123, '10.0.0.0/8'))],
    ['in front of a group for another group by its id', 'unknown', admits('Group', fromGroup(8123, 'sg-0123456789abcdef0'))],
    ['in front of a group for IPv6', 'private', admits('Group', V6)],
    ['in front of a group for IPv6, by IPv6', 'exposed', { ...admits('Group', V6), Accelerator: { IpAddressType: 'DUAL_STACK' } }],
    // "Subnet-level allow and deny rules are not evaluated for this traffic."
    // https://docs.aws.amazon.com/global-accelerator/latest/dg/preserve-client-ip-address.how-to-enable-preservation.html
    ['past a network ACL that admits nobody', 'exposed', {}, {}, {
      ...accelerated(),
      Acl: resource('AWS::EC2::NetworkAcl', { VpcId: ref('Vpc') }),
      Filtered: resource('AWS::EC2::SubnetNetworkAclAssociation', { SubnetId: ref('Private'), NetworkAclId: ref('Acl') }),
    }],
    ['in front of an internal load balancer, which it cannot hide addresses from', 'private', { ...front({ ClientIPPreservationEnabled: false }), ...admits('FrontGroup', tcp(80, '10.0.0.0/8')) }, {}, alb()],
    ['in front of a load balancer that it hides addresses from', 'unknown', { ...front({ ClientIPPreservationEnabled: false }), ...admits('FrontGroup', tcp(80, '10.0.0.0/8')) }, {}, alb({ Scheme: 'internet-facing' })],
    ['in front of a network load balancer, whose default is to hide them', 'exposed', {}, {}, nlb()],
    ['in front of a network load balancer for one public address', 'unknown', admits('FrontGroup', tcp(80, '8.8.4.4/32')), {}, nlb()],
    ['in front of a network load balancer for one public address, which it shows', 'exposed', { ...front({ ClientIPPreservationEnabled: true }), ...admits('FrontGroup', tcp(80, '8.8.4.4/32')) }, {}, nlb()],
    ['in front of a network load balancer without groups', 'exposed', { Front: { SecurityGroups: undefined }, ...admits('Group', tcp(8123)) }, {}, nlb()],
    ['in front of a network load balancer that hands on what it sees', 'unknown', admits('Group', tcp(8123, '8.8.4.4/32')), {}, nlb()],
    ['with an elastic address', 'private', { Endpoints: { EndpointConfigurations: [{ EndpointId: att('Address', 'AllocationId') }] } }, {}, { ...accelerated(), Address: resource('AWS::EC2::EIP', { Domain: 'vpc' }) }],
  ])('%s is %s', (_, verdict, properties, more = {}, resources = accelerated()) => {
    expect(judge(over(resources, properties, more)).verdict).toBe(verdict);
  });
});

describe('a cross-account attachment', () => {
  const offered = (Principals: unknown): Case['templates'] => ({
    [FILE]: { Resources: { ...secluded(), ...machine(), Attachment2: resource('AWS::GlobalAccelerator::CrossAccountAttachment', { Name: 'shared', Principals, Resources: [{ EndpointId: ref('Db') }] }) } },
  });
  test.each<[who: string, Principals: unknown, levels: string[]]>([
    ['another account', ['444455556666'], ['account']],
    ['the own account', [ref('AWS::AccountId')], []],
    ['nobody', [], []],
  ])('for %s leads to %j', (_, Principals, levels) => {
    const [found] = judge(offered(Principals)).workloads;
    expect([found?.verdict, found?.detours.map(({ level }) => level)]).toEqual(['private', levels]);
  });
});
