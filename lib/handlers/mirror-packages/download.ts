import { kind } from '../failure';
import { MirrorFailure } from './failure';
import type { Answer, World } from './world';

/** Where and until when something is fetched. */
export interface Fetching {
  readonly world: Pick<World, 'upstream' | 'now' | 'sleep'>;
  readonly repository: URL;
  /** nothing is read after it. */
  readonly deadline: number;
}

/** How much may come. */
export interface Expected {
  /** bytes, when they are known. */
  readonly size?: number;
  readonly limit: number;
}

// one request and five more, the last 31 s after the first.
const ATTEMPTS = 6;
const FIRST_PAUSE = 1_000;
const MOST_REDIRECTS = 3;

/** A small file; undefined: there is none. */
export async function fetchFile(path: string, expected: Expected, fetching: Fetching): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  const there = await fetchInto(path, expected, fetching, (chunk) => {
    chunks.push(chunk);
    return Promise.resolve();
  });
  return there ? Buffer.concat(chunks) : undefined;
}

/**
 * Reads a file of the repository from its beginning to its end, once, whatever happens to the connection: what is missing is asked for with a
 * range. What comes is as good as whoever sends it, and has to be compared with a digest.
 *
 * Answers whether there is such a file. An error of the sink ends it.
 */
export async function fetchInto(path: string, { size, limit }: Expected, fetching: Fetching, sink: (chunk: Uint8Array) => Promise<void>): Promise<boolean> {
  const { world, repository } = fetching;
  const url = new URL(path, repository);
  let received = 0;
  let total = size;
  let failures = 0;
  for (;;) {
    const before = received;
    let trouble = '';
    const answer = await follow(url, received, fetching).catch((error: unknown) => {
      trouble = lost(error);
    });
    if (answer !== undefined) {
      try {
        const { status } = answer;
        if (ABSENT.includes(status) && received === 0) return false;
        if (status === (received === 0 ? 200 : 206)) {
          const length = lengthOf(answer, received);
          total ??= length;
          if (length !== undefined && length !== total) throw new MirrorFailure('DigestDiffers', `${path} has ${length} bytes, expected ${total}`);
          if ((total ?? 0) > limit) throw new MirrorFailure('TooLarge', `${path} has ${total ?? 0} bytes, at most ${limit} are taken`);
          const body = answer.body[Symbol.asyncIterator]();
          for (;;) {
            check(fetching, path);
            const next = await body.next().catch((error: unknown) => {
              trouble = lost(error);
            });
            if (next === undefined || next.done === true) break;
            received += next.value.length;
            if (total !== undefined && received > total) throw new MirrorFailure('DigestDiffers', `${path} has more than ${total} bytes`);
            if (received > limit) throw new MirrorFailure('TooLarge', `${path} has more than ${limit} bytes`);
            await sink(next.value);
          }
          if (trouble === '' && (total === undefined || received === total)) return true;
          if (trouble === '') trouble = `it ended after ${received} of ${total ?? 0} bytes`;
        } else {
          trouble = status === 206 || status === 200 ? 'it cannot be read from the middle on' : `HTTP ${status}`;
        }
      } finally {
        answer.cancel();
      }
    }
    failures = received > before ? 1 : failures + 1;
    if (failures >= ATTEMPTS) throw new MirrorFailure('UpstreamDown', `${url.href} could not be fetched, tried ${ATTEMPTS} times: ${trouble}; what was mirrored stays, deploy again`);
    await world.sleep(FIRST_PAUSE * 2 ** (failures - 1));
  }
}

// storage behind the repository may hide by 403 what it does not have.
const ABSENT: readonly number[] = [403, 404, 410];

/** Only to the same host by HTTPS: what a repository names has to be in it. */
async function follow(url: URL, from: number, fetching: Fetching): Promise<Answer> {
  const { world, repository } = fetching;
  let at = url;
  for (let redirects = 0; ; redirects += 1) {
    check(fetching, url.pathname);
    // a compressed body would be other bytes than those that have a digest.
    const answer = await world.upstream.get(at, { 'accept-encoding': 'identity', ...(from > 0 ? { range: `bytes=${from}-` } : {}) });
    if (answer.status < 300 || answer.status > 399) return answer;
    answer.cancel();
    const location = one(answer, 'location') ?? '';
    if (!URL.canParse(location, at.href)) throw new MirrorFailure('Redirected', `${at.href} redirects to nowhere`);
    const next = new URL(location, at.href);
    if (next.protocol !== 'https:' || next.host !== repository.host || next.username !== '') throw new MirrorFailure('Redirected', `${at.href} redirects to ${next.origin}, which is not ${repository.origin}; nothing was fetched from there`);
    if (redirects === MOST_REDIRECTS) throw new MirrorFailure('Redirected', `${url.href} redirects without end`);
    at = next;
  }
}

/** How long the whole file is. undefined: nobody says. */
function lengthOf(answer: Answer, from: number): number | undefined {
  if (from === 0) return numberOf(one(answer, 'content-length'));
  const [, start, total] = /^bytes ([0-9]{1,15})-[0-9]{1,15}\/([0-9]{1,15}|\*)$/.exec(one(answer, 'content-range') ?? '') ?? [];
  if (Number(start) !== from) throw new MirrorFailure('UpstreamDown', `asked for what comes after ${from} bytes, got ${JSON.stringify(one(answer, 'content-range')?.slice(0, 100))}`);
  return numberOf(total);
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}

function one({ headers }: Answer, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}

function lost(error: unknown): string {
  if (error instanceof MirrorFailure) throw error;
  return kind(error);
}

export function check({ world, deadline }: Fetching, path: string): void {
  if (world.now() >= deadline) throw new MirrorFailure('OutOfTime', `the time was over while ${path} was read; what was mirrored stays, the next run goes on`);
}
