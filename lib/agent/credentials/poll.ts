import { doubled, jittered } from '../pauses';

/** What the loop needs of the world; simulated in tests. */
export interface PollWorld {
  /** one pass; says whether asking again soon may give another answer. May throw, which means the same. */
  readonly pass: () => Promise<{ readonly retry: boolean }>;
  /** waits, and no longer once the signal is given. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** from 0 up to but not 1. */
  readonly random: () => number;
  /** told of a pass that threw. */
  readonly failed: (error: unknown) => void;
}

/** Every five minutes is enough: whoever rotates tells the nodes. This is for what nobody told them: a grace that ends, a message that was lost. */
export const POLL_MILLISECONDS = 5 * 60_000;

/** After a pass that left something open; doubled each time, up to the usual pause. */
export const FIRST_RETRY_MILLISECONDS = 10_000;

/**
 * Passes, one after the other and never two at once: now and then by itself, and at once when triggered. A trigger during a pass leads to one more,
 * since the pass may already have read what the trigger is about; many triggers during one pass still lead to one.
 */
export class Poll {
  private triggered = false;
  private wake = new AbortController();

  constructor(private readonly world: PollWorld) {}

  /** Has something changed? Asks for a pass; returns at once. */
  trigger(): void {
    this.triggered = true;
    this.wake.abort();
  }

  /** Runs until the signal is given; a pass under way is finished. */
  async run(stop: AbortSignal): Promise<void> {
    stop.addEventListener('abort', () => this.wake.abort(), { once: true });
    for (let failures = 0; !stop.aborted; ) {
      this.triggered = false;
      this.wake = new AbortController();
      failures = (await this.once()) ? failures + 1 : 0;
      if (stop.aborted || this.triggered) continue;
      await this.world.sleep(this.pause(failures), this.wake.signal);
    }
  }

  /** Whether something was left open. */
  private async once(): Promise<boolean> {
    try {
      return (await this.world.pass()).retry;
    } catch (error) {
      this.world.failed(error);
      return true;
    }
  }

  private pause(failures: number): number {
    const usual = failures === 0 ? POLL_MILLISECONDS : doubled(FIRST_RETRY_MILLISECONDS, POLL_MILLISECONDS, failures - 1);
    return jittered(usual, this.world.random());
  }
}

/** The real sleep. */
export function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    if (signal.aborted) done();
    else signal.addEventListener('abort', done);
  });
}
