import { fillHoles, openHoles } from '../../lib/config/holes';
import { packManifest } from '../../lib/config/manifest';
import type { ClusterModel } from '../../lib/config/manifests';
import { bootManifest, liveManifest } from '../../lib/config/manifests';
import type { SourceGrantModel } from '../../lib/config/sources';
import { layOut } from '../../lib/config/topology';
import { codeOf, readElsewhere } from './oracle';

const size = { clusterName: 'analytics', zoneName: 'analytics.clickhouse.internal' };
const MODEL: ClusterModel = {
  topology: layOut({ ...size, shards: 1, replicas: 2, keepers: 3 }),
  version: '26.8.36.3',
  users: [
    { name: 'ingest', grants: [{ privileges: ['INSERT'], database: 'events' }], profile: 'bursts', quota: 'hourly' },
    { name: 'reports', profile: 'reports', roles: ['readers'] },
    { name: 'batch', password: false, certificate: { commonName: 'batch' } },
  ],
  roles: [{ name: 'readers', grants: [{ privileges: ['SELECT'], database: 'events' }] }],
  secrets: { ingest: { arn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ingest', graceSeconds: 3600 }, reports: { arn: 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:reports', graceSeconds: 60 } },
  rotationNetworks: ['10.0.3.0/24', '10.0.4.0/24'],
  profiles: [{ name: 'reports', settings: { readOnly: true } }],
  quotas: [{ name: 'hourly', intervals: [{ durationSeconds: 3600, queries: 100 }] }],
  databases: ['events'],
  extraServerDocuments: [{ name: 'tuning', xml: '<clickhouse><mark_cache_size>1</mark_cache_size></clickhouse>' }],
  extraUsersDocuments: [{ name: 'more', xml: '<clickhouse><profiles><bursts><profile>reports</profile><max_threads>2</max_threads></bursts></profiles></clickhouse>' }],
};
const SOURCE: SourceGrantModel = { source: 'URL', access: ['READ'], urlPrefix: 'https://feeds.example.com/' };
const paths = (documents: readonly { path: string }[]) => documents.map((each) => each.path);
const key = (model: ClusterModel, role?: 'server' | 'keeper') => packManifest(role === undefined ? liveManifest(model) : bootManifest(model, role)).key;

test('each role has its documents, in place of the packaged ones', () => {
  expect(paths(bootManifest(MODEL, 'server').documents)).toEqual([
    '/etc/clickhouse-server/config.xml',
    '/etc/clickhouse-server/config.d/certificates.xml',
    '/etc/clickhouse-server/config.d/internode.xml',
    '/etc/clickhouse-server/config.d/extra-tuning.xml',
  ]);
  expect(paths(bootManifest(MODEL, 'keeper').documents)).toEqual(['/etc/clickhouse-keeper/keeper_config.xml', '/etc/clickhouse-keeper/keeper_config.d/certificates.xml']);
  expect(bootManifest(MODEL, 'server')).toMatchObject({ schema: 1, kind: 'boot', role: 'server', clusterName: 'analytics', clickhouseVersion: '26.8.36.3', dataPath: '/var/lib/clickhouse' });
  expect(bootManifest(MODEL, 'keeper').dataPath).toBe('/var/lib/clickhouse-keeper');
});

test('the live manifest has the cluster, the users and one document a user', () => {
  const live = liveManifest(MODEL);
  expect(paths(live.documents)).toEqual(['/etc/clickhouse-server/config.d/cluster.xml', '/etc/clickhouse-server/users.xml', '/etc/clickhouse-server/users.d/extra-more.xml']);
  expect(live.users.map((each) => [each.user, each.path])).toEqual(['ingest', 'reports', 'batch'].map((user) => [user, `/etc/clickhouse-server/users.d/${user}.xml`]));
  expect(live).toMatchObject({ schema: 1, kind: 'live', databases: [{ name: 'events', create: expect.stringMatching(/^CREATE DATABASE IF NOT EXISTS `events` ENGINE = Replicated/) as string }], servers: ['server-1-1.analytics.clickhouse.internal', 'server-1-2.analytics.clickhouse.internal'] });
});

test('who rotates passwords, and from where, is in the live manifest; where there is no password there is no secret', () => {
  const live = liveManifest(MODEL);
  expect(live.rotationNetworks).toEqual(['10.0.3.0/24', '10.0.4.0/24']);
  expect(live.users.map(({ user, secret, graceSeconds }) => [user, secret, graceSeconds])).toEqual([
    ['ingest', expect.stringMatching(/:ingest$/), 3600],
    ['reports', expect.stringMatching(/:reports$/), 60],
    ['batch', undefined, undefined],
  ]);
  expect(Object.keys(live.users[2] ?? {})).not.toEqual(expect.arrayContaining(['secret']));
});

test('passwords stand in the document of their user only, so that one missing secret costs one user', () => {
  const live = liveManifest(MODEL);
  for (const document of [...live.documents, ...bootManifest(MODEL, 'server').documents]) expect(openHoles(document.template).filter((hole) => hole.startsWith('passwordHashes'))).toEqual([]);
  for (const document of live.users) expect(openHoles(document.template).filter((hole) => hole.includes(':')).every((hole) => hole.endsWith(`:${document.user}`))).toBe(true);
});

describe('what rolls the instances and what does not', () => {
  const live: [string, Partial<ClusterModel>][] = [
    ['more shards', { topology: layOut({ ...size, shards: 5, replicas: 2, keepers: 3 }) }],
    ['more replicas', { topology: layOut({ ...size, shards: 1, replicas: 3, keepers: 3 }) }],
    ['another user', { users: [...(MODEL.users ?? []), { name: 'dashboards' }] }],
    ['another grant', { users: [{ name: 'ingest', grants: [{ privileges: ['SELECT'], database: 'events' }] }] }],
    ['another profile', { profiles: [{ name: 'reports', settings: { maxExecutionSeconds: 5 } }] }],
    ['another database', { databases: ['events', 'audit'] }],
    ['another role', { roles: [...(MODEL.roles ?? []), { name: 'auditors', grants: [{ privileges: ['SELECT'], database: 'events' }] }] }],
    ['another grace', { secrets: { ...MODEL.secrets, reports: { arn: 'arn', graceSeconds: 61 } } }],
    ['rotation from elsewhere', { rotationNetworks: ['10.0.5.0/24'] }],
    ['another users document', { extraUsersDocuments: [{ name: 'more', xml: '<clickhouse><profiles><bursts><max_threads>3</max_threads></bursts></profiles></clickhouse>' }] }],
  ];

  test.each(live)('%s: live', (_, change) => {
    const changed = { ...MODEL, ...change };
    expect(key(changed, 'server')).toBe(key(MODEL, 'server'));
    expect(key(changed, 'keeper')).toBe(key(MODEL, 'keeper'));
    expect(key(changed)).not.toBe(key(MODEL));
  });

  const boot: [string, Partial<ClusterModel>][] = [
    ['another setting', { settings: { maxConnections: 100 } }],
    ['another server document', { extraServerDocuments: [] }],
  ];

  test.each(boot)('%s: boot, of servers only', (_, change) => {
    const changed = { ...MODEL, ...change };
    expect(key(changed, 'server')).not.toBe(key(MODEL, 'server'));
    expect(key(changed, 'keeper')).toBe(key(MODEL, 'keeper'));
    expect(key(changed)).toBe(key(MODEL));
  });

  test('another version: boot', () => {
    expect(key({ ...MODEL, version: '26.8.40.1' }, 'server')).not.toBe(key(MODEL, 'server'));
    expect(key({ ...MODEL, version: '26.8.40.1' }, 'keeper')).not.toBe(key(MODEL, 'keeper'));
  });
});

test('every document of every manifest can be filled and read', () => {
  const hash = 'a'.repeat(64);
  const values = {
    nodeName: 'server-1-1', nodeHost: 'server-1-1.analytics.clickhouse.internal', shard: '1', replica: '1', serverId: '1', nodeIp: '10.0.0.4', clientNetworks: ['10.0.0.0/16'], rotationNetworks: ['10.0.3.0/24'],
    certificatePath: '/run/a.crt', privateKeyPath: '/run/a.key', caBundlePath: '/run/ca.crt', interserverPassword: 'x'.repeat(32), clusterSecret: 'y'.repeat(32), maintenanceHash: hash,
    passwordHashes: { ingest: [hash], reports: [hash, 'b'.repeat(64)] },
  };
  const live = liveManifest(MODEL);
  for (const document of [...bootManifest(MODEL, 'server').documents, ...bootManifest(MODEL, 'keeper').documents, ...live.documents, ...live.users]) {
    expect(readElsewhere(fillHoles(document.template, values)).name).toBe('clickhouse');
  }
});

describe('a document that ClickHouse would refuse as a whole is an error', () => {
  test.each<[string, Partial<ClusterModel>, string]>([
    ['an unknown profile', { users: [{ name: 'ingest', profile: 'nobody' }] }, 'UnknownReference'],
    ['an unknown quota', { users: [{ name: 'ingest', quota: 'nobody' }] }, 'UnknownReference'],
    ['the profile of the library', { users: [{ name: 'ingest', profile: 'system' }] }, 'UnknownReference'],
    ['the profile of the node-local account', { users: [{ name: 'ingest', profile: 'node_maintenance' }] }, 'UnknownReference'],
    ['an unknown profile in a raw document', { extraUsersDocuments: [{ name: 'more', xml: '<clickhouse><profiles><bursts><profile>nobody</profile></bursts></profiles></clickhouse>' }] }, 'UnknownReference'],
    ['an unknown role', { users: [{ name: 'ingest', roles: ['nobody'] }] }, 'UnknownReference'],
    ['tables made in a database that is not declared', { users: [{ name: 'ingest', grants: [{ privileges: ['CREATE TABLE'], database: 'default' }] }] }, 'UnknownReference'],
    ['the same, by a role', { roles: [...(MODEL.roles ?? []), { name: 'makers', grants: [{ privileges: ['SELECT', 'CREATE TABLE'], database: 'Events' }] }] }, 'UnknownReference'],
    ['a source that the servers do not reach', { users: [{ name: 'ingest', grants: [SOURCE] }] }, 'SourceHost'],
    ['the same, by a role', { roles: [...(MODEL.roles ?? []), { name: 'makers', grants: [SOURCE] }], settings: { remoteUrlAllowHosts: ['example.com', 'afeeds.example.com', 'feeds.example.com:8443'] } }, 'SourceHost'],
    ['a user twice', { users: [{ name: 'ingest' }, { name: 'ingest' }] }, 'DuplicateName'],
    ['a database twice', { databases: ['events', 'events'] }, 'DuplicateName'],
    ['a database of the server', { databases: ['system'] }, 'SystemDatabase'],
    ['a database with a bad name', { databases: ['events; DROP TABLE x'] }, 'Identifier'],
    ['a profile that is typed and raw', { profiles: [{ name: 'reports' }, { name: 'bursts' }] }, 'DuplicateName'],
    ['a raw document twice', { extraUsersDocuments: [{ name: 'more', xml: '<clickhouse/>' }, { name: 'more', xml: '<clickhouse/>' }] }, 'DuplicateName'],
    ['a raw document with a user', { extraUsersDocuments: [{ name: 'more', xml: '<clickhouse><users/></clickhouse>' }] }, 'ProtectedSetting'],
  ])('%s', (_, change, code) => {
    expect(codeOf(() => liveManifest({ ...MODEL, ...change }))).toBe(code);
  });

  test('a raw document with a listener, and one of a name twice', () => {
    expect(codeOf(() => bootManifest({ ...MODEL, extraServerDocuments: [{ name: 'a', xml: '<clickhouse><http_port>1</http_port></clickhouse>' }] }, 'server'))).toBe('ProtectedSetting');
    expect(codeOf(() => bootManifest({ ...MODEL, extraServerDocuments: [{ name: 'a', xml: '<clickhouse/>' }, { name: 'a', xml: '<clickhouse/>' }] }, 'server'))).toBe('DuplicateName');
  });
});

test.each([
  ['https://feeds.example.com/', 'feeds.example.com'],
  ['https://feeds.example.com/', 'feeds.example.com:443'],
  ['https://feeds.example.com:8443/', 'feeds.example.com'],
  ['https://feeds.example.com:8443/', 'feeds.example.com:8443'],
])('%s is among the hosts that servers reach, %s', (urlPrefix, host) => {
  expect(() => liveManifest({ ...MODEL, settings: { remoteUrlAllowHosts: [host] }, users: [{ name: 'ingest', grants: [{ ...SOURCE, urlPrefix }] }] })).not.toThrow();
});
