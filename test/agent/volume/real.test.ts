import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { VolumeWorld } from '../../../lib/agent/volume';
import { DEVICES, markEstablished, mountVolume, VolumeRefused } from '../../../lib/agent/volume';
import { FOLDER_DISK } from '../../../lib/agent/certificates/folders';
import { PROGRAMS } from '../../../lib/agent/programs';
import { intentRecord, roomFor } from '../../../lib/agent/volume/intent';
import { describeLoop, LoopVolume, sh } from './loop';

const MIB = 1024 * 1024;
const SIZE = 64 * MIB;

describeLoop('a real volume with a real filesystem', () => {
  let volumes: LoopVolume[] = [];
  const volume = (bytes = SIZE): LoopVolume => {
    const one = new LoopVolume(bytes);
    volumes.push(one);
    return one;
  };
  afterEach(() => {
    const [...all] = volumes;
    volumes = [];
    for (const each of all) each.end();
  });

  const mount = (each: LoopVolume, world: Partial<VolumeWorld> = {}) => mountVolume(each.request, { ...each.world, ...world });
  const tags = (each: LoopVolume): string => sh('blkid', '--probe', '--output', 'export', each.device);
  const uuid = (each: LoopVolume): string => /^UUID=(.*)$/m.exec(tags(each))?.[1] ?? '';
  const mounts = (each: LoopVolume): string[] => readFileSync('/proc/self/mountinfo', 'utf8').split('\n').filter((line) => line.includes(`${each.root}/`));
  /** refused, nothing mounted, and the file byte for byte as it was. */
  const isRefused = async (each: LoopVolume, reason: RegExp): Promise<void> => {
    const before = each.sha256();
    const outcome: unknown = await mount(each).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ name: 'VolumeRefused', message: expect.stringMatching(reason) as string });
    expect(outcome).toBeInstanceOf(VolumeRefused);
    expect(mounts(each)).toEqual([]);
    each.detach();
    expect(each.sha256()).toBe(before);
  };
  /** a volume on which a node has lived, detached. */
  const used = async (): Promise<LoopVolume> => {
    const each = volume();
    await mount(each);
    writeFileSync(join(each.mountPoint, 'uuid'), 'precious');
    each.detach();
    return each;
  };

  test('empty: formatted, mounted, claimed; then used and found again', async () => {
    const each = volume();
    expect(await mount(each)).toBe('empty');
    expect(each.states).toEqual(['attach', 'intend', 'format', 'check']);
    expect(mounts(each)).toEqual([expect.stringMatching(/ rw,nosuid,nodev,noexec,noatime (?:.* )?- ext4 /)]);
    expect(tags(each)).toMatch(/^LABEL=clickhouse$[^]*^TYPE=ext4$/m);
    expect(sh('dumpe2fs', '-h', each.device)).toMatch(new RegExp(`^Block count: +${roomFor(SIZE) / 4096}$`, 'm'));
    expect(statSync(each.mountPoint)).toMatchObject({ uid: 0, gid: 0 });
    const marker = join(each.mountPoint, '.clickhouse-node.json');
    expect(JSON.parse(readFileSync(marker, 'utf8'))).toEqual({ cluster: 'blue', node: 'a-1' });
    expect(statSync(marker).mode & 0o777).toBe(0o600);
    const first = uuid(each);
    const data = randomBytes(5 * MIB);
    writeFileSync(join(each.mountPoint, 'data.bin'), data);
    each.detach();
    expect(each.read(SIZE - MIB, MIB).equals(Buffer.alloc(MIB))).toBe(true);

    expect(await mount(each)).toBe('unfinished');
    expect(uuid(each)).toBe(first);
    expect(readFileSync(join(each.mountPoint, 'data.bin')).equals(data)).toBe(true);
    markEstablished(FOLDER_DISK, each.mountPoint, 'stack-1');
    // while it is mounted, as when the agent starts anew.
    expect(await mount(each)).toBe('established');
    expect(await mountVolume({ ...each.request, stackId: 'stack-2' }, each.world)).toBe('unfinished');
    expect(each.states.filter((state) => state === 'format')).toHaveLength(1);
    expect(each.states).not.toContain('notGrown');
    expect(mounts(each)).toHaveLength(1);
  });

  test.each<[string, (each: LoopVolume) => void, RegExp]>([
    ['a partition table', (each) => each.write(0, partitionTable()), /holds dos/],
    ['LVM', (each) => each.write(512, lvmLabel()), /holds LVM2_member/],
    ['RAID, which is at the end', (each) => each.write(SIZE - 65536, raidSuperblock()), /holds linux_raid_member/],
    ['encryption', (each) => each.write(0, luksHeader()), /holds crypto_LUKS/],
    ['xfs', (each) => each.write(0, xfsSuperblock()), /holds xfs/],
    ['swap', (each) => void sh('mkswap', each.file), /holds swap/],
    ['ext2', (each) => void sh('mkfs.ext2', '-q', '-F', each.file), /holds ext2/],
    ['several things', (each) => [each.write(0, luksHeader()), each.write(512, lvmLabel()), each.write(SIZE - 65536, raidSuperblock())], /contradict|holds/],
    ['unknown data in the middle', (each) => each.write(30 * MIB, randomBytes(3 * MIB)), /unknown kind/],
    ['one byte of unknown data', (each) => each.write(7 * MIB + 5, Buffer.from([1])), /unknown kind/],
    ['the note of another volume', (each) => each.write(SIZE - 4096, intentRecord('vol-0b')), /copied from another/],
    ['our note, damaged', (each) => each.write(SIZE - 4096, intentRecord('vol-0a').fill(0, 60, 61)), /damaged/],
    ['xfs, and our note', (each) => [each.write(0, xfsSuperblock()), each.write(SIZE - 4096, intentRecord('vol-0a'))], /holds xfs/],
  ])('with %s: refused, byte for byte as it was', async (_, fill, reason) => {
    const each = volume();
    fill(each);
    await isRefused(each, reason);
  });

  test('cut off between mkfs and taking the note away: formatted again, and the note goes', async () => {
    const each = volume();
    const opened: number[] = [];
    const openDevice: VolumeWorld['openDevice'] = (path, writable) => {
      if (writable && opened.push(1) === 2) throw new Error('killed');
      return DEVICES.openDevice(path, writable);
    };
    await expect(mount(each, { openDevice })).rejects.toThrow('killed');
    expect(tags(each)).toMatch(/TYPE=ext4/);
    const first = uuid(each);
    expect(mounts(each)).toEqual([]);
    each.detach();
    expect(await mount(each)).toBe('empty');
    expect(uuid(each)).not.toBe(first);
    each.detach();
    expect(each.read(SIZE - 4096, 4096).equals(Buffer.alloc(4096))).toBe(true);
  });

  test.each([
    ['nothing was written', () => undefined],
    ['garbage was written', (each: LoopVolume) => [2 * MIB, 17 * MIB, 40 * MIB].forEach((at) => each.write(at, randomBytes(MIB)))],
    ['a superblock was written and nothing else', (each: LoopVolume) => {
      sh('mkfs.ext4', '-q', each.file, `${roomFor(SIZE) / 1024}k`);
      each.write(4096, randomBytes(8 * MIB));
    }],
  ])('cut off in mkfs when %s: formatted again', async (_, tear) => {
    const each = volume();
    each.write(SIZE - 4096, intentRecord('vol-0a'));
    tear(each);
    expect(await mount(each)).toBe('empty');
    expect(each.states).toEqual(['attach', 'format', 'check']);
    each.detach();
    sh('e2fsck', '-fn', each.file);
  });

  test('while an mkfs that outlived its agent still runs, no second one starts', async () => {
    const each = volume();
    each.write(SIZE - 4096, intentRecord('vol-0a'));
    each.attach();
    // it holds the device like this. https://man7.org/linux/man-pages/man2/open.2.html (O_EXCL)
    const held = DEVICES.openDevice(each.device, true);
    try {
      const outcome: unknown = await mount(each).catch((error: unknown) => error);
      expect(outcome).toMatchObject({ message: expect.stringMatching(/mkfs.*in use/) as string });
      expect(outcome).not.toBeInstanceOf(VolumeRefused);
      expect(held.read(0, MIB).equals(Buffer.alloc(MIB))).toBe(true);
    } finally {
      held.close();
    }
    expect(await mount(each)).toBe('empty');
  });

  test('our note and a filesystem that was in use: refused', async () => {
    const each = await used();
    each.write(SIZE - 4096, intentRecord('vol-0a'));
    await isRefused(each, /was in use/);
  });

  test('a file whose content is our note, at the end of a filesystem that fills the device, formats nothing', async () => {
    const each = volume();
    sh('mkfs.ext4', '-q', '-b', '4096', '-O', '^metadata_csum', each.file);
    each.attach();
    mkdirSync(each.mountPoint);
    sh('mount', '-t', 'ext4', each.device, each.mountPoint);
    writeFileSync(join(each.mountPoint, '.clickhouse-node.json'), '{"cluster":"blue","node":"a-1"}');
    writeFileSync(join(each.mountPoint, 'uuid'), 'precious');
    each.detach();
    each.write(SIZE - 4096, intentRecord('vol-0a'));
    // as it would look had nobody mounted it yet: the note alone would do.
    each.write(1024 + 0x2c, Buffer.alloc(4));
    each.write(1024 + 0x34, Buffer.alloc(2));
    each.write(1024 + 0x88, Buffer.alloc(64));
    expect(await mount(each)).toBe('unfinished');
    expect(readFileSync(join(each.mountPoint, 'uuid'), 'utf8')).toBe('precious');
    expect(each.states).not.toContain('format');
    // larger than we would make it, and never made smaller.
    expect(each.states.filter((state) => state === 'grown' || state === 'notGrown')).toEqual([]);
  });

  test('enlarged: grown, with what it held', async () => {
    const each = await used();
    truncateSync(each.file, 160 * MIB);
    const programs = mayResize() ? PROGRAMS : growsUnmounted(each);
    expect(await mount(each, { programs })).toBe('unfinished');
    expect(each.events.at(-1)).toMatchObject({ state: 'grown', from: roomFor(SIZE), to: roomFor(160 * MIB) });
    expect(readFileSync(join(each.mountPoint, 'uuid'), 'utf8')).toBe('precious');
    const count = each.events.length;
    expect(await mount(each, { programs })).toBe('unfinished');
    expect(each.events).toHaveLength(count);
    each.detach();
    sh('e2fsck', '-fn', each.file);
    expect(sh('dumpe2fs', '-h', each.file)).toMatch(new RegExp(`^Block count: +${roomFor(160 * MIB) / 4096}$`, 'm'));
    expect(each.read(159 * MIB, MIB).equals(Buffer.alloc(MIB))).toBe(true);
  });

  test('enlarged, and growing fails: serves all the same, and says so', async () => {
    const each = await used();
    truncateSync(each.file, 160 * MIB);
    const programs: VolumeWorld['programs'] = { run: (program, ...rest) => (program === 'resize2fs' ? Promise.reject(new Error('no memory')) : PROGRAMS.run(program, ...rest)) };
    expect(await mount(each, { programs })).toBe('unfinished');
    expect(each.events.at(-1)).toMatchObject({ state: 'notGrown', reason: 'no memory' });
  });

  test('smaller than its filesystem: refused, byte for byte as it was', async () => {
    const each = await used();
    truncateSync(each.file, 40 * MIB);
    await isRefused(each, /has 66060288 bytes and the volume 41943040/);
  });

  test('damaged beyond what is repaired without asking: refused, not mounted', async () => {
    const each = await used();
    const table = Number(/Inode table at (\d+)/.exec(sh('dumpe2fs', each.file))?.[1]);
    each.write(table * 4096 + 256, randomBytes(4096));
    const outcome: unknown = await mount(each).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ name: 'VolumeRefused', message: expect.stringMatching(/damaged \(e2fsck ended with 4\).*by hand/) as string });
    expect(mounts(each)).toEqual([]);
    expect(each.states.filter((state) => state === 'format')).toHaveLength(1);
  });

  test('unmounted without notice: the journal is replayed', async () => {
    const each = await used();
    await mount(each);
    writeFileSync(join(each.mountPoint, 'later'), 'x');
    sh('sync', '-f', each.mountPoint);
    // what the device holds while it is in use, as after a power failure.
    const now = readFileSync(each.file);
    each.detach();
    each.write(0, now);
    expect(sh('dumpe2fs', '-h', each.file)).toMatch(/needs_recovery/);
    expect(await mount(each)).toBe('unfinished');
    expect(readFileSync(join(each.mountPoint, 'later'), 'utf8')).toBe('x');
  });

  test('of another node: refused by name, unmounted again', async () => {
    const each = await used();
    const outcome: unknown = await mountVolume({ ...each.request, owner: { cluster: 'blue', node: 'b-2' } }, each.world).catch((error: unknown) => error);
    expect(outcome).toMatchObject({ name: 'VolumeRefused', message: expect.stringMatching(/belongs to node a-1 of cluster blue, not to node b-2/) as string });
    expect(mounts(each)).toEqual([]);
    expect(await mount(each)).toBe('unfinished');
    expect(readFileSync(join(each.mountPoint, 'uuid'), 'utf8')).toBe('precious');
  });

  test('with files of nobody: refused, unmounted again', async () => {
    const each = volume();
    sh('mkfs.ext4', '-q', each.file);
    each.attach();
    mkdirSync(each.mountPoint);
    sh('mount', '-t', 'ext4', each.device, each.mountPoint);
    writeFileSync(join(each.mountPoint, 'photos'), 'precious');
    each.detach();
    await expect(mount(each)).rejects.toThrow(/did not say whose/);
    expect(mounts(each)).toEqual([]);
  });

  test('a filesystem that somebody made and nobody used is taken as it is', async () => {
    const each = volume();
    sh('mkfs.ext4', '-q', '-L', 'theirs', each.file);
    expect(await mount(each)).toBe('empty');
    expect(tags(each)).toMatch(/^LABEL=theirs$/m);
  });

  test('mounted elsewhere, or something else mounted there: refused', async () => {
    const each = await used();
    each.attach();
    const elsewhere = join(each.root, 'elsewhere');
    mkdirSync(elsewhere);
    sh('mount', '-t', 'ext4', each.device, elsewhere);
    await expect(mount(each)).rejects.toThrow(new RegExp(`mounted at ${elsewhere}`));
    await expect(mount(each)).rejects.toBeInstanceOf(VolumeRefused);
    // nobody can open it for writing meanwhile, whatever was decided.
    expect(() => DEVICES.openDevice(each.device, true)).toThrow(/EBUSY/);
    sh('umount', elsewhere);
    sh('mount', '-t', 'tmpfs', 'other', each.mountPoint);
    await expect(mount(each)).rejects.toThrow(/other is mounted where volume vol-0a belongs/);
    await expect(mount(each)).rejects.toBeInstanceOf(VolumeRefused);
  });

  test('mounted with less protection: gets it; mounted read-only: refused', async () => {
    const each = await used();
    each.attach();
    sh('mount', '-t', 'ext4', each.device, each.mountPoint);
    expect(await mount(each)).toBe('unfinished');
    expect(mounts(each)).toEqual([expect.stringMatching(/ rw,nosuid,nodev,noexec,noatime /)]);
    sh('mount', '-o', 'remount,ro', each.mountPoint);
    await expect(mount(each)).rejects.toThrow(/read-only/);
  });

  test('the mount point: a link is not followed, content on the root disk is not hidden', async () => {
    const each = await used();
    const { mountPoint } = each;
    writeFileSync(join(mountPoint, 'uuid'), 'of the root disk');
    await expect(mount(each)).rejects.toThrow(/"uuid" on the root disk/);
    expect(readFileSync(join(mountPoint, 'uuid'), 'utf8')).toBe('of the root disk');
    const target = join(each.root, 'target');
    mkdirSync(target);
    chmodSync(target, 0o700);
    const link = join(each.root, 'link');
    symlinkSync(target, link);
    await expect(mountVolume({ ...each.request, mountPoint: link }, each.world)).rejects.toThrow(/ELOOP|ENOTDIR/);
    expect(mounts(each)).toEqual([]);
    expect(statSync(target).mode & 0o777).toBe(0o700);
    expect(existsSync(join(target, 'uuid'))).toBe(false);
  });

  test('the size and the number of a device are what the kernel says', () => {
    const each = volume(37 * MIB + 4096);
    each.attach();
    const device = DEVICES.openDevice(each.link, false);
    try {
      expect(device.size()).toBe(37 * MIB + 4096);
      expect(() => device.read(37 * MIB, MIB)).toThrow(/ends before/);
      expect(() => device.write(0, Buffer.alloc(512))).toThrow(/EBADF/);
    } finally {
      device.close();
    }
    expect(DEVICES.deviceNumber(each.link)).toBe(sh('lsblk', '-ndo', 'MAJ:MIN', each.device).trim());
  });
});

/** Whether the kernel lets this process grow what is mounted: CAP_SYS_RESOURCE. https://man7.org/linux/man-pages/man7/capabilities.7.html */
function mayResize(): boolean {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'}`);
  const may = ((effective >> 24n) & 1n) === 1n;
  if (!may) console.warn('NOT PROVEN: a filesystem grows while it is mounted. No CAP_SYS_RESOURCE: it is grown unmounted instead, by the same program with the same arguments');
  return may;
}

function growsUnmounted({ link, mountPoint }: LoopVolume): VolumeWorld['programs'] {
  return {
    run: async (program, args, options) => {
      if (program !== 'resize2fs') return PROGRAMS.run(program, args, options);
      expect(args[0]).toBe(link);
      sh('umount', mountPoint);
      sh('e2fsck', '-f', '-p', link);
      const result = await PROGRAMS.run(program, args, options);
      sh('mount', '-t', 'ext4', '-o', 'noatime,nodev,nosuid,noexec', link, mountPoint);
      return result;
    },
  };
}

/** One partition of Linux. */
function partitionTable(): Buffer {
  const sector = Buffer.alloc(512);
  sector[446 + 4] = 0x83;
  sector.writeUInt32LE(2048, 446 + 8);
  sector.writeUInt32LE(65536, 446 + 12);
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}

/** https://github.com/util-linux/util-linux/blob/master/libblkid/src/superblocks/lvm.c */
function lvmLabel(): Buffer {
  const label = Buffer.alloc(512);
  label.write('LABELONE', 0, 'latin1');
  label.writeUInt32LE(1, 8);
  label.writeUInt32LE(32, 20);
  label.write('LVM2 001', 24, 'latin1');
  label.write('a'.repeat(32), 32, 'latin1');
  let crc = 0xf597a6cf;
  for (const byte of label.subarray(20)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ ((crc & 1) * 0xedb88320);
  }
  label.writeUInt32LE(crc >>> 0, 16);
  return label;
}

/** https://raid.wiki.kernel.org/index.php/RAID_superblock_formats (0.90) */
function raidSuperblock(): Buffer {
  const block = Buffer.alloc(4096);
  block.writeUInt32LE(0xa92b4efc, 0);
  block.writeUInt32LE(90, 8);
  block.writeUInt32LE(SIZE / 1024 - 64, 32);
  block.writeUInt32LE(1, 20);
  return block;
}

/** https://gitlab.com/cryptsetup/cryptsetup/-/wikis/LUKS-standard/on-disk-format.pdf */
function luksHeader(): Buffer {
  const header = Buffer.alloc(592);
  header.write('LUKS\xba\xbe\0\x01', 0, 'latin1');
  header.write('3f1c2f4e-0000-4000-8000-000000000001', 168, 'latin1');
  return header;
}

/** https://docs.kernel.org/filesystems/xfs/xfs-self-describing-metadata.html; what libblkid verifies of it. */
function xfsSuperblock(): Buffer {
  const block = Buffer.alloc(512);
  block.write('XFSB', 0, 'latin1');
  block.writeUInt32BE(4096, 4); // block size
  block.writeBigUInt64BE(16384n, 8); // blocks
  block.writeUInt32BE(1, 80); // blocks of a realtime extent
  block.writeUInt32BE(4096, 84); // blocks of a group
  block.writeUInt32BE(4, 88); // groups
  block.writeUInt32BE(855, 96); // blocks of the log
  block.writeUInt16BE(0xb4a4, 100); // version, without checksums
  block.writeUInt16BE(512, 102); // sector size
  block.writeUInt16BE(512, 104); // inode size
  block.writeUInt16BE(8, 106); // inodes of a block
  block.set([12, 9, 9, 3, 12], 120); // logarithms of these
  block[127] = 25; // percent for inodes
  return block;
}
