/** What happened to a resource. */
export interface ResourceEvent {
  readonly time: number;
  readonly phase: number;
  /** the path of stacks and the logical id, such as `Analytics/Wave1/Group`. */
  readonly path: string;
  readonly action: 'create' | 'update' | 'replace' | 'delete' | 'retain' | 'rollback';
  readonly status: 'started' | 'complete' | 'failed' | 'cancelled';
  readonly reason?: string;
  /** the node of an Auto Scaling group. */
  readonly node?: string;
}

/** How a cluster does from one moment on. */
export interface ClusterHealth {
  /** absent when the cluster has no Keepers. */
  readonly quorum?: boolean;
  /** replicas that serve, by shard. */
  readonly serving: Readonly<Record<string, number>>;
}

/** The health of all clusters from a time until the next sample. */
export interface HealthSample {
  readonly time: number;
  readonly phase: number;
  readonly clusters: Readonly<Record<string, ClusterHealth>>;
}

/** How far a node is: a server is configured when it listens with the live manifest applied; whole is in the quorum, or with all its data. */
export type NodeState = 'no instance' | 'starting' | 'configured' | 'whole';

export type PhaseStatus = 'complete' | 'rolled back' | 'rollback failed' | 'delete failed';

/** One stack operation over the whole assembly. */
export interface Phase {
  readonly kind: 'create' | 'update' | 'delete';
  readonly status: PhaseStatus;
  readonly start: number;
  /** when the operation ended. */
  readonly end: number;
  /** when nothing moved any more: nodes go on catching up after their signal. */
  readonly settled: number;
  /** nodes by name, once settled. */
  readonly nodes: Readonly<Record<string, NodeState>>;
  /** what the cluster is made of after this phase: shards by cluster. */
  readonly shards: Readonly<Record<string, readonly string[]>>;
  /** health once settled. */
  readonly health: Readonly<Record<string, ClusterHealth>>;
}

/** Everything a rehearsal saw. */
export interface Timeline {
  readonly phases: readonly Phase[];
  readonly events: readonly ResourceEvent[];
  readonly health: readonly HealthSample[];
  /** resources no stack knows any more and nobody deleted. */
  readonly leftovers: readonly string[];
  /** nodes whose data was gone when an instance came up although the node had been whole before. */
  readonly dataLost: readonly string[];
}
