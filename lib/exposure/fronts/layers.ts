import { accelerators } from './accelerators';
import { apis } from './apis';
import { distributions } from './distributions';
import type { Scene } from './fronts';
import { functionUrls } from './functions';
import { loadBalancers } from './load-balancers';
import { privateLink } from './private-link';

/** A part of the analysis that adds ways to the network's own. */
export interface Layer {
  readonly name: string;
  readonly add: (scene: Scene) => void;
}

/** The layers in their order: what comes to load balancers by PrivateLink is found before them. */
export const LAYERS: readonly Layer[] = [
  { name: 'private link', add: privateLink },
  { name: 'APIs', add: apis },
  { name: 'distributions', add: distributions },
  { name: 'accelerators', add: accelerators },
  { name: 'load balancers', add: loadBalancers },
  { name: 'functions', add: functionUrls },
  // these look at what the others have found, when a workload asks.
  { name: 'programs', add: () => undefined },
  { name: 'peering', add: () => undefined },
  { name: 'kubernetes', add: () => undefined },
];
