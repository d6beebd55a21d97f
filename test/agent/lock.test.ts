import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exclusively } from '../../lib/agent/lock';

const directory = mkdtempSync(join(tmpdir(), 'lock-'));
const path = join(directory, 'lock');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('one at a time, and the lock goes with the work, however it ends', async () => {
  await exclusively(path, 0, async () => {
    await expect(exclusively(path, 0, () => Promise.resolve('in'))).rejects.toThrow(/another process has held .* for 0 s/);
  });
  await expect(exclusively(path, 0, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
  expect(await exclusively(path, 0, () => Promise.resolve('in'))).toBe('in');
});

test('the lock goes with a process that is killed', async () => {
  const holder = spawn('flock', [path, 'sh', '-c', 'echo held; exec sleep 60'], { stdio: ['ignore', 'pipe', 'ignore'], detached: true });
  await new Promise((resolve) => holder.stdout.once('data', resolve));
  await expect(exclusively(path, 0, () => Promise.resolve('in'))).rejects.toThrow(/another process/);
  process.kill(-(holder.pid ?? 0), 'SIGKILL');
  expect(await exclusively(path, 5, () => Promise.resolve('in'))).toBe('in');
});
