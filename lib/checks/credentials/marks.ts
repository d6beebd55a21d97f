import { decodeUserData } from '../../exposure/workloads/evidence';
import { plainText } from '../../exposure/kubernetes/text';
import type { Located } from '../../exposure/templates/templates';
import { intrinsic, possible } from '../../exposure/templates/values';

// what marks are made of, and a blank that no pattern for values stops at.
const MARK = /\uE000([^\uE000-\uE002]{0,1000})\uE001([^\uE000-\uE002]{0,1000})\uE002/g;
const BLANK = '\uE003';

/** No password and no setting is in longer texts; CloudFormation takes no template of this size. */
const MOST_TEXT = 1 << 20;

/**
 * A text with the marks of lib/exposure/kubernetes/marks.ts made one word each, so that a pattern for a value takes all of a mark or none.
 */
export function oneWord(text: string): string {
  const short = text.slice(0, MOST_TEXT);
  // the key stays as it is: it tells which resource is meant.
  return short.includes('\uE000') ? short.replace(MARK, (_, key: string, reason: string) => `\uE000${key.replace(/[\s;&|"',]/g, BLANK)}\uE001${reason.replace(/[^\w.-]/g, BLANK)}\uE002`) : short;
}

/** Why a text is not known, in words. */
export function reasonIn(text: string): string | undefined {
  const [found] = text.includes('\uE000') ? text.matchAll(MARK) : [];
  return text.includes('\uE000') ? (found?.[2]?.replaceAll(BLANK, ' ') ?? 'it is only known at deployment') : undefined;
}

/** What the marks in a text are about: the identities of resources, and parameters. */
export function keysIn(text: string): readonly string[] {
  return text.includes('\uE000') ? [...text.matchAll(MARK)].map(([, key = '']) => key) : [];
}

/** Each text that a value may be, with a mark for what is only known at deployment. */
export function textsOf(value: Located): readonly string[] {
  return possible(value).flatMap((each) => {
    if (typeof each.node === 'number' || typeof each.node === 'boolean') return [String(each.node)];
    const text = plainText(each);
    return text === undefined ? [] : [oneWord(text)];
  });
}

/** The start-up script in user data, which stands behind Fn::Base64 or is base64 itself. */
export function userDataTexts(value: Located): readonly string[] {
  return possible(value).flatMap((each) => {
    const [name, argument] = intrinsic(each.node);
    return name === 'Fn::Base64' ? textsOf({ node: argument, template: each.template }) : textsOf(each).map(decodeUserData);
  });
}
