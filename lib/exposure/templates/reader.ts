import { basename, dirname, isAbsolute, join } from 'node:path';
import type { Environment, Fault, TemplateSource } from './model';
import { isDictionary } from './model';

/** What a file holds. */
export interface Content {
  readonly body: unknown;
  /** what CloudFormation would not take, though it can be read. */
  readonly faults?: readonly Fault[];
}

/** The files that templates are read from. */
export interface Files {
  /** whether it is a file; a folder is none. */
  exists(path: string): boolean;
  /** the names of what is in a folder. */
  names(directory: string): readonly string[];
  /** throws for what is no JSON, and whatever else the files may hold. */
  read(path: string): Content;
}

/** A template and the file that it was read from, which differs from its name where several stacks deploy the file. */
export interface ReadTemplate extends TemplateSource {
  readonly file: string;
}

/** Files from which no deployment can be put together. */
export class UnreadableError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UnreadableError';
  }
}

// a file that is deployed by many, each of which is deployed by many, is a small input and an endless deployment.
const MOST_NESTED = 2500;

/**
 * The templates of the stacks of a cloud assembly, those of its stages included.
 *
 * The manifest is described at https://github.com/aws/aws-cdk/tree/main/packages/%40aws-cdk/cloud-assembly-schema.
 */
export function assemblyTemplates(directory: string, files: Files): string[] {
  const found: string[] = [];
  const seen = new Set<string>();
  const pending = [directory];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (seen.has(at)) continue;
    seen.add(at);
    const manifest = join(at, MANIFEST);
    const artifacts = files.exists(manifest) ? artifactsOf(files.read(manifest).body) : undefined;
    if (artifacts === undefined) throw new UnreadableError(`${at} is no cloud assembly: name the folder that 'cdk synth' wrote (cdk.out), or the files of templates`);
    const stages: string[] = [];
    for (const artifact of Object.values(artifacts)) {
      const file = dig(artifact, 'properties', 'templateFile');
      const stage = dig(artifact, 'properties', 'directoryName');
      if (dig(artifact, 'type') === 'aws:cloudformation:stack' && typeof file === 'string') found.push(join(at, file));
      if (dig(artifact, 'type') === 'cdk:cloud-assembly' && typeof stage === 'string') stages.push(join(at, stage));
    }
    pending.push(...stages.reverse());
  }
  if (found.length === 0) throw new UnreadableError(`${directory} has no stacks, so there is nothing to check`);
  return found;
}

/**
 * Reads templates, and those of the nested stacks that they deploy from files beside them. One that another deploys is part of that other,
 * also where it is named itself. One that several deploy counts once for each.
 */
export function readTemplates(paths: readonly string[], files: Files): ReadTemplate[] {
  const reader = new Reader(files);
  const given = [...new Set(paths)];
  const inner = reader.deployedFrom(given);
  for (const path of given) if (!inner.has(path)) reader.deploy(path);
  // what is left deploys each other in a circle, and nothing else deploys it.
  for (const path of given) if (!reader.hasRead(path)) reader.deploy(path);
  return reader.sources;
}

interface Deployed extends Content {
  /** the files of its nested stacks, by the resource that deploys them. */
  readonly nested: ReadonlyMap<string, string>;
  readonly stack?: Stack;
}

class Reader {
  readonly sources: ReadTemplate[] = [];
  private readonly folders = new Map<string, Folder>();
  private readonly read = new Map<string, Deployed>();
  private readonly names = new Set<string>();

  constructor(private readonly files: Files) {}

  hasRead(path: string): boolean {
    return this.names.has(path);
  }

  /** Reads everything that can be reached, and tells which files others deploy. */
  deployedFrom(paths: readonly string[]): ReadonlySet<string> {
    const inner = new Set<string>();
    const seen = new Set(paths);
    // a set grows while it is walked.
    for (const path of seen) {
      for (const file of this.open(path).nested.values()) {
        if (file !== path) inner.add(file);
        seen.add(file);
      }
    }
    return inner;
  }

  /** Adds a stack and all below it. */
  deploy(root: string): void {
    const pending: Array<{ path: string; parent?: TemplateSource['parent']; environment?: Environment; above: readonly string[] }> = [{ path: root, above: [] }];
    for (let at = pending.shift(); at !== undefined; at = pending.shift()) {
      const { path, parent, above } = at;
      const { body, nested, stack, faults = [] } = this.open(path);
      // a nested stack is deployed where its parent is.
      const environment = parent === undefined ? stack?.environment : at.environment;
      // reports name the file; a file that several deploy has to be told apart.
      const name = parent !== undefined && this.names.has(path) ? `${path} (${parent.logicalId} in ${parent.path})` : path;
      this.names.add(name);
      const circles: Fault[] = [];
      for (const [logicalId, file] of nested) {
        if (file === path || above.includes(file)) circles.push({ logicalId, message: 'this nested stack deploys a template that it is part of itself' });
        else pending.push({ path: file, parent: { path: name, logicalId }, environment, above: [...above, path] });
      }
      this.sources.push({ path: name, file: path, body, parent, environment, stackName: parent === undefined ? stack?.stackName : undefined, faults: [...faults, ...circles] });
      if (this.sources.length + pending.length > this.read.size + MOST_NESTED) throw new UnreadableError(`${root} deploys more than ${MOST_NESTED} nested stacks`);
    }
  }

  private open(path: string): Deployed {
    const known = this.read.get(path);
    if (known !== undefined) return known;
    const directory = dirname(path);
    const folder = this.folders.get(directory) ?? openFolder(directory, this.files);
    this.folders.set(directory, folder);
    const content = this.files.read(path);
    const deployed = { ...content, stack: folder.stacks.get(basename(path)), nested: nestedTemplates(content.body, folder, this.files) };
    this.read.set(path, deployed);
    return deployed;
  }
}

const MANIFEST = 'manifest.json';

type Stack = Pick<TemplateSource, 'stackName' | 'environment'>;

interface Folder {
  readonly directory: string;
  /** by the file of the template. */
  readonly stacks: ReadonlyMap<string, Stack>;
  /** files by the hash in their URL. */
  readonly assets: ReadonlyMap<string, string>;
}

function openFolder(directory: string, files: Files): Folder {
  const stacks = new Map<string, Stack>();
  const assets = new Map<string, string>();
  const artifacts = artifactsBeside(directory, files);
  for (const [id, artifact] of Object.entries(artifacts ?? {})) {
    const file = dig(artifact, 'properties', 'templateFile');
    const name = dig(artifact, 'properties', 'stackName');
    if (typeof file === 'string') stacks.set(file, { stackName: typeof name === 'string' ? name : id, environment: environmentOf(dig(artifact, 'environment')) });
  }
  // outside of an assembly such names mean nothing.
  for (const file of artifacts === undefined ? [] : files.names(directory).filter((each) => each.endsWith('.assets.json'))) {
    const listed = dig(files.read(join(directory, file)).body, 'files');
    for (const [hash, asset] of Object.entries(isDictionary(listed) ? listed : {})) {
      const path = dig(asset, 'source', 'path');
      if (typeof path === 'string' && path.endsWith('.json')) assets.set(hash, path);
    }
  }
  return { directory, stacks, assets };
}

/** What an assembly's manifest lists, if there is one: other programs have a file of this name as well. */
function artifactsBeside(directory: string, files: Files): Readonly<Record<string, unknown>> | undefined {
  const path = join(directory, MANIFEST);
  if (!files.exists(path)) return undefined;
  try {
    return artifactsOf(files.read(path).body);
  } catch {
    return undefined;
  }
}

function artifactsOf(manifest: unknown): Readonly<Record<string, unknown>> | undefined {
  const artifacts = dig(manifest, 'artifacts');
  return typeof dig(manifest, 'version') === 'string' && isDictionary(artifacts) ? artifacts : undefined;
}

/** `aws://account/region`, either of which may not be known at synthesis. */
function environmentOf(text: unknown): Environment | undefined {
  const [, account = '', region = ''] = (typeof text === 'string' ? /^aws:\/\/([^/]+)\/([^/]+)$/.exec(text) : undefined) ?? [];
  const known = (part: string): string | undefined => (part === '' || part.startsWith('unknown-') ? undefined : part);
  return known(account) === undefined && known(region) === undefined ? undefined : { account: known(account), region: known(region) };
}

/**
 * The files of the nested stacks of a template, by the resource that deploys them. To the CDK such a template is an asset: the asset
 * manifest says which file has the hash that `TemplateURL` ends with. In a template that is still to be packaged, the URL is the file
 * (https://docs.aws.amazon.com/cli/latest/reference/cloudformation/package.html).
 */
function nestedTemplates(body: unknown, { directory, assets }: Folder, files: Files): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const resources = dig(body, 'Resources');
  for (const [logicalId, resource] of Object.entries(isDictionary(resources) ? resources : {})) {
    if (dig(resource, 'Type') !== 'AWS::CloudFormation::Stack') continue;
    const url = dig(resource, 'Properties', 'TemplateURL');
    const named = dig(resource, 'Metadata', 'aws:asset:path');
    const [, hash = ''] = /([0-9a-f]{64})\.(?:json|template)/.exec(JSON.stringify(url ?? '')) ?? [];
    const local = typeof url === 'string' && !/^[A-Za-z][A-Za-z0-9+.-]*:/.test(url) ? url : undefined;
    const file = typeof named === 'string' ? named : (assets.get(hash) ?? local);
    const path = file === undefined ? undefined : isAbsolute(file) ? file : join(directory, file);
    // one that is not there is reported by the template set as not among the templates.
    if (path !== undefined && files.exists(path)) found.set(logicalId, path);
  }
  return found;
}

function dig(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>((at, key) => (isDictionary(at) && Object.hasOwn(at, key) ? at[key] : undefined), value);
}
