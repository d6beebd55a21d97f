import { join } from 'node:path';
import type { VolumeHistory } from '../boot-steps';
import type { FolderDisk } from '../certificates/folders';
import type { Owner } from '../disk';
import { isAlready, replaceFile } from '../disk';
import type { VolumeOwner } from './world';

/**
 * Whose a filesystem is.
 *
 * - `ours`, `free`: nobody's, and nothing is there.
 * - `other`: why it is not.
 */
export type Ownership = { readonly kind: 'ours' | 'free' } | { readonly kind: 'other'; readonly reason: string };

const OWNER_FILE = '.clickhouse-node.json';
const ESTABLISHED_FILE = 'agent-established.json';
const ROOT: Owner = { uid: 0, gid: 0, mode: 0o600 };

// what replaceFile leaves behind when the process ends in it.
const UNFINISHED = /^\.(?:\.clickhouse-node|agent-established)\.json\.[0-9a-f]{12}\.tmp$/;
// what mkfs makes, and what the agent writes; never ClickHouse.
const NOT_CLICKHOUSE = /^(?:lost\+found$|agent-|\.clickhouse-)/;
// these are told in a message, and somebody else may have written them.
const NAME = /^[\x21-\x7e]{1,200}$/;

/** Finds out whose the filesystem at a mount point is. */
export function ownership(disk: FolderDisk, mountPoint: string, owner: VolumeOwner): Ownership {
  const path = join(mountPoint, OWNER_FILE);
  const state = disk.look(path);
  if (state === undefined) {
    const content = disk.list(mountPoint).filter((name) => name !== 'lost+found' && !UNFINISHED.test(name));
    return content.length === 0 ? { kind: 'free' } : other(`holds ${content.length} files or directories of somebody who did not say whose they are`);
  }
  const there = state.regular ? ownerIn(disk.read(path)) : undefined;
  if (there === undefined) return other(`holds a ${OWNER_FILE} that cannot be read`);
  if (there.cluster === owner.cluster && there.node === owner.node) return { kind: 'ours' };
  return other(`belongs to node ${there.node} of cluster ${there.cluster}, not to node ${owner.node} of cluster ${owner.cluster}`);
}

/** Writes down whose it is, or makes what is written last: a node that lost this after ClickHouse has written would refuse its own data. */
export function claim(disk: FolderDisk, mountPoint: string, { cluster, node }: VolumeOwner): void {
  removeUnfinished(disk, mountPoint);
  if (disk.look(join(mountPoint, OWNER_FILE)) === undefined) replaceFile(disk, join(mountPoint, OWNER_FILE), `${JSON.stringify({ cluster, node })}\n`, ROOT);
  else disk.syncDirectory(mountPoint);
}

/** What the volume says about the node's past. */
export function historyOf(disk: FolderDisk, mountPoint: string, stackId: string): VolumeHistory {
  const path = join(mountPoint, ESTABLISHED_FILE);
  if (disk.look(path)?.regular && parsed(disk.read(path)).stackId === stackId) return 'established';
  return disk.list(mountPoint).every((name) => NOT_CLICKHOUSE.test(name) || UNFINISHED.test(name)) ? 'empty' : 'unfinished';
}

/** Marks the volume as that of a node that has been whole in this stack. Doing it again changes nothing. */
export function markEstablished(disk: FolderDisk, mountPoint: string, stackId: string): void {
  const path = join(mountPoint, ESTABLISHED_FILE);
  const content = `${JSON.stringify({ stackId })}\n`;
  removeUnfinished(disk, mountPoint);
  if (isAlready(disk, path, content, ROOT)) disk.syncDirectory(mountPoint);
  else replaceFile(disk, path, content, ROOT);
}

function removeUnfinished(disk: FolderDisk, mountPoint: string): void {
  for (const name of disk.list(mountPoint)) {
    if (UNFINISHED.test(name) && disk.look(join(mountPoint, name))?.regular) disk.remove(join(mountPoint, name));
  }
}

function ownerIn(text: string): VolumeOwner | undefined {
  const { cluster, node } = parsed(text);
  return typeof cluster === 'string' && typeof node === 'string' && NAME.test(cluster) && NAME.test(node) ? { cluster, node } : undefined;
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function other(reason: string): Ownership {
  return { kind: 'other', reason };
}
