import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { DEVICES } from '../../../lib/agent/volume/device';
import type { ProgramResult } from '../../../lib/agent/programs';
import { claim, historyOf, markEstablished, ownership } from '../../../lib/agent/volume/history';
import { clearIntent, intentRecord, readIntent, RESERVED, roomFor, writeIntent } from '../../../lib/agent/volume/intent';
import { isMountPoint, mountedAs } from '../../../lib/agent/volume/mounts';
import { probe, readsZero } from '../../../lib/agent/volume/probe';
import { FakeTree } from '../certificates/fake-tree';
import { Fate } from '../credentials/fake-disk';
import { FakeDevice } from './fake-machine';

const MIB = 1024 * 1024;
const SIZE = 64 * MIB;

describe('the note', () => {
  const device = (): FakeDevice => new FakeDevice(SIZE);

  test('is read as what it is until it is taken away', () => {
    const disk = device();
    expect(readIntent(disk, 'vol-0a')).toBe('none');
    writeIntent(disk, 'vol-0a');
    expect(readIntent(disk, 'vol-0a')).toBe('ours');
    expect(readIntent(disk, 'vol-0b')).toBe('another');
    clearIntent(disk);
    expect(readIntent(disk, 'vol-0a')).toBe('none');
    expect(readsZero(disk)).toBe(true);
  });

  test('with any byte changed is never ours', () => {
    const record = intentRecord('vol-0a');
    fc.assert(
      fc.property(fc.nat(record.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const disk = device();
        const changed = Buffer.from(record);
        changed[at] = (changed[at] ?? 0) ^ flip;
        disk.write(SIZE - 4096, changed);
        expect(readIntent(disk, 'vol-0a')).not.toBe('ours');
      }),
      { numRuns: 500 },
    );
  });

  test('lies in one sector, and after the last block of a filesystem of ours', () => {
    expect(intentRecord('vol-0123456789abcdef0').subarray(512).every((byte) => byte === 0)).toBe(true);
    expect(() => intentRecord('v'.repeat(500))).toThrow(/shorter/);
    for (const size of [SIZE, SIZE + 512, 3 * MIB + 4096]) {
      expect(roomFor(size)).toBeLessThanOrEqual(size - RESERVED);
      expect(roomFor(size) % 4096).toBe(0);
    }
    expect(roomFor(0)).toBe(0);
  });
});

describe('zeros', () => {
  test.each([
    ['the first byte', 0],
    ['the end of the head', 16 * MIB - 1],
    ['the beginning of the tail', SIZE - 8 * MIB],
    ['the last byte', SIZE - 1],
  ])('%s counts', (_, at) => {
    const device = new FakeDevice(SIZE);
    expect(readsZero(device)).toBe(true);
    device.write(at, Buffer.from([1]));
    expect(readsZero(device)).toBe(false);
  });

  test('whatever is as long as two samples are apart is found, wherever it is', () => {
    const large = 1024 * MIB;
    fc.assert(
      fc.property(fc.nat(large - Math.ceil(large / 62)), (at) => {
        const device = new FakeDevice(large);
        // the sectors that a sample may begin with; all of it would say the same.
        for (let offset = Math.ceil(at / 65536) * 65536; offset < at + large / 62 - 512; offset += 65536) device.write(offset, Buffer.from([1]));
        expect(readsZero(device)).toBe(false);
      }),
      { numRuns: 30 },
    );
  });
});

describe('what the programs say', () => {
  const found = (blkid: ProgramResult, wipefs: ProgramResult, device = new FakeDevice(SIZE)) => {
    const programs = { run: (program: string) => Promise.resolve(program === 'blkid' ? blkid : wipefs) };
    return probe(programs, '/dev/x', device);
  };
  const says = (code: number, stdout = ''): ProgramResult => ({ code, stdout, stderr: '' });
  const EXT4 = says(0, 'DEVNAME=/dev/x\nLABEL=TYPE=xfs\nTYPE=ext4\nUSAGE=filesystem\n');

  test('nothing, only when both say so, and zero, only when it is', async () => {
    expect(await found(says(2), says(0))).toEqual({ kind: 'nothing', zero: true });
    const device = new FakeDevice(SIZE);
    device.write(0, Buffer.from([1]));
    expect(await found(says(2), says(0), device)).toEqual({ kind: 'nothing', zero: false });
    expect(await found(says(2), says(0, '# offset,uuid,label,type\n0x218,abc,,LVM2_member\n0x1fe,,,dos\n'))).toEqual({ kind: 'foreign', types: ['LVM2_member', 'dos'] });
    expect(await found(says(2), says(0, 'something else,\n'))).toEqual({ kind: 'foreign', types: ['something'] });
    expect(await found(says(0, ''), says(0))).toEqual({ kind: 'foreign', types: ['something'] });
    expect(await found(says(8), says(0))).toEqual({ kind: 'ambivalent' });
  });

  test('a program that fails has not said that there is nothing', async () => {
    await expect(found(says(4), says(0))).rejects.toThrow('blkid ended with 4');
    await expect(found(says(1), says(0))).rejects.toThrow('blkid ended with 1');
    await expect(found(says(2), says(1))).rejects.toThrow(/wipefs/);
  });

  test('a device that cannot be read is not empty', async () => {
    const device = new FakeDevice(SIZE);
    device.read = () => {
      throw new Error('EIO');
    };
    await expect(found(says(2), says(0), device)).rejects.toThrow('EIO');
  });

  test('ext4, when the superblock says so too and nothing else is known', async () => {
    const device = new FakeDevice(SIZE);
    expect(await found(EXT4, says(0), device)).toEqual({ kind: 'ambivalent' });
    const block = Buffer.alloc(1024);
    block.writeUInt16LE(0xef53, 0x38);
    block.writeUInt32LE(5, 0x04);
    block.writeUInt32LE(2, 0x18);
    block.writeUInt32LE(1, 0x150);
    device.write(1024, block);
    expect(await found(EXT4, says(0), device)).toEqual({ kind: 'ext4', size: 5 * 4096, everMounted: false });
    block.writeUInt32LE(0x80, 0x60);
    device.write(1024, block);
    expect(await found(EXT4, says(0), device)).toEqual({ kind: 'ext4', size: (2 ** 32 + 5) * 4096, everMounted: false });
    // the time, the count and the place of the last mount: one is enough.
    for (const at of [0x2c, 0x34, 0x88]) {
      const used = Buffer.from(block);
      used[at] = 1;
      device.write(1024, used);
      expect(await found(EXT4, says(0), device)).toMatchObject({ everMounted: true });
    }
    expect(await found(says(0, 'TYPE=ext4\nPTTYPE=dos\n'), says(0), device)).toEqual({ kind: 'foreign', types: ['dos', 'ext4'] });
    expect(await found(says(0, 'TYPE=ext3\n'), says(0), device)).toEqual({ kind: 'foreign', types: ['ext3'] });
  });
});

describe('mounts', () => {
  const line = (number: string, root: string, path: string, options = 'rw,noatime', source = '/dev/nvme1n1', ofAll = 'rw'): string =>
    `36 35 ${number} ${root} ${path} ${options} shared:1 master:2 - ext4 ${source} ${ofAll}`;
  const ROOT = line('259:0', '/', '/');

  test.each([
    ['nothing', [], '259:1', { at: 'nowhere' }],
    ['no device', [], undefined, { at: 'nowhere' }],
    ['the device', [line('259:1', '/', '/data')], '259:1', { at: 'here', options: ['rw', 'noatime', 'rw'] }],
    ['the device, read-only since an error', [line('259:1', '/', '/data', 'rw', '/dev/x', 'ro,errors=remount-ro')], '259:1', { at: 'here', options: ['rw', 'ro', 'errors=remount-ro'] }],
    ['a directory of the device', [line('259:1', '/part', '/data')], '259:1', { at: 'elsewhere', path: '/data' }],
    ['the device elsewhere', [line('259:1', '/', '/my\\040disk')], '259:1', { at: 'elsewhere', path: '/my disk' }],
    ['the device there and elsewhere', [line('259:1', '/', '/data'), line('259:1', '/', '/mnt')], '259:1', { at: 'elsewhere', path: '/mnt' }],
    ['another device', [line('259:2', '/', '/data', 'rw', '/dev/nvme2n1')], '259:1', { at: 'taken', by: '/dev/nvme2n1' }],
    ['another device above it', [line('259:1', '/', '/data'), line('259:2', '/', '/data', 'rw', '/dev/nvme2n1')], '259:1', { at: 'taken', by: '/dev/nvme2n1' }],
    ['a device, and ours is not there', [line('259:2', '/', '/data', 'rw', '/dev/nvme2n1')], undefined, { at: 'taken', by: '/dev/nvme2n1' }],
    ['something below', [line('259:2', '/', '/data/below')], '259:1', { at: 'nowhere' }],
    ['a number that begins alike', [line('259:11', '/', '/mnt')], '259:1', { at: 'nowhere' }],
  ])('%s', (_, lines, number, expected) => {
    expect(mountedAs([ROOT, ...lines, ''].join('\n'), '/data', number)).toEqual(expected);
  });
});

describe('whose it is and what it tells', () => {
  const OWNER = { cluster: 'blue', node: 'a-1' };
  const volume = (): FakeTree => new FakeTree(['/data', '/data/lost+found']);

  test('nobody, then ours, for certain', () => {
    const disk = volume();
    expect(ownership(disk, '/data', OWNER)).toEqual({ kind: 'free' });
    claim(disk, '/data', OWNER);
    expect(ownership(disk, '/data', OWNER)).toEqual({ kind: 'ours' });
    expect(disk.look('/data/.clickhouse-node.json')).toMatchObject({ uid: 0, gid: 0, mode: 0o600 });
    expect(historyOf(disk, '/data', 's')).toBe('empty');
  });

  test('another node, and both are named', () => {
    const disk = volume();
    claim(disk, '/data', { cluster: 'red', node: 'b-2' });
    expect(ownership(disk, '/data', OWNER)).toEqual({ kind: 'other', reason: 'belongs to node b-2 of cluster red, not to node a-1 of cluster blue' });
    expect(ownership(disk, '/data', { cluster: 'red', node: 'b-1' }).kind).toBe('other');
    expect(ownership(disk, '/data', { cluster: 'blue', node: 'b-2' }).kind).toBe('other');
  });

  test.each([['nothing', ''], ['no JSON', '{'], ['a list', '[]'], ['null', 'null'], ['numbers', '{"cluster":1,"node":2}'], ['half of it', '{"cluster":"blue"}'], ['a line break', '{"cluster":"blue\\n","node":"a-1"}']])(
    'a file with %s is nobody we know, and is not repeated', (_, text) => {
      const disk = volume();
      disk.put('/data/.clickhouse-node.json', text);
      expect(ownership(disk, '/data', OWNER)).toEqual({ kind: 'other', reason: 'holds a .clickhouse-node.json that cannot be read' });
    },
  );

  test('a directory in the place of the file is nobody we know', () => {
    expect(ownership(new FakeTree(['/data', '/data/.clickhouse-node.json']), '/data', OWNER).kind).toBe('other');
  });

  test.each(['store', 'agent-established.json', '.hidden', '..clickhouse-node.json.tmp', '.clickhouse-node.json.000000000000.tmp'])('without the file, %s is somebody else’s', (name) => {
    const disk = volume();
    disk.put(`/data/${name}`, 'x');
    expect(ownership(disk, '/data', OWNER)).toMatchObject({ kind: 'other', reason: expect.stringContaining('holds 1 files') as string });
  });

  test('what a process left that ended in writing it is nobody’s, and goes', () => {
    const disk = volume();
    disk.put('/data/..clickhouse-node.json.0123456789ab.tmp', '{"clus');
    disk.put('/data/.agent-established.json.0123456789ab.tmp', '');
    expect(ownership(disk, '/data', OWNER)).toEqual({ kind: 'free' });
    expect(historyOf(disk, '/data', 's')).toBe('empty');
    claim(disk, '/data', OWNER);
    expect([...disk.list('/data')].sort()).toEqual(['.clickhouse-node.json', 'lost+found']);
  });

  test('the past', () => {
    const disk = volume();
    claim(disk, '/data', OWNER);
    disk.put('/data/agent-memory.json', '{}');
    expect(historyOf(disk, '/data', 's')).toBe('empty');
    disk.put('/data/uuid', 'x');
    expect(historyOf(disk, '/data', 's')).toBe('unfinished');
    disk.put('/data/agent-established.json', 'null');
    expect(historyOf(disk, '/data', 's')).toBe('unfinished');
    markEstablished(disk, '/data', 's');
    markEstablished(disk, '/data', 's');
    expect(historyOf(disk, '/data', 's')).toBe('established');
    expect(disk.look('/data/agent-established.json')).toMatchObject({ uid: 0, gid: 0, mode: 0o600 });
    // kept when its stack was deleted, and taken up by another.
    expect(historyOf(disk, '/data', 't')).toBe('unfinished');
    markEstablished(disk, '/data', 't');
    expect(historyOf(disk, '/data', 't')).toBe('established');
  });

  test('the mark lasts, wherever a process is killed and the power fails after it', () => {
    let crashes = 0;
    for (const hit of ['before', 'half', 'after'] as const) {
      for (let after = 0, crashed = true; crashed; after += 1) {
        const disk = volume();
        disk.fate = new Fate({ after, hit, kind: 'kill', luck: 0 });
        crashed = false;
        try {
          markEstablished(disk, '/data', 's');
        } catch {
          crashed = true;
          crashes += 1;
        }
        disk.restart();
        markEstablished(disk, '/data', 's');
        disk.fate = new Fate({ after: 0, hit: 'before', kind: 'power', luck: 0 });
        disk.restart();
        expect(historyOf(disk, '/data', 's')).toBe('established');
        expect(disk.list('/data')).toHaveLength(2);
      }
    }
    expect(crashes).toBeGreaterThan(10);
  });
});

test('what is not a block device is not opened as one', () => {
  const directory = mkdtempSync(join(tmpdir(), 'volume-'));
  try {
    const path = join(directory, 'file');
    writeFileSync(path, 'kept');
    for (const writable of [false, true]) expect(() => DEVICES.openDevice(path, writable)).toThrow(/not a block device/);
    expect(statSync(path).size).toBe(4);
    expect(DEVICES.exists(path)).toBe(true);
    expect(DEVICES.exists(join(directory, 'none'))).toBe(false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('a mount point is known by its whole name, however it is written', () => {
  const line = (path: string): string => `36 25 259:1 / ${path} rw,noatime shared:1 - ext4 /dev/nvme1n1 rw`;
  expect(isMountPoint([line('/'), line('/mnt/with\\040space'), ''].join('\n'), '/mnt/with space')).toBe(true);
  for (const path of ['/mnt/with', '/mnt/with space/below', '']) expect(isMountPoint(line('/mnt/with\\040space'), path)).toBe(false);
});
