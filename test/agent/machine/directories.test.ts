import { chmodSync, chownSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FolderDisk } from '../../../lib/agent/certificates/folders';
import { FOLDER_DISK } from '../../../lib/agent/certificates/folders';
import type { DirectoriesRequest } from '../../../lib/agent/machine/directories';
import { keeperDirectories, prepareDirectories, serverDirectories } from '../../../lib/agent/machine/directories';
import { FakeTree } from '../certificates/fake-tree';
import { Fate } from '../credentials/fake-disk';

const CLICKHOUSE = { uid: 8123, gid: 8123 };
const ROOT = { uid: 0, gid: 0 };
const PATHS = {
  config: '/etc/clickhouse-server', data: '/var/lib/clickhouse', log: '/var/log/clickhouse-server',
  userFiles: '/var/lib/clickhouse-empty/user_files', userScripts: '/var/lib/clickhouse-empty/user_scripts',
  configDocuments: ['secure.xml'], usersDocuments: ['users.xml', 'ingest.xml'],
};
const SERVER = serverDirectories(PATHS, CLICKHOUSE, ROOT);
const KEEPER = keeperDirectories({ config: '/etc/clickhouse-keeper', data: '/var/lib/clickhouse-keeper', log: '/var/log/clickhouse-keeper', configDocuments: ['secure.xml'] }, CLICKHOUSE, ROOT);
const WANTED = {
  '/var/lib/clickhouse-empty': [0, 0, 0o755],
  '/var/lib/clickhouse-empty/user_files': [0, 0, 0o555],
  '/var/lib/clickhouse-empty/user_scripts': [0, 0, 0o555],
  '/var/lib/clickhouse': [8123, 8123, 0o750],
  '/var/log/clickhouse-server': [8123, 8123, 0o750],
  '/etc/clickhouse-server': [0, 8123, 0o750],
  '/etc/clickhouse-server/config.d': [0, 8123, 0o750],
  '/etc/clickhouse-server/users.d': [0, 8123, 0o750],
  '/etc/clickhouse-server/conf.d': [0, 8123, 0o750],
};

const machine = (): FakeTree => new FakeTree(['/etc', '/var/lib', '/var/log']);
const found = (disk: FolderDisk, { directories }: DirectoriesRequest): object =>
  Object.fromEntries(directories.map(({ path }) => [path, [disk.look(path)?.uid, disk.look(path)?.gid, disk.look(path)?.mode]]));

test('everything is made with the owner it has to have, and nothing is done a second time', () => {
  const disk = machine();
  expect(prepareDirectories(SERVER, disk)).toEqual([]);
  expect(found(disk, SERVER)).toEqual(WANTED);
  const owned: string[] = [];
  disk.setDirectoryOwner = (path) => owned.push(path);
  prepareDirectories(SERVER, disk);
  expect(owned).toEqual([]);
});

test('a Keeper has its own', () => {
  const disk = machine();
  disk.makeDirectory('/etc/clickhouse-keeper', 0o755);
  disk.makeDirectory('/etc/clickhouse-keeper/keeper_config.d', 0o777);
  for (const name of ['secure.xml', 'foreign.xml']) disk.put(`/etc/clickhouse-keeper/keeper_config.d/${name}`, '');
  expect(prepareDirectories(KEEPER, disk)).toEqual(['/etc/clickhouse-keeper/keeper_config.d/foreign.xml']);
  expect(found(disk, KEEPER)).toEqual({
    '/var/lib/clickhouse-keeper': [8123, 8123, 0o750],
    '/var/log/clickhouse-keeper': [8123, 8123, 0o750],
    '/etc/clickhouse-keeper': [0, 8123, 0o750],
    '/etc/clickhouse-keeper/keeper_config.d': [0, 8123, 0o750],
    '/etc/clickhouse-keeper/conf.d': [0, 8123, 0o750],
  });
});

test('what the package\'s script gave to ClickHouse is taken from it', () => {
  const disk = machine();
  prepareDirectories(SERVER, disk);
  for (const path of ['/etc/clickhouse-server', '/etc/clickhouse-server/config.d', '/etc/clickhouse-server/users.d']) disk.setDirectoryOwner(path, { uid: 8123, gid: 8123, mode: 0o700 });
  disk.setDirectoryOwner('/var/lib/clickhouse', { uid: 8123, gid: 8123, mode: 0o777 });
  prepareDirectories(SERVER, disk);
  expect(found(disk, SERVER)).toEqual(WANTED);
  for (const wrong of [{ uid: 8123 }, { gid: 0 }, { mode: 0o770 }]) {
    disk.setDirectoryOwner('/etc/clickhouse-server/users.d', { uid: 0, gid: 8123, mode: 0o750, ...wrong });
    prepareDirectories(SERVER, disk);
    expect(found(disk, SERVER)).toEqual(WANTED);
  }
});

test('of all documents only ours stay, in each directory, also under every ending that ClickHouse reads', () => {
  const disk = machine();
  prepareDirectories(SERVER, disk);
  const foreign = ['default-password.xml', 'listen.xml', 'a.yaml', 'b.yml', 'c.conf', 'SECURE.xml', 'secure.xml.conf', '-x.xml'];
  const ignored = ['README', 'notes.txt', '.secure.xml.0123456789ab.tmp', '.hidden.xml', 'old.xml.rpmsave'];
  for (const [directory, ours] of [['config.d', PATHS.configDocuments], ['users.d', PATHS.usersDocuments], ['conf.d', []]] as const) {
    for (const name of [...foreign, ...ignored, ...ours]) disk.put(`/etc/clickhouse-server/${directory}/${name}`, name);
  }
  // a name of ours in the directory where it is not.
  disk.put('/etc/clickhouse-server/config.d/ingest.xml', '');
  disk.put('/etc/clickhouse-server/conf.d/secure.xml', '');
  const removed = prepareDirectories(SERVER, disk);
  const expected = (directory: string, names: readonly string[]): string[] => names.map((name) => `/etc/clickhouse-server/${directory}/${name}`);
  expect([...removed].sort()).toEqual([...expected('config.d', [...foreign, 'ingest.xml']), ...expected('users.d', foreign), ...expected('conf.d', [...foreign, 'secure.xml'])].sort());
  expect([...disk.list('/etc/clickhouse-server/config.d')].sort()).toEqual([...ignored, ...PATHS.configDocuments].sort());
  expect([...disk.list('/etc/clickhouse-server/users.d')].sort()).toEqual([...ignored, ...PATHS.usersDocuments].sort());
  expect([...disk.list('/etc/clickhouse-server/conf.d')].sort()).toEqual([...ignored].sort());
});

test.each(['user_files', 'user_scripts'])('something in %s is told, and not touched', (name) => {
  const disk = machine();
  prepareDirectories(SERVER, disk);
  disk.put(`/var/lib/clickhouse-empty/${name}/run.sh`, '#!');
  expect(() => prepareDirectories(SERVER, disk)).toThrow(`${name} must be empty, and holds "run.sh"`);
  expect(disk.read(`/var/lib/clickhouse-empty/${name}/run.sh`)).toBe('#!');
});

test('wherever the process ends, the next one completes it, and what is foreign goes for good', () => {
  let ended = 0;
  for (const hit of ['before', 'after'] as const) {
    for (const kind of ['kill', 'power'] as const) {
      for (let after = 0; after < 45; after++) {
        const disk = machine();
        disk.makeDirectory('/etc/clickhouse-server', 0o777);
        disk.makeDirectory('/etc/clickhouse-server/users.d', 0o777);
        for (const path of ['/etc', '/etc/clickhouse-server']) disk.syncDirectory(path);
        disk.put('/etc/clickhouse-server/users.d/default-password.xml', '');
        disk.fate = new Fate({ after, hit, kind, luck: 0.5 });
        try {
          prepareDirectories(SERVER, disk);
        } catch (error) {
          expect(error).toEqual(new Error('the process has ended'));
          ended += 1;
        }
        disk.restart();
        prepareDirectories(SERVER, disk);
        // and lasts.
        disk.fate = new Fate({ after: 0, hit: 'before', kind: 'power', luck: 0 });
        expect(() => disk.makeDirectory('/etc/x', 0)).toThrow('the process has ended');
        disk.restart();
        expect(found(disk, SERVER)).toEqual(WANTED);
        expect(disk.list('/etc/clickhouse-server/users.d')).toEqual([]);
      }
    }
  }
  expect(ended).toBeGreaterThan(100);
});

describe('on a real file system', () => {
  let root: string;
  const me = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const request = (): DirectoriesRequest =>
    serverDirectories({ ...PATHS, config: join(root, 'config'), data: join(root, 'data'), log: join(root, 'log'), userFiles: join(root, 'empty/user_files'), userScripts: join(root, 'empty/user_scripts') }, me, me);

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'directories-'));
    mkdirSync(join(root, 'elsewhere'));
    writeFileSync(join(root, 'elsewhere/file.xml'), 'untouched');
    chmodSync(join(root, 'elsewhere'), 0o711);
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));
  const untouched = (): void => {
    expect(lstatSync(join(root, 'elsewhere')).mode & 0o7777).toBe(0o711);
    expect(readFileSync(join(root, 'elsewhere/file.xml'), 'utf8')).toBe('untouched');
  };

  test('modes are those that were asked for, whatever the mask of the process', () => {
    const before = process.umask(0o077);
    try {
      prepareDirectories(request(), FOLDER_DISK);
    } finally {
      process.umask(before);
    }
    for (const { path, owner } of request().directories) expect([path, lstatSync(path).mode & 0o7777]).toEqual([path, owner.mode]);
  });

  test.each(['data', 'log', 'config', 'empty'])('a link in the place of %s is refused, and what it leads to is not touched', (name) => {
    symlinkSync(join(root, 'elsewhere'), join(root, name));
    expect(() => prepareDirectories(request(), FOLDER_DISK)).toThrow('must be a directory and no link to one');
    untouched();
  });

  test.each(['config.d', 'users.d', 'conf.d'])('so is one in the place of %s: no document behind it is removed', (name) => {
    prepareDirectories(request(), FOLDER_DISK);
    rmSync(join(root, 'config', name), { recursive: true });
    symlinkSync(join(root, 'elsewhere'), join(root, 'config', name));
    expect(() => prepareDirectories(request(), FOLDER_DISK)).toThrow('must be a directory and no link to one');
    untouched();
  });

  test('a link among the documents goes, and what it leads to stays', () => {
    prepareDirectories(request(), FOLDER_DISK);
    symlinkSync(join(root, 'elsewhere/file.xml'), join(root, 'config/config.d/foreign.xml'));
    expect(prepareDirectories(request(), FOLDER_DISK)).toEqual([join(root, 'config/config.d/foreign.xml')]);
    untouched();
  });

  test('a file in the place of a directory is told', () => {
    writeFileSync(join(root, 'data'), 'x');
    expect(() => prepareDirectories(request(), FOLDER_DISK)).toThrow('must be a directory, and is a file');
  });

  (me.uid === 0 ? test : test.skip)('whose they were does not matter', () => {
    prepareDirectories(request(), FOLDER_DISK);
    chownSync(join(root, 'config'), 8123, 8123);
    chownSync(join(root, 'empty/user_scripts'), 8123, 8123);
    prepareDirectories(request(), FOLDER_DISK);
    for (const { path } of request().directories) expect([path, lstatSync(path).uid, lstatSync(path).gid]).toEqual([path, 0, 0]);
  });
});
