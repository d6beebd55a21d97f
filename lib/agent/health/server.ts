import { randomBytes } from 'node:crypto';
import type { RequestOptions } from 'node:https';
import { request } from 'node:https';
import { kindOf } from '../disk';

/** Where the node's own server listens and by what name its certificate knows it. */
export interface ServerListener {
  /** 127.0.0.1: the maintenance account may come from nowhere else. */
  readonly address: string;
  readonly port: number;
  readonly host: string;
  /** the authorities it is verified with, PEM. No certificate is shown: the account has a password. */
  readonly bundle: string;
}

export interface Login {
  readonly user: string;
  /** absent: none is sent. */
  readonly password?: string;
}

/** How much may be answered, and in what time from the connection to the last byte. */
export interface Bounds {
  readonly milliseconds?: number;
  readonly bytes?: number;
}

/** How a server is looked at. */
export interface Thoroughness extends Bounds {
  /**
   * Whether strangers are tried too; they are when absent. Each of them is a failed login that the server writes down: with three at every look, nobody
   * would find in there who really guesses passwords. https://clickhouse.com/docs/operations/system-tables/session_log
   */
  readonly thorough?: boolean;
}

/** What a server answered. */
export interface Answer {
  readonly status: number;
  /** the number of ClickHouse's exception, 0 without one. https://github.com/ClickHouse/ClickHouse/blob/master/src/Common/ErrorCodes.cpp */
  readonly code: number;
  readonly body: string;
}

/** A value of a row; an integer of 64 bits may come as a text. */
export type Value = string | number | null;
export type Rows = readonly (readonly Value[])[];

/** Runs one statement as the maintenance account. What has no rows gives none. */
export type Query = (sql: string, bounds?: Bounds) => Promise<Rows>;

/** Nobody answered, or nobody who could be trusted: nothing was said to them, no password above all. */
export class NoServer extends Error {
  constructor(readonly kind: 'unreachable' | 'untrusted' | 'strange', readonly reason: string) {
    super(`the server is ${kind}: ${reason}`);
    this.name = 'NoServer';
  }
}

/** The server answered with an exception. Its number and its name are told and not its text, which repeats statements and addresses. */
export class Refused extends Error {
  constructor(readonly code: number, readonly reason: string) {
    super(`the server refused: ${reason}`);
    this.name = 'Refused';
  }
}

/** Why a query came to nothing, in words that repeat nothing of anybody's. */
export function reasonOf(error: unknown): string {
  return error instanceof Refused || error instanceof NoServer ? error.message : kindOf(error);
}

/** Who must not be let in. */
export type Stranger = 'nobody' | 'default' | 'wrong password';

/**
 * How the node's own server is.
 *
 * - `answers`: it answers the maintenance account, and refuses whoever has no right to log in, if those were tried.
 * - `open`: it let somebody in. It must be stopped at once: whatever it holds is anybody's.
 * - `refuses`: it does not answer the maintenance account, and lets in nobody else, if others were tried.
 * - `untrusted`: somebody listens who is not this node. Nothing was said to them.
 * - `unreachable`: nobody answers.
 * - `strange`: what it says is not what ClickHouse says, so nothing is proven.
 */
export type Listening =
  | { readonly kind: 'answers' }
  | { readonly kind: 'open'; readonly who: Stranger }
  | { readonly kind: 'refuses' | 'untrusted' | 'unreachable' | 'strange'; readonly reason: string };

const ANSWER_MILLISECONDS = 5_000;
const LONGEST_ANSWER = 1_048_576;

/**
 * What ClickHouse answers to who may not log in: AUTHENTICATION_FAILED, and REQUIRED_PASSWORD to whoever gave none, which it answers with a
 * challenge. https://github.com/ClickHouse/ClickHouse/blob/master/src/Server/HTTPHandler.cpp
 */
const NOT_LET_IN: readonly number[] = [194, 516];

/** ACCESS_DENIED has the status of a failed login, and is what somebody is told who is logged in and may not do that. */
const LET_IN_AND_DENIED = 497;

/** One request over TLS, verified by the node's name, its answer read to the end. A redirection is an answer like any other and is not followed. */
export function ask({ address, port, host, bundle }: ServerListener, login: Login | undefined, sql: string, { milliseconds = ANSWER_MILLISECONDS, bytes = LONGEST_ANSWER }: Bounds = {}): Promise<Answer> {
  const options: RequestOptions = {
    host: address,
    port,
    servername: host,
    ca: bundle,
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    agent: false,
    method: 'POST',
    // the answer is held back until the statement has ended, so that its status says how it ended. No secret is ever in an address.
    path: '/?wait_end_of_query=1',
    headers: { Host: host, 'Content-Length': Buffer.byteLength(sql), 'X-ClickHouse-Format': 'JSONCompact', ...loginHeaders(login) },
  };
  return new Promise((resolve, reject) => {
    let reached = false;
    let trusted = false;
    const sent = request(options);
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      settle();
    };
    const fail = (reason: string): void => end(() => {
      sent.destroy();
      reject(new NoServer(trusted ? 'strange' : reached ? 'untrusted' : 'unreachable', reason));
    });
    const timer = setTimeout(() => fail('ETIMEDOUT'), milliseconds);
    sent.once('socket', (socket) => {
      socket.once('connect', () => (reached = true));
      socket.once('secureConnect', () => (trusted = true));
    });
    sent.once('response', (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on('data', (chunk: Buffer) => {
        length += chunk.length;
        chunks.push(chunk);
        if (length > bytes) fail('it says too much');
      });
      response.on('error', (error) => fail(kindOf(error)));
      response.once('end', () => end(() => {
        const { statusCode: status = 0, headers } = response;
        const body = Buffer.concat(chunks).toString('utf8');
        resolve({ status, body, code: codeOf(headers['x-clickhouse-exception-code'], status, body) });
      }));
    });
    // stays: an error after the end would otherwise end the process.
    sent.on('error', (error) => fail(kindOf(error)));
    sent.end(sql);
  });
}

function loginHeaders(login: Login | undefined): Record<string, string> {
  if (login === undefined) return {};
  return { 'X-ClickHouse-User': login.user, ...(login.password === undefined ? {} : { 'X-ClickHouse-Key': login.password }) };
}

function codeOf(header: string | string[] | undefined, status: number, body: string): number {
  const code = typeof header === 'string' ? header : status === 200 ? '0' : /^Code: (\d{1,5})\. /.exec(body)?.[1];
  return code !== undefined && /^\d{1,5}$/.test(code) ? Number(code) : 0;
}

/** Statements as this account. */
export function queryAs(listener: ServerListener, login: Required<Login>): Query {
  return async (sql, bounds) => {
    const answer = await ask(listener, login, sql, bounds);
    if (answer.code !== 0) throw new Refused(answer.code, exceptionOf(answer));
    if (answer.status !== 200) throw new NoServer('strange', `status ${answer.status}`);
    return rowsIn(answer.body);
  };
}

/** The number and the name of an exception, such as `225 NO_ZOOKEEPER`. */
function exceptionOf({ code, body }: Answer): string {
  // the name stands at the end, before the version.
  const name = [...body.matchAll(/\(([A-Z][A-Z0-9_]{1,60})\)/g)].at(-1)?.[1];
  return name === undefined ? String(code) : `${code} ${name}`;
}

function rowsIn(body: string): Rows {
  if (body === '') return [];
  let data: unknown;
  try {
    ({ data } = JSON.parse(body) as { data?: unknown });
  } catch {
    throw new NoServer('strange', 'its answer is not JSON');
  }
  if (!Array.isArray(data) || !data.every((row) => Array.isArray(row) && row.every(isValue))) throw new NoServer('strange', 'its answer has no rows');
  return data;
}

function isValue(value: unknown): value is Value {
  return value === null || typeof value === 'string' || typeof value === 'number';
}

/**
 * Whether the server answers the maintenance account and nobody else. Strangers are tried whatever becomes of the account: a server that knows
 * no maintenance account any more, and lets `default` in, is what this is for. A look that is not thorough asks as the account alone, and says nothing
 * about who else gets in.
 */
export async function isListening(listener: ServerListener, maintenance: Required<Login>, { thorough = true, ...bounds }: Thoroughness = {}): Promise<Listening> {
  const strangers: readonly [Stranger, Login | undefined][] = thorough ? [
    ['nobody', undefined],
    ['default', { user: 'default' }],
    ['wrong password', { user: maintenance.user, password: randomBytes(24).toString('hex') }],
  ] : [];
  const [own, ...others] = await Promise.all([maintenance, ...strangers.map(([, login]) => login)].map((login) => outcome(listener, login, bounds)));
  const tried = strangers.map(([who], index) => ({ who, came: others[index] }));
  const open = tried.find(({ came }) => isAnswer(came) && letIn(came));
  if (open !== undefined) return { kind: 'open', who: open.who };
  const none = [own, ...others].find((each) => each instanceof NoServer);
  if (none instanceof NoServer) return { kind: none.kind, reason: none.reason };
  const unproven = tried.find(({ came }) => !isAnswer(came) || !notLetIn(came));
  if (unproven !== undefined) return { kind: 'strange', reason: `'${unproven.who}' was neither let in nor refused: ${wordsOf(unproven.came)}` };
  if (!isAnswer(own) || own.code !== 0 || own.status !== 200) return { kind: 'refuses', reason: wordsOf(own) };
  return isOne(own.body) ? { kind: 'answers' } : { kind: 'strange', reason: 'SELECT 1 is not 1' };
}

type Outcome = Answer | NoServer | undefined;

function isAnswer(came: Outcome): came is Answer {
  return came !== undefined && !(came instanceof NoServer);
}

async function outcome(listener: ServerListener, login: Login | undefined, bounds?: Bounds): Promise<Outcome> {
  try {
    return await ask(listener, login, 'SELECT 1', bounds);
  } catch (error) {
    return error instanceof NoServer ? error : new NoServer('unreachable', kindOf(error));
  }
}

function letIn({ status, code }: Answer): boolean {
  return (status >= 200 && status < 300) || code === LET_IN_AND_DENIED;
}

function notLetIn({ status, code }: Answer): boolean {
  return (status === 401 || status === 403) && NOT_LET_IN.includes(code);
}

function wordsOf(came: Outcome): string {
  if (!isAnswer(came)) return came?.reason ?? 'no answer';
  return came.code === 0 ? `status ${came.status}` : `status ${came.status}, ${exceptionOf(came)}`;
}

function isOne(body: string): boolean {
  try {
    return JSON.stringify(rowsIn(body)) === '[[1]]';
  } catch {
    return false;
  }
}
