/**
 * Metadata keys in the template. They are contracts: the policy checks recognise our resources by the first, reviewers read the
 * second.
 */
export const METADATA_CLICKHOUSE = 'cdk-secure-clickhouse';
export const METADATA_DOCUMENTS = 'cdk-secure-clickhouse:documents';
