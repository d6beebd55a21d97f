import * as fc from 'fast-check';
import type { ServerSettings } from '../../lib/config/settings';
import { ServerLogLevel, completeServerSettings } from '../../lib/config/settings';
import { codeOf } from './oracle';

test('nothing given is the safe whole', () => {
  expect(completeServerSettings()).toEqual({
    maxConnections: 4096,
    maxConcurrentQueries: 1000,
    maxServerMemoryRatio: 0.8,
    remoteUrlAllowHosts: [],
    logLevel: ServerLogLevel.INFORMATION,
    auditLogRetentionDays: 90,
    metricLogRetentionDays: 14,
    shutdownWaitSeconds: 300,
    nativeConnectionSeconds: 3600,
    keepAliveSeconds: 10,
    maxTableSizeToDropBytes: 50_000_000_000,
  });
});

test('what is present and undefined is not given', () => {
  expect(completeServerSettings({ auditLogRetentionDays: undefined })).toEqual(completeServerSettings());
});

test.each([
  '*', '.*', '^.*$', '*.example.com', 'https://example.com', 'example.com/', 'example.com:0', 'example.com:65536', 'example.com:', 'Example.com', 'example', 'localhost', '', ' ',
  '169.254.169.254', '169.254.169.254:80', '10.0.0.1', '[::1]', '::1', 'a..b', '-a.b', 'a-.b', '.a.b', 'a.b.', 'a.b\n', 'a b.c', '</host>', `${'a'.repeat(64)}.b`, `${'a.'.repeat(127)}ab`,
])('%j is no host that queries may reach', (host) => {
  expect(codeOf(() => completeServerSettings({ remoteUrlAllowHosts: [host] }))).toBe('UrlHost');
});

test.each(['example.com', 'a.b', 'feeds.example.com:443', 'b.s3.eu-west-1.amazonaws.com'])('%j is a host that queries may reach', (host) => {
  expect(completeServerSettings({ remoteUrlAllowHosts: [host] }).remoteUrlAllowHosts).toEqual([host]);
});

test.each<[string, ServerSettings]>([
  ['a flood', { maxConnections: 0 }],
  ['a fraction', { maxConcurrentQueries: 10.5 }],
  ['all memory', { maxServerMemoryRatio: 1 }],
  ['no memory', { maxServerMemoryRatio: 0 }],
  ['not a number', { maxServerMemoryRatio: NaN }],
  ['an audit trail of a day', { auditLogRetentionDays: 1 }],
  ['killing queries at once', { shutdownWaitSeconds: 0 }],
  ['waiting for a day', { shutdownWaitSeconds: 86_400 }],
  ['native connections for ever', { nativeConnectionSeconds: 0 }],
  ['infinity', { metricLogRetentionDays: Infinity }],
  ['dropping anything', { maxTableSizeToDropBytes: 0 }],
  ['a level that writes queries', { logLevel: 'trace' as ServerLogLevel }],
])('%s is refused', (_, settings) => {
  expect(codeOf(() => completeServerSettings(settings))).toBe('SettingRange');
});

test('an error names the setting, the value and the range', () => {
  expect(() => completeServerSettings({ auditLogRetentionDays: 1 })).toThrow("'auditLogRetentionDays' must be a whole number from 7 to 3650, got 1");
});

test('whatever numbers are given, the result is in range or an error', () => {
  fc.assert(fc.property(fc.double(), fc.double(), (ratio, days) => {
    try {
      const complete = completeServerSettings({ maxServerMemoryRatio: ratio, auditLogRetentionDays: days });
      expect(complete.maxServerMemoryRatio > 0 && complete.maxServerMemoryRatio <= 0.95).toBe(true);
      expect(Number.isInteger(complete.auditLogRetentionDays)).toBe(true);
    } catch (error) {
      expect(error).toMatchObject({ code: 'SettingRange' });
    }
  }));
});
