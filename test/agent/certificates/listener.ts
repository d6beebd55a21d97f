import { createPrivateKey, X509Certificate } from 'node:crypto';
import { statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { readLeaf } from '../../../lib/pki/verify';
import { pathsIn } from './reader';

/** A file that is watched. */
interface Watched {
  path: string;
  modified: number;
}

/**
 * An HTTPS server that takes up certificates the way ClickHouse does: it looks now and then whether the document or one of the two files has
 * changed, reads the document, and loads the files whose path or time is another one, first the certificate and then the key, without comparing them.
 *
 * @see https://github.com/ClickHouse/ClickHouse/blob/master/src/Server/CertificateReloader.cpp
 */
export class Listener {
  port = 0;
  /** how often a pair was loaded, and how often it was none. */
  loads = 0;
  mismatches = 0;
  /** the serial number of the pair that was loaded last. */
  serial = '';
  private document = -1;
  private certificate: Watched = { path: '', modified: -1 };
  private privateKey: Watched = { path: '', modified: -1 };
  private readonly server: Server;
  private stopping = false;
  private running: Promise<void> = Promise.resolve();

  private constructor(private readonly path: string, keeper: boolean) {
    this.server = createServer({ requestCert: keeper, rejectUnauthorized: keeper }, (_, response) => response.end(this.serial));
    // what a handshake ends with is for the client to tell.
    this.server.on('tlsClientError', () => undefined);
  }

  static async start(path: string, keeper = false): Promise<Listener> {
    const listener = new Listener(path, keeper);
    await listener.look();
    await new Promise<void>((resolve) => listener.server.listen(0, '127.0.0.1', resolve));
    listener.port = (listener.server.address() as AddressInfo).port;
    listener.running = listener.watch();
    return listener;
  }

  async stop(): Promise<void> {
    this.stopping = true;
    await this.running;
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async watch(): Promise<void> {
    while (!this.stopping) {
      await sleep(5);
      await this.look();
    }
  }

  private async look(): Promise<void> {
    const modified = modifiedAt(this.path);
    const changed = modified !== this.document || [this.certificate, this.privateKey].some((file) => modifiedAt(file.path) !== file.modified);
    if (!changed || modified === undefined) return;
    this.document = modified;
    const paths = pathsIn(await readFile(this.path, 'utf8'));
    await sleep(Math.random() * 15);
    const [first, second] = [takeUp(this.certificate, paths.certificate), takeUp(this.privateKey, paths.privateKey)];
    if (first || second) await this.load(paths.bundle);
  }

  private async load(bundle: string): Promise<void> {
    this.loads += 1;
    const cert = await readFile(this.certificate.path, 'utf8');
    await sleep(Math.random() * 15);
    const key = await readFile(this.privateKey.path, 'utf8');
    if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
      this.mismatches += 1;
      return;
    }
    this.server.setSecureContext({ cert, key, ca: await readFile(bundle, 'utf8') });
    const leaf = readLeaf(cert);
    this.serial = 'code' in leaf ? '' : leaf.serial;
  }
}

function takeUp(file: Watched, path: string): boolean {
  const modified = modifiedAt(path);
  if (modified === undefined || (path === file.path && modified === file.modified)) return false;
  file.path = path;
  file.modified = modified;
  return true;
}

function modifiedAt(path: string): number | undefined {
  return path === '' ? undefined : statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
