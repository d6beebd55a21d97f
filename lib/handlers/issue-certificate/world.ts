import type { Signer } from './signer';

/** What Secrets Manager says of a secret: version ids by label. */
export interface Described {
  readonly deleted: boolean;
  readonly current?: string;
  readonly previous?: string;
}

/** A secret that was found by its tag. */
export interface Found {
  readonly arn: string;
  readonly name: string;
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** Secrets Manager, as far as it is needed here. Any call may throw at any time, and may have happened all the same. */
export interface SecretStore {
  /** undefined: there is no such secret. */
  describe(secret: string): Promise<Described | undefined>;
  /** the text of a version; undefined: the version has none, or there is no such version. */
  read(secret: string, version: string): Promise<string | undefined>;
  /** gives the version its value and the label AWSPENDING. `taken`: it has another value. */
  put(secret: string, version: string, text: string): Promise<'stored' | 'taken'>;
  /** moves the label AWSCURRENT. `conflict`: it is not where it was thought to be. */
  promote(secret: string, to: string, from: string): Promise<'promoted' | 'conflict'>;
  /** all secrets with exactly this tag. */
  list(tag: Tag): Promise<readonly Found[]>;
}

/** Systems Manager parameters. */
export interface ParameterStore {
  /** undefined: there is no such parameter. */
  read(name: string): Promise<string | undefined>;
  write(name: string, value: string): Promise<void>;
}

/** What the handler needs from the world; simulated in tests. */
export interface World {
  readonly secrets: SecretStore;
  readonly parameters: ParameterStore;
  readonly signer: (keyId: string) => Signer;
  /** milliseconds. */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly log: (message: string, fields: Readonly<Record<string, string | number>>) => void;
}
