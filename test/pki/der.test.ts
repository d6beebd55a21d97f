import * as fc from 'fast-check';
import { integerBytes, oidOf, readDer, smallInteger, timeOf } from '../../lib/pki/der';

const only = (hex: string) => {
  const [first] = readDer(Buffer.from(hex, 'hex'));
  return first;
};

test.each([
  ['an indefinite length', '3080020101'],
  ['a length that needs less bytes', '308103020101'],
  ['a length with a zero before it', `30820081${'00'.repeat(0x81)}`],
  ['a length of five bytes', '308500000000010203'],
  ['more than there is', '30030201'],
  ['a tag alone', '30'],
  ['half of a length', '3082'],
  ['a tag of two bytes', '1f8101'],
  ['something behind it', '0201010'.padEnd(8, '0') + '30'],
])('%s is refused', (_, hex) => {
  expect(() => readDer(Buffer.from(hex, 'hex'))).toThrow();
});

test('lengths are read as they are written', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(127, 128, 255, 256, 65_535, 65_536).map((length) => new Uint8Array(length))), (bytes) => {
      const { length } = bytes;
      const digits = length.toString(16).padStart(length > 0xffff ? 6 : length > 0xff ? 4 : 2, '0');
      const header = length < 128 ? digits : `${(0x80 + digits.length / 2).toString(16)}${digits}`;
      const [element, ...more] = readDer(Buffer.concat([Buffer.from(`04${header}`, 'hex'), bytes]));
      expect([element?.tag, element?.value.equals(bytes), more.length]).toEqual([4, true, 0]);
    }),
  );
});

test('numbers have one form', () => {
  expect(smallInteger(only('02020080'))).toBe(128);
  for (const hex of ['0200', '02020001', '0202ff80', '0307000102030405']) expect(() => integerBytes(only(hex))).toThrow();
  for (const hex of ['020180', '020701020304050607']) expect(() => smallInteger(only(hex))).toThrow();
});

test('object identifiers have one form', () => {
  expect(['0603551d1e', '06082a8648ce3d040302', '06032a0304', '0603883703'].map((hex) => oidOf(only(hex)))).toEqual(['2.5.29.30', '1.2.840.10045.4.3.2', '1.2.3.4', '2.999.3']);
  for (const hex of ['0600', '06032a8001', '06022a86', '060aaaffffffffffffffff7f']) expect(() => oidOf(only(hex))).toThrow();
});

test('times are those that there are', () => {
  const utc = (text: string): number => timeOf(only(`17${text.length.toString(16).padStart(2, '0')}${Buffer.from(text).toString('hex')}`));
  const general = (text: string): number => timeOf(only(`18${text.length.toString(16).padStart(2, '0')}${Buffer.from(text).toString('hex')}`));
  expect([utc('260601000000Z'), utc('500101000000Z'), general('20600101000000Z')]).toEqual([Date.UTC(2026, 5, 1), Date.UTC(1950, 0, 1), Date.UTC(2060, 0, 1)]);
  for (const text of ['260231000000Z', '261301000000Z', '260601240000Z', '260601000000', '2606010000Z', '260601000000+0100']) expect(() => utc(text)).toThrow();
  for (const text of ['20260601000000.5Z', '260601000000Z', '20260601000000']) expect(() => general(text)).toThrow();
});
