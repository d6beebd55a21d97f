import { CfnResource } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { cfn, database, judged } from './constructs';
import type { Json } from './support';
import { instance, lines, resource, task, template } from './support';

const ID = 'ClickHouse-NoAuthentication';
const found = (resources: Json, more: Json = {}): string[] => lines(template(resources, more), ID);
const SECRET = { Name: 'CLICKHOUSE_PASSWORD', ValueFrom: 'arn:aws:secretsmanager:eu-west-1:111122223333:secret:db-AbCdEf' };

describe('containers', () => {
  const Parameters = { Given: { Type: 'String' }, Usual: { Type: 'String', Default: '1' }, Level: { Type: 'String' } };
  const Conditions = { C: { 'Fn::Equals': [{ Ref: 'Level' }, 'high'] } };
  const of = (variables: Json, more: Json = {}, image?: string): string[] => found({ Task: task(image, {}, { Environment: Object.entries(variables).map(([Name, Value]) => ({ Name, Value })), ...more }) }, { Parameters, Conditions });
  const withSecret = { Secrets: [SECRET] };

  test.each<[string, Json, Json, RegExp]>([
    ['access management', { CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT: '1' }, withSecret, /^Task: container db \(Task\) has no password: CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT makes a user that is open to every address and may make others$/],
    ['access management, as a number', { CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT: 1 }, withSecret, /ACCESS_MANAGEMENT makes a user/],
    ['access management, in a word that is not 0', { CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT: 'true' }, withSecret, /ACCESS_MANAGEMENT makes a user/],
    ['access management by a default', { CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT: { Ref: 'Usual' } }, withSecret, /ACCESS_MANAGEMENT makes a user/],
    ['access management in one branch', { CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT: { 'Fn::If': ['C', '0', '1'] } }, withSecret, /ACCESS_MANAGEMENT makes a user/],
    ['access management that is known later', { CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT: { Ref: 'Given' } }, withSecret, /^Task: whether container db \(Task\) has a password cannot be told at synthesis, CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT: parameter Given has no default$/],
    ['another user', { CLICKHOUSE_USER: 'app' }, withSecret, /CLICKHOUSE_USER makes a user that is open to every address$/],
    ['an empty answer of Bitnami', { ALLOW_EMPTY_PASSWORD: 'yes' }, { Secrets: [{ ...SECRET, Name: 'CLICKHOUSE_ADMIN_PASSWORD' }] }, /ALLOW_EMPTY_PASSWORD is on$/],
    ['more variables from a file', { CLICKHOUSE_USER: 'app' }, withSecret, /CLICKHOUSE_USER makes a user/],
  ])('%s', (_, variables, twin, message) => {
    expect(of(variables)).toEqual([expect.stringMatching(message)]);
    expect(of(variables, twin)).toEqual([]);
  });

  test.each([
    ['an empty password', { CLICKHOUSE_PASSWORD: '' }, /^Task: container db \(Task\) has an empty password: CLICKHOUSE_PASSWORD is empty$/],
    ['a password of blanks', { CLICKHOUSE_PASSWORD: '  ' }, /is empty$/],
    ['an empty password of an administrator', { CLICKHOUSE_ADMIN_PASSWORD: '' }, /CLICKHOUSE_ADMIN_PASSWORD is empty$/],
    ['an empty password in one branch', { CLICKHOUSE_PASSWORD: { 'Fn::If': ['C', 'x', ''] } }, /is empty$/],
    ['no value', { CLICKHOUSE_PASSWORD: { Ref: 'AWS::NoValue' } }, /is empty$/],
  ])('%s', (_, variables, message) => {
    expect(of(variables)).toEqual([expect.stringMatching(message)]);
    expect(of({ CLICKHOUSE_PASSWORD: 'x', CLICKHOUSE_ADMIN_PASSWORD: 'x' })).toEqual([]);
  });

  test('a set-up that is skipped, whatever the password is, unless files bring the users', () => {
    const mounted = { MountPoints: [{ SourceVolume: 'users', ContainerPath: '/etc/clickhouse-server/users.d' }] };
    for (const value of ['1', 'true']) expect(of({ CLICKHOUSE_SKIP_USER_SETUP: value }, withSecret)).toEqual([expect.stringContaining('CLICKHOUSE_SKIP_USER_SETUP leaves user default')]);
    expect(of({ CLICKHOUSE_SKIP_USER_SETUP: '1' }, { ...withSecret, MountPoints: [{ SourceVolume: 'data', ContainerPath: '/var/lib/clickhouse' }] })).toHaveLength(1);
    expect(of({ CLICKHOUSE_SKIP_USER_SETUP: { Ref: 'Given' } }, withSecret)).toEqual([expect.stringMatching(/^Task: whether .* CLICKHOUSE_SKIP_USER_SETUP: parameter Given/)]);
    for (const value of ['0', '']) expect(of({ CLICKHOUSE_SKIP_USER_SETUP: value }, withSecret)).toEqual([]);
    expect(of({ CLICKHOUSE_SKIP_USER_SETUP: '1' }, mounted)).toEqual([]);
  });

  test('a file of variables may have the password', () => {
    expect(of({ CLICKHOUSE_USER: 'app' }, { EnvironmentFiles: [{ Type: 's3', Value: 'arn:aws:s3:::tools/db.env' }] })).toEqual([expect.stringMatching(/^Task: whether .* CLICKHOUSE_USER: more variables come from a file$/)]);
  });

  test.each([
    ['nothing set, which leaves default to the machine itself', {}],
    ['the usual user', { CLICKHOUSE_USER: 'default', CLICKHOUSE_DB: 'events' }],
    ['no access management', { CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT: '0' }],
    ['a password in the clear, which another rule says', { CLICKHOUSE_USER: 'app', CLICKHOUSE_PASSWORD: 'x', CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT: '1' }],
    ['a password in a file', { CLICKHOUSE_USER: 'app', CLICKHOUSE_PASSWORD_FILE: '/run/secrets/password' }],
    ['a password that is known later', { CLICKHOUSE_USER: 'app', CLICKHOUSE_PASSWORD: { Ref: 'Given' } }],
    ['no empty answer', { ALLOW_EMPTY_PASSWORD: 'no' }],
  ])('not: %s', (_, variables) => {
    expect(of(variables)).toEqual([]);
  });

  test('not of clients', () => {
    expect(of({ CLICKHOUSE_USER: 'app', CLICKHOUSE_PASSWORD: '' }, { Name: 'web' }, 'registry.example.com/web:3')).toEqual([]);
  });
});

describe('start-up scripts', () => {
  const of = (text: string): string[] => found({ Db: instance({ UserData: { 'Fn::Base64': `#!/bin/bash\n${text}\n` } }) });
  const users = (inner: string): string => `yum install -y clickhouse-server-26.8.36.3\ncat > /etc/clickhouse-server/users.d/a.xml <<E\n<clickhouse>\n  <users>\n    ${inner}\n  </users>\n</clickhouse>\nE`;
  const LOOPBACK = '<networks><ip>127.0.0.1</ip><ip>::1</ip></networks>';
  const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

  test.each([
    ['an empty element', '<default><password></password></default>', 'user default with an empty password, from everywhere'],
    ['an element without an end', '<default><password/></default>', 'user default with an empty password, from everywhere'],
    ['an empty element over lines', '<default>\n<password>\n</password>\n</default>', 'user default with an empty password, from everywhere'],
    ['a replaced element', '<default><password replace="1"></password></default>', 'user default with an empty password, from everywhere'],
    ['an empty section', '<default><password><![CDATA[]]></password></default>', 'user default with an empty password, from everywhere'],
    ['the hash of nothing', `<default><password_sha256_hex>${EMPTY}</password_sha256_hex></default>`, 'user default with an empty password, from everywhere'],
    ['the other hash of nothing', '<default><password_double_sha1_hex>be1bdec0aa74b4dcb079943e70528096cca985f8</password_double_sha1_hex></default>', 'user default with an empty password, from everywhere'],
    ['no password', '<app><no_password/></app>', 'user app with no password, from everywhere'],
    ['no password as a method', '<app><auth_methods><a><no_password></no_password></a></auth_methods></app>', 'user app with no password, from everywhere'],
    ['from everywhere', '<app><no_password/><networks><ip>::/0</ip></networks></app>', 'user app with no password, from ::/0'],
    ['from the network', '<app><networks><ip>127.0.0.1</ip><ip>10.0.0.0/8</ip></networks><password></password></app>', 'user app with an empty password, from 127.0.0.1, 10.0.0.0/8'],
    ['from a host', '<app><password/><networks><host>web.internal</host></networks></app>', 'user app with an empty password, from web.internal'],
    ['from what is included', '<app><password/><networks incl="networks_config"/></app>', 'user app with an empty password, from what is included'],
    ['the second of two', `<a><password_sha256_hex>$H</password_sha256_hex></a><b><password/></b>`, 'user b with an empty password, from everywhere'],
  ])('%s', (_, inner, message) => {
    expect(of(users(inner))).toEqual([`Db: the start-up script of Db configures ${message}`]);
  });

  test.each([
    ['from the machine itself', `<default><password></password>${LOOPBACK}</default>`],
    ['from a loopback network', '<default><password/><networks><ip>127.0.0.0/8</ip><ip>localhost</ip></networks></default>'],
    ['from nowhere', '<default><password></password><networks></networks></default>'],
    ['from the environment', '<default><password from_env="PASSWORD"/></default>'],
    ['from the environment, with an end', '<default><password from_env="PASSWORD"></password></default>'],
    ['removed', '<default remove="remove"><password></password></default>'],
    ['a hash', '<default><password_sha256_hex>$H</password_sha256_hex></default>'],
    ['in a comment', '<!-- <default><password></password></default> -->'],
    ['a certificate', '<app><ssl_certificates><common_name>app</common_name></ssl_certificates></app>'],
  ])('not: %s', (_, inner) => {
    expect(of(users(inner))).toEqual([]);
  });

  test.each([
    ['what a sed takes away', "yum install -y clickhouse-server\nsed -i 's|<password></password>|<password_sha256_hex>'$H'</password_sha256_hex>|' /etc/clickhouse-server/users.xml"],
    ['another program', 'yum install -y clickhouse-server\necho "<remote><password></password></remote>" > /etc/other.xml'],
  ])('not: %s', (_, text) => {
    expect(of(text)).toEqual([]);
  });

  const IMAGE = 'clickhouse/clickhouse-server:26.8.36.3';
  test.each([
    ['access management', `docker run -d -e CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT=1 ${IMAGE}`, `docker run -d -e CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT=1 -e CLICKHOUSE_PASSWORD="$PW" ${IMAGE}`],
    ['another user', `docker run -d -e CLICKHOUSE_USER=app ${IMAGE}`, `docker run -d -e CLICKHOUSE_USER=app -e CLICKHOUSE_PASSWORD ${IMAGE}`],
    ['an empty password', `docker run -d -e CLICKHOUSE_PASSWORD= ${IMAGE}`, `docker run -d ${IMAGE}`],
    ['an empty password, quoted', `docker run -d -e CLICKHOUSE_PASSWORD="" ${IMAGE}`, `docker run -d -e CLICKHOUSE_PASSWORD="$(cat /run/p)" ${IMAGE}`],
    ['compose', `cat > compose.yaml <<E\n    image: ${IMAGE}\n    environment:\n      CLICKHOUSE_PASSWORD: ""\nE`, `cat > compose.yaml <<E\n    image: ${IMAGE}\n    environment:\n      CLICKHOUSE_PASSWORD: \${CLICKHOUSE_PASSWORD}\nE`],
    ['compose, as a list', `cat > compose.yaml <<E\n    image: ${IMAGE}\n    environment:\n      - CLICKHOUSE_USER=app\nE`, `cat > compose.yaml <<E\n    image: ${IMAGE}\n    env_file: db.env\n    environment:\n      - CLICKHOUSE_USER=app\nE`],
    ['Bitnami', `docker run -d -e ALLOW_EMPTY_PASSWORD=yes bitnami/clickhouse:26.7.2`, `docker run -d -e ALLOW_EMPTY_PASSWORD=no bitnami/clickhouse:26.7.2`],
    ['a set-up that is skipped', `docker run -d -e CLICKHOUSE_SKIP_USER_SETUP=1 ${IMAGE}`, `docker run -d -v /opt/users.d:/etc/clickhouse-server/users.d -e CLICKHOUSE_SKIP_USER_SETUP=1 ${IMAGE}`],
    ['a statement', `docker run ${IMAGE}\nclickhouse-client -q "CREATE USER app NOT IDENTIFIED"`, `docker run ${IMAGE}\nclickhouse-client -q "CREATE USER app NOT IDENTIFIED HOST LOCAL"`],
    ['a statement with a method', `docker run ${IMAGE}\nclickhouse-client -q "CREATE USER IF NOT EXISTS app IDENTIFIED WITH no_password HOST IP '10.0.0.0/8'"`, `docker run ${IMAGE}\nclickhouse-client -q "CREATE USER IF NOT EXISTS app IDENTIFIED WITH no_password HOST IP '127.0.0.1'"`],
    ['a statement with an empty password', `docker run ${IMAGE}\nclickhouse-client -q "CREATE USER app IDENTIFIED BY ''"`, `docker run ${IMAGE}\nclickhouse-client -q "CREATE USER app IDENTIFIED BY '$PW'"`],
    ['a package, and every address', 'DEBIAN_FRONTEND=noninteractive apt-get install -y clickhouse-server\necho "<clickhouse><listen_host>0.0.0.0</listen_host></clickhouse>" > /etc/clickhouse-server/config.d/a.xml', 'DEBIAN_FRONTEND=noninteractive apt-get install -y clickhouse-server\necho "<clickhouse><listen_host>127.0.0.1</listen_host></clickhouse>" > /etc/clickhouse-server/config.d/a.xml'],
    ['a package, and every address by a sed', "yum install -y clickhouse-server\nsed -i 's|<!-- <listen_host>::</listen_host> -->|<listen_host>::</listen_host>|' /etc/clickhouse-server/config.xml", 'yum install -y clickhouse-server'],
    ['a package, and every address in YAML', 'yum install -y clickhouse-server\necho "listen_host: 0.0.0.0" > /etc/clickhouse-server/config.d/a.yaml', 'yum install -y clickhouse-server\necho "listen_host: 0.0.0.0" > /etc/clickhouse-server/config.d/a.yaml\naws s3 cp s3://tools/users.xml /etc/clickhouse-server/users.d/a.xml'],
    ['a package, and a configuration from elsewhere that may have users', 'yum install -y clickhouse-server\necho "listen_host: 0.0.0.0" > /etc/clickhouse-server/config.d/a.yaml', 'yum install -y clickhouse-server\necho "listen_host: 0.0.0.0" > /etc/clickhouse-server/config.d/a.yaml\naws s3 sync s3://tools/database /etc/clickhouse-server/'],
  ])('%s', (_, bad, twin) => {
    expect(of(bad)).toHaveLength(1);
    expect(of(twin)).toEqual([]);
  });

  test('a variable that the script gives a value later', () => {
    expect(of(`CLICKHOUSE_PASSWORD=""\nCLICKHOUSE_PASSWORD=$(cat /run/p)\ndocker run -d -e CLICKHOUSE_PASSWORD="$CLICKHOUSE_PASSWORD" ${IMAGE}`)).toEqual([]);
  });

  test('tokens, cfn-init and launch templates', () => {
    const judge = (text: unknown): string[] => found({ Db: instance({ UserData: { 'Fn::Base64': text } }) }, { Parameters: { Usual: { Type: 'String', Default: '' }, Given: { Type: 'String' } } });
    const user = (password: string): Json => ({ 'Fn::Sub': `yum install clickhouse-server\necho '<users><app><password>${password}</password></app></users>' > /etc/clickhouse-server/users.d/a.xml` });
    expect(judge(user('${Usual}'))).toHaveLength(1);
    expect(judge(user('${Given}'))).toEqual([]);
    expect(judge({ 'Fn::Sub': `docker run -e CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT=\${Given} ${IMAGE}` })).toEqual([expect.stringMatching(/^Db: whether .* parameter Given has no default$/)]);
    const init = (content: string): Json => ({ Db: { ...instance(), Metadata: { 'AWS::CloudFormation::Init': { config: { files: { '/etc/clickhouse-server/users.d/a.xml': { content } } } } } } });
    expect(found(init('<clickhouse><users><app><no_password/></app></users></clickhouse>'))).toHaveLength(1);
    expect(found(init(`<clickhouse><users><app><no_password/>${LOOPBACK}</app></users></clickhouse>`))).toEqual([]);
    const launch = (text: string): Json => ({ Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: { 'Fn::Base64': text } } }) });
    expect(found(launch(users('<app><password/></app>')))).toEqual([expect.stringContaining('the start-up script of Template')]);
  });

  test('not of something else', () => {
    expect(found({ Web: instance({ UserData: { 'Fn::Base64': '#!/bin/bash\necho "<users><app><password/></app></users>" > /etc/app.xml' } }) })).toEqual([]);
  });
});

describe('Kubernetes', () => {
  const manifest = (object: Json): Json => ({ Manifest: resource('Custom::AWSCDK-EKS-KubernetesResource', { ClusterName: 'tools', Manifest: JSON.stringify([object]) }) });
  const pods = (container: Json): Json => manifest({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db' }, spec: { template: { spec: { containers: [{ name: 'db', image: 'clickhouse/clickhouse-server:26.8.36.3', ...container }] } } } });
  const installation = (users: Json): Json => manifest({ apiVersion: 'clickhouse.altinity.com/v1', kind: 'ClickHouseInstallation', metadata: { name: 'events' }, spec: { configuration: { users } } });
  const chart = (Values: Json): Json => ({ Chart: resource('Custom::AWSCDK-EKS-HelmChart', { ClusterName: 'tools', Release: 'db', Chart: 'clickhouse', Values: JSON.stringify(Values) }) });
  const manage = { name: 'CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT', value: '1' };

  test.each([
    ['access management', pods({ env: [manage] }), pods({ env: [manage, { name: 'CLICKHOUSE_PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'p' } } }] })],
    ['an empty password', pods({ env: [{ name: 'CLICKHOUSE_PASSWORD', value: '' }] }), pods({})],
    ['a set-up that is skipped', pods({ env: [{ name: 'CLICKHOUSE_SKIP_USER_SETUP', value: '1' }] }), pods({ env: [{ name: 'CLICKHOUSE_SKIP_USER_SETUP', value: '1' }], volumeMounts: [{ name: 'users', mountPath: '/etc/clickhouse-server/users.d' }] })],
    ['an empty password of the operator', installation({ 'default/password': '' }), installation({ 'default/password_sha256_hex': 'x' })],
    ['an empty password of the operator, nested', installation({ app: { password: '', networks: { ip: ['0.0.0.0/0'] } } }), installation({ app: { password: '', networks: { ip: ['127.0.0.1'] } } })],
    ['networks of the operator without a password', installation({ 'default/networks/ip': '::/0' }), installation({ 'default/networks/ip': ['::1', '127.0.0.1'] })],
    ['networks of another user', installation({ 'app/networks/ip': ['10.0.0.0/8'], 'app/profile': 'default' }), installation({ 'app/networks/ip': ['10.0.0.0/8'], 'app/k8s_secret_password': 'db/p' })],
    ['networks and a secret', installation({ 'app/networks/ip': '::/0' }), installation({ 'app/networks/ip': '::/0', 'app/password': { valueFrom: { secretKeyRef: { name: 'db', key: 'p' } } } })],
    ['no password of the operator', installation({ 'app/no_password': '1' }), installation({ 'app/profile': 'default' })],
    ['a map of configuration', manifest({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'clickhouse' }, data: { 'users.xml': '<clickhouse><users><app><password/></app></users></clickhouse>' } }), manifest({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'clickhouse' }, data: { 'users.xml': '<clickhouse><users><app remove="1"><password/></app></users></clickhouse>' } })],
    ['values of a chart', chart({ extraEnvVars: [{ name: 'ALLOW_EMPTY_PASSWORD', value: 'yes' }] }), chart({ extraEnvVars: [{ name: 'ALLOW_EMPTY_PASSWORD', value: 'no' }] })],
    ['configuration in values', chart({ usersExtraOverrides: '<clickhouse><users><app><no_password/></app></users></clickhouse>' }), chart({ usersExtraOverrides: '<clickhouse><users><app><no_password/><networks><ip>127.0.0.1</ip></networks></app></users></clickhouse>' })],
  ])('%s', (_, bad, twin) => {
    expect(found(bad)).toHaveLength(1);
    expect(found(twin)).toEqual([]);
  });

  test('a chart may give a password of its own', () => {
    expect(found(chart({ extraEnvVars: [{ name: 'ALLOW_EMPTY_PASSWORD', value: 'yes' }] }))).toEqual([expect.stringMatching(/^Chart: whether .* the chart may set more variables$/)]);
    expect(found(chart({ auth: { password: '' } }))).toEqual([]);
  });

  test('more variables of a pod', () => {
    expect(found(pods({ env: [manage], envFrom: [{ secretRef: { name: 'db' } }] }))).toEqual([expect.stringMatching(/^Manifest: whether .* more variables come from elsewhere in the cluster$/)]);
  });
});

test('endless values end', () => {
  for (const each of ['<users>', '<users><a>', '</a>', '<a ', '<password>', 'CREATE USER a ', 'IDENTIFIED WITH ', '<!--', 'listen_host ', 'apt install ', 'ALLOW_EMPTY_PASSWORD=', 'HOST IP ']) {
    const started = Date.now();
    found({ Db: instance({ UserData: { 'Fn::Base64': `yum install clickhouse-server\n<users>${each.repeat(20_000)}${' '.repeat(100_000)}` } }) });
    expect(Date.now() - started).toBeLessThan(3_000);
  }
});

test('constructs: in order, after a property override, and by a raw resource', () => {
  const container = (damage: (definition: CfnResource) => void): string[] => judged((stack) => {
    const definition = new ecs.FargateTaskDefinition(stack, 'Task');
    definition.addContainer('Db', { image: ecs.ContainerImage.fromRegistry('clickhouse/clickhouse-server:26.8.36.3'), environment: { CLICKHOUSE_DB: 'events' } });
    damage(cfn(definition));
  }, ID);
  expect(container(() => undefined)).toEqual([]);
  expect(container((definition) => definition.addPropertyOverride('ContainerDefinitions.0.Environment.1', { Name: 'CLICKHOUSE_SKIP_USER_SETUP', Value: '1' }))).toEqual([`error: ${ID} on Stack/Task/Resource`]);
  expect(container((definition) => definition.addPropertyOverride('ContainerDefinitions.0.Environment', [{ Name: 'CLICKHOUSE_PASSWORD', Value: '' }]))).toEqual([`error: ${ID} on Stack/Task/Resource`]);
  const raw = judged((stack) => void new CfnResource(stack, 'Raw', { type: 'AWS::ECS::TaskDefinition', properties: { ContainerDefinitions: [{ Name: 'db', Image: 'clickhouse/clickhouse-server:26.8.36.3', Environment: [{ Name: 'CLICKHOUSE_USER', Value: 'app' }] }] } }), ID);
  expect(raw).toEqual([`error: ${ID} on Stack/Raw`]);
  const script = { 'Fn::Base64': "yum install -y clickhouse-server-26.8.36.3\necho '<users><app><password/></app></users>' > /etc/clickhouse-server/users.d/a.xml" };
  expect(judged((stack) => cfn(database(stack).server).addPropertyOverride('UserData', script), ID)).toEqual([`error: ${ID} on Stack/Server/Resource`]);
});
