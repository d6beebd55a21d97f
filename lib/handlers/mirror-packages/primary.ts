import { isSha256 } from '../../config/report';
import type { Wanted } from './event';
import { MirrorFailure } from './failure';
import type { XmlHandler } from './xml';

/** A package, as the list of packages describes it. */
export interface Listed {
  /** in the repository. */
  readonly path: string;
  readonly file: string;
  readonly sha256: string;
  readonly size: number;
}

/** ClickHouse's largest has half a gigabyte. */
export const LARGEST_PACKAGE = 2 * 1024 ** 3;

/** A path below the repository: no segment begins with a dot, and nothing is written in another way. */
export function isPath(path: string): boolean {
  return path.length <= 500 && /^(?:[A-Za-z0-9][A-Za-z0-9._+~-]*\/){0,4}[A-Za-z0-9][A-Za-z0-9._+~-]*$/.test(path);
}

/**
 * Looks for packages of one version in primary.xml, as it is read.
 *
 * Of everything else it only remembers which version of a wanted package is the newest, to say so.
 */
export class PrimaryReader implements XmlHandler {
  private readonly found = new Map<string, Listed>();
  private readonly newest = new Map<string, string>();
  private fields: Map<string, string> | undefined;
  private field = '';

  constructor(
    private readonly wanted: readonly Wanted[],
    private readonly version: string,
  ) {}

  /** What was found of one package. */
  listed(wanted: Wanted): Listed {
    const listed = this.found.get(idOf(wanted));
    if (listed !== undefined) return listed;
    const newest = this.newest.get(idOf(wanted));
    throw new MirrorFailure('NoSuchVersion', `the repository has no ${wanted.name} ${this.version} for ${wanted.architecture}${newest === undefined ? ', nor any other version of it' : `; the newest there is ${newest}`}; nothing was mirrored`);
  }

  open(name: string, attributes: ReadonlyMap<string, string>, depth: number): void {
    this.field = '';
    if (depth === 1 && name !== 'metadata') throw bad(`its root is ${name.slice(0, 100)}`);
    if (depth === 2) this.fields = name === 'package' && attributes.get('type') === 'rpm' ? new Map() : undefined;
    if (depth !== 3 || this.fields === undefined) return;
    switch (name) {
      case 'name':
      case 'arch':
      case 'checksum':
        this.keep(name, '');
        if (name === 'checksum') this.keep('checksum type', attributes.get('type') ?? '');
        this.field = name;
        return;
      case 'version':
        this.keep('version', attributes.get('ver') ?? '');
        this.keep('epoch', attributes.get('epoch') ?? '0');
        return;
      case 'size':
        this.keep('size', attributes.get('package') ?? '');
        return;
      case 'location':
        this.keep('location', attributes.get('href') ?? '');
        if (attributes.has('xml:base')) this.keep('base', '');
    }
  }

  text(text: string, depth: number): void {
    if (this.field === '' || depth !== 3) return;
    const value = (this.fields?.get(this.field) ?? '') + text;
    if (value.length > 200) throw bad(`${this.field} of a package is too long`);
    this.fields?.set(this.field, value);
  }

  close(_: string, depth: number): void {
    this.field = '';
    if (depth !== 2 || this.fields === undefined) return;
    this.package(this.fields);
    this.fields = undefined;
  }

  private keep(name: string, value: string): void {
    if (this.fields?.has(name) === true) throw bad(`a package has its ${name} twice`);
    this.fields?.set(name, value);
  }

  private package(fields: ReadonlyMap<string, string>): void {
    const field = (name: string): string => fields.get(name)?.trim() ?? '';
    const wanted = this.wanted.find(({ name, architecture }) => name === field('name') && architecture === field('arch'));
    if (wanted === undefined) return;
    const id = idOf(wanted);
    const version = field('version');
    if (isNewer(version, this.newest.get(id))) this.newest.set(id, version);
    if (version !== this.version) return;
    const [path, sha256, size] = [field('location'), field('checksum'), field('size')];
    const called = `${wanted.name} ${version} for ${wanted.architecture}`;
    if (!isPath(path) || fields.has('base')) throw bad(`${called} is said to be outside of the repository: ${JSON.stringify(path.slice(0, 100))}`);
    const file = path.slice(path.lastIndexOf('/') + 1);
    // what nodes install is named by its file, so that one package must not pass for another.
    if (!file.startsWith(`${wanted.name}-${version}`) || !/^(?:-[A-Za-z0-9._+~]{1,60})?\.$/.test(file.slice(`${wanted.name}-${version}`.length, -`${wanted.architecture}.rpm`.length)) || !file.endsWith(`.${wanted.architecture}.rpm`)) throw bad(`${called} is in the file ${JSON.stringify(file.slice(0, 100))}`);
    if (field('checksum type') !== 'sha256' || !isSha256(sha256)) throw bad(`${called} has no SHA-256`);
    if (!/^[1-9][0-9]{0,11}$/.test(size)) throw bad(`${called} has no size`);
    if (Number(size) > LARGEST_PACKAGE) throw new MirrorFailure('TooLarge', `${called} has ${size} bytes, at most ${LARGEST_PACKAGE} are taken`);
    if (field('epoch') !== '0') throw bad(`${called} has the epoch ${JSON.stringify(field('epoch').slice(0, 20))}`);
    const before = this.found.get(id);
    const listed = { path, file, sha256, size: Number(size) };
    // the same entry again says nothing else; another one leaves nobody to decide between them.
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(listed)) throw bad(`${called} is there twice, as ${before.file} with SHA-256 ${before.sha256} and as ${file} with ${sha256}`);
    this.found.set(id, listed);
  }
}

function idOf({ name, architecture }: Wanted): string {
  return `${name}.${architecture}`;
}

function isNewer(version: string, than: string | undefined): boolean {
  if (!/^[0-9.]{1,40}$/.test(version)) return false;
  if (than === undefined) return true;
  const [a, b] = [version, than].map((each) => each.split('.').map(Number));
  const at = a?.findIndex((number, index) => number !== (b?.[index] ?? -1)) ?? -1;
  return at >= 0 && (a?.[at] ?? 0) > (b?.[at] ?? -1);
}

function bad(reason: string): MirrorFailure {
  return new MirrorFailure('BadMetadata', `the list of packages cannot be used: ${reason}`);
}
