import * as fc from 'fast-check';
import { element, elementWith, escapeText, renderXml } from '../../lib/config/xml';
import { openHoles } from '../../lib/config/holes';
import { codeOf, readElsewhere, shapeOf, xmlText, xmlTree } from './oracle';

describe('any text in, the same text back in another parser', () => {
  test('as text of an element', () => {
    fc.assert(fc.property(xmlText, (text) => {
      expect(readElsewhere(renderXml(element('a', text))).text).toBe(text);
    }), { numRuns: 2000 });
  });

  test('as value of an attribute', () => {
    fc.assert(fc.property(xmlText, (text) => {
      expect(readElsewhere(renderXml(elementWith('a', { b: text }))).attributes).toEqual(text === '' ? expect.anything() : { b: text });
    }), { numRuns: 2000 });
  });

  test('as any tree', () => {
    fc.assert(fc.property(xmlTree, (tree) => {
      expect(readElsewhere(renderXml(tree))).toEqual(shapeOf(tree));
    }), { numRuns: 500 });
  });
});

test('characters that XML cannot carry are refused with their code and place', () => {
  const forbidden = fc.oneof(
    fc.integer({ min: 0, max: 0x1f }).filter((code) => ![9, 10, 13].includes(code)),
    fc.integer({ min: 0xd800, max: 0xdfff }),
    fc.constantFrom(0xfffe, 0xffff),
  );
  fc.assert(fc.property(fc.stringMatching(/^[a-z]{0,5}$/), forbidden, fc.stringMatching(/^[a-z]{0,5}$/), (before, code, after) => {
    expect(() => escapeText(before + String.fromCharCode(code) + after)).toThrow(
      `U+${code.toString(16).toUpperCase().padStart(4, '0')} at position ${before.length}`,
    );
  }));
});

test('a text can never be read as a hole', () => {
  fc.assert(fc.property(fc.oneof(xmlText, xmlText.map((text) => `@{nodeIp}${text}@{@{currentHash:ingest}}`)), (text) => {
    expect(openHoles(renderXml(elementWith('a', { b: text }, text)))).toEqual([]);
  }));
});

test.each(['', '1a', 'a b', 'a:b', 'a.b', 'a>b', 'é', '-a', 'a\n', ' a', 'a[1]'])('%j is not a name', (name) => {
  expect(codeOf(() => element(name))).toBe('XmlName');
  expect(codeOf(() => elementWith('a', { [name]: '' }))).toBe('XmlName');
});

test('text beside elements is refused', () => {
  expect(codeOf(() => element('a', 'text', element('b')))).toBe('XmlMixedContent');
  expect(codeOf(() => element('a', 'one', 'two'))).toBe('XmlMixedContent');
});

test('numbers are written in plain decimals or refused', () => {
  expect(renderXml(element('a', 10_000_000_000))).toBe('<a>10000000000</a>\n');
  expect(renderXml(element('a', 0.8))).toBe('<a>0.8</a>\n');
  for (const number of [NaN, Infinity, 1e21, 1e-7, 2 ** 53]) expect(codeOf(() => element('a', number))).toBe('XmlNumber');
});

test('booleans are written as ClickHouse reads them, and what is undefined is left out', () => {
  expect(renderXml(element('a', element('b', true), undefined, element('c', false)))).toBe('<a>\n  <b>1</b>\n  <c>0</c>\n</a>\n');
});
