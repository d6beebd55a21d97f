import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { METADATA_ADDRESSES } from '../../../lib/agent/machine/firewall';
import type { ServiceUnitRequest, Unit, UnitsWorld } from '../../../lib/agent/machine/units';
import { agentUnit, disableAutostart, enableAutostart, isActive, kill, serviceName, serviceUnit, start, stop, writeUnits } from '../../../lib/agent/machine/units';
import { FakeTree } from '../certificates/fake-tree';
import { Fate } from '../credentials/fake-disk';
import { FakePrograms } from './fake-programs';

const AGENT = { node: '/usr/bin/node-24', program: '/opt/clickhouse-agent/agent.js', identity: '/etc/clickhouse-agent/identity.json', manifest: '/etc/clickhouse-agent/boot.json', runtime: '/run/clickhouse-agent' };
const SERVICE = (role: 'server' | 'keeper'): ServiceUnitRequest => ({ role, runtime: '/run/clickhouse-agent', data: `/var/lib/clickhouse-${role}`, log: `/var/log/clickhouse-${role}`, agentConfig: '/etc/clickhouse-agent', drainSeconds: 300 });
const ROLES = ['server', 'keeper'] as const;
const settings = ({ text }: Unit): string[] => text.split('\n').filter((line) => line !== '' && !line.startsWith('#') && !line.startsWith('['));
const setting = (unit: Unit, name: string): string[] => settings(unit).filter((line) => line.startsWith(`${name}=`)).map((line) => line.slice(name.length + 1));

test('the agent runs for ever, and keeps what it remembers when it is started anew', () => {
  const unit = agentUnit(AGENT);
  expect(unit.name).toBe('clickhouse-agent.service');
  expect(settings(unit)).toEqual(expect.arrayContaining([
    'ExecStart=/usr/bin/node-24 /opt/clickhouse-agent/agent.js run --identity /etc/clickhouse-agent/identity.json --manifest /etc/clickhouse-agent/boot.json',
    'Restart=always', 'StartLimitIntervalSec=0', 'KillMode=control-group', 'RuntimeDirectory=clickhouse-agent', 'RuntimeDirectoryMode=0700', 'RuntimeDirectoryPreserve=yes',
    'LimitCORE=0', 'UMask=0077', 'WantedBy=multi-user.target',
  ]));
});

test('nothing in it hides its mounts from others, a device from it, or the network', () => {
  // each makes file systems of its own, or lists devices. https://www.freedesktop.org/software/systemd/man/252/systemd.exec.html#Sandboxing
  const forbidden = /^(?:Protect(?!Hostname)\w+|Private\w+|ReadWritePaths|ReadOnlyPaths|InaccessiblePaths|ExecPaths|NoExecPaths|BindPaths|BindReadOnlyPaths|TemporaryFileSystem|RootDirectory|RootImage|MountFlags|MountAPIVFS|DynamicUser|DevicePolicy|DeviceAllow|User|CapabilityBoundingSet|IPAddressDeny|SystemCallFilter|MemoryDenyWriteExecute)=/;
  expect(settings(agentUnit(AGENT)).filter((line) => forbidden.test(line))).toEqual([]);
});

describe.each(ROLES)('the unit of a %s', (role) => {
  const unit = serviceUnit(SERVICE(role));

  test('does not start before the agent says so, nor on the disk of the machine', () => {
    expect(unit.name).toBe(`clickhouse-${role}.service.d/50-agent.conf`);
    expect(setting(unit, 'ConditionPathExists')).toEqual(['/run/clickhouse-agent/ready']);
    expect(setting(unit, 'AssertPathIsMountPoint')).toEqual([`/var/lib/clickhouse-${role}`]);
    expect(setting(unit, 'RequiresMountsFor')).toEqual([`/var/lib/clickhouse-${role}`]);
  });

  test.each([
    ['NoNewPrivileges', ['yes']], ['ProtectSystem', ['strict']], ['ProtectHome', ['yes']], ['PrivateTmp', ['yes']], ['PrivateDevices', ['yes']], ['ProtectProc', ['invisible']],
    ['ProtectKernelTunables', ['yes']], ['ProtectKernelModules', ['yes']], ['ProtectKernelLogs', ['yes']], ['ProtectControlGroups', ['yes']], ['ProtectClock', ['yes']],
    ['ProtectHostname', ['yes']], ['RestrictSUIDSGID', ['yes']], ['RestrictRealtime', ['yes']], ['RestrictNamespaces', ['yes']], ['LockPersonality', ['yes']], ['KeyringMode', ['private']],
    ['SystemCallArchitectures', ['native']], ['SystemCallErrorNumber', ['EPERM']], ['RestrictAddressFamilies', ['AF_UNIX AF_INET AF_INET6 AF_NETLINK']],
    ['UMask', ['0027']], ['LimitCORE', ['0']], ['LimitNOFILE', ['500000']],
    // emptied first: what the package says would be added to.
    ['EnvironmentFile', ['']], ['CapabilityBoundingSet', ['', 'CAP_IPC_LOCK CAP_SYS_NICE']], ['AmbientCapabilities', ['', 'CAP_IPC_LOCK CAP_SYS_NICE']],
    ['ReadWritePaths', [`/var/lib/clickhouse-${role} /var/log/clickhouse-${role}`]], ['InaccessiblePaths', ['-/etc/clickhouse-agent -/run/clickhouse-agent']],
    ['IPAddressDeny', [METADATA_ADDRESSES.join(' ')]],
    ['SystemCallFilter', ['~@clock @cpu-emulation @debug @keyring @module @mount @obsolete @raw-io @reboot @swap']],
    ['Environment', ['CLICKHOUSE_WATCHDOG_ENABLE=0']], ['Restart', ['always']], ['TimeoutStartSec', ['infinity']], ['TimeoutStopSec', ['450']],
    // it compiles.
    ['MemoryDenyWriteExecute', []],
  ])('%s', (name, values) => expect(setting(unit, name)).toEqual(values));
});

test.each(['/x y', '/x%i', '/x$HOME', '/x\nExecStart=/bin/false', '/x"', '/x;', '', '/x\\x20', "/x'"])('a path that would mean something else to systemd is refused: %j', (path) => {
  for (const key of ['node', 'program', 'identity', 'manifest'] as const) expect(() => agentUnit({ ...AGENT, [key]: path })).toThrow('a unit cannot hold');
  for (const key of ['data', 'log', 'agentConfig'] as const) expect(() => serviceUnit({ ...SERVICE('server'), [key]: path })).toThrow('a unit cannot hold');
  expect(() => agentUnit({ ...AGENT, runtime: `/run${path}` })).toThrow(/a unit cannot hold|must lie directly in/);
  if (path !== '') expect(() => serviceUnit({ ...SERVICE('server'), runtime: path })).toThrow('a unit cannot hold');
});

test.each([-1, 1.5, NaN, Infinity])('no unit for draining %s seconds', (drainSeconds) => {
  expect(() => serviceUnit({ ...SERVICE('server'), drainSeconds })).toThrow('drainSeconds');
});

test('what is forgotten with the machine lies in /run', () => {
  expect(() => agentUnit({ ...AGENT, runtime: '/var/lib/agent' })).toThrow('directly in /run');
});

const UNITS = [agentUnit(AGENT), serviceUnit(SERVICE('server'))];
const OWNER = { uid: 0, gid: 0, mode: 0o644 };
const DIRECTORY = '/etc/systemd/system';

/** A machine whose systemd knows the files as they were when it last read them. */
class Machine implements UnitsWorld {
  readonly disk = new FakeTree([DIRECTORY]);
  readonly directory = DIRECTORY;
  readonly owner = OWNER;
  known = '';
  readonly programs = new FakePrograms(({ program, args: [what] }) => {
    expect(program).toBe('/usr/bin/systemctl');
    if (what === 'daemon-reload') this.known = this.files;
    return what === 'show' ? { stdout: this.known === this.files ? 'no\n' : 'yes\n' } : {};
  });

  get files(): string {
    return JSON.stringify(this.disk.outside(() => this.disk.files().filter(({ path }) => !path.endsWith('.tmp'))));
  }

  get reloads(): number {
    return this.programs.lines.filter((line) => line === '/usr/bin/systemctl daemon-reload').length;
  }
}

test('units are written and read once, and again when one differs', async () => {
  const machine = new Machine();
  expect(await writeUnits(UNITS, machine)).toBe(true);
  expect(machine.disk.files().map(({ path, content, owner }) => [path, content, owner])).toEqual(UNITS.map(({ name, text }) => [join(DIRECTORY, name), text, OWNER]));
  expect(machine.disk.look(`${DIRECTORY}/clickhouse-server.service.d`)?.mode).toBe(0o755);
  expect(await writeUnits(UNITS, machine)).toBe(false);
  expect(machine.reloads).toBe(1);
  for (const attack of [
    () => machine.disk.put(`${DIRECTORY}/clickhouse-server.service.d/50-agent.conf`, '[Service]\nUser=root\n', OWNER),
    () => machine.disk.put(`${DIRECTORY}/clickhouse-agent.service`, UNITS[0]?.text ?? '', { ...OWNER, mode: 0o666 }),
    () => machine.disk.remove(`${DIRECTORY}/clickhouse-agent.service`),
  ]) {
    const before = machine.reloads;
    attack();
    expect(await writeUnits(UNITS, machine)).toBe(true);
    expect(machine.disk.files().map(({ content, owner }) => [content, owner]).sort()).toEqual(UNITS.map(({ text }) => [text, OWNER]).sort());
    expect(machine.reloads).toBe(before + 1);
  }
});

test('wherever the process ends, after the next one systemd knows what is written', async () => {
  let ended = 0;
  for (const hit of ['before', 'after', 'half'] as const) {
    for (const kind of ['kill', 'power'] as const) {
      for (let after = 0; after < 24; after++) {
        const machine = new Machine();
        machine.disk.fate = new Fate({ after, hit, kind, luck: 0.5 });
        machine.programs.fate = machine.disk.fate;
        await writeUnits(UNITS, machine).catch((error: unknown) => {
          expect(error).toEqual(new Error('the process has ended'));
          ended += 1;
        });
        machine.disk.restart();
        machine.programs.fate = machine.disk.fate;
        await writeUnits(UNITS, machine);
        expect(machine.known).toBe(machine.files);
        expect(machine.disk.files().map(({ path, content }) => [path, content]).sort()).toEqual(UNITS.map(({ name, text }) => [join(DIRECTORY, name), text]).sort());
      }
    }
  }
  expect(ended).toBeGreaterThan(60);
});

test('systemctl is asked for what it can do', async () => {
  const programs = new FakePrograms();
  await start(programs, serviceName('server'));
  await stop(programs, serviceName('keeper'), 420);
  await kill(programs, serviceName('server'));
  await enableAutostart(programs, 'clickhouse-agent.service');
  await disableAutostart(programs, serviceName('server'));
  expect(programs.calls.map(({ program, args, options }) => [program, ...args, options])).toEqual([
    ['/usr/bin/systemctl', 'start', '--no-block', 'clickhouse-server.service', {}],
    ['/usr/bin/systemctl', 'show', '--property=LoadState', '--value', 'clickhouse-keeper.service', {}],
    ['/usr/bin/systemctl', 'stop', 'clickhouse-keeper.service', { timeoutSeconds: 420 }],
    ['/usr/bin/systemctl', 'kill', '--signal=SIGKILL', 'clickhouse-server.service', {}],
    ['/usr/bin/systemctl', 'enable', 'clickhouse-agent.service', {}],
    ['/usr/bin/systemctl', 'disable', 'clickhouse-server.service', {}],
  ]);
  const failing = new FakePrograms(() => ({ code: 1, stderr: 'Failed to start: Unit not found.' }));
  for (const act of [start, enableAutostart, disableAutostart, isActive, kill]) await expect(act(failing, 'x.service')).rejects.toThrow('Unit not found');
  await expect(stop(failing, 'x.service', 1)).rejects.toThrow('Unit not found');
});

test.each([['active', true], ['activating', true], ['reloading', true], ['inactive', false], ['failed', false], ['deactivating', false], ['', false]])('a unit that is %s: %s', async (state, active) => {
  const programs = new FakePrograms(() => ({ stdout: `${state}\n` }));
  expect(await isActive(programs, 'clickhouse-server.service')).toBe(active);
  expect(programs.lines).toEqual(['/usr/bin/systemctl show --property=ActiveState --value clickhouse-server.service']);
});

/** What systemctl says of a unit in these states when something fails to be done with it. `systemd.test.ts` asks a real one. */
const inStates = (load: string, active: string, fails: boolean): FakePrograms =>
  new FakePrograms(({ args: [what, property] }) => (what === 'show' ? { stdout: `${property === '--property=LoadState' ? load : active}\n` } : fails ? { code: 5, stderr: 'Unit x.service not loaded.' } : {}));
const done = (programs: FakePrograms): string[] => programs.calls.map(({ args: [what = ''] }) => what).filter((what) => what !== 'show');

test.each([
  ['not-found', 'inactive', false],
  // it runs, and its file is gone.
  ['not-found', 'active', true],
  ['not-found', 'failed', true],
  ['loaded', 'inactive', true],
  ['loaded', 'active', true],
])('a unit that is %s and %s is to be stopped: %s', async (load, active, stopped) => {
  const programs = inStates(load, active, false);
  await stop(programs, 'x.service', 1);
  expect(done(programs)).toEqual(stopped ? ['stop'] : []);
  if (stopped) await expect(stop(inStates(load, active, true), 'x.service', 1)).rejects.toThrow('stop x.service ended with 5: Unit x.service not loaded.');
});

test.each([['loaded', 'inactive', true], ['not-found', 'inactive', true], ['loaded', 'active', false], ['loaded', 'deactivating', false], ['loaded', 'activating', false], ['loaded', 'failed', false], ['not-found', 'active', false]])(
  'a unit that is %s and %s, and cannot be killed, does not run: %s', async (load, active, fine) => {
    const attempt = kill(inStates(load, active, true), 'x.service');
    if (fine) await expect(attempt).resolves.toBeUndefined();
    else await expect(attempt).rejects.toThrow('kill --signal=SIGKILL x.service ended with 5');
  });

/** What the package brings, in what matters here. https://github.com/ClickHouse/ClickHouse/blob/master/packages/clickhouse-server.service */
const packaged = (role: string, program: string): string => `[Unit]
Description=stands for what the package brings
Requires=network-online.target
After=time-sync.target network-online.target
[Service]
Type=notify
User=clickhouse
Group=clickhouse
Restart=always
RestartSec=30
RuntimeDirectory=clickhouse-${role}
ExecStart=${program} --config=/etc/clickhouse-${role}/config.xml
EnvironmentFile=-/etc/default/clickhouse
LimitCORE=infinity
LimitNOFILE=500000
CapabilityBoundingSet=CAP_NET_ADMIN CAP_IPC_LOCK CAP_SYS_NICE CAP_NET_BIND_SERVICE
AmbientCapabilities=CAP_NET_ADMIN CAP_IPC_LOCK CAP_SYS_NICE CAP_NET_BIND_SERVICE
[Install]
WantedBy=multi-user.target
`;

const PROVES = 'systemd finds nothing wrong with the units, and calls ClickHouse confined (systemd-analyze)';
const analyzes = spawnSync('systemd-analyze', ['--version']).status === 0;
if (!analyzes) process.stderr.write(`NOT PROVEN: ${PROVES}. There is no systemd-analyze\n`);

(analyzes ? describe : describe.skip)(PROVES, () => {
  let root: string;
  const analyze = (...args: string[]): { status: number | null; output: string; stdout: string } => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8', env: { PATH: process.env.PATH, SYSTEMD_UNIT_PATH: `${root}/units:`, SYSTEMD_LOG_LEVEL: 'info' } });
    return { status, output: stdout + stderr, stdout };
  };
  const unitPath = (name: string): string => join(root, 'units', name);
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'units-'));
    for (const name of ['node-24', 'clickhouse-server', 'clickhouse-keeper']) {
      write(join(root, 'bin', name), '#!/bin/true\n');
      chmodSync(join(root, 'bin', name), 0o755);
    }
    const units = [agentUnit({ ...AGENT, node: join(root, 'bin/node-24') }), ...ROLES.map((role) => serviceUnit(SERVICE(role)))];
    for (const { name, text } of units) write(unitPath(name), text);
    for (const role of ROLES) write(unitPath(serviceName(role)), packaged(role, join(root, 'bin', `clickhouse-${role}`)));
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const all = ['clickhouse-agent.service', ...ROLES.map(serviceName)];

  test('verify says nothing', () => {
    expect(analyze('verify', '--man=no', ...all.map(unitPath))).toMatchObject({ status: 0, output: '' });
  });

  test('and would: it reads the drop-in', () => {
    writeFileSync(unitPath('clickhouse-server.service.d/60-wrong.conf'), '[Service]\nNoSuchSetting=yes\n');
    expect(analyze('verify', '--man=no', ...all.map(unitPath)).output).toContain('NoSuchSetting');
  });

  const OPEN = [
    // it locks its program in memory and ranks its threads.
    'AmbientCapabilities', 'CapabilityBoundingSet_CAP_IPC_LOCK', 'CapabilityBoundingSet_CAP_SYS_NICE_RESOURCE',
    // the clock's device may be read, if it were there: ProtectClock.
    'DeviceAllow',
    // it serves a network, and there is one place in it where it may not go.
    'IPAddressDeny', 'PrivateNetwork', 'RestrictAddressFamilies_AF_INET_INET6', 'RestrictAddressFamilies_AF_NETLINK', 'RestrictAddressFamilies_AF_UNIX',
    // it compiles.
    'MemoryDenyWriteExecute',
    // implied by ProtectSystem and others, which systemd does not count.
    'PrivateMounts',
    // would take the capabilities from it.
    'PrivateUsers',
    // it reads how much memory there is, and how busy the machine.
    'ProcSubset',
    'RemoveIPC', 'RootDirectoryOrRootImage', 'SystemCallFilter_privileged', 'SystemCallFilter_resources',
    // its group reads, which nobody else is in.
    'UMask',
  ];

  /** What systemd makes of unit and drop-in together. */
  const security = (unit: string): Map<string, boolean> => {
    const { stdout } = analyze('security', '--offline=true', '--json=short', unitPath(unit));
    return new Map((JSON.parse(stdout) as { json_field: string; set: boolean }[]).map(({ json_field: field, set }) => [field, set]));
  };

  test.each(ROLES)('what is left open to a %s is this and nothing else', (role) => {
    const confined = security(serviceName(role));
    expect(confined.size).toBeGreaterThan(70);
    expect([...confined].filter(([, set]) => !set).map(([field]) => field).sort()).toEqual([...OPEN].sort());
    expect(analyze('security', '--offline=true', '--threshold=30', unitPath(serviceName(role))).status).toBe(0);
  });

  test('which is the doing of the drop-in', () => {
    rmSync(unitPath('clickhouse-server.service.d/50-agent.conf'));
    expect(analyze('security', '--offline=true', '--threshold=30', unitPath('clickhouse-server.service')).status).not.toBe(0);
    expect(security('clickhouse-server.service').get('CapabilityBoundingSet_CAP_NET_ADMIN')).toBe(false);
  });
});
