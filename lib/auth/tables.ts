import type { GrantModel } from '../config/grants';

/** Tables of a database that a grant is about. From `ClickHouseDatabase.tables`. */
export class Tables {
  private readonly database: string;
  private readonly pattern: string;

  /** @internal */
  constructor(database: string, pattern: string) {
    this.database = database;
    this.pattern = pattern;
  }

  /**
   * As a grant says it: every table (`*`), those that start alike (`raw_*`), or one.
   *
   * @internal
   */
  public _target(): Omit<GrantModel, 'privileges'> {
    const { database, pattern } = this;
    if (pattern === '*') return { database };
    return pattern.endsWith('*') ? { database, tablePrefix: pattern.slice(0, -1) } : { database, table: pattern };
  }
}
