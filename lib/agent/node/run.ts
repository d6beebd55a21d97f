import { Poll } from '../credentials/poll';
import { Definite, reasonOf, Stopped } from './attempts';
import { convergePass } from './converge';
import { drain } from './drain';
import type { NodePorts } from './ports';
import { prepare } from './prepare';
import type { Shared } from './watch';
import { terminatingNow, watch } from './watch';

/**
 * A node's life, from launch to the end of its machine. Ends by itself in two ways: `drained`, after Auto Scaling asked for the machine, and by
 * throwing `Definite`. When it is told to stop it ends as `stopped`, and ClickHouse goes on.
 */
export async function live(node: NodePorts, stop: AbortSignal): Promise<'drained' | 'stopped'> {
  try {
    // a machine that is to go is not prepared again.
    if (!(await terminatingNow(node))) await serve(node, stop);
    await drain(node, stop);
    return 'drained';
  } catch (error) {
    if (error instanceof Stopped) return 'stopped';
    if (error instanceof Definite) await tellFailure(node, error);
    throw error;
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
    await converging;
  }
}

/** The deployment need not wait for its time limit to learn what is certain. Told once: what comes after CloudFormation's answer is no launch. */
async function tellFailure({ marks, surroundings, log, publishReady }: NodePorts, error: Definite): Promise<void> {
  publishReady(false);
  log({ event: 'refused', reason: error.message });
  if (marks.has('signalled')) return;
  try {
    await surroundings.signal('FAILURE', await surroundings.instanceId());
    marks.set('signalled', 'FAILURE');
  } catch (trouble) {
    log({ event: 'retry', step: 'telling CloudFormation', reason: reasonOf(trouble) });
  }
}
