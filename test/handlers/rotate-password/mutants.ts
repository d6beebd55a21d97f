import { admit } from '../../../lib/agent/credentials/admission';
import { next } from '../../../lib/handlers/rotate-password/steps';
import type { Scenario } from './scenario';
import type { SimulationOptions } from './simulation';

const QUIET: Scenario = { pendingAfterPromotion: 'kept', graceMinutes: 5, attempts: [], strays: [], failures: [], operator: [], misses: [] };
const plain = { steal: false, retries: 0, gap: 0, fates: [] };

/** A protection taken away, and a small scenario that breaks what is left; most were found and shrunk by fast-check. */
export interface Mutant {
  readonly options: SimulationOptions;
  readonly broken: Scenario;
}

/** Each takes one protection away; the promise must then be broken. */
export const MUTANTS: Readonly<Record<string, Mutant>> = {
  // one attempt is about to promote when another takes the label from it.
  'nodes forget a version at once when it loses AWSPENDING': {
    options: {
      admit: (stages, memory, now, grace) => {
        const { admitted, memory: after } = admit(stages, memory, now, grace);
        const replaced = after.leaving.filter(({ why, until }) => why === undefined && until > now).map(({ version }) => version);
        const withdrawn = after.leaving.filter(({ why, version }) => why === 'withdrawn' && !replaced.includes(version)).map(({ version }) => version);
        return { admitted: admitted.filter((version) => !withdrawn.includes(version)), memory: after };
      },
    },
    broken: {
      ...QUIET,
      attempts: [{ ...plain, at: 760_000, token: 1, fates: [{ call: 'promote', nth: 0, what: { pause: 50_000 } }] }, { ...plain, at: 1_050_000, token: 2, steal: true }],
      grows: 760_000,
      misses: [true],
    },
  },
  // a last step that arrives when its attempt is long over takes the cluster back to a password that nodes are about to drop.
  'the label is not checked before the promotion': {
    options: {
      decide: (attempt, known, now) =>
        next(attempt, attempt.step === 'finishSecret' && known.secret !== undefined && known.secret.current !== attempt.token ? { ...known, secret: { ...known.secret, pending: attempt.token, at: now } } : known, now),
    },
    broken: {
      ...QUIET,
      attempts: [{ ...plain, at: 0, token: 1 }, { ...plain, at: 1_160_000, token: 2 }],
      strays: [{ at: 1_460_000, step: 'finishSecret', token: 1, fates: [{ call: 'promote', nth: 0, what: { pause: 830_000 } }] }],
    },
  },
  'one node that accepts is enough': {
    options: {
      decide: (attempt, known, now) => {
        const { cluster } = known;
        return next(attempt, cluster === undefined || attempt.step === 'testSecret' ? known : { ...known, cluster: { ...cluster, servers: cluster.servers.slice(0, 1) } }, now);
      },
    },
    broken: { ...QUIET, attempts: [{ ...plain, at: 2_450_000, token: 3 }, { ...plain, at: 0, token: 1 }], strays: [{ at: 2_450_000, step: 'finishSecret', token: 3, fates: [] }], misses: [true] },
  },
  'replaced passwords are refused at once': {
    options: { admit: (stages, memory, now) => admit(stages, memory, now, 0) },
    broken: { ...QUIET, attempts: [{ ...plain, at: 0, token: 1 }] },
  },
};
