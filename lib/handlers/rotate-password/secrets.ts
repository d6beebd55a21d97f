import type * as sdk from '@aws-sdk/client-secrets-manager';
import { CLIENT } from './client';
import { PASSWORD_LENGTH } from './credential';
import type { SecretStore } from './driver';

/** A promotion must not happen long after it was decided, so it is given up rather than sent again and again. */
const PROMOTION_LIMIT = 20_000;

/** Secrets Manager. */
export function secretStore(
  { DescribeSecretCommand, GetRandomPasswordCommand, GetSecretValueCommand, PutSecretValueCommand, SecretsManagerClient, UpdateSecretVersionStageCommand }: typeof sdk,
  client: Pick<sdk.SecretsManagerClient, 'send'> = new SecretsManagerClient(CLIENT),
): SecretStore {
  return {
    async describe(secret) {
      const answer = await client.send(new DescribeSecretCommand({ SecretId: secret })).catch(unless('ResourceNotFoundException'));
      if (answer === undefined) return undefined;
      const labelled = (label: string): string | undefined => Object.entries(answer.VersionIdsToStages ?? {}).find(([, labels]) => labels.includes(label))?.[0];
      return {
        arn: answer.ARN ?? secret,
        rotationEnabled: answer.RotationEnabled ?? false,
        deleted: answer.DeletedDate !== undefined,
        current: labelled('AWSCURRENT'),
        pending: labelled('AWSPENDING'),
      };
    },
    async read(secret, version) {
      // a version that has a label and no value is not found (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html).
      const answer = await client.send(new GetSecretValueCommand({ SecretId: secret, VersionId: version })).catch(unless('ResourceNotFoundException'));
      // a binary value is not what a user's secret has; it is read as a text that is no JSON.
      return answer === undefined ? undefined : (answer.SecretString ?? '');
    },
    async generate() {
      const { RandomPassword } = await client.send(new GetRandomPasswordCommand({ PasswordLength: PASSWORD_LENGTH, ExcludePunctuation: true, IncludeSpace: false, RequireEachIncludedType: true }));
      if (RandomPassword?.length !== PASSWORD_LENGTH) throw Object.assign(new Error('a password of another length than asked for'), { name: 'ShortPassword' });
      return RandomPassword;
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

function unless(name: string): (error: unknown) => undefined {
  return (error) => {
    if ((error as { readonly name?: unknown } | undefined)?.name !== name) throw error;
    return undefined;
  };
}
