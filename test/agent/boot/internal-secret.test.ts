import { hkdfSync } from 'node:crypto';
import { deriveInternalSecrets } from '../../../lib/agent/boot/internal-secret';
import { fillHoles } from '../../../lib/config/holes';

const SECRET = 'k'.repeat(64);

test('every node derives the same two values, and neither is the other or the secret', () => {
  const { interserverPassword, clusterSecret } = deriveInternalSecrets(SECRET);
  expect(deriveInternalSecrets(SECRET)).toEqual({ interserverPassword, clusterSecret });
  expect(new Set([interserverPassword, clusterSecret, SECRET]).size).toBe(3);
  expect(interserverPassword).toBe(Buffer.from(hkdfSync('sha256', SECRET, Buffer.alloc(0), 'interserver', 32)).toString('hex'));
  // the documents take them as they are.
  expect(fillHoles('@{interserverPassword} @{clusterSecret}', { interserverPassword, clusterSecret })).toBe(`${interserverPassword} ${clusterSecret}`);
});

test.each([[undefined], [''], ['short-and-memorable']])('%j is no secret to derive from, and is not repeated', (secret) => {
  const refused = (): unknown => deriveInternalSecrets(secret);
  expect(refused).toThrow(/at least 32 characters, got \d+/);
  if (secret) expect(refused).not.toThrow(secret);
});
