import { createHash } from 'node:crypto';
import { secretStore } from '../../../lib/agent/cloud/stores';
import * as documents from '../../../lib/agent/credentials/document';
import type { CredentialNode, RefreshReport } from '../../../lib/agent/credentials/refresh';
import { refresh, revokeLeaving } from '../../../lib/agent/credentials/refresh';
import type { SecretStore } from '../../../lib/agent/credentials/secrets';
import { writeDocuments } from '../../../lib/agent/documents';
import { removeStaleExtras } from '../../../lib/agent/live/documents';
import type { DocumentTemplate, LiveManifest, UserDocument } from '../../../lib/config/manifest';
import { parseXml } from '../../../lib/config/parse';
import { userDocument, usersDocument } from '../../../lib/config/users';
import { renderXml } from '../../../lib/config/xml';
import { failure, modelClient, SecretsManagerModel } from '../../emulator/secrets-manager';
import type { Crash } from './fake-disk';
import { FakeDisk, Fate } from './fake-disk';

export const USERS = '/etc/clickhouse-server/users.d';
export const MAIN = '/etc/clickhouse-server/users.xml';
export const MEMORY = '/var/lib/clickhouse/agent-credentials';
export const GRACE = 3_600_000;
/** No value of a secret is without it, so whoever finds it has found a plaintext. */
export const MARK = 'PLAINTEXT';
export const NAMES = ['ingest', 'reader', 'loader'] as const;
export type Name = (typeof NAMES)[number];

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

// every instant is looked at, and hardly any changes a text.
const isDocumentOf = remembered(documents.isDocumentOf);
const hashesIn = remembered(documents.hashesIn);
const missingIn = remembered((content, key) => {
  const [user = '', ...templates] = key.split('\n\n');
  return documents.missingReferences(content, user, templates.map((template) => ({ path: '', template })));
});
const parses = remembered((content) => {
  parseXml(content);
  return true;
});

function remembered<T>(ask: (content: string, user: string) => T): (content: string, user?: string) => T {
  const known = new Map<string, T>();
  return (content, user = '') => {
    const key = `${user} ${content}`;
    const answer = known.get(key) ?? ask(content, user);
    known.set(key, answer);
    return answer;
  };
}

/** What really happened to one user's secret. */
interface Truth {
  readonly arn: string;
  current: string;
  pending?: string;
  previous?: string;
  /** what each version that could be read hashes to; absent: nobody can log in with it. */
  readonly hashes: Map<string, string>;
  readonly stopped: Map<string, number>;
  deleted: boolean;
}

/** Secrets Manager, one node, and the sentences that must be true of them at every instant. */
export class World {
  now = 1_700_000_000_000;
  readonly model = new SecretsManagerModel();
  readonly disk = new FakeDisk(['/etc/clickhouse-server', USERS, '/var/lib/clickhouse']);
  readonly secrets: Record<Name, Truth>;
  declared: readonly UserDocument[] = [];
  /** what users refer to, and documents of operators beside it. */
  live: readonly DocumentTemplate[] = [];
  /** a pass has ended in the middle, and none has completed it. */
  private interrupted = false;
  /** which of the next calls fail, and how. */
  readonly failures: (string | undefined)[] = [];
  readonly reports: RefreshReport[] = [];
  private version = 0;
  /** what each user's file admitted when a pass had last ended. */
  private settled = new Map<string, ReadonlySet<string>>();
  /** versions the node has seen in use. */
  private readonly seen = new Map<Name, Set<string>>(NAMES.map((name) => [name, new Set()]));
  /** when the node had surely seen that a version is not in use. */
  private readonly seenStopped = new Map<string, number>();
  private readonly revoked = new Map<Name, Set<string>>(NAMES.map((name) => [name, new Set()]));
  /** a revocation may have got to it, or not. */
  private readonly perhapsRevoked = new Map<Name, Set<string>>(NAMES.map((name) => [name, new Set()]));
  private last = new Map<string, { readonly content: string; readonly modified: number }>();

  constructor() {
    this.secrets = Object.fromEntries(NAMES.map((name) => [name, this.create(name)])) as Record<Name, Truth>;
    this.declare(NAMES, 'SELECT');
  }

  /** All declared users have the one profile, and no other is there. */
  declare(names: readonly Name[], privilege: string, profile = 'default', extras: readonly string[] = ['limits']): void {
    this.live = [{ path: MAIN, template: renderXml(usersDocument([{ name: profile }])) }, ...extras.map((each) => ({ path: `${USERS}/extra-${each}.xml`, template: '<clickhouse/>' }))];
    this.declared = [
      ...names.map((name) => ({
        user: name,
        path: `${USERS}/${name}.xml`,
        template: renderXml(userDocument({ name, profile, grants: [{ privileges: [privilege], database: 'events' }], ...(name === 'reader' ? { certificate: { commonName: 'reader' } } : {}) })),
        secret: this.secrets[name].arn,
        graceSeconds: GRACE / 1000,
      })),
      { user: 'certified', path: `${USERS}/certified.xml`, template: renderXml(userDocument({ name: 'certified', profile, password: false, certificate: { commonName: 'certified' } })) },
    ];
  }

  put(name: Name, value: 'good' | 'malformed' | 'other', stage: 'AWSPENDING' | 'AWSCURRENT'): void {
    const secret = this.secrets[name];
    if (secret.deleted) return;
    const version = this.nextVersion();
    const password = `${MARK}-${name}-${version}`;
    const text = value === 'malformed' ? `{"password":"${MARK}` : JSON.stringify({ username: value === 'good' ? name : `${MARK}-somebody`, password });
    this.model.putSecretValue({ SecretId: secret.arn, ClientRequestToken: version, SecretString: text, VersionStages: [stage] });
    if (value === 'good') secret.hashes.set(version, sha256(password));
    if (stage === 'AWSPENDING') secret.pending = version;
    else this.moved(secret, version);
  }

  emptyPending(name: Name): void {
    const secret = this.secrets[name];
    if (secret.deleted || (secret.pending !== undefined && secret.pending !== secret.current)) return;
    const version = this.nextVersion();
    this.model.rotateSecret({ SecretId: secret.arn, ClientRequestToken: version, RotationLambdaARN: 'arn:aws:lambda:eu-central-1:111122223333:function:rotate' });
    secret.pending = version;
  }

  promote(name: Name): void {
    const secret = this.secrets[name];
    const { pending } = secret;
    if (secret.deleted || pending === undefined || pending === secret.current) return;
    // nobody promotes what has no value.
    if (!secret.hashes.has(pending)) return;
    this.model.updateSecretVersionStage({ SecretId: secret.arn, VersionStage: 'AWSCURRENT', MoveToVersionId: pending, RemoveFromVersionId: secret.current });
    this.moved(secret, pending);
  }

  withdraw(name: Name): void {
    const secret = this.secrets[name];
    if (secret.deleted || secret.pending === undefined) return;
    this.model.updateSecretVersionStage({ SecretId: secret.arn, VersionStage: 'AWSPENDING', RemoveFromVersionId: secret.pending });
    secret.pending = undefined;
  }

  toggleDeletion(name: Name): void {
    const secret = this.secrets[name];
    if (secret.deleted) this.model.restoreSecret({ SecretId: secret.arn });
    else this.model.deleteSecret({ SecretId: secret.arn });
    secret.deleted = !secret.deleted;
  }

  /** The memory is lost or damaged: what was known of times is known no more. */
  forget(damage: string | undefined): void {
    if (damage === undefined || this.disk.look(MEMORY) === undefined) this.disk.empty(MEMORY);
    else for (const name of NAMES) this.disk.put(`${MEMORY}/${name}.json`, damage);
    for (const each of [...this.seen.values(), ...this.revoked.values()]) each.clear();
    this.seenStopped.clear();
  }

  /** A new instance on the same volume. */
  newInstance(): void {
    this.disk.empty(USERS);
    this.settled.clear();
    this.last.clear();
  }

  /** One pass, perhaps ended in the middle. */
  async pass(kind: 'refresh' | 'revoke' = 'refresh', crash?: Crash): Promise<RefreshReport | undefined> {
    const { disk } = this;
    disk.now = this.now;
    const fate = (disk.fate = new Fate(crash));
    if (kind === 'revoke') for (const name of NAMES) for (const each of this.secrets[name].stopped.keys()) this.perhapsRevoked.get(name)?.add(each);
    const before = this.admitted();
    const instant = (): void => this.checkInstant(before);
    fate.observe = instant;
    const node = this.node(fate);
    const report = await (kind === 'revoke' ? revokeLeaving(node) : refresh(node)).catch((error: unknown) => {
      if (!fate.dead) throw error;
      return undefined;
    });
    if (fate.dead) {
      this.interrupted = true;
      disk.restart();
      // ClickHouse has started anew as well, and compares with nothing.
      if (crash?.kind === 'power') this.last = new Map();
      this.checkInstant(this.settled);
      this.last = disk.files(USERS);
      // it may have taken away whatever need not be there now.
      for (const name of NAMES) {
        const must = this.declared.some(({ user }) => user === name) ? this.must(name) : new Set<string>();
        this.settled.set(name, new Set([...(this.settled.get(name) ?? [])].filter((hash) => must.has(hash))));
      }
      return undefined;
    }
    fate.observe = () => undefined;
    this.interrupted = false;
    this.checkReferences();
    if (report !== undefined) this.reports.push(report);
    this.settled = this.admitted();
    this.learn(kind, report);
    return report;
  }

  node(fate = this.disk.fate): CredentialNode {
    const owner = { uid: 0, gid: 101, mode: 0o640 };
    const manifest = { schema: 1, kind: 'live', clusterName: 'analytics', servers: [], documents: this.live, databases: [], users: this.declared, rotationNetworks: ['10.1.2.0/24'] } satisfies LiveManifest;
    return {
      manifest,
      clientNetworks: ['10.0.0.0/16'],
      store: this.store(fate),
      disk: this.disk,
      users: { path: USERS, owner },
      memory: MEMORY,
      // the real ones, as in passes.ts.
      documents: async () => {
        await this.waited(fate);
        return {
          write: () => void writeDocuments(this.disk, { root: '', owner }, manifest.documents, { maintenanceHash: sha256('maintenance') }),
          clean: () => void removeStaleExtras(this.disk, USERS, manifest),
        };
      },
      now: () => this.now,
    };
  }

  /** What every file admits. */
  admitted(): Map<string, ReadonlySet<string>> {
    return new Map([...this.disk.files(USERS)].flatMap(([name, { content }]) => (/^(?!extra-)[a-z-]+\.xml$/.test(name) ? [[name.slice(0, -4), new Set(hashesIn(content, name.slice(0, -4)))]] : [])));
  }

  /** The hashes that must be admitted as soon as the node could know: current, pending, and what is in its grace. */
  must(name: Name): Set<string> {
    const secret = this.secrets[name];
    const { current, pending, previous, hashes, stopped } = secret;
    if (secret.deleted || !hashes.has(current)) return new Set();
    const inGrace = [...stopped].filter(([each, at]) => this.now - at < GRACE && !this.perhapsRevoked.get(name)?.has(each) && (each === previous || this.seen.get(name)?.has(each))).map(([each]) => each);
    return new Set([current, pending, ...inGrace].flatMap((each) => hashes.get(each ?? '') ?? []));
  }

  /** After a pass that could read everything. */
  checkSettled(): void {
    const files = this.disk.files(USERS);
    expect([...files.keys()].filter((name) => name.startsWith('.'))).toEqual([]);
    expect([...files.keys()].filter((name) => name.startsWith('extra-')).sort()).toEqual(this.live.flatMap(({ path }) => (path === MAIN ? [] : [path.slice(USERS.length + 1)])));
    this.checkReferences();
    expect(this.disk.files('/etc/clickhouse-server').get('users.xml')?.content).toBe(this.live[0]?.template.replace('@{maintenanceHash}', sha256('maintenance')));
    const admitted = this.admitted();
    const served = this.declared.flatMap(({ user }) => (user === 'certified' || this.must(user as Name).size > 0 ? [user] : []));
    expect([...admitted.keys()].sort()).toEqual([...served].sort());
    for (const name of NAMES.filter((each) => served.includes(each))) {
      const has = admitted.get(name) ?? new Set();
      for (const hash of this.must(name)) expect(has).toContain(hash);
      for (const hash of this.mustNot(name)) expect(has).not.toContain(hash);
      const own = new Set(this.secrets[name].hashes.values());
      for (const hash of has) expect(own).toContain(hash);
    }
    for (const { user } of this.declared) {
      const template = this.declared.find((each) => each.user === user)?.template ?? '';
      const privilege = /GRANT [A-Z]+ /.exec(template)?.[0];
      if (served.includes(user) && privilege !== undefined) expect(files.get(`${user}.xml`)?.content).toContain(privilege);
    }
  }

  /** Nobody refers to what is not there, for which the server would refuse everybody. */
  checkReferences(): void {
    expect(this.dangling()).toEqual([]);
  }

  /** What the files of users refer to and no file brings. */
  dangling(): string[] {
    const main = this.disk.files('/etc/clickhouse-server').get('users.xml')?.content ?? '<clickhouse/>';
    return [...this.disk.files(USERS)].flatMap(([name, { content }]) => {
      const user = name.slice(0, -4);
      return name.startsWith('extra-') || name.startsWith('.') ? [] : missingIn(content, `${user}\n\n${main}`).map((each) => `${user}: ${each}`);
    });
  }

  /** Whenever a pass waits for something, ClickHouse may read its files. After a pass that ended in the middle they are what it left. */
  private async waited(fate: Fate): Promise<void> {
    fate.effect(() => undefined);
    if (!this.interrupted) this.checkReferences();
    return Promise.resolve();
  }

  /** No part of any password anywhere. */
  checkSilence(): void {
    expect(this.disk.bytes.join('\n')).not.toContain(MARK);
    expect(JSON.stringify(this.reports)).not.toContain(MARK);
    expect(JSON.stringify(this.reports)).not.toMatch(/[0-9a-f]{64}/);
    for (const { content } of this.disk.files(MEMORY).values()) expect(content).not.toMatch(/[0-9a-f]{64}/);
  }

  private mustNot(name: Name): string[] {
    const { stopped, hashes, current, pending } = this.secrets[name];
    const over = [...stopped.keys()].filter((each) => this.now - (this.seenStopped.get(each) ?? Infinity) >= GRACE);
    return [...over, ...(this.revoked.get(name) ?? [])].filter((each) => each !== current && each !== pending).flatMap((each) => hashes.get(each) ?? []);
  }

  /** What is true at every instant, whatever the process is in the middle of. */
  private checkInstant(before: ReadonlyMap<string, ReadonlySet<string>>): void {
    const fate = this.disk.fate;
    this.disk.fate = new Fate();
    const files = this.disk.files(USERS);
    for (const [name, { content, modified }] of files) {
      if (!name.endsWith('.xml') || name.startsWith('.')) continue;
      if (!parses(content) || (!name.startsWith('extra-') && !isDocumentOf(content, name.slice(0, -4)))) throw new Error(`${name} is not a whole document: ${content}`);
      const old = this.last.get(name);
      if (old !== undefined && old.content !== content) if (Math.floor(modified / 1000) <= Math.floor(old.modified / 1000)) throw new Error(`${name} has changed and is not younger`);
    }
    this.last = files;
    const admitted = this.admitted();
    for (const name of NAMES.filter((each) => this.declared.some(({ user }) => user === each))) {
      const must = this.must(name);
      for (const hash of before.get(name) ?? []) {
        if (must.has(hash) && !this.leavingByRevocation(name, hash) && !admitted.get(name)?.has(hash)) throw new Error(`${name} is refused in his time`);
      }
    }
    this.disk.fate = fate;
  }

  /** set while a revocation is under way, which may take away what is in its grace. */
  revoking = false;

  private leavingByRevocation(name: Name, hash: string): boolean {
    const { current, pending, hashes } = this.secrets[name];
    return this.revoking && hash !== hashes.get(current) && hash !== hashes.get(pending ?? '');
  }

  private learn(kind: 'refresh' | 'revoke', report: RefreshReport | undefined): void {
    const uncertain = new Set([...(report?.kept ?? []), ...(report?.leftOut ?? []), ...(report?.notes ?? []).filter(({ reason }) => reason.includes('remembered (') || reason.includes('read:'))].map(({ user }) => user));
    for (const name of NAMES) {
      const { current, previous, stopped } = this.secrets[name];
      if (uncertain.has(name) || !this.declared.some(({ user }) => user === name)) continue;
      this.seen.get(name)?.add(current);
      for (const each of stopped.keys()) if (!this.seenStopped.has(each)) this.seenStopped.set(each, this.now);
      if (kind === 'revoke' && previous !== undefined) this.revoked.get(name)?.add(previous);
      if (kind === 'revoke') for (const each of stopped.keys()) if (this.seen.get(name)?.has(each)) this.revoked.get(name)?.add(each);
    }
  }

  private moved(secret: Truth, to: string): void {
    secret.stopped.set(secret.current, this.now);
    secret.previous = secret.current;
    secret.current = to;
  }

  private create(name: Name): Truth {
    const version = this.nextVersion();
    const password = `${MARK}-${name}-${version}`;
    const { ARN } = this.model.createSecret({ Name: name, ClientRequestToken: version, SecretString: JSON.stringify({ username: name, password }) });
    return { arn: ARN, current: version, hashes: new Map([[version, sha256(password)]]), stopped: new Map(), deleted: false };
  }

  private nextVersion(): string {
    return `version-${String(this.version++).padStart(32, '0')}`;
  }

  /** The real edge with a client that talks to the model, through a network that fails. */
  private store(fate: Fate): SecretStore {
    const real = secretStore('eu-central-1', modelClient(this.model));
    const call = async <T>(act: () => Promise<T>): Promise<T> => {
      const failing = this.failures.shift();
      await this.waited(fate);
      if (failing !== undefined) throw failure(failing, `${MARK} in the message of an error`);
      const answer = await act();
      fate.alive();
      return answer;
    };
    return { describe: (secret) => call(() => real.describe(secret)), value: (secret, version) => call(() => real.value(secret, version)) };
  }
}
