import type { BootManifest } from '../../config/manifest';
import { sha256Hex } from '../../config/manifest';
import type { NodeIdentity } from '../identity';

/** Checks the boot manifest against the hash the launch template carries, then reads it. Tampering in the store ends here. */
export function readBootManifest(text: string, identity: NodeIdentity): BootManifest {
  const got = sha256Hex(text);
  if (got !== identity.bootManifestSha256) {
    throw new Error(`the boot manifest ${identity.bootManifestKey} has SHA-256 ${got}, the launch template says ${identity.bootManifestSha256}; not using it`);
  }
  const manifest = JSON.parse(text) as BootManifest;
  if (manifest.schema !== 1) throw new Error(`this agent reads boot manifests of schema 1, got ${JSON.stringify(manifest.schema)}`);
  if (manifest.kind !== 'boot') throw new Error(`expected a boot manifest, got ${JSON.stringify(manifest.kind)}`);
  if (manifest.role !== identity.role) throw new Error(`the boot manifest is for a ${manifest.role}, this node is a ${identity.role}`);
  return manifest;
}
