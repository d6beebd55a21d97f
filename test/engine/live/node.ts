import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Poll, sleep } from '../../../lib/agent/credentials/poll';
import { refresh } from '../../../lib/agent/credentials/refresh';
import type { SecretStore } from '../../../lib/agent/credentials/secrets';
import { DISK } from '../../../lib/agent/disk';
import type { BootManifest, LiveManifest } from '../../../lib/config/manifest';
import { PATHS } from '../../../lib/config/paths';
import type { Documents, Engine } from '../engine';
import { startEngine } from '../engine';
import { nodeValues } from '../rendered';
import { Switch } from './switch';

/** What a node is made of, and what it sees of the world. */
export interface LiveNodeOptions {
  readonly host: string;
  readonly boot: BootManifest;
  readonly live: LiveManifest;
  readonly clientNetworks: readonly string[];
  readonly secrets: SecretStore;
  readonly now: () => number;
}

/** How often a node looks whether files have changed: ten times as often as ClickHouse, so that a test is over sooner. */
const RELOAD_INTERVAL_MS = 200;

/**
 * A server of a cluster on the real engine: the agent's own loop and its own pass write the documents of users onto a real disk, and what serves
 * reads them from there. Only the reading is ours, see {@link Switch}.
 */
export class LiveNode {
  /** what went wrong; nothing may. */
  readonly trouble: string[] = [];
  /** how often changed files were taken over. */
  reloads = -1;

  private readonly root = mkdtempSync(join(tmpdir(), 'live-node-'));
  private readonly users = join(this.root, 'users.d');
  private readonly poll: Poll;
  private readonly stopping = new AbortController();
  private readonly loops: Promise<void>[] = [];
  private readonly retiring: Promise<void>[] = [];
  private asked = 0;
  private looked = -1;
  private engine: Engine | undefined;
  private served: string | undefined;

  private constructor(
    private readonly options: LiveNodeOptions,
    private readonly front: Switch,
  ) {
    mkdirSync(this.users);
    this.poll = new Poll({ pass: () => this.pass(), sleep, random: Math.random, failed: (error) => this.trouble.push(String(error)) });
  }

  /** Boots: the users are written before the server starts. */
  static async start(options: LiveNodeOptions): Promise<LiveNode> {
    const node = new LiveNode(options, await Switch.listen());
    try {
      node.loops.push(node.poll.run(node.stopping.signal));
      while (node.looked < 0) {
        node.assertNoTrouble();
        await pause(10);
      }
      await node.reload();
      node.loops.push(node.reloadForEver());
    } catch (error) {
      await node.stop();
      throw error;
    }
    return node;
  }

  get host(): string {
    return this.options.host;
  }

  /** Where clients log in; the same for as long as the node lives. */
  get port(): number {
    return this.front.port;
  }

  /** Somebody says that something has changed. */
  look(): void {
    this.asked += 1;
    this.poll.trigger();
  }

  /** Resolves when the node has looked since it was last asked to, and serves what it found. */
  async settled(): Promise<void> {
    while (this.looked < this.asked || this.served !== this.state()) {
      this.assertNoTrouble();
      await pause(20);
    }
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await Promise.all(this.loops);
    await Promise.all(this.retiring);
    this.front.close();
    await this.engine?.stop();
    rmSync(this.root, { recursive: true, force: true });
  }

  private assertNoTrouble(): void {
    if (this.trouble.length > 0) throw new Error(`${this.host}: ${this.trouble.join('; ')}`);
  }

  /** One pass of the agent. */
  private async pass(): Promise<{ readonly retry: boolean }> {
    const { asked } = this;
    const { live, clientNetworks, secrets, now } = this.options;
    const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o640 };
    const report = await refresh({ manifest: live, clientNetworks, store: secrets, disk: DISK, users: { path: this.users, owner }, memory: join(this.root, 'memory'), now, documents: () => Promise.resolve({ write: () => undefined, clean: () => undefined }) });
    for (const { user, reason } of [...report.leftOut, ...report.kept]) this.trouble.push(`${user}: ${reason}`);
    this.looked = asked;
    return report;
  }

  private async reloadForEver(): Promise<void> {
    try {
      while (!this.stopping.signal.aborted) {
        await this.reload();
        await pause(RELOAD_INTERVAL_MS);
      }
    } catch (error) {
      // a server would go on with what it has, and say nothing to its clients either.
      this.trouble.push(String(error));
    }
  }

  private async reload(): Promise<void> {
    const state = this.state();
    if (state === this.served) return;
    const old = this.engine;
    const started = await startEngine({ documents: this.documents(), holes: { ...nodeValues(), nodeHost: this.host, nodeName: this.host.split('.')[0] } });
    this.front.to(started.port);
    this.engine = started;
    this.served = state;
    this.reloads += 1;
    if (old !== undefined) this.retiring.push(this.front.drained(old.port).then(() => old.stop()));
  }

  /** What ClickHouse compares: which files there are, and when each was modified. https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/Config/ConfigReloader.cpp */
  private state(): string {
    return this.files().map((name) => `${name} ${statSync(join(this.users, name)).mtimeMs}`).join('\n');
  }

  private files(): string[] {
    return readdirSync(this.users).filter((name) => name.endsWith('.xml') && !name.startsWith('.')).sort();
  }

  /** What the manifests say, and of the users what the agent wrote, byte for byte. */
  private documents(): Documents {
    const { boot, live } = this.options;
    return Object.fromEntries([
      ...[...boot.documents, ...live.documents].map(({ path, template }): [string, string] => [path, template]),
      ...this.files().map((name): [string, string] => [`${PATHS.usersConfigDirectory}/${name}`, readFileSync(join(this.users, name), 'utf8')]),
    ]);
  }
}
