import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { ClusterModel } from '../../lib/config/manifests';
import { PATHS } from '../../lib/config/paths';
import { DENIED, IMPATIENT } from './attacks';
import type { Documents, Engine } from './engine';
import { describeEngine, startEngine } from './engine';
import { cluster, hashesOf, login, nodeValues, serverDocuments } from './rendered';

const HOST = 'feeds.example.com';
const BELOW = `https://${HOST}/daily/`;
const BUCKET_HOST = 'exports.s3.eu-central-1.amazonaws.com';
const TABLES = { privileges: ['SELECT', 'INSERT', 'CREATE TABLE', 'CREATE VIEW'], database: 'events' };

const MODEL: ClusterModel = {
  ...cluster(),
  databases: ['events'],
  settings: { remoteUrlAllowHosts: [HOST, BUCKET_HOST, 'exports.s3.eu-west-1.amazonaws.com'] },
  roles: [{ name: 'fetchers', grants: [{ source: 'URL', access: ['READ'], urlPrefix: BELOW }] }],
  users: [
    { name: 'reader', grants: [TABLES, { source: 'URL', access: ['READ'], urlPrefix: BELOW }] },
    { name: 'writer', grants: [TABLES, { source: 'URL', access: ['WRITE'], urlPrefix: BELOW }] },
    { name: 'both', grants: [TABLES, { source: 'URL', access: ['READ', 'WRITE'], urlPrefix: BELOW }] },
    { name: 'bucket', grants: [TABLES, { source: 'S3', access: ['READ', 'WRITE'], urlPrefix: `https://${BUCKET_HOST}/daily/` }] },
    { name: 'real-bucket', grants: [TABLES, { source: 'S3', access: ['READ', 'WRITE'], urlPrefix: 'https://exports.s3.eu-west-1.amazonaws.com/daily/' }] },
    { name: 'by-role', roles: ['fetchers'] },
    { name: 'careless', grants: [TABLES, { source: 'URL', access: ['READ'], urlPrefix: BELOW }] },
  ],
};

/** An HTTP server on loopback that remembers what it was asked for. */
interface Site {
  readonly port: number;
  readonly asked: string[];
  readonly hosts: string[];
  readonly server: Server;
}

function site(redirectTo?: () => number): Promise<Site> {
  const asked: string[] = [];
  const hosts: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    hosts.push(request.headers.host ?? '');
    if (request.url?.endsWith('/moved') && redirectTo) response.writeHead(302, { Location: `http://127.0.0.1:${redirectTo()}/elsewhere` });
    request.resume().on('end', () => response.end('1\n'));
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    resolve({ port: typeof address === 'object' && address !== null ? address.port : 0, asked, hosts, server });
  }));
}

/** Only loopback may be reached here, so the host of every pattern becomes the site's. Nothing else about the pattern is changed. */
function onLoopback(documents: Documents, { port }: Site): Documents {
  return Object.fromEntries(Object.entries(documents).map(([path, document]) => [path, document.replace(/https:\/\/(feeds\[\.\]example|exports\[\.\]s3\[\.\]eu-central-1\[\.\]amazonaws)\[\.\]com\//g, `http://127[.]0[.]0[.]1:${port}/`)]));
}

describeEngine('grants on sources', () => {
  let engine: Engine;
  let good: Site;
  let evil: Site;

  beforeAll(async () => {
    evil = await site();
    good = await site(() => evil.port);
    const documents = { ...onLoopback(serverDocuments(MODEL), good) };
    // the pattern that one would write by hand.
    const path = `${PATHS.usersConfigDirectory}/careless.xml`;
    documents[path] = (documents[path] ?? '').replace(/URL\('[^']*'\)/, `URL('http://127.0.0.1:${good.port}/daily/.*')`);
    engine = await startEngine({ documents, holes: nodeValues(hashesOf(MODEL)) });
    await engine.admin('CREATE DATABASE events');
  });

  afterAll(async () => {
    await engine?.stop();
    for (const each of [good, evil]) each?.server.close();
  });

  beforeEach(() => {
    for (const each of [good, evil]) each.asked.length = 0;
  });

  const run = (user: string, sql: string) => engine.query(sql, login(user), { settings: IMPATIENT });
  const below = (rest: string) => `http://127.0.0.1:${good.port}/daily/${rest}`;
  const read = (address: string, source = 'url') => `SELECT * FROM ${source}('${address}', 'CSV', 'n UInt8')`;
  const write = (address: string, source = 'url') => `INSERT INTO FUNCTION ${source}('${address}', 'CSV', 'n UInt8') VALUES (1)`;

  /** Addresses that are not below the one that is granted, and look as if they were. */
  const nearMisses = () => [
    `http://127.0.0.1:${good.port}/daily`, `http://127.0.0.1:${good.port}/`, `http://127.0.0.1:${good.port}/dailyx/a`, `http://127.0.0.1:${good.port}/Daily/a`,
    `https://127.0.0.1:${good.port}/daily/a`, `http://127.0.0.1/daily/a`, `http://127.0.0.1:${evil.port}/daily/a`, `http://127.0.0.1:${good.port}0/daily/a`, `http://127x0.0.1:${good.port}/daily/a`, `http://x127.0.0.1:${good.port}/daily/a`,
    `http://127.0.0.1.evil.example:${good.port}/daily/a`, `http://localhost:${good.port}/daily/a`, `http://2130706433:${good.port}/daily/a`,
    `http://127.0.0.1:${good.port}@127.0.0.1:${evil.port}/daily/a`, `http://u:p@127.0.0.1:${good.port}/daily/a`, `http://127.0.0.1:${evil.port}/http://127.0.0.1:${good.port}/daily/a`, `http://127.0.0.1:${evil.port}?http://127.0.0.1:${good.port}/daily/a`,
    `http://127.0.0.1:${evil.port}#http://127.0.0.1:${good.port}/daily/a`, ` http://127.0.0.1:${good.port}/daily/a`, `xhttp://127.0.0.1:${good.port}/daily/a`,
    below('../secret'), below('a/../../secret'), below('%2e%2e/secret'), below('%2E%2E%2Fsecret'), below('%252e%252e/secret'), below('..%5csecret'), below('./../secret'), below('..;/secret'),
    below(`a|http://127.0.0.1:${evil.port}/b`), `http://127.0.0.1:${evil.port}/b|${below('a')}`, `http://127.0.0.1:1/daily/a|http://127.0.0.1:${evil.port}/b`, below('{a,b}'), below('{1..3}'), below('a?b=c'), below('a#b'), below('a%00b'), below('a\\nb'), below('a b'), below('a..b'), below('a.'), below('%2561'),
  ];

  test('below the address is granted', async () => {
    for (const rest of ['a', 'a/b.csv', 'day=1/part-0.csv', 'a.b.c', '.a', 'a//b', './a', 'x/../a', '%61', '']) expect([rest, await run('reader', read(below(rest)))]).toMatchObject([rest, { status: 200, body: '1\n' }]);
    expect(await run('reader', read(`HTTP://127.0.0.1:${good.port}/daily/a`))).toMatchObject({ status: 200 });
    expect(await run('by-role', read(below('a')))).toMatchObject({ status: 200 });
    expect(good.asked.filter((asked) => !/ \/daily\//.test(asked))).toEqual([]);
    expect(evil.asked).toEqual([]);
  });

  test.each(['reader', 'both', 'by-role'])('nothing that looks like it is, to %s', async (user) => {
    for (const address of nearMisses()) {
      expect([address, (await run(user, read(address))).code]).toEqual([address, DENIED]);
      expect([address, (await run(user, `DESCRIBE url('${address}', 'CSV')`)).code]).toEqual([address, DENIED]);
    }
    expect([good.asked, evil.asked]).toEqual([[], []]);
  });

  test('the control: a pattern as one would write it lets through another host, and more', async () => {
    // the first address does not answer, so the second one is asked: what is granted is all of it.
    await run('careless', read(below(`gone{1}|http://127.0.0.1:${evil.port}/b`)));
    expect((await run('careless', read(`http://127x0.0.1:${good.port}/daily/a`))).code).not.toBe(DENIED);
    expect((await run('careless', read(below('{a,b}')))).code).not.toBe(DENIED);
    expect((await run('careless', read(below(`a|http://127.0.0.1:${evil.port}/b`)))).code).not.toBe(DENIED);
  });

  test('a redirect is not followed, and cannot be', async () => {
    expect(await run('reader', read(below('moved')))).toMatchObject({ code: 483 });
    expect(await run('reader', `${read(below('moved'))} SETTINGS max_http_get_redirects = 5`)).toMatchObject({ code: 452 });
    expect(evil.asked).toEqual([]);
  });

  test('reading is not writing, and writing is not reading', async () => {
    expect(await run('reader', write(below('a')))).toMatchObject({ code: DENIED });
    expect(await run('writer', read(below('a')))).toMatchObject({ code: DENIED });
    expect(await run('writer', write(below('a')))).toMatchObject({ status: 200 });
    expect(await run('both', write(below('a')))).toMatchObject({ status: 200 });
    for (const address of nearMisses()) expect([address, (await run('both', write(address))).code]).toEqual([address, DENIED]);
    expect(evil.asked).toEqual([]);
  });

  test('no other source and no other function comes along', async () => {
    for (const sql of [
      read(below('a'), 's3'), read(below('a'), 'gcs'), read(below('a'), 'deltaLake'), "SELECT * FROM file('/etc/passwd', LineAsString)", "SELECT * FROM remote('127.0.0.1:1', system.one)", "SELECT * FROM mysql('127.0.0.1:1', 'd', 't', 'u', 'p')",
      `SELECT * FROM urlCluster('events', 'http://127.0.0.1:${evil.port}/a', 'CSV', 'n UInt8')`, `SELECT * FROM executable('id', LineAsString, 'line String')`,
    ]) {
      // 1: there is no program to run.
      expect([sql, [DENIED, 1]]).toEqual([sql, expect.arrayContaining([(await run('reader', sql)).code]) as unknown]);
    }
    expect([good.asked, evil.asked]).toEqual([[], []]);
  });

  test('a table of the engine is not made, whatever its address: it would not be held to the grant', async () => {
    for (const user of ['reader', 'both', 'bucket']) {
      for (const engineOf of [`URL('${below('a')}', CSV)`, `URL('http://127.0.0.1:${evil.port}/a', CSV)`, `S3('${below('a')}', CSV)`]) {
        for (const kind of ['TABLE events.stolen', 'TEMPORARY TABLE stolen']) {
          const sql = `CREATE ${kind} (n UInt8) ENGINE = ${engineOf}`;
          expect([user, sql, (await run(user, sql)).code]).toEqual([user, sql, DENIED]);
        }
      }
    }
    for (const sql of [`CREATE TABLE events.stolen AS url('http://127.0.0.1:${evil.port}/a', 'CSV', 'n UInt8')`, `CREATE VIEW events.stolen AS ${read(`http://127.0.0.1:${evil.port}/a`)}`]) expect([sql, (await run('both', sql)).code]).toEqual([sql, DENIED]);
    expect([good.asked, evil.asked]).toEqual([[], []]);
  });

  test('what is made of a function is read by who may', async () => {
    expect(await run('both', `CREATE TABLE events.feed AS url('${below('a')}', 'CSV', 'n UInt8')`)).toMatchObject({ status: 200 });
    expect(await run('both', 'SELECT * FROM events.feed')).toMatchObject({ status: 200, body: '1\n' });
  });

  test('S3: keys below the address, with globs', async () => {
    for (const rest of ['a', 'b/c=1/x.csv', '{a,b}', '{a,b}.csv']) expect([rest, await run('bucket', read(below(rest), 's3'))]).toMatchObject([rest, { status: 200 }]);
    // 499: asks for the list of keys, which this site does not answer as S3 would.
    for (const rest of ['*', '**/x.csv']) expect([rest, (await run('bucket', read(below(rest), 's3'))).code]).toEqual([rest, 499]);
    expect(good.asked.filter((asked) => !/ \/daily(\/|\?list-type=2&max-keys=\d+&prefix=)/.test(asked))).toEqual([]);
    expect(await run('bucket', write(below('a'), 's3'))).not.toMatchObject({ code: DENIED });
  });

  test('S3: nothing that looks like it is', async () => {
    // some are not even addresses of S3, or not to this engine.
    for (const address of [...nearMisses(), `http://127.0.0.1:${good.port}/{daily,secret}/a`, `http://127.0.0.1:{${good.port},${evil.port}}/daily/a`, 's3://daily/a', 'gs://daily/a', below('{1..3}')].filter((each) => each !== below('{a,b}'))) {
      const { code } = await run('bucket', read(address, 's3'));
      expect([address, [DENIED, 36, 1000].includes(code)]).toEqual([address, true]);
    }
    // no bucket but the one whose name is in the host.
    for (const address of [
      'https://other.s3.eu-west-1.amazonaws.com/daily/a', 'https://s3.eu-west-1.amazonaws.com/exports/daily/a', 'https://s3.eu-west-1.amazonaws.com/daily/a', 'https://exports.s3.eu-west-2.amazonaws.com/daily/a', 'https://exports-s3.eu-west-1.amazonaws.com/daily/a',
      'https://exportsxs3.eu-west-1.amazonaws.com/daily/a', 'https://exports.s3.eu-west-1.amazonaws.com/secret/a', 'https://exports.s3.eu-west-1.amazonaws.com/daily/../secret/a', 'https://exports.s3.eu-west-1.amazonaws.com:8443/daily/a', 's3://exports/daily/a', 's3://exports/secret/a',
    ]) expect([address, (await run('real-bucket', read(address, 's3'))).code]).toEqual([address, DENIED]);
    expect([good.asked, evil.asked]).toEqual([[], []]);
  });

  /** Facts that the model rests on: kept here so that it is noticed when they change. */
  describe('what a pattern cannot hold', () => {
    test('a bucket in the path: what is compared is not what is asked for, so the model wants the bucket in the host', async () => {
      expect(await run('bucket', read(`http://127.0.0.1:${good.port}/other/../daily/a`, 's3'))).toMatchObject({ status: 200 });
      expect(good.asked).toContain('GET /other/../daily/a');
    });

    test('dots in a glob, which S3 reads as a part of the key', async () => {
      expect(await run('bucket', read(below('{a,../../secret/b}'), 's3'))).toMatchObject({ status: 200 });
      expect(good.asked).toContain('GET /daily/../../secret/b');
    });

    test('dots that the site does not read as everybody does', async () => {
      expect(await run('reader', read(`http://127.0.0.1:${good.port}/other/../daily/a`))).toMatchObject({ status: 200 });
      expect(good.asked).toContain('GET /other/../daily/a');
    });

    test.each(['reader', 'bucket'])('the Host header, of %s', async (user) => {
      const source = user === 'bucket' ? 's3' : 'url';
      expect(await run(user, `SELECT * FROM ${source}('${below('a')}', 'CSV', 'n UInt8', headers('Host' = 'other.example'))`)).toMatchObject({ status: 200 });
      expect(good.hosts).toContain('other.example');
    });
  });
});
