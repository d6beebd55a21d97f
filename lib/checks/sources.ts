import { readdirSync, readFileSync, statSync } from 'node:fs';
import { NestedStack, Stack, Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import type { Files } from '../exposure/templates/reader';
import { readTemplates as readFrom } from '../exposure/templates/reader';
import type { TemplateSource } from '../exposure/templates/templates';

/** Reads the synthesised templates of stacks, and those of their nested stacks: the CDK hands over those of stacks only. */
export function readTemplates(paths: readonly string[]): TemplateSource[] {
  return readFrom(paths, SYNTHESISED);
}

// what the CDK wrote a moment ago; it is known to be well-formed JSON.
const SYNTHESISED: Files = {
  exists: (path) => statSync(path, { throwIfNoEntry: false })?.isFile() ?? false,
  names: (directory) => readdirSync(directory),
  read: (path) => ({ body: JSON.parse(readFileSync(path, 'utf8')) as unknown }),
};

/** Renders the templates of a construct tree: of every stack in it, or of the stack that it is part of. Synthesise first, so that references between stacks are settled. */
export function renderTemplates(scope: IConstruct): TemplateSource[] {
  const stacks = scope.node.findAll().filter((each) => Stack.isStack(each));
  const rendered = stacks.length > 0 ? stacks : [Stack.of(scope)];
  return rendered.map((stack) => {
    const resource = NestedStack.isNestedStack(stack) ? stack.nestedStackResource : undefined;
    const owner = resource && Stack.of(resource);
    return {
      path: stack.templateFile,
      body: stack.resolve((stack as unknown as Renderable)._toCloudFormation()) as unknown,
      stackName: stack.nestedStackParent === undefined ? stack.stackName : undefined,
      environment: { account: literal(stack.account), region: literal(stack.region) },
      parent: resource && owner && { path: owner.templateFile, logicalId: owner.resolve(resource.logicalId) as string },
    };
  });
}

function literal(value: string): string | undefined {
  return Token.isUnresolved(value) ? undefined : value;
}

// declared protected, but the only way to a template without writing files; cdk-nag's own rules and aws-cdk-lib/assertions depend on such internals as well.
interface Renderable {
  _toCloudFormation(): object;
}
