import { checkLiveManifest, readLiveManifest } from '../../lib/agent/live-manifest';
import type { LiveManifest } from '../../lib/config/manifest';
import { manifestKey, packManifest, sha256Hex } from '../../lib/config/manifest';

const MANIFEST: LiveManifest = { schema: 1, kind: 'live', clusterName: 'analytics', servers: [], documents: [], users: [], databases: [], rotationNetworks: [] };
const { content, key, sha256 } = packManifest(MANIFEST);
const WHERE = { liveManifestParameter: 'live', bucket: 'artefacts' };

const keyOf = (text: string): string => manifestKey('live', sha256Hex(text));

test('reads the manifest that the pointer names', async () => {
  const asked: string[] = [];
  const store = {
    pointer: (parameter: string) => Promise.resolve(parameter === 'live' ? key : ''),
    object: (bucket: string, each: string) => {
      asked.push(`${bucket}/${each}`);
      return Promise.resolve(content);
    },
  };
  expect(await readLiveManifest(store, WHERE)).toEqual({ manifest: MANIFEST, sha256 });
  expect(asked).toEqual([`artefacts/${key}`]);
});

test.each(['', 'none yet', 'manifests/boot/' + sha256 + '.json', `manifests/live/${sha256}.json/../x`, `manifests/live/${sha256.toUpperCase()}.json`, `x\nmanifests/live/${sha256}.json`])('the pointer %j leads nowhere', async (pointer) => {
  const object = jest.fn();
  await expect(readLiveManifest({ pointer: () => Promise.resolve(pointer), object }, WHERE)).rejects.toThrow(/the pointer must hold the key of a live manifest/);
  expect(object).not.toHaveBeenCalled();
});

test('a text that is not the one in the key is not used, whatever changed', () => {
  for (const text of [content.replace('analytics', 'analytica'), `${content} `, content.slice(1), '', `\uFEFF${content}`]) expect(() => checkLiveManifest(key, text)).toThrow(/its key says another/);
});

test.each([
  [JSON.stringify({ ...MANIFEST, schema: 2 }), /schema 1, got 2/],
  [JSON.stringify({ ...MANIFEST, kind: 'boot' }), /expected a live manifest, got "boot"/],
])('refuses %s', (text, message) => {
  expect(() => checkLiveManifest(keyOf(text), text)).toThrow(message);
});
