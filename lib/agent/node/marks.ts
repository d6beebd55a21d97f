import { join } from 'node:path';
import type { Disk } from '../disk';
import { isAlready, removeFile, replaceFile } from '../disk';
import type { READY } from '../machine/units';

/**
 * What is remembered until the machine starts anew, each as a file of a tmpfs that only root writes to.
 *
 * - `ready`: ClickHouse may be started; its unit asks for it, so that nothing else starts it before the node is prepared.
 * - `signalled`: CloudFormation was told how the launch ended.
 * - `open`: ClickHouse let somebody in who has no password. It is not started again on this machine.
 * - `maintenance`: SHA-256 of the node-local password, for a refresh that runs beside the agent. The password itself is in the agent's memory alone.
 */
export type Mark = typeof READY | 'signalled' | 'open' | 'maintenance';

export interface Marks {
  has(mark: Mark): boolean;
  text(mark: Mark): string | undefined;
  set(mark: Mark, text?: string): void;
  clear(mark: Mark): void;
}

/** The marks in a directory, which is made when it is not there. */
export function marksIn(disk: Disk, directory: string, owner: { readonly uid: number; readonly gid: number } = { uid: 0, gid: 0 }): Marks {
  const file = (mark: Mark): string => join(directory, mark);
  const mode = { ...owner, mode: 0o600 };
  const has = (mark: Mark): boolean => disk.look(file(mark))?.regular === true;
  return {
    has,
    text: (mark) => (has(mark) ? disk.read(file(mark)) : undefined),
    set(mark, text = '') {
      if (disk.look(directory) === undefined) disk.makeDirectory(directory, 0o700);
      if (!isAlready(disk, file(mark), text, mode)) replaceFile(disk, file(mark), text, mode);
    },
    clear(mark) {
      if (disk.look(file(mark)) !== undefined) removeFile(disk, file(mark));
    },
  };
}
