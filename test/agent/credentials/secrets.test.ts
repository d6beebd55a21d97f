import { readPassword, readStages } from '../../../lib/agent/credentials/secrets';
import type { SecretDescription, SecretStore } from '../../../lib/agent/credentials/secrets';
import { failure } from '../../emulator/secrets-manager';
import { sha256 } from './world';

const SECRET = 'arn:aws:secretsmanager:eu-central-1:111122223333:secret:ingest-a1B2c3';
const describing = (answer: SecretDescription | Error): SecretStore => ({ describe: () => (answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)), value: () => Promise.reject(new Error()) });
const holding = (answer: string | undefined | Error): SecretStore => ({ describe: () => Promise.reject(new Error()), value: () => (answer instanceof Error ? Promise.reject(answer) : Promise.resolve({ text: answer, created: 7 })) });

describe('labels', () => {
  test('by name, whatever else is there', async () => {
    const versions = { a: ['AWSPREVIOUS'], b: ['AWSCURRENT', 'AWSPENDING', 'own'], c: [] };
    expect(await readStages(describing({ deleted: false, versions }), SECRET)).toEqual({ kind: 'stages', stages: { current: 'b', pending: 'b', previous: 'a' } });
  });

  test.each([
    [{ deleted: true, versions: { a: ['AWSCURRENT'] } }, 'gone', /scheduled for deletion/],
    [{ deleted: false, versions: {} }, 'gone', /no current version/],
    [{ deleted: false, versions: { a: ['AWSPENDING'] } }, 'gone', /no current version/],
    [failure('ResourceNotFoundException'), 'gone', /does not exist/],
    [failure('ThrottlingException'), 'unknown', /ThrottlingException/],
    [failure('AccessDeniedException'), 'unknown', /AccessDeniedException/],
    [failure('InternalServiceError'), 'unknown', /InternalServiceError/],
    [failure('InvalidRequestException'), 'unknown', /InvalidRequestException/],
    [failure('TimeoutError'), 'unknown', /TimeoutError/],
    [Object.assign(new Error('connect'), { code: 'ECONNREFUSED' }), 'unknown', /ECONNREFUSED/],
  ])('%j is %s', async (answer, kind, reason) => {
    expect(await readStages(describing(answer), SECRET)).toMatchObject({ kind, reason: expect.stringMatching(reason) as string });
  });
});

describe('a version', () => {
  const read = (answer: string | undefined | Error): ReturnType<typeof readPassword> => readPassword(holding(answer), SECRET, 'v', 'ingest');

  test('is what its password hashes to', async () => {
    expect(await read(JSON.stringify({ username: 'ingest', password: 'pässword', host: 'h' }))).toEqual({ kind: 'hash', hash: sha256('pässword'), created: 7 });
  });

  test.each([
    [undefined, 'malformed'],
    ['', 'malformed'],
    ['hunter2hunter2', 'malformed'],
    ['"hunter2"', 'malformed'],
    ['["hunter2"]', 'malformed'],
    ['null', 'malformed'],
    ['{"username":"ingest"}', 'malformed'],
    ['{"username":"ingest","password":""}', 'malformed'],
    ['{"username":"ingest","password":["hunter2"]}', 'malformed'],
    ['{"username":"reader","password":"hunter2"}', 'malformed'],
    ['{"password":"hunter2"}', 'malformed'],
    [failure('ResourceNotFoundException', 'hunter2'), 'absent'],
    [failure('ThrottlingException', 'hunter2'), 'unknown'],
    [failure('DecryptionFailure', 'hunter2'), 'unknown'],
    [failure('InvalidRequestException', 'hunter2'), 'unknown'],
    [failure('hunter2: no', 'hunter2'), 'unknown'],
  ])('%j is %s, and the reason repeats nothing of it', async (answer, kind) => {
    const reading = await read(answer);
    expect(reading.kind).toBe(kind);
    expect(JSON.stringify(reading)).not.toMatch(/hunter2|reader/);
  });
});
