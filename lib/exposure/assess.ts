import type { Assessment, AssessedWorkload, Detour, Level, Verdict } from './assessment';
import type { Scene } from './fronts/fronts';
import type { Layer } from './fronts/layers';
import { LAYERS } from './fronts/layers';
import { Peerings } from './fronts/peering';
import { Graph, perhaps } from './graph';
import { Network } from './network/network';
import type { PortRange } from './network/port-range';
import { port, portWords } from './network/port-range';
import { smallestCut } from './paths/cut';
import { closures, pathTo, unknowns } from './paths/explain';
import type { Way } from './paths/ways';
import { Place } from './paths/ways';
import { Programs } from './programs';
import type { Resource } from './templates/model';
import type { TemplateSet } from './templates/templates';
import { kubernetesPlaces } from './fronts/kubernetes';
import type { Unit } from './workloads/units';
import { unitsOf } from './workloads/units';
import { findWorkloads } from './workloads/workloads';
import type { Workloads } from './workloads/workloads';

/** What the analysis may be told. */
export interface AssessOptions {
  /** the layers beside the network itself; all of them by default. */
  readonly layers?: readonly Layer[];
  /** what is ClickHouse, where it was found already. */
  readonly workloads?: Workloads;
}

const ORDER: readonly Verdict[] = ['private', 'unknown', 'exposed'];
const LEVELS: readonly Level[] = ['login', 'program', 'account'];

/** Says of every ClickHouse of a deployment whether the internet can reach it, and how. A client may send from any port, as an attacker may. */
export function assess(templates: TemplateSet, { layers = LAYERS, workloads = findWorkloads(templates) }: AssessOptions = {}): Assessment {
  const network = new Network(templates, workloads.launchTemplatesOf);
  const graph = new Graph(network);
  const scene: Scene = { templates, workloads, graph, balancers: new Map(), services: new Map() };
  for (const layer of layers) layer.add(scene);
  const units = unitsOf(workloads, network);
  const programs = units.length === 0 || !layers.some(({ name }) => name === 'programs') ? undefined : new Programs(scene, graph);
  const peerings = layers.some(({ name }) => name === 'peering') ? new Peerings(templates) : undefined;
  const assessed = [
    ...units.map((unit) => judge(unit.target.resource, unit.evidence, unit.ports, placeOf(unit, graph, programs, peerings), graph.classes(unit.target, unit.ports).map(([port, ...more]) => ({ place: graph.place(unit.target, port), ports: [port, ...more] })))),
    ...(layers.some(({ name }) => name === 'kubernetes') ? kubernetesPlaces(templates) : []).map(({ resource, evidence, ports, place }) => judge(resource, evidence, ports.map(port), place)),
  ];
  const inOrder = [...assessed].sort((a, b) => compare(a.resource.template.path, b.resource.template.path) || compare(a.resource.logicalId, b.resource.logicalId) || compare(a.evidence, b.evidence));
  const worst = ORDER.filter((verdict) => inOrder.some((each) => each.verdict === verdict)).pop();
  return { verdict: worst ?? 'none', workloads: inOrder };
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Where traffic to a unit arrives: any port that it listens on. */
function placeOf(unit: Unit, graph: Graph, programs: Programs | undefined, peerings: Peerings | undefined): Place {
  const { target, ports, missing } = unit;
  const doubt = missing === undefined ? [] : [perhaps(missing, { kind: 'workload', template: target.resource.template.path, logicalId: target.resource.logicalId, detail: 'ClickHouse may run' })];
  const classes = graph.classes(target, ports);
  const straight = new Place((): readonly Way[] => {
    if (target.interfaces.length === 0) return [{ gates: [perhaps(missing ?? `the network of ${target.resource.logicalId} is not in the templates`, { kind: 'network', template: target.resource.template.path, logicalId: target.resource.logicalId, detail: 'may be open to the internet' })] }];
    return [
      ...classes.map(([each]): Way => ({ from: graph.place(target, each), gates: [] })),
      ...(programs?.ways(unit) ?? []),
      ...classes.flatMap(([each]) => peerings?.ways(target, each, graph.network) ?? []),
    ];
  });
  return new Place(() => [{ from: straight, gates: doubt }]);
}

function judge(resource: Resource, evidence: string, ports: readonly PortRange[], place: Place, classes: ReadonlyArray<{ readonly place: Place; readonly ports: readonly PortRange[] }> = [{ place, ports }]): AssessedWorkload {
  const verdict = verdictAt(place);
  const base = { resource, evidence, verdict, ports: ports.filter(({ first, last }) => first === last).map(({ first }) => first), detours: detours(place, verdict) };
  if (verdict === 'private') return { ...base, path: [], missing: [], changes: [], reason: closures(place).slice(0, 3).join('; ') || 'nothing leads to it' };
  const missing = verdict === 'unknown' ? unknowns(place) : [];
  const open = classes.filter((each) => verdictAt(each.place) === verdict).flatMap((each) => each.ports);
  const clients = place.arrival()[verdict === 'exposed' ? 'must' : 'may'];
  const reason = verdict === 'exposed' ? `anybody ${clients.size === 1n ? 'at one address ' : ''}on the internet reaches ${open.length === 0 ? 'it' : open.map(portWords).slice(0, 4).join(', ')}` : `it cannot be told: ${missing.slice(0, 3).join('; ')}`;
  return { ...base, reason, missing, path: pathTo(place), changes: smallestCut(place) };
}

function verdictAt(place: Place, level?: Level): Verdict {
  const { must, may } = place.arrival(level);
  return !must.isEmpty ? 'exposed' : may.isEmpty ? 'private' : 'unknown';
}

/** The secondary levels that lead further than the internet's own ways. */
function detours(place: Place, verdict: Verdict): readonly Detour[] {
  return LEVELS.flatMap((level): readonly Detour[] => {
    const reached = verdictAt(place, level);
    if (ORDER.indexOf(reached) <= ORDER.indexOf(verdict)) return [];
    return [{ level, certain: reached === 'exposed', path: pathTo(place, level) }];
  });
}
