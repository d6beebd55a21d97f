import type { Value } from '../templates/values';

// private-use characters, which no manifest has: https://www.unicode.org/faq/private_use.html
const [START, MIDDLE, END] = ['\uE000', '\uE001', '\uE002'];
// every repetition here and in this folder has an end: one without may use up the stack on a text that never ends.
const MARK = /\uE000([^\uE000-\uE002]{0,1000})\uE001([^\uE000-\uE002]{0,1000})\uE002/g;
const FIRST = new RegExp(MARK.source);

/** Stands in a text for what is only known at deployment: the same for the same unknown, so that a label still equals a selector. */
export function mark(key: string, reason: string): string {
  return `${START}${clean(key)}${MIDDLE}${clean(reason)}${END}`;
}

// nothing in a mark needs an escape, so that it can stand in JSON that is a text of other JSON.
function clean(text: string): string {
  return text
    .replace(/[\uE000-\uE002]/g, '')
    .replace(/["\\]/g, `'`)
    .replace(/\p{Cc}/gu, ' ')
    .slice(0, 1000);
}

/** Why a text is not wholly known; undefined when it is. */
export function unknownIn(text: string): string | undefined {
  if (!text.includes(START)) return undefined;
  return FIRST.exec(text)?.[2] ?? 'it is only known at deployment';
}

/** What the marks in a text are about, such as the resource that a reference points at. */
export function keysIn(text: string): readonly string[] {
  return text.includes(START) ? [...text.matchAll(MARK)].map(([, key = '']) => key) : [];
}

/** A text for people: with dots for what is not known, and not longer than a name. */
export function shown(text: string): string {
  const words = text.includes(START) ? text.replace(MARK, '…') : text;
  return words.length > 120 ? `${words.slice(0, 119)}…` : words;
}

/** The known parts of a text with a blank for each gap. For searching, never for judging. */
export function literalIn(text: string): string {
  return text.includes(START) ? text.replace(MARK, ' ') : text;
}

/** A text, number or truth value of a document, or why it is not known. Undefined when it is not written. */
export function told(node: unknown): Value | undefined {
  if (node === undefined || node === null) return undefined;
  if (typeof node === 'number' || typeof node === 'boolean') return { known: true, value: node };
  if (typeof node !== 'string') return { known: false, reason: 'it is not a plain value' };
  const reason = unknownIn(node);
  return reason === undefined ? { known: true, value: node } : { known: false, reason };
}
