import { Stack, Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/**
 * Acknowledges a finding of cdk-nag's AwsSolutions pack, with the reason a reviewer reads in the validation report.
 *
 * The construct acknowledges what it decided itself, beside the decision, so that nobody who uses it has to. Findings of our own
 * pack are never acknowledged here.
 */
export function acknowledge(scope: IConstruct, rule: string, reason: string): void {
  Validations.of(scope).acknowledge({ id: `AwsSolutions::${rule}`, reason });
}

/** Acknowledges the wildcards of a role's policies, each resource with the reason why it cannot be narrower. */
export function acknowledgeWildcards(scope: IConstruct, reasons: Readonly<Record<string, string>>): void {
  for (const [resource, reason] of Object.entries(reasons)) {
    const finding = flatten(Stack.of(scope).resolve(resource));
    acknowledge(scope, `AwsSolutions-IAM5[Resource::${finding}]`, reason);
  }
}

// how cdk-nag writes a reference inside a finding: {"Fn::GetAtt": ["Key", "Arn"]} is <Key.Arn>.
function flatten(value: unknown): string {
  if (typeof value === 'string') return value;
  const [[intrinsic, argument] = ['', undefined]] = Object.entries(value as Record<string, unknown>);
  if (intrinsic === 'Ref') return `<${String(argument)}>`;
  if (intrinsic === 'Fn::GetAtt') return `<${(argument as readonly string[]).join('.')}>`;
  if (intrinsic === 'Fn::Join') {
    const [separator, parts] = argument as [string, readonly unknown[]];
    return parts.map(flatten).join(separator);
  }
  return JSON.stringify(value);
}
