import { customResource } from '../../../lib/handlers/cloudformation';
import { attributeOf, fileNameOf, packagesProperties } from '../../../lib/handlers/mirror-packages/event';
import { handler } from '../../../lib/handlers/mirror-packages/index';
import { keyOf } from '../../../lib/handlers/mirror-packages/mirror';

const DIGEST = 'ab'.repeat(32);
const GOOD = {
  Version: '26.8.36.3',
  Architectures: ['aarch64', 'x86_64'],
  Packages: ['clickhouse-common-static', 'clickhouse-server'],
  Bucket: 'artefacts',
  Prefix: 'packages',
  Repository: 'https://packages.clickhouse.com/rpm/stable/',
  KeyFingerprint: '3A9E A119 3A97 B548 BE14 57D4 8919 F6BD 2B48 D754',
};

test('what is right is taken, and written in one way', () => {
  const packages = packagesProperties({ ...GOOD, ServiceToken: 'x', Digests: { 'clickhouse-server-26.8.36.3.aarch64.rpm': DIGEST.toUpperCase() } });
  expect(packages).toMatchObject({ fingerprints: ['3a9ea1193a97b548be1457d48919f6bd2b48d754'], digests: new Map([['clickhouse-server-26.8.36.3.aarch64.rpm', DIGEST]]), prefix: 'packages' });
  expect(packages.wanted.map((each) => fileNameOf(each, packages.version))).toEqual(['clickhouse-common-static-26.8.36.3.aarch64.rpm', 'clickhouse-server-26.8.36.3.aarch64.rpm', 'clickhouse-common-static-26.8.36.3.x86_64.rpm', 'clickhouse-server-26.8.36.3.x86_64.rpm']);
});

test.each<[string, Readonly<Record<string, unknown>>]>([
  ['Version', { Version: 'latest' }],
  ['Version', { Version: '26.8' }],
  ['Version', { Version: '26.8.36.3/../x' }],
  ['Version', { Version: 26.8 }],
  ['Architectures', { Architectures: ['arm64'] }],
  ['Architectures', { Architectures: [] }],
  ['Architectures', { Architectures: ['aarch64', 'aarch64'] }],
  ['Packages', { Packages: [] }],
  ['Packages', { Packages: ['openssh'] }],
  ['Packages', { Packages: ['clickhouse-../x'] }],
  ['Packages', { Packages: 'clickhouse-server' }],
  ['Packages', { Packages: ['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((each) => `clickhouse-${each}`) }],
  ['Bucket', { Bucket: '' }],
  ['Prefix', { Prefix: 'packages/' }],
  ['Prefix', { Prefix: '..' }],
  ['Repository', { Repository: 'http://packages.clickhouse.com/rpm/stable/' }],
  ['Repository', { Repository: 'https://packages.clickhouse.com/rpm/stable' }],
  ['Repository', { Repository: 'https://a@packages.clickhouse.com/rpm/stable/' }],
  ['Repository', { Repository: 'https://a:b@packages.clickhouse.com/rpm/stable/' }],
  ['Repository', { Repository: 'https://packages.clickhouse.com/rpm/stable/?x=/' }],
  ['Repository', { Repository: 'https://packages.clickhouse.com/rpm/../stable/' }],
  ['Repository', { Repository: 'https://packages.clickhouse.com/rpm/%2e%2e/' }],
  ['Repository', { Repository: 'file:///rpm/' }],
  ['Repository', { Repository: undefined }],
  ['KeyFingerprint', { KeyFingerprint: undefined }],
  ['KeyFingerprint', { KeyFingerprint: [] }],
  ['KeyFingerprint', { KeyFingerprint: '' }],
  ['KeyFingerprint', { KeyFingerprint: '2B48D754' }],
  ['KeyFingerprint', { KeyFingerprint: '8919F6BD2B48D754' }],
  ['KeyFingerprint', { KeyFingerprint: ['3A9EA1193A97B548BE1457D48919F6BD2B48D754', 'x'] }],
  ['KeyFingerprint', { KeyFingerprint: undefined, Digests: { 'clickhouse-server-26.8.36.3.aarch64.rpm': DIGEST } }],
  ['Digests', { Digests: [DIGEST] }],
  ['Digests', { Digests: { '../x': DIGEST } }],
  ['Digests', { Digests: { 'clickhouse-server-26.8.36.3.aarch64.rpm': DIGEST.slice(1) } }],
  ['Digests', { Digests: { 'clickhouse-server-26.8.36.3.aarch64.rpm': '' } }],
])('is refused: %s of %j', (name, change) => {
  expect(() => packagesProperties({ ...GOOD, ...change })).toThrow(expect.objectContaining({ name: 'BadEvent', message: expect.stringMatching(`^'${name}' must be `) as string }) as Error);
});

test('the longest answer is one that CloudFormation takes, and its attributes have different names of letters and digits', async () => {
  // six names of each architecture, each as long as names are.
  const names = ['clickhouse-common-static-dbg', 'clickhouse-server', 'clickhouse-client', 'clickhouse-keeper', 'clickhouse-library-bridge', 'clickhouse-odbc-bridge'];
  const { wanted, version, prefix } = packagesProperties({ ...GOOD, Packages: names });
  const data = Object.fromEntries(
    wanted.flatMap((each) => [
      [attributeOf(each, 'Key'), keyOf(prefix, { sha256: DIGEST, file: fileNameOf(each, version) })],
      [attributeOf(each, 'Sha256'), DIGEST],
    ]),
  );
  expect(Object.keys(data)).toHaveLength(24);
  for (const name of Object.keys(data)) expect(name).toMatch(/^[A-Za-z][A-Za-z0-9]*$/);
  let answer = '';
  const event = { RequestType: 'Create' as const, RequestId: '3c2a1b00-0000-4000-8000-000000000000', ResponseURL: 'u', StackId: `arn:aws:cloudformation:eu-central-1:111111111111:stack/${'a'.repeat(128)}/3c2a1b00-0000-4000-8000-000000000000`, LogicalResourceId: 'P'.repeat(100), ResourceProperties: {} };
  await customResource(() => Promise.resolve({ physicalResourceId: 'packages-of-' + 'P'.repeat(100), data }), { respond: (_, body) => Promise.resolve(void (answer = body)) })(event);
  expect(JSON.parse(answer)).toMatchObject({ Status: 'SUCCESS' });
});

test('a deletion is answered without loading anything', async () => {
  // nobody listens there: what is told is that it was asked for the answer, and nothing else.
  const event = { RequestType: 'Delete' as const, RequestId: 'r', ResponseURL: 'https://127.0.0.1:1/', StackId: 's', LogicalResourceId: 'l', PhysicalResourceId: 'packages-of-l', ResourceProperties: {} };
  await expect(handler(event, { getRemainingTimeInMillis: () => 900_000 })).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
