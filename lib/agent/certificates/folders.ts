import { randomBytes } from 'node:crypto';
import { closeSync, constants, fchmodSync, fchownSync, openSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Disk, Owner } from '../disk';
import { DISK, isAlready } from '../disk';
import type { Material } from './material';

/** What is done to directories, besides what is done to files. */
export interface FolderDisk extends Disk {
  /** of a directory itself; fails for a link to one. */
  setDirectoryOwner(path: string, owner: Owner): void;
  /** fails unless it is empty. */
  removeDirectory(path: string): void;
}

/** The real one. */
export const FOLDER_DISK: FolderDisk = {
  ...DISK,
  setDirectoryOwner: (path, { uid, gid, mode }) => {
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      fchownSync(fd, uid, gid);
      fchmodSync(fd, mode);
    } finally {
      closeSync(fd);
    }
  },
  removeDirectory: rmdirSync,
};

/** The directory that holds a folder for each certificate, and whose it and everything in it is: readable for ClickHouse, writable for nobody but root. */
export interface TlsDirectory {
  readonly path: string;
  /** of the files; a directory can be entered besides by whoever may read. */
  readonly owner: Owner;
}

/** A folder that is complete, or was. */
export interface Folder {
  readonly name: string;
  /** orders folders as they were made, see {@link writeFolder}; undefined when its certificate is missing. */
  readonly made?: number;
}

/** The files of a folder. */
export const FILES = { certificate: 'node.crt', privateKey: 'node.key', bundle: 'ca.crt' } as const;

// the serial number, and a count when there was a folder of that name already.
const NAME = /^[0-9a-f]{16,40}(?:-[1-9][0-9]{0,3})?$/;
const UNFINISHED = /^\.[0-9a-f]{16,40}(?:-[1-9][0-9]{0,3})?\.[0-9a-f]{12}\.tmp$/;

/** Makes the directory when it is not there, and corrects whose it is. Only the last part of its path: what holds it is not ours. */
export function prepareDirectory(disk: FolderDisk, { path, owner }: TlsDirectory): void {
  if (disk.look(path) === undefined) disk.makeDirectory(path, 0o700);
  own(disk, path, owner);
  // each time: whoever made it may have ended before this.
  disk.syncDirectory(dirname(path));
}

/** The folders that are there, none of which is half written. Whatever else lies in the directory is not ours. */
export function folders(disk: FolderDisk, directory: TlsDirectory): Folder[] {
  return ours(disk, directory, NAME).map((name) => {
    const state = disk.look(join(directory.path, name, FILES.certificate));
    return state === undefined ? { name } : { name, made: state.modified };
  });
}

/** Whether a folder holds this material and nobody may read it who should not. */
export function holds(disk: FolderDisk, { path, owner }: TlsDirectory, name: string, material: Material): boolean {
  return contents(material).every(([file, content]) => isAlready(disk, join(path, name, file), content, owner));
}

/** The text of a file in a folder; undefined when there is none. */
export function textIn(disk: FolderDisk, { path }: TlsDirectory, name: string, file: keyof typeof FILES): string | undefined {
  const full = join(path, name, FILES[file]);
  return disk.look(full)?.regular ? disk.read(full) : undefined;
}

/**
 * Writes material into a folder of its own and says which. It gets its name when everything in it would survive a power failure, and nothing in it
 * ever changes after that.
 *
 * Its files are at least a whole second younger than all others, even if the clock was set back: ClickHouse compares times of modification, and
 * folders are ordered by them.
 */
export function writeFolder(disk: FolderDisk, directory: TlsDirectory, material: Material): string {
  const { path, owner } = directory;
  const name = freeName(disk, path, material.serial);
  const unfinished = join(path, `.${name}.${randomBytes(6).toString('hex')}.tmp`);
  const youngest = Math.max(0, ...folders(disk, directory).map(({ made = 0 }) => Math.floor(made / 1000)));
  disk.makeDirectory(unfinished, 0o700);
  for (const [file, content] of contents(material)) {
    const open = disk.create(join(unfinished, file));
    try {
      // before there is anything to read.
      open.setOwner(owner);
      open.write(content);
      if (Math.floor(open.modified() / 1000) <= youngest) open.setModified(youngest + 1);
      open.sync();
    } finally {
      open.close();
    }
  }
  own(disk, unfinished, owner);
  disk.syncDirectory(unfinished);
  disk.rename(unfinished, join(path, name));
  return name;
}

/** Removes a folder, its key first. Only what is ours: something else in it stays, and the folder with it. */
export function removeFolder(disk: FolderDisk, { path }: TlsDirectory, name: string): void {
  const folder = join(path, name);
  for (const file of [FILES.privateKey, FILES.bundle, FILES.certificate]) {
    if (disk.look(join(folder, file)) !== undefined) disk.remove(join(folder, file));
  }
  disk.removeDirectory(folder);
  disk.syncDirectory(path);
}

/** Removes what a process left behind that ended while it wrote a folder. */
export function removeUnfinished(disk: FolderDisk, directory: TlsDirectory): void {
  for (const name of ours(disk, directory, UNFINISHED)) removeFolder(disk, directory, name);
}

/** The directories of ours with a name of that form. A link, or what somebody else may write to, is not ours: nothing in it is touched. */
function ours(disk: FolderDisk, { path, owner }: TlsDirectory, form: RegExp): string[] {
  return disk.list(path).filter((name) => {
    const state = form.test(name) ? disk.look(join(path, name)) : undefined;
    return state !== undefined && !state.regular && state.uid === owner.uid && (state.mode & 0o022) === 0;
  });
}

function own(disk: FolderDisk, path: string, { uid, gid, mode }: Owner): void {
  const wanted = { uid, gid, mode: mode | ((mode & 0o444) >> 2) };
  const state = disk.look(path);
  if (state?.uid !== uid || state.gid !== gid || state.mode !== wanted.mode) disk.setDirectoryOwner(path, wanted);
}

function contents(material: Material): [file: string, content: string][] {
  return [
    [FILES.certificate, material.certificate],
    [FILES.privateKey, material.privateKey],
    [FILES.bundle, material.bundle],
  ];
}

function freeName(disk: FolderDisk, path: string, serial: string): string {
  if (!NAME.test(serial)) throw new Error(`a serial number must be 16 to 40 lower-case hexadecimal digits to name a folder, got ${JSON.stringify(serial)}`);
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? serial : `${serial}-${count}`;
    if (disk.look(join(path, name)) === undefined) return name;
  }
}
