import { mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DISK } from '../../../lib/agent/disk';
import { maintenanceHash, newMaintenance } from '../../../lib/agent/node/maintenance';
import { marksIn } from '../../../lib/agent/node/marks';
import { sha256Hex } from '../../../lib/config/manifest';

const folder = mkdtempSync(join(tmpdir(), 'marks-'));
const directory = join(folder, 'run');
const marks = marksIn(DISK, directory, { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
afterAll(() => rmSync(folder, { recursive: true }));

test('a mark is there until it is cleared, and only its owner can read it', () => {
  expect(marks.has('ready')).toBe(false);
  marks.set('ready');
  marks.set('ready');
  expect([marks.has('ready'), statSync(join(directory, 'ready')).mode & 0o7777, statSync(directory).mode & 0o7777]).toEqual([true, 0o600, 0o700]);
  marks.clear('ready');
  marks.clear('ready');
  expect(marks.has('ready')).toBe(false);
});

test('a link that somebody put there is no mark', () => {
  writeFileSync(join(folder, 'elsewhere'), 'x');
  symlinkSync(join(folder, 'elsewhere'), join(directory, 'open'));
  expect([marks.has('open'), marks.text('open')]).toEqual([false, undefined]);
});

test('the node-local password is another one each time, and only its hash is written down', () => {
  const [one, two] = [newMaintenance(), newMaintenance()];
  expect(one.password).not.toBe(two.password);
  expect(one.password.length).toBeGreaterThanOrEqual(43);
  expect(one.hash).toBe(sha256Hex(one.password));
  expect(() => maintenanceHash(marks)).toThrow(/has not prepared this machine yet/);
  marks.set('maintenance', one.hash);
  expect(maintenanceHash(marks)).toBe(one.hash);
});
