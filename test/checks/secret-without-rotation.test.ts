import { App, CfnResource, Duration, NestedStack, SecretValue, Stack } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as lambda from 'aws-cdk-lib/aws-lambda';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import type { Construct } from 'constructs';
import { ClickHouseCluster } from '../../lib';
import { ClickHouseChecks } from '../../lib/checks';
import { cfn, judged } from './constructs';
import type { Json } from './support';
import { instance, lines, resource, task, template } from './support';

const ID = 'ClickHouse-SecretWithoutRotation';
const secret = (more: Json = {}): Json => resource('AWS::SecretsManager::Secret', { GenerateSecretString: { PasswordLength: 32 }, ...more });
const schedule = (SecretId: unknown, RotationRules: unknown = { ScheduleExpression: 'rate(30 days)' }, more: Json = {}): Json => resource('AWS::SecretsManager::RotationSchedule', { SecretId, RotationLambdaARN: 'arn:aws:lambda:eu-west-1:111122223333:function:rotate', RotationRules }, more);
const Rotation = schedule({ Ref: 'Secret' });
const found = (resources: Json, more: Json = {}): string[] => lines(template(resources, more), ID);

const withValue = (ValueFrom: unknown, Name = 'CLICKHOUSE_PASSWORD'): Json => ({ Secret: secret(), Task: task(undefined, {}, { Secrets: [{ Name, ValueFrom }] }) });
const withVariable = (Value: unknown): Json => ({ Secret: secret(), Task: task(undefined, {}, { Environment: [{ Name: 'CLICKHOUSE_PASSWORD', Value }] }) });
const withScript = (text: unknown, more: Json = {}): Json => ({ Secret: secret(more), Db: instance({ UserData: { 'Fn::Base64': text } }) });
const INSTALL = 'yum install -y clickhouse-server-26.8.36.3\n';
const READ = 'aws secretsmanager get-secret-value --output text --query SecretString --secret-id';
const manifest = (object: Json): Json => resource('Custom::AWSCDK-EKS-KubernetesResource', { ClusterName: 'tools', Manifest: { 'Fn::Sub': JSON.stringify([object]) } });

describe('a secret of the templates, however it is used', () => {
  test.each<[string, Json, string]>([
    ['by reference', withValue({ Ref: 'Secret' }), 'container db (Task)'],
    ['a field of it', withValue({ 'Fn::Join': ['', [{ Ref: 'Secret' }, ':password::']] }), 'container db (Task)'],
    ['a field of it, another way', withValue({ 'Fn::Sub': '${Secret}:password::' }), 'container db (Task)'],
    ['by its id', withValue({ 'Fn::GetAtt': ['Secret', 'Id'] }), 'container db (Task)'],
    ['in one branch', withValue({ 'Fn::If': ['C', { Ref: 'Secret' }, { Ref: 'AWS::NoValue' }] }), 'container db (Task)'],
    ['another variable', withValue({ Ref: 'Secret' }, 'CLICKHOUSE_ADMIN_PASSWORD'), 'container db (Task)'],
    ['a client', { Secret: secret(), Task: task('registry.example.com/web:3', {}, { Name: 'web', Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: { Ref: 'Secret' } }] }) }, 'container web (Task)'],
    ['in a dynamic reference', withVariable({ 'Fn::Sub': '{{resolve:secretsmanager:${Secret}:SecretString:password}}' }), 'container db (Task)'],
    ['in a dynamic reference put together', withVariable({ 'Fn::Join': ['', ['{{resolve:secretsmanager:', { Ref: 'Secret' }, ':SecretString:password::}}']] }), 'container db (Task)'],
    ['a function', { Secret: secret(), Loader: resource('AWS::Lambda::Function', { Environment: { Variables: { CLICKHOUSE_SECRET_ARN: { Ref: 'Secret' } } } }) }, 'function Loader'],
    ['a script', withScript({ 'Fn::Sub': `${INSTALL}PW=$(${READ} \${Secret})` }), 'the start-up script of Db'],
    ['a script with a variable', withScript({ 'Fn::Join': ['', [INSTALL, 'SECRET=', { Ref: 'Secret' }, `\nPW=$(${READ} $SECRET)`]] }), 'the start-up script of Db'],
    ['a script, by its name', withScript(`${INSTALL}PW=$(${READ} prod/db)`, { Name: 'prod/db' }), 'the start-up script of Db'],
    ['a script, by its name in a variable', withScript(`${INSTALL}S=prod/db\nPW=$(${READ} "$S")`, { Name: 'prod/db' }), 'the start-up script of Db'],
    ['a script, by its ARN', withScript(`${INSTALL}PW=$(${READ} arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-AbCdEf)`, { Name: 'prod/db' }), 'the start-up script of Db'],
    ['a script in Python', withScript(`${INSTALL}python3 -c "print(boto3.client('secretsmanager').get_secret_value(SecretId='prod/db'))"`, { Name: 'prod/db' }), 'the start-up script of Db'],
    ['cfn-init', { Secret: secret(), Db: { ...instance(), Metadata: { 'AWS::CloudFormation::Init': { config: { commands: { 1: { command: { 'Fn::Sub': `${READ} \${Secret}` } } } } } } } }, 'the start-up script of Db'],
    ['a pod', { Secret: secret(), Pods: manifest({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', namespace: 'data' }, spec: { template: { spec: { containers: [{ name: 'db', image: 'clickhouse/clickhouse-server:26.8.36.3', env: [{ name: 'CLICKHOUSE_PASSWORD', value: '{{resolve:secretsmanager:${Secret}:SecretString:password}}' }] }] } } } }) }, 'container db of StatefulSet data/db'],
    ['an operator', { Secret: secret(), Pods: manifest({ apiVersion: 'clickhouse.altinity.com/v1', kind: 'ClickHouseInstallation', metadata: { name: 'events', namespace: 'data' }, spec: { configuration: { users: { 'app/password': '{{resolve:secretsmanager:${Secret}}}' } } } }) }, 'ClickHouseInstallation data/events'],
    ['what it says of itself', { Secret: secret({ GenerateSecretString: { SecretStringTemplate: '{"username":"app","engine":"clickhouse"}', GenerateStringKey: 'password' } }) }, 'those who connect'],
  ])('%s', (_, resources, who) => {
    expect(found(resources)).toEqual([`Secret: secret Secret, used by ${who}, is never replaced: it has no rotation schedule`]);
    expect(found({ ...resources, Rotation })).toEqual([]);
  });

  test('once, whoever uses it', () => {
    expect(found({ ...withValue({ Ref: 'Secret' }), Other: task(undefined, {}, { Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: { Ref: 'Secret' } }] }) })).toHaveLength(1);
  });

  test.each([
    ['of something else', { Secret: secret(), Task: task('postgres:17', {}, { Secrets: [{ Name: 'POSTGRES_PASSWORD', ValueFrom: { Ref: 'Secret' } }] }) }],
    ['for another variable of a server', withValue({ Ref: 'Secret' }, 'DATADOG_API_KEY')],
    ['that nobody uses', { Secret: secret(), Task: task() }],
    ['of a parameter of the Systems Manager', withValue('arn:aws:ssm:eu-west-1:111122223333:parameter/prod/db')],
    ['of a parameter by its name', withValue('/prod/db')],
    ['of a machine of something else', { Secret: secret(), Web: instance({ UserData: { 'Fn::Base64': { 'Fn::Sub': `${READ} \${Secret}` } } }) }],
  ])('not: %s', (_, resources) => {
    expect(found(resources)).toEqual([]);
  });
});

describe('schedules', () => {
  const Parameters = { Level: { Type: 'String' }, Days: { Type: 'Number', Default: 30 } };
  const Conditions = { C: { 'Fn::Equals': [{ Ref: 'Level' }, 'high'] } };
  const of = (Rotation: Json, more: Json = {}): string[] => found({ ...withValue({ Ref: 'Secret' }), Rotation, ...more }, { Parameters, Conditions });

  test.each([
    ['by days', schedule({ Ref: 'Secret' }, { AutomaticallyAfterDays: { Ref: 'Days' } })],
    ['by its id', schedule({ 'Fn::GetAtt': ['Secret', 'Id'] })],
    ['put together', schedule({ 'Fn::Sub': '${Secret}' })],
  ])('%s', (_, rotation) => {
    expect(of(rotation)).toEqual([]);
  });

  const Untimed = schedule({ Ref: 'Secret' });
  delete (Untimed.Properties as Json).RotationRules;

  test.each([
    ['of another secret', schedule({ Ref: 'Other' }), /^Secret: .* has no rotation schedule$/],
    ['without rules', Untimed, /^Secret: secret Secret, used by container db \(Task\), is never replaced: its schedule Rotation has no RotationRules, so nothing starts it$/],
    ['with rules that say nothing', schedule({ Ref: 'Secret' }, { Duration: '2h' }), /has no RotationRules/],
    ['with rules that are left out', schedule({ Ref: 'Secret' }, { ScheduleExpression: { Ref: 'AWS::NoValue' } }), /has no RotationRules/],
    ['that may be left out', schedule({ Ref: 'Secret' }, { AutomaticallyAfterDays: 30 }, { Condition: 'C' }), /^Secret: whether secret Secret, .* cannot be told at synthesis: its schedule may be left out, condition C cannot be decided: parameter Level has no default$/],
  ])('not enough: %s', (_, rotation, message) => {
    expect(of(rotation, { Other: secret() })).toEqual([expect.stringMatching(message)]);
  });

  test('one that comes with its secret', () => {
    const Secret = { ...secret(), Condition: 'C' };
    expect(of(schedule({ Ref: 'Secret' }, { AutomaticallyAfterDays: 30 }, { Condition: 'C' }), { Secret })).toEqual([]);
  });

  test('of an attachment, which has the ARN of its secret', () => {
    const Attachment = resource('AWS::SecretsManager::SecretTargetAttachment', { SecretId: { Ref: 'Secret' }, TargetId: 'db', TargetType: 'AWS::RDS::DBCluster' });
    expect(of(schedule({ Ref: 'Attachment' }), { Attachment })).toEqual([]);
    expect(found({ ...withValue({ Ref: 'Attachment' }), Attachment })).toHaveLength(1);
  });

  test('in another stack', () => {
    const producer = template({ Secret: secret() }, { Outputs: { Arn: { Value: { Ref: 'Secret' }, Export: { Name: 'secret' } } } }, 'secret.json');
    const consumer = template({ Task: task(undefined, {}, { Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: { 'Fn::ImportValue': 'secret' } }] }) }, {}, 'task.json');
    const rotating = template({ Rotation: schedule({ 'Fn::ImportValue': 'secret' }) }, {}, 'rotation.json');
    expect(lines([producer, consumer], ID)).toEqual([expect.stringMatching(/^Secret: .* no rotation schedule$/)]);
    expect(lines([producer, consumer, rotating], ID)).toEqual([]);
  });
});

describe('a secret that is elsewhere', () => {
  const ARN = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-AbCdEf';

  test.each<[string, Json, string, unknown]>([
    ['by its ARN', { Task: task(undefined, {}, { Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: ARN }] }) }, 'prod/db-AbCdEf', ARN],
    ['a field of it', { Task: task(undefined, {}, { Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: `${ARN}:password::` }] }) }, 'prod/db-AbCdEf', ARN],
    ['in a dynamic reference', { Task: task(undefined, {}, { Environment: [{ Name: 'CLICKHOUSE_PASSWORD', Value: '{{resolve:secretsmanager:prod/db:SecretString:password}}' }] }) }, 'prod/db', 'prod/db'],
    ['in a script', { Task: instance({ UserData: { 'Fn::Base64': `${INSTALL}${READ} prod/db` } }) }, 'prod/db', 'prod/db'],
  ])('%s', (_, resources, name, SecretId) => {
    expect(found(resources)).toEqual([expect.stringMatching(new RegExp(`^Task: whether secret ${name}, used by .*, is ever replaced cannot be told at synthesis: neither it nor a schedule for it is in the templates$`))]);
    expect(found({ ...resources, Rotation: schedule(SecretId) })).toEqual([]);
  });
});

describe('the static secret of our own clusters', () => {
  const REASON = 'remote_servers takes one secret at a time, so it is not rotated';
  const internal = (more: Json = {}): Json => ({ ...secret(more), Metadata: { 'cdk-secure-clickhouse:static-secret': REASON } });
  const node = (mark: unknown): Json => resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: { 'Fn::Base64': { 'Fn::Sub': `${INSTALL}echo '{"internalSecretArn":"\${Secret}"}'` } } } }, { Metadata: { 'cdk-secure-clickhouse': mark } });

  test('is in order, and only while it is what it should be', () => {
    const Node = node({ role: 'server' });
    expect(found({ Secret: internal(), Node })).toEqual([]);
    // what only says so of itself.
    expect(found({ Secret: secret(), Node })).toHaveLength(1);
    expect(found({ Secret: { ...secret(), Metadata: { 'cdk-secure-clickhouse:static-secret': '' } }, Node })).toHaveLength(1);
    // the password of a user.
    expect(found({ Secret: internal({ GenerateSecretString: { SecretStringTemplate: '{"username":"app"}', GenerateStringKey: 'password' } }), Node })).toHaveLength(1);
    expect(found({ Secret: internal({ SecretString: 'x' }), Node })).toHaveLength(1);
    expect(found({ Secret: internal({ GenerateSecretString: undefined }), Node })).toHaveLength(1);
    // read by somebody else.
    expect(found({ Secret: internal(), Node: node(undefined) })).toHaveLength(1);
    expect(found({ Secret: internal(), Node, Task: task(undefined, {}, { Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: { Ref: 'Secret' } }] }) })).toHaveLength(1);
    expect(found({ Secret: internal(), Task: { ...task(undefined, {}, { Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: { Ref: 'Secret' } }] }), Metadata: { 'cdk-secure-clickhouse': { role: 'server' } } } })).toHaveLength(1);
  });

  test('of a cluster, and after somebody gave it to an application', () => {
    const judge = (nested: boolean, damage: (secret: secretsmanager.Secret, stack: Stack) => void): string[] => {
      const app = new App();
      const stack = new Stack(app, 'Stack');
      const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 0, flowLogs: { All: {} }, subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] });
      const cluster = new ClickHouseCluster(stack, 'Events', { vpc, nestedStacks: nested });
      const own = cluster.node.findAll().find((each): each is secretsmanager.Secret => each instanceof secretsmanager.Secret && each.node.id === 'InternalSecret');
      if (own === undefined) throw new Error('no internal secret');
      damage(own, stack);
      // settles what nested stacks hand to each other.
      app.synth();
      return new ClickHouseChecks().validateScope(app).violations.filter(({ ruleName }) => ruleName === ID).flatMap(({ violatingResources }) => violatingResources.map(({ constructPath }) => String(constructPath)));
    };
    for (const nested of [false, true]) {
      expect(judge(nested, () => undefined)).toEqual([]);
      expect(judge(nested, (own) => cfn(own).addPropertyOverride('GenerateSecretString.SecretStringTemplate', '{"username":"app"}'))).toEqual(['Stack/Events/InternalSecret/Resource']);
      expect(judge(nested, (own, stack) => void new lambda.CfnFunction(stack, 'Loader', { role: 'arn:aws:iam::111122223333:role/loader', code: { zipFile: 'x' }, environment: { variables: { CLICKHOUSE_SECRET: own.secretArn } } }))).toEqual(['Stack/Events/InternalSecret/Resource']);
    }
  });
});

describe('the certificates of the nodes of our own clusters', () => {
  const FINDING = ['Secret: secret Secret, used by the start-up script of Node, is never replaced: it has no rotation schedule'];
  const empty = (more: Json = {}): Json => resource('AWS::SecretsManager::Secret', { Description: 'a certificate and its key', ...more });
  const certificate = (SecretArn: unknown = { Ref: 'Secret' }, type = 'Custom::ClickHouseCertificate'): Json => resource(type, { ServiceToken: 'arn:aws:lambda:eu-west-1:111122223333:function:issuer', Node: 'server-1-1.events.internal', SecretArn });
  const node = (mark: unknown = { role: 'server' }): Json => resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: { 'Fn::Base64': { 'Fn::Sub': `${INSTALL}echo '{"nodeSecretArn":"\${Secret}"}'` } } } }, { Metadata: { 'cdk-secure-clickhouse': mark } });
  const inOrder = { Secret: empty(), Certificate: certificate(), Node: node() };

  const more = {
    Parameters: { Password: { Type: 'String', NoEcho: true }, Level: { Type: 'String' } },
    Conditions: { C: { 'Fn::Equals': [{ Ref: 'Level' }, 'high'] }, Never: { 'Fn::Equals': ['high', 'low'] } },
  };

  test('need no schedule', () => {
    expect(found(inOrder)).toEqual([]);
    expect(found({ ...inOrder, Keeper: node({ role: 'keeper' }) })).toEqual([]);
    expect(found({ ...inOrder, Certificate: certificate({ 'Fn::Sub': '${Secret}' }) })).toEqual([]);
  });

  test.each<[string, Json]>([
    ['generates a value', { Secret: empty({ GenerateSecretString: { PasswordLength: 32 } }) }],
    ['generates a password for a name', { Secret: empty({ GenerateSecretString: { SecretStringTemplate: '{"username":"app"}', GenerateStringKey: 'password' } }) }],
    ['generates a value of no further description', { Secret: empty({ GenerateSecretString: {} }) }],
    ['has a value', { Secret: empty({ SecretString: 'open sesame' }) }],
    ['has a value in one branch', { Secret: empty({ SecretString: { 'Fn::If': ['C', 'open sesame', { Ref: 'AWS::NoValue' }] } }) }],
    ['has a value of a parameter', { Secret: empty({ SecretString: { Ref: 'Password' } }) }],
    ['no certificate names', { Certificate: resource('AWS::SNS::Topic') }],
    ['no certificate names, for it names another', { Other: empty(), Certificate: certificate({ Ref: 'Other' }) }],
    ['no certificate names, for it names none', { Certificate: certificate({ Ref: 'AWS::NoValue' }) }],
    ['no certificate names but in a text', { Certificate: certificate('Secret') }],
    ['a certificate of another type names', { Certificate: certificate({ Ref: 'Secret' }, 'Custom::Certificate') }],
    ['the authority names', { Certificate: certificate({ Ref: 'Secret' }, 'Custom::ClickHouseAuthority') }],
    ['a resource of CloudFormation names under another type', { Certificate: certificate({ Ref: 'Secret' }, 'AWS::CloudFormation::CustomResource') }],
    ['a certificate names that is left out', { Certificate: { ...certificate(), Condition: 'Never' } }],
    ['a certificate names that may be left out', { Certificate: { ...certificate(), Condition: 'C' } }],
    ['a certificate names unless it names another', { Certificate: certificate({ 'Fn::If': ['C', { Ref: 'Secret' }, { Ref: 'Other' }] }), Other: empty() }],
    ['is used by a launch template of somebody else', { Node: node('') }],
  ])('one that %s is a password like any other', (_, attack) => {
    expect(found({ ...inOrder, ...attack }, more)).toEqual(FINDING);
    expect(found({ ...inOrder, ...attack, Rotation }, more)).toEqual([]);
  });

  const Secrets = [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: { Ref: 'Secret' } }];

  test.each<[string, Json]>([
    ['a container of a server', { Task: task(undefined, {}, { Secrets }) }],
    ['a container of a client', { Task: task('registry.example.com/web:3', {}, { Name: 'web', Secrets }) }],
    ['a container that says it is ours', { Task: { ...task(undefined, {}, { Secrets }), Metadata: { 'cdk-secure-clickhouse': { role: 'server' } } } }],
    ['a function', { Loader: resource('AWS::Lambda::Function', { Environment: { Variables: { CLICKHOUSE_SECRET_ARN: { Ref: 'Secret' } } } }) }],
    ['a machine of its own', { Db: instance({ UserData: { 'Fn::Base64': { 'Fn::Sub': `${INSTALL}PW=$(${READ} \${Secret})` } } }) }],
    ['a machine that says it is ours', { Db: { ...instance({ UserData: { 'Fn::Base64': { 'Fn::Sub': `${INSTALL}PW=$(${READ} \${Secret})` } } }), Metadata: { 'cdk-secure-clickhouse': { role: 'server' } } } }],
    ['those who find it by a dynamic reference', { Task: task(undefined, {}, { Environment: [{ Name: 'CLICKHOUSE_PASSWORD', Value: { 'Fn::Sub': '{{resolve:secretsmanager:${Secret}:SecretString:privateKey}}' } }] }) }],
    ['a container that knows its name', { Secret: empty({ Name: 'prod/db' }), Task: task(undefined, {}, { Environment: [{ Name: 'CLICKHOUSE_PASSWORD', Value: '{{resolve:secretsmanager:prod/db:SecretString:privateKey}}' }] }) }],
    ['those who connect, as it says itself that it is ours', { Secret: { ...empty(), Metadata: { 'cdk-secure-clickhouse': { role: 'server' } } } }],
  ])('one that %s uses as well is a password like any other', (_, attack) => {
    expect(found({ ...inOrder, ...attack })).toEqual([expect.stringMatching(/^Secret: secret Secret, used by .*, is never replaced: it has no rotation schedule$/)]);
  });

  test('are told apart, one by one', () => {
    expect(found({ ...inOrder, Password: secret(), Db: instance({ UserData: { 'Fn::Base64': { 'Fn::Sub': `${INSTALL}PW=$(${READ} \${Password})` } } }) })).toEqual(['Password: secret Password, used by the start-up script of Db, is never replaced: it has no rotation schedule']);
  });

  test('of a cluster, and after somebody changed them', () => {
    const judge = (nested: boolean, damage: (own: secretsmanager.CfnSecret, certificate: CfnResource, stack: Stack) => void): string[] => {
      const app = new App();
      const stack = new Stack(app, 'Stack');
      const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 0, flowLogs: { All: {} }, subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] });
      const cluster = new ClickHouseCluster(stack, 'Events', { vpc, nestedStacks: nested });
      const parts = cluster.node.findAll().find(({ node: { id } }) => id === 'Shard1Replica2');
      const own = parts?.node.findChild('CertificateSecret') as secretsmanager.CfnSecret;
      damage(own, cfn(parts?.node.findChild('Certificate') as Construct), stack);
      // settles what nested stacks hand to each other.
      app.synth();
      return new ClickHouseChecks().validateScope(app).violations.filter(({ ruleName }) => ruleName === ID).flatMap(({ violatingResources }) => violatingResources.map(({ constructPath }) => String(constructPath)));
    };
    for (const nested of [false, true]) {
      const finding = [expect.stringMatching(/^Stack\/Events\/.*Shard1Replica2\/CertificateSecret$/)];
      expect(judge(nested, () => undefined)).toEqual([]);
      expect(judge(nested, (own) => own.addPropertyOverride('GenerateSecretString', { PasswordLength: 32 }))).toEqual(finding);
      expect(judge(nested, (own) => own.addPropertyOverride('SecretString', 'open sesame'))).toEqual(finding);
      expect(judge(nested, (_, certificate) => certificate.addOverride('Type', 'Custom::Certificate'))).toEqual(finding);
      expect(judge(nested, (_, certificate) => certificate.addPropertyOverride('SecretArn', 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:other-AbCdEf'))).toEqual(finding);
      expect(judge(nested, (own, _, stack) => void new lambda.CfnFunction(stack, 'Loader', { role: 'arn:aws:iam::111122223333:role/loader', code: { zipFile: 'x' }, environment: { variables: { CLICKHOUSE_SECRET: own.ref } } }))).toEqual(finding);
    }
  });
});

test('the users of our own clusters, in order and after somebody took the schedule away', () => {
  const judge = (damage: (rotation: CfnResource) => void): string[] => judged((stack) => {
    const vpc = new ec2.Vpc(stack, 'Vpc', { natGateways: 0, flowLogs: { All: {} }, subnetConfiguration: [{ name: 'Isolated', subnetType: ec2.SubnetType.PRIVATE_ISOLATED }] });
    const user = new ClickHouseCluster(stack, 'Events', { vpc }).addUser('reader');
    const rotation = user.node.findAll().find((each) => CfnResource.isCfnResource(each) && each.cfnResourceType === 'AWS::SecretsManager::RotationSchedule') as CfnResource;
    damage(rotation);
  });
  expect(judge(() => undefined)).toEqual([]);
  expect(judge((rotation) => rotation.addPropertyDeletionOverride('RotationRules'))).toEqual([expect.stringMatching(`^error: ${ID} on Stack/Events/.*Secret/Resource$`)]);
  expect(judge((rotation) => rotation.addPropertyOverride('SecretId', 'prod/other'))).toEqual([expect.stringMatching(`^error: ${ID} on Stack/Events/.*Secret/Resource$`)]);
});

test('constructs: in order, after a property override, and by a raw resource', () => {
  const judge = (damage: (secret: secretsmanager.Secret, rotation: CfnResource) => void): string[] => judged((stack) => {
    const own = new secretsmanager.Secret(stack, 'Secret');
    const code = lambda.Code.fromInline('exports.handler = () => {};');
    const rotator = new lambda.Function(stack, 'Rotator', { runtime: lambda.Runtime.NODEJS_22_X, handler: 'index.handler', code });
    const rotation = own.addRotationSchedule('Rotation', { rotationLambda: rotator, automaticallyAfter: Duration.days(30) });
    const definition = new ecs.FargateTaskDefinition(stack, 'Task');
    definition.addContainer('Db', { image: ecs.ContainerImage.fromRegistry('clickhouse/clickhouse-server:26.8.36.3'), secrets: { CLICKHOUSE_PASSWORD: ecs.Secret.fromSecretsManager(own, 'password') } });
    damage(own, cfn(rotation));
  }, ID);
  const finding = [`error: ${ID} on Stack/Secret/Resource`];
  expect(judge(() => undefined)).toEqual([]);
  expect(judge((_, rotation) => rotation.addPropertyDeletionOverride('RotationRules'))).toEqual(finding);
  expect(judge((_, rotation) => rotation.addPropertyOverride('SecretId', 'prod/other'))).toEqual(finding);
  expect(judge((own, rotation) => {
    rotation.addOverride('Type', 'AWS::SNS::Topic');
    rotation.addOverride('Properties', {});
    void new CfnResource(own.stack, 'Raw', { type: 'AWS::SecretsManager::RotationSchedule', properties: { SecretId: own.secretArn, RotationRules: { AutomaticallyAfterDays: 7 } } });
  })).toEqual([]);
  const app = new App();
  const stack = new Stack(app, 'Stack');
  const inner = new secretsmanager.Secret(new NestedStack(stack, 'Inner'), 'Secret');
  const Environment = [{ Name: 'CLICKHOUSE_PASSWORD', Value: SecretValue.secretsManager(inner.secretArn).unsafeUnwrap() }];
  void new CfnResource(stack, 'Raw', { type: 'AWS::ECS::TaskDefinition', properties: { ContainerDefinitions: [{ Name: 'db', Image: 'clickhouse/clickhouse-server:26.8.36.3', Environment }] } });
  app.synth();
  const nested = new ClickHouseChecks().validateScope(app).violations.filter(({ ruleName }) => ruleName === ID).flatMap(({ violatingResources }) => violatingResources.map(({ constructPath }) => constructPath));
  expect(nested).toEqual(['Stack/Inner/Secret/Resource']);
});
