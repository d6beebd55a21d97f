import { ConfigurationError } from './error';
import { BUILT_IN, checkedName, distinct } from './names';
import type { ProfileModel, ProfileSettings, QuotaModel } from './settings';
import { DEFAULT_PROFILE_SETTINGS, checkedProfileSettings, checkedQuota } from './settings';
import type { XmlElement } from './xml';
import { element } from './xml';

/** A query setting that nobody may change. */
export interface PinnedSetting {
  readonly name: string;
  readonly value: string | number;
  /** what changing it would allow. */
  readonly why: string;
}

/**
 * The settings that every user has and none may change, in the `default` profile, which ClickHouse applies to everybody before any other.
 *
 * A pin is a second line; grants are the boundary. Before 26.8.2.2 a `SETTINGS` clause inside a subquery was not held to constraints
 * (https://github.com/ClickHouse/ClickHouse/pull/115397).
 *
 * @see https://clickhouse.com/docs/operations/settings/settings
 * @see https://clickhouse.com/docs/operations/settings/constraints-on-settings
 */
export const PINNED_SETTINGS: readonly PinnedSetting[] = [
  { name: 'allow_introspection_functions', value: 0, why: 'it shows the addresses and symbols of the server process' },
  // https://github.com/ClickHouse/ClickHouse/pull/106855
  { name: 's3_allow_server_credentials_in_user_queries', value: 0, why: "it lets queries use the instance's own role" },
  // `compatibility` brings back old defaults, the previous setting's among them.
  { name: 'compatibility', value: '', why: 'it brings back old, weaker defaults' },
  { name: 'format_display_secrets_in_show_and_select', value: 0, why: 'it shows credentials in SHOW CREATE' },
  { name: 'allow_get_client_http_header', value: 0, why: 'it lets a query read request headers, credentials among them' },
  { name: 'add_http_cors_header', value: 0, why: 'it answers any web page with Access-Control-Allow-Origin: *' },
  { name: 'http_response_headers', value: '{}', why: 'it lets a link set response headers such as the content type' },
  { name: 'max_http_get_redirects', value: 0, why: 'it follows redirects to hosts that nobody allowed' },
  { name: 'output_format_schema', value: '', why: 'it writes a file on the server that the query names' },
  { name: 'dynamic_disk_allow_from_env', value: 0, why: "it lets a query read the server's environment" },
  { name: 'dynamic_disk_allow_from_zk', value: 0, why: 'it lets a query read from Keeper' },
  { name: 'dynamic_disk_allow_include', value: 0, why: "it lets a query read the server's configuration" },
  { name: 'query_cache_share_between_users', value: 0, why: "it serves one user's cached results to others" },
  // https://github.com/ClickHouse/ClickHouse/issues/107588
  { name: 'validate_mutation_query', value: 1, why: 'without it nobody asks whether a mutation may read what it reads' },
  // paths then hold a random UUID. https://clickhouse.com/docs/operations/settings/settings#database_replicated_allow_replicated_engine_arguments
  { name: 'database_replicated_allow_replicated_engine_arguments', value: 0, why: "it makes a table a replica of somebody else's, which copies it" },
  { name: 'database_replicated_allow_explicit_uuid', value: 0, why: "it takes over the files of somebody else's dropped or detached table" },
  { name: 'log_queries', value: 1, why: 'it is the audit trail' },
  { name: 'log_queries_min_type', value: 'QUERY_START', why: 'it is the audit trail' },
  { name: 'log_queries_min_query_duration_ms', value: 0, why: 'it is the audit trail' },
  { name: 'log_queries_probability', value: 1, why: 'it is the audit trail' },
  { name: 'log_queries_cut_to_length', value: 100_000, why: 'it is the audit trail' },
  { name: 'log_query_settings', value: 1, why: 'it is the audit trail' },
];

/**
 * Settings of a table that nobody may give. `disk` can hold the definition of a disk, and so an address: a table whose data lies on somebody's
 * web server or in somebody's bucket. ClickHouse does not look at constraints when a table is attached, so this is a second line as well.
 *
 * @see https://github.com/ClickHouse/ClickHouse/pull/43903
 */
const FIXED_TABLE_SETTINGS: readonly string[] = ['merge_tree_disk'];

/**
 * How much of an HTTP request is taken in. These are read before there is a user, from the settings the process itself runs with, so they
 * stand in the `system` profile as well as in `default` (on 26.7 it is `system` that counts).
 *
 * @see https://github.com/ClickHouse/ClickHouse/pull/103285
 */
const HTTP_LIMITS: Readonly<Record<string, number>> = {
  http_max_uri_size: 1_048_576,
  http_max_fields: 1000,
  http_max_field_name_size: 4096,
  http_max_field_value_size: 131_072,
  http_max_request_header_size: 1_048_576,
  http_headers_read_timeout: 15,
};

/** Which setting of ClickHouse a limit of ours is. */
const LIMITS: Readonly<Record<Exclude<keyof ProfileSettings, 'readOnly'>, string>> = {
  maxExecutionSeconds: 'max_execution_time',
  maxMemoryBytes: 'max_memory_usage',
  maxMemoryForUserBytes: 'max_memory_usage_for_user',
  maxConcurrentQueriesForUser: 'max_concurrent_queries_for_user',
  maxResultRows: 'max_result_rows',
  maxResultBytes: 'max_result_bytes',
  maxReadRows: 'max_rows_to_read',
  maxReadBytes: 'max_bytes_to_read',
  maxTemporaryDiskForUserBytes: 'max_temporary_data_on_disk_size_for_user',
  maxSessionsForUser: 'max_sessions_for_user',
  idleConnectionSeconds: 'idle_connection_timeout',
  maxHttpFormBytes: 'http_max_multipart_form_data_size',
};

/** Every query setting that a typed limit or a pin decides, and so a raw document may not. */
export const DECIDED_SETTINGS: readonly string[] = [
  ...PINNED_SETTINGS.map((pin) => pin.name),
  ...Object.values(LIMITS),
  ...Object.keys(HTTP_LIMITS),
  ...FIXED_TABLE_SETTINGS,
  'readonly',
];

/**
 * Renders the profiles: `default` (every user's floor), `system` (the server's own work), the node-local account's and the declared ones.
 *
 * A declared profile called `default` changes the limits that everybody has.
 */
export function profilesElement(declared: readonly ProfileModel[]): XmlElement {
  distinct('profile', declared.map((profile) => profile.name));
  for (const { name } of declared) {
    checkedName('profile', name);
    if (name === BUILT_IN.systemProfile || name === BUILT_IN.maintenanceProfile) {
      throw new ConfigurationError('ReservedName', `the profile '${name}' is the library's own; choose another name`);
    }
  }
  const everybody = declared.find((profile) => profile.name === BUILT_IN.defaultProfile)?.settings ?? {};
  const limits = { ...DEFAULT_PROFILE_SETTINGS, ...definedOnly(checkedProfileSettings(everybody)) };
  return element(
    'profiles',
    element(BUILT_IN.defaultProfile, profileContent(limits, PINNED_SETTINGS, HTTP_LIMITS, FIXED_TABLE_SETTINGS)),
    element(
      BUILT_IN.systemProfile,
      Object.entries({ ...HTTP_LIMITS, http_max_multipart_form_data_size: limits.maxHttpFormBytes }).map(([name, value]) => element(name, value)),
    ),
    element(BUILT_IN.maintenanceProfile, element('profile', BUILT_IN.defaultProfile), profileContent({ maxConcurrentQueriesForUser: 20, maxExecutionSeconds: 3600 })),
    declared
      .filter((profile) => profile.name !== BUILT_IN.defaultProfile)
      .map((profile) => element(profile.name, element('profile', BUILT_IN.defaultProfile), profileContent(checkedProfileSettings(profile.settings ?? {})))),
  );
}

/**
 * A limit is rendered twice: as the value, and as the range a query may choose from. 0 is disallowed because it means "no limit":
 * refused in a query, and passed over where another server asks for a table's columns, which a minimum would turn into one row
 * (https://clickhouse.com/docs/operations/settings/constraints-on-settings, https://github.com/ClickHouse/ClickHouse/blob/master/src/Interpreters/getStructureOfRemoteTable.cpp).
 */
function profileContent(limits: ProfileSettings, pins: readonly PinnedSetting[] = [], fixed: Readonly<Record<string, number>> = {}, constant: readonly string[] = []): XmlElement[] {
  const given = Object.entries(LIMITS).flatMap(([limit, name]) => {
    const value = limits[limit as keyof typeof LIMITS];
    return value === undefined ? [] : [{ name, value }];
  });
  const values = [
    ...given.map(({ name, value }) => element(name, value)),
    ...pins.map(({ name, value }) => element(name, value)),
    ...Object.entries(fixed).map(([name, value]) => element(name, value)),
    // 2 instead of 1: drivers may still change settings, within the constraints.
    ...(limits.readOnly === undefined ? [] : [element('readonly', limits.readOnly ? 2 : 0)]),
  ];
  const constraints = [
    ...given.map(({ name, value }) => element(name, element('disallowed', 0), element('max', value))),
    ...[...pins.map(({ name }) => name), ...Object.keys(fixed), ...constant].map((name) => element(name, element('const'))),
    ...(limits.readOnly ? [element('readonly', element('const'))] : []),
  ];
  return constraints.length === 0 ? values : [...values, element('constraints', constraints)];
}

/** Renders the quotas: `default` counts without limiting, and the declared ones. A declared one called `default` takes its place. */
export function quotasElement(declared: readonly QuotaModel[]): XmlElement {
  distinct('quota', declared.map((quota) => quota.name));
  const own = declared.some((quota) => quota.name === BUILT_IN.defaultQuota)
    ? []
    : [element(BUILT_IN.defaultQuota, element('interval', element('duration', 3600)))];
  return element(
    'quotas',
    own,
    declared.map((quota) => {
      checkedName('quota', quota.name);
      return element(
        quota.name,
        checkedQuota(quota).intervals.map((interval) =>
          element(
            'interval',
            element('duration', interval.durationSeconds),
            optional('queries', interval.queries),
            optional('errors', interval.errors),
            optional('result_rows', interval.resultRows),
            optional('read_rows', interval.readRows),
            optional('execution_time', interval.executionSeconds),
          ),
        ),
      );
    }),
  );
}

function optional(name: string, value: number | undefined): XmlElement | undefined {
  return value === undefined ? undefined : element(name, value);
}

// a property that is present and undefined must not take away a default.
function definedOnly(settings: ProfileSettings): ProfileSettings {
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}
