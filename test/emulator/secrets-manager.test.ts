import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import * as fc from 'fast-check';
import { modelClient, SecretsManagerModel } from './secrets-manager';

const LAMBDA = 'arn:aws:lambda:eu-central-1:111122223333:function:rotate';
const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(32)) as [string, string, string];

function made(value: string | undefined = 'one'): { model: SecretsManagerModel; SecretId: string; labels: () => Record<string, string[]> | undefined } {
  const model = new SecretsManagerModel();
  const SecretId = model.createSecret({ Name: 'app', SecretString: value, ClientRequestToken: A }).ARN;
  return { model, SecretId, labels: () => model.describeSecret({ SecretId }).VersionIdsToStages };
}

const named = (name: string): Error => expect.objectContaining({ name }) as Error;

describe('PutSecretValue', () => {
  test('moves AWSCURRENT by default, and AWSPREVIOUS follows', () => {
    const { model, SecretId, labels } = made();
    model.putSecretValue({ SecretId, SecretString: 'two', ClientRequestToken: B });
    expect(labels()).toEqual({ [A]: ['AWSPREVIOUS'], [B]: ['AWSCURRENT'] });
    model.putSecretValue({ SecretId, SecretString: 'three', ClientRequestToken: C });
    // a version without a label is not described, and can still be read.
    expect(labels()).toEqual({ [B]: ['AWSPREVIOUS'], [C]: ['AWSCURRENT'] });
    expect(model.getSecretValue({ SecretId, VersionId: A }).SecretString).toBe('one');
  });

  test('takes the labels that it names, and no others', () => {
    const { model, SecretId, labels } = made();
    model.putSecretValue({ SecretId, SecretString: 'two', ClientRequestToken: B, VersionStages: ['AWSPENDING'] });
    model.putSecretValue({ SecretId, SecretString: 'three', ClientRequestToken: C, VersionStages: ['AWSPENDING', 'MINE'] });
    expect(labels()).toEqual({ [A]: ['AWSCURRENT'], [C]: ['AWSPENDING', 'MINE'] });
  });

  test('the first value is current whatever was asked for', () => {
    const model = new SecretsManagerModel();
    const SecretId = model.createSecret({ Name: 'app' }).ARN;
    model.putSecretValue({ SecretId, SecretString: 'one', ClientRequestToken: A, VersionStages: ['AWSPENDING'] });
    expect(model.describeSecret({ SecretId }).VersionIdsToStages).toEqual({ [A]: ['AWSPENDING', 'AWSCURRENT'] });
  });

  test('the same value again does nothing, not even with labels; another value is refused', () => {
    const { model, SecretId, labels } = made();
    model.putSecretValue({ SecretId, SecretString: 'two', ClientRequestToken: B });
    model.putSecretValue({ SecretId, SecretString: 'one', ClientRequestToken: A });
    expect(labels()).toEqual({ [A]: ['AWSPREVIOUS'], [B]: ['AWSCURRENT'] });
    expect(() => model.putSecretValue({ SecretId, SecretString: 'other', ClientRequestToken: A })).toThrow(named('ResourceExistsException'));
    expect(() => model.putSecretValue({ SecretId, SecretString: 'x', ClientRequestToken: 'short' })).toThrow(named('InvalidParameterException'));
  });
});

describe('UpdateSecretVersionStage', () => {
  test('moves AWSCURRENT only from where it is, and AWSPREVIOUS follows', () => {
    const { model, SecretId, labels } = made();
    model.putSecretValue({ SecretId, SecretString: 'two', ClientRequestToken: B, VersionStages: ['AWSPENDING'] });
    const move = { SecretId, VersionStage: 'AWSCURRENT', MoveToVersionId: B };
    expect(() => model.updateSecretVersionStage(move)).toThrow(named('InvalidParameterException'));
    expect(() => model.updateSecretVersionStage({ ...move, RemoveFromVersionId: B })).toThrow(named('InvalidParameterException'));
    expect(() => model.updateSecretVersionStage({ ...move, RemoveFromVersionId: A, MoveToVersionId: C })).toThrow(named('ResourceNotFoundException'));
    expect(labels()).toEqual({ [A]: ['AWSCURRENT'], [B]: ['AWSPENDING'] });
    model.updateSecretVersionStage({ ...move, RemoveFromVersionId: A });
    expect(labels()).toEqual({ [A]: ['AWSPREVIOUS'], [B]: ['AWSPENDING', 'AWSCURRENT'] });
    // there is no way to have no current version.
    expect(() => model.updateSecretVersionStage({ SecretId, VersionStage: 'AWSCURRENT', RemoveFromVersionId: B })).toThrow(named('InvalidParameterException'));
  });

  test('takes AWSPENDING away, and gives a label to whoever has none', () => {
    const { model, SecretId, labels } = made();
    model.putSecretValue({ SecretId, SecretString: 'two', ClientRequestToken: B, VersionStages: ['AWSPENDING'] });
    model.updateSecretVersionStage({ SecretId, VersionStage: 'AWSPENDING', RemoveFromVersionId: B });
    expect(labels()).toEqual({ [A]: ['AWSCURRENT'] });
    model.updateSecretVersionStage({ SecretId, VersionStage: 'AWSPENDING', MoveToVersionId: B });
    expect(labels()).toEqual({ [A]: ['AWSCURRENT'], [B]: ['AWSPENDING'] });
  });

  test('AWSPENDING may leave with the same call: the documentation says both', () => {
    const model = new SecretsManagerModel({ pendingAfterPromotion: 'removed' });
    const SecretId = model.createSecret({ Name: 'app', SecretString: 'one', ClientRequestToken: A }).ARN;
    model.putSecretValue({ SecretId, SecretString: 'two', ClientRequestToken: B, VersionStages: ['AWSPENDING'] });
    model.updateSecretVersionStage({ SecretId, VersionStage: 'AWSCURRENT', MoveToVersionId: B, RemoveFromVersionId: A });
    expect(model.describeSecret({ SecretId }).VersionIdsToStages).toEqual({ [A]: ['AWSPREVIOUS'], [B]: ['AWSCURRENT'] });
  });
});

describe('rotation', () => {
  test('labels a version that has no value, and is refused while one is pending', () => {
    const { model, SecretId, labels } = made();
    expect(model.describeSecret({ SecretId }).RotationEnabled).toBeUndefined();
    expect(() => model.rotateSecret({ SecretId, ClientRequestToken: B })).toThrow(named('InvalidRequestException'));
    model.rotateSecret({ SecretId, ClientRequestToken: B, RotationLambdaARN: LAMBDA });
    expect(labels()).toEqual({ [A]: ['AWSCURRENT'], [B]: ['AWSPENDING'] });
    expect(() => model.getSecretValue({ SecretId, VersionId: B })).toThrow(named('ResourceNotFoundException'));
    expect(() => model.getSecretValue({ SecretId, VersionStage: 'AWSPENDING' })).toThrow(named('ResourceNotFoundException'));
    expect(() => model.rotateSecret({ SecretId, ClientRequestToken: C })).toThrow(named('InvalidRequestException'));
    expect(model.calls).toEqual([{ secret: SecretId, token: B, steps: ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] }]);
    model.putSecretValue({ SecretId, ClientRequestToken: B, SecretString: 'two', VersionStages: ['AWSPENDING'] });
    expect(model.getSecretValue({ SecretId, VersionStage: 'AWSPENDING' })).toMatchObject({ VersionId: B, SecretString: 'two' });
    model.updateSecretVersionStage({ SecretId, VersionStage: 'AWSCURRENT', MoveToVersionId: B, RemoveFromVersionId: A });
    // pending on the current version is no rotation under way.
    model.rotateSecret({ SecretId, ClientRequestToken: C });
    expect(labels()).toEqual({ [A]: ['AWSPREVIOUS'], [B]: ['AWSCURRENT'], [C]: ['AWSPENDING'] });
  });

  test('CancelRotateSecret turns it off, leaves the labels and names the version', () => {
    const { model, SecretId, labels } = made();
    model.rotateSecret({ SecretId, ClientRequestToken: B, RotationLambdaARN: LAMBDA });
    expect(model.cancelRotateSecret({ SecretId }).VersionId).toBe(B);
    expect(labels()).toEqual({ [A]: ['AWSCURRENT'], [B]: ['AWSPENDING'] });
    expect(model.describeSecret({ SecretId }).RotationEnabled).toBe(false);
    expect(() => model.rotateSecret({ SecretId, ClientRequestToken: C })).toThrow(named('InvalidRequestException'));
    model.updateSecretVersionStage({ SecretId, VersionStage: 'AWSPENDING', RemoveFromVersionId: B });
    model.rotateSecret({ SecretId, ClientRequestToken: C });
    expect(model.describeSecret({ SecretId }).RotationEnabled).toBe(true);
  });

  test.each(['empty', 'copy', 'none'] as const)('without an immediate rotation there is a test alone, with a version that is %s and goes again', (testVersion) => {
    const model = new SecretsManagerModel({ testVersion });
    const SecretId = model.createSecret({ Name: 'app', SecretString: 'one', ClientRequestToken: A }).ARN;
    model.rotateSecret({ SecretId, ClientRequestToken: B, RotationLambdaARN: LAMBDA, RotateImmediately: false });
    expect(model.calls.at(-1)?.steps).toEqual(['testSecret']);
    expect(model.labelled(SecretId, 'AWSPENDING')).toBe(testVersion === 'none' ? undefined : B);
    if (testVersion === 'copy') expect(model.getSecretValue({ SecretId, VersionId: B }).SecretString).toBe('one');
    else expect(() => model.getSecretValue({ SecretId, VersionId: B })).toThrow(named('ResourceNotFoundException'));
    model.over(SecretId, B, true);
    expect(model.listSecretVersionIds({ SecretId, IncludeDeprecated: true }).Versions).toEqual([{ VersionId: A, VersionStages: ['AWSCURRENT'] }]);
  });
});

describe('deletion', () => {
  test('a scheduled one is described and restored, and nothing else', () => {
    const { model, SecretId } = made();
    model.rotateSecret({ SecretId, ClientRequestToken: B, RotationLambdaARN: LAMBDA });
    model.deleteSecret({ SecretId });
    expect(model.describeSecret({ SecretId }).DeletedDate).toBeInstanceOf(Date);
    const refused = [
      () => model.getSecretValue({ SecretId }),
      () => model.putSecretValue({ SecretId, SecretString: 'x', ClientRequestToken: C }),
      () => model.updateSecretVersionStage({ SecretId, VersionStage: 'AWSPENDING', RemoveFromVersionId: B }),
      () => model.rotateSecret({ SecretId, ClientRequestToken: C }),
      () => model.cancelRotateSecret({ SecretId }),
    ];
    for (const call of refused) expect(call).toThrow(named('InvalidRequestException'));
    model.restoreSecret({ SecretId });
    expect(model.getSecretValue({ SecretId }).SecretString).toBe('one');
    model.deleteSecret({ SecretId, ForceDeleteWithoutRecovery: true });
    expect(() => model.describeSecret({ SecretId })).toThrow(named('ResourceNotFoundException'));
  });
});

test('a client of the SDK gets what the model says, errors as rejections', async () => {
  const { model, SecretId } = made();
  const client = modelClient(model);
  expect(await client.send(new GetSecretValueCommand({ SecretId }))).toMatchObject({ SecretString: 'one' });
  await expect(client.send(new GetSecretValueCommand({ SecretId: 'other' }))).rejects.toThrow(named('ResourceNotFoundException'));
});

test('random passwords have the length and the types that were asked for', () => {
  fc.assert(
    fc.property(fc.integer({ min: 8, max: 64 }), (PasswordLength) => {
      const { RandomPassword = '' } = new SecretsManagerModel().getRandomPassword({ PasswordLength, ExcludePunctuation: true, RequireEachIncludedType: true });
      expect(RandomPassword).toMatch(new RegExp(`^(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9]{${PasswordLength}}$`));
    }),
  );
});

test('whatever is called, every label is on one version at most and one version is current', () => {
  const version = fc.constantFrom(A, B, C, 'd'.repeat(32));
  const label = fc.constantFrom('AWSCURRENT', 'AWSPENDING', 'AWSPREVIOUS', 'MINE');
  const call = fc.oneof(
    fc.record({ do: fc.constant('put' as const), ClientRequestToken: version, SecretString: fc.constantFrom('x', 'y'), VersionStages: fc.option(fc.array(label, { minLength: 1 }), { nil: undefined }) }),
    fc.record({ do: fc.constant('move' as const), VersionStage: label, RemoveFromVersionId: fc.option(version, { nil: undefined }), MoveToVersionId: fc.option(version, { nil: undefined }) }),
    fc.record({ do: fc.constant('rotate' as const), ClientRequestToken: version, RotationLambdaARN: fc.constant(LAMBDA) }),
    fc.record({ do: fc.constant('cancel' as const) }),
  );
  fc.assert(
    fc.property(fc.array(call), (calls) => {
      const { model, SecretId, labels } = made();
      for (const each of calls) {
        const before = JSON.stringify(labels());
        try {
          if (each.do === 'put') model.putSecretValue({ SecretId, ...each });
          else if (each.do === 'move') model.updateSecretVersionStage({ SecretId, ...each });
          else if (each.do === 'rotate') model.rotateSecret({ SecretId, ...each });
          else model.cancelRotateSecret({ SecretId });
        } catch {
          // what is refused changes nothing.
          expect(JSON.stringify(labels())).toBe(before);
        }
        const all = Object.values(labels() ?? {}).flat();
        expect(new Set(all).size).toBe(all.length);
        expect(all).toContain('AWSCURRENT');
      }
    }),
  );
});
