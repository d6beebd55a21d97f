import { MirrorFailure } from './failure';

/**
 * Reads XML as it arrives and keeps one tag at a time: metadata of a repository has tens of megabytes.
 *
 * It takes what createrepo_c writes, which is less than XML is: no document type, so no entities but the five that need no declaration, and no
 * comments, CDATA sections or processing instructions. What it takes is well-formed; anything else is an error, never skipped.
 *
 * @see https://github.com/rpm-software-management/createrepo_c
 */
export class XmlReader {
  private readonly decoder = new TextDecoder('utf-8', { fatal: true });
  private readonly path: string[] = [];
  private rest = '';
  private begun = false;
  private done = false;

  constructor(
    private readonly what: string,
    private readonly handler: XmlHandler,
  ) {}

  write(bytes: Uint8Array): void {
    this.take(this.decode(bytes));
  }

  end(): void {
    this.take(this.decode());
    if (this.rest.trim() !== '' || !this.done) throw this.malformed('it ends too early');
  }

  private decode(bytes?: Uint8Array): string {
    try {
      return this.decoder.decode(bytes, { stream: bytes !== undefined });
    } catch {
      throw this.malformed('it is not UTF-8');
    }
  }

  private take(more: string): void {
    const text = this.rest + more;
    let at = 0;
    for (;;) {
      const open = text.indexOf('<', at);
      if (open < 0) {
        // a reference may go on in what comes next.
        const held = text.lastIndexOf('&');
        const until = held >= at && !text.includes(';', held) ? held : text.length;
        this.text(text.slice(at, until));
        at = until;
        break;
      }
      this.text(text.slice(at, open));
      at = open;
      const close = endOfTag(text, open);
      if (close < 0) break;
      this.tag(text.slice(open, close + 1));
      at = close + 1;
    }
    this.rest = text.slice(at);
    if (this.rest.length > LONGEST_TAG) throw this.malformed('a tag or a reference does not end');
  }

  private text(raw: string): void {
    if (raw === '') return;
    const depth = this.path.length;
    if (depth > 0) this.handler.text(this.resolve(raw), depth);
    else if (raw.trim() !== '') throw this.malformed('there is text outside of the root');
    else this.begun = true;
  }

  private tag(tag: string): void {
    if (tag.length > LONGEST_TAG) throw this.malformed('a tag is too long');
    if (!this.begun && DECLARATION.test(tag)) {
      this.begun = true;
      return;
    }
    this.begun = true;
    const [, closed] = CLOSE.exec(tag) ?? [];
    if (closed !== undefined) {
      if (this.path.at(-1) !== closed) throw this.malformed(`</${closed.slice(0, 100)}> closes nothing`);
      this.close(closed);
      return;
    }
    const [, opened, attributes = '', empty] = OPEN.exec(tag) ?? [];
    if (opened === undefined) throw this.malformed(`it has ${JSON.stringify(tag.slice(0, 40))}, which metadata has no use for`);
    if (this.done) throw this.malformed('it has two roots');
    if (this.path.length >= DEEPEST) throw this.malformed('it is nested too deeply');
    this.path.push(opened);
    this.handler.open(opened, this.attributes(attributes), this.path.length);
    if (empty === '/') this.close(opened);
  }

  private close(name: string): void {
    this.handler.close(name, this.path.length);
    this.path.pop();
    this.done = this.path.length === 0;
  }

  private attributes(raw: string): ReadonlyMap<string, string> {
    const attributes = new Map<string, string>();
    for (const [, name = '', double, single = ''] of raw.matchAll(ATTRIBUTE)) {
      if (attributes.has(name)) throw this.malformed(`the attribute ${name.slice(0, 100)} stands twice`);
      attributes.set(name, this.resolve(double ?? single));
    }
    return attributes;
  }

  private resolve(raw: string): string {
    if (!raw.includes('&')) return raw;
    return raw.replace(REFERENCE, (_, decimal?: string, hexadecimal?: string, name?: string) => {
      if (name !== undefined && name in PREDEFINED) return PREDEFINED[name as keyof typeof PREDEFINED];
      const point = decimal !== undefined ? parseInt(decimal, 10) : hexadecimal !== undefined ? parseInt(hexadecimal, 16) : -1;
      if (point < 1 || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)) throw this.malformed('it has an entity that nobody declared');
      return String.fromCodePoint(point);
    });
  }

  private malformed(reason: string): MirrorFailure {
    return new MirrorFailure('BadMetadata', `${this.what} cannot be used: ${reason}`);
  }
}

/** Told what a document has, in order. The depth of the root is 1. */
export interface XmlHandler {
  open(name: string, attributes: ReadonlyMap<string, string>, depth: number): void;
  /** a piece of text; one text may come in pieces. */
  text(text: string, depth: number): void;
  close(name: string, depth: number): void;
}

const LONGEST_TAG = 65_536;
const DEEPEST = 16;
const NAME = '[A-Za-z_][A-Za-z0-9_.-]*(?::[A-Za-z_][A-Za-z0-9_.-]*)?';
const DECLARATION = /^<\?xml version="1\.0" encoding="(?:UTF|utf)-8"(?: standalone="(?:yes|no)")?\s?\?>$/;
const OPEN = new RegExp(`^<(${NAME})((?:\\s+${NAME}\\s*=\\s*(?:"[^"<]*"|'[^'<]*'))*)\\s*(/?)>$`);
const CLOSE = new RegExp(`^</(${NAME})\\s*>$`);
const ATTRIBUTE = new RegExp(`(${NAME})\\s*=\\s*(?:"([^"<]*)"|'([^'<]*)')`, 'g');
// a '&' that begins none of the three is matched too, to be refused.
const REFERENCE = /&(?:#([0-9]{1,7});|#x([0-9A-Fa-f]{1,6});|([a-z]{2,4});)?/g;
const PREDEFINED = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" } as const;

/** Where a tag ends: a '>' may stand in the value of an attribute. -1: not here yet. */
function endOfTag(text: string, from: number): number {
  let quote = 0;
  for (let at = from + 1; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (quote === 0) {
      if (code === GREATER) return at;
      if (code === DOUBLE || code === SINGLE) quote = code;
    } else if (code === quote) quote = 0;
  }
  return -1;
}

const DOUBLE = 0x22;
const SINGLE = 0x27;
const GREATER = 0x3e;
