import { patience } from '../../sdk';
import { log } from '../cloudformation';
import type { Names } from './cluster';
import { liveCluster, refreshNodes } from './cluster';
import type { World } from './driver';
import { rotate } from './driver';
import { parseEvent, readNames } from './event';
import { httpsLogIn } from './nodes';
import { secretStore } from './secrets';

// loaded with the first call and kept for the next: a function that is started does not wait for what it may not need.
let loaded: Promise<World> | undefined;

async function load(names: Names): Promise<World> {
  const [secretsManager, ssm, s3] = await Promise.all([import('@aws-sdk/client-secrets-manager'), import('@aws-sdk/client-ssm'), import('@aws-sdk/client-s3')]);
  const ssmClient = new ssm.SSMClient(patience(3));
  return {
    secrets: secretStore(secretsManager),
    logIn: httpsLogIn(),
    cluster: liveCluster(names, ssm, ssmClient, s3, new s3.S3Client(patience(3))),
    refresh: refreshNodes(names, ssm, ssmClient),
    now: Date.now,
    sleep: (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds)),
    log,
  };
}

/** Rotates the password of a user; called by Secrets Manager, once for each step. */
export async function handler(event: unknown, context: { getRemainingTimeInMillis(): number }): Promise<void> {
  const { secret, step, token, deadline } = parseEvent(event, Date.now(), context.getRemainingTimeInMillis(), log);
  const names = readNames(process.env, log);
  const world = await (loaded ??= load(names).catch((error: unknown) => {
    loaded = undefined;
    throw error;
  }));
  await rotate(secret, { step, token, deadline }, world);
}
