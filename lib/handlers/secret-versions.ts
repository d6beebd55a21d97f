import type * as sdk from '@aws-sdk/client-secrets-manager';
import { labelled, unless } from '../sdk';

/** What Secrets Manager says of a secret: version ids by label. */
export interface Versions {
  readonly arn: string;
  readonly rotationEnabled: boolean;
  readonly deleted: boolean;
  readonly current?: string;
  readonly pending?: string;
  readonly previous?: string;
}

/** The versions of secrets, as far as replacing one by another needs them. Any call may throw at any time, and may have happened all the same. */
export interface VersionStore {
  /** undefined: there is no such secret. */
  describe(secret: string): Promise<Versions | undefined>;
  /** the text of a version; undefined: the version has none. */
  read(secret: string, version: string): Promise<string | undefined>;
  /** gives the version its value and the label AWSPENDING. `taken`: it has another value. */
  put(secret: string, version: string, text: string): Promise<'stored' | 'taken'>;
  /** moves the label AWSCURRENT. `conflict`: it is not where it was thought to be. */
  promote(secret: string, to: string, from: string): Promise<'promoted' | 'conflict'>;
}

/** A promotion must not happen long after it was decided, so it is given up rather than sent again and again. */
const PROMOTION_LIMIT = 20_000;

/** Secrets Manager. */
export function versionStore(
  { DescribeSecretCommand, GetSecretValueCommand, PutSecretValueCommand, UpdateSecretVersionStageCommand }: typeof sdk,
  client: Pick<sdk.SecretsManagerClient, 'send'>,
): VersionStore {
  return {
    async describe(secret) {
      const answer = await client.send(new DescribeSecretCommand({ SecretId: secret })).catch(unless('ResourceNotFoundException'));
      if (answer === undefined) return undefined;
      const versions = answer.VersionIdsToStages;
      return {
        arn: answer.ARN ?? secret,
        rotationEnabled: answer.RotationEnabled ?? false,
        deleted: answer.DeletedDate !== undefined,
        current: labelled(versions, 'AWSCURRENT'),
        pending: labelled(versions, 'AWSPENDING'),
        previous: labelled(versions, 'AWSPREVIOUS'),
      };
    },
    async read(secret, version) {
      // a version that has a label and no value is not found (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html).
      const answer = await client.send(new GetSecretValueCommand({ SecretId: secret, VersionId: version })).catch(unless('ResourceNotFoundException'));
      // a binary value is not what our secrets have; it is read as a text that is no JSON.
      return answer === undefined ? undefined : (answer.SecretString ?? '');
    },
    async put(secret, version, text) {
      // the version's id is the token: the same text again changes nothing, another one is refused
      // (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html).
      const stored = await client.send(new PutSecretValueCommand({ SecretId: secret, ClientRequestToken: version, SecretString: text, VersionStages: ['AWSPENDING'] })).catch(unless('ResourceExistsException'));
      return stored === undefined ? 'taken' : 'stored';
    },
    async promote(secret, to, from) {
      // fails unless AWSCURRENT is where it was seen (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html).
      const command = new UpdateSecretVersionStageCommand({ SecretId: secret, VersionStage: 'AWSCURRENT', MoveToVersionId: to, RemoveFromVersionId: from });
      const moved = await client.send(command, { abortSignal: AbortSignal.timeout(PROMOTION_LIMIT) }).catch(unless('InvalidParameterException'));
      return moved === undefined ? 'conflict' : 'promoted';
    },
  };
}
