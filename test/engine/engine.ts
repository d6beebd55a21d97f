import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { HoleValues } from '../../lib/config/holes';
import { fillHoles } from '../../lib/config/holes';
import { PATHS } from '../../lib/config/paths';
import { element, elementWith, renderXml } from '../../lib/config/xml';

/**
 * A real ClickHouse (26.7, from the npm package `chdb`) on loopback, running documents as this library renders them.
 *
 * It is `clickhouse local` with an HTTP listener, so authentication, grants, quotas, profiles and HTTP handlers are the real thing, while
 * TLS listeners, Keeper, replication and the reloading of files are not there. What is changed so that it starts is in
 * {@link engineOverlay} and nowhere else.
 */
export interface Engine {
  readonly port: number;
  /** where the documents and the data are, in place of `/`. */
  readonly root: string;
  /** one query as a client. */
  query(sql: string, who?: Login, options?: QueryOptions): Promise<Reply>;
  /** any HTTP request as a client. */
  send(options: SendOptions): Promise<Reply>;
  /** one query as the harness itself, for preparing and inspecting. Fails unless the engine answers 200. */
  admin(sql: string): Promise<string>;
  /** everything the engine printed so far. */
  log(): string;
  stop(): Promise<void>;
}

/** The documents of a node by path, holes open or filled. */
export type Documents = Readonly<Record<string, string>>;

export interface EngineOptions {
  readonly documents: Documents;
  readonly holes?: HoleValues;
  /**
   * Whether the account that `clickhouse local` logs itself in with is added. Without it the engine starts only if the documents let
   * `default` in with no password.
   * @default true
   */
  readonly bootstrap?: boolean;
  /**
   * Whether the tests' clients may name the address they come from. All of them are on loopback, and to ClickHouse every loopback address
   * is the same one.
   * @default true
   */
  readonly clientsNameTheirAddress?: boolean;
  /**
   * Where the data lies, and stays when the engine is stopped.
   * @default - below the temporary root, and gone with it
   */
  readonly data?: string;
}

export interface Login {
  readonly user: string;
  readonly password?: string;
}

export interface QueryOptions {
  /** the address the client comes from. */
  readonly from?: string;
  /** URL parameters: settings and the HTTP interface's own. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** how the login is sent. */
  readonly as?: 'headers' | 'basic' | 'url';
  readonly body?: string;
}

export interface SendOptions {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly from?: string;
}

export interface Reply {
  readonly status: number;
  /** the number of ClickHouse's exception, 0 without one. */
  readonly code: number;
  readonly body: string;
  readonly headers: IncomingHttpHeaders;
}

/** The engine process ended, or never listened. */
export class EngineStartError extends Error {
  readonly log: string;

  constructor(what: string, log: string) {
    const errors = log.split('\n').filter((line) => /<Error>|<Fatal>|Exception/.test(line));
    super(`${what}\n${errors.slice(-12).join('\n')}`);
    this.name = 'EngineStartError';
    this.log = log;
  }
}

/** Where the tests' clients come from, unless they say otherwise. Not where the engine's own account may come from. */
export const CLIENT = '10.20.0.5';
/** A private address in no user's networks. */
export const STRANGER = '10.99.0.5';
/** Where the node itself comes from. */
export const NODE = '127.0.0.1';

/** The main document's path on a node. */
export const SERVER_DOCUMENT = '/etc/clickhouse-server/config.xml';

const LAUNCHER = join(__dirname, 'launcher.js');
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const START_TIMEOUT_MS = 30_000;

/**
 * What this engine cannot open or does not have, as two documents that ClickHouse itself merges last over the rendered ones. The rendered
 * documents are loaded byte for byte, except that the directories of a node are moved below a temporary one.
 */
function engineOverlay(port: number, { bootstrap = true, clientsNameTheirAddress = true }: EngineOptions): Documents {
  const remove = (name: string) => elementWith(name, { remove: 'remove' });
  const server = element(
    'clickhouse',
    // no TLS listeners in `clickhouse local`: the HTTPS interface's handlers are reached over plain HTTP on loopback.
    ...['https_port', 'tcp_port_secure', 'interserver_https_port', 'interserver_https_host', 'interserver_listen_host'].map(remove),
    elementWith('http_port', { replace: 'replace' }, port),
    remove('listen_host'),
    element('listen_host', NODE),
    // no certificates: nobody issued any.
    remove('openSSL'),
    // no Keeper to reach.
    ...['zookeeper', 'distributed_ddl'].map(remove),
    // the client's address is taken from X-Forwarded-For; the default is not to believe it, which has a test of its own.
    clientsNameTheirAddress ? element('auth_use_forwarded_address', 1) : undefined,
    // the tests read what it says, and it must give away nothing even when it says everything.
    elementWith('logger', { replace: 'replace' }, element('level', 'trace'), element('console', 1)),
  );
  const users = element(
    'clickhouse',
    // `clickhouse local` logs in as `default` with the empty password from 127.0.0.1, whatever it is told. It has its own profile, so that
    // the rendered ones are left alone, and the tests' clients are not where it may come from.
    element('profiles', element('engine_bootstrap')),
    element('quotas', element('engine_bootstrap')),
    element(
      'users',
      element(
        'default',
        element('password_sha256_hex', EMPTY_SHA256),
        element('networks', element('ip', NODE)),
        element('profile', 'engine_bootstrap'),
        element('quota', 'engine_bootstrap'),
      ),
    ),
  );
  return {
    '/etc/clickhouse-server/config.d/zzzz-engine.xml': renderXml(server),
    ...(bootstrap ? { '/etc/clickhouse-server/users.d/zzzz-engine.xml': renderXml(users) } : {}),
  };
}

/** Starts the engine with the documents and waits until it listens. Whoever starts one stops it; it also ends when this process does. */
export async function startEngine(options: EngineOptions): Promise<Engine> {
  const root = mkdtempSync(join(tmpdir(), 'clickhouse-engine-'));
  const port = await freePort();
  writeDocuments(root, options.data ?? root + PATHS.serverData, { ...filled(options.documents, options.holes ?? {}), ...engineOverlay(port, options) });
  const logFile = join(root, 'engine.log');
  const output = openSync(logFile, 'w');
  const serve = [
    'SYSTEM START LISTEN HTTP',
    // keeps the process there: `clickhouse local` ends after its last statement.
    'SELECT sleepEachRow(3) FROM numbers(1000000) SETTINGS max_block_size = 1, function_sleep_max_microseconds_per_block = 0 FORMAT Null',
  ].join('; ');
  const child = spawn(process.execPath, [LAUNCHER, String(process.pid), `--config-file=${root}${SERVER_DOCUMENT}`, '--multiquery', '--query', serve], {
    cwd: root,
    stdio: ['ignore', output, output],
    // a process group of its own: SYSTEM SHUTDOWN and SYSTEM KILL, should an attack with them succeed, signal the whole group.
    detached: true,
  });
  closeSync(output);
  const log = () => readFileSync(logFile, 'utf8');
  const stop = async () => {
    await end(child);
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await listening(child, port, log);
  } catch (error) {
    await stop();
    throw error;
  }

  const send = (what: SendOptions) => exchange(port, what);
  const query = (sql: string, who?: Login, how: QueryOptions = {}) => send(queryRequest(sql, who, how));
  const admin = async (sql: string) => {
    const reply = await query(sql, { user: 'default' }, { from: NODE });
    if (reply.status !== 200) throw new Error(`the harness could not run ${JSON.stringify(sql)}: ${reply.body}`);
    return reply.body;
  };
  return { port, root, query, send, admin, log, stop };
}

function queryRequest(sql: string, who: Login | undefined, how: QueryOptions): SendOptions {
  // the answer is held back until the query has ended, so that its status says how it ended.
  const parameters = new URLSearchParams({ wait_end_of_query: '1' });
  for (const [name, value] of Object.entries(how.settings ?? {})) parameters.set(name, String(value));
  const headers: Record<string, string> = {};
  if (who) {
    const password = who.password ?? '';
    if (how.as === 'url') {
      parameters.set('user', who.user);
      parameters.set('password', password);
    } else if (how.as === 'basic') {
      headers.Authorization = `Basic ${Buffer.from(`${who.user}:${password}`).toString('base64')}`;
    } else {
      headers['X-ClickHouse-User'] = who.user;
      headers['X-ClickHouse-Key'] = password;
    }
  }
  if (how.body !== undefined) parameters.set('query', sql);
  return { method: 'POST', path: `/?${parameters.toString()}`, headers, body: how.body ?? sql, from: how.from };
}

/** One request, read to its end: the engine aborts when a client leaves while it answers. */
export function exchange(port: number, { path, method = 'GET', headers = {}, body, from = CLIENT }: SendOptions): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const origin = from === NODE ? {} : { 'X-Forwarded-For': from };
    const sent = request({ host: NODE, port, path, method, headers: { ...origin, ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString('utf8');
        const header = response.headers['x-clickhouse-exception-code'];
        const code = Number(header ?? /^Code: (\d+)\. /m.exec(text)?.[1] ?? 0);
        resolve({ status: response.statusCode ?? 0, code, body: text, headers: response.headers });
      });
    });
    sent.on('upgrade', (response, socket) => {
      socket.destroy();
      resolve({ status: response.statusCode ?? 0, code: 0, body: '', headers: response.headers });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function filled(documents: Documents, holes: HoleValues): Documents {
  return Object.fromEntries(Object.entries(documents).map(([path, document]) => [path, fillHoles(document, holes)]));
}

function writeDocuments(root: string, data: string, documents: Documents): void {
  // these exist on a node before the first start.
  for (const directory of [data, root + PATHS.emptyUserFiles, root + PATHS.emptyUserScripts]) mkdirSync(directory, { recursive: true });
  for (const [path, document] of Object.entries(documents)) {
    mkdirSync(dirname(root + path), { recursive: true });
    // the directories of a node, wherever a document names them.
    const below = document.replaceAll(`>${PATHS.serverData}/`, `>@data/`).replace(/>(\/(?:etc|run|tmp|var|usr|opt)\/)/g, `>${root}$1`);
    writeFileSync(root + path, below.replaceAll('>@data/', `>${data}/`));
  }
}

async function listening(child: ChildProcess, port: number, log: () => string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null) throw new EngineStartError('the engine ended before it listened', log());
    const answered = await exchange(port, { path: '/ping', from: NODE }).then(
      (reply) => reply.status > 0,
      () => false,
    );
    if (answered) return;
    if (Date.now() > deadline) throw new EngineStartError(`the engine did not listen within ${START_TIMEOUT_MS / 1000} seconds`, log());
    await new Promise((wake) => setTimeout(wake, 50));
  }
}

/** It does not shut down in order, and there is nothing to keep. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, NODE, () => {
      const address = server.address();
      server.close(() => {
        if (typeof address === 'object' && address !== null) resolve(address.port);
        else reject(new Error('no free port'));
      });
    });
  });
}

/** Why the engine cannot run here; nothing where it can. */
export function engineMissing(): string | undefined {
  const check = spawnSync(process.execPath, [LAUNCHER, '--check'], { encoding: 'utf8' });
  if (check.status === 0) return undefined;
  return `the npm packages chdb and ffi-rs do not load: ${check.stderr.split('\n').find((line) => /Error/.test(line)) ?? `status ${check.status}`}`;
}

/**
 * A group of tests that need the engine. Where there is none they are skipped, saying aloud what was not proven; in CI that is a failure.
 */
export function describeEngine(proves: string, tests: () => void): void {
  const missing = engineMissing();
  if (missing === undefined) {
    describe(proves, tests);
  } else if (process.env.CI === 'true') {
    describe(proves, () => test('the engine is available', () => expect(missing).toBeUndefined()));
  } else {
    console.warn(`NOT PROVEN: ${proves}. No ClickHouse engine: ${missing}`);
    describe.skip(proves, tests);
  }
}
