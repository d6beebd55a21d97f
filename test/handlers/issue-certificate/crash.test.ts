import * as fc from 'fast-check';
import { establish } from '../../../lib/handlers/issue-certificate/establish';
import { authorityProperties } from '../../../lib/handlers/issue-certificate/event';
import { bring, readIssuer } from '../../../lib/handlers/issue-certificate/issue';
import { renewAll } from '../../../lib/handlers/issue-certificate/renew';
import type { Goal } from '../../../lib/handlers/issue-certificate/steps';
import { versionOf } from '../../../lib/handlers/issue-certificate/steps';
import type { World } from '../../../lib/handlers/issue-certificate/world';
import { failure } from '../../emulator/secrets-manager';
import { DAY, ZONE } from '../../pki/authority';
import { Account, KEY_ID, PARAMETER, TAG } from './world';

const RUNS = Number(process.env.CERTIFICATE_RUNS ?? 20);

/** What happens to a call: it is not made, or made and not answered, and whoever made it may be gone. */
type Fate = 'killed before' | 'killed after' | 'answer lost' | 'throttled';

interface Plan {
  readonly pendingAfterPromotion: 'kept' | 'removed';
  /** runs of the schedule, all at the same time; each with what happens to its nth call. */
  readonly runs: readonly (readonly { readonly nth: number; readonly fate: Fate }[])[];
  /** a deployment at the same time that gives the first node another address. */
  readonly deployment?: readonly { readonly nth: number; readonly fate: Fate }[];
  /** what somebody has put where the new version will be. */
  readonly sabotage: readonly { readonly node: number; readonly attempt: number; readonly value: 'nonsense' | 'the current value' | 'of another node' | 'of another time' }[];
}

const fates = fc.array(fc.record({ nth: fc.nat(14), fate: fc.constantFrom<Fate>('killed before', 'killed after', 'answer lost', 'throttled') }), { maxLength: 2 });
const plan: fc.Arbitrary<Plan> = fc.record({
  pendingAfterPromotion: fc.constantFrom('kept' as const, 'removed' as const),
  runs: fc.array(fates, { minLength: 1, maxLength: 3 }),
  deployment: fc.option(fates, { nil: undefined }),
  sabotage: fc.array(fc.record({ node: fc.nat(1), attempt: fc.integer({ min: 1, max: 3 }), value: fc.constantFrom('nonsense' as const, 'the current value' as const, 'of another node' as const, 'of another time' as const) }), { maxLength: 3 }),
});

const nodeOf = (index: number): string => `server-1-${index + 1}.${ZONE}`;
const OLD_IPS = ['10.20.1.1', '10.20.1.2'];
const NEW_IP = '10.20.1.99';
const REQUEST = '00000000-0000-4000-8000-000000000001';

/** Takes a protection away. */
type Tamper = (world: World, account: Account) => World;

/** Two nodes whose certificates are due, and everything that the plan does to them. */
class Simulation {
  readonly account: Account;
  readonly secrets: string[] = [];
  readonly violations: string[] = [];
  private moved = false;

  private constructor(
    private readonly scheduler: fc.Scheduler,
    private readonly scenario: Plan,
    private readonly tamper: Tamper,
  ) {
    this.account = new Account({ pendingAfterPromotion: scenario.pendingAfterPromotion });
  }

  static async start(scheduler: fc.Scheduler, scenario: Plan, tamper: Tamper = (world) => world): Promise<Simulation> {
    const simulation = new Simulation(scheduler, scenario, tamper);
    const { account, secrets } = simulation;
    await establish(authorityProperties({ ClusterName: 'analytics', Zone: ZONE, Networks: ['10.20.1.0/24'], KeyId: KEY_ID, CaParameter: PARAMETER }), account.world);
    for (const [index, ip] of OLD_IPS.entries()) {
      const secret = account.addSecret(`analytics/server-1-${index + 1}`);
      secrets.push(secret);
      await simulation.issue(index, ip, `first-request-of-server-1-${index + 1}`, account.world);
    }
    account.now += 61 * DAY;
    simulation.sabotage();
    account.model.changed = () => simulation.check();
    return simulation;
  }

  async live(): Promise<this> {
    const { runs, deployment } = this.scenario;
    const all = runs.map((planned, index) => this.alive(planned, `run ${index}`, (world) => renewAll({ tag: TAG, caParameter: PARAMETER, keyId: KEY_ID }, Infinity, world)));
    if (deployment !== undefined) {
      all.push(
        this.alive(deployment, 'deployment', async (world) => {
          await this.issue(0, NEW_IP, REQUEST, world);
          this.moved = true;
          this.check();
        }),
      );
    }
    await this.scheduler.waitFor(Promise.all(all));
    return this;
  }

  /** The next day with nobody in the way. Lambda has called the function again for a deployment that got no answer. */
  async repaired(): Promise<void> {
    const { account, scenario, secrets } = this;
    if (scenario.deployment !== undefined && !this.moved) {
      await this.issue(0, NEW_IP, REQUEST, account.world);
      this.moved = true;
    }
    account.now += DAY;
    await renewAll({ tag: TAG, caParameter: PARAMETER, keyId: KEY_ID }, Infinity, account.world);
    for (const secret of secrets) if (this.account.current(secret).notAfter < new Date(account.now + 85 * DAY).toISOString()) this.violations.push(`${secret} was not renewed`);
    this.check();
  }

  private async issue(index: number, ip: string, requestId: string, world: World): Promise<void> {
    const goal: Goal = { kind: 'issue', subject: { node: nodeOf(index), names: [nodeOf(index), ZONE], ip }, requestId };
    await bring(goal, this.secrets[index] ?? '', await readIssuer(PARAMETER, KEY_ID, world), world.signer(KEY_ID), Infinity, world);
  }

  /** The promise: at any moment the current value is a certificate that every peer accepts, for this node, and the one of a deployment stays. */
  private check(): void {
    const { account } = this;
    for (const [index, secret] of this.secrets.entries()) {
      const ips = index === 1 || this.scenario.deployment === undefined ? [OLD_IPS[index] ?? ''] : this.moved ? [NEW_IP] : [OLD_IPS[index] ?? '', NEW_IP];
      try {
        const problems = ips.map((ip) => account.problems(secret, nodeOf(index), [nodeOf(index), ZONE], ip));
        if (problems.every((each) => each.length > 0)) this.violations.push(`${nodeOf(index)}: ${problems[0]?.map(({ reason }) => reason).join('; ') ?? ''}`);
      } catch (error) {
        this.violations.push(`${nodeOf(index)}: ${String(error)}`);
      }
    }
  }

  private sabotage(): void {
    const { account, secrets } = this;
    for (const { node, attempt, value } of this.scenario.sabotage) {
      const secret = secrets[node] ?? '';
      const current = account.model.labelled(secret, 'AWSCURRENT') ?? '';
      const text = { nonsense: '{}', 'the current value': JSON.stringify({ schema: 1, ...account.current(secret) }), 'of another node': JSON.stringify({ schema: 1, ...account.current(secrets[1 - node] ?? '') }), 'of another time': JSON.stringify({ schema: 1, ...account.current(secret), notAfter: '2030-01-01T00:00:00.000Z' }) }[value];
      for (const reason of node === 0 ? [`after ${current}`, REQUEST] : [`after ${current}`]) {
        try {
          account.model.putSecretValue({ SecretId: secret, ClientRequestToken: versionOf(reason, nodeOf(node), attempt), SecretString: text, VersionStages: ['AWSPENDING'] });
        } catch {
          // it is there already.
        }
      }
    }
  }

  /** Lets a run live in a world in which its calls meet their fates and everybody else's happen between them. */
  private alive(planned: Plan['runs'][number], name: string, run: (world: World) => Promise<unknown>): Promise<unknown> {
    const { scheduler } = this;
    const { secrets, parameters, signer, ...rest } = this.tamper(this.account.world, this.account);
    let calls = 0;
    let dead = false;
    return new Promise((resolve) => {
      const die = (): Promise<never> => {
        dead = true;
        resolve('killed');
        return new Promise(() => undefined);
      };
      const through = async <Value>(call: string, act: () => Promise<Value>): Promise<Value> => {
        const nth = calls++;
        const fate = planned.find((each) => each.nth === nth)?.fate;
        if (dead || fate === 'killed before') return die();
        await scheduler.schedule(Promise.resolve(), `${name}: ${call}`);
        if (dead) return die();
        if (fate === 'throttled') throw failure('ThrottlingException');
        const answer = await act();
        if (fate === 'killed after') return die();
        await scheduler.schedule(Promise.resolve(), `${name}: answer to ${call}`);
        if (dead) return die();
        if (fate === 'answer lost') throw failure('TimeoutError');
        return answer;
      };
      const world: World = {
        ...rest,
        secrets: {
          describe: (secret) => through('describe', () => secrets.describe(secret)),
          read: (secret, version) => through('read', () => secrets.read(secret, version)),
          put: (secret, version, text) => through('put', () => secrets.put(secret, version, text)),
          promote: (secret, to, from) => through('promote', () => secrets.promote(secret, to, from)),
          list: (tag) => through('list', () => secrets.list(tag)),
        },
        parameters: { read: (parameter) => through('parameter', () => parameters.read(parameter)), write: (parameter, value) => parameters.write(parameter, value) },
        signer: (keyId) => {
          const key = signer(keyId);
          return { publicKey: () => through('public key', () => key.publicKey()), sign: (message) => through('sign', () => key.sign(message)) };
        },
      };
      run(world).then(resolve, resolve);
    });
  }
}

test('whatever happens to its calls, a node always has a good certificate, and the next run completes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), plan, async (scheduler, scenario) => {
      const simulation = await (await Simulation.start(scheduler, scenario)).live();
      await simulation.repaired();
      expect(simulation.violations).toEqual([]);
      expect(simulation.account.leaks()).toEqual([]);
    }),
    { numRuns: RUNS },
  );
}, 300_000);

test('killed before or after each of its calls, alone', async () => {
  // before the next call is after this one.
  for (let nth = 0; nth < 24; nth += 1) {
    for (const fate of ['killed after', 'answer lost'] as const) {
      await fc.assert(
        fc.asyncProperty(fc.scheduler(), async (scheduler) => {
          const simulation = await (await Simulation.start(scheduler, { pendingAfterPromotion: 'kept', runs: [[{ nth, fate }]], sabotage: [] })).live();
          await simulation.repaired();
          expect([nth, fate, ...simulation.violations]).toEqual([nth, fate]);
        }),
        { numRuns: 1 },
      );
    }
  }
}, 300_000);

test('runs at the same time make one version together', async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const simulation = await (await Simulation.start(scheduler, { pendingAfterPromotion: 'kept', runs: [[], [], []], sabotage: [] })).live();
      await simulation.repaired();
      for (const secret of simulation.secrets) expect(simulation.account.model.listSecretVersionIds({ SecretId: secret, IncludeDeprecated: true }).Versions).toHaveLength(3);
      expect(simulation.violations).toEqual([]);
    }),
    { numRuns: 5 },
  );
}, 300_000);

// each protection taken away: the simulation must notice.
describe.each<[string, Tamper]>([
  [
    'labels move from wherever they are',
    (world, account) => ({
      ...world,
      secrets: {
        ...world.secrets,
        promote: (secret, to) => {
          account.model.updateSecretVersionStage({ SecretId: secret, VersionStage: 'AWSCURRENT', MoveToVersionId: to, RemoveFromVersionId: account.model.labelled(secret, 'AWSCURRENT') });
          return Promise.resolve('promoted');
        },
      },
    }),
  ],
  [
    'a version goes into service at once',
    (world, account) => ({
      ...world,
      secrets: {
        ...world.secrets,
        put: (secret, version, text) => {
          account.model.putSecretValue({ SecretId: secret, ClientRequestToken: version, SecretString: text });
          return Promise.resolve('stored');
        },
      },
    }),
  ],
])('without a protection: %s', (_, tamper) => {
  test('a node loses its certificate', async () => {
    const scenario: Plan = { pendingAfterPromotion: 'kept', runs: [[], []], deployment: [], sabotage: [] };
    const found = await fc.check(
      fc.asyncProperty(fc.scheduler(), async (scheduler) => {
        const simulation = await Simulation.start(scheduler, scenario, tamper);
        await simulation.live();
        await simulation.repaired();
        return simulation.violations.length === 0;
      }),
      { numRuns: 500, endOnFailure: true },
    );
    expect(found.failed).toBe(true);
  }, 300_000);
});
