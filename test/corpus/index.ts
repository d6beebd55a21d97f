import type { Layer } from './case';

/** The whole corpus, layer by layer. */
export const CORPUS: readonly Layer[] = [];
