// what a terminal, or whoever reads the text, could take for something else than a character: control characters of both sets (escape
// sequences begin with one), line and paragraph separators, marks that change the direction of writing (https://trojansource.codes),
// characters without width, and halves of a surrogate pair.
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** A text on one line, with everything written out that is no visible character. Templates hold what their authors like. */
export function visible(text: string): string {
  return text.replace(/\r\n|[\n\t]/g, ' ').replace(UNSAFE, escaped);
}

/** JSON in which everything is written out that is no visible character. The values stay the same. */
export function visibleJson(value: unknown): string {
  // the line ends are those of the layout; inside of a text they are written out already.
  return JSON.stringify(value, undefined, 2).replace(UNSAFE, (character) => (character === '\n' ? character : escaped(character)));
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
