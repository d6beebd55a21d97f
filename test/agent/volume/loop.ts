import { createHash } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, statSync, symlinkSync, truncateSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FOLDER_DISK } from '../../../lib/agent/certificates/folders';
import { PROGRAMS } from '../../../lib/agent/programs';
import type { VolumeRequest, VolumeWorld } from '../../../lib/agent/volume';
import { DEVICES } from '../../../lib/agent/volume';

const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/** Runs a program for a test; fails unless it succeeds. */
export function sh(program: string, ...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', env: ENVIRONMENT });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${status}: ${stderr} ${error?.message ?? ''}`);
  return stdout;
}

/** A real block device over a file, which EC2 (the only thing that is not real) calls a volume. */
export class LoopVolume {
  readonly root = mkdtempSync(join(tmpdir(), 'volume-'));
  readonly file = join(this.root, 'volume.img');
  readonly mountPoint = join(this.root, 'mnt', 'data');
  readonly link = join(this.root, 'nvme-Amazon_Elastic_Block_Store_vol0a');
  readonly events: Record<string, unknown>[] = [];
  device = '';

  constructor(readonly bytes: number) {
    mkdirSync(join(this.root, 'mnt'));
    closeSync(openSync(this.file, 'w'));
    truncateSync(this.file, bytes);
  }

  get request(): VolumeRequest {
    return { volumeId: 'vol-0a', instanceId: 'i-0us', mountPoint: this.mountPoint, devicePath: this.link, owner: { cluster: 'blue', node: 'a-1' }, stackId: 'stack-1' };
  }

  get world(): VolumeWorld {
    return {
      ...DEVICES,
      volumes: {
        describe: () => Promise.resolve({ state: this.device ? 'in-use' : 'available', sizeGiB: statSync(this.file).size / 2 ** 30, attachments: this.device ? [{ instanceId: 'i-0us', state: 'attached', device: '/dev/sdf' }] : [] }),
        attach: () => Promise.resolve(this.attach()),
      },
      programs: PROGRAMS,
      disk: FOLDER_DISK,
      sleep: () => new Promise((wake) => setTimeout(wake, 5)),
      now: () => Date.now(),
      log: (event) => void this.events.push(event as Record<string, unknown>),
    };
  }

  get states(): unknown[] {
    return this.events.map(({ state }) => state);
  }

  attach(): void {
    this.device = sh('losetup', '--find', '--show', this.file).trim();
    symlinkSync(this.device, this.link);
  }

  /** As when the machine ends: everything is written, nothing is mounted, the device is gone. */
  detach(): void {
    for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n').reverse()) {
      const path = line.split(' ')[4];
      if (path?.startsWith(`${this.root}/`)) sh('umount', '--', path);
    }
    if (this.device) {
      sh('losetup', '--detach', this.device);
      rmSync(this.link);
      this.device = '';
    }
  }

  write(offset: number, data: Buffer): void {
    const fd = openSync(this.file, 'r+');
    try {
      writeSync(fd, data, 0, data.length, offset);
    } finally {
      closeSync(fd);
    }
  }

  read(offset: number, length: number): Buffer {
    const fd = openSync(this.file, 'r');
    try {
      const data = Buffer.alloc(length);
      readSync(fd, data, 0, length, offset);
      return data;
    } finally {
      closeSync(fd);
    }
  }

  sha256(): string {
    return createHash('sha256').update(readFileSync(this.file)).digest('hex');
  }

  end(): void {
    try {
      this.detach();
    } finally {
      // never through a mount that could not be undone.
      if (!readFileSync('/proc/self/mountinfo', 'utf8').includes(`${this.root}/`)) rmSync(this.root, { recursive: true, force: true });
    }
  }
}

/** Why a file cannot be a disk here, with a file system that is mounted; nothing where it can. */
export function loopMissing(): string | undefined {
  const volume = new LoopVolume(8 * 2 ** 20);
  try {
    volume.attach();
    sh('mkfs.ext4', '-q', volume.device);
    mkdirSync(volume.mountPoint);
    sh('mount', '-t', 'ext4', '--', volume.device, volume.mountPoint);
    for (const program of ['blkid', 'wipefs', 'e2fsck', 'resize2fs', 'mkswap']) if (spawnSync(program, ['--version'], { env: ENVIRONMENT }).error) return `there is no ${program}`;
    return undefined;
  } catch (error) {
    return (error as Error).message;
  } finally {
    volume.end();
  }
}

/** A group of tests that need loop devices. Where there are none they are skipped, saying aloud what was not proven. */
export function describeLoop(proves: string, tests: () => void): void {
  const missing = loopMissing();
  if (missing === undefined) {
    describe(proves, tests);
  } else {
    console.warn(`NOT PROVEN: ${proves}. No loop devices: ${missing}`);
    describe.skip(proves, tests);
  }
}
