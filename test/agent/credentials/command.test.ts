import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { manifestStore, secretStore } from '../../../lib/agent/cloud/stores';
import type { CommandWorld } from '../../../lib/agent/credentials/command';
import { credentialsCommand, groupId } from '../../../lib/agent/credentials/command';
import { DISK } from '../../../lib/agent/disk';
import type { NodeIdentity } from '../../../lib/agent/identity';
import { exclusively } from '../../../lib/agent/lock';
import type { LiveManifest } from '../../../lib/config/manifest';
import { packManifest } from '../../../lib/config/manifest';
import { userDocument } from '../../../lib/config/users';
import { renderXml } from '../../../lib/config/xml';
import { modelClient, SecretsManagerModel } from '../../emulator/secrets-manager';
import { MARK, sha256 } from './world';

const IDENTITY: NodeIdentity = {
  schema: 1, role: 'server', name: 'server-1-1', host: 'server-1-1.analytics.clickhouse.internal', shard: '1', replica: '1', ip: '10.20.0.10', region: 'eu-central-1', bucket: 'artefacts',
  bootManifestKey: 'k', bootManifestSha256: 's', liveManifestParameter: 'live', volumeId: 'vol-1', internalSecretArn: 'arn:s', clientNetworks: ['10.20.0.0/16'], stackId: 'arn:stack', groupLogicalId: 'Group', logGroup: 'logs', packages: [],
};
const VERSIONS = ['a', 'b', 'c'].map((each) => each.repeat(32));

/** A node whose directories are real. */
class Node {
  readonly root = mkdtempSync(join(tmpdir(), 'node-'));
  readonly users = join(this.root, 'users.d');
  readonly memory = join(this.root, 'agent-credentials');
  readonly model = new SecretsManagerModel();
  readonly arn = this.model.createSecret({ Name: 'ingest', ClientRequestToken: VERSIONS[0], SecretString: this.value(0) }).ARN;
  readonly artefact = packManifest({
    schema: 1, kind: 'live', clusterName: 'analytics', servers: [], documents: [], databases: [], rotationNetworks: ['10.20.1.0/24'],
    users: [{ user: 'ingest', path: '/etc/clickhouse-server/users.d/ingest.xml', template: renderXml(userDocument({ name: 'ingest' })), secret: this.arn, graceSeconds: 3600 }],
  } satisfies LiveManifest);
  now = Date.now();
  unreadable = false;
  calls: string[] = [];
  readonly documents: string[] = [];

  constructor() {
    mkdirSync(this.users);
  }

  value(i: number): string {
    return JSON.stringify({ username: 'ingest', password: `${MARK}-${i}` });
  }

  run(command: 'refresh' | 'revoke', only: readonly string[] = [], identity = IDENTITY): ReturnType<typeof credentialsCommand> {
    const ssm = { send: (each: { input: object }) => (this.calls.push(JSON.stringify(each.input)), Promise.resolve({ Parameter: { Value: this.artefact.key } })) };
    const s3 = { send: (each: { input: object }) => (this.calls.push(JSON.stringify(each.input)), Promise.resolve({ Body: { transformToString: () => Promise.resolve(this.artefact.content) } })) };
    const world: CommandWorld = {
      manifests: manifestStore('eu-central-1', ssm, s3),
      secrets: this.unreadable ? { describe: () => Promise.reject(new Error('no answer')), value: () => Promise.reject(new Error('no answer')) } : secretStore('eu-central-1', modelClient(this.model)),
      disk: DISK,
      places: { users: this.users, memory: this.memory },
      documents: (manifest) => {
        this.documents.push(`before ${manifest.clusterName}`);
        const note = (what: string) => () => void this.documents.push(`${what}, users: ${readdirSync(this.users).join()}`);
        return Promise.resolve({ write: note('write'), clean: note('clean') });
      },
      owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o640 },
      now: () => this.now,
      exclusively: (work) => exclusively(join(this.root, 'lock'), 5, work),
    };
    return credentialsCommand(command, identity, only, world);
  }

  admitted(): number[] {
    const text = readFileSync(join(this.users, 'ingest.xml'), 'utf8');
    return [0, 1, 2].filter((i) => text.includes(sha256(`${MARK}-${i}`)));
  }

  rotate(i: number): void {
    this.model.putSecretValue({ SecretId: this.arn, ClientRequestToken: VERSIONS[i], SecretString: this.value(i) });
  }
}

let node: Node;
beforeEach(() => {
  node = new Node();
});
afterEach(() => rmSync(node.root, { recursive: true, force: true }));

test('a refresh writes the users of the manifest that the pointer names, and says so in one line', async () => {
  const { line, complete } = await node.run('refresh');
  expect(complete).toBe(true);
  expect(JSON.parse(line)).toMatchObject({ event: 'refresh', live: node.artefact.sha256, users: 1, written: ['ingest'], removed: [], leftOut: [], kept: [] });
  expect(line).not.toContain('\n');
  expect(node.documents).toEqual(['before analytics', 'write, users: ', 'clean, users: ingest.xml']);
  expect(node.calls).toEqual([JSON.stringify({ Name: 'live' }), JSON.stringify({ Bucket: 'artefacts', Key: node.artefact.key })]);
  const text = readFileSync(join(node.users, 'ingest.xml'), 'utf8');
  expect(text).toContain(`<password_1><password_sha256_hex>${sha256(`${MARK}-0`)}</password_sha256_hex></password_1>`);
  expect(text).toContain('<ip>10.20.0.0/16</ip>');
  expect(text).toContain('<ip>10.20.1.0/24</ip>');
  expect(statSync(join(node.users, 'ingest.xml')).mode & 0o7777).toBe(0o640);
  expect(statSync(node.memory).mode & 0o7777).toBe(0o700);
  expect(statSync(join(node.memory, 'ingest.json')).mode & 0o7777).toBe(0o600);
});

test('a rotation, its grace, and a revocation, on real directories, with no password in any of them', async () => {
  const lines: string[] = [];
  const run = async (command: 'refresh' | 'revoke', only?: string[]): Promise<void> => void lines.push((await node.run(command, only)).line);
  await run('refresh');
  node.rotate(1);
  await run('refresh');
  expect(node.admitted()).toEqual([0, 1]);
  node.now += 3_600_000;
  await run('refresh');
  expect(node.admitted()).toEqual([1]);
  node.rotate(2);
  await run('refresh');
  expect(node.admitted()).toEqual([1, 2]);
  await run('revoke', ['ingest']);
  expect(node.admitted()).toEqual([2]);
  await run('refresh');
  expect(node.admitted()).toEqual([2]);
  node.model.deleteSecret({ SecretId: node.arn });
  await run('refresh');
  expect(readdirSync(node.users)).toEqual([]);
  for (const text of [...lines, ...readdirSync(node.memory).map((name) => readFileSync(join(node.memory, name), 'utf8'))]) expect(text).not.toContain(MARK);
});

test('a secret that cannot be read takes nothing back from what the manifest declares; a file that cannot be written does', async () => {
  await node.run('refresh');
  node.unreadable = true;
  const unread = await node.run('refresh');
  expect(unread).toMatchObject({ complete: false, declared: true, changed: false });
  expect(JSON.parse(unread.line)).toMatchObject({ kept: [{ user: 'ingest' }], stale: [] });
  node.unreadable = false;
  node.rotate(1);
  // where the file of a user has to be there is a directory, which no file replaces.
  rmSync(join(node.users, 'ingest.xml'));
  mkdirSync(join(node.users, 'ingest.xml'));
  const unwritten = await node.run('refresh');
  expect(unwritten).toMatchObject({ complete: false, declared: false, changed: true });
  expect(JSON.parse(unwritten.line)).toMatchObject({ stale: ['ingest'] });
  rmdirSync(join(node.users, 'ingest.xml'));
  expect(await node.run('refresh')).toMatchObject({ complete: true, declared: true, changed: true });
  expect(await node.run('refresh')).toMatchObject({ complete: true, declared: true, changed: false });
});

test('two at once take turns', async () => {
  await node.run('refresh');
  node.rotate(1);
  writeFileSync(join(node.users, '.ingest.xml.0123456789ab.tmp'), 'half');
  const both = await Promise.all([node.run('refresh'), node.run('refresh')]);
  expect(both.map(({ line }) => (JSON.parse(line) as { written: string[] }).written.length).sort()).toEqual([0, 1]);
  expect(node.admitted()).toEqual([0, 1]);
  expect(readdirSync(node.users)).toEqual(['ingest.xml']);
});

test('what cannot be done is said in one sentence', async () => {
  await expect(node.run('refresh', [], { ...IDENTITY, role: 'keeper' })).rejects.toThrow(/only servers have users/);
  await expect(node.run('revoke', ['ingset'])).rejects.toThrow('the live manifest has no user "ingset"; it has ingest');
});

test('the group of the server is found by its whole name', () => {
  expect(groupId('root:x:0:\nclickhouse-keeper:x:7:\nclickhouse:x:991:\n', 'clickhouse')).toBe(991);
  expect(() => groupId('root:x:0:\n', 'clickhouse')).toThrow(/no group 'clickhouse'/);
  expect(() => groupId('clickhouse:x::\n', 'clickhouse')).toThrow(/no group/);
});
