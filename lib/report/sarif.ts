import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Severity } from '../checks/rule';
import { CHECK_FAILED } from '../checks/run';
import type { Hop } from '../exposure/assessment';
import { visible, visibleJson } from './characters';
import type { Locate, Report, Finding, RuleDescription } from './report';
import { overallVerdict } from './report';

export interface SarifOptions {
  /** of this program. */
  readonly version: string;
  readonly homepage: string;
  /** the rules that were run; a finding of another is described by what the finding says. */
  readonly rules: readonly RuleDescription[];
  readonly locate: Locate;
}

/**
 * The report for code scanning: SARIF 2.1.0 (https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html), with what GitHub makes of
 * it in mind (https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning).
 */
export function sarifReport(report: Report, { version, homepage, rules, locate }: SarifOptions): string {
  const { verdicts } = report;
  const known = new Set(rules.map((rule) => rule.id));
  const described = [...rules, ...distinct(verdicts.filter((each) => !known.has(each.ruleId))).map(describe)];
  const indexes = new Map(described.map((rule, index) => [rule.id, index]));
  return `${visibleJson({
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'secure-clickhouse', version, semanticVersion: version, informationUri: homepage, rules: described.map(ruleOf) } },
        invocations: [{ executionSuccessful: verdicts.every((each) => each.ruleId !== CHECK_FAILED) }],
        columnKind: 'utf16CodeUnits',
        results: verdicts.map((each) => resultOf(each, indexes.get(each.ruleId) ?? -1, locate)),
        properties: { verdict: overallVerdict(report) },
      },
    ],
  })}\n`;
}

const LEVELS: Readonly<Record<Severity, 'error' | 'warning'>> = { fatal: 'error', error: 'error', warning: 'warning' };

// GitHub shows critical from 9.0 on, high from 7.0 on, medium from 4.0 on.
const SCORES: Readonly<Record<Severity, string>> = { fatal: '9.5', error: '8.0', warning: '5.0' };

function ruleOf({ id, severity, info, explanation, fix, link }: RuleDescription): object {
  return {
    id,
    name: id.replace(/[^A-Za-z0-9]/g, ''),
    shortDescription: { text: info },
    fullDescription: { text: explanation },
    help: { text: `${explanation} Fix: ${fix}` },
    helpUri: link,
    defaultConfiguration: { level: LEVELS[severity] },
    properties: { tags: ['security', 'clickhouse', 'aws'], precision: 'high', 'problem.severity': LEVELS[severity], 'security-severity': SCORES[severity] },
  };
}

function resultOf({ ruleId, severity, template, logicalId, location, message, fix, path = [] }: Finding, ruleIndex: number, locate: Locate): object {
  return {
    ruleId,
    ruleIndex,
    level: LEVELS[severity],
    message: { text: plain(`${message}. Fix: ${fix}`) },
    locations: template === undefined ? [] : [locationOf({ template, logicalId, location }, locate)],
    ...(path.length === 0 ? {} : { codeFlows: [{ message: { text: 'from the internet to ClickHouse' }, threadFlows: [{ locations: path.map((hop) => ({ location: hopOf(hop, locate) })) }] }] }),
    properties: { severity, fix },
  };
}

function hopOf(hop: Hop, locate: Locate): object {
  const { kind, detail, missing } = hop;
  return { ...locationOf(hop, locate), message: { text: plain(`${kind}: ${detail}${missing === undefined ? '' : ` (not known: ${missing})`}`) } };
}

function locationOf({ template, logicalId, location }: { readonly template: string; readonly logicalId?: string; readonly location?: string }, locate: Locate): object {
  const { file, line = 1 } = locate(template, logicalId) ?? { file: template };
  const name = [template, logicalId ?? '', location ?? ''].filter((part) => part !== '').join('/');
  return {
    // a step that stands in no template, such as what AWS does when nothing is written.
    ...(file === '' ? {} : { physicalLocation: { artifactLocation: { uri: uriOf(file) }, region: { startLine: line } } }),
    ...(logicalId === undefined ? {} : { logicalLocations: [{ name: logicalId, fullyQualifiedName: name, kind: 'resource' }] }),
  };
}

/** A text that viewers show as it is: in a message, brackets followed by parentheses are a link (section 3.11.6). */
function plain(text: string): string {
  return visible(text).replaceAll('](', '] (');
}

/** The file as a reference: relative to where the program ran when it is below, as viewers of whole repositories want it. */
function uriOf(file: string): string {
  if (isAbsolute(file)) return pathToFileURL(file).href;
  return file
    .split(/[\\/]/)
    // half of a surrogate pair cannot be encoded.
    .map((part) => encodeURIComponent(part.replace(/[\ud800-\udfff]/gu, '\ufffd')))
    .join('/');
}

function distinct(verdicts: readonly Finding[]): readonly Finding[] {
  return [...new Map(verdicts.map((each) => [each.ruleId, each])).values()];
}

function describe({ ruleId, severity, fix, explanation, message, link }: Finding): RuleDescription {
  return { id: ruleId, severity, info: message, explanation: explanation ?? message, fix, link: link ?? 'https://github.com/cdk-secure-clickhouse/cdk-secure-clickhouse/blob/main/docs/rules.md' };
}
