import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Server } from 'node:tls';
import { createServer } from 'node:tls';
import type { Issued } from '../pki/authority';
import { TestAuthority } from '../pki/authority';

/**
 * Clients as docs/clients.md tells to configure them: the page's own snippets, against TLS listeners on loopback whose certificates are made as
 * the library makes them.
 */
const PAGE = readFileSync(join(__dirname, '../../docs/clients.md'), 'utf8');

/** The block in a language below a heading of the page. There must be exactly one, so that nothing untested stands beside it. */
export function documented(heading: string, language: string): string {
  const [section = ''] = PAGE.split(/^## /m).filter((each) => each.startsWith(`${heading}\n`));
  const blocks = [...section.matchAll(/^```(\S+)\n([\s\S]*?)^```$/gm)].filter(([, name]) => name === language);
  const [, , text] = blocks[0] ?? [];
  if (text === undefined || blocks.length > 1) throw new Error(`docs/clients.md has ${blocks.length} blocks of ${language} below '${heading}'`);
  return text;
}

/** The same block for another port. */
export function onPort(block: string, documentedPort: 8443 | 9440, port: number): string {
  if (block.split(String(documentedPort)).length !== 2) throw new Error(`the block does not name ${documentedPort} once`);
  return block.replace(String(documentedPort), String(port));
}

// every client resolves this one name to loopback by itself, so an authority whose zone it is stands for the cluster's.
const HOST = 'localhost';
const ADDRESS = '127.0.0.1';
const authority = new TestAuthority({ zone: HOST });
const successor = new TestAuthority({ zone: HOST });
const node = authority.issue({ node: HOST, names: [HOST], ip: ADDRESS });
const another = authority.issue({ node: `server-1-2.${HOST}`, names: [`server-1-2.${HOST}`], ip: '127.0.0.2' });

export interface Case {
  readonly server: Issued;
  readonly host: string;
  /** what ca.pem holds. */
  readonly trust: string;
}

export const ACCEPTED: Readonly<Record<string, Case>> = {
  'a node by its name': { server: node, host: HOST, trust: authority.pem },
  'a node by its address': { server: node, host: ADDRESS, trust: authority.pem },
  'the old authority before the new one': { server: node, host: HOST, trust: authority.pem + successor.pem },
  'the old authority after the new one': { server: node, host: HOST, trust: successor.pem + authority.pem },
};

export const OTHER_AUTHORITY: Readonly<Record<string, Case>> = {
  'a server of another authority': { server: node, host: HOST, trust: successor.pem },
};

/** What the parameter says until there is an authority. */
const NOTHING: Readonly<Record<string, Case>> = {
  'a server while there is no certificate in ca.pem': { server: node, host: HOST, trust: 'none yet\n' },
};

export const OTHER_NAME: Readonly<Record<string, Case>> = {
  'the certificate of another node by name': { server: another, host: HOST, trust: authority.pem },
  'the certificate of another node by address': { server: another, host: ADDRESS, trust: authority.pem },
};

export const LOGIN = { user: 'reports', password: 'current-password-of-reports-in-this-test-only' };

/** What came of a client. */
export interface Ran {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** How one client is run in a folder that has ca.pem in it. */
export type Client = (folder: string, port: number, environment: NodeJS.ProcessEnv) => Promise<Ran>;

/** What an authority has signed although its own certificate says that it may not. */
const OUTSIDE: Case = (() => {
  const elsewhere = new TestAuthority();
  return { server: elsewhere.issue({ node: HOST, names: [HOST], ip: ADDRESS }), host: HOST, trust: elsewhere.pem };
})();

export interface Outcome extends Ran {
  /** how many bytes of what is inside TLS reached the server. Without them it has no password either. */
  readonly received: number;
}

/** Runs a client against a server that has the certificate of the case and hands over what is inside TLS. */
export async function attempt({ server, host, trust }: Case, client: Client, inside: (socket: Socket) => void): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'documented-client-'));
  let received = 0;
  const listener = createServer({ cert: server.certificate, key: server.privateKey }, (socket) => {
    socket.on('data', (bytes: Buffer) => (received += bytes.length));
    socket.on('error', () => socket.destroy());
    inside(socket);
  });
  try {
    writeFileSync(join(folder, 'ca.pem'), trust);
    const port = await listening(listener);
    const { PATH, HOME, LD_LIBRARY_PATH, GOMODCACHE } = process.env;
    const environment = { PATH, HOME, LD_LIBRARY_PATH, GOMODCACHE, CLICKHOUSE_HOST: host, CLICKHOUSE_USER: LOGIN.user, CLICKHOUSE_PASSWORD: LOGIN.password };
    const ran = await client(folder, port, environment);
    return { ...ran, received };
  } finally {
    listener.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function listening(listener: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    // a client that breaks off is what is looked for.
    listener.on('tlsClientError', () => undefined);
    listener.listen(0, ADDRESS, () => resolve((listener.address() as AddressInfo).port));
  });
}

/** What is inside TLS goes to a port of loopback: the engine has an HTTP listener and none for TLS. */
export function through(port: number): (socket: Socket) => void {
  return (socket) => {
    const behind = connect({ host: ADDRESS, port });
    behind.on('error', () => socket.destroy());
    behind.on('close', () => socket.destroy());
    socket.on('close', () => behind.destroy());
    socket.pipe(behind);
    behind.pipe(socket);
  };
}

// https://clickhouse.com/docs/native-protocol/server: as of a revision old enough that there is little to say, and every client knows it.
const REVISION = 54_032;
const text = (value: string): number[] => [value.length, ...Buffer.from(value)];
const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);
const HELLO = Buffer.from([0, ...text('ClickHouse'), 26, 8, ...varint(REVISION)]);
const BLOCK_INFO = [1, 0, 2, 255, 255, 255, 255, 0];
const block = (rows: readonly number[]): number[] => [1, 0, ...BLOCK_INFO, 1, rows.length, ...text('1'), ...text('UInt8'), ...rows];
const ONE = Buffer.from([...block([]), ...block([1]), 5]);
const PONG = Buffer.from([4]);

/** The native protocol as far as a client gets that is let in whoever it is and asks for 1. Logins are not what is looked at. */
export function nativeProtocol(socket: Socket): void {
  socket.on('data', (bytes) => {
    const [packet] = bytes;
    if (packet === 0) socket.write(HELLO);
    else if (packet === 1) socket.write(ONE);
    else if (packet === 4) socket.write(PONG);
  });
}

/** Runs a program to its end, or ends it. */
export function run(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 50_000, killSignal: 'SIGKILL' });
    let output = '';
    let errors = '';
    child.stdout.on('data', (part: Buffer) => (output += part.toString()));
    child.stderr.on('data', (part: Buffer) => (errors += part.toString()));
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output, errors }));
  });
}

/** Tests that need what a variable names. Without it they are skipped, saying aloud what was not proven. */
export function describeClient(variable: string, proves: string, tests: (value: string) => void): void {
  const value = process.env[variable] ?? '';
  if (value !== '') {
    describe(proves, () => tests(value));
  } else {
    // not console.warn: Jest does not show what a file says of which all tests are skipped.
    process.stderr.write(`NOT PROVEN: ${proves}. ${variable} is not set; .ci/run installs the client, see test/clients/README.md\n`);
    describe.skip(proves, () => test.skip('needs the client', () => undefined));
  }
}

/** What a client says of servers it refuses. */
export interface Words {
  readonly authority: RegExp;
  readonly name: RegExp;
  /** of a name that the authority may not sign for; nothing where clients do not look. */
  readonly constraints?: RegExp;
}

/** What every client has to do. */
export function expectAll(client: Client, inside: () => (socket: Socket) => void, { authority: another, name, constraints }: Words): void {
  const accepts = async (how: Case) => expect(await attempt(how, client, inside())).toMatchObject({ code: 0, output: '1\n' });
  const refuses = async (how: Case, words: RegExp) => {
    const { code, output, errors, received } = await attempt(how, client, inside());
    expect({ output, received }).toEqual({ output: expect.not.stringMatching(/^1$/m) as string, received: 0 });
    expect(code).toBeGreaterThan(0);
    expect(output + errors).toMatch(words);
    expect(output + errors).not.toContain(LOGIN.password);
  };

  test.each(Object.entries(ACCEPTED))('accepts %s', (_name, how) => accepts(how));
  test.each(Object.entries(OTHER_AUTHORITY))('refuses %s and sends it nothing', (_name, how) => refuses(how, another));
  test.each(Object.entries(OTHER_NAME))('refuses %s and sends it nothing', (_name, how) => refuses(how, name));
  test.each(Object.entries(NOTHING))('refuses %s and sends it nothing', (_name, how) => refuses(how, /./));
  if (constraints !== undefined) test('refuses a name that the authority may not sign for', () => refuses(OUTSIDE, constraints));
  else test('does not look what the authority may sign for', () => accepts(OUTSIDE));
}
