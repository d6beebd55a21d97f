import { CloudWatchLogsClient, CreateLogStreamCommand, PutLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { patience, unless } from '../../sdk';

/** A line and when it was written. Made by {@link logEvent}, so it is never too large. */
export interface LogEvent {
  /** milliseconds since 1970. */
  readonly timestamp: number;
  readonly message: string;
  /** what it counts for in a batch. */
  readonly bytes: number;
}

/** Where lines go. */
export interface LogSink {
  /** makes the stream; one that is there is fine. */
  open(group: string, stream: string): Promise<void>;
  /** sends one {@link firstBatch}. Says which of it were not taken, for being too old or from the future. What failed may have arrived: then it arrives twice when it is sent again. */
  put(group: string, stream: string, batch: readonly LogEvent[], signal?: AbortSignal): Promise<readonly LogEvent[]>;
}

/** https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html */
export const LOG_LIMITS = {
  batchBytes: 1_048_576,
  /** of every event, besides its text in UTF-8. */
  overhead: 26,
  batchEvents: 10_000,
  spanMilliseconds: 24 * 3_600_000,
  /** The page says 1 MB, and 256 KB in China (https://docs.amazonaws.cn/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html): the smaller is right everywhere. */
  eventBytes: 262_144,
} as const;

const CLIENT = patience(3);

/**
 * A line as an event: one that is too long is cut at a whole character and says so, an empty one becomes a space, since the API takes no empty text.
 *
 * A line of the embedded metric format passes unchanged, and is one event like any other: CloudWatch finds its metrics without the header that PutLogEvents once needed
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Generation_PutLogEvents.html).
 */
export function logEvent(timestamp: number, line: string): LogEvent {
  const { overhead, eventBytes } = LOG_LIMITS;
  // encoded and back: half a surrogate pair is no text in UTF-8.
  const encoded = Buffer.from(line === '' ? ' ' : line, 'utf8');
  const message = encoded.length <= eventBytes - overhead ? encoded : cut(encoded, eventBytes - overhead);
  return { timestamp: Math.max(0, Math.trunc(timestamp)), message: message.toString('utf8'), bytes: message.length + overhead };
}

function cut(encoded: Buffer, room: number): Buffer {
  const mark = Buffer.from(` [cut: ${encoded.length} bytes]`, 'utf8');
  let end = room - mark.length;
  // not within a character: bytes of the form 10xxxxxx continue one.
  while (((encoded[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return Buffer.concat([encoded.subarray(0, end), mark]);
}

/** As many of the first events as one request takes, in the order of their times; those of the same time in the order they came. */
export function firstBatch(events: readonly LogEvent[]): LogEvent[] {
  let bytes = 0;
  let [earliest, latest] = [Infinity, -Infinity];
  let count = 0;
  for (const event of events) {
    bytes += event.bytes;
    earliest = Math.min(earliest, event.timestamp);
    latest = Math.max(latest, event.timestamp);
    // the clock of a machine that has just started may jump by years.
    if (count === LOG_LIMITS.batchEvents || bytes > LOG_LIMITS.batchBytes || latest - earliest > LOG_LIMITS.spanMilliseconds) break;
    count += 1;
  }
  return events.slice(0, count).sort((a, b) => a.timestamp - b.timestamp);
}

/** CloudWatch Logs. */
export function logSink(region: string, client: Pick<CloudWatchLogsClient, 'send'> = new CloudWatchLogsClient({ ...CLIENT, region })): LogSink {
  return {
    async open(group, stream) {
      await client.send(new CreateLogStreamCommand({ logGroupName: group, logStreamName: stream })).catch(unless('ResourceAlreadyExistsException'));
    },
    async put(group, stream, batch, signal) {
      const logEvents = batch.map(({ timestamp, message }) => ({ timestamp, message }));
      const { rejectedLogEventsInfo: rejected = {} } = await client.send(new PutLogEventsCommand({ logGroupName: group, logStreamName: stream, logEvents }), { abortSignal: signal });
      // the too old are the first up to and without an index, the too new the last from an index on
      // (https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_RejectedLogEventsInfo.html).
      const old = Math.max(rejected.tooOldLogEventEndIndex ?? 0, rejected.expiredLogEventEndIndex ?? 0);
      return batch.filter((_, index) => index < old || index >= (rejected.tooNewLogEventStartIndex ?? batch.length));
    },
  };
}
