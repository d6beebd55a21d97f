import type { LookupFunction } from 'node:net';
import { request } from 'node:https';
import { checkServerIdentity } from 'node:tls';
import { kind } from '../failure';
import type { LogIn } from './driver';
import type { Login } from './steps';

/** Where servers listen, and how long one login may take from the name look-up to the last byte. */
export interface NodeOptions {
  readonly port: number;
  readonly limit: number;
  /** how names are looked up; tests have their own. */
  readonly lookup?: LookupFunction;
}

export const NODE_OPTIONS: NodeOptions = { port: 8443, limit: 10_000 };

/** Longer than any answer that means something here. */
const LARGEST_ANSWER = 4096;

// what ClickHouse answers when user, password or address is wrong; it does not say which.
const AUTHENTICATION_FAILED = '516';

/**
 * Logs in to ClickHouse over HTTPS by asking for the name of the user.
 *
 * Only the cluster's own authority is trusted, and only for the name that was asked for. Nothing is followed, nothing is reused, no proxy
 * stands between, and plaintext is never tried.
 */
export function httpsLogIn({ port, limit, lookup }: NodeOptions = NODE_OPTIONS): LogIn {
  return ({ server, authority, user, password }) =>
    new Promise((resolve) => {
      // an empty list would mean the authorities that Node.js trusts by itself.
      if (authority.length === 0) return resolve({ trouble: 'no certificate authority' });
      const settle = (login: Login): void => {
        clearTimeout(clock);
        resolve(login);
        sent.destroy();
      };
      const trouble = (words: string): void => settle({ trouble: words });
      const sent = request({
        host: server,
        servername: server,
        port,
        lookup,
        method: 'POST',
        path: '/',
        headers: { 'X-ClickHouse-User': user, 'X-ClickHouse-Key': password, 'Content-Type': 'text/plain' },
        agent: false,
        ca: [...authority],
        rejectUnauthorized: true,
        checkServerIdentity,
        minVersion: 'TLSv1.2',
      });
      // one clock for everything: an idle timeout would start anew with every byte of a slow answer.
      const clock = setTimeout(() => trouble(`no answer within ${limit} ms`), limit);
      let answered = false;
      sent.on('error', (error) => trouble(kind(error)));
      // not every end is an error: a server that changes the protocol is dropped without one.
      sent.on('close', () => answered || trouble('the connection was closed'));
      sent.on('response', (response) => {
        answered = true;
        let body = '';
        response.setEncoding('utf8');
        response.on('error', (error) => trouble(kind(error)));
        response.on('close', () => trouble('the answer broke off'));
        response.on('data', (part: string) => {
          body += part;
          if (body.length > LARGEST_ANSWER) trouble(`an answer of more than ${LARGEST_ANSWER} characters`);
        });
        response.on('end', () => settle(meaning(response.statusCode ?? 0, response.headers['x-clickhouse-exception-code'], body, user)));
      });
      sent.end('SELECT currentUser()');
    });
}

/** What an answer means. Only the two that ClickHouse gives count: anything else, whoever gave it, is neither yes nor no. */
export function meaning(status: number, exception: string | string[] | undefined, body: string, user: string): Login {
  if (status === 200 && body === `${user}\n`) return 'accepted';
  if (status === 403 && (exception === AUTHENTICATION_FAILED || body.includes(`Code: ${AUTHENTICATION_FAILED}.`))) return 'refused';
  return { trouble: status === 200 ? 'an answer that is not the name of the user' : `HTTP ${status}` };
}
