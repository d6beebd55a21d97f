import { ConfigurationError } from './error';

/**
 * How much a server writes to its own log.
 *
 * `debug` and `trace` are not offered: they write query texts and peer addresses by the gigabyte, which is how logs become the leak.
 */
export enum ServerLogLevel {
  /** Faults that an operator must look at. */
  ERROR = 'error',
  /** Faults and what may become one. */
  WARNING = 'warning',
  /** The above and the milestones of normal work. */
  INFORMATION = 'information',
}

/**
 * Settings of the server process that may be tuned without weakening it.
 *
 * Nothing here can open a listener, a login or a file: those are decided by the library.
 *
 * @see https://clickhouse.com/docs/operations/server-configuration-parameters/settings
 */
export interface ServerSettings {
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
   * How many days the audit trail (`system.session_log` and `system.query_log`) is kept, from 7.
   *
   * @default 90
   */
  readonly auditLogRetentionDays?: number;

  /**
   * How many days the other system logs (metrics, parts, errors) are kept.
   *
   * @default 14
   */
  readonly metricLogRetentionDays?: number;

  /**
   * How many seconds a stopping server waits for running queries before it ends them.
   *
   * @default 300
   */
  readonly shutdownWaitSeconds?: number;

  /**
   * How many seconds a native connection lives. Login happens when it opens, so this bounds how long a withdrawn password still works.
   *
   * @default 3600
   */
  readonly nativeConnectionSeconds?: number;

  /**
   * How many seconds an idle HTTP connection is kept open.
   *
   * @default 10
   */
  readonly keepAliveSeconds?: number;

  /**
   * The size in bytes of a table above which it cannot be dropped: the guard against the wrong `DROP TABLE`.
   *
   * @default 50000000000
   */
  readonly maxTableSizeToDropBytes?: number;
}

/**
 * Limits that a settings profile puts on its users' queries.
 *
 * Each is both the value and the ceiling: a query may ask for less, never for more, and never for the `0` that means "no limit".
 *
 * @see https://clickhouse.com/docs/operations/settings/query-complexity
 */
export interface ProfileSettings {
  /**
   * How many seconds a query may run.
   *
   * @default 600
   */
  readonly maxExecutionSeconds?: number;

  /**
   * How many bytes of memory one query may use on one server.
   *
   * @default 10000000000
   */
  readonly maxMemoryBytes?: number;

  /**
   * How many bytes of memory all queries of one user may use on one server.
   *
   * @default 20000000000
   */
  readonly maxMemoryForUserBytes?: number;

  /**
   * How many queries one user may run at a time on one server.
   *
   * @default 100
   */
  readonly maxConcurrentQueriesForUser?: number;

  /**
   * How many rows a result may have.
   *
   * @default 100000000
   */
  readonly maxResultRows?: number;

  /**
   * How many bytes a result may have, before compression.
   *
   * @default 10000000000
   */
  readonly maxResultBytes?: number;

  /**
   * How many rows a query may read.
   *
   * @default - no limit
   */
  readonly maxReadRows?: number;

  /**
   * How many bytes a query may read, before compression.
   *
   * @default - no limit
   */
  readonly maxReadBytes?: number;

  /**
   * How many bytes the queries of one user may spill to disk at a time.
   *
   * @default 50000000000
   */
  readonly maxTemporaryDiskForUserBytes?: number;

  /**
   * How many sessions one user may hold at a time on one server.
   *
   * @default 1000
   */
  readonly maxSessionsForUser?: number;

  /**
   * How many seconds a native connection may be idle before it is closed.
   *
   * @default 600
   */
  readonly idleConnectionSeconds?: number;

  /**
   * How many bytes of form data (external tables) an HTTP request may carry; they are held in memory before any other limit applies.
   *
   * ClickHouse cuts off what is beyond, without an error: a query that uploads more sees only a part of it.
   *
   * @default 67108864
   */
  readonly maxHttpFormBytes?: number;

  /**
   * Whether queries may only read. Settings may still be changed within the limits, which drivers do.
   *
   * @default false
   */
  readonly readOnly?: boolean;
}

/** A settings profile and its name. */
export interface ProfileModel {
  /** The profile's name: a lower-case letter, then lower-case letters, digits, `_` or `-`. */
  readonly name: string;

  /**
   * What the profile limits.
   *
   * @default - what the `default` profile limits
   */
  readonly settings?: ProfileSettings;
}

/**
 * What may be used up within one interval of a quota.
 *
 * There is no count of failed logins on purpose: ClickHouse would then refuse the right password too until the interval ends, so anybody
 * who can reach the port could lock a user out.
 *
 * @see https://clickhouse.com/docs/operations/quotas
 */
export interface QuotaInterval {
  /** How many seconds the interval lasts. */
  readonly durationSeconds: number;

  /**
   * How many queries.
   *
   * @default - no limit
   */
  readonly queries?: number;

  /**
   * How many queries that fail.
   *
   * @default - no limit
   */
  readonly errors?: number;

  /**
   * How many rows in results.
   *
   * @default - no limit
   */
  readonly resultRows?: number;

  /**
   * How many rows read from tables.
   *
   * @default - no limit
   */
  readonly readRows?: number;

  /**
   * How many seconds of query run time.
   *
   * @default - no limit
   */
  readonly executionSeconds?: number;
}

/** A quota and its name. */
export interface QuotaModel {
  /** The quota's name: a lower-case letter, then lower-case letters, digits, `_` or `-`. */
  readonly name: string;
  /** The intervals, each counted on its own. At least one. */
  readonly intervals: QuotaInterval[];
}

/** Server settings with every default filled in and every range checked. */
export type CompleteServerSettings = Required<ServerSettings>;

/** The limits every user has unless a profile says otherwise. */
export const DEFAULT_PROFILE_SETTINGS = {
  maxExecutionSeconds: 600,
  maxMemoryBytes: 10_000_000_000,
  maxMemoryForUserBytes: 20_000_000_000,
  maxConcurrentQueriesForUser: 100,
  maxResultRows: 100_000_000,
  maxResultBytes: 10_000_000_000,
  maxTemporaryDiskForUserBytes: 50_000_000_000,
  maxSessionsForUser: 1000,
  idleConnectionSeconds: 600,
  maxHttpFormBytes: 64 * 1024 * 1024,
} as const satisfies ProfileSettings;

const DAY = 86_400;
const PEBI = 2 ** 50;

/** Fills in the defaults and checks the ranges. */
export function completeServerSettings(settings: ServerSettings = {}): CompleteServerSettings {
  onlyKnown('server setting', settings, [
    'maxConnections', 'maxConcurrentQueries', 'maxServerMemoryRatio', 'remoteUrlAllowHosts', 'logLevel', 'auditLogRetentionDays',
    'metricLogRetentionDays', 'shutdownWaitSeconds', 'nativeConnectionSeconds', 'keepAliveSeconds', 'maxTableSizeToDropBytes',
  ]);
  const ratio = settings.maxServerMemoryRatio ?? 0.8;
  if (typeof ratio !== 'number' || !(ratio > 0 && ratio <= 0.95)) {
    throw new ConfigurationError('SettingRange', `'maxServerMemoryRatio' must be above 0 and at most 0.95, got ${show(ratio)}`);
  }
  const logLevel = settings.logLevel ?? ServerLogLevel.INFORMATION;
  if (!Object.values(ServerLogLevel).includes(logLevel)) {
    throw new ConfigurationError('SettingRange', `'logLevel' must be one of ${Object.values(ServerLogLevel).join(', ')}, got ${show(logLevel)}`);
  }
  return {
    maxConnections: ranged('maxConnections', settings.maxConnections ?? 4096, 16, 1_000_000),
    maxConcurrentQueries: ranged('maxConcurrentQueries', settings.maxConcurrentQueries ?? 1000, 10, 100_000),
    maxServerMemoryRatio: Math.round(ratio * 10_000) / 10_000 || 0.0001,
    remoteUrlAllowHosts: [...new Set((settings.remoteUrlAllowHosts ?? []).map(urlHost))],
    logLevel,
    auditLogRetentionDays: ranged('auditLogRetentionDays', settings.auditLogRetentionDays ?? 90, 7, 3650),
    metricLogRetentionDays: ranged('metricLogRetentionDays', settings.metricLogRetentionDays ?? 14, 1, 3650),
    shutdownWaitSeconds: ranged('shutdownWaitSeconds', settings.shutdownWaitSeconds ?? 300, 5, 3600),
    nativeConnectionSeconds: ranged('nativeConnectionSeconds', settings.nativeConnectionSeconds ?? 3600, 60, DAY),
    keepAliveSeconds: ranged('keepAliveSeconds', settings.keepAliveSeconds ?? 10, 1, 3600),
    maxTableSizeToDropBytes: ranged('maxTableSizeToDropBytes', settings.maxTableSizeToDropBytes ?? 50_000_000_000, 1, PEBI),
  };
}

/** Checks the limits of a profile. What is not given stays absent, so that the `default` profile's holds. */
export function checkedProfileSettings(settings: ProfileSettings): ProfileSettings {
  onlyKnown('profile setting', settings, Object.keys(PROFILE_RANGES).concat('readOnly'));
  for (const [name, [least, most]] of Object.entries(PROFILE_RANGES)) {
    const value = settings[name as keyof ProfileSettings];
    if (value !== undefined) ranged(name, value, least, most);
  }
  if (settings.readOnly !== undefined && typeof settings.readOnly !== 'boolean') {
    throw new ConfigurationError('SettingRange', `'readOnly' must be true or false, got ${show(settings.readOnly)}`);
  }
  return settings;
}

const PROFILE_RANGES: Readonly<Record<Exclude<keyof ProfileSettings, 'readOnly'>, readonly [number, number]>> = {
  maxExecutionSeconds: [1, 7 * DAY],
  maxMemoryBytes: [1_000_000, PEBI],
  maxMemoryForUserBytes: [1_000_000, PEBI],
  maxConcurrentQueriesForUser: [1, 100_000],
  maxResultRows: [1, Number.MAX_SAFE_INTEGER],
  maxResultBytes: [1, Number.MAX_SAFE_INTEGER],
  maxReadRows: [1, Number.MAX_SAFE_INTEGER],
  maxReadBytes: [1, Number.MAX_SAFE_INTEGER],
  maxTemporaryDiskForUserBytes: [1_000_000, PEBI],
  maxSessionsForUser: [1, 1_000_000],
  idleConnectionSeconds: [1, DAY],
  maxHttpFormBytes: [1024, 1024 ** 3],
};

/** Checks a quota: at least one interval, no length twice, and every limit a whole number from 1. */
export function checkedQuota(quota: QuotaModel): QuotaModel {
  onlyKnown(`part of the quota '${quota.name}'`, quota, ['name', 'intervals']);
  if (quota.intervals.length === 0) {
    throw new ConfigurationError(
      'QuotaInterval',
      `the quota '${quota.name}' must have at least one interval, got none; give it a 'durationSeconds' and its limits`,
    );
  }
  const lengths = new Set<number>();
  for (const interval of quota.intervals) {
    if ('failedSequentialAuthentications' in interval || 'failed_sequential_authentications' in interval) {
      throw new ConfigurationError(
        'QuotaLockOut',
        `the quota '${quota.name}' must not count failed logins: anybody who reaches the port could lock the user out; remove it`,
      );
    }
    onlyKnown(`part of an interval of the quota '${quota.name}'`, interval, ['durationSeconds', 'queries', 'errors', 'resultRows', 'readRows', 'executionSeconds']);
    ranged('durationSeconds', interval.durationSeconds, 1, 366 * DAY);
    if (lengths.has(interval.durationSeconds)) {
      throw new ConfigurationError(
        'QuotaInterval',
        `the quota '${quota.name}' must have one interval of a length, got two of ${interval.durationSeconds} seconds; merge them`,
      );
    }
    lengths.add(interval.durationSeconds);
    for (const name of ['queries', 'errors', 'resultRows', 'readRows', 'executionSeconds'] as const) {
      const value = interval[name];
      if (value !== undefined) ranged(name, value, 1, Number.MAX_SAFE_INTEGER);
    }
  }
  return quota;
}

// host names only: with an address, DNS trust would not matter, but the metadata service is an address (169.254.169.254).
const HOST = /^(?=.{1,253}(?::|$))[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)+(?::[1-9][0-9]{0,4})?$/;

function urlHost(host: string): string {
  if (typeof host !== 'string' || !HOST.test(host) || /^[0-9.]+(:[0-9]+)?$/.test(host) || Number(host.split(':')[1] ?? 1) > 65_535) {
    throw new ConfigurationError(
      'UrlHost',
      `'remoteUrlAllowHosts' must hold exact lower-case host names, optionally with a port, such as feeds.example.com:443, got ${show(host)}; patterns, schemes and addresses are not accepted`,
    );
  }
  return host;
}

function ranged(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw new ConfigurationError('SettingRange', `'${name}' must be a whole number from ${least} to ${most}, got ${show(value)}`);
  }
  return value;
}

// callers from other languages, or with casts, can hand over anything; a misspelt limit must not be silently no limit.
function onlyKnown(what: string, given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (!known.includes(name)) throw new ConfigurationError('UnknownSetting', `${show(name)} is not a ${what}; known are ${known.join(', ')}`);
  }
}

function show(value: unknown): string {
  return typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
}
