import * as fc from 'fast-check';
import type { Admission, CredentialMemory, Stages } from '../../../lib/agent/credentials/admission';
import { admit, revoke, WITHDRAWN_MILLISECONDS } from '../../../lib/agent/credentials/admission';

const HOUR = 3_600_000;
const MINUTE = 60_000;

/** One look at a secret, as a node may have it in any order. */
interface Look {
  readonly stages: Stages;
  readonly now: number;
  readonly grace: number;
  readonly revoke?: boolean;
  /** the data volume is new. */
  readonly lost?: boolean;
}

function replay(looks: readonly Look[]): Admission[] {
  let memory: CredentialMemory | undefined;
  return looks.map((each) => {
    if (each.lost) memory = undefined;
    const answer = each.revoke ? revoke(each.stages, memory, each.now) : admit(each.stages, memory, each.now, each.grace);
    // through JSON, as on the volume.
    memory = JSON.parse(JSON.stringify(answer.memory)) as CredentialMemory;
    return answer;
  });
}

/**
 * What may log in after the last look, written as sentences about the whole history instead of a memory: slow, without lists of leaving
 * versions, and every question is answered by going back to the start.
 */
class Oracle {
  private readonly looks: readonly Look[];

  constructor(all: readonly Look[]) {
    this.looks = all.slice(Math.max(0, all.map(({ lost }) => lost === true).lastIndexOf(true)));
  }

  admitted(): string[] {
    const n = this.looks.length - 1;
    const { current, pending } = this.at(n);
    if (current === undefined) return [];
    const versions = new Set(this.looks.flatMap(({ stages }) => Object.values(stages) as string[]));
    return [...versions].filter((v) => v === current || v === pending || this.leaves(v, n)).sort();
  }

  private leaves(v: string, n: number): boolean {
    if (this.revoked(v, n)) return false;
    const replaced = this.last(n, (i) => this.stopped(v, i));
    if (replaced >= 0 && !this.some(replaced + 1, n, (i) => this.at(i).current === v) && !this.over(replaced, n, 'grace')) return true;
    const withdrawn = this.last(n, (i) => this.withdrew(v, i));
    const taken = (i: number): boolean => this.at(i).pending === v || this.at(i).current === v || this.stopped(v, i);
    return withdrawn >= 0 && !this.some(withdrawn + 1, n, taken) && !this.over(withdrawn, n, 'withdrawn');
  }

  /** look i saw that v is not current any more. */
  private stopped(v: string, i: number): boolean {
    const { current, previous } = this.at(i);
    if (v === current || (i > 0 && this.revoked(v, i - 1))) return false;
    const before = i > 0 ? this.at(i - 1).current : undefined;
    if (before === v) return true;
    if (v !== previous) return false;
    // AWSCURRENT moved and AWSPREVIOUS is not where it came from.
    if (before !== undefined && current !== undefined && before !== current) return true;
    // unless it was seen to stop, and has been going or staged previous ever since.
    const seen = this.last(i - 1, (k) => this.stopped(v, k));
    return seen < 0 || this.some(seen + 1, i - 1, (k) => this.at(k).current === v) || this.some(seen, i - 1, (k) => this.over(seen, k, 'grace') && this.at(k).previous !== v);
  }

  private withdrew(v: string, i: number): boolean {
    return i > 0 && !this.revoked(v, i - 1) && this.at(i - 1).pending === v && this.at(i).pending !== v && this.at(i).current !== v && !this.stopped(v, i);
  }

  private revoked(v: string, n: number): boolean {
    return this.some(0, n, (i) => {
      const { current, pending, previous } = this.at(i);
      if (!this.looks[i]?.revoke || v === current || v === pending) return false;
      return v === previous || this.stopped(v, i) || this.withdrew(v, i) || (i > 0 && (this.leaves(v, i - 1) && this.leftOpen(v, i)));
    });
  }

  /** whether what was going at the look before had time left when the revocation came. */
  private leftOpen(v: string, i: number): boolean {
    const replaced = this.last(i - 1, (k) => this.stopped(v, k));
    const withdrawn = this.last(i - 1, (k) => this.withdrew(v, k));
    return (replaced >= 0 && !this.over(replaced, i, 'grace', true)) || (withdrawn >= 0 && !this.over(withdrawn, i, 'withdrawn', true));
  }

  /** at some look up to n the clock had reached the earliest end that any look until then allows. */
  private over(from: number, n: number, kind: 'grace' | 'withdrawn', ignoringRevocationAtEnd = false): boolean {
    let end = Infinity;
    for (let i = from; i <= n; i++) {
      const { now, grace, revoke: revoking } = this.looks[i];
      const last = ignoringRevocationAtEnd && i === n;
      if (revoking && !last) return true;
      if (!revoking) end = Math.min(end, now + (kind === 'grace' ? grace : WITHDRAWN_MILLISECONDS));
      if (now >= end) return true;
    }
    return false;
  }

  private at(i: number): Stages {
    return this.looks[i]?.stages ?? {};
  }

  private last(n: number, is: (i: number) => boolean): number {
    for (let i = n; i >= 0; i--) if (is(i)) return i;
    return -1;
  }

  private some(from: number, to: number, is: (i: number) => boolean): boolean {
    for (let i = from; i <= to; i++) if (is(i)) return true;
    return false;
  }
}

const version = fc.constantFrom('a', 'b', 'c', 'd');
const stages: fc.Arbitrary<Stages> = fc
  .record({ current: fc.option(version, { nil: undefined, freq: 12 }), pending: fc.option(version, { nil: undefined }), previous: fc.option(version, { nil: undefined }) })
  .map((each) => JSON.parse(JSON.stringify(each)) as Stages);
const grace = fc.constantFrom(0, 1, 10 * MINUTE, HOUR, 24 * HOUR);
const step = fc.oneof(fc.constantFrom(0, 1, MINUTE, WITHDRAWN_MILLISECONDS, HOUR), fc.nat(3 * HOUR));

const history = (jump: fc.Arbitrary<number>): fc.Arbitrary<Look[]> =>
  fc
    .array(fc.record({ stages, jump, grace, revoke: fc.boolean(), lost: fc.nat(14).map((x) => x === 0), calm: fc.nat(5) }), { minLength: 1, maxLength: 7 })
    .map((entries) => {
      let now = 1_700_000_000_000;
      let last: Stages = {};
      return entries.map(({ stages: next, jump: by, grace: each, revoke: revoking, lost, calm }) => {
        now = Math.max(1, now + by);
        // labels stay where they are more often than not.
        if (calm < 3) last = next;
        return { stages: last, now, grace: each, revoke: revoking && calm === 4, lost };
      });
    });

const onward = step;
const anyhow = fc.oneof(step, step.map((by) => -by), fc.constantFrom(-10 * 365 * 24 * HOUR, 10 * 365 * 24 * HOUR));

test.each([
  ['a clock that goes on', onward],
  ['a clock that jumps', anyhow],
])('is what the whole history says, with %s', (_, jump) => {
  fc.assert(
    fc.property(history(jump), (looks) => {
      const answers = replay(looks);
      answers.forEach(({ admitted }, i) => expect([...admitted].sort()).toEqual(new Oracle(looks.slice(0, i + 1)).admitted()));
    }),
    { numRuns: 600 },
  );
});

test('current comes first, nobody twice, and without a current version there is nobody', () => {
  fc.assert(
    fc.property(history(anyhow), (looks) => {
      replay(looks).forEach(({ admitted, memory }, i) => {
        const { current, pending } = looks[i]?.stages ?? {};
        expect(new Set(admitted).size).toBe(admitted.length);
        if (current === undefined) expect(admitted).toEqual([]);
        else {
          expect(admitted[0]).toBe(current);
          if (pending !== undefined) expect(admitted).toContain(pending);
        }
        for (const { until, why } of memory.leaving) {
          const { now, grace: each } = looks[i];
          expect(until).toBeLessThanOrEqual(now + (why === 'withdrawn' ? WITHDRAWN_MILLISECONDS : each));
        }
      });
    }),
  );
});

/** Labels moved the way Secrets Manager moves them, with the true times, which no node sees. */
class Truth {
  now = 1_700_000_000_000;
  current = 'v0';
  pending: string | undefined;
  previous: string | undefined;
  /** when a version that is not current stopped being it. */
  readonly stopped = new Map<string, number>();
  /** when a version that was never promoted lost AWSPENDING. */
  readonly withdrawn = new Map<string, number>();
  private next = 1;

  get stages(): Stages {
    const { current, pending, previous } = this;
    return { current, ...(pending === undefined ? {} : { pending }), ...(previous === undefined ? {} : { previous }) };
  }

  put(): void {
    this.withdraw();
    this.pending = `v${this.next++}`;
  }

  withdraw(): void {
    if (this.pending !== undefined && this.pending !== this.current && !this.stopped.has(this.pending)) this.withdrawn.set(this.pending, this.now);
    this.pending = undefined;
  }

  /** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html: AWSPREVIOUS follows by itself. */
  promote(to: string | undefined): void {
    if (to === undefined || to === this.current) return;
    this.stopped.set(this.current, this.now);
    this.stopped.delete(to);
    this.withdrawn.delete(to);
    this.previous = this.current;
    this.current = to;
  }

  /** by an invocation that saw it pending and is still running. */
  promoteLate(): void {
    this.promote([...this.withdrawn].find(([, at]) => this.now - at < 15 * MINUTE)?.[0]);
  }
}

const ACTS = ['put', 'withdraw', 'promote', 'promoteLate', 'rollback', 'look', 'lookTwice'] as const;
const act = fc.record({ after: step, what: fc.constantFrom(...ACTS, 'put', 'promote', 'look', 'look') });

test('never shorter than the grace, never longer than the grace from the first look', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 30 }), fc.constantFrom(10 * MINUTE, HOUR, 5 * HOUR), (acts, whole) => {
      const truth = new Truth();
      let memory = admit(truth.stages, undefined, truth.now, whole).memory;
      let seenCurrent = truth.current;
      /** since it stopped (again): when the node first saw that, and whether a label told it. */
      const first = new Map<string, { readonly stopped: number; readonly at: number; readonly told: boolean }>();
      const pendingSeen = new Set<string>();
      const lost = new Map<string, number>();
      const lookNow = (): void => {
        const answer = admit(truth.stages, memory, truth.now, whole);
        memory = answer.memory;
        for (const each of pendingSeen) if (each !== truth.pending && !lost.has(each)) lost.set(each, truth.now);
        for (const [each, stopped] of truth.stopped) {
          if (first.get(each)?.stopped !== stopped) {
            // what became current and was replaced again within one pause is told by AWSPREVIOUS alone, if the current one is another now.
            const told = each === seenCurrent || (each === truth.previous && truth.current !== seenCurrent);
            first.set(each, { stopped, at: truth.now, told });
          }
          const { at, told } = first.get(each) ?? { at: 0, told: false };
          if (told && truth.now - stopped < whole) expect(answer.admitted).toContain(each);
          const other = each === truth.pending || truth.now - (lost.get(each) ?? -Infinity) < WITHDRAWN_MILLISECONDS;
          if (!other && truth.now - at >= whole) expect(answer.admitted).not.toContain(each);
        }
        for (const [each, at] of truth.withdrawn) {
          if (pendingSeen.has(each) && truth.now - at < 15 * MINUTE) expect(answer.admitted).toContain(each);
          if (truth.now - (lost.get(each) ?? truth.now) >= WITHDRAWN_MILLISECONDS) expect(answer.admitted).not.toContain(each);
        }
        if (truth.pending !== undefined) {
          pendingSeen.add(truth.pending);
          lost.delete(truth.pending);
        }
        seenCurrent = truth.current;
      };
      for (const { after, what } of acts) {
        truth.now += after;
        if (what === 'put') truth.put();
        else if (what === 'withdraw') truth.withdraw();
        else if (what === 'promote') truth.promote(truth.pending);
        else if (what === 'promoteLate') truth.promoteLate();
        else if (what === 'rollback') truth.promote(truth.previous);
        else lookNow();
        if (what === 'lookTwice') lookNow();
      }
    }),
    { numRuns: 600 },
  );
});

const T = 1_700_000_000_000;

test('an expired previous version stays out while it is staged, also when the clock is set back', () => {
  let { memory } = admit({ current: 'a' }, undefined, T, HOUR);
  ({ memory } = admit({ current: 'b', previous: 'a' }, memory, T, HOUR));
  for (const now of [T + HOUR, T + 2 * HOUR, T - 10 * HOUR, T]) {
    const answer = admit({ current: 'b', previous: 'a' }, memory, now, HOUR);
    expect(answer.admitted).toEqual(['b']);
    memory = answer.memory;
  }
});

test('a clock that was ten years ahead when a version left prolongs nothing', () => {
  const ahead = T + 10 * 365 * 24 * HOUR;
  let { memory } = admit({ current: 'b', previous: 'a' }, { current: 'a', leaving: [] }, ahead, HOUR);
  ({ memory } = admit({ current: 'b', previous: 'a' }, memory, T, HOUR));
  expect(admit({ current: 'b', previous: 'a' }, memory, T + HOUR - 1, HOUR).admitted).toEqual(['b', 'a']);
  expect(admit({ current: 'b', previous: 'a' }, memory, T + HOUR, HOUR).admitted).toEqual(['b']);
});

test('a grace that is made shorter counts at once; one that is made longer counts for the next', () => {
  const { memory } = admit({ current: 'b', previous: 'a' }, { current: 'a', leaving: [] }, T, HOUR);
  expect(admit({ current: 'b', previous: 'a' }, memory, T + 20 * MINUTE, 0).admitted).toEqual(['b']);
  expect(admit({ current: 'b', previous: 'a' }, memory, T + HOUR, 24 * HOUR).admitted).toEqual(['b']);
});

test('a version that attempt B took AWSPENDING from is admitted until an attempt that saw it has ended', () => {
  let { memory } = admit({ current: 'a', pending: 'b' }, undefined, T, 0);
  const stages = { current: 'a', pending: 'c' };
  expect(WITHDRAWN_MILLISECONDS).toBe(20 * MINUTE);
  ({ memory } = admit(stages, memory, T, 0));
  expect(admit(stages, memory, T + WITHDRAWN_MILLISECONDS - 1, 0).admitted).toEqual(['a', 'c', 'b']);
  expect(admit(stages, memory, T + WITHDRAWN_MILLISECONDS, 0).admitted).toEqual(['a', 'c']);
});

test('memory lost: the node counts anew from its first sight', () => {
  const { admitted, memory } = admit({ current: 'b', previous: 'a' }, undefined, T, HOUR);
  expect(admitted).toEqual(['b', 'a']);
  expect(admit({ current: 'b', previous: 'a' }, memory, T + HOUR, HOUR).admitted).toEqual(['b']);
});

test('revoked is final: nothing that follows gives it a time again', () => {
  const before = admit({ current: 'b', pending: 'c', previous: 'a' }, { current: 'a', pending: 'x', leaving: [] }, T, HOUR);
  expect(before.admitted).toEqual(['b', 'c', 'a', 'x']);
  const { admitted, memory } = revoke({ current: 'b', pending: 'c', previous: 'a' }, before.memory, T);
  expect(admitted).toEqual(['b', 'c']);
  fc.assert(
    fc.property(fc.array(fc.record({ current: fc.constantFrom('b', 'c', 'd'), pending: fc.constantFrom('c', 'd', 'e'), previous: fc.constantFrom('a', 'b', 'x') }), { maxLength: 6 }), step, (later, by) => {
      let held = memory;
      later.forEach((stages, i) => {
        const answer = admit(stages, held, T + by * i, 24 * HOUR);
        expect(answer.admitted).not.toContain('a');
        expect(answer.admitted).not.toContain('x');
        held = answer.memory;
      });
    }),
  );
});

test('a revocation on a node that never saw the version leave', () => {
  expect(revoke({ current: 'b', previous: 'a' }, undefined, T).admitted).toEqual(['b']);
  const { memory } = revoke({ current: 'b', previous: 'a' }, { current: 'a', leaving: [] }, T);
  expect(admit({ current: 'b', previous: 'a' }, memory, T, HOUR).admitted).toEqual(['b']);
});

test('a user without a current version is left out, and comes back with what was in its grace', () => {
  const { memory } = admit({ current: 'b', previous: 'a' }, undefined, T, HOUR);
  const without = admit({ previous: 'a' }, memory, T, HOUR);
  expect(without.admitted).toEqual([]);
  expect(admit({ current: 'b', previous: 'a' }, without.memory, T, HOUR).admitted).toEqual(['b', 'a']);
});

test('attempts that fail one after the other end at 16 versions, and AWSPREVIOUS is not among those that go', () => {
  // a grace that ends before the time of what was withdrawn: it is not the later end that counts.
  let { memory } = admit({ current: 'b', previous: 'a' }, undefined, T, 10 * MINUTE);
  let admitted: readonly string[] = [];
  for (let i = 0; i < 40; i++) ({ admitted, memory } = admit({ current: 'b', pending: `p${i}`, previous: 'a' }, memory, T + i, 10 * MINUTE));
  expect(admitted).toHaveLength(16);
  expect(admitted.slice(0, 4)).toEqual(['b', 'p39', 'a', 'p38']);
  expect(JSON.stringify(memory).length).toBeLessThan(2_000);
  // and replaced ones, with a long grace.
  for (let i = 0; i < 40; i++) ({ admitted, memory } = admit({ current: `c${i}`, previous: i === 0 ? 'b' : `c${i - 1}` }, memory, T + i, 24 * HOUR));
  expect(admitted).toHaveLength(16);
  expect(admitted.slice(0, 3)).toEqual(['c39', 'c38', 'c37']);
});
