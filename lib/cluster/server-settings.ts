import type { Duration, Size } from 'aws-cdk-lib';
import type { ServerLogLevel, ServerSettings } from '../config/settings';

/**
 * Settings of the server process that may be tuned without weakening it.
 *
 * Nothing here can open a listener, a login or a file: those are decided by the library.
 *
 * @see https://clickhouse.com/docs/operations/server-configuration-parameters/settings
 */
export interface ClickHouseServerSettings {
  /**
   * How many client connections a server holds at a time. Bounds what a flood of connections can occupy.
   *
   * @default 4096
   */
  readonly maxConnections?: number;

  /**
   * How many queries run at a time on one server, over all users. A further one is refused.
   *
   * @default 1000
   */
  readonly maxConcurrentQueries?: number;

  /**
   * The share of the machine's memory that the server may use, above 0 and at most 0.95.
   *
   * @default 0.8
   */
  readonly maxServerMemoryRatio?: number;

  /**
   * Host names that queries may reach through `url`, `s3`, `remote` and the like: exact names, optionally with a port.
   *
   * An entry without a port admits every port of that host. A name is compared before it is resolved, so give only names whose DNS
   * you trust. Users still need the grant on the source.
   *
   * @default - none: no query reaches another host
   */
  readonly remoteUrlAllowHosts?: string[];

  /**
   * How much the server writes to its log.
   *
   * @default ServerLogLevel.INFORMATION
   */
  readonly logLevel?: ServerLogLevel;

  /**
   * How long the audit trail (`system.session_log` and `system.query_log`) is kept: whole days, from 7.
   *
   * @default Duration.days(90)
   */
  readonly auditLogRetention?: Duration;

  /**
   * How long the other system logs (metrics, parts, errors) are kept: whole days.
   *
   * @default Duration.days(14)
   */
  readonly metricLogRetention?: Duration;

  /**
   * How long a stopping server waits for running queries before it ends them: at most 25 minutes, since CloudFormation waits for an hour until
   * a node is replaced.
   *
   * @default Duration.minutes(5)
   */
  readonly shutdownWait?: Duration;

  /**
   * How long a native connection lives. Login happens when it opens, so this bounds how long a withdrawn password still works.
   *
   * @default Duration.hours(1)
   */
  readonly nativeConnectionLifetime?: Duration;

  /**
   * How long an idle HTTP connection is kept open.
   *
   * @default Duration.seconds(10)
   */
  readonly keepAlive?: Duration;

  /**
   * The size of a table above which it cannot be dropped: the guard against the wrong `DROP TABLE`.
   *
   * @default - 50,000,000,000 bytes
   */
  readonly maxTableSizeToDrop?: Size;
}

/** The settings in the units that the server reads. */
export function inServerUnits(settings: ClickHouseServerSettings): ServerSettings {
  const { auditLogRetention, metricLogRetention, shutdownWait, nativeConnectionLifetime, keepAlive, maxTableSizeToDrop, ...same } = settings;
  const model = {
    ...same,
    auditLogRetentionDays: auditLogRetention?.toDays(),
    metricLogRetentionDays: metricLogRetention?.toDays(),
    shutdownWaitSeconds: shutdownWait?.toSeconds(),
    nativeConnectionSeconds: nativeConnectionLifetime?.toSeconds(),
    keepAliveSeconds: keepAlive?.toSeconds(),
    maxTableSizeToDropBytes: maxTableSizeToDrop?.toBytes(),
  };
  return Object.fromEntries(Object.entries(model).filter(([, value]) => value !== undefined));
}
