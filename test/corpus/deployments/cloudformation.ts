// What hand-written templates that deploy ClickHouse amount to, reduced to what decides who reaches it.
import { att, balancer, FILE, fromGroup, group, instance, network, publicInterface, ref, resource, service, single, task, tcp } from '../build';
import type { Json, Layer } from '../case';

const RESOURCES = [FILE, 'Resources'];
const id = (logicalId: string): Json => att(logicalId, 'GroupId');
const publicNetwork = (): Json => network({ Public: resource('AWS::EC2::Subnet', { VpcId: ref('Vpc'), CidrBlock: '10.0.0.0/24', MapPublicIpOnLaunch: true }) });

/** Rules for several ports from the addresses of a parameter. */
const fromParameter = (parameter: string, ...ports: readonly number[]): readonly Json[] => ports.map((port) => tcp(port, ref(parameter)));
const ingress = (port: number, from: string): Json =>
  resource('AWS::EC2::SecurityGroupIngress', { GroupId: id('Group'), IpProtocol: 'tcp', FromPort: port, ToPort: port, SourceSecurityGroupId: id(from) });

export const CLOUDFORMATION_DEPLOYMENTS: Layer = {
  layer: 'deployments with templates',
  cases: [
    {
      name: 'deployment 13',
      why: 'a cluster in private subnets behind an internal load balancer, open to the whole network, with a bastion in it',
      templates: single(
        {
          ...publicNetwork(),
          Group: group(...fromParameter('NetworkCidr', 9000, 9009, 8123, 2181, 2888, 3888, 9116, 9100)),
          BastionGroup: group(tcp(22, ref('AccessCidr'))),
          Bastion: instance({ UserData: undefined, ...publicInterface({ GroupSet: [id('BastionGroup')] }) }),
          Db: instance(),
          Second: instance(),
          ...balancer({ Scheme: 'internal', Subnets: [ref('Private')] }, { Targets: [{ Id: ref('Db') }, { Id: ref('Second') }] }, { Port: 8123 }),
        },
        { Parameters: { NetworkCidr: { Type: 'String', Default: '10.0.0.0/16' }, AccessCidr: { Type: 'String' } } },
      ),
      parameters: { AccessCidr: '8.8.4.0/24' },
      verdict: 'private',
      levels: ['program'],
    },
    {
      name: 'deployment 14',
      // "The public IP address can only be assigned to a network interface for eth0, and can only be assigned to a new network interface,
      // not an existing one." https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceNetworkInterfaceSpecification.html
      why: 'interfaces in public subnets whose group admits everybody; made before their instances, they get no public address',
      templates: single({
        ...publicNetwork(),
        Group: group(tcp('9000'), tcp('22')),
        Interface: resource('AWS::EC2::NetworkInterface', { SubnetId: ref('Public'), GroupSet: [id('Group')] }),
        Db: instance({ SubnetId: undefined, SecurityGroupIds: undefined, NetworkInterfaces: [{ DeviceIndex: '0', NetworkInterfaceId: ref('Interface') }] }),
      }),
      verdict: 'private',
      twin: {
        at: [...RESOURCES, 'Address'],
        to: resource('AWS::EC2::EIP', { Domain: 'vpc', InstanceId: ref('Db') }),
        verdict: 'exposed',
        why: 'the instance has an elastic address',
      },
    },
    {
      name: 'deployment 15',
      why: 'an instance with a public address in a subnet that a parameter names, admitting two groups of clients by rules of their own',
      templates: single(
        {
          Vpc: resource('AWS::EC2::VPC', { CidrBlock: '10.0.0.0/16' }),
          ClientGroup: group(),
          ToolGroup: group(),
          Group: group(),
          FromClients: ingress(8123, 'ClientGroup'),
          FromTools: ingress(9000, 'ToolGroup'),
          FromShell: ingress(22, 'ToolGroup'),
          Db: instance(publicInterface({ SubnetId: ref('SubnetId') })),
        },
        { Parameters: { SubnetId: { Type: 'AWS::EC2::Subnet::Id' } } },
      ),
      verdict: 'private',
    },
    {
      name: 'deployment 16',
      why: 'Fargate services in private subnets; the web service and the worker admit everybody, ClickHouse admits them',
      templates: single({
        ...publicNetwork(),
        ClientGroup: group(tcp(3000), tcp(0, '0.0.0.0/0', 65535)),
        Group: group(fromGroup(8123, id('ClientGroup')), fromGroup(9000, id('ClientGroup'))),
        Cluster: resource('AWS::ECS::Cluster'),
        Task: task({}, { Environment: [{ Name: 'CLICKHOUSE_PASSWORD', Value: { 'Fn::Sub': '{{resolve:secretsmanager:${Secret}:SecretString:password}}' } }] }),
        Secret: resource('AWS::SecretsManager::Secret', {
          GenerateSecretString: { SecretStringTemplate: '{"username":"default"}', GenerateStringKey: 'password', PasswordLength: 8 },
        }),
        Service: service(),
        WebTask: task({}, { Name: 'web', Image: 'registry.example.com/web:3', PortMappings: [{ ContainerPort: 3000 }] }),
        Web: service({ TaskDefinition: ref('WebTask') }, { SecurityGroups: [id('ClientGroup')] }),
      }),
      verdict: 'private',
    },
    {
      name: 'deployment 17',
      why: 'instances in a subnet that a parameter names, admitting the group of an API behind a public load balancer',
      templates: single(
        {
          ...publicNetwork(),
          FrontGroup: group(tcp(443)),
          ApiGroup: group(fromGroup(8080, id('FrontGroup'))),
          Group: group(fromGroup(8123, id('ApiGroup'))),
          Db: instance({ SubnetId: ref('SubnetId') }),
          Second: instance({ SubnetId: ref('SubnetId') }),
          Api: instance({ UserData: undefined, SecurityGroupIds: [id('ApiGroup')] }),
          ...balancer(
            { Type: 'application', Scheme: 'internet-facing', SecurityGroups: [id('FrontGroup')] },
            { Port: 8080, Protocol: 'HTTP', Targets: [{ Id: ref('Api') }] },
            {
              Protocol: 'HTTPS',
              SslPolicy: 'ELBSecurityPolicy-TLS13-1-2-2021-06',
              Certificates: [{ CertificateArn: 'arn:aws:acm:eu-west-1:111122223333:certificate/example' }],
            },
          ),
        },
        { Parameters: { SubnetId: { Type: 'AWS::EC2::Subnet::Id' } } },
      ),
      verdict: 'private',
      levels: ['program'],
    },
  ],
};
