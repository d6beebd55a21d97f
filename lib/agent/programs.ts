import { spawn } from 'node:child_process';

/** What is run on the machine besides this program; simulated in tests. */
export interface Programs {
  /**
   * Runs a program to its end. Its arguments are a list: nothing is ever read by a shell. They can be seen by every process of the machine, and so
   * hold no secret.
   *
   * Fails when the program cannot be run or takes too long; any exit code is an answer.
   */
  run(program: string, args: readonly string[], options?: RunOptions): Promise<ProgramResult>;
}

export interface RunOptions {
  /** given to its standard input, which is otherwise empty. */
  readonly input?: string;
  /** after which it is killed; 60 when absent. */
  readonly timeoutSeconds?: number;
}

export interface ProgramResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real ones. They get an environment of their own: what this program was started with is none of their business. */
export const PROGRAMS: Programs = {
  run(program, args, { input = '', timeoutSeconds = 60 } = {}) {
    return new Promise((resolve, reject) => {
      const child = spawn(program, [...args], {
        env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
        cwd: '/',
        stdio: 'pipe',
        timeout: timeoutSeconds * 1000,
        killSignal: 'SIGKILL',
      });
      let stdout = '';
      let stderr = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      child.on('error', (error) => reject(new Error(`${program} cannot be run: ${error.message}`)));
      child.on('close', (code) => {
        if (code === null) reject(new Error(`${program} was ended after ${timeoutSeconds} s, or by a signal`));
        else resolve({ code, stdout, stderr });
      });
      // a program that does not read is not a failure.
      child.stdin.on('error', () => undefined);
      child.stdin.end(input);
    });
  },
};

/** Runs a program that must succeed, and gives what it printed. */
export async function succeed(programs: Programs, program: string, args: readonly string[], options?: RunOptions): Promise<string> {
  const { code, stdout, stderr } = await programs.run(program, args, options);
  if (code !== 0) throw new Error(`${[program, ...args].join(' ')} ended with ${code}: ${lastLine(stderr) || lastLine(stdout) || 'it said nothing'}`);
  return stdout;
}

function lastLine(text: string): string {
  return (text.trim().split('\n').at(-1) ?? '').slice(0, 300);
}
