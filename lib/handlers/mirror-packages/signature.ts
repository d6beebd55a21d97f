import { MirrorFailure } from './failure';
import type { OpenPgp } from './world';

/** What was fetched, all of it from whoever answered. */
export interface Signed {
  /** armoured; may hold other keys as well. */
  readonly key: string;
  /** armoured and detached. */
  readonly signature: string;
  readonly content: Uint8Array;
}

// each signature costs time, and the vendor makes one.
const MOST_SIGNATURES = 8;

/**
 * Throws unless the content is signed by a key whose fingerprint is pinned.
 *
 * The key comes from where the content comes from, so it counts for nothing until its whole fingerprint is a pinned one. It has to be valid now and not
 * only when it signed: a key that was taken back after it was stolen signs with any date.
 */
export async function verifySignature(pgp: OpenPgp, { key, signature, content }: Signed, fingerprints: readonly string[], now: number): Promise<void> {
  const keys = await pgp.readKeys({ armoredKeys: key }).catch((error: unknown) => {
    throw new MirrorFailure('UntrustedKey', `the repository's key cannot be read: ${said(error)}`);
  });
  const pinned = keys.filter((each) => fingerprints.includes(each.getFingerprint().toLowerCase()));
  if (pinned.length === 0) {
    const [got] = keys.map((each) => each.getFingerprint().toUpperCase());
    throw new MirrorFailure('UntrustedKey', `the repository's key has the fingerprint ${got ?? 'of nobody'}, pinned is ${fingerprints.join(' or ').toUpperCase()}; find out from the vendor which one is right`);
  }
  const parsed = await pgp.readSignature({ armoredSignature: signature }).catch((error: unknown) => {
    throw new MirrorFailure('NotSigned', `the signature of repomd.xml cannot be read: ${said(error)}`);
  });
  if (parsed.packets.length > MOST_SIGNATURES) throw new MirrorFailure('BadSignature', `repomd.xml has ${parsed.packets.length} signatures`);
  const date = new Date(now);
  const message = await pgp.createMessage({ binary: content });
  const { signatures } = await pgp.verify({ message, signature: parsed, verificationKeys: pinned, date });
  let complaint = 'there is none';
  for (const each of signatures) {
    try {
      await each.verified;
      const [packet] = (await each.signature).packets;
      // one over text holds for other bytes too.
      if (packet?.signatureType !== pgp.enums.signature.binary) throw new Error('it is one over text');
      const signer = pinned.find((key) => key.getKeys(each.keyID).length > 0);
      await signer?.getSigningKey(each.keyID, date);
      return;
    } catch (error) {
      complaint = said(error);
    }
  }
  throw new MirrorFailure('BadSignature', `repomd.xml has no good signature of the pinned key: ${complaint}; nothing was mirrored`);
}

/** Errors of OpenPGP quote at most ids of keys. */
function said(error: unknown): string {
  return error instanceof Error ? error.message.replace(/[^\x20-\x7e]/g, ' ').slice(0, 200) : 'unknown';
}
