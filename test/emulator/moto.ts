import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager';

/** A moto server for one test file: `pip install 'moto[server]'`, https://docs.getmoto.org/en/latest/docs/server_mode.html */
export class MotoServer {
  readonly region = 'eu-central-1';
  // moto checks none, and who is given some looks for no others.
  readonly credentials = { accessKeyId: 'none', secretAccessKey: 'none' };
  readonly client: SecretsManagerClient;

  private constructor(
    private readonly process: ChildProcess,
    readonly endpoint: string,
  ) {
    const { region, credentials } = this;
    this.client = new SecretsManagerClient({ endpoint, region, credentials, maxAttempts: 1 });
  }

  static async start(program: string): Promise<MotoServer> {
    const port = await freePort();
    const child = spawn(program, ['-H', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' });
    const failed = once(child, 'exit').then(() => Promise.reject(new Error(`${program} ended before it listened`)));
    await Promise.race([listening(port), failed]);
    failed.catch(() => undefined);
    return new MotoServer(child, `http://127.0.0.1:${port}`);
  }

  async stop(): Promise<void> {
    this.client.destroy();
    const gone = once(this.process, 'exit');
    this.process.kill();
    await gone;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 300; tries += 1) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.end());
    });
    if (open) return;
    await sleep(100);
  }
  throw new Error(`nobody listens on port ${port} after 30 s`);
}
