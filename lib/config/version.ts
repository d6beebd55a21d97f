import { ConfigurationError } from './error';

/** A ClickHouse release: `26.8.36.3` is year 26, month 8, patch 36, build 3. */
export interface Version {
  readonly year: number;
  readonly month: number;
  readonly patch: number;
  readonly build: number;
}

/** Something that lets whoever reaches the server run code on it without logging in. */
export interface Vulnerability {
  readonly cve: string;
  /** the oldest release that has the fix and is not older than the one asked about. */
  readonly fixedIn: string;
  readonly link: string;
}

/** What is installed unless the user says otherwise: the newest LTS line, at its first release without a known vulnerability. */
export const DEFAULT_VERSION = '26.8.36.3';

/**
 * The first line whose users.xml reads several password hashes per user (`<auth_methods>`), without which a password cannot be rotated without refusing logins.
 *
 * @see https://clickhouse.com/docs/operations/settings/settings-users
 */
export const FEATURE_FLOOR = '26.4';

interface KnownVulnerability {
  readonly cve: string;
  readonly link: string;
  /** the first fixed release of every line that got the fix, oldest first. Lines between and before them have none; lines after the last are born with it. */
  readonly fixed: readonly string[];
}

/**
 * Remote code execution without authentication.
 *
 * Older ones (CVE-2024-6873, CVE-2023-47118, CVE-2023-48298, CVE-2023-48704) are fixed in lines that this one leaves vulnerable, so they would never be reached.
 */
const KNOWN: readonly KnownVulnerability[] = [
  {
    // an HTTP request body is decoded before the login; https://clickhouse.com/docs/whats-new/security-changelog
    cve: 'CVE-2026-116366',
    link: 'https://www.cve.org/CVERecord?id=CVE-2026-116366',
    fixed: ['26.3.62.3', '26.8.36.3', '26.9.27.3', '26.10.3.7'],
  },
];

const SHAPE = /^([0-9]{2})\.([1-9][0-9]?)\.([1-9][0-9]{0,5})\.([0-9]{1,6})(?:-(?:lts|stable))?$/;

/** Reads a full version. The channel that ClickHouse adds to its tags and package directories (`-lts`, `-stable`) may be there and means nothing. */
export function parseVersion(text: string): Version {
  const [, year, month, patch, build] = (SHAPE.exec(text) ?? []).map(Number);
  if (year === undefined || month === undefined || patch === undefined || build === undefined || month > 12) {
    throw new ConfigurationError('Version', `a ClickHouse version must be complete, such as ${DEFAULT_VERSION}, got ${JSON.stringify(text)}; 'latest' and partial versions install something else tomorrow`);
  }
  return { year, month, patch, build };
}

/** The version without its channel: the name packages have. */
export function formatVersion(version: Version): string {
  return `${version.year}.${version.month}.${version.patch}.${version.build}`;
}

/** Negative when `a` is older than `b`, zero when they are the same, positive when it is newer. */
export function compareVersions(a: Version, b: Version): number {
  return a.year - b.year || a.month - b.month || a.patch - b.patch || a.build - b.build;
}

/** The known vulnerability of a version, if it has one. Throws for what is not a full version. */
export function knownVulnerability(version: string | Version): Vulnerability | undefined {
  const asked = typeof version === 'string' ? parseVersion(version) : version;
  for (const { cve, link, fixed } of KNOWN) {
    const fixes = fixed.map(parseVersion);
    const newest = fixes[fixes.length - 1];
    const ownLine = fixes.find((fix) => sameLine(fix, asked));
    const afterAll = newest !== undefined && compareLines(asked, newest) > 0;
    if (afterAll || (ownLine !== undefined && compareVersions(asked, ownLine) >= 0)) continue;
    const next = fixes.find((fix) => compareLines(fix, asked) >= 0);
    if (next !== undefined) return { cve, link, fixedIn: formatVersion(next) };
  }
  return undefined;
}

/** Whether users can have several password hashes. */
export function hasAuthMethods(version: string | Version): boolean {
  const asked = typeof version === 'string' ? parseVersion(version) : version;
  const [year = 0, month = 0] = FEATURE_FLOOR.split('.').map(Number);
  return compareLines(asked, { year, month }) >= 0;
}

/** Reads a version that a cluster is to run: complete, without known unauthenticated remote code execution, and new enough for what we render. */
export function acceptVersion(text: string): Version {
  const version = parseVersion(text);
  const vulnerability = knownVulnerability(version);
  if (vulnerability !== undefined) {
    throw new ConfigurationError(
      'VulnerableVersion',
      `ClickHouse ${formatVersion(version)} lets anyone who reaches it run code without logging in (${vulnerability.cve}, ${vulnerability.link}); use ${vulnerability.fixedIn} or newer, such as ${DEFAULT_VERSION}`,
    );
  }
  if (!hasAuthMethods(version)) {
    throw new ConfigurationError('OldVersion', `ClickHouse ${formatVersion(version)} cannot hold two passwords per user, which rotation needs; use ${FEATURE_FLOOR} or newer, such as ${DEFAULT_VERSION}`);
  }
  return version;
}

type Line = Pick<Version, 'year' | 'month'>;

function sameLine(a: Line, b: Line): boolean {
  return compareLines(a, b) === 0;
}

function compareLines(a: Line, b: Line): number {
  return a.year - b.year || a.month - b.month;
}
