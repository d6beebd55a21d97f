import { createHash, randomBytes } from 'node:crypto';
import { closeSync, constants, createReadStream, fsyncSync, openSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { FolderDisk } from '../certificates/folders';
import { FOLDER_DISK, prepareDirectory } from '../certificates/folders';
import type { Owner } from '../disk';
import type { PublishedPackage } from '../identity';
import type { Programs } from '../programs';
import { succeed } from '../programs';
import { disableAutostart, GUARD } from './units';

/** What is done to packages on the disk, besides what is done to other files. */
export interface PackageDisk extends FolderDisk {
  /** fails when there is an entry of that name already. */
  createBinary(path: string): BinaryFile;
  /** the bytes of a file, piece by piece; fails for a link. */
  pieces(path: string): AsyncIterable<Uint8Array>;
}

export interface BinaryFile {
  write(piece: Uint8Array): void;
  sync(): void;
  close(): void;
}

/** The real one. */
export const PACKAGE_DISK: PackageDisk = {
  ...FOLDER_DISK,
  createBinary: (path) => {
    const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    return {
      write: (piece) => {
        for (let written = 0; written < piece.length; ) written += writeSync(fd, piece, written);
      },
      sync: () => fsyncSync(fd),
      close: () => closeSync(fd),
    };
  },
  pieces: (path) => createReadStream(path, { fd: openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW) }) as AsyncIterable<Uint8Array>,
};

/** Where packages are. */
export interface PackageStore {
  /** the bytes of an object, piece by piece; throws when the bucket does not give it, or ends before it did. */
  object(bucket: string, key: string): AsyncIterable<Uint8Array>;
}

export interface PackagesWorld {
  readonly programs: Programs;
  readonly disk: PackageDisk;
  readonly store: PackageStore;
}

export interface PackagesRequest {
  readonly role: 'server' | 'keeper';
  /** what the manifest says; the version of every package. */
  readonly version: string;
  /** empty: the machine image must have brought them. */
  readonly packages: readonly PublishedPackage[];
  /** where they are; needed with packages. */
  readonly bucket?: string;
  /** where they lie until they are installed. Nobody but its owner, who is root, may write there. */
  readonly directory: string;
  readonly owner: Owner;
  /** the drop-in that keeps ClickHouse from starting before it is configured. It must be there before the package is, see {@link installPackages}. */
  readonly guard: string;
}

/** A definite outcome: something else was found than was asked for, and waiting does not change it. Nothing was installed. Whatever else is thrown is worth another try. */
export class PackageRefused extends Error {}

/**
 * What each role runs. The packages of one conflict with those of the other, and each needs its siblings in its own version.
 * https://github.com/ClickHouse/ClickHouse/blob/master/packages/clickhouse-server.yaml
 * https://github.com/ClickHouse/ClickHouse/blob/master/packages/clickhouse-keeper.yaml
 */
export const ROLE_PACKAGES = {
  server: { names: ['clickhouse-common-static', 'clickhouse-server', 'clickhouse-client'], program: '/usr/bin/clickhouse', unit: 'clickhouse-server.service' },
  keeper: { names: ['clickhouse-keeper'], program: '/usr/bin/clickhouse-keeper', unit: 'clickhouse-keeper.service' },
} as const;

/** The packages of a release are below 300 MB each; whoever sends more fills the disk. */
export const MAX_PACKAGE_BYTES = 1024 ** 3;

const RPM = '/usr/bin/rpm';

const LEFTOVER = /^(?:[0-9a-f]{64}\.rpm|\.[0-9a-f]{64}\.[0-9a-f]{12}\.tmp)$/;

/**
 * Makes the packages be there in exactly that version: whether it is newer or older than what was, since a rollback goes back.
 *
 * The script of the server's package enables the service, and with what the package brings it would serve a user `default` without password
 * at the next start of the machine, should this process end in between. A drop-in that is written before stands against that.
 * https://github.com/ClickHouse/ClickHouse/blob/master/packages/clickhouse-server.postinstall
 *
 * Says whether something was installed.
 */
export async function installPackages(request: PackagesRequest, world: PackagesWorld): Promise<boolean> {
  const { role, version, packages, directory } = request;
  const { disk, programs } = world;
  const { names, program, unit } = ROLE_PACKAGES[role];
  checkGuard(disk, request.guard);
  const before = await installed(programs, names);
  const missing = names.filter((name) => before.get(name) !== version);
  if (missing.length > 0 && packages.length === 0) {
    throw new PackageRefused(`the machine image must have ${missing.map((name) => `${name} ${version}`).join(', ')}, and has ${missing.map((name) => before.get(name) ?? 'none').join(', ')}; build it with that version, or publish packages`);
  }
  if (missing.length > 0) {
    prepareDirectory(disk, { path: directory, owner: request.owner });
    removeLeftovers(disk, directory, packages.map(({ sha256 }) => fileName(sha256)));
    for (const each of packages) await download(request, world, each);
    // also those that an earlier boot left, and whatever the disk made of them.
    for (const each of packages) await verify(disk, join(directory, fileName(each.sha256)), each);
    await install(programs, packages.map(({ sha256 }) => join(directory, fileName(sha256))));
    const after = await installed(programs, names);
    const wrong = names.filter((name) => after.get(name) !== version);
    if (wrong.length > 0) throw new PackageRefused(`the packages of the manifest must bring ${wrong.map((name) => `${name} ${version}`).join(', ')}, and brought ${wrong.map((name) => after.get(name) ?? 'none').join(', ')}`);
  }
  // each time: whoever installed it may have ended before this.
  await disableAutostart(programs, unit);
  await dropCapabilities(programs, program);
  removeLeftovers(disk, directory, []);
  return missing.length > 0;
}

/** The versions that are installed. Two of one name are none: neither is the one. */
async function installed(programs: Programs, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const versions = new Map<string, string>();
  for (const name of names) {
    const { code, stdout } = await programs.run(RPM, ['--query', '--queryformat', '%{NAME}=%{VERSION}\\n', name]);
    const lines = stdout.trim().split('\n');
    if (code === 0 && lines.length === 1 && lines[0]?.startsWith(`${name}=`)) versions.set(name, lines[0].slice(name.length + 1));
    else if (code === 0) versions.set(name, lines.join(' and '));
    // anything but this is rpm's own trouble, and must not pass for a package that is not there.
    else if (!stdout.includes('is not installed')) throw new Error(`rpm cannot say whether ${name} is installed: it ended with ${code}`);
  }
  return versions;
}

/** Brings a package unless one lies there already. */
async function download({ directory, bucket = '' }: PackagesRequest, { disk, store }: PackagesWorld, wanted: PublishedPackage): Promise<void> {
  const path = join(directory, fileName(wanted.sha256));
  if (disk.look(path) === undefined) await fetch(disk, store.object(bucket, wanted.key), path, wanted);
}

/**
 * Reads a package once more, just before rpm does. One that is wrong is removed, and the next attempt brings it anew: what the disk made of a package
 * says nothing about the one in the bucket, so this is no {@link PackageRefused}.
 */
async function verify(disk: PackageDisk, path: string, wanted: PublishedPackage): Promise<void> {
  const got = disk.look(path)?.regular ? await digest(disk.pieces(path)) : 'no file';
  if (got === wanted.sha256) return;
  disk.remove(path);
  throw new Error(`${differs(wanted, got)}; it was removed from the disk`);
}

/** Writes what comes under a temporary name, and renames what is right. */
async function fetch(disk: PackageDisk, pieces: AsyncIterable<Uint8Array>, path: string, wanted: PublishedPackage): Promise<void> {
  const temporary = join(dirname(path), `.${wanted.sha256}.${randomBytes(6).toString('hex')}.tmp`);
  const file = disk.createBinary(temporary);
  try {
    try {
      const got = await digest(bounded(pieces, wanted.key), (piece) => file.write(piece));
      if (got !== wanted.sha256) throw new PackageRefused(differs(wanted, got));
      file.sync();
    } finally {
      file.close();
    }
    disk.rename(temporary, path);
  } catch (error) {
    if (disk.look(temporary) !== undefined) disk.remove(temporary);
    throw error;
  }
  disk.syncDirectory(dirname(path));
}

async function digest(pieces: AsyncIterable<Uint8Array>, each: (piece: Uint8Array) => void = () => undefined): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of pieces) {
    hash.update(piece);
    each(piece);
  }
  return hash.digest('hex');
}

async function* bounded(pieces: AsyncIterable<Uint8Array>, key: string): AsyncIterable<Uint8Array> {
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > MAX_PACKAGE_BYTES) throw new PackageRefused(`the package ${key} is larger than ${MAX_PACKAGE_BYTES} bytes`);
    yield piece;
  }
}

function fileName(sha256: string): string {
  return `${sha256}.rpm`;
}

function differs({ key, sha256 }: PublishedPackage, got: string): string {
  return `the package ${key} must have the SHA-256 ${sha256}, got ${got}; nothing was installed`;
}

/**
 * One transaction with all of them, since each names the version of its siblings.
 *
 * - `--upgrade --oldpackage`: in the place of any other version, also a newer one.
 * - `--replacepkgs`: also of what a process half installed.
 * - `--nosignature`: no key is asked for. Whose package this is was decided by the digest in the launch template.
 * - `_flush_io`: files last beyond a power failure that the database of rpm outlives; else a package would count as installed and be empty.
 *
 * No repository is asked: rpm knows none. https://man7.org/linux/man-pages/man8/rpm.8.html
 */
async function install(programs: Programs, files: readonly string[]): Promise<void> {
  await succeed(programs, RPM, ['--upgrade', '--oldpackage', '--replacepkgs', '--nosignature', '--define', '_flush_io 1', ...files], { timeoutSeconds: 600 });
}

/**
 * The server's package gives its program the capability to rule the network (CAP_NET_ADMIN), with which the firewall is no more. A service that may
 * not have it could besides not even run such a program. https://github.com/ClickHouse/ClickHouse/blob/master/programs/install/Install.cpp
 * https://man7.org/linux/man-pages/man7/capabilities.7.html ("Safety checking for capability-dumb binaries")
 */
async function dropCapabilities(programs: Programs, program: string): Promise<void> {
  if ((await succeed(programs, '/usr/sbin/getcap', [program])).trim() === '') return;
  await succeed(programs, '/usr/sbin/setcap', ['-r', program]);
  if ((await succeed(programs, '/usr/sbin/getcap', [program])).trim() !== '') throw new Error(`${program} keeps capabilities that cannot be taken from it; ClickHouse must not run`);
}

function checkGuard(disk: PackageDisk, guard: string): void {
  if (!disk.look(guard)?.regular || !disk.read(guard).includes(GUARD)) throw new Error(`${guard} must be written before ClickHouse is installed: it keeps the service from starting with what the package brings`);
}

function removeLeftovers(disk: PackageDisk, directory: string, kept: readonly string[]): void {
  if (disk.look(directory) === undefined) return;
  for (const name of disk.list(directory)) {
    if (LEFTOVER.test(name) && !kept.includes(name)) disk.remove(join(directory, name));
  }
}
