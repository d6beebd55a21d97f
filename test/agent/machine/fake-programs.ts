import type { ProgramResult, Programs, RunOptions } from '../../../lib/agent/programs';
import { Fate } from '../credentials/fake-disk';

/** One run of a program, as it was asked for. */
export interface Call {
  readonly program: string;
  readonly args: readonly string[];
  readonly options: RunOptions;
}

export type Answer = Partial<ProgramResult> | undefined;

/** Programs that do what a test says, remember how they were called, and end with the process that calls them. */
export class FakePrograms implements Programs {
  readonly calls: Call[] = [];
  fate = new Fate();

  constructor(private readonly answer: (call: Call) => Answer = () => undefined) {}

  async run(program: string, args: readonly string[], options: RunOptions = {}): Promise<ProgramResult> {
    await Promise.resolve();
    // what takes a name from the environment runs whatever lies there first, and what takes a text for a program runs what is in it.
    expect(program).toMatch(/^\/[a-z0-9/-]+$/);
    expect(program).not.toMatch(/\/(?:sh|bash|dash|env|eval)$/);
    for (const each of args) expect(each).not.toMatch(/[;&|`$<>\n]|secret/i);
    const call = { program, args, options };
    return this.fate.effect(() => {
      this.calls.push(call);
      return { code: 0, stdout: '', stderr: '', ...this.answer(call) };
    });
  }

  /** the command lines. */
  get lines(): string[] {
    return this.calls.map(({ program, args }) => [program, ...args].join(' '));
  }
}
