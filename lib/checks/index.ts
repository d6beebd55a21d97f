export type { AcceptedExposure } from './accepted-exposure';
export * from './clickhouse-checks';
