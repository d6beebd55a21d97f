import { dirname, join } from 'node:path';
import type { FolderDisk } from '../certificates/folders';
import type { Owner } from '../disk';
import { kindOf } from '../disk';
import type { Account } from './account';

/** What there must be before ClickHouse starts. */
export interface DirectoriesRequest {
  /** whose they are, those that hold others first. Nothing above them is made. */
  readonly directories: readonly OwnedDirectory[];
  /** the directories that ClickHouse merges every document of into its configuration, and the names of those that are ours. */
  readonly documents: readonly DocumentDirectory[];
  /** in which nothing may lie. */
  readonly empty: readonly string[];
}

export interface OwnedDirectory {
  readonly path: string;
  /** the mode is the directory's own. */
  readonly owner: Owner;
}

export interface DocumentDirectory {
  readonly path: string;
  readonly ours: readonly string[];
}

/** Where the directories of a server are. */
export interface ServerDirectories {
  readonly config: string;
  readonly data: string;
  readonly log: string;
  readonly userFiles: string;
  readonly userScripts: string;
  /** the names of the documents in them that are ours. */
  readonly configDocuments: readonly string[];
  readonly usersDocuments: readonly string[];
}

/** Where the directories of a Keeper are. */
export interface KeeperDirectories {
  readonly config: string;
  readonly data: string;
  readonly log: string;
  readonly configDocuments: readonly string[];
}

/** The directories of a server. `root` owns what ClickHouse may read and not write. */
export function serverDirectories(paths: ServerDirectories, clickhouse: Account, root: Account): DirectoriesRequest {
  const { config, data, log, userFiles, userScripts } = paths;
  const readOnly = { uid: root.uid, gid: clickhouse.gid, mode: 0o750 };
  const nobodys = { ...root, mode: 0o555 };
  return {
    directories: [
      ...[...new Set([dirname(userFiles), dirname(userScripts)])].map((path) => ({ path, owner: { ...root, mode: 0o755 } })),
      { path: userFiles, owner: nobodys },
      { path: userScripts, owner: nobodys },
      { path: data, owner: { ...clickhouse, mode: 0o750 } },
      { path: log, owner: { ...clickhouse, mode: 0o750 } },
      ...[config, join(config, 'config.d'), join(config, 'users.d'), join(config, 'conf.d')].map((path) => ({ path, owner: readOnly })),
    ],
    documents: [
      { path: join(config, 'config.d'), ours: paths.configDocuments },
      { path: join(config, 'users.d'), ours: paths.usersDocuments },
      // merged into both.
      { path: join(config, 'conf.d'), ours: [] },
    ],
    empty: [userFiles, userScripts],
  };
}

/** The directories of a Keeper. */
export function keeperDirectories(paths: KeeperDirectories, clickhouse: Account, root: Account): DirectoriesRequest {
  const { config, data, log } = paths;
  const readOnly = { uid: root.uid, gid: clickhouse.gid, mode: 0o750 };
  return {
    directories: [
      { path: data, owner: { ...clickhouse, mode: 0o750 } },
      { path: log, owner: { ...clickhouse, mode: 0o750 } },
      ...[config, join(config, 'keeper_config.d'), join(config, 'conf.d')].map((path) => ({ path, owner: readOnly })),
    ],
    documents: [
      { path: join(config, 'keeper_config.d'), ours: paths.configDocuments },
      { path: join(config, 'conf.d'), ours: [] },
    ],
    empty: [],
  };
}

/**
 * What ClickHouse merges into its configuration; names that begin with a dot it skips.
 * https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/Config/ConfigProcessor.cpp (getConfigMergeFiles)
 */
const MERGED = /^[^.].*\.(?:xml|conf|yaml|yml)$/;

/**
 * Makes the directories and corrects whose they are: the package's script gives the whole configuration to ClickHouse, which could then rewrite it.
 * https://github.com/ClickHouse/ClickHouse/blob/master/programs/install/Install.cpp
 *
 * Removes the documents that are not ours, which the package or an image brought; says which. The order matters: nobody but root can put one back.
 */
export function prepareDirectories(request: DirectoriesRequest, disk: FolderDisk): readonly string[] {
  for (const each of request.directories) make(disk, each);
  const removed = request.documents.flatMap((each) => removeForeign(disk, each));
  for (const path of request.empty) {
    const [found] = disk.list(path);
    // whoever put it there had reasons, and is told rather than robbed.
    if (found !== undefined) throw new Error(`${path} must be empty, and holds ${JSON.stringify(found)}: every user of ClickHouse could read or run it; remove it`);
  }
  return removed;
}

function make(disk: FolderDisk, { path, owner }: OwnedDirectory): void {
  if (disk.look(path) === undefined) disk.makeDirectory(path, 0o700);
  const state = disk.look(path);
  if (state?.regular) throw new Error(`${path} must be a directory, and is a file`);
  // the mode of a link is 0777 (https://man7.org/linux/man-pages/man7/symlink.7.html), which none of ours is: so it comes here, where it is refused.
  if (state?.uid !== owner.uid || state.gid !== owner.gid || state.mode !== owner.mode) own(disk, path, owner);
  // each time: whoever made it may have ended before this.
  disk.syncDirectory(dirname(path));
}

function own(disk: FolderDisk, path: string, owner: Owner): void {
  try {
    disk.setDirectoryOwner(path, owner);
  } catch (error) {
    if (['ELOOP', 'ENOTDIR'].includes(kindOf(error))) throw new Error(`${path} must be a directory and no link to one`);
    throw error;
  }
}

function removeForeign(disk: FolderDisk, { path, ours }: DocumentDirectory): string[] {
  const foreign = disk.list(path).filter((name) => MERGED.test(name) && !ours.includes(name));
  for (const name of foreign) disk.remove(join(path, name));
  // each time: whoever removed one may have ended before this.
  disk.syncDirectory(path);
  return foreign.map((name) => join(path, name));
}
