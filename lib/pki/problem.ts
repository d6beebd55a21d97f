/** What is wrong with a certificate. The reason holds nothing secret. */
export interface Problem {
  readonly code: ProblemCode;
  readonly reason: string;
}

export type ProblemCode =
  | 'Unreadable'
  | 'UnfitAuthority'
  | 'OtherAuthority'
  | 'BadSignature'
  | 'NotYetValid'
  | 'Expired'
  | 'AuthorityNotValid'
  | 'OtherNames'
  | 'OutsideConstraints'
  | 'OtherKey'
  | 'Usage'
  | 'Form'
  | 'Record';

/** All problems in one sentence. */
export function sentence(problems: readonly Problem[]): string {
  return problems.map(({ reason }) => reason).join('; ');
}
