import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IPolicyValidationContext, PolicyValidationPluginReport } from 'aws-cdk-lib';
import { App, CfnElement, CfnResource, LegacyStackSynthesizer, NestedStack, Stack, Stage, Validations } from 'aws-cdk-lib';
import * as ec2 from 'aws-cdk-lib/aws-ec2';
import { NagPack } from 'cdk-nag';
import type { Construct, IConstruct } from 'constructs';
import { buildExposedApp } from '../../examples/exposed/app';
import { ClickHouseChecks } from '../../lib/checks';
import { RULES } from '../../lib/checks/rules';
import type { Finding, Rule } from '../../lib/checks/rule';
import { finding } from '../../lib/checks/rule';
import { database as makeDatabase } from './constructs';

// CDK's own validator costs seconds a process and is not what is tested here.
process.env.CDK_VALIDATION = 'false';

const folders: string[] = [];
afterAll(() => folders.forEach((each) => rmSync(each, { recursive: true, force: true })));

function outdir(): string {
  folders.push(mkdtempSync(join(tmpdir(), 'checks-')));
  return folders[folders.length - 1] ?? '';
}

/** Replaces the rules of a pack. */
function withRules(pack: ClickHouseChecks, ...rules: Array<Partial<Rule>>): ClickHouseChecks {
  return Object.assign(pack, { rules });
}

const crash: Partial<Rule> = {
  id: 'ClickHouse-Crash',
  check: () => {
    throw new Error('out of order');
  },
};

/** A rule that finds every topic. */
function topics(severity: Rule['severity']): Rule {
  return {
    ...(RULES[0]),
    id: 'ClickHouse-Topic',
    severity,
    *check({ templates }): Iterable<Finding> {
      for (const each of templates.ofType('AWS::SNS::Topic')) yield finding(each, 'a topic', { location: 'Properties.TopicName', fix: 'remove it' });
    },
  };
}

interface Violation {
  ruleName: string;
  description: string;
  severity: string;
  suggestedFix: string;
  ruleMetadata?: Record<string, string>;
  violatingConstructs: Array<{ constructPath: string; cloudFormationResource?: { logicalId: string; templatePath: string; propertyPaths: string[] } }>;
}

interface Report {
  pluginReports: Array<{ pluginName: string; conclusion: string; violations: Violation[]; suppressedViolations?: Array<Violation & { reason: string }> }>;
}

/** Synthesises as the CDK does and gives back its verdict and its report on our pack. */
function synth(build: (app: App) => void, pack: (app: App) => ClickHouseChecks = (app) => new ClickHouseChecks(app)): { passes: boolean; report: Report['pluginReports'][number] | undefined } {
  const app = new App({ outdir: outdir() });
  build(app);
  Validations.of(app).addPlugins(pack(app));
  return verdict(app);
}

function verdict(app: App): { passes: boolean; report: Report['pluginReports'][number] | undefined } {
  let passes = true;
  const printed = jest.spyOn(console, 'error').mockReturnValue(undefined);
  try {
    app.synth();
  } catch (error) {
    passes = false;
    expect(String(error)).toContain('ClickHouse');
  } finally {
    printed.mockRestore();
    process.exitCode = undefined;
  }
  const report = JSON.parse(readFileSync(join(app.outdir, 'validation-report.json'), 'utf8')) as Report;
  return { passes, report: report.pluginReports.find((each) => each.pluginName === 'ClickHouse') };
}

function topic(app: IConstruct): CfnResource {
  return new CfnResource(new Stack(app, 'Stack'), 'Topic', { type: 'AWS::SNS::Topic' });
}

/** A ClickHouse that is open to the internet unless told otherwise. */
function database(scope: Construct, peer = ec2.Peer.anyIpv4()): ec2.SecurityGroup {
  return makeDatabase(scope, peer).securityGroup;
}

function names(report: PolicyValidationPluginReport | Report['pluginReports'][number] | undefined): string[] {
  return (report?.violations ?? []).map((each) => `${each.severity}: ${each.ruleName}`);
}

function errorsOf(report: Report['pluginReports'][number] | undefined): Violation[] {
  return (report?.violations ?? []).filter((each) => each.severity === 'error');
}

describe('the pack', () => {
  test('knows its rules', () => {
    const errors = ['UnknownExposure', 'NoAuthentication', 'OpenIngress', 'PublicSubnet', 'VulnerableVersion', 'OpenSsh', 'InternalPortOutsideCluster', 'PlaintextPort', 'WeakTls', 'LiteralPassword', 'BroadSecretAccess', 'SecretWithoutRotation', 'UnencryptedStorage', 'UnencryptedFileSystemTransit', 'InstanceMetadataV1'];
    const warnings = ['UnrestrictedEgress', 'UnpinnedImage', 'NoFlowLogs'];
    expect(RULES.map(({ id, severity }) => `${severity} ${id}`)).toEqual(['fatal ClickHouse-PublicExposure', ...errors.map((each) => `error ClickHouse-${each}`), ...warnings.map((each) => `warning ClickHouse-${each}`)]);
    expect(new ClickHouseChecks().ruleIds).toEqual(RULES.map(({ id }) => id));
    for (const rule of RULES) {
      for (const text of [rule.info, rule.explanation, rule.fix]) expect(text.length).toBeGreaterThan(15);
      expect(rule.link).toMatch(/^https:\/\//);
    }
  });

  test('passes an app without ClickHouse, and a ClickHouse that is in order', () => {
    expect(synth(topic)).toEqual({ passes: true, report: undefined });
    expect(synth((app) => void database(new Stack(app, 'Stack'), ec2.Peer.ipv4('10.0.0.0/16')))).toEqual({ passes: true, report: undefined });
  });

  test('fails the example, naming the resource, its construct, the fix and why', () => {
    const { passes, report } = verdict(buildExposedApp({ outdir: outdir() }));
    expect(passes).toBe(false);
    const errors = ['NoAuthentication', 'OpenIngress', 'PublicSubnet', 'PlaintextPort', 'UnencryptedStorage', 'InstanceMetadataV1'].map((each) => `error: ClickHouse-${each}`);
    const warnings = ['UnrestrictedEgress', 'UnpinnedImage', 'NoFlowLogs'].map((each) => `warning: ClickHouse-${each}`);
    expect(new Set(names(report))).toEqual(new Set(['fatal: ClickHouse-PublicExposure', ...errors, ...warnings]));
    const open = report?.violations.filter((each) => each.ruleName === 'ClickHouse-OpenIngress') ?? [];
    expect(open.map((each) => each.description)).toEqual([expect.stringContaining('port 8123'), expect.stringContaining('port 9000')]);
    expect(open[0]).toMatchObject({
      suggestedFix: 'admit the security group of the clients instead of addresses',
      ruleMetadata: { link: expect.stringMatching(/^https:/) as string, explanation: expect.stringContaining('DeepSeek') as string },
      violatingConstructs: [{ constructPath: 'ExposedClickHouse/Access/Resource', cloudFormationResource: { templatePath: 'ExposedClickHouse.template.json', propertyPaths: ['Properties.SecurityGroupIngress.0'] } }],
    });
  });

  test('explains when it is verbose', () => {
    const { report } = synth((app) => void database(new Stack(app, 'Stack')), (app) => new ClickHouseChecks(app, { verbose: true }));
    expect(report?.violations[0]?.description).toMatch(/open to the internet.*DeepSeek/);
  });
});

describe('severity', () => {
  test('warnings alone pass and are reported', () => {
    const { passes, report } = synth(topic, (app) => withRules(new ClickHouseChecks(app), topics('warning')));
    expect(passes).toBe(true);
    expect(report).toMatchObject({ conclusion: 'success', violations: [{ ruleName: 'ClickHouse-Topic', severity: 'warning' }] });
  });

  test.each(['error', 'fatal'] as const)('%s fails', (severity) => {
    expect(synth(topic, (app) => withRules(new ClickHouseChecks(app), topics('warning'), topics(severity)))).toMatchObject({ passes: false, report: { conclusion: 'failure' } });
  });
});

describe('acknowledging', () => {
  const acknowledged = (severity: Rule['severity'], id: string): ReturnType<typeof synth> =>
    synth((app) => Validations.of(topic(app)).acknowledge({ id, reason: 'it carries nothing' }), (app) => withRules(new ClickHouseChecks(app), topics(severity)));

  test('an error, in the documented form, with its reason in the report', () => {
    const { passes, report } = acknowledged('error', 'ClickHouse::ClickHouse-Topic');
    expect(passes).toBe(true);
    expect(report?.suppressedViolations).toMatchObject([{ ruleName: 'ClickHouse-Topic', reason: 'it carries nothing' }]);
  });

  test('not a fatal finding', () => {
    expect(acknowledged('fatal', 'ClickHouse::ClickHouse-Topic').passes).toBe(false);
  });

  test('not by the id of another rule', () => {
    expect(acknowledged('error', 'ClickHouse::ClickHouse-OpenIngress').passes).toBe(false);
  });

  test('a real finding on its construct, and on no other', () => {
    const build = (where: (group: ec2.SecurityGroup) => IConstruct) => (app: App): void => {
      const group = database(new Stack(app, 'Stack'));
      Validations.of(where(group)).acknowledge({ id: 'ClickHouse::ClickHouse-OpenIngress', reason: 'a honeypot' });
    };
    expect(synth(build((group) => group)).passes).toBe(true);
    expect(synth(build((group) => Stack.of(group).node.findChild('Server'))).passes).toBe(false);
  });

  test('not a crash', () => {
    const { passes, report } = synth((app) => Validations.of(topic(app).stack).acknowledge({ id: 'ClickHouse::ClickHouse-CheckFailed', reason: 'please' }), (app) => withRules(new ClickHouseChecks(app), crash));
    expect(passes).toBe(false);
    expect(names(report)).toEqual(['fatal: ClickHouse-CheckFailed']);
  });
});

describe('failing closed', () => {
  test('a rule that throws is fatal and is named, and the others still run', () => {
    const { passes, report } = synth(topic, (app) => withRules(new ClickHouseChecks(app), crash, topics('warning')));
    expect(passes).toBe(false);
    expect(names(report)).toEqual(['fatal: ClickHouse-CheckFailed', 'warning: ClickHouse-Topic']);
    expect(report?.violations[0]?.description).toMatch(/ClickHouse-Crash failed.*out of order/);
  });

  test('a rule that throws half way keeps what it found', () => {
    const half: Partial<Rule> = {
      ...topics('error'),
      *check(deployment) {
        yield* topics('error').check(deployment);
        throw new Error('out of order');
      },
    };
    expect(names(synth(topic, (app) => withRules(new ClickHouseChecks(app), half)).report)).toEqual(['error: ClickHouse-Topic', 'fatal: ClickHouse-CheckFailed']);
  });

  test('a rule that throws no Error', () => {
    const strange: Partial<Rule> = {
      ...crash,
      check: () => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- that is the case.
        throw undefined;
      },
    };
    expect(names(synth(topic, (app) => withRules(new ClickHouseChecks(app), strange)).report)).toEqual(['fatal: ClickHouse-CheckFailed']);
  });

  test('rules that are no rules', () => {
    expect(names(synth(topic, (app) => Object.assign(new ClickHouseChecks(app), { rules: undefined })).report)).toEqual(['fatal: ClickHouse-CheckFailed']);
  });

  test('templates that are not there or not JSON', () => {
    const bad = join(outdir(), 'bad.template.json');
    writeFileSync(bad, '{"Resources": ');
    for (const templatePath of ['/nowhere/template.json', bad]) {
      const context = { stackTemplates: [{ templatePath, stackConstructPath: 'Stack' }] } as unknown as IPolicyValidationContext;
      const report = new ClickHouseChecks().validate(context);
      expect([report.success, names(report)]).toEqual([false, ['fatal: ClickHouse-CheckFailed']]);
    }
  });

  test('a context that is none', () => {
    expect(new ClickHouseChecks().validate({} as IPolicyValidationContext).success).toBe(false);
  });
});

describe('what is read', () => {
  const openWays: Array<[string, (stack: Stack) => void]> = [
    ['a property override', (stack) => (database(stack, ec2.Peer.ipv4('10.0.0.0/16')).node.defaultChild as CfnResource).addPropertyOverride('SecurityGroupIngress.0.CidrIp', '0.0.0.0/0')],
    ['an escape hatch for the whole property', (stack) => (database(stack, ec2.Peer.ipv4('10.0.0.0/16')).node.defaultChild as CfnResource).addOverride('Properties.SecurityGroupIngress', [{ IpProtocol: 'tcp', FromPort: 8400, ToPort: 8500, CidrIp: '0.0.0.0/0' }])],
    ['a raw resource', (stack) => {
      const group = database(stack, ec2.Peer.ipv4('10.0.0.0/16'));
      new CfnResource(stack, 'Raw', { type: 'AWS::EC2::SecurityGroupIngress', properties: { GroupId: group.securityGroupId, IpProtocol: 'tcp', FromPort: '8443', ToPort: '8443', CidrIp: '0.0.0.0/0' } });
    }],
  ];

  test.each(openWays)('%s', (_, build) => {
    const { report } = synth((app) => build(new Stack(app, 'Stack')));
    expect(names(report)).toEqual(['error: ClickHouse-OpenIngress']);
  });

  test.each([
    ['by its asset', {}],
    ['by its metadata', { 'aws:cdk:enable-asset-metadata': true }],
  ])('a nested stack, found %s, and its findings lead to its construct', (_, context) => {
    const app = new App({ outdir: outdir(), context });
    database(new NestedStack(new Stack(app, 'Stack'), 'Inner'));
    Validations.of(app).addPlugins(new ClickHouseChecks(app));
    const { passes, report } = verdict(app);
    expect(passes).toBe(false);
    expect(report?.violations).toMatchObject([{ ruleName: 'ClickHouse-OpenIngress', violatingConstructs: [{ constructPath: 'Stack/Inner/Access/Resource' }] }]);
  });

  test('nested stacks are followed through their parameters and outputs', () => {
    const { report } = synth((app) => {
      const stack = new Stack(app, 'Stack');
      const inner = new NestedStack(stack, 'Inner');
      const vpc = new ec2.Vpc(inner, 'Vpc', { maxAzs: 1, natGateways: 0 });
      // the group is made inside, opened and used outside.
      const group = new ec2.SecurityGroup(inner, 'Access', { vpc });
      new ec2.CfnSecurityGroupIngress(stack, 'Open', { groupId: group.securityGroupId, ipProtocol: 'tcp', fromPort: 8443, toPort: 8443, cidrIp: '0.0.0.0/0' });
      const imds = { httpTokens: 'required' };
      const blockDeviceMappings = [{ deviceName: '/dev/xvda', ebs: { encrypted: true } }];
      new ec2.CfnInstance(stack, 'Server', { userData: Buffer.from('yum install clickhouse-server').toString('base64'), subnetId: 'subnet-1', securityGroupIds: [group.securityGroupId], metadataOptions: imds, blockDeviceMappings });
    });
    expect(errorsOf(report).map((each) => each.violatingConstructs[0]?.constructPath)).toEqual(['Stack/Server', 'Stack/Open']);
  });

  test('stacks that import from each other', () => {
    const { report } = synth((app) => {
      const network = new Stack(app, 'Network');
      const vpc = new ec2.Vpc(network, 'Vpc', { maxAzs: 1, natGateways: 0 });
      const stack = new Stack(app, 'Database');
      new ec2.Instance(stack, 'Server', {
        vpc,
        vpcSubnets: { subnetType: ec2.SubnetType.PUBLIC },
        instanceType: new ec2.InstanceType('t4g.large'),
        machineImage: ec2.MachineImage.genericLinux({ 'eu-west-1': 'ami-1' }),
        userData: ec2.UserData.custom('yum install clickhouse-server'),
        requireImdsv2: true,
        blockDevices: [{ deviceName: '/dev/xvda', volume: ec2.BlockDeviceVolume.ebs(10, { encrypted: true }) }],
      });
    });
    expect(errorsOf(report)).toMatchObject([{ ruleName: 'ClickHouse-PublicSubnet', violatingConstructs: [{ constructPath: 'Database/Server/Resource' }] }]);
  });

  test('stages', () => {
    const { report } = synth((app) => void database(new Stack(new Stage(app, 'Production'), 'Stack')));
    expect(report?.violations).toMatchObject([{ ruleName: 'ClickHouse-OpenIngress', violatingConstructs: [{ constructPath: 'Production/Stack/Access/Resource' }] }]);
  });

  test('a nested stack whose template is elsewhere is reported, and passes', () => {
    const { passes, report } = synth((app) => void new CfnResource(new Stack(app, 'Stack'), 'Foreign', { type: 'AWS::CloudFormation::Stack', properties: { TemplateURL: 'https://example.com/other.json' } }));
    expect(passes).toBe(true);
    expect(report?.violations).toMatchObject([{ ruleName: 'ClickHouse-NotRead', severity: 'warning', violatingConstructs: [{ constructPath: 'Stack/Foreign' }] }]);
  });

  test('the stack synthesizer does not matter', () => {
    const { report } = synth((app) => void database(new Stack(app, 'Stack', { synthesizer: new LegacyStackSynthesizer() })));
    expect(names(report)).toEqual(['error: ClickHouse-OpenIngress']);
  });
});

describe('validateScope', () => {
  test('says of a tree what validate says of its templates', () => {
    const app = new App({ outdir: outdir() });
    const stack = new Stack(app, 'Stack');
    database(stack);
    database(new NestedStack(stack, 'Inner'));
    app.synth();
    const direct = new ClickHouseChecks().validateScope(app);
    const paths = (direct.violations).flatMap((each) => each.violatingResources.map((resource) => resource.constructPath));
    expect(paths).toEqual(['Stack/Access/Resource', 'Stack/Inner/Access/Resource']);
    const context = { stackTemplates: [{ templatePath: join(app.outdir, stack.templateFile), stackConstructPath: 'Stack' }] } as unknown as IPolicyValidationContext;
    const written = new ClickHouseChecks().validate(context);
    const summary = (report: PolicyValidationPluginReport): unknown => report.violations.map(({ ruleName, description, violatingResources }) => [ruleName, description, violatingResources.map((each) => each.resourceLogicalId)]);
    expect(summary(written)).toEqual(summary(direct));
    expect(direct.success).toBe(false);
  });

  test('of a part of a stack leaves out the rest, but judges with all of it', () => {
    const stack = new Stack(new App({ outdir: outdir() }), 'Stack');
    const group = database(stack);
    expect(names(new ClickHouseChecks().validateScope(group))).toEqual(['error: ClickHouse-OpenIngress']);
    expect(names(new ClickHouseChecks().validateScope(stack.node.findChild('Vpc')))).toEqual([]);
  });

  test('fails closed as well', () => {
    const app = new App({ outdir: outdir() });
    const scope = topic(app);
    for (const pack of [withRules(new ClickHouseChecks(), crash), Object.assign(new ClickHouseChecks(), { rules: 1 })]) {
      for (const each of [app, scope]) expect(names(pack.validateScope(each))).toEqual(['fatal: ClickHouse-CheckFailed']);
    }
    class Broken extends CfnElement {
      public _toCloudFormation(): object {
        throw new Error('cannot be rendered');
      }
    }
    new Broken(scope.stack, 'Broken');
    expect(names(new ClickHouseChecks().validateScope(app))).toEqual(['fatal: ClickHouse-CheckFailed']);
  });
});

test('the pack is a NagPack of the cdk-nag that users import, whichever path it was loaded by', () => {
  expect(new ClickHouseChecks()).toBeInstanceOf(NagPack);
});
