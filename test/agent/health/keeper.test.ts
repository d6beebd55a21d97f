import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer as createPlainServer } from 'node:net';
import { createServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { AskKeeper, FourLetterWord, KeeperListener, KeeperState, KeeperTrust } from '../../../lib/agent/health/keeper';
import { fourLetterWord, isImok, isInQuorum, keeperObservation, parseMntr, quorumReported } from '../../../lib/agent/health/keeper';
import { observeKeeper } from '../../../lib/agent/health/observe';
import { FOUR_LETTER_WORDS } from '../../../lib/config/keeper';
import type { NodeSecret } from '../../../lib/pki/node-secret';
import { Authority, ZONE } from '../certificates/authority';

const [FIRST, SECOND, THIRD] = [1, 2, 3].map((id) => `keeper-${id}.${ZONE}`) as [string, string, string];
const ADDRESS = '127.0.0.1';

const authority = new Authority();
const stranger = new Authority();
const keeper = authority.issue({ host: FIRST, ip: ADDRESS });
const own = authority.issue({ ip: ADDRESS });
const trust = trustOf(own);

const listening: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of listening.splice(0)) await stop();
});
afterAll(() => [authority, stranger].forEach((each) => each.end()));

function trustOf({ certificate, privateKey }: NodeSecret, bundle = authority.bundle): KeeperTrust {
  return { certificate, privateKey, bundle };
}

async function started(server: Server, host = FIRST): Promise<KeeperListener> {
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
  listening.push(async () => {
    sockets.forEach((socket) => socket.destroy());
    await new Promise((resolve) => server.close(resolve));
  });
  return { host, address: ADDRESS, port: (server.address() as AddressInfo).port };
}

/** What a Keeper was sent, by whom, and what was wrong with whoever got no further. */
interface Heard {
  readonly words: string[];
  readonly clients: string[];
  readonly refused: string[];
}

/** Speaks as a Keeper does: demands a certificate of the cluster, answers one word and closes. */
function speaking(answers: Readonly<Partial<Record<string, string>>>, { material = keeper, trusts = authority.bundle, versions = {} } = {}): { server: Server; heard: Heard } {
  const heard: Heard = { words: [], clients: [], refused: [] };
  const server = createServer({ cert: material.certificate, key: material.privateKey, ca: trusts, requestCert: true, rejectUnauthorized: true, ...versions }, (socket: TLSSocket) => {
    heard.clients.push(String(socket.getPeerCertificate().subject.CN));
    socket.on('error', () => undefined);
    socket.once('data', (data: Buffer) => {
      heard.words.push(data.toString());
      socket.end(answers[data.toString()] ?? '');
    });
  });
  server.on('tlsClientError', ({ code, message }: NodeJS.ErrnoException) => heard.refused.push(code ?? message));
  return { server, heard };
}

/** An answer to `mntr`, shortened. */
const mntr = (role: string): string =>
  [['version', 'v26.8.36.3-lts-0123456789'], ['avg_latency', '0'], ['num_alive_connections', '3'], ['outstanding_requests', '0'], ['server_state', role], ['znode_count', '412'], ['followers', '2'], ['synced_followers', '2']]
    .map(([key, value]) => `zk_${key}\t${value}\n`)
    .join('');
const NOT_SERVING = 'This instance is not currently serving requests';

describe('a four-letter word', () => {
  test.each<[string, object]>([
    ['TLS 1.3', {}],
    ['TLS 1.2', { maxVersion: 'TLSv1.2' }],
  ])('is answered to the end, to a node that shows its own certificate, %s', async (_, versions) => {
    const { server, heard } = speaking({ ruok: 'imok', mntr: mntr('leader') }, { versions });
    const listener = await started(server);
    expect(await fourLetterWord('ruok', listener, trust)).toBe('imok');
    expect(await fourLetterWord('mntr', listener, trust)).toBe(mntr('leader'));
    expect(heard).toEqual({ words: ['ruok', 'mntr'], clients: [own.node, own.node], refused: [] });
  });

  test('is answered in as many pieces as the Keeper likes', async () => {
    const listener = await started(createServer({ cert: keeper.certificate, key: keeper.privateKey }, (socket) => {
      socket.once('data', () => {
        socket.write('im');
        setTimeout(() => socket.end('ok'), 30);
      });
    }));
    expect(await fourLetterWord('ruok', listener, trust)).toBe('imok');
  });

  test('is not said without a certificate of the cluster', async () => {
    const { server, heard } = speaking({ ruok: 'imok' });
    const listener = await started(server);
    await expect(fourLetterWord('ruok', listener, trustOf(stranger.issue({ ip: ADDRESS })))).rejects.toThrow(/keeper-1.* did not answer 'ruok': /);
    expect(heard.words).toEqual([]);
    expect(heard.refused).toHaveLength(1);
  });

  // whatever they would answer, they never hear the word.
  test.each<[string, NodeSecret, RegExp]>([
    ['of another authority of the same name', stranger.issue({ host: FIRST, ip: ADDRESS }), /CERT|VERIFY|ISSUER|SIGNATURE/],
    ['of another Keeper at this address', authority.issue({ host: SECOND, ip: ADDRESS }), /ERR_TLS_CERT_ALTNAME_INVALID/],
    ['that is over', authority.issue({ host: FIRST, ip: ADDRESS, days: -1 }), /CERT_HAS_EXPIRED/],
  ])('is not said to a Keeper with a certificate %s', async (_, material, reason) => {
    const { server, heard } = speaking({ ruok: 'imok' }, { material });
    await expect(fourLetterWord('ruok', await started(server), trust)).rejects.toThrow(reason);
    expect(heard.words).toEqual([]);
  });

  test('is not said over TLS before 1.2', async () => {
    const { server, heard } = speaking({ ruok: 'imok' }, { versions: { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } });
    await expect(fourLetterWord('ruok', await started(server), trust)).rejects.toThrow(/SSL|EPROTO/);
    expect(heard.words).toEqual([]);
  });

  test.each<[string, RegExp]>([
    ['imok', /it said nothing/],
    [mntr('leader'), /SSL|EPROTO/],
  ])('is not said in plaintext, whatever is answered', async (answer, reason) => {
    const received: string[] = [];
    const listener = await started(createPlainServer((socket: Socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (data) => {
        received.push(data.toString('latin1'));
        socket.end(answer);
      });
    }));
    await expect(fourLetterWord('ruok', listener, trust)).rejects.toThrow(reason);
    expect(received).toHaveLength(1);
    expect(received.join()).not.toContain('ruok');
  });

  test.each<[string, (socket: TLSSocket) => void, RegExp]>([
    ['says nothing', () => undefined, /ETIMEDOUT/],
    ['says half of it', (socket) => socket.write('im'), /ETIMEDOUT/],
    ['says it letter by letter for ever', (socket) => {
      const timer = setInterval(() => socket.write('x'), 10);
      socket.on('close', () => clearInterval(timer));
    }, /ETIMEDOUT/],
  ])('has a time: a Keeper that %s', async (_, speak, reason) => {
    const listener = await started(createServer({ cert: keeper.certificate, key: keeper.privateKey }, (socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => speak(socket));
    }));
    const begun = Date.now();
    await expect(fourLetterWord('ruok', listener, trust, 200)).rejects.toThrow(reason);
    expect(Date.now() - begun).toBeLessThan(2_000);
  });

  test('has a time for the handshake as well', async () => {
    await expect(fourLetterWord('ruok', await started(createPlainServer(() => undefined)), trust, 100)).rejects.toThrow(/ETIMEDOUT/);
  });

  test('has a size: a Keeper that never stops is not listened to for ever', async () => {
    let written = 0;
    const listener = await started(createServer({ cert: keeper.certificate, key: keeper.privateKey }, (socket) => {
      socket.on('error', () => undefined);
      const flood = (): void => {
        while (!socket.destroyed && socket.write('zk_znode_count\t1\n'.repeat(1_000))) written += 17_000;
      };
      socket.on('drain', flood);
      socket.once('data', flood);
    }));
    await expect(fourLetterWord('mntr', listener, trust)).rejects.toThrow(/it says too much/);
    expect(written).toBeLessThan(20_000_000);
  });

  test('that is not on the list of the Keeper is no answer', async () => {
    await expect(fourLetterWord('isro', await started(speaking({}).server), trust)).rejects.toThrow(/it said nothing/);
  });

  test('has no answer when nobody listens', async () => {
    await expect(fourLetterWord('ruok', { host: FIRST, address: ADDRESS, port: 1 }, trust)).rejects.toThrow(/ECONNREFUSED/);
  });

  test('has no answer when the name resolves to nothing', async () => {
    await expect(fourLetterWord('ruok', { host: 'keeper-1.events.invalid', port: 9281 }, trust, 2_000)).rejects.toThrow(/ENOTFOUND|EAI_AGAIN|ETIMEDOUT/);
  });

  test.each<[string, KeeperTrust]>([
    ['key', { ...trust, privateKey: 'MARK of a secret' }],
    ['certificate', { ...trust, certificate: 'MARK of a secret' }],
    ['key of another certificate', { ...trust, privateKey: keeper.privateKey }],
  ])('with a %s that cannot be used is refused without repeating it', async (_, broken) => {
    const failure = await fourLetterWord('ruok', { host: FIRST, address: ADDRESS, port: 1 }, broken).catch((error: Error) => error);
    expect(failure).toEqual(new Error('the installed material cannot be used'));
  });
});

describe('mntr', () => {
  test.each<[string, string, KeeperState]>([
    ['a leader', mntr('leader'), { kind: 'role', role: 'leader' }],
    ['a follower', mntr('follower'), { kind: 'role', role: 'follower' }],
    ['an observer', mntr('observer'), { kind: 'role', role: 'observer' }],
    ['a Keeper alone', mntr('standalone'), { kind: 'role', role: 'standalone' }],
    ['a Keeper that has no leader', NOT_SERVING, { kind: 'notServing' }],
    ['a Keeper in a state that ClickHouse does not have', mntr('candidate'), { kind: 'strange' }],
    ['nothing', '', { kind: 'strange' }],
    ['the answer to another word', 'imok', { kind: 'strange' }],
    ['an answer without a state', mntr('leader').replace(/zk_server_state.*\n/, ''), { kind: 'strange' }],
    ['two states', mntr('leader') + mntr('follower'), { kind: 'strange' }],
    ['an answer cut off in the middle of the state', mntr('leader').replace(/(zk_server_state\tlead)er[^]*/, '$1'), { kind: 'strange' }],
    ['an answer cut off at the end of the state', mntr('follower').replace(/(zk_server_state\tfollower)[^]*/, '$1'), { kind: 'strange' }],
    ['a state in another value', `zk_version\tzk_server_state leader\n`, { kind: 'strange' }],
    ['a sentence before its numbers', `${NOT_SERVING}\n${mntr('observer')}`, { kind: 'role', role: 'observer' }],
  ])('of %s', (_, answer, state) => {
    expect(parseMntr(answer)).toEqual(state);
  });

  test.each<[string, number[], boolean[]]>([
    ['leader', [1, 3, 5], [true, true, true]],
    ['follower', [1, 3, 5], [false, true, true]],
    // a leader that hears nobody: alone it is meant to be, among three it has lost the others.
    ['standalone', [1, 3, 5], [true, false, false]],
    ['observer', [1, 3, 5], [false, false, false]],
    ['candidate', [1, 3, 5], [false, false, false]],
  ])('%s among 1, 3 and 5', (role, sizes, expected) => {
    expect(sizes.map((keepers) => isInQuorum(parseMntr(mntr(role)), keepers))).toEqual(expected);
    expect(sizes.map((keepers) => isInQuorum(parseMntr(NOT_SERVING), keepers))).toEqual([false, false, false]);
  });
});

test.each([['imok', true], ['', false], ['imok\n', false], ['IMOK', false], [NOT_SERVING, false], ['imoknot', false]])('ruok %j', (answer, expected) => {
  expect(isImok(answer)).toBe(expected);
});

test('every word that is said is one that Keepers are told to answer', async () => {
  const words = new Set<FourLetterWord>();
  await keeperObservation({ own: { host: FIRST, port: 1 }, others: [{ host: SECOND, port: 1 }] }, trust, (word) => {
    words.add(word);
    return Promise.resolve('');
  });
  expect([...words].sort()).toEqual(['mntr', 'ruok']);
  expect([...words].every((word) => FOUR_LETTER_WORDS.includes(word))).toBe(true);
});

describe('what a Keeper observes', () => {
  const states = {
    'is in the quorum, and so are the others': [mntr('follower'), mntr('leader'), mntr('follower'), true, true],
    'waits while the others have a quorum': [NOT_SERVING, mntr('leader'), mntr('follower'), false, true],
    'waits with everybody else': [NOT_SERVING, NOT_SERVING, NOT_SERVING, false, false],
    'leads, and the others do not know yet': [mntr('leader'), NOT_SERVING, NOT_SERVING, true, false],
    'has lost both others': [mntr('standalone'), NOT_SERVING, NOT_SERVING, false, false],
    'knows of an observer alone': [NOT_SERVING, mntr('observer'), NOT_SERVING, false, false],
    'hears that a lonely leader is no quorum': [NOT_SERVING, mntr('standalone'), NOT_SERVING, false, false],
  } as const;

  test.each(Object.entries(states))('%s', async (_, [first, second, third, inQuorum, peerReportsQuorum]) => {
    const [a, b, c] = [
      await started(speaking({ ruok: 'imok', mntr: first }).server),
      await started(speaking({ ruok: 'imok', mntr: second }, { material: authority.issue({ host: SECOND, ip: ADDRESS }) }).server, SECOND),
      await started(speaking({ ruok: 'imok', mntr: third }, { material: authority.issue({ host: THIRD, ip: ADDRESS }) }).server, THIRD),
    ];
    expect(await observeKeeper({ own: a, others: [b, c] }, trust, 'unfinished')).toEqual({
      observation: { role: 'keeper', volume: 'unfinished', listening: true, inQuorum, peerReportsQuorum },
      trouble: [],
    });
  });

  test('alone, it is its own quorum', async () => {
    const alone = await started(speaking({ ruok: 'imok', mntr: mntr('standalone') }).server);
    expect(await keeperObservation({ own: alone, others: [] }, trust)).toEqual({ answer: { listening: true, inQuorum: true, peerReportsQuorum: false }, trouble: [] });
  });

  test('others that do not answer, or are somebody else, report nothing, and it is said why', async () => {
    const a = await started(speaking({ ruok: 'imok', mntr: NOT_SERVING }).server);
    const impostor = await started(speaking({ mntr: mntr('leader') }, { material: stranger.issue({ host: SECOND, ip: ADDRESS }) }).server, SECOND);
    const { observation, trouble } = await observeKeeper({ own: a, others: [impostor, { host: THIRD, address: ADDRESS, port: 1 }] }, trust, 'empty');
    expect(observation).toMatchObject({ listening: true, peerReportsQuorum: false, inQuorum: false });
    expect(trouble).toEqual([expect.stringMatching(/keeper-2.*'mntr'/), expect.stringMatching(/keeper-3.*ECONNREFUSED/)]);
  });

  test('its own listener that does not answer is not in a quorum, whatever the others say', async () => {
    const others = [await started(speaking({ mntr: mntr('leader') }, { material: authority.issue({ host: SECOND, ip: ADDRESS }) }).server, SECOND)];
    expect((await keeperObservation({ own: { host: FIRST, address: ADDRESS, port: 1 }, others }, trust)).answer).toEqual({ listening: false, inQuorum: false, peerReportsQuorum: true });
  });

  test('without imok nothing it says about itself counts', async () => {
    const a = await started(speaking({ ruok: 'hello', mntr: mntr('leader') }).server);
    expect((await keeperObservation({ own: a, others: [{ host: SECOND, address: ADDRESS, port: 1 }] }, trust)).answer).toMatchObject({ listening: false, inQuorum: false });
  });

  test('everybody is asked at the same time', async () => {
    let waiting = 0;
    let most = 0;
    const ask: AskKeeper = async () => {
      waiting += 1;
      most = Math.max(most, waiting);
      await new Promise((wake) => setTimeout(wake, 20));
      waiting -= 1;
      return NOT_SERVING;
    };
    const others = [SECOND, THIRD].map((host) => ({ host, port: 1 }));
    await keeperObservation({ own: { host: FIRST, port: 1 }, others }, trust, ask);
    expect(most).toBe(4);
  });

  test('one of several is enough to report a quorum', async () => {
    const ask: AskKeeper = (_, { host }) => (host === THIRD ? Promise.resolve(mntr('follower')) : Promise.reject(new Error('no answer')));
    expect((await quorumReported([FIRST, SECOND, THIRD].map((host) => ({ host, port: 1 })), 3, trust, ask)).answer).toBe(true);
  });

  test('holds no key', async () => {
    const look = await observeKeeper({ own: { host: FIRST, address: ADDRESS, port: 1 }, others: [] }, trust, 'empty');
    expect(JSON.stringify(look)).not.toMatch(/PRIVATE|BEGIN/);
  });
});
