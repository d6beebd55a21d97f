import { ConfigurationError } from './error';
import type { Hole } from './holes';
import { isHole, isListHole, placeholder } from './holes';

/** One node of a document: an element, literal text, or a hole that the instance fills. */
export type XmlNode = XmlElement | string | Hole;

/** An element of the small tree that every document is built from. It holds either one text (or hole) or elements (and holes for more of them), never a mixture. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly XmlNode[];
}

/** What may be handed to {@link element}: numbers and booleans are written the way ClickHouse reads them. */
export type XmlContent = XmlNode | number | boolean | undefined | readonly XmlNode[];

// a subset of the XML names, wide enough for every ClickHouse setting and narrow enough that no name can be read in two ways.
const NAME = /^[A-Za-z_][A-Za-z0-9_-]*$/;

// the characters XML 1.0 can carry (https://www.w3.org/TR/xml/#charsets). A carriage return is among them only as a reference.
const FORBIDDEN = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u;

/** Defines an element. Arrays are spliced in and `undefined` is left out, so that optional parts read naturally. */
export function element(name: string, ...content: XmlContent[]): XmlElement {
  return elementWith(name, {}, ...content);
}

/** Defines an element with attributes, such as `replace="replace"`. */
export function elementWith(name: string, attributes: Readonly<Record<string, string>>, ...content: XmlContent[]): XmlElement {
  for (const each of [name, ...Object.keys(attributes)]) {
    if (!NAME.test(each)) {
      throw new ConfigurationError('XmlName', `element and attribute names must match ${NAME.source}, got ${JSON.stringify(each)}`);
    }
  }
  const children = content.flatMap((each): readonly XmlNode[] => {
    if (each === undefined) return [];
    if (typeof each === 'boolean') return [each ? '1' : '0'];
    if (typeof each === 'number') return [decimal(name, each)];
    return Array.isArray(each) ? (each as readonly XmlNode[]) : [each as XmlNode];
  });
  if (children.length > 1 && !children.every((each) => isElement(each) || (isHole(each) && isListHole(each)))) {
    throw new ConfigurationError('XmlMixedContent', `<${name}> must hold either one text or elements, got a mixture`);
  }
  return { name, attributes, children };
}

/** Whether a node is an element, as opposed to a text or a hole. */
export function isElement(node: XmlNode): node is XmlElement {
  return typeof node === 'object' && 'children' in node;
}

/** The child elements of an element. */
export function childElements(parent: XmlElement): readonly XmlElement[] {
  return parent.children.filter(isElement);
}

/** Renders a document. The same tree gives the same bytes; holes stay open as placeholders (see {@link Hole}). */
export function renderXml(root: XmlElement): string {
  return lines(root, '').join('\n') + '\n';
}

/** Escapes a text so that an XML 1.0 parser reads back exactly that text, and so that it can never be read as a hole. */
export function escapeText(text: string): string {
  const bad = FORBIDDEN.exec(text);
  if (bad) {
    const code = (bad[0].codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
    throw new ConfigurationError('XmlCharacter', `XML cannot carry the character U+${code} at position ${bad.index}; remove it from the value`);
  }
  return text
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(/\r/g, '&#13;')
    // attribute values would fold these into spaces.
    .replace(/\n/g, '&#10;')
    .replace(/\t/g, '&#9;')
    // a literal '@{' must not look like a placeholder.
    .replace(/@\{/g, '&#64;{');
}

function lines(node: XmlElement, indent: string): string[] {
  const attributes = Object.entries(node.attributes).map(([name, value]) => ` ${name}="${escapeText(value)}"`).join('');
  const [only] = node.children;
  if (only === undefined) return [`${indent}<${node.name}${attributes}/>`];
  if (node.children.length === 1 && !isElement(only)) return [`${indent}<${node.name}${attributes}>${inline(only)}</${node.name}>`];
  const inner = node.children.flatMap((child) => (isElement(child) ? lines(child, indent + '  ') : [`${indent}  ${inline(child)}`]));
  return [`${indent}<${node.name}${attributes}>`, ...inner, `${indent}</${node.name}>`];
}

function inline(node: string | Hole): string {
  return isHole(node) ? placeholder(node) : escapeText(node);
}

function decimal(name: string, value: number): string {
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
    throw new ConfigurationError('XmlNumber', `<${name}> must be a finite number that fits without loss, got ${value}`);
  }
  const text = String(value);
  if (text.includes('e')) throw new ConfigurationError('XmlNumber', `<${name}> must be a number in plain decimal notation, got ${text}`);
  return text;
}
