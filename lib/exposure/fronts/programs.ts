import type { Scene } from './fronts';
import { at, passes, senderFrom } from './fronts';
import type { Contribution } from './layers';
import type { Graph, Target } from '../graph';
import type { Interface } from '../network/interfaces';
import type { PortRange } from '../network/port-range';
import { EVERY_PORT } from '../network/port-range';
import type { Sender } from '../network/sender';
import type { Gate, Place, Way } from '../paths/ways';
import type { Resource } from '../templates/model';
import { append } from '../templates/model';
import { elements, property, resourceIdentity } from '../templates/values';
import type { Unit } from '../workloads/units';
import { targetOf } from '../workloads/units';

/** Something that runs code of its own and that the internet can talk to. */
interface Program {
  readonly resource: Resource;
  readonly place: Place;
  readonly sender: Sender;
}

const TYPES = ['AWS::EC2::Instance', 'AWS::AutoScaling::AutoScalingGroup', 'AWS::EC2::EC2Fleet', 'AWS::EC2::SpotFleet', 'AWS::ECS::Service', 'AWS::ECS::TaskSet', 'AWS::Lambda::Function'];
// one is worth saying, a hundred are not.
const MOST = 3;
const MOST_IN_A_VPC = 50;

/** Programs in front of ClickHouse. They are looked for when the first workload asks. */
export function programs(scene: Scene): Contribution {
  let found: Programs | undefined;
  return { waysTo: (unit) => (found ??= new Programs(scene)).ways(unit) };
}

/** The programs of a deployment by what lets them through to ClickHouse: their security groups, and the VPC they are in. */
class Programs {
  private readonly byGroup = new Map<string, Program[]>();
  private readonly byVpc = new Map<string, Program[]>();

  private readonly graph: Graph;

  constructor({ templates, workloads, graph }: Scene) {
    this.graph = graph;
    for (const resource of templates.ofType(...TYPES)) {
      // ClickHouse itself is judged, and is no program in front of it.
      if (workloads.evidence.has(resource)) continue;
      const interfaces = resource.type === 'AWS::Lambda::Function' ? this.ofFunction(resource) : graph.network.interfaces.of(resource);
      if (interfaces.length === 0) continue;
      // nothing reaches a function through its interfaces.
      const target: Target = resource.type === 'AWS::Lambda::Function' ? { resource, interfaces: [], addresses: [], names: [resourceIdentity(resource)] } : targetOf(resource, interfaces);
      const program: Program = { resource, place: graph.place(target, EVERY_PORT), sender: senderFrom(resource.logicalId, interfaces, false) };
      for (const { key } of program.sender.groups) append(this.byGroup, key, program);
      append(this.byVpc, program.sender.vpc ?? '', program);
    }
  }

  /** The ways to a unit through programs: those it admits by group, and by address. */
  ways({ target, ports }: Unit): readonly Way[] {
    const { groups } = this.graph.network;
    const found: Way[] = [];
    const tried = new Set<Program>();
    for (const card of target.interfaces) {
      const used = card.groups ?? [];
      const vpc = card.subnets[0]?.subnet.vpc ?? '';
      const callers = groups.callers(used, ports);
      const candidates = [...[...callers.groups].flatMap((key) => this.byGroup.get(key) ?? []), ...(callers.byAddress ? this.exposedIn(vpc) : [])];
      for (const program of candidates) {
        if (found.length >= MOST || tried.has(program)) continue;
        tried.add(program);
        if (program.place.arrival('program').may.isEmpty) continue;
        const hop = at(program.resource, 'program', `${program.resource.logicalId} can be reached from the internet and reaches ClickHouse`);
        const gates = this.passage(program.sender, card, ports);
        if (gates !== undefined) found.push({ from: program.place, level: 'program', gates: [passes(hop), ...gates] });
      }
    }
    return found;
  }

  /** The gates to the first port that a program is sure to reach, or else to one that it may reach. */
  private passage(sender: Sender, card: Interface, ports: readonly PortRange[]): readonly Gate[] | undefined {
    let perhaps: readonly Gate[] | undefined;
    for (const port of ports) {
      for (const gates of this.graph.network.between(sender, card, port)) {
        if (gates.every(({ must }) => !must.isEmpty)) return gates;
        if (gates.every(({ may }) => !may.isEmpty)) perhaps ??= gates;
      }
    }
    return perhaps;
  }

  private exposedIn(vpc: string): readonly Program[] {
    let found = this.exposed.get(vpc);
    if (found === undefined) {
      const some: Program[] = [];
      for (const program of this.byVpc.get(vpc) ?? []) {
        if (some.length === MOST_IN_A_VPC) break;
        if (!program.place.arrival('program').may.isEmpty) some.push(program);
      }
      found = some;
      this.exposed.set(vpc, found);
    }
    return found;
  }

  private readonly exposed = new Map<string, readonly Program[]>();

  private ofFunction(resource: Resource): readonly Interface[] {
    const { subnets, interfaces } = this.graph.network;
    return property(resource, 'VpcConfig').map((): Interface => {
      const places = elements(resource, 'VpcConfig', 'SubnetIds').map((value) => ({ subnet: subnets.of(value, value.template), missing: value.doubt }));
      return { owner: resource, subnets: places, groups: interfaces.groupsOf(property(resource, 'VpcConfig', 'SecurityGroupIds'), places[0]?.subnet, undefined), addresses: () => [] };
    });
  }
}
