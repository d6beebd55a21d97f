import { dirname, join } from 'node:path';
import { fillHoles } from '../../config/holes';
import type { DocumentTemplate } from '../../config/manifest';
import { isAlready, replaceFile, tidy } from '../disk';
import type { Folder, FolderDisk, TlsDirectory } from './folders';
import { FILES, folders, holds, prepareDirectory, removeFolder, removeUnfinished, textIn, writeFolder } from './folders';
import type { Material } from './material';

/** Where material goes. */
export interface Place {
  readonly directory: TlsDirectory;
  /** the document that names the files of one folder, with its holes open. */
  readonly document: DocumentTemplate;
}

/** What was done. */
export interface Installation {
  readonly changed: boolean;
  /** whether the authority's certificates are others than before, which ClickHouse reads when it starts. */
  readonly bundleChanged: boolean;
  /** folders that nobody reads any more. */
  readonly removed: readonly string[];
}

/**
 * How long folders stay that are not named any more. ClickHouse reads the document first and the files when it gets to it: within seconds when it
 * runs, after everything was loaded when it starts.
 */
export const GRACE_MILLISECONDS = 24 * 3_600_000;

/**
 * Makes ClickHouse read this material, unless it does already.
 *
 * All three files lie in a folder whose contents never change, and one rename of one document switches from folder to folder: whoever read the
 * document before reads the old certificate, key and bundle, whoever reads it after reads the new ones, and nobody a certificate with
 * another's key. ClickHouse would not notice before the next handshake: it watches the two files separately and checks the pair for each
 * connection. https://github.com/ClickHouse/ClickHouse/blob/master/src/Server/CertificateReloader.cpp
 *
 * A reader gets what it was promised if it needs less than the grace, or if no more than one switch happens meanwhile, whatever the clock says.
 */
export function install(disk: FolderDisk, place: Place, material: Material, now: number): Installation {
  const { directory, document } = place;
  prepareDirectory(disk, directory);
  tidy(disk, dirname(document.path));
  removeUnfinished(disk, directory);
  const before = named(disk, place);
  removeNeverNamed(disk, place, before);
  // without a document nobody reads any of them.
  const kept = (before.length > 0 ? before : folders(disk, directory)).find(({ name }) => holds(disk, directory, name, material))?.name;
  const bundleChanged = before.some(({ name }) => textIn(disk, directory, name, 'bundle') !== material.bundle);
  if (kept !== undefined && isAlready(disk, document.path, naming(place, kept), directory.owner)) return { changed: false, bundleChanged, removed: removeOld(disk, place, now) };
  const folder = kept ?? writeFolder(disk, directory, material);
  // its name must last before it is named; also of one that a process made which ended before this.
  disk.syncDirectory(directory.path);
  replaceFile(disk, document.path, naming(place, folder), directory.owner);
  return { changed: true, bundleChanged, removed: [] };
}

/** The folders whose files the document names: one, unless it is not there or somebody else wrote it. */
export function named(disk: FolderDisk, { directory, document }: Place): Folder[] {
  if (!disk.look(document.path)?.regular) return [];
  const text = disk.read(document.path);
  return folders(disk, directory).filter(({ name }) => text.includes(`${join(directory.path, name)}/`));
}

/** The document that names a folder. */
function naming({ directory, document }: Place, folder: string): string {
  const paths = [FILES.certificate, FILES.privateKey, FILES.bundle].map((file) => join(directory.path, folder, file));
  const [certificatePath, privateKeyPath, caBundlePath] = paths;
  const text = fillHoles(document.template, { certificatePath, privateKeyPath, caBundlePath });
  const missing = paths.filter((path) => !text.includes(`>${path}<`));
  if (missing.length > 0) throw new Error(`the boot manifest's ${document.path} must name certificate, key and bundle, it does not name ${missing.join(', ')}; publish agent and manifest together`);
  return text;
}

/** What is younger than the named folder was complete when a process ended, and never named. What has no certificate was being removed. */
function removeNeverNamed(disk: FolderDisk, { directory }: Place, current: readonly Folder[]): void {
  const youngest = Math.max(...current.map(({ made = Infinity }) => made));
  for (const folder of folders(disk, directory)) {
    if (current.length > 0 && !includes(current, folder) && (folder.made === undefined || folder.made > youngest)) removeFolder(disk, directory, folder.name);
  }
}

/** Removes what nobody reads any more, but for the folder before the named one: a clock that is wrong must not take it from under a reader. */
function removeOld(disk: FolderDisk, place: Place, now: number): string[] {
  const since = disk.look(place.document.path)?.modified ?? Infinity;
  if (now - since < GRACE_MILLISECONDS) return [];
  const current = named(disk, place);
  const old = folders(disk, place.directory).filter((folder) => !includes(current, folder));
  const [, ...unread] = old.sort((a, b) => (b.made ?? 0) - (a.made ?? 0)).map(({ name }) => name);
  for (const name of unread) removeFolder(disk, place.directory, name);
  return unread;
}

function includes(all: readonly Folder[], { name }: Folder): boolean {
  return all.some((each) => each.name === name);
}
