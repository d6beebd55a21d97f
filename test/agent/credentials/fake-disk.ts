import { basename, dirname } from 'node:path';
import type { Disk, FileState, OpenFile, Owner } from '../../../lib/agent/disk';

/** How a process ends in the middle of its work. */
export interface Crash {
  /** how many effects happen before it. */
  readonly after: number;
  /** the effect it hits: has it happened, not, or (a write) by half? */
  readonly hit: 'before' | 'after' | 'half';
  /** `power`: what was not synchronised may be gone, wholly or in part. */
  readonly kind: 'kill' | 'power';
  /** decides how much is gone; from 0 up to but not 1. */
  readonly luck: number;
}

/** Counts everything a process does to the world and ends it where it is told to. Whoever asks a dead process for more gets an error. */
export class Fate {
  dead = false;
  done = 0;
  /** told after every effect that happened. */
  observe: () => void = () => undefined;

  constructor(readonly crash?: Crash) {}

  effect<T>(act: () => T, half?: () => void): T {
    this.alive();
    if (this.crash?.after === this.done) {
      if (this.crash.hit === 'after') act();
      if (this.crash.hit === 'half') half?.();
      this.dead = true;
      this.observe();
      throw new Error('the process has ended');
    }
    this.done += 1;
    const result = act();
    this.observe();
    return result;
  }

  alive(): void {
    if (this.dead) throw new Error('the process has ended');
  }
}

interface Inode {
  content: string;
  /** what a power failure leaves for certain. */
  durable: string;
  modified: number;
  owner: Owner;
}

interface Directory {
  readonly names: Map<string, Inode>;
  durable: Map<string, Inode>;
  /** changes of names since the last synchronisation, in order. */
  unsynced: (readonly [name: string, inode: Inode | undefined])[];
}

/** A file system that forgets in a power failure whatever nobody asked it to keep. https://man7.org/linux/man-pages/man2/fsync.2.html */
export class FakeDisk implements Disk {
  fate = new Fate();
  now = 0;
  /** everything that was ever written, and the names it was written under. */
  readonly bytes: string[] = [];
  private readonly directories = new Map<string, Directory>();

  constructor(directories: readonly string[]) {
    for (const each of directories) this.directories.set(each, { names: new Map(), durable: new Map(), unsynced: [] });
  }

  list(path: string): readonly string[] {
    this.fate.alive();
    return [...this.directory(path).names.keys()];
  }

  look(path: string): FileState | undefined {
    this.fate.alive();
    if (this.directories.has(path)) return { regular: false, mode: 0o700, uid: 0, gid: 0, modified: 0 };
    const inode = this.find(path);
    return inode && { regular: true, ...inode.owner, modified: inode.modified };
  }

  read(path: string): string {
    this.fate.alive();
    const inode = this.find(path);
    if (inode === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
    return inode.content;
  }

  create(path: string): OpenFile {
    this.bytes.push(path);
    const inode: Inode = { content: '', durable: '', modified: this.now, owner: { uid: 0, gid: 0, mode: 0o600 } };
    this.fate.effect(() => {
      if (this.find(path) !== undefined) throw Object.assign(new Error(path), { code: 'EEXIST' });
      this.set(path, inode);
    });
    const write = (content: string): void => {
      inode.content += content;
      inode.modified = this.now;
      this.bytes.push(content);
    };
    return {
      write: (content) => this.fate.effect(() => write(content), () => write(content.slice(0, content.length / 2))),
      modified: () => inode.modified,
      setModified: (seconds) => this.fate.effect(() => void (inode.modified = seconds * 1000)),
      setOwner: (owner) => this.fate.effect(() => void (inode.owner = owner)),
      sync: () => this.fate.effect(() => void (inode.durable = inode.content)),
      close: () => undefined,
    };
  }

  rename(from: string, to: string): void {
    this.fate.effect(() => {
      const inode = this.find(from);
      if (inode === undefined) throw Object.assign(new Error(from), { code: 'ENOENT' });
      this.set(from, undefined);
      this.set(to, inode);
    });
  }

  remove(path: string): void {
    this.fate.effect(() => this.set(path, undefined));
  }

  makeDirectory(path: string): void {
    this.fate.effect(() => this.directories.set(path, { names: new Map(), durable: new Map(), unsynced: [] }));
  }

  syncDirectory(path: string): void {
    this.fate.effect(() => {
      const directory = this.directories.get(path);
      if (directory === undefined) return;
      directory.durable = new Map(directory.names);
      directory.unsynced = [];
    });
  }

  /** After the process has ended: what the next one finds. */
  restart(): void {
    const { crash } = this.fate;
    this.fate = new Fate();
    if (crash?.kind !== 'power') return;
    for (const directory of this.directories.values()) {
      const names = new Map(directory.durable);
      // a journal replays changes of names in order, up to some point.
      for (const [name, inode] of directory.unsynced.slice(0, Math.round(crash.luck * directory.unsynced.length))) put(names, name, inode);
      for (const inode of names.values()) {
        const lost = inode.content.length - inode.durable.length;
        inode.content = inode.content.slice(0, inode.durable.length + Math.floor(crash.luck * lost));
        inode.durable = inode.content;
      }
      directory.names.clear();
      for (const [name, inode] of names) directory.names.set(name, inode);
      directory.durable = names;
      directory.unsynced = [];
    }
  }

  /** What is in a directory, for a look from outside. */
  files(path: string): Map<string, { readonly content: string; readonly modified: number }> {
    return new Map([...(this.directories.get(path)?.names ?? [])].map(([name, { content, modified }]) => [name, { content, modified }]));
  }

  /** Changes from outside, which last. */
  put(path: string, content: string): void {
    this.set(path, { content, durable: content, modified: this.now, owner: { uid: 0, gid: 0, mode: 0o600 } });
    const directory = this.directory(dirname(path));
    directory.durable = new Map(directory.names);
  }

  empty(path: string): void {
    this.directories.set(path, { names: new Map(), durable: new Map(), unsynced: [] });
  }

  private find(path: string): Inode | undefined {
    return this.directories.get(dirname(path))?.names.get(basename(path));
  }

  private set(path: string, inode: Inode | undefined): void {
    const directory = this.directory(dirname(path));
    put(directory.names, basename(path), inode);
    directory.unsynced.push([basename(path), inode]);
  }

  private directory(path: string): Directory {
    const directory = this.directories.get(path);
    if (directory === undefined) throw Object.assign(new Error(path), { code: 'ENOENT' });
    return directory;
  }
}

function put(names: Map<string, Inode>, name: string, inode: Inode | undefined): void {
  if (inode === undefined) names.delete(name);
  else names.set(name, inode);
}
