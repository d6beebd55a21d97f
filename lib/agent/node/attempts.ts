import { doubled, jittered } from '../pauses';

/** An ending that trying again does not change. Everything else that is thrown is tried again. */
export class Definite extends Error {
  override readonly name: string = 'Definite';
}

/** Thrown when the agent is told to end. */
export class Stopped extends Error {
  override readonly name = 'Stopped';
}

/** Thrown when Auto Scaling wants the machine while something is still being tried. */
export class Terminating extends Error {
  override readonly name = 'Terminating';
}

/** What trying again needs of the world. */
export interface AttemptWorld {
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** from 0 up to but not 1. */
  readonly random: () => number;
  readonly log: (event: Readonly<Record<string, unknown>>) => void;
}

const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 60_000;

/**
 * Does something until it succeeds, with longer and longer pauses that differ from node to node. Says each time why it did not.
 *
 * @param failed asked after every failure; may end it by throwing
 */
export async function untilDone<T>(step: string, world: AttemptWorld, stop: AbortSignal, work: () => Promise<T>, failed: () => Promise<void> = () => Promise.resolve()): Promise<T> {
  for (let failures = 0; ; failures += 1) {
    if (stop.aborted) throw new Stopped(`told to end while ${step}`);
    try {
      const result = await work();
      world.log({ event: 'step', step, ...(failures === 0 ? {} : { failures }) });
      return result;
    } catch (error) {
      if (endsIt(error)) throw error;
      world.log({ event: 'retry', step, failures: failures + 1, reason: reasonOf(error) });
    }
    await failed();
    await world.sleep(pauseAfter(failures, world.random()), stop);
  }
}

/** Whether it is no failure that another attempt could mend. */
export function endsIt(error: unknown): boolean {
  return error instanceof Definite || error instanceof Stopped || error instanceof Terminating;
}

export function pauseAfter(failures: number, random: number): number {
  return jittered(doubled(FIRST_PAUSE, LONGEST_PAUSE, failures), random, 0.25);
}

/** What went wrong, in a line for the log. Errors of ours and of the SDK quote no secret; a text that was being read never gets here, see `secrets.ts`. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? `${error.name === 'Error' ? '' : `${error.name}: `}${error.message}` : String(error);
  return text.replace(/\s+/g, ' ').slice(0, 500);
}
