import { CfnResource, Stack } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

// https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
const MOST_RESOURCES = 500;
const MOST_BYTES = 1_000_000;
/** of one operation, over a stack and everything nested in it. */
const MOST_OPERATIONS = 2500;
/** A stack of fewer resources is never near the limit of its size, and rendering it twice would take time for nothing. */
const WORTH_RENDERING = 250;

/** Says before the deployment does when the stack of a cluster, with whatever else is in it, is more than CloudFormation takes. */
export function watchLimits(cluster: Construct): void {
  cluster.node.addValidation({ validate: () => exceeded(Stack.of(cluster)) });
}

function exceeded(stack: Stack): string[] {
  const whole = topmost(stack);
  const operations = whole.node.findAll().filter((each) => CfnResource.isCfnResource(each) && topmost(each.stack) === whole).length;
  if (operations > MOST_OPERATIONS) {
    return [`the stack ${whole.node.path} and those nested in it have ${operations} resources, CloudFormation touches at most ${MOST_OPERATIONS} in one operation; give each cluster a stack of its own`];
  }
  const resources = stack.node.findAll().filter((each) => CfnResource.isCfnResource(each) && each.stack === stack).length;
  const instead = "give the cluster 'nestedStacks: true' when it is created, or a stack of its own";
  if (resources > MOST_RESOURCES) return [`the stack ${stack.node.path} has ${resources} resources, CloudFormation takes ${MOST_RESOURCES}; ${instead}`];
  if (resources < WORTH_RENDERING) return [];
  const bytes = Buffer.byteLength(JSON.stringify(stack.resolve((stack as unknown as { _toCloudFormation(): object })._toCloudFormation()), undefined, 1));
  return bytes > MOST_BYTES
    ? [`the template of the stack ${stack.node.path} has about ${bytes} bytes, CloudFormation takes ${MOST_BYTES}; ${instead}, or set the context '@aws-cdk/core:suppressTemplateIndentation'`]
    : [];
}

/** The stack that is deployed, around those nested in it. */
export function topmost(stack: Stack): Stack {
  return stack.nestedStackParent ? topmost(stack.nestedStackParent) : stack;
}
