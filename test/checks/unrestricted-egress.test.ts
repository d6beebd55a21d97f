import { CfnResource, Fn } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { cfn, database, judged } from './constructs';
import type { Json } from './support';
import { front, group, instance, lines, NOWHERE, resource, service, task, template } from './support';

const ID = 'ClickHouse-UnrestrictedEgress';
const egress = (SecurityGroupEgress: unknown): Json => resource('AWS::EC2::SecurityGroup', { VpcId: { Ref: 'Vpc' }, SecurityGroupEgress });
const to = (CidrIp: unknown, more: Json = {}): Json => ({ IpProtocol: 'tcp', FromPort: 443, ToPort: 443, CidrIp, ...more });
const standalone = (entry: Json, GroupId: unknown = { 'Fn::GetAtt': ['Group', 'GroupId'] }): Json => resource('AWS::EC2::SecurityGroupEgress', { GroupId, ...entry });
const BY_DEFAULT = 'Group: ClickHouse (Db) may connect to the whole internet: Group has no egress entries, and EC2 then allows everything';

test.each([
  ['not written', undefined],
  ['an empty list', []],
  ['left out', { Ref: 'AWS::NoValue' }],
  ['left out by one branch', { 'Fn::If': ['Strict', [NOWHERE], { Ref: 'AWS::NoValue' }] }],
])('what EC2 does by default: %s', (_, entries) => {
  const Parameters = { Level: { Type: 'String' } };
  const Conditions = { Strict: { 'Fn::Equals': [{ Ref: 'Level' }, 'strict'] } };
  expect(lines(template({ Db: instance(), Group: egress(entries) }, { Parameters, Conditions }), ID)).toEqual([BY_DEFAULT]);
});

test.each([
  ['everything', { IpProtocol: '-1', CidrIp: '0.0.0.0/0' }, /^Group: ClickHouse \(Db\) may connect to the internet \(0\.0\.0\.0\/0\)$/],
  ['one port', to('0.0.0.0/0'), /the internet/],
  ['udp', to('0.0.0.0/0', { IpProtocol: 'udp' }), /the internet/],
  ['IPv6', { IpProtocol: '-1', CidrIpv6: '::/0' }, /the internet \(::\/0\)/],
  ['half of it', to('128.0.0.0/1'), /public addresses \(128\.0\.0\.0\/1\)/],
  ['all of global IPv6', { IpProtocol: '-1', CidrIpv6: '2000::/3' }, /2000::\/3/],
  ['a prefix list that is all of it', { IpProtocol: '-1', DestinationPrefixListId: { Ref: 'List' } }, /the internet/],
  ['the default of a parameter', to({ Ref: 'Usual' }), /the internet/],
  ['a parameter without default', to({ Ref: 'Given' }), /^Group: whether ClickHouse \(Db\) may connect to the whole internet cannot be told at synthesis: parameter Given has no default$/],
  ['an export of somebody else', to({ 'Fn::ImportValue': 'x' }), /cannot be told at synthesis: export x/],
  ['one branch', to({ 'Fn::If': ['C', '10.0.0.0/8', '0.0.0.0/0'] }), /the internet/],
])('written: %s', (_, entry, message) => {
  const Parameters = { Given: { Type: 'String' }, Usual: { Type: 'String', Default: '0.0.0.0/0' } };
  const List = resource('AWS::EC2::PrefixList', { Entries: [{ Cidr: '10.0.0.0/8' }, { Cidr: '0.0.0.0/0' }] });
  expect(lines(template({ Db: instance(), Group: egress([entry]), List }, { Parameters }), ID)).toEqual([expect.stringMatching(message)]);
  // the same as a resource of its own.
  const [found, ...others] = lines(template({ Db: instance(), Group: egress([NOWHERE]), List, Rule: standalone(entry) }, { Parameters }), ID);
  expect([found?.replace('Rule:', 'Group:'), others]).toEqual([expect.stringMatching(message), []]);
});

test.each([
  ['nowhere', [NOWHERE]],
  ['loopback, the other way to say nowhere', [to('127.0.0.1/32', { IpProtocol: '-1' })]],
  ['private addresses', [to('10.0.0.0/8'), to('172.16.0.0/12')]],
  ['the VPC', [to({ 'Fn::GetAtt': ['Vpc', 'CidrBlock'] })]],
  ['another group', [{ IpProtocol: '-1', DestinationSecurityGroupId: 'sg-1' }]],
  ['the prefix list of S3', [{ IpProtocol: 'tcp', FromPort: 443, ToPort: 443, DestinationPrefixListId: 'pl-6fa54006' }]],
  ['a prefix list of one network', [{ IpProtocol: '-1', DestinationPrefixListId: { Ref: 'List' } }]],
  ["one supplier's network", [to('52.94.0.0/22')]],
  ['pings', [{ IpProtocol: 'icmp', FromPort: 8, ToPort: -1, CidrIp: '0.0.0.0/0' }]],
])('not: %s', (_, entries) => {
  const more = { Vpc: resource('AWS::EC2::VPC', { CidrBlock: '10.0.0.0/16' }), List: resource('AWS::EC2::PrefixList', { Entries: [{ Cidr: '52.94.0.0/22' }] }) };
  expect(lines(template({ Db: instance(), Group: egress(entries), ...more }), ID)).toEqual([]);
});

test('an entry that is a resource of its own takes the default away as well', () => {
  expect(lines(template({ Db: instance(), Group: egress(undefined), Rule: standalone(to('10.0.0.0/8')) }), ID)).toEqual([]);
  expect(lines(template({ Db: instance(), Group: egress(undefined), Rule: standalone(to('10.0.0.0/8'), 'sg-1') }), ID)).toEqual([BY_DEFAULT]);
});

test('an imported group is judged by what is added to it', () => {
  const resources = { Db: instance({ SecurityGroupIds: ['sg-1'] }) };
  expect(lines(template(resources), ID)).toEqual([]);
  expect(lines(template({ ...resources, Rule: standalone(to('0.0.0.0/0'), 'sg-1') }), ID)).toEqual([expect.stringMatching(/^Rule: .*the internet/)]);
});

test('of tasks too; not of load balancers, nor of anything else', () => {
  expect(lines(template({ Task: task(), Service: service(), Group: egress([]) }), ID)).toEqual([expect.stringMatching(/^Group: ClickHouse \(Service\)/)]);
  const Access = egress([]);
  expect(lines(template({ Db: instance(), Group: group(), ...front({ Scheme: 'internal', SecurityGroups: [{ Ref: 'Access' }] }, { Targets: [{ Id: { Ref: 'Db' } }] }), Access }), ID)).toEqual([]);
  expect(lines(template({ Web: instance({ UserData: undefined }), Group: egress([]) }), ID)).toEqual([]);
});

test('constructs: in order, after a property override, by a raw resource and with tokens', () => {
  expect(judged((stack) => void database(stack))).toEqual([]);
  const found = [`warning: ${ID} on Stack/Access/Resource`];
  expect(judged((stack) => cfn(database(stack).securityGroup).addPropertyDeletionOverride('SecurityGroupEgress'))).toEqual(found);
  expect(judged((stack) => cfn(database(stack).securityGroup).addPropertyOverride('SecurityGroupEgress.0', { CidrIp: '0.0.0.0/0', IpProtocol: '-1', FromPort: 0, ToPort: 0 }))).toEqual(found);
  const raw = judged((stack) => {
    const { securityGroup } = database(stack);
    new CfnResource(stack, 'Raw', { type: 'AWS::EC2::SecurityGroupEgress', properties: { GroupId: securityGroup.securityGroupId, IpProtocol: '-1', CidrIp: '0.0.0.0/0' } });
  });
  expect(raw).toEqual([`warning: ${ID} on Stack/Raw`]);
  const own = judged((stack) => {
    const { vpc, securityGroup } = database(stack);
    securityGroup.addEgressRule(ec2.Peer.ipv4(vpc.vpcCidrBlock), ec2.Port.tcp(443));
  });
  expect(own).toEqual([]);
  const unknown = judged((stack) => database(stack).securityGroup.addEgressRule(ec2.Peer.ipv4(Fn.importValue('network')), ec2.Port.tcp(443)));
  expect(unknown).toEqual(found);
});
