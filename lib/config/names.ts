import { ConfigurationError } from './error';

// becomes an element name, a file name and part of a placeholder, so it is kept to what is plain in all three.
const NAME = /^[a-z](?:[a-z0-9_-]{0,30}[a-z0-9])?$/;

/** What an own name of the library may be called in the documents. */
export const BUILT_IN = {
  /** the node-local account; see `users.ts`. */
  maintenanceUser: 'node_maintenance',
  /** the profile ClickHouse applies to everybody; must exist. */
  defaultProfile: 'default',
  /** the profile of the server's own work. */
  systemProfile: 'system',
  /** the profile of the node-local account. */
  maintenanceProfile: 'node_maintenance',
  /** the quota of users that name none: counts and limits nothing. */
  defaultQuota: 'default',
  /** under which replicas log in to each other's interserver port. */
  interserverUser: 'interserver',
} as const;

/**
 * Checks the name of a user, profile, quota or extra document.
 *
 * @param what what is named, for the message, such as `user`
 */
export function checkedName(what: string, name: unknown): string {
  if (typeof name !== 'string' || !NAME.test(name)) {
    throw new ConfigurationError(
      'Name',
      `the name of a ${what} must be a lower-case letter, then lower-case letters, digits, '_' or '-', ending in a letter or digit, at most 32, got ${JSON.stringify(name)}`,
    );
  }
  return name;
}

/** Whether two things of a list are called the same, as an error. */
export function distinct(what: string, names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw new ConfigurationError('DuplicateName', `the ${what} '${name}' is declared twice; rename one`);
    seen.add(name);
  }
}
