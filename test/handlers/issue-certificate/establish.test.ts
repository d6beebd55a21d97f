import type { CloudFormationEvent } from '../../../lib/handlers/cloudformation';
import { customResource } from '../../../lib/handlers/cloudformation';
import { establish, LARGEST_BUNDLE } from '../../../lib/handlers/issue-certificate/establish';
import type { AuthorityProperties } from '../../../lib/handlers/issue-certificate/event';
import { authorityProperties } from '../../../lib/handlers/issue-certificate/event';
import { handleResource } from '../../../lib/handlers/issue-certificate/handle';
import { parseAuthority } from '../../../lib/pki/authority';
import { verifyNodeCertificate } from '../../../lib/pki/verify';
import { keyPair, NODE, TestAuthority, ZONE } from '../../pki/authority';
import { Account, KEY_ID, PARAMETER } from './world';

const OTHER_KEY = KEY_ID.replace('11111111', '22222222');
const PROPERTIES = { ClusterName: 'analytics', Zone: ZONE, Networks: ['10.20.0.0/24', '10.20.1.0/24'], KeyId: KEY_ID, CaParameter: PARAMETER };
const properties = (changes: Readonly<Record<string, unknown>> = {}): AuthorityProperties => authorityProperties({ ...PROPERTIES, ...changes });

beforeAll(() => void jest.spyOn(process.stdout, 'write').mockReturnValue(true));
afterAll(() => jest.restoreAllMocks());

const certificates = ({ bundle }: Account) => {
  const authority = parseAuthority(bundle);
  if ('problems' in authority) throw new Error(JSON.stringify(authority.problems));
  return authority.certificates;
};

test('makes the certificate once and puts it into the parameter', async () => {
  const account = new Account();
  const first = await establish(properties(), account.world);
  expect(first).toEqual({ CaCertificate: account.bundle, Fingerprint: expect.stringMatching(/^[0-9a-f]{64}$/) as string, NotAfter: '2036-05-31T00:00:00.000Z' });
  expect(certificates(account)).toMatchObject([{ commonName: 'ClickHouse analytics CA', constraints: { dns: [ZONE], networks: ['10.20.0.0/24', '10.20.1.0/24'] } }]);
  account.now += 86_400_000;
  // once more, in another order and another spelling: the same certificate, byte for byte, and nothing signed.
  const { signatures } = account;
  expect(await establish(properties({ Networks: ['10.20.1.7/24', '10.20.0.0/24', '10.20.0.1/24'] }), account.world)).toEqual(first);
  expect([account.signatures, signatures]).toEqual([1, 1]);
});

test('another network gets a new certificate of the same name for the same key, which vouches for what was issued before', async () => {
  const account = new Account();
  const keys = account.keys.get(KEY_ID);
  await establish(properties(), account.world);
  const before = account.bundle;
  const node = new TestAuthority({ keys, now: account.now }).issue({ now: account.now, ip: '10.20.1.11' });
  await establish(properties({ Networks: ['10.20.0.0/24', '10.20.1.0/24', '10.20.2.0/24'], ClusterName: 'renamed' }), account.world);
  expect(certificates(account)).toHaveLength(1);
  expect(certificates(account)[0]).toMatchObject({ commonName: 'ClickHouse analytics CA', constraints: { networks: ['10.20.0.0/24', '10.20.1.0/24', '10.20.2.0/24'] } });
  for (const authority of [before, account.bundle]) expect(verifyNodeCertificate(node, { node: NODE, names: [NODE, ZONE], ip: '10.20.1.11', authority }, account.now)).toEqual([]);
  // and back, as a rollback does.
  await establish(properties(), account.world);
  expect(certificates(account)[0]?.constraints.networks).toEqual(['10.20.0.0/24', '10.20.1.0/24']);
});

test('half of a life later an update renews it, under the same name and key', async () => {
  const account = new Account();
  await establish(properties(), account.world);
  const [before] = certificates(account);
  account.now += 5.1 * 365 * 86_400_000;
  const { NotAfter } = await establish(properties(), account.world);
  expect(NotAfter.slice(0, 4)).toBe('2041');
  expect(certificates(account)[0]).toMatchObject({ subject: before?.subject, publicKey: before?.publicKey });
});

describe('another key', () => {
  const started = async (): Promise<Account> => {
    const account = new Account();
    account.keys.set(OTHER_KEY, keyPair());
    await establish(properties(), account.world);
    return account;
  };

  test('is refused as the one that signs as long as nobody trusts it', async () => {
    const account = await started();
    const before = account.bundle;
    await expect(establish(properties({ KeyId: OTHER_KEY }), account.world)).rejects.toThrow(/no node trusts the key arn:aws:kms:eu-central-1:111122223333:key\/22222222-.* yet/);
    await expect(establish(properties({ KeyId: OTHER_KEY, AlsoTrusted: [KEY_ID] }), account.world)).rejects.toMatchObject({ code: 'UntrustedKey' });
    expect(account.bundle).toBe(before);
  });

  test('does not begin to sign while the one that signed until now is left out: every node still shows what that has signed', async () => {
    const account = await started();
    await establish(properties({ AlsoTrusted: [OTHER_KEY] }), account.world);
    const before = account.bundle;
    await expect(establish(properties({ KeyId: OTHER_KEY }), account.world)).rejects.toThrow(/must stay trusted in the deployment in which .*22222222.* begins to sign/);
    expect(account.bundle).toBe(before);
  });

  test('takes three steps, and each can be rolled back', async () => {
    const account = await started();
    const old = account.bundle;
    const steps = [properties(), properties({ AlsoTrusted: [OTHER_KEY] }), properties({ KeyId: OTHER_KEY, AlsoTrusted: [KEY_ID] }), properties({ KeyId: OTHER_KEY })];
    const [, first, second, third] = steps;
    if (first === undefined || second === undefined || third === undefined) throw new Error('no steps');
    await establish(first, account.world);
    const both = account.bundle;
    expect(both.startsWith(old)).toBe(true);
    expect(certificates(account)).toHaveLength(2);
    await establish(second, account.world);
    expect(account.bundle).toBe(both.slice(old.length) + old);
    // back and forth again: the certificates stay the same.
    await establish(first, account.world);
    expect(account.bundle).toBe(both);
    await establish(second, account.world);
    await establish(third, account.world);
    expect(account.bundle).toBe(both.slice(old.length));
    expect(account.signatures).toBe(2);
    await establish(second, account.world);
    expect(certificates(account)).toHaveLength(2);
  });

  test('must be another one, and one of the right kind', async () => {
    const account = await started();
    await expect(establish(properties({ AlsoTrusted: [KEY_ID] }), account.world)).rejects.toMatchObject({ code: 'BadEvent' });
    account.keys.set(OTHER_KEY, keyPair('P-384'));
    await expect(establish(properties({ AlsoTrusted: [OTHER_KEY] }), account.world)).rejects.toMatchObject({ code: 'UnfitKey' });
  });
});

test('a parameter that holds something else is left as it is', async () => {
  for (const [value, code] of [['something else', 'UnfitParameter'], ['', 'UnfitParameter'], [new TestAuthority().issue().certificate, 'UnfitParameter'], [new TestAuthority().pem, 'UntrustedKey']] as const) {
    const account = new Account();
    account.parameters.set(PARAMETER, value);
    await expect(establish(properties(), account.world)).rejects.toMatchObject({ code });
    expect(account.bundle).toBe(value);
  }
  const account = new Account();
  account.parameters.clear();
  await expect(establish(properties(), account.world)).rejects.toThrow(/there is no parameter/);
});

test('a certificate that the key did not sign is not published', async () => {
  const account = new Account();
  const { world } = account;
  const wrong = keyPair();
  account.keys.set(OTHER_KEY, wrong);
  const signer = { ...world, signer: (keyId: string) => ({ publicKey: () => world.signer(keyId).publicKey(), sign: (message: Uint8Array) => world.signer(OTHER_KEY).sign(message) }) };
  await expect(establish(properties(), signer)).rejects.toMatchObject({ code: 'CannotIssue' });
  expect(account.bundle).toBe('none yet');
});

describe('the answer', () => {
  const event = (changes: object = {}): CloudFormationEvent<Readonly<Record<string, unknown>>> & { ResourceType: string } => ({
    RequestType: 'Create',
    RequestId: '99999999-2222-4333-8444-555555555555',
    ResponseURL: 'https://example.com/answer',
    StackId: `arn:aws:cloudformation:eu-central-1:111122223333:stack/${'a'.repeat(128)}/11111111-2222-4333-8444-555555555555`,
    LogicalResourceId: 'Authority',
    ResourceType: 'Custom::ClickHouseAuthority',
    ResourceProperties: PROPERTIES,
    ...changes,
  });
  const answer = async (account: Account, changes: object = {}): Promise<{ readonly body: string; readonly Status: string; readonly Reason?: string; readonly PhysicalResourceId: string }> => {
    let body = '';
    const respond = (_: string, text: string): Promise<void> => {
      body = text;
      return Promise.resolve();
    };
    await customResource((request: CloudFormationEvent<Readonly<Record<string, unknown>>>) => handleResource(request, account.now + 60_000, () => Promise.resolve(account.world)), { respond })(event(changes));
    return { body, ...(JSON.parse(body) as { Status: string; PhysicalResourceId: string }) };
  };

  test('fits into 4 KB with two keys and as many networks as are accepted, and so does the parameter', async () => {
    const account = new Account();
    account.keys.set(OTHER_KEY, keyPair());
    const networks = (count: number): string[] => Array.from({ length: count }, (_, index) => `10.${index}.0.0/16`);
    let most = 0;
    for (let count = 1; count < 100; count += 1) {
      account.parameters.set(PARAMETER, 'none yet');
      const { body, Status, Reason } = await answer(account, { LogicalResourceId: 'A'.repeat(255), ResourceProperties: { ...PROPERTIES, Zone: `${'z'.repeat(60)}.${ZONE}`, Networks: networks(count), AlsoTrusted: [OTHER_KEY] } });
      expect(Buffer.byteLength(body)).toBeLessThanOrEqual(4096);
      if (Status === 'FAILED') {
        expect(Reason).toMatch(new RegExp(`^the certificates of the authority have \\d+ characters, at most ${LARGEST_BUNDLE} can be published; let the nodes be in fewer networks, got ${count}`));
        break;
      }
      most = count;
    }
    // every availability zone of the largest region, several times.
    expect(most).toBeGreaterThanOrEqual(20);
  });

  test('keeps its id, and a deletion touches nothing', async () => {
    const account = new Account();
    const { PhysicalResourceId } = await answer(account);
    expect(PhysicalResourceId).toBe('authority-of-Authority');
    const before = account.bundle;
    expect(await answer(account, { RequestType: 'Update', PhysicalResourceId, ResourceProperties: { ...PROPERTIES, Networks: ['10.20.0.0/16'] } })).toMatchObject({ Status: 'SUCCESS', PhysicalResourceId });
    expect(account.bundle).not.toBe(before);
    const after = account.bundle;
    expect(await answer(account, { RequestType: 'Delete', PhysicalResourceId, ResourceProperties: {} })).toMatchObject({ Status: 'SUCCESS' });
    expect(account.bundle).toBe(after);
  });

  test.each<[string, object, RegExp]>([
    ['no networks', { Networks: [] }, /'Networks' must be/],
    ['a network that is none', { Networks: ['10.20.0.0'] }, /'Networks' must be/],
    ['everything', { Networks: ['0.0.0.0/0'] }, /'Networks' must be/],
    ['IPv6', { Networks: ['fd00::/64'] }, /'Networks' must be/],
    ['a zone that is one word', { Zone: 'internal' }, /'Zone' must be/],
    ['a zone with a star', { Zone: `*.${ZONE}` }, /'Zone' must be/],
    ['a zone in capitals', { Zone: 'Analytics.internal' }, /'Zone' must be/],
    ['a name with a line end', { ClusterName: 'a\nb' }, /'ClusterName' must be/],
    ['two keys more', { AlsoTrusted: ['a', 'b'] }, /'AlsoTrusted' must be/],
    ['no key', { KeyId: '' }, /'KeyId' must be/],
    ['a key that is not there', { KeyId: 'nobody' }, /failed with NotFoundException/],
  ])('says what is wrong: %s', async (_, changes, reason) => {
    const account = new Account();
    const { Status, Reason } = await answer(account, { ResourceProperties: { ...PROPERTIES, ...changes } });
    expect([Status, Reason]).toEqual(['FAILED', expect.stringMatching(reason)]);
    expect(account.bundle).toBe('none yet');
  });

  test('says what is wrong: another resource', async () => {
    expect(await answer(new Account(), { ResourceType: 'Custom::Something' })).toMatchObject({ Status: 'FAILED', Reason: expect.stringMatching(/must be a Custom::ClickHouseAuthority/) as string });
  });
});
