import { Names, Reference, Stack, StringConcat, Tokenization, Validations } from 'aws-cdk-lib';
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
    acknowledge(scope, `AwsSolutions-IAM5[Resource::${inFindings(scope, resource)}]`, reason);
  }
}

// how cdk-nag writes a resource inside a finding: {"Fn::GetAtt": ["Key", "Arn"]} is <Key.Arn>.
function inFindings(scope: IConstruct, resource: string): string {
  const stack = Stack.of(scope);
  return Tokenization.reverseString(resource)
    .mapTokens({
      mapToken: (token) => {
        // what lies in the stack around a nested one arrives as a parameter, which the CDK makes, by this name, only when it synthesises.
        if (Reference.isReference(token) && Stack.of(token.target) !== stack) {
          return `<referenceto${Names.nodeUniqueId(token.target.node)}${token.displayName.replace(/[^A-Za-z0-9]/g, '')}>`;
        }
        const value: unknown = stack.resolve(token);
        const [[intrinsic, argument] = ['', undefined]] = Object.entries(value as Record<string, unknown>);
        return `<${intrinsic === 'Fn::GetAtt' ? (argument as readonly string[]).join('.') : String(argument)}>`;
      },
    })
    .join(new StringConcat()) as string;
}
