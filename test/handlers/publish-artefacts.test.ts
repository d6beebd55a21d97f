import { createHash } from 'node:crypto';
import type { CloudFormationEvent } from '../../lib/handlers/cloudformation';
import type { ObjectStore, PublishProperties } from '../../lib/handlers/publish-artefacts/publish';
import { idOfNew, publish } from '../../lib/handlers/publish-artefacts/publish';

const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
const AGENT = 'console.log(1)';
const LIVE = '{"users":[{"secret":"arn:aws:secretsmanager:eu-west-1:111111111111:secret:ingest-a1b2c3"}]}\n';
const LIVE_KEY = `manifests/live/${hash(LIVE)}.json`;

function properties(manifests: string[], agent = AGENT): PublishProperties {
  return {
    Bucket: 'artefacts',
    Manifests: manifests.map((Content) => ({ Key: `manifests/boot/${hash(Content)}.json`, Sha256: hash(Content), Content })),
    Live: LIVE,
    Agent: { Key: `agent/${hash(agent)}.js`, Sha256: hash(agent) },
    Pointer: 'live',
    Keepers: '3',
    Subnets: ['subnet-1', 'subnet-2', 'subnet-3'],
  };
}

function event(ResourceProperties: PublishProperties, fields: Partial<CloudFormationEvent<PublishProperties>> = {}): CloudFormationEvent<PublishProperties> {
  return { RequestType: 'Create', RequestId: 'r', ResponseURL: 'u', StackId: 's', LogicalResourceId: 'Published', ResourceProperties, ...fields };
}

const movePointer = jest.fn(() => Promise.resolve());
beforeEach(() => movePointer.mockClear());

class Memory implements ObjectStore {
  readonly objects = new Map<string, string[]>();
  putOnce(_: string, key: string, content: Uint8Array): Promise<void> {
    if (!this.objects.has(key)) this.objects.set(key, [Buffer.from(content).toString()]);
    return Promise.resolve();
  }
  async *versions(): AsyncIterable<{ key: string; versionId: string }[]> {
    // pages of one, and the empty page that S3 may answer with.
    yield [];
    for (const [key, versions] of [...this.objects]) for (const [index] of versions.entries()) yield [{ key, versionId: String(index) }];
    await Promise.resolve();
  }
  deleteVersions(_: string, versions: readonly { key: string }[]): Promise<void> {
    for (const { key } of versions) {
      const left = this.objects.get(key)?.slice(1) ?? [];
      if (left.length === 0) this.objects.delete(key);
      else this.objects.set(key, left);
    }
    return Promise.resolve();
  }
}

test('publishes manifests and the agent under their hashes; publishing again changes nothing', async () => {
  const store = new Memory();
  const created = await publish(event(properties(['{"a":1}\n'])), store, Buffer.from(AGENT), movePointer);
  const before = new Map(store.objects);
  await publish(event(properties(['{"a":1}\n']), { RequestType: 'Update', PhysicalResourceId: created.physicalResourceId }), store, Buffer.from(AGENT), movePointer);
  expect(store.objects).toEqual(before);
  expect([...store.objects.keys()]).toEqual([`manifests/boot/${hash('{"a":1}\n')}.json`, LIVE_KEY, `agent/${hash(AGENT)}.js`]);
});

test('the pointer names the live manifest from the creation on; an update leaves it to the end of the deployment', async () => {
  const store = new Memory();
  const { physicalResourceId } = await publish(event(properties(['one'])), store, Buffer.from(AGENT), movePointer);
  await publish(event(properties(['two']), { RequestType: 'Update', PhysicalResourceId: physicalResourceId }), store, Buffer.from(AGENT), movePointer);
  expect(movePointer.mock.calls).toEqual([['live', LIVE_KEY]]);
});

test('an update keeps what older manifests named, and the physical id, so nothing is deleted behind it', async () => {
  const store = new Memory();
  const first = await publish(event(properties(['one'])), store, Buffer.from(AGENT), movePointer);
  const second = await publish(event(properties(['two']), { RequestType: 'Update', PhysicalResourceId: first.physicalResourceId }), store, Buffer.from(AGENT), movePointer);
  expect(second.physicalResourceId).toBe(first.physicalResourceId);
  expect(store.objects.size).toBe(4);
});

test.each([
  ['a manifest that changed on the way', (p: PublishProperties) => ({ ...p, Manifests: p.Manifests.map((m) => ({ ...m, Content: `${m.Content} ` })) })],
  ['an agent other than the one the template names', (p: PublishProperties) => ({ ...p, Agent: { ...p.Agent, Sha256: hash('other'), Key: `agent/${hash('other')}.js` } })],
  ['a key that does not hold its hash', (p: PublishProperties) => ({ ...p, Manifests: p.Manifests.map((m) => ({ ...m, Key: 'manifests/live/latest.json' })) })],
])('refuses %s and publishes nothing at all', async (_, damage) => {
  const store = new Memory();
  await expect(publish(event(damage(properties(['one', 'two']))), store, Buffer.from(AGENT), movePointer)).rejects.toThrow(/nothing was published/);
  expect(store.objects.size).toBe(0);
});

test('a first publication that fails half way leaves an id whose deletion empties the bucket', async () => {
  const store = new Memory();
  let left = 1;
  store.putOnce = (bucket, key, content) => (left-- > 0 ? Memory.prototype.putOnce.call(store, bucket, key, content) : Promise.reject(new Error('throttled')));
  await expect(publish(event(properties(['one', 'two'])), store, Buffer.from(AGENT), movePointer)).rejects.toThrow('throttled');
  expect(store.objects.size).toBe(1);
  await publish(event(properties(['one', 'two']), { RequestType: 'Delete', PhysicalResourceId: idOfNew(properties([])) }), store, Buffer.alloc(0), movePointer);
  expect(store.objects.size).toBe(0);
});

test('another number of Keepers, or other subnets, are refused before anything is written, and going back is not', async () => {
  const store = new Memory();
  const { physicalResourceId } = await publish(event(properties(['one'])), store, Buffer.from(AGENT), movePointer);
  const update = { RequestType: 'Update', PhysicalResourceId: physicalResourceId } as const;
  const before = new Map(store.objects);
  await expect(publish(event({ ...properties(['two']), Keepers: '5' }, update), store, Buffer.from(AGENT), movePointer)).rejects.toThrow(/number of Keepers and the subnets are fixed .*artefacts-of-3-keepers.* got artefacts-of-5-keepers.*docs\/operations.md/);
  for (const Subnets of [['subnet-1', 'subnet-2'], ['subnet-2', 'subnet-1', 'subnet-3'], ['subnet-1', 'subnet-2', 'subnet-4']]) {
    await expect(publish(event({ ...properties(['two']), Subnets }, update), store, Buffer.from(AGENT), movePointer)).rejects.toThrow(/subnets are fixed/);
  }
  expect(store.objects).toEqual(before);
  // what CloudFormation sends next, to undo.
  await expect(publish(event(properties(['one']), update), store, Buffer.from(AGENT), movePointer)).resolves.toMatchObject({ physicalResourceId });
});

test('the live manifest is named by what CloudFormation made of it, and the answer says so', async () => {
  const store = new Memory();
  const { physicalResourceId, data } = await publish(event(properties([])), store, Buffer.from(AGENT), movePointer);
  expect(data).toEqual({ LiveSha256: hash(LIVE) });
  expect(store.objects.get(LIVE_KEY)).toEqual([LIVE]);
  const moved = LIVE.replace('a1b2c3', 'd4e5f6');
  const update = await publish(event({ ...properties([]), Live: moved }, { RequestType: 'Update', PhysicalResourceId: physicalResourceId }), store, Buffer.from(AGENT), movePointer);
  expect(update.data).toEqual({ LiveSha256: hash(moved) });
});

test('deletion empties every version, also of objects that others left, and may be repeated', async () => {
  const store = new Memory();
  const { physicalResourceId } = await publish(event(properties(['one'])), store, Buffer.from(AGENT), movePointer);
  store.objects.set('left-behind', ['v1', 'v2', 'v3']);
  const gone = event(properties(['one']), { RequestType: 'Delete', PhysicalResourceId: physicalResourceId });
  await publish(gone, store, Buffer.alloc(0), movePointer);
  expect(store.objects.size).toBe(0);
  await expect(publish(gone, store, Buffer.alloc(0), movePointer)).resolves.toEqual({ physicalResourceId });
});
