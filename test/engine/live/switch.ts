import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { NODE } from '../engine';

/**
 * A port that never closes, in front of an engine that is exchanged for another.
 *
 * A server reads changed files of users while it runs. This engine is `clickhouse local`, which has no thread for that (SYSTEM RELOAD USERS
 * answers OK and reads nothing), so it reads them by being started anew, and here new connections are moved from the old engine to the
 * new one in one instant, as a server goes from its old users to its new ones in one instant. That a real server does reload is shown in
 * test/server/reload.test.ts.
 *
 * It cannot hide a refusal: it carries bytes and understands none of them, tries nothing a second time, and a connection it cannot make is
 * closed, which whoever logs in hears as a failure. Connections that are open stay with their engine, which lives until the last has ended.
 */
export class Switch {
  private target: number | undefined;
  private readonly open = new Map<number, Set<Socket>>();
  private readonly server: Server;

  private constructor() {
    this.server = createServer((client) => this.carry(client));
  }

  static listen(): Promise<Switch> {
    const made = new Switch();
    return new Promise((resolve, reject) => {
      made.server.once('error', reject);
      made.server.listen(0, NODE, () => resolve(made));
    });
  }

  get port(): number {
    const address = this.server.address();
    if (typeof address !== 'object' || address === null) throw new Error('the switch does not listen any more');
    return address.port;
  }

  /** Every connection that is made from now on goes there. */
  to(port: number): void {
    this.target = port;
  }

  /** Resolves when no connection to an engine is open any more. Only for one that gets no new ones. */
  async drained(port: number): Promise<void> {
    for (const engine of this.open.get(port) ?? []) await new Promise((closed) => (engine.closed ? closed(undefined) : engine.once('close', closed)));
  }

  close(): void {
    this.server.close();
  }

  private carry(client: Socket): void {
    const port = this.target;
    if (port === undefined) {
      client.destroy();
      return;
    }
    const engine = connect({ host: NODE, port });
    const open = this.open.get(port) ?? new Set();
    this.open.set(port, open.add(engine));
    engine.once('close', () => {
      open.delete(engine);
      client.end();
    });
    client.pipe(engine).pipe(client);
    client.on('error', () => engine.destroy());
    engine.on('error', () => client.destroy());
  }
}
