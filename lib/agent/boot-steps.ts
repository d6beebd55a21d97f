/**
 * What a node does next between launch and serving, and when it tells CloudFormation that it is done.
 *
 * Pure: the agent observes, asks, acts and asks again; the rehearsal of deployments (test/rehearsal) asks the same code. A decision
 * depends on nothing but the observation, so an agent that was killed anywhere continues where it was.
 */

/**
 * What the data volume says about the node's past.
 *
 * - `empty`: nothing has ever been written to it.
 * - `unfinished`: a process has written to it, but the node has never reached {@link Decision.established} in this stack: also a volume that
 *   was kept when another stack was deleted, whose Keepers must find each other as new ones do. A machine that restarts in
 *   its first minutes is still new: taken for an old one, the first Keeper would wait for a quorum that only its own signal can bring.
 * - `established`: the agent's marker is there and names this stack.
 */
export type VolumeHistory = 'empty' | 'unfinished' | 'established';

/**
 * What a replica says about its replicated tables and databases. `health/replica.ts` decides which it is.
 *
 * - `empty`: no Keeper session yet, or something that is not there or read-only for want of one.
 * - `fetching`: it has a Keeper session and copies from another replica what a new one lacks.
 * - `writable`: it has a session and accepts writes; whether it has everything is not known yet.
 * - `behind`: it has data of its own, and its queue holds what others wrote while it was away.
 * - `caughtUp`: it accepts writes and its delay is below the limit, or there is nothing replicated to wait for.
 *
 * @see https://clickhouse.com/docs/operations/system-tables/replicas
 */
export type ReplicaState = 'empty' | 'fetching' | 'writable' | 'behind' | 'caughtUp';

/** What a Keeper sees. */
export interface KeeperObservation {
  readonly role: 'keeper';
  readonly volume: VolumeHistory;
  /** its own TLS listener answers. */
  readonly listening: boolean;
  /** another Keeper says that a quorum exists. False also when no other Keeper answers: unknown is not a quorum. */
  readonly peerReportsQuorum: boolean;
  /** it is leader or follower of a quorum (`mntr`, https://clickhouse.com/docs/guides/sre/keeper/clickhouse-keeper). */
  readonly inQuorum: boolean;
}

/** What a server sees. */
export interface ServerObservation {
  readonly role: 'server';
  readonly volume: VolumeHistory;
  /** its own HTTPS listener answers the maintenance account and refuses everybody else. */
  readonly listening: boolean;
  /** `none`: a single node that replicates nothing. */
  readonly keepers: 'none' | 'unreachable' | 'reachable';
  readonly replica: ReplicaState;
  /** users, cluster document and databases are those of the live manifest. */
  readonly liveManifestApplied: boolean;
}

/** What a node sees. */
export type Observation = KeeperObservation | ServerObservation;

/**
 * What to do next.
 *
 * - `awaitQuorum`: nothing, until the Keepers have a quorum.
 * - `start`: start ClickHouse, or wait until it listens.
 * - `applyLiveManifest`: write users and cluster document, create databases; a database that needs an absent Keeper is tried again.
 * - `joinQuorum`: a Keeper that listens waits for its peers.
 * - `catchUp`: a replica copies what it lacks.
 * - `serve`: the node is whole; keep converging.
 */
export type BootStep = 'awaitQuorum' | 'start' | 'applyLiveManifest' | 'joinQuorum' | 'catchUp' | 'serve';

/** The step and what may be told. */
export interface Decision {
  readonly step: BootStep;
  /** whether SUCCESS may be signalled now; the agent sends it once a boot. The next wave of machines starts after it. */
  readonly signal: boolean;
  /** whether the volume may be marked as established: a Keeper that is in a quorum, a server that has everything. Never unmarked. */
  readonly established: boolean;
}

/** Decides. Total: every observation has exactly one answer. */
export function nextStep(observation: Observation): Decision {
  return observation.role === 'keeper' ? keeperStep(observation) : serverStep(observation);
}

/**
 * Keepers are created one by one, so the first of three can never be in a quorum when its turn ends: a *virgin* Keeper (new volume, no
 * peer knows a quorum) signals as soon as it listens. Every other Keeper signals only from inside the quorum, or a rolling update
 * would take the next one away before this one counts.
 */
function keeperStep({ volume, listening, peerReportsQuorum, inQuorum }: KeeperObservation): Decision {
  if (!listening) return { step: 'start', signal: false, established: false };
  const virgin = volume !== 'established' && !peerReportsQuorum;
  return { step: inQuorum ? 'serve' : 'joinQuorum', signal: inQuorum || virgin, established: inQuorum };
}

/**
 * A new replica signals while it still fetches: terabytes take longer than the hour CloudFormation waits at most, and the replica it
 * fetches from serves meanwhile. A replica with a past signals only when caught up, because the next wave takes its sibling away.
 */
function serverStep({ volume, listening, keepers, replica, liveManifestApplied }: ServerObservation): Decision {
  const quorum = keepers !== 'unreachable';
  // an empty server has nothing to offer without Keepers; one with data starts regardless, it can answer queries.
  if (!listening) return { step: volume === 'empty' && !quorum ? 'awaitQuorum' : 'start', signal: false, established: false };
  if (!liveManifestApplied) return { step: 'applyLiveManifest', signal: false, established: false };
  if (!quorum) return { step: 'awaitQuorum', signal: false, established: false };
  if (keepers === 'none' || replica === 'caughtUp') return { step: 'serve', signal: true, established: true };
  const entered = volume !== 'established' && (replica === 'writable' || replica === 'fetching');
  return { step: 'catchUp', signal: entered, established: false };
}
