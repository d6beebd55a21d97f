import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import * as openpgp from 'openpgp';
import { decompressor, LIMITS } from '../../../lib/handlers/mirror-packages/metadata';
import { packagesProperties } from '../../../lib/handlers/mirror-packages/event';
import { handleResource } from '../../../lib/handlers/mirror-packages/handle';
import { seenKey } from '../../../lib/handlers/mirror-packages/mirror';
import type { Entry, Publication, SigningKey } from './repository';
import { contentOf, entries, fileOf, keyOf, makeKey, sha256, TestRepository, VERSION } from './repository';
import { Scene } from './world';

let repository: TestRepository;
let scene: Scene;
let other: SigningKey;
beforeAll(async () => {
  repository = await TestRepository.start();
  other = await makeKey();
});
afterAll(() => repository.stop());
beforeEach(async () => {
  await repository.reset();
  scene = new Scene(repository);
});

type Properties = Readonly<Record<string, unknown>>;

const ONE = { Packages: ['clickhouse-server'], Architectures: ['aarch64'] };
const FILE = fileOf('clickhouse-server', 'aarch64');
const CONTENT = contentOf('clickhouse-server', 'aarch64');
const PIN = { [FILE]: sha256(CONTENT) };

async function mirror(changes: Properties = {}): Promise<unknown> {
  const event = { RequestType: 'Create' as const, RequestId: 'r', ResponseURL: 'u', StackId: 's', LogicalResourceId: 'Packages', ResourceProperties: scene.properties({ ...ONE, ...changes }) };
  return handleResource(event, Date.now() + scene.slept + 14 * 60_000, () => Promise.resolve(scene.world));
}

/** Refused, before anything was written or any package was fetched. */
async function refused(name: string, message: RegExp, changes: Properties = {}): Promise<void> {
  await expect(mirror(changes)).rejects.toMatchObject({ name, message: expect.stringMatching(message) as string });
  expect(scene.bucket.effects).toEqual([]);
  expect(repository.requests.filter((path) => path.endsWith('.rpm'))).toEqual([]);
}

const change = (path: string, edit: (content: Buffer) => Buffer): void => void repository.files.set(path, edit(repository.files.get(path) ?? Buffer.alloc(0)));
const INDEX = 'repodata/repomd.xml';
const only = (edit: Partial<Entry>): Publication => ({ packages: [{ name: 'clickhouse-server', architecture: 'aarch64', ...edit }] });

describe('the signature', () => {
  test.each<[string, string, RegExp, (content: Buffer) => Buffer, string]>([
    ['an index that was changed by one byte', 'BadSignature', /no good signature of the pinned key/, (content) => Buffer.from(content.toString().replace('1756288000', '1756288001')), INDEX],
    ['an index that was truncated', 'BadSignature', /no good signature/, (content) => content.subarray(0, -1), INDEX],
    ['an index that goes on', 'BadSignature', /no good signature/, (content) => Buffer.concat([content, Buffer.from('\n')]), INDEX],
    ['line ends of another kind', 'BadSignature', /no good signature/, (content) => Buffer.from(content.toString().replaceAll('\n', '\r\n')), INDEX],
    ['a signature that was truncated', 'NotSigned', /cannot be read/, (content) => content.subarray(0, content.length / 2), `${INDEX}.asc`],
    ['an empty signature', 'NotSigned', /cannot be read/, () => Buffer.alloc(0), `${INDEX}.asc`],
    ['a page in place of the signature', 'NotSigned', /cannot be read/, () => Buffer.from('<html>Sign in</html>'), `${INDEX}.asc`],
    ['a page in place of the key', 'UntrustedKey', /cannot be read/, () => Buffer.from('<html>Sign in</html>'), `${INDEX}.key`],
  ])('%s', async (_, name, message, edit, path) => {
    change(path, edit);
    await refused(name, message);
  });

  test('none', async () => {
    repository.files.delete(`${INDEX}.asc`);
    await refused('NotSigned', /repomd\.xml has no signature/);
  });

  test('of another key, which the repository offers as its own', async () => {
    await repository.reset({ key: other });
    await refused('UntrustedKey', new RegExp(`fingerprint ${other.fingerprint.toUpperCase()}, pinned is ${repository.key.fingerprint.toUpperCase()}`));
  });

  test('of another key, beside which the right one lies', async () => {
    change(`${INDEX}.asc`, () => Buffer.alloc(0));
    repository.files.set(`${INDEX}.asc`, Buffer.from(await other.sign(repository.files.get(INDEX) ?? Buffer.alloc(0))));
    await refused('BadSignature', /Could not find signing key/);
  });

  test('of another key, in one block with the right one', async () => {
    const both = new openpgp.PacketList();
    for (const key of [repository.key, other]) both.push(...(await openpgp.readKey({ armoredKey: key.publicKey })).toPacketList());
    repository.files.set(`${INDEX}.key`, Buffer.from(openpgp.armor(openpgp.enums.armor.publicKey, both.write())));
    await expect(mirror()).resolves.toBeDefined();
    scene = new Scene(repository);
    repository.requests.length = 0;
    repository.files.set(`${INDEX}.asc`, Buffer.from(await other.sign(repository.files.get(INDEX) ?? Buffer.alloc(0))));
    await refused('BadSignature', /Could not find signing key/);
  });

  test('of the right key and of another one: one that is good is enough', async () => {
    const index = repository.files.get(INDEX) ?? Buffer.alloc(0);
    const packets = new openpgp.PacketList<openpgp.SignaturePacket>();
    for (const key of [other, repository.key]) packets.push(...(await openpgp.readSignature({ armoredSignature: await key.sign(index) })).packets);
    repository.files.set(`${INDEX}.asc`, Buffer.from(new openpgp.Signature(packets).armor()));
    await expect(mirror()).resolves.toBeDefined();
  });

  test.each([8, 16])('of a key that shares the last %i digits of the pinned fingerprint', async (digits) => {
    const { fingerprint } = repository.key;
    const twin = fingerprint.slice(0, -digits).replace(/./g, (digit) => (digit === 'f' ? '0' : 'f')) + fingerprint.slice(-digits);
    await refused('UntrustedKey', /fingerprint .* pinned is /, { KeyFingerprint: twin });
  });

  test.each(['short', 'long'])('a %s id is no fingerprint', async (length) => {
    await refused('BadEvent', /'KeyFingerprint' must be whole fingerprints/, { KeyFingerprint: repository.key.fingerprint.slice(length === 'short' ? -8 : -16) });
  });

  test('of a key that is pinned among others, written as people write it', async () => {
    const spaced = repository.key.fingerprint.toUpperCase().replace(/(.{4})/g, '$1 ').trim();
    await expect(mirror({ KeyFingerprint: [other.fingerprint, spaced] })).resolves.toBeDefined();
  });

  // as the vendor has it: what is pinned is the primary key, and a subkey signs
  // (https://github.com/ClickHouse/ClickHouse/blob/master/tests/ci/artifactory.py, https://github.com/ClickHouse/ClickHouse/issues/41718).
  test('of a subkey of the pinned key, and not of one that was revoked', async () => {
    const { privateKey } = await openpgp.generateKey({ userIDs: [{ name: 'A repository' }], date: new Date(Date.now() - 60_000), subkeys: [{ sign: true }], format: 'object' });
    const [subkey] = privateKey.getSubkeys();
    const key = keyOf(privateKey);
    await repository.reset({ key });
    const [packet] = (await openpgp.readSignature({ armoredSignature: (repository.files.get(`${INDEX}.asc`) ?? '').toString() })).packets;
    expect(packet?.issuerKeyID.toHex()).toBe(subkey?.getKeyID().toHex());
    await expect(mirror({ KeyFingerprint: key.fingerprint })).resolves.toBeDefined();
    scene = new Scene(repository);
    repository.requests.length = 0;
    // that of the subkey is not what is looked for, and the message says which one is.
    await refused('UntrustedKey', new RegExp(`has the fingerprint ${key.fingerprint.toUpperCase()}`), { KeyFingerprint: subkey?.getFingerprint() });
    const published = privateKey.toPublic();
    const revoked = await published.subkeys[0]?.revoke(privateKey.keyPacket as openpgp.SecretKeyPacket);
    if (revoked !== undefined) published.subkeys.splice(0, 1, revoked);
    repository.files.set(`${INDEX}.key`, Buffer.from(published.armor()));
    await refused('BadSignature', /revoked|valid signing key/i, { KeyFingerprint: key.fingerprint });
  });

  const HOUR = 3_600_000;
  test('of a key that is expired now, whatever date it says', async () => {
    const born = new Date(Date.now() - 2 * HOUR);
    const key = await makeKey({ date: born, keyExpirationTime: 3_600 });
    // whoever has a stolen key chooses the date.
    await repository.reset({ key, signed: new Date(born.getTime() + HOUR / 2) });
    await refused('BadSignature', /expired/i, { KeyFingerprint: key.fingerprint });
    // with the digests pinned and no key there is a way on.
    await expect(mirror({ KeyFingerprint: undefined, Digests: PIN })).resolves.toBeDefined();
  });

  test('of a key that expires tomorrow', async () => {
    const key = await makeKey({ keyExpirationTime: 24 * 3600 });
    await repository.reset({ key });
    await expect(mirror({ KeyFingerprint: key.fingerprint })).resolves.toBeDefined();
  });

  test('of a key that was revoked', async () => {
    const { privateKey, revocationCertificate } = await openpgp.generateKey({ userIDs: [{ name: 'A repository' }], date: new Date(Date.now() - 60_000), format: 'object' });
    const key = keyOf(privateKey);
    const revoked = await openpgp.revokeKey({ key: privateKey.toPublic(), revocationCertificate, format: 'object' });
    await repository.reset({ key });
    repository.files.set(`${INDEX}.key`, Buffer.from(revoked.publicKey.armor()));
    await refused('BadSignature', /revoked/i, { KeyFingerprint: key.fingerprint });
  });

  test('dated in the future', async () => {
    await repository.reset({ signed: new Date(Date.now() + 24 * HOUR) });
    await refused('BadSignature', /not valid|future|expired/i);
  });

  test('over text, which holds for other bytes too', async () => {
    const content = (repository.files.get(INDEX) ?? Buffer.alloc(0)).toString();
    const { privateKey } = await openpgp.generateKey({ userIDs: [{ name: 'A repository' }], date: new Date(Date.now() - 60_000), format: 'object' });
    repository.files.set(`${INDEX}.key`, Buffer.from(privateKey.toPublic().armor()));
    repository.files.set(`${INDEX}.asc`, Buffer.from(String(await openpgp.sign({ message: await openpgp.createMessage({ text: content }), signingKeys: privateKey, detached: true }))));
    await refused('BadSignature', /over text/, { KeyFingerprint: privateKey.getFingerprint() });
  });

  test('that comes with a crowd of others', async () => {
    const { packets } = await openpgp.readSignature({ armoredSignature: (repository.files.get(`${INDEX}.asc`) ?? '').toString() });
    const many = new openpgp.PacketList<openpgp.SignaturePacket>();
    for (let count = 0; count < 9; count += 1) many.push(...packets);
    repository.files.set(`${INDEX}.asc`, Buffer.from(new openpgp.Signature(many).armor()));
    await refused('BadSignature', /9 signatures/);
  });

  test('that is being replaced while it is read is looked at again', async () => {
    const before = repository.files.get(`${INDEX}.asc`);
    await repository.publish({ revision: '1756300000' });
    const after = repository.files.get(`${INDEX}.asc`) ?? Buffer.alloc(0);
    repository.files.set(`${INDEX}.asc`, before ?? Buffer.alloc(0));
    repository.fault = () => {
      if (scene.slept > 0) repository.files.set(`${INDEX}.asc`, after);
      return false;
    };
    await expect(mirror()).resolves.toBeDefined();
    expect(repository.requests.filter((path) => path === INDEX)).toHaveLength(2);
  });
});

const hasGpg = ((): boolean => {
  try {
    execFileSync('gpg', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();
if (!hasGpg) console.warn('not proven: signatures by GnuPG, which is not installed');

// what vendors sign with (https://github.com/ClickHouse/ClickHouse/blob/master/tests/ci/artifactory.py).
(hasGpg ? test : test.skip)('GnuPG signs what is accepted, and what it signs for others is not', async () => {
  const home = mkdtempSync(join(tmpdir(), 'gpg-'));
  const gpg = (...parameters: string[]): string => execFileSync('gpg', ['--homedir', home, '--batch', '--yes', '--pinentry-mode', 'loopback', '--passphrase', '', ...parameters], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    gpg('--quick-generate-key', 'A repository', 'rsa2048', 'sign', 'never');
    const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(gpg('--list-keys', '--with-colons'))?.[1] ?? '';
    const file = join(home, 'repomd.xml');
    writeFileSync(file, repository.files.get(INDEX) ?? '');
    gpg('--armor', '--detach-sign', file);
    repository.files.set(`${INDEX}.asc`, readFileSync(`${file}.asc`));
    repository.files.set(`${INDEX}.key`, Buffer.from(gpg('--armor', '--export')));
    await expect(mirror({ KeyFingerprint: fingerprint })).resolves.toBeDefined();
    scene = new Scene(repository);
    repository.requests.length = 0;
    change(INDEX, (content) => Buffer.from(content.toString().replace('<size>9', '<size>8')));
    await refused('BadSignature', /no good signature/, { KeyFingerprint: fingerprint });
    gpg('--digest-algo', 'SHA1', '--armor', '--detach-sign', file);
    repository.files.set(INDEX, readFileSync(file));
    repository.files.set(`${INDEX}.asc`, readFileSync(`${file}.asc`));
    await refused('BadSignature', /SHA1/i, { KeyFingerprint: fingerprint });
  } finally {
    execFileSync('gpgconf', ['--homedir', home, '--kill', 'gpg-agent'], { stdio: 'ignore' });
    rmSync(home, { recursive: true, force: true });
  }
});

describe('metadata that is older than what was seen', () => {
  const keyOfSeen = (): string => seenKey(packagesProperties(scene.properties()));
  const seen = (): unknown => JSON.parse(scene.bucket.objects.get(keyOfSeen())?.content.toString() ?? '{}');

  test('is refused, and what was seen stays', async () => {
    await repository.reset({ revision: '1756300000' });
    await mirror();
    expect(seen()).toEqual({ repository: repository.url, revision: 1_756_300_000, sha256: sha256(repository.files.get(INDEX) ?? '') });
    await repository.reset({ revision: '1756299999' });
    await expect(mirror()).rejects.toMatchObject({ name: 'RolledBack', message: expect.stringMatching(/revision 1756299999, but was at 1756300000 before/) as string });
    await expect(mirror({ Packages: ['clickhouse-server', 'clickhouse-client'], Digests: PIN })).rejects.toMatchObject({ name: 'RolledBack' });
    // the same again, and one that is newer.
    await repository.reset({ revision: '1756300000' });
    await mirror();
    await repository.reset({ revision: '1756300001' });
    await mirror();
    expect(seen()).toMatchObject({ revision: 1_756_300_001 });
  });

  test('is good enough for what is pinned, and is not what was seen', async () => {
    await repository.reset({ revision: '1756300000' });
    await mirror({ Packages: ['clickhouse-client'] });
    await repository.reset({ revision: '1756200000' });
    await mirror({ Digests: PIN });
    expect(seen()).toMatchObject({ revision: 1_756_300_000 });
    await expect(mirror({ Packages: ['clickhouse-keeper'] })).rejects.toMatchObject({ name: 'RolledBack' });
  });

  test('of another repository is another matter', async () => {
    await repository.reset({ revision: '1756300000' });
    await mirror();
    await repository.reset({ revision: '1756200000' });
    for (const [path, content] of [...repository.files]) repository.files.set(`lts/${path}`, content);
    await expect(mirror({ Repository: `${repository.url}lts/` })).resolves.toBeDefined();
  });

  test.each(['', 'null', '{}', '{"revision":"1"}', '{"revision":1e400}', 'garbage'])('what was seen cannot be read: %j', async (text) => {
    scene.bucket.objects.set(keyOfSeen(), { content: Buffer.from(text) });
    await refused('UnfitObject', /does not say which revision/);
  });

  test.each(['', '-1', '1.5', 'latest', '9'.repeat(16)])('the revision is no number: %j', async (revision) => {
    await repository.reset({ revision });
    await refused('BadMetadata', /its revision is no number/);
  });
});

describe('an index that was signed and still is not right', () => {
  test.each<[string, RegExp, (text: string) => string]>([
    ['a document type', /no use for/, (text) => text.replace('<repomd', '<!DOCTYPE repomd [<!ENTITY a "b">]><repomd')],
    ['two lists of packages', /stands twice/, (text) => text.replace('</repomd>', `${/<data type="primary">[^]*<\/data>/.exec(text)?.[0] ?? ''}</repomd>`)],
    ['two revisions', /revision stands twice/, (text) => text.replace('<data', '<revision>1</revision><data')],
    ['no list of packages', /has no list/, (text) => text.replace('type="primary"', 'type="other"')],
    ['a list outside of the repository', /has no list/, (text) => text.replace(/href="repodata\/[0-9a-f]+-primary/, 'href="../../primary')],
    ['a list on another host', /has no list/, (text) => text.replace(/href="repodata\/[0-9a-f]+-primary/, 'href="https://example.com/primary')],
    ['a list that is elsewhere', /is elsewhere/, (text) => text.replace(/href="(repodata\/[0-9a-f]+-primary)/, 'xml:base="https://example.com/" href="$1')],
    ['a list with SHA-1', /has no SHA-256/, (text) => text.replace(/(type="primary">\s+<checksum type=)"sha256"/, '$1"sha"')],
    ['a list without a size', /has no list/, (text) => text.replace(/<size>[0-9]+<\/size>\s+<open-size>/, '<open-size>')],
    ['another root', /its root is/, (text) => text.replaceAll('repomd', 'repomx')],
  ])('%s', async (_, message, repomd) => {
    await repository.reset({ repomd });
    await refused('BadMetadata', message);
  });

  test('a list that was changed after it was signed for, of the same size', async () => {
    const [path = ''] = [...repository.files.keys()].filter((each) => each.includes('primary'));
    change(path, (content) => {
      const copy = Buffer.from(content);
      copy.writeUInt8((copy.at(-1) ?? 0) ^ 1, copy.length - 1);
      return copy;
    });
    await refused('DigestDiffers', /signed is/);
  });

  test('a list that was truncated', async () => {
    const [path = ''] = [...repository.files.keys()].filter((each) => each.includes('primary'));
    change(path, (content) => content.subarray(0, -10));
    await refused('DigestDiffers', /has \d+ bytes, expected/);
  });

  test('a list that is not there', async () => {
    const [path = ''] = [...repository.files.keys()].filter((each) => each.includes('primary'));
    repository.files.delete(path);
    await refused('NotFound', /which repomd\.xml names, does not exist/);
  });

  test('no repository at all', async () => {
    repository.files.clear();
    await refused('NotFound', /repomd\.xml does not exist; is 'Repository' right\?/);
  });
});

describe('a list that was signed for and still is not right', () => {
  test.each<[string, RegExp, Publication]>([
    ['a path out of the repository', /outside of the repository/, only({ href: `../${FILE}` })],
    ['a path out of the repository, later on', /outside of the repository/, only({ href: `a/../../${FILE}` })],
    ['a path out of the repository, encoded', /outside of the repository/, only({ href: `%2e%2e/${FILE}` })],
    ['a path from the root', /outside of the repository/, only({ href: `/${FILE}` })],
    ['an address', /outside of the repository/, only({ href: `https://example.com/${FILE}` })],
    ['an address without a scheme', /outside of the repository/, only({ href: `//example.com/${FILE}` })],
    ['a backslash', /outside of the repository/, only({ href: `..\\${FILE}` })],
    ['another base', /outside of the repository/, only({ base: 'https://example.com/' })],
    ['the file of another package', /is in the file/, only({ href: fileOf('clickhouse-client', 'aarch64') })],
    ['the file of another architecture', /is in the file/, only({ href: fileOf('clickhouse-server', 'x86_64') })],
    ['the file of another version', /is in the file/, only({ href: fileOf('clickhouse-server', 'aarch64', '26.8.36.31') })],
    ['a package that is twice there, with different digests', /is there twice/, { packages: [...entries(), { name: 'clickhouse-server', architecture: 'aarch64', sha256: sha256('another') }] }],
    ['a package that is twice there, in different files', /is there twice/, { packages: [...entries(), { name: 'clickhouse-server', architecture: 'aarch64', href: `clickhouse-server-${VERSION}-2.aarch64.rpm` }] }],
    ['a package with two digests', /has its checksum twice/, only({ more: `<checksum type="sha256">${sha256('another')}</checksum>` })],
    ['a package with two paths', /has its location twice/, only({ more: '<location href="x.rpm"/>' })],
    ['a package with two names', /has its name twice/, only({ more: '<name>clickhouse-client</name>' })],
    ['a package with SHA-1', /has no SHA-256/, only({ checksumType: 'sha' })],
    ['a package whose digest is none', /has no SHA-256/, only({ sha256: 'x'.repeat(64) })],
    ['a package without a size', /has no size/, only({ size: 'huge' })],
    ['a package of no bytes', /has no size/, only({ size: 0 })],
    ['a package of another epoch', /has the epoch/, only({ epoch: '1' })],
    ['a name without an end', /too long/, { primary: (text) => text.replace('<name>clickhouse-server', `<name>${'x'.repeat(1_000)}`) }],
    ['an entity that grows', /no use for/, { primary: (text) => text.replace('<metadata', `<!DOCTYPE metadata [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><metadata`).replace('<name>clickhouse-server', '<name>&b;') }],
    ['an entity that reads a file', /no use for/, { primary: (text) => text.replace('<metadata', `<!DOCTYPE metadata [<!ENTITY a SYSTEM "file:///etc/passwd">]><metadata`) }],
    ['an entity that nobody declared', /nobody declared/, { primary: (text) => text.replace('A vendor', '&vendor;') }],
    ['an end before its end', /ends too early/, { primary: (text) => text.slice(0, -30) }],
    ['another root', /its root is/, { primary: (text) => text.replaceAll('metadata', 'packages') }],
    ['something else than gzip', /cannot be unpacked: Z_DATA_ERROR/, { packed: () => Buffer.from('<metadata packages="0"/>') }],
    ['a gzip that ends early', /cannot be unpacked: Z_BUF_ERROR/, { packed: (content) => content.subarray(0, -20) }],
    ['a way to pack that nobody knows', /packed in a way/, { path: 'repodata/primary.xml.xz' }],
  ])('%s', async (_, message, publication) => {
    await repository.reset(publication);
    await refused('BadMetadata', message);
  });

  test('a package that is twice there and the same', async () => {
    await repository.reset({ packages: [...entries(), ...entries()] });
    await expect(mirror()).resolves.toBeDefined();
  });

  test('a release in the name of the file, and a folder', async () => {
    const href = `Packages/clickhouse-server-${VERSION}-1.aarch64.rpm`;
    await repository.reset(only({ href }));
    repository.files.set(href, CONTENT);
    await expect(mirror()).resolves.toMatchObject({ data: { ClickhouseServerAarch64Key: `packages/${sha256(CONTENT)}/clickhouse-server-${VERSION}-1.aarch64.rpm` } });
  });

  test('oddities of packages that nobody wants are not looked at', async () => {
    await repository.reset({ packages: [...entries(), { name: 'something-else', architecture: 'aarch64', href: '../../x', sha256: 'none', checksumType: 'md5' }] });
    await expect(mirror()).resolves.toBeDefined();
  });
});

describe('more than anybody needs', () => {
  test.each<[string, string, number]>([
    ['a key', `${INDEX}.key`, LIMITS.key],
    ['a signature', `${INDEX}.asc`, LIMITS.signature],
    ['an index', INDEX, LIMITS.repomd],
  ])('%s, with its length and without it', async (_, path, limit) => {
    repository.files.set(path, Buffer.alloc(limit + 1, ' '));
    await refused('TooLarge', /at most/);
    let sent = 0;
    scene.idle = 600_000;
    let closed: Promise<unknown> | undefined;
    repository.fault = (_request, response, asked) => {
      if (asked !== path) return false;
      closed = once(response, 'close');
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && sent < 64 * 1024 * 1024) {
          sent += 65_536;
          if (!response.write(Buffer.alloc(65_536))) return;
        }
        response.end();
      };
      response.on('drain', more);
      more();
      return true;
    };
    await refused('TooLarge', /more than \d+ bytes/);
    // what is not read is not sent.
    expect(sent).toBeLessThan(limit + 16 * 1024 * 1024);
    // and nobody stays connected to what has been given up.
    await closed;
  });

  test('a list that is large when it is packed', async () => {
    await repository.reset({ repomd: (text) => text.replace(/<size>[0-9]+<\/size>(\s+<open-size>)/, `<size>${LIMITS.primary + 1}</size>$1`) });
    await refused('TooLarge', /at most/);
  });

  test('a list that is large when it is unpacked', async () => {
    const block = zlib.gzipSync(Buffer.alloc(64 * 1024 * 1024, ' '));
    // members of a gzip file follow each other.
    const bomb = Buffer.concat([zlib.gzipSync('<metadata>'), ...Array.from({ length: 9 }, () => block)]);
    expect(bomb.length).toBeLessThan(1024 * 1024);
    await repository.reset({ packed: () => bomb });
    await refused('TooLarge', /more than \d+ bytes when it is unpacked/);
  });
});

describe('how a list is packed', () => {
  test('not at all', async () => {
    await repository.reset({ path: 'repodata/primary.xml', packed: (content) => zlib.gunzipSync(content) });
    await expect(mirror()).resolves.toBeDefined();
  });

  const native = zlib as unknown as { readonly zstdCompressSync?: (content: Uint8Array) => Buffer };
  test('by Zstandard, where Node.js has it; elsewhere that is said', async () => {
    const { zstdCompressSync } = native;
    await repository.reset({ path: 'repodata/primary.xml.zst', packed: (content) => zstdCompressSync?.(zlib.gunzipSync(content)) ?? content });
    if (zstdCompressSync !== undefined) await expect(mirror()).resolves.toBeDefined();
    else await refused('BadMetadata', /packed in a way that cannot be read here/);
  });

  test('by Zstandard, with a limit of what a frame may make us keep', () => {
    const asked: unknown[] = [];
    const zstd = { createZstdDecompress: (options: object) => (asked.push(options), zlib.createGunzip()), constants: { ZSTD_d_windowLogMax: 100 } };
    decompressor('primary.xml.zst', zstd)?.();
    expect(asked).toEqual([{ chunkSize: 65_536, params: { 100: 24 } }]);
  });
});
