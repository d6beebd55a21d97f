import { Failure } from '../failure';

/** A step that ended without success. */
export class RotationFailure extends Failure<FailureCode> {}

export type FailureCode =
  | 'BadEvent'
  | 'BadEnvironment'
  | 'SecretDeleted'
  | 'RotationNotEnabled'
  | 'NoCurrentVersion'
  | 'UnknownVersion'
  | 'Superseded'
  | 'EmptyVersion'
  | 'MalformedSecret'
  | 'WeakRandom'
  | 'NotInManifest'
  | 'UnusableConfiguration'
  | 'NodesBehind'
  | 'WrongPasswordAccepted'
  | 'NotPromoted'
  | 'CallFailed';
