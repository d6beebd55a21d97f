import { bug, main } from '../../lib/cli/main';
import { Program } from './program';
import { OPEN } from './templates';

const program = new Program();
afterAll(() => program.remove());

const start = { version: '1.2.3', workingDirectory: process.cwd(), color: false };

test('a bug is one line, and never a pass', () => {
  expect(bug(new TypeError('x is not\n a function'))).toEqual({ code: 2, stderr: expect.stringMatching(/^secure-clickhouse: this is a bug, please report it at https:\S+: TypeError: x is not {2}a function\n$/) as string });
  expect(bug('thrown')).toMatchObject({ code: 2, stderr: expect.stringContaining('thrown') as string });
});

test('whatever the arguments, nothing is thrown', () => {
  for (const argv of [[], ['--'], ['check', '--'], ['check', '--', '--format'], ['check', '-', 'a'], ['check', '--parameter', '__proto__=1', '/'], ['check', '\u0000']]) {
    expect(main({ ...start, argv })).toEqual({ code: 2, stderr: expect.stringMatching(/^secure-clickhouse: (?!this is a bug)[^\n]+\n$/) as string });
  }
});

test('colours are for terminals: never in a file, never in JSON', () => {
  const path = `${program.folder}/${program.write('open.json', OPEN)}`;
  const output = (...argv: readonly string[]): string => main({ ...start, color: true, argv: ['check', path, ...argv] }).stdout ?? '';
  expect(output()).toContain('\u001b[1;31mEXPOSED\u001b[0m');
  expect(output('--format', 'json')).not.toContain('\u001b');
  expect(output('--output', `${program.folder}/report.txt`)).toBe('');
  expect(program.read('report.txt')).not.toContain('\u001b');
});
