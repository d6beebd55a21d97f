import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { sha256Hex } from '../../../lib/config/manifest';
import type { Login, Reply } from '../engine';
import { CLIENT, STRANGER } from '../engine';
import type { LiveCluster } from './cluster';
import { answerFor } from './cluster';
import type { LiveNode } from './node';

/** What came of everything that was sent: every request is in exactly one of the three. */
export interface Tally {
  readonly sent: number;
  /** logins that had to succeed and did, by what they were. */
  readonly accepted: Readonly<Record<string, number>>;
  /** logins that had to be refused and were, by what they were. */
  readonly refused: Readonly<Record<string, number>>;
  /** everything else: what was sent, and what came back. */
  readonly surprises: readonly string[];
}

/** A login, and what must come of it. */
interface Attempt {
  readonly what: string;
  readonly who?: Login;
  readonly from?: string;
  readonly wanted: 'accepted' | 'refused';
}

const CLIENTS_PER_NODE = 2;
const ATTACKERS_PER_NODE = 1;
/** Between two logins of one client: the engine shall have time to start, too. */
const BREATH_MS = 5;

/**
 * Clients of every user and attackers, on every node at once, without a break until they are stopped. A client reads the secret and logs in, or logs
 * in with what it read before a rotation; an attacker tries everything that must never work. Nothing is tried twice, and every answer counts.
 */
export class Load {
  private sent = 0;
  private readonly accepted: Record<string, number> = {};
  private readonly refused: Record<string, number> = {};
  private readonly surprises: string[] = [];
  private readonly working: Promise<void>[];
  private over = false;

  constructor(private readonly cluster: LiveCluster, private readonly users: readonly string[] = cluster.users) {
    const times = (count: number, work: (turn: number) => Promise<void>): Promise<void>[] => Array.from({ length: count }, (_, turn) => work(turn));
    this.working = cluster.nodes.flatMap((node) => [
      ...times(CLIENTS_PER_NODE, (turn) => this.work(node, turn, (user) => this.logins(user))),
      ...times(ATTACKERS_PER_NODE, (turn) => this.work(node, turn, (user) => this.attacks(user))),
    ]);
  }

  /** What has been answered so far. */
  tally(): Tally {
    return { sent: this.sent, accepted: { ...this.accepted }, refused: { ...this.refused }, surprises: [...this.surprises] };
  }

  /** Ends, after the answers to all that was sent. */
  async stop(): Promise<Tally> {
    this.over = true;
    await Promise.all(this.working);
    return this.tally();
  }

  private async work(node: LiveNode, turn: number, attempts: (user: string) => readonly (() => Attempt)[]): Promise<void> {
    for (let index = turn; !this.over; index += 1) {
      for (const attempt of attempts(this.users[index % this.users.length] ?? '')) {
        if (this.over) return;
        await this.try(node, attempt());
        await pause(BREATH_MS);
      }
    }
  }

  /** Each is made when its turn comes: what it logs in with is what is current then. */
  private logins(user: string): (() => Attempt)[] {
    const { cluster } = this;
    return [
      () => ({ what: `${user}, current`, who: { user, password: cluster.current(user) }, wanted: 'accepted' }),
      // the grace can end between two turns.
      () => {
        const [password] = shuffled(cluster.inGrace(user));
        return password === undefined ? { what: `${user}, current`, who: { user, password: cluster.current(user) }, wanted: 'accepted' } : { what: `${user}, in its grace`, who: { user, password }, wanted: 'accepted' };
      },
    ];
  }

  private attacks(user: string): (() => Attempt)[] {
    const { cluster } = this;
    const refused = (what: string, who: () => Login | undefined, from = CLIENT) => (): Attempt => ({ what, who: who(), from, wanted: 'refused' });
    const others = cluster.users.filter((other) => other !== user);
    return [
      refused('a wrong password', () => ({ user, password: randomBytes(24).toString('hex') })),
      refused('an empty password', () => ({ user })),
      refused('no login', () => undefined),
      refused('default, with an empty password', () => ({ user: 'default' })),
      refused('default, with the password of a user', () => ({ user: 'default', password: cluster.current(user) })),
      refused('a name that is nobody', () => ({ user: 'nobody', password: cluster.current(user) })),
      refused('a name in capitals', () => ({ user: user.toUpperCase(), password: cluster.current(user) })),
      refused('the hash of the password', () => ({ user, password: sha256Hex(cluster.current(user)) })),
      refused('the password, from elsewhere', () => ({ user, password: cluster.current(user) }), STRANGER),
      ...others.flatMap((other) => [
        refused("another user's password", () => ({ user, password: cluster.current(other) })),
        refused("another user's name", () => ({ user: other, password: cluster.current(user) })),
      ]),
      ...(cluster.expired.get(user) ?? []).map((password) => refused('an expired password', () => ({ user, password }))),
    ];
  }

  private async try(node: LiveNode, { what, who, from, wanted }: Attempt): Promise<void> {
    const name = `${what}, on ${node.host.split('.')[0]}`;
    this.sent += 1;
    let outcome: string;
    try {
      outcome = meant(await this.cluster.ask(node, who, from), who);
    } catch (error) {
      outcome = String(error);
    }
    if (outcome !== wanted) {
      this.surprises.push(`${name}: ${outcome}`);
      return;
    }
    const counts = wanted === 'accepted' ? this.accepted : this.refused;
    counts[name] = (counts[name] ?? 0) + 1;
  }
}

/** What an answer says. Only the whole answer to the query is a login, and only the two that ClickHouse gives to strangers are refusals. */
function meant({ status, code, body }: Reply, who: Login | undefined): string {
  if (status === 200 && who !== undefined && body === answerFor(who.user)) return 'accepted';
  // 'authentication failed' to whoever names a user, 'a password is required' to whoever is `default` or nobody.
  const asked = who === undefined || who.user === 'default';
  if (asked ? status === 401 && code === 194 : status === 403 && code === 516) return 'refused';
  return `${status}, code ${code}`;
}

function shuffled(values: readonly string[]): string[] {
  return values.map((value) => ({ value, at: Math.random() })).sort((a, b) => a.at - b.at).map(({ value }) => value);
}

/** How many, of what a tally has. */
export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, each) => sum + each, 0);
}
