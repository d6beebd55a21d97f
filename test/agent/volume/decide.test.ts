import * as fc from 'fast-check';
import type { Observation, Step } from '../../../lib/agent/volume/decide';
import { decide, MOUNT_OPTIONS } from '../../../lib/agent/volume/decide';
import type { Intent } from '../../../lib/agent/volume/intent';
import { roomFor } from '../../../lib/agent/volume/intent';
import type { Mounted } from '../../../lib/agent/volume/mounts';
import type { Content } from '../../../lib/agent/volume/probe';

const GIB = 2 ** 30;
const US = 'i-0us';
const OTHER = 'i-0other';

const EMPTY: Observation = {
  volumeId: 'vol-0a',
  instanceId: US,
  mounted: { at: 'nowhere' },
  volume: { state: 'in-use', sizeGiB: 1, attachments: [{ instanceId: US, state: 'attached', device: '/dev/sdf' }] },
  device: { size: GIB, content: { kind: 'nothing', zero: true }, intent: 'none' },
  beneath: [],
};

const on = (content: Content, intent: Intent = 'none', size = GIB): Observation => ({ ...EMPTY, device: { size, content, intent } });
const ext4 = (size: number, everMounted: boolean): Content => ({ kind: 'ext4', size, everMounted });
const inState = (state: string, ...attachments: (readonly [instanceId: string, state: string])[]): Observation => ({
  ...EMPTY,
  volume: { state, sizeGiB: 1, attachments: attachments.map(([instanceId, its]) => ({ instanceId, state: its, device: '/dev/sdf' })) },
});

const states = fc.constantFrom('creating', 'available', 'in-use', 'deleting', 'deleted', 'error', 'new-in-2030');
const sizes = fc.constantFrom(0, 4096, 1024 * 1024, roomFor(GIB) - 4096, roomFor(GIB), roomFor(GIB) + 4096, GIB, GIB + 4096, 2 * GIB);
const mounted: fc.Arbitrary<Mounted> = fc.oneof(
  { weight: 8, arbitrary: fc.constant({ at: 'nowhere' as const }) },
  { weight: 1, arbitrary: fc.record({ at: fc.constant('here' as const), options: fc.subarray([...MOUNT_OPTIONS, 'rw', 'ro']) }) },
  { weight: 1, arbitrary: fc.constantFrom<Mounted>({ at: 'elsewhere', path: '/mnt' }, { at: 'taken', by: '/dev/other' }) },
);
const content: fc.Arbitrary<Content> = fc.oneof(
  fc.record({ kind: fc.constant('nothing' as const), zero: fc.boolean() }),
  fc.record({ kind: fc.constant('ext4' as const), size: sizes, everMounted: fc.boolean() }),
  fc.record({ kind: fc.constant('foreign' as const), types: fc.subarray(['xfs', 'dos', 'LVM2_member'], { minLength: 1 }) }),
  fc.constant({ kind: 'ambivalent' as const }),
);
const observation: fc.Arbitrary<Observation> = fc.record({
  volumeId: fc.constant('vol-0a'),
  instanceId: fc.constant(US),
  mounted,
  volume: fc.option(
    fc.record({
      state: fc.oneof({ weight: 3, arbitrary: fc.constant('in-use') }, { weight: 1, arbitrary: states }),
      sizeGiB: fc.constantFrom(1, 1, 1, 2),
      attachments: fc.array(
        fc.record({
          instanceId: fc.constantFrom(US, US, US, OTHER),
          state: fc.constantFrom('attached', 'attached', 'attached', 'attaching', 'detaching', 'detached', 'busy', 'new-in-2030'),
          device: fc.constant('/dev/sdf'),
        }),
        { maxLength: 2 },
      ),
    }),
    { nil: undefined, freq: 9 },
  ),
  device: fc.option(fc.record({ size: fc.constantFrom(GIB, GIB, GIB, 2 * GIB, 0), content, intent: fc.constantFrom<Intent>('none', 'none', 'ours', 'ours', 'another', 'damaged') }), { nil: undefined, freq: 9 }),
  beneath: fc.oneof({ weight: 9, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: fc.constant(['store']) }),
});

/** Written down again, by what each thing would mean rather than by the order in which the code asks. */
function showsData({ mounted, volume, device, beneath }: Observation): boolean {
  const attachedToUsAlone =
    volume !== undefined &&
    !['deleting', 'deleted', 'error'].includes(volume.state) &&
    volume.attachments.some(({ instanceId, state }) => instanceId === US && state === 'attached') &&
    volume.attachments.every(({ instanceId, state }) => instanceId === US || state === 'detached');
  if (!attachedToUsAlone || mounted.at !== 'nowhere' || device === undefined || beneath.length > 0) return true;
  const { content, intent, size } = device;
  if (intent === 'another' || intent === 'damaged' || size !== volume.sizeGiB * GIB) return true;
  switch (content.kind) {
    case 'foreign':
    case 'ambivalent':
      return true;
    case 'nothing':
      return intent === 'none' && !content.zero;
    case 'ext4':
      return intent === 'none' || content.everMounted || content.size > size - 1024 * 1024;
  }
}

test('no observation with any sign of data leads to formatting, and every one has an answer', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(observation, (each) => {
      const { step } = decide(each);
      seen.set(step, (seen.get(step) ?? 0) + 1);
      if (showsData(each)) expect(['intend', 'format']).not.toContain(step);
      // the note is for what is not empty any more; nothing gets one that is not.
      if (step === 'intend') expect(each.device).toEqual({ size: GIB * (each.volume?.sizeGiB ?? 0), content: { kind: 'nothing', zero: true }, intent: 'none' });
      if (step === 'format') expect(each.device?.intent).toBe('ours');
      // what is mounted was looked at first.
      if (step === 'check') expect(each.device?.content.kind).toBe('ext4');
      expect(decide(each)).toEqual(decide(each));
    }),
    { numRuns: 20_000 },
  );
  // the property is about something.
  for (const step of ['intend', 'format', 'check', 'ready', 'remount', 'refuse', 'wait', 'attach']) expect(seen.get(step) ?? 0).toBeGreaterThan(10);
});

test.each<[string, Observation, Step['step'], RegExp?]>([
  ['no such volume', { ...EMPTY, volume: undefined }, 'refuse', /vol-0a does not exist/],
  ['being deleted', inState('deleting', [US, 'attached']), 'refuse', /'deleting'/],
  ['deleted', inState('deleted'), 'refuse', /'deleted'/],
  ['an error', inState('error'), 'refuse', /'error'/],
  ['being created', inState('creating'), 'wait', /'creating'/],
  ['a state that is not known yet', inState('new-in-2030'), 'wait', /'new-in-2030'/],
  ['in use by nobody, as EC2 tells for a moment', inState('in-use'), 'wait', /'in-use'/],
  ['available', inState('available'), 'attach'],
  ['available, and somebody was attached', inState('available', [OTHER, 'detached']), 'attach'],
  ['attached to another instance', inState('in-use', [OTHER, 'attached']), 'wait', /attached to instance i-0other/],
  ['detaching from another instance', inState('in-use', [OTHER, 'detaching']), 'wait', /detaching to instance i-0other/],
  ['attached to both', inState('in-use', [US, 'attached'], [OTHER, 'attached']), 'wait', /i-0other/],
  ['attaching', inState('in-use', [US, 'attaching']), 'wait', /attaching/],
  ['detaching', inState('in-use', [US, 'detaching']), 'wait', /detaching/],
  ['busy', inState('in-use', [US, 'busy']), 'wait', /busy/],
  ['no device yet', { ...EMPTY, device: undefined }, 'wait', /device is not there yet/],
  ['empty', EMPTY, 'intend'],
  ['empty, larger than EC2 says', on({ kind: 'nothing', zero: true }, 'none', 2 * GIB), 'wait', /2147483648 bytes and EC2 says 1 GiB/],
  ['not empty', on({ kind: 'nothing', zero: false }), 'refuse', /unknown kind/],
  ['half formatted', on({ kind: 'nothing', zero: false }, 'ours'), 'format'],
  ['noted, nothing done', on({ kind: 'nothing', zero: false }, 'ours'), 'format'],
  ['formatted, not cleared', on(ext4(roomFor(GIB), false), 'ours'), 'format'],
  ['formatted, not cleared, of another size than EC2 says', on(ext4(4096, false), 'ours', 2 * GIB), 'wait', /2147483648 bytes/],
  ['the note of another volume', on({ kind: 'nothing', zero: false }, 'another'), 'refuse', /copied from another volume/],
  ['a damaged note', on({ kind: 'nothing', zero: false }, 'damaged'), 'refuse', /damaged/],
  ['a filesystem and the note of another volume', on(ext4(roomFor(GIB), false), 'another'), 'refuse', /copied from another volume/],
  ['a filesystem and a damaged note', on(ext4(roomFor(GIB), false), 'damaged'), 'refuse', /damaged/],
  ['a used filesystem and a note', on(ext4(roomFor(GIB), true), 'ours'), 'refuse', /was in use/],
  ['a filesystem whose content looks like a note', on(ext4(GIB, true), 'ours'), 'check'],
  ['a filesystem that ends a block too late, whose content looks like a note', on(ext4(roomFor(GIB) + 4096, false), 'ours'), 'check'],
  ['a filesystem', on(ext4(roomFor(GIB), true)), 'check'],
  ['a filesystem that is smaller', on(ext4(4096, true)), 'check'],
  ['a filesystem that is larger than its device', on(ext4(GIB + 4096, true)), 'refuse', /1073745920 bytes and the volume 1073741824/],
  ['something else', on({ kind: 'foreign', types: ['LVM2_member', 'dos'] }), 'refuse', /LVM2_member, dos/],
  ['something else, with a note', on({ kind: 'foreign', types: ['xfs'] }, 'ours'), 'refuse', /xfs/],
  ['several things', on({ kind: 'ambivalent' }, 'ours'), 'refuse', /contradict/],
  ['content beneath', { ...EMPTY, beneath: ['store', 'a', 'b', 'c', 'd', 'e'] }, 'refuse', /"store", "a", "b", "c", "d" and 1 more on the root disk/],
  ['mounted', { ...EMPTY, mounted: { at: 'here', options: ['rw', ...MOUNT_OPTIONS] } }, 'ready'],
  ['mounted, and EC2 was not asked', { ...EMPTY, volume: undefined, device: undefined, mounted: { at: 'here', options: ['rw', ...MOUNT_OPTIONS] } }, 'ready'],
  ['mounted with programs', { ...EMPTY, mounted: { at: 'here', options: ['rw', 'noatime', 'nodev', 'nosuid'] } }, 'remount'],
  ['mounted read-only', { ...EMPTY, mounted: { at: 'here', options: ['ro', ...MOUNT_OPTIONS] } }, 'refuse', /read-only/],
  ['mounted elsewhere', { ...EMPTY, mounted: { at: 'elsewhere', path: '/mnt' } }, 'refuse', /mounted at \/mnt/],
  ['something else mounted', { ...EMPTY, mounted: { at: 'taken', by: '/dev/x' } }, 'refuse', /\/dev\/x is mounted where/],
])('%s', (_, each, step, reason = /^$/) => {
  const decided = decide(each);
  expect(decided.step).toBe(step);
  expect('reason' in decided ? decided.reason : '').toMatch(reason);
});
