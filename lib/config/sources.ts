import { ConfigurationError } from './error';

/**
 * That a user's queries may read from or write to somewhere else than a table, below an address.
 *
 * The host must be among `remoteUrlAllowHosts` of the server settings as well: that list is about what the servers reach, a grant about who
 * may ask them to.
 *
 * The user may also create temporary tables, without which ClickHouse lets nobody use a table function.
 *
 * @see https://clickhouse.com/docs/sql-reference/statements/grant#source-filter-grants
 */
export interface SourceGrantModel {
  /** `URL` (the `url` functions) or `S3` (the `s3`, `gcs`, `iceberg` and `deltaLake` functions). */
  readonly source: string;
  /** `READ`, `WRITE` or both. */
  readonly access: string[];
  /**
   * What may be reached: everything below this address. `https://`, an exact host name, and a path that ends in `/`. An S3 address has its
   * bucket in the host: `https://<bucket>.s3.<region>.amazonaws.com/`.
   *
   * The host is what holds. A path holds as far as the site reads dots in it as everybody does, because ClickHouse compares the address in
   * its normal form and sends it as the query wrote it. Where several sites answer under one address (behind a content delivery network,
   * say), a `Host` header that the query sets chooses between them; grant addresses that belong to one site.
   */
  readonly urlPrefix: string;
}

/**
 * What may follow the prefix, by source. ClickHouse puts an address into its normal form (case, dots, percent signs) and matches the whole
 * of it against the pattern, so what is not listed is refused: `|` in particular, behind which `url` takes a second address to fall back
 * to, two dots in a row, `?`, `#`, `@` and any other percent sign.
 *
 * For S3 the characters of globs are listed in their normal form. They choose between keys that begin with the prefix; for `url` they would
 * be one request each.
 *
 * @see https://github.com/ClickHouse/ClickHouse/pull/84503
 * @see https://github.com/ClickHouse/ClickHouse/pull/88089
 */
const REST: Readonly<Record<string, string>> = {
  URL: '(?:[.]?[A-Za-z0-9_~/=+-])*',
  S3: '(?:[.]?(?:[A-Za-z0-9_~/=+-]|%2A|%2C|%7B|%7D))*',
};

const LOCAL = 'it is on the machine itself, where the certificates and the data of everybody are';
const UNFILTERED = 'ClickHouse cannot limit it to a host, so it would be a grant on every host that any user may reach (https://github.com/ClickHouse/ClickHouse/issues/95555)';
const PROGRAM = 'it runs a driver outside of the server';

/** Sources that are refused, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  FILE: LOCAL, SQLITE: LOCAL,
  REMOTE: UNFILTERED, MYSQL: UNFILTERED, POSTGRES: UNFILTERED, MONGO: UNFILTERED, REDIS: UNFILTERED, KAFKA: UNFILTERED, NATS: UNFILTERED, RABBITMQ: UNFILTERED,
  JDBC: PROGRAM, ODBC: PROGRAM, HIVE: PROGRAM, HDFS: UNFILTERED,
  AZURE: 'its addresses may be connection strings with a key in them',
};

const ACCESS = ['READ', 'WRITE'];

// the bucket is in the host and has no dot. In the path it would not hold: `/other/../bucket/` has the normal form of `/bucket/`, and what is
// asked for is the bucket `other`. https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
const BUCKET = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]\.s3\.[a-z]{2}(?:-[a-z]+)+-[1-9]\.amazonaws\.com(?:\.cn)?$/;
// S3 in any spelling.
const S3_HOST = /(?:^|\.)s3(?:[.-][a-z0-9.-]*)?\.amazonaws\.com(?:\.cn)?$/;

// a host name of at least two labels whose last is no number: an address would be the metadata service's, or change its owner.
const PREFIX = /^https:\/\/((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)(:[1-9][0-9]{0,4})?\/((?:[A-Za-z0-9_~.=+-]+\/)*)$/;

/** Renders a grant on a source as the statements that stand in a user's document. */
export function sourceStatements(grant: SourceGrantModel): string[] {
  const rest = Object.hasOwn(REST, grant.source) ? REST[grant.source] : undefined;
  if (rest === undefined) {
    const why = Object.hasOwn(REFUSED, grant.source) ? `: ${REFUSED[grant.source]}` : '';
    throw new ConfigurationError('Source', `the source ${JSON.stringify(grant.source)} cannot be granted${why}; grantable are ${Object.keys(REST).join(', ')}`);
  }
  if (!Array.isArray(grant.access) || grant.access.length === 0 || !grant.access.every((each) => ACCESS.includes(each))) {
    throw new ConfigurationError('SourceAccess', `the access to a source must be READ, WRITE or both, got ${JSON.stringify(grant.access)}`);
  }
  const { host, path } = parsePrefix(grant);
  const access = ACCESS.filter((each) => grant.access.includes(each)).join(', ');
  const prefix = `${host}/${path}`.replace(/[.+]/g, '[$&]');
  // the second because of https://clickhouse.com/docs/sql-reference/table-functions: a table function makes a temporary table.
  return [`GRANT ${access} ON ${grant.source}('https://${prefix}${rest}')`, 'GRANT CREATE TEMPORARY TABLE ON *.*'];
}

/** The host of a source, and its port unless it is the default one, as `remoteUrlAllowHosts` writes them. */
export function sourceHost(grant: SourceGrantModel): string {
  return parsePrefix(grant).host;
}

function parsePrefix({ source, urlPrefix }: SourceGrantModel): { readonly host: string; readonly path: string } {
  const [, name = '', port = '', path = ''] = (typeof urlPrefix === 'string' ? PREFIX.exec(urlPrefix) : undefined) ?? [];
  const wanted = "https://, a lower-case host name, optionally a port, and a path that ends in '/', of letters, digits and _ ~ . = + -, such as https://feeds.example.com/daily/";
  if (name === '' || name.length > 253 || Number(port.slice(1)) > 65_535 || path.split('/').some((segment) => /^\.\.?$/.test(segment))) {
    throw new ConfigurationError('SourcePrefix', `the address of a source must be ${wanted}; got ${JSON.stringify(urlPrefix)}`);
  }
  if (port === ':443') {
    throw new ConfigurationError('SourcePrefix', `the address of a source must not name the default port, which ClickHouse leaves out when it compares, got ${JSON.stringify(urlPrefix)}; remove ':443'`);
  }
  if (source === 'S3' && (!BUCKET.test(name) || port !== '')) {
    throw new ConfigurationError('SourcePrefix', `the address of an S3 source must have its bucket in the host, such as https://my-bucket.s3.eu-central-1.amazonaws.com/exports/, got ${JSON.stringify(urlPrefix)}; as a part of the path it could be left again`);
  }
  if (source !== 'S3' && S3_HOST.test(name)) {
    throw new ConfigurationError('SourcePrefix', `the address ${JSON.stringify(urlPrefix)} is one of S3, where a header chooses the bucket; grant the source S3 instead`);
  }
  return { host: name + port, path };
}
