import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:net';
import { GetParameterCommand, SSMClient } from '@aws-sdk/client-ssm';
import { labelled, patience, unless } from '../lib/sdk';

test('a server that sends a byte now and then keeps nobody for ever', async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 200 OK\r\nX-Slow: ');
    const drip = setInterval(() => socket.write('x'), 250);
    socket.on('close', () => clearInterval(drip));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const client = new SSMClient({ ...patience(1), region: 'eu-central-1', endpoint: `http://127.0.0.1:${port}`, credentials: { accessKeyId: 'testing', secretAccessKey: 'testing' } });
  const asked = client.send(new GetParameterCommand({ Name: '/events/ca' })).then(() => 'answered', (error: unknown) => (error as Error).name);
  const waited = new Promise<string>((resolve) => setTimeout(resolve, 9_000, 'still waiting').unref());
  const outcome = await Promise.race([asked, waited]);
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
  client.destroy();
  expect(outcome).toBe('TimeoutError');
}, 20_000);

test('one kind of error is an answer, and no other', () => {
  const named = (name: string): Error => Object.assign(new Error('x'), { name });
  expect(unless('NotThere')(named('NotThere'))).toBeUndefined();
  for (const error of [named('Throttled'), undefined, null, 'NotThere']) expect(() => unless('NotThere')(error)).toThrow();
});

test('the version that has a label', () => {
  expect(labelled({ a: ['AWSPREVIOUS'], b: ['AWSPENDING', 'AWSCURRENT'] }, 'AWSCURRENT')).toBe('b');
  expect(labelled({ a: [] }, 'AWSCURRENT')).toBeUndefined();
  expect(labelled(undefined, 'AWSCURRENT')).toBeUndefined();
});
