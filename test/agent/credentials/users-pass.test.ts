import { manifestStore, secretStore } from '../../../lib/agent/cloud/stores';
import type { NodeIdentity } from '../../../lib/agent/identity';
import { maintenanceHash } from '../../../lib/agent/node/maintenance';
import { marksIn } from '../../../lib/agent/node/marks';
import type { Marks } from '../../../lib/agent/node/marks';
import { internalSecrets, usersCommand, usersPass } from '../../../lib/agent/node/passes';
import { packManifest } from '../../../lib/config/manifest';
import type { ClusterModel } from '../../../lib/config/manifests';
import { liveManifest } from '../../../lib/config/manifests';
import { PATHS } from '../../../lib/config/paths';
import { layOut } from '../../../lib/config/topology';
import { modelClient, SecretsManagerModel } from '../../emulator/secrets-manager';
import { FakeDisk } from './fake-disk';
import { sha256 } from './world';

const IDENTITY: NodeIdentity = {
  schema: 1, role: 'server', name: 'server-1-1', host: 'server-1-1.analytics.clickhouse.internal', shard: '1', replica: '1', ip: '10.20.0.10', region: 'eu-central-1', bucket: 'artefacts',
  bootManifestKey: 'k', bootManifestSha256: 's', liveManifestParameter: 'live', volumeId: 'vol-1', internalSecretArn: 'arn:s', clientNetworks: ['10.20.0.0/16'], stackId: 'arn:stack', groupLogicalId: 'Group', logGroup: 'logs', packages: [],
};
const EXTRA = { name: 'limits', xml: '<clickhouse><profiles><limits><max_threads>4</max_threads></limits></profiles></clickhouse>' };

/** A node on a disk in memory, so that files can be root's. */
class Node {
  readonly disk = new FakeDisk([PATHS.serverConfigDirectory, PATHS.usersConfigDirectory, '/etc/clickhouse-server', PATHS.serverData, PATHS.agentRuntime]);
  readonly marks: Marks = marksIn(this.disk, PATHS.agentRuntime);
  readonly model = new SecretsManagerModel();
  readonly arn = this.model.createSecret({ Name: 'ingest', ClientRequestToken: 'a'.repeat(32), SecretString: JSON.stringify({ username: 'ingest', password: 'first' }) }).ARN;
  cluster: ClusterModel = {
    topology: layOut({ clusterName: 'analytics', zoneName: 'analytics.clickhouse.internal', shards: 1, replicas: 1, keepers: 0 }),
    version: '26.8.36.3',
    users: [{ name: 'ingest' }],
    secrets: { ingest: { arn: this.arn, graceSeconds: 3600 } },
    rotationNetworks: ['10.20.1.0/24'],
  };
  asked = 0;
  /** what happens while somebody else has his turn. */
  meanwhile: () => void = () => undefined;

  parts(): Parameters<typeof usersCommand>[3] {
    const artefact = packManifest(liveManifest(this.cluster));
    const ssm = { send: () => (this.asked++, Promise.resolve({ Parameter: { Value: artefact.key } })) };
    const s3 = { send: () => (this.asked++, Promise.resolve({ Body: { transformToString: () => Promise.resolve(artefact.content) } })) };
    return {
      root: '',
      disk: this.disk,
      manifests: manifestStore('eu-central-1', ssm, s3),
      secrets: secretStore('eu-central-1', modelClient(this.model)),
      staticSecret: () => (this.asked++, Promise.resolve('internal'.repeat(8))),
      now: () => 1_700_000_000_000,
      exclusively: (work) => {
        this.meanwhile();
        return work();
      },
    };
  }

  command(command: 'refresh' | 'revoke' = 'refresh', identity = IDENTITY): ReturnType<typeof usersCommand> {
    return usersCommand(command, identity, [], this.parts(), this.marks);
  }

  /** The agent starts: a new password, whose hash it leaves for commands and writes itself when it is its turn. */
  agentStarts(password: string): Promise<unknown> {
    this.marks.set('maintenance', sha256(password));
    return usersPass('refresh', IDENTITY, [], this.parts(), async () => ({ ...(await internalSecrets(IDENTITY, this.parts())), maintenanceHash: sha256(password) }));
  }

  text(path: string): string {
    return this.disk.read(path);
  }
}

describe('the hash of the node-local password', () => {
  test.each(['refresh', 'revoke'] as const)('of an agent that starts while %s waits for its turn is the one that is written', async (command) => {
    const node = new Node();
    await node.agentStarts('old');
    let started: Promise<unknown> = Promise.resolve();
    node.meanwhile = () => {
      node.meanwhile = () => undefined;
      started = node.agentStarts('new');
    };
    const parts = node.parts();
    const { exclusively } = parts;
    // the agent has its whole turn first.
    await usersCommand(command, IDENTITY, [], { ...parts, exclusively: (work) => exclusively(async () => (await started, work())) }, node.marks);
    expect(node.text(PATHS.usersConfig)).toContain(sha256('new'));
    expect(node.text(PATHS.usersConfig)).not.toContain(sha256('old'));
  });

  test('of an agent that starts during the pass is written by that agent, whose turn comes after', async () => {
    const node = new Node();
    await node.agentStarts('old');
    // its mark comes while the command has its turn and has asked for the hash already.
    const before = node.parts();
    const command = usersCommand('refresh', IDENTITY, [], { ...before, secrets: { ...before.secrets, describe: (secret) => (node.marks.set('maintenance', sha256('new')), before.secrets.describe(secret)) } }, node.marks);
    const started = command.then(() => node.agentStarts('new'));
    await command;
    expect(node.text(PATHS.usersConfig)).toContain(sha256('old'));
    await started;
    expect(node.text(PATHS.usersConfig)).toContain(sha256('new'));
    expect(await node.command()).toMatchObject({ changed: false, complete: true, declared: true });
  });

  test('is not there on a machine that is not prepared: nobody is called', async () => {
    const node = new Node();
    let turns = 0;
    node.meanwhile = () => void (turns += 1);
    await expect(node.command()).rejects.toThrow('has not prepared this machine yet');
    expect([node.asked, turns]).toEqual([0, 0]);
    expect(() => maintenanceHash(node.marks)).toThrow();
  });

  test('that has gone when its turn comes leaves everything as it is', async () => {
    const node = new Node();
    await node.agentStarts('old');
    const before = node.text(PATHS.usersConfig);
    node.cluster = { ...node.cluster, profiles: [{ name: 'web' }] };
    node.meanwhile = () => node.marks.clear('maintenance');
    await expect(node.command()).rejects.toThrow('has not prepared this machine yet');
    expect(node.text(PATHS.usersConfig)).toBe(before);
  });

  test('is none of a keeper', async () => {
    await expect(new Node().command('refresh', { ...IDENTITY, role: 'keeper' })).rejects.toThrow(/only servers have users/);
  });
});

describe('changed is', () => {
  const cases: readonly (readonly [string, (node: Node) => void, boolean])[] = [
    ['nothing', () => undefined, false],
    ['a profile', (node) => void (node.cluster = { ...node.cluster, profiles: [{ name: 'web' }] }), true],
    ['an extra document that comes', (node) => void (node.cluster = { ...node.cluster, extraUsersDocuments: [EXTRA, { ...EXTRA, name: 'more', xml: EXTRA.xml.replace(/limits/g, 'more') }] }), true],
    ['an extra document that goes', (node) => void (node.cluster = { ...node.cluster, extraUsersDocuments: [] }), true],
    ['a user who comes', (node) => void (node.cluster = { ...node.cluster, users: [{ name: 'ingest' }, { name: 'viewer', password: false, certificate: { commonName: 'viewer' } }] }), true],
    ['a user who goes', (node) => void (node.cluster = { ...node.cluster, users: [], secrets: {} }), true],
    ['a user who is left out', (node) => void node.model.deleteSecret({ SecretId: node.arn }), true],
    ['a password', (node) => void node.model.putSecretValue({ SecretId: node.arn, ClientRequestToken: 'b'.repeat(32), SecretString: JSON.stringify({ username: 'ingest', password: 'second' }) }), true],
    ['the grants of a user whose secret cannot be read', (node) => {
      node.cluster = { ...node.cluster, users: [{ name: 'ingest', grants: [{ privileges: ['SELECT'], database: 'events' }] }], databases: ['events'] };
      const parts = node.parts.bind(node);
      node.parts = () => ({ ...parts(), secrets: { describe: () => Promise.reject(new Error('no answer')), value: () => Promise.reject(new Error('no answer')) } });
    }, true],
  ];
  test.each(cases)('%s', async (_, change, expected) => {
    const node = new Node();
    node.marks.set('maintenance', sha256('password'));
    node.cluster = { ...node.cluster, extraUsersDocuments: [EXTRA] };
    expect(await node.command()).toMatchObject({ changed: true, complete: true });
    change(node);
    expect(await node.command()).toMatchObject({ changed: expected, declared: true });
    expect((await node.command()).changed).toBe(false);
  });
});
