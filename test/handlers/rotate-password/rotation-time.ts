import type { SimulationOptions } from './simulation';
import { Simulation, tokenOf } from './simulation';

/** How long one rotation takes. */
export interface RotationTime {
  readonly nodes: number;
  /** milliseconds on the simulated clock: what a user would wait, with latencies as in one region. */
  readonly simulated: number;
  /** milliseconds this process took for it. */
  readonly real: number;
}

/** Rotates once against simulated nodes; for the bench, and for a test that it stays bounded. */
export async function rotationTime(nodes: number, options: SimulationOptions = {}): Promise<RotationTime> {
  const before = performance.now();
  const simulation = new Simulation({ ...options, servers: nodes });
  const started = simulation.clock.now();
  const token = simulation.begin(tokenOf(1));
  const outcome = await simulation.clock.runUntilSettled(simulation.rotation(token));
  if (outcome !== 'rotated' || simulation.violations.length > 0) throw new Error(`the rotation did not succeed: ${outcome} ${simulation.violations.join('; ')}`);
  return { nodes, simulated: simulation.clock.now() - started, real: performance.now() - before };
}
