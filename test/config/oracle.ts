import { XMLParser, XMLValidator } from 'fast-xml-parser';
import * as fc from 'fast-check';
import type { XmlElement } from '../../lib/config/xml';
import { element, elementWith, isElement } from '../../lib/config/xml';

/** What another parser reads in a document: elements in order, with their attributes. */
export interface Read {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly text: string;
  readonly children: readonly Read[];
}

type Raw = Record<string, unknown>;

/** Reads a document with fast-xml-parser, so that our renderer and parser are not their own judges. */
export function readElsewhere(xml: string): Read {
  const valid = XMLValidator.validate(xml);
  if (valid !== true) throw new Error(`not well-formed: ${JSON.stringify(valid)}`);
  const parser = new XMLParser({
    preserveOrder: true,
    ignoreAttributes: false,
    attributeNamePrefix: '',
    parseTagValue: false,
    parseAttributeValue: false,
    trimValues: false,
    processEntities: { enabled: true, maxTotalExpansions: 1e9, maxExpandedLength: 1e9 },
    htmlEntities: true,
  });
  const [root] = (parser.parse(xml) as Raw[]).map(converted).filter((each): each is Read => each !== undefined);
  if (root === undefined) throw new Error('no root');
  return root;
}

function converted(raw: Raw): Read | undefined {
  const name = Object.keys(raw).find((key) => key !== ':@');
  if (name === undefined || name === '#text') return undefined;
  const inner = raw[name] as Raw[];
  const children = inner.map(converted).filter((each): each is Read => each !== undefined);
  const text = children.length > 0 ? '' : inner.map((each) => (typeof each['#text'] === 'string' ? each['#text'] : '')).join('');
  return { name, attributes: (raw[':@'] ?? {}) as Record<string, string>, text, children };
}

/** The same shape of one of our trees. */
export function shapeOf(tree: XmlElement): Read {
  const children = tree.children.filter(isElement).map(shapeOf);
  const [only] = tree.children;
  return { name: tree.name, attributes: tree.attributes, text: typeof only === 'string' ? only : '', children };
}

/** Names that are elements of a document. */
export const xmlName: fc.Arbitrary<string> = fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_-]{0,12}$/).filter((name) => !['__proto__', 'constructor', 'prototype'].includes(name) && !/^xml/i.test(name));

/** Any text that XML can carry, including the awkward. */
export const xmlText: fc.Arbitrary<string> = fc
  .oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({ unit: fc.constantFrom('&', '<', '>', '"', "'", '@', '{', '}', ']', ';', '#', 'x', '&amp;', ']]>', '<!--', '-->', '\r', '\n', '\t', ' ', '@{', 'nodeIp'), maxLength: 20 }),
  )
  .map((text) => text.replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '?'));

/** Any tree. Empty texts are left out: they are written, and read back, as nothing. */
export const xmlTree: fc.Arbitrary<XmlElement> = fc.letrec<{ tree: XmlElement }>((tie) => ({
  tree: fc
    .tuple(
      xmlName,
      fc.uniqueArray(fc.tuple(xmlName, xmlText), { maxLength: 2, selector: ([name]) => name }),
      fc.oneof(
        { maxDepth: 4 },
        fc.constant([]),
        xmlText.filter((text) => text !== '').map((text) => [text]),
        fc.array(tie('tree'), { maxLength: 4 }),
      ),
    )
    .map(([name, attributes, children]) => {
      const [only] = children;
      return elementWith(name, Object.fromEntries(attributes), typeof only === 'string' ? only : children);
    }),
})).tree;

/** The first element at a path below a tree, by names. */
export function at(tree: XmlElement, ...path: readonly string[]): XmlElement | undefined {
  return all(tree, ...path)[0];
}

/** Every element at a path below a tree. */
export function all(tree: XmlElement, ...path: readonly string[]): XmlElement[] {
  const [name, ...rest] = path;
  if (name === undefined) return [tree];
  return tree.children.filter(isElement).filter((child) => child.name === name).flatMap((child) => all(child, ...rest));
}

/** The text at a path: `undefined` when there is no such element, or when it holds elements or a hole. */
export function textAt(tree: XmlElement, ...path: readonly string[]): string | undefined {
  const found = at(tree, ...path);
  if (found === undefined) return undefined;
  const [only] = found.children;
  if (only === undefined) return '';
  return typeof only === 'string' ? only : undefined;
}

/** The hole at a path, as its placeholder. */
export function holeAt(tree: XmlElement, ...path: readonly string[]): string | undefined {
  const [only] = at(tree, ...path)?.children ?? [];
  return only !== undefined && typeof only === 'object' && 'hole' in only ? [only.hole, only.user].filter(Boolean).join(':') : undefined;
}

/** Every name in a tree, at any depth. */
export function names(tree: XmlElement): Set<string> {
  const found = new Set<string>([tree.name]);
  for (const child of tree.children.filter(isElement)) for (const name of names(child)) found.add(name);
  return found;
}

/** A document around settings, as a user would write it. */
export function clickhouse(...settings: XmlElement[]): XmlElement {
  return element('clickhouse', settings);
}

/** The code of the configuration error a call throws, or what else it did. */
export function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : `not a configuration error: ${String(error)}`;
  }
  return 'nothing was thrown';
}
