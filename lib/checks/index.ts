export * from './clickhouse-checks';
