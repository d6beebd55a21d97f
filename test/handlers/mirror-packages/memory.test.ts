import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { LIMITS } from '../../../lib/handlers/mirror-packages/metadata';
import { PART } from '../../../lib/handlers/mirror-packages/mirror';
import { BundledProgram } from './function';
import type { Entry } from './repository';
import { TestRepository } from './repository';
import { Scene } from './world';

const MEGABYTE = 1024 * 1024;
const SIZE = 200 * MEGABYTE;
const BLOCK = randomBytes(MEGABYTE);

let repository: TestRepository;
let program: BundledProgram;
beforeAll(async () => {
  [repository, program] = await Promise.all([TestRepository.start(), BundledProgram.build(join(__dirname, 'memory.program.ts'))]);
});
afterAll(async () => {
  program.remove();
  await repository.stop();
});

async function send(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-length': SIZE });
  for (let sent = 0; sent < SIZE; sent += BLOCK.length) if (!response.write(BLOCK)) await once(response, 'drain');
  response.end();
}

test('200 MB and a list that is nearly as large as one may be go through, in the memory that the function has', async () => {
  const hash = createHash('sha256');
  for (let hashed = 0; hashed < SIZE; hashed += BLOCK.length) hash.update(BLOCK);
  const large: Entry = { name: 'clickhouse-common-static', architecture: 'aarch64', content: Buffer.alloc(0), sha256: hash.digest('hex'), size: SIZE };
  // what cannot be packed well: base64 of noise takes three quarters.
  const padding = Array.from({ length: 900 }, (): Entry => ({ name: 'something-else', architecture: 'aarch64', content: Buffer.alloc(0), more: `<noise>${randomBytes(24_000).toString('base64')}</noise>` }));
  await repository.reset({ packages: [...padding, large] });
  const packed = Math.max(...[...repository.files.values()].map(({ length }) => length));
  expect(packed).toBeGreaterThan(20 * MEGABYTE);
  expect(packed).toBeLessThan(LIMITS.primary);
  repository.fault = (_, response, path) => {
    if (!path.startsWith('clickhouse-common-static')) return false;
    void send(response);
    return true;
  };
  const properties = new Scene(repository).properties({ Packages: ['clickhouse-common-static'], Architectures: ['aarch64'] });
  const { lines } = await program.run(`bundle.measure(${JSON.stringify(properties)}).then((told) => console.log(JSON.stringify(told)))`, repository.ca);
  const { peak, external, parts, largest } = JSON.parse(lines[0] ?? '') as { peak: number; external: number; parts: number; largest: number };
  expect([parts, largest]).toEqual([SIZE / PART, PART]);
  // of 256 MB, 40 are for the SDK, which is not in this process.
  expect(peak).toBeLessThan(216 * MEGABYTE);
  expect(external).toBeLessThan(100 * MEGABYTE);
  console.info(`peak ${Math.round(peak / MEGABYTE)} MB, external ${Math.round(external / MEGABYTE)} MB`);
});
