import type { CloudFormationEvent } from '../../../lib/handlers/cloudformation';
import { establish } from '../../../lib/handlers/issue-certificate/establish';
import { authorityProperties } from '../../../lib/handlers/issue-certificate/event';
import { handleResource } from '../../../lib/handlers/issue-certificate/handle';
import { renewAll } from '../../../lib/handlers/issue-certificate/renew';
import { NO_AUTHORITY_YET } from '../../../lib/pki/authority';
import { NOT_ISSUED_YET, renderNodeSecret } from '../../../lib/pki/node-secret';
import { verifyNodeCertificate } from '../../../lib/pki/verify';
import { failure } from '../../emulator/secrets-manager';
import { DAY, keyPair, NODE, TestAuthority, ZONE } from '../../pki/authority';
import { Account, KEY_ID, notAfter, PARAMETER, TAG } from './world';

const OTHER_KEY = KEY_ID.replace('11111111', '22222222');
const NETWORKS = ['10.20.0.0/24', '10.20.1.0/24'];
const names = [NODE, ZONE];
const IP = '10.20.1.11';
let requests = 0;

interface Request {
  readonly account: Account;
  readonly secret: string;
  readonly changes?: Readonly<Record<string, unknown>>;
  readonly requestId?: string;
  readonly type?: 'Create' | 'Update' | 'Delete';
}

const newRequest = (): string => `00000000-0000-4000-8000-${String((requests += 1)).padStart(12, '0')}`;

/** What CloudFormation asks for. */
function request({ account, secret, changes = {}, requestId = newRequest(), type = 'Create' }: Request, world = account.world): Promise<{ readonly physicalResourceId: string; readonly data?: Readonly<Record<string, string>> }> {
  const event = {
    RequestType: type,
    RequestId: requestId,
    ResponseURL: 'https://example.com/answer',
    StackId: 'stack',
    LogicalResourceId: 'Certificate',
    ResourceType: 'Custom::ClickHouseCertificate',
    ResourceProperties: { Node: NODE, Endpoint: ZONE, Ip: IP, SecretArn: secret, CaParameter: PARAMETER, KeyId: KEY_ID, ...changes },
  } satisfies CloudFormationEvent<unknown> & { ResourceType: string };
  return handleResource(event, account.now + 240_000, () => Promise.resolve(world));
}

const renew = (account: Account, { keyId = KEY_ID, minutes = 14, world = account.world } = {}) => renewAll({ tag: TAG, caParameter: PARAMETER, keyId }, account.now + minutes * 60_000, world);

async function established(keyId = KEY_ID, alsoTrusted: readonly string[] = [], account = new Account()): Promise<Account> {
  await establish(authorityProperties({ ClusterName: 'analytics', Zone: ZONE, Networks: NETWORKS, KeyId: keyId, AlsoTrusted: alsoTrusted, CaParameter: PARAMETER }), account.world);
  return account;
}

/** A cluster with some nodes, each with its certificate. */
async function cluster(count: number, account?: Account): Promise<{ readonly account: Account; readonly secrets: readonly string[] }> {
  const made = await established(KEY_ID, [], account);
  const secrets: string[] = [];
  for (let index = 1; index <= count; index += 1) {
    const secret = made.addSecret(`analytics/server-1-${index}`);
    await request({ account: made, secret, changes: { Node: `server-1-${index}.${ZONE}`, Ip: `10.20.1.${index}` } });
    secrets.push(secret);
  }
  return { account: made, secrets };
}

const problemsOf = (account: Account, secrets: readonly string[]): string[] => secrets.flatMap((secret, index) => account.problems(secret, `server-1-${index + 1}.${ZONE}`, [`server-1-${index + 1}.${ZONE}`, ZONE], `10.20.1.${index + 1}`).map(({ reason }) => reason));

describe('a run of the schedule', () => {
  const authority = authorityProperties({ ClusterName: 'analytics', Zone: ZONE, Networks: NETWORKS, KeyId: KEY_ID, CaParameter: PARAMETER });
  const run = (account: Account, more: { readonly force?: boolean } = {}) => renewAll({ tag: TAG, caParameter: PARAMETER, keyId: KEY_ID, authority, ...more }, account.now + 840_000, account.world);
  const serials = (account: Account, secrets: readonly string[]): string[] => secrets.map((secret) => account.current(secret).serial);

  test('fills a parameter that was emptied, under the same key, so that whoever trusted it still does', async () => {
    const { account, secrets } = await cluster(3);
    const { bundle } = account;
    account.parameters.set(PARAMETER, NO_AUTHORITY_YET);
    await expect(renew(account)).rejects.toMatchObject({ code: 'UnfitParameter' });
    await run(account);
    expect(account.bundle).not.toBe(bundle);
    for (const trusted of [bundle, account.bundle]) {
      for (const [index, secret] of secrets.entries()) {
        const host = `server-1-${index + 1}.${ZONE}`;
        expect(verifyNodeCertificate(account.current(secret), { node: host, names: [host, ZONE], ip: `10.20.1.${index + 1}`, authority: trusted }, account.now)).toEqual([]);
      }
    }
    expect(account.current(secrets[0] ?? '').chain).toBe(account.bundle);
  });

  test('renews the authority at half of its life, which no deployment is asked for', async () => {
    const { account, secrets } = await cluster(1);
    const { bundle } = account;
    for (let days = 0; days < 5.1 * 365; days += 55) {
      account.now += 55 * DAY;
      await run(account);
      expect(problemsOf(account, secrets)).toEqual([]);
    }
    expect(account.bundle).not.toBe(bundle);
  });

  test('changes nothing when nothing is due, and everything when it is told to', async () => {
    const { account, secrets } = await cluster(4);
    const before = serials(account, secrets);
    const keys = secrets.map((secret) => account.current(secret).privateKey);
    expect(await run(account)).toEqual({ AlreadyCurrent: 4 });
    expect(serials(account, secrets)).toEqual(before);
    expect(await run(account, { force: true })).toEqual({ Issued: 4 });
    expect(serials(account, secrets).filter((serial) => before.includes(serial))).toEqual([]);
    expect(secrets.map((secret) => account.current(secret).privateKey).filter((key) => keys.includes(key))).toEqual([]);
    expect(problemsOf(account, secrets)).toEqual([]);
    expect(await run(account, { force: true })).toEqual({ Issued: 4 });
    // what vouches for nobody is not made to by force.
    account.model.putSecretValue({ SecretId: secrets[0], SecretString: 'open sesame' });
    await expect(run(account, { force: true })).rejects.toMatchObject({ code: 'NotRenewed' });
    expect(account.leaks()).toEqual([]);
  });
});

describe('a deployment', () => {
  test('issues into the secret of the node', async () => {
    const account = await established();
    const secret = account.addSecret('analytics/server-1-1');
    const answer = await request({ account, secret });
    const value = account.current(secret);
    expect(account.problems(secret, NODE, names, IP)).toEqual([]);
    expect(value).toMatchObject({ node: NODE, names, ip: IP, chain: account.bundle });
    expect(answer).toEqual({ physicalResourceId: 'certificate-of-Certificate', data: { Serial: value.serial, NotAfter: value.notAfter } });
    expect(account.leaks()).toEqual([]);
  });

  test('issues into a secret that never had a value', async () => {
    const account = await established();
    const secret = account.model.createSecret({ Name: 'empty' }).ARN;
    await request({ account, secret });
    expect(account.problems(secret, NODE, names, IP)).toEqual([]);
  });

  test('that asks once more gets the same answer, and nothing is signed', async () => {
    const account = await established();
    const secret = account.addSecret('analytics/server-1-1');
    const requestId = newRequest();
    const first = await request({ account, secret, requestId });
    const { signatures } = account;
    expect(await request({ account, secret, requestId })).toEqual(first);
    expect(await request({ account, secret, type: 'Update' })).toEqual(first);
    expect(account.signatures).toBe(signatures);
  });

  test('with another address replaces the certificate and its key', async () => {
    const account = await established();
    const secret = account.addSecret('analytics/server-1-1');
    await request({ account, secret });
    const before = account.current(secret);
    await request({ account, secret, changes: { Ip: '10.20.0.99' }, type: 'Update' });
    expect(account.problems(secret, NODE, names, '10.20.0.99')).toEqual([]);
    expect(account.current(secret).privateKey).not.toBe(before.privateKey);
    // and back, as a rollback does.
    await request({ account, secret, type: 'Update' });
    expect(account.problems(secret, NODE, names, IP)).toEqual([]);
  });

  test('whose request comes late does not undo a later one', async () => {
    const account = await established();
    const secret = account.addSecret('analytics/server-1-1');
    const late = newRequest();
    await request({ account, secret, changes: { Ip: '10.20.0.99' }, requestId: late });
    await request({ account, secret });
    await expect(request({ account, secret, changes: { Ip: '10.20.0.99' }, requestId: late })).rejects.toMatchObject({ code: 'Superseded' });
    expect(account.problems(secret, NODE, names, IP)).toEqual([]);
  });

  test('is told when the authority may not sign for the node, and nothing is stored', async () => {
    const account = await established();
    const secret = account.addSecret('analytics/server-1-1');
    for (const changes of [{ Ip: '10.20.2.1' }, { Node: 'server-1-1.example.com' }, { Endpoint: 'localhost.localdomain' }, { Ip: '169.254.169.254' }]) {
      await expect(request({ account, secret, changes })).rejects.toMatchObject({ code: 'CannotIssue', message: expect.stringMatching(/the authority may sign for analytics\.clickhouse\.internal, 10\.20\.0\.0\/24, 10\.20\.1\.0\/24, not for /) as string });
    }
    expect(account.model.listSecretVersionIds({ SecretId: secret, IncludeDeprecated: true }).Versions).toHaveLength(1);
  });

  test('does not store what is signed wrongly', async () => {
    const account = await established();
    const secret = account.addSecret('analytics/server-1-1');
    account.keys.set(OTHER_KEY, keyPair());
    const { world } = account;
    const raw = { ...world, signer: (keyId: string) => ({ publicKey: () => world.signer(keyId).publicKey(), sign: (message: Uint8Array) => world.signer(OTHER_KEY).sign(message) }) };
    await expect(request({ account, secret }, raw)).rejects.toMatchObject({ code: 'CannotIssue' });
    expect(account.model.getSecretValue({ SecretId: secret }).SecretString).toBe(NOT_ISSUED_YET);
  });

  test('waits a little for an authority that was just made, and says that there is none', async () => {
    const account = new Account();
    const secret = account.addSecret('analytics/server-1-1');
    await expect(request({ account, secret })).rejects.toThrow(/the parameter \/clickhouse\/analytics\/ca cannot be used: the authority's certificates cannot be read/);
    let looks = 0;
    const { world } = await established(KEY_ID, [], account);
    const slow = { ...world, parameters: { ...world.parameters, read: (name: string) => ((looks += 1) === 1 ? Promise.resolve('none yet') : world.parameters.read(name)) } };
    await request({ account, secret }, slow);
    expect(account.problems(secret, NODE, names, IP)).toEqual([]);
    account.keys.set(OTHER_KEY, keyPair());
    await expect(request({ account, secret, changes: { KeyId: OTHER_KEY } })).rejects.toThrow(/holds no certificate of the key arn/);
  });

  test('is told when the secret is gone', async () => {
    const account = await established();
    const secret = account.addSecret('analytics/server-1-1');
    account.model.deleteSecret({ SecretId: secret });
    await expect(request({ account, secret })).rejects.toMatchObject({ code: 'SecretDeleted' });
    await expect(request({ account, secret: secret.replace('1-1', '1-9') })).rejects.toMatchObject({ code: 'SecretDeleted' });
  });

  test('of a deletion touches nothing', async () => {
    const account = await established();
    const secret = account.addSecret('analytics/server-1-1');
    await request({ account, secret });
    const before = account.model.getSecretValue({ SecretId: secret });
    expect(await request({ account, secret, type: 'Delete' }, undefined as never)).toEqual({ physicalResourceId: 'certificate-of-Certificate' });
    expect(account.model.getSecretValue({ SecretId: secret })).toEqual(before);
  });

  test('does not know which call failed, or why, in the words of the service', async () => {
    const account = await established();
    const secret = account.addSecret('analytics/server-1-1');
    const { world } = account;
    const refusing = { ...world, secrets: { ...world.secrets, put: (_: string, __: string, text: string) => Promise.reject(Object.assign(failure('ValidationException', `bad: ${text}`), { call: 'PutSecretValue' })) } };
    const error: unknown = await request({ account, secret }, refusing).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'CallFailed', message: 'PutSecretValue failed with ValidationException' });
    expect(account.logs.filter((line) => line.includes('PRIVATE'))).toEqual([]);
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ['Node', { Node: 'server 1' }],
    ['Endpoint', { Endpoint: '' }],
    ['Ip', { Ip: '10.20.1' }],
    ['Ip', { Ip: '10.20.1.256' }],
    ['Ip', { Ip: 'fd00::1' }],
    ['SecretArn', { SecretArn: 'server-1-1' }],
    ['CaParameter', { CaParameter: undefined }],
    ['KeyId', { KeyId: 7 }],
  ])('is told what is wrong with %s', async (name, changes) => {
    const account = await established();
    await expect(request({ account, secret: account.addSecret('a'), changes })).rejects.toMatchObject({ code: 'BadEvent', message: expect.stringMatching(new RegExp(`^'${name}' must be `)) as string });
  });
});

describe('the schedule', () => {
  test('leaves alone what is not due, and renews at two thirds', async () => {
    const { account, secrets } = await cluster(3);
    const before = secrets.map((secret) => account.current(secret).serial);
    account.now += 59 * DAY;
    expect(await renew(account)).toEqual({ AlreadyCurrent: 3 });
    expect(secrets.map((secret) => account.current(secret).serial)).toEqual(before);
    account.now += 1.1 * DAY;
    expect(await renew(account)).toEqual({ Issued: 3 });
    expect(problemsOf(account, secrets)).toEqual([]);
    for (const [index, secret] of secrets.entries()) {
      expect(account.current(secret).serial).not.toBe(before[index]);
      expect(notAfter(account.current(secret)) - account.now).toBe(90 * DAY);
      // the one before stays, for whoever has to look back.
      expect(account.model.labelled(secret, 'AWSPREVIOUS')).toBeDefined();
    }
    expect(await renew(account)).toEqual({ AlreadyCurrent: 3 });
    expect(account.leaks()).toEqual([]);
  });

  test('keeps every node in good certificates for two years', async () => {
    const { account, secrets } = await cluster(2);
    for (let day = 0; day < 730; day += 5) {
      account.now += 5 * DAY;
      await renew(account);
      expect(problemsOf(account, secrets)).toEqual([]);
      expect(secrets.every((secret) => notAfter(account.current(secret)) - account.now >= 25 * DAY)).toBe(true);
    }
    // one for the authority, and one in two months for each node.
    expect(account.signatures).toBeLessThanOrEqual(1 + 2 * 14);
  });

  test('renews what is over, after whatever long pause', async () => {
    const { account, secrets } = await cluster(2);
    account.now += 900 * DAY;
    expect(await renew(account)).toEqual({ Issued: 2 });
    expect(problemsOf(account, secrets)).toEqual([]);
  });

  test('looks after secrets with its tag and no others', async () => {
    const { account, secrets } = await cluster(2);
    const others = [{ [TAG.key]: `${TAG.value}2` }, { [`${TAG.key}2`]: TAG.value }, { [TAG.key]: 'other', Other: TAG.value }, {}].map((tags, index) => account.addSecret(`other-${index}`, 'something else', tags));
    account.now += 61 * DAY;
    expect(await renew(account)).toEqual({ Issued: 2 });
    for (const other of others) expect(account.model.getSecretValue({ SecretId: other }).SecretString).toBe('something else');
    expect(problemsOf(account, secrets)).toEqual([]);
  });

  test('fails when it finds nothing to look after', async () => {
    await expect(renew(await established())).rejects.toMatchObject({ code: 'NoSecrets' });
  });

  test('passes over a secret that waits for its deployment, and one that is deleted meanwhile', async () => {
    const { account, secrets } = await cluster(1);
    account.addSecret('analytics/server-1-2');
    const gone = account.addSecret('analytics/server-1-3');
    const { world } = account;
    const deleting = {
      ...world,
      secrets: {
        ...world.secrets,
        list: async (tag: typeof TAG) => {
          const found = await world.secrets.list(tag);
          account.model.deleteSecret({ SecretId: gone });
          return found;
        },
      },
    };
    expect(await renew(account, { world: deleting })).toEqual({ AlreadyCurrent: 1, NotIssuedYet: 1, Deleted: 1 });
    expect(problemsOf(account, secrets)).toEqual([]);
  });

  test('is not kept from the others by one that fails, and names it at the end', async () => {
    const { account, secrets } = await cluster(4);
    const [, second = '', third = ''] = secrets;
    account.model.putSecretValue({ SecretId: second, SecretString: 'not JSON' });
    const stranger = new TestAuthority({ now: account.now }).issue({ now: account.now, node: `server-1-3.${ZONE}`, ip: '10.20.1.3' });
    account.model.putSecretValue({ SecretId: third, SecretString: renderNodeSecret({ ...account.current(third), ...stranger }) });
    account.now += 61 * DAY;
    const error: unknown = await renew(account).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'NotRenewed', message: expect.stringMatching(/^2 of 4 certificates could not be looked after: analytics\/server-1-2 \(MalformedSecret\), analytics\/server-1-3 \(NotVouchedFor\);/) as string });
    expect(account.problems(secrets[0] ?? '', NODE, names, '10.20.1.1')).toEqual([]);
    expect(account.problems(secrets[3] ?? '', `server-1-4.${ZONE}`, [`server-1-4.${ZONE}`, ZONE], '10.20.1.4')).toEqual([]);
    expect(account.signatures).toBe(1 + 4 + 2);
    expect(account.leaks()).toEqual([]);
  });

  // whoever may write into a secret gets nothing signed that was not signed before.
  test('does not sign for names that somebody has written into a secret', async () => {
    const { account, secrets } = await cluster(2);
    const [first = '', second = ''] = secrets;
    const value = account.current(first);
    for (const change of [
      { ip: '10.20.1.2' },
      { node: `server-1-2.${ZONE}`, names: [`server-1-2.${ZONE}`, ZONE] },
      { names: [...value.names, `server-1-2.${ZONE}`] },
      { certificate: account.current(second).certificate },
      { certificate: value.chain },
    ]) {
      account.model.putSecretValue({ SecretId: first, SecretString: renderNodeSecret({ ...value, ...change }) });
      account.now += 61 * DAY;
      const { signatures } = account;
      await expect(renew(account)).rejects.toThrow(/server-1-1 \(NotVouchedFor\)/);
      account.now -= 61 * DAY;
      expect(account.signatures - signatures).toBeLessThanOrEqual(1);
    }
  });

  test('repairs a key that does not belong to its certificate', async () => {
    const { account, secrets } = await cluster(1);
    const [first = ''] = secrets;
    account.model.putSecretValue({ SecretId: first, SecretString: renderNodeSecret({ ...account.current(first), privateKey: keyPair().pem }) });
    expect(await renew(account)).toEqual({ Issued: 1 });
    expect(problemsOf(account, secrets)).toEqual([]);
  });

  test('follows the authority from one key to another, in the order in which they are trusted', async () => {
    const { account, secrets } = await cluster(2);
    account.keys.set(OTHER_KEY, keyPair());
    const old = secrets.map((secret) => account.current(secret).chain);
    await established(KEY_ID, [OTHER_KEY], account);
    expect(await renew(account)).toEqual({ Issued: 2 });
    expect(secrets.map((secret) => account.current(secret).chain)).toEqual(old.map((chain) => chain + account.bundle.slice(chain.length)));
    // the key that signs is enough to issue anew, even if the schedule learns of it first.
    expect(await renew(account, { keyId: OTHER_KEY })).toEqual({ Issued: 2 });
    await established(OTHER_KEY, [KEY_ID], account);
    expect(await renew(account, { keyId: OTHER_KEY })).toEqual({ Issued: 2 });
    await established(OTHER_KEY, [], account);
    expect(await renew(account, { keyId: OTHER_KEY })).toEqual({ Issued: 2 });
    expect(problemsOf(account, secrets)).toEqual([]);
    expect(secrets.map((secret) => account.current(secret).chain)).toEqual([account.bundle, account.bundle]);
    // a key that the parameter does not know signs nothing.
    await expect(renew(account)).rejects.toMatchObject({ code: 'UnfitParameter' });
  });

  test('cannot follow when the old authority is not trusted any more, says so, and a deployment repairs it', async () => {
    const { account, secrets } = await cluster(1);
    account.keys.set(OTHER_KEY, keyPair());
    account.parameters.set(PARAMETER, 'none yet');
    await established(OTHER_KEY, [], account);
    await expect(renew(account, { keyId: OTHER_KEY })).rejects.toThrow(/\(NotVouchedFor\)/);
    await request({ account, secret: secrets[0] ?? '', changes: { KeyId: OTHER_KEY, Ip: '10.20.1.1' }, type: 'Update' });
    expect(problemsOf(account, secrets)).toEqual([]);
  });

  test('says in time that the authority ends, and never issues beyond it', async () => {
    const { account, secrets } = await cluster(1);
    account.now += (3652 - 181) * DAY;
    expect(await renew(account)).toEqual({ Issued: 1 });
    account.now += 2 * DAY;
    await expect(renew(account)).rejects.toMatchObject({ code: 'AuthorityEnds' });
    account.now += 150 * DAY;
    await expect(renew(account)).rejects.toMatchObject({ code: 'AuthorityEnds' });
    const { signatures } = account;
    await expect(renew(account)).rejects.toMatchObject({ code: 'AuthorityEnds' });
    expect(account.signatures).toBe(signatures);
    expect(problemsOf(account, secrets)).toEqual([]);
    expect(new Date(notAfter(account.current(secrets[0] ?? ''))).toISOString()).toBe('2036-05-31T00:00:00.000Z');
    account.now += 40 * DAY;
    await expect(renew(account)).rejects.toMatchObject({ code: 'NotRenewed' });
  });

  test('starts nothing when its time is over, and the next run completes', async () => {
    const { account, secrets } = await cluster(20);
    account.now += 61 * DAY;
    const { world } = account;
    let calls = 0;
    const slow = { ...world, secrets: { ...world.secrets, read: (secret: string, version: string) => ((account.now += 20_000), (calls += 1), world.secrets.read(secret, version)) } };
    const error: unknown = await renew(account, { world: slow, minutes: 5 }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'NotRenewed', message: expect.stringMatching(/OutOfTime/) as string });
    expect(calls).toBeLessThanOrEqual(5 * 3 + 4);
    expect(problemsOf(account, secrets)).toEqual([]);
    await renew(account);
    expect(problemsOf(account, secrets)).toEqual([]);
    expect(await renew(account)).toEqual({ AlreadyCurrent: 20 });
  });

  test('does a bounded number at once', async () => {
    const { account } = await cluster(12);
    account.now += 61 * DAY;
    const { world } = account;
    let at = 0;
    let most = 0;
    const counting = {
      ...world,
      secrets: {
        ...world.secrets,
        describe: async (secret: string) => {
          most = Math.max(most, (at += 1));
          await new Promise((resolve) => setImmediate(resolve));
          at -= 1;
          return world.secrets.describe(secret);
        },
      },
    };
    await renew(account, { world: counting });
    expect(most).toBe(4);
  });
});
