import type { ConnectionOptions } from 'node:tls';
import { connect } from 'node:tls';
import type { FOUR_LETTER_WORDS } from '../../config/keeper';
import type { KeeperObservation } from '../boot-steps';
import { kindOf } from '../disk';

/** Where a Keeper is, and by what name its certificate knows it. */
export interface KeeperListener {
  readonly host: string;
  /** where to connect; what the name resolves to when absent. */
  readonly address?: string;
  readonly port: number;
}

/** What the node shows and whom it trusts, PEM. A Keeper talks to nobody who shows no certificate of the cluster. */
export interface KeeperTrust {
  readonly certificate: string;
  readonly privateKey: string;
  readonly bundle: string;
}

/** A word that the rendered document has Keepers answer. */
export type FourLetterWord = (typeof FOUR_LETTER_WORDS)[number];

/**
 * What a Keeper said about itself.
 *
 * - `role`: it has a leader, or is one.
 * - `notServing`: it runs and knows no leader, has not joined yet or recovers.
 * - `strange`: it said something else, which tells nothing.
 */
export type KeeperState = { readonly kind: 'role'; readonly role: KeeperRole } | { readonly kind: 'notServing' } | { readonly kind: 'strange' };

export type KeeperRole = 'leader' | 'follower' | 'observer' | 'standalone';

/** Asks a Keeper. Fails when it gives no answer that could be trusted. */
export type AskKeeper = (word: FourLetterWord, listener: KeeperListener, trust: KeeperTrust) => Promise<string>;

/** How long a Keeper has for a connection, a handshake and an answer together. */
const ANSWER_MILLISECONDS = 5_000;

/** `mntr` is some 2 KiB. */
const LONGEST_ANSWER = 65_536;

const ROLES: readonly string[] = ['leader', 'follower', 'observer', 'standalone'] satisfies KeeperRole[];

/**
 * Asks with so much time for everything. The answer ends when the Keeper closes the connection, which it does after one word.
 *
 * No answer is an error, since that is what a Keeper gives to a word that its list does not have.
 *
 * @see https://github.com/ClickHouse/ClickHouse/blob/master/src/Server/KeeperTCPHandler.cpp (tryExecuteFourLetterWordCmd)
 */
export function fourLetterWord(
  word: FourLetterWord, { host, address = host, port }: KeeperListener, { certificate, privateKey, bundle }: KeeperTrust, milliseconds = ANSWER_MILLISECONDS,
): Promise<string> {
  const options: ConnectionOptions = { host: address, port, servername: host, ca: bundle, cert: certificate, key: privateKey, minVersion: 'TLSv1.2', rejectUnauthorized: true };
  return new Promise((resolve, reject) => {
    const socket = connecting(options);
    if (socket === undefined) {
      reject(new Error('the installed material cannot be used'));
      return;
    }
    let answer = '';
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      socket.destroy();
      settle();
    };
    const fail = (reason: string): void => end(() => reject(new Error(`the Keeper ${host} did not answer '${word}': ${reason}`)));
    const timer = setTimeout(() => fail('ETIMEDOUT'), milliseconds);
    socket.setEncoding('utf8');
    socket.once('secureConnect', () => socket.write(word));
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.length > LONGEST_ANSWER) fail('it says too much');
    });
    socket.once('end', () => (answer === '' ? fail('it said nothing') : end(() => resolve(answer))));
    // stays: an error after the end would otherwise end the process.
    socket.on('error', (error) => fail(kindOf(error)));
  });
}

// what is wrong with a certificate or a key is thrown, with words of OpenSSL that need not be repeated.
function connecting(options: ConnectionOptions): ReturnType<typeof connect> | undefined {
  try {
    return connect(options);
  } catch {
    return undefined;
  }
}

/**
 * Reads the answer to `mntr`. A Keeper that has no leader answers with the one sentence instead of its numbers, and so do almost all words;
 * `ruok` is answered with `imok` by every Keeper that runs.
 *
 * @see https://github.com/ClickHouse/ClickHouse/blob/master/src/Coordination/FourLetterCommand.cpp (MonitorCommand::run, SERVER_NOT_ACTIVE_MSG)
 * @see https://github.com/ClickHouse/ClickHouse/blob/master/src/Coordination/KeeperDispatcher.cpp (isServerActive: initialised, has a leader, does not recover)
 */
export function parseMntr(answer: string): KeeperState {
  if (answer.trim() === 'This instance is not currently serving requests') return { kind: 'notServing' };
  // with its end of line: of an answer that was cut off no word counts.
  const roles = [...answer.matchAll(/^zk_server_state\t([a-z]+)\n/gm)].map(([, role]) => role);
  const [role] = roles;
  return roles.length === 1 && role !== undefined && ROLES.includes(role) ? { kind: 'role', role: role as KeeperRole } : { kind: 'strange' };
}

/** Whether an answer to `ruok` is that of a Keeper that runs, in a quorum or not. */
export function isImok(answer: string): boolean {
  return answer === 'imok';
}

/**
 * Whether a Keeper that says this is in a quorum.
 *
 * A leader that hears none of its followers calls itself `standalone`, as does a Keeper that is meant to be alone: only there it is a quorum. An
 * observer has no vote, and there is none in a cluster of ours.
 *
 * @param keepers how many Keepers the cluster has
 * @see https://github.com/ClickHouse/ClickHouse/blob/master/src/Coordination/KeeperServer.cpp (getPartiallyFilled4LWInfo)
 */
export function isInQuorum(state: KeeperState, keepers: number): boolean {
  if (state.kind !== 'role') return false;
  return state.role === 'leader' || (keepers === 1 ? state.role === 'standalone' : state.role === 'follower');
}

/** What can be found out about Keepers, and why the rest cannot: words for the log, none of them secret. */
export interface Asked<T> {
  readonly answer: T;
  readonly trouble: readonly string[];
}

/** A Keeper and the others of its cluster. */
export interface Ensemble {
  readonly own: KeeperListener;
  readonly others: readonly KeeperListener[];
}

/** A Keeper's view of itself and of the others, who are asked at the same time: three that do not answer take as long as one. */
export async function keeperObservation({ own, others }: Ensemble, trust: KeeperTrust, ask: AskKeeper = fourLetterWord): Promise<Asked<Pick<KeeperObservation, 'listening' | 'inQuorum' | 'peerReportsQuorum'>>> {
  const keepers = others.length + 1;
  const [health, state, peers] = await Promise.all([said('ruok', own, trust, ask), said('mntr', own, trust, ask), quorumReported(others, keepers, trust, ask)]);
  const listening = health.answer !== undefined && isImok(health.answer);
  const inQuorum = listening && state.answer !== undefined && isInQuorum(parseMntr(state.answer), keepers);
  return { answer: { listening, inQuorum, peerReportsQuorum: peers.answer }, trouble: [...health.trouble, ...state.trouble, ...peers.trouble] };
}

/** Whether one of these Keepers says that there is a quorum. Who does not answer says nothing. */
export async function quorumReported(listeners: readonly KeeperListener[], keepers: number, trust: KeeperTrust, ask: AskKeeper = fourLetterWord): Promise<Asked<boolean>> {
  const answers = await Promise.all(listeners.map((listener) => said('mntr', listener, trust, ask)));
  return {
    answer: answers.some(({ answer }) => answer !== undefined && isInQuorum(parseMntr(answer), keepers)),
    trouble: answers.flatMap(({ trouble }) => trouble),
  };
}

async function said(word: FourLetterWord, listener: KeeperListener, trust: KeeperTrust, ask: AskKeeper): Promise<Asked<string | undefined>> {
  try {
    return { answer: await ask(word, listener, trust), trouble: [] };
  } catch (error) {
    return { answer: undefined, trouble: [error instanceof Error ? error.message : 'Error'] };
  }
}
