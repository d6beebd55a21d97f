import { CfnResource, Fn } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { cfn, database, judged } from './constructs';
import type { Json } from './support';
import { front, group, INSTALLS, instance, lines, resource, tcp, template, verdicts } from './support';

const ID = 'ClickHouse-InternalPortOutsideCluster';
const Vpc = resource('AWS::EC2::VPC', { CidrBlock: '10.0.0.0/16' });
const open = (...entries: Json[]): string[] => lines(template({ Db: instance(), Vpc, Group: group(...entries), App: group() }), ID);
const from = (port: number, source: unknown, to = port): Json => ({ IpProtocol: 'tcp', FromPort: port, ToPort: to, SourceSecurityGroupId: source });
const list = (port: number, id: unknown): Json => ({ IpProtocol: 'tcp', FromPort: port, ToPort: port, SourcePrefixListId: id });

test.each([
  ['interserver', 9009, 'interserver'],
  ['interserver over TLS', 9010, 'interserver over TLS'],
  ['Keeper', 9181, 'Keeper'],
  ['Keeper over TLS', 9281, 'Keeper over TLS'],
  ['ZooKeeper', 2181, 'ZooKeeper'],
  ['ZooKeeper over TLS', 2281, 'ZooKeeper over TLS'],
  ['Raft', 9234, 'Raft'],
  ['Raft over TLS', 9444, 'Raft over TLS'],
  ['ZooKeeper quorum', 2888, 'ZooKeeper quorum'],
  ['ZooKeeper election', 3888, 'ZooKeeper election'],
])('%s', (_, port, name) => {
  expect(open(tcp(port, '10.0.0.0/16'))).toEqual([`Group: port ${port} (${name}) of ClickHouse (Db) open to addresses (10.0.0.0/16), not to the cluster alone`]);
  expect(open(from(port, { Ref: 'Group' }))).toEqual([]);
});

test.each([
  ['the whole VPC', tcp(9009, { 'Fn::GetAtt': ['Vpc', 'CidrBlock'] }), /addresses \(10\.0\.0\.0\/16\)/],
  ['one private address', tcp(9009, '10.0.0.7/32'), /10\.0\.0\.7\/32/],
  ['private IPv6', { IpProtocol: 'tcp', FromPort: 9009, ToPort: 9009, CidrIpv6: 'fd00::/8' }, /fd00::\/8/],
  ['the IPv6 range of the VPC', { IpProtocol: 'tcp', FromPort: 9009, ToPort: 9009, CidrIpv6: { 'Fn::Select': [0, { 'Fn::GetAtt': ['Vpc', 'Ipv6CidrBlocks'] }] } }, /addresses \(Vpc\)/],
  ['a range of ports', tcp(8000, '10.0.0.0/8', 9100), /^Group: ports 9009 \(interserver\) and 9010/],
  ['every port', tcp(0, '10.0.0.0/8', 65535), /all ports, 9009 \(interserver\) and 9181 \(Keeper\) among them,/],
  ['every protocol', { IpProtocol: '-1', CidrIp: '10.0.0.0/8' }, /all ports/],
  ['every protocol, from clients', { IpProtocol: '-1', SourceSecurityGroupId: { Ref: 'App' } }, /all ports.* security group App, which no ClickHouse/],
  ['the group of clients', from(9181, { 'Fn::GetAtt': ['App', 'GroupId'] }), /security group App, which no ClickHouse of these templates has/],
  ['a literal group', from(9181, 'sg-1'), /security group sg-1,/],
  ['a group by its name', { IpProtocol: 'tcp', FromPort: 9181, ToPort: 9181, SourceSecurityGroupName: 'default' }, /security group default,/],
  ['a prefix list of private addresses', list(9181, { Ref: 'List' }), /prefix list List/],
  ['a group that a parameter names', from(9181, { Ref: 'Given' }), /security group that is not known, parameter Given has no default/],
  ['a parameter with a default', tcp(9181, { Ref: 'Usual' }), /addresses \(10\.1\.0\.0\/16\)/],
  ['ports that are decided later', tcp({ Ref: 'Given' }, '10.0.0.0/16'), /^Group: whether ports that only the cluster needs \(Db\) are open to addresses \(10\.0\.0\.0\/16\) cannot be told at synthesis/],
])('open to others: %s', (_, entry, message) => {
  const resources = { Db: instance(), Vpc, Group: group(entry), App: group(), List: resource('AWS::EC2::PrefixList', { Entries: [{ Cidr: '10.0.0.0/8' }] }) };
  expect(lines(template(resources, { Parameters: { Given: { Type: 'String' }, Usual: { Type: 'String', Default: '10.1.0.0/16' } } }), ID)).toEqual([expect.stringMatching(message)]);
});

test.each([
  ['the clients on their ports', from(8123, { Ref: 'App' })],
  ['the VPC on client ports', tcp(9440, '10.0.0.0/16')],
  ['a range between', tcp(9011, '10.0.0.0/16', 9180)],
  ['udp', { IpProtocol: 'udp', FromPort: 9009, ToPort: 9009, CidrIp: '10.0.0.0/16' }],
  ['left out', { 'Fn::If': ['Never', tcp(9009, '10.0.0.0/16'), { Ref: 'AWS::NoValue' }] }],
])('not: %s', (_, entry) => {
  const Conditions = { Never: { 'Fn::Equals': ['a', 'b'] } };
  expect(lines(template({ Db: instance(), Vpc, Group: group(entry), App: group() }, { Conditions }), ID)).toEqual([]);
});

test.each([
  ['public addresses', tcp(9009)],
  ['addresses that are not known', tcp(9009, { 'Fn::ImportValue': 'x' })],
  ['a prefix list of somebody else', list(9009, 'pl-1')],
  ['no source', { IpProtocol: 'tcp', FromPort: 9009, ToPort: 9009 }],
  ['ZooKeeper', tcp(2888)],
])('said once: %s', (_, entry) => {
  const ids = verdicts(template({ Db: instance(), Group: group(entry) })).map((each) => each.ruleId);
  expect(ids.filter((id) => ['ClickHouse-OpenIngress', ID].includes(id))).toEqual(['ClickHouse-OpenIngress']);
});

describe('what belongs to the cluster', () => {
  const keeper = instance({ UserData: { 'Fn::Base64': 'yum install -y clickhouse-keeper-26.8.36.3' }, SecurityGroupIds: [{ Ref: 'Keepers' }] });

  test('servers and Keepers in groups of their own', () => {
    const resources = { Db: instance(), Keeper: keeper, Group: group(from(9009, { Ref: 'Group' }), from(9009, { Ref: 'Keepers' })), Keepers: group(from(9181, { Ref: 'Group' }), from(9234, { Ref: 'Keepers' })) };
    expect(lines(template(resources), ID)).toEqual([]);
    // the same without the Keeper that uses the second group.
    expect(lines(template({ ...resources, Keeper: resource('AWS::SNS::Topic') }), ID)).toEqual([expect.stringMatching(/^Group: port 9009 .*security group Keepers/)]);
  });

  test('in other stacks, by import or by the same parameter', () => {
    const keepers = template({ Keeper: keeper, Keepers: group() }, { Outputs: { Id: { Value: { Ref: 'Keepers' }, Export: { Name: 'keepers' } } } }, 'keepers.json');
    expect(lines([keepers, template({ Db: instance(), Group: group(from(9009, { 'Fn::ImportValue': 'keepers' })) })], ID)).toEqual([]);
    const shared = template({ Db: instance({ SecurityGroupIds: [{ Ref: 'Shared' }, { Ref: 'Group' }] }), Group: group(from(9009, { Ref: 'Shared' })) }, { Parameters: { Shared: { Type: 'AWS::EC2::SecurityGroup::Id' } } });
    expect(lines(shared, ID)).toEqual([]);
  });

  test('the load balancer, which only passes on', () => {
    const resources = { Db: instance(), ...front({ Scheme: 'internal', SecurityGroups: [{ Ref: 'Access' }] }, { Targets: [{ Id: { Ref: 'Db' } }] }), Access: group(tcp(443, '10.0.0.0/8')), Group: group({ IpProtocol: '-1', SourceSecurityGroupId: { Ref: 'Access' } }) };
    expect(lines(template(resources), ID)).toEqual([]);
  });

  test('a load balancer that listens on such a port opens it to whom it admits', () => {
    const resources = { Db: instance({ SecurityGroupIds: ['sg-1'] }), ...front({ Scheme: 'internal', SecurityGroups: [{ Ref: 'Access' }] }, { Targets: [{ Id: { Ref: 'Db' } }] }, { Port: 9181 }), Access: group(tcp(9181, '10.0.0.0/8')) };
    expect(lines(template(resources), ID)).toEqual([expect.stringMatching(/^Access: port 9181 \(Keeper\) of ClickHouse \(Front\) open to addresses/)]);
  });

  test('not what is something else', () => {
    expect(lines(template({ ZooKeeper: instance({ UserData: { 'Fn::Base64': 'yum install -y zookeeper' } }), Group: group(tcp(2181, '10.0.0.0/16')) }), ID)).toEqual([]);
    expect(lines(template({ Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: INSTALLS } }), Other: group(tcp(9009, '10.0.0.0/8')) }), ID)).toEqual([]);
  });
});

test('constructs: in order, after a property override, by a raw resource and with tokens', () => {
  const internal = judged((stack) => {
    const { securityGroup } = database(stack);
    securityGroup.connections.allowInternally(ec2.Port.tcpRange(9009, 9444));
  }, ID);
  expect(internal).toEqual([]);
  const overridden = judged((stack) => {
    const group = cfn(database(stack).securityGroup);
    group.addPropertyOverride('SecurityGroupIngress.0.FromPort', 0);
    group.addPropertyOverride('SecurityGroupIngress.0.ToPort', 65535);
  }, ID);
  expect(overridden).toEqual([`error: ${ID} on Stack/Access/Resource`]);
  const raw = judged((stack) => {
    const { securityGroup } = database(stack);
    new CfnResource(stack, 'Raw', { type: 'AWS::EC2::SecurityGroupIngress', properties: { GroupId: securityGroup.securityGroupId, IpProtocol: 'tcp', FromPort: '9009', ToPort: '9009', CidrIp: '10.0.0.0/16' } });
  }, ID);
  expect(raw).toEqual([`error: ${ID} on Stack/Raw`]);
  const token = judged((stack) => {
    const { vpc, securityGroup } = database(stack);
    securityGroup.addIngressRule(ec2.Peer.ipv4(vpc.vpcCidrBlock), ec2.Port.tcp(9181));
    securityGroup.addIngressRule(ec2.Peer.securityGroupId(Fn.importValue('clients')), ec2.Port.tcp(9010));
  }, ID);
  expect(token).toHaveLength(2);
});
