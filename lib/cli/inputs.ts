import { statSync } from 'node:fs';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import { isDictionary } from '../exposure/templates/model';
import type { ReadTemplate } from '../exposure/templates/reader';
import { assemblyTemplates, readTemplates, UnreadableError } from '../exposure/templates/reader';
import type { Locate } from '../report/report';
import type { TextContent, TextFiles } from './content';
import { disk, reason } from './disk';

/** The deployment that paths name. */
export interface Inputs {
  readonly sources: readonly ReadTemplate[];
  /** every file that was read. */
  readonly files: readonly string[];
  /** the file and the line of a resource of a template. */
  readonly locate: Locate;
}

/** Reads assemblies and templates. Throws an {@link UnreadableError} that names the file. */
export function readInputs(paths: readonly string[], workingDirectory: string): Inputs {
  const read = new Map<string, TextContent>();
  const files: TextFiles = {
    ...disk,
    read: (path) => {
      const content = read.get(path) ?? disk.read(path);
      read.set(path, content);
      return content;
    },
  };
  const given = paths.map((path) => shown(path, workingDirectory));
  const assemblies = given.filter(isFolder);
  const assembled = new Set(assemblies.flatMap((path) => assemblyTemplates(path, files)));
  const named = given.filter((path) => !assemblies.includes(path) && !assembled.has(path));
  const sources = readTemplates([...assembled, ...named], files);
  // not what else they deploy: a nested stack of the CDK may be empty.
  for (const { file, body } of sources) if (named.includes(file)) demandTemplate(file, body);
  const places = new Map(sources.map(({ path, file }) => [path, file]));
  return {
    sources,
    files: [...read.keys()],
    locate: (template, logicalId) => {
      const file = places.get(template);
      return file === undefined ? undefined : { file, line: logicalId === undefined ? undefined : read.get(file)?.lines.get(logicalId) };
    },
  };
}

/** A path as reports show it, so that it can be opened from where the program runs. */
function shown(path: string, workingDirectory: string): string {
  const absolute = resolve(workingDirectory, path);
  const below = relative(workingDirectory, absolute);
  return isAbsolute(below) || below === '..' || below.startsWith(`..${sep}`) ? absolute : below === '' ? '.' : join(below);
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    throw new UnreadableError(reason(path, error));
  }
}

// an empty stack of the CDK has parameters and rules only.
const SECTIONS = ['AWSTemplateFormatVersion', 'Resources', 'Transform', 'Parameters', 'Rules', 'Mappings', 'Conditions', 'Outputs'];

function demandTemplate(file: string, body: unknown): void {
  if (!isDictionary(body) || !SECTIONS.some((name) => Object.hasOwn(body, name))) {
    throw new UnreadableError(`${file} is no CloudFormation template: it is no object with Resources`);
  }
}
