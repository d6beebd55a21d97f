import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FOLDER_DISK } from '../../../lib/agent/certificates/folders';
import type { FileState, OpenFile, Owner } from '../../../lib/agent/disk';
import { Fate } from '../credentials/fake-disk';
import type { Tree } from './world';

/** The real file system below a directory of its own, over which a process can be killed. */
export class RealTree implements Tree {
  readonly root = mkdtempSync(join(tmpdir(), 'tls-'));
  fate = new Fate();
  now = 0;

  constructor() {
    mkdirSync(join(this.root, 'config.d'));
  }

  list(path: string): readonly string[] {
    return FOLDER_DISK.list(path);
  }

  look(path: string): FileState | undefined {
    return FOLDER_DISK.look(path);
  }

  read(path: string): string {
    return FOLDER_DISK.read(path);
  }

  create(path: string): OpenFile {
    const file = this.fate.effect(() => FOLDER_DISK.create(path));
    const write = (content: string): void => {
      file.write(content);
      file.setModified(this.now / 1000);
    };
    return {
      write: (content) => this.fate.effect(() => write(content), () => write(content.slice(0, content.length / 2))),
      modified: () => file.modified(),
      setModified: (seconds) => this.fate.effect(() => file.setModified(seconds)),
      setOwner: (owner) => this.fate.effect(() => file.setOwner(owner)),
      sync: () => this.fate.effect(() => file.sync()),
      // the kernel closes what a process leaves open.
      close: () => file.close(),
    };
  }

  rename(from: string, to: string): void {
    this.fate.effect(() => FOLDER_DISK.rename(from, to));
  }

  remove(path: string): void {
    this.fate.effect(() => FOLDER_DISK.remove(path));
  }

  makeDirectory(path: string, mode: number): void {
    this.fate.effect(() => FOLDER_DISK.makeDirectory(path, mode));
  }

  removeDirectory(path: string): void {
    this.fate.effect(() => FOLDER_DISK.removeDirectory(path));
  }

  setDirectoryOwner(path: string, owner: Owner): void {
    this.fate.effect(() => FOLDER_DISK.setDirectoryOwner(path, owner));
  }

  syncDirectory(path: string): void {
    this.fate.effect(() => FOLDER_DISK.syncDirectory(path));
  }

  outside<T>(act: () => T): T {
    return act();
  }

  restart(): void {
    this.fate = new Fate();
  }

  files(): { readonly path: string; readonly content: string; readonly owner: Owner }[] {
    return readdirSync(this.root, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
      const path = join(this.root, name);
      const { mode, uid, gid } = lstatSync(path);
      return lstatSync(path).isFile() ? [{ path, content: readFileSync(path, 'utf8'), owner: { uid, gid, mode: mode & 0o7777 } }] : [];
    });
  }

  end(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
