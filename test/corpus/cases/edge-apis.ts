// API Gateway in front of a private ClickHouse, through a link into its network.
import { att, balancer, FILE, fromGroup, group, instance, network, ref, resource, service, single, task, tcp } from '../build';
import type { Case, Json, Layer } from '../case';
import { internalAlb } from './edge-parts';

const RESOURCES = [FILE, 'Resources'];

const integration = (uri: unknown, more: Json = {}): Json =>
  resource('AWS::ApiGatewayV2::Integration', {
    ApiId: ref('Api'),
    IntegrationType: 'HTTP_PROXY',
    IntegrationMethod: 'ANY',
    IntegrationUri: uri,
    ConnectionType: 'VPC_LINK',
    ConnectionId: ref('Link'),
    PayloadFormatVersion: '1.0',
    ...more,
  });
const route = (more: Json = {}): Json =>
  resource('AWS::ApiGatewayV2::Route', {
    ApiId: ref('Api'),
    RouteKey: 'ANY /{proxy+}',
    AuthorizationType: 'NONE',
    Target: { 'Fn::Join': ['/', ['integrations', ref('Integration')]] },
    ...more,
  });
/** An HTTP API whose link is in `LinkGroup`. */
const httpApi = (uri: unknown = ref('Listener')): Json => ({
  LinkGroup: group(),
  Link: resource('AWS::ApiGatewayV2::VpcLink', { Name: 'clickhouse', SubnetIds: [ref('Private')], SecurityGroupIds: [att('LinkGroup', 'GroupId')] }),
  Api: resource('AWS::ApiGatewayV2::Api', { Name: 'query', ProtocolType: 'HTTP' }),
  Stage: resource('AWS::ApiGatewayV2::Stage', { ApiId: ref('Api'), StageName: '$default', AutoDeploy: true }),
  Integration: integration(uri),
  Route: route(),
});
const linked = (more: Json = {}): Case['templates'] =>
  single({ ...network(), ...internalAlb(), ...httpApi(), FrontGroup: group(fromGroup(80, att('LinkGroup', 'GroupId'))), ...more });
const AUTHORIZER = resource('AWS::ApiGatewayV2::Authorizer', {
  ApiId: ref('Api'),
  AuthorizerType: 'JWT',
  Name: 'staff',
  IdentitySource: ['$request.header.Authorization'],
  JwtConfiguration: { Audience: ['query'], Issuer: 'https://login.example.com' },
});

const restApi = (method: Json = {}, api: Json = {}): Case['templates'] =>
  single({
    ...network(),
    Group: group(tcp(8123, '10.0.0.0/16')),
    Db: instance(),
    ...balancer({ Scheme: 'internal', Subnets: [ref('Private')] }, {}, { Port: 80 }),
    Link: resource('AWS::ApiGateway::VpcLink', { Name: 'clickhouse', TargetArns: [ref('Front')] }),
    Api: resource('AWS::ApiGateway::RestApi', { Name: 'query', EndpointConfiguration: { Types: ['REGIONAL'] }, ...api }),
    Path: resource('AWS::ApiGateway::Resource', { RestApiId: ref('Api'), ParentId: att('Api', 'RootResourceId'), PathPart: '{proxy+}' }),
    Method: resource('AWS::ApiGateway::Method', {
      RestApiId: ref('Api'),
      ResourceId: ref('Path'),
      HttpMethod: 'ANY',
      AuthorizationType: 'NONE',
      Integration: {
        Type: 'HTTP_PROXY',
        IntegrationHttpMethod: 'ANY',
        ConnectionType: 'VPC_LINK',
        ConnectionId: ref('Link'),
        Uri: 'http://clickhouse.example.internal/',
      },
      ...method,
    }),
    Deployment: resource('AWS::ApiGateway::Deployment', { RestApiId: ref('Api') }, { DependsOn: 'Method' }),
    Stage: resource('AWS::ApiGateway::Stage', { RestApiId: ref('Api'), DeploymentId: ref('Deployment'), StageName: 'live' }),
  });

// https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-private.html
export const EDGE_APIS: Layer = {
  layer: 'APIs at the edge',
  cases: [
    {
      name: 'HTTP API to an internal application load balancer',
      why: 'the route asks for nothing, and the load balancer admits the group of the link',
      templates: linked(),
      verdict: 'exposed',
      twin: {
        at: [...RESOURCES, 'FrontGroup', 'Properties', 'SecurityGroupIngress', 0, 'SourceSecurityGroupId'],
        to: 'sg-0123456789abcdef0',
        verdict: 'private',
        why: 'the load balancer admits another group',
      },
    },
    {
      name: 'HTTP API with a route to ClickHouse',
      why: 'one route leads to the integration',
      templates: linked(),
      verdict: 'exposed',
      twin: { at: [...RESOURCES, 'Route'], verdict: 'private', why: 'no route leads to the integration' },
    },
    {
      name: 'HTTP API with its own name',
      why: 'it answers under the name that every API gets',
      templates: linked({ Api: resource('AWS::ApiGatewayV2::Api', { Name: 'query', ProtocolType: 'HTTP', DisableExecuteApiEndpoint: false }) }),
      verdict: 'exposed',
      twin: {
        at: [...RESOURCES, 'Api', 'Properties', 'DisableExecuteApiEndpoint'],
        to: true,
        verdict: 'private',
        why: 'that name is switched off, and there is no other',
      },
    },
    {
      name: 'HTTP API to an internal network load balancer',
      why: 'the link has addresses of the network, which ClickHouse admits',
      templates: single({
        ...network(),
        ...httpApi(),
        Group: group(tcp(8123, '10.0.0.0/16')),
        Db: instance(),
        ...balancer({ Scheme: 'internal', Subnets: [ref('Private')] }, {}, { Port: 80 }),
      }),
      verdict: 'exposed',
      twin: {
        at: [...RESOURCES, 'Group', 'Properties', 'SecurityGroupIngress', 0, 'CidrIp'],
        to: '10.9.0.0/16',
        verdict: 'private',
        why: 'ClickHouse admits other addresses',
      },
    },
    {
      name: 'HTTP API to a name of Cloud Map',
      why: 'the integration finds the tasks by the service that they register with',
      templates: single({
        ...network(),
        ...httpApi(att('Names', 'Arn')),
        Group: group(fromGroup(8123, att('LinkGroup', 'GroupId'))),
        Namespace: resource('AWS::ServiceDiscovery::PrivateDnsNamespace', { Name: 'example.internal', Vpc: ref('Vpc') }),
        Names: resource('AWS::ServiceDiscovery::Service', {
          Name: 'clickhouse',
          NamespaceId: ref('Namespace'),
          DnsConfig: { DnsRecords: [{ Type: 'SRV', TTL: 10 }] },
        }),
        Cluster: resource('AWS::ECS::Cluster'),
        Task: task(),
        Server: service({ ServiceRegistries: [{ RegistryArn: att('Names', 'Arn'), ContainerName: 'db', ContainerPort: 8123 }] }),
      }),
      verdict: 'exposed',
      twin: {
        at: [...RESOURCES, 'Group', 'Properties', 'SecurityGroupIngress', 0, 'SourceSecurityGroupId'],
        to: 'sg-0123456789abcdef0',
        verdict: 'private',
        why: 'ClickHouse admits another group',
      },
    },
    {
      name: 'HTTP API with a token',
      why: 'the route asks for a token of the own issuer',
      templates: linked({ Authorizer: AUTHORIZER, Route: route({ AuthorizationType: 'JWT', AuthorizerId: ref('Authorizer') }) }),
      verdict: 'private',
      levels: ['login'],
    },
    {
      name: 'HTTP API with a signature',
      why: 'the route asks for a signature of the account',
      templates: linked({ Route: route({ AuthorizationType: 'AWS_IAM' }) }),
      verdict: 'private',
      levels: ['login'],
    },
    {
      name: 'HTTP API without a stage',
      why: 'an API that is not deployed answers nobody',
      templates: linked({
        Stage: resource('AWS::ApiGatewayV2::Stage', { ApiId: ref('Elsewhere'), StageName: '$default' }),
        Elsewhere: resource('AWS::ApiGatewayV2::Api', { Name: 'other', ProtocolType: 'HTTP' }),
      }),
      verdict: 'private',
    },
    {
      name: 'REST API to an internal network load balancer',
      why: 'the method asks for nothing',
      templates: restApi(),
      verdict: 'exposed',
      twin: {
        at: [...RESOURCES, 'Api', 'Properties', 'EndpointConfiguration', 'Types', 0],
        to: 'PRIVATE',
        verdict: 'private',
        why: 'the API is reached from inside networks only',
      },
    },
    {
      name: 'REST API with a key',
      // "Don't use API keys for authentication or authorization to control access to your APIs."
      // https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-api-usage-plans.html
      why: 'a key counts requests and is no login',
      templates: restApi({ ApiKeyRequired: true }),
      verdict: 'exposed',
      twin: {
        at: [...RESOURCES, 'Method', 'Properties', 'AuthorizationType'],
        to: 'AWS_IAM',
        verdict: 'private',
        why: 'the method asks for a signature of the account',
      },
    },
    {
      name: 'REST API with a signature',
      why: 'the method asks for a signature of the account',
      templates: restApi({ AuthorizationType: 'AWS_IAM' }),
      verdict: 'private',
      levels: ['login'],
    },
  ],
};
