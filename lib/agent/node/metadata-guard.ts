import { reasonOf } from './attempts';
import type { NodePorts } from './ports';

/** How often in a row the rules may not be told before they count as gone: a machine that is short of memory cannot ask, and loses nothing. */
const PATIENCE = 3;

/** A firewall that was taken away is put back; when that is not possible ClickHouse ends before anything else. */
export async function keepMetadataClosed({ machine, marks, log }: NodePorts, asked: { failures: number }): Promise<void> {
  try {
    const closed = await machine.metadataIsClosed();
    asked.failures = 0;
    if (closed) return;
  } catch (error) {
    asked.failures += 1;
    log({ event: 'retry', step: 'asking for the firewall', failures: asked.failures, reason: reasonOf(error) });
    if (asked.failures < PATIENCE) return;
  }
  log({ event: 'firewall', reason: 'the rules that keep ClickHouse from the metadata service are not there; putting them back' });
  try {
    await machine.closeMetadata();
    if (await machine.metadataIsClosed()) return;
    throw new Error('the rules that keep ClickHouse from the metadata service were written and are not there');
  } catch (error) {
    marks.clear('ready');
    await machine.halt();
    throw error;
  }
}
