import { randomBytes, randomUUID } from 'node:crypto';
import type * as sdk from '@aws-sdk/client-secrets-manager';

/**
 * Secrets Manager in memory, written from its documentation; each behaviour has its link. Nothing here is concluded from an emulator.
 *
 * A call is atomic and takes no time: whoever needs latency, throttling or lost answers puts it around the client.
 */
export class SecretsManagerModel {
  private readonly secrets = new Map<string, Secret>();
  /** what the service would now call the rotation function with. */
  readonly calls: { readonly secret: string; readonly token: string; readonly steps: readonly RotationStep[] }[] = [];
  /** told after every change of a label. */
  changed: (secret: string) => void = () => undefined;

  constructor(private readonly choices: Choices = {}) {}

  /** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html: a value given here gets the label AWSCURRENT. */
  createSecret({ Name, SecretString, ClientRequestToken = randomUUID() }: { Name: string; SecretString?: string; ClientRequestToken?: string }): { ARN: string; VersionId?: string } {
    const arn = `arn:aws:secretsmanager:eu-central-1:111122223333:secret:${Name}-a1B2c3`;
    if (this.secrets.has(arn)) throw failure('ResourceExistsException', `the secret ${Name} already exists`);
    const versions = new Map<string, Version>();
    if (SecretString !== undefined) versions.set(ClientRequestToken, { value: SecretString, labels: new Set(['AWSCURRENT']) });
    this.secrets.set(arn, { arn, name: Name, versions });
    this.changed(arn);
    return { ARN: arn, ...(SecretString === undefined ? {} : { VersionId: ClientRequestToken }) };
  }

  /**
   * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html: versions that have labels, and `DeletedDate` of a
   * secret that is scheduled for deletion. `RotationEnabled` is there once rotation was configured.
   */
  describeSecret({ SecretId }: { SecretId?: string }): sdk.DescribeSecretResponse {
    const { arn, name, versions, deleted, rotation } = this.find(SecretId);
    const labelled = [...versions].filter(([, { labels }]) => labels.size > 0);
    return {
      ARN: arn,
      Name: name,
      VersionIdsToStages: Object.fromEntries(labelled.map(([id, { labels }]) => [id, [...labels]])),
      ...(rotation === undefined ? {} : { RotationEnabled: rotation.enabled, RotationLambdaARN: rotation.lambda }),
      ...(deleted === undefined ? {} : { DeletedDate: deleted }),
    };
  }

  /** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html: AWSCURRENT unless a version or a label is named. */
  getSecretValue({ SecretId, VersionId, VersionStage }: { SecretId?: string; VersionId?: string; VersionStage?: string }): sdk.GetSecretValueResponse {
    const secret = this.alive(SecretId);
    const id = VersionId ?? holder(secret, VersionStage ?? 'AWSCURRENT');
    const version = id === undefined ? undefined : secret.versions.get(id);
    // a version that is labelled and empty is not found; DescribeSecret says to find out this way whether a version exists.
    if (version?.value === undefined) throw failure('ResourceNotFoundException', "Secrets Manager can't find the specified secret value");
    // 'the two parameters must refer to the same secret version'.
    if (VersionStage !== undefined && !version.labels.has(VersionStage)) throw failure('InvalidRequestException', 'the label is not on that version');
    return { ARN: secret.arn, Name: secret.name, VersionId: id, SecretString: version.value, VersionStages: [...version.labels] };
  }

  /**
   * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html: the token is the version's id. The same value again
   * 'succeeds but does nothing', another one fails; labels are taken from wherever they are, AWSCURRENT by default, and the first version
   * has AWSCURRENT whatever was asked for.
   */
  putSecretValue({ SecretId, ClientRequestToken = randomUUID(), SecretString, VersionStages = ['AWSCURRENT'] }: { SecretId?: string; ClientRequestToken?: string; SecretString?: string; VersionStages?: string[] }): sdk.PutSecretValueResponse {
    const secret = this.alive(SecretId);
    validToken(ClientRequestToken);
    if (SecretString === undefined) throw failure('InvalidParameterException', 'a value is needed');
    const existing = secret.versions.get(ClientRequestToken);
    if (existing?.value !== undefined && existing.value !== SecretString) throw failure('ResourceExistsException', 'the token is in use for another value');
    if (existing?.value === undefined) {
      const first = ![...secret.versions.values()].some(({ value }) => value !== undefined);
      secret.versions.set(ClientRequestToken, { value: SecretString, labels: existing?.labels ?? new Set() });
      for (const label of new Set([...VersionStages, ...(first ? ['AWSCURRENT'] : [])])) attach(secret, label, ClientRequestToken);
      this.changed(secret.arn);
    }
    return { ARN: secret.arn, Name: secret.name, VersionId: ClientRequestToken, VersionStages: [...(secret.versions.get(ClientRequestToken)?.labels ?? [])] };
  }

  /**
   * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html: 'if the label is attached and you either do
   * not specify this parameter, or the version ID does not match, then the operation fails', and AWSPREVIOUS follows AWSCURRENT to the version
   * it was taken from.
   */
  updateSecretVersionStage({ SecretId, VersionStage, RemoveFromVersionId, MoveToVersionId }: { SecretId?: string; VersionStage?: string; RemoveFromVersionId?: string; MoveToVersionId?: string }): sdk.UpdateSecretVersionStageResponse {
    const secret = this.alive(SecretId);
    if (VersionStage === undefined) throw failure('InvalidParameterException', 'a label is needed');
    const from = holder(secret, VersionStage);
    if (MoveToVersionId !== undefined && !secret.versions.has(MoveToVersionId)) throw failure('ResourceNotFoundException', 'there is no such version');
    if (RemoveFromVersionId !== undefined && RemoveFromVersionId !== from) throw failure('InvalidParameterException', 'the label is not on that version');
    if (from !== undefined && from !== MoveToVersionId && RemoveFromVersionId === undefined) throw failure('InvalidParameterException', 'the label is on another version, which must be named');
    // 'a secret always has a version labeled AWSCURRENT': https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version
    if (VersionStage === 'AWSCURRENT' && MoveToVersionId === undefined) throw failure('InvalidParameterException', 'AWSCURRENT can only be moved');
    if (MoveToVersionId === undefined) {
      if (from !== undefined) secret.versions.get(from)?.labels.delete(VersionStage);
    } else {
      attach(secret, VersionStage, MoveToVersionId);
      // the user guide says that moving AWSCURRENT takes AWSPENDING away 'in the same API call', the reference of RotateSecret that it may
      // stay, and so do the maintainers of the templates. https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
      // https://github.com/aws-samples/aws-secrets-manager-rotation-lambdas/pull/145
      if (VersionStage === 'AWSCURRENT' && this.choices.pendingAfterPromotion === 'removed') secret.versions.get(MoveToVersionId)?.labels.delete('AWSPENDING');
    }
    this.changed(secret.arn);
    return { ARN: secret.arn, Name: secret.name };
  }

  /**
   * https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RotateSecret.html: refused while AWSPENDING is on another version than
   * AWSCURRENT; the new version is labelled before it has a value (API_DescribeSecret). Without an immediate rotation, testSecret alone is
   * called, with a version that is taken away afterwards: {@link SecretsManagerModel.over}.
   */
  rotateSecret({ SecretId, ClientRequestToken = randomUUID(), RotationLambdaARN, RotateImmediately = true }: { SecretId?: string; ClientRequestToken?: string; RotationLambdaARN?: string; RotateImmediately?: boolean }): sdk.RotateSecretResponse {
    const secret = this.alive(SecretId);
    validToken(ClientRequestToken);
    const lambda = RotationLambdaARN ?? secret.rotation?.lambda;
    if (lambda === undefined) throw failure('InvalidRequestException', 'no rotation function is configured');
    const pending = holder(secret, 'AWSPENDING');
    if (pending !== undefined && pending !== holder(secret, 'AWSCURRENT')) throw failure('InvalidRequestException', "A previous rotation isn't complete. That rotation will be reattempted.");
    secret.rotation = { enabled: true, lambda };
    const test = this.choices.testVersion ?? 'empty';
    if (RotateImmediately || test !== 'none') {
      const value = RotateImmediately || test === 'empty' ? undefined : secret.versions.get(holder(secret, 'AWSCURRENT') ?? '')?.value;
      if (!secret.versions.has(ClientRequestToken)) secret.versions.set(ClientRequestToken, { value, labels: new Set() });
      attach(secret, 'AWSPENDING', ClientRequestToken);
    }
    this.calls.push({ secret: secret.arn, token: ClientRequestToken, steps: RotateImmediately ? ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] : ['testSecret'] });
    this.changed(secret.arn);
    return { ARN: secret.arn, Name: secret.name, VersionId: ClientRequestToken };
  }

  /** The service after the last step of what it called: AWSPENDING does not stay on the current version for ever, and a test leaves no version. */
  over(secretId: string, token: string, tested = false): void {
    const secret = this.find(secretId);
    if (holder(secret, 'AWSPENDING') === token && (tested || holder(secret, 'AWSCURRENT') === token)) secret.versions.get(token)?.labels.delete('AWSPENDING');
    if (tested && secret.versions.get(token)?.labels.size === 0) secret.versions.delete(token);
    this.changed(secret.arn);
  }

  /** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CancelRotateSecret.html: labels stay where they are. */
  cancelRotateSecret({ SecretId }: { SecretId?: string }): sdk.CancelRotateSecretResponse {
    const secret = this.alive(SecretId);
    if (secret.rotation !== undefined) secret.rotation = { ...secret.rotation, enabled: false };
    const pending = holder(secret, 'AWSPENDING');
    return { ARN: secret.arn, Name: secret.name, ...(pending === undefined || pending === holder(secret, 'AWSCURRENT') ? {} : { VersionId: pending }) };
  }

  /** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html */
  deleteSecret({ SecretId, RecoveryWindowInDays = 30, ForceDeleteWithoutRecovery = false }: { SecretId?: string; RecoveryWindowInDays?: number; ForceDeleteWithoutRecovery?: boolean }): sdk.DeleteSecretResponse {
    const secret = ForceDeleteWithoutRecovery ? this.find(SecretId) : this.alive(SecretId);
    const date = new Date(Date.now() + RecoveryWindowInDays * 86_400_000);
    if (ForceDeleteWithoutRecovery) this.secrets.delete(secret.arn);
    else secret.deleted = date;
    return { ARN: secret.arn, Name: secret.name, DeletionDate: date };
  }

  /** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RestoreSecret.html */
  restoreSecret({ SecretId }: { SecretId?: string }): sdk.RestoreSecretResponse {
    const secret = this.find(SecretId);
    secret.deleted = undefined;
    return { ARN: secret.arn, Name: secret.name };
  }

  /** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecretVersionIds.html */
  listSecretVersionIds({ SecretId, IncludeDeprecated = false }: { SecretId?: string; IncludeDeprecated?: boolean }): sdk.ListSecretVersionIdsResponse {
    const secret = this.find(SecretId);
    const versions = [...secret.versions].filter(([, { labels }]) => IncludeDeprecated || labels.size > 0);
    return { ARN: secret.arn, Name: secret.name, Versions: versions.map(([VersionId, { labels }]) => ({ VersionId, VersionStages: [...labels] })) };
  }

  /** https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetRandomPassword.html; of its switches those that are used here. */
  getRandomPassword({ PasswordLength = 32, ExcludePunctuation = false, RequireEachIncludedType = true }: { PasswordLength?: number; ExcludePunctuation?: boolean; RequireEachIncludedType?: boolean }): sdk.GetRandomPasswordResponse {
    const types = ['ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz', '0123456789', ...(ExcludePunctuation ? [] : ['!#$%&()*+,-./:;<=>?@[]^_{|}~'])];
    const all = types.join('');
    for (;;) {
      const password = [...randomBytes(PasswordLength)].map((byte) => all[byte % all.length]).join('');
      if (!RequireEachIncludedType || types.every((type) => [...password].some((each) => type.includes(each)))) return { RandomPassword: password };
    }
  }

  /** Which version has a label. */
  labelled(secretId: string, label: string): string | undefined {
    return holder(this.find(secretId), label);
  }

  private find(id: string | undefined): Secret {
    const secret = [...this.secrets.values()].find(({ arn, name }) => arn === id || name === id);
    if (secret === undefined) throw failure('ResourceNotFoundException', "Secrets Manager can't find the specified secret.");
    return secret;
  }

  /** 'InvalidRequestException: the secret is scheduled for deletion', of every call but DescribeSecret, RestoreSecret and the lists. */
  private alive(id: string | undefined): Secret {
    const secret = this.find(id);
    if (secret.deleted !== undefined) throw failure('InvalidRequestException', 'the secret is scheduled for deletion');
    return secret;
  }
}

export type RotationStep = 'createSecret' | 'setSecret' | 'testSecret' | 'finishSecret';

/** Where the documentation says two things or nothing. */
export interface Choices {
  /** whether moving AWSCURRENT takes AWSPENDING from the version it arrives at. */
  readonly pendingAfterPromotion?: 'kept' | 'removed';
  /** what the version holds that a test without a rotation is called with. */
  readonly testVersion?: 'empty' | 'copy' | 'none';
}

interface Version {
  readonly value?: string;
  readonly labels: Set<string>;
}

interface Secret {
  readonly arn: string;
  readonly name: string;
  readonly versions: Map<string, Version>;
  deleted?: Date;
  rotation?: { readonly enabled: boolean; readonly lambda: string };
}

function holder({ versions }: Secret, label: string): string | undefined {
  return [...versions].find(([, { labels }]) => labels.has(label))?.[0];
}

/** 'Each staging label can be attached to only one version at a time', and AWSPREVIOUS goes where AWSCURRENT came from. */
function attach(secret: Secret, label: string, to: string): void {
  const from = holder(secret, label);
  if (from === to) return;
  if (from !== undefined) secret.versions.get(from)?.labels.delete(label);
  secret.versions.get(to)?.labels.add(label);
  if (label === 'AWSCURRENT') {
    secret.versions.get(to)?.labels.delete('AWSPREVIOUS');
    if (from !== undefined) attach(secret, 'AWSPREVIOUS', from);
  }
}

function validToken(token: string): void {
  if (token.length < 32 || token.length > 64) throw failure('InvalidParameterException', 'a token has 32 to 64 characters');
}

/** What the SDK throws, as far as anybody looks: https://docs.aws.amazon.com/sdk-for-javascript/v3/developer-guide/the-request-object.html */
export function failure(name: string, message = name): Error {
  return Object.assign(new Error(message), { name });
}

/** A client of the SDK that talks to the model. */
export function modelClient(model: SecretsManagerModel): Pick<sdk.SecretsManagerClient, 'send'> {
  const send = (command: { readonly input: object; readonly constructor: { readonly name: string } }): Promise<unknown> => {
    const name = command.constructor.name.replace(/Command$/, '');
    const method = (name.charAt(0).toLowerCase() + name.slice(1)) as 'describeSecret';
    return new Promise((resolve) => resolve(model[method](command.input)));
  };
  return { send } as Pick<sdk.SecretsManagerClient, 'send'>;
}
