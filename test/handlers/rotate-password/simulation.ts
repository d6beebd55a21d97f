import * as sdk from '@aws-sdk/client-secrets-manager';
import type { CredentialMemory, Stages } from '../../../lib/agent/credentials/admission';
import { admit } from '../../../lib/agent/credentials/admission';
import { parseCredential } from '../../../lib/handlers/rotate-password/credential';
import type { World } from '../../../lib/handlers/rotate-password/driver';
import { rotate } from '../../../lib/handlers/rotate-password/driver';
import { secretStore } from '../../../lib/handlers/rotate-password/secrets';
import type { Login, next, Step } from '../../../lib/handlers/rotate-password/steps';
import type { Choices } from '../../emulator/secrets-manager';
import { failure, modelClient, SecretsManagerModel } from '../../emulator/secrets-manager';
import { VirtualClock } from './clock';

export const USER = 'reader';
export const MINUTE = 60_000;
export const STEP_NAMES: readonly Step[] = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'];
const LAMBDA = 'arn:aws:lambda:eu-central-1:111122223333:function:rotate';

/** How long things take, in milliseconds. */
export interface Latencies {
  readonly call: () => number;
  readonly login: () => number;
  /** from the command to the node's look. */
  readonly command: () => number;
  /** from the look to the server's having reloaded its users. */
  readonly reload: () => number;
  readonly poll: () => number;
}

/** As within one region; made anew for each simulation, so that the same scenario is the same every time. */
export const realistic = (): Latencies => ({
  call: between(20, 120),
  login: between(15, 60),
  // Run Command reaches an agent in a second or two.
  command: between(500, 3_000),
  // the server's own poll of 2 s, and the files before it.
  reload: between(300, 2_500),
  poll: between(4 * MINUTE, 5 * MINUTE),
});

/** A spread that needs no randomness: what is random in a test comes from its generator. */
function between(least: number, most: number): () => number {
  let turn = 0;
  return () => least + ((most - least) * ((turn++ * 0.618034) % 1));
}

/** What happens to a call: it is made, later or not at all, and its answer arrives, later or not at all. */
export type Fate = 'killed before' | 'killed after' | 'answer lost' | 'throttled' | { readonly pause: number } | { readonly late: number };
export type CallName = 'describe' | 'read' | 'generate' | 'put' | 'promote' | 'cluster' | 'refresh' | 'login' | 'sleep';

export interface SimulationOptions extends Choices {
  readonly servers?: number;
  readonly graceSeconds?: number;
  readonly latencies?: Latencies;
  /** whether the nth command reaches the node. */
  readonly misses?: (server: string, command: number) => boolean;
  /** replaced where a test shows what a protection is for. */
  readonly admit?: typeof admit;
  readonly decide?: typeof next;
  readonly lambdaLimit?: number;
}

/** A cluster whose nodes admit what the agent's admission says, and the secret of its user in the modelled service. */
export class Simulation {
  readonly clock = new VirtualClock();
  readonly model: SecretsManagerModel;
  readonly secret: string;
  readonly nodes = new Map<string, SimulatedNode>();
  /** the servers that the live manifest names. */
  servers: string[] = [];
  readonly logs: string[] = [];
  readonly violations: string[] = [];
  readonly latencies: Latencies;
  private readonly replaced: { readonly version: string; readonly at: number }[] = [];
  private wentBackAt = -Infinity;
  private lastCurrent: string | undefined;
  private lastPending: string | undefined;
  /** when AWSPENDING was last taken from a version that was not promoted. */
  withdrawnAt = -Infinity;
  private commands = 0;

  constructor(readonly options: SimulationOptions = {}) {
    this.latencies = options.latencies ?? realistic();
    this.model = new SecretsManagerModel(options);
    const value = { username: USER, password: 'first'.repeat(8), host: 'analytics.internal', port: 9440, engine: 'clickhouse' };
    this.secret = this.model.createSecret({ Name: 'analytics/reader', SecretString: JSON.stringify(value), ClientRequestToken: tokenOf(0) }).ARN;
    this.model.changed = () => this.labelsChanged();
    for (let index = 1; index <= (options.servers ?? 3); index += 1) this.addServer();
    this.labelsChanged();
  }

  get grace(): number {
    return (this.options.graceSeconds ?? 3600) * 1000;
  }

  addServer(): SimulatedNode {
    const node = new SimulatedNode(`server-${this.servers.length + 1}-1.analytics.internal`, this);
    this.servers = [...this.servers, node.name];
    this.nodes.set(node.name, node);
    node.start();
    return node;
  }

  stages(): Stages {
    return { current: this.label('AWSCURRENT'), pending: this.label('AWSPENDING'), previous: this.label('AWSPREVIOUS') };
  }

  label(label: string): string | undefined {
    return this.model.labelled(this.secret, label);
  }

  password(version: string): string | undefined {
    try {
      const value = parseCredential(this.model.getSecretValue({ SecretId: this.secret, VersionId: version }).SecretString ?? '');
      return 'malformed' in value ? undefined : value.password;
    } catch {
      return undefined;
    }
  }

  /**
   * Whether an operator may go back to the previous version: not when its grace is over, for the nodes have dropped it; and not forth and back
   * between two looks of a node that was away meanwhile, for then the labels are where they were and nobody can know that anything happened.
   */
  mayRollBack(previous: string): boolean {
    const now = this.clock.now();
    return this.replaced.some((each) => each.version === previous && now - each.at + MINUTE < this.grace) && now - this.wentBackAt >= 40 * MINUTE;
  }

  private labelsChanged(): void {
    const { current, pending } = this.stages();
    if (this.lastPending !== undefined && pending !== this.lastPending && current !== this.lastPending) this.withdrawnAt = this.clock.now();
    this.lastPending = pending;
    if (current !== this.lastCurrent && this.lastCurrent !== undefined) {
      if (this.replaced.some(({ version }) => version === current)) this.wentBackAt = this.clock.now();
      this.replaced.push({ version: this.lastCurrent, at: this.clock.now() });
    }
    this.lastCurrent = current;
    this.check('after a label moved');
  }

  /**
   * The promise: who has the current password, or one that was replaced less than the grace ago, is let in by every node that serves. It can
   * only break when a label moves or when a node changes what it admits, so that is when it is looked at.
   */
  check(when: string): void {
    const { current } = this.stages();
    const now = this.clock.now();
    for (const node of this.nodes.values()) {
      if (!node.serving) continue;
      // a node with a new volume knows no version that was replaced before the last one.
      const inGrace = this.replaced.filter(({ version, at }) => now - at < this.grace && (at >= node.born || version === node.previousAtBirth)).map(({ version }) => version);
      for (const version of new Set([...(current === undefined ? [] : [current]), ...inGrace])) {
        const password = this.password(version);
        if (password === undefined || !node.admitted.has(password)) {
          this.violations.push(`${when}, ${Math.round((now - Date.UTC(2026, 2, 1)) / 1000)} s: ${node.name} refuses ${version === current ? 'the current password' : 'a password in its grace'} ${version.slice(-4)}`);
        }
      }
    }
  }

  /** Tells the nodes to look, as a command that can miss. */
  refresh(): void {
    const command = this.commands++;
    for (const node of this.nodes.values()) {
      if (!node.up || this.options.misses?.(node.name, command) === true) continue;
      this.clock.at(this.clock.now() + this.latencies.command(), () => void node.look());
    }
  }

  logIn(server: string, password: string): Login {
    const node = this.nodes.get(server);
    if (node?.serving !== true) return { trouble: 'ECONNREFUSED' };
    return node.admitted.has(password) ? 'accepted' : 'refused';
  }

  /** The world of one call of the function, in which its calls meet their fates and which ends with Lambda's limit. */
  invoke(step: Step, token: string, fate: (call: CallName) => Fate | undefined = () => undefined): Promise<string> {
    const { clock, latencies } = this;
    const store = secretStore(sdk, modelClient(this.model));
    const started = clock.now();
    const limit = this.options.lambdaLimit ?? 15 * MINUTE;
    let dead = false;
    return new Promise((resolve) => {
      const die = (): Promise<never> => {
        dead = true;
        resolve('killed');
        return new Promise(() => undefined);
      };
      clock.at(started + limit, () => void die());
      const through = async <Value>(call: CallName, takes: number, act: () => Value | Promise<Value>): Promise<Value> => {
        if (dead) return die();
        const what = fate(call);
        if (what === 'killed before') return die();
        await clock.sleep(takes + (typeof what === 'object' && 'pause' in what ? what.pause : 0));
        if (dead) return die();
        if (what === 'throttled') throw failure('ThrottlingException');
        const answer = await act();
        if (what === 'killed after') return die();
        if (typeof what === 'object' && 'late' in what) await clock.sleep(what.late);
        if (dead) return die();
        if (what === 'answer lost') throw failure('TimeoutError');
        return answer;
      };
      const world: World = {
        secrets: {
          describe: (secret) => through('describe', latencies.call(), () => store.describe(secret)),
          read: (secret, version) => through('read', latencies.call(), () => store.read(secret, version)),
          generate: () => through('generate', latencies.call(), () => store.generate()),
          put: (secret, version, text) => through('put', latencies.call(), () => store.put(secret, version, text)),
          promote: (secret, to, from) => through('promote', latencies.call(), () => store.promote(secret, to, from)),
        },
        logIn: ({ server, password }) =>
          through('login', latencies.login(), () => this.logIn(server, password)).catch((): Login => ({ trouble: 'no answer' })),
        cluster: () => through('cluster', latencies.call(), () => ({ servers: this.servers, users: [{ user: USER, secret: this.secret }], authority: ['certificate'] })),
        refresh: () => through('refresh', latencies.call(), () => this.refresh()),
        now: clock.now,
        sleep: (milliseconds) => through('sleep', milliseconds, () => undefined),
        log: (message, fields) => this.logs.push(JSON.stringify({ message, ...fields })),
      };
      const deadline = started + Math.min(limit, 15 * MINUTE) - MINUTE;
      rotate(this.secret, { step, token, deadline }, world, this.options.decide).then(resolve, (error: Error) => {
        this.logs.push(error.message);
        resolve(error.name);
      });
    });
  }

  /** Starts a rotation the way the service does; the label is taken from another rotation first if that is wanted. */
  begin(token: string, { steal = false } = {}): string {
    try {
      this.model.rotateSecret({ SecretId: this.secret, ClientRequestToken: token, RotationLambdaARN: LAMBDA });
      return token;
    } catch (error) {
      const stuck = this.label('AWSPENDING');
      if (!(error instanceof Error) || error.name !== 'InvalidRequestException' || stuck === undefined) throw error;
      if (!steal) return stuck;
      this.withdraw();
      return this.begin(token);
    }
  }

  /** An operator takes AWSPENDING away. */
  withdraw(): void {
    const pending = this.label('AWSPENDING');
    if (pending !== undefined) this.model.updateSecretVersionStage({ SecretId: this.secret, VersionStage: 'AWSPENDING', RemoveFromVersionId: pending });
  }

  /** All four steps; the outcome of the first that does not succeed, or 'rotated'. */
  async rotation(token: string, { gap = 0, fate = (): Fate | undefined => undefined }: { gap?: number; fate?: (call: CallName) => Fate | undefined } = {}): Promise<string> {
    for (const step of STEP_NAMES) {
      const outcome = await this.invoke(step, token, fate);
      if (!SUCCESSES.includes(outcome)) return `${step}: ${outcome}`;
      if (gap > 0) await this.clock.sleep(gap);
    }
    this.model.over(this.secret, token);
    return 'rotated';
  }
}

const SUCCESSES: readonly string[] = ['Created', 'Kept', 'Accepted', 'Tested', 'CurrentTested', 'Promoted', 'AlreadyCurrent'];

/** A node: the agent's admission, its volume, and a server that reloads a little later. */
export class SimulatedNode {
  up = false;
  serving = false;
  admitted: ReadonlySet<string> = new Set();
  /** on the data volume, so it survives the instance. */
  memory: CredentialMemory | undefined;
  born = Infinity;
  previousAtBirth: string | undefined;
  private life = 0;
  private looking = false;
  private again = false;

  constructor(
    readonly name: string,
    private readonly simulation: Simulation,
  ) {}

  /** Boots: the users are written before the server starts. */
  start(): void {
    this.up = true;
    this.apply(this.decide());
    this.poll(this.life);
  }

  /** The instance is gone for a while; its successor has the same volume. */
  fail(milliseconds: number): void {
    if (!this.up) return;
    this.up = false;
    this.serving = false;
    this.looking = false;
    this.life += 1;
    this.simulation.clock.at(this.simulation.clock.now() + milliseconds, () => this.start());
  }

  /** One look; a command that arrives meanwhile is obeyed afterwards. */
  async look(): Promise<void> {
    const { clock, latencies } = this.simulation;
    if (!this.up) return;
    if (this.looking) {
      this.again = true;
      return;
    }
    this.looking = true;
    const { life } = this;
    const admitted = this.decide();
    await clock.sleep(latencies.reload());
    if (life !== this.life) return;
    this.apply(admitted);
    this.looking = false;
    if (this.again) {
      this.again = false;
      await this.look();
    }
  }

  private decide(): ReadonlySet<string> {
    const { simulation } = this;
    const stages = simulation.stages();
    if (this.born === Infinity) {
      this.born = simulation.clock.now();
      this.previousAtBirth = stages.previous;
    }
    const { admitted, memory } = (simulation.options.admit ?? admit)(stages, this.memory, simulation.clock.now(), simulation.grace);
    this.memory = memory;
    return new Set(admitted.flatMap((version) => simulation.password(version) ?? []));
  }

  private apply(admitted: ReadonlySet<string>): void {
    this.admitted = admitted;
    this.serving = true;
    this.simulation.check(`after ${this.name} looked`);
  }

  private poll(life: number): void {
    const { clock, latencies } = this.simulation;
    clock.at(clock.now() + latencies.poll(), () => {
      if (life !== this.life) return;
      void this.look();
      this.poll(life);
    });
  }
}

/** A version id of the length that the service takes. */
export function tokenOf(index: number): string {
  return `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
}
