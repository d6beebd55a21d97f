import type { Names } from './cluster';
import type { FailureCode } from './failure';
import { RotationFailure } from './failure';
import type { Attempt, Step } from './steps';
import { STEPS } from './steps';

type Log = (message: string, fields: Readonly<Record<string, string | number>>) => void;

/**
 * Lambda ends a function after 15 minutes without asking (https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). What is
 * kept is for the calls under way and for an answer that says what was missing; a function that is cut off says nothing.
 */
const KEPT_FOR_THE_ANSWER = 60_000;
const LONGEST = 14 * 60_000;

// the id of a version: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html
const TOKEN = /^[\x21-\x7e]{32,64}$/;
const ARN = /^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]{1,519}$/;

/** What Secrets Manager calls the function with (https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda.html). */
export function parseEvent(event: unknown, now: number, remaining: number, log: Log): Attempt & { readonly secret: string } {
  const { Step, SecretId, ClientRequestToken } = (typeof event === 'object' && event !== null ? event : {}) as Record<string, unknown>;
  // nothing of an event that is not understood is repeated: who knows what is in it.
  if (typeof Step !== 'string' || !(STEPS as readonly string[]).includes(Step)) throw failed(log, 'BadEvent', `'Step' must be one of ${STEPS.join(', ')}; this function is for Secrets Manager to call`);
  if (typeof SecretId !== 'string' || !ARN.test(SecretId)) throw failed(log, 'BadEvent', "'SecretId' must be the ARN of a secret");
  if (typeof ClientRequestToken !== 'string' || !TOKEN.test(ClientRequestToken)) throw failed(log, 'BadEvent', "'ClientRequestToken' must be the id of a version, 32 to 64 characters");
  return { secret: SecretId, step: Step as Step, token: ClientRequestToken, deadline: now + Math.min(remaining - KEPT_FOR_THE_ANSWER, LONGEST) };
}

/** Names from the environment. */
export function readNames(environment: Readonly<Record<string, string | undefined>>, log: Log): Names {
  const value = (name: string): string => {
    const text = environment[name];
    if (text === undefined || text === '') throw failed(log, 'BadEnvironment', `the environment variable ${name} is not set; deploy the cluster again`);
    return text;
  };
  const tag = value('CLICKHOUSE_NODE_TAG');
  const [, key, wanted] = /^([^=]{1,128})=(.{1,256})$/.exec(tag) ?? [];
  if (key === undefined || wanted === undefined) throw failed(log, 'BadEnvironment', `the environment variable CLICKHOUSE_NODE_TAG must be 'key=value', got ${JSON.stringify(tag)}`);
  return {
    pointer: value('CLICKHOUSE_POINTER'),
    bucket: value('CLICKHOUSE_BUCKET'),
    authority: value('CLICKHOUSE_CA'),
    refreshDocument: value('CLICKHOUSE_REFRESH_DOCUMENT'),
    nodeTag: { key, value: wanted },
  };
}

function failed(log: Log, code: FailureCode, reason: string): RotationFailure {
  log('rotation failed', { outcome: code, reason });
  return new RotationFailure(code, reason);
}
