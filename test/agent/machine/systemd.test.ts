import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isActive, kill, start, stop } from '../../../lib/agent/machine/units';
import type { Programs } from '../../../lib/agent/programs';
import { PROGRAMS } from '../../../lib/agent/programs';

/**
 * Units are stopped and killed by a systemd of the test's own: a user's instance in namespaces, since a system's wants the machine. Needs root, and
 * systemd in the variable SYSTEMD, mostly /usr/lib/systemd/systemd.
 */
const SYSTEMD = process.env.SYSTEMD;
const PROVES = 'systemd stops and kills units as is asked for, and says so of units that do not run or that it does not know (systemd)';

function missing(): string | undefined {
  if (SYSTEMD === undefined) return 'systemd is not named in SYSTEMD';
  if (process.getuid?.() !== 0) return 'namespaces need root';
  const tools: [string, string[]][] = [[SYSTEMD, ['--version']], ['/usr/bin/systemctl', ['--version']], ['/usr/bin/nsenter', ['--version']], ['unshare', ['--mount', '--pid', '--fork', 'true']]];
  const absent = tools.find(([tool, args]) => spawnSync(tool, args).status !== 0);
  return absent && `${absent[0]} does not run`;
}

function describeSystemd(tests: () => void): void {
  const why = missing();
  if (why === undefined) describe(PROVES, tests);
  // whoever names one wants it run.
  else if (SYSTEMD !== undefined) describe(PROVES, () => test('systemd is available', () => expect(why).toBeUndefined()));
  else {
    process.stderr.write(`NOT PROVEN: ${PROVES}. ${why}\n`);
    describe.skip(PROVES, tests);
  }
}

// a user's instance runs where a system's does, which this directory says. https://www.freedesktop.org/software/systemd/man/252/sd_booted.html
const BEGIN = 'mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && mkdir -m 700 /run/user && "$0" --user >/dev/null 2>&1 </dev/null & wait';

/** A systemd that knows nothing of the machine's. */
class Systemd {
  readonly root = mkdtempSync(join(tmpdir(), 'systemd-'));
  private readonly holder: ChildProcess;
  private readonly groups = controlGroups();
  private readonly environment = ['XDG_RUNTIME_DIR=/run/user', `HOME=${this.root}`, `SYSTEMD_UNIT_PATH=${this.root}:`];

  constructor() {
    this.holder = spawn('unshare', ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'env', ...this.environment, 'sh', '-c', BEGIN, SYSTEMD ?? ''], { stdio: 'ignore' });
  }

  /** What is asked of the system's is asked of it. */
  get programs(): Programs {
    return {
      run: (program, args, options) => {
        if (program !== '/usr/bin/systemctl') throw new Error(`only systemctl is run here, not ${program}`);
        const namespaces = [`--mount=/proc/${this.holder.pid}/ns/mnt`, `--pid=/proc/${this.holder.pid}/ns/pid_for_children`];
        return PROGRAMS.run('/usr/bin/nsenter', [...namespaces, '--', 'env', ...this.environment, program, '--user', ...args], options);
      },
    };
  }

  async systemctl(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.programs.run('/usr/bin/systemctl', args);
    return `${stdout}${stderr}${code}`;
  }

  async ready(): Promise<void> {
    for (let i = 0; !(await this.systemctl('show', '--property=Version')).endsWith('\n0'); i++) {
      if (i > 100) throw new Error('systemd does not answer');
      await pause();
    }
  }

  /** A unit whose processes are called by its name, and end when they are asked to or do not. */
  write(name: string, endsWhenAsked: boolean): void {
    const sleeps = `trap ${endsWhenAsked ? '-' : '""'} TERM; for i in 1 2; do sh -c "sleep 300; : ${this.marker(name)}" & done; wait`;
    writeFileSync(join(this.root, name), `[Service]\nExecStart=/bin/sh -c '${sleeps}'\nRestart=always\nRestartSec=300\nTimeoutStopSec=1\n`);
  }

  /** How many processes of a unit there are. */
  processes(name: string): number {
    return readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && read(`/proc/${pid}/cmdline`).includes(this.marker(name))).length;
  }

  /** Ends, and leaves no control group behind. */
  async end(): Promise<void> {
    const ended = this.holder.exitCode === null && this.holder.signalCode === null ? once(this.holder, 'exit') : undefined;
    const impatient = setTimeout(() => this.holder.kill('SIGKILL'), 10_000);
    await this.programs.run('/usr/bin/systemctl', ['exit']);
    await ended;
    clearTimeout(impatient);
    for (const group of controlGroups().filter((each) => !this.groups.includes(each))) removeGroups(group);
    rmSync(this.root, { recursive: true, force: true });
  }

  private marker(name: string): string {
    return `${this.root}/${name}`;
  }
}

/** The control groups of a user's systemd, which it makes below the one that it is started in, of the same path in each hierarchy that there is. */
function controlGroups(): string[] {
  const own = [...read('/proc/self/cgroup').matchAll(/^\d+:(?:name=)?([^:]*):(.*)$/gm)];
  const hierarchies = ['', 'unified', ...own.flatMap(([, controllers = '']) => [controllers, ...controllers.split(',')])];
  const below = own.flatMap(([, , path = '']) => hierarchies.map((hierarchy) => join('/sys/fs/cgroup', hierarchy, path)));
  return [...new Set(below)].flatMap((group) => ['init.scope', 'app.slice', 'session.slice'].map((name) => join(group, name))).filter(existsSync);
}

/** Removes groups that nothing is in; the kernel removes no others. */
function removeGroups(group: string): void {
  for (const each of readdirSync(group, { withFileTypes: true })) if (each.isDirectory()) removeGroups(join(group, each.name));
  rmdirSync(group);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 50));
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let i = 0; !(await holds()); i++) {
    if (i > 100) throw new Error('it does not come to that');
    await pause();
  }
}

jest.setTimeout(60_000);

describeSystemd(() => {
  let systemd: Systemd;
  beforeAll(async () => {
    systemd = new Systemd();
    for (const name of ['idle.service', 'killed.service', 'stopped.service']) systemd.write(name, false);
    // without its file systemd knows no more how long it may take to end.
    systemd.write('vanished.service', true);
    await systemd.ready();
  });
  afterAll(() => systemd.end());

  test.each(['idle.service', 'unknown.service'])('%s does not run: that it is to end is no failure, again and again', async (unit) => {
    expect(await isActive(systemd.programs, unit)).toBe(false);
    for (let i = 0; i < 2; i++) {
      await stop(systemd.programs, unit, 10);
      await kill(systemd.programs, unit);
    }
    expect(await isActive(systemd.programs, unit)).toBe(false);
    // which is not what systemctl says by itself.
    expect(await systemd.systemctl('kill', '--signal=SIGKILL', unit)).toBe(`Failed to kill unit ${unit}: Unit ${unit} not loaded.\n1`);
    if (unit === 'unknown.service') expect(await systemd.systemctl('stop', unit)).toBe(`Failed to stop ${unit}: Unit ${unit} not loaded.\n5`);
  });

  const running = async (unit: string): Promise<void> => {
    await start(systemd.programs, unit);
    await until(() => systemd.processes(unit) >= 2);
    expect(await isActive(systemd.programs, unit)).toBe(true);
  };

  test('killing ends all processes of a unit at once, although they would not; it waits to be started again, until it is stopped', async () => {
    const unit = 'killed.service';
    await running(unit);
    await kill(systemd.programs, unit);
    await until(() => systemd.processes(unit) === 0);
    await until(async () => (await systemd.systemctl('show', '--property=SubState', '--value', unit)) === 'auto-restart\n0');
    expect(await isActive(systemd.programs, unit)).toBe(true);
    await kill(systemd.programs, unit);
    await stop(systemd.programs, unit, 10);
    expect(await isActive(systemd.programs, unit)).toBe(false);
    await kill(systemd.programs, unit);
  });

  test('stopping waits until everything has ended', async () => {
    const unit = 'stopped.service';
    await running(unit);
    await stop(systemd.programs, unit, 10);
    expect(systemd.processes(unit)).toBe(0);
    expect(await isActive(systemd.programs, unit)).toBe(false);
  });

  test('what runs and whose file is gone is not found, and is stopped all the same', async () => {
    const unit = 'vanished.service';
    await running(unit);
    rmSync(join(systemd.root, unit));
    expect(await systemd.systemctl('daemon-reload')).toBe('0');
    expect(await systemd.systemctl('show', '--property=LoadState', '--value', unit)).toBe('not-found\n0');
    expect(await isActive(systemd.programs, unit)).toBe(true);
    await stop(systemd.programs, unit, 10);
    expect(systemd.processes(unit)).toBe(0);
    expect(await isActive(systemd.programs, unit)).toBe(false);
  });
});
