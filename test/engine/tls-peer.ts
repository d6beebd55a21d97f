import { createServer as createProxyServer } from 'node:http';
import type { AddressInfo, Server } from 'node:net';
import { connect, createServer as createPlainServer } from 'node:net';
import type { TlsOptions, TLSSocket } from 'node:tls';
import { createServer } from 'node:tls';

/** One connection as a TLS server sees it. */
export interface Seen {
  /** the version agreed on, or the code of what ended the handshake: for an alert, the one that the client sent. */
  readonly handshake: string;
  /** the common name of a client that showed a certificate of the authority. */
  readonly client?: string;
  /** how many bytes the client sent after the handshake: a request, a login. */
  readonly heard: number;
}

/** A TLS server on loopback that remembers what clients did. */
export interface Peer {
  readonly port: number;
  /** all connections so far; waits until they have ended. */
  seen(): Promise<Seen[]>;
  close(): void;
}

const TIME_LIMIT_MS = 5_000;

const CSV = Buffer.from(['HTTP/1.1 200 OK', 'Content-Length: 2', 'Connection: close', '', '1\n'].join('\r\n'));

/** Answers every HTTP request with `1`, and passes on what is not HTTP to a port of the machine. */
export async function startPeer(options: TlsOptions, nativePort: number): Promise<Peer> {
  let begun = 0;
  const ended: Seen[] = [];
  // who shows none, or a wrong one, is let in all the same and remembered as such: it is the client's behaviour that is looked at.
  const server = createServer({ requestCert: true, rejectUnauthorized: false, ...options }, (client) => {
    const handshake = client.getProtocol() ?? '';
    const name = client.authorized ? { client: commonNameOf(client) } : {};
    let heard = 0;
    client.on('data', (bytes: Buffer) => (heard += bytes.length));
    client.once('data', (bytes: Buffer) => (/^(?:GET|HEAD) /.test(bytes.toString('latin1', 0, 5)) ? client.end(CSV) : passOn(client, bytes, nativePort)));
    client.on('error', () => undefined);
    client.on('close', () => ended.push({ handshake, ...name, heard }));
  });
  server.on('tlsClientError', ({ code, message }: NodeJS.ErrnoException) => ended.push({ handshake: code ?? message, heard: 0 }));
  server.on('connection', () => (begun += 1));
  return {
    port: await listening(server),
    seen: async () => {
      for (const deadline = Date.now() + TIME_LIMIT_MS; ended.length < begun; await new Promise((wake) => setTimeout(wake, 5))) {
        if (Date.now() > deadline) throw new Error(`${begun - ended.length} connections did not end`);
      }
      return ended;
    },
    close: () => void server.close(),
  };
}

/** A proxy that carries bytes to the port that was asked for, on loopback whatever the name, and knows nothing of what is in them. */
export interface Tunnel {
  readonly port: number;
  readonly asked: string[];
  close(): void;
}

export async function startTunnel(): Promise<Tunnel> {
  const asked: string[] = [];
  const server = createProxyServer();
  server.on('connect', ({ url = '' }, client, head) => {
    asked.push(url);
    client.write('HTTP/1.1 200 Connection established\r\n\r\n');
    passOn(client, head, Number(url.split(':').at(-1)));
  });
  return { port: await listening(server), asked, close: () => void server.close() };
}

/** A port of loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createPlainServer();
  const port = await listening(server);
  await new Promise((closed) => server.close(closed));
  return port;
}

function passOn(client: NodeJS.ReadWriteStream & { destroy(): unknown }, first: Buffer, port: number): void {
  const beyond = connect({ host: '127.0.0.1', port });
  beyond.write(first);
  client.pipe(beyond).pipe(client);
  for (const [one, other] of [[client, beyond], [beyond, client]] as const) one.on('error', () => other.destroy());
}

function commonNameOf(client: TLSSocket): string {
  return String(client.getPeerCertificate().subject.CN);
}

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
}
