// A process of the bench: rotates a password on simulated nodes, with the handler's own driver and the nodes' own admission.
import { rotationTime } from '../../test/handlers/rotate-password/rotation-time';

/** What to do, as JSON in the first argument. */
export interface RotationTask {
  readonly nodes: readonly number[];
  readonly runs: number;
}

/** What happened. */
export interface RotationTimes {
  readonly nodes: number;
  /** seconds on the simulated clock, with latencies as within one region. */
  readonly simulated: number;
  /** milliseconds of processor time of each run, for the handler and everything that is simulated around it. */
  readonly cpu: readonly number[];
}

async function main({ nodes, runs }: RotationTask): Promise<RotationTimes[]> {
  const found: RotationTimes[] = [];
  // not measured: what is compiled while it runs for the first time.
  await rotationTime(nodes[0] ?? 1);
  for (const count of nodes) {
    let simulated = 0;
    const cpu: number[] = [];
    for (let run = 0; run < runs; run++) {
      const before = process.cpuUsage();
      ({ simulated } = await rotationTime(count));
      const { user, system } = process.cpuUsage(before);
      cpu.push((user + system) / 1000);
    }
    found.push({ nodes: count, simulated: simulated / 1000, cpu });
  }
  return found;
}

void main(JSON.parse(process.argv[2] ?? '{}') as RotationTask).then((result) => console.log(JSON.stringify(result)));
