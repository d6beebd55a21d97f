import type { Agent } from 'node:https';
import { request } from 'node:https';
import type { LookupFunction } from 'node:net';
import { connect as connectPlain } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import type { ClickHouseServer } from './server';

export interface Login {
  readonly user?: string;
  readonly password?: string;
}

/** How a client reaches a server: by which name, trusting whom. */
export interface Route {
  readonly server: Pick<ClickHouseServer, 'address' | 'ports'>;
  readonly name: string;
  /** PEM; nothing else is trusted. */
  readonly authority: string;
}

/** The name the server says the user has; or the number of its exception, or the code of the error that kept it from answering. */
export type Outcome = { readonly is: string } | { readonly exception: number } | { readonly error: string };

const TIME_LIMIT_MS = 5_000;

/** Every name is the server's address, so that a client which checks no names would be let down by nothing. */
export function lookupOf(address: string): LookupFunction {
  return (_name, options, done) => (options.all ? done(null, [{ address, family: 4 }]) : done(null, address, 4));
}

/** Logs in over HTTPS and asks who one is: `currentUser()` is younger than this server. */
export function httpsLogin({ server, name, authority }: Route, who: Login, agent: Agent | false = false): Promise<Outcome> {
  const id = Math.random().toString(36).slice(2);
  return new Promise((resolve) => {
    const failed = (error: NodeJS.ErrnoException) => resolve({ error: error.code ?? error.message });
    const sent = request(
      {
        host: name,
        port: server.ports.https,
        lookup: lookupOf(server.address),
        ca: authority,
        minVersion: 'TLSv1.2',
        agent,
        method: 'POST',
        path: `/?query_id=${id}`,
        headers: { ...(who.user === undefined ? {} : { 'X-ClickHouse-User': who.user }), ...(who.password === undefined ? {} : { 'X-ClickHouse-Key': who.password }) },
        timeout: TIME_LIMIT_MS,
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (part: string) => (body += part));
        response.on('error', failed);
        response.on('end', () => resolve(response.statusCode === 200 ? { is: body.trim() } : { exception: Number(/^Code: (\d+),/.exec(body)?.[1] ?? 0) }));
      },
    );
    sent.on('timeout', () => sent.destroy(new Error('timeout')));
    sent.on('error', failed);
    sent.end(`SELECT user FROM system.processes WHERE query_id = '${id}'`);
  });
}

/** Logs in over the native protocol in TLS: the greeting that every native client begins with. */
export async function nativeLogin(route: Route, { user = '', password = '' }: Login): Promise<Outcome> {
  const socket = await openTls(route.server.ports.native, route);
  if (!('write' in socket)) return socket;
  socket.write(greeting(user, password));
  return understood(await firstBytes(socket), user);
}

/** The native protocol without TLS, to the port where it is spoken in TLS. */
export async function plainNativeLogin(route: Route, { user = '', password = '' }: Login): Promise<Outcome> {
  return understood(await plain(route.server.address, route.server.ports.native, greeting(user, password)), user);
}

/** HTTP without TLS, to the port where it is spoken in TLS. */
export async function plainHttp({ server }: Route, { user = '', password = '' }: Login): Promise<Outcome> {
  const head = ['GET /?query=SELECT%201 HTTP/1.1', 'Host: x', `X-ClickHouse-User: ${user}`, `X-ClickHouse-Key: ${password}`, 'Connection: close', '', ''];
  const answer = await plain(server.address, server.ports.https, Buffer.from(head.join('\r\n')));
  return answer.includes('HTTP/1') ? { is: answer.toString('latin1') } : { error: 'no HTTP' };
}

/** What a handshake comes to: the version agreed on, or the code of what went wrong. Nothing is sent but the handshake. */
export async function handshake(port: number, route: Route, options: ConnectionOptions = {}): Promise<string> {
  const socket = await openTls(port, route, options);
  if (!('write' in socket)) return 'error' in socket ? socket.error : '';
  const version = socket.getProtocol() ?? '';
  socket.destroy();
  return version;
}

function openTls(port: number, { server, name, authority }: Route, options: ConnectionOptions = {}): Promise<TLSSocket | { readonly error: string }> {
  return new Promise((resolve) => {
    const socket = connect({ host: server.address, port, servername: name, ca: authority, minVersion: 'TLSv1.2', timeout: TIME_LIMIT_MS, ...options });
    socket.once('secureConnect', () => resolve(socket));
    socket.once('timeout', () => socket.destroy(new Error('timeout')));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve({ error: error.code ?? error.message }));
  });
}

function firstBytes(socket: TLSSocket): Promise<Buffer> {
  return new Promise((resolve) => {
    socket.once('data', (bytes: Buffer) => {
      resolve(bytes);
      socket.destroy();
    });
    socket.once('close', () => resolve(Buffer.alloc(0)));
  });
}

/** Everything that comes back until the server closes the connection. */
function plain(host: string, port: number, bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve) => {
    const answer: Buffer[] = [];
    const socket = connectPlain({ host, port, timeout: TIME_LIMIT_MS }, () => socket.write(bytes));
    socket.on('data', (part) => answer.push(part));
    socket.on('timeout', () => socket.destroy());
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(Buffer.concat(answer)));
  });
}

const HELLO = 0;
const EXCEPTION = 2;
const REVISION = 54_400;

// https://clickhouse.com/docs/native-protocol/client#hello
function greeting(user: string, password: string): Buffer {
  return Buffer.concat([varUint(HELLO), text('tests'), varUint(18), varUint(16), varUint(REVISION), text('default'), text(user), text(password)]);
}

// https://clickhouse.com/docs/native-protocol/server: an exception begins with its number, 32 bits, little end first.
function understood(answer: Buffer, user: string): Outcome {
  if (answer[0] === HELLO && answer.length > 1) return { is: user };
  if (answer[0] === EXCEPTION && answer.length >= 5) return { exception: answer.readInt32LE(1) };
  return { error: answer.length === 0 ? 'closed' : 'not the native protocol' };
}

function text(value: string): Buffer {
  return Buffer.concat([varUint(Buffer.byteLength(value)), Buffer.from(value)]);
}

function varUint(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push((rest & 0x7f) | 0x80);
  }
}
