/** How much a pause varies to either side: nodes that started, or were turned away, together must not come back together for ever. */
const JITTER = 0.2;

/**
 * About that long.
 *
 * @param random from 0 up to but not 1
 */
export function jittered(milliseconds: number, random: number, jitter = JITTER): number {
  return Math.round(milliseconds * (1 - jitter + 2 * jitter * random));
}

/** The pause after so many failures before: doubled each time, up to the longest. */
export function doubled(first: number, longest: number, failuresBefore: number): number {
  return Math.min(longest, first * 2 ** failuresBefore);
}
