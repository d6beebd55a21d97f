// what public deployments do about passwords and secrets, written anew and reduced to that; with neutral names.
import type { Practice } from './practices';
import { testPractices } from './practices';
import type { Json } from './support';
import { instance, resource, task } from './support';

const RULES = ['NoAuthentication', 'LiteralPassword', 'SecretWithoutRotation', 'BroadSecretAccess'];

const script = (...commands: string[]): Json => ({ UserData: { 'Fn::Base64': ['#!/bin/bash', ...commands, ''].join('\n') } });
const policy = (...Statement: Json[]): Json => ({ Policies: [{ PolicyName: 'p', PolicyDocument: { Statement } }] });
const allow = (Action: unknown, Resource: unknown): Json => ({ Effect: 'Allow', Action, Resource });
const role = (...statements: Json[]): Json => resource('AWS::IAM::Role', { AssumeRolePolicyDocument: {}, ...policy(...statements) });
const Profile = resource('AWS::IAM::InstanceProfile', { Roles: [{ Ref: 'Role' }] });
const secret = (more: Json = {}): Json => resource('AWS::SecretsManager::Secret', { GenerateSecretString: { PasswordLength: 32, ...more } });
const Rotation = resource('AWS::SecretsManager::RotationSchedule', { SecretId: { Ref: 'Secret' }, RotationLambdaARN: 'arn:aws:lambda:eu-west-1:111122223333:function:rotate', RotationRules: { AutomaticallyAfterDays: 30 } });
const users = (inner: string): string[] => ['cat > /etc/clickhouse-server/users.d/app.xml <<E', `<clickhouse><users>${inner}</users></clickhouse>`, 'E'];
const manifest = (object: Json): Json => ({ Manifest: resource('Custom::AWSCDK-EKS-KubernetesResource', { ClusterName: 'tools', Manifest: JSON.stringify([object]) }) });
const chart = (Chart: string, Values: unknown): Json => ({ Chart: resource('Custom::AWSCDK-EKS-HelmChart', { ClusterName: 'tools', Release: 'db', Chart, Values }) });
const environment = (variables: Json): Json => ({ Environment: Object.entries(variables).map(([Name, Value]) => ({ Name, Value })) });

const PRACTICES: readonly Practice[] = [
  {
    name: '1: an installation that asks for no password, on every address, with a role for every secret',
    bad: {
      Db: instance({ ...script('DEBIAN_FRONTEND=noninteractive apt-get install -y clickhouse-server', "echo '<clickhouse><listen_host>0.0.0.0</listen_host></clickhouse>' > /etc/clickhouse-server/config.d/listen.xml", "cat > /etc/backup.yml <<E\nclickhouse:\n  username: default\n  password: \"\"\nE"), IamInstanceProfile: { Ref: 'Profile' } }),
      Profile,
      Role: role(allow('secretsmanager:GetSecretValue', '*'), allow('s3:*', 'arn:aws:s3:::*/*')),
    },
    found: ['BroadSecretAccess on Role', 'NoAuthentication on Db'],
    twin: {
      Db: instance({ ...script('apt-get install -y clickhouse-server', ...users('<default remove="remove"/><app><password_sha256_hex>$H</password_sha256_hex></app>')), IamInstanceProfile: { Ref: 'Profile' } }),
      Profile,
      Role: role(allow('secretsmanager:GetSecretValue', { Ref: 'Secret' })),
    },
  },
  {
    name: '2: containers without a word about users, which may be in the image',
    bad: { Db: instance(script('docker run -d --name clickhouse -p 8123:8123 -p 9000:9000 registry.example.com/storage:latest')) },
    found: [],
    twin: { Db: instance(script('docker run -d clickhouse/clickhouse-server:26.8.36.3')) },
  },
  {
    name: '3: an empty password, for networks that are included from elsewhere',
    bad: { Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: script('yum install -y clickhouse-server', ...users('<default><password></password><networks incl="networks_config" /></default>')) }) },
    found: ['NoAuthentication on Template'],
    twin: { Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: script('yum install -y clickhouse-server', ...users('<default><password></password><networks><ip>::1</ip><ip>127.0.0.1</ip></networks></default>')) }) },
  },
  {
    name: '4: a secret unwrapped into the environment, never replaced, with a role for all of them',
    bad: {
      Secret: secret({ PasswordLength: 8 }),
      Role: role(allow(['secretsmanager:*', 's3:*'], '*')),
      Task: task(undefined, { TaskRoleArn: { 'Fn::GetAtt': ['Role', 'Arn'] } }, environment({ CLICKHOUSE_USER: 'app', CLICKHOUSE_PASSWORD: { 'Fn::Join': ['', ['{{resolve:secretsmanager:', { Ref: 'Secret' }, ':SecretString:password::}}']] } })),
    },
    found: ['BroadSecretAccess on Role', 'LiteralPassword on Task', 'SecretWithoutRotation on Secret'],
    twin: {
      Secret: secret(),
      Rotation,
      Role: role(allow('secretsmanager:GetSecretValue', { Ref: 'Secret' })),
      Task: task(undefined, { TaskRoleArn: { 'Fn::GetAtt': ['Role', 'Arn'] } }, { ...environment({ CLICKHOUSE_USER: 'app' }), Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: { 'Fn::Join': ['', [{ Ref: 'Secret' }, ':password::']] } }] }),
    },
  },
  {
    name: '5 and 6: a secret that ECS hands over, never replaced',
    bad: { Secret: secret({ PasswordLength: 24 }), Task: task(undefined, {}, { ...environment({ CLICKHOUSE_USER: 'app' }), Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: { Ref: 'Secret' } }] }) },
    found: ['SecretWithoutRotation on Secret'],
    twin: { Secret: secret(), Rotation, Task: task(undefined, {}, { ...environment({ CLICKHOUSE_USER: 'app' }), Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: { Ref: 'Secret' } }] }) },
  },
  {
    name: '7 and 10: a secret read at start, hashed on the machine, default for the machine itself, never replaced',
    bad: {
      Secret: secret(),
      Db: instance({ UserData: { 'Fn::Base64': { 'Fn::Sub': ['yum install -y clickhouse-server', 'PW=$(aws secretsmanager get-secret-value --secret-id ${Secret} --query SecretString --output text)', 'H=$(printf "%s" "$PW" | sha256sum | cut -d" " -f1)', ...users('<default><password></password><networks><ip>127.0.0.1</ip><ip>::1</ip></networks></default><app><password_sha256_hex>$H</password_sha256_hex><access_management>1</access_management></app>')].join('\n') } } }),
    },
    found: ['SecretWithoutRotation on Secret'],
    twin: {
      Secret: secret(),
      Rotation,
      Db: instance({ UserData: { 'Fn::Base64': { 'Fn::Sub': 'yum install -y clickhouse-server\nPW=$(aws secretsmanager get-secret-value --secret-id ${Secret} --query SecretString --output text)' } } }),
    },
  },
  {
    name: '8: access management with an empty password',
    bad: { Task: task(undefined, {}, environment({ CLICKHOUSE_USER: 'default', CLICKHOUSE_PASSWORD: '', CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT: '1' })) },
    found: ['NoAuthentication on Task'],
    twin: { Task: task(undefined, {}, environment({})) },
  },
  {
    name: '9: a password in code, in the environment, the health check and the address of clients',
    bad: {
      Task: task(undefined, {}, { ...environment({ CLICKHOUSE_USER: 'app', CLICKHOUSE_PASSWORD: 'sample', CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT: '1' }), HealthCheck: { Command: ['CMD-SHELL', 'clickhouse-client --user app --password sample --query "SELECT 1"'] } }),
      Web: task('registry.example.com/web:3', {}, { Name: 'web', ...environment({ CLICKHOUSE_URL: 'http://app:sample@db.internal:8123' }) }),
    },
    found: ['LiteralPassword on Task', 'LiteralPassword on Web'],
    twin: {
      Secret: secret(),
      Rotation,
      Task: task(undefined, {}, { ...environment({ CLICKHOUSE_USER: 'app', CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT: '1' }), Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: { Ref: 'Secret' } }], HealthCheck: { Command: ['CMD-SHELL', 'clickhouse-client --user app --password "$CLICKHOUSE_PASSWORD" --query "SELECT 1"'] } }),
      Web: task('registry.example.com/web:3', {}, { Name: 'web', ...environment({ CLICKHOUSE_URL: 'http://db.internal:8123' }) }),
    },
  },
  {
    name: '11: a password in the variables that a script writes',
    bad: { Db: instance(script('cat > /opt/app/.env <<E', 'CLICKHOUSE_USER=app', 'CLICKHOUSE_PASSWORD=sample-poc-2026', 'E', 'docker run -d --env-file /opt/app/.env clickhouse/clickhouse-server:26.8.36.3')) },
    found: ['LiteralPassword on Db'],
    twin: { Db: instance(script('PW=$(cat /run/password)', 'cat > /opt/app/.env <<E', 'CLICKHOUSE_USER=app', 'CLICKHOUSE_PASSWORD=$PW', 'E', 'docker run -d --env-file /opt/app/.env clickhouse/clickhouse-server:26.8.36.3')) },
  },
  {
    name: '12: a server on an image of its own, without a word about users',
    bad: { Db: instance(script('systemctl start clickhouse-server')) },
    found: [],
    twin: { Db: instance() },
  },
  {
    name: '13: a generated secret in plain elements, and a role for every secret',
    bad: {
      Secret: secret({ PasswordLength: 20 }),
      Db: instance({ IamInstanceProfile: { Ref: 'Profile' }, UserData: { 'Fn::Base64': { 'Fn::Sub': ['yum install -y clickhouse-server', 'bash setup.sh {{resolve:secretsmanager:${Secret}:SecretString:password}}', "echo '<remote_servers><a><shard><replica><user>default</user><password>{{resolve:secretsmanager:${Secret}:SecretString:password}}</password></replica></shard></a></remote_servers>' > /etc/clickhouse-server/config.d/a.xml"].join('\n') } } }),
      Profile,
      Role: role(allow(['secretsmanager:GetSecretValue', 'secretsmanager:DescribeSecret'], { 'Fn::Sub': 'arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:*' })),
    },
    found: ['BroadSecretAccess on Role', 'LiteralPassword on Db', 'SecretWithoutRotation on Secret'],
    twin: {
      Secret: secret(),
      Rotation,
      Db: instance({ IamInstanceProfile: { Ref: 'Profile' }, UserData: { 'Fn::Base64': { 'Fn::Sub': 'yum install -y clickhouse-server\nbash setup.sh ${Secret}' } } }),
      Profile,
      Role: role(allow('secretsmanager:GetSecretValue', { Ref: 'Secret' })),
    },
  },
  {
    name: '14: a baked image, and everything of another service',
    bad: { Db: instance({ ...script('service clickhouse-server start'), IamInstanceProfile: { Ref: 'Profile' } }), Profile, Role: role(allow('s3:*', '*')) },
    found: [],
    twin: { Db: instance() },
  },
  {
    name: '15: passwords of parameters, in metadata and in statements',
    more: { Parameters: { ReaderPassword: { Type: 'AWS::SSM::Parameter::Value<String>', NoEcho: true } } },
    bad: {
      Db: {
        ...instance(),
        Metadata: { 'AWS::CloudFormation::Init': { config: { files: { '/opt/users.sql': { content: { 'Fn::Sub': "CREATE USER IF NOT EXISTS reader IDENTIFIED BY '${ReaderPassword}';" } } } } } },
      },
    },
    found: ['LiteralPassword on Db'],
    twin: {
      Db: {
        ...instance(),
        Metadata: { 'AWS::CloudFormation::Init': { config: { commands: { 1: { command: 'P=$(aws ssm get-parameter --with-decryption --name /reader --output text); clickhouse-client -q "CREATE USER IF NOT EXISTS reader IDENTIFIED BY \'$P\'"' } } } } },
      },
    },
  },
  {
    name: '16: a short secret in a substitution in the environment, with a role for all of them',
    bad: {
      Secret: secret({ PasswordLength: 8 }),
      Policy: resource('AWS::IAM::ManagedPolicy', { PolicyDocument: { Statement: [allow(['secretsmanager:*'], '*')] }, Roles: [{ Ref: 'Role' }] }),
      Role: resource('AWS::IAM::Role', { AssumeRolePolicyDocument: {} }),
      Task: task(undefined, { TaskRoleArn: { 'Fn::GetAtt': ['Role', 'Arn'] } }, environment({ CLICKHOUSE_PASSWORD: { 'Fn::Sub': '{{resolve:secretsmanager:${Secret}:SecretString:password}}' } })),
    },
    found: ['BroadSecretAccess on Policy', 'LiteralPassword on Task', 'SecretWithoutRotation on Secret'],
    twin: { Secret: secret(), Rotation, Task: task(undefined, {}, { Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: { Ref: 'Secret' } }] }) },
  },
  {
    name: '17: a secret for each user, read by its name, never replaced',
    bad: { Secret: resource('AWS::SecretsManager::Secret', { Name: 'station/reader', GenerateSecretString: {} }), Db: instance(script('yum install -y clickhouse-server', 'aws secretsmanager get-secret-value --secret-id station/reader > /run/reader')) },
    found: ['SecretWithoutRotation on Secret'],
    twin: { Secret: resource('AWS::SecretsManager::Secret', { Name: 'station/reader', GenerateSecretString: {} }), Rotation, Db: instance(script('yum install -y clickhouse-server', 'aws secretsmanager get-secret-value --secret-id station/reader > /run/reader')) },
  },
  {
    name: '18: the answer to the package is a word',
    bad: { Db: instance(script('echo "clickhouse-server clickhouse-server/default-password password sample" | debconf-set-selections', 'apt-get install -y clickhouse-server')) },
    found: ['LiteralPassword on Db'],
    twin: { Db: instance(script('echo "clickhouse-server clickhouse-server/default-password password $(cat /run/password)" | debconf-set-selections', 'apt-get install -y clickhouse-server')) },
  },
  {
    name: '19: an empty password, from everywhere',
    bad: { Db: instance(script('apt-get install -y clickhouse-server', ...users('<default><password></password><networks><ip>::/0</ip></networks></default>'), "echo '<listen_host>::</listen_host>' > /etc/clickhouse-server/config.d/a.xml")) },
    found: ['NoAuthentication on Db'],
    twin: { Db: instance(script('apt-get install -y clickhouse-server', ...users('<default><password></password><networks><ip>127.0.0.1</ip></networks></default>'), "echo '<listen_host>::</listen_host>' > /etc/clickhouse-server/config.d/a.xml")) },
  },
  {
    name: '20: the hash of a word, committed',
    bad: { Db: instance(script('yum install -y clickhouse-server', ...users('<default><password_sha256_hex>5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8</password_sha256_hex></default>'))) },
    found: ['LiteralPassword on Db'],
    twin: { Db: instance(script('yum install -y clickhouse-server', ...users('<default><password_sha256_hex>9d2c1b7f5ac4e03d86f1a97b20c5e4d38b6f0a1725cd94e8b3a6f7021d5c8e49</password_sha256_hex></default>'))) },
  },
  {
    name: '21: a password by the user data of a node, from a secret elsewhere',
    bad: { Db: instance(script('yum install -y clickhouse-server', 'P=$(aws secretsmanager get-secret-value --secret-id cluster/password --output text)', ...users('<default><password>$P</password><networks><ip>::/0</ip></networks></default>'))) },
    found: ['SecretWithoutRotation on Db'],
    twin: { Db: instance(script('yum install -y clickhouse-server', 'P=$(aws secretsmanager get-secret-value --secret-id cluster/password --output text)')), Rotation: resource('AWS::SecretsManager::RotationSchedule', { SecretId: 'cluster/password', RotationRules: { AutomaticallyAfterDays: 30 } }) },
  },
  {
    name: '22: a random password in the values of a chart',
    more: { Parameters: { Random: { Type: 'String', NoEcho: true } } },
    bad: chart('clickhouse', { 'Fn::Sub': '{"clickhouse":{"user":"app","password":"${Random}"}}' }),
    found: ['LiteralPassword on Chart'],
    twin: chart('clickhouse', '{"clickhouse":{"user":"app","existingSecret":"db"}}'),
  },
  {
    name: '23: a random password in a secret of Kubernetes, which the template has',
    bad: manifest({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'app' }, data: { 'clickhouse-password': Buffer.from('sample').toString('base64') } }),
    found: ['LiteralPassword on Manifest'],
    twin: manifest({ apiVersion: 'external-secrets.io/v1', kind: 'ExternalSecret', metadata: { name: 'app' }, spec: { data: [{ secretKey: 'clickhouse-password', remoteRef: { key: 'prod/db' } }] } }),
  },
  {
    name: '24: a random password in the environment, by a resource that makes it',
    bad: { Task: task(undefined, {}, environment({ CLICKHOUSE_USER: 'app', CLICKHOUSE_PASSWORD: { 'Fn::GetAtt': ['Random', 'Result'] } })), Random: resource('Custom::RandomPassword') },
    found: ['LiteralPassword on Task'],
    twin: { Task: task(undefined, {}, { ...environment({ CLICKHOUSE_USER: 'app' }), Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: '/prod/password' }] }) },
  },
  {
    name: '25: passwords in the environment, by parameters',
    more: { Parameters: { Password: { Type: 'String', NoEcho: true } } },
    bad: { Task: task(undefined, { NetworkMode: 'bridge' }, environment({ CLICKHOUSE_PASSWORD: { Ref: 'Password' } })) },
    found: ['LiteralPassword on Task'],
    twin: { Task: task(undefined, { NetworkMode: 'bridge' }, { Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: '/prod/password' }] }) },
  },
  {
    name: '26, 28, 29 and 30: a usual installation, which only the machine itself may log in to',
    bad: { Db: instance(script('yum install -y clickhouse-server', 'systemctl enable --now clickhouse-server')) },
    found: [],
    twin: { Db: instance() },
  },
  {
    name: '27: a user of an operator with a hash, for private networks',
    bad: manifest({ apiVersion: 'clickhouse.altinity.com/v1', kind: 'ClickHouseInstallation', metadata: { name: 'events' }, spec: { configuration: { users: { 'app/password_sha256_hex': '', 'app/password': '', 'app/networks/ip': ['10.0.0.0/8'] } } } }),
    found: ['NoAuthentication on Manifest'],
    twin: manifest({ apiVersion: 'clickhouse.altinity.com/v1', kind: 'ClickHouseInstallation', metadata: { name: 'events' }, spec: { configuration: { users: { 'app/password_sha256_hex': '9d2c1b7f5ac4e03d86f1a97b20c5e4d38b6f0a1725cd94e8b3a6f7021d5c8e49', 'app/networks/ip': ['10.0.0.0/8'] } } } }),
  },
];

testPractices(RULES, PRACTICES);
