import type { ChildProcess } from 'node:child_process';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { applyFirewall, closeToClients, drainRules, firewallHolds, firewallRules, METADATA_ADDRESSES, openToClients } from '../../../lib/agent/machine/firewall';
import type { ProgramResult, Programs } from '../../../lib/agent/programs';
import { PROGRAMS } from '../../../lib/agent/programs';

/**
 * The firewall in the kernel, in a network namespace of the test's own. The addresses of the metadata service are given to that namespace's loopback:
 * whatever is asked here is asked of a listener of the test's. Needs root, and nft in the variable NFT.
 * https://man7.org/linux/man-pages/man7/network_namespaces.7.html
 */
const NFT = process.env.NFT;
const UID = 8123;
const PROVES = 'the clickhouse user never reaches the metadata service, and draining refuses who is new and keeps who is there (nftables in the kernel)';

function missing(): string | undefined {
  if (NFT === undefined) return 'nft is not named in NFT';
  if (process.getuid?.() !== 0) return 'namespaces need root';
  const tools: [string, string[]][] = [[NFT, ['--version']], ['ip', ['-V']], ['setpriv', ['--version']], ['nsenter', ['--version']], ['unshare', ['--net', 'true']]];
  const absent = tools.find(([tool, args]) => spawnSync(tool, args).status !== 0);
  return absent && `${absent[0]} does not run`;
}

function describeNft(tests: () => void): void {
  const why = missing();
  if (why === undefined) describe(PROVES, tests);
  // whoever names one wants it run.
  else if (NFT !== undefined) describe(PROVES, () => test('nft is available', () => expect(why).toBeUndefined()));
  else {
    process.stderr.write(`NOT PROVEN: ${PROVES}. ${why}\n`);
    describe.skip(PROVES, tests);
  }
}

/** A network that nothing of the machine is in. */
class Namespace {
  private readonly children: ChildProcess[] = [];
  private readonly holder: ChildProcess;

  constructor() {
    this.holder = spawn('unshare', ['--net', 'sleep', '600'], { stdio: 'ignore' });
  }

  get pid(): number {
    return this.holder.pid ?? 0;
  }

  /** Waits until it is another network than the machine's. */
  async ready(): Promise<void> {
    const link = (pid: string | number): string => spawnSync('readlink', [`/proc/${pid}/ns/net`], { encoding: 'utf8' }).stdout;
    for (let i = 0; link(this.pid) === link('self') || link(this.pid) === ''; i++) {
      if (i > 200) throw new Error('no network namespace');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    this.ip('link', 'set', 'lo', 'up');
  }

  ip(...args: string[]): void {
    const { status, stderr } = spawnSync('nsenter', [...this.enter, 'ip', ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
  }

  /** Programs in it; nft is the one that was named. */
  get programs(): Programs {
    return { run: (program, args, options) => PROGRAMS.run('/usr/bin/nsenter', [...this.enter, ...command(program, args)], options) };
  }

  /** The same as somebody else than root. */
  as(uid: number): Programs {
    return { run: (program, args, options) => PROGRAMS.run('/usr/bin/nsenter', [...this.enter, ...user(uid), ...command(program, args)], options) };
  }

  async nft(...args: string[]): Promise<ProgramResult> {
    return this.programs.run('/usr/sbin/nft', args);
  }

  /** Runs JavaScript in it, as somebody, and gives the lines it prints one after the other. */
  script(code: string, args: readonly string[], as: readonly string[] = []): { next(): Promise<string>; send(line: string): void } {
    const child = spawn('nsenter', [...this.enter, ...as, process.execPath, '-e', code, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.children.push(child);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    return {
      next: async () => ((await lines.next()) as { value?: string }).value ?? 'nothing',
      send: (line) => void child.stdin.write(`${line}\n`),
    };
  }

  async end(): Promise<void> {
    for (const child of [...this.children, this.holder]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  }

  private get enter(): string[] {
    return [`--net=/proc/${this.pid}/ns/net`, '--'];
  }
}

function command(program: string, args: readonly string[]): string[] {
  if (program !== '/usr/sbin/nft') throw new Error(`only nft is run here, not ${program}`);
  const { LD_LIBRARY_PATH } = process.env;
  return [...(LD_LIBRARY_PATH === undefined ? [] : ['env', `LD_LIBRARY_PATH=${LD_LIBRARY_PATH}`]), NFT ?? '', ...args];
}

const LISTEN = `
const net = require('node:net');
const [port] = process.argv.slice(1);
net.createServer((socket) => { socket.on('error', () => {}); socket.pipe(socket); }).listen({ port: Number(port), host: '::' }, () => console.log('listening'));
`;
const CONNECT = `
const net = require('node:net');
const [host, port] = process.argv.slice(1);
const socket = net.connect({ host, port: Number(port), timeout: 3000 });
const end = (text) => { console.log(text); process.exit(); };
socket.on('connect', () => end('connected')).on('timeout', () => end('timeout')).on('error', (error) => end(error.code));
`;
const HOLD = `
const net = require('node:net');
const [host, port] = process.argv.slice(1);
const socket = net.connect({ host, port: Number(port) }, () => console.log('connected'));
socket.on('data', (data) => console.log('echo ' + String(data).trim())).on('error', (error) => console.log(error.code)).on('close', () => console.log('closed'));
process.stdin.on('data', (data) => socket.write(data));
`;
const UDP_LISTEN = `
const socket = require('node:dgram').createSocket('udp6');
socket.on('message', (message) => console.log(String(message))).bind(80, '::', () => console.log('listening'));
`;
const UDP_SEND = `
const [host, text] = process.argv.slice(1);
const socket = require('node:dgram').createSocket('udp4');
const end = (error) => { console.log(error ? error.code : 'sent'); process.exit(); };
socket.on('error', end).connect(80, host, () => socket.send(text, end));
`;

const user = (uid: number): string[] => ['setpriv', '--reuid', String(uid), '--regid', String(uid), '--clear-groups', '--'];

jest.setTimeout(60_000);

describeNft(() => {
  let node: Namespace;
  let clients: Namespace;

  beforeAll(async () => {
    node = new Namespace();
    clients = new Namespace();
    await node.ready();
    await clients.ready();
    for (const address of METADATA_ADDRESSES) node.ip('address', 'add', address.includes(':') ? `${address}/128` : `${address}/32`, 'dev', 'lo', ...(address.includes(':') ? ['nodad'] : []));
    node.ip('link', 'add', 'front', 'type', 'veth', 'peer', 'name', 'back', 'netns', String(clients.pid));
    node.ip('address', 'add', '192.0.2.1/24', 'dev', 'front');
    node.ip('link', 'set', 'front', 'up');
    clients.ip('address', 'add', '192.0.2.2/24', 'dev', 'back');
    clients.ip('link', 'set', 'back', 'up');
    for (const port of ['80', '8443', '9440', '9010']) expect(await node.script(LISTEN, [port]).next()).toBe('listening');
  });
  afterAll(async () => {
    await node.end();
    await clients.end();
  });

  const connect = (from: Namespace, host: string, port: number, as?: readonly string[]): Promise<string> => from.script(CONNECT, [host, String(port)], as).next();

  test('nft finds nothing wrong with what it is given', async () => {
    for (const rules of [firewallRules(UID), drainRules([8443, 9440])]) {
      expect(await node.programs.run('/usr/sbin/nft', ['--check', '--file', '-'], { input: rules })).toEqual({ code: 0, stdout: '', stderr: '' });
    }
    expect(await firewallHolds(node.programs, UID)).toBe(false);
  });

  test('rules that are not there and nft that may not look are told apart', async () => {
    await node.nft('flush', 'ruleset');
    const list = ['--json', 'list', 'table', 'inet', 'clickhouse_agent'];
    const absent = { code: 1, stdout: '', stderr: 'Error: No such file or directory\nlist table inet clickhouse_agent\n                ^^^^^^^^^^^^^^^^\n' };
    expect(await node.nft(...list)).toEqual(absent);
    // nor does a table that is called almost the same, or one of another family, change the answer.
    await closeToClients(node.programs, [8443]);
    for (const other of [['inet', 'clickhouse_agents'], ['ip', 'clickhouse_agent']]) await node.nft('add', 'table', ...other);
    expect(await firewallHolds(node.programs, UID)).toBe(false);
    for (const rules of [false, true]) {
      if (rules) await applyFirewall(node.programs, UID);
      // nobody but root may look.
      await expect(firewallHolds(node.as(UID), UID)).rejects.toThrow(/nft cannot say .* it ended with (?:1: Operation not permitted|126: .*Permission denied)/);
    }
    await node.nft('flush', 'ruleset');
  });

  test.each(METADATA_ADDRESSES)('%s: before the rules everybody reaches it, with them everybody but the user', async (address) => {
    await node.nft('flush', 'ruleset');
    expect(await connect(node, address, 80, user(UID))).toBe('connected');
    await applyFirewall(node.programs, UID);
    expect(await connect(node, address, 80, user(UID))).toMatch(/^E(?:HOSTUNREACH|ACCES|CONNREFUSED)$/);
    expect(await connect(node, address, 80)).toBe('connected');
    expect(await connect(node, address, 80, user(UID + 1))).toBe('connected');
    // and what he needs he reaches.
    expect(await connect(node, '192.0.2.1', 8443, user(UID))).toBe('connected');
  });

  test('whatever the user tries: other protocols, other ports, the address written otherwise, being root in a namespace of his own, the rules themselves', async () => {
    await applyFirewall(node.programs, UID);
    const listener = node.script(UDP_LISTEN, []);
    expect(await listener.next()).toBe('listening');
    await node.script(UDP_SEND, ['169.254.169.254', 'of the user'], user(UID)).next();
    expect(await node.script(UDP_SEND, ['169.254.169.254', 'of root']).next()).toBe('sent');
    expect(await listener.next()).toBe('of root');
    for (const [host, port] of [['169.254.169.254', 8443], ['::ffff:169.254.169.254', 80], ['2852039166', 80]] as const) {
      expect(await connect(node, host, port)).toBe('connected');
      expect(await connect(node, host, port, user(UID))).toMatch(/^E(?:HOSTUNREACH|ACCES|CONNREFUSED)$/);
    }
    const asRoot = [...user(UID), 'unshare', '--user', '--map-root-user', '--'];
    expect(await connect(node, '192.0.2.1', 8443, asRoot)).toBe('connected');
    expect(await connect(node, '169.254.169.254', 80, asRoot)).toMatch(/^E(?:HOSTUNREACH|ACCES|CONNREFUSED)$/);
    for (const as of [user(UID), asRoot]) {
      const { LD_LIBRARY_PATH = '' } = process.env;
      const { status } = spawnSync('nsenter', [`--net=/proc/${node.pid}/ns/net`, '--', ...as, 'env', `LD_LIBRARY_PATH=${LD_LIBRARY_PATH}`, NFT ?? '', 'flush', 'ruleset']);
      expect(status).not.toBe(0);
    }
    expect(await firewallHolds(node.programs, UID)).toBe(true);
  });

  test('the rules hold after they were applied, applied again and healed, and at no time else', async () => {
    await node.nft('flush', 'ruleset');
    expect(await firewallHolds(node.programs, UID)).toBe(false);
    await applyFirewall(node.programs, UID);
    await applyFirewall(node.programs, UID);
    expect(await firewallHolds(node.programs, UID)).toBe(true);
    expect(await firewallHolds(node.programs, UID + 1)).toBe(false);
    const attacks: string[][] = [
      ['delete', 'table', 'inet', 'clickhouse_agent'],
      ['flush', 'chain', 'inet', 'clickhouse_agent', 'output'],
      ['insert', 'rule', 'inet', 'clickhouse_agent', 'output', 'accept'],
      ['insert', 'rule', 'inet', 'clickhouse_agent', 'output', 'meta', 'skuid', String(UID), 'accept'],
      ['add', 'rule', 'inet', 'clickhouse_agent', 'output', 'accept'],
      ['add', 'table', 'inet', 'clickhouse_agent', '{ flags dormant; }'],
      ['add', 'chain', 'inet', 'clickhouse_agent', 'other'],
    ];
    for (const attack of attacks) {
      expect({ attack, ...(await node.nft(...attack)) }).toMatchObject({ attack, code: 0 });
      expect({ attack, holds: await firewallHolds(node.programs, UID) }).toEqual({ attack, holds: false });
      await applyFirewall(node.programs, UID);
      expect(await firewallHolds(node.programs, UID)).toBe(true);
      expect(await connect(node, '169.254.169.254', 80, user(UID))).not.toBe('connected');
    }
    // what others have set is theirs.
    await node.nft('add', 'table', 'inet', 'other');
    await applyFirewall(node.programs, UID);
    expect((await node.nft('list', 'tables')).stdout).toContain('table inet other');
  });

  test('draining: who is there goes on, who is new is refused at once, the node itself and other ports are not concerned', async () => {
    await node.nft('flush', 'ruleset');
    const held = clients.script(HOLD, ['192.0.2.1', '8443']);
    expect(await held.next()).toBe('connected');
    const echo = async (text: string): Promise<void> => {
      held.send(text);
      expect(await held.next()).toBe(`echo ${text}`);
    };
    await echo('before');
    for (let i = 0; i < 2; i++) {
      await closeToClients(node.programs, [8443, 9440]);
      expect(await connect(clients, '192.0.2.1', 8443)).toBe('ECONNREFUSED');
      expect(await connect(clients, '192.0.2.1', 9440)).toBe('ECONNREFUSED');
      expect(await connect(clients, '192.0.2.1', 9010)).toBe('connected');
      expect(await connect(node, '192.0.2.1', 8443)).toBe('connected');
      await echo('during');
    }
    for (let i = 0; i < 2; i++) {
      await openToClients(node.programs);
      expect(await connect(clients, '192.0.2.1', 8443)).toBe('connected');
    }
    await echo('after');
  });

  test('draining and the firewall are independent', async () => {
    await applyFirewall(node.programs, UID);
    await closeToClients(node.programs, [8443]);
    expect(await firewallHolds(node.programs, UID)).toBe(true);
    await openToClients(node.programs);
    expect(await firewallHolds(node.programs, UID)).toBe(true);
  });
});
