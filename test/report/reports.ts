import type { AssessedWorkload, Assessment, Hop, Verdict } from '../../lib/exposure/assessment';
import type { Resource } from '../../lib/exposure/templates/templates';
import { TemplateSet } from '../../lib/exposure/templates/templates';
import type { Report, Finding } from '../../lib/report/report';

const TEMPLATE = 'cdk.out/Data.template.json';

export const PATH: readonly Hop[] = [
  { kind: 'internet gateway', template: 'cdk.out/Network.template.json', logicalId: 'Gateway', detail: 'joins the VPC to the internet' },
  { kind: 'security group rule', template: TEMPLATE, logicalId: 'Group', location: 'Properties.SecurityGroupIngress.0', detail: 'admits 0.0.0.0/0 on TCP 8123' },
];

export const DOUBTFUL: readonly Hop[] = [
  { kind: 'network ACL', template: '', logicalId: 'the default network ACL', detail: 'lets everything through' },
  { kind: 'security group', template: TEMPLATE, logicalId: 'Group', detail: 'is imported', missing: 'its rules are not in the templates' },
];

export function resource(logicalId: string, Type = 'AWS::EC2::Instance', path = TEMPLATE): Resource {
  const found = new TemplateSet([{ path, body: { Resources: { [logicalId]: { Type } } } }]).templates[0]?.resources.get(logicalId);
  if (found === undefined) throw new Error(`there is no ${logicalId}`);
  return found;
}

export function workload(logicalId: string, verdict: Verdict, more: Partial<AssessedWorkload> = {}): AssessedWorkload {
  return { resource: resource(logicalId), evidence: 'its start-up script installs clickhouse-server', ports: [8123, 9000], verdict, reason: `it is ${verdict}`, path: [], missing: [], changes: [], detours: [], ...more };
}

export function assessment(...workloads: readonly AssessedWorkload[]): Assessment {
  const verdict = (['exposed', 'unknown', 'private'] as const).find((each) => workloads.some((one) => one.verdict === each)) ?? 'none';
  return { verdict, workloads };
}

export const EXPOSURE: Finding = {
  ruleId: 'ClickHouse-PublicExposure',
  severity: 'fatal',
  message: 'the internet reaches port 8123 of Db',
  fix: 'admit the security group of the clients',
  explanation: 'Whoever reaches a ClickHouse without a password reads everything.',
  link: 'https://clickhouse.com/docs/guides/sre/network-ports',
  template: TEMPLATE,
  logicalId: 'Db',
  path: PATH,
};

export const METADATA: Finding = { ruleId: 'ClickHouse-InstanceMetadataV1', severity: 'error', message: 'Db gives out credentials', fix: 'require tokens', template: TEMPLATE, logicalId: 'Db', location: 'Properties.MetadataOptions' };
export const NOT_READ: Finding = { ruleId: 'ClickHouse-NotRead', severity: 'warning', message: 'a macro rewrites this template', fix: 'check it as well', template: TEMPLATE };
export const CRASHED: Finding = { ruleId: 'ClickHouse-CheckFailed', severity: 'fatal', message: 'rule x failed', fix: 'report it' };

export const EVERYTHING: Report = {
  assessment: assessment(
    workload('Db', 'exposed', { path: PATH, changes: [{ template: TEMPLATE, logicalId: 'Group', location: 'Properties.SecurityGroupIngress.0', words: 'remove the rule' }] }),
    workload('Other', 'unknown', { ports: [9440], missing: ['the rules of the imported group'], path: DOUBTFUL }),
    workload('Quiet', 'private', { ports: [], detours: [{ level: 'program', certain: true, path: PATH }, { level: 'account', certain: false, path: [] }] }),
  ),
  verdicts: [NOT_READ, METADATA, EXPOSURE, { ...EXPOSURE, ruleId: 'ClickHouse-UnknownExposure', severity: 'error', logicalId: 'Other', path: DOUBTFUL }],
};

export const NOTHING: Report = { assessment: assessment(), verdicts: [] };
