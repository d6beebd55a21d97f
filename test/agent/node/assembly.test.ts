import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import type { Server } from 'node:https';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deriveInternalSecrets } from '../../../lib/agent/boot/internal-secret';
import type { NodeIdentity } from '../../../lib/agent/identity';
import { exclusively } from '../../../lib/agent/lock';
import { assemble } from '../../../lib/agent/node/assembly';
import { convergePass } from '../../../lib/agent/node/converge';
import type { Parts } from '../../../lib/agent/node/parts';
import { realParts } from '../../../lib/agent/node/parts';
import { usersPass } from '../../../lib/agent/node/passes';
import type { NodePorts } from '../../../lib/agent/node/ports';
import type { Shared } from '../../../lib/agent/node/watch';
import { packManifest } from '../../../lib/config/manifest';
import type { ClusterModel } from '../../../lib/config/manifests';
import { bootManifest, liveManifest } from '../../../lib/config/manifests';
import { PATHS } from '../../../lib/config/paths';
import { layOut } from '../../../lib/config/topology';
import { renderNodeSecret } from '../../../lib/pki/node-secret';
import { Authority, HOST, ZONE } from '../certificates/authority';

const MODEL: ClusterModel = {
  topology: layOut({ clusterName: 'analytics', zoneName: ZONE, shards: 1, replicas: 1, keepers: 0 }),
  version: '26.8.36.3',
  users: [{ name: 'owner' }],
};
const EMPTY: ClusterModel = { ...MODEL, users: [] };
const SECRET = 'x'.repeat(40);

interface Answer {
  readonly status: number;
  readonly code?: number;
  readonly body?: string;
}

/** A node whose files and whose listener are real, and that has a server which says what a test wants. */
class Node {
  readonly root = mkdtempSync(join(tmpdir(), 'assembly-'));
  readonly authority = new Authority();
  readonly reports: string[] = [];
  readonly lines: string[] = [];
  /** who asked what. */
  readonly asked: { readonly user: string; readonly sql: string }[] = [];
  reload: Answer = { status: 200 };
  /** whether strangers get in. */
  open = false;
  password = 'p'.repeat(40);
  version = 'v1';
  now = 0;
  readonly shared: Shared = { listening: true };
  private readonly material = this.authority.issue({ ip: '127.0.0.1' });
  private readonly boot = packManifest(bootManifest(MODEL, 'server'));
  private readonly server: Server;
  private live = packManifest(liveManifest(EMPTY));
  ports!: NodePorts;
  parts!: Parts;

  readonly identity: NodeIdentity = {
    schema: 1, role: 'server', name: 'server-1-1', host: HOST, shard: '1', replica: '1', ip: '127.0.0.1', region: 'eu-central-1', bucket: 'b', bootManifestKey: this.boot.key,
    bootManifestSha256: this.boot.sha256, liveManifestParameter: '/live', volumeId: 'vol-1', internalSecretArn: 'internal', clientNetworks: ['10.20.0.0/16'], stackId: 's',
    groupLogicalId: 'Group', logGroup: 'l', packages: [], nodeSecretArn: 'node', caParameter: '/ca',
  };

  constructor() {
    for (const directory of [PATHS.serverConfigDirectory, PATHS.usersConfigDirectory, PATHS.serverData, '/run']) mkdirSync(this.root + directory, { recursive: true });
    this.server = createServer({ cert: this.material.certificate, key: this.material.privateKey }, (request, response) => {
      let sql = '';
      request.on('data', (piece: Buffer) => (sql += piece.toString()));
      request.on('end', () => {
        const { status, code, body = '' } = this.answer(sql, request.headers);
        response.writeHead(status, code === undefined ? {} : { 'X-ClickHouse-Exception-Code': String(code) }).end(body);
      });
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    // a certificate begins at a whole second, after the node was thought of.
    this.now = Date.now() + 1_000;
    const real = realParts('eu-central-1');
    this.parts = {
      ...real,
      root: this.root,
      ports: { ...real.ports, https: (this.server.address() as AddressInfo).port },
      manifests: {
        pointer: (parameter) => Promise.resolve(parameter === '/ca' ? this.authority.bundle : this.live.key),
        object: (_, key) => Promise.resolve(key === this.boot.key ? this.boot.content : this.live.content),
      },
      secrets: {
        describe: () => Promise.resolve({ deleted: false, versions: { [this.version]: ['AWSCURRENT'] } }),
        value: (secret) => Promise.resolve({ text: secret === 'node' ? renderNodeSecret(this.material) : JSON.stringify({ username: secret, password: this.password }), created: this.now }),
      },
      staticSecret: () => Promise.resolve(SECRET),
      askServed: () => Promise.resolve({ kind: 'certificate', serial: this.material.serial }),
      objects: { ...real.objects, putReport: (_, __, { live }) => Promise.resolve(void this.reports.push(live)) },
      exclusively: (work) => exclusively(`${this.root}/run/lock`, 20, work),
      now: () => this.now,
    };
    await this.agent();
    return this;
  }

  /** The agent starts anew. */
  async agent(): Promise<void> {
    this.ports = assemble({ identity: this.identity, text: this.boot.content }, this.parts, (line) => void this.lines.push(line));
    await this.ports.configuration.secrets();
    await this.ports.configuration.bootDocuments();
    await this.ports.configuration.certificates();
    await this.ports.configuration.live();
  }

  /** Another live manifest; says its hash. */
  point(model: ClusterModel): string {
    const secrets = Object.fromEntries((model.users ?? []).map(({ name }) => [name, { arn: name, graceSeconds: 60 }]));
    this.live = packManifest(liveManifest({ ...model, secrets, rotationNetworks: ['10.30.0.0/24'] }));
    return this.live.sha256;
  }

  get reloads(): number {
    return this.asked.filter(({ sql }) => sql === 'SYSTEM RELOAD CONFIG').length;
  }

  get strangers(): number {
    return this.asked.filter(({ user }) => user !== 'node_maintenance').length;
  }

  look(): ReturnType<NodePorts['look']> {
    return this.ports.look({ volume: 'established', liveManifestApplied: true });
  }

  text(path: string): string {
    return readFileSync(this.root + path, 'utf8');
  }

  end(): void {
    this.server.closeAllConnections();
    this.server.close();
    this.authority.end();
    rmSync(this.root, { recursive: true, force: true });
  }

  private answer(sql: string, headers: IncomingHttpHeaders): Answer {
    const user = typeof headers['x-clickhouse-user'] === 'string' ? headers['x-clickhouse-user'] : '';
    const password = headers['x-clickhouse-key'];
    const hash = /<password_sha256_hex>([0-9a-f]{64})</.exec(this.text(PATHS.usersConfig))?.[1] ?? '';
    const known = user === 'node_maintenance' && typeof password === 'string' && hash === sha256(password);
    this.asked.push({ user: known ? user : `not ${user}`, sql });
    if (!known && !this.open) return { status: 403, code: 516, body: 'Code: 516. DB::Exception: no. (AUTHENTICATION_FAILED)' };
    if (sql === 'SYSTEM RELOAD CONFIG') return this.reload;
    return { status: 200, body: JSON.stringify({ data: sql.startsWith('SELECT 1') ? [[1]] : [] }) };
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

let node: Node;
beforeEach(async () => {
  node = new Node();
  await node.start();
});
afterEach(() => node.end());

const REFUSED: Answer = { status: 500, code: 36, body: 'Code: 36. DB::Exception: no. (BAD_ARGUMENTS)' };

describe('the report', () => {
  test('is written when the server has read, and once', async () => {
    const one = node.point(MODEL);
    expect(await convergePass(node.ports, node.shared)).toEqual({ retry: false });
    expect(await convergePass(node.ports, node.shared)).toEqual({ retry: false });
    expect([node.reports, node.reloads]).toEqual([[one], 1]);
  });

  test('is not written while the server refuses to read, however often the files are right already', async () => {
    node.point(MODEL);
    await convergePass(node.ports, node.shared);
    const two = node.point(EMPTY);
    node.reload = REFUSED;
    for (let tries = 0; tries < 3; tries += 1) await expect(convergePass(node.ports, node.shared)).rejects.toThrow(/refused: /);
    expect([node.reports.at(-1) === two, node.reloads]).toEqual([false, 4]);
    node.reload = { status: 200 };
    await convergePass(node.ports, node.shared);
    expect(node.reports.at(-1)).toBe(two);
  });

  test('what was refused is read again, also when the manifest is the same', async () => {
    node.point(MODEL);
    await convergePass(node.ports, node.shared);
    // a rotation: the file of a user, and nothing else.
    [node.password, node.version, node.reload] = ['q'.repeat(40), 'v2', REFUSED];
    for (let tries = 0; tries < 3; tries += 1) await expect(convergePass(node.ports, node.shared)).rejects.toThrow(/refused: /);
    node.reload = { status: 200 };
    await convergePass(node.ports, node.shared);
    const { reloads } = node;
    await convergePass(node.ports, node.shared);
    expect([reloads, node.reloads]).toEqual([5, 5]);
  });

  test('is not written before the server has read what another process wrote', async () => {
    node.point(MODEL);
    await convergePass(node.ports, node.shared);
    const two = node.point(EMPTY);
    const hash = /<password_sha256_hex>([0-9a-f]{64})</.exec(node.text(PATHS.usersConfig))?.[1] ?? '';
    // `agent refresh`, told by a rotation.
    await usersPass('refresh', node.identity, [], node.parts, () => Promise.resolve({ clusterSecret: deriveInternalSecrets(SECRET).clusterSecret, maintenanceHash: hash }));
    const before = node.reloads;
    await convergePass(node.ports, node.shared);
    expect([node.reloads - before, node.reports.at(-1)]).toEqual([1, two]);
  });

  test('a pass while nobody listens writes, and the next one makes the server read', async () => {
    node.shared.listening = false;
    const one = node.point(MODEL);
    await convergePass(node.ports, node.shared);
    expect([node.reports, node.reloads]).toEqual([[], 0]);
    node.shared.listening = true;
    await convergePass(node.ports, node.shared);
    expect([node.reports, node.reloads]).toEqual([[one], 1]);
  });
});

describe('a look', () => {
  test('tries strangers first, after whatever the server read anew, and every five minutes', async () => {
    node.point(MODEL);
    await node.look();
    expect(node.strangers).toBe(3);
    for (let looks = 0; looks < 5; looks += 1) await node.look();
    expect(node.strangers).toBe(3);
    await convergePass(node.ports, node.shared);
    await node.look();
    expect(node.strangers).toBe(6);
    node.now += 299_000;
    await node.look();
    expect(node.strangers).toBe(6);
    node.now += 1_000;
    await node.look();
    expect(node.strangers).toBe(9);
  });

  test('finds whoever gets in', async () => {
    await node.look();
    node.open = true;
    expect(await node.look()).not.toHaveProperty('open');
    node.now += 300_000;
    expect(await node.look()).toMatchObject({ open: 'nobody', observation: { listening: false } });
    // and still does with the next.
    expect(await node.look()).toMatchObject({ open: 'nobody' });
  });

  test('is believed of this node alone: another password each time the agent starts', async () => {
    expect((await node.look()).observation.listening).toBe(true);
    const before = node.ports;
    await node.agent();
    expect((await node.look()).observation.listening).toBe(true);
    expect((await before.look({ volume: 'established', liveManifestApplied: true })).observation.listening).toBe(false);
  });
});

test('no line holds a secret', async () => {
  node.point(MODEL);
  await convergePass(node.ports, node.shared);
  await node.look();
  expect(node.lines.length).toBeGreaterThan(3);
  for (const secret of [SECRET, 'p'.repeat(40), sha256('p'.repeat(40))]) expect(node.lines.join('\n')).not.toContain(secret);
});
