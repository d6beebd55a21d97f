export { ClickHouseCluster } from './cluster';
export type { ClickHouseClusterProps, IClickHouseCluster } from './cluster';
export * from './endpoint';
export type { ClickHouseServerSettings } from './server-settings';
export * from './version';
