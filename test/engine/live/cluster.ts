import * as sdk from '@aws-sdk/client-secrets-manager';
import { setTimeout as pause } from 'node:timers/promises';
import { secretStore as agentSecretStore } from '../../../lib/agent/cloud/stores';
import type { BootManifest, LiveManifest } from '../../../lib/config/manifest';
import { packManifest } from '../../../lib/config/manifest';
import { parseManifest } from '../../../lib/handlers/rotate-password/cluster';
import type { LoginRequest, World } from '../../../lib/handlers/rotate-password/driver';
import { rotate } from '../../../lib/handlers/rotate-password/driver';
import { meaning } from '../../../lib/handlers/rotate-password/nodes';
import { secretStore } from '../../../lib/handlers/rotate-password/secrets';
import type { Login as Answer, Outcome } from '../../../lib/handlers/rotate-password/steps';
import { modelClient, SecretsManagerModel } from '../../emulator/secrets-manager';
import type { Login, Reply } from '../engine';
import { CLIENT, exchange } from '../engine';
import { LiveNode } from './node';

/** What a deployment would publish. `secret` of a user is replaced by that of a secret in the model. */
export interface Published {
  readonly boot: BootManifest;
  readonly live: LiveManifest;
}

/** Where the clients of these clusters are; {@link CLIENT} is in it. */
const CLIENT_NETWORKS = ['10.20.0.0/16'];
const HOUR = 3_600_000;
/** How long one step of a rotation may take here; a function of Lambda has fifteen minutes. */
const PATIENCE_MS = 40_000;
const LAMBDA = 'arn:aws:lambda:eu-central-1:111122223333:function:rotate';

/** What every client asks for. */
const QUERY = 'SELECT currentUser(), arraySum(range(1000))';
export const answerFor = (user: string): string => `${user}\t499500\n`;

/**
 * A cluster on the real engine whose users' passwords are rotated: the agent's pass on every node, the rotation handler's driver, and the model
 * of Secrets Manager between them. Instead of AWS and TLS there are calls in this process and plain HTTP on loopback.
 */
export class LiveCluster {
  readonly nodes: LiveNode[] = [];
  /** passwords by user whose grace is over, as far as every node has seen that. */
  readonly expired = new Map<string, readonly string[]>();
  /** how much later a command reaches the next node, so that for a while they differ. */
  commandSpread = 300;
  private readonly model = new SecretsManagerModel();
  private readonly live: LiveManifest;
  private readonly secrets = new Map<string, Secret>();
  private readonly underWay = new Set<Promise<unknown>>();
  private readonly commands = new Set<Promise<unknown>>();
  private later = 0;

  private constructor({ live }: Published) {
    for (const { user, secret, graceSeconds = 0 } of live.users) {
      if (secret !== undefined) this.secrets.set(user, { arn: this.createSecret(user), grace: graceSeconds * 1000, replaced: [] });
    }
    this.live = { ...live, users: live.users.map((each) => ({ ...each, ...(each.secret === undefined ? {} : { secret: this.secret(each.user).arn }) })) };
    this.model.changed = () => this.labelsMoved();
    this.labelsMoved();
  }

  static async start(published: Published): Promise<LiveCluster> {
    const cluster = new LiveCluster(published);
    const { live } = cluster;
    const starting = live.servers.map((host) =>
      LiveNode.start({ host, boot: published.boot, live, clientNetworks: CLIENT_NETWORKS, secrets: agentSecretStore('eu-central-1', modelClient(cluster.model)), now: cluster.now }),
    );
    for (const each of await Promise.allSettled(starting)) if (each.status === 'fulfilled') cluster.nodes.push(each.value);
    if (cluster.nodes.length < live.servers.length) await cluster.stop();
    await Promise.all(starting);
    return cluster;
  }

  /** Who logs in with a password. */
  get users(): readonly string[] {
    return [...this.secrets.keys()];
  }

  /** The nodes' clock. */
  readonly now = (): number => Date.now() + this.later;

  /** What a client finds in the secret now. */
  current(user: string): string {
    return this.password(user, this.version(user));
  }

  /** Passwords that were replaced less than the grace ago. */
  inGrace(user: string): string[] {
    const { grace, replaced } = this.secret(user);
    return replaced.filter(({ at }) => this.now() - at < grace).map(({ version }) => this.password(user, version));
  }

  /** One query on one node, as a client; without a login nothing is said of who asks. */
  ask(node: LiveNode, who: Login | undefined, from = CLIENT, sql = QUERY): Promise<Reply> {
    const headers: Record<string, string> = who === undefined ? {} : { 'X-ClickHouse-User': who.user, 'X-ClickHouse-Key': who.password ?? '' };
    return until(exchange(node.port, { method: 'POST', path: '/?wait_end_of_query=1', headers, body: sql, from }), this.underWay);
  }

  /** A rotation as Secrets Manager carries it out: the function, called once for each step. */
  async rotate(user: string): Promise<Outcome[]> {
    const { arn } = this.secret(user);
    const { VersionId: token = '' } = this.model.rotateSecret({ SecretId: arn, RotationLambdaARN: LAMBDA });
    const steps = this.model.calls.at(-1)?.steps ?? [];
    const outcomes: Outcome[] = [];
    for (const step of steps) outcomes.push(await rotate(arn, { step, token, deadline: Date.now() + PATIENCE_MS }, this.world()));
    this.model.over(arn, token);
    return outcomes;
  }

  /** Somebody puts another password into service without telling or asking any node: what rotation is there to prevent. */
  replaceBlindly(user: string): void {
    const { arn } = this.secret(user);
    this.model.putSecretValue({ SecretId: arn, SecretString: this.value(user) });
  }

  /** Every node has done what it was told, and serves what it found. */
  async settled(): Promise<void> {
    await Promise.all(this.commands);
    await Promise.all(this.nodes.map((node) => node.settled()));
  }

  /** The grace of everything that was replaced so far ends. Returns when every node has seen that. */
  async graceEnds(): Promise<void> {
    // a node counts from when it first saw that a password was replaced.
    await this.settled();
    this.later += Math.max(...[...this.secrets.values()].map(({ grace }) => grace)) + HOUR;
    // logins that were begun within the grace.
    await Promise.allSettled(this.underWay);
    for (const node of this.nodes) node.look();
    await this.settled();
    for (const user of this.users) this.expired.set(user, this.secret(user).replaced.filter(({ at }) => this.now() - at > this.secret(user).grace).map(({ version }) => this.password(user, version)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.commands);
    await Promise.all(this.nodes.map((node) => node.stop()));
  }

  /** The world of the rotation handler. Everything but the way to AWS and to the nodes is the handler's own. */
  private world(): World {
    const { key, content } = packManifest(this.live);
    return {
      secrets: secretStore(sdk, modelClient(this.model)),
      logIn: (request) => this.logIn(request),
      cluster: () => Promise.resolve({ ...parseManifest(key, content), authority: ['there is no TLS here'] }),
      refresh: () => {
        for (const [index, node] of this.nodes.entries()) void until(pause(index * this.commandSpread).then(() => node.look()), this.commands);
        return Promise.resolve();
      },
      now: Date.now,
      sleep: (milliseconds) => pause(milliseconds),
      log: () => undefined,
    };
  }

  /** As lib/handlers/rotate-password/nodes.ts does over TLS; what an answer means is decided there. */
  private async logIn({ server, user, password }: LoginRequest): Promise<Answer> {
    const node = this.nodes.find(({ host }) => host === server);
    if (node === undefined) return { trouble: 'no such server' };
    const headers = { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password };
    try {
      const reply = await exchange(node.port, { method: 'POST', path: '/', headers, body: 'SELECT currentUser()', from: addressIn(this.live.rotationNetworks[0]) });
      return meaning(reply.status, reply.headers['x-clickhouse-exception-code'], reply.body, user);
    } catch (error) {
      return { trouble: String(error) };
    }
  }

  private createSecret(user: string): string {
    return this.model.createSecret({ Name: `live/${user}`, SecretString: this.value(user) }).ARN;
  }

  private value(username: string): string {
    const password = this.model.getRandomPassword({ PasswordLength: 48, ExcludePunctuation: true }).RandomPassword;
    return JSON.stringify({ username, password, host: 'clickhouse.internal', port: 9440, engine: 'clickhouse' });
  }

  private labelsMoved(): void {
    for (const [user, secret] of this.secrets) {
      const version = this.version(user);
      if (secret.last !== undefined && secret.last !== version) secret.replaced.push({ version: secret.last, at: this.now() });
      secret.last = version;
    }
  }

  private version(user: string): string {
    return this.model.labelled(this.secret(user).arn, 'AWSCURRENT') ?? '';
  }

  private password(user: string, version: string): string {
    const { SecretString = '' } = this.model.getSecretValue({ SecretId: this.secret(user).arn, VersionId: version });
    return (JSON.parse(SecretString) as { password: string }).password;
  }

  private secret(user: string): Secret {
    const secret = this.secrets.get(user);
    if (secret === undefined) throw new Error(`no user '${user}' with a password; there are ${this.users.join(', ')}`);
    return secret;
  }
}

interface Secret {
  readonly arn: string;
  readonly grace: number;
  /** what was current once, and when it stopped being that. */
  readonly replaced: { readonly version: string; readonly at: number }[];
  last?: string;
}

/** Keeps a promise in a set until it is settled. */
function until<Value>(promise: Promise<Value>, set: Set<Promise<unknown>>): Promise<Value> {
  const remove = (): unknown => set.delete(promise);
  set.add(promise);
  promise.then(remove, remove);
  return promise;
}

/** An address in a network. */
function addressIn(network = ''): string {
  const [a, b, c, d] = (network.split('/')[0] ?? '').split('.').map(Number);
  return [a, b, c, (d ?? 0) + 7].join('.');
}
