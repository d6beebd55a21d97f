// The parts that cases are put together from: plain CloudFormation, no CDK.
import type { Case, Json } from './case';

export const FILE = 'main.template.json';

export function resource(Type: string, Properties: Json = {}, more: Json = {}): Json {
  return { Type, Properties, ...more };
}

export const ref = (logicalId: string): Json => ({ Ref: logicalId });
export const att = (logicalId: string, attribute: string): Json => ({ 'Fn::GetAtt': [logicalId, attribute] });

/** One template. */
export function single(Resources: Json, more: Json = {}): Case['templates'] {
  return { [FILE]: { Resources, ...more } };
}

/** A VPC 10.0.0.0/16 with an internet gateway, a public subnet `Public` (10.0.0.0/24) and an isolated one `Private` (10.0.1.0/24). */
export function network(more: Json = {}): Json {
  return {
    Vpc: resource('AWS::EC2::VPC', { CidrBlock: '10.0.0.0/16' }),
    Gateway: resource('AWS::EC2::InternetGateway'),
    Attachment: resource('AWS::EC2::VPCGatewayAttachment', { VpcId: ref('Vpc'), InternetGatewayId: ref('Gateway') }),
    Public: resource('AWS::EC2::Subnet', { VpcId: ref('Vpc'), CidrBlock: '10.0.0.0/24' }),
    PublicTable: resource('AWS::EC2::RouteTable', { VpcId: ref('Vpc') }),
    PublicRoute: resource('AWS::EC2::Route', { RouteTableId: ref('PublicTable'), DestinationCidrBlock: '0.0.0.0/0', GatewayId: ref('Gateway') }, { DependsOn: 'Attachment' }),
    PublicAssociation: resource('AWS::EC2::SubnetRouteTableAssociation', { SubnetId: ref('Public'), RouteTableId: ref('PublicTable') }),
    Private: resource('AWS::EC2::Subnet', { VpcId: ref('Vpc'), CidrBlock: '10.0.1.0/24' }),
    PrivateTable: resource('AWS::EC2::RouteTable', { VpcId: ref('Vpc') }),
    PrivateAssociation: resource('AWS::EC2::SubnetRouteTableAssociation', { SubnetId: ref('Private'), RouteTableId: ref('PrivateTable') }),
    ...more,
  };
}

/** An ingress rule on a TCP port, from addresses by default. */
export function tcp(port: unknown, source: unknown = '0.0.0.0/0', to: unknown = port): Json {
  return { IpProtocol: 'tcp', FromPort: port, ToPort: to, CidrIp: source };
}

/** The same, from another security group. */
export function fromGroup(port: unknown, group: unknown): Json {
  return { IpProtocol: 'tcp', FromPort: port, ToPort: port, SourceSecurityGroupId: group };
}

export function group(...SecurityGroupIngress: readonly unknown[]): Json {
  return resource('AWS::EC2::SecurityGroup', { GroupDescription: 'access', VpcId: ref('Vpc'), SecurityGroupIngress });
}

/** User data that installs a ClickHouse server. */
export const INSTALLS: Json = { 'Fn::Base64': '#!/bin/bash\nyum install -y clickhouse-server\nsystemctl start clickhouse-server\n' };

/** An instance that runs ClickHouse in subnet `Private` behind group `Group`. */
export function instance(properties: Json = {}): Json {
  return resource('AWS::EC2::Instance', {
    ImageId: 'ami-0123456789abcdef0',
    InstanceType: 'm7g.large',
    UserData: INSTALLS,
    SecurityGroupIds: [att('Group', 'GroupId')],
    SubnetId: ref('Private'),
    MetadataOptions: { HttpTokens: 'required' },
    BlockDeviceMappings: [{ DeviceName: '/dev/xvda', Ebs: { Encrypted: true } }],
    ...properties,
  });
}

/** A network interface of a launched instance with a public address in subnet `Public`, behind group `Group`. */
export function publicInterface(properties: Json = {}): Json {
  return { NetworkInterfaces: [{ DeviceIndex: '0', SubnetId: ref('Public'), AssociatePublicIpAddress: true, GroupSet: [att('Group', 'GroupId')], ...properties }], SubnetId: undefined, SecurityGroupIds: undefined };
}

/** A load balancer with one listener that forwards to one target group. The properties of each can be given. */
export function balancer(front: Json = {}, targets: Json = {}, listener: Json = {}): Json {
  return {
    Front: resource('AWS::ElasticLoadBalancingV2::LoadBalancer', { Type: 'network', Subnets: [ref('Public')], ...front }),
    Targets: resource('AWS::ElasticLoadBalancingV2::TargetGroup', { Port: 8123, Protocol: 'TCP', VpcId: ref('Vpc'), TargetType: 'instance', Targets: [{ Id: ref('Db') }], ...targets }),
    Listener: resource('AWS::ElasticLoadBalancingV2::Listener', { LoadBalancerArn: ref('Front'), Port: 443, Protocol: 'TCP', DefaultActions: [{ Type: 'forward', TargetGroupArn: ref('Targets') }], ...listener }),
  };
}

/** An ECS task definition that runs ClickHouse in its own network interface. */
export function task(properties: Json = {}, container: Json = {}): Json {
  return resource('AWS::ECS::TaskDefinition', {
    NetworkMode: 'awsvpc',
    RequiresCompatibilities: ['FARGATE'],
    ContainerDefinitions: [{ Name: 'db', Image: 'clickhouse/clickhouse-server:26.8.36.3', PortMappings: [{ ContainerPort: 8123 }], ...container }],
    ...properties,
  });
}

/** A Fargate service of task `Task` in subnet `Private` behind group `Group`. */
export function service(properties: Json = {}, network: Json = {}): Json {
  return resource('AWS::ECS::Service', {
    Cluster: ref('Cluster'),
    LaunchType: 'FARGATE',
    TaskDefinition: ref('Task'),
    NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [ref('Private')], SecurityGroups: [att('Group', 'GroupId')], AssignPublicIp: 'DISABLED', ...network } },
    ...properties,
  });
}
