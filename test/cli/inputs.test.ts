import { join } from 'node:path';
import { symlinkSync } from 'node:fs';
import { App, CfnOutput, NestedStack, Stack, Stage } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import type { Construct } from 'constructs';
import { Program } from './program';
import { NO_CLICKHOUSE, OPEN, OPEN_YAML, SAFE } from './templates';

const program = new Program();
afterAll(() => program.remove());

/** A VPC with public subnets, and a ClickHouse in one of them that everybody reaches. */
function openClickHouse(scope: Construct): void {
  const vpc = new ec2.Vpc(scope, 'Vpc', { natGateways: 0, availabilityZones: ['eu-west-1a'] });
  const userData = ec2.UserData.forLinux();
  userData.addCommands('yum install -y clickhouse-server');
  const host = new ec2.Instance(scope, 'Host', { vpc, userData, vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC }, instanceType: new ec2.InstanceType('m7g.large'), machineImage: ec2.MachineImage.genericLinux({ 'eu-west-1': 'ami-0123456789abcdef0' }) });
  host.connections.allowFromAnyIpv4(ec2.Port.tcp(8123));
}

const env = { account: '123456789012', region: 'eu-west-1' };

describe('cloud assemblies', () => {
  test('with stacks, nested stacks and stages are one deployment', () => {
    const app = new App({ outdir: join(program.folder, 'cdk.out'), analyticsReporting: false });
    openClickHouse(new NestedStack(new Stack(app, 'Top', { env }), 'Inner'));
    openClickHouse(new NestedStack(new Stack(new Stage(new Stage(app, 'Prod', { env }), 'Deep'), 'Data', { env }), 'Inner'));
    app.synth();

    const { verdict, workloads, findings } = program.check('cdk.out');
    expect(verdict).toBe('exposed');
    expect(workloads.map((each) => each.verdict)).toEqual(['exposed', 'exposed']);
    expect(workloads.map((each) => each.template).sort()).toEqual([
      expect.stringMatching(/^cdk\.out\/TopInner\w+\.nested\.template\.json$/) as string,
      expect.stringMatching(/^cdk\.out\/assembly-Prod\/assembly-Prod-Deep\/ProdDeepDataInner\w+\.nested\.template\.json$/) as string,
    ]);
    expect(findings.map((each) => each.ruleId)).not.toContain('ClickHouse-NotRead');
  });

  test('are found by stack names and exports, so that a network of another stack is known', () => {
    const app = new App({ outdir: join(program.folder, 'two'), analyticsReporting: false });
    const network = new Stack(app, 'Network', { env });
    const vpc = new ec2.Vpc(network, 'Vpc', { natGateways: 0, availabilityZones: ['eu-west-1a'] });
    const data = new Stack(app, 'Data', { env });
    const userData = ec2.UserData.forLinux();
    userData.addCommands('yum install -y clickhouse-server');
    const host = new ec2.Instance(data, 'Host', { vpc, userData, vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC }, instanceType: new ec2.InstanceType('m7g.large'), machineImage: ec2.MachineImage.latestAmazonLinux2023() });
    host.connections.allowFromAnyIpv4(ec2.Port.tcp(8123));
    app.synth();
    expect(program.check('two').verdict).toBe('exposed');
    // one template of it on its own leaves questions open, and says which.
    expect(program.check('two/Data.template.json').verdict).toBe('unknown');
    // both, named one by one, are the whole again.
    expect(program.check('two/Data.template.json', 'two/Network.template.json')).toEqual(program.check('two/Network.template.json', 'two/Data.template.json'));
    expect(program.check('two/Data.template.json', 'two/Network.template.json').verdict).toBe('exposed');
    // and count once, however often they are named.
    expect(program.check('two', './two/', join(program.folder, 'two'), 'two/Data.template.json').workloads).toHaveLength(1);
  });

  test('may have stacks and nested stacks with nothing in them', () => {
    const app = new App({ outdir: join(program.folder, 'empty-stacks'), analyticsReporting: false });
    const stack = new Stack(app, 'Nothing');
    new CfnOutput(new NestedStack(stack, 'Inner'), 'Out', { value: 'x' });
    app.synth();
    expect(program.run('check', 'empty-stacks')).toMatchObject({ status: 0, stderr: '' });
    expect(program.run('check', 'empty-stacks/Nothing.template.json')).toMatchObject({ status: 0, stderr: '' });
  });

  test.each<[string, () => string, RegExp]>([
    ['a folder that is none', () => program.write('templates/a.json', SAFE) && 'templates', /^templates is no cloud assembly: name the folder that 'cdk synth' wrote \(cdk\.out\), or the files of templates$/],
    ['the manifest of something else', () => program.write('site/manifest.json', { name: 'site', icons: [] }) && 'site', /^site is no cloud assembly/],
    ['a manifest that is not JSON', () => program.write('broken/manifest.json', '{"version": ') && 'broken', /^broken\/manifest\.json:1:13: expected a value/],
    ['one without stacks', () => program.write('nothing/manifest.json', { version: '54.0.0', artifacts: { Tree: { type: 'cdk:tree', properties: { file: 'tree.json' } } } }) && 'nothing', /^nothing has no stacks/],
    ['a template that is not there', () => program.write('gone/manifest.json', assembly('Gone.template.json')) && 'gone', /^gone\/Gone\.template\.json: no such file/],
    ['a stage that is not there', () => program.write('stageless/manifest.json', { version: '54.0.0', artifacts: { Prod: { type: 'cdk:cloud-assembly', properties: { directoryName: 'assembly-Prod' } } } }) && 'stageless', /^stageless\/assembly-Prod is no cloud assembly/],
    ['a stage that leads back', () => program.write('circle/manifest.json', { version: '54.0.0', artifacts: { Prod: { type: 'cdk:cloud-assembly', properties: { directoryName: '.' } } } }) && 'circle', /^circle has no stacks/],
    ['a template that is a device', () => program.write('device/manifest.json', assembly('../../../../../../../../dev/zero')) && 'device', /dev\/zero is no file$/],
  ])('%s is refused', (_, write, message) => {
    const { status, stdout, stderr } = program.run('check', write());
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr.replace(/^secure-clickhouse: /, '').trimEnd()).toMatch(message);
  });

  test('a template that is no object is fatal', () => {
    program.write('list/manifest.json', assembly('List.template.json'));
    program.write('list/List.template.json', '[]');
    const { verdict, findings } = program.check('list');
    expect({ verdict, findings }).toEqual({ verdict: 'unknown', findings: [expect.objectContaining({ ruleId: 'ClickHouse-CheckFailed', severity: 'fatal' })] });
    expect(program.run('check', 'list').status).toBe(1);
  });
});

function assembly(templateFile: string): object {
  return { version: '54.0.0', artifacts: { Data: { type: 'aws:cloudformation:stack', environment: 'aws://unknown-account/unknown-region', properties: { templateFile } } } };
}

describe('templates', () => {
  const nested = (TemplateURL: unknown, Parameters?: object): object => ({ Resources: { Inner: { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL, Parameters } } } });

  test('are followed to the nested stacks beside them, as those are written before packaging', () => {
    program.write('local/parts/db.yaml', OPEN_YAML);
    const top = program.write('local/top.yaml', 'Resources:\n  Inner:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: ./parts/db.yaml\n      Parameters:\n        Clients: 10.0.0.0/8\n');
    const { verdict, workloads } = program.check(top);
    expect({ verdict, workloads }).toEqual({ verdict: 'private', workloads: [expect.objectContaining({ template: 'local/parts/db.yaml' })] });
    // what a glob names twice is what its parent deploys, with the parent's parameters.
    expect(program.check('local/parts/db.yaml', top)).toEqual(program.check(top));
    expect(program.check('local/parts/db.yaml').verdict).toBe('exposed');
  });

  test('that several stacks deploy count for each, and are told apart', () => {
    program.write('twice/db.yaml', OPEN_YAML);
    const stack = (Clients: string): object => ({ Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: 'db.yaml', Parameters: { Clients } } });
    const top = program.write('twice/top.json', { Resources: { Blue: stack('10.0.0.0/8'), Green: stack('0.0.0.0/0') } });
    const { verdict, workloads } = program.check(top);
    expect({ verdict, workloads: workloads.map(({ template, verdict: each }) => [template, each]) }).toEqual({
      verdict: 'exposed',
      workloads: [
        ['twice/db.yaml', 'private'],
        ['twice/db.yaml (Green in twice/top.json)', 'exposed'],
      ],
    });
    // code scanning wants the file.
    const { runs } = JSON.parse(program.run('check', '--format', 'sarif', top).stdout) as { runs: [{ results: Array<{ locations: Array<{ physicalLocation: { artifactLocation: { uri: string } } }> }> }] };
    const files = runs[0].results.map((each) => each.locations[0]?.physicalLocation.artifactLocation.uri);
    expect(new Set(files)).toEqual(new Set(['twice/db.yaml']));
  });

  test.each(['https://s3.amazonaws.com/bucket/db.yaml', 's3://bucket/db.yaml', 'missing.yaml', { 'Fn::Sub': 'https://${Bucket}/db.yaml' }, 7, null])('whose nested stack is somewhere else (%j) are read without it, which is said', (url) => {
    const { findings } = program.check(program.write('elsewhere/top.json', nested(url)));
    expect(findings).toEqual([expect.objectContaining({ ruleId: 'ClickHouse-NotRead', severity: 'warning', logicalId: 'Inner' })]);
  });

  test('that deploy themselves end', () => {
    const self = program.write('self/a.json', nested('a.json'));
    expect(program.check(self).findings).toContainEqual(expect.objectContaining({ ruleId: 'ClickHouse-CheckFailed', template: self, logicalId: 'Inner' }));
    const one = program.write('ring/one.json', nested('two.json'));
    const two = program.write('ring/two.json', nested('one.json'));
    for (const paths of [[one], [two], [one, two]]) expect(program.check(...paths)).toMatchObject({ verdict: 'unknown' });
  });

  test('that multiply without end are refused', () => {
    for (let level = 0; level < 30; level++) {
      const stack = { Type: 'AWS::CloudFormation::Stack', Properties: { TemplateURL: `${level + 1}.json` } };
      program.write(`multiply/${level}.json`, level === 29 ? NO_CLICKHOUSE : { Resources: { A: stack, B: stack } });
    }
    const { status, stderr, milliseconds } = program.run('check', 'multiply/0.json');
    expect({ status, stderr }).toEqual({ status: 2, stderr: 'secure-clickhouse: multiply/0.json deploys more than 2500 nested stacks\n' });
    expect(milliseconds).toBeLessThan(20_000);
  });

  test('do not need the name of their format', () => {
    for (const name of ['a', 'b.template', 'c.yaml', 'd.json']) expect(program.check(program.write(`names/${name}`, OPEN)).verdict).toBe('exposed');
    expect(program.check(program.write('names/e.json', OPEN_YAML)).verdict).toBe('exposed');
    expect(program.check(program.write('names/f.json', `\ufeff${JSON.stringify(OPEN)}`)).verdict).toBe('exposed');
    expect(program.check(program.write('names/flow.yaml', '{Resources: {Bucket: {Type: AWS::S3::Bucket}}}')).verdict).toBe('none');
  });

  test('are named as seen from where the program runs', () => {
    program.write('deep/er/open.json', OPEN);
    symlinkSync(join(program.folder, 'deep'), join(program.folder, 'link'));
    expect(program.check(join(program.folder, 'deep', 'er', 'open.json')).workloads[0]?.template).toBe('deep/er/open.json');
    expect(program.check('./deep/../deep/er/open.json').workloads[0]?.template).toBe('deep/er/open.json');
    expect(program.check('link/er/open.json').workloads[0]?.template).toBe('link/er/open.json');
  });

  test.each<[string, string]>([
    ['a package.json', '{"name": "x", "version": "1.0.0"}'],
    ['an empty object', '{}'],
    ['a list', '[]'],
    ['a list in YAML', '- a\n- b\n'],
    ['prose', 'hello\n'],
    ['a null', '~'],
  ])('%s is none', (_, text) => {
    const { status, stdout, stderr } = program.run('check', program.write('other.json', text));
    expect({ status, stdout, stderr }).toEqual({ status: 2, stdout: '', stderr: 'secure-clickhouse: other.json is no CloudFormation template: it is no object with Resources\n' });
  });
});
