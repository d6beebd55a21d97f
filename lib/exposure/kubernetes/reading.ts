import type { Located, Resource } from '../templates/templates';
import { isDictionary } from '../templates/templates';
import { intrinsic, items, possible, property } from '../templates/values';
import { mark } from './marks';
import { jsonText, plainText } from './text';

/** What a property holds, with a {@link mark} for each part that is only known at deployment; or why it cannot be read. */
export type Document = { readonly node: unknown } | { readonly reason: string; /** whether it is about ClickHouse for all we know. */ readonly mentions: boolean };

/** Reads JSON text, and what somebody wrote as an object where CDK writes a text. */
export function documentIn(value: Located): Document {
  const text = jsonText(value);
  if (text !== undefined) return documentOf(text);
  if (intrinsic(value.node)[0] !== undefined) return { reason: 'it is too much text', mentions: true };
  return { node: plain(value, 0) };
}

export function documentOf(text: string): Document {
  try {
    return { node: JSON.parse(text) as unknown };
  } catch {
    return { reason: 'it is not JSON', mentions: /clickhouse/i.test(text) };
  }
}

/** A value with its intrinsics worked out. Deeper than anything in Kubernetes there is nothing to be read. */
function plain(value: Located, depth: number): unknown {
  const [each, ...others] = possible(value);
  if (each === undefined) return undefined;
  if (others.length > 0 || each.doubt !== undefined || depth > 40) return mark('', each.doubt ?? 'it may be one of several');
  const text = plainText(each);
  if (text !== undefined) return text;
  const { node, template } = each;
  if (Array.isArray(node)) return items(each).map((element) => plain(element, depth + 1));
  if (!isDictionary(node)) return node;
  return Object.fromEntries(Object.entries(node).map(([key, inner]) => [key, plain({ node: inner, template }, depth + 1)]));
}

/** A property as a text, marks included; empty when it is not written. */
export function textOf(resource: Resource, name: string): string {
  const [value, ...others] = property(resource, name);
  if (value === undefined) return '';
  if (others.length > 0 || value.doubt !== undefined) return mark(`${resource.template.path}#${resource.logicalId}.${name}`, value.doubt ?? 'it may be one of several');
  return typeof value.node === 'number' ? String(value.node) : (plainText(value) ?? '');
}
