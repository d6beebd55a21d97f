import { dirname, join } from 'node:path';
import type { Disk, Owner } from '../disk';
import { isAlready, kindOf, replaceFile } from '../disk';
import type { CredentialMemory, Leaving } from './admission';

/** What is remembered of a user's secret, or why nothing is. Without memory a node counts like one with a new volume: never shorter. */
export interface Recalled {
  readonly memory?: CredentialMemory;
  readonly trouble?: string;
}

/** One file a user: one that is damaged costs one user's clock. A user who is not declared any more keeps it: what was revoked stays revoked should he come back. */
export function memoryPath(directory: string, user: string): string {
  return join(directory, `${user}.json`);
}

/** Reads what is remembered of a user. Another secret is another history. */
export function recall(disk: Disk, directory: string, user: string, secret: string): Recalled {
  try {
    const path = memoryPath(directory, user);
    if (disk.look(path) === undefined) return { trouble: 'nothing is remembered of earlier versions; their time counts from now' };
    const read = parsed(disk.read(path));
    if (read === undefined) return { trouble: 'what was remembered of earlier versions is damaged; their time counts from now' };
    return read.secret === secret ? { memory: read.memory } : { trouble: 'what is remembered is of another secret; the time of earlier versions counts from now' };
  } catch (error) {
    return { trouble: `what was remembered of earlier versions cannot be read (${kindOf(error)}); their time counts from now` };
  }
}

/** Writes down what to remember, unless it is there already. Has to happen before what follows from it: see refresh.ts. */
export function remember(disk: Disk, directory: string, owner: Pick<Owner, 'uid' | 'gid'>, user: string, secret: string, memory: CredentialMemory): void {
  const path = memoryPath(directory, user);
  const content = `${JSON.stringify({ schema: 1, secret, ...memory })}\n`;
  const whose = { ...owner, mode: 0o600 };
  if (!isAlready(disk, path, content, whose)) replaceFile(disk, path, content, whose);
}

/** Makes the directory when it is not there. Only the last part of its path: the data volume itself is somebody else's work. */
export function prepareMemory(disk: Disk, directory: string): void {
  if (disk.look(directory) !== undefined) return;
  disk.makeDirectory(directory, 0o700);
  disk.syncDirectory(dirname(directory));
}

/** Reads the text of a file, which may hold anything: the data volume belongs to ClickHouse, and to whoever has taken it over. */
function parsed(text: string): { readonly secret: string; readonly memory: CredentialMemory } | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { schema, secret, current, pending, leaving } = value as Record<string, unknown>;
  if (schema !== 1 || typeof secret !== 'string' || !isVersionOrNone(current) || !isVersionOrNone(pending)) return undefined;
  if (!Array.isArray(leaving) || leaving.length > 100 || !leaving.every(isLeaving)) return undefined;
  return { secret, memory: { ...(current === undefined ? {} : { current }), ...(pending === undefined ? {} : { pending }), leaving: leaving.map(({ version, until, why }) => ({ version, until, ...(why === undefined ? {} : { why }) })) } };
}

function isLeaving(value: unknown): value is Leaving {
  if (typeof value !== 'object' || value === null) return false;
  const { version, until, why } = value as Record<string, unknown>;
  return version !== undefined && isVersionOrNone(version) && typeof until === 'number' && Number.isFinite(until) && (why === undefined || why === 'withdrawn' || why === 'revoked');
}

function isVersionOrNone(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === 'string' && value !== '' && value.length <= 64);
}
