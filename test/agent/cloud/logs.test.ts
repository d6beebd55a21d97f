import type { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { CreateLogStreamCommand, PutLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import fc from 'fast-check';
import type { LogEvent } from '../../../lib/agent/cloud/logs';
import { firstBatch, logEvent, logSink } from '../../../lib/agent/cloud/logs';
import { metricLine } from '../../../lib/agent/embedded-metric';

/** What the documentation says, in its own numbers: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html */
function holds(batch: readonly LogEvent[]): boolean {
  const times = batch.map(({ timestamp }) => timestamp);
  const bytes = batch.map(({ message }) => Buffer.byteLength(message, 'utf8') + 26);
  return (
    batch.length <= 10_000 &&
    bytes.reduce((sum, each) => sum + each, 0) <= 1_048_576 &&
    bytes.every((each) => each <= 262_144 && each > 26) &&
    times.every((each, index) => index === 0 || each >= (times[index - 1] ?? 0)) &&
    (times.length === 0 || (times.at(-1) ?? 0) - (times[0] ?? 0) <= 86_400_000)
  );
}

/** One after the other. */
function batches(events: readonly LogEvent[]): LogEvent[][] {
  const all: LogEvent[][] = [];
  for (let at = 0; at < events.length; at += all.at(-1)?.length ?? 1) all.push(firstBatch(events.slice(at)));
  return all;
}

const DAY = 86_400_000;
const timestamp = fc.oneof(fc.integer({ min: 0, max: 100 }), fc.integer({ min: 0, max: 3 * DAY }), fc.constantFrom(0, DAY, DAY + 1, 2 * DAY));
const size = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.constantFrom(131_046, 262_117, 262_118, 262_119, 400_000));

test('every limit holds, nothing is lost, and the order stays', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(timestamp, size)), (lines) => {
      const events = lines.map(([time, length], index) => logEvent(time, `${index} ${'x'.repeat(length)}`));
      const made = batches(events);
      let at = 0;
      for (const batch of made) {
        expect(holds(batch)).toBe(true);
        const taken = events.slice(at, at + batch.length);
        // of those that were taken, by time, and by arrival within a moment.
        expect(batch).toEqual([...taken].sort((a, b) => a.timestamp - b.timestamp || events.indexOf(a) - events.indexOf(b)));
        at += batch.length;
        const next = events[at];
        // none is smaller than it must be.
        if (next) expect(holds([...batch, next].sort((a, b) => a.timestamp - b.timestamp))).toBe(false);
      }
      expect(at).toBe(events.length);
    }),
    { numRuns: 200 },
  );
});

test('ten thousand events are a batch, and one more is the next', () => {
  const events = Array.from({ length: 25_000 }, (_, index) => logEvent(index, 'x'));
  expect(batches(events).map(({ length }) => length)).toEqual([10_000, 10_000, 5_000]);
});

test('a batch may be full to the last byte', () => {
  const events = Array.from({ length: 5 }, () => logEvent(0, 'x'.repeat(262_144 - 26)));
  expect(batches(events).map(({ length }) => length)).toEqual([4, 1]);
});

describe('a line', () => {
  test('that is too long is cut, says so, and is text', () => {
    fc.assert(
      fc.property(fc.constantFrom('x', 'é', '€', '😀', 'a😀'), fc.integer({ min: 0, max: 8 }), (character, shift) => {
        const line = 'y'.repeat(shift) + character.repeat(300_000);
        const { message, bytes } = logEvent(0, line);
        expect(bytes).toBe(Buffer.byteLength(message) + 26);
        expect(bytes).toBeLessThanOrEqual(262_144);
        expect(bytes).toBeGreaterThan(262_144 - 4);
        const mark = ` [cut: ${Buffer.byteLength(line)} bytes]`;
        expect(message.endsWith(mark)).toBe(true);
        // half a character would have become a sign of replacement, or another text.
        expect(line.startsWith(message.slice(0, -mark.length))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  test('that is just short enough stays as it is', () => {
    const line = 'x'.repeat(262_144 - 26);
    expect(logEvent(0, line).message).toBe(line);
  });

  test('is never empty, and is UTF-8', () => {
    expect(logEvent(0, '').message).toBe(' ');
    expect(logEvent(0, 'half \ud83d of two').message).toBe('half \ufffd of two');
  });

  test('of the embedded metric format passes unchanged', () => {
    const line = metricLine('Serving', 'Count', 1, { Cluster: 'analytics', Node: 'é-1' }, 1_700_000_000_000);
    expect(logEvent(5, line).message).toBe(line);
  });

  test('has a time that the API takes', () => {
    expect(logEvent(-1, 'x').timestamp).toBe(0);
    expect(logEvent(12.7, 'x').timestamp).toBe(12);
  });
});

describe('the sink', () => {
  const named = (name: string): Error => Object.assign(new Error('x'), { name });
  const client = (answer: () => unknown): { client: Pick<CloudWatchLogsClient, 'send'>; sent: unknown[] } => {
    const sent: unknown[] = [];
    return { client: { send: (command: { input: unknown }) => { sent.push(command); return Promise.resolve().then(answer); } } as never, sent };
  };

  test('opens a stream that is there', async () => {
    const { client: there, sent } = client(() => { throw named('ResourceAlreadyExistsException'); });
    await logSink('eu-central-1', there).open('analytics', 'server-1');
    expect(sent).toEqual([expect.any(CreateLogStreamCommand)]);
    expect((sent[0] as CreateLogStreamCommand).input).toEqual({ logGroupName: 'analytics', logStreamName: 'server-1' });
  });

  test.each(['ResourceNotFoundException', 'AccessDeniedException', 'ThrottlingException'])('does not take %s for that', async (name) => {
    await expect(logSink('eu-central-1', client(() => { throw named(name); }).client).open('analytics', 'server-1')).rejects.toMatchObject({ name });
    await expect(logSink('eu-central-1', client(() => { throw named(name); }).client).put('analytics', 'server-1', [])).rejects.toMatchObject({ name });
  });

  test('sends text and time, and nothing else', async () => {
    const { client: taking, sent } = client(() => ({}));
    expect(await logSink('eu-central-1', taking).put('analytics', 'server-1', [logEvent(7, 'one'), logEvent(8, 'two')])).toEqual([]);
    expect(sent).toEqual([expect.any(PutLogEventsCommand)]);
    expect((sent[0] as PutLogEventsCommand).input).toEqual({
      logGroupName: 'analytics',
      logStreamName: 'server-1',
      logEvents: [{ timestamp: 7, message: 'one' }, { timestamp: 8, message: 'two' }],
    });
  });

  test.each([
    [{ tooOldLogEventEndIndex: 2 }, 'ab'],
    [{ expiredLogEventEndIndex: 1 }, 'a'],
    [{ tooOldLogEventEndIndex: 1, expiredLogEventEndIndex: 2 }, 'ab'],
    [{ tooNewLogEventStartIndex: 3 }, 'de'],
    [{ tooNewLogEventStartIndex: 0 }, 'abcde'],
    [{ tooOldLogEventEndIndex: 1, tooNewLogEventStartIndex: 4 }, 'ae'],
    [{}, ''],
  ])('says which lines were not taken: %j', async (rejectedLogEventsInfo, letters) => {
    const batch = [...'abcde'].map((letter, index) => logEvent(index, letter));
    const rejected = await logSink('eu-central-1', client(() => ({ rejectedLogEventsInfo })).client).put('analytics', 'server-1', batch);
    expect(rejected.map(({ message }) => message).join('')).toBe(letters);
  });
});
