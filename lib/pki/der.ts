/** One element of DER: its tag, what is in it, and the bytes of the whole. */
export interface Der {
  readonly tag: number;
  readonly value: Buffer;
  readonly whole: Buffer;
}

/** Universal tags that certificates use, and the context tags of `TBSCertificate` and `GeneralName`. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
  context0: 0x80,
  context2: 0x82,
  context7: 0x87,
  explicit0: 0xa0,
  explicit1: 0xa1,
  explicit3: 0xa3,
} as const;

/**
 * Reads the elements that lie one after the other in some bytes.
 *
 * Strict, so that nothing can be read in two ways: tags of one byte, definite lengths in their shortest form, nothing left over.
 *
 * @see https://www.itu.int/rec/T-REC-X.690
 */
export function readDer(bytes: Buffer): Der[] {
  const elements: Der[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { tag, start, length } = header(bytes, at);
    const end = start + length;
    if (end > bytes.length) throw new DerError('an element is longer than what holds it');
    elements.push({ tag, value: bytes.subarray(start, end), whole: bytes.subarray(at, end) });
    at = end;
  }
  return elements;
}

/** The elements inside one that must have a tag. */
export function inside(element: Der | undefined, tag: number): Der[] {
  return readDer(valueOf(element, tag));
}

/** The bytes of an element that must be there and must have a tag. */
export function valueOf(element: Der | undefined, tag: number): Buffer {
  if (element?.tag !== tag) throw new DerError(`an element must have the tag 0x${tag.toString(16)}, got ${element === undefined ? 'none' : `0x${element.tag.toString(16)}`}`);
  return element.value;
}

/** An object identifier with dots. */
export function oidOf(element: Der | undefined): string {
  const bytes = valueOf(element, TAG.oid);
  const arcs: number[] = [];
  let arc = 0;
  for (const byte of bytes) {
    if (arc === 0 && byte === 0x80) throw new DerError('an object identifier is not in its shortest form');
    arc = arc * 128 + (byte & 0x7f);
    if (!Number.isSafeInteger(arc)) throw new DerError('an object identifier is too long');
    if (byte < 0x80) {
      arcs.push(arc);
      arc = 0;
    }
  }
  const [first] = arcs;
  if (first === undefined || (bytes.at(-1) ?? 0x80) >= 0x80) throw new DerError('an object identifier is cut off');
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - root * 40, ...arcs.slice(1)].join('.');
}

/** A number of up to six bytes that is not negative. */
export function smallInteger(element: Der | undefined): number {
  const bytes = integerBytes(element);
  if (bytes.length > 6 || (bytes[0] ?? 0) >= 0x80) throw new DerError('a number is negative or too long');
  return bytes.readUIntBE(0, bytes.length);
}

/** The bytes of a number, in its shortest form. */
export function integerBytes(element: Der | undefined): Buffer {
  const bytes = valueOf(element, TAG.integer);
  const [first, second = 0] = bytes;
  if (first === undefined || (bytes.length > 1 && ((first === 0x00 && second < 0x80) || (first === 0xff && second >= 0x80)))) {
    throw new DerError('a number is not in its shortest form');
  }
  return bytes;
}

/** Milliseconds since the epoch; of the two ways to write a time the one that RFC 5280 wants, section 4.1.2.5. */
export function timeOf(element: Der | undefined): number {
  const utc = element?.tag === TAG.utcTime;
  const text = valueOf(element, utc ? TAG.utcTime : TAG.generalizedTime).toString('latin1');
  const [, year = '', ...rest] = (utc ? /^(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/ : /^(\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/).exec(text) ?? [];
  const full = utc ? (Number(year) >= 50 ? `19${year}` : `20${year}`) : year;
  const [month = '', day = '', hour = '', minute = '', second = ''] = rest;
  const iso = `${full}-${month}-${day}T${hour}:${minute}:${second}.000Z`;
  const time = Date.parse(iso);
  // Date.parse takes the 31st of February, but does not give it back.
  if (Number.isNaN(time) || new Date(time).toISOString() !== iso) throw new DerError('a time is not a date and a time of day in UTC');
  return time;
}

/** Bytes that are not what they must be. The message holds none of them. */
export class DerError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DerError';
  }
}

function header(bytes: Buffer, at: number): { readonly tag: number; readonly start: number; readonly length: number } {
  const tag = bytes[at] ?? 0;
  const first = bytes[at + 1];
  if ((tag & 0x1f) === 0x1f) throw new DerError('a tag has more than one byte');
  if (first === undefined) throw new DerError('an element is cut off');
  if (first < 0x80) return { tag, start: at + 2, length: first };
  const count = first & 0x7f;
  if (count === 0 || count > 4) throw new DerError('a length is indefinite or too long');
  if (at + 2 + count > bytes.length) throw new DerError('an element is cut off');
  const length = bytes.readUIntBE(at + 2, count);
  if (length < 0x80 || length < 2 ** (8 * (count - 1))) throw new DerError('a length is not in its shortest form');
  return { tag, start: at + 2 + count, length };
}
