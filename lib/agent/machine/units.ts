import { basename, dirname, join } from 'node:path';
import type { FolderDisk } from '../certificates/folders';
import type { Owner } from '../disk';
import { isAlready, replaceFile } from '../disk';
import type { Programs } from '../programs';
import { succeed } from '../programs';
import { METADATA_ADDRESSES } from './firewall';

/** A file below the directory of systemd's units. */
export interface Unit {
  /** `clickhouse-agent.service`, or `clickhouse-server.service.d/50-agent.conf`. */
  readonly name: string;
  readonly text: string;
}

export interface AgentUnitRequest {
  /** /usr/bin/node-24 */
  readonly node: string;
  readonly program: string;
  readonly identity: string;
  readonly manifest: string;
  /** a directory below /run. */
  readonly runtime: string;
}

export interface ServiceUnitRequest {
  readonly role: 'server' | 'keeper';
  /** the agent's directory below /run: `ready` in it says that everything is in its place. */
  readonly runtime: string;
  /** where the data volume is mounted. */
  readonly data: string;
  readonly log: string;
  /** what the agent holds: who the node is, and what it is told. */
  readonly agentConfig: string;
  /** how long running queries may take to end. */
  readonly drainSeconds: number;
}

export const AGENT_UNIT = 'clickhouse-agent.service';

/** How the line begins by which ClickHouse does not start before the agent says so. */
export const GUARD = '\nConditionPathExists=/';

/** The name of the file in the agent's runtime directory. */
export const READY = 'ready';

const SYSTEMCTL = '/usr/bin/systemctl';

/**
 * The agent's own unit. It has to be root and to work on the machine itself: what it mounts must be seen by everybody, so nothing here may give it
 * file systems of its own, and what it formats is a device. https://www.freedesktop.org/software/systemd/man/252/systemd.exec.html
 */
export function agentUnit({ node, program, identity, manifest, runtime }: AgentUnitRequest): Unit {
  if (dirname(runtime) !== '/run') throw new Error(`the agent's runtime directory must lie directly in /run, got ${JSON.stringify(runtime)}`);
  return {
    name: AGENT_UNIT,
    text: text(
      '[Unit]',
      'Description=Brings this ClickHouse node up and keeps it as it should be',
      'Wants=network-online.target',
      'After=network-online.target',
      '# whatever fails is tried again for ever.',
      'StartLimitIntervalSec=0',
      '',
      '[Service]',
      'Type=exec',
      `ExecStart=${[node, program, 'run', '--identity', identity, '--manifest', manifest].map(word).join(' ')}`,
      'Restart=always',
      'RestartSec=10',
      '# what it runs ends with it: no two that format, mount or install at once.',
      'KillMode=control-group',
      '# memory is what ClickHouse takes; when it is short, the agent is not what goes.',
      'OOMScoreAdjust=-500',
      '# what it remembers until the machine starts anew survives a restart of the agent.',
      `RuntimeDirectory=${basename(word(runtime))}`,
      'RuntimeDirectoryMode=0700',
      'RuntimeDirectoryPreserve=yes',
      'UMask=0077',
      '# a core would hold secrets.',
      'LimitCORE=0',
      'LockPersonality=yes',
      'RestrictRealtime=yes',
      'RestrictNamespaces=yes',
      'SystemCallArchitectures=native',
      '# NETLINK is how the firewall is set.',
      'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
      'KeyringMode=private',
      '',
      '[Install]',
      'WantedBy=multi-user.target',
    ),
  };
}

/**
 * What is added to the unit that ClickHouse's package brings, which restricts next to nothing.
 * https://github.com/ClickHouse/ClickHouse/blob/master/packages/clickhouse-server.service
 *
 * Not there: MemoryDenyWriteExecute, since ClickHouse compiles expressions to machine code
 * (https://clickhouse.com/docs/operations/settings/settings#compile_expressions).
 */
export function serviceUnit({ role, runtime, data, log, agentConfig, drainSeconds }: ServiceUnitRequest): Unit {
  if (!Number.isInteger(drainSeconds) || drainSeconds < 0) throw new Error(`drainSeconds must be a whole number of seconds, got ${drainSeconds}`);
  return {
    name: `${serviceName(role)}.d/50-agent.conf`,
    text: text(
      '[Unit]',
      '# not before the agent has put everything in its place, whoever starts it; forgotten when the machine starts anew.',
      `ConditionPathExists=${word(join(runtime, READY))}`,
      '# never on the disk of the machine, which goes with it. Fails aloud.',
      `AssertPathIsMountPoint=${word(data)}`,
      '# ends before the volume goes.',
      `RequiresMountsFor=${word(data)}`,
      'StartLimitIntervalSec=0',
      '',
      '[Service]',
      '# an empty value takes back what the package says: nothing but these files configures it.',
      'EnvironmentFile=',
      '# systemd watches over it.',
      'Environment=CLICKHOUSE_WATCHDOG_ENABLE=0',
      'Restart=always',
      'RestartSec=10',
      '# loading many tables takes long.',
      'TimeoutStartSec=infinity',
      '# running queries may end, then what is in memory is written, which can take longer than a minute. Auto Scaling waits for a',
      '# machine that is to go five minutes longer than queries may run; half a minute of that is for leaving the load balancer.',
      `TimeoutStopSec=${drainSeconds + 150}`,
      'LimitNOFILE=500000',
      '# a core would hold data, passwords and keys.',
      'LimitCORE=0',
      'UMask=0027',
      'NoNewPrivileges=yes',
      'ProtectSystem=strict',
      `ReadWritePaths=${word(data)} ${word(log)}`,
      `InaccessiblePaths=-${word(agentConfig)} -${word(runtime)}`,
      'ProtectHome=yes',
      'PrivateTmp=yes',
      'PrivateDevices=yes',
      '# other processes, and what they were started with, are not seen.',
      'ProtectProc=invisible',
      'ProtectKernelTunables=yes',
      'ProtectKernelModules=yes',
      'ProtectKernelLogs=yes',
      'ProtectControlGroups=yes',
      'ProtectClock=yes',
      'ProtectHostname=yes',
      'RestrictSUIDSGID=yes',
      'RestrictRealtime=yes',
      'RestrictNamespaces=yes',
      'LockPersonality=yes',
      'KeyringMode=private',
      'SystemCallArchitectures=native',
      '# what a database has no use for; an error rather than the end of the process.',
      'SystemCallFilter=~@clock @cpu-emulation @debug @keyring @module @mount @obsolete @raw-io @reboot @swap',
      'SystemCallErrorNumber=EPERM',
      '# NETLINK: it asks which addresses are its own (getifaddrs).',
      'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
      '# lists are added to unless they are emptied first. Without NET_ADMIN it reads its statistics from /proc instead',
      '# (https://clickhouse.com/docs/operations/system-tables); with it, it could take down the firewall.',
      'CapabilityBoundingSet=',
      'CapabilityBoundingSet=CAP_IPC_LOCK CAP_SYS_NICE',
      '# given by systemd, because with NoNewPrivileges a program cannot bring its own.',
      'AmbientCapabilities=',
      'AmbientCapabilities=CAP_IPC_LOCK CAP_SYS_NICE',
      '# a second lock on the metadata service, besides the firewall.',
      `IPAddressDeny=${METADATA_ADDRESSES.join(' ')}`,
    ),
  };
}

/** What the package calls its unit. */
export function serviceName(role: 'server' | 'keeper'): string {
  return `clickhouse-${role}.service`;
}

export interface UnitsWorld {
  readonly programs: Programs;
  readonly disk: FolderDisk;
  /** /etc/systemd/system */
  readonly directory: string;
  /** whose the files are: root's. */
  readonly owner: Owner;
}

/**
 * Writes what differs and lets systemd read it; says whether something was written. May come before the package whose unit it adds to, and must: see
 * `packages.ts`. A unit that runs already changes when it is started the next time.
 */
export async function writeUnits(units: readonly Unit[], world: UnitsWorld): Promise<boolean> {
  const { programs, disk, directory, owner } = world;
  let changed = false;
  for (const each of units) {
    const path = join(directory, each.name);
    const holder = dirname(path);
    if (holder !== directory && disk.look(holder) === undefined) disk.makeDirectory(holder, 0o755);
    removeUnfinished(disk, path);
    if (isAlready(disk, path, each.text, owner)) continue;
    replaceFile(disk, path, each.text, owner);
    changed = true;
  }
  // also when a process ended after it had written and before it told systemd.
  if (changed || (await isStale(programs, units))) await succeed(programs, SYSTEMCTL, ['daemon-reload']);
  return changed;
}

/** Lets systemd start a unit; does not wait until it has. A unit that is started, or should not start yet, is no failure: see {@link isActive}. */
export async function start(programs: Programs, unit: string): Promise<void> {
  await succeed(programs, SYSTEMCTL, ['start', '--no-block', unit]);
}

/** Stops a unit and waits until it has ended. One that systemd does not know is stopped already, which `systemctl stop` calls a failure. */
export async function stop(programs: Programs, unit: string, timeoutSeconds: number): Promise<void> {
  // what runs while its file is gone is not found either, and can be stopped.
  if ((await property(programs, unit, 'LoadState')) === 'not-found' && (await isAtRest(programs, unit))) return;
  await succeed(programs, SYSTEMCTL, ['stop', unit], { timeoutSeconds });
}

/**
 * Ends all processes of a unit at once, without waiting for what they do. For a ClickHouse that lets strangers in. Where nothing runs there is nothing
 * to end, and that is no failure.
 *
 * systemd starts anew what has `Restart=always`, unless its conditions do not hold any more or it is stopped as well.
 *
 * @see https://www.freedesktop.org/software/systemd/man/252/systemctl.html (kill)
 */
export async function kill(programs: Programs, unit: string): Promise<void> {
  try {
    await succeed(programs, SYSTEMCTL, ['kill', '--signal=SIGKILL', unit]);
  } catch (error) {
    // a unit that nobody has used for a while is 'not loaded' to this command, although there is a file.
    if (!(await isAtRest(programs, unit))) throw error;
  }
}

/** Whether a unit runs, or is about to; one that systemd does not know does not. */
export async function isActive(programs: Programs, unit: string): Promise<boolean> {
  const state = await property(programs, unit, 'ActiveState');
  return ['active', 'activating', 'reloading'].includes(state);
}

/** Starts a unit with the machine from now on. */
export async function enableAutostart(programs: Programs, unit: string): Promise<void> {
  await succeed(programs, SYSTEMCTL, ['enable', unit]);
}

/** Lets nobody but the agent start a unit. */
export async function disableAutostart(programs: Programs, unit: string): Promise<void> {
  await succeed(programs, SYSTEMCTL, ['disable', unit]);
}

async function isStale(programs: Programs, units: readonly Unit[]): Promise<boolean> {
  for (const unit of new Set(units.map(({ name }) => name.split('/')[0]?.replace(/\.d$/, '') ?? name))) {
    if ((await property(programs, unit, 'NeedDaemonReload')) !== 'no') return true;
  }
  return false;
}

/** Whether it is certain that nothing of a unit runs. */
async function isAtRest(programs: Programs, unit: string): Promise<boolean> {
  return (await property(programs, unit, 'ActiveState')) === 'inactive';
}

async function property(programs: Programs, unit: string, name: string): Promise<string> {
  return (await succeed(programs, SYSTEMCTL, ['show', `--property=${name}`, '--value', unit])).trim();
}

/** What a process left behind that ended while it replaced the file. systemd reads neither: they end in `.tmp`. */
function removeUnfinished(disk: FolderDisk, path: string): void {
  const name = basename(path);
  for (const each of disk.list(dirname(path))) {
    if (each.startsWith(`.${name}.`) && /^\.[0-9a-f]{12}\.tmp$/.test(each.slice(name.length + 1))) disk.remove(join(dirname(path), each));
  }
}

/** A path that means itself to systemd: no blank that ends it, no `%` and no `$` that stand for something else. */
function word(path: string): string {
  if (!/^\/?[A-Za-z0-9_-][A-Za-z0-9._/-]*$/.test(path)) throw new Error(`a unit cannot hold ${JSON.stringify(path)}: only letters, digits and ._/- stand for themselves`);
  return path;
}

function text(...lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}
