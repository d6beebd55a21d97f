import { createHash, randomBytes } from 'node:crypto';
import type { BlockDevice } from './world';

/**
 * What is written at the very end of a device before it is formatted, and taken away when it is: as long as it is there, nothing was ever
 * mounted from the device, so whatever a formatting that was interrupted has left may be formatted again.
 *
 * A filesystem of ours ends before the last mebibyte ({@link roomFor}), so no file's content can ever lie where the record does, however cleverly
 * somebody chooses it.
 */
export type Intent = 'none' | 'ours' | 'another' | 'damaged';

/** How much of a device's end a filesystem of ours leaves free. */
export const RESERVED = 1024 * 1024;

const RECORD = 4096;
// a disk writes a sector wholly or not at all, also when the power fails: a record that lies in one is there or not.
const SECTOR = 512;
const MAGIC = Buffer.from('clickhouse-agent:format-intent:1', 'latin1');
const HASH = 32;

/** The bytes that a filesystem of ours may use, in whole blocks. */
export function roomFor(deviceSize: number): number {
  return Math.max(0, Math.floor((deviceSize - RESERVED) / 4096) * 4096);
}

/** What the end of a device says. */
export function readIntent(device: BlockDevice, volumeId: string): Intent {
  if (device.size() < 2 * RESERVED) return 'none';
  return intentIn(device.read(device.size() - RECORD, RECORD), volumeId);
}

/** Puts the record there. Whoever relies on it makes it last: what a killed process has written is seen, and still lost when the power fails. */
export function writeIntent(device: BlockDevice, volumeId: string): void {
  device.write(device.size() - RECORD, intentRecord(volumeId));
}

/** Takes it away, not before everything else on the device is certain. Whoever relies on it makes that last. */
export function clearIntent(device: BlockDevice): void {
  device.sync();
  device.write(device.size() - RECORD, Buffer.alloc(RECORD));
}

/** The record: what it is, the length of a text, the text, and a hash of all that. The rest is zero. */
export function intentRecord(volumeId: string): Buffer {
  const text = Buffer.from(JSON.stringify({ volumeId, nonce: randomBytes(16).toString('hex') }));
  const length = Buffer.alloc(2);
  length.writeUInt16LE(text.length);
  const body = Buffer.concat([MAGIC, length, text]);
  const record = Buffer.concat([body, sha256(body)]);
  if (record.length > SECTOR) throw new Error(`the id of a volume must be shorter, got ${volumeId.length} characters`);
  return Buffer.concat([record, Buffer.alloc(RECORD - record.length)]);
}

/**
 * Of another volume it proves the same as long as nobody but agents had it in hand. A volume made from a snapshot passed through somebody's
 * hands, though, and there is nothing on it that is missed: it is refused.
 */
function intentIn(record: Buffer, volumeId: string): Intent {
  if (!record.subarray(0, MAGIC.length).equals(MAGIC)) return 'none';
  const start = MAGIC.length + 2;
  const end = start + record.readUInt16LE(MAGIC.length);
  if (end + HASH > SECTOR || !record.subarray(end, end + HASH).equals(sha256(record.subarray(0, end)))) return 'damaged';
  if (!isZero(record.subarray(end + HASH))) return 'damaged';
  const { volumeId: named } = JSON.parse(record.toString('utf8', start, end)) as { volumeId?: unknown };
  return named === volumeId ? 'ours' : 'another';
}

/** Whether there is nothing but zeros. */
export function isZero(data: Buffer): boolean {
  return data.every((byte) => byte === 0);
}

function sha256(data: Buffer): Buffer {
  return createHash('sha256').update(data).digest();
}
