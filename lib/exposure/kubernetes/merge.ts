import type { Dictionary } from '../templates/templates';
import { isDictionary } from '../templates/templates';

// deeper than anything in Kubernetes.
const DEEPEST = 40;

/** One document with another laid over it; null removes. Lists are replaced, or merged by {@link mergeLists}. https://www.rfc-editor.org/rfc/rfc7386 */
export function merged(base: unknown, over: unknown, mergeLists?: (base: readonly unknown[], over: readonly unknown[]) => readonly unknown[], depth = 0): unknown {
  if (Array.isArray(base) && Array.isArray(over) && mergeLists !== undefined) return mergeLists(base, over);
  if (!isDictionary(base) || !isDictionary(over) || depth > DEEPEST) return over;
  const result = new Map<string, unknown>(Object.entries(base));
  for (const [key, value] of Object.entries(over)) {
    if (value === null) result.delete(key);
    else result.set(key, merged(result.get(key), value, mergeLists, depth + 1));
  }
  return Object.fromEntries(result);
}

/** What `helm --set` makes of `a.b.c=value`. https://helm.sh/docs/intro/using_helm/#the-format-and-limitations-of---set */
export function fromPaths(entries: ReadonlyArray<readonly [string, unknown]>): Dictionary {
  const root: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
  for (const [path, value] of entries) {
    const names = path.split(/(?<!\\)\./, DEEPEST).map((name) => name.replace(/\\\./g, '.'));
    const last = names.pop() ?? '';
    let inner = root;
    for (const name of names) {
      const next = inner[name];
      const dictionary = (isDictionary(next) ? next : Object.create(null)) as Record<string, unknown>;
      inner[name] = dictionary;
      inner = dictionary;
    }
    inner[last] = value;
  }
  return root;
}
