// `npm run corpus-checkov -- [--check] CHECKOV`: shows the corpus to checkov and writes down what it says in test/corpus/checkov.json.
// With --check nothing is written, and what is written there has to be what it says. Needs no network.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import type { CheckovResults } from '../test/corpus/checkov';
import { CHECKOV, CHECKOV_FILE, written } from '../test/corpus/checkov';
import { sourcesOf } from '../test/corpus/judge';
import type { Pair, Subject } from '../test/corpus/subjects';
import { digest, PAIRS } from '../test/corpus/subjects';

interface Report {
  readonly results: {
    readonly failed_checks: readonly { readonly check_id: string; readonly file_path: string }[];
    readonly parsing_errors: readonly string[];
  };
  readonly summary: { readonly checkov_version: string };
}

const TWIN = '-twin';

/** A value of a parameter becomes its default: checkov takes no values for CloudFormation. */
function filled(body: unknown, values: Subject['parameters']): unknown {
  const { Parameters: declared } = body as { Parameters?: Record<string, object> };
  if (declared === undefined) return body;
  const parameters = Object.entries(declared).map(([name, each]) => [name, name in values ? { ...each, Default: values[name] } : each]);
  return { ...(body as object), Parameters: Object.fromEntries(parameters) as unknown };
}

function write(folder: string, subject: Subject): void {
  mkdirSync(folder);
  // with line breaks: checkov keeps the lines of what it finds.
  for (const { path, body } of sourcesOf(subject.templates)) writeFileSync(join(folder, path), JSON.stringify(filled(body, subject.parameters), undefined, 1));
}

function run(binary: string, folder: string, home: string): Report {
  const args = ['--directory', folder, '--framework', 'cloudformation', '--check', [...CHECKOV.keys()].join(','), '--output', 'json', '--compact', '--soft-fail', '--skip-download'];
  // a home and a working folder without settings, and no account of its vendor's.
  const env = { PATH: process.env.PATH, HOME: home, LOG_LEVEL: 'ERROR' };
  const { status, error, stdout, stderr } = spawnSync(binary, args, { cwd: home, env, encoding: 'utf8', maxBuffer: 256 * 1024 * 1024 });
  if (error) throw error;
  if (status !== 0) throw new Error(`${binary} exits ${status}:\n${stderr}`);
  const report = JSON.parse(stdout) as Report;
  if (report.results.parsing_errors.length > 0) throw new Error(`checkov cannot read ${report.results.parsing_errors.join(', ')}`);
  return report;
}

/** What it says, by folder. */
function findings({ results }: Report): Map<string, string[]> {
  const found = new Map<string, Set<string>>();
  for (const { check_id: id, file_path: path } of results.failed_checks) {
    const [folder = ''] = path.split(sep).filter((part) => part !== '');
    found.set(folder, (found.get(folder) ?? new Set()).add(id));
  }
  return new Map([...found].map(([folder, ids]) => [folder, [...ids].sort()]));
}

function results(binary: string): CheckovResults {
  const work = mkdtempSync(join(tmpdir(), 'corpus-'));
  try {
    const folder = join(work, 'corpus');
    const home = join(work, 'home');
    mkdirSync(folder);
    mkdirSync(home);
    PAIRS.forEach(({ original, twin }, index) => {
      write(join(folder, String(index)), original);
      if (twin) write(join(folder, `${index}${TWIN}`), twin);
    });
    const report = run(binary, folder, home);
    const found = findings(report);
    const result = (pair: Pair, index: number): CheckovResults['results'][string] => ({
      digest: digest(pair),
      original: found.get(String(index)) ?? [],
      ...(pair.twin && { twin: found.get(`${index}${TWIN}`) ?? [] }),
    });
    return { version: report.summary.checkov_version, results: Object.fromEntries(PAIRS.map((pair, index) => [pair.name, result(pair, index)])) };
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** The lines that only one of them has. */
function differences(committed: string, current: string): string[] {
  const [left, right] = [committed, current].map((text) => text.split('\n').map((line) => line.replace(/,$/, '')));
  const only = (these: readonly string[] = [], those: readonly string[] = []): string[] => these.filter((line) => !those.includes(line));
  return [...only(left, right).map((line) => `- ${line.trim()}`), ...only(right, left).map((line) => `+ ${line.trim()}`)];
}

const options = process.argv.slice(2);
const check = options[0] === '--check';
const [binary, ...more] = options.slice(check ? 1 : 0);
if (binary === undefined || binary.startsWith('-') || more.length > 0) {
  console.error('usage: npm run corpus-checkov -- [--check] CHECKOV, the path of its binary (pip install checkov)');
  process.exit(2);
}
// a name without a folder is looked up in the PATH.
const current = written(results(binary.includes(sep) ? resolve(binary) : binary));
const committed = existsSync(CHECKOV_FILE) ? readFileSync(CHECKOV_FILE, 'utf8') : '';
if (!check) {
  writeFileSync(CHECKOV_FILE, current);
} else if (committed !== current) {
  console.error(`test/corpus/checkov.json is not what checkov says of the corpus; run npm run corpus-checkov -- ${binary}\n${differences(committed, current).join('\n')}`);
  process.exit(1);
}
