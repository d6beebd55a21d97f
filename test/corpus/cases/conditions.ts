import { att, group, instance, network, publicInterface, ref, resource, single, tcp } from '../build';
import type { Case, Json, Layer } from '../case';
import { at, closed, defaultOf, ingress, NO_ADDRESS, reachable, route } from './parts';

const source = at('Group', 'SecurityGroupIngress', 0, 'CidrIp');
const OPENED: Json = { Opened: { 'Fn::Equals': [ref('Stage'), 'dev'] } };
/** Condition `Opened` is true where parameter `Stage` is `dev`, as it is by default. */
const DECIDED: Json = { Parameters: { Stage: { Type: 'String', Default: 'dev' } }, Conditions: OPENED };
/** The same without a default. */
const UNDECIDED: Json = { Parameters: { Stage: { Type: 'String' } }, Conditions: OPENED };
const PROD = closed('by default, the stage is another', defaultOf('Stage'), 'prod');

const choice = (yes: unknown, no: unknown): Json => ({ 'Fn::If': ['Opened', yes, no] });
const EITHER = (): Json => choice('0.0.0.0/0', '10.0.0.0/8');
const NOTHING: Json = { Ref: 'AWS::NoValue' };
const when = (each: Json): Json => ({ ...each, Condition: 'Opened' });
const separate = (more: Json): Json => network({ Group: group(), Db: instance(publicInterface()), ...more });
const nested = (condition: Json, more: Json = {}): Case['templates'] => single(reachable(tcp(8123, EITHER())), { Parameters: { Stage: { Type: 'String', Default: 'dev' }, Trial: { Type: 'String', Default: 'yes' } }, Conditions: { Opened: condition, ...more } });

/** What conditions decide, on values, entries and whole resources. */
export const CONDITIONS: Layer = {
  layer: 'conditions',
  cases: [
    {
      name: 'value by a decided condition',
      why: 'the condition holds by default',
      templates: single(reachable(tcp(8123, EITHER())), DECIDED),
      verdict: 'exposed',
      twin: PROD,
    },
    {
      name: 'value by an undecided condition',
      why: 'one branch is open, the other is not',
      templates: single(reachable(tcp(8123, EITHER())), UNDECIDED),
      verdict: 'unknown',
      twin: closed('both branches are closed', [...source, 'Fn::If', 1], '192.168.0.0/16'),
    },
    {
      name: 'whole rule by a decided condition',
      why: 'the rule is there by default',
      templates: single(reachable(choice(tcp(8123), NOTHING)), DECIDED),
      verdict: 'exposed',
      twin: PROD,
    },
    {
      name: 'whole list of rules by a decided condition',
      why: 'the list with the open rule is there by default',
      templates: single(network({ Group: resource('AWS::EC2::SecurityGroup', { GroupDescription: 'access', VpcId: ref('Vpc'), SecurityGroupIngress: choice([tcp(8123)], NOTHING) }), Db: instance(publicInterface()) }), DECIDED),
      verdict: 'exposed',
      twin: PROD,
    },
    {
      name: 'rule resource by a decided condition',
      why: 'the resource is there by default',
      templates: single(separate({ Ingress: when(ingress({ CidrIp: '0.0.0.0/0' })) }), DECIDED),
      verdict: 'exposed',
      twin: PROD,
    },
    {
      name: 'rule resource by an undecided condition',
      why: 'the resource may be there or not',
      templates: single(separate({ Ingress: when(ingress({ CidrIp: '0.0.0.0/0' })) }), UNDECIDED),
      verdict: 'unknown',
      twin: NO_ADDRESS,
    },
    {
      name: 'elastic address by a decided condition',
      why: 'the address is there by default',
      templates: single(network({ Group: group(tcp(8123)), Db: instance({ SubnetId: ref('Public') }), Address: when(resource('AWS::EC2::EIP', { Domain: 'vpc', InstanceId: ref('Db') })) }), DECIDED),
      verdict: 'exposed',
      twin: PROD,
    },
    {
      name: 'gateway attachment by a decided condition',
      why: 'the gateway is attached by default',
      templates: single(
        reachable(tcp(8123), {
          Attachment: when(resource('AWS::EC2::VPCGatewayAttachment', { VpcId: ref('Vpc'), InternetGatewayId: ref('Gateway') })),
          PublicRoute: route('PublicTable', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: ref('Gateway') }),
        }),
        DECIDED,
      ),
      verdict: 'exposed',
      twin: PROD,
    },
    {
      name: 'route by a decided condition',
      why: 'the route is there by default',
      templates: single(reachable(tcp(8123), { PublicRoute: when(route('PublicTable', { DestinationCidrBlock: '0.0.0.0/0', GatewayId: ref('Gateway') })) }), DECIDED),
      verdict: 'exposed',
      twin: PROD,
    },
    {
      name: 'public address by a decided condition',
      why: 'the interface asks for an address by default',
      templates: single(reachable(tcp(8123), { Db: instance(publicInterface({ AssociatePublicIpAddress: choice(true, false) })) }), DECIDED),
      verdict: 'exposed',
      twin: PROD,
    },
    {
      name: 'group by a decided condition',
      why: 'the open group is on the interface by default',
      templates: single(
        network({ Group: group(tcp(8123)), Closed: group(tcp(8123, '10.0.0.0/16')), Db: instance(publicInterface({ GroupSet: [choice(att('Group', 'GroupId'), att('Closed', 'GroupId'))] })) }),
        DECIDED,
      ),
      verdict: 'exposed',
      twin: PROD,
    },
    {
      name: 'refusal by a decided condition',
      why: 'the refusing entry of the default ACL is not there by default',
      templates: single(
        reachable(tcp(8123), {
          Refusal: when(resource('AWS::EC2::NetworkAclEntry', { NetworkAclId: att('Vpc', 'DefaultNetworkAcl'), RuleNumber: 10, RuleAction: 'deny', Protocol: -1, CidrBlock: '0.0.0.0/0' })),
        }),
        { Parameters: { Stage: { Type: 'String', Default: 'prod' } }, Conditions: OPENED },
      ),
      verdict: 'exposed',
      twin: closed('by default, the refusal is there', defaultOf('Stage'), 'dev'),
    },
    {
      name: 'refusal by an undecided condition',
      why: 'the refusing entry of the default ACL may be there or not',
      templates: single(
        reachable(tcp(8123), {
          Refusal: when(resource('AWS::EC2::NetworkAclEntry', { NetworkAclId: att('Vpc', 'DefaultNetworkAcl'), RuleNumber: 10, RuleAction: 'deny', Protocol: -1, CidrBlock: '0.0.0.0/0' })),
        }),
        UNDECIDED,
      ),
      verdict: 'unknown',
      twin: closed('the group is closed anyway', source, '10.0.0.0/8'),
    },
    {
      name: 'condition out of others',
      why: 'Fn::And, Fn::Not and a condition by name, all decided',
      templates: nested({ 'Fn::And': [{ Condition: 'Dev' }, { 'Fn::Not': [{ 'Fn::Equals': [ref('Trial'), 'no'] }] }] }, { Dev: { 'Fn::Equals': [ref('Stage'), 'dev'] } }),
      verdict: 'exposed',
      twin: closed('one of the two does not hold', defaultOf('Trial'), 'no'),
    },
    {
      name: 'condition that needs only one of two',
      why: 'the stage is unknown, but the other half of Fn::Or holds',
      templates: single(reachable(tcp(8123, EITHER())), {
        Parameters: { Stage: { Type: 'String' }, Trial: { Type: 'String', Default: 'yes' } },
        Conditions: { Opened: { 'Fn::Or': [{ 'Fn::Equals': [ref('Stage'), 'dev'] }, { 'Fn::Equals': [ref('Trial'), 'yes'] }] } },
      }),
      verdict: 'exposed',
      twin: closed('both branches are closed', [...source, 'Fn::If', 1], '172.16.0.0/12'),
    },
    {
      name: 'condition that cannot hold',
      why: 'the stage is unknown, but the other half of Fn::And does not hold',
      templates: single(reachable(tcp(8123, EITHER())), {
        Parameters: { Stage: { Type: 'String' }, Trial: { Type: 'String', Default: 'no' } },
        Conditions: { Opened: { 'Fn::And': [{ 'Fn::Equals': [ref('Stage'), 'dev'] }, { 'Fn::Equals': [ref('Trial'), 'yes'] }] } },
      }),
      verdict: 'private',
      twin: { at: defaultOf('Trial'), to: 'yes', verdict: 'unknown', why: 'now the stage decides' },
    },
    {
      name: 'database that is not deployed',
      why: 'by default, the condition on the instance does not hold',
      templates: single(reachable(tcp(8123), { Db: when(instance(publicInterface())) }), { Parameters: { Stage: { Type: 'String', Default: 'prod' } }, Conditions: OPENED }),
      verdict: 'none',
      twin: { at: defaultOf('Stage'), to: 'dev', verdict: 'exposed', why: 'it holds' },
    },
  ],
};
