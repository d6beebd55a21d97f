import { LogShipper } from '../cloud/log-shipper';
import type { Assignment } from './assembly';
import { assemble } from './assembly';
import { Definite, reasonOf } from './attempts';
import type { Parts } from './parts';
import { live } from './run';

/** How long the last lines have to reach CloudWatch; systemd waits longer. */
const LAST_LINES_MILLISECONDS = 10_000;

/** A node's life with its log: every line goes to the journal, and to CloudWatch when that answers. Ends when it is told to, and fails with what is definite. */
export async function serve(assignment: Assignment, parts: Parts, stop: AbortSignal): Promise<void> {
  const { identity } = assignment;
  const { logs: sink, now, random, sleep } = parts;
  const journal = (line: string): void => void process.stdout.write(`${line}\n`);
  const shipper = new LogShipper({
    sink,
    group: identity.logGroup,
    stream: identity.name,
    now,
    sleep,
    random,
    failed: (error) => journal(JSON.stringify({ event: 'logs', reason: reasonOf(error) })),
  });
  const write = (line: string): void => {
    journal(line);
    shipper.write(line);
  };
  shipper.start();
  try {
    // a machine that was given back waits for its end; an agent that ends would be started again.
    if ((await live(assemble(assignment, parts, write), stop)) === 'drained') await aborted(stop);
  } catch (error) {
    write(JSON.stringify({ event: 'ended', definite: error instanceof Definite, reason: reasonOf(error) }));
    throw error;
  } finally {
    await shipper.close(LAST_LINES_MILLISECONDS);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
