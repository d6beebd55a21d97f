import type { Severity } from '../checks/rule';
import type { AssessedWorkload, Hop, Verdict } from '../exposure/assessment';
import { visible } from './characters';
import type { Report, Finding } from './report';
import { overallVerdict, SEVERITIES } from './report';

export interface TextOptions {
  /** whether to colour it, with the escape sequences of terminals. */
  readonly color?: boolean;
}

/** The report for people. */
export function textReport(report: Report, { color = false }: TextOptions = {}): string {
  const paint: Paint = color ? (style, text) => `\u001b[${STYLES[style]}m${text}\u001b[0m` : (_, text) => text;
  const { assessment, verdicts } = report;
  const blocks = [
    [headline(report, paint)],
    ...assessment.workloads.map((each) => workload(each, paint)),
    ...SEVERITIES.flatMap((severity) => verdicts.filter((each) => each.severity === severity).map((each) => finding(each, paint))),
    [summary(verdicts)],
  ];
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

type Style = Severity | Verdict | 'none' | 'strong' | 'quiet';
type Paint = (style: Style, text: string) => string;

const STYLES: Readonly<Record<Style, string>> = {
  exposed: '1;31',
  unknown: '1;33',
  private: '1;32',
  none: '1',
  fatal: '1;31',
  error: '31',
  warning: '33',
  strong: '1',
  quiet: '2',
};

function headline(report: Report, paint: Paint): string {
  const verdict = overallVerdict(report);
  const { workloads } = report.assessment;
  const many = workloads.filter((each) => each.verdict === verdict).length;
  const of = `${many} of ${workloads.length} ClickHouse`;
  const words: Readonly<Record<Verdict | 'none', string>> = {
    exposed: `the internet can reach ${of}`,
    unknown: many === 0 ? 'not everything could be checked' : `it cannot be told whether the internet can reach ${of}`,
    private: workloads.length === 1 ? 'the internet cannot reach the ClickHouse' : `the internet cannot reach any of ${workloads.length} ClickHouse`,
    none: 'there is no ClickHouse in these templates',
  };
  return `${paint(verdict, verdict.toUpperCase())}  ${words[verdict]}`;
}

/** What a ClickHouse is and what is said of it. What to do about it is said by the findings. */
function workload({ resource, evidence, ports, verdict, reason, detours }: AssessedWorkload, paint: Paint): string[] {
  return [
    `${paint(verdict, verdict)}  ${paint('strong', visible(resource.logicalId))} (${visible(resource.type)}) in ${visible(resource.template.path)}${portsOf(ports)}`,
    ...labelled('taken for ClickHouse', [evidence]),
    ...labelled('because', [reason]),
    ...detours.flatMap(({ level, certain, path }) => [...labelled('other way', [`${certain ? '' : 'perhaps '}${LEVELS[level]}`]), ...hops(path)]),
  ];
}

// whoever runs it with its defaults has a score of them.
function portsOf(ports: readonly number[]): string {
  const [first] = ports;
  if (first === undefined) return '';
  if (ports.length === 1) return `, port ${first}`;
  return ports.length <= 6 ? `, ports ${ports.join(', ')}` : `, ${ports.length} ports from ${Math.min(...ports)} to ${Math.max(...ports)}`;
}

const LEVELS = { program: 'through another program', account: 'from another AWS account', login: 'after a login at the load balancer' } as const;

function finding({ ruleId, severity, template, logicalId, location, message, fix, link, path = [] }: Finding, paint: Paint): string[] {
  const place = template === undefined ? '' : `  ${where(template, logicalId, location)}`;
  return [
    `${paint(severity, severity)}  ${paint('strong', ruleId)}${place}`,
    `  ${visible(message)}`,
    ...hops(path),
    ...labelled('fix', [fix]),
    ...(link === undefined ? [] : labelled('see', [link]).map((line) => paint('quiet', line))),
  ];
}

/** The steps from the internet to the workload. */
function hops(path: readonly Hop[]): string[] {
  const width = String(path.length).length;
  return path.flatMap(({ kind, template, logicalId, location, detail, missing }, index) => [
    `    ${String(index + 1).padStart(width)}. ${visible(kind)}: ${visible(detail)}`,
    `    ${' '.repeat(width)}  ${where(template, logicalId, location)}`,
    ...(missing === undefined ? [] : [`    ${' '.repeat(width)}  not known: ${visible(missing)}`]),
  ]);
}

/** The template is empty for what stands in none, such as what AWS does when nothing is written. */
function where(template: string, logicalId = '', location = ''): string {
  return [template, logicalId, location].filter((part) => part !== '').map(visible).join(' ');
}

function labelled(label: string, texts: readonly string[]): string[] {
  return texts.map((text) => `  ${label}: ${visible(text)}`);
}

function summary(verdicts: readonly Finding[]): string {
  if (verdicts.length === 0) return 'no findings';
  const counts = SEVERITIES.map((severity) => ({ severity, count: verdicts.filter((each) => each.severity === severity).length }));
  const parts = counts.filter(({ count }) => count > 0).map(({ severity, count }) => `${count} ${severity}${count === 1 || severity === 'fatal' ? '' : 's'}`);
  return `${verdicts.length} ${verdicts.length === 1 ? 'finding' : 'findings'}: ${parts.join(', ')}`;
}
