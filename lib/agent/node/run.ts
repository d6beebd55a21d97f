import { Poll } from '../credentials/poll';
import { Definite, reasonOf, Stopped, Terminating } from './attempts';
import { convergePass } from './converge';
import { drain } from './drain';
import type { NodePorts } from './ports';
import { prepare } from './prepare';
import { terminatingNow } from './terminating';
import type { Shared } from './watch';
import { watch } from './watch';

/** How a node's life ended. */
export type Ending = 'drained' | 'stopped';

/** How often a node that cannot serve asks whether it may go. */
const REFUSED_MILLISECONDS = 30_000;

/** A pass that waits for somebody does not keep clients from leaving. */
const PASS_MILLISECONDS = 10_000;

/**
 * A node's life, from launch to the end of its machine. It ends by itself when Auto Scaling asked for the machine, as `drained`. When the agent is told
 * to end it is `stopped`, and ClickHouse goes on.
 */
export async function live(node: NodePorts, stop: AbortSignal): Promise<Ending> {
  try {
    // a machine that is to go is not prepared again.
    if (!(await terminatingNow(node))) await untilTerminating(node, stop);
    await drain(node, stop);
    return 'drained';
  } catch (error) {
    if (error instanceof Stopped) return 'stopped';
    throw error;
  }
}

async function untilTerminating(node: NodePorts, stop: AbortSignal): Promise<void> {
  try {
    await serve(node, stop);
  } catch (error) {
    if (error instanceof Terminating) return;
    if (!(error instanceof Definite)) throw error;
    await refused(node, error, stop);
  }
}

async function serve(node: NodePorts, stop: AbortSignal): Promise<void> {
  const prepared = await prepare(node, stop);
  const shared: Shared = {};
  const passes = new AbortController();
  const poll = new Poll({
    pass: () => convergePass(node, shared),
    sleep: node.sleep,
    random: node.random,
    failed: (error) => node.log({ event: 'retry', step: 'converging', reason: reasonOf(error) }),
  });
  const end = (): void => passes.abort();
  stop.addEventListener('abort', end, { once: true });
  const converging = poll.run(passes.signal);
  try {
    await watch({ node, prepared, shared, trigger: () => poll.trigger() }, stop);
  } finally {
    end();
    stop.removeEventListener('abort', end);
    const enough = new AbortController();
    await Promise.race([converging, node.sleep(PASS_MILLISECONDS, enough.signal)]);
    enough.abort();
  }
}

/**
 * The deployment need not wait for its time limit to learn what is certain; it is told once, since what comes after CloudFormation's answer is no
 * launch. Then there is nothing to do until Auto Scaling takes the machine, or somebody who has mended it restarts the agent.
 */
async function refused(node: NodePorts, error: Definite, stop: AbortSignal): Promise<void> {
  const { log, marks, publishReady, sleep, surroundings } = node;
  log({ event: 'refused', reason: error.message });
  for (;;) {
    publishReady(false);
    try {
      if (!marks.has('signalled')) {
        await surroundings.signal('FAILURE', await surroundings.instanceId());
        marks.set('signalled', 'FAILURE');
        log({ event: 'signalled', outcome: 'FAILURE' });
      }
    } catch (trouble) {
      log({ event: 'retry', step: 'telling CloudFormation', reason: reasonOf(trouble) });
    }
    if (await terminatingNow(node)) return;
    if (stop.aborted) throw new Stopped('told to end');
    await sleep(REFUSED_MILLISECONDS, stop);
  }
}
