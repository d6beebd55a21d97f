import { handler } from '../../../lib/handlers/issue-certificate/index';
import { KEY_ID, PARAMETER, TAG } from './world';

const context = { getRemainingTimeInMillis: () => 300_000 };
const renew = { tag: TAG, caParameter: PARAMETER, keyId: KEY_ID };

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['a text', 'renew'],
  ['something else', { issue: {} }],
  ['no tag', { renew: { ...renew, tag: undefined } }],
  ['a tag that turns the filter around', { renew: { ...renew, tag: { ...TAG, value: '!analytics' } } }],
  ['no parameter', { renew: { ...renew, caParameter: '' } }],
  ['no key', { renew: { ...renew, keyId: undefined } }],
])('an event that is not understood is refused before anything is loaded: %s', async (_, event) => {
  const write = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
  await expect(handler(event, context)).rejects.toMatchObject({ name: 'BadEvent' });
  expect(write.mock.calls.map(([line]) => String(line))).toEqual([expect.stringMatching(/^\{"message":"renewal failed","outcome":"BadEvent","reason":"/)]);
  write.mockRestore();
});
