import { request } from 'node:https';
import type { Upstream } from './world';

/** How long nothing may arrive. What drips on for longer is ended by the deadline. */
const IDLE = 30_000;

/** A repository behind HTTPS. */
export function httpsUpstream({ ca, idle = IDLE }: { readonly ca?: string; readonly idle?: number } = {}): Upstream {
  return {
    get: (url, headers) =>
      new Promise((resolve, reject) => {
        const sent = request(url, { headers: { ...headers }, timeout: idle, ...(ca === undefined ? {} : { ca }) }, (response) => {
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: response, cancel: () => void response.destroy() });
        });
        sent.on('timeout', () => sent.destroy(Object.assign(new Error(`nothing arrived for ${idle} ms`), { code: 'ETIMEDOUT' })));
        sent.on('error', reject);
        sent.end();
      }),
  };
}
