// What CDK apps that deploy ClickHouse amount to, reduced to what decides who reaches it.
import { att, balancer, FILE, fromGroup, group, instance, INSTALLS, network, publicInterface, ref, resource, service, single, task, tcp } from '../build';
import type { Json, Layer } from '../case';

const RESOURCES = [FILE, 'Resources'];
const id = (logicalId: string): Json => att(logicalId, 'GroupId');
const script = (...lines: readonly string[]): Json => ({ 'Fn::Base64': ['#!/bin/bash', ...lines, ''].join('\n') });

/** A network whose public subnet gives out public addresses, as the CDK makes them. */
const publicNetwork = (): Json => network({ Public: resource('AWS::EC2::Subnet', { VpcId: ref('Vpc'), CidrBlock: '10.0.0.0/24', MapPublicIpOnLaunch: true }) });
/** The same with a NAT gateway for the private subnet. */
const natNetwork = (): Json => ({
  ...publicNetwork(),
  NatAddress: resource('AWS::EC2::EIP', { Domain: 'vpc' }),
  Nat: resource('AWS::EC2::NatGateway', { SubnetId: ref('Public'), AllocationId: att('NatAddress', 'AllocationId') }),
  PrivateRoute: resource('AWS::EC2::Route', { RouteTableId: ref('PrivateTable'), DestinationCidrBlock: '0.0.0.0/0', NatGatewayId: ref('Nat') }),
});
const CLUSTER = resource('AWS::ECS::Cluster');
const SECRET = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:clickhouse';
const WEB = task({}, { Name: 'web', Image: 'registry.example.com/web:3', PortMappings: [{ ContainerPort: 3000 }] });
const APPLICATION = 'registry.example.com/app:7';

export const CDK_DEPLOYMENTS: Layer = {
  layer: 'deployments with the CDK',
  cases: [
    {
      name: 'deployment 01',
      why: 'an instance in a public subnet, every port of ClickHouse and SSH open to everybody, no NAT gateway',
      templates: single({
        ...publicNetwork(),
        Group: group(...[22, 8123, 8443, 9000, 9440, 9009].map((port) => tcp(port))),
        Db: instance({
          SubnetId: ref('Public'),
          UserData: script('DEBIAN_FRONTEND=noninteractive apt-get install -y clickhouse-server', 'systemctl start clickhouse-server'),
        }),
      }),
      verdict: 'exposed',
      twin: {
        at: [...RESOURCES, 'Public', 'Properties', 'MapPublicIpOnLaunch'],
        to: false,
        verdict: 'private',
        why: 'the subnet gives out no public addresses',
      },
    },
    {
      name: 'deployment 02',
      why: 'a small instance that runs the database and the application as containers, everything open to everybody',
      templates: single({
        ...publicNetwork(),
        Group: group(...[22, 80, 443, 3000, 8123, 9000].map((port) => tcp(port))),
        Db: instance({
          SubnetId: ref('Public'),
          UserData: script(
            'yum install -y docker',
            'systemctl start docker',
            'docker run -d --name clickhouse -p 9000:9000 -p 8123:8123 registry.example.com/storage:latest',
            'docker run -d -p 80:3000 registry.example.com/backend:latest',
          ),
        }),
      }),
      verdict: 'exposed',
      twin: {
        at: [...RESOURCES, 'PublicAssociation', 'Properties', 'RouteTableId'],
        to: ref('PrivateTable'),
        verdict: 'private',
        why: 'the subnet has no route to the internet gateway',
      },
    },
    {
      name: 'deployment 03',
      why: 'a group of spot instances in private subnets behind a public load balancer; the group of ClickHouse shows the network only',
      templates: single({
        ...natNetwork(),
        FrontGroup: group(tcp(80)),
        Group: group(tcp(8123, att('Vpc', 'CidrBlock')), tcp(9000, att('Vpc', 'CidrBlock')), tcp(22)),
        Template: resource('AWS::EC2::LaunchTemplate', {
          LaunchTemplateData: { ImageId: 'ami-0123456789abcdef0', InstanceType: 'r7g.large', UserData: INSTALLS, SecurityGroupIds: [id('Group')] },
        }),
        Servers: resource('AWS::AutoScaling::AutoScalingGroup', {
          MinSize: '1',
          MaxSize: '1',
          VPCZoneIdentifier: [ref('Private')],
          TargetGroupARNs: [ref('Targets')],
          MixedInstancesPolicy: {
            InstancesDistribution: { OnDemandPercentageAboveBaseCapacity: 0 },
            LaunchTemplate: { LaunchTemplateSpecification: { LaunchTemplateId: ref('Template'), Version: att('Template', 'LatestVersionNumber') } },
          },
        }),
        ...balancer(
          { Type: 'application', Scheme: 'internet-facing', SecurityGroups: [id('FrontGroup')] },
          { Protocol: 'HTTP', Targets: undefined },
          { Port: 80, Protocol: 'HTTP' },
        ),
      }),
      verdict: 'exposed',
      twin: { at: [...RESOURCES, 'Front', 'Properties', 'Scheme'], to: 'internal', verdict: 'private', why: 'the load balancer is internal' },
    },
    {
      name: 'deployment 04',
      why: 'a Fargate service in private subnets behind a public load balancer without a certificate',
      templates: single({
        ...natNetwork(),
        FrontGroup: group(tcp(80), tcp(443)),
        Group: group(tcp(8123)),
        Cluster: CLUSTER,
        Task: task(),
        Service: service({ LoadBalancers: [{ ContainerName: 'db', ContainerPort: 8123, TargetGroupArn: ref('Targets') }] }),
        ...balancer(
          { Type: 'application', Scheme: 'internet-facing', SecurityGroups: [id('FrontGroup')] },
          { Protocol: 'HTTP', TargetType: 'ip', Targets: undefined },
          { Port: 80, Protocol: 'HTTP' },
        ),
      }),
      verdict: 'exposed',
      twin: { at: [...RESOURCES, 'Front', 'Properties', 'Scheme'], to: 'internal', verdict: 'private', why: 'the load balancer is internal' },
    },
    {
      name: 'deployment 05',
      why: 'a Fargate service in private subnets with a pair of groups for clients and nodes, many ports between them',
      templates: single({
        ...natNetwork(),
        ClientGroup: group(),
        Group: group(...[8123, 8443, 9000, 9004, 9005, 9363, 9440].map((port) => fromGroup(port, id('ClientGroup')))),
        Cluster: CLUSTER,
        Task: task(
          {},
          {
            PortMappings: [8123, 8443, 9000, 9004, 9005, 9363, 9440].map((ContainerPort) => ({ ContainerPort })),
            Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: SECRET }],
          },
        ),
        Service: service(),
        Worker: task({}, { Name: 'worker', Image: APPLICATION, PortMappings: [] }),
        Workers: service({ TaskDefinition: ref('Worker') }, { SecurityGroups: [id('ClientGroup')] }),
      }),
      verdict: 'private',
    },
    {
      name: 'deployment 06',
      why: 'a Fargate service in private subnets that admits the web service, which is behind a public load balancer',
      templates: single({
        ...natNetwork(),
        FrontGroup: group(tcp(443)),
        WebGroup: group(fromGroup(3000, id('FrontGroup'))),
        Group: group(fromGroup(8123, id('WebGroup')), fromGroup(9000, id('WebGroup'))),
        Cluster: CLUSTER,
        Task: task({ RuntimePlatform: { CpuArchitecture: 'ARM64' } }, { Image: 'clickhouse/clickhouse-server:latest' }),
        Service: service({ EnableExecuteCommand: true }),
        WebTask: WEB,
        Web: service(
          { TaskDefinition: ref('WebTask'), LoadBalancers: [{ ContainerName: 'web', ContainerPort: 3000, TargetGroupArn: ref('Targets') }] },
          { SecurityGroups: [id('WebGroup')] },
        ),
        ...balancer(
          { Type: 'application', Scheme: 'internet-facing', SecurityGroups: [id('FrontGroup')] },
          { Port: 3000, Protocol: 'HTTP', TargetType: 'ip', Targets: undefined },
          { Protocol: 'HTTPS', Certificates: [{ CertificateArn: 'arn:aws:acm:eu-west-1:111122223333:certificate/example' }] },
        ),
      }),
      verdict: 'private',
      levels: ['program'],
    },
    {
      name: 'deployment 07',
      why: 'an instance with a public address in a network of public subnets; its group, which admits the group of the server, is the only boundary',
      templates: single({ ...publicNetwork(), ServerGroup: group(), Group: group(fromGroup(8123, id('ServerGroup'))), Db: instance(publicInterface()) }),
      verdict: 'private',
      twin: { at: [...RESOURCES, 'Group', 'Properties', 'SecurityGroupIngress', 0], to: tcp(8123), verdict: 'exposed', why: 'the boundary is open' },
    },
    {
      name: 'deployment 08',
      why: 'ECS on instances in a private subnet, with an interface for each task, admitting two groups',
      templates: single({
        ...natNetwork(),
        CollectorGroup: group(),
        DashboardGroup: group(),
        HostGroup: group(),
        Group: group(...[id('CollectorGroup'), id('DashboardGroup')].flatMap((each) => [fromGroup(8123, each), fromGroup(9000, each)])),
        Cluster: CLUSTER,
        Template: resource('AWS::EC2::LaunchTemplate', {
          LaunchTemplateData: {
            ImageId: 'ami-0123456789abcdef0',
            InstanceType: 't4g.medium',
            SecurityGroupIds: [id('HostGroup')],
            UserData: { 'Fn::Base64': { 'Fn::Sub': '#!/bin/bash\necho ECS_CLUSTER=${Cluster} >> /etc/ecs/ecs.config\n' } },
          },
        }),
        Hosts: resource('AWS::AutoScaling::AutoScalingGroup', {
          MinSize: '1',
          MaxSize: '1',
          VPCZoneIdentifier: [ref('Private')],
          LaunchTemplate: { LaunchTemplateId: ref('Template'), Version: att('Template', 'LatestVersionNumber') },
        }),
        Capacity: resource('AWS::ECS::CapacityProvider', { AutoScalingGroupProvider: { AutoScalingGroupArn: ref('Hosts') } }),
        Task: task(
          { RequiresCompatibilities: ['EC2'] },
          {
            Environment: [
              { Name: 'CLICKHOUSE_USER', Value: 'default' },
              { Name: 'CLICKHOUSE_PASSWORD', Value: '' },
              { Name: 'CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT', Value: '1' },
            ],
          },
        ),
        Service: service(
          { LaunchType: undefined, CapacityProviderStrategy: [{ CapacityProvider: ref('Capacity'), Weight: 1 }] },
          { AssignPublicIp: undefined },
        ),
      }),
      verdict: 'private',
    },
    {
      name: 'deployment 09',
      why: 'a Fargate service in private subnets found through Cloud Map, its password in the clear',
      templates: single({
        ...natNetwork(),
        ClientGroup: group(),
        Group: group(fromGroup(8123, id('ClientGroup'))),
        Cluster: CLUSTER,
        Namespace: resource('AWS::ServiceDiscovery::PrivateDnsNamespace', { Name: 'example.internal', Vpc: ref('Vpc') }),
        Names: resource('AWS::ServiceDiscovery::Service', {
          Name: 'clickhouse',
          NamespaceId: ref('Namespace'),
          DnsConfig: { DnsRecords: [{ Type: 'A', TTL: 10 }] },
        }),
        Task: task(
          { EphemeralStorage: { SizeInGiB: 30 } },
          {
            Environment: [
              { Name: 'CLICKHOUSE_PASSWORD', Value: 'example' },
              { Name: 'CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT', Value: '1' },
            ],
          },
        ),
        Service: service({ ServiceRegistries: [{ RegistryArn: att('Names', 'Arn') }] }),
      }),
      verdict: 'private',
    },
    {
      name: 'deployment 10',
      why: 'an instance with a public address that admits the group of a function, which nothing on the internet calls',
      templates: single({
        ...publicNetwork(),
        FunctionGroup: group(),
        Group: group(fromGroup(8123, id('FunctionGroup'))),
        Db: instance({ SubnetId: ref('Public') }),
        Function: resource('AWS::Lambda::Function', {
          Runtime: 'python3.13',
          Handler: 'index.handler',
          Role: 'arn:aws:iam::111122223333:role/ingest',
          Code: { ZipFile: 'def handler(event, context): pass' },
          VpcConfig: { SubnetIds: [ref('Public')], SecurityGroupIds: [id('FunctionGroup')] },
        }),
      }),
      verdict: 'private',
    },
    {
      name: 'deployment 11',
      why: 'two instances with public addresses; the one with the databases admits the one with the application, which admits everybody',
      templates: single({
        ...publicNetwork(),
        WebGroup: group(tcp(80), tcp(3000)),
        Group: group(...[5432, 6379, 8123, 9000].map((port) => fromGroup(port, id('WebGroup')))),
        Web: instance({ UserData: script('docker run -d -p 3000:3000 registry.example.com/web:3'), ...publicInterface({ GroupSet: [id('WebGroup')] }) }),
        Db: instance({
          UserData: script('docker run -d -p 8123:8123 -p 9000:9000 -e CLICKHOUSE_PASSWORD=example clickhouse/clickhouse-server'),
          ...publicInterface(),
        }),
      }),
      verdict: 'private',
      levels: ['program'],
    },
    {
      name: 'deployment 12',
      why: 'an instance in a public subnet whose group another stack exports that is not among the templates',
      templates: single({ ...publicNetwork(), Db: instance({ SubnetId: ref('Public'), SecurityGroupIds: [{ 'Fn::ImportValue': 'network-DatabaseGroup' }] }) }),
      verdict: 'unknown',
    },
  ],
};
