import { mkdirSync, writeFileSync } from 'node:fs';
import type { ClientRequest } from 'node:http';
import { Agent, request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Authority, HOST, several } from './authority';
import { Listener } from './listener';
import { Node } from './node';
import { documentOf } from './reader';

const authority = new Authority();
const material = several(authority, 6, { ip: '127.0.0.1' });
afterAll(() => authority.end());

/** Asks on a new connection that is verified like any client's; says the serial number that the server meant to show and the one it showed. */
function ask(port: number): Promise<{ readonly meant: string; readonly shown: string }> {
  return new Promise((resolve, reject) => {
    const asking: ClientRequest = request({ host: '127.0.0.1', port, servername: HOST, ca: authority.bundle, agent: new Agent({ maxCachedSessions: 0 }) }, (response) => {
      const { socket } = response as unknown as { socket: { getPeerCertificate(): { serialNumber: string } } };
      const shown = socket.getPeerCertificate().serialNumber.toLowerCase();
      response.setEncoding('utf8').on('data', (meant: string) => resolve({ meant, shown }));
    });
    asking.on('error', reject).end();
  });
}

test('certificates rotate under load: every handshake is verified, no pair is ever mixed, and what is shown follows', async () => {
  const node = new Node();
  node.parameters.set('/analytics/ca', authority.bundle);
  node.put(material[0] ?? '');
  expect((await node.run()).line).toMatchObject({ state: 'installed', trouble: 'unreachable: ECONNREFUSED' });
  const listener = await Listener.start(node.document);
  node.port = listener.port;
  let over = false;
  const shown = new Set<string>();
  const client = async (): Promise<number> => {
    let answers = 0;
    for (; !over; answers += 1) shown.add((await ask(listener.port)).shown);
    return answers;
  };
  const clients = [client(), client(), client()];
  try {
    for (const secret of material.slice(1)) {
      node.put(secret);
      const { line, result } = await node.run();
      expect(line).toMatchObject({ state: 'installed', installed: secret.serial, current: secret.serial, served: secret.serial, behind: false, daysToExpiry: 89 });
      expect(result.complete).toBe(true);
      await sleep(20);
    }
    expect((await node.run()).line).toMatchObject({ state: 'same', behind: false });
  } finally {
    over = true;
  }
  const answers = await Promise.all(clients);
  await listener.stop();
  expect(Math.min(...answers)).toBeGreaterThan(5);
  expect(listener.mismatches).toBe(0);
  expect(listener.loads).toBe(material.length);
  for (const { serial } of material.slice(1)) expect(shown).toContain(serial);
  node.checkSilence(material);
  node.end();
});

describe('the same listener, if certificate and key were not swapped together', () => {
  test.each<[string, (folder: string, next: { certificate: string; privateKey: string }, loaded: () => Promise<void>) => Promise<void>]>([
    [
      'written in place',
      async (folder, next, loaded) => {
        writeFileSync(join(folder, 'node.crt'), next.certificate);
        await loaded();
        writeFileSync(join(folder, 'node.key'), next.privateKey);
      },
    ],
    [
      'the key first',
      async (folder, next, loaded) => {
        writeFileSync(join(folder, 'node.key'), next.privateKey);
        await loaded();
        writeFileSync(join(folder, 'node.crt'), next.certificate);
      },
    ],
  ])('shows a mismatch: %s', async (_, swap) => {
    const node = new Node();
    const [first, second] = material;
    if (first === undefined || second === undefined) throw new Error('there is no material');
    const folder = join(node.tls, 'live');
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'node.crt'), first.certificate);
    writeFileSync(join(folder, 'node.key'), first.privateKey);
    writeFileSync(join(folder, 'ca.crt'), first.chain);
    writeFileSync(node.document, documentOf(folder));
    const listener = await Listener.start(node.document);
    await swap(folder, second, async () => {
      while (listener.loads < 2 || listener.mismatches === 0) await sleep(5);
    });
    await listener.stop();
    expect(listener.mismatches).toBeGreaterThan(0);
    node.end();
  });
});
