// What Terraform configurations that deploy ClickHouse would be as CloudFormation, reduced to what decides who reaches it.
import { att, balancer, FILE, fromGroup, group, instance, INSTALLS, network, publicInterface, ref, resource, service, single, task, tcp } from '../build';
import type { Json, Layer } from '../case';

const RESOURCES = [FILE, 'Resources'];
const id = (logicalId: string): Json => att(logicalId, 'GroupId');
const script = (...lines: readonly string[]): Json => ({ 'Fn::Base64': ['#!/bin/bash', ...lines, ''].join('\n') });
const publicNetwork = (more: Json = {}): Json =>
  network({ Public: resource('AWS::EC2::Subnet', { VpcId: ref('Vpc'), CidrBlock: '10.0.0.0/24', MapPublicIpOnLaunch: true }), ...more });
/** Rules that admit everybody on several ports. */
const open = (...ports: readonly number[]): Json => group(...ports.map((port) => tcp(port)));

export const TERRAFORM_DEPLOYMENTS: Layer = {
  layer: 'deployments with Terraform',
  cases: [
    {
      name: 'deployment 18',
      why: 'an instance from a prepared image, its ports and SSH open to everybody, with a public address',
      templates: single({
        ...network(),
        Group: open(22, 8123, 9000, 9009),
        Db: instance({ UserData: script('systemctl enable --now clickhouse-server'), ...publicInterface() }),
      }),
      verdict: 'exposed',
      twin: {
        at: [...RESOURCES, 'Db', 'Properties', 'NetworkInterfaces', 0, 'AssociatePublicIpAddress'],
        to: false,
        verdict: 'private',
        why: 'the instance has no public address',
      },
    },
    {
      name: 'deployment 19',
      why: 'an instance in a subnet that gives out public addresses, with rules that say that they are for the internet',
      templates: single({
        ...publicNetwork(),
        Group: open(8123, 9000, 22),
        Db: instance({
          SubnetId: ref('Public'),
          UserData: script(
            'apt-get install -y clickhouse-server clickhouse-client',
            "sed -i 's|<!-- <listen_host>::</listen_host> -->|<listen_host>::</listen_host>|' /etc/clickhouse-server/config.xml",
            'service clickhouse-server start',
          ),
        }),
      }),
      verdict: 'exposed',
      twin: {
        at: [...RESOURCES, 'PublicRoute', 'Properties', 'DestinationCidrBlock'],
        to: '10.8.0.0/16',
        verdict: 'private',
        why: 'the internet gateway has no route for public addresses',
      },
    },
    {
      name: 'deployment 20',
      why: 'an instance in a network like the default one, opened for a while',
      templates: single({
        ...publicNetwork(),
        Group: open(8123, 9000),
        Db: instance({ SubnetId: ref('Public'), UserData: script('curl https://clickhouse.com/ | sh', './clickhouse install', 'clickhouse start') }),
      }),
      verdict: 'exposed',
      twin: { at: [...RESOURCES, 'Db', 'Properties', 'SubnetId'], to: ref('Private'), verdict: 'private', why: 'the instance is in a private subnet' },
    },
    {
      name: 'deployment 21',
      why: 'a cluster with Keeper behind a network load balancer whose group admits everybody whatever the allowed ranges are; it is internal',
      templates: single({
        ...publicNetwork(),
        FrontGroup: open(8123, 9000),
        Group: group(fromGroup(8123, id('FrontGroup')), fromGroup(9000, id('FrontGroup'))),
        KeeperGroup: group(fromGroup(9181, id('Group'))),
        Db: instance(),
        Second: instance(),
        Keeper: instance({ UserData: script('yum install -y clickhouse-keeper'), SecurityGroupIds: [id('KeeperGroup')] }),
        ...balancer({ Scheme: 'internal', SecurityGroups: [id('FrontGroup')] }, { Targets: [{ Id: ref('Db') }, { Id: ref('Second') }] }, { Port: 8123 }),
      }),
      verdict: 'private',
      twin: { at: [...RESOURCES, 'Front', 'Properties', 'Scheme'], to: 'internet-facing', verdict: 'exposed', why: 'the load balancer is for the internet' },
    },
    {
      name: 'deployment 24',
      why: 'a Fargate service with a file system that admits the group of other tasks, its password in the clear',
      templates: single({
        ...network(),
        TaskGroup: group(),
        FileGroup: group(fromGroup(2049, id('Group'))),
        Group: group(fromGroup(8123, id('TaskGroup'))),
        Cluster: resource('AWS::ECS::Cluster'),
        Files: resource('AWS::EFS::FileSystem', { Encrypted: true }),
        Mount: resource('AWS::EFS::MountTarget', { FileSystemId: ref('Files'), SubnetId: ref('Private'), SecurityGroups: [id('FileGroup')] }),
        Task: task(
          { Volumes: [{ Name: 'data', EFSVolumeConfiguration: { FilesystemId: ref('Files'), TransitEncryption: 'ENABLED' } }] },
          { MountPoints: [{ SourceVolume: 'data', ContainerPath: '/var/lib/clickhouse' }], Environment: [{ Name: 'CLICKHOUSE_PASSWORD', Value: 'example' }] },
        ),
        Service: service(),
      }),
      verdict: 'private',
    },
    {
      name: 'deployment 25',
      why: 'ECS on an instance in a private subnet, the ports on the host, behind a shared group that a parameter names',
      templates: single(
        {
          ...network(),
          Cluster: resource('AWS::ECS::Cluster'),
          Host: instance({
            UserData: { 'Fn::Base64': { 'Fn::Sub': '#!/bin/bash\necho ECS_CLUSTER=${Cluster} >> /etc/ecs/ecs.config\n' } },
            SecurityGroupIds: [ref('SharedGroup')],
          }),
          Task: task(
            { NetworkMode: 'bridge', RequiresCompatibilities: ['EC2'] },
            {
              PortMappings: [
                { ContainerPort: 8123, HostPort: 8123 },
                { ContainerPort: 9000, HostPort: 9000 },
              ],
            },
          ),
          Service: service({ LaunchType: 'EC2', NetworkConfiguration: undefined }),
        },
        { Parameters: { SharedGroup: { Type: 'AWS::EC2::SecurityGroup::Id' } } },
      ),
      verdict: 'private',
    },
    {
      name: 'deployment 26',
      why: 'a private instance behind a public load balancer that asks for a login',
      templates: single({
        ...publicNetwork(),
        FrontGroup: open(443),
        Group: group(fromGroup(8123, id('FrontGroup'))),
        Db: instance(),
        Users: resource('AWS::Cognito::UserPool', { AdminCreateUserConfig: { AllowAdminCreateUserOnly: true } }),
        Client: resource('AWS::Cognito::UserPoolClient', { UserPoolId: ref('Users'), GenerateSecret: true }),
        Domain: resource('AWS::Cognito::UserPoolDomain', { UserPoolId: ref('Users'), Domain: 'analytics-example' }),
        ...balancer(
          { Type: 'application', Scheme: 'internet-facing', SecurityGroups: [id('FrontGroup')] },
          { Protocol: 'HTTP' },
          {
            Protocol: 'HTTPS',
            Certificates: [{ CertificateArn: 'arn:aws:acm:eu-west-1:111122223333:certificate/example' }],
            DefaultActions: [
              {
                Type: 'authenticate-cognito',
                Order: 1,
                AuthenticateCognitoConfig: { UserPoolArn: att('Users', 'Arn'), UserPoolClientId: ref('Client'), UserPoolDomain: ref('Domain') },
              },
              { Type: 'forward', Order: 2, TargetGroupArn: ref('Targets') },
            ],
          },
        ),
      }),
      verdict: 'private',
      levels: ['login'],
      twin: { at: [...RESOURCES, 'Listener', 'Properties', 'DefaultActions', 0], verdict: 'exposed', why: 'the load balancer forwards without a login' },
    },
    {
      name: 'deployment 28',
      why: 'an instance with a public address and only SSH open to everybody',
      templates: single({ ...publicNetwork(), Group: open(22), Db: instance({ SubnetId: ref('Public'), UserData: INSTALLS }) }),
      verdict: 'private',
      twin: {
        at: [...RESOURCES, 'Group', 'Properties', 'SecurityGroupIngress', 0],
        to: tcp(0, '0.0.0.0/0', 65535),
        verdict: 'exposed',
        why: 'every port is open to everybody',
      },
    },
    {
      name: 'deployment 29',
      why: 'an instance with a public address and every port open to one public address, where the team sits',
      templates: single({ ...network(), Group: group(tcp(0, '8.8.4.4/32', 65535)), Db: instance(publicInterface()) }),
      verdict: 'exposed',
      twin: {
        at: [...RESOURCES, 'Group', 'Properties', 'SecurityGroupIngress', 0, 'CidrIp'],
        to: '10.20.30.40/32',
        verdict: 'private',
        why: 'the one address is private',
      },
    },
    {
      name: 'deployment 30',
      why: 'a module that opens the ports of ClickHouse and SSH of a public instance to everybody, by rules of their own',
      templates: single({
        ...publicNetwork(),
        Group: group(),
        Db: instance({ SubnetId: ref('Public') }),
        Query: resource('AWS::EC2::SecurityGroupIngress', { GroupId: id('Group'), ...tcp(8123) }),
        Shell: resource('AWS::EC2::SecurityGroupIngress', { GroupId: id('Group'), ...tcp(22) }),
      }),
      verdict: 'exposed',
      twin: { at: [...RESOURCES, 'Query', 'Properties', 'FromPort'], to: 8124, verdict: 'private', why: 'ClickHouse listens on none of the ports' },
    },
  ],
};
