import * as fc from 'fast-check';
import { ConfigurationError } from '../../lib/config/error';
import type { SourceGrantModel } from '../../lib/config/sources';
import { sourceHost, sourceStatements } from '../../lib/config/sources';
import { codeOf } from './oracle';

const FEEDS: SourceGrantModel = { source: 'URL', access: ['READ'], urlPrefix: 'https://feeds.example.com/daily/' };
const BUCKET: SourceGrantModel = { source: 'S3', access: ['READ', 'WRITE'], urlPrefix: 'https://events-export.s3.eu-central-1.amazonaws.com/v1.0/' };

test.each<[SourceGrantModel, string]>([
  [FEEDS, "GRANT READ ON URL('https://feeds[.]example[.]com/daily/(?:[.]?[A-Za-z0-9_~/=+-])*')"],
  [{ ...FEEDS, access: ['WRITE', 'READ', 'WRITE'], urlPrefix: 'https://feeds.example.com:8443/' }, "GRANT READ, WRITE ON URL('https://feeds[.]example[.]com:8443/(?:[.]?[A-Za-z0-9_~/=+-])*')"],
  [BUCKET, "GRANT READ, WRITE ON S3('https://events-export[.]s3[.]eu-central-1[.]amazonaws[.]com/v1[.]0/(?:[.]?(?:[A-Za-z0-9_~/=+-]|%2A|%2C|%7B|%7D))*')"],
])('%j', (grant, statement) => {
  // without temporary tables ClickHouse lets nobody use a table function.
  expect(sourceStatements(grant)).toEqual([statement, 'GRANT CREATE TEMPORARY TABLE ON *.*']);
});

/** The pattern as the engine would match it: against the whole address. */
function matches(grant: SourceGrantModel, address: string): boolean {
  const [, pattern = ''] = /\('(.*)'\)/.exec(sourceStatements(grant)[0] ?? '') ?? [];
  return new RegExp(`^(?:${pattern})$`, 's').test(address);
}

test('matches what is below the address', () => {
  for (const rest of ['', 'a', 'a/b.csv', 'day=1/part-0.parquet', 'a+b~c_d', 'a.b.c', '.a']) expect([rest, matches(FEEDS, FEEDS.urlPrefix + rest)]).toEqual([rest, true]);
  // how ClickHouse writes a{b,c}*.
  for (const rest of ['%7Bb%2Cc%7D', '%2A', '%2A%2A/x']) expect([rest, matches(BUCKET, BUCKET.urlPrefix + rest), matches(FEEDS, FEEDS.urlPrefix + rest)]).toEqual([rest, true, false]);
});

test.each([
  'https://feeds.example.com/daily', 'https://feeds.example.com/', 'https://feeds.example.com/dailyx/', 'https://feeds.example.com/Daily/x', 'http://feeds.example.com/daily/x', 'https://feeds.example.com:8443/daily/x',
  'https://feedsxexample.com/daily/x', 'https://feeds.example.com.evil.example/daily/x', 'https://evil.example/https://feeds.example.com/daily/x', 'https://feeds.example.com@evil.example/daily/x',
  'https://evil@feeds.example.com/daily/x', 'xhttps://feeds.example.com/daily/x', ' https://feeds.example.com/daily/x', 'https://feeds.example.com/daily/x|https://evil.example/', 'https://feeds.example.com/daily/x%7Chttps://evil.example/',
  'https://feeds.example.com/daily/x?y', 'https://feeds.example.com/daily/x#y', 'https://feeds.example.com/daily/x@y', 'https://feeds.example.com/daily/%2e%2e/x', 'https://feeds.example.com/daily/%252e%252e/x', 'https://feeds.example.com/daily/x\n',
  'https://feeds.example.com/daily/x\\y', 'https://feeds.example.com/daily/../x', 'https://feeds.example.com/daily/a..b', 'https://feeds.example.com/daily/a.', 'https://feeds.example.com/daily/..', 'https://feeds.example.com/daily/x;y', 'https://feeds.example.com/daily/x y', 'https://feeds.example.com/daily/é', '',
])('does not match %j', (address) => {
  expect(matches(FEEDS, address)).toBe(false);
});

test('a pattern matches nothing that does not begin with its address, whatever the address', () => {
  const label = fc.stringMatching(/^[a-z]([a-z0-9-]{0,5}[a-z0-9])?$/);
  const segment = fc.stringMatching(/^[A-Za-z0-9_~.=+-]{1,6}$/).filter((each) => !/^\.\.?$/.test(each));
  const prefix = fc.tuple(fc.array(label, { minLength: 2, maxLength: 4 }), fc.array(segment, { maxLength: 3 })).map(([host, path]) => `https://${host.join('.')}/${path.map((each) => `${each}/`).join('')}`);
  fc.assert(fc.property(prefix, fc.boolean(), fc.nat(), fc.string({ minLength: 1, maxLength: 1, unit: 'binary' }), (address, s3, at, other) => {
    const urlPrefix = s3 ? address.replace(/^https:\/\/[^/]*/, 'https://my-bucket.s3.eu-central-1.amazonaws.com') : address;
    const grant = { source: s3 ? 'S3' : 'URL', access: ['READ'], urlPrefix };
    if (codeOf(() => sourceStatements(grant)) === 'SourcePrefix') return;
    const index = at % urlPrefix.length;
    const near = urlPrefix.slice(0, index) + other + urlPrefix.slice(index + 1) + 'x';
    expect([near, matches(grant, near)]).toEqual([near, near.startsWith(urlPrefix)]);
    expect(matches(grant, urlPrefix.slice(0, index) + 'x')).toBe(false);
  }));
});

test('any text is an address or an error', () => {
  const text = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('https://', 'a.b', '/', "'", '`', '\\', ')', '|', '.', '..', '@', ':', '1', '*', '%', '\n', '[', '(', '$') }));
  fc.assert(fc.property(text, fc.boolean(), (rest, whole) => {
    try {
      const [statement] = sourceStatements({ ...FEEDS, urlPrefix: whole ? rest : `https://feeds.example.com/${rest}` });
      expect(statement).toMatch(/^GRANT READ ON URL\('https:\/\/[A-Za-z0-9_~.=+/[\]:-]+\/\(\?:\[\.\]\?\[A-Za-z0-9_~\/=\+-\]\)\*'\)$/);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigurationError);
    }
  }));
});

test.each([
  'FILE', 'SQLITE', 'REMOTE', 'MYSQL', 'POSTGRES', 'MONGO', 'REDIS', 'KAFKA', 'NATS', 'RABBITMQ', 'JDBC', 'ODBC', 'HIVE', 'HDFS', 'AZURE',
])('%s is refused with a reason', (source) => {
  expect(codeOf(() => sourceStatements({ ...FEEDS, source }))).toBe('Source');
  expect(() => sourceStatements({ ...FEEDS, source })).toThrow(/cannot be granted: .{20}/);
});

test.each<[string, Partial<SourceGrantModel>, string]>([
  ...['', 'url', 'URL ', '*', 'EXECUTABLE', 'SOURCES', "URL('.*')", 'toString', '__proto__'].map((source): [string, Partial<SourceGrantModel>, string] => [`the source ${JSON.stringify(source)}`, { source }, 'Source']),
  ['no access', { access: [] }, 'SourceAccess'],
  ['another access', { access: ['READ', 'ALL'] }, 'SourceAccess'],
  ['the default port', { urlPrefix: 'https://feeds.example.com:443/' }, 'SourcePrefix'],
  ...[
    'https://s3.eu-central-1.amazonaws.com/', 'https://s3-eu-west-1.amazonaws.com/', 'https://s3.eu-central-1.amazonaws.com/my-bucket/', 'https://my-bucket.s3.amazonaws.com/', 'https://my.bucket.s3.eu-central-1.amazonaws.com/',
    'https://my-bucket.s3.eu-central-1.amazonaws.com.evil.example/', 'https://my-bucket.s3.eu-central-1.amazonaws.com:8443/', 'https://storage.example.com/my-bucket/', 'https://my-bucket.s3.evil.example/', 'https://-b.s3.eu-central-1.amazonaws.com/',
  ].map((urlPrefix): [string, Partial<SourceGrantModel>, string] => [`the S3 address ${urlPrefix}`, { source: 'S3', urlPrefix }, 'SourcePrefix']),
  ...[
    'https://s3.eu-central-1.amazonaws.com/my-bucket/', 'https://s3-eu-west-1.amazonaws.com/my-bucket/', 'https://my-bucket.s3.eu-central-1.amazonaws.com/', 'https://my-bucket.s3-eu-west-1.amazonaws.com/', 'https://s3.dualstack.eu-central-1.amazonaws.com/b/',
    'https://my-bucket.s3.amazonaws.com/', 'https://s3.amazonaws.com/b/', 'https://my-bucket.s3.cn-north-1.amazonaws.com.cn/', 'https://my-bucket.s3-accelerate.amazonaws.com/', 'https://x.s3-accesspoint.eu-west-1.amazonaws.com/',
  ].map((urlPrefix): [string, Partial<SourceGrantModel>, string] => [`S3 through URL: ${urlPrefix}`, { urlPrefix }, 'SourcePrefix']),
  ...[
    '', 'https://', 'https:///', 'feeds.example.com/', 'http://feeds.example.com/', 's3://bucket/', 'file:///etc/', 'HTTPS://feeds.example.com/', 'https://feeds.example.com', 'https://feeds.example.com/daily', 'https://Feeds.example.com/',
    'https://localhost/', 'https://169.254.169.254/', 'https://0x7f.1/', 'https://[::1]/', 'https://a@feeds.example.com/', 'https://a:b@feeds.example.com/', 'https://.example.com/', 'https://*.example.com/', 'https://feeds..example.com/',
    'https://feeds.example.com./', 'https://feeds.example.com:0/', 'https://feeds.example.com:65536/', 'https://feeds.example.com:/', 'https://feeds.example.com/../', 'https://feeds.example.com/./', 'https://feeds.example.com//', 'https://feeds.example.com/a b/',
    'https://feeds.example.com/%2e/', 'https://feeds.example.com/.*/', "https://feeds.example.com/')/", 'https://feeds.example.com/a|b/', 'https://feeds.example.com/?a/', 'https://feeds.example.com/\n',
  ].map((urlPrefix): [string, Partial<SourceGrantModel>, string] => [`the address ${JSON.stringify(urlPrefix)}`, { urlPrefix }, 'SourcePrefix']),
  ['no address', { urlPrefix: undefined }, 'SourcePrefix'],
])('%s is refused', (_, change, code) => {
  expect(codeOf(() => sourceStatements({ ...FEEDS, ...change }))).toBe(code);
});

test.each(['https://exports-1.s3.eu-central-1.amazonaws.com/', 'https://exports.s3.us-gov-west-1.amazonaws.com/a/b/', 'https://exports.s3.cn-north-1.amazonaws.com.cn/'])('%s is a bucket', (urlPrefix) => {
  expect(() => sourceStatements({ ...BUCKET, urlPrefix })).not.toThrow();
});

test('the host is written as the list of hosts writes it', () => {
  expect(sourceHost(FEEDS)).toBe('feeds.example.com');
  expect(sourceHost({ ...FEEDS, urlPrefix: 'https://feeds.example.com:8443/' })).toBe('feeds.example.com:8443');
});
