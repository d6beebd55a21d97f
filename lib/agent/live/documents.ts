import { basename, join } from 'node:path';
import type { LiveManifest } from '../../config/manifest';
import type { Disk } from '../disk';
import { removeFile } from '../disk';

// extra documents of users; users themselves are `credentials/`.
const EXTRA = /^extra-[a-z][a-z0-9_-]*\.xml$/;

/** Removes extra documents that are not declared any more. Users who referred to one are written before. */
export function removeStaleExtras(disk: Disk, usersDirectory: string, manifest: LiveManifest): string[] {
  const declared = new Set(manifest.documents.map(({ path }) => basename(path)));
  const stale = disk.list(usersDirectory).filter((name) => EXTRA.test(name) && !declared.has(name));
  for (const name of stale) removeFile(disk, join(usersDirectory, name));
  return stale;
}
