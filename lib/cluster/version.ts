import { acceptVersion, DEFAULT_VERSION, formatVersion } from '../config/version';

/**
 * A ClickHouse release to run.
 *
 * Releases in which anyone who reaches the server can run code without logging in are refused at synthesis, by a table in the code
 * that names the CVE (`lib/config/version.ts`).
 *
 * @see https://clickhouse.com/docs/whats-new/security-changelog
 */
export class ClickHouseVersion {
  /** 26.8 LTS, at the first release without a known unauthenticated remote code execution. */
  public static readonly V26_8_LTS = ClickHouseVersion.of(DEFAULT_VERSION);

  /**
   * Another release, by its full number.
   *
   * @param fullVersion such as `26.8.36.3` or `26.8.36.3-lts`; partial numbers are refused, because they install something else tomorrow
   */
  public static of(fullVersion: string): ClickHouseVersion {
    return new ClickHouseVersion(formatVersion(acceptVersion(fullVersion)));
  }

  /** The full number without the channel, such as `26.8.36.3`. */
  public readonly fullVersion: string;

  private constructor(fullVersion: string) {
    this.fullVersion = fullVersion;
  }
}
