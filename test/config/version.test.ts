import * as fc from 'fast-check';
import { ConfigurationError } from '../../lib/config/error';
import { acceptVersion, compareVersions, DEFAULT_VERSION, formatVersion, hasAuthMethods, knownVulnerability, parseVersion } from '../../lib/config/version';

const version = fc.record({
  year: fc.integer({ min: 10, max: 99 }),
  month: fc.integer({ min: 1, max: 12 }),
  patch: fc.integer({ min: 1, max: 5000 }),
  build: fc.integer({ min: 0, max: 9999 }),
});

describe('parseVersion', () => {
  test('reads what it writes, with and without a channel', () => {
    fc.assert(
      fc.property(version, fc.constantFrom('', '-lts', '-stable'), (each, channel) => {
        expect(parseVersion(formatVersion(each) + channel)).toEqual(each);
      }),
    );
  });

  test.each(['', 'latest', '26', '26.8', '26.8.36', '26.8.36.3.1', 'v26.8.36.3', '26.8.36.3 ', ' 26.8.36.3', '26.8.36.3-alpine', '26.08.36.3', '26.13.1.1', '26.0.1.1', '2026.8.36.3', '26.8.036.3', '26.8.-1.3', '26.8.36.3\n', '26.8.36.x'])(
    'fails for %j',
    (text) => {
      expect(() => parseVersion(text)).toThrow(ConfigurationError);
      expect(() => parseVersion(text)).toThrow(JSON.stringify(text));
    },
  );
});

test('compareVersions compares numbers, not text', () => {
  const sorted = ['9.12.1.1', '24.3.18.6', '26.3.9.1', '26.3.62.2', '26.3.62.3', '26.8.36.3', '26.10.3.7', '26.10.3.10'].slice(1).map(parseVersion);
  expect([...sorted].reverse().sort(compareVersions)).toEqual(sorted);
  expect(compareVersions(parseVersion('26.8.36.3'), parseVersion('26.8.36.3-lts'))).toBe(0);
});

describe('knownVulnerability', () => {
  test.each([
    // at the floor of each line and one build or patch below it.
    ['26.3.62.3', undefined],
    ['26.3.62.2', '26.3.62.3'],
    ['26.3.61.999', '26.3.62.3'],
    ['26.3.63.0', undefined],
    ['26.8.36.3', undefined],
    ['26.8.36.3-lts', undefined],
    ['26.8.36.2', '26.8.36.3'],
    ['26.9.27.3', undefined],
    ['26.9.27.2', '26.9.27.3'],
    ['26.10.3.7', undefined],
    ['26.10.3.6', '26.10.3.7'],
    // lines without a fix.
    ['26.4.999.1', '26.8.36.3'],
    ['26.7.2.1', '26.8.36.3'],
    ['26.2.1.1', '26.3.62.3'],
    ['25.8.29.31', '26.3.62.3'],
    ['24.3.1.1', '26.3.62.3'],
    // born after the fix.
    ['26.11.1.1', undefined],
    ['27.1.1.1', undefined],
    // year 27, month 2 is after 26.10, although 2 < 10.
    ['27.2.1.1', undefined],
  ])('%s is fixed in %s', (text, fixedIn) => {
    expect(knownVulnerability(text)?.fixedIn).toBe(fixedIn);
  });

  test('names the CVE and where to read about it', () => {
    expect(knownVulnerability('24.3.1.1')).toEqual({ cve: 'CVE-2026-116366', fixedIn: '26.3.62.3', link: expect.stringMatching(/^https:\/\/.*CVE-2026-116366$/) as string });
  });

  test('what it says is fixed is newer and has no vulnerability, and staying on a safe line stays safe', () => {
    fc.assert(
      fc.property(version, fc.integer({ min: 0, max: 100 }), (each, more) => {
        const vulnerability = knownVulnerability(each);
        if (vulnerability === undefined) {
          expect(knownVulnerability({ ...each, patch: each.patch + more })).toBeUndefined();
        } else {
          expect(knownVulnerability(vulnerability.fixedIn)).toBeUndefined();
          expect(compareVersions(parseVersion(vulnerability.fixedIn), each)).toBeGreaterThan(0);
        }
      }),
    );
  });
});

test('hasAuthMethods starts with 26.4', () => {
  expect(['25.12.1.1', '26.3.62.3', '26.4.1.1', '26.8.36.3', '27.1.1.1'].map(hasAuthMethods)).toEqual([false, false, true, true, true]);
});

describe('acceptVersion', () => {
  test('takes the default', () => {
    expect(formatVersion(acceptVersion(DEFAULT_VERSION))).toBe(DEFAULT_VERSION);
  });

  test('fails for a vulnerable version, naming the CVE and the fix', () => {
    expect(() => acceptVersion('26.7.2.1')).toThrow(/26\.7\.2\.1.*CVE-2026-116366.*26\.8\.36\.3/);
  });

  test('fails for a safe version that cannot rotate', () => {
    expect(() => acceptVersion('26.3.62.3')).toThrow(/26\.3\.62\.3.*26\.4/);
  });
});
