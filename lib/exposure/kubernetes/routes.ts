import type { Dictionary } from '../templates/templates';
import { at, listAt, textAt } from './documents';
import { annotationsOf } from './environment';
import type { KubernetesObject } from './objects';

/** A Service that something forwards to, and which of its ports. */
export interface Backend {
  readonly service: string;
  readonly namespace: string;
  /** a number or the name of a port of the Service. */
  readonly port: unknown;
}

/** The Services that an Ingress forwards to. */
export function backendsOf({ body, namespace }: KubernetesObject): readonly Backend[] {
  const paths = listAt(body, 'spec', 'rules').flatMap((rule) => listAt(rule, 'http', 'paths'));
  const backends = [at(body, 'spec', 'defaultBackend'), at(body, 'spec', 'backend'), ...paths.map((path) => at(path, 'backend'))];
  return backends.flatMap((each) => {
    // the second is how it was written up to Kubernetes 1.21: https://kubernetes.io/docs/reference/using-api/deprecation-guide/#ingress-v122
    const service = textAt(each, 'service', 'name') || textAt(each, 'serviceName');
    const port = at(each, 'service', 'port', 'number') ?? at(each, 'service', 'port', 'name') ?? at(each, 'servicePort');
    if (service === '') return [];
    return textAt(port) === 'use-annotation' ? actionBackends(annotationsOf(body), service, namespace) : [{ service, namespace, port }];
  });
}

/** What an action in an annotation forwards to. https://kubernetes-sigs.github.io/aws-load-balancer-controller/latest/guide/ingress/annotations/#actions */
function actionBackends(annotations: Dictionary, name: string, namespace: string): readonly Backend[] {
  let action: unknown;
  try {
    action = JSON.parse(textAt(annotations, `alb.ingress.kubernetes.io/actions.${name}`)) as unknown;
  } catch {
    return [];
  }
  return listAt(action, 'forwardConfig', 'targetGroups').map((each) => ({ service: textAt(each, 'serviceName'), namespace, port: at(each, 'servicePort') }));
}

/** The Services that a route of the Gateway API, Istio, Traefik or Contour forwards to; undefined for what is no route. */
export function routedBackends({ kind, body, namespace }: KubernetesObject): readonly Backend[] | undefined {
  const spec = at(body, 'spec');
  const named = (each: unknown): Backend => ({ service: textAt(each, 'name'), namespace: textAt(each, 'namespace') || namespace, port: at(each, 'port') });
  switch (kind) {
    case 'HTTPRoute':
    case 'TCPRoute':
    case 'TLSRoute':
    case 'GRPCRoute':
      return listAt(spec, 'rules').flatMap((rule) => listAt(rule, 'backendRefs').map(named));
    case 'IngressRoute':
    case 'IngressRouteTCP':
      return listAt(spec, 'routes').flatMap((route) => listAt(route, 'services').map(named));
    case 'HTTPProxy':
      return [...listAt(spec, 'routes').flatMap((route) => listAt(route, 'services')), ...listAt(spec, 'tcpproxy', 'services')].map(named);
    case 'VirtualService':
      return ['http', 'tcp', 'tls']
        .flatMap((name) => listAt(spec, name).flatMap((each) => listAt(each, 'route')))
        .map((each) => {
          const [service = '', where = namespace] = textAt(each, 'destination', 'host').split('.', 2);
          return { service, namespace: where, port: at(each, 'destination', 'port', 'number') };
        });
    default:
      return undefined;
  }
}

/** What ingress-nginx forwards without an Ingress, such as `9000: "analytics/clickhouse:9000"`. https://kubernetes.github.io/ingress-nginx/user-guide/exposing-tcp-udp-services/ */
export function streamBackends(values: Dictionary): readonly Backend[] {
  const tcp = at(values, 'tcp');
  return Object.values(typeof tcp === 'object' && tcp !== null ? tcp : {}).flatMap((each: unknown) => {
    const [, namespace, service, port] = /^([^/:]{1,63})\/([^/:]{1,63}):([^:]{1,63})/.exec(textAt(each)) ?? [];
    return namespace === undefined || service === undefined ? [] : [{ service, namespace, port }];
  });
}
