// Labelled deployments for parts of the analysis that no other case needs: each of these parts, made blind, is noticed here.
import { att, balancer, FILE, fromGroup, group, instance, network, publicInterface, ref, resource, single, tcp } from '../build';
import type { Case, Json, Layer } from '../case';
import { internalAlb, secluded } from './edge-parts';
import { applied, cluster, external, meta, SERVER, service, text } from './kubernetes-parts';
import { application, at, closed, dual, ingress, LAUNCH, launch, machine, open, sixBlock, subnet, zones } from './parts';

const gone = (logicalId: string): readonly string[] => [FILE, 'Resources', logicalId];
const acl = (Egress: boolean, from: number, to: number): Json => resource('AWS::EC2::NetworkAclEntry', { NetworkAclId: ref('Acl'), RuleNumber: 100, Protocol: 6, RuleAction: 'allow', Egress, CidrBlock: '0.0.0.0/0', PortRange: { From: from, To: to } });
const withAcl = (subnetId: string): Json => resource('AWS::EC2::SubnetNetworkAclAssociation', { SubnetId: ref(subnetId), NetworkAclId: ref('Acl') });

const NETWORK: readonly Case[] = [
  {
    name: 'rule of a group that only deployment names',
    why: 'whoever deploys it can name the group of the database',
    templates: single(network({ Group: group(), Db: instance(publicInterface()), Rule: ingress({ GroupId: ref('Named'), CidrIp: '0.0.0.0/0' }) }), { Parameters: { Named: { Type: 'AWS::EC2::SecurityGroup::Id' } } }),
    verdict: 'unknown',
    twin: closed('it is the rule of another group', at('Rule', 'GroupId'), 'sg-0123456789abcdef0'),
  },
  {
    name: 'load balancer whose network ACL takes no answers of targets',
    why: 'what the targets answer comes back into the subnet on a port above 1023, and the ACL takes port 80 only',
    templates: single(
      zones({
        Group: group(fromGroup(8123, att('FrontGroup', 'GroupId'))),
        Db: instance(),
        ...application(),
        Acl: resource('AWS::EC2::NetworkAcl', { VpcId: ref('Vpc') }),
        In: acl(false, 80, 80),
        Out: acl(true, 0, 65535),
        PublicAcl: withAcl('Public'),
        PublicBAcl: withAcl('PublicB'),
      }),
    ),
    verdict: 'private',
    twin: open('it takes all ports', at('In', 'PortRange', 'To'), 65535),
  },
  {
    name: 'route to an appliance behind the gateway',
    why: 'the gateway hands in to the appliance, which may hand on what comes back',
    templates: single(
      network({
        Group: group(tcp(8123)),
        Db: instance(publicInterface()),
        PublicRoute: resource('AWS::EC2::Route', { RouteTableId: ref('PublicTable'), DestinationCidrBlock: '0.0.0.0/0', VpcEndpointId: 'vpce-0123456789abcdef0' }),
        EdgeTable: resource('AWS::EC2::RouteTable', { VpcId: ref('Vpc') }),
        Edge: resource('AWS::EC2::GatewayRouteTableAssociation', { GatewayId: ref('Gateway'), RouteTableId: ref('EdgeTable') }),
      }),
    ),
    verdict: 'unknown',
    twin: closed('the gateway hands in to nothing', gone('Edge')),
  },
  {
    name: 'IPv6 block of a subnet as a resource of its own',
    why: 'the subnet has a block of the internet, and the machine asks for an address of it',
    templates: single(
      dual({
        Public: subnet('10.0.0.0/24'),
        PublicSix: resource('AWS::EC2::SubnetCidrBlock', { SubnetId: ref('Public'), Ipv6CidrBlock: sixBlock(0) }),
        Group: group({ IpProtocol: 'tcp', FromPort: 8123, ToPort: 8123, CidrIpv6: '::/0' }),
        Db: instance({ SubnetId: ref('Public'), Ipv6AddressCount: 1 }),
      }),
    ),
    verdict: 'exposed',
    twin: closed('the subnet has no block', gone('PublicSix')),
  },
  {
    name: 'target by the address of another machine',
    why: 'the address is that of the interface of a web server, so it is not that of ClickHouse',
    templates: single(
      network({
        Group: group(tcp(8123)),
        Db: instance(),
        Card: resource('AWS::EC2::NetworkInterface', { SubnetId: ref('Private'), GroupSet: [att('Group', 'GroupId')], PrivateIpAddress: '10.0.1.20' }),
        Web: machine({ NetworkInterfaces: [{ DeviceIndex: '0', NetworkInterfaceId: ref('Card') }], SubnetId: undefined, SecurityGroupIds: undefined }),
        ...balancer({}, { TargetType: 'ip', Targets: [{ Id: '10.0.1.20' }] }),
      }),
    ),
    verdict: 'private',
    // the web server is reached, and ClickHouse admits it.
    levels: ['program'],
    twin: { at: at('Card', 'PrivateIpAddress'), to: '10.0.1.21', verdict: 'unknown', why: 'nobody is known to have the address' },
  },
];

const fleet = (launched: Json): Json => network({ Group: group(tcp(8123)), ...launch({ NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: true, Groups: [att('Group', 'GroupId')] }] }), ...launched });
const PUBLIC_CONFIGS = [{ LaunchTemplateSpecification: LAUNCH, Overrides: [{ SubnetId: ref('Public') }] }];

const MACHINES: readonly Case[] = [
  {
    name: 'fleet in a public subnet',
    why: 'the fleet starts ClickHouse in a public subnet, with public addresses',
    templates: single(fleet({ Fleet: resource('AWS::EC2::EC2Fleet', { LaunchTemplateConfigs: PUBLIC_CONFIGS, TargetCapacitySpecification: { TotalTargetCapacity: 1 } }) })),
    verdict: 'exposed',
    twin: closed('the subnet is isolated', at('Fleet', 'LaunchTemplateConfigs', 0, 'Overrides', 0, 'SubnetId'), ref('Private')),
  },
  {
    name: 'spot fleet in a public subnet',
    why: 'the fleet starts ClickHouse in a public subnet, with public addresses',
    templates: single(fleet({ Fleet: resource('AWS::EC2::SpotFleet', { SpotFleetRequestConfigData: { IamFleetRole: 'arn:aws:iam::111122223333:role/fleet', TargetCapacity: 1, LaunchTemplateConfigs: PUBLIC_CONFIGS } }) })),
    verdict: 'exposed',
    twin: closed('the subnet is isolated', at('Fleet', 'SpotFleetRequestConfigData', 'LaunchTemplateConfigs', 0, 'Overrides', 0, 'SubnetId'), ref('Private')),
  },
  {
    name: 'user data in base64',
    why: 'the script is a literal as EC2 takes it',
    templates: single(network({ Group: group(tcp(8123)), Db: instance({ ...publicInterface(), UserData: Buffer.from('#!/bin/bash\nyum install -y clickhouse-server\nsystemctl start clickhouse-server\n').toString('base64') }) })),
    verdict: 'exposed',
    twin: closed('only private addresses are admitted', at('Group', 'SecurityGroupIngress', 0, 'CidrIp'), '10.0.0.0/8'),
  },
  {
    name: 'port that the script sets',
    why: 'the script lets ClickHouse listen on port 80, which is open',
    templates: single(network({ Group: group(tcp(80)), Db: instance({ ...publicInterface(), UserData: { 'Fn::Base64': '#!/bin/bash\nyum install -y clickhouse-server\necho "<clickhouse><http_port>80</http_port></clickhouse>" > /etc/clickhouse-server/config.d/port.xml\nsystemctl start clickhouse-server\n' } }) })),
    verdict: 'exposed',
    twin: closed('another port is open', [FILE, 'Resources', 'Group', 'Properties', 'SecurityGroupIngress', 0], tcp(81)),
  },
];

const offered = (enforced: string): Case['templates'] =>
  single({
    ...network(),
    FrontGroup: group(),
    Group: group(tcp(8123, '10.0.0.0/16')),
    Db: instance(),
    ...balancer({ Scheme: 'internal', Subnets: [ref('Private')], SecurityGroups: [att('FrontGroup', 'GroupId')], EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic: enforced }, {}, { Port: 8123 }),
    Service: resource('AWS::EC2::VPCEndpointService', { NetworkLoadBalancerArns: [ref('Front')], AcceptanceRequired: false }),
    Permissions: resource('AWS::EC2::VPCEndpointServicePermissions', { ServiceId: ref('Service'), AllowedPrincipals: ['arn:aws:iam::444455556666:root'] }),
  });

const ACCOUNTS: readonly Case[] = [
  {
    name: 'endpoint service behind a group that admits nobody',
    // https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-security-groups.html
    why: 'the group of the load balancer is asked for what comes through PrivateLink',
    templates: offered('on'),
    verdict: 'private',
    levels: [],
  },
  {
    name: 'endpoint service past the groups of its load balancer',
    why: 'the load balancer says that its group is not asked',
    templates: offered('off'),
    verdict: 'private',
    levels: ['account'],
  },
  {
    name: 'machine offered to accelerators of another account',
    why: 'the other account may put it behind an accelerator of its own',
    templates: single({ ...secluded(), Group: group(tcp(8123)), Db: instance(), Shared: resource('AWS::GlobalAccelerator::CrossAccountAttachment', { Name: 'shared', Principals: ['444455556666'], Resources: [{ EndpointId: ref('Db') }] }) }),
    verdict: 'private',
    levels: ['account'],
  },
];

const httpApi = (uri: unknown, more: Json = {}, target: unknown = { 'Fn::Join': ['/', ['integrations', ref('Integration')]] }): Json => ({
  LinkGroup: group(),
  Link: resource('AWS::ApiGatewayV2::VpcLink', { Name: 'clickhouse', SubnetIds: [ref('Private')], SecurityGroupIds: [att('LinkGroup', 'GroupId')] }),
  Api: resource('AWS::ApiGatewayV2::Api', { Name: 'query', ProtocolType: 'HTTP', ...more }),
  Stage: resource('AWS::ApiGatewayV2::Stage', { ApiId: ref('Api'), StageName: '$default', AutoDeploy: true }),
  Integration: resource('AWS::ApiGatewayV2::Integration', { ApiId: ref('Api'), IntegrationType: 'HTTP_PROXY', IntegrationMethod: 'ANY', IntegrationUri: uri, ConnectionType: 'VPC_LINK', ConnectionId: ref('Link'), PayloadFormatVersion: '1.0' }),
  Route: resource('AWS::ApiGatewayV2::Route', { ApiId: ref('Api'), RouteKey: 'ANY /{proxy+}', AuthorizationType: 'NONE', Target: target }),
});
const linked = (api: Json, more: Json = {}): Case['templates'] => single({ ...network(), ...internalAlb(), ...api, FrontGroup: group(fromGroup(80, att('LinkGroup', 'GroupId'))), ...more }, { Parameters: { Id: { Type: 'String' } } });
const nameless = { DisableExecuteApiEndpoint: true };
const restApi = (api: Json, more: Json): Case['templates'] =>
  single({
    ...network(),
    Group: group(tcp(8123, '10.0.0.0/16')),
    Db: instance(),
    ...balancer({ Scheme: 'internal', Subnets: [ref('Private')] }, {}, { Port: 80 }),
    Link: resource('AWS::ApiGateway::VpcLink', { Name: 'clickhouse', TargetArns: [ref('Front')] }),
    Api: resource('AWS::ApiGateway::RestApi', { Name: 'query', EndpointConfiguration: { Types: ['REGIONAL'] }, ...api }),
    Method: resource('AWS::ApiGateway::Method', { RestApiId: ref('Api'), ResourceId: att('Api', 'RootResourceId'), HttpMethod: 'ANY', AuthorizationType: 'NONE', Integration: { Type: 'HTTP_PROXY', IntegrationHttpMethod: 'ANY', ConnectionType: 'VPC_LINK', ConnectionId: ref('Link'), Uri: 'http://clickhouse.example.internal/' } }),
    ...more,
  });
const query = (overrides: Json): Case['templates'] =>
  single({
    ...secluded(),
    HopGroup: group(),
    Group: group(fromGroup(8123, att('HopGroup', 'GroupId'))),
    Db: instance(),
    Query: resource('AWS::Lambda::Function', { Runtime: 'nodejs22.x', Handler: 'index.handler', Role: 'arn:aws:iam::111122223333:role/query', Code: { ZipFile: 'exports.handler = async () => ({ statusCode: 204 });' }, VpcConfig: { SubnetIds: [ref('Private')], SecurityGroupIds: [att('HopGroup', 'GroupId')] } }),
    Api: resource('AWS::ApiGatewayV2::Api', { Name: 'query', ProtocolType: 'HTTP', Target: att('Query', 'Arn') }),
    May: resource('AWS::Lambda::Permission', { FunctionName: ref('Query'), Action: 'lambda:InvokeFunction', Principal: 'apigateway.amazonaws.com' }),
    ...overrides,
  });

const APIS: readonly Case[] = [
  {
    name: 'HTTP API under a name of its owner',
    why: 'its own name is switched off, and a mapping gives it another',
    templates: linked(httpApi(ref('Listener'), nameless), { Mapping: resource('AWS::ApiGatewayV2::ApiMapping', { ApiId: ref('Api'), DomainName: 'query.example.com', Stage: ref('Stage') }) }),
    verdict: 'exposed',
    twin: closed('it has no other name', gone('Mapping')),
  },
  {
    name: 'HTTP API under a routing rule',
    why: 'its own name is switched off, and a rule of a domain name leads to it',
    templates: linked(httpApi(ref('Listener'), nameless), { Rule: resource('AWS::ApiGatewayV2::RoutingRule', { DomainNameArn: 'arn:aws:apigateway:eu-west-1::/domainnames/query.example.com', Priority: 1, Conditions: [], Actions: [{ InvokeApi: { ApiId: ref('Api'), Stage: '$default' } }] }) }),
    verdict: 'exposed',
    twin: closed('no rule leads to it', gone('Rule')),
  },
  {
    name: 'HTTP API with a route to an integration that only deployment names',
    why: 'it may be the one that leads to ClickHouse',
    templates: linked(httpApi(ref('Listener'), {}, { 'Fn::Join': ['/', ['integrations', ref('Id')]] })),
    verdict: 'unknown',
    twin: closed('the load balancer admits another group', at('FrontGroup', 'SecurityGroupIngress', 0, 'SourceSecurityGroupId'), 'sg-0123456789abcdef0'),
  },
  {
    name: 'HTTP API to a machine registered with Cloud Map',
    why: 'the instance of the name is ClickHouse, which admits the link',
    templates: single({
      ...network(),
      ...httpApi(att('Names', 'Arn')),
      Group: group(fromGroup(8123, att('LinkGroup', 'GroupId'))),
      Db: instance(),
      Namespace: resource('AWS::ServiceDiscovery::PrivateDnsNamespace', { Name: 'example.internal', Vpc: ref('Vpc') }),
      Names: resource('AWS::ServiceDiscovery::Service', { Name: 'clickhouse', NamespaceId: ref('Namespace'), DnsConfig: { DnsRecords: [{ Type: 'SRV', TTL: 10 }] } }),
      Registered: resource('AWS::ServiceDiscovery::Instance', { ServiceId: ref('Names'), InstanceAttributes: { AWS_INSTANCE_IPV4: att('Db', 'PrivateIp'), AWS_INSTANCE_PORT: '8123' } }),
    }),
    verdict: 'exposed',
    twin: closed('it is registered with another port', at('Registered', 'InstanceAttributes', 'AWS_INSTANCE_PORT'), '22'),
  },
  {
    name: 'REST API under a name of its owner',
    why: 'its own name is switched off, and a mapping gives it another',
    templates: restApi(nameless, {
      Stage: resource('AWS::ApiGateway::Stage', { RestApiId: ref('Api'), DeploymentId: 'abc123', StageName: 'live' }),
      Mapping: resource('AWS::ApiGateway::BasePathMapping', { RestApiId: ref('Api'), DomainName: 'query.example.com', Stage: 'live' }),
    }),
    verdict: 'exposed',
    twin: closed('it has no other name', gone('Mapping')),
  },
  {
    name: 'REST API with a stage of its deployment',
    why: 'the deployment makes the stage',
    templates: restApi({}, { Deployment: resource('AWS::ApiGateway::Deployment', { RestApiId: ref('Api'), StageName: 'live' }) }),
    verdict: 'exposed',
    twin: closed('it makes none', at('Deployment', 'StageName')),
  },
  {
    name: 'API of a function that reaches ClickHouse',
    why: 'anybody can call the function',
    templates: query({}),
    verdict: 'private',
    levels: ['program'],
  },
  {
    name: 'API of a function that reaches ClickHouse, with a login',
    why: 'the route that the API makes of its target asks who calls',
    templates: query({ Overrides: resource('AWS::ApiGatewayV2::ApiGatewayManagedOverrides', { ApiId: ref('Api'), Route: { AuthorizationType: 'AWS_IAM' } }) }),
    verdict: 'private',
    levels: [],
  },
];

const INTERNAL = text(SERVER, service(external('internal')));
const quick = (manifest: Json): Json => resource('AWSQS::Kubernetes::Resource', { ClusterName: ref('Cluster'), Namespace: 'analytics', Manifest: JSON.stringify(manifest) });

const KUBERNETES: readonly Case[] = [
  {
    name: 'manifests as resources of the registry',
    why: 'the service has an internet-facing load balancer',
    templates: cluster({ Server: quick(SERVER), Front: quick(service(external('internet-facing'))) }),
    verdict: 'exposed',
    twin: closed('the load balancer is internal', at('Front', 'Manifest'), JSON.stringify(service(external('internal')))),
  },
  {
    name: 'chart as a resource of the registry',
    why: 'its values ask for a load balancer, which is internet-facing without a word',
    templates: cluster({ Chart: resource('AWSQS::Kubernetes::Helm', { ClusterID: ref('Cluster'), Chart: 'bitnami/clickhouse', Name: 'events', Repository: 'https://charts.bitnami.com/bitnami', Values: { 'service.type': 'LoadBalancer' } }) }),
    verdict: 'exposed',
    twin: closed('its values ask for none', at('Chart', 'Values'), { 'service.type': 'ClusterIP' }),
  },
  {
    name: 'patch of a service',
    why: 'the service is internal until the patch asks for an internet-facing load balancer',
    templates: cluster({
      Objects: applied(INTERNAL),
      Change: resource('Custom::AWSCDK-EKS-KubernetesPatch', {
        ServiceToken: 'arn:aws:lambda:eu-west-1:111122223333:function:kubectl',
        ClusterName: ref('Cluster'),
        ResourceName: 'service/clickhouse',
        ResourceNamespace: 'analytics',
        ApplyPatchJson: JSON.stringify({ metadata: meta(external('internet-facing')) }),
        RestorePatchJson: '{}',
        PatchType: 'strategic',
      }),
    }),
    verdict: 'exposed',
    twin: closed('the patch asks for nothing', at('Change', 'ApplyPatchJson'), '{}'),
  },
];

export const SMALL_PARTS: Layer = { layer: 'small parts', cases: [...NETWORK, ...MACHINES, ...ACCOUNTS, ...APIS, ...KUBERNETES] };
