import * as fc from 'fast-check';
import { FIRST_RETRY_MILLISECONDS, Poll, POLL_MILLISECONDS, sleep } from '../../../lib/agent/credentials/poll';

/** A clock that moves only when the test says so. */
class Simulation {
  passes = 0;
  underWay = 0;
  readonly pauses: number[] = [];
  readonly stop = new AbortController();
  end: ((result: boolean | Error) => void) | undefined;
  wake: (() => void) | undefined;
  random = 0.5;
  readonly failed: unknown[] = [];
  readonly poll = new Poll({
    pass: async () => {
      this.passes += 1;
      this.underWay += 1;
      expect(this.underWay).toBe(1);
      try {
        const result = await new Promise<boolean | Error>((resolve) => (this.end = resolve));
        if (result instanceof Error) throw result;
        return { retry: result };
      } finally {
        this.underWay -= 1;
        this.end = undefined;
      }
    },
    sleep: (milliseconds, signal) => {
      this.pauses.push(milliseconds);
      return new Promise((resolve) => {
        const done = (): void => {
          this.wake = undefined;
          resolve();
        };
        this.wake = done;
        if (signal.aborted) done();
        else signal.addEventListener('abort', done);
      });
    },
    random: () => this.random,
    failed: (error) => this.failed.push(error),
  });
  readonly running = this.poll.run(this.stop.signal);

  async settle(): Promise<void> {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  }

  async finish(result: boolean | Error = false): Promise<void> {
    this.end?.(result);
    await this.settle();
  }

  async over(): Promise<void> {
    this.stop.abort();
    await this.finish();
    await this.running;
  }
}

test('passes at once, then after every pause', async () => {
  const simulation = new Simulation();
  for (let i = 1; i < 4; i++) {
    await simulation.settle();
    expect(simulation.passes).toBe(i);
    await simulation.finish();
    expect(simulation.pauses).toEqual(Array(i).fill(POLL_MILLISECONDS));
    simulation.wake?.();
  }
  await simulation.over();
});

test('pauses vary by a fifth to either side', async () => {
  const simulation = new Simulation();
  for (const random of [0, 0.25, 0.999999]) {
    simulation.random = random;
    await simulation.settle();
    await simulation.finish();
    simulation.wake?.();
  }
  expect(simulation.pauses).toEqual([240_000, 270_000, 360_000]);
  await simulation.over();
});

test('what was left open is asked again soon, then later and later; a pass that fails counts as one', async () => {
  const simulation = new Simulation();
  for (const result of [true, true, new Error('no'), true, true, true, true, false, true]) {
    await simulation.settle();
    await simulation.finish(result);
    simulation.wake?.();
  }
  const s = FIRST_RETRY_MILLISECONDS;
  expect(simulation.pauses).toEqual([s, 2 * s, 4 * s, 8 * s, 16 * s, POLL_MILLISECONDS, POLL_MILLISECONDS, POLL_MILLISECONDS, s]);
  expect(simulation.failed).toEqual([new Error('no')]);
  await simulation.over();
});

test('a trigger ends the pause; any number of them during a pass are one more pass', async () => {
  const simulation = new Simulation();
  await simulation.finish();
  simulation.poll.trigger();
  await simulation.settle();
  expect(simulation.passes).toBe(2);
  simulation.poll.trigger();
  simulation.poll.trigger();
  await simulation.finish();
  expect(simulation.passes).toBe(3);
  await simulation.finish();
  expect(simulation.passes).toBe(3);
  expect(simulation.pauses).toHaveLength(2);
  await simulation.over();
});

test('never two at once, and after every trigger a pass begins that ends', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom('trigger', 'end', 'fail', 'wake'), { maxLength: 40 }), async (acts) => {
      const simulation = new Simulation();
      await simulation.settle();
      let unheard = false;
      let begun = simulation.passes;
      for (const act of acts) {
        if (act === 'trigger') {
          simulation.poll.trigger();
          unheard = true;
          begun = simulation.passes;
        } else if (act === 'wake') simulation.wake?.();
        else await simulation.finish(act === 'fail' ? new Error(act) : false);
        await simulation.settle();
        if (unheard && simulation.passes > begun) unheard = false;
        // asleep with a trigger that nobody heard.
        if (simulation.wake !== undefined) expect(unheard).toBe(false);
      }
      await simulation.over();
    }),
  );
});

test('stops in the pause and after the pass under way', async () => {
  const asleep = new Simulation();
  await asleep.finish();
  await asleep.over();
  expect(asleep.passes).toBe(1);
  const busy = new Simulation();
  busy.poll.trigger();
  await busy.over();
  expect(busy.passes).toBe(1);
});

test('the real sleep ends with its time or with the signal', async () => {
  await sleep(1, new AbortController().signal);
  await sleep(60_000, AbortSignal.abort());
  const controller = new AbortController();
  const sleeping = sleep(60_000, controller.signal);
  controller.abort();
  await sleeping;
});
