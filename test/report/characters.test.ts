import * as fc from 'fast-check';
import { visible, visibleJson } from '../../lib/report/characters';

test.each([
  ['plain \u00e4\u4e2d\u{1f600}', 'plain \u00e4\u4e2d\u{1f600}'],
  ['a\u001b[31mb', 'a\\u001b[31mb'],
  ['a\u009b2Jb', 'a\\u009b2Jb'],
  ['a\nb\r\nc\td', 'a b c d'],
  ['a\rb', 'a\\u000db'],
  ['a\u202eb\u2066c', 'a\\u202eb\\u2066c'],
  ['a\u2028b\u200bc', 'a\\u2028b\\u200bc'],
  ['a\ud800b\udc00', 'a\\ud800b\\udc00'],
])('%j is shown as %j', (text, shown) => {
  expect(visible(text)).toBe(shown);
});

test('no text has more than one line, or anything that moves a cursor', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
    expect(visible(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
  }));
});

test('JSON keeps its values', () => {
  fc.assert(fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })), (value) => {
    const text = visibleJson(value);
    expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
  }));
});
