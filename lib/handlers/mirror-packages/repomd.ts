import { isSha256 } from '../../config/report';
import { MirrorFailure } from './failure';
import { isPath } from './primary';
import { XmlReader } from './xml';

/** What the signed index of a repository says: everything else is trusted because its digest is here. */
export interface Repomd {
  /** grows with every publication: createrepo_c writes the time. */
  readonly revision: number;
  /** the list of packages. */
  readonly primary: { readonly path: string; readonly sha256: string; readonly size: number };
}

/** Reads repomd.xml, whose signature is known to be good. */
export function readRepomd(content: Uint8Array): Repomd {
  const found = new Map<string, string>();
  let data = '';
  let field = '';
  const keep = (name: string, value: string): void => {
    if (found.has(name)) throw bad(`${name} stands twice`);
    found.set(name, value);
  };
  const reader = new XmlReader('repomd.xml', {
    open(name, attributes, depth) {
      field = '';
      if (depth === 1 && name !== 'repomd') throw bad(`its root is ${name.slice(0, 100)}`);
      if (depth === 2) data = name === 'data' ? (attributes.get('type') ?? '') : '';
      if (depth === 2 && name === 'revision') field = name;
      else if (depth !== 3 || data !== 'primary') return;
      else if (name === 'location') {
        if (attributes.has('xml:base')) throw bad('its list of packages is elsewhere');
        keep('location', attributes.get('href') ?? '');
      } else if (name === 'size') field = name;
      else if (name === 'checksum') {
        if (attributes.get('type') !== 'sha256') throw bad('its list of packages has no SHA-256');
        field = name;
      }
      if (field !== '') keep(field, '');
    },
    text(text, depth) {
      if (field === '' || depth !== (field === 'revision' ? 2 : 3)) return;
      const value = (found.get(field) ?? '') + text;
      if (value.length > 200) throw bad(`${field} is too long`);
      found.set(field, value);
    },
    close() {
      field = '';
    },
  });
  reader.write(content);
  reader.end();
  const [revision = '', path = '', sha256 = '', size = ''] = ['revision', 'location', 'checksum', 'size'].map((name) => found.get(name)?.trim());
  // a revision that is no number cannot be told from an older one.
  if (!/^[0-9]{1,15}$/.test(revision)) throw bad('its revision is no number');
  if (!isPath(path) || !isSha256(sha256) || !/^[0-9]{1,12}$/.test(size)) throw bad('it has no list of packages with a path in the repository, a size and a SHA-256');
  return { revision: Number(revision), primary: { path, sha256, size: Number(size) } };
}

function bad(reason: string): MirrorFailure {
  return new MirrorFailure('BadMetadata', `repomd.xml cannot be used: ${reason}`);
}
