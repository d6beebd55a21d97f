import type { FolderDisk } from '../certificates/folders';
import type { Programs } from '../programs';

/** What EC2 is asked about volumes. */
export interface VolumeApi {
  /** undefined when there is no such volume. https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html */
  describe(volumeId: string): Promise<VolumeDescription | undefined>;
  /** https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachVolume.html */
  attach(volumeId: string, instanceId: string, device: string): Promise<void>;
}

/** What EC2 says, in its own words. */
export interface VolumeDescription {
  /** `creating`, `available`, `in-use`, `deleting`, `deleted` or `error`. */
  readonly state: string;
  readonly sizeGiB: number;
  readonly attachments: readonly VolumeAttachment[];
}

export interface VolumeAttachment {
  readonly instanceId: string;
  /** `attaching`, `attached`, `detaching`, `detached` or `busy`. */
  readonly state: string;
  readonly device: string;
}

/** An open block device. Offsets and lengths are in bytes; what cannot be read or written whole fails. */
export interface BlockDevice {
  size(): number;
  read(offset: number, length: number): Buffer;
  write(offset: number, data: Buffer): void;
  /** makes everything that anybody wrote to the device last beyond a power failure. */
  sync(): void;
  close(): void;
}

/** Everything that is asked and done; simulated in tests. */
export interface VolumeWorld {
  readonly volumes: VolumeApi;
  readonly programs: Programs;
  readonly disk: FolderDisk;
  openDevice(path: string, writable: boolean): BlockDevice;
  /** `major:minor` of the device that a path leads to, as in {@link mounts}. */
  deviceNumber(path: string): string;
  exists(path: string): boolean;
  /** the text of /proc/self/mountinfo. https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html */
  mounts(): string;
  sleep(milliseconds: number): Promise<void>;
  /** milliseconds, for measuring how long something takes. */
  now(): number;
  log(event: object): void;
}

/** What is wanted. */
export interface VolumeRequest {
  readonly volumeId: string;
  readonly instanceId: string;
  readonly mountPoint: string;
  /** where the operating system shows exactly this volume. https://docs.aws.amazon.com/ebs/latest/userguide/identify-nvme-ebs-device.html */
  readonly devicePath: string;
  readonly owner: VolumeOwner;
  readonly stackId: string;
}

/** The node that a volume belongs to. */
export interface VolumeOwner {
  readonly cluster: string;
  readonly node: string;
}

/** A definite outcome, which waiting does not change: the volume cannot be this node's, and what it holds was left alone. Everything else that is thrown may pass. */
export class VolumeRefused extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'VolumeRefused';
  }
}
