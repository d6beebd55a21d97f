import type { Located } from '../exposure/templates/templates';
import { isDictionary } from '../exposure/templates/templates';
import { inside, items, literalText, possible, scalar } from '../exposure/templates/values';

/** The statements of a policy document that allow something; of each, every branch that it may be. */
export function allowedBy(document: Located): readonly Located[] {
  return possible(document).flatMap((each) => inside(each, 'Statement')).flatMap((list) => items(list)).filter((statement) => inside(statement, 'Effect').some((effect) => literalText(effect) === 'Allow'));
}

/** Whether a statement allows an action, such as `secretsmanager:GetSecretValue`. What is only known at deployment allows nothing. */
export function allows(statement: Located, action: string): boolean {
  const named = listed(statement, 'Action');
  if (named.some((pattern) => matches(pattern, action))) return true;
  const excepted = listed(statement, 'NotAction');
  return excepted.length > 0 && !excepted.some((pattern) => matches(pattern, action));
}

function listed(statement: Located, name: string): readonly string[] {
  return inside(statement, name).flatMap((list) => items(list)).flatMap((each) => {
    const value = scalar(each);
    return value.known ? [String(value.value)] : [];
  });
}

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_action.html: case does not matter, `*` and `?` are what they are in a shell. */
function matches(pattern: string, action: string): boolean {
  if (pattern.length > 200) return false;
  const parts = pattern.toLowerCase().replace(/\*{2,}/g, '*').split('*');
  const text = action.toLowerCase();
  let at = 0;
  for (const [index, part] of parts.entries()) {
    const last = index === parts.length - 1;
    if (index === 0 && last) return part.length === text.length && fits(part, text, 0);
    if (index === 0) {
      if (!fits(part, text, 0)) return false;
      at = part.length;
    } else if (last) return text.length - part.length >= at && fits(part, text, text.length - part.length);
    else {
      while (at <= text.length - part.length && !fits(part, text, at)) at++;
      if (at > text.length - part.length) return false;
      at += part.length;
    }
  }
  return true;
}

function fits(part: string, text: string, at: number): boolean {
  return at + part.length <= text.length && [...part].every((character, index) => character === '?' || character === text[at + index]);
}

/** How wide a statement is for resources of a kind, such as `secretsmanager` and `secret`: the first that stands for all of them, in words. */
export function allResources(statement: Located, service: string, kind: RegExp): string | undefined {
  for (const each of inside(statement, 'Resource').flatMap((list) => items(list))) {
    // the region and the account may be filled in, what follows decides.
    const text = literalText(each).trim();
    if (/^[*?]+$/.test(text) && text.includes('*')) return `'${text}'`;
    const [, owner = '', rest] = /^arn:[^:]{0,100}:([^:]{1,100}):[^:]{0,100}:[^:]{0,100}:(.{1,2000})$/s.exec(text) ?? [];
    if (rest === undefined || !(owner === service || /^[*?]+$/.test(owner))) continue;
    // Secrets Manager ends every ARN with six characters of its own.
    const name = rest.replace(kind, '').replace(/(?<=[*?])-[*?]{1,100}$/, '');
    if (name.includes('*') && /^[*?]+$/.test(name)) return `'${text.slice(0, 200)}'`;
  }
  // all but some is all that anybody adds later as well.
  return inside(statement, 'NotResource').length > 0 ? 'all but what NotResource names' : undefined;
}

/**
 * Whether conditions hold only where one of some keys has one of the values written.
 *
 * Negated operators, those that end in IfExists, and ForAllValues hold as well where the key is not there.
 *
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 */
export function isNarrowedBy(statement: Located, key: RegExp): boolean {
  const conditions = inside(statement, 'Condition');
  return conditions.length > 0 && conditions.every(({ node, template }) => isDictionary(node) && Object.entries(node).some(([operator, keys]) => NARROWING.test(operator) && possible({ node: keys, template }).some((each) => isDictionary(each.node) && Object.entries(each.node).some(([name, values]) => key.test(name) && isSome({ node: values, template: each.template })))));
}

const NARROWING = /^(?:ForAnyValue:)?(?:String(?:Equals|EqualsIgnoreCase|Like)|Arn(?:Equals|Like))$/i;

/** Whether values are not simply everything. */
function isSome(values: Located): boolean {
  const texts = items(values).map((each) => literalText(each).trim());
  return texts.length > 0 && texts.every((text) => !/^[*?]*\*[*?]*$/.test(text));
}

/** Whether a statement is for everybody. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html */
export function isForAnybody(statement: Located): boolean {
  const named = inside(statement, 'Principal').flatMap((each) => [...items(each), ...inside(each, 'AWS').flatMap((list) => items(list))]);
  return named.some((each) => typeof each.node === 'string' && each.node.trim() === '*') || inside(statement, 'NotPrincipal').length > 0;
}
