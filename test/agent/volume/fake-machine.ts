import { createHash } from 'node:crypto';
import type { FolderDisk } from '../../../lib/agent/certificates/folders';
import type { ProgramResult } from '../../../lib/agent/programs';
import type { BlockDevice, VolumeDescription, VolumeRequest, VolumeWorld } from '../../../lib/agent/volume';
import { FakeTree } from '../certificates/fake-tree';
import type { Crash } from '../credentials/fake-disk';
import { Fate } from '../credentials/fake-disk';

export const MIB = 1024 * 1024;
const ZEROS = Buffer.alloc(MIB);
const SECTOR = 512;
const SUPERBLOCK = 1024;

/** A device in memory, most of it zero. What was not synchronised is lost in a power failure sector by sector, in any order. */
export class FakeDevice implements BlockDevice {
  private readonly durable = new Map<number, Buffer>();
  private readonly cached = new Map<number, Buffer>();

  constructor(private readonly bytes: number) {}

  size(): number {
    return this.bytes;
  }

  read(offset: number, length: number): Buffer {
    if (offset < 0 || offset + length > this.bytes) throw new Error(`${offset} + ${length} is not on the device`);
    let data: Buffer | undefined;
    for (const from of [this.durable, this.cached]) {
      for (const [sector, content] of from) {
        const at = sector * SECTOR - offset;
        if (at <= -SECTOR || at >= length) continue;
        data ??= Buffer.alloc(length);
        content.copy(data, Math.max(0, at), Math.max(0, -at));
      }
    }
    // most reads find nothing, and nobody changes what he has read.
    return data ?? (length <= MIB ? ZEROS.subarray(0, length) : Buffer.alloc(length));
  }

  write(offset: number, data: Buffer): void {
    const first = Math.floor(offset / SECTOR);
    for (let sector = first; sector * SECTOR < offset + data.length; sector += 1) {
      const content = Buffer.from(this.read(sector * SECTOR, SECTOR));
      const at = offset - sector * SECTOR;
      data.copy(content, Math.max(0, at), Math.max(0, -at));
      this.cached.set(sector, content);
    }
  }

  sync(): void {
    for (const [sector, content] of this.cached) this.durable.set(sector, content);
    this.cached.clear();
  }

  /** makes this last and nothing else, as the kernel does with what it writes itself. */
  keep(offset: number, length: number): void {
    for (const [sector, content] of [...this.cached]) {
      if (sector * SECTOR < offset || sector * SECTOR >= offset + length) continue;
      this.durable.set(sector, content);
      this.cached.delete(sector);
    }
  }

  close(): void {
    // nothing is held.
  }

  losePower(luck: number): void {
    for (const [sector, content] of this.cached) {
      if (chance(luck, sector) < luck) this.durable.set(sector, content);
    }
    this.cached.clear();
  }

  /** everything that is there, except what mounting changes. */
  fingerprint(): string {
    const hash = createHash('sha256');
    const all = new Map([...this.durable, ...this.cached]);
    for (const [sector, content] of [...all].sort(([a], [b]) => a - b)) {
      const plain = Buffer.from(content);
      if (sector === SUPERBLOCK / SECTOR) plain.fill(0, 0x2c, 0x36);
      if (plain.some((byte) => byte !== 0)) hash.update(`${sector}:`).update(plain);
    }
    return hash.digest('hex');
  }
}

/** What EC2 does by itself, and when. */
export interface Circumstances {
  /** how long attaching takes, and how long after it the device is there, in milliseconds. */
  readonly attaching: number;
  readonly appearing: number;
  /** how long another instance holds the volume at first, and lets go of it. */
  readonly heldFor: number;
  /** which of EC2's answers are refusals to answer, in order; after that there are none. */
  readonly throttled: readonly boolean[];
  /** how many answers after attaching are older than that. */
  readonly stale: number;
}

export const PLAIN: Circumstances = { attaching: 3_000, appearing: 1_500, heldFor: 0, throttled: [], stale: 0 };

/** How the world goes on after a process has ended. */
export type Ending = 'kill' | 'power' | 'replaced';

/** A machine, its volume and EC2. */
export class FakeMachine {
  readonly device: FakeDevice;
  /** what is in the filesystem, once there is one. */
  files?: FakeTree;
  readonly root = new FakeTree(['/mnt']);
  fate = new Fate();
  time = 1_000_000;
  instance = 1;
  mounted?: string[];
  state = 'available';
  missing = false;
  readonly events: Record<string, unknown>[] = [];
  /** how often mkfs ran, and on what it never may run. */
  formats = 0;
  readonly sins: string[] = [];
  private used = false;
  private throttled: boolean[];
  private stale = 0;
  private holder?: { readonly instanceId: string; readonly since: number; readonly until: number };

  constructor(readonly circumstances: Circumstances = PLAIN, size = 32 * MIB) {
    this.device = new FakeDevice(size);
    this.throttled = [...circumstances.throttled];
    if (circumstances.heldFor > 0) this.holder = { instanceId: 'i-0before', since: 0, until: this.time + circumstances.heldFor };
  }

  get request(): VolumeRequest {
    return {
      volumeId: 'vol-0a',
      instanceId: `i-0number${this.instance}`,
      mountPoint: '/mnt/data',
      devicePath: '/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0a',
      owner: { cluster: 'blue', node: 'a-1' },
      stackId: 'stack-1',
    };
  }

  get world(): VolumeWorld {
    return {
      volumes: { describe: (id) => this.describe(id), attach: (id, instance) => this.attach(id, instance) },
      programs: { run: (program, args) => this.run(program, args) },
      disk: this.disk,
      openDevice: (path, writable) => this.open(path, writable),
      deviceNumber: () => '259:1',
      exists: (path) => path === this.request.devicePath && this.deviceThere(),
      mounts: () => ['1 1 259:0 / / rw - xfs /dev/root rw', ...(this.mounted ? [`2 1 259:1 / ${this.request.mountPoint} ${this.mounted.join(',')} - ext4 /dev/nvme1n1 rw`] : []), ''].join('\n'),
      sleep: (milliseconds) => {
        this.fate.alive();
        this.time += milliseconds;
        return Promise.resolve();
      },
      now: () => this.time,
      log: (event) => void this.events.push(event as Record<string, unknown>),
    };
  }

  /** From now on a process runs that ends there. */
  begin(crash?: Crash): void {
    this.fate = new Fate(crash);
    this.root.fate = this.fate;
    if (this.files) this.files.fate = this.fate;
  }

  /** What a process that has ended leaves to the next one. */
  restart(ending: Ending, luck: number): void {
    if (ending !== 'kill') {
      this.device.losePower(luck);
      this.begin({ after: Infinity, hit: 'before', kind: 'power', luck });
      this.root.restart();
      this.files?.restart();
      this.mounted = undefined;
    }
    if (ending === 'replaced') {
      // the old one is terminated, which takes as long as it takes.
      if (this.holder) this.holder = { ...this.holder, until: this.time + 40_000 };
      this.instance += 1;
    }
    this.begin();
  }

  /** A volume that a node has used. */
  use(owner: { readonly cluster: string; readonly node: string } | undefined): void {
    this.makeFilesystem();
    this.device.sync();
    if (owner) this.files?.put('/mnt/data/.clickhouse-node.json', JSON.stringify(owner));
    this.files?.put('/mnt/data/uuid', 'precious');
    this.used = true;
  }

  private get disk(): FolderDisk {
    const at = (path: string): FakeTree => (this.mounted && this.files && `${path}/`.startsWith(`${this.request.mountPoint}/`) ? this.files : this.root);
    return {
      list: (path) => at(path).list(path),
      look: (path) => at(path).look(path),
      read: (path) => at(path).read(path),
      create: (path) => at(path).create(path),
      rename: (from, to) => at(from).rename(from, to),
      remove: (path) => at(path).remove(path),
      makeDirectory: (path, mode) => at(path).makeDirectory(path, mode),
      syncDirectory: (path) => at(path).syncDirectory(path),
      setDirectoryOwner: (path, owner) => at(path).setDirectoryOwner(path, owner),
      removeDirectory: (path) => at(path).removeDirectory(path),
    };
  }

  private deviceThere(): boolean {
    const { attaching, appearing } = this.circumstances;
    return this.holder?.instanceId === this.request.instanceId && this.time >= this.holder.since + attaching + appearing;
  }

  private answer(): void {
    this.fate.alive();
    // time passes.
    this.time += 200;
    if (this.throttled.shift()) throw Object.assign(new Error('Rate exceeded'), { name: 'ThrottlingException' });
    if (this.holder && this.time >= this.holder.until) this.holder = undefined;
  }

  private describe(volumeId: string): Promise<VolumeDescription | undefined> {
    return asynchronously(() => {
      this.answer();
      if (this.missing || volumeId !== 'vol-0a') return undefined;
      const sizeGiB = this.device.size() / 2 ** 30;
      if (this.holder === undefined || this.stale > 0) {
        this.stale = Math.max(0, this.stale - 1);
        return { state: this.state, sizeGiB, attachments: [] };
      }
      const { instanceId, since, until } = this.holder;
      const state = this.time < since + this.circumstances.attaching ? 'attaching' : this.time > until - 10_000 ? 'detaching' : 'attached';
      return { state: 'in-use', sizeGiB, attachments: [{ instanceId, state, device: '/dev/sdf' }] };
    });
  }

  private attach(volumeId: string, instanceId: string): Promise<void> {
    return asynchronously(() =>
      this.fate.effect(() => {
        this.answer();
        if (volumeId !== 'vol-0a' || instanceId !== this.request.instanceId) throw new Error('not permitted');
        if (this.holder) throw Object.assign(new Error(`${volumeId} is attached to ${this.holder.instanceId}`), { name: 'VolumeInUse' });
        this.holder = { instanceId, since: this.time, until: Infinity };
        this.stale = this.circumstances.stale;
      }),
    );
  }

  private open(path: string, writable: boolean): BlockDevice {
    this.fate.alive();
    if (path !== this.request.devicePath || !this.deviceThere()) throw Object.assign(new Error('no such device'), { code: 'ENXIO' });
    if (writable && this.mounted) throw Object.assign(new Error('busy'), { code: 'EBUSY' });
    const { device } = this;
    const write = (offset: number, data: Buffer): void => {
      if (!writable) throw new Error('open for reading');
      if (offset < device.size() - MIB) this.sins.push(`wrote at ${offset}`);
      device.write(offset, data);
    };
    return {
      size: () => device.size(),
      read: (offset, length) => device.read(offset, length),
      write: (offset, data) => this.fate.effect(() => write(offset, data), () => write(offset, data.subarray(0, SECTOR * Math.floor((this.luck * data.length) / SECTOR)))),
      sync: () => this.fate.effect(() => device.sync()),
      close: () => undefined,
    };
  }

  private get luck(): number {
    return this.fate.crash?.luck ?? 0;
  }

  private run(program: string, args: readonly string[]): Promise<ProgramResult> {
    return asynchronously(() => {
      this.fate.alive();
      switch (program) {
        case 'blkid':
          return this.blkid();
        case 'wipefs':
          return said('');
        case 'mkfs.ext4':
          return this.fate.effect(() => this.mkfs(args), () => this.halfOfMkfs());
        case 'e2fsck':
          return this.fate.effect(() => ({ code: this.whole() ? 0 : 8, stdout: '', stderr: '' }));
        case 'mount':
          return this.fate.effect(() => this.mount(args));
        case 'umount':
          return this.fate.effect(() => {
            this.mounted = undefined;
            return said('');
          });
        default:
          throw new Error(`nobody knows ${program}`);
      }
    });
  }

  private blkid(): ProgramResult {
    const magics = [['xfs', 0, 'XFSB'], ['LVM2_member', 512, 'LABELONE'], ['swap', 4086, 'SWAPSPACE2'], ['ext4', SUPERBLOCK + 0x38, '\x53\xef']] as const;
    const found = magics.filter(([, at, magic]) => this.device.read(at, magic.length).equals(Buffer.from(magic, 'latin1')));
    if (found.length > 1) return { code: 8, stdout: '', stderr: '' };
    return found[0] ? said(`DEVNAME=/dev/nvme1n1\nTYPE=${found[0][0]}\n`) : { code: 2, stdout: '', stderr: '' };
  }

  private mkfs(args: readonly string[]): ProgramResult {
    if (this.mounted) return { code: 1, stdout: '', stderr: 'is mounted' };
    if (this.used) this.sins.push('formatted what was in use');
    if (args.at(-1) !== `${(this.device.size() - MIB) / 1024}k`) this.sins.push(`formatted ${args.at(-1)}`);
    this.formats += 1;
    this.makeFilesystem();
    return said('');
  }

  /** Garbage, with a superblock among it or not. */
  private halfOfMkfs(): void {
    if (this.used) this.sins.push('formatted what was in use');
    this.formats += 1;
    this.files = undefined;
    for (const at of BODY.slice(0, 2)) this.device.write(at, createHash('sha512').update(`${at} ${this.luck}`).digest());
    if (this.luck > 0.4) this.device.write(SUPERBLOCK, this.superblock());
  }

  private makeFilesystem(): void {
    this.files = new FakeTree([this.request.mountPoint, `${this.request.mountPoint}/lost+found`]);
    this.files.fate = this.fate;
    for (const at of BODY) this.device.write(at, Buffer.from(`part of a filesystem at ${at}`));
    this.device.write(SUPERBLOCK, this.superblock());
  }

  private superblock(): Buffer {
    const block = Buffer.alloc(1024);
    block.writeUInt32LE((this.device.size() - MIB) / 4096, 4);
    block.writeUInt32LE(2, 0x18);
    block.writeUInt16LE(0xef53, 0x38);
    return block;
  }

  private whole(): boolean {
    return this.files !== undefined && BODY.every((at) => this.device.read(at, 40).includes(`part of a filesystem at ${at}`)) && this.device.read(SUPERBLOCK + 0x38, 2).readUInt16LE() === 0xef53;
  }

  private mount(args: readonly string[]): ProgramResult {
    if (!this.whole() || this.mounted) return { code: 32, stdout: '', stderr: 'wrong fs type' };
    if (this.root.look(this.request.mountPoint) === undefined) return { code: 32, stdout: '', stderr: 'mount point does not exist' };
    if (args.join(' ') !== `-t ext4 -o noatime,nodev,nosuid,noexec -- ${this.request.devicePath} ${this.request.mountPoint}`) this.sins.push(`mount ${args.join(' ')}`);
    const block = this.device.read(SUPERBLOCK, 1024);
    block.writeUInt32LE(Math.floor(this.time / 1000), 0x2c);
    block.writeUInt16LE(block.readUInt16LE(0x34) + 1, 0x34);
    this.device.write(SUPERBLOCK, block);
    this.device.keep(SUPERBLOCK, block.length);
    this.used = true;
    this.mounted = ['rw', 'nosuid', 'nodev', 'noexec', 'noatime'];
    return said('');
  }
}

// where the fake filesystem has something, besides its superblock.
const BODY = [8192, 5 * MIB, 20 * MIB];

function said(stdout: string): ProgramResult {
  return { code: 0, stdout, stderr: '' };
}

function asynchronously<T>(act: () => T): Promise<T> {
  return new Promise((resolve) => resolve(act()));
}

function chance(seed: number, index: number): number {
  return createHash('sha256').update(`${seed} ${index}`).digest().readUInt32LE() / 2 ** 32;
}
