import { isPrivateCidr } from './addresses';
import type { AnyGrantModel } from './any-grant';
import { grantStatements } from './any-grant';
import { ConfigurationError } from './error';
import { GRANT_NOTHING } from './grants';
import type { Hole } from './holes';
import { hole, passwordHole } from './holes';
import { BUILT_IN, checkedName, distinct } from './names';
import { profilesElement, quotasElement } from './profiles';
import type { RoleModel } from './roles';
import { roleStatement, rolesElement } from './roles';
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
  readonly grants?: AnyGrantModel[];

  /**
   * Private CIDR blocks the user may log in from.
   *
   * @default - the client networks of the cluster, which each node knows
   */
  readonly networks?: string[];

  /**
   * Whether the user logs in with a password.
   *
   * @default true
   */
  readonly password?: boolean;

  /**
   * The client certificate the user may log in with: one issued by the cluster's own authority.
   *
   * @default - no certificate
   */
  readonly certificate?: CertificateModel;

  /**
   * Roles by name.
   *
   * @default - none
   */
  readonly roles?: string[];

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
export function usersDocument(profiles: readonly ProfileModel[] = [], quotas: readonly QuotaModel[] = [], roles: readonly RoleModel[] = []): XmlElement {
  return element(
    'clickhouse',
    profilesElement(profiles),
    quotasElement(quotas),
    rolesElement(roles),
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

/** A client certificate by what is written in it. */
export interface CertificateModel {
  /**
   * The common name of its subject.
   *
   * @default - any
   */
  readonly commonName?: string;

  /**
   * An alternative name of its subject, such as `URI:spiffe://events/ingest` or `DNS:ingest.events.internal`.
   *
   * @default - any
   */
  readonly subjectAltName?: string;
}

/**
 * The document of one user.
 *
 * - `auth_methods` with a method for each password that is valid now: the current one, the pending one while it is rotated, replaced ones
 *   in their grace. https://github.com/ClickHouse/ClickHouse/pull/91998
 * - `networks` always: without the element the user may come from everywhere.
 * - `grants` always: without the element the user may do almost everything.
 *   https://clickhouse.com/docs/operations/settings/settings-users
 */
export function userDocument(user: UserModel): XmlElement {
  checkedUserName(user.name);
  const password = user.password ?? true;
  if (!password && user.certificate === undefined) {
    throw new ConfigurationError('NoLogin', `the user '${user.name}' has neither a password nor a certificate, so nobody could log in; give one, or remove the user`);
  }
  distinct(`role of the user '${user.name}'`, user.roles ?? []);
  const grants = [...grantStatements(user.grants ?? []), ...(user.roles ?? []).map(roleStatement)];
  return element(
    'clickhouse',
    element(
      'users',
      element(
        user.name,
        element('auth_methods', password ? passwordHole(user.name) : undefined, certificate(user)),
        element('networks', networks(user), password ? hole('rotationNetworks') : undefined),
        element('profile', checkedName('profile', user.profile ?? BUILT_IN.defaultProfile)),
        element('quota', checkedName('quota', user.quota ?? BUILT_IN.defaultQuota)),
        element('grants', (grants.length === 0 ? [GRANT_NOTHING] : grants).map((statement) => element('query', statement))),
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

// what a common name or an alternative name may hold: no wildcard and no quote, and nothing that looks like two names.
const SUBJECT = /^[A-Za-z0-9][A-Za-z0-9._ -]{0,62}[A-Za-z0-9]$/;
const ALTERNATIVE = /^(?:DNS:[a-z0-9][a-z0-9.-]{0,251}[a-z0-9]|URI:[a-z][a-z0-9+.-]*:\/\/[A-Za-z0-9._~:/-]{1,200})$/;

/**
 * Login by certificate. The server trusts no authority but the cluster's.
 *
 * @see https://clickhouse.com/docs/guides/sre/ssl-user-auth
 */
function certificate({ name, certificate: model }: UserModel): XmlElement | undefined {
  if (model === undefined) return undefined;
  const { commonName, subjectAltName } = model;
  if (commonName === undefined && subjectAltName === undefined) {
    throw new ConfigurationError('Certificate', `the certificate of the user '${name}' must have a 'commonName' or a 'subjectAltName', got neither, and any certificate of the cluster's authority would do; give one`);
  }
  if (commonName !== undefined && !SUBJECT.test(commonName)) {
    throw new ConfigurationError('Certificate', `the 'commonName' of the user '${name}' must be 2 to 64 letters, digits, '.', '_', '-' or blanks between, got ${JSON.stringify(commonName)}`);
  }
  if (subjectAltName !== undefined && !ALTERNATIVE.test(subjectAltName)) {
    throw new ConfigurationError('Certificate', `the 'subjectAltName' of the user '${name}' must be DNS: and a host name, or URI: and an address, without wildcards, got ${JSON.stringify(subjectAltName)}`);
  }
  return element(
    'certificate',
    element(
      'ssl_certificates',
      commonName === undefined ? undefined : element('common_name', commonName),
      subjectAltName === undefined ? undefined : element('subject_alt_name', subjectAltName),
    ),
  );
}

function networks(user: UserModel): XmlElement[] | Hole {
  if (user.networks === undefined) return hole('clientNetworks');
  if (user.networks.length === 0) {
    throw new ConfigurationError(
      'UserNetworks',
      `the networks of the user '${user.name}' must be at least one, got none, and nobody could log in; leave 'networks' out to mean the cluster's`,
    );
  }
  return user.networks.map((network) => {
    if (!isPrivateCidr(network)) {
      throw new ConfigurationError(
        'PublicNetwork',
        `the networks of the user '${user.name}' must be private, got ${JSON.stringify(network)}; use the blocks of your VPCs, such as 10.0.0.0/16`,
      );
    }
    return element('ip', network);
  });
}
