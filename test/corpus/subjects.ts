import { createHash } from 'node:crypto';
import type { Case } from './case';
import { differing } from './case';
import { CORPUS } from './index';
import { sourcesOf } from './judge';

/** What is shown to a tool: the templates of a case or of its twin. */
export interface Subject {
  readonly label: Case['verdict'];
  readonly why: string;
  readonly templates: Case['templates'];
  readonly parameters: { readonly [name: string]: string };
}

/** A case beside the twin that differs from it in one property. */
export interface Pair {
  readonly layer: string;
  readonly name: string;
  readonly original: Subject;
  readonly twin?: Subject;
}

/** Every case of the corpus, in its order. */
export const PAIRS: readonly Pair[] = CORPUS.flatMap(({ layer, cases }) =>
  cases.map(({ name, why, templates, verdict, twin, parameters = {} }) => ({
    layer,
    name,
    original: { label: verdict, why, templates, parameters },
    twin: twin && { label: twin.verdict, why: twin.why, templates: differing(templates, twin), parameters },
  })),
);

/** Tells whether what a tool once said of a pair was said of these templates. */
export function digest({ original, twin }: Pair): string {
  const shown = [original, twin].map((each) => each && [sourcesOf(each.templates), each.parameters]);
  return createHash('sha256').update(JSON.stringify(shown)).digest('hex').slice(0, 12);
}
