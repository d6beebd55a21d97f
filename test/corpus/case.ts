import type { Verdict } from '../../lib/exposure/assessment';

export type Json = { readonly [key: string]: unknown };

/** The one property in which a twin differs: a path into the templates (file name first), and the new value; undefined removes it. */
export interface Difference {
  readonly at: readonly (string | number)[];
  readonly to?: unknown;
}

/** A labelled deployment: what it is, and what must be said of it. */
export interface Case {
  /** short, unique and stable: the row in the documentation. */
  readonly name: string;
  /** what makes it what it is, in one line. */
  readonly why: string;
  /** by file name; most have one, `main.template.json`. */
  readonly templates: { readonly [file: string]: Json };
  /** `none` for what looks like ClickHouse and is not. */
  readonly verdict: Verdict | 'none';
  /** the secondary levels that must be reported, where that is the point; none are expected when it is left out for a private case. */
  readonly levels?: readonly ('program' | 'account' | 'login')[];
  /** the same but for one property. Every exposed case has one that is private. */
  readonly twin?: Difference & { readonly verdict: Verdict | 'none'; readonly why: string };
  /** values of parameters, as on the command line. */
  readonly parameters?: { readonly [name: string]: string };
}

/** The cases of one layer of the analysis. */
export interface Layer {
  readonly layer: string;
  readonly cases: readonly Case[];
}

/** A copy of the templates with one property changed. */
export function differing(templates: Case['templates'], { at, to }: Difference): Case['templates'] {
  const copy = structuredClone(templates);
  const last = at[at.length - 1];
  const parent = at.slice(0, -1).reduce<unknown>((node, key) => (node as Record<string | number, unknown> | undefined)?.[key], copy);
  if (typeof parent !== 'object' || parent === null || last === undefined) throw new Error(`there is nothing at ${at.join('.')}`);
  if (to !== undefined) (parent as Record<string | number, unknown>)[last] = to;
  else if (Array.isArray(parent)) parent.splice(Number(last), 1);
  else if (last in parent) delete (parent as Record<string | number, unknown>)[last];
  else throw new Error(`there is nothing at ${at.join('.')}`);
  return copy;
}
