import type { Located, Resource } from '../templates/model';
import type { TemplateSet } from '../templates/templates';
import { literalText, property, referencesIn, resourceIdentity, scalar, why } from '../templates/values';
import { isElsewhere } from './given';

const FUNCTION = 'AWS::Lambda::Function';
const OF_A_FUNCTION = new Set(['AWS::Lambda::Alias', 'AWS::Lambda::Version']);

/** A function that something calls. */
export interface Called {
  readonly target: string;
  readonly missing?: string;
}

/** The functions that a value names: by themselves, by an alias or a version, or inside the address at which a service invokes them. */
export function functionsNamed(value: Located, templates: TemplateSet): readonly Called[] {
  const referred = functionsIn(value);
  if (referred.length > 0) return referred.map((each) => ({ target: resourceIdentity(each), missing: value.doubt ?? each.doubt }));
  const text = literalText(value);
  const all = templates.ofType(FUNCTION);
  const byName = all.filter((each) => property(each, 'FunctionName').map(scalar).some((name) => name.known && isNamedIn(String(name.value), text)));
  if (byName.length > 0) return byName.map((each) => ({ target: resourceIdentity(each), missing: value.doubt ?? each.doubt }));
  // one that is called by a name in full is none of these.
  if (isElsewhere(value) || /:function:[\w-]+(?:$|[:/])/.test(text)) return [];
  return all.map((each) => ({ target: resourceIdentity(each), missing: `which function is called: ${why(value)}` }));
}

function functionsIn(value: Located): readonly Resource[] {
  return referencesIn(value).flatMap((each) => {
    if (each.type === FUNCTION) return [each];
    return OF_A_FUNCTION.has(each.type) ? property(each, 'FunctionName').flatMap(referencesIn).filter(({ type }) => type === FUNCTION) : [];
  });
}

/** Whether an ARN is that of a function by its name. */
function isNamedIn(name: string, text: string): boolean {
  const start = text.indexOf(`:function:${name}`);
  return start >= 0 && /^(?:$|[:/])/.test(text.slice(start + `:function:${name}`.length));
}
