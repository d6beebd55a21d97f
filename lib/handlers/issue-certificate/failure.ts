/** Something that ended without success. The message says what is wrong and what to do; it holds nothing secret. */
export class IssueFailure extends Error {
  constructor(
    readonly code: FailureCode,
    message: string,
  ) {
    super(message);
    // what Lambda reports as the type of the error.
    this.name = code;
  }
}

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
