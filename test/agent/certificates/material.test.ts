import { createPrivateKey, X509Certificate } from 'node:crypto';
import { secretStore } from '../../../lib/agent/cloud/stores';
import type { MaterialReading, MaterialSource } from '../../../lib/agent/certificates/material';
import { readMaterial } from '../../../lib/agent/certificates/material';
import { NOT_ISSUED_YET, renderNodeSecret } from '../../../lib/pki/node-secret';
import type { NodeSecret } from '../../../lib/pki/node-secret';
import { failure, modelClient, SecretsManagerModel } from '../../emulator/secrets-manager';
import { Authority, HOST, ZONE } from './authority';

const SUBJECT = { node: HOST, names: [HOST, ZONE], ip: '10.20.0.10' };
const DAY = 86_400_000;
const authority = new Authority();
const stranger = new Authority();
const elsewhere = new Authority('ClickHouse billing CA');
const good = authority.issue();
const next = authority.issue();
afterAll(() => [authority, stranger, elsewhere].forEach((each) => each.end()));

interface Case {
  readonly secret: string | undefined;
  readonly parameter?: string | Error;
  readonly now?: number;
  readonly deleted?: boolean;
  readonly fail?: 'describe' | 'value';
}

/** Reads through the real edge with a client that talks to the model of Secrets Manager. */
async function read({ secret, parameter = authority.bundle, now = Date.now(), deleted = false, fail }: Case): Promise<MaterialReading> {
  const model = new SecretsManagerModel();
  const { ARN } = model.createSecret({ Name: 'server-1-1', SecretString: secret });
  if (deleted) model.deleteSecret({ SecretId: ARN });
  const store = secretStore('eu-central-1', modelClient(model));
  const refusing = (): Promise<never> => Promise.reject(failure('ThrottlingException', good.privateKey));
  const source: MaterialSource = {
    store: { ...store, ...(fail === undefined ? {} : { [fail]: refusing }) },
    secret: ARN,
    parameter: () => (parameter instanceof Error ? Promise.reject(parameter) : Promise.resolve(parameter)),
    caParameter: '/analytics/ca',
  };
  const reading = await readMaterial(source, SUBJECT, now);
  // whatever happened: no key in what may be printed.
  if (reading.kind !== 'material') expect(JSON.stringify(reading)).not.toMatch(/PRIVATE|[A-Za-z0-9+/]{60}/);
  return reading;
}

const render = (change: Partial<NodeSecret> = {}): string => renderNodeSecret({ ...good, ...change });

test('a good secret is material, and what is written is what was verified', async () => {
  const reading = await read({ secret: render({ privateKey: `a text in front that OpenSSL skips\n${good.privateKey}`, certificate: `\n${good.certificate}\n\n`, chain: `${good.chain}\n` }) });
  if (reading.kind !== 'material') throw new Error(reading.reason);
  const { certificate, privateKey, bundle, serial } = reading.material;
  expect({ certificate, privateKey, bundle, serial }).toEqual({ certificate: good.certificate, privateKey: good.privateKey, bundle: good.chain, serial: good.serial });
  expect(new X509Certificate(certificate).checkPrivateKey(createPrivateKey(privateKey))).toBe(true);
  expect(reading.notes).toEqual([]);
});

test.each<[string, Case, string, RegExp]>([
  ['waits for its first certificate', { secret: NOT_ISSUED_YET }, 'notIssuedYet', /no certificate yet/],
  ['has no version', { secret: undefined }, 'notIssuedYet', /no current version/],
  ['is scheduled for deletion', { secret: render(), deleted: true }, 'gone', /scheduled for deletion/],
  ['cannot be described', { secret: render(), fail: 'describe' }, 'unknown', /described: ThrottlingException/],
  ['cannot be read', { secret: render(), fail: 'value' }, 'unknown', /read: ThrottlingException/],
  ['is no JSON', { secret: `{"privateKey":"${good.privateKey}` }, 'malformed', /not JSON/],
  ['is another JSON', { secret: '{"username":"ingest","password":"x"}' }, 'malformed', /schema/],
  ['has no key', { secret: render({ privateKey: '' }) }, 'malformed', /privateKey/],
])('a secret that %s', async (_, each, kind, reason) => {
  const reading = await read(each);
  expect(reading).toMatchObject({ kind, reason: expect.stringMatching(reason) as string });
});

test('a secret that does not exist is gone', async () => {
  const store = secretStore('eu-central-1', modelClient(new SecretsManagerModel()));
  const reading = await readMaterial({ store, secret: 'arn:other', parameter: () => Promise.resolve(''), caParameter: 'ca' }, SUBJECT, 0);
  expect(reading).toEqual({ kind: 'gone', reason: 'the secret does not exist' });
});

describe('refused', () => {
  test.each<[string, () => Case, RegExp]>([
    ['another authority, which the secret brings along', () => ({ secret: renderNodeSecret(stranger.issue()) }), /another authority|signature/],
    ['another authority than the one in the secret', () => ({ secret: render({ chain: stranger.bundle }) }), /another authority|signature/],
    ['the authority of the parameter was exchanged', () => ({ secret: render(), parameter: stranger.bundle }), /another authority|signature/],
    ['a bundle without the issuer', () => ({ secret: render({ chain: elsewhere.bundle }) }), /another authority/],
    ['an authority that nobody published rides along', () => ({ secret: render({ chain: good.chain + stranger.bundle }) }), /has the authority [0-9a-f]+, whose key the authority's parameter does not have/],
    ['a bundle that is none', () => ({ secret: render({ chain: 'trust everybody' }) }), /cannot be read/],
    ['no authority yet', () => ({ secret: render(), parameter: 'none yet' }), /no authority yet/],
    ['a parameter that is nonsense', () => ({ secret: render(), parameter: 'nonsense' }), /cannot be read/],
    ["another node's certificate", () => ({ secret: renderNodeSecret(authority.issue({ host: `server-1-2.${ZONE}`, ip: '10.20.0.11' })) }), /for the hosts/],
    ["another node's certificate under this node's name", () => ({ secret: renderNodeSecret({ ...authority.issue({ host: `server-1-2.${ZONE}`, ip: '10.20.0.11' }), node: HOST, names: [HOST, ZONE], ip: SUBJECT.ip }) }), /for the hosts/],
    ['another address', () => ({ secret: renderNodeSecret(authority.issue({ ip: '10.20.0.11' })) }), /for the addresses/],
    ['a name more', () => ({ secret: renderNodeSecret(authority.issue({ names: [HOST, ZONE, `keeper-1.${ZONE}`] })) }), /for the hosts/],
    ['a name less', () => ({ secret: renderNodeSecret(authority.issue({ names: [HOST] })) }), /for the hosts/],
    ['a name outside the constraints', () => ({ secret: renderNodeSecret(authority.issue({ names: [HOST, ZONE, 'localhost'] })) }), /localhost/],
    ['the wrong key', () => ({ secret: render({ privateKey: next.privateKey }) }), /does not belong to the private key/],
    ['a key that is none', () => ({ secret: render({ privateKey: 'MARK-not-a-key' }) }), /cannot be read/],
    ['expired', () => ({ secret: render(), now: Date.now() + 91 * DAY }), /was valid until/],
    ['not yet valid', () => ({ secret: render(), now: Date.now() - DAY }), /is valid from/],
    ['no use as a server', () => ({ secret: renderNodeSecret(authority.issue({ extendedKeyUsage: 'clientAuth' })) }), /TLS server and client/],
    ['no use as a client', () => ({ secret: renderNodeSecret(authority.issue({ extendedKeyUsage: 'serverAuth' })) }), /TLS server and client/],
    ['no extended key usage', () => ({ secret: renderNodeSecret(authority.issue({ extendedKeyUsage: '' })) }), /TLS server and client/],
    ['any use', () => ({ secret: renderNodeSecret(authority.issue({ extendedKeyUsage: 'serverAuth,clientAuth,anyExtendedKeyUsage' })) }), /TLS server and client/],
    ['an authority itself', () => ({ secret: renderNodeSecret(authority.issue({ basicConstraints: 'CA:TRUE' })) }), /could sign others/],
    ['two certificates', () => ({ secret: render({ certificate: good.certificate + next.certificate }) }), /more than one certificate/],
    ['a record that says otherwise', () => ({ secret: render({ serial: next.serial }) }), /something else of its certificate in serial/],
  ])('%s', async (_, make, reason) => {
    expect(await read(make())).toMatchObject({ kind: 'refused', reason: expect.stringMatching(reason) as string });
  });

  test('says the serial number that is in the secret, so that it can be seen to be behind', async () => {
    expect(await read({ secret: render({ privateKey: next.privateKey }) })).toMatchObject({ serial: good.serial });
  });
});

test('a parameter that cannot be read leaves the bundle of the secret to verify with, and is noted', async () => {
  const reading = await read({ secret: render(), parameter: failure('AccessDeniedException', 'said: secret') });
  expect(reading).toMatchObject({ kind: 'material', notes: [expect.stringMatching(/cannot be read \(AccessDeniedException\)/) as string] });
  expect(await read({ secret: render({ chain: stranger.bundle }), parameter: failure('AccessDeniedException') })).toMatchObject({ kind: 'refused' });
});

test('while the authority changes, both are trusted, whoever knows of it first', async () => {
  const both = authority.bundle + stranger.bundle;
  expect(await read({ secret: render({ chain: both }), parameter: both })).toMatchObject({ kind: 'material', material: { bundle: both } });
  expect(await read({ secret: render(), parameter: both })).toMatchObject({ kind: 'material', material: { bundle: authority.bundle } });
  // the secret is ahead: wait until the authority says so as well.
  expect(await read({ secret: render({ chain: both }) })).toMatchObject({ kind: 'refused' });
});
