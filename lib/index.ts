export * from './auth';
export * from './checks';
export * from './cluster';
export { ServerLogLevel } from './config/settings';
export { ClickHouseVpcEndpoints, ClickHouseVpcService } from './network/vpc-endpoints';
export type { ClickHouseVpcEndpointsProps } from './network/vpc-endpoints';
