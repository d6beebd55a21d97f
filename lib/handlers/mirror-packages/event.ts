import { isSha256 } from '../../config/report';
import { isTexts, propertyReader } from '../properties';
import { MirrorFailure } from './failure';

const { bad, text } = propertyReader((message) => new MirrorFailure('BadEvent', message));

export const ARCHITECTURES = ['aarch64', 'x86_64'] as const;
export type Architecture = (typeof ARCHITECTURES)[number];

/** `Custom::ClickHousePackages`, once it is known to be fit. */
export interface Packages {
  readonly version: string;
  readonly bucket: string;
  /** keys begin with it and a slash. */
  readonly prefix: string;
  /** ends with a slash. */
  readonly repository: URL;
  readonly wanted: readonly Wanted[];
  /** whole fingerprints, lower case. Empty: every file has its digest here, and nothing else is asked. */
  readonly fingerprints: readonly string[];
  /** SHA-256 by file name. */
  readonly digests: ReadonlyMap<string, string>;
}

export interface Wanted {
  readonly name: string;
  readonly architecture: Architecture;
}

// no 'latest' and no range: what is installed must not change on an unrelated deployment.
const VERSION = /^[0-9]{1,4}(?:\.[0-9]{1,6}){2,4}$/;
const PACKAGE = /^clickhouse(?:-[a-z0-9]{1,20}){1,4}$/;
const BUCKET = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const PREFIX = /^[a-z0-9-]{1,40}(?:\/[a-z0-9-]{1,40}){0,3}$/;
const FILE = /^[A-Za-z0-9][A-Za-z0-9._+~-]{0,199}$/;
// of version 4 and of version 6 (https://www.rfc-editor.org/rfc/rfc9580#section-5.5.4). The ids that are a part of it can be had by trying keys.
const FINGERPRINT = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;

/** More would not fit into the answer. */
const MOST_FILES = 12;

/** CloudFormation passes on whatever the template says. */
export function packagesProperties(properties: Readonly<Record<string, unknown>>): Packages {
  const version = text(properties, 'Version', VERSION, "a whole version such as '26.8.36.3'");
  const architectures = list(properties, 'Architectures', isArchitecture, `one or more of ${ARCHITECTURES.join(', ')}`);
  const names = list(properties, 'Packages', (each) => PACKAGE.test(each), "a list of different names such as 'clickhouse-server'");
  const wanted = architectures.flatMap((architecture) => names.map((name) => ({ name, architecture: architecture as Architecture })));
  if (wanted.length > MOST_FILES) throw bad('Packages', `such that there are at most ${MOST_FILES} files`, wanted.length);
  const digests = digestsOf(properties.Digests);
  const fingerprints = fingerprintsOf(properties.KeyFingerprint);
  const known = wanted.filter((each) => digests.has(fileNameOf(each, version)));
  if (fingerprints.length === 0 && known.length < wanted.length) throw bad('KeyFingerprint', "the fingerprint of the repository's key, unless 'Digests' names every file", properties.KeyFingerprint);
  return {
    version,
    bucket: text(properties, 'Bucket', BUCKET, 'the name of a bucket'),
    prefix: text(properties, 'Prefix', PREFIX, "a prefix such as 'packages'"),
    repository: repositoryOf(properties.Repository),
    wanted,
    fingerprints,
    digests,
  };
}

/** What ClickHouse calls its files. The signed metadata may call them otherwise, and then it counts. */
export function fileNameOf({ name, architecture }: Wanted, version: string): string {
  return `${name}-${version}.${architecture}.rpm`;
}

/** What an attribute of the resource is called: letters and digits only, such as ClickhouseServerAarch64Key. */
export function attributeOf({ name, architecture }: Wanted, what: 'Key' | 'Sha256'): string {
  return [...name.split('-'), ...architecture.split('_')].map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('') + what;
}

function repositoryOf(value: unknown): URL {
  const wanted = "an address such as 'https://packages.clickhouse.com/rpm/stable/'";
  if (typeof value !== 'string' || !URL.canParse(value)) throw bad('Repository', wanted, value);
  const url = new URL(value);
  // what is not written like the URL that it means may be read as another one by somebody else.
  const plain = url.href === value && url.protocol === 'https:' && url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  if (!plain || !/^\/(?:[A-Za-z0-9._~-]+\/)*$/.test(url.pathname)) throw bad('Repository', wanted, value);
  return url;
}

function fingerprintsOf(value: unknown): readonly string[] {
  const texts = value === undefined ? [] : typeof value === 'string' ? [value] : value;
  const wanted = 'whole fingerprints of 40 or 64 hexadecimal digits';
  if (!isTexts(texts) || texts.length > 4) throw bad('KeyFingerprint', wanted, value);
  const plain = texts.map((each) => each.replace(/ /g, '').toLowerCase());
  if (!plain.every((each) => FINGERPRINT.test(each))) throw bad('KeyFingerprint', wanted, value);
  return plain;
}

function digestsOf(value: unknown): ReadonlyMap<string, string> {
  if (value === undefined) return new Map();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad('Digests', 'SHA-256 by file name', value);
  const entries = Object.entries(value).map(([file, digest]: [string, unknown]): [string, string] => {
    const lower = typeof digest === 'string' ? digest.toLowerCase() : '';
    if (!FILE.test(file) || !isSha256(lower)) throw bad('Digests', 'SHA-256 in 64 hexadecimal digits by file name', { [file]: digest });
    return [file, lower];
  });
  return new Map(entries);
}

function isArchitecture(value: string): boolean {
  return (ARCHITECTURES as readonly string[]).includes(value);
}

function list(properties: Readonly<Record<string, unknown>>, name: string, fits: (each: string) => boolean, wanted: string): readonly string[] {
  const value = properties[name];
  if (!isTexts(value) || value.length === 0 || new Set(value).size !== value.length || !value.every(fits)) throw bad(name, wanted, value);
  return value;
}
