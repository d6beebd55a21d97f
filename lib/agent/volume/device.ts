import { closeSync, constants, existsSync, fstatSync, fsyncSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import type { BlockDevice, VolumeWorld } from './world';

/** How the real machine shows its devices. */
export const DEVICES: Pick<VolumeWorld, 'openDevice' | 'deviceNumber' | 'exists' | 'mounts'> = {
  openDevice,
  deviceNumber: (path) => numberOf(statSync(path, { bigint: true })),
  // of what a link leads to: udev may have made the link before the device is usable, or left it behind.
  exists: existsSync,
  mounts: () => readFileSync('/proc/self/mountinfo', 'utf8'),
};

function openDevice(path: string, writable: boolean): BlockDevice {
  // exclusively for writing: the kernel refuses while anybody has mounted the device or has it open in the same way, mkfs for one.
  // https://man7.org/linux/man-pages/man2/open.2.html (O_EXCL)
  const fd = openSync(path, writable ? constants.O_RDWR | constants.O_EXCL : constants.O_RDONLY);
  const state = fstatSync(fd, { bigint: true });
  if (!state.isBlockDevice()) {
    closeSync(fd);
    throw new Error(`${path} is not a block device`);
  }
  return {
    // always in sectors of 512 bytes, whatever the device's are. https://docs.kernel.org/admin-guide/abi-stable-files.html (/sys/block/<disk>/size)
    size: () => 512 * Number(readFileSync(`/sys/dev/block/${numberOf(state)}/size`, 'utf8')),
    read: (offset, length) => {
      const data = Buffer.alloc(length);
      for (let done = 0; done < length; ) {
        const count = readSync(fd, data, done, length - done, offset + done);
        if (count === 0) throw new Error(`${path} ends before byte ${offset + length}`);
        done += count;
      }
      return data;
    },
    write: (offset, data) => {
      for (let done = 0; done < data.length; ) done += writeSync(fd, data, done, data.length - done, offset + done);
    },
    sync: () => fsyncSync(fd),
    close: () => closeSync(fd),
  };
}

/** The two halves of a device's number, which the C library interleaves. https://man7.org/linux/man-pages/man3/makedev.3.html */
function numberOf({ rdev }: { readonly rdev: bigint }): string {
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & 0xfffff000n);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
