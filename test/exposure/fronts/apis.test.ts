import { att, balancer, fromGroup, group, instance, network, ref, resource, service, task, tcp } from '../../corpus/build';
import type { Case, Json } from '../../corpus/case';
import { EDGE_APIS } from '../../corpus/cases/edge-apis';
import { internalAlb } from '../../corpus/cases/edge-parts';
import { PROGRAMS } from '../../corpus/cases/programs';
import { judge } from '../../corpus/judge';
import { changed, over, withUnknowns } from './variants';

const OPEN = EDGE_APIS.cases.filter(({ verdict }) => verdict === 'exposed');
const LOGINS = [...EDGE_APIS.cases, ...PROGRAMS.cases].filter(({ templates, levels }) => levels !== undefined && JSON.stringify(templates).includes('AWS::ApiGateway'));
const TYPES = /::(?:ApiGateway|ApiGatewayV2|ServiceDiscovery)::/;

const GIVEN = ref('Given');
const parameter = (Default?: string): Json => ({ Parameters: { Given: { Type: 'String', Default } } });
const levelsOf = (templates: Case['templates']): string[] => judge(templates).workloads.flatMap(({ detours }) => detours.map(({ level }) => level));

test.each(OPEN)('no unknown makes it private: $name', ({ templates }) => {
  const found = withUnknowns(templates, TYPES).filter((each) => judge(each.templates).verdict === 'private');
  expect(found.map(({ at }) => at)).toEqual([]);
});

test.each(LOGINS)('no unknown hides it: $name', ({ templates }) => {
  const found = withUnknowns(templates, TYPES).filter((each) => judge(each.templates).verdict === 'private' && levelsOf(each.templates).length === 0);
  expect(found.map(({ at }) => at)).toEqual([]);
});

test.each(OPEN)('what it proposes makes it private: $name', ({ templates }) => {
  const changes = judge(templates).workloads.flatMap((each) => each.changes);
  expect([changes.length, judge(changed(templates, changes)).verdict]).toEqual([1, 'private']);
});

const link = (): Json => resource('AWS::ApiGatewayV2::VpcLink', { Name: 'clickhouse', SubnetIds: [ref('Private')], SecurityGroupIds: [att('LinkGroup', 'GroupId')] });
/** An HTTP API in front of an internal application load balancer. */
const http = (more: Json = {}): Json => ({
  ...network(),
  ...internalAlb(),
  FrontGroup: group(fromGroup(80, att('LinkGroup', 'GroupId'))),
  LinkGroup: group(),
  Link: link(),
  Api: resource('AWS::ApiGatewayV2::Api', { Name: 'query', ProtocolType: 'HTTP' }),
  Stage: resource('AWS::ApiGatewayV2::Stage', { ApiId: ref('Api'), StageName: '$default', AutoDeploy: true }),
  Integration: resource('AWS::ApiGatewayV2::Integration', { ApiId: ref('Api'), IntegrationType: 'HTTP_PROXY', IntegrationUri: ref('Listener'), ConnectionType: 'VPC_LINK', ConnectionId: ref('Link') }),
  Route: resource('AWS::ApiGatewayV2::Route', { ApiId: ref('Api'), RouteKey: '$default', Target: { 'Fn::Join': ['/', ['integrations', ref('Integration')]] } }),
  ...more,
});
/** A REST API in front of an internal network load balancer that listens on port 80. */
const rest = (integration: Json = {}, more: Json = {}, front: Json = {}): Json => ({
  ...network(),
  Group: group(tcp(8123, '10.0.0.0/16')),
  Db: instance(),
  ...balancer({ Scheme: 'internal', Subnets: [ref('Private')], ...front }, {}, { Port: 80 }),
  Link: resource('AWS::ApiGateway::VpcLink', { Name: 'clickhouse', TargetArns: [ref('Front')] }),
  Api: resource('AWS::ApiGateway::RestApi', { Name: 'query' }),
  Method: resource('AWS::ApiGateway::Method', {
    RestApiId: ref('Api'),
    ResourceId: att('Api', 'RootResourceId'),
    HttpMethod: 'ANY',
    AuthorizationType: 'NONE',
    Integration: { Type: 'HTTP_PROXY', IntegrationHttpMethod: 'ANY', ConnectionType: 'VPC_LINK', ConnectionId: ref('Link'), Uri: 'http://clickhouse.example.internal/', ...integration },
  }),
  Deployment: resource('AWS::ApiGateway::Deployment', { RestApiId: ref('Api'), StageName: 'live' }),
  ...more,
});

const DOMAIN: Json = {
  Domain: resource('AWS::ApiGatewayV2::DomainName', { DomainName: 'query.example.com', DomainNameConfigurations: [] }),
  Mapping: resource('AWS::ApiGatewayV2::ApiMapping', { ApiId: ref('Api'), DomainName: ref('Domain'), Stage: ref('Stage') }),
};
const UNNAMED = { Api: { DisableExecuteApiEndpoint: true } };
const certified = { ...UNNAMED, Domain: { MutualTlsAuthentication: { TruststoreUri: 's3://example/truststore.pem' } } };

describe('an HTTP API', () => {
  test.each<[what: string, verdict: Case['verdict'], levels: string[], properties: Record<string, Json>, more?: Json, resources?: Json]>([
    ['that is as it is', 'exposed', [], {}],
    ['that a parameter asks who calls', 'unknown', [], { Route: { AuthorizationType: GIVEN } }, parameter()],
    ['that asks who calls by a parameter', 'private', ['login'], { Route: { AuthorizationType: GIVEN } }, parameter('AWS_IAM')],
    ['that asks a function who calls', 'private', ['login'], { Route: { AuthorizationType: 'CUSTOM' } }],
    ['whose name a parameter switches off', 'unknown', [], { Api: { DisableExecuteApiEndpoint: GIVEN } }, parameter()],
    ['under a name of its owner', 'exposed', [], UNNAMED, {}, http(DOMAIN)],
    ['under a name of its owner by a rule', 'exposed', [], UNNAMED, {}, http({ ...DOMAIN, Mapping: resource('AWS::ApiGatewayV2::RoutingRule', { DomainNameArn: att('Domain', 'DomainNameArn'), Priority: 1, Conditions: [], Actions: [{ InvokeApi: { ApiId: ref('Api'), Stage: ref('Stage') } }] }) })],
    ['under a name that asks for a certificate', 'private', ['login'], certified, {}, http(DOMAIN)],
    ['under its own name, and one that asks for a certificate', 'exposed', [], { Domain: certified.Domain }, {}, http(DOMAIN)],
    ['with a link of elsewhere', 'unknown', [], { Integration: { ConnectionId: 'abc123' } }],
    ['with the link of a parameter', 'unknown', [], { Integration: { ConnectionId: GIVEN } }, parameter()],
    ['with an integration of a parameter', 'unknown', [], { Integration: { IntegrationUri: GIVEN } }, parameter()],
    ['with an integration of elsewhere', 'private', [], { Integration: { IntegrationUri: 'arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/other/0123/4567' } }],
    ['with groups of a parameter', 'unknown', [], { Link: { SecurityGroupIds: GIVEN } }, { Parameters: { Given: { Type: 'List<AWS::EC2::SecurityGroup::Id>' } } }],
    ['with the default group of its network', 'private', [], { Link: { SecurityGroupIds: undefined } }],
    ['by the internet', 'private', [], { Integration: { ConnectionType: 'INTERNET', IntegrationUri: 'https://www.example.com' } }],
    ['with a route for another API', 'private', [], { Route: { ApiId: 'abc123' } }],
    ['with a route for the API of a parameter', 'unknown', [], { Route: { ApiId: GIVEN } }, parameter()],
    ['with the integration of a route by its id', 'unknown', [], { Route: { Target: 'integrations/abc123' } }],
    ['that speaks WebSocket and asks whoever connects', 'private', ['login'], { Api: { ProtocolType: 'WEBSOCKET' } }, {}, http({ Connect: resource('AWS::ApiGatewayV2::Route', { ApiId: ref('Api'), RouteKey: '$connect', AuthorizationType: 'AWS_IAM' }) })],
  ])('%s is %s', (_, verdict, levels, properties, more = {}, resources = http()) => {
    const templates = over(resources, properties, more);
    expect([judge(templates).verdict, levelsOf(templates)]).toEqual([verdict, levels]);
  });
});

describe('an HTTP API in front of a name of Cloud Map', () => {
  const names = (registered: Json): Json => http({
    Group: group(fromGroup(8123, att('LinkGroup', 'GroupId'))),
    Names: resource('AWS::ServiceDiscovery::Service', { Name: 'clickhouse' }),
    ...registered,
  });
  const machine = (InstanceAttributes: Json, ServiceId: unknown = ref('Names')): Json => ({ Registered: resource('AWS::ServiceDiscovery::Instance', { ServiceId, InstanceAttributes }) });
  const tasks = (registry: Json): Json => ({ Cluster: resource('AWS::ECS::Cluster'), Task: task(), Db: service({ ServiceRegistries: [{ RegistryArn: att('Names', 'Arn'), ...registry }] }) });
  test.each<[what: string, verdict: Case['verdict'], registered: Json, more?: Json]>([
    ['with an instance', 'exposed', machine({ AWS_EC2_INSTANCE_ID: ref('Db'), AWS_INSTANCE_PORT: '8123' })],
    ['with the address of an instance', 'exposed', machine({ AWS_INSTANCE_IPV4: att('Db', 'PrivateIp'), AWS_INSTANCE_PORT: '8123' })],
    ['with another port of an instance', 'private', machine({ AWS_INSTANCE_IPV4: att('Db', 'PrivateIp'), AWS_INSTANCE_PORT: '3000' })],
    ['with an address that may be the instance', 'unknown', machine({ AWS_INSTANCE_IPV4: '10.0.1.20', AWS_INSTANCE_PORT: '8123' })],
    ['with an address of another network', 'private', machine({ AWS_INSTANCE_IPV4: '10.7.1.20', AWS_INSTANCE_PORT: '8123' })],
    ['with the address of a parameter', 'unknown', machine({ AWS_INSTANCE_IPV4: GIVEN, AWS_INSTANCE_PORT: '8123' }), parameter()],
    ['with an instance of another name', 'private', machine({ AWS_EC2_INSTANCE_ID: ref('Db'), AWS_INSTANCE_PORT: '8123' }, 'srv-0123')],
    ['with tasks', 'exposed', tasks({ ContainerName: 'db', ContainerPort: 8123 })],
    ['with tasks, of which no port is told', 'unknown', tasks({})],
    ['with another port of tasks', 'private', tasks({ Port: 3000 })],
    ['with nothing', 'private', {}],
  ])('%s is %s', (_, verdict, registered, more = {}) => {
    expect(judge(over(names(registered), { Integration: { IntegrationUri: att('Names', 'Arn') } }, more)).verdict).toBe(verdict);
  });
});

describe('a REST API', () => {
  const byName = (before: string, after: string): Json => ({ 'Fn::Join': ['', [before, att('Front', 'DNSName'), after]] });
  const grouped = (more: Json): Json => rest({}, { FrontGroup: group() }, { SecurityGroups: [att('FrontGroup', 'GroupId')], ...more });
  test.each<[what: string, verdict: Case['verdict'], resources: Json, properties?: Record<string, Json>, more?: Json]>([
    ['that is as it is', 'exposed', rest()],
    ['that asks on another port', 'private', rest({ Uri: 'http://clickhouse.example.internal:8123/' })],
    ['that asks by HTTPS', 'private', rest({ Uri: 'https://clickhouse.example.internal/' })],
    ['that asks by HTTPS on the port', 'exposed', rest({ Uri: 'https://clickhouse.example.internal:80/{proxy}' })],
    ['that asks the load balancer by its name', 'exposed', rest({ Uri: byName('http://', '/') })],
    ['that asks the load balancer by its name on another port', 'private', rest({ Uri: byName('http://', ':8123/') })],
    ['that asks at the address of a parameter', 'unknown', rest({ Uri: { 'Fn::Sub': 'http://${Given}/' } }), {}, parameter()],
    ['that asks at the address of its stage', 'unknown', rest({ Uri: 'http://${stageVariables.host}/' })],
    ['with the link of its stage', 'unknown', rest({ ConnectionId: '${stageVariables.link}' })],
    ['with a link of elsewhere', 'unknown', rest({ ConnectionId: 'abc123' })],
    ['with a link to a load balancer of a parameter', 'unknown', rest(), { Link: { TargetArns: [GIVEN] } }, parameter()],
    ['with a link to a load balancer of elsewhere', 'private', rest(), { Link: { TargetArns: ['arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/net/other/0123'] } }],
    ['of the kind of a parameter', 'unknown', rest(), { Api: { EndpointConfiguration: { Types: [GIVEN] } } }, parameter()],
    ['for networks only', 'private', rest(), { Api: { EndpointConfiguration: { Types: ['PRIVATE'] } } }],
    ['without a stage', 'private', rest(), { Deployment: { StageName: undefined } }],
    // the groups of the load balancer are asked for what comes through PrivateLink, which is what a link of this kind is.
    ['in front of groups that admit nobody', 'private', grouped({})],
    ['in front of groups that are not asked', 'exposed', grouped({ EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic: 'off' })],
    ['in front of groups that a parameter asks', 'unknown', grouped({ EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic: GIVEN }), {}, parameter()],
    ['in front of groups for everybody', 'exposed', grouped({}), { FrontGroup: { SecurityGroupIngress: [tcp(80)] } }],
    ['in front of groups for a network', 'unknown', grouped({}), { FrontGroup: { SecurityGroupIngress: [tcp(80, '10.0.0.0/8')] } }],
    ['with a link of the second kind', 'exposed', rest({ ConnectionId: ref('Second'), IntegrationTarget: ref('Listener') }, { LinkGroup: group(), Second: link() })],
    ['with a link of the second kind to a load balancer', 'exposed', rest({ ConnectionId: ref('Second'), IntegrationTarget: ref('Front') }, { LinkGroup: group(), Second: link() })],
    ['with a link of the second kind to another port', 'private', rest({ ConnectionId: ref('Second'), IntegrationTarget: ref('Front'), Uri: 'https://example.com/' }, { LinkGroup: group(), Second: link() })],
  ])('%s is %s', (_, verdict, resources, properties = {}, more = {}) => {
    expect(judge(over(resources, properties, more)).verdict).toBe(verdict);
  });

  const ALL = { Effect: 'Allow', Principal: '*', Action: 'execute-api:Invoke', Resource: 'execute-api:/*' };
  const from = (operator: string, address: unknown, Effect = 'Allow'): Json => ({ ...ALL, Effect, Condition: { [operator]: { 'aws:SourceIp': address } } });
  test.each<[what: string, verdict: Case['verdict'], statements: unknown]>([
    ['allows everybody', 'exposed', [ALL]],
    ['is one statement', 'exposed', ALL],
    ['allows everybody by the ARN', 'exposed', [{ ...ALL, Principal: { AWS: '*' }, Action: ['execute-api:*'], Resource: { 'Fn::Sub': 'arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${Given}/*' } }]],
    ['allows a public address', 'exposed', [from('IpAddress', ['8.8.4.4/32', '10.0.0.0/8'])]],
    ['allows private addresses', 'private', [from('IpAddress', '10.0.0.0/8')]],
    ['allows addresses of a parameter', 'unknown', [from('IpAddress', GIVEN)]],
    ['allows an account', 'private', [{ ...ALL, Principal: { AWS: 'arn:aws:iam::111122223333:root' } }]],
    ['allows something else', 'private', [{ ...ALL, Action: 'execute-api:ManageConnections' }]],
    ['allows one route', 'unknown', [{ ...ALL, Resource: 'execute-api:/live/GET/health' }]],
    ['allows an endpoint of a network', 'unknown', [{ ...ALL, Condition: { StringEquals: { 'aws:SourceVpce': 'vpce-0123456789abcdef0' } } }]],
    ['denies all but private addresses', 'private', [ALL, from('NotIpAddress', '10.0.0.0/8', 'Deny')]],
    ['denies all but a public address', 'exposed', [ALL, from('NotIpAddress', '8.8.4.4/32', 'Deny')]],
    ['denies one address', 'exposed', [ALL, from('IpAddress', '8.8.4.4/32', 'Deny')]],
    ['denies one route', 'unknown', [ALL, { ...ALL, Effect: 'Deny', Resource: 'execute-api:/live/GET/health' }]],
    ['denies everybody', 'private', [ALL, { ...ALL, Effect: 'Deny' }]],
    ['has the effect of a parameter', 'unknown', [{ ...ALL, Effect: GIVEN }]],
    ['cannot be read', 'unknown', GIVEN],
  ])('whose policy %s is %s', (_, verdict, Statement) => {
    expect(judge(over(rest(), { Api: { Policy: { Version: '2012-10-17', Statement } } }, parameter())).verdict).toBe(verdict);
  });
});

describe('an API that an OpenAPI document defines', () => {
  const INTEGRATION: Json = { type: 'http_proxy', httpMethod: 'ANY', connectionType: 'VPC_LINK', connectionId: ref('Link'), uri: 'http://clickhouse.example.internal/' };
  const body = (operation: Json, more: Json = {}): Json => ({ Body: { openapi: '3.0.1', paths: { '/': { 'x-amazon-apigateway-any-method': { 'x-amazon-apigateway-integration': INTEGRATION, ...operation } } }, ...more } });
  const schemes = (scheme: Json): Json => ({ components: { securitySchemes: { staff: { type: 'apiKey', name: 'authorization', in: 'header', ...scheme } } } });
  const SECURED: Json = { security: [{ staff: [] }] };
  const AUTHORIZER: Json = { 'x-amazon-apigateway-authorizer': { type: 'token' } };
  test.each<[what: string, verdict: Case['verdict'], levels: string[], api: Json]>([
    ['openly', 'exposed', [], body({})],
    ['with a login', 'private', ['login'], body(SECURED, schemes(AUTHORIZER))],
    ['with a login for all of it', 'private', ['login'], body({}, { ...SECURED, ...schemes(AUTHORIZER) })],
    ['with a login for all of it but this', 'exposed', [], body({ security: [] }, { ...SECURED, ...schemes(AUTHORIZER) })],
    ['with a signature', 'private', ['login'], body({ 'x-amazon-apigateway-auth': { type: 'AWS_IAM' } })],
    ['with a key', 'exposed', [], body(SECURED, schemes({}))],
    ['with a login or a key', 'exposed', [], body({ security: [{ staff: [] }, { key: [] }] }, schemes(AUTHORIZER))],
    ['in one place', 'exposed', [], body({ 'x-amazon-apigateway-integration': { $ref: '#/components/x-amazon-apigateway-integrations/clickhouse' } }, { components: { 'x-amazon-apigateway-integrations': { clickhouse: INTEGRATION } } })],
    ['with a policy', 'private', [], body({}, { 'x-amazon-apigateway-policy': { Statement: [{ Effect: 'Deny', Principal: '*', Action: '*', Resource: '*' }] } })],
    ['as a mock', 'private', [], body({ 'x-amazon-apigateway-integration': { type: 'mock' } })],
    ['elsewhere', 'unknown', [], { BodyS3Location: { Bucket: 'apis-example', Key: 'query.yaml' } }],
    ['in a file that is included', 'unknown', [], { Body: { 'Fn::Transform': { Name: 'AWS::Include', Parameters: { Location: 's3://apis-example/query.yaml' } } } }],
  ])('%s is %s', (_, verdict, levels, api) => {
    const templates = over(rest({}, { Method: resource('AWS::CloudFormation::WaitConditionHandle') }), { Api: api });
    expect([judge(templates).verdict, levelsOf(templates)]).toEqual([verdict, levels]);
  });
});

describe('an API in front of a function', () => {
  const called = (Uri: unknown, more: Json = {}): Json => ({
    ...rest({ Type: 'AWS_PROXY', Uri, ConnectionType: undefined, ConnectionId: undefined }),
    HopGroup: group(),
    Group: group(fromGroup(8123, att('HopGroup', 'GroupId'))),
    Query: resource('AWS::Lambda::Function', { FunctionName: 'query', VpcConfig: { SubnetIds: [ref('Private')], SecurityGroupIds: [att('HopGroup', 'GroupId')] } }),
    Live: resource('AWS::Lambda::Alias', { FunctionName: ref('Query'), FunctionVersion: '1', Name: 'live' }),
    ...more,
  });
  const invoked = (what: string): Json => ({ 'Fn::Sub': `arn:aws:apigateway:\${AWS::Region}:lambda:path/2015-03-31/functions/${what}/invocations` });
  test.each<[what: string, levels: string[], Uri: unknown, properties?: Record<string, Json>]>([
    ['by its ARN', ['program'], invoked('${Query.Arn}')],
    ['by an alias', ['program'], invoked('${Live}')],
    ['by a parameter', ['program'], invoked('${Given}')],
    ['by its name', ['program'], invoked('arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:query')],
    ['by the name of another one', [], invoked('arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:query-other')],
    ['of the stage', ['program'], invoked('arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:${!stageVariables.name}')],
    ['by another service', [], { 'Fn::Sub': 'arn:aws:apigateway:${AWS::Region}:sqs:path/${AWS::AccountId}/${Given}' }],
    ['after a login', [], invoked('${Query.Arn}'), { Method: { AuthorizationType: 'AWS_IAM' } }],
  ])('%s leads to %j', (_, levels, Uri, properties = {}) => {
    const templates = over(called(Uri), properties, parameter());
    expect([judge(templates).verdict, levelsOf(templates)]).toEqual(['private', levels]);
  });
});
