import { request } from 'node:http';

/** What a machine can ask about itself. */
export interface InstanceMetadata {
  /** `i-` and 8 or 17 hexadecimal digits. */
  instanceId(): Promise<string>;
  /**
   * What Auto Scaling is moving the machine to, such as `InService` or `Terminated`; undefined when it has said nothing about it.
   *
   * @see https://docs.aws.amazon.com/autoscaling/ec2/userguide/retrieving-target-lifecycle-state-through-imds.html
   */
  targetLifecycleState(): Promise<string | undefined>;
}

export interface MetadataOptions {
  /** how long one exchange may take, from the first byte to the last. */
  readonly milliseconds?: number;
  readonly now?: () => number;
}

/** Link-local, so it is in plain text and never leaves the host. */
export const METADATA_ADDRESS = 'http://169.254.169.254';

/** Six hours, the longest there is: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html */
const TOKEN_SECONDS = 21_600;

/** A token is not used in its last moments: it must still be good when the request arrives. */
const MARGIN_MILLISECONDS = 60_000;

/** Longer than anything that is asked for here; whoever answers with more is not the metadata service. */
const LARGEST_ANSWER = 4096;

const TTL_HEADER = 'x-aws-ec2-metadata-token-ttl-seconds';
const TOKEN_HEADER = 'x-aws-ec2-metadata-token';

/** https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html: new ones have 17 digits. */
const INSTANCE_ID = /^i-[0-9a-f]{8,17}$/;
const LIFECYCLE_STATE = /^[A-Za-z]+(?::[A-Za-z]+)*$/;
const TOKEN = /^[\x21-\x7e]{1,1024}$/;

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly ttl: string | undefined;
}

/**
 * A client of the instance metadata service, version 2 only: every question carries a token.
 *
 * It reads no environment and no file, and asks no proxy: whom the machine believes about itself is decided by the address alone. (The AWS SDK fetches the
 * role's credentials by itself, and in a simulated boot finds the service by its own variable, `AWS_EC2_METADATA_SERVICE_ENDPOINT`;
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html.)
 *
 * Fails when nobody answers, or something that cannot be right: trying again is the caller's.
 */
export function instanceMetadata(address = METADATA_ADDRESS, { milliseconds = 2_000, now = Date.now }: MetadataOptions = {}): InstanceMetadata {
  let token: { readonly value: string; readonly until: number } | undefined;

  const newToken = async (): Promise<string> => {
    const { status, text, ttl } = await exchange(address, 'PUT', '/latest/api/token', { [TTL_HEADER]: String(TOKEN_SECONDS) }, milliseconds);
    if (status !== 200) throw unexpected('PUT', '/latest/api/token', status);
    if (!TOKEN.test(text)) throw new Error('the instance metadata service gave a token that cannot be one; look who answers at its address');
    const seconds = /^\d{1,5}$/.test(ttl ?? '') ? Number(ttl) : TOKEN_SECONDS;
    token = { value: text, until: now() + seconds * 1000 - MARGIN_MILLISECONDS };
    return text;
  };

  const ask = async (path: string): Promise<Answer> => {
    const cached = token !== undefined && now() < token.until ? token.value : undefined;
    const first = await exchange(address, 'GET', path, { [TOKEN_HEADER]: cached ?? (await newToken()) }, milliseconds);
    // the token is not good, or no longer: a new one, once.
    return first.status === 401 ? exchange(address, 'GET', path, { [TOKEN_HEADER]: await newToken() }, milliseconds) : first;
  };

  const value = async (path: string, form: RegExp): Promise<string | undefined> => {
    const { status, text } = await ask(path);
    if (status === 404) return undefined;
    if (status !== 200) throw unexpected('GET', path, status);
    if (!form.test(text)) throw new Error(`the instance metadata service answered ${JSON.stringify(text.slice(0, 100))} to ${path}, which must match ${form}`);
    return text;
  };

  return {
    async instanceId() {
      const id = await value('/latest/meta-data/instance-id', INSTANCE_ID);
      if (id === undefined) throw unexpected('GET', '/latest/meta-data/instance-id', 404);
      return id;
    },
    targetLifecycleState: () => value('/latest/meta-data/autoscaling/target-lifecycle-state', LIFECYCLE_STATE),
  };
}

function unexpected(method: string, path: string, status: number): Error {
  const hint = status === 403 ? '; it is turned off, or something forbids this process to ask it' : '';
  return new Error(`the instance metadata service answered ${status} to ${method} ${path}${hint}`);
}

function exchange(address: string, method: string, path: string, headers: Readonly<Record<string, string>>, milliseconds: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    // an agent of its own: the one that all share may have been told to use a proxy (https://nodejs.org/api/http.html#built-in-proxy-support).
    const asked = request(new URL(path, address), { method, headers, agent: false });
    const end = (outcome: Answer | Error): void => {
      clearTimeout(timer);
      asked.destroy();
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    };
    const failed = (why: string): void => end(new Error(`the instance metadata service at ${address} ${why} (${method} ${path})`));
    // one clock for everything: a service that sends a byte now and then must not keep us for ever.
    const timer = setTimeout(() => failed(`did not answer within ${milliseconds} ms`), milliseconds);
    asked.on('error', (error) => failed(`cannot be asked: ${error.message}`));
    asked.on('response', (response) => {
      let text = '';
      response.setEncoding('latin1');
      response.on('error', (error) => failed(`broke off: ${error.message}`));
      response.on('data', (part: string) => {
        text += part;
        if (text.length > LARGEST_ANSWER) failed(`answered with more than ${LARGEST_ANSWER} bytes`);
      });
      response.on('end', () => {
        const ttl = response.headers[TTL_HEADER];
        end({ status: response.statusCode ?? 0, text: text.trim(), ttl: typeof ttl === 'string' ? ttl : undefined });
      });
    });
    asked.end();
  });
}
