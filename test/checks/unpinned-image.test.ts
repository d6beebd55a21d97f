import { CfnResource } from 'aws-cdk-lib';
import * as ecs from 'aws-cdk-lib/aws-ecs';
import { cfn, database, judged } from './constructs';
import type { Json } from './support';
import { instance, lines, resource, task, template } from './support';

const ID = 'ClickHouse-UnpinnedImage';
const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;

describe('images of containers', () => {
  const found = (image: unknown, more: Json = {}): string[] => lines(template({ Task: task(image) }, more), ID);

  test.each([
    ['clickhouse/clickhouse-server', 'it has no tag, which means latest'],
    ['registry.example:5000/clickhouse/clickhouse-server', 'it has no tag, which means latest'],
    ['clickhouse/clickhouse-server:latest', 'tag latest moves from release to release'],
    ['clickhouse/clickhouse-server:latest-alpine', 'tag latest-alpine moves from release to release'],
    ['clickhouse/clickhouse-server:head', 'tag head moves from release to release'],
    ['clickhouse/clickhouse-server:head-alpine3.20', 'tag head-alpine3.20 moves from release to release'],
    ['clickhouse/clickhouse-server:lts', 'tag lts moves from release to release'],
    ['clickhouse/clickhouse-keeper:stable', 'tag stable moves from release to release'],
    ['acme/clickhouse:prod', 'tag prod moves from release to release'],
    ['acme/clickhouse:', 'its tag is filled in later'],
    ['clickhouse/clickhouse-server:24', 'tag 24 moves to each new release of that line'],
    ['clickhouse/clickhouse-server:24.3', 'tag 24.3 moves to each new release of that line'],
    ['clickhouse:24.3-jammy', 'tag 24.3-jammy moves to each new release of that line'],
    ['bitnami/clickhouse:24.3-debian-12', 'tag 24.3-debian-12 moves to each new release of that line'],
  ])('%s', (image, why) => {
    const what = `image ${image} of ClickHouse (Task)`;
    expect(found(image)).toEqual([why.endsWith('later') ? `Task: whether ${what} names a release cannot be told at synthesis: ${why}` : `Task: ${what} names no release: ${why}`]);
  });

  test.each([
    'clickhouse/clickhouse-server:24.3.5.46',
    'clickhouse/clickhouse-server:24.3.5.46-alpine',
    'clickhouse/clickhouse-server:v24.3.5.46-lts',
    'clickhouse/clickhouse-server:24.3.5',
    'altinity/clickhouse-server:23.3.19.33.altinitystable',
    'bitnami/clickhouse:26.7.2-debian-12-r1',
    `clickhouse/clickhouse-server@${DIGEST}`,
    `clickhouse/clickhouse-server:latest@${DIGEST}`,
    'acme/clickhouse:1.4.2',
    'acme/clickhouse:build-381',
    'acme/clickhouse:24.3-3f9a2c1',
    'acme/clickhouse:3f9a2c1d',
  ])('not: %s', (image) => {
    expect(found(image)).toEqual([]);
  });

  test.each([
    ['put together', { 'Fn::Join': ['', ['public.ecr.aws/', { Ref: 'AWS::Partition' }, '/clickhouse-server:latest']] }, /image public.ecr.aws\/ \/clickhouse-server:latest of ClickHouse \(Task\) names no release: tag latest/],
    ['the default of a parameter', { 'Fn::Sub': 'clickhouse/clickhouse-server:${Usual}' }, /names no release: tag lts/],
    ['a parameter without default', { 'Fn::Sub': 'clickhouse/clickhouse-server:${Given}' }, /whether image clickhouse\/clickhouse-server: of ClickHouse \(Task\) names a release cannot be told at synthesis: parameter Given has no default/],
    ['a part of the version', { 'Fn::Sub': 'clickhouse/clickhouse-server:24.${Given}' }, /cannot be told at synthesis: parameter Given/],
    ['one branch', { 'Fn::If': ['C', 'clickhouse/clickhouse-server:24.3.5.46', 'clickhouse/clickhouse-server:latest'] }, /tag latest/],
  ])('tokens: %s', (_, image, message) => {
    expect(found(image, { Parameters: { Given: { Type: 'String' }, Usual: { Type: 'String', Default: 'lts' } } })).toEqual([expect.stringMatching(message)]);
  });

  test('an image that is known at deployment only, of a container that is set up as ClickHouse', () => {
    const container = { Environment: [{ Name: 'CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT', Value: '1' }] };
    const judge = (image: unknown): string[] => lines(template({ Task: task(image, {}, container) }, { Parameters: { Given: { Type: 'String' } } }), ID);
    expect(judge({ Ref: 'Given' })).toEqual(['Task: whether image of ClickHouse (Task) names a release cannot be told at synthesis: parameter Given has no default']);
    const asset = (tag: string): Json => ({ 'Fn::Sub': `\${AWS::AccountId}.dkr.ecr.\${AWS::Region}.\${AWS::URLSuffix}/assets-\${AWS::AccountId}-\${AWS::Region}:${tag}` });
    // what the CDK builds is named by the hash of what it is built from.
    expect(judge(asset('0123456789abcdef'.repeat(4)))).toEqual([]);
    expect(judge(asset('latest'))).toHaveLength(1);
  });

  test('not images of something else', () => {
    const Task = resource('AWS::ECS::TaskDefinition', { ContainerDefinitions: [{ Name: 'db', Image: 'clickhouse/clickhouse-server:24.3.5.46' }, { Name: 'web', Image: 'nginx:latest' }] });
    expect(lines(template({ Task, Web: task('grafana/grafana') }), ID)).toEqual([]);
  });
});

describe('start-up scripts', () => {
  const server = 'clickhouse/clickhouse-server';
  const found = (text: string): string[] => lines(template({ Db: instance({ UserData: { 'Fn::Base64': `#!/bin/bash\n# clickhouse-server\n${text}\nls /var/lib/clickhouse\n` } }) }), ID);

  test.each([
    ['yum install -y clickhouse-server clickhouse-client', 'package clickhouse-server names no release: it has no version'],
    ['sudo DEBIAN_FRONTEND=noninteractive apt-get install -y -q clickhouse-server', 'package clickhouse-server names no release: it has no version'],
    ['apt-get update && apt-get -y install clickhouse-keeper', 'package clickhouse-keeper names no release: it has no version'],
    ['yum install -y \\\n  clickhouse-common-static', 'package clickhouse-common-static names no release: it has no version'],
    ['apt-get install clickhouse-server=24.3.*', "package clickhouse-server names no release: the newest that fits '24.3.*' is taken"],
    ['dnf install clickhouse-server-24.3*', "package clickhouse-server names no release: the newest that fits '24.3*' is taken"],
    ['V=$(curl https://example.com/v)\napt-get install clickhouse-server=$V', 'whether package clickhouse-server names a release cannot be told at synthesis: its version is filled in later'],
    ['V=24.3\nyum install -y "clickhouse-server-$V"', "package clickhouse-server names no release: the newest that fits '24.3' is taken"],
    ['curl https://clickhouse.com/ | sh', 'the installer of clickhouse.com names no release: it takes the newest build'],
    ['curl -O https://builds.clickhouse.com/master/aarch64/clickhouse', 'the installer of clickhouse.com names no release: it takes the newest build'],
    [`docker run ${server}`, `image ${server} names no release: it has no tag, which means latest`],
    [`docker run -d --name db -p 8123:8123 -e "A=b c" --ulimit nofile=262144:262144 -v data:/var/lib/clickhouse ${server}:latest --flag`, `image ${server}:latest names no release: tag latest moves from release to release`],
    [`sudo docker run --rm -it -dp 80:8123 ${server}:24.3`, `image ${server}:24.3 names no release: tag 24.3 moves to each new release of that line`],
    [`docker pull ${server}:lts\ndocker run -d ${server}:lts`, `image ${server}:lts names no release: tag lts moves from release to release`],
    [`podman run -d clickhouse`, 'image clickhouse names no release: it has no tag, which means latest'],
    [`IMAGE="${server}:latest"\ndocker run -d $IMAGE`, `image ${server}:latest names no release: tag latest moves from release to release`],
    [`export TAG=head\nIMAGE=${server}:\${TAG}\ndocker run "\${IMAGE}"`, `image ${server}:head names no release: tag head moves from release to release`],
    [`docker run ${server}:$(cat tag)`, `whether image ${server}:$cat names a release cannot be told at synthesis: its tag is filled in later`],
    [`cat > compose.yaml <<E\nservices:\n  db:\n    image: ${server}\nE\ndocker compose up -d`, `image ${server} names no release: it has no tag, which means latest`],
    [`cat > compose.yaml <<E\n    image: "${server}:\${TAG:-latest}"\nE`, `image ${server}:latest names no release: tag latest moves from release to release`],
    [`echo 'ExecStart=/usr/bin/docker run --rm ${server}' > /etc/systemd/system/db.service`, `image ${server} names no release: it has no tag, which means latest`],
  ])('%s', (text, message) => {
    expect(found(text)).toEqual([`Db: Db: ${message}`]);
  });

  test.each([
    ['yum install -y clickhouse-server-24.3.5.46 clickhouse-client'],
    ['apt-get install -y clickhouse-server=24.3.5.46 clickhouse-common-static'],
    ['rpm -i https://packages.clickhouse.com/rpm/stable/clickhouse-server-24.3.5.46.x86_64.rpm'],
    ['dnf install -y ./clickhouse-server-24.3.5.46.x86_64.rpm'],
    ['CLICKHOUSE_VERSION=24.3.5.46\nyum install -y clickhouse-server-$CLICKHOUSE_VERSION'],
    ['yum install -y clickhouse-client nginx\nsystemctl start clickhouse-server'],
    ['# yum install -y clickhouse-server'],
    [`docker run -d --name clickhouse -v clickhouse:/var/lib/clickhouse ${server}:24.3.5.46`],
    [`docker run -d ${server}@${DIGEST}`],
    ['docker run -d --name clickhouse-ui nginx'],
    [`V=24.3.5.46\nif true; then V=24.3.5.47; fi\ndocker run ${server}:$V`],
    [`cat > compose.yaml <<E\n    image: ${server}:24.3.5.46\nE`],
    ['docker logs clickhouse-server'],
  ])('not: %s', (text) => {
    expect(found(text)).toEqual([]);
  });

  test.each([
    ['an image', { 'Fn::Sub': 'docker run clickhouse/clickhouse-server:${Given}' }, /whether image clickhouse\/clickhouse-server: names a release cannot be told/],
    ['a package', { 'Fn::Sub': 'yum install -y clickhouse-server-${Given}' }, /whether package clickhouse-server names a release cannot be told/],
    ['a default', { 'Fn::Sub': 'yum install -y clickhouse-server-${Usual}' }, /the newest that fits '24.8' is taken/],
  ])('tokens: %s', (_, script, message) => {
    const Parameters = { Given: { Type: 'String' }, Usual: { Type: 'String', Default: '24.8' } };
    expect(lines(template({ Db: instance({ UserData: { 'Fn::Base64': script } }) }, { Parameters }), ID)).toEqual([expect.stringMatching(message)]);
  });

  test('circles of variables end', () => {
    const doubling = Array.from({ length: 60 }, (_, index) => `V${index + 1}="$V${index}$V${index}"`).join('\n');
    expect(found(`V0=aaaaaaaaaa\n${doubling}\nA=$A$A\ndocker run ${server}:$V60`)).toHaveLength(1);
  });
});

describe('cfn-init', () => {
  const init = (config: unknown): Json => ({ Db: { ...instance({ UserData: { 'Fn::Base64': '/opt/aws/bin/cfn-init' } }), Metadata: { 'AWS::CloudFormation::Init': { config } } } });
  const packages = (versions: unknown, manager = 'yum'): Json => init({ packages: { [manager]: { 'clickhouse-server': versions, git: [] } } });
  const Parameters = { Given: { Type: 'String' }, Usual: { Type: 'String', Default: '24.3.5.46' } };

  test.each([
    ['a package', packages([]), 'package clickhouse-server names no release: it has no version'],
    ['a package with a beginning of a version', packages(['24.3*']), "package clickhouse-server names no release: the newest that fits '24.3*' is taken"],
    ['a package in a version that is known later', packages([{ Ref: 'Given' }]), 'whether package clickhouse-server names a release cannot be told at synthesis: parameter Given has no default'],
    ['a command', init({ commands: { 1: { command: 'yum install -y clickhouse-server' }, 2: { command: 'systemctl start clickhouse-server' } } }), 'package clickhouse-server names no release: it has no version'],
  ])('%s', (_, resources, message) => {
    expect(lines(template(resources, { Parameters }), ID)).toEqual([`Db: Db: ${message}`]);
  });

  test.each([
    ['a version', packages(['24.3.5.46'])],
    ['the default of a parameter', packages([{ Ref: 'Usual' }])],
    ['a file', packages('https://example.com/clickhouse-server-24.3.5.46.x86_64.rpm', 'rpm')],
    ['a command, and others after it', init({ commands: { 1: { command: 'yum install -y git' }, 2: { command: 'systemctl start clickhouse-server' } } })],
  ])('not: %s', (_, resources) => {
    expect(lines(template(resources, { Parameters }), ID)).toEqual([]);
  });
});

test('constructs: in order, after a property override, and by a raw resource', () => {
  expect(judged((stack) => void database(stack))).toEqual([]);
  const script = { 'Fn::Base64': 'apt-get install -y clickhouse-server' };
  expect(judged((stack) => cfn(database(stack).server).addPropertyOverride('UserData', script))).toEqual([`warning: ${ID} on Stack/Server/Resource`]);
  const container = judged((stack) => {
    const definition = new ecs.FargateTaskDefinition(stack, 'Task');
    definition.addContainer('Db', { image: ecs.ContainerImage.fromRegistry('clickhouse/clickhouse-server:26.8.36.3') });
    cfn(definition).addPropertyOverride('ContainerDefinitions.0.Image', 'clickhouse/clickhouse-server');
  }, ID);
  expect(container).toEqual([`warning: ${ID} on Stack/Task/Resource`]);
  const raw = judged((stack) => void new CfnResource(stack, 'Raw', { type: 'AWS::ECS::TaskDefinition', properties: { ContainerDefinitions: [{ Name: 'db', Image: 'clickhouse/clickhouse-server:25' }] } }), ID);
  expect(raw).toEqual([`warning: ${ID} on Stack/Raw`]);
});
