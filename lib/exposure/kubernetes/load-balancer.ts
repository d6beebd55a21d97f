import { parseCidr } from '../../config/addresses';
import type { Dictionary } from '../templates/templates';
import { isDictionary } from '../templates/templates';
import { at, listAt, textAt } from './documents';
import type { Environment } from './environment';
import { shown, told, unknownIn } from './marks';

/** Whether something faces the internet. */
export interface Openness {
  readonly open: 'yes' | 'no' | 'maybe';
  /** for maybe: what is not known. */
  readonly missing?: string;
}

/** A Service of type LoadBalancer: its own settings, or those that a chart or an operator makes it of. */
export interface Balanced {
  readonly annotations: Dictionary;
  readonly spec: Dictionary;
}

/** Who makes the load balancer: the AWS cloud provider, or the AWS Load Balancer Controller (in EKS Auto Mode, the same as part of the service). */
type Maker = 'provider' | 'controller';

const PREFIX = 'service.beta.kubernetes.io/';
export const INTERNAL = `${PREFIX}aws-load-balancer-internal`;
export const SCHEME = `${PREFIX}aws-load-balancer-scheme`;
const TYPE = `${PREFIX}aws-load-balancer-type`;
export const ALB_SCHEME = 'alb.ingress.kubernetes.io/scheme';

/** Annotations as they are written. Those that are only known at deployment as a whole may say anything about the scheme. */
export function annotationsIn(node: unknown): Dictionary {
  if (isDictionary(node)) return node;
  return typeof node === 'string' && unknownIn(node) !== undefined ? { [INTERNAL]: node, [SCHEME]: node, [ALB_SCHEME]: node } : {};
}

/**
 * Whether a load balancer of a Service faces the internet.
 *
 * A Service that says nothing is left to the AWS cloud provider, which makes one that does, unless the controller is installed as well. Only
 * the controller reads `aws-load-balancer-scheme`: a Service that says `internal` there, and nothing that hands it to the controller, is
 * internet-facing without it (https://github.com/kubernetes-sigs/aws-load-balancer-controller/issues/3293).
 *
 * @see https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/nlb/
 * @see https://github.com/kubernetes/cloud-provider-aws/blob/master/docs/service_controller.md
 */
export function opennessOf(service: Balanced, environment: Environment): Openness {
  const { makers, reason } = makersOf(service, environment);
  const found = makers.map((maker) => (maker === 'provider' ? byProvider(service) : byController(service, environment)));
  const [first, ...others] = found;
  if (first === undefined) return { open: 'maybe', missing: reason };
  return others.every(({ open }) => open === first.open) ? first : { open: 'maybe', missing: reason ?? 'who makes the load balancer' };
}

/** Whether the change that closes it is the controller's annotation. */
export function isOfController(service: Balanced, environment: Environment): boolean {
  return makersOf(service, environment).makers.every((maker) => maker === 'controller');
}

function makersOf({ annotations, spec }: Balanced, environment: Environment): { readonly makers: readonly Maker[]; readonly reason?: string } {
  const { controller, autoMode } = environment;
  const both = (reason: string): { readonly makers: readonly Maker[]; readonly reason: string } => ({ makers: ['provider', 'controller'], reason });
  const chosen = told(spec.loadBalancerClass);
  if (chosen?.known === false) return both(`its loadBalancerClass: ${chosen.reason}`);
  const name = chosen === undefined ? '' : String(chosen.value);
  if (['service.k8s.aws/nlb', 'eks.amazonaws.com/nlb', controller?.loadBalancerClass].includes(name)) return { makers: ['controller'] };
  if (name !== '') return { makers: [], reason: `what makes load balancers of class ${shown(name)}` };
  const type = told(annotations[TYPE]);
  if (type?.known === false) return both(`its annotation aws-load-balancer-type: ${type.reason}`);
  if (type !== undefined && ['external', 'nlb-ip'].includes(String(type.value))) return { makers: ['controller'] };
  if (autoMode === true || controller?.takesAll === true) return { makers: ['controller'] };
  if (typeof autoMode === 'string') return both(`whether the cluster is in Auto Mode: ${autoMode}`);
  if (typeof controller?.takesAll === 'string') return both(`whether the AWS Load Balancer Controller makes its load balancer: ${controller.takesAll}`);
  const scheme = told(annotations[SCHEME]);
  // who writes this counts on a controller; where none is to be seen it may be there nevertheless.
  if (controller === undefined && scheme?.known === true && scheme.value === 'internal') {
    return both('whether the AWS Load Balancer Controller makes its load balancer: the AWS cloud provider does not read aws-load-balancer-scheme');
  }
  return { makers: ['provider'] };
}

function byProvider({ annotations }: Balanced): Openness {
  const internal = told(annotations[INTERNAL]);
  if (internal?.known === false) return { open: 'maybe', missing: `its annotation aws-load-balancer-internal: ${internal.reason}` };
  // anything but these is taken for true, such as the 0.0.0.0/0 of old.
  return { open: internal === undefined || ['', 'false'].includes(String(internal.value)) ? 'yes' : 'no' };
}

function byController({ annotations }: Balanced, { controller }: Environment): Openness {
  const scheme = told(annotations[SCHEME]);
  if (scheme !== undefined) return schemeInWords(scheme.known ? String(scheme.value) : undefined, scheme.known ? '' : scheme.reason);
  const internal = told(annotations[INTERNAL]);
  if (internal?.known === false) return { open: 'maybe', missing: `its annotation aws-load-balancer-internal: ${internal.reason}` };
  if (internal !== undefined) return { open: /^(?:f|false|0)$/i.test(String(internal.value)) ? 'yes' : 'no' };
  const fallback = told(controller?.scheme ?? 'internal');
  return schemeInWords(fallback?.known === true ? String(fallback.value) : undefined, fallback?.known === false ? fallback.reason : '');
}

export function schemeInWords(scheme: string | undefined, reason: string): Openness {
  if (scheme === 'internal') return { open: 'no' };
  if (scheme === 'internet-facing') return { open: 'yes' };
  return { open: 'maybe', missing: scheme === undefined ? `the scheme of its load balancer: ${reason}` : `what scheme '${shown(scheme)}' is` };
}

// more than the rules of any security group: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html#vpc-limits-security-groups
const MOST_BLOCKS = 1000;

/** Who a load balancer lets in. */
export interface Limits {
  /** CIDR blocks; undefined for everybody, unless it is unsure. */
  readonly sources?: readonly string[];
  /** who else may be let in, which nobody can tell. */
  readonly unsure?: string;
}

/** @see https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/service/annotations/#access-control */
export function limitsOf({ annotations, spec }: Balanced): Limits {
  const own = at(spec, 'loadBalancerSourceRanges');
  const isOwn = typeof own === 'string' || listAt(own).length > 0;
  const listed = isOwn ? [own].flat() : at(annotations, `${PREFIX}load-balancer-source-ranges`);
  return limits(listed, textAt(annotations, `${PREFIX}aws-load-balancer-security-groups`), textAt(annotations, `${PREFIX}aws-load-balancer-security-group-prefix-lists`));
}

/** Who is let in by blocks (a list, or a text with commas), by groups, which count instead, and by prefix lists, which count as well. */
export function limits(blocks: unknown, groups: string, prefixLists: string): Limits {
  if (groups !== '') return { unsure: `what the security groups ${shown(groups)} admit` };
  const listed = typeof blocks === 'string' ? blocks.split(',').map((each) => each.trim()) : listAt(blocks);
  const entries = listed.filter((each) => each !== '');
  if (entries.length > MOST_BLOCKS) return { unsure: `which addresses it admits: there are more than ${MOST_BLOCKS} blocks` };
  const sources: string[] = [];
  let unsure: string | undefined = prefixLists === '' ? undefined : `which addresses are in the prefix lists ${shown(prefixLists)}`;
  for (const each of entries) {
    const value = told(each);
    const text = value?.known === true ? String(value.value) : '';
    if (isCidr(text)) sources.push(text);
    else unsure ??= value?.known === false ? `which addresses it admits: ${value.reason}` : `which addresses '${shown(text)}' is`;
  }
  return entries.length === 0 ? { unsure } : { sources, unsure };
}

function isCidr(text: string): boolean {
  if (text.length > 60) return false;
  try {
    return parseCidr(text).prefix >= 0;
  } catch {
    return false;
  }
}
