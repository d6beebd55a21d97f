import { gunzipSync } from 'node:zlib';

// said of a server and never of a client.
const SERVER = [
  /clickhouse[- ](?:server|keeper|common-static)\b/i,
  /\bclickhouse\s+(?:start|install)\b/i,
  /\/var\/lib\/clickhouse\b/i,
  /\/etc\/clickhouse-(?:server|keeper)\b/i,
  // the documented one-line installer; https://clickhouse.com/docs/install
  /https?:\/\/(?:www\.)?clickhouse\.com\/?["']?\s*\|/i,
];

// what a client, a comment or a package repository says; it proves nothing about this machine.
const NOT_A_SERVER = [
  /^[ \t]*#(?!!).*$/gm,
  /clickhouse[-_](?:client|connect|driver|go|java|js|jdbc|odbc|cli|exporter|operator|proxy)\b[\w.=-]*/gi,
  /@clickhouse\/[\w-]+/gi,
  /\bpip3?\s+install\b.*$/gim,
  /\b\w*clickhouse_\w+["']?\s*[=:]\s*\S*/gi,
  // a URL whose host or scheme has the name; a path that has it (a script to run, an archive to unpack) still counts.
  /\b(?:https?|tcp|jdbc:clickhouse|jdbc:ch):\/\/[^\s/"']*clickhouse[^\s/"']*\S*/gi,
  /\bclickhouse(?:s|\+\w+)?:\/\/\S*/gi,
  /[\w.-]*clickhouse[\w.-]*(?::\d{4,5}\b|\.(?:internal|local|cloud|com|net|io|org)\b)/gi,
  /\bclickhouse(?:-\w+)?\.(?:list|repo|asc|gpg)\b|clickhouse-keyring[\w.-]*/gi,
];

/**
 * What in a machine's start-up script says that it becomes a ClickHouse server, or undefined.
 *
 * Any mention counts unless it is one that a client makes, so an installation in a way we never saw is found, while an application that
 * is merely told where its database is is left alone.
 */
export function serverEvidence(script: string): string | undefined {
  if (!/clickhouse/i.test(script)) return undefined;
  const effective = script.replace(/^[ \t]*#(?!!).*$/gm, '');
  for (const pattern of SERVER) {
    const [found] = pattern.exec(effective) ?? [];
    if (found !== undefined) return found.trim();
  }
  const rest = NOT_A_SERVER.reduce((text, pattern) => text.replace(pattern, ' '), effective);
  const [left] = /\S*clickhouse\S*/i.exec(rest) ?? [];
  return left?.slice(0, 80);
}

const BASE64 = /^[A-Za-z0-9+/\s]+={0,2}\s*$/;

/** A start-up script as EC2 is given it: base64 where it is a literal, perhaps compressed, as cloud-init allows. */
export function decodeUserData(text: string): string {
  if (!BASE64.test(text)) return text;
  const bytes = Buffer.from(text, 'base64');
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return `${text}\n${bytes.toString('utf8')}`;
  try {
    // EC2 takes 16 KiB of user data; what unpacks to more than this is not a script.
    return gunzipSync(bytes, { maxOutputLength: 4 << 20 }).toString('utf8');
  } catch {
    return text;
  }
}

/** A container image by its parts. */
export interface Image {
  readonly repository: string;
  readonly tag?: string;
}

/** Splits `registry:5000/owner/name:tag@digest`. */
export function parseImage(text: string): Image {
  const [name = ''] = text.trim().split('@');
  const [, repository = '', tag] = /^(.*?)(?::([^:/]+))?$/.exec(name) ?? [];
  return { repository, tag };
}

/** Whether an image is a ClickHouse server or Keeper, by its own name: owners and registries are many, tools around ClickHouse too. */
export function isServerImage(text: string): boolean {
  const name = parseImage(text).repository.split('/').pop() ?? '';
  return /clickhouse/i.test(name) && !/(?:client|connect|exporter|backup|operator|proxy|bridge|ui|migrat|loader|sink|monitor|grafana)/i.test(name.replace(/clickhouse/gi, ''));
}
