import * as fc from 'fast-check';
import { next } from '../../../lib/handlers/rotate-password/steps';
import { MUTANTS } from './mutants';
import type { Scenario } from './scenario';
import { live, scenario } from './scenario';
import type { SimulationOptions } from './simulation';
import { MINUTE, Simulation, STEP_NAMES, tokenOf } from './simulation';

const RUNS = Number(process.env.ROTATION_RUNS ?? 60);

/** What must hold whatever happened. */
async function promise(plan: Scenario, options: SimulationOptions = {}): Promise<void> {
  const { simulation, last } = await live(plan, options);
  expect(simulation.violations).toEqual([]);
  expect(last).toBe('rotated');
  const { current, pending } = simulation.stages();
  expect([undefined, current]).toContain(pending);
  expect(leaks(simulation)).toEqual([]);
}

/** Log lines and error messages that hold a password of any version. */
function leaks(simulation: Simulation): string[] {
  const versions = simulation.model.listSecretVersionIds({ SecretId: simulation.secret, IncludeDeprecated: true }).Versions ?? [];
  const passwords = versions.flatMap(({ VersionId }) => simulation.password(VersionId ?? '') ?? []);
  expect(passwords.length).toBeGreaterThan(1);
  return simulation.logs.filter((line) => passwords.some((password) => line.includes(password)));
}

test('whatever happens to its calls, nobody is refused, the next rotation succeeds and no password is logged', async () => {
  await fc.assert(fc.asyncProperty(scenario, (plan) => promise(plan)), { numRuns: RUNS });
});

describe.each(Object.entries(MUTANTS))('without a protection: %s', (_, { options, broken }) => {
  test('somebody is refused', async () => {
    const { simulation } = await live(broken, options);
    expect(simulation.violations.length).toBeGreaterThan(0);
  });

  test('and nobody is with it', () => promise(broken));

  // slow where the scenario is rare: ROTATION_MUTANT_RUNS=3000 finds each of them.
  if (process.env.ROTATION_MUTANT_RUNS !== undefined) {
    test('fast-check finds such a scenario by itself', async () => {
      const found = await fc.check(
        fc.asyncProperty(scenario, async (plan) => (await live(plan, options)).simulation.violations.length === 0),
        { numRuns: Number(process.env.ROTATION_MUTANT_RUNS), endOnFailure: true },
      );
      expect(found.failed).toBe(true);
    }, 900_000);
  }
});

/**
 * Within Lambda's limit no label check is old enough to be dangerous; this is for a process that is suspended and goes on as if nothing had
 * happened: the answer to its label check reaches it when the nodes have long dropped the version.
 */
describe('a process that outlives the limit', () => {
  const suspended = async (decide: typeof next): Promise<Simulation> => {
    const simulation = new Simulation({ lambdaLimit: Infinity, decide });
    const { clock } = simulation;
    const token = simulation.begin(tokenOf(1));
    for (const step of STEP_NAMES.slice(0, 3)) await clock.runUntilSettled(simulation.invoke(step, token));
    let checks = 0;
    const outcome = simulation.invoke('finishSecret', token, (call) => (call === 'describe' && checks++ === 1 ? { late: 40 * MINUTE } : undefined));
    clock.at(clock.now() + MINUTE, () => simulation.begin(tokenOf(2), { steal: true }));
    await clock.runUntilSettled(outcome);
    return simulation;
  };

  test('does not promote on an old label check', async () => {
    const simulation = await suspended(next);
    expect([simulation.violations, simulation.stages().current]).toEqual([[], tokenOf(0)]);
  });

  test('and would, if the age of the check did not count', async () => {
    const ageless: typeof next = (attempt, known, now) => {
      const { secret, round } = known;
      return next(attempt, secret !== undefined && round !== undefined && secret.at >= round.at ? { ...known, secret: { ...secret, at: now } } : known, now);
    };
    const simulation = await suspended(ageless);
    expect(simulation.violations.length).toBeGreaterThan(0);
  });
});
