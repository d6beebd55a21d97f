import { isPrivateCidr } from './addresses';
import { ConfigurationError } from './error';
import type { GrantModel } from './grants';
import { GRANT_NOTHING, grantStatement } from './grants';
import { PASSWORD_SLOTS, hole, passwordHole } from './holes';
import { BUILT_IN, checkedName } from './names';
import { profilesElement, quotasElement } from './profiles';
import type { ProfileModel, QuotaModel } from './settings';
import type { XmlElement } from './xml';
import { element } from './xml';

/** A user who logs in over the network. */
export interface UserModel {
  /** A lower-case letter, then lower-case letters, digits, `_` or `-`. */
  readonly name: string;

  /**
   * What the user may do.
   *
   * @default - nothing
   */
  readonly grants?: GrantModel[];

  /**
   * Private CIDR blocks the user may log in from.
   *
   * @default - the client networks of the cluster, which each node knows
   */
  readonly networks?: string[];

  /**
   * The settings profile.
   *
   * @default default
   */
  readonly profile?: string;

  /**
   * The quota.
   *
   * @default default
   */
  readonly quota?: string;
}

/**
 * Names that are taken, or that people would take for an account with power. `default` is the account every scanner tries; it does not
 * exist and must not come back.
 */
const RESERVED_USERS: readonly string[] = ['default', BUILT_IN.maintenanceUser, BUILT_IN.interserverUser, 'system', 'root'];

/**
 * What the node-local account may do, and nothing more: tell whether the node is healthy, count, create the declared databases and make
 * the server read its users again. It reads no table of any user.
 *
 * `SHOW TABLES` is what makes `system.replicas` list tables at all.
 */
export const MAINTENANCE_GRANTS = [
  'GRANT SHOW DATABASES, SHOW TABLES, CREATE DATABASE ON *.*',
  // a database engine counts as a table engine here: found on 26.7 with table_engines_require_grant.
  'GRANT TABLE ENGINE ON Replicated',
  'GRANT TABLE ENGINE ON Atomic',
  'GRANT SYSTEM RELOAD CONFIG, SYSTEM RELOAD USERS ON *.*',
  ...['metrics', 'events', 'asynchronous_metrics', 'errors', 'replicas', 'replication_queue', 'clusters', 'disks', 'zookeeper_connection', 'server_settings'].map(
    (table) => `GRANT SELECT ON system.${table}`,
  ),
] as const;

/**
 * The main users document: profiles, quotas and the node-local account. There is no `default` user in it, and since it takes the place of
 * the packaged file there is none at all.
 *
 * The node-local account serves health checks, databases and metrics of the agent on the same machine. It logs in from loopback only, with
 * a password that is random for every boot and never leaves the node.
 *
 * @see https://clickhouse.com/docs/operations/settings/settings-users
 */
export function usersDocument(profiles: readonly ProfileModel[] = [], quotas: readonly QuotaModel[] = []): XmlElement {
  return element(
    'clickhouse',
    profilesElement(profiles),
    quotasElement(quotas),
    element(
      'users',
      element(
        BUILT_IN.maintenanceUser,
        element('password_sha256_hex', hole('maintenanceHash')),
        element('networks', element('ip', '127.0.0.1'), element('ip', '::1')),
        element('profile', BUILT_IN.maintenanceProfile),
        element('quota', BUILT_IN.defaultQuota),
        element('grants', MAINTENANCE_GRANTS.map((grant) => element('query', grant))),
      ),
    ),
  );
}

/**
 * The document of one user.
 *
 * - `auth_methods` with three slots, one hash each: the current password, the pending one while it is rotated, the previous one during its
 *   grace. Slots that are not needed repeat the current hash. A wrapper with two hashes would silently use the first, so each has one.
 *   https://github.com/ClickHouse/ClickHouse/pull/91998
 * - `networks` always: without the element the user may come from everywhere.
 * - `grants` always: without the element the user may do almost everything.
 *   https://clickhouse.com/docs/operations/settings/settings-users
 */
export function userDocument(user: UserModel): XmlElement {
  checkedUserName(user.name);
  const grants = (user.grants ?? []).map(grantStatement);
  return element(
    'clickhouse',
    element(
      'users',
      element(
        user.name,
        element(
          'auth_methods',
          PASSWORD_SLOTS.map((slot) => element(slot.replace('Hash', ''), element('password_sha256_hex', passwordHole(slot, user.name)))),
        ),
        networks(user),
        element('profile', checkedName('profile', user.profile ?? BUILT_IN.defaultProfile)),
        element('quota', checkedName('quota', user.quota ?? BUILT_IN.defaultQuota)),
        element('grants', (grants.length === 0 ? [GRANT_NOTHING] : grants).map((grant) => element('query', grant))),
      ),
    ),
  );
}

/** Checks a user's name: its form, and that it is not one with a meaning. */
export function checkedUserName(name: unknown): string {
  const checked = checkedName('user', name);
  if (RESERVED_USERS.includes(checked)) {
    throw new ConfigurationError(
      'ReservedName',
      `the user name '${checked}' is reserved (${RESERVED_USERS.join(', ')}); choose a name that says what the user does`,
    );
  }
  if (checked.startsWith('extra-')) {
    throw new ConfigurationError(
      'ReservedName',
      `the user name '${checked}' must not start with 'extra-', which names the files of extra documents; choose another`,
    );
  }
  return checked;
}

function networks(user: UserModel): XmlElement {
  if (user.networks === undefined) return element('networks', hole('clientNetworks'));
  if (user.networks.length === 0) {
    throw new ConfigurationError(
      'UserNetworks',
      `the networks of the user '${user.name}' must be at least one, got none, and nobody could log in; leave 'networks' out to mean the cluster's`,
    );
  }
  return element(
    'networks',
    user.networks.map((network) => {
      if (!isPrivateCidr(network)) {
        throw new ConfigurationError(
          'PublicNetwork',
          `the networks of the user '${user.name}' must be private, got ${JSON.stringify(network)}; use the blocks of your VPCs, such as 10.0.0.0/16`,
        );
      }
      return element('ip', network);
    }),
  );
}
