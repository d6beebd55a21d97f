/** A template as it was read, before anything is believed about its shape. */
export interface TemplateSource {
  /** how reports name it: the file on disk. */
  readonly path: string;
  readonly body: unknown;
  /** the stack's name at deployment, where it is known. */
  readonly stackName?: string;
  /** the resource that deploys it, for a nested stack. */
  readonly parent?: { readonly path: string; readonly logicalId: string };
}

/** What may be anywhere in a template. */
export type Dictionary = Readonly<Record<string, unknown>>;

/** A template in its deployment. */
export interface Template {
  readonly path: string;
  readonly stackName?: string;
  readonly resources: ReadonlyMap<string, Resource>;
  readonly parameters: Dictionary;
  readonly outputs: Dictionary;
  /** the resource that deploys it, for a nested stack. */
  readonly parent?: Resource;
  /** the templates of its nested stacks by the logical id of the resource that deploys them. */
  readonly children: ReadonlyMap<string, Template>;
  readonly set: TemplateSet;
  /** what values in it may be, once worked out: a reference that many follow is followed once, and one that leads back to itself ends. */
  readonly possible: Map<object, readonly Located[]>;
}

/** A resource of a template. Its shape is checked, what its properties hold is not. */
export interface Resource {
  readonly template: Template;
  readonly logicalId: string;
  readonly type: string;
  readonly properties: Dictionary;
  readonly metadata: Dictionary;
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
}

/** All templates that are deployed together. Everything is found by name in constant time; building it takes one pass. */
export class TemplateSet {
  readonly templates: readonly Template[];
  readonly blind: readonly Blind[];
  private readonly byType = new Map<string, Resource[]>();
  private readonly exported = new Map<string, Located>();
  private readonly byStackName = new Map<string, Template>();

  constructor(sources: readonly TemplateSource[]) {
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
    for (const stack of this.ofType('AWS::CloudFormation::Stack')) {
      if (!stack.template.children.has(stack.logicalId)) {
        blind.push({ path: stack.template.path, logicalId: stack.logicalId, broken: false, message: 'the template of this nested stack is not among the templates checked; what it deploys is unknown' });
      }
    }
    this.blind = blind;
    for (const template of this.templates) this.index(template);
  }

  /** Every resource of one type, or of several. */
  ofType(...types: readonly string[]): readonly Resource[] {
    return types.flatMap((type) => this.byType.get(type) ?? []);
  }

  /** The value behind an export's name. */
  exportNamed(name: string): Located | undefined {
    return this.exported.get(name);
  }

  /** The template of a stack by the stack's name. */
  stackNamed(name: string): Template | undefined {
    return this.byStackName.get(name);
  }

  private build(source: TemplateSource, blind: Blind[]): MutableTemplate {
    const refuse = (message: string, logicalId?: string): void => void blind.push({ path: source.path, logicalId, message, broken: true });
    const body = isDictionary(source.body) ? source.body : {};
    if (!isDictionary(source.body)) refuse('the template is not an object');
    const section = (name: string): Dictionary => {
      const value = body[name] ?? {};
      if (!isDictionary(value)) refuse(`the template's ${name} is not an object`);
      return isDictionary(value) ? value : {};
    };
    const resources = new Map<string, Resource>();
    const template: MutableTemplate = {
      path: source.path,
      stackName: source.stackName,
      resources,
      parameters: section('Parameters'),
      outputs: section('Outputs'),
      children: new Map(),
      set: this,
      possible: new Map(),
    };
    // a macro in the template may add anything; AWS's own language extensions and SAM are named in the same place.
    if ('Fn::Transform' in body) blind.push({ path: source.path, broken: false, message: 'a macro rewrites this template at deployment; what it adds is unknown' });
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
        const resource = { template, logicalId, type: each.Type, properties: (each.Properties ?? {}) as Dictionary, metadata: (each.Metadata ?? {}) as Dictionary };
        resources.set(logicalId, resource);
        append(this.byType, each.Type, resource);
      }
    }
    return template;
  }

  private index(template: Template): void {
    if (template.stackName !== undefined) this.byStackName.set(template.stackName, template);
    for (const output of Object.values(template.outputs)) {
      const name = isDictionary(output) && isDictionary(output.Export) ? output.Export.Name : undefined;
      if (typeof name === 'string' && isDictionary(output)) this.exported.set(name, { node: output.Value, template });
    }
  }
}

type MutableTemplate = { -readonly [Key in keyof Template]: Template[Key] } & { readonly children: Map<string, Template> };

export function isDictionary(value: unknown): value is Dictionary {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Adds to the list a map holds under a key. */
export function append<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
