import { readdirSync, readFileSync, statSync } from 'node:fs';
import { UnreadableError } from '../exposure/templates/reader';
import type { TextContent, TextFiles } from './content';
import { TextError } from './content';
import { readJson } from './json';
import { readYaml } from './yaml';

// CloudFormation takes 1 MB; whatever is larger than this is no template, and would take long to find out.
const LARGEST = 64 * 1024 * 1024;

/** The files of this machine. */
export const disk: TextFiles = {
  exists: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false,
  names: (directory) => readdirSync(directory).sort(),
  read,
};

function read(path: string): TextContent {
  const text = textOf(path);
  try {
    return parse(text, path);
  } catch (error) {
    if (error instanceof TextError) throw new UnreadableError(`${path}:${error.line}:${error.column}: ${error.message}`);
    throw error;
  }
}

function textOf(path: string): string {
  let bytes: Buffer;
  try {
    const stats = statSync(path);
    // a pipe or a device may never end.
    if (!stats.isFile()) throw new UnreadableError(`${path} is no file`);
    if (stats.size > LARGEST) throw new UnreadableError(`${path} is larger than ${LARGEST / 1024 / 1024} MB, so it is no template`);
    bytes = readFileSync(path);
  } catch (error) {
    if (error instanceof UnreadableError) throw error;
    throw new UnreadableError(reason(path, error));
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new UnreadableError(`${path} is no text in UTF-8`);
  }
}

/** JSON when it begins like an object in JSON; the name of a template's file says little about what is in it. */
function parse(text: string, path: string): TextContent {
  if (!/^\s*\{/.test(text)) return readYaml(text);
  try {
    return readJson(text);
  } catch (error) {
    // YAML has braces as well.
    if (/\.ya?ml$/i.test(path)) return readYaml(text);
    throw error;
  }
}

/** What the system says about a file, in one line. */
export function reason(path: string, error: unknown): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return `${path}: ${REASONS.get(code) ?? (error instanceof Error ? error.message : String(error))}`;
}

const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'no such file or folder'],
  ['EACCES', 'permission denied'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'something on the way to it is no folder'],
  ['ENAMETOOLONG', 'the name is too long'],
  ['ELOOP', 'links lead in a circle'],
  ['ENOSPC', 'no space is left'],
  ['EROFS', 'the file system is read-only'],
]);
