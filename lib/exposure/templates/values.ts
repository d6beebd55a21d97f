import type { Located, Resource } from './model';
import { isDictionary } from './model';
import type { Value } from './resolve';
import { mayBeLeftOut, possible, scalar, splitList, textOf } from './resolve';

export type { Reference } from './references';
export { identity, nameOf, referenceOf, referencesIn, resourceIdentity } from './references';
export type { Value } from './resolve';
export { possible, scalar, single, why } from './resolve';
export { intrinsic } from './model';

/** The elements a list may have. A list that is decided later is one element that nothing is known about. */
export function items(list: Located): readonly Located[] {
  return possible(list).flatMap((each) => {
    if (Array.isArray(each.node)) return each.node.flatMap((element: unknown) => possible({ ...each, node: element }));
    return splitList(each)?.flatMap(possible) ?? [each];
  });
}

/** A value that may hold several entries, written as a list or, where there is one, without: EC2 takes both in several places. */
export function scalars(value: Located): readonly Value[] {
  return possible(value).map(scalar);
}

/** The literal text in a value, with a gap where something is filled in at deployment. For searching, never for judging. */
export function literalText(value: Located): string {
  return possible(value)
    .map((each) => (typeof each.node === 'string' ? each.node : (textOf(each)?.literal ?? '')))
    .join('\n');
}

/** Whether a switch is on. Not written means off; different branches of a condition may disagree. */
export function truths(value: Located): ReadonlyArray<true | false | string> {
  return scalars(value).map((each) => {
    if (!each.known) return each.reason;
    const text = String(each.value).toLowerCase();
    return text === 'true' ? true : text === 'false' ? false : `'${text}' is not a truth value`;
  });
}

/** The property of a resource, by the names on the way to it. Branches of conditions on the way are all taken. */
export function property({ properties, template, logicalId }: Resource, ...[first, ...names]: readonly string[]): readonly Located[] {
  if (first === undefined) return [{ node: properties, template }];
  if (!Object.hasOwn(properties, first)) {
    // what a macro writes may be anything that is not written already.
    const macro = properties['Fn::Transform'];
    return macro === undefined ? [] : [{ node: { 'Fn::Transform': macro }, template, doubt: `a macro writes properties of ${logicalId} at deployment` }];
  }
  return further(possible({ node: properties[first], template }), names);
}

/** What a value may hold under a name, by the names on the way. */
export function inside(value: Located, ...names: readonly string[]): readonly Located[] {
  return further(possible(value), names);
}

function further(values: readonly Located[], names: readonly string[]): readonly Located[] {
  let found = values;
  for (const name of names) {
    if (found.length === 0) return found;
    const next: Located[] = [];
    for (const { node, template, doubt } of found) {
      if (isDictionary(node) && Object.hasOwn(node, name)) next.push(...possible({ node: node[name], template, doubt }));
    }
    found = next;
  }
  return found;
}

/** All properties of a resource as one value. */
export function everythingOf({ properties, template }: Resource): Located {
  return { node: properties, template };
}

/** Whether a property may be missing: not written, or left out by a branch of a condition. For those whose default is the unsafe value. */
export function mayBeAbsent(value: Located, name: string): boolean {
  return possible(value).some(({ node, template }) => !isDictionary(node) || mayBeLeftOut({ node: node[name], template }));
}

/** The elements of a list property. */
export function elements(resource: Resource, ...names: readonly string[]): readonly Located[] {
  return property(resource, ...names).flatMap((each) => items(each));
}

/** An element of a list and where it stands, as a path such as `Properties.SecurityGroupIngress.0`. */
export interface Placed {
  readonly value: Located;
  readonly location: string;
}

/** The elements of a list property with their places. */
export function placed(resource: Resource, ...names: readonly string[]): readonly Placed[] {
  const location = ['Properties', ...names].join('.');
  return property(resource, ...names).flatMap((list) => {
    if (!Array.isArray(list.node)) return items(list).map((value) => ({ value, location }));
    return list.node.flatMap((element: unknown, index) => possible({ ...list, node: element }).map((value) => ({ value, location: `${location}.${index}` })));
  });
}
