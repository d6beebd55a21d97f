import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

// lib and dist are siblings under the package root, so one path serves source, compiled and installed trees alike.
const BUNDLES = join(__dirname, '..', 'dist', 'bundles');

/** The folder of a bundled Lambda handler. */
export function handlerFolder(name: string): string {
  return shipped(name);
}

/** The agent's bundle, by the name it is published and checked under. */
export function agentBundle(): { readonly key: string; readonly sha256: string } {
  const sha256 = createHash('sha256').update(readFileSync(join(shipped('agent'), 'index.js'))).digest('hex');
  return { sha256, key: `agent/${sha256}.js` };
}

function shipped(name: string): string {
  const folder = join(BUNDLES, name);
  if (!existsSync(join(folder, 'index.js'))) {
    throw new Error(`the bundle '${name}' is missing under ${BUNDLES}; run 'npm run bundle' in a checkout, or reinstall the package`);
  }
  return folder;
}
