import type { Script } from '../scripts';
import { oneWord } from './marks';
import type { Variables } from './variables';
import type { Located, Resource } from '../../exposure/templates/templates';
import { isDictionary } from '../../exposure/templates/templates';

/** Something that is told how to log in: by whom, and where that is written. */
export interface Told {
  readonly resource: Resource;
  readonly location?: string;
  /** such as `container db (Task)`. */
  readonly words: string;
  /** whether it is a ClickHouse server; else only what is about ClickHouse by its own name counts. */
  readonly isServer: boolean;
  readonly variables: Variables;
  /** variables that a store of secrets gives, with where ECS takes them from. */
  readonly secrets: ReadonlyMap<string, readonly Located[]>;
  /** the script or command that it runs. */
  readonly script: Script;
  /** whether a shell reads the values of variables, so that a `$` is filled in. */
  readonly isShell: boolean;
  /** why there may be variables beside these. */
  readonly more?: string;
  /** whether files of a configuration are mounted into it. */
  readonly hasConfiguration: boolean;
  /** named values in documents, such as the values of a chart. */
  readonly entries: readonly Entry[];
}

/** A value with a name in a document. */
export interface Entry {
  readonly name: string;
  /** the names on the way to it. */
  readonly path: string;
  readonly text: string;
}

/** What runs no script. */
export const NOTHING: Script = { commands: [], assignments: [] };

/** Whether a path in a container is that of a server's configuration. */
export function isConfiguration(path: string): boolean {
  return /^\/(?:etc\/clickhouse-server|bitnami\/clickhouse\/etc|opt\/bitnami\/clickhouse\/etc)\b/.test(path);
}

// beyond this it is no document that anybody wrote.
const MOST_ENTRIES = 200_000;

/** Every text in a document with its name. Objects with a `name` and a `value` are such a pair. */
export function entriesOf(root: unknown): readonly Entry[] {
  const found: Entry[] = [];
  const pending: Array<{ readonly node: unknown; readonly name: string; readonly path: string }> = [{ node: root, name: '', path: '' }];
  for (let part = pending.pop(); part !== undefined && found.length < MOST_ENTRIES; part = pending.pop()) {
    const { node, name, path } = part;
    if (typeof node === 'string' || typeof node === 'number' || typeof node === 'boolean') found.push({ name, path, text: oneWord(String(node)) });
    else if (Array.isArray(node)) for (const each of [...(node as readonly unknown[])].reverse()) pending.push({ ...part, node: each });
    else if (isDictionary(node)) {
      const pair = typeof node.name === 'string' && Object.hasOwn(node, 'value') ? node.name : undefined;
      for (const [key, value] of Object.entries(node).reverse()) {
        const named = pair !== undefined && key === 'value' ? pair : key;
        pending.push({ node: value, name: named.slice(0, 500), path: path.length > 1_000 ? path : `${path}.${named.slice(0, 500)}` });
      }
    }
  }
  return found;
}
