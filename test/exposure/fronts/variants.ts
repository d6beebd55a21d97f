// what the tests of fronts do to a template: an unknown in the place of each value, and the changes that the analysis proposes.
import type { Change } from '../../../lib/exposure/assessment';
import { FILE } from '../../corpus/build';
import type { Case, Json } from '../../corpus/case';

type Key = string | number;
type Body = Record<string, Record<string, { Type: string; Properties?: Record<Key, unknown> }>>;

/** The templates with one value replaced by a parameter that nobody gives, for every value in resources of some types. */
export function withUnknowns(templates: Case['templates'], types: RegExp): { readonly at: string; readonly templates: Case['templates'] }[] {
  const resources = (templates[FILE] as Body).Resources ?? {};
  const places = Object.entries(resources).filter(([, { Type }]) => types.test(Type)).flatMap(([logicalId, { Properties }]) => within(Properties, ['Resources', logicalId, 'Properties']));
  return places.filter((at) => at.length > 3).map((at) => {
    const copy = structuredClone(templates[FILE]) as Body;
    copy.Parameters = { ...copy.Parameters, Unknown: { Type: 'String' } };
    set(copy, at, { Ref: 'Unknown' });
    return { at: at.join('.'), templates: { ...templates, [FILE]: copy } };
  });
}

function within(node: unknown, at: readonly Key[]): (readonly Key[])[] {
  if (node === undefined) return [];
  if (typeof node !== 'object' || node === null || isFunction(node)) return [at];
  return [at, ...Object.entries(node).flatMap(([key, value]) => within(value, [...at, Array.isArray(node) ? Number(key) : key]))];
}

function isFunction(node: object): boolean {
  const [key = '', ...others] = Object.keys(node);
  return others.length === 0 && (key === 'Ref' || key.startsWith('Fn::'));
}

function set(body: unknown, at: readonly Key[], to: unknown): void {
  const parent = at.slice(0, -1).reduce<unknown>((node, key) => (node as Record<Key, unknown>)[key], body) as Record<Key, unknown>;
  const last = at[at.length - 1] ?? '';
  if (to !== undefined) parent[last] = to;
  // a hole, so that what else is in the list stays where it is.
  else if (Array.isArray(parent)) parent[Number(last)] = { Ref: 'AWS::NoValue' };
  else delete parent[last];
}

/** The templates after the changes that the analysis proposes. */
export function changed(templates: Case['templates'], changes: readonly Change[]): Case['templates'] {
  const copy = structuredClone(templates) as Record<string, Json>;
  for (const { template, logicalId, location, to } of changes) {
    const path = location?.split('.').map((key) => (/^\d+$/.test(key) ? Number(key) : key)) ?? [];
    set(copy[template], ['Resources', logicalId, ...path], to);
  }
  return copy;
}

/** One template of resources, some of which are changed: the properties of each that is named are put over its own. */
export function over(resources: Json, properties: Readonly<Record<string, Json>>, more: Json = {}): Case['templates'] {
  const all = Object.fromEntries(Object.entries(resources).map(([logicalId, each]) => [logicalId, logicalId in properties ? merged(each as Json, { Properties: properties[logicalId] }) : each]));
  return { [FILE]: { Resources: all, ...more } };
}

function merged(one: Json, other: Json): Json {
  const both = Object.entries(other).map(([key, value]) => [key, isObject(one[key]) && isObject(value) && !isFunction(value) && !isFunction(one[key]) ? merged(one[key], value) : value] as const);
  return { ...one, ...Object.fromEntries(both) };
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
