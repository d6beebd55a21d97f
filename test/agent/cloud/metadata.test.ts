import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import http, { Agent, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { instanceMetadata } from '../../../lib/agent/cloud/metadata';

const ID = 'i-0123456789abcdef0';
const ITEMS = {
  '/latest/meta-data/instance-id': ID,
  '/latest/meta-data/autoscaling/target-lifecycle-state': 'InService',
  '/latest/meta-data/iam/security-credentials/': 'node-role',
  '/latest/meta-data/iam/security-credentials/node-role': JSON.stringify({
    Code: 'Success',
    AccessKeyId: 'FROMTHEFAKE',
    SecretAccessKey: 'none',
    Token: 'of-a-session',
    Expiration: new Date(Date.now() + 3_600_000).toISOString(),
  }),
};

type Special = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Version 2 of the service: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html */
class FakeService {
  readonly asked: string[] = [];
  items: Record<string, string> = { ...ITEMS };
  /** of the tokens given from now on. */
  ttl = '21600';
  /** answers instead, when it says so. */
  special: Special = () => false;
  private tokens = new Set<string>();
  private readonly server = createServer((request, response) => this.answer(request, response));

  static async start(): Promise<FakeService> {
    const service = new FakeService();
    await new Promise<void>((resolve) => service.server.listen(0, '127.0.0.1', resolve));
    return service;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  /** what a restart of the service, or the end of their time, does to tokens. */
  forget(): void {
    this.tokens = new Set();
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const { method = '', url = '', headers } = request;
    this.asked.push(`${method} ${url}`);
    if (this.special(request, response)) return;
    if (url === '/latest/api/token') {
      if (method !== 'PUT' || !/^\d+$/.test(String(headers['x-aws-ec2-metadata-token-ttl-seconds']))) return end(response, 400);
      const token = `token-${this.asked.length}==`;
      this.tokens.add(token);
      response.setHeader('x-aws-ec2-metadata-token-ttl-seconds', this.ttl);
      return end(response, 200, token);
    }
    if (!this.tokens.has(String(headers['x-aws-ec2-metadata-token']))) return end(response, 401);
    const item = this.items[url];
    return item === undefined ? end(response, 404, '<html>404 - Not Found</html>') : end(response, 200, item);
  }
}

function end(response: ServerResponse, status: number, text = ''): void {
  response.statusCode = status;
  response.end(text);
}

/** for one path, and not for the token. */
const at = (path: string, answer: (response: ServerResponse) => void): Special => (request, response) => {
  if (!request.url?.endsWith(path)) return false;
  answer(response);
  return true;
};

const TOKEN = 'PUT /latest/api/token';
let service: FakeService;
beforeEach(async () => {
  service = await FakeService.start();
});
afterEach(() => service.stop());

test('what a machine asks about itself, with one token', async () => {
  const metadata = instanceMetadata(service.address);
  expect(await metadata.instanceId()).toBe(ID);
  expect(await metadata.targetLifecycleState()).toBe('InService');
  expect(service.asked).toEqual([
    TOKEN,
    'GET /latest/meta-data/instance-id',
    'GET /latest/meta-data/autoscaling/target-lifecycle-state',
  ]);
});

describe('the token', () => {
  test('is renewed before its time is over', async () => {
    service.ttl = '300';
    let now = 1_000_000;
    const metadata = instanceMetadata(service.address, { now: () => now });
    await metadata.instanceId();
    now += 239_000;
    await metadata.instanceId();
    expect(service.asked.filter((each) => each === TOKEN)).toHaveLength(1);
    now += 2_000;
    await metadata.instanceId();
    expect(service.asked.filter((each) => each === TOKEN)).toHaveLength(2);
  });

  test.each(['', 'soon', '-5', '99999999999'])('lives for as long as was asked for when the answer says %j', async (ttl) => {
    service.ttl = ttl;
    let now = 0;
    const metadata = instanceMetadata(service.address, { now: () => now });
    await metadata.instanceId();
    now = 21_500_000;
    await metadata.instanceId();
    expect(service.asked.filter((each) => each === TOKEN)).toHaveLength(1);
    now = 21_600_000;
    await metadata.instanceId();
    expect(service.asked.filter((each) => each === TOKEN)).toHaveLength(2);
  });

  test('that is not good any more is replaced, once', async () => {
    const metadata = instanceMetadata(service.address);
    await metadata.instanceId();
    service.forget();
    expect(await metadata.instanceId()).toBe(ID);
    expect(service.asked).toEqual([TOKEN, 'GET /latest/meta-data/instance-id', 'GET /latest/meta-data/instance-id', TOKEN, 'GET /latest/meta-data/instance-id']);
    service.asked.length = 0;
    service.special = at('/instance-id', (response) => end(response, 401));
    await expect(metadata.instanceId()).rejects.toThrow('answered 401 to GET /latest/meta-data/instance-id');
    expect(service.asked).toHaveLength(3);
  });

  test.each([['two lines', 'a\r\nb'], ['a space', 'a b'], ['nothing', ''], ['no end', 'x'.repeat(2000)], ['a page', '<html>é</html>']])('that cannot be one is not sent: %s', async (_, token) => {
    service.special = at('/token', (response) => end(response, 200, token));
    await expect(instanceMetadata(service.address).instanceId()).rejects.toThrow('gave a token that cannot be one');
    expect(service.asked).toEqual([TOKEN]);
  });

  test('is refused where the service is turned off', async () => {
    service.special = at('/token', (response) => end(response, 403));
    await expect(instanceMetadata(service.address).instanceId()).rejects.toThrow('answered 403 to PUT /latest/api/token; it is turned off');
  });
});

describe('what is not there', () => {
  test('is no target state, and an error for everything a node needs', async () => {
    service.items = {};
    const metadata = instanceMetadata(service.address);
    expect(await metadata.targetLifecycleState()).toBeUndefined();
    await expect(metadata.instanceId()).rejects.toThrow('answered 404 to GET /latest/meta-data/instance-id');
  });

  test.each([[500], [503], [429], [301], [204]])('is not what an answer of %d means', async (status) => {
    service.special = at('/target-lifecycle-state', (response) => end(response, status));
    await expect(instanceMetadata(service.address).targetLifecycleState()).rejects.toThrow(`answered ${status} to GET`);
  });
});

test.each([
  ['instance-id', 'i-1234567'],
  ['instance-id', 'i-0123456789abcdef01'],
  ['instance-id', 'i-0123456789ABCDEF0'],
  ['instance-id', 'i-0123456789abcdef0\ni-0123456789abcdef1'],
  ['instance-id', 'i-0123456789abcdef0;reboot'],
  ['instance-id', '<html>'],
  ['target-lifecycle-state', '<html>404</html>'],
  ['target-lifecycle-state', ''],
])('an answer that cannot be one is an error: %s %j', async (path, text) => {
  service.special = at(path, (response) => end(response, 200, text));
  const metadata = instanceMetadata(service.address);
  const ask = path === 'instance-id' ? 'instanceId' : 'targetLifecycleState';
  await expect(metadata[ask]()).rejects.toThrow('which must match');
});

describe('a service that', () => {
  const told = async (special: Special, path = '/instance-id'): Promise<[string, number]> => {
    service.special = (request, response) => request.url?.endsWith(path) === true && special(request, response);
    const begun = Date.now();
    const outcome = await instanceMetadata(service.address, { milliseconds: 400 })
      .instanceId()
      .then(() => 'answered', (error: Error) => error.message);
    return [outcome, Date.now() - begun];
  };

  test.each(['/token', '/instance-id'])('says nothing (%s) keeps nobody', async (path) => {
    const [outcome, took] = await told(() => true, path);
    expect(outcome).toContain('did not answer within 400 ms');
    expect(took).toBeLessThan(3_000);
  });

  test('sends a byte now and then keeps nobody', async () => {
    let ended = false;
    const [outcome, took] = await told((_, response) => {
      const drip = setInterval(() => response.write('i'), 50);
      response.on('close', () => {
        ended = true;
        clearInterval(drip);
      });
      return true;
    });
    expect(outcome).toContain('did not answer within 400 ms');
    expect(took).toBeLessThan(3_000);
    // hung up, too: a question that was given up must not stay open.
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(ended).toBe(true);
  });

  test('never stops fills no memory', async () => {
    let sent = 0;
    const [outcome] = await told((_, response) => {
      const more = (): void => {
        for (; sent < 200_000_000 && !response.destroyed && response.write('x'.repeat(65_536)); ) sent += 65_536;
      };
      response.on('drain', more);
      more();
      return true;
    });
    expect(outcome).toContain('answered with more than 4096 bytes');
    expect(sent).toBeLessThan(20_000_000);
  });

  test('breaks off has not answered', async () => {
    const [outcome] = await told((_, response) => {
      response.setHeader('content-length', '100');
      response.write(ID);
      setTimeout(() => response.destroy(), 50);
      return true;
    });
    expect(outcome).toContain('broke off');
  });

  test('is not there is named', async () => {
    const { address } = service;
    await service.stop();
    await expect(instanceMetadata(address).instanceId()).rejects.toThrow(`at ${address} cannot be asked`);
    service = await FakeService.start();
  });
});

test('no proxy is asked, whatever the process was told', async () => {
  // what `NODE_USE_ENV_PROXY=1` makes of the agent that all requests share (https://nodejs.org/api/http.html#built-in-proxy-support).
  const proxied = { asked: 0 };
  const shared = http.globalAgent;
  http.globalAgent = Object.assign(new Agent(), { createConnection: () => { proxied.asked += 1; throw new Error('by the proxy'); } });
  try {
    expect(await instanceMetadata(service.address).instanceId()).toBe(ID);
  } finally {
    http.globalAgent = shared;
  }
  expect(proxied.asked).toBe(0);
});

describe('the bundled SDK, with nothing in its environment but the address of the service', () => {
  const folder = mkdtempSync(join(tmpdir(), 'agent-cloud-'));
  const program = join(folder, 'entry.js');
  beforeAll(async () => {
    // as scripts/bundle.mjs makes the agent.
    await build({
      stdin: {
        contents: `
          import { EC2Client } from '@aws-sdk/client-ec2';
          import { instanceMetadata } from './lib/agent/cloud/metadata';
          const asked = process.argv[2] === 'sdk'
            ? new EC2Client({ region: 'eu-central-1' }).config.credentials()
            : instanceMetadata(process.argv[3]).instanceId();
          asked.then((answer) => console.log(JSON.stringify(answer)), (error) => { console.log(error.message); process.exitCode = 1; });
        `,
        resolveDir: join(__dirname, '..', '..', '..'),
        loader: 'ts',
      },
      outfile: program, bundle: true, platform: 'node', target: 'node20', format: 'cjs', minify: true, legalComments: 'none', mainFields: ['module', 'main'], logLevel: 'error',
    });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  // no HOME of anybody: there would be files.
  const run = async (args: string[], env: Record<string, string>): Promise<string> =>
    (await promisify(execFile)(process.execPath, [program, ...args], { env: { HOME: folder, ...env } })).stdout.trim();

  test('has the credentials of the role from there', async () => {
    const answer = JSON.parse(await run(['sdk'], { AWS_EC2_METADATA_SERVICE_ENDPOINT: service.address })) as Record<string, unknown>;
    expect(answer).toMatchObject({ accessKeyId: 'FROMTHEFAKE', sessionToken: 'of-a-session' });
    expect(service.asked).toEqual([TOKEN, 'GET /latest/meta-data/iam/security-credentials/', 'GET /latest/meta-data/iam/security-credentials/node-role']);
  });

  test('and our client does not listen to that variable', async () => {
    const other = await FakeService.start();
    other.items['/latest/meta-data/instance-id'] = 'i-0fedcba9876543210';
    expect(await run(['own', service.address], { AWS_EC2_METADATA_SERVICE_ENDPOINT: other.address })).toBe(JSON.stringify(ID));
    await other.stop();
  });
});
