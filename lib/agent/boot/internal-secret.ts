import { hkdfSync } from 'node:crypto';

/** What nodes of a cluster prove themselves to each other with. */
export interface InternalSecrets {
  readonly interserverPassword: string;
  readonly clusterSecret: string;
}

// what Secrets Manager was told to make; something shorter was put there by hand.
const SHORTEST = 32;

/**
 * Derives both from the one static secret, so that every node gets the same and neither tells anything about the other.
 *
 * @see https://www.rfc-editor.org/rfc/rfc5869
 */
export function deriveInternalSecrets(secret: string | undefined): InternalSecrets {
  const length = secret?.length ?? 0;
  if (secret === undefined || length < SHORTEST) throw new Error(`the internal secret must be a text of at least ${SHORTEST} characters, got ${length}; put one, the same for every node`);
  const derive = (info: string): string => Buffer.from(hkdfSync('sha256', secret, '', info, 32)).toString('hex');
  return { interserverPassword: derive('interserver'), clusterSecret: derive('cluster-secret') };
}
