import { handleResource } from '../../../lib/handlers/mirror-packages/handle';
import { PART } from '../../../lib/handlers/mirror-packages/mirror';
import { Killed, named } from './bucket';
import { contentOf, fileOf, sha256, TestRepository, VERSION } from './repository';
import { Scene } from './world';

// one file of two parts and one of one.
const PACKAGES = ['clickhouse-common-static', 'clickhouse-server'];
const contents = PACKAGES.map((name, index) => contentOf(name, 'aarch64', VERSION, index === 0 ? PART + 1_000 : 1_000));
const KEYS = PACKAGES.map((name, index) => `packages/${sha256(contents[index] ?? '')}/${fileOf(name, 'aarch64')}`);

let repository: TestRepository;
beforeAll(async () => {
  repository = await TestRepository.start();
  await repository.reset({ packages: PACKAGES.map((name, index) => ({ name, architecture: 'aarch64', content: contents[index] })) });
});
afterAll(() => repository.stop());

function run(scene: Scene): Promise<unknown> {
  const event = { RequestType: 'Create' as const, RequestId: 'r', ResponseURL: 'u', StackId: 's', LogicalResourceId: 'Packages', ResourceProperties: scene.properties({ Packages: PACKAGES, Architectures: ['aarch64'] }) };
  return handleResource(event, Date.now() + 14 * 60_000, () => Promise.resolve(scene.world));
}

/** What always holds: a key of a package has the content whose digest it names, whole. */
function whole(scene: Scene): void {
  for (const [key, { content, sha256: told }] of scene.bucket.objects) {
    if (key.endsWith('.rpm')) expect([sha256(content), told]).toEqual([key.split('/')[1], key.split('/')[1]]);
  }
}

/** Kills or disturbs the nth moment between two calls; answers whether there was one. */
async function attempt(nth: number, error: () => Error, forGood: boolean): Promise<boolean> {
  const scene = new Scene(repository);
  let moment = 0;
  scene.bucket.disturb = () => {
    moment += 1;
    // who is killed does nothing more, also nothing that would clean up.
    if (moment === nth || (forGood && moment > nth)) throw error();
  };
  const first = await run(scene).then(() => undefined, (reason: Error) => reason);
  const met = moment >= nth;
  whole(scene);
  scene.bucket.disturb = () => undefined;
  const answer = await run(scene);
  expect(answer).toMatchObject({ data: { ClickhouseCommonStaticAarch64Key: KEYS[0], ClickhouseServerAarch64Key: KEYS[1] } });
  whole(scene);
  expect([...scene.bucket.objects.keys()].filter((key) => key.endsWith('.rpm'))).toEqual(KEYS);
  expect(scene.bucket.uploads.size).toBe(0);
  // each was completed once, whatever happened.
  expect(scene.bucket.effects.filter((each) => each.startsWith('complete')).sort()).toEqual(KEYS.map((key) => `complete ${key}`).sort());
  if (forGood) expect(first === undefined).toBe(!met);
  return met;
}

test('killed between any two effects: the next run ends well, and no half of anything is left', async () => {
  let moments = 0;
  while (await attempt(moments + 1, () => new Killed('killed'), true)) moments += 1;
  // 2 for what was seen, then for the files head, unfinished, begin, 2 and 1 parts, complete, then 2 for what it came to; before and after each.
  expect(moments).toBe(2 * (2 + 6 + 5 + 2));
});

test('any one call that fails, or whose answer is lost: nothing is half, and the next run ends well', async () => {
  let moments = 0;
  while (await attempt(moments + 1, () => named('SlowDown'), false)) moments += 1;
  expect(moments).toBeGreaterThanOrEqual(30);
});
