import type { Opinion, Row } from './rows';

/** How a tool says that something is open, and whether that came of a crash alone. */
export interface Tool {
  readonly flags: (opinion: Opinion) => boolean;
  readonly crashed: (opinion: Opinion) => boolean;
}

export const THIS_TOOL: Tool = { flags: ({ ours }) => ours === 'exposed', crashed: () => false };

// a rule that crashes is reported under its id and fails the synthesis like a finding, so it counts as one.
export const AWS_SOLUTIONS_TOOL: Tool = {
  flags: ({ awsSolutions: { found, threw } }) => found.length + threw.length > 0,
  crashed: ({ awsSolutions: { found, threw } }) => found.length === 0 && threw.length > 0,
};

export const CHECKOV_TOOL: Tool = { flags: ({ checkov }) => checkov.length > 0, crashed: () => false };

export const TOOLS: readonly Tool[] = [THIS_TOOL, AWS_SOLUTIONS_TOOL, CHECKOV_TOOL];

/** How many a tool flags, and how many of those only because it crashed. */
export interface Count {
  readonly flagged: number;
  readonly crashed: number;
  readonly of: number;
}

export function count(opinions: readonly Opinion[], { flags, crashed }: Tool): Count {
  return { flagged: opinions.filter(flags).length, crashed: opinions.filter(crashed).length, of: opinions.length };
}

/** An exposed case and its private twin. */
export interface ExposedPair {
  readonly original: Opinion;
  readonly twin: Opinion;
}

export function exposedPairs(rows: readonly Row[]): ExposedPair[] {
  return rows.flatMap(({ original, twin }) => (original.label === 'exposed' && twin?.label === 'private' ? [{ original, twin }] : []));
}

/** Pairs of which it flags the one and not the other: what flags everything, or nothing, tells nobody anything. */
export function toldApart(pairs: readonly ExposedPair[], { flags }: Tool): number {
  return pairs.filter(({ original, twin }) => flags(original) && !flags(twin)).length;
}

/** All templates with a label, cases and twins. */
export function labelled(rows: readonly Row[], label: Opinion['label']): Opinion[] {
  return rows.flatMap(({ original, twin }) => [original, ...(twin ? [twin] : [])]).filter((each) => each.label === label);
}
