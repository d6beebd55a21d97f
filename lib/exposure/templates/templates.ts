import type { Blind, Dictionary, Environment, Located, Resource, Surroundings, Template, TemplateSource } from './model';
import { append, isDictionary, isSameEnvironment } from './model';
import { conditionNamed, single } from './resolve';

export type { Blind, Dictionary, Environment, Located, Resource, Template, TemplateSource } from './model';
export { append, isDictionary } from './model';

/** What is known of the deployment beside its templates. */
export interface TemplateSetOptions {
  /** values of parameters, which count before their defaults. */
  readonly parameters?: ReadonlyMap<string, string>;
}

// far more than anybody writes; what reads values follows them by recursion.
const DEEPEST = 200;
const MOST_PARTS = 2_000_000;

/** All templates that are deployed together. Everything is found by name in constant time; building it takes one pass. */
export class TemplateSet implements Surroundings {
  readonly templates: readonly Template[];
  readonly blind: readonly Blind[];
  private readonly parameters: ReadonlyMap<string, string>;
  private readonly byType = new Map<string, Resource[]>();
  private readonly exported = new Map<string, Located[]>();
  private readonly byStackName = new Map<string, Template[]>();

  constructor(sources: readonly TemplateSource[], { parameters = new Map() }: TemplateSetOptions = {}) {
    this.parameters = parameters;
    const blind: Blind[] = [];
    const built = new Map<string, MutableTemplate>();
    for (const source of sources) built.set(source.path, this.build(source, blind));
    for (const source of sources) {
      const template = built.get(source.path);
      const above = source.parent && built.get(source.parent.path);
      const resource = source.parent && above?.resources.get(source.parent.logicalId);
      if (template !== undefined && above !== undefined && resource !== undefined) {
        template.parent = resource;
        above.children.set(resource.logicalId, template);
      }
    }
    this.templates = [...built.values()];
    for (const template of built.values()) this.index(template);
    for (const template of built.values()) if (template.parent === undefined) leaveOut(template);
    // in an order that does not depend on that of the files and of what is in them.
    for (const { resources } of [...built.values()].sort((a, b) => compare(a.path, b.path))) for (const resource of [...resources.values()].sort((a, b) => compare(a.logicalId, b.logicalId))) append(this.byType, resource.type, resource);
    for (const stack of this.ofType('AWS::CloudFormation::Stack')) {
      if (!stack.template.children.has(stack.logicalId)) {
        blind.push({ path: stack.template.path, logicalId: stack.logicalId, broken: false, message: 'the template of this nested stack is not among the templates checked; what it deploys is unknown' });
      }
    }
    this.blind = blind;
  }

  /** Every resource of one type, or of several. */
  ofType(...types: readonly string[]): readonly Resource[] {
    const [only, ...others] = types;
    // asked for one type most of the time, and again and again: no copy is made of it.
    if (only !== undefined && others.length === 0) return this.byType.get(only) ?? [];
    return types.flatMap((type) => this.byType.get(type) ?? []);
  }

  // https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html: a name is one export in each region of an account.
  exportsNamed(name: string, environment: Environment): readonly Located[] {
    const found = (this.exported.get(name) ?? []).filter(({ template }) => isSameEnvironment(template.environment, environment));
    return found.length < 2 ? found : found.map((each) => ({ ...each, doubt: each.doubt ?? `several outputs are exported as ${name}` }));
  }

  stacksNamed(name: string): readonly Template[] {
    return this.byStackName.get(name) ?? [];
  }

  parameterNamed(name: string): string | undefined {
    return this.parameters.get(name);
  }

  private build(source: TemplateSource, blind: Blind[]): MutableTemplate {
    const refuse = (message: string, logicalId?: string): void => void blind.push({ path: source.path, logicalId, message, broken: true });
    for (const { message, logicalId } of source.faults ?? []) refuse(message, logicalId);
    let body = isDictionary(source.body) ? source.body : {};
    if (!isDictionary(source.body)) refuse('the template is not an object');
    else {
      const fault = shapeFault(source.body);
      if (fault !== undefined) {
        refuse(fault);
        body = {};
      }
    }
    const section = (name: string): Dictionary => {
      const value = body[name] ?? {};
      if (!isDictionary(value)) refuse(`the template's ${name} is not an object`);
      return isDictionary(value) ? value : {};
    };
    const template: MutableTemplate = {
      path: source.path,
      stackName: source.stackName,
      environment: source.environment ?? UNKNOWN,
      resources: new Map(),
      parameters: section('Parameters'),
      conditions: section('Conditions'),
      mappings: section('Mappings'),
      outputs: section('Outputs'),
      children: new Map(),
      set: this,
      memory: { values: new Map(), texts: new Map(), conditions: new Map() },
    };
    // a macro on the template may add anything.
    if ('Fn::Transform' in body || macrosOf(body.Transform).length > 0) blind.push({ path: source.path, broken: false, message: 'a macro rewrites this template at deployment; what it adds is unknown' });
    for (const [logicalId, each] of Object.entries(section('Resources'))) {
      if (logicalId === 'Fn::Transform' || logicalId.startsWith('Fn::ForEach')) {
        blind.push({ path: source.path, logicalId, broken: false, message: `${logicalId} writes resources at deployment; what they are is unknown` });
      } else if (!isDictionary(each) || typeof each.Type !== 'string') {
        refuse('the resource is not an object with a Type', logicalId);
      } else if (!isDictionary(each.Properties ?? {}) || !isDictionary(each.Metadata ?? {})) {
        refuse(`the resource's Properties or Metadata are not an object`, logicalId);
      } else {
        if (isDictionary(each.Properties) && 'Fn::Transform' in each.Properties) {
          blind.push({ path: source.path, logicalId, broken: false, message: 'a macro writes properties of this resource at deployment; what they are is unknown' });
        }
        const condition = typeof each.Condition === 'string' ? each.Condition : undefined;
        template.resources.set(logicalId, { template, logicalId, condition, type: each.Type, properties: (each.Properties ?? {}) as Dictionary, metadata: (each.Metadata ?? {}) as Dictionary });
      }
    }
    return template;
  }

  private index(template: Template): void {
    if (template.stackName !== undefined) append(this.byStackName, template.stackName, template);
    for (const output of Object.values(template.outputs)) {
      if (!isDictionary(output) || !isDictionary(output.Export)) continue;
      const decision = typeof output.Condition === 'string' ? conditionNamed(template, output.Condition) : true;
      if (decision === false) continue;
      const name = single({ node: output.Export.Name, template });
      if (name.known) append(this.exported, String(name.value), { node: output.Value, template, doubt: decision === true ? undefined : decision.reason });
    }
  }
}

const UNKNOWN: Environment = {};

type MutableResource = { -readonly [Key in keyof Resource]: Resource[Key] } & { readonly condition?: string };
type MutableTemplate = { -readonly [Key in keyof Omit<Template, 'children' | 'resources'>]: Template[Key] } & { readonly children: Map<string, Template>; readonly resources: Map<string, MutableResource> };

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Takes out what a condition leaves out, and notes what it may leave out, down to the nested stacks. */
function leaveOut(template: MutableTemplate, inherited?: string): void {
  for (const [logicalId, resource] of template.resources) {
    const decision = resource.condition === undefined ? true : conditionNamed(template, resource.condition);
    const child = template.children.get(logicalId) as MutableTemplate | undefined;
    if (decision === false) {
      template.resources.delete(logicalId);
      if (child !== undefined) empty(child);
    } else {
      resource.doubt = inherited ?? (decision === true ? undefined : decision.reason);
      if (child !== undefined) leaveOut(child, resource.doubt);
    }
  }
}

function empty(template: MutableTemplate): void {
  template.resources.clear();
  for (const child of template.children.values()) empty(child as MutableTemplate);
}

// what AWS's own add or read concerns no network, or stands in the template and is read there; https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/transform-reference.html
const HARMLESS = /^AWS::(?:LanguageExtensions|SecretsManager-[\d-]+|CodeDeployBlueGreen)$/;

/** The macros of a template's Transform section that may add resources. */
function macrosOf(transform: unknown): readonly unknown[] {
  if (transform === undefined || transform === null) return [];
  return (Array.isArray(transform) ? (transform as unknown[]) : [transform]).filter((each) => typeof each !== 'string' || !HARMLESS.test(each));
}

/** What keeps a template from being read part by part: depth, or parts that stand in very many places at once. */
function shapeFault(body: object): string | undefined {
  let parts = 0;
  let level: object[] = [body];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return `the template is nested more than ${DEEPEST} levels deep`;
    const next: object[] = [];
    for (const each of level) {
      for (const key in each) {
        const inner = (each as Dictionary)[key];
        if (typeof inner === 'object' && inner !== null) next.push(inner);
      }
      // aliases of YAML can say in sixty lines what no machine reads to the end: each place is counted.
      if (parts + next.length > MOST_PARTS) return `the template has more than ${MOST_PARTS} parts, or aliases of YAML that make as many of few`;
    }
    parts += next.length;
    level = next;
  }
  return undefined;
}
