import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { isAlready, kindOf, replaceFile } from '../disk';
import type { Disk, Owner } from '../disk';
import type { Programs } from '../programs';

/** What the settings of the kernel are set through. */
export interface SettingsWorld {
  readonly programs: Programs;
  readonly disk: Disk;
  /** writes to a file that the kernel made, such as those in /sys; never makes one. See {@link writeKernelFile}. */
  writeKernelFile(path: string, text: string): void;
  readonly paths: SettingsPaths;
  /** whose files on the machine are: root's. */
  readonly owner: Owner;
}

export interface SettingsPaths {
  /** /etc/sysctl.d/90-clickhouse.conf: read at each start, after the distribution's own. */
  readonly sysctl: string;
  /** /sys/kernel/mm/transparent_hugepage/enabled */
  readonly hugePages: string;
}

interface Setting {
  readonly key: string;
  readonly value: string;
  /** without it ClickHouse must not run. */
  readonly required?: true;
  readonly why: string;
}

/** One table: the file and the check are made of it. */
const SETTINGS: readonly Setting[] = [
  { key: 'vm.overcommit_memory', value: '0', why: 'ClickHouse reserves more than it uses: https://clickhouse.com/docs/operations/tips' },
  { key: 'kernel.task_delayacct', value: '1', why: 'lets ClickHouse see how long queries wait for the disk: https://github.com/ClickHouse/ClickHouse/pull/56227' },
  // a limit of 0 on the size of a core does not hold for a program that takes it, which is what the distribution has (systemd-coredump).
  { key: 'kernel.core_pattern', value: '|/bin/false', required: true, why: 'a core holds data, passwords and keys; nobody takes it: https://man7.org/linux/man-pages/man5/core.5.html' },
  { key: 'fs.suid_dumpable', value: '0', required: true, why: 'nor of a program that changed its user: https://man7.org/linux/man-pages/man5/proc_sys_fs.5.html' },
];

/** Writes to a file of the kernel's. */
export function writeKernelFile(path: string, text: string): void {
  const fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    writeFileSync(fd, text);
  } finally {
    closeSync(fd);
  }
}

/** The text of the file with the kernel's settings. */
export function sysctlText(): string {
  return SETTINGS.map(({ key, value, why }) => `# ${why}\n${key} = ${value}\n`).join('');
}

/**
 * Sets what ClickHouse's documentation asks of the machine, and says in one sentence each what could not be set. That costs speed and nothing else.
 * But for cores: with them the data would lie on the disk in the open, so that fails.
 */
export async function applySystemSettings(world: SettingsWorld): Promise<readonly string[]> {
  const { programs, disk, paths, owner } = world;
  const text = sysctlText();
  if (!isAlready(disk, paths.sysctl, text, owner)) replaceFile(disk, paths.sysctl, text, owner);
  // ends with an error when one cannot be set, having tried all: what counts is what is set in the end.
  await programs.run('/usr/sbin/sysctl', ['--load', paths.sysctl]);
  const notes: string[] = [];
  for (const { key, value, required } of SETTINGS) {
    const got = await programs.run('/usr/sbin/sysctl', ['--values', key]);
    if (got.code === 0 && got.stdout.trim() === value) continue;
    const said = `${key} must be ${value}, and is ${JSON.stringify(got.stdout.trim().slice(0, 100))}`;
    if (required) throw new Error(`${said}: a core would hold data and passwords; ClickHouse must not run`);
    notes.push(said);
  }
  return [...notes, ...setHugePages(world), ...(await withoutSwap(programs))];
}

/** Huge pages only where a program asks for them: https://clickhouse.com/docs/operations/tips */
function setHugePages(world: SettingsWorld): string[] {
  const { paths } = world;
  try {
    world.writeKernelFile(paths.hugePages, 'madvise');
    return [];
  } catch (error) {
    return [`${paths.hugePages} cannot be set to madvise: ${kindOf(error)}`];
  }
}

/** Swap is slow and keeps what was in memory on the disk: https://clickhouse.com/docs/operations/tips */
async function withoutSwap(programs: Programs): Promise<string[]> {
  const { code } = await programs.run('/usr/sbin/swapoff', ['--all']);
  return code === 0 ? [] : [`swap cannot be turned off: swapoff ended with ${code}`];
}
