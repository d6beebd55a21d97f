import { parseArgs } from 'node:util';

export type Format = 'text' | 'json' | 'sarif';
export type Threshold = 'error' | 'warning';

/** What was asked for. */
export type Request = { readonly kind: 'help' } | { readonly kind: 'version' } | ({ readonly kind: 'check' } & CheckRequest);

export interface CheckRequest {
  readonly paths: readonly string[];
  readonly format: Format;
  readonly output?: string;
  readonly failOn: Threshold;
  readonly parameters: ReadonlyMap<string, string>;
}

/** Arguments that ask for nothing this program does. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export const USAGE = `Tells whether the internet can reach a ClickHouse that templates deploy, and how.

Usage: secure-clickhouse check [options] PATH...

PATH is a cloud assembly (the folder that 'cdk synth' writes, cdk.out) or a CloudFormation template in
JSON or YAML. All paths of one call are taken for one deployment.

Options:
  --format text|json|sarif  how to report (text)
  --output FILE             where to report to (standard output)
  --fail-on error|warning   the least severity that makes the exit code 1 (error)
  --parameter NAME=VALUE    the value of a parameter of the templates; may be repeated
  --help                    this text
  --version                 the version of this program

Exit codes:
  0  nothing found at or above the threshold
  1  findings
  2  unusable arguments or files; nothing was checked
`;

export function parseArguments(argv: readonly string[]): Request {
  const { values, positionals } = parse(argv);
  if (values.help === true) return { kind: 'help' };
  if (values.version === true) return { kind: 'version' };
  const [command, ...paths] = positionals;
  if (command === undefined) throw new UsageError(`a command is missing: 'check'`);
  if (command !== 'check') throw new UsageError(`there is no command '${command}', only 'check'`);
  if (paths.length === 0) throw new UsageError('a PATH is missing: a cloud assembly (cdk.out) or the files of templates');
  if (paths.includes('')) throw new UsageError('a PATH is empty');
  if (values.output === '') throw new UsageError('--output needs the name of a file');
  return {
    kind: 'check',
    paths,
    format: oneOf('format', values.format ?? 'text', ['text', 'json', 'sarif']),
    output: values.output,
    failOn: oneOf('fail-on', values['fail-on'] ?? 'error', ['error', 'warning']),
    parameters: parametersOf(values.parameter ?? []),
  };
}

function parse(argv: readonly string[]): ReturnType<typeof parseKnown> {
  try {
    return parseKnown(argv);
  } catch (error) {
    // what Node.js says goes on with advice about its own rules.
    const [first = ''] = (error instanceof Error ? error.message : String(error)).split(/\n|\. |\.$/);
    throw new UsageError(first.charAt(0).toLowerCase() + first.slice(1));
  }
}

function parseKnown(argv: readonly string[]) {
  return parseArgs({
    args: [...argv],
    allowPositionals: true,
    strict: true,
    options: {
      format: { type: 'string' },
      output: { type: 'string' },
      'fail-on': { type: 'string' },
      parameter: { type: 'string', multiple: true },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
  });
}

function oneOf<Choice extends string>(option: string, value: string, choices: readonly Choice[]): Choice {
  const choice = choices.find((each) => each === value);
  if (choice === undefined) throw new UsageError(`--${option} is one of ${choices.join(', ')}, not '${value}'`);
  return choice;
}

function parametersOf(given: readonly string[]): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const each of given) {
    const [, name, value] = /^([A-Za-z0-9]+)=([^]*)$/.exec(each) ?? [];
    if (name === undefined || value === undefined) throw new UsageError(`--parameter is NAME=VALUE, not '${each}'`);
    if (parameters.has(name)) throw new UsageError(`--parameter ${name} is given twice`);
    parameters.set(name, value);
  }
  return parameters;
}
