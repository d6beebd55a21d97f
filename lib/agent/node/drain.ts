import { untilDone } from './attempts';
import type { NodePorts } from './ports';

/**
 * How long new connections are refused before ClickHouse is stopped: the load balancer needs two failed checks, ten seconds apart, to send clients
 * elsewhere, and a moment until every one of its nodes knows.
 *
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/network/target-group-health-checks.html
 */
const LEAVE_MILLISECONDS = 30_000;

/**
 * Gives the machine back: no new client, those who are there finish, everything is on the volume, the volume is free. Then Auto Scaling may take
 * the machine; it does so by itself when its own time limit ends, whatever happens here.
 *
 * Stopping ClickHouse is what waits for running queries and writes what is in memory (`shutdown_wait_unfinished` in lib/config/server.ts).
 */
export async function drain(node: NodePorts, stop: AbortSignal): Promise<void> {
  const { machine, marks, surroundings } = node;
  const step = <T>(name: string, work: () => Promise<T>): Promise<T> => untilDone(name, node, stop, work);
  node.log({ event: 'draining' });
  node.publishReady(false);
  marks.clear('ready');
  if (node.role === 'server' && (await step('asking whether ClickHouse runs', () => machine.isRunning()))) {
    await step('closing to clients', () => machine.closeToClients());
    await node.sleep(LEAVE_MILLISECONDS, stop);
  }
  await step('stopping ClickHouse', () => machine.stop());
  await step('releasing the volume', () => machine.unmountVolume());
  await step('giving the machine back', async () => surroundings.drained(await surroundings.instanceId()));
  node.log({ event: 'drained' });
}
