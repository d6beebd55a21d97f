/** What may be anywhere in a template. */
export type Dictionary = Readonly<Record<string, unknown>>;

/** A template as it was read, before anything is believed about its shape. */
export interface TemplateSource {
  /** how reports name it: the file on disk. */
  readonly path: string;
  readonly body: unknown;
  /** the stack's name at deployment, where it is known. */
  readonly stackName?: string;
  /** where it is deployed, as far as that is known. */
  readonly environment?: Environment;
  /** the resource that deploys it, for a nested stack. */
  readonly parent?: { readonly path: string; readonly logicalId: string };
  /** what CloudFormation would not take, though it could be read: a key that stands twice. */
  readonly faults?: readonly Fault[];
}

/** Something wrong with a template that is no longer seen in what it was read to. */
export interface Fault {
  readonly message: string;
  readonly logicalId?: string;
}

/** The account and the region of a stack. */
export interface Environment {
  readonly account?: string;
  readonly region?: string;
}

/** Whether two environments may be the same account and region, as far as both are known. */
export function isSameEnvironment(one: Environment, other: Environment): boolean {
  const same = (a: string | undefined, b: string | undefined): boolean => a === undefined || b === undefined || a === b;
  return same(one.account, other.account) && same(one.region, other.region);
}

/** A template in its deployment. */
export interface Template {
  readonly path: string;
  readonly stackName?: string;
  readonly environment: Environment;
  readonly resources: ReadonlyMap<string, Resource>;
  readonly parameters: Dictionary;
  readonly conditions: Dictionary;
  readonly mappings: Dictionary;
  readonly outputs: Dictionary;
  /** the resource that deploys it, for a nested stack. */
  readonly parent?: Resource;
  /** the templates of its nested stacks by the logical id of the resource that deploys them. */
  readonly children: ReadonlyMap<string, Template>;
  readonly set: Surroundings;
  readonly memory: Memory;
}

/** What is around a template: where references out of it lead. */
export interface Surroundings {
  /** The value behind an export's name, as a stack in an environment sees it; several where nobody can tell which of them it is. */
  exportsNamed(name: string, environment: Environment): readonly Located[];
  /** The templates of the stacks of a name: one for each account and region. */
  stacksNamed(name: string): readonly Template[];
  /** The value that somebody gave a parameter of the deployment. */
  parameterNamed(name: string): string | undefined;
}

/** What is known already, so that what many refer to is worked out once, and what refers to itself ends. */
export interface Memory {
  readonly values: Map<object, readonly Located[]>;
  readonly texts: Map<object, Text>;
  readonly conditions: Map<string, Decision>;
}

/** A text with gaps where something is filled in at deployment, and why the first gap is one. */
export interface Text {
  readonly literal: string;
  readonly gap?: string;
}

/** Whether a condition holds, or why that is not known. */
export type Decision = true | false | { readonly reason: string };

/** A resource of a template. Its shape is checked, what its properties hold is not. */
export interface Resource {
  readonly template: Template;
  readonly logicalId: string;
  readonly type: string;
  readonly properties: Dictionary;
  readonly metadata: Dictionary;
  /** why it may not exist after all; none when it does. */
  readonly doubt?: string;
}

/** A part of a template that rules cannot look into. */
export interface Blind {
  readonly path: string;
  readonly logicalId?: string;
  readonly message: string;
  /** broken: CloudFormation would refuse it as well, so nothing about the template can be trusted. Otherwise it is legal, only not here to be read. */
  readonly broken: boolean;
}

/** A value and the template it is written in. */
export interface Located {
  readonly node: unknown;
  readonly template: Template;
  /** why it may be another value, or none; absent when this is the value. */
  readonly doubt?: string;
}

export function isDictionary(value: unknown): value is Dictionary {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Adds to the list a map holds under a key. */
export function append<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}

const NO_INTRINSIC: readonly [undefined, undefined] = [undefined, undefined];

/** The name and the argument of an intrinsic function: an object with that one key. */
export function intrinsic(node: unknown): readonly [string | undefined, unknown] {
  if (!isDictionary(node)) return NO_INTRINSIC;
  let name: string | undefined;
  // asked of every value there is: no list of the keys is made.
  for (const key in node) {
    if (name !== undefined) return NO_INTRINSIC;
    name = key;
  }
  return name !== undefined && (name === 'Ref' || name.startsWith('Fn::')) ? [name, node[name]] : NO_INTRINSIC;
}

/** The resource and the attribute of a `Fn::GetAtt`, which may be written as a list or with a dot. */
export function attributeOf(argument: unknown): readonly [string, string] | undefined {
  if (Array.isArray(argument)) return [String(argument[0]), argument.slice(1).map(String).join('.')];
  if (typeof argument !== 'string') return undefined;
  const dot = argument.indexOf('.');
  return dot < 0 ? undefined : [argument.slice(0, dot), argument.slice(dot + 1)];
}
