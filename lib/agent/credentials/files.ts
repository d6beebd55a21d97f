import { join } from 'node:path';
import type { Disk, Owner } from '../disk';
import { isAlready, removeFile, replaceFile } from '../disk';

/** Where users' documents lie, and whose they are: readable for the server, writable for nobody but root. */
export interface UsersDirectory {
  readonly path: string;
  readonly owner: Owner;
}

// the file of a user: `checkedUserName` allows no name that begins with extra-, which is how the files of extra documents are called.
const OWN = /^(?!extra-)[a-z][a-z0-9_-]*\.xml$/;

/** The users who have a file, declared or not. */
export function writtenUsers(disk: Disk, { path }: UsersDirectory): string[] {
  return disk.list(path).filter((name) => OWN.test(name)).map((name) => name.slice(0, -'.xml'.length));
}

/** The document of a user as it is now; undefined when he has none. */
export function writtenDocument(disk: Disk, { path }: UsersDirectory, user: string): string | undefined {
  const file = fileOf(path, user);
  return disk.look(file)?.regular ? disk.read(file) : undefined;
}

/** Writes the document of a user, unless it is there already: a file that is touched makes the server read all of them again. */
export function writeDocument(disk: Disk, { path, owner }: UsersDirectory, user: string, content: string): boolean {
  const file = fileOf(path, user);
  if (isAlready(disk, file, content, owner)) return false;
  replaceFile(disk, file, content, owner);
  return true;
}

/** Removes the document of a user; false when there was none. */
export function removeDocument(disk: Disk, { path }: UsersDirectory, user: string): boolean {
  const file = fileOf(path, user);
  if (disk.look(file) === undefined) return false;
  removeFile(disk, file);
  return true;
}

function fileOf(path: string, user: string): string {
  return join(path, `${user}.xml`);
}
