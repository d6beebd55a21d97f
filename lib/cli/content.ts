import type { Content, Files } from '../exposure/templates/reader';
import type { Fault } from '../exposure/templates/model';

/** What the text of a file holds, and where. */
export interface TextContent extends Content {
  readonly faults: readonly Fault[];
  /** the line that a resource begins on, counted from 1, by its logical id. */
  readonly lines: ReadonlyMap<string, number>;
}

/** Files that are text, with the lines of what is in them. */
export interface TextFiles extends Files {
  read(path: string): TextContent;
}

/** A text that is neither JSON nor YAML, or nothing that this program reads. */
export class TextError extends Error {
  constructor(
    message: string,
    /** counted from 1. */
    readonly line: number,
    readonly column: number,
  ) {
    super(message);
    this.name = 'TextError';
  }
}

/** Deeper than any template, and not so deep that what reads it by recursion runs out of stack. */
export const DEEPEST = 200;

/** The line and the column of an offset in a text, counted from 1. */
export function positionOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before[before.length - 1] ?? '').length + 1 };
}

/** Tells the line of one offset after the other, which may not go back. */
export class LineCounter {
  private line = 1;
  private next = -1;

  constructor(private readonly text: string) {
    this.next = text.indexOf('\n');
  }

  at(offset: number): number {
    for (; this.next >= 0 && this.next < offset; this.next = this.text.indexOf('\n', this.next + 1)) this.line++;
    return this.line;
  }
}

// enough to see what is wrong with a file; one made to fill a report with faults does not.
const MOST_FAULTS = 20;

/** Collects what is wrong with a text and where its resources are, while it is read. */
export class Notes {
  readonly faults: Fault[] = [];
  readonly lines = new Map<string, number>();
  private more = 0;

  /** A key, by the keys on the way to it. */
  key(above: readonly string[], key: string, line: number): void {
    if (above.length === 1 && above[0] === 'Resources') this.lines.set(key, line);
  }

  repeated(above: readonly string[], key: string, line: number): void {
    this.fault([...above, key], `the key '${shorten(key)}' stands twice in ${above.length === 0 ? 'the template' : shorten(above.join('.'))}, the second time on line ${line}; which of them counts is not known`);
  }

  fault(at: readonly string[], message: string): void {
    const logicalId = at[0] === 'Resources' && at.length > 1 ? at[1] : undefined;
    if (this.faults.length < MOST_FAULTS) this.faults.push({ message, logicalId });
    else this.more++;
  }

  content(body: unknown): TextContent {
    const rest: readonly Fault[] = this.more === 0 ? [] : [{ message: `${this.more} more like this are left out` }];
    return { body, lines: this.lines, faults: [...this.faults, ...rest] };
  }
}

function shorten(text: string): string {
  return text.length > 120 ? `${text.slice(0, 117)}...` : text;
}
