import type { LiveManifest } from '../config/manifest';
import { liveManifestSha256, manifestKey, sha256Hex } from '../config/manifest';

/** Where the pointer and the manifests are. Either call may throw at any time. */
export interface ManifestStore {
  /** the value of the parameter that names the live manifest. */
  pointer(parameter: string): Promise<string>;
  object(bucket: string, key: string): Promise<string>;
}

/** The live manifest and the hash it is known by. */
export interface VerifiedLiveManifest {
  readonly manifest: LiveManifest;
  readonly sha256: string;
}

/** Reads the live manifest that the pointer names now. */
export async function readLiveManifest(store: ManifestStore, where: { readonly liveManifestParameter: string; readonly bucket: string }): Promise<VerifiedLiveManifest> {
  const key = await store.pointer(where.liveManifestParameter);
  // before the key is used for anything: it must not lead to another object.
  hashIn(key);
  return checkLiveManifest(key, await store.object(where.bucket, key));
}

/** Checks a live manifest against the hash in its key, then reads it. Whoever can write to the bucket can withhold a manifest, not change one. */
export function checkLiveManifest(key: string, text: string): VerifiedLiveManifest {
  const sha256 = hashIn(key);
  const got = sha256Hex(text);
  if (got !== sha256) throw new Error(`the live manifest ${key} has SHA-256 ${got}, its key says another; not using it`);
  const manifest = JSON.parse(text) as LiveManifest;
  if (manifest.schema !== 1) throw new Error(`this agent reads live manifests of schema 1, got ${JSON.stringify(manifest.schema)}; publish agent and manifest together`);
  if (manifest.kind !== 'live') throw new Error(`expected a live manifest, got ${JSON.stringify(manifest.kind)}`);
  return { manifest, sha256 };
}

function hashIn(key: string): string {
  const sha256 = liveManifestSha256(key);
  if (sha256 === undefined) {
    throw new Error(`the pointer must hold the key of a live manifest, such as ${manifestKey('live', '<sha256>')}, got ${JSON.stringify(key.slice(0, 200))}; deploy the cluster again to set it`);
  }
  return sha256;
}
