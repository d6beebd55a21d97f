import { CloudFormationClient, DescribeStackResourceCommand, SignalResourceCommand } from '@aws-sdk/client-cloudformation';
import { patience } from '../../sdk';

/** Who signals, and whom. */
export interface SignalTarget {
  /** the ARN, not the name: a stack that was made anew under the same name is another one. */
  readonly stackId: string;
  readonly groupLogicalId: string;
  readonly instanceId: string;
}

/**
 * - `sent`: CloudFormation has it.
 * - `notAwaited`: nobody waits for it, and nothing is wrong: Auto Scaling replaced the machine while the stack was at rest, or the signal was sent before.
 */
export type SignalOutcome = { readonly kind: 'sent' } | { readonly kind: 'notAwaited'; readonly reason: string };

/** Tells CloudFormation how a machine came up. SignalResource takes no reason: that goes to the log. */
export interface Signals {
  success(target: SignalTarget): Promise<SignalOutcome>;
  /** ends the creation or update at once, instead of when its time is over. */
  failure(target: SignalTarget): Promise<SignalOutcome>;
  /**
   * What Auto Scaling calls the group. The launch template is made before the group and cannot say it; a tag of the instance could, but with tags in
   * the metadata an instance does not start when anybody gives it one with a blank or a slash in its name
   * (https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/work-with-tags-in-IMDS.html).
   */
  groupName(target: Omit<SignalTarget, 'instanceId'>): Promise<string>;
}

const CLIENT = patience(3);

/**
 * What is said when nobody waits. The API has one error for everything (https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_SignalResource.html), so the
 * text tells it from a wrong stack, resource or permission:
 *
 * - `Stack arn:... is in UPDATE_COMPLETE state and cannot be signaled` (https://github.com/zalando-incubator/kubernetes-on-aws/issues/538,
 *   https://github.com/aws-cloudformation/aws-cloudformation-templates/issues/34), and the same of a resource;
 * - `Signal with ID i-... for resource ... already exists. Signals may only be updated with a FAILURE status.`, the name of the machine being the signal's.
 *
 * The second, and the spelling `can not`, are known from those who rebuilt the service
 * (https://github.com/eucalyptus/eucalyptus), not from its documentation.
 */
const NOT_AWAITED = [/^(?:Stack|Resource)\b.* is in [A-Z_]+ state and can ?not be signaled\.?$/, /^Signal with ID \S+ for resource \S+ already exists\b/];

/** Signals by CloudFormation. */
export function signals(region: string, client: Pick<CloudFormationClient, 'send'> = new CloudFormationClient({ ...CLIENT, region })): Signals {
  const signal = async ({ stackId, groupLogicalId, instanceId }: SignalTarget, status: 'SUCCESS' | 'FAILURE'): Promise<SignalOutcome> => {
    try {
      await client.send(new SignalResourceCommand({ StackName: stackId, LogicalResourceId: groupLogicalId, UniqueId: instanceId, Status: status }));
      return { kind: 'sent' };
    } catch (error) {
      const { name, message } = error as Error;
      if (name !== 'ValidationError' || !NOT_AWAITED.some((each) => each.test(message))) throw error;
      return { kind: 'notAwaited', reason: message };
    }
  };
  const groupName = async ({ stackId, groupLogicalId }: Omit<SignalTarget, 'instanceId'>): Promise<string> => {
    const { StackResourceDetail } = await client.send(new DescribeStackResourceCommand({ StackName: stackId, LogicalResourceId: groupLogicalId }));
    const name = StackResourceDetail?.PhysicalResourceId;
    if (!name) throw new Error(`CloudFormation does not say what ${groupLogicalId} of ${stackId} is called`);
    return name;
  };
  return { groupName, success: (target) => signal(target, 'SUCCESS'), failure: (target) => signal(target, 'FAILURE') };
}
