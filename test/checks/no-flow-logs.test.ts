import { CfnResource, Fn } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { database, judged } from './constructs';
import type { Json } from './support';
import { front, group, INSTALLS, instance, lines, resource, service, task, template } from './support';

const ID = 'ClickHouse-NoFlowLogs';
const log = (ResourceType: string, ResourceId: unknown, more: Json = {}): Json => resource('AWS::EC2::FlowLog', { ResourceType, ResourceId, TrafficType: 'ALL', ...more });
const subnet = (VpcId: unknown = { Ref: 'Vpc' }): Json => resource('AWS::EC2::Subnet', { VpcId, CidrBlock: '10.0.0.0/24' });
const network = (more: Json = {}): Json => ({ Vpc: resource('AWS::EC2::VPC', { CidrBlock: '10.0.0.0/16' }), Subnet: subnet(), Group: group(), ...more });
const found = (name: string): string => `Vpc: VPC Vpc, where ClickHouse (${name}) runs, has no flow log`;
const card = (data: Json): Json => resource('AWS::EC2::NetworkInterface', { SubnetId: { Ref: 'Subnet' }, GroupSet: [{ Ref: 'Group' }], ...data });
const byCard = { SubnetId: undefined, SecurityGroupIds: undefined, NetworkInterfaces: [{ NetworkInterfaceId: { Ref: 'Card' } }] };

test.each([
  ['an instance', { Db: instance() }, 'Db'],
  ['an instance with an interface of its own', { Db: instance(byCard), Card: card({}) }, 'Card'],
  ['a launch template', { Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: INSTALLS, NetworkInterfaces: [{ SubnetId: { Ref: 'Subnet' } }] } }) }, 'Template'],
  ['a group', { Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: INSTALLS } }), Nodes: resource('AWS::AutoScaling::AutoScalingGroup', { LaunchTemplate: { LaunchTemplateId: { Ref: 'Template' } }, VPCZoneIdentifier: [{ Ref: 'Subnet' }] }) }, 'Nodes'],
  ['a service', { Task: task(), Service: service() }, 'Service'],
  ['an instance whose subnet is not here, by its group', { Db: instance({ SubnetId: 'subnet-1' }) }, 'Db'],
])('of %s', (_, resources, name) => {
  expect(lines(template({ ...network(), ...resources }), ID)).toEqual([found(name)]);
  expect(lines(template({ ...network({ Log: log('VPC', { Ref: 'Vpc' }) }), ...resources }), ID)).toEqual([]);
  expect(lines(template({ ...network({ Log: log('VPC', { 'Fn::GetAtt': ['Vpc', 'VpcId'] }) }), ...resources }), ID)).toEqual([]);
});

test.each([
  ['another VPC', log('VPC', { Ref: 'Other' })],
  ['another subnet', log('Subnet', { Ref: 'OtherSubnet' })],
  ['a literal VPC', log('VPC', 'vpc-1')],
  ['nothing', log('VPC', undefined)],
])('a flow log of %s does not count', (_, Log) => {
  expect(lines(template({ Db: instance(), ...network({ Log, Other: resource('AWS::EC2::VPC'), OtherSubnet: subnet({ Ref: 'Other' }) }) }), ID)).toEqual([found('Db')]);
});

test('flow logs of every subnet or interface of ClickHouse are enough', () => {
  const two = { Db: instance(), Second: instance({ SubnetId: { Ref: 'Subnet2' } }), ...network({ Subnet2: subnet(), Idle: subnet() }) };
  const first = { Log1: log('Subnet', { Ref: 'Subnet' }) };
  expect(lines(template({ ...two, ...first }), ID)).toEqual([found('Db')]);
  expect(lines(template({ ...two, ...first, Log2: log('Subnet', { Ref: 'Subnet2' }) }), ID)).toEqual([]);
  expect(lines(template({ Db: instance(byCard), Card: card({}), ...network({ Log: log('NetworkInterface', { Ref: 'Card' }) }) }), ID)).toEqual([]);
});

test('a flow log of what was rejected says nothing about who came in', () => {
  const Log = log('VPC', { Ref: 'Vpc' }, { TrafficType: 'REJECT' });
  expect(lines(template({ Db: instance(), ...network({ Log }) }), ID)).toEqual(['Vpc: VPC Vpc, where ClickHouse (Db) runs, has no flow log of what was accepted: Log records what was rejected only']);
});

test.each([
  ['whose VPC is an import', log('VPC', { 'Fn::ImportValue': 'network' }), /cannot be told at synthesis: what Log records is not known, export network/],
  ['whose VPC is a parameter', log('VPC', { Ref: 'Given' }), /parameter Given has no default/],
  ['under a condition that nobody can decide', { ...log('VPC', { Ref: 'Vpc' }), Condition: 'Logged' }, /cannot be told at synthesis: what Log records is not known/],
])('a flow log %s', (_, Log, message) => {
  const more = { Parameters: { Given: { Type: 'String' } }, Conditions: { Logged: { 'Fn::Equals': [{ Ref: 'Given' }, 'yes'] } } };
  expect(lines(template({ Db: instance(), ...network({ Log }) }, more), ID)).toEqual([expect.stringMatching(message)]);
});

test.each([
  ['an imported VPC', { Db: instance({ SubnetId: 'subnet-1' }), Group: resource('AWS::EC2::SecurityGroup', { VpcId: 'vpc-1' }) }],
  ['a VPC without ClickHouse', { Web: instance({ UserData: undefined }), ...network() }],
  ['a VPC with a load balancer only', { Db: instance({ SubnetId: 'subnet-1', SecurityGroupIds: ['sg-1'] }), ...network(), ...front({ Scheme: 'internal', SecurityGroups: [{ Ref: 'Group' }], Subnets: [{ Ref: 'Subnet' }] }, { Targets: [{ Id: { Ref: 'Db' } }] }) }],
])('not: %s', (_, resources) => {
  expect(lines(template(resources), ID)).toEqual([]);
});

test('across stacks', () => {
  const Outputs = { Subnet: { Value: { Ref: 'Subnet' }, Export: { Name: 'subnet' } }, Vpc: { Value: { Ref: 'Vpc' }, Export: { Name: 'vpc' } } };
  const db = template({ Db: instance({ SubnetId: { 'Fn::ImportValue': 'subnet' }, SecurityGroupIds: ['sg-1'] }) }, {}, 'db.json');
  expect(lines([template(network(), { Outputs }, 'network.json'), db], ID)).toEqual([found('Db')]);
  expect(lines([template(network(), { Outputs }, 'network.json'), db, template({ Log: log('VPC', { 'Fn::ImportValue': 'vpc' }) }, {}, 'logs.json')], ID)).toEqual([]);
});

test('constructs: in order, after a property override, by a raw resource and with tokens', () => {
  expect(judged((stack) => void database(stack))).toEqual([]);
  const missing = [`warning: ${ID} on Stack/Vpc/Resource`];
  const override = (id: string) => judged((stack) => {
    for (const each of database(stack).vpc.node.findAll()) if (each instanceof ec2.CfnFlowLog) each.addPropertyOverride('ResourceId', id);
  });
  expect(override('vpc-0123456789abcdef0')).toEqual(missing);
  expect(override(Fn.importValue('network'))).toEqual(missing);
  const raw = (ResourceId: (vpc: ec2.Vpc) => unknown): string[] => judged((stack) => {
    const { vpc } = database(stack);
    for (const each of vpc.node.findAll()) if (each instanceof ec2.CfnFlowLog) each.addPropertyOverride('ResourceId', 'vpc-0123456789abcdef0');
    new CfnResource(stack, 'Raw', { type: 'AWS::EC2::FlowLog', properties: { ResourceType: 'VPC', ResourceId: ResourceId(vpc), TrafficType: 'ALL' } });
  });
  expect(raw((vpc) => vpc.vpcId)).toEqual([]);
  expect(raw((vpc) => vpc.vpcDefaultSecurityGroup)).toEqual(missing);
});
