import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import type { Server as Listener } from 'node:net';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { HoleValues } from '../../lib/config/holes';
import { fillHoles } from '../../lib/config/holes';
import { PATHS } from '../../lib/config/paths';
import type { Place } from './adapt';
import { adapt } from './adapt';
import type { Material } from '../openssl';

/**
 * A real ClickHouse server that listens on TLS ports of loopback and reads its users again while it runs, with documents as this library
 * renders them: Debian's `clickhouse-server` 18.16. Old, but what it shows cannot be seen on the engine of `test/engine`, which has neither
 * listener nor reloading. What is changed for it is in `adapt.ts` and nowhere else.
 */
export interface ClickHouseServer extends Place {
  /** the node's own address. */
  readonly address: string;
  /** everything it logged so far. */
  log(): string;
  /** every address and port it listens on, sorted. */
  listeners(): readonly string[];
  /** ends it and starts it anew, with the documents and the material that lie there by then, on the same ports. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface ServerOptions {
  /** the documents of a node by path, holes open or filled. */
  readonly documents: Readonly<Record<string, string>>;
  readonly holes: HoleValues;
  readonly material: Material;
}

/** The server process ended, or never listened. */
export class ServerStartError extends Error {
  constructor(what: string, log: string) {
    super(`${what}\n${log.split('\n').filter((line) => /<Error>|<Fatal>|Exception/.test(line)).slice(-12).join('\n')}`);
    this.name = 'ServerStartError';
  }
}

/** A node's own address, and not the loopback address that the documents name themselves. */
export const NODE_ADDRESS = '127.0.0.2';

/** Where the certificate, its key and the authority lie. */
export const CERTIFICATE_PATHS = {
  certificatePath: '/etc/clickhouse-server/tls/1/node.crt',
  privateKeyPath: '/etc/clickhouse-server/tls/1/node.key',
  caBundlePath: '/etc/clickhouse-server/tls/1/ca.crt',
} as const;

const DEBIAN = '/usr/sbin/clickhouse-server';
const BINARY = process.env.CLICKHOUSE_SERVER ?? DEBIAN;
const START_TIMEOUT_MS = 30_000;

// OpenSSL as permissive as it can be, so that what the server refuses it refuses because of the rendered `openSSL` section, and not because
// the machine's own openssl.cnf does.
const PERMISSIVE_OPENSSL = `openssl_conf = all
[all]
ssl_conf = every
[every]
system_default = permissive
[permissive]
MinProtocol = TLSv1
CipherString = ALL@SECLEVEL=0
`;

/** Starts a server with the documents and waits until it listens. Whoever starts one stops it; it also ends when this process does. */
export async function startServer({ documents, holes, material }: ServerOptions): Promise<ClickHouseServer> {
  const root = mkdtempSync(join(tmpdir(), 'clickhouse-server-'));
  const [https, native, interserver] = await freePorts();
  const place: Place = { root, ports: { https, native, interserver } };
  // these exist on a node before the first start.
  for (const directory of [PATHS.serverData, PATHS.serverLog, PATHS.emptyUserFiles, PATHS.usersConfigDirectory]) mkdirSync(root + directory, { recursive: true });
  const files = {
    ...Object.fromEntries(Object.entries(documents).map(([path, document]) => [path, adapt(fillHoles(document, { ...holes, ...CERTIFICATE_PATHS, nodeIp: NODE_ADDRESS }), place)])),
    [CERTIFICATE_PATHS.certificatePath]: material.certificate,
    [CERTIFICATE_PATHS.privateKeyPath]: material.privateKey,
    [CERTIFICATE_PATHS.caBundlePath]: material.authority,
    '/openssl.cnf': PERMISSIVE_OPENSSL,
  };
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(root + path), { recursive: true });
    writeFileSync(root + path, content, { mode: 0o600 });
  }
  const log = () => readIfThere(`${root}${PATHS.serverLog}/clickhouse-server.log`);
  let child = launch(root);
  const restart = async () => {
    await end(child);
    child = launch(root);
    await listening(child, [https, native, interserver], log);
  };
  const stop = async () => {
    await end(child);
    rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  };
  try {
    await listening(child, [https, native, interserver], log);
    if (!log().includes('Starting ClickHouse 18.16.')) throw new ServerStartError(`${BINARY} is not ClickHouse 18.16, which the documents are adapted to`, log());
  } catch (error) {
    await stop();
    throw error;
  }
  return { ...place, address: NODE_ADDRESS, log, listeners: () => listenersOf(child.pid ?? 0), restart, stop };
}

// setpriv: the kernel ends the server when this process is gone, however it went.
function launch(root: string): ChildProcess {
  return spawn('setpriv', ['--pdeathsig', 'KILL', BINARY, `--config-file=${root}${PATHS.serverConfig}`], {
    cwd: root,
    stdio: 'ignore',
    env: { ...process.env, OPENSSL_CONF: `${root}/openssl.cnf` },
  });
}

async function listening(child: ChildProcess, ports: readonly number[], log: () => string): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  let failed: Error | undefined;
  child.once('error', (error) => (failed = error));
  for (const port of ports) {
    while (!(await isOpen(port))) {
      if (failed) throw failed;
      if (child.exitCode !== null || child.signalCode !== null) throw new ServerStartError('the server ended before it listened', log());
      if (Date.now() > deadline) throw new ServerStartError(`the server did not listen within ${START_TIMEOUT_MS / 1000} seconds`, log());
      await new Promise((wake) => setTimeout(wake, 50));
    }
  }
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: NODE_ADDRESS, port });
    socket.once('connect', () => socket.destroy());
    socket.once('error', () => undefined);
    socket.once('close', (hadError) => resolve(!hadError));
  });
}

/** An orderly end takes it more than a second, and there is nothing to keep. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** All of them are held before any is let go, so that they differ. */
async function freePorts(): Promise<[number, number, number]> {
  const held = await Promise.all([hold(), hold(), hold()]);
  await Promise.all(held.map(({ listener }) => new Promise((resolve) => listener.close(resolve))));
  return held.map(({ port }) => port) as [number, number, number];
}

function hold(): Promise<{ listener: Listener; port: number }> {
  return new Promise((resolve, reject) => {
    const listener = createServer();
    listener.once('error', reject);
    listener.listen(0, NODE_ADDRESS, () => {
      const address = listener.address();
      if (typeof address === 'object' && address !== null) resolve({ listener, port: address.port });
      else reject(new Error('no free port'));
    });
  });
}

// https://man7.org/linux/man-pages/man5/proc_net.5.html: the address is hexadecimal in host byte order, 0A is LISTEN.
const LISTENING = /^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A (?:\S+ +){5}(\d+)/gm;

function listenersOf(pid: number): string[] {
  const sockets = readdirSync(`/proc/${pid}/fd`).map((fd) => /^socket:\[(\d+)\]$/.exec(linkOf(`/proc/${pid}/fd/${fd}`))?.[1]);
  return ['tcp', 'tcp6']
    .flatMap((table) => [...readIfThere(`/proc/${pid}/net/${table}`).matchAll(LISTENING)])
    .filter(([, , , inode]) => sockets.includes(inode))
    .map(([, address = '', port = '']) => `${dotted(address)}:${parseInt(port, 16)}`)
    .sort();
}

function dotted(address: string): string {
  return address.length === 8 ? [...Buffer.from(address, 'hex')].reverse().join('.') : address;
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    // closed meanwhile.
    return '';
  }
}

function readIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** Why no server can run here; nothing where one can. */
function serverMissing(): string | undefined {
  if (!existsSync(BINARY)) return `there is no ${BINARY}`;
  const tools: [string, string[]][] = [['openssl', ['version']], ['setpriv', ['--version']]];
  const absent = tools.find(([tool, args]) => spawnSync(tool, args).status !== 0);
  return absent && `there is no ${absent[0]}`;
}

/**
 * A group of tests that need the server. Without one they are skipped, saying aloud what was not proven. Whoever names a server in
 * CLICKHOUSE_SERVER, as `.ci/run` does, wants them run: then a server that is not there is a failure.
 */
export function describeServer(proves: string, tests: () => void): void {
  const missing = serverMissing();
  if (missing === undefined) {
    describe(proves, tests);
  } else if (process.env.CLICKHOUSE_SERVER !== undefined) {
    describe(proves, () => test('the server is available', () => expect(missing).toBeUndefined()));
  } else {
    // not console.warn: Jest does not show what a file says of which all tests are skipped.
    process.stderr.write(`NOT PROVEN: ${proves}. No ClickHouse server: ${missing}; .ci/run installs Debian's, or name one in CLICKHOUSE_SERVER\n`);
    describe.skip(proves, tests);
  }
}
