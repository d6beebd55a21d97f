import type { Decision } from '../boot-steps';
import { nextStep } from '../boot-steps';
import { Definite, endsIt, pauseAfter, reasonOf, Stopped } from './attempts';
import { jittered } from '../pauses';
import { keepMetadataClosed } from './metadata-guard';
import type { Look, NodePorts } from './ports';
import type { Prepared } from './prepare';
import { terminatingNow } from './terminating';

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

/** How often a node looks at itself: often while somebody waits for it, now and then when it serves. */
const PAUSE = { waiting: 5_000, serving: 30_000 };

/**
 * Looks, decides and acts until Auto Scaling wants the machine back or the agent is told to end. A node that serves goes on: what stops
 * serving is started again, a firewall that was taken away is put back.
 */
export async function watch({ node, prepared, shared, trigger }: Watch, stop: AbortSignal): Promise<void> {
  const told = new Told(node, prepared);
  const guard = { failures: 0 };
  for (let failures = 0; ; ) {
    if (stop.aborted) throw new Stopped('told to end');
    if (await terminatingNow(node)) return;
    let decision: Decision | undefined;
    try {
      await keepMetadataClosed(node, guard);
      const look = await node.look({ volume: told.volume, liveManifestApplied: shared.applied !== undefined });
      // also when it was found before, and could not be ended.
      if (look.open !== undefined || node.marks.has('open')) return await refuseToServe(node, look.open ?? node.marks.text('open') ?? 'somebody');
      shared.listening = look.observation.listening;
      decision = nextStep(look.observation);
      // a pass is asked for when something changed: what stays as it is it tries again by itself, less and less often.
      if (told.next(decision, look) && decision.step === 'applyLiveManifest') trigger();
      if (decision.step === 'start') await told.start();
      await told.door(look, decision);
      if (node.role === 'server' && look.observation.listening && (await pointerMoved(node, shared))) trigger();
      failures = 0;
    } catch (error) {
      if (endsIt(error)) throw error;
      failures += 1;
      node.log({ event: 'retry', step: 'watching', failures, reason: reasonOf(error) });
    }
    // whether somebody could be told has no part in whether the node serves.
    if (decision !== undefined) await told.outcome(decision);
    const serves = decision?.step === 'serve' && failures === 0;
    node.publishReady(serves);
    const usual = serves ? PAUSE.serving : PAUSE.waiting;
    await node.sleep(failures === 0 ? jittered(usual, node.random()) : pauseAfter(failures, node.random()), stop);
  }
}

/** What was told of the looks until now. */
class Told {
  volume: Prepared['volume'];
  private seen: string | undefined;
  private opened = false;

  constructor(private readonly node: NodePorts, private readonly prepared: Prepared) {
    this.volume = prepared.volume;
  }

  /** Starts ClickHouse, with the door closed until it was looked at: also one that was fine before it stopped. Nothing when it runs. */
  async start(): Promise<void> {
    const { machine, marks } = this.node;
    if (!(await machine.isRunning())) {
      await machine.closeToClients();
      this.opened = false;
    }
    marks.set('ready');
    await machine.start();
  }

  /** Writes down what is next, if it is not what it was; says whether it is not. */
  next(decision: Decision, { observation, trouble }: Look): boolean {
    const seen = JSON.stringify([decision, observation, trouble]);
    if (seen === this.seen) return false;
    this.seen = seen;
    this.node.log({ event: 'next', ...decision, observation, trouble });
    return true;
  }

  /**
   * Lets clients in when ClickHouse was seen to let nobody else in, and has its users and databases. A replica that is still behind serves what it
   * has: with Keepers away it would else serve nothing.
   */
  async door({ observation }: Look, { step }: Decision): Promise<void> {
    if (this.opened || !observation.listening || step === 'start' || step === 'applyLiveManifest') return;
    await this.node.machine.openToClients();
    this.opened = true;
  }

  /** Notes on the volume that the node was whole, and signals once. What fails is tried with the next look. */
  async outcome({ established, signal }: Decision): Promise<void> {
    const { log, machine, marks, surroundings } = this.node;
    try {
      if (signal && !marks.has('signalled')) {
        await surroundings.signal('SUCCESS', this.prepared.instanceId);
        marks.set('signalled', 'SUCCESS');
        log({ event: 'signalled', outcome: 'SUCCESS' });
      }
      if (established && this.volume !== 'established') {
        machine.establish();
        this.volume = 'established';
      }
    } catch (error) {
      log({ event: 'retry', step: 'telling that the node serves', reason: reasonOf(error) });
    }
  }
}

/** The pointer is asked at every look: it costs one call, and a deployment waits for it. */
async function pointerMoved({ configuration }: NodePorts, shared: Shared): Promise<boolean> {
  return shared.pointer !== undefined && (await configuration.pointer()) !== shared.pointer;
}

/** Never serves insecurely: ends it without waiting for anybody's query, and keeps it from starting on this machine. */
async function refuseToServe({ machine, marks, log }: NodePorts, who: string): Promise<never> {
  marks.set('open', who);
  marks.clear('ready');
  log({ event: 'open', who });
  await machine.halt();
  throw new Definite(`ClickHouse let ${who} in, so it was stopped and is not started again on this machine; look at its configuration, then replace the instance`);
}
