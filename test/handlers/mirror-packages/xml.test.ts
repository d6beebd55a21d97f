import * as fc from 'fast-check';
import { XMLParser } from 'fast-xml-parser';
import { XmlReader } from '../../../lib/handlers/mirror-packages/xml';
import { entries, primaryOf } from './repository';

/** What a reader is told, with the pieces of a text put together. */
function read(pieces: readonly Uint8Array[]): unknown[] {
  const told: unknown[] = [];
  const reader = new XmlReader('the document', {
    open: (name, attributes, depth) => void told.push({ open: name, attributes: Object.fromEntries(attributes), depth }),
    text: (text, depth) => {
      const last = told.at(-1) as { text?: string } | undefined;
      if (last?.text !== undefined) last.text += text;
      else told.push({ text, depth });
    },
    close: (name, depth) => void told.push({ close: name, depth }),
  });
  for (const piece of pieces) reader.write(piece);
  reader.end();
  return told;
}

const whole = (text: string): unknown[] => read([Buffer.from(text)]);

interface Tree {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (Tree | string)[];
}

const escaped = (text: string): string => text.replace(/[&<>"']/g, (each) => `&#x${each.charCodeAt(0).toString(16)};`);
const render = ({ name, attributes, children }: Tree): string => `<${name}${Object.entries(attributes).map(([key, value]) => ` ${key}="${escaped(value)}"`).join('')}>${children.map((child) => (typeof child === 'string' ? escaped(child) : render(child))).join('')}</${name}>`;
const names = fc.constantFrom('a', 'rpm:entry', 'b-1', '_c');
const texts = fc.string({ unit: fc.constantFrom('x', ' ', '&', '<', '>', '"', "'", 'ä', '語', '𝄞', ';'), minLength: 1, maxLength: 8 });
const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.record({
    name: names,
    attributes: fc.dictionary(names, texts, { maxKeys: 3 }),
    children: fc.array(fc.oneof({ depthSize: 'small', maxDepth: 5 }, texts, tie('tree')), { maxLength: 4 }),
  }),
}));

function told({ name, attributes, children }: Tree, depth = 1): unknown[] {
  const inside: unknown[] = [];
  for (const child of children) {
    const last = inside.at(-1) as { text?: string } | undefined;
    if (typeof child !== 'string') inside.push(...told(child, depth + 1));
    else if (last?.text !== undefined) last.text += child;
    else inside.push({ text: child, depth });
  }
  return [{ open: name, attributes: { ...attributes }, depth }, ...inside, { close: name, depth }];
}

test('a document is told as it was meant, wherever it is cut', () => {
  fc.assert(
    fc.property(tree, fc.array(fc.nat(400), { maxLength: 8 }), (root, cuts) => {
      const bytes = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${render(root)}\n`);
      const at = [0, ...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
      const pieces = at.slice(1).map((end, index) => bytes.subarray(at[index], end));
      expect(read(pieces)).toEqual(told(root));
    }),
    { numRuns: 500 },
  );
});

test('a list of packages is told alike in one piece and byte by byte', () => {
  const text = primaryOf(entries().slice(0, 2));
  expect(read([...Buffer.from(text)].map((byte) => Uint8Array.of(byte)))).toEqual(whole(text));
});

test('another parser sees the same packages', () => {
  const text = primaryOf(entries());
  const parsed = new XMLParser({ ignoreAttributes: false, attributeNamePrefix: '' }).parse(text) as { metadata: { package: { name: string; checksum: { '#text': string } }[] } };
  const seen: string[] = [];
  let field = '';
  const reader = new XmlReader('the list', {
    open: (name, _, depth) => void (field = depth === 3 ? name : ''),
    text: (content, depth) => void (depth === 3 && ['name', 'checksum'].includes(field) && seen.push(content)),
    close: () => void (field = ''),
  });
  reader.write(Buffer.from(text));
  reader.end();
  expect(seen).toEqual(parsed.metadata.package.flatMap((each) => [each.name, each.checksum['#text']]));
});

test.each<[string, string | Uint8Array, RegExp]>([
  ['nothing', '', /ends too early/],
  ['only a declaration', '<?xml version="1.0" encoding="UTF-8"?>', /ends too early/],
  ['no end', '<a><b></b>', /ends too early/],
  ['half a tag', '<a></a', /ends too early/],
  ['half a reference', '<a>x &am', /ends too early/],
  ['the wrong end', '<a><b></a></b>', /<\/a> closes nothing/],
  ['an end too many', '<a></a></a>', /closes nothing/],
  ['two roots', '<a/><b/>', /two roots/],
  ['text before the root', 'x<a/>', /outside of the root/],
  ['text after the root', '<a/>x', /outside of the root/],
  ['a document type', '<!DOCTYPE a><a/>', /no use for/],
  ['a comment', '<a><!-- --></a>', /no use for/],
  ['a CDATA section', '<a><![CDATA[x]]></a>', /no use for/],
  ['a processing instruction', '<?php x ?><a/>', /no use for/],
  ['a declaration in the middle', '<a><?xml version="1.0" encoding="UTF-8"?></a>', /no use for/],
  ['another encoding', '<?xml version="1.0" encoding="UTF-16"?><a/>', /no use for/],
  ['an attribute twice', '<a b="1" b="2"/>', /stands twice/],
  ['an attribute without quotes', '<a b=1/>', /no use for/],
  ['a tag in an attribute', '<a b="<c>"/>', /no use for/],
  ['an unknown entity', '<a>&nbsp;</a>', /nobody declared/],
  ['an entity named like a property of every object', '<a>&to;</a>', /nobody declared/],
  ['a bare ampersand', '<a>x & y</a>', /nobody declared/],
  ['half a pair', '<a>&#xD800;</a>', /nobody declared/],
  ['no character', '<a>&#0;</a>', /nobody declared/],
  ['a character that there is not', '<a>&#x110000;</a>', /nobody declared/],
  ['too many levels', '<a>'.repeat(17), /too deeply/],
  ['a long tag', `<a b="${'x'.repeat(70_000)}"/>`, /too long/],
  ['a tag without an end', `<a b="${'x'.repeat(70_000)}`, /does not end/],
  ['a reference without an end', `<a>&${'x'.repeat(70_000)}`, /does not end/],
  ['bytes that are not UTF-8', Buffer.concat([Buffer.from('<a>'), Buffer.from([0xff]), Buffer.from('</a>')]), /not UTF-8/],
  ['half a character', Buffer.concat([Buffer.from('<a></a>'), Buffer.from([0xc3])]), /not UTF-8/],
])('is refused: %s', (_, text, message) => {
  expect(() => read([Buffer.from(text)])).toThrow(expect.objectContaining({ name: 'BadMetadata', message: expect.stringMatching(message) as string }) as Error);
});

test('the five entities that need no declaration, and an angle in an attribute', () => {
  expect(whole(`<a b='"&lt;>&#65;'>&amp;amp; &gt;&quot;&apos;&#x1D11E;</a>`)).toEqual([{ open: 'a', attributes: { b: '"<>A' }, depth: 1 }, { text: '&amp; >"\'𝄞', depth: 1 }, { close: 'a', depth: 1 }]);
});
