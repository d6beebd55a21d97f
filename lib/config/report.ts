/**
 * What a node says about itself in the cluster's bucket: which live manifest it runs.
 *
 * The node writes its own object and no other; the deployment reads all of them. One file, because the agent, its role and the
 * handler that waits have to mean the same key and the same text.
 */
export interface LiveReport {
  /** the SHA-256 of the live manifest that the node has applied. */
  readonly live: string;
  /** when it had applied it: ISO 8601 in UTC. */
  readonly at: string;
}

/** Reports lie under this prefix, and nothing else does. */
export const REPORTS = 'reports/';

/** Longer than any report: whoever has taken over a node could write anything into its object. */
export const LARGEST_REPORT = 4096;

const SUFFIX = '.json';
const SHA256 = /^[0-9a-f]{64}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/;

/** The key of a node's report. */
export function reportKey(node: string): string {
  return `${REPORTS}${node}${SUFFIX}`;
}

/** The node whose report a key is; undefined for any other key. */
export function reportingNode(key: string): string | undefined {
  return key.startsWith(REPORTS) && key.endsWith(SUFFIX) ? key.slice(REPORTS.length, -SUFFIX.length) : undefined;
}

/** The text of a report. */
export function renderReport({ live, at }: LiveReport): string {
  return JSON.stringify({ live, at });
}

/**
 * Reads a report; undefined for anything that is not one.
 *
 * Further keys are left unread, so that a newer agent may say more. What is returned is safe to print: both texts have a fixed form.
 */
export function readReport(text: string): LiveReport | undefined {
  if (text.length > LARGEST_REPORT) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const { live, at } = value as Record<string, unknown>;
  if (typeof live !== 'string' || !isSha256(live)) return undefined;
  if (typeof at !== 'string' || !INSTANT.test(at) || Number.isNaN(Date.parse(at))) return undefined;
  return { live, at };
}

/** Whether a text is a SHA-256 the way all our objects are named by it. */
export function isSha256(text: string): boolean {
  return SHA256.test(text);
}
