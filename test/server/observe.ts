import type { Outcome } from './client';

/** What one attempt came to, and when it began and ended (milliseconds of one steady clock). */
export interface Observation {
  readonly began: number;
  readonly ended: number;
  readonly outcome: Outcome;
}

/** A client that tries again and again until it is told to stop. */
export interface Observer {
  readonly observations: readonly Observation[];
  stop(): Promise<readonly Observation[]>;
}

/** Long enough that a dozen clients leave the machine to the server, short enough that no reload goes by unseen. */
const PAUSE_MS = 40;

export function observe(attempt: () => Promise<Outcome>): Observer {
  const observations: Observation[] = [];
  let running = true;
  const loop = async () => {
    while (running) {
      const began = performance.now();
      const outcome = await attempt();
      observations.push({ began, ended: performance.now(), outcome });
      await new Promise((wake) => setTimeout(wake, PAUSE_MS));
    }
  };
  const done = loop();
  return {
    observations,
    stop: async () => {
      running = false;
      await done;
      return observations;
    },
  };
}

/** One attempt after the other, and again from the first. */
export function inTurn(attempts: readonly (() => Promise<Outcome>)[]): () => Promise<Outcome> {
  let waiting: (() => Promise<Outcome>)[] = [];
  return () => {
    if (waiting.length === 0) waiting = [...attempts];
    return waiting.shift()?.() ?? Promise.reject(new Error('there is nothing to attempt'));
  };
}

/** The different outcomes, each once. */
export function outcomesOf(observations: readonly Observation[]): Outcome[] {
  return [...new Map(observations.map(({ outcome }) => [JSON.stringify(outcome), outcome])).values()];
}

/**
 * When two clients, one with the old password and one with the new, can have been treated alike: attempts that began after the other's
 * change of fortune was over must show the change as well. Empty when the server went from one to the other in one instant.
 */
export function contradictions(old: readonly Observation[], fresh: readonly Observation[], accepted: (outcome: Outcome) => boolean): string[] {
  // the change has certainly happened when an attempt ends that shows it.
  const shows = [...old.map((each) => ({ ...each, changed: !accepted(each.outcome), who: 'old' })), ...fresh.map((each) => ({ ...each, changed: accepted(each.outcome), who: 'new' }))];
  const changedBy = Math.min(...shows.filter(({ changed }) => changed).map(({ ended }) => ended));
  return shows
    .filter(({ changed, began }) => !changed && began > changedBy)
    .map(({ who, began, outcome }) => `${Math.round(began - changedBy)} ms after the change the ${who} password got ${JSON.stringify(outcome)}`);
}
