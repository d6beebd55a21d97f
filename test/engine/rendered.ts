import { GRANTABLE_PRIVILEGES } from '../../lib/config/grants';
import type { HoleValues } from '../../lib/config/holes';
import { sha256Hex } from '../../lib/config/manifest';
import type { ClusterModel } from '../../lib/config/manifests';
import { bootManifest, liveManifest } from '../../lib/config/manifests';
import { layOut } from '../../lib/config/topology';
import type { Documents, Login } from './engine';

/** The documents of a server of a cluster, as the agent would write them; users named in `leftOut` had no readable secret. */
export function serverDocuments(model: ClusterModel, leftOut: readonly string[] = []): Documents {
  const live = liveManifest(model);
  const documents = [...bootManifest(model, 'server').documents, ...live.documents, ...live.users.filter(({ user }) => !leftOut.includes(user))];
  return Object.fromEntries(documents.map(({ path, template }) => [path, template]));
}

/** What a node would fill the holes with. */
export function nodeValues(passwordHashes: HoleValues['passwordHashes'] = {}): HoleValues {
  return {
    nodeName: 'server-1-1',
    nodeHost: 'server-1-1.events.clickhouse.internal',
    nodeIp: '127.0.0.1',
    shard: '1',
    replica: '1',
    clientNetworks: ['10.20.0.0/16'],
    rotationNetworks: ['10.30.0.0/24'],
    certificatePath: '/etc/clickhouse-server/tls/1/node.crt',
    privateKeyPath: '/etc/clickhouse-server/tls/1/node.key',
    caBundlePath: '/etc/clickhouse-server/tls/1/ca.crt',
    interserverPassword: SECRETS.interserver,
    clusterSecret: SECRETS.cluster,
    maintenanceHash: sha256Hex(MAINTENANCE.password),
    passwordHashes,
  };
}

/** The secrets of a node that are not of users. Invented, and long enough to be found in a log. */
export const SECRETS = { interserver: 'interserver0Secret0Of0This0Test0Only', cluster: 'cluster0Secret0Of0This0Test0Only000' };

/** The node-local account. */
export const MAINTENANCE = { user: 'node_maintenance', password: 'maintenance-password-of-this-test-only' };

/** Passwords of a user that are valid at the same time in the middle of a rotation. */
export const VALID = ['current', 'pending', 'previous', 'one-before'] as const;

/** A user's password. */
export function login(user: string, which: (typeof VALID)[number] = 'current'): Required<Login> {
  return { user, password: `${which}-password-of-${user}-in-this-test-only` };
}

/** Hashes for every declared user. */
export function hashesOf(model: ClusterModel): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries((model.users ?? []).map(({ name }) => [name, VALID.map((which) => sha256Hex(login(name, which).password))]));
}

/** A cluster of a size, with nothing declared. */
export function cluster(shards = 1, replicas = 1, keepers = 0): ClusterModel {
  return {
    topology: layOut({ clusterName: 'events', zoneName: 'events.clickhouse.internal', shards, replicas, keepers }),
    version: '26.8.36.3',
  };
}

/** A cluster with users as applications have them, from one that may do nothing to one that may do all that can be granted. */
export const EVENTS: ClusterModel = {
  ...cluster(),
  databases: ['events', 'secrets'],
  profiles: [{ name: 'readers', settings: { readOnly: true, maxExecutionSeconds: 60 } }],
  users: [
    { name: 'ingest', grants: [{ privileges: ['INSERT'], database: 'events', table: 'facts' }] },
    { name: 'reports', grants: [{ privileges: ['SELECT'], database: 'events' }], profile: 'readers' },
    { name: 'owner', grants: [{ privileges: [...GRANTABLE_PRIVILEGES], database: 'events', mutationsReadEverything: true }] },
    { name: 'nothing' },
    { name: 'abroad', grants: [{ privileges: ['SELECT'], database: 'events' }], networks: ['10.50.0.0/16', '192.168.7.9/32'] },
  ],
};

/** The databases and tables of {@link EVENTS}. */
export const EVENTS_TABLES = ['events', 'secrets'].flatMap((database) => [
  `CREATE DATABASE ${database}`,
  `CREATE TABLE ${database}.facts (n UInt64, note String) ENGINE = MergeTree ORDER BY n`,
  `INSERT INTO ${database}.facts SELECT number, 'note' FROM numbers(100)`,
]);
