import * as fc from 'fast-check';
import { RULES } from '../../lib/checks/rules';
import { CHECK_FAILED, NOT_READ, run } from '../../lib/checks/run';
import { TemplateSet } from '../../lib/exposure/templates/templates';
import { items, literalText, possible, referencesIn, scalar } from '../../lib/exposure/templates/values';
import { group, instance, lines, resource, task, tcp, template, verdicts } from './support';

describe('templates that are not what they should be', () => {
  test.each([
    ['no object', null],
    ['a list', []],
    ['a text', 'Resources'],
    ['resources that are a list', { Resources: [] }],
    ['a resource that is nothing', { Resources: { Db: null } }],
    ['a resource without a type', { Resources: { Db: { Properties: {} } } }],
    ['a type that is a number', { Resources: { Db: { Type: 8123 } } }],
    ['properties that are a list', { Resources: { Db: { Type: 'AWS::EC2::Instance', Properties: [] } } }],
    ['metadata that is a text', { Resources: { Db: { Type: 'AWS::EC2::Instance', Metadata: 'x' } } }],
    ['parameters that are a list', { Parameters: [], Resources: {} }],
  ])('%s is fatal', (_, body) => {
    const found = run(RULES, [{ path: 'main.json', body }]);
    expect(found).toEqual([expect.objectContaining({ ruleId: CHECK_FAILED, severity: 'fatal', template: 'main.json' })]);
  });

  test('what stands beside a broken resource is still judged', () => {
    const found = verdicts(template({ Broken: null, Db: instance(), Group: group(tcp(8123)) }));
    expect(found.map((each) => each.ruleId)).toEqual([CHECK_FAILED, 'ClickHouse-UnknownExposure', 'ClickHouse-OpenIngress', 'ClickHouse-PlaintextPort']);
  });

  test.each([
    ['a macro on the template', { 'Fn::Transform': { Name: 'M' }, Resources: {} }],
    ['a macro in the section for them', { Transform: ['AWS::LanguageExtensions', 'Acme::Machines'], Resources: {} }],
    ['the serverless model', { Transform: 'AWS::Serverless-2016-10-31', Resources: {} }],
    ['a macro among the resources', { Resources: { 'Fn::Transform': { Name: 'AWS::Include' } } }],
    ['a loop', { Resources: { 'Fn::ForEach::Servers': ['Name', ['a'], {}] } }],
    ['a macro in properties', { Resources: { Db: { Type: 'AWS::SNS::Topic', Properties: { 'Fn::Transform': {} } } } }],
    ['a nested stack elsewhere', { Resources: { Inner: { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'https://x' } } } }],
  ])('%s is said, as a warning', (_, body) => {
    expect(run(RULES, [{ path: 'main.json', body }])).toEqual([expect.objectContaining({ ruleId: NOT_READ, severity: 'warning' })]);
  });

  // values of every kind in every place a rule looks at: nothing may be thrown, whatever is found.
  test('no shape of a property makes a rule throw', () => {
    const odd = fc.oneof(
      fc.constantFrom<unknown>(null, [], {}, 0, '', 'x', true, [[]], [null], { Ref: 'Db' }, { Ref: 1 }, { 'Fn::GetAtt': [] }, { 'Fn::GetAtt': 'Db' }, { 'Fn::GetAtt': {} }, { 'Fn::If': [] }, { 'Fn::If': 'x' }, { 'Fn::Sub': [] }, { 'Fn::Sub': ['${A}', { A: { Ref: 'Db' } }] }, { 'Fn::Join': [] }, { 'Fn::Join': ['', { Ref: 'P' }] }, { 'Fn::Select': [] }, { 'Fn::Select': [9, ['a']] }, { 'Fn::Split': [] }, { 'Fn::Base64': null }, { 'Fn::ImportValue': {} }, { 'Fn::GetStackOutput': {} }, { 'Fn::Nothing': 1 }, { Ref: '__proto__' }, { Ref: 'constructor' }),
      fc.jsonValue(),
    );
    const properties = ['UserData', 'SecurityGroupIds', 'SubnetId', 'MetadataOptions', 'BlockDeviceMappings', 'NetworkInterfaces', 'LaunchTemplate', 'Volumes', 'SecurityGroupIngress', 'ContainerDefinitions', 'NetworkConfiguration', 'TaskDefinition', 'LaunchTemplateData', 'LoadBalancers', 'Targets', 'DefaultActions', 'Encrypted', 'Entries', 'GroupId', 'MapPublicIpOnLaunch', 'RouteTableId', 'GatewayId', 'InstanceId', 'VPCZoneIdentifier', 'MixedInstancesPolicy', 'VolumeConfigurations', 'Scheme', 'Actions', 'ListenerArn', 'LoadBalancerArn', 'Instances', 'Listeners', 'TargetGroupARNs', 'LoadBalancerNames', 'PrivateIpAddress', 'DestinationCidrBlock', 'DestinationPrefixListId', 'LaunchTemplateConfigs', 'Port', 'Command', 'SecurityGroupEgress', 'Image', 'TransitEncryption', 'EFSVolumeConfiguration', 'ResourceId', 'TrafficType', 'VpcId', 'Environment', 'Secrets', 'SecretId', 'SecretString', 'GenerateSecretString', 'RotationRules', 'ResourcePolicy', 'PolicyDocument', 'Policies', 'Roles', 'IamInstanceProfile', 'TaskRoleArn', 'ManagedPolicyArns', 'Manifest', 'Values', 'Chart', 'PortMappings', 'Protocol', 'SslPolicy', 'Certificates', 'DistributionConfig', 'VpcOriginEndpointConfig'];
    const types = ['AWS::EC2::Instance', 'AWS::EC2::LaunchTemplate', 'AWS::EC2::SecurityGroup', 'AWS::EC2::SecurityGroupIngress', 'AWS::EC2::Subnet', 'AWS::EC2::Route', 'AWS::EC2::SubnetRouteTableAssociation', 'AWS::EC2::Volume', 'AWS::EC2::VolumeAttachment', 'AWS::EC2::EIP', 'AWS::EC2::PrefixList', 'AWS::ECS::TaskDefinition', 'AWS::ECS::Service', 'AWS::AutoScaling::AutoScalingGroup', 'AWS::ElasticLoadBalancingV2::Listener', 'AWS::ElasticLoadBalancingV2::TargetGroup', 'AWS::ElasticLoadBalancingV2::LoadBalancer', 'AWS::EC2::NetworkInterface', 'AWS::CloudFormation::Stack', 'AWS::ElasticLoadBalancing::LoadBalancer', 'AWS::ElasticLoadBalancingV2::ListenerRule', 'AWS::EC2::EIPAssociation', 'AWS::EC2::EC2Fleet', 'AWS::EC2::SecurityGroupEgress', 'AWS::EC2::FlowLog', 'AWS::EC2::VPC', 'AWS::SecretsManager::Secret', 'AWS::SecretsManager::RotationSchedule', 'AWS::SecretsManager::SecretTargetAttachment', 'AWS::SecretsManager::ResourcePolicy', 'AWS::IAM::Role', 'AWS::IAM::Policy', 'AWS::IAM::ManagedPolicy', 'AWS::IAM::InstanceProfile', 'AWS::Lambda::Function', 'Custom::AWSCDK-EKS-KubernetesResource', 'Custom::AWSCDK-EKS-HelmChart', 'AWS::CloudFront::Distribution', 'AWS::CloudFront::VpcOrigin'];
    const any = fc.record({
      Type: fc.constantFrom(...types),
      Properties: fc.dictionary(fc.constantFrom(...properties), fc.oneof(odd, fc.array(fc.dictionary(fc.constantFrom(...properties, 'Ebs', 'IpProtocol', 'CidrIp', 'DestinationPrefixListId', 'SourcePrefixListId', 'SourceSecurityGroupId', 'FromPort', 'Cidr', 'TargetGroupArn', 'Name', 'Value', 'ValueFrom', 'Statement', 'Effect', 'Action', 'Resource', 'Condition', 'Principal', 'Variables', 'ContainerPort', 'ContainerPortRange', 'InstancePort', 'InstanceProtocol', 'PolicyNames', 'Attributes', 'Origins', 'DefaultCacheBehavior', 'ViewerCertificate', 'CustomOriginConfig', 'Arn'), odd)))),
      Metadata: fc.constantFrom<object>({}, { 'AWS::CloudFormation::Init': { config: { packages: { yum: { 'clickhouse-server': [{ Ref: 'Db' }] } }, other: [] } } }, { 'cdk-secure-clickhouse': { role: 'server' } }, { 'cdk-secure-clickhouse': 1 }),
    });
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('Db', 'A', 'B', 'C', 'D'), any), odd, (Resources, value) => {
        const found = run(RULES, [{ path: 'main.json', body: { Resources, Parameters: { P: { Type: 'String', Default: value } }, Outputs: { O: { Value: value, Export: { Name: 'x' } } } } }]);
        expect(found.filter((each) => each.severity === 'fatal')).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('values', () => {
  const set = (...sources: ReturnType<typeof template>[]): TemplateSet => new TemplateSet(sources);
  const main = (more = {}): TemplateSet['templates'][number] => {
    const [first] = set(template({ Db: resource('AWS::EC2::Instance') }, more)).templates;
    if (first === undefined) throw new Error('no template');
    return first;
  };

  test.each([
    [{ 'Fn::Join': ['-', ['a', { 'Fn::Sub': '${B}c' }, 1]] }, 'a-bc-1'],
    [{ 'Fn::Sub': ['${X}:${!Y}', { X: { Ref: 'B' } }] }, 'b:${Y}'],
    [{ 'Fn::Select': [1, { 'Fn::Split': [',', 'x,y,z'] }] }, 'y'],
    [{ 'Fn::Select': ['0', { Ref: 'L' }] }, 'one'],
    [{ Ref: 'B' }, 'b'],
  ])('%j is %s', (node, value) => {
    const where = main({ Parameters: { B: { Type: 'String', Default: 'b' }, L: { Type: 'CommaDelimitedList', Default: 'one, two' } } });
    expect(possible({ node, template: where }).map(scalar)).toEqual([{ known: true, value }]);
  });

  test('a list that went through a text is a list again', () => {
    const [consumer] = set(
      template({}, {}, 'consumer.json'),
      template({ A: resource('AWS::EC2::Subnet'), B: resource('AWS::EC2::Subnet') }, { Outputs: { Ids: { Value: { 'Fn::Join': ['||', [{ Ref: 'A' }, { Ref: 'B' }]] }, Export: { Name: 'ids' } } } }, 'producer.json'),
    ).templates;
    if (consumer === undefined) throw new Error('no template');
    const found = items({ node: { 'Fn::Split': ['||', { 'Fn::ImportValue': 'ids' }] }, template: consumer });
    expect(found.flatMap((each) => referencesIn(each)).map((each) => each.logicalId)).toEqual(['A', 'B']);
  });

  test('circles end', () => {
    const circle = { Outputs: { A: { Value: { 'Fn::If': ['C', { 'Fn::ImportValue': 'a' }, { 'Fn::ImportValue': 'a' }] }, Export: { Name: 'a' } } } };
    const where = main(circle);
    const started = Date.now();
    const [value, ...others] = possible({ node: { 'Fn::ImportValue': 'a' }, template: where });
    expect(others.length).toBeLessThan(3);
    expect(value && scalar(value).known).toBe(false);
    expect(referencesIn({ node: { 'Fn::ImportValue': 'a' }, template: where })).toEqual([]);
    const texts = main({ Outputs: { A: { Value: { 'Fn::Join': ['', Array(5).fill({ 'Fn::ImportValue': 'a' })] }, Export: { Name: 'a' } } } });
    expect(literalText({ node: { 'Fn::ImportValue': 'a' }, template: texts }).trim()).toBe('');
    expect(Date.now() - started).toBeLessThan(1_000);
  });
});

test('every resource of ClickHouse in a big template is found, in time that grows with its size only', () => {
  const resources: Record<string, unknown> = {};
  for (let index = 0; index < 2_000; index++) {
    resources[`Db${index}`] = instance({ SecurityGroupIds: [{ Ref: `Group${index}` }] });
    resources[`Group${index}`] = group(tcp(8123));
    resources[`Topic${index}`] = resource('AWS::SNS::Topic');
  }
  resources.Task = task('clickhouse/clickhouse-server:24.3.1.1');
  const started = Date.now();
  // each of the machines and the task: open or vulnerable, and in a network that is not there; the machines also in plain text.
  expect(lines(template(resources))).toHaveLength(6_002);
  // a quadratic algorithm takes minutes here; the bound is generous because machines differ.
  expect(Date.now() - started).toBeLessThan(5_000);
});
