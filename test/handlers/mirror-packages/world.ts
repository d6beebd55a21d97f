import * as openpgp from 'openpgp';
import { httpsUpstream } from '../../../lib/handlers/mirror-packages/upstream';
import type { World } from '../../../lib/handlers/mirror-packages/world';
import { Bucket } from './bucket';
import type { TestRepository } from './repository';
import { ARCHITECTURES, NAMES, VERSION } from './repository';

export const BUCKET = 'artefacts';

/** A clock that sleeping moves at once, a bucket, and the repository behind real HTTPS. */
export class Scene {
  readonly bucket = new Bucket();
  readonly lines: string[] = [];
  /** milliseconds that were slept. */
  slept = 0;
  /** milliseconds in which nothing may arrive. */
  idle = 500;

  constructor(private readonly repository: TestRepository) {}

  get world(): World {
    return {
      upstream: httpsUpstream({ ca: this.repository.ca, idle: this.idle }),
      store: (bucket) => {
        if (bucket !== BUCKET) throw new Error(`no bucket ${bucket}`);
        return this.bucket;
      },
      openpgp,
      now: () => Date.now() + this.slept,
      sleep: (milliseconds) => {
        this.slept += milliseconds;
        return Promise.resolve();
      },
      log: (message, fields) => this.lines.push(JSON.stringify({ message, ...fields })),
    };
  }

  properties(changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
    return { Version: VERSION, Architectures: [...ARCHITECTURES], Packages: [...NAMES], Bucket: BUCKET, Prefix: 'packages', Repository: this.repository.url, KeyFingerprint: this.repository.key.fingerprint, ...changes };
  }
}
