import type { Decision, Observation } from '../../lib/agent/boot-steps';
import { nextStep } from '../../lib/agent/boot-steps';
import type { Assembly, Resource, StackTemplate, Template } from './assembly';
import { NESTED } from './assembly';
import type { Environment, Reference } from './graph';
import { closure, condition, cycles, graphOf, resolve, reversed } from './graph';
import type { Group, Outcome } from './groups';
import { Groups } from './groups';
import { drainOf, ensemblesOf, exceptOnCreate, GROUP, isCustom, LAUNCH_TEMPLATE, launchOf, markerOf, nodeOf, replaces, VOLUME } from './resources';
import type { Process } from './simulation';
import { Latch, Operation, Simulation } from './simulation';
import type { Phase, PhaseStatus, ResourceEvent, Timeline } from './timeline';
import type { Durations, Fault } from './world';
import { DURATIONS, World } from './world';

/** a handler that does not answer fails after an hour, or its ServiceTimeout (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html). */
const CUSTOM_RESOURCE_SECONDS = 3600;

/** A custom resource at work. */
export interface CustomResourceEvent {
  readonly path: string;
  readonly action: 'create' | 'update' | 'delete';
  readonly properties: unknown;
}

/** Something that happens to an instance without CloudFormation knowing. */
export interface Disturbance {
  readonly phase: number;
  /** seconds after the phase began; without it, once the phase has settled. */
  readonly after?: number;
  readonly node: string;
  readonly how: 'kill' | 'reboot';
}

export interface Options {
  /** decides every order and duration. */
  readonly seed: number;
  /** delete everything at the end. */
  readonly delete?: boolean;
  /** what is wrong with instances that the given phase launches on its way forward. */
  readonly fault?: (node: string, phase: number) => Fault | undefined;
  readonly disturbances?: readonly Disturbance[];
  /** by default a custom resource succeeds at once. `until` is asked every few seconds about the state of the nodes. */
  readonly customResource?: (event: CustomResourceEvent) => { readonly ok: boolean; readonly seconds?: number; readonly until?: (nodes: Phase['nodes']) => boolean } | undefined;
  /** the agent's decisions; another one only to see it fail. */
  readonly decide?: (observation: Observation) => Decision;
  readonly durations?: Partial<Durations>;
  /**
   * In which order a failed update is taken back. AWS documents that it happens, not in which order, so both are rehearsed.
   *
   * @default - by the seed
   */
  readonly rollbackOrder?: 'dependencies first' | 'dependents first';
  /**
   * Whether a parent rolls back while a nested stack that failed still does the same.
   *
   * @default - by the seed
   */
  readonly parentWaitsForNestedRollback?: boolean;
}

/** Creates the first assembly, updates to each further one, and deletes the stacks if asked to. */
export function rehearse(assemblies: Assembly | readonly Assembly[], options: Options): Timeline {
  return new Executor(options).rehearse('stacks' in assemblies ? [assemblies] : assemblies);
}

/** A resource that exists. */
interface Live {
  readonly path: string;
  definition: Resource;
  /** the properties with all references worked out, as text. */
  resolved: string;
  /** another one after every replacement: what Ref returns changes. */
  generation: number;
  /** another one after every change in place. */
  revision: number;
  group?: Group;
  nested?: LiveStack;
}

interface LiveStack {
  readonly path: string;
  readonly top: string;
  template: Template;
  parameters: Readonly<Record<string, unknown>>;
  readonly resources: Map<string, Live>;
  /** what a finished update leaves to be deleted. */
  discarded: Discarded[];
}

interface Discarded {
  readonly id: string;
  readonly live: Live;
  readonly policy: string | undefined;
  /** the operation that created it is the one that is taken back. */
  readonly neverWorked?: boolean;
  /** what has to be deleted before it: the resources that depended on it. */
  readonly order: ReadonlyMap<string, ReadonlySet<string>>;
}

/** What an operation did to a resource, so that it can be taken back. */
type Change =
  | { readonly kind: 'create' }
  | { readonly kind: 'modify'; readonly before: Live; group?: { readonly before: Group; rolled: boolean } }
  | { readonly kind: 'replace'; readonly before: Live }
  | { readonly kind: 'nested'; readonly journal: Journal };

interface Journal {
  readonly template: Template;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly changes: Map<string, Change>;
  /** a nested stack that failed takes itself back. */
  rollback?: { readonly latch: Latch; ok: boolean };
}

class Executor {
  private readonly simulation: Simulation;
  private readonly world: World;
  private readonly durations: Durations;
  private readonly dependentsFirst: boolean;
  private readonly parentWaits: boolean;
  private readonly events: ResourceEvent[] = [];
  private readonly phases: Phase[] = [];
  private readonly leftovers: string[] = [];
  private readonly stacks = new Map<string, LiveStack>();
  private readonly groups: Groups;
  private ensembles = new Map<string, readonly string[]>();

  constructor(private readonly options: Options) {
    this.simulation = new Simulation(options.seed);
    this.durations = { ...DURATIONS, ...options.durations };
    this.world = new World(this.simulation, options.decide ?? nextStep, this.durations);
    this.groups = new Groups(this.simulation, this.world, this.durations);
    const chance = (): boolean => this.simulation.random() < 0.5;
    this.dependentsFirst = options.rollbackOrder === undefined ? chance() : options.rollbackOrder === 'dependents first';
    this.parentWaits = options.parentWaitsForNestedRollback ?? chance();
  }

  public rehearse(assemblies: readonly Assembly[]): Timeline {
    assemblies.forEach((assembly, index) => {
      const cycle = cycles(assembly)[0];
      if (cycle !== undefined) throw new Error(`circular dependency between resources: ${cycle.join(' -> ')}`);
      this.phase(index === 0 ? 'create' : 'update', this.deploy(assembly));
    });
    if (this.options.delete === true) this.phase('delete', this.deleteAll());
    const { phases, events, leftovers, world } = this;
    return { phases, events, leftovers, health: world.health, dataLost: world.dataLost };
  }

  private phase(kind: Phase['kind'], process: Process<PhaseStatus>): void {
    const { simulation, world } = this;
    const number = this.phases.length;
    world.phase = number;
    const start = simulation.now;
    let ended: { status: PhaseStatus; time: number } | undefined;
    simulation.spawn(process, (status) => (ended = { status, time: simulation.now }));
    const mine = (this.options.disturbances ?? []).filter(({ phase }) => phase === number);
    for (const each of mine) if (each.after !== undefined) simulation.after(each.after, () => this.groups.disturb(each.node, each.how));
    simulation.run();
    if (ended === undefined) throw new Error(`phase ${number} never ended: nothing is left to happen and the operation still waits`);
    for (const each of mine) if (each.after === undefined) this.groups.disturb(each.node, each.how);
    simulation.run();
    const { status, time: end } = ended;
    const health = world.clusters();
    const shards = Object.fromEntries(Object.entries(health).map(([cluster, { serving }]) => [cluster, Object.keys(serving)]));
    this.phases.push({ kind, status, start, end, settled: Math.max(end, world.changedAt), nodes: world.states(), shards, health });
  }

  // --- stack operations -------------------------------------------------------------------------------------------------------------

  private *deploy(assembly: Assembly): Process<PhaseStatus> {
    const before = this.ensembles;
    for (const stack of assembly.stacks) {
      this.ensembles = new Map([...this.ensembles, ...ensemblesOf(stack, stack.name)]);
      const existing = this.stacks.get(stack.name);
      const live = existing ?? newStack(stack.name, stack.name);
      this.stacks.set(stack.name, live);
      const journal = newJournal(live);
      const ok = yield* this.apply(live, stack, {}, journal, new Operation());
      if (ok) {
        yield* this.cleanUp(live);
        continue;
      }
      this.ensembles = before;
      if (existing !== undefined) return (yield* this.rollBack(live, journal)) && (yield* this.cleanUp(live)) ? 'rolled back' : 'rollback failed';
      this.stacks.delete(stack.name);
      return (yield* this.remove(live, true)) ? 'rolled back' : 'rollback failed';
    }
    return 'complete';
  }

  private *deleteAll(): Process<PhaseStatus> {
    for (const live of [...this.stacks.values()].reverse()) {
      if (!(yield* this.remove(live, false))) return 'delete failed';
      this.stacks.delete(live.path);
    }
    return 'complete';
  }

  /**
   * Creates or updates everything of a template, each resource once its dependencies are done, all else at the same time
   * (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-dependson.html).
   *
   * The order runs through resources that do not change: "resources that depend on updated resources are updated automatically", without
   * a change (same page). Removed and replaced resources wait for {@link cleanUp}.
   */
  private *apply(live: LiveStack, { template, nested }: StackTemplate, parameters: Readonly<Record<string, unknown>>, journal: Journal, operation: Operation): Process<boolean> {
    live.template = template;
    live.parameters = parameters;
    const environment = this.environment(live);
    const exists = (id: string): boolean => {
      const name = template.Resources[id].Condition;
      return name === undefined || condition(template, name, environment);
    };
    const graph = graphOf(template, exists);
    const oldGraph = graphOf(journal.template, (id) => live.resources.has(id));
    const ok = yield* this.walk(graph, operation, (id) => this.change(live, id, nested, journal, oldGraph, operation));
    if (!ok) return false;
    for (const [id, resource] of live.resources) {
      if (!graph.has(id)) live.discarded.push({ id, live: resource, policy: resource.definition.DeletionPolicy, order: reversed(oldGraph) });
    }
    return true;
  }

  private *change(
    live: LiveStack,
    id: string,
    nested: StackTemplate['nested'],
    journal: Journal,
    oldGraph: ReadonlyMap<string, ReadonlySet<string>>,
    operation: Operation,
  ): Process<boolean> {
    const definition = live.template.Resources[id];
    const path = `${live.path}/${id}`;
    const properties = resolve(definition.Properties ?? {}, this.environment(live)) as Record<string, unknown>;
    const resolved = JSON.stringify(properties);
    const before = live.resources.get(id);

    if (definition.Type === NESTED) {
      const child = before?.nested ?? newStack(path, live.top);
      const childJournal = newJournal(child);
      journal.changes.set(id, before === undefined ? { kind: 'create' } : { kind: 'nested', journal: childJournal });
      if (before === undefined) live.resources.set(id, { path, definition, resolved, generation: 0, revision: 0, nested: child });
      else Object.assign(before, { definition, resolved });
      return yield* this.changeNested(child, nested[id], (properties.Parameters ?? {}) as Record<string, unknown>, childJournal, before !== undefined, operation);
    }
    if (before === undefined) {
      journal.changes.set(id, { kind: 'create' });
      return yield* this.create(live, id, { path, definition, resolved, generation: 0, revision: 0 }, 'create', operation);
    }
    if (before.definition.Type === definition.Type && before.resolved === resolved) {
      // metadata and policies are taken over without touching anything.
      journal.changes.set(id, { kind: 'modify', before: { ...before } });
      before.definition = definition;
      return true;
    }
    if (replaces(before.definition, JSON.parse(before.resolved) as Record<string, unknown>, definition, properties)) {
      journal.changes.set(id, { kind: 'replace', before });
      live.discarded.push({ id, live: before, policy: before.definition.UpdateReplacePolicy, order: reversed(oldGraph) });
      return yield* this.create(live, id, { path, definition, resolved, generation: before.generation + 1, revision: 0 }, 'replace', operation);
    }
    const change: Change = { kind: 'modify', before: { ...before } };
    journal.changes.set(id, change);
    before.definition = definition;
    before.resolved = resolved;
    before.revision += 1;
    if (before.group !== undefined) {
      change.group = { before: { ...before.group }, rolled: false };
      return yield* this.updateGroup(before, properties, change.group, operation);
    }
    return yield* this.perform(path, 'update', definition, properties);
  }

  /**
   * A nested stack that fails to update rolls itself back. Whether its parent waits for that before it rolls back the rest is documented
   * nowhere; the parent's error, which says that the nested one is still rolling back, suggests that it does not. Both are rehearsed.
   */
  private *changeNested(
    child: LiveStack,
    template: StackTemplate,
    parameters: Readonly<Record<string, unknown>>,
    journal: Journal,
    update: boolean,
    operation: Operation,
  ): Process<boolean> {
    const ok = yield* this.apply(child, template, parameters, journal, new Operation(operation));
    if (ok || !update || operation.cancelled) return ok;
    const rollback = { latch: new Latch(this.simulation), ok: false };
    journal.rollback = rollback;
    this.simulation.spawn(this.rollBack(child, journal), (done) => {
      rollback.ok = done;
      rollback.latch.release();
    });
    if (this.parentWaits) yield rollback.latch.wait();
    return false;
  }

  /**
   * Takes a failed update back: what was changed becomes what it was, with the policies of the old template
   * (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html). What was created is deleted in
   * {@link cleanUp}. What had not started stays untouched.
   */
  private *rollBack(live: LiveStack, journal: Journal): Process<boolean> {
    const failed = live.template;
    live.template = journal.template;
    live.parameters = journal.parameters;
    // what the failed update meant to delete or replace stays.
    live.discarded = [];
    const order = reversed(graphOf(failed, (id) => live.resources.has(id)));
    for (const [id, change] of journal.changes) {
      const current = live.resources.get(id);
      if (current === undefined || (change.kind !== 'create' && change.kind !== 'replace')) continue;
      // the old one stays; the new one goes as if it had never been.
      live.discarded.push({ id, live: current, policy: exceptOnCreate(current.definition), neverWorked: true, order });
      if (change.kind === 'create') live.resources.delete(id);
      else live.resources.set(id, change.before);
    }
    const graph = closure(graphOf(journal.template), (id) => ['modify', 'nested'].includes(journal.changes.get(id)?.kind ?? ''));
    const operation = new Operation();
    return yield* this.walk(this.dependentsFirst ? reversed(graph) : graph, operation, (id) => this.revert(live, id, journal.changes.get(id), operation));
  }

  private *revert(live: LiveStack, id: string, change: Change | undefined, operation: Operation): Process<boolean> {
    const current = live.resources.get(id);
    if (current === undefined || change === undefined) return true;
    if (change.kind === 'nested') {
      const child = current.nested;
      if (child === undefined) return true;
      if (change.journal.rollback === undefined) return yield* this.rollBack(child, change.journal);
      yield change.journal.rollback.latch.wait();
      return change.journal.rollback.ok;
    }
    if (change.kind !== 'modify') return true;
    const untouched = current.resolved === change.before.resolved;
    // a launch template gets a further version with the old content: its number does not return.
    const revision = untouched ? current.revision : current.revision + 1;
    Object.assign(current, { definition: change.before.definition, resolved: change.before.resolved, revision });
    if (untouched) return true;
    const { group } = current;
    if (group === undefined || change.group === undefined) return yield* this.perform(current.path, 'rollback', current.definition, undefined);
    const { launch, ensemble, policy } = change.group.before;
    const { rolled } = change.group;
    Object.assign(group, { launch, ensemble, policy });
    this.record(current.path, 'rollback', 'started', group);
    const ok = !rolled || (yield* this.groups.roll(group, operation, undefined)) === 'success';
    this.record(current.path, 'rollback', ok ? 'complete' : 'failed', group);
    return ok;
  }

  /**
   * Deletes what an update replaced or removed, once all stacks of the tree have succeeded, nested ones included
   * (https://repost.aws/knowledge-center/cloudformation-stack-cleanup-stuck). A deletion that fails here does not fail the update.
   */
  private *cleanUp(live: LiveStack): Process<boolean> {
    const discarded = live.discarded.splice(0);
    for (const { id, live: resource } of discarded) if (live.resources.get(id) === resource) live.resources.delete(id);
    const byKey = new Map(discarded.map((each, index) => [`${each.id}#${index}`, each]));
    const graph = new Map(
      [...byKey].map(([key, { order, id }]) => {
        const first = order.get(id) ?? new Set<string>();
        return [key, new Set([...byKey].filter(([, other]) => other.id !== id && first.has(other.id)).map(([other]) => other))] as const;
      }),
    );
    yield* this.walk(graph, new Operation(), (key) => {
      const each = byKey.get(key);
      return each === undefined ? nothing() : this.delete(each.live, each.policy, each.neverWorked);
    });
    for (const { nested } of live.resources.values()) if (nested !== undefined) yield* this.cleanUp(nested);
    return true;
  }

  /** Deletes a stack: dependents first (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-attribute-dependson.html). */
  private *remove(live: LiveStack, neverWorked: boolean): Process<boolean> {
    const graph = reversed(graphOf(live.template, (id) => live.resources.has(id)));
    for (const id of live.resources.keys()) if (!graph.has(id)) graph.set(id, new Set());
    const ok = yield* this.walk(graph, new Operation(), (id) => {
      const resource = live.resources.get(id);
      if (resource === undefined) return nothing();
      live.resources.delete(id);
      return this.delete(resource, neverWorked ? exceptOnCreate(resource.definition) : resource.definition.DeletionPolicy, neverWorked);
    });
    return ok;
  }

  /** Performs something for every id once what it waits for is done, everything ready at once. After a failure nothing new starts and what waits is called off. */
  private *walk(graph: ReadonlyMap<string, ReadonlySet<string>>, operation: Operation, perform: (id: string) => Process<boolean>): Process<boolean> {
    const { simulation } = this;
    const waiting = new Map(graph);
    const done = new Set<string>();
    let running = 0;
    let wake = (): void => undefined;
    for (;;) {
      const ready = operation.cancelled ? [] : [...waiting].filter(([, first]) => [...first].every((each) => done.has(each) || !graph.has(each)));
      for (const [id] of ready) {
        waiting.delete(id);
        running += 1;
        const started = function* (): Process<boolean> {
          return operation.cancelled ? false : yield* perform(id);
        };
        simulation.spawn(
          started(),
          (ok) => {
            running -= 1;
            if (ok) done.add(id);
            else operation.cancel();
            wake();
          },
          simulation.between([0, 20]),
        );
      }
      if (running === 0) return !operation.cancelled && waiting.size === 0;
      let woken = false;
      yield (resume) => {
        wake = () => {
          if (!woken) simulation.after(0, resume);
          woken = true;
        };
      };
    }
  }

  // --- resources --------------------------------------------------------------------------------------------------------------------

  private *create(live: LiveStack, id: string, resource: Live, action: 'create' | 'replace', operation: Operation): Process<boolean> {
    const { definition, path } = resource;
    const properties = JSON.parse(resource.resolved) as Record<string, unknown>;
    live.resources.set(id, resource);
    if (definition.Type === GROUP) return yield* this.createGroup(resource, live.top, properties, action, operation);
    const ok = yield* this.perform(path, action, definition, properties);
    const marker = markerOf(definition, live.top);
    if (ok && definition.Type === VOLUME && marker !== undefined) this.world.putVolume(marker.cluster, marker.name);
    return ok;
  }

  private *perform(path: string, action: ResourceEvent['action'], definition: Resource, properties: unknown): Process<boolean> {
    this.record(path, action, 'started');
    const { ok, reason } = isCustom(definition) && action !== 'rollback' ? yield* this.custom(path, action, properties) : yield* this.work();
    this.record(path, action, ok ? 'complete' : 'failed', undefined, reason);
    return ok;
  }

  private *work(): Process<{ ok: boolean; reason?: string }> {
    yield this.simulation.sleep(this.simulation.between([1, 60]));
    return { ok: true };
  }

  private *custom(path: string, action: ResourceEvent['action'], properties: unknown): Process<{ ok: boolean; reason?: string }> {
    const answer = this.options.customResource?.({ path, action: action === 'create' || action === 'delete' ? action : 'update', properties });
    if (answer === undefined) return yield* this.work();
    const began = this.simulation.now;
    const most = Number((Object(properties) as { ServiceTimeout?: string | number }).ServiceTimeout ?? CUSTOM_RESOURCE_SECONDS);
    const expired = (): boolean => this.simulation.now - began >= most;
    yield this.simulation.sleep(Math.min(answer.seconds ?? 1, most));
    while (answer.until !== undefined && !answer.until(this.world.states()) && !expired()) yield this.simulation.sleep(15);
    if (expired()) return { ok: false, reason: `the custom resource did not answer within ${most} s` };
    return { ok: answer.ok, reason: answer.ok ? undefined : 'the custom resource answered FAILED' };
  }

  private *delete(resource: Live, policy: string | undefined, neverWorked = false): Process<boolean> {
    const { definition, path, group, nested } = resource;
    // Snapshot deletes and leaves a snapshot (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html).
    if (policy === 'Retain' || policy === 'RetainExceptOnCreate') {
      this.record(path, 'retain', 'complete', group);
      this.leftovers.push(path);
      return true;
    }
    if (nested !== undefined) return yield* this.remove(nested, neverWorked);
    if (group === undefined) {
      const ok = yield* this.perform(path, 'delete', definition, undefined);
      const marker = markerOf(definition, path.split('/')[0]);
      if (definition.Type === VOLUME && marker !== undefined) this.world.dropVolume(marker.cluster, marker.name);
      return ok;
    }
    this.record(path, 'delete', 'started', group);
    yield* this.groups.delete(group);
    this.record(path, 'delete', 'complete', group);
    return true;
  }

  private *createGroup(resource: Live, top: string, properties: Readonly<Record<string, unknown>>, action: 'create' | 'replace', operation: Operation): Process<boolean> {
    const { definition, path } = resource;
    const node = nodeOf(definition, top);
    const ensemble = node === undefined ? [] : (this.ensembles.get(node.cluster) ?? []);
    const group: Group = { node, launch: launchOf(properties), ensemble, policy: definition.UpdatePolicy, drain: drainOf(properties), suspended: false, deleted: false };
    resource.group = group;
    this.record(path, action, 'started', group);
    yield* this.work();
    return this.conclude(path, action, group, yield* this.groups.create(group, definition, action === 'replace', operation, this.fault(group)));
  }

  /**
   * A rolling update happens when what instances are launched from changes; without an update policy the instances stay as they are
   * (https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-updatepolicy.html).
   */
  private *updateGroup(resource: Live, properties: Readonly<Record<string, unknown>>, change: { rolled: boolean }, operation: Operation): Process<boolean> {
    const { definition, path, group } = resource;
    if (group === undefined) return true;
    this.record(path, 'update', 'started', group);
    const launch = launchOf(properties);
    const changed = launch !== group.launch;
    group.launch = launch;
    group.policy = definition.UpdatePolicy;
    group.drain = drainOf(properties);
    const rolling = definition.UpdatePolicy?.AutoScalingRollingUpdate;
    yield* this.work();
    if (!changed || group.node === undefined || rolling === undefined) return this.conclude(path, 'update', group, 'success');
    if (Number(rolling.MinInstancesInService ?? 0) >= Number(properties.MaxSize)) {
      return this.conclude(path, 'update', group, "MinInstancesInService must be less than the group's MaxSize");
    }
    if (operation.cancelled) return this.conclude(path, 'update', group, 'cancelled');
    change.rolled = true;
    group.ensemble = this.ensembles.get(group.node.cluster) ?? [];
    return this.conclude(path, 'update', group, yield* this.groups.roll(group, operation, this.fault(group)));
  }

  private fault({ node }: Group): Fault | undefined {
    return node === undefined ? undefined : this.options.fault?.(node.name, this.world.phase);
  }

  private conclude(path: string, action: ResourceEvent['action'], group: Group, outcome: Outcome): boolean {
    const status = outcome === 'success' ? 'complete' : outcome === 'cancelled' ? 'cancelled' : 'failed';
    this.record(path, action, status, group, status === 'failed' ? outcome : undefined);
    return status === 'complete';
  }

  private record(path: string, action: ResourceEvent['action'], status: ResourceEvent['status'], group?: Group, reason?: string): void {
    this.events.push({ time: this.simulation.now, phase: this.world.phase, path, action, status, reason, node: group?.node?.name });
  }

  private environment(live: LiveStack): Environment {
    const value = ({ id, attribute }: Reference): unknown => {
      if (attribute === undefined && id in live.parameters) return live.parameters[id];
      const parameter = live.template.Parameters?.[id];
      if (attribute === undefined && parameter !== undefined) return parameter.Type?.startsWith('AWS::SSM::') === true ? `ssm:${String(parameter.Default)}` : parameter.Default;
      const resource = live.resources.get(id);
      if (resource === undefined) return id.startsWith('AWS::') ? `${id} of ${live.top}` : undefined;
      const physical = `${resource.path}#${resource.generation}`;
      if (attribute === undefined) return physical;
      const { nested, definition, revision } = resource;
      if (nested !== undefined && attribute.startsWith('Outputs.')) {
        return resolve(nested.template.Outputs?.[attribute.slice('Outputs.'.length)]?.Value, this.environment(nested));
      }
      if (definition.Type === LAUNCH_TEMPLATE && attribute.endsWith('VersionNumber')) return String(revision + 1);
      if (definition.Type === 'AWS::SSM::Parameter' && attribute === 'Value') return (JSON.parse(resource.resolved) as { Value?: unknown }).Value;
      // what a handler answers after an update may be anything.
      return isCustom(definition) ? `${physical}.${attribute}@${revision}` : `${physical}.${attribute}`;
    };
    const self: Environment = { value, condition: (name) => condition(live.template, name, self) };
    return self;
  }
}

function newStack(path: string, top: string): LiveStack {
  return { path, top, template: { Resources: {} }, parameters: {}, resources: new Map(), discarded: [] };
}

function newJournal({ template, parameters }: LiveStack): Journal {
  return { template, parameters, changes: new Map() };
}

function* nothing(): Process<boolean> {
  return true;
}
