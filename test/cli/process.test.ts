import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, statSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { Program } from './program';
import { BY_PARAMETER, NO_CLICKHOUSE, OPEN, OPEN_YAML, SAFE } from './templates';

// the bundled program as a process: what a pipeline sees is its exit code, its report and one line when it cannot.
const manifest = JSON.parse(readFileSync(join(__dirname, '..', '..', 'package.json'), 'utf8')) as { readonly version: string; readonly bin: object; readonly files: readonly string[] };
const program = new Program();
afterAll(() => program.remove());

const safe = program.write('safe.json', SAFE);
const open = program.write('open.json', OPEN);
const none = program.write('none.json', NO_CLICKHOUSE);

describe('exit codes', () => {
  test('0 when there is no ClickHouse', () => {
    expect(program.run('check', none)).toMatchObject({ status: 0, stderr: '', stdout: expect.stringContaining('no ClickHouse') as string });
  });

  test('0 for warnings, 1 where they are to count', () => {
    expect(program.check(safe).findings.map((each) => each.severity)).toContain('warning');
    expect(program.run('check', safe)).toMatchObject({ status: 0, stderr: '' });
    expect(program.run('check', '--fail-on', 'error', safe).status).toBe(0);
    expect(program.run('check', '--fail-on=warning', safe).status).toBe(1);
    expect(program.run('check', '--fail-on=warning', none).status).toBe(0);
  });

  test.each(['text', 'json', 'sarif'])('1 for errors, in %s', (format) => {
    expect(program.run('check', '--format', format, open)).toMatchObject({ status: 1, stderr: '', stdout: expect.stringMatching(/ClickHouse-[A-Z]/) as string });
  });

  test('the same input gives the same bytes', () => {
    for (const format of ['text', 'json', 'sarif']) expect(program.run('check', '--format', format, open, safe).stdout).toBe(program.run('check', '--format', format, open, safe).stdout);
  });

  test.each<[string, readonly string[], RegExp]>([
    ['no command', [], /a command is missing/],
    ['another command', ['scan', open], /no command 'scan'/],
    ['no path', ['check'], /a PATH is missing/],
    ['an empty path', ['check', ''], /a PATH is empty/],
    ['an unknown option', ['check', '--fix', open], /unknown option '--fix'/],
    ['an unknown short option', ['check', '-x', open], /unknown option '-x'/],
    ['an option without its value', ['check', open, '--format'], /--format/],
    ['an unknown format', ['check', '--format', 'xml', open], /--format is one of text, json, sarif, not 'xml'/],
    ['an unknown threshold', ['check', '--fail-on', 'fatal', open], /--fail-on is one of error, warning/],
    ['a parameter without a value', ['check', '--parameter', 'Clients', open], /--parameter is NAME=VALUE/],
    ['a parameter twice', ['check', '--parameter', 'A=1', '--parameter', 'A=2', open], /--parameter A is given twice/],
    ['a parameter that no template has', ['check', '--parameter', 'Nobody=1', open], /no template declares a parameter of this name/],
    ['an output that cannot be written', ['check', '--output', 'none/at/all', open], /--output none\/at\/all: no such file or folder/],
    ['an output that is an input', ['check', '--output', './open.json', open], /would overwrite/],
    ['a name with a line break and an escape', ['check', 'a\n\u001b[31mb'], /a \\u001b\[31mb: no such file/],
  ])('2 and one line for %s', (_, argv, message) => {
    const { status, stdout, stderr } = program.run(...argv);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toMatch(/^secure-clickhouse: [^\n]*\n$/);
    expect(stderr).toMatch(message);
  });

  test('2 for the usage that npm runs by another name as well', () => {
    const script = join(program.folder, 'program', 'index.js');
    chmodSync(script, 0o755);
    expect(spawnSync(script, ['check'], { encoding: 'utf8' })).toMatchObject({ status: 2, stdout: '' });
  });
});

describe('what it says about itself', () => {
  test.each([['--help'], ['-h'], ['check', '--help'], ['check', '--bogus=1', '--help']])('%s %s', (...argv) => {
    const { status, stdout } = program.run(...argv);
    if (argv.includes('--bogus=1')) expect(status).toBe(2);
    else expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringContaining('Usage: secure-clickhouse check') as string });
  });

  test('--help fits a terminal and names every option and exit code', () => {
    const { stdout } = program.run('--help');
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110);
    for (const word of ['--format', '--output', '--fail-on', '--parameter', '--help', '--version', 'cdk.out', '  0  ', '  1  ', '  2  ']) expect(stdout).toContain(word);
  });

  test('--version is that of the package', () => {
    expect(program.run('--version')).toMatchObject({ status: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });
});

describe('the bundle', () => {
  test('is one file without anything of the CDK, and small', () => {
    const text = program.read('program/index.js');
    expect(text).toMatch(/^#!\/usr\/bin\/env node\n/);
    expect(text).not.toMatch(/aws-cdk-lib["'/]|cdk-nag["'/]|@aws-sdk/);
    const required = [...text.matchAll(/require\("([^"]+)"\)/g)].map(([, name = '']) => name);
    expect(required.filter((name) => !isBuiltin(name))).toEqual([]);
    expect(statSync(program.file).size).toBeLessThan(1_000_000);
  });

  test('carries the license of what it includes', () => {
    expect(program.read('program/index.js')).toContain('Copyright Eemeli Aro');
  });

  test('is the bin of the package, which ships it and not what it was bundled from', () => {
    expect(manifest.bin).toEqual({ 'secure-clickhouse': 'dist/bundles/secure-clickhouse/index.js' });
    expect(manifest.files).toEqual(expect.arrayContaining(['dist/bundles/**', '!dist/cli/**', '!dist/report/**']));
  });
});

describe('the output', () => {
  test('goes to a file, and nothing to standard output', () => {
    const printed = program.run('check', '--format', 'json', open).stdout;
    expect(program.run('check', '--format', 'json', '--output', 'report.json', open)).toMatchObject({ status: 1, stdout: '', stderr: '' });
    expect(program.read('report.json')).toBe(printed);
  });

  test('has no colours where nobody sees them', () => {
    expect(program.run('check', open).stdout).not.toContain('\u001b');
  });

  test('may be cut off by who reads it, and the exit code stays', () => {
    // more than a pipe holds.
    const many = Array.from({ length: 100 }, (_, index) => program.write(`many/${index}.json`, OPEN));
    expect(program.run('check', '--format', 'sarif', ...many).stdout.length).toBeGreaterThan(200_000);
    const { stdout, stderr } = spawnSync('bash', ['-c', 'program=$1; shift; "$0" "$program" check --format sarif "$@" | head -c 10 >/dev/null; echo "${PIPESTATUS[0]}"', process.execPath, program.file, ...many], {
      cwd: program.folder,
      encoding: 'utf8',
    });
    expect({ stdout: stdout.trim(), stderr }).toEqual({ stdout: '1', stderr: '' });
  });

  test('that does not arrive is no pass', () => {
    const { stdout, stderr } = spawnSync('bash', ['-c', `"$0" "$1" check "$2" >/dev/full; echo "$?"`, process.execPath, program.file, none], { cwd: program.folder, encoding: 'utf8' });
    expect(stdout.trim()).toBe('2');
    expect(stderr).toMatch(/^secure-clickhouse: the report could not be written[^\n]*\n$/);
  });
});

describe('parameters', () => {
  const template = program.write('parameter.json', BY_PARAMETER);

  test('count before their defaults', () => {
    expect(program.check(template).verdict).toBe('private');
    expect(program.check('--parameter', 'Clients=0.0.0.0/0', template).verdict).toBe('exposed');
    expect(program.check('--parameter=Clients=10.1.0.0/16', template).verdict).toBe('private');
  });

  test('may be empty and hold any character', () => {
    for (const value of ['', 'a=b=c', 'a b', '\u00e4\n']) expect(program.run('check', '--parameter', `Clients=${value}`, template).stderr).toBe('');
  });
});

test('YAML is read like JSON', () => {
  const { verdict, workloads } = program.check(program.write('open.yaml', OPEN_YAML));
  expect({ verdict, workloads }).toEqual({ verdict: 'exposed', workloads: [expect.objectContaining({ template: 'open.yaml', logicalId: 'Db', verdict: 'exposed' })] });
});
