import { createHash } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import * as openpgp from 'openpgp';
import { TestAuthority } from '../../pki/authority';

export const VERSION = '26.8.36.3';
export const ADDRESS = '127.0.0.1';

export const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** A key that signs repositories. */
export interface SigningKey {
  readonly fingerprint: string;
  /** armoured. */
  readonly publicKey: string;
  sign(content: Uint8Array, date?: Date): Promise<string>;
}

export async function makeKey(options: Partial<openpgp.KeyOptions> = {}): Promise<SigningKey> {
  const { privateKey } = await openpgp.generateKey({ userIDs: [{ name: 'A repository' }], date: new Date(Date.now() - 60_000), ...options, format: 'object' });
  return keyOf(privateKey);
}

export function keyOf(signingKeys: openpgp.PrivateKey): SigningKey {
  return {
    fingerprint: signingKeys.getFingerprint(),
    publicKey: signingKeys.toPublic().armor(),
    sign: async (binary, date) => String(await openpgp.sign({ message: await openpgp.createMessage({ binary }), signingKeys, detached: true, date })),
  };
}

/** A package as primary.xml describes it; what is left out is right. */
export interface Entry {
  readonly name: string;
  readonly architecture: string;
  readonly version?: string;
  readonly content?: Uint8Array;
  readonly href?: string;
  readonly base?: string;
  readonly sha256?: string;
  readonly checksumType?: string;
  readonly size?: number | string;
  readonly epoch?: string;
  /** more elements of the package. */
  readonly more?: string;
}

export const NAMES = ['clickhouse-common-static', 'clickhouse-server', 'clickhouse-client', 'clickhouse-keeper'] as const;
export const ARCHITECTURES = ['aarch64', 'x86_64'] as const;

/** The content of a package: nobody here looks into it. */
export function contentOf(name: string, architecture: string, version = VERSION, size = 3_000): Buffer {
  const seed = createHash('sha512').update(`${name} ${architecture} ${version}`).digest();
  return Buffer.alloc(size, seed);
}

export function entries(version = VERSION): Entry[] {
  return ARCHITECTURES.flatMap((architecture) => NAMES.map((name) => ({ name, architecture, version })));
}

/** primary.xml as createrepo_c writes it. */
export function primaryOf(packages: readonly Entry[]): string {
  const body = packages.map((each) => {
    const { name, architecture, version = VERSION, content = contentOf(name, architecture, version), href = fileOf(name, architecture, version), epoch = '0' } = each;
    return `<package type="rpm">
  <name>${name}</name>
  <arch>${architecture}</arch>
  <version epoch="${epoch}" ver="${version}" rel="1"/>
  <checksum type="${each.checksumType ?? 'sha256'}" pkgid="YES">${each.sha256 ?? sha256(content)}</checksum>
  <summary>Fast &amp; small: a &lt;column&gt; store</summary>
  <description>Läuft überall &#8211; &quot;really&quot;.</description>
  <packager>A vendor &lt;packages@example.com&gt;</packager>
  <url>https://example.com</url>
  <time file="1756288000" build="1756287000"/>
  <size package="${each.size ?? content.length}" installed="123456" archive="123460"/>
  <location href="${href}"${each.base === undefined ? '' : ` xml:base="${each.base}"`}/>${each.more ?? ''}
  <format>
    <rpm:license>Apache-2.0</rpm:license>
    <rpm:provides>
      <rpm:entry name="${name}" flags="EQ" epoch="0" ver="${version}" rel="1"/>
      <rpm:entry name="config(${name})" flags='GE' ver="1>0"/>
    </rpm:provides>
    <file>/usr/bin/${name}</file>
    <name>nested</name>
  </format>
</package>
`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="${packages.length}">
${body.join('')}</metadata>
`;
}

export function fileOf(name: string, architecture: string, version = VERSION): string {
  return `${name}-${version}.${architecture}.rpm`;
}

/** repomd.xml as createrepo_c writes it. */
export function repomdOf(primary: Uint8Array, { revision = '1756288000', path = `repodata/${sha256(primary)}-primary.xml.gz`, digest = sha256(primary), size = primary.length }: { revision?: string; path?: string; digest?: string; size?: number | string } = {}): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<repomd xmlns="http://linux.duke.edu/metadata/repo" xmlns:rpm="http://linux.duke.edu/metadata/rpm">
  <revision>${revision}</revision>
  <data type="filelists">
    <checksum type="sha256">${sha256('filelists')}</checksum>
    <location href="repodata/filelists.xml.gz"/>
    <size>9</size>
  </data>
  <data type="primary">
    <checksum type="sha256">${digest}</checksum>
    <open-checksum type="sha256">${sha256('open')}</open-checksum>
    <location href="${path}"/>
    <timestamp>1756288000</timestamp>
    <size>${size}</size>
    <open-size>1234</open-size>
  </data>
</repomd>
`;
}

/** What a test does to one request. Answers true when it has answered. */
export type Fault = (request: IncomingMessage, response: ServerResponse, path: string) => boolean;

export interface Publication {
  readonly packages?: readonly Entry[];
  readonly revision?: string;
  readonly key?: SigningKey;
  readonly signed?: Date;
  /** changes of what is signed. */
  readonly primary?: (text: string) => string;
  readonly repomd?: (text: string) => string;
  /** changes of the list of packages after it was packed, and before its digest is taken. */
  readonly packed?: (content: Buffer) => Buffer;
  readonly path?: string;
}

/** A repository on loopback, behind HTTPS with a certificate of its own authority. */
export class TestRepository {
  readonly files = new Map<string, Buffer>();
  readonly requests: string[] = [];
  fault: Fault = () => false;
  private readonly sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    readonly ca: string,
    readonly key: SigningKey,
  ) {}

  static async start(): Promise<TestRepository> {
    const authority = new TestAuthority();
    const { certificate, privateKey } = authority.issue({ ip: ADDRESS });
    const server = createServer({ cert: certificate, key: privateKey });
    const repository = new TestRepository(server, authority.pem, await makeKey());
    server.on('request', (request: IncomingMessage, response: ServerResponse) => repository.answer(request, response));
    server.on('secureConnection', (socket: Socket) => {
      repository.sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => repository.sockets.delete(socket));
    });
    server.listen(0, ADDRESS);
    await once(server, 'listening');
    return repository;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  get url(): string {
    return `https://${ADDRESS}:${(this.server.address() as AddressInfo).port}/rpm/stable/`;
  }

  /** As if newly made. */
  async reset(publication: Publication = {}): Promise<void> {
    this.files.clear();
    this.requests.length = 0;
    this.fault = () => false;
    await this.publish(publication);
  }

  async publish({ packages = entries(), revision, key = this.key, signed, primary = (text) => text, repomd = (text) => text, packed = (content) => content, path }: Publication = {}): Promise<void> {
    const list = packed(gzipSync(primary(primaryOf(packages))));
    const index = Buffer.from(repomd(repomdOf(list, { revision, path })));
    this.files.set(path ?? `repodata/${sha256(list)}-primary.xml.gz`, list);
    this.files.set('repodata/repomd.xml', index);
    this.files.set('repodata/repomd.xml.asc', Buffer.from(await key.sign(index, signed)));
    this.files.set('repodata/repomd.xml.key', Buffer.from(key.publicKey));
    for (const { name, architecture, version, content = contentOf(name, architecture, version) } of packages) this.files.set(fileOf(name, architecture, version), Buffer.from(content));
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const path = (request.url ?? '').replace('/rpm/stable/', '');
    this.requests.push(request.headers.range === undefined ? path : `${path} ${request.headers.range}`);
    if (this.fault(request, response, path)) return;
    this.serve(request, response, this.files.get(path));
  }

  serve(request: IncomingMessage, response: ServerResponse, content: Buffer | undefined): void {
    if (content === undefined) {
      response.writeHead(404).end();
      return;
    }
    const [, from] = /^bytes=([0-9]+)-$/.exec(request.headers.range ?? '') ?? [];
    if (from === undefined) response.writeHead(200, { 'content-length': content.length }).end(content);
    else response.writeHead(206, { 'content-length': content.length - Number(from), 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }).end(content.subarray(Number(from)));
  }
}
