import type { VersionStore } from '../secret-versions';
import type { Signer } from './signer';

/** A secret that was found by its tag. */
export interface Found {
  readonly arn: string;
  readonly name: string;
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

/** Secrets Manager, as far as it is needed here. */
export interface SecretStore extends VersionStore {
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
