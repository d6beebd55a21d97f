import type { HoleValues } from '../../lib/config/holes';
import { sha256Hex } from '../../lib/config/manifest';
import type { ClusterModel } from '../../lib/config/manifests';
import { bootManifest, liveManifest } from '../../lib/config/manifests';
import { layOut } from '../../lib/config/topology';

/** A cluster of one server with users as applications have them. */
export const MODEL: ClusterModel = {
  topology: layOut({ clusterName: 'events', zoneName: 'events.clickhouse.internal', shards: 1, replicas: 1, keepers: 0 }),
  version: '26.8.36.3',
  profiles: [{ name: 'readers', settings: { readOnly: true, maxExecutionSeconds: 60 } }],
  quotas: [{ name: 'hourly', intervals: [{ durationSeconds: 3600, queries: 1_000_000 }] }],
  users: [
    { name: 'ingest', grants: [{ privileges: ['INSERT'], database: 'events', table: 'facts' }] },
    { name: 'reports', grants: [{ privileges: ['SELECT'], database: 'events' }], profile: 'readers', quota: 'hourly' },
    { name: 'abroad', grants: [{ privileges: ['SELECT'], database: 'events' }], networks: ['10.50.0.0/16'] },
  ],
};

/** The name under which clients reach it, and which its certificate has. */
export const HOST = 'server-1-1.events.clickhouse.internal';

export const LIVE = liveManifest(MODEL);

/** The server's documents by path. */
export const DOCUMENTS: Readonly<Record<string, string>> = Object.fromEntries(
  [...bootManifest(MODEL, 'server').documents, ...LIVE.documents, ...LIVE.users].map(({ path, template }) => [path, template]),
);

/** The tests' clients come from loopback. To ClickHouse all of 127.0.0.0/8 is one address, so only the client networks may hold a part of it. */
export const NETWORKS = { clientNetworks: ['127.0.0.0/16'], rotationNetworks: ['10.20.9.0/24'] };

/** A password of a user. Invented, and as long as real ones. */
export function passwordOf(user: string, which = 'first'): string {
  return `${which}-password-of-${user}-in-this-test-only`;
}

/** What the holes are filled with, apart from the node's own address and certificate. */
export const HOLES: HoleValues = {
  nodeName: 'server-1-1',
  nodeHost: HOST,
  shard: '1',
  replica: '1',
  interserverPassword: 'interserver0Secret0Of0This0Test0Only',
  clusterSecret: 'cluster0Secret0Of0This0Test0Only000',
  maintenanceHash: sha256Hex('maintenance-password-of-this-test-only'),
  ...NETWORKS,
  passwordHashes: Object.fromEntries((MODEL.users ?? []).map(({ name }) => [name, [sha256Hex(passwordOf(name))]])),
};
