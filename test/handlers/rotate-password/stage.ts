import * as sdk from '@aws-sdk/client-secrets-manager';
import type { LoginRequest, SecretStore, World } from '../../../lib/handlers/rotate-password/driver';
import { rotate } from '../../../lib/handlers/rotate-password/driver';
import { secretStore } from '../../../lib/handlers/rotate-password/secrets';
import type { LiveCluster, Login, Step } from '../../../lib/handlers/rotate-password/steps';
import type { Choices } from '../../emulator/secrets-manager';
import { modelClient, SecretsManagerModel } from '../../emulator/secrets-manager';
import { VirtualClock } from './clock';
import { STEP_NAMES, tokenOf } from './simulation';

export const MINUTE = 60_000;
const LAMBDA = 'arn:aws:lambda:eu-central-1:111122223333:function:rotate';
export const FIRST = 'First'.repeat(8);
export const OTHER = 'Other'.repeat(8);
export const VALUE = { username: 'reader', password: FIRST, host: 'analytics.internal', port: 9440, httpsPort: 8443, database: 'events', engine: 'clickhouse', url: 'https://analytics.internal:8443' };
export const [ONE, TWO] = [tokenOf(1), tokenOf(2)];

export type Call = keyof SecretStore | 'cluster' | 'refresh';

/** A secret in the modelled service, and nodes that do what a test says. */
export class Stage {
  readonly clock = new VirtualClock();
  readonly model: SecretsManagerModel;
  readonly secret: string;
  servers = ['server-1-1.internal', 'server-1-2.internal'];
  users: LiveCluster['users'];
  readonly lines: Record<string, string | number>[] = [];
  readonly calls: Call[] = [];
  readonly requests: LoginRequest[] = [];
  /** what a server says; by default it admits what is current and what is pending. */
  says: (server: string, password: string) => Login = (_, password) => this.honest(password);
  /** milliseconds of a login. */
  takes = 20;
  /** before a call is made. */
  before: (call: Call, count: number) => void = () => undefined;
  private readonly counts = new Map<Call, number>();

  constructor(value: unknown = VALUE, choices: Choices = {}) {
    this.model = new SecretsManagerModel(choices);
    this.secret = this.model.createSecret({ Name: 'analytics/reader', SecretString: typeof value === 'string' ? value : JSON.stringify(value), ClientRequestToken: tokenOf(0) }).ARN;
    this.users = [{ user: 'certified' }, { user: 'reader', secret: this.secret }];
  }

  honest(password: string): Login {
    return ['AWSCURRENT', 'AWSPENDING'].some((label) => this.value(label)?.password === password) ? 'accepted' : 'refused';
  }

  label(label: string): string | undefined {
    return this.model.labelled(this.secret, label);
  }

  value(label: string): typeof VALUE | undefined {
    const version = this.label(label);
    try {
      return JSON.parse(this.model.getSecretValue({ SecretId: this.secret, VersionId: version }).SecretString ?? '') as typeof VALUE;
    } catch {
      return undefined;
    }
  }

  begin(token = ONE, RotateImmediately = true): this {
    this.model.rotateSecret({ SecretId: this.secret, ClientRequestToken: token, RotationLambdaARN: LAMBDA, RotateImmediately });
    return this;
  }

  /** Puts a value into the version of the token. */
  pend(value: unknown, token = ONE): this {
    this.model.putSecretValue({ SecretId: this.secret, ClientRequestToken: token, SecretString: typeof value === 'string' ? value : JSON.stringify(value), VersionStages: ['AWSPENDING'] });
    return this;
  }

  withdraw(): void {
    this.model.updateSecretVersionStage({ SecretId: this.secret, VersionStage: 'AWSPENDING', RemoveFromVersionId: this.label('AWSPENDING') });
  }

  async step(step: Step, token = ONE, remaining = 14 * MINUTE): Promise<string> {
    const store = secretStore(sdk, modelClient(this.model));
    const through = async <Value>(call: Call, act: () => Promise<Value>): Promise<Value> => {
      this.calls.push(call);
      const count = this.counts.get(call) ?? 0;
      this.counts.set(call, count + 1);
      await this.clock.sleep(50);
      this.before(call, count);
      return act();
    };
    const world: World = {
      secrets: {
        describe: (secret) => through('describe', () => store.describe(secret)),
        read: (secret, version) => through('read', () => store.read(secret, version)),
        generate: () => through('generate', () => store.generate()),
        put: (secret, version, text) => through('put', () => store.put(secret, version, text)),
        promote: (secret, to, from) => through('promote', () => store.promote(secret, to, from)),
      },
      logIn: async (request) => {
        this.requests.push(request);
        await this.clock.sleep(this.takes);
        return this.says(request.server, request.password);
      },
      cluster: () => through('cluster', () => Promise.resolve({ servers: this.servers, users: this.users, authority: ['PEM'] })),
      refresh: () => through('refresh', () => Promise.resolve()),
      now: this.clock.now,
      sleep: this.clock.sleep,
      log: (message, fields) => this.lines.push({ message, ...fields }),
    };
    const lines = this.outcomes.length;
    const outcome = await this.clock.runUntilSettled(rotate(this.secret, { step, token, deadline: this.clock.now() + remaining }, world).catch((error: Error) => `${error.name}: ${error.message}`));
    // whatever happens, one line tells the outcome, and it is the same as the answer.
    expect(this.outcomes.slice(lines)).toHaveLength(1);
    const line = this.outcomes.at(-1) ?? {};
    expect(outcome).toBe(line.message === 'rotation' ? line.outcome : `${line.outcome}: ${line.reason}`);
    expect(line).toMatchObject({ step, secret: this.secret, version: token });
    const secrets = [FIRST, OTHER, this.value('AWSPENDING')?.password, this.value('AWSCURRENT')?.password, ...this.requests.map(({ password }) => password)];
    for (const each of secrets) if (each !== undefined && each.length > 8) expect(JSON.stringify(this.lines)).not.toContain(each);
    return outcome;
  }

  get outcomes(): Record<string, string | number>[] {
    return this.lines.filter(({ message }) => message === 'rotation' || message === 'rotation failed');
  }

  /** Calls that change something. */
  get writes(): Call[] {
    return this.calls.filter((call) => call === 'put' || call === 'promote');
  }
}

/** All four steps; what each answers. */
export async function rotated(stage: Stage, token = ONE): Promise<string[]> {
  const outcomes: string[] = [];
  for (const step of STEP_NAMES) outcomes.push(await stage.step(step, token));
  return outcomes;
}
