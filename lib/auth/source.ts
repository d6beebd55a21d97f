import type { SourceGrantModel } from '../config/sources';

/**
 * Somewhere else than a table that queries can read from or write to, below an address. The host must be among `remoteUrlAllowHosts` of
 * the cluster's settings as well.
 *
 * @see https://clickhouse.com/docs/sql-reference/statements/grant#source-filter-grants
 */
export class Source {
  /**
   * Everything below a web address, for the `url` functions.
   *
   * @param urlPrefix `https://`, an exact host name and a path that ends in `/`, such as `https://feeds.example.com/daily/`
   */
  public static url(urlPrefix: string): Source {
    return new Source('URL', urlPrefix);
  }

  /**
   * Everything below the address of a bucket, for the `s3` functions.
   *
   * @param urlPrefix such as `https://feeds.s3.eu-west-1.amazonaws.com/daily/`
   */
  public static s3(urlPrefix: string): Source {
    return new Source('S3', urlPrefix);
  }

  private readonly kind: string;
  private readonly urlPrefix: string;

  private constructor(kind: string, urlPrefix: string) {
    this.kind = kind;
    this.urlPrefix = urlPrefix;
  }

  /** @internal */
  public _target(): Pick<SourceGrantModel, 'source' | 'urlPrefix'> {
    return { source: this.kind, urlPrefix: this.urlPrefix };
  }
}
