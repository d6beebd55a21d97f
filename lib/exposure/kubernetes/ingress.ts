import type { Dictionary } from '../templates/templates';
import { at, dictionaryAt, listAt, textAt } from './documents';
import type { Environment, IngressClass } from './environment';
import type { KubernetesDoor } from './kubernetes';
import type { Limits, Openness } from './load-balancer';
import { limits, limitsOf, opennessOf, schemeInWords } from './load-balancer';
import { shown, told } from './marks';
import type { Origin } from './objects';
import { limited, weakened } from './services';

/** An Ingress that leads to ClickHouse. */
export interface ExposedIngress {
  readonly origin: Origin;
  /** such as `Ingress analytics/web`. */
  readonly words: string;
  readonly annotations: Dictionary;
  /** of the Service that it leads to: some count before the Ingress's own. */
  readonly serviceAnnotations: Dictionary;
  readonly className: unknown;
  /** the change that closes it, in words. */
  readonly close: string;
  readonly unsure?: string;
}

const PREFIX = 'alb.ingress.kubernetes.io/';
const CONTROLLERS = new Set(['ingress.k8s.aws/alb', 'eks.amazonaws.com/alb']);

/** The ways into the cluster that an Ingress is: through the load balancer of its own, or through the controller that takes it. */
export function ingressDoors(ingress: ExposedIngress, environment: Environment): readonly KubernetesDoor[] {
  const chosen = classOf(ingress, environment);
  if (chosen.reason !== undefined) return [door(ingress, { open: 'maybe', missing: chosen.reason }, '')];
  if (chosen.isAlb) return albDoors(ingress, chosen.params, environment);
  return proxyDoors(ingress, chosen.name, environment);
}

interface Chosen {
  readonly name: string;
  readonly isAlb: boolean;
  readonly params: Dictionary;
  readonly reason?: string;
}

/** Who takes an Ingress. https://kubernetes.io/docs/concepts/services-networking/ingress/#ingress-class */
function classOf({ className, annotations }: ExposedIngress, { controller, ingressClasses, defaultClass }: Environment): Chosen {
  const written = told(className) ?? told(annotations['kubernetes.io/ingress.class']);
  const nobody = { name: '', isAlb: false, params: {} };
  if (written?.known === false) return { ...nobody, reason: `which controller takes it: ${written.reason}` };
  const name = written === undefined ? (defaultClass ?? '') : String(written.value);
  const found: IngressClass | undefined = ingressClasses.get(name);
  if (found !== undefined) return { name, isAlb: CONTROLLERS.has(found.controller), params: found.params };
  if (name === (controller?.ingressClass ?? 'alb')) return { name, isAlb: true, params: controller?.classParams ?? {} };
  if (name !== '') return { ...nobody, name };
  // who annotates it for this controller counts on its being the default.
  if (Object.keys(annotations).some((key) => key.startsWith(PREFIX))) return { name, isAlb: true, params: controller?.classParams ?? {} };
  return { ...nobody, reason: 'which controller takes an Ingress without a class' };
}

/** @see https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/ */
function albDoors(ingress: ExposedIngress, params: Dictionary, environment: Environment): readonly KubernetesDoor[] {
  const openness = albOpenness(ingress, params, environment);
  const made = door(ingress, openness, { yes: ' through an internet-facing load balancer', no: ' through an internal load balancer', maybe: ' through a load balancer' }[openness.open], `set the annotation ${PREFIX}scheme of ${ingress.words} to internal, or ${ingress.close}`);
  const login = loginOf(ingress, params);
  return limited(login === undefined ? made : { ...made, login }, albLimits(ingress, params));
}

/** The scheme: of the class, which counts before the annotation, of the Ingress, or of another one in its group, with which it shares the load balancer. */
function albOpenness({ annotations }: ExposedIngress, params: Dictionary, { controller, ingressGroups }: Environment): Openness {
  const scheme = told(at(params, 'scheme')) ?? told(annotations[`${PREFIX}scheme`]);
  if (scheme !== undefined) return schemeInWords(scheme.known ? String(scheme.value) : undefined, scheme.known ? '' : scheme.reason);
  const group = textAt(annotations, `${PREFIX}group.name`) || textAt(params, 'group', 'name');
  const other = group === '' ? undefined : told(ingressGroups.get(group));
  if (other !== undefined) return schemeInWords(other.known ? String(other.value) : undefined, other.known ? '' : other.reason);
  if (group !== '') return { open: 'maybe', missing: `the scheme that another Ingress may give to the load balancer of group ${shown(group)}` };
  const fallback = told(controller?.scheme ?? 'internal');
  return schemeInWords(fallback?.known === true ? String(fallback.value) : undefined, fallback?.known === false ? fallback.reason : '');
}

function albLimits({ annotations }: ExposedIngress, params: Dictionary): Limits {
  const ofClass = listAt(params, 'inboundCIDRs');
  return limits(ofClass.length > 0 ? ofClass : at(annotations, `${PREFIX}inbound-cidrs`), textAt(annotations, `${PREFIX}security-groups`), textAt(annotations, `${PREFIX}security-group-prefix-lists`));
}

/** The login that the load balancer demands. It does so at HTTPS listeners only: an HTTP listener that does not redirect lets everybody pass. */
function loginOf({ annotations, serviceAnnotations }: ExposedIngress, params: Dictionary): string | undefined {
  const setting = (name: string): string | undefined => {
    const value = told(serviceAnnotations[PREFIX + name]) ?? told(annotations[PREFIX + name]);
    return value === undefined ? undefined : value.known ? String(value.value) : 'unknown';
  };
  const ports = setting('listen-ports');
  const hasCertificate = setting('certificate-arn') !== undefined || listAt(params, 'certificateArn').length > 0;
  const isSecure = ports === undefined ? hasCertificate : /"HTTPS"/.test(ports) && !/"HTTP"/.test(ports);
  if (!isSecure && setting('ssl-redirect') === undefined) return undefined;
  if (setting('jwt-validation') !== undefined) return 'a token that the load balancer checks';
  const type = setting('auth-type') ?? '';
  const otherwise = setting('auth-on-unauthenticated-request') ?? 'authenticate';
  if (!['cognito', 'oidc'].includes(type) || !['authenticate', 'deny'].includes(otherwise)) return undefined;
  return `a login by ${type === 'oidc' ? 'OpenID Connect' : 'Cognito'}`;
}

/** Through the Service of a controller that forwards: when it is among the templates, that Service decides. */
function proxyDoors(ingress: ExposedIngress, name: string, environment: Environment): readonly KubernetesDoor[] {
  const visible = environment.nginx.filter(({ values }) => (textAt(values, 'controller', 'ingressClassResource', 'name') || 'nginx') === name);
  const through = ` through the controller of class ${shown(name)}`;
  const [first, ...others] = visible;
  if (first === undefined || others.length > 0) return [door(ingress, { open: 'maybe', missing: `whether the controller of Ingress class ${shown(name)} is reachable from the internet` }, through)];
  const service = dictionaryAt(first.values, 'controller', 'service');
  const openness = proxyOpenness(service, environment);
  const made = weakened(door(ingress, openness, through), first.doubt ?? (first.unread === undefined ? undefined : `what the values of ${shown(first.release)} say: ${first.unread}`));
  const login = ['auth-url', 'auth-type'].some((name) => told(ingress.annotations[`nginx.ingress.kubernetes.io/${name}`]) !== undefined);
  return limited(login ? { ...made, login: 'a login that nginx demands' } : made, limitsOf({ annotations: dictionaryAt(service, 'annotations'), spec: service }));
}

// https://github.com/kubernetes/ingress-nginx/blob/main/charts/ingress-nginx/values.yaml
function proxyOpenness(service: Dictionary, environment: Environment): Openness {
  const type = told(service.type) ?? { known: true, value: 'LoadBalancer' };
  if (!type.known) return { open: 'maybe', missing: `the type of the controller's Service: ${type.reason}` };
  if (type.value !== 'LoadBalancer') return { open: 'maybe', missing: `what leads to the controller's ${shown(String(type.value))} Service` };
  return opennessOf({ annotations: dictionaryAt(service, 'annotations'), spec: service }, environment);
}

function door({ origin, words, close, unsure }: ExposedIngress, { open, missing }: Openness, through: string, fix = close): KubernetesDoor {
  const made: KubernetesDoor = { resource: origin.resource, location: origin.location, detail: `${words} leads to it${through}`, open, missing, fix };
  return weakened(made, unsure ?? origin.doubt);
}
