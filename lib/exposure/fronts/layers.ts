import { accelerators } from './accelerators';
import { apis } from './apis';
import { distributions } from './distributions';
import type { Scene } from './fronts';
import { functionUrls } from './functions';
import { kubernetesPlaces } from './kubernetes';
import { loadBalancers } from './load-balancers';
import { peering } from './peering';
import { privateLink } from './private-link';
import { programs } from './programs';
import type { Judged } from '../judge';
import type { Way } from '../paths/ways';
import type { Unit } from '../workloads/units';

/** A part of the analysis that adds ways to the network's own. */
export interface Layer {
  readonly name: string;
  /** Adds what is known of the whole deployment at once, and gives back what it has to say of a workload when it is asked. */
  readonly add: (scene: Scene) => Contribution | void;
}

/** What a layer says when it is asked. */
export interface Contribution {
  /** further ways to a unit, beside those to its ports. */
  readonly waysTo?: (unit: Unit) => readonly Way[];
  /** workloads that are not on the network of the templates. */
  readonly places?: () => readonly Judged[];
}

/** The layers in their order: what comes to load balancers by PrivateLink is found before them. */
export const LAYERS: readonly Layer[] = [
  { name: 'private link', add: privateLink },
  { name: 'APIs', add: apis },
  { name: 'distributions', add: distributions },
  { name: 'accelerators', add: accelerators },
  { name: 'load balancers', add: loadBalancers },
  { name: 'functions', add: functionUrls },
  { name: 'programs', add: programs },
  { name: 'peering', add: peering },
  { name: 'kubernetes', add: ({ templates }) => ({ places: () => kubernetesPlaces(templates) }) },
];
