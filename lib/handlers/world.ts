/** What is loaded with the first request and kept for the next; what failed is loaded anew. A deletion, which asks nothing of anybody, loads nothing. */
export function loadedOnce<World>(load: () => Promise<World>): () => Promise<World> {
  let loaded: Promise<World> | undefined;
  return () =>
    (loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    }));
}

/** Until when anything may be begun, in milliseconds since the epoch: a function that is cut off says nothing, so some of its time is kept for the answer. */
export function deadlineOf(context: { getRemainingTimeInMillis(): number }, keptForTheAnswer: number): number {
  const remaining = context.getRemainingTimeInMillis();
  return Date.now() + remaining - Math.min(keptForTheAnswer, remaining / 3);
}
