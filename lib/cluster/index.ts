export { ClickHouseCluster } from './cluster';
export type { ClickHouseClusterAttributes, IClickHouseCluster } from './cluster-ref';
export * from './endpoint';
export { ClickHousePackages } from './packages';
export type { BucketPackagesOptions, OfficialPackagesOptions } from './packages';
export * from './props';
export type { ClickHouseServerSettings } from './server-settings';
export * from './version';
