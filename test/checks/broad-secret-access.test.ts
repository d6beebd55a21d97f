import { CfnResource } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as iam from 'aws-cdk-lib/aws-iam';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { cfn, database, judged } from './constructs';
import type { Json } from './support';
import { instance, lines, resource, task, template } from './support';

const ID = 'ClickHouse-BroadSecretAccess';
const found = (resources: Json, more: Json = {}): string[] => lines(template(resources, more), ID);

const policy = (...Statement: Json[]): Json => ({ Version: '2012-10-17', Statement });
const allow = (Action: unknown, Resource: unknown, more: Json = {}): Json => ({ Effect: 'Allow', Action, Resource, ...more });
const role = (more: Json = {}): Json => resource('AWS::IAM::Role', { AssumeRolePolicyDocument: {}, ...more });
const inline = (...statements: Json[]): Json => ({ Policies: [{ PolicyName: 'p', PolicyDocument: policy(...statements) }] });
const acting = { Task: task(undefined, { TaskRoleArn: { 'Fn::GetAtt': ['Role', 'Arn'] } }) };
const of = (...statements: Json[]): string[] => found({ Role: role(inline(...statements)), ...acting }, PARAMETERS);

const PARAMETERS = { Parameters: { Given: { Type: 'String' }, All: { Type: 'String', Default: '*' } } };
const GET = 'secretsmanager:GetSecretValue';
const ONE = 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/db-AbCdEf';

describe('statements', () => {
  test.each<[string, Json]>([
    ['everything', allow('*', '*')],
    ['all of the service', allow('secretsmanager:*', '*')],
    ['reading', allow(GET, '*')],
    ['among others', allow(['s3:GetObject', GET], ['arn:aws:s3:::x/*', '*'])],
    ['in other letters', allow('SecretsManager:getsecretvalue', '*')],
    ['by a pattern', allow('secretsmanager:Get*', '*')],
    ['by a pattern with a gap', allow('secrets*:Get?ecretValue', '*')],
    ['by a pattern without a service', allow('*:*', '*')],
    ['all but something else', { Effect: 'Allow', NotAction: 'iam:*', Resource: '*' }],
    ['every secret', allow(GET, 'arn:aws:secretsmanager:*:*:secret:*')],
    ['every secret of a region', allow(GET, { 'Fn::Sub': 'arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:*' })],
    ['every secret, put together', allow(GET, { 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':secretsmanager:', { Ref: 'AWS::Region' }, ':', { Ref: 'AWS::AccountId' }, ':secret:*']] })],
    ['everything of the service', allow(GET, 'arn:aws:secretsmanager:*:*:*')],
    ['every secret of any name', allow(GET, 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:*-??????')],
    ['every secret with two stars', allow(GET, 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:**')],
    ['all secrets but one', { Effect: 'Allow', Action: GET, NotResource: ONE }],
    ['the default of a parameter', allow(GET, { Ref: 'All' })],
    ['one branch', allow(GET, { 'Fn::If': ['C', ONE, '*'] })],
    ['a statement in a branch', { 'Fn::If': ['C', allow(GET, '*'), { Ref: 'AWS::NoValue' }] }],
  ])('%s', (_, statement) => {
    expect(of(statement)).toEqual([expect.stringMatching(/^Role: ClickHouse \(Task\) may read every secret of the account: its task role \(Role\) allows secretsmanager:GetSecretValue on /)]);
  });

  test.each<[string, Json]>([
    ['one secret', allow(GET, ONE)],
    ['the secrets of a part', allow(GET, 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:prod/clickhouse/*')],
    ['a reference', allow(GET, { Ref: 'Secret' })],
    ['a parameter', allow(GET, { Ref: 'Given' })],
    ['something else on everything', allow(['secretsmanager:ListSecrets', 'secretsmanager:GetRandomPassword'], '*')],
    ['all buckets', allow('s3:*', '*')],
    ['all but secrets', { Effect: 'Allow', NotAction: ['secretsmanager:*', 'ssm:*'], Resource: '*' }],
    ['every bucket, by mistake', allow(GET, 'arn:aws:s3:::*')],
    ['denied', { Effect: 'Deny', Action: '*', Resource: '*' }],
  ])('not: %s', (_, statement) => {
    expect(of(statement)).toEqual([]);
  });

  const tag = { 'aws:ResourceTag/team': 'data' };
  test.each<[string, Json, boolean]>([
    ['a tag', { StringEquals: tag }, true],
    ['a tag of the service', { StringEquals: { 'secretsmanager:ResourceTag/team': ['data', 'tools'] } }, true],
    ['a tag, in other letters', { stringlike: { 'AWS:resourcetag/team': 'data-*' } }, true],
    ['a tag, of any', { 'ForAnyValue:StringEquals': tag }, true],
    ['whose function rotates it', { ArnEquals: { 'secretsmanager:resource/AllowRotationLambdaArn': 'arn:aws:lambda:eu-west-1:111122223333:function:rotate' } }, true],
    ['its name', { StringLike: { 'secretsmanager:SecretId': 'arn:aws:secretsmanager:*:*:secret:prod/db-*' } }, true],
    ['a tag and the network', { StringEquals: { ...tag, 'aws:SourceVpc': 'vpc-1' } }, true],
    ['any value of a tag', { StringLike: { 'aws:ResourceTag/team': '*' } }, false],
    ['one value or any', { StringLike: { 'aws:ResourceTag/team': ['data', '*'] } }, false],
    ['no value of a tag', { StringEquals: { 'aws:ResourceTag/team': [] } }, false],
    ['a tag, if there is one', { StringEqualsIfExists: tag }, false],
    ['a tag, of all there are', { 'ForAllValues:StringEquals': tag }, false],
    ['another tag', { StringNotEquals: tag }, false],
    ['no tag', { Null: { 'aws:ResourceTag/team': 'true' } }, false],
    ['the network', { StringEquals: { 'aws:SourceVpc': 'vpc-1' } }, false],
    ['TLS', { Bool: { 'aws:SecureTransport': 'true' } }, false],
    ['the region', { StringEquals: { 'aws:RequestedRegion': 'eu-west-1' } }, false],
    ['nothing', {}, false],
  ])('a condition on %s', (_, Condition, narrows) => {
    expect(of(allow(GET, '*', { Condition }))).toHaveLength(narrows ? 0 : 1);
  });

  test('parameters, where they can be decrypted', () => {
    const decrypt = allow('kms:Decrypt', '*');
    const read = allow(['ssm:GetParameters'], '*');
    expect(of(read, decrypt)).toEqual([expect.stringMatching(/^Role: ClickHouse \(Task\) may read every parameter of the account and decrypt it: its task role \(Role\) allows ssm:GetParameter on '\*' and kms:Decrypt on every key$/)]);
    expect(of(allow('ssm:Get*', 'arn:aws:ssm:*:*:parameter/*'), allow('kms:*', 'arn:aws:kms:*:*:key/*'))).toHaveLength(1);
    expect(of(read)).toEqual([]);
    expect(of(read, allow('kms:Decrypt', 'arn:aws:kms:eu-west-1:111122223333:key/1234'))).toEqual([]);
    expect(of(allow('ssm:GetParameter', 'arn:aws:ssm:eu-west-1:111122223333:parameter/prod/db/*'), decrypt)).toEqual([]);
    expect(of(decrypt)).toEqual([]);
    // once for an administrator.
    expect(of(allow('*', '*'))).toHaveLength(1);
  });
});

describe('whose role it is', () => {
  const broad = inline(allow(GET, '*'));
  const profile = (more: Json = {}): Json => resource('AWS::IAM::InstanceProfile', { Roles: [{ Ref: 'Role' }], ...more });

  test.each<[string, Json]>([
    ['a task', acting],
    ['a task, to start', { Task: task(undefined, { ExecutionRoleArn: { 'Fn::GetAtt': ['Role', 'Arn'] } }) }],
    ['a machine', { Profile: profile(), Db: instance({ IamInstanceProfile: { Ref: 'Profile' } }) }],
    ['a launch template by name', { Profile: profile(), Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: instance().Properties && (instance().Properties as Json).UserData, IamInstanceProfile: { Name: { Ref: 'Profile' } } } }) }],
    ['a launch template by ARN', { Profile: profile(), Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: (instance().Properties as Json).UserData, IamInstanceProfile: { Arn: { 'Fn::GetAtt': ['Profile', 'Arn'] } } } }) }],
    ['a launch configuration', { Profile: profile(), Config: resource('AWS::AutoScaling::LaunchConfiguration', { UserData: (instance().Properties as Json).UserData, IamInstanceProfile: { Ref: 'Profile' } }) }],
    ['a machine by names', { Role: role({ ...broad, RoleName: 'db' }), Profile: profile({ InstanceProfileName: 'db', Roles: ['db'] }), Db: instance({ IamInstanceProfile: 'db' }) }],
    ['a task by an ARN', { Role: role({ ...broad, RoleName: 'db' }), Task: task(undefined, { TaskRoleArn: 'arn:aws:iam::111122223333:role/apps/db' }) }],
  ])('%s', (_, resources) => {
    expect(found({ Role: role(broad), ...resources })).toEqual([expect.stringMatching(/^Role: ClickHouse \((?:Task|Db|Template|Config)\) may read every secret of the account/)]);
    expect(found({ ...resources, Role: role({ ...inline(allow(GET, ONE)), RoleName: 'db' }) })).toEqual([]);
  });

  test.each<[string, Json]>([
    ['of something else', { Task: task('nginx', { TaskRoleArn: { 'Fn::GetAtt': ['Role', 'Arn'] } }) }],
    ['that is elsewhere', { Task: task(undefined, { TaskRoleArn: 'arn:aws:iam::111122223333:role/db' }) }],
    ['that nobody has', { Task: task() }],
  ])('not: %s', (_, resources) => {
    expect(found({ Role: role(broad), ...resources })).toEqual([]);
  });
});

describe('where it is allowed', () => {
  const document = { PolicyDocument: policy(allow(GET, '*')) };

  test.each<[string, Json, string]>([
    ['a policy', { Policy: resource('AWS::IAM::Policy', { ...document, Roles: [{ Ref: 'Role' }] }) }, 'Policy'],
    ['a policy by name', { Role: role({ RoleName: 'db' }), Policy: resource('AWS::IAM::Policy', { ...document, Roles: ['db'] }) }, 'Policy'],
    ['a policy of one role', { Policy: resource('AWS::IAM::RolePolicy', { ...document, RoleName: { Ref: 'Role' } }) }, 'Policy'],
    ['a managed policy that names the role', { Policy: resource('AWS::IAM::ManagedPolicy', { ...document, Roles: [{ Ref: 'Role' }] }) }, 'Policy'],
    ['a managed policy that the role names', { Role: role({ ManagedPolicyArns: [{ Ref: 'Policy' }] }), Policy: resource('AWS::IAM::ManagedPolicy', document) }, 'Policy'],
    ['a policy of AWS', { Role: role({ ManagedPolicyArns: ['arn:aws:iam::aws:policy/SecretsManagerReadWrite'] }) }, 'Role'],
    ['a policy of AWS, put together', { Role: role({ ManagedPolicyArns: [{ 'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, ':iam::aws:policy/AdministratorAccess']] }] }) }, 'Role'],
  ])('%s', (_, resources, where) => {
    expect(found({ Role: role(), ...acting, ...resources })).toEqual([expect.stringMatching(new RegExp(`^${where}: ClickHouse \\(Task\\) may read every secret`))]);
  });

  test.each<[string, Json]>([
    ['a policy of another role', { Policy: resource('AWS::IAM::Policy', { ...document, Roles: [{ Ref: 'Other' }] }), Other: role() }],
    ['a policy of AWS for machines', { Role: role({ ManagedPolicyArns: ['arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore', 'arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy'] }) }],
    ["somebody's policy of that name", { Role: role({ ManagedPolicyArns: ['arn:aws:iam::111122223333:policy/AdministratorAccess'] }) }],
  ])('not: %s', (_, resources) => {
    expect(found({ Role: role(), ...acting, ...resources })).toEqual([]);
  });

  test('in another stack', () => {
    const producer = template({ Role: role() }, { Outputs: { Arn: { Value: { 'Fn::GetAtt': ['Role', 'Arn'] }, Export: { Name: 'arn' } }, Name: { Value: { Ref: 'Role' }, Export: { Name: 'name' } } } }, 'role.json');
    const consumer = template({ Task: task(undefined, { TaskRoleArn: { 'Fn::ImportValue': 'arn' } }) }, {}, 'task.json');
    const granting = template({ Policy: resource('AWS::IAM::Policy', { ...document, Roles: [{ 'Fn::ImportValue': 'name' }] }) }, {}, 'policy.json');
    expect(lines([producer, consumer], ID)).toEqual([]);
    expect(lines([producer, consumer, granting], ID)).toHaveLength(1);
  });
});

describe('policies of secrets', () => {
  const secured = (statement: Json, ValueFrom: unknown = { Ref: 'Secret' }): Json => ({
    Secret: resource('AWS::SecretsManager::Secret', { GenerateSecretString: {} }),
    Policy: resource('AWS::SecretsManager::ResourcePolicy', { SecretId: { Ref: 'Secret' }, ResourcePolicy: policy(statement) }),
    Task: task(undefined, {}, { Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom }] }),
  });
  const to = (Principal: unknown, more: Json = {}): Json => allow(GET, '*', { Principal, ...more });

  test.each<[string, Json]>([
    ['everybody', to('*')],
    ['everybody of AWS', to({ AWS: '*' })],
    ['somebody and everybody', to({ AWS: ['arn:aws:iam::111122223333:root', '*'] })],
    ['all but somebody', { Effect: 'Allow', Action: GET, Resource: '*', NotPrincipal: { AWS: 'arn:aws:iam::111122223333:root' } }],
    ['everybody, for everything', { Effect: 'Allow', Action: '*', Resource: '*', Principal: '*' }],
    ['everybody over TLS', to('*', { Condition: { Bool: { 'aws:SecureTransport': 'true' } } })],
    ['everybody of an organisation, if there is one', to('*', { Condition: { StringEqualsIfExists: { 'aws:PrincipalOrgID': 'o-1' } } })],
    ['everybody of any organisation', to('*', { Condition: { StringLike: { 'aws:PrincipalOrgID': '*' } } })],
  ])('%s', (_, statement) => {
    expect(found(secured(statement))).toEqual(['Policy: everybody may read secret Secret of ClickHouse: its policy allows any principal, without a condition on who asks']);
  });

  test.each<[string, Json]>([
    ['an account', secured(to({ AWS: 'arn:aws:iam::111122223333:root' }))],
    ['an organisation', secured(to('*', { Condition: { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } } }))],
    ['an account by a condition', secured(to('*', { Condition: { StringEquals: { 'aws:PrincipalAccount': { Ref: 'AWS::AccountId' } } } }))],
    ['a denial', secured({ Effect: 'Deny', Action: '*', Resource: '*', Principal: '*' })],
    ['something else', secured({ Effect: 'Allow', Action: 'secretsmanager:DescribeSecret', Resource: '*', Principal: '*' })],
    ['a secret of something else', secured(to('*'), 'arn:aws:ssm:eu-west-1:111122223333:parameter/db')],
  ])('not: %s', (_, resources) => {
    expect(found(resources)).toEqual([]);
  });
});

test('patterns that double back end', () => {
  const started = Date.now();
  expect(of(allow(`secretsmanager:${'*a'.repeat(20_000)}`, '*'), allow(`${'*?'.repeat(90)}`, '*'))).toHaveLength(0);
  expect(Date.now() - started).toBeLessThan(1_000);
});

test('constructs: in order, after a property override, and by a raw resource', () => {
  const judge = (damage: (task: ecs.FargateTaskDefinition, secret: secretsmanager.Secret) => void): string[] => judged((stack) => {
    const secret = new secretsmanager.Secret(stack, 'Secret');
    const definition = new ecs.FargateTaskDefinition(stack, 'Task');
    definition.addContainer('Db', { image: ecs.ContainerImage.fromRegistry('clickhouse/clickhouse-server:26.8.36.3'), secrets: { CLICKHOUSE_PASSWORD: ecs.Secret.fromSecretsManager(secret) } });
    secret.grantRead(definition.taskRole);
    damage(definition, secret);
  }, ID);
  expect(judge(() => undefined)).toEqual([]);
  expect(judge((definition) => cfn(definition.taskRole.node.findChild('DefaultPolicy') as iam.Policy).addPropertyOverride('PolicyDocument.Statement.0.Resource', '*'))).toEqual([`error: ${ID} on Stack/Task/TaskRole/DefaultPolicy/Resource`]);
  expect(judge((definition) => void definition.taskRole.addToPrincipalPolicy(new iam.PolicyStatement({ actions: ['secretsmanager:*'], resources: ['*'] })))).toEqual([`error: ${ID} on Stack/Task/TaskRole/DefaultPolicy/Resource`]);
  expect(judge((definition) => void definition.addToExecutionRolePolicy(new iam.PolicyStatement({ actions: [GET], resources: ['*'] })))).toEqual([`error: ${ID} on Stack/Task/ExecutionRole/DefaultPolicy/Resource`]);
  expect(judge((_, secret) => void secret.addToResourcePolicy(new iam.PolicyStatement({ actions: [GET], resources: ['*'], principals: [new iam.AnyPrincipal()] })))).toEqual([`error: ${ID} on Stack/Secret/Policy/Resource`]);
  expect(judge((definition) => void new CfnResource(definition, 'Raw', { type: 'AWS::IAM::RolePolicy', properties: { RoleName: definition.taskRole.roleName, PolicyName: 'p', PolicyDocument: policy(allow(GET, '*')) } }))).toEqual([`error: ${ID} on Stack/Task/Raw`]);
  expect(judged((stack) => void database(stack).server.role.addToPrincipalPolicy(new iam.PolicyStatement({ actions: [GET], resources: ['*'] })), ID)).toEqual([`error: ${ID} on Stack/Server/InstanceRole/DefaultPolicy/Resource`]);
});
