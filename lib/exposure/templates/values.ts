import type { Located, Resource, Template } from './templates';
import { isDictionary } from './templates';

/** A value that synthesis decides, or the reason why it does not. Unknown is never the same as safe: each rule says what it makes of it. */
export type Value = { readonly known: true; readonly value: string | number | boolean } | { readonly known: false; readonly reason: string };

/** A resource that a value points at, and which attribute of it. */
export interface Reference {
  readonly resource: Resource;
  /** undefined for a plain Ref. */
  readonly attribute?: string;
}

/**
 * What a value may be: parameters, imports, outputs and nested stacks followed to where the value is written, both branches of a
 * condition, `AWS::NoValue` left out. Never empty unless the property is absent.
 */
export function possible({ node, template }: Located): readonly Located[] {
  if (node === undefined || node === null) return [];
  const [name, argument] = intrinsic(node);
  if (name === undefined) return [{ node, template }];
  const known = template.possible.get(node);
  if (known !== undefined) return known;
  // whoever arrives here again while this is worked out has gone in a circle: the value stays what it is, unknown.
  template.possible.set(node, [{ node, template }]);
  const found = distinct(name === 'Fn::If' && Array.isArray(argument) ? argument.slice(1).flatMap((branch) => possible({ node: branch, template })) : followed({ node, template }, name, argument));
  template.possible.set(node, found);
  return found;
}

function followed(value: Located, name: string, argument: unknown): readonly Located[] {
  if (name === 'Ref' && argument === 'AWS::NoValue') return [];
  const next = follow(name, argument, value.template);
  return next === undefined ? [value] : possible(next);
}

function distinct(values: readonly Located[]): readonly Located[] {
  return values.length < 2 ? values : [...new Map(values.map((each) => [each.node, each])).values()];
}

/** The elements a list may have. A list that is decided later is one element that nothing is known about. */
export function items(list: Located): readonly Located[] {
  return possible(list).flatMap((each) => {
    const { node, template } = each;
    if (Array.isArray(node)) return node.flatMap((element) => possible({ node: element as unknown, template }));
    return splitList(each) ?? [each];
  });
}

/** A value that may hold several entries, written as a list or, where there is one, without: EC2 takes both in several places. */
export function scalars(value: Located): readonly Value[] {
  return possible(value).map(scalar);
}

/** The text, number or truth value, if synthesis decides it. Give it what {@link possible} returns. */
export function scalar(value: Located): Value {
  const { node } = value;
  if (typeof node === 'string' || typeof node === 'number' || typeof node === 'boolean') return { known: true, value: node };
  const parts = textParts(value);
  if (parts === undefined) return { known: false, reason: why(value) };
  const open = parts.find((part) => !part.known);
  return open ?? { known: true, value: parts.map((part) => (part.known ? String(part.value) : '')).join('') };
}

/** The literal text in a value, with a gap where something is filled in at deployment. For searching, never for judging. */
export function literalText(value: Located): string {
  return possible(value)
    .map((each) => {
      if (typeof each.node === 'string') return each.node;
      return (textParts(each) ?? []).map((part) => (part.known ? String(part.value) : ' ')).join('');
    })
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

/** The resource that a value points at, if it is one of ours. Give it what {@link possible} returns. */
export function referenceOf({ node, template }: Located): Reference | undefined {
  const [name, argument] = intrinsic(node);
  if (name === 'Ref' && typeof argument === 'string') {
    const resource = template.resources.get(argument);
    return resource && { resource };
  }
  if (name === 'Fn::GetAtt') {
    const [logicalId = '', attribute = ''] = attributeOf(argument) ?? [];
    const resource = template.resources.get(logicalId);
    return resource && { resource, attribute };
  }
  // one element of a list attribute, such as the IPv6 blocks of a VPC, and a text that is nothing but a reference.
  if (name === 'Fn::Select' && Array.isArray(argument)) return firstReference({ node: argument[1], template });
  if (name === 'Fn::Sub' && typeof argument === 'string') {
    const [, only] = /^\$\{([A-Za-z0-9]+(?:\.[A-Za-z0-9.]+)?)\}$/.exec(argument) ?? [];
    if (only !== undefined) return referenceOf({ node: only.includes('.') ? { 'Fn::GetAtt': only } : { Ref: only }, template });
  }
  return undefined;
}

/** Every resource mentioned anywhere inside a value. */
export function referencesIn(value: Located): readonly Resource[] {
  const found = new Set<Resource>();
  const seen = new Set<unknown>();
  const pending: Located[] = [value];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const { node, template } of possible(at)) {
      if (typeof node !== 'object' || seen.has(node)) continue;
      seen.add(node);
      const reference = referenceOf({ node, template });
      if (reference !== undefined) found.add(reference.resource);
      const inner: readonly unknown[] = Array.isArray(node) ? node : Object.values(node as object);
      for (const each of inner) pending.push({ node: each, template });
      const [name, argument] = intrinsic(node);
      const text: unknown = name === 'Fn::Sub' ? (Array.isArray(argument) ? argument[0] : argument) : undefined;
      for (const [, variable = ''] of typeof text === 'string' ? text.matchAll(/\$\{([A-Za-z0-9]+)(?:\.[^}]*)?\}/g) : []) {
        const resource = template.resources.get(variable);
        if (resource !== undefined) found.add(resource);
      }
    }
  }
  return [...found];
}

/**
 * A name for what a value identifies, the same wherever it is written: a resource of ours, a literal id, or the expression itself.
 * So a security group that only a parameter names is still recognised where the same parameter names it again.
 */
export function identity(value: Located): string {
  const reference = referenceOf(value);
  if (reference !== undefined) return resourceIdentity(reference.resource, reference.attribute);
  const literal = scalar(value);
  return literal.known ? `=${literal.value}` : `${value.template.path}!${JSON.stringify(value.node)}`;
}

// what Ref returns is also an attribute, whose name depends on the type.
const IDENTIFYING = new Set([undefined, 'GroupId', 'Id', 'SubnetId', 'VpcId', 'VolumeId', 'InstanceId', 'LaunchTemplateId', 'RouteTableId', 'InternetGatewayId', 'PrefixListId', 'FileSystemId', 'TargetGroupArn', 'ListenerArn', 'LoadBalancerArn', 'TaskDefinitionArn']);

export function resourceIdentity(resource: Resource, attribute?: string): string {
  const suffix = IDENTIFYING.has(attribute) ? '' : `.${attribute}`;
  return `${resource.template.path}#${resource.logicalId}${suffix}`;
}

/** The property of a resource, by the names on the way to it. Branches of conditions on the way are all taken. */
export function property(resource: Resource, ...names: readonly string[]): readonly Located[] {
  return inside({ node: resource.properties, template: resource.template }, ...names);
}

/** What a value may hold under a name, by the names on the way. */
export function inside(value: Located, ...names: readonly string[]): readonly Located[] {
  return names.reduce<readonly Located[]>(
    (values, name) => values.flatMap(({ node, template }) => (isDictionary(node) ? possible({ node: node[name], template }) : [])),
    possible(value),
  );
}

/** All properties of a resource as one value. */
export function everythingOf({ properties, template }: Resource): Located {
  return { node: properties, template };
}

/** Whether a property may be missing: not written, or left out by a branch of a condition. For those whose default is the unsafe value. */
export function mayBeAbsent(value: Located, name: string): boolean {
  return possible(value).some(({ node }) => !isDictionary(node) || leftOut(node[name]));
}

function leftOut(node: unknown): boolean {
  if (node === undefined || node === null) return true;
  const [name, argument] = intrinsic(node);
  return (name === 'Ref' && argument === 'AWS::NoValue') || (name === 'Fn::If' && Array.isArray(argument) && argument.slice(1).some(leftOut));
}

/** The elements of a list property. */
export function elements(resource: Resource, ...names: readonly string[]): readonly Located[] {
  return property(resource, ...names).flatMap((each) => items(each));
}

/** Why a value is not known, in words. */
function why({ node, template }: Located): string {
  const [name, argument] = intrinsic(node);
  if (name === 'Ref' && typeof argument === 'string') {
    if (Object.hasOwn(template.parameters, argument)) return `parameter ${argument} has no default`;
    return template.resources.has(argument) ? `it comes from resource ${argument} at deployment` : `${argument} is only known at deployment`;
  }
  if (name === 'Fn::GetAtt') return `${(attributeOf(argument) ?? ['an attribute']).join('.')} is only known at deployment`;
  if (name === 'Fn::ImportValue' && typeof argument === 'string') return `export ${argument} is not among the templates checked`;
  return name === undefined ? `${JSON.stringify(node)?.slice(0, 80) ?? 'it'} is not a plain value` : `${name} is not evaluated`;
}

/** A text put together from others: its parts in order, evaluated. */
function textParts({ node, template }: Located, inside: readonly unknown[] = []): readonly Value[] | undefined {
  const [name, argument] = intrinsic(node);
  const evaluate = (part: unknown): readonly Value[] => {
    const [each, ...others] = possible({ node: part, template });
    if (each === undefined) return [];
    if (others.length > 0) return [{ known: false, reason: 'a condition decides it' }];
    if (typeof each.node === 'string' || typeof each.node === 'number' || typeof each.node === 'boolean') return [{ known: true, value: each.node }];
    if (each.node === node || inside.includes(each.node)) return [{ known: false, reason: 'it refers to itself' }];
    return textParts(each, [...inside, node]) ?? [{ known: false, reason: why(each) }];
  };
  if (name === 'Fn::Base64') return evaluate(argument);
  if (name === 'Fn::Join' && Array.isArray(argument)) {
    const [separator, list] = argument as readonly unknown[];
    if (!Array.isArray(list)) return undefined;
    return list.flatMap((part, index) => [...(index > 0 ? [{ known: true as const, value: String(separator) }] : []), ...evaluate(part)]);
  }
  if (name === 'Fn::Sub') {
    const [text, variables] = (Array.isArray(argument) ? argument : [argument, {}]) as readonly unknown[];
    if (typeof text !== 'string') return undefined;
    const given = isDictionary(variables) ? variables : {};
    return text.split(/(\$\{[^}]*\})/).flatMap((part) => {
      const [, variable] = /^\$\{([^}]*)\}$/.exec(part) ?? [];
      if (variable === undefined) return [{ known: true as const, value: part }];
      if (variable.startsWith('!')) return [{ known: true as const, value: `\${${variable.slice(1)}}` }];
      if (Object.hasOwn(given, variable)) return evaluate(given[variable]);
      return evaluate(variable.includes('.') ? { 'Fn::GetAtt': variable } : { Ref: variable });
    });
  }
  return undefined;
}

/** Where a reference out of this template, or to a parameter of it, continues. */
function follow(name: string, argument: unknown, template: Template): Located | undefined {
  if (name === 'Ref' && typeof argument === 'string' && Object.hasOwn(template.parameters, argument)) {
    const given = template.parent && inside({ node: template.parent.properties.Parameters, template: template.parent.template }, argument)[0];
    if (given !== undefined) return given;
    const parameter = template.parameters[argument];
    if (!isDictionary(parameter) || parameter.Default === undefined) return undefined;
    const type = String(parameter.Type);
    // the default of such a parameter is the name of another parameter, not a value.
    if (type.startsWith('AWS::SSM::Parameter')) return undefined;
    const isList = type === 'CommaDelimitedList' || type.startsWith('List<');
    return { node: isList && typeof parameter.Default === 'string' ? parameter.Default.split(',').map((each) => each.trim()) : parameter.Default, template };
  }
  if (name === 'Fn::GetAtt') {
    const [logicalId = '', attribute = ''] = attributeOf(argument) ?? [];
    const child = template.children.get(logicalId);
    const output = child && attribute.startsWith('Outputs.') ? child.outputs[attribute.slice('Outputs.'.length)] : undefined;
    return child && isDictionary(output) ? { node: output.Value, template: child } : undefined;
  }
  if (name === 'Fn::ImportValue') {
    const key = scalarOf({ node: argument, template });
    return key === undefined ? undefined : template.set.exportNamed(key);
  }
  if (name === 'Fn::GetStackOutput' && isDictionary(argument)) {
    const stack = scalarOf({ node: argument.StackName, template });
    const output = scalarOf({ node: argument.OutputName, template });
    // a stack is named or given by its ARN, whose resource part is 'stack/name/id'.
    const producer = stack === undefined ? undefined : template.set.stackNamed(/^arn:.*:stack\/([^/]+)/.exec(stack)?.[1] ?? stack);
    const found = output === undefined ? undefined : producer?.outputs[output];
    return producer && isDictionary(found) ? { node: found.Value, template: producer } : undefined;
  }
  if (name === 'Fn::Select' && Array.isArray(argument)) {
    const index = Number(argument[0]);
    const lists = possible({ node: argument[1], template });
    const list = lists.length === 1 ? lists[0] : undefined;
    const known = list && (Array.isArray(list.node) ? list.node.map((node: unknown) => ({ node, template: list.template })) : splitList(list));
    return known?.[index];
  }
  return undefined;
}

/** A list that was joined to pass through a text and is split again, which is how CDK hands lists from stack to stack. */
function splitList({ node, template }: Located): readonly Located[] | undefined {
  const [name, argument] = intrinsic(node);
  if (name !== 'Fn::Split' || !Array.isArray(argument)) return undefined;
  const [delimiter, text] = argument as readonly unknown[];
  const [inner, ...others] = possible({ node: text, template });
  if (inner === undefined || others.length > 0) return undefined;
  const [joining, joined] = intrinsic(inner.node);
  if (joining === 'Fn::Join' && Array.isArray(joined) && joined[0] === delimiter && Array.isArray(joined[1])) {
    return joined[1].map((each: unknown) => ({ node: each, template: inner.template }));
  }
  const value = scalar(inner);
  return value.known ? String(value.value).split(String(delimiter)).map((each) => ({ node: each, template })) : undefined;
}

function firstReference(value: Located): Reference | undefined {
  for (const each of possible(value)) {
    const found = referenceOf(Array.isArray(each.node) ? { node: undefined, template: each.template } : each);
    if (found !== undefined) return found;
  }
  return undefined;
}

function scalarOf(value: Located): string | undefined {
  const [each, ...others] = possible(value);
  const result = each === undefined || others.length > 0 ? undefined : scalar(each);
  return result?.known ? String(result.value) : undefined;
}

function attributeOf(argument: unknown): readonly [string, string] | undefined {
  if (Array.isArray(argument)) return [String(argument[0]), argument.slice(1).map(String).join('.')];
  if (typeof argument !== 'string') return undefined;
  const dot = argument.indexOf('.');
  return dot < 0 ? undefined : [argument.slice(0, dot), argument.slice(dot + 1)];
}

/** The name and the argument of an intrinsic function: an object with that one key. */
export function intrinsic(node: unknown): readonly [string | undefined, unknown] {
  if (!isDictionary(node)) return [undefined, undefined];
  const keys = Object.keys(node);
  const [name] = keys;
  return keys.length === 1 && name !== undefined && (name === 'Ref' || name.startsWith('Fn::')) ? [name, node[name]] : [undefined, undefined];
}
