import type { Located } from '../templates/model';
import { isDictionary } from '../templates/model';
import type { Value } from '../templates/values';
import { identity, intrinsic, scalar } from '../templates/values';

/** What a property says; undefined when nobody writes it, so that its default holds. */
export function given(values: readonly Located[]): Value | undefined {
  const [value, ...others] = values;
  if (value === undefined) return undefined;
  return value.doubt === undefined && others.length === 0 ? scalar(value) : { known: false, reason: value.doubt ?? 'it may be one of several' };
}

/** The number that a property says, or its default; a text where it is not known says why. */
export function numberIn(values: readonly Located[], otherwise: number): number | string {
  const found = given(values);
  if (found === undefined) return otherwise;
  if (!found.known) return found.reason;
  const number = Number(found.value);
  return Number.isInteger(number) ? number : `${JSON.stringify(found.value)} is not a number`;
}

/** Whether a value is an object that is written here, and not one that deployment puts in. */
export function isWritten({ node }: Located): boolean {
  return isDictionary(node) && intrinsic(node)[0] === undefined;
}

/** Whether two values are the same, or why nobody can tell. */
export function same(one: Located, other: Located): boolean | string {
  if (identity(one) === identity(other)) return true;
  const [left, right] = [scalar(one), scalar(other)];
  return !left.known ? left.reason : !right.known ? right.reason : false;
}

/** Whether something is named that is not among the templates: by its id, or by an export of somebody else. */
export function isElsewhere(value: Located): boolean {
  const text = scalar(value);
  // https://docs.aws.amazon.com/apigateway/latest/developerguide/stage-variables.html: filled in when a stage answers.
  if (text.known) return !String(text.value).includes('${stageVariables');
  return JSON.stringify(value.node).startsWith('{"Fn::ImportValue"');
}
