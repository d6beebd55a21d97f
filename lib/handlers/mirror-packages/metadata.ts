import type { Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { sha256Hex } from '../../config/manifest';
import { kind } from '../failure';
import type { Fetching } from './download';
import { check, fetchFile } from './download';
import type { Packages } from './event';
import { MirrorFailure } from './failure';
import { LARGEST_PACKAGE, PrimaryReader } from './primary';
import type { Repomd } from './repomd';
import { readRepomd } from './repomd';
import { verifySignature } from './signature';
import type { OpenPgp } from './world';
import { XmlReader } from './xml';

const KILOBYTE = 1024;
const MEGABYTE = 1024 * KILOBYTE;

/** More than a vendor needs, and less than the memory of the function. */
export const LIMITS = { key: 256 * KILOBYTE, signature: 64 * KILOBYTE, repomd: MEGABYTE, primary: 32 * MEGABYTE, open: 512 * MEGABYTE, package: LARGEST_PACKAGE } as const;

/** The index of a repository, its signature verified. */
export interface Index {
  readonly repomd: Repomd;
  /** of repomd.xml. */
  readonly sha256: string;
}

const REPOMD = 'repodata/repomd.xml';

/** Fetches the index and verifies who signed it. */
export async function fetchIndex(pgp: OpenPgp, fingerprints: readonly string[], fetching: Fetching): Promise<Index> {
  const get = async (path: string, limit: number): Promise<Buffer> => {
    const content = await fetchFile(path, { limit }, fetching);
    if (content === undefined) throw new MirrorFailure('NotFound', `${new URL(path, fetching.repository).href} does not exist; is 'Repository' right?`);
    return content;
  };
  const content = await get(REPOMD, LIMITS.repomd);
  const signature = await fetchFile(`${REPOMD}.asc`, { limit: LIMITS.signature }, fetching);
  if (signature === undefined) throw new MirrorFailure('NotSigned', `${fetching.repository.href}${REPOMD} has no signature; pin the digest of every file, or take another repository`);
  const key = await get(`${REPOMD}.key`, LIMITS.key);
  await verifySignature(pgp, { key: key.toString('latin1'), signature: signature.toString('latin1'), content }, fingerprints, fetching.world.now());
  return { repomd: readRepomd(content), sha256: sha256Hex(content) };
}

/** Fetches the list of packages that the index names, and reads it when all of it has come and is the one that was signed for. */
export async function fetchPackages({ primary }: Repomd, { wanted, version }: Packages, fetching: Fetching): Promise<PrimaryReader> {
  const { path, sha256, size } = primary;
  const decompress = decompressor(path);
  if (size > LIMITS.primary) throw new MirrorFailure('TooLarge', `${path} has ${size} bytes, at most ${LIMITS.primary} are taken`);
  const content = await fetchFile(path, { size, limit: LIMITS.primary }, fetching);
  if (content === undefined) throw new MirrorFailure('NotFound', `${path}, which repomd.xml names, does not exist`);
  const got = sha256Hex(content);
  if (got !== sha256) throw new MirrorFailure('DigestDiffers', `${path} has the SHA-256 ${got}, signed is ${sha256}; nothing was mirrored`);
  const packages = new PrimaryReader(wanted, version);
  const xml = new XmlReader('the list of packages', packages);
  let open = 0;
  for await (const chunk of inflated(content, decompress, path)) {
    check(fetching, path);
    open += chunk.length;
    if (open > LIMITS.open) throw new MirrorFailure('TooLarge', `${path} has more than ${LIMITS.open} bytes when it is unpacked`);
    xml.write(chunk);
  }
  xml.end();
  return packages;
}

async function* inflated(content: Buffer, decompress: (() => Transform) | undefined, path: string): AsyncGenerator<Buffer> {
  if (decompress === undefined) {
    yield content;
    return;
  }
  const stream = decompress();
  stream.end(content);
  const chunks = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await chunks.next().catch((error: unknown) => {
        throw new MirrorFailure('BadMetadata', `${path} cannot be unpacked: ${kind(error)}`);
      });
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    stream.destroy();
  }
}

/** Zstandard, which Node.js has since 22.15 (https://nodejs.org/api/zlib.html#zlibcreatezstddecompressoptions). */
interface Zstd {
  readonly createZstdDecompress?: (options: { readonly chunkSize: number; readonly params: Readonly<Record<number, number>> }) => Transform;
  readonly constants: { readonly ZSTD_d_windowLogMax?: number };
}

// not in the types of the oldest Node.js that we have.
const THIS_NODE = zlib as unknown as Zstd;

const CHUNK = { chunkSize: 64 * KILOBYTE };

/** How a list of packages is unpacked, by its name; undefined: it is not packed. */
export function decompressor(path: string, { createZstdDecompress, constants }: Zstd = THIS_NODE): (() => Transform) | undefined {
  if (path.endsWith('.xml')) return undefined;
  if (path.endsWith('.xml.gz')) return () => zlib.createGunzip(CHUNK);
  if (path.endsWith('.xml.zst') && createZstdDecompress !== undefined && constants.ZSTD_d_windowLogMax !== undefined) {
    // a frame says how much memory it needs: 16 MiB at most.
    const params = { [constants.ZSTD_d_windowLogMax]: 24 };
    return () => createZstdDecompress({ ...CHUNK, params });
  }
  throw new MirrorFailure('BadMetadata', `${path} is packed in a way that cannot be read here; pin the digest of every file`);
}
