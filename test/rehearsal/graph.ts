import type { Assembly, Resource, StackTemplate, Template } from './assembly';

/** Where a name in a template leads. */
export interface Reference {
  readonly id: string;
  /** the attribute, for Fn::GetAtt; absent for Ref. */
  readonly attribute?: string;
}

/** What the names of a template mean while it is deployed. */
export interface Environment {
  /** a parameter, pseudo parameter, resource or attribute. */
  value(reference: Reference): unknown;
  condition(name: string): boolean;
}

const NO_VALUE = Symbol('AWS::NoValue');
const SUB = /\$\{(!?)([^}]+)\}/g;

/** Every name a value mentions, whichever branch of a condition it is in. */
export function references(value: unknown): Reference[] {
  if (Array.isArray(value)) return value.flatMap(references);
  if (!isObject(value)) return [];
  if (typeof value.Ref === 'string') return [{ id: value.Ref }];
  const attribute = getAtt(value['Fn::GetAtt']);
  if (attribute !== undefined) return [attribute];
  if ('Fn::Sub' in value) {
    const [text, values] = sub(value['Fn::Sub']);
    return [...names(text).filter(({ id }) => !(id in values)), ...references(values)];
  }
  return Object.values(value).flatMap(references);
}

/** Works a value out: references become what the environment says, the branch taken of a condition remains, other functions stay as they are. */
export function resolve(value: unknown, environment: Environment): unknown {
  const resolved = reduce(value, environment);
  return resolved === NO_VALUE ? undefined : resolved;
}

function reduce(value: unknown, environment: Environment): unknown {
  if (Array.isArray(value)) return value.map((each) => reduce(each, environment)).filter((each) => each !== NO_VALUE);
  if (!isObject(value)) return value;
  if (value.Ref === 'AWS::NoValue') return NO_VALUE;
  if (typeof value.Ref === 'string') return environment.value({ id: value.Ref });
  const attribute = getAtt(value['Fn::GetAtt']);
  if (attribute !== undefined) return environment.value(attribute);
  if ('Fn::Sub' in value) {
    const [text, values] = sub(value['Fn::Sub']);
    return text.replace(SUB, (whole, literal: string, name: string) => {
      if (literal !== '') return whole;
      return String(name in values ? asText(reduce(values[name], environment)) : asText(environment.value(dotted(name))));
    });
  }
  if ('Fn::If' in value && Array.isArray(value['Fn::If'])) {
    const [condition, yes, no] = value['Fn::If'] as unknown[];
    return reduce(environment.condition(String(condition)) ? yes : no, environment);
  }
  const entries = Object.entries(value).map(([key, each]) => [key, reduce(each, environment)] as const);
  return Object.fromEntries(entries.filter(([, each]) => each !== NO_VALUE));
}

/** The resources another one waits for: DependsOn and every resource it mentions (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-dependson.html). */
export function dependencies(resource: Resource): string[] {
  const explicit = resource.DependsOn === undefined ? [] : [resource.DependsOn].flat();
  return [...new Set([...explicit, ...references(resource.Properties).map(({ id }) => id)])];
}

/** What each resource of a template waits for. Only names of resources that exist count. */
export function graphOf(template: Template, exists: (id: string) => boolean = () => true): Map<string, Set<string>> {
  const ids = Object.keys(template.Resources).filter(exists);
  const known = new Set(ids);
  return new Map(ids.map((id) => [id, new Set(dependencies(template.Resources[id]).filter((each) => known.has(each)))]));
}

/** Whoever depended on it goes first. */
export function reversed(graph: ReadonlyMap<string, ReadonlySet<string>>): Map<string, Set<string>> {
  const result = new Map([...graph.keys()].map((id) => [id, new Set<string>()]));
  for (const [id, first] of graph) for (const each of first) result.get(each)?.add(id);
  return result;
}

/** The graph between chosen resources; a path through others counts. */
export function closure(graph: ReadonlyMap<string, ReadonlySet<string>>, chosen: (id: string) => boolean): Map<string, Set<string>> {
  const memo = new Map<string, Set<string>>();
  const above = (id: string): Set<string> => {
    const known = memo.get(id);
    if (known !== undefined) return known;
    const result = new Set<string>();
    memo.set(id, result);
    for (const each of graph.get(id) ?? []) {
      if (chosen(each)) result.add(each);
      else for (const further of above(each)) result.add(further);
    }
    return result;
  };
  return new Map([...graph.keys()].filter(chosen).map((id) => [id, above(id)]));
}

/**
 * Every dependency cycle, as paths of logical ids. CloudFormation refuses a template with a cycle. A cycle between a nested stack and its
 * parent, or between two nested stacks, is one as well: a parameter makes the nested stack wait for its source, an output makes the
 * reader wait for the whole nested stack (https://aws.amazon.com/blogs/infrastructure-and-automation/handling-circular-dependency-errors-in-aws-cloudformation/).
 */
export function cycles(assembly: Assembly): string[][] {
  return assembly.stacks.flatMap((stack) => cyclesOf(stack, stack.name));
}

function cyclesOf(stack: StackTemplate, path: string): string[][] {
  const graph = graphOf(stack.template);
  const state = new Map<string, 'open' | 'closed'>();
  const found: string[][] = [];
  const trail: string[] = [];
  const visit = (id: string): void => {
    if (state.get(id) === 'closed') return;
    if (state.get(id) === 'open') {
      found.push([...trail.slice(trail.indexOf(id)), id].map((each) => `${path}/${each}`));
      return;
    }
    state.set(id, 'open');
    trail.push(id);
    for (const next of graph.get(id) ?? []) visit(next);
    trail.pop();
    state.set(id, 'closed');
  };
  for (const id of graph.keys()) visit(id);
  return [...found, ...Object.entries(stack.nested).flatMap(([id, child]) => cyclesOf(child, `${path}/${id}`))];
}

/** Evaluates a condition of the template. */
export function condition(template: Template, name: string, environment: Environment): boolean {
  const truth = (value: unknown): boolean => {
    if (!isObject(value)) throw new Error(`the condition ${name} has a part that is not a condition, got ${JSON.stringify(value)}`);
    const list = (key: string): unknown[] => value[key] as unknown[];
    if ('Fn::Equals' in value) {
      const [left, right] = list('Fn::Equals').map((each) => JSON.stringify(resolve(each, environment)));
      return left === right;
    }
    if ('Fn::And' in value) return list('Fn::And').every(truth);
    if ('Fn::Or' in value) return list('Fn::Or').some(truth);
    if ('Fn::Not' in value) return !list('Fn::Not').every(truth);
    if (typeof value.Condition === 'string') return condition(template, value.Condition, environment);
    throw new Error(`the condition ${name} has a function that is not one of conditions, got ${JSON.stringify(value)}`);
  };
  const definition = template.Conditions?.[name];
  if (definition === undefined) throw new Error(`the condition ${name} is not in the template`);
  return truth(definition);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function getAtt(value: unknown): Reference | undefined {
  if (typeof value === 'string') return dotted(value);
  if (!Array.isArray(value)) return undefined;
  const [id, attribute] = value as unknown[];
  return { id: String(id), attribute: asText(attribute) };
}

function dotted(name: string): Reference {
  const dot = name.indexOf('.');
  return dot < 0 ? { id: name } : { id: name.slice(0, dot), attribute: name.slice(dot + 1) };
}

function sub(value: unknown): [string, Record<string, unknown>] {
  if (typeof value === 'string') return [value, {}];
  const [text, values] = value as [string, Record<string, unknown>];
  return [text, values];
}

function names(text: string): Reference[] {
  return [...text.matchAll(SUB)].filter(([, literal]) => literal === '').map(([, , name]) => dotted(name));
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
