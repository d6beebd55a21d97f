import { reasonOf } from './attempts';
import type { NodePorts } from './ports';

/** Whether Auto Scaling waits for this machine. Not knowing is no reason to leave; it is asked again with every look. */
export async function terminatingNow({ surroundings, log }: Pick<NodePorts, 'surroundings' | 'log'>): Promise<boolean> {
  try {
    return await surroundings.terminating();
  } catch (error) {
    log({ event: 'retry', step: 'asking for the lifecycle state', reason: reasonOf(error) });
    return false;
  }
}
