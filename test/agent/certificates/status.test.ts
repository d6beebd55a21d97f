import type { AddressInfo } from 'node:net';
import { createServer as createPlainServer } from 'node:net';
import type { Server } from 'node:net';
import { createServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { askServed, askWithin, statusOf } from '../../../lib/agent/certificates/status';
import type { Served } from '../../../lib/agent/certificates/status';
import { parseCertificate } from '../../../lib/pki/certificate';
import type { NodeSecret } from '../../../lib/pki/node-secret';
import { Authority, HOST, ZONE } from './authority';

const authority = new Authority();
const stranger = new Authority();
const own = authority.issue({ ip: '127.0.0.1' });
afterAll(() => [authority, stranger].forEach((each) => each.end()));

async function answer(server: Server, ask = askServed): Promise<Served> {
  const sockets = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => sockets.add(socket)).on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const served = await ask({ address: '127.0.0.1', port, host: HOST }, { bundle: authority.bundle, own: { cert: own.certificate, key: own.privateKey } });
  sockets.forEach((socket) => socket.destroy());
  await new Promise((resolve) => server.close(resolve));
  return served;
}

const listening = ({ certificate, privateKey }: NodeSecret, options: TlsOptions = {}): Server => createServer({ cert: certificate, key: privateKey, ...options });

test.each<[string, TlsOptions]>([
  ['TLS 1.3', {}],
  ['TLS 1.2', { maxVersion: 'TLSv1.2' }],
  ['a Keeper, which demands a certificate, TLS 1.3', { requestCert: true, ca: authority.bundle }],
  ['a Keeper, which demands a certificate, TLS 1.2', { requestCert: true, ca: authority.bundle, maxVersion: 'TLSv1.2' }],
])('%s: says the serial number that is shown', async (_, options) => {
  expect(await answer(listening(own, options))).toEqual({ kind: 'certificate', serial: own.serial });
});

test.each<[string, () => Server, RegExp]>([
  ['of another authority', () => listening(stranger.issue({ ip: '127.0.0.1' })), /CERT|VERIFY|ISSUER|SIGNATURE/],
  ['of another node', () => listening(authority.issue({ host: `server-1-2.${ZONE}`, names: [`server-1-2.${ZONE}`, ZONE], ip: '10.20.0.11' })), /ERR_TLS_CERT_ALTNAME_INVALID/],
  ['of TLS before 1.2', () => listening(own, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }), /SSL|EPROTO/],
  ['in plaintext', () => createPlainServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')), /SSL|EPROTO/],
  ['that hangs up', () => createPlainServer((socket) => socket.destroy()), /ECONNRESET/],
])('a listener %s is refused', async (_, make, reason) => {
  expect(await answer(make())).toMatchObject({ kind: 'refused', reason: expect.stringMatching(reason) as string });
});

test('a listener that says nothing is not waited for', async () => {
  expect(await answer(createPlainServer(() => undefined), askWithin(100))).toEqual({ kind: 'refused', reason: 'ETIMEDOUT' });
});

test('nobody there is not a bad certificate', async () => {
  expect(await askServed({ address: '127.0.0.1', port: 1, host: HOST }, { bundle: authority.bundle, own: { cert: own.certificate, key: own.privateKey } })).toEqual({ kind: 'unreachable', reason: 'ECONNREFUSED' });
});

test('installed material that cannot be used is said without repeating it', async () => {
  const served = await askServed({ address: '127.0.0.1', port: 1, host: HOST }, { bundle: authority.bundle, own: { cert: own.certificate, key: 'MARK' } });
  expect(served).toEqual({ kind: 'refused', reason: expect.stringMatching(/^the installed material cannot be used \(\w+\)$/) as string });
});

describe('the status', () => {
  const installed = { certificate: parseCertificate(own.certificate), bundle: own.chain, own: { cert: own.certificate, key: own.privateKey } };
  const { serial } = own;
  const day = 86_400_000;
  const end = installed.certificate.notAfter;

  test.each<[string, string | undefined, Served, boolean | undefined]>([
    ['everything is the same', serial, { kind: 'certificate', serial }, false],
    ['the secret cannot be read', undefined, { kind: 'certificate', serial }, false],
    ['the secret has a newer one', 'ff', { kind: 'certificate', serial }, true],
    ['the listener shows an older one', serial, { kind: 'certificate', serial: 'ee' }, true],
    ['the listener shows the newer one of the secret, and would not after a restart', 'ff', { kind: 'certificate', serial: 'ff' }, true],
    ['the listener shows a bad one', serial, { kind: 'refused', reason: 'X' }, true],
    ['nobody listens', serial, { kind: 'unreachable', reason: 'ECONNREFUSED' }, undefined],
  ])('when %s', (_, current, served, behind) => {
    expect(statusOf(installed, current, served, 0).behind).toBe(behind);
  });

  test.each([[end - 21 * day, 21], [end - 21 * day + 1, 20], [end, 0], [end + 1, -1], [end + 3 * day, -3]])('days are whole ones', (now, days) => {
    expect(statusOf(installed, serial, undefined, now).daysToExpiry).toBe(days);
  });

  test('of what is not installed nothing is invented', () => {
    expect(statusOf(undefined, 'ff', undefined, 0)).toEqual({ current: 'ff' });
    expect(statusOf(undefined, undefined, undefined, 0)).toEqual({});
  });

  test('holds no key', () => {
    expect(JSON.stringify(statusOf(installed, serial, { kind: 'certificate', serial }, 0))).not.toMatch(/PRIVATE|BEGIN/);
  });
});
