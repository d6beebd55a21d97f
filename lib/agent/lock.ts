import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';

/**
 * Does something while no other process of this machine does. The refresh document starts a process of its own beside the agent that polls:
 * without a lock one could write down what it remembers from before the other's revocation.
 *
 * A lock of the kernel on an open file: it goes with the process, however that ends, so there is nothing stale to clean. Node.js cannot ask for
 * one, so flock(1) does, on the descriptor it is handed: the lock belongs to the open file, which this process keeps.
 * https://man7.org/linux/man-pages/man2/flock.2.html
 */
export async function exclusively<T>(path: string, patienceSeconds: number, work: () => Promise<T>): Promise<T> {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  try {
    const code = await flock(fd, patienceSeconds);
    if (code !== 0) throw new Error(`another process has held ${path} for ${patienceSeconds} s; end it if it hangs, or try again`);
    return await work();
  } finally {
    closeSync(fd);
  }
}

function flock(fd: number, patienceSeconds: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    spawn('flock', ['--exclusive', '--timeout', String(patienceSeconds), '3'], { stdio: ['ignore', 'ignore', 'ignore', fd] })
      .on('error', (error) => reject(new Error(`flock cannot be run (${error.message}); install util-linux`)))
      .on('close', resolve);
  });
}
