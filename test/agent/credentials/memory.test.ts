import * as fc from 'fast-check';
import type { CredentialMemory } from '../../../lib/agent/credentials/admission';
import { prepareMemory, recall, remember } from '../../../lib/agent/credentials/memory';
import { FakeDisk } from './fake-disk';

const ROOT = '/var/lib/clickhouse';
const DIRECTORY = `${ROOT}/agent-credentials`;
const OWNER = { uid: 0, gid: 101 };

function disk(): FakeDisk {
  const fake = new FakeDisk([ROOT]);
  prepareMemory(fake, DIRECTORY);
  return fake;
}

const version = fc.stringMatching(/^[a-f0-9-]{1,64}$/);
const memory: fc.Arbitrary<CredentialMemory> = fc.record(
  {
    current: version,
    pending: version,
    leaving: fc.array(fc.record({ version, until: fc.nat(), why: fc.constantFrom('withdrawn' as const, 'revoked' as const) }, { requiredKeys: ['version', 'until'] }), { maxLength: 20 }),
  },
  { requiredKeys: ['leaving'] },
);

test('what was remembered is recalled', () => {
  fc.assert(
    fc.property(memory, (each) => {
      const fake = disk();
      remember(fake, DIRECTORY, OWNER, 'ingest', 'arn', each);
      expect(recall(fake, DIRECTORY, 'ingest', 'arn')).toEqual({ memory: each });
      const { mode } = fake.look(`${DIRECTORY}/ingest.json`) ?? {};
      expect(mode).toBe(0o600);
      // the same again is no write.
      const { done } = fake.fate;
      remember(fake, DIRECTORY, OWNER, 'ingest', 'arn', each);
      expect(fake.fate.done).toBe(done);
    }),
  );
});

test('whatever is in the file, recalling never fails and never gives half an answer', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json(), memory.map((each) => JSON.stringify({ schema: 1, secret: 'arn', ...each }).slice(0, -3))), (text) => {
      const fake = disk();
      fake.put(`${DIRECTORY}/ingest.json`, text);
      expect(recall(fake, DIRECTORY, 'ingest', 'arn')).toEqual({ trouble: expect.stringMatching(/count/) as string });
    }),
  );
});

test.each([
  ['{"schema":1,"secret":"arn","leaving":[{"version":"a","until":1e999}]}'],
  ['{"schema":1,"secret":"arn","leaving":[{"version":"a","until":"9"}]}'],
  ['{"schema":1,"secret":"arn","leaving":[{"until":9}]}'],
  ['{"schema":1,"secret":"arn","leaving":[{"version":"a","until":9,"why":"because"}]}'],
  ['{"schema":1,"secret":"arn","current":"","leaving":[]}'],
  ['{"schema":2,"secret":"arn","leaving":[]}'],
  [`{"schema":1,"secret":"arn","leaving":[${'{"version":"a","until":9},'.repeat(200).slice(0, -1)}]}`],
])('%s is damaged', (text) => {
  const fake = disk();
  fake.put(`${DIRECTORY}/ingest.json`, text);
  expect(recall(fake, DIRECTORY, 'ingest', 'arn').trouble).toMatch(/damaged/);
});

test('another secret is another history, another user has another file', () => {
  const fake = disk();
  remember(fake, DIRECTORY, OWNER, 'ingest', 'arn', { current: 'a', leaving: [] });
  expect(recall(fake, DIRECTORY, 'ingest', 'arn-2').trouble).toMatch(/another secret/);
  expect(recall(fake, DIRECTORY, 'reader', 'arn').trouble).toMatch(/nothing is remembered/);
});

test('a directory that cannot be read is told like one that is new', () => {
  expect(recall(new FakeDisk([]), DIRECTORY, 'ingest', 'arn').trouble).toMatch(/nothing is remembered/);
  const fake = disk();
  fake.fate.dead = true;
  expect(recall(fake, DIRECTORY, 'ingest', 'arn').trouble).toMatch(/cannot be read/);
});
