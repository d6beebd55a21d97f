import { createHash } from 'node:crypto';
import { CfnParameter, CfnResource, SecretValue } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import * as secretsmanager from 'aws-cdk-lib/aws-secretsmanager';
import { cfn, database, judged } from './constructs';
import type { Json } from './support';
import { instance, lines, resource, task, template } from './support';

const ID = 'ClickHouse-LiteralPassword';
// what must never be in a message.
const SECRET = 'correct-horse-7';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const doubleSha1 = (text: string): string => createHash('sha1').update(createHash('sha1').update(text).digest()).digest('hex');

function found(resources: Json, more: Json = {}): string[] {
  const all = lines(template(resources, more), ID);
  expect(all.join()).not.toContain(SECRET);
  return all;
}

const env = (Name: string, Value: unknown): Json => ({ Environment: [{ Name, Value }] });
const client = (container: Json): Json => ({ Task: task('registry.example.com/web:3', {}, { Name: 'web', ...container }) });
const Password = resource('AWS::SecretsManager::Secret', { GenerateSecretString: { PasswordLength: 32 } });

describe('the environment of containers', () => {
  const Parameters = { Given: { Type: 'String', NoEcho: true }, Usual: { Type: 'String', Default: SECRET, NoEcho: true }, Kept: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/prod/password', NoEcho: true } };

  test.each([
    ['a text', SECRET, /^Task: CLICKHOUSE_PASSWORD of container db \(Task\) has its password in the template$/],
    ['a number', 12345, /in the template$/],
    ['a text with a dollar, which no shell reads', `$${SECRET}`, /in the template$/],
    ['what is put together', { 'Fn::Join': ['', [SECRET, '!']] }, /in the template$/],
    ['one branch', { 'Fn::If': ['C', SECRET, { Ref: 'AWS::NoValue' }] }, /in the template$/],
    ['the default of a parameter', { Ref: 'Usual' }, /in the template$/],
    ['a parameter', { Ref: 'Given' }, /in clear text, whatever it is: parameter Given has no default$/],
    ['a parameter that the Systems Manager keeps', { Ref: 'Kept' }, /in clear text, whatever it is: parameter Kept is kept by the Systems Manager$/],
    ['an attribute', { 'Fn::GetAtt': ['Maker', 'Password'] }, /in clear text, whatever it is: Maker\.Password/],
    ['a dynamic reference', '{{resolve:secretsmanager:prod/db:SecretString:password}}', /in clear text: the dynamic reference is replaced by what is in a secret$/],
    ['a dynamic reference put together', { 'Fn::Sub': '{{resolve:secretsmanager:${Password}:SecretString:password}}' }, /what is in a secret$/],
    ['a dynamic reference to a parameter', '{{resolve:ssm:/prod/password:1}}', /what is in a parameter of the Systems Manager$/],
    ['a dynamic reference to a secure parameter', '{{resolve:ssm-secure:/prod/password:1}}', /what is in a secure parameter$/],
  ])('%s', (_, value, message) => {
    expect(found({ Task: task(undefined, {}, env('CLICKHOUSE_PASSWORD', value)), Password }, { Parameters })).toEqual([expect.stringMatching(message)]);
  });

  test.each(['CLICKHOUSE_PASSWORD', 'CLICKHOUSE_DEFAULT_PASSWORD', 'CLICKHOUSE_ADMIN_PASSWORD', 'CLICKHOUSE_READER_PASSWORD', 'LANGFUSE_CLICKHOUSE_PASSWORD', 'clickhouse_password', 'CLICKHOUSE_PASS'])('%s', (name) => {
    expect(found({ Task: task(undefined, {}, env(name, SECRET)) })).toHaveLength(1);
    expect(found(client(env(name, SECRET)))).toHaveLength(1);
  });

  test.each([
    ['Secrets', { Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: { 'Fn::Join': ['', [{ Ref: 'Password' }, ':password::']] } }] }],
    ['a file', env('CLICKHOUSE_PASSWORD_FILE', '/run/secrets/password')],
    ['a user', env('CLICKHOUSE_USER', 'app')],
    ['nothing, which another rule says', env('CLICKHOUSE_PASSWORD', '')],
    ['left out', env('CLICKHOUSE_PASSWORD', { Ref: 'AWS::NoValue' })],
    ['the password of something else', env('POSTGRES_PASSWORD', SECRET)],
    ['where the secret is', env('CLICKHOUSE_PASSWORD_SECRET_ARN', { Ref: 'Password' })],
  ])('not: %s', (_, container) => {
    expect(found({ Task: task(undefined, {}, container), Password })).toEqual([]);
  });

  test.each([
    ['its own scheme', env('DATABASE_URL', `clickhouse://app:${SECRET}@db.internal:9000/events`), 1],
    ['the scheme of a library', env('DSN', `clickhouse+native://app:${SECRET}@db.internal/events`), 1],
    ['HTTP, with a name that says so', env('CLICKHOUSE_URL', `http://app:${SECRET}@db.internal:8123`), 1],
    ['HTTP, with a host that says so', env('DB', `https://app:${SECRET}@clickhouse.internal:8443`), 1],
    ['JDBC', env('DB', `jdbc:clickhouse://db.internal:8123/events?user=app&password=${SECRET}`), 1],
    ['a reference in it', env('CLICKHOUSE_URL', 'clickhouse://app:{{resolve:secretsmanager:prod/db:SecretString:password}}@db.internal:9000'), 1],
    ['without a password', env('CLICKHOUSE_URL', 'clickhouse://app@db.internal:9000/events'), 0],
    ['without anybody', env('CLICKHOUSE_URL', 'http://clickhouse.internal:8123'), 0],
    ['filled in by the program', env('CLICKHOUSE_URL', 'clickhouse://app:${PASSWORD}@db.internal:9000'), 0],
    ['of something else', env('DATABASE_URL', `postgres://app:${SECRET}@db.internal/events`), 0],
  ])('URLs: %s', (_, container, count) => {
    expect(found(client(container))).toHaveLength(count);
  });

  test('commands and health checks', () => {
    expect(found({ Task: task(undefined, {}, { HealthCheck: { Command: ['CMD-SHELL', `clickhouse-client --password ${SECRET} -q 'SELECT 1'`] } }) })).toEqual([expect.stringContaining("the option '--password' in container db")]);
    expect(found({ Task: task(undefined, {}, { HealthCheck: { Command: ['CMD-SHELL', 'clickhouse-client --password "$CLICKHOUSE_PASSWORD" -q "SELECT 1"'] } }) })).toEqual([]);
  });

  test('functions', () => {
    const lambda = (Variables: Json): Json => ({ Loader: resource('AWS::Lambda::Function', { Environment: { Variables } }) });
    expect(found(lambda({ CLICKHOUSE_PASSWORD: SECRET }))).toEqual(['Loader: CLICKHOUSE_PASSWORD of function Loader has its password in the template']);
    expect(found(lambda({ CLICKHOUSE_SECRET: { Ref: 'Password' }, CLICKHOUSE_HOST: 'db.internal', PASSWORD: SECRET }))).toEqual([]);
  });
});

describe('start-up scripts', () => {
  const script = (text: unknown): Json => ({ Db: instance({ UserData: { 'Fn::Base64': text } }), Password });
  const of = (text: string): string[] => found(script(`#!/bin/bash\nyum install -y clickhouse-server-26.8.36.3\n${text}\n`));
  const user = (inner: string): string => `cat > /etc/clickhouse-server/users.d/app.xml <<E\n<clickhouse><users><app>${inner}</app></users></clickhouse>\nE`;

  test.each([
    ['an element', user(`<password>${SECRET}</password>`)],
    ['an element with an attribute', user(`<password replace="1">${SECRET}</password>`)],
    ['a section of text', user(`<password><![CDATA[${SECRET}]]></password>`)],
    ['a variable of the script', `PW=${SECRET}\n${user('<password>$PW</password>')}`],
    ['a variable of a variable', `A="${SECRET}"\nexport B=\${A}\n${user('<password>${B}</password>')}`],
    ['the default of a variable', user(`<password>\${PW:-${SECRET}}</password>`)],
    ['what a sed puts there', `sed -i 's|<password></password>|<password>${SECRET}</password>|' /etc/clickhouse-server/users.xml`],
    ['another server', `echo '<remote_servers><a><shard><replica><user>default</user><password>${SECRET}</password></replica></shard></a></remote_servers>' > /etc/clickhouse-server/config.d/a.xml`],
    ['the hash of a bad password', user(`<password_sha256_hex>${sha256('clickhouse123')}</password_sha256_hex>`)],
    ['in capitals', user(`<password_sha256_hex>${sha256('Password1').toUpperCase()}</password_sha256_hex>`)],
    ['the other hash of a bad password', user(`<password_double_sha1_hex>${doubleSha1('changeme')}</password_double_sha1_hex>`)],
    ['what is no hash', user(`<password_sha256_hex>${SECRET}</password_sha256_hex>`)],
    ['half a hash', user(`<password_sha256_hex>${sha256('x').slice(0, 32)}</password_sha256_hex>`)],
    ['YAML', `cat > /etc/clickhouse-server/users.d/app.yaml <<E\nusers:\n  app:\n    password: ${SECRET}\nE`],
    ['a statement', `clickhouse-client -q "CREATE USER app IDENTIFIED BY '${SECRET}'"`],
    ['a statement with a method', `clickhouse-client -q "CREATE USER app IDENTIFIED WITH sha256_password BY '${SECRET}'"`],
    ['a statement with the hash of a bad password', `clickhouse-client -q "CREATE USER app IDENTIFIED WITH sha256_hash BY '${sha256('admin')}'"`],
    ['a container', `docker run -d -e CLICKHOUSE_PASSWORD=${SECRET} clickhouse/clickhouse-server:26.8.36.3`],
    ['a container, quoted', `docker run -d -e "CLICKHOUSE_PASSWORD=${SECRET}" clickhouse/clickhouse-server:26.8.36.3`],
    ['a container, over lines', `docker run -d \\\n  --env CLICKHOUSE_PASSWORD='${SECRET}' \\\n  clickhouse/clickhouse-server:26.8.36.3`],
    ['compose', `cat > compose.yaml <<E\nservices:\n  db:\n    environment:\n      CLICKHOUSE_PASSWORD: ${SECRET}\nE`],
    ['compose, as a list', `cat > compose.yaml <<E\n    environment:\n      - CLICKHOUSE_PASSWORD=${SECRET}\nE`],
    ['compose, with a default', `cat > compose.yaml <<E\n    environment:\n      - CLICKHOUSE_PASSWORD=\${CLICKHOUSE_PASSWORD:-${SECRET}}\nE`],
    ['a file of variables', `cat > .env <<E\nCLICKHOUSE_PASSWORD=${SECRET}\nE`],
    ['a unit', `echo 'Environment=CLICKHOUSE_PASSWORD=${SECRET}' >> /etc/systemd/system/db.service.d/a.conf`],
    ['a client', `clickhouse-client --password ${SECRET} -q "SELECT 1"`],
    ['a client, with an equals sign', `clickhouse-client --user app --password=${SECRET} -q "SELECT 1"`],
    ['the installer', `clickhouse install --noninteractive --password ${SECRET}`],
    ['the answer for the package', `echo "clickhouse-server clickhouse-server/default-password password ${SECRET}" | debconf-set-selections`],
    ['a URL', `echo 'url: clickhouse://app:${SECRET}@localhost:9000' > /etc/app.yaml`],
    ['a secret that CloudFormation puts there', user('<password>{{resolve:secretsmanager:prod/db:SecretString:password}}</password>')],
  ])('%s', (_, text) => {
    const all = of(text);
    expect(all.length).toBeGreaterThan(0);
    for (const each of all) expect(each).toMatch(/^Db: .*the start-up script of Db/);
  });

  test.each([
    ['a variable that the machine fills in', `PW=$(aws secretsmanager get-secret-value --secret-id prod/db --query SecretString --output text)\n${user('<password>$PW</password>')}`],
    ['a command', user('<password>$(cat /run/password)</password>')],
    ['the environment of the server', user('<password from_env="APP_PASSWORD"/>')],
    ['the environment of the server, with an end', user('<password from_env="APP_PASSWORD"></password>')],
    ['encrypted for the machine', user('<password encrypted_by="AES_128_GCM_SIV">96280000000B001100A9</password>')],
    ['a hash that nobody guesses', user(`<password_sha256_hex>${sha256('1f0e9d8c7b6a59483726150493827160')}</password_sha256_hex>`)],
    ['a hash that the machine makes', `H=$(echo -n "$PW" | sha256sum | cut -d' ' -f1)\n${user('<password_sha256_hex>$H</password_sha256_hex>')}`],
    ['a place that is filled in', `${user('<password>__PASSWORD__</password>')}\nsed -i "s|__PASSWORD__|$PW|" /etc/clickhouse-server/users.d/app.xml`],
    ['an example in a comment', user(`<!-- <password>${SECRET}</password> --><password_sha256_hex>$H</password_sha256_hex>`)],
    ['a comment of the shell', `# clickhouse-client --password ${SECRET}`],
    ['a container with a variable', 'docker run -d -e CLICKHOUSE_PASSWORD="$PW" clickhouse/clickhouse-server:26.8.36.3'],
    ['a container with its own variable', 'docker run -d -e CLICKHOUSE_PASSWORD clickhouse/clickhouse-server:26.8.36.3'],
    ['compose that wants a value', 'cat > compose.yaml <<E\n    environment:\n      CLICKHOUSE_PASSWORD: ${CLICKHOUSE_PASSWORD:?must be set}\nE'],
    ['a demand', ': "${CLICKHOUSE_PASSWORD:?must be set}"'],
    ['a question', 'if [ "$CLICKHOUSE_PASSWORD" = "" ]; then exit 1; fi'],
    ['a client that asks', 'clickhouse-client --password --query "SELECT 1"'],
    ['a statement with a variable', `clickhouse-client -q "CREATE USER app IDENTIFIED BY '$PW'"`],
    ['a certificate', `clickhouse-client -q "CREATE USER app IDENTIFIED WITH ssl_certificate CN 'app'"`],
    ['a parameter of the Systems Manager that is none', 'VERSION={{resolve:ssm:/versions/clickhouse:1}}\nyum install -y clickhouse-server-$VERSION'],
  ])('not: %s', (_, text) => {
    expect(of(text)).toEqual([]);
  });

  test('tokens', () => {
    const Parameters = { Given: { Type: 'String', NoEcho: true }, Usual: { Type: 'String', Default: SECRET } };
    const judge = (text: string): string[] => found(script({ 'Fn::Sub': `yum install -y clickhouse-server-26.8.36.3\n${text}` }), { Parameters });
    expect(judge("clickhouse-client -q \"CREATE USER app IDENTIFIED BY '${Given}'\"")).toEqual(['Db: IDENTIFIED BY in the start-up script of Db has its password in clear text, whatever it is: parameter Given has no default']);
    expect(judge('PW=${Given}\necho "<password>$PW</password>" > /etc/clickhouse-server/users.d/a.xml')).toEqual([expect.stringContaining('parameter Given')]);
    expect(judge('docker run -e CLICKHOUSE_PASSWORD=${Usual} clickhouse/clickhouse-server:26.8.36.3')).toEqual([expect.stringContaining('in the template')]);
    expect(judge('PW=$(aws secretsmanager get-secret-value --secret-id ${Password} --output text)\necho "<password>$PW</password>"')).toEqual([]);
    expect(judge('S={{resolve:secretsmanager:${Password}}}\nprintf "%s" "$S" > /root/s')).toEqual([expect.stringContaining('is given a secret in clear text')]);
  });

  test('scripts in base64, of launch templates, and what cfn-init writes', () => {
    const text = `#!/bin/bash\nyum install -y clickhouse-server\necho '<users><app><password>${SECRET}</password></app></users>' > /etc/clickhouse-server/users.d/a.xml\n`;
    expect(found({ Db: instance({ UserData: Buffer.from(text).toString('base64') }) })).toHaveLength(1);
    expect(found({ Template: resource('AWS::EC2::LaunchTemplate', { LaunchTemplateData: { UserData: { 'Fn::Base64': text } } }) })).toHaveLength(1);
    const init = (config: unknown): Json => ({ Db: { ...instance(), Metadata: { 'AWS::CloudFormation::Init': { config } } } });
    const Parameters = { Given: { Type: 'String', NoEcho: true } };
    const file = (content: unknown): Json => init({ files: { '/etc/clickhouse-server/users.d/a.xml': { content } } });
    expect(found(file(`<clickhouse><users><app><password>${SECRET}</password></app></users></clickhouse>`))).toHaveLength(1);
    expect(found(file({ 'Fn::Join': ['\n', ['<users><app>', { 'Fn::Sub': '<password>${Given}</password>' }, '</app></users>']] }), { Parameters })).toEqual([expect.stringContaining('parameter Given')]);
    expect(found(file('<users><app><password>{{password}}</password></app></users>'))).toEqual([]);
    expect(found(init({ commands: { 1: { command: 'docker compose up -d', env: { CLICKHOUSE_PASSWORD: SECRET } } } }))).toHaveLength(1);
    expect(found(init({ commands: { 1: { command: 'docker compose up -d', env: { CLICKHOUSE_USER: 'app' } } } }))).toEqual([]);
  });

  test('of a client only what is about ClickHouse by its name', () => {
    const web = (text: string): Json => ({ Web: instance({ UserData: { 'Fn::Base64': `#!/bin/bash\ndocker run -e CLICKHOUSE_URL=http://db.internal:8123 ${text} registry.example.com/web:3\n` } }) });
    expect(found(web(`-e CLICKHOUSE_PASSWORD=${SECRET}`))).toHaveLength(1);
    expect(found(web(`-e POSTGRES_PASSWORD=${SECRET}`))).toEqual([]);
    expect(found(web(`-e A='<password>${SECRET}</password>'`))).toEqual([]);
  });
});

describe('Kubernetes', () => {
  const manifest = (...objects: Json[]): Json => ({ Manifest: resource('Custom::AWSCDK-EKS-KubernetesResource', { ClusterName: 'tools', Manifest: JSON.stringify(objects) }) });
  const chart = (Chart: string, values: Json): Json => ({ Chart: resource('Custom::AWSCDK-EKS-HelmChart', { ClusterName: 'tools', Release: 'db', Namespace: 'data', Repository: 'https://charts.example.com', Chart, Values: JSON.stringify(values) }) });
  const pods = (container: Json, image = 'clickhouse/clickhouse-server:26.8.36.3'): Json => manifest({ apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', namespace: 'data' }, spec: { template: { spec: { containers: [{ name: 'db', image, ...container }] } } } });
  const installation = (users: Json, files: Json = {}): Json => manifest({ apiVersion: 'clickhouse.altinity.com/v1', kind: 'ClickHouseInstallation', metadata: { name: 'events' }, spec: { configuration: { users, files } } });
  const secretKeyRef = { name: 'db', key: 'password' };

  test.each([
    ['a variable of a pod', pods({ env: [{ name: 'CLICKHOUSE_PASSWORD', value: SECRET }] }), pods({ env: [{ name: 'CLICKHOUSE_PASSWORD', valueFrom: { secretKeyRef } }] })],
    ['a dynamic reference', pods({ env: [{ name: 'CLICKHOUSE_PASSWORD', value: '{{resolve:secretsmanager:prod/db}}' }] }), pods({ env: [{ name: 'CLICKHOUSE_PASSWORD', value: '$(DB_PASSWORD)' }] })],
    ['a variable of a client', pods({ env: [{ name: 'CLICKHOUSE_PASSWORD', value: SECRET }] }, 'registry.example.com/web:3'), pods({ env: [{ name: 'POSTGRES_PASSWORD', value: SECRET }] }, 'registry.example.com/web:3')],
    ['a user of the operator', installation({ 'app/password': SECRET }), installation({ 'app/password': { valueFrom: { secretKeyRef } } })],
    ['a user of the operator, nested', installation({ app: { password: SECRET } }), installation({ app: { k8s_secret_password: 'db/password' } })],
    ['a hash of a user of the operator', installation({ 'app/password_sha256_hex': sha256('password') }), installation({ 'app/password_sha256_hex': sha256('1f0e9d8c7b6a59483726150493827160') })],
    ['a file of the operator', installation({}, { 'users.d/a.xml': `<users><app><password>${SECRET}</password></app></users>` }), installation({}, { 'users.d/a.xml': '<users><app><password from_env="P"/></app></users>' })],
    ['a variable in a template for pods', manifest({ apiVersion: 'clickhouse.altinity.com/v1', kind: 'ClickHouseInstallation', metadata: { name: 'events' }, spec: { templates: { podTemplates: [{ spec: { containers: [{ name: 'clickhouse', env: [{ name: 'CLICKHOUSE_PASSWORD', value: SECRET }] }] } }] } } }), installation({})],
    ['a secret', manifest({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'clickhouse' }, stringData: { password: SECRET } }), manifest({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'clickhouse' }, stringData: { username: 'app' } })],
    ['a secret in base64', manifest({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'clickhouse' }, data: { password: Buffer.from(SECRET).toString('base64') } }), manifest({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'tools' }, data: { password: Buffer.from(SECRET).toString('base64') } })],
    ['a map of configuration', manifest({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'users' }, data: { 'users.xml': `<clickhouse><users><app><password>${SECRET}</password></app></users></clickhouse>` } }), manifest({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'users' }, data: { 'users.xml': '<clickhouse><users><app><password from_env="P"></password></app></users></clickhouse>' } })],
    ["the values of ClickHouse's chart", chart('clickhouse', { auth: { username: 'app', password: SECRET } }), chart('clickhouse', { auth: { username: 'app', existingSecret: 'db', existingSecretKey: 'password' } })],
    ['the values of a chart that brings it along', chart('langfuse', { clickhouse: { auth: { password: SECRET } } }), chart('langfuse', { postgresql: { auth: { password: SECRET } } })],
    ['more variables in values', chart('clickhouse', { extraEnvVars: [{ name: 'CLICKHOUSE_ADMIN_PASSWORD', value: SECRET }] }), chart('clickhouse', { extraEnvVars: [{ name: 'CLICKHOUSE_ADMIN_PASSWORD', valueFrom: { secretKeyRef } }] })],
    ['more configuration in values', chart('clickhouse', { usersExtraOverrides: `<clickhouse><users><app><password>${SECRET}</password></app></users></clickhouse>` }), chart('clickhouse', { usersExtraOverrides: '<clickhouse><users><app><password from_env="P"/></app></users></clickhouse>' })],
    ['a number', chart('clickhouse', { auth: { password: 123456 } }), chart('clickhouse', { auth: { password: '' } })],
  ])('%s', (_, bad, twin) => {
    expect(found(bad)).toHaveLength(1);
    expect(found(twin)).toEqual([]);
  });

  test('tokens', () => {
    const Values = { 'Fn::Join': ['', ['{"auth":{"password":"', { Ref: 'Given' }, '"}}']] };
    const Chart = resource('Custom::AWSCDK-EKS-HelmChart', { ClusterName: 'tools', Release: 'db', Chart: 'clickhouse', Values });
    expect(found({ Chart }, { Parameters: { Given: { Type: 'String', NoEcho: true } } })).toEqual(['Chart: auth.password of Helm release default/db has its password in clear text, whatever it is: parameter Given has no default']);
  });
});

describe('secrets and parameters', () => {
  const used = (Secret: Json): Json => ({ Secret: resource('AWS::SecretsManager::Secret', Secret), Task: task(undefined, {}, { Secrets: [{ Name: 'CLICKHOUSE_PASSWORD', ValueFrom: { Ref: 'Secret' } }] }) });

  test.each([
    ['a text', { SecretString: SECRET }],
    ['a field', { SecretString: `{"username":"app","password":"${SECRET}"}` }],
    ['the default of a parameter', { SecretString: { Ref: 'Usual' } }],
    ['a field put together', { SecretString: { 'Fn::Sub': '{"password":"${Usual}"}' } }],
  ])('a secret with %s', (_, secret) => {
    expect(found(used(secret), { Parameters: { Usual: { Type: 'String', Default: SECRET } } })).toEqual(['Secret: secret Secret of ClickHouse holds a password that stands in the template']);
  });

  test.each([
    ['generated', { GenerateSecretString: { SecretStringTemplate: '{"username":"app"}', GenerateStringKey: 'password' } }],
    ['given at deployment', { SecretString: { Ref: 'Given' } }],
    ['read from another secret', { SecretString: '{"username":"app","password":"{{resolve:secretsmanager:prod/db:SecretString:password}}"}' }],
    ['without a password', { SecretString: '{"username":"app","host":"db.internal"}' }],
    ['filled in by somebody', {}],
  ])('not: a secret %s', (_, secret) => {
    expect(found(used(secret), { Parameters: { Given: { Type: 'String', NoEcho: true } } })).toEqual([]);
  });

  test('a secret that its name says is of ClickHouse, and one of something else', () => {
    expect(found({ Secret: resource('AWS::SecretsManager::Secret', { Name: 'prod/clickhouse', SecretString: SECRET }) })).toHaveLength(1);
    expect(found({ Secret: resource('AWS::SecretsManager::Secret', { Name: 'prod/mail', SecretString: SECRET }) })).toEqual([]);
  });

  test.each([
    ['a default', { ClickHousePassword: { Type: 'String', Default: SECRET } }, 1],
    ['a default that is not shown, but stands there', { ClickhouseAdminPassword: { Type: 'String', Default: SECRET, NoEcho: true } }, 1],
    ['no default', { ClickHousePassword: { Type: 'String', NoEcho: true } }, 0],
    ['an empty default', { ClickHousePassword: { Type: 'String', Default: '', NoEcho: true } }, 0],
    ['the name of a parameter that the Systems Manager keeps', { ClickHousePassword: { Type: 'AWS::SSM::Parameter::Value<String>', Default: '/prod/password' } }, 0],
    ['a length', { ClickHousePasswordLength: { Type: 'Number', Default: 32 } }, 0],
    ['of something else', { MailPassword: { Type: 'String', Default: SECRET } }, 0],
  ])('a parameter: %s', (_, Parameters, count) => {
    const all = found({ Topic: resource('AWS::SNS::Topic') }, { Parameters });
    expect(all).toHaveLength(count);
    for (const each of all) expect(each).toMatch(/^(\w+): parameter \1 has a password as its default$/);
  });
});

test('endless values end', () => {
  const noise = ['CLICKHOUSE_PASSWORD=', '<password>', "IDENTIFIED BY '", 'clickhouse://a:', ' password: ', 'CLICKHOUSE_A_', 'clickhouse --password ', '${', '<!--', '"', '\uE000', '{{resolve:secretsmanager:', 'https://a:b@', 'clickhouse://a:{{b}}', '{{b}}'].map((each) => each.repeat(20_000));
  for (const text of [...noise, ...noise.map((each) => `${each}${' '.repeat(100_000)}x`), `clickhouse://a:${'{{b}}'.repeat(100)}`]) {
    const started = Date.now();
    lines(template({ Db: instance({ UserData: { 'Fn::Base64': `yum install clickhouse-server\n${text}` } }) }));
    expect(Date.now() - started).toBeLessThan(3_000);
  }
});

test('constructs: in order, after a property override, and by a raw resource', () => {
  const container = (damage: (definition: CfnResource, secret: secretsmanager.Secret) => void): string[] => judged((stack) => {
    const secret = new secretsmanager.Secret(stack, 'Secret');
    const definition = new ecs.FargateTaskDefinition(stack, 'Task');
    definition.addContainer('Db', { image: ecs.ContainerImage.fromRegistry('clickhouse/clickhouse-server:26.8.36.3'), environment: { CLICKHOUSE_USER: 'app' }, secrets: { CLICKHOUSE_PASSWORD: ecs.Secret.fromSecretsManager(secret) } });
    damage(cfn(definition), secret);
  }, ID);
  expect(container(() => undefined)).toEqual([]);
  expect(container((definition) => definition.addPropertyOverride('ContainerDefinitions.0.Environment.0', { Name: 'CLICKHOUSE_PASSWORD', Value: SECRET }))).toEqual([`error: ${ID} on Stack/Task/Resource`]);
  // what most write instead of a secret.
  expect(container((definition, secret) => definition.addPropertyOverride('ContainerDefinitions.0.Environment.0', { Name: 'CLICKHOUSE_PASSWORD', Value: secret.secretValue.unsafeUnwrap() }))).toEqual([`error: ${ID} on Stack/Task/Resource`]);
  expect(container((_, secret) => {
    cfn(secret).addPropertyDeletionOverride('GenerateSecretString');
    cfn(secret).addPropertyOverride('SecretString', SECRET);
  })).toEqual([`error: ${ID} on Stack/Secret/Resource`]);
  expect(judged((stack) => void new secretsmanager.Secret(stack, 'Plain', { secretName: 'clickhouse', secretStringValue: SecretValue.unsafePlainText(SECRET) }), ID)).toEqual([`error: ${ID} on Stack/Plain/Resource`]);
  expect(judged((stack) => void new CfnParameter(stack, 'ClickHousePassword', { default: SECRET }), ID)).toEqual([`error: ${ID} on Stack/ClickHousePassword`]);
  const raw = judged((stack) => void new CfnResource(stack, 'Raw', { type: 'AWS::ECS::TaskDefinition', properties: { ContainerDefinitions: [{ Name: 'db', Image: 'clickhouse/clickhouse-server:26.8.36.3', Environment: [{ Name: 'CLICKHOUSE_PASSWORD', Value: SECRET }] }] } }), ID);
  expect(raw).toEqual([`error: ${ID} on Stack/Raw`]);
  const script = { 'Fn::Base64': `yum install -y clickhouse-server-26.8.36.3\nclickhouse-client --password ${SECRET}` };
  expect(judged((stack) => cfn(database(stack).server).addPropertyOverride('UserData', script), ID)).toEqual([`error: ${ID} on Stack/Server/Resource`]);
});
