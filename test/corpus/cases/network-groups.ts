import { att, FILE, fromGroup, group, instance, network, publicInterface, ref, resource, single, tcp } from '../build';
import type { Layer } from '../case';
import { at, closed, FROM_INSIDE, importValue, ingress, machine, NO_ADDRESS, open, output, reachable, subnet } from './parts';

const OUTSIDE = 'sg-0123456789abcdef0';
const rule = (...names: readonly (string | number)[]): readonly (string | number)[] => at('Group', 'SecurityGroupIngress', 0, ...names);

/** Which ports, protocols and groups the rules of security groups let in. */
export const GROUPS: Layer = {
  layer: 'security groups',
  cases: [
    {
      name: 'inline rule for every IPv4 address',
      why: 'public address, route to the internet gateway, 8123 open to 0.0.0.0/0',
      templates: single(reachable()),
      verdict: 'exposed',
      twin: closed('only SSH is open, not ClickHouse', rule(), tcp(22)),
    },
    {
      name: 'native protocol only',
      why: 'ClickHouse listens on 9000 as well as on 8123',
      templates: single(reachable(tcp(9000))),
      verdict: 'exposed',
      twin: closed('nothing of ClickHouse listens on 9001', rule(), tcp(9001)),
    },
    {
      name: 'range of ports around 8123',
      why: '8000 to 8400 holds 8123',
      templates: single(reachable(tcp(8000, '0.0.0.0/0', 8400))),
      verdict: 'exposed',
      twin: closed('8124 to 8400 holds no port of ClickHouse', rule('FromPort'), 8124),
    },
    {
      name: 'all TCP ports',
      why: '0 to 65535 holds all ports of ClickHouse',
      templates: single(reachable(tcp(0, '0.0.0.0/0', 65535))),
      verdict: 'exposed',
      twin: closed('0 to 1024 holds none', rule('ToPort'), 1024),
    },
    {
      name: 'ports as text',
      why: 'CloudFormation takes numbers as strings',
      templates: single(reachable(tcp('8123', '0.0.0.0/0', '8123'))),
      verdict: 'exposed',
      twin: FROM_INSIDE,
    },
    {
      name: 'all protocols without ports',
      why: 'protocol -1 is every port',
      templates: single(reachable({ IpProtocol: '-1', CidrIp: '0.0.0.0/0' })),
      verdict: 'exposed',
      twin: FROM_INSIDE,
    },
    {
      // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
      name: 'all protocols that seem limited to 443',
      why: 'with protocol -1, EC2 ignores the ports of the rule',
      templates: single(reachable({ ...tcp(443), IpProtocol: '-1' })),
      verdict: 'exposed',
      twin: closed('with protocol tcp, the rule is for 443 only', rule('IpProtocol'), 'tcp'),
    },
    {
      name: 'all protocols as number, ports -1',
      why: '-1 is every protocol and every port, as a number as well',
      templates: single(reachable({ IpProtocol: -1, FromPort: -1, ToPort: -1, CidrIp: '0.0.0.0/0' })),
      verdict: 'exposed',
      twin: closed('the same for ICMP: 1 is the protocol of ping', rule('IpProtocol'), 1),
    },
    {
      name: 'protocol by number',
      why: '6 is TCP',
      templates: single(reachable({ ...tcp(8123), IpProtocol: '6' })),
      verdict: 'exposed',
      twin: closed('17 is UDP, which ClickHouse does not speak', rule('IpProtocol'), '17'),
    },
    {
      name: 'rule as a resource, group by attribute',
      why: 'the group itself looks empty; the rule is beside it',
      templates: single(network({ Group: group(), Other: group(), Db: instance(publicInterface()), Ingress: ingress({ CidrIp: '0.0.0.0/0' }) })),
      verdict: 'exposed',
      twin: closed('the rule belongs to another group', at('Ingress', 'GroupId'), att('Other', 'GroupId')),
    },
    {
      name: 'rule as a resource, group by Ref',
      why: 'Ref of a group in a VPC is its id',
      templates: single(network({ Group: group(), Db: instance(publicInterface()), Ingress: ingress({ GroupId: ref('Group'), CidrIp: '0.0.0.0/0' }) })),
      verdict: 'exposed',
      twin: closed('only private addresses are admitted', at('Ingress', 'CidrIp'), '192.168.0.0/16'),
    },
    {
      name: 'second group opens what the first does not',
      why: 'the rules of all groups of an interface count together',
      templates: single(network({ Group: group(tcp(8123, '10.0.0.0/16')), Extra: group(tcp(8123)), Db: instance(publicInterface({ GroupSet: [att('Group', 'GroupId'), att('Extra', 'GroupId')] })) })),
      verdict: 'exposed',
      twin: closed('the open group is on no interface', at('Db', 'NetworkInterfaces', 0, 'GroupSet', 1)),
    },
    {
      name: 'no outbound rules',
      why: 'groups are stateful: answers need no outbound rule',
      templates: single(
        network({
          Group: resource('AWS::EC2::SecurityGroup', {
            GroupDescription: 'access',
            VpcId: ref('Vpc'),
            SecurityGroupIngress: [tcp(8123)],
            SecurityGroupEgress: [{ IpProtocol: 'icmp', FromPort: 252, ToPort: 86, CidrIp: '255.255.255.255/32' }],
          }),
          Db: instance(publicInterface()),
        }),
      ),
      verdict: 'exposed',
      twin: FROM_INSIDE,
    },
    {
      name: 'rule for the group itself',
      why: 'public address and a rule, but for members of the group only',
      templates: single(network({ Group: group(), Db: instance(publicInterface()), Ingress: ingress({ SourceSecurityGroupId: att('Group', 'GroupId') }) })),
      verdict: 'private',
    },
    {
      name: 'bastion that the internet reaches',
      why: 'the database admits the bastion only, and the internet reaches the bastion',
      templates: single(
        network({
          BastionGroup: group(tcp(22)),
          Bastion: machine(publicInterface({ GroupSet: [att('BastionGroup', 'GroupId')] })),
          Group: group(fromGroup(8123, att('BastionGroup', 'GroupId'))),
          Db: instance(),
        }),
      ),
      verdict: 'private',
      levels: ['program'],
      twin: closed('the bastion itself is private', at('BastionGroup', 'SecurityGroupIngress', 0, 'CidrIp'), '10.0.0.0/8'),
    },
    {
      name: 'bastion group known by export',
      why: 'the group in front is exported by the stack of the bastion, and imported by name',
      templates: {
        'bastion.template.json': {
          Resources: network({ BastionGroup: group(tcp(443)), Bastion: machine(publicInterface({ GroupSet: [att('BastionGroup', 'GroupId')] })) }),
          Outputs: { Vpc: output(ref('Vpc'), 'base-vpc'), Subnet: output(ref('Private'), 'base-private'), Group: output(att('BastionGroup', 'GroupId'), 'bastion-group') },
        },
        [FILE]: {
          Resources: {
            Group: resource('AWS::EC2::SecurityGroup', { GroupDescription: 'access', VpcId: importValue('base-vpc'), SecurityGroupIngress: [fromGroup(9000, importValue('bastion-group'))] }),
            Db: instance({ SubnetId: importValue('base-private') }),
          },
        },
      },
      verdict: 'private',
      levels: ['program'],
      twin: closed('the bastion has no public address', ['bastion.template.json', 'Resources', 'Bastion', 'Properties', 'NetworkInterfaces', 0, 'AssociatePublicIpAddress'], false),
    },
    {
      name: 'default group of the VPC',
      why: 'without groups, the instance gets the default group, which admits its own members only',
      templates: single(network({ Public: subnet('10.0.0.0/24', { MapPublicIpOnLaunch: true }), Db: instance({ SubnetId: ref('Public'), SecurityGroupIds: undefined }) })),
      verdict: 'private',
    },
    {
      name: 'default group of the VPC, opened',
      why: 'a rule is added to the default group, which the instance gets by naming none',
      templates: single(
        network({
          Public: subnet('10.0.0.0/24', { MapPublicIpOnLaunch: true }),
          Db: instance({ SubnetId: ref('Public'), SecurityGroupIds: undefined }),
          Ingress: ingress({ GroupId: att('Vpc', 'DefaultSecurityGroup'), CidrIp: '0.0.0.0/0' }),
        }),
      ),
      verdict: 'exposed',
      twin: closed('the rule is for private addresses', at('Ingress', 'CidrIp'), '10.0.0.0/8'),
    },
    {
      name: 'group by a literal id',
      why: 'nobody here knows the rules of the group',
      templates: single(network({ Db: instance(publicInterface({ GroupSet: [OUTSIDE] })) })),
      verdict: 'unknown',
      twin: NO_ADDRESS,
    },
    {
      name: 'rule added to a group by a literal id',
      why: 'whatever rules the group has, this one opens it',
      templates: single(network({ Db: instance(publicInterface({ GroupSet: [OUTSIDE] })), Ingress: ingress({ GroupId: OUTSIDE, CidrIp: '0.0.0.0/0' }) })),
      verdict: 'exposed',
      twin: NO_ADDRESS,
    },
    {
      name: 'port only known at deployment',
      why: 'the port may be one of ClickHouse',
      templates: single(reachable(tcp(ref('Port'))), { Parameters: { Port: { Type: 'Number' } } }),
      verdict: 'unknown',
      twin: FROM_INSIDE,
    },
    {
      name: 'open to nobody but named as if',
      why: 'the description says everybody, the rules say a private range',
      templates: single(
        network({
          Group: resource('AWS::EC2::SecurityGroup', { GroupDescription: 'Enable HTTP from 0.0.0.0/0', VpcId: ref('Vpc'), SecurityGroupIngress: [{ ...tcp(8123, '172.16.0.0/12'), Description: 'open to 0.0.0.0/0' }] }),
          Db: instance(publicInterface()),
        }),
      ),
      verdict: 'private',
      twin: open('the rule says so, too', rule('CidrIp'), '0.0.0.0/0'),
    },
  ],
};
