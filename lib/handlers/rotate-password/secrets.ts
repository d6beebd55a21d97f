import type * as sdk from '@aws-sdk/client-secrets-manager';
import { PASSWORD_LENGTH } from '../../config/password';
import { patience } from '../../sdk';
import { versionStore } from '../secret-versions';
import type { SecretStore } from './driver';

/** Secrets Manager. What is throttled for longer is tried again by the driver. */
export function secretStore(secretsManager: typeof sdk, client: Pick<sdk.SecretsManagerClient, 'send'> = new secretsManager.SecretsManagerClient(patience(3))): SecretStore {
  return {
    ...versionStore(secretsManager, client),
    async generate() {
      const command = new secretsManager.GetRandomPasswordCommand({ PasswordLength: PASSWORD_LENGTH, ExcludePunctuation: true, IncludeSpace: false, RequireEachIncludedType: true });
      const { RandomPassword } = await client.send(command);
      if (RandomPassword?.length !== PASSWORD_LENGTH) throw Object.assign(new Error('a password of another length than asked for'), { name: 'ShortPassword' });
      return RandomPassword;
    },
  };
}
