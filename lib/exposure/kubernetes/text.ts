import type { Located } from '../templates/templates';
import { intrinsic, possible, referenceOf, resourceIdentity, why } from '../templates/values';
import { mark } from './marks';

// far beyond what CloudFormation takes; what is put together from many parts could grow without end.
const MOST_TEXT = 1 << 24;
const MOST_PARTS = 100_000;
const DEEPEST = 100;

/**
 * The JSON text in a value, where each part that is only known at deployment is a {@link mark}: one that stands outside of a string gets
 * quotes, so that the text still parses. Undefined for what is no text, or too much of it.
 */
export function jsonText(value: Located): string | undefined {
  return markedText(value, new Writer(true));
}

/** The text in a value with marks for what is only known at deployment. */
export function plainText(value: Located): string | undefined {
  return markedText(value, new Writer(false));
}

function markedText({ node, template }: Located, writer: Writer): string | undefined {
  if (typeof node === 'string') return node;
  return intrinsic(node)[0] === undefined ? undefined : writer.write({ node, template });
}

class Writer {
  private readonly pieces: string[] = [];
  private length = 0;
  private parts = 0;
  /** whether what comes next is inside of a string of the JSON text, and behind a backslash. */
  private quoted = false;
  private escaped = false;
  private readonly open = new Set<unknown>();

  constructor(private readonly isJson: boolean) {}

  write(value: Located): string | undefined {
    return this.add(value) && this.length <= MOST_TEXT ? this.pieces.join('') : undefined;
  }

  private add({ node, template, doubt }: Located): boolean {
    if (++this.parts > MOST_PARTS || this.length > MOST_TEXT) return false;
    if (typeof node === 'string' || typeof node === 'number' || typeof node === 'boolean') return doubt === undefined ? this.literal(String(node)) : this.gap({ node, template, doubt });
    const [name, argument] = intrinsic(node);
    const parts = name === undefined || doubt !== undefined ? undefined : partsOf(name, argument);
    if (parts === undefined) return this.gap({ node, template, doubt });
    if (this.open.has(node) || this.open.size > DEEPEST) return this.gap({ node, template, doubt: 'it refers to itself' });
    this.open.add(node);
    const done = parts.every((part) => (typeof part === 'string' ? this.literal(part) : this.part({ node: part.node, template })));
    this.open.delete(node);
    return done;
  }

  private part(value: Located): boolean {
    const [each, ...others] = possible(value);
    if (each === undefined) return true;
    return others.length === 0 ? this.add(each) : this.gap({ ...value, doubt: each.doubt ?? 'it may be one of several' });
  }

  private literal(text: string): boolean {
    for (let index = 0; index < text.length; index++) {
      const character = text[index];
      if (this.escaped) this.escaped = false;
      else if (character === '"') this.quoted = !this.quoted;
      else if (character === '\\') this.escaped = this.quoted;
    }
    return this.piece(text);
  }

  private gap(value: Located): boolean {
    const reference = referenceOf(value);
    const [name, argument] = intrinsic(value.node);
    // the same resource or parameter is the same unknown wherever it is written; of any other expression every occurrence is one of its own.
    const own = name === 'Ref' && typeof argument === 'string' ? argument : `${this.parts}.${this.length}`;
    const key = reference === undefined ? `${value.template.path}!${own}` : resourceIdentity(reference.resource, reference.attribute);
    const text = mark(key, value.doubt ?? why(value));
    return this.piece(this.quoted || !this.isJson ? text : `"${text}"`);
  }

  private piece(text: string): boolean {
    this.pieces.push(text);
    this.length += text.length;
    return this.length <= MOST_TEXT;
  }
}

/** The parts of a text function in order: literals, and values. */
function partsOf(name: string, argument: unknown): ReadonlyArray<string | { readonly node: unknown }> | undefined {
  if (name === 'Fn::Join' && Array.isArray(argument)) {
    const [separator, list] = argument as readonly unknown[];
    if (!Array.isArray(list)) return undefined;
    return list.flatMap((node: unknown, index) => [...(index > 0 ? [String(separator)] : []), { node }]);
  }
  if (name !== 'Fn::Sub') return undefined;
  const [pattern, variables] = (Array.isArray(argument) ? argument : [argument, {}]) as readonly unknown[];
  if (typeof pattern !== 'string') return undefined;
  const given = typeof variables === 'object' && variables !== null ? (variables as Readonly<Record<string, unknown>>) : {};
  return splitPattern(pattern).map((part) => {
    if (typeof part === 'string') return part;
    if (part.variable.startsWith('!')) return `\${${part.variable.slice(1)}}`;
    if (Object.hasOwn(given, part.variable)) return { node: given[part.variable] };
    return { node: part.variable.includes('.') ? { 'Fn::GetAtt': part.variable } : { Ref: part.variable } };
  });
}

/** The literals and the variables of a pattern. By search and not by an expression, which would look for the end of each start again. */
function splitPattern(pattern: string): ReadonlyArray<string | { readonly variable: string }> {
  const parts: Array<string | { readonly variable: string }> = [];
  let at = 0;
  for (;;) {
    const start = pattern.indexOf('${', at);
    const end = start < 0 ? -1 : pattern.indexOf('}', start);
    if (end < 0) return [...parts, pattern.slice(at)];
    parts.push(pattern.slice(at, start), { variable: pattern.slice(start + 2, end) });
    at = end + 1;
  }
}
