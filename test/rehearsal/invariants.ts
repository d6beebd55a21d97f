import type { Assembly, StackTemplate } from './assembly';
import { cycles } from './graph';
import type { Timeline } from './timeline';

// each returns what is wrong, in sentences; nothing means that it holds.

/** No template waits for itself, nested stacks included. */
export function acyclic(assembly: Assembly): string[] {
  return cycles(assembly).map((cycle) => `circular dependency: ${cycle.join(' -> ')}`);
}

/** A phase reached its goal and every node is whole once all is quiet. */
export function completes({ phases, events }: Timeline, phase = 0): string[] {
  const { status, nodes, kind } = phases[phase];
  const reasons = events.filter((each) => each.phase === phase && each.reason !== undefined).map(({ path, reason }) => `${path}: ${reason}`);
  const wrong = status === 'complete' ? [] : [`phase ${phase} (${kind}) ended as ${status}: ${reasons.join('; ')}`];
  return [...wrong, ...Object.entries(nodes).filter(([, state]) => state !== 'whole').map(([name, state]) => `after phase ${phase}, ${name} is ${state}`)];
}

/** Every phase came to an end that leaves the stack usable. */
export function ends({ phases }: Timeline): string[] {
  return phases.flatMap(({ status }, index) => (status === 'complete' || status === 'rolled back' ? [] : [`phase ${index} ended as ${status}`]));
}

/** During every update: the quorum, and a serving replica of every shard that served before, at every instant from beginning until all is quiet. */
export function available({ phases, health }: Timeline): string[] {
  return phases.flatMap((phase, index) => {
    if (phase.kind !== 'update') return [];
    const before = phases[index - 1];
    return health
      .filter((sample) => sample.phase === index)
      .flatMap(({ time, clusters }) =>
        Object.entries(before.health).flatMap(([cluster, { quorum, serving }]) => {
          const now = clusters[cluster];
          const at = `phase ${index}, second ${Math.round(time - phase.start)}: ${cluster}`;
          // a shard that the new template no longer has may go.
          const shards = Object.keys(serving).filter((shard) => serving[shard] > 0 && (phase.shards[cluster] ?? []).includes(shard));
          return [
            ...(quorum === true && now?.quorum !== true ? [`${at} has no Keeper quorum`] : []),
            ...shards.filter((shard) => (now?.serving[shard] ?? 0) < 1).map((shard) => `${at} has no serving replica of shard ${shard}`),
          ];
        }),
      );
  });
}

/** No instance of these nodes was touched in a phase. */
export function untouched({ events }: Timeline, phase: number, nodes: readonly string[]): string[] {
  return events
    .filter((each) => each.phase === phase && each.node !== undefined && nodes.includes(each.node) && each.status !== 'complete')
    .map(({ node, action, time }) => `${action} of ${node ?? ''} at ${Math.round(time)} in phase ${phase}`);
}

/** A node that was whole once never comes up with an empty volume. */
export function keepsData({ dataLost }: Timeline): string[] {
  return dataLost.map((node) => `${node} came up without its data`);
}

/** Nothing is left that no stack knows. */
export function leavesNothing({ leftovers }: Timeline): string[] {
  return leftovers.map((path) => `${path} is left behind`);
}

/** The nodes of an assembly by name. */
export function nodeNames(assembly: Assembly): string[] {
  const visit = ({ template, nested }: StackTemplate): string[] => [
    ...Object.values(template.Resources).flatMap(({ Type, Metadata }) => {
      const marker = Metadata?.['cdk-secure-clickhouse'] as { name?: string } | undefined;
      return Type === 'AWS::AutoScaling::AutoScalingGroup' && marker?.name !== undefined ? [marker.name] : [];
    }),
    ...Object.values(nested).flatMap(visit),
  ];
  return assembly.stacks.flatMap(visit);
}
