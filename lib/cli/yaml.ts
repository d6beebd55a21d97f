import type { Document, Node, Pair, Scalar, YAMLMap } from 'yaml';
import { Composer, isAlias, isMap, isScalar, isSeq, Lexer, Parser } from 'yaml';
import type { TextContent } from './content';
import { DEEPEST, LineCounter, Notes, positionOf, TextError } from './content';
import { functionNamed, plainScalar } from './yaml-tags';

// CloudFormation takes 1 MB (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html). The parser needs
// about a second and 100 MB for each.
const LONGEST = 2 * 1024 * 1024;

// what the aliases of a file may stand for, all together. A few lines of aliases to aliases stand for more than any memory holds.
const MOST_COPIES = 500_000;

/**
 * Reads a template in YAML, with the short forms of intrinsic functions.
 *
 * Keys keep the text they are written with. Aliases and merges are followed: CloudFormation does not take them, but what packages
 * templates for it does (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html).
 */
export function readYaml(text: string): TextContent {
  if (text.length > LONGEST) throw new TextError(`YAML of more than ${LONGEST / 1024 / 1024} MB is not read, and CloudFormation takes 1 MB`, 1, 1);
  const fail = (message: string, offset: number): never => {
    throw errorAt(text, message, offset);
  };
  const root = compose(text, fail).contents;
  if (root === null) return fail('the file is empty', 0);
  return new YamlReader(text, fail).read(root);
}

function errorAt(text: string, message: string, offset: number): TextError {
  const { line, column } = positionOf(text, offset);
  return new TextError(message, line, column);
}

type Fail = (message: string, offset: number) => never;

/** The one document of a text. It ends at the first error: the parser's own way of collecting them takes time with the square of the text. */
function compose(text: string, fail: Fail): Document.Parsed {
  // every scalar is a text, and no tag means anything: what they stand for is decided here.
  const composer = new Composer({ schema: 'failsafe', resolveKnownTags: false, uniqueKeys: false });
  let first: TextError | undefined;
  const onError = (source: number | readonly number[] | { readonly offset: number }, code: string, message: string, isWarning = false): void => {
    if (isWarning || code === 'TAG_RESOLVE_FAILED') return;
    // the parser catches what is thrown inside of it, and reports it as an error of what is around.
    first ??= errorAt(text, message, typeof source === 'number' ? source : 'offset' in source ? source.offset : (source[0] ?? 0));
    throw first;
  };
  Object.assign(composer, { onError });
  const parser = new Parser();
  const documents: Document.Parsed[] = [];
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) documents.push(...composer.next(token));
    // what composes it recurses.
    if (parser.stack.length > DEEPEST) fail(`it is nested more than ${DEEPEST} levels deep`, parser.offset);
    if (documents.length > 1) fail('the file holds more than one document', documents[1]?.range[0] ?? 0);
  }
  for (const token of parser.end()) documents.push(...composer.next(token));
  documents.push(...composer.end(true, text.length));
  const [document, another] = documents;
  if (document === undefined) return fail('the file is empty', 0);
  if (another !== undefined) fail('the file holds more than one document', another.range[0]);
  const [error] = document.errors;
  if (error !== undefined) fail(error.message.replace(/ at line [^]*$/, ''), error.pos[0]);
  return document;
}

/** What an anchor stands for: how many values, and how deep. */
interface Anchored {
  readonly value: unknown;
  readonly nodes: number;
  readonly depth: number;
}

const STRING = 'tag:yaml.org,2002:str';

class YamlReader {
  private readonly above: string[] = [];
  private readonly anchors = new Map<string, Anchored>();
  private readonly notes = new Notes();
  private readonly lines: LineCounter;
  /** the values read so far, those that aliases stand for included, and how deep they go. */
  private nodes = 0;
  private deepest = 0;
  private copies = 0;

  constructor(
    text: string,
    private readonly fail: Fail,
  ) {
    this.lines = new LineCounter(text);
  }

  read(root: Node): TextContent {
    return this.notes.content(this.value(root, 0));
  }

  private value(node: Node | null, depth: number): unknown {
    if (node !== null && depth > DEEPEST) this.fail(`it is nested more than ${DEEPEST} levels deep`, startOf(node));
    this.nodes++;
    this.deepest = Math.max(this.deepest, depth);
    if (node === null) return null;
    if (isAlias(node)) return this.copy(node.source, depth, startOf(node));
    if (node.anchor === undefined) return this.tagged(node, depth);
    const before = { nodes: this.nodes, deepest: this.deepest };
    this.deepest = depth;
    const value = this.tagged(node, depth);
    this.anchors.set(node.anchor, { value, nodes: this.nodes - before.nodes + 1, depth: this.deepest - depth });
    this.deepest = Math.max(this.deepest, before.deepest);
    return value;
  }

  private copy(name: string, depth: number, offset: number): unknown {
    const anchored = this.anchors.get(name);
    if (anchored === undefined) return this.fail(`there is no anchor '${name}' before this alias`, offset);
    this.copies += anchored.nodes;
    this.nodes += anchored.nodes;
    this.deepest = Math.max(this.deepest, depth + anchored.depth);
    if (this.copies > MOST_COPIES) this.fail(`the aliases stand for more than ${MOST_COPIES} values`, offset);
    if (this.deepest > DEEPEST) this.fail(`the aliases nest it more than ${DEEPEST} levels deep`, offset);
    return anchored.value;
  }

  private tagged(node: Node, depth: number): unknown {
    const { tag } = node as { readonly tag?: string };
    // what the parser calls these itself when nothing is written.
    if (tag === undefined || /^(?:!|tag:yaml\.org,2002:(?:map|seq))$/.test(tag)) return this.untagged(node, depth);
    if (isScalar(node) && tag === STRING) return textOf(node);
    if (isScalar(node) && /^tag:yaml\.org,2002:(?:int|float|bool|null)$/.test(tag)) return plainScalar(textOf(node));
    const name = functionNamed(tag);
    if (name === undefined) {
      this.notes.fault(this.above, `${tag.replace('tag:yaml.org,2002:', '!!').slice(0, 60)} on line ${this.lines.at(startOf(node))} is nothing that CloudFormation knows`);
      return this.untagged(node, depth);
    }
    const argument = isScalar(node) ? textOf(node) : this.untagged(node, depth + 1);
    return { [name]: name === 'Fn::GetAtt' && typeof argument === 'string' ? splitAttribute(argument) : argument };
  }

  private untagged(node: Node, depth: number): unknown {
    if (isScalar(node)) return node.type === 'PLAIN' && node.tag === undefined ? plainScalar(textOf(node)) : textOf(node);
    if (isMap(node)) return this.map(node, depth);
    if (!isSeq(node)) return this.fail('this is neither a value nor a list nor a map', startOf(node));
    return node.items.map((item, index) => {
      this.above.push(String(index));
      const value = this.value(item as Node | null, depth + 1);
      this.above.pop();
      return value;
    });
  }

  private map(node: YAMLMap, depth: number): unknown {
    const found: Record<string, unknown> = {};
    const merged: unknown[] = [];
    for (const { key: keyNode, value: valueNode } of node.items as ReadonlyArray<Pair<Node | null, Node | null>>) {
      if (keyNode === null || !isScalar(keyNode)) return this.fail('a key has to be a text', startOf(keyNode ?? valueNode ?? node));
      const key = textOf(keyNode);
      if (key === '<<' && keyNode.type === 'PLAIN') {
        merged.push(this.value(valueNode, depth));
        continue;
      }
      const line = this.lines.at(startOf(keyNode));
      this.notes.key(this.above, key, line);
      if (Object.hasOwn(found, key)) this.notes.repeated(this.above, key, line);
      this.above.push(key);
      define(found, key, this.value(valueNode, depth + 1));
      this.above.pop();
    }
    for (const each of merged.flat()) {
      if (typeof each !== 'object' || each === null) return this.fail('only a map can be merged', startOf(node));
      for (const [key, value] of Object.entries(each)) if (!Object.hasOwn(found, key)) define(found, key, value);
    }
    return found;
  }
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

function textOf(node: Scalar): string {
  return node.source ?? '';
}

// an assignment to `__proto__` would change what the object inherits from.
function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
}

/** `Resource.Attribute`, where the attribute may have dots of its own. */
function splitAttribute(text: string): readonly string[] | string {
  const dot = text.indexOf('.');
  return dot < 0 ? text : [text.slice(0, dot), text.slice(dot + 1)];
}
