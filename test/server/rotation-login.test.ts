import type { AddressInfo, Server as Listener } from 'node:net';
import { connect } from 'node:net';
import { createServer } from 'node:tls';
import { sha256Hex } from '../../lib/config/manifest';
import type { LoginRequest } from '../../lib/handlers/rotate-password/driver';
import { httpsLogIn } from '../../lib/handlers/rotate-password/nodes';
import type { Login } from '../../lib/handlers/rotate-password/steps';
import type { Engine } from '../engine/engine';
import { describeEngine, startEngine } from '../engine/engine';
import type { Authority, Material } from '../openssl';
import { makeAuthority } from '../openssl';
import { lookupOf } from './client';
import { DOCUMENTS, HOLES, HOST, passwordOf } from './model';
import type { ClickHouseServer } from './server';
import { CERTIFICATE_PATHS, describeServer, NODE_ADDRESS, startServer } from './server';

const NAMES = [`DNS:${HOST}`, `IP:${NODE_ADDRESS}`];
const PASSWORD = passwordOf('reports');

/** What the rotation handler does on each node, sent to one address whatever the name. */
function logInAt(address: string, port: number, authority: string): (user: string, password: string, otherwise?: Partial<LoginRequest>) => Promise<Login> {
  const logIn = httpsLogIn({ port, limit: 5_000, lookup: lookupOf(address) });
  return (user, password, otherwise) => logIn({ server: HOST, authority: [authority], user, password, ...otherwise });
}

describeServer('how the rotation handler logs in, on a listening TLS server', () => {
  let server: ClickHouseServer;
  let authority: Authority;
  let logIn: ReturnType<typeof logInAt>;

  beforeAll(async () => {
    authority = makeAuthority('events authority');
    server = await startServer({ documents: DOCUMENTS, holes: HOLES, material: authority.issue(NAMES) });
    logIn = logInAt(NODE_ADDRESS, server.ports.https, authority.certificate);
  });

  afterAll(() => server?.stop());

  // 18.16 has no currentUser() and other numbers for refusals, so what it says is neither yes nor no to the handler, which is right: a
  // server that nobody deployed must not count. That it is asked at all shows that the handshake and the request are as ClickHouse wants.
  test('the server is reached, and words of another release are neither yes nor no', async () => {
    expect(await logIn('reports', PASSWORD)).toEqual({ trouble: 'HTTP 404' });
    expect(await logIn('reports', 'wrong')).toEqual({ trouble: 'HTTP 401' });
    expect(await logIn('nobody', PASSWORD)).toEqual({ trouble: 'HTTP 401' });
    expect(server.log()).toContain('Unknown function currentUser');
    expect(server.log()).toContain('Wrong password for user reports');
    expect(server.log()).toContain('Unknown user nobody');
  });

  test.each<[string, () => Partial<LoginRequest>]>([
    ['another authority of the same name', () => ({ authority: [makeAuthority('events authority').certificate] })],
    ['the name of another node', () => ({ server: 'server-1-2.events.clickhouse.internal' })],
    ['a name of the machine that is not in the certificate', () => ({ server: 'localhost' })],
  ])('%s: nothing is sent', async (_what, otherwise) => {
    const user = `stranger-${Math.random().toString(36).slice(2)}`;
    expect(await logIn(user, PASSWORD, otherwise())).toEqual({ trouble: expect.any(String) as string });
    expect(server.log()).not.toContain(user);
    // the control: with the right ones the server hears of the user.
    await logIn(user, PASSWORD);
    expect(server.log()).toContain(user);
  });
});

describeEngine('how the rotation handler logs in, on a modern server', () => {
  let engine: Engine;
  let front: Listener;
  let authority: Authority;
  let logIn: ReturnType<typeof logInAt>;

  beforeAll(async () => {
    authority = makeAuthority('events authority');
    engine = await startEngine({ documents: DOCUMENTS, holes: { ...HOLES, ...CERTIFICATE_PATHS, nodeIp: '127.0.0.1' } });
    front = await tlsInFrontOf(engine.port, authority.issue(NAMES));
    logIn = logInAt(NODE_ADDRESS, (front.address() as AddressInfo).port, authority.certificate);
  });

  afterAll(async () => {
    await new Promise((closed) => front?.close(closed));
    await engine?.stop();
  });

  test('the right password is accepted', async () => {
    for (const user of ['ingest', 'reports']) expect(await logIn(user, passwordOf(user))).toBe('accepted');
  });

  test('everything else is refused', async () => {
    const attempts: [string, string][] = [
      ['reports', 'wrong'], ['reports', ''], ['reports', passwordOf('ingest')], ['reports', `${PASSWORD}x`], ['reports', sha256Hex(PASSWORD)],
      ['nobody', PASSWORD],
      // the right password, from where this user may not come.
      ['abroad', passwordOf('abroad')],
    ];
    for (const [user, password] of attempts) expect([user, await logIn(user, password)]).toEqual([user, 'refused']);
  });

  test('another authority and another name are trouble', async () => {
    for (const otherwise of [{ authority: [makeAuthority('events authority').certificate] }, { server: 'server-1-2.events.clickhouse.internal' }, { authority: [] }]) {
      expect(await logIn('reports', PASSWORD, otherwise)).toEqual({ trouble: expect.any(String) as string });
    }
  });
});

/** The engine has no TLS listener: this one passes on what it hears. */
function tlsInFrontOf(port: number, { certificate, privateKey }: Material): Promise<Listener> {
  const front = createServer({ cert: certificate, key: privateKey, minVersion: 'TLSv1.2' }, (client) => {
    const engine = connect({ host: '127.0.0.1', port });
    client.pipe(engine).pipe(client);
    for (const [one, other] of [[client, engine], [engine, client]] as const) one.on('error', () => other.destroy());
  });
  return new Promise((resolve) => front.listen(0, NODE_ADDRESS, () => resolve(front)));
}
