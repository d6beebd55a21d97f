export { ClickHouseCluster } from './cluster';
export type { ClickHouseClusterAttributes, IClickHouseCluster } from './cluster-ref';
export * from './endpoint';
export * from './props';
export type { ClickHouseServerSettings } from './server-settings';
export * from './version';
