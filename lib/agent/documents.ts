import { dirname } from 'node:path';
import type { HoleValues } from '../config/holes';
import { fillHoles } from '../config/holes';
import type { DocumentTemplate } from '../config/manifest';
import type { Disk, Owner } from './disk';
import { isAlready, replaceFile, tidy } from './disk';
import type { NodeIdentity } from './identity';

/** Where documents go, and whose they are: readable for ClickHouse, writable for nobody but root. */
export interface DocumentPlace {
  /** before every path of a document; empty on a node. */
  readonly root: string;
  readonly owner: Owner;
}

/** The holes that the identity fills. */
export function valuesOf(identity: NodeIdentity): HoleValues {
  const { name, host, ip, clientNetworks, shard, replica, serverId } = identity;
  return { nodeName: name, nodeHost: host, nodeIp: ip, clientNetworks, shard, replica, serverId };
}

/**
 * Writes documents that are not there yet, and says which. Every hole is filled before the first is written: half a configuration is never there
 * for want of a value. The directories are there.
 */
export function writeDocuments(disk: Disk, { root, owner }: DocumentPlace, documents: readonly DocumentTemplate[], values: HoleValues): string[] {
  const finished = documents.map(({ path, template }) => ({ path, file: `${root}${path}`, content: fillHoles(template, values) }));
  for (const directory of new Set(finished.map(({ file }) => dirname(file)))) tidy(disk, directory);
  const changed = finished.filter(({ file, content }) => !isAlready(disk, file, content, owner));
  for (const { file, content } of changed) replaceFile(disk, file, content, owner);
  return changed.map(({ path }) => path);
}
