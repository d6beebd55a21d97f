import * as fc from 'fast-check';
import { ConfigurationError } from '../../lib/config/error';
import { MAX_DEPTH, MAX_LENGTH, parseXml, textOf } from '../../lib/config/parse';
import { element, elementWith, renderXml } from '../../lib/config/xml';
import { codeOf, readElsewhere, shapeOf, xmlText, xmlTree } from './oracle';

describe('what was rendered', () => {
  test('is parsed back to the same tree', () => {
    fc.assert(fc.property(xmlTree, (tree) => {
      expect(parseXml(renderXml(tree))).toEqual(tree);
    }), { numRuns: 1000 });
  });

  test('is rendered to the same bytes after parsing', () => {
    fc.assert(fc.property(xmlTree, (tree) => {
      const once = renderXml(tree);
      expect(renderXml(parseXml(once))).toBe(once);
    }));
  });
});

describe('what is accepted means the same to another parser', () => {
  const space = fc.constantFrom('', ' ', '\n', '\t', '\r\n');
  const comment = fc.constantFrom('', '<!-- a -->', '<!---->', '<!-- <http_port>8123</http_port> -->');
  const written = fc.tuple(xmlText.map((text) => text.replace(/[<&\]]/g, '')), fc.constantFrom('&#65;', '&#x41;', '&amp;', '&apos;', '<![CDATA[<x>&amp;]]>', ''), space).map((parts) => parts.join(''));

  test('documents with comments, CDATA, references and blanks', () => {
    fc.assert(fc.property(space, comment, written, space, (blank, note, text, more) => {
      const source = `${note}${blank}<r${blank === '' ? ' ' : blank}a = '${more}x'>${note}<b>${text}</b>${more}${note}<c/></r${more}>${note}`;
      expect(shapeOf(parseXml(source))).toEqual(withoutAttributes(readElsewhere(source), { a: `${more.replace(/\r\n|\n|\t/g, ' ')}x` }));
    }), { numRuns: 500 });
  });

  // line ends and attribute blanks: the other parser does not normalise them.
  const withoutAttributes = (read: ReturnType<typeof readElsewhere>, attributes: Record<string, string>) => ({
    ...read,
    attributes,
    children: read.children.map((child) => ({ ...child, text: child.text.replace(/\r\n?/g, '\n') })),
  });
});

test('any text gives a tree or a configuration error, nothing else', () => {
  const pieces = fc.constantFrom('<', '>', '/', '</', '/>', 'a', 'b', ' ', '=', '"', "'", '&', ';', '&#', 'x1', '<!--', '-->', '<![CDATA[', ']]>', '<?', '?>', '<!', 'xml', '\0', '\uFEFF', '@{', 'http_port');
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.array(pieces, { maxLength: 40 }).map((all) => all.join(''))), (source) => {
    try {
      const tree = parseXml(source);
      expect(parseXml(renderXml(tree))).toEqual(tree);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigurationError);
    }
  }), { numRuns: 5000 });
});

test.each([
  ['nothing', ''],
  ['blanks', ' \n '],
  ['a text', 'hello'],
  ['an open element', '<a>'],
  ['an open tag', '<a'],
  ['a wrong end', '<a></b>'],
  ['crossed elements', '<a><b></a></b>'],
  ['an end alone', '</a>'],
  ['two roots', '<a/><b/>'],
  ['trailing text', '<a/>x'],
  ['trailing markup', '<a/><'],
  ['a NUL at the end', '<a/>\0'],
  ['a document type', '<!DOCTYPE a [<!ENTITY p "http_port">]><a>&p;</a>'],
  ['an external entity', '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'],
  ['a parameter entity', '<!DOCTYPE a [<!ENTITY % x SYSTEM "http://example.com/x">%x;]><a/>'],
  ['a document type inside', '<a><!DOCTYPE b></a>'],
  ['an undeclared entity', '<a>&http_port;</a>'],
  ['a reference as name', '<&#104;ttp_port>1</&#104;ttp_port>'],
  ['a bare ampersand', '<a>&</a>'],
  ['a reference to NUL', '<a>&#0;</a>'],
  ['a reference to a surrogate', '<a>&#xD800;</a>'],
  ['a reference beyond Unicode', '<a>&#x110000;</a>'],
  ['a huge reference', '<a>&#99999999999;</a>'],
  ['an upper-case hex marker', '<a>&#X41;</a>'],
  ['a processing instruction', '<?php x?><a/>'],
  ['a processing instruction inside', '<a><?x?></a>'],
  ['a stylesheet', '<?xml-stylesheet href="x"?><a/>'],
  ['a late declaration', '<a/><?xml version="1.0"?>'],
  ['a declaration after blanks', ' <?xml version="1.0"?><a/>'],
  ['two declarations', '<?xml version="1.0"?><?xml version="1.0"?><a/>'],
  ['XML 1.1', '<?xml version="1.1"?><a/>'],
  ['another encoding', '<?xml version="1.0" encoding="utf-16"?><a/>'],
  ['a namespace', '<x:a xmlns:x="y"/>'],
  ['a namespaced attribute', '<a xml:space="preserve"/>'],
  ['a dot in a name', '<a.b/>'],
  ['an index in a name', '<a[1]/>'],
  ['a letter beyond ASCII', '<é/>'],
  ['a look-alike letter', '<http_p\u043Ert>8123</http_p\u043Ert>'],
  ['a zero-width space in a name', '<http\u200B_port/>'],
  ['a soft hyphen in a name', '<http\u00AD_port/>'],
  ['a byte order mark inside a tag', '<\uFEFFa/>'],
  ['two byte order marks', '\uFEFF\uFEFF<a/>'],
  ['a blank before a name', '< a/>'],
  ['a blank in an end tag', '<a></ a>'],
  ['a duplicate attribute', '<a b="1" b="2"/>'],
  ['attributes without a blank', '<a b="1"c="2"/>'],
  ['an attribute without value', '<a b/>'],
  ['an attribute without quotes', '<a b=1/>'],
  ['an open attribute', '<a b="1/>'],
  ["a '<' in an attribute", '<a b="<"/>'],
  ['an attribute in an end tag', '<a></a b="1">'],
  ['a text beside an element', '<a>x<b/></a>'],
  ['CDATA beside an element', '<a><![CDATA[x]]><b/></a>'],
  ['a reference beside an element', '<a>&#32;x<b/></a>'],
  ['an open comment', '<a><!-- </a>'],
  ['a comment with two dashes', '<a><!-- -- --></a>'],
  ['a comment that ends in three', '<a><!-- ---></a>'],
  ['an open CDATA', '<a><![CDATA[</a>'],
  ['CDATA outside', '<![CDATA[x]]><a/>'],
  ['the end of CDATA in a text', '<a>]]></a>'],
  ['a comment in a tag', '<http_<!-- x -->port>1</http_port>'],
  ['a form feed', '<a>\f</a>'],
  ['a non-character', '<a>\uFFFE</a>'],
  ['a slash alone', '<a/ >'],
])('%s is refused', (_, source) => {
  expect(codeOf(() => parseXml(source))).toMatch(/^Xml(Syntax|Name)$/);
});

test.each<[string, string, ReturnType<typeof element>]>([
  ['a declaration and a byte order mark', '\uFEFF<?xml version="1.0" encoding="UTF-8"?>\r\n<a/>\n', element('a')],
  ['a comment that splits a text', '<a>81<!-- x -->23</a>', element('a', '8123')],
  ['CDATA that is a text', '<a><![CDATA[<b/>]]></a>', element('a', '<b/>')],
  ['numeric references', '<a>&#56;&#x31;23</a>', element('a', '8123')],
  ['blanks in a text', '<a> 1 </a>', element('a', ' 1 ')],
  ['line ends', '<a>x\r\ny\rz</a>', element('a', 'x\ny\nz')],
  ['a carriage return by reference', '<a>&#13;</a>', element('a', '\r')],
  ['blanks in an attribute', '<a b="x\n\ty&#10;z"/>', elementWith('a', { b: 'x  y\nz' })],
  ['an attribute called like a prototype', '<a __proto__="x" constructor="y"/>', elementWith('a', Object.fromEntries([['__proto__', 'x'], ['constructor', 'y']]))],
  ['a placeholder, which stays a text', '<a>@{nodeIp}</a>', element('a', '@{nodeIp}')],
])('%s is read', (_, source, expected) => {
  expect(parseXml(source)).toEqual(expected);
});

test('depth and size are bounded, without running out of stack', () => {
  const nested = (depth: number) => '<a>'.repeat(depth) + '</a>'.repeat(depth);
  expect(parseXml(nested(MAX_DEPTH)).name).toBe('a');
  expect(codeOf(() => parseXml(nested(MAX_DEPTH + 1)))).toBe('XmlSyntax');
  expect(codeOf(() => parseXml('<a>'.repeat(100_000)))).toBe('XmlSyntax');
  expect(codeOf(() => parseXml(`<a>${'x'.repeat(MAX_LENGTH)}</a>`))).toBe('XmlSize');
  const wide = `<a>${'<b/>'.repeat(200_000)}</a>`;
  expect(parseXml(wide).children).toHaveLength(200_000);
  expect(textOf(parseXml(`<a>${'&amp;'.repeat(150_000)}</a>`))).toHaveLength(150_000);
});

test('an error says where', () => {
  expect(() => parseXml('<a>\n  <b>\n</a>')).toThrow('</a> closes nothing: <b> is open (line 3, column 5)');
});

test('the text of an element', () => {
  expect(textOf(element('a'))).toBe('');
  expect(textOf(element('a', 'x'))).toBe('x');
  expect(textOf(element('a', element('b')))).toBeUndefined();
  expect(textOf(element('a', { hole: 'nodeIp' }))).toBeUndefined();
});
