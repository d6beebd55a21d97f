// The command-line checker, bundled into one file that needs nothing but Node.js.
import type { End } from '../lib/cli/main';
import { bug, main } from '../lib/cli/main';

// what is written is what counts: a report that did not arrive is no report.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // whoever read it has read enough.
  if (error.code !== 'EPIPE') finish({ code: 2, stderr: `secure-clickhouse: the report could not be written: ${error.code ?? error.message}\n` });
});
process.stderr.on('error', () => undefined);
process.on('uncaughtException', (error) => finish(bug(error)));

finish(
  main({
    argv: process.argv.slice(2),
    version: process.env.SECURE_CLICKHOUSE_VERSION ?? '',
    workingDirectory: process.cwd(),
    color: process.stdout.isTTY && (process.env.NO_COLOR ?? '') === '' && process.env.TERM !== 'dumb',
  }),
);

/** Sets the exit code and lets the process end by itself: one that is ended drops what is still to be written. */
function finish({ code, stdout, stderr }: End): void {
  process.exitCode = code;
  if (stdout !== undefined) process.stdout.write(stdout);
  if (stderr !== undefined) process.stderr.write(stderr);
}
