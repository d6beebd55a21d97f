import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DISK } from '../../lib/agent/disk';
import { valuesOf, writeDocuments } from '../../lib/agent/documents';
import type { NodeIdentity } from '../../lib/agent/identity';
import { removeStaleExtras } from '../../lib/agent/live/documents';
import { openHoles } from '../../lib/config/holes';
import { bootManifest, liveManifest } from '../../lib/config/manifests';
import { PATHS } from '../../lib/config/paths';
import { cluster, EVENTS, nodeValues } from '../engine/rendered';

const IDENTITY = {
  role: 'server', name: 'server-1-1', host: 'server-1-1.events.clickhouse.internal', shard: '1', replica: '1', ip: '10.20.0.10', clientNetworks: ['10.20.0.0/16'],
} as unknown as NodeIdentity;

let root: string;
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o640 };
const file = (path: string): string => `${root}${path}`;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'documents-'));
  for (const directory of [PATHS.serverConfigDirectory, PATHS.usersConfigDirectory]) mkdirSync(file(directory), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test('documents are written whole, once, and read by nobody but ClickHouse', () => {
  const { documents } = bootManifest(cluster(), 'server');
  const values = { ...valuesOf(IDENTITY), certificatePath: '/tls/a', privateKeyPath: '/tls/b', caBundlePath: '/tls/c', interserverPassword: nodeValues().interserverPassword };
  expect(writeDocuments(DISK, { root, owner }, documents, values).sort()).toEqual(documents.map(({ path }) => path).sort());
  for (const { path } of documents) {
    expect(openHoles(readFileSync(file(path), 'utf8'))).toEqual([]);
    expect(statSync(file(path)).mode & 0o7777).toBe(0o640);
  }
  expect(writeDocuments(DISK, { root, owner }, documents, values)).toEqual([]);
});

test('a value that is missing or wrong leaves nothing written, of any document', () => {
  const { documents } = bootManifest(cluster(), 'server');
  expect(() => writeDocuments(DISK, { root, owner }, documents, valuesOf(IDENTITY))).toThrow(/is still open/);
  expect(readdirSync(dirname(file(PATHS.serverConfig)))).not.toContain('config.xml');
  expect(readdirSync(file(PATHS.serverConfigDirectory))).toEqual([]);
});

test.each(['0.0.0.0/0', '128.0.0.0/1', '::/0', '2000::/3'])('%s is no range of a VPC, wherever it came from', (network) => {
  const document = { path: `${PATHS.serverConfigDirectory}/networks.xml`, template: '<networks>@{clientNetworks}</networks>\n' };
  const write = (clientNetworks: string[]): string[] => writeDocuments(DISK, { root, owner }, [document], valuesOf({ ...IDENTITY, clientNetworks }));
  expect(() => write(['10.20.0.0/16', network])).toThrow(network);
  expect(write(['10.20.0.0/16'])).toEqual([document.path]);
});

test('extra documents of users go when they are not declared any more, and nothing else does', () => {
  const extraUsersDocuments = [{ name: 'limits', xml: '<clickhouse><profiles><limits><max_threads>4</max_threads></limits></profiles></clickhouse>' }];
  const values = { ...valuesOf(IDENTITY), ...nodeValues() };
  writeDocuments(DISK, { root, owner }, liveManifest({ ...EVENTS, extraUsersDocuments }).documents, values);
  const users = file(PATHS.usersConfigDirectory);
  writeFileSync(join(users, 'ingest.xml'), 'not ours to judge here');
  expect(readdirSync(users).sort()).toEqual(['extra-limits.xml', 'ingest.xml']);
  expect(removeStaleExtras(DISK, users, liveManifest({ ...EVENTS, extraUsersDocuments }))).toEqual([]);
  expect(removeStaleExtras(DISK, users, liveManifest(EVENTS))).toEqual(['extra-limits.xml']);
  expect(readdirSync(users)).toEqual(['ingest.xml']);
});
