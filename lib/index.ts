export * from './checks';
export * from './cluster';
export { ServerLogLevel } from './config/settings';
