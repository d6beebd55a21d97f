import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BinaryFile, PackageDisk, PackagesRequest, PackagesWorld, PackageStore } from '../../../lib/agent/machine/packages';
import { installPackages, MAX_PACKAGE_BYTES, PACKAGE_DISK, PackageRefused, ROLE_PACKAGES } from '../../../lib/agent/machine/packages';
import { FakeTree } from '../certificates/fake-tree';
import type { Crash } from '../credentials/fake-disk';
import { Fate } from '../credentials/fake-disk';
import type { Answer, Call } from './fake-programs';
import { FakePrograms } from './fake-programs';

const DIRECTORY = '/var/cache/clickhouse-agent';
const GUARD = '/etc/systemd/system/clickhouse-server.service.d/50-agent.conf';
const OWNER = { uid: 0, gid: 0, mode: 0o600 };
const NEW = '26.8.36.3';
const OLD = '26.3.12.1';

const sha256 = (content: string): string => createHash('sha256').update(content, 'latin1').digest('hex');
const content = (name: string, version: string): string => `${name}=${version}:${'\u00ff\u0000'.repeat(500)}`;

class Tree extends FakeTree implements PackageDisk {
  createBinary(path: string): BinaryFile {
    const file = this.create(path);
    return { write: (piece) => file.write(Buffer.from(piece).toString('latin1')), sync: () => file.sync(), close: () => file.close() };
  }

  async *pieces(path: string): AsyncIterable<Uint8Array> {
    const bytes = Buffer.from(this.read(path), 'latin1');
    await Promise.resolve();
    for (let at = 0; at < bytes.length; at += 100) yield bytes.subarray(at, at + 100);
  }
}

/** A machine with rpm, which installs whatever lies in the files it is given, as rpm does. */
class Machine implements PackagesWorld {
  readonly disk = new Tree(['/var/cache', '/etc/systemd/system/clickhouse-server.service.d']);
  readonly objects = new Map<string, string>();
  readonly installed = new Map<string, string[]>();
  capabilities = '';
  /** how often an object was asked for. */
  asked = 0;
  /** happens when the bucket is asked. */
  asking: () => void = () => undefined;
  readonly programs = new FakePrograms((call) => this.answer(call));
  readonly store: PackageStore = {
    object: (bucket, key) => {
      expect(bucket).toBe('artefacts');
      this.asked += 1;
      this.asking();
      return this.object(key);
    },
  };

  constructor() {
    this.disk.put(GUARD, '[Unit]\nConditionPathExists=/run/clickhouse-agent/ready\n');
  }

  publish(role: 'server' | 'keeper', version: string): PackagesRequest {
    const packages = ROLE_PACKAGES[role].names.map((name) => {
      const key = `packages/${version}/${name}.rpm`;
      this.objects.set(key, content(name, version));
      return { key, sha256: sha256(content(name, version)) };
    });
    return { role, version, packages, bucket: 'artefacts', directory: DIRECTORY, owner: OWNER, guard: GUARD };
  }

  /** what lies in the directory. */
  get files(): readonly string[] {
    return this.disk.outside(() => (this.disk.look(DIRECTORY) === undefined ? [] : this.disk.list(DIRECTORY)));
  }

  get upgrades(): readonly Call[] {
    return this.programs.calls.filter(({ args }) => args[0] === '--upgrade');
  }

  restart(): void {
    this.disk.restart();
    this.programs.fate = this.disk.fate;
  }

  end(crash: Crash): void {
    this.disk.fate = new Fate(crash);
    this.programs.fate = this.disk.fate;
  }

  private async *object(key: string): AsyncIterable<Uint8Array> {
    const bytes = Buffer.from(this.objects.get(key) ?? '', 'latin1');
    await Promise.resolve();
    if (!this.objects.has(key)) throw Object.assign(new Error('no such key'), { name: 'NoSuchKey' });
    for (let at = 0; at < bytes.length; at += 300) yield bytes.subarray(at, at + 300);
  }

  private answer({ program, args }: Call): Answer {
    if (program === '/usr/bin/rpm' && args[0] === '--query') return this.query(args.at(-1) ?? '');
    if (program === '/usr/bin/rpm') return this.upgrade(args);
    if (program === '/usr/sbin/getcap') return { stdout: this.capabilities === '' ? '' : `${args[0]} ${this.capabilities}\n` };
    if (program === '/usr/sbin/setcap') this.capabilities = '';
    return {};
  }

  private query(name: string): Answer {
    const versions = this.installed.get(name) ?? [];
    if (versions.length === 0) return { code: 1, stdout: `package ${name} is not installed\n` };
    return { stdout: versions.map((version) => `${name}=${version}\n`).join('') };
  }

  private upgrade(args: readonly string[]): Answer {
    for (const path of args.filter((each) => each.endsWith('.rpm'))) {
      const text = this.disk.outside(() => this.disk.read(path));
      // whatever is installed is what was asked for.
      expect(sha256(text)).toBe(path.slice(-68, -4));
      const [name = '', version = ''] = (text.split(':')[0] ?? '').split('=');
      const before = this.installed.get(name) ?? [];
      if (before.includes(version) && !args.includes('--replacepkgs')) return { code: 1, stderr: `package ${name} is already installed` };
      if (before.some((each) => each > version) && !args.includes('--oldpackage')) return { code: 1, stderr: `a newer ${name} is already installed` };
      this.installed.set(name, [version]);
    }
    this.capabilities = 'cap_net_admin,cap_ipc_lock=ep';
    return {};
  }
}

const settled = (machine: Machine, { role, version }: PackagesRequest): void => {
  expect([...machine.installed]).toEqual(expect.arrayContaining(ROLE_PACKAGES[role].names.map((name) => [name, [version]])));
  expect(machine.capabilities).toBe('');
  expect(machine.files).toEqual([]);
};

test.each(['server', 'keeper'] as const)('a %s gets its packages in one transaction, once', async (role) => {
  const machine = new Machine();
  const request = machine.publish(role, NEW);
  expect(await installPackages(request, machine)).toBe(true);
  settled(machine, request);
  expect(machine.upgrades.map(({ args, options }) => [args, options])).toEqual([
    [['--upgrade', '--oldpackage', '--replacepkgs', '--nosignature', '--define', '_flush_io 1', ...request.packages.map((each) => `${DIRECTORY}/${each.sha256}.rpm`)], { timeoutSeconds: 600 }],
  ]);
  expect(machine.programs.lines).toContain(`/usr/bin/systemctl disable clickhouse-${role}.service`);
  expect(machine.disk.look(DIRECTORY)).toMatchObject({ uid: 0, gid: 0, mode: 0o700 });
  expect(await installPackages(request, machine)).toBe(false);
  expect([machine.upgrades.length, machine.asked]).toEqual([1, request.packages.length]);
});

test.each([['newer', OLD, NEW], ['older', NEW, OLD]])('a %s version takes the place of the one that is there', async (_, from, to) => {
  const machine = new Machine();
  await installPackages(machine.publish('server', from), machine);
  const request = machine.publish('server', to);
  expect(await installPackages(request, machine)).toBe(true);
  settled(machine, request);
});

test('one package of another version, or two versions of one, are not the version', async () => {
  for (const versions of [[], [OLD], [OLD, NEW]]) {
    const machine = new Machine();
    const request = machine.publish('server', NEW);
    await installPackages(request, machine);
    machine.installed.set('clickhouse-client', versions);
    expect(await installPackages(request, machine)).toBe(true);
    settled(machine, request);
  }
});

test('what the script of the package enables and grants is taken back, also when the process ended before it could', async () => {
  const machine = new Machine();
  const request = machine.publish('server', NEW);
  await installPackages(request, machine);
  machine.capabilities = 'cap_net_admin=ep';
  machine.programs.calls.length = 0;
  expect(await installPackages(request, machine)).toBe(false);
  expect(machine.programs.lines).toEqual(expect.arrayContaining(['/usr/bin/systemctl disable clickhouse-server.service', '/usr/sbin/setcap -r /usr/bin/clickhouse']));
  settled(machine, request);
});

test('capabilities that stay are a failure', async () => {
  const machine = new Machine();
  const request = machine.publish('server', NEW);
  const programs = new FakePrograms((call) => (call.program === '/usr/sbin/getcap' ? { stdout: 'cap_net_admin=ep' } : call.args[0] === '--query' ? { stdout: `${call.args.at(-1)}=${NEW}\n` } : {}));
  await expect(installPackages(request, { ...machine, programs, disk: machine.disk, store: machine.store })).rejects.toThrow('ClickHouse must not run');
});

describe('nothing is installed before the drop-in that keeps the service from starting', () => {
  test.each<[string, (machine: Machine) => void]>([
    ['is there', (machine) => machine.disk.remove(GUARD)],
    ['has its condition', (machine) => machine.disk.put(GUARD, '[Unit]\n# ConditionPathExists=/run/clickhouse-agent/ready\n')],
    ['is a file', (machine) => { machine.disk.remove(GUARD); machine.disk.makeDirectory(GUARD, 0o755); }],
  ])('%s', async (_, attack) => {
    const machine = new Machine();
    const request = machine.publish('server', NEW);
    attack(machine);
    await expect(installPackages(request, machine)).rejects.toThrow('must be written before ClickHouse is installed');
    expect([machine.programs.calls.length, machine.asked]).toEqual([0, 0]);
  });
});

describe('an image that brings ClickHouse', () => {
  const brought = (...versions: string[][]): Machine => {
    const machine = new Machine();
    versions.forEach((each, i) => machine.installed.set(ROLE_PACKAGES.server.names[i] ?? '', each));
    return machine;
  };

  test('in the version of the manifest is taken', async () => {
    const machine = brought([NEW], [NEW], [NEW]);
    machine.capabilities = 'cap_net_admin=ep';
    const request = { ...machine.publish('server', NEW), bucket: undefined, packages: [] };
    expect(await installPackages(request, machine)).toBe(false);
    expect(machine.upgrades).toEqual([]);
    settled(machine, request);
  });

  test.each([
    ['in another', [[NEW], [OLD], [NEW]], `must have clickhouse-server ${NEW}, and has ${OLD}`],
    ['in part', [[NEW], [NEW]], `must have clickhouse-client ${NEW}, and has none`],
    ['twice', [[NEW], [NEW], [OLD, NEW]], `must have clickhouse-client ${NEW}, and has clickhouse-client=${OLD} and clickhouse-client=${NEW}`],
  ])('%s is refused', async (_, versions, message) => {
    const machine = brought(...versions);
    const attempt = installPackages({ ...machine.publish('server', NEW), packages: [] }, machine);
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toBeInstanceOf(PackageRefused);
    expect(machine.upgrades).toEqual([]);
  });
});

/** The first of the packages and its bytes. */
const first = (request: PackagesRequest): { key: string; sha256: string } => request.packages[0] ?? { key: '', sha256: '' };

describe('a package that is not the one', () => {
  test.each<[string, (bytes: string) => string]>([
    ['was changed by a bit', (bytes) => `\u0001${bytes.slice(1)}`],
    ['was cut short', (bytes) => bytes.slice(0, -1)],
    ['was made longer', (bytes) => `${bytes}x`],
    ['is empty', () => ''],
  ])('because it %s is not installed, and leaves nothing behind', async (_, attack) => {
    const machine = new Machine();
    const request = machine.publish('server', NEW);
    const { key, sha256: wanted } = first(request);
    const bytes = machine.objects.get(key) ?? '';
    machine.objects.set(key, attack(bytes));
    const attempt = installPackages(request, machine);
    await expect(attempt).rejects.toThrow(`the package ${key} must have the SHA-256 ${wanted}, got ${sha256(attack(bytes))}`);
    await expect(attempt).rejects.toBeInstanceOf(PackageRefused);
    expect([machine.upgrades, machine.files]).toEqual([[], []]);
    machine.objects.set(key, bytes);
    await installPackages(request, machine);
    settled(machine, request);
  });

  test('although an earlier boot left it under the right name, is removed and brought anew', async () => {
    const machine = new Machine();
    const request = machine.publish('server', NEW);
    machine.disk.makeDirectory(DIRECTORY, 0o700);
    machine.disk.put(`${DIRECTORY}/${first(request).sha256}.rpm`, 'something else');
    const attempt = installPackages(request, machine);
    await expect(attempt).rejects.toThrow(`got ${sha256('something else')}; nothing was installed; it was removed from the disk`);
    // what is worth another try must not end the launch.
    await expect(attempt).rejects.not.toBeInstanceOf(PackageRefused);
    expect(machine.upgrades).toEqual([]);
    expect(machine.files).not.toContain(`${first(request).sha256}.rpm`);
    await installPackages(request, machine);
    settled(machine, request);
  });

  test('because it was changed after it was brought and before the last one was, is not installed', async () => {
    const machine = new Machine();
    const request = machine.publish('server', NEW);
    const path = `${DIRECTORY}/${first(request).sha256}.rpm`;
    machine.asking = () => machine.disk.look(path) && machine.disk.put(path, 'something else');
    const attempt = installPackages(request, machine);
    await expect(attempt).rejects.toThrow(`got ${sha256('something else')}`);
    await expect(attempt).rejects.not.toBeInstanceOf(PackageRefused);
    expect(machine.upgrades).toEqual([]);
  });

  test('is taken from an earlier boot when it is the right one', async () => {
    const machine = new Machine();
    const request = machine.publish('server', NEW);
    machine.disk.makeDirectory(DIRECTORY, 0o777);
    const { key, sha256: digest } = first(request);
    machine.disk.put(`${DIRECTORY}/${digest}.rpm`, machine.objects.get(key) ?? '');
    machine.disk.put(`${DIRECTORY}/${'a'.repeat(64)}.rpm`, 'of another version');
    machine.disk.put(`${DIRECTORY}/.${digest}.0123456789ab.tmp`, 'half');
    machine.asking = () => expect(machine.files).toEqual(expect.not.arrayContaining([`${'a'.repeat(64)}.rpm`, `.${digest}.0123456789ab.tmp`]));
    await installPackages(request, machine);
    expect(machine.asked).toBe(2);
    settled(machine, request);
  });

  test('but of another version than the manifest says is told', async () => {
    const machine = new Machine();
    const request = { ...machine.publish('server', OLD), version: NEW };
    const attempt = installPackages(request, machine);
    await expect(attempt).rejects.toThrow(`must bring clickhouse-common-static ${NEW}, clickhouse-server ${NEW}, clickhouse-client ${NEW}, and brought ${OLD}, ${OLD}, ${OLD}`);
    await expect(attempt).rejects.toBeInstanceOf(PackageRefused);
  });

  test('because it is too large is stopped, and leaves nothing behind', async () => {
    const machine = new Machine();
    const request = machine.publish('server', NEW);
    const piece = new Uint8Array(64 * 1024 * 1024);
    let sent = 0;
    let written = 0;
    const store: PackageStore = {
      async *object() {
        for (let i = 0; i < 20; i++) {
          await Promise.resolve();
          // one piece is in memory, and no more: what was sent before is on the disk.
          expect(written).toBe(sent);
          sent += piece.length;
          yield piece;
        }
      },
    };
    const disk: PackageDisk = Object.assign(Object.create(machine.disk) as Tree, {
      createBinary: (path: string) => ({ ...machine.disk.createBinary(path), write: (each: Uint8Array) => void (written += each.length) }),
    });
    const attempt = installPackages(request, { programs: machine.programs, disk, store });
    await expect(attempt).rejects.toThrow('is larger than 1073741824 bytes');
    await expect(attempt).rejects.toBeInstanceOf(PackageRefused);
    expect(written).toBeLessThanOrEqual(MAX_PACKAGE_BYTES);
    expect([machine.upgrades, machine.files]).toEqual([[], []]);
  });
});

test('a bucket that says no, or breaks off, is worth another try', async () => {
  const machine = new Machine();
  const request = machine.publish('server', NEW);
  const { key } = first(request);
  machine.objects.delete(key);
  const attempt = installPackages(request, machine);
  await expect(attempt).rejects.toThrow('no such key');
  await expect(attempt).rejects.not.toBeInstanceOf(PackageRefused);
  const store: PackageStore = {
    async *object() {
      await Promise.resolve();
      yield Buffer.from('begun');
      throw new Error('socket hang up');
    },
  };
  const broken = installPackages(request, { programs: machine.programs, disk: machine.disk, store });
  await expect(broken).rejects.toThrow('socket hang up');
  await expect(broken).rejects.not.toBeInstanceOf(PackageRefused);
  expect([machine.upgrades, machine.files]).toEqual([[], []]);
});

test('rpm that fails, or cannot say what is installed, is worth another try', async () => {
  const machine = new Machine();
  const request = machine.publish('server', NEW);
  const damaged = new FakePrograms(() => ({ code: 1, stderr: 'error: cannot open Packages database' }));
  const attempt = installPackages(request, { programs: damaged, disk: machine.disk, store: machine.store });
  await expect(attempt).rejects.toThrow('rpm cannot say whether clickhouse-common-static is installed');
  await expect(attempt).rejects.not.toBeInstanceOf(PackageRefused);
  const failing = new FakePrograms(({ args }) => (args[0] === '--query' ? { code: 1, stdout: 'package x is not installed' } : { code: 2, stderr: 'file /x conflicts' }));
  const failed = installPackages(request, { programs: failing, disk: machine.disk, store: machine.store });
  await expect(failed).rejects.toThrow('ended with 2: file /x conflicts');
  await expect(failed).rejects.not.toBeInstanceOf(PackageRefused);
});

test('wherever the process ends, the next one installs what is asked for, and never anything else', async () => {
  let ended = 0;
  for (const hit of ['before', 'after', 'half'] as const) {
    for (const kind of ['kill', 'power'] as const) {
      for (let after = 0; after < 70; after++) {
        const machine = new Machine();
        const request = machine.publish('server', NEW);
        machine.end({ after, hit, kind, luck: (after % 4) / 4 });
        await installPackages(request, machine).catch((error: unknown) => {
          expect(error).toEqual(new Error('the process has ended'));
          ended += 1;
        });
        machine.restart();
        // a power failure may leave a file that lost its end under its name, which is then brought anew.
        for (let i = 0; i < 4; i++) {
          try {
            await installPackages(request, machine);
            break;
          } catch (error) {
            expect(error).toMatchObject({ message: expect.stringContaining('it was removed from the disk') as string });
            expect(error).not.toBeInstanceOf(PackageRefused);
          }
        }
        settled(machine, request);
      }
    }
  }
  expect(ended).toBeGreaterThan(150);
});

describe('on a real file system', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'packages-'));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const attempt = (pieces: readonly Buffer[], programs: FakePrograms): Promise<boolean> => {
    writeFileSync(join(root, 'guard'), '\nConditionPathExists=/run/x\n');
    const store: PackageStore = { object: async function* () { await Promise.resolve(); yield* pieces; } };
    const request: PackagesRequest = {
      role: 'keeper', version: NEW, packages: [{ key: 'k', sha256: createHash('sha256').update(Buffer.concat(pieces)).digest('hex') }], bucket: 'b',
      directory: join(root, 'cache'), owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, mode: 0o600 }, guard: join(root, 'guard'),
    };
    return installPackages(request, { programs, disk: PACKAGE_DISK, store });
  };

  test('what rpm is given are the bytes that came', async () => {
    const pieces = [0, 1, 2].map((i) => Buffer.alloc(100_000 + i, i));
    let seen: Buffer | undefined;
    const programs = new FakePrograms(({ args }) => {
      if (args[0] === '--upgrade') seen = readFileSync(args.at(-1) ?? '');
      return args[0] === '--query' && seen === undefined ? { code: 1, stdout: 'is not installed' } : args[0] === '--query' ? { stdout: `clickhouse-keeper=${NEW}\n` } : {};
    });
    expect(await attempt(pieces, programs)).toBe(true);
    expect(seen?.equals(Buffer.concat(pieces))).toBe(true);
  });

  test('a link in the place of a package is not read', async () => {
    const digest = createHash('sha256').update('secret').digest('hex');
    mkdirSync(join(root, 'cache'));
    writeFileSync(join(root, 'elsewhere'), 'secret');
    symlinkSync(join(root, 'elsewhere'), join(root, 'cache', `${digest}.rpm`));
    const programs = new FakePrograms(() => ({ code: 1, stdout: 'is not installed' }));
    await expect(attempt([Buffer.from('secret')], programs)).rejects.toThrow('got no file; nothing was installed');
    expect(existsSync(join(root, 'cache', `${digest}.rpm`))).toBe(false);
    expect(programs.calls.some(({ args }) => args[0] === '--upgrade')).toBe(false);
    expect(readFileSync(join(root, 'elsewhere'), 'utf8')).toBe('secret');
    expect(() => PACKAGE_DISK.pieces(join(root, 'absent'))).toThrow('ENOENT');
  });
});
