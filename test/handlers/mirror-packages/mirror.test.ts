import { customResource } from '../../../lib/handlers/cloudformation';
import type { CloudFormationEvent, Outcome } from '../../../lib/handlers/cloudformation';
import { handleResource } from '../../../lib/handlers/mirror-packages/handle';
import { PART } from '../../../lib/handlers/mirror-packages/mirror';
import { named } from './bucket';
import type { Entry } from './repository';
import { ARCHITECTURES, contentOf, entries, fileOf, NAMES, sha256, TestRepository, VERSION } from './repository';
import { Scene } from './world';

type Properties = Readonly<Record<string, unknown>>;

let repository: TestRepository;
let scene: Scene;
beforeAll(async () => {
  repository = await TestRepository.start();
});
afterAll(() => repository.stop());
beforeEach(async () => {
  await repository.reset();
  scene = new Scene(repository);
});

const DEADLINE = 14 * 60_000;

function event(changes: Properties = {}, fields: Partial<CloudFormationEvent<Properties>> = {}): CloudFormationEvent<Properties> {
  return { RequestType: 'Create', RequestId: 'a-request', ResponseURL: 'u', StackId: 's', LogicalResourceId: 'Packages', ResourceProperties: scene.properties(changes), ...fields };
}

function mirror(changes: Properties = {}, milliseconds = DEADLINE): Promise<Outcome> {
  return handleResource(event(changes), Date.now() + scene.slept + milliseconds, () => Promise.resolve(scene.world));
}

const packagesIn = (): string[] => [...scene.bucket.objects.keys()].filter((key) => key.endsWith('.rpm')).sort();
const keyOf = (name: string, architecture: string, content = contentOf(name, architecture)): string => `packages/${sha256(content)}/${fileOf(name, architecture)}`;
const ALL = ARCHITECTURES.flatMap((architecture) => NAMES.map((name) => keyOf(name, architecture))).sort();
const ONE = { Packages: ['clickhouse-server'], Architectures: ['aarch64'] };
const SERVER = keyOf('clickhouse-server', 'aarch64');
const only = (change: Partial<Entry>): Entry[] => [{ name: 'clickhouse-server', architecture: 'aarch64', ...change }];
const digests = (): Record<string, string> => Object.fromEntries(entries().map(({ name, architecture }) => [fileOf(name, architecture), sha256(contentOf(name, architecture))]));

test('mirrors every file under its digest, and the answer names them', async () => {
  const { physicalResourceId, data = {} } = await mirror();
  expect(physicalResourceId).toBe('packages-of-Packages');
  expect(packagesIn()).toEqual(ALL);
  for (const [key, { content, sha256: told }] of scene.bucket.objects) if (key.endsWith('.rpm')) expect([key.split('/')[1], told]).toEqual([sha256(content), sha256(content)]);
  expect(Object.keys(data)).toHaveLength(16);
  expect(data).toMatchObject({ ClickhouseServerAarch64Key: SERVER, ClickhouseServerAarch64Sha256: sha256(contentOf('clickhouse-server', 'aarch64')), ClickhouseCommonStaticX8664Key: keyOf('clickhouse-common-static', 'x86_64') });
  expect(scene.bucket.uploads.size).toBe(0);
  // CloudFormation refuses more than 4,096 bytes.
  let answer = '';
  await customResource(() => Promise.resolve({ physicalResourceId, data }), { respond: (_, body) => Promise.resolve(void (answer = body)) })(event());
  expect(JSON.parse(answer)).toMatchObject({ Status: 'SUCCESS' });
});

test('a second run asks for metadata and nothing else, and writes nothing', async () => {
  const first = await mirror();
  const before = [...scene.bucket.effects];
  repository.requests.length = 0;
  expect(await mirror()).toEqual(first);
  expect(scene.bucket.effects).toEqual(before);
  expect(repository.requests).toEqual(['repodata/repomd.xml', 'repodata/repomd.xml.asc', 'repodata/repomd.xml.key', expect.stringMatching(/^repodata\/[0-9a-f]{64}-primary\.xml\.gz$/)]);
});

test('another version leaves what is deployed, and so does a deletion', async () => {
  await mirror();
  await repository.publish({ packages: [...entries(), ...entries('26.8.40.1')], revision: '1756300000' });
  await handleResource(event({ Version: '26.8.40.1' }, { RequestType: 'Update', PhysicalResourceId: 'packages-of-Packages' }), Date.now() + DEADLINE, () => Promise.resolve(scene.world));
  expect(packagesIn()).toHaveLength(16);
  expect(packagesIn()).toEqual(expect.arrayContaining(ALL));
  const before = [...scene.bucket.effects];
  await handleResource(event({}, { RequestType: 'Delete', PhysicalResourceId: 'packages-of-Packages' }), 0, () => Promise.reject(new Error('nothing is asked')));
  expect(scene.bucket.effects).toEqual(before);
});

test('a file of several parts arrives as it is, also when it ends with a part', async () => {
  for (const size of [PART - 1, PART, 2 * PART, 2 * PART + 12_345]) {
    const content = contentOf('clickhouse-server', 'aarch64', VERSION, size);
    await repository.reset({ packages: only({ content }) });
    scene = new Scene(repository);
    await mirror(ONE);
    const [key = ''] = packagesIn();
    expect(sha256(scene.bucket.objects.get(key)?.content ?? '')).toBe(sha256(content));
    expect(scene.bucket.effects.filter((each) => each.startsWith('put'))).toHaveLength(Math.ceil(size / PART));
  }
});

describe('what was mirrored before', () => {
  const gone: [string, string, () => Promise<void>][] = [
    ['is away', 'UpstreamDown', () => Promise.resolve(void (repository.fault = (_, response) => Boolean(response.destroy())))],
    ['is empty', 'NotFound', () => Promise.resolve(repository.files.clear())],
    ['has taken the version out', 'NoSuchVersion', () => repository.reset({ packages: entries('26.8.40.1'), revision: '1756300000' })],
  ];
  test.each(gone)('is answered again while the repository %s, so that a deployment can go back', async (_, name, happen) => {
    const first = await mirror();
    const before = [...scene.bucket.effects];
    await happen();
    expect(await mirror()).toEqual(first);
    expect(scene.bucket.effects.filter((each) => !each.includes('/repomd/'))).toEqual(before.filter((each) => !each.includes('/repomd/')));
    expect(scene.lines.at(-9)).toContain(`"message":"mirrored before","outcome":"${name}"`);
    // another request is another matter, and so is one that trusts others.
    for (const other of [{ Version: '26.8.36.4' }, { Packages: ['clickhouse-server'] }, { KeyFingerprint: [repository.key.fingerprint, 'ab'.repeat(20)] }, { Digests: digests() }]) await expect(mirror(other)).rejects.toMatchObject({ name });
  });

  test('is not answered when the object is gone, nor when what is trusted has changed', async () => {
    await mirror(ONE);
    scene.bucket.objects.delete(SERVER);
    repository.files.clear();
    await expect(mirror(ONE)).rejects.toMatchObject({ name: 'NotFound', message: expect.stringContaining('does the repository still have this version?') as string });
    await repository.reset({ revision: '1' });
    await expect(mirror(ONE)).rejects.toMatchObject({ name: 'RolledBack' });
    repository.files.delete('repodata/repomd.xml.asc');
    await expect(mirror(ONE)).rejects.toMatchObject({ name: 'NotSigned' });
  });

  test.each<[string, (targets: { wanted: unknown; path: string; file: string; sha256: string }[]) => unknown]>([
    ['nothing', () => undefined],
    ['null', () => null],
    ['no targets', () => []],
    ['too many', ([one]) => [one, one]],
    ['another package', ([one]) => [{ ...one, wanted: { name: 'clickhouse-client', architecture: 'aarch64' } }]],
    ['a path outside', ([one]) => [{ ...one, path: `../${one?.file ?? ''}` }]],
    ['another file', ([one]) => [{ ...one, file: '../x.rpm' }]],
    ['no digest', ([one]) => [{ ...one, sha256: 'x' }]],
  ])('is not believed when it says %s', async (_, damage) => {
    await mirror(ONE);
    const [key = ''] = [...scene.bucket.objects.keys()].filter((each) => each.includes('/mirrored/'));
    const targets = JSON.parse(scene.bucket.objects.get(key)?.content.toString() ?? '') as { wanted: unknown; path: string; file: string; sha256: string }[];
    scene.bucket.objects.set(key, { content: Buffer.from(JSON.stringify(damage(targets)) ?? '') });
    repository.files.clear();
    await expect(mirror(ONE)).rejects.toMatchObject({ name: 'NotFound', message: expect.stringContaining("is 'Repository' right?") as string });
  });
});

describe('digests', () => {
  test('with all of them pinned and no key, nothing but the files is asked for', async () => {
    for (const path of [...repository.files.keys()]) if (path.startsWith('repodata/')) repository.files.delete(path);
    await mirror({ KeyFingerprint: undefined, Digests: digests() });
    expect(packagesIn()).toEqual(ALL);
    expect(repository.requests.filter((path) => path.startsWith('repodata'))).toEqual([]);
  });

  test('that are pinned and differ from the signed metadata are an error before anything is fetched', async () => {
    await expect(mirror({ Digests: { ...digests(), [fileOf('clickhouse-client', 'x86_64')]: sha256('another') } })).rejects.toMatchObject({ name: 'DigestDiffers', message: expect.stringMatching(/clickhouse-client-26\.8\.36\.3\.x86_64\.rpm has the SHA-256 .* in the signed metadata, pinned is /) as string });
    expect(scene.bucket.effects).toEqual([]);
  });

  test('that are pinned and agree change nothing', async () => {
    await mirror({ Digests: digests() });
    expect(packagesIn()).toEqual(ALL);
  });

  test.each<[string, Properties]>([
    ['signed', {}],
    ['pinned', { KeyFingerprint: undefined, Digests: { [fileOf('clickhouse-server', 'aarch64')]: sha256(contentOf('clickhouse-server', 'aarch64')) } }],
  ])('that are %s and not those of the file: it is not kept', async (_, changes) => {
    const file = repository.files.get(fileOf('clickhouse-server', 'aarch64'));
    file?.writeUInt8(0xff, 1_234);
    await expect(mirror({ ...ONE, ...changes })).rejects.toMatchObject({ name: 'DigestDiffers', message: expect.stringContaining('it was not kept') as string });
    expect([packagesIn(), scene.bucket.uploads.size]).toEqual([[], 0]);
  });

  test('that are for none of the files are an error, not nothing', async () => {
    await expect(mirror({ ...ONE, Digests: { 'clickhouse-sever-26.8.36.3.aarch64.rpm': sha256('') } })).rejects.toMatchObject({ name: 'BadEvent', message: expect.stringContaining('which is none of the files') as string });
    expect(scene.bucket.effects).toEqual([]);
  });
});

describe('sizes', () => {
  test.each<[string, number]>([['longer', 1], ['shorter', -1]])('a file that is %s than the metadata says is not kept', async (_, difference) => {
    const content = contentOf('clickhouse-server', 'aarch64');
    await repository.reset({ packages: only({ size: content.length - difference }) });
    await expect(mirror(ONE)).rejects.toMatchObject({ name: 'DigestDiffers', message: expect.stringMatching(/has \d+ bytes, expected \d+/) as string });
    expect([packagesIn(), scene.bucket.uploads.size]).toEqual([[], 0]);
  });

  test('also when nobody says how long it is', async () => {
    repository.fault = (_, response, path) => {
      if (!path.endsWith('.rpm')) return false;
      response.writeHead(200).write(repository.files.get(path));
      response.end('more');
      return true;
    };
    await expect(mirror(ONE)).rejects.toMatchObject({ name: 'DigestDiffers', message: expect.stringContaining('has more than 3000 bytes') as string });
    expect([packagesIn(), scene.bucket.uploads.size]).toEqual([[], 0]);
  });

  test('a package that nobody would wait for is refused by what the metadata says of it', async () => {
    await repository.reset({ packages: only({ size: 3 * 1024 ** 3 }) });
    await expect(mirror(ONE)).rejects.toMatchObject({ name: 'TooLarge' });
  });
});

describe('trouble upstream', () => {
  test('a version that does not exist is said with the newest that does', async () => {
    await repository.reset({ packages: [...entries('26.8.9.1'), ...entries('26.8.10.1'), ...entries('26.3.99.1')] });
    await expect(mirror()).rejects.toMatchObject({ name: 'NoSuchVersion', message: 'the repository has no clickhouse-common-static 26.8.36.3 for aarch64; the newest there is 26.8.10.1; nothing was mirrored' });
    await expect(mirror({ Packages: ['clickhouse-odbc'] })).rejects.toMatchObject({ name: 'NoSuchVersion', message: expect.stringContaining('nor any other version of it') as string });
    expect(packagesIn()).toEqual([]);
  });

  test('a connection that is lost goes on where it was, and what was read before counts', async () => {
    const content = contentOf('clickhouse-server', 'aarch64', VERSION, 2 * PART + 500_000);
    await repository.reset({ packages: only({ content }) });
    let broken = 0;
    repository.fault = (request, response, path) => {
      if (!path.endsWith('.rpm') || broken >= 8) return false;
      const from = Number(/bytes=([0-9]+)/.exec(request.headers.range ?? '')?.[1] ?? 0);
      broken += 1;
      response.writeHead(from === 0 ? 200 : 206, { 'content-length': content.length - from, ...(from === 0 ? {} : { 'content-range': `bytes ${from}-${content.length - 1}/${content.length}` }) });
      response.write(content.subarray(from, from + 2_000_000), () => setTimeout(() => response.destroy(), 20));
      return true;
    };
    await mirror(ONE);
    const [key = ''] = packagesIn();
    expect(sha256(scene.bucket.objects.get(key)?.content ?? '')).toBe(sha256(content));
    const asked = repository.requests.filter((path) => path.includes('.rpm'));
    // more than may fail in a row: each brought something.
    expect(asked.length).toBe(9);
    for (const each of asked.slice(1)) expect(each).toMatch(/ bytes=[1-9][0-9]+-$/);
  });

  test.each<[string, string, number]>([
    ['for the files', '.rpm', 0],
    ['for the index', 'repomd.xml', 0],
    ['from the second file on', '.rpm', 1],
  ])('that does not end %s is told, and a later run ends well', async (_, suffix, spared) => {
    const hit = new Set<string>();
    repository.fault = (__, response, path) => {
      if (!path.endsWith(suffix)) return false;
      hit.add(path);
      if (hit.size <= spared) return false;
      response.writeHead(503).end('<html>');
      return true;
    };
    await expect(mirror()).rejects.toMatchObject({ name: 'UpstreamDown', message: expect.stringMatching(/^https:\/\/\S+ could not be fetched, tried 6 times: HTTP 503; what was mirrored stays/) as string });
    expect([packagesIn().length, scene.bucket.uploads.size]).toEqual([spared, 0]);
    repository.fault = () => false;
    await mirror();
    expect(packagesIn()).toEqual(ALL);
  });

  test('nobody there at all', async () => {
    const { port } = new URL(repository.url);
    const gone = repository.url.replace(port, '1');
    await expect(mirror({ Repository: gone })).rejects.toMatchObject({ name: 'UpstreamDown', message: expect.stringContaining('ECONNREFUSED') as string });
    // 1 + 2 + 4 + 8 + 16 s between six attempts.
    expect(scene.slept).toBe(31_000);
  });

  test('a certificate of another authority', async () => {
    const world = { ...scene.world, upstream: new Scene({ ca: undefined } as unknown as TestRepository).world.upstream };
    await expect(handleResource(event(), Date.now() + DEADLINE, () => Promise.resolve(world))).rejects.toMatchObject({ name: 'UpstreamDown' });
    expect(repository.requests).toEqual([]);
  });

  test('a server that falls silent', async () => {
    repository.fault = (_, response, path) => {
      if (!path.endsWith('.rpm')) return false;
      response.writeHead(200, { 'content-length': 3_000 }).flushHeaders();
      return true;
    };
    await expect(mirror(ONE)).rejects.toMatchObject({ name: 'UpstreamDown', message: expect.stringMatching(/ECONNRESET|ETIMEDOUT/) as string });
    expect(scene.bucket.uploads.size).toBe(0);
  });

  test('a body that always ends early, without saying how long it is', async () => {
    repository.fault = (request, response, path) => {
      if (!path.endsWith('.rpm')) return false;
      if (request.headers.range === undefined) response.writeHead(200).end(Buffer.alloc(1_000));
      else response.writeHead(416).end();
      return true;
    };
    await expect(mirror(ONE)).rejects.toMatchObject({ name: 'UpstreamDown', message: expect.stringContaining('HTTP 416') as string });
    expect([packagesIn(), scene.bucket.uploads.size]).toEqual([[], 0]);
  });

  test.each<[string, Record<string, string | number>, number]>([
    ['from its beginning', {}, 200],
    ['from elsewhere', { 'content-range': 'bytes 7-2999/3000' }, 206],
    ['of another file', { 'content-range': 'bytes 1000-1999/2000' }, 206],
  ])('a file that is not continued but sent %s is not put together', async (_, headers, status) => {
    repository.fault = (request, response, path) => {
      if (!path.endsWith('.rpm')) return false;
      if (request.headers.range !== undefined) response.writeHead(status, headers).end(contentOf('clickhouse-server', 'aarch64').subarray(1_000));
      else response.writeHead(200, { 'content-length': 3_000 }).write(contentOf('clickhouse-server', 'aarch64').subarray(0, 1_000), () => setTimeout(() => response.destroy(), 20));
      return true;
    };
    await expect(mirror(ONE)).rejects.toMatchObject({ name: expect.stringMatching(/^(?:UpstreamDown|DigestDiffers)$/) as string });
    expect([packagesIn(), scene.bucket.uploads.size]).toEqual([[], 0]);
  });

  test('a file that is in the metadata and not in the repository', async () => {
    repository.files.delete(fileOf('clickhouse-server', 'aarch64'));
    await expect(mirror(ONE)).rejects.toMatchObject({ name: 'NotFound', message: expect.stringContaining('clickhouse-server-26.8.36.3.aarch64.rpm does not exist') as string });
    expect(scene.bucket.uploads.size).toBe(0);
  });

  test('a server that drips is left at the deadline, and what was begun is given up', async () => {
    repository.fault = (_, response, path) => {
      if (!path.endsWith('.rpm')) return false;
      response.writeHead(200, { 'content-length': 3_000 });
      const drip = setInterval(() => response.write('x'), 50);
      response.on('close', () => clearInterval(drip));
      return true;
    };
    const outcome = await mirror(ONE, 700).catch((error: Error) => error.name);
    expect(outcome).toBe('ToBeContinued');
    expect([packagesIn(), scene.bucket.uploads.size]).toEqual([[], 0]);
  });
});

describe('redirects', () => {
  const redirect = (to: string, when = (path: string) => path.endsWith('.rpm')): void => {
    repository.fault = (_, response, path) => {
      if (!when(path)) return false;
      response.writeHead(302, { location: to.replace('{path}', path) }).end();
      return true;
    };
  };

  test('within the repository are followed', async () => {
    for (const [path, content] of [...repository.files]) repository.files.set(`moved/${path}`, content);
    redirect('/rpm/stable/moved/{path}', (path) => !path.startsWith('moved/'));
    await mirror();
    expect(packagesIn()).toEqual(ALL);
  });

  test.each<[string, () => string, RegExp?]>([
    ['to another host', () => repository.url.replace('127.0.0.1', 'localhost') + '{path}'],
    ['to another port', () => repository.url.replace(/:[0-9]+\//, ':1/') + '{path}'],
    ['to plain HTTP', () => repository.url.replace('https:', 'http:') + '{path}'],
    ['to somebody with a password', () => repository.url.replace('https://', 'https://a:b@') + '{path}'],
    ['in a circle', () => '{path}', /redirects without end/],
    ['to nowhere', () => 'https://', /redirects to nowhere/],
  ])('%s are not', async (_, to, message = /redirects to \S+, which is not \S+; nothing was fetched from there/) => {
    redirect(to());
    await expect(mirror(ONE)).rejects.toMatchObject({ name: 'Redirected', message: expect.stringMatching(message) as string });
    expect([packagesIn(), scene.bucket.uploads.size]).toEqual([[], 0]);
    expect(repository.requests.filter((path) => path.endsWith('.rpm')).length).toBeLessThanOrEqual(4);
  });
});

describe('time', () => {
  test('that is over is not answered twice, since the call comes again; the third time it is', async () => {
    repository.fault = (_, response, path) => {
      // the second file does not come.
      if (!path.startsWith('clickhouse-server')) return false;
      scene.slept += DEADLINE;
      response.destroy();
      return true;
    };
    const outcomes: unknown[] = [];
    for (let call = 1; call <= 4; call += 1) outcomes.push(await mirror().then(() => 'done', (error: Error) => error.name));
    expect(outcomes).toEqual(['ToBeContinued', 'ToBeContinued', 'OutOfTime', 'OutOfTime']);
    expect([packagesIn(), scene.bucket.uploads.size]).toEqual([[keyOf('clickhouse-common-static', 'aarch64')], 0]);
    repository.fault = () => false;
    await mirror();
    expect(packagesIn()).toEqual(ALL);
    expect(scene.bucket.effects.filter((each) => each.startsWith('complete') && each.includes('clickhouse-common-static-26.8.36.3.aarch64'))).toHaveLength(1);
  });
});

describe('the bucket', () => {
  test.each<[string, Buffer, string | undefined]>([
    ['without a digest', contentOf('clickhouse-server', 'aarch64'), undefined],
    ['with another digest', contentOf('clickhouse-server', 'aarch64'), sha256('another')],
    ['of another size', Buffer.from('short'), sha256(contentOf('clickhouse-server', 'aarch64'))],
  ])('an object that somebody else has put there, %s, is neither taken nor replaced', async (_, content, digest) => {
    scene.bucket.objects.set(SERVER, { content, sha256: digest });
    await expect(mirror(ONE)).rejects.toMatchObject({ name: 'UnfitObject', message: expect.stringContaining('is not from here') as string });
    expect(scene.bucket.objects.get(SERVER)?.content).toEqual(content);
  });

  test('uploads that were left are given up, those to other keys are not', async () => {
    const left = await scene.bucket.begin(SERVER, 'x');
    const other = await scene.bucket.begin(`${SERVER}.other`, 'x');
    await mirror(ONE);
    expect([...scene.bucket.uploads.keys()]).toEqual([other]);
    expect(scene.bucket.effects).toContain(`abort ${left}`);
  });

  test('the answer to a completion that is lost, or that says somebody was faster, is looked up', async () => {
    scene.bucket.disturb = (call, when) => {
      if (call === 'complete' && when === 'after') throw named('TimeoutError');
    };
    await mirror(ONE);
    expect([packagesIn(), scene.bucket.uploads.size]).toEqual([[SERVER], 0]);
    scene = new Scene(repository);
    scene.bucket.disturb = (call, when) => {
      if (call === 'complete' && when === 'before') scene.bucket.objects.set(SERVER, { content: contentOf('clickhouse-server', 'aarch64'), sha256: SERVER.split('/')[1] });
    };
    await mirror(ONE);
    expect([packagesIn(), scene.bucket.uploads.size]).toEqual([[SERVER], 0]);
  });

  test('a call that fails is told by its name, without what it said', async () => {
    scene.bucket.disturb = (call) => {
      if (call === 'put') throw Object.assign(named('AccessDenied'), { message: 'arn:aws:iam::111111111111:role/x', call: 'UploadPart' });
    };
    await expect(mirror(ONE)).rejects.toMatchObject({ name: 'CallFailed', message: 'UploadPart failed with AccessDenied; what was mirrored stays, deploy again' });
    expect(scene.bucket.uploads.size).toBe(0);
  });
});

test('one line is logged for a file, and it says nothing but what the file is', async () => {
  await mirror(ONE);
  await mirror(ONE);
  expect(scene.lines.map((line) => JSON.parse(line) as unknown)).toEqual(['Mirrored', 'AlreadyThere'].map((outcome) => ({ message: 'package', file: fileOf('clickhouse-server', 'aarch64'), sha256: sha256(contentOf('clickhouse-server', 'aarch64')), outcome, seconds: expect.any(Number) as number })));
});
