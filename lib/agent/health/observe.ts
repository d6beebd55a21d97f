import type { KeeperObservation, ReplicaState, ServerObservation, VolumeHistory } from '../boot-steps';
import type { AskKeeper, Ensemble, KeeperListener, KeeperTrust } from './keeper';
import { fourLetterWord, keeperObservation, quorumReported } from './keeper';
import { hasSession, readReplica, replicaState } from './replica';
import type { Login, Query, ServerListener, Stranger } from './server';
import { isListening, queryAs, reasonOf } from './server';

/** What was seen, and for the log what could not be: one line each, without any secret. */
export interface Look<T> {
  readonly observation: T;
  readonly trouble: readonly string[];
}

/** What was seen of a server. */
export interface ServerLook extends Look<ServerObservation> {
  /** whom it let in who must not be. It is to be stopped at once, whatever else was seen. */
  readonly open?: Stranger;
}

/** What a server's observation needs that cannot be seen from outside. */
export interface ServerFacts {
  readonly volume: VolumeHistory;
  readonly liveManifestApplied: boolean;
  /** every Keeper of the cluster; none for a server that replicates nothing. */
  readonly keepers: readonly KeeperListener[];
  /** whether strangers are tried too, see {@link isListening}; they are when absent. Without, {@link ServerLook.open} is never there. */
  readonly thorough?: boolean;
}

/** How the node's own server is asked. */
export interface ServerAccess {
  readonly listener: ServerListener;
  readonly maintenance: Required<Login>;
}

/** Looks at a Keeper. */
export async function observeKeeper(ensemble: Ensemble, trust: KeeperTrust, volume: VolumeHistory, ask: AskKeeper = fourLetterWord): Promise<Look<KeeperObservation>> {
  const { answer, trouble } = await keeperObservation(ensemble, trust, ask);
  return { observation: { role: 'keeper', volume, ...answer }, trouble };
}

/**
 * Looks at a server.
 *
 * Whether there are Keepers is asked of the server, whose session is what counts, and of the Keepers themselves as long as it does not run: an empty
 * server is not started before there is a quorum. What could not be found out is never taken for good news.
 */
export async function observeServer({ listener, maintenance }: ServerAccess, facts: ServerFacts, trust: KeeperTrust, ask: AskKeeper = fourLetterWord): Promise<ServerLook> {
  const { volume, liveManifestApplied, keepers, thorough } = facts;
  const state = await isListening(listener, maintenance, { thorough });
  const listening = state.kind === 'answers';
  const seen = listening ? await replication(queryAs(listener, maintenance), facts) : await quorum(keepers, trust, ask);
  return {
    observation: { role: 'server', volume, listening, liveManifestApplied, keepers: seen.keepers, replica: seen.replica },
    trouble: [...(listening ? [] : [`the server is ${state.kind}: ${state.kind === 'open' ? state.who : state.reason}`]), ...seen.trouble],
    ...(state.kind === 'open' ? { open: state.who } : {}),
  };
}

interface Replication {
  readonly keepers: ServerObservation['keepers'];
  readonly replica: ReplicaState;
  readonly trouble: readonly string[];
}

// a single node has no replicated table at all.
const ALONE: Replication = { keepers: 'none', replica: 'writable', trouble: [] };

async function quorum(keepers: readonly KeeperListener[], trust: KeeperTrust, ask: AskKeeper): Promise<Replication> {
  if (keepers.length === 0) return ALONE;
  const { answer, trouble } = await quorumReported(keepers, keepers.length, trust, ask);
  return { keepers: answer ? 'reachable' : 'unreachable', replica: 'empty', trouble };
}

async function replication(query: Query, { keepers, volume }: ServerFacts): Promise<Replication> {
  if (keepers.length === 0) return ALONE;
  try {
    if (!(await hasSession(query))) return { keepers: 'unreachable', replica: 'empty', trouble: [] };
  } catch (error) {
    return { keepers: 'unreachable', replica: 'empty', trouble: [`no session with Keeper: ${reasonOf(error)}`] };
  }
  try {
    return { keepers: 'reachable', replica: replicaState(await readReplica(query), volume), trouble: [] };
  } catch (error) {
    return { keepers: 'reachable', replica: 'empty', trouble: [`what is replicated cannot be told: ${reasonOf(error)}`] };
  }
}
