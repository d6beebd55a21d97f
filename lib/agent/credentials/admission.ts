/**
 * Which versions of a user's secret a node admits.
 *
 * Pure: labels, memory and clock in, versions and memory out. The node looks now and then, so it learns late what happened: every time is
 * counted from the look that first saw it, and what happened twice between two looks is concluded from the labels.
 */

/** Version ids by staging label. https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version */
export interface Stages {
  readonly current?: string;
  readonly pending?: string;
  readonly previous?: string;
}

/** What a node remembers of a user's secret between two looks. Kept on the data volume; no secret in it. */
export interface CredentialMemory {
  readonly current?: string;
  readonly pending?: string;
  readonly leaving: readonly Leaving[];
}

/** A version that is on its way out. */
export interface Leaving {
  readonly version: string;
  /** milliseconds since the epoch; in the past when its time is over. */
  readonly until: number;
  /**
   * `withdrawn`: it lost AWSPENDING without being promoted. `revoked`: it never gets a time again. Absent: it was current and is replaced.
   * A version can be here once as withdrawn and once as replaced; either admits it.
   */
  readonly why?: 'withdrawn' | 'revoked';
}

/** The answer, and what to remember until the next look. */
export interface Admission {
  /** version ids, current first, each once; empty when the user has no current version: then he is left out. */
  readonly admitted: readonly string[];
  readonly memory: CredentialMemory;
}

/**
 * How long a version is admitted that lost AWSPENDING without being promoted. An invocation that saw it pending may still promote it, and
 * ends within 15 minutes (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
 */
export const WITHDRAWN_MILLISECONDS = 20 * 60_000;

/** How many versions a user can have at once; rotations that fail one after the other must not make his document grow. */
const MOST = 16;

// not 'now': a clock that is set back must not bring back what is over.
const OVER = 0;

/** Decides what is admitted from this look on. */
export function admit(stages: Stages, memory: CredentialMemory | undefined, now: number, graceMilliseconds: number): Admission {
  return admission(stages, look(stages, memory, now, graceMilliseconds), now);
}

/** Emergency: what is leaving, AWSPREVIOUS included, is not admitted from now on and never again. */
export function revoke(stages: Stages, memory: CredentialMemory | undefined, now: number): Admission {
  const leaving = look(stages, memory, now, Infinity).filter(({ version, until, why }) => until > now || version === stages.previous || why === 'revoked');
  const staged = (version: string): boolean => version === stages.current || version === stages.pending;
  const ended = leaving.filter(({ version }) => staged(version)).map((each) => (each.why === 'revoked' ? each : { ...each, until: OVER }));
  const revoked = [...new Set(leaving.map(({ version }) => version).filter((version) => !staged(version)))];
  return admission(stages, [...ended, ...revoked.map((version) => ({ version, until: OVER, why: 'revoked' as const }))], now);
}

/** Everything that is leaving after this look. What is over is still in it. */
function look(stages: Stages, memory: CredentialMemory | undefined, now: number, grace: number): Leaving[] {
  const before = memory?.leaving ?? [];
  const revoked = new Set(before.filter(({ why }) => why === 'revoked').map(({ version }) => version));
  const replaced = newlyReplaced(stages, memory).filter((version) => !revoked.has(version));
  const withdrawn = [memory?.pending].filter(
    (version) => version !== undefined && version !== stages.pending && version !== stages.current && !replaced.includes(version) && !revoked.has(version),
  ) as string[];
  const stays = ({ version, why }: Leaving): boolean => {
    if (why === 'revoked') return true;
    if (version === stages.current || replaced.includes(version)) return false;
    return why !== 'withdrawn' || (version !== stages.pending && !withdrawn.includes(version));
  };
  return [
    ...before.filter(stays),
    ...replaced.map((version) => ({ version, until: Infinity })),
    ...withdrawn.map((version) => ({ version, until: Infinity, why: 'withdrawn' as const })),
  ].map((each) => bounded(each, now, grace));
}

/**
 * The versions that stopped being current since the last look.
 *
 * Promotion puts AWSPREVIOUS on the version it takes AWSCURRENT from. So a previous version the node never saw leave was current in between
 * (or the node is new), and when AWSCURRENT has moved while AWSPREVIOUS is not where it came from, the previous one was current once more.
 * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
 */
function newlyReplaced({ current, previous }: Stages, memory: CredentialMemory | undefined): string[] {
  const last = memory?.current;
  const versions = last !== undefined && last !== current ? [last] : [];
  if (previous === undefined || previous === current || versions.includes(previous)) return versions;
  const known = memory?.leaving.some(({ version, why }) => version === previous && why !== 'withdrawn') ?? false;
  const onceMore = last !== undefined && current !== undefined && last !== current;
  return known && !onceMore ? versions : [...versions, previous];
}

/** Never further away than its whole time from now, so that a clock that was wrong once prolongs nothing. */
function bounded(leaving: Leaving, now: number, grace: number): Leaving {
  if (leaving.why === 'revoked' || leaving.until <= now) return { ...leaving, until: OVER };
  const until = Math.min(leaving.until, now + (leaving.why === 'withdrawn' ? WITHDRAWN_MILLISECONDS : grace));
  return { ...leaving, until: until > now ? until : OVER };
}

function admission(stages: Stages, leaving: readonly Leaving[], now: number): Admission {
  const { current, pending, previous } = stages;
  const alive = leaving.filter(({ until }) => until > now).sort((a, b) => rank(a, previous) - rank(b, previous) || b.until - a.until);
  const versions = [current, pending, ...alive.map(({ version }) => version)].filter((version) => version !== undefined);
  const admitted = [...new Set(versions)].slice(0, MOST);
  return {
    admitted: current === undefined ? [] : admitted,
    memory: {
      ...(current === undefined ? {} : { current }),
      ...(pending === undefined ? {} : { pending }),
      leaving: [
        ...alive.filter(({ version }) => admitted.includes(version)),
        // forgotten, a previous version would look as if it had just been replaced.
        ...leaving.filter(({ version, until, why }) => why === undefined && until <= now && version === previous),
        ...leaving.filter(({ why }) => why === 'revoked').slice(-MOST),
      ],
    },
  };
}

/** What must stay when there are too many: AWSPREVIOUS, then what was current, then what was only pending. */
function rank({ version, why }: Leaving, previous: string | undefined): number {
  if (why === 'withdrawn') return 2;
  return version === previous ? 0 : 1;
}
