import type { Intent } from './intent';
import { roomFor } from './intent';
import type { Mounted } from './mounts';
import type { Content } from './probe';
import type { VolumeDescription } from './world';

/** What can be seen of a volume from the instance that wants it. */
export interface Observation {
  readonly volumeId: string;
  readonly instanceId: string;
  readonly mounted: Mounted;
  /** what EC2 says; undefined when it knows no such volume. Without meaning when it is mounted here already: then nobody asked. */
  readonly volume?: VolumeDescription;
  /** what the operating system shows; undefined as long as it shows none. */
  readonly device?: DeviceObservation;
  /** what lies in the mount point while nothing is mounted there, empty directories aside. */
  readonly beneath: readonly string[];
}

/** The device itself. */
export interface DeviceObservation {
  readonly size: number;
  readonly content: Content;
  readonly intent: Intent;
}

/**
 * What to do next.
 *
 * - `wait`: somebody else has to do something first.
 * - `intend`: the volume is empty; write down that it will be formatted.
 * - `format`: that is written down; do it.
 * - `check`: repair what can be repaired without asking, then mount.
 * - `remount`: it is mounted with less protection than it should be.
 * - `ready`: it is mounted.
 * - `refuse`: there is nothing that would be safe.
 */
export type Step =
  | { readonly step: 'attach' | 'intend' | 'format' | 'check' | 'remount' | 'ready' }
  | { readonly step: 'wait' | 'refuse'; readonly reason: string };

/** What a data volume is mounted with: nothing on it is a program or a device. https://clickhouse.com/docs/operations/tips (noatime) */
export const MOUNT_OPTIONS = ['noatime', 'nodev', 'nosuid', 'noexec'] as const;

const GIB = 2 ** 30;

/** Decides. Total: every observation has exactly one answer, and it depends on nothing else. */
export function decide(observation: Observation): Step {
  const { volumeId, mounted } = observation;
  switch (mounted.at) {
    case 'here':
      return mountedHere(volumeId, mounted.options);
    case 'elsewhere':
      return refuse(`volume ${volumeId} is mounted at ${mounted.path}; unmount it`);
    case 'taken':
      return refuse(`${mounted.by} is mounted where volume ${volumeId} belongs; unmount it`);
    case 'nowhere':
      return attachment(observation) ?? content(observation);
  }
}

function mountedHere(volumeId: string, options: readonly string[]): Step {
  // the kernel does this after an error, and it is checked before it is mounted again.
  if (options.includes('ro')) return refuse(`volume ${volumeId} is mounted read-only, which happens after an error; restart the machine, then it is checked`);
  return { step: MOUNT_OPTIONS.every((each) => options.includes(each)) ? 'ready' : 'remount' };
}

/** What EC2's answer asks for; undefined when the volume is attached to this instance and nobody else. */
function attachment({ volumeId, instanceId, volume }: Observation): Step | undefined {
  if (volume === undefined) return refuse(`volume ${volumeId} does not exist`);
  if (['deleting', 'deleted', 'error'].includes(volume.state)) return refuse(`volume ${volumeId} is in the state '${volume.state}'`);
  const attachments = volume.attachments.filter(({ state }) => state !== 'detached');
  const other = attachments.find((each) => each.instanceId !== instanceId);
  // the other one lets go when it is terminated; taking the volume away from an instance that runs loses what it has not written yet.
  if (other !== undefined) return wait(`volume ${volumeId} is ${other.state} to instance ${other.instanceId}; it is free when that one is terminated`);
  const own = attachments[0];
  if (own === undefined) return volume.state === 'available' ? { step: 'attach' } : wait(`volume ${volumeId} is in the state '${volume.state}'`);
  return own.state === 'attached' ? undefined : wait(`volume ${volumeId} is ${own.state}`);
}

/** What is on it decides the rest. */
function content({ volumeId, volume, device, beneath }: Observation): Step {
  if (device === undefined) return wait(`volume ${volumeId} is attached and its device is not there yet`);
  // a disk that ends with the machine: whatever wrote there believes that it is kept, and would not find it again.
  if (beneath.length > 0) return refuse(`the mount point of volume ${volumeId} holds ${some(beneath)} on the root disk; move it away`);
  switch (device.content.kind) {
    case 'ambivalent':
      return refuse(`volume ${volumeId} holds signatures that contradict each other; it was not touched`);
    case 'foreign':
      return refuse(`volume ${volumeId} holds ${device.content.types.join(', ')}, not a filesystem of this node; it was not touched`);
    case 'ext4':
      return whenItsSize(filesystem(volumeId, device, device.content), volumeId, device.size, volume?.sizeGiB);
    case 'nothing':
      return whenItsSize(noFilesystem(volumeId, device, device.content.zero), volumeId, device.size, volume?.sizeGiB);
  }
}

function filesystem(volumeId: string, { size, intent }: DeviceObservation, ext4: { readonly size: number; readonly everMounted: boolean }): Step {
  if (ext4.size > size) return refuse(`the filesystem on volume ${volumeId} has ${ext4.size} bytes and the volume ${size}; it was not touched`);
  // one that we did not make uses the end of the device itself: what lies there is the content of some file, whatever it looks like.
  if (intent === 'none' || ext4.size > roomFor(size)) return { step: 'check' };
  if (intent !== 'ours') return refuse(unusable(volumeId, intent));
  if (ext4.everMounted) return refuse(`volume ${volumeId} holds a filesystem that was in use and the note that it is still to be formatted; it was not touched`);
  return { step: 'format' };
}

function noFilesystem(volumeId: string, { intent }: DeviceObservation, zero: boolean): Step {
  if (intent === 'another' || intent === 'damaged') return refuse(unusable(volumeId, intent));
  if (intent === 'none' && !zero) return refuse(`volume ${volumeId} holds data of an unknown kind; it was not touched`);
  return { step: intent === 'ours' ? 'format' : 'intend' };
}

/** Nothing is written to a device of another size than EC2 says: it is not that of this volume, or is still being enlarged. */
function whenItsSize(step: Step, volumeId: string, size: number, sizeGiB: number | undefined): Step {
  if ((step.step !== 'intend' && step.step !== 'format') || size === (sizeGiB ?? 0) * GIB) return step;
  return wait(`the device of volume ${volumeId} has ${size} bytes and EC2 says ${sizeGiB} GiB`);
}

function unusable(volumeId: string, intent: 'another' | 'damaged'): string {
  const why = intent === 'another' ? 'copied from another volume while that was being formatted' : 'damaged';
  return `volume ${volumeId} holds a note of formatting that was ${why}; it was not touched`;
}

function some(names: readonly string[]): string {
  return names.slice(0, 5).map((name) => JSON.stringify(name)).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '');
}

function refuse(reason: string): Step {
  return { step: 'refuse', reason };
}

function wait(reason: string): Step {
  return { step: 'wait', reason };
}
