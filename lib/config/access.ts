import { BUILT_IN } from './names';
import { PATHS } from './paths';
import type { XmlElement } from './xml';
import { element } from './xml';

/**
 * Who may log in and what is closed unless granted.
 *
 * - `allow_no_password`, `allow_implicit_no_password`, `allow_plaintext_password` 0: a user without a password, or with a readable one,
 *   is refused when the users are loaded. https://clickhouse.com/docs/operations/server-configuration-parameters/settings#allow_no_password
 * - `user_directories` holds the file only (no `local_directory`, `replicated`, `ldap`): `CREATE USER` and `GRANT` have nowhere to write,
 *   whoever tries. https://clickhouse.com/docs/operations/server-configuration-parameters/settings#user_directories
 * - `default_session_user` empty: a connection that names no user is refused instead of becoming `default`.
 *   https://clickhouse.com/docs/reference/settings/server-settings/settings/default
 * - `allow_impersonate_user` 0: no `EXECUTE AS` another user.
 * - `users_without_row_policies_can_read_rows` false: a row policy made for one user does not leave the table open to all others.
 * - the `..._requires_grant` switches: system tables (everybody's query texts), `information_schema`, `ON CLUSTER` and table engines
 *   (`URL`, `S3`, `MySQL` reach out of the server) need a grant.
 * - `settings_constraints_replace_previous` true: a constraint of a profile means what it says, not a mixture with an inherited one.
 * - `enable_read_write_grants` true: reading from and writing to a source are granted apart.
 *   https://github.com/ClickHouse/ClickHouse/blob/master/programs/server/config.xml (access_control_improvements)
 * - `system_profile` is a profile of its own: limits meant for people do not stop the server's own work, and the other way round.
 * - `display_secrets_in_show_and_select` 0: `SHOW CREATE` never shows credentials, whatever is granted.
 *   https://clickhouse.com/docs/operations/server-configuration-parameters/settings#display_secrets_in_show_and_select
 */
export function accessControl(): XmlElement[] {
  return [
    element('allow_no_password', false),
    element('allow_implicit_no_password', false),
    element('allow_plaintext_password', false),
    element('user_directories', element('users_xml', element('path', PATHS.usersConfig))),
    element('default_session_user', ''),
    element('allow_impersonate_user', false),
    element('default_profile', BUILT_IN.defaultProfile),
    element('system_profile', BUILT_IN.systemProfile),
    element('display_secrets_in_show_and_select', false),
    element(
      'access_control_improvements',
      element('users_without_row_policies_can_read_rows', 'false'),
      element('on_cluster_queries_require_cluster_grant', 'true'),
      element('select_from_system_db_requires_grant', 'true'),
      element('select_from_information_schema_requires_grant', 'true'),
      element('settings_constraints_replace_previous', 'true'),
      element('table_engines_require_grant', 'true'),
      element('enable_read_write_grants', 'true'),
    ),
  ];
}
