import * as fc from 'fast-check';
import type { ReplicaState, VolumeHistory } from '../../../lib/agent/boot-steps';
import { nextStep } from '../../../lib/agent/boot-steps';
import type { DatabaseRow, ReplicaRows, TableRow } from '../../../lib/agent/health/replica';
import { DELAY_SECONDS, FEW_INSERTS, hasSession, readReplica, REPLICA_QUERIES, replicaState } from '../../../lib/agent/health/replica';
import type { Query, Rows } from '../../../lib/agent/health/server';
import { MAINTENANCE_GRANTS } from '../../../lib/config/users';

const NOW = 1_790_000_000;
const VOLUMES: VolumeHistory[] = ['empty', 'unfinished', 'established'];

const idle: TableRow = { readOnly: false, queue: 0, inserts: 0, merges: 0, mutations: 0, delaySeconds: 0 };
const events: DatabaseRow = { name: 'events', active: true, lag: 0 };
const rows = (tables: Partial<TableRow>[], databases: Partial<DatabaseRow>[] = [{}]): ReplicaRows => ({
  tables: tables.map((each) => ({ ...idle, ...each })),
  databases: databases.map((each) => ({ ...events, ...each })),
});

/** new and established. */
const both = (what: ReplicaRows): [ReplicaState, ReplicaState] => [replicaState(what, 'empty'), replicaState(what, 'established')];

describe('the state of a replica', () => {
  test.each<[string, ReplicaRows, ReplicaState, ReplicaState?]>([
    ['has everything', rows([{}, {}]), 'caughtUp'],
    ['has nothing to replicate, and its databases are in step', rows([]), 'caughtUp'],
    ['has no replicated database at all', rows([], []), 'caughtUp'],
    ['has one table that cannot be written to', rows([{}, { readOnly: true, delaySeconds: NOW }]), 'empty'],
    ['has not learned its tables yet', rows([], [{ active: false, lag: 7 }]), 'empty'],
    ['has learned some of its tables', rows([{}], [{ lag: 1 }]), 'empty'],
    ['has learned the tables of one database and not of the other', rows([{}], [{}, { name: 'logs', active: false, lag: 0 }]), 'empty'],
    ['cannot tell how its databases are', rows([{}], [{ active: undefined, lag: undefined }]), 'empty'],
    ['knows its lag and not whether it works', rows([{}], [{ active: undefined }]), 'empty'],
    ['works and does not know its lag', rows([{}], [{ lag: undefined }]), 'empty'],
    ['fetches what its sibling has', rows([{ queue: 400, inserts: 400, delaySeconds: 86_400 }, {}]), 'fetching', 'behind'],
    ['fetches terabytes that were merged a moment ago', rows([{ queue: 400, inserts: 400, delaySeconds: 5 }]), 'fetching', 'behind'],
    ['fetches one part that is old', rows([{ queue: 1, inserts: 1, delaySeconds: 86_400 }]), 'fetching', 'behind'],
    ['fetches what is inserted now', rows([{ queue: 3, inserts: 3, delaySeconds: 2 }]), 'caughtUp'],
    ['merges and mutates', rows([{ queue: 900, merges: 500, mutations: 400 }]), 'caughtUp'],
    ['has parts to move or drop', rows([{ queue: 3, merges: 2 }]), 'fetching', 'behind'],
    ['has not read the log yet', rows([{ delaySeconds: NOW }]), 'writable'],
    ['cannot read the log any more', rows([{ delaySeconds: 61 }, {}]), 'writable'],
    ['has not read one log yet and fetches for another', rows([{ delaySeconds: NOW }, { queue: 400, inserts: 400, delaySeconds: 100 }]), 'fetching', 'behind'],
    ['is just in time', rows([{ queue: FEW_INSERTS, inserts: FEW_INSERTS, delaySeconds: DELAY_SECONDS - 1 }]), 'caughtUp'],
    ['is just not in time', rows([{ queue: 1, inserts: 1, delaySeconds: DELAY_SECONDS }]), 'fetching', 'behind'],
    ['fetches just too many', rows([{ queue: FEW_INSERTS + 1, inserts: FEW_INSERTS + 1 }]), 'fetching', 'behind'],
  ])('that %s', (_, what, fresh, established = fresh) => {
    expect(both(what)).toEqual([fresh, established]);
    // a volume that another stack left behind, or a machine that restarts in its first minutes.
    expect(replicaState(what, 'unfinished')).toBe(fresh);
  });
});

describe('for every replica', () => {
  const count = fc.oneof(fc.constantFrom(0, 1, FEW_INSERTS, FEW_INSERTS + 1), fc.nat(5_000));
  const table = fc.record({ readOnly: fc.boolean(), inserts: count, merges: count, mutations: count, other: count, delaySeconds: fc.oneof(fc.constantFrom(0, DELAY_SECONDS - 1, DELAY_SECONDS, NOW), fc.nat(100_000)) })
    .map(({ other, ...each }): TableRow => ({ ...each, readOnly: each.readOnly && other % 3 === 0, queue: each.inserts + each.merges + each.mutations + (other % 2 === 0 ? 0 : other) }));
  const database: fc.Arbitrary<DatabaseRow> = fc.record({
    name: fc.constantFrom('events', 'logs'),
    active: fc.constantFrom(true, true, true, false, undefined),
    lag: fc.constantFrom(0, 0, 0, 1, 400, undefined),
  });
  const replica: fc.Arbitrary<ReplicaRows> = fc.record({ tables: fc.array(table, { maxLength: 4 }), databases: fc.array(database, { maxLength: 2 }) });
  const volume = fc.constantFrom(...VOLUMES);

  /** What makes it worse: more of one thing, one thing that is not known any more, one more table. */
  const worse = fc.record({
    which: fc.constantFrom('inserts', 'others', 'merges', 'delay', 'readOnly', 'lag', 'inactive', 'unknown', 'table', 'database'), by: fc.integer({ min: 1, max: 10_000 }), at: fc.nat(3), extra: table, another: database,
  });
  type Worse = typeof worse extends fc.Arbitrary<infer T> ? T : never;

  function made({ which, by, at, extra, another }: Worse, { tables, databases }: ReplicaRows): ReplicaRows {
    const table = (change: (row: TableRow) => Partial<TableRow>) => ({ databases, tables: tables.map((row, index) => (index === at ? { ...row, ...change(row) } : row)) });
    const database = (change: (row: DatabaseRow) => Partial<DatabaseRow>) => ({ tables, databases: databases.map((row, index) => (index === at % 2 ? { ...row, ...change(row) } : row)) });
    switch (which) {
      case 'inserts': return table(({ inserts, queue }) => ({ inserts: inserts + by, queue: queue + by }));
      case 'others': return table(({ queue }) => ({ queue: queue + by }));
      case 'merges': return table(({ merges, queue }) => ({ merges: merges + by, queue: queue + by }));
      case 'delay': return table(({ delaySeconds }) => ({ delaySeconds: delaySeconds + by }));
      case 'readOnly': return table(() => ({ readOnly: true }));
      case 'lag': return database(({ lag }) => ({ lag: lag === undefined ? undefined : lag + by }));
      case 'inactive': return database(() => ({ active: false }));
      case 'unknown': return database(() => ({ active: undefined, lag: undefined }));
      case 'table': return { databases, tables: [...tables, extra] };
      case 'database': return { tables, databases: [...databases, another] };
    }
  }

  const RANK: Record<ReplicaState, number> = { empty: 0, fetching: 1, behind: 1, writable: 2, caughtUp: 3 };

  test('there is a state, and `fetching` and `behind` are about the past of the volume', () => {
    fc.assert(fc.property(replica, volume, (what, past) => {
      const state = replicaState(what, past);
      expect(Object.keys(RANK)).toContain(state);
      expect(state).not.toBe(past === 'established' ? 'fetching' : 'behind');
    }), { numRuns: 2_000 });
  });

  test('more to do never makes it more caught up', () => {
    const before = new Set<ReplicaState>();
    let changed = 0;
    fc.assert(fc.property(replica, volume, worse, (what, past, change) => {
      const [was, is] = [replicaState(what, past), replicaState(made(change, what), past)];
      before.add(was);
      changed += was === is ? 0 : 1;
      expect(RANK[is]).toBeLessThanOrEqual(RANK[was]);
    }), { numRuns: 5_000 });
    // it was about something.
    expect([...before].sort()).toEqual(['behind', 'caughtUp', 'empty', 'fetching', 'writable']);
    expect(changed).toBeGreaterThan(100);
  });

  test('an established one signals only when every table is in time and every database in step', () => {
    fc.assert(fc.property(replica, (what) => {
      const { signal } = nextStep({ role: 'server', volume: 'established', listening: true, liveManifestApplied: true, keepers: 'reachable', replica: replicaState(what, 'established') });
      const whole = what.databases.every(({ active, lag }) => active === true && lag === 0)
        && what.tables.every((row) => !row.readOnly && row.delaySeconds < DELAY_SECONDS && row.inserts <= FEW_INSERTS && row.queue === row.inserts + row.merges + row.mutations);
      expect(signal).toBe(whole);
    }), { numRuns: 2_000 });
  });

  test('a new one never signals with a table that cannot be written to, or before it knows its tables', () => {
    fc.assert(fc.property(replica, fc.constantFrom<VolumeHistory>('empty', 'unfinished'), (what, past) => {
      const { signal } = nextStep({ role: 'server', volume: past, listening: true, liveManifestApplied: true, keepers: 'reachable', replica: replicaState(what, past) });
      expect(signal).toBe(what.tables.every(({ readOnly }) => !readOnly) && what.databases.every(({ active, lag }) => active === true && lag === 0));
    }), { numRuns: 2_000 });
  });
});

describe('what is asked', () => {
  const answers = (changes: Partial<Record<keyof typeof REPLICA_QUERIES, Rows>>, asked: string[] = []): Query => (sql) => {
    asked.push(sql);
    const [key] = Object.entries(REPLICA_QUERIES).find(([, each]) => each === sql) ?? [];
    return Promise.resolve({ session: [[1]], tables: [], databases: [], members: [], ...changes }[key as keyof typeof REPLICA_QUERIES]);
  };

  test('is read as it is, with numbers as numbers or as text', async () => {
    expect(await readReplica(answers({
      tables: [[0, 7, 3, 2, 1, '99'], [1, '0', '0', '0', '0', '1790000000']],
      databases: [['events'], ['logs'], ['late']],
      members: [['all_groups.events', 0, 9], ['events', 1, 0], ['logs', 0, null]],
    }))).toEqual({
      tables: [{ readOnly: false, queue: 7, inserts: 3, merges: 2, mutations: 1, delaySeconds: 99 }, { ...idle, readOnly: true, delaySeconds: 1_790_000_000 }],
      databases: [{ name: 'events', active: true, lag: 0 }, { name: 'logs', active: false, lag: undefined }, { name: 'late', active: undefined, lag: undefined }],
    });
  });

  // between two questions the database learns its tables, which then still have everything to fetch.
  test('is asked in the order in which nothing can be missed', async () => {
    const learned = { members: [['events', 1, 0]], tables: [[0, 400, 400, 0, 0, 86_400]] };
    const before = { members: [['events', 0, 400]], tables: [] };
    for (const moment of [0, 1, 2, 3]) {
      let questions = 0;
      const query: Query = (sql) => answers({ databases: [['events']], ...((questions++) < moment ? before : learned) })(sql);
      expect(['empty', 'fetching']).toContain(replicaState(await readReplica(query), 'empty'));
    }
  });

  test.each<[string, Partial<Record<keyof typeof REPLICA_QUERIES, Rows>>]>([
    ['null', { tables: [[0, 0, 0, 0, 0, null]] }],
    ['nothing', { tables: [[0, 0, 0, 0, 0]] }],
    ['an empty text', { tables: [[0, 0, 0, 0, 0, '']] }],
    ['a word', { tables: [['no', 0, 0, 0, 0, 0]] }],
    ['a negative number', { tables: [[0, 0, 0, 0, 0, -1]] }],
    ['a fraction', { tables: [[0, 0.5, 0, 0, 0, 0]] }],
    ['another lag', { databases: [['events']], members: [['events', 1, '']] }],
    ['a database without a name', { databases: [[null]] }],
  ])('%s is not taken for a number, least of all for 0', async (_, changes) => {
    await expect(readReplica(answers(changes))).rejects.toThrow(/the server is strange: its answer has something else in the place of a (number|name)/);
  });

  test.each<[Rows, boolean]>([[[[1]], true], [[['2']], true], [[[0]], false], [[['0']], false]])('a session: %j', async (session, expected) => {
    expect(await hasSession(answers({ session }))).toBe(expected);
  });

  test('no answer is no session', async () => {
    await expect(hasSession(answers({ session: [] }))).rejects.toThrow(/strange/);
  });

  test('is of tables that the account may read; of its databases everybody sees what he may see', () => {
    const tables = Object.values(REPLICA_QUERIES).flatMap((sql) => [...sql.matchAll(/\bFROM (\S+)/g)].map(([, table]) => table));
    expect(tables).toHaveLength(4);
    const granted = (table: string | undefined): boolean => MAINTENANCE_GRANTS.some((grant) => grant === `GRANT SELECT ON ${table}`);
    expect(tables.filter((table) => !granted(table))).toEqual(['system.databases']);
    expect(MAINTENANCE_GRANTS.join()).toContain('SHOW DATABASES');
  });
});
