import type * as secretsManager from '@aws-sdk/client-secrets-manager';
import type * as ssm from '@aws-sdk/client-ssm';
import { secretStore as rotationStore } from '../rotate-password/secrets';
import type { Found, ParameterStore, SecretStore } from './world';

/** A call that hangs would outlive the function. */
export const CLIENT = { maxAttempts: 5, requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, socketTimeout: 5_000 } };

/** Secrets Manager; how a version is stored and promoted is the same as for passwords. */
export function secretStore(sdk: typeof secretsManager, client: Pick<secretsManager.SecretsManagerClient, 'send'>): SecretStore {
  return {
    ...rotationStore(sdk, client),
    async describe(secret) {
      const answer = await client.send(new sdk.DescribeSecretCommand({ SecretId: secret })).catch(unless('ResourceNotFoundException'));
      if (answer === undefined) return undefined;
      const labelled = (label: string): string | undefined => Object.entries(answer.VersionIdsToStages ?? {}).find(([, labels]) => labels.includes(label))?.[0];
      return { deleted: answer.DeletedDate !== undefined, current: labelled('AWSCURRENT'), previous: labelled('AWSPREVIOUS') };
    },
    async list({ key, value }) {
      const found: Found[] = [];
      let page: secretsManager.ListSecretsCommandOutput | undefined;
      do {
        // filters match beginnings, and key and value may match different tags of one secret, so that they only make the list shorter
        // (https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_Filter.html).
        const filters: secretsManager.Filter[] = [{ Key: 'tag-key', Values: [key] }, { Key: 'tag-value', Values: [value] }];
        page = await client.send(new sdk.ListSecretsCommand({ Filters: filters, MaxResults: 100, NextToken: page?.NextToken }));
        for (const { ARN, Name, Tags = [] } of page.SecretList ?? []) {
          if (ARN !== undefined && Tags.some((tag) => tag.Key === key && tag.Value === value)) found.push({ arn: ARN, name: Name ?? ARN });
        }
      } while (page.NextToken !== undefined);
      return found;
    },
  };
}

/** A client whose errors know which call failed: their messages are not repeated, since they may quote what was sent. */
export function naming<Client extends { send(command: never): Promise<unknown> }>(client: Client): Pick<Client, 'send'> {
  const send = async (command: object): Promise<unknown> => {
    try {
      return await client.send(command as never);
    } catch (error) {
      throw error instanceof Error ? Object.assign(error, { call: command.constructor.name.replace(/Command$/, '') }) : error;
    }
  };
  return { send };
}

/** Systems Manager parameters. */
export function parameterStore({ GetParameterCommand, PutParameterCommand }: typeof ssm, client: Pick<ssm.SSMClient, 'send'>): ParameterStore {
  return {
    async read(name) {
      const answer = await client.send(new GetParameterCommand({ Name: name })).catch(unless('ParameterNotFound'));
      return answer === undefined ? undefined : (answer.Parameter?.Value ?? '');
    },
    async write(name, value) {
      await client.send(new PutParameterCommand({ Name: name, Value: value, Overwrite: true }));
    },
  };
}

function unless(name: string): (error: unknown) => undefined {
  return (error) => {
    if (!(error instanceof Error) || error.name !== name) throw error;
    return undefined;
  };
}
