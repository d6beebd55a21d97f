import { naming } from '../../sdk';
import type { CloudFormationEvent } from '../cloudformation';
import { customResource, log } from '../cloudformation';
import { deadlineOf, loadedOnce } from '../world';
import { CLIENT, packageStore } from './aws';
import { handleResource, ToBeContinued } from './handle';
import { loadOpenPgp } from './openpgp';
import { httpsUpstream } from './upstream';
import type { World } from './world';

/** What is kept for the call under way, for giving up what was begun and for the answer; a function that is cut off says nothing. */
const KEPT_FOR_THE_ANSWER = 90_000;

async function load(): Promise<World> {
  const s3 = await import('@aws-sdk/client-s3');
  const client = naming(new s3.S3Client(CLIENT));
  return {
    upstream: httpsUpstream(),
    store: (bucket) => packageStore(s3, client, bucket),
    openpgp: loadOpenPgp(),
    now: Date.now,
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    log,
  };
}

const world = loadedOnce(load);

/** Custom resource: the vendor's packages in the cluster's bucket. */
export async function handler(event: CloudFormationEvent<Readonly<Record<string, unknown>>>, context: { getRemainingTimeInMillis(): number }): Promise<void> {
  const deadline = deadlineOf(context, KEPT_FOR_THE_ANSWER);
  // what it comes to is known before anything is answered, since what goes on must not be.
  const [settled] = await Promise.allSettled([handleResource(event, deadline, world)]);
  if (settled.status === 'rejected' && settled.reason instanceof ToBeContinued) throw settled.reason;
  await customResource<Readonly<Record<string, unknown>>>(() => (settled.status === 'fulfilled' ? Promise.resolve(settled.value) : Promise.reject(settled.reason as Error)))(event);
}
