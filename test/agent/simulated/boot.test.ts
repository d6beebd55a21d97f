import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildSync } from 'esbuild';
import fc from 'fast-check';
import type { NodeIdentity } from '../../../lib/agent/identity';
import { deriveInternalSecrets } from '../../../lib/agent/boot/internal-secret';
import { PATHS } from '../../../lib/config/paths';
import { engineMissing } from '../../engine/engine';
import { HOST } from '../certificates/authority';
import { loopMissing } from '../volume/loop';
import type { AgentSettings } from './agent';
import { SimulatedMachine } from './machine';
import { MODEL, SECRETS, SimulatedSurroundings } from './surroundings';

const PROGRAM = process.env.MOTO_SERVER ?? '';

/** Why there can be no simulated boot here; nothing where there can. */
function lacking(): string | undefined {
  if (PROGRAM === '') return 'set MOTO_SERVER to the program, see test/emulator/README.md';
  return engineMissing() ?? loopMissing();
}

const missing = lacking();
if (missing !== undefined) {
  console.warn(`not proven: a node comes up by itself (simulated boot). ${missing}`);
  test('moto is there where it is promised', () => expect(process.env.CI === 'true' && process.env.PROOF_MOTO === '1' && PROGRAM === '').toBe(false));
}

jest.setTimeout(180_000);

(missing === undefined ? describe : describe.skip)('a node comes up by itself', () => {
  const folder = mkdtempSync(join(tmpdir(), 'node-'));
  const agentProgram = join(folder, 'agent.js');
  const image = join(folder, 'volume');
  let loop: string;
  let around: SimulatedSurroundings;
  let volumeId: string;
  let identity: NodeIdentity;
  let boot: string;
  let machine: SimulatedMachine;
  let agent: Agent | undefined;
  let machines = 0;

  beforeAll(async () => {
    buildSync({ entryPoints: [join(__dirname, 'agent.ts')], outfile: agentProgram, bundle: true, platform: 'node', target: 'node20', format: 'cjs', mainFields: ['module', 'main'], logLevel: 'error' });
    // sparse; as a new volume it reads as zeros.
    writeFileSync(image, '');
    truncateSync(image, 2 * 2 ** 30);
    loop = execFileSync('losetup', ['--find', '--show', image], { encoding: 'utf8' }).trim();
    around = await SimulatedSurroundings.start(PROGRAM);
    volumeId = await around.createVolume();
    ({ identity, boot } = await around.publish(volumeId));
    await newMachine();
  });

  afterAll(async () => {
    await agent?.kill();
    await machine.powerOff();
    execFileSync('losetup', ['--detach', loop]);
    await around.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Another instance: nothing on its disk but what the image and user data brought. */
  async function newMachine(): Promise<void> {
    await around.launch(volumeId);
    const root = join(folder, `machine-${(machines += 1)}`);
    mkdirSync(root);
    machine = await SimulatedMachine.boot(root);
    symlinkSync(loop, `${root}/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${volumeId.replace('-', '')}`);
    writeFileSync(`${root}/etc/clickhouse-agent/identity.json`, JSON.stringify(identity), { mode: 0o600 });
    writeFileSync(`${root}/etc/clickhouse-agent/boot.json`, boot, { mode: 0o600 });
  }

  async function reboot(): Promise<void> {
    await agent?.kill();
    const { root } = machine;
    await machine.powerOff();
    machine = await SimulatedMachine.boot(root);
  }

  function startAgent(): Agent {
    const settings: AgentSettings = { root: machine.root, control: machine.controlAddress, metadata: around.metadata, httpsPort: machine.port, haste: 10 };
    writeFileSync(join(folder, 'settings.json'), JSON.stringify(settings));
    agent = new Agent(agentProgram, join(folder, 'settings.json'), around.environment);
    return agent;
  }

  const signalOf = (outcome: string): string => `${outcome} ${around.instanceId} Group ${identity.stackId}`;
  const formatted = (): number => machine.ran.filter(({ program }) => program === 'mkfs.ext4').length;

  /** A client at the listener, verifying as documented. */
  function ask(sql: string, login?: { user: string; password: string }, options: { from?: string; host?: string } = {}): Promise<{ status: number; body: string }> {
    const { from = '10.20.0.5', host = HOST } = options;
    return new Promise((resolve, reject) => {
      const sent = httpsRequest(
        {
          host: '127.0.0.1', port: machine.port, servername: host, ca: around.authority.bundle, method: 'POST', path: '/', agent: false,
          headers: { 'X-Forwarded-For': from, ...(login ? { 'X-ClickHouse-User': login.user, 'X-ClickHouse-Key': login.password } : {}) },
        },
        (response) => {
          let body = '';
          response.setEncoding('utf8').on('data', (text: string) => (body += text));
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
          response.on('error', reject);
        },
      );
      sent.on('error', reject);
      sent.end(sql);
    });
  }

  const OWNER = { user: 'owner', password: SECRETS.owner };

  test('from an empty volume to serving, with one signal and a report', async () => {
    const running = startAgent();
    await until(() => around.signals.length > 0, running);
    expect(around.signals).toEqual([signalOf('SUCCESS')]);
    await until(async () => (await around.reported()) !== undefined, running);
    expect(formatted()).toBe(1);
    expect(machine.unknown).toEqual([]);
    expect((await ask('SELECT currentUser()', OWNER)).body.trim()).toBe('owner');
    expect((await ask('CREATE TABLE events.facts (n UInt64) ENGINE = MergeTree ORDER BY n', OWNER)).status).toBe(200);
    expect((await ask('INSERT INTO events.facts SELECT number FROM numbers(1000)', OWNER)).status).toBe(200);
    expect((await ask('SELECT count() FROM events.facts', OWNER)).body.trim()).toBe('1000');
  });

  test('nobody gets in from outside who should not', async () => {
    const strangers: [string, Promise<{ status: number }>][] = [
      ['nobody', ask('SELECT 1')],
      ['default', ask('SELECT 1', { user: 'default', password: '' })],
      ['a wrong password', ask('SELECT 1', { user: 'owner', password: 'wrong' })],
      ['from elsewhere', ask('SELECT 1', OWNER, { from: '10.99.0.5' })],
      ['the maintenance account, from outside', ask('SELECT 1', { user: 'node_maintenance', password: '' })],
      ['an undeclared user', ask('SELECT 1', { user: 'writer', password: SECRETS.writer })],
    ];
    for (const [who, asked] of strangers) expect([who, [401, 403].includes((await asked).status)]).toEqual([who, true]);
    await expect(ask('SELECT 1', OWNER, { host: 'server-9-9.analytics.clickhouse.internal' })).rejects.toThrow(/does not match certificate/);
  });

  test('no secret is in a process\'s arguments or environment, in a line of the log, or readable for others', async () => {
    const { interserverPassword, clusterSecret } = deriveInternalSecrets(SECRETS.internal);
    const privateKey = /-----BEGIN PRIVATE KEY-----\s+(\S+)/;
    const keyLine = filesBelow(machine.root).filter((file) => file.endsWith('node.key')).map((file) => privateKey.exec(readFileSync(file, 'utf8'))?.[1] ?? '')[0] ?? '';
    expect(keyLine).toMatch(/^[A-Za-z0-9+/=]{40,}$/);
    const secrets = [...Object.values(SECRETS), interserverPassword, clusterSecret, keyLine];
    // of every program that was run, of the agent, of the engine and whatever else lives here.
    for (const { program, args, input = '' } of machine.ran) expect([program, secrets.filter((secret) => [...args, input].join(' ').includes(secret))]).toEqual([program, []]);
    const agentFiles = [`/proc/${agent?.pid}/cmdline`, `/proc/${agent?.pid}/environ`];
    for (const file of [...agentFiles, ...everyCommandLine()]) expect([file, secrets.filter((secret) => readQuietly(file).includes(secret))]).toEqual([file, []]);
    const lines = [agent?.output ?? '', ...(await around.shipped())].join('\n');
    expect(lines).toContain('"event":"step"');
    expect(secrets.filter((secret) => lines.includes(secret))).toEqual([]);
    // the passwords are in no file at all; what ClickHouse needs is in files that its group reads and nobody else.
    const held = filesBelow(machine.root).map((file) => ({ file: file.slice(machine.root.length), text: readQuietly(file), mode: statSync(file).mode & 0o7777, uid: statSync(file).uid, gid: statSync(file).gid }));
    expect(held.filter(({ text }) => Object.values(SECRETS).some((secret) => text.includes(secret))).map(({ file }) => file)).toEqual([]);
    const sensitive = held.filter(({ file, text }) => !file.startsWith(PATHS.serverData) && secrets.some((secret) => text.includes(secret)));
    expect(sensitive.map(({ file }) => file.replace(/\/tls\/[^/]+\//, '/tls/*/')).sort()).toEqual(['/etc/clickhouse-server/config.d/cluster.xml', '/etc/clickhouse-server/config.d/internode.xml', '/etc/clickhouse-server/tls/*/node.key']);
    for (const { file, mode, uid, gid } of sensitive) expect([file, mode, uid, gid]).toEqual([file, 0o640, 0, 8123]);
    // and nothing that others may write to.
    const open = filesBelow(machine.root).filter((file) => !file.startsWith(machine.root + PATHS.serverData) && (lstatSync(file).mode & 0o002) !== 0 && !lstatSync(file).isSymbolicLink());
    expect(open).toEqual([]);
    // what came with the package and lets everybody in is gone.
    expect(readdirSync(`${machine.root}${PATHS.usersConfigDirectory}`).sort()).toEqual(['owner.xml']);
    expect(readdirSync(`${machine.root}${PATHS.serverConfigDirectory}`).filter((name) => !name.startsWith('.')).sort()).toEqual(['certificates.xml', 'cluster.xml', 'internode.xml']);
  });

  test('a new live manifest is run and reported, and restarts no machine', async () => {
    const writer = { name: 'writer', grants: [{ privileges: ['INSERT' as const], database: 'events', table: 'facts' }] };
    const wanted = await around.pointTo({ ...MODEL, users: [...(MODEL.users ?? []), writer] });
    const running = agent as Agent;
    await until(async () => (await around.reported()) === wanted, running);
    expect((await ask('INSERT INTO events.facts VALUES (1)', { user: 'writer', password: SECRETS.writer })).status).toBe(200);
    expect((await ask('SELECT count() FROM events.facts', { user: 'writer', password: SECRETS.writer })).body).toMatch(/ACCESS_DENIED/);
    const before = await around.pointTo(MODEL);
    await until(async () => (await around.reported()) === before, running);
    expect((await ask('INSERT INTO events.facts VALUES (1)', { user: 'writer', password: SECRETS.writer })).body).toMatch(/AUTHENTICATION_FAILED/);
    expect(around.signals.length).toBe(1);
  });

  test('the agent may be killed while it serves, and ClickHouse goes on', async () => {
    await agent?.kill();
    expect((await ask('SELECT count() FROM events.facts', OWNER)).body.trim()).toBe('1001');
    const running = startAgent();
    await until(() => running.output.includes('"step":"serve"'), running);
    expect((await ask('SELECT count() FROM events.facts', OWNER)).body.trim()).toBe('1001');
    expect(formatted()).toBe(1);
  });

  test('Auto Scaling takes the machine: clients leave, ClickHouse ends, the volume is free', async () => {
    const running = agent as Agent;
    around.lifecycleState = 'Terminated';
    await until(() => around.completed.length > 0, running);
    expect(around.completed).toEqual([`CONTINUE ${around.instanceId} drain analytics-group`]);
    expect([machine.isRunning, machine.isDraining]).toEqual([false, true]);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(machine.root);
    await running.end();
    expect(running.code).toBe(0);
    await machine.powerOff();
  });

  test('another machine takes over: the same node, the same data', async () => {
    await newMachine();
    const running = startAgent();
    await until(() => around.signals.length > 1, running);
    expect(around.signals.at(-1)).toBe(signalOf('SUCCESS'));
    expect(formatted()).toBe(0);
    expect((await ask('SELECT count() FROM events.facts', OWNER)).body.trim()).toBe('1001');
    expect((await ask('SELECT hostName() != \'\', getMacro(\'replica\')', OWNER)).body.trim()).toBe('1\t1');
  });

  test('killed anywhere, rebooted and replaced, it always ends up serving its data', async () => {
    const life = fc.array(fc.record({ after: fc.integer({ min: 200, max: 6000 }), then: fc.constantFrom('agent', 'agent', 'reboot', 'replace') }), { minLength: 3, maxLength: 5 });
    for (const series of fc.sample(life, Number(process.env.BOOT_RUNS ?? 2))) {
      for (const { after, then } of series) {
        await sleep(after);
        await agent?.kill();
        if (then === 'reboot') await reboot();
        if (then === 'replace') {
          await machine.powerOff();
          await newMachine();
        }
        startAgent();
      }
      const running = agent as Agent;
      await until(() => running.output.includes('"step":"serve"'), running);
      expect((await ask('SELECT count() FROM events.facts', OWNER)).body.trim()).toBe('1001');
      expect([401, 403]).toContain((await ask('SELECT 1')).status);
      expect(formatted()).toBe(0);
      expect(around.signals).toContain(signalOf('SUCCESS'));
    }
  });

  test('a volume of another node is not taken, and the deployment is told at once', async () => {
    await agent?.kill();
    await machine.powerOff();
    const own = identity;
    identity = { ...own, host: `server-2-1.${HOST.slice(HOST.indexOf('.') + 1)}`, name: 'server-2-1' };
    await newMachine();
    const running = startAgent();
    await until(() => around.signals.at(-1) === signalOf('FAILURE'), running);
    expect(running.output).toMatch(/it was not touched/);
    expect([machine.isRunning, formatted()]).toEqual([false, 0]);
    // CloudFormation goes back, and Auto Scaling takes the machine: nothing was installed, and it goes at once.
    around.completed.length = 0;
    around.lifecycleState = 'Terminated';
    await until(() => around.completed.length > 0, running);
    identity = own;
    await running.kill();
    await machine.powerOff();
    await newMachine();
    const again = startAgent();
    await until(() => again.output.includes('"step":"serve"'), again);
    expect((await ask('SELECT count() FROM events.facts', OWNER)).body.trim()).toBe('1001');
  });
});

/** A process of the agent. */
class Agent {
  output = '';
  code: number | null | undefined;
  private readonly child: ChildProcess;
  private readonly gone: Promise<void>;

  constructor(program: string, settings: string, environment: Record<string, string>) {
    this.child = spawn(process.execPath, [program, settings], { env: { PATH: process.env.PATH, NODE_NO_WARNINGS: '1', ...environment }, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.gone = new Promise((resolve) => {
      this.child.once('exit', (code) => {
        this.code = code;
        resolve();
      });
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  async kill(): Promise<void> {
    if (this.code === undefined) this.child.kill('SIGKILL');
    await this.gone;
  }

  async end(): Promise<void> {
    this.child.kill('SIGTERM');
    await this.gone;
  }
}

async function until(done: () => boolean | Promise<boolean>, agent: Agent): Promise<void> {
  for (const deadline = Date.now() + 90_000; ; await sleep(200)) {
    if (await done()) return;
    if (agent.code !== undefined) throw new Error(`the agent ended with ${agent.code}:\n${withoutMetrics(agent.output).slice(-6000)}`);
    if (Date.now() > deadline) throw new Error(`nothing came of it:\n${withoutMetrics(agent.output).slice(-6000)}`);
  }
}

function withoutMetrics(output: string): string {
  return output.split('\n').filter((line) => !line.startsWith('{"_aws"')).join('\n');
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}

function everyCommandLine(): string[] {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((pid) => `/proc/${pid}/cmdline`).filter((file) => existsSync(file));
}

function readQuietly(file: string): string {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    // it has ended, or is being written.
    return '';
  }
}
