import type { VolumeHistory } from '../boot-steps';
import { kindOf } from '../disk';
import { succeed } from '../programs';
import type { Step } from './decide';
import { decide, MOUNT_OPTIONS } from './decide';
import { format, intend, LONG_SECONDS } from './format';
import { claim, historyOf, ownership } from './history';
import { RESERVED, roomFor } from './intent';
import { isMountPoint } from './mounts';
import { observe, withDevice } from './observe';
import { readSuperblock } from './probe';
import type { VolumeRequest, VolumeWorld } from './world';
import { VolumeRefused } from './world';

/** How long somebody else may take before the caller is told. It asks again, and looks in between whether Auto Scaling wants the machine. */
export const PATIENCE_MILLISECONDS = 60_000;

const POLL_MILLISECONDS = 2_000;
// on Nitro instances a name that means nothing to the operating system. https://docs.aws.amazon.com/ebs/latest/userguide/device_naming.html
const DEVICE_NAME = '/dev/sdf';

/**
 * Attaches the node's volume, formats it if it is provably empty, mounts it and says what it tells about the node's past.
 *
 * Whatever happened before, this continues from what there is to see. It ends mounted, or with {@link VolumeRefused} and everything on the
 * volume as it was, or with another error when waiting may help.
 */
export async function mountVolume(request: VolumeRequest, world: VolumeWorld): Promise<VolumeHistory> {
  await reachReady(request, world);
  await claimOrLeave(request, world);
  await grow(request, world);
  return historyOf(world.disk, request.mountPoint, request.stackId);
}

async function reachReady(request: VolumeRequest, world: VolumeWorld): Promise<void> {
  const deadline = world.now() + PATIENCE_MILLISECONDS;
  let before: Step['step'] | undefined;
  let told: string | undefined;
  for (;;) {
    const next = decide(await observe(request, world));
    switch (next.step) {
      case 'ready':
        return;
      case 'refuse':
        throw new VolumeRefused(next.reason);
      case 'wait':
        if (told !== next.reason) tell(request, world, 'waiting', { reason: next.reason });
        told = next.reason;
        await pause(world, deadline, next.reason);
        break;
      case 'attach':
        await attach(request, world);
        await pause(world, deadline, `volume ${request.volumeId} is available and cannot be attached`);
        break;
      case 'intend':
      case 'format':
      case 'check':
      case 'remount':
        // each of these changes what is seen, or something is not as this program believes.
        if (before === next.step) throw new Error(`volume ${request.volumeId}: the step '${next.step}' had no effect`);
        tell(request, world, next.step);
        await act(next.step, request, world);
    }
    before = next.step;
  }
}

async function pause(world: VolumeWorld, deadline: number, reason: string): Promise<void> {
  if (world.now() >= deadline) throw new Error(`${reason}; still so after ${PATIENCE_MILLISECONDS / 1_000} seconds`);
  await world.sleep(POLL_MILLISECONDS);
}

async function attach(request: VolumeRequest, world: VolumeWorld): Promise<void> {
  const { volumeId, instanceId } = request;
  tell(request, world, 'attach');
  try {
    await world.volumes.attach(volumeId, instanceId, DEVICE_NAME);
  } catch (error) {
    // somebody was faster, or EC2 told of an older state: the next look says. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    if (!['VolumeInUse', 'IncorrectState'].includes(kindOf(error))) throw error;
    tell(request, world, 'notAttached', { reason: kindOf(error) });
  }
}

async function act(step: 'intend' | 'format' | 'check' | 'remount', request: VolumeRequest, world: VolumeWorld): Promise<void> {
  switch (step) {
    case 'intend':
      return intend(request, world);
    case 'format':
      return format(request, world);
    case 'check':
      // that the note was taken away: found again after a power failure, it would contradict what was written meanwhile.
      await withDevice(world, request.devicePath, false, (device) => device.sync());
      await check(request, world);
      return mount(request, world);
    case 'remount':
      await succeed(world.programs, 'mount', ['-o', ['remount', ...MOUNT_OPTIONS].join(','), '--', request.mountPoint]);
  }
}

/** Replays the journal and repairs what needs no decision. https://man7.org/linux/man-pages/man8/e2fsck.8.html (EXIT CODE, a sum) */
async function check({ volumeId, devicePath }: VolumeRequest, world: VolumeWorld): Promise<void> {
  const { code } = await world.programs.run('e2fsck', ['-p', '--', devicePath], { timeoutSeconds: LONG_SECONDS });
  if (code === 0 || code === 1) return;
  if ((code & 2) !== 0 && code < 4) throw new Error(`e2fsck has repaired volume ${volumeId} and wants the machine to be restarted`);
  if (code === 32) throw new Error(`e2fsck of volume ${volumeId} was interrupted`);
  throw new VolumeRefused(`the filesystem on volume ${volumeId} is damaged (e2fsck ended with ${code}) and was not mounted; run e2fsck by hand`);
}

async function mount({ devicePath, mountPoint }: VolumeRequest, world: VolumeWorld): Promise<void> {
  const { disk, programs } = world;
  if (disk.look(mountPoint) === undefined) disk.makeDirectory(mountPoint, 0o755);
  // also fails for a link, behind which the mount would not be found again.
  disk.setDirectoryOwner(mountPoint, { uid: 0, gid: 0, mode: 0o755 });
  await succeed(programs, 'mount', ['-t', 'ext4', '-o', MOUNT_OPTIONS.join(','), '--', devicePath, mountPoint], { timeoutSeconds: LONG_SECONDS });
}

/** Takes the volume from its place; nothing when nothing is mounted there. What still uses it keeps it there, as an error. */
export async function unmountVolume(mountPoint: string, { mounts, programs }: Pick<VolumeWorld, 'mounts' | 'programs'>): Promise<void> {
  if (isMountPoint(mounts(), mountPoint)) await succeed(programs, 'umount', ['--', mountPoint]);
}

/** Goes on with what is this node's or nobody's; unmounts what is somebody else's. */
async function claimOrLeave(request: VolumeRequest, world: VolumeWorld): Promise<void> {
  const { disk, programs } = world;
  const { mountPoint, owner, volumeId } = request;
  const found = ownership(disk, mountPoint, owner);
  if (found.kind !== 'other') return claim(disk, mountPoint, owner);
  const { code } = await programs.run('umount', ['--', mountPoint]);
  if (code !== 0) tell(request, world, 'notUnmounted', { code });
  throw new VolumeRefused(`volume ${volumeId} ${found.reason}; it was not touched`);
}

/** Uses what a volume has more than before. Less than it should be is no reason not to serve; smaller it never gets. */
async function grow(request: VolumeRequest, world: VolumeWorld): Promise<void> {
  const { devicePath } = request;
  try {
    const { size, room } = await withDevice(world, devicePath, false, (device) => ({ size: readSuperblock(device)?.size ?? Infinity, room: roomFor(device.size()) }));
    // a few blocks at the end can be too few for a group of their own.
    if (room - size < RESERVED) return;
    await succeed(world.programs, 'resize2fs', [devicePath, `${room / 1024}k`], { timeoutSeconds: LONG_SECONDS });
    tell(request, world, 'grown', { from: size, to: room });
  } catch (error) {
    tell(request, world, 'notGrown', { reason: error instanceof Error ? error.message : kindOf(error) });
  }
}

function tell({ volumeId }: VolumeRequest, world: VolumeWorld, state: string, more: object = {}): void {
  world.log({ event: 'volume', volumeId, state, ...more });
}
