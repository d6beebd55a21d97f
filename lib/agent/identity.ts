/** Who this node is and where its configuration lies: everything user data hands to the agent. See README.md for the contract. */
export interface NodeIdentity {
  readonly schema: 1;
  readonly role: 'server' | 'keeper';
  readonly name: string;
  readonly host: string;
  /** servers only. */
  readonly shard?: string;
  /** servers only. */
  readonly replica?: string;
  /** Keepers only. */
  readonly serverId?: string;
  readonly ip: string;
  readonly region: string;
  readonly bucket: string;
  /** the boot manifest's object and the hash it must have. */
  readonly bootManifestKey: string;
  readonly bootManifestSha256: string;
  /** the Systems Manager parameter that holds the live manifest's key. */
  readonly liveManifestParameter: string;
  readonly volumeId: string;
  /** the static secret that interserver and distributed-query credentials are derived from. */
  readonly internalSecretArn: string;
  readonly clientNetworks: readonly string[];
  /** whom to tell that the node serves: the stack and the group in it that waits for the signal. */
  readonly stackId: string;
  readonly groupLogicalId: string;
  /** where the node's own log goes; the stream is called like the node. */
  readonly logGroup: string;
  /** the packages to install and where they are; without them the machine image must have brought ClickHouse. */
  readonly packages: readonly PublishedPackage[];
  readonly packageBucket?: string;
  /** the secret that holds this node's certificate and key, and the Systems Manager parameter that holds the authority's. Both or neither. */
  readonly nodeSecretArn?: string;
  readonly caParameter?: string;
}

/** A package in a bucket, and the hash it must have. */
export interface PublishedPackage {
  readonly key: string;
  readonly sha256: string;
}

const OPTIONAL = ['packageBucket', 'shard', 'replica', 'serverId', 'nodeSecretArn', 'caParameter'];
const REQUIRED = [
  'name', 'host', 'ip', 'region', 'bucket', 'bootManifestKey', 'bootManifestSha256', 'liveManifestParameter', 'volumeId', 'internalSecretArn',
  'stackId', 'groupLogicalId', 'logGroup',
] as const;

/** Reads the identity, or says in one sentence what is wrong with it. */
export function readIdentity(text: string): NodeIdentity {
  const value = parsed(text);
  if (value.schema !== 1) throw new Error(`this agent reads identities of schema 1, got ${JSON.stringify(value.schema)}; publish agent and identity together`);
  if (value.role !== 'server' && value.role !== 'keeper') throw new Error(`'role' must be server or keeper, got ${JSON.stringify(value.role)}`);
  for (const key of REQUIRED) {
    if (typeof value[key] !== 'string' || value[key] === '') throw new Error(`'${key}' must be a text that is not empty, got ${JSON.stringify(value[key])}`);
  }
  for (const key of OPTIONAL) {
    if (value[key] !== undefined && typeof value[key] !== 'string') throw new Error(`'${key}' must be a text, got ${JSON.stringify(value[key])}`);
  }
  const networks = value.clientNetworks;
  if (!Array.isArray(networks) || networks.length === 0 || !networks.every((each) => typeof each === 'string')) {
    throw new Error(`'clientNetworks' must be a list of CIDR blocks that is not empty, got ${JSON.stringify(networks)}`);
  }
  if (!Array.isArray(value.packages) || !value.packages.every(isPackage)) {
    throw new Error(`'packages' must be a list of objects with 'key' and 'sha256' (64 lower-case hexadecimal digits), got ${JSON.stringify(value.packages)}`);
  }
  if (value.packages.length > 0 && !value.packageBucket) throw new Error("'packageBucket' must be there with 'packages', got none");
  if (Boolean(value.nodeSecretArn) !== Boolean(value.caParameter)) {
    throw new Error(`'nodeSecretArn' and 'caParameter' must both be there or both be absent, got ${JSON.stringify(value.nodeSecretArn)} and ${JSON.stringify(value.caParameter)}`);
  }
  return value as unknown as NodeIdentity;
}

function isPackage(value: unknown): value is PublishedPackage {
  const { key, sha256 } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  return typeof key === 'string' && key !== '' && typeof sha256 === 'string' && /^[0-9a-f]{64}$/.test(sha256);
}

function parsed(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error('the identity is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error('the identity is not a JSON object');
  return value as Record<string, unknown>;
}
