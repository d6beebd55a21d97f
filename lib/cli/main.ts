import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { RULES } from '../checks/rules';
import { check } from '../checks/run';
import { isDictionary } from '../exposure/templates/model';
import type { ReadTemplate } from '../exposure/templates/reader';
import { UnreadableError } from '../exposure/templates/reader';
import { visible } from '../report/characters';
import { jsonReport } from '../report/json';
import type { Report } from '../report/report';
import { sarifReport } from '../report/sarif';
import { textReport } from '../report/text';
import type { CheckRequest, Threshold } from './arguments';
import { parseArguments, USAGE, UsageError } from './arguments';
import { reason } from './disk';
import type { Inputs } from './inputs';
import { readInputs } from './inputs';
import { DESCRIBED, HOMEPAGE } from './rules';

/** What the program is started with. */
export interface Start {
  readonly argv: readonly string[];
  readonly version: string;
  readonly workingDirectory: string;
  /** whether somebody reads standard output on a terminal that has colours. */
  readonly color: boolean;
}

/** What it leaves. */
export interface End {
  readonly code: 0 | 1 | 2;
  readonly stdout?: string;
  readonly stderr?: string;
}

/**
 * The program, but for the process around it. Never throws: what cannot be checked ends with 2 and one line on standard error, and so does
 * a bug, for nothing is known to be safe then.
 */
export function main(start: Start): End {
  try {
    const request = parseArguments(start.argv);
    switch (request.kind) {
      case 'help':
        return { code: 0, stdout: USAGE };
      case 'version':
        return { code: 0, stdout: `${start.version}\n` };
      case 'check':
        return checkAll(request, start);
    }
  } catch (error) {
    if (error instanceof UsageError) return refused(`${error.message}; see secure-clickhouse --help`);
    if (error instanceof UnreadableError) return refused(error.message);
    return bug(error);
  }
}

/** The end of a program that has a bug. */
export function bug(error: unknown): End {
  return refused(`this is a bug, please report it at ${HOMEPAGE}/issues: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`);
}

function refused(message: string): End {
  return { code: 2, stderr: `secure-clickhouse: ${visible(message)}\n` };
}

function checkAll(request: CheckRequest, start: Start): End {
  const inputs = readInputs(request.paths, start.workingDirectory);
  demandDeclared(request.parameters, inputs.sources);
  const report = check(RULES, inputs.sources, { parameters: request.parameters });
  const color = start.color && request.output === undefined;
  const text = render(report, request, inputs, { ...start, color });
  const code = fails(report, request.failOn) ? 1 : 0;
  if (request.output === undefined) return { code, stdout: text };
  write(request.output, text, inputs, start.workingDirectory);
  return { code };
}

function demandDeclared(parameters: ReadonlyMap<string, string>, sources: readonly ReadTemplate[]): void {
  for (const name of parameters.keys()) {
    // those of nested stacks are given by what deploys them.
    const isDeclared = sources.some(({ body, parent }) => parent === undefined && isDictionary(body) && isDictionary(body.Parameters) && Object.hasOwn(body.Parameters, name));
    if (!isDeclared) throw new UsageError(`--parameter ${name}: no template declares a parameter of this name`);
  }
}

function render(report: Report, { format }: CheckRequest, { locate }: Inputs, { version, color }: Start): string {
  switch (format) {
    case 'text':
      return textReport(report, { color });
    case 'json':
      return jsonReport(report);
    case 'sarif':
      return sarifReport(report, { version, homepage: HOMEPAGE, rules: DESCRIBED, locate });
  }
}

function fails({ verdicts }: Report, threshold: Threshold): boolean {
  return verdicts.some(({ severity }) => severity !== 'warning' || threshold === 'warning');
}

function write(output: string, text: string, { files }: Inputs, workingDirectory: string): void {
  const path = resolve(workingDirectory, output);
  if (files.some((file) => resolve(workingDirectory, file) === path)) throw new UsageError(`--output ${output} would overwrite a file that is checked`);
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new UsageError(`--output ${reason(output, error)}`);
  }
}
