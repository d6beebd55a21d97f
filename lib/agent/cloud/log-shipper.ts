import type { LogEvent, LogSink } from './logs';
import { firstBatch, LOG_LIMITS, logEvent } from './logs';
import { doubled, jittered } from '../pauses';

/** How much is kept while nothing can be sent. */
export interface BufferLimits {
  readonly events: number;
  readonly bytes: number;
}

/** A few minutes of a node that has much to tell. */
export const BUFFER_LIMITS: BufferLimits = { events: 10_000, bytes: 4 * LOG_LIMITS.batchBytes };

/** A batch under way. */
interface Pending {
  readonly events: readonly LogEvent[];
  /** the one that tells of lost lines, and of how many. */
  readonly notice: LogEvent | undefined;
  readonly told: number;
}

/**
 * Lines that wait to be sent. No timer, no network: what it holds, what is lost and what is said about that.
 *
 * It holds at most its limits and one batch. When there is no room the oldest goes: what a node says last explains the most. Lost lines are counted, and
 * the next batch that arrives says how many; a line that waits here was either delivered or counted.
 */
export class LogBuffer {
  private waiting: LogEvent[] = [];
  private bytes = 0;
  private lost = 0;
  private pending: Pending | undefined;

  constructor(private readonly limits: BufferLimits = BUFFER_LIMITS) {}

  /** As much as one request takes: sending it should not wait for its time. */
  get full(): boolean {
    return this.bytes >= LOG_LIMITS.batchBytes / 2 || this.waiting.length >= Math.min(LOG_LIMITS.batchEvents, this.limits.events) / 2;
  }

  /** Nothing waits, nothing is under way and nothing is left to tell. */
  get empty(): boolean {
    return this.waiting.length === 0 && this.pending === undefined && this.lost === 0;
  }

  add(timestamp: number, line: string): void {
    const event = logEvent(timestamp, line);
    this.waiting.push(event);
    this.bytes += event.bytes;
    let over = 0;
    for (; this.bytes > this.limits.bytes || this.waiting.length - over > this.limits.events; over += 1) this.bytes -= this.waiting[over]?.bytes ?? 0;
    this.waiting.splice(0, over);
    this.lost += over;
  }

  /**
   * What to send now; the same again until it was {@link delivered} or {@link refused}. Undefined when there is nothing.
   *
   * @param last also when there is nothing but lost lines to tell of
   */
  next(now: number, last = false): readonly LogEvent[] | undefined {
    if (this.pending) return this.pending.events;
    if (this.waiting.length === 0 && !(last && this.lost > 0)) return undefined;
    const notice = this.lost > 0 ? logEvent(now, JSON.stringify({ event: 'log', lost: this.lost })) : undefined;
    const batch = firstBatch([...(notice ? [notice] : []), ...this.waiting]);
    for (const { bytes } of this.waiting.splice(0, batch.length - (notice ? 1 : 0))) this.bytes -= bytes;
    this.pending = { events: batch, notice, told: this.lost };
    this.lost = 0;
    return batch;
  }

  /** It arrived, but for these of it, which never will. */
  delivered(without: readonly LogEvent[] = []): void {
    for (const event of without) this.lost += event === this.pending?.notice ? this.pending.told : 1;
    this.pending = undefined;
  }

  /** It will never be taken: sent again and again it would hold up everything behind it. */
  refused(): void {
    this.delivered(this.pending?.events);
  }
}

/** What the shipper needs of the world; simulated in tests. */
export interface ShipperWorld {
  readonly sink: LogSink;
  readonly group: string;
  readonly stream: string;
  readonly now: () => number;
  /** waits, and no longer once the signal is given. */
  readonly sleep: (milliseconds: number, signal: AbortSignal) => Promise<void>;
  /** from 0 up to but not 1. */
  readonly random: () => number;
  /** told when sending begins to fail, once until it succeeds again. */
  readonly failed: (error: unknown) => void;
  readonly limits?: BufferLimits;
}

/** About how long a line waits at most when all is well. */
export const FLUSH_MILLISECONDS = 5_000;

/** After a failure; doubled each time. */
export const FIRST_BACKOFF_MILLISECONDS = 1_000;
export const LONGEST_BACKOFF_MILLISECONDS = 60_000;

/** What is wrong with the batch and not with the world: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html#API_PutLogEvents_Errors */
const REFUSED = 'InvalidParameterException';

/** The stream is not there, or not any more. */
const GONE = 'ResourceNotFoundException';

/**
 * Sends lines to CloudWatch Logs: after a while, or at once when there are many; one request at a time; again after a failure.
 *
 * A log must never be what stops a node: `write` returns at once and nothing here throws. Lines should go to the journal as well.
 */
export class LogShipper {
  private readonly buffer: LogBuffer;
  private readonly abandoned = new AbortController();
  private wake = new AbortController();
  private running: Promise<void> | undefined;
  private closing = false;
  private open = false;
  private failures = 0;

  constructor(private readonly world: ShipperWorld) {
    this.buffer = new LogBuffer(world.limits);
  }

  /** Takes a line; also before {@link start}. */
  write(line: string): void {
    this.buffer.add(this.world.now(), line);
    // what fails is not tried more often because there is more of it.
    if (this.buffer.full && this.failures === 0) this.wake.abort();
  }

  /** Begins to send. */
  start(): void {
    this.running ??= this.loop();
  }

  /** Sends what is left, as long as that does not take longer than this; says whether everything was. */
  async close(milliseconds: number): Promise<boolean> {
    this.closing = true;
    // there is no time for the pause that a long failure has led to.
    this.failures = 0;
    this.wake.abort();
    this.start();
    const enough = new AbortController();
    await Promise.race([this.running, this.world.sleep(milliseconds, enough.signal)]);
    enough.abort();
    this.abandoned.abort();
    this.wake.abort();
    return this.buffer.empty;
  }

  private async loop(): Promise<void> {
    for (;;) {
      await this.flush();
      if (this.abandoned.signal.aborted || (this.closing && this.buffer.empty)) return;
      // closed, or filled, while sending.
      if (this.failures === 0 && (this.closing || this.buffer.full)) continue;
      this.wake = new AbortController();
      await this.world.sleep(this.pause(), this.wake.signal);
    }
  }

  private pause(): number {
    const usual = this.failures === 0 ? FLUSH_MILLISECONDS : doubled(FIRST_BACKOFF_MILLISECONDS, LONGEST_BACKOFF_MILLISECONDS, this.failures - 1);
    return jittered(usual, this.world.random());
  }

  /** One batch. */
  private async flush(): Promise<void> {
    const { sink, group, stream, now } = this.world;
    const batch = this.buffer.next(now(), this.closing);
    if (batch === undefined) return;
    try {
      if (!this.open) await sink.open(group, stream);
      this.open = true;
      const rejected = await sink.put(group, stream, batch, this.abandoned.signal);
      this.buffer.delivered(rejected);
      // nothing came of it, and of the next nothing may either.
      if (rejected.length === batch.length) throw new Error(`CloudWatch Logs took none of ${batch.length} lines, whose times it does not believe; look at the clock`);
      this.failures = 0;
    } catch (error) {
      const name = (error as { readonly name?: unknown } | undefined)?.name;
      if (name === GONE) this.open = false;
      if (name === REFUSED && this.open) this.buffer.refused();
      if (this.failures === 0) this.tell(error);
      this.failures += 1;
    }
  }

  private tell(error: unknown): void {
    try {
      this.world.failed(error);
    } catch {
      // nobody hears it, and that must not end the loop.
    }
  }
}
