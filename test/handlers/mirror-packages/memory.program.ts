import { createHash } from 'node:crypto';
import { handleResource } from '../../../lib/handlers/mirror-packages/handle';
import { loadOpenPgp } from '../../../lib/handlers/mirror-packages/openpgp';
import { httpsUpstream } from '../../../lib/handlers/mirror-packages/upstream';
import type { PackageStore } from '../../../lib/handlers/mirror-packages/world';

/** Mirrors into a bucket that keeps nothing, and tells how much memory that took, in bytes. */
export async function measure(ResourceProperties: Record<string, unknown>): Promise<{ readonly before: number; readonly peak: number; readonly external: number; readonly parts: number; readonly largest: number }> {
  let [parts, largest, external] = [0, 0, 0];
  const store: PackageStore = {
    head: () => Promise.resolve(undefined),
    unfinished: () => Promise.resolve([]),
    begin: () => Promise.resolve('upload'),
    put: (_key, _upload, number, content) => {
      parts += 1;
      largest = Math.max(largest, content.length);
      external = Math.max(external, process.memoryUsage().external);
      return Promise.resolve({ number, etag: 'tag', sha256: createHash('sha256').update(content).digest('base64') });
    },
    complete: () => Promise.resolve(),
    abort: () => Promise.resolve(),
    read: () => Promise.resolve(undefined),
    write: () => Promise.resolve(),
  };
  const before = process.memoryUsage().rss;
  const event = { RequestType: 'Create' as const, RequestId: 'r', ResponseURL: 'u', StackId: 's', LogicalResourceId: 'l', ResourceProperties };
  const world = { upstream: httpsUpstream(), store: () => store, openpgp: loadOpenPgp(), now: Date.now, sleep: () => Promise.reject(new Error('nothing went wrong')), log: () => undefined };
  await handleResource(event, Date.now() + 300_000, () => Promise.resolve(world));
  return { before, peak: process.resourceUsage().maxRSS * 1024, external, parts, largest };
}
