import type { Programs } from '../programs';
import { succeed } from '../programs';
import type { BlockDevice } from './world';

/**
 * What is on a device.
 *
 * - `nothing`: no program knows anything that is there; `zero` says whether there is anything at all.
 * - `ext4`: its size, and whether it was ever mounted for writing.
 * - `foreign`: whatever else is known, by the names that blkid and wipefs have for it.
 * - `ambivalent`: several things at once.
 */
export type Content =
  | { readonly kind: 'nothing'; readonly zero: boolean }
  | { readonly kind: 'ext4'; readonly size: number; readonly everMounted: boolean }
  | { readonly kind: 'foreign'; readonly types: readonly string[] }
  | { readonly kind: 'ambivalent' };

/** What an ext4 filesystem says of itself. */
export interface Superblock {
  readonly size: number;
  readonly everMounted: boolean;
}

const MIB = 1024 * 1024;
const HEAD = 16 * MIB;
const TAIL = 8 * MIB;
const SAMPLES = 64;
const SAMPLE = 64 * 1024;
const ZEROS = Buffer.alloc(MIB);

/**
 * Finds out. Both programs are asked by what the device holds now, never by what a cache remembers, and neither writes.
 *
 * blkid says 2 both for nothing and for a device that it cannot read, so a device counts as zero only when it was read.
 * https://man7.org/linux/man-pages/man8/blkid.8.html (EXIT STATUS)
 */
export async function probe(programs: Programs, path: string, device: BlockDevice): Promise<Content> {
  const { code, stdout } = await programs.run('blkid', ['--probe', '--output', 'export', path]);
  if (code === 8) return { kind: 'ambivalent' };
  if (code !== 0 && code !== 2) throw new Error(`blkid ended with ${code} for ${path}`);
  const tags = new Map(stdout.split('\n').map((line) => line.split('=', 2) as [string, string]));
  const known = ['TYPE', 'PTTYPE'].flatMap((tag) => tags.get(tag) ?? []);
  if (known.length === 1 && tags.get('TYPE') === 'ext4') return ext4(device);
  const types = new Set([...known, ...signatures(await succeed(programs, 'wipefs', ['--no-act', '--parsable', path]))]);
  if (code === 0 || types.size > 0) return { kind: 'foreign', types: types.size > 0 ? [...types].sort() : ['something'] };
  return { kind: 'nothing', zero: readsZero(device) };
}

/** The primary superblock; undefined when there is none. https://docs.kernel.org/filesystems/ext4/super.html */
export function readSuperblock(device: BlockDevice): Superblock | undefined {
  const block = device.read(1024, 1024);
  if (block.readUInt16LE(0x38) !== 0xef53) return undefined;
  const wide = (block.readUInt32LE(0x60) & 0x80) !== 0;
  const blocks = block.readUInt32LE(0x04) + (wide ? block.readUInt32LE(0x150) * 2 ** 32 : 0);
  // e2fsck sets the count back and nothing the other two. https://man7.org/linux/man-pages/man8/tune2fs.8.html (-C)
  const everMounted = block.readUInt32LE(0x2c) !== 0 || block.readUInt16LE(0x34) !== 0 || block[0x88] !== 0;
  return { size: blocks * 2 ** (10 + block.readUInt32LE(0x18)), everMounted };
}

function ext4(device: BlockDevice): Content {
  const superblock = readSuperblock(device);
  return superblock === undefined ? { kind: 'ambivalent' } : { kind: 'ext4', ...superblock };
}

/** The types of `offset,uuid,label,type`, after a comment. A line of any other form is something too. */
function signatures(printed: string): string[] {
  const lines = printed.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  return lines.map((line) => line.split(',').at(-1)?.trim() || 'something');
}

/**
 * Whether everything that is read is zero, as it is on a new volume (https://docs.aws.amazon.com/ebs/latest/userguide/ebs-initialize.html): where
 * filesystems, partition tables and what composes devices begin and end, and samples all over, for whatever has no beginning. Reading all of it
 * would take hours.
 */
export function readsZero(device: BlockDevice): boolean {
  const size = device.size();
  const zero = (from: number, to: number): boolean => {
    for (let at = Math.max(0, from); at < Math.min(to, size); at += MIB) {
      const length = Math.min(MIB, to - at, size - at);
      if (!device.read(at, length).equals(ZEROS.subarray(0, length))) return false;
    }
    return true;
  };
  if (!zero(0, HEAD) || !zero(size - TAIL, size)) return false;
  for (let index = 0; index < SAMPLES; index += 1) {
    const at = Math.floor((Math.max(0, size - SAMPLE) * index) / (SAMPLES - 1) / SAMPLE) * SAMPLE;
    if (!zero(at, at + SAMPLE)) return false;
  }
  return true;
}
