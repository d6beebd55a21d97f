import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

/** A resource as the template has it. */
export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly Metadata?: Readonly<Record<string, unknown>>;
  readonly DependsOn?: string | readonly string[];
  readonly Condition?: string;
  readonly DeletionPolicy?: string;
  readonly UpdateReplacePolicy?: string;
  readonly CreationPolicy?: { readonly ResourceSignal?: { readonly Count?: number | string; readonly Timeout?: string } };
  readonly UpdatePolicy?: {
    readonly AutoScalingRollingUpdate?: {
      readonly MinInstancesInService?: number | string;
      readonly PauseTime?: string;
      readonly WaitOnResourceSignals?: boolean | string;
      readonly SuspendProcesses?: readonly string[];
    };
    readonly AutoScalingReplacingUpdate?: { readonly WillReplace?: boolean | string };
  };
}

/** A template as far as ordering goes. */
export interface Template {
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Parameters?: Readonly<Record<string, { readonly Type?: string; readonly Default?: unknown }>>;
  readonly Conditions?: Readonly<Record<string, unknown>>;
  readonly Outputs?: Readonly<Record<string, { readonly Value: unknown; readonly Condition?: string }>>;
}

/** A template and those of its nested stacks by logical id. */
export interface StackTemplate {
  readonly template: Template;
  readonly nested: Readonly<Record<string, StackTemplate>>;
}

/** A stack that is deployed by itself. */
export interface TopStack extends StackTemplate {
  readonly name: string;
}

/** Top-level stacks in the order they are deployed. */
export interface Assembly {
  readonly stacks: readonly TopStack[];
}

export const NESTED = 'AWS::CloudFormation::Stack';

/** An assembly of one stack. */
export function single(stack: StackTemplate, name = 'Analytics'): Assembly {
  return { stacks: [{ name, ...stack }] };
}

interface Artifact {
  readonly type: string;
  readonly properties?: { readonly templateFile?: string };
  readonly dependencies?: readonly string[];
}

/**
 * Reads a synthesised cloud assembly, stages included. A stack's artifact names those it is deployed after
 * (https://github.com/aws/aws-cdk/blob/main/packages/%40aws-cdk/cloud-assembly-schema/README.md).
 */
export function readAssembly(outdir: string): Assembly {
  const { artifacts = {} } = readJson<{ artifacts?: Record<string, Artifact> }>(join(outdir, 'manifest.json'));
  const assets = fileAssets(outdir);
  const stacks: TopStack[] = [];
  const visited = new Set<string>();
  const visit = (id: string): void => {
    const artifact = artifacts[id];
    if (artifact === undefined || visited.has(id)) return;
    visited.add(id);
    artifact.dependencies?.forEach(visit);
    if (artifact.type === 'cdk:cloud-assembly') stacks.push(...readAssembly(join(outdir, id.startsWith('assembly-') ? id : `assembly-${id}`)).stacks);
    if (artifact.type !== 'aws:cloudformation:stack' || artifact.properties?.templateFile === undefined) return;
    stacks.push({ name: id, ...readStack(outdir, artifact.properties.templateFile, assets) });
  };
  Object.keys(artifacts).forEach(visit);
  return { stacks };
}

function readStack(outdir: string, file: string, assets: ReadonlyMap<string, string>): StackTemplate {
  const template = readJson<Template>(join(outdir, file));
  const nested: Record<string, StackTemplate> = {};
  for (const [id, resource] of Object.entries(template.Resources)) {
    if (resource.Type !== NESTED) continue;
    const child = nestedFile(resource, assets);
    if (child === undefined) throw new Error(`the template of the nested stack ${id} of ${file} is not in the assembly; wanted a file asset for its TemplateURL`);
    nested[id] = readStack(outdir, child, assets);
  }
  return { template, nested };
}

/** CDK publishes a nested template as a file asset whose hash is in the URL; with asset metadata on, the path is in the metadata as well. */
function nestedFile(resource: Resource, assets: ReadonlyMap<string, string>): string | undefined {
  const path = resource.Metadata?.['aws:asset:path'];
  if (typeof path === 'string') return basename(path);
  const hash = /([0-9a-f]{64})\.json/.exec(JSON.stringify(resource.Properties?.TemplateURL))?.[1];
  return hash === undefined ? undefined : assets.get(hash);
}

function fileAssets(outdir: string): ReadonlyMap<string, string> {
  const { artifacts = {} } = readJson<{ artifacts?: Record<string, { type: string; properties?: { file?: string } }> }>(join(outdir, 'manifest.json'));
  const found = new Map<string, string>();
  for (const { type, properties } of Object.values(artifacts)) {
    if (type !== 'cdk:asset-manifest' || properties?.file === undefined || !existsSync(join(outdir, properties.file))) continue;
    const { files = {} } = readJson<{ files?: Record<string, { source: { path?: string } }> }>(join(outdir, properties.file));
    for (const [hash, { source }] of Object.entries(files)) if (source.path !== undefined) found.set(hash, source.path);
  }
  return found;
}

function readJson<T>(path: string): T {
  return JSON.parse(readFileSync(path, 'utf8')) as T;
}
