import { succeed } from '../programs';
import { clearIntent, roomFor, writeIntent } from './intent';
import { withDevice } from './observe';
import type { VolumeRequest, VolumeWorld } from './world';

/** Hours: a filesystem of many terabytes that has to be checked in full. Ending it earlier would never end. */
export const LONG_SECONDS = 6 * 3600;

/** Writes down that the volume will be formatted. */
export function intend({ devicePath, volumeId }: VolumeRequest, world: VolumeWorld): Promise<void> {
  return withDevice(world, devicePath, true, (device) => writeIntent(device, volumeId));
}

/**
 * Makes the filesystem, then takes the note away. Whoever is interrupted in between does it again.
 *
 * - the size is explicit and leaves the end to the note;
 * - no `-F`: mkfs asks nothing where there is no terminal, and without it never formats a device that is in use;
 * - one percent for root instead of five: when ClickHouse has filled the volume, the agent can still write what it has to remember;
 * - `nodiscard`: nothing beyond the filesystem is anybody's to discard;
 * - the tables are written later by the kernel (lazy), which on a new volume costs nothing.
 *
 * https://man7.org/linux/man-pages/man8/mke2fs.8.html
 */
export async function format({ devicePath }: VolumeRequest, world: VolumeWorld): Promise<void> {
  const size = await withDevice(world, devicePath, false, (device) => {
    // the note, of which only this is known: that it is seen.
    device.sync();
    return device.size();
  });
  const options = ['-q', '-b', '4096', '-m', '1', '-L', 'clickhouse', '-E', 'nodiscard,lazy_itable_init=1'];
  await succeed(world.programs, 'mkfs.ext4', [...options, devicePath, `${roomFor(size) / 1024}k`], { timeoutSeconds: LONG_SECONDS });
  await withDevice(world, devicePath, true, clearIntent);
}
