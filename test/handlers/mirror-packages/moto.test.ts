import { join } from 'node:path';
import * as sdk from '@aws-sdk/client-s3';
import { CLIENT, packageStore } from '../../../lib/handlers/mirror-packages/aws';
import { PART, seenKey } from '../../../lib/handlers/mirror-packages/mirror';
import { packagesProperties } from '../../../lib/handlers/mirror-packages/event';
import type { PackageStore } from '../../../lib/handlers/mirror-packages/world';
import { MotoServer } from '../../emulator/moto';
import { BundledProgram } from './function';
import { contentOf, fileOf, sha256, TestRepository, VERSION } from './repository';
import { BUCKET, Scene } from './world';

const PROGRAM = process.env.MOTO_SERVER ?? '';

if (PROGRAM === '') {
  console.warn('not proven: mirroring packages into S3 as moto has it. Set MOTO_SERVER to the program, see test/emulator/README.md');
  // where it is promised, its absence is a failure.
  test('moto is there where it is promised', () => expect(process.env.CI === 'true' && process.env.PROOF_MOTO === '1').toBe(false));
}

(PROGRAM === '' ? describe.skip : describe)('against moto', () => {
  let server: MotoServer;
  let client: sdk.S3Client;
  let store: PackageStore;
  beforeAll(async () => {
    server = await MotoServer.start(PROGRAM);
    const { endpoint, region, credentials } = server;
    client = new sdk.S3Client({ ...CLIENT, endpoint, region, credentials });
    store = packageStore(sdk, client, BUCKET);
    await client.send(new sdk.CreateBucketCommand({ Bucket: BUCKET, CreateBucketConfiguration: { LocationConstraint: 'eu-central-1' } }));
  });
  afterAll(async () => {
    client.destroy();
    await server.stop();
  });

  test('an object is made of its parts, with its digest beside it, and only when it is completed', async () => {
    const content = contentOf('clickhouse-server', 'aarch64', VERSION, PART + 5);
    const key = 'packages/x/a.rpm';
    expect([await store.head(key), await store.unfinished(key)]).toEqual([undefined, []]);
    const upload = await store.begin(key, sha256(content));
    const other = await store.begin(`${key}.more`, sha256(content));
    const parts = [await store.put(key, upload, 1, content.subarray(0, PART)), await store.put(key, upload, 2, content.subarray(PART))];
    expect([await store.head(key), await store.unfinished(key)]).toEqual([undefined, [upload]]);
    await store.complete(key, upload, parts);
    expect([await store.head(key), await store.unfinished(key)]).toEqual([{ size: PART + 5, sha256: sha256(content) }, []]);
    const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket: BUCKET, Key: key }));
    expect(sha256((await Body?.transformToByteArray()) ?? '')).toBe(sha256(content));
    await store.abort(`${key}.more`, other);
    expect(await store.unfinished(`${key}.more`)).toEqual([]);
    // giving up what is not there is no error.
    await store.abort(`${key}.more`, other);
  });

  test('small texts', async () => {
    expect(await store.read('packages/repomd/x.json')).toBeUndefined();
    await store.write('packages/repomd/x.json', '{"revision":1}');
    expect(await store.read('packages/repomd/x.json')).toBe('{"revision":1}');
    await store.write('packages/repomd/x.json', 'x'.repeat(20_000));
    await expect(store.read('packages/repomd/x.json')).rejects.toMatchObject({ name: 'UnfitObject' });
  });

  test('an object that is there is not replaced', async () => {
    const key = 'packages/x/once.rpm';
    const content = Buffer.from('first');
    for (const text of ['first', 'second']) {
      const upload = await store.begin(key, sha256(text));
      const completed = store.complete(key, upload, [await store.put(key, upload, 1, Buffer.from(text))]).then(() => 'done', (error: Error) => error.name);
      expect(await completed).toBe(text === 'first' ? 'done' : 'PreconditionFailed');
      await store.abort(key, upload);
    }
    expect(await store.head(key)).toEqual({ size: content.length, sha256: sha256(content) });
  });

  // the whole function, bundled as it is shipped and called as Lambda calls it.
  describe('the function', () => {
    let repository: TestRepository;
    let program: BundledProgram;
    beforeAll(async () => {
      [repository, program] = await Promise.all([TestRepository.start(), BundledProgram.build(join(__dirname, '../../../lib/handlers/mirror-packages/index.ts'))]);
    });
    afterAll(async () => {
      program.remove();
      await repository.stop();
    });

    async function call(changes: Readonly<Record<string, unknown>> = {}, type = 'Create', remaining = 900_000): Promise<{ answer?: { Status: string; Reason?: string; Data?: Record<string, string> }; outcome: string }> {
      let answer: string | undefined;
      const fault = repository.fault;
      repository.fault = (request, response, path) => {
        if (request.method !== 'PUT') return fault(request, response, path);
        answer = '';
        request.on('data', (bytes: Buffer) => (answer += bytes.toString()));
        request.on('end', () => response.end());
        return true;
      };
      const properties = new Scene(repository).properties({ Packages: ['clickhouse-server', 'clickhouse-client'], ...changes });
      const event = { RequestType: type, RequestId: 'r', ResponseURL: `${repository.url}answer?signature=x`, StackId: 's', LogicalResourceId: 'Packages', PhysicalResourceId: 'packages-of-Packages', ResourceProperties: properties };
      const { endpoint, region, credentials } = server;
      const { errors } = await program.run(`bundle.handler(${JSON.stringify(event)}, { getRemainingTimeInMillis: () => ${remaining} }).then(() => 'done', (error) => error.name).then((outcome) => console.error(outcome))`, repository.ca, {
        AWS_ENDPOINT_URL: endpoint,
        AWS_REGION: region,
        AWS_ACCESS_KEY_ID: credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      });
      repository.fault = fault;
      return { answer: answer === undefined ? undefined : (JSON.parse(answer) as { Status: string }), outcome: errors };
    }

    test('mirrors, does nothing twice, says what is wrong, and is small', async () => {
      expect(program.size).toBeLessThan(1_000_000);
      await repository.reset({ revision: '1756300000' });
      const first = await call();
      expect(first).toMatchObject({ outcome: 'done', answer: { Status: 'SUCCESS' } });
      const key = `packages/${sha256(contentOf('clickhouse-server', 'x86_64'))}/${fileOf('clickhouse-server', 'x86_64')}`;
      expect(first.answer?.Data).toMatchObject({ ClickhouseServerX8664Key: key });
      const written = async (): Promise<Date | undefined> => (await client.send(new sdk.HeadObjectCommand({ Bucket: BUCKET, Key: key }))).LastModified;
      const before = await written();
      repository.requests.length = 0;
      expect((await call({}, 'Update')).answer?.Data).toEqual(first.answer?.Data);
      expect([await written(), repository.requests.filter((path) => path.endsWith('.rpm'))]).toEqual([before, []]);
      expect((await call({}, 'Delete')).answer).toMatchObject({ Status: 'SUCCESS' });
      expect(await written()).toEqual(before);

      await repository.reset({ revision: '1756200000' });
      expect((await call()).answer).toMatchObject({ Status: 'FAILED', Reason: expect.stringContaining('but was at 1756300000 before') as string });
      expect(JSON.parse((await store.read(seenKey(packagesProperties(new Scene(repository).properties())))) ?? '')).toMatchObject({ revision: 1_756_300_000 });
      expect((await call({ KeyFingerprint: 'ab'.repeat(20) })).answer).toMatchObject({ Status: 'FAILED', Reason: expect.stringContaining('pinned is ABAB') as string });
      expect((await call({ Bucket: 'nobodys' })).answer).toMatchObject({ Status: 'FAILED', Reason: expect.stringMatching(/^(?:GetObject|HeadObject) failed with NoSuchBucket/) as string });
    });

    test('does not answer when the time is over, until it is not called again', async () => {
      await repository.reset({ revision: '1756400000' });
      repository.fault = (_, response, path) => {
        if (!path.startsWith('clickhouse-keeper')) return false;
        response.writeHead(200, { 'content-length': 3_000 });
        const drip = setInterval(() => response.write('x'), 50);
        response.on('close', () => clearInterval(drip));
        return true;
      };
      const calls = [];
      for (let count = 0; count < 3; count += 1) calls.push(await call({ Packages: ['clickhouse-keeper'] }, 'Create', 3_000));
      expect(calls).toMatchObject([{ outcome: 'ToBeContinued', answer: undefined }, { outcome: 'ToBeContinued', answer: undefined }, { outcome: 'done', answer: { Status: 'FAILED' } }]);
      expect(calls[2]?.answer?.Reason).toMatch(/^the time was over/);
      repository.fault = () => false;
      expect((await call({ Packages: ['clickhouse-keeper'] })).answer).toMatchObject({ Status: 'SUCCESS' });
    });
  });
});
