import { basename, dirname } from 'node:path';
import type { FileState, OpenFile, Owner } from '../../../lib/agent/disk';
import { Fate } from '../credentials/fake-disk';
import type { Tree } from './world';

interface File {
  readonly kind: 'file';
  content: string;
  /** what a power failure leaves for certain. */
  durable: string;
  modified: number;
  owner: Owner;
}

interface Directory {
  readonly kind: 'directory';
  readonly names: Map<string, Entry>;
  durable: Map<string, Entry>;
  /** changes of names since the last synchronisation, in order. */
  unsynced: (readonly [name: string, entry: Entry | undefined])[];
  owner: Owner;
}

type Entry = File | Directory;

const ROOT: Owner = { uid: 0, gid: 0, mode: 0o755 };

/**
 * Directories in directories that forget in a power failure whatever nobody asked them to keep: the text of a file that was not synchronised, a
 * name in a directory that was not. https://man7.org/linux/man-pages/man2/fsync.2.html
 */
export class FakeTree implements Tree {
  fate = new Fate();
  now = 0;
  private root = emptyDirectory(ROOT);

  constructor(directories: readonly string[]) {
    for (const path of directories) this.outside(() => this.makeAll(path));
  }

  list(path: string): readonly string[] {
    this.fate.alive();
    return [...this.directory(path).names.keys()];
  }

  look(path: string): FileState | undefined {
    this.fate.alive();
    const entry = this.find(path);
    return entry && { regular: entry.kind === 'file', ...entry.owner, modified: entry.kind === 'file' ? entry.modified : 0 };
  }

  read(path: string): string {
    this.fate.alive();
    const entry = this.find(path);
    if (entry?.kind !== 'file') throw failure('ENOENT', path);
    return entry.content;
  }

  create(path: string): OpenFile {
    const file: File = { kind: 'file', content: '', durable: '', modified: this.now, owner: { uid: 0, gid: 0, mode: 0o600 } };
    this.fate.effect(() => {
      if (this.find(path) !== undefined) throw failure('EEXIST', path);
      this.set(path, file);
    });
    const write = (content: string): void => {
      file.content += content;
      file.modified = this.now;
    };
    return {
      write: (content) => this.fate.effect(() => write(content), () => write(content.slice(0, content.length / 2))),
      modified: () => file.modified,
      setModified: (seconds) => this.fate.effect(() => void (file.modified = seconds * 1000)),
      setOwner: (owner) => this.fate.effect(() => void (file.owner = owner)),
      sync: () => this.fate.effect(() => void (file.durable = file.content)),
      close: () => undefined,
    };
  }

  rename(from: string, to: string): void {
    this.fate.effect(() => {
      const entry = this.find(from);
      const there = this.find(to);
      if (entry === undefined) throw failure('ENOENT', from);
      // https://man7.org/linux/man-pages/man2/rename.2.html
      if (there !== undefined && there.kind !== entry.kind) throw failure(entry.kind === 'directory' ? 'ENOTDIR' : 'EISDIR', to);
      if (there?.kind === 'directory' && there.names.size > 0) throw failure('ENOTEMPTY', to);
      this.set(from, undefined);
      this.set(to, entry);
    });
  }

  remove(path: string): void {
    this.fate.effect(() => {
      if (this.find(path)?.kind !== 'file') throw failure('ENOENT', path);
      this.set(path, undefined);
    });
  }

  makeDirectory(path: string, mode: number): void {
    this.fate.effect(() => {
      if (this.find(path) !== undefined) throw failure('EEXIST', path);
      this.set(path, emptyDirectory({ uid: 0, gid: 0, mode }));
    });
  }

  removeDirectory(path: string): void {
    this.fate.effect(() => {
      if (this.directory(path).names.size > 0) throw failure('ENOTEMPTY', path);
      this.set(path, undefined);
    });
  }

  setDirectoryOwner(path: string, owner: Owner): void {
    this.fate.effect(() => void (this.directory(path).owner = owner));
  }

  syncDirectory(path: string): void {
    this.fate.effect(() => {
      const directory = this.directory(path);
      directory.durable = new Map(directory.names);
      directory.unsynced = [];
    });
  }

  outside<T>(act: () => T): T {
    const { fate } = this;
    this.fate = new Fate();
    try {
      return act();
    } finally {
      this.fate = fate;
    }
  }

  restart(): void {
    const { crash } = this.fate;
    this.fate = new Fate();
    if (crash?.kind === 'power') lose(this.root, crash.luck);
  }

  files(): { readonly path: string; readonly content: string; readonly owner: Owner }[] {
    return filesIn(this.root, '');
  }

  /** Puts a file there from outside, which lasts. */
  put(path: string, content: string, owner: Owner = { uid: 0, gid: 0, mode: 0o600 }): void {
    this.set(path, { kind: 'file', content, durable: content, modified: this.now, owner });
    this.outside(() => this.syncDirectory(dirname(path)));
  }

  private makeAll(path: string): void {
    if (path === '/' || this.find(path) !== undefined) return;
    this.makeAll(dirname(path));
    this.makeDirectory(path, 0o755);
    this.syncDirectory(dirname(path));
  }

  private find(path: string): Entry | undefined {
    let entry: Entry | undefined = this.root;
    for (const name of path.split('/').filter((each) => each !== '')) entry = entry?.kind === 'directory' ? entry.names.get(name) : undefined;
    return entry;
  }

  private set(path: string, entry: Entry | undefined): void {
    const directory = this.directory(dirname(path));
    put(directory.names, basename(path), entry);
    directory.unsynced.push([basename(path), entry]);
  }

  private directory(path: string): Directory {
    const entry = this.find(path);
    if (entry?.kind !== 'directory') throw failure('ENOENT', path);
    return entry;
  }
}

function emptyDirectory(owner: Owner): Directory {
  return { kind: 'directory', names: new Map(), durable: new Map(), unsynced: [], owner };
}

function lose(entry: Entry, luck: number): void {
  if (entry.kind === 'file') {
    const lost = entry.content.length - entry.durable.length;
    entry.content = entry.content.slice(0, entry.durable.length + Math.floor(luck * lost));
    entry.durable = entry.content;
    return;
  }
  const names = new Map(entry.durable);
  // a journal replays changes of names in order, up to some point.
  for (const [name, each] of entry.unsynced.slice(0, Math.round(luck * entry.unsynced.length))) put(names, name, each);
  entry.names.clear();
  for (const [name, each] of names) {
    entry.names.set(name, each);
    lose(each, luck);
  }
  entry.durable = names;
  entry.unsynced = [];
}

function filesIn(directory: Directory, path: string): { path: string; content: string; owner: Owner }[] {
  return [...directory.names].flatMap(([name, entry]) => (entry.kind === 'file' ? [{ path: `${path}/${name}`, content: entry.content, owner: entry.owner }] : filesIn(entry, `${path}/${name}`)));
}

function put(names: Map<string, Entry>, name: string, entry: Entry | undefined): void {
  if (entry === undefined) names.delete(name);
  else names.set(name, entry);
}

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code} ${path}`), { code });
}
