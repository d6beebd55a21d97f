import type { CloudFormationEvent } from '../cloudformation';
import { naming } from '../../sdk';
import { customResource, log } from '../cloudformation';
import { deadlineOf, loadedOnce } from '../world';
import { CLIENT, parameterStore, secretStore } from './aws';
import { renewEvent } from './event';
import { IssueFailure } from './failure';
import { asFailure } from './issue';
import { handleResource } from './handle';
import { renewAll } from './renew';
import { kmsSigner } from './signer';
import type { World } from './world';

/** What is kept for the calls under way and for the answer; a function that is cut off says nothing. */
const KEPT_FOR_THE_ANSWER = 60_000;

async function load(): Promise<World> {
  const [kms, secretsManager, ssm] = await Promise.all([import('@aws-sdk/client-kms'), import('@aws-sdk/client-secrets-manager'), import('@aws-sdk/client-ssm')]);
  const kmsClient = naming(new kms.KMSClient(CLIENT));
  return {
    secrets: secretStore(secretsManager, naming(new secretsManager.SecretsManagerClient(CLIENT))),
    parameters: parameterStore(ssm, naming(new ssm.SSMClient(CLIENT))),
    signer: (keyId) => kmsSigner(keyId, kms, kmsClient),
    now: Date.now,
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    log,
  };
}

const world = loadedOnce(load);

/**
 * Issues certificates: the authority's and the nodes' when CloudFormation asks for them, and new ones for nodes in time when the schedule does.
 */
export async function handler(event: unknown, context: { getRemainingTimeInMillis(): number }): Promise<void> {
  const deadline = deadlineOf(context, KEPT_FOR_THE_ANSWER);
  if (typeof event === 'object' && event !== null && 'RequestType' in event) {
    const answer = customResource<Readonly<Record<string, unknown>>>((request) => handleResource(request, deadline, world));
    return answer(event as CloudFormationEvent<Readonly<Record<string, unknown>>>);
  }
  try {
    const renew = renewEvent(event);
    if (renew === undefined) throw new IssueFailure('BadEvent', "the event must be a request of CloudFormation or have 'renew'");
    await renewAll(renew, deadline, await world());
  } catch (error) {
    const failure = asFailure(error);
    log('renewal failed', { outcome: failure.name, reason: failure.message });
    throw failure;
  }
}
