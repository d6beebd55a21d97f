import type { Assessment } from './assessment';
import type { Scene } from './fronts/fronts';
import type { Layer } from './fronts/layers';
import { LAYERS } from './fronts/layers';
import { Graph, perhaps } from './graph';
import type { Judged } from './judge';
import { judge, ORDER } from './judge';
import { Network } from './network/network';
import type { Way } from './paths/ways';
import { Place } from './paths/ways';
import type { TemplateSet } from './templates/templates';
import type { Unit } from './workloads/units';
import { unitsOf } from './workloads/units';
import type { Workloads } from './workloads/workloads';
import { findWorkloads } from './workloads/workloads';

/** What the analysis may be told. */
export interface AssessOptions {
  /** the layers beside the network itself; all of them by default. */
  readonly layers?: readonly Layer[];
  /** what is ClickHouse, where it was found already. */
  readonly workloads?: Workloads;
}

/** Says of every ClickHouse of a deployment whether the internet can reach it, and how. A client may send from any port, as an attacker may. */
export function assess(templates: TemplateSet, { layers = LAYERS, workloads = findWorkloads(templates) }: AssessOptions = {}): Assessment {
  const network = new Network(templates, workloads.launchTemplatesOf);
  const graph = new Graph(network);
  const scene: Scene = { templates, workloads, graph, balancers: new Map(), services: new Map() };
  const contributions = layers.map((layer) => layer.add(scene) ?? {});
  const more = (unit: Unit): readonly Way[] => contributions.flatMap(({ waysTo }) => waysTo?.(unit) ?? []);
  const all = [...unitsOf(workloads, network).map((unit) => judged(unit, graph, more)), ...contributions.flatMap(({ places }) => places?.() ?? [])];
  const inOrder = all.map(judge).sort((a, b) => compare(a.resource.template.path, b.resource.template.path) || compare(a.resource.logicalId, b.resource.logicalId) || compare(a.evidence, b.evidence));
  const worst = ORDER.filter((verdict) => inOrder.some((each) => each.verdict === verdict)).pop();
  return { verdict: worst ?? 'none', workloads: inOrder };
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** A unit and where traffic to it arrives: any port that it listens on. */
function judged(unit: Unit, graph: Graph, more: (unit: Unit) => readonly Way[]): Judged {
  const { target, evidence, ports, missing } = unit;
  const { resource } = target;
  const at = { template: resource.template.path, logicalId: resource.logicalId };
  const classes = graph.classes(target, ports).map(([first, ...others]) => ({ place: graph.place(target, first), ports: [first, ...others] }));
  const arriving = new Place((): readonly Way[] => {
    if (target.interfaces.length === 0) return [{ gates: [perhaps(missing ?? `the network of ${resource.logicalId} is not in the templates`, { ...at, kind: 'network', detail: 'may be open to the internet' })] }];
    return [...classes.map(({ place }): Way => ({ from: place, gates: [] })), ...more(unit)];
  });
  const doubt = missing === undefined ? [] : [perhaps(missing, { ...at, kind: 'workload', detail: 'ClickHouse may run' })];
  return { resource, evidence, ports, classes, place: new Place(() => [{ from: arriving, gates: doubt }]) };
}
