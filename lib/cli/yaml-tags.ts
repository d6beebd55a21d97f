// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html and, for those that only rules
// use, https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-rules.html.
const FUNCTIONS = new Set(
  ('And Base64 Cidr Contains EachMemberEquals EachMemberIn Equals FindInMap GetAtt GetAZs GetStackOutput If ImportValue Join Length Not Or RefAll Select Split Sub ToJsonString ' +
    'Transform ValueOf ValueOfAll')
    .split(' ')
    .map((name) => `!${name}`),
);

/** The key that the short form of an intrinsic function stands for. */
export function functionNamed(tag: string): string | undefined {
  if (tag === '!Ref' || tag === '!Condition') return tag.slice(1);
  return FUNCTIONS.has(tag) ? `Fn::${tag.slice(1)}` : undefined;
}

const NUMBERS: ReadonlyArray<readonly [RegExp, (text: string) => number]> = [
  [/^[-+]?(?:0|[1-9][0-9_]*)$/, Number],
  [/^[-+]?0[0-7_]+$/, (text) => signed(text, 8, 1)],
  [/^[-+]?0x[0-9a-fA-F_]+$/, (text) => signed(text, 16, 2)],
  [/^[-+]?0b[01_]+$/, (text) => signed(text, 2, 2)],
  [/^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?$/, Number],
];

/**
 * What a scalar without quotes stands for. CloudFormation reads YAML 1.1, where `yes` and `on` are truth values and a leading zero makes
 * a number octal (https://yaml.org/type/). Dates stay texts, as its documentation says; so do numbers to the base of 60.
 */
export function plainScalar(text: string): unknown {
  if (/^(?:~|null|Null|NULL|)$/.test(text)) return null;
  if (/^(?:true|True|TRUE|yes|Yes|YES|on|On|ON)$/.test(text)) return true;
  if (/^(?:false|False|FALSE|no|No|NO|off|Off|OFF)$/.test(text)) return false;
  for (const [pattern, read] of NUMBERS) if (pattern.test(text)) return read(text.replaceAll('_', ''));
  return text;
}

function signed(text: string, base: number, prefix: number): number {
  const digits = text.replace(/^[-+]/, '').slice(prefix);
  return (text.startsWith('-') ? -1 : 1) * Number.parseInt(digits, base);
}
