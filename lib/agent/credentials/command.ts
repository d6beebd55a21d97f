import type { LiveManifest } from '../../config/manifest';
import type { Disk, Owner } from '../disk';
import type { NodeIdentity } from '../identity';
import type { ManifestStore, VerifiedLiveManifest } from '../live-manifest';
import { readLiveManifest } from '../live-manifest';
import { metricLines } from './metrics';
import type { ReadyDocuments, RefreshReport } from './refresh';
import { refresh, revokeLeaving } from './refresh';
import type { SecretStore } from './secrets';

/** What the commands need of the machine and of AWS. */
export interface CommandWorld {
  readonly manifests: ManifestStore;
  readonly secrets: SecretStore;
  readonly disk: Disk;
  readonly places: Places;
  readonly owner: Owner;
  /**
   * What users refer to, profiles above all: the server refuses every user for one whose profile it does not know. Whatever has to be fetched for
   * them is fetched here, so that writing them waits for nothing.
   */
  readonly documents: (manifest: LiveManifest) => Promise<ReadyDocuments>;
  readonly now: () => number;
  /** does something while no other process of the machine does. */
  readonly exclusively: <T>(work: () => Promise<T>) => Promise<T>;
}

export interface Places {
  readonly users: string;
  readonly memory: string;
}

/** How a command ended: one line for the log, lines to publish, and whether everything is as the secrets say. */
export interface CommandResult {
  readonly line: string;
  readonly metrics: readonly string[];
  readonly complete: boolean;
  /** whether the files are what the live manifest says: the weaker word, which a secret that cannot be read does not take back. */
  readonly declared: boolean;
  /** whether a file of a user was written or removed, or may have been. */
  readonly changed: boolean;
  /** the live manifest that was used. */
  readonly live: VerifiedLiveManifest;
}

/** `agent refresh` and `agent revoke`: one pass with the live manifest that the pointer names now. */
export async function credentialsCommand(command: 'refresh' | 'revoke', identity: NodeIdentity, only: readonly string[], world: CommandWorld): Promise<CommandResult> {
  if (identity.role !== 'server') throw new Error(`${identity.name} is a ${identity.role}; only servers have users, run this on one`);
  return world.exclusively(async () => {
    const live = await readLiveManifest(world.manifests, identity);
    const { manifest, sha256 } = live;
    const unknown = only.filter((user) => !manifest.users.some((each) => each.user === user));
    // a misspelt name must not look like a revocation.
    if (unknown.length > 0) throw new Error(`the live manifest has no user ${unknown.map((user) => JSON.stringify(user)).join(', ')}; it has ${manifest.users.map(({ user }) => user).join(', ')}`);
    const node = {
      manifest,
      clientNetworks: identity.clientNetworks,
      store: world.secrets,
      disk: world.disk,
      users: { path: world.places.users, owner: world.owner },
      memory: world.places.memory,
      documents: () => world.documents(manifest),
      now: world.now,
    };
    const report = command === 'revoke' ? await revokeLeaving(node, only) : await refresh(node);
    return {
      line: lineOf(command, sha256, manifest.users.length, report),
      metrics: metricLines(report, manifest.clusterName, world.now()),
      complete: !report.retry && report.kept.length === 0,
      declared: report.stale.length === 0,
      changed: report.changed,
      live,
    };
  });
}

function lineOf(command: string, live: string, users: number, { written, removed, leftOut, kept, stale, notes, ages }: RefreshReport): string {
  return JSON.stringify({ event: command, live, users, written, removed, leftOut, kept, stale, notes, ages });
}

/** The id of a group in the text of /etc/group. https://man7.org/linux/man-pages/man5/group.5.html */
export function groupId(text: string, group: string): number {
  const id = text.split('\n').map((entry) => entry.split(':')).find(([name]) => name === group)?.[2];
  if (id === undefined || !/^[0-9]{1,10}$/.test(id)) throw new Error(`this machine has no group '${group}'; install ClickHouse first`);
  return Number(id);
}
