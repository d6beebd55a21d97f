import { createHash } from 'node:crypto';

/** A file that the agent writes after filling its holes. */
export interface DocumentTemplate {
  /** absolute path on the node. */
  readonly path: string;
  /** the rendered document with its holes open, see `holes.ts`. */
  readonly template: string;
}

/** What a node is. */
export type NodeRole = 'server' | 'keeper';

// What belongs to which manifest. docs/operations.md says what follows for whoever deploys.
//
// | document                     | boot | live | because                                                          |
// | config.xml                   |  x   |      | listeners, paths and limits of the process are read at its start |
// | config.d/certificates.xml    |  x   |      | holes only; the agent rewrites it when a certificate is renewed  |
// | config.d/internode.xml       |  x   |      | holes only                                                       |
// | config.d/extra-*.xml         |  x   |      | nobody knows which of its settings reload                        |
// | keeper_config.xml            |  x   |      | the members of the ensemble are fixed                            |
// | config.d/cluster.xml         |      |  x   | `remote_servers` reloads, and growth must not roll nodes         |
// | users.xml, users.d/extra-*   |      |  x   | profiles and quotas reload                                       |
// | users.d/<user>.xml           |      |  x   | users, networks and grants reload                                |
// | databases                    |      |  x   | created by a query                                               |

/** What ClickHouse cannot reload: a change rolls the instances, wave by wave. */
export interface BootManifest {
  readonly schema: 1;
  readonly kind: 'boot';
  readonly role: NodeRole;
  readonly clusterName: string;
  /** the full version, such as `26.8.36.3`. */
  readonly clickhouseVersion: string;
  readonly documents: readonly DocumentTemplate[];
  /** where the persistent volume is mounted. */
  readonly dataPath: string;
  /** the host names of the Keepers, whom a node asks whether there is a quorum. */
  readonly keepers: readonly string[];
  /** how long a node that is to stop lets what runs there end. */
  readonly drainSeconds: number;
}

/** What ClickHouse reloads: a change restarts nothing. */
export interface LiveManifest {
  readonly schema: 1;
  readonly kind: 'live';
  readonly clusterName: string;
  /** the host names of the servers, for whoever must reach every one. */
  readonly servers: readonly string[];
  /** documents that hold no password slot. A missing value of a hole is an error. */
  readonly documents: readonly DocumentTemplate[];
  /** one document a user; a user whose secret cannot be read is left out and the others are written. */
  readonly users: readonly UserDocument[];
  /** databases that every server creates. */
  readonly databases: readonly DatabaseStatement[];
  /** where passwords are rotated from; what fills the hole of that name. */
  readonly rotationNetworks: readonly string[];
}

/** A database, and what creates it where it is not there. */
export interface DatabaseStatement {
  readonly name: string;
  readonly create: string;
}

/** A user's document, whose it is, and where the password is read. */
export interface UserDocument extends DocumentTemplate {
  readonly user: string;
  /** the ARN of the Secrets Manager secret; absent for a user who logs in with a certificate only. */
  readonly secret?: string;
  /** how long a password that was replaced is still admitted. */
  readonly graceSeconds?: number;
}

/** A manifest as it is stored: its bytes and the name that follows from them. */
export interface Artefact {
  readonly content: string;
  /** SHA-256 of the content in lower-case hex. */
  readonly sha256: string;
  /** the object's key, which contains the hash: a key is written once and never changes. */
  readonly key: string;
}

/** Renders a manifest. The same manifest gives the same bytes, whatever the order its properties were set in. */
export function packManifest(manifest: BootManifest | LiveManifest): Artefact {
  const content = JSON.stringify(sorted(manifest), undefined, 1) + '\n';
  const sha256 = sha256Hex(content);
  return { content, sha256, key: manifestKey(manifest.kind, sha256) };
}

/** The key of a manifest's object. */
export function manifestKey(kind: 'boot' | 'live', sha256: string): string {
  return `manifests/${kind}/${sha256}.json`;
}

/** The hash in the key of a live manifest; undefined for any other text. */
export function liveManifestSha256(key: string): string | undefined {
  return /^manifests\/live\/([0-9a-f]{64})\.json$/.exec(key)?.[1];
}

export function sha256Hex(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  );
}
