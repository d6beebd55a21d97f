import { Failure, failedCall } from '../failure';

/** Packages that were not mirrored. */
export class MirrorFailure extends Failure<FailureCode> {}

export type FailureCode =
  | 'BadEvent'
  | 'UpstreamDown'
  | 'NotFound'
  | 'Redirected'
  | 'TooLarge'
  | 'UntrustedKey'
  | 'NotSigned'
  | 'BadSignature'
  | 'BadMetadata'
  | 'RolledBack'
  | 'NoSuchVersion'
  | 'DigestDiffers'
  | 'UnfitObject'
  | 'OutOfTime'
  | 'CallFailed';

/** What a call threw, without its message, which might repeat what was sent. */
export function asFailure(error: unknown): MirrorFailure {
  if (error instanceof MirrorFailure) return error;
  return new MirrorFailure('CallFailed', `${failedCall(error)}; what was mirrored stays, deploy again`);
}
