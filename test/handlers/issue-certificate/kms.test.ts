import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { createHash, createPublicKey, verify } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import * as kms from '@aws-sdk/client-kms';
import * as secretsManager from '@aws-sdk/client-secrets-manager';
import * as ssm from '@aws-sdk/client-ssm';
import { CLIENT, parameterStore, secretStore } from '../../../lib/handlers/issue-certificate/aws';
import { naming } from '../../../lib/sdk';
import { authorityToBeSigned, nodeToBeSigned } from '../../../lib/handlers/issue-certificate/certificates';
import { establish } from '../../../lib/handlers/issue-certificate/establish';
import { authorityProperties } from '../../../lib/handlers/issue-certificate/event';
import { asFailure, bring, readIssuer } from '../../../lib/handlers/issue-certificate/issue';
import { renewAll } from '../../../lib/handlers/issue-certificate/renew';
import type { Signer } from '../../../lib/handlers/issue-certificate/signer';
import { authorityKey, kmsSigner } from '../../../lib/handlers/issue-certificate/signer';
import type { World } from '../../../lib/handlers/issue-certificate/world';
import { parseAuthority } from '../../../lib/pki/authority';
import { NOT_ISSUED_YET, parseNodeSecret, verifyNodeSecret } from '../../../lib/pki/node-secret';
import { DAY, IP, keyPair, localSigner, NETWORKS, NODE, TestAuthority, ZONE } from '../../pki/authority';
import { PARAMETER, TAG } from './world';

const NOW = Date.UTC(2026, 5, 1);
const SERIAL = Buffer.from('4102030405060708090a0b0c0d0e0f10', 'hex');

/** A signer that remembers what it was asked to sign. */
function recording(signer: Signer): Signer & { readonly messages: Buffer[] } {
  const messages: Buffer[] = [];
  return {
    messages,
    publicKey: () => signer.publicKey(),
    sign: (message) => {
      messages.push(Buffer.from(message));
      return signer.sign(message);
    },
  };
}

/** KMS with a key that is here, as its documentation says: https://docs.aws.amazon.com/kms/latest/APIReference/API_Sign.html. */
function documentedKms(pair: ReturnType<typeof keyPair>): { readonly client: Pick<kms.KMSClient, 'send'>; readonly requests: kms.SignCommandInput[] } {
  const requests: kms.SignCommandInput[] = [];
  const signer = recording(localSigner(pair));
  const send = async (command: object): Promise<unknown> => {
    if (command instanceof kms.GetPublicKeyCommand) return { PublicKey: await signer.publicKey() };
    if (!(command instanceof kms.SignCommand)) throw new Error('another command');
    requests.push(command.input);
    return {};
  };
  return { client: { send } as Pick<kms.KMSClient, 'send'>, requests };
}

test('KMS is asked to sign the digest with the one algorithm, and nothing else', async () => {
  const { client, requests } = documentedKms(keyPair());
  const signer = kmsSigner('the-key', kms, client);
  await signer.sign(Buffer.from('message'));
  expect(requests).toEqual([{ KeyId: 'the-key', Message: createHash('sha256').update('message').digest(), MessageType: 'DIGEST', SigningAlgorithm: 'ECDSA_SHA_256' }]);
  expect(await authorityKey(signer, 'the-key')).toHaveLength(91);
});

test.each(['P-384', 'secp256k1'])('a key on the curve %s is refused', async (curve) => {
  await expect(authorityKey(localSigner(keyPair(curve)), 'the-key')).rejects.toThrow('the key the-key must be an ECC_NIST_P256 key for SIGN_VERIFY');
  await expect(authorityKey({ ...localSigner(keyPair()), publicKey: () => Promise.resolve(new Uint8Array()) }, 'the-key')).rejects.toMatchObject({ code: 'UnfitKey' });
});

/** The AWS emulator, if it is here. MOTO_SERVER is its program. */
const program = process.env.MOTO_SERVER;
if (program === undefined) console.warn('issue-certificate: MOTO_SERVER is not set; requests to KMS, Systems Manager and Secrets Manager are not proven against an emulator');

(program === undefined ? describe.skip : describe)('moto', () => {
  let server: ChildProcess | undefined;
  let options: { readonly region: string; readonly endpoint: string; readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string } };

  beforeAll(async () => {
    const port = await freePort();
    options = { ...CLIENT, region: 'eu-central-1', endpoint: `http://127.0.0.1:${port}`, credentials: { accessKeyId: 'testing', secretAccessKey: 'testing' } };
    server = spawn(program ?? '', ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
    for (let wait = 0; ; wait += 1) {
      const up = await fetch(`${options.endpoint}/moto-api/`).then((answer) => answer.ok, () => false);
      if (up) break;
      if (wait > 300) throw new Error('moto does not answer');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }, 60_000);

  afterAll(() => void server?.kill());

  /**
   * moto takes a digest for a message and hashes it once more (its KMS does not look at MessageType). So what is asked is checked here, and
   * moto is asked to sign what the digest is of.
   */
  function rawClient(client: kms.KMSClient, messages: () => readonly Buffer[]): Pick<kms.KMSClient, 'send'> {
    const send = (command: object): Promise<unknown> => {
      if (!(command instanceof kms.SignCommand)) return client.send(command as kms.GetPublicKeyCommand);
      const { Message, MessageType, ...rest } = command.input;
      const message = messages().at(-1) ?? Buffer.alloc(0);
      expect([MessageType, Buffer.from(Message ?? []).toString('hex')]).toEqual(['DIGEST', createHash('sha256').update(message).digest('hex')]);
      return client.send(new kms.SignCommand({ ...rest, Message: message, MessageType: 'RAW' }));
    };
    return { send } as Pick<kms.KMSClient, 'send'>;
  }

  async function newKey(): Promise<{ readonly keyId: string; readonly client: kms.KMSClient }> {
    const client = new kms.KMSClient(options);
    const { KeyMetadata } = await client.send(new kms.CreateKeyCommand({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }));
    return { keyId: KeyMetadata?.Arn ?? '', client };
  }

  function signerOf(keyId: string, client: kms.KMSClient): Signer & { readonly messages: Buffer[] } {
    const messages: Buffer[] = [];
    const signer = kmsSigner(keyId, kms, rawClient(client, () => messages));
    return {
      messages,
      publicKey: () => signer.publicKey(),
      sign: (message) => {
        messages.push(Buffer.from(message));
        return signer.sign(message);
      },
    };
  }

  test('what a key in KMS signs is what a key here would be asked to sign, byte for byte', async () => {
    const { keyId, client } = await newKey();
    const remote = signerOf(keyId, client);
    const publicKey = await remote.publicKey();
    const local = recording(localSigner(keyPair()));
    const authority = new TestAuthority({ now: NOW }).certificate;
    const subject = { node: NODE, names: [NODE, ZONE], ip: IP, authority, serial: SERIAL, now: NOW };
    for (const signer of [remote, local]) {
      // the public key is what differs, so both sign for the same one.
      for (const toBeSigned of [authorityToBeSigned({ commonName: 'ClickHouse analytics CA', zone: ZONE, networks: NETWORKS, publicKey, serial: SERIAL, now: NOW }), nodeToBeSigned({ ...subject, publicKey })]) await signer.sign(toBeSigned);
    }
    expect(remote.messages).toHaveLength(2);
    expect(remote.messages).toEqual(local.messages);
    const signature = await remote.sign(Buffer.from('message'));
    expect(verify('sha256', Buffer.from('message'), createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' }), signature)).toBe(true);
  });

  test('an authority, a node and their renewal, with every service emulated', async () => {
    const { keyId, client } = await newKey();
    const parameters = naming(new ssm.SSMClient(options));
    const secrets = naming(new secretsManager.SecretsManagerClient(options));
    await parameters.send(new ssm.PutParameterCommand({ Name: PARAMETER, Value: 'none yet', Type: 'String' }));
    const { ARN: secret = '' } = await secrets.send(new secretsManager.CreateSecretCommand({ Name: 'analytics/server-1-1', SecretString: NOT_ISSUED_YET, Tags: [{ Key: TAG.key, Value: TAG.value }] }));
    await secrets.send(new secretsManager.CreateSecretCommand({ Name: 'analytics/server-1-2', SecretString: 'of another cluster', Tags: [{ Key: TAG.key, Value: `${TAG.value}2` }] }));
    let now = NOW;
    const world: World = { secrets: secretStore(secretsManager, secrets), parameters: parameterStore(ssm, parameters), signer: (id) => signerOf(id, client), now: () => now, sleep: () => Promise.resolve(), log: () => undefined };
    const { CaCertificate } = await establish(authorityProperties({ ClusterName: 'analytics', Zone: ZONE, Networks: NETWORKS, KeyId: keyId, CaParameter: PARAMETER }), world);
    expect(parseAuthority(CaCertificate)).toMatchObject({ certificates: [{ constraints: { dns: [ZONE], networks: NETWORKS } }] });
    const subject = { node: NODE, names: [NODE, ZONE], ip: IP };
    await bring({ kind: 'issue', subject, requestId: '00000000-0000-4000-8000-000000000001' }, secret, await readIssuer(PARAMETER, keyId, world), world.signer(keyId), Infinity, world);
    const current = async (): Promise<string> => {
      // with its label: without one, moto answers with the version that was put last as the current one and not with the one that was promoted.
      const { SecretString = '' } = await secrets.send(new secretsManager.GetSecretValueCommand({ SecretId: secret, VersionStage: 'AWSCURRENT' }));
      const value = parseNodeSecret(SecretString);
      if (value === 'not issued yet' || 'malformed' in value) throw new Error('no certificate');
      expect(verifyNodeSecret(value, { ...subject, authority: CaCertificate }, now)).toEqual([]);
      return value.serial;
    };
    const first = await current();
    now += 61 * DAY;
    expect(await renewAll({ tag: TAG, caParameter: PARAMETER, keyId }, Infinity, world)).toEqual({ Issued: 1 });
    expect(await current()).not.toBe(first);
  });

  test('a failure names the call and the error, and nothing else', async () => {
    const { client } = await newKey();
    const error: unknown = await kmsSigner('00000000-0000-4000-8000-000000000001', kms, naming(client)).publicKey().catch((thrown: unknown) => thrown);
    expect(asFailure(error).message).toBe('GetPublicKey failed with NotFoundException');
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
