import type { Resource } from './assembly';
import { duration } from './resources';
import type { Operation, Process, Simulation } from './simulation';
import type { Durations, Fault, Instance, NodeSpec, World } from './world';

/** An Auto Scaling group of one. */
export interface Group {
  /** absent for a group that is none of ours. */
  readonly node?: NodeSpec;
  /** what instances are launched from. */
  launch: string;
  /** the Keepers that the configuration of its instance lists. */
  ensemble: readonly string[];
  policy: Resource['UpdatePolicy'];
  /** the most seconds that an instance is given before it is terminated. */
  drain: number;
  instance?: Instance;
  /** a rolling update has suspended the replacement of failed instances. */
  suspended: boolean;
  deleted: boolean;
  /** who waits for a signal. */
  heard?: (success: boolean) => void;
}

/** How waiting for an instance ended: `success`, `cancelled`, or why it failed. */
export type Outcome = string;

/** What CloudFormation and Auto Scaling do to the instances of groups. */
export class Groups {
  private readonly byNode = new Map<string, Group>();

  constructor(
    private readonly simulation: Simulation,
    private readonly world: World,
    private readonly durations: Durations,
  ) {}

  /**
   * Launches the instance and waits for the wanted number of signals, a FAILURE or the time limit; without a policy for none
   * (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-creationpolicy.html).
   */
  public *create(group: Group, { CreationPolicy }: Resource, replaces: boolean, operation: Operation, fault: Fault | undefined): Process<Outcome> {
    const { node } = group;
    if (node === undefined) return 'success';
    const rival = this.byNode.get(node.name);
    if (rival !== undefined && !replaces && !rival.deleted) throw new Error(`two groups are the node ${node.name}; rehearse one cluster at a time`);
    this.byNode.set(node.name, group);
    this.start(group, fault);
    const signal = CreationPolicy?.ResourceSignal;
    const wanted = Number(signal?.Count ?? 1);
    return signal === undefined || wanted === 0 ? 'success' : yield* this.listen(group, duration(signal.Timeout ?? 'PT5M'), wanted, operation);
  }

  /**
   * A rolling update. With a minimum of zero in service the old instance is terminated first; PauseTime is the time limit once signals
   * are awaited (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html).
   */
  public *roll(group: Group, operation: Operation, fault: Fault | undefined): Process<Outcome> {
    const rolling = group.policy?.AutoScalingRollingUpdate;
    group.suspended = rolling?.SuspendProcesses?.some((each) => each === 'HealthCheck' || each === 'ReplaceUnhealthy') ?? false;
    const drained = yield* this.stop(group);
    this.start(group, fault);
    const waits = String(rolling?.WaitOnResourceSignals ?? false) === 'true';
    const pause = duration(rolling?.PauseTime ?? (waits ? 'PT5M' : 'PT0S'));
    let outcome: Outcome = 'success';
    // whether the time limit counts while the old instance drains is not documented: here it does.
    if (waits) outcome = yield* this.listen(group, Math.max(0, pause - drained), 1, operation);
    else yield this.simulation.sleep(pause);
    group.suspended = false;
    return outcome;
  }

  public *delete(group: Group): Process<void> {
    group.deleted = true;
    yield* this.stop(group);
    if (group.node === undefined || this.byNode.get(group.node.name) !== group) return;
    this.byNode.delete(group.node.name);
    this.world.forget(group.node);
  }

  /** Something happens to the instance of a node that CloudFormation does not know of. */
  public disturb(node: string, how: 'kill' | 'reboot'): void {
    const group = this.byNode.get(node);
    const instance = group?.instance;
    if (group === undefined || instance === undefined) return;
    if (how === 'reboot') return this.world.reboot(instance);
    this.world.terminate(instance);
    // Auto Scaling replaces what fails its EC2 status checks (https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-health-checks.html).
    const heal = (): void => {
      if (group.deleted || group.instance !== instance) return;
      if (group.suspended) this.simulation.after(60, heal);
      else this.start(group, undefined);
    };
    this.simulation.after(this.simulation.between([60, 300]), heal);
  }

  /** Answers for how many seconds the instance was given time to drain. */
  private *stop(group: Group): Process<number> {
    const { instance } = group;
    group.instance = undefined;
    if (instance === undefined) return 0;
    // it stops serving as soon as it is told to go.
    this.world.terminate(instance);
    // Auto Scaling goes on when the instance says so, or else when the time is over.
    const drained = this.simulation.between([0, group.drain]);
    yield this.simulation.sleep(this.simulation.between(this.durations.terminate) + drained);
    return drained;
  }

  private start(group: Group, fault: Fault | undefined): void {
    if (group.node === undefined || group.deleted) return;
    const instance: Instance = this.world.launch(group.node, group.ensemble, fault, (success) => {
      if (group.instance === instance) group.heard?.(success);
    });
    group.instance = instance;
  }

  private *listen(group: Group, seconds: number, wanted: number, operation: Operation): Process<Outcome> {
    let outcome: Outcome | undefined;
    let signals = 0;
    yield (resume) => {
      const finish = (how: Outcome): void => {
        if (outcome === undefined) this.simulation.after(0, resume);
        outcome ??= how;
      };
      group.heard = (success) => {
        signals += 1;
        if (!success) finish('received a FAILURE signal');
        else if (signals >= wanted) finish('success');
      };
      this.simulation.after(seconds, () => finish(`received ${signals} of ${wanted} signals within ${seconds} s`));
      operation.onCancel(() => finish('cancelled'));
    };
    group.heard = undefined;
    return outcome ?? 'cancelled';
  }
}
