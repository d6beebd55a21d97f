import { readdirSync, readFileSync, existsSync, appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { ProgramResult } from '../../../lib/agent/programs';
import { PROGRAMS } from '../../../lib/agent/programs';
import { BUILT_IN } from '../../../lib/config/names';
import { PATHS } from '../../../lib/config/paths';
import type { Engine } from '../../engine/engine';
import { exchange, NODE, startEngine, STRANGER } from '../../engine/engine';
import { firewallListing } from '../machine/nft-listing';

/** What the agent asks of the machine, over a socket: it may be killed at any time, and the machine goes on. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: string;
  readonly timeoutSeconds?: number;
}

/** What was run, and who let it. */
export interface Ran extends Command {
  readonly code: number;
}

const OK: ProgramResult = { code: 0, stdout: '', stderr: '' };
const said = (stdout: string): ProgramResult => ({ ...OK, stdout });
const failed = (stderr: string, code = 1): ProgramResult => ({ code, stdout: '', stderr });

/** Run for real: they act on the loop device and below the temporary root. */
const REAL = ['blkid', 'wipefs', 'mkfs.ext4', 'e2fsck', 'resize2fs', 'mount', 'umount'];

/**
 * A machine below a temporary root. Its file system and its data volume (a loop device) are real, and so is ClickHouse: the engine of the npm package
 * chdb, which runs the files that the agent wrote, behind a listener that shows the certificate that the agent installed. What stands in for the
 * rest of Amazon Linux (systemd, rpm, nftables, accounts, the kernel's settings) is here, and says when it is asked something it does not know.
 */
export class SimulatedMachine {
  readonly ran: Ran[] = [];
  readonly unknown: string[] = [];
  private readonly control: Server;
  private readonly listener: Server;
  private firewall: string | undefined;
  private draining = false;
  private readonly packages = new Map<string, string>();
  private engine: Promise<Engine> | undefined;
  private starting: Promise<void> = Promise.resolve();
  private reading: Promise<void> = Promise.resolve();
  /** what the engine was started with. */
  private read: Record<string, string> = {};

  private constructor(readonly root: string, readonly keeperVersion = '') {
    this.control = createServer((request, response) => void this.answer(request, response));
    this.listener = createHttpsServer({ SNICallback: (_, done) => done(null, createSecureContext(this.material())), requestCert: false, minVersion: 'TLSv1.2' }, (request, response) => void this.forward(request, response));
  }

  static async boot(root: string): Promise<SimulatedMachine> {
    // what the image brings.
    for (const directory of ['/etc/systemd/system', '/etc/sysctl.d', '/etc/clickhouse-agent', '/var/lib', '/var/log', '/var/cache', '/run', '/sys/kernel/mm/transparent_hugepage', '/dev/disk/by-id']) {
      mkdirSync(root + directory, { recursive: true });
    }
    if (!existsSync(`${root}/etc/passwd`)) {
      writeFileSync(`${root}/etc/passwd`, 'root:x:0:0:root:/root:/bin/bash\n');
      writeFileSync(`${root}/etc/group`, 'root:x:0:\n');
    }
    writeFileSync(`${root}/sys/kernel/mm/transparent_hugepage/enabled`, 'always');
    const machine = new SimulatedMachine(root);
    for (const server of [machine.control, machine.listener]) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return machine;
  }

  get controlAddress(): string {
    return `http://127.0.0.1:${(this.control.address() as AddressInfo).port}`;
  }

  /** where ClickHouse's HTTPS interface is. */
  get port(): number {
    return (this.listener.address() as AddressInfo).port;
  }

  get isRunning(): boolean {
    return this.engine !== undefined;
  }

  get isDraining(): boolean {
    return this.draining;
  }

  /** What the engine printed. */
  async log(): Promise<string> {
    return (await this.engine)?.log() ?? '';
  }

  /** The power goes: what was in memory is gone, what was on disks is there. */
  async powerOff(): Promise<void> {
    await this.stopEngine();
    for (const server of [this.control, this.listener]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
    await PROGRAMS.run('umount', ['--', this.data]);
    rmSync(`${this.root}/run`, { recursive: true, force: true });
  }

  private get data(): string {
    return this.root + PATHS.serverData;
  }

  private get isMounted(): boolean {
    return readFileSync('/proc/self/mountinfo', 'utf8').split('\n').some((line) => line.split(' ')[4] === this.data);
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const command = JSON.parse(await textOf(request)) as Command;
    const result = await this.run(command);
    this.ran.push({ ...command, code: result.code });
    response.end(JSON.stringify(result));
  }

  private async run(command: Command): Promise<ProgramResult> {
    const { program, args, input = '', timeoutSeconds } = command;
    const name = program.replace(/^.*\//, '');
    if (REAL.includes(name)) return PROGRAMS.run(program, args, { input, timeoutSeconds });
    switch (name) {
      case 'systemctl':
        return this.systemctl(args);
      case 'rpm':
        return this.rpm(args);
      case 'nft':
        return this.nft(args, input);
      case 'sysctl':
        return this.sysctl(args);
      case 'groupadd':
        appendFileSync(`${this.root}/etc/group`, `${args.at(-1)}:x:${args[args.indexOf('--gid') + 1]}:\n`);
        return OK;
      case 'useradd':
        appendFileSync(`${this.root}/etc/passwd`, `${args.at(-1)}:x:${args[args.indexOf('--uid') + 1]}:${args[args.indexOf('--gid') + 1]}::/nonexistent:/sbin/nologin\n`);
        return OK;
      case 'swapoff':
      case 'getcap':
        return OK;
      default:
        return this.unheardOf(command);
    }
  }

  private unheardOf({ program, args }: Command): ProgramResult {
    this.unknown.push([program, ...args].join(' '));
    return failed(`this machine has no ${program} ${args.join(' ')}`, 127);
  }

  private nft(args: readonly string[], input: string): ProgramResult {
    if (args[0] === '--file') {
      const uid = /skuid (\d+)/.exec(input)?.[1];
      if (input.includes('table inet clickhouse_agent') && uid !== undefined) this.firewall = uid;
      if (input.includes('clickhouse_drain')) this.draining = /dport/.test(input);
      return OK;
    }
    if (this.firewall === undefined) return failed('Error: No such file or directory\nlist table inet clickhouse_agent\n');
    return said(JSON.stringify(firewallListing(Number(this.firewall))));
  }

  private sysctl(args: readonly string[]): ProgramResult {
    if (args[0] === '--load') return OK;
    const text = readFileSync(`${this.root}/etc/sysctl.d/90-clickhouse.conf`, 'utf8');
    return said(`${new RegExp(`^${args[1]?.replaceAll('.', '\\.')} = (.*)$`, 'm').exec(text)?.[1] ?? ''}\n`);
  }

  private rpm(args: readonly string[]): ProgramResult {
    if (args[0] === '--query') {
      const name = args.at(-1) ?? '';
      const version = this.packages.get(name);
      return version === undefined ? { ...failed('', 1), stdout: `package ${name} is not installed\n` } : said(`${name}=${version}\n`);
    }
    for (const file of args.filter((each) => each.endsWith('.rpm'))) {
      const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name: string; version: string };
      this.packages.set(name, version);
    }
    // as the server's own script: a configuration that lets everybody in, enabled.
    const config = `${this.root}/etc/clickhouse-server`;
    mkdirSync(join(config, 'config.d'), { recursive: true });
    mkdirSync(join(config, 'users.d'), { recursive: true });
    writeFileSync(join(config, 'config.d', 'packaged.xml'), '<clickhouse><http_port>8123</http_port><listen_host>::</listen_host></clickhouse>');
    writeFileSync(join(config, 'users.d', 'default-password.xml'), '<clickhouse><users><default><password></password></default></users></clickhouse>');
    return OK;
  }

  private async systemctl([verb = '', ...rest]: readonly string[]): Promise<ProgramResult> {
    const unit = rest.at(-1) ?? '';
    switch (verb) {
      case 'daemon-reload':
      case 'enable':
      case 'disable':
        return OK;
      case 'show':
        if (rest.includes('--property=NeedDaemonReload')) return said('no\n');
        if (rest.includes('--property=LoadState')) return said(this.packages.size === 0 ? 'not-found\n' : 'loaded\n');
        return said(this.engine === undefined ? 'inactive\n' : 'active\n');
      case 'start':
        if (unit === 'clickhouse-server.service') this.begin();
        return OK;
      case 'kill':
        await this.stopEngine();
        return OK;
      case 'stop':
        // of a unit that is not loaded: https://www.freedesktop.org/software/systemd/man/latest/systemctl.html#Exit%20status
        if (this.packages.size === 0) return failed(`Failed to stop ${unit}: Unit ${unit} not loaded.`, 5);
        await this.starting;
        await this.stopEngine();
        return OK;
      default:
        return this.unheardOf({ program: 'systemctl', args: [verb, ...rest] });
    }
  }

  /** As systemd, which looks at the conditions of the unit first. */
  private begin(): void {
    const dropIn = readFileSync(`${this.root}${PATHS.systemdUnits}/clickhouse-server.service.d/50-agent.conf`, 'utf8');
    const condition = /^ConditionPathExists=(.*)$/m.exec(dropIn)?.[1] ?? '/nowhere';
    if (this.engine !== undefined || !existsSync(this.root + condition) || !this.isMounted) return;
    this.launch();
    const engine = this.engine;
    this.starting = Promise.resolve(engine).then(
      () => undefined,
      () => void (this.engine = undefined),
    );
  }

  private launch(): void {
    this.read = this.documents();
    this.engine = startEngine({ documents: this.read, data: this.data });
  }

  private async restart(): Promise<void> {
    await this.stopEngine();
    this.launch();
    await this.engine;
  }

  /** ClickHouse looks every two seconds whether a file has changed; the engine never does, so here it is looked before every request. */
  private async readChanges(): Promise<void> {
    await this.reading;
    if (this.engine === undefined || JSON.stringify(this.documents()) === JSON.stringify(this.read)) return;
    this.reading = this.restart();
    await this.reading;
  }

  private async stopEngine(): Promise<void> {
    const engine = this.engine;
    this.engine = undefined;
    await engine?.then((each) => each.stop(), () => undefined);
  }

  /** What ClickHouse reads: the files as they are. */
  private documents(): Record<string, string> {
    const directories = [dirname(PATHS.serverConfig), PATHS.serverConfigDirectory, PATHS.usersConfigDirectory];
    const files = directories.flatMap((directory) => readdirSync(this.root + directory).filter((name) => /^[^.].*\.xml$/.test(name)).map((name) => join(directory, name)));
    return Object.fromEntries(files.map((file) => [file, readFileSync(this.root + file, 'utf8')]));
  }

  /** What the document of certificates names, read for every connection as ClickHouse does when files change. */
  private material(): { cert: string; key: string } {
    const document = readFileSync(`${this.root}${PATHS.serverConfigDirectory}/certificates.xml`, 'utf8');
    const named = (element: string): string => readFileSync(new RegExp(`<${element}>([^<]*)</${element}>`).exec(document)?.[1] ?? '', 'utf8');
    return { cert: named('certificateFile'), key: named('privateKeyFile') };
  }

  /** What arrives over TLS goes to the engine. A reload, which the engine does not have, is a new start with the files as they are now. */
  private async forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await textOf(request);
      await this.readChanges();
      const engine = await this.engine;
      if (engine === undefined) return void request.socket.destroy();
      const reload = body.trim() === 'SYSTEM RELOAD CONFIG';
      const told = request.headers['x-forwarded-for'];
      // the engine has an account of its own on loopback, see `engineOverlay`, which is not what is tested: everybody but the node-local account comes from elsewhere.
      const local = request.headers['x-clickhouse-user'] === BUILT_IN.maintenanceUser ? NODE : STRANGER;
      const from = typeof told === 'string' ? told : local;
      const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => /^(?:x-clickhouse-|authorization)/.test(name))) as Record<string, string>;
      const reply = await exchange(engine.port, { path: request.url ?? '/', method: request.method, headers, body: reload ? 'SELECT 1' : body, from });
      if (reload && reply.status === 200) {
        await this.restart();
      }
      const code = reply.headers['x-clickhouse-exception-code'];
      response.writeHead(reply.status, { ...(code === undefined ? {} : { 'X-ClickHouse-Exception-Code': code }) });
      response.end(reload ? '' : reply.body);
    } catch {
      // it is being started or stopped.
      request.socket.destroy();
    }
  }
}

export async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
