import * as fc from 'fast-check';
import { createDatabaseStatement } from '../../lib/config/databases';
import { ConfigurationError } from '../../lib/config/error';
import { macros } from '../../lib/config/internode';
import { layOut } from '../../lib/config/topology';
import { childElements } from '../../lib/config/xml';
import { codeOf } from './oracle';

const size = { clusterName: 'analytics', zoneName: 'analytics.clickhouse.internal' };
const SINGLE = layOut({ ...size, shards: 1, replicas: 1, keepers: 0 });
const REPLICATED = layOut({ ...size, shards: 2, replicas: 2, keepers: 3 });

test('without Keepers', () => {
  expect(createDatabaseStatement(SINGLE, 'events')).toBe('CREATE DATABASE IF NOT EXISTS `events` ENGINE = Atomic');
});

test('with Keepers', () => {
  expect(createDatabaseStatement(REPLICATED, 'events')).toBe("CREATE DATABASE IF NOT EXISTS `events` ENGINE = Replicated('/clickhouse/databases/analytics/events', '{shard}', '{replica}')");
});

test('growth changes nothing', () => {
  expect(createDatabaseStatement(layOut({ ...size, shards: 9, replicas: 3, keepers: 5 }), 'events')).toBe(createDatabaseStatement(REPLICATED, 'events'));
});

test('every macro it uses is defined on every server', () => {
  const used = [...createDatabaseStatement(REPLICATED, 'events').matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
  expect(used).toEqual(['shard', 'replica']);
  expect(childElements(macros(REPLICATED)).map(({ name }) => name)).toEqual(expect.arrayContaining(used));
});

test('two databases have two paths', () => {
  const name = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/).filter((each) => codeOf(() => createDatabaseStatement(SINGLE, each)) === 'nothing was thrown');
  fc.assert(fc.property(name, name, (a, b) => {
    expect(createDatabaseStatement(REPLICATED, a) === createDatabaseStatement(REPLICATED, b)).toBe(a === b);
  }));
});

test('a name cannot leave its quotes, here or in the path', () => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('`', "'", '/', '..', '{shard}', 'a', ' ', '\\') })), (name) => {
    for (const topology of [SINGLE, REPLICATED]) {
      try {
        expect(createDatabaseStatement(topology, name)).toContain(`\`${name}\``);
        expect(name).toMatch(/^\w+$/);
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigurationError);
      }
    }
  }));
});

test.each(['system', 'INFORMATION_SCHEMA', '_temporary_and_external_tables'])('%s is not ours to make', (name) => {
  expect(codeOf(() => createDatabaseStatement(REPLICATED, name))).toBe('SystemDatabase');
});
