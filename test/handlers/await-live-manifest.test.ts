import * as sdk from '@aws-sdk/client-s3';
import * as fc from 'fast-check';
import { LARGEST_REPORT, readReport, renderReport, reportingNode, reportKey } from '../../lib/config/report';
import type { LiveRolloutProperties, Patience, ReportStore, World } from '../../lib/handlers/await-live-manifest/await';
import { awaitNodes, PATIENCE, rollOut } from '../../lib/handlers/await-live-manifest/await';
import { s3Reports } from '../../lib/handlers/await-live-manifest/s3';
import type { CloudFormationEvent } from '../../lib/handlers/cloudformation';

const NEW = 'a'.repeat(64);
const OLD = 'b'.repeat(64);
const AT = '2026-03-01T10:00:00.000Z';
const says = (live: string, at = AT): string => JSON.stringify({ live, at });

/** What happens to a node's object: from this millisecond on it has this text; an error is thrown at whoever reads. */
interface Change {
  readonly from: number;
  readonly text: string | Error;
}

/** A bucket and a clock. Reading takes time; sleeping passes it. */
class Simulation implements World {
  clock = 0;
  reads = 0;
  underWay = 0;
  mostUnderWay = 0;
  listFails: (clock: number) => boolean = () => false;
  readonly waits: string[][] = [];
  readonly pauses: number[] = [];
  /** the latest text of each node that was handed out. */
  readonly handedOut = new Map<string, string>();

  constructor(
    private readonly nodes: Readonly<Record<string, readonly Change[]>>,
    private readonly readTakes = 50,
  ) {}

  private textOf(node: string): string | Error | undefined {
    return this.nodes[node]?.filter(({ from }) => from <= this.clock).at(-1)?.text;
  }

  readonly store: ReportStore = {
    list: () => {
      this.clock += this.readTakes;
      if (this.listFails(this.clock)) return Promise.reject(Object.assign(new Error('slow down <b>'), { name: 'SlowDown' }));
      const present = Object.keys(this.nodes).flatMap((node) => {
        const text = this.textOf(node);
        return text === undefined ? [] : [[node, text instanceof Error ? 100 : Buffer.byteLength(text)] as const];
      });
      return Promise.resolve(new Map(present));
    },
    read: async (_, node) => {
      this.reads += 1;
      this.underWay += 1;
      this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
      await Promise.resolve();
      this.clock += this.readTakes;
      this.underWay -= 1;
      const text = this.textOf(node);
      if (text === undefined) throw Object.assign(new Error('gone'), { name: 'NoSuchKey' });
      if (text instanceof Error) throw text;
      this.handedOut.set(node, text);
      return text;
    },
  };
  readonly now = (): number => this.clock;
  readonly sleep = (milliseconds: number): Promise<void> => {
    this.pauses.push(milliseconds);
    this.clock += milliseconds;
    return Promise.resolve();
  };
  readonly moved: string[] = [];
  readonly movePointer = (parameter: string, key: string): Promise<void> => {
    this.moved.push(`${parameter} -> ${key} before ${this.reads} reads`);
    return Promise.resolve();
  };
  readonly waiting = (behind: readonly string[]): void => {
    this.waits.push([...behind]);
  };
}

const wanted = (...Nodes: string[]): LiveRolloutProperties => ({ Bucket: 'artefacts', Pointer: 'live', Sha256: NEW, Nodes });
const from = (millisecond: number, text: string | Error): Change => ({ from: millisecond, text });
const failure = async (properties: LiveRolloutProperties, world: World, patience = PATIENCE): Promise<string> =>
  awaitNodes(properties, world, patience).then(
    () => 'succeeded',
    (error: Error) => error.message,
  );
const event = (ResourceProperties: LiveRolloutProperties, fields: Partial<CloudFormationEvent<LiveRolloutProperties>> = {}): CloudFormationEvent<LiveRolloutProperties> => ({
  RequestType: 'Create',
  RequestId: 'r',
  ResponseURL: 'https://answers.invalid',
  StackId: 's',
  LogicalResourceId: 'Rollout',
  ResourceProperties,
  ...fields,
});

describe('reports', () => {
  test('what a node writes is what is read', () => {
    fc.assert(fc.property(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('2200-01-01') }), fc.stringMatching(/^[0-9a-f]{64}$/), (date, live) => {
      const report = { live, at: date.toISOString() };
      expect(readReport(renderReport(report))).toEqual(report);
    }));
    expect(reportingNode(reportKey('server-1-2'))).toBe('server-1-2');
    expect(reportKey('server-1-2')).toBe('reports/server-1-2.json');
    expect(reportingNode('manifests/live/x.json')).toBeUndefined();
  });

  test('a newer agent may say more', () => {
    expect(readReport(JSON.stringify({ live: NEW, at: AT, version: { any: 1 } }))).toEqual({ live: NEW, at: AT });
  });

  const HOSTILE: readonly string[] = [
    '', ' ', 'null', 'true', '1', `"${NEW}"`, NEW, '[]', '{}', '{', `[${says(NEW)}]`, `${says(NEW)}${says(NEW)}`, `${says(NEW)}x`,
    JSON.stringify({ live: NEW }), JSON.stringify({ at: AT }), JSON.stringify({ live: [NEW], at: AT }), JSON.stringify({ live: { toString: NEW }, at: AT }),
    JSON.stringify({ live: NEW.toUpperCase(), at: AT }), JSON.stringify({ live: `${NEW}\n`, at: AT }), JSON.stringify({ live: ` ${NEW}`, at: AT }), JSON.stringify({ live: NEW.slice(1), at: AT }),
    JSON.stringify({ live: NEW, at: 1 }), JSON.stringify({ live: NEW, at: 'now' }), JSON.stringify({ live: NEW, at: '2026-13-40T10:00:00Z' }), JSON.stringify({ live: NEW, at: `${AT}\n` }),
    `{"__proto__":${says(NEW)}}`, `{"constructor":${says(NEW)}}`, `\uFEFF${says(NEW)}`,
    JSON.stringify({ live: NEW, at: AT, padding: 'x'.repeat(LARGEST_REPORT) }), '['.repeat(LARGEST_REPORT), '\u0000'.repeat(10),
  ];

  const named = HOSTILE.map((text) => [text.slice(0, 40) + (text.length > 40 ? `... (${text.length})` : ''), text] as const);

  test.each(named)('%j is not a report', (_, text) => expect(readReport(text)).toBeUndefined());

  test.each(named)('%j never ends the wait with success, and is never repeated', async (_, text) => {
    const message = await failure(wanted('server-1-1'), new Simulation({ 'server-1-1': [from(0, text)] }));
    expect(message).toMatch(/server-1-1 \((?:wrote a report that cannot be understood|wrote a report of \d+ bytes)\)/);
    if (text.trim().length > 3) expect(message).not.toContain(text);
  });

  test('one that is too large is not even fetched', async () => {
    const world = new Simulation({ 'server-1-1': [from(0, JSON.stringify({ live: NEW, at: AT, padding: 'x'.repeat(10_000_000) }))] });
    expect(await failure(wanted('server-1-1'), world)).toMatch(/wrote a report of 1000\d{4} bytes/);
    expect(world.reads).toBe(0);
  });
});

describe('waiting', () => {
  test('ends with the first round in which all agree', async () => {
    const world = new Simulation({ 'server-1-1': [from(0, says(OLD)), from(20_000, says(NEW))], 'server-1-2': [from(60_000, says(NEW))] });
    await awaitNodes(wanted('server-1-1', 'server-1-2'), world, PATIENCE);
    expect(world.clock).toBeGreaterThanOrEqual(60_000);
    expect(world.clock).toBeLessThan(60_000 + PATIENCE.longestPause + 1000);
    expect(world.waits[0]).toEqual(['server-1-1', 'server-1-2']);
    expect(world.waits.at(-1)).toEqual(['server-1-2']);
  });

  test('a node that goes back before the others arrive counts', async () => {
    const world = new Simulation({ 'server-1-1': [from(0, says(NEW)), from(30_000, says(OLD))], 'server-1-2': [from(60_000, says(NEW))] });
    expect(await failure(wanted('server-1-1', 'server-1-2'), world)).toMatch(/^1 of 2 nodes .*: server-1-1 \(runs bbbbbbbbbbbb since 2026-03-01T10:00:00.000Z\)/);
  });

  test('waits gently: pauses grow to the longest, and no more reads than allowed are under way', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `server-${index + 1}-1`);
    const world = new Simulation(Object.fromEntries(names.map((name) => [name, [from(0, says(OLD))]])), 1);
    expect(await failure(wanted(...names), world)).toMatch(/^100 of 100 nodes/);
    expect(world.pauses[0]).toBe(PATIENCE.firstPause);
    expect(world.pauses.every((pause, index) => pause >= (world.pauses[index - 1] ?? 0))).toBe(true);
    expect(world.pauses.at(-1)).toBe(PATIENCE.longestPause);
    expect(world.mostUnderWay).toBe(PATIENCE.readsAtOnce);
  });

  test('outlives a store that fails for a while, and a node whose report cannot be read for a while', async () => {
    const world = new Simulation({ 'server-1-1': [from(0, Object.assign(new Error('no'), { name: 'AccessDenied' })), from(90_000, says(NEW))] });
    world.listFails = (clock) => clock < 45_000;
    await expect(awaitNodes(wanted('server-1-1'), world, PATIENCE)).resolves.toBeUndefined();
  });

  test('does not wait for a node that is not in the list', async () => {
    await expect(awaitNodes(wanted('server-1-1'), new Simulation({ 'server-1-1': [from(0, says(NEW))], 'server-9-9': [from(0, says(OLD))] }), PATIENCE)).resolves.toBeUndefined();
  });

  test('starts no read after the limit, however slow reads are, and says which nodes were not read', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `server-${index + 1}-1`);
    const world = new Simulation(Object.fromEntries(names.map((name) => [name, [from(0, says(NEW))]])), 20_000);
    const message = await failure(wanted(...names), world);
    expect(message).toMatch(/^\d+ of 100 nodes do not run .*not read in time/);
    expect(world.clock).toBeLessThanOrEqual(PATIENCE.limit + PATIENCE.readsAtOnce * 20_000);
  });
});

describe('the failure', () => {
  test('names each node that is behind and what it said instead', async () => {
    const world = new Simulation({
      'server-1-1': [from(0, says(NEW))],
      'server-1-2': [from(0, says(OLD))],
      'server-2-2': [from(0, 'not json')],
      'server-3-1': [from(0, Object.assign(new Error('secret <script>'), { name: 'AccessDenied' }))],
      'server-3-2': [from(0, Object.assign(new Error('x'), { name: 'not a name; rm -rf' }))],
    });
    const message = await failure(wanted('server-1-1', 'server-1-2', 'server-2-1', 'server-2-2', 'server-3-1', 'server-3-2'), world);
    expect(message).toMatch(/^5 of 6 nodes do not run the live manifest aaaaaaaaaaaa after 8[0-4]\d s: /);
    expect(message).toContain('server-1-2 (runs bbbbbbbbbbbb since 2026-03-01T10:00:00.000Z), server-2-1 (never reported), server-2-2 (wrote a report that cannot be understood), server-3-1 (its report cannot be read: AccessDenied), server-3-2 (its report cannot be read: Error)');
    expect(message).toMatch(/; look at the log stream of each, repair or replace it, then deploy again$/);
    expect(message).not.toMatch(/script|rm -rf|server-1-1/);
  });

  test('says that reports cannot be listed', async () => {
    const world = new Simulation({ 'server-1-1': [from(0, says(NEW))] });
    world.listFails = () => true;
    expect(await failure(wanted('server-1-1'), world)).toMatch(/server-1-1 \(reports cannot be listed: SlowDown\)/);
  });

  test.each([1, 5, 12, 100, 1000])('of %d nodes fits the answer and counts those it leaves out', async (count) => {
    const names = Array.from({ length: count }, (_, index) => `server-${index + 1}-1`);
    const message = await failure(wanted(...names), new Simulation(Object.fromEntries(names.map((name) => [name, [from(0, says(OLD))]])), 0));
    expect(message.length).toBeLessThanOrEqual(1024);
    const named = [...message.matchAll(/server-\d+-1 \(/g)].length;
    expect(named).toBeGreaterThan(0);
    expect(named + Number(/ and (\d+) more;/.exec(message)?.[1] ?? 0)).toBe(count);
    expect(message).toMatch(/deploy again$/);
  });
});

test('whatever nodes do, success means that the latest report of every node has the hash, and the wait ends in time', async () => {
  const text = fc.oneof(
    { weight: 4, arbitrary: fc.constant<string | Error>(says(NEW)) },
    { weight: 2, arbitrary: fc.constant<string | Error>(says(OLD)) },
    { weight: 1, arbitrary: fc.string().map<string | Error>((each) => each) },
    { weight: 1, arbitrary: fc.json().map<string | Error>((each) => each) },
    { weight: 1, arbitrary: fc.constant<string | Error>(new Error('throttled')) },
  );
  const changes = fc.array(fc.record({ from: fc.nat(200_000), text }), { maxLength: 4 }).map((list) => [...list].sort((a, b) => a.from - b.from));
  const patience: Patience = { limit: 180_000, firstPause: 1000, longestPause: 10_000, readsAtOnce: 3 };
  const seen = { success: 0, failure: 0 };
  await fc.assert(
    fc.asyncProperty(fc.array(changes, { minLength: 1, maxLength: 6 }), fc.integer({ min: 0, max: 400 }), fc.boolean(), async (histories, readTakes, flaky) => {
      const nodes = Object.fromEntries(histories.map((history, index) => [`server-${index + 1}-1`, history]));
      const world = new Simulation(nodes, readTakes);
      if (flaky) world.listFails = (clock) => clock % 3 === 0;
      const names = Object.keys(nodes);
      const message = await failure(wanted(...names), world, patience);
      expect(world.clock).toBeLessThanOrEqual(patience.limit + 10 * readTakes);
      if (message === 'succeeded') {
        seen.success += 1;
        for (const name of names) expect(readReport(world.handedOut.get(name) ?? '')?.live).toBe(NEW);
      } else {
        seen.failure += 1;
        expect(message.length).toBeLessThanOrEqual(1024);
        // no false alarm: whoever had the hash from early on until the end is not named.
        for (const [name, history] of Object.entries(nodes)) {
          const steady = history.length > 0 && history.every(({ text: each, from: since }) => each === says(NEW) && since < 100_000);
          if (steady && !flaky) expect(message).not.toContain(`${name} (`);
        }
        // and not too early: had all had it by half time, the wait would have seen it.
        const settled = Object.values(nodes).every((history) => history.at(-1)?.text === says(NEW) && (history.at(-1)?.from ?? 0) < 100_000);
        if (!flaky) expect(settled).toBe(false);
      }
    }),
    { numRuns: 400 },
  );
  expect(seen.success).toBeGreaterThan(20);
  expect(seen.failure).toBeGreaterThan(20);
});

describe('the custom resource', () => {
  const world = (): Simulation => new Simulation({ 'server-1-1': [from(0, says(NEW))] });

  test('moves the pointer first, to the manifest that is waited for; going back moves it back; deletion moves nothing', async () => {
    const simulation = new Simulation({ 'server-1-1': [from(0, says(NEW))] });
    await rollOut(event(wanted('server-1-1'), { RequestType: 'Update', PhysicalResourceId: 'id' }), simulation);
    await rollOut(event(wanted('server-1-1'), { RequestType: 'Delete', PhysicalResourceId: 'id' }), simulation);
    expect(simulation.moved).toEqual([`live -> manifests/live/${NEW}.json before 0 reads`]);
  });

  test('a pointer that cannot be moved is a failure, and nobody is waited for', async () => {
    const simulation = new Simulation({ 'server-1-1': [from(0, says(NEW))] });
    const refused = { ...simulation, movePointer: () => Promise.reject(new Error('AccessDenied')) };
    await expect(rollOut(event(wanted('server-1-1')), refused)).rejects.toThrow('AccessDenied');
    expect(simulation.reads).toBe(0);
  });

  test('has one id for ever, so an update deletes nothing', async () => {
    const created = await rollOut(event(wanted('server-1-1')), world());
    const updated = await rollOut(event(wanted('server-1-1'), { RequestType: 'Update', PhysicalResourceId: created.physicalResourceId }), world());
    expect(updated.physicalResourceId).toBe(created.physicalResourceId);
  });

  test('deletion waits for nobody, also with properties that are wrong', async () => {
    const list = jest.fn();
    const store: ReportStore = { list, read: jest.fn() };
    const gone = event({ Bucket: '', Pointer: '', Sha256: '', Nodes: [] }, { RequestType: 'Delete', PhysicalResourceId: 'id' });
    expect(await rollOut(gone, { ...world(), store })).toEqual({ physicalResourceId: 'id' });
    expect(list).not.toHaveBeenCalled();
  });

  test.each<[string, Partial<Record<keyof LiveRolloutProperties, unknown>>, RegExp]>([
    ['nobody', { Nodes: [] }, /'Nodes' must be .* not empty, got \[\]/],
    ['a text for a list', { Nodes: 'server-1-1' }, /'Nodes' must be a list/],
    ['a missing list', { Nodes: undefined }, /'Nodes' must be a list/],
    ['a name that leaves the prefix', { Nodes: ['../manifests/live'] }, /'Nodes' must be a list/],
    ['a node twice', { Nodes: ['server-1-1', 'server-1-1'] }, /different node names/],
    ['a hash that is none', { Sha256: 'latest' }, /'Sha256' must be 64 lower-case hexadecimal digits, got "latest"/],
    ['a missing hash', { Sha256: undefined }, /'Sha256' must be/],
    ['no pointer', { Pointer: '' }, /'Pointer' must be the name of a parameter/],
    ['no bucket', { Bucket: '' }, /'Bucket' must be the name of a bucket/],
  ])('refuses %s', async (_, damage, message) => {
    await expect(rollOut(event({ ...wanted('server-1-1'), ...damage } as LiveRolloutProperties), world())).rejects.toThrow(message);
  });
});

describe('S3', () => {
  interface Sent {
    readonly input: Readonly<Record<string, unknown>>;
  }
  const answering = (...answers: readonly unknown[]): { store: ReportStore; sent: Sent[] } => {
    const sent: Sent[] = [];
    const send = (command: Sent): Promise<unknown> => {
      sent.push(command);
      return Promise.resolve(answers[sent.length - 1]);
    };
    return { sent, store: s3Reports(sdk, { send }) };
  };

  test('lists page after page, only under the prefix that the role may list, and leaves out what is no report', async () => {
    const { store, sent } = answering(
      { IsTruncated: true, NextContinuationToken: 'more', Contents: [{ Key: 'reports/server-1-1.json', Size: 107 }, { Key: 'reports/notes.txt', Size: 1 }] },
      { IsTruncated: false, Contents: [{ Key: 'reports/server-1-2.json' }] },
    );
    // a size that is not known is too large.
    expect([...(await store.list('artefacts'))]).toEqual([['server-1-1', 107], ['server-1-2', Infinity]]);
    expect(sent.map(({ input }) => [input.Bucket, input.Prefix, input.ContinuationToken])).toEqual([['artefacts', 'reports/', undefined], ['artefacts', 'reports/', 'more']]);
  });

  test('an empty bucket has no reports', async () => {
    expect((await answering({}).store.list('artefacts')).size).toBe(0);
  });

  test('reads the object of the node', async () => {
    const { store, sent } = answering({ Body: { transformToString: () => Promise.resolve(says(NEW)) } });
    expect(await store.read('artefacts', 'server-1-1')).toBe(says(NEW));
    expect(sent[0]?.input).toEqual({ Bucket: 'artefacts', Key: 'reports/server-1-1.json' });
  });
});
