import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpServer } from 'node:http';
import type { ServerOptions } from 'node:https';
import { createServer } from 'node:https';
import type { AddressInfo, LookupFunction, Server, Socket } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { httpsLogIn, meaning, NODE_OPTIONS } from '../../../lib/handlers/rotate-password/nodes';
import type { Login } from '../../../lib/handlers/rotate-password/steps';
import type { Authority } from '../../openssl';
import { hasOpenssl, makeAuthority } from '../../openssl';

const HOST = 'server-1-1.analytics.internal';
const PASSWORD = 'Secret'.repeat(8);

describe('what an answer means', () => {
  test.each<readonly [number, string | undefined, string, Login]>([
    [200, undefined, 'reader\n', 'accepted'],
    [200, undefined, 'reader', { trouble: 'an answer that is not the name of the user' }],
    [200, undefined, 'writer\n', { trouble: 'an answer that is not the name of the user' }],
    [200, undefined, 'reader\nreader\n', { trouble: 'an answer that is not the name of the user' }],
    [200, undefined, '', { trouble: 'an answer that is not the name of the user' }],
    [200, '516', 'Code: 516. DB::Exception', { trouble: 'an answer that is not the name of the user' }],
    [403, '516', '', 'refused'],
    [403, undefined, 'Code: 516. DB::Exception: reader: Authentication failed', 'refused'],
    [403, undefined, 'forbidden', { trouble: 'HTTP 403' }],
    [403, '497', 'Code: 497. DB::Exception: Not enough privileges', { trouble: 'HTTP 403' }],
    [401, '516', '', { trouble: 'HTTP 401' }],
    [500, '516', 'Code: 516.', { trouble: 'HTTP 500' }],
    [302, undefined, 'reader\n', { trouble: 'HTTP 302' }],
    [503, undefined, 'reader\n', { trouble: 'HTTP 503' }],
  ])('%i, exception %s, %j', (status, exception, body, login) => expect(meaning(status, exception, body, 'reader')).toEqual(login));
});

if (!hasOpenssl()) console.warn('TLS of the logins is not proven: there is no openssl here to make certificates with');
const withOpenssl = hasOpenssl() ? describe : describe.skip;

withOpenssl('a login over TLS', () => {
  const lookup: LookupFunction = (_, options, callback) => (options.all === true ? callback(null, [{ address: '127.0.0.1', family: 4 }]) : callback(null, '127.0.0.1', 4));
  const servers: Server[] = [];
  let authority: Authority;
  let stranger: Authority;
  const pair = (by: Authority, names: readonly string[], options?: { readonly days?: number; readonly usage?: string }): { readonly cert: string; readonly key: string } => {
    const { certificate: cert, privateKey: key } = by.issue(names.map((name) => `DNS:${name}`), options);
    return { cert, key };
  };

  beforeAll(() => {
    authority = makeAuthority('Test authority');
    stranger = makeAuthority('Test authority');
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await new Promise((resolve) => (server.close(resolve), 'closeAllConnections' in server && (server as unknown as { closeAllConnections(): void }).closeAllConnections()));
  });

  const listen = (server: Server): Promise<number> => {
    servers.push(server);
    return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
  };
  type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;
  const named: Answer = (request, response) => void response.end(request.headers['x-clickhouse-key'] === PASSWORD ? 'reader\n' : 'writer\n');
  const requests: string[] = [];
  const node = (options: ServerOptions, answer: Answer = named): Promise<number> => {
    requests.length = 0;
    return listen(
      createServer(options, (request, response) => {
        let body = '';
        request.on('data', (part: Buffer) => (body += part.toString()));
        request.on('end', () => {
          requests.push(`${request.method} ${request.url} ${body}`);
          answer(request, response, body);
        });
      }),
    );
  };
  const logIn = (port: number, { trust = [authority.certificate], limit = 2_000, host = HOST } = {}): Promise<Login> => httpsLogIn({ port, limit, lookup })({ server: host, authority: trust, user: 'reader', password: PASSWORD });

  test('the right authority and the right name are accepted, and the question is the one that was agreed', async () => {
    let seen: IncomingMessage | undefined;
    const port = await node(pair(authority, [HOST]), (request, response) => {
      seen = request;
      response.end('reader\n');
    });
    expect(await logIn(port)).toBe('accepted');
    expect(requests).toEqual(['POST / SELECT currentUser()']);
    expect(seen?.headers).toMatchObject({ 'x-clickhouse-user': 'reader', 'x-clickhouse-key': PASSWORD, host: `${HOST}:${port}` });
    expect(seen?.headers.authorization).toBeUndefined();
    expect((seen?.socket as unknown as { servername: string }).servername).toBe(HOST);
  });

  test('one of several authorities is enough, for that is how they are replaced', async () => {
    const port = await node(pair(authority, [HOST]));
    expect(await logIn(port, { trust: [stranger.certificate, authority.certificate] })).toBe('accepted');
  });

  test('a refusal of ClickHouse', async () => {
    const port = await node(pair(authority, [HOST]), (_, response) => response.writeHead(403, { 'X-ClickHouse-Exception-Code': '516' }).end('Code: 516. DB::Exception'));
    expect(await logIn(port)).toBe('refused');
  });

  test.each<readonly [string, () => Promise<number>, RegExp]>([
    ['another authority', () => node(pair(stranger, [HOST])), /^(?:UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT_LOCALLY|ERR_OSSL_[A-Z_]+|CERT_SIGNATURE_FAILURE)$/],
    ['another host name', () => node(pair(authority, ['server-1-2.analytics.internal'])), /^ERR_TLS_CERT_ALTNAME_INVALID$/],
    ['a certificate that has expired', () => node(pair(authority, [HOST], { days: -1 })), /^CERT_HAS_EXPIRED$/],
    ['a certificate of a client', () => node(pair(authority, [HOST], { usage: 'clientAuth' })), /^INVALID_PURPOSE$/],
    ['TLS 1.1 at most', () => node({ ...pair(authority, [HOST]), minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }), /^(?:EPROTO|ECONNRESET|ERR_SSL_[A-Z0-9_]+)$/],
  ])('%s: nothing is sent', async (_, start, trouble) => {
    const port = await start();
    expect(await logIn(port)).toEqual({ trouble: expect.stringMatching(trouble) as string });
    expect(requests).toEqual([]);
  });

  test('an environment that turns verification off turns nothing off', async () => {
    const port = await node(pair(stranger, [HOST]));
    process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
    try {
      expect(await logIn(port)).toEqual({ trouble: expect.any(String) as string });
    } finally {
      delete process.env.NODE_TLS_REJECT_UNAUTHORIZED;
    }
    expect(requests).toEqual([]);
  });

  test('no authority at all is not any authority', async () => {
    const port = await node(pair(authority, [HOST]));
    expect(await logIn(port, { trust: [] })).toEqual({ trouble: 'no certificate authority' });
    expect(requests).toEqual([]);
  });

  test.each(['http', 'silent', 'garbage'] as const)('plaintext on the port (%s): the password is not in what was sent', async (speaks) => {
    let received = '';
    const server = speaks === 'http' ? createHttpServer((_, response) => response.end('reader\n')) : createTcpServer((socket) => void (speaks === 'garbage' && socket.end('reader\n')));
    server.on('connection', (socket: Socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (part) => (received += part.toString('latin1')));
    });
    const port = await listen(server);
    expect(await logIn(port, { limit: 500 })).toEqual({ trouble: expect.stringMatching(speaks === 'silent' ? /^no answer within 500 ms$/ : /^(?:EPROTO|ECONNRESET|ERR_SSL_[A-Z0-9_]+)$/) as string });
    expect(received).not.toContain(PASSWORD);
  });

  test('a redirection is not followed', async () => {
    const target = await node(pair(authority, [HOST]));
    const port = await node(pair(authority, [HOST]), (_, response) => response.writeHead(307, { Location: `https://${HOST}:${target}/` }).end('reader\n'));
    expect(await logIn(port)).toEqual({ trouble: 'HTTP 307' });
    expect(requests).toHaveLength(1);
  });

  test('a proxy of the environment is not used', async () => {
    let asked = 0;
    const proxy = await listen(createTcpServer(() => (asked += 1)));
    const port = await node(pair(authority, [HOST]));
    Object.assign(process.env, { HTTPS_PROXY: `http://127.0.0.1:${proxy}`, https_proxy: `http://127.0.0.1:${proxy}`, NODE_USE_ENV_PROXY: '1' });
    try {
      expect(await logIn(port)).toBe('accepted');
    } finally {
      for (const name of ['HTTPS_PROXY', 'https_proxy', 'NODE_USE_ENV_PROXY']) delete process.env[name];
    }
    expect(asked).toBe(0);
  });

  test.each<readonly [string, Answer, Login]>([
    ['a huge answer', (_, response) => void response.end('x'.repeat(5_000_000)), { trouble: 'an answer of more than 4096 characters' }],
    ['an endless answer', (_, response) => void setInterval(() => response.destroyed || response.write('x'.repeat(1000)), 5).unref(), { trouble: 'an answer of more than 4096 characters' }],
    ['an answer that comes byte by byte', (_, response) => void setInterval(() => response.destroyed || response.write('r'), 100).unref(), { trouble: 'no answer within 600 ms' }],
    ['no answer', () => undefined, { trouble: 'no answer within 600 ms' }],
    ['an answer that breaks off', (_, response) => void (response.writeHead(200, { 'content-length': 100 }), response.write('reader\n'), setTimeout(() => response.destroy(), 20)), { trouble: 'ECONNRESET' }],
    ['a connection that is closed', (request) => void request.socket.destroy(), { trouble: 'ECONNRESET' }],
    ['headers without end', (_, response) => void response.writeHead(200, { padding: 'x'.repeat(100_000) }).end('reader\n'), { trouble: 'HPE_HEADER_OVERFLOW' }],
    ['another protocol', (_, response) => void response.writeHead(101, { Connection: 'Upgrade', Upgrade: 'other' }).end(), { trouble: 'the connection was closed' }],
  ])('%s', async (_, answer, login) => {
    const port = await node(pair(authority, [HOST]), answer);
    const started = Date.now();
    expect(await logIn(port, { limit: 600 })).toEqual(login);
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  test('a port where nobody listens, a name that nobody has', async () => {
    const port = await node(pair(authority, [HOST]));
    const server = servers.pop();
    await new Promise((resolve) => server?.close(resolve));
    expect(await logIn(port)).toEqual({ trouble: 'ECONNREFUSED' });
    const unknown: LookupFunction = (_, __, callback) => callback(Object.assign(new Error('x'), { code: 'ENOTFOUND' }), '', 4);
    expect(await httpsLogIn({ port, limit: 500, lookup: unknown })({ server: HOST, authority: [authority.certificate], user: 'reader', password: PASSWORD })).toEqual({ trouble: 'ENOTFOUND' });
  });

  test('by default the port of HTTPS, and no more than ten seconds', () => expect(NODE_OPTIONS).toEqual({ port: 8443, limit: 10_000 }));
});
