/**
 * What nodes publish and alarms watch; one table, because a metric that nobody publishes under the watched name looks healthy.
 *
 * - `credentialAge`: seconds since the current password of a user was made; dimensions `Cluster` and `User`.
 * - `usersLeftOut`: how many declared users a node does not admit at all; dimension `Cluster`.
 *
 * Every server publishes both under the same dimensions, so alarms take the maximum.
 */
export const METRICS = {
  namespace: 'SecureClickHouse',
  credentialAge: 'CredentialAge',
  usersLeftOut: 'UsersLeftOut',
} as const;
