import { readFileSync } from 'node:fs';
import Ajv from 'ajv';
import draft4 from 'ajv/lib/refs/json-schema-draft-04.json';
import { DESCRIBED, HOMEPAGE } from '../../lib/cli/rules';
import type { Locate, Report } from '../../lib/report/report';
import { sarifReport } from '../../lib/report/sarif';
import { CRASHED, EVERYTHING, EXPOSURE, NOTHING } from './reports';

interface Location {
  readonly physicalLocation: { readonly artifactLocation: { readonly uri: string }; readonly region: { readonly startLine: number } };
  readonly logicalLocations?: ReadonlyArray<{ readonly fullyQualifiedName: string }>;
  readonly message?: { readonly text: string };
}

interface Sarif {
  readonly runs: ReadonlyArray<{
    readonly tool: { readonly driver: { readonly version: string; readonly rules: ReadonlyArray<{ readonly id: string; readonly helpUri: string; readonly fullDescription: { readonly text: string } }> } };
    readonly invocations: ReadonlyArray<{ readonly executionSuccessful: boolean }>;
    readonly results: ReadonlyArray<{
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly level: string;
      readonly message: { readonly text: string };
      readonly locations: readonly Location[];
      readonly codeFlows?: ReadonlyArray<{ readonly threadFlows: ReadonlyArray<{ readonly locations: ReadonlyArray<{ readonly location: Location }> }> }>;
    }>;
  }>;
}

// the schema that code scanning validates with; the package that ships it is only its carrier.
const schema = JSON.parse(readFileSync(require.resolve('@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json'), 'utf8')) as object;
const ajv = new Ajv({ schemaId: 'auto', allErrors: true });
ajv.addMetaSchema(draft4);
const validate = ajv.compile(schema);

const locate: Locate = (template, logicalId) => (template.startsWith('cdk.out/Data') ? { file: template, line: logicalId === 'Db' ? 7 : undefined } : undefined);

function sarif(report: Report): Sarif['runs'][0] {
  const text = sarifReport(report, { version: '1.2.3', homepage: HOMEPAGE, rules: DESCRIBED, locate });
  validate(JSON.parse(text));
  expect(validate.errors ?? []).toEqual([]);
  const [run] = (JSON.parse(text) as Sarif).runs;
  if (run === undefined) throw new Error('there is no run');
  return run;
}

test('the schema refuses what is wrong', () => {
  expect(validate({ version: '2.1.0', runs: [{ tool: {} }] })).toBe(false);
  expect(validate({ version: '2.0.0', runs: [] })).toBe(false);
});

test('is valid, with everything and with nothing', () => {
  expect(sarif(EVERYTHING).results).toHaveLength(4);
  expect(sarif(NOTHING).results).toEqual([]);
});

test('describes every rule, with a page about it', () => {
  const { rules } = sarif(NOTHING).tool.driver;
  expect(rules.map((rule) => rule.id)).toEqual(expect.arrayContaining(DESCRIBED.map((rule) => rule.id)));
  expect(new Set(rules.map((rule) => rule.id)).size).toBe(rules.length);
  for (const rule of rules) {
    expect(rule.helpUri).toMatch(/^https:\/\//);
    expect(rule.fullDescription.text).not.toBe('');
  }
});

test('every result points at its rule, also at one that is not described', () => {
  const { results, tool } = sarif({ ...EVERYTHING, verdicts: [...EVERYTHING.verdicts, CRASHED, { ...EXPOSURE, ruleId: 'ClickHouse-New' }, { ...EXPOSURE, ruleId: 'ClickHouse-New' }] });
  for (const { ruleId, ruleIndex } of results) expect(tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
});

test('has the place and the line, and the path as a flow from hop to hop', () => {
  const result = sarif(EVERYTHING).results[2];
  expect(result?.level).toBe('error');
  expect(result?.message.text).toBe('the internet reaches port 8123 of Db. Fix: admit the security group of the clients');
  expect(result?.locations).toEqual([
    {
      physicalLocation: { artifactLocation: { uri: 'cdk.out/Data.template.json' }, region: { startLine: 7 } },
      logicalLocations: [{ name: 'Db', fullyQualifiedName: 'cdk.out/Data.template.json/Db', kind: 'resource' }],
    },
  ]);
  const hops = result?.codeFlows?.[0]?.threadFlows[0]?.locations.map(({ location }) => [location.message?.text, location.logicalLocations?.[0]?.fullyQualifiedName]);
  expect(hops).toEqual([
    ['internet gateway: joins the VPC to the internet', 'cdk.out/Network.template.json/Gateway'],
    ['security group rule: admits 0.0.0.0/0 on TCP 8123', 'cdk.out/Data.template.json/Group/Properties.SecurityGroupIngress.0'],
  ]);
});

test('a hop that stands in no template has no file', () => {
  const hops = sarif(EVERYTHING).results[3]?.codeFlows?.[0]?.threadFlows[0]?.locations.map(({ location }) => location);
  expect(hops?.[0]).toEqual({ logicalLocations: [{ name: 'the default network ACL', fullyQualifiedName: 'the default network ACL', kind: 'resource' }], message: { text: 'network ACL: lets everything through' } });
});

test('levels', () => {
  expect(sarif({ ...NOTHING, verdicts: (['fatal', 'error', 'warning'] as const).map((severity) => ({ ...EXPOSURE, severity })) }).results.map((each) => each.level)).toEqual(['error', 'error', 'warning']);
});

test('says when a check could not do its work', () => {
  expect(sarif(EVERYTHING).invocations).toEqual([{ executionSuccessful: true }]);
  expect(sarif({ ...NOTHING, verdicts: [CRASHED] }).invocations).toEqual([{ executionSuccessful: false }]);
});

test.each([
  ['a b/c%d.json', 'a%20b/c%25d.json'],
  ['C:x.json', 'C%3Ax.json'],
  ['\u00e4\ud800.json', '%C3%A4%EF%BF%BD.json'],
  ['/tmp/a b.json', 'file:///tmp/a%20b.json'],
])('%j is the reference %s', (file, uri) => {
  const text = sarifReport({ ...NOTHING, verdicts: [{ ...EXPOSURE, path: [] }] }, { version: '1.2.3', homepage: HOMEPAGE, rules: [], locate: () => ({ file }) });
  expect((JSON.parse(text) as Sarif).runs[0]?.results[0]?.locations[0]?.physicalLocation.artifactLocation.uri).toBe(uri);
});

test('a text of a template is no link', () => {
  const { results } = sarif({ ...NOTHING, verdicts: [{ ...EXPOSURE, message: 'see [here](https://example.com)\u001b[0m' }] });
  expect(results[0]?.message.text).toContain('see [here] (https://example.com)\\u001b[0m');
});
