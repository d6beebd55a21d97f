import { subnetsOf } from '../../config/addresses';
import type { Decision, Located, Template, Text } from './model';
import { attributeOf, intrinsic, isDictionary, isSameEnvironment } from './model';

/** A value that synthesis decides, or the reason why it does not. Unknown is never the same as safe: each reader says what it makes of it. */
export type Value = { readonly known: true; readonly value: string | number | boolean } | { readonly known: false; readonly reason: string };

// what nobody writes and everybody pays for; beyond it a value is unknown.
const MOST_ALTERNATIVES = 64;
const MOST_TEXT = 1 << 20;
// how many references lead from one to the next before it is not worth following; beyond it a value is unknown.
const DEEPEST = 300;
let depth = 0;

/**
 * What a value may be: parameters, imports, outputs and nested stacks followed to where the value is written, conditions decided where
 * the parameters decide them, `AWS::NoValue` left out. Where there are several, each says in `doubt` why. Never empty unless the property is absent.
 */
export function possible({ node, template, doubt }: Located): readonly Located[] {
  if (node === undefined || node === null) return [];
  const [name, argument] = intrinsic(node);
  if (name === undefined) return [{ node, template, doubt }];
  let found = template.memory.values.get(node);
  if (found === undefined) {
    if (depth >= DEEPEST) return [{ node, template, doubt: doubt ?? 'it refers too far' }];
    // whoever arrives here again while this is worked out has gone in a circle: the value stays what it is, unknown.
    template.memory.values.set(node, [{ node, template }]);
    depth++;
    try {
      found = few(distinct(alternatives({ node, template }, name, argument))) ?? [{ node, template }];
    } finally {
      depth--;
    }
    template.memory.values.set(node, found);
  }
  return doubt === undefined ? found : doubted(found, doubt);
}

/** The same values with a reason why each may not be it. */
function doubted(values: readonly Located[], doubt: string): readonly Located[] {
  return values.map((each) => (each.doubt === undefined ? { ...each, doubt } : each));
}

function distinct(values: readonly Located[]): readonly Located[] {
  return values.length < 2 ? values : [...new Map(values.map((each) => [each.node, each])).values()];
}

function few(values: readonly Located[]): readonly Located[] | undefined {
  return values.length > MOST_ALTERNATIVES ? undefined : values;
}

function alternatives(value: Located, name: string, argument: unknown): readonly Located[] {
  const { template } = value;
  if (name === 'Ref' && argument === 'AWS::NoValue') return [];
  if (name === 'Fn::If' && Array.isArray(argument)) {
    const decision = conditionNamed(template, String(argument[0]));
    if (typeof decision === 'boolean') return possible({ node: (argument as unknown[])[decision ? 1 : 2], template });
    return argument.slice(1).flatMap((branch: unknown) => possible({ node: branch, template, doubt: decision.reason }));
  }
  if (name === 'Fn::FindInMap' && Array.isArray(argument)) return lookUp(value, argument);
  const next = follow(name, argument, template);
  return next === undefined ? [value] : next.flatMap((each) => possible(each));
}

/** Whether a condition of a template holds. */
export function conditionNamed(template: Template, name: string): Decision {
  const known = template.memory.conditions.get(name);
  if (known !== undefined) return known;
  if (!Object.hasOwn(template.conditions, name)) return { reason: `condition ${name} is not in the template` };
  if (depth >= DEEPEST) return { reason: 'it refers too far' };
  template.memory.conditions.set(name, { reason: `condition ${name} refers to itself` });
  depth++;
  let decision: Decision;
  try {
    decision = decide({ node: template.conditions[name], template });
  } finally {
    depth--;
  }
  const told = typeof decision === 'boolean' ? decision : { reason: `condition ${name} cannot be decided: ${decision.reason}` };
  template.memory.conditions.set(name, told);
  return told;
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-conditions.html
function decide({ node, template }: Located, level = 0): Decision {
  if (level > 200) return { reason: 'it is nested too deeply' };
  const [written, functionArgument] = intrinsic(node);
  const [name, argument] = written !== undefined ? [written, functionArgument] : isDictionary(node) && typeof node.Condition === 'string' ? ['Condition', node.Condition] : [undefined, undefined];
  const parts = (Array.isArray(argument) ? argument : []) as readonly unknown[];
  const each = (): readonly Decision[] => parts.map((part) => decide({ node: part, template }, level + 1));
  switch (name) {
    case 'Condition':
      return conditionNamed(template, String(argument));
    case 'Fn::Equals': {
      const [left, right] = parts.map((part) => single({ node: part, template }));
      if (left === undefined || right === undefined) return { reason: 'it compares nothing' };
      if (!left.known) return left;
      if (!right.known) return right;
      return String(left.value) === String(right.value);
    }
    case 'Fn::Not': {
      const [inner = { reason: 'it negates nothing' }] = each();
      return typeof inner === 'boolean' ? !inner : inner;
    }
    case 'Fn::And':
      return all(each(), false);
    case 'Fn::Or':
      return all(each(), true);
    case undefined:
      return { reason: 'it is no condition' };
    default:
      return { reason: `${name} is not evaluated` };
  }
}

/** What several decisions come to when one that is `settling` settles it. */
function all(decisions: readonly Decision[], settling: boolean): Decision {
  if (decisions.includes(settling)) return settling;
  return decisions.find((each) => typeof each !== 'boolean') ?? !settling;
}

/** The one value that something has, or why there is not one. */
export function single(value: Located): Value {
  const [each, ...others] = possible(value);
  if (each === undefined) return { known: false, reason: 'it is not written' };
  if (each.doubt !== undefined || others.length > 0) return { known: false, reason: each.doubt ?? 'it may be one of several' };
  return scalar(each);
}

function text(value: Located): string | undefined {
  const found = single(value);
  return found.known ? String(found.value) : undefined;
}

/** The text, number or truth value, if synthesis decides it. Give it what {@link possible} returns. */
export function scalar(value: Located): Value {
  const { node } = value;
  if (typeof node === 'string') {
    const later = dynamicIn(node);
    return later === undefined ? { known: true, value: node } : { known: false, reason: later };
  }
  if (typeof node === 'number' || typeof node === 'boolean') return { known: true, value: node };
  const found = textOf(value);
  if (found === undefined) return { known: false, reason: why(value) };
  return found.gap === undefined ? { known: true, value: found.literal } : { known: false, reason: found.gap };
}

/** A text put together from others; undefined for what is no text function. */
export function textOf({ node, template }: Located): Text | undefined {
  const [name, argument] = intrinsic(node);
  if (typeof node !== 'object' || node === null || name === undefined) return undefined;
  const known = template.memory.texts.get(node);
  if (known !== undefined) return known;
  const parts = partsOf(template, name, argument);
  if (parts === undefined) return undefined;
  if (depth >= DEEPEST) return { literal: ' ', gap: 'it refers too far' };
  template.memory.texts.set(node, { literal: ' ', gap: 'it refers to itself' });
  depth++;
  let found: Text;
  try {
    found = joined(parts, template);
  } finally {
    depth--;
  }
  template.memory.texts.set(node, found);
  return found;
}

function joined(parts: ReadonlyArray<string | { readonly node: unknown }>, template: Template): Text {
  let literal = '';
  let gap: string | undefined;
  for (const part of parts) {
    const each = typeof part === 'string' ? { literal: part } : textOfPart({ node: part.node, template });
    literal += each.literal;
    gap ??= each.gap;
    if (literal.length > MOST_TEXT) return { literal: literal.slice(0, MOST_TEXT), gap: 'it is too long' };
  }
  return { literal, gap: gap ?? dynamicIn(literal) };
}

/** Why a text is not known that holds a dynamic reference; https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html */
function dynamicIn(literal: string): string | undefined {
  const [found] = /\{\{resolve:[^{}]*\}\}/.exec(literal) ?? [];
  return found === undefined ? undefined : `${found} is only read at deployment`;
}

function textOfPart(value: Located): Text {
  const [each, ...others] = possible(value);
  if (each === undefined) return { literal: '' };
  if (each.doubt !== undefined || others.length > 0) return { literal: ' ', gap: each.doubt ?? 'it may be one of several' };
  const { node } = each;
  if (typeof node === 'string' || typeof node === 'number' || typeof node === 'boolean') return { literal: String(node) };
  return textOf(each) ?? { literal: ' ', gap: why(each) };
}

/** The parts of a text function in order: literals, and values. */
function partsOf(template: Template, name: string, argument: unknown): ReadonlyArray<string | { readonly node: unknown }> | undefined {
  if (name === 'Fn::Base64') return [{ node: argument }];
  if (name === 'Fn::Join' && Array.isArray(argument)) {
    const [separator, list] = argument as readonly unknown[];
    const [only, ...others] = possible({ node: list, template });
    const elements: unknown = only !== undefined && others.length === 0 && only.doubt === undefined && only.template === template ? only.node : list;
    if (!Array.isArray(elements)) return undefined;
    return elements.flatMap((part: unknown, index) => [...(index > 0 ? [String(separator)] : []), { node: part }]);
  }
  if (name === 'Fn::Sub') {
    const [pattern, variables] = (Array.isArray(argument) ? argument : [argument, {}]) as readonly unknown[];
    if (typeof pattern !== 'string') return undefined;
    const given = isDictionary(variables) ? variables : {};
    return pattern.split(/(\$\{[^{}]*\})/).map((part) => {
      const [, variable] = /^\$\{([^}]*)\}$/.exec(part) ?? [];
      if (variable === undefined) return part;
      if (variable.startsWith('!')) return `\${${variable.slice(1)}}`;
      if (Object.hasOwn(given, variable)) return { node: given[variable] };
      return { node: variable.includes('.') ? { 'Fn::GetAtt': variable } : { Ref: variable } };
    });
  }
  return undefined;
}

/** Why a value is not known, in words. */
export function why({ node, template }: Located): string {
  const [name, argument] = intrinsic(node);
  if (name === 'Ref' && typeof argument === 'string') {
    if (Object.hasOwn(template.parameters, argument)) return isKeptElsewhere(template.parameters[argument]) ? `parameter ${argument} is kept by the Systems Manager` : `parameter ${argument} has no default`;
    return template.resources.has(argument) ? `it comes from resource ${argument} at deployment` : `${argument} is only known at deployment`;
  }
  if (name === 'Fn::GetAtt') return `${(attributeOf(argument) ?? ['an attribute']).join('.')} is only known at deployment`;
  if (name === 'Fn::ImportValue' && typeof argument === 'string') return `export ${argument} is not among the templates checked`;
  return name === undefined ? `${JSON.stringify(node)?.slice(0, 80) ?? 'it'} is not a plain value` : `${name} is not evaluated`;
}

/** Where a reference out of this template, or to a parameter of it, continues. */
function follow(name: string, argument: unknown, template: Template): readonly Located[] | undefined {
  switch (name) {
    case 'Ref':
      return typeof argument === 'string' ? (parameter(argument, template) ?? pseudoParameter(argument, template)) : undefined;
    case 'Fn::GetAtt':
      return attribute(argument, template);
    case 'Fn::ImportValue': {
      const key = text({ node: argument, template });
      const found = key === undefined ? [] : template.set.exportsNamed(key, template.environment);
      return found.length === 0 ? undefined : found;
    }
    case 'Fn::GetStackOutput':
      return stackOutput(argument, template);
    case 'Fn::Select': {
      if (!Array.isArray(argument)) return undefined;
      const index = text({ node: argument[0] as unknown, template });
      const lists = possible({ node: argument[1] as unknown, template });
      const list = lists.length === 1 ? lists[0] : undefined;
      const known = list && (Array.isArray(list.node) ? list.node.map((node: unknown): Located => ({ ...list, node })) : splitList(list));
      const found = index === undefined ? undefined : known?.[Number(index)];
      return found && [found];
    }
    case 'Fn::Cidr': {
      const [block, count, bits] = (Array.isArray(argument) ? argument : []).map((node: unknown) => text({ node, template }));
      const blocks = block === undefined || count === undefined || bits === undefined ? undefined : subnetsOf(block, Number(count), Number(bits));
      return blocks && [{ node: blocks, template }];
    }
    default:
      return undefined;
  }
}

function parameter(name: string, template: Template): readonly Located[] | undefined {
  if (!Object.hasOwn(template.parameters, name)) return undefined;
  const declared = template.parameters[name];
  const type = isDictionary(declared) ? String(declared.Type) : '';
  const isList = type === 'CommaDelimitedList' || type.startsWith('List<');
  const read = (value: unknown): unknown => (isList && typeof value === 'string' ? value.split(',').map((each) => each.trim()) : value);
  const told = template.parent === undefined ? template.set.parameterNamed(name) : undefined;
  if (told !== undefined) return [{ node: read(told), template }];
  // the default of a parameter that the Systems Manager keeps is the name of that parameter, not a value; so is what a parent gives.
  if (!isDictionary(declared) || isKeptElsewhere(declared)) return undefined;
  const own = (): readonly Located[] | undefined => {
    if (declared.Default !== undefined) return [{ node: read(declared.Default), template }];
    const allowed: unknown = declared.AllowedValues;
    if (!Array.isArray(allowed) || isList) return undefined;
    return allowed.map((node: unknown) => ({ node, template, doubt: `parameter ${name} has no default` }));
  };
  if (template.parent === undefined) return own();
  const maps = possible({ node: template.parent.properties.Parameters, template: template.parent.template });
  if (maps.some(({ node }) => intrinsic(node)[0] !== undefined)) return undefined;
  const found: Located[] = [];
  for (const map of maps.length > 0 ? maps : [undefined]) {
    const node = isDictionary(map?.node) && Object.hasOwn(map.node, name) ? map.node[name] : undefined;
    // what a parent gives a list parameter is one text with commas, or a join of one.
    if (map !== undefined && node !== undefined) found.push({ ...map, node: isList ? { 'Fn::Split': [',', node] } : node });
    if (map !== undefined && !mayBeLeftOut({ ...map, node })) continue;
    const defaults = own();
    if (defaults === undefined) return undefined;
    const doubt = map?.doubt ?? (node === undefined || isNothing(node) ? undefined : `whether parameter ${name} is given`);
    found.push(...(doubt === undefined ? defaults : doubted(defaults, doubt)));
  }
  return found;
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html */
function isKeptElsewhere(declared: unknown): boolean {
  return isDictionary(declared) && String(declared.Type).startsWith('AWS::SSM::Parameter::');
}

function isNothing(node: unknown): boolean {
  const [name, argument] = intrinsic(node);
  return name === 'Ref' && argument === 'AWS::NoValue';
}

/** Whether a value is not there, or left out by a branch of a condition that may be taken. */
export function mayBeLeftOut({ node, template }: Located): boolean {
  if (node === undefined || node === null || isNothing(node)) return true;
  const [name, argument] = intrinsic(node);
  if (name !== 'Fn::If' || !Array.isArray(argument)) return false;
  const decision = conditionNamed(template, String(argument[0]));
  const branches: readonly unknown[] = typeof decision === 'boolean' ? [(argument as unknown[])[decision ? 1 : 2]] : argument.slice(1);
  return branches.some((branch) => mayBeLeftOut({ node: branch, template }));
}

// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html
function pseudoParameter(name: string, template: Template): readonly Located[] | undefined {
  const { account, region } = template.environment;
  const known = new Map([['AWS::Region', region], ['AWS::AccountId', account], ['AWS::StackName', template.stackName]]);
  const value = known.get(name);
  return value === undefined ? undefined : [{ node: value, template }];
}

// attributes that are what the property says.
const MIRRORED: Readonly<Record<string, readonly string[]>> = {
  'AWS::EC2::VPC': ['CidrBlock'],
  'AWS::EC2::Subnet': ['CidrBlock', 'VpcId', 'AvailabilityZone'],
};

function attribute(argument: unknown, template: Template): readonly Located[] | undefined {
  const [logicalId = '', name = ''] = attributeOf(argument) ?? [];
  const child = template.children.get(logicalId);
  const output = child && name.startsWith('Outputs.') ? child.outputs[name.slice('Outputs.'.length)] : undefined;
  if (child && isDictionary(output)) return [{ node: output.Value, template: child }];
  const resource = template.resources.get(logicalId);
  if (resource === undefined || MIRRORED[resource.type]?.includes(name) !== true || resource.properties[name] === undefined) return undefined;
  return [{ node: resource.properties[name], template }];
}

function stackOutput(argument: unknown, template: Template): readonly Located[] | undefined {
  if (!isDictionary(argument)) return undefined;
  const stack = text({ node: argument.StackName, template });
  const output = text({ node: argument.OutputName, template });
  // a stack is named or given by its ARN, whose resource part is 'stack/name/id'.
  const [, arnRegion, arnAccount, arnName] = /^arn:[^:]*:cloudformation:([^:]*):([^:]*):stack\/([^/]+)/.exec(stack ?? '') ?? [];
  const region = argument.Region === undefined ? (arnRegion ?? template.environment.region) : text({ node: argument.Region, template });
  // a role may be of any account.
  const account = arnAccount ?? (argument.RoleArn === undefined ? template.environment.account : undefined);
  const [producer, ...others] = stack === undefined ? [] : template.set.stacksNamed(arnName ?? stack).filter((each) => isSameEnvironment(each.environment, { account, region }));
  const found = output === undefined || others.length > 0 ? undefined : producer?.outputs[output];
  return producer && isDictionary(found) ? [{ node: found.Value, template: producer }] : undefined;
}

/** The entry of a mapping; each entry that it may be, when a key is only known at deployment. */
function lookUp(value: Located, argument: readonly unknown[]): readonly Located[] {
  const { template } = value;
  const [map, top, second, options] = argument;
  const step = (values: readonly Located[], key: unknown): readonly Located[] => {
    const name = single({ node: key, template });
    return values.flatMap((each): readonly Located[] => {
      if (!isDictionary(each.node)) return [];
      if (!name.known) return Object.values(each.node).map((node) => ({ node, template, doubt: each.doubt ?? name.reason }));
      return Object.hasOwn(each.node, String(name.value)) ? [{ ...each, node: each.node[String(name.value)] }] : [];
    });
  };
  const name = text({ node: map, template });
  if (name === undefined) return [value];
  const mapping = Object.hasOwn(template.mappings, name) ? template.mappings[name] : undefined;
  const found = mapping === undefined ? [] : step(step([{ node: mapping, template }], top), second);
  const fallback = isDictionary(options) && 'DefaultValue' in options ? possible({ node: options.DefaultValue, template }) : [];
  // a key that is only known at deployment may be one that the mapping does not have.
  const later = [top, second].map((node) => single({ node, template })).find((key) => !key.known);
  const all = later === undefined || later.known ? (found.length > 0 ? found : fallback) : [...found, ...doubted(fallback, later.reason)];
  return all.length > 0 ? all : [value];
}

/** A list that was joined to pass through a text and is split again, which is how CDK hands lists from stack to stack. */
export function splitList({ node, template, doubt }: Located): readonly Located[] | undefined {
  const [name, argument] = intrinsic(node);
  if (name !== 'Fn::Split' || !Array.isArray(argument)) return undefined;
  const [delimiter, joined] = argument as readonly unknown[];
  const [inner, ...others] = possible({ node: joined, template, doubt });
  if (inner === undefined || others.length > 0) return undefined;
  if (Array.isArray(inner.node)) return inner.node.map((each: unknown) => ({ ...inner, node: each }));
  const [joining, parts] = intrinsic(inner.node);
  if (joining === 'Fn::Join' && Array.isArray(parts) && parts[0] === delimiter && Array.isArray(parts[1])) {
    return parts[1].map((each: unknown) => ({ ...inner, node: each }));
  }
  const value = scalar(inner);
  return value.known ? String(value.value).split(String(delimiter)).map((each) => ({ ...inner, node: each.trim() })) : undefined;
}
