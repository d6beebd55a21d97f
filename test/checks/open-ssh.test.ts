import { CfnResource } from 'aws-cdk-lib';
import { cfn, database, judged } from './constructs';
import type { Json } from './support';
import { front, group, INSTALLS, instance, lines, resource, service, task, tcp, template } from './support';

const ID = 'ClickHouse-OpenSsh';
const open = (...entries: Json[]): string[] => lines(template({ Db: instance(), Group: group(...entries) }), ID);

test.each([
  ['SSH', tcp(22), /^Group: port 22 \(SSH\) of the machine of ClickHouse \(Db\) open to the internet \(0\.0\.0\.0\/0\)$/],
  ['Remote Desktop', tcp(3389), /port 3389 \(Remote Desktop\)/],
  ['both', tcp(0, '0.0.0.0/0', 4000), /ports 22 \(SSH\) and 3389 \(Remote Desktop\)/],
  ['everything, whatever ClickHouse-OpenIngress says of it', { IpProtocol: '-1', CidrIp: '0.0.0.0/0' }, /all ports, 22 \(SSH\) among them/],
  ['IPv6', { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, CidrIpv6: '2000::/3' }, /public addresses \(2000::\/3\)/],
  ['a quarter of the internet', tcp(22, '64.0.0.0/2'), /public addresses/],
  ['a parameter with a default', tcp(22, { Ref: 'Office' }), /the internet/],
  ['a parameter without', tcp(22, { Ref: 'Given' }), /address that cannot be told at synthesis: parameter Given has no default/],
  ['an export of somebody else', tcp(22, { 'Fn::ImportValue': 'office' }), /cannot be told at synthesis: export office/],
  ['a prefix list of somebody else', { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, SourcePrefixListId: 'pl-1' }, /cannot be told at synthesis: prefix list pl-1/],
  ['a port that is decided later', tcp({ Ref: 'AWS::StackId' }), /ports that cannot be told/],
])('%s', (_, entry, message) => {
  const Parameters = { Office: { Type: 'String', Default: '0.0.0.0/0' }, Given: { Type: 'String' } };
  expect(lines(template({ Db: instance(), Group: group(entry) }, { Parameters }), ID)).toEqual([expect.stringMatching(message)]);
});

test.each([
  ['a private range', tcp(22, '10.0.0.0/8')],
  ['the VPC', tcp(22, { 'Fn::GetAtt': ['Vpc', 'CidrBlock'] })],
  ['a bastion, by its group', { IpProtocol: 'tcp', FromPort: 22, ToPort: 22, SourceSecurityGroupId: 'sg-1' }],
  ['a port of ClickHouse', tcp(9022)],
  ['udp', { IpProtocol: 'udp', FromPort: 22, ToPort: 22, CidrIp: '0.0.0.0/0' }],
  ['left out', { 'Fn::If': ['Never', tcp(22), { Ref: 'AWS::NoValue' }] }],
])('not: %s', (_, entry) => {
  const Conditions = { Never: { 'Fn::Equals': ['a', 'b'] } };
  expect(lines(template({ Db: instance(), Vpc: resource('AWS::EC2::VPC', { CidrBlock: '10.0.0.0/16' }), Group: group(entry) }, { Conditions }), ID)).toEqual([]);
});

test.each([
  ['a launch template', { Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: INSTALLS, SecurityGroupIds: [{ Ref: 'Group' }] } }) }],
  ['a launch configuration', { Config: resource('AWS::AutoScaling::LaunchConfiguration', { UserData: INSTALLS, SecurityGroups: [{ Ref: 'Group' }] }) }],
  ['an interface', { Db: instance({ SecurityGroupIds: undefined, NetworkInterfaces: [{ NetworkInterfaceId: { Ref: 'Card' } }] }), Card: resource('AWS::EC2::NetworkInterface', { GroupSet: [{ Ref: 'Group' }] }) }],
])('of %s', (_, resources) => {
  expect(lines(template({ ...resources, Group: group(tcp(22)) }), ID)).toHaveLength(1);
});

test.each([
  ['a task, which nobody logs in to', { Task: task(), Service: service(), Group: group(tcp(22)) }],
  ['a load balancer', { Db: instance({ SecurityGroupIds: ['sg-1'] }), ...front({ Scheme: 'internal', SecurityGroups: [{ Ref: 'Group' }] }, { Targets: [{ Id: { Ref: 'Db' } }] }), Group: group(tcp(22)) }],
  ['something else', { Web: instance({ UserData: undefined }), Group: group(tcp(22)) }],
])('not of %s', (_, resources) => {
  expect(lines(template(resources), ID)).toEqual([]);
});

test('two halves of the internet are two findings', () => {
  expect(open(tcp(22, '0.0.0.0/1'), tcp(22, '128.0.0.0/1'))).toHaveLength(2);
});

test('constructs: in order, after a property override, and by a raw resource', () => {
  expect(judged((stack) => void database(stack))).toEqual([]);
  const opened = { FromPort: 22, ToPort: 22, IpProtocol: 'tcp', CidrIp: '0.0.0.0/0' };
  expect(judged((stack) => cfn(database(stack).securityGroup).addPropertyOverride('SecurityGroupIngress.0', opened))).toEqual([`error: ${ID} on Stack/Access/Resource`]);
  const raw = judged((stack) => {
    const { securityGroup } = database(stack);
    new CfnResource(stack, 'Raw', { type: 'AWS::EC2::SecurityGroupIngress', properties: { GroupId: securityGroup.securityGroupId, IpProtocol: '6', FromPort: '22', ToPort: '22', CidrIp: '0.0.0.0/0' } });
  });
  expect(raw).toEqual([`error: ${ID} on Stack/Raw`]);
});
