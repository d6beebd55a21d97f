/**
 * What nodes publish and alarms watch; one table, because a metric that nobody publishes under the watched name looks healthy.
 *
 * - `credentialAge`: seconds since the current password of a user was made; dimensions `Cluster` and `User`.
 * - `usersLeftOut`: how many declared users a node does not admit at all; dimension `Cluster`.
 * - `certificateDaysToExpiry`: how many whole days the installed certificate of a node is still valid, negative when it is over; dimensions
 *   `Cluster` and `Node`, and `Cluster` alone. Missing when nothing is installed.
 * - `servedSerialBehind`: 1 when a node's listener shows another certificate than the installed one and the one in the node's secret, or one that
 *   peers refuse, else 0; dimensions `Cluster` and `Node`, and `Cluster` alone. Missing when nothing is installed or nobody answers.
 * - `nodeReady`: 1 when a node serves and keeps to what it promises, else 0; dimensions `Cluster` and `Node`, and `Cluster` alone.
 *
 * What every node publishes under the dimension `Cluster` alone is watched by its worst: the maximum, of days and of readiness the minimum.
 */
export const METRICS = {
  namespace: 'SecureClickHouse',
  credentialAge: 'CredentialAge',
  usersLeftOut: 'UsersLeftOut',
  certificateDaysToExpiry: 'CertificateDaysToExpiry',
  servedSerialBehind: 'ServedSerialBehind',
  nodeReady: 'NodeReady',
} as const;
