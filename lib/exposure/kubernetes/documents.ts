import type { Dictionary } from '../templates/templates';
import { isDictionary } from '../templates/templates';
import { portsToldBy } from '../workloads/ports';
import { told } from './marks';

/** What is under some names in a document; undefined when there is nothing. */
export function at(node: unknown, ...names: readonly string[]): unknown {
  return names.reduce<unknown>((inner, name) => (isDictionary(inner) && Object.hasOwn(inner, name) ? inner[name] : undefined), node);
}

export function dictionaryAt(node: unknown, ...names: readonly string[]): Dictionary {
  const found = at(node, ...names);
  return isDictionary(found) ? found : {};
}

/** The elements of a list in a document; none when there is no list. */
export function listAt(node: unknown, ...names: readonly string[]): readonly unknown[] {
  const found = at(node, ...names);
  return Array.isArray(found) ? found : [];
}

/** A text or number in a document as a text, marks included; empty when there is none. */
export function textAt(node: unknown, ...names: readonly string[]): string {
  const found = at(node, ...names);
  return typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean' ? String(found) : '';
}

/** Whether a switch is on; undefined when it is not written, else why it is not known. Helm takes a quoted `"false"` for a true text, people do not. */
export function switchAt(node: unknown, ...names: readonly string[]): true | false | string | undefined {
  const value = told(at(node, ...names));
  if (value === undefined) return undefined;
  if (!value.known) return value.reason;
  const text = String(value.value).toLowerCase();
  return text === 'true' ? true : text === 'false' ? false : `'${text.slice(0, 40)}' is not a truth value`;
}

/** The ports that the settings in a document, or in a text, give to ClickHouse. */
export function portsIn(node: unknown): readonly number[] {
  // no word of a configuration is so long; the expressions behind this would look at each end of an endless one again. And no object
  // is longer: https://kubernetes.io/docs/concepts/configuration/configmap/#motivation
  return portsToldBy(linesOf(node).slice(0, 1 << 20).replace(/[\w.]{64,1000}/g, ' '));
}

/** All settings in a document as lines `name: value`. */
function linesOf(node: unknown): string {
  const lines: string[] = [];
  const pending: Array<readonly [string, unknown]> = [['', node]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [name, value] = next;
    if (Array.isArray(value)) for (const each of value as readonly unknown[]) pending.push([name, each]);
    else if (isDictionary(value)) for (const [key, each] of Object.entries(value)) pending.push([key, each]);
    else if (value !== null && value !== undefined) lines.push(name === '' ? textAt(value) : `${name}: ${textAt(value)}`);
  }
  return lines.join('\n');
}
