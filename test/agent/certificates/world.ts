import { dirname } from 'node:path';
import { GRACE_MILLISECONDS, install } from '../../../lib/agent/certificates/install';
import type { FolderDisk } from '../../../lib/agent/certificates/folders';
import type { Place } from '../../../lib/agent/certificates/install';
import type { Material } from '../../../lib/agent/certificates/material';
import type { Owner } from '../../../lib/agent/disk';
import type { Crash } from '../credentials/fake-disk';
import { Fate } from '../credentials/fake-disk';
import { pathsIn, TEMPLATE } from './reader';

/** Directories that a process can be ended over: simulated ones, or real ones. */
export interface Tree extends FolderDisk {
  fate: Fate;
  /** milliseconds since the epoch; what is written has this time. */
  now: number;
  /** looks or changes from outside, whatever has become of the process. */
  outside<T>(act: () => T): T;
  /** after the process has ended: what the next one finds. */
  restart(): void;
  /** every file there is. */
  files(): readonly { readonly path: string; readonly content: string; readonly owner: Owner }[];
}

/** Where a node has its configuration, below a root. */
export function placeIn(root: string, owner: Owner): Place {
  return { directory: { path: `${root}/tls`, owner }, document: { path: `${root}/config.d/certificates.xml`, template: TEMPLATE } };
}

/** Material whose parts can be told from others'; what they mean is verified elsewhere. */
export function material(index: number): Material {
  const text = (part: string): string => `-----BEGIN ${part}-----\nof ${index}\n-----END ${part}-----\n`;
  return { serial: String(index).padStart(32, 'a'), certificate: text('CERTIFICATE'), privateKey: text('PRIVATE KEY'), bundle: text('CA CERTIFICATE') };
}

const whose = (content: string): string => /of (\d+)\n-----END/.exec(content)?.[1] ?? `half: ${content}`;

/** Reads the document and then the three files, each at some later moment. */
export class Reader {
  private paths: string[] | undefined;
  private read: string[] = [];
  private begun = 0;
  private switches = 0;
  private last = '';

  /** how many effects pass before each of its steps. */
  constructor(private readonly pauses: number[], private readonly world: World) {}

  get over(): boolean {
    return this.read.length === 3;
  }

  /** After something has happened. */
  tick(): void {
    if (this.paths !== undefined) this.notice();
    while (!this.over && (this.pauses[0] ?? 0) <= 0 && this.step()) this.pauses.shift();
    this.pauses[0] = (this.pauses[0] ?? 0) - 1;
  }

  private notice(): void {
    const now = this.world.document();
    if (now !== this.last) this.switches += 1;
    this.last = now ?? '';
  }

  /** Whether it got anywhere. */
  private step(): boolean {
    const { disk } = this.world;
    const document = this.world.document();
    if (this.paths === undefined) {
      if (document === undefined) return false;
      this.last = document;
      const { certificate, privateKey, bundle } = pathsIn(document);
      this.paths = [certificate, privateKey, bundle];
      this.begun = disk.now;
      return true;
    }
    const path = this.paths[this.read.length] ?? '';
    const promised = this.switches <= 1 || disk.now - this.begun < GRACE_MILLISECONDS;
    const content = disk.look(path) === undefined ? undefined : disk.read(path);
    if (content === undefined && promised) throw new Error(`${path} was taken from under a reader`);
    // it took longer than anybody is promised, and begins again.
    if (content === undefined) return this.begin();
    this.read.push(whose(content));
    if (new Set(this.read).size > 1) throw new Error(`a reader has a mismatch: ${this.read.join()}`);
    if (this.over) this.world.completed += 1;
    if (this.over && this.switches > 0) this.world.across += 1;
    return true;
  }

  private begin(): boolean {
    this.paths = undefined;
    this.read = [];
    this.switches = 0;
    return false;
  }
}

/** A node that material is installed on, one after the other, and who reads it meanwhile. */
export class World<T extends Tree = Tree> {
  readers: Reader[] = [];
  completed = 0;
  across = 0;
  modified = -1;
  private last: { readonly document: string; readonly seconds: number } | undefined;

  constructor(readonly disk: T, readonly place: Place) {
    disk.now = 1_700_000_000_000;
  }

  document(): string | undefined {
    const { path } = this.place.document;
    return this.disk.look(path) === undefined ? undefined : this.disk.read(path);
  }

  /** One pass, perhaps ended in the middle. */
  install(index: number, crash?: Crash): boolean | undefined {
    const fate = (this.disk.fate = new Fate(crash));
    fate.observe = () => this.disk.outside(() => this.instant());
    try {
      return install(this.disk, this.place, material(index), this.disk.now).changed;
    } catch (error) {
      if (!fate.dead) throw error;
      this.disk.restart();
      // the machine has started anew, and with it whoever was reading.
      if (crash?.kind === 'power') {
        this.readers = [];
        this.last = undefined;
      }
      this.instant();
      return undefined;
    } finally {
      this.disk.fate = new Fate();
    }
  }

  /** What is true at every instant, whatever the process is in the middle of. */
  instant(): void {
    const document = this.document();
    if (document !== undefined) {
      const { certificate, privateKey, bundle } = pathsIn(document);
      const parts = [certificate, privateKey, bundle].map((path) => whose(this.disk.read(path)));
      if (new Set(parts).size > 1) throw new Error(`the document names a mismatch: ${parts.join()}`);
      this.checkYounger(document);
    }
    for (const { path, content, owner } of this.disk.files()) {
      if (content.includes('PRIVATE') && (!path.endsWith('/node.key') || (owner.mode & 0o137) !== 0)) throw new Error(`${path} has a key and the mode ${owner.mode.toString(8)}`);
    }
    for (const reader of this.readers) reader.tick();
  }

  /** ClickHouse does not read a document again that has the time it knows, in whole seconds. */
  private checkYounger(document: string): void {
    const seconds = Math.floor((this.disk.look(this.place.document.path)?.modified ?? 0) / 1000);
    if (this.last !== undefined && this.last.document !== document && seconds <= this.last.seconds) throw new Error('the document has changed and is not younger');
    this.last = { document, seconds };
  }

  /** After a pass that nothing ended. */
  checkSettled(index: number): void {
    const names = this.disk.list(this.place.directory.path);
    expect(names.filter((name) => name.startsWith('.'))).toEqual([]);
    expect(this.disk.list(dirname(this.place.document.path))).toEqual(['certificates.xml']);
    const { certificate, privateKey, bundle } = pathsIn(this.document() ?? '');
    expect([certificate, privateKey, bundle].map((path) => this.disk.read(path))).toEqual([material(index).certificate, material(index).privateKey, material(index).bundle]);
    const certificates = this.disk.list(this.place.directory.path).map((name) => Math.floor((this.disk.look(`${this.place.directory.path}/${name}/node.crt`)?.modified ?? 0) / 1000));
    expect(new Set(certificates).size).toBe(certificates.length);
    const modified = this.disk.look(this.place.document.path)?.modified ?? 0;
    expect(modified).toBeGreaterThanOrEqual(this.modified);
    this.modified = modified;
  }
}
