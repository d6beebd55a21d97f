import type { GrantModel } from './grants';
import { grantStatement } from './grants';
import type { SourceGrantModel } from './sources';
import { sourceStatements } from './sources';
import type { TableEngineGrantModel } from './table-engines';
import { tableEngineStatements } from './table-engines';

/** Whatever can be granted: on tables, on table engines, on sources. */
export type AnyGrantModel = GrantModel | TableEngineGrantModel | SourceGrantModel;

export function isTableGrant(grant: AnyGrantModel): grant is GrantModel {
  return 'database' in grant;
}

export function isSourceGrant(grant: AnyGrantModel): grant is SourceGrantModel {
  return 'source' in grant;
}

/** The statements of grants, each once. */
export function grantStatements(grants: readonly AnyGrantModel[]): string[] {
  const statements = grants.flatMap((grant) => {
    if (isTableGrant(grant)) return [grantStatement(grant)];
    return isSourceGrant(grant) ? sourceStatements(grant) : tableEngineStatements(grant);
  });
  return [...new Set(statements)];
}
