// A process of the bench: requires one module after others, and prints how long that took and what it loaded.

/** What to do, as JSON in the first argument. */
export interface LoadTask {
  /** files that are loaded before the clock starts. */
  readonly before: readonly string[];
  readonly target: string;
}

/** What happened. */
export interface LoadTime {
  readonly ms: number;
  /** the files that were loaded with the target, in their order. */
  readonly loaded: readonly string[];
}

function main({ before, target }: LoadTask): LoadTime {
  /* eslint-disable @typescript-eslint/no-require-imports -- loading is what is measured. */
  for (const file of before) require(file);
  const known = new Set(Object.keys(require.cache));
  global.gc?.();
  const start = performance.now();
  require(target);
  const ms = performance.now() - start;
  return { ms, loaded: Object.keys(require.cache).filter((file) => !known.has(file)) };
}

console.log(JSON.stringify(main(JSON.parse(process.argv[2] ?? '{}') as LoadTask)));
