/** Why something names no release of ClickHouse. */
export interface Loose {
  /** whether that is certain: what is filled in later may name one. */
  readonly known: boolean;
  readonly words: string;
}

const FULL_VERSION = /^v?\d+\.\d+\.\d+/;
// a year, or a year and a month: the newest release of that line.
const LINE = /^v?\d{2}(?:\.\d{1,2})?(?=$|[-_])/;
const HASH = /[-_.](?=[a-f]*\d)[0-9a-f]{7,}$/i;
const MOVING_WORDS = /(?:^|[-_.])(?:latest|head|lts|stable|testing|prestable|nightly|edge|main|master)(?:$|[-_.])/i;

/**
 * Why an image names no release; undefined if it names a release or a build.
 *
 * `24.3` moves to each new release of its line, `24.3.5` and `24.3.5.46` do not, and a digest cannot. A tag that is neither a version nor
 * a known word is somebody's own build.
 *
 * @see https://clickhouse.com/docs/install/docker
 */
export function looseImage(image: string): Loose | undefined {
  if (image.includes('@')) return undefined;
  const name = image.slice(image.lastIndexOf('/') + 1);
  const colon = name.indexOf(':');
  const tag = colon < 0 ? name : name.slice(colon + 1);
  if (isOpen(tag)) return { known: false, words: 'its tag is filled in later' };
  if (colon < 0) return { known: true, words: 'it has no tag, which means latest' };
  if (FULL_VERSION.test(tag)) return undefined;
  if (LINE.test(tag) && !HASH.test(tag)) return { known: true, words: `tag ${tag} moves to each new release of that line` };
  return MOVING_WORDS.test(tag) || !/\d/.test(tag) ? { known: true, words: `tag ${tag} moves from release to release` } : undefined;
}

const SERVER_PACKAGE = /^(clickhouse-(?:server|common-static|keeper))(?:[=_-](?=$|v?\d|\*|\$)(.*))?$/i;

/** The name and the version of a package of the server, as a package manager is given them; undefined for any other package. */
export function serverPackage(text: string): { readonly name: string; readonly version?: string } | undefined {
  const [, name, version] = SERVER_PACKAGE.exec(text) ?? [];
  return name === undefined ? undefined : { name, version };
}

/** Why the version of a package is no release. */
export function looseVersion(version: string | undefined): Loose | undefined {
  if (version === undefined) return { known: true, words: 'it has no version' };
  if (isOpen(version)) return { known: false, words: 'its version is filled in later' };
  return FULL_VERSION.test(version) && !version.includes('*') ? undefined : { known: true, words: `the newest that fits '${version}' is taken` };
}

/** Whether a text goes on with something that is filled in later: by the deployment, or by the shell. */
function isOpen(text: string): boolean {
  return /(?:^|[\s=:._-])$|[$\s]/.test(text);
}
