import { lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SettingsWorld } from '../../../lib/agent/machine/settings';
import { applySystemSettings, sysctlText, writeKernelFile } from '../../../lib/agent/machine/settings';
import { FakeTree } from '../certificates/fake-tree';
import type { Crash } from '../credentials/fake-disk';
import { Fate } from '../credentials/fake-disk';
import { FakePrograms } from './fake-programs';

const FILE = '/etc/sysctl.d/90-clickhouse.conf';
const PAGES = '/sys/kernel/mm/transparent_hugepage/enabled';
const OWNER = { uid: 0, gid: 0, mode: 0o644 };

/** A kernel that takes settings from the file, but for those it does not have. */
class Machine implements SettingsWorld {
  readonly disk = new FakeTree(['/etc/sysctl.d', '/sys/kernel/mm/transparent_hugepage']);
  readonly paths = { sysctl: FILE, hugePages: PAGES };
  readonly owner = OWNER;
  readonly values: Record<string, string> = { 'kernel.core_pattern': '|/usr/lib/systemd/systemd-coredump %P', 'fs.suid_dumpable': '2', 'vm.overcommit_memory': '1', 'kernel.task_delayacct': '0' };
  swap = 0;
  pages: string | Error = '';
  readonly programs = new FakePrograms(({ program, args: [how, what = ''] }) => {
    if (program === '/usr/sbin/swapoff') return { code: this.swap };
    if (how === '--values') return what in this.values ? { stdout: `${this.values[what]}\n` } : { code: 255, stderr: 'cannot stat' };
    for (const line of this.disk.read(what).split('\n').filter((each) => each !== '' && !each.startsWith('#'))) {
      const [key = '', value = ''] = line.split(' = ');
      if (key in this.values && !this.frozen.includes(key)) this.values[key] = value;
    }
    return { code: this.frozen.length };
  });

  constructor(private readonly frozen: readonly string[] = []) {}

  writeKernelFile(path: string, text: string): void {
    expect(path).toBe(PAGES);
    if (this.pages instanceof Error) throw this.pages;
    this.pages = text;
  }
}

test('the file, and every setting in it is set', async () => {
  const machine = new Machine();
  expect(await applySystemSettings(machine)).toEqual([]);
  expect(machine.disk.files()).toEqual([{ path: FILE, content: sysctlText(), owner: OWNER }]);
  expect(sysctlText().split('\n').filter((line) => !line.startsWith('#'))).toEqual(['vm.overcommit_memory = 0', 'kernel.task_delayacct = 1', 'kernel.core_pattern = |/bin/false', 'fs.suid_dumpable = 0', '']);
  expect(machine.values).toEqual({ 'kernel.core_pattern': '|/bin/false', 'fs.suid_dumpable': '0', 'vm.overcommit_memory': '0', 'kernel.task_delayacct': '1' });
  expect(machine.pages).toBe('madvise');
  expect(machine.programs.lines).toContain('/usr/sbin/swapoff --all');
  const { modified } = machine.disk.look(FILE) ?? {};
  machine.disk.now += 60_000;
  expect(await applySystemSettings(machine)).toEqual([]);
  expect(machine.disk.look(FILE)?.modified).toBe(modified);
});

test('the file of somebody else, or one that others may write to, is replaced', async () => {
  const machine = new Machine();
  machine.disk.put(FILE, sysctlText(), { uid: 0, gid: 0, mode: 0o666 });
  await applySystemSettings(machine);
  expect(machine.disk.files()).toEqual([{ path: FILE, content: sysctlText(), owner: OWNER }]);
});

test('what only costs speed is noted, all of it', async () => {
  const machine = new Machine(['vm.overcommit_memory']);
  delete machine.values['kernel.task_delayacct'];
  machine.pages = Object.assign(new Error('no such file'), { code: 'ENOENT' });
  machine.swap = 32;
  expect(await applySystemSettings(machine)).toEqual([
    'vm.overcommit_memory must be 0, and is "1"',
    'kernel.task_delayacct must be 1, and is ""',
    `${PAGES} cannot be set to madvise: ENOENT`,
    'swap cannot be turned off: swapoff ended with 32',
  ]);
});

test.each(['kernel.core_pattern', 'fs.suid_dumpable'])('a machine that writes cores runs no ClickHouse: %s', async (key) => {
  await expect(applySystemSettings(new Machine([key]))).rejects.toThrow(`${key} must be`);
  const without = new Machine();
  delete without.values[key];
  await expect(applySystemSettings(without)).rejects.toThrow('ClickHouse must not run');
});

test('wherever the process ends, the next one completes it', async () => {
  for (const hit of ['before', 'after', 'half'] as const) {
    for (const kind of ['kill', 'power'] as const) {
      for (let after = 0; after < 12; after++) {
        const machine = new Machine();
        const crash: Crash = { after, hit, kind, luck: 0.5 };
        machine.disk.fate = new Fate(crash);
        machine.programs.fate = machine.disk.fate;
        await applySystemSettings(machine).catch((error: unknown) => expect(error).toEqual(new Error('the process has ended')));
        machine.disk.restart();
        machine.programs.fate = machine.disk.fate;
        expect(await applySystemSettings(machine)).toEqual([]);
        expect(machine.disk.files().filter(({ path }) => path.endsWith('.conf'))).toEqual([{ path: FILE, content: sysctlText(), owner: OWNER }]);
      }
    }
  }
});

test('a file of the kernel is written to, never made and never looked for behind a link', () => {
  const directory = mkdtempSync(join(tmpdir(), 'kernel-'));
  try {
    writeFileSync(join(directory, 'enabled'), 'always');
    symlinkSync(join(directory, 'enabled'), join(directory, 'link'));
    expect(() => writeKernelFile(join(directory, 'absent'), 'x')).toThrow('ENOENT');
    expect(() => writeKernelFile(join(directory, 'link'), 'x')).toThrow('ELOOP');
    expect(readFileSync(join(directory, 'enabled'), 'utf8')).toBe('always');
    writeKernelFile(join(directory, 'enabled'), 'madvise');
    expect(readFileSync(join(directory, 'enabled'), 'utf8')).toBe('madvise');
    expect(lstatSync(join(directory, 'enabled')).isFile()).toBe(true);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
