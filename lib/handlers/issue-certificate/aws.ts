import type * as secretsManager from '@aws-sdk/client-secrets-manager';
import type * as ssm from '@aws-sdk/client-ssm';
import { patience, unless } from '../../sdk';
import { versionStore } from '../secret-versions';
import type { Found, ParameterStore, SecretStore } from './world';

/** Renewal has all the time of a function, and a deployment that fails has to be undone. */
export const CLIENT = patience(5);

/** Secrets Manager. */
export function secretStore(sdk: typeof secretsManager, client: Pick<secretsManager.SecretsManagerClient, 'send'>): SecretStore {
  return {
    ...versionStore(sdk, client),
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
