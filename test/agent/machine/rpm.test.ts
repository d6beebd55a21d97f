import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PackagesRequest } from '../../../lib/agent/machine/packages';
import { installPackages, PACKAGE_DISK, PackageRefused, ROLE_PACKAGES } from '../../../lib/agent/machine/packages';
import type { Programs } from '../../../lib/agent/programs';
import { PROGRAMS } from '../../../lib/agent/programs';

/** Groups of tests that need a program, and say aloud what they do not prove without it. */
function describeWith(variables: readonly string[], programs: readonly string[], proves: string, tests: () => void): void {
  const missing = [...variables.filter((each) => process.env[each] === undefined), ...programs.filter((each) => !existsSync(each))];
  if (missing.length === 0 && process.getuid?.() === 0) return describe(proves, tests);
  process.stderr.write(`NOT PROVEN: ${proves}. It needs root${missing.map((each) => ` and ${each}`).join('')}\n`);
  describe.skip(proves, tests);
}

const { RPM = '', RPMBUILD = '', LD_LIBRARY_PATH, RPM_CONFIGDIR } = process.env;
const environment = Object.entries({ LD_LIBRARY_PATH, RPM_CONFIGDIR }).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));

jest.setTimeout(120_000);

describeWith(['RPM', 'RPMBUILD'], [], 'rpm itself installs, upgrades and rolls back what the agent gives it', () => {
  let root: string;
  let request: (role: 'server' | 'keeper', version: string) => PackagesRequest;

  /** Packages that need and exclude each other like ClickHouse's, with a program that says its version. */
  function build(name: string, version: string, relations: readonly string[]): string {
    const spec = join(root, `${name}-${version}.spec`);
    const file = `/usr/share/${name}/version`;
    writeFileSync(spec, [`Name: ${name}`, `Version: ${version}`, 'Release: 1', 'Summary: x', 'License: x', 'BuildArch: noarch', ...relations, '%description', 'x', '%install', `mkdir -p %{buildroot}/usr/share/${name}`, `echo ${version} > %{buildroot}${file}`, '%files', file, ''].join('\n'));
    execFileSync(RPMBUILD, ['-bb', '--define', `_topdir ${join(root, 'top')}`, '--define', `_rpmdir ${join(root, 'built')}`, spec], { stdio: 'ignore' });
    return join(root, 'built/noarch', `${name}-${version}-1.noarch.rpm`);
  }

  const programs: Programs = {
    run: (program, args, options) =>
      program === '/usr/bin/rpm' ? PROGRAMS.run('/usr/bin/env', [...environment, RPM, '--root', join(root, 'machine'), ...args], options) : Promise.resolve({ code: 0, stdout: '', stderr: '' }),
  };
  const store = {
    async *object(_: string, key: string): AsyncIterable<Uint8Array> {
      await Promise.resolve();
      yield readFileSync(key);
    },
  };
  const attempt = (asked: PackagesRequest): Promise<boolean> => installPackages(asked, { programs, disk: PACKAGE_DISK, store });
  const version = (name: string): string => (existsSync(join(root, 'machine/usr/share', name, 'version')) ? readFileSync(join(root, 'machine/usr/share', name, 'version'), 'utf8').trim() : 'none');

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'rpm-'));
    mkdirSync(join(root, 'machine'));
    writeFileSync(join(root, 'guard'), '[Unit]\nConditionPathExists=/run/x/ready\n');
    const built = new Map<string, string>();
    for (const each of ['26.3.12.1', '26.8.36.3']) {
      built.set(`clickhouse-common-static ${each}`, build('clickhouse-common-static', each, []));
      built.set(`clickhouse-server ${each}`, build('clickhouse-server', each, [`Requires: clickhouse-common-static = ${each}`, 'Conflicts: clickhouse-keeper']));
      built.set(`clickhouse-client ${each}`, build('clickhouse-client', each, [`Requires: clickhouse-common-static = ${each}`]));
      built.set(`clickhouse-keeper ${each}`, build('clickhouse-keeper', each, ['Conflicts: clickhouse-server']));
    }
    request = (role, wanted) => ({
      role, version: wanted, bucket: 'artefacts', directory: join(root, 'cache'), owner: { uid: 0, gid: 0, mode: 0o600 }, guard: join(root, 'guard'),
      packages: ROLE_PACKAGES[role].names.map((name) => {
        const key = built.get(`${name} ${wanted}`) ?? '';
        return { key, sha256: createHash('sha256').update(readFileSync(key)).digest('hex') };
      }),
    });
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  test.each(['26.3.12.1', '26.8.36.3', '26.3.12.1'])('%s, from whatever was there before', async (wanted) => {
    expect(await attempt(request('server', wanted))).toBe(true);
    for (const name of ROLE_PACKAGES.server.names) expect([name, version(name)]).toEqual([name, wanted]);
    expect(await attempt(request('server', wanted))).toBe(false);
    expect(readdirSync(join(root, 'cache'))).toEqual([]);
  });

  test('an image with that version needs no packages, and another one is refused', async () => {
    expect(await attempt({ ...request('server', '26.3.12.1'), packages: [] })).toBe(false);
    await expect(attempt({ ...request('server', '26.8.36.3'), packages: [] })).rejects.toThrow(PackageRefused);
  });

  test('a Keeper does not become one over a server, and what is left is whole', async () => {
    await expect(attempt(request('keeper', '26.8.36.3'))).rejects.toThrow('/usr/bin/rpm --upgrade');
    expect([version('clickhouse-keeper'), version('clickhouse-server')]).toEqual(['none', '26.3.12.1']);
  });
});

describeWith([], ['/usr/sbin/setcap', '/usr/sbin/getcap', '/usr/bin/setpriv'], 'a program that brings capabilities does not run in the service, and does once they are taken from it (setcap in the kernel)', () => {
  test('as after the script of the package', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'capabilities-'));
    try {
      const program = join(directory, 'clickhouse');
      copyFileSync('/bin/true', program);
      writeFileSync(join(directory, 'guard'), '\nConditionPathExists=/run/x/ready\n');
      execFileSync('chmod', ['755', directory, program]);
      execFileSync('setcap', ['cap_net_admin,cap_ipc_lock,cap_sys_nice,cap_net_bind_service+ep', program]);
      const serves = (): boolean =>
        spawnSync('setpriv', ['--reuid', '8123', '--regid', '8123', '--clear-groups', '--no-new-privs', '--inh-caps=-all', '--bounding-set=-all,+ipc_lock,+sys_nice', program]).status === 0;
      expect(serves()).toBe(false);
      const programs: Programs = {
        run: async (name, args, options) => {
          if (name === '/usr/bin/rpm') return { code: 0, stdout: `${args.at(-1)}=1\n`, stderr: '' };
          if (name === '/usr/bin/systemctl') return { code: 0, stdout: '', stderr: '' };
          return PROGRAMS.run(name, args.map((each) => (each === '/usr/bin/clickhouse' ? program : each)), options);
        },
      };
      const request: PackagesRequest = { role: 'server', version: '1', packages: [], directory: join(directory, 'cache'), owner: { uid: 0, gid: 0, mode: 0o600 }, guard: join(directory, 'guard') };
      const store = { object: () => { throw new Error('nothing is asked for'); } };
      for (let i = 0; i < 2; i++) {
        expect(await installPackages(request, { programs, disk: PACKAGE_DISK, store })).toBe(false);
        expect(serves()).toBe(true);
        expect(execFileSync('getcap', [program], { encoding: 'utf8' })).toBe('');
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
