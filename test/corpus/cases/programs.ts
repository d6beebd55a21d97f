// Ways in through a program that the internet reaches and that ClickHouse admits: functions, bastions, web services.
import { att, balancer, fromGroup, group, instance, network, publicInterface, ref, resource, service, single, task, tcp } from '../build';
import type { Case, Json, Layer } from '../case';

/** A private ClickHouse that admits group `HopGroup`, and what is in that group. */
const hop = (more: Json): Case['templates'] =>
  single({ ...network(), HopGroup: group(), Group: group(fromGroup(8123, att('HopGroup', 'GroupId'))), Db: instance(), ...more });

const lambda = (properties: Json = {}): Json =>
  resource('AWS::Lambda::Function', {
    Runtime: 'nodejs22.x',
    Handler: 'index.handler',
    Role: 'arn:aws:iam::111122223333:role/query',
    Code: { ZipFile: 'exports.handler = async () => ({ statusCode: 204 });' },
    VpcConfig: { SubnetIds: [ref('Private')], SecurityGroupIds: [att('HopGroup', 'GroupId')] },
    ...properties,
  });
const permission = (Principal: string, more: Json = {}): Json =>
  resource('AWS::Lambda::Permission', { FunctionName: ref('Query'), Action: 'lambda:InvokeFunction', Principal, ...more });
const url = (AuthType: string): Json => ({ Url: resource('AWS::Lambda::Url', { TargetFunctionArn: att('Query', 'Arn'), AuthType }) });
// a URL without authentication answers nobody until both are granted to everybody: https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
const PUBLIC_URL: Json = {
  ...url('NONE'),
  MayCallUrl: permission('*', { Action: 'lambda:InvokeFunctionUrl', FunctionUrlAuthType: 'NONE' }),
  MayInvoke: permission('*', { InvokedViaFunctionUrl: true }),
};
const HTTP_API: Json = {
  Api: resource('AWS::ApiGatewayV2::Api', { Name: 'query', ProtocolType: 'HTTP' }),
  Stage: resource('AWS::ApiGatewayV2::Stage', { ApiId: ref('Api'), StageName: '$default', AutoDeploy: true }),
  Integration: resource('AWS::ApiGatewayV2::Integration', {
    ApiId: ref('Api'),
    IntegrationType: 'AWS_PROXY',
    IntegrationUri: att('Query', 'Arn'),
    PayloadFormatVersion: '2.0',
  }),
  Route: resource('AWS::ApiGatewayV2::Route', {
    ApiId: ref('Api'),
    RouteKey: '$default',
    AuthorizationType: 'NONE',
    Target: { 'Fn::Join': ['/', ['integrations', ref('Integration')]] },
  }),
};
const INVOCATION = { 'Fn::Sub': 'arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Query.Arn}/invocations' };
const REST_API: Json = {
  Api: resource('AWS::ApiGateway::RestApi', { Name: 'query' }),
  Path: resource('AWS::ApiGateway::Resource', { RestApiId: ref('Api'), ParentId: att('Api', 'RootResourceId'), PathPart: '{proxy+}' }),
  Method: resource('AWS::ApiGateway::Method', {
    RestApiId: ref('Api'),
    ResourceId: ref('Path'),
    HttpMethod: 'ANY',
    AuthorizationType: 'NONE',
    Integration: { Type: 'AWS_PROXY', IntegrationHttpMethod: 'POST', Uri: INVOCATION },
  }),
  Deployment: resource('AWS::ApiGateway::Deployment', { RestApiId: ref('Api') }, { DependsOn: 'Method' }),
  Stage: resource('AWS::ApiGateway::Stage', { RestApiId: ref('Api'), DeploymentId: ref('Deployment'), StageName: 'live' }),
};
/** A public application load balancer whose target group is given. */
const front = (targets: Json): Json => ({
  FrontGroup: group(tcp(80)),
  ...balancer(
    { Type: 'application', Scheme: 'internet-facing', SecurityGroups: [att('FrontGroup', 'GroupId')] },
    { Protocol: 'HTTP', ...targets },
    { Port: 80, Protocol: 'HTTP' },
  ),
});

const FUNCTIONS: readonly Case[] = [
  {
    name: 'function with a public URL',
    why: 'anybody calls the function, and ClickHouse admits its group',
    templates: hop({ Query: lambda(), ...PUBLIC_URL }),
    verdict: 'private',
    levels: ['program'],
  },
  {
    name: 'function whose URL asks for a signature',
    why: 'only principals of the account can call it',
    templates: hop({ Query: lambda(), ...url('AWS_IAM') }),
    verdict: 'private',
  },
  {
    name: 'function with a public URL that ClickHouse does not admit',
    why: 'the group of the function is another one',
    templates: hop({ Query: lambda(), ...PUBLIC_URL, Group: group(fromGroup(8123, 'sg-0123456789abcdef0')) }),
    verdict: 'private',
  },
  {
    name: 'function with a public URL outside the network',
    why: 'the function has no interface in the network',
    templates: hop({ Query: lambda({ VpcConfig: undefined }), ...PUBLIC_URL }),
    verdict: 'private',
  },
  { name: 'function that nothing calls', why: 'it is in an admitted group and has no front', templates: hop({ Query: lambda() }), verdict: 'private' },
  {
    name: 'function behind a public load balancer',
    why: 'the load balancer calls the function for anybody',
    templates: hop({
      Query: lambda(),
      ...front({ Port: undefined, Protocol: undefined, VpcId: undefined, TargetType: 'lambda', Targets: [{ Id: att('Query', 'Arn') }] }),
      MayBalance: permission('elasticloadbalancing.amazonaws.com'),
    }),
    verdict: 'private',
    levels: ['program'],
  },
  {
    name: 'function behind an HTTP API',
    why: 'the route of the API asks for nothing',
    templates: hop({ Query: lambda(), ...HTTP_API, MayProxy: permission('apigateway.amazonaws.com') }),
    verdict: 'private',
    levels: ['program'],
  },
  {
    name: 'function behind an HTTP API of one line',
    why: 'an API with a target makes its own route and stage, open to everybody',
    // https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop.html#http-api-examples
    templates: hop({
      Query: lambda(),
      Api: resource('AWS::ApiGatewayV2::Api', { Name: 'query', ProtocolType: 'HTTP', Target: att('Query', 'Arn') }),
      MayProxy: permission('apigateway.amazonaws.com'),
    }),
    verdict: 'private',
    levels: ['program'],
  },
  {
    name: 'function behind a REST API',
    why: 'the method of the API asks for nothing',
    templates: hop({ Query: lambda(), ...REST_API, MayProxy: permission('apigateway.amazonaws.com') }),
    verdict: 'private',
    levels: ['program'],
  },
];

const SELF = { GroupSet: [att('HopGroup', 'GroupId')] };
const bastion = (): Json => instance({ UserData: undefined, ...publicInterface(SELF) });

const MACHINES: readonly Case[] = [
  {
    name: 'bastion',
    why: 'a machine that anybody reaches over SSH is in an admitted group',
    templates: hop({ HopGroup: group(tcp(22)), Bastion: bastion() }),
    verdict: 'private',
    levels: ['program'],
  },
  {
    name: 'bastion for one address',
    why: 'one public address reaches the machine over SSH',
    templates: hop({ HopGroup: group(tcp(22, '8.8.4.4/32')), Bastion: bastion() }),
    verdict: 'private',
    levels: ['program'],
  },
  {
    name: 'bastion in a network that is admitted whole',
    why: 'the address of the machine is one of those that ClickHouse admits',
    templates: hop({ HopGroup: group(tcp(22)), Bastion: bastion(), Group: group(tcp(9000, '10.0.0.0/16')) }),
    verdict: 'private',
    levels: ['program'],
  },
  {
    name: 'bastion without a public address',
    why: 'the machine is in a private subnet',
    templates: hop({ HopGroup: group(tcp(22)), Bastion: instance({ UserData: undefined, SecurityGroupIds: SELF.GroupSet }) }),
    verdict: 'private',
  },
  {
    name: 'bastion that admits nobody',
    why: 'the machine is reached through Systems Manager only',
    templates: hop({ Bastion: bastion() }),
    verdict: 'private',
  },
  {
    name: 'bastion that ClickHouse does not admit',
    why: 'the group of the machine is not the admitted one',
    templates: hop({ HopGroup: group(tcp(22)), Bastion: bastion(), Group: group(fromGroup(8123, 'sg-0123456789abcdef0')) }),
    verdict: 'private',
  },
  {
    name: 'web service behind a public load balancer',
    why: 'anybody reaches the service, and ClickHouse admits its group',
    templates: hop({
      HopGroup: group(fromGroup(3000, att('FrontGroup', 'GroupId'))),
      Cluster: resource('AWS::ECS::Cluster'),
      Task: task({}, { Name: 'web', Image: 'registry.example.com/web:1.4.2', PortMappings: [{ ContainerPort: 3000 }] }),
      Web: service({ LoadBalancers: [{ ContainerName: 'web', ContainerPort: 3000, TargetGroupArn: ref('Targets') }] }, { SecurityGroups: SELF.GroupSet }),
      ...front({ Port: 3000, TargetType: 'ip', Targets: undefined }),
    }),
    verdict: 'private',
    levels: ['program'],
  },
];

export const PROGRAMS: Layer = { layer: 'programs in between', cases: [...FUNCTIONS, ...MACHINES] };
