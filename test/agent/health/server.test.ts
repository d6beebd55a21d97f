import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createPlainServer } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { createServer as createSilentServer } from 'node:net';
import type { TLSSocket, TlsOptions } from 'node:tls';
import type { Listening, Rows, ServerListener } from '../../../lib/agent/health/server';
import { ask, isListening, queryAs } from '../../../lib/agent/health/server';
import type { NodeSecret } from '../../../lib/pki/node-secret';
import { Authority, HOST, ZONE } from '../certificates/authority';

const ADDRESS = '127.0.0.1';
const MAINTENANCE = { user: 'node_maintenance', password: 'invented-password-of-this-test-only' };

const authority = new Authority();
const stranger = new Authority();
const own = authority.issue({ ip: ADDRESS });

const listening: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of listening.splice(0)) await stop();
});
afterAll(() => [authority, stranger].forEach((each) => each.end()));

async function started(server: Server): Promise<ServerListener> {
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => sockets.add(socket)).on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
  listening.push(async () => {
    sockets.forEach((socket) => socket.destroy());
    await new Promise((resolve) => server.close(resolve));
  });
  return { address: ADDRESS, port: (server.address() as AddressInfo).port, host: HOST, bundle: authority.bundle };
}

/** A request as it arrived. */
interface Received {
  readonly url: string;
  readonly user?: string;
  readonly key?: string;
  readonly host?: string;
  readonly sql: string;
  readonly showsCertificate: boolean;
}

/** What a server answers to somebody. */
interface Said {
  readonly status: number;
  readonly code?: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const one: Said = { status: 200, body: '{"meta":[],"data":[[1]],"rows":1}' };
const failed: Said = { status: 403, code: 516, body: 'Code: 516. DB::Exception: x: Authentication failed. (AUTHENTICATION_FAILED) (version 26.8.36.3)' };
const challenged: Said = { status: 401, code: 194, body: 'Code: 194. DB::Exception: default: Authentication failed', headers: { 'WWW-Authenticate': 'Basic realm="ClickHouse server HTTP API"' } };

type Who = 'nobody' | 'default' | 'wrong' | 'maintenance';

function whoIs({ user, key }: Received): Who {
  if (user === undefined) return 'nobody';
  if (user === 'default') return 'default';
  return user === MAINTENANCE.user && key === MAINTENANCE.password ? 'maintenance' : 'wrong';
}

/** As ClickHouse is when everything is as it should be. */
const SECURE: Readonly<Record<Who, Said>> = { nobody: challenged, default: challenged, wrong: failed, maintenance: one };

function saying(answers: Readonly<Record<Who, Said>>, material: NodeSecret = own, options: TlsOptions = {}): { server: Server; received: Received[] } {
  const received: Received[] = [];
  const server = createServer({ cert: material.certificate, key: material.privateKey, requestCert: true, rejectUnauthorized: false, ...options }, (request, response) => {
    let sql = '';
    request.setEncoding('utf8').on('data', (text: string) => (sql += text));
    request.on('end', () => {
      const { 'x-clickhouse-user': user, 'x-clickhouse-key': key, host } = request.headers;
      const heard: Received = {
        url: request.url ?? '', sql, ...(host === undefined ? {} : { host }), ...(typeof user === 'string' ? { user } : {}), ...(typeof key === 'string' ? { key } : {}),
        showsCertificate: Object.keys((request.socket as TLSSocket).getPeerCertificate() ?? {}).length > 0,
      };
      received.push(heard);
      const { status, code, body = '', headers = {} } = answers[whoIs(heard)];
      response.writeHead(status, { ...headers, ...(code === undefined ? {} : { 'X-ClickHouse-Exception-Code': String(code) }) });
      response.end(body);
    });
  });
  return { server, received };
}

/** Answers whatever is asked. */
function answering(answer: (request: IncomingMessage, response: ServerResponse) => void, material: NodeSecret = own): Server {
  return createServer({ cert: material.certificate, key: material.privateKey }, answer);
}

describe('a server that is as it should be', () => {
  test.each<[string, TlsOptions]>([['TLS 1.3', {}], ['TLS 1.2', { maxVersion: 'TLSv1.2' }]])('answers, %s', async (_, options) => {
    const { server } = saying(SECURE, own, options);
    expect(await isListening(await started(server), MAINTENANCE)).toEqual({ kind: 'answers' });
  });

  test('is asked four ways, with no certificate, and the password is in a header of one of them and nowhere else', async () => {
    const { server, received } = saying(SECURE);
    await isListening(await started(server), MAINTENANCE);
    expect(received.map(whoIs).sort()).toEqual(['default', 'maintenance', 'nobody', 'wrong']);
    expect(received.every(({ url, sql, showsCertificate, host }) => url === '/?wait_end_of_query=1' && sql === 'SELECT 1' && !showsCertificate && host === HOST)).toBe(true);
    expect(JSON.stringify(received.map(({ url, sql, user }) => ({ url, sql, user })))).not.toContain(MAINTENANCE.password);
    expect(received.find((each) => whoIs(each) === 'default')?.key).toBeUndefined();
  });

  test('is asked one way, and leaves no failed login, in a look that is not thorough', async () => {
    const { server, received } = saying(SECURE);
    expect(await isListening(await started(server), MAINTENANCE, { thorough: false })).toEqual({ kind: 'answers' });
    expect(received.map(whoIs)).toEqual(['maintenance']);
  });

  test('is asked four ways in one that is', async () => {
    const { server, received } = saying(SECURE);
    expect(await isListening(await started(server), MAINTENANCE, { thorough: true, milliseconds: 2_000 })).toEqual({ kind: 'answers' });
    expect(received.map(whoIs).sort()).toEqual(['default', 'maintenance', 'nobody', 'wrong']);
  });

  test('is tried with another wrong password each time', async () => {
    const { server, received } = saying(SECURE);
    const listener = await started(server);
    for (let round = 0; round < 3; round += 1) await isListening(listener, MAINTENANCE);
    const wrong = received.filter((each) => whoIs(each) === 'wrong').map(({ key }) => key);
    expect(new Set(wrong).size).toBe(3);
    expect(wrong.every((key) => /^[0-9a-f]{48}$/.test(key ?? ''))).toBe(true);
  });
});

describe('a server that lets somebody in is open', () => {
  test.each<[string, Partial<Record<Who, Said>>, string]>([
    ['everybody', { nobody: one, default: one, wrong: one }, 'nobody'],
    ['somebody without any login', { nobody: one }, 'nobody'],
    ['default without a password', { default: one }, 'default'],
    ['the maintenance account with any password', { wrong: one }, 'wrong password'],
    ['default, with an answer that is nothing', { default: { status: 204 } }, 'default'],
    ['default, who may do nothing', { default: { status: 403, code: 497, body: 'Code: 497. DB::Exception: default: Not enough privileges. (ACCESS_DENIED)' } }, 'default'],
    ['default, and knows no maintenance account', { default: one, maintenance: failed }, 'default'],
    ['default, and does not work for the maintenance account', { default: one, maintenance: { status: 500, code: 241 } }, 'default'],
    ['nobody, while something is wrong with another stranger', { nobody: one, default: { status: 500 } }, 'nobody'],
  ])('%s', async (_, changes, who) => {
    expect(await isListening(await started(saying({ ...SECURE, ...changes }).server), MAINTENANCE)).toEqual({ kind: 'open', who });
    expect(await isListening(await started(saying({ ...SECURE, ...changes }).server), MAINTENANCE, { thorough: undefined })).toEqual({ kind: 'open', who });
  });

  test('even when it hangs up on the maintenance account', async () => {
    const listener = await started(answering((request, response) => {
      if (request.headers['x-clickhouse-user'] === undefined) response.end('1\n');
      else request.socket.destroy();
    }));
    expect(await isListening(listener, MAINTENANCE)).toEqual({ kind: 'open', who: 'nobody' });
  });
});

describe('nothing is proven by a server', () => {
  test.each<[string, Partial<Record<Who, Said>>, Listening]>([
    ['that refuses the maintenance account', { maintenance: failed }, { kind: 'refuses', reason: 'status 403, 516 AUTHENTICATION_FAILED' }],
    ['that fails the maintenance account', { maintenance: { status: 500, code: 241, body: 'Code: 241. DB::Exception: (total) memory limit. (MEMORY_LIMIT_EXCEEDED) (version 26.8.36.3)' } }, { kind: 'refuses', reason: 'status 500, 241 MEMORY_LIMIT_EXCEEDED' }],
    ['that answers something else than 1', { maintenance: { status: 200, body: '{"data":[[2]]}' } }, { kind: 'strange', reason: 'SELECT 1 is not 1' }],
    ['that answers no JSON', { maintenance: { status: 200, body: '1\n' } }, { kind: 'strange', reason: 'SELECT 1 is not 1' }],
    ['that sends the maintenance account elsewhere', { maintenance: { status: 302, headers: { Location: 'https://127.0.0.1:1/' } } }, { kind: 'refuses', reason: 'status 302' }],
    ['that sends strangers elsewhere', { nobody: { status: 307, headers: { Location: '/' } } }, { kind: 'strange', reason: "'nobody' was neither let in nor refused: status 307" }],
    ['that fails for strangers before it knows who they are', { default: { status: 500, code: 241 } }, { kind: 'strange', reason: "'default' was neither let in nor refused: status 500, 241" }],
    ['that refuses strangers as something else than ClickHouse', { wrong: { status: 403, body: 'Forbidden' } }, { kind: 'strange', reason: "'wrong password' was neither let in nor refused: status 403" }],
    ['that says a failed login is no error', { wrong: { status: 500, code: 516 } }, { kind: 'strange', reason: "'wrong password' was neither let in nor refused: status 500, 516" }],
  ])('%s', async (_, changes, expected) => {
    expect(await isListening(await started(saying({ ...SECURE, ...changes }).server), MAINTENANCE)).toEqual(expected);
    // what the account is told counts in any look, and what strangers are told in no other.
    const brief = await isListening(await started(saying({ ...SECURE, ...changes }).server), MAINTENANCE, { thorough: false });
    expect(brief).toEqual('maintenance' in changes ? expected : { kind: 'answers' });
  });
});

describe('who is not this node hears nothing', () => {
  test.each<[string, NodeSecret, TlsOptions, RegExp]>([
    ['of another authority of the same name', stranger.issue({ ip: ADDRESS }), {}, /CERT|VERIFY|ISSUER|SIGNATURE/],
    ['of another node at this address', authority.issue({ host: `server-1-2.${ZONE}`, names: [`server-1-2.${ZONE}`, ZONE], ip: ADDRESS }), {}, /ERR_TLS_CERT_ALTNAME_INVALID/],
    ['that is over', authority.issue({ ip: ADDRESS, days: -1 }), {}, /CERT_HAS_EXPIRED/],
    ['over TLS before 1.2', own, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }, /SSL|EPROTO/],
  ])('a certificate %s', async (_, material, options, reason) => {
    const { server, received } = saying({ ...SECURE, nobody: one, default: one }, material, options);
    const listener = await started(server);
    for (const thorough of [true, false]) expect(await isListening(listener, MAINTENANCE, { thorough })).toEqual({ kind: 'untrusted', reason: expect.stringMatching(reason) as string });
    expect(received).toEqual([]);
  });

  test('a server in plaintext', async () => {
    const received: unknown[] = [];
    const listener = await started(createPlainServer((request, response) => {
      received.push(request.headers);
      response.end('1\n');
    }));
    expect(await isListening(listener, MAINTENANCE)).toEqual({ kind: 'untrusted', reason: expect.stringMatching(/SSL|EPROTO/) as string });
    expect(received).toEqual([]);
  });

  test('somebody who says nothing', async () => {
    const listener = await started(createSilentServer(() => undefined));
    for (const thorough of [true, false]) expect(await isListening(listener, MAINTENANCE, { thorough, milliseconds: 100 })).toEqual({ kind: 'untrusted', reason: 'ETIMEDOUT' });
  });

  test('nobody', async () => {
    for (const thorough of [true, false]) expect(await isListening({ address: ADDRESS, port: 1, host: HOST, bundle: authority.bundle }, MAINTENANCE, { thorough })).toEqual({ kind: 'unreachable', reason: 'ECONNREFUSED' });
  });
});

describe('an answer', () => {
  const endless = (request: IncomingMessage, response: ServerResponse): void => {
    const flood = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536))) continue;
    };
    request.resume();
    response.on('drain', flood);
    flood();
  };

  test('has a size', async () => {
    await expect(queryAs(await started(answering(endless)), MAINTENANCE)('SELECT 1')).rejects.toThrow('the server is strange: it says too much');
  });

  test('may be as long as it may be', async () => {
    const listener = await started(answering((request, response) => {
      request.resume();
      response.end('{"data":[]}'.padEnd(2_000));
    }));
    expect((await ask(listener, MAINTENANCE, 'SELECT 1', { bytes: 2_000 })).body).toHaveLength(2_000);
    await expect(ask(listener, MAINTENANCE, 'SELECT 1', { bytes: 1_999 })).rejects.toThrow(/it says too much/);
  });

  test.each<[string, (request: IncomingMessage, response: ServerResponse) => void]>([
    ['does not begin', (request) => void request.resume()],
    ['does not end', (request, response) => {
      request.resume();
      response.write('{"data":');
    }],
    ['comes letter by letter', (request, response) => {
      request.resume();
      const timer = setInterval(() => response.write(' '), 10);
      response.on('close', () => clearInterval(timer));
    }],
  ])('has a time: one that %s', async (_, answer) => {
    const begun = Date.now();
    await expect(queryAs(await started(answering(answer)), MAINTENANCE)('SELECT 1', { milliseconds: 200 })).rejects.toThrow('the server is strange: ETIMEDOUT');
    expect(Date.now() - begun).toBeLessThan(2_000);
  });

  test('that is cut off is none', async () => {
    const listener = await started(answering((request, response) => {
      request.resume();
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('{"data":[[1]]}', () => request.socket.destroy());
    }));
    await expect(queryAs(listener, MAINTENANCE)('SELECT 1')).rejects.toThrow(/the server is strange: ECONNRESET/);
  });

  test.each<[string, string, Rows]>([
    ['rows', '{"meta":[],"data":[["a",1,null],["b","18446744073709551615",0]],"rows":2}', [['a', 1, null], ['b', '18446744073709551615', 0]]],
    ['no rows', '{"data":[]}', []],
    ['nothing, as statements do', '', []],
  ])('of %s', async (_, body, rows) => {
    expect(await queryAs(await started(saying({ ...SECURE, maintenance: { status: 200, body } }).server), MAINTENANCE)('SELECT 1')).toEqual(rows);
  });

  test.each<[string, Said, string]>([
    ['an exception', { status: 500, code: 225, body: "Code: 225. DB::Exception: Can't create it, said 10.20.0.9 and MARK (TWO_WORDS). (NO_ZOOKEEPER) (version 26.8.36.3)" }, 'the server refused: 225 NO_ZOOKEEPER'],
    ['an exception without its header', { status: 404, body: 'Code: 60. DB::Exception: Unknown table MARK. (UNKNOWN_TABLE)' }, 'the server refused: 60 UNKNOWN_TABLE'],
    ['an exception in an answer that began well', { status: 200, code: 241, body: '{"data":[[1]]}' }, 'the server refused: 241'],
    ['a page', { status: 404, body: 'There is no handle / MARK' }, 'the server is strange: status 404'],
    ['text', { status: 200, body: 'MARK' }, 'the server is strange: its answer is not JSON'],
    ['JSON that is something else', { status: 200, body: '{"data":{"MARK":1}}' }, 'the server is strange: its answer has no rows'],
    ['rows of something else', { status: 200, body: '{"data":[[{"MARK":1}]]}' }, 'the server is strange: its answer has no rows'],
    ['null', { status: 200, body: 'null' }, 'the server is strange: its answer is not JSON'],
  ])('of %s is told without repeating it', async (_, maintenance, message) => {
    const query = queryAs(await started(saying({ ...SECURE, maintenance }).server), MAINTENANCE);
    const error = await query('SELECT 1').catch((each: Error) => each) as Error;
    expect(error.message).toBe(message);
    expect(JSON.stringify({ ...error, stack: error.stack })).not.toMatch(/MARK|10\.20|invented-password/);
  });
});
