import type { CompleteServerSettings } from './settings';
import type { XmlElement } from './xml';
import { element } from './xml';

/** The system tables that are the audit trail: who logged in or failed to, and what was asked. */
export const AUDIT_LOGS = ['session_log', 'query_log'] as const;

/** The system tables that operations need and nobody audits. */
export const OPERATION_LOGS = ['part_log', 'metric_log', 'asynchronous_metric_log', 'error_log', 'query_views_log', 'backup_log'] as const;

/**
 * The text log of a process.
 *
 * `information` instead of the packaged `trace` prevents query texts and peer addresses by the gigabyte; the size is bounded because a full
 * disk stops the server. https://clickhouse.com/docs/operations/server-configuration-parameters/settings#logger
 */
export function textLog(directory: string, process: string, level: string): XmlElement {
  return element(
    'logger',
    element('level', level),
    element('log', `${directory}/${process}.log`),
    element('errorlog', `${directory}/${process}.err.log`),
    element('size', '100M'),
    element('count', 10),
  );
}

/**
 * The system tables, each with a retention so that none fills the disk. A log without a section does not exist, so what is not listed
 * (`trace_log`, `text_log`, ...) is off. https://clickhouse.com/docs/operations/system-tables/overview#system-tables-introduction
 *
 * - `session_log` is off in the packaged file; without it a guessed password leaves no trace. It was called unreliable there until 2025.
 *   https://clickhouse.com/docs/operations/system-tables/session_log, https://github.com/ClickHouse/ClickHouse/pull/83057
 * - `query_log` says what was done with a login. https://clickhouse.com/docs/operations/system-tables/query_log
 */
export function systemLogs(settings: CompleteServerSettings): XmlElement[] {
  const log = (name: string, days: number) =>
    element(
      name,
      element('database', 'system'),
      element('table', name),
      element('partition_by', 'toYYYYMM(event_date)'),
      element('ttl', `event_date + INTERVAL ${days} DAY DELETE`),
      element('flush_interval_milliseconds', 7500),
    );
  return [
    ...AUDIT_LOGS.map((name) => log(name, settings.auditLogRetentionDays)),
    ...OPERATION_LOGS.map((name) => log(name, settings.metricLogRetentionDays)),
    element(
      'crash_log',
      element('database', 'system'),
      element('table', 'crash_log'),
      // its engine has no partitions: normally empty.
      element('partition_by', ''),
      element('flush_interval_milliseconds', 1000),
    ),
  ];
}

/** A text that a log must not keep, and what is kept instead. */
export interface MaskingRule {
  readonly name: string;
  /** RE2. */
  readonly regexp: string;
  readonly replace: string;
}

/**
 * What is cut out of query texts before they reach a log table or the text log. A net below ClickHouse's own masking of passwords in
 * `CREATE USER`, `s3()` and the like, for secrets that people put into queries as plain text.
 *
 * @see https://clickhouse.com/docs/operations/server-configuration-parameters/settings#query_masking_rules
 */
export const MASKING_RULES: readonly MaskingRule[] = [
  {
    name: 'arguments of encrypt and decrypt',
    regexp: String.raw`(?i)((?:aes_)?(?:encrypt|decrypt|try_?decrypt)(?:_mysql)?)\s*\(\s*(?:'(?:\\'|[^'])*'|[^)'])*\)`,
    replace: String.raw`\1(???)`,
  },
  {
    name: 'passwords, secrets, tokens and keys that are assigned',
    regexp: String.raw`(?i)((?:password|passwd|secret|token|api_?key|access_?key|private_?key)[a-z_]*['"\x60]?\s*(?:=|:|=>|,)\s*)'(?:\\'|[^'])*'`,
    replace: String.raw`\1'[HIDDEN]'`,
  },
  {
    name: 'what a user is identified by',
    regexp: String.raw`(?i)(identified\s+(?:with\s+\w+\s+)?by\s+)'(?:\\'|[^'])*'`,
    replace: String.raw`\1'[HIDDEN]'`,
  },
  {
    name: 'bearer and basic credentials',
    regexp: String.raw`(?i)(bearer|basic)\s+[a-z0-9._~+/=-]{8,}`,
    replace: String.raw`\1 [HIDDEN]`,
  },
  {
    name: 'credentials in addresses',
    regexp: String.raw`([a-zA-Z][a-zA-Z0-9+.-]*://[^:/\s'"@]+):[^@/\s'"]+@`,
    replace: String.raw`\1:[HIDDEN]@`,
  },
  {
    name: 'AWS access key ids',
    regexp: String.raw`\b(A(?:KIA|SIA))[A-Z0-9]{16}\b`,
    replace: String.raw`\1[HIDDEN]`,
  },
];

/** Renders {@link MASKING_RULES}. */
export function queryMasking(): XmlElement {
  return element(
    'query_masking_rules',
    MASKING_RULES.map((rule) => element('rule', element('name', rule.name), element('regexp', rule.regexp), element('replace', rule.replace))),
  );
}
