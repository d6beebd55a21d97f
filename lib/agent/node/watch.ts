import type { Decision } from '../boot-steps';
import { nextStep } from '../boot-steps';
import { Definite, pauseAfter, reasonOf, Stopped } from './attempts';
import type { NodePorts } from './ports';
import type { Prepared } from './prepare';

/** What the watch and the passes tell each other. */
export interface Shared {
  /** the live manifest that the running server has read whole, databases included. Undefined until the first. */
  applied?: string;
  /** whether ClickHouse answered when it was last looked at. */
  listening?: boolean;
  /** the live manifest that was last reported. */
  reported?: string;
  /** the pointer as the last pass found it. */
  pointer?: string;
}

/** What the watch may ask for. */
export interface Watch {
  readonly node: NodePorts;
  readonly prepared: Prepared;
  readonly shared: Shared;
  /** asks for a pass over configuration, soon. */
  readonly trigger: () => void;
}

/** How often a node looks at itself: often while somebody waits for it, now and then when it serves. A pass reads every secret, so it is asked for more rarely. */
const PAUSE = { waiting: 5_000, asking: 15_000, serving: 30_000 };

/**
 * Looks, decides and acts until Auto Scaling wants the machine back or the agent is told to end. A node that serves goes on: what stops
 * serving is started again, a firewall that was taken away is put back.
 */
export async function watch({ node, prepared, shared, trigger }: Watch, stop: AbortSignal): Promise<'terminating'> {
  const { machine, marks, surroundings } = node;
  let { volume } = prepared;
  let told: string | undefined;
  let asked = -Infinity;
  for (let failures = 0; ; ) {
    if (stop.aborted) throw new Stopped('told to end');
    let decision: Decision | undefined;
    try {
      if (await terminatingNow(node)) return 'terminating';
      await keepMetadataClosed(node);
      const { observation, open, trouble } = await node.look({ volume, liveManifestApplied: shared.applied !== undefined });
      if (open !== undefined) return await refuseToServe(node, open);
      shared.listening = observation.listening;
      decision = nextStep(observation);
      const next = JSON.stringify([decision, observation, trouble]);
      if (next !== told) node.log({ event: 'next', ...decision, observation, trouble });
      told = next;
      if (decision.established && volume !== 'established') {
        machine.establish();
        volume = 'established';
      }
      if (decision.step === 'start') await start(node);
      if (decision.step === 'applyLiveManifest' && node.now() - asked >= PAUSE.asking) {
        asked = node.now();
        trigger();
      }
      if (decision.signal && !marks.has('signalled')) {
        await surroundings.signal('SUCCESS', prepared.instanceId);
        marks.set('signalled', 'SUCCESS');
        node.log({ event: 'signalled', outcome: 'SUCCESS' });
      }
      if (node.role === 'server' && observation.listening && (await pointerMoved(node, shared))) trigger();
      failures = 0;
    } catch (error) {
      if (error instanceof Definite || error instanceof Stopped) throw error;
      failures += 1;
      node.log({ event: 'retry', step: 'watching', failures, reason: reasonOf(error) });
    }
    const serves = decision?.step === 'serve';
    node.publishReady(serves && failures === 0);
    const usual = serves ? PAUSE.serving : PAUSE.waiting;
    await node.sleep(failures === 0 ? Math.round(usual * (0.8 + 0.4 * node.random())) : pauseAfter(failures, node.random()), stop);
  }
}

/** Whether Auto Scaling waits for this machine. Not knowing is no reason to leave; it is asked again with every look. */
export async function terminatingNow({ surroundings, log }: NodePorts): Promise<boolean> {
  try {
    return await surroundings.terminating();
  } catch (error) {
    log({ event: 'retry', step: 'asking for the lifecycle state', reason: reasonOf(error) });
    return false;
  }
}

async function start({ machine, marks }: NodePorts): Promise<void> {
  marks.set('ready');
  await machine.start();
}

/** The pointer is asked at every look: it costs one call, and a deployment waits for it. */
async function pointerMoved({ configuration }: NodePorts, shared: Shared): Promise<boolean> {
  return shared.pointer !== undefined && (await configuration.pointer()) !== shared.pointer;
}

/** A firewall that was taken away is put back; when that is not possible ClickHouse stops before anything else. */
async function keepMetadataClosed({ machine, marks, log }: NodePorts): Promise<void> {
  if (await isClosed()) return;
  log({ event: 'firewall', reason: "the rules that keep ClickHouse from the metadata service are not there; putting them back" });
  try {
    await machine.closeMetadata();
    if (await machine.metadataIsClosed()) return;
    throw new Error('the rules that keep ClickHouse from the metadata service were written and are not there');
  } catch (error) {
    marks.clear('ready');
    await machine.stop();
    throw error;
  }
  async function isClosed(): Promise<boolean> {
    try {
      return await machine.metadataIsClosed();
    } catch {
      return false;
    }
  }
}

/** Never serves insecurely: stops, and stays stopped on this machine. */
async function refuseToServe({ machine, marks, log }: NodePorts, who: string): Promise<never> {
  marks.set('open', who);
  marks.clear('ready');
  await machine.stop();
  log({ event: 'open', who });
  throw new Definite(`ClickHouse let ${who} in, so it was stopped and is not started again on this machine; look at its configuration, then replace the instance`);
}
