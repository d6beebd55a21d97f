import { Failure } from '../failure';

/** A certificate that was not issued. */
export class IssueFailure extends Failure<FailureCode> {}

export type FailureCode =
  | 'BadEvent'
  | 'UnfitKey'
  | 'UnfitParameter'
  | 'UntrustedKey'
  | 'TooLarge'
  | 'CannotIssue'
  | 'SecretDeleted'
  | 'MalformedSecret'
  | 'NotVouchedFor'
  | 'Superseded'
  | 'NoUsableVersion'
  | 'NoProgress'
  | 'OutOfTime'
  | 'NoSecrets'
  | 'AuthorityEnds'
  | 'NotRenewed'
  | 'CallFailed';
