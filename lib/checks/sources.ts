import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { NestedStack, Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { TemplateSource } from '../exposure/templates/templates';
import { isDictionary } from '../exposure/templates/templates';

/**
 * Reads the synthesised templates of stacks, and those of their nested stacks.
 *
 * CDK hands over the templates of stacks only: a nested stack is an asset to it. Its template lies in the same folder, and the asset
 * manifest says which file has the hash that the parent's `TemplateURL` ends with.
 */
export function readTemplates(paths: readonly string[]): TemplateSource[] {
  const folders = new Map<string, Folder>();
  const sources: TemplateSource[] = [];
  const seen = new Set<string>();
  const pending: Array<Pick<TemplateSource, 'path' | 'parent'>> = paths.map((path) => ({ path }));
  for (let at = pending.shift(); at !== undefined; at = pending.shift()) {
    if (seen.has(at.path)) continue;
    seen.add(at.path);
    const body: unknown = JSON.parse(readFileSync(at.path, 'utf8'));
    const directory = dirname(at.path);
    const folder = folders.get(directory) ?? openFolder(directory);
    folders.set(directory, folder);
    sources.push({ ...at, body, stackName: folder.stackNames.get(basename(at.path)) });
    for (const [logicalId, file] of nestedTemplates(body, folder)) pending.push({ path: join(directory, file), parent: { path: at.path, logicalId } });
  }
  return sources;
}

/** Renders the templates of a construct tree: of every stack in it, or of the stack that it is part of. Synthesise first, so that references between stacks are settled. */
export function renderTemplates(scope: IConstruct): TemplateSource[] {
  const stacks = scope.node.findAll().filter((each) => Stack.isStack(each));
  const rendered = stacks.length > 0 ? stacks : [Stack.of(scope)];
  return rendered.map((stack) => {
    const resource = NestedStack.isNestedStack(stack) ? stack.nestedStackResource : undefined;
    const owner = resource && Stack.of(resource);
    return {
      path: stack.templateFile,
      body: stack.resolve((stack as unknown as Renderable)._toCloudFormation()) as unknown,
      stackName: stack.nestedStackParent === undefined ? stack.stackName : undefined,
      parent: resource && owner && { path: owner.templateFile, logicalId: owner.resolve(resource.logicalId) as string },
    };
  });
}

// declared protected, but the only way to a template without writing files; cdk-nag's own rules and aws-cdk-lib/assertions depend on such internals as well.
interface Renderable {
  _toCloudFormation(): object;
}

interface Folder {
  readonly directory: string;
  /** by the file of the template. */
  readonly stackNames: ReadonlyMap<string, string>;
  /** files by the hash in their URL. */
  readonly assets: ReadonlyMap<string, string>;
}

function openFolder(directory: string): Folder {
  const stackNames = new Map<string, string>();
  const assets = new Map<string, string>();
  const artifacts = dig(read(join(directory, 'manifest.json')), 'artifacts');
  for (const [id, artifact] of Object.entries(isDictionary(artifacts) ? artifacts : {})) {
    const file = dig(artifact, 'properties', 'templateFile');
    const name = dig(artifact, 'properties', 'stackName');
    if (typeof file === 'string') stackNames.set(file, typeof name === 'string' ? name : id);
  }
  for (const file of readdirSync(directory).filter((each) => each.endsWith('.assets.json'))) {
    const files = dig(read(join(directory, file)), 'files');
    for (const [hash, asset] of Object.entries(isDictionary(files) ? files : {})) {
      const path = dig(asset, 'source', 'path');
      if (typeof path === 'string' && path.endsWith('.json')) assets.set(hash, path);
    }
  }
  return { directory, stackNames, assets };
}

/** The files of the nested stacks of a template, by the resource that deploys them. */
function nestedTemplates(body: unknown, { directory, assets }: Folder): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const resources = dig(body, 'Resources');
  for (const [logicalId, resource] of Object.entries(isDictionary(resources) ? resources : {})) {
    if (dig(resource, 'Type') !== 'AWS::CloudFormation::Stack') continue;
    const named = dig(resource, 'Metadata', 'aws:asset:path');
    const [, hash = ''] = /([0-9a-f]{64})\.(?:json|template)/.exec(JSON.stringify(dig(resource, 'Properties', 'TemplateURL') ?? '')) ?? [];
    const file = typeof named === 'string' ? named : assets.get(hash);
    // one that is not there is reported by the template set as not among the templates.
    if (file !== undefined && existsSync(join(directory, file))) found.set(logicalId, file);
  }
  return found;
}

function read(path: string): unknown {
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as unknown) : undefined;
}

function dig(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>((at, key) => (isDictionary(at) ? at[key] : undefined), value);
}
