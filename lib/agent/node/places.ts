import { basename, dirname } from 'node:path';
import type { BootManifest } from '../../config/manifest';
import { PATHS } from '../../config/paths';
import { certificatePlaces } from '../certificates/command';
import type { DirectoriesRequest } from '../machine/directories';
import { keeperDirectories, serverDirectories } from '../machine/directories';
import type { Account } from '../machine/account';
import type { Disk } from '../disk';

/** Whose the files are that ClickHouse only reads. */
export const ROOT: Account = { uid: 0, gid: 0 };

/** Beside ClickHouse's own directories on the data volume, so that it survives the instance. */
export const credentialMemory = (root: string): string => `${root}${PATHS.serverData}/agent-credentials`;

// the files of users and their extra documents, which a pass over users looks after: what is not declared is gone before ClickHouse starts.
const LOOKED_AFTER = /^[a-z][a-z0-9_-]*\.xml$/;

/** The directories of a node and which documents in them stay. */
export function directoriesOf(manifest: BootManifest, root: string, disk: Disk, clickhouse: Account): DirectoriesRequest {
  const at = (path: string): string => `${root}${path}`;
  const boot = (directory: string): string[] => manifest.documents.filter(({ path }) => dirname(path) === directory).map(({ path }) => basename(path));
  if (manifest.role === 'keeper') {
    const paths = { config: at(dirname(PATHS.keeperConfig)), data: at(PATHS.keeperData), log: at(PATHS.keeperLog), configDocuments: boot(PATHS.keeperConfigDirectory) };
    return keeperDirectories(paths, clickhouse, ROOT);
  }
  const users = at(PATHS.usersConfigDirectory);
  const paths = {
    config: at(dirname(PATHS.serverConfig)),
    data: at(PATHS.serverData),
    log: at(PATHS.serverLog),
    userFiles: at(PATHS.emptyUserFiles),
    userScripts: at(PATHS.emptyUserScripts),
    configDocuments: [...boot(PATHS.serverConfigDirectory), basename(LIVE_DOCUMENT)],
    usersDocuments: disk.look(users) === undefined ? [] : disk.list(users).filter((name) => LOOKED_AFTER.test(name)),
  };
  return serverDirectories(paths, clickhouse, ROOT);
}

/** The one document in the server's directory that the live manifest brings. */
const LIVE_DOCUMENT = `${PATHS.serverConfigDirectory}/cluster.xml`;

/** What the agent itself writes at the boot; certificates have a way of their own. */
export function bootDocumentsOf(manifest: BootManifest): BootManifest['documents'] {
  const { document } = certificatePlaces(manifest.role);
  return manifest.documents.filter(({ path }) => path !== document);
}

/** Where the operating system shows a volume: https://docs.aws.amazon.com/ebs/latest/userguide/identify-nvme-ebs-device.html */
export function devicePath(root: string, volumeId: string): string {
  return `${root}/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${volumeId.replace('-', '')}`;
}
