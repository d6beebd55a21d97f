import type { Decision, Observation, ReplicaState, VolumeHistory } from '../../lib/agent/boot-steps';
import type { Simulation } from './simulation';
import type { ClusterHealth, HealthSample, NodeState } from './timeline';

/** Who a node is, as the metadata of its Auto Scaling group says. */
export interface NodeSpec {
  readonly cluster: string;
  readonly role: 'server' | 'keeper';
  readonly name: string;
  /** servers only. */
  readonly shard?: string;
}

/**
 * What is wrong with a new instance.
 *
 * - `silent`: it never comes up and never says so.
 * - `failure`: it never comes up and signals FAILURE.
 * - `fallsBack`: it comes up as it was before and signals FAILURE then.
 */
export type Fault = 'silent' | 'failure' | 'fallsBack';

/** How long things take, in seconds, least and most. */
export interface Durations {
  readonly boot: readonly [number, number];
  readonly terminate: readonly [number, number];
  readonly start: readonly [number, number];
  readonly apply: readonly [number, number];
  readonly join: readonly [number, number];
  readonly catchUp: readonly [number, number];
  /** copying a whole replica: longer than CloudFormation waits for any signal. */
  readonly fetch: readonly [number, number];
}

export const DURATIONS: Durations = {
  boot: [30, 180],
  terminate: [10, 120],
  start: [5, 60],
  apply: [1, 30],
  join: [1, 30],
  catchUp: [5, 900],
  fetch: [60, 10_800],
};

interface Volume {
  history: VolumeHistory;
  /** one instance at a time; a second one waits (https://docs.aws.amazon.com/ebs/latest/userguide/ebs-attaching-volume.html). */
  attachedTo?: Instance;
}

/** A machine. */
export class Instance {
  public running = true;
  public booted = false;
  public listening = false;
  public applied = false;
  /** a Keeper that has joined its peers. */
  public member = false;
  public replica: ReplicaState = 'empty';
  public signalled = false;
  public busy = false;
  /** counts restarts: what an earlier life began is void. */
  public life = 0;

  constructor(
    readonly node: NodeSpec,
    /** the names of all Keepers of the cluster, as the configuration it was launched with says. */
    readonly ensemble: readonly string[],
    readonly fault: Fault | undefined,
    readonly report: (success: boolean) => void,
  ) {}
}

/** The simulated cluster machines: their volumes, a Keeper ensemble, replicas. What they do next is the agent's own code. */
export class World {
  public readonly health: HealthSample[] = [];
  public readonly dataLost: string[] = [];
  /** when the last thing changed. */
  public changedAt = 0;
  public phase = 0;
  private readonly instances = new Set<Instance>();
  private readonly nodes = new Map<string, NodeSpec>();
  private readonly volumes = new Map<string, Volume>();
  private readonly wholeOnce = new Set<string>();
  private last = '';

  constructor(
    private readonly simulation: Simulation,
    private readonly decide: (observation: Observation) => Decision,
    private readonly durations: Durations,
  ) {}

  public launch(node: NodeSpec, ensemble: readonly string[], fault: Fault | undefined, report: (success: boolean) => void): Instance {
    const instance = new Instance(node, ensemble, fault, report);
    this.instances.add(instance);
    this.nodes.set(key(node), node);
    this.boot(instance);
    this.changed();
    return instance;
  }

  public terminate(instance: Instance): void {
    instance.running = false;
    this.instances.delete(instance);
    const volume = this.volumes.get(key(instance.node));
    if (volume?.attachedTo === instance) volume.attachedTo = undefined;
    this.changed();
  }

  /** The same machine starts again: its volume stays, its processes do not. */
  public reboot(instance: Instance): void {
    Object.assign(instance, { booted: false, listening: false, applied: false, member: false, replica: 'empty', busy: false });
    instance.life += 1;
    this.boot(instance);
    this.changed();
  }

  /** The group of a node is gone for good. */
  public forget(node: NodeSpec): void {
    this.nodes.delete(key(node));
    this.wholeOnce.delete(key(node));
    this.changed();
  }

  public putVolume(cluster: string, name: string): void {
    this.volumes.set(`${cluster}/${name}`, { history: 'empty' });
  }

  public dropVolume(cluster: string, name: string): void {
    this.volumes.delete(`${cluster}/${name}`);
  }

  /** Every node by name. */
  public states(): Record<string, NodeState> {
    const states: Record<string, NodeState> = {};
    for (const node of this.nodes.values()) states[node.name] ??= 'no instance';
    for (const instance of this.instances) states[instance.node.name] = this.isWhole(instance) ? 'whole' : instance.applied ? 'configured' : 'starting';
    return states;
  }

  public clusters(): Record<string, ClusterHealth> {
    const clusters: Record<string, { quorum?: boolean; serving: Record<string, number> }> = {};
    for (const node of this.nodes.values()) {
      const cluster = (clusters[node.cluster] ??= { serving: {} });
      if (node.role === 'keeper') cluster.quorum = this.anyQuorum(node.cluster);
      else cluster.serving[node.shard ?? '1'] ??= 0;
    }
    for (const instance of this.instances) {
      if (this.serves(instance)) clusters[instance.node.cluster].serving[instance.node.shard ?? '1'] += 1;
    }
    return clusters;
  }

  private boot(instance: Instance): void {
    const { life } = instance;
    this.simulation.after(this.simulation.between(this.durations.boot), () => {
      if (!instance.running || instance.life !== life) return;
      instance.booted = true;
      if (instance.fault === 'failure') this.signal(instance, false);
      this.changed();
    });
  }

  /** Something changed: everybody looks again. */
  private changed(): void {
    this.changedAt = this.simulation.now;
    for (const instance of this.instances) this.look(instance);
    const clusters = this.clusters();
    const text = JSON.stringify([this.phase, clusters]);
    if (text === this.last) return;
    this.last = text;
    this.health.push({ time: this.simulation.now, phase: this.phase, clusters });
  }

  private look(instance: Instance): void {
    if (!instance.booted || instance.fault === 'silent' || instance.fault === 'failure') return;
    const volume = this.attach(instance);
    if (volume === undefined) return;
    const decision = this.decide(this.observe(instance, volume));
    if (decision.established) {
      volume.history = 'established';
      this.wholeOnce.add(key(instance.node));
    }
    if (decision.signal && !instance.signalled) this.signal(instance, instance.fault !== 'fallsBack');
    this.work(instance, volume, decision);
  }

  private attach(instance: Instance): Volume | undefined {
    const name = key(instance.node);
    const volume = this.volumes.get(name) ?? { history: 'empty' as const };
    this.volumes.set(name, volume);
    if (volume.attachedTo === undefined) {
      volume.attachedTo = instance;
      if (volume.history === 'empty' && this.wholeOnce.has(name)) this.dataLost.push(name);
    }
    return volume.attachedTo === instance ? volume : undefined;
  }

  private observe(instance: Instance, volume: Volume): Observation {
    const { node, listening } = instance;
    if (node.role === 'keeper') {
      const peers = this.keepers(instance).filter((each) => each !== instance);
      const peerReportsQuorum = peers.some((each) => this.inQuorum(each));
      return { role: 'keeper', volume: volume.history, listening, peerReportsQuorum, inQuorum: this.inQuorum(instance) };
    }
    const keepers = instance.ensemble.length === 0 ? 'none' : this.anyQuorum(node.cluster) ? 'reachable' : 'unreachable';
    return { role: 'server', volume: volume.history, listening, keepers, replica: instance.replica, liveManifestApplied: instance.applied };
  }

  private work(instance: Instance, volume: Volume, { step }: Decision): void {
    const { durations } = this;
    switch (step) {
      case 'start':
        // a process writes to its volume before it listens.
        if (volume.history === 'empty') volume.history = 'unfinished';
        return this.take(instance, durations.start, () => {
          instance.listening = true;
          instance.replica = volume.history === 'established' ? 'behind' : 'empty';
        });
      case 'applyLiveManifest':
        return this.take(instance, durations.apply, () => {
          instance.applied = true;
        });
      case 'joinQuorum':
        if (!instance.member && this.majority(this.keepers(instance), instance)) {
          this.take(instance, durations.join, () => {
            instance.member = this.majority(this.keepers(instance), instance);
          });
        }
        return;
      case 'catchUp':
        return this.catchUp(instance);
      case 'awaitQuorum':
      case 'serve':
        return;
    }
  }

  private catchUp(instance: Instance): void {
    const { durations } = this;
    const arrive = (): void => {
      if (this.anyQuorum(instance.node.cluster)) instance.replica = 'caughtUp';
    };
    if (instance.replica === 'behind') return this.take(instance, durations.catchUp, arrive);
    if (instance.replica === 'writable') return this.take(instance, durations.apply, arrive);
    if (instance.replica === 'empty') {
      return this.take(instance, durations.join, () => {
        if (this.anyQuorum(instance.node.cluster)) instance.replica = this.siblings(instance).length > 0 ? 'fetching' : 'writable';
      });
    }
    // a fetch needs a replica to fetch from, at its end as well as at its start.
    const source = (): boolean => this.siblings(instance).some((name) => [...this.instances].some((each) => key(each.node) === name && this.serves(each)));
    if (source()) this.take(instance, durations.fetch, () => source() && arrive());
  }

  /** The other replicas of the shard that hold data. */
  private siblings({ node }: Instance): string[] {
    const others = [...this.nodes.values()].filter((each) => each.cluster === node.cluster && each.shard === node.shard && each.name !== node.name && each.role === 'server');
    return others.map(key).filter((name) => this.wholeOnce.has(name));
  }

  private take(instance: Instance, range: readonly [number, number], then: () => void): void {
    if (instance.busy) return;
    instance.busy = true;
    const { life } = instance;
    this.simulation.after(this.simulation.between(range), () => {
      if (!instance.running || instance.life !== life) return;
      instance.busy = false;
      then();
      this.changed();
    });
  }

  private signal(instance: Instance, success: boolean): void {
    instance.signalled = true;
    this.simulation.after(0, () => instance.report(success));
  }

  private serves(instance: Instance): boolean {
    return instance.node.role === 'server' && instance.listening && instance.applied && (instance.ensemble.length === 0 || instance.replica === 'caughtUp');
  }

  private isWhole(instance: Instance): boolean {
    return instance.node.role === 'server' ? this.serves(instance) : this.inQuorum(instance);
  }

  /** The running Keepers that are configured with the same ensemble. */
  private keepers({ node, ensemble }: Instance): Instance[] {
    const wanted = ensemble.join();
    return [...this.instances].filter((each) => each.node.role === 'keeper' && each.node.cluster === node.cluster && each.ensemble.join() === wanted);
  }

  private majority(keepers: readonly Instance[], { ensemble }: Instance): boolean {
    return keepers.filter(({ listening }) => listening).length > ensemble.length / 2;
  }

  private inQuorum(instance: Instance): boolean {
    return instance.member && this.majority(this.keepers(instance).filter(({ member }) => member), instance);
  }

  private anyQuorum(cluster: string): boolean {
    return [...this.instances].some((each) => each.node.role === 'keeper' && each.node.cluster === cluster && this.inQuorum(each));
  }
}

function key({ cluster, name }: NodeSpec): string {
  return `${cluster}/${name}`;
}
