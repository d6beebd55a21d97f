import type * as sdk from '@aws-sdk/client-secrets-manager';
import { CancelRotateSecretCommand, CreateSecretCommand, DeleteSecretCommand, DescribeSecretCommand, GetSecretValueCommand, PutSecretValueCommand, RotateSecretCommand, UpdateSecretVersionStageCommand } from '@aws-sdk/client-secrets-manager';

export type Client = Pick<sdk.SecretsManagerClient, 'send'>;

/** Something that moto does otherwise than the documentation says. The model does what the documentation says. */
export interface Difference {
  /** the row in README.md. */
  readonly id: string;
  readonly documentation: string;
  /** what is done; the answer is compared. */
  readonly run: (client: Client, secret: string) => Promise<unknown>;
  readonly documented: unknown;
  readonly moto: unknown;
}

export const [A, B, C, D] = ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(32)) as [string, string, string, string];
export const FUNCTION = 'arn:aws:lambda:eu-central-1:123456789012:function:rotate';
const API = 'https://docs.aws.amazon.com/secretsmanager/latest/apireference';

export const create = (client: Client, Name: string): Promise<unknown> => client.send(new CreateSecretCommand({ Name, SecretString: 'one', ClientRequestToken: A }));
export const put = (client: Client, SecretId: string, ClientRequestToken: string, SecretString: string, VersionStages?: string[]): Promise<unknown> => client.send(new PutSecretValueCommand({ SecretId, ClientRequestToken, SecretString, VersionStages }));
export const move = (client: Client, SecretId: string, VersionStage: string, to?: string, from?: string): Promise<unknown> => client.send(new UpdateSecretVersionStageCommand({ SecretId, VersionStage, MoveToVersionId: to, RemoveFromVersionId: from }));
/** moto knows no functions, so it refuses a rotation; it has begun all the same, which is what is needed here. */
export const rotate = async (client: Client, SecretId: string, ClientRequestToken: string): Promise<string> => {
  const begun = client.send(new RotateSecretCommand({ SecretId, ClientRequestToken, RotationLambdaARN: FUNCTION, RotationRules: { AutomaticallyAfterDays: 30 } }));
  return begun.then(() => 'begun', (error: Error) => (error.message.includes('Resource not found for ARN') ? 'begun' : error.name));
};
export const labels = async (client: Client, SecretId: string): Promise<Record<string, string[]>> => {
  const { VersionIdsToStages = {} } = await client.send(new DescribeSecretCommand({ SecretId }));
  return Object.fromEntries(Object.entries(VersionIdsToStages).map(([version, each]) => [version.charAt(0), [...each].sort()]));
};
const said = (call: Promise<unknown>): Promise<unknown> => call.then(() => 'done', (error: Error) => error.name);
const value = (client: Client, SecretId: string, VersionId?: string): Promise<unknown> => client.send(new GetSecretValueCommand({ SecretId, VersionId })).then(({ SecretString }) => SecretString, (error: Error) => error.name);

export const DIFFERENCES: readonly Difference[] = [
  {
    id: 'pending-overwritten',
    documentation: `${API}/API_PutSecretValue.html`,
    run: async (client, secret) => {
      await put(client, secret, B, 'two', ['AWSPENDING']);
      return [await said(put(client, secret, B, 'other', ['AWSPENDING'])), await value(client, secret, B)];
    },
    documented: ['ResourceExistsException', 'two'],
    moto: ['done', 'other'],
  },
  {
    id: 'labels-dropped',
    documentation: `${API}/API_PutSecretValue.html`,
    run: async (client, secret) => {
      await move(client, secret, 'MINE', A);
      await put(client, secret, B, 'two');
      return labels(client, secret);
    },
    documented: { a: ['AWSPREVIOUS', 'MINE'], b: ['AWSCURRENT'] },
    moto: { a: ['AWSPREVIOUS'], b: ['AWSCURRENT'] },
  },
  {
    id: 'label-twice',
    documentation: `${API}/API_UpdateSecretVersionStage.html`,
    run: async (client, secret) => {
      await put(client, secret, B, 'two', ['AWSPENDING']);
      await put(client, secret, C, 'three', ['MINE']);
      return [await said(move(client, secret, 'AWSPENDING', C)), await labels(client, secret)];
    },
    documented: ['InvalidParameterException', { a: ['AWSCURRENT'], b: ['AWSPENDING'], c: ['MINE'] }],
    moto: ['done', { a: ['AWSCURRENT'], b: ['AWSPENDING'], c: ['AWSPENDING', 'MINE'] }],
  },
  {
    id: 'current-lost',
    documentation: 'https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version',
    run: async (client, secret) => {
      await said(move(client, secret, 'AWSCURRENT', D, A));
      return labels(client, secret);
    },
    documented: { a: ['AWSCURRENT'] },
    moto: { a: [] },
  },
  {
    id: 'current-removed',
    documentation: 'https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version',
    run: (client, secret) => said(move(client, secret, 'AWSCURRENT', undefined, A)),
    documented: 'InvalidParameterException',
    moto: 'done',
  },
  {
    id: 'default-version',
    documentation: `${API}/API_GetSecretValue.html`,
    run: async (client, secret) => {
      await put(client, secret, B, 'two', ['AWSPENDING']);
      await move(client, secret, 'AWSCURRENT', B, A);
      return value(client, secret);
    },
    documented: 'two',
    moto: 'one',
  },
  {
    id: 'unlabelled-described',
    documentation: `${API}/API_DescribeSecret.html`,
    run: async (client, secret) => {
      await put(client, secret, B, 'two', ['AWSPENDING']);
      await put(client, secret, C, 'three', ['AWSPENDING']);
      return labels(client, secret);
    },
    documented: { a: ['AWSCURRENT'], c: ['AWSPENDING'] },
    moto: { a: ['AWSCURRENT'], b: [], c: ['AWSPENDING'] },
  },
  {
    id: 'rotate-while-pending',
    documentation: `${API}/API_RotateSecret.html`,
    run: async (client, secret) => {
      await put(client, secret, B, 'two', ['AWSPENDING']);
      return rotate(client, secret, C);
    },
    documented: 'InvalidRequestException',
    moto: 'begun',
  },
  {
    id: 'rotate-pending-is-current',
    documentation: `${API}/API_RotateSecret.html`,
    run: async (client, secret) => {
      await put(client, secret, B, 'two', ['AWSPENDING', 'AWSCURRENT']);
      return rotate(client, secret, C);
    },
    documented: 'begun',
    moto: 'InvalidRequestException',
  },
  {
    id: 'rotate-without-function',
    documentation: `${API}/API_RotateSecret.html`,
    run: async (client, secret) => [await said(client.send(new RotateSecretCommand({ SecretId: secret, ClientRequestToken: B }))), await value(client, secret)],
    documented: ['InvalidRequestException', 'one'],
    moto: ['done', 'ResourceNotFoundException'],
  },
  {
    id: 'schedule-not-enabled',
    documentation: `${API}/API_RotateSecret.html`,
    run: async (client, secret) => {
      await said(client.send(new RotateSecretCommand({ SecretId: secret, ClientRequestToken: B, RotationLambdaARN: FUNCTION, RotationRules: { ScheduleExpression: 'rate(4 hours)' } })));
      return (await client.send(new DescribeSecretCommand({ SecretId: secret }))).RotationEnabled;
    },
    documented: true,
    moto: false,
  },
  {
    id: 'cancel-names-current',
    documentation: `${API}/API_CancelRotateSecret.html`,
    run: async (client, secret) => {
      await rotate(client, secret, B);
      return (await client.send(new CancelRotateSecretCommand({ SecretId: secret }))).VersionId;
    },
    documented: B,
    moto: A,
  },
  {
    id: 'deleted-written',
    documentation: `${API}/API_DeleteSecret.html`,
    run: async (client, secret) => {
      await put(client, secret, B, 'two', ['AWSPENDING']);
      await client.send(new DeleteSecretCommand({ SecretId: secret }));
      return [await said(put(client, secret, C, 'three', ['AWSPENDING'])), await said(move(client, secret, 'AWSCURRENT', C, A))];
    },
    documented: ['InvalidRequestException', 'InvalidRequestException'],
    moto: ['done', 'done'],
  },
];
