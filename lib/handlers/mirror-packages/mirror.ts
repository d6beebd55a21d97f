import { createHash } from 'node:crypto';
import { sha256Hex } from '../../config/manifest';
import { isSha256 } from '../../config/report';
import type { Fetching } from './download';
import { fetchInto } from './download';
import type { Packages, Wanted } from './event';
import { attributeOf, fileNameOf } from './event';
import { MirrorFailure } from './failure';
import type { Index } from './metadata';
import { fetchIndex, fetchPackages, LIMITS } from './metadata';
import type { PrimaryReader } from './primary';
import { isPath } from './primary';
import type { PackageStore, Part, World } from './world';

/** A file that is to be in the bucket. */
export interface Target {
  readonly wanted: Wanted;
  /** in the repository. */
  readonly path: string;
  readonly file: string;
  readonly sha256: string;
  /** undefined: only the digest is known. */
  readonly size?: number;
}

/** S3 takes parts of 5 MiB or more; one is held in memory (https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html). */
export const PART = 8 * 1024 * 1024;

/**
 * Brings packages into the bucket, and answers with their keys and digests.
 *
 * Nothing is remembered but what the bucket holds, so that whoever is killed is followed by a run that does what is missing. A key holds the digest of its
 * object, and an object comes into being when its digest was seen to be right; none is ever replaced or deleted, for nodes that were installed from it.
 */
export async function mirror(packages: Packages, deadline: number, world: World): Promise<Record<string, string>> {
  const { bucket, prefix, repository } = packages;
  const store = world.store(bucket);
  const fetching = { world, repository, deadline };
  const targets = await findTargets(packages, store, fetching, world).catch((error: unknown) => mirroredBefore(packages, store, error, world));
  const data: Record<string, string> = {};
  // one after the other: two would need twice the memory, and share the same network.
  for (const target of targets) {
    const key = keyOf(prefix, target);
    const started = world.now();
    const outcome = await ensure(key, target, store, fetching);
    world.log('package', { file: target.file, sha256: target.sha256, outcome, seconds: Math.round((world.now() - started) / 1000) });
    data[attributeOf(target.wanted, 'Key')] = key;
    data[attributeOf(target.wanted, 'Sha256')] = target.sha256;
  }
  const record = JSON.stringify(targets);
  if ((await store.read(recordKey(packages))) !== record) await store.write(recordKey(packages), record);
  return data;
}

export function recordKey({ prefix, version, repository, wanted, fingerprints, digests }: Packages): string {
  return `${prefix}/mirrored/${sha256Hex(JSON.stringify([version, repository.href, wanted, fingerprints, [...digests]]))}.json`;
}

/** A vendor that is away, or has taken an old version out of its repository, must not keep a deployment from going back to what it had. */
const GONE = ['UpstreamDown', 'NotFound', 'NoSuchVersion'];

/** What the same request came to when it was last answered; otherwise the error stays. What is not trusted now is not trusted for having been before. */
async function mirroredBefore(packages: Packages, store: PackageStore, error: unknown, { log }: World): Promise<readonly Target[]> {
  if (!(error instanceof MirrorFailure) || !GONE.includes(error.code)) throw error;
  const targets = targetsOf(await store.read(recordKey(packages)), packages);
  if (targets === undefined) throw error;
  log('mirrored before', { outcome: error.code, reason: error.message });
  return targets;
}

function targetsOf(text: string | undefined, { wanted, digests }: Packages): readonly Target[] | undefined {
  try {
    const targets = JSON.parse(text ?? 'null') as readonly Target[];
    const fits = targets.every((each, index) => JSON.stringify(each.wanted) === JSON.stringify(wanted[index]) && isPath(each.path) && each.path.endsWith(each.file) && isPath(each.file) && isSha256(each.sha256) && (digests.get(each.file) ?? each.sha256) === each.sha256);
    return fits && targets.length === wanted.length ? targets : undefined;
  } catch {
    return undefined;
  }
}

export function keyOf(prefix: string, { sha256, file }: Pick<Target, 'sha256' | 'file'>): string {
  return `${prefix}/${sha256}/${file}`;
}

/** Which files, with which digests. All are known before the first is fetched. */
async function findTargets(packages: Packages, store: PackageStore, fetching: Fetching, world: World): Promise<readonly Target[]> {
  const { wanted, version, digests, fingerprints } = packages;
  if (fingerprints.length === 0) {
    const targets = wanted.map((each): Target => {
      const file = fileNameOf(each, version);
      return { wanted: each, path: file, file, sha256: digests.get(file) ?? '' };
    });
    return complete(targets, digests);
  }
  const { index, list } = await patiently(fetching, async () => {
    const signed = await fetchIndex(world.openpgp, fingerprints, fetching);
    return { index: signed, list: await fetchPackages(signed.repomd, packages, fetching) };
  });
  const seen = await readSeen(packages, store);
  const older = seen !== undefined && index.repomd.revision < seen.revision;
  const targets = complete(wanted.map((each) => target(each, list)), digests);
  for (const { file, sha256 } of targets) {
    const pinned = digests.get(file);
    if (pinned !== undefined && pinned !== sha256) throw new MirrorFailure('DigestDiffers', `${file} has the SHA-256 ${sha256} in the signed metadata, pinned is ${pinned}; find out from the vendor which one is right. Nothing was mirrored`);
  }
  // an old signature is as good as a new one, so who can answer for the repository can offer what was since taken back.
  if (older && targets.some(({ file }) => !digests.has(file))) {
    throw new MirrorFailure('RolledBack', `the repository is at revision ${index.repomd.revision}, but was at ${seen.revision} before; pin the digest of every file if that is meant. Nothing was mirrored`);
  }
  if (seen === undefined || index.repomd.revision > seen.revision) await store.write(seenKey(packages), JSON.stringify({ repository: packages.repository.href, revision: index.repomd.revision, sha256: index.sha256 }));
  return targets;
}

function target(wanted: Wanted, list: PrimaryReader): Target {
  return { wanted, ...list.listed(wanted) };
}

/** A digest that is for none of the files protects nothing, and whoever wrote it thinks that it does. */
function complete(targets: readonly Target[], digests: ReadonlyMap<string, string>): readonly Target[] {
  const files = targets.map(({ file }) => file);
  const unused = [...digests.keys()].find((file) => !files.includes(file));
  if (unused !== undefined) throw new MirrorFailure('BadEvent', `'Digests' names ${unused}, which is none of the files: ${files.join(', ').slice(0, 600)}`);
  return targets;
}

/** What does not fit together may be in the middle of being published: the vendor replaces several files, one after the other. */
const MAY_PASS = ['BadSignature', 'DigestDiffers', 'NotFound'];
const LOOKS = 3;

async function patiently<Value extends { readonly index: Index }>({ world, deadline }: Fetching, look: () => Promise<Value>): Promise<Value> {
  for (let looks = 1; ; looks += 1) {
    try {
      return await look();
    } catch (error) {
      if (!(error instanceof MirrorFailure) || !MAY_PASS.includes(error.code) || looks === LOOKS || world.now() >= deadline) throw error;
      await world.sleep(10_000);
    }
  }
}

/** The newest index that was accepted. */
interface Seen {
  readonly revision: number;
}

export function seenKey({ prefix, repository }: Pick<Packages, 'prefix' | 'repository'>): string {
  return `${prefix}/repomd/${sha256Hex(repository.href)}.json`;
}

async function readSeen(packages: Packages, store: PackageStore): Promise<Seen | undefined> {
  const text = await store.read(seenKey(packages));
  if (text === undefined) return undefined;
  try {
    const { revision } = JSON.parse(text) as { readonly revision?: unknown };
    if (typeof revision === 'number' && Number.isSafeInteger(revision)) return { revision };
  } catch {
    // said below.
  }
  // taken for nothing, it would let older metadata pass.
  throw new MirrorFailure('UnfitObject', `the object ${seenKey(packages)} does not say which revision of the repository was seen; put back its last version`);
}

async function ensure(key: string, target: Target, store: PackageStore, fetching: Fetching): Promise<'AlreadyThere' | 'Mirrored'> {
  if (await isThere(key, target, store)) return 'AlreadyThere';
  // left by a run that was killed: nobody else works on this bucket, CloudFormation makes one change of a stack at a time.
  for (const upload of await store.unfinished(key)) await store.abort(key, upload);
  const upload = await store.begin(key, target.sha256);
  try {
    const parts = await transfer(key, upload, target, store, fetching);
    await store.complete(key, upload, parts).catch(async (error: unknown) => {
      // done by this call, whose answer was lost, or by another with the same content.
      if (!(await isThere(key, target, store))) throw error;
      await store.abort(key, upload);
    });
    return 'Mirrored';
  } catch (error) {
    // what went wrong is what is told; what is left over is looked for by the next run.
    await store.abort(key, upload).catch(() => undefined);
    throw error;
  }
}

async function isThere(key: string, { sha256, size }: Target, store: PackageStore): Promise<boolean> {
  const found = await store.head(key);
  if (found === undefined) return false;
  if (found.sha256 === sha256 && (size === undefined || found.size === size)) return true;
  throw new MirrorFailure('UnfitObject', `the object ${key} is not from here: it has ${found.size} bytes and says ${found.sha256 ?? 'nothing'} of its SHA-256; find out who wrote it, delete it and deploy again`);
}

/** Reads a file, part by part, and answers when all of it is stored and its digest is right. */
async function transfer(key: string, upload: string, { path, file, sha256, size }: Target, store: PackageStore, fetching: Fetching): Promise<readonly Part[]> {
  const parts: Part[] = [];
  const hash = createHash('sha256');
  // filled again and again, since what the network gives may be kept alive by a small piece of it.
  const buffer = Buffer.allocUnsafe(PART);
  let filled = 0;
  const flush = async (): Promise<void> => {
    parts.push(await store.put(key, upload, parts.length + 1, buffer.subarray(0, filled)));
    filled = 0;
  };
  const there = await fetchInto(path, { size, limit: LIMITS.package }, fetching, async (chunk) => {
    hash.update(chunk);
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(PART - filled, chunk.length - at);
      buffer.set(chunk.subarray(at, at + taken), filled);
      filled += taken;
      at += taken;
      if (filled === PART) await flush();
    }
  });
  if (!there) throw new MirrorFailure('NotFound', `${new URL(path, fetching.repository).href} does not exist; does the repository still have this version?`);
  const got = hash.digest('hex');
  if (got !== sha256) throw new MirrorFailure('DigestDiffers', `${file} has the SHA-256 ${got}, expected ${sha256}; it was not kept`);
  // an upload has at least one part.
  if (filled > 0 || parts.length === 0) await flush();
  return parts;
}
