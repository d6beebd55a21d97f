/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  transform: { '^.+\\.ts$': ['ts-jest', { tsconfig: '<rootDir>/test/tsconfig.json', diagnostics: { ignoreCodes: ['TS151001'] } }] },
  moduleNameMapper: { '^fast-check$': '<rootDir>/test/fast-check.js' },
  setupFiles: ['<rootDir>/test/setup.js'],
  testTimeout: 60_000,
};
