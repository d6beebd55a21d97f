import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { App, CfnResource, Stack } from 'aws-cdk-lib';
import { CfnInclude } from 'aws-cdk-lib/cloudformation-include';
import { DISABLE_CREATION_STACK_TRACES } from 'aws-cdk-lib/cx-api';
import { AwsSolutionsChecks } from 'cdk-nag';
import { sourcesOf } from './judge';
import type { Subject } from './subjects';

/**
 * The rules of the pack that say that something can be reached from anywhere:
 * https://github.com/cdklabs/cdk-nag/blob/main/RULES.md#awssolutions
 *
 * Not among them: what asks for another control in front of an endpoint that is meant to be public (CFR1 and CFR2 want geographic
 * restrictions and a firewall on every distribution, APIG3 a firewall, COG4 one kind of authoriser), that a network ACL is used at all (VPC3),
 * whether the API server of an EKS cluster is public (EKS1: another machine than the nodes), and the databases, queues and buckets that are no ClickHouse.
 */
export const AWS_SOLUTIONS: ReadonlyMap<string, string> = new Map([
  ['EC23', 'a security group, or a standalone entry, admits `0.0.0.0/0` or `::/0`'],
  ['APIG4', 'a method or route of an API Gateway asks for no authorisation'],
]);

export interface AwsSolutionsFindings {
  readonly found: readonly string[];
  /** rules that crashed on a resource, which the pack reports under their id as well. */
  readonly threw: readonly string[];
}

function versionOf(packageName: string): string {
  return (JSON.parse(readFileSync(require.resolve(`${packageName}/package.json`), 'utf8')) as { version: string }).version;
}

/** The versions that decide what it says. */
export const AWS_SOLUTIONS_VERSIONS = { nag: versionOf('cdk-nag'), cdk: versionOf('aws-cdk-lib') };

/**
 * The pack on templates. They are included as the constructs of their types, since its rules look at instances of `CfnSecurityGroup` and the
 * like: raw resources it would not see at all.
 */
export class AwsSolutions {
  // one app for all, since the rules look no further than a stack, and without the stack trace that every element otherwise takes.
  private readonly app = new App({ context: { [DISABLE_CREATION_STACK_TRACES]: true } });
  private readonly pack = new AwsSolutionsChecks();
  private stacks = 0;

  /** Templates pass through a file in this folder: an include takes nothing else. */
  constructor(private readonly folder: string) {}

  public look({ templates, parameters }: Subject): AwsSolutionsFindings {
    const found = new Set<string>();
    const threw = new Set<string>();
    for (const { body } of sourcesOf(templates)) {
      for (const resource of this.include(body, parameters)) {
        // one resource at a time: the report of several has one description a rule, of a finding or of a crash.
        for (const { ruleName, description } of this.pack.validateScope(resource).violations) {
          const rule = ruleName.replace(/^AwsSolutions-/, '');
          if (AWS_SOLUTIONS.has(rule)) (description.startsWith('Rule threw an error') ? threw : found).add(rule);
        }
      }
    }
    return { found: [...found].sort(), threw: [...threw].sort() };
  }

  private include(body: unknown, given: Subject['parameters']): CfnResource[] {
    const stack = new Stack(this.app, `Stack${this.stacks++}`);
    const templateFile = join(this.folder, 'template.json');
    writeFileSync(templateFile, JSON.stringify(body));
    // a value for what the template does not declare is refused.
    const { Parameters: declared = {} } = body as { Parameters?: object };
    const parameters = Object.fromEntries(Object.entries(given).filter(([name]) => name in declared));
    const template = new CfnInclude(stack, 'Template', { templateFile, parameters });
    return template.node.findAll().filter((each): each is CfnResource => CfnResource.isCfnResource(each));
  }
}
