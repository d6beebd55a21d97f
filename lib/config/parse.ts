import { ConfigurationError } from './error';
import type { XmlElement, XmlNode } from './xml';
import { elementWith, isElement } from './xml';

/** How deep elements may be nested. ClickHouse's own settings need less than ten. */
export const MAX_DEPTH = 64;

/** How many UTF-16 units a document may have. */
export const MAX_LENGTH = 1_000_000;

const SPACE = /[ \t\n]+/y;
const NAME = /[A-Za-z_][A-Za-z0-9_-]*(?![^\s/>=])/y;
const DECLARATION = new RegExp(
  [
    String.raw`<\?xml[ \t\n]+version[ \t\n]*=[ \t\n]*(?:"1\.0"|'1\.0')`,
    String.raw`(?:[ \t\n]+encoding[ \t\n]*=[ \t\n]*(?:"[Uu][Tt][Ff]-8"|'[Uu][Tt][Ff]-8'))?`,
    String.raw`(?:[ \t\n]+standalone[ \t\n]*=[ \t\n]*(?:"yes"|'yes'))?[ \t\n]*\?>`,
  ].join(''),
  'y',
);
const REFERENCE = /&(?:(lt|gt|amp|quot|apos)|#([0-9]{1,7})|#x([0-9A-Fa-f]{1,6}));/y;
const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

// https://www.w3.org/TR/xml/#charsets
const FORBIDDEN = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

interface Open {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: XmlElement[];
  text: string;
}

/**
 * Reads a document that a user wrote, into the same tree that ours are built from.
 *
 * What is accepted is a small part of XML in which nothing can be read in two ways: elements, attributes, text, CDATA, comments, the five
 * predefined entities and numeric references. Refused are document types (and so every declared entity), processing instructions,
 * namespaces, names beyond plain letters, digits, `_` and `-`, duplicate attributes and text beside elements.
 *
 * The tree is rendered anew before it is written to a node, so what was checked is exactly what ClickHouse reads: a difference between this
 * parser and ClickHouse's cannot smuggle anything past the checks. Comments are dropped.
 */
export function parseXml(source: string): XmlElement {
  return new Parser(source).document();
}

class Parser {
  private readonly text: string;
  private at = 0;

  constructor(source: string) {
    if (source.length > MAX_LENGTH) {
      throw new ConfigurationError('XmlSize', `the document must have at most ${MAX_LENGTH} characters, got ${source.length}; split it`);
    }
    // one byte order mark is what editors put there; line ends are normalised as XML demands (https://www.w3.org/TR/xml/#sec-line-ends).
    this.text = source.replace(/^\uFEFF/, '').replace(/\r\n?/g, '\n');
    const bad = FORBIDDEN.exec(this.text);
    if (bad) {
      this.at = bad.index;
      this.fail(`XML cannot carry the character U+${hex(bad[0].codePointAt(0) ?? 0)}`);
    }
  }

  document(): XmlElement {
    this.match(DECLARATION);
    this.betweenElements();
    const root = this.root();
    this.betweenElements();
    if (this.at < this.text.length) this.fail(`nothing may follow the root element, got ${this.excerpt()}`);
    return root;
  }

  /** Reads the root with all that is in it. A loop instead of recursion: depth is checked, not suffered. */
  private root(): XmlElement {
    if (this.text[this.at] !== '<') this.fail(`the document must start with an element, got ${this.excerpt()}`);
    const open: Open[] = [];
    for (;;) {
      if (this.text.startsWith('</', this.at)) {
        const closed = this.endTag(open);
        const parent = open.at(-1);
        if (parent === undefined) return closed;
        parent.children.push(closed);
      } else if (this.text.startsWith('<!--', this.at)) {
        this.comment();
      } else if (this.text.startsWith('<![CDATA[', this.at)) {
        const end = this.text.indexOf(']]>', this.at);
        const top = open.at(-1);
        if (end < 0 || top === undefined) this.fail('a CDATA section must be inside an element and end with ]]>');
        top.text += this.text.slice(this.at + 9, end);
        this.at = end + 3;
      } else if (this.text[this.at] === '<') {
        const whole = this.startTag(open);
        if (whole !== undefined) {
          const parent = open.at(-1);
          if (parent === undefined) return whole;
          parent.children.push(whole);
        }
      } else {
        const top = open.at(-1);
        if (top === undefined) this.fail('the document ends before an element was read');
        top.text += this.characters('<', top.name);
      }
    }
  }

  /** Reads a start tag. Returns the element when it is empty (`<a/>`), otherwise it is put on the stack. */
  private startTag(open: Open[]): XmlElement | undefined {
    if (this.text.startsWith('<!', this.at)) this.fail('document types and declarations are not accepted, since they can define entities; remove them');
    if (this.text.startsWith('<?', this.at)) this.fail('processing instructions are not accepted; remove them');
    if (open.length >= MAX_DEPTH) this.fail(`elements must be nested at most ${MAX_DEPTH} deep`);
    this.at += 1;
    const name = this.name('an element');
    const attributes = new Map<string, string>();
    for (;;) {
      const spaced = this.match(SPACE) !== undefined;
      if (this.text.startsWith('/>', this.at)) {
        this.at += 2;
        return elementWith(name, Object.fromEntries(attributes));
      }
      if (this.text[this.at] === '>') {
        this.at += 1;
        open.push({ name, attributes: Object.fromEntries(attributes), children: [], text: '' });
        return undefined;
      }
      if (!spaced) this.fail(`<${name}> must end with '>' or '/>', got ${this.excerpt()}`);
      const attribute = this.name(`an attribute of <${name}>`);
      if (attributes.has(attribute)) this.fail(`<${name}> has the attribute '${attribute}' twice`);
      attributes.set(attribute, this.attributeValue(name, attribute));
    }
  }

  private attributeValue(name: string, attribute: string): string {
    this.match(SPACE);
    if (this.text[this.at] !== '=') this.fail(`the attribute '${attribute}' of <${name}> must have a value`);
    this.at += 1;
    this.match(SPACE);
    const quote = this.text[this.at];
    if (quote !== '"' && quote !== "'") this.fail(`the value of '${attribute}' of <${name}> must stand in quotes`);
    this.at += 1;
    const value = this.characters(quote, name);
    this.at += 1;
    return value;
  }

  private endTag(open: Open[]): XmlElement {
    this.at += 2;
    const name = this.name('an element');
    this.match(SPACE);
    if (this.text[this.at] !== '>') this.fail(`</${name}> must end with '>', got ${this.excerpt()}`);
    this.at += 1;
    const element = open.pop();
    if (element?.name !== name) this.fail(`</${name}> closes nothing${element === undefined ? '' : `: <${element.name}> is open`}`);
    if (element.children.length === 0) return elementWith(name, element.attributes, element.text === '' ? undefined : element.text);
    if (/[^ \t\n]/.test(element.text)) this.fail(`<${name}> must hold either one text or elements, got a mixture`);
    return elementWith(name, element.attributes, element.children);
  }

  /** Reads text up to a delimiter, which stays. */
  private characters(end: string, inside: string): string {
    const inAttribute = end !== '<';
    let value = '';
    for (;;) {
      const next = this.text[this.at];
      if (next === undefined) this.fail(`the document ends inside <${inside}>`);
      if (next === end) return value;
      if (next === '<') this.fail(`'<' in an attribute of <${inside}> must be written &lt;`);
      if (!inAttribute && this.text.startsWith(']]>', this.at)) this.fail(`']]>' in the text of <${inside}> must be written ]]&gt;`);
      if (next === '&') {
        value += this.reference();
      } else {
        // literal blanks in attribute values are all spaces (https://www.w3.org/TR/xml/#AVNormalize).
        value += inAttribute && (next === '\n' || next === '\t') ? ' ' : next;
        this.at += 1;
      }
    }
  }

  private reference(): string {
    const found = this.match(REFERENCE);
    if (found === undefined) this.fail(`only &lt; &gt; &amp; &quot; &apos; and numeric references are accepted, got ${this.excerpt()}`);
    const [, named, decimal, hexadecimal] = found;
    if (named !== undefined) return ENTITIES[named] ?? '';
    const code = decimal === undefined ? parseInt(hexadecimal ?? '', 16) : Number(decimal);
    const character = code <= 0x10ffff ? String.fromCodePoint(code) : '\0';
    if (FORBIDDEN.test(character)) this.fail(`XML cannot carry the character U+${hex(code)}`);
    return character;
  }

  private betweenElements(): void {
    for (;;) {
      this.match(SPACE);
      if (!this.text.startsWith('<!--', this.at)) return;
      this.comment();
    }
  }

  private comment(): void {
    const end = this.text.indexOf('--', this.at + 4);
    if (end < 0 || this.text[end + 2] !== '>') this.fail("a comment must end with '-->' and must not hold '--' before");
    this.at = end + 3;
  }

  private name(what: string): string {
    const found = this.match(NAME);
    if (found === undefined) this.fail(`the name of ${what} must be plain letters, digits, '_' and '-', got ${this.excerpt()}`);
    return found[0];
  }

  private match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text) ?? undefined;
    if (found !== undefined) this.at += found[0].length;
    return found;
  }

  private excerpt(): string {
    const rest = this.text.slice(this.at, this.at + 24);
    return rest === '' ? 'the end' : JSON.stringify(rest);
  }

  private fail(message: string): never {
    const before = this.text.slice(0, this.at).split('\n');
    throw new ConfigurationError('XmlSyntax', `${message} (line ${before.length}, column ${(before.at(-1) ?? '').length + 1})`);
  }
}

/** The text of an element that holds no elements; empty when it holds nothing. */
export function textOf(element: XmlElement): string | undefined {
  const [only]: readonly (XmlNode | undefined)[] = element.children;
  if (only === undefined) return '';
  return typeof only === 'string' && !isElement(only) ? only : undefined;
}

function hex(code: number): string {
  return code.toString(16).toUpperCase().padStart(4, '0');
}
