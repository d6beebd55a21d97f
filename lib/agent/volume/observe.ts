import { join } from 'node:path';
import type { FolderDisk } from '../certificates/folders';
import type { DeviceObservation, Observation } from './decide';
import { readIntent } from './intent';
import { mountedAs } from './mounts';
import { probe } from './probe';
import type { BlockDevice, VolumeRequest, VolumeWorld } from './world';

/** Looks at everything that {@link decide} wants to know, and changes nothing. */
export async function observe(request: VolumeRequest, world: VolumeWorld): Promise<Observation> {
  const { volumeId, instanceId, devicePath, mountPoint } = request;
  const there = world.exists(devicePath);
  const mounted = mountedAs(world.mounts(), mountPoint, there ? world.deviceNumber(devicePath) : undefined);
  const seen = { volumeId, instanceId, mounted, beneath: [] };
  // what is mounted is attached: an agent that starts anew needs no EC2 for that, nor anything from a device that is in use.
  if (mounted.at !== 'nowhere') return seen;
  const volume = await world.volumes.describe(volumeId);
  const device = there ? await observeDevice(request, world) : undefined;
  return { ...seen, volume, device, beneath: contentOf(world.disk, mountPoint) };
}

/** Opens a device for as long as it takes. */
export async function withDevice<T>(world: VolumeWorld, path: string, writable: boolean, use: (device: BlockDevice) => T | Promise<T>): Promise<T> {
  const device = world.openDevice(path, writable);
  try {
    return await use(device);
  } finally {
    device.close();
  }
}

function observeDevice({ volumeId, devicePath }: VolumeRequest, world: VolumeWorld): Promise<DeviceObservation> {
  return withDevice(world, devicePath, false, async (device) => ({
    size: device.size(),
    intent: readIntent(device, volumeId),
    content: await probe(world.programs, devicePath, device),
  }));
}

/** The names in a directory that are not empty directories, such as packages bring. A file in its place is content too. */
function contentOf(disk: FolderDisk, directory: string): string[] {
  const state = disk.look(directory);
  if (state === undefined) return [];
  if (state.regular) return [directory];
  return disk.list(directory).filter((name) => !isEmptyDirectory(disk, join(directory, name)));
}

function isEmptyDirectory(disk: FolderDisk, path: string): boolean {
  if (disk.look(path)?.regular) return false;
  try {
    return disk.list(path).length === 0;
  } catch {
    return false;
  }
}
