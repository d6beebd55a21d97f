import { createHash, createPublicKey } from 'node:crypto';
import type * as sdk from '@aws-sdk/client-kms';
import { IssueFailure } from './failure';

/** An authority's key. Whoever holds it, the bytes that it is asked to sign are the same. */
export interface Signer {
  /** SubjectPublicKeyInfo, DER. */
  publicKey(): Promise<Uint8Array>;
  /** ECDSA with SHA-256 over the message; DER. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/**
 * A key that never leaves KMS.
 *
 * KMS gets the digest and not the certificate, of which it takes 4,096 bytes at most; it answers with DER, which is what X.509 holds.
 *
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html
 * @see https://docs.aws.amazon.com/kms/latest/APIReference/API_GetPublicKey.html
 */
export function kmsSigner(keyId: string, { GetPublicKeyCommand, SignCommand }: typeof sdk, client: Pick<sdk.KMSClient, 'send'>): Signer {
  return {
    async publicKey() {
      const { PublicKey = new Uint8Array() } = await client.send(new GetPublicKeyCommand({ KeyId: keyId }));
      return PublicKey;
    },
    async sign(message) {
      const digest = createHash('sha256').update(message).digest();
      const { Signature = new Uint8Array() } = await client.send(new SignCommand({ KeyId: keyId, Message: digest, MessageType: 'DIGEST', SigningAlgorithm: 'ECDSA_SHA_256' }));
      return Signature;
    },
  };
}

/** The public key of a signer, once it is known to be of the kind that certificates are signed with. */
export async function authorityKey(signer: Signer, keyId: string): Promise<Buffer> {
  const publicKey = Buffer.from(await signer.publicKey());
  if (curveOf(publicKey) !== 'prime256v1') throw new IssueFailure('UnfitKey', `the key ${keyId} must be an ECC_NIST_P256 key for SIGN_VERIFY`);
  return publicKey;
}

function curveOf(publicKey: Buffer): string | undefined {
  try {
    return createPublicKey({ key: publicKey, format: 'der', type: 'spki' }).asymmetricKeyDetails?.namedCurve;
  } catch {
    return undefined;
  }
}
