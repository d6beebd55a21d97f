import { AutoScalingClient, CompleteLifecycleActionCommand } from '@aws-sdk/client-auto-scaling';
import { patience } from '../../sdk';

/** Which hook waits for which machine. */
export interface HookTarget {
  readonly groupName: string;
  readonly instanceId: string;
  readonly hook: string;
}

/** `notActive`: the hook waits for no word of this machine (any more): its time is over, it was told before, or nothing happens. */
export type HookOutcome = { readonly kind: 'done' } | { readonly kind: 'notActive' };

/** What a machine says while Auto Scaling keeps it from its end. */
export interface Lifecycle {
  /** there is nothing left to wait for. */
  complete(target: HookTarget): Promise<HookOutcome>;
}

const CLIENT = patience(3);

/**
 * `No active Lifecycle Action found with instance ID i-...`, an error without a name of its own
 * (https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_CompleteLifecycleAction.html); a wrong group or hook is said otherwise.
 */
const NOT_ACTIVE = /^no active lifecycle action found\b/i;

/** Lifecycle hooks of Auto Scaling: https://docs.aws.amazon.com/autoscaling/ec2/userguide/lifecycle-hooks-overview.html */
export function lifecycle(region: string, client: Pick<AutoScalingClient, 'send'> = new AutoScalingClient({ ...CLIENT, region })): Lifecycle {
  return {
    complete: ({ groupName, instanceId, hook }) =>
      // when a machine is to go it goes either way; with CONTINUE other hooks are still heard.
      outcome(client.send(new CompleteLifecycleActionCommand({ AutoScalingGroupName: groupName, InstanceId: instanceId, LifecycleHookName: hook, LifecycleActionResult: 'CONTINUE' }))),
  };
}

async function outcome(call: Promise<unknown>): Promise<HookOutcome> {
  try {
    await call;
    return { kind: 'done' };
  } catch (error) {
    const { name, message } = error as Error;
    if (name !== 'ValidationError' || !NOT_ACTIVE.test(message)) throw error;
    return { kind: 'notActive' };
  }
}
