import type { AnyGrantModel } from './any-grant';
import { grantStatements } from './any-grant';
import { ConfigurationError } from './error';
import { checkedName, distinct } from './names';
import type { XmlElement } from './xml';
import { element } from './xml';

/** Grants under a name, for several users. */
export interface RoleModel {
  /** A lower-case letter, then lower-case letters, digits, `_` or `-`. */
  readonly name: string;
  readonly grants: AnyGrantModel[];
}

/**
 * The roles of the users document; absent when there are none.
 *
 * @see https://github.com/ClickHouse/ClickHouse/pull/50278
 */
export function rolesElement(roles: readonly RoleModel[]): XmlElement | undefined {
  if (roles.length === 0) return undefined;
  distinct('role', roles.map(({ name }) => name));
  return element(
    'roles',
    roles.map(({ name, grants }) => {
      checkedName('role', name);
      if (grants.length === 0) throw new ConfigurationError('RoleGrants', `the role '${name}' must have at least one grant, got none; remove it`);
      return element(name, element('grants', grantStatements(grants).map((statement) => element('query', statement))));
    }),
  );
}

/** The statement that gives a user a role. */
export function roleStatement(name: string): string {
  return 'GRANT `' + checkedName('role', name) + '`';
}
