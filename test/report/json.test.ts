import Ajv from 'ajv';
import { jsonReport } from '../../lib/report/json';
import { assessment, CRASHED, EVERYTHING, NOTHING, workload } from './reports';

const text = { type: 'string' };
const texts = { type: 'array', items: text };
const whereabouts = { template: text, logicalId: text };
const object = (properties: object, optional: object = {}): object => ({ type: 'object', properties: { ...properties, ...optional }, required: Object.keys(properties), additionalProperties: false });
const hops = { type: 'array', items: object({ kind: text, ...whereabouts, detail: text }, { location: text, missing: text }) };

// what docs/command-line.md promises.
const SHAPE = object({
  version: { const: 1 },
  verdict: { enum: ['exposed', 'unknown', 'private', 'none'] },
  workloads: {
    type: 'array',
    items: object({
      ...whereabouts,
      type: text,
      ports: { type: 'array', items: { type: 'integer' } },
      verdict: { enum: ['exposed', 'unknown', 'private'] },
      evidence: text,
      reason: text,
      missing: texts,
      changes: { type: 'array', items: object({ ...whereabouts, words: text }, { location: text, to: { type: ['string', 'number', 'boolean'] } }) },
      detours: { type: 'array', items: object({ level: { enum: ['program', 'account', 'login'] }, certain: { type: 'boolean' }, path: hops }) },
    }),
  },
  findings: {
    type: 'array',
    items: object(
      { ruleId: text, severity: { enum: ['fatal', 'error', 'warning'] }, template: { type: ['string', 'null'] }, logicalId: { type: ['string', 'null'] }, message: text, fix: text, path: hops },
      { location: text, link: text },
    ),
  },
});

test.each([
  ['everything', EVERYTHING],
  ['nothing', NOTHING],
  ['a check that failed', { ...NOTHING, verdicts: [CRASHED] }],
])('%s has the promised shape', (_, report) => {
  const validate = new Ajv({ allErrors: true }).compile(SHAPE);
  validate(JSON.parse(jsonReport(report)));
  expect(validate.errors ?? []).toEqual([]);
});

test('holds what was found, in the order it was found in', () => {
  const report = JSON.parse(jsonReport(EVERYTHING)) as { verdict: string; workloads: Array<{ logicalId: string }>; findings: Array<{ ruleId: string; path: object[] }> };
  expect(report.verdict).toBe('exposed');
  expect(report.workloads.map((each) => each.logicalId)).toEqual(['Db', 'Other', 'Quiet']);
  expect(report.findings.map((each) => each.ruleId)).toEqual(['ClickHouse-NotRead', 'ClickHouse-InstanceMetadataV1', 'ClickHouse-PublicExposure', 'ClickHouse-UnknownExposure']);
  expect(report.findings[2]?.path).toEqual([
    { kind: 'internet gateway', template: 'cdk.out/Network.template.json', logicalId: 'Gateway', detail: 'joins the VPC to the internet' },
    { kind: 'security group rule', template: 'cdk.out/Data.template.json', logicalId: 'Group', location: 'Properties.SecurityGroupIngress.0', detail: 'admits 0.0.0.0/0 on TCP 8123' },
  ]);
});

test('a check that failed leaves nothing private and nothing absent, and hides no exposure', () => {
  const verdict = (...verdicts: Parameters<typeof workload>[1][]): unknown => (JSON.parse(jsonReport({ assessment: assessment(...verdicts.map((each) => workload('Db', each))), verdicts: [CRASHED] })) as { verdict: string }).verdict;
  expect([verdict(), verdict('private'), verdict('unknown'), verdict('private', 'exposed')]).toEqual(['unknown', 'unknown', 'unknown', 'exposed']);
});
