import { sha256Hex } from '../../config/manifest';
import type { CloudFormationEvent, Outcome } from '../cloudformation';
import { packagesProperties } from './event';
import { asFailure, MirrorFailure } from './failure';
import { mirror } from './mirror';
import type { World } from './world';

type Properties = Readonly<Record<string, unknown>>;

/** A function that failed is called again twice with the same event (https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html). */
const CALLED_AGAIN = 2;

/** The time is over, and the same request will come again: it must not be answered. */
export class ToBeContinued extends Error {
  constructor() {
    super('the time was over; the next call goes on');
    this.name = 'ToBeContinued';
  }
}

/** A custom resource. It is never replaced, and its deletion does nothing: nodes may still be installed from what is in the bucket. */
export async function handleResource(event: CloudFormationEvent<Properties>, deadline: number, load: () => Promise<World>): Promise<Outcome> {
  const physicalResourceId = event.PhysicalResourceId ?? `packages-of-${event.LogicalResourceId}`;
  if (event.RequestType === 'Delete') return { physicalResourceId };
  try {
    const packages = packagesProperties(event.ResourceProperties);
    const world = await load();
    try {
      return { physicalResourceId, data: await mirror(packages, deadline, world) };
    } catch (error) {
      if (error instanceof MirrorFailure && error.code === 'OutOfTime' && (await isCalledAgain(event.RequestId, packages, world))) throw new ToBeContinued();
      throw error;
    }
  } catch (error) {
    throw error instanceof ToBeContinued ? error : asFailure(error);
  }
}

/** Nobody tells a function how often it was called, so the bucket counts. */
async function isCalledAgain(requestId: string, { bucket, prefix }: { readonly bucket: string; readonly prefix: string }, { store, log }: World): Promise<boolean> {
  const key = `${prefix}/requests/${sha256Hex(requestId)}.json`;
  const before = Number((await store(bucket).read(key)) ?? '0');
  if (!(before < CALLED_AGAIN)) return false;
  await store(bucket).write(key, String(before + 1));
  log('to be continued', { call: before + 1 });
  return true;
}
