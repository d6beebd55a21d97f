import { randomBytes } from 'node:crypto';
import {
  closeSync, constants, fchmodSync, fchownSync, fstatSync, fsyncSync, futimesSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { types } from 'node:util';

/** What is done to a file system, one method an effect, so that a test can end the process between any two. Paths are absolute. */
export interface Disk {
  list(directory: string): readonly string[];
  /** of the entry itself, not of what a link leads to; undefined when there is none. */
  look(path: string): FileState | undefined;
  read(path: string): string;
  /** fails when there is an entry of that name already. */
  create(path: string): OpenFile;
  rename(from: string, to: string): void;
  remove(path: string): void;
  makeDirectory(path: string, mode: number): void;
  /** makes what happened to the names in a directory last beyond a power failure. */
  syncDirectory(directory: string): void;
}

export interface FileState {
  readonly regular: boolean;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** milliseconds since the epoch. */
  readonly modified: number;
}

/** A file that was just created and is being written. */
export interface OpenFile {
  write(content: string): void;
  modified(): number;
  setModified(seconds: number): void;
  setOwner(owner: Owner): void;
  sync(): void;
  close(): void;
}

/** Whose a file is and who may read it. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
  readonly mode: number;
}

/** The real one. */
export const DISK: Disk = {
  list: (directory) => readdirSync(directory),
  look: (path) => {
    const state = lstatSync(path, { throwIfNoEntry: false });
    return state && { regular: state.isFile(), mode: state.mode & 0o7777, uid: state.uid, gid: state.gid, modified: state.mtimeMs };
  },
  read: (path) => readFileSync(path, 'utf8'),
  create: (path) => {
    const fd = openSync(path, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o600);
    return {
      write: (content) => writeFileSync(fd, content),
      modified: () => fstatSync(fd).mtimeMs,
      setModified: (seconds) => futimesSync(fd, seconds, seconds),
      setOwner: ({ uid, gid, mode }) => {
        fchownSync(fd, uid, gid);
        fchmodSync(fd, mode);
      },
      sync: () => fsyncSync(fd),
      close: () => closeSync(fd),
    };
  },
  rename: renameSync,
  remove: unlinkSync,
  makeDirectory: (path, mode) => void mkdirSync(path, { mode }),
  syncDirectory: (directory) => {
    const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  },
};

// begins with a dot and does not end in .xml: ClickHouse reads neither (https://clickhouse.com/docs/operations/configuration-files).
const TEMPORARY = /^\.[a-z0-9_-]+\.(?:xml|json)\.[0-9a-f]{12}\.tmp$/;

/**
 * Replaces a file whole: at every instant, also after a power failure, there is the old text or the new one under its name.
 *
 * The new file is always at least a whole second younger than the old one, even if the clock stands still or was set back: ClickHouse compares
 * times of modification, older releases in whole seconds, and never reads a file again whose time is the one it knows.
 * https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/Config/ConfigReloader.cpp
 */
export function replaceFile(disk: Disk, path: string, content: string, owner: Owner): void {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  const old = disk.look(path);
  const file = disk.create(temporary);
  try {
    try {
      file.write(content);
      file.setOwner(owner);
      if (old !== undefined && wholeSeconds(file.modified()) <= wholeSeconds(old.modified)) file.setModified(wholeSeconds(old.modified) + 1);
      file.sync();
    } finally {
      file.close();
    }
    disk.rename(temporary, path);
  } catch (error) {
    quietly(() => disk.remove(temporary));
    throw error;
  }
  disk.syncDirectory(directory);
}

/** Whether a file already is what {@link replaceFile} would make of it. */
export function isAlready(disk: Disk, path: string, content: string, owner: Owner): boolean {
  const state = disk.look(path);
  if (state === undefined || !state.regular || state.uid !== owner.uid || state.gid !== owner.gid || state.mode !== owner.mode) return false;
  return disk.read(path) === content;
}

/** Removes a file for good. */
export function removeFile(disk: Disk, path: string): void {
  disk.remove(path);
  disk.syncDirectory(dirname(path));
}

/**
 * Completes what a process left behind that ended while it replaced a file: removes the half one, and makes last what it had renamed, since
 * whoever finds the right text there will not write it again. Nobody else may be replacing one meanwhile: see `lock.ts`.
 */
export function tidy(disk: Disk, directory: string): void {
  for (const name of disk.list(directory)) {
    if (TEMPORARY.test(name)) disk.remove(join(directory, name));
  }
  disk.syncDirectory(directory);
}

/** What went wrong, in one word that repeats nothing anybody wrote: `ENOSPC`, `ThrottlingException`. */
export function kindOf(error: unknown): string {
  if (!types.isNativeError(error)) return 'Error';
  const { code } = error as NodeJS.ErrnoException;
  const word = typeof code === 'string' ? code : error.name;
  return /^[A-Za-z0-9_]{1,60}$/.test(word) ? word : 'Error';
}

function wholeSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}

function quietly(act: () => void): void {
  try {
    act();
  } catch {
    // the error that led here is the one to tell; the leftover goes with the next pass.
  }
}
