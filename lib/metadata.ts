/**
 * Metadata keys in the template. They are contracts: the policy checks recognise our resources by the first, reviewers read the
 * second, and the third says why a secret is not rotated, which the policy checks hold against who uses it.
 */
export const METADATA_CLICKHOUSE = 'cdk-secure-clickhouse';
export const METADATA_DOCUMENTS = 'cdk-secure-clickhouse:documents';
export const METADATA_STATIC_SECRET = 'cdk-secure-clickhouse:static-secret';
