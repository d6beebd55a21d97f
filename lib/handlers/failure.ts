/** Something that ended without success. The message says what is wrong and what to do; it holds nothing secret. */
export class Failure<Code extends string> extends Error {
  constructor(
    readonly code: Code,
    message: string,
  ) {
    super(message);
    // what Lambda reports as the type of the error.
    this.name = code;
  }
}

// each service has its own name for 'later'.
const TRANSIENT = /^(?:Throttling(?:Exception)?|ThrottledException|TooManyRequestsException|RequestLimitExceeded|SlowDown|ServiceUnavailable(?:Exception)?|InternalServiceError|InternalServerError|InternalFailure|InternalError|RequestTimeout(?:Exception)?|TimeoutError|AbortError|NetworkingError)$/;
const NETWORK = /^(?:ECONN[A-Z]+|ETIMEDOUT|EPIPE|EAI_AGAIN|ENOTFOUND|EHOSTUNREACH|ENETUNREACH)$/;

/** What errors of the SDK and of Node.js have; whatever else is thrown has none of it. */
interface Thrown {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** Whether the same call may succeed a little later. */
export function isTransient(error: unknown): boolean {
  const { name, code, $metadata } = (error ?? {}) as Thrown;
  const status = $metadata?.httpStatusCode ?? 0;
  return (typeof name === 'string' && TRANSIENT.test(name)) || (typeof code === 'string' && NETWORK.test(code)) || status === 429 || status >= 500;
}

/** The name of an error is enough to look it up, and unlike its message it repeats nothing that was sent. */
export function kind(error: unknown): string {
  const { name, code } = (error ?? {}) as Thrown;
  // errors of Node.js have few names and differ in their code.
  const said = typeof code === 'string' ? code : name;
  return typeof said === 'string' && /^[A-Za-z0-9_]{1,60}$/.test(said) ? said : 'Error';
}

/** A call that failed, by its name where a client of `naming` (lib/sdk.ts) made it; without its message, which might repeat what was sent. */
export function failedCall(error: unknown): string {
  const { call } = (error ?? {}) as { readonly call?: unknown };
  return `${typeof call === 'string' ? call : 'a call'} failed with ${kind(error)}`;
}
