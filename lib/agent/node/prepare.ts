import type { VolumeHistory } from '../boot-steps';
import { Definite, Terminating, untilDone } from './attempts';
import type { NodePorts } from './ports';
import { terminatingNow } from './terminating';

/** What was learnt while the machine was prepared. */
export interface Prepared {
  readonly instanceId: string;
  readonly volume: VolumeHistory;
}

/**
 * Makes everything that ClickHouse needs before it may start, in the order in which one part needs another.
 *
 * The metadata service is closed to ClickHouse's user before there is such a user. A certificate and the users' documents are there before
 * anything can be started: without them it is not. An agent that was ended anywhere does it again, and finds done what is done; so it is harmless
 * while ClickHouse runs.
 */
export async function prepare(node: NodePorts, stop: AbortSignal): Promise<Prepared> {
  const { machine, configuration, surroundings, marks, role } = node;
  const notYet = async (): Promise<void> => {
    node.publishReady(false);
    if (await terminatingNow(node)) throw new Terminating('Auto Scaling wants the machine before it was ready');
  };
  const step = <T>(name: string, work: () => Promise<T> | T): Promise<T> => untilDone(name, node, stop, async () => work(), notYet);
  if (marks.has('open')) {
    // whoever found it may have ended before it was stopped.
    marks.clear('ready');
    await step('ending ClickHouse', () => machine.halt());
    throw new Definite('ClickHouse on this machine let somebody in without a password, so it is not started again; find out why, then replace the instance');
  }
  await step('closing the metadata service', () => machine.closeMetadata());
  const instanceId = await step('asking who this machine is', () => surroundings.instanceId());
  await step('setting up the system', () => machine.tune());
  await step('making the account', () => machine.account());
  const volume = await step('mounting the volume', () => machine.mountVolume(instanceId));
  // before the packages: their scripts start and enable what they bring, and these keep it from starting.
  await step('writing units', () => machine.units());
  await step('installing ClickHouse', () => machine.install());
  await step('making directories', () => machine.directories());
  if (role === 'server') await step('reading the internal secret', () => configuration.secrets());
  await step('writing the configuration', () => configuration.bootDocuments());
  await step('installing the certificate', async () => {
    const { installed } = await configuration.certificates();
    if (!installed) throw new Error('there is no certificate yet; the line before says why');
  });
  if (role === 'server') await step('writing users', () => configuration.live());
  return { instanceId, volume };
}
