import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { DescribeSecretCommand, GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { patience } from '../../sdk';
import type { SecretStore } from '../credentials/secrets';
import type { ManifestStore } from '../live-manifest';

/** What is given up is tried again with the next pass. */
const CLIENT = patience(3);

/** Secrets in Secrets Manager. */
export function secretStore(region: string, client: Pick<SecretsManagerClient, 'send'> = new SecretsManagerClient({ ...CLIENT, region })): SecretStore {
  return {
    async describe(secret) {
      const { DeletedDate, VersionIdsToStages } = await client.send(new DescribeSecretCommand({ SecretId: secret }));
      return { deleted: DeletedDate !== undefined, versions: VersionIdsToStages ?? {} };
    },
    async value(secret, version) {
      const { SecretString, CreatedDate } = await client.send(new GetSecretValueCommand({ SecretId: secret, VersionId: version }));
      return { text: SecretString, created: CreatedDate?.getTime() };
    },
  };
}

/** The current value of a secret that is never rotated; undefined when it has no text. */
export function staticSecret(region: string, client: Pick<SecretsManagerClient, 'send'> = new SecretsManagerClient({ ...CLIENT, region })): (secret: string) => Promise<string | undefined> {
  return async (secret) => (await client.send(new GetSecretValueCommand({ SecretId: secret }))).SecretString;
}

/** The pointer in Systems Manager, manifests in S3. */
export function manifestStore(
  region: string,
  ssm: Pick<SSMClient, 'send'> = new SSMClient({ ...CLIENT, region }),
  s3: Pick<S3Client, 'send'> = new S3Client({ ...CLIENT, region }),
): ManifestStore {
  return {
    async pointer(parameter) {
      const { Parameter } = await ssm.send(new GetParameterCommand({ Name: parameter }));
      return Parameter?.Value ?? '';
    },
    async object(bucket, key) {
      const { Body } = await s3.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return (await Body?.transformToString()) ?? '';
    },
  };
}
