import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { connect, createServer } from 'node:tls';
import type { Issued } from './authority';

export interface HandshakeOptions {
  readonly server: Issued;
  /** whom the client trusts. */
  readonly trust: string;
  /** the name that the client wants to reach; an address is reached as one. */
  readonly host: string;
  /** what the client shows. */
  readonly client?: Issued;
  /** whom the server trusts, if clients must show a certificate. */
  readonly clientsOf?: string;
  readonly version?: 'TLSv1.2' | 'TLSv1.3';
}

/** A handshake on 127.0.0.1, as both sides see it: 'accepted', or why not. */
export async function handshake({ server, trust, host, client, clientsOf, version }: HandshakeOptions): Promise<{ readonly client: string; readonly server: string }> {
  const listener = createServer({ cert: server.certificate, key: server.privateKey, ca: clientsOf, requestCert: clientsOf !== undefined, rejectUnauthorized: true });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  const servers = new Promise<string>((resolve) => {
    listener.on('secureConnection', (socket: TLSSocket) => {
      socket.on('error', () => undefined);
      socket.end('hello');
      resolve('accepted');
    });
    listener.on('tlsClientError', (error: NodeJS.ErrnoException) => resolve(wordsOf(error)));
  });
  const clients = new Promise<string>((resolve) => {
    const address = /^[0-9.]+$/.test(host);
    const socket = connect({ port, host: '127.0.0.1', ca: trust, cert: client?.certificate, key: client?.privateKey, minVersion: version, maxVersion: version, ...(address ? {} : { servername: host }) });
    let greeting = '';
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(wordsOf(error)));
    // under TLS 1.3 a client learns that its certificate was refused with the first byte it reads.
    socket.on('data', (data: Buffer) => (greeting += data.toString()));
    socket.on('close', () => resolve(greeting === 'hello' ? 'accepted' : 'closed'));
  });
  const [seenByClient, seenByServer] = await Promise.all([clients, servers]);
  await new Promise((resolve) => listener.close(resolve));
  return { client: seenByClient, server: seenByServer };
}

// Node.js has no code of its own for every reason of OpenSSL, but has its words.
function wordsOf({ code, message }: NodeJS.ErrnoException): string {
  return code === undefined || code === 'UNSPECIFIED' ? message : code;
}
