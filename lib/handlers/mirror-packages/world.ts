import type * as openpgp from 'openpgp';

/** What is needed of OpenPGP. */
export type OpenPgp = Pick<typeof openpgp, 'readKeys' | 'readSignature' | 'createMessage' | 'verify' | 'enums'>;

/** Where packages come from. */
export interface Upstream {
  /** one request; redirects are not followed. Throws when there is no answer. */
  get(url: URL, headers: Readonly<Record<string, string>>): Promise<Answer>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** throws when the connection is lost. */
  readonly body: AsyncIterable<Uint8Array>;
  /** gives up what is left of the body. */
  cancel(): void;
}

/** A part of an upload that has arrived. */
export interface Part {
  readonly number: number;
  readonly etag: string;
  /** base64. */
  readonly sha256: string;
}

/** The cluster's bucket, as far as it is needed here. Any call may throw at any time, and may have happened all the same. */
export interface PackageStore {
  /** undefined: there is no such object. */
  head(key: string): Promise<{ readonly size: number; readonly sha256?: string } | undefined>;
  /** the ids of the uploads to this key that were begun and not ended. */
  unfinished(key: string): Promise<readonly string[]>;
  begin(key: string, sha256: string): Promise<string>;
  put(key: string, upload: string, number: number, content: Uint8Array): Promise<Part>;
  /** makes the object, unless there is one: an object never changes. */
  complete(key: string, upload: string, parts: readonly Part[]): Promise<void>;
  abort(key: string, upload: string): Promise<void>;
  /** a small text; undefined: there is none. */
  read(key: string): Promise<string | undefined>;
  write(key: string, text: string): Promise<void>;
}

/** What the handler needs from the world; simulated in tests. */
export interface World {
  readonly upstream: Upstream;
  readonly store: (bucket: string) => PackageStore;
  readonly openpgp: OpenPgp;
  /** milliseconds. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly log: (message: string, fields: Readonly<Record<string, string | number>>) => void;
}
