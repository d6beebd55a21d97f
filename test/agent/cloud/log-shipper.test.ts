import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import type { BufferLimits } from '../../../lib/agent/cloud/log-shipper';
import { BUFFER_LIMITS, FIRST_BACKOFF_MILLISECONDS, FLUSH_MILLISECONDS, LogBuffer, LogShipper, LONGEST_BACKOFF_MILLISECONDS } from '../../../lib/agent/cloud/log-shipper';
import type { LogEvent } from '../../../lib/agent/cloud/logs';
import { sleep } from '../../../lib/agent/credentials/poll';

const named = (name: string): Error => Object.assign(new Error(name), { name });
/** The lost lines that a delivered one tells of. */
const told = ({ message }: Pick<LogEvent, 'message'>): number => (message.startsWith('{"event":"log","lost":') ? (JSON.parse(message) as { lost: number }).lost : 0);
const sum = (numbers: readonly number[]): number => numbers.reduce((all, each) => all + each, 0);

describe('the buffer', () => {
  const operation = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('add' as const), size: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.constant(300)), step: fc.constantFrom(0, 1, 50_000_000) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('send' as const) }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('deliver' as const), old: fc.nat(2), fresh: fc.nat(2) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('refuse' as const) }) },
  );

  test('whatever happens, a line is delivered once and in order, or counted', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
        const limits: BufferLimits = { events: 5, bytes: 500 };
        const buffer = new LogBuffer(limits);
        const arrived: LogEvent[] = [];
        let [now, added] = [0, 0];
        let pending: readonly LogEvent[] | undefined;
        const deliver = (old: number, fresh: number): void => {
          if (!pending) return;
          const rejected = pending.filter((_, index, { length }) => index < old || index >= length - fresh);
          arrived.push(...pending.filter((each) => !rejected.includes(each)));
          buffer.delivered(rejected);
          pending = undefined;
        };
        for (const each of operations) {
          if (each.do === 'add') {
            now += each.step;
            buffer.add(now, `${(added += 1)} ${'x'.repeat(each.size)}`);
          } else if (each.do === 'send') {
            const again = buffer.next(now);
            if (pending) expect(again).toBe(pending);
            pending = again;
          } else if (each.do === 'deliver') deliver(each.old, each.fresh);
          else {
            buffer.refused();
            pending = undefined;
          }
        }
        deliver(0, 0);
        const rest: LogEvent[] = [];
        for (pending = buffer.next(now, true); pending; pending = buffer.next(now, true)) {
          rest.push(...pending.filter((event) => told(event) === 0));
          deliver(0, 0);
        }
        expect(buffer.empty).toBe(true);
        // never more than its limits, and what was under way when it ended.
        expect(rest.length).toBeLessThanOrEqual(limits.events);
        expect(sum(rest.map(({ bytes }) => bytes))).toBeLessThanOrEqual(limits.bytes);
        const numbers = arrived.filter((event) => told(event) === 0).map(({ message }) => Number(message.split(' ')[0]));
        expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
        expect(numbers.length + sum(arrived.map(told))).toBe(added);
      }),
      { numRuns: 500 },
    );
  });

  test('when there is no room the oldest goes', () => {
    const buffer = new LogBuffer({ events: 3, bytes: 10_000 });
    for (const line of ['a', 'b', 'c', 'd', 'e']) buffer.add(1, line);
    expect(buffer.next(2)?.map(({ message }) => message)).toEqual(['c', 'd', 'e', '{"event":"log","lost":2}']);
  });

  test('a line that is larger than all the room is counted', () => {
    const buffer = new LogBuffer({ events: 3, bytes: 100 });
    buffer.add(1, 'x'.repeat(200));
    expect(buffer.next(1)).toBeUndefined();
    expect(buffer.next(1, true)?.map(told)).toEqual([1]);
  });

  test('a day of silence from CloudWatch fills no more than its room', () => {
    const buffer = new LogBuffer();
    for (let index = 0; index < 50_000; index += 1) buffer.add(index, `${index} ${'x'.repeat(1_000)}`);
    const held = [];
    for (let batch = buffer.next(50_000); batch; batch = buffer.next(50_000)) {
      held.push(...batch);
      buffer.delivered();
    }
    expect(sum(held.map(({ bytes }) => bytes))).toBeLessThanOrEqual(BUFFER_LIMITS.bytes + 100);
    expect(held.length - 1 + sum(held.map(told))).toBe(50_000);
    expect(held.at(-1)?.message).toMatch(/^49999 /);
  });
});

/** Time that passes when the test says so, and a CloudWatch Logs that does as it is told. */
class World {
  time = 1_700_000_000_000;
  readonly delivered: LogEvent[] = [];
  readonly attempts: { readonly at: number; readonly lines: number }[] = [];
  readonly opened: string[] = [];
  readonly failures: unknown[] = [];
  concurrent = 0;
  most = 0;
  /** throws, or says which were not taken. */
  answer: (batch: readonly LogEvent[], signal?: AbortSignal) => Promise<readonly LogEvent[]> | readonly LogEvent[] = () => [];
  openAnswer: () => void = () => undefined;
  private sleepers: { readonly until: number; readonly wake: () => void }[] = [];

  readonly group = 'analytics';
  readonly stream = 'server-1';
  readonly now = (): number => this.time;
  readonly random = (): number => 0.5;
  readonly failed = (error: unknown): void => void this.failures.push(error);
  readonly sleep = (milliseconds: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve());
      this.sleepers.push({ until: this.time + milliseconds, wake: resolve });
    });
  readonly sink = {
    open: async (group: string, stream: string): Promise<void> => {
      await Promise.resolve();
      this.opened.push(`${group}/${stream}`);
      this.openAnswer();
    },
    put: async (_group: string, _stream: string, batch: readonly LogEvent[], signal?: AbortSignal): Promise<readonly LogEvent[]> => {
      this.attempts.push({ at: this.time, lines: batch.length });
      this.most = Math.max(this.most, (this.concurrent += 1));
      try {
        const rejected = await this.answer(batch, signal);
        this.delivered.push(...batch.filter((each) => !rejected.includes(each)));
        return rejected;
      } finally {
        this.concurrent -= 1;
      }
    },
  };

  /** lets everything happen that does not wait for time. */
  async settle(): Promise<void> {
    for (let turns = 0; turns < 10; turns += 1) await setImmediate();
  }

  async pass(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    for (;;) {
      await this.settle();
      const next = this.sleepers.filter(({ until }) => until <= end).sort((a, b) => a.until - b.until)[0];
      if (!next) break;
      this.sleepers = this.sleepers.filter((each) => each !== next);
      this.time = Math.max(this.time, next.until);
      next.wake();
    }
    this.time = end;
    await this.settle();
  }

  get lines(): string[] {
    return this.delivered.map(({ message }) => message);
  }
}

let world: World;
let shipper: LogShipper;
beforeEach(() => {
  world = new World();
  shipper = new LogShipper(world);
});
afterEach(async () => {
  world.answer = () => [];
  const closed = shipper.close(0);
  await world.pass(1);
  await closed;
});

describe('lines are sent', () => {
  test('after a while, together, and the stream is made once', async () => {
    shipper.write('before the start');
    shipper.start();
    await world.settle();
    shipper.write('one');
    shipper.write('two');
    await world.pass(FLUSH_MILLISECONDS - 1);
    expect(world.lines).toEqual(['before the start']);
    await world.pass(1);
    expect(world.lines).toEqual(['before the start', 'one', 'two']);
    await world.pass(10 * FLUSH_MILLISECONDS);
    expect(world.attempts).toHaveLength(2);
    expect(world.opened).toEqual(['analytics/server-1']);
  });

  test('at once when there are many', async () => {
    shipper.start();
    await world.settle();
    for (let index = 0; index < 600; index += 1) shipper.write('x'.repeat(1_000));
    await world.settle();
    expect(world.time).toBe(1_700_000_000_000);
    expect(world.lines.length).toBeGreaterThan(500);
  });

  test('by one request at a time', async () => {
    let open = (): void => undefined;
    world.answer = () => new Promise((resolve) => (open = () => resolve([])));
    shipper.start();
    for (let round = 0; round < 10; round += 1) {
      for (let index = 0; index < 600; index += 1) shipper.write('x'.repeat(1_000));
      await world.pass(FLUSH_MILLISECONDS);
    }
    expect(world.attempts).toHaveLength(1);
    open();
    await world.pass(FLUSH_MILLISECONDS);
    expect(world.attempts.length).toBeGreaterThan(1);
    expect(world.most).toBe(1);
  });
});

test('what filled up during a request does not wait for its time', async () => {
  let open = (): void => undefined;
  world.answer = () => new Promise((resolve) => (open = () => resolve([])));
  shipper.write('one');
  shipper.start();
  await world.settle();
  for (let index = 0; index < 600; index += 1) shipper.write('x'.repeat(1_000));
  open();
  await world.settle();
  expect(world.attempts.map(({ at }) => at - 1_700_000_000_000)).toEqual([0, 0]);
});

describe('what fails', () => {
  test('is tried again, more and more seldom, and is told once', async () => {
    world.answer = () => { throw named('ThrottlingException'); };
    shipper.start();
    shipper.write('one');
    await world.pass(10 * 60_000);
    const times = world.attempts.map(({ at }) => at);
    const pauses = times.slice(1).map((at, index) => at - (times[index] ?? 0));
    expect(pauses.slice(0, 7)).toEqual([1, 2, 4, 8, 16, 32, 60].map((seconds) => seconds * 1000));
    expect(Math.max(...pauses)).toBe(LONGEST_BACKOFF_MILLISECONDS);
    expect(world.failures).toEqual([named('ThrottlingException')]);
    world.answer = () => [];
    await world.pass(LONGEST_BACKOFF_MILLISECONDS);
    expect(world.lines).toEqual(['one']);
    world.answer = () => { throw named('ServiceUnavailableException'); };
    shipper.write('two');
    await world.pass(FLUSH_MILLISECONDS);
    expect(world.failures).toEqual([named('ThrottlingException'), named('ServiceUnavailableException')]);
  });

  test('varies its pauses: nodes that were turned away together do not come back together', async () => {
    const random = [0, 0.999];
    const times = [];
    for (const each of random) {
      const other = new World();
      const shipping = new LogShipper({ ...other, random: () => each });
      other.answer = () => { throw named('ThrottlingException'); };
      shipping.write('x');
      shipping.start();
      await other.pass(FIRST_BACKOFF_MILLISECONDS * 1.5);
      times.push((other.attempts[1]?.at ?? 0) - (other.attempts[0]?.at ?? 0));
      const closed = shipping.close(0);
      await other.pass(1);
      await closed;
    }
    expect(times).toEqual([800, 1200]);
  });

  test('is not tried more often because more is written', async () => {
    world.answer = () => { throw named('ThrottlingException'); };
    shipper.start();
    for (let round = 0; round < 100; round += 1) {
      for (let index = 0; index < 100; index += 1) shipper.write('x'.repeat(10_000));
      await world.pass(100);
    }
    // ten seconds: after 0, 1, 3 and 7.
    expect(world.attempts.length).toBeLessThanOrEqual(5);
  });

  test('costs the oldest lines when it lasts, and says how many', async () => {
    world.answer = () => { throw named('ServiceUnavailableException'); };
    shipper.start();
    for (let index = 0; index < 25_000; index += 1) shipper.write(`line ${index}`);
    await world.pass(60_000);
    world.answer = () => [];
    await world.pass(2 * LONGEST_BACKOFF_MILLISECONDS);
    const lines = world.lines.filter((line) => line.startsWith('line '));
    expect(lines.at(-1)).toBe('line 24999');
    expect(sum(world.delivered.map(told))).toBeGreaterThan(1_000);
    expect(lines.length + sum(world.delivered.map(told))).toBe(25_000);
  });

  test('for its content is not sent again: what comes after it arrives', async () => {
    world.answer = (batch) => { if (batch.some(({ message }) => message === 'poison')) throw named('InvalidParameterException'); return []; };
    shipper.start();
    shipper.write('poison');
    shipper.write('beside it');
    await world.pass(2 * FLUSH_MILLISECONDS);
    shipper.write('after it');
    await world.pass(2 * FLUSH_MILLISECONDS);
    expect(world.lines.sort()).toEqual(['after it', '{"event":"log","lost":2}']);
  });

  test('because the stream is gone makes it again', async () => {
    shipper.start();
    shipper.write('one');
    await world.pass(FLUSH_MILLISECONDS);
    let gone = true;
    world.answer = () => { if (gone) throw named('ResourceNotFoundException'); return []; };
    world.openAnswer = () => { gone = false; };
    shipper.write('two');
    await world.pass(2 * FLUSH_MILLISECONDS);
    expect(world.lines).toEqual(['one', 'two']);
    expect(world.opened).toHaveLength(2);
  });

  test('because the group is not there yet waits for it, and loses nothing', async () => {
    world.openAnswer = () => { throw named('ResourceNotFoundException'); };
    shipper.start();
    shipper.write('one');
    await world.pass(30_000);
    expect(world.attempts).toEqual([]);
    world.openAnswer = () => undefined;
    await world.pass(60_000);
    expect(world.lines).toEqual(['one']);
  });

  test('because of the clock is said, is not tried without a pause, and is counted', async () => {
    world.answer = (batch) => batch;
    shipper.start();
    shipper.write('from the future');
    await world.pass(FLUSH_MILLISECONDS);
    expect(String(world.failures[0])).toContain('look at the clock');
    world.answer = () => [];
    shipper.write('in time');
    await world.pass(2 * FLUSH_MILLISECONDS);
    expect(world.lines.sort()).toEqual(['in time', '{"event":"log","lost":1}']);
    world.answer = (batch) => batch;
    shipper.write('from the future');
    const closed = shipper.close(10_000);
    await world.pass(10_000);
    expect(await closed).toBe(false);
    expect(world.attempts.length).toBeLessThan(10);
  });
});

describe('at the end', () => {
  test('everything is sent, more than one batch of it', async () => {
    shipper.start();
    await world.settle();
    for (let index = 0; index < 3_000; index += 1) shipper.write(`${index} ${'x'.repeat(1_000)}`);
    const closed = shipper.close(5_000);
    await world.settle();
    expect(await closed).toBe(true);
    expect(world.attempts.length).toBeGreaterThan(2);
    expect(world.lines).toHaveLength(3_000);
  });

  test('also when it never began', async () => {
    shipper.write('one');
    expect(await shipper.close(5_000)).toBe(true);
    expect(world.lines).toEqual(['one']);
  });

  test('and what was lost is told, also when nothing else is', async () => {
    world.answer = () => { throw named('InvalidParameterException'); };
    shipper.write('poison');
    shipper.start();
    await world.settle();
    world.answer = () => [];
    const closed = shipper.close(5_000);
    await world.pass(2_000);
    expect(await closed).toBe(true);
    expect(world.lines).toEqual(['{"event":"log","lost":1}']);
  });

  test('a request that hangs keeps nobody, and is given up', async () => {
    let given: AbortSignal | undefined;
    world.answer = (_, signal) => { given = signal; return new Promise(() => undefined); };
    shipper.start();
    shipper.write('one');
    await world.pass(FLUSH_MILLISECONDS);
    const closed = shipper.close(3_000);
    await world.pass(2_999);
    expect(given?.aborted).toBe(false);
    await world.pass(1);
    expect(await closed).toBe(false);
    expect(given?.aborted).toBe(true);
  });

  test('a long failure is tried again at once, and nothing after the time is over', async () => {
    world.answer = () => { throw named('ServiceUnavailableException'); };
    shipper.start();
    shipper.write('one');
    await world.pass(10 * 60_000);
    const before = world.attempts.length;
    const closed = shipper.close(10_000);
    await world.pass(4_000);
    expect(world.attempts.length).toBeGreaterThanOrEqual(before + 2);
    await world.pass(6_000);
    expect(await closed).toBe(false);
    const after = world.attempts.length;
    await world.pass(10 * 60_000);
    expect(world.attempts).toHaveLength(after);
  });

  test('a long failure that is over costs nothing', async () => {
    world.answer = () => { throw named('ServiceUnavailableException'); };
    shipper.start();
    shipper.write('one');
    await world.pass(10 * 60_000);
    world.answer = () => [];
    const closed = shipper.close(1_000);
    await world.settle();
    expect(await closed).toBe(true);
    expect(world.lines).toEqual(['one']);
  });
});

describe('nothing is thrown', () => {
  const thrown: unknown[] = [];
  const note = (error: unknown): void => void thrown.push(error);
  beforeEach(() => {
    thrown.length = 0;
    process.on('unhandledRejection', note);
  });
  afterEach(() => process.off('unhandledRejection', note));

  test.each<[unknown]>([[undefined], [null], ['text'], [5], [new Error('x')]])('when the sink fails with %p, and whoever is told of it too', async (what) => {
    const shipping = new LogShipper({ ...world, failed: () => { throw new Error('while it is told'); } });
    let fails = true;
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
    world.answer = () => (fails ? Promise.reject(what) : []);
    shipping.write('one');
    shipping.start();
    await world.pass(2_000);
    expect(world.attempts).toHaveLength(2);
    fails = false;
    await world.pass(FLUSH_MILLISECONDS);
    expect(world.lines).toEqual(['one']);
    expect(await shipping.close(1_000)).toBe(true);
    shipping.write('after the end');
    await world.settle();
    expect(thrown).toEqual([]);
  });
});

test('with the real clock, of which nothing stays behind', async () => {
  let waiting = 0;
  const counted = async (milliseconds: number, signal: AbortSignal): Promise<void> => {
    waiting += 1;
    await sleep(milliseconds, signal);
    waiting -= 1;
  };
  const shipping = new LogShipper({ ...world, sleep: counted, now: Date.now });
  shipping.start();
  shipping.write('one');
  const begun = Date.now();
  expect(await shipping.close(30_000)).toBe(true);
  expect(Date.now() - begun).toBeLessThan(5_000);
  expect(world.lines).toEqual(['one']);
  // it would keep the process for as long.
  await setImmediate();
  expect(waiting).toBe(0);
});
