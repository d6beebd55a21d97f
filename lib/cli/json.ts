import type { TextContent } from './content';
import { DEEPEST, LineCounter, Notes, positionOf, TextError } from './content';

/**
 * Reads JSON (https://www.rfc-editor.org/rfc/rfc8259) in one pass. Unlike `JSON.parse` it sees a key that stands twice, knows where
 * everything is, and says so in its errors.
 */
export function readJson(text: string): TextContent {
  return new JsonReader(text).read();
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// a text up to its end, its first escape or a character that may not be in it.
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const LITERALS: ReadonlyArray<readonly [string, unknown]> = [
  ['true', true],
  ['false', false],
  ['null', null],
];

class JsonReader {
  private at = 0;
  private readonly above: string[] = [];
  private readonly notes = new Notes();
  private readonly lines: LineCounter;

  constructor(private readonly text: string) {
    this.lines = new LineCounter(text);
  }

  read(): TextContent {
    const body = this.value(0);
    this.skipSpace();
    if (this.at < this.text.length) this.fail('there is more after the end of the value');
    return this.notes.content(body);
  }

  private value(depth: number): unknown {
    this.skipSpace();
    switch (this.text[this.at]) {
      case '{':
        return this.object(depth + 1);
      case '[':
        return this.list(depth + 1);
      case '"':
        return this.string();
      default:
        return this.literal();
    }
  }

  private object(depth: number): unknown {
    this.enter(depth);
    const found: Record<string, unknown> = {};
    if (this.take('}')) return found;
    do {
      this.skipSpace();
      const start = this.at;
      if (this.text[start] !== '"') this.fail('expected a key in double quotes');
      const key = this.string();
      const line = this.lines.at(start);
      this.notes.key(this.above, key, line);
      if (Object.hasOwn(found, key)) this.notes.repeated(this.above, key, line);
      if (!this.take(':')) this.fail(`expected ':'`);
      this.above.push(key);
      const value = this.value(depth);
      this.above.pop();
      // an assignment would change what the object inherits from.
      if (key === '__proto__') Object.defineProperty(found, key, { value, enumerable: true, configurable: true, writable: true });
      else found[key] = value;
    } while (this.take(','));
    if (!this.take('}')) this.fail(`expected ',' or '}'`);
    return found;
  }

  private list(depth: number): unknown {
    this.enter(depth);
    const found: unknown[] = [];
    if (this.take(']')) return found;
    do {
      this.above.push(String(found.length));
      found.push(this.value(depth));
      this.above.pop();
    } while (this.take(','));
    if (!this.take(']')) this.fail(`expected ',' or ']'`);
    return found;
  }

  private enter(depth: number): void {
    if (depth > DEEPEST) this.fail(`it is nested more than ${DEEPEST} levels deep`);
    this.at++;
  }

  private string(): string {
    const start = ++this.at;
    this.match(PLAIN);
    if (this.text[this.at] === '"') return this.text.slice(start, this.at++);
    while (this.text[this.at] === '\\') {
      if (!this.match(ESCAPE)) this.fail('there is no such escape');
      this.match(PLAIN);
    }
    if (this.text[this.at] !== '"') this.fail(this.at < this.text.length ? 'a text may not hold a control character' : 'the text does not end');
    return JSON.parse(this.text.slice(start - 1, ++this.at)) as string;
  }

  private literal(): unknown {
    for (const [word, value] of LITERALS) {
      if (!this.text.startsWith(word, this.at)) continue;
      this.at += word.length;
      return value;
    }
    const start = this.at;
    if (!this.match(NUMBER)) this.fail('expected a value');
    return Number(this.text.slice(start, this.at));
  }

  private match(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    if (!pattern.test(this.text)) return false;
    this.at = pattern.lastIndex;
    return true;
  }

  private take(character: string): boolean {
    this.skipSpace();
    if (this.text[this.at] !== character) return false;
    this.at++;
    return true;
  }

  private skipSpace(): void {
    for (let code = this.text.charCodeAt(this.at); code === 32 || code === 10 || code === 13 || code === 9; code = this.text.charCodeAt(this.at)) this.at++;
  }

  private fail(message: string): never {
    const { line, column } = positionOf(this.text, this.at);
    throw new TextError(this.at >= this.text.length ? `${message}, but the file ends` : message, line, column);
  }
}
